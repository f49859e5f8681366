"""COLSPOT: the strong spots of the truth, as a spot finder would report them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.xds_checker.area import trusted
from tests.support.xds_checker.geometry import Floats
from tests.support.xds_checker.log import Log, StepError
from tests.support.xds_checker.noise import keys, normal, uniform
from tests.support.xds_checker.observe import Flashes, chosen, flashes, part
from tests.support.xds_checker.run import Run

_ALIENS = 0.02
_SYMBOLS = (
    " *** DEFINITION OF SYMBOLS ***",
    " NBKG      = NUMBER OF BACKGROUND PIXELS ON DATA IMAGE",
    " NSTRONG   = NUMBER OF STRONG PIXELS ON DATA IMAGE",
    " I/O-FLAG  = ERROR CODE AFTER ACCESSING DATA IMAGE",
    "              0: NO ERROR",
    "             -1: CANNOT OPEN OR READ IMAGE FILE",
    "             -3: WRONG DATA FORMAT",
    "",
    " FRAME #      NBKG     NSTRONG   I/O-FLAG",
)


def colspot(run: Run, log: Log) -> None:
    """The step."""
    from tests.support.xds_checker.tasks import in_tasks

    run.need("X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf", "BLANK.cbf", "BKGINIT.cbf", "GAIN.cbf")
    for low, high in run.inp.spot_ranges:
        log.say(f" SPOT_RANGE= {low:7d} {high:7d}")
    log.say("", *_SYMBOLS)
    spots = in_tasks(run, log, "mcolspot", run.inp.spot_ranges)["spots"]
    spots = spots[np.argsort(-spots[:, 3], kind="stable")]
    log.say("", f" NUMBER OF DIFFRACTION SPOTS LOCATED           {len(spots):10d}")
    log.say(" IGNORED BECAUSE OF SPOT CLOSE TO UNTRUSTED REGION      0", " WEAK SPOTS OMITTED         0")
    log.say(f" NUMBER OF DIFFRACTION SPOTS ACCEPTED          {len(spots):10d}")
    if not len(spots):
        raise StepError("INSUFFICIENT NUMBER OF COLLECTED SPOTS")
    write_spots(run, spots)
    log.times()


def write_spots(run: Run, spots: Floats, hkl: Any = None) -> None:
    """SPOT.XDS: x y z intensity, and h k l once they are known."""
    lines = [f" {x:.2f} {y:.2f} {z:.2f} {intensity:.0f}. " for x, y, z, intensity in spots[:, :4]]
    if hkl is not None:
        lines = [f"{line} {h} {k} {m}" for line, (h, k, m) in zip(lines, hkl, strict=True)]
    (run.directory / "SPOT.XDS").write_text("\n".join(lines) + "\n")


def collect(run: Run, first: int, last: int) -> tuple[list[str], dict[str, Any]]:
    """Lines of the table of images, and the spots between two images, (n, 4)."""
    run.images.check(first, last)
    truth = run.truth
    parts = [
        _spots(run, chosen_of, first, last)
        for chosen_of in (flashes(truth, one, first - 6, last + 6) for one in range(len(truth.reciprocal)))
    ]
    spots = np.concatenate(parts) if parts else np.empty((0, 4))
    spots = np.concatenate([spots, _alien_spots(run, first, last, len(spots))])
    at = np.ceil(spots[:, 2]).astype(int)
    lines = [
        f"{image:8d}{run.truth.geometry.size[0] * 30:10d}{8 * int((at == image).sum()):12d}       0"
        for image in range(first, last + 1)
    ]
    return lines, {"spots": spots}


def _spots(run: Run, all_of: Flashes, first: int, last: int) -> Floats:
    """x, y, z, intensity of those strong enough, their centroids a little off."""
    good = trusted(run.inp, run.truth.geometry, run.images.mask, all_of.x, all_of.y)
    found = chosen(all_of, good & (all_of.photons > 10))
    recorded = np.array([_recorded(found, image) for image in range(first, last + 1)])
    total = recorded.sum(axis=0)
    limit = 5.0 * run.inp.number("STRONG_PIXEL", 3.0)
    strong = (recorded.max(axis=0, initial=0.0) > limit) & (total > 0)
    found, recorded, total = chosen(found, strong), recorded[:, strong], total[strong]
    images = np.arange(first, last + 1) - 0.5
    z = (recorded * images[:, None]).sum(axis=0) / total
    key = keys(run.truth.seed, found.row, found.sign, found.turn)
    error = run.truth.sigma_px / np.sqrt(total) + 0.05
    x, y = (place + error * normal(key, salt) for place, salt in ((found.x, 1), (found.y, 2)))
    return np.stack([x, y, z + normal(key, 3) * 0.3 * found.width / np.sqrt(total), np.rint(total)], axis=1)


def _recorded(found: Flashes, image: int) -> Floats:
    return found.photons * part(image - 1, image, found.z, found.width)


def _alien_spots(run: Run, first: int, last: int, count: int) -> Floats:
    """Spots that belong to no lattice: a few in a hundred, and one in four images."""
    number = np.arange(int(count * _ALIENS) + (last - first + 1) // 4)
    key = keys(run.truth.seed, number, np.full_like(number, first))
    nx, ny = run.truth.geometry.size
    z = np.floor(first - 1 + (last - first + 1) * uniform(key, 13)) + 0.5
    spots = np.stack([1 + nx * uniform(key, 11), 1 + ny * uniform(key, 12), z, 30 + 200 * uniform(key, 14)])
    spots = spots.T
    return spots[trusted(run.inp, run.truth.geometry, run.images.mask, spots[:, 0], spots[:, 1])]
