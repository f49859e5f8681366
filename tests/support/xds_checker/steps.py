"""The steps by name; what they need is loaded when they run."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from tests.support.xds_checker.log import Log, StepError
from tests.support.xds_checker.run import Run


def xycorr(run: Run, log: Log) -> None:
    """Spatial corrections; XDS.INP is all it needs."""
    nx, ny = run.geometry.size
    log.say(f" DETECTOR= {run.inp.word('DETECTOR')}  NX= {nx} NY= {ny}", " NO SPATIAL CORRECTIONS")
    run.place_holder("X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf")
    log.times()


def init(run: Run, log: Log) -> None:
    """The background, from BACKGROUND_RANGE, by default the first five degrees."""
    run.need("X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf")
    first, last = run.inp.data_range
    five = max(1, round(5.0 / run.geometry.width))
    given = run.inp.pairs("BACKGROUND_RANGE") or ((first, min(last, first + five - 1)),)
    low, high = (int(value) for value in given[-1])
    run.images.check(low, high)
    log.say(f" BACKGROUND_RANGE= {low:7d} {high:7d}", f" NUMBER OF GOOD PIXELS {run.images.mask.size:12d}")
    log.say(" MEAN GAIN VALUE                                 1.00")
    log.say(" AVERAGE BACKGROUND COUNTS IN A DATA IMAGE PIXEL     0.500")
    run.place_holder("BKGINIT.cbf", "BLANK.cbf", "GAIN.cbf")
    log.times()


def defpix(run: Run, log: Log) -> None:
    """The trusted pixels."""
    run.need("X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf", "BKGINIT.cbf", "XPARM.XDS")
    given = run.inp.pairs("VALUE_RANGE_FOR_TRUSTED_DETECTOR_PIXELS") or ((6000.0, 30000.0),)
    low, high = given[-1]
    log.say(f" VALUE_RANGE_FOR_TRUSTED_DETECTOR_PIXELS= {low} {high}")
    run.place_holder("BKGPIX.cbf", "ABS.cbf")
    log.times()


def xplan(run: Run, log: Log) -> None:
    """A strategy, which the checker does not make."""
    run.need("BKGPIX.cbf", "XPARM.XDS", "X-CORRECTIONS.cbf", "Y-CORRECTIONS.cbf")
    log.say(" THE CHECKER MAKES NO PLAN")
    log.times()


def correct(run: Run, log: Log) -> None:
    """Scaling and symmetry: written by others, from INTEGRATE.HKL, XPARM.XDS and the keywords."""
    from tests.support.xds_checker.corrected import corrected

    run.need("INTEGRATE.HKL")
    corrected(run, log)


def _later(module: str, name: str) -> Callable[[Run, Log], None]:
    def step(run: Run, log: Log) -> None:
        loaded = importlib.import_module(f"tests.support.xds_checker.{module}")
        getattr(loaded, name)(run, log)

    return step


STEPS: dict[str, Callable[[Run, Log], None]] = {
    "XYCORR": xycorr,
    "INIT": init,
    "COLSPOT": _later("colspot", "colspot"),
    "IDXREF": _later("idxref", "idxref"),
    "DEFPIX": defpix,
    "XPLAN": xplan,
    "INTEGRATE": _later("integrate", "integrate"),
    "CORRECT": correct,
}

__all__ = ["STEPS", "Run", "StepError"]
