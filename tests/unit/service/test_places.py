from pathlib import Path

import pytest

from beampace.core.errors import InputError
from beampace.service.places import socket_path, state_directory


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "beampace.toml"
    path.write_text('state_dir = "/from/file"\n[http]\nport = 1\n')
    return path


def test_the_nearest_word_counts(config):
    home = {"XDG_STATE_HOME": "/xdg"}
    variable = home | {"BEAMPACE_STATE_DIR": "/from/variable"}
    assert state_directory(Path("/given"), config, variable) == Path("/given")
    assert state_directory(None, config, variable) == Path("/from/variable")
    assert state_directory(None, config, home) == Path("/from/file")
    assert state_directory(None, None, home | {"BEAMPACE_CONFIG": str(config)}) == Path("/from/file")
    assert state_directory(None, None, home) == Path("/xdg/beampace")
    assert state_directory(None, None, {}) == Path.home() / ".local/state/beampace"


def test_a_relative_path_in_a_file_is_relative_to_the_file(config):
    config.write_text('state_dir = "state"')
    assert state_directory(None, config, {}) == config.parent / "state"
    config.write_text("[http]\nport = 1\n")
    assert state_directory(None, config, {"XDG_STATE_HOME": "/xdg"}) == Path("/xdg/beampace")


@pytest.mark.parametrize("text", ["state_dir = 3", "state_dir", "\x00"])
def test_a_broken_file_is_named(config, text):
    config.write_text(text)
    with pytest.raises(InputError, match=r"beampace\.toml"):
        state_directory(None, config, {})
    with pytest.raises(InputError, match=r"none\.toml"):
        state_directory(None, config.with_name("none.toml"), {})


def test_the_socket_is_in_it():
    assert socket_path(Path("/s")) == Path("/s/control.sock")
