"""Faults are injected for real, or it is said why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beampace.core.errors import InputError
from beampace.simulate.beamtime.acts import Act, Deed
from beampace.simulate.beamtime.daemon import Daemon, faketime_library, set_clock, state_dir_of, with_clock
from beampace.simulate.beamtime.mischief import Mischief, fill_disk
from beampace.simulate.beamtime.processes import descendants, stat_of

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def daemon(tmp_path):
    made = Daemon(SLEEPER, tmp_path, {})
    yield made
    made.stop(5)


def test_daemon_is_killed_and_started_again(daemon, tmp_path):
    daemon.start()
    first = daemon.pid
    said = Mischief(daemon, None, tmp_path).inject(Act(0, Deed.KILL_DAEMON, value=0.01))
    assert str(first) in said
    assert stat_of(first) is None
    assert daemon.running
    assert daemon.pid != first


def attempt(state_dir: Path, name: str, pid: int, start: int) -> Path:
    directory = state_dir / "jobs" / name
    directory.mkdir(parents=True)
    (directory / "pid.json").write_text(json.dumps({"pid": pid, "start": start}))
    return directory


@pytest.fixture
def launcher():
    """A process with a child, like the launcher of an attempt."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with subprocess.Popen((sys.executable, "-c", code), start_new_session=True) as process:
        deadline = time.monotonic() + 20
        while not descendants(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        below = descendants(process.pid)
        yield process
        for pid in (*below, process.pid):
            if stat_of(pid) is not None:
                os.kill(pid, 9)


@pytest.mark.parametrize("value", [0.0, 0.99])
def test_a_running_job_is_killed(launcher, tmp_path, value):
    attempt(tmp_path, "abc-1", launcher.pid, stat_of(launcher.pid)[1])
    below = descendants(launcher.pid)
    chosen = launcher.pid if value == 0 else below[0]
    said = Mischief(None, tmp_path, tmp_path).inject(Act(0, Deed.KILL_JOB, value=value))
    assert f" {chosen} of the attempt abc-1" in said
    deadline = time.monotonic() + 20
    while stat_of(chosen) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert stat_of(chosen) is None


def test_a_pid_that_belongs_to_another_is_left_alone(launcher, tmp_path):
    attempt(tmp_path, "abc-1", launcher.pid, stat_of(launcher.pid)[1] + 1)
    attempt(tmp_path, "abd-2", launcher.pid, stat_of(launcher.pid)[1])  # a second attempt is left alone
    clock = iter(float(second) for second in range(0, 1000, 5))
    mischief = Mischief(None, tmp_path, tmp_path, clock=lambda: next(clock), sleep=lambda seconds: None)
    with pytest.raises(InputError, match="No job ran"):
        mischief.inject(Act(0, Deed.KILL_JOB, value=0.5))
    assert stat_of(launcher.pid) is not None


def test_a_large_disk_is_never_filled(tmp_path):
    with pytest.raises(InputError, match="small file system of its own"):
        fill_disk(tmp_path)
    assert not list(tmp_path.iterdir())


def test_clock_steps_add_up(tmp_path):
    file = tmp_path / "clock"
    set_clock(file, 0.0)
    mischief = Mischief(None, None, tmp_path, file)
    mischief.inject(Act(0, Deed.STEP_CLOCK, value=3600.0))
    assert "+3300 s" in mischief.inject(Act(0, Deed.STEP_CLOCK, value=-300.0))
    assert file.read_text() == "+3300\n"


def test_a_daemon_with_a_clock_keeps_its_monotonic_one(tmp_path):
    made = with_clock(Daemon(SLEEPER, tmp_path, {"A": "b"}), Path("/lib/x.so"), tmp_path / "clock")
    assert made.environment["LD_PRELOAD"] == "/lib/x.so"
    assert made.environment["FAKETIME_DONT_FAKE_MONOTONIC"] == "1"
    assert made.environment["A"] == "b"


@pytest.mark.skipif(faketime_library() is None, reason="faketime is not installed")
def test_a_stepped_clock_is_the_daemons_alone(tmp_path):
    """It sees another time and can sleep; what it starts sees the true one."""
    code = "import time, subprocess, sys; time.sleep(0.01); print(time.time(), flush=True); " + (
        "subprocess.run([sys.executable, '-c', 'import time; print(time.time())'])"
    )
    file = tmp_path / "clock"
    made = with_clock(Daemon((sys.executable, "-c", code), tmp_path, {}), faketime_library(), file)
    set_clock(file, 7200.0)
    began = time.time()
    made.start()
    deadline = time.monotonic() + 30
    while made.running and time.monotonic() < deadline:
        time.sleep(0.02)
    stepped, true = map(float, made.output.read_text().split())
    assert 7190 < stepped - began < 7260
    assert -2 < true - began < 60


def test_state_dir_is_read_from_the_configuration(tmp_path):
    file = tmp_path / "beampace.toml"
    file.write_text('state_dir = "state"\n[beamtime]\nroots = []\n')
    assert state_dir_of(("beampace", "serve", "--config", str(file))) == tmp_path / "state"
    assert state_dir_of(("beampace", "serve")) is None
    file.write_text("state_dir = [")
    assert state_dir_of(("beampace", "serve", "--config", str(file))) is None


def test_words_of_the_daemon_are_split_without_a_shell(tmp_path):
    assert Daemon.from_words("beampace serve --config 'a b'", tmp_path).argv[-1] == "a b"
    with pytest.raises(InputError, match="no command line"):
        Daemon.from_words("beampace 'serve", tmp_path)
    with pytest.raises(InputError):
        Daemon.from_words("  ", tmp_path)
