"""The results of the demonstration, as the files tell them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from beampace.cli.process import STYLES
from beampace.core.job import exit_of
from beampace.core.taxonomy import Exit
from beampace.results import Result

PAGES = ("report", "plot")


@dataclass(frozen=True, slots=True)
class Shown:
    """A result and where it is."""

    result: Result
    directory: Path

    @property
    def exit(self) -> Exit:
        """How its work ended."""
        return exit_of(self.result.verdict.code)

    @property
    def pages(self) -> tuple[Path, ...]:
        """What a person looks at."""
        return tuple(self.directory / self.result.files[name] for name in PAGES if name in self.result.files)


def results_below(processed: Path) -> list[Shown]:
    """Every result, in the order in which they were made."""
    paths = processed.rglob("result.json")
    found = [Shown(Result.from_json(path.read_bytes()), path.parent) for path in paths]
    return sorted(found, key=lambda one: str(one.result.created))


def exit_of_all(shown: Iterable[Shown]) -> int:
    """The worst exit."""
    return int(max((one.exit for one in shown), default=Exit.INFRASTRUCTURE))


def overview(shown: Iterable[Shown]) -> Table:
    """One row per result of a rotation scan's processing."""
    table = Table(title="Merged data", title_style="bold", pad_edge=False)
    for head in ("dataset", "verdict", "space group", "unit cell", "d_min", "compl.", "CC1/2"):
        table.add_column(head, no_wrap=head not in ("dataset", "space group"), overflow="fold")
    for one in shown:
        if one.result.work == "process":
            verdict = Text(one.result.verdict.code, style=STYLES.get(one.exit, "bold red"))
            name = one.result.dataset.name if one.result.dataset else ""
            table.add_row(name, verdict, *_numbers(one.result))
    return table


def _numbers(result: Result) -> tuple[str, ...]:
    if result.crystal is None or result.statistics is None:
        return ()
    crystal, overall = result.crystal, result.statistics.overall
    return (
        "\n".join(crystal.space_group_candidates),
        "{:.1f} {:.1f} {:.1f}\n{:.1f} {:.1f} {:.1f}".format(*crystal.unit_cell),
        f"{overall.d_min:.2f}",
        "-" if overall.completeness is None else f"{100 * overall.completeness:.0f} %",
        "-" if overall.cc_half is None else f"{overall.cc_half:.3f}",
    )
