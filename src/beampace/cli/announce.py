"""`beampace announce`: tell the daemon of a dataset before it finds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from beampace.cli.calling import Where, absolute, call, made, told
from beampace.core.dataset import DatasetKind
from beampace.web import AnnounceAnswer, AnnounceRequest

_NEWS = {
    "new": "The dataset is new",
    "changed": "The dataset was known and is changed",
    "same": "The dataset is known",
    "not_yet": "The master is waited for",
}


@dataclass(frozen=True, slots=True)
class Announced:
    """What was typed."""

    path: Path
    kind: DatasetKind | None = None
    group: str = ""
    sample: str = ""
    frames: int | None = None


def announce_command(where: Where, typed: Announced, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""

    def answer() -> AnnounceAnswer:
        request = made(
            AnnounceRequest,
            path=absolute(typed.path),
            kind=typed.kind,
            group=typed.group,
            sample=typed.sample,
            frames=typed.frames,
        )
        return call(where, request, AnnounceAnswer)

    return told(answer, _show, json=json)


def _show(console: Console, said: AnnounceAnswer) -> None:
    number = f" (dataset {said.dataset})" if said.dataset is not None else ""
    console.print(Text(f"{_NEWS[said.news]}{number}. {said.words}".strip()), soft_wrap=True)
