"""Many readers of `/api/events` in one process: `python -m tests.support.sse_readers PORT TOKEN COUNT`.

Each notes the ids it gets. They read until standard input ends, then print a JSON list of lists of ids.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

LONGEST_LINE = 16 * 1024 * 1024


async def read(port: int, token: str, ids: list[int], ready: asyncio.Event) -> None:
    """One reader: plain HTTP over a socket, live rows included."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST_LINE)
    lines = ("GET /api/events?live=1 HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {token}")
    writer.write("\r\n".join((*lines, "", "")).encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise SystemExit(f"refused: {status!r}")
    ready.set()
    while line := await reader.readline():
        if line.startswith(b"id: "):
            ids.append(int(line[4:]))
    writer.close()


async def main(port: int, token: str, count: int) -> None:
    """Read with `count` readers."""
    ids: list[list[int]] = [[] for _ in range(count)]
    ready = [asyncio.Event() for _ in range(count)]
    pairs = zip(ids, ready, strict=True)
    tasks = [asyncio.create_task(read(port, token, mine, event)) for mine, event in pairs]
    for event, task in zip(ready, tasks, strict=True):
        await asyncio.wait({asyncio.create_task(event.wait()), task}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    say("reading")
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    say(json.dumps(ids))


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
