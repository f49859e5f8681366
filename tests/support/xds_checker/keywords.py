"""The published keywords of XDS.INP: how many values each takes, of which type, and which may come again."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = ("XYCORR", "INIT", "COLSPOT", "IDXREF", "DEFPIX", "XPLAN", "INTEGRATE", "CORRECT")
"""The steps, in their order."""

REFINABLE = ("POSITION", "DISTANCE", "BEAM", "AXIS", "ORIENTATION", "CELL", "SEGMENT")
BOOLEAN = ("TRUE", "FALSE")
DETECTORS = (
    "ADSC", "CCDCHESS", "RAXIS", "MAR", "MAR345", "MAC", "SMARTCCD", "CCDD2AM", "CCDBRANDEIS", "STOE",
    "PILATUS", "EIGER", "SIEMENS", "PICKER", "MARCCD", "SATURN", "HYPIX", "APEX", "SMARTCCD", "UNKNOWN",
    "EIGER2", "JUNGFRAU",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Keyword:
    """What a keyword takes.

    Attributes:
        types: one letter a value: `i` integer, `f` number, `w` word.
        least: values that must be there; the rest of `types` may be left out.
        more: the last type may be repeated at will.
        repeats: the keyword may be given more than once.
        choices: the words it takes; empty for any.
    """

    types: str
    least: int
    more: bool = False
    repeats: bool = False
    choices: tuple[str, ...] = ()


def _exact(types: str, *names: str, repeats: bool = False) -> dict[str, Keyword]:
    return {name: Keyword(types, len(types), repeats=repeats) for name in names}


def _chosen(choices: tuple[str, ...], *names: str, least: int = 1, more: bool = False) -> dict[str, Keyword]:
    return {name: Keyword("w", least, more=more, choices=choices) for name in names}


KEYWORDS: dict[str, Keyword] = {
    "CLUSTER_NODES": Keyword("w", 1, more=True),
    "NAME_TEMPLATE_OF_DATA_FRAMES": Keyword("ww", 1),  # the second word is a format: CBF, SMV, DIRECT, ...
    "STARTING_ANGLES_OF_SPINDLE_ROTATION": Keyword("fff", 3),
    "RESOLUTION_SHELLS": Keyword("f", 1, more=True),
    "STOE_CALIBRATION_PARAMETERS": Keyword("f", 1, more=True),
    **_chosen((*STEPS, "ALL"), "JOB", more=True),
    **_chosen(DETECTORS, "DETECTOR"),
    **_chosen(REFINABLE, "REFINE(IDXREF)", "REFINE(INTEGRATE)", "REFINE(CORRECT)", least=0, more=True),
    **_chosen(REFINABLE, "DEFAULT_REFINE_SEGMENT", "REFINE_SEGMENT", least=0, more=True),
    **_chosen(("DECAY", "MODULATION", "ABSORPTION", "ALL"), "CORRECTIONS", least=0, more=True),
    **_chosen(
        BOOLEAN,
        "FRIEDEL'S_LAW", "PROFILE_FITTING", "STRICT_ABSORPTION_CORRECTION", "PATCH_SHUTTER_PROBLEM",
        "FIT_B-FACTOR_TO_REFERENCE_DATA_SET", "MINIMUM_EWALD_OFFSET_CORRECTION",
    ),
    **_exact(
        "i",
        "MAXIMUM_NUMBER_OF_JOBS", "MAXIMUM_NUMBER_OF_PROCESSORS", "SECONDS", "NUMBER_OF_IMAGES_IN_CACHE",
        "TEST", "NX", "NY", "OVERLOAD", "MINIMUM_VALID_PIXEL_VALUE", "STARTING_FRAME", "SPACE_GROUP_NUMBER",
        "NBX", "NBY", "MAXIMUM_NUMBER_OF_STRONG_PIXELS", "MINIMUM_NUMBER_OF_PIXELS_IN_A_SPOT",
        "INDEX_MAGNITUDE", "MXHOLE", "MNHOLE", "NBATCH", "MIN_RFL_Rmeas",
        "NUMBER_OF_PROFILE_GRID_POINTS_ALONG_ALPHA/BETA", "NUMBER_OF_PROFILE_GRID_POINTS_ALONG_GAMMA",
        "REFLECTIONS/CORRECTION_FACTOR", "MINIMUM_NUMBER_OF_REFLECTIONS/SEGMENT", "BATCHSIZE",
        "MAXIMUM_NUMBER_OF_DIFFERENCE_VECTOR_CLUSTERS", "NUMBER_OF_TESTED_BASIS_ORIENTATIONS",
    ),
    **_exact(
        "f",
        "QX", "QY", "SILICON", "SENSOR_THICKNESS", "ROFF", "TOFF", "HOLE_DISTANCE", "OFFSET", "GAIN",
        "MINIMUM_ZETA", "ORGX", "ORGY", "DETECTOR_DISTANCE", "SEGMENT_ORGX", "SEGMENT_ORGY",
        "SEGMENT_DISTANCE", "MINIMUM_FRACTION_OF_BACKGROUND_REGION", "OSCILLATION_RANGE", "STARTING_ANGLE",
        "X-RAY_WAVELENGTH", "FRACTION_OF_POLARIZATION", "AIR", "MAX_CELL_AXIS_ERROR",
        "MAX_CELL_ANGLE_ERROR", "MAX_FAC_Rmeas", "BACKGROUND_PIXEL", "STRONG_PIXEL", "SIGNAL_PIXEL",
        "SPOT_MAXIMUM-CENTROID", "RGRID", "SEPMIN", "CLUSTER_RADIUS", "INDEX_ERROR", "INDEX_QUALITY",
        "MERGE_TREE", "MAXIMUM_ERROR_OF_SPOT_POSITION", "MAXIMUM_ERROR_OF_SPINDLE_POSITION",
        "MINIMUM_FRACTION_OF_INDEXED_SPOTS", "REFLECTING_RANGE", "REFLECTING_RANGE_E.S.D.",
        "BEAM_DIVERGENCE", "BEAM_DIVERGENCE_E.S.D.", "RELRAD", "RELBET", "CUT", "DELPHI", "MINPK",
        "MINIMUM_I/SIGMA", "SNRC", "WFAC1", "REJECT_ALIEN", "MAXIMUM_IMAGE_GAP_FOR_ADDING_PARTIALS",
        "EFAC",
    ),
    **_exact("ii", "DATA_RANGE", "BACKGROUND_RANGE"),
    **_exact("ii", "SPOT_RANGE", "EXCLUDE_DATA_RANGE", repeats=True),
    **_exact("ff", "TRUSTED_REGION", "VALUE_RANGE_FOR_TRUSTED_DETECTOR_PIXELS", "INCLUDE_RESOLUTION_RANGE"),
    **_exact("ff", "TEST_RESOLUTION_RANGE"),
    **_exact("ff", "EXCLUDE_RESOLUTION_RANGE", repeats=True),
    **_exact("fff", "DIRECTION_OF_DETECTOR_X-AXIS", "DIRECTION_OF_DETECTOR_Y-AXIS", "ROTATION_AXIS"),
    **_exact("fff", "INCIDENT_BEAM_DIRECTION", "POLARIZATION_PLANE_NORMAL"),
    **_exact("fff", "UNIT_CELL_A-AXIS", "UNIT_CELL_B-AXIS", "UNIT_CELL_C-AXIS"),
    **_exact("fff", "TOTAL_SPINDLE_ROTATION_RANGES"),
    **_exact("fff", "DIRECTION_OF_SEGMENT_X-AXIS", "DIRECTION_OF_SEGMENT_Y-AXIS", repeats=True),
    **_exact("iii", "INDEX_ORIGIN"),
    **_exact("iif", "DATA_RANGE_FIXED_SCALE_FACTOR", repeats=True),
    **_exact("iiii", "UNTRUSTED_RECTANGLE", "UNTRUSTED_ELLIPSE", "SEGMENT", repeats=True),
    **_exact("iiiiiiii", "UNTRUSTED_QUADRILATERAL", repeats=True),
    **_exact("ffffff", "UNIT_CELL_CONSTANTS"),
    **_exact("i" * 12, "REIDX"),
    **_exact("w", "LIB", "X-GEO_CORR", "Y-GEO_CORR", "BRASS_PLATE_IMAGE", "DARK_CURRENT_IMAGE"),
    **_exact("w", "REFERENCE_DATA_SET"),
}  # fmt: skip
"""By name, without the `=` that ends it (html_doc, and the lists of 2017 and later that programs keep)."""

GEOMETRY = (
    "ORGX", "ORGY", "DETECTOR_DISTANCE", "OSCILLATION_RANGE", "X-RAY_WAVELENGTH",
    "DIRECTION_OF_DETECTOR_X-AXIS", "DIRECTION_OF_DETECTOR_Y-AXIS", "ROTATION_AXIS",
    "INCIDENT_BEAM_DIRECTION",
)  # fmt: skip
HARDWARE = ("DETECTOR", "NX", "NY", "QX", "QY", "OVERLOAD")
IMAGES = ("NAME_TEMPLATE_OF_DATA_FRAMES", "DATA_RANGE")
MANDATORY = HARDWARE + IMAGES + GEOMETRY
"""What XDS.INP must say. XDS reads all of it whatever the step, and so does the checker."""
