"""Running XDS: one XDS.INP, some steps, and the evidence of what came of each."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.engines import runner
from beampace.engines.xds.complaints import SILENT, Remedy, Told, gravest, told_in
from beampace.engines.xds.inp import NAME, Run, Situation, input_text
from beampace.engines.xds.installation import HOW_TO_GET, XdsInstallation

log = logging.getLogger("beampace.xds")

OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "XYCORR": ("X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf"),
    "INIT": ("BKGINIT.cbf", "BLANK.cbf", "GAIN.cbf"),
    "COLSPOT": ("SPOT.XDS",),
    "IDXREF": ("XPARM.XDS",),
    "DEFPIX": ("BKGPIX.cbf", "ABS.cbf"),
    "INTEGRATE": ("INTEGRATE.HKL",),
    "CORRECT": ("XDS_ASCII.HKL",),
}
"""What each step must leave (XDS documentation, xds_files)."""

ALSO: Mapping[str, tuple[str, ...]] = {"CORRECT": ("GXPARM.XDS",)}
"""What a step may leave; an old one must not be taken for it."""

PROGRESS = re.compile(r"PROCESSING OF IMAGES\s+(\d+)\s+\.\.\.\s+(\d+)")
SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a run.

    Attributes:
        step: at which it ended, the last one when all went well.
        failed: why it ended there, or None.
        told: every complaint, warnings among them.
        text: of the log of that step.
    """

    step: str
    failed: Told | None
    told: tuple[Told, ...]
    text: str

    def or_raise(self) -> Ended:
        """The same, when nothing failed.

        Raises:
            BeampaceError: the complaint's category.
        """
        if self.failed is not None:
            raise self.why()
        return self

    def why(self) -> BeampaceError:
        """The exception for what failed; of nothing, that the program did not do what it must."""
        return (self.failed or Told(SILENT, "nothing")).error(self.step)


@dataclass(slots=True)
class Program:
    """Runs XDS for one dataset.

    Attributes:
        installation, environment: where it is.
        progress: told the step, and asked whether to stop.
        timing: step -> seconds, all runs together.
        parameters: run -> keywords that were not the usual ones, for the record.
        told: every complaint so far.
    """

    installation: XdsInstallation
    environment: Mapping[str, str]
    progress: Progress
    timing: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def run(self, situation: Situation, run: Run, directory: Path) -> Ended:
        """Carry out a run in a directory; files that it would write are removed first.

        Raises:
            InfrastructureError: the program cannot be started or is killed, or the disk is full.
            Cancelled: `progress.check` said so.
        """
        self.progress.check()
        self.progress.stage(f"XDS {' '.join(run.jobs)}", run.images[1] - run.images[0] + 1)
        _clear(run, directory)
        text = input_text(situation, run)
        _write(directory / NAME, text)
        done = self._execute(run, directory)
        ended = _evidence(run, directory, done)
        self.parameters[_name(run, directory)] = _said(run)
        self.told += [told for told in ended.told if told not in self.told]
        if ended.failed is not None:
            log.info("%s: %s: %s", ended.step, ended.failed.complaint.name, ended.failed.line)
        return ended

    def insist(self, situation: Situation, run: Run, directory: Path) -> Ended:
        """`run`, and once more where that may help: a file that was late in coming on a busy file system.

        Raises:
            BeampaceError: as `run`; it failed twice, or for another reason.
        """
        ended = self.run(situation, run, directory)
        if ended.failed is not None and Remedy.AGAIN in ended.failed.complaint.remedies:
            self.progress.note(f"{ended.step} for the second time: {ended.failed.complaint.words}")
            ended = self.run(situation, run, directory)
        return ended.or_raise()

    def _execute(self, run: Run, directory: Path) -> runner.Outcome:
        program = self.installation.path(self.environment)
        number = sum(1 for _ in directory.glob("xds.*.out.txt")) + 1
        place, started = directory / f"xds.{number}.out.txt", time.monotonic()
        log.info("%s in %s", " ".join(run.jobs), directory.name)
        try:
            done = runner.run(
                (program,), self.environment, directory, place, self._counter(run), self.progress.check
            )
        except OSError as error:
            raise failure(
                Failure.ENGINE_MISSING, f"{program} cannot be started: {error}.", HOW_TO_GET
            ) from error
        seconds = time.monotonic() - started
        key = "_".join(run.jobs).lower()
        self.timing[key] = self.timing.get(key, 0.0) + seconds
        if done.returncode == -SIGKILL:
            raise failure(
                Failure.OUT_OF_MEMORY, "xds_par was killed, as the system does when memory is short."
            )
        return done

    def _counter(self, run: Run) -> Callable[[str], None]:
        def count(line: str) -> None:
            found = PROGRESS.search(line)
            if found:
                self.progress.advance(int(found[2]) - run.images[0] + 1)

        return count


def _clear(run: Run, directory: Path) -> None:
    for step in run.jobs:
        for name in (f"{step}.LP", *OUTPUTS[step], *ALSO.get(step, ())):
            (directory / name).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except UnicodeEncodeError as error:
        raise failure(
            Failure.BAD_REQUEST, f"XDS reads plain letters only, not those of {error.object[:200]!r}."
        ) from error


def _evidence(run: Run, directory: Path, done: runner.Outcome) -> Ended:
    """Go through the steps until one has not left what it must, or complains."""
    told: tuple[Told, ...] = ()
    text = ""
    for step in run.jobs:
        text = _read(directory / f"{step}.LP")
        said = told_in(text)
        told += said
        lost = [name for name in OUTPUTS[step] if not (directory / name).is_file()]
        if lost or gravest(said) is not None:
            # The plug-in speaks on the terminal, before XDS complains that it has no frame.
            spoken = (*told_in(done.text), *said)
            failed = gravest(spoken) or _silent(lost, done)
            return Ended(step, failed, (*told, *spoken), text)
    return Ended(run.jobs[-1], None, told, text)


def _silent(lost: list[str], done: runner.Outcome) -> Told:
    last = next((line for line in reversed(done.text.splitlines()) if line.strip()), "nothing")
    how = f", exit {done.returncode}" if done.returncode else ""
    return Told(SILENT, f"no {', '.join(lost)}{how}; its last words: {' '.join(last.split())[:200]}")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _name(run: Run, directory: Path) -> str:
    return f"{directory.name}: {' '.join(run.jobs)}"


def _said(run: Run) -> tuple[str, ...]:
    jobs, processors = run.parallel
    kept = (f"images={run.images[0]}:{run.images[1]}", f"jobs={jobs}", f"processors={processors}")
    limit = (f"d_min={run.d_min:g}",) if run.d_min else ()
    group = (f"space_group={run.group}", f"cell={run.cell}") if run.group else ()
    return (*kept, *limit, *group, *(f"{key}={value}" for key, value in run.more.items()))
