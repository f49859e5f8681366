"""Results: the schema, merging statistics, MTZ files, verdict, report; not how they were made."""

from beampace.results.build import build_result
from beampace.results.schema import (
    Result,
    ShellInfo,
    StatisticsInfo,
    Try,
    VerdictInfo,
)
from beampace.results.write import write_result, write_text

__all__ = [
    "Result",
    "ShellInfo",
    "StatisticsInfo",
    "Try",
    "VerdictInfo",
    "build_result",
    "write_result",
    "write_text",
]
