"""What can be done with the first frames of a scan while the others are written.

Spots are looked for in every frame as it comes. From some degrees on they are indexed, and the frames are
integrated in blocks, each with the crystal as all frames so far show it. `DialsEngine.process` takes over
what still holds when the scan is complete; whatever went wrong here it does by itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from beampace.core.engine import Readable, Request
from beampace.core.errors import ScienceError, failure
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Failure
from beampace.engines.dials import steps
from beampace.engines.dials.chain import LEARNED, Chain, Memory
from beampace.engines.dials.finding import find_spots
from beampace.engines.dials.indexing import Found, Pair, index, index_with
from beampace.engines.dials.installation import DialsInstallation
from beampace.engines.dials.lattice import lattice_of
from beampace.engines.dials.reflections import read_table
from beampace.engines.dials.session import Refused, Session, begin, wait_for
from beampace.engines.dials.strong import PixelSearch

log = logging.getLogger("beampace.dials")

FIRST_DEG, FIRST_FRAMES = 6.0, 20
"""Before anything is begun: enough that a hot pixel, and a wrong lattice, is seen to be one."""
BLOCK_DEG = 5.0
"""Least rotation of a block: reference profiles need strong reflections."""
ITERATIONS = 5
"""Of each refinement: the spots come back with more frames, and `process` refines all of them to the end."""
LEAST_MARGIN = 3
MARGIN_QUANTILE = 0.99
WAIT_S = 0.2


class _Abandoned(Exception):
    """Nobody wants the work any more."""


@dataclass(frozen=True, slots=True)
class Block:
    """Frames that were integrated.

    Attributes:
        files: what `dials.integrate` left for them.
        span: by array index, the last one not included.
        request: with the dataset as it was known then.
    """

    files: Pair
    span: tuple[int, int]
    request: Request

    def told(self) -> Mapping[str, Any]:
        """The block for the process inside DIALS's Python."""
        experiments, reflections = (str(file.absolute()) for file in self.files)
        return {"experiments": experiments, "reflections": reflections, "span": self.span}

    def holds(self, request: Request) -> bool:
        """Whether the master still says of the scan what it said then; P11 patches it late."""
        then, now = self.request.dataset, request.dataset
        same = (then.detector, then.beam, then.goniometer, then.scan)
        return (
            same == (now.detector, now.beam, now.goniometer, now.scan) and self.span[1] <= request.images[1]
        )


