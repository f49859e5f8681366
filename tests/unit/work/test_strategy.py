"""The work `strategy` with an indexer in memory: every ending, and what is written."""

import json
from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.strategy import Wanted
from beampace.core.cell import UnitCell
from beampace.core.errors import Cancelled, failure
from beampace.core.indexing import FoundLattice, LatticeSetting, Opinion
from beampace.core.ports import TruthfulIndexer
from beampace.core.taxonomy import Exit, Failure
from beampace.results.strategy_schema import Strategy
from beampace.simulate.crystal import orthogonalisation_b
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work.cancel import Switch
from beampace.work.strategy import StrategyOptions, strategy
from beampace.work.strategy_record import sohncke_groups
from beampace.work.strategy_situation import Wishes
from tests.support.shots import PATCHED, shots_of, true_matrix, write_shots

CELL = UnitCell(78.5, 78.5, 37.5, 90, 90, 90)


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    """(master, A matrix) of three test shots 45 degrees apart."""
    made = shots_of(Scenario(name="shots"))
    master = write_shots(made, tmp_path_factory.mktemp("raw"))
    a = np.array(made.truth.orientations[0]) @ orthogonalisation_b(CELL)
    return master, tuple(map(tuple, a.tolist()))


def setting(a, bravais, group, order, missed=0.05):
    return LatticeSetting(bravais, group, order, CELL, a, missed)


def lattice(a, indexed, spots=(60, 60, 60), settings=None, cell=CELL):
    settings = settings or (setting(a, "tP", "P 4 2 2", 8), setting(a, "aP", "P 1", 1, 0.0))
    return FoundLattice(a, cell, spots, indexed, 0.2, settings)


def indexer(a, second=None, **of):
    found = Opinion("quick", lattice(a, **{"indexed": (58, 57, 59), **of}))
    return TruthfulIndexer({"quick": found, "careful": second or found})


def run(master, out, asked, **options):
    finished = strategy(StrategyOptions((master,), out=out, patience_s=0.0, **options), asked, Switch())
    path = out / "strategy.json"
    return finished, Strategy.model_validate(json.loads(path.read_text())) if path.exists() else None


def test_a_plan_for_each_purpose(shot, tmp_path):
    master, a = shot
    finished, found = run(master, tmp_path / "out", indexer(a))
    assert (finished.exit, finished.result.verdict.code) == (Exit.RESULT, "strategy")
    best = found.recommendation
    assert {plan.kind for plan in (best, *found.alternatives)} >= {"best", "fastest", "anomalous", "P1-safe"}
    for plan in (best, *found.alternatives):
        assert plan.frames * plan.width_deg == pytest.approx(plan.range_deg)
        assert plan.completeness > 0.98
    assert found.lattice.space_group == "P 4 2 2"
    assert "P 43 21 2" in found.lattice.space_group_candidates
    assert found.lattice.mosaicity_deg == pytest.approx(0.12, rel=0.25)
    assert best.complete_to <= max(found.lattice.resolution, best.resolution) + 0.01
    curves = found.columns
    assert {len(values) for values in curves.values()} == {72 * len(set(curves["start"]))}
    assert max(curves["completeness"]) > 0.98
    assert found.second_opinion.agrees is True
    assert [one.frame for one in found.shots] == [1, 2, 3]
    assert finished.result.files["mxcube"] == "strategy.xml"
    assert "<XSDataResultMXCuBE>" in (tmp_path / "out" / "strategy.xml").read_text()


def test_the_first_opinion_is_published_before_the_second_is_asked(shot, tmp_path):
    master, a = shot
    path = tmp_path / "out" / "strategy.json"

    class Watching(TruthfulIndexer):
        def index(self, shots, method, check):
            if method == "careful":
                early = Strategy.model_validate(json.loads(path.read_text()))
                assert early.recommendation is not None
                assert early.second_opinion is None
            return super().index(shots, method, check)

    watching = Watching(indexer(a).answers)
    finished, _ = run(master, tmp_path / "out", watching)
    assert finished.exit == Exit.RESULT
    assert [method for method, _ in watching.asked] == ["quick", "careful"]


