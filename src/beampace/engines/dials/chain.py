"""A chain of programs: each step runs once per set of arguments and inputs, and is never done twice."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.engines import runner
from beampace.engines.dials import diagnosis, expt
from beampace.engines.dials.installation import HOW_TO_GET, DialsInstallation
from beampace.engines.dials.session import Session

log = logging.getLogger("beampace.dials")

Key = tuple[str, ...]

LEARNED = "frames.npz"
"""What `inside.host` leaves when frames are read our way."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was carried out: its outputs, what it wrote and how long it took."""

    outputs: tuple[Path, ...]
    text: str

    @property
    def pair(self) -> tuple[Path, Path]:
        """The experiment list and the reflection table a step left, its first two outputs."""
        return (self.outputs[0], self.outputs[1])


@dataclass(slots=True)
class Memory:
    """Steps done so far for one dataset; a second try takes over what it would only repeat.

    Attributes:
        steps: what was done, by name, arguments and inputs.
        timing: seconds spent per step, all tries together.
        distance: of the detector in mm, as the known cell asks for it; None when it does not.
    """

    steps: dict[Key, Done] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What `Chain.run` was asked, all options in `arguments`."""

    name: str
    inputs: tuple[Path, ...]
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    count: re.Pattern[str] | None
    session: Callable[[], Mapping[str, object]]

    @property
    def program(self) -> str:
        """Name of the program."""
        return "dials." + self.name.split(".")[0]

    def words(self, directory: Path) -> list[str]:
        """What follows the program's name."""
        return [*(plain_path(path, directory) for path in self.inputs), *self.arguments]


