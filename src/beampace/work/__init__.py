"""What a job does on a node: second tries, progress, verdict, atomic writes."""

from beampace.work.cancel import Switch, stopped_by_signals
from beampace.work.job import Finished
from beampace.work.process import ProcessOptions, process
from beampace.work.progress import FanOut, FileProgress, LineProgress

__all__ = [
    "FanOut",
    "FileProgress",
    "Finished",
    "LineProgress",
    "ProcessOptions",
    "Switch",
    "process",
    "stopped_by_signals",
]
