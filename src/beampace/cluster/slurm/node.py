"""What a node needs to run an attempt: its directory, opened to the account, and the launcher beside it."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from beampace.cluster import launcher
from beampace.cluster.launcher import LAUNCH, Launch
from beampace.cluster.slurm.script import script
from beampace.core.job import Resources
from beampace.core.ports import JobSpec
from beampace.results.acl import hands_on, set_own_mode
from beampace.results.below import opened_directory, write_below


def same_place(path: Path) -> PurePosixPath:
    """The view of a node that sees everything where this machine does."""
    return PurePosixPath(path)


@dataclass(frozen=True, slots=True)
class NodeSide:
    """How things are on a node.

    Attributes:
        python: an interpreter there, 3.9 or later, for the launcher.
        program: what stands there for this machine's interpreter in the jobs' command lines; in a container
            it is the container's.
        setup: lines of bash before the launcher, from the configuration only (`module load ...`). One that
            fails is named in `slurm.txt`; a launcher that cannot be started is, too.
        view: a path of this machine as a node sees it.
        other_account: whether jobs run as another account than this process, so that an attempt's directory
            is opened to it (mode 1777: everybody may add files, nobody replace somebody else's).
        grace_s: seconds a cancelled program has between SIGTERM and SIGKILL; below Slurm's `KillWait`.
        scratch: directories of a node; the first with `scratch_mb` megabytes free holds the program's TMPDIR.
        scratch_mb: megabytes that must be free there.
        container: image in which the program runs, as a node sees it, or "". The launcher stays outside.
        container_args: what `apptainer exec` is told besides: everything the program needs must be bound,
            such as the beamtime (`--bind`, `/beamline`), beampace's directories and `scratch`.
        apptainer: the program that runs containers on a node.
    """

    python: str = sys.executable
    program: tuple[str, ...] = (sys.executable,)
    setup: tuple[str, ...] = ()
    view: Callable[[Path], PurePosixPath] = same_place
    other_account: bool = True
    grace_s: float = 10.0
    scratch: tuple[str, ...] = ()
    scratch_mb: int = 0
    container: str = ""
    container_args: tuple[str, ...] = ()
    apptainer: str = "apptainer"

    def launch_of(self, spec: JobSpec) -> Launch:
        """What the launcher on a node is told."""
        return Launch(
            name=spec.name,
            argv=list(self.argv(spec)),
            environment=dict(spec.environment),
            time_s=spec.resources.time_s,
            memory_mb=spec.resources.memory_mb,
            cores=spec.resources.cores,
            grace_s=self.grace_s,
            scratch=list(self.scratch),
            scratch_mb=self.scratch_mb,
        )

    def argv(self, spec: JobSpec) -> tuple[str, ...]:
        """The command line as a node understands it: its own interpreter, its own name of the directory."""
        here, there = spec.directory.absolute(), self.view(spec.directory.absolute())

        def seen(word: str) -> str:
            inside = word.startswith("/") and Path(word).is_relative_to(here)
            return str(there / Path(word).relative_to(here)) if inside else word

        first, *rest = spec.argv
        start = self.program if first == sys.executable else (seen(first),)
        return (*self._container(), *start, *map(seen, rest))

    def _container(self) -> tuple[str, ...]:
        return (self.apptainer, "exec", *self.container_args, self.container) if self.container else ()

    def script(self, launcher_file: Path, directory: Path) -> bytes:
        """The job script of an attempt."""
        command = (self.python, "-I", "-S", str(self.view(launcher_file)))
        return script(command, self.view(directory) / LAUNCH, self._before())

    def step(self, launcher_file: Path, directory: Path) -> tuple[str, ...]:
        """The command of a step: what the script does, with the paths as arguments of fixed text.

        They are put aside before the lines of the configuration: what those read in may look at arguments.
        """
        text = ('beampace=("$@")', "set --", "umask 022", *self._before(), 'exec "${beampace[@]}"')
        launch = str(self.view(directory) / LAUNCH)
        start = (self.python, "-I", "-S", str(self.view(launcher_file)), launch)
        return ("/bin/bash", "-c", "\n".join(text), "bash", *start)

    def _before(self) -> tuple[str, ...]:
        """Lines of bash before the launcher: those of the configuration, among some that say what fails."""
        where = "${SLURMD_NODENAME:-$HOSTNAME}"
        failed = f'echo "beampace: a line of setup ended with $? on {where}: $BASH_COMMAND" >&2'
        hint = shlex.quote(f"Correct python ({self.python}) or setup in [cluster.slurm].")
        ended = f'echo "beampace: exit $? on {where}, and the launcher was not started." {hint} >&2'
        python = shlex.quote(self.python)
        return (
            f"trap {shlex.quote(ended)} EXIT",
            f"trap {shlex.quote(failed)} ERR",
            *self.setup,
            "trap - ERR",
            f"command -v -- {python} >/dev/null || exit 127",  # after an exec that fails bash runs no trap
        )


def put_launcher(directory: Path) -> Path:
    """Put the launcher where nodes can read it, under a name that changes with its content.

    Raises:
        OSError: it cannot be written.
    """
    content = Path(launcher.__file__).read_bytes()
    path = directory / f"launcher-{hashlib.sha256(content).hexdigest()[:12]}.py"
    if not path.exists():
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    return path


def write_launch(directory: Path, launch: Launch, *, other_account: bool) -> None:
    """Write `launch.json`, and open the attempt's directory to the account that runs it.

    Where it has an access list that names the account, its mode lets that one in, else everybody; nobody
    replaces somebody else's files. No symbolic link in it is followed.

    Raises:
        InfrastructureError: it cannot be written (not_writable, disk_full).
        OSError: it cannot be opened.
    """
    write_below(directory.parent, f"{directory.name}/{LAUNCH}", json.dumps(launch._asdict()) + "\n")
    if not other_account:
        return
    with opened_directory(directory.parent) as room, opened_directory(directory.name, room) as handle:
        listed = hands_on(handle)
        for name in os.listdir(handle):  # noqa: PTH208 - of a handle
            if name.endswith(".json"):
                set_own_mode(handle, name, 0o640 if listed else 0o644)
        os.fchmod(handle, 0o1770 if listed else 0o1777)


def asked_for(directory: Path) -> Resources:
    """What the attempt of a `launch.json` may use; the least when it cannot be read."""
    try:
        launch = Launch(**json.loads((directory / LAUNCH).read_bytes()))
        return Resources(int(launch.cores), int(launch.memory_mb), int(launch.time_s))
    except (OSError, ValueError, TypeError):
        return Resources()
