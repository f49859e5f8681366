"""Pages keep pace: what is written shows at once, a restart loses nothing, long lists are no burden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from beampace.core.dataset import DatasetKind
from beampace.service.places import TOKENS
from beampace.simulate.beamtime.acts import Script
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import Stage, stage_of
from beampace.simulate.beamtime.stock import Stock, lay_in
from beampace.simulate.beamtime.wishes import Wishes
from benchmarks.catalogue import fill
from tests.support.browser import until_true
from tests.support.page_watch import RECORDER, LookLog, result_moments, shown_after, slowness
from tests.support.pages import READ, served
from tests.support.replay import Settled, Site, ledger_of, quantile
from tests.support.serving import until

pytestmark = pytest.mark.timeout(600)

PORT = 18479
READERS = 49
WATCHED = Wishes(
    datasets=3, kinds=(DatasetKind.ROTATION,), frames=600, per_file=25, rate=133, pace_s=8.0, groups=1,
    habits=False, slow=False, linger_s=1.0,
)  # fmt: skip


@dataclass
class Watched:
    """A beamtime that is played to a daemon while a browser looks on."""

    site: Site
    daemon: Daemon
    stage: Stage
    script: Script

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{PORT}"

    @property
    def token(self) -> str:
        lines = (self.site.state_dir / TOKENS).read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith("read "))

    @property
    def processed(self) -> Path:
        return self.site.root / "processed"

    def page(self, browser: Browser, address: str = "/") -> Page:
        """A page of the daemon that notes what it shows."""
        context = browser.new_context(
            viewport={"width": 1440, "height": 900},
            extra_http_headers={"Authorization": f"Bearer {self.token}"},
        )
        context.add_init_script(RECORDER)
        page = context.new_page()
        page.goto(f"{self.url}{address}")
        page.wait_for_selector("#stream[data-state=live]")
        return page

    def play(self) -> None:
        """Play to the end; the daemon goes on."""
        settled = Settled(self.site.state_dir, self.script)
        Player(self.stage, None, None, settled=settled, settle_s=120).play()


@contextmanager
def watched(base: Path, wishes: Wishes, **site: object) -> Iterator[Watched]:
    """A daemon with pages, and a beamtime that can be played to it."""
    made = Site(base, port=PORT, **site)
    made.prepare()
    script = write_script(wishes, datetime.now(UTC))
    stocks: dict[str, Stock] = {play.stock: lay_in(play.stock) for play in script.plays}
    stage = stage_of(script, made.beamtime, stocks, wishes.rate, wishes.seed)
    daemon = Daemon(made.argv, made.base, {})
    daemon.start()
    try:
        until(lambda: answers(PORT), 30)
        yield Watched(made, daemon, stage, script)
    finally:
        daemon.stop()


def answers(port: int) -> bool:
    """Whether anybody listens."""
    import socket

    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def readers(one: Watched, count: int) -> Iterator[list[list[int]]]:
    """So many readers of events beside the browser; their ids are there after the block."""
    argv = [sys.executable, "-m", "tests.support.sse_readers", str(PORT), one.token, str(count)]
    ids: list[list[int]] = []
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        yield ids
        said, _ = process.communicate(timeout=30)
    ids += json.loads(said)


def cpu_s(pid: int) -> float:
    """Processor seconds a process has used, all its threads, none of its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_what_is_written_shows_at_once(tmp_path, browser):
    with watched(tmp_path, WATCHED, engines=()) as one, LookLog(one.processed) as log:
        page = one.page(browser)
        with readers(one, READERS) as ids:
            player = threading.Thread(target=one.play)
            began, spent = time.monotonic(), cpu_s(one.daemon.pid)
            player.start()
            slow = [slowness()]
            while player.is_alive():
                page.wait_for_timeout(500)  # the browser's events are taken in while we wait
            seconds, used = time.monotonic() - began, cpu_s(one.daemon.pid) - spent
            page.wait_for_timeout(1500)
            slow.append(slowness())
        shown = page.evaluate("window.shown")
        with ledger_of(one.site.state_dir) as ledger:
            rows = ledger.results()
            events = [event.id for event in ledger.events(limit=100_000)]
    by_dataset = {row.result.directory: row.dataset for row in rows}
    spots = [
        delay
        for directory, written in log.written.items()
        for delay in shown_after(
            written, [(at, last) for at, dataset, last in shown["frames"] if dataset == by_dataset[directory]]
        )
    ]
    written = result_moments(one.processed)
    results = [shown["results"][str(row.id)] - written[row.result.directory] for row in rows]
    stretch = max(slow)
    print(
        f"\nspots on the page after look.json: {len(spots)} writings, median {quantile(spots, 0.5):.3f} s, "
        f"p95 {quantile(spots, 0.95):.3f} s, worst {max(spots):.3f} s"
        f"\nresult on the page after result.json: {len(results)}, median {quantile(results, 0.5):.2f} s, "
        f"worst {max(results):.2f} s"
        f"\n{READERS} readers and a browser: {used / seconds:.2f} of a core in {seconds:.0f} s; "
        f"{len(events)} events each; the machine is {stretch:.1f} times slower than when quiet"
    )
    assert quantile(spots, 0.95) <= 0.4 * stretch
    assert quantile(results, 0.95) <= 1.0 * stretch
    assert used / seconds <= 0.5 * stretch
    for mine in ids:
        assert mine == [number for number in events if number <= mine[-1]]
        assert mine[-1] >= events[-1] - 5


