"""`beampace reprocess`: have the daemon process a dataset again, with other wishes."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from beampace.cli.calling import Where, call, dataset_named, made, told
from beampace.cli.options import parse_cell, parse_d_min, parse_images, parse_space_group
from beampace.web import JobsAnswer, ReprocessRequest


@dataclass(frozen=True, slots=True)
class Wished:
    """What was typed."""

    dataset: str
    engine: str = ""
    images: str | None = None
    space_group: str | None = None
    unit_cell: str | None = None
    d_min: float | None = None


def reprocess_command(where: Where, typed: Wished, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""

    def answer() -> JobsAnswer:
        return call(where, request_of(typed), JobsAnswer)

    return told(answer, _show, json=json)


def request_of(typed: Wished) -> ReprocessRequest:
    """The request.

    Raises:
        InputError: an option is wrong (bad_request).
    """
    cell = parse_cell(typed.unit_cell)
    return made(
        ReprocessRequest,
        dataset=dataset_named(typed.dataset),
        engine=typed.engine,
        images=parse_images(typed.images),
        space_group=parse_space_group(typed.space_group) or "",
        unit_cell=cell.parameters if cell else None,
        d_min=parse_d_min(typed.d_min),
    )


def _show(console: Console, said: JobsAnswer) -> None:
    for job in said.jobs:
        forecast = f", {job.forecast}" if job.forecast else ""
        words = f"Job {job.key}: {job.work} by {job.engine} of dataset {job.dataset}, {job.state}{forecast}."
        console.print(Text(words), soft_wrap=True)
    if said.words:
        console.print(Text(said.words), soft_wrap=True)
