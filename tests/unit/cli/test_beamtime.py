"""`simulate beamtime` beside `simulate`, and what it refuses."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from beampace.cli.beamtime import parse_faults, parse_kinds
from beampace.cli.main import app
from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.simulate.beamtime.wishes import Fault


def test_both_forms_have_their_own_help():
    plain = CliRunner().invoke(app, ["simulate", "--help"])
    both = CliRunner().invoke(app, ["simulate", "beamtime", "--help"])
    assert plain.exit_code == both.exit_code == 0
    assert "--unit-cell" in plain.output
    assert "--unit-cell" not in both.output
    assert "beampace simulate beamtime" in both.output or "simulate beamtime [OPTIONS]" in both.output


def test_a_directory_called_beamtime_can_still_be_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, ["simulate", "./beamtime", "--frames", "1", "--cores", "1"])
    assert ended.exit_code == 0
    assert (tmp_path / "beamtime" / "simulated_master.h5").exists()


def test_faults():
    assert parse_faults(("late", "daemon-killed=20", "late=2")) == {Fault.LATE: 3, Fault.DAEMON_KILLED: 20}
    for wrong in ("fire", "late=", "late=x", "late=-1", "late=1000000"):
        with pytest.raises(InputError, match="--faults"):
            parse_faults((wrong,))


def test_kinds():
    assert parse_kinds("grid, rotation") == (DatasetKind.GRID, DatasetKind.ROTATION)
    with pytest.raises(InputError, match="--kinds"):
        parse_kinds("grid,circle")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--datasets", "0"], "--datasets takes 1 to"),
        (["--id", "../x"], "--id takes"),
        (["--faults", "daemon-killed"], "needs a daemon"),
        (["--kinds", ""], "--kinds needs"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(tmp_path, words, said):
    ended = CliRunner().invoke(app, ["simulate", "beamtime", str(tmp_path / "b"), *words])
    assert ended.exit_code == 2
    assert said in " ".join(ended.output.split())
    assert not (tmp_path / "b").exists()


def test_a_beamtime_is_not_played_into_another(tmp_path):
    (tmp_path / "raw").mkdir()
    ended = CliRunner().invoke(app, ["simulate", "beamtime", str(tmp_path)])
    assert ended.exit_code == 2
    assert "holds a beamtime already" in " ".join(ended.output.split())