ROWS = "[...document.querySelectorAll('tr[data-dataset]')].map((row) => row.dataset.dataset)"
RESTARTED = Wishes(
    datasets=12, kinds=(DatasetKind.ROTATION, DatasetKind.GRID), frames=40, per_file=10, rate=40, pace_s=1.5,
    groups=2, habits=False, slow=False, linger_s=1.0,
)  # fmt: skip


def test_a_restart_loses_and_doubles_no_row(tmp_path, browser):
    """The daemon is killed twice while datasets come; two pages stay open and are never reloaded."""
    with watched(tmp_path, RESTARTED) as one:
        lists, now = one.page(browser, "/datasets"), one.page(browser, "/")
        for page in (lists, now):
            page.evaluate("window.marker = 1")
        player = threading.Thread(target=one.play)
        player.start()
        for _ in range(2):
            lists.wait_for_timeout(5000)
            one.daemon.kill()
            lists.wait_for_timeout(2000)
            one.daemon.start()
        while player.is_alive():
            lists.wait_for_timeout(300)
        with ledger_of(one.site.state_dir) as ledger:
            datasets = [row.id for row in ledger.datasets()]
            best = {row.dataset: row for row in ledger.recommendations()}
        began = time.monotonic()
        until_true(lists, f"document.querySelectorAll('tr[data-dataset]').length >= {len(datasets)}")
        now.wait_for_selector("#stream[data-state=live]")
        lists.wait_for_timeout(1500)
        rows = lists.evaluate(
            "[...document.querySelectorAll('tr[data-dataset]')].map(r => r.dataset.dataset)"
        )
        marks = [page.evaluate("window.marker") for page in (lists, now)]
        plotted = now.evaluate(
            "(e => [Number(e.closest('[data-dataset]').dataset.dataset), Number(e.dataset.frames)])"
            "(document.querySelector('#plot-spots'))"
        )
    print(f"\n{len(rows)} rows after two kills, {time.monotonic() - began:.1f} s after the last result")
    assert [int(row) for row in rows] == datasets  # each once, the newest first
    assert len(datasets) == RESTARTED.datasets
    assert best
    assert marks == [1, 1]
    assert plotted[0] == datasets[0]
    assert plotted[1] in (40, 12)


def test_five_thousand_datasets_are_listed_at_once(tmp_path, browser):
    with served(tmp_path) as site:
        fill(site.ledger, 5000)
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, extra_http_headers={"Authorization": f"Bearer {READ}"}
        )
        page, seconds = context.new_page(), []
        for address in ("/datasets", "/datasets", "/datasets?sort=d_min", "/datasets?search=lyso17"):
            began = time.monotonic()
            page.goto(f"{site.url}{address}", wait_until="commit")
            until_true(page, "document.querySelectorAll('tr[data-dataset]').length >= 50")
            seconds.append(time.monotonic() - began)
            assert page.locator("tr[data-dataset]").first.is_visible()
        context.close()
    stretch = slowness()
    print(f"\nfirst 50 of 5,000 rows: {', '.join(f'{one:.2f}' for one in seconds)} s (x {stretch:.1f})")
    assert max(seconds) <= 1.0 * stretch
