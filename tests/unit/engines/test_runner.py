import os
import sys
import threading
import time
from pathlib import Path

import pytest

from beampace.core.errors import Cancelled
from beampace.engines import runner
from beampace.engines.dials.installation import DialsInstallation, interpreter

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def nothing() -> None:
    pass


def test_output_goes_to_the_log_and_to_the_listener(tmp_path):
    seen = []
    script = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    out = runner.run(
        [sys.executable, "-u", "-c", script], ENVIRONMENT, tmp_path, tmp_path / "log", seen.append, nothing
    )
    assert out.returncode == 3
    assert sorted(seen) == ["one\n", "two\n"]
    assert (tmp_path / "log").read_text() == out.text == "".join(seen)


def test_a_signal_shows_in_the_return_code(tmp_path):
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    out = runner.run([sys.executable, "-c", script], ENVIRONMENT, tmp_path, tmp_path / "log", print, nothing)
    assert out.returncode == -9


def test_cancelling_ends_the_whole_group_even_when_it_ignores_sigterm(tmp_path):
    """A program whose worker ignores SIGTERM: both must be gone afterwards."""
    worker = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    script = (
        "import subprocess, sys, time;"
        f"p = subprocess.Popen([sys.executable, '-c', {worker!r}]);"
        "print('pid', p.pid, flush=True); time.sleep(60)"
    )
    lines, up = [], threading.Event()

    def listen(line: str) -> None:
        lines.append(line)
        if line == "up\n":
            up.set()

    def check() -> None:
        if up.is_set():
            raise Cancelled("enough")

    started = time.monotonic()
    with pytest.raises(Cancelled):
        runner.run([sys.executable, "-c", script], ENVIRONMENT, tmp_path, tmp_path / "log", listen, check)
    assert time.monotonic() - started < 20
    pid = int(next(line for line in lines if line.startswith("pid")).split()[1])
    assert gone(pid)


def gone(pid: int, patience: float = 5.0) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_our_python_does_not_leak_into_the_programs(monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/venv")
    monkeypatch.setenv("PATH", "/somewhere/venv/bin:/usr/bin")
    monkeypatch.setenv("PYTHONPATH", "/somewhere/lib")
    environment = DialsInstallation().environment()
    assert environment["PATH"] == "/usr/bin"
    assert "PYTHONPATH" not in environment
    assert "VIRTUAL_ENV" not in environment
    assert environment["HDF5_USE_FILE_LOCKING"] == "FALSE"


def test_environment_lines_are_carried_out():
    environment = DialsInstallation(setup_lines=("export DIALS_FROM=a\\ b",)).environment()
    assert environment["DIALS_FROM"] == "a b"


def test_a_plug_in_path_of_the_user_is_respected(monkeypatch):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/nonexistent")
    assert DialsInstallation().environment()["HDF5_PLUGIN_PATH"] == "/nonexistent"


def test_all_programs_are_absent_from_an_empty_directory(tmp_path):
    installation = DialsInstallation(variables={"PATH": str(tmp_path)})
    assert "dials.import" in installation.absent(installation.environment())


def test_the_interpreter_is_read_from_the_first_line(tmp_path):
    script, binary = tmp_path / "a", tmp_path / "b"
    script.write_text("#!/usr/bin/python3\nprint()\n")
    binary.write_bytes(b"\x7fELF")
    assert interpreter(script) == "/usr/bin/python3"
    assert interpreter(binary) is None
