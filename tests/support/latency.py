"""From "readable" to "first frame opened by the work", from `played.json` and the ledger of the daemon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beampace.core.dataset import DatasetKind
from beampace.simulate.beamtime.acts import Act, Deed, Play, Script
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.played import Played, PlayedDataset
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import stage_of
from beampace.simulate.beamtime.stock import Stock
from beampace.simulate.beamtime.wishes import Wishes
from tests.support.invariant import Evidence, gather
from tests.support.replay import Settled, Site, lay_in_all, ledger_of, quantile

RATE = 20.0
WARM_UP_S = 12.0
"""Seconds a daemon has to come up before it is measured."""
URGENT = (DatasetKind.GRID, DatasetKind.SCREENING)


@dataclass(frozen=True)
class Delays:
    """Seconds from readable to first frame opened, per class of work, of every dataset."""

    urgent: tuple[float, ...]
    full: tuple[float, ...]

    def words(self, what: str) -> str:
        """A line per class: how many, median, 95th percentile, worst."""
        lines = []
        for name, values in (("urgent", self.urgent), ("full", self.full)):
            if values:
                middle, most = quantile(values, 0.5), quantile(values, 0.95)
                lines.append(
                    f"{what}: {name}: {len(values)} datasets, median {middle:.2f} s, p95 {most:.2f} s, "
                    f"worst {max(values):.2f} s"
                )
        return "\n".join(lines)


def delays(evidence: Evidence) -> Delays:
    """Delays of all datasets.

    Urgent work follows the scan: it counts from its first data file. Full processing counts from the last.

    Raises:
        AssertionError: a dataset got no work, or no frame of it was ever opened.
    """
    urgent, full = [], []
    for one in evidence.played.datasets:
        moments = [datetime.fromisoformat(file.at) for file in one.files]
        if one.kind in URGENT:
            urgent.append(_opened(evidence, one, "look") - min(moments))
        elif one.kind == DatasetKind.ROTATION:
            full.append(_opened(evidence, one, "process") - max(moments))
    return Delays(_seconds(urgent), _seconds(full))


def _seconds(values: list[timedelta]) -> tuple[float, ...]:
    return tuple(max(0.0, value.total_seconds()) for value in values)


def _opened(evidence: Evidence, one: PlayedDataset, work: str) -> datetime:
    """When work on a dataset opened its first frame."""
    row = evidence.rows[one.identity]
    jobs = [job for job in evidence.jobs_of(row) if job.work == work]
    moments = [a.first_frame for job in jobs for a in evidence.attempts[job.key] if a.first_frame]
    assert moments, f"{work} of {one.path} opened no frame"
    return min(moments)


def idle(base: Path, stocks: dict[str, Stock], datasets: int = 24) -> Delays:
    """Datasets one after another, each with all the machine for itself."""
    site = Site(base, cores=4)
    kinds = (*URGENT, DatasetKind.ROTATION)
    wishes = Wishes(
        datasets=datasets, kinds=kinds, pace_s=5.0, rate=RATE, habits=False, slow=False, linger_s=1.0
    )
    script = after(write_script(wishes, datetime.now(UTC)), WARM_UP_S)
    return delays(played_on(site, script, stocks))


def busy(base: Path, stocks: dict[str, Stock], queued: int = 52, datasets: int = 16) -> Delays:
    """Urgent work while full jobs fill the core budget and the rest of `queued` wait; all are ended then."""
    site = Site(base, cores=3, urgent_cores=1, read_s=100.0, looks=False, drain_s=0.0)
    common = Wishes(datasets=1, rate=RATE, habits=False, slow=False, linger_s=1.0)
    first = replace(common, datasets=queued, kinds=(DatasetKind.ROTATION,), pace_s=0.05, rate=500.0)
    second = replace(common, datasets=datasets, kinds=URGENT, pace_s=3.0, seed=2)
    now = datetime.now(UTC)
    script = joined(write_script(first, now), write_script(second, now + timedelta(hours=1)), 15.0)
    evidence = played_on(site, script, stocks, settle=False)
    waiting = [job for job in evidence.jobs if job.work == "process" and not job.attempts]
    assert len(waiting) >= queued - 2, f"only {len(waiting)} full jobs waited"
    chosen = [one for one in evidence.played.datasets if one.kind in URGENT]
    evidence.played.datasets[:] = chosen
    return delays(evidence)


def after(script: Script, seconds: float) -> Script:
    """The same script with everything but the start of the beamtime so much later."""
    opening = (Deed.PRE_START, Deed.START)
    acts = tuple(act if act.deed in opening else replace(act, at=act.at + seconds) for act in script.acts)
    return Script(script.plays, acts)


def joined(first: Script, second: Script, gap_s: float) -> Script:
    """The second script played after the first, in one beamtime; `gap_s` seconds lie between them."""
    count = len(first.plays)
    begin = [act for act in first.acts if act.deed is not Deed.STOP]
    shift = begin[-1].at + gap_s
    plays = tuple(_moved(play, count) for play in second.plays)
    acts = [act for act in second.acts if act.deed not in (Deed.PRE_START, Deed.START)]
    later = tuple(_later(act, shift, count) for act in acts)
    return Script((*first.plays, *plays), (*begin, *later))


def _moved(play: Play, count: int) -> Play:
    return replace(play, number=play.number + count, series=None, place=f"{play.place}_later")


def _later(act: Act, shift: float, count: int) -> Act:
    return replace(act, at=act.at + shift, play=act.play + count if act.play else 0)


def played_on(
    site: Site, script: Script, stocks: dict[str, Stock], *, settle: bool = True, rate: float = RATE
) -> Evidence:
    """Play a script to a daemon; what there is afterwards."""
    site.prepare()
    lay_in_all(script, stocks)
    stage = stage_of(script, site.beamtime, stocks, rate, 1)
    daemon = Daemon(site.argv, site.base, {})
    player = Player(stage, None, daemon, after_stop_s=0.0 if settle else 15.0)
    if settle:
        player.settled, player.settle_s = Settled(site.state_dir, script), 120.0
    played: Played = player.play()
    with ledger_of(site.state_dir) as ledger:
        return gather(played, ledger, site.expected)
