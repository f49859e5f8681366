"""IDXREF, and what may help when it fails: each remedy once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.errors import failure
from beampace.core.geometry import scaled
from beampace.core.taxonomy import Failure
from beampace.engines.xds.complaints import WHAT, Remedy
from beampace.engines.xds.found import only
from beampace.engines.xds.idxref_lp import IdxrefLog, Origin, parse_idxref
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Ended, Program
from beampace.engines.xds.spot_xds import Spots, spots_text
from beampace.engines.xds.xparm import Xparm, parse_xparm

log = logging.getLogger("beampace.xds")

SIGN_SHOWS_DEG = 10.0
"""From this rotation on only one sign of the spindle indexes well."""
LEAST_SHARE = 0.25
"""Share of indexed spots below which a lattice is not gone on with, whatever else may be tried."""
SAME = 0.003
"""Of its length by which an axis may be off between two lattices that are one: 0.3 % or 0.17 degrees."""
SECOND_SUBTREE = 0.2
"""Size of the second subtree of difference vectors, against the first, that hints at a second lattice."""


@dataclass(frozen=True, slots=True)
class Way:
    """How IDXREF is tried.

    Attributes:
        situation: the dataset, perhaps with another axis or beam.
        spots: that are indexed; `weaker`: gives these and weaker ones, if there are any.
        group, cell: that are imposed.
        more: keywords.
        done: remedies it takes.
    """

    situation: Situation
    spots: Spots
    weaker: Callable[[], Spots] | None = None
    group: int = 0
    cell: UnitCell | None = None
    more: tuple[tuple[str, str], ...] = ()
    done: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Lattice:
    """What IDXREF found.

    Attributes:
        log: what it says; None where this version's log cannot be read, and nothing depends on it.
        xparm: the geometry; `text`: of its file.
        way: how it was found.
    """

    log: IdxrefLog | None
    xparm: Xparm
    text: str
    way: Way

    @property
    def share(self) -> float:
        """Share of the spots that are indexed, as far as it is known."""
        return (self.log.n_indexed or 0) / max(1, self.log.n_considered or 0) if self.log else 0.0

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth knowing, as sentences."""
        said = [f"XDS indexed the spots only {WHAT[remedy]}." for remedy in self.way.done]
        if self.log is None:
            return (*said, "IDXREF.LP of this version of XDS cannot be read; nothing depends on it.")
        first, second = (*self.log.subtrees, 0, 0)[:2]
        if second > SECOND_SUBTREE * first:
            said.append(f"two_lattices: {second} difference vectors of XDS belong to another lattice.")
        return tuple(said)

    def is_that_of(self, other: Lattice) -> bool:
        """Whether both have the same points, in whichever basis: cell and orientation within `SAME`."""
        mine, others = np.array(self.xparm.axes), np.array(other.xparm.axes)
        change = mine @ np.linalg.inv(others)
        whole = np.rint(change)
        if abs(round(float(np.linalg.det(whole)))) != 1:
            return False
        off = np.linalg.norm(mine - whole @ others, axis=1) / np.linalg.norm(mine, axis=1)
        return bool((off <= SAME).all())


def find_lattice(
    program: Program,
    way: Way,
    images: tuple[int, int],
    directory: Path,
    cores: int,
    begun: Ended | None = None,
) -> Lattice:
    """Index spots, with one remedy after the other until one helps.

    Args:
        program: runs XDS.
        way: how it is tried first.
        images: frames the spots are from.
        directory: where XDS runs.
        cores: it may use.
        begun: the first try, when it was made already.

    Raises:
        ScienceError: nothing helped; the first complaint's category.
        InfrastructureError, Cancelled: as `Program.run`.
    """
    asked, tried = way, set(way.done)
    first = came = begun or _try(program, way, images, directory, cores)
    weak: Lattice | None = None
    while True:
        found = read_lattice(came.text, way, directory)
        if came.failed is None:
            return found or _unreadable(directory)
        weak = max((one for one in (weak, found) if one is not None), key=lambda one: one.share, default=None)
        remedy = _next(came, way, tried, images)
        if remedy is None:
            raise first.why()
        tried.add(remedy)
        if remedy is Remedy.ACCEPT:
            return _accepted(weak, first, directory)
        program.progress.note(f"IDXREF once more, {WHAT[remedy]}: {came.failed.complaint.words}")
        way = _changed(asked, way, remedy, came)
        came = _try(program, way, images, directory, cores)


def _unreadable(directory: Path) -> Lattice:
    words = f"{directory / 'XPARM.XDS'} is not as XDS writes it."
    raise failure(Failure.ENGINE_FAILED, words, "Report it with the version of XDS.")


