"""What can be done with the first frames of a scan while the others are written.

Spots are looked for in every frame as it comes. From some degrees on they are indexed again and again by one
process of DIALS, and another integrates the frames in blocks, each with the crystal as all frames so far show
it. `DialsEngine.process` takes over what still holds when the scan is complete; whatever went wrong here it
does by itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from beampace.core.engine import Readable, Request
from beampace.core.errors import ScienceError
from beampace.engines.dials import steps
from beampace.engines.dials.chain import Chain
from beampace.engines.dials.indexing import Pair
from beampace.engines.dials.installation import DialsInstallation
from beampace.engines.dials.scout import STEP_DEG, Model, Scout, Whole, chain_of, first_frames
from beampace.engines.dials.session import Refused, Session, begin, wait_for
from beampace.engines.dials.strong import PixelSearch

log = logging.getLogger("beampace.dials")

T = TypeVar("T")

BLOCK_DEG = 4.0
"""Least rotation of a block: reference profiles need strong reflections."""
MOST_DEG = 8.0
"""Most rotation of a block: when the crystal of the whole scan is known, the last one is waited for."""
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
        """Whether it is a part of what is asked for now."""
        return self.request.dataset.has_geometry_of(request.dataset) and self.span[1] <= request.images[1]


class Forerunner:
    """Works on a growing scan in threads of its own, as a context.

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
        self._scout = Scout(installation, environment, request, self.search)
        self._blocks: list[Block] = []
        self._news = threading.Condition()
        self._latest: Readable | None = None
        self._model: Model | None = None
        self._whole: Whole | None = None
        self._complete = self._finish = self._abandoned = self._void = False
        self._scouting: threading.Thread | None = None
        self._concluding: threading.Thread | None = None
        self._integrating: threading.Thread | None = None
        self._warm: Session | None = None

    def __enter__(self) -> Self:
        if self._active:
            try:
                self._warm = self._begin()
            except Refused as refused:
                log.info("no process is kept ready: %s", refused)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._abandoned = True
            self._news.notify_all()
        for thread in (self._scouting, self._concluding, self._integrating):
            if thread is not None:
                thread.join()
        if self._warm is not None:
            self._warm.close()

    def seen(self, readable: Readable) -> None:
        """Take note that more frames can be read; once all can, the rest is left to `process`."""
        dataset = readable.dataset
        whole = (1, dataset.n_announced)
        one_sweep = self._request.images == whole and len(dataset.scan.sweeps()) == 1
        if not self._active or not one_sweep:
            return
        if not self._request.dataset.has_geometry_of(dataset):
            self._give_up()
            return
        with self._news:
            self._complete |= readable.n == whole[1]
            self._latest = readable if readable.n else None
            self._news.notify_all()
        if not self._complete and self._scouting is None:
            self._scouting = self._started(self._find_models)
            self._integrating = self._started(self._integrate_blocks)
        elif readable.n == whole[1] and self._scouting and not (self._concluding or self._finish):
            self._concluding = self._started(lambda: self._find_whole(readable))

    def _give_up(self) -> None:
        """The master says something else than it did: what was done is void."""
        self._void = True
        self._stop()

    def _stop(self, *, blocks: bool = True) -> None:
        """Begin no new model, and no new block."""
        with self._news:
            self._complete = True
            self._finish |= blocks
            self._news.notify_all()

    def _started(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(work,), name="ahead", daemon=True)
        thread.start()
        return thread

    def warm(self) -> Session | None:
        """A process that has begun to import DIALS, when it is free; given once."""
        session = self._warm
        busy = self._concluding is not None and self._concluding.is_alive()
        if session is None or busy or session.process.poll() is not None:
            return None
        self._warm = None
        return session

    def pixels(self, request: Request) -> PixelSearch | None:
        """The search for strong pixels, when it is that of a request."""
        same = request.d_min == self._request.d_min and request.images[0] == 1
        begun = self._scouting is not None and not self._void
        unchanged = self._request.dataset.has_geometry_of(request.dataset)
        return self.search if begun and same and unchanged else None

    def for_request(self, request: Request) -> Self | None:
        """This, when what was done is part of a request."""
        if request.tweaks:  # A second try, for which nothing more is done ahead.
            self._stop()
            return None
        mine = self._request
        same = (request.space_group, request.unit_cell) == (mine.space_group, mine.unit_cell)
        return self if same and self.pixels(request) is not None else None

    def whole(self, request: Request, check: Callable[[], None]) -> Whole | None:
        """Spots and lattice of all frames, waited for; None when there are none or they do not hold.

        Args:
            request: what is asked for now.
            check: called some times a second; what it raises ends the waiting.
        """
        self._stop(blocks=False)  # Also of a scan that stopped: no more models of a part.
        self._end(self._concluding, check)  # Blocks are integrated meanwhile.
        whole = self._whole
        if whole is None or whole.request.images != request.images:
            return None
        return whole if whole.request.dataset.has_geometry_of(request.dataset) else None

    def blocks(self, request: Request, check: Callable[[], None]) -> tuple[Block, ...]:
        """The blocks that hold, once the one that is being worked on is done; no other is begun.

        Args:
            request: what is asked for now.
            check: called some times a second; what it raises ends the waiting.
        """
        self._stop()
        self._end(self._integrating, check)
        return tuple(block for block in self._blocks if block.holds(request))

    def _end(self, thread: threading.Thread | None, check: Callable[[], None]) -> None:
        """Wait for a thread."""
        while thread is not None and thread.is_alive():
            check()
            thread.join(WAIT_S)

    def _begin(self) -> Session:
        return begin(self._installation, self._environment, self._request.directory)

    def _session(self) -> closing[Session]:
        return closing(wait_for(self._begin(), self._check))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (_Abandoned, Refused) as why:
            log.info("no more work ahead: %s", why)
        except Exception:  # the boundary of a thread: `process` does all of it by itself
            log.exception("work ahead went wrong")

    def _check(self) -> None:
        if self._abandoned:
            raise _Abandoned("it is not wanted")

    def _find_models(self) -> None:
        """Spots of all frames as they come, and a model now and then."""
        with self._session() as session:
            wanted = 0
            while (readable := self._awaited(self._newest, lambda: self._complete)) is not None:
                if readable.n >= first_frames(readable.dataset.scan.width):
                    self.search.until(readable.n, _nothing, self._check, strict=True)
                    wanted = self._find_model(session, readable) if readable.n >= wanted else wanted

    def _find_model(self, session: Session, readable: Readable) -> int:
        """A model of the frames so far; how many there must be before the next."""
        try:
            model = self._scout.model(session, readable, self._check)
        except ScienceError as why:
            log.info("frames 1 to %d: %s", readable.n, why)
            return 2 * readable.n
        with self._news:
            self._model = model
            self._news.notify_all()
        return readable.n + int(STEP_DEG / abs(readable.dataset.scan.width))

    def _find_whole(self, readable: Readable) -> None:
        """What `process` asks for first, in the process of DIALS that it will use."""
        if self._warm is None or self._scout.lattice is None:
            return
        session = wait_for(self._warm, self._check)
        try:
            self._whole = self._scout.whole(session, readable, self._check)
        except ScienceError as why:
            log.info("all frames: %s", why)

    def _newest(self) -> Readable | None:
        readable, self._latest = self._latest, None
        return readable

    def _integrate_blocks(self) -> None:
        with self._session() as session:
            self._integrate_with(session)

    def _integrate_with(self, session: Session) -> None:
        """Blocks, each with the newest model."""
        number = 0
        while (found := self._awaited(self._next_block, lambda: self._finish)) is not None:
            model, span = found
            number += 1
            try:
                files = self._integrate(session, model, span, number)
            except ScienceError as why:
                log.info("frames %d to %d: %s", span[0] + 1, span[1], why)
                with self._news:
                    self._model = None if self._model is model else self._model
                continue
            self._blocks.append(Block(files, span, model.request))

    def _next_block(self) -> tuple[Model, tuple[int, int]] | None:
        """The newest model, and frames after those of the last block for which it holds."""
        model = self._model
        if model is None:
            return None
        end = self._blocks[-1].span[1] if self._blocks else 0
        width = abs(model.request.dataset.scan.width)
        frames = min(model.end - end, int(MOST_DEG / width))
        return (model, (end, end + frames)) if frames * width >= BLOCK_DEG else None

    def _awaited(self, find: Callable[[], T | None], over: Callable[[], bool]) -> T | None:
        """What is found, waited for; None once it is over."""
        with self._news:
            while not over():
                self._check()
                found = find()
                if found is not None:
                    return found
                self._news.wait(WAIT_S)
        return None

    def _integrate(self, session: Session, model: Model, span: tuple[int, int], number: int) -> Pair:
        place = self._request.directory / f"dials_block_{number}"
        place.mkdir()
        chain = chain_of(self._installation, self._environment, place, self._check, session)
        chain.adopt(model.learned)
        return integrate_part(chain, model, span)


def integrate_part(chain: Chain, model: Model, span: tuple[int, int]) -> Pair:
    """Integrate the reflections whose centres lie in some frames.

    Args:
        chain: runs the step; it has a session.
        model: crystal and spots.
        span: frames by array index, the last one not included.
    """
    request = model.request
    return chain.run(
        "integrate",
        model.refined,
        steps.integrate(request),
        ("integrated.expt", "integrated.refl"),
        session=lambda: {"blocks": {"cores": request.cores, "part": span}},
    ).pair


def _nothing() -> None:
    return None
