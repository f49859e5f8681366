"""What a node is told, run here as the node would run it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest

from beampace.cluster import launcher
from beampace.cluster.launcher import Launch
from beampace.cluster.slurm.node import NodeSide, put_launcher, write_launch
from beampace.core.job import Resources
from beampace.core.ports import JobSpec

ODD = 'say "it\'s"; $(touch pwned) `touch pwned` 100%j'
APPTAINER = """#!/bin/sh
# A stand-in for apptainer, which is not installed here: it looks at its arguments and executes the rest.
[ "$1" = exec ] && [ "$2" = --bind ] && [ "$4" = "$IMAGE" ] || exit 98
shift 4
INSIDE=yes exec "$@"
"""
SMALL = Resources(1, 500, 60)
BOTH = pytest.mark.parametrize("how", ["script", "step"])


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A directory with an odd name, in which there is the launcher and an attempt's directory."""
    root = tmp_path / ODD
    (root / "attempt").mkdir(parents=True)
    put_launcher(root)
    return root


def spec_of(root: Path, code: str, *words: str) -> JobSpec:
    argv = (sys.executable, "-c", code, *words)
    return JobSpec("ab", 1, argv, root / "attempt", SMALL, environment={"MORE": "yes"})


def start(node: NodeSide, root: Path, how: str) -> subprocess.CompletedProcess[str]:
    """Do what Slurm does with a job's script, or with the command of a step."""
    (file,) = root.glob("launcher-*.py")
    argv: Sequence[str] = node.step(file, root / "attempt")
    text = ""
    if how == "script":
        argv, text = ("/bin/bash", "-s"), node.script(file, root / "attempt").decode()
    return subprocess.run(
        argv, input=text, cwd=root.parent, capture_output=True, text=True, check=False, timeout=60
    )


def run(node: NodeSide, root: Path, how: str, code: str, *words: str) -> str:
    """What the program of an attempt says; the attempt ends well and nothing else is said."""
    write_launch(root / "attempt", node.launch_of(spec_of(root, code, *words)), other_account=False)
    done = start(node, root, how)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    record = json.loads((root / "attempt" / launcher.EXIT).read_bytes())
    said = (root / "attempt" / launcher.OUTPUT).read_text()
    assert (record["exit"], record["reason"]) == (0, ""), said
    assert not list(root.parent.rglob("pwned"))
    return said


@BOTH
def test_setup_takes_effect_and_every_name_arrives_whole(odd: Path, how: str) -> None:
    (odd / "modules.sh").write_text('module() { export LOADED="$1 $2"; }\nARGUMENTS="$#"\nexport ARGUMENTS\n')
    setup = ('source "$PWD"/*/modules.sh', "module load 'dials'")
    code = "import os, sys; e = os.environ; print(e['LOADED'], e['ARGUMENTS'], e['MORE'], *sys.argv[1:])"
    said = run(NodeSide(setup=setup), odd, how, code, ODD, str(odd / "attempt/order.json"))
    assert said == f"load dials 0 yes {ODD} {odd}/attempt/order.json\n"


@BOTH
def test_an_interpreter_with_an_odd_name_is_found(odd: Path, how: str) -> None:
    python = odd / "python 3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    assert run(NodeSide(python=str(python)), odd, how, "print(1)") == "1\n"


@BOTH
def test_an_interpreter_that_setup_puts_on_the_path_is_found(odd: Path, how: str) -> None:
    (odd / "bin").mkdir()
    (odd / "bin/site-python").symlink_to("/usr/bin/python3")
    setup = ('cd "$PWD"/*/bin', 'PATH="$PWD:$PATH"', "cd /", "set -eu")
    assert run(NodeSide(python="site-python", setup=setup), odd, how, "print(1)") == "1\n"


