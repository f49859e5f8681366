"""DIALS from frames to merged reflections."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from beampace.analysis import groups, scaled, spot_list
from beampace.core.engine import Crystal, EngineRecord, FrameSeries, Request, Tweak
from beampace.core.errors import failure
from beampace.core.ports import Ahead, Progress
from beampace.core.taxonomy import Failure
from beampace.engines.dials import expt, outcome, probe, steps, symmetry
from beampace.engines.dials.chain import Chain, Memory
from beampace.engines.dials.finding import find_spots
from beampace.engines.dials.forerunner import Block, Forerunner
from beampace.engines.dials.indexing import Found, Indexed, Pair, find_lattice
from beampace.engines.dials.installation import HOW_TO_GET, DialsInstallation
from beampace.engines.dials.reflections import read_table
from beampace.engines.dials.scout import Whole
from beampace.engines.dials.session import Refused, Session, begin, wait_for
from beampace.engines.dials.strong import PixelSearch
from beampace.engines.dials.symmetry import LaueDecision

log = logging.getLogger("beampace.dials")

DISAGREE = 0.7
"""CC1/2 of all reflections below which the intensities of a lattice found elsewhere contradict it."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Scaled data: files, resolution limit used and why, the Laue group's likelihood, symmetry left."""

    files: Pair
    data: scaled.Scaled
    d_min: float | None
    reason: str
    laue: LaueDecision | None


@dataclass(slots=True)
class DialsEngine:
    """Drives the DIALS programs.

    One engine works on one dataset: it remembers the steps done, so that a second try begins at the
    step that failed.

    Attributes:
        installation: where DIALS is.
        memory: steps done so far.
        in_one_process: imports once and shortcuts; False to start a program for each step.
        forerunner: what was done while the scan was written.
    """

    installation: DialsInstallation = field(default_factory=DialsInstallation)
    memory: Memory = field(default_factory=Memory)
    name: str = "dials"
    in_one_process: bool = True
    forerunner: Forerunner | None = None

    @property
    def tweaks(self) -> frozenset[Tweak]:
        """All departures from the defaults."""
        return frozenset(Tweak)

    def missing(self) -> tuple[str, ...]:
        """What is not installed, as sentences that say how to get it."""
        return probe.missing(self.installation)

    def versions(self) -> dict[str, str]:
        """Program to version; empty when DIALS is not there."""
        environment = self.installation.environment()
        if self.installation.absent(environment):
            return {}
        return probe.versions(self.installation, environment)

    def remarks(self) -> tuple[str, ...]:
        """Nothing to say."""
        return ()

    @contextmanager
    def ahead(self, request: Request) -> Iterator[Ahead]:
        """Begin on a scan that is being written; see `core.ports.Engine`."""
        environment = self.installation.environment()
        with Forerunner(self.installation, environment, request, active=self.in_one_process) as forerunner:
            self.forerunner = forerunner
            try:
                yield forerunner
            finally:
                self.forerunner = None

    def process(self, request: Request, progress: Progress) -> EngineRecord:
        """Carry out a request; see `core.ports.Engine` for what it raises."""
        environment = self.installation.environment()
        absent = self.installation.absent(environment)
        if absent:
            raise failure(Failure.ENGINE_MISSING, f"{', '.join(absent)} not on PATH.", HOW_TO_GET)
        versions = probe.versions(self.installation, environment)
        before = self.forerunner.for_request(request) if self.forerunner else None
        whole = None
        if before:
            progress.stage("index")
            whole = before.whole(request, progress.check)
        with self._session(environment, request.directory, progress) as session:
            chain = Chain(
                self.installation, environment, request.directory, progress, self.memory, session=session
            )
            found, indexed = taken_over(chain, whole) if whole else self._lattice(chain, request)
            blocks = before.blocks(request, progress.check) if before else ()
            scaling = measure(chain, request, indexed, blocks)
            return finish(chain, request, found, indexed, scaling, versions)

    def _lattice(self, chain: Chain, request: Request) -> tuple[Found, Indexed]:
        """Spots and refined lattice, with the strong pixels that were found before."""
        search = self.forerunner.pixels(request) if self.forerunner else None
        found = find_spots(chain, request, search or PixelSearch(request))
        return found, find_lattice(chain, request, found)

    @contextmanager
    def _session(
        self, environment: Mapping[str, str], directory: Path, progress: Progress
    ) -> Iterator[Session | None]:
        """One process for all steps; None where DIALS allows none."""
        if not self.in_one_process:
            yield None
            return
        warm = self.forerunner.warm() if self.forerunner else None
        try:
            session = wait_for(warm or begin(self.installation, environment, directory), progress.check)
        except Refused as refused:
            log.warning("every step is a program of its own: %s", refused)
            yield None
            return
        with closing(session):
            yield session


