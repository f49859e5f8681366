"""How a synthetic dataset is put into files: layout, pace, P11's habits and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class FileLayout(StrEnum):
    """Layouts of masters."""

    LEGACY = "legacy"
    FW18 = "fw18"
    NXMX = "nxmx"
    NXMX_VDS = "nxmx-vds"


class Codec(StrEnum):
    """Compression of frames."""

    BSLZ4 = "bslz4"
    LZ4 = "lz4"
    NONE = "none"


class InfoFile(StrEnum):
    """When `info.txt` is written: CrystalControl before the run, MXCuBE after it."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with the files; data files and frames are numbered from 1.

    Attributes:
        stop_after: the run is aborted after so many frames.
        missing: data files that never appear.
        late: (data file, seconds) that appear so long after the end of the run.
        truncated: data files that are cut in the middle of their last chunk.
        corrupt: frames whose chunk holds garbage.
        no_wavelength, zero_distance, wrong_mask: defects of the header.
        links_outside: the links lead out of the directory.
    """

    stop_after: int | None = None
    missing: tuple[int, ...] = ()
    late: tuple[tuple[int, float], ...] = ()
    truncated: tuple[int, ...] = ()
    corrupt: tuple[int, ...] = ()
    no_wavelength: bool = False
    zero_distance: bool = False
    wrong_mask: bool = False
    links_outside: bool = False


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a dataset is written.

    Attributes:
        layout, codec: of the files.
        images_per_file: frames per data file.
        triggers: triggers of the series; 0 is one per frame for test shots and one otherwise.
        rate: frames per second, or 0 for as fast as possible.
        master_last: the master appears after the data files instead of before.
        info: when `info.txt` is written.
        patch: the master is opened r+ and patched `patch_delay` seconds after the run.
        rewrite_axis: the patch of test shots sets omega's vector to (1, 0, 0), as MXCuBE does.
        bare_axis: the patch leaves omega without attributes but the vector, as MXCuBE does.
        faults: what goes wrong.
    """

    layout: FileLayout = FileLayout.LEGACY
    codec: Codec = Codec.BSLZ4
    images_per_file: int = 1000
    triggers: int = 0
    rate: float = 0.0
    master_last: bool = False
    info: InfoFile = InfoFile.NEVER
    patch: bool = False
    patch_delay: float = 1.0
    rewrite_axis: bool = True
    bare_axis: bool = True
    faults: Faults = field(default_factory=Faults)
