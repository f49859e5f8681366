"""The Unix socket of the daemon: one request per connection, from users it knows."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.service.socket_place import listening_socket
from beampace.web import MAX_REQUEST_BYTES, Answer, Control, ErrorAnswer, answered, parse_request

READ_S = 5.0
"""Seconds a caller has to send its request."""

ANSWER_S = 60.0
"""Seconds an answer may take."""

THREADS = 8
"""Requests answered at once."""

MOST = 32
"""Callers served at once; more wait."""

_CREDENTIALS = struct.Struct("3i")
_SO_PEERGROUPS = 59  # Linux 4.13; the socket module has no name for it
_GROUPS_BYTES = 1024  # the most that the socket module asks for: 256 groups

log = logging.getLogger("beampace.service")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may give commands, besides root and the daemon's own user: user and group numbers."""

    users: frozenset[int] = field(default_factory=frozenset)
    groups: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, users: Iterable[str] = (), groups: Iterable[str] = ()) -> Allowed:
        """From names of accounts and groups.

        Raises:
            InputError: one is unknown here (bad_request).
        """
        try:
            return cls(
                frozenset(pwd.getpwnam(name).pw_uid for name in users),
                frozenset(grp.getgrnam(name).gr_gid for name in groups),
            )
        except KeyError as error:
            raise failure(
                Failure.BAD_REQUEST, f"control: allowed_users or groups: {error.args[0]}."
            ) from error

    def allows(self, peer: Peer) -> bool:
        """Whether `peer` may give commands."""
        return peer.uid in {os.geteuid(), 0} | self.users or bool(self.groups & peer.groups)

    @property
    def shared(self) -> bool:
        """Whether anybody else is allowed at all."""
        return bool(self.users or self.groups)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as the kernel says."""

    pid: int
    uid: int
    groups: frozenset[int]

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        """The peer of a connection.

        Raises:
            OSError: the kernel does not say.
        """
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, gid = _CREDENTIALS.unpack(raw)
        return cls(pid, uid, frozenset((gid, *_supplementary(connection, uid, gid))))


def _supplementary(connection: socket.socket, uid: int, gid: int) -> Iterable[int]:
    """Further groups of the peer: as the kernel says, else as the account is listed."""
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:  # too many groups, or too old a kernel
        return _listed(uid, gid)
    return struct.unpack(f"{len(raw) // 4}I", raw)


def _listed(uid: int, gid: int) -> Iterable[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return ()


@asynccontextmanager
async def serve_control(
    control: Control, path: Path, allowed: Allowed | None = None, *, read_s: float = READ_S
) -> AsyncIterator[None]:
    """Serve `control` at the socket `path` for as long as the context lasts.

    Args:
        control: who answers; called in threads.
        path: of the socket.
        allowed: who else may give commands.
        read_s: seconds a caller has to send its request.

    Raises:
        InputError: another daemon serves there, or the directory is not safe (bad_request).
        OSError: the socket cannot be made.
    """
    desk = _Desk(control, allowed or Allowed(), read_s)
    with listening_socket(path, shared=desk.allowed.shared) as listening:
        server = await asyncio.start_unix_server(desk.serve, sock=listening, limit=MAX_REQUEST_BYTES)
        try:
            yield
        finally:
            server.close()
            await desk.finish()


class _Desk:
    """Serves callers."""

    def __init__(self, control: Control, allowed: Allowed, read_s: float) -> None:
        self.allowed = allowed
        self._control = control
        self._read_s = read_s
        self._places = asyncio.Semaphore(MOST)
        self._serving: set[asyncio.Task[None]] = set()
        # Threads of its own: slow answers never take those the daemon turns its loop with.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="control")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller from beginning to end; nothing that it does reaches the loop."""
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            async with self._places:
                answer = await self._answer(reader, writer)
                writer.write(answer.model_dump_json().encode() + b"\n")
                async with asyncio.timeout(self._read_s):
                    await writer.drain()
        except (OSError, TimeoutError) as error:
            log.info("a caller of the control socket went away: %s", error)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def finish(self, patience_s: float = 2.0) -> None:
        """Let callers have their answers, but not for ever."""
        if self._serving:
            await asyncio.wait(self._serving, timeout=patience_s)
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=patience_s)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        try:
            self._check_peer(writer)
            line = await self._line(reader)
            request = parse_request(line)
            async with asyncio.timeout(ANSWER_S):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, answered, self._control, request)
        except BeampaceError as error:
            return ErrorAnswer.of(error)
        except TimeoutError:
            return ErrorAnswer.of(failure(Failure.TIMED_OUT, f"No answer within {ANSWER_S:.0f} s."))

    def _check_peer(self, writer: asyncio.StreamWriter) -> None:
        peer = Peer.of(writer.get_extra_info("socket"))
        if not self.allowed.allows(peer):
            log.warning("control refused to uid %d (pid %d)", peer.uid, peer.pid)
            raise failure(
                Failure.BAD_REQUEST,
                f"User number {peer.uid} may not give commands to this daemon.",
                "Ask the beamline staff to name the account under [control] allowed_users.",
            )

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._read_s):
                return await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise failure(
                Failure.BAD_REQUEST, f"The request is longer than {MAX_REQUEST_BYTES} bytes."
            ) from error
        except asyncio.IncompleteReadError as error:
            raise failure(Failure.BAD_REQUEST, "The request does not end with a line feed.") from error
        except TimeoutError as error:
            raise failure(Failure.BAD_REQUEST, f"No request came within {self._read_s:g} s.") from error