def _try(program: Program, way: Way, images: tuple[int, int], directory: Path, cores: int) -> Ended:
    (directory / "SPOT.XDS").write_text(spots_text(way.spots), encoding="ascii")
    run = Run(
        ("IDXREF",),
        images,
        parallel=(1, min(cores, 99)),
        spot_ranges=(images,),
        group=way.group,
        cell=way.cell,
        more=dict(way.more),
    )
    return program.run(way.situation, run, directory)


def read_lattice(said: str, way: Way, directory: Path) -> Lattice | None:
    """What IDXREF found, also when XDS is not content with it; None when it found nothing.

    Args:
        said: text of its log.
        way: how it was found.
        directory: where XPARM.XDS is.
    """
    path = directory / "XPARM.XDS"
    if not path.is_file():
        return None
    text = path.read_text(encoding="ascii", errors="replace")
    try:
        return Lattice(_idxref(said), parse_xparm(text), text, way)
    except LpError as error:
        log.warning("what IDXREF left cannot be read: %s", error)
        return None


def _idxref(said: str) -> IdxrefLog | None:
    try:
        return parse_idxref(said)
    except LpError as error:
        log.warning("%s", error)
        return None


def _next(came: Ended, way: Way, tried: set[Remedy], images: tuple[int, int]) -> Remedy | None:
    remedies = came.failed.complaint.remedies if came.failed else ()
    return next((one for one in remedies if one not in tried and _fits(one, way, images)), None)


def _fits(remedy: Remedy, way: Way, images: tuple[int, int]) -> bool:
    if remedy is Remedy.NO_CELL:
        return way.group > 0
    if remedy is Remedy.WEAKER_SPOTS:
        return way.weaker is not None
    if remedy is Remedy.FLIPPED_AXIS:
        return way.situation.dataset.scan.width * (images[1] - images[0] + 1) >= SIGN_SHOWS_DEG
    return True


def _accepted(weak: Lattice | None, first: Ended, directory: Path) -> Lattice:
    """The best of the lattices XDS is not content with.

    Raises:
        ScienceError: there is none, or it explains next to nothing.
    """
    if weak is None or weak.share < LEAST_SHARE:
        raise first.why()
    (directory / "XPARM.XDS").write_text(weak.text, encoding="ascii")
    return replace(weak, way=replace(weak.way, done=(*weak.way.done, Remedy.ACCEPT)))


def _changed(asked: Way, way: Way, remedy: Remedy, came: Ended) -> Way:
    """The next way: each departs from the one before, so that what is known to be needed stays.

    The other sign of the spindle is tried with what was asked for: the rest was chosen for the wrong one.
    """
    done = (*way.done, remedy)
    if remedy is Remedy.FLIPPED_AXIS:
        situation = replace(asked.situation, dataset=flipped(asked.situation.dataset))
        return replace(asked, situation=situation, done=(*asked.done, remedy))
    if remedy is Remedy.STRONGER_SPOTS:
        return replace(way, spots=only(way.spots, slice(0, max(300, len(way.spots) // 2))), done=done)
    if remedy is Remedy.WEAKER_SPOTS and way.weaker is not None:
        return replace(way, spots=way.weaker(), done=done)
    if remedy is Remedy.NO_CELL:
        return replace(way, group=0, cell=None, done=done)
    more = _origin_keyword(_best_origin(came)) if remedy is Remedy.OTHER_ORIGIN else KEYWORDS.get(remedy, {})
    return replace(way, more=_merged(way.more, more), done=done)


KEYWORDS: Mapping[Remedy, Mapping[str, str]] = {
    Remedy.WIDER_CLUSTERS: {"SEPMIN": "7.0", "CLUSTER_RADIUS": "3.5"},
    Remedy.SPOT_SIZE: {
        "BEAM_DIVERGENCE": "0.9",
        "BEAM_DIVERGENCE_E.S.D.": "0.09",
        "REFLECTING_RANGE": "1.0",
        "REFLECTING_RANGE_E.S.D.": "0.10",
    },
}
"""Remedies that are keywords; the values of the spot size are RAPD's."""


def flipped(dataset: Dataset) -> Dataset:
    """The dataset with the spindle turning the other way."""
    gonio = dataset.goniometer
    return replace(dataset, goniometer=replace(gonio, axis=scaled(gonio.axis, -1.0)))


def _best_origin(ended: Ended) -> Origin | None:
    """The likeliest of the index origins other than the one taken."""
    try:
        origins = parse_idxref(ended.text).origins
    except LpError:
        return None
    others = [row for row in origins if row.hkl != (0, 0, 0)]
    return min(others, key=lambda row: (row.quality, row.dh + row.dk + row.dl), default=None)


def _origin_keyword(origin: Origin | None) -> Mapping[str, str]:
    return {} if origin is None else {"INDEX_ORIGIN": " ".join(map(str, origin.hkl))}


def _merged(old: tuple[tuple[str, str], ...], new: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple({**dict(old), **new}.items())
