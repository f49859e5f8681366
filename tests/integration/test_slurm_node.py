"""The launcher as jobs and steps of a real Slurm run it, and what is left when they are cancelled."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from beampace.cluster import launcher
from beampace.cluster.slurm.held import step_argv
from beampace.cluster.slurm.node import NodeSide, put_launcher, write_launch
from beampace.cluster.slurm.script import OUTPUT_FILE, Request, sbatch_argv
from beampace.core.job import Resources
from beampace.core.ports import JobSpec
from tests.support.attempts import wait_for
from tests.support.slurm_lab import GROUP, slurm_lab, state_of
from tools.lab.lab import PATH, Lab
from tools.lab.plan import SHARED

pytestmark = pytest.mark.xdist_group(GROUP)
__all__ = ["slurm_lab"]

PYTHON = "/usr/bin/python3"
"""An interpreter that every account may use."""
SMALL = Resources(1, 200, 60)
SAVES = """
import os, signal, sys, time
def stop(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is told twice, by queue and launcher
    open("partial", "w").write("results")
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
open("up", "w").write(os.environ.get("TMPDIR", "-"))
time.sleep(600)
"""
DIES = "import time; open('up', 'w').write('yes'); time.sleep(600)"


@dataclass
class Site:
    """A laboratory, and an attempt's directory in it whose name has all that names may have."""

    lab: Lab
    root: Path
    node: NodeSide

    @property
    def directory(self) -> Path:
        return self.root / "jobs" / "ab-1"

    def prepare(self, code: str) -> tuple[Path, PurePosixPath]:
        spec = JobSpec("ab", 1, (sys.executable, "-c", code), self.directory, SMALL)
        self.directory.mkdir(parents=True)
        write_launch(self.directory, self.node.launch_of(spec), other_account=True)
        return put_launcher(self.root), PurePosixPath(self.directory)

    def batch(self, code: str) -> str:
        """Submit an attempt; returns what `scancel` knows it by."""
        file, there = self.prepare(code)
        request = Request("bp-ab-1", there, 1, 200, 60, partition=SHARED)
        text = self.node.script(file, self.directory).decode()
        return self.lab.run(sbatch_argv(request), self.lab.user, text).stdout.strip()

    def step(self, code: str) -> str:
        """Start an attempt as a step of an allocation that is held; returns what `scancel` knows it by."""
        held = "#!/bin/sh\nexec sleep 600\n"
        words = ["sbatch", "--parsable", f"--partition={SHARED}", "--mem=500M", "--output=/dev/null"]
        job = self.lab.run(words, self.lab.user, held).stdout.strip()
        wait_for(lambda: state_of(self.lab, job) == "RUNNING", "the allocation")
        file, there = self.prepare(code)
        argv = step_argv(int(job), "bp-ab-1", SMALL, there, self.node.step(file, self.directory))
        user = ["setpriv", f"--reuid={self.lab.user}", f"--regid={self.lab.user}", "--init-groups", "env"]
        environment = {"PATH": PATH, "HOME": "/", **self.lab.environment}
        self.srun = subprocess.Popen([*user, *argv], env=environment, cwd="/", stderr=subprocess.DEVNULL)
        return f"{job}.0"

    def start(self, how: str, code: str) -> str:
        return self.batch(code) if how == "batch" else self.step(code)

    def wait_file(self, name: str) -> str:
        path = self.directory / name
        wait_for(lambda: path.exists() and path.read_text(), name)
        return path.read_text()

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.wait_file(launcher.EXIT))
        return record

    def clean(self) -> None:
        self.lab.run(["scancel", "--quiet", f"--user={self.lab.user}"], check=False)
        wait_for(lambda: not self.lab.queue(), "the end of all jobs")
        if (srun := getattr(self, "srun", None)) is not None:
            srun.wait(timeout=30)
        shutil.rmtree(self.root)


@pytest.fixture
def site(slurm_lab: Lab) -> Iterator[Site]:
    root = Path(tempfile.mkdtemp(prefix="bp it's; $(x) %j ", dir="/tmp"))
    root.chmod(0o755)
    (root / "scratch").mkdir()
    (root / "scratch").chmod(0o1777)
    node = NodeSide(PYTHON, (PYTHON,), grace_s=1.0, scratch=(str(root / "scratch"),))
    site = Site(slurm_lab, root, node)
    yield site
    site.clean()


BOTH = pytest.mark.parametrize("how", ["batch", "step"])
CANCELS = {"batch": [], "step": ["--signal=TERM"], "allocation": []}
"""What `scancel` is told besides. A step it would send SIGKILL alone, after which nobody writes anything."""


@pytest.mark.parametrize("ending", ["saves", "dies"])
@pytest.mark.parametrize("how", CANCELS)
def test_scancel_leaves_a_record_and_what_the_program_has(site: Site, how: str, ending: str) -> None:
    known = site.start(how, SAVES if ending == "saves" else DIES)
    job = known.split(".")[0]
    scratch = site.wait_file("up")
    site.lab.run(["scancel", *CANCELS[how], known if how == "step" else job], site.lab.user)
    record = site.record()
    assert record["reason"] == "cancelled"
    if ending == "saves":
        assert record["exit"] == 130
        assert (site.directory / "partial").read_text() == "results"
        assert Path(scratch).parent == site.root / "scratch"
    wait_for(lambda: not list((site.root / "scratch").iterdir()), "the end of its scratch directory")
    assert (state_of(site.lab, job) == "RUNNING") is (how == "step")


def test_a_program_that_does_not_listen_is_ended_before_the_queue_ends_its_launcher(site: Site) -> None:
    site.node = replace(site.node, grace_s=0.5)
    job = site.batch("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + DIES)
    site.wait_file("up")
    site.lab.run(["scancel", job], site.lab.user)
    record = site.record()
    assert (record["signal"], record["reason"]) == (9, "cancelled")


@BOTH
def test_setup_takes_effect_on_the_node(site: Site, how: str) -> None:
    (site.root / "modules.sh").write_text('module() { export LOADED="$1 $2"; }\n')
    setup = (
        f'source "{str(site.root).replace("$", chr(92) + "$")}/modules.sh"',
        "module load dials",
        "load oops",
    )
    site.node = replace(site.node, setup=setup)
    site.start(how, "import os; open('up', 'w').write(os.environ['LOADED'])")
    assert site.record()["exit"] == 0
    assert site.wait_file("up") == "load dials"
    said = site.wait_file(OUTPUT_FILE)
    assert "a line of setup ended with 127 on cn" in said
    assert "load oops" in said


@BOTH
def test_an_interpreter_that_is_not_there_is_said(site: Site, how: str) -> None:
    site.node = replace(site.node, python="/no/such/python")
    site.start(how, "pass")
    wait_for(lambda: "not started" in site.wait_file(OUTPUT_FILE), "a word about it")
    assert "/no/such/python" in site.wait_file(OUTPUT_FILE)
    assert not (site.directory / launcher.PID).exists()
