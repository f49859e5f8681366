"""One ssh connection, kept open and made anew when it breaks; used from its event loop only.

What it may do is fixed here and read from no file of the account: a pinned host key, the beamtime's private
key, nothing else. Gateways are tried in turn. A command that was sent and not answered may have run: that is
said (`node_lost`) and never guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.key import read_key
from beampace.cluster.slurm.transport import MOST_BYTES, Completed, Unreachable, unanswered
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How the cluster is reached.

    Attributes:
        known_hosts: file with the pinned host keys of the gateways, as OpenSSH has it.
        gateways: `host` or `host:port`, tried in turn; empty: the reserved nodes of the metadata.
        port: where a gateway names none.
        key: a private key to use instead of the metadata's, or None.
        allow_open_key: whether a key that others may read is used all the same.
        channels: commands at once at most; OpenSSH allows ten.
        connect_s: seconds that one gateway has to answer and let us in.
        patience_s: seconds that a command waits for a connection that is being made.
        keep_alive_s: seconds between questions whether the gateway still lives; three unanswered end it.
        pauses_s: shortest and longest pause before connecting anew; jitter is added.
    """

    known_hosts: Path
    gateways: tuple[str, ...] = ()
    port: int = 22
    key: Path | None = None
    allow_open_key: bool = False
    channels: int = 8
    connect_s: float = 10.0
    patience_s: float = 2.0
    keep_alive_s: float = 10.0
    pauses_s: tuple[float, float] = (0.5, 10.0)


@dataclass(frozen=True, slots=True)
class Login:
    """Who is let in where. A connection is good for one login only."""

    account: str
    key: Path | None = field(repr=False)
    gateways: tuple[str, ...]


def login_of(granted: OnlineResources | None, settings: SshSettings) -> Login | None:
    """Who is let in where, or None outside a beamtime."""
    if granted is None or not granted.account:
        return None
    return Login(granted.account, settings.key or granted.key, settings.gateways or granted.nodes)


