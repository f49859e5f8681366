"""`tools/slurm-lab start|stop|status DIR`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from tools.lab import lab as labs
from tools.lab.processes import LabError


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="tools/slurm-lab", description="A Slurm cluster below one directory."
    )
    parser.add_argument("command", choices=("start", "stop", "status", "run"))
    parser.add_argument("directory", type=Path)
    words = parser.parse_args()
    try:
        globals()[f"_{words.command}"](words.directory)
    except LabError as error:
        sys.stderr.write(f"slurm-lab: {error}\n")
        return 1
    return 0


def _start(directory: Path) -> None:
    began = time.monotonic()
    lab = labs.start(directory)
    print(f"ready after {time.monotonic() - began:.1f} s")  # noqa: T201
    print(f"SLURM_CONF={lab.slurm_conf}")  # noqa: T201


def _run(directory: Path) -> None:
    _start(directory)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    _stop(directory)


def _stop(directory: Path) -> None:
    labs.stop(labs.opened(directory))


def _status(directory: Path) -> None:
    lab = labs.opened(directory)
    print(lab.run(["sinfo"], check=False).stdout)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
