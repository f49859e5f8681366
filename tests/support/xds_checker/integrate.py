"""INTEGRATE: what the truth has where XPARM.XDS says that reflections are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.xds_checker import failures
from tests.support.xds_checker import integrate_text as text
from tests.support.xds_checker.area import resolved, trusted
from tests.support.xds_checker.beams import angles, unpolarised
from tests.support.xds_checker.geometry import Floats, Places, matrix, predict
from tests.support.xds_checker.integrate_hkl import write_integrate_hkl
from tests.support.xds_checker.log import Log, StepError
from tests.support.xds_checker.noise import Keys, keys, normal
from tests.support.xds_checker.observe import Flashes, flash_near, part
from tests.support.xds_checker.run import Run
from tests.support.xds_checker.truth import Truth
from tests.support.xds_checker.xparm import Xparm, read_xparm

_BOX = 4.0
"""Half of the width of what is integrated, in standard deviations of a spot."""
_BACKGROUND = 0.5
_SYSTEMATIC = 0.04
"""Relative error of an observation that counting does not explain: it makes ISa."""
_COLUMNS = 21
_FEWEST_STRONG = 10


@dataclass(frozen=True, eq=False)
class Seen:
    """What XPARM.XDS predicts and the truth has there.

    Attributes:
        hkl: (n, 3) in the setting of XPARM.XDS.
        places: predicted; `width` standard deviation of the predicted rocking curve, images.
        flashes: the true crossing nearest to each.
    """

    hkl: npt.NDArray[np.int64]
    places: Places
    width: Floats
    flashes: Flashes


def integrate(run: Run, log: Log) -> None:
    """The step."""
    from tests.support.xds_checker.tasks import in_tasks

    run.need("X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf", "BLANK.cbf", "BKGPIX.cbf", "GAIN.cbf", "XPARM.XDS")
    xparm = read_xparm(run.directory / "XPARM.XDS")
    log.say(*text.opening(run, xparm))
    failures.check_sizes(run.inp)
    records = in_tasks(run, log, "mintegrate", [run.inp.data_range])["records"]
    strong = int((records[:, 12] > 0).sum())
    if strong < max(_FEWEST_STRONG, 0.02 * len(records)) and not failures.sizes_given(run.inp):
        raise StepError(failures.SPOT_SIZE)
    records = records[np.lexsort((records[:, 7], records[:, 2], records[:, 1], records[:, 0]))]
    spread = spreads(run)
    write_integrate_hkl(run, xparm, records, spread)
    run.place_holder("FRAME.cbf")
    log.say(*text.closing(run, records, spread))
    log.times(total=True)


def spreads(run: Run) -> tuple[float, float]:
    """Standard deviations of beam divergence and reflecting range, degrees."""
    g = run.truth.geometry
    return float(np.degrees(run.truth.sigma_px * g.pixel[0] / g.distance)), float(
        np.degrees(run.truth.mosaicity)
    )


def integrate_range(run: Run, first: int, last: int) -> tuple[list[str], dict[str, Any]]:
    """Lines of INTEGRATE.LP and the records of a range of images, (n, 21)."""
    run.images.check(first, last)
    xparm = read_xparm(run.directory / "XPARM.XDS")
    truth = run.truth.turned_to(xparm.geometry.frame)
    seen = _seen(run, xparm, truth, first, last)
    records = _records(run, xparm, truth, seen, (first, last))
    lines = []
    for low, high in text.batches(run, first, last):
        lines += text.batch(run, xparm, records, (low, high), spreads(run))
    return lines, {"records": records}


def index_change(xparm: Xparm, truth: Truth, lattice: int, z: float) -> npt.NDArray[np.int64] | None:
    """M with hkl_true = M hkl, by what both say of the crystal at z; None when they do not agree."""
    columns = truth.tilted(truth.reciprocal[lattice].T, np.full(3, z)).T
    true = matrix(truth.geometry.axis, float(truth.geometry.angle(z))) @ columns
    said = matrix(xparm.geometry.axis, float(xparm.geometry.angle(z))) @ xparm.reciprocal
    change = np.linalg.solve(true, said)
    whole = np.rint(change)
    if np.abs(change - whole).max() > 0.15 or round(abs(float(np.linalg.det(whole)))) == 0:
        return None
    return whole.astype(np.int64)


def _indices(run: Run, xparm: Xparm) -> npt.NDArray[np.int64]:
    """Every hkl within the resolution of the detector and of XDS.INP, the lattice's own absences left out."""
    g = xparm.geometry
    corners = np.array([[x, y] for x in (1, g.size[0]) for y in (1, g.size[1])], float)
    limit = float(np.linalg.norm(g.rays(corners[:, 0], corners[:, 1]) - g.s0, axis=1).max())
    if "INCLUDE_RESOLUTION_RANGE" in run.inp and run.inp.vector("INCLUDE_RESOLUTION_RANGE")[1] > 0:
        limit = min(limit, 1.0 / run.inp.vector("INCLUDE_RESOLUTION_RANGE")[1])
    top = np.floor(np.array(xparm.cell[:3]) * limit).astype(int)
    grids = np.meshgrid(*(np.arange(-n, n + 1) for n in top), indexing="ij")
    hkl = np.stack([grid.ravel() for grid in grids], axis=1)
    length = np.linalg.norm(hkl @ xparm.reciprocal.T, axis=1)
    return hkl[(length > 0) & (length <= limit) & _present(hkl, xparm.group)]


