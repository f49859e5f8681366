"""The verdict on merged data, in plain words; pure."""

from __future__ import annotations

import statistics as stdlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beampace.core.dataset import Dataset
from beampace.core.engine import Crystal, EngineRecord
from beampace.core.frames import FrameLedger, FrameState
from beampace.core.verdict import Success, Verdict
from beampace.results.schema import ShellInfo, StatisticsInfo
from beampace.results.statistics import MIN_PAIRS

Series = Mapping[str, Sequence[float | str | None]]

LITTLE_COMPLETENESS = 0.5
LITTLE_MULTIPLICITY = 1.5
LITTLE_REFLECTIONS = 200
LITTLE_DEGREES = 5.0
"""Below any of these the data are called little."""

COMPLETE = 0.95
LOW_INDEXED = 0.5
UNSURE_LAUE = 0.9
FALLING_SCALE = 0.6
RISING_R = 2.0
CC_OK = 0.98
CC_STRONG = 0.9
NAMED_GROUPS = 3

NEEDED_DEGREES: Mapping[str, float] = {
    "-1": 180,
    "2/m": 180,
    "mmm": 90,
    "4/m": 90,
    "4/mmm": 90,
    "-3": 90,
    "-3m": 90,
    "-3m1": 90,
    "-31m": 90,
    "6/m": 90,
    "6/mmm": 90,
    "m-3": 60,
    "m-3m": 35,
}
"""Rotation that completes the data, by Laue group, for the less favourable of the orientations in
Dauter (1999), Acta Cryst. D55, 1703 (a crystal axis along the spindle)."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """How much was rotated: degrees and frames that went into the result."""

    degrees: float
    frames: int

    def __str__(self) -> str:
        return f"{_plain(self.degrees)} degrees in {self.frames} frame{'s' * (self.frames != 1)}"


def judge(
    dataset: Dataset,
    ledger: FrameLedger,
    record: EngineRecord,
    statistics: StatisticsInfo,
    *,
    images: tuple[int, int] | None = None,
    columns: Series | None = None,
) -> Verdict:
    """What merged data are worth.

    Args:
        dataset: the dataset.
        ledger: its frames.
        record: the engine's answer.
        statistics: from `statistics_of`.
        images: first and last frame used; None means all usable ones.
        columns: values per frame (`scale`, `r_merge`), to see the crystal fade.
    """
    remarks = (*fading_warnings(columns or {}), *record.remarks)
    return judge_merged(dataset, ledger, record.crystal, statistics, images=images, remarks=remarks)


def judge_merged(
    dataset: Dataset,
    ledger: FrameLedger,
    crystal: Crystal,
    statistics: StatisticsInfo,
    *,
    images: tuple[int, int] | None = None,
    remarks: Sequence[str] = (),
    merged: str = "merged.mtz",
) -> Verdict:
    """What merged data are worth, whoever merged them.

    Args:
        dataset: the dataset.
        ledger: its frames.
        crystal: the crystal.
        statistics: computed from the unmerged file, or read from a program's output.
        images: first and last frame used; None means all usable ones.
        remarks: further warnings.
        merged: the file to use.
    """
    sweep = sweep_of(dataset, ledger, images)
    little = why_little(sweep, statistics.overall)
    warnings = (
        *lost_warnings(ledger),
        *crystal_warnings(crystal),
        *data_warnings(statistics),
        *remarks,
    )
    return Verdict(
        code=(Success.LITTLE_DATA if little else Success.MERGED).value,
        words=words(sweep, crystal, statistics.overall, little),
        next_step=next_step(sweep, crystal, statistics, little=bool(little), merged=merged),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def sweep_of(dataset: Dataset, ledger: FrameLedger, images: tuple[int, int] | None) -> Sweep:
    """The rotation that was used; frames that failed do not count."""
    first, last = images or (1, len(ledger))
    readable = ledger.numbers(FrameState.READABLE, FrameState.ANALYSED)
    used = sum(1 for number in readable if first <= number <= last)
    return Sweep(abs(dataset.scan.width) * used, used)


def why_little(sweep: Sweep, overall: ShellInfo) -> str:
    """Why the data are little, as a clause; "" when they are not."""
    if sweep.degrees < LITTLE_DEGREES:
        return f"the crystal was turned by only {_plain(sweep.degrees)} degrees"
    if overall.n_unique is not None and overall.n_unique < LITTLE_REFLECTIONS:
        return f"there are only {overall.n_unique} unique reflections"
    if overall.completeness is not None and overall.completeness < LITTLE_COMPLETENESS:
        return f"only {percent(overall.completeness)} of the reflections were recorded"
    if overall.multiplicity is not None and overall.multiplicity < LITTLE_MULTIPLICITY:
        return "most reflections were recorded only once, so their agreement says little"
    return ""


def words(sweep: Sweep, crystal: Crystal, overall: ShellInfo, little: str) -> str:
    """The verdict's sentences; what is not known is left out."""
    figures = [f"{percent(overall.completeness)} complete"]
    if overall.multiplicity is not None:
        figures.append(f"{overall.multiplicity:.1f}-fold")
    if few_repeated(overall):
        figures.append(f"{overall.n_unique} unique reflections")
    elif overall.cc_half is not None or overall.n_repeated is not None:
        figures.append(f"CC1/2 {correlation(overall)}")
    elif overall.r_meas is not None:
        figures.append(f"R_meas {overall.r_meas:.3f}")
    merged = f"Merged to {overall.d_min:.2f} Å in {space_groups(crystal)}"
    said = f"{merged}: {', '.join(figures)}; {sweep}."
    return f"Very little data: {little}. {said}" if little else said


