"""The watch over a tree in memory, with masters read by nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError, failure
from beampace.core.taxonomy import Failure
from beampace.watch import Announcement, Refused, Watch, WatchSettings, WatchTick
from beampace.watch.memory_files import MemoryFiles
from tests.support.watch_data import Answers, Clock, identified, run


class Scene:
    """A watch, its files, its reader and its clock."""

    def __init__(self, raw: Path, **settings: float) -> None:
        self.files, self.clock, self.answers, self.raw = MemoryFiles(), Clock(), Answers(), raw
        self.files.make(str(raw))
        chosen = WatchSettings(**settings)  # type: ignore[arg-type]
        self.watch = Watch(raw, chosen, self.answers, self.clock, self.files)

    def put(self, name: str, size: int = 1) -> str:
        path = f"{self.raw}/{name}"
        self.files.put(path, size)
        return path

    def run(self, seconds: float = 0.2) -> WatchTick:
        return run(self.watch, self.clock, seconds)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path.resolve())
    yield scene
    scene.watch.close()


def test_a_dataset_is_sighted_once_with_its_files(scene: Scene) -> None:
    master = scene.put("u/lyso/rotational_001/lyso_1_master.h5")
    scene.put("u/lyso/rotational_001/lyso_1_data_000001.h5", 10)
    tick = scene.run()
    (sighting,) = tick.sightings
    assert (sighting.path, sighting.place) == (master, "u/lyso/rotational_001")
    assert (sighting.name, sighting.sample, sighting.by) == ("lyso_1", "lyso", "poll")
    assert [(f.path, f.n_files, f.n_bytes) for f in tick.files] == [(master, 1, 10)]
    assert not scene.run(5).sightings


def test_files_are_told_only_with_or_after_their_sighting(scene: Scene) -> None:
    master = scene.put("lyso_1_master.h5")
    scene.put("lyso_1_data_000001.h5")
    scene.answers.of[master] = Refused(code=Failure.FILE_TRUNCATED, words="cut")
    tick = scene.run(2)
    assert not tick.files
    assert not tick.troubles, "not yet"
    scene.answers.of[master] = identified("a")
    tick = scene.run(2)
    assert len(tick.sightings) == 1
    assert tick.files[0].n_files == 1


def test_garbage_becomes_a_trouble_and_is_not_told_of_again_and_again(scene: Scene) -> None:
    master = scene.put("lyso_1_master.h5")
    scene.answers.of[master] = Refused(code=Failure.NOT_A_DATASET, words="no\nHDF5", next_step="step")
    assert not scene.run(50).troubles
    (trouble,) = scene.run(60).troubles
    assert trouble.where == master
    assert trouble.words == "no\\nHDF5"
    assert scene.run(100).troubles == (trouble,)
    assert len(scene.answers.asked) < 20
    scene.answers.of[master] = identified("a")
    scene.put("lyso_1_master.h5", 50)
    tick = scene.run()
    assert len(tick.sightings) == 1
    assert not tick.troubles


def test_a_reader_that_breaks_is_told_at_once_and_others_go_on(scene: Scene) -> None:
    bad, good = scene.put("a/bad_1_master.h5"), scene.put("b/good_1_master.h5")
    scene.answers.of[bad] = failure(Failure.TIMED_OUT, "slow")
    tick = scene.run(0.4)
    assert [s.path for s in tick.sightings] == [good]
    assert [t.where for t in tick.troubles] == [bad]
    scene.run(100)
    assert sum(path == bad for path, _ in scene.answers.asked) == 3


def test_an_identity_that_needs_a_frame_is_found_when_there_is_one(scene: Scene) -> None:
    master = scene.put("lyso_1_master.h5")
    scene.answers.of[master] = identified("")
    assert not scene.run(200).sightings
    scene.answers.of[master] = identified("sha256-x")
    scene.put("lyso_1_data_000001.h5")
    tick = scene.run(1)
    assert [s.identity for s in tick.sightings] == ["sha256-x"]
    assert tick.files[0].n_files == 1
    assert not tick.troubles


def test_patched_in_place_is_the_same_dataset_sighted_again(scene: Scene) -> None:
    scene.put("lyso_1_master.h5", 10)
    scene.answers.of[f"{scene.raw}/lyso_1_master.h5"] = identified("a")
    first = scene.run().sightings
    scene.put("lyso_1_master.h5", 12)
    assert scene.run().sightings == first


def test_a_new_series_at_the_same_path_takes_the_files_with_it(scene: Scene) -> None:
    master = scene.put("lyso_1_master.h5", 10)
    scene.put("lyso_1_data_000001.h5", 10)
    scene.answers.of[master] = identified("a")
    scene.run()
    scene.answers.of[master] = Refused(code=Failure.FILE_TRUNCATED, words="being written")
    scene.files.remove(master)
    scene.put("lyso_1_master.h5", 10)
    scene.put("lyso_1_data_000001.h5", 20)
    assert not scene.run(1).files, "nobody knows yet whose they are"
    scene.answers.of[master] = identified("b")
    tick = scene.run(2)
    assert [s.identity for s in tick.sightings] == ["b"]
    assert tick.files[0].n_bytes == 20


def test_a_renamed_directory_is_the_same_dataset_at_its_new_path(scene: Scene) -> None:
    old = scene.put("u/lyso/rotational_001/lyso_1_master.h5")
    scene.put("u/lyso/rotational_001/lyso_1_data_000001.h5")
    scene.answers.of[old] = identified("a")
    scene.run(120)
    scene.files.remove(f"{scene.raw}/u/lyso")
    new = scene.put("u/better/rotational_001/lyso_1_master.h5")
    scene.put("u/better/rotational_001/lyso_1_data_000001.h5")
    scene.answers.of[new] = identified("a")
    tick = scene.run(1)
    assert [(s.identity, s.path) for s in tick.sightings] == [("a", new)]
    assert {f.path for f in tick.files} == {new}


def test_a_copy_is_a_trouble_and_takes_over_when_the_original_goes(scene: Scene) -> None:
    for name in ("a", "b"):
        master = scene.put(f"{name}/lyso_1_master.h5")
        scene.answers.of[master] = identified("x")
        scene.put(f"{name}/lyso_1_data_000001.h5")
        tick = scene.run(0.4)
    assert not tick.sightings
    assert [t.where for t in tick.troubles] == [master]
    assert {f.path for f in scene.run(30).files} == {f"{scene.raw}/a/lyso_1_master.h5"}
    scene.files.remove(f"{scene.raw}/a")
    tick = scene.run(0.4)
    assert [s.path for s in tick.sightings] == [master]
    assert {f.path for f in tick.files} == {master}
    assert not tick.troubles


def test_an_announcement_says_group_sample_and_kind(scene: Scene) -> None:
    master = scene.put("lyso_1_master.h5")
    scene.run()
    scene.watch.announce(
        Announcement(path=Path(master), kind=DatasetKind.GRID, group="g1", sample="s7", frames=99)
    )
    tick = scene.run()
    (sighting,) = tick.sightings
    assert (sighting.group, sighting.sample, sighting.by) == ("g1", "s7", "announce")
    assert scene.answers.asked[-1] == (master, DatasetKind.GRID)
    assert "99 frames were announced" in tick.troubles[0].words
    scene.put("lyso_1_master.h5", 7)
    assert [s.group for s in scene.run().sightings] == ["g1"], "it is remembered when the master is patched"


def test_an_announced_directory_that_is_not_there_yet(scene: Scene) -> None:
    scene.run(100)
    scene.watch.announce(Announcement(path=scene.raw / "u" / "rotational_001", group="g"))
    assert not scene.run(10).troubles
    scene.put("u/rotational_001/lyso_1_master.h5")
    scene.put("u/rotational_001/lyso_2_master.h5")
    assert {s.group for s in scene.run(0.4).sightings} == {"g"}
    assert not scene.run(1000).troubles


def test_an_announcement_that_never_comes_true(scene: Scene) -> None:
    scene.watch.announce(Announcement(path=scene.raw / "x_master.h5"))
    assert not scene.run(590).troubles
    assert [t.words for t in scene.run(20).troubles] == ["It was announced but never seen."]


def test_too_many_announcements_are_refused(tmp_path: Path) -> None:
    scene = Scene(tmp_path.resolve(), max_announced=3)
    for number in range(3):
        scene.watch.announce(Announcement(path=scene.raw / f"x{number}_master.h5"))
    with pytest.raises(InputError, match="bad_request"):
        scene.watch.announce(Announcement(path=scene.raw / "y_master.h5"))
    scene.run()
    with pytest.raises(InputError, match="bad_request"):
        scene.watch.announce(Announcement(path=scene.raw / "y_master.h5"))
    scene.watch.close()


def test_watch_again_reads_again(scene: Scene) -> None:
    master = scene.put("lyso_1_master.h5")
    assert len(scene.run(10).sightings) == 1
    scene.watch.watch_again(master)
    scene.watch.watch_again("/nowhere/x_master.h5")
    assert len(scene.run().sightings) == 1


def test_a_file_system_that_hangs_costs_a_tick_its_deadline_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path.resolve(), poll_deadline_s=0.2)
    scene.put("lyso_1_master.h5")
    answer = threading.Event()
    scene.files.delay = lambda directory: answer.wait(30) and None
    tick = scene.watch.tick()
    assert [t.words for t in tick.troubles] == [
        "Listing what is below it takes long; nothing new is seen meanwhile."
    ]
    assert scene.run(4).sightings == ()
    answer.set()
    seen = []
    for _ in range(100):
        seen += scene.watch.tick().sightings
        if seen:
            break
        threading.Event().wait(0.02)
    assert len(seen) == 1
    assert not scene.run().troubles
    scene.watch.close()


def test_vanished(scene: Scene) -> None:
    scene.put("lyso_1_master.h5")
    scene.run()
    scene.files.failing[str(scene.raw)] = 2
    tick = scene.run(1)
    assert tick.vanished
    assert not tick.troubles
