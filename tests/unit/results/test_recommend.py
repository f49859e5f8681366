"""Which result is recommended: a decision table, and the file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from beampace.core.errors import BeampaceError
from beampace.results.recommend import (
    Candidate,
    Choice,
    Recommended,
    published_recommended_schema,
    recommend,
    recommended_schema_text,
    write_recommended,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BASE = Candidate("process_001", "process", "dials", "merged", 0, 360, NOW, 1.8, 0.98, 0.999)

# What the other result has else, whether it is preferred, and what the reason says.
TABLE = {
    "more frames after it grew": ({"generation": 1, "n_frames": 720}, True, "after the dataset grew"),
    "newest state first, also with fewer": ({"generation": 1, "n_frames": 100}, True, "grew"),
    "fewer frames": ({"n_frames": 90}, False, "360 frames, not 90"),
    "nearly as many frames, better data": ({"n_frames": 350, "d_min": 1.5}, True, "1.50 Å, not 1.80 Å"),
    "little data": ({"code": "little_data", "d_min": 1.2}, False, "merged, not little data"),
    "finished by a recipe": ({"code": "finished", "engine": "xdsapp"}, False, "merged, not finished"),
    "preferred engine": ({"engine": "xds", "d_min": 2.0}, True, "xds is preferred to dials"),
    "unknown engine": ({"engine": "other", "d_min": 1.0}, False, "dials is preferred to other"),
    "reaches further": ({"d_min": 1.6}, True, "1.60 Å"),
    "a hair further, less complete": ({"d_min": 1.799, "completeness": 0.9}, False, "98.0% complete"),
    "agrees better": ({"cc_half": 0.9995}, True, "agree better"),
    "newer": ({"created": NOW + timedelta(hours=1)}, True, "newer"),
    "of several crystals": ({"work": "merge"}, True, "merge before process"),
    "a map": ({"work": "map", "code": "mapped"}, False, "process before map"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_two_results(name):
    changes, preferred, words = TABLE[name]
    other = replace(BASE, name="process_002", **changes)
    for candidates in permutations((BASE, other)):
        choice = recommend(candidates, ("xds", "dials"))
        assert choice.result == (other if preferred else BASE), choice
        assert words in choice.reason


def test_failures_and_looks_are_never_recommended():
    failed = replace(BASE, name="process_009", generation=3, code="not_indexed")
    seen = replace(BASE, name="look_001", work="look", code="diffraction", generation=3)
    assert recommend([failed, seen]) is None and recommend([]) is None
    assert recommend([failed, BASE, seen]) == Choice(BASE, "It is the only result.")


def test_the_file_is_replaced_only_for_another_choice(tmp_path):
    (tmp_path / "user/scan/beampace").mkdir(parents=True)
    path = tmp_path / "user/scan/beampace/recommended.json"
    first = Choice(BASE, "It is the only result.")
    assert write_recommended(tmp_path, "user/scan/beampace", first, NOW)
    before = path.stat().st_ino
    assert not write_recommended(tmp_path, "user/scan/beampace", first, NOW)
    assert path.stat().st_ino == before and path.stat().st_mode & 0o777 == 0o644
    second = Choice(replace(BASE, name="process_002"), "Preferred.")
    assert write_recommended(tmp_path, "user/scan/beampace", second, NOW)
    assert Recommended.model_validate_json(path.read_bytes()).result == "process_002"
    assert [one.name for one in path.parent.iterdir()] == ["recommended.json"]


def test_a_planted_link_is_not_followed(tmp_path):
    (tmp_path / "processed/user").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "processed/user/scan").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BeampaceError, match="not_writable"):
        write_recommended(tmp_path / "processed", "user/scan", Choice(BASE, ""), NOW)
    (tmp_path / "processed/user/scan").unlink()
    (tmp_path / "processed/user/scan").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "processed/user/scan/recommended.json").symlink_to(precious)
    assert write_recommended(tmp_path / "processed", "user/scan", Choice(BASE, ""), NOW)
    assert precious.read_text() == "kept" and not list((tmp_path / "elsewhere").iterdir())
    with pytest.raises(BeampaceError, match="bad_request"):
        write_recommended(tmp_path / "processed", "../elsewhere", Choice(BASE, ""), NOW)


def test_the_published_schema_is_current():
    assert published_recommended_schema() == json.loads(recommended_schema_text())
