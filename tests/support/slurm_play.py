"""A small beamtime with chosen places and names, played on the laboratory: nothing odd happens in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import BeampaceError
from beampace.simulate.beamtime.acts import Act, Deed, Fate, Play, Script
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.played import Played
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.stage import stage_of
from beampace.simulate.beamtime.stock import Stock
from beampace.simulate.options import InfoFile
from tests.support.replay import Settled, lay_in_all
from tests.support.slurm_site import SlurmSite

RATE = 50.0


def scan(number: int, place: str, name: str, frames: int = 4) -> Play:
    """A rotation scan.

    Args:
        number: from 1.
        place: its directory relative to `raw`; the first folder is its group.
        name: prefix of its files.
        frames: in two data files.
    """
    return Play(
        number=number,
        kind=DatasetKind.ROTATION,
        stock=DatasetKind.ROTATION.value,
        group=place.split("/")[0],
        place=place,
        name=name,
        fate=Fate.COMPLETE,
        blank=False,
        n_announced=frames,
        n_written=frames,
        per_file=-(-frames // 2),
        series=None,
        collected=datetime.now(UTC) + timedelta(microseconds=number),
        info=InfoFile.AFTER,
    )


def script_of(plays: Iterable[Play], pace_s: float = 0.3) -> Script:
    """One dataset after the other, then the end of the beamtime."""
    chosen = tuple(plays)
    acts = [Act(0.0, Deed.START)]
    for play in chosen:
        at = 1.0 + pace_s * play.number
        acts.append(Act(at, Deed.MASTER, play.number))
        files = range(1, len(play.file_frames) + 1)
        acts += [Act(at + 0.05 * order, Deed.FILE, play.number, order) for order in files]
    acts.sort(key=lambda act: act.at)
    return Script(chosen, (*acts, Act(acts[-1].at + 0.5, Deed.STOP)))


def play(
    site: SlurmSite,
    script: Script,
    daemon: Daemon,
    *,
    stocks: Mapping[str, Stock] | None = None,
    check: Callable[[], None] = lambda: None,
    before_stop: Callable[[], None] = lambda: None,
    settle_s: float = 120.0,
    expected: int | None = None,
) -> Played:
    """Play it; the daemon has ended afterwards.

    Args:
        site: where.
        script: what.
        daemon: started before and stopped after it.
        stocks: frames that were simulated already.
        check: called again and again while it lasts.
        before_stop: called once when all work is done, before the beamtime ends.
        settle_s: seconds after which work is not waited for any more.
        expected: datasets that are seen; by default all are.
    """
    frames = dict(stocks or {})
    lay_in_all(script, frames)
    waited_for = replace(script, plays=script.plays[:expected])
    quiet, done = Settled(site.state_dir, waited_for), False

    def settled() -> bool:
        nonlocal done
        if not done and quiet():
            done = True
            before_stop()
        return done

    stage = stage_of(script, site.beamtime, frames, RATE, seed=1)
    player = Player(stage, daemon=daemon, check=check, settled=settled, settle_s=settle_s)
    try:
        played = player.play()
    except BeampaceError as error:
        pytest.fail(f"{error} {_last_words(site, daemon)}")
    assert done, f"work is not done after {settle_s} s: {_last_words(site, daemon)}"
    return played


def _last_words(site: SlurmSite, daemon: Daemon) -> str:
    log = site.state_dir / "log/beampace.jsonl"
    lines = (path.read_text(errors="replace")[-3000:] for path in (daemon.output, log) if path.exists())
    return "\n".join(lines)
