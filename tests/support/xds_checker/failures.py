"""The switch that ends a step in one of the errors XDS is known for.

XDS_CHECKER_FAIL is `STEP:name[:times]`, several with commas; `*` stands for any step.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

from tests.support.xds_checker.grammar import Inp
from tests.support.xds_checker.log import StepError, complain

ERRORS = {
    "cannot_open_file": 'CANNOT OPEN OR READ FILE "{file}"',
    "cannot_read_spots": "CANNOT READ SPOT.XDS",
    "too_few_collected": "INSUFFICIENT NUMBER OF COLLECTED SPOTS",
    "few_accepted": "INSUFFICIENT NUMBER OF ACCEPTED SPOTS.",
    "two_dimensional": "CANNOT CONTINUE WITH A TWO-DIMENSIONAL LATTICE",
    "small_dimension": "DIMENSION OF DIFFERENCE VECTOR SET LESS THAN 3.",
    "cannot_index": "CANNOT INDEX REFLECTIONS",
    "cannot_interpret_lattice": "CANNOT INTERPRETE LATTICE BY THE GIVEN UNIT CELL",
    "refinement_failed": "REFINEMENT FAILED, RETURN CODE IS IER= 0",
    "stronghkl": '"STRONGHKL": ASSERT VIOLATION',
    "illegal_group": "ILLEGAL SPACE GROUP NUMBER OR UNIT CELL",
    "useless_data": "USELESS DATA ON INPUT REFLECTION FILE",
}
"""What follows `!!! ERROR !!!`, by name, for failures that are nothing but words."""

FEW_INDEXED = "INSUFFICIENT PERCENTAGE (< {percent:.0f}%) OF INDEXED REFLECTIONS"
INACCURATE = "SOLUTION IS INACCURATE"
SPOT_SIZE = "AUTOMATIC DETERMINATION OF SPOT SIZE PARAMETERS HAS FAILED"
NOT_UNIQUE = " !!! WARNING !!! SOLUTION MAY NOT BE UNIQUE"
NOT_ACCEPTED = (
    " !!! WARNING !!! REFINEMENT RESULTS NOT ACCEPTED BECAUSE OF",
    "                 INSUFFICIENT NUMBER OF REFLECTIONS.",
)
NO_GROUP = (
    " NONE OF THE SPACE GROUPS ABOVE IS ACCEPTABLE.",
    " XDS WILL CONTINUE WITH THE SPACE GROUP USED IN THE INTEGRATE STEP.",
)
SIZES = ("REFLECTING_RANGE", "REFLECTING_RANGE_E.S.D.", "BEAM_DIVERGENCE", "BEAM_DIVERGENCE_E.S.D.")
LATER = (
    "few_indexed", "inaccurate", "not_unique", "refinement_not_accepted", "no_acceptable_group",
    "fork_failed", "fork_failed_lp", "fork_failed_bin", "fork_failed_mcolspot", "spot_size",
)  # fmt: skip
"""Failures that the steps themselves see to."""
NAMES = (
    "licence_expired", "cannot_read_image", "neggia_error", "end_of_file", "crash", "silent", "hang",
    *ERRORS, *LATER,
)  # fmt: skip


def check_names(given: str) -> None:
    """Raises ValueError for a failure that does not exist."""
    for wanted in filter(None, given.split(",")):
        what = (*wanted.strip().split(":"), "")[1]
        if what not in NAMES:
            raise ValueError(f"there is no failure {what!r}; there are {', '.join(NAMES)}")


def due(step: str, name: str) -> bool:
    """Whether a step is to end so now; a failure that is limited to some times is counted."""
    given = os.environ.get("XDS_CHECKER_FAIL", "")
    check_names(given)
    for number, wanted in enumerate(filter(None, given.split(","))):
        where, what, *times = wanted.strip().split(":")
        if where in (step, "*") and what == name and _counted(number, wanted, times):
            return True
    return False


def _counted(number: int, wanted: str, times: list[str]) -> bool:
    if not times:
        return True
    state = Path(os.environ["XDS_CHECKER_STATE"]) / f"{number}_{wanted.strip().replace(':', '_')}"
    done = int(state.read_text()) if state.exists() else 0
    if done >= int(times[0]):
        return False
    state.write_text(str(done + 1))
    return True


def at_start(step: str, inp: Inp) -> None:
    """End the step at once when it is asked for.

    Raises:
        StepError: the words it ends with.
    """
    if due(step, "silent"):
        raise SystemExit(0)
    if due(step, "hang"):
        time.sleep(600)
    if due(step, "crash"):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGSEGV)
    if due(step, "end_of_file"):
        complain("forrtl: severe (24): end-of-file during read, unit 10, file ./bin1_01.tmp")
        raise SystemExit(24)
    for name in ("cannot_read_image", "neggia_error"):
        if due(step, name):
            _unreadable(inp)
    for name, words in ERRORS.items():
        if due(step, name):
            raise StepError(words.format(file=_needed_file(step)))


def _unreadable(inp: Inp) -> None:
    number = inp.data_range[0]
    complain(f"NEGGIA ERROR: CANNOT OPEN FRAME {number}")
    name = inp.word("NAME_TEMPLATE_OF_DATA_FRAMES").replace("??????", f"{number:06d}")
    raise StepError(f"CANNOT READ IMAGE {name}")


def _needed_file(step: str) -> str:
    files = {
        "IDXREF": "SPOT.XDS",
        "DEFPIX": "BKGINIT.cbf",
        "CORRECT": "INTEGRATE.HKL",
        "INTEGRATE": "BKGPIX.cbf",
    }
    return files.get(step, "X-CORRECTIONS.cbf")


def check_sizes(inp: Inp) -> None:
    """INTEGRATE's search for the spots' size, which it does not make when XDS.INP says it.

    Raises:
        StepError: it is to fail.
    """
    if not sizes_given(inp) and due("INTEGRATE", "spot_size"):
        raise StepError(SPOT_SIZE)


def sizes_given(inp: Inp) -> bool:
    """Whether XDS.INP says how large spots are."""
    return all(name in inp for name in SIZES)
