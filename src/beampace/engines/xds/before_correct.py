"""Everything up to CORRECT: spots, lattice, integrated reflections."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beampace.analysis import spot_list
from beampace.core.cell import UnitCell
from beampace.core.engine import Request
from beampace.core.errors import ScienceError, failure
from beampace.core.taxonomy import Failure
from beampace.engines.xds.ahead import INIT, Background, Begun, Forerunner, keep_logs, prepare
from beampace.engines.xds.correction import Corrected, read_corrected
from beampace.engines.xds.explain import explained
from beampace.engines.xds.found import Found, SpotSearch, for_xds
from beampace.engines.xds.indexing import Lattice, Way, find_lattice, read_lattice
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.integration import STEPS, Frames, integrate, split_of
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Ended, Program
from beampace.engines.xds.record import Explained
from beampace.engines.xds.situation import situation_of
from beampace.engines.xds.split import Means
from beampace.engines.xds.spot_xds import Spots, read_spots
from beampace.engines.xds.wedges import Wedge, join_wedges

log = logging.getLogger("beampace.xds")

ALL = (*INIT, "COLSPOT", "IDXREF", *STEPS, "CORRECT")
SHARE_TO_GO_ON = 0.5
"""Share of all spots that the lattice of the first frames must explain."""


@dataclass(frozen=True, slots=True)
class Done:
    """Everything up to CORRECT, or with it.

    Attributes:
        lattice: with which the frames were integrated.
        explained: spots of all frames.
        images: frames that were integrated.
        remarks: worth knowing, as sentences.
        corrected: a CORRECT that came with the rest.
    """

    lattice: Lattice
    explained: Explained
    images: tuple[int, int]
    remarks: tuple[str, ...] = ()
    corrected: Corrected | None = None


@dataclass(frozen=True, slots=True)
class BeforeCorrect:
    """The steps before CORRECT for one request.

    Attributes:
        request: what is asked.
        program: runs XDS; `situation`: the dataset; `means`: cores and memory.
        known: space group and cell to index with, 0 and None without.
    """

    request: Request
    program: Program
    situation: Situation
    means: Means
    known: tuple[int, UnitCell | None] = (0, None)

    def quick(self, before: Forerunner | None) -> Done:
        """Spots by ourselves beside INIT, then IDXREF and INTEGRATE; or the rest of what was begun."""
        begun = before.begun(self.request, self.program.progress.check) if before else None
        search = (before.spots(self.request) if before else None) or SpotSearch(self.request)
        done = self._gone_on(begun, for_xds(self._spots(search).reflections())) if begun else None
        return done or self._from(self._spots_beside_init(search))

    def stock(self) -> Done:
        """One run of all steps; what fails in it is tried again by itself."""
        request, directory = self.request, self.request.directory
        ended = self.program.run(self.situation, self._stock_run(), directory)
        spots = _spots_of(directory)
        if spots is None or ended.step in (*INIT, "COLSPOT"):
            raise ended.why()
        lattice = self._stock_lattice(ended, spots)
        if ended.failed is None:
            corrected = read_corrected(directory, ended.text)
            return Done(lattice, _explained(lattice, spots), request.images, (), corrected)
        return self._integrated(lattice, spots)

    def _stock_lattice(self, ended: Ended, spots: Spots) -> Lattice:
        """What IDXREF found in the run, or finds when it is tried by itself."""
        directory, way = self.request.directory, Way(self.situation, spots, lambda: spots)
        if ended.failed is None or ended.step != "IDXREF":
            said = (directory / "IDXREF.LP").read_text(encoding="utf-8", errors="replace")
            found = read_lattice(said, way, directory)
            if found is not None:
                return found
        return find_lattice(self.program, way, self.request.images, directory, self.means.cores)

    def _stock_run(self) -> Run:
        first, last = self.request.images
        split = split_of(self.situation, self.request.images, self.means)
        half = (first, first + max(1, (last - first + 1) // 2) - 1)
        return Run(
            ALL,
            self.request.images,
            parallel=(split.jobs, split.processors),
            delphi=split.delphi,
            spot_ranges=(half,),
        )

    def _spots_beside_init(self, search: SpotSearch) -> Found:
        request = self.request
        quiet = Program(
            self.program.installation, self.program.environment, Background(self.program.progress.check)
        )
        with ThreadPoolExecutor(1) as pool:
            init = pool.submit(quiet.insist, self.situation, Run(INIT, request.images), request.directory)
            found = self._spots(search)
            init.result()
        self.program.timing.update(quiet.timing)
        return found

    def _spots(self, search: SpotSearch) -> Found:
        progress, request = self.program.progress, self.request
        progress.stage("find spots", request.n_frames)
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            progress.advance(done)

        return search.until(request.images[1], count, progress.check)

    def _from(self, found: Found) -> Done:
        """Judge the spots, index and integrate."""
        request, reflections = self.request, found.reflections()
        spot_list.judge(request.dataset, reflections.xyz, request.n_frames)
        spots = for_xds(reflections)
        way = Way(self.situation, spots, found.weaker, *self.known)
        lattice = find_lattice(self.program, way, request.images, request.directory, self.means.cores)
        return self._integrated(lattice, spots)

    def _integrated(self, lattice: Lattice, spots: Spots) -> Done:
        request, known = self.request, _explained(lattice, spots)
        indexed = spot_list.per_frame(spots.z[known.indexed], request.images)
        frames = Frames(request.images, np.array(indexed, np.int64))
        done = integrate(self.program, lattice.way.situation, frames, request.directory, self.means)
        return Done(lattice, known, done.images, done.remarks)

    def _gone_on(self, begun: Begun, spots: Spots) -> Done | None:
        """The frames that are left, and all wedges as one file; None when the lattice does not hold."""
        known, request = _explained(begun.lattice, spots), self.request
        if known.share < SHARE_TO_GO_ON:
            log.info("the lattice of the first frames explains %.0f %% of all spots", 100 * known.share)
            return None
        try:
            wedges = [*begun.wedges, *self._rest(begun)]
            join_wedges(wedges, request.directory / "INTEGRATE.HKL")
        except (ScienceError, LpError) as why:
            log.info("all frames are integrated anew: %s", why)
            return None
        (request.directory / "XPARM.XDS").write_text(begun.lattice.text, encoding="ascii")
        if len(wedges) > len(begun.wedges):
            keep_logs(self._rest_place)
        before = tuple(f"{wedge.images[0]}:{wedge.images[1]}" for wedge in begun.wedges)
        self.program.parameters["INTEGRATE before the last frame"] = before
        return Done(begun.lattice, known, (request.images[0], wedges[-1].images[1]))

    @property
    def _rest_place(self) -> Path:
        return self.request.directory / "rest"

    def _rest(self, begun: Begun) -> tuple[Wedge, ...]:
        """The frames after the last wedge, as one more."""
        images, place = (begun.last + 1, self.request.images[1]), self._rest_place
        if images[0] > images[1]:
            return ()
        prepare(place, begun.lattice, begun.init)
        situation = situation_of(self.request, self.request.master, place, self.situation.library)
        done = integrate(self.program, situation, Frames(images), place, self.means)
        return (Wedge(done.images, place / "INTEGRATE.HKL"),)


def _explained(lattice: Lattice, spots: Spots) -> Explained:
    return Explained(spots, explained(lattice.xparm, spots))


def _spots_of(directory: Path) -> Spots | None:
    path = directory / "SPOT.XDS"
    try:
        return read_spots(path) if path.is_file() else None
    except LpError as error:
        raise failure(Failure.ENGINE_FAILED, f"What COLSPOT left cannot be read: {error}.") from error
