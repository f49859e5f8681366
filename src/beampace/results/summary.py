"""The result as rows of text, for a terminal; pure."""

from __future__ import annotations

from beampace.results.schema import CrystalInfo, DatasetInfo, Result, ShellInfo
from beampace.results.verdict import percent

Row = tuple[str, str]

SHELL_HEAD = (
    *("d_max", "d_min", "compl.", "mult.", "I/sigma", "CC1/2"),
    *("R_merge", "R_meas", "R_pim", "CC_anom", "obs", "unique"),
)
"""Head of the shells table."""


def summary_rows(result: Result) -> list[Row]:
    """Label and value of what a user wants to know first; the verdict leads."""
    rows = [("Verdict", result.verdict.words), ("Next step", result.verdict.next_step)]
    rows += [("Note", warning) for warning in result.verdict.warnings]
    if result.dataset:
        rows += dataset_rows(result.dataset)
    if result.crystal:
        rows += crystal_rows(result.crystal)
    if result.statistics:
        rows.append(("All data", shell_line(result.statistics.overall)))
        if len(result.statistics.shells) != 1:
            rows.append(("Outer shell", shell_line(result.statistics.outer)))
    tries = [f"{number}. {item.what}: {item.outcome}" for number, item in enumerate(result.tries, 1)]
    return rows + ([("Tries", "\n".join(tries))] if len(tries) > 1 else [])


def dataset_rows(dataset: DatasetInfo) -> list[Row]:
    """The dataset and its frames."""
    frames = dataset.frames
    said = f"{frames.usable} of {frames.announced} usable"
    if frames.used:
        said += f", {frames.used[0]} to {frames.used[1]} used"
    if frames.width_deg:
        said += f", {abs(frames.width_deg):.4g}° each"
    return [("Dataset", f"{dataset.name} ({dataset.kind})"), ("Frames", said)]


def crystal_rows(crystal: CrystalInfo) -> list[Row]:
    """Space group, cell and how well the lattice explains the spots."""
    rows = [("Space group", space_group_text(crystal)), ("Laue group", laue_text(crystal))]
    rows.append(("Unit cell", cell_text(crystal)))
    if crystal.mosaicity_deg is not None:
        rows.append(("Mosaicity", f"{crystal.mosaicity_deg:.3f}° (e.s.d.)"))
    if crystal.indexed_fraction is not None:
        rows.append(("Indexed", f"{percent(crystal.indexed_fraction)} of {crystal.n_spots} spots"))
    return rows


def space_group_text(crystal: CrystalInfo) -> str:
    """The space group, never more certain than the data."""
    if crystal.space_group_sure:
        return crystal.space_group
    return "not decided: " + " or ".join(crystal.space_group_candidates)


def laue_text(crystal: CrystalInfo) -> str:
    """The Laue group and how likely it is."""
    if crystal.laue_confidence is None:
        return f"{crystal.laue_group} (likelihood not known)"
    return f"{crystal.laue_group} ({percent(crystal.laue_confidence)} likely)"


def cell_text(crystal: CrystalInfo) -> str:
    """The cell with units."""
    edges = " ".join(f"{edge:.2f}" for edge in crystal.unit_cell[:3])
    angles = " ".join(f"{angle:.2f}".removesuffix(".00") for angle in crystal.unit_cell[3:])
    return f"{edges} Å, {angles}°"


def spacing(d: float) -> str:
    """A Bragg spacing with three figures."""
    return f"{d:.1f}" if d >= 10 else f"{d:.2f}"


def shell_line(shell: ShellInfo) -> str:
    """One shell in a sentence-like line."""
    d_max, d_min, complete, fold, i_sigma, cc, _, r_meas, *_, unique = shell_cells(shell)
    return (
        f"{d_max}-{d_min} Å, {unique} unique, {complete} complete, {fold}-fold, "
        f"I/sigma {i_sigma}, R_meas {r_meas}, CC1/2 {cc}"
    )


def shell_rows(result: Result) -> list[tuple[str, ...]]:
    """Cells of the shells table, overall last; columns as in `SHELL_HEAD`; empty when not merged."""
    statistics = result.statistics
    if statistics is None:
        return []
    return [shell_cells(shell) for shell in (*(statistics.shells or (statistics.outer,)), statistics.overall)]


def shell_cells(shell: ShellInfo) -> tuple[str, ...]:
    """The values of a shell as text; CC1/2 with an asterisk when it is significant."""
    star = "*" if shell.cc_half_significant else ""
    return (
        f"{shell.d_max:.2f}",
        f"{shell.d_min:.2f}",
        "-" if shell.completeness is None else percent(shell.completeness),
        number(shell.multiplicity, 1),
        number(shell.mean_i_over_sigma, 1),
        number(shell.cc_half, 3) + (star if shell.cc_half is not None else ""),
        number(shell.r_merge, 3),
        number(shell.r_meas, 3),
        number(shell.r_pim, 3),
        number(shell.cc_anom, 2),
        count(shell.n_observations),
        count(shell.n_unique),
    )


def count(value: int | None) -> str:
    """A count, or a dash."""
    return "-" if value is None else str(value)


def number(value: float | None, digits: int) -> str:
    """A number with that many decimals, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"
