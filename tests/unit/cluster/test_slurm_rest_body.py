"""A job as slurmrestd is told of it: the same wishes as sbatch's arguments, in the shape of each version."""

import dataclasses
import json
from pathlib import PurePosixPath

import pytest

from beampace.cluster.slurm.rest_body import job_body
from beampace.cluster.slurm.rest_settings import KNOWN
from beampace.cluster.slurm.script import Request, sbatch_argv
from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure

REQUEST = Request("bp-ab-1-0f", PurePosixPath("/node/10% it's"), 4, 1000, 600, 100, "ponline_p11", "11010000")
SCRIPT = "#!/bin/bash\nexec /node/python 'ü'\n".encode()
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "USER": "bttest04"}


def no_val(number):
    return {"set": True, "infinite": False, "number": number}


def test_as_slurm_22_05_was_seen_to_take_it():
    assert job_body(REQUEST, SCRIPT, 38, ENVIRONMENT) == {
        "script": SCRIPT.decode(),
        "job": {
            "name": "bp-ab-1-0f",
            "comment": "bp-ab-1-0f",
            "partition": "ponline_p11",
            "reservation": "11010000",
            "time_limit": 12,
            "cpus_per_task": 4,
            "memory_per_node": 1164,
            "nice": 100,
            "current_working_directory": "/node/10% it's",
            "standard_output": "/node/10%% it's/slurm.txt",
            "tasks": 1,
            "nodes": [1, 1],
            "no_requeue": True,
            "open_mode": "append",
            "environment": ENVIRONMENT,
        },
    }


@pytest.mark.parametrize("version", [number for number in KNOWN if number > 38])
def test_as_the_documents_of_later_versions_have_it(version):
    body = job_body(REQUEST, SCRIPT, version, ENVIRONMENT)
    job = dict(body["job"])
    where = body if version == 39 else job
    assert where.pop("script") == SCRIPT.decode()
    assert set(body) == {"job"}
    assert job == {
        "name": "bp-ab-1-0f",
        "comment": "bp-ab-1-0f",
        "partition": "ponline_p11",
        "reservation": "11010000",
        "time_limit": no_val(12),
        "cpus_per_task": 4,
        "memory_per_node": no_val(1164),
        "nice": 100,
        "current_working_directory": "/node/10% it's",
        "standard_output": "/node/10%% it's/slurm.txt",
        "tasks": 1,
        "nodes": "1",
        "requeue": False,
        "open_mode": ["APPEND"],
        "environment": ["PATH=/usr/bin:/bin", "USER=bttest04"],
    }


@pytest.mark.parametrize("version", KNOWN)
@pytest.mark.parametrize(
    "request_",
    [
        REQUEST,
        dataclasses.replace(REQUEST, memory_mb=1, time_s=1, cores=1, nice=0),
        dataclasses.replace(REQUEST, memory_mb=0, time_s=0, partition="", reservation=""),
    ],
)
def test_the_same_is_asked_for_as_with_sbatch(version, request_):
    job = job_body(request_, SCRIPT, version)["job"]
    given = dict(word.split("=", 1) for word in sbatch_argv(request_) if "=" in word)

    def plain(name):
        value = job.get(name)
        return value["number"] if isinstance(value, dict) else value

    assert plain("time_limit") == (int(given["--time"]) if "--time" in given else None)
    memory = given.get("--mem", "").removesuffix("M")
    assert plain("memory_per_node") == (int(memory) if memory else None)
    assert job["standard_output"] == given["--output"]
    assert job["current_working_directory"] == given["--chdir"]
    assert (job["name"], job["comment"]) == (given["--job-name"], given["--comment"])
    assert job.get("partition") == given.get("--partition")
    assert job.get("reservation") == given.get("--reservation")
    assert job.get("nice") == (int(given["--nice"]) if "--nice" in given else None)
    assert str(job["cpus_per_task"]) == given["--cpus-per-task"]


@pytest.mark.parametrize("version", KNOWN)
def test_a_job_has_an_environment_and_it_is_json(version):
    body = job_body(REQUEST, SCRIPT, version)
    assert "PATH" in json.dumps(body["job"]["environment"])


def test_arguments_of_sbatch_that_have_a_field():
    extra = ("--account=p11", "--qos=quick", "--constraint=a&b")
    job = job_body(dataclasses.replace(REQUEST, extra=extra), SCRIPT, 40)["job"]
    assert (job["account"], job["qos"], job["constraints"]) == ("p11", "quick", "a&b")


@pytest.mark.parametrize("extra", ["--begin=now+1hour", "--exclusive", "--account", "--qos=", "--comment=x"])
def test_other_arguments_of_sbatch_are_refused_by_name(extra):
    with pytest.raises(InputError) as caught:
        job_body(dataclasses.replace(REQUEST, extra=("--qos=a", extra)), SCRIPT, 38)
    assert caught.value.code is Failure.BAD_REQUEST
    assert extra in caught.value.words
