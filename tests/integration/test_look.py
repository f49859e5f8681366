"""`look` on whole datasets: while they are written, with faults, for any number of cores."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Exit, Failure
from beampace.eiger import FrameReader
from beampace.results.look_schema import Look
from beampace.simulate import diffraction
from beampace.simulate.fate import Fate
from beampace.simulate.options import Faults
from beampace.simulate.scenario import Lattice
from beampace.work import look_pool
from beampace.work.cancel import Switch
from beampace.work.look import LookOptions, look
from tests.support.look_data import TINY, write_scan


def looked(master: Path, out: Path, **wishes):
    options = LookOptions(master, out=out, **{"patience_s": 0.0, "cores": 2, **wishes})
    return look(options, RecordedProgress())


def record(out: Path) -> Look:
    return Look.model_validate_json((out / "look.json").read_bytes())


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    directory = tmp_path_factory.mktemp("scan")
    return (*write_scan(directory), directory)


def test_a_rotation_scan(scan, tmp_path):
    master, _, _ = scan
    done = looked(master, tmp_path / "out")
    assert done.exit is Exit.RESULT and done.result.verdict.code == "diffraction", done.result.verdict
    assert "beampace process" in done.result.verdict.next_step
    found = record(tmp_path / "out")
    assert found.state == "complete" and found.frames.analysed == 24 and found.frames.waiting == 0
    assert found.columns["frame"] == tuple(range(1, 25))
    assert dict(done.result.columns) == dict(found.columns) and done.result.work == "look"
    assert min(found.columns["spots"]) > 50
    assert found.columns["background"] == pytest.approx([0.3] * 24, abs=0.06)
    assert found.useful_range.ending == "whole"
    assert {
        "look.json",
        "look.png",
        "strong.refl",
        "SPOT.XDS",
        "log.txt",
        "result.json",
        "progress.json",
    } == {path.name for path in (tmp_path / "out").iterdir()}
    assert (tmp_path / "out" / "look.png").read_bytes().startswith(b"\x89PNG")
    for name in done.result.files.values():
        assert (tmp_path / "out" / name).stat().st_mode & 0o777 == 0o644


def test_answers_do_not_depend_on_the_cores(scan, tmp_path):
    master, _, _ = scan
    columns = []
    for cores in (1, 3):
        looked(master, tmp_path / str(cores), cores=cores)
        columns.append(record(tmp_path / str(cores)).columns)
    assert columns[0] == columns[1]


def test_part_of_a_scan(scan, tmp_path):
    master, _, _ = scan
    done = looked(master, tmp_path / "part", images=(5, 9))
    assert record(tmp_path / "part").columns["frame"] == (5, 6, 7, 8, 9)
    assert done.exit is Exit.RESULT
    bad = looked(master, tmp_path / "bad", images=(20, 30))
    assert bad.exit is Exit.BAD_INPUT and "1 to 24" in bad.result.verdict.words


def test_the_strong_spots_lie_where_the_reflections_are(scan, tmp_path):
    """x and y of SPOT.XDS against the simulated centroids, within 1 px."""
    master, simulation, _ = scan
    looked(master, tmp_path / "out")
    found = np.loadtxt(tmp_path / "out" / "SPOT.XDS", comments=None, converters=float)
    strongest = found[:100]  # sorted by intensity
    assert len(found) > 300
    true = np.concatenate([simulation.maker.spots(number) for number in range(1, 25)])
    places = true[:, [diffraction.X, diffraction.Y]]
    apart = np.hypot(
        strongest[:, 0, None] - 0.5 - places[None, :, 0], strongest[:, 1, None] - 0.5 - places[None, :, 1]
    )
    assert np.mean(apart.min(axis=1) < 1.0) > 0.95


@pytest.mark.parametrize("number", [3, 13])
def test_a_frame_that_does_not_decode_is_failed_and_the_rest_goes_on(tmp_path, number):
    master, _ = write_scan(tmp_path / "raw", faults=Faults(corrupt=(number,)))
    done = looked(master, tmp_path / "out")
    found = record(tmp_path / "out")
    assert done.exit is Exit.RESULT and found.frames.failed == 1 and found.frames.analysed == 23
    row = found.columns["frame"].index(number)
    assert found.columns["verdict"][row] == "failed" and found.columns["spots"][row] is None
    assert "file_truncated" in found.columns["reason"][row]
    assert any(f"({number})" in words for words in done.result.verdict.warnings)
    assert done.result.dataset.frames.lost[0].first == number


def test_a_chunk_whose_inside_is_garbage(tmp_path):
    """The chunk begins as one frame, so only decoding it tells."""
    master, _ = write_scan(tmp_path / "raw")
    file = sorted((tmp_path / "raw").glob("*_data_*.h5"))[1]
    with h5py.File(file, "r") as handle:
        info = handle["entry/data/data"].id.get_chunk_info_by_coord((3, 0, 0))
    with file.open("r+b") as stream:
        stream.seek(info.byte_offset + 16)
        stream.write(b"\xff" * (info.size - 16))
    done = looked(master, tmp_path / "out")
    found = record(tmp_path / "out")
    assert done.exit is Exit.RESULT and found.frames.failed == 1
    assert found.columns["verdict"][11] == "failed" and "decode" in found.columns["reason"][11]


def test_a_truncated_and_a_missing_file(tmp_path):
    master, _ = write_scan(tmp_path / "raw", faults=Faults(truncated=(2,), missing=(3,)))
    done = looked(master, tmp_path / "out")
    found = record(tmp_path / "out")
    lost = [
        f
        for f, word in zip(found.columns["frame"], found.columns["verdict"], strict=True)
        if word == "failed"
    ]
    assert set(range(17, 25)) < set(lost) and 16 in lost and not set(lost) & set(range(1, 9))
    assert all(
        value is None
        for value, word in zip(found.columns["spots"], found.columns["verdict"], strict=True)
        if word == "failed"
    )
    assert done.exit is Exit.RESULT and found.state == "complete"


def test_a_mask_of_the_wrong_size_is_a_plain_ending(tmp_path):
    master, _ = write_scan(tmp_path / "raw", faults=Faults(wrong_mask=True))
    done = looked(master, tmp_path / "out")
    assert done.exit is Exit.BAD_INPUT and done.result.verdict.code == "metadata_inconsistent"
    assert "pixel mask" in done.result.verdict.words and "1061" in done.result.verdict.words


def test_an_all_masked_detector_is_a_plain_ending(tmp_path):
    master, _ = write_scan(tmp_path / "raw")
    with h5py.File(master, "r+") as handle:
        for name in ("pixel_mask", "detectorSpecific/pixel_mask"):
            place = f"entry/instrument/detector/{name}"
            if place in handle:
                handle[place][...] = 1
    done = looked(master, tmp_path / "out")
    assert done.exit is Exit.BAD_INPUT and "no usable pixel" in done.result.verdict.words


def test_a_frame_of_markers_only_is_failed(tmp_path):
    """Every pixel marked as unusable is no blank frame."""
    master, _ = write_scan(tmp_path / "raw", replace(TINY, n_frames=6), per_file=6)
    file = next((tmp_path / "raw").glob("*_data_*.h5"))
    with h5py.File(file, "r+") as handle:
        stack = handle["entry/data/data"]
        stack[2] = np.full(stack.shape[1:], np.iinfo(stack.dtype).max, stack.dtype)
    looked(master, tmp_path / "out")
    found = record(tmp_path / "out")
    assert found.columns["verdict"][2] == "failed" and found.columns["verdict"].count("failed") == 1


def test_blank_frames_are_no_diffraction(tmp_path):
    master, _ = write_scan(tmp_path / "raw", replace(TINY, crystal=None, n_frames=8))
    done = looked(master, tmp_path / "out")
    assert done.exit is Exit.SCIENCE and done.result.verdict.code == Failure.NO_DIFFRACTION
    assert set(record(tmp_path / "out").columns["verdict"]) == {"blank"}


def test_the_useful_range_of_a_crystal_that_leaves(tmp_path):
    """It is out of the beam for the last dozen frames."""
    scenario = replace(TINY, n_frames=38, fate=Fate(leaves=(25, 26)))
    simulated = write_scan(tmp_path / "raw", scenario, per_file=19)
    done = looked(simulated[0], tmp_path / "out")
    useful = record(tmp_path / "out").useful_range
    assert useful is not None and useful.ending == "left_beam", useful
    assert useful.first == 1 and useful.last in (24, 25, 26), useful
    assert done.exit is Exit.RESULT and f"{useful.first}:{useful.last}" in done.result.verdict.next_step


def copied(raw: Path, live: Path, every_s: float) -> None:
    """The data files one after another, as a detector closes them."""
    for file in sorted(raw.glob("*_data_*.h5")):
        time.sleep(every_s)
        part = live / f".{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(live / file.name)


def test_following_a_scan_shows_frames_as_they_come(scan, tmp_path):
    master, _, raw = scan
    looked(master, tmp_path / "afterwards")
    live = tmp_path / "live"
    live.mkdir()
    for file in (master, raw / "info.txt"):
        shutil.copyfile(file, live / file.name)
    writer = threading.Thread(target=copied, args=(raw, live, 1.0))
    seen: list[tuple[str, int]] = []

    def watch() -> None:
        while not stop.wait(0.05):
            path = tmp_path / "out" / "look.json"
            if path.exists():
                now = json.loads(path.read_bytes())  # whole at any moment
                seen.append((now["state"], len(now["columns"]["frame"])))

    stop = threading.Event()
    watcher = threading.Thread(target=watch)
    writer.start()
    watcher.start()
    done = looked(live / master.name, tmp_path / "out", patience_s=20.0)
    stop.set()
    watcher.join()
    writer.join()
    assert done.exit is Exit.RESULT
    running = [n for state, n in seen if state == "running"]
    assert min(running) <= 8 and running == sorted(running)  # the first file was shown before the last came
    found, afterwards = record(tmp_path / "out"), record(tmp_path / "afterwards")
    assert found.columns == afterwards.columns and found.useful_range == afterwards.useful_range


def test_a_scan_that_stops_growing_is_finished(scan, tmp_path):
    master, _, raw = scan
    live = tmp_path / "live"
    live.mkdir()
    for file in (master, raw / "info.txt", sorted(raw.glob("*_data_*.h5"))[0]):
        shutil.copyfile(file, live / file.name)
    done = looked(live / master.name, tmp_path / "out", patience_s=1.0)
    found = record(tmp_path / "out")
    assert done.exit is Exit.RESULT and (found.frames.analysed, found.frames.failed) == (8, 16)


def test_cancelled_leaves_what_there_is(scan, tmp_path):
    master, _, raw = scan
    live = tmp_path / "live"
    live.mkdir()
    for file in (master, raw / "info.txt", sorted(raw.glob("*_data_*.h5"))[0]):
        shutil.copyfile(file, live / file.name)
    switch = Switch()
    threading.Timer(3.0, switch.switch_off, ("Stopped by Ctrl-C.",)).start()
    began, threads = time.monotonic(), threading.active_count()
    done = look(LookOptions(live / master.name, out=tmp_path / "out", patience_s=60.0, cores=2), switch)
    assert time.monotonic() - began < 30
    assert done.exit is Exit.CANCELLED and done.result.verdict.code == "cancelled"
    found = record(tmp_path / "out")
    assert found.state == "cancelled" and found.frames.analysed == 8 and found.frames.waiting == 16
    assert len(done.result.columns["frame"]) == 8
    assert threading.active_count() <= threads


def test_bad_input_is_a_result(tmp_path):
    assert looked(tmp_path / "no_master.h5", tmp_path / "a").exit is Exit.BAD_INPUT
    (tmp_path / "x_master.h5").write_text("no HDF5")
    done = looked(tmp_path / "x_master.h5", tmp_path / "b")
    assert done.exit is Exit.BAD_INPUT and done.result.verdict.code == "not_a_dataset"
    assert (tmp_path / "b" / "result.json").exists()


def test_another_series_in_the_same_place_is_not_mixed_in(scan, tmp_path):
    """The first series stops after one file; a longer one of other frames is begun under the same name."""
    first, _, raw = scan
    other = replace(TINY, seed=7, n_frames=30, lattices=(Lattice(seed=3),))
    second, _ = write_scan(tmp_path / "raw", other)
    looked(second, tmp_path / "alone")
    live = tmp_path / "live"
    live.mkdir()
    for file in (first, raw / "info.txt", sorted(raw.glob("*_data_*.h5"))[0]):
        shutil.copyfile(file, live / file.name)

    def begin_anew() -> None:
        time.sleep(3.0)
        for file in live.glob("*_data_*.h5"):
            file.unlink()
        part = live / "part"
        shutil.copyfile(second, part)
        part.rename(live / first.name)
        copied(second.parent, live, 0.5)

    writer = threading.Thread(target=begin_anew)
    writer.start()
    done = looked(live / first.name, tmp_path / "out", patience_s=20.0)
    writer.join()
    found, alone = record(tmp_path / "out"), record(tmp_path / "alone")
    assert any("series" in words for words in done.result.verdict.warnings), done.result.verdict
    assert found.columns == alone.columns and found.frames.analysed == 30
    for name in ("strong.refl", "SPOT.XDS"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_frame_that_could_not_be_read_once_is_tried_again(scan, tmp_path, monkeypatch):
    """The disk errs once for one frame of a complete dataset, and always for another."""
    master, _, _ = scan
    look_of, erred = look_pool._look, []

    class Erring:
        """A reader whose disk errs."""

        def __init__(self, reader: FrameReader) -> None:
            self.reader = reader

        def read(self, number: int):
            if (number == 5 and 5 not in erred) or number == 7:
                erred.append(number)
                raise OSError(5, "Input/output error")
            return self.reader.read(number)

    def erring(analyser, task):
        return look_of(analyser, replace(task, reader=Erring(task.reader)))

    monkeypatch.setattr(look_pool, "_look", erring)
    looked(master, tmp_path / "out")
    found = record(tmp_path / "out")
    assert found.frames.failed == 1 and found.columns["verdict"][6] == "failed"
    assert found.columns["spots"][4] > 50 and erred.count(7) == 2