@dataclass(slots=True)
class Chain:
    """Runs steps in one directory.

    Attributes:
        installation, environment: where the programs are.
        directory: where they write.
        progress: told the stage, and asked whether to stop.
        memory: steps done by earlier tries.
        parameters: step -> arguments, of the steps this chain used.
        session: one process for all steps; None to start a program for each.
        again: whether a step that crashes in the session is done once more as a program of its own.
    """

    installation: DialsInstallation
    environment: Mapping[str, str]
    directory: Path
    progress: Progress
    memory: Memory
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    session: Session | None = None
    again: bool = True

    def run(
        self,
        name: str,
        inputs: tuple[Path, ...],
        arguments: tuple[str, ...],
        outputs: tuple[str, ...],
        *,
        extra: tuple[str, ...] = (),
        total: int = 0,
        count: re.Pattern[str] | None = None,
        session: Callable[[], Mapping[str, object]] = dict,
    ) -> Done:
        """Run `dials.<program>` unless it was run before with the same arguments and inputs.

        Args:
            name: of the step: the program's name, or program and number (`index.2`).
            inputs: files it reads.
            arguments: options that have an influence on the result.
            outputs: files it must leave in the directory.
            extra: options without influence on the result, such as the number of processes.
            total: frames of the stage, for the progress.
            count: pattern of lines that mean one frame more.
            session: what else a session is told, where there is one.

        Raises:
            BeampaceError: the step failed, as `diagnosis` says, or was cancelled.
        """
        self.parameters[name] = arguments
        key = (name, *arguments, *map(str, inputs))
        if key not in self.memory.steps:
            self.progress.check()
            self.progress.stage(name.replace("_", " "), total)
            step = _Step(name, inputs, (*arguments, *extra), outputs, count, session)
            self.memory.steps[key] = self._execute(step)
        return self.memory.steps[key]

    def edit(self, name: str, source: Path, change: Callable[[expt.Expt], expt.Expt]) -> Path:
        """Write a changed copy `<name>.expt` of an experiment list, once."""
        key = (f"edit {name}", str(source))
        if key not in self.memory.steps:
            target = self.directory / f"{name}.expt"
            expt.write_expt(target, change(expt.read_expt(source)))
            self.memory.steps[key] = Done((target,), "")
        return self.memory.steps[key].outputs[0]

    def learn(self, experiments: Path, known: Path | None = None) -> None:
        """Let the session read frames our way, where that gives what DIALS reads.

        Args:
            experiments: they belong to.
            known: what was learned of other frames of the same scan, to be confirmed only.
        """
        if self.session is None or self.session.learned == experiments:
            return
        self.session.learned = experiments
        order = {
            "learn": str(experiments),
            "known": str(known) if known else "",
            "directory": str(self.directory),
        }
        outcome = self.session.run(order, self.directory / "learn.out.txt", self.progress.check)
        self._spent("learn", outcome.seconds)
        if outcome.returncode:
            log.warning("frames are read by dxtbx, see learn.out.txt")
        elif not (self.directory / LEARNED).exists():
            log.warning("frames are read by dxtbx: it gives other pixels than we would")

    def adopt(self, learned: Path | None) -> None:
        """Let the session read frames as another learned it of the very same ones."""
        if self.session is not None and learned is not None:
            order = {"adopt": str(learned), "directory": str(self.directory)}
            self.session.run(order, self.directory / "learn.out.txt", self.progress.check)

    def _execute(self, step: _Step) -> Done:
        """Carry out a step; one that crashes in the session, which takes shortcuts, is done again without."""
        if self.session is not None:
            done = self._carried_out(step, self._in_session)
            if isinstance(done, Done) or done.code is not Failure.ENGINE_FAILED or not self.again:
                return _or_raise(done)
            log.warning("%s: once more as a program of its own", step.name)
            self.session.close()
            self.session = None
        return _or_raise(self._carried_out(step, self._as_program))

    def _carried_out(self, step: _Step, by: Callable[[_Step], runner.Outcome]) -> Done | BeampaceError:
        log.info("%s: %s %s", step.name, step.program, " ".join(step.words(self.directory)))
        outcome = by(step)
        log.info("%s: ended with %d after %.1f s", step.name, outcome.returncode, outcome.seconds)
        self._spent(step.name, outcome.seconds)
        paths = tuple(self.directory / output for output in step.outputs)
        if outcome.returncode == 0 and all(path.exists() for path in paths):
            return Done(paths, outcome.text)
        found = diagnosis.diagnose(step.name.split(".")[0], outcome.returncode, outcome.text)
        log.info("%s: %s: %s", step.name, found.code, found.detail)
        return found.error()

    def _as_program(self, step: _Step) -> runner.Outcome:
        return runner.run(
            (self._path_of(step.program), *step.words(self.directory)),
            self.environment,
            self.directory,
            self.directory / f"{step.name}.out.txt",
            self._counter(step.count),
            self.progress.check,
        )

    def _in_session(self, step: _Step) -> runner.Outcome:
        if self.session is None:
            raise ValueError("there is no session")
        order: dict[str, object] = {
            "program": step.program,
            "directory": str(self.directory),
            "arguments": step.words(self.directory),
            **step.session(),
        }
        log_file = self.directory / f"{step.name}.out.txt"
        return self.session.run(order, log_file, self.progress.check, self._counter(step.count))

    def _spent(self, name: str, seconds: float) -> None:
        self.memory.timing[name] = self.memory.timing.get(name, 0.0) + seconds

    def _counter(self, pattern: re.Pattern[str] | None) -> Callable[[str], None]:
        done = 0

        def count(line: str) -> None:
            nonlocal done
            if pattern is not None and pattern.match(line):
                done += 1
                self.progress.advance(done)

        return count

    def _path_of(self, program: str) -> str:
        path = self.installation.find(program, self.environment)
        if path is None:
            raise failure(Failure.ENGINE_MISSING, f"{program} is not on PATH.", HOW_TO_GET)
        return path


def _or_raise(done: Done | BeampaceError) -> Done:
    if isinstance(done, BeampaceError):
        raise done
    return done


def plain_path(path: Path, directory: Path) -> str:
    """A path as a program whose working directory is `directory` may be given it.

    DIALS takes an argument with `=` in it for a definition and one with a leading `-` for an option;
    the names of the directories above, which the user chose, are therefore left out.
    """
    # The program's `..` leads to the true parent of its directory, not to that of a symbolic link.
    name = path.parent.resolve() / path.name
    return f"./{os.path.relpath(name, directory.resolve())}"
