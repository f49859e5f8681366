"""The verdict of a map, in plain words with a next step; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from beampace.core.dataset import Dataset
from beampace.core.frames import FrameFailure
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.core.verdict import Verdict
from beampace.results.map_schema import Map, MapCrystal, MapPart, MapPosition
from beampace.work.look_verdict import Seen, lost_words, nothing_readable


def judge_map(
    record: Map, dataset: Dataset | None, failures: Sequence[Mapping[int, FrameFailure]]
) -> Verdict:
    """What the map shows.

    Args:
        record: the map.
        dataset: the first one.
        failures: for each grid, frames that could not be looked at, and why.

    Raises:
        InputError: not one frame of a grid could be looked at.
    """
    lost: list[str] = []
    for part, why in zip(record.maps, failures, strict=True):
        if not part.frames.analysed:
            raise nothing_readable(part.dataset.path, why)
        lost += [missing_words(part), *lost_words(why)]
    remarks = dataset.remarks if dataset is not None else ()
    warnings = tuple(words for words in dict.fromkeys((*lost, *record.warnings, *remarks)) if words)
    if not any(part.crystals for part in record.maps):
        return _nothing(record, warnings)
    if record.positions:
        return Verdict(Seen.MAPPED.value, *_in_space(record.positions), warnings)
    best = next(part for part in record.maps if part.crystals)
    return Verdict(Seen.MAPPED.value, *_in_plane(best, record.score), warnings)


def missing_words(part: MapPart) -> str:
    """How many cells are missing, or ""."""
    lost = part.frames.failed + part.frames.waiting
    return f"{lost} cell{'s are' if lost != 1 else ' is'} missing in {part.dataset.name}." if lost else ""


def where(crystal: MapCrystal) -> str:
    """The centre of a crystal in words: cells as people count them, and um when known."""
    column, row = crystal.centre
    said = f"column {column + 0.5:.1f}, row {row + 0.5:.1f}"
    if crystal.centre_um is not None:
        x, y = crystal.centre_um
        said += f" ({x:.0f}, {y:.0f} µm from the top left corner)"
    return said


def _in_plane(part: MapPart, score: str) -> tuple[str, str]:
    crystals, best = part.crystals, part.crystals[0]
    words = (
        f"{_counted(len(crystals))} found in {part.frames.analysed} cells. The best has its centre at "
        f"{where(best)}, covers {best.extent[0]} x {best.extent[1]} cells and peaks in "
        f"frame {best.best_frame} ({peak_words(best, score)})."
    )
    return words, f"Centre the beam on {where(best)} and collect there."


def _in_space(positions: tuple[MapPosition, ...]) -> tuple[str, str]:
    best = positions[0]
    place = ", ".join(f"{value:.1f}" for value in best.centre)
    unit = "cells"
    if best.centre_um is not None:
        place, unit = ", ".join(f"{value:.0f}" for value in best.centre_um), "µm"
    words = f"{_counted(len(positions))} found in both grids. The best lies at x, y, z = {place} {unit}."
    return words, f"Centre on x, y, z = {place} {unit} and collect there."


def peak_words(crystal: MapCrystal, score: str) -> str:
    """The peak of a score with its unit."""
    if score == "spots":
        return f"{crystal.peak:.0f} spots"
    if score == "resolution" and crystal.peak:
        return f"{1 / crystal.peak:.1f} Å"
    return f"{score} score {crystal.peak:.4g}"


def _nothing(record: Map, warnings: tuple[str, ...]) -> Verdict:
    entry = TAXONOMY[Failure.NO_DIFFRACTION]
    cells = sum(part.frames.analysed for part in record.maps)
    words = f"{entry.words} None of {cells} cells shows a crystal."
    return Verdict(Failure.NO_DIFFRACTION.value, words, entry.next_step, warnings)


def _counted(n: int) -> str:
    return f"{n} crystal{'s' * (n != 1)}"
