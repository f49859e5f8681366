"""CORRECT.LP of the checker: input and symmetry, in the shapes of the real one.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tests.support.xds_checker.correct_choice import Choice, Tested
from tests.support.xds_checker.correct_geometry import Geometry
from tests.support.xds_checker.correct_input import Settings
from tests.support.xds_checker.correct_lattice import Matrix, cell_of
from tests.support.xds_checker.correct_records import Tally
from tests.support.xds_checker.hkl_tables import IntegrateTable

STARS = " " + "*" * 78

_CHARACTERS = {
    "aP": 31, "mP": 33, "mC": 10, "oP": 32, "oC": 13, "oF": 16, "oI": 8, "tP": 11, "tI": 15, "hP": 12,
    "hR": 9, "cP": 3, "cF": 1, "cI": 5,
}  # fmt: skip
"""One of the lattice characters of each Bravais lattice: the checker does not tell them apart."""


def title(*lines: str) -> list[str]:
    """Lines between two lines of stars."""
    return ["", STARS, *lines, STARS, ""]


def truth(value: bool) -> str:
    """As Fortran programs of XDS print it."""
    return "TRUE " if value else "FALSE"


def numbers(values: Iterable[float], width: int, digits: int) -> str:
    """Numbers of fixed width."""
    return "".join(f"{value:{width}.{digits}f}" for value in values)


def cell_text(cell: Sequence[float], digits: int = 2) -> str:
    """Six cell constants."""
    return numbers(cell[:3], 9 if digits == 2 else 10, digits) + numbers(cell[3:], 8, 3)


def input_lines(table: IntegrateTable, settings: Settings, geometry: Geometry) -> list[str]:
    """What XDS.INP and INTEGRATE.HKL say."""
    high = settings.resolution[1]
    return [
        " INPUT PARAMETER VALUES",
        " ----------------------",
        f" SPACE_GROUP_NUMBER={geometry.group:5d} as used in the INTEGRATE step",
        f" UNIT_CELL_CONSTANTS={cell_text(cell_of(geometry.axes), 3)} as used by INTEGRATE",
        f" FRIEDEL'S_LAW={truth(settings.friedel)}",
        f" PROFILE_FITTING= {table.header.get('PROFILE_FITTING', 'TRUE')}",
        f" OVERLOAD={_overload(settings):10d}     MINPK={settings.least_peak:10.5f}    "
        f"WFAC1={settings.misfit_factor:6.1f}",
        f" INCLUDE_RESOLUTION_RANGE={settings.resolution[0]:10.3f}{high:10.3f}",
        f" NAME_TEMPLATE_OF_DATA_FRAMES={settings.template}",
        " DATA_RANGE=%8d%8d" % settings.data_range,  # noqa: UP031
        f" ROTATION_AXIS={numbers(geometry.rotation_axis, 10, 6)}",
        f" OSCILLATION_RANGE={geometry.oscillation:10.6f}",
        f" STARTING_ANGLE={geometry.starting_angle:10.3f}     STARTING_FRAME={geometry.starting_frame:8d}",
        f" X-RAY_WAVELENGTH={geometry.wavelength:10.6f}",
        f" INCIDENT_BEAM_DIRECTION={numbers(geometry.beam, 10, 6)}",
        f" FRACTION_OF_POLARIZATION={settings.polarisation:8.3f}",
        f" POLARIZATION_PLANE_NORMAL={numbers(settings.polarisation_normal, 10, 6)}",
        f" DETECTOR_DISTANCE={geometry.distance:10.3f}",
        f" CORRECTIONS={' DECAY' if settings.scaled else ''}",
    ]


def _overload(settings: Settings) -> int:
    return int(min(settings.overload, 99_999_999))


def tally_lines(tally: Tally, data_range: tuple[int, int]) -> list[str]:
    """Where the records went."""
    first, last = data_range
    return [
        "",
        f'{tally.on_file:8d} REFLECTIONS ON FILE "INTEGRATE.HKL"',
        f"{tally.corrupted:8d} CORRUPTED REFLECTION RECORDS (IGNORED)",
        f"{tally.added:8d} RECORDS ADDED TO ANOTHER PART OF THEIR OBSERVATION",
        f"{tally.incomplete:8d} REFLECTIONS INCOMPLETE OR OUTSIDE IMAGE RANGE{first:8d} ...{last:8d}",
        f"{tally.overloaded:8d} OVERLOADED REFLECTIONS (IGNORED)",
        f"{tally.out_of_resolution:8d} REFLECTIONS OUTSIDE ACCEPTED RESOLUTION RANGES",
        "                OR TOO CLOSE TO ROTATION AXIS (IGNORED)",
        f"{tally.accepted:8d} REFLECTIONS ACCEPTED",
        "",
    ]


def symmetry_lines(choice: Choice, settings: Settings, n_test: int) -> list[str]:
    """The tests of groups, or of settings of the group asked for."""
    wanted = settings.symmetry
    cell = wanted.cell or (0.0,) * 6
    reidx = "".join(f"{value:3d}" for value in wanted.reidx or (0,) * 12)
    tests = wanted.test_range
    lines = [
        *title("                      AUTOMATIC SPACE GROUP ASSIGNMENT"),
        " =====> Specifications provided by the user in XDS.INP:",
        f" SPACE_GROUP_NUMBER={wanted.group:5d} (0: unknown symmetry and unit cell)",
        f" UNIT_CELL_CONSTANTS={cell_text(cell)}",
        f" REIDX={reidx} (all 0 : not specified)",
        f" TEST_RESOLUTION_RANGE={tests[0]:8.2f}{tests[1]:8.2f} (Angstrom) for space group determination",
        f" NUMBER OF ACCEPTED REFLECTIONS FOR CALCULATING Rmeas{n_test:17d}",
        " NUMBER OF ACCEPTED UNIQUE REFLECTIONS FROM REFERENCE DATA SET       0",
        "",
    ]
    if not n_test:
        lines += ["", " !!! WARNING !!! NO REFLECTIONS TO COMPUTE Rmeas."]
        lines += ["                 INCORRECT CHOICE OF TEST_RESOLUTION_RANGE= ?", ""]
    return lines + (_automatic(choice, settings) if choice.automatic else _by_user(choice))


def _automatic(choice: Choice, settings: Settings) -> list[str]:
    wanted = settings.symmetry
    lines = [
        *_lattices(choice),
        "",
        " ********************* SYMMETRY OF REFLECTION INTENSITIES *********************",
        "",
        f"                      MIN_RFL_Rmeas={wanted.fewest_compared:5d}",
        f"                      MAX_FAC_Rmeas={wanted.worst_factor:8.1f}",
        "",
        " SPACE-GROUP         UNIT CELL CONSTANTS            UNIQUE   Rmeas  COMPARED  LATTICE-",
        "   NUMBER      a      b      c   alpha beta gamma                            CHARACTER",
        "",
        *(_group_line(row) for row in choice.tested),
        "",
    ]
    if not choice.acceptable:
        lines += ["", " !!! WARNING !!! NONE OF THE SPACE GROUPS ABOVE IS ACCEPTABLE."]
        lines += [" XDS WILL CONTINUE WITH THE SPACE GROUP USED IN THE INTEGRATE STEP.", ""]
    return lines


def _lattices(choice: Choice) -> list[str]:
    head = [
        "",
        " *********** DETERMINATION OF LATTICE CHARACTER AND BRAVAIS LATTICE ***********",
        "",
        "  LATTICE-  BRAVAIS-   QUALITY  UNIT CELL CONSTANTS (ANGSTROEM & DEGREES)"
        "    REINDEXING TRANSFORMATION",
        " CHARACTER  LATTICE     OF FIT      a      b      c   alpha  beta gamma",
        "",
    ]
    seen: dict[str, str] = {}
    for row in choice.tested:
        seen.setdefault(row.lattice, _lattice_line(row, choice.divisor))
    return head + list(seen.values())


def _lattice_line(row: Tested, divisor: int) -> str:
    cell = numbers(row.cell[:3], 7, 1) + numbers(row.cell[3:], 6, 1)
    return (
        f" *{_CHARACTERS[row.lattice]:4d}        {row.lattice}{10 * row.esd:13.1f}   {cell}"
        f"  {reidx_text(row.reindex, divisor)}"
    )


def _group_line(row: Tested) -> str:
    cell = numbers(row.cell[:3], 7, 1) + numbers(row.cell[3:], 6, 1)
    agreed = row.agreement
    return (
        f"   {'*' if row.selected else ' '}{row.number:4d}   {cell}{agreed.unique:8d}"
        f"{100 * agreed.r_meas:8.1f}{agreed.compared:9d}{_CHARACTERS[row.lattice]:6d} {row.lattice}"
    )


def _by_user(choice: Choice) -> list[str]:
    return [
        "",
        " CORRELATION  NPAIR  Rmeas  COMPARED  ESD       REINDEX TRANSFORMATION",
        "",
        *(_setting_line(row, choice) for row in choice.tested),
    ]


def _setting_line(row: Tested, choice: Choice) -> str:
    agreed = row.agreement
    return (
        f"  {'*' if row.selected else ' '}{0:7.2f}{0:9d}{100 * agreed.r_meas:7.1f}{agreed.compared:8d}"
        f"{row.esd:8.2f}{reidx_text(row.reindex, choice.divisor)}"
    )


def reidx_text(reindex: Matrix, divisor: int) -> str:
    """Twelve integers, without a shift."""
    rows = np.rint(reindex * divisor).astype(int).tolist()
    return "".join(f"{a:3d}{b:3d}{c:3d}{0:3d}" for a, b, c in rows)


def selected_lines(choice: Choice) -> list[str]:
    """The group and cell chosen, and how indices are changed."""
    rows = np.rint(choice.reindex * choice.divisor).astype(int).tolist()
    shift = choice.shift.tolist()
    return [
        "",
        " ************ SELECTED SPACE GROUP AND UNIT CELL FOR THIS DATA SET ************",
        "",
        f" SPACE_GROUP_NUMBER={choice.group.number:5d}",
        f" UNIT_CELL_CONSTANTS={cell_text(choice.selected_cell)}",
        *(
            f" UNIT_CELL_{name}-AXIS={numbers(row, 10, 3)}"
            for name, row in zip("ABC", choice.axes, strict=True)
        ),
        ' REFLECTIONS H,K,L FROM "INTEGRATE.HKL" WILL BE REINDEXED BY',
        *(
            f" {name}' = ({a:3d}*H +{b:3d}*K +{c:3d}*L)/{choice.divisor:2d} +{plus:3d}"
            for name, (a, b, c), plus in zip("HKL", rows, shift, strict=True)
        ),
        "",
    ]
