"""CORRECT.LP of the checker: refined parameters, in the shapes of the real one.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

import numpy as np

from tests.support.xds_checker.correct_geometry import Geometry
from tests.support.xds_checker.correct_lattice import cell_of
from tests.support.xds_checker.correct_lp_text import cell_text, numbers, title
from tests.support.xds_checker.correct_refinement import Refinement


def refinement_lines(refined: Refinement, geometry: Geometry) -> list[str]:
    """The block of refined parameters, or why there is none."""
    lines = title("  REFINEMENT OF DIFFRACTION PARAMETERS USING ALL IMAGES")
    if not refined.accepted:
        lines += ["", " !!! WARNING !!! REFINEMENT RESULTS NOT ACCEPTED BECAUSE OF INSUFFICIENT"]
        return [*lines, " NUMBER OF REFLECTIONS.", ""]
    cell = cell_of(geometry.axes)
    reciprocal = cell_of(np.linalg.inv(geometry.axes).T)
    beam = geometry.beam_pixel
    esd = "".join(f" {value:7.1E}" for value in refined.cell_esd)
    return [
        *lines,
        f" REFINED VALUES OF DIFFRACTION PARAMETERS DERIVED FROM{refined.n_spots:10d} INDEXED SPOTS",
        " REFINED PARAMETERS:   CELL",
        f" STANDARD DEVIATION OF SPOT    POSITION (PIXELS)   {refined.spot_pixels:6.2f}",
        f" STANDARD DEVIATION OF SPINDLE POSITION (DEGREES)  {refined.spindle_degrees:6.2f}",
        f" SPACE GROUP NUMBER{geometry.group:7d}",
        f" UNIT CELL PARAMETERS {cell_text(cell, 3)}",
        f" E.S.D. OF CELL PARAMETERS {esd}",
        f" REC. CELL PARAMETERS {numbers(reciprocal[:3], 10, 6)}{numbers(reciprocal[3:], 8, 3)}",
        *(
            f" COORDINATES OF UNIT CELL {name}-AXIS{numbers(row, 10, 3)}"
            for name, row in zip("ABC", geometry.axes, strict=True)
        ),
        f" CRYSTAL MOSAICITY (DEGREES){refined.mosaicity:10.3f}",
        f" LAB COORDINATES OF ROTATION AXIS{numbers(geometry.rotation_axis, 10, 6)}",
        f" DIRECT BEAM COORDINATES (REC. ANGSTROEM) {numbers(geometry.beam, 10, 6)}",
        f" DETECTOR COORDINATES (PIXELS) OF DIRECT BEAM {numbers(beam, 10, 2)}",
        f" DETECTOR ORIGIN (PIXELS) AT                  {numbers(geometry.origin, 10, 2)}",
        f" CRYSTAL TO DETECTOR DISTANCE (mm){geometry.distance:13.2f}",
        f" LAB COORDINATES OF DETECTOR X-AXIS{numbers(geometry.detector[0], 10, 6)}",
        f" LAB COORDINATES OF DETECTOR Y-AXIS{numbers(geometry.detector[1], 10, 6)}",
        "",
        "",
        " THE DATA COLLECTION STATISTICS REPORTED BELOW ASSUMES:",
        f" SPACE_GROUP_NUMBER={geometry.group:5d}",
        f" UNIT_CELL_CONSTANTS={cell_text(cell)}",
        "",
    ]