def _present(hkl: npt.NDArray[np.int64], group: int) -> npt.NDArray[np.bool_]:
    """Reflections that the centring of a group leaves."""
    import gemmi

    operations = gemmi.find_spacegroup_by_number(group).operations()
    h, k, m = hkl.T
    odd = {
        "A": (k + m) % 2, "B": (h + m) % 2, "C": (h + k) % 2, "I": (h + k + m) % 2,
        "F": (h + k) % 2 + (h + m) % 2, "R": (-h + k + m) % 3,
    }  # fmt: skip
    centring = operations.find_centering()
    return odd[centring] == 0 if centring in odd else np.ones(len(hkl), bool)


def _seen(run: Run, xparm: Xparm, truth: Truth, first: int, last: int) -> Seen:
    """Predictions of XPARM.XDS whose images overlap a range, and what is truly there."""
    hkl = _indices(run, xparm)
    g, least = xparm.geometry, run.inp.number("MINIMUM_ZETA", 0.05)
    margin = _BOX * np.degrees(truth.mosaicity) / g.width / max(least, 0.02) + 1
    places = predict(g, hkl @ xparm.reciprocal.T, first - 1 - margin, last + margin)
    with np.errstate(divide="ignore"):
        width = np.degrees(truth.mosaicity) / places.zeta / g.width
    reach = _BOX * width
    keep = (places.zeta > least) & (places.z + reach > first - 1)
    keep &= (places.z - reach < last) & np.isfinite(places.x)
    keep &= trusted(run.inp, g, run.images.mask, places.x, places.y)
    keep &= resolved(run.inp, np.linalg.norm(places.s1 - g.s0, axis=1))
    places, width = places.chosen(keep), width[keep]
    return Seen(
        hkl[places.row], places, width, _true(xparm, truth, hkl[places.row], places, (first + last) / 2)
    )


def _true(xparm: Xparm, truth: Truth, hkl: npt.NDArray[np.int64], places: Places, z: float) -> Flashes:
    """The true crossings nearest to the predicted ones; those of the strongest lattice that agrees."""
    for lattice in np.argsort(-truth.strength.sum(axis=1)):
        change = index_change(xparm, truth, int(lattice), z)
        if change is not None:
            return flash_near(truth, int(lattice), truth.rows(hkl @ change.T), places.z)
    nothing = np.full(len(hkl), -1)
    return Flashes(
        nothing, places.sign, places.x, places.y, places.z, np.zeros(len(hkl)), np.ones(len(hkl)), places.turn
    )


