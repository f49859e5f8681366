"""Everything up to CORRECT: spots, lattice, integrated reflections."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from beampace.analysis import spot_list
from beampace.core.cell import UnitCell
from beampace.core.engine import Request
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.frame_search import frame_counter
from beampace.engines.spot_search import Found, SpotSearch
from beampace.engines.xds.ahead import INIT, Background, Begun, Forerunner
from beampace.engines.xds.corrected import Corrected, read_corrected
from beampace.engines.xds.explain import explained
from beampace.engines.xds.found import for_xds, weaker
from beampace.engines.xds.indexing import Lattice, Way, find_lattice, read_lattice
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.integration import STEPS, Frames, columns_of, integrate, rows_in, split_of
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Ended, Program
from beampace.engines.xds.record import Explained
from beampace.engines.xds.rest import NotHeldError, Rest
from beampace.engines.xds.split import Means
from beampace.engines.xds.spot_xds import Spots, read_spots

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
        if before is not None:
            self.program.absorb(before.program)
        if begun is None:
            return self._from(self._spots_beside_init(search))
        try:
            return self._gone_on(begun, self._spots(search))
        except NotHeldError as why:
            self.program.progress.note(f"All frames are integrated again: {why}")
            done = self._from(self._spots_beside_init(search))
            remark = f"What was integrated while the scan was written did not hold: {why}"
            return replace(done, remarks=(*done.remarks, remark))

    def stock(self) -> Done:
        """One run of all steps; what fails in it is tried again by itself."""
        request, directory = self.request, self.request.directory
        ended = self.program.run(self.situation, self._stock_run(), directory)
        spots = _spots_of(directory)
        if spots is None or ended.step in (*INIT, "COLSPOT"):
            raise ended.why()
        lattice = self._stock_lattice(ended, spots)
        if ended.step == "CORRECT":
            corrected = None if ended.failed else read_corrected(directory, ended.text)
            rows = columns_of(rows_in(directory), request.images)
            return Done(lattice, _explained(lattice, spots, rows), request.images, (), corrected)
        return self._integrated(lattice, spots, frozenset(), ended if ended.step in STEPS else None)

    def _stock_lattice(self, ended: Ended, spots: Spots) -> Lattice:
        """What IDXREF found in the run, or finds when it is tried further."""
        directory, way = self.request.directory, Way(self.situation, spots)
        if ended.step != "IDXREF":
            said = (directory / "IDXREF.LP").read_text(encoding="utf-8", errors="replace")
            found = read_lattice(said, way, directory)
            if found is not None:
                return found
        begun = ended if ended.step == "IDXREF" else None
        return find_lattice(self.program, way, self.request.images, directory, self.means.cores, begun)

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
        self.program.absorb(quiet)
        return found

    def _spots(self, search: SpotSearch) -> Found:
        progress, request = self.program.progress, self.request
        counted = frame_counter(progress, "find spots", request.n_frames)
        return search.until(request.images[1], counted, progress.check)

    def _from(self, found: Found) -> Done:
        """Judge the spots, index and integrate."""
        lattice, spots = self._lattice(found)
        return self._integrated(lattice, spots, found.lost)

    def _lattice(self, found: Found) -> tuple[Lattice, Spots]:
        request, reflections = self.request, found.reflections()
        spot_list.judge(request.dataset, reflections.xyz, request.n_frames)
        spots = for_xds(reflections)
        way = Way(self.situation, spots, partial(weaker, found), *self.known)
        return find_lattice(self.program, way, request.images, request.directory, self.means.cores), spots

    def _integrated(
        self, lattice: Lattice, spots: Spots, lost: frozenset[int], begun: Ended | None = None
    ) -> Done:
        request, known = self.request, _explained(lattice, spots)
        indexed = spot_list.per_frame(spots.z[known.indexed], request.images)
        frames = Frames(request.images, np.array(indexed, np.int64), lost)
        situation = lattice.way.situation
        done = integrate(self.program, situation, frames, request.directory, self.means, begun)
        known = replace(known, columns=columns_of(done.rows, request.images))
        return Done(lattice, known, done.images, done.remarks)

    def _gone_on(self, begun: Begun, found: Found) -> Done:
        """The frames that are left, and all wedges as one file.

        Raises:
            NotHeldError: the wedges are of another lattice than that of all spots, or do not fit together.
            ScienceError: there is no lattice in all spots.
        """
        lattice, spots = self._lattice(found)
        if not begun.lattice.is_that_of(lattice):
            raise NotHeldError(f"all spots give {lattice.xparm.cell}, the first {begun.lattice.xparm.cell}")
        kept = replace(begun.lattice, log=lattice.log, way=lattice.way)
        known = _explained(kept, spots)
        if known.share < SHARE_TO_GO_ON:
            raise NotHeldError(f"the lattice of the first frames explains {known.share:.0%} of all spots")
        rest = Rest(self.program, self.request, self.situation.library, self.means, found.lost)
        wedges = rest.joined(begun)
        self.program.parameters["INTEGRATE before the last frame"] = tuple(
            f"{wedge.images[0]}:{wedge.images[1]}" for wedge in begun.wedges
        )
        known = replace(known, columns=columns_of(rest.rows(wedges), self.request.images))
        return Done(kept, known, (self.request.images[0], wedges[-1].images[1]))


def _explained(
    lattice: Lattice, spots: Spots, columns: Mapping[str, tuple[float | None, ...]] = MappingProxyType({})
) -> Explained:
    return Explained(spots, explained(lattice.xparm, spots), columns)


def _spots_of(directory: Path) -> Spots | None:
    path = directory / "SPOT.XDS"
    try:
        return read_spots(path) if path.is_file() else None
    except LpError as error:
        raise failure(Failure.ENGINE_FAILED, f"What COLSPOT left cannot be read: {error}.") from error
