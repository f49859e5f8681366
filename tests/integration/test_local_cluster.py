"""The local cluster with real processes."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.cluster import LocalCluster, Standby, launcher, local, read_exit, read_started
from beampace.cluster.files import Started
from beampace.core.errors import InfrastructureError
from beampace.core.job import ClusterState, ExitRecord
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure
from tests.support.attempts import Attempts, alive, environment_of, processes_of, wait_for

ESCAPED = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {scrub}
        open("grandchild", "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
time.sleep(600)
"""
"""A program whose grandchild has its own session and no parent."""
WAITS = 'import os, time; open("grandchild", "w").write(str(os.getpid())); time.sleep(600)'
SCRUBBED = f"os.execve(sys.executable, [sys.executable, '-c', {WAITS!r}], {{}})"


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[Attempts]:
    made = Attempts(tmp_path, LocalCluster(tmp_path / "cluster", grace_s=2.0))
    yield made
    made.clean()


def exit_of(spec: JobSpec) -> ExitRecord:
    record = read_exit(spec.directory)
    assert record is not None
    return record


def launcher_of(attempts: Attempts, spec: JobSpec) -> int:
    attempts.wait_file(spec, launcher.PID)
    started = read_started(spec.directory)
    assert started is not None
    return started.pid


def run(attempts: Attempts, spec: JobSpec) -> ExitRecord:
    attempts.cluster.submit(spec)
    attempts.wait_gone(spec)
    return exit_of(spec)


@pytest.mark.parametrize("code", [0, 1, 3, 130])
def test_exit_code_output_and_use(attempts: Attempts, code: int) -> None:
    spec = attempts.python(f"print('hello'); sum(range(3_000_000)); raise SystemExit({code})", cores=2)
    record = run(attempts, spec)
    assert (record.exit, record.signal, record.reason, record.cores) == (code, None, "", 2)
    assert record.seconds >= 0.01
    assert record.cpu_s > 0.01
    assert record.max_rss_mb > 5
    assert (spec.directory / "output.txt").read_text() == "hello\n"
    assert "ended" in json.loads((spec.directory / "exit.json").read_bytes())


def test_death_by_signal(attempts: Attempts) -> None:
    record = run(attempts, attempts.python("import os; os.kill(os.getpid(), 11)"))
    assert (record.exit, record.signal, record.reason) == (None, signal.SIGSEGV, "")


def test_program_that_is_not_there(attempts: Attempts) -> None:
    spec = attempts.spec("no-such-program-of-ours")
    assert run(attempts, spec).exit == launcher.CANNOT_START
    assert "no-such-program-of-ours" in (spec.directory / "output.txt").read_text()


