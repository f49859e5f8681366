"""Reading XDS.INP by the published rules, and refusing what breaks them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.xds_checker.keywords import KEYWORDS, MANDATORY, STEPS, Keyword

Values = tuple[str, ...]
LINE_LIMIT = 160
"""Characters left of a comment. XDS of 2014 took lines of a hundred; its documentation gives no number."""
TEMPLATE_LIMIT = 80
VECTORS = (
    "ROTATION_AXIS", "INCIDENT_BEAM_DIRECTION", "DIRECTION_OF_DETECTOR_X-AXIS",
    "DIRECTION_OF_DETECTOR_Y-AXIS", "POLARIZATION_PLANE_NORMAL",
)  # fmt: skip


class Refused(Exception):
    """XDS.INP breaks a rule; the message is what follows `!!! ERROR !!!`."""


@dataclass(frozen=True)
class Inp:
    """XDS.INP as it was understood.

    Attributes:
        keywords: keyword, without `=`, to its occurrences, each the tuple of its values.
    """

    keywords: Mapping[str, tuple[Values, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.keywords

    def words(self, name: str, default: Values = ()) -> Values:
        """Values of the (last) occurrence."""
        return self.keywords[name][-1] if name in self.keywords else default

    def word(self, name: str, default: str = "") -> str:
        """First value."""
        return self.words(name, (default,))[0]

    def number(self, name: str, default: float = 0.0) -> float:
        """First value as a number."""
        return fortran(self.word(name, str(default)))

    def integer(self, name: str, default: int = 0) -> int:
        """First value as an integer."""
        return int(self.word(name, str(default)))

    def vector(self, name: str) -> tuple[float, ...]:
        """Values as numbers."""
        return tuple(fortran(word) for word in self.words(name))

    def pairs(self, name: str) -> tuple[tuple[float, ...], ...]:
        """Every occurrence, as numbers."""
        return tuple(tuple(fortran(word) for word in values) for values in self.keywords.get(name, ()))

    @property
    def jobs(self) -> tuple[str, ...]:
        """Steps asked for, in XDS's order."""
        wanted = self.words("JOB", ("ALL",))
        return STEPS if "ALL" in wanted else tuple(step for step in STEPS if step in wanted)

    @property
    def data_range(self) -> tuple[int, int]:
        """First and last image."""
        first, last = (int(word) for word in self.words("DATA_RANGE"))
        return first, last

    @property
    def spot_ranges(self) -> tuple[tuple[int, int], ...]:
        """SPOT_RANGE, by default the first half of the data."""
        first, last = self.data_range
        given = tuple((int(low), int(high)) for low, high in self.pairs("SPOT_RANGE"))
        return given or ((first, first + max(0, (last - first) // 2)),)


def fortran(word: str) -> float:
    """A number as Fortran's list-directed input has it (`1`, `1.0`, `1.0E0`, `1.0D0`)."""
    return float(word.replace("D", "E").replace("d", "e"))


def read_inp(path: Path) -> Inp:
    """Parse XDS.INP.

    Raises:
        Refused: it cannot be read, or breaks a rule of the grammar.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        raise Refused("CANNOT OPEN OR READ XDS.INP") from None
    found: dict[str, list[Values]] = {}
    for line in text.splitlines():
        for name, values in _statements(line):
            found.setdefault(name, []).append(values)
    for name, occurrences in found.items():
        _check_keyword(name, KEYWORDS[name], occurrences)
    return Inp({name: tuple(occurrences) for name, occurrences in found.items()})


def _statements(line: str) -> Iterator[tuple[str, Values]]:
    """`KEY= value ...` in one line; a keyword ends with `=`, its values follow on the same line."""
    text = line.partition("!")[0]
    if len(text.rstrip()) > LINE_LIMIT:
        raise Refused(f"LINE TOO LONG IN XDS.INP: {text[:60]} ...")
    name, values = "", list[str]()
    for token in text.split():
        if "=" in token:
            if name:
                yield name, tuple(values)
            name, _, value = token.partition("=")
            values = [value] if value else []
            _known(name, token)
        elif not name:
            raise Refused(f"ILLEGAL TEXT IN XDS.INP: {token}")
        else:
            values.append(token)
    if name:
        yield name, tuple(values)


def _known(name: str, token: str) -> None:
    if name not in KEYWORDS:
        raise Refused(f"ILLEGAL KEYWORD IN XDS.INP: {token}")


def _check_keyword(name: str, rule: Keyword, occurrences: list[Values]) -> None:
    if len(occurrences) > 1 and not rule.repeats:
        raise Refused(f"KEYWORD GIVEN MORE THAN ONCE IN XDS.INP: {name}=")
    for values in occurrences:
        _check_count(name, rule, values)
        for index, value in enumerate(values):
            _check_value(name, rule, rule.types[min(index, len(rule.types) - 1)], value)


def _check_count(name: str, rule: Keyword, values: Values) -> None:
    if len(values) < rule.least or (len(values) > len(rule.types) and not rule.more):
        raise Refused(f"WRONG NUMBER OF VALUES IN XDS.INP: {name}= {' '.join(values)}")


def _check_value(name: str, rule: Keyword, kind: str, value: str) -> None:
    try:
        legal = {"i": int, "f": fortran, "w": len}[kind](value) is not None
    except ValueError:
        legal = False
    if kind == "f":
        legal = legal and math.isfinite(fortran(value))
    if not legal or (rule.choices and value not in rule.choices):
        raise Refused(f"ILLEGAL VALUE IN XDS.INP: {name}= {value}")


def check_inp(inp: Inp) -> None:
    """What must hold before any step runs.

    Raises:
        Refused: something that every run needs is missing or cannot be.
    """
    for name in MANDATORY:
        if name not in inp:
            raise Refused(f"MISSING KEYWORD IN XDS.INP: {name}=")
    for name in ("MAXIMUM_NUMBER_OF_JOBS", "MAXIMUM_NUMBER_OF_PROCESSORS"):
        if name in inp and not 1 <= inp.integer(name) <= 99:
            raise Refused(f"ILLEGAL VALUE IN XDS.INP: {name}= {inp.word(name)} MUST BE WITHIN 1 TO 99")
    _check_positive(inp)
    _check_directions(inp)
    _check_ranges(inp)
    _check_areas(inp)
    _check_odd_grids(inp)
    if "SPACE_GROUP_NUMBER" in inp and inp.integer("SPACE_GROUP_NUMBER"):
        _check_group(inp)


def _check_positive(inp: Inp) -> None:
    for name in ("OSCILLATION_RANGE", "X-RAY_WAVELENGTH", "QX", "QY", "NX", "NY", "OVERLOAD"):
        if inp.number(name) <= 0:
            raise Refused(f"ILLEGAL VALUE IN XDS.INP: {name}= {inp.word(name)} MUST BE POSITIVE")
    if inp.number("DETECTOR_DISTANCE") == 0:
        raise Refused("ILLEGAL VALUE IN XDS.INP: DETECTOR_DISTANCE= 0")


def _check_directions(inp: Inp) -> None:
    for name in VECTORS:
        if name in inp and math.hypot(*inp.vector(name)) < 1e-6:
            raise Refused(f"VECTOR CANNOT BE NORMALIZED: {name}=")
    x, y = (inp.vector(f"DIRECTION_OF_DETECTOR_{axis}-AXIS") for axis in "XY")
    cosine = sum(u * v for u, v in zip(x, y, strict=True)) / (math.hypot(*x) * math.hypot(*y))
    if abs(cosine) > 1e-3:
        raise Refused("DETECTOR X- AND Y-AXIS ARE NOT ORTHOGONAL")


def _check_ranges(inp: Inp) -> None:
    first, last = inp.data_range
    if first < 1 or last < first:
        raise Refused(f"ILLEGAL VALUE IN XDS.INP: DATA_RANGE= {first} {last}")
    for name in ("SPOT_RANGE", "BACKGROUND_RANGE", "EXCLUDE_DATA_RANGE"):
        for low, high in inp.pairs(name):
            if low < 1 or high < low:
                raise Refused(f"ILLEGAL VALUE IN XDS.INP: {name}= {low:.0f} {high:.0f}")
    for name in ("INCLUDE_RESOLUTION_RANGE", "EXCLUDE_RESOLUTION_RANGE", "TEST_RESOLUTION_RANGE"):
        for low, high in inp.pairs(name):
            if high < 0 or low <= high:
                raise Refused(f"ILLEGAL VALUE IN XDS.INP: {name}= {low} {high}")


def _check_areas(inp: Inp) -> None:
    for x1, x2, y1, y2 in inp.pairs("UNTRUSTED_RECTANGLE") + inp.pairs("UNTRUSTED_ELLIPSE"):
        if x1 >= x2 or y1 >= y2:
            raise Refused(f"ILLEGAL UNTRUSTED REGION IN XDS.INP: {x1:.0f} {x2:.0f} {y1:.0f} {y2:.0f}")
    for low, high in inp.pairs("TRUSTED_REGION") + inp.pairs("VALUE_RANGE_FOR_TRUSTED_DETECTOR_PIXELS"):
        if low < 0 or high <= low:
            raise Refused(f"ILLEGAL TRUSTED RANGE IN XDS.INP: {low} {high}")


def _check_odd_grids(inp: Inp) -> None:
    for name in KEYWORDS:
        if name.startswith("NUMBER_OF_PROFILE_GRID_POINTS") and name in inp:
            points = inp.integer(name)
            if points % 2 == 0 or not 1 < points < 22:
                raise Refused(f"ILLEGAL VALUE IN XDS.INP: {name}= {points} MUST BE ODD AND BELOW 22")


def _check_group(inp: Inp) -> None:
    if not 1 <= inp.integer("SPACE_GROUP_NUMBER") <= 230 or "UNIT_CELL_CONSTANTS" not in inp:
        raise Refused("ILLEGAL SPACE GROUP NUMBER OR UNIT CELL")
    if min(inp.vector("UNIT_CELL_CONSTANTS")) <= 0:
        raise Refused("ILLEGAL SPACE GROUP NUMBER OR UNIT CELL")
