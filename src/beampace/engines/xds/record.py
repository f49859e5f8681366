"""From the last CORRECT to the record every engine gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beampace.analysis.groups import short_laue
from beampace.analysis.spot_list import per_frame
from beampace.core.engine import Crystal, EngineRecord, FrameSeries, Request
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.xds.corrected import Corrected
from beampace.engines.xds.correction import Settled
from beampace.engines.xds.indexing import Lattice
from beampace.engines.xds.parameters import Parameters
from beampace.engines.xds.spot_xds import Spots

FILES = ("XDS_ASCII.HKL", "CORRECT.LP", "INTEGRATE.LP", "IDXREF.LP", "GXPARM.XDS", "XDS.INP")
"""What is kept and named beside the merged data."""

UNMERGED = "unmerged.mtz"


@dataclass(frozen=True, slots=True)
class Explained:
    """Spots, which of them the lattice explains, and what INTEGRATE says of each frame, column by column."""

    spots: Spots
    indexed: NDArray[np.bool_]
    columns: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share that is explained, 0 to 1."""
        return float(self.indexed.mean()) if len(self.spots) else 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """What the program said of itself and of the way: versions, seconds, keywords, sentences."""

    versions: Mapping[str, str]
    timing: Mapping[str, float]
    parameters: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]


def record_of(
    name: str, request: Request, lattice: Lattice, explained: Explained, settled: Settled, said: Said
) -> EngineRecord:
    """Write the unmerged file and put the record together; the merged one is made from it elsewhere.

    Args:
        name: of the engine.
        request: what was asked.
        lattice: as indexed.
        explained: its spots.
        settled: data in their final symmetry.
        said: what else is known.

    Raises:
        InfrastructureError: the file cannot be written (not_writable).
    """
    unmerged = write_unmerged(settled, request.directory)
    return EngineRecord(
        engine=name,
        versions=said.versions,
        crystal=_crystal(lattice, explained, settled),
        unmerged=unmerged,
        merged=unmerged,
        d_min=settled.d_min,
        d_min_reason=settled.reason,
        n_spots=len(explained.spots),
        n_indexed=int(explained.indexed.sum()),
        rmsd=_rmsd(_start(lattice), request.dataset.scan.width),
        series=_series(request, explained),
        timing=said.timing,
        files={file: path for file in FILES if (path := request.directory / file).is_file()},
        remarks=(*lattice.remarks, *settled.remarks, *said.remarks),
        parameters=said.parameters,
    )


def write_unmerged(settled: Settled, directory: Path) -> Path:
    """The observations that are no misfits, as MTZ, in the group the data leave first.

    Raises:
        InfrastructureError: it cannot be written (not_writable).
    """
    observations = settled.corrected.observations
    good = np.asarray(observations.sigma_array) > 0
    mtz = observations.filtered(good).to_mtz()
    path = directory / UNMERGED
    try:
        mtz.write_to_file(str(path))
    except (OSError, RuntimeError) as error:
        raise failure(Failure.NOT_WRITABLE, f"{path}: {error}.") from error
    return path


def _crystal(lattice: Lattice, explained: Explained, settled: Settled) -> Crystal:
    corrected = settled.corrected
    return Crystal(
        space_group=settled.names[0],
        candidates=settled.names,
        laue_group=short_laue(corrected.group),
        laue_confidence=settled.confidence,
        unit_cell=corrected.cell,
        mosaicity=_mosaicity(corrected, _start(lattice)),
        indexed_fraction=explained.share,
    )


def _start(lattice: Lattice) -> Parameters | None:
    return lattice.log.start if lattice.log else None


def _mosaicity(corrected: Corrected, start: Parameters | None) -> float | None:
    """As refined last."""
    after = corrected.log.parameters if corrected.log else None
    return next((one.mosaicity for one in (after, start) if one and one.mosaicity is not None), None)


def _rmsd(start: Parameters | None, width: float) -> tuple[float, float, float] | None:
    """XDS gives one number for both directions on the detector; degrees become frames."""
    return (start.rmsd_px, start.rmsd_px, start.rmsd_deg / width) if start else None


def _series(request: Request, explained: Explained) -> FrameSeries:
    first, last = request.images
    z = explained.spots.z
    columns = {
        "spots": per_frame(z, request.images),
        "indexed": per_frame(z[explained.indexed], request.images),
        **explained.columns,
    }
    return FrameSeries(tuple(range(first, last + 1)), columns)
