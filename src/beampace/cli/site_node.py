"""Rows of `beampace check --site` about files: what the account sees, reads and writes on a node."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from beampace.cli import site_questions as ask
from beampace.cli.site_here import MADE_HERE, READER, ProbePlace, account_name
from beampace.cli.site_reach import Probe, Reach
from beampace.cli.site_row import Question, Row
from beampace.cluster.slurm.refusals import last_words
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

PATIENCE_S = 5.0
"""Seconds that a file has to be seen somewhere else."""
POLL_S = 0.2
FIND_S = 10
"""Seconds for which raw data are searched for files that cannot be read."""
_TEMPLATE = "made-there-XXXXXXXX"
_ALONE = ".beampace-check-XXXXXXXX"
"""Where no directory could be made here."""
_MOUNT = "Correct `node_base` in [cluster.slurm], or have the beamtime mounted on the nodes."
_LOST = "Jobs would not find their orders."
_UID = re.compile(r"\buid=([0-9]+)")


def node_probes(reach: Reach, place: ProbePlace, root: Path) -> Iterator[Probe]:
    """What the account sees, reads and writes there.

    Args:
        reach: the way there.
        place: the directory made for probing.
        root: the beamtime's directory as this machine sees it.
    """
    inside = place.base.relative_to(root) if place.base.is_relative_to(root) else Path("processed")
    yield ask.ACCOUNT, lambda: _account(reach)
    yield ask.LAG, lambda: _lag(reach, place, inside)  # as soon as it can be
    yield ask.SEEN, lambda: _seen(reach, place, inside)
    yield ask.RAW_NODE, lambda: _raw(reach, ask.RAW_NODE, reach.node, 'Reads them there with read = "node".')
    yield ask.WRITE_NODE, lambda: _write_node(reach, place, inside)
    yield ask.ACL_NODE, lambda: _acl(reach, place, inside)
    yield ask.RAW_CORE, lambda: _raw(reach, ask.RAW_CORE, reach.core, 'Reads them there with read = "core".')
    yield ask.WRITE_CORE, lambda: _write_core(reach)


def _account(reach: Reach) -> Row:
    done = reach.run(("id",))
    uid = _UID.search(done.stdout)
    if done.exit != 0 or uid is None:
        return ask.ACCOUNT.unknown(last_words(done), "id")
    same = int(uid[1]) == os.geteuid()
    so = "Jobs run as the daemon's own account." if same else "Opens directories of jobs to another account."
    here = f"; its number is that of {account_name(int(uid[1]))} here"
    return ask.ACCOUNT.found(done.stdout.strip().splitlines()[-1] + here, "id", so)


def _seen(reach: Reach, place: ProbePlace, inside: Path) -> Row:
    """Whether a file that was just made here is seen by a node under the name it should have there."""
    there = _there(reach.node, place, inside)
    if reach.node is None:
        words = "the metadata name no beamline, so nobody knows where nodes have the beamtime"
        return ask.SEEN.problem(words, "the metadata", _MOUNT, _LOST)
    if there is None:
        return ask.SEEN.unknown(f"No file could be made here to look for. {place.why}", "test -e")
    after = _until(lambda: _is(reach, "-e", there / MADE_HERE))
    evidence = f"test -e {reach.node}/{inside}/..., made here"
    if after is None:
        words = f"no: what was made in {place.base} is not in {there.parent} after {PATIENCE_S:.0f} s"
        return ask.SEEN.problem(words, evidence, _MOUNT, _LOST)
    so = f"Names files below {reach.node} to jobs."
    return ask.SEEN.found(f"yes, after {after:.1f} s, as {there.parent}", evidence, so)


def _there(root: PurePosixPath | None, place: ProbePlace, inside: Path) -> PurePosixPath | None:
    """The probe directory in another view, or None."""
    return None if root is None or place.directory is None else root / inside / place.directory.name


def _raw(reach: Reach, question: Question, root: PurePosixPath | None, so: str) -> Row:
    if root is None:
        return question.open("the metadata do not say where that is", "corePath of the metadata")
    raw = root / "raw"
    evidence = f"test -r, find ! -readable in {raw}"
    lacking = [flag for flag in ("-d", "-r", "-x") if not _is(reach, flag, raw)]
    if lacking:
        words = "it is not there" if "-d" in lacking else "the directory is closed to the account"
        return _no_raw(question, f"no: {words}", evidence)
    search = ("find", str(raw), "!", "-readable", "-print", "-quit")
    done = reach.run(("timeout", str(FIND_S), *search), deadline_s=FIND_S + 5.0)
    if done.stdout.strip():
        return _no_raw(question, f"not all: {done.stdout.strip().splitlines()[0]} is closed to it", evidence)
    late = f"yes, as far as was seen within {FIND_S} s"
    words = {0: "yes", 124: late}.get(done.exit, f"yes, as far as can be said: {last_words(done)}")
    return question.found(words, evidence, so)


def _no_raw(question: Question, words: str, evidence: str) -> Row:
    """What jobs do not need is no problem."""
    if question is ask.RAW_CORE:
        return question.found(words, evidence, question.safe)
    return question.problem(words, evidence, "Have raw opened to the account, or the beamtime mounted there.")


def _write_node(reach: Reach, place: ProbePlace, inside: Path) -> Row:
    """Whether the account may write into what the daemon makes, or else into `processed` itself."""
    ours = _there(reach.node, place, inside)
    directory = ours if ours is not None else None if reach.node is None else reach.node / "processed"
    if directory is None:
        return ask.WRITE_NODE.open("the metadata do not say where that is", "the metadata")
    where = "a directory made here with mode 1777" if ours is not None else str(directory)
    evidence = f"mktemp in {where}, and removed"
    made, why = _made(reach, directory, _ALONE if ours is None else _TEMPLATE)
    if made is None:
        step = "Have `processed` mounted on the nodes for writing, and opened to the account."
        return ask.WRITE_NODE.problem(f"no: {why}", evidence, step, "Jobs would leave no results.")
    try:
        words = f"yes{_back(place, made)}"
    finally:
        _remove(reach, made)
    return ask.WRITE_NODE.found(words, evidence, ask.WRITE_NODE.safe)


def _back(place: ProbePlace, made: PurePosixPath) -> str:
    """How soon what was made there is seen here."""
    if place.directory is None or made.parent.name != place.directory.name:
        return ""
    file = place.directory / made.name
    after = _until(file.exists)
    if after is None:
        return f", but it is not seen here after {PATIENCE_S:.0f} s"
    return f"; seen here after {after:.1f} s as a file of {account_name(file.lstat().st_uid)}"


def _write_core(reach: Reach) -> Row:
    if reach.core is None:
        return ask.WRITE_CORE.open("the metadata do not say where that is", "corePath of the metadata")
    directory = reach.core / "processed"
    evidence = f"mktemp in {directory}, and removed"
    made, why = _made(reach, directory, _ALONE)
    if made is None:
        return ask.WRITE_CORE.found(f"no: {why}", evidence, ask.WRITE_CORE.safe)
    _remove(reach, made)
    return ask.WRITE_CORE.found("yes", evidence, ask.WRITE_CORE.safe)


def _made(reach: Reach, directory: PurePosixPath, template: str) -> tuple[PurePosixPath | None, str]:
    """A file that the account made in a directory there; or None and why not."""
    done = reach.run(("mktemp", str(directory / template)))
    pattern = re.escape(str(directory / template).removesuffix("X" * 8)) + "[A-Za-z0-9]{8}"
    named = [line for line in done.stdout.splitlines() if re.fullmatch(pattern, line)]
    if done.exit == 0 and named:
        return PurePosixPath(named[-1]), ""
    return None, last_words(done).removeprefix("mktemp: ")


def _remove(reach: Reach, made: PurePosixPath) -> None:
    reach.run(("rm", "-f", "--", str(made)))


def _acl(reach: Reach, place: ProbePlace, inside: Path) -> Row:
    """Whether the access list that was given to a file here is seen there."""
    there = _there(reach.node, place, inside)
    if there is None:
        return ask.ACL_NODE.unknown("No file could be made here to look at.", "getfacl")
    evidence = "getfacl of the file that was given an access list here"
    done = reach.run(("getfacl", "--numeric", "--absolute-names", "--", str(there / MADE_HERE)))
    if done.exit == 127:
        return ask.ACL_NODE.unknown("getfacl is not installed there.", evidence)
    if done.exit != 0:
        return ask.ACL_NODE.unknown(last_words(done), evidence)
    kept = f"\nuser:{READER}:" in done.stdout
    so = "Results of groups named in groups.readers are closed there too." if kept else ask.ACL_NODE.safe
    return ask.ACL_NODE.found("yes" if kept else "no: the file has plain modes there", evidence, so)


def _lag(reach: Reach, place: ProbePlace, inside: Path) -> Row:
    """How soon a file made here is seen in the core view."""
    there = _there(reach.core, place, inside)
    if there is None:
        return ask.LAG.open("there is no file to look for, or the metadata name no core path", "test -e")
    seen = _until(lambda: _is(reach, "-e", there / MADE_HERE)) is not None
    after = f"{time.monotonic() - place.made:.1f} s"
    words = f"a new file was there within {after}" if seen else f"more than {after}"
    so = 'Raw data are read where the detector writes them, unless read = "core".'
    return ask.LAG.found(words, f"test -e in {there.parent}, made here", so)


def _is(reach: Reach, flag: str, path: PurePosixPath) -> bool:
    done = reach.run(("test", flag, str(path)))
    if done.exit not in (0, 1):
        raise InfrastructureError(Failure.NODE_LOST, f"test gave no answer: {last_words(done)}")
    return done.exit == 0


def _until(look: Callable[[], bool]) -> float | None:
    """Seconds until something is so, or None when it is not after a while."""
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > PATIENCE_S:
            return None
        time.sleep(POLL_S)
    return time.monotonic() - began
