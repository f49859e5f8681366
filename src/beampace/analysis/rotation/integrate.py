"""Integration of a rotation scan while its frames come, each touched once.

Reflections are predicted some degrees ahead, their boxes cut out of each frame right after it was decoded,
and integrated together with those that end in the same block of frames, once that block is whole. Blocks
are a fixed division of the scan and are worked on in their order, so results do not depend on the order in
which frames come, nor on how many threads bring them. A block waits for its missing frames until `skip` or
`finish` says that they will not come; their voxels then count as masked.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.block import Learned, Setting, Sorted, integrate_block, sort_chunk
from beampace.analysis.rotation.boxes import Chunk, Frame, Trust
from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.predict import RANGE_DEG, Predictions, Predictor
from beampace.analysis.rotation.profiles import Profiles
from beampace.analysis.rotation.shape import Shape

BLOCK_SPOTS = 12_000
"""Reflections that are integrated at once; SHORTEST_DEG: least rotation."""
SHORTEST_DEG = 1.0


def _block_degrees(model: Model, d_min: float) -> float:
    """Rotation after which about `BLOCK_SPOTS` have crossed: each point within the limit twice a turn."""
    limit = max(d_min, model.detector.best_resolution(model.beam))
    points = 4 / 3 * math.pi * model.cell.volume / limit**3
    return min(RANGE_DEG, max(SHORTEST_DEG, BLOCK_SPOTS * 180 / points))


@dataclass(slots=True)
class _Boxes:
    """What is open: predictions by the block in which they cross, chunks by the one in which they end."""

    predicted: dict[int, Predictions] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    chunks: dict[int, list[Chunk]] = field(default_factory=dict)


class Integrator:
    """Integrates a scan; `take` may be called from several threads.

    Args:
        model: the crystal.
        mask: True for bad pixels, (slow, fast).
        d_min: resolution limit, angstrom.
        n_frames: of the whole scan.
        block_degrees: rotation that is integrated at once; None: as much as fits into `BLOCK_SPOTS`.
    """

    def __init__(
        self,
        model: Model,
        mask: npt.NDArray[np.bool_],
        d_min: float,
        n_frames: int,
        block_degrees: float | None = None,
    ) -> None:
        degrees = block_degrees or _block_degrees(model, d_min)
        self._per_block = max(1, round(degrees / model.width))
        missing = np.zeros(n_frames, np.bool_)
        self._setting = Setting(model, mask, missing, Trust.of(model.detector.saturation))
        self._predictor = Predictor(model, d_min, n_frames)
        profiles = Profiles(self._setting.per_frame, self._per_block * model.width)
        self._learned = Learned(profiles, Shape(model.beam.wavelength, 1 / self._predictor.limit))
        self._came = np.zeros(n_frames, np.bool_)
        self._open = _Boxes()
        self._next = 0
        self._results: list[Integrated] = []
        self._lock, self._turn = threading.Lock(), threading.Lock()

    @property
    def model(self) -> Model:
        """The crystal as it is predicted from now on."""
        return self._predictor.model

    @property
    def profiles(self) -> Profiles:
        """As learned so far; `Profiles.spread` tells how well sigma_d and sigma_m of the model fit."""
        return self._learned.profiles

    def update_model(self, model: Model) -> None:
        """Predict with another model from the next range on; sigma_m and the frames' width stay as they were.

        Raises:
            ValueError: they do not.
        """
        if (model.sigma_m, model.sigma_d, model.width) != (
            self.model.sigma_m,
            self.model.sigma_d,
            self.model.width,
        ):
            raise ValueError("profiles are learned in units of sigma_d and sigma_m: they stay during a scan")
        with self._lock:
            self._predictor = Predictor(model, self._predictor.d_min, self._predictor.n_frames)

    def take(self, frame: Frame, number: int) -> None:
        """Cut boxes out of a frame, and integrate the block that it makes whole.

        Args:
            frame: counts, (slow, fast), uint16 or uint32, C order; not kept, not changed.
            number: from 1.
        """
        index = number - 1
        with self._lock:
            chunks = self._chunks_on(index)
        view = frame.view()
        view.flags.writeable = False
        for chunk in chunks:
            chunk.crop(view, index, self._setting.trust)
        self._note(index, missing=False)

    def skip(self, number: int) -> None:
        """Say that a frame, numbered from 1, will not come."""
        self._note(number - 1, missing=True)

    def results(self) -> Integrated | None:
        """What is integrated so far, sorted by z; None before the first block."""
        with self._turn:
            return Integrated.joined(self._results) if self._results else None

    def finish(self) -> Integrated:
        """Integrate what is open; frames that did not come are missing.

        Raises:
            ValueError: no frame came, or none has a reflection.
        """
        for index in np.flatnonzero(~self._came):
            self._note(int(index), missing=True)
        found = self.results()
        if found is None:
            raise ValueError("there is nothing to integrate")
        return found

    @property
    def _n_blocks(self) -> int:
        return -(-len(self._came) // self._per_block)

    def _note(self, index: int, *, missing: bool) -> None:
        with self._lock:
            self._chunks_on(index)
            self._came[index] = True
            self._setting.missing[index] = missing
            ready = self._block_is_whole(self._next)
        if ready:
            with self._turn:
                self._work()

    def _block_is_whole(self, block: int) -> bool:
        begin = block * self._per_block
        return block < self._n_blocks and bool(self._came[begin : begin + self._per_block].all())

    def _work(self) -> None:
        """Integrate all blocks that are whole, in their order; one thread at a time."""
        while True:
            with self._lock:
                if not self._block_is_whole(self._next):
                    return
                chunks = self._open.chunks.pop(self._next, [])
                around = self._around(chunks)
                self._next += 1
            sorted_parts: list[Sorted] = []
            while chunks:
                sorted_parts.append(sort_chunk(chunks.pop(0), around, self._setting))
            if sorted_parts:
                self._results.append(integrate_block(sorted_parts, self._setting, self._learned))

    def _around(self, chunks: list[Chunk]) -> Predictions:
        """Predictions that may touch those of the chunks; those that no longer can are forgotten."""
        first = min((chunk.first for chunk in chunks), default=0)
        last = max((chunk.last for chunk in chunks), default=0)
        found = [
            part.only((part.box[:, 5] > first) & (part.box[:, 4] <= last))
            for _, part in sorted(self._open.predicted.items())
        ]
        oldest = (self._next + 1) * self._per_block - 3 * self._predictor.longest
        for block in [key for key in self._open.predicted if (key + 1) * self._per_block < oldest]:
            del self._open.predicted[block]
        return Predictions.joined(found)

    def _chunks_on(self, index: int) -> list[Chunk]:
        """Chunks that have something on a frame, after predicting what may be."""
        reach, step = self._predictor.longest, self._per_block
        for block in range((index - reach) // step, (index + reach) // step + 1):
            if block not in self._open.done:
                self._predict(block)
        return [
            chunk
            for part in self._open.chunks.values()
            for chunk in part
            if chunk.first <= index <= chunk.last
        ]

    def _predict(self, block: int) -> None:
        self._open.done.add(block)
        begin = block * self._per_block
        found = self._predictor.predict(begin, begin + self._per_block)
        self._open.predicted[block] = found
        ends = (found.box[:, 5] - 1) // self._per_block
        for end in np.unique(ends):
            self._open.chunks.setdefault(int(end), []).append(Chunk.open(found.only(ends == end)))
