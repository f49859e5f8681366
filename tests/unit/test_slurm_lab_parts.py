"""Parts of the Slurm laboratory that need neither Slurm nor root."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tools.lab import configuration, plan, processes, running
from tools.lab.lab import Lab, run
from tools.lab.place import Place
from tools.lab.plan import Plan, Ports
from tools.lab.processes import LabError

PORTS = Ports(20000, 20001, 20002, 20003, (20004, 20005, 20006, 20007))
SLEEP = ["sleep", "300"]


def spawned(tmp_path: Path, argv: list[str], **variables: str) -> int:
    return processes.spawn(argv, {"PATH": os.environ["PATH"], **variables}, tmp_path / "log")


def test_an_id_that_is_used_again_is_not_taken_for_the_old_process(tmp_path: Path) -> None:
    pid = spawned(tmp_path, SLEEP)
    path = tmp_path / "one.json"
    processes.remember(path, pid)
    assert processes.remembered(path) == pid
    text = json.loads(path.read_text())
    path.write_text(json.dumps(text | {"began": text["began"] - 1}))
    assert processes.remembered(path) is None
    path.write_text('{"pid": 1, "beg')
    assert processes.remembered(path) is None
    processes.end(processes.known([pid]))
    assert processes.began(pid) is None
    assert processes.remembered(tmp_path / "none.json") is None


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    pid = spawned(tmp_path, ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"])
    processes.until(lambda: (tmp_path / "log").read_text() == "up\n", "it is up")
    table = processes.known([pid])
    processes.end(table, patience_s=0.1)
    assert processes.began(pid) is None
    processes.kill(table)  # what is gone is no error


def test_this_process_and_its_ancestors_are_never_ended() -> None:
    everything = [os.getpid(), os.getppid(), 1]
    assert processes.known(everything) == {}


def test_a_known_process_whose_id_went_to_another_is_spared(tmp_path: Path) -> None:
    pid = spawned(tmp_path, SLEEP)
    start = processes.began(pid)
    assert start is not None
    processes.kill({pid: start - 1})
    assert processes.began(pid) == start
    processes.kill({pid: start})


def test_processes_are_found_by_variable_by_file_and_by_descent(tmp_path: Path) -> None:
    mark = str(tmp_path)
    pid = spawned(tmp_path, ["sh", "-c", "echo $$; sleep 300 & wait"], LAB_TEST_MARK=mark)
    processes.until(lambda: len(processes.trees([pid])) == 2, "it has its child")
    tree = processes.trees([pid])
    assert processes.carrying("LAB_TEST_MARK", mark) == tree
    assert processes.carrying("LAB_TEST_MARK", mark[:-1]) == set()
    assert processes.holding(tmp_path / "log") == tree
    assert {processes.program(one) for one in tree} == {"sh", "sleep"}
    processes.kill(processes.known(tree))
    assert not processes.carrying("LAB_TEST_MARK", mark)


def test_what_is_spawned_heeds_signals_that_this_process_blocks_or_ignores(tmp_path: Path) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        pid = spawned(tmp_path, SLEEP)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    lines = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert int(lines["SigBlk"], 16) == 0
    assert int(lines["SigIgn"], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    processes.kill(processes.known([pid]))


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(LabError, match="in vain: the moon is full"):
        processes.until(lambda: False, "the moon is full", patience_s=0.01)


def test_ports_are_free_and_a_taken_one_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        starts = iter([port - 3, port - 3])
        monkeypatch.setattr(plan, "TRIES", 2)
        monkeypatch.setattr("random.randrange", lambda *_: next(starts))
        with pytest.raises(OSError, match="No free block"):
            plan.free_ports(4)
    monkeypatch.undo()
    ports = plan.free_ports(4)
    numbers = [ports.slurmctld, ports.slurmdbd, ports.slurmrestd, ports.sshd, *ports.slurmd]
    assert len(set(numbers)) == 8
    assert all(plan.PORTS_FROM <= number < 32768 for number in numbers)


def test_plan_and_ports_are_read_as_they_were_written(tmp_path: Path) -> None:
    wanted = Plan(beamtime="1", nodes=4, reserved=2, accounts=("a", "b"), shared=True)
    plan.write(tmp_path / "lab.json", wanted, PORTS)
    assert plan.read(tmp_path / "lab.json") == (wanted, PORTS)


@pytest.mark.parametrize("accounting", [False, True])
def test_every_node_has_its_port_and_every_path_lies_in_the_laboratory(
    tmp_path: Path, accounting: bool
) -> None:
    wanted = Plan(accounting=accounting)
    place = Place(tmp_path)
    text = configuration.slurm_conf(place, wanted, PORTS, "host")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    nodes = [dict(word.split("=") for word in line.split()) for line in lines if line.startswith("NodeName=")]
    assert [(one["NodeName"], one["Port"]) for one in nodes] == [
        (f"cn0{number}", str(20003 + number)) for number in range(1, 5)
    ]
    keys = Counter(line.split("=")[0] for line in lines if not line.startswith(("NodeName", "PartitionName")))
    assert set(keys.values()) == {1}
    paths = [word for line in lines for word in line.replace(",", "=").split("=") if word.startswith("/")]
    assert {path for path in paths if not path.startswith(str(tmp_path))} == {"/bin/true"}
    assert ("AccountingStorageHost=127.0.0.1" in lines) is accounting
    for conf in (
        configuration.sshd_config(place, wanted, PORTS),
        configuration.slurmdbd_conf(place, PORTS, "secret"),
    ):
        assert "{" not in conf
        assert not [word for word in conf.replace("=", " ").split() if word.startswith(("/etc", "/var"))]


def test_the_host_key_is_pinned_under_every_name() -> None:
    lines = configuration.known_hosts(PORTS, "ssh-ed25519 AAAA comment\n").splitlines()
    assert lines == [f"[{name}]:20003 ssh-ed25519 AAAA" for name in ("127.0.0.1", "127.0.0.2", "localhost")]


def test_a_command_that_fails_says_what_and_why() -> None:
    with pytest.raises(LabError, match=r"sh -c .*exit status 3, said: why"):
        run(["sh", "-c", "echo why >&2; exit 3"], {})
    assert run(["sh", "-c", "exit 3"], {}, check=False).returncode == 3
    assert run(["cat"], {}, text="in").stdout == "in"


def test_what_is_missing_for_a_laboratory_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "needs root" in running.missing()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(running, "PROGRAMS", ("sh", "no-such-program"))
    monkeypatch.setattr(running, "PROGRAMS_REST", ())
    said = running.missing()
    assert "needs no-such-program" in said
    assert "tools/setup-tests installs them" in said
    monkeypatch.setattr(running, "PROGRAMS_ACCOUNTING", ("no-such-database",))
    assert "no-such-database" in running.missing(Plan(accounting=True))
    assert "tools/setup-tests" in running.missing(Plan(accounting=True))


def test_the_command_line_says_in_words_that_there_is_no_laboratory(tmp_path: Path) -> None:
    repository = Path(__file__).parents[2]
    words = [sys.executable, "-m", "tools.lab", "stop", str(tmp_path / "none")]
    done = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("slurm-lab: ")
    assert "holds no laboratory" in done.stderr


def test_ssh_pins_the_host_and_offers_one_key(tmp_path: Path) -> None:
    lab = Lab(Place(tmp_path), Plan(), PORTS)
    words = lab.ssh("bttest05")
    assert "StrictHostKeyChecking=yes" in words
    assert f"UserKnownHostsFile={tmp_path}/ssh/known_hosts" in words
    assert words[words.index("-i") + 1] == f"{tmp_path}/ssh/id_bttest05"
