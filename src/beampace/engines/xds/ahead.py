"""What can be done with the first frames of a scan while the others are written.

Spots are looked for in every frame as it comes, and IDXREF runs over growing ranges of them. Once two ranges
give one cell, its orientation matrix is kept, and INTEGRATE goes through the frames wedge by wedge, each in a
directory of its own. `XdsEngine.process` takes over what still holds when the scan is complete; whatever went
wrong here it does by itself.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from beampace.core.cell import UnitCell
from beampace.core.engine import Readable, Request
from beampace.core.errors import BeampaceError, InputError, ScienceError
from beampace.engines.spot_search import SpotSearch
from beampace.engines.xds.found import for_xds, weaker
from beampace.engines.xds.indexing import Lattice, Way, find_lattice
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.installation import XdsInstallation, library
from beampace.engines.xds.integration import Frames, integrate
from beampace.engines.xds.program import OUTPUTS, Program
from beampace.engines.xds.situation import situation_of
from beampace.engines.xds.split import DELPHI_DEG, Means
from beampace.engines.xds.wedges import Wedge

log = logging.getLogger("beampace.xds")

MILESTONES_DEG = (5.0, 15.0, 45.0, 90.0, 180.0)
"""Rotation after which the lattice is looked for again."""
SAME_CELL = 0.01
"""Relative difference of cells up to which two ranges give one."""
ENOUGH = 0.5
"""Share of indexed spots from which a lattice is kept for wedges."""
WEDGE_DEG = 15.0
"""Rotation of a wedge: some batches of INTEGRATE, little to wait for at the end."""
WAIT_S = 0.2
INIT = ("XYCORR", "INIT")
PLACE = "xds_ahead"
LOGS = (".LP", ".INP", ".txt")


class _Abandoned(Exception):
    """Nobody wants the work any more."""


@dataclass(frozen=True, slots=True)
class Background:
    """A progress that nobody watches, and that may be stopped."""

    stop: Callable[[], None]

    def stage(self, name: str, total: int = 0) -> None:
        """Nobody watches."""

    def advance(self, done: int) -> None:
        """Nobody watches."""

    def note(self, text: str) -> None:
        """Keep it in the log."""
        log.info("ahead: %s", text)

    def check(self) -> None:
        """Raise what stops it."""
        self.stop()


@dataclass(frozen=True, slots=True)
class Begun:
    """What was done of a scan.

    Attributes:
        lattice: whose orientation matrix the wedges have.
        wedges: frames that are integrated, from the first on.
        init: directory with what XYCORR and INIT left.
    """

    lattice: Lattice
    wedges: tuple[Wedge, ...]
    init: Path

    @property
    def last(self) -> int:
        """Number of the last frame that is integrated, 0 if none is."""
        return max((wedge.images[1] for wedge in self.wedges), default=0)


class Forerunner:
    """Works on a growing scan in a thread of its own, as a context.

    Args:
        installation: where XDS is.
        environment: for its programs.
        request: what will be asked for: all announced frames, or some.
        means: cores and memory.
        known: space group and cell to index with, 0 and None without.
        active: False to do nothing at all.
    """

    def __init__(
        self,
        installation: XdsInstallation,
        environment: Mapping[str, str],
        request: Request,
        means: Means,
        known: tuple[int, UnitCell | None],
        *,
        active: bool,
    ) -> None:
        self._request, self._means, self._active = request, means, active
        self._library, self._known = library(environment), known
        self.program = Program(installation, environment, Background(self._check))
        self.search = SpotSearch(request)
        self._place = request.directory / PLACE
        self._news = threading.Condition()
        self._latest: Readable | None = None
        self._thread: threading.Thread | None = None
        self._finish = self._abandoned = self._void = False
        self._lattices: list[Lattice] = []
        self._kept: Lattice | None = None
        self._wedges: list[Wedge] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._abandoned = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._tidy()

    def seen(self, readable: Readable) -> None:
        """Take note that more frames can be read; see `core.ports.Ahead`."""
        dataset, n = readable.dataset, readable.n
        one_sweep = len(dataset.scan.sweeps()) == 1 and self._request.images == (1, dataset.n_announced)
        if not self._active or not one_sweep or self._void:
            return
        with self._news:
            self._void = not self._request.dataset.has_geometry_of(dataset)
            self._finish |= self._void
            self._latest = readable if n else None
            self._news.notify_all()
        if self._thread is None and not self._void and n < dataset.n_announced:
            self._thread = threading.Thread(target=self._guarded, name="xds ahead", daemon=True)
            self._thread.start()

    def spots(self, request: Request) -> SpotSearch | None:
        """The search for spots, when it is that of a request."""
        mine = self._request
        same = request.d_min == mine.d_min and request.images[0] == mine.images[0]
        unchanged = not self._void and mine.dataset.has_geometry_of(request.dataset)
        return self.search if self._thread is not None and same and unchanged else None

    def begun(self, request: Request, check: Callable[[], None]) -> Begun | None:
        """What holds for a request, once the wedge that is being worked on is done.

        Args:
            request: what is asked for now.
            check: called some times a second; what it raises ends the waiting.
        """
        with self._news:
            self._finish = True
            self._news.notify_all()
        while self._thread is not None and self._thread.is_alive():
            check()
            self._thread.join(WAIT_S)
        mine = self._request
        same = (request.space_group, request.unit_cell) == (mine.space_group, mine.unit_cell)
        if self._kept is None or self.spots(request) is None or not same:
            return None
        wedges = tuple(wedge for wedge in self._wedges if wedge.images[1] <= request.images[1])
        return Begun(self._kept, wedges, self._place / "init") if wedges else None

    def _tidy(self) -> None:
        """Leave the logs; what cannot be removed harms nobody."""
        try:
            for place in self._place.iterdir():
                keep_logs(place)
        except OSError as error:
            log.warning("%s", error)

    def _check(self) -> None:
        if self._abandoned:
            raise _Abandoned("it is not wanted")

    def _guarded(self) -> None:
        try:
            self._work()
        except (_Abandoned, BeampaceError) as why:
            log.info("no more work ahead: %s", why)
        except Exception:  # the boundary of a thread: `process` does all of it by itself
            log.exception("work ahead went wrong")

    def _work(self) -> None:
        (self._place / "init").mkdir(parents=True)
        while (readable := self._awaited()) is not None:
            degrees = readable.n * readable.dataset.scan.width
            if degrees < MILESTONES_DEG[0]:
                continue
            if not self._has_spots(readable):
                continue
            if self._kept is None and degrees >= self._next_milestone():
                self._index(readable)
            self._integrate(readable)

    def _has_spots(self, readable: Readable) -> bool:
        """Whether the spots of all frames so far are known; one that cannot be read yet is waited for."""
        try:
            self.search.until(readable.n, _nothing, self._check, strict=True)
        except InputError as error:
            log.info("ahead: %s", error)
            return False
        return True

    def _awaited(self) -> Readable | None:
        """More frames; None once it is over."""
        with self._news:
            while not self._finish:
                self._check()
                readable, self._latest = self._latest, None
                if readable is not None:
                    return readable
                self._news.wait(WAIT_S)
        return None

    def _next_milestone(self) -> float:
        tried = len(self._lattices)
        return MILESTONES_DEG[tried] if tried < len(MILESTONES_DEG) else math.inf

    def _situation(self, readable: Readable) -> Situation:
        """Frames so far, under a companion master of their own; the one before is not needed any more."""
        place = self._place / "frames"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return situation_of(self._request, readable.companion(place), self._place / "init", self._library)

    def _index(self, readable: Readable) -> None:
        """The lattice of the frames so far; it is kept when it is the one of the frames before."""
        images = (1, readable.n)
        found = self.search.until(readable.n, _nothing, self._check, strict=True)
        place = self._place / f"index_{readable.n}"
        place.mkdir()
        spots = for_xds(found.reflections())
        way = Way(self._situation(readable), spots, partial(weaker, found), *self._known)
        try:
            lattice = find_lattice(self.program, way, images, place, self._means.cores)
        except ScienceError as why:
            log.info("frames 1 to %d: %s", readable.n, why)
            return
        log.info("frames 1 to %d: cell %s", readable.n, lattice.xparm.cell)
        if self._lattices and _same(self._lattices[-1], lattice) and not lattice.way.done:
            self._kept = lattice
        self._lattices.append(lattice)

    def _integrate(self, readable: Readable) -> None:
        """Wedges that are whole, while there is nothing else to do."""
        while self._kept is not None and not self._finish:
            images = self._next_wedge(readable)
            if images is None:
                return
            situation = self._situation(readable)
            self._init(situation, readable.n)
            place = self._place / f"wedge_{len(self._wedges) + 1}"
            prepare(place, self._kept, self._place / "init")
            integrate(self.program, situation, Frames(images), place, self._means)
            self._wedges.append(Wedge(images, place / "INTEGRATE.HKL"))

    def _next_wedge(self, readable: Readable) -> tuple[int, int] | None:
        """Frames after the last wedge; behind them nothing is left of the scan, or a batch at least."""
        width, total = readable.dataset.scan.width, readable.dataset.n_announced
        first = self._wedges[-1].images[1] + 1 if self._wedges else 1
        last = first + math.ceil(WEDGE_DEG / width - 1e-9) - 1
        left = (total - last) * width
        if last > readable.n or 0 < left < DELPHI_DEG:
            return None
        return first, last

    def _init(self, situation: Situation, n: int) -> None:
        place = self._place / "init"
        if not (place / OUTPUTS["INIT"][0]).is_file():
            self.program.insist(situation, Run(INIT, (1, n)), place)


def prepare(directory: Path, lattice: Lattice, init: Path) -> None:
    """A directory in which INTEGRATE can run: the orientation matrix, and what XYCORR and INIT left."""
    directory.mkdir()
    (directory / "XPARM.XDS").write_text(lattice.text, encoding="ascii")
    for step in INIT:
        for name in OUTPUTS[step]:
            shutil.copyfile(init / name, directory / name)


def keep_logs(directory: Path) -> None:
    """Remove from a directory of XDS's what nobody reads: images, tables of reflections, masters."""
    for file in directory.iterdir():
        if file.suffix not in LOGS and (file.is_file() or file.is_symlink()):
            file.unlink()


def _same(one: Lattice, other: Lattice) -> bool:
    alike = one.xparm.cell.worst_deviation(other.xparm.cell) <= SAME_CELL
    return alike and min(one.share, other.share) >= ENOUGH


def _nothing() -> None:
    return None
