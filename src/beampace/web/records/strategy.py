"""A strategy: how to collect a crystal."""

from __future__ import annotations

from pydantic import ConfigDict

from beampace.results.strategy_schema import Strategy
from beampace.web.answers import Told
from beampace.web.records.lines import Verdict


class StrategyPage(Told):
    """The newest strategy of a dataset."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    dataset: int
    """Number of the dataset."""
    result: int
    """Number of the result."""
    verdict: Verdict
    """How it ended."""
    text: str
    """The recommendation as text, a value per line, to be copied."""
    strategy: Strategy
    """The strategy as in `strategy.json`."""