class _Quiet(RecordedProgress):
    """Progress of work nobody waits for; it stops when it is abandoned."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def check(self) -> None:
        self._check()


class Forerunner:
    """Works on a growing scan in a thread of its own, as a context.

    Args:
        installation: where DIALS is.
        environment: for its programs.
        request: what will be asked for: all announced frames, or some.
        active: False to do nothing at all.
    """

    def __init__(
        self,
        installation: DialsInstallation,
        environment: Mapping[str, str],
        request: Request,
        *,
        active: bool,
    ) -> None:
        self._installation, self._environment, self._request = installation, environment, request
        self._active = active and not installation.absent(environment)
        self.search = PixelSearch(request)
        self.learned: Path | None = None
        self.lattice: Path | None = None
        self._blocks: list[Block] = []
        self._end, self._wanted = 0, 0.0
        self._news = threading.Condition()
        self._latest: Readable | None = None
        self._finish = self._abandoned = False
        self._thread: threading.Thread | None = None
        self._warm: Session | None = None

    def __enter__(self) -> Self:
        if self._active:
            try:
                self._warm = begin(self._installation, self._environment, self._request.directory)
            except Refused as refused:
                log.info("no process is kept ready: %s", refused)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._abandoned = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join()
        if self._warm is not None:
            self._warm.close()

    def seen(self, readable: Readable) -> None:
        """Take note that more frames can be read; once all can, the rest is left to `process`."""
        whole = (1, readable.dataset.n_announced)
        if not self._active or self._request.images != whole or not readable.n:
            return
        with self._news:
            self._finish |= readable.n == whole[1]
            self._latest = readable
            self._news.notify()
        if self._finish:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
            self._thread.start()

    def warm(self) -> Session | None:
        """A process that has begun to import DIALS; given once."""
        session, self._warm = self._warm, None
        return session

    def for_request(self, request: Request) -> Self | None:
        """This, when what was done is part of a request."""
        mine = self._request
        same = (request.d_min, request.space_group, request.unit_cell) == (
            mine.d_min,
            mine.space_group,
            mine.unit_cell,
        )
        begun = self._thread is not None
        return self if begun and same and not request.tweaks and request.images[0] == 1 else None

    def finish(self, request: Request, check: Callable[[], None]) -> tuple[Block, ...]:
        """The blocks that hold, once the one that is being worked on is done; no other is begun.

        Args:
            request: what is asked for now.
            check: called some times a second; what it raises ends the waiting.
        """
        with self._news:
            self._finish = True
            self._news.notify()
        while self._thread is not None and self._thread.is_alive():
            check()
            self._thread.join(WAIT_S)
        return tuple(block for block in self._blocks if block.holds(request))

    def _run(self) -> None:
        try:
            self._work()
        except (_Abandoned, Refused) as why:
            log.info("no work ahead: %s", why)
        except Exception:  # the boundary of a thread: `process` does all of it by itself
            log.exception("no work ahead any more")

    def _work(self) -> None:
        session = begin(self._installation, self._environment, self._request.directory)
        with closing(wait_for(session, self._check)):
            number = 0
            while (readable := self._next()) is not None:
                if readable.n < first_frames(readable.dataset.scan.width):
                    continue
                self.search.until(readable.n, _nothing, self._check)
                if not self._due(readable):
                    continue
                number += 1
                try:
                    self._integrate(session, readable, number)
                except ScienceError as why:
                    log.info("frames 1 to %d: %s", readable.n, why)
                    self._wanted = 2 * readable.n

    def _next(self) -> Readable | None:
        """The newest news, waited for; None when no more work is wanted."""
        with self._news:
            while self._latest is None and not self._finish:
                self._check()
                self._news.wait(WAIT_S)
            self._check()
            readable, self._latest = self._latest, None
        return None if self._finish else readable

    def _check(self) -> None:
        if self._abandoned:
            raise _Abandoned("it is not wanted")

    def _due(self, readable: Readable) -> bool:
        degrees = (readable.n - self._end) * abs(readable.dataset.scan.width)
        return readable.n >= self._wanted and degrees >= BLOCK_DEG

    def _integrate(self, session: Session, readable: Readable, number: int) -> None:
        """Index all frames so far, and integrate those that were not."""
        place = self._request.directory / f"dials_ahead_{number}"
        place.mkdir()
        request = replace(
            self._request,
            dataset=readable.dataset,
            master=readable.companion(place),
            directory=place,
            images=(1, readable.n),
        )
        chain = Chain(
            self._installation,
            self._environment,
            place,
            _Quiet(self._check),
            Memory(),
            session=session,
            again=False,
        )
        found = find_spots(chain, request, self.search, self.learned)
        self.learned = place / LEARNED if (place / LEARNED).exists() else None
        refined = self._refined(chain, request, found)
        span = (self._end, readable.n - margin_of(found))
        if span[1] <= span[0]:
            return
        files = integrate_part(chain, request, refined, span, margin_of(found))
        self._blocks.append(Block(files, span, request))
        self._end = span[1]

    def _refined(self, chain: Chain, request: Request, found: Found) -> Pair:
        if self.lattice is None:
            done = index(chain, request, found, found.experiments)
        else:
            done = index_with(chain, request, found, self.lattice)
        doubt = lattice_of(read_table(done.outputs[1])).doubt(
            steps.degrees(request), request.dataset.scan.width
        )
        if doubt:
            self.lattice = None
            raise failure(Failure.NOT_INDEXED, f"In the best fit so far {doubt}.")
        self.lattice = done.outputs[0]
        arguments = (*steps.refine(request), f"refinement.refinery.max_iterations={ITERATIONS}")
        return chain.run("refine", done.outputs, arguments, ("refined.expt", "refined.refl")).pair


def first_frames(width: float) -> int:
    """Frames of a width in degrees before anything is begun."""
    return max(FIRST_FRAMES, ceil(FIRST_DEG / abs(width))) if width else FIRST_FRAMES


def integrate_part(chain: Chain, request: Request, refined: Pair, span: tuple[int, int], margin: int) -> Pair:
    """Integrate the reflections whose centres lie in some frames.

    Args:
        chain: runs the step; it has a session.
        request: the frames that can be read.
        refined: crystal and spots of them.
        span: frames by array index, the last one not included.
        margin: frames beyond that their reflections reach into.
    """
    first, last = max(0, span[0] - margin), min(request.images[1], span[1] + margin)
    return chain.run(
        "integrate",
        refined,
        (*steps.integrate(request), f"scan_range={first},{last}"),
        ("integrated.expt", "integrated.refl"),
        session=lambda: {"blocks": {"cores": request.cores, "part": span}},
    ).pair


def margin_of(found: Found) -> int:
    """Frames a reflection reaches beyond its centre, from those of the strong spots."""
    z = found.table["bbox"][:, 4:6]
    return max(LEAST_MARGIN, int(np.quantile(z[:, 1] - z[:, 0], MARGIN_QUANTILE)))


def _nothing() -> None:
    return None
