"""A PostgreSQL server of the tests' own, from Debian's programs: a Unix socket, no TCP, no system cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

USER = "beampace"
WAIT_S = 60.0


class PostgresServer:
    """A running server.

    Attributes:
        directory: of its socket, its data and its log.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"postgresql://{USER}@/postgres?host={directory}"

    def empty(self) -> str:
        """Empty its database and return the URL; making a database for each test takes ten times as long."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self.url


def binaries() -> Path | None:
    """The directory of the newest server programs of Debian, or None."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def running_server(programs: Path) -> Iterator[PostgresServer]:
    """A server that lasts as long as the block, and never longer than this process."""
    directory = Path(tempfile.mkdtemp(prefix="bp-pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
    try:
        account = _hand_over(directory)
        _initdb(programs, directory, account)
        with (directory / "log").open("wb") as log, _started(programs, directory, account, log) as process:
            server = PostgresServer(directory)
            try:
                _wait(server, process)
                yield server
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: nobody needs its files any more
                process.wait(WAIT_S)
    finally:
        shutil.rmtree(directory)


def _hand_over(directory: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: then the directory and its programs belong to another account."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    entry = pwd.getpwnam(name)
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _initdb(programs: Path, directory: Path, account: dict[str, object]) -> None:
    command = [programs / "initdb", "-D", directory / "data", "-U", USER, "--auth=trust", "--no-sync"]
    command += ["--encoding=UTF8", "--locale=C"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, **account)
    assert done.returncode == 0, f"initdb failed: {done.stdout}{done.stderr}"


@contextmanager
def _started(
    programs: Path, directory: Path, account: dict[str, object], log: object
) -> Iterator[subprocess.Popen[bytes]]:
    settings = {"listen_addresses": "", "max_connections": "60", "client_min_messages": "warning"}
    settings |= dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit", "autovacuum"), "off")
    command = [
        "setpriv",
        "--pdeathsig",
        "INT",
        programs / "postgres",
        "-D",
        directory / "data",
        "-k",
        directory,
    ]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with subprocess.Popen(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **account
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _wait(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            psycopg.connect(server.url).close()
        except psycopg.OperationalError as error:
            gone = process.poll() is not None
            assert not gone and time.monotonic() < deadline, (server.directory / "log").read_text() + str(
                error
            )
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server per worker; tests that use it belong to the xdist group `postgres`."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed below /usr/lib/postgresql: run tools/setup-tests")
    with running_server(programs) as server:
        yield server
