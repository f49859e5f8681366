"""The identity of a dataset, which does not depend on its path."""

from __future__ import annotations

import hashlib

import h5py

from beampace.eiger.panel import DETECTOR, SPECIFIC
from beampace.eiger.values import Values

_SERIES = (f"{SPECIFIC}/series_unique_id", f"{SPECIFIC}/series_id", f"{SPECIFIC}/series_number")
TIMES = (f"{SPECIFIC}/data_collection_date", "/entry/start_time", f"{DETECTOR}/data_collection_date")


def identity(handle: h5py.File, first_chunk: bytes | None, n_announced: int) -> str:
    """Detector serial + series id; else serial + time of the first image; else a hash.

    Args:
        handle: the open master.
        first_chunk: the stored bytes of the first frame, or None while there is none.
        n_announced: frames the detector was armed for.
    """
    values = Values(handle)
    serial = values.text(f"{DETECTOR}/detector_number", f"{DETECTOR}/serial_number")
    number = values.number(*_SERIES)
    series = values.text(*_SERIES) or (f"{number:.0f}" if number is not None else "")
    if serial and series:
        return f"{serial}/series-{series}"
    time = values.text(*TIMES)
    if serial and time:
        return f"{serial}/{time}"
    if first_chunk is None:
        return ""
    return f"sha256-{hashlib.sha256(first_chunk).hexdigest()}-{n_announced}"
