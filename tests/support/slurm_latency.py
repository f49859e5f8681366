"""How quick Slurm is through the open ssh connection: submits, steps of what is held, the poll."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm import (
    Asked,
    CommandQueue,
    Completed,
    FixedLayout,
    Grants,
    NodeSide,
    Site,
    SlurmCluster,
    SlurmSettings,
    SshSettings,
    SshTransport,
)
from beampace.cluster.slurm.layout import layout_of
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import JobSpec
from tests.support.replay import quantile
from tools.lab.lab import Lab
from tools.lab.plan import SHARED

PYTHON = "/usr/bin/python3"
FIRST = "import time; open('first', 'w').write(str(time.monotonic()))"
WAIT_S = 30.0


@dataclass(frozen=True)
class Times:
    """Seconds of one kind of thing."""

    what: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return quantile(self.seconds, 0.5)

    @property
    def p95(self) -> float:
        return quantile(self.seconds, 0.95)

    def __str__(self) -> str:
        ms = [round(1000 * value) for value in (self.median, self.p95, max(self.seconds))]
        return f"{self.what}: {len(self.seconds)} times, median {ms[0]}, p95 {ms[1]}, worst {ms[2]} ms"


class Counting(SshTransport):
    """The connection, with a count of the programs that were run through it and how long each took."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.ran: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {}

    def run(self, argv: Sequence[str], stdin: bytes = b"", deadline_s: float = 15.0) -> Completed:
        done = super().run(argv, stdin, deadline_s)
        name = Path(argv[0]).name
        self.ran[name] += 1
        self.seconds.setdefault(name, []).append(done.seconds)
        return done


@dataclass
class Bench:
    """A cluster of ours on the laboratory's shared nodes, with one small allocation held."""

    lab: Lab
    root: Path
    transport: Counting
    cluster: SlurmCluster
    number: int = 0

    def spec(self, code: str, *, urgent: bool) -> JobSpec:
        self.number += 1
        directory = self.root / "jobs" / f"b{self.number}-1"
        directory.mkdir(parents=True)
        argv = (PYTHON, "-c", code)
        return JobSpec(f"b{self.number}", 1, argv, directory, Resources(1, 100, 60), urgent)

    def until(self, true: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < deadline, f"{what}: not within {WAIT_S:.0f} s"
            time.sleep(0.01)

    def submits(self, count: int, what: str, code: str = "pass", pause_s: float = 0.2) -> Times:
        """How long `submit` of a job of its own takes; with pauses, as datasets do not come all at once."""
        return Times(what, tuple(self._submit(code, pause_s) for _ in range(count)))

    def _submit(self, code: str, pause_s: float) -> float:
        time.sleep(pause_s)
        spec = self.spec(code, urgent=False)
        began = time.monotonic()
        self.cluster.submit(spec)
        return time.monotonic() - began

    def steps(self, count: int, what: str) -> Times:
        """From `submit` of urgent work to the first line of its program, one after another."""
        return Times(what, tuple(self._step() for _ in range(count)))

    def _step(self) -> float:
        spec = self.spec(FIRST, urgent=True)
        began = time.monotonic()
        native = self.cluster.submit(spec)
        self.until(lambda: _text(spec.directory / "first"), "the first line")
        self.until(lambda: (spec.directory / "exit.json").exists(), "the end of a step")
        assert self.cluster.states({native: spec.directory})[native] is ClusterState.GONE
        assert json.loads((spec.directory / "exit.json").read_text())["exit"] == 0
        return float(_text(spec.directory / "first")) - began

    def bare_steps(self, count: int) -> Times:
        """A bare `srun` in the held allocation, without us and ssh: what Slurm itself costs."""
        (job,) = [job for job, state in self.lab.queue().items() if state == "RUNNING"][:1]
        return Times("bare srun", tuple(self._bare(job) for _ in range(count)))

    def _bare(self, job: str) -> float:
        self.number += 1
        first = self.root / "jobs" / f"bare{self.number}"
        first.mkdir(mode=0o777)
        first.chmod(0o777)
        code = FIRST.replace("'first'", repr(str(first / "first")))
        words = ["srun", f"--jobid={job}", "--overlap", "--exact", "-n1", "-c1", "--mem=50M", "--chdir=/"]
        began = time.monotonic()
        self.lab.run([*words, PYTHON, "-c", code], self.lab.user)
        return float((first / "first").read_text()) - began

    def held(self) -> bool:
        self.cluster.states({})
        return bool(self.cluster._held.fitting(Resources(1, 100, 60), 1))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@contextmanager
def bench(lab: Lab) -> Iterator[Bench]:
    """A bench on a laboratory, with its allocation held and a warm connection."""
    root = Path(tempfile.mkdtemp(prefix="bp-latency-", dir="/tmp"))
    root.chmod(0o755)
    gateway = f"{lab.ssh_host}:{lab.ssh_port}"
    granted = OnlineResources(lab.user, lab.key(lab.user), lab.reservation, SHARED, (gateway,))
    grants = Grants(lambda: granted)
    transport = Counting(grants.lasting, SshSettings(lab.known_hosts))
    site = Site(exclusive=False, nodes=lab.plan.reserved_nodes, cores=lab.plan.cores, memory_mb=16000)
    layout = FixedLayout(layout_of(site, Asked(urgent_cores=2, hold_s=3600), 7200.0))
    node = NodeSide(python=PYTHON, program=(PYTHON,))
    settings = SlurmSettings(poll_s=1.0, quiet_s=1.0)
    cluster = SlurmCluster(root / "cluster", CommandQueue(transport), grants, layout, node, settings)
    one = Bench(lab, root, transport, cluster)
    try:
        one.until(one.held, "an allocation")
        yield one
    finally:
        lab.run(["scancel", "--quiet", f"--user={lab.user}"], check=False)
        cluster.close()
        shutil.rmtree(root, ignore_errors=True)


def polled(one: Bench, jobs: int, ticks: int) -> tuple[Counter[str], Times]:
    """What a tick of the poll asks, with so many jobs in the queue.

    Returns:
        programs run during the ticks, and how long each `squeue` took.
    """
    one.cluster._giver.settings = SlurmSettings(sbatch=("--begin=now+1hour",))
    specs = [one.spec("pass", urgent=False) for _ in range(jobs)]
    natives = {one.cluster.submit(spec): spec.directory for spec in specs}
    one.until(lambda: set(one.cluster.states(natives).values()) == {ClusterState.QUEUED}, "all queued")
    one.transport.ran.clear()
    one.transport.seconds.clear()
    for _ in range(ticks):
        one.cluster.states(natives)
        time.sleep(1.05)
    assert set(one.cluster.states(natives).values()) == {ClusterState.QUEUED}
    return one.transport.ran, Times(f"squeue of {jobs} jobs", tuple(one.transport.seconds["squeue"]))
