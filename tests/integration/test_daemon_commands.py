"""The commands that talk to the daemon, as programs, against a socket that answers."""

import json
import os
import signal
import subprocess
import sys
from contextlib import chdir, contextmanager

from typer.testing import CliRunner

from beampace.cli.main import app
from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.service.socket_server import serve_control
from beampace.web import AnnounceRequest, CancelRequest, ControlTwin, ReprocessRequest
from tests.support.serving import running, until


@contextmanager
def daemon(tmp_path, control):
    with running(lambda: serve_control(control, tmp_path / "control.sock")):
        yield


class Ended:
    def __init__(self, result):
        self.returncode, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr


def beampace(tmp_path, *words):
    """Run the program in this process, in `tmp_path`."""
    with chdir(tmp_path):
        environment = {"BEAMPACE_STATE_DIR": str(tmp_path), "COLUMNS": "200"}
        return Ended(CliRunner().invoke(app, words, env=environment))


def test_announcing_says_what_the_daemon_made_of_it(tmp_path):
    control = ControlTwin()
    with daemon(tmp_path, control):
        words = (
            "announce",
            "a_master.h5",
            "--kind",
            "grid",
            "--group",
            "g",
            "--sample",
            "p1",
            "--frames",
            "96",
        )
        first = beampace(tmp_path, *words)
        again = beampace(tmp_path, *words, "--json")
    assert (first.returncode, first.stdout) == (0, "The dataset is new (dataset 1).\n")
    assert json.loads(again.stdout)["news"] == "same"
    expected = AnnounceRequest(
        path=str(tmp_path / "a_master.h5"), kind="grid", group="g", sample="p1", frames=96
    )
    assert control.asked == [expected, expected]


def test_links_in_a_path_are_left_to_the_daemon(tmp_path):
    (tmp_path / "current").symlink_to("/gpfs/nowhere")
    control = ControlTwin()
    with daemon(tmp_path, control):
        assert beampace(tmp_path, "announce", "current/raw/x/../a_master.h5").returncode == 0
    assert control.asked[0].path == str(tmp_path / "current" / "raw" / "a_master.h5")


def test_a_wrong_value_is_named_and_reaches_nobody(tmp_path):
    control = ControlTwin()
    with daemon(tmp_path, control):
        wrong = [
            beampace(tmp_path, "announce", "a_master.h5", "--group", "../b", "--json"),
            beampace(tmp_path, "reprocess", "1", "--images", "9:2", "--json"),
            beampace(tmp_path, "reprocess", "1", "--unit-cell", "1,2", "--json"),
            beampace(tmp_path, "reprocess", "1", "--space-group", "P99", "--json"),
        ]
    for one, named in zip(wrong, ("group", "--images", "--unit-cell", "--space-group"), strict=True):
        assert one.returncode == 2
        assert named in json.loads(one.stdout)["words"]
        assert "Traceback" not in one.stderr
    assert control.asked == []


def test_reprocessing_and_cancelling(tmp_path):
    control = ControlTwin()
    with daemon(tmp_path, control):
        beampace(tmp_path, "announce", "a_master.h5")
        options = ("--engine", "xds", "--images", "1:90", "--space-group", "96", "--d-min", "1.8")
        cell = ("--unit-cell", "78.5,78.5,37.5,90,90,90")
        made = beampace(tmp_path, "reprocess", "a_master.h5", *options, *cell, "--json")
        key = json.loads(made.stdout)["jobs"][0]["key"]
        ended = beampace(tmp_path, "cancel", key)
        gone = beampace(tmp_path, "cancel", "1")
    path = str(tmp_path / "a_master.h5")
    assert control.asked[1] == ReprocessRequest(
        dataset=path, engine="xds", images=(1, 90), space_group="P 43 21 2", d_min=1.8,
        unit_cell=(78.5, 78.5, 37.5, 90, 90, 90),
    )  # fmt: skip
    assert control.asked[2:] == [CancelRequest(job=key), CancelRequest(dataset=1)]
    assert (ended.returncode, ended.stdout) == (0, f"Job {key} is being ended.\n")
    assert gone.returncode == 2
    assert "no such job" in gone.stderr


def test_status_without_a_daemon_says_what_to_do(tmp_path):
    plain, formatted = beampace(tmp_path, "status"), beampace(tmp_path, "status", "--json")
    for one in (plain, formatted):
        assert one.returncode == 3
        assert str(tmp_path / "control.sock") in one.stderr
        assert "beampace serve" in one.stderr
    assert plain.stdout == ""
    assert json.loads(formatted.stdout)["code"] == "daemon_missing"


def test_a_refusal_has_the_exit_code_of_its_ending(tmp_path):
    def refuse(_):
        raise InputError(Failure.NOT_A_DATASET, "/a is text.")

    with daemon(tmp_path, ControlTwin(before=refuse)):
        told = beampace(tmp_path, "status", "11001234")
    assert told.returncode == 2
    assert "not_a_dataset: This is not the master file of a dataset. /a is text." in told.stderr


def test_watching_goes_on_through_a_restart_and_ends_well_on_ctrl_c(tmp_path):
    environment = {**os.environ, "BEAMPACE_STATE_DIR": str(tmp_path)}
    control = ControlTwin()
    with daemon(tmp_path, control):
        watching = subprocess.Popen(
            [sys.executable, "-m", "beampace", "status", "--watch"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until(lambda: len(control.asked) >= 2, 60)
    after = ControlTwin()
    with daemon(tmp_path, after):
        until(lambda: after.asked, 60)
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=60)
    assert (watching.returncode, err) == (0, "")
    assert "beamtime" in out


def test_status_does_not_load_the_processing():
    """It must come at once; numpy, h5py and the web server alone take longer than that."""
    code = "import sys; import beampace.cli.status, beampace.cli.main; print('\\n'.join(sys.modules))"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    heavy = {"numpy", "h5py", "gemmi", "numba", "fastapi", "uvicorn", "sqlalchemy", "matplotlib", "jinja2"}
    assert not heavy & set(listed.stdout.split())
