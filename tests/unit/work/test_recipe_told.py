"""What a program says in JSON of its own: read, or refused in words."""

from __future__ import annotations

import json

import pytest

from beampace.core.errors import InfrastructureError
from beampace.engines.recipe import Recipe
from beampace.work.recipe_told import told_by

KEYS = {"code": "status", "space_group": "sg", "unit_cell": "cell", "d_min": "limit"}
RECIPE = Recipe.model_validate(
    {
        "name": "tool",
        "command": ["tool"],
        "read": "json",
        "summary": {"file": "summary.json", "keys": KEYS, "codes": {"good": "finished"}},
    }
)
SAID = {"status": "good", "limit": 1.9, "sg": 96, "cell": [78, 78, 37, 90, 90, 90]}


def told(directory, **changes):
    (directory / "summary.json").write_text(json.dumps({**SAID, **changes}))
    return told_by(RECIPE, directory)


def test_crystal_and_further_numbers(tmp_path):
    found = told(tmp_path)
    assert (found.verdict.code, found.found) == ("finished", {"d_min": 1.9})
    assert (found.crystal.space_group, found.crystal.unit_cell[2]) == ("P 43 21 2", 37)


@pytest.mark.parametrize(
    "changes",
    [
        {"sg": "P 4\ud800"},
        {"limit": "\ud800"},
        {"status": "\ud800"},
        {"cell": 78},
        {"cell": {"a": 78}},
        {"cell": [10**400] * 6},
        {"cell": [78, 78]},
        {"sg": [[1]]},
    ],
)
def test_values_of_another_kind_are_refused(tmp_path, changes):
    with pytest.raises(InfrastructureError, match=r"summary\.json is not as its recipe says"):
        told(tmp_path, **changes)
