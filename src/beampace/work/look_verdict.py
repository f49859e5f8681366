"""The verdict of a look, in plain words with a next step; pure."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

from beampace.analysis import Ending, FrameVerdict, UsefulRange
from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.errors import BeampaceError, failure
from beampace.core.frames import FrameFailure
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.core.verdict import Verdict

Columns = Mapping[str, Sequence[int | float | str | None]]
DIFFRACTS = frozenset(
    {FrameVerdict.GOOD, FrameVerdict.WEAK, FrameVerdict.OVERLOADED, FrameVerdict.SMALL_MOLECULE}
)
OVERLOADED_SHARE = 0.2
ICY_SHARE = 0.2


class Seen(StrEnum):
    """Codes of verdicts that come with an answer per frame."""

    DIFFRACTION = "diffraction"
    MAPPED = "mapped"


def judge_look(
    dataset: Dataset,
    columns: Columns,
    failures: Mapping[int, FrameFailure],
    useful: UsefulRange | None,
    remarks: Sequence[str] = (),
) -> Verdict:
    """What was seen.

    Args:
        dataset: the dataset.
        columns: values per frame, as in `look.json`.
        failures: frames that could not be looked at.
        useful: of a rotation scan.
        remarks: what was put right.

    Raises:
        InputError: not one frame could be looked at.
    """
    verdicts = [FrameVerdict(str(word)) for word in columns["verdict"] if word != "failed"]
    if not verdicts:
        raise nothing_readable(str(dataset.master), failures)
    warnings = (*lost_words(failures), *frame_warnings(verdicts, columns), *remarks, *dataset.remarks)
    diffracting = sum(verdict in DIFFRACTS for verdict in verdicts)
    if not diffracting:
        return _nothing(verdicts, warnings)
    frames = f"{len(verdicts)} frame{'s' * (len(verdicts) != 1)}"
    words = f"{diffracting} of {frames} show{'s' * (diffracting == 1)} diffraction{_reach(columns)}."
    if useful is not None and useful.ending is not Ending.WHOLE:
        words += f" {useful.reason}"
    return Verdict(Seen.DIFFRACTION.value, words, next_step(dataset, useful), tuple(dict.fromkeys(warnings)))


def nothing_readable(master: str, failures: Mapping[int, FrameFailure]) -> BeampaceError:
    """The ending when no frame could be looked at: the commonest reason."""
    if not failures:
        return failure(Failure.FRAMES_MISSING, f"No frame of {master} is there.")
    code = Counter(why.code for why in failures.values()).most_common(1)[0][0]
    first = next(why for _, why in sorted(failures.items()) if why.code is code)
    return failure(code, f"None of {len(failures)} frames of {master} could be looked at: {first.detail}")


def next_step(dataset: Dataset, useful: UsefulRange | None) -> str:
    """What to do now."""
    master = shlex.quote(str(dataset.master))
    if dataset.kind is DatasetKind.GRID:
        return f"See where the crystals are: `beampace map {master}`."
    if dataset.kind is DatasetKind.SCREENING:
        return "Test shots are for planning: collect a rotation scan of this crystal."
    if dataset.kind is DatasetKind.STILLS:
        return "Collect a rotation scan where the spots are."
    if useful is not None and useful.ending not in (Ending.WHOLE, Ending.NO_DIFFRACTION):
        return (
            f"Process the useful frames: `beampace process {master} --images {useful.first}:{useful.last}`."
        )
    return f"Process it: `beampace process {master}`."


def lost_words(failures: Mapping[int, FrameFailure]) -> tuple[str, ...]:
    """Lost frames by reason, as sentences."""
    by_code: dict[Failure, list[int]] = {}
    for number, why in sorted(failures.items()):
        by_code.setdefault(why.code, []).append(number)
    return tuple(
        f"{len(numbers)} frame{'s' * (len(numbers) != 1)} could not be looked at ({_spans(numbers)}): "
        f"{failures[numbers[0]].detail}"
        for numbers in by_code.values()
    )


def frame_warnings(verdicts: Sequence[FrameVerdict], columns: Columns) -> tuple[str, ...]:
    """What a user should know of the frames."""
    n, found = len(verdicts), []
    overloaded = sum(verdict is FrameVerdict.OVERLOADED for verdict in verdicts)
    icy = sum(value == 1 for value in columns["ice_rings"])
    dark = sum(verdict is FrameVerdict.NO_BEAM for verdict in verdicts)
    if overloaded > OVERLOADED_SHARE * n:
        found.append(f"{overloaded} frames have overloaded spots: use less exposure or transmission.")
    if icy > ICY_SHARE * n:
        found.append(f"{icy} frames show ice rings.")
    if dark:
        found.append(f"{dark} frame{'s' * (dark != 1)} had no beam.")
    return tuple(found)


def _nothing(verdicts: Sequence[FrameVerdict], warnings: Sequence[str]) -> Verdict:
    icy = sum(verdict is FrameVerdict.ICE for verdict in verdicts)
    code = Failure.ICE_ONLY if icy > 0.5 * len(verdicts) else Failure.NO_DIFFRACTION
    entry = TAXONOMY[code]
    n = len(verdicts)
    detail = f"{n} frame{'s' * (n != 1)} {'were' if n != 1 else 'was'} looked at."
    return Verdict(code.value, f"{entry.words} {detail}", entry.next_step, tuple(dict.fromkeys(warnings)))


def _reach(columns: Columns) -> str:
    known = sorted(float(value) for value in columns["d_min"] if isinstance(value, int | float))
    if not known:
        return ""
    best = known[len(known) // 10]
    usual = statistics.median(known)
    return f", usually to about {usual:.1f} Å, at best to {best:.1f} Å"


def _spans(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [f"{a}" if a == b else f"{a} to {b}" for a, b in runs]
    return ", ".join(words) if len(words) <= 5 else ", ".join(words[:5]) + ", ..."