def few_repeated(shell: ShellInfo) -> bool:
    """Whether R values and CC1/2 are known to rest on too few reflections to say anything."""
    return shell.n_repeated is not None and shell.n_repeated < MIN_PAIRS


def low_resolution_cc(statistics: StatisticsInfo) -> float | None:
    """CC1/2 of the shell of lowest resolution; None where it is not known or rests on too few reflections."""
    inner = statistics.inner
    return None if inner is None or few_repeated(inner) else inner.cc_half


def space_groups(crystal: Crystal) -> str:
    """The space group, or every one that is left; a screw axis that is not known is not claimed."""
    if crystal.space_group_sure:
        return crystal.space_group
    if len(crystal.candidates) > NAMED_GROUPS:
        return f"Laue group {crystal.laue_group} (space group open, {len(crystal.candidates)} candidates)"
    return f"{' or '.join(crystal.candidates)} (not decided)"


def next_step(
    sweep: Sweep, crystal: Crystal, statistics: StatisticsInfo, *, little: bool, merged: str = "merged.mtz"
) -> str:
    """What to do now."""
    completeness = statistics.overall.completeness or 0.0
    if little or completeness < COMPLETE:
        more = degrees_wanted(sweep, crystal.laue_group, completeness)
        if more:
            return f"Collect about {more} more degrees of this crystal; until then use {merged} with care."
        return "Collect another sweep in a different orientation (change chi or kappa), then merge both."
    if not crystal.space_group_sure:
        few = len(crystal.candidates) <= NAMED_GROUPS
        named = f" ({', '.join(crystal.candidates)})" if few else ""
        return f"Use {merged}; try every space group that is left{named} when solving the structure."
    return f"Use {merged}."


