"""One daemon per directory, and none without its ledger."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.service.daemon import Daemon
from beampace.service.logs import bound
from beampace.service.metrics import Metrics
from beampace.service.reconcile import Turn
from beampace.service.settings import Settings
from beampace.service.state import own_directory


def test_a_second_daemon_in_a_directory_is_told_who_has_it(tmp_path: Path) -> None:
    with own_directory(tmp_path / "state"):
        words = f"process {os.getpid()}, works in {tmp_path}/state"
        with pytest.raises(InputError, match=words), own_directory(tmp_path / "state"):
            pass
    with own_directory(tmp_path / "state"):
        pass


class Lost:
    """A lease that is lost and found again."""

    def __init__(self) -> None:
        self.is_held = True

    def ensure(self) -> None:
        if not self.is_held:
            raise InputError(Failure.BAD_REQUEST, "Another daemon on elsewhere, process 4, works with it.")


def test_no_turn_is_taken_while_the_ledger_is_another_daemons() -> None:
    turns: list[Turn] = []

    def turn() -> Turn:
        turns.append(Turn())
        return turns[-1]

    desk = SimpleNamespace(settings=Settings(), log=bound(logging.getLogger("beampace.test")))
    lease = Lost()
    daemon = Daemon(desk, SimpleNamespace(turn=turn), Metrics(), lease)  # type: ignore[arg-type]
    daemon.turn()
    lease.is_held = False
    assert daemon.turn() > 0
    assert len(turns) == 1
    [trouble] = daemon.pulse.troubles
    assert "elsewhere, process 4" in trouble.words
    lease.is_held = True
    daemon.turn()
    assert (len(turns), daemon.pulse.troubles) == (2, ())
