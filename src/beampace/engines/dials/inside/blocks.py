"""Integration by blocks of frames, each frame read once, in place of DIALS's own two passes.

DIALS reads every frame for the reference profiles and again for the intensities, in one block per process.
Here a block's shoeboxes are kept until its last frame was read; its strong reflections then make the
reference profiles, as DIALS makes them for every 5 degrees, and all are fitted with them. Prediction, masks,
background, sums and fits are DIALS's functions.

A reflection belongs to the block its predicted centre lies in, whatever frames its shoebox needs: at the
border of two blocks none is lost or counted twice.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from dials.algorithms.integration.integrator import Executor, MultiExpProfileModeller
from dials.algorithms.integration.processor import ShoeboxProcessor
from dials.algorithms.shoebox import MaskCode
from dials.array_family import flex
from dials.command_line import integrate as program
from dials.model.data import make_image
from dials.util.slice import slice_crystal
from dxtbx import flumpy
from dxtbx.model import Experiment, ExperimentList

from . import done
from .ranges import Frames, Range, Wish, gaps, ranges_of, with_slack
from .tables import array, centres, only

Array = np.ndarray
BYTES = 300e6
"""Shoeboxes kept by one process."""
PIXEL_BYTES = 12
"""Of a shoebox: count, mask and background."""
STRONG = 250
"""Strong reflections in a block where memory allows, for its nine or more reference profiles."""
FEW = 100
"""Strong reflections below which a block has one reference profile, not nine over the detector."""
OUTSIDE = 0.005
"""Share of a block's reflections whose shoeboxes may be cut at either end: those close to the spindle axis
would want frames far away."""
DONT_SAVE_SHOEBOXES = False


@dataclass(frozen=True)
class Plan:
    """What an order says of blocks.

    Attributes:
        cores: processes at the same time.
        part: frames to integrate alone, of a scan that goes on; None for all.
        done: blocks that were integrated before, as `done.Block` has them.
        spots: file of strong spots with the final indices, to judge these by.
    """

    cores: int
    part: Frames | None = None
    done: tuple[dict[str, Any], ...] = ()
    spots: str = ""


def install(plan: Plan) -> None:
    """Let `dials.integrate` integrate by blocks, in this process."""
    work = Work(plan)
    predict, create = flex.reflection_table.from_predictions_multi, program.create_integrator
    mask, model = program.filter_reference_pixels, program.ProfileModelFactory.create

    def masked(reference: Any, experiments: Any) -> Any:
        work.reference = mask(reference, experiments)
        return work.reference.select(flex.bool(len(work.reference), True))

    def predicted(experiments: Any, **options: Any) -> Any:
        wanted = work.wanted(experiments)
        if wanted is None:
            return predict(experiments, **options)
        whole = flex.reflection_table()
        for part in wanted:
            whole.extend(_predicted(predict, experiments, part, options))
        return whole

    def modelled(params: Any, experiments: Any, reference: Any) -> Any:
        # Divergence and mosaicity are those of all frames, whichever are integrated.
        return model(params, experiments, work.reference if work.parts else reference)

    def created(params: Any, experiments: Any, reflections: Any) -> Any:
        integrator = create(params, experiments, reflections)
        plain = len(experiments.imagesets()) == 1 and params.integration.integrator == "3d"
        return Blocks(integrator, work) if plain else integrator

    flex.reflection_table.from_predictions_multi = staticmethod(predicted)
    program.filter_reference_pixels, program.create_integrator = masked, created
    program.ProfileModelFactory.create = staticmethod(modelled)


class Work:
    """What is to be integrated, and what is there already."""

    def __init__(self, plan: Plan) -> None:
        self.cores, self._plan = plan.cores, plan
        self.taken: list[done.Taken] = []
        self.reference: Any = None

    @property
    def parts(self) -> bool:
        """Whether only some frames are integrated."""
        return self._plan.part is not None or bool(self.taken)

    def wanted(self, experiments: Any) -> list[Frames] | None:
        """Frames whose reflections are still to be integrated; None for all."""
        plan = self._plan
        if plan.part is not None:
            return [(plan.part[0], plan.part[1])]
        if not plan.done or len(experiments) != 1:
            return None
        spots = flex.reflection_table.from_file(plan.spots)
        hold = done.that_hold([done.Block(**one) for one in plan.done], experiments[0], spots)
        whole = experiments[0].scan.get_array_range()
        self.taken = done.enough(hold, spots, whole, STRONG)
        return gaps([taken.span for taken in self.taken], whole) if self.taken else None

    def joined(self, rows: Any) -> Any:
        """The rows with those that were there already."""
        if not self.taken:
            return rows
        whole = flex.reflection_table()
        for taken in self.taken:
            whole.extend(taken.rows)
        sys.stdout.write(f"{len(whole)} reflections were integrated before\n")
        whole.extend(rows)
        return done.each_once(whole)


def _predicted(predict: Any, experiments: Any, part: Frames, options: dict[str, Any]) -> Any:
    """Reflections whose centres lie in some frames, or a little beyond."""
    low, high = experiments[0].scan.get_array_range()
    frames = (max(low, part[0] - 1), min(high, part[1] + 1))
    sliced = ExperimentList([_sliced(experiment, frames) for experiment in experiments])
    table = predict(sliced, **options)
    begin, end = with_slack(part)
    centre = centres(table)
    # Beyond the first and the last frame lie centres of reflections that are partly there.
    inside = ((centre >= begin) | (part[0] <= low)) & ((centre < end) | (part[1] >= high))
    return only(table, inside)


def _sliced(experiment: Any, frames: Frames) -> Any:
    """The experiment as it predicts in some frames only."""
    first = experiment.scan.get_array_range()[0]
    crystal = slice_crystal(experiment.crystal, (frames[0] - first, frames[1] - first))
    return _of_frames(experiment, frames, crystal)


class Blocks:
    """Stands where `run_integration` expects DIALS's integrator."""

    def __init__(self, integrator: Any, work: Work) -> None:
        self._theirs, self._work = integrator, work

    def integrate(self) -> Any:
        """The predicted reflections, integrated."""
        theirs = self._theirs
        reflections, experiments = theirs.reflections, theirs.experiments
        theirs.initialize_reflections(experiments, theirs.params, reflections)
        strong = reflections.get_flags(reflections.flags.reference_spot).count(True)
        wish = Wish(self._work.cores, BYTES, strong // STRONG)
        ranges = ranges_of(centres(reflections), _sizes(reflections), wish)
        todo = [(span, only(reflections, chosen)) for span, chosen in ranges]
        found = _integrated(theirs, todo, self._work.cores)
        found, _ = theirs.finalize_reflections(found, experiments, theirs.params)
        sys.stdout.write(f"{len(found)} reflections in {len(todo)} blocks of frames\n")
        return self._work.joined(found)


def _integrated(theirs: Any, todo: list[tuple[Range, Any]], cores: int) -> Any:
    """All blocks, each in a child that writes its table."""
    files = [Path(f"block_{number}.part.refl") for number in range(len(todo))]

    def work(number: int) -> None:
        block(theirs, *todo[number]).as_file(str(files[number]))

    in_children(work, len(todo), cores)
    whole = flex.reflection_table()
    for file in files:
        whole.extend(flex.reflection_table.from_file(str(file)))
        file.unlink()
    return whole


def in_children(work: Callable[[int], None], number: int, most: int) -> None:
    """Do pieces of work in forked children, some at a time.

    Raises:
        RuntimeError: one failed; what it printed says why.
    """
    running: set[int] = set()
    status = 0
    for piece in range(number):
        if len(running) >= most:
            status = _ended(running)
        if status:
            break
        pid = os.fork()
        if pid == 0:
            os._exit(_worked(work, piece))
        running.add(pid)
    while running:
        status = _ended(running) or status
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))  # Killed for its memory: so is the step.
    if status:
        raise RuntimeError("a block of frames was not integrated")


