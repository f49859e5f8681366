"""The daemon keeps pace: urgent work starts at once, and a long beamtime makes it neither slow nor large."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from beampace.core.dataset import DatasetKind
from beampace.service.places import TOKENS
from beampace.simulate.beamtime.acts import Act, Deed, Script
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import stage_of
from beampace.simulate.beamtime.stock import Stock, lay_in, store_frames
from beampace.simulate.beamtime.wishes import Wishes
from tests.support.latency import busy, idle
from tests.support.replay import Settled, Site, ledger_of, quantile

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def stocks() -> dict[str, Stock]:
    return {}


def test_work_starts_soon_on_an_idle_cluster(tmp_path, stocks):
    found = idle(tmp_path, stocks)
    print(f"\n{found.words('idle cluster')}")
    assert quantile(found.urgent, 0.95) <= 1.0
    assert quantile(found.full, 0.95) <= 5.0


def test_urgent_work_is_not_held_up_by_fifty_full_jobs(tmp_path, stocks):
    found = busy(tmp_path, stocks)
    print(f"\n{found.words('50 full jobs wait')}")
    assert quantile(found.urgent, 0.95) <= 1.0


PORT = 18473
LARGE = Wishes(
    datasets=500, kinds=(DatasetKind.STILLS,), frames=200, per_file=100, rate=2000, pace_s=0.25, habits=False,
    slow=False, linger_s=1.0,
)  # fmt: skip


FILLED = 460
"""Datasets that come four times a second, so that the test is short; the rest come one a second."""


def slower_at_the_end(script: Script) -> Script:
    """The same script with the last datasets, and the end, at a pace nearer to that of a beamline."""
    extra = 1.0 - LARGE.pace_s

    def later(act: Act) -> Act:
        number = LARGE.datasets if act.deed is Deed.STOP else act.play
        return replace(act, at=act.at + extra * max(0, number - FILLED))

    return Script(script.plays, tuple(sorted(map(later, script.acts), key=lambda act: act.at)))


@dataclass
class Gauge:
    """Looks at the daemon while it works: its memory, and how long `status` takes."""

    site: Site
    daemon: Daemon
    memory_mb: dict[int, float] = field(default_factory=dict)
    status_s: dict[int, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def shares(self) -> dict[str, float]:
        """Upper edge of a bucket -> share of the ticks, with most datasets there, that took no longer."""
        counts = {edge: count - self.before[edge] for edge, count in self.after.items()}
        return {edge: count / counts["+Inf"] for edge, count in counts.items()}

    def __call__(self, act: Act) -> None:
        if act.deed is Deed.MASTER and act.play % 100 == 0:
            self.look(act.play)
        if act.deed is Deed.MASTER and act.play == FILLED:
            self.before = self.ticks()

    def look(self, number: int) -> None:
        """Take both measurements."""
        text = Path(f"/proc/{self.daemon.pid}/status").read_text()
        self.memory_mb[number] = int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024
        began = time.monotonic()
        command = [*self.site.argv[:3], "status", "--json", "--config", str(self.site.config)]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        self.status_s[number] = time.monotonic() - began
        assert json.loads(said.stdout)["beamtime"] == self.site.beamtime.id

    def ticks(self) -> dict[str, float]:
        """Upper edge of a bucket -> ticks so far that took no longer."""
        token = next(
            line.split()[1]
            for line in (self.site.state_dir / TOKENS).read_text().splitlines()
            if line.startswith("read")
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{PORT}/metrics", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read().decode()
        found = re.findall(r'beampace_tick_seconds_bucket\{le="([^"]+)"\} ([\d.e+]+)', text)
        return {edge: float(count) for edge, count in found}


def test_500_datasets_with_100000_frames(tmp_path):
    """Ticks stay short, memory flat, status quick; nothing is processed: the daemon alone counts."""
    site = Site(tmp_path, works=False, port=PORT)
    site.prepare()
    stock = lay_in(DatasetKind.STILLS)
    dark = np.zeros(stock.mask.shape, np.uint32)
    stock = replace(stock, chunks=store_frames("dark", [dark]))
    script = slower_at_the_end(write_script(LARGE, datetime.now(UTC)))
    stage = stage_of(script, site.beamtime, {DatasetKind.STILLS.value: stock}, LARGE.rate, LARGE.seed)
    daemon = Daemon(site.argv, site.base, {})
    gauge = Gauge(site, daemon)
    settled = Settled(site.state_dir, script)

    def enough() -> bool:
        done = settled()
        if done:
            gauge.look(LARGE.datasets + 1)
            gauge.after = gauge.ticks()
        return done

    Player(stage, None, daemon, told=gauge, settled=enough, settle_s=200).play()
    with ledger_of(site.state_dir) as ledger:
        datasets = ledger.datasets()
    print(f"\nmemory, MB: {gauge.memory_mb}\nstatus, s: {gauge.status_s}\nticks: {gauge.shares}")
    assert len(datasets) == LARGE.datasets
    assert sum(row.n_announced for row in datasets) == 100_000
    assert gauge.shares["0.5"] >= 0.99
    memory = list(gauge.memory_mb.values())
    assert memory[-1] - memory[0] <= 40
    assert max(gauge.status_s.values()) <= 3.0
