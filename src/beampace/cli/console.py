"""Progress on the terminal: stage, frames per second, time left. Always on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class FrameRateColumn(ProgressColumn):
    """Frames per second of the running stage."""

    def render(self, task: Task) -> Text:
        """The rate, or nothing while it is unknown."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:5.1f} frames/s" if speed else "", style="cyan")


class ConsoleProgress:
    """A line that moves on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._task: TaskID | None = None
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<28}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            FrameRateColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=False,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_stage(done=error is None)
        self._bars.stop()

    def stage(self, name: str, total: int = 0) -> None:
        """Begin a new line."""
        self._close_stage(done=True)
        self._task = self._bars.add_task(name, total=total or None)
        if not self._console.is_terminal:
            self._console.print(Text(f"{name} ({total} frames)" if total else name))

    def advance(self, done: int) -> None:
        """Move the line."""
        if self._task is not None:
            self._bars.update(self._task, completed=done)

    def note(self, text: str) -> None:
        """Print a sentence above the lines."""
        self._console.print(Text(text, style="yellow"))

    def check(self) -> None:
        """A terminal asks nobody to stop; signals do."""

    def _close_stage(self, *, done: bool) -> None:
        """Stop the line; a stage that ended well is complete, whether or not it counted frames."""
        if self._task is None:
            return
        task = next(task for task in self._bars.tasks if task.id == self._task)
        if done:
            total = task.total or 1
            self._bars.update(self._task, total=total, completed=total)
        self._bars.stop_task(self._task)
        self._task = None
