"""CORRECT with the warnings that the switch asks for."""

from __future__ import annotations

import re

from tests.support.xds_checker import failures
from tests.support.xds_checker.correct import correct
from tests.support.xds_checker.log import Log
from tests.support.xds_checker.run import Run

_ISA = re.compile(r"(^ +a +b +ISa\n).*$", re.MULTILINE)
_NOT_REFINED = r"\g<1>   4.000E+00  1.000E-04   50.00"


def corrected(run: Run, log: Log) -> None:
    """The step: CORRECT.LP, XDS_ASCII.HKL, and GXPARM.XDS unless the refinement is not to be accepted."""
    refused = failures.due("CORRECT", "refinement_not_accepted")
    if failures.due("CORRECT", "no_acceptable_group"):
        log.say(*failures.NO_GROUP, "")
    correct(run.inp.keywords, run.directory, log)
    if refused:
        log.say(*failures.NOT_ACCEPTED, "")
    log.times()
    if refused:
        log.close()
        (run.directory / "GXPARM.XDS").unlink(missing_ok=True)
        log.path.write_text(_ISA.sub(_NOT_REFINED, log.path.read_text()))
