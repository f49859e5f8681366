"""The process: it takes orders, carries each out in a child that has everything imported, and tells its end.

An order is one line of JSON with `directory` and one of

- `program` and `arguments`; with `pixels`, a file, a spot finder takes its strong pixels from there; with
  `blocks`, `dials.integrate` works by blocks of frames (`blocks.Plan`);
- `learn`: an experiment list whose frames are to be read our way from then on; `known` is a file that was
  left by this for other frames of the same scan, or empty;
- `adopt`: the file that was left by this in another process, for the very same frames;
- `index` and `answer`: files as in `lattices`.

Answers are lines of JSON: `ready` or `refused` once, then per order `line`s and one `end`.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from dials.util.version import dials_version

from . import blocks, shortcuts
from .frames import Served, learn
from .lattices import answer

PROGRAMS = {
    "dials.import": "dials_import",
    "dials.find_spots": "find_spots",
    "dials.index": "index",
    "dials.refine": "refine",
    "dials.integrate": "integrate",
    "dials.symmetry": "symmetry",
    "dials.scale": "scale",
    "dials.merge": "merge",
    "dials.export": "export",
    "dials.reindex": "reindex",
}
VERSION = re.compile(r"DIALS (\S+)")
LEARNED = "frames.npz"
POLL_S = 0.1

Order = dict[str, Any]
Program = Callable[[list[str]], object]


def main(pipe: int) -> None:
    """Serve until the orders end.

    Args:
        pipe: where answers go.
    """
    orders, answers = sys.stdin.buffer, os.fdopen(pipe, "wb", buffering=0)
    adopt_orphans()
    programs = {name: _program(module) for name, module in PROGRAMS.items()}
    try:
        shortcuts.install()
    except (AttributeError, TypeError) as error:
        _say(answers, {"refused": f"a shortcut does not fit this DIALS: {error}"})
        return
    served = Served()
    _say(answers, {"ready": os.getpid(), "version": version()})
    for line in orders:
        _say(answers, _carried_out(json.loads(line), programs, served, answers))


def version() -> str:
    """Of DIALS, as `dials.version` has it."""
    found = VERSION.search(dials_version())
    return found.group(1) if found else ""


def _program(module: str) -> Program:
    run: Program = importlib.import_module(f"dials.command_line.{module}").run
    return run


def _carried_out(
    order: Order, programs: dict[str, Program], served: Served, answers: BinaryIO
) -> dict[str, Any]:
    if "index" in order:
        return _in_child(order, lambda: answer(Path(order["index"]), Path(order["answer"])), answers)
    if "adopt" in order:
        served.adopt(Path(order["adopt"]))
        return {"end": 0}
    if "learn" not in order:
        return _in_child(order, lambda: _run(order, programs[order["program"]], served), answers)
    end = _in_child(order, lambda: _learn(order), answers)
    if end["end"] == 0:
        served.adopt(Path(order["directory"]) / LEARNED)
    return end


def _in_child(order: Order, do: Callable[[], None], answers: BinaryIO) -> dict[str, Any]:
    """Fork, hand on what the child writes, and tell how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        answers.close()
        os._exit(_child(order, do, writing))
    os.close(writing)
    status, used = _heard(pid, reading, answers)
    os.close(reading)
    end_orphans()
    seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss
    return {"end": os.waitstatus_to_exitcode(status), "cpu_s": seconds, "memory_kb": memory}


def _heard(pid: int, reading: int, answers: BinaryIO) -> tuple[int, Any]:
    """(status, use) of a child once it has ended, its lines handed on.

    The end of the pipe is not waited for: workers of a child that was killed may hold it open for ever.
    """
    rest, ended = b"", None
    while True:
        if select.select([reading], [], [], POLL_S)[0]:
            part = os.read(reading, 1 << 16)
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                _say(answers, {"line": line.decode("utf-8", "replace") + "\n"})
            if part:
                continue
        elif ended is None:
            _, status, used = done = os.wait4(pid, os.WNOHANG)
            ended = (status, used) if done[0] else None
            continue
        if rest:
            _say(answers, {"line": rest.decode("utf-8", "replace") + "\n"})
        return ended or os.wait4(pid, 0)[1:]


def adopt_orphans() -> None:
    """Become the parent of whatever a dead child leaves (prctl(2), PR_SET_CHILD_SUBREAPER; Linux)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def end_orphans() -> None:
    """End what the last child left running."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for pid in children.read_text().split() if children.exists() else ():
        os.kill(int(pid), signal.SIGKILL)
        os.waitpid(int(pid), 0)


def _child(order: Order, do: Callable[[], None], writing: int) -> int:
    """Carry out an order; a boundary: whatever happens becomes words and an exit code, as in a program."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    code = 0
    try:
        os.chdir(order["directory"])
        do()
    except SystemExit as end:
        code = _code(end)
    except BaseException:  # noqa: BLE001 - the boundary
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _run(order: Order, program: Program, served: Served) -> None:
    arguments = list(order["arguments"])
    if "pixels" in order:
        shortcuts.use_strong_pixels(order["pixels"])
        # What is left to do takes less time than starting processes for it.
        arguments.append("spotfinder.mp.nproc=1")
    if "blocks" in order:
        blocks.install(blocks.Plan(**order["blocks"]))
    served.install()
    sys.argv = [order["program"], *arguments]
    program(arguments)


def _learn(order: Order) -> None:
    from dxtbx.model.experiment_list import ExperimentListFactory

    experiments = ExperimentListFactory.from_json_file(order["learn"], check_format=True)
    if len(experiments.imagesets()) == 1:
        learn(experiments.imagesets()[0], Path(LEARNED), order["known"])


def _code(end: SystemExit) -> int:
    """As the interpreter does: words go to the error output, and mean 1."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _say(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
