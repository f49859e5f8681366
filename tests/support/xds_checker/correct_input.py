"""CORRECT of the checker: the keywords of XDS.INP it obeys, and how it stops.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Keywords = Mapping[str, tuple[tuple[str, ...], ...]]
"""Keyword -> its occurrences -> the words of its value."""


class CheckerStop(Exception):
    """What CORRECT says after `!!! ERROR !!!` before it ends."""


@dataclass(frozen=True, slots=True)
class SymmetrySettings:
    """How the space group is found: defaults as a real CORRECT.LP prints them."""

    group: int
    cell: tuple[float, ...] | None
    reidx: tuple[int, ...] | None
    test_range: tuple[float, float]
    fewest_compared: int
    worst_factor: float
    axis_error: float
    angle_error: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What CORRECT needs of XDS.INP."""

    symmetry: SymmetrySettings
    data_range: tuple[int, int]
    excluded_frames: tuple[tuple[float, ...], ...]
    resolution: tuple[float, float]
    """Lowest and highest, angstrom; 0 for no highest."""
    excluded_resolution: tuple[tuple[float, ...], ...]
    friedel: bool
    least_peak: float
    overload: float
    image_gap: float | None
    misfit_factor: float
    polarisation: float
    polarisation_normal: tuple[float, ...]
    scaled: bool
    shells: tuple[float, ...]
    template: str


def settings_of(inp: Keywords) -> Settings:
    """The settings, with XDS's defaults where a keyword is absent.

    Raises:
        CheckerStop: a value is missing or is not of its kind.
    """
    first, last = _numbers(inp, "DATA_RANGE", (), 2)
    return Settings(
        symmetry=_symmetry(inp),
        data_range=(int(first), int(last)),
        excluded_frames=_pairs(inp, "EXCLUDE_DATA_RANGE"),
        resolution=_resolution(inp),
        excluded_resolution=_pairs(inp, "EXCLUDE_RESOLUTION_RANGE"),
        friedel=word(inp, "FRIEDEL'S_LAW", "TRUE").upper() != "FALSE",
        least_peak=_number(inp, "MINPK", 75.0),
        overload=_number(inp, "OVERLOAD", float("inf")),
        image_gap=_gap(inp),
        misfit_factor=_number(inp, "WFAC1", 1.0),
        polarisation=_number(inp, "FRACTION_OF_POLARIZATION", 0.5),
        polarisation_normal=_numbers(inp, "POLARIZATION_PLANE_NORMAL", (0.0, 1.0, 0.0), 3),
        scaled=_is_scaled(inp),
        shells=_shells(inp),
        template=word(inp, "NAME_TEMPLATE_OF_DATA_FRAMES", "?"),
    )


def word(inp: Keywords, keyword: str, default: str) -> str:
    """The first word of the keyword's last occurrence."""
    words = _words(inp, keyword)
    return words[0] if words else default


def _symmetry(inp: Keywords) -> SymmetrySettings:
    cell = _numbers(inp, "UNIT_CELL_CONSTANTS", (0.0,) * 6, 6)
    reidx = tuple(int(value) for value in _numbers(inp, "REIDX", (0,) * 12, 12))
    low, high = _numbers(inp, "TEST_RESOLUTION_RANGE", (10.0, 5.0), 2)
    return SymmetrySettings(
        group=int(_number(inp, "SPACE_GROUP_NUMBER", 0)),
        cell=cell if all(value > 0 for value in cell) else None,
        reidx=reidx if any(reidx) else None,
        test_range=(max(low, high), min(low, high)),
        fewest_compared=int(_number(inp, "MIN_RFL_Rmeas", 50)),
        worst_factor=_number(inp, "MAX_FAC_Rmeas", 2.0),
        axis_error=_number(inp, "MAX_CELL_AXIS_ERROR", 0.03),
        angle_error=_number(inp, "MAX_CELL_ANGLE_ERROR", 2.0),
    )


def _resolution(inp: Keywords) -> tuple[float, float]:
    one, other = _numbers(inp, "INCLUDE_RESOLUTION_RANGE", (20.0, 0.0), 2)
    return max(one, other), min(one, other)


def _gap(inp: Keywords) -> float | None:
    keyword = "MAXIMUM_IMAGE_GAP_FOR_ADDING_PARTIALS"
    return _number(inp, keyword, 0.0) if _words(inp, keyword) else None


def _is_scaled(inp: Keywords) -> bool:
    """Only an empty `CORRECTIONS=`, or one without decay, forbids the scale."""
    if "CORRECTIONS" not in inp:
        return True
    return any(name in ("ALL", "DECAY") for name in _words(inp, "CORRECTIONS"))


def _shells(inp: Keywords) -> tuple[float, ...]:
    words = _words(inp, "RESOLUTION_SHELLS")
    return tuple(sorted((_float("RESOLUTION_SHELLS", each) for each in words), reverse=True))


def _pairs(inp: Keywords, keyword: str) -> tuple[tuple[float, ...], ...]:
    return tuple(_floats(keyword, words, 2) for words in inp.get(keyword, ()) if words)


def _number(inp: Keywords, keyword: str, default: float) -> float:
    return _numbers(inp, keyword, (default,), 1)[0]


def _numbers(inp: Keywords, keyword: str, default: tuple[float, ...], count: int) -> tuple[float, ...]:
    words = _words(inp, keyword)
    if not words and not default:
        raise CheckerStop(f"MISSING PARAMETER {keyword}=")
    return _floats(keyword, words, count) if words else default


def _floats(keyword: str, words: tuple[str, ...], count: int) -> tuple[float, ...]:
    if len(words) < count:
        raise CheckerStop(f"ILLEGAL VALUE OF {keyword}= {' '.join(words)}")
    return tuple(_float(keyword, each) for each in words[:count])


def _float(keyword: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CheckerStop(f"ILLEGAL VALUE OF {keyword}= {text}") from None


def _words(inp: Keywords, keyword: str) -> tuple[str, ...]:
    occurrences = inp.get(keyword, ())
    return tuple(occurrences[-1]) if occurrences else ()
