"""`beampace cancel`: end jobs of the daemon."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

from beampace.cli.calling import Where, call, dataset_named, made, told
from beampace.web import CancelAnswer, CancelRequest

_KEY = re.compile(r"[0-9a-f]{16}")


def cancel_command(where: Where, named: str, *, json: bool) -> int:
    """Carry out the command for a job's key, a dataset's number or a master; returns the exit code."""

    def answer() -> CancelAnswer:
        return call(where, request_of(named), CancelAnswer)

    return told(answer, _show, json=json)


def request_of(named: str) -> CancelRequest:
    """The request: 16 hexadecimal digits are a job.

    Raises:
        InputError: it names nothing (bad_request).
    """
    if _KEY.fullmatch(named):
        return made(CancelRequest, job=named)
    return made(CancelRequest, dataset=dataset_named(named))


def _show(console: Console, said: CancelAnswer) -> None:
    for key in said.jobs:
        console.print(Text(f"Job {key} is being ended."))
    if said.words:
        console.print(Text(said.words), soft_wrap=True)