def _records(
    run: Run, xparm: Xparm, truth: Truth, seen: Seen, images: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """The 21 items of every reflection recorded in a range."""
    places, true = seen.places, seen.flashes
    low = np.maximum(places.z - _BOX * seen.width, images[0] - 1)
    high = np.minimum(places.z + _BOX * seen.width, images[1])
    whole = float(part(-_BOX, _BOX, np.zeros(1), np.ones(1))[0])
    peak = np.clip(part(low, high, places.z, seen.width) / whole, 0, 1)
    keep = peak > 0.01
    share = np.nan_to_num(part(low, high, true.z, true.width)) * _caught(truth, places, true)
    photons, sigma, error = _counted(run, seen, (share, low, high), images)
    rlp = places.zeta * places.sin_2theta / unpolarised(xparm, places)
    columns = np.zeros((len(rlp), _COLUMNS))
    columns[:, 0:3] = seen.hkl
    columns[:, 3], columns[:, 4] = (photons + error) * rlp, sigma * rlp
    columns[:, 5], columns[:, 6], columns[:, 7] = places.x, places.y, places.z
    columns[:, 8], columns[:, 9] = rlp, 100 * peak
    columns[:, 10] = np.clip(np.rint(100 * photons / (photons + 4 * sigma)), -99, 99)
    columns[:, 11] = np.rint(np.clip(photons / 8 + _BACKGROUND, 1, 99999))
    columns[:, 12:15] = _centroids(run, seen, photons, photons > 3 * sigma)
    columns[:, 15:20] = angles(xparm, places)
    columns[:, 20] = 1
    return columns[keep]


def _centroids(run: Run, seen: Seen, photons: Floats, strong: npt.NDArray[np.bool_]) -> Floats:
    """Observed places of strong reflections, a little off; zero for the others."""
    true, key = seen.flashes, _observation(run, seen)
    root = np.sqrt(np.maximum(photons, 1.0))
    errors = [0.15 + run.truth.sigma_px / root] * 2 + [0.05 + true.width / root]
    values = zip((true.x, true.y, true.z), errors, strict=True)
    columns = [value + error * normal(key, 20 + salt) for salt, (value, error) in enumerate(values)]
    return np.where(strong[:, None], np.nan_to_num(np.stack(columns, axis=1)), 0.0)


def _caught(truth: Truth, places: Places, true: Flashes) -> Floats:
    """Share of a true spot within the pixels around the predicted one."""
    sigma, box = np.array([truth.sigma_px * 1.3]), _BOX * truth.sigma_px * 1.3 + 1.0
    share = np.ones(len(places.x))
    for predicted, value in ((places.x, true.x), (places.y, true.y)):
        off = np.where(np.isfinite(value), value - predicted, 1e3)
        share = share * part(-box, box, off, sigma)
    return share


def _counted(
    run: Run, seen: Seen, share: tuple[Floats, Floats, Floats], images: tuple[int, int]
) -> tuple[Floats, Floats, Floats]:
    """Photons, the standard deviation INTEGRATE gives them, and the error they are given."""
    fraction, low, high = share
    true = seen.flashes
    photons = true.photons * fraction
    background = _BACKGROUND * 30 * np.maximum(high - low, 0.0) * 0.5
    counting = np.sqrt(photons + background + 1.0)
    key = _observation(run, seen)
    reach = _BOX * seen.width
    whole = (seen.places.z - reach >= images[0] - 1) & (seen.places.z + reach <= images[1])
    begin = np.where(whole, 0, images[0])
    error = counting * normal(_partial(key, begin), 5) + _SYSTEMATIC * photons * normal(key, 7)
    sigma = np.sqrt(4.0 * (counting**2 + 1e-4 * photons**2))
    return photons, sigma, error


def _observation(run: Run, seen: Seen) -> Keys:
    """A key for each observation that does not depend on the setting or on how images are shared out."""
    true, places = seen.flashes, seen.places
    known = true.row >= 0
    first = np.where(known, true.row, seen.hkl @ np.array([1, 1000, 1000000]) - 10**9)
    sign, turn = np.where(known, true.sign, places.sign), np.where(known, true.turn, places.turn)
    return keys(run.truth.seed, first, sign, turn)


def _partial(key: Keys, begin: npt.NDArray[np.int64]) -> Keys:
    return np.where(begin == 0, key, key ^ keys(1, begin))
