"""The standby process: everything a job imports is loaded, and each job is a fork of it.

`python -P -m beampace.cluster.zygote`, with a socket to the daemon as its standard input. The daemon first
says what to load, then one message per attempt. For each the standby process forks a launcher, which does
what `launcher.py` does when it is run as a file, except that its program is a fork that calls a function
instead of another executable. The standby process has one thread, because a fork copies no others, and ends
when the daemon does; its launchers have sessions of their own and go on.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from beampace.cluster import launcher
from beampace.cluster.launcher import LAUNCH, Launch
from beampace.cluster.warm import MOST, ROOM

LOG = "launcher.txt"
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Marks:
    """The marks in the memory in which `/proc/<pid>/environ` is kept.

    A fork that executes nothing keeps the environment its parent was started with, whatever `os.environ`
    says; so the strings themselves are overwritten.
    """

    def __init__(self) -> None:
        getenv = ctypes.CDLL(None).getenv
        getenv.restype = ctypes.c_void_p
        getenv.argtypes = [ctypes.c_char_p]
        self._places = {name: getenv(name.encode()) for name in ROOM}

    def write(self, values: Mapping[str, str]) -> None:
        """Put the marks of an attempt in their places."""
        for name, size in ROOM.items():
            value = values[name].encode()[:size]
            ctypes.memset(self._places[name], 0, size)
            ctypes.memmove(self._places[name], value, len(value))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a fork needs of the standby process: the marks, and the environment it was started with."""

    marks: Marks
    environment: Mapping[str, str]


def load(names: list[str]) -> None:
    """Import modules; of `module:function` call the function once, too."""
    for name in names:
        module, _, function = name.partition(":")
        loaded = importlib.import_module(module)
        if function:
            getattr(loaded, function)()


def main() -> None:
    """Load, then serve until the daemon goes away."""
    channel = socket.socket(fileno=os.dup(0))
    channel.set_inheritable(False)
    marks = Marks()
    environment = {name: value for name, value in os.environ.items() if name not in ROOM}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    wanted = channel.recv(MOST)
    if not wanted:
        return
    load(json.loads(wanted)["load"])
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    try:
        _say(channel, {"ready": threads == 1, "threads": threads})
        if threads == 1:
            _serve(channel, Loaded(marks, environment))
    except (BrokenPipeError, ConnectionResetError):  # the daemon has ended
        return


def _serve(channel: socket.socket, loaded: Loaded) -> None:
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page it looks at
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    while message := channel.recv(MOST):
        request = json.loads(message)
        _flush()
        pid = os.fork()
        if pid == 0:
            _become_launcher(request, loaded)
        _say(channel, {"started": request["directory"], "pid": pid})


def _say(channel: socket.socket, record: Mapping[str, Any]) -> None:
    channel.send(json.dumps(record).encode())


def _become_launcher(request: Mapping[str, Any], loaded: Loaded) -> NoReturn:
    """Be the launcher of one attempt; ends the process."""
    code = 1
    try:
        os.setsid()
        directory = Path(request["directory"])
        _files(directory)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        body = partial(_become_job, request["function"], int(request["skip"]), loaded)
        code = launcher.launch_once(directory / LAUNCH, body)
    except Exception:  # noqa: BLE001 (the end of this process: said in its log)
        traceback.print_exc()
    finally:
        _end(code)


def _files(directory: Path) -> None:
    log = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    for number, path, flags in ((0, Path(os.devnull), os.O_RDONLY), (1, directory / LOG, log)):
        file = os.open(path, flags, 0o644)
        os.dup2(file, number)
    os.dup2(1, 2)
    launcher.close_others()


def _become_job(function: str, skip: int, loaded: Loaded, launch: Launch, directory: Path) -> None:
    """Be the program of one attempt; ends the process."""
    added = launcher.environment_of(launch, directory)
    loaded.marks.write(added)
    os.environ.clear()
    os.environ.update({**loaded.environment, **added})
    sys.argv = launch.argv[skip - 1 :]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python starts
    _reseed()
    _end(_call(function))


def _reseed() -> None:
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _call(name: str) -> int:
    """Call `module:function` as a program is called; returns its exit code."""
    try:
        module, _, function = name.partition(":")
        called: Callable[[], Any] = getattr(importlib.import_module(module), function)
        return _code(called())
    except SystemExit as exit_:
        return _code(exit_.code)
    except KeyboardInterrupt:
        return 130
    except BaseException:  # noqa: BLE001 (the end of this program, as the interpreter ends one)
        traceback.print_exc()
        return 1


def _code(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return int(value) & 0xFF
    sys.stderr.write(f"{value}\n")
    return 1


def _end(code: int) -> NoReturn:
    """End this process as the interpreter would, without going back through the frames of its parents."""
    try:
        threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 (as multiprocessing does)
        atexit._run_exitfuncs()  # noqa: SLF001
        _flush()
    finally:
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


if __name__ == "__main__":
    main()