def degrees_wanted(sweep: Sweep, laue_group: str, completeness: float) -> int:
    """Degrees still to collect, rounded up to five; 0 when turning further will not help.

    The larger of what symmetry asks for and what the completeness reached so far
    promises; together not more than 180 degrees.
    """
    by_symmetry = NEEDED_DEGREES.get(laue_group, 180.0)
    promised = sweep.degrees * COMPLETE / completeness if completeness > 0 else 180.0
    total = min(max(by_symmetry, promised if sweep.degrees < 180 else 0.0), 180.0)
    if sweep.degrees >= total:
        return 0
    return int(-(-(total - sweep.degrees) // 5) * 5)


def lost_warnings(ledger: FrameLedger) -> tuple[str, ...]:
    """Frames that were announced and could not be used."""
    lost = ledger.count(FrameState.FAILED) + ledger.count(FrameState.ANNOUNCED)
    if not lost:
        return ()
    runs = ledger.ranges(FrameState.FAILED, FrameState.ANNOUNCED)
    named = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in runs[:3])
    rest = f" and {len(runs) - 3} more runs" if len(runs) > 3 else ""
    return (f"{lost} of {len(ledger)} frames are missing or damaged (frames {named}{rest}).",)


def crystal_warnings(crystal: Crystal) -> tuple[str, ...]:
    """What is not certain about the crystal."""
    found = []
    if not crystal.space_group_sure:
        few = len(crystal.candidates) <= NAMED_GROUPS
        left = ", ".join(crystal.candidates) if few else f"{len(crystal.candidates)} that are left"
        found.append(f"The screw axes are not known from these data: the space group is one of {left}.")
    if crystal.laue_confidence is not None and crystal.laue_confidence < UNSURE_LAUE:
        found.append(
            f"The Laue group {crystal.laue_group} is not certain ({percent(crystal.laue_confidence)} likely)."
        )
    if crystal.indexed_fraction is not None and crystal.indexed_fraction < LOW_INDEXED:
        found.append(
            f"The lattice explains only {percent(crystal.indexed_fraction)} of the spots: "
            "look for a second lattice, ice, or a wrong beam centre."
        )
    return tuple(found)


def data_warnings(statistics: StatisticsInfo) -> tuple[str, ...]:
    """What the statistics show."""
    overall, inner = statistics.overall, low_resolution_cc(statistics)
    found = []
    if few_repeated(overall):
        found.append(
            f"Only {overall.n_repeated} reflections were observed more than once: "
            "R values and CC1/2 say nothing here."
        )
    elif overall.cc_half is not None and overall.cc_half_significant is False:
        found.append("The half data sets do not agree significantly: the intensities may be noise.")
    elif inner is not None and inner < CC_OK:
        found.append(
            f"Even at low resolution CC1/2 is only {inner:.2f}: "
            "the symmetry may be too high, or the crystal split."
        )
    outer = statistics.outer.cc_half if statistics.outer.cc_half_significant is not False else None
    if len(statistics.shells) != 1 and outer is not None and outer > CC_STRONG:
        found.append(
            f"CC1/2 is still {outer:.2f} at {statistics.outer.d_min:.2f} Å, where the data end: "
            "a shorter detector distance or a higher limit would show more."
        )
    return tuple(found)


def fading_warnings(columns: Series) -> tuple[str, ...]:
    """Signs over the frames that the crystal suffers or leaves the beam."""
    ends = thirds(columns.get("scale", ()))
    if ends and ends[1] < FALLING_SCALE * ends[0]:
        return (
            f"The crystal scatters {percent(1 - ends[1] / ends[0])} less at the end than at the start: "
            "radiation damage, or it leaves the beam.",
        )
    rise = thirds(columns.get("r_merge", ()))
    if rise and rise[0] > 0 and rise[1] > RISING_R * rise[0]:
        return (
            f"R_merge rises from {rise[0]:.3f} at the start to {rise[1]:.3f} at the end: "
            "radiation damage, or the crystal moved.",
        )
    return ()


def thirds(values: Sequence[float | str | None]) -> tuple[float, float] | None:
    """Medians of the first and the last third; None below 30 numbers."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) < 30:
        return None
    third = len(numbers) // 3
    return stdlib.median(numbers[:third]), stdlib.median(numbers[-third:])


def percent(fraction: float | None) -> str:
    """A fraction as per cent for a sentence; never rounded up to 100 %."""
    if fraction is None:
        return "an unknown part"
    if fraction >= 1:
        return "100 %"
    value = 100 * fraction
    return f"{value:.1f} %" if value < 10 or value >= 99 else f"{min(value, 99):.0f} %"


def correlation(shell: ShellInfo) -> str:
    """CC1/2 for a sentence."""
    if shell.cc_half is None:
        return "unknown"
    if shell.cc_half_significant is False:
        return f"{shell.cc_half:.2f} (not significant)"
    return f"{shell.cc_half:.3f}"


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