@pytest.mark.parametrize(
    ("second", "agrees", "words"),
    [
        (Opinion("careful", None, "no peaks"), None, "finds no lattice"),
        ("other", False, "finds another lattice"),
    ],
)
def test_a_second_opinion_that_differs_is_told(shot, tmp_path, second, agrees, words):
    master, a = shot
    if second == "other":
        second = Opinion("careful", lattice(a, (50, 50, 50), cell=UnitCell(60, 78.5, 37.5, 90, 90, 90)))
    finished, found = run(master, tmp_path / "out", indexer(a, second))
    assert found.second_opinion.agrees is agrees
    assert any(words in warning for warning in finished.result.verdict.warnings)


def test_no_lattice_is_a_scientific_ending_with_a_record(shot, tmp_path):
    master, _ = shot
    none = Opinion("quick", None, "Too few peaks.")
    finished, found = run(master, tmp_path / "out", TruthfulIndexer({"quick": none}))
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "not_indexed")
    assert found.recommendation is None
    assert any("no lattice" in warning for warning in found.warnings)


def test_a_lattice_of_one_shot_only(shot, tmp_path):
    """The joint lattice misses the second shot: each is asked alone, the best one is used, and it is said."""
    master, a = shot

    class PerShot(TruthfulIndexer):
        def index(self, shots, method, check):
            super().index(shots, method, check)
            if len(shots.shots) > 1:
                return Opinion(method, lattice(a, (58, 5, 56)))
            spots = {1: 40, 2: 5, 3: 55}[shots.shots[0].frame]
            return Opinion(method, lattice(a, (spots,), (60,)))

    finished, found = run(master, tmp_path / "out", PerShot(indexer(a).answers))
    assert finished.exit == Exit.RESULT
    warnings = " ".join(found.warnings)
    assert "two_lattices" in warnings
    assert "made for shot 3" in warnings
    assert "One shot only" in warnings
    assert [one.indexed_fraction for one in found.shots][:2] == [None, None]


def test_a_symmetry_that_is_nearly_there_is_a_doubt(shot, tmp_path):
    master, a = shot
    near = (setting(a, "tP", "P 4 2 2", 8, 1.2), setting(a, "oP", "P 2 2 2", 4, 0.1))
    _, found = run(master, tmp_path / "out", indexer(a, settings=near))
    assert found.lattice.space_group == "P 2 2 2"
    assert any("it may be P 4 2 2" in warning for warning in found.warnings)


def test_a_known_space_group_is_taken(shot, tmp_path):
    master, a = shot
    _, found = run(master, tmp_path / "out", indexer(a), space_group="P 43 21 2")
    assert found.lattice.space_group == "P 43 21 2"


@pytest.mark.parametrize(
    ("bravais", "found", "known", "taken"),
    [
        ("hP", "P 6 2 2", "P 32 2 1", "P 32 2 1"),
        ("cI", "I 4 3 2", "I 2 3", "I 2 3"),
        ("tP", "P 4 2 2", "P 43", "P 43"),
        ("mC", "I 1 2 1", "C 1 2 1", "I 1 2 1"),
    ],
)
def test_a_group_of_less_symmetry_than_its_lattice(shot, tmp_path, bravais, found, known, taken):
    master, a = shot
    settings = (setting(a, bravais, found, 8), setting(a, "aP", "P 1", 1, 0.0))
    _, record = run(master, tmp_path / "out", indexer(a, settings=settings), space_group=known)
    assert record.lattice.space_group == taken


def test_a_known_space_group_the_lattice_cannot_have(shot, tmp_path):
    master, a = shot
    finished, _ = run(master, tmp_path / "out", indexer(a), space_group="P 6 2 2")
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "cell_suspect")


