"""Results: the schema, merging statistics, MTZ files, verdict, report; not how they were made."""

from beampace.results.build import build_result
from beampace.results.merging import merge
from beampace.results.mtz import PlacedFiles, place_files
from beampace.results.published import json_schema, schema_page
from beampace.results.report import report_html, write_report
from beampace.results.schema import Result, ShellInfo, StatisticsInfo, Try, VerdictInfo
from beampace.results.series import columns_of
from beampace.results.statistics import statistics_of
from beampace.results.summary import shell_rows, summary_rows
from beampace.results.unmerged import read_unmerged
from beampace.results.verdict import judge
from beampace.results.write import write_bytes, write_result, write_text

__all__ = [
    "PlacedFiles",
    "Result",
    "ShellInfo",
    "StatisticsInfo",
    "Try",
    "VerdictInfo",
    "build_result",
    "columns_of",
    "json_schema",
    "judge",
    "merge",
    "place_files",
    "read_unmerged",
    "report_html",
    "schema_page",
    "shell_rows",
    "statistics_of",
    "summary_rows",
    "write_bytes",
    "write_report",
    "write_result",
    "write_text",
]
