"""Which lattice the test shots have: of all shots together, or of one where they differ; and its symmetry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

import gemmi

from beampace.analysis.shots import mosaicity_of
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.indexing import FoundLattice, LatticeSetting, Opinion
from beampace.core.ports import Indexer
from beampace.core.reduction import reduced
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.work.strategy_shots import Shooting

BELIEVED = 0.4
"""Share of the spots a lattice must explain; real shots of split crystals reach 0.5, chance 0.25."""
FEWEST = 15
"""Spots it must explain."""
FEWEST_ON_SHOT = 8
"""Good spots of a shot that says anything of the lattice."""
PART = 0.3
"""Share of a shot's spots below which the lattice is not that shot's."""
SYMMETRIC = 0.7
DOUBTFUL = 2.0
"""Degrees by which a symmetry may be missed: up to the first it is taken, up to the second it is told of."""
SAME_CELL = 0.02

FAMILIES = MappingProxyType(
    {
        "triclinic": "a",
        "monoclinic": "m",
        "orthorhombic": "o",
        "tetragonal": "t",
        "trigonal": "h",
        "hexagonal": "h",
        "cubic": "c",
    }
)
"""Crystal system -> first letter of its Bravais types."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The lattice a strategy is made for.

    Attributes:
        opinion: that found it; `used`: places of the shots it was found on.
        max_cell: longest axis looked for.
        lattice, setting: what was found, and the symmetry taken.
        mosaicity: e.s.d. of the reflecting range, degrees.
        warnings: as sentences.
    """

    opinion: Opinion
    used: tuple[int, ...]
    max_cell: float
    lattice: FoundLattice
    setting: LatticeSetting
    mosaicity: float
    warnings: tuple[str, ...]

    @property
    def space_group(self) -> str:
        """Symbol the plan is made for."""
        return self.setting.space_group


def choose_lattice(
    indexer: Indexer,
    shooting: Shooting,
    check: Callable[[], None],
    *,
    unit_cell: UnitCell | None = None,
    space_group: str | None = None,
) -> Chosen:
    """The lattice of the test shots.

    Raises:
        ScienceError: no_diffraction, too_few_spots, not_indexed.
        InfrastructureError: of the indexer.
    """
    _check_spots(shooting)
    everything, blank = _telling(shooting)
    max_cell = 1.5 * max(unit_cell.parameters[:3]) if unit_cell else shooting.max_cell

    def asked(used: tuple[int, ...]) -> Opinion:
        question = shooting.question(used, max_cell, unit_cell=unit_cell, space_group=space_group)
        return indexer.index(question, indexer.methods[0], check)

    together = asked(everything)
    if _holds(together.lattice) or len(everything) == 1:
        return _chosen(shooting, together, everything, max_cell, blank, space_group)
    alone = [(asked((place,)), place) for place in everything]
    return _best_alone(shooting, alone, max_cell, blank, space_group)


def _telling(shooting: Shooting) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Places of the shots with spots enough to tell a lattice, or of all; and what is said of the others."""
    telling = tuple(n for n, shot in enumerate(shooting.shots) if len(shot) >= FEWEST_ON_SHOT)
    if not telling:
        return tuple(range(len(shooting.shots))), ()
    blank = [shooting.name(n) for n in range(len(shooting.shots)) if n not in telling]
    said = (f"Too few spots on shot {', '.join(blank)}: left out.",) if blank else ()
    return telling, said


def agreement(chosen: Chosen, second: Opinion) -> bool | None:
    """Whether the second opinion is of the same lattice; None when it found none."""
    if second.lattice is None or second.lattice.fraction < BELIEVED:
        return None
    cells = (reduced(lattice.unit_cell) for lattice in (chosen.lattice, second.lattice))
    one, two = (UnitCell(*cell.parameters) for cell in cells)
    return one.worst_deviation(two) <= SAME_CELL


def _check_spots(shooting: Shooting) -> None:
    spots = sum(len(shot) for shot in shooting.shots)
    if spots == 0:
        raise failure(Failure.NO_DIFFRACTION, f"No good spot on {len(shooting.shots)} test shots.")
    if spots < FEWEST:
        raise failure(
            Failure.TOO_FEW_SPOTS, f"{spots} good spots on {len(shooting.shots)} shots; {FEWEST} are needed."
        )


def _holds(lattice: FoundLattice | None) -> bool:
    return (
        lattice is not None
        and lattice.fraction >= BELIEVED
        and sum(lattice.indexed) >= FEWEST
        and min(lattice.fractions()) >= PART
    )