@BOTH
def test_a_line_of_setup_that_fails_is_named_and_does_not_end_the_attempt(odd: Path, how: str) -> None:
    node = NodeSide(setup=("module load no-such-module", "[ -e /no/such ] && source /no/such"))
    write_launch(odd / "attempt", node.launch_of(spec_of(odd, "pass")), other_account=False)
    done = start(node, odd, how)
    assert done.returncode == 0
    assert "a line of setup ended with 127" in done.stderr
    assert "module load no-such-module" in done.stderr
    assert "/no/such" not in done.stderr
    assert json.loads((odd / "attempt" / launcher.EXIT).read_bytes())["exit"] == 0


@BOTH
@pytest.mark.parametrize(
    ("setup", "python", "code"),
    [
        ((), "/no/such/$(touch pwned)/it's python", 127),
        (("PATH=/nowhere",), "python3", 127),
        (("module load x || exit 3",), sys.executable, 3),
        (("set -e", "module load x"), sys.executable, 127),
    ],
)
def test_a_launcher_that_is_not_started_is_said(
    odd: Path, how: str, setup: tuple[str, ...], python: str, code: int
) -> None:
    node = NodeSide(python=python, setup=setup)
    write_launch(odd / "attempt", node.launch_of(spec_of(odd, "pass")), other_account=False)
    done = start(node, odd, how)
    assert done.returncode == code
    assert f"exit {code} on " in done.stderr
    assert "the launcher was not started" in done.stderr
    assert f"python ({python})" in done.stderr
    assert not list(odd.parent.rglob("pwned"))
    assert not (odd / "attempt" / launcher.PID).exists()


@BOTH
def test_a_program_in_a_container_by_a_stand_in_for_apptainer(odd: Path, how: str) -> None:
    apptainer = odd / "apptainer"
    apptainer.write_text(APPTAINER)
    apptainer.chmod(0o755)
    image = str(odd / "image.sif")
    node = NodeSide(
        program=(sys.executable, "-I"),
        container=image,
        container_args=("--bind", "/beamline"),
        apptainer=str(apptainer),
        setup=(f"export IMAGE={shlex.quote(image)}",),
        scratch=(str(odd),),
    )
    code = (
        "import os, sys; print(os.environ['INSIDE'], os.environ['TMPDIR'], sys.argv[1], sys.flags.isolated)"
    )
    inside, *there, word, isolated = run(node, odd, how, code, "word").split()
    assert (inside, word, isolated) == ("yes", "word", "1")
    assert " ".join(there).startswith(f"{odd}/bp-")


def test_a_container_stands_before_the_programs_of_a_node() -> None:
    node = NodeSide(
        program=("/env/bin/python",),
        view=lambda path: PurePosixPath("/node") / path.name,
        container="/images/b p.sif",
        container_args=("--bind", "/beamline"),
    )
    spec = JobSpec(
        "ab", 1, (sys.executable, "-m", "x", "/here/jobs/ab-1/order.json"), Path("/here/jobs/ab-1"), SMALL
    )
    before = ("apptainer", "exec", "--bind", "/beamline", "/images/b p.sif")
    assert node.argv(spec) == (*before, "/env/bin/python", "-m", "x", "/node/ab-1/order.json")
    other = JobSpec("ab", 1, ("/opt/xds", "-x"), Path("/here/jobs/ab-1"), SMALL)
    assert node.argv(other) == (*before, "/opt/xds", "-x")
    assert NodeSide().argv(other) == other.argv


def test_scratch_reaches_the_launcher(tmp_path: Path) -> None:
    node = NodeSide(scratch=("/scratch", "/tmp"), scratch_mb=20_000)
    spec = JobSpec("ab", 1, ("true",), tmp_path, SMALL)
    write_launch(tmp_path, node.launch_of(spec), other_account=False)
    launch = Launch(**json.loads((tmp_path / launcher.LAUNCH).read_bytes()))
    assert (list(launch.scratch), launch.scratch_mb) == (["/scratch", "/tmp"], 20_000)
    assert launch.vanished_s == launcher.PATIENCE_S
    assert list(NodeSide().launch_of(spec).scratch) == []
