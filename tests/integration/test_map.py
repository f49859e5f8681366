"""`map` on whole grid scans: simulated ones, and the real one against DIALS."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from beampace.analysis import Score, SharedAxis
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Exit, Failure
from beampace.results.map_schema import Map
from beampace.simulate.options import Faults, InfoFile, WriteOptions
from beampace.work.cancel import Switch
from beampace.work.map import MapOptions, map_grid
from beampace.work.map_shape import GridWishes
from tests.support.look_data import TINY, grid_scenario, write_scan

DIALS_COUNTS = [290, 1143, 1313, 1284, 1201, 1157, 1123, 1104, 1000, 975, 853, 804, 627, 354, 51, 0, 1, 1, 1]
"""dials.find_spots on the real grid, from its README."""


def mapped(out: Path, *masters: Path, wishes: GridWishes | None = None, **options):
    chosen = MapOptions(
        masters, wishes or GridWishes(), out=out, **{"cores": 2, "patience_s": 0.0, **options}
    )
    return map_grid(chosen, RecordedProgress())


def record(out: Path) -> Map:
    return Map.model_validate_json((out / "map.json").read_bytes())


@pytest.fixture(scope="module")
def snake(tmp_path_factory):
    directory = tmp_path_factory.mktemp("snake")
    return write_scan(directory, grid_scenario(), per_file=9)[0]


def test_the_crystal_is_where_it_was_put(snake, tmp_path):
    done = mapped(tmp_path / "out", snake, wishes=GridWishes(step_um=(20.0, 10.0), snaked=True))
    assert done.exit is Exit.RESULT and done.result.verdict.code == "mapped", done.result.verdict
    part = record(tmp_path / "out").maps[0]
    assert (part.grid.columns, part.grid.rows) == (9, 6)
    best = part.crystals[0]
    assert np.hypot(best.centre[0] - 0.42 * 9, best.centre[1] - 0.40 * 6) < 0.5
    assert best.centre_um == pytest.approx((best.centre[0] * 20, best.centre[1] * 10))
    assert part.numbers[1][0] == 18  # the second line runs backwards
    assert "µm" in done.result.verdict.next_step
    assert done.result.work == "map" and len(done.result.columns["frame"]) == 54
    assert (tmp_path / "out" / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_order_is_warned_of(tmp_path):
    scenario = grid_scenario(14, 9)
    master, _ = write_scan(tmp_path / "raw", scenario, per_file=14)
    done = mapped(tmp_path / "out", master, wishes=GridWishes(snaked=False))
    assert any("probably wrong" in words for words in done.result.verdict.warnings), done.result.verdict
    right = mapped(tmp_path / "right", master, wishes=GridWishes(snaked=True))
    assert not any("order" in words for words in right.result.verdict.warnings)
    free = mapped(tmp_path / "free", master)
    assert record(tmp_path / "free").maps[0].grid.snaked
    assert free.result.verdict.words == right.result.verdict.words


def test_vertical_lines(tmp_path):
    master, _ = write_scan(tmp_path / "raw", grid_scenario(vertical=True), per_file=9)
    mapped(tmp_path / "out", master, wishes=GridWishes(vertical=True, snaked=True))
    best = record(tmp_path / "out").maps[0].crystals[0]
    assert np.hypot(best.centre[0] - 0.42 * 9, best.centre[1] - 0.40 * 6) < 0.5


def test_missing_frames_are_missing_never_zero(tmp_path):
    master, _ = write_scan(
        tmp_path / "raw", grid_scenario(), per_file=9, faults=Faults(missing=(2,), corrupt=(22,))
    )
    done = mapped(tmp_path / "out", master, wishes=GridWishes(snaked=True))
    part = record(tmp_path / "out").maps[0]
    assert part.scores[1] == (None,) * 9 and part.scores[2][3] is None
    assert sum(score is None for row in part.scores for score in row) == 10
    assert part.frames.failed == 10 and done.exit is Exit.RESULT
    assert any("10 cells are missing" in words for words in done.result.verdict.warnings)


@pytest.mark.parametrize("score", list(Score))
def test_every_score_finds_the_crystal(snake, tmp_path, score):
    mapped(tmp_path / "out", snake, wishes=GridWishes(snaked=True), score=score)
    found = record(tmp_path / "out")
    best = found.maps[0].crystals[0]
    assert found.score == score and np.hypot(best.centre[0] - 3.78, best.centre[1] - 2.4) < 0.8


def turned(start: float):
    """The second grid sees the same columns, and its rows run along z."""
    return replace(grid_scenario(9, 5, name="turned"), seed=2, start=start)


def test_two_grids_give_positions(snake, tmp_path):
    second, _ = write_scan(tmp_path / "raw", turned(90.0), per_file=9)
    done = mapped(tmp_path / "out", snake, second, wishes=GridWishes(snaked=True))
    found = record(tmp_path / "out")
    assert len(found.maps) == 2 and found.shared_axis == "columns"
    x, y, z = found.positions[0].centre
    assert abs(x - 3.78) < 0.6 and abs(y - 2.4) < 0.6 and abs(z - 2.0) < 0.6
    assert "x, y, z" in done.result.verdict.words
    assert not any("right angle" in words for words in done.result.verdict.warnings)
    wrong = mapped(tmp_path / "wrong", snake, second, shared=SharedAxis.ROWS, wishes=GridWishes(snaked=True))
    assert wrong.exit is Exit.BAD_INPUT and "share" in wrong.result.verdict.words


def test_two_grids_at_no_right_angle_are_warned_of(snake, tmp_path):
    second, _ = write_scan(tmp_path / "raw", turned(30.0), per_file=9)
    done = mapped(tmp_path / "out", snake, second, wishes=GridWishes(snaked=True))
    assert done.exit is Exit.RESULT
    said = [words for words in done.result.verdict.warnings if "right angle" in words]
    assert len(said) == 1 and "30.0" in said[0]
    assert any("right angle" in words for words in record(tmp_path / "out").warnings)


def test_one_grid_given_twice_is_a_bad_request(snake, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(snake.parent, copied)
    for other in (snake, copied / snake.name):
        done = mapped(tmp_path / f"out_{other.parent.name}", snake, other)
        assert done.exit is Exit.BAD_INPUT and done.result.verdict.code == "bad_request"
        assert "same dataset" in done.result.verdict.words


def test_a_picture_that_cannot_be_painted_is_not_listed(snake, tmp_path, monkeypatch):
    whole = mapped(tmp_path / "whole", snake)
    assert whole.result.files["plot"] == "map.png"

    def broken(record: Map) -> bytes:
        raise ValueError("no picture")

    monkeypatch.setattr("beampace.work.map_paint.map_png", broken)
    done = mapped(tmp_path / "out", snake)
    assert done.exit is Exit.RESULT and "plot" not in done.result.files
    assert all((tmp_path / "out" / name).exists() for name in done.result.files.values())


def test_a_rotation_scan_is_a_bad_request(tmp_path):
    master, _ = write_scan(tmp_path / "raw", replace(TINY, n_frames=4))
    done = mapped(tmp_path / "out", master)
    assert done.exit is Exit.BAD_INPUT and done.result.verdict.code == "bad_request"
    assert "rotation" in done.result.verdict.words and "beampace look" in done.result.verdict.next_step


def test_an_empty_grid_is_no_diffraction(tmp_path):
    blank = replace(grid_scenario(4, 3), crystal=None)
    master, _ = write_scan(tmp_path / "raw", blank, per_file=4)
    done = mapped(tmp_path / "out", master)
    assert done.exit is Exit.SCIENCE and done.result.verdict.code == Failure.NO_DIFFRACTION
    assert record(tmp_path / "out").maps[0].crystals == ()
    assert (tmp_path / "out" / "map.png").exists()


def test_no_frame_at_all(tmp_path):
    master, _ = write_scan(tmp_path / "raw", grid_scenario(4, 3), per_file=12, faults=Faults(missing=(1,)))
    done = mapped(tmp_path / "out", master)
    assert done.exit is Exit.BAD_INPUT and done.result.verdict.code == "frames_missing"


def fed(raw: Path, live: Path, every_s: float) -> None:
    for file in sorted(raw.glob("*_data_*.h5")):
        time.sleep(every_s)
        part = live / f".{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(live / file.name)


def test_the_map_fills_while_the_scan_runs(snake, tmp_path):
    raw, live = snake.parent, tmp_path / "live"
    live.mkdir()
    for file in (snake, raw / "info.txt"):
        shutil.copyfile(file, live / file.name)
    seen: list[int] = []
    pictures: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            path, picture = tmp_path / "out" / "map.json", tmp_path / "out" / "map.png"
            if path.exists():
                seen.append(
                    sum(
                        s is not None
                        for row in json.loads(path.read_bytes())["maps"][0]["scores"]
                        for s in row
                    )
                )
            if picture.exists():
                pictures.add(picture.stat().st_mtime_ns)

    threads = [threading.Thread(target=fed, args=(raw, live, 1.2)), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    done = mapped(tmp_path / "out", live / snake.name, patience_s=20.0, wishes=GridWishes(snaked=True))
    stop.set()
    for thread in threads:
        thread.join()
    assert done.exit is Exit.RESULT and seen[-1] == 54
    assert 0 < min(seen) <= 9 and seen == sorted(seen) and len(set(seen)) >= 4
    assert len(pictures) >= 3


def test_the_shape_may_be_known_only_after_the_scan(tmp_path):
    """MXCuBE writes info.txt afterwards."""
    options = WriteOptions(images_per_file=54, info=InfoFile.BEFORE)
    master, _ = write_scan(tmp_path / "raw", grid_scenario(name="late_grid_001"), options=options)
    live = tmp_path / "live" / "grid_001"
    live.mkdir(parents=True)
    shutil.copyfile(master, live / master.name)

    def later() -> None:
        fed(master.parent, live, 1.5)
        shutil.copyfile(master.parent / "info.txt", live / "info.txt")

    writer = threading.Thread(target=later)
    writer.start()
    done = mapped(tmp_path / "out", live / master.name, patience_s=20.0, wishes=GridWishes(snaked=True))
    writer.join()
    assert done.exit is Exit.RESULT
    grid = record(tmp_path / "out").maps[0].grid
    assert (grid.columns, grid.rows) == (9, 6) and "info.txt" in grid.source


def test_cancelled_keeps_the_map_so_far(snake, tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    files = [snake, snake.parent / "info.txt", *sorted(snake.parent.glob("*_data_*.h5"))[:2]]
    for file in files:
        shutil.copyfile(file, live / file.name)
    switch = Switch()
    threading.Timer(3.0, switch.switch_off, ("Stopped by Ctrl-C.",)).start()
    options = MapOptions((live / snake.name,), GridWishes(), out=tmp_path / "out", patience_s=60.0, cores=2)
    done = map_grid(options, switch)
    assert done.exit is Exit.CANCELLED
    found = record(tmp_path / "out")
    assert found.state == "cancelled" and found.maps[0].frames.analysed == 18
    assert (tmp_path / "out" / "map.png").exists()


@pytest.mark.real
def test_the_real_grid_against_dials(real_data, tmp_path):
    master = real_data / "thaumatin" / "grid_001" / "thaumatin_grid_001_master.h5"
    done = mapped(tmp_path / "out", master)
    assert done.exit is Exit.RESULT
    part = record(tmp_path / "out").maps[0]
    assert (part.grid.columns, part.grid.rows) == (19, 1)
    ours, theirs = np.array(part.scores[0], float), np.array(DIALS_COUNTS, float)
    assert spearmanr(ours, theirs).statistic >= 0.95
    lit = theirs >= 0.5 * theirs.max()
    centre = float(np.average(np.arange(19)[lit] + 0.5, weights=theirs[lit]))
    assert abs(part.crystals[0].centre[0] - centre) < 0.5
    assert not any(part.lit[0][15:])
