"""Run by the Python of DIALS, alone: read one frame and print its sum, to see that the filter is there."""

import contextlib
import sys

import h5py

with contextlib.suppress(ImportError):
    import hdf5plugin  # noqa: F401  (DIALS builds that carry it register the filter by this import)

with h5py.File(sys.argv[1], "r") as file:
    print(int(file["data"][()].sum()))  # noqa: T201
