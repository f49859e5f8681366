"""Who may read what jobs leave: three groups, a daemon that is not root, jobs of another account."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from beampace.core.job import JobState
from beampace.results.acl import knows_lists
from beampace.simulate.beamtime.daemon import Daemon
from beampace.store import JobRow, ResultRow
from tests.support.replay import EVERY_FRAME, ledger_of
from tests.support.slurm_lab import GROUP, running_lab
from tests.support.slurm_play import play, scan, script_of
from tests.support.slurm_site import SlurmSite, slurm_site
from tools.lab.lab import Lab
from tools.lab.plan import Plan

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(300)]

JOBS, ALICE, STAFF = "bttest04", "bttest05", "bttest06"
"""Whose the jobs are, who is the reader of group `alice`, and who runs the daemon."""
BOB = "nobody"
"""The reader of group `bob`. Group `open` is not in the table."""
READERS = f"""
[groups.readers]
alice = ["{ALICE}"]
bob = ["{BOB}"]
"""
PROGRAM = """import os, sys
from pathlib import Path
import gemmi
out = Path(sys.argv[1])
os.umask(0o077)
mtz = gemmi.Mtz(with_base=True)
mtz.spacegroup, mtz.cell = gemmi.SpaceGroup("P 1"), gemmi.UnitCell(10, 20, 30, 90, 90, 90)
mtz.add_dataset("x")
mtz.write_to_file(str(out / "merged.mtz"))
(out / "more").mkdir()
(out / "more" / "counts.json").write_text("{}")
"""


@dataclass(frozen=True)
class StaffSite(SlurmSite):
    """A site whose daemon runs as an account of its own, with programs that close what they write."""

    @property
    def argv(self) -> tuple[str, ...]:
        switch = ("setpriv", f"--reuid={STAFF}", f"--regid={STAFF}", "--clear-groups")
        return (*switch, str(self.python), "-m", "beampace", "serve", "--config", str(self.config))

    @property
    def cluster(self) -> str:
        return f'{super().cluster}ssh_key = "{self.base / "key"}"\n{READERS}'

    @property
    def recipe(self) -> str:
        program = self.base / "recipes/write.py"
        return f"""schema = "recipe-1"
name = "{EVERY_FRAME}"
command = ["{self.python}", "{program}", "{{out}}"]
required = ["mtz", "counts"]
[resources]
memory_mb = 500
[results]
mtz = "merged.mtz"
counts = "more/counts.json"
"""

    def prepare(self) -> None:
        """Give the daemon its directories and a key of its own, and it the beamtime's `processed`."""
        super().prepare()
        (self.base / "recipes/write.py").write_text(PROGRAM)
        self.state_dir.mkdir(mode=0o700)
        shutil.copyfile(self.lab.key(JOBS), self.base / "key")
        (self.base / "key").chmod(0o600)
        for path in (self.base / "key", self.state_dir, self.root / "processed"):
            shutil.chown(path, STAFF, STAFF)


@dataclass
class Left:
    """What a beamtime left."""

    site: StaffSite
    results: dict[str, dict[str, ResultRow]]
    jobs: list[JobRow]

    def directory(self, group: str, work: str = "process") -> Path:
        return Path(self.results[group][work].result.directory)

    @property
    def processed(self) -> Path:
        return self.site.beamtime.root / "processed"

    @property
    def attempts(self) -> list[Path]:
        return [path for path in (self.processed / ".beampace/jobs").iterdir() if path.is_dir()]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab(Plan(accounts=(JOBS, ALICE, STAFF), shared=True, rest=False)) as lab:
        if not knows_lists(lab.place.root):
            pytest.skip("The laboratory's file system knows no access lists.")
        yield lab


@pytest.fixture(scope="module")
def left(lab: Lab) -> Left:
    site = slurm_site(lab, StaffSite)
    plays = [
        scan(n, f"{group}/lyso/scan", f"x{n}") for n, group in enumerate(("alice", "bob", "open"), start=1)
    ]
    play(site, script_of(plays), Daemon(site.argv, site.base, {"HOME": str(site.state_dir), "USER": STAFF}))
    with ledger_of(site.state_dir) as ledger:
        found: dict[str, dict[str, ResultRow]] = {}
        for row in ledger.results():
            found.setdefault(row.group, {})[row.work.value] = row
        return Left(site, found, ledger.jobs())


