"""XDS by its checker, on one small simulated scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from beampace.core.ports import RecordedProgress
from beampace.engines.xds import XdsEngine, XdsInstallation
from beampace.simulate.files import write_dataset
from beampace.simulate.groups import group_scenario
from beampace.simulate.options import WriteOptions
from beampace.simulate.simulation import simulate_scan
from beampace.work import Finished, ProcessOptions, process
from tests.support.xds_checker.install import install


@dataclass(frozen=True)
class Scan:
    """A simulated scan: its master, and the prefix of its truth."""

    master: Path
    truth: Path


def simulated(
    directory: Path, name: str = "P43212", *, degrees: float = 20.0, per_file: int = 1000, **changes
) -> Scan:
    """A rotation of a standard crystal, or a changed one, with its truth beside it."""
    scenario = replace(group_scenario(name, degrees=degrees), **changes)
    made = simulate_scan(scenario)
    options = WriteOptions(images_per_file=per_file)
    master = write_dataset(made.dataset, made.mask, made.frames, directory, options)
    truth = directory / scenario.name
    made.truth.write(truth)
    return Scan(master, truth)


@dataclass
class Ran:
    """A finished process, the engine's directory, and what the progress was told."""

    finished: Finished
    place: Path
    progress: RecordedProgress

    @property
    def code(self) -> str:
        """Of the verdict."""
        return self.finished.result.verdict.code

    def runs(self, step: str) -> int:
        """How often XDS was started with a step."""
        return sum(step in name.split() for name, _ in self.progress.stages)


def run_xds(scan: Scan, where: Path, fail: str = "", *, stock: bool = False, **options) -> Ran:
    """Process a scan with the checker.

    Args:
        scan: it.
        where: directory to make.
        fail: how steps are to end, see `xds_checker.failures`.
        stock: a single run of all steps.
        options: of `process`.
    """
    engine = installed(where / "bin", scan, fail, stock=stock)
    progress = RecordedProgress()
    wanted = ProcessOptions(scan.master, engine=engine.name, out=where / "out", patience_s=0.0, **options)
    finished = process(wanted, {engine.name: engine}, progress)
    return Ran(finished, where / "out" / f"{engine.name}_1", progress)


def installed(
    directory: Path, scan: Scan | None, fail: str = "", *, stock: bool = False, until: str = "31-Dec-2030"
) -> XdsEngine:
    """The engine with the checker in place of XDS; `until`: end of its licence."""
    variables = install(directory, scan.truth if scan else None, fail=fail, licensed_until=until)
    return XdsEngine(XdsInstallation(variables=variables), stock=stock)
