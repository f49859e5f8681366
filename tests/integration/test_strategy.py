"""`beampace strategy` with DIALS: simulated shots of several groups, and real ones of two lattices."""

import json
import shutil

import pytest

from beampace.core.cell import UnitCell
from beampace.core.taxonomy import Exit
from beampace.engines.dials import DialsIndexer, DialsInstallation
from beampace.results.strategy_schema import Strategy
from beampace.simulate.files import write_dataset
from beampace.simulate.groups import CRYSTALS
from beampace.simulate.scenario import Lattice, Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work.cancel import Switch
from beampace.work.strategy import StrategyOptions, strategy
from tests.support.eiger_data import REAL
from tests.support.shots import shots_of, write_shots

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
]
BRAVAIS = {
    "P1": "aP",
    "P21": "mP",
    "C2": "mC",
    "P212121": "oP",
    "P43212": "tP",
    "P3221": "hP",
    "P6122": "hP",
    "I23": "cI",
}


@pytest.fixture(scope="module")
def indexer():
    one = DialsIndexer()
    one.warm_up(lambda: None)
    yield one
    one.close()


def run(master, out, indexer, **options):
    finished = strategy(StrategyOptions((master,), out=out, patience_s=0.0, **options), indexer, Switch())
    return finished, Strategy.model_validate(json.loads((out / "strategy.json").read_text()))


@pytest.mark.parametrize("name", BRAVAIS)
def test_the_lattice_of_test_shots_and_what_it_may_be(tmp_path, indexer, name):
    bravais, crystal = BRAVAIS[name], CRYSTALS[name]
    made = shots_of(Scenario(name="shots", crystal=crystal, lattices=(Lattice(seed=5),)), 4)
    master = write_shots(made, tmp_path / "raw")
    finished, found = run(master, tmp_path / "out", indexer)
    assert finished.exit == Exit.RESULT
    assert found.choices[0].bravais == bravais
    assert UnitCell(*found.choices[0].unit_cell).volume == pytest.approx(crystal.unit_cell.volume, rel=0.01)
    assert found.lattice.indexed_fraction > 0.8
    assert found.second_opinion.agrees is True
    assert found.recommendation.completeness > 0.95


@pytest.mark.parametrize("name", ["C2", "I23"])
def test_a_known_group_with_its_centred_cell(tmp_path, indexer, name):
    """DIALS ends in the setting of a known cell; the lattice stays what it is."""
    crystal = CRYSTALS[name]
    made = shots_of(Scenario(name="shots", crystal=crystal, lattices=(Lattice(seed=5),)), 4)
    master = write_shots(made, tmp_path / "raw")
    known = {"space_group": crystal.group.hm, "unit_cell": crystal.unit_cell}
    finished, found = run(master, tmp_path / "out", indexer, **known)
    assert finished.exit == Exit.RESULT, finished.result.verdict
    assert found.second_opinion.agrees is True
    volume = UnitCell(*found.lattice.unit_cell).volume
    assert volume == pytest.approx(crystal.unit_cell.volume, rel=0.01)


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data at {REAL}")
@pytest.mark.parametrize("number", [1, 2])
def test_real_shots_of_two_lattices_say_so(tmp_path, indexer, number):
    """See the README of the data: one cell, orientations 73 degrees apart, no common lattice."""
    [master] = REAL.rglob(f"project_x/screening_00{number}/*_master.h5")
    finished, found = run(master, tmp_path / "out", indexer)
    assert (finished.exit, finished.result.verdict.code) == (Exit.RESULT, "strategy")
    assert any("two_lattices" in warning for warning in found.warnings)
    expected = UnitCell(91.6, 91.6, 46.0, 90, 90, 120)
    assert UnitCell(*found.choices[0].unit_cell).worst_deviation(expected) < 0.012
    assert found.choices[0].bravais == "hP"
    assert "Shot 2 alone" in " ".join(found.warnings)


def test_without_dials_the_ending_says_what_to_install(tmp_path):
    made = simulate_scan(Scenario(name="shots", width=0.2, n_frames=1))
    master = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw")
    absent = DialsIndexer(DialsInstallation(variables={"PATH": str(tmp_path)}))
    finished, _ = run(master, tmp_path / "out", absent)
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "engine_missing")
    assert "apt-get install dials" in finished.result.verdict.next_step
