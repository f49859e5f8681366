"""Where results of a dataset lie."""

from __future__ import annotations

from pathlib import PurePosixPath

from beampace.eiger import plain_name
from beampace.store import DatasetRow


def results_place(dataset: DatasetRow, first_in_place: int | None) -> PurePosixPath:
    """Directory of the results, relative to `processed`; a second dataset of a place gets its own.

    Args:
        dataset: the dataset.
        first_in_place: number of the first dataset of its directory below raw.
    """
    place = PurePosixPath(dataset.place)
    if first_in_place != dataset.id:
        place /= f"{plain_name(dataset.name)}-{dataset.id}"
    return place / "beampace"