class Line:
    """The connection, used from its event loop only."""

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._connection: asyncssh.SSHClientConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._login: Login | None = None
        self._channels = asyncio.Semaphore(settings.channels)
        self._not_before = 0.0
        self._failures = 0
        self._why = Unreachable("no connection was made yet.")
        self._turn = 0
        self.gateway = ""

    async def run(self, login: Login, argv: Sequence[str], stdin: bytes, deadline_s: float) -> Completed:
        """Run a command; see `Transport`."""
        began = time.monotonic()
        async with self._channels:
            connection = await self._connected(login)
            try:
                async with asyncio.timeout(deadline_s):
                    exit_, out, err = await self._command(connection, argv, stdin)
            except TimeoutError:
                raise unanswered(argv, deadline_s) from None
            except asyncssh.ChannelOpenError as error:
                await self._drop(connection)
                raise Unreachable(f"{self.gateway} opened no channel ({error.reason}).") from None
            except (OSError, asyncssh.Error) as error:
                await self._drop(connection)
                raise _broken(argv, error) from None
        return Completed(exit_, out, err, time.monotonic() - began)

    async def close(self) -> None:
        """End the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            await self._drop(self._connection)

    async def _command(
        self, connection: asyncssh.SSHClientConnection, argv: Sequence[str], stdin: bytes
    ) -> tuple[int, str, str]:
        process = await connection.create_process(shlex.join(argv), encoding=None)
        try:
            with contextlib.suppress(BrokenPipeError):  # a command that has ended without reading all of it
                process.stdin.write(stdin)
                process.stdin.write_eof()
            out, err = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
            await process.wait_closed()
        finally:
            process.close()
        if process.exit_status is None:
            raise ConnectionResetError("the connection ended before the command did")
        return process.exit_status, out, err

    async def _connected(self, login: Login) -> asyncssh.SSHClientConnection:
        """The connection for this login, made if need be.

        Raises:
            Unreachable: there is none now, and why the last try failed.
        """
        if self._login != login:
            self._login, self._failures, self._not_before = login, 0, 0.0
            await self.close()
        if self._connection is not None and self._connection.is_closed():
            self._connection = None
        if self._connection is None:
            await self._make(login)
        if self._connection is None:
            raise self._why
        return self._connection

    async def _make(self, login: Login) -> None:
        """Begin to connect unless it is too early or begun; wait for it a while, never to its end."""
        if self._connecting is None or self._connecting.done():
            if time.monotonic() < self._not_before:
                return
            self._connecting = asyncio.create_task(self._try_all(login))
        await asyncio.wait([self._connecting], timeout=self._settings.patience_s)
        if not self._connecting.done():
            self._why = Unreachable("the connection is being made.")

    async def _try_all(self, login: Login) -> None:
        """Try the gateways in turn, the one after the last that failed first."""
        why = Unreachable("neither the metadata nor the configuration name a gateway.")
        count = len(login.gateways)
        for step in range(count):
            gateway = login.gateways[(self._turn + step) % count]
            try:
                self._connection = await self._connect(login, gateway)
            except Unreachable as error:
                why = error
            else:
                self.gateway, self._turn, self._failures = gateway, (self._turn + step) % count, 0
                return
        self._why = why
        least, most = self._settings.pauses_s
        pause = min(most, least * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._not_before = time.monotonic() + pause * random.uniform(0.5, 1.5)  # noqa: S311 (jitter)

    async def _connect(self, login: Login, gateway: str) -> asyncssh.SSHClientConnection:
        host, port = host_and_port(gateway, self._settings.port)
        key = read_key(login.key, allow_open=self._settings.allow_open_key)
        hosts = _pinned(self._settings.known_hosts)
        try:
            async with asyncio.timeout(self._settings.connect_s):
                return await asyncssh.connect(
                    host,
                    port,
                    username=login.account,
                    client_keys=[key],
                    known_hosts=hosts,
                    config=None,
                    agent_path=None,
                    x509_trusted_certs=None,
                    preferred_auth="publickey",
                    password_auth=False,
                    kbdint_auth=False,
                    host_based_auth=False,
                    gss_auth=False,
                    gss_kex=False,
                    keepalive_interval=self._settings.keep_alive_s,
                    keepalive_count_max=3,
                )
        except (OSError, asyncssh.Error) as error:
            raise _no_way(gateway, login.account, error, self._settings) from None

    async def _drop(self, connection: asyncssh.SSHClientConnection) -> None:
        if self._connection is connection:
            self._connection = None
            self._turn += 1 if connection.is_closed() else 0
        connection.abort()
        with contextlib.suppress(TimeoutError, OSError, asyncssh.Error):
            async with asyncio.timeout(1.0):
                await connection.wait_closed()


def host_and_port(gateway: str, port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port` or `[address]:port`."""
    host, colon, number = gateway.rpartition(":")
    if colon and number.isdigit() and (":" not in host or host.startswith("[")):
        return host.strip("[]"), int(number)
    return gateway.strip("[]"), port


def _pinned(path: Path) -> asyncssh.SSHKnownHosts:
    try:
        return asyncssh.read_known_hosts(str(path))
    except (OSError, ValueError) as error:
        hint = "Put the gateways' host keys there (`ssh-keyscan`, checked by the staff of the cluster)."
        raise Unreachable(f"the file of pinned host keys {path} cannot be used: {error}.", hint) from None


async def _bounded(reader: asyncssh.SSHReader[bytes]) -> str:
    """What a command says, to its end; what is too much is read and left out."""
    kept = bytearray()
    while data := await reader.read(1 << 16):
        kept += data[: MOST_BYTES - len(kept)]
    return kept.decode(errors="replace")


def _broken(argv: Sequence[str], error: Exception) -> InfrastructureError:
    detail = (
        f"The connection broke while {argv[0]} ran; whether it did its work is not known ({_name(error)})."
    )
    return InfrastructureError(Failure.NODE_LOST, detail)


def _no_way(gateway: str, account: str, error: Exception, settings: SshSettings) -> Unreachable:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        hint = f"Have the staff confirm its key, then correct {settings.known_hosts}."
        return Unreachable(f"the host key of {gateway} is not the pinned one, or none is pinned.", hint)
    if isinstance(error, asyncssh.PermissionDenied):
        hint = "The account or its key may have ended with the beamtime; have the online resources checked."
        return Unreachable(f"{gateway} does not let {account} in with the beamtime's key.", hint)
    return Unreachable(f"{gateway} does not answer ({_name(error)}).")


def _name(error: Exception) -> str:
    """What kind of error it was; its own text could hold more than should be shown."""
    said = error.strerror if isinstance(error, OSError) else getattr(error, "reason", "")
    return f"{type(error).__name__}: {str(said)[:120]}" if said else type(error).__name__
