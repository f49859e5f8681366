"""Running XDS: one XDS.INP, some steps, and the evidence of what came of each."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.engines import runner
from beampace.engines.xds.complaints import SILENT, Remedy, Told, gravest, told_in
from beampace.engines.xds.inp import NAME, Run, Situation, input_text
from beampace.engines.xds.installation import HOW_TO_GET, XdsInstallation
from beampace.engines.xds.lp_text import ended
from beampace.engines.xds.wedges import END_OF_DATA

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
        came = _evidence(run, directory, done)
        self.parameters[self._free_name(run, directory)] = _said(run)
        self._keep(came.told)
        if came.failed is not None:
            log.info("%s: %s: %s", came.step, came.failed.complaint.name, came.failed.line)
        return came

    def insist(self, situation: Situation, run: Run, directory: Path) -> Ended:
        """`run`, and once more where that may help: a file that was late in coming on a busy file system.

        Raises:
            BeampaceError: as `run`; it failed twice, or for another reason.
        """
        came = self.run(situation, run, directory)
        if came.failed is not None and Remedy.AGAIN in came.failed.complaint.remedies:
            self.progress.note(f"{came.step} for the second time: {came.failed.complaint.words}")
            came = self.run(situation, run, directory)
        return came.or_raise()

    def absorb(self, other: Program) -> None:
        """Take over what another one spent, was told and was asked for the same dataset."""
        for step, seconds in other.timing.items():
            self.timing[step] = self.timing.get(step, 0.0) + seconds
        self.parameters.update(other.parameters)
        self._keep(other.told)

    def _keep(self, told: Iterable[Told]) -> None:
        self.told += [one for one in told if one not in self.told]

    def _free_name(self, run: Run, directory: Path) -> str:
        """Directory and steps, and which time."""
        name = f"{directory.name}: {' '.join(run.jobs)}"
        times = sum(known == name or known.startswith(f"{name} (") for known in self.parameters)
        return f"{name} ({times + 1})" if times else name

    def _execute(self, run: Run, directory: Path) -> runner.Outcome:
        program = self.installation.path(self.environment)
        number = sum(1 for _ in directory.glob("xds.*.out.txt")) + 1
        place = directory / f"xds.{number}.out.txt"
        log.info("%s in %s", " ".join(run.jobs), directory.name)
        try:
            done = runner.run(
                (program,), self.environment, directory, place, self._counter(run), self.progress.check
            )
        except OSError as error:
            raise failure(
                Failure.ENGINE_MISSING, f"{program} cannot be started: {error}.", HOW_TO_GET
            ) from error
        key = "_".join(run.jobs).lower()
        self.timing[key] = self.timing.get(key, 0.0) + done.seconds
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
    """Go through the steps until one complains or has not left what it must.

    What is said on the terminal counts, too: the plug-in and the run-time system speak there only.
    """
    spoken = told_in(done.text)
    told: tuple[Told, ...] = ()
    text = ""
    for step in run.jobs:
        text = _read(directory / f"{step}.LP")
        said = told_in(text, step)
        told += said
        wanting = _wanting(step, directory, text)
        if wanting or gravest(said) is not None:
            failed = gravest((*spoken, *said)) or _silent(wanting, done)
            return Ended(step, failed, (*told, *spoken), text)
    if gravest(spoken) is not None or done.returncode < 0:
        failed = gravest(spoken) or _silent("its end", done)
        return Ended(run.jobs[-1], failed, (*told, *spoken), text)
    return Ended(run.jobs[-1], None, told, text)


def _wanting(step: str, directory: Path, text: str) -> str:
    """What a step has not left whole, or ""."""
    paths = [directory / name for name in OUTPUTS[step]]
    lost = [path.name for path in paths if not path.is_file()]
    if lost:
        return ", ".join(lost)
    if not ended(text.splitlines()):
        return f"end of {step}.LP"
    cut = [path.name for path in paths if path.suffix == ".HKL" and not _has_end(path)]
    return f"end of {', '.join(cut)}" if cut else ""


def _has_end(path: Path) -> bool:
    """Whether a table of reflections has its last line."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 200))
        return END_OF_DATA.encode() in file.read()


def _silent(wanting: str, done: runner.Outcome) -> Told:
    last = next((line for line in reversed(done.text.splitlines()) if line.strip()), "nothing")
    how = f", exit {done.returncode}" if done.returncode else ""
    return Told(SILENT, f"no {wanting}{how}; its last words: {' '.join(last.split())[:200]}")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _said(run: Run) -> tuple[str, ...]:
    jobs, processors = run.parallel
    kept = (f"images={run.images[0]}:{run.images[1]}", f"jobs={jobs}", f"processors={processors}")
    limit = (f"d_min={run.d_min:g}",) if run.d_min else ()
    group = (f"space_group={run.group}", f"cell={run.cell}") if run.group else ()
    return (*kept, *limit, *group, *(f"{key}={value}" for key, value in run.more.items()))
