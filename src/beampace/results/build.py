"""From the records of the core to the published result; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby

from beampace.core.dataset import Dataset
from beampace.core.engine import Crystal, EngineRecord, Request
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.verdict import Verdict
from beampace.results.schema import (
    Asked,
    Column,
    CrystalInfo,
    DatasetInfo,
    Frames,
    LostFrames,
    Parameters,
    Result,
    StatisticsInfo,
    Try,
    VerdictInfo,
)


def build_result(
    work: str,
    dataset: Dataset | None,
    ledger: FrameLedger | None,
    request: Request | None,
    record: EngineRecord | None,
    verdict: Verdict,
    timing: Mapping[str, float] | None = None,
    parameters: Mapping[str, object] | None = None,
    versions: Mapping[str, str] | None = None,
    tries: Iterable[Try] = (),
    *,
    statistics: StatisticsInfo | None = None,
    columns: Mapping[str, Iterable[float | str | None]] | None = None,
    files: Mapping[str, str] | None = None,
    hashes: Mapping[str, str] | None = None,
    created: datetime | None = None,
    engine: str | None = None,
    crystal: CrystalInfo | None = None,
) -> Result:
    """Put a result together.

    Args:
        work: `process`, `look`, ...
        dataset: the dataset; None when the input is not one.
        ledger: its frames; None when they were never looked at.
        request: the request that was carried out last, or None when no engine was started.
        record: the engine's answer, or None when it did not reach merged data.
        verdict: the result in words.
        timing: step to seconds; added to the engine's own steps.
        parameters: anything else that had an influence (JSON values).
        versions: program to version; added to the engine's own.
        tries: what was tried, in order.
        statistics: from `statistics_of`.
        columns: values per frame, with a column `frame`; when None the engine's series is used.
        files: name to path relative to the result directory.
        hashes: name to `sha256:...`.
        created: now, UTC.
        engine: name of the engine when there is no record.
        crystal: what is known of the crystal when there is no record.
    """
    return Result(
        work=work,
        engine=record.engine if record else engine,
        dataset=dataset_info(dataset, ledger, request) if dataset else None,
        verdict=VerdictInfo(
            code=verdict.code, words=verdict.words, next_step=verdict.next_step, warnings=verdict.warnings
        ),
        crystal=_crystal_of(record) if record else crystal,
        statistics=statistics,
        columns=_columns(columns, record),
        tries=tuple(tries),
        files=dict(files or {}),
        hashes=dict(hashes or {}),
        timing=_finite({**(record.timing if record else {}), **(timing or {})}),
        versions={**(record.versions if record else {}), **(versions or {})},
        parameters=_parameters(request, record, parameters or {}),
        created=created,
    )


def dataset_info(dataset: Dataset, ledger: FrameLedger | None, request: Request | None) -> DatasetInfo:
    """The published form of a dataset and its frames."""
    detector = dataset.detector
    return DatasetInfo(
        id=dataset.id,
        name=dataset.name,
        path=str(dataset.master),
        kind=dataset.kind.value,
        kind_reason=dataset.kind_reason,
        frames=frames_info(dataset, ledger, request),
        collected=dataset.collected,
        detector=" ".join(word for word in (detector.description, detector.serial) if word),
        wavelength=dataset.beam.wavelength,
        distance_mm=detector.distance,
        remarks=dataset.remarks,
    )


def frames_info(dataset: Dataset, ledger: FrameLedger | None, request: Request | None) -> Frames:
    """The frame ledger in short."""
    ledger = ledger if ledger is not None else FrameLedger.announced(dataset.n_announced)
    return Frames(
        announced=dataset.n_announced,
        usable=ledger.usable,
        used=request.images if request else None,
        lost=lost_frames(ledger),
        missing=ledger.count(FrameState.ANNOUNCED),
        width_deg=dataset.scan.width,
        start_deg=dataset.scan.starts[0] if dataset.scan.starts else None,
    )


def lost_frames(ledger: FrameLedger) -> tuple[LostFrames, ...]:
    """Runs of adjoining failed frames that share their reason."""

    def run(item: tuple[int, tuple[int, FrameFailure]]) -> tuple[int, FrameFailure]:
        position, (number, reason) = item
        return number - position, reason

    failed = sorted(ledger.failures.items())
    runs = ([entry for _, entry in group] for _, group in groupby(enumerate(failed), key=run))
    return tuple(
        LostFrames(first=part[0][0], last=part[-1][0], code=part[0][1].code.value, detail=part[0][1].detail)
        for part in runs
    )


def _crystal_of(record: EngineRecord) -> CrystalInfo:
    return crystal_info(record.crystal, record.n_spots, record.n_indexed, record.rmsd)


def crystal_info(
    crystal: Crystal,
    n_spots: int,
    n_indexed: int,
    rmsd: tuple[float, float, float] | None = None,
) -> CrystalInfo:
    """The published form of the crystal."""
    return CrystalInfo(
        space_group=crystal.space_group,
        space_group_candidates=crystal.candidates,
        space_group_sure=crystal.space_group_sure,
        laue_group=crystal.laue_group,
        laue_confidence=crystal.laue_confidence,
        unit_cell=crystal.unit_cell.parameters,
        mosaicity_deg=crystal.mosaicity,
        indexed_fraction=crystal.indexed_fraction,
        n_spots=n_spots,
        n_indexed=n_indexed,
        rmsd=rmsd if rmsd and all(map(math.isfinite, rmsd)) else None,
    )


def _columns(
    columns: Mapping[str, Iterable[float | str | None]] | None, record: EngineRecord | None
) -> dict[str, Column]:
    if columns is not None:
        return {name: tuple(values) for name, values in columns.items()}
    if record is None or not record.series.frames:
        return {}
    return {"frame": tuple(record.series.frames), **{k: tuple(v) for k, v in record.series.columns.items()}}


def _finite(timing: Mapping[str, float]) -> dict[str, float]:
    return {step: round(seconds, 3) for step, seconds in timing.items() if math.isfinite(seconds)}


def _parameters(
    request: Request | None, record: EngineRecord | None, other: Mapping[str, object]
) -> Parameters:
    asked = Asked()
    if request:
        asked = Asked(
            images=request.images,
            cores=request.cores,
            space_group=request.space_group,
            unit_cell=request.unit_cell.parameters if request.unit_cell else None,
            d_min=request.d_min,
            tweaks=tuple(sorted(tweak.value for tweak in request.tweaks)),
        )
    return Parameters(asked=asked, engine=dict(record.parameters) if record else {}, other=dict(other))
