"""Directories made for jobs, by root and by others: past what strangers planted, with lists and without."""

from __future__ import annotations

import ctypes
import os
import pickle
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from beampace.beamtime import OnlineResources, OpenBeamtime
from beampace.cluster.launcher import Launch
from beampace.cluster.slurm.node import write_launch
from beampace.core.errors import BeampaceError
from beampace.core.job import JobState
from beampace.results.acl import ACCESS, DEFAULT, hands_on, is_closed, knows_lists
from beampace.results.below import write_below
from beampace.service.job_places import LocalPlaces, NodePlaces
from beampace.service.job_rooms import JobRooms
from beampace.service.slurm_section import SlurmSection
from beampace.work.directory import open_to_readers
from beampace.work.place import numbered_below
from tests.support.desk import bench

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as other accounts")

DAEMON, JOBS, READER, STRANGER = 41001, 41002, 41003, 41004
NAMES = {"jobs": JOBS, "reader": READER, "daemon-41001": DAEMON}
PLACE = PurePosixPath("user1/sample/scan/beampace")
GRANTED = OnlineResources("bttest04", None, "r", "p", ())
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


@dataclass(frozen=True)
class Places(LocalPlaces):
    """Jobs of an account."""

    name: str | None = "jobs"

    def account(self) -> str | None:
        return self.name


@dataclass
class Beamtime:
    """A beamtime whose `processed` belongs to the daemon's account."""

    root: Path
    daemon: int = DAEMON
    account: str | None = "jobs"
    readers: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"closed": ("reader",)})

    @property
    def processed(self) -> Path:
        return self.root / "processed"

    @property
    def place(self) -> Path:
        return self.processed / PLACE

    @property
    def attempt(self) -> Path:
        return self.processed / ".beampace/jobs/ab-1"

    def rooms(self) -> JobRooms:
        return JobRooms(Places(Path("/nowhere"), self.account), self.readers)

    def results(self, group: str) -> tuple[str, ...]:
        """The daemon makes the place of a group's results; words of what staff are told."""

        def make() -> tuple[str, ...]:
            rooms = self.rooms()
            rooms.results(self.processed, PLACE, group)
            return tuple(f"{one.where}: {one.words}" for one in rooms.troubles())

        return acting(self.daemon, make)

    def make_attempt(self) -> None:
        acting(self.daemon, lambda: self.rooms().attempt(self.root, self.attempt))

    def launch(self) -> None:
        """What happens between the making of an attempt's directory and its start."""

        def give() -> None:
            (self.attempt / "order.json").write_text("{}")
            write_launch(self.attempt, Launch("ab-1", ["true"], {}), other_account=True)

        acting(self.daemon, give)


