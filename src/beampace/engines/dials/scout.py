"""The crystal as the frames of a scan show it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from beampace.core.engine import Readable, Request
from beampace.core.errors import failure
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Failure
from beampace.engines.dials import steps
from beampace.engines.dials.chain import LEARNED, Chain, Memory
from beampace.engines.dials.finding import find_spots
from beampace.engines.dials.indexing import Found, Indexed, Pair, find_lattice, index, index_with
from beampace.engines.dials.installation import DialsInstallation
from beampace.engines.dials.lattice import lattice_of
from beampace.engines.dials.reflections import read_table
from beampace.engines.dials.session import Session
from beampace.engines.dials.strong import PixelSearch

FIRST_DEG, FIRST_FRAMES = 6.0, 20
"""Before anything is begun: enough that a hot pixel, and a wrong lattice, is seen to be one."""
STEP_DEG = 8.0
"""Rotation from one model to the next: each costs as much as the integration of some degrees."""
ITERATIONS = 5
"""Of each refinement: the spots come back with more frames, and `process` refines all of them to the end."""
KEPT = 3
"""Models whose files are kept while others are made."""
BIG = (".h5", ".npz", ".refl")
LEAST_MARGIN = 3
MARGIN_QUANTILE = 0.99


class Quiet(RecordedProgress):
    """Progress of work nobody waits for; it stops when it is abandoned."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def check(self) -> None:
        """Raise what the owner raises."""
        self._check()


@dataclass(frozen=True, slots=True)
class Whole:
    """Spots and lattice of a whole scan, as `DialsEngine.process` would find them.

    Attributes:
        request: what was asked.
        found, indexed: spots, refined lattice.
        memory: the steps that led there; parameters: their arguments.
    """

    request: Request
    found: Found
    indexed: Indexed
    memory: Memory
    parameters: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """Crystal and spots of the first frames.

    Attributes:
        request: the frames.
        refined: experiment list and reflection table.
        margin: frames a reflection reaches beyond its centre.
        learned: what a session learned of the frames, or None.
    """

    request: Request
    refined: Pair
    margin: int
    learned: Path | None

    @property
    def end(self) -> int:
        """Frames whose reflections are wholly there."""
        return self.request.images[1] - self.margin


@dataclass(slots=True)
class Scout:
    """Finds models, one after the other, in directories of their own.

    Attributes:
        installation, environment: where DIALS is.
        request: what will be asked for of the whole scan.
        search: for strong pixels.
        learned: what the last session learned of the frames, or None.
        lattice: experiment list of the last indexing, or None.
        number: models tried.
    """

    installation: DialsInstallation
    environment: Mapping[str, str]
    request: Request
    search: PixelSearch
    learned: Path | None = None
    lattice: Path | None = None
    number: int = 0

    def model(self, session: Session, readable: Readable, check: Callable[[], None]) -> Model:
        """Index and refine all frames so far.

        Args:
            session: carries out the steps.
            readable: the frames.
            check: called some times a second; what it raises ends the work.

        Raises:
            ScienceError: no lattice fits them.
        """
        self.number += 1
        self._forget(self.number - KEPT)
        chain, request, found = self._spots(session, readable, str(self.number), check)
        return Model(request, self._refined(chain, request, found), margin_of(found), self.learned)

    def whole(self, session: Session, readable: Readable, check: Callable[[], None]) -> Whole:
        """Spots and lattice of all frames, with all that `DialsEngine.process` makes sure of.

        Args:
            session: carries out the steps.
            readable: all frames.
            check: called some times a second; what it raises ends the work.

        Raises:
            ScienceError: they are no crystal's, or no lattice fits them.
        """
        chain, request, found = self._spots(session, readable, "all", check)
        indexed = find_lattice(chain, request, found, self.lattice)
        return Whole(request, found, indexed, chain.memory, chain.parameters)

    def _forget(self, number: int) -> None:
        """Remove the files of a model that nobody works with any more: each has the spots of all frames."""
        for file in self._place(str(number)).glob("*"):
            if file.suffix in BIG:
                file.unlink()

    def _place(self, name: str) -> Path:
        return self.request.directory / f"dials_ahead_{name}"

    def _spots(
        self, session: Session, readable: Readable, name: str, check: Callable[[], None]
    ) -> tuple[Chain, Request, Found]:
        place = self._place(name)
        place.mkdir()
        request = replace(
            self.request,
            dataset=readable.dataset,
            master=readable.companion(place),
            directory=place,
            images=(1, readable.n),
        )
        chain = chain_of(self.installation, self.environment, place, check, session)
        found = find_spots(chain, request, self.search, self.learned)
        self.learned = place / LEARNED if (place / LEARNED).exists() else None
        return chain, request, found

    def _refined(self, chain: Chain, request: Request, found: Found) -> Pair:
        if self.lattice is None:
            done = index(chain, request, found, found.experiments)
        else:
            known, self.lattice = self.lattice, None  # Until it is confirmed.
            done = index_with(chain, request, found, known)
        doubt = lattice_of(read_table(done.outputs[1])).doubt(
            steps.degrees(request), request.dataset.scan.width
        )
        if doubt:
            raise failure(Failure.NOT_INDEXED, f"In the best fit so far {doubt}.")
        self.lattice = done.outputs[0]
        arguments = (*steps.refine(request), f"refinement.refinery.max_iterations={ITERATIONS}")
        return chain.run("refine", done.outputs, arguments, ("refined.expt", "refined.refl")).pair


def chain_of(
    installation: DialsInstallation,
    environment: Mapping[str, str],
    directory: Path,
    check: Callable[[], None],
    session: Session,
) -> Chain:
    """A chain whose steps are done in the session or not at all."""
    return Chain(installation, environment, directory, Quiet(check), Memory(), session=session, again=False)


def first_frames(width: float) -> int:
    """Frames of a width in degrees before anything is begun."""
    return max(FIRST_FRAMES, ceil(FIRST_DEG / abs(width))) if width else FIRST_FRAMES


def margin_of(found: Found) -> int:
    """Frames a reflection reaches beyond its centre, from those of the strong spots."""
    z = found.table["bbox"][:, 4:6]
    return max(LEAST_MARGIN, int(np.quantile(z[:, 1] - z[:, 0], MARGIN_QUANTILE)))
