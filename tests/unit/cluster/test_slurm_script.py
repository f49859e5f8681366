"""The job script and the arguments of sbatch: fixed text, opaque names, nothing from data."""

import shlex
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.script import job_name, job_number, request_of, sbatch_argv, script
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.core.errors import InputError
from beampace.core.job import Resources
from beampace.core.ports import JobSpec

GRANTED = OnlineResources("bttest04", None, "11010000", "ponline_p11", ("max-p3a016",))
NODE = PurePosixPath("/node/jobs/ab12-2")
ODD = PurePosixPath('/shared/it\'s a "place"; $(touch pwned) %j &&')


def spec(**values):
    fields = {
        "key": "ab12",
        "attempt": 2,
        "argv": ("beampace",),
        "directory": Path("/state/jobs/ab12-2"),
        "resources": Resources(4, 2000, 3600),
    }
    return JobSpec(**{**fields, **values})


def argv(directory=NODE, granted=GRANTED, extra=(), **values):
    return sbatch_argv(request_of(spec(**values), directory, granted, SlurmSettings(sbatch=extra)))


def test_what_sbatch_is_told():
    name = job_name(spec())
    assert set(argv()) == {
        "sbatch",
        "--parsable",
        "--no-requeue",
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=4",
        "--open-mode=append",
        "--partition=ponline_p11",
        "--reservation=11010000",
        f"--job-name={name}",
        f"--comment={name}",
        "--time=62",  # one hour, and two minutes for the launcher to end it first
        "--mem=2264M",
        "--nice=100",
        "--chdir=/node/jobs/ab12-2",
        "--output=/node/jobs/ab12-2/slurm.txt",
    }


def test_urgent_work_is_not_nice():
    assert not any(word.startswith("--nice") for word in argv(urgent=True))


def test_without_reservation_and_partition_none_is_named():
    words = argv(granted=OnlineResources("", None, "", "", ()))
    assert not any(word.startswith(("--reservation", "--partition")) for word in words)


def test_names_are_opaque_and_differ_between_daemons():
    one, other = job_name(spec()), job_name(spec(directory=Path("/other/jobs/ab12-2")))
    assert one.startswith("bp-ab12-2-")
    assert one != other
    assert "state" not in one


def test_percent_signs_of_a_path_are_no_patterns():
    assert f"--output={str(ODD).replace('%', '%%')}/slurm.txt" in argv(ODD)
    assert f"--chdir={ODD}" in argv(ODD)


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/new\nline", "/nul\0", "/esc\x1b"])
def test_paths_that_cannot_be_carried_are_refused(path):
    with pytest.raises(InputError):
        argv(PurePosixPath(path))


@pytest.mark.parametrize("name", ["-oops", "a b", "a;b", "$(x)", "a\nb", "--wrap=x"])
def test_odd_names_of_reservation_and_partition_are_refused(name):
    for granted in (OnlineResources("a", None, name, "p", ()), OnlineResources("a", None, "r", name, ())):
        with pytest.raises(InputError):
            argv(granted=granted)


@pytest.mark.parametrize("word", ["script.sh", "-p", "--a b", "--", "--qos=a\nb"])
def test_extra_arguments_that_are_none_are_refused(word):
    with pytest.raises(InputError):
        argv(extra=(word,))


def test_extra_arguments_of_the_configuration():
    assert argv(extra=("--account=beamline", "--exclusive"))[-2:] == ("--account=beamline", "--exclusive")


def test_the_script_carries_any_path_to_the_launcher(tmp_path):
    launcher = tmp_path / "say it's.sh"
    launcher.write_text('#!/bin/sh\nprintf %s "$1"\n')
    text = script(["/bin/sh", str(launcher)], ODD / "launch.json", ["X=1"])
    done = subprocess.run(["/bin/bash", "-s"], input=text, capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout.decode() == str(ODD / "launch.json")
    assert not (tmp_path / "pwned").exists()
    assert text.decode().splitlines()[:3] == ["#!/bin/bash", "umask 022", "X=1"]


def test_a_command_line_for_ssh_comes_out_as_it_went_in(tmp_path):
    words = argv(ODD)
    shown = shlex.join(["printf", "%s\\n", *words])
    done = subprocess.run(["/bin/bash", "-c", shown], capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout.decode().splitlines() == list(words)


@pytest.mark.parametrize(
    ("said", "number"),
    [("123\n", 123), ("123;maxwell\n", 123), ("Welcome!\n2026\n77\n", 77), ("", None), ("Submitted 5", None)],
)
def test_job_numbers(said, number):
    assert job_number(said) == number
