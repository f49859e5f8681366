"""Recipes as files: what is accepted, what is refused and in which words."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.errors import InputError
from beampace.engines.recipe import Recipe, Values, fill, list_recipes, load_recipe, recipe_schema_text
from beampace.engines.recipe.placeholders import PLACEHOLDERS, check_template, filled
from tests.support.recipes import toml

GOOD = {"name": "tool", "command": ["tool", "{master}"]}


def written(path: Path, values: dict, mode: int = 0o644) -> Path:
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in values.items()) + "\n")
    path.chmod(mode)
    return path


def values(**changes) -> Values:
    given = {
        "master": Path("/raw/a b/x_master.h5"), "companion": Path("/out/x_master.h5"),
        "out": Path("/out/tool"),
        "name": "x", "images": (3, 12), "d_min": None, "resolution_edge": 1.234, "cores": 4,
        "recipe_dir": Path("/recipes"),
    }  # fmt: skip
    return Values(**{**given, **changes})


WRONG = {
    "a key nobody knows": ({"comand": ["x"]}, "comand"),
    "a placeholder nobody knows": ({"command": ["tool", "{mater}"]}, "{mater}"),
    "a brace alone": ({"command": ["tool", "{"]}, "command.1"),
    "no command": ({"command": []}, "command"),
    "a name that is a path": ({"name": "../x"}, "name"),
    "the name of an engine of our own": ({"name": "dials"}, "dials"),
    "a kind nobody knows": ({"kinds": ["spiral"]}, "kinds.0"),
    "a result outside": ({"results": {"mtz": "../*.mtz"}}, "results.mtz"),
    "a result at the root": ({"results": {"mtz": "/etc/*"}}, "results.mtz"),
    "the name of a file of ours": ({"results": {"log": "*.log"}}, "log"),
    "required but not a result": ({"required": ["mtz"]}, "mtz"),
    "a pattern that is none": ({"failures": [{"pattern": "(", "code": "not_indexed"}]}, "failures.0.pattern"),
    "a code nobody knows": ({"failures": [{"pattern": "x", "code": "sad"}]}, "failures.0.code"),
    "keys without JSON": ({"summary": {"keys": {"code": "x"}}}, 'read = "json"'),
    "JSON without keys": ({"read": "json"}, "keys"),
    "a companion before the frames": ({"command": ["x", "{companion}"], "start": "seen"}, "companion"),
    "lines in one": ({"environment": ["a\nb"]}, "environment.0"),
    "no time": ({"resources": {"minutes": 0}}, "resources.minutes"),
    "another schema": ({"schema": "recipe-9"}, "recipe-1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_recipe_names_file_and_key(tmp_path, name):
    changes, words = WRONG[name]
    path = written(tmp_path / "r.toml", {**GOOD, **changes})
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert str(path) in caught.value.detail and words in caught.value.detail


def test_what_is_no_toml(tmp_path):
    path = tmp_path / "r.toml"
    for content in (b"name = ", b"\xff\xfe", b"a" * 300_000):
        path.write_bytes(content)
        path.chmod(0o644)
        with pytest.raises(InputError, match=r"r\.toml"):
            load_recipe(path)
    with pytest.raises(InputError, match=r"absent\.toml"):
        load_recipe(tmp_path / "absent.toml")


@pytest.mark.parametrize("mode", [0o646, 0o664, 0o666])
def test_a_file_others_can_write_is_refused(tmp_path, mode):
    with pytest.raises(InputError, match=r"chmod go-w .*r\.toml"):
        load_recipe(written(tmp_path / "r.toml", GOOD, mode))


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
@pytest.mark.parametrize("place", ["open", "open/below/it"])
def test_a_directory_others_can_write_is_refused(tmp_path, mode, place):
    (tmp_path / place).mkdir(parents=True)
    path = written(tmp_path / place / "r.toml", GOOD)
    (tmp_path / "open").chmod(mode)
    with pytest.raises(InputError, match=r"chmod go-w .*open$"):
        load_recipe(path)
    (tmp_path / "open").chmod(mode | 0o1000)
    assert load_recipe(path).recipe.name == "tool"


def test_a_link_in_a_directory_others_can_write_is_refused(tmp_path):
    path = written(tmp_path / "r.toml", GOOD)
    (tmp_path / "open").mkdir()
    (tmp_path / "open/link.toml").symlink_to(path)
    (tmp_path / "open").chmod(0o775)
    with pytest.raises(InputError, match=r"chmod go-w .*open$"):
        load_recipe(tmp_path / "open/link.toml")
    assert load_recipe(path).recipe.name == "tool"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["theirs", "theirs/r.toml"])
def test_what_belongs_to_another_account_is_refused(tmp_path, what):
    (tmp_path / "theirs").mkdir()
    path = written(tmp_path / "theirs/r.toml", GOOD)
    os.chown(tmp_path / what, 4242, -1)
    with pytest.raises(InputError, match=r"another account \(uid 4242\)"):
        load_recipe(path)


def test_never_from_data_also_behind_a_link(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "recipes").mkdir()
    written(tmp_path / "raw/r.toml", GOOD)
    link = tmp_path / "recipes/r.toml"
    link.symlink_to(tmp_path / "raw/r.toml")
    with pytest.raises(InputError, match="data of a beamtime"):
        load_recipe(link, never_below=[tmp_path / "raw"])
    assert load_recipe(link).path == tmp_path / "raw/r.toml"


def test_the_good_ones_are_found_beside_wrong_ones(tmp_path):
    written(tmp_path / "a.toml", GOOD)
    written(tmp_path / "b.toml", {**GOOD, "name": "other"})
    written(tmp_path / "c.toml", {**GOOD, "name": "Wrong"})
    written(tmp_path / "d.toml", GOOD)
    (tmp_path / "notes.txt").write_text("no recipe")
    found, wrong = list_recipes([tmp_path, tmp_path / "absent"])
    assert sorted(found) == ["other", "tool"] and found["tool"].path.name == "a.toml"
    details = " ".join(error.detail for error in wrong)
    assert len(wrong) == 3 and "c.toml" in details and "d.toml" in details and "absent" in details


def test_the_published_schema_is_current():
    path = resources.files("beampace.engines.recipe") / "schemas/recipe-1.schema.json"
    assert json.loads(path.read_text()) == json.loads(recipe_schema_text())


def test_every_placeholder_has_a_value():
    recipe = Recipe(name="tool", command=("tool", *(f"{{{name}}}" for name in PLACEHOLDERS)), prefix="p")
    assert dict(zip(PLACEHOLDERS, fill(recipe, values())[1:], strict=True)) == {
        "master": "/raw/a b/x_master.h5", "companion": "/out/x_master.h5", "out": "/out/tool",
        "directory": "/raw/a b", "name": "x", "frames": "10", "first": "3", "last": "12", "d_min": "1.23",
        "resolution_edge": "1.23", "cores": "4", "prefix": "p", "recipe_dir": "/recipes",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["-rf", "--help", "a\nb", "a\x1b[2J", "a\x7f"])
def test_values_that_no_program_may_see(name):
    with pytest.raises(InputError):
        fill(Recipe(name="tool", command=("tool", "{name}")), values(name=name))


def test_an_option_of_the_recipe_itself_is_one():
    assert fill(Recipe(name="tool", command=("tool", "-n{name}")), values(name="-x")) == ("tool", "-n-x")


@given(st.text())
def test_what_is_put_in_is_not_looked_at_again(text):
    put = dict.fromkeys(PLACEHOLDERS, text)
    assert filled("a{master}b", put) == f"a{text}b"
    for wild in ("{{master}}", "{{", "}}"):
        assert filled(check_template(wild), put) == wild.replace("{{", "{").replace("}}", "}")


@given(st.text(alphabet="<>&'\"ab"))
def test_inputs_are_escaped(text):
    made = filled("{name}", {"name": text}, xml=True)
    assert "<" not in made and ">" not in made and '"' not in made and "'" not in made
