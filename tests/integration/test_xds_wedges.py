"""INTEGRATE by wedges, and a scan that is followed: the same observations as one run's. With the checker."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from beampace.core.engine import Readable, Request
from beampace.core.ports import RecordedProgress
from beampace.eiger import examine, open_container, write_companion
from beampace.engines.spot_search import SpotSearch
from beampace.engines.xds import XdsEngine
from beampace.engines.xds.ahead import INIT, prepare
from beampace.engines.xds.correction import read_corrected
from beampace.engines.xds.explain import explained
from beampace.engines.xds.found import for_xds, weaker
from beampace.engines.xds.hkl_file import read_hkl
from beampace.engines.xds.indexing import Lattice, Way, find_lattice
from beampace.engines.xds.inp import Run
from beampace.engines.xds.installation import library
from beampace.engines.xds.integration import Frames, integrate
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Program
from beampace.engines.xds.situation import situation_of
from beampace.engines.xds.split import Means
from beampace.engines.xds.wedges import Wedge, join_wedges, read_keys
from beampace.work import ProcessOptions, process
from beampace.work.cancel import Switch
from tests.support.played_set import Played
from tests.support.xds_runs import installed, run_xds, simulated

DEGREES = 60.0
FRAMES = 120


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A monoclinic crystal, in files of twenty frames."""
    return simulated(tmp_path_factory.mktemp("raw"), "P21", degrees=DEGREES, per_file=20)


class Bench:
    """XDS on all frames of a scan, with a lattice."""

    def __init__(self, scan, directory: Path) -> None:
        directory.mkdir()
        engine = installed(directory / "bin", scan)
        self.program = Program(engine.installation, engine.installation.environment(), RecordedProgress())
        container = open_container(scan.master)
        companion = write_companion(container, examine(container).ledger(settled=True), directory).path
        self.request = Request(container.dataset, companion, directory, (1, FRAMES), 2)
        self.directory, self.library = directory, library(self.program.environment)
        init = directory / "init"
        init.mkdir()
        self.program.insist(self.situation(init), Run(INIT, (1, FRAMES)), init)
        found = SpotSearch(self.request).until(FRAMES, lambda: None, lambda: None)
        self.spots = for_xds(found.reflections())
        place = directory / "index"
        place.mkdir()
        way = Way(self.situation(place), self.spots, partial(weaker, found))
        self.lattice: Lattice = find_lattice(self.program, way, (1, FRAMES), place, 2)

    def situation(self, directory: Path):
        return situation_of(self.request, self.request.master, directory, self.library)

    def wedge(self, first: int, last: int) -> Wedge:
        place = self.directory / f"wedge_{first}_{last}"
        prepare(place, self.lattice, self.directory / "init")
        integrate(self.program, self.situation(place), Frames((first, last)), place, Means(2))
        return Wedge((first, last), place / "INTEGRATE.HKL")

    def corrected(self, name: str, wedges: list[Wedge]):
        place = self.directory / name
        prepare(place, self.lattice, self.directory / "init")
        join_wedges(wedges, place / "INTEGRATE.HKL")
        ended = self.program.insist(self.situation(place), Run(("CORRECT",), (1, FRAMES)), place)
        return read_corrected(place, ended.text), place / "INTEGRATE.HKL"


@pytest.fixture(scope="module")
def bench(scan, tmp_path_factory):
    return Bench(scan, tmp_path_factory.mktemp("bench") / "b")


@pytest.fixture(scope="module")
def whole(bench):
    return bench.wedge(1, FRAMES)


def added(path: Path) -> dict[tuple[int, ...], tuple[float, float]]:
    """(h, k, l, number among those of the index) -> intensity and share recorded; parts of one are added.

    Records of an index that lie less than five frames apart are one observation, as CORRECT takes them
    (MAXIMUM_IMAGE_GAP_FOR_ADDING_PARTIALS).
    """
    file = read_hkl(path)
    z, intensity, peak = (file.column(name) for name in ("ZCAL", "IOBS", "PEAK"))
    found: dict[tuple[int, ...], list[list[float]]] = {}
    for row, hkl in sorted(enumerate(map(tuple, file.hkl.tolist())), key=lambda pair: z[pair[0]]):
        parts = found.setdefault(hkl, [])
        if parts and z[row] - parts[-1][2] < 5 and parts[-1][1] < 99:
            parts[-1][0] += intensity[row]
            parts[-1][1] += peak[row]
        else:
            parts.append([intensity[row], peak[row], z[row]])
    return {(*hkl, n): (part[0], part[1]) for hkl, parts in found.items() for n, part in enumerate(parts)}


