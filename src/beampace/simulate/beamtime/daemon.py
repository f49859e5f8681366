"""The daemon under test: started, killed and started again by the player."""

from __future__ import annotations

import os
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

OUTPUT_FILE = "daemon_output.txt"
STOP_S = 30.0
FAKETIME_LIBRARIES = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
)
NO_FAKETIME = "The clock cannot be stepped: libfaketime is missing (Debian's package libfaketime)."


def faketime_library() -> Path | None:
    """The library that lets the daemon see another time, or None when it is not installed."""
    return next((path for path in FAKETIME_LIBRARIES if path.exists()), None)


@dataclass
class Daemon:
    """A daemon as a process of its own.

    Attributes:
        argv: program and arguments.
        directory: where its output goes.
        environment: added to that of this process.
    """

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    _process: subprocess.Popen[bytes] | None = None

    @classmethod
    def from_words(cls, words: str, directory: Path) -> Daemon:
        """A daemon from its command line, split as a shell would; no shell is used.

        Raises:
            InputError: it is no command line.
        """
        try:
            argv = tuple(shlex.split(words))
        except ValueError as error:
            raise failure(Failure.BAD_REQUEST, f"--daemon {words!r} is no command line: {error}.") from error
        if not argv:
            raise failure(Failure.BAD_REQUEST, "--daemon needs a command line.")
        return cls(argv, directory, {})

    @property
    def output(self) -> Path:
        """The file with all it said."""
        return self.directory / OUTPUT_FILE

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its pid, or None."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self) -> None:
        """Start it, unless it runs.

        Raises:
            OSError: there is no such program.
        """
        if self.running:
            return
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to the daemon alone; its jobs go on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, patience_s: float = STOP_S) -> int | None:
        """Ask it to end; its exit code, or None when it had to be killed or never ran."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


def state_dir_of(argv: tuple[str, ...]) -> Path | None:
    """`state_dir` of the configuration file that a daemon's command line names, or None."""
    try:
        file = Path(argv[argv.index("--config") + 1])
        said = tomllib.loads(file.read_text(encoding="utf-8")).get("state_dir")
    except (ValueError, IndexError, OSError):  # TOMLDecodeError is a ValueError
        return None
    return file.resolve().parent / Path(said).expanduser() if isinstance(said, str) else None


SITE = """import os, select, time
if "faketime" in os.environ.pop("LD_PRELOAD", ""):
    time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
"""What the daemon's Python does first under libfaketime.

Its jobs keep the true clock. `time.sleep` waits until a moment of the monotonic clock; libfaketime 0.9.10
refuses that (EINVAL) when it leaves that clock alone.
"""


def with_clock(daemon: Daemon, library: Path, file: Path) -> Daemon:
    """The daemon with a clock that follows `file`; its monotonic clock is left alone."""
    set_clock(file, 0.0)
    site = file.with_name(f"{file.name}_site")
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE, encoding="ascii")
    found = os.environ.get("PYTHONPATH", "")
    added = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": f"{site}{os.pathsep}{found}" if found else str(site),
    }
    return Daemon(daemon.argv, daemon.directory, {**daemon.environment, **added})


def set_clock(file: Path, offset_s: float) -> None:
    """Step the clock of a daemon to so many seconds from the true time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_text(f"{offset_s:+.0f}\n", encoding="ascii")
    part.rename(file)
