"""Polling a tree that exists only in memory, by a clock that is set."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from beampace.watch import Polled, Poller, WatchSettings
from beampace.watch.memory_files import MemoryFiles
from tests.support.watch_data import Clock

RAW = "/raw"
RUN = "/raw/u/lyso/rotational_001"
MASTER = f"{RUN}/lyso_1_master.h5"


def data(number: int, prefix: str = "lyso_1", run: str = RUN) -> str:
    return f"{run}/{prefix}_data_{number:06d}.h5"


class Scene:
    """A poller, its files and its clock."""

    def __init__(self, **settings: float) -> None:
        self.files, self.clock = MemoryFiles(), Clock()
        self.files.make(RAW)
        chosen = WatchSettings(**settings)  # type: ignore[arg-type]
        self.poller = Poller(Path(RAW), chosen, self.clock, self.files)

    def run(self, seconds: float = 0.2) -> Polled:
        masters, gone, files, polled = [], [], [], Polled()
        for _ in range(max(1, round(seconds / 0.2))):
            polled = self.poller.poll()
            masters += polled.masters
            gone += polled.gone
            files += polled.files
            self.clock.sleep(0.2)
        return Polled(tuple(masters), tuple(gone), tuple(files), polled.troubles, polled.vanished)

    def paths(self, seconds: float = 0.2) -> list[str]:
        return [seen.path for seen in self.run(seconds).masters]


def test_a_new_tree_is_seen_in_one_poll() -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.files.put(data(1), 10)
    polled = scene.run()
    assert [seen.path for seen in polled.masters] == [MASTER]
    assert [(f.path, f.n_files, f.n_bytes) for f in polled.files] == [(MASTER, 1, 10)]
    assert not scene.run().masters


def test_a_new_run_beside_a_recent_one_is_seen_at_once() -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.run(1200)  # twenty minutes later
    later = "/raw/u/lyso/rotational_002/lyso_2_master.h5"
    scene.files.put(later)
    assert scene.paths(0.4) == [later]


def test_a_run_in_a_quiet_place_is_seen_within_the_bound() -> None:
    scene = Scene(leads_for_s=60.0, patience_s=60.0)
    scene.files.put(MASTER)
    scene.run(300)
    scene.files.listings.clear()
    later = "/raw/u/lyso/rotational_002/lyso_2_master.h5"
    scene.files.put(later)
    assert scene.paths(30) == [later]


def test_paces() -> None:
    scene = Scene(leads_for_s=60.0, patience_s=60.0)
    for run in range(40):
        scene.files.put(f"/raw/u/lyso/rotational_{run:03d}/lyso_{run}_master.h5")
    scene.run(2)
    scene.files.listings.clear()
    scene.run(10)
    assert all(45 <= n <= 51 for n in scene.files.listings.values()), "active: 5 Hz"
    scene.run(120)
    scene.files.listings.clear()
    scene.run(30)
    quiet = {path: n for path, n in scene.files.listings.items() if path != RAW}
    assert len(quiet) == 42
    assert all(1 <= n <= 2 for n in quiet.values())
    most = 0
    for _ in range(150):
        before = sum(scene.files.listings.values())
        scene.run()
        most = max(most, sum(scene.files.listings.values()) - before)
    assert most <= 10, "quiet directories are spread over the polls"


def test_the_time_budget_is_kept_and_nothing_starves() -> None:
    scene = Scene(budget_s=0.1)
    for run in range(50):
        scene.files.put(f"/raw/r{run:03d}/x_{run}_master.h5")
    scene.files.delay = lambda directory: scene.clock.sleep(0.03)
    found = []
    for _ in range(40):
        polled = scene.poller.poll()
        assert polled.seconds <= 0.13 + 1e-6
        found += polled.masters
        scene.clock.sleep(0.1)
    assert len(found) == 50


def test_an_unfinished_dataset_keeps_its_directory_active() -> None:
    scene = Scene(active_for_s=1.0, leads_for_s=1.0, patience_s=100.0)
    scene.files.put(MASTER)
    scene.run(0.4)
    scene.poller.expect(MASTER, 2)
    scene.files.put(data(1))
    scene.run(60)
    scene.files.listings.clear()
    scene.run(2)
    assert scene.files.listings[RUN] >= 9
    scene.files.put(data(2))
    scene.run(150)
    scene.files.listings.clear()
    scene.run(4)
    assert scene.files.listings.get(RUN, 0) <= 1


def test_prefixes_are_not_confused() -> None:
    scene = Scene()
    for prefix, n in (("lyso_1", 1), ("lyso_1_1", 2), ("lyso_10", 3)):
        scene.files.put(f"{RUN}/{prefix}_master.h5")
        for number in range(1, n + 1):
            scene.files.put(data(number, prefix))
    seen = {f.path.rpartition("/")[2]: f.n_files for f in scene.run().files}
    assert seen == {"lyso_1_master.h5": 1, "lyso_1_1_master.h5": 2, "lyso_10_master.h5": 3}


def test_data_files_late_out_of_order_and_growing() -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.run()
    marks = []
    for change in (lambda: scene.files.put(data(3)), lambda: scene.files.put(data(1)),
                   lambda: scene.files.put(data(1), 99)):  # fmt: skip
        change()
        (seen,) = scene.run(0.2).files
        assert seen.changed_s == 0
        marks.append((seen.mark, seen.n_files, seen.n_bytes))
    assert len({mark for mark, _, _ in marks}) == 3
    assert [m[1:] for m in marks] == [(1, 1), (2, 2), (2, 100)]


def test_the_mark_of_files_is_the_same_after_a_restart() -> None:
    scenes = [Scene(), Scene()]
    for scene, numbers in zip(scenes, ((1, 2), (2, 1)), strict=True):
        scene.files.put(MASTER)
        for number in numbers:
            scene.files.put(data(number), 7)
    first, second = (scene.run().files[0].mark for scene in scenes)
    assert first == second


def test_quiet_time_is_told_as_it_grows_and_ends_when_nothing_is_awaited() -> None:
    scene = Scene(patience_s=100.0)
    scene.files.put(MASTER)
    scene.files.put(data(1))
    scene.run(0.4)
    scene.poller.expect(MASTER, 1)
    told = [f.changed_s for f in scene.run(200).files]
    assert told == sorted(told)
    assert 20 < len(told) < 80
    assert any(30 <= t <= 34 for t in told)
    assert not scene.run(60).files
    for expected in (2, 0):
        scene.poller.expect(MASTER, expected)
        assert scene.run(120).files, "one that may still grow is told without end"


def test_time_without_listings_is_not_quiet_time() -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.run(0.4)
    scene.files.failing[RUN] = errno.EIO
    scene.run(500)
    del scene.files.failing[RUN]
    assert max(f.changed_s for f in scene.run(31).files) < 100


def test_a_master_that_changes_is_told_again_and_one_that_goes_is_gone() -> None:
    scene = Scene()
    scene.files.put(MASTER, 100)
    scene.run()
    scene.files.put(MASTER, 120)
    assert scene.paths() == [MASTER]
    scene.files.remove(MASTER)
    scene.files.put(MASTER, 120)  # another file of the same size
    assert scene.paths() == [MASTER]
    scene.files.put(f"{RUN}/info.txt", 5)
    assert scene.paths() == [MASTER], "info.txt may say another kind"
    scene.files.remove("/raw/u")
    assert scene.run(0.4).gone == (MASTER,)
    assert scene.poller.files_of(MASTER) is None


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_directory_that_fails_is_a_trouble_and_the_rest_goes_on(code: int) -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.files.put("/raw/closed/x_1_master.h5")
    scene.files.failing["/raw/closed"] = code
    assert scene.paths(3) == [MASTER]
    (trouble,) = scene.run().troubles
    assert trouble.where == "/raw/closed"
    assert trouble.next_step
    del scene.files.failing["/raw/closed"]
    assert scene.paths(30) == ["/raw/closed/x_1_master.h5"]
    assert not scene.run().troubles


@pytest.mark.parametrize("where", [RAW, RUN])
def test_a_trouble_ends_though_nothing_changed_meanwhile(where: str) -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.run()
    scene.files.failing[where] = errno.EIO
    assert [t.where for t in scene.run(10).troubles] == [where]
    scene.files.failing.clear()
    assert not scene.run(31).troubles


def test_a_directory_that_is_listed_but_not_there_yet_is_no_trouble() -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.files.failing[RUN] = errno.ENOENT
    polled = scene.run(5)
    assert not polled.troubles
    assert not polled.masters
    del scene.files.failing[RUN]
    assert scene.paths(30) == [MASTER]


def test_a_vanished_root_is_said_and_comes_back() -> None:
    scene = Scene()
    scene.files.put(MASTER)
    scene.run()
    scene.files.failing[RAW] = errno.ENOENT
    polled = scene.run(2)
    assert polled.vanished
    assert not polled.gone
    del scene.files.failing[RAW]
    polled = scene.run(2)
    assert not polled.vanished
    assert not polled.masters, "it is the same as before"


def test_what_is_not_followed_and_what_is_told_of_it() -> None:
    scene = Scene()
    scene.files.put("/raw/x_1_master.h5", kind="other")
    scene.files.put("/raw/y_1_master.h5", kind="link")
    scene.files.put("/raw/etc", kind="link")
    scene.files.put("/raw/.hidden/z_1_master.h5")
    scene.files.put("/raw/copy.part/z_1_master.h5")
    scene.files.put("/raw/bad\nname_master.h5")
    polled = scene.run(1)
    assert not polled.masters
    assert {t.where for t in polled.troubles} == {
        "/raw/x_1_master.h5",
        "/raw/y_1_master.h5",
        "/raw/bad\\nname_master.h5",
    }


@pytest.mark.parametrize(
    ("bound", "path", "where", "found"),
    [
        ({"max_depth": 2}, "/raw/a/b/c/deep_{}_master.h5", "/raw/a/b", 0),
        ({"max_entries": 5}, "/raw/many/x_{}_master.h5", "/raw/many", 5),
        ({"max_directories": 6}, "/raw/wide/d{0}/x_{0}_master.h5", "/raw/wide", 4),
    ],
)
def test_bounds_are_troubles(bound: dict[str, float], path: str, where: str, found: int) -> None:
    scene = Scene(**bound)
    for number in range(9):
        scene.files.put(path.format(number))
    polled = scene.run(2)
    assert len(polled.masters) == found
    assert [t.where for t in polled.troubles] == [where]
    for number in range(9):
        scene.files.remove(path.format(number))
        scene.files.remove(path.format(number).rpartition("/")[0])
    scene.run(2)
    assert not scene.run().troubles


def test_room_that_becomes_free_is_used() -> None:
    scene = Scene(max_directories=3)
    scene.files.make("/raw/a")
    scene.files.make("/raw/b")
    scene.run()
    scene.files.put("/raw/c/x_1_master.h5")
    assert not scene.paths(2)
    scene.files.remove("/raw/a")
    assert scene.paths(2) == ["/raw/c/x_1_master.h5"]


def test_somebody_who_wants_a_path_gets_it_soon() -> None:
    scene = Scene(leads_for_s=1.0, patience_s=1.0, active_for_s=1.0)
    scene.files.put(MASTER)
    scene.run(120)
    later = "/raw/u/lyso/rotational_002/lyso_2_master.h5"
    scene.files.put(later)
    scene.poller.want(later, 5.0)
    assert scene.paths(0.4) == [later]


def test_data_files_of_a_renamed_master_are_found_by_its_links() -> None:
    scene = Scene()
    scene.files.put(f"{RUN}/better_master.h5")
    scene.files.put(data(1))
    assert scene.run().files[0].n_files == 0
    files = scene.poller.expect(f"{RUN}/better_master.h5", 2, "lyso_1")
    assert files is not None
    assert files.n_files == 1
    scene.files.put(data(2))
    assert [f.n_files for f in scene.run(0.4).files] == [2]