def taken_over(chain: Chain, whole: Whole) -> tuple[Found, Indexed]:
    """Spots and refined lattice as they were found before the scan was settled."""
    chain.memory.timing.update(whole.memory.timing)
    chain.parameters.update(whole.parameters)
    chain.learn(whole.found.experiments)
    return whole.found, whole.indexed


def measure(chain: Chain, request: Request, indexed: Indexed, before: tuple[Block, ...] = ()) -> Scaling:
    """Integrate, find the Laue group, scale, and say where the data end.

    Args:
        chain: runs the steps.
        request: the frames.
        indexed: the lattice.
        before: blocks of frames that are integrated already.
    """
    if before:
        chain.parameters["integrate.before"] = tuple(f"{b.span[0] + 1}:{b.span[1]}" for b in before)
    integrated = chain.run(
        "integrate",
        indexed.files,
        steps.integrate(request),
        ("integrated.expt", "integrated.refl"),
        extra=_processes("integration.mp.nproc", request),
        session=lambda: {
            "blocks": {
                "cores": request.cores,
                "done": [block.told() for block in before],
                "spots": str(indexed.files[1].absolute()),
            }
        },
    )
    inputs: tuple[Path, ...] = integrated.outputs
    laue = None
    if request.space_group is None:
        done = chain.run(
            "symmetry", inputs, steps.symmetry(), ("symmetrized.expt", "symmetrized.refl", "symmetry.json")
        )
        inputs, laue = done.outputs[:2], symmetry.read_decision(done.outputs[2])
    done = chain.run("scale", inputs, steps.scale(request), ("scaled.expt", "scaled.refl"))
    data = outcome.scaled_of(read_table(done.outputs[1]))
    if not len(data.d):
        raise failure(Failure.NOT_INTEGRATED, "No reflection was left after scaling.")
    if request.d_min is not None:
        return Scaling(done.pair, data, request.d_min, "as requested", laue)
    return _cut(Scaling(done.pair, data, None, "all that was measured", laue))


def finish(
    chain: Chain,
    request: Request,
    found: Found,
    indexed: Indexed,
    scaling: Scaling,
    versions: dict[str, str],
) -> EngineRecord:
    """Settle the space group, write the files, and put the record together."""
    _agree(scaling, indexed)
    experiments, reflections, names = settle(chain, request, scaling)
    inputs = (experiments, reflections)
    merged = chain.run("merge", inputs, steps.merge(scaling.d_min), ("merged.mtz",))
    unmerged = chain.run("export", inputs, steps.export(scaling.d_min), ("unmerged.mtz",))
    final, lattice = expt.read_expt(experiments), indexed.lattice
    group = groups.group_of_hall(expt.hall_of(final))
    crystal = Crystal(
        space_group=names[0],
        candidates=names,
        laue_group=groups.short_laue(group),
        laue_confidence=scaling.laue.likelihood if scaling.laue else None,
        unit_cell=expt.cell_of(final),
        mosaicity=expt.mosaicity_of(final),
        indexed_fraction=lattice.fraction,
    )
    return EngineRecord(
        engine="dials",
        versions=versions,
        crystal=crystal,
        unmerged=unmerged.outputs[0],
        merged=merged.outputs[0],
        d_min=scaling.d_min or float(scaling.data.d.min()),
        d_min_reason=scaling.reason,
        n_spots=lattice.n_spots,
        n_indexed=lattice.n_indexed,
        rmsd=lattice.rmsd,
        series=_series(request, found, indexed),
        timing=dict(chain.memory.timing),
        files={"scaled.expt": experiments, "scaled.refl": reflections},
        remarks=(*found.remarks, *indexed.remarks, *_laue_remarks(scaling)),
        parameters=dict(chain.parameters),
    )