def acting(number: int, do: Callable[[], Any]) -> Any:
    """What a function gives, or raises, in a process of an account without groups, under the worst umask."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if number:
                os.setgroups([])
                os.setresgid(number, number, number)
                os.setresuid(number, number, number)
            os.umask(0o077)
            said: tuple[bool, Any] = (True, do())
        except BaseException as error:  # noqa: BLE001 - the test has it
            said = (
                False,
                error if not isinstance(error, BeampaceError) else (error.code, error.detail, error.hint),
            )
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(said, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        done, value = pickle.load(pipe)
    os.waitpid(child, 0)
    if not done and isinstance(value, tuple):
        raise BeampaceError(*value)
    if not done:
        raise value
    return value


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def can(number: int, do: Callable[[], Any]) -> bool:
    try:
        acting(number, do)
    except PermissionError:
        return False
    return True


def listing(path: Path) -> Callable[[], list[str]]:
    return lambda: [one.name for one in path.iterdir()]


@pytest.fixture(params=["/tmp", "/dev/shm"])
def beamtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beamtime]:
    if not knows_lists(Path(request.param)):
        pytest.skip(f"{request.param} knows no access lists")
    root = Path(tempfile.mkdtemp(dir=request.param))
    root.chmod(0o755)
    (root / "processed").mkdir(mode=0o755)
    os.chown(root / "processed", DAEMON, DAEMON)
    monkeypatch.setattr(pwd, "getpwnam", known)
    yield Beamtime(root)
    shutil.rmtree(root)


def known(name: str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "*", NAMES[name], NAMES[name], "", "/", "/bin/false"))


BOTH = pytest.mark.parametrize("daemon", [0, DAEMON])


@BOTH
def test_the_place_of_an_open_group_takes_jobs_of_another_account(beamtime: Beamtime, daemon: int) -> None:
    beamtime.daemon = daemon
    assert beamtime.results("open") == () == beamtime.results("open")
    assert mode(beamtime.place) == 0o1777
    assert {mode(beamtime.place.parents[above]) for above in range(3)} == {0o755}
    assert beamtime.place.stat().st_uid == daemon
    made = acting(JOBS, lambda: numbered_below(beamtime.processed, beamtime.place, "look"))
    assert made.stat().st_uid == JOBS
    assert mode(made) == 0o755
    assert not can(STRANGER, lambda: made.rename(made.with_name("mine")))  # sticky


@BOTH
def test_the_place_of_a_closed_group_is_for_jobs_daemon_and_readers(beamtime: Beamtime, daemon: int) -> None:
    beamtime.daemon = daemon
    assert beamtime.results("closed") == ()
    assert mode(beamtime.place) == 0o3770
    assert is_closed(beamtime.place)
    result = result_of_job(beamtime)
    acting(daemon, lambda: write_below(beamtime.processed, f"{PLACE}/recommended.json", "{}"))
    files = (result / "result.json", result / "sub/merged.mtz", beamtime.place / "recommended.json")
    for number in (daemon, JOBS, READER):
        assert all(can(number, path.read_bytes) for path in files), number
        assert can(number, listing(result))
    assert not any(can(STRANGER, path.read_bytes) for path in files)
    assert not can(STRANGER, listing(beamtime.place))
    assert not can(STRANGER, listing(result))
    assert not can(READER, lambda: (result / "more").touch())
    assert not can(READER, lambda: (beamtime.place / "more").touch())
    assert {mode(path) & 0o7 for path in (result, result / "sub", *files)} == {0}
    assert mode(beamtime.place.parent) == 0o755


def result_of_job(beamtime: Beamtime) -> Path:
    """What a job leaves, whose programs have ideas of their own about modes."""

    def job() -> Path:
        made = numbered_below(beamtime.processed, beamtime.place, "process")
        (made / "result.json").write_text("{}")
        (made / "sub").mkdir(mode=0o700)
        (made / "sub/merged.mtz").write_text("MTZ")
        (made / "sub/merged.mtz").chmod(0o666)
        open_to_readers(made)
        return made

    made: Path = acting(JOBS, job)
    return made


def test_a_group_that_gets_readers_or_loses_them(beamtime: Beamtime) -> None:
    beamtime.results("open")
    before = result_of_job(beamtime)
    assert can(STRANGER, (before / "result.json").read_bytes)
    beamtime.results("closed")
    assert can(READER, (before / "result.json").read_bytes)
    assert not can(STRANGER, (before / "result.json").read_bytes)
    beamtime.results("open")
    assert mode(beamtime.place) == 0o1777
    assert not hands_on(beamtime.place)
    assert can(STRANGER, (result_of_job(beamtime) / "result.json").read_bytes)


def test_a_group_the_daemon_is_not_in_does_not_take_the_sign_away(beamtime: Beamtime) -> None:
    beamtime.place.parent.mkdir(parents=True)
    os.chown(beamtime.place.parent, DAEMON, STRANGER)
    beamtime.place.parent.chmod(0o2755)
    beamtime.results("closed")
    assert mode(beamtime.place) == 0o3770
    result = result_of_job(beamtime)
    acting(DAEMON, lambda: write_below(beamtime.processed, f"{PLACE}/recommended.json", "{}"))
    assert mode(beamtime.place / "recommended.json") == 0o640
    assert mode(result / "result.json") == 0o640


def test_a_beamtime_that_is_its_groups_stays_so(beamtime: Beamtime) -> None:
    beamtime.daemon = 0
    os.chown(beamtime.processed, -1, JOBS)
    beamtime.processed.chmod(0o2770)
    beamtime.results("open")
    assert mode(beamtime.place) == 0o3770
    assert mode(beamtime.place.parent) == 0o2770
    assert can(JOBS, lambda: numbered_below(beamtime.processed, beamtime.place, "look"))
    assert not can(STRANGER, listing(beamtime.place))


def test_where_jobs_are_the_daemons_own_only_closed_places_are_made(beamtime: Beamtime) -> None:
    for account in (None, "daemon-41001"):
        beamtime.account = account
        beamtime.results("open")
        assert not beamtime.place.exists()
    beamtime.results("closed")
    assert mode(beamtime.place) == 0o3770
    assert can(READER, listing(beamtime.place))
    assert not can(JOBS, listing(beamtime.place))


@BOTH
@pytest.mark.parametrize("at", [PLACE, *list(PLACE.parents)[:-1]])
def test_no_link_that_somebody_planted_is_followed(
    beamtime: Beamtime, at: PurePosixPath, daemon: int
) -> None:
    beamtime.daemon = daemon
    elsewhere = beamtime.root / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    os.chown(elsewhere, daemon, daemon)
    link = beamtime.processed / at
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    for group in ("open", "closed"):
        with pytest.raises(BeampaceError, match="symbolic link") as caught:
            beamtime.results(group)
        assert caught.value.code == "not_writable"
    assert mode(elsewhere) == 0o700
    assert not list(elsewhere.iterdir())


def test_a_place_that_is_the_job_accounts_already(beamtime: Beamtime) -> None:
    beamtime.place.mkdir(parents=True)
    os.chown(beamtime.place, JOBS, JOBS)
    beamtime.place.chmod(0o755)
    assert beamtime.results("open") == ()
    assert mode(beamtime.place) == 0o755
    with pytest.raises(BeampaceError, match="cannot be closed") as caught:
        beamtime.results("closed")
    assert caught.value.code == "not_writable"
    assert str(beamtime.place) in caught.value.detail
    beamtime.daemon = 0
    beamtime.results("closed")
    assert mode(beamtime.place) == 0o3770
    shutil.rmtree(beamtime.place)
    beamtime.place.mkdir()
    os.chown(beamtime.place, JOBS, DAEMON)
    beamtime.place.chmod(0o2770)  # by its owner, as may be
    beamtime.daemon = DAEMON
    assert beamtime.results("closed") == ()
    assert mode(beamtime.place) == 0o2770


@BOTH
def test_a_strangers_place_is_not_closed_but_refused(beamtime: Beamtime, daemon: int) -> None:
    beamtime.daemon = daemon
    beamtime.place.mkdir(parents=True)
    os.chown(beamtime.place, STRANGER, STRANGER)
    with pytest.raises(BeampaceError, match=f"belongs to account {STRANGER}"):
        beamtime.results("closed")


def test_what_leads_out_of_processed_or_cannot_be_made(beamtime: Beamtime) -> None:
    with pytest.raises(BeampaceError, match="bad_request"):
        acting(
            DAEMON,
            lambda: beamtime.rooms().results(beamtime.processed, PurePosixPath("../x/beampace"), "open"),
        )
    os.chown(beamtime.processed, STRANGER, STRANGER)
    with pytest.raises(PermissionError, match=str(beamtime.place)):
        beamtime.results("open")


def test_accounts_nobody_knows(beamtime: Beamtime) -> None:
    beamtime.readers = {"closed": ("reader", "nobody-knows")}
    (said,) = beamtime.results("closed")
    assert said.startswith("group closed: The account 'nobody-knows'")
    assert can(READER, listing(beamtime.place))
    beamtime.account = "who"
    (*_, said) = beamtime.results("closed")
    assert "not known here" in said
    assert mode(beamtime.place) == 0o1777
    beamtime.make_attempt()
    beamtime.launch()
    assert mode(beamtime.attempt) == 0o1777


@BOTH
def test_an_attempt_is_the_daemons_until_it_is_given_away(beamtime: Beamtime, daemon: int) -> None:
    beamtime.daemon = daemon
    beamtime.make_attempt()
    assert {mode(path) for path in list(beamtime.attempt.parents)[:2]} == {0o755}
    assert mode(beamtime.attempt) == 0o700
    assert not can(JOBS, lambda: (beamtime.attempt / "order.json").symlink_to("/etc/passwd"))
    beamtime.make_attempt()
    beamtime.launch()
    for number in (JOBS, daemon):
        assert can(number, (beamtime.attempt / "order.json").read_bytes)
        assert can(number, (beamtime.attempt / "launch.json").read_bytes)
    assert can(JOBS, lambda: (beamtime.attempt / "exit.json").write_text("{}"))
    assert can(daemon, (beamtime.attempt / "exit.json").read_bytes)
    assert not can(JOBS, lambda: (beamtime.attempt / "launch.json").write_text("other"))
    assert not can(JOBS, lambda: (beamtime.attempt / "launch.json").unlink())
    for number in (READER, STRANGER):
        assert not can(number, listing(beamtime.attempt))
        assert not can(number, (beamtime.attempt / "launch.json").read_bytes)
    beamtime.make_attempt()  # a daemon that starts again finds it and closes nothing
    assert mode(beamtime.attempt) == 0o1770
    assert can(daemon, lambda: shutil.rmtree(beamtime.attempt))


def test_an_attempt_is_at_no_moment_open_before_that(beamtime: Beamtime) -> None:
    def watched() -> set[int]:
        modes, fchmod = set(), os.fchmod

        def look(handle: int, wanted: int) -> None:
            if beamtime.attempt.exists():
                modes.add(mode(beamtime.attempt))
            fchmod(handle, wanted)

        os.fchmod = look
        beamtime.rooms().attempt(beamtime.root, beamtime.attempt)
        return modes | {mode(beamtime.attempt)}

    assert acting(DAEMON, watched) == {0o700}


def test_a_list_of_the_beamtime_does_not_lock_the_jobs_out(beamtime: Beamtime) -> None:
    """What is made in a directory with a list of its own inherits that, and not who runs the jobs."""
    setfacl(beamtime.processed, "--default", "--modify", f"u:{READER}:rwx,g::---,m::rwx,o::---")
    beamtime.account = "who"
    beamtime.make_attempt()
    beamtime.launch()
    assert can(JOBS, lambda: (beamtime.attempt / "exit.json").write_text("{}"))


def setfacl(path: Path, *words: str) -> None:
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    subprocess.run(["setfacl", *words, path], check=True)


@BOTH
@pytest.mark.parametrize("at", [".beampace", ".beampace/jobs", ".beampace/jobs/ab-1"])
def test_an_attempts_directory_is_made_through_no_link(beamtime: Beamtime, at: str, daemon: int) -> None:
    beamtime.daemon = daemon
    elsewhere = beamtime.root / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    os.chown(elsewhere, daemon, daemon)
    link = beamtime.processed / at
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    os.lchown(link, JOBS, JOBS)
    with pytest.raises(BeampaceError, match="symbolic link"):
        beamtime.make_attempt()
    assert mode(elsewhere) == 0o700
    assert not list(elsewhere.iterdir())


@BOTH
@pytest.mark.parametrize("at", [".beampace", ".beampace/jobs", ".beampace/jobs/ab-1"])
def test_an_attempts_directory_of_somebody_else_is_not_used(beamtime: Beamtime, at: str, daemon: int) -> None:
    beamtime.daemon = daemon
    (beamtime.processed / at).mkdir(parents=True)
    os.chown(beamtime.processed / at, JOBS, JOBS)
    with pytest.raises(BeampaceError, match="work_room") as caught:
        beamtime.make_attempt()
    assert f"belongs to account {JOBS}" in caught.value.detail


def test_launch_files_are_written_through_no_link(beamtime: Beamtime) -> None:
    beamtime.make_attempt()
    beamtime.launch()
    secret = beamtime.root / "secret"
    secret.write_text("kept")
    os.chown(secret, DAEMON, DAEMON)
    secret.chmod(0o600)

    def plant() -> None:
        (beamtime.attempt / "more.json").symlink_to(secret)
        (beamtime.attempt / ".launch.json.part").symlink_to(secret)

    acting(JOBS, plant)
    acting(DAEMON, lambda: write_launch(beamtime.attempt, Launch("ab-1", ["false"], {}), other_account=True))
    assert secret.read_text() == "kept"
    assert mode(secret) == 0o600
    assert b"false" in (beamtime.attempt / "launch.json").read_bytes()


def test_an_attempt_elsewhere_than_in_the_beamtime(beamtime: Beamtime, tmp_path: Path) -> None:
    beamtime.daemon, beamtime.account = 0, None
    directory = tmp_path / "state/jobs/ab-1"
    beamtime.rooms().attempt(beamtime.root, directory)
    assert mode(directory) == 0o700
    assert not hands_on(directory)


def test_on_a_file_system_without_lists_everything_is_open_and_staff_are_told(beamtime: Beamtime) -> None:
    def all_of_it() -> tuple[str, tuple[int, int], list[str]]:
        without_lists(beamtime.processed)
        rooms = beamtime.rooms()
        for _ in range(2):
            rooms.results(beamtime.processed, PLACE, "closed")
        rooms.attempt(beamtime.root, beamtime.attempt)
        write_launch(beamtime.attempt, Launch("ab-1", ["true"], {}), other_account=True)
        told = [f"{one.words} {one.next_step}" for one in rooms.troubles()]
        return mounted(beamtime.processed), (mode(beamtime.place), mode(beamtime.attempt)), told

    kind, modes, told = acting(0, all_of_it)
    if kind != "ramfs":
        pytest.skip("no file system can be mounted here")
    assert modes == (0o1777, 0o1777)
    (words,) = told
    assert "this file system knows no access lists" in words
    assert not beamtime.place.exists()  # it went with the process that had mounted it


def without_lists(path: Path) -> None:
    """Mount a file system that knows no lists, for this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) == 0 and libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0:
        libc.mount(b"ramfs", os.fsencode(path), b"ramfs", 0, None)


