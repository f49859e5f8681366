"""Asynchronous servers for synchronous tests: a loop in a thread for as long as a context lasts."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def running(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Enter the context manager `make` gives, in a loop of its own; leave it at the end."""
    started, stop = threading.Event(), threading.Event()
    held: list[T] = []
    failed: list[Exception] = []

    async def main() -> None:
        try:
            async with make() as value:
                held.append(value)
                started.set()
                while not stop.is_set():
                    await asyncio.sleep(0.01)
        except Exception as error:  # noqa: BLE001 - raised again in the test's own thread
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        if not failed:
            yield held[0]
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


def until(condition: Callable[[], object], patience_s: float = 20.0) -> None:
    """Wait until `condition` holds; fail when it does not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