def settle(chain: Chain, request: Request, scaling: Scaling) -> tuple[Path, Path, tuple[str, ...]]:
    """(experiments, reflections, candidate symbols) with the space group written in, standard setting."""
    current = groups.group_of_hall(expt.hall_of(expt.read_expt(scaling.files[0])))
    if request.space_group is not None:
        return *scaling.files, (groups.name_of(current),)
    found = scaled.candidates(current, scaling.data)
    best, hall = found[0], found[0].hall
    experiments = scaling.files[0]
    if hall.split() != current.hall.split():
        experiments = chain.edit(f"group_{best.number}", experiments, _group_setter(hall))
    move = groups.to_standard(best)
    if move is None:
        return experiments, scaling.files[1], scaled.standardised(found)
    done = chain.run(
        "reindex",
        (experiments, scaling.files[1]),
        (f"change_of_basis_op={move[0]}",),
        ("reindexed.expt", "reindexed.refl"),
    )
    return *done.pair, scaled.standardised(groups.moved(found, move[0]))


def _cut(scaling: Scaling) -> Scaling:
    """Leave out what lies beyond CC1/2 = 0.3 when merging; where that cannot be told, keep everything.

    Scaling once more without it would take as long again and change nothing within the limit
    (docs/performance.md).
    """
    model = expt.read_expt(scaling.files[0])
    group = groups.group_of_hall(expt.hall_of(model))
    d_min = scaled.cut(expt.cell_of(model), group, scaling.data)
    return scaling if d_min is None else replace(scaling, d_min=d_min, reason="CC1/2 falls to 0.3")


def _agree(scaling: Scaling, indexed: Indexed) -> None:
    """Refuse data of a lattice that fits only with another beam centre, and whose intensities disagree.

    A lattice indexed from a wrong origin fits the spots, but gives each reflection another's index.
    """
    if not indexed.geometry_moved:
        return
    model = expt.read_expt(scaling.files[0])
    group = groups.group_of_hall(expt.hall_of(model))
    cc_half = scaled.agreement(expt.cell_of(model), group, scaling.data)
    if cc_half is not None and cc_half < DISAGREE:
        raise failure(
            Failure.BEAM_CENTRE_OFF,
            "The only lattice found needs another geometry, and its intensities contradict each other "
            f"(CC1/2 {cc_half:.2f}), so that geometry is not the true one either. {indexed.geometry_moved}",
        )


def _laue_remarks(scaling: Scaling) -> tuple[str, ...]:
    if scaling.laue is None or scaling.laue.likelihood >= 0.8:
        return ()
    return (
        f"The Laue group is the lattice's highest; its likelihood is only {scaling.laue.likelihood:.2f} "
        f"({scaling.laue.pairs} pairs of equivalent reflections).",
    )


def _series(request: Request, found: Found, indexed: Indexed) -> FrameSeries:
    first, last = request.images
    return FrameSeries(
        tuple(range(first, last + 1)),
        {
            "spots": spot_list.per_frame(found.table["xyzobs.px.value"][:, 2], request.images),
            "indexed": indexed.per_frame,
        },
    )


def _processes(option: str, request: Request) -> tuple[str, ...]:
    return (f"{option}={request.cores}",)


def _group_setter(hall: str) -> Callable[[expt.Expt], expt.Expt]:
    return lambda experiments: expt.with_space_group(experiments, hall)
