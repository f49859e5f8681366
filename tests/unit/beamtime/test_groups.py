"""Whose a dataset is."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.beamtime import GroupTable, GroupTableFile, PathRule, assign, is_plain, parse_table, plain_name
from beampace.core.errors import InputError
from tests.support.properties import patient

TABLE = GroupTable({"lyso_1": "meyer"}, {"CPS-01": "schulz", "CPS-0123": "weber"})
FIRST = PathRule.from_text("first folder")


@pytest.mark.parametrize(
    ("place", "sample", "announced", "group", "by"),
    [
        ("userA/lyso/rotational_001", "lyso_1", "said", "said", "announcement"),
        ("userA/lyso/rotational_001", "lyso_1", "", "meyer", "table"),
        ("userA/lyso/rotational_001", "CPS-01_4", "", "schulz", "table"),
        ("userA/lyso/rotational_001", "CPS-0123/4", "", "weber", "table"),
        ("userA/lyso/rotational_001", "CPS-012", "", "userA", "path"),
        ("userA/lyso/rotational_001", "other", "", "userA", "path"),
        ("userA/lyso/rotational_001", "", "", "userA", "path"),
        ("rotational_001", "other", "", "default", "default"),
        (".", "", "", "default", "default"),
        ("userA/x", "other", "-rf", "userA", "path"),
        ("userA/x", "lyso_1", "a/b", "meyer", "table"),
    ],
)
def test_announcement_before_table_before_place_before_default(
    place: str, sample: str, announced: str, group: str, by: str
) -> None:
    found = assign(place, sample, announced, rule=FIRST, table=TABLE)
    assert (found.group, found.by) == (group, by)
    assert bool(found.remark) == (announced in ("-rf", "a/b"))


@pytest.mark.parametrize(
    ("text", "place", "group"),
    [
        (r"^(?P<group>[^/]+)/", "meyer/x", "meyer"),
        (r"/grp_(?P<group>\w+)/", "2026/grp_a/x", "a"),
        (r"/grp_(?P<group>\w+)/", "2026/a/x", "default"),
        (r"^(x(?P<group>\w))?", "2026/a/x", "default"),
    ],
)
def test_rules_on_the_place(text: str, place: str, group: str) -> None:
    assert assign(place, rule=PathRule.from_text(text)).group == group


@pytest.mark.parametrize("text", ["(", "(?P<user>.)", ""])
def test_a_rule_without_a_group_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="path rule"):
        PathRule.from_text(text)


def test_folders_with_odd_names_stay_different_groups() -> None:
    found = [assign(f"{name}/x/y", rule=FIRST).group for name in ("a b", "a_b", "a:b", "ä b", "\udcff b")]
    assert len(set(found)) == len(found)
    assert all(map(is_plain, found))


@patient
@given(st.text(st.characters(), min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_names_of_groups_are_plain_and_never_meet(one: str, other: str) -> None:
    assert is_plain(plain_name(one))
    assert (plain_name(one) == plain_name(other)) == (one == other)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "sample,group\nlyso_1,meyer\n\n"),
        ("t.csv", "\ufeffGroup;Sample\r\nmeyer;lyso_1\r\n"),
        ("t.csv", "sample\tpuck\tgroup\nlyso_1\t\tmeyer\nlyso_1\t\tmeyer\n"),
        ("t.toml", '[samples]\nlyso_1 = "meyer"\n'),
    ],
)
def test_tables_in_their_forms(name: str, text: str) -> None:
    assert parse_table(text.encode(), Path(name)).samples == {"lyso_1": "meyer"}


def test_a_table_of_pucks() -> None:
    found = parse_table(b"puck,group\nCPS-01,schulz\n", Path("t.csv"))
    assert found.find("CPS-01_7") == "schulz"
    assert parse_table(b'[pucks]\n"CPS-01" = "schulz"', Path("t.toml")).pucks == found.pucks


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("t.csv", b"", 1),
        ("t.csv", b"who,what\n", 1),
        ("t.csv", b"sample,group\na,ok\nb,not plain\n", 3),
        ("t.csv", b"sample,group\na,ok\n,ok\n", 3),
        ("t.csv", b"sample,group\na,ok\nb\n", 3),
        ("t.csv", b"sample,group\na,one\nb,x\na,two\n", 4),
        ("t.csv", b"sample,group\na,\xff\n", 2),
        ("t.csv", b'sample,group\na,"b\n', 2),
        ("t.csv", b"sample,group\n" + b"x" * 300 + b",a\n", 2),
        ("t.csv", b"sample,group\n" + b"".join(b"s%d,a\n" % n for n in range(20_001)), 20_002),
        ("t.toml", b"[samples]\na = 1\n", 2),
        ("t.toml", b'[samples]\n\nb = "x y"\n', 3),
        ("t.toml", b"\n[groups]\n", 2),
        ("t.toml", b"a = \n", 1),
    ],
)
def test_errors_name_file_and_line(name: str, content: bytes, line: int) -> None:
    with pytest.raises(InputError, match="metadata_inconsistent") as caught:
        parse_table(content, Path(f"/site/{name}"))
    assert f"/site/{name}" in caught.value.detail
    assert f"line {line}" in caught.value.detail


def test_a_table_follows_its_file_and_outlives_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    loader = GroupTableFile(file)
    table, troubles = loader.read()
    assert (table, len(troubles)) == (GroupTable(), 1)
    file.write_text("sample,group\na,one\n")
    assert (loader.read()[0].find("a"), loader.read()[1]) == ("one", ())
    replaced(file, "sample,group\na,two\n")
    assert loader.read()[0].find("a") == "two"
    replaced(file, "sample,group\na,no good\n")
    for _ in range(2):
        table, (trouble,) = loader.read()
        assert table.find("a") == "two"
        assert f"{file}, line 2" in trouble.words
    file.unlink()
    table, (trouble,) = loader.read()
    assert table.find("a") == "two"
    assert str(file) in trouble.words


def replaced(file: Path, text: str) -> None:
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


def test_a_table_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("sample,group\na,one\n")
    loader = GroupTableFile(file)
    assert loader.read()[0] is loader.read()[0]


def test_a_table_that_is_a_pipe_or_leads_out_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "groups.csv"
    os.mkfifo(pipe)
    assert "not a plain file" in GroupTableFile(pipe).read()[1][0].words
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.csv").write_text("sample,group\na,one\n")
    (root / "t.csv").symlink_to(tmp_path / "secret.csv")
    assert "leads out" in GroupTableFile(root / "t.csv", root).read()[1][0].words
