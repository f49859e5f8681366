"""The pixel mask of a master."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.eiger.hdf5 import open_read
from beampace.eiger.panel import MASKS
from beampace.eiger.values import Values


def read_raw_mask(master: Path, shape: tuple[int, int]) -> NDArray[np.uint32]:
    """The mask as stored (NXmx bits), zeros when the master has none; shape (slow, fast).

    Raises:
        InputError: it has another shape (`metadata_inconsistent`) or cannot be read (`file_truncated`).
    """
    with open_read(master) as handle:
        values = Values(handle)
        found = next((mask for path in MASKS if (mask := values.dataset(path)) is not None), None)
        if found is None:
            return np.zeros(shape, np.uint32)
        if found.shape != shape:
            raise failure(
                Failure.METADATA_INCONSISTENT,
                f"{master} has a pixel mask of {found.shape} for frames of {shape} (slow, fast).",
            )
        try:
            return np.asarray(found[()]).astype(np.uint32)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise failure(Failure.FILE_TRUNCATED, f"the pixel mask of {master}: {error}.") from error
