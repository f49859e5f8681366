"""Frames of a scan to integrated reflections, decoded and cut on all cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.integrate import Integrator
from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.model import Model
from beampace.core.engine import Request
from beampace.core.errors import InputError, failure
from beampace.core.taxonomy import Failure
from beampace.eiger import FrameReader, open_container
from beampace.engines.frame_search import AHEAD, in_order


@dataclass(frozen=True, slots=True)
class _Taking:
    """One frame into the integrator, on any thread."""

    reader: FrameReader
    integrator: Integrator

    def __call__(self, number: int) -> None:
        """Take a frame, or say that it will not come."""
        try:
            self.integrator.take(self.reader.read(number), number)
        except InputError as lost:
            if lost.code is Failure.METADATA_INCONSISTENT:
                raise
            self.integrator.skip(number)


def integrate(
    request: Request,
    model: Model,
    d_min: float,
    on_frame: Callable[[], None],
    check: Callable[[], None],
) -> Integrated:
    """Integrate the frames of a request.

    Args:
        request: which, and how many cores.
        model: the crystal.
        d_min: resolution limit, angstrom.
        on_frame: called once for each frame.
        check: called some times a second; what it raises ends the work.

    Raises:
        ScienceError: nothing was integrated (not_integrated).
        InputError: a frame is not as announced.
    """
    # The dataset's own master, not the companion: its links are proven against its own directory.
    container = open_container(Path(request.dataset.master))
    first, last = request.images
    integrator = Integrator(model, _mask(container.mask(), request), d_min, last)
    for number in range(1, first):
        integrator.skip(number)
    taking, numbers = _Taking(FrameReader(container), integrator), range(first, last + 1)
    with ThreadPoolExecutor(request.cores) as pool:
        for _ in in_order(pool, taking, numbers, AHEAD * request.cores, check):
            on_frame()
    try:
        return integrator.finish()
    except ValueError as error:
        raise failure(Failure.NOT_INTEGRATED, "No reflection was predicted on the frames.") from error


def _mask(mask: npt.NDArray[np.bool_] | None, request: Request) -> npt.NDArray[np.bool_]:
    nx, ny = request.dataset.detector.image_size
    return np.zeros((ny, nx), np.bool_) if mask is None else mask
