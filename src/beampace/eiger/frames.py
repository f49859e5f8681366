"""Reading frames by their number."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.eiger.blocks import Block
from beampace.eiger.chunks import Frame, frames_dataset, layout_of, read_frame
from beampace.eiger.container import Container
from beampace.eiger.hdf5 import open_read
from beampace.eiger.links import check_target
from beampace.eiger.survey import examine


class FrameReader:
    """Reads frames of a container; use one per thread.

    A file is open only while one chunk is fetched, so that nobody who patches or replaces it is
    ever in the way of an open handle.
    """

    def __init__(self, container: Container, blocks: tuple[Block, ...] | None = None) -> None:
        self._container = container
        self._blocks = blocks if blocks is not None else examine(container).blocks

    def read(self, number: int, out: NDArray[Any] | None = None) -> Frame:
        """Frame `number` (from 1), shape (slow, fast).

        Args:
            number: the frame.
            out: array to fill; one of the files' own type is decoded into directly. Without it the
                frame is a new array, which may not be writable.

        Raises:
            IndexError: there is no such frame in the dataset.
            InputError: it cannot be read: `frames_missing`, `file_truncated`, `metadata_inconsistent`.
        """
        frame = self._fetch(number, out)
        if out is None or frame is out:
            return frame
        np.copyto(out, frame, casting="safe")
        return out

    def close(self) -> None:
        """Nothing stays open between reads; kept so that callers need not know."""

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self, number: int, out: NDArray[Any] | None) -> Frame:
        block, index = self._find(number)
        file = block.link.file
        refused = block.link.refused or check_target(file, self._container.roots)
        if refused:
            raise failure(Failure.METADATA_INCONSISTENT, refused + ".")
        with open_read(file) as handle:
            dataset = frames_dataset(handle, file, block.link.dataset)
            layout = layout_of(dataset, file)
            if layout.shape[1:] != self._container.shape:
                raise failure(Failure.METADATA_INCONSISTENT, f"{file} holds frames of {layout.shape[1:]}.")
            return read_frame(dataset, layout, index, file, out)

    def _find(self, number: int) -> tuple[Block, int]:
        if not 1 <= number <= self._container.dataset.n_announced:
            raise IndexError(
                f"there is no frame {number}: the dataset has 1 to {self._container.dataset.n_announced}"
            )
        for block in self._blocks:
            index = block.index(number)
            if index is not None:
                return block, index
        raise failure(Failure.FRAMES_MISSING, f"no file holds frame {number}.")
