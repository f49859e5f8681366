"""Readers of events and live rows: what the server spends on them while a look at 133 frames/s is written.

49 readers over HTTP follow events and rows; the look is written ten times a second, events twenty times a
second. Given are the server's share of one core with the readers and without any, the time to parse one
`look.json` of all frames, and events that a reader missed or got twice (both have to be none).

Run: `python benchmarks/streams.py [readers] [seconds]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beampace.core.work import WorkName
from beampace.store import Ledger, open_ledger
from beampace.web.stream.live import Whose, delta, delta_text, parse_table
from tests.support.live_files import begin_look, look_content, write_whole
from tests.support.pages import READ, Site, served

RATE, WRITES_S, EVENTS_S = 133, 10, 20


def write_rows(file: Path, seconds: float) -> None:
    """Write a look that grows, in a process of its own, so that it costs the server nothing."""
    begun, last = time.monotonic(), 0.0
    while last < seconds:
        last = time.monotonic() - begun
        write_whole(file, look_content(range(1, int(RATE * last) + 2), int(RATE * seconds) + 1))
        time.sleep(1 / WRITES_S)


def write_events(state: Path, seconds: float) -> None:
    """Write events as a daemon would, in a process of its own."""
    ledger: Ledger = open_ledger(state)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ledger.append("result", {"dataset": 1, "words": "It is good."}, "11001", "")
        time.sleep(1 / EVENTS_S)
    ledger.close()


@contextmanager
def readers(port: str, count: int) -> Iterator[list[list[int]]]:
    """Readers in another process; what each got is there at the end."""
    got: list[list[int]] = []
    argv = [sys.executable, "-m", "tests.support.sse_readers", port, READ, str(count)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        if "reading" not in process.stdout.readline():
            raise SystemExit("the readers did not begin")
        yield got
        time.sleep(1.0)  # the last events are on their way
        process.stdin.close()
        got.extend(json.loads(process.stdout.read()))


def share(site: Site, seconds: float, directory: Path) -> float:
    """The share of a core this process takes while others write."""
    work = site.live.works[-1]
    argv = [sys.executable, __file__, "write", str(work.file), str(directory / "state"), str(seconds)]
    with subprocess.Popen(argv) as writer:
        before, begun = time.process_time(), time.monotonic()
        while writer.poll() is None:
            time.sleep(0.05)
        return (time.process_time() - before) / (time.monotonic() - begun)


def parsing_s(frames: int) -> float:
    """Seconds to parse a look of so many frames and to tell its last rows."""
    before = parse_table(json.dumps(look_content(range(1, frames - 12), frames)).encode(), WorkName.LOOK)
    content = json.dumps(look_content(range(1, frames + 1), frames)).encode()
    begun = time.process_time()
    for _ in range(20):
        after = parse_table(content, WorkName.LOOK)
        assert after is not None
        found = delta(Whose(1, WorkName.LOOK, "k"), before, after)
        assert found is not None
        delta_text(found)
    return (time.process_time() - begun) / 20


def main(count: int, seconds: float) -> None:
    """Measure and print."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as site:
        from beampace.web.stream import events

        events.MOST_PER_READER = 200
        begin_look(site, 1, frames=int(RATE * seconds) + 1)
        alone = share(site, seconds / 2, Path(name))
        begun = site.ledger.last_event()
        with readers(site.url.rpartition(":")[2], count) as got:
            followed = share(site, seconds, Path(name))
        wanted = list(range(begun + 1, site.ledger.last_event() + 1))
        missed = sum(len(set(wanted) - set(ids)) for ids in got)
        doubled = sum(len(ids) - len(set(ids)) for ids in got)
        one = parsing_s(3600)
        print(f"server's share of a core without readers {alone:.3f}")
        print(f"with {count} readers                     {followed:.3f} ({followed - alone:+.3f})")
        print(f"a look of 3,600 frames, parsed and told: {one * 1000:.1f} ms, {one * WRITES_S:.1%} of a core")
        print(f"{len(wanted)} events: {missed} missed, {doubled} doubled")


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        thread = threading.Thread(target=write_events, args=(Path(sys.argv[3]), float(sys.argv[4])))
        thread.start()
        write_rows(Path(sys.argv[2]), float(sys.argv[4]))
        thread.join()
    else:
        main(*(int(sys.argv[1]) if sys.argv[1:] else 49,), float(sys.argv[2]) if sys.argv[2:] else 20.0)