def test_a_scan_is_no_set_of_test_shots(tmp_path):
    made = simulate_scan(Scenario(name="scan", width=0.5, n_frames=11))
    master = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw")
    finished, _ = run(master, tmp_path / "out", TruthfulIndexer({}))
    assert (finished.exit, finished.result.verdict.code) == (Exit.BAD_INPUT, "bad_request")
    assert "11 frames" in finished.result.verdict.words


def test_blank_shots(tmp_path):
    made = simulate_scan(Scenario(name="blank", width=0.5, n_frames=2, crystal=None))
    master = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw")
    finished, _ = run(master, tmp_path / "out", TruthfulIndexer({}))
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "no_diffraction")


def test_masters_of_two_distances_are_not_mixed(shot, tmp_path):
    master, a = shot
    made = simulate_scan(Scenario(name="far", width=0.2, n_frames=1, distance=150.0))
    other = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw")
    options = StrategyOptions((master, other), out=tmp_path / "out", patience_s=0.0)
    finished = strategy(options, indexer(a), Switch())
    assert finished.result.verdict.code == "metadata_inconsistent"


class Failing(TruthfulIndexer):
    def index(self, shots, method, check):
        if method == "careful":
            raise failure(Failure.OUT_OF_MEMORY, "It was given 1 MB.")
        return super().index(shots, method, check)


def test_a_second_opinion_that_fails_costs_no_plan(shot, tmp_path):
    master, a = shot
    finished, found = run(master, tmp_path / "out", Failing(indexer(a).answers))
    assert (finished.exit, finished.result.verdict.code) == (Exit.RESULT, "strategy")
    assert found.recommendation is not None
    assert found.second_opinion.agrees is None
    assert "was not made" in found.second_opinion.words
    assert any("was not made" in warning for warning in finished.result.verdict.warnings)


def test_an_indexer_with_one_method_has_no_second_opinion(shot, tmp_path):
    master, a = shot
    _, found = run(
        master, tmp_path / "out", TruthfulIndexer({"quick": Opinion("quick", lattice(a, (58, 57, 59)))})
    )
    assert "one method only" in found.second_opinion.words


def test_cancelling_the_second_opinion_cancels_the_work(shot, tmp_path):
    master, a = shot

    class Cancelling(TruthfulIndexer):
        def index(self, shots, method, check):
            if method == "careful":
                raise Cancelled("enough")
            return super().index(shots, method, check)

    finished, found = run(master, tmp_path / "out", Cancelling(indexer(a).answers))
    assert finished.exit == Exit.CANCELLED
    assert found.recommendation is not None


def test_a_blank_shot_is_left_out_and_named(tmp_path):
    """The crystal was out of the beam once: that is no second lattice."""
    made = shots_of(Scenario(name="shots"))
    frames = [frame.copy() for frame in made.frames]
    frames[1][frames[1] < 1000] = 0
    master = write_shots(made, tmp_path / "raw", frames)
    a = np.array(made.truth.orientations[0]) @ orthogonalisation_b(CELL)
    asked = indexer(tuple(map(tuple, a.tolist())), indexed=(58, 57), spots=(60, 60))
    finished, found = run(master, tmp_path / "out", asked)
    assert finished.exit == Exit.RESULT
    assert [one.frame for one in asked.asked[0][1].shots] == [1, 3]
    assert any("shot 2: left out" in warning for warning in found.warnings)
    assert not any("two_lattices" in warning for warning in found.warnings)
    assert found.shots[1].indexed_fraction is None


def test_masters_of_two_exposures_are_not_mixed(shot, tmp_path):
    master, a = shot
    made = shots_of(Scenario(name="longer", exposure_time=0.099, frame_time=0.1), 1)
    other = write_shots(made, tmp_path / "raw")
    options = StrategyOptions((master, other), out=tmp_path / "out", patience_s=0.0)
    finished = strategy(options, indexer(a), Switch())
    assert finished.result.verdict.code == "metadata_inconsistent"
    assert "exposure" in finished.result.verdict.words


