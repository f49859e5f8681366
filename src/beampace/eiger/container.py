"""The container: a master, where its frames are, its mask."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from beampace.core.dataset import Dataset
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.eiger.access import get
from beampace.eiger.chunks import depth_of, first_chunk_of
from beampace.eiger.hdf5 import look_at, open_read
from beampace.eiger.identity import identity
from beampace.eiger.info import read_info
from beampace.eiger.links import DATA, Link, data_links
from beampace.eiger.mask import read_raw_mask
from beampace.eiger.reader import ReadOptions, build_dataset

_DATA_FILE = re.compile(r"^(.*)_data_\d+\.h5$")


@dataclass(frozen=True, slots=True)
class Container:
    """A dataset and where its frames are.

    Attributes:
        dataset: the record.
        links: places of frames in order, whether they exist yet or not.
        roots: directories the links may lead into, symbolic links resolved.
    """

    dataset: Dataset
    links: tuple[Link, ...]
    roots: tuple[Path, ...]

    @property
    def master(self) -> Path:
        """The master file."""
        return Path(self.dataset.master)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a frame (slow, fast)."""
        fast, slow = self.dataset.detector.image_size
        return (slow, fast)

    def raw_mask(self) -> NDArray[np.uint32]:
        """The pixel mask as stored, shape (slow, fast)."""
        return read_raw_mask(self.master, self.shape)

    def mask(self) -> NDArray[np.bool_]:
        """True for pixels that are not to be used, shape (slow, fast)."""
        return np.asarray(self.raw_mask() != 0)


def open_container(
    master: Path, options: ReadOptions | None = None, roots: tuple[Path, ...] = ()
) -> Container:
    """Read a master and say where its frames are.

    Args:
        master: the master file.
        options: how to read it.
        roots: directories besides the master's own that links may lead into.

    Raises:
        InputError: not a master (`not_a_dataset`), cut short (`file_truncated`), or lacking or
            contradicting what processing needs (`metadata_inconsistent`).
    """
    _check_path(master)
    try:
        return _read(master, options or ReadOptions(), roots)
    except (KeyError, OSError, RuntimeError) as error:
        raise failure(Failure.FILE_TRUNCATED, f"{master} cannot be read to its end: {error}.") from error
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        # Masters are patched by programs of many hands: whatever value they hold is theirs to correct.
        raise failure(Failure.METADATA_INCONSISTENT, f"{master}: {error}.") from error


def _read(master: Path, options: ReadOptions, roots: tuple[Path, ...]) -> Container:
    with open_read(master) as handle:
        _check_master(master, handle)
        links = data_links(master, handle, roots)
        _check_links(master, links)
        chunk = None
        if not identity(handle, None, 0) and links and not links[0].refused:
            chunk = first_chunk_of(links[0].file, links[0].dataset)
        dataset = build_dataset(master, handle, read_info(master.resolve().parent), chunk, options)
    dataset = _with_depth(dataset, links[0])
    allowed = (master.resolve().parent, *(root.resolve() for root in roots))
    return Container(dataset, links, allowed)


def _with_depth(dataset: Dataset, first: Link) -> Dataset:
    """The record with the bit depth of the frames themselves, once there are any."""
    depth = None if first.refused else depth_of(first.file, first.dataset)
    detector = dataset.detector
    if depth is None or depth == detector.bit_depth:
        return dataset
    remark = f"The frames have {depth} bits per pixel, the master says {detector.bit_depth}."
    saturation = min(detector.saturation, 2**depth - 2)
    changed = replace(detector, bit_depth=depth, saturation=saturation)
    return replace(dataset, detector=changed, remarks=(*dataset.remarks, remark))


def read_dataset(master: Path, options: ReadOptions | None = None) -> Dataset:
    """The record of a dataset; errors as `open_container`."""
    return open_container(master, options).dataset


def _check_path(master: Path) -> None:
    if stat.S_ISDIR(look_at(master).st_mode):
        found = sorted(path.name for path in master.glob("*_master.h5"))
        said = f"it holds {', '.join(found[:5])}" if found else "there is no master file in it"
        raise failure(Failure.NOT_A_DATASET, f"{master} is a directory; {said}.")
    match = _DATA_FILE.match(master.name)
    if match:
        raise failure(
            Failure.NOT_A_DATASET,
            f"{master} is a data file of {match[1]}.",
            f"Give {master.with_name(match[1] + '_master.h5')}.",
        )


def _check_master(master: Path, handle: h5py.File) -> None:
    if not isinstance(get(handle, "/entry/instrument/detector"), h5py.Group):
        raise failure(Failure.NOT_A_DATASET, f"{master} holds no /entry/instrument/detector.")


def _check_links(master: Path, links: tuple[Link, ...]) -> None:
    if not links:
        raise failure(Failure.NOT_A_DATASET, f"{master} names no data files in {DATA}.")
    if all(link.refused for link in links):
        raise failure(Failure.METADATA_INCONSISTENT, f"{master}: {links[0].refused}.")
