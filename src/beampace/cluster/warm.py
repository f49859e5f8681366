"""Warm starts: the daemon's side of the standby process.

A cold start of `python -m beampace` imports for most of a second before it opens a frame. The standby process
has done so already. It is never waited for: while it loads, after it died, or when it does not answer,
attempts start cold; and because an attempt is begun by whoever makes its `pid.json`, a late answer does no
harm.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beampace.cluster.launcher import MARK, MARK_DIRECTORY

MOST = 1 << 16
"""Bytes of a message at most."""
ROOM: Mapping[str, int] = {MARK: 255, MARK_DIRECTORY: 4095}
"""Bytes kept for the marks in the environment with which the standby process is started."""
ANSWER_S = 0.5
"""Seconds the standby process has to answer before the attempt is started cold."""
LOADING_S = 120.0
PAUSES_S = (0.0, 1.0, 5.0, 30.0)
"""Pauses before the first, second, ... start in a row that did not become ready."""


@dataclass(frozen=True, slots=True)
class Standby:
    """What is kept ready.

    Attributes:
        load: modules to import, and `module:function` to be called once.
        functions: beginning of a command line -> `module:function` that does what the command does, called
            without arguments, with `sys.argv` from the last word of that beginning on.
    """

    load: tuple[str, ...]
    functions: Mapping[tuple[str, ...], str]

    def match(self, argv: tuple[str, ...]) -> tuple[str, int] | None:
        """The function that stands for a command line, and how many words it stands for."""
        for words, function in self.functions.items():
            if argv[: len(words)] == words:
                return function, len(words)
        return None


@dataclass(slots=True)
class StandbyProcess:
    """The standby process of a daemon.

    Attributes:
        standby: what is kept ready.
        environment: of the process, and of what it starts.
        log: file for what the process says.
        state: `off`, `loading`, `ready`, or `refused: <why>`, after which it is not tried again.
    """

    standby: Standby
    environment: Mapping[str, str]
    log: Path
    state: str = "off"
    pid: int = 0
    _channel: socket.socket | None = None
    _since: float = 0.0
    _tries: int = 0
    _gone: set[int] = field(default_factory=set)

    def tend(self) -> None:
        """Start it when it is not there, hear what it says; never waits."""
        self._collect()
        self._hear()
        now = time.monotonic()
        if self.state == "loading" and now - self._since > LOADING_S:
            self._lost("it did not become ready")
        pause = PAUSES_S[min(self._tries, len(PAUSES_S) - 1)]
        if self.state == "off" and now - self._since >= pause:
            self._start()

    def ask(self, directory: Path, argv: tuple[str, ...]) -> bool:
        """Have an attempt started; False when it has to be started cold."""
        self.tend()
        match = self.standby.match(argv)
        too_long = len(os.fsencode(directory)) > ROOM[MARK_DIRECTORY]
        if match is None or self.state != "ready" or too_long:
            return False
        request = {"directory": str(directory), "function": match[0], "skip": match[1]}
        if self._say(request) and self._answered(str(directory)):
            return True
        self._lost("it did not answer")
        return False

    def close(self) -> None:
        """Let it end; what it started goes on."""
        self._lost("")
        deadline = time.monotonic() + 5.0
        while self._gone and time.monotonic() < deadline:
            self._collect()
            time.sleep(0.005)
        self.state = "refused: closed"

    def _start(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._tries += 1
        self._since = time.monotonic()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        files = [
            (os.POSIX_SPAWN_DUP2, its.fileno(), 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        argv = [sys.executable, "-P", "-m", "beampace.cluster.zygote"]
        environment = {**self.environment, **{name: "-" * size for name, size in ROOM.items()}}
        plain = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
        with its:
            try:
                self.pid = os.posix_spawn(
                    argv[0],
                    argv,
                    environment,
                    file_actions=files,
                    setsid=True,
                    setsigmask=[],
                    setsigdef=plain,
                )
            except OSError as error:  # jobs start cold; tried again later
                ours.close()
                _log().warning("standby_not_started", extra={"error": str(error)})
                return
        ours.setblocking(False)  # noqa: FBT003
        self._channel = ours
        self.state = "loading"
        self._say({"load": list(self.standby.load)})

    def _say(self, record: Mapping[str, Any]) -> bool:
        try:
            return self._channel is not None and self._channel.send(json.dumps(record).encode()) > 0
        except OSError:
            return False

    def _answered(self, directory: str) -> bool:
        deadline = time.monotonic() + ANSWER_S
        while (left := deadline - time.monotonic()) > 0 and self._channel is not None:
            select.select([self._channel], [], [], left)
            if any(answer.get("started") == directory for answer in self._hear()):
                return True
        return False

    def _hear(self) -> list[dict[str, Any]]:
        """What it said since the last time."""
        heard: list[dict[str, Any]] = []
        while self._channel is not None:
            try:
                message = self._channel.recv(MOST)
            except BlockingIOError:
                break
            except OSError:
                message = b""
            if not message:
                self._lost("it ended")
                break
            heard.append(json.loads(message))
            self._heed(heard[-1])
        return heard

    def _heed(self, record: Mapping[str, Any]) -> None:
        if record.get("ready") is True:
            self.state = "ready"
            self._tries = 0
        elif "ready" in record:
            self._lost("")
            self.state = f"refused: {record.get('threads')} threads after loading"
            _log().warning("standby_refused", extra={"threads": record.get("threads")})

    def _lost(self, why: str) -> None:
        """Let go of the process; it is killed unless it ends by itself at once."""
        if self._channel is None:
            return
        self._channel.close()
        self._channel = None
        if why:
            _log().warning("standby_lost", extra={"why": why, "pid": self.pid, "log": str(self.log)})
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # not yet collected, so the pid is still its own
        self._gone.add(self.pid)
        self._since = time.monotonic()
        self.state = "off"

    def _collect(self) -> None:
        for pid in list(self._gone):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:
                ended = pid
            if ended:
                self._gone.discard(pid)


def _log() -> logging.Logger:
    return logging.getLogger(__name__)
