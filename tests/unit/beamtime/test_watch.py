"""Finding and watching real files."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from beampace.beamtime import (
    BeamtimeWatch,
    ChangeKind,
    FixedBeamtime,
    OpenBeamtime,
    Outcome,
    find,
    is_still,
)
from beampace.core.errors import InputError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Site:
    """`current` and `commissioning` of a beamline computer, and what start and stop do to them."""

    def __init__(self, base: Path) -> None:
        self.current, self.commissioning = base / "current", base / "commissioning"
        self.clock = Clock()
        self.watch = BeamtimeWatch([self.current, self.commissioning], self.clock, grace_s=10.0)

    def start(self, identity: str, **keys: object) -> Path:
        real = self.current.parent / f"beamtime-{identity}"
        for name in ("raw", "processed", "shared"):
            (real / name).mkdir(parents=True, exist_ok=True)
        self.current.unlink(missing_ok=True)
        self.current.symlink_to(real)
        file = self.current / f"beamtime-metadata-{identity}.json"
        file.write_text(json.dumps({"beamtimeId": identity, "beamline": "p11", **keys}))
        return file

    def stop(self) -> None:
        self.current.unlink()

    def commission(self) -> None:
        self.commissioning.mkdir(exist_ok=True)
        (self.commissioning / "commissioning-metadata-c1.json").write_text('{"id": "c1", "beamline": "P11"}')

    def kinds(self, at: float) -> list[tuple[str, str]]:
        self.clock.now = at
        return [(change.kind.value, change.beamtime.id) for change in self.watch.observe().changes]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_beamtime_from_pre_start_to_the_next_one_with_nobody_touching_anything(site: Site) -> None:
    assert site.kinds(0) == []
    pre = {"slurmReservation": "pre", "userAccount": "bttest01", "sshPrivateKeyPath": "shared/id_rsa"}
    site.start("11010000", onlineAnalysis=pre)
    assert site.kinds(1) == [("opened", "11010000")]
    site.start("11010000", onlineAnalysis={**pre, "slurmReservation": "11010000"})
    assert site.kinds(2) == [("resources", "11010000")]
    found = site.watch.observe().open
    assert found is not None
    assert found.resources is not None
    assert found.resources.reservation == "11010000"
    assert found.resources.key == found.root / "shared" / "id_rsa"
    site.stop()
    assert site.kinds(3) == []
    assert site.kinds(14) == [("closed", "11010000")]
    site.start("11010001")
    assert site.kinds(15) == [("opened", "11010001")]
    site.start("11010002")
    assert site.kinds(16) == [("closed", "11010001"), ("opened", "11010002")]


def test_the_root_does_not_lead_to_the_next_beamtime_later(site: Site) -> None:
    site.start("1")
    found = site.watch.observe().open
    assert found is not None
    site.start("2")
    assert found.raw == site.current.parent / "beamtime-1" / "raw"
    assert found.entrance == site.current


def test_a_file_caught_half_written_is_a_trouble_and_the_beamtime_stays(site: Site) -> None:
    file = site.start("1")
    site.watch.observe()
    file.write_text('{"beamtimeId": "1", "titl')
    site.clock.now = 100.0
    seen = site.watch.observe()
    site.clock.now = 200.0
    seen = site.watch.observe()
    assert seen.open is not None
    assert seen.changes == ()
    (trouble,) = seen.troubles
    assert "beamtime-metadata-1.json" in trouble.words
    assert "JSON" in trouble.words
    site.start("1", title="whole again")
    seen = site.watch.observe()
    assert seen.troubles == ()
    assert seen.open is not None
    assert seen.open.title == "whole again"


def test_a_corrupt_file_opens_nothing_and_is_named(site: Site) -> None:
    site.start("1").write_text("{")
    seen = site.watch.observe()
    assert seen.open is None
    assert "beamtime-metadata-1.json" in seen.troubles[0].words


def test_a_key_outside_is_a_trouble_and_the_beamtime_lasts_without_resources(site: Site) -> None:
    site.start("1", onlineAnalysis={"userAccount": "bttest01", "sshPrivateKeyPath": "shared/id_rsa"})
    key = site.current / "shared" / "id_rsa"
    key.symlink_to("/etc/passwd")
    seen = site.watch.observe()
    assert seen.open is not None
    assert seen.open.resources is None
    assert "sshPrivateKeyPath" in seen.troubles[0].words


def test_a_value_that_makes_no_sense_is_told_with_file_and_key(site: Site) -> None:
    site.start("1", onlineAnalysis={"userAccount": "-l root"})
    (trouble,) = site.watch.observe().troubles
    assert "beamtime-metadata-1.json" in trouble.words
    assert "onlineAnalysis.useraccount" in trouble.words


def test_commissioning_counts_only_without_a_beamtime(site: Site) -> None:
    site.commission()
    assert site.kinds(0) == [("opened", "c1")]
    site.start("1")
    assert site.kinds(1) == [("closed", "c1"), ("opened", "1")]
    site.stop()
    assert site.kinds(2) == []
    site.start("1")
    assert site.kinds(3) == []
    site.stop()
    assert site.kinds(4) == []
    assert site.kinds(15) == [("closed", "1"), ("opened", "c1")]


def test_two_files_choose_nothing_and_change_nothing(site: Site) -> None:
    site.start("1")
    site.watch.observe()
    other = site.current / "beamtime-metadata-2.json"
    other.write_text('{"beamtimeId": "2"}')
    for at in (10.0, 100.0):
        site.clock.now = at
        seen = site.watch.observe()
        assert seen.open is not None
        assert seen.open.id == "1"
        assert "beamtime-metadata-1.json, beamtime-metadata-2.json" in seen.troubles[0].words


def test_two_files_of_others_end_the_beamtime_after_the_grace(site: Site) -> None:
    file = site.start("1")
    site.watch.observe()
    file.unlink()
    for name in "23":
        (site.current / f"beamtime-metadata-{name}.json").write_text(json.dumps({"beamtimeId": name}))
    assert site.kinds(1) == []
    assert site.kinds(12) == [("closed", "1")]
    assert site.watch.observe().open is None


def test_the_end_during_a_restart_is_noticed(site: Site) -> None:
    last = OpenBeamtime.at("1", site.current)
    again = BeamtimeWatch([site.current], site.clock, last=last, grace_s=10.0)
    assert again.observe().open == last
    site.clock.now = 10.0
    assert [change.kind for change in again.observe().changes] == [ChangeKind.CLOSED]


def test_a_commissioning_run_goes_on_across_a_restart(site: Site) -> None:
    site.commission()
    last = OpenBeamtime.at("c1", site.commissioning)
    again = BeamtimeWatch([site.current, site.commissioning], site.clock, last=last, grace_s=10.0)
    for at in (0.0, 5.0, 50.0):
        site.clock.now = at
        seen = again.observe()
        assert {change.kind for change in seen.changes} <= {ChangeKind.UPDATED}
        assert seen.open is not None
        assert seen.open.id == "c1"


def test_what_is_found_has_a_name(tmp_path: Path) -> None:
    roots = [tmp_path / "current", tmp_path / "commissioning"]
    absent = find(roots)
    assert absent.outcome is Outcome.ABSENT
    assert str(roots[1] / "*metadata*.json") in absent.words
    for root in roots:
        root.mkdir()
    (roots[0] / "raw").mkdir()
    (roots[0] / "raw" / "metadata.json").write_text("{}")
    (roots[0] / ".metadata.json").write_text("{}")
    (roots[0] / "metadata.json.d").mkdir()
    (roots[0] / "old-metadata.json").mkdir()
    assert find(roots).outcome is Outcome.ABSENT
    (roots[1] / "commissioning-metadata-c.json").write_text("{}")
    assert (find(roots).outcome, find(roots).rank) == (Outcome.FOUND, 1)
    (roots[0] / "beamtime-metadata-1.json").write_text("{}")
    assert find(roots).files == (roots[0] / "beamtime-metadata-1.json",)
    (roots[0] / "x_metadata_y.json").write_text("{}")
    assert find(roots).outcome is Outcome.SEVERAL


@pytest.mark.parametrize("number", [errno.EACCES, errno.ESTALE, errno.EIO])
def test_a_root_that_cannot_be_listed_is_not_passed_over(
    number: int, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.commission()
    site.start("1")
    site.watch.observe()
    listed = os.scandir

    def failing(path: Path):
        if path == site.current:
            raise OSError(number, os.strerror(number), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert find([site.current, site.commissioning]).outcome is Outcome.UNREADABLE
    site.clock.now = 1000.0
    seen = site.watch.observe()
    assert (seen.changes, seen.open is not None) == ((), True)
    assert str(site.current) in seen.troubles[0].words


def test_a_root_that_is_a_loop_of_links_is_not_passed_over(site: Site) -> None:
    site.current.symlink_to(site.current)
    site.commission()
    seen = site.watch.observe()
    assert seen.open is None
    assert str(site.current) in seen.troubles[0].words


@pytest.mark.parametrize("name", [b"metadata\xff.json", b"metadata\n.json", b"-metadata.json"])
def test_troubles_with_hostile_names_can_be_written_down(name: bytes, site: Site) -> None:
    site.current.mkdir()
    file = os.path.join(os.fsencode(site.current), name)  # noqa: PTH118 - bytes
    os.mkfifo(file)
    seen = site.watch.observe()
    assert seen.open is None
    for text in (seen.troubles[0].words, seen.troubles[0].where):
        assert text.encode("utf-8").decode().isprintable()


def test_a_fixed_beamtime_needs_no_file_and_ends_with_its_directory(tmp_path: Path) -> None:
    clock, root = Clock(), tmp_path / "lab-2026"
    watch = BeamtimeWatch(FixedBeamtime(root), clock, grace_s=10.0)
    seen = watch.observe()
    assert seen.open is None
    assert str(root) in seen.troubles[0].words
    root.mkdir()
    seen = watch.observe()
    assert seen.open is not None
    assert (seen.open.id, seen.open.raw, seen.open.metadata) == ("lab-2026", root / "raw", None)
    clock.now = 1e6
    assert watch.observe().changes == ()
    shutil.rmtree(root)
    assert watch.observe().open is not None
    clock.now += 10
    assert [change.kind for change in watch.observe().changes] == [ChangeKind.CLOSED]


def test_the_id_of_a_fixed_beamtime_is_plain(tmp_path: Path) -> None:
    root = tmp_path / "my data"
    root.mkdir()
    assert FixedBeamtime(root, "mine").identity == "mine"
    with pytest.raises(InputError, match="my data"):
        _ = FixedBeamtime(root).identity
    seen = BeamtimeWatch(FixedBeamtime(root), Clock()).observe()
    assert seen.open is None
    assert "my data" in seen.troubles[0].words


def test_the_same_beamtime_in_another_directory_is_told(site: Site) -> None:
    site.start("1")
    assert site.kinds(0) == [("opened", "1")]
    before = site.watch.observe().open
    real = site.current.resolve()
    real.rename(real.parent / "old")
    site.start("1")
    (change,) = site.watch.observe().changes
    assert (change.kind, change.beamtime.root) == (ChangeKind.UPDATED, real)
    assert "another directory" in change.words
    assert before is not None
    assert is_still(real.parent / "old", before.root_id)
    assert not is_still(real, before.root_id)
    assert is_still(real, change.beamtime.root_id)
    assert is_still(real, "")
    assert not is_still(real / "none", "")
