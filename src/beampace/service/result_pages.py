"""What is left in `processed` beside the results: recommendation, `datasets.txt`, index pages.

Every file is brought to what the ledger says: written twice, it looks as if written once. A beamtime whose
directory has gone is left as it is; its results are in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.results.candidate import WORKS
from beampace.results.index_page import IndexRow, write_indexes
from beampace.results.listing import list_result
from beampace.results.recommend import recommend
from beampace.results.recommended import write_recommended
from beampace.service.desk import Desk
from beampace.service.job_rooms import JobRooms
from beampace.service.result_files import is_answer
from beampace.service.roots import is_here
from beampace.service.starting import place_of
from beampace.store import BeamtimeRow, DatasetRow, ResultRow
from beampace.web.lines.candidates import candidate_of

EVERY_S = 2.0
"""Seconds from one writing of the index pages to the next, and from one try to another after a refusal."""


@dataclass(slots=True)
class ResultPages:
    """Keeps recommendation, `datasets.txt` and index pages up to date."""

    desk: Desk
    _stale: set[str] = field(default_factory=set)
    _at: float = float("-inf")
    _again_at: dict[int, float] = field(default_factory=dict)
    _troubles: dict[str, Trouble] = field(default_factory=dict)
    _rooms: JobRooms = field(init=False)

    def __post_init__(self) -> None:
        self._rooms = JobRooms(self.desk.places, self.desk.settings.groups.readers)

    def add(self, row: ResultRow) -> bool:
        """Take in a result; False when it has to be tried again, because its place refuses."""
        beamtime = self.desk.ledger.beamtime(row.beamtime)
        there = _can_hold_pages(beamtime)
        if there and self.desk.clock() < self._again_at.get(row.id, float("-inf")):
            return False
        try:
            if there:
                self._write(row, beamtime)
                self._stale.add(row.beamtime)
        except BeampaceError as error:
            if self._refused(f"result {row.id}", error, beamtime):
                self._again_at[row.id] = self.desk.clock() + EVERY_S
                return False
        self._again_at.pop(row.id, None)
        self._troubles.pop(f"result {row.id}", None)
        return True

    def refresh(self) -> tuple[Trouble, ...]:
        """Write stale index pages, now and then; returns what staff should know."""
        if self._stale and self.desk.clock() - self._at >= EVERY_S:
            self._at = self.desk.clock()
            for beamtime in tuple(self._stale):
                self._index(self.desk.ledger.beamtime(beamtime))
        return tuple(self._troubles.values())

    def _write(self, row: ResultRow, beamtime: BeamtimeRow) -> None:
        processed = Path(beamtime.root) / "processed"
        self._recommend(processed, self.desk.ledger.dataset(row.dataset))
        if is_answer(row.result.code) and self._listed(beamtime):
            list_result(processed, Path(row.result.directory))

    def _recommend(self, processed: Path, dataset: DatasetRow) -> None:
        """Choose, write the choice down in the ledger, then in `recommended.json`."""
        ledger = self.desk.ledger
        rows = [row for row in ledger.results(dataset=dataset.id) if row.work in WORKS]
        by_name = {Path(row.result.directory).name: row for row in rows}
        choice = recommend(map(candidate_of, rows), self.desk.settings.results.engines)
        if choice is None:
            return
        ledger.recommend(dataset.id, by_name[choice.result.name].id, choice.reason)
        known = [one for one in ledger.recommendations(dataset.beamtime) if one.dataset == dataset.id]
        place = place_of(self.desk, dataset).as_posix()
        write_recommended(processed, place, choice, known[0].since)

    def _listed(self, beamtime: BeamtimeRow) -> bool:
        """Whether there is a list: it is everybody's, so there is none where people are told apart."""
        settings = self.desk.settings
        apart = settings.groups.rule != "none" or settings.groups.table is not None
        return settings.results.datasets_txt and not apart and self._one_group(beamtime)

    def _one_group(self, beamtime: BeamtimeRow) -> bool:
        return len({row.group for row in self.desk.ledger.datasets(beamtime=beamtime.id)}) <= 1

    def _index(self, beamtime: BeamtimeRow) -> None:
        try:
            if _can_hold_pages(beamtime):
                self._write_indexes(beamtime)
        except BeampaceError as error:
            if self._refused(beamtime.id, error, beamtime):
                return
        self._troubles.pop(beamtime.id, None)
        self._stale.discard(beamtime.id)

    def _write_indexes(self, beamtime: BeamtimeRow) -> None:
        ledger = self.desk.ledger
        datasets = {row.id: row for row in ledger.datasets(beamtime=beamtime.id)}
        chosen = {one.result: one.reason for one in ledger.recommendations(beamtime.id)}
        processed = Path(beamtime.root) / "processed"
        rows = list(index_rows(ledger.results(beamtime=beamtime.id), datasets, chosen, processed))
        groups = {dataset.group for dataset in datasets.values()}
        write_indexes(processed, rows, f"Beamtime {beamtime.id}", groups, self._rooms.page_lists())

    def _refused(self, what: str, error: BeampaceError, beamtime: BeamtimeRow) -> bool:
        """Whether it is tried again: as long as the beamtime lasts; later nobody puts its place right."""
        if beamtime.closed is None:
            self._troubles[what] = Trouble(what, error.words, error.next_step)
            return True
        self.desk.log.warning("pages.given_up", what=what, beamtime=beamtime.id, why=error.words)
        return False


def _can_hold_pages(beamtime: BeamtimeRow) -> bool:
    return is_here(beamtime) and (Path(beamtime.root) / "processed").is_dir()


def index_rows(
    results: Iterable[ResultRow],
    datasets: Mapping[int, DatasetRow],
    chosen: Mapping[int | None, str],
    processed: Path,
) -> Iterable[IndexRow]:
    """Results as the index pages show them; those that lie elsewhere are left out.

    Args:
        results: of a beamtime.
        datasets: number to row.
        chosen: number of each recommended result to why.
        processed: root of the results.
    """
    for row in results:
        directory = Path(row.result.directory)
        if directory.is_relative_to(processed):
            place = directory.relative_to(processed).as_posix()
            yield _index_row(
                row, datasets[row.dataset], place, recommended=row.id in chosen, reason=chosen.get(row.id, "")
            )


def _index_row(
    row: ResultRow, dataset: DatasetRow, directory: str, *, recommended: bool, reason: str
) -> IndexRow:
    result, summary = row.result, row.result.summary
    return IndexRow(
        group=row.group,
        place=dataset.place,
        dataset=dataset.name,
        kind=dataset.kind.value,
        work=row.work.value,
        engine=row.engine,
        directory=directory,
        code=result.code,
        words=result.words,
        created=result.created,
        space_group=_space_group(summary),
        cell=tuple(summary["cell"]) if summary.get("cell") else None,
        d_min=summary.get("d_min"),
        completeness=summary.get("completeness"),
        files=summary.get("files", {}),
        recommended=recommended,
        reason=reason,
    )


def _space_group(summary: Mapping[str, Any]) -> str:
    """The symbol when it is sure, else all that is left."""
    if summary.get("sure"):
        return str(summary.get("space_group", ""))
    return " or ".join(summary.get("candidates", ()))
