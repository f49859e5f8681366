"""The failure taxonomy: every way work can end without a result, in one table.

A *scientific* failure is an answer and is never retried by the machinery; an *infrastructure*
failure says nothing about the crystal and is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    RESULT = 0
    SCIENCE = 1
    BAD_INPUT = 2
    INFRASTRUCTURE = 3
    CANCELLED = 130


class Failure(StrEnum):
    """Codes of the taxonomy."""

    NO_DIFFRACTION = "no_diffraction"
    ICE_ONLY = "ice_only"
    TOO_FEW_SPOTS = "too_few_spots"
    NOT_INDEXED = "not_indexed"
    BEAM_CENTRE_OFF = "beam_centre_off"
    CELL_SUSPECT = "cell_suspect"
    TWO_LATTICES = "two_lattices"
    CRYSTAL_MOVED = "crystal_moved"
    NOT_A_ROTATION = "not_a_rotation"
    NOT_INTEGRATED = "not_integrated"
    FRAMES_MISSING = "frames_missing"
    FILE_TRUNCATED = "file_truncated"
    NOT_A_DATASET = "not_a_dataset"
    METADATA_INCONSISTENT = "metadata_inconsistent"
    BAD_REQUEST = "bad_request"
    ENGINE_MISSING = "engine_missing"
    ENGINE_FAILED = "engine_failed"
    LICENCE_MISSING = "licence_missing"
    LICENCE_EXPIRED = "licence_expired"
    NODE_LOST = "node_lost"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    DISK_FULL = "disk_full"
    NOT_WRITABLE = "not_writable"
    REJECTED_BY_QUEUE = "rejected_by_queue"
    PREEMPTED = "preempted"
    BEAMTIME_CLOSED = "beamtime_closed"
    DAEMON_MISSING = "daemon_missing"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the taxonomy: plain words, what to do next, how the program exits."""

    words: str
    next_step: str
    exit: Exit


TAXONOMY: dict[Failure, Entry] = {
    Failure.NO_DIFFRACTION: Entry(
        "No diffraction was found.",
        "Check that the crystal is in the beam and the shutter opened; centre again or try the next crystal.",
        Exit.SCIENCE,
    ),
    Failure.ICE_ONLY: Entry(
        "Only ice rings were found, no crystal.",
        "Look at the sample for ice, wash or re-freeze it, and centre again.",
        Exit.SCIENCE,
    ),
    Failure.TOO_FEW_SPOTS: Entry(
        "There are too few spots to find a lattice.",
        "Collect a longer rotation or more exposure, or try another crystal.",
        Exit.SCIENCE,
    ),
    Failure.NOT_INDEXED: Entry(
        "Spots were found, but no lattice explains them.",
        "Check the beam centre and distance; give the unit cell if it is known; try another crystal.",
        Exit.SCIENCE,
    ),
    Failure.BEAM_CENTRE_OFF: Entry(
        "The beam centre or detector distance in the file is wrong.",
        "Calibrate the beam centre and distance, then process again.",
        Exit.SCIENCE,
    ),
    Failure.CELL_SUSPECT: Entry(
        "The unit cell looks halved or doubled.",
        "Give the expected unit cell, or look at the frames for weak spots between the strong ones.",
        Exit.SCIENCE,
    ),
    Failure.TWO_LATTICES: Entry(
        "There is more than one lattice.",
        "Use the result with care, or collect from a single crystal.",
        Exit.SCIENCE,
    ),
    Failure.CRYSTAL_MOVED: Entry(
        "The crystal moved during the scan.",
        "Process the frames before it moved (--images), and check the mount.",
        Exit.SCIENCE,
    ),
    Failure.NOT_A_ROTATION: Entry(
        "This is not a rotation scan; there is nothing to integrate.",
        "Use `beampace map` for a grid scan. Test shots are for planning: collect a rotation scan.",
        Exit.SCIENCE,
    ),
    Failure.NOT_INTEGRATED: Entry(
        "A lattice was found, but its reflections could not be integrated and merged.",
        "Collect a longer rotation; see log.txt for the step that failed.",
        Exit.SCIENCE,
    ),
    Failure.FRAMES_MISSING: Entry(
        "Frames that were announced are missing.",
        "Check that all data files are beside the master file and have been copied completely.",
        Exit.BAD_INPUT,
    ),
    Failure.FILE_TRUNCATED: Entry(
        "A file is cut short.",
        "Copy the file again from the beamline file system, or process the frames that remain.",
        Exit.BAD_INPUT,
    ),
    Failure.NOT_A_DATASET: Entry(
        "This is not the master file of a dataset.",
        "Give the path of a file that ends in _master.h5.",
        Exit.BAD_INPUT,
    ),
    Failure.METADATA_INCONSISTENT: Entry(
        "The master file lacks or contradicts what processing needs.",
        "Correct the named value in the beamline configuration; the frames themselves are intact.",
        Exit.BAD_INPUT,
    ),
    Failure.BAD_REQUEST: Entry(
        "The request cannot be carried out as given.",
        "Correct the named option; `beampace COMMAND --help` lists what it takes.",
        Exit.BAD_INPUT,
    ),
    Failure.ENGINE_MISSING: Entry(
        "A program this needs is not installed.",
        "Run `beampace check`: it names what is missing and how to get it.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.ENGINE_FAILED: Entry(
        "A program stopped in a way that says nothing about the crystal.",
        "See log.txt for its last words; try again, and report it if it happens twice.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.LICENCE_MISSING: Entry(
        "A program has no licence here.",
        "Ask the beamline staff for the licence, or use another engine.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.LICENCE_EXPIRED: Entry(
        "The licence of a program has expired.",
        "Ask the beamline staff to renew it, or use another engine.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.NODE_LOST: Entry(
        "The machine that did the work was lost.",
        "The work is tried again; tell the staff if it happens twice.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.OUT_OF_MEMORY: Entry(
        "The work ran out of memory.",
        "Give it more memory or fewer cores (--cores).",
        Exit.INFRASTRUCTURE,
    ),
    Failure.TIMED_OUT: Entry(
        "The work took longer than it was allowed.",
        "Give it more time or more cores.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.DISK_FULL: Entry(
        "The disk is full.",
        "Free space where results are written, or choose another place with --out, and try again.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.NOT_WRITABLE: Entry(
        "Results cannot be written there.",
        "Choose a directory you may write to with --out, or have its rights changed.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.REJECTED_BY_QUEUE: Entry(
        "The queue did not take the job.",
        "See the reason given by the queue; check partition and reservation.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.PREEMPTED: Entry(
        "The job was ended from outside, or its place was taken.",
        "It is tried again by itself.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.BEAMTIME_CLOSED: Entry(
        "The beamtime ended before the work did.",
        "Process the data again from the core file system.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.DAEMON_MISSING: Entry(
        "The daemon does not answer.",
        "Start it with `beampace serve`, or name its directory with --state-dir.",
        Exit.INFRASTRUCTURE,
    ),
    Failure.CANCELLED: Entry(
        "The work was cancelled.",
        "Start it again when it is wanted.",
        Exit.CANCELLED,
    ),
}