def test_shots_of_several_masters_are_told_apart(shot, tmp_path):
    master, a = shot
    other = write_shots(shots_of(Scenario(name="more", distance=100.0005)), tmp_path / "raw")
    each = Opinion("quick", lattice(a, (50,) * 6, (60,) * 6))
    options = StrategyOptions((master, other), out=tmp_path / "out", patience_s=0.0)
    finished = strategy(options, TruthfulIndexer({"quick": each}), Switch())
    assert finished.exit == Exit.RESULT
    found = Strategy.model_validate(json.loads((tmp_path / "out" / "strategy.json").read_text()))
    assert [(one.dataset, one.frame) for one in found.shots][2:4] == [("shots", 3), ("more", 1)]


def test_a_plan_that_cannot_be_made_leaves_what_is_known(tmp_path):
    """Stills say nothing of the exposure per degree; the lattice is told all the same."""
    made = simulate_scan(Scenario(name="stills", width=0.0, n_frames=2))
    master = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw")
    a = np.array(made.truth.orientations[0]) @ orthogonalisation_b(CELL)
    asked = indexer(tuple(map(tuple, a.tolist())), indexed=(50, 50), spots=(60, 60))
    finished, found = run(master, tmp_path / "out", asked)
    assert finished.result.verdict.code == "metadata_inconsistent"
    assert found.recommendation is None
    assert found.lattice.space_group == "P 4 2 2"
    assert len(found.shots) == 2


def test_the_beam_beside_the_detector_is_said(tmp_path):
    made = shots_of(Scenario(name="aside", beam_centre=(-20.0, 500.0), distance=60.0))
    master = write_shots(made, tmp_path / "raw")
    a = np.array(made.truth.orientations[0]) @ orthogonalisation_b(CELL)
    finished, _ = run(master, tmp_path / "out", indexer(tuple(map(tuple, a.tolist()))))
    assert finished.result.verdict.code == "metadata_inconsistent"
    assert "misses the detector" in finished.result.verdict.words


@pytest.mark.parametrize(
    ("written", "asked", "taken", "words"),
    [
        (None, None, None, "not known and taken as 100 %"),
        (None, 0.1, 0.1, ""),
        (0.25, None, 0.25, ""),
        (0.25, 0.2501, 0.2501, ""),
        (0.25, 0.1, 0.1, "taken as 10 %, as was asked; their master says 25 %"),
    ],
)
def test_the_transmission_asked_for_the_masters_or_none(tmp_path, written, asked, taken, words):
    made = shots_of(Scenario(name="shots", transmission=written))
    master, a = write_shots(made, tmp_path / "raw"), tuple(map(tuple, true_matrix(made).tolist()))
    finished, found = run(master, tmp_path / "out", indexer(a), wishes=Wishes(transmission=asked))
    assert found.tested.transmission == taken
    for warnings in (found.warnings, finished.result.verdict.warnings):
        said = [warning for warning in warnings if "transmission of the test shots" in warning]
        assert len(said) == bool(words)
        assert all(words in warning for warning in said)


def test_a_weaker_beam_on_the_shots_is_a_weaker_beam_in_the_plans(tmp_path):
    plans = []
    for transmission in (1.0, 0.1):
        made = shots_of(Scenario(name=f"shots_{transmission}", transmission=transmission))
        a = tuple(map(tuple, true_matrix(made).tolist()))
        master = write_shots(made, tmp_path / f"{transmission}")
        _, found = run(master, tmp_path / f"out_{transmission}", indexer(a))
        plans.append(found.recommendation)
    assert plans[1].transmission == pytest.approx(0.1 * plans[0].transmission)
    assert plans[1].i_over_sigma == pytest.approx(plans[0].i_over_sigma)


