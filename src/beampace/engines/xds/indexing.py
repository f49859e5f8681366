"""IDXREF, and what may help when it fails: each remedy once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.geometry import scaled
from beampace.engines.xds.complaints import WHAT, Complaint, Remedy
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
SECOND_SUBTREE = 0.2
"""Size of the second subtree of difference vectors, against the first, that hints at a second lattice."""


@dataclass(frozen=True, slots=True)
class Way:
    """How IDXREF is tried.

    Attributes:
        situation: the dataset, perhaps with another axis or beam.
        spots: that are indexed; `weaker`: gives these and weaker ones.
        group, cell: that are imposed.
        more: keywords.
        done: remedies it takes.
    """

    situation: Situation
    spots: Spots
    weaker: Callable[[], Spots]
    group: int = 0
    cell: UnitCell | None = None
    more: tuple[tuple[str, str], ...] = ()
    done: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Lattice:
    """What IDXREF found.

    Attributes:
        log: what it says.
        xparm: the geometry; `text`: of its file.
        way: how it was found.
    """

    log: IdxrefLog
    xparm: Xparm
    text: str
    way: Way

    @property
    def share(self) -> float:
        """Share of the spots that are indexed."""
        return (self.log.n_indexed or 0) / max(1, self.log.n_considered or 0)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth knowing, as sentences."""
        said = [f"XDS indexed the spots only {WHAT[remedy]}." for remedy in self.way.done]
        first, second = (*self.log.subtrees, 0, 0)[:2]
        if second > SECOND_SUBTREE * first:
            said.append(f"two_lattices: {second} difference vectors of XDS belong to another lattice.")
        return tuple(said)


def find_lattice(program: Program, way: Way, images: tuple[int, int], directory: Path, cores: int) -> Lattice:
    """Index spots, with one remedy after the other until one helps.

    Args:
        program: runs XDS.
        way: how it is tried first.
        images: frames the spots are from.
        directory: where XDS runs.
        cores: it may use.

    Raises:
        ScienceError: nothing helped; the first complaint's category.
        InfrastructureError, Cancelled: as `Program.run`.
    """
    first: Ended | None = None
    weak: Lattice | None = None
    tried: set[Remedy] = set(way.done)
    while True:
        ended = _try(program, way, images, directory, cores)
        found = read_lattice(ended.text, way, directory)
        if ended.failed is None and found is not None:
            return found
        first = first or ended
        weak = max((one for one in (weak, found) if one is not None), key=lambda one: one.share, default=None)
        remedy = _next(ended, way, tried, images)
        if remedy is None:
            raise first.why()
        tried.add(remedy)
        if remedy is Remedy.ACCEPT:
            return _accepted(weak, first, directory)
        program.progress.note(f"IDXREF once more, {WHAT[remedy]}: {_complaint(ended).words}")
        way = _changed(way, remedy, ended)


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
        return Lattice(parse_idxref(said), parse_xparm(text), text, way)
    except LpError as error:
        log.warning("what IDXREF left cannot be read: %s", error)
        return None


def _next(ended: Ended, way: Way, tried: set[Remedy], images: tuple[int, int]) -> Remedy | None:
    return next(
        (one for one in _complaint(ended).remedies if one not in tried and _fits(one, way, images)), None
    )


def _fits(remedy: Remedy, way: Way, images: tuple[int, int]) -> bool:
    if remedy is Remedy.NO_CELL:
        return way.group > 0
    if remedy is Remedy.FLIPPED_AXIS:
        return abs(way.situation.dataset.scan.width) * (images[1] - images[0] + 1) >= SIGN_SHOWS_DEG
    return True


def _complaint(ended: Ended) -> Complaint:
    if ended.failed is None:
        raise ValueError("IDXREF did not complain")
    return ended.failed.complaint


def _accepted(weak: Lattice | None, first: Ended, directory: Path) -> Lattice:
    """The best of the lattices XDS is not content with.

    Raises:
        ScienceError: there is none, or it explains next to nothing.
    """
    if weak is None or weak.share < LEAST_SHARE:
        raise first.why()
    (directory / "XPARM.XDS").write_text(weak.text, encoding="ascii")
    return replace(weak, way=replace(weak.way, done=(*weak.way.done, Remedy.ACCEPT)))


def _changed(way: Way, remedy: Remedy, ended: Ended) -> Way:
    """The next way: each departs from the one before, so that what is known to be needed stays."""
    way = replace(way, done=(*way.done, remedy))
    if remedy is Remedy.STRONGER_SPOTS:
        return replace(way, spots=only(way.spots, slice(0, max(300, len(way.spots) // 2))))
    if remedy is Remedy.WEAKER_SPOTS:
        return replace(way, spots=way.weaker())
    if remedy is Remedy.FLIPPED_AXIS:
        return replace(way, situation=replace(way.situation, dataset=flipped(way.situation.dataset)))
    if remedy is Remedy.NO_CELL:
        return replace(way, group=0, cell=None)
    if remedy is Remedy.OTHER_ORIGIN:
        return replace(way, more=_merged(way.more, _origin_keyword(_best_origin(ended))))
    return replace(way, more=_merged(way.more, KEYWORDS.get(remedy, {})))


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
    """The row of the index origins, other than the one taken, with the least deviation of indices."""
    try:
        origins = parse_idxref(ended.text).origins
    except LpError:
        return None
    others = [row for row in origins if row.hkl != (0, 0, 0)]
    return min(others, key=lambda row: row.dh + row.dk + row.dl, default=None)


def _origin_keyword(origin: Origin | None) -> Mapping[str, str]:
    return {} if origin is None else {"INDEX_ORIGIN": " ".join(map(str, origin.hkl))}


def _merged(old: tuple[tuple[str, str], ...], new: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple({**dict(old), **new}.items())
