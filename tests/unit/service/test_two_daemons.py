"""Two daemons, each with a ledger of its own, and one beamtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog

from beampace.cluster import InMemoryCluster
from beampace.core.job import JobState
from beampace.core.work import WorkName
from beampace.service import assembly
from beampace.service.claim import CLAIM_FILE
from beampace.service.daemon import Daemon
from beampace.service.settings import Settings
from tests.support.ledgers import planned, sighting

BEAMTIME = "bt"


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Daemon]]:
    """Starts daemons that have a dataset with work to do."""
    monkeypatch.setattr(assembly, "LocalCluster", lambda *_, **__: InMemoryCluster())
    (tmp_path / "current" / "raw").mkdir(parents=True)
    with ExitStack() as stack:

        def start(name: str) -> Daemon:
            beamtime = {"fixed": tmp_path / "current", "id": BEAMTIME}
            values = {"state_dir": tmp_path / name, "beamtime": beamtime, "cluster": {"warm": False}}
            (tmp_path / name).mkdir(mode=0o700)
            settings = Settings.model_validate(values)
            made = stack.enter_context(
                assembly.assembled(settings, assembly.Engines(), structlog.get_logger())
            )
            ledger = made.desk.ledger
            ledger.open_beamtime(BEAMTIME, str(tmp_path / "current"))
            dataset = ledger.observe(BEAMTIME, sighting(), "a").dataset.id
            ledger.plan(dataset, [planned("k", work=WorkName.LOOK, engine="")])
            return made

        yield start


def test_the_second_starts_nothing_and_says_why(daemon: Callable[[str], Daemon], tmp_path: Path) -> None:
    first, second = daemon("one"), daemon("two")
    for _ in range(3):
        first.turn()
        second.turn()
    assert first.desk.ledger.job("k").attempts == 1
    assert not any(CLAIM_FILE in trouble.where for trouble in first.pulse.troubles)
    waiting = second.desk.ledger.job("k")
    assert (waiting.state, waiting.attempts) == (JobState.WAITING, 0)
    assert any(str(tmp_path / "one") in trouble.words for trouble in second.pulse.troubles)