def test_masters_of_two_transmissions_are_not_mixed(shot, tmp_path):
    master, a = shot
    other = write_shots(shots_of(Scenario(name="weaker", transmission=0.5), 1), tmp_path / "raw")
    options = StrategyOptions((master, other), out=tmp_path / "out", patience_s=0.0)
    finished = strategy(options, indexer(a), Switch())
    assert finished.result.verdict.code == "metadata_inconsistent"


def test_what_the_exposure_of_the_shots_would_give_is_published(shot, tmp_path):
    master, a = shot
    _, found = run(master, tmp_path / "out", indexer(a))
    for plan in (found.recommendation, *found.alternatives):
        density = found.tested.exposure_s * found.tested.transmission / found.tested.width_deg
        factor = plan.exposure_s * plan.transmission / plan.width_deg / density
        assert plan.i_over_sigma == pytest.approx(plan.i_over_sigma_as_tested * factor**0.5)


@pytest.mark.parametrize(("gone", "extrapolated"), [((2,), True), ((1, 2, 3), False)])
def test_a_frame_that_went_away_is_left_out_of_the_falloff(tmp_path, gone, extrapolated):
    """The lattice came from its spots, which are known."""
    made = shots_of(Scenario(name="shots"))
    options = replace(PATCHED, images_per_file=1)
    master = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw", options)
    a = tuple(map(tuple, true_matrix(made).tolist()))

    class Losing(TruthfulIndexer):
        def index(self, shots, method, check):
            for number in gone:
                master.with_name(f"shots_data_{number:06d}.h5").unlink(missing_ok=True)
            return super().index(shots, method, check)

    finished, found = run(master, tmp_path / "out", Losing(indexer(a).answers))
    assert finished.exit == Exit.RESULT
    assert (found.recommendation.i_over_sigma is not None) == extrapolated


def test_what_limits_the_plan_is_in_the_verdict(shot, tmp_path):
    master, a = shot
    finished, _ = run(master, tmp_path / "out", indexer(a))
    assert any("flux" in warning for warning in finished.result.verdict.warnings)


def test_without_a_flux_no_plan_exposes_a_degree_more_than_the_shots(shot, tmp_path):
    master, a = shot
    wishes = Wishes(Wanted(d_min=1.0), transmission=0.5)
    _, found = run(master, tmp_path / "out", indexer(a), wishes=wishes)
    tested = found.tested.exposure_s * 0.5 / found.tested.width_deg
    for plan in (found.recommendation, *found.alternatives):
        assert plan.exposure_s * plan.transmission / plan.width_deg <= tested * 1.0001


def test_a_symbol_of_another_setting_is_taken_in_the_standard_one(shot, tmp_path):
    """The matrix of the lattice has its two-fold axis along b."""
    master, a = shot
    settings = (setting(a, "mP", "P 1 2 1", 2), setting(a, "aP", "P 1", 1, 0.0))
    _, found = run(master, tmp_path / "out", indexer(a, settings=settings), space_group="P 1 1 21")
    assert found.lattice.space_group == "P 1 21 1"


def test_a_lattice_of_unknown_symmetry_is_none(shot, tmp_path):
    master, a = shot
    found = Opinion("quick", FoundLattice(a, CELL, (60, 60, 60), (58, 57, 59), 0.2))
    finished, _ = run(master, tmp_path / "out", TruthfulIndexer({"quick": found}))
    assert finished.result.verdict.code == "not_indexed"


def test_groups_that_shots_cannot_tell_apart():
    assert sohncke_groups("P 4 2 2")[0] == "P 4 2 2"
    assert set(sohncke_groups("P 4 2 2")) == {
        "P 4 2 2", "P 4 21 2", "P 41 2 2", "P 41 21 2", "P 42 2 2", "P 42 21 2", "P 43 2 2", "P 43 21 2",
    }  # fmt: skip
    assert set(sohncke_groups("C 1 2 1")) == {"C 1 2 1"}
    assert set(sohncke_groups("I 2 3")) == {"I 2 3", "I 21 3"}