def allowed(account: str, path: Path) -> bool:
    """Whether an account can read a file, or list a directory."""
    code = "import os, sys; os.listdir(sys.argv[1]) if os.path.isdir(sys.argv[1]) else open(sys.argv[1])"
    switch = ["setpriv", f"--reuid={account}", f"--regid={_group(account)}", "--init-groups"]
    argv = [*switch, "/usr/bin/python3", "-c", code, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "PermissionError" in done.stderr, done.stderr
    return done.returncode == 0


def _group(account: str) -> int:
    return pwd.getpwnam(account).pw_gid


def everything(directory: Path) -> list[Path]:
    """A result, all there is in it, and what the daemon wrote beside it."""
    return [directory, *sorted(directory.rglob("*")), directory.parent, directory.parent / "recommended.json"]


def test_every_job_had_a_result(left: Left) -> None:
    assert [job.state for job in left.jobs] == [JobState.ENDED] * 6
    assert {group: sorted(works) for group, works in left.results.items()} == {
        group: ["look", "process"] for group in ("alice", "bob", "open")
    }
    endings = {(row["process"].result.code, row["process"].result.words) for row in left.results.values()}
    assert {code for code, _ in endings} == {"finished"}, endings
    assert len(left.attempts) == 6


@pytest.mark.parametrize("work", ["process", "look"])
def test_a_groups_results_are_read_by_its_readers_and_by_no_other_group(left: Left, work: str) -> None:
    names = {path.name for path in everything(left.directory("alice"))}
    assert {"result.json", "merged.mtz", "counts.json", "report.html", "log.txt", "recommended.json"} <= names
    for group, reader, other in (("alice", ALICE, BOB), ("bob", BOB, ALICE)):
        paths = everything(left.directory(group, work))
        assert [path for path in paths if not allowed(reader, path)] == []
        assert [path for path in paths if allowed(other, path)] == []
        for account in (STAFF, JOBS):
            assert [path for path in paths if not allowed(account, path)] == []


def test_a_reader_reads_and_no_more(left: Left) -> None:
    directory = left.directory("alice")
    code = "import sys; open(sys.argv[1] + '/mine', 'w')"
    for place in (directory, directory.parent):
        argv = ["setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups"]
        done = subprocess.run([*argv, "/usr/bin/python3", "-c", code, place], capture_output=True, text=True)
        assert "PermissionError" in done.stderr


def test_results_of_a_group_without_readers_are_everybodys(left: Left) -> None:
    for path in everything(left.directory("open")):
        assert all(allowed(account, path) for account in (ALICE, BOB, STAFF, JOBS)), path


def test_attempts_are_read_by_nobody_else(left: Left) -> None:
    for directory in left.attempts:
        inside = [path for path in directory.iterdir() if path.name not in ("claim", ".exit.json")]
        assert {"order.json", "launch.json", "exit.json", "output.txt"} <= {path.name for path in inside}
        for account in (ALICE, BOB):
            assert not any(allowed(account, path) for path in (directory, *inside))
        for account in (STAFF, JOBS):
            assert [path for path in (directory, *inside) if not allowed(account, path)] == []


def test_index_pages_are_read_by_whom_the_results_are(left: Left) -> None:
    pages = {group: left.processed / f"index_{group}.html" for group in left.results}
    for account, groups in ((ALICE, {"alice", "open"}), (BOB, {"bob", "open"}), (JOBS, set(pages))):
        assert {group for group, page in pages.items() if allowed(account, page)} == groups


def test_owners_and_modes_are_as_the_contract_says(left: Left) -> None:
    numbers = {name: pwd.getpwnam(name).pw_uid for name in (STAFF, JOBS)}
    for group, mode in (("alice", 0o3770), ("bob", 0o3770), ("open", 0o1777)):
        result = left.directory(group)
        made = {path: path.stat() for path in (result, result.parent, result.parents[1], result.parents[2])}
        assert [one.st_uid for one in made.values()] == [numbers[JOBS], *[numbers[STAFF]] * 3]
        assert stat.S_IMODE(made[result.parent].st_mode) == mode
        assert {stat.S_IMODE(made[path].st_mode) for path in list(made)[2:]} == {0o755}
        closed = group != "open"
        for path in result.rglob("*"):
            kind = 0o770 if path.is_dir() else 0o640
            assert stat.S_IMODE(path.stat().st_mode) & 0o777 == (
                kind if closed else 0o755 if path.is_dir() else 0o644
            )


def test_nothing_was_planted_or_left_elsewhere(left: Left) -> None:
    """Only what the daemon and the jobs own lies in `processed`."""
    owners = {pwd.getpwuid(os.lstat(path).st_uid).pw_name for path in left.processed.rglob("*")}
    assert owners == {STAFF, JOBS}
