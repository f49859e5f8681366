"""The programs: xds_par and xds, and the tasks that forkxds starts."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from tests.support.xds_checker import failures
from tests.support.xds_checker.grammar import Inp, Refused, check_inp, read_inp
from tests.support.xds_checker.log import LABEL, Log, StepError, heading, tell
from tests.support.xds_checker.steps import STEPS, Run


def main(name: str) -> int:
    """Run a program by its name in the current directory; XDS's exit status says nothing."""
    directory = Path.cwd()
    if name.startswith("m"):
        from tests.support.xds_checker.tasks import run_task

        return run_task(name, directory)
    if not _banner():
        return 0
    try:
        inp = read_inp(directory / "XDS.INP")
    except Refused as error:
        tell(f" !!! ERROR !!! {error}")
        return 0
    try:
        check_inp(inp)
    except Refused as error:
        _refused(inp, directory, str(error))
        return 0
    run = Run(inp, directory, parallel=name.endswith("_par"))
    for step in inp.jobs:
        if not _carried_out(step, run):
            break
    return 0


def _banner() -> bool:
    """The first lines; False when the licence has run out."""
    tell("", heading("XDS"), " Author: Wolfgang Kabsch")
    until = os.environ.get("XDS_CHECKER_LICENSED_UNTIL", "31-Dec-2030")
    expired = datetime.strptime(until, "%d-%b-%Y").date() < datetime.now().date()
    if expired or failures.due("XDS", "licence_expired"):
        tell(f" Sorry, license expired {until if expired else '30-Sep-2025'}", LABEL)
        return False
    tell(f" Copy licensed until {until} to{LABEL}", "")
    return True


def _refused(inp: Inp, directory: Path, words: str) -> None:
    """What is wrong with XDS.INP as a whole is said by the first step."""
    log = Log(inp.jobs[0], directory)
    log.fail(words)
    log.close()


def _carried_out(step: str, run: Run) -> bool:
    log = Log(step, run.directory)
    try:
        failures.at_start(step, run.inp)
        STEPS[step](run, log)
    except StepError as error:
        log.fail(str(error))
        return False
    finally:
        log.close()
    return True
