"""XDS's jobs as steps of a real Slurm job of two nodes: our `forkxds` by itself, and under the whole engine.

The checker stands in XDS's place (tests/support/xds_checker).
"""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from beampace.engines.xds.means import HOOK
from tests.support.attempts import wait_for
from tests.support.slurm_lab import GROUP, slurm_lab, state_of, wait_for_state
from tests.support.xds_checker.install import install
from tests.support.xds_runs import run_xds, simulated
from tools.lab.interpreter import kernels, shared_python
from tools.lab.lab import PATH, Lab
from tools.lab.plan import SHARED

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(180)]
__all__ = ["slurm_lab"]

TASKS, CORES = 5, 4
PLAY = """#!/usr/bin/python3
import json, os, pathlib, sys, time
lines = sys.stdin.readlines()
names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURMD_NODENAME", "SLURM_CPUS_ON_NODE", "OMP_NUM_THREADS", "WORD")
told = {name: os.environ.get(name) for name in names}
told |= {"lines": lines, "directory": os.getcwd(), "pid": os.getpid()}
part = pathlib.Path(f"{int(lines[0])}.part")
part.write_text(json.dumps(told))
part.rename(part.with_suffix(".json"))
deadline = time.monotonic() + 20
while len(list(pathlib.Path().glob("*.json"))) < int(os.environ["WAIT_FOR"]):
    if time.monotonic() > deadline:
        sys.exit("the others do not run beside this one")
    time.sleep(0.02)
time.sleep(float(os.environ.get("NAP", 0)))
sys.exit(3 if int(lines[0]) == int(os.environ.get("BAD", 0)) else 0)
"""
"""In the place of XDS's program: it leaves a record of itself and waits until so many have begun."""

STOPPED = """
import os, pathlib, signal, subprocess, sys, time
hook = subprocess.Popen(["forkxds", "3", "2", "mintegrate_par"], start_new_session=True)
while len(list(pathlib.Path().glob("*.json"))) < 3:
    time.sleep(0.02)
if sys.argv[1] == "asked":
    hook.terminate()
else:  # as the engine ends XDS: the program goes at the first signal, and the second follows at once
    os.killpg(hook.pid, signal.SIGTERM)
    os.killpg(hook.pid, signal.SIGKILL)
pathlib.Path("code").write_text(str(hook.wait()))
time.sleep(600)
"""

TRACED = """#!/bin/bash
read -r task
echo "$task $SLURM_JOB_ID.$SLURM_STEP_ID $SLURMD_NODENAME $OMP_NUM_THREADS" >>"${0%/*}/../trace"
exec "$0.checker" <<<"$task"
"""


@dataclass
class Site:
    """A laboratory, and a directory of the beamtime's account in which jobs run."""

    lab: Lab
    root: Path

    def give(self) -> None:
        """Everything in the directory becomes the account's."""
        account = pwd.getpwnam(self.lab.user)
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def submit(self, script: str, option: str = "--mem=4000M", *, hook: bool = True) -> str:
        """A job with two nodes whose script runs in the directory, with its `bin` and our hook on PATH."""
        self.give()
        size = ("--nodes=2", "--ntasks-per-node=1", f"--cpus-per-task={CORES}", "--time=5")
        place = (f"--partition={SHARED}", f"--reservation={self.lab.reservation}")
        argv = ("sbatch", "--parsable", "--no-requeue", *size, *place, "--chdir=/", "--output=/dev/null")
        places = f"{HOOK}:{self.root}/bin" if hook else f"{self.root}/bin"
        lines = (
            "#!/bin/bash",
            f"cd {shlex.quote(str(self.root))} && exec >said 2>&1",
            f"export SLURM_CONF={self.lab.slurm_conf} WORD='two words'",
            f"export PATH={shlex.quote(f'{places}:{PATH}')}",
            script,
        )
        return self.lab.run([*argv, option], self.lab.user, "\n".join(lines) + "\n").stdout.strip()

    def play(self) -> None:
        """Put the player in the place of XDS's program."""
        (self.root / "bin").mkdir()
        executable(self.root / "bin/mintegrate_par", PLAY)

    def records(self) -> list[dict]:
        """What the tasks told, in the order of their numbers."""
        return [json.loads(path.read_text()) for path in sorted(self.root.glob("*.json"))]

    def running(self) -> list[str]:
        """Command lines of steps, and of whatever starts them, that name the directory."""
        name, lines = os.fsencode(self.root), []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes()
            except OSError:  # it ended
                continue
            if name in line:
                lines.append(line.replace(b"\0", b" ").decode(errors="replace"))
        return lines

    def said(self) -> str:
        """What the job wrote."""
        return (self.root / "said").read_text()


def executable(path: Path, text: str) -> None:
    """Write a program."""
    path.write_text(text)
    path.chmod(0o755)


@contextmanager
def made(lab: Lab, prefix: str) -> Iterator[Site]:
    """A directory, and no jobs and no directory afterwards."""
    root = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    root.chmod(0o755)
    yield Site(lab, root)
    lab.run(["scancel", "--quiet", f"--user={lab.user}"], check=False)
    wait_for(lambda: not lab.queue(), "the end of all jobs")
    shutil.rmtree(root)