def test_what_a_program_is_given(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPACE_SECRET", "token")
    monkeypatch.setenv("SITE", "p11")
    cluster = LocalCluster(attempts.root / "cluster")
    made = attempts.python(
        """
        import json, os, resource, signal
        print(json.dumps({
            "environment": dict(os.environ), "nice": os.nice(0), "cwd": os.getcwd(),
            "core": resource.getrlimit(resource.RLIMIT_CORE), "session": os.getsid(0) == os.getpid(),
            "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
            "blocked": [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        }))
        """
    )
    spec = JobSpec(made.key, 1, made.argv, made.directory, made.resources, environment={"MORE": "yes"})
    cluster.submit(spec)
    attempts.wait_gone(spec, cluster)
    seen = json.loads((spec.directory / "output.txt").read_text())
    environment = seen.pop("environment")
    assert (environment["SITE"], environment["MORE"]) == ("p11", "yes")
    assert environment["BEAMPACE_ATTEMPT"] == spec.name
    assert "BEAMPACE_SECRET" not in environment
    assert seen == {
        "nice": os.nice(0) + 5,
        "cwd": str(spec.directory),
        "core": [0, 0],
        "session": True,
        "files": [0, 1, 2],
        "blocked": [],
    }
    assert not any(b"token" in path.read_bytes() for path in spec.directory.iterdir())


def test_what_outlives_its_program_is_ended(attempts: Attempts) -> None:
    spec = attempts.spec("sh", "-c", "setsid sleep 600 & echo $! > grandchild; exit 4")
    assert run(attempts, spec).exit == 4
    assert not alive(int((spec.directory / "grandchild").read_text()))


@pytest.mark.parametrize("scrub", ["pass", SCRUBBED], ids=["marked", "without environment"])
def test_cancel_ends_grandchildren_with_sessions_of_their_own(attempts: Attempts, scrub: str) -> None:
    spec = attempts.python(ESCAPED.format(scrub=scrub))
    native_id = attempts.cluster.submit(spec)
    grandchild = int(attempts.wait_file(spec, "grandchild"))
    assert os.getsid(grandchild) != os.getsid(launcher_of(attempts, spec))
    assert attempts.state(spec) is ClusterState.RUNNING
    attempts.cluster.cancel(native_id, spec.directory)
    attempts.wait_gone(spec)
    assert not alive(grandchild)
    assert exit_of(spec).reason == "cancelled"
    assert processes_of(spec.directory) == []


def test_cancelled_program_leaves_what_it_has(attempts: Attempts) -> None:
    spec = attempts.python(
        """
        import signal, subprocess, sys, time
        child = subprocess.Popen(["sleep", "600"])
        def stop(*_):
            print("child", child.poll())
            open("partial", "w").write("results")
            sys.exit(130)
        signal.signal(signal.SIGTERM, stop)
        open("ready", "w").write("yes")
        while True:
            time.sleep(1)
        """
    )
    native_id = attempts.cluster.submit(spec)
    attempts.wait_file(spec, "ready")
    attempts.cluster.cancel(native_id, spec.directory)
    attempts.cluster.cancel(native_id, spec.directory)
    attempts.wait_gone(spec)
    assert (spec.directory / "partial").read_text() == "results"
    assert "child None" in (spec.directory / "output.txt").read_text()
    assert (exit_of(spec).exit, exit_of(spec).reason) == (130, "cancelled")


def test_program_that_ignores_sigterm_is_killed(attempts: Attempts) -> None:
    spec = attempts.spec("sh", "-c", "trap '' TERM; echo yes > ready; while :; do sleep 0.1; done")
    native_id = attempts.cluster.submit(spec)
    attempts.wait_file(spec, "ready")
    attempts.cluster.cancel(native_id, spec.directory)
    attempts.wait_gone(spec)
    assert (exit_of(spec).signal, exit_of(spec).reason) == (signal.SIGKILL, "cancelled")


def test_cancelled_before_its_launcher_comes_up(attempts: Attempts) -> None:
    spec = attempts.spec("touch", "ran")
    attempts.cluster.cancel(f"local:{spec.name}", spec.directory)
    assert run(attempts, spec).reason == "cancelled"
    assert not (spec.directory / "ran").exists()


def test_stopped_program_can_be_cancelled(attempts: Attempts) -> None:
    spec = attempts.python("import os, signal; print('up', flush=True); os.kill(os.getpid(), signal.SIGSTOP)")
    native_id = attempts.cluster.submit(spec)
    attempts.wait_file(spec, "output.txt")
    attempts.cluster.cancel(native_id, spec.directory)
    attempts.wait_gone(spec)
    assert exit_of(spec).reason == "cancelled"


def test_wall_time(attempts: Attempts) -> None:
    record = run(attempts, attempts.spec("sleep", "600", time_s=1))
    assert record.reason == "timed_out"
    assert 1.0 <= record.seconds < 10.0


def test_memory_of_the_whole_tree(attempts: Attempts) -> None:
    spec = attempts.python(
        """
        import os, time
        for _ in range(3):
            if os.fork() == 0:
                held = b"x" * 80_000_000
                time.sleep(600)
        time.sleep(600)
        """,
        memory_mb=150,
        time_s=60,
    )
    record = run(attempts, spec)
    assert record.reason == "out_of_memory"
    assert record.max_rss_mb > 150


def test_shared_memory_is_counted_once(attempts: Attempts) -> None:
    spec = attempts.python(
        """
        import os, time
        held = b"x" * 100_000_000
        children = [os.fork() for _ in range(3)]
        if 0 in children:
            time.sleep(2)
            os._exit(0)
        for _ in children:
            os.wait()
        """,
        memory_mb=200,
        time_s=60,
    )
    record = run(attempts, spec)
    assert (record.exit, record.reason) == (0, "")
    assert 95 < record.max_rss_mb < 200


@pytest.mark.parametrize("scrub", ["pass", SCRUBBED], ids=["marked", "without environment"])
def test_killed_launcher_takes_its_tree_along(attempts: Attempts, scrub: str) -> None:
    spec = attempts.python(ESCAPED.format(scrub=scrub))
    attempts.cluster.submit(spec)
    grandchild = int(attempts.wait_file(spec, "grandchild"))
    wait_for(lambda: str(grandchild) in attempts.wait_file(spec, "heartbeat.json"), "a heartbeat")
    program = json.loads((spec.directory / "heartbeat.json").read_text())["program"]
    os.kill(launcher_of(attempts, spec), signal.SIGKILL)
    wait_for(lambda: not alive(program), "the end of the program")
    assert alive(grandchild)
    attempts.wait_gone(spec)
    assert not alive(grandchild)
    assert read_exit(spec.directory) is None


def test_launcher_that_does_not_obey_is_killed(attempts: Attempts) -> None:
    cluster = LocalCluster(attempts.root / "cluster", insist_s=0.2)
    spec = attempts.spec("sleep", "600")
    native_id = cluster.submit(spec)
    os.kill(launcher_of(attempts, spec), signal.SIGSTOP)
    cluster.cancel(native_id, spec.directory)
    attempts.wait_gone(spec, cluster)
    assert processes_of(spec.directory) == []


DAEMON = """
import sys, time
from pathlib import Path
from beampace.cluster import LocalCluster, Standby
from beampace.core.job import Resources
from beampace.core.ports import JobSpec
standby = Standby(("tasks",), {("task",): "tasks:main"}) if sys.argv[2] == "warm" else None
root = Path(sys.argv[1])
cluster = LocalCluster(root / "cluster", standby=standby)
while cluster.standby not in ("off", "ready"):
    cluster.states({})
    time.sleep(0.01)
print("up", flush=True)
for name in sys.argv[3].split(","):
    directory = root / f"{name}-1"
    directory.mkdir(exist_ok=True)
    cluster.submit(JobSpec(name, 1, tuple(sys.argv[4:]), directory, Resources()))
print("submitted", flush=True)
time.sleep(600)
"""
TASKS = """
import os, sys, time
def main():
    with open("ran", "a") as file:
        file.write(f"{os.getpid()}\\n")
    print("from", sys.argv, flush=True)
    if sys.argv[1] == "end":
        return int(sys.argv[2])
    if sys.argv[1] == "fail":
        raise ValueError("as expected")
    if sys.argv[1] == "exit":
        sys.exit(int(sys.argv[2]))
    if sys.argv[1] == "show":
        import signal, threading, random
        print(os.environ["BEAMPACE_ATTEMPT"], os.getsid(0) == os.getpid(), threading.active_count(),
              sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1], random.random())
        return
    time.sleep(600)
"""


@pytest.fixture
def tasks(tmp_path: Path) -> dict[str, str]:
    """Environment in which the program `task` is found, and the module `tasks` of which it is the front."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "tasks.py").write_text(textwrap.dedent(TASKS))
    (modules / "task").write_text(f"#!{sys.executable}\nimport tasks, sys\nsys.exit(tasks.main())\n")
    (modules / "task").chmod(0o755)
    return {**os.environ, "PYTHONPATH": str(modules), "PATH": f"{modules}:{os.environ['PATH']}"}


def daemon(root: Path, environment: dict[str, str], *argv: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DAEMON, str(root), *argv]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.parametrize("start", ["cold", "warm"])
def test_jobs_outlive_a_killed_daemon_and_are_found_again(
    attempts: Attempts, tasks: dict[str, str], start: str
) -> None:
    argv = ("task", "sleep")
    spec = attempts.spec(*argv)
    process = daemon(attempts.root, tasks, start, spec.key, *argv)
    (pid,) = attempts.wait_file(spec, "ran").split()
    assert os.getpgid(int(pid)) != os.getpgid(process.pid)
    kill(process)
    wait_for(lambda: not standby_processes(attempts.root), "the end of the standby process")
    after = LocalCluster(attempts.root / "cluster")
    assert after.find(spec) == after.submit(spec) == f"local:{spec.name}"
    assert attempts.state(spec, after) is ClusterState.RUNNING
    assert alive(int(pid))
    after.cancel(f"local:{spec.name}", spec.directory)
    attempts.wait_gone(spec, after)
    assert exit_of(spec).reason == "cancelled"
    assert (spec.directory / "ran").read_text().split() == [pid]


def standby_processes(root: Path) -> list[int]:
    """Standby processes of the test at `root`: they have its environment, and a socket as input."""
    wanted = f"PYTHONPATH={root}/modules".encode()
    ours = [pid for pid in launcher.all_processes() if wanted in environment_of(pid)]
    return [pid for pid in ours if input_of(pid).startswith("socket:")]


def input_of(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/fd/0").readlink())
    except OSError:  # it has ended
        return ""


def begun(specs: list[JobSpec]) -> int:
    return sum((spec.directory / launcher.PID).exists() for spec in specs)


@pytest.mark.parametrize("start", ["cold", "warm"])
def test_daemon_killed_at_any_moment_of_a_submit(
    attempts: Attempts, tasks: dict[str, str], start: str
) -> None:
    """Whatever the moment, the attempt is found or started again, and its program runs exactly once."""
    argv = ("task", "end", "7")
    began = set()
    for number in range(10):
        specs = [attempts.spec(*argv) for _ in range(5)]
        process = daemon(attempts.root, tasks, start, ",".join(spec.key for spec in specs), *argv)
        wait_for(lambda: begun(specs) >= number % 6, "the moment of the kill")  # noqa: B023
        kill(process)
        after = LocalCluster(attempts.root / "cluster", environment=tasks)
        for spec in specs:
            found = after.find(spec)
            began.add(found is not None)
            native_id = found or after.submit(spec)
            assert native_id == after.submit(spec)
        for spec in specs:
            attempts.wait_gone(spec, after)
            assert exit_of(spec).exit == 7
            assert len((spec.directory / "ran").read_text().split()) == 1
        after.close()
    assert True in began


def test_attempt_that_never_began_is_proved_so(attempts: Attempts) -> None:
    spec = attempts.spec("touch", "ran")
    assert attempts.cluster.find(spec) is None
    late = spec.directory / launcher.LAUNCH
    record = launcher.Launch(spec.name, list(spec.argv), {})._asdict()
    launcher.write_whole(late, record)  # the daemon died here, its launcher slept
    assert attempts.cluster.find(spec) is None
    subprocess.run([sys.executable, "-I", launcher.__file__, str(late)], check=True)
    assert not (spec.directory / "ran").exists()
    assert attempts.state(spec) is ClusterState.GONE
    assert run(attempts, spec).exit == 0
    assert (spec.directory / "ran").exists()


def test_launcher_that_never_comes_up_is_given_up(attempts: Attempts) -> None:
    cluster = LocalCluster(attempts.root / "cluster", start_s=0.3)
    spec = attempts.spec("touch", "ran")
    launcher.write_whole(spec.directory / launcher.LAUNCH, {"pid": 0})
    assert attempts.state(spec, cluster) is ClusterState.QUEUED
    attempts.wait_gone(spec, cluster)
    assert cluster.find(spec) is None


def test_many_launchers_of_one_attempt_start_it_once(attempts: Attempts) -> None:
    spec = attempts.spec("sh", "-c", "echo x >> ran; sleep 0.5")
    launch = spec.directory / launcher.LAUNCH
    launcher.write_whole(launch, launcher.Launch(spec.name, list(spec.argv), {})._asdict())
    command = [sys.executable, "-I", "-S", launcher.__file__, str(launch)]
    started = [subprocess.Popen(command) for _ in range(6)]
    assert [process.wait() for process in started] == [0] * 6
    assert (spec.directory / "ran").read_text() == "x\n"


def test_submitted_twice_at_once_starts_once(attempts: Attempts) -> None:
    spec = attempts.spec("sh", "-c", "echo x >> ran")
    clusters = [LocalCluster(attempts.root / "cluster") for _ in range(4)]
    threads = [threading.Thread(target=cluster.submit, args=(spec,)) for cluster in clusters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attempts.cluster.submit(spec)
    attempts.wait_gone(spec)
    attempts.cluster.submit(spec)
    attempts.wait_gone(spec)
    for cluster in clusters:
        wait_for(lambda cluster=cluster: not cluster.states({}) and not cluster._children, "their end")
    assert (spec.directory / "ran").read_text() == "x\n"


def test_launcher_that_comes_up_during_a_second_submit_stays_the_only_one(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = attempts.spec("sh", "-c", "echo x >> ran; while [ ! -e go ]; do sleep 0.05; done")
    launch = spec.directory / launcher.LAUNCH
    launcher.write_whole(launch, launcher.Launch(spec.name, list(spec.argv), {})._asdict())
    started = []

    def read_then_start(directory: Path) -> Started | None:
        seen = read_started(directory)
        if not started:
            started.append(subprocess.Popen([sys.executable, "-I", launcher.__file__, str(launch)]))
            attempts.wait_file(spec, "ran")
        return seen

    monkeypatch.setattr(local, "read_started", read_then_start)
    attempts.cluster.submit(spec)
    wait_for(lambda: not attempts.cluster.states({}) and not attempts.cluster._children, "the second's end")
    assert attempts.state(spec) is ClusterState.RUNNING
    (spec.directory / "go").touch()
    assert started[0].wait() == 0
    assert (spec.directory / "ran").read_text() == "x\n"


@pytest.mark.parametrize("forged", ["start", "boot"])
def test_another_process_with_the_pid_is_not_mistaken(attempts: Attempts, forged: str) -> None:
    spec = attempts.spec("true")
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        process = launcher.read_process(bystander.pid)
        assert process is not None
        record = {"pid": bystander.pid, "start": process.start, "boot": launcher.boot_id()}
        launcher.write_whole(spec.directory / launcher.PID, record)
        assert attempts.state(spec) is ClusterState.RUNNING
        changed = {**record, forged: process.start - 1 if forged == "start" else "another"}
        launcher.write_whole(spec.directory / launcher.PID, changed)
        assert attempts.state(spec) is ClusterState.GONE
        attempts.cluster.cancel(f"local:{spec.name}", spec.directory)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_end_is_not_lost_while_the_record_cannot_be_written(attempts: Attempts) -> None:
    spec = attempts.spec("sh", "-c", "exit 9")
    (spec.directory / launcher.EXIT).mkdir()  # it cannot be replaced, as if the disk were full
    attempts.cluster.submit(spec)
    wait_for(lambda: '"exit": 9' in attempts.wait_file(spec, f".{launcher.EXIT}"), "the first try")
    assert attempts.state(spec) is ClusterState.RUNNING
    (spec.directory / launcher.EXIT).rmdir()
    attempts.wait_gone(spec)
    assert exit_of(spec).exit == 9


def test_output_is_bounded(attempts: Attempts) -> None:
    spec = attempts.spec("sh", "-c", "head -c 60000000 /dev/zero | tr '\\0' x; echo the end")
    assert run(attempts, spec).exit == 0
    output = spec.directory / "output.txt"
    assert 19_000_000 < output.stat().st_size < 20_001_000
    assert output.read_bytes().endswith(b"xxx" + b"the end\n")


def unreadable(pid: int) -> launcher.Process | None:
    raise OSError(errno.EIO, "Input/output error")


def test_poll_that_fails_harms_nobody(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = attempts.spec("sleep", "600")
    attempts.cluster.submit(spec)
    attempts.wait_file(spec, launcher.HEARTBEAT)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(InfrastructureError):
            attempts.state(spec)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    monkeypatch.setattr(launcher, "read_process", unreadable)
    assert attempts.state(spec) is ClusterState.UNKNOWN
    monkeypatch.undo()
    assert attempts.state(spec) is ClusterState.RUNNING
    assert len(processes_of(spec.directory)) == 1


def test_leaves_no_zombie_and_no_descriptor(attempts: Attempts) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    specs = [attempts.spec("true") for _ in range(5)]
    for spec in specs:
        run(attempts, spec)
    wait_for(lambda: not attempts.cluster.states({}) and not attempts.cluster._children, "collecting them")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not any(Path(f"/proc/{launcher_of(attempts, spec)}").exists() for spec in specs)


def test_directory_that_is_not_there_is_refused(attempts: Attempts) -> None:
    spec = attempts.spec("true")
    spec.directory.rmdir()
    with pytest.raises(InfrastructureError) as caught:
        attempts.cluster.submit(spec)
    assert caught.value.code is Failure.NOT_WRITABLE
    assert str(spec.directory) in str(caught.value)
    assert attempts.state(spec) is ClusterState.GONE


@pytest.fixture
def warm(tmp_path: Path, tasks: dict[str, str]) -> Iterator[Attempts]:
    standby = Standby(("tasks", "h5py", "numba", "matplotlib.pyplot"), {("task",): "tasks:main"})
    cluster = LocalCluster(tmp_path / "cluster", standby=standby, environment=tasks, grace_s=2.0)
    made = Attempts(tmp_path, cluster)
    wait_ready(cluster)
    yield made
    made.clean()


def wait_ready(cluster: LocalCluster) -> None:
    wait_for(lambda: cluster.states({}) or cluster.standby == "ready", "a ready standby process")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("task", "end", "0"), 0, "from ['task', 'end', '0']\n"),
        (("task", "end", "3"), 3, "from"),
        (("task", "exit", "2"), 2, "from"),
        (("task", "fail"), 1, "ValueError: as expected"),
    ],
)
def test_warm_start_ends_as_a_program_does(
    warm: Attempts, argv: tuple[str, ...], code: int, said: str
) -> None:
    spec = warm.spec(*argv)
    record = run(warm, spec)
    assert (record.exit, record.signal, record.reason) == (code, None, "")
    assert said in (spec.directory / "output.txt").read_text()
    assert (spec.directory / "launcher.txt").read_text() == ""


def test_warm_starts_share_nothing(warm: Attempts) -> None:
    said = []
    for _ in range(2):
        spec = warm.spec("task", "show")
        assert run(warm, spec).exit == 0
        said.append((spec.directory / "output.txt").read_text().splitlines()[1])
    words = said[0].rsplit(" ", 1)[0]
    assert words == "job0-1 True 1 [0, 1, 2]"
    assert said[0].split()[-1] != said[1].split()[-1]


def test_warm_program_is_marked_limited_and_cancelled(warm: Attempts) -> None:
    spec = warm.spec("task", "sleep")
    native_id = warm.cluster.submit(spec)
    (pid,) = map(int, warm.wait_file(spec, "ran").split())
    assert processes_of(spec.directory) == [pid]
    warm.cluster.cancel(native_id, spec.directory)
    warm.wait_gone(spec)
    assert (exit_of(spec).signal, exit_of(spec).reason) == (signal.SIGTERM, "cancelled")
    late = warm.spec("task", "sleep", time_s=1)
    assert run(warm, late).reason == "timed_out"


def test_killed_warm_launcher_takes_its_program_along(warm: Attempts) -> None:
    spec = warm.spec("task", "sleep")
    warm.cluster.submit(spec)
    (pid,) = map(int, warm.wait_file(spec, "ran").split())
    os.kill(launcher_of(warm, spec), signal.SIGKILL)
    warm.wait_gone(spec)
    assert not alive(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_lost_standby_process_falls_back_to_a_cold_start(warm: Attempts, number: int) -> None:
    running = warm.spec("task", "sleep")
    warm.cluster.submit(running)
    warm.wait_file(running, "ran")
    (zygote,) = standby_processes(warm.root)
    os.kill(zygote, number)
    cold = warm.spec("task", "end", "0")
    assert run(warm, cold).exit == 0
    assert len((cold.directory / "ran").read_text().split()) == 1
    assert warm.state(running) is ClusterState.RUNNING
    wait_ready(warm.cluster)
    assert standby_processes(warm.root) != [zygote]
    assert run(warm, warm.spec("task", "end", "5")).exit == 5


def test_standby_process_with_threads_is_refused(attempts: Attempts, tasks: dict[str, str]) -> None:
    (attempts.root / "modules" / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    standby = Standby(("threaded",), {("task",): "tasks:main"})
    cluster = LocalCluster(attempts.root / "cluster", standby=standby, environment=tasks)
    wait_for(lambda: cluster.states({}) or cluster.standby.startswith("refused"), "the refusal")
    assert cluster.standby == "refused: 2 threads after loading"
    spec = attempts.spec("true")
    cluster.submit(spec)
    attempts.wait_gone(spec, cluster)
    cluster.close()
    assert exit_of(spec).exit == 0


def test_standby_process_that_cannot_load_is_tried_again_and_harms_nobody(
    attempts: Attempts, tasks: dict[str, str]
) -> None:
    standby = Standby(("no_such_module_of_ours",), {("true",): "tasks:main"})
    cluster = LocalCluster(attempts.root / "cluster", standby=standby, environment=tasks)
    spec = attempts.spec("true")
    cluster.submit(spec)
    attempts.wait_gone(spec, cluster)
    assert exit_of(spec).exit == 0
    wait_for(lambda: cluster.states({}) or cluster.standby == "off", "the loss")
    assert "no_such_module_of_ours" in (attempts.root / "cluster" / "standby.txt").read_text()
    cluster.close()
