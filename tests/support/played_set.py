"""A finished set that is played once more, file by file."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

EVERY_S = 2.5


class Played:
    """Copies a set file by file, in a thread."""

    def __init__(self, master: Path, directory: Path, every: float = EVERY_S, upto: int | None = None):
        directory.mkdir(parents=True)
        shutil.copyfile(master, directory / master.name)
        self.master = directory / master.name
        self._files = sorted(master.parent.glob("*_data_*.h5"))[:upto]
        self._every, self._directory = every, directory
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()

    def _run(self):
        for file in self._files:
            part = self._directory / f".{file.name}.part"
            shutil.copyfile(file, part)
            part.rename(self._directory / file.name)
            time.sleep(self._every)
