"""`beampace access`, as a program against the daemon's own control and a real ledger."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from beampace.cli.main import app
from beampace.service.access_desk import AccessDesk
from beampace.service.socket_server import serve_control
from beampace.store import open_ledger
from beampace.web.access.door import Door
from beampace.web.page_settings import PageSettings
from tests.support.serving import running

PUBLIC = "https://bl.example.org/beampace"
PASSWORD = "correct horse battery staple"


class Control(AccessDesk):
    """The daemon's control without a daemon: access needs none."""

    def __init__(self, door):
        self.door = door


@contextmanager
def daemon(tmp_path, *, with_pages=True):
    ledger = open_ledger(tmp_path)
    door = Door(ledger, PageSettings(public_url=PUBLIC, base_path="/beampace")) if with_pages else None
    try:
        with running(lambda: serve_control(Control(door), tmp_path / "control.sock")):
            yield ledger, door
    finally:
        ledger.close()


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return directory


def access(state, *words, typed=None):
    environment = {"BEAMPACE_STATE_DIR": str(state), "COLUMNS": "200"}
    return CliRunner().invoke(app, ("access", *words), env=environment, input=typed)


def test_a_link_is_printed_once_and_lets_in_whom_it_says(state):
    with daemon(state) as (ledger, door):
        assert "No beamtime is open" in access(state, "link", "--group", "a").stderr
        ledger.open_beamtime("11001", "/gpfs/current")
        said = access(state, "link", "--group", "a", "--note", "for Ada").stdout
        address = said.splitlines()[0]
        assert address.startswith(f"{PUBLIC}/in#")
        token = address.partition("#")[2]
        assert token not in access(state, "list").stdout
        _, session = door.enter(address, "192.0.2.1")
        assert (session.kind, session.beamtime, session.group) == ("group", "11001", "a")
        staff = json.loads(access(state, "link", "--staff", "--json").stdout)
        assert door.enter(staff["address"], "")[1].kind == "staff"
        wall = json.loads(access(state, "link", "--wall", "--hours", "5", "--json").stdout)
        assert door.enter(wall["address"], "")[1].kind == "wall"
        assert door.enter(wall["address"], "")[1].group == ""
        listed = json.loads(access(state, "list", "--json").stdout)
        assert [one["state"] for one in listed["passes"]] == ["lets in", "used", "used"]
        assert len(listed["sessions"]) == 4


def test_forgetting_the_group_makes_no_link_of_staff(state):
    with daemon(state) as (ledger, _):
        for words in (("link",), ("link", "--group", "a", "--staff"), ("link", "--wall", "--staff")):
            assert access(state, *words).exit_code != 0
        assert access(state, "link", "--wall", "--beamtime", "11001").exit_code != 0
        assert access(state, "link", "--group", "../a", "--beamtime", "11001").exit_code != 0
        assert access(state, "password", typed=f"{PASSWORD}\n").exit_code != 0
        assert ledger.passes() == ()
        assert ledger.passwords() == ()


def test_a_password_comes_from_standard_input_and_never_from_the_command_line(state):
    with daemon(state) as (_, door):
        words = ("password", "--group", "a", "--beamtime", "11001")
        short = access(state, *words, typed="short\n")
        assert short.exit_code != 0
        assert "10 to 256 characters" in short.stderr
        done = access(state, *words, typed=f"{PASSWORD}\n")
        assert done.exit_code == 0, done.stderr
        assert PASSWORD not in done.output
        assert door.passwords.check("11001", "a", PASSWORD).result()
        assert access(state, *words, PASSWORD).exit_code == 2
        assert access(state, "password", "--staff", typed=f"{PASSWORD}!\n").exit_code == 0
        assert door.passwords.check("", "", PASSWORD + "!").result()


def test_what_is_revoked_lets_nobody_in_at_once(state):
    with daemon(state) as (_, door):
        wall = json.loads(access(state, "link", "--wall", "--json").stdout)
        secret, session = door.enter(wall["address"], "")
        other, _ = door.enter(wall["address"], "")
        assert door.sessions.find(secret)
        assert access(state, "revoke", f"session-{session.id}").exit_code == 0
        assert door.sessions.find(secret) is None
        assert door.sessions.find(other)
        assert access(state, "revoke", wall["id"]).exit_code == 0
        assert door.sessions.find(other) is None
        assert door.enter(wall["address"], "") is None
        for named in (wall["id"], "pass-99", "session-0", "x", "1"):
            assert access(state, "revoke", named).exit_code != 0
        deeds = json.loads(access(state, "audit", "--json").stdout)["deeds"]
        assert [one["deed"] for one in deeds] == ["revoked", "revoked", "link_made"]
        assert "link_made" in access(state, "audit", "--limit", "5").stdout


def test_without_pages_there_is_nobody_to_let_in(state):
    with daemon(state, with_pages=False):
        said = access(state, "link", "--staff")
        assert said.exit_code != 0
        assert "[http] port" in said.stderr
