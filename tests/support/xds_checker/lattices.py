"""The 44 lattice characters (International Tables A, table 9.2.5.1) and how well a lattice fits each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.support.xds_checker.geometry import Floats
from tests.support.xds_checker.xparm import cell_of

AXIS_ERROR, ANGLE_ERROR = 0.03, 2.0

_TABLE = """
1 cF 1 -1 1 1 1 -1 -1 1 1
2 hR 1 -1 0 -1 0 1 -1 -1 -1
3 cP 1 0 0 0 1 0 0 0 1
4 hR 1 -1 0 -1 0 1 -1 -1 -1
5 cI 1 0 1 1 1 0 0 1 1
6 tI 0 1 1 1 0 1 1 1 0
7 tI 1 0 1 1 1 0 0 1 1
8 oI -1 -1 0 -1 0 -1 0 -1 -1
9 hR 1 0 0 -1 1 0 -1 -1 3
10 mC 1 1 0 1 -1 0 0 0 -1
11 tP 1 0 0 0 1 0 0 0 1
12 hP 1 0 0 0 1 0 0 0 1
13 oC 1 1 0 -1 1 0 0 0 1
14 mC 1 1 0 -1 1 0 0 0 1
15 tI 1 0 0 0 1 0 1 1 2
16 oF -1 -1 0 1 -1 0 1 1 2
17 mC 1 -1 0 1 1 0 -1 0 -1
18 tI 0 -1 1 1 -1 -1 1 0 0
19 oI -1 0 0 0 -1 1 -1 1 1
20 mC 0 1 1 0 1 -1 -1 0 0
21 tP 0 1 0 0 0 1 1 0 0
22 hP 0 1 0 0 0 1 1 0 0
23 oC 0 1 1 0 -1 1 1 0 0
24 hR 1 2 1 0 -1 1 1 0 0
25 mC 0 1 1 0 -1 1 1 0 0
26 oF 1 0 0 -1 2 0 -1 0 2
27 mC -1 2 0 -1 0 0 0 -1 1
28 mC -1 0 0 -1 0 2 0 1 0
29 mC 1 0 0 1 -2 0 0 0 -1
30 mC 0 1 0 0 1 -2 -1 0 0
31 aP 1 0 0 0 1 0 0 0 1
32 oP 1 0 0 0 1 0 0 0 1
33 mP 1 0 0 0 1 0 0 0 1
34 mP -1 0 0 0 0 -1 0 -1 0
35 mP 0 -1 0 -1 0 0 0 0 -1
36 oC 1 0 0 -1 0 -2 0 1 0
37 mC 1 0 2 1 0 0 0 1 0
38 oC -1 0 0 1 2 0 0 0 -1
39 mC -1 -2 0 -1 0 0 0 0 -1
40 oC 0 -1 0 0 1 2 -1 0 0
41 mC 0 -1 -2 0 -1 0 -1 0 0
42 oI -1 0 0 0 -1 0 1 1 2
43 mI -1 0 0 -1 -1 -2 0 -1 0
44 aP 1 0 0 0 1 0 0 0 1
"""

CHARACTERS = tuple(
    (int(words[0]), words[1], np.array([int(word) for word in words[2:]]).reshape(3, 3))
    for words in (line.split() for line in _TABLE.split("\n") if line)
)
"""Number, Bravais type, rows that make the conventional basis out of the reduced one."""


@dataclass(frozen=True)
class Fit:
    """How a lattice fits a character: `quality` is 0 for a perfect fit and 999 at most."""

    character: int
    bravais: str
    quality: float
    cell: tuple[float, ...]
    acceptable: bool


def _signed_permutations() -> list[Floats]:
    made = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            change = np.zeros((3, 3))
            change[range(3), order] = signs
            if np.linalg.det(change) > 0:
                made.append(change)
    return made


_BASES = _signed_permutations()


def fits(axes: Floats) -> list[Fit]:
    """Every character, best first; rows of `axes` are the reduced basis."""
    lengths = np.linalg.norm(axes, axis=1)
    bases = [base @ axes for base in _BASES if _ordered(np.abs(base) @ lengths)]
    found = []
    for number, bravais, change in CHARACTERS:
        cells = [cell_of(change @ base) for base in bases]
        cell = min(cells, key=partial(_preference, number, bravais))
        quality = min(999.0, _quality(bravais, cell))
        found.append(Fit(number, bravais, quality, cell, _acceptable(bravais, cell)))
    return sorted(found, key=lambda fit: fit.quality)


def _ordered(lengths: Floats) -> bool:
    return bool(lengths[0] <= 1.03 * lengths[1] and lengths[1] <= 1.03 * lengths[2])


def _departures(bravais: str, cell: tuple[float, ...]) -> tuple[float, float]:
    """Largest relative difference of edges that should be equal, largest departure of an angle."""
    a, b, c, *angles = cell
    system = bravais[0]
    wanted = {"a": (), "m": (0, 2), "o": (0, 1, 2), "t": (0, 1, 2), "h": (0, 1), "c": (0, 1, 2)}[system]
    off = [abs(angles[i] - 90) for i in wanted] + ([abs(angles[2] - 120)] if system == "h" else [])
    edges = {"t": (a, b), "h": (a, b), "c": (a, b, c)}.get(system, (a,))
    return max(edges) / min(edges) - 1, max(off, default=0.0)


def _quality(bravais: str, cell: tuple[float, ...]) -> float:
    edges, angle = _departures(bravais, cell)
    return 300 * edges + 10 * angle


def _preference(number: int, bravais: str, cell: tuple[float, ...]) -> float:
    """Of bases that fit equally well: obtuse angles, but acute ones for the first triclinic character."""
    angles = [cell[4]] if bravais[0] == "m" else cell[3:]
    acute = sum(angle < 89.99 for angle in angles) * (-1 if number == 31 else 1)
    return _quality(bravais, cell) + 0.05 * acute


def _acceptable(bravais: str, cell: tuple[float, ...]) -> bool:
    edges, angle = _departures(bravais, cell)
    return edges <= AXIS_ERROR and angle <= ANGLE_ERROR
