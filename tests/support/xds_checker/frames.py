"""Opening images through the template as XDS does with the neggia plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  registers the filters
import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.grammar import TEMPLATE_LIMIT, Inp
from tests.support.xds_checker.log import StepError, complain

_SPECIFIC = "entry/instrument/detector/detectorSpecific"


@dataclass(frozen=True)
class Images:
    """The images behind a template.

    Attributes:
        template: as XDS.INP has it, from the working directory.
        master: the file the template stands for.
        count: nimages x ntrigger; `per_file` as data_000001 has them.
    """

    template: str
    master: Path
    count: int
    per_file: int

    def name(self, number: int) -> str:
        """What XDS calls an image."""
        return self.template.replace("??????", f"{number:06d}")

    @cached_property
    def mask(self) -> npt.NDArray[Any]:
        """The pixel mask, (slow, fast)."""
        with h5py.File(self.master) as handle:
            return np.asarray(handle[f"{_SPECIFIC}/pixel_mask"][()])

    def check(self, first: int, last: int) -> None:
        """Open the images of a range: every data file, and the first and the last image decoded.

        Raises:
            StepError: one of them cannot be read.
        """
        for number in range(first, last + 1):
            ends = number in (first, last)
            if ends or (number - 1) % self.per_file == 0:
                self._read(number)

    def _read(self, number: int) -> None:
        order, index = divmod(number - 1, self.per_file)
        try:
            with _data_file(self.master, order + 1) as (stack, shape):
                there = number <= self.count and index < shape[0] <= self.per_file
                words = "" if there and stack[index].size else f"{shape[0]} images in the file"
        except (OSError, KeyError, ValueError) as error:
            words = str(error)
        if words:
            complain(f"NEGGIA ERROR: CANNOT OPEN FRAME {number}", words)
            raise StepError(f"CANNOT READ IMAGE {self.name(number)}")


class _data_file:
    """The frames of data file `order`, through the master's link but from the master's own directory."""

    def __init__(self, master: Path, order: int) -> None:
        with h5py.File(master) as handle:
            link = handle["entry/data"].get(f"data_{order:06d}", getlink=True)
        if not isinstance(link, h5py.ExternalLink):
            raise KeyError(f"data_{order:06d} is no link to a file")
        self._file = h5py.File(master.parent / link.filename)
        self._path = link.path

    def __enter__(self) -> tuple[Any, tuple[int, ...]]:
        stack = self._file[self._path]
        if stack.ndim != 3 or stack.chunks is None or stack.chunks != (1, *stack.shape[1:]):
            raise ValueError("WRONG DATA SHAPE: frames must be chunks of three dimensions")
        return stack, stack.shape

    def __exit__(self, *_: object) -> None:
        self._file.close()


def open_images(inp: Inp, directory: Path) -> Images:
    """Find and check the master behind the template.

    Raises:
        StepError: XDS, or the plug-in, would refuse it.
    """
    template = inp.word("NAME_TEMPLATE_OF_DATA_FRAMES")
    _check_library(inp, directory)
    master = directory / _master_name(template)
    first = template.replace("??????", f"{inp.data_range[0]:06d}")
    if not master.is_file():
        complain("NEGGIA ERROR: OPENING FILE RETURNED ERROR CODE: 2", str(master))
        raise StepError(f"CANNOT READ IMAGE {first}")
    try:
        images = _opened(template, master, inp)
    except (OSError, KeyError, ValueError) as error:
        complain(f"NEGGIA ERROR: {error}")
        raise StepError(f"CANNOT READ IMAGE {first}") from None
    return images


def _master_name(template: str) -> str:
    if len(template) > TEMPLATE_LIMIT:
        raise StepError(f"NAME_TEMPLATE_OF_DATA_FRAMES= IS LONGER THAN {TEMPLATE_LIMIT} CHARACTERS")
    if template.count("?") != 6 or not template.endswith("_??????.h5"):
        raise StepError(f"ILLEGAL NAME_TEMPLATE_OF_DATA_FRAMES= {template}")
    return template.replace("??????", "master")


def _check_library(inp: Inp, directory: Path) -> None:
    library = directory / inp.word("LIB", "no.such.file")
    if not (library.is_file() and library.suffix == ".so"):
        raise StepError(f"CANNOT OPEN OR LOAD LIBRARY {inp.word('LIB', '(LIB= IS MISSING)')}")


def _opened(template: str, master: Path, inp: Inp) -> Images:
    with h5py.File(master) as handle:
        detector = handle["entry/instrument/detector"]
        specific = handle[_SPECIFIC]
        count = int(_named(specific, "nimages", "N_IMAGES")) * int(specific.get("ntrigger", [1])[()])
        if count < 1:
            raise ValueError(f"CANNOT READ N_IMAGES FROM {master}")
        mask = specific["pixel_mask"]
        if mask.chunks is not None:
            raise ValueError(f"CANNOT READ PIXEL MASK FROM {master}: it is not contiguous")
        _agree(inp, mask.shape, float(np.ravel(detector["x_pixel_size"][()])[0]) * 1000)
        if float(np.ravel(detector["y_pixel_size"][()])[0]) <= 0:
            raise ValueError("y_pixel_size")
    with _data_file(master, 1) as (_, shape):
        _agree(inp, shape[1:], inp.number("QX"))
        return Images(template, master, count, shape[0])


def _named(group: h5py.Group, name: str, what: str) -> Any:
    if name not in group:
        raise ValueError(f"CANNOT READ {what} FROM {group.file.filename}")
    return np.ravel(group[name][()])[0]


def _agree(inp: Inp, shape: tuple[int, ...], pixel: float) -> None:
    """NX, NY and QX must be the file's."""
    if (inp.integer("NY"), inp.integer("NX")) != tuple(shape):
        raise StepError(
            f"NX= {inp.word('NX')} NY= {inp.word('NY')} DIFFER FROM IMAGE SIZE {shape[1]} {shape[0]}"
        )
    if abs(pixel - inp.number("QX")) > 1e-5:
        raise StepError(f"QX= {inp.word('QX')} DIFFERS FROM THE PIXEL SIZE {pixel:.6f} OF THE IMAGES")
