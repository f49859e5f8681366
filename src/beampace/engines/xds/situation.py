"""What is the same in every run of XDS on a dataset."""

from __future__ import annotations

from pathlib import Path

from beampace.core.engine import Request
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.eiger.mask import read_raw_mask
from beampace.engines.xds.gaps import gap_rectangles
from beampace.engines.xds.inp import Situation
from beampace.engines.xds.links import link_master, template


def situation_of(request: Request, companion: Path, directory: Path, library: Path | None) -> Situation:
    """The dataset as XDS will see it.

    Args:
        request: what is asked.
        companion: companion master; a short link is made beside it.
        directory: where XDS runs, or one as deep.
        library: plug-in that reads frames.

    Raises:
        InfrastructureError: the link cannot be made (not_writable).
    """
    dataset = request.dataset
    nx, ny = dataset.detector.image_size
    try:
        link = link_master(companion)
    except OSError as error:
        raise failure(Failure.NOT_WRITABLE, f"{companion.parent}: {error}.") from error
    gaps = gap_rectangles(read_raw_mask(companion, (ny, nx)))
    return Situation(dataset, template(link, directory), library, gaps, request.d_min)
