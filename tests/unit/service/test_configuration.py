"""The configuration: file, environment, origins, and words for what is wrong."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from beampace.core.errors import InputError
from beampace.service.configuration import load, values


def written(directory: Path, text: str) -> Path:
    path = directory / "beampace.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_everything_is_default():
    found = load(None, {"XDG_STATE_HOME": "/var/lib/me"})
    assert found.settings.state_dir == Path("/var/lib/me/beampace")
    assert set(found.origins.values()) == {"default"}


def test_the_environment_goes_before_the_file(tmp_path):
    file = written(tmp_path, 'state_dir = "state"\n[cluster]\ncores = 4\nurgent_cores = 1\n')
    found = load(file, {"BEAMPACE_CLUSTER__CORES": "12"})
    assert found.settings.cluster.cores == 12
    assert found.settings.cluster.urgent_cores == 1
    assert found.settings.state_dir == tmp_path / "state"
    assert found.origins["cluster.cores"] == "environment BEAMPACE_CLUSTER__CORES"
    assert found.origins["cluster.urgent_cores"] == str(file)
    assert found.origins["cluster.warm"] == "default"


def test_the_file_may_be_named_by_the_environment(tmp_path):
    file = written(tmp_path, "[http]\nport = 8011\n")
    assert load(None, {"BEAMPACE_CONFIG": str(file)}).settings.http.port == 8011


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cluster]\ncors = 4\n", ("cluster.cors", "is cluster.cores meant?")),
        ("[cluster]\ncores = 0\n", ("cluster.cores", "greater than or equal to 1")),
        ("[cluster]\ncores = 'many'\n", ("cluster.cores", "'many'")),
        ("[clutser]\ncores = 4\n", ("clutser", "no such key")),
        ("[cluster\n", ("not a TOML file", "line 1")),
        ("[[rules]]\nname = 'x'\n", ("rules.0.kinds",)),
        ("[results]\nkeep = 'some'\n", ("results.keep", "'some'")),
        ("[beamline]\nmax_rate = 0\n", ("beamline.max_rate", "greater than 0")),
        ("[beamline]\ndistance_mm = [500, 100]\n", ("beamline.distance_mm", "not below")),
        ("[beamline]\ntransmission = [0, 50]\n", ("beamline.transmission.1", "less than or equal to 1")),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path, text, words):
    file = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load(file, {})
    said = str(caught.value)
    assert str(file) in said
    for word in words:
        assert word in said


def test_a_wrong_variable_is_said_to_be_one(tmp_path):
    with pytest.raises(InputError, match=r"the environment: cluster\.cores"):
        load(written(tmp_path, ""), {"BEAMPACE_CLUSTER__CORES": "x"})


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml"):
        load(tmp_path / "none.toml", {})


def test_the_password_of_the_ledger_is_not_shown(tmp_path):
    file = written(tmp_path, '[store]\nurl = "postgresql://me:hush@host/db"\n')
    found = load(file, {})
    assert found.settings.store.url.get_secret_value().endswith("@host/db")
    assert "hush" not in str(dict(values(found.settings)))
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        'store = "postgresql://me:hush@host/db"\n',
        '[store]\nurl = ["postgresql://me:hush@host/db"]\n',
        '[results]\nhooks = "https://host/hush"\n',
        '[results.hooks]\nurl = ["https://host/hush"]\n',
        '[results.hooks]\ncommand = "send --password hush"\n',
        '[results.hooks]\npassword = "hush"\n',
    ],
)
def test_what_may_be_a_password_is_never_quoted(tmp_path, text):
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, text), {})
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    assert str(tmp_path) in str(caught.value)


def test_a_password_in_the_environment_is_not_quoted_either(tmp_path):
    password = "".join(("hu", "sh"))  # the traceback quotes the lines of this file
    with pytest.raises(InputError, match="store") as caught:
        load(written(tmp_path, ""), {"BEAMPACE_STORE": f"postgresql://me:{password}@host/db"})
    assert password not in "".join(traceback.format_exception(caught.value))
