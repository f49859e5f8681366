"""The job script and the arguments of `sbatch`.

The script is fixed text plus the path of a JSON file; it goes to `sbatch` on standard input. Nothing from
data, and no name of a sample, is in it or in the arguments. `--no-requeue`: an attempt runs once; whether it
is tried again is the ledger's decision, with a directory of its own.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.core.errors import failure
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure

OUTPUT_FILE = "slurm.txt"
"""What the queue and the launcher say; the program's own output is the launcher's `output.txt`."""
MARGIN_S = 120
"""Seconds by which the queue's time limit lies above the launcher's, which says why it ended an attempt."""
PREFIX = "bp-"
"""Of the names of all our jobs."""
MEMORY_MARGIN = 1.1
"""The same for memory, as a factor; and `LAUNCHER_MB` for the launcher itself."""
LAUNCHER_MB = 64
_JOB_NUMBER = re.compile(r"^(\d+)(?:;[\w.-]+)?$", re.M)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that `sbatch` is told.

    Attributes:
        name: opaque name of the attempt.
        directory: the attempt's directory as the nodes see it.
        cores, memory_mb, time_s: what the launcher was given; margins are added. Memory 0: not asked for.
        nice: how much lower in the queue.
        partition, reservation: "" for none.
        extra: further arguments from the configuration, each `--name` or `--name=value`.
    """

    name: str
    directory: PurePosixPath
    cores: int
    memory_mb: int
    time_s: int
    nice: int = 0
    partition: str = ""
    reservation: str = ""
    extra: tuple[str, ...] = ()


def request_of(
    spec: JobSpec, directory: PurePosixPath, granted: OnlineResources, settings: SlurmSettings
) -> Request:
    """What is asked for an attempt.

    Raises:
        InputError: a value cannot be given to `sbatch` safely (bad_request).
    """
    wish = spec.resources
    return checked(
        Request(
            name=job_name(spec),
            directory=directory,
            cores=wish.cores,
            memory_mb=wish.memory_mb,
            time_s=min(wish.time_s, settings.most_time_s or wish.time_s),
            nice=0 if spec.urgent else settings.nice,
            partition=granted.partition,
            reservation=granted.reservation,
            extra=settings.sbatch,
        )
    )


def job_name(spec: JobSpec) -> str:
    """The opaque name under which the queue knows an attempt: its job's name and its comment.

    The attempt's directory is in it as a digest, so that two daemons with one account never take each
    other's jobs for their own.
    """
    place = hashlib.sha256(str(spec.directory.absolute()).encode(errors="surrogateescape")).hexdigest()
    return f"{PREFIX}{spec.name}-{place[:8]}"


def checked(request: Request) -> Request:
    """The request, if nothing in it could be taken for something else.

    Raises:
        InputError: the directory is not absolute or has control characters, or a name or an extra argument
            has characters that names and arguments do not have (bad_request).
    """
    path = str(request.directory)
    if not request.directory.is_absolute() or not path.isprintable() or ".." in request.directory.parts:
        detail = f"The attempt's directory {path[:200]!r} is no plain absolute path."
        raise failure(Failure.BAD_REQUEST, detail, "Choose a state directory without odd characters.")
    for value in (request.name, request.partition, request.reservation):
        if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.,+-]{0,127}", value):
            raise failure(Failure.BAD_REQUEST, f"{value[:80]!r} cannot be the name of a job or partition.")
    for value in request.extra:
        if not re.fullmatch(r"--[a-z][a-z-]*(=[ -~]*)?", value):
            detail = f"{value[:80]!r} is not of the form --name or --name=value."
            raise failure(Failure.BAD_REQUEST, detail, "Correct `sbatch` in [cluster.slurm].")
    return request


def sbatch_argv(request: Request, program: str = "sbatch") -> tuple[str, ...]:
    """The command that submits a request; the script is its input."""
    memory = math.ceil(request.memory_mb * MEMORY_MARGIN) + LAUNCHER_MB
    given = {
        "--partition": request.partition,
        "--reservation": request.reservation,
        "--job-name": request.name,
        "--comment": request.name,
        "--time": str(math.ceil((request.time_s + MARGIN_S) / 60)) if request.time_s else "",
        "--mem": f"{memory}M" if request.memory_mb else "",
        "--nice": str(request.nice) if request.nice else "",
        "--chdir": str(request.directory),
        "--output": str(request.directory / OUTPUT_FILE).replace("%", "%%"),
    }
    named = tuple(f"{name}={value}" for name, value in given.items() if value)
    fixed = ("--parsable", "--no-requeue", "--nodes=1", "--ntasks=1", f"--cpus-per-task={request.cores}")
    return (program, *fixed, "--open-mode=append", *named, *request.extra)


def script(launcher: Sequence[str], launch: PurePosixPath, setup: Sequence[str] = ()) -> bytes:
    """The script: lines of the configuration, then the launcher with the path of its file.

    Args:
        launcher: interpreter and launcher as the nodes see them.
        launch: `launch.json` of the attempt as the nodes see it.
        setup: lines such as `module load ...`, from the configuration only.
    """
    command = shlex.join([*launcher, str(launch)])
    return "\n".join(["#!/bin/bash", "umask 022", *setup, f"exec {command}", ""]).encode()


def job_number(stdout: str) -> int | None:
    """The number in what `sbatch --parsable` prints, or None; greetings of a login are passed over."""
    found = _JOB_NUMBER.findall(stdout)
    return int(found[-1]) if found else None
