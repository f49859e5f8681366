"""Jobs, processors and DELPHI for every machine there may be."""

import itertools

import pytest

from beampace.engines.xds.means import HOOK, means_of, with_hook
from beampace.engines.xds.split import Means, Split, Task, choose

P11 = Task(frames=3600, width=0.1, pixels=4148 * 4362)
TASKS = [
    P11,
    Task(1800, 0.2, 2068 * 2162),
    Task(90, 0.5, 1028 * 1062),
    Task(10, 0.1, 4148 * 4362),
    Task(1, 1.0, 100),
]
MACHINES = list(itertools.product(range(1, 65), range(1, 9)))


def test_the_memory_formula():
    """xds.md 2.2: 0.1 degrees, DELPHI 5, 8 jobs of 12 threads: about 36 GB and 8."""
    assert Split(8, 12, 5.0).memory_mb(P11) == pytest.approx(8 * (63 * 72.4 + 1000), rel=0.001)
    assert Split(8, 12, 5.0).memory_mb(P11, nodes=4) == pytest.approx(2 * (63 * 72.4 + 1000), rel=0.001)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.frames}x{task.width}")
@pytest.mark.parametrize("memory", [4000, 64_000, 512_000])
def test_any_machine(task, memory):
    for cores, nodes in MACHINES:
        means = Means(cores, nodes, memory)
        split = choose(means, task)
        on_node = -(-split.jobs // nodes)
        assert 1 <= split.jobs <= 99 and 1 <= split.processors <= 99
        assert on_node * split.processors <= max(cores, on_node), (cores, nodes, split)
        assert split.processors == 1 or split.processors % 2 == 0
        assert split.processors <= task.frames
        assert split.jobs == 1 or task.degrees / split.jobs >= 10
        assert 0 < split.delphi <= max(10.0, task.width, split.processors * task.width)
        batch = split.delphi / task.width
        assert batch == pytest.approx(round(batch))
        assert split.memory_mb(task, nodes) <= memory or split.jobs == 1


def test_batches_are_whole_multiples_of_the_threads():
    for cores, nodes in MACHINES:
        split = choose(Means(cores, nodes, 1e6), P11)
        assert round(split.delphi / P11.width) % split.processors == 0


def test_more_cores_and_nodes_never_mean_fewer_threads_at_work():
    for nodes in (1, 8):
        used = [choose(Means(cores, nodes, 1e6), P11) for cores in (1, 2, 4, 8, 16, 32, 64)]
        threads = [split.jobs * split.processors for split in used]
        assert threads == sorted(threads)
    assert choose(Means(64, 1, 1e6), P11) == Split(16, 4, 6.0)
    assert choose(Means(64, 4, 1e6), P11).jobs == 36  # a job for each ten degrees
    assert choose(Means(2, 1, 24_000), P11) == Split(1, 2, 5.0)


def test_little_memory_means_fewer_jobs_of_more_threads():
    rich, poor = choose(Means(64, 1, 1e6), P11), choose(Means(64, 1, 20_000), P11)
    assert poor.jobs < rich.jobs
    assert poor.processors > rich.processors
    assert poor.memory_mb(P11) <= 20_000


MEMINFO = "MemTotal:       24000000 kB\nMemAvailable:   10240000 kB\n"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Means(4, 1, 8000.0)),
        ({"SLURM_JOB_NUM_NODES": "3", "SLURM_MEM_PER_NODE": "64000"}, Means(4, 3, 64000.0)),
        ({"SLURM_JOB_NUM_NODES": "1", "SLURM_MEM_PER_CPU": "2000"}, Means(4, 1, 8000.0)),
        ({"SLURM_JOB_NUM_NODES": "many"}, Means(4, 1, 8000.0)),
        ({"SLURM_JOB_NUM_NODES": "3", "SLURM_JOB_CPUS_PER_NODE": "8(x2),2"}, Means(2, 3, 8000.0)),
        ({"SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_CPUS_PER_NODE": "2"}, Means(4, 1, 8000.0)),
    ],
)
def test_means_of_a_machine_and_of_a_slurm_job(environment, expected):
    assert means_of(4, environment, MEMINFO) == expected


def test_the_hook_comes_first_where_there_are_several_nodes():
    assert with_hook({"PATH": "/usr/bin"}, 1) == {"PATH": "/usr/bin"}
    assert with_hook({"PATH": "/usr/bin"}, 2)["PATH"] == f"{HOOK}:/usr/bin"
    assert (HOOK / "forkxds").stat().st_mode & 0o111
