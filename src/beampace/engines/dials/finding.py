"""From frames to spots: import, put right what DIALS misread, find spots, judge them."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path

from beampace.analysis import spot_list
from beampace.core.engine import Request
from beampace.core.errors import BeampaceError, ScienceError, failure
from beampace.core.taxonomy import Failure
from beampace.engines.dials import expt, steps
from beampace.engines.dials.chain import Chain, Done
from beampace.engines.dials.indexing import Found
from beampace.engines.dials.reflections import read_table
from beampace.engines.dials.strong import PixelSearch

FOUND_ON_IMAGE = re.compile(r"Found \d+ strong pixels on image")


def find_spots(chain: Chain, request: Request, search: PixelSearch, learned: Path | None = None) -> Found:
    """Import, put right what DIALS misread, find spots, and stop when they are not a crystal's.

    Args:
        chain: runs the steps.
        request: the frames.
        search: for strong pixels, where there is a session.
        learned: what a session learned of other frames of the same scan.
    """
    try:
        return _find_spots(chain, request, search, learned)
    except ScienceError as error:
        raise _limited(error, request.d_min) from error


def _find_spots(chain: Chain, request: Request, search: PixelSearch, learned: Path | None) -> Found:
    imported = chain.run("import", (request.master,), ("output.log=import.log",), ("imported.expt",))
    experiments = imported.outputs[0]
    there = _range(experiments)
    if not there[0] <= request.images[0] <= request.images[1] <= there[1]:
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"DIALS imported frames {there[0]} to {there[1]}; {request.images} are wanted.",
        )
    wrong = expt.differences(expt.read_expt(experiments), request.dataset)
    if wrong:
        experiments = chain.edit("corrected", experiments, lambda e: expt.corrected(e, request.dataset))
    if request.images != _range(experiments):
        experiments = chain.edit(
            f"frames_{request.images[0]}_{request.images[1]}",
            experiments,
            lambda e: expt.sliced(e, request.images),
        )
    done = _spots_found(chain, request, experiments, search, learned)
    table = read_table(done.outputs[0])
    spot_list.judge(request.dataset, table["xyzobs.px.value"], request.n_frames)
    return Found(experiments, done.outputs[0], table, wrong)


def _spots_found(
    chain: Chain, request: Request, experiments: Path, search: PixelSearch, learned: Path | None
) -> Done:
    chain.learn(experiments, learned)
    return chain.run(
        "find_spots",
        (experiments,),
        steps.find_spots(request),
        ("strong.refl",),
        extra=(f"spotfinder.mp.nproc={request.cores}",),
        total=request.n_frames,
        count=FOUND_ON_IMAGE,
        session=lambda: {"pixels": str(_strong_pixels(chain, request, search))},
    )


def _strong_pixels(chain: Chain, request: Request, search: PixelSearch) -> Path:
    """The file of strong pixels for the spot finder."""
    path = chain.directory / "strong_pixels.npz"
    started, done = time.monotonic(), itertools.count(1)
    found = search.until(request.images[1], lambda: chain.progress.advance(next(done)), chain.progress.check)
    found.write(path)
    chain.memory.timing["strong_pixels"] = time.monotonic() - started
    return path


def _limited(error: ScienceError, d_min: float | None) -> BeampaceError:
    """The ending of too few spots, with the limit that may have left out the others."""
    if d_min is None or error.code not in (Failure.NO_DIFFRACTION, Failure.TOO_FEW_SPOTS):
        return error
    only = f"Only spots of spacings above {d_min:g} angstrom were looked for, as --d-min asks."
    return failure(error.code, f"{error.detail} {only}".strip(), "Try again without --d-min.")


def _range(experiments: Path) -> tuple[int, int]:
    first, last = expt.read_expt(experiments)["scan"][0]["image_range"]
    return (int(first), int(last))