def _ended(running: set[int]) -> int:
    """Wait for a child; how it ended."""
    pid, status = os.wait()
    running.discard(pid)
    return status


def _worked(work: Callable[[int], None], piece: int) -> int:
    try:
        work(piece)
    except BaseException:  # noqa: BLE001 - the boundary of a process
        traceback.print_exc()
        return 1
    return 0


def block(theirs: Any, span: Range, reflections: Any) -> Any:
    """Integrate the reflections of a block.

    Args:
        theirs: DIALS's integrator, for experiments and parameters.
        span: range of their centres.
        reflections: them, with bounding boxes.
    """
    experiments = theirs.experiments
    imageset = experiments[0].imageset
    frames = _frames(reflections, span, imageset.get_array_range())
    _cut(reflections, frames)
    reflections.compute_partiality(experiments)
    held = _Held(experiments, theirs.params.profile.valid_foreground_threshold)
    _read(imageset, frames, reflections, held)
    table = flex.reflection_table()
    for part in held.parts:
        table.extend(part)
    if theirs.params.profile.fitting:
        _fit(table, experiments, frames)
    del table["shoebox"]
    return table


class _Held(Executor):  # type: ignore[misc]
    """What is done with reflections whose last frame was read; they are kept for the profile fit.

    As `IntegratorExecutor` of DIALS, but that the fit comes later.
    """

    def __init__(self, experiments: Any, least_valid: float) -> None:
        super().__init__()
        self._experiments, self._least_valid = experiments, least_valid
        self.parts: list[Any] = []

    def process(self, _: int, reflections: Any) -> None:
        """Mask, background, centroid and sum."""
        reflections.is_overloaded(self._experiments)
        reflections.compute_mask(self._experiments)
        reflections.contains_invalid_pixels()
        shoebox = reflections["shoebox"]
        valid = shoebox.count_mask_values(MaskCode.Valid | MaskCode.Foreground)
        all_of_it = shoebox.count_mask_values(MaskCode.Foreground)
        poor = valid.as_double() / all_of_it.as_double() < self._least_valid
        reflections.set_flags(poor, reflections.flags.dont_integrate)
        reflections.compute_background(self._experiments)
        reflections.compute_centroid(self._experiments)
        reflections.compute_summed_intensity()
        background = MaskCode.Valid | MaskCode.Background
        reflections["num_pixels.valid"] = shoebox.count_mask_values(MaskCode.Valid)
        reflections["num_pixels.background"] = shoebox.count_mask_values(background)
        used = shoebox.count_mask_values(background | MaskCode.BackgroundUsed)
        reflections["num_pixels.background_used"] = used
        reflections["num_pixels.foreground"] = valid
        self.parts.append(reflections)