def _best_alone(
    shooting: Shooting,
    alone: list[tuple[Opinion, int]],
    max_cell: float,
    blank: tuple[str, ...],
    space_group: str | None,
) -> Chosen:
    """The shot whose own lattice explains most, with a warning that says what the others have."""
    held = [(opinion, place) for opinion, place in alone if _holds(opinion.lattice)]
    said = " ".join(_of_shot(shooting, opinion, place) for opinion, place in alone)
    if not held:
        raise failure(Failure.NOT_INDEXED, f"No lattice explains the test shots. {said}")
    best, place = max(held, key=lambda pair: sum(pair[0].lattice.indexed) if pair[0].lattice else 0)
    code = Failure.TWO_LATTICES
    words = (
        f"{code.value}: {TAXONOMY[code].words} No lattice fits all shots together. {said} The strategy is "
        f"made for shot {shooting.name(place)}."
    )
    return _chosen(shooting, best, (place,), max_cell, (words, *blank), space_group)


def _of_shot(shooting: Shooting, opinion: Opinion, place: int) -> str:
    name, lattice = shooting.name(place), opinion.lattice
    if lattice is None:
        return f"Shot {name}: {opinion.reason.rstrip('.')}."
    return f"Shot {name} alone: {lattice.unit_cell}, {100 * lattice.fraction:.0f} % of the spots."


def _chosen(
    shooting: Shooting,
    opinion: Opinion,
    used: tuple[int, ...],
    max_cell: float,
    warnings: tuple[str, ...],
    space_group: str | None,
) -> Chosen:
    lattice = opinion.lattice
    if lattice is None or not _holds(lattice):
        detail = opinion.reason or (
            f"The best lattice explains {100 * lattice.fraction:.0f} % of the spots." if lattice else ""
        )
        raise failure(Failure.NOT_INDEXED, detail)
    setting, doubts = _symmetric(lattice, space_group)
    shots = [(shooting.shots[place], shooting.points[place]) for place in used]
    dataset = shooting.dataset
    mosaicity = mosaicity_of(shots, lattice.a_matrix, dataset.beam, dataset.goniometer)
    single = ("One shot only: symmetry and mosaicity are guesses.",) if len(used) == 1 else ()
    return Chosen(
        opinion, used, max_cell, lattice, setting, mosaicity, (*warnings, *shooting.remarks, *single, *doubts)
    )


def _symmetric(lattice: FoundLattice, known: str | None) -> tuple[LatticeSetting, tuple[str, ...]]:
    """The highest symmetry that is hardly missed, or the known one; a doubt where a higher one is not far."""
    if known is not None:
        return _known(lattice, known), ()
    taken = next((one for one in lattice.settings if one.missed_deg <= SYMMETRIC), None)
    if taken is None:
        raise failure(Failure.NOT_INDEXED, f"Nothing is said of the symmetry of {lattice.unit_cell}.")
    higher = [one for one in lattice.settings if one.order > taken.order and one.missed_deg <= DOUBTFUL]
    doubts = tuple(
        f"The lattice misses {one.bravais} by {one.missed_deg:.1f} degrees only: it may be {one.space_group}."
        for one in higher[:1]
    )
    return taken, doubts


def _known(lattice: FoundLattice, known: str) -> LatticeSetting:
    """The setting of a known space group that the lattice misses least.

    The known one is taken in its standard setting, which is that of the matrix. A monoclinic cell that was
    found body-centred keeps its own symbol.

    Raises:
        ScienceError: cell_suspect: the lattice has not that symmetry.
    """
    group = gemmi.find_spacegroup_by_number(gemmi.SpaceGroup(known).number)
    alike = [one for one in lattice.settings if _has_lattice_of(one, group)]
    if not alike:
        detail = f"The lattice {lattice.unit_cell} cannot have the symmetry {known}."
        raise failure(Failure.CELL_SUSPECT, detail)
    taken = min(alike, key=lambda one: one.missed_deg)
    same = gemmi.SpaceGroup(taken.space_group).centring_type() == group.centring_type()
    return replace(taken, space_group=group.hm) if same else taken


def _has_lattice_of(setting: LatticeSetting, group: gemmi.SpaceGroup) -> bool:
    """Whether a setting has the Bravais type of a group; trigonal groups have hexagonal ones."""
    own = gemmi.SpaceGroup(setting.space_group)
    if FAMILIES[group.crystal_system_str()] != setting.bravais[0]:
        return False
    both = {own.centring_type(), group.centring_type()}
    return len(both) == 1 or (setting.bravais[0] == "m" and "P" not in both)
