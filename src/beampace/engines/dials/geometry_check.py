"""Whether what was refined, or the known cell, speaks against the beam centre and distance of the file."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.analysis.groups import group_of_hall
from beampace.core.cell import UnitCell
from beampace.core.engine import Request
from beampace.core.taxonomy import Failure
from beampace.engines.dials import cell_check, expt
from beampace.engines.dials.lattice import TESTABLE_FROM_DEG

BEAM_OFF_PX = 8.0
DISTANCE_OFF = 0.02


@dataclass(frozen=True, slots=True)
class CellJudgement:
    """What the known cell says: words ("" when it agrees), their code, the distance in mm it asks for."""

    words: str = ""
    code: Failure | None = None
    distance: float | None = None


def moved(model: expt.Expt, request: Request) -> str:
    """Say so when the refined beam centre or distance is far from the file's; "" when it is not.

    The distance of a short sweep follows its cell, and is only believed when a known cell confirms it.
    """
    now = expt.beam_position(model)
    detector, beam = request.dataset.detector, request.dataset.beam
    then = detector.pixel(beam.direction)
    if now is None or then is None:
        return ""
    x, y = now[0] - then[0], now[1] - then[1]
    said = []
    if (x * x + y * y) ** 0.5 > BEAM_OFF_PX:
        said.append(
            f"The beam centre is off by ({x:+.1f}, {y:+.1f}) px: it is at {now[0]:.1f} {now[1]:.1f}, "
            f"the file says {then[0]:.1f} {then[1]:.1f}."
        )
    if abs(now[2] / detector.distance - 1) > DISTANCE_OFF and _distance_is_known(model, request):
        said.append(f"The detector is at {now[2]:.1f} mm, the file says {detector.distance:.1f} mm.")
    return " ".join(said)


def _distance_is_known(model: expt.Expt, request: Request) -> bool:
    if abs(request.dataset.scan.width) * request.n_frames >= TESTABLE_FROM_DEG:
        return True
    return request.unit_cell is not None and not against_cell(model, request.unit_cell, request).words


def against_cell(model: expt.Expt, expected: UnitCell, request: Request) -> CellJudgement:
    """Compare the found cell with the known one.

    Cell edges grow in proportion to the distance that is assumed, so a cell that is too large by a
    factor means a distance that is too large by the same.
    """
    found = expt.cell_of(model)
    centring = group_of_hall(expt.hall_of(model)).centring_type()
    match = cell_check.compare(found, expected, centring)
    position = expt.beam_position(model)
    if match.scale is not None and position is not None:
        if abs(match.scale - 1) <= DISTANCE_OFF:
            return CellJudgement()
        likely = position[2] / match.scale
        return CellJudgement(
            f"The cell found ({found}) is {match.scale:.3f} times the given one ({expected}): the detector "
            f"is likely at {likely:.1f} mm, the file says {request.dataset.detector.distance:.1f} mm.",
            Failure.BEAM_CENTRE_OFF,
            likely,
        )
    if match.multiple is not None:
        return CellJudgement(
            f"The volume of {found} is {match.multiple:.2g} times that of the given cell {expected}.",
            Failure.CELL_SUSPECT,
        )
    return CellJudgement(f"The cell found ({found}) is not the given one ({expected}).")
