"""What XDS complains of, what it means, and what may help: one table.

The messages are those of XDS itself as production pipelines know them (fast_dp, xia2, KAMO, RAPD,
autoPROC). Neither exit status nor last line says how a step ended: the whole of its log is searched, and its
outputs must be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure

MARKS = "!!!"
"""Around `ERROR` and `WARNING`; legends of tables quote messages without them."""
LONGEST = 300


class Remedy(StrEnum):
    """What may be done differently; each is tried once per request at most."""

    AGAIN = "again"
    ONE_JOB = "one_job"
    WEAKER_SPOTS = "weaker_spots"
    STRONGER_SPOTS = "stronger_spots"
    WIDER_CLUSTERS = "wider_clusters"
    OTHER_ORIGIN = "other_origin"
    NO_CELL = "no_cell"
    FLIPPED_AXIS = "flipped_axis"
    ACCEPT = "accept"
    SPOT_SIZE = "spot_size"
    FEWER_FRAMES = "fewer_frames"
    NO_GROUP = "no_group"


WHAT: dict[Remedy, str] = {
    Remedy.AGAIN: "at the second try",
    Remedy.ONE_JOB: "in one job",
    Remedy.WEAKER_SPOTS: "with smaller spots",
    Remedy.STRONGER_SPOTS: "with the stronger half of the spots",
    Remedy.WIDER_CLUSTERS: "with wider clusters of difference vectors",
    Remedy.OTHER_ORIGIN: "with the likeliest other index origin (check the beam centre)",
    Remedy.NO_CELL: "without the given cell",
    Remedy.FLIPPED_AXIS: "with the spindle turning the other way",
    Remedy.ACCEPT: "going on, although few spots are indexed",
    Remedy.SPOT_SIZE: "with usual values of the spot size",
    Remedy.FEWER_FRAMES: "with the frames that have indexed spots",
    Remedy.NO_GROUP: "without the given space group",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One row of the table.

    Attributes:
        name: in one word.
        pattern: regular expression, searched in each line.
        code: category in the failure taxonomy.
        words: what it means, as a sentence.
        remedies: what may help, in order.
        warning: whether the step goes on all the same.
        unmarked: whether the line stands without `!!!`: words of the run-time system and of plug-ins.
        steps: in whose logs it is one; () for all, and for what is said on the terminal.
        next_step: what the user can do, or "" for what the taxonomy says.
    """

    name: str
    pattern: str
    code: Failure
    words: str
    remedies: tuple[Remedy, ...] = ()
    warning: bool = False
    next_step: str = ""
    unmarked: bool = False
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A complaint and the line in which XDS made it."""

    complaint: Complaint
    line: str

    @property
    def warning(self) -> bool:
        """Whether the step goes on all the same: XDS says so itself, whatever the table thinks of it."""
        return self.complaint.warning or "WARNING" in self.line

    def error(self, step: str) -> BeampaceError:
        """The exception to raise."""
        detail = f"{self.complaint.words} {step} said: {self.line}"
        return failure(self.complaint.code, detail, self.complaint.next_step)


_RELAXED = (Remedy.WIDER_CLUSTERS, Remedy.STRONGER_SPOTS, Remedy.OTHER_ORIGIN, Remedy.FLIPPED_AXIS)
_FRAMES = "Check that the data files are still there and that the plug-in fits XDS and the machine."

TABLE: tuple[Complaint, ...] = (
    Complaint(
        "licence_expired",
        r"(?i)licen[sc]e\s+(has\s+)?expired",
        Failure.LICENCE_EXPIRED,
        "XDS works for about a year after it was built.",
        unmarked=True,
    ),
    Complaint(
        "fork_failed",
        r"CANNOT OPEN OR READ (FILE )?\W*(LP_\d+\.tmp|bin1_\d+\.tmp|mcolspot\.tmp|mintegrate\.tmp)",
        Failure.ENGINE_FAILED,
        "The jobs XDS was split into did not run.",
        (Remedy.ONE_JOB,),
        next_step="See whether forkxds is on PATH on every node, and whether memory suffices.",
    ),
    Complaint(
        "cannot_read_image",
        r"CANNOT READ IMAGE",
        Failure.ENGINE_FAILED,
        "XDS could not read a frame that beampace can read.",
        (Remedy.AGAIN,),
        next_step=_FRAMES,
    ),
    Complaint(
        "neggia_error",
        r"NEGGIA ERROR|DURIN ERROR|generic_data_plugin|Cannot (open Handle|map function)",
        Failure.ENGINE_FAILED,
        "The plug-in that reads frames for XDS failed.",
        (Remedy.AGAIN,),
        next_step=_FRAMES,
        unmarked=True,
    ),
    Complaint(
        "cannot_read_spots",
        r"CANNOT (OPEN OR )?READ (FILE )?\W*SPOT\.XDS",
        Failure.ENGINE_FAILED,
        "The list of spots cannot be read.",
        (Remedy.AGAIN,),
    ),
    Complaint(
        "cannot_open_file",
        r"CANNOT OPEN OR READ",
        Failure.ENGINE_FAILED,
        "A file XDS needs is not there.",
        (Remedy.AGAIN,),
        next_step=_FRAMES,
    ),
    Complaint(
        "too_few_collected",
        r"INSUFFICIENT NUMBER OF COLLECTED SPOTS",
        Failure.TOO_FEW_SPOTS,
        "There are fewer spots than a lattice needs.",
        (Remedy.WEAKER_SPOTS,),
    ),
    Complaint(
        "few_indexed",
        r"INSUFFICIENT PERCENTAGE .*OF INDEXED REFLECTIONS",
        Failure.NOT_INDEXED,
        "Less than half of the spots belong to the lattice.",
        (*_RELAXED, Remedy.ACCEPT),
    ),
    Complaint(
        "inaccurate",
        r"SOLUTION IS INACCURATE",
        Failure.NOT_INDEXED,
        "The lattice fits the spots badly.",
        (*_RELAXED, Remedy.ACCEPT),
    ),
    Complaint(
        "few_accepted",
        r"INSUFFICIENT NUMBER OF ACCEPTED SPOTS",
        Failure.TOO_FEW_SPOTS,
        "Too few spots are left for a lattice.",
        (Remedy.WEAKER_SPOTS,),
    ),
    Complaint(
        "two_dimensional",
        r"CANNOT CONTINUE WITH A TWO-?\s*DIMENSIONAL",
        Failure.NOT_INDEXED,
        "The spots span two dimensions only.",
        (Remedy.WEAKER_SPOTS, Remedy.WIDER_CLUSTERS),
        next_step="Collect over more degrees, or in another orientation.",
    ),
    Complaint(
        "small_dimension",
        r"DIMENSION OF DIFFERENCE VECTOR SET LESS THAN",
        Failure.NOT_INDEXED,
        "The spots do not span three dimensions.",
        (Remedy.WEAKER_SPOTS, Remedy.WIDER_CLUSTERS),
        next_step="Collect over more degrees, or in another orientation.",
    ),
    Complaint(
        "cannot_index",
        r"CANNOT INDEX REFLECTIONS",
        Failure.NOT_INDEXED,
        "No lattice explains the spots.",
        (Remedy.NO_CELL, *_RELAXED),
    ),
    Complaint(
        "cannot_interpret_lattice",
        r"CANNOT INTERPRETE? LATTICE BY THE GIVEN UNIT CELL",
        Failure.NOT_INDEXED,
        "The lattice is not that of the given cell.",
        (Remedy.NO_CELL,),
    ),
    Complaint(
        "refinement_failed",
        r"RETURN CODE IS IER=",
        Failure.NOT_INDEXED,
        "The lattice cannot be refined against the spots.",
        (Remedy.NO_CELL, *_RELAXED),
        unmarked=True,
        steps=("IDXREF",),
    ),
    Complaint(
        "not_unique",
        r"SOLUTION MAY NOT BE UNIQUE",
        Failure.NOT_INDEXED,
        "Another index origin explains the spots nearly as well.",
        warning=True,
    ),
    Complaint(
        "spot_size",
        r"AUTOMATIC DETERMINATION OF SPOT SIZE PARAMETERS HAS FAILED",
        Failure.NOT_INTEGRATED,
        "There are too few strong spots to learn their size.",
        (Remedy.SPOT_SIZE,),
    ),
    Complaint(
        "stronghkl",
        r'"?STRONGHKL"?: ASSERT VIOLATION',
        Failure.NOT_INTEGRATED,
        "The lattice predicts no strong spots in a part of the frames.",
        (Remedy.FEWER_FRAMES,),
        next_step="Process the frames in which the crystal diffracts (--images).",
        unmarked=True,
    ),
    Complaint(
        "end_of_file",
        r"forrtl: severe \(24\)",
        Failure.NOT_INTEGRATED,
        "Integration of a part of the frames left nothing.",
        (Remedy.FEWER_FRAMES,),
        next_step="Process the frames in which the crystal diffracts (--images).",
        unmarked=True,
    ),
    Complaint(
        "illegal_group",
        r"ILLEGAL SPACE GROUP NUMBER OR UNIT CELL",
        Failure.NOT_INTEGRATED,
        "Space group and cell contradict each other or the lattice.",
        (Remedy.NO_GROUP,),
        next_step="Give a space group that fits the cell, or none.",
    ),
    Complaint(
        "refinement_not_accepted",
        r"REFINEMENT RESULTS NOT ACCEPTED",
        Failure.NOT_INTEGRATED,
        "There are too few reflections to refine the geometry after integration.",
        warning=True,
    ),
    Complaint(
        "no_acceptable_group",
        r"NONE OF THE SPACE GROUPS ABOVE IS ACCEPTABLE",
        Failure.NOT_INTEGRATED,
        "No symmetry is confirmed by the intensities.",
        warning=True,
        unmarked=True,
    ),
    Complaint(
        "useless_data",
        r"USELESS DATA ON INPUT REFLECTION FILE",
        Failure.NOT_INTEGRATED,
        "No integrated reflection can be used.",
    ),
    Complaint(
        "common_reflections",
        r"INSUFFICIENT NUMBER OF COMMON STRONG REFLECTIONS",
        Failure.NOT_INTEGRATED,
        "The data sets have too few reflections in common to be scaled.",
    ),
    Complaint(
        "inaccurate_scaling",
        r"INACCURATE SCALING FACTORS",
        Failure.NOT_INTEGRATED,
        "The scale factors rest on few common reflections.",
        warning=True,
    ),
    Complaint(
        "misplaced_parameter",
        r"MISPLACED PARAMETER",
        Failure.ENGINE_FAILED,
        "A keyword stands where it must not.",
    ),
    Complaint(
        "disk_full",
        r"No space left on device|Disk quota exceeded|forrtl: severe \(38\)",
        Failure.DISK_FULL,
        "XDS could not write.",
        unmarked=True,
    ),
    Complaint(
        "out_of_memory",
        r"INSUFFICIENT VIRTUAL MEMORY|forrtl: severe \(41\)|Cannot allocate memory|CANNOT ALLOCATE",
        Failure.OUT_OF_MEMORY,
        "XDS could not get the memory for its frames.",
        (Remedy.ONE_JOB,),
        unmarked=True,
    ),
)

CRASHED = Complaint(
    "crashed",
    r"forrtl: (severe|error)|[Ss]egmentation fault|SIGSEGV|glibc detected|stack smashing",
    Failure.ENGINE_FAILED,
    "XDS crashed.",
    unmarked=True,
)
UNKNOWN = Complaint(
    "unknown",
    "!!! ERROR",
    Failure.ENGINE_FAILED,
    "XDS stopped with a complaint that beampace does not know.",
)
SILENT = Complaint(
    "silent", "", Failure.ENGINE_FAILED, "XDS ended without its output and without a complaint."
)


def told_in(text: str, step: str = "") -> tuple[Told, ...]:
    """All complaints of a text, each once, in the order of the lines.

    Args:
        text: of a log, or from the terminal.
        step: whose log it is, or "".
    """
    found = (told for line in text.splitlines() if (told := _of_line(line, step)) is not None)
    return tuple({told.complaint.name: told for told in reversed(list(found))}.values())[::-1]


def gravest(told: Iterable[Told]) -> Told | None:
    """The first complaint that is no warning; one that is known before one that is not."""
    errors = [one for one in told if not one.warning]
    known = [one for one in errors if one.complaint not in (UNKNOWN, CRASHED)]
    return next(iter([*known, *errors]), None)


def complaint_of(name: str) -> Complaint:
    """A row by its name.

    Raises:
        KeyError: there is none.
    """
    return {row.name: row for row in (*TABLE, CRASHED, UNKNOWN, SILENT)}[name]


def _of_line(line: str, step: str) -> Told | None:
    marked = MARKS in line
    for row in (*TABLE, CRASHED, UNKNOWN):
        here = not row.steps or step in row.steps
        if here and (marked or row.unmarked) and re.search(row.pattern, line):
            return Told(row, " ".join(line.split())[:LONGEST])
    return None
