"""What a parser found in the output of a program; it never holds a number that contradicts itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from beampace.core.engine import Crystal


class Unreadable(ValueError):
    """The text is not what a parser knows, or it ends early, or it contradicts itself."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Merging statistics of a resolution shell or of all data, None where the program does not say.

    Attributes:
        d_max, d_min: limits in angstrom.
        n_observations, n_unique: observations and unique reflections.
        n_repeated: unique reflections observed at least twice.
        n_possible: unique reflections that could have been observed.
        completeness: from 0 to 1.
        multiplicity: observations per unique reflection.
        r_merge, r_meas, r_pim: fractions.
        cc_half, cc_anom: correlations of half data sets.
        cc_half_significant: whether the program calls cc_half significant.
        mean_i_over_sigma: of merged intensities.
    """

    d_max: float
    d_min: float
    n_observations: int | None = None
    n_unique: int | None = None
    n_repeated: int | None = None
    n_possible: int | None = None
    completeness: float | None = None
    multiplicity: float | None = None
    r_merge: float | None = None
    r_meas: float | None = None
    r_pim: float | None = None
    cc_half: float | None = None
    cc_half_significant: bool | None = None
    mean_i_over_sigma: float | None = None
    cc_anom: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            Unreadable: a value lies where none can, or two contradict each other.
        """
        _check_range(self)
        _check_counts(self)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Merging statistics as a program printed them.

    Attributes:
        overall: all data.
        outer: the shell of highest resolution.
        shells: all shells from low to high resolution, or () when the program does not list them.
        method: how the values are defined.
        d_min_reason: why the data end at this resolution.
        inner: the shell of lowest resolution, or None when the program says nothing of it.
        friedel_apart: whether R_meas takes Friedel mates for different reflections.
        inside: share of the reflections recorded inside a cut-off surface, where data were cut by one.
    """

    overall: Shell
    outer: Shell
    shells: tuple[Shell, ...] = ()
    method: str = ""
    d_min_reason: str = ""
    inner: Shell | None = None
    friedel_apart: bool = False
    inside: float | None = None

    def __post_init__(self) -> None:
        """Refuse shells that do not belong together.

        Raises:
            Unreadable: the outer shell does not end where the data end.
        """
        ends = [self.outer.d_min, *(shell.d_min for shell in self.shells[-1:])]
        if any(abs(end - self.overall.d_min) > SAME_D * self.overall.d_min for end in ends):
            raise Unreadable(f"all data end at {self.overall.d_min:g} Å, the outer shell at {ends[-1]:g} Å")


@dataclass(frozen=True, slots=True)
class Found:
    """What one output says.

    Attributes:
        crystal: the crystal, or None.
        statistics: merging statistics, or None.
        n_spots, n_indexed: strong spots found and explained; 0 when it does not say.
        details: further numbers, by name.
        remarks: what is worth knowing, as sentences.
        versions: program to version.
    """

    crystal: Crystal | None = None
    statistics: Statistics | None = None
    n_spots: int = 0
    n_indexed: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


SAME_D = 0.02
"""Relative difference up to which two printed resolution limits are the same."""

FOLD_OFF = (0.06, 0.02)
"""How far a printed multiplicity may be from observations per reflection: absolute, and relative."""


def without_empty_zeros(shell: Shell) -> Shell:
    """A shell of which no R value is known, without the zeros a program writes for what it could not tell."""
    r_values = (shell.r_merge, shell.r_meas, shell.r_pim)
    if any(value is not None for value in r_values):
        return shell
    return replace(
        shell,
        cc_half=shell.cc_half or None,
        cc_anom=shell.cc_anom or None,
        mean_i_over_sigma=shell.mean_i_over_sigma or None,
    )


def _check_range(shell: Shell) -> None:
    for entry in fields(shell):
        value = getattr(shell, entry.name)
        if value is not None and not math.isfinite(value):
            raise Unreadable(f"{entry.name} is {value}")
    if not 0 < shell.d_min < shell.d_max:
        raise Unreadable(f"a shell cannot reach from {shell.d_max:g} to {shell.d_min:g} Å")
    if shell.completeness is not None and not 0 <= shell.completeness <= 1:
        raise Unreadable(f"completeness is {100 * shell.completeness:g} %")
    for name in ("r_merge", "r_meas", "r_pim", "multiplicity"):
        if (getattr(shell, name) or 0.0) < 0:
            raise Unreadable(f"{name} is {getattr(shell, name):g}")
    for name in ("cc_half", "cc_anom"):
        if abs(getattr(shell, name) or 0.0) > 1:
            raise Unreadable(f"{name} is {getattr(shell, name):g}")


def _check_counts(shell: Shell) -> None:
    observations, unique = shell.n_observations, shell.n_unique
    if observations is None or unique is None:
        return
    if not 0 <= unique <= observations:
        raise Unreadable(f"{unique} unique reflections of {observations} observations")
    if shell.multiplicity is None or not unique:
        return
    fold = observations / unique
    if abs(fold - shell.multiplicity) > FOLD_OFF[0] + FOLD_OFF[1] * fold:
        said = f"{observations} observations of {unique} reflections are {fold:.2f}-fold"
        raise Unreadable(f"{said}, not {shell.multiplicity:g}")
