"""One process for all steps: what it is told, how it ends, and when there is none."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beampace.core.errors import Cancelled
from beampace.engines.dials.installation import DialsInstallation
from beampace.engines.dials.session import Refused, Session, start

ANSWERING = """
import json, os, sys, time
for line in sys.stdin:
    order = json.loads(line)
    if order["do"] == "die":
        os.kill(os.getpid(), 9)
    if order["do"] == "sleep":
        import subprocess
        print(json.dumps({"line": f"pid {subprocess.Popen(['sleep', '60']).pid}"}), flush=True)
        time.sleep(60)
    for word in order["words"]:
        print(json.dumps({"line": word}), flush=True)
    print(json.dumps({"end": order["code"]}), flush=True)
"""


def nothing() -> None:
    pass


@pytest.fixture
def session():
    process = subprocess.Popen(
        [sys.executable, "-c", ANSWERING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    one = Session(process)
    yield one
    one.close()


def installation(directory: Path, python: str) -> tuple[DialsInstallation, dict[str, str]]:
    program = directory / "dials.import"
    program.write_text(f"#!{python}\n")
    program.chmod(0o755)
    made = DialsInstallation(directory)
    return made, made.environment()


def test_orders_one_after_another(session, tmp_path):
    seen = []
    for code in (0, 3):
        order = {"do": "", "words": [f"a{code}\n", "b\n"], "code": code}
        outcome = session.run(order, tmp_path / "log", nothing, seen.append)
        assert (outcome.returncode, outcome.text) == (code, f"a{code}\nb\n")
        assert (tmp_path / "log").read_text() == outcome.text
    assert seen == ["a0\n", "b\n", "a3\n", "b\n"]


def test_a_process_that_dies_is_the_order_s_signal_and_that_of_all_after_it(session, tmp_path):
    for _ in range(2):
        outcome = session.run({"do": "die", "words": []}, tmp_path / "log", nothing)
        assert outcome.returncode == -9


def test_cancelling_ends_the_process_and_what_it_started(session, tmp_path):
    pids = []

    def check() -> None:
        if pids:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        session.run({"do": "sleep"}, tmp_path / "log", check, lambda line: pids.append(int(line.split()[1])))
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pids[0]}").exists() and "Z" not in state(pids[0]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert session.process.poll() is not None


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return "Z"


def test_a_python_without_dials_gives_no_session(tmp_path):
    made, environment = installation(tmp_path, sys.executable)
    with pytest.raises(Refused, match="while it imported"):
        start(made, environment, tmp_path, nothing)


def test_an_unknown_version_gives_no_session(tmp_path):
    """A Python that answers as the process would, for a DIALS of the future."""
    python = tmp_path / "python3"
    answer = json.dumps({"ready": 1, "version": "4.1.2"})
    python.write_text(f"#!/bin/sh\necho '{answer}'\nexec sleep 60\n")
    python.chmod(0o755)
    made, environment = installation(tmp_path, str(python))
    with pytest.raises(Refused, match=r"DIALS 4\.1\.2"):
        start(made, environment, tmp_path, nothing)


def test_a_shortcut_that_does_not_fit_gives_no_session(tmp_path):
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\necho \'{"refused": "a shortcut does not fit"}\'\n')
    python.chmod(0o755)
    made, environment = installation(tmp_path, str(python))
    with pytest.raises(Refused, match="does not fit"):
        start(made, environment, tmp_path, nothing)


def test_a_compiled_launcher_gives_no_session(tmp_path):
    (tmp_path / "dials.import").write_bytes(b"\x7fELF")
    os.chmod(tmp_path / "dials.import", 0o755)  # noqa: PTH101
    made = DialsInstallation(tmp_path)
    with pytest.raises(Refused, match="cannot be found out"):
        start(made, made.environment(), tmp_path, nothing)