def mounted(path: Path) -> str:
    """Kind of the file system of which a path is the root, or ""."""
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((words[2] for words in lines if words[1] == str(path)), "")


def test_lists_are_written_once(beamtime: Beamtime) -> None:
    beamtime.results("closed")
    before = beamtime.place.stat().st_ctime_ns
    lists = [os.getxattr(beamtime.place, name) for name in (ACCESS, DEFAULT)]
    beamtime.results("closed")
    assert beamtime.place.stat().st_ctime_ns == before
    assert lists[0] == lists[1]


def test_the_daemon_makes_them_before_it_gives_a_job_away(tmp_path: Path) -> None:
    with bench(tmp_path, groups={"readers": {"a": ["nobody-knows"]}}) as made:
        made.see()
        assert made.start() == 1
        assert mode(made.root / "processed/s/beampace") == 0o3770
        made.start()
        assert [one.words for one in made.starter.troubles if "'nobody-knows'" in one.words]


def test_a_link_in_the_way_keeps_a_job_waiting(tmp_path: Path) -> None:
    with bench(tmp_path, groups={"readers": {"a": []}}) as made:
        (made.root / "processed").mkdir()
        (made.root / "processed/s").symlink_to(tmp_path)
        made.see()
        assert made.start() == 0
        (job,) = made.ledger.jobs()
        (attempt,) = made.ledger.attempts(job.key)
        assert attempt.code == "not_writable"
        assert job.state is not JobState.ENDED
        assert "s on the way to" in attempt.detail
        assert "symbolic link" in attempt.detail


@pytest.mark.parametrize(
    ("via", "online", "account"),
    [
        ("ssh", GRANTED, "bttest04"),
        ("rest", GRANTED, "bttest04"),
        ("local", GRANTED, None),
        ("ssh", None, ""),
    ],
)
def test_whose_the_jobs_of_a_cluster_are(
    via: str, online: OnlineResources | None, account: str | None
) -> None:
    places = NodePlaces(SlurmSection.model_validate({"via": via}), user=lambda: "p11user")
    places.see(replace(OpenBeamtime.at("1", Path("/gpfs/current")), resources=online))
    assert places.account() == account
