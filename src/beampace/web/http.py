"""Serving the HTTP interface inside the loop of the daemon."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

GRACE_S = 3
"""Seconds open requests may go on after the stop."""

MOST_CONNECTIONS = 400


class _Server(uvicorn.Server):
    """A server that leaves signals to the daemon."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve_http(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve `app` for as long as the context lasts; gives the port it listens on.

    Args:
        app: from `create_app`.
        host: address to listen on.
        port: port, 0 for a free one.

    Raises:
        InputError: the address cannot be had (bad_request).
    """
    with _listening(host, port) as listening:
        server = _Server(_config(app))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await _started(server, task)
            yield listening.getsockname()[1]
        finally:
            app.state.stopping.set()
            server.should_exit = True
            await task


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=16384,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=128)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections have it too: 40 ms less
    except OSError as error:
        raise failure(
            Failure.BAD_REQUEST,
            f"[http] host {host}, port {port}: {error.strerror or error}.",
            "Choose another [http] port, or stop the program that has it.",
        ) from error
    with listening:
        yield listening


async def _started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    if not server.started:
        task.result()
        raise failure(Failure.ENGINE_FAILED, "The HTTP server ended at its start.", "See the daemon's log.")
