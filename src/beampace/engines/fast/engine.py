"""The fast engine: every step by our own kernels, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import beampace
from beampace.analysis import spot_list
from beampace.analysis.groups import short_laue
from beampace.analysis.rotation.index import Indexed, index
from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.profile_model import with_spread
from beampace.analysis.rotation.unmerged_mtz import write_unmerged
from beampace.analysis.spots3d import Reflections
from beampace.core.engine import Crystal, EngineRecord, FrameSeries, Readable, Request, Tweak
from beampace.core.ports import Ahead, Progress
from beampace.engines.fast.frames import integrate
from beampace.engines.fast.merging import Merging, merge, observations_of
from beampace.engines.frame_search import frame_counter
from beampace.engines.spot_search import SpotSearch

UNMERGED = "unmerged.mtz"


class _Nothing:
    """Work that is not begun before the scan is complete."""

    def seen(self, readable: Readable) -> None:
        """Take note of nothing."""


@dataclass(slots=True)
class FastEngine:
    """Spots, lattice, integration, scaling in this process.

    One engine works on one dataset.

    Attributes:
        timing: step -> seconds.
    """

    name: str = "fast"
    timing: dict[str, float] = field(default_factory=dict)

    @property
    def tweaks(self) -> frozenset[Tweak]:
        """None: what may help is tried within."""
        return frozenset()

    def missing(self) -> tuple[str, ...]:
        """Nothing: it is a part of beampace."""
        return ()

    def versions(self) -> dict[str, str]:
        """That of beampace."""
        return {"fast": beampace.__version__}

    def remarks(self) -> tuple[str, ...]:
        """Nothing to say."""
        return ()

    @contextmanager
    def ahead(self, request: Request) -> Iterator[Ahead]:  # noqa: ARG002 (the interface)
        """Wait for the whole scan."""
        yield _Nothing()

    def process(self, request: Request, progress: Progress) -> EngineRecord:
        """Carry out a request; see `core.ports.Engine` for what it raises."""
        with self._timed("spots"):
            spots = _spots(request, progress)
        spot_list.judge(request.dataset, spots.xyz, request.n_frames)
        progress.stage("index")
        with self._timed("index"):
            indexed = index(spots, request.dataset, cell=request.unit_cell)
            model = with_spread(indexed.model, spots)
        with self._timed("integrate"):
            integrated = _integrated(request, model, progress)
        progress.stage("scale")
        with self._timed("scale"):
            merging = merge(request, observations_of(integrated, model))
        progress.check()
        with self._timed("write"):
            path = request.directory / UNMERGED
            moved = replace(model, a_matrix=merging.setting.a_matrix(model.a_matrix))
            write_unmerged(path, merging.scaled, moved, request.dataset.name)
        return self._record(request, spots, indexed, merging, model.sigma_m)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.timing[step] = time.monotonic() - started

    def _record(
        self, request: Request, spots: Reflections, indexed: Indexed, merging: Merging, sigma_m: float
    ) -> EngineRecord:
        unmerged = request.directory / UNMERGED
        return EngineRecord(
            engine=self.name,
            versions=self.versions(),
            crystal=_crystal(indexed, merging, sigma_m),
            unmerged=unmerged,
            merged=unmerged,
            d_min=merging.d_min,
            d_min_reason=merging.reason,
            n_spots=len(spots),
            n_indexed=int(indexed.indexed.sum()),
            rmsd=indexed.rmsd,
            series=_series(request, spots, indexed),
            timing=dict(self.timing),
            remarks=(*indexed.remarks, *merging.scaled.remarks, *_laue_words(merging)),
        )


def _spots(request: Request, progress: Progress) -> Reflections:
    counted = frame_counter(progress, "find spots", request.n_frames)
    return SpotSearch(request).until(request.images[1], counted, progress.check).reflections()


def _integrated(request: Request, model: Model, progress: Progress) -> Integrated:
    detector, beam = request.dataset.detector, request.dataset.beam
    limit = max(request.d_min or 0.0, detector.best_resolution(beam))
    counted = frame_counter(progress, "integrate", request.n_frames)
    return integrate(request, model, limit, counted, progress.check)


def _crystal(indexed: Indexed, merging: Merging, sigma_m: float) -> Crystal:
    decision = merging.decision
    return Crystal(
        space_group=merging.names[0],
        candidates=merging.names,
        laue_group=short_laue(merging.setting.group),
        laue_confidence=decision.confidence if decision and decision.sure else None,
        unit_cell=merging.setting.cell,
        mosaicity=sigma_m,
        indexed_fraction=indexed.fraction,
    )


def _series(request: Request, spots: Reflections, indexed: Indexed) -> FrameSeries:
    first, last = request.images
    columns: dict[str, tuple[float | None, ...]] = {
        "spots": spot_list.per_frame(spots.xyz[:, 2], request.images),
        "indexed": spot_list.per_frame(spots.xyz[indexed.indexed, 2], request.images),
    }
    return FrameSeries(tuple(range(first, last + 1)), columns)


def _laue_words(merging: Merging) -> tuple[str, ...]:
    decision = merging.decision
    if decision is None or decision.sure:
        return ()
    likely = ", ".join(short_laue(one.group) for one in decision.candidates)
    twinned = " The intensities look twinned." if decision.twinned else ""
    return (f"The Laue group is not decided: it may be {likely}.{twinned}",)
