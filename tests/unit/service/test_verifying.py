"""`config verify`: whatever `serve` would refuse, or could never carry out, with its file and key."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from beampace.cli.main import app
from beampace.cli.serve import engines_of
from beampace.core.errors import InputError
from beampace.service.assembly import assembled, served
from beampace.service.configuration import load
from beampace.service.settings import Settings
from beampace.service.state import own_directory
from beampace.service.status import status_of
from beampace.service.verifying import faults_of
from beampace.store.file_system import refuse_network
from tests.support.recipes import write_recipe

RULE = """[[rules]]
name = "other"
kinds = ["rotation"]
on = "complete"
work = "process"
work_class = "full"
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "beampace.toml"
    path.write_text(f'state_dir = "{directory}/state"\n{text}', encoding="utf-8")
    return path


def faults(directory: Path, text: str) -> list[str]:
    found = load(written(directory, text), {})
    return faults_of(found, engines_of(found.settings))


WRONG = {
    "a pattern that is none": ('[groups]\nrule = "pattern"\npattern = "("\n', "groups.pattern"),
    "a table that is not there": ('[groups]\ntable = "/nonexistent.csv"\n', "groups.table"),
    "too much kept": ("[cluster]\ncores = 2\nurgent_cores = 1\nlive_cores = 1\n", "cluster.urgent_cores"),
    "an account nobody has": ('[control]\nallowed_users = ["nobody-has-this"]\n', "control.allowed_users"),
    "a group nobody has": ('[control]\nallowed_groups = ["nobody-has-this"]\n', "control.allowed_groups"),
    "tokens that are not there": ('[http]\nport = 8011\ntokens = "/nonexistent"\n', "http.tokens"),
    "a proxy that is not named": ('[http]\nport = 8011\npublic_url = "https://h"\n', "http.public_url"),
    "a hook that is not absolute": ('[results.hooks]\ncommand = ["true"]\n', "results.hooks.command"),
    "a hook that is not there": ('[results.hooks]\ncommand = ["/no/program"]\n', "results.hooks.command"),
    "a hook in the clear": ('[results.hooks]\nurl = "http://elsewhere/x"\n', "results.hooks.url"),
    "a ledger of another kind": ('[store]\nurl = "mysql://h/d"\n', "store.url"),
    "an engine nobody has": (f'[engines]\navailable = []\n{RULE}engine = "xyz"\n', "rules"),
    "a work nobody does": (RULE.replace("process", "merge"), "rules"),
    "a cluster nobody can be let into": ('[cluster]\nkind = "slurm"\n', "cluster.kind"),
    "host keys that are not there": (
        '[cluster]\nkind = "slurm"\n[cluster.slurm]\nknown_hosts = "/nonexistent"\n',
        "cluster.slurm.known_hosts",
    ),
    "a token nobody names": (
        '[cluster]\nkind = "slurm"\n[cluster.slurm]\nvia = "rest"\nrest_url = "https://x"\n',
        "cluster.kind",
    ),
    "a room outside of the beamtime": (
        '[cluster]\nkind = "slurm"\n[cluster.slurm]\nvia = "local"\nwork_room = "a/../../b"\n',
        "cluster.slurm.work_room",
    ),
    "recipes that are not there": ('[engines]\nrecipes = ["/nonexistent"]\n', "engines.recipes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_serve_refuses_is_named_with_file_and_key(tmp_path: Path, name: str) -> None:
    text, key = WRONG[name]
    (said, *others) = faults(tmp_path, text)
    assert not others
    assert said.startswith(f"{tmp_path}/beampace.toml: {key}: "), said
    assert not (tmp_path / "state").exists()


def test_what_is_right_has_no_faults(tmp_path: Path) -> None:
    text = '[engines]\navailable = ["dials"]\n[results.hooks]\ncommand = ["/bin/true"]\n'
    assert faults(tmp_path, text) == []


def test_a_state_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert any("state_dir" in said and "no directory" in said for said in faults(tmp_path, ""))


def test_a_state_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    assert any("state_dir" in said and "cannot be written" in said for said in faults(tmp_path, ""))


def test_a_state_directory_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"1 1 0:1 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(refuse_network, "__defaults__", (mounts,))
    (said,) = faults(tmp_path, "")
    assert "state_dir" in said and "nfs4" in said


def test_the_command_lists_all_faults(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/r.toml").write_text('name = "r"\ncomand = ["x"]\n')
    text = f'[engines]\nrecipes = ["{tmp_path}/recipes"]\navailable = ["dials"]\n[groups]\nrule = "pattern"\n'
    done = CliRunner().invoke(app, ["config", "verify", "--config", str(written(tmp_path, text))])
    assert done.exit_code == 2
    said = " ".join(done.output.split())
    assert "engines.recipes" in said and "comand" in said and "groups.rule" in said


def test_tokens_are_made_once_and_shown_once(tmp_path: Path) -> None:
    path = written(tmp_path, "[http]\nport = 8011\n")
    first = CliRunner().invoke(app, ["config", "tokens", "--config", str(path)])
    again = CliRunner().invoke(app, ["config", "tokens", "--config", str(path)])
    tokens = tmp_path / "state/tokens"
    assert (first.exit_code, again.exit_code) == (0, 2)
    assert tokens.stat().st_mode & 0o777 == 0o600
    assert tokens.read_text() in first.output
    token = tokens.read_text().split()[-1]
    assert token in first.output and token not in again.output
    assert CliRunner().invoke(app, ["config", "verify", "--config", str(path)]).exit_code == 0


def test_a_daemon_starts_without_a_wrong_recipe_and_without_tokens(tmp_path: Path) -> None:
    write_recipe(tmp_path / "recipes")
    (tmp_path / "recipes/wrong.toml").write_text('name = "wrong"\ncomand = ["x"]\n')
    settings = Settings.model_validate(
        {
            "state_dir": str(tmp_path / "state"),
            "beamtime": {"fixed": str(tmp_path / "play")},
            "engines": {"recipes": [str(tmp_path / "recipes")], "available": []},
            "http": {"port": 8011, "tokens": str(tmp_path / "nowhere")},
            "cluster": {"warm": False},
        }
    )

    async def start() -> None:
        async with served(daemon) as port:
            assert port is None

    with (
        own_directory(settings.state_dir),
        assembled(settings, engines_of(settings), structlog.get_logger()) as daemon,
    ):
        asyncio.run(start())
        assert daemon.desk.engines == {"tool"}
        daemon.turn()
        words = [one.words for one in status_of(daemon, "").troubles]
        steps = [one.next_step for one in status_of(daemon, "").troubles]
    assert any("wrong.toml" in said and "comand" in said for said in words)
    assert any("HTTP interface is off" in said for said in words)
    assert any("beampace config tokens" in said for said in steps)
    assert any("'full processing' can never be carried out" in said and "'dials'" in said for said in words)


def test_a_wrong_pattern_still_keeps_the_daemon_from_starting(tmp_path: Path) -> None:
    path = written(tmp_path, '[groups]\nrule = "pattern"\npattern = "("\n[cluster]\nwarm = false\n')
    settings = load(path, {}).settings
    with (
        own_directory(settings.state_dir),
        pytest.raises(InputError),
        assembled(settings, engines_of(settings), structlog.get_logger()),
    ):
        pass
