"""The metadata file: the reference's examples, its older forms, and what hostile or broken files do."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.beamtime import granted, parse_metadata, read_metadata
from beampace.beamtime.moment import moment
from beampace.core.errors import InputError
from tests.support.properties import patient

FILE = Path("/gpfs/current/beamtime-metadata-11010000.json")

FULL = {
    "applicant": {
        "email": "a@example.org",
        "institute": "I",
        "lastname": "M",
        "userId": "42",
        "username": "am",
    },
    "asapo": {
        "beamtimeClbtTokenPath": "shared/asapo-token-clbt.txt",
        "beamtimeTokenPath": "shared/asapo-token.txt",
        "endpoint": "asapo-ps-0.desy.de:8400",
    },
    "beamline": "p11",
    "beamlineAlias": "P11",
    "beamlineSetup": "Crystallography (1-axis goniostat)",
    "beamtimeId": "11010000",
    "contact": "None",
    "corePath": "/asap3/petra3/gpfs/p11/2022/data/11010000",
    "eventEnd": "2022-04-06 01:00:00",
    "eventStart": "2022-04-04 09:00:00",
    "facility": "PETRA III",
    "generated": "2022-03-24 14:35:01",
    "leader": {"email": "", "institute": "", "lastname": "", "userId": "", "username": ""},
    "onlineAnalysis": {
        "reservedNodes": ["max-p3a016"],
        "slurmPartition": "ponline_p11",
        "slurmReservation": "11010000",
        "sshPrivateKeyPath": "shared/id_rsa",
        "sshPublicKeyPath": "shared/id_rsa.pub",
        "userAccount": "bttest04",
    },
    "pi": {"email": "", "institute": "", "lastname": "", "userId": "", "username": ""},
    "proposalId": "20200001",
    "proposalType": "II",
    "retentionPeriod": "onsite",
    "title": "Example title",
    "unixId": "None",
    "users": {"doorDb": ["amuster", "bmuster"], "special": [], "unknown": []},
}
COMMISSIONING = {
    "beamline": "P04",
    "corePath": "/asap3/petra3/gpfs/p04/2021/commissioning/c20210823_000_MAA",
    "generated": "2021-08-23 09:39:09",
    "id": "c20210823_000_MAA",
    "tag": "MAA",
}


def parsed(found: object):
    return parse_metadata(json.dumps(found).encode(), FILE)


def test_the_full_example() -> None:
    found = parsed(FULL)
    assert (found.id, found.beamline, found.title) == ("11010000", "p11", "Example title")
    assert not found.commissioning
    assert found.core_path == PurePosixPath("/asap3/petra3/gpfs/p11/2022/data/11010000")
    assert found.start == datetime(2022, 4, 4, 7, 0, tzinfo=UTC)
    assert found.end == datetime(2022, 4, 5, 23, 0, tzinfo=UTC)
    assert found.generated == datetime(2022, 3, 24, 13, 35, 1, tzinfo=UTC)
    assert found.online is not None
    assert found.online.nodes == ("max-p3a016",)
    assert found.asapo is not None
    assert found.asapo.read_token == PurePosixPath("shared/asapo-token-clbt.txt")
    assert found.remarks == ()


def test_a_commissioning_run_has_an_id_of_its_own_and_its_beamline_in_lower_case() -> None:
    found = parsed(COMMISSIONING)
    assert (found.id, found.commissioning, found.beamline, found.tag) == (
        "c20210823_000_MAA",
        True,
        "p04",
        "MAA",
    )
    assert found.online is None
    assert found.asapo is None


@pytest.mark.parametrize(
    ("key", "inner"),
    [
        ("asapoBeamtimeTokenPath", "shared/t"),
        ("asapo", {"beamtimeTokenPath": "shared/t"}),
    ],
)
def test_asapo_may_sit_inside_online_analysis(key: str, inner: object) -> None:
    found = parsed({"beamtimeId": "1", "onlineAnalysis": {"userAccount": "bttest", key: inner}})
    assert found.asapo is not None
    assert found.asapo.token == PurePosixPath("shared/t")
    assert found.online is not None
    assert found.online.account == "bttest"


def test_the_oldest_spelling_of_keys() -> None:
    found = parsed(
        {
            "beamtime-id": "11000001",
            "event-start": "2020-01-01 08:00:00",
            "event-end": "2020-01-02 08:00:00",
            "beamline_alias": "P11",
            "users": {"door-db": ["a"]},
        }
    )
    assert found.id == "11000001"
    assert found.start == datetime(2020, 1, 1, 7, 0, tzinfo=UTC)
    assert found.remarks == ()


OPTIONAL = [key for key in FULL if key != "beamtimeId"]


@pytest.mark.parametrize("nothing", ["", "None", None, " none ", "null", "absent"])
@pytest.mark.parametrize("key", OPTIONAL)
def test_every_optional_key_may_hold_nothing(key: str, nothing: str | None) -> None:
    found = {**FULL, key: nothing}
    if nothing == "absent":
        del found[key]
    assert parsed(found).id == "11010000"
    assert parsed(found).remarks == ()


@pytest.mark.parametrize("nothing", ["", "None", None])
def test_online_analysis_with_nothing_in_it_grants_nothing(nothing: str | None, tmp_path: Path) -> None:
    online = dict.fromkeys(FULL["onlineAnalysis"], nothing)
    found = parsed({**FULL, "onlineAnalysis": online})
    assert found.remarks == ()
    assert granted(found, tmp_path) is None
    listed = parsed({**FULL, "onlineAnalysis": {**online, "reservedNodes": [nothing]}})
    assert listed.remarks == ()
    assert granted(listed, tmp_path) is None


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("onlineAnalysis", ["x"], "onlineAnalysis"),
        ("onlineAnalysis", {"userAccount": "-oProxyCommand=evil"}, "onlineAnalysis.useraccount"),
        ("onlineAnalysis", {"userAccount": "a\n"}, None),
        ("onlineAnalysis", {"userAccount": "a b"}, "onlineAnalysis.useraccount"),
        ("onlineAnalysis", {"slurmPartition": "--wrap=x"}, "onlineAnalysis.slurmpartition"),
        ("onlineAnalysis", {"slurmReservation": "a;b"}, "onlineAnalysis.slurmreservation"),
        ("onlineAnalysis", {"reservedNodes": ["-x"]}, "onlineAnalysis.reservednodes"),
        ("onlineAnalysis", {"sshPrivateKeyPath": "../other/id_rsa"}, "onlineAnalysis.sshprivatekeypath"),
        ("onlineAnalysis", {"sshPrivateKeyPath": "/etc/shadow"}, "onlineAnalysis.sshprivatekeypath"),
        ("onlineAnalysis", {"sshPrivateKeyPath": "a\0b"}, "onlineAnalysis.sshprivatekeypath"),
        ("corePath", "relative/path", "corePath"),
        ("corePath", "/asap3/../etc", "corePath"),
        ("eventStart", "soon", "eventStart"),
        ("eventStart", "0001-01-01 00:00:00", "eventStart"),
        ("beamline", "p11/../..", "beamline"),
        ("title", {"a": 1}, "title"),
    ],
)
def test_a_value_that_makes_no_sense_is_left_out_and_named(
    key: str, value: object, named: str | None
) -> None:
    found = parsed({**FULL, key: value})
    assert found.id == "11010000"
    if named is None:
        assert found.remarks == ()
        return
    (remark,) = found.remarks
    assert named in remark
    rest = {"onlineAnalysis": found.online, "corePath": found.core_path, "eventStart": found.start}
    assert rest.get(key) is None


def test_a_remark_can_be_written_down_whatever_the_key_looks_like() -> None:
    (remark,) = parsed({"beamtimeId": "1", "event\n\u202e\ud800Start": "soon"}).remarks
    assert remark.isprintable()
    assert "Start" in remark


def test_numbers_and_one_node_as_text_are_understood() -> None:
    found = parsed({"beamtimeId": 11010000, "onlineAnalysis": {"reservedNodes": "max-1, max-2"}})
    assert found.id == "11010000"
    assert found.online is not None
    assert found.online.nodes == ("max-1", "max-2")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff\xfe\xfd",
        b"[" * 200_000,
        b"{}",
        b'{"beamtimeId": ""}',
        b'{"beamtimeId": "../x"}',
    ],
)
def test_without_an_id_the_file_is_named(content: bytes) -> None:
    with pytest.raises(InputError, match="metadata_inconsistent") as caught:
        parse_metadata(content, FILE)
    assert str(FILE) in caught.value.detail


def test_the_key_of_a_missing_id_is_named() -> None:
    with pytest.raises(InputError, match="beamtimeId"):
        parsed({**FULL, "beamtimeId": ["1"]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@patient
@given(st.dictionaries(st.sampled_from([*FULL, "id", "remarks", "event-start", "online_analysis"]), JSON))
def test_no_object_does_worse_than_being_refused(found: dict[str, object]) -> None:
    try:
        result = parsed(found)
    except InputError as error:
        assert str(FILE) in error.detail
    else:
        assert result.id


@patient
@given(
    st.dictionaries(st.sampled_from(sorted({*FULL["onlineAnalysis"], *FULL["asapo"], "asapo"})), JSON),
    st.sampled_from(["onlineAnalysis", "asapo"]),
)
def test_no_inner_object_costs_the_beamtime(inner: dict[str, object], key: str) -> None:
    assert parsed({**FULL, key: inner}).id == "11010000"


def test_paths_of_secrets_and_secrets_in_wrong_places_are_not_shown(tmp_path: Path) -> None:
    found = parsed(FULL)
    assert "id_rsa" not in repr(found)
    assert "token" not in repr(found).replace("read_token", "")
    assert "id_rsa" not in repr(granted(found, tmp_path))
    wrong = parsed({**FULL, "onlineAnalysis": {"sshPrivateKeyPath": ["-----BEGIN KEY-----"]}})
    assert "BEGIN" not in " ".join(wrong.remarks)


def test_the_key_lies_inside_the_directory_of_the_file(tmp_path: Path) -> None:
    root = tmp_path / "current"
    (root / "shared").mkdir(parents=True)
    (root / "shared" / "id_rsa").write_text("x")
    found = granted(parsed(FULL), root)
    assert found is not None
    assert found.key == root / "shared" / "id_rsa"
    assert (found.account, found.partition, found.reservation) == ("bttest04", "ponline_p11", "11010000")


def test_a_key_that_is_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "current"
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / "shared").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="sshPrivateKeyPath leads out of"):
        granted(parsed(FULL), root)


def test_a_file_is_read_where_the_root_is_a_link(tmp_path: Path) -> None:
    real = tmp_path / "2022-11010000"
    real.mkdir()
    (real / "beamtime-metadata-11010000.json").write_text(json.dumps(FULL))
    (tmp_path / "current").symlink_to(real)
    file = tmp_path / "current" / "beamtime-metadata-11010000.json"
    assert read_metadata(file, tmp_path / "current").id == "11010000"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link_out(path: Path) -> None:
    target = path.parent.parent / "other.json"
    target.write_text(json.dumps(FULL))
    path.symlink_to(target)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50_000_000_000)


@pytest.mark.parametrize("plant", [_pipe, _link_out, _loop, _huge])
def test_what_is_no_small_plain_file_is_refused(plant, tmp_path: Path) -> None:
    root = tmp_path / "current"
    root.mkdir()
    file = root / "beamtime-metadata-1.json"
    plant(file)
    with pytest.raises(InputError, match=r"beamtime-metadata-1\.json"):
        read_metadata(file, root)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-03-31 01:59:59", "2024-03-31T00:59:59+00:00"),
        ("2024-03-31 02:30:00", "2024-03-31T01:30:00+00:00"),  # this hour does not exist
        ("2024-03-31 03:00:00", "2024-03-31T01:00:00+00:00"),
        ("2024-10-27 01:59:59", "2024-10-26T23:59:59+00:00"),
        ("2024-10-27 02:30:00", "2024-10-27T00:30:00+00:00"),  # the first of two
        ("2024-10-27 03:00:00", "2024-10-27T02:00:00+00:00"),
        ("2024-10-27T03:00:00+02:00", "2024-10-27T01:00:00+00:00"),
    ],
)
def test_times_of_both_nights_on_which_clocks_change(local: str, utc: str) -> None:
    assert moment(local).isoformat() == utc
