"""The heat map of a grid scan."""

from __future__ import annotations

from pydantic import ConfigDict

from beampace.results.map_schema import Map
from beampace.web.answers import Told
from beampace.web.records.lines import Verdict


class MapPage(Told):
    """The newest map of a dataset, under way or done."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    dataset: int
    """Number of the dataset."""
    job: str
    """Key of the job."""
    result: int | None = None
    """Number of the result; null while it runs."""
    verdict: Verdict
    """How it ended, or how far it is."""
    part: int = 0
    """Which of the grids is that of this dataset, from 0."""
    datasets: tuple[int | None, ...]
    """Number of the dataset of each grid; null when it is not known."""
    order: tuple[str, ...]
    """How each grid was scanned, and how well the order fits, in words."""
    map: Map
    """The map as in `map.json`."""
