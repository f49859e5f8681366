"""Rows of `beampace check --site` about this machine: the beamtime, its key, what may be written here."""

from __future__ import annotations

import errno
import os
import pwd
import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from beampace.beamtime.find import PATTERN, find
from beampace.beamtime.watch import Observation
from beampace.cli import site_questions as ask
from beampace.cli.site_row import Row
from beampace.cluster.slurm.key import read_key
from beampace.cluster.slurm.transport import Unreachable

ACL = "system.posix_acl_access"
READER = 0
"""Number of the account that the probe's access list lets read: root may anyway."""
_TAGS = {"owner": 0x01, "user": 0x02, "group": 0x04, "mask": 0x10, "other": 0x20}
_NOBODY = 0xFFFFFFFF
MADE_HERE = "made-here"


def beamtime_row(seen: Observation) -> Row:
    """Which beamtime is open."""
    found = seen.open
    if found is None:
        words = " ".join(trouble.words for trouble in seen.troubles) or "No metadata file is there."
        return ask.BEAMTIME.problem(words, "the directories of beamtime.roots", ask.BEAMTIME.ask)
    kind = "commissioning run" if found.metadata is not None and found.metadata.commissioning else "beamtime"
    place = f"{found.entrance or found.root}"
    true = "" if place == str(found.root) else f", which is {found.root}"
    so = f"Works on {found.root / 'raw'} until its metadata file or {place} is gone."
    return ask.BEAMTIME.found(f"{kind} {found.id} in {place}{true}", metadata_of(seen), so)


def metadata_of(seen: Observation) -> str:
    """The metadata file, for evidence."""
    entrance = None if seen.open is None or seen.open.metadata is None else seen.open.entrance
    if entrance is None:
        return "the configuration (beamtime.fixed)"
    return str(next(iter(find([entrance]).files), entrance / PATTERN))


def metadata_rows(seen: Observation) -> Iterator[Row]:
    """What the metadata lack, one row for each trouble."""
    for trouble in seen.troubles if seen.open is not None else ():
        yield ask.METADATA.problem(trouble.words, metadata_of(seen), trouble.next_step)


def account_row() -> Row:
    """Who runs this, and where."""
    own = os.geteuid()
    groups = ", ".join(str(number) for number in sorted(os.getgroups()))
    words = f"{account_name(own)} (uid {own}; groups {groups or 'none'}) on {socket.gethostname()}"
    so = "What follows holds for this account; the daemon has the same rights when it runs as this one."
    return ask.HERE.found(words, "this process", so)


def account_name(number: int) -> str:
    """The name of an account, or its number where it has none here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def key_row(key: Path | None, *, configured: bool, allow_open: bool) -> Row:
    """Whether the private key is there, who may read it, and whether it would be used."""
    whence = "cluster.slurm.ssh_key" if configured else "onlineAnalysis.sshPrivateKeyPath of the metadata"
    evidence = whence if key is None else f"{key} ({whence})"
    try:
        read_key(key, allow_open=allow_open)
    except Unreachable as error:
        words = " ".join((error.detail.removeprefix("The cluster cannot be reached: "), _file(key)))
        return ask.KEY.problem(words.strip(), evidence, error.next_step)
    opened = " It may be read by others, which `allow_open_key` allows." if _is_open(key) else ""
    return ask.KEY.found(f"yes: {_file(key)}{opened}", evidence, "Logs in with it; reads it at each login.")


def _file(path: Path | None) -> str:
    """Mode and owner of a file, in words; "" when they cannot be had."""
    try:
        status = None if path is None else path.lstat()
    except OSError:
        return ""
    if status is None:
        return ""
    return f"mode {stat.S_IMODE(status.st_mode):04o}, of {account_name(status.st_uid)}."


def _is_open(path: Path | None) -> bool:
    with suppress(OSError):
        return path is not None and bool(path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    return False


@dataclass(frozen=True, slots=True)
class ProbePlace:
    """A directory made for probing, as the daemon makes those of jobs (mode 1777), with one file in it.

    Attributes:
        base: where it was, or should have been, made.
        directory: the directory, or None when it could not be made.
        why: why not, or "".
        made: when it was made, in monotonic seconds.
    """

    base: Path
    directory: Path | None
    why: str = ""
    made: float = field(default_factory=time.monotonic)

    @property
    def file(self) -> Path | None:
        """The file made here."""
        return None if self.directory is None else self.directory / MADE_HERE


@contextmanager
def probe_place(wanted: Path) -> Iterator[ProbePlace]:
    """A probe directory in `wanted` or the nearest directory above that is there and no link; removed."""
    places = (one for one in (wanted, *wanted.parents) if one.is_dir() and one.resolve() == one)
    base = next(places, wanted)
    try:
        directory = Path(mkdtemp(prefix=".beampace-check-", dir=base))
    except OSError as error:
        yield ProbePlace(base, None, error.strerror or str(error))
        return
    try:
        yield _filled(base, directory)
    finally:
        rmtree(directory, ignore_errors=True)


def _filled(base: Path, directory: Path) -> ProbePlace:
    try:
        directory.chmod(0o1777)  # whatever the umask
        (directory / MADE_HERE).write_bytes(b"")
    except OSError as error:
        return ProbePlace(base, None, error.strerror or str(error))
    return ProbePlace(base, directory)


def processed_row(place: ProbePlace) -> Row:
    """Whether this account may write where results and jobs' files go."""
    evidence = f"a directory made in {place.base}, and removed"
    if place.directory is None:
        return ask.PROCESSED_HERE.problem(f"no: {place.base}: {place.why}.", evidence, ask.PROCESSED_HERE.ask)
    so = "Makes the directories of jobs with mode 1777, so that the beamtime's account can write to them."
    return ask.PROCESSED_HERE.found("yes", evidence, so)


def acl_row(place: ProbePlace) -> Row:
    """Whether a file can be given an access list here."""
    evidence = f"{ACL} set on a file in {place.base}"
    if place.file is None:
        return ask.ACL_HERE.unknown("No file could be made to try it on.", evidence)
    try:
        os.setxattr(place.file, ACL, access_list(READER), follow_symlinks=False)
        kept = len(os.getxattr(place.file, ACL, follow_symlinks=False)) == len(access_list(READER))
    except OSError as error:
        return _no_acl(error, evidence)
    if not kept:
        return ask.ACL_HERE.found("no: what was set is not what is there", evidence, ask.ACL_HERE.safe)
    so = "Results of groups named in groups.readers are closed to all others by access lists."
    return ask.ACL_HERE.found("yes", evidence, so)


def _no_acl(error: OSError, evidence: str) -> Row:
    if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
        return ask.ACL_HERE.found("no: the file system has plain modes", evidence, ask.ACL_HERE.safe)
    return ask.ACL_HERE.unknown(f"It could not be tried: {error.strerror}.", evidence)


def access_list(reader: int) -> bytes:
    """An access list as the kernel takes it: the owner writes, one more account reads (acl(5), version 2)."""
    entries = [
        ("owner", 6, _NOBODY),
        ("user", 4, reader),
        ("group", 4, _NOBODY),
        ("mask", 4, _NOBODY),
        ("other", 0, _NOBODY),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", _TAGS[tag], *rest) for tag, *rest in entries)
