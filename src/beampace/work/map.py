"""`map`: a grid scan to a heat map with ranked crystals, filled while the scan runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace.analysis import GridMap, Position, Score, SharedAxis, combine, find_crystals
from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.errors import Cancelled, failure
from beampace.core.frames import FrameFailure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.eiger import Container, ReadOptions, examine
from beampace.results import write_text
from beampace.results.look_schema import State
from beampace.results.map_schema import Map, MapPart
from beampace.work.errand import Errand
from beampace.work.frames import first_look, patience_for
from beampace.work.job import Finished, Job, carry_out
from beampace.work.look_frames import Looked, LookPlan, look_at_frames
from beampace.work.look_pool import threads_of
from beampace.work.look_record import columns_of, frames_of, looked_at
from beampace.work.map_paint import Painter
from beampace.work.map_pair import check_pair, turn_warning
from beampace.work.map_record import grid_info, map_part, map_record
from beampace.work.map_shape import GridWishes, Shaped, settle_order, shape_of, size_warning
from beampace.work.map_verdict import judge_map

WORK = "map"
PICTURE = "map.png"


@dataclass(frozen=True, slots=True)
class MapOptions:
    """What the user asked for.

    Attributes:
        masters: one master file, or two of orthogonal grids.
        wishes: what is said of the grid.
        score: what the map shows.
        cores: threads, at most four per core this process may use; None for one per core.
        out: result directory to make; None for a numbered one below the current directory.
        patience_s: seconds without a new frame after which a dataset has stopped growing, or None.
        shared: the axis two grids have in common; None for the one with as many cells, columns first.
        read: how to read the container.
        errand: on whose behalf it is done.
    """

    masters: tuple[Path, ...]
    wishes: GridWishes
    score: Score = Score.SPOTS
    cores: int | None = None
    out: Path | None = None
    patience_s: float | None = None
    shared: SharedAxis | None = None
    read: ReadOptions | None = None
    errand: Errand = field(default_factory=Errand)

    @property
    def threads(self) -> int:
        """Threads to use."""
        return threads_of(self.cores)


def map_grid(options: MapOptions, progress: Progress) -> Finished:
    """Make the map; every ending is a result.

    Args:
        options: what to do.
        progress: told how far it is, asked whether to stop.
    """
    parameters: dict[str, object] = {
        "masters": [str(master) for master in options.masters],
        "score": options.score.value,
        "cores": options.threads,
        "grid": options.wishes.size,
        "step_um": options.wishes.step_um,
        "snaked": options.wishes.snaked,
        "vertical": options.wishes.vertical,
        "corner": options.wishes.corner.value,
    }
    job = Job(WORK, options.masters[0], parameters, errand=options.errand)

    def do(directory: Path, listeners: Progress) -> Verdict:
        return _map(options, job, directory, listeners)

    return carry_out(job, options.out, do, progress)


def _map(options: MapOptions, job: Job, directory: Path, progress: Progress) -> Verdict:
    with _listed(job, directory / PICTURE), Painter(directory / PICTURE) as painter:
        mapper = Mapper(options, job, directory, painter)
        try:
            check_pair(options.masters, options.read)
            for master in options.masters:
                mapper.begin(master, progress)
            progress.stage("summary")
            mapper.combine()
        except BaseException as error:
            mapper.write("cancelled" if isinstance(error, Cancelled) else "stopped", last=True)
            raise
        record = mapper.write("complete", last=True)
    return judge_map(record, job.dataset, mapper.failures)


@contextmanager
def _listed(job: Job, picture: Path) -> Iterator[None]:
    """List the picture among the files once the painter is done, if there is one."""
    try:
        yield
    finally:
        if picture.exists():
            job.files["plot"] = picture.name


@dataclass(slots=True)
class _Grid:
    """One grid on its way."""

    state: Looked
    shaped: Shaped
    map: GridMap | None = None


@dataclass(slots=True)
class Mapper:
    """Fills the maps and keeps `map.json` and the picture up to date.

    Attributes:
        options, job, directory, painter: as given.
        grids: those begun so far.
        positions: in three dimensions, once both grids are done.
        remarks: on the two grids together, as sentences.
    """

    options: MapOptions
    job: Job
    directory: Path
    painter: Painter
    grids: list[_Grid] = field(default_factory=list)
    positions: tuple[Position, ...] | None = None
    shared: SharedAxis | None = None
    remarks: list[str] = field(default_factory=list)
    _shaped: Shaped | None = None
    _id: str = ""
    _ended: float | None = None

    def begin(self, master: Path, progress: Progress) -> None:
        """Look at one grid to its end.

        Raises:
            InputError: the master cannot be read, or is no grid (bad_request).
            Cancelled: `progress` said so.
        """
        patience = self.options.patience_s
        container = first_look(master.absolute(), patience, self.options.read, progress)
        if not self.grids:
            self.job.dataset = container.dataset
        check_grid(container.dataset, self.options.wishes)
        self._shape_anew(container)
        plan = LookPlan(
            container,
            self.options.threads,
            quiet_s=patience_for(container.dataset) if patience is None else patience,
            keep_spots=False,
            reread=lambda container: not (self._shaped and self._shaped.sure),  # noqa: ARG005
            read=self.options.read,
        )
        before, self._ended = len(self.grids), None
        with self.job.timed("look"):
            state = look_at_frames(plan, progress, lambda state: self._update(before, state))
        check_grid(state.container.dataset, self.options.wishes)

    def combine(self) -> None:
        """Positions in three dimensions from two grids.

        Raises:
            InputError: the grids do not go together (bad_request).
        """
        maps = [grid.map for grid in self.grids if grid.map is not None]
        if len(maps) == 2:
            first, second = (grid.state.container.dataset for grid in self.grids)
            if words := turn_warning(first, second):
                self.remarks.append(words)
            same_columns = maps[0].shape.columns == maps[1].shape.columns
            self.shared = self.options.shared or (SharedAxis.COLUMNS if same_columns else SharedAxis.ROWS)
            self.positions = combine(maps[0], maps[1], self.shared)

    @property
    def failures(self) -> list[dict[int, FrameFailure]]:
        """For each grid, frames that could not be looked at, and why."""
        return [grid.state.failures for grid in self.grids]

    def write(self, as_state: State, *, last: bool = False) -> Map:
        """Write `map.json`, and have the picture painted."""
        warnings = list(self.remarks)
        parts = [self._part(grid, warnings) for grid in self.grids]
        record = map_record(
            parts,
            datetime.now(UTC),
            self.options.score.value,
            warnings,
            as_state=as_state,
            shared_axis=None if self.shared is None else self.shared.value,
            positions=self.positions,
        )
        if parts:
            write_text(self.directory / "map.json", record.to_json())
            self.job.files["map"] = "map.json"
            self.painter.paint(record, last=last)
        return record

    def _shape_anew(self, container: Container) -> None:
        self._id = container.dataset.id
        self._shaped = shape_of(container, examine(container).blocks, self.options.wishes)

    def _update(self, index: int, state: Looked) -> None:
        if self._shaped is None:
            raise RuntimeError("a grid is shaped before its frames come")
        another = state.container.dataset.id != self._id
        if another or (not self._shaped.sure and not state.growing):
            self._shape_anew(state.container)
        if index == len(self.grids):
            self.grids.append(_Grid(state, self._shaped))
        self.grids[index].state, self.grids[index].shaped = state, self._shaped
        self._ended = None if state.growing else self._ended or time.monotonic()
        if index == 0:
            self.job.dataset, self.job.ledger = state.container.dataset, state.ledger()
        self.job.last_seen = state.last_seen
        self.write("running")

    def _part(self, grid: _Grid, warnings: list[str]) -> MapPart:
        state, dataset = grid.state, grid.state.container.dataset
        given = self.options.wishes.snaked is not None
        settled = settle_order(grid.shaped.shape, state.analyses.values(), self.options.score, given=given)
        grid.map = settled.grid
        columns = columns_of(state)
        if state is self.grids[0].state:
            self.job.columns = columns
        size = size_warning(grid.shaped.shape, dataset.n_announced)
        unsure = "" if grid.shaped.sure else grid.shaped.source
        warnings += [words for words in (size, unsure, settled.words, *state.remarks) if words]
        seconds = (self._ended or time.monotonic()) - state.began
        return map_part(
            looked_at(dataset),
            frames_of(state, seconds),
            grid_info(settled.grid, grid.shaped.source, settled.check, order_given=given),
            settled.grid,
            find_crystals(settled.grid),
            columns,
        )


def check_grid(dataset: Dataset, wishes: GridWishes) -> None:
    """Stop when this is no grid; who gives a shape knows better.

    Raises:
        InputError: bad_request.
    """
    if dataset.kind in (DatasetKind.GRID, DatasetKind.STILLS) or wishes.size is not None:
        return
    hints = {
        DatasetKind.ROTATION: "Use `beampace look` for an answer per frame, or `beampace process`.",
        DatasetKind.SCREENING: "Test shots are for planning: `beampace look` says what is on them.",
    }
    raise failure(
        Failure.BAD_REQUEST,
        f"{dataset.master} is a {dataset.kind.value} dataset, no grid ({dataset.kind_reason.rstrip('.')}).",
        f"{hints[dataset.kind]} If it is a grid all the same, say its shape: --grid COLUMNSxROWS.",
    )
