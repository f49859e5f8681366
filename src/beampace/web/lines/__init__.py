"""From rows of the ledger to the lines of lists; pure."""

from beampace.web.lines.attempts import attempt_lines
from beampace.web.lines.crystals import crystal_line
from beampace.web.lines.datasets import dataset_line
from beampace.web.lines.results import result_line, result_lines
from beampace.web.lines.verdicts import standing_of, verdict_of
from beampace.web.lines.wishes import wishes_words

__all__ = [
    "attempt_lines",
    "crystal_line",
    "dataset_line",
    "result_line",
    "result_lines",
    "standing_of",
    "verdict_of",
    "wishes_words",
]