@pytest.mark.parametrize("borders", [(60,), (30, 60, 90), (21, 55, 90)])
def test_wedges_hold_the_observations_of_one_run(bench, whole, borders):
    firsts, lasts = (1, *(end + 1 for end in borders)), (*borders, FRAMES)
    wedges = [bench.wedge(first, last) for first, last in zip(firsts, lasts, strict=True)]
    corrected, joined = bench.corrected(f"joined_{borders}", wedges)
    ours, theirs = added(joined), added(whole.file)
    assert ours.keys() == theirs.keys()
    pairs = np.array([(ours[key], theirs[key]) for key in ours])
    complete = pairs[:, 1, 1] > 99
    assert complete.sum() > 0.9 * len(pairs)
    difference = np.abs(pairs[complete, 0] - pairs[complete, 1])
    assert (difference[:, 1] < 1.0).all()  # per cent recorded
    assert np.median(difference[:, 0]) == 0  # most lie within one wedge
    assert np.corrcoef(pairs[complete, :, 0].T)[0, 1] > 0.999
    one, _ = bench.corrected(f"whole_{borders}", [whole])
    assert len(corrected.data.d) == pytest.approx(len(one.data.d), abs=5)
    assert corrected.log.space_group == one.log.space_group
    for wedge in wedges:
        shutil.rmtree(wedge.file.parent)


def test_frames_never_lie_in_two_wedges(bench, whole, tmp_path):
    with pytest.raises(LpError, match="frames 60 to 120 lie in two wedges"):
        join_wedges([whole, Wedge((60, 130), whole.file)], tmp_path / "INTEGRATE.HKL")


def test_wedges_of_another_lattice_are_not_joined(whole, tmp_path):
    other = tmp_path / "OTHER.HKL"
    text = whole.file.read_text()
    cell = read_keys(whole.file)["UNIT_CELL_CONSTANTS"]
    other.write_text(text.replace(cell.split()[0], "99.999", 1))
    with pytest.raises(LpError, match="UNIT_CELL_CONSTANTS"):
        join_wedges([whole, Wedge((121, 240), other)], tmp_path / "INTEGRATE.HKL")


def test_a_wedge_that_was_cut_off_is_not_joined(whole, tmp_path):
    cut = tmp_path / "CUT.HKL"
    cut.write_text("".join(whole.file.read_text().splitlines(keepends=True)[:-20]))
    with pytest.raises(LpError, match="END_OF_DATA"):
        join_wedges([Wedge((1, 120), cut)], tmp_path / "INTEGRATE.HKL")


def test_the_lattice_explains_the_spots_it_was_found_from(bench):
    assert explained(bench.lattice.xparm, bench.spots).mean() > 0.95
    turned = replace(bench.lattice.xparm, axis=tuple(-x for x in bench.lattice.xparm.axis))
    assert explained(turned, bench.spots).mean() < 0.3


def test_a_scan_that_is_followed_gives_the_same(scan, tmp_path):
    finished = run_xds(scan, tmp_path / "finished", cores=2)
    engine = installed(tmp_path / "bin", scan)
    with Played(scan.master, tmp_path / "raw", every=3.0) as played:
        options = ProcessOptions(played.master, engine="xds", out=tmp_path / "out", cores=2, patience_s=30.0)
        followed = process(options, {"xds": engine}, Switch())
    one, other = finished.finished.result, followed.result
    assert other.verdict.code == one.verdict.code
    before = other.parameters.engine["INTEGRATE before the last frame"]
    assert before[0] == "1:30"
    assert other.crystal.space_group_candidates == one.crystal.space_group_candidates
    ours, theirs = other.statistics.overall, one.statistics.overall
    assert ours.n_observations == pytest.approx(theirs.n_observations, rel=0.005)
    assert ours.cc_half == pytest.approx(theirs.cc_half, abs=0.005)
    assert not any(Path(tmp_path / "out").rglob("wedge_*/INTEGRATE.HKL"))


def test_a_followed_scan_whose_lattice_does_not_hold_is_done_anew(scan, tmp_path, monkeypatch):
    monkeypatch.setattr("beampace.engines.xds.before_correct.SHARE_TO_GO_ON", 1.01)
    engine = installed(tmp_path / "bin", scan)
    with Played(scan.master, tmp_path / "raw", every=1.0) as played:
        options = ProcessOptions(played.master, engine="xds", out=tmp_path / "out", cores=2, patience_s=30.0)
        result = process(options, {"xds": engine}, Switch()).result
    assert result.verdict.code in ("merged", "little_data")
    assert "INTEGRATE before the last frame" not in result.parameters.engine


def test_what_was_begun_is_void_when_the_master_says_something_else(scan, bench):
    """P11 patches the master late: wedges of another geometry are not taken over."""
    engine = XdsEngine(bench.program.installation)
    dataset = bench.request.dataset
    moved = replace(dataset, beam=replace(dataset.beam, wavelength=dataset.beam.wavelength * 1.01))
    with engine.ahead(replace(bench.request, directory=bench.directory / "void")) as ahead:
        ahead.seen(Readable(moved, 20, lambda directory: bench.request.master))
        assert engine.forerunner.begun(bench.request, lambda: None) is None
        assert engine.forerunner.spots(bench.request) is None
