"""What attempts cost by a real Slurm's own figures: with accounting, and from queue and log without it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm import HeldSettings, SshSettings, SshTransport
from beampace.cluster.slurm.charges import LONGEST_S, Charges
from beampace.cluster.slurm.held import HOLD, hold_argv, step_argv
from beampace.cluster.slurm.queue import CommandQueue
from beampace.cluster.slurm.script import Request, sbatch_argv
from beampace.core.job import Resources
from tests.support.slurm_lab import GROUP, running_lab, slurm_lab, wait_for_state
from tools.lab.lab import Lab
from tools.lab.plan import EXCLUSIVE, SHARED, Plan

pytestmark = pytest.mark.xdist_group(GROUP)
__all__ = ["slurm_lab"]

HELD = "bph-0123456789abcdef"
WORK_S = 2
PATIENCE_S = 60.0
LESS_S, MORE_S = 1.0, 2.5
"""Slurm counts whole seconds, and more than the script sees: from its own begin of a job to its own end."""
SCRIPT = 'date +%s.%N >"$1"; sleep "$2"; date +%s.%N >>"$1"'


class Site:
    """A queue as the beamtime user sees it, and jobs and steps that note when they began and ended."""

    def __init__(self, lab: Lab, root: Path, log: str = "") -> None:
        self.lab, self.root = lab, root
        address = f"{lab.ssh_host}:{lab.ssh_port}"
        self.granted = OnlineResources(lab.user, lab.key(lab.user), lab.reservation, SHARED, (address,))
        self.transport = SshTransport(lambda: self.granted, SshSettings(lab.known_hosts))
        self.queue = CommandQueue(self.transport, log=log)

    def job(self, name: str, partition: str = SHARED, work_s: int = WORK_S) -> str:
        """Submit a job of three cores; its native id."""
        request = Request(name, PurePosixPath("/tmp"), 3, 200, 300, 0, partition, self.lab.reservation)
        argv = [word for word in sbatch_argv(request) if not word.startswith("--output=")]
        script = f"#!/bin/bash\nset -- {self.root / name} {work_s}\n{SCRIPT}\n"
        number = self.queue.sbatch((*argv, "--output=/dev/null"), script.encode())
        return f"slurm:{self.lab.user}:{number}:{name}"

    def hold(self) -> int:
        """An allocation of four cores that is held and runs."""
        argv = hold_argv(HELD, self.granted, HeldSettings(1, 4, 2000, 600), ())
        number = self.queue.sbatch(argv, HOLD)
        wait_for_state(self.lab, str(number), "RUNNING")
        return number

    def step(self, job: int, name: str, work_s: int = WORK_S) -> str:
        """Start a step of two cores; its native id, which holds its name only."""
        command = ("/bin/bash", "-c", SCRIPT, "sh", str(self.root / name), str(work_s))
        where = PurePosixPath(self.root)
        argv = step_argv(job, name, Resources(cores=2, memory_mb=200, time_s=300), where, command)
        self.queue.start_step(argv, where / "srun.txt")
        return f"slurm:{self.lab.user}:0:{name}"

    def seconds(self, native: str) -> float:
        """Wait for the end of a job or step: how long it ran, by its own notes."""
        began, ended = until(lambda: self._notes(native))
        return ended - began

    def _notes(self, native: str) -> list[float]:
        path = self.root / native.split(":")[3]
        words = path.read_text().split() if path.exists() else []
        return [float(word) for word in words] if len(words) == 2 else []

    def by_queue(self, native: str) -> float | None:
        """What follows from one answer of the queue alone."""
        charges = Charges()
        charges.absorb({**self.queue.jobs(self.lab.user), **self.queue.steps(self.lab.user)})
        return charges.of([native]).get(native)

    def by_history(self, native: str) -> float | None:
        """What follows from one answer of accounting or log; of the queue only the allocations are known."""
        now = [0.0]
        charges = Charges(lambda: now[0])
        charges.absorb({HELD: self.queue.jobs(self.lab.user).get(HELD, ())})
        charges.of([native])
        now[0] += LONGEST_S
        charges.absorb_history(self.queue.history(self.lab.user, charges.to_ask()))
        return charges.of([native]).get(native)

    def charged(self, look: Callable[[str], float | None], native: str) -> float:
        """A figure, once it is known."""
        return until(lambda: [cost] if (cost := look(native)) is not None else [])[0]


def until(look: Callable[[], list[float]]) -> list[float]:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)
    return found


@contextmanager
def site_of(lab: Lab, log: str = "") -> Iterator[Site]:
    root = Path(tempfile.mkdtemp(prefix="bp-charges-", dir="/tmp"))
    root.chmod(0o1777)
    site = Site(lab, root, log)
    try:
        yield site
    finally:
        lab.run(["scancel", "--quiet", f"--user={lab.user}"], check=False)
        site.transport.close()
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def accounting_lab() -> Iterator[Lab]:
    with running_lab(Plan(accounting=True, rest=False)) as lab:
        yield lab


@pytest.fixture
def accounted(accounting_lab: Lab) -> Iterator[Site]:
    with site_of(accounting_lab) as site:
        yield site


@pytest.fixture
def plain(slurm_lab: Lab) -> Iterator[Site]:
    with site_of(slurm_lab, log=str(slurm_lab.place.log / "jobcomp.txt")) as site:
        yield site


def slurms_product(lab: Lab, which: str) -> float:
    """Core-seconds of a job or step as Slurm multiplies them itself, once the accounting knows of some."""
    words = ["sacct", "--noheader", "--parsable2", f"--jobs={which}", "--format=JobIDRaw,CPUTimeRAW"]

    def product() -> list[float]:
        rows = dict(line.split("|") for line in lab.run(words).stdout.split())
        return [float(rows[which])] if float(rows.get(which, 0)) > 0 else []

    return until(product)[0]


def agree(core_seconds: float, cores: int, seconds: float) -> bool:
    return cores * (seconds - LESS_S) <= core_seconds <= cores * (seconds + MORE_S)


@pytest.mark.parametrize(("partition", "cores"), [(SHARED, 3), (EXCLUSIVE, 8)])
def test_a_job_is_charged_alike_by_queue_and_accounting(accounted: Site, partition: str, cores: int) -> None:
    native = accounted.job(f"bp-{partition}-1-0f", partition)
    seconds = accounted.seconds(native)
    by_queue = accounted.charged(accounted.by_queue, native)
    by_accounting = accounted.charged(accounted.by_history, native)
    assert agree(by_queue, cores, seconds), (by_queue, seconds)
    assert by_accounting == by_queue == slurms_product(accounted.lab, native.split(":")[2])


def test_a_step_is_charged_with_what_it_had_and_not_before_its_end(accounted: Site) -> None:
    held = accounted.hold()
    native, longer = accounted.step(held, "bp-s-1-0f"), accounted.step(held, "bp-s-2-0f", 30)
    seconds = accounted.seconds(native)
    cost = accounted.charged(accounted.by_history, native)
    assert agree(cost, 2, seconds), (cost, seconds)
    running = accounted.queue.steps(accounted.lab.user)["bp-s-2-0f"][0].id
    assert slurms_product(accounted.lab, running) > 0  # it has a figure there, and runs
    assert accounted.by_history(longer) is None
    accounted.lab.run(["scancel", running])
    stopped = accounted.charged(accounted.by_history, longer)
    assert stopped == slurms_product(accounted.lab, running) < 2 * 30
    accounted.lab.run(["scancel", str(held)])
    wait_for_state(accounted.lab, str(held), "CANCELLED")
    assert accounted.charged(accounted.by_history, native) == cost  # the allocation's own end adds nothing
    assert accounted.by_queue(native) is None
    assert accounted.by_history(f"slurm:{accounted.lab.user}:{held}:{HELD}") is None


def test_a_job_that_runs_is_not_charged_though_the_accounting_has_figures(accounted: Site) -> None:
    native = accounted.job("bp-long-1-0f", work_s=60)
    number = native.split(":")[2]
    wait_for_state(accounted.lab, number, "RUNNING")
    assert slurms_product(accounted.lab, number) > 0
    assert (accounted.by_queue(native), accounted.by_history(native)) == (None, None)
    accounted.lab.run(["scancel", number])
    assert accounted.charged(accounted.by_history, native) == accounted.charged(accounted.by_queue, native)


@pytest.mark.parametrize(("partition", "cores"), [(SHARED, 3), (EXCLUSIVE, 8)])
def test_without_accounting_queue_and_log_say_it(plain: Site, partition: str, cores: int) -> None:
    native = plain.job(f"bp-{partition}-1-0f", partition)
    seconds = plain.seconds(native)
    by_queue = plain.charged(plain.by_queue, native)
    assert agree(by_queue, cores, seconds), (by_queue, seconds)
    assert plain.charged(plain.by_history, native) == by_queue
    assert not plain.queue.accounting


def test_without_accounting_a_step_has_only_its_launchers_record(plain: Site) -> None:
    native = plain.step(plain.hold(), "bp-s-1-0f", 1)
    plain.seconds(native)
    time.sleep(2.0)
    assert (plain.by_queue(native), plain.by_history(native)) == (None, None)


def test_a_job_that_never_began_costs_nothing(plain: Site) -> None:
    plain.lab.run(["scontrol", "update", "partitionname=" + SHARED, "state=down"])
    try:
        native = plain.job("bp-never-1-0f")
        plain.lab.run(["scancel", native.split(":")[2]])
        assert plain.charged(plain.by_queue, native) == 0.0
        assert plain.charged(plain.by_history, native) == 0.0
    finally:
        plain.lab.run(["scontrol", "update", "partitionname=" + SHARED, "state=up"])
