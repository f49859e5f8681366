"""Two results side by side, property by property; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from beampace.core.job import exit_of
from beampace.core.taxonomy import Exit
from beampace.results import Result
from beampace.results.agreement import Said, agreement, said_of
from beampace.results.schema import Asked, CrystalInfo, ShellInfo
from beampace.results.shown import summary_of
from beampace.results.summary import cell_text, laue_text, number, space_group_text, spacing
from beampace.results.verdict import percent
from beampace.web.records.compare import CompareRow

Texts = Mapping[str, str]


def compare_rows(a: Result, b: Result) -> tuple[CompareRow, ...]:
    """Every property that one of them has."""
    sections: tuple[tuple[str, Callable[[Result], Texts]], ...] = (
        ("result", _result),
        ("crystal", _crystal),
        ("statistics", _statistics),
        ("parameters", _parameters),
        ("versions", lambda one: one.versions),
    )
    return tuple(row for name, texts in sections for row in _rows(name, texts(a), texts(b)))


def agreement_words(a: Result, b: Result) -> str:
    """Whether they say the same; "" where one of them has no crystal, or was told its space group."""
    said = [_said(one, name) for one, name in zip((a, b), _names(a, b), strict=True)]
    return agreement([one for one in said if one is not None]).words


def _names(a: Result, b: Result) -> tuple[str, str]:
    first, second = a.engine or a.work, b.engine or b.work
    return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")


def _said(one: Result, name: str) -> Said | None:
    if one.crystal is None or exit_of(one.verdict.code) is not Exit.RESULT:
        return None
    return said_of(name, summary_of(one))


def _rows(section: str, a: Texts, b: Texts) -> Iterator[CompareRow]:
    for label in dict.fromkeys((*a, *b)):
        one, two = a.get(label, ""), b.get(label, "")
        if one or two:
            yield CompareRow(section=section, label=label, a=one, b=two, differs=one != two)


def _result(one: Result) -> Texts:
    frames = one.dataset.frames if one.dataset else None
    used = f"{frames.used[0]} to {frames.used[1]}" if frames and frames.used else ""
    seconds = one.timing.get("last_frame_to_result_s")
    return {
        "Dataset": one.dataset.name if one.dataset else "",
        "Work": one.work,
        "Engine": one.engine or "",
        "Verdict": one.verdict.words,
        "Warnings": " ".join(one.verdict.warnings),
        "Frames used": used,
        "Last frame to result (s)": "" if seconds is None else f"{seconds:.1f}",
    }


def _crystal(one: Result) -> Texts:
    return {} if one.crystal is None else _crystal_texts(one.crystal)


def _crystal_texts(crystal: CrystalInfo) -> Texts:
    known = crystal.indexed_fraction is not None
    return {
        "Space group": space_group_text(crystal),
        "Laue group": laue_text(crystal),
        "Unit cell": cell_text(crystal),
        "Mosaicity (°, e.s.d.)": _number(crystal.mosaicity_deg, 3),
        "Indexed": percent(crystal.indexed_fraction) if known else "",
        "Spots found": str(crystal.n_spots),
    }


def _statistics(one: Result) -> Texts:
    if one.statistics is None:
        return {}
    overall, outer = _shell(one.statistics.overall), _shell(one.statistics.outer)
    both = {label: _both(text, outer[label]) for label, text in overall.items()}
    return {**both, "Why the data end there": one.statistics.d_min_reason}


def _both(overall: str, outer: str) -> str:
    return f"{overall} ({outer})" if overall and outer else overall


def _shell(shell: ShellInfo) -> Texts:
    """Values of a shell; of all data with the outer shell in brackets, as tables in papers have it."""
    return {
        "Resolution (Å)": f"{spacing(shell.d_max)} to {spacing(shell.d_min)}",
        "Observations": _count(shell.n_observations),
        "Unique reflections": _count(shell.n_unique),
        "Completeness": "" if shell.completeness is None else percent(shell.completeness),
        "Multiplicity": _number(shell.multiplicity, 1),
        "Mean I/sigma": _number(shell.mean_i_over_sigma, 1),
        "CC1/2": _number(shell.cc_half, 3),
        "R_merge": _number(shell.r_merge, 3),
        "R_meas": _number(shell.r_meas, 3),
        "R_pim": _number(shell.r_pim, 3),
        "CC_anom": _number(shell.cc_anom, 2),
    }


def _parameters(one: Result) -> Texts:
    arguments = {f"{step}": " ".join(words) for step, words in one.parameters.engine.items()}
    other = {name: str(value) for name, value in one.parameters.other.items() if name != "job"}
    return {**_asked(one.parameters.asked), **arguments, **other}


def _asked(asked: Asked) -> Texts:
    cell = " ".join(f"{value:g}" for value in asked.unit_cell) if asked.unit_cell else ""
    return {
        "Frames asked for": f"{asked.images[0]} to {asked.images[1]}" if asked.images else "",
        "Space group asked for": asked.space_group or "",
        "Cell asked for (Å, °)": cell,
        "Resolution asked for (Å)": spacing(asked.d_min) if asked.d_min else "",
        "Cores": str(asked.cores or ""),
        "Departures from the defaults": ", ".join(asked.tweaks),
    }


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else number(value, digits)


def _count(value: int | None) -> str:
    return "" if value is None else str(value)
