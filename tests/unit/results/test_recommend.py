"""Which result is recommended: a decision table, and the file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from beampace.core.errors import BeampaceError
from beampace.results.agreement import Said
from beampace.results.candidate import Candidate, compared
from beampace.results.contest import order_of
from beampace.results.recommend import Choice, recommend
from beampace.results.recommended import (
    Recommended,
    published_recommended_schema,
    recommended_schema_text,
    write_recommended,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BASE = Candidate(
    "process_001", "process", "dials", "merged", 0, 360, NOW, 1.8, 0.98, 0.999, doubts={"low_resolution": ""}
)
DOUBTED = {"low_resolution": "CC1/2 is only 0.90"}

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
    "suspect": ({"engine": "xds", "doubts": DOUBTED}, False, "in process_002 CC1/2 is only 0.90"),
    "suspect by what the other was not asked": (
        {"engine": "xds", "doubts": {"lattice": "the lattice explains only 30 % of the spots"}}, True,
        "xds is preferred to dials. Use it with care: the lattice explains only 30 % of the spots.",
    ),
    "never asked": ({"engine": "other", "doubts": {}}, False, "dials is preferred to other"),
    "suspect and of more frames": ({"n_frames": 720, "doubts": DOUBTED}, True, "720 frames"),
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


TETRAGONAL = (78.5, 78.5, 37.5, 90.0, 90.0, 90.0)


def found(number: int, engine: str, group: str, cell=TETRAGONAL, **changes) -> Candidate:
    said = Said(engine, (group,), cell, 1.8, changes.get("cc_half", 0.999), 0.0)
    values = {"name": f"process_{number:03d}", "engine": engine, "said": said, "r_meas": 0.08}
    return replace(BASE, **(values | changes))


def given(one: Candidate) -> Candidate:
    """The same with its space group imposed."""
    return replace(one, said=replace(one.said, space_groups=(), cell=()))


FULL, HALF, LOW = "P 43 21 2", "P 43", "P 1"
CELL_DOUBLED = (78.5, 78.5, 75.0, 90.0, 90.0, 90.0)

# Results of engines that contradict each other (dials is preferred), the one to use, what the reason says.
CONTESTS = {
    "outvoted": (
        [found(1, "dials", HALF), found(2, "xds", FULL), found(3, "fast", FULL)], "process_002",
        ("Preferred to process_003: xds is preferred to fast. fast found the same symmetry and lattice.",
         "dials finds Laue group 4/m, fast 4/mmm"),
    ),
    "in agreement the preferred": (
        [found(1, "dials", FULL), found(2, "xds", FULL), found(3, "fast", LOW)], "process_001",
        ("dials is preferred to xds", "fast -1"),
    ),
    "too high": (
        [found(1, "dials", FULL, cc_half=0.9, r_meas=0.4), found(2, "xds", HALF)], "process_002",
        ("observations agree better in its symmetry (CC1/2 of process_001 is 0.900, the best is 0.999).",),
    ),
    "too high by R_meas alone": (
        [found(1, "dials", FULL, r_meas=0.16), found(2, "xds", HALF)], "process_002",
        ("agree better in its symmetry (R_meas of process_001 is 0.160, the best is 0.080).",),
    ),
    "R_meas of data that reach less far is no measure": (
        [found(1, "xds", FULL, r_meas=0.16), found(2, "dials", HALF, d_min=2.4)], "process_001",
        ("which is higher than that of process_002",),
    ),
    "nor is one that takes Friedel mates apart": (
        [found(1, "xds", FULL, r_meas=0.16), found(2, "dials", HALF, friedel_apart=True)], "process_001",
        ("which is higher than that of process_002",),
    ),
    "without R_meas CC1/2 alone counts": (
        [found(1, "xds", FULL, r_meas=None, cc_half=0.98), found(2, "dials", HALF)], "process_001",
        ("which is higher than that of process_002",),
    ),
    "without any number nothing bears a symmetry": (
        [found(1, "dials", FULL, r_meas=None, cc_half=None), found(2, "xds", HALF, cc_half=None)],
        "process_002", ("(how well they agree in process_001 is not known)",),
    ),
    "CC1/2 that only the other has": (
        [found(1, "dials", FULL, cc_half=None), found(2, "xds", HALF)],
        "process_002", ("(CC1/2 of process_001 is not known)",),
    ),
    "too low": (
        [found(1, "dials", HALF), found(2, "xds", FULL, r_meas=0.09)], "process_002",
        ("observations agree as well in its symmetry, which is higher than that of process_001",
         "the symmetry of the intensities is judged differently"),
    ),
    "lattices that differ are a matter of preference": (
        [found(1, "xds", FULL, CELL_DOUBLED), found(2, "dials", FULL)], "process_002",
        ("dials is preferred to xds", "The primitive cell of xds is twice that of dials"),
    ),
    "a suspect majority": (
        [found(1, "dials", HALF), found(2, "xds", FULL, doubts=DOUBTED),
         found(3, "fast", FULL, doubts=DOUBTED)],
        "process_001", ("in process_002 CC1/2 is only 0.90.", "Laue group"),
    ),
    "a majority that is suspect by what the other was not asked": (
        [found(1, "dials", HALF, doubts={}), found(2, "xds", FULL, doubts=DOUBTED), found(3, "fast", FULL)],
        "process_003", ("more engines find its symmetry", "xds found the same symmetry and lattice."),
    ),
    "all different": (
        [found(1, "dials", LOW), found(2, "xds", HALF), found(3, "fast", FULL)], "process_003",
        ("higher than that of process_002",),
    ),
    "a given group counts for nobody": (
        [found(1, "dials", HALF), found(2, "xds", FULL), given(found(3, "fast", LOW))], "process_003",
        ("its space group was given", "dials finds Laue group 4/m, xds 4/mmm"),
    ),
    "another setting is no contest": (
        [found(1, "dials", "P 21 21 2", (40, 50, 60, 90, 90, 90)),
         found(2, "xds", "P 2 21 21", (60, 40, 50, 90, 90, 90))],
        "process_001", ("dials is preferred to xds.",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTESTS)
def test_engines_that_contradict_each_other(name):
    candidates, best, words = CONTESTS[name]
    for order in permutations(candidates):
        choice = recommend(order, ("dials", "xds"))
        assert choice.result.name == best, choice.reason
        assert all(part in choice.reason for part in words), choice.reason
        assert (choice.agreed.tone == "good") is ("no contest" in name)


def test_what_engines_differ_in_otherwise_is_said_and_changes_nothing():
    one, two = found(1, "dials", FULL), found(2, "xds", FULL)
    two = replace(two, said=replace(two.said, cc_anom=0.4))
    choice = recommend([one, two], ("dials",))
    assert choice.result == one
    assert choice.reason.startswith("Preferred to process_002: dials is preferred to xds. Same symmetry")
    assert "only xds sees an anomalous signal" in choice.reason


def test_a_doubt_of_the_best_is_said():
    doubtful = replace(BASE, doubts={"signal": "", "lattice": "the lattice explains only 30 % of the spots"})
    assert recommend([doubtful]).reason == (
        "It is the only result. Use it with care: the lattice explains only 30 % of the spots."
    )


def test_a_doubt_counts_wherever_a_result_that_was_asked_the_same_stands():
    """Also where one that was not asked is preferred to that one: the order does not go in circles."""
    suspect = replace(BASE, doubts=DOUBTED)
    stands = replace(BASE, name="process_002", engine="xds")
    unknown = replace(BASE, name="process_003", engine="xdsapp", doubts={"lattice": ""})
    for order in permutations((suspect, stands, unknown)):
        choice = recommend(order, ("dials", "xdsapp", "xds"))
        assert choice.result == unknown
        assert choice.reason == "Preferred to process_002: xdsapp is preferred to xds."
    for order in permutations((suspect, unknown)):
        assert recommend(order, ("dials", "xdsapp", "xds")).result == suspect


def test_the_reason_names_the_doubt_that_decided():
    suspect = replace(BASE, doubts={"signal": "nothing agrees", "lattice": "few spots fit"})
    other = replace(BASE, name="process_002", doubts={"lattice": ""})
    assert recommend([suspect, other]).reason == "Preferred to process_001: in process_001 few spots fit."


def test_who_speaks_for_an_engine():
    old, new = found(1, "dials", FULL), found(2, "dials", HALF, created=NOW + timedelta(hours=1))
    told = replace(given(new), name="process_003", created=NOW + timedelta(hours=2))
    before = found(4, "xds", FULL, generation=1)
    failed = found(5, "fast", FULL, code="not_indexed")
    assert compared([told, new, old, before, failed], 0) == (new,)
    assert compared([told], 0) == (told,)


SPEAKERS = {
    "few frames later": ({"n_frames": 36}, False),
    "nearly as many frames later": ({"n_frames": 350}, True),
    "little data later": ({"code": "little_data"}, False),
    "many more frames before": ({"n_frames": 720, "created": NOW - timedelta(hours=1)}, True),
}


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_newest_speaks_only_among_its_like(name):
    changes, speaks = SPEAKERS[name]
    old = found(1, "dials", FULL)
    new = found(2, "dials", HALF, **({"created": NOW + timedelta(hours=1)} | changes))
    for order in permutations((old, new)):
        assert compared(order, 0) == (new if speaks else old,)


def test_what_was_told_its_space_group_does_not_say_how_many_frames_are_many():
    one = found(1, "dials", FULL, n_frames=180)
    two = found(2, "dials", HALF, n_frames=175, created=NOW + timedelta(hours=1))
    assert compared([one, two, given(found(3, "dials", LOW))], 0) == (two,)


def test_a_new_result_of_few_frames_does_not_silence_its_engine():
    full, other = found(1, "xds", FULL), found(2, "fast", FULL)
    few = found(3, "xds", HALF, n_frames=20, created=NOW + timedelta(hours=1))
    choice = recommend([full, other, few], ("dials", "xds"))
    assert choice.agreed.words == "fast and xds agree." and choice.compared == (other, full)


def test_rotations_of_laue_groups():
    symbols = {"P 1": 1, "P -1": 1, "C 1 2 1": 2, "P 21 21 21": 4, "P 43": 4, "P 43 21 2": 8, "I 2 3": 12}
    assert {symbol: order_of(Said("x", (symbol,))) for symbol in symbols} == symbols
    assert (order_of(Said("x", ("P 43 21 2", "P 41 21 2"))), order_of(Said("x", ("?",)))) == (8, 0)


def test_the_file_tells_what_was_compared(tmp_path):
    (tmp_path / "scan").mkdir()
    choice = recommend([found(1, "dials", HALF), given(found(2, "xds", FULL)), found(3, "fast", FULL)])
    write_recommended(tmp_path, "scan", choice, NOW)
    told = Recommended.model_validate_json((tmp_path / "scan/recommended.json").read_bytes())
    assert told.engines_agree is False
    assert told.agreement.startswith("dials finds Laue group 4/m, fast 4/mmm")
    assert [(one.engine, one.result, one.space_groups) for one in told.compared] == [
        ("dials", "process_001", ("P 43",)), ("fast", "process_003", ("P 43 21 2",)),
        ("xds", "process_002", ()),
    ]  # fmt: skip
    assert (told.compared[0].unit_cell, told.compared[0].d_min, told.compared[0].cc_half) == (
        TETRAGONAL, 1.8, 0.999,
    )  # fmt: skip
    write_recommended(tmp_path, "scan", recommend([found(1, "dials", HALF)]), NOW)
    alone = Recommended.model_validate_json((tmp_path / "scan/recommended.json").read_bytes())
    assert (alone.engines_agree, alone.agreement, len(alone.compared)) == (None, "", 1)


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
