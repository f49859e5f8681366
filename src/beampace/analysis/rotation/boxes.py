"""Boxes of reflections while their frames come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis.frame import HIGHEST
from beampace.analysis.rotation import crop_kernel
from beampace.analysis.rotation.crop_kernel import Store
from beampace.analysis.rotation.predict import Predictions

Frame = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a count may be.

    Attributes:
        saturation: largest count that can be trusted.
        step: counts per step of the larger counts in 16 bits.
    """

    saturation: int
    step: int

    @classmethod
    def of(cls, saturation: int) -> Trust:
        """For a detector's saturation; 0 trusts every count."""
        most = min(saturation or HIGHEST[np.dtype(np.uint32)], HIGHEST[np.dtype(np.uint32)])
        beyond = max(0, most - crop_kernel.EXACT)
        return cls(most, max(1, -(-beyond // crop_kernel.STEPS)))


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Reflections predicted together that end in the same block of frames, and their voxels."""

    predictions: Predictions
    store: Store

    @classmethod
    def open(cls, predictions: Predictions) -> Chunk:
        """Room for the voxels; memory is taken as they are written."""
        sides = (predictions.box[:, 1::2] - predictions.box[:, ::2]).astype(np.int64)
        offset = np.concatenate([np.zeros(1, np.int64), np.cumsum(sides.prod(axis=1))])
        return cls(predictions, Store(predictions.box, offset, np.zeros(int(offset[-1]), np.uint16)))

    @property
    def first(self) -> int:
        """Index of the first frame of any."""
        return int(self.store.box[:, 4].min())

    @property
    def last(self) -> int:
        """Index of the last frame of any."""
        return int(self.store.box[:, 5].max()) - 1

    def crop(self, frame: Frame, index: int, trust: Trust) -> None:
        """Copy what the boxes have on a frame; `index` counts frames from 0."""
        cut: Any = crop_kernel.crop
        highest = HIGHEST[frame.dtype]
        cut(frame, index, self.store, highest, min(trust.saturation, highest), trust.step)
