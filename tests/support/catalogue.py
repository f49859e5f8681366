"""A ledger with datasets of two groups, and real result directories, for pages to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import gemmi

from beampace.core.dataset import DatasetKind
from beampace.core.job import AttemptState
from beampace.core.sighting import FilesSeen
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.core.work import WorkClass, WorkName
from beampace.results import Result, write_result
from beampace.results.schema import (
    Asked,
    CrystalInfo,
    DatasetInfo,
    Frames,
    Parameters,
    ShellInfo,
    StatisticsInfo,
    VerdictInfo,
)
from beampace.service.ending import frame_counts, new_result
from beampace.store import DatasetRow, FrameCounts, Ledger, ResultRow
from tests.support.ledgers import START, planned, sighting

BEAMTIME = "11010001"
ALPHA, BETA = "alpha", "beta"
LYSO = ("P 43 21 2", (78.54, 78.54, 37.02, 90.0, 90.0, 90.0))
THAU = ("P 41 21 2", (57.9, 57.9, 150.3, 90.0, 90.0, 90.0))
INSU = ("I 21 3", (78.0, 78.0, 78.0, 90.0, 90.0, 90.0))
CLASSES = {
    WorkName.LOOK: WorkClass.LIVE,
    WorkName.MAP: WorkClass.URGENT,
    WorkName.STRATEGY: WorkClass.URGENT,
    WorkName.PROCESS: WorkClass.FULL,
}


@dataclass
class Catalogued:
    """A beamtime with datasets, results and files of two groups.

    Attributes:
        root: the beamtime's directory.
        datasets: name -> number; names tell what is special about them.
        results: `NAME WORK ENGINE` -> number.
    """

    ledger: Ledger
    root: Path
    datasets: dict[str, int]
    results: dict[str, int]
    beamtime: str = BEAMTIME
    _n: int = 0

    def see(self, name: str, group: str, n: int = 3600, frames: int | None = None, **changes: Any) -> int:
        """A dataset, complete unless it has fewer frames."""
        frames = n if frames is None else frames
        place = changes.pop("place", f"{group}/{name}")
        values = {
            "path": str(self.root / "raw" / place / f"{name}_master.h5"),
            "place": place,
            "name": name,
            "n_announced": n,
            "sample": name.split("_")[0],
            "collected": START + timedelta(minutes=5 * len(self.datasets)),
        }
        seen = sighting(f"E-32-0119/{1 + len(self.datasets)}", **(values | changes))
        row = self.ledger.observe(self.beamtime, seen, group).dataset
        self.ledger.files(row.id, FilesSeen(row.path, 4, 2_000_000 * frames, 0.0, f"{frames}"))
        self.ledger.frames(row.id, FrameCounts(n, frames, frames, 0))
        if frames == n:
            self.ledger.settle(row.id, "complete")
        self.datasets[name] = row.id
        return row.id

    def plan(self, name: str, work: WorkName, engine: str = "", **changes: Any) -> str:
        """A job that waits; returns its key."""
        self._n += 1
        key = f"{int(self.beamtime):08x}{self._n:08x}"
        values = {"work": work, "engine": engine, "work_class": CLASSES[work], "options": {}} | changes
        self.ledger.plan(self.datasets[name], [planned(key, **values)])
        return key

    def start(self, key: str) -> int:
        """An attempt that runs; returns its number."""
        number = self.ledger.claim(key, "local", lambda n: str(self.root / "jobs" / f"{key}-{n}"), 4).number
        self.ledger.submitted(key, number, f"id-{key}")
        now = self.ledger.now()
        self.ledger.progressed(key, number, AttemptState.RUNNING, started=now, first_frame=now)
        return number

    def finish(
        self,
        name: str,
        work: WorkName,
        engine: str,
        result: Result,
        files: dict[str, bytes] | None = None,
        **changes: Any,
    ) -> ResultRow:
        """A job with a result whose directory is really there."""
        key = self.plan(name, work, engine, **changes)
        self.start(key)
        directory = self._directory(self.ledger.dataset(self.datasets[name]), work)
        for file, content in (
            {"log.txt": b"All went well.\n", "report.html": REPORT} | (files or {})
        ).items():
            (directory / file).write_bytes(content)
        write_result(directory, result)
        row = self.ledger.finish(new_result(key, result, directory, self.ledger.now()))
        assert row is not None
        if counts := frame_counts(result):
            self.ledger.frames(self.datasets[name], counts)
        self.ledger.published(row.id)
        self.results[f"{name} {work.value} {engine}".strip()] = row.id
        return row

    def _directory(self, row: DatasetRow, work: WorkName) -> Path:
        home = self.root / "processed" / row.place / "beampace"
        home.mkdir(parents=True, exist_ok=True)
        directory = home / f"{work.value}_{1 + len(list(home.glob(f'{work.value}_*'))):03d}"
        directory.mkdir()
        return directory


REPORT = b"<!doctype html><html><head><title>Report</title></head><body><h1>Report</h1></body></html>\n"


def catalogued(ledger: Ledger, root: Path, beamtime: str = BEAMTIME) -> Catalogued:
    """Fill a ledger: ten datasets of group alpha, three of group beta, in one open beamtime.

    Args:
        ledger: empty, or with other beamtimes.
        root: the directory of the beamtime; made where needed.
        beamtime: its id.
    """
    for tree in ("raw", "processed"):
        (root / tree).mkdir(parents=True, exist_ok=True)
    ledger.open_beamtime(beamtime, str(root), title="Ribosomes and lysozyme")
    made = Catalogued(ledger, root, {}, {}, beamtime)
    _alpha(made)
    _beta(made)
    return made


def _alpha(made: Catalogued) -> None:
    made.see("lyso_001", ALPHA)
    made.finish("lyso_001", WorkName.LOOK, "", look(made, "lyso_001"))
    best = made.finish(
        "lyso_001", WorkName.PROCESS, "dials", merged(made, "lyso_001", "dials", LYSO, 1.42), MTZ
    )
    made.finish("lyso_001", WorkName.PROCESS, "xds", merged(made, "lyso_001", "xds", LYSO, 1.45), MTZ)
    made.ledger.recommend(best.dataset, best.id, "Preferred to process_002: dials is preferred to xds.")
    made.see("thau_002", ALPHA)
    one = made.finish(
        "thau_002",
        WorkName.PROCESS,
        "dials",
        merged(made, "thau_002", "dials", THAU, 1.71, cc_anom=0.42),
        MTZ,
    )
    other = ("P 2 21 21", (57.9, 57.9, 150.3, 90.0, 90.0, 90.0))
    made.finish("thau_002", WorkName.PROCESS, "fast", merged(made, "thau_002", "fast", other, 2.0))
    made.ledger.recommend(one.dataset, one.id, "Preferred to process_002: dials is preferred to fast.")
    made.see("loop_003", ALPHA, n=400, kind=DatasetKind.GRID)
    words = "2 crystals found in 400 cells. The best has its centre at column 7.5, row 3.5."
    made.finish(
        "loop_003", WorkName.MAP, "", plain(made, "loop_003", "map", "mapped", words, "Collect there.")
    )
    made.see("shots_004", ALPHA, n=4, kind=DatasetKind.SCREENING)
    words = "Start at 35 degrees, collect 90 degrees."
    made.finish(
        "shots_004", WorkName.STRATEGY, "", plain(made, "shots_004", "strategy", "planned", words, "Load it.")
    )
    made.see("failed_005", ALPHA)
    made.finish("failed_005", WorkName.LOOK, "", look(made, "failed_005"))
    entry = TAXONOMY[Failure.NOT_INDEXED]
    no = plain(made, "failed_005", "process", "not_indexed", entry.words, entry.next_step, engine="dials")
    made.finish("failed_005", WorkName.PROCESS, "dials", no)
    made.see("waiting_006", ALPHA)
    made.plan("waiting_006", WorkName.PROCESS, "dials")
    made.see("lost_007", ALPHA)
    key = made.plan("lost_007", WorkName.PROCESS, "dials")
    made.ledger.end_attempt(key, made.start(key), "node_lost", "Node max-p3a012 went away.")
    made.ledger.end_job(key, "node_lost", "Node max-p3a012 went away.")
    made.see("rerun_008", ALPHA)
    made.finish("rerun_008", WorkName.PROCESS, "dials", merged(made, "rerun_008", "dials", LYSO, 1.6), MTZ)
    wishes = {"images": [1, 900], "space_group": "P 43 21 2", "d_min": 1.8}
    again = merged(
        made,
        "rerun_008",
        "dials",
        LYSO,
        1.8,
        asked=Asked(images=(1, 900), space_group="P 43 21 2", d_min=1.8),
    )
    made.finish(
        "rerun_008", WorkName.PROCESS, "dials", again, MTZ, options=wishes, work_class=WorkClass.RERUN
    )
    made.see("unplanned_009", ALPHA, sample="")
    made.see("growing_010", ALPHA, frames=120)
    made.start(made.plan("growing_010", WorkName.LOOK))
    made.plan("growing_010", WorkName.PROCESS, "dials")


def _beta(made: Catalogued) -> None:
    made.see("insulin_101", BETA)
    few = merged(made, "insulin_101", "dials", INSU, 2.4, code="little_data", completeness=0.41, cc_anom=0.04)
    best = made.finish("insulin_101", WorkName.PROCESS, "dials", few, MTZ)
    made.ledger.recommend(best.dataset, best.id, "It is the only result.")
    made.see("50%_102", BETA, sample="=50%")
    made.finish("50%_102", WorkName.PROCESS, "dials", merged(made, "50%_102", "dials", INSU, 1.9), MTZ)
    made.see("empty_103", BETA, n=400, kind=DatasetKind.GRID)
    entry = TAXONOMY[Failure.NO_DIFFRACTION]
    made.finish(
        "empty_103",
        WorkName.MAP,
        "",
        plain(made, "empty_103", "map", "no_diffraction", entry.words, entry.next_step),
    )


MTZ = {"merged.mtz": b"MTZ " + bytes(2000), "unmerged.mtz": b"MTZ " + bytes(5000)}


def dataset_info(made: Catalogued, name: str) -> DatasetInfo:
    """What a result says of a dataset."""
    row = made.ledger.dataset(made.datasets[name])
    n = row.n_announced
    return DatasetInfo(
        id=row.identity,
        name=row.name,
        path=row.path,
        kind=row.kind.value,
        kind_reason=row.kind_reason,
        frames=Frames(announced=n, usable=n, used=(1, n), width_deg=0.1, start_deg=0.0),
        collected=row.collected,
        detector="Dectris EIGER2 X 16M E-32-0119",
        wavelength=1.0332,
        distance_mm=200.0,
    )


def plain(
    made: Catalogued, name: str, work: str, code: str, words: str, next_step: str, **more: Any
) -> Result:
    """A result without crystal."""
    verdict = VerdictInfo(code=code, words=words, next_step=next_step)
    return Result(
        work=work, dataset=dataset_info(made, name), verdict=verdict, created=made.ledger.now(), **more
    )


def look(made: Catalogued, name: str) -> Result:
    """A look: values per frame."""
    n = made.ledger.dataset(made.datasets[name]).n_announced
    frames = range(1, n + 1)
    columns = {
        "frame": tuple(frames),
        "spots": tuple(300 - frame // 20 + (frame * 7919) % 23 for frame in frames),
        "d_min": tuple(1.4 + frame / 9000 + ((frame * 104729) % 13) / 100 for frame in frames),
        "background": tuple(1.0 + frame / 36000 for frame in frames),
        "verdict": ("good",) * n,
    }
    return plain(
        made, name, "look", "diffraction", f"{n} of {n} frames show diffraction to 1.4 Å.",
        "Wait for the merged data.", columns=columns, timing={"last_frame_to_result_s": 1.2},
    )  # fmt: skip


def merged(
    made: Catalogued,
    name: str,
    engine: str,
    crystal: tuple[str, tuple[float, ...]],
    d_min: float,
    code: str = "merged",
    asked: Asked | None = None,
    **overall: Any,
) -> Result:
    """A result with merged data, consistent in itself."""
    symbol, cell = crystal
    statistics = statistics_info(d_min, **overall)
    info, said = dataset_info(made, name), statistics.overall
    used = asked.images if asked and asked.images else info.frames.used
    figures = f"{100 * said.completeness:.0f} % complete, CC1/2 {said.cc_half:.3f}"
    words = f"Merged to {d_min:.2f} Å in {symbol}: {figures}."
    frames = tuple(range(1, info.frames.announced + 1))
    group = gemmi.SpaceGroup(symbol)
    screw = {"P 43 21 2": ("P 43 21 2", "P 41 21 2"), "P 41 21 2": ("P 41 21 2", "P 43 21 2")}
    return Result(
        work="process",
        engine=engine,
        dataset=info.model_copy(update={"frames": info.frames.model_copy(update={"used": used})}),
        verdict=VerdictInfo(code=code, words=words, next_step="Use merged.mtz."),
        crystal=CrystalInfo(
            space_group=symbol,
            space_group_candidates=screw.get(symbol, (symbol,)),
            space_group_sure=symbol not in screw,
            laue_group=group.laue_str(),
            laue_confidence=0.98,
            unit_cell=cell,  # type: ignore[arg-type]
            mosaicity_deg=0.08,
            indexed_fraction=0.97,
            n_spots=90000,
            n_indexed=87300,
            rmsd=(0.3, 0.28, 0.2),
        ),
        statistics=statistics,
        columns={
            "frame": frames,
            "scale": tuple(1.0 - frame / 20000 for frame in frames),
            "r_merge": tuple(0.05 + frame / 100000 for frame in frames),
            "spots": tuple(300 - frame // 20 for frame in frames),
        },
        files={"merged_mtz": "merged.mtz", "unmerged_mtz": "unmerged.mtz", "log": "log.txt"},
        timing={"index": 12.0, "integrate": 88.0, "last_frame_to_result_s": 18.5},
        versions={"beampace": "0.1", engine: "3.25" if engine == "dials" else "20240723"},
        parameters=Parameters(asked=asked or Asked(cores=4), engine={"index": ("nproc=4",)}),
        created=made.ledger.now(),
    )


def statistics_info(d_min: float, n: int = 10, **changes: Any) -> StatisticsInfo:
    """Statistics that get worse towards high resolution, `changes` for all data."""
    edges = [(40.0**-3 + (d_min**-3 - 40.0**-3) * part / n) ** (-1 / 3) for part in range(n + 1)]
    shells = tuple(
        shell(
            edges[part],
            edges[part + 1],
            cc_half=0.999 - 0.65 * (part / n) ** 3,
            r_meas=0.04 + 0.9 * (part / n) ** 2,
        )
        for part in range(n)
    )
    overall = shell(40.0, d_min, n_unique=2000 * n, n_observations=13000 * n, **changes)
    return StatisticsInfo(
        overall=overall, outer=shells[-1], shells=shells, method="Made up.", inner=shells[0]
    )


def shell(d_max: float, d_min: float, **changes: Any) -> ShellInfo:
    """A shell with sensible values."""
    values: dict[str, Any] = {
        "n_observations": 13000, "n_unique": 2000, "n_repeated": 1990, "n_possible": 2010,
        "completeness": 0.995, "multiplicity": 6.5, "r_merge": 0.08, "r_meas": 0.087, "r_pim": 0.034,
        "cc_half": 0.998, "cc_half_significant": True, "mean_i_over_sigma": 12.3, "cc_anom": 0.15,
    }  # fmt: skip
    return ShellInfo(d_max=d_max, d_min=d_min, **(values | changes))
