"""A job as slurmrestd is told of it, for each version of its interface. No I/O.

v0.0.38 is as Slurm 22.05 was seen to take it; the others are as their OpenAPI documents have it
(https://slurm.schedmd.com/rest_api.html and what `GET /openapi/v3` of those versions gives).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from beampace.cluster.slurm.rest_settings import ENVIRONMENT
from beampace.cluster.slurm.script import LAUNCHER_MB, MARGIN_S, MEMORY_MARGIN, OUTPUT_FILE, Request
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

_EXTRA = {"--account": "account", "--qos": "qos", "--constraint": "constraints"}
"""Arguments of sbatch that have a field of the same meaning."""

Body = dict[str, Any]


def job_body(
    request: Request, script: bytes, version: int, environment: Mapping[str, str] = ENVIRONMENT
) -> Body:
    """What is posted to `/slurm/v0.0.N/job/submit`.

    Args:
        request: the job; the margins of `sbatch_argv` are added.
        script: what runs.
        version: N of v0.0.N.
        environment: of the job.

    Raises:
        InputError: an argument of sbatch cannot be given in this way (bad_request).
    """
    job = {**_same(request), **_extra(request.extra)}
    job |= _plain(request, environment) if version < 39 else _typed(request, environment)
    text = script.decode()
    return {"script": text, "job": job} if version < 40 else {"job": {**job, "script": text}}


def _same(request: Request) -> Body:
    """What all versions call the same and want as text or as a number."""
    given = {
        "name": request.name,
        "comment": request.name,
        "partition": request.partition,
        "reservation": request.reservation,
        "nice": request.nice,
    }
    fixed = {
        "current_working_directory": str(request.directory),
        "standard_output": str(request.directory / OUTPUT_FILE).replace("%", "%%"),
        "cpus_per_task": request.cores,
        "tasks": 1,
    }
    return {**{name: value for name, value in given.items() if value}, **fixed}


def _plain(request: Request, environment: Mapping[str, str]) -> Body:
    """What v0.0.38 wants in a way of its own: plain numbers, an object as environment.

    Its `requeue` means `--requeue` whatever its value, so that false would allow what it forbids;
    `no_requeue`, which its document does not have, is obeyed.
    """
    fixed = {"nodes": [1, 1], "no_requeue": True, "open_mode": "append", "environment": dict(environment)}
    return {**fixed, **_limits(request)}


def _typed(request: Request, environment: Mapping[str, str]) -> Body:
    """The same for later versions: numbers that say that they are set, lists."""
    limits = {
        name: {"set": True, "infinite": False, "number": value} for name, value in _limits(request).items()
    }
    lines = [f"{name}={value}" for name, value in environment.items()]
    fixed = {"nodes": "1", "requeue": False, "open_mode": ["APPEND"], "environment": lines}
    return {**fixed, **limits}


def _limits(request: Request) -> dict[str, int]:
    """Minutes and MB, where they are asked for."""
    limits = {}
    if request.time_s:
        limits["time_limit"] = math.ceil((request.time_s + MARGIN_S) / 60)
    if request.memory_mb:
        limits["memory_per_node"] = math.ceil(request.memory_mb * MEMORY_MARGIN) + LAUNCHER_MB
    return limits


def _extra(arguments: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in _EXTRA or not value:
            detail = f"sbatch's {argument[:80]!r} cannot be given through slurmrestd."
            able = ", ".join(f"{one}=..." for one in _EXTRA)
            hint = f"Leave it out of `sbatch` in [cluster.slurm] ({able} can be given), or go by ssh."
            raise failure(Failure.BAD_REQUEST, detail, hint)
        found[_EXTRA[name]] = value
    return found