def _read(imageset: Any, frames: Frames, reflections: Any, held: _Held) -> None:
    """Hand the frames to DIALS, which fills the shoeboxes."""
    reflections["shoebox"] = flex.shoebox(
        reflections["panel"], reflections["bbox"], allocate=False, flatten=False
    )
    first = imageset.get_array_range()[0]
    processor = ShoeboxProcessor(reflections, len(imageset.get_detector()), *frames, DONT_SAVE_SHOEBOXES)
    for index in range(frames[0] - first, frames[1] - first):
        image = imageset.get_corrected_data(index)
        if imageset.is_marked_for_rejection(index):
            mask = tuple(flex.bool(one.accessor(), False) for one in image)
        else:
            mask = imageset.get_mask(index)
        processor.next(make_image(image, mask), held)


def _fit(table: Any, experiments: Any, frames: Frames) -> None:
    """Reference profiles from the block's own strong reflections, and all fitted with them."""
    strong = table.select(table.get_flags(table.flags.reference_spot))
    if not len(strong):
        sys.stdout.write(f"frames {frames[0] + 1} to {frames[1]}: no reference profiles\n")
        return
    fitter = MultiExpProfileModeller()
    for experiment in experiments:
        # The modeller divides the scan into steps.
        part = _of_frames(experiment, frames, experiment.crystal)
        if len(strong) < FEW:
            part.profile.params.gaussian_rs.fitting.grid_method = "single"
        make = part.profile.fitting_class()
        if make is None:
            return
        fitter.add(make(part))
    fitter.model(strong)
    fitter.finalize()
    table.compute_fitted_intensity(fitter)


def _of_frames(experiment: Any, frames: Frames, crystal: Any) -> Any:
    """The experiment with a scan of some frames only."""
    scan = experiment.scan
    first = scan.get_array_range()[0]
    return Experiment(
        beam=experiment.beam,
        detector=experiment.detector,
        goniometer=experiment.goniometer,
        scan=scan[frames[0] - first : frames[1] - first],
        crystal=crystal,
        profile=experiment.profile,
        imageset=experiment.imageset,
        identifier=experiment.identifier,
    )


def _frames(reflections: Any, span: Range, there: Frames) -> Frames:
    """Frames a block reads: all its own, and what nearly all its shoeboxes need of its neighbours'."""
    z0, z1 = (array(part) for part in reflections["bbox"].parts()[4:6])
    low = min(np.quantile(z0, OUTSIDE, method="lower"), np.floor(span[0]))
    high = max(np.quantile(z1, 1 - OUTSIDE, method="higher"), np.ceil(span[1]))
    return max(int(low), there[0]), min(int(high), there[1])


def _cut(reflections: Any, frames: Frames) -> None:
    """Cut shoeboxes that reach beyond the frames; what is left of them tells how partial they are."""
    *sides, z0, z1 = (array(part) for part in reflections["bbox"].parts())
    cut = (np.clip(z0, frames[0], frames[1] - 1), np.clip(z1, frames[0] + 1, frames[1]))
    reflections["bbox"] = flex.int6(*(flumpy.from_numpy(part.astype(np.int32)) for part in (*sides, *cut)))


def _sizes(reflections: Any) -> Array:
    x0, x1, y0, y1, z0, z1 = (array(part).astype(float) for part in reflections["bbox"].parts())
    return np.asarray((x1 - x0) * (y1 - y0) * (z1 - z0) * PIXEL_BYTES)