@pytest.fixture
def site(slurm_lab: Lab) -> Iterator[Site]:
    """With a directory whose name has all that names may have."""
    with made(slurm_lab, "bp it's; $(x) %j ") as site:
        yield site


@pytest.fixture
def plain(slurm_lab: Lab) -> Iterator[Site]:
    """With a directory that XDS's checker can be run in."""
    with made(slurm_lab, "bp-forkxds-") as site:
        yield site


WAYS = {
    "job": ("", "--mem=4000M"),
    "job that hands nothing on": ("", "--export=NONE"),
    "job with memory by the core": ("", "--mem-per-cpu=500M"),
    "step": ("srun --quiet --nodes=1 --ntasks=1 --cpus-per-task=1 ", "--mem=4000M"),
}


@pytest.mark.parametrize("way", WAYS)
def test_tasks_run_side_by_side_on_both_nodes(site: Site, way: str) -> None:
    before, option = WAYS[way]
    site.play()
    call = f"WAIT_FOR={TASKS} {before}forkxds {TASKS} {CORES} mintegrate_par host1 host2"
    job = site.submit(call, option)
    assert wait_for_state(site.lab, job, "COMPLETED", "FAILED") == "COMPLETED", site.said()
    records = site.records()
    assert [record["lines"] for record in records] == [[f"{n}\n"] for n in range(1, TASKS + 1)]
    assert {record["directory"] for record in records} == {str(site.root)}
    assert {(record["SLURM_JOB_ID"], record["WORD"]) for record in records} == {(job, "two words")}
    assert len({record["SLURM_STEP_ID"] for record in records}) == TASKS
    nodes = [record["SLURMD_NODENAME"] for record in records]
    assert len(set(nodes)) == 2
    assert nodes[0] == nodes[2] == nodes[4]
    assert nodes[1] == nodes[3]
    assert {record["SLURM_CPUS_ON_NODE"] for record in records} == {str(CORES)}
    assert {record["OMP_NUM_THREADS"] for record in records} == {str(CORES)}
    assert site.said() == ""


@pytest.mark.parametrize(("call", "left"), [("BAD=2 forkxds 3 2", 3), ("forkxds 2 99", 0)])
def test_the_exit_code_tells_of_a_step_that_failed_or_could_not_start(
    site: Site, call: str, left: int
) -> None:
    site.play()
    job = site.submit(f"export WAIT_FOR=1; {call} mintegrate_par; echo $? >code")
    wait_for_state(site.lab, job, "COMPLETED")
    assert (site.root / "code").read_text() == "1\n"
    assert len(site.records()) == left
    assert "srun: error: " in site.said()


@pytest.mark.parametrize("how", ["asked", "killed"])
def test_no_step_outlives_the_hook_although_the_job_goes_on(site: Site, how: str) -> None:
    site.play()
    (site.root / "stopped.py").write_text(STOPPED)
    job = site.submit(f"export WAIT_FOR=3 NAP=600; exec /usr/bin/python3 stopped.py {how}")
    wait_for(lambda: (site.root / "code").exists() and (site.root / "code").read_text(), "the hook's end")
    assert (site.root / "code").read_text() == {"asked": "143", "killed": "-9"}[how]
    assert len(site.records()) == 3
    if how == "asked":  # it waited for them
        assert site.running() == []
    wait_for(lambda: not site.running(), "the end of all steps")
    assert state_of(site.lab, job) == "RUNNING"


def test_the_engine_integrates_on_two_nodes_what_it_integrates_on_one(
    plain: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, programs = plain, plain.root / "bin"
    scan = simulated(site.root / "raw")
    alone = run_xds(scan, site.root / "alone", cores=2 * CORES)
    compiled = kernels(site.lab)
    monkeypatch.setattr(sys, "executable", str(shared_python(site.lab)))  # what the checker is run with
    install(programs, scan.truth)
    (programs / "mintegrate_par").rename(programs / "mintegrate_par.checker")
    executable(programs / "mintegrate_par", TRACED)
    # More cores than the job has on a node: those of both, as a user may count them.
    words = f"--engine=xds --cores={2 * CORES} --quiet=0 --out=out {shlex.quote(str(scan.master))}"
    job = site.submit(
        f"export NUMBA_CACHE_DIR={compiled}; exec {sys.executable} -m beampace process {words}", hook=False
    )
    ended = wait_for_state(site.lab, job, "COMPLETED", "FAILED", patience_s=90.0)
    assert ended == "COMPLETED", site.said()

    traces = [line.split() for line in (site.root / "trace").read_text().splitlines()]
    assert sorted(number for number, *_ in traces) == ["1", "2"]  # ten degrees each
    assert {step.split(".")[0] for _, step, *_ in traces} == {job}
    assert len({step for _, step, *_ in traces}) == len({node for *_, node, _ in traces}) == 2
    assert {threads for *_, threads in traces} == {str(CORES)}
    assert json.loads((site.root / "out/result.json").read_text())["verdict"]["code"] == alone.code
    observed = observations(site.root / "out")
    assert len(observed) > 1000
    assert observed == observations(site.root / "alone/out")


def observations(out: Path) -> list[str]:
    """What CORRECT left."""
    (path,) = out.glob("xds_1/XDS_ASCII.HKL")
    return [line for line in path.read_text().splitlines() if not line.startswith("!")]
