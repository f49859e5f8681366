"""The watch over real files, read by a real helper process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import Cancelled, InfrastructureError, InputError
from beampace.core.sighting import FilesSeen, Sighting, Trouble
from beampace.simulate.files import write_dataset
from beampace.simulate.options import Faults, FileLayout, InfoFile, WriteOptions
from beampace.watch import Announcement, Identified, Identifier, Watch, WatchSettings
from tests.support.eiger_data import small_dataset, small_frames, small_mask

PATCHER = """
import sys, time
import h5py
failed = 0
for turn in range(int(sys.argv[2])):
    try:
        with h5py.File(sys.argv[1], "r+") as handle:
            handle.require_group(f"entry/source{turn}").attrs["name"] = "PETRA III"
    except OSError as error:
        print(error, file=sys.stderr)
        failed += 1
    time.sleep(0.02)
print(failed)
"""
"""P11's patch, again and again: r+ with HDF5's default locking."""

SETTINGS = WatchSettings(active_s=0.05, not_yet_s=1.0)


@pytest.fixture(scope="module")
def identifier() -> Iterator[Identifier]:
    identifier = Identifier()
    yield identifier
    identifier.close()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    raw = tmp_path.resolve() / "raw"
    raw.mkdir()
    return raw


class Seen:
    """A watch, and all it has told."""

    def __init__(self, raw: Path, identifier: Identifier, settings: WatchSettings = SETTINGS) -> None:
        self.watch = Watch(raw, settings, identifier)
        self.sightings: list[Sighting] = []
        self.files: list[FilesSeen] = []
        self.troubles: tuple[Trouble, ...] = ()

    def until(self, done: Callable[[], bool], seconds: float = 20.0) -> None:
        """Tick until something is so."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, (self.sightings, self.files[-3:], self.troubles)
            self.tick()
            time.sleep(0.02)

    def tick(self) -> None:
        tick = self.watch.tick()
        self.sightings += tick.sightings
        self.files += tick.files
        self.troubles = tick.troubles

    def for_s(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)

    def last(self) -> Sighting:
        return self.sightings[-1]


@pytest.fixture
def seen(raw: Path, identifier: Identifier) -> Iterator[Seen]:
    seen = Seen(raw, identifier)
    yield seen
    seen.watch.close()


def write(
    directory: Path, name: str = "lyso_1", number: int = 0, n_frames: int = 8, width: float = 0.1,
    options: WriteOptions | None = None,
) -> Path:  # fmt: skip
    """A dataset of tiny frames; `number` tells one from another."""
    taken = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC) + timedelta(minutes=number)
    dataset = replace(small_dataset(n_frames, name=name, width=width), collected=taken)
    chosen = options or WriteOptions(images_per_file=2)
    return write_dataset(dataset, small_mask(), small_frames(n_frames), directory, chosen)


@pytest.mark.real
def test_the_real_data(real_data: Path, identifier: Identifier) -> None:
    seen = Seen(real_data.parent, identifier)
    seen.until(lambda: len(seen.sightings) >= 4 and len(seen.troubles) == 1)
    found = {s.place.rpartition("/")[2]: s for s in seen.sightings}
    assert {name: s.kind for name, s in found.items() if "rotational" in name or "grid" in name} == {
        "rotational_001": DatasetKind.ROTATION,
        "rotational_002": DatasetKind.ROTATION,
        "grid_001": DatasetKind.GRID,
    }
    grid = found["grid_001"]
    assert (grid.n_announced, grid.n_files, grid.sample) == (19, 1, "thaumatin")
    assert grid.collected == datetime(2019, 9, 11, 11, 20, 28, 989000, tzinfo=UTC)
    assert identifier.readable(Path(grid.path), real_data.parent) == 19
    (copy,) = seen.troubles  # the two screening sets are the same two frames, written in two ways
    assert "project_x" in copy.where
    assert "same series" in copy.words
    seen.watch.close()


def test_patched_in_place_while_it_is_polled_and_read(raw: Path, seen: Seen) -> None:
    master = write(raw / "lyso" / "rotational_001")
    seen.until(lambda: len(seen.sightings) == 1)
    turns = 30
    command = [sys.executable, "-c", PATCHER, str(master), str(turns)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as patcher:
        seen.until(lambda: patcher.poll() is not None)
        said, complaints = patcher.communicate()
    assert (said.strip(), complaints) == ("0", ""), "no reader of ours stands in the way of the patch"
    seen.for_s(0.5)
    assert len(seen.sightings) > 2
    assert len({s.identity for s in seen.sightings}) == 1
    assert not seen.troubles


def test_data_files_late_and_out_of_order_then_all(raw: Path, seen: Seen) -> None:
    faults = Faults(late=((1, 0.6), (3, 0.3)))
    options = WriteOptions(images_per_file=2, rate=20, patch=True, patch_delay=0.2, faults=faults)
    writer = threading.Thread(
        target=write, args=(raw / "lyso" / "rotational_001",), kwargs={"options": options}
    )
    writer.start()
    seen.until(lambda: bool(seen.files) and seen.files[-1].n_files == 4)
    writer.join()
    counts = [f.n_files for f in seen.files]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 3
    assert seen.last().n_files == 4
    assert len({s.identity for s in seen.sightings}) == 1


def test_an_aborted_run_grows_quiet_with_files_missing(raw: Path, seen: Seen) -> None:
    write(raw / "a", options=WriteOptions(images_per_file=2, faults=Faults(stop_after=3)))
    seen.until(lambda: bool(seen.files) and seen.files[-1].changed_s > 1.5)
    assert seen.last().n_files == 4
    assert seen.files[-1].n_files == 2
    assert seen.last().n_announced == 8


def test_a_second_run_into_the_same_directory(raw: Path, seen: Seen) -> None:
    first = write(raw / "run", "lyso_1", 0)
    seen.until(lambda: len(seen.sightings) == 1)
    second = write(raw / "run", "lyso_1_1", 1, n_frames=4)
    seen.until(lambda: len({s.path for s in seen.sightings}) == 2)
    seen.until(lambda: {(f.path, f.n_files) for f in seen.files} >= {(str(first), 4), (str(second), 2)})
    assert len({s.identity for s in seen.sightings}) == 2
    assert not seen.troubles


def test_a_new_series_at_the_same_path(raw: Path, seen: Seen) -> None:
    master = write(raw / "run", number=0)
    seen.until(lambda: len(seen.sightings) == 1)
    for file in master.parent.iterdir():
        file.unlink()
    write(raw / "run", number=1, n_frames=4)
    seen.until(lambda: seen.last().n_announced == 4 and seen.files[-1].n_files == 2)
    assert len({s.identity for s in seen.sightings}) == 2
    assert {s.path for s in seen.sightings} == {str(master)}


def test_a_renamed_master_keeps_its_identity_and_its_data_files(raw: Path, seen: Seen) -> None:
    master = write(raw / "run")
    seen.until(lambda: bool(seen.files) and seen.files[-1].n_files == 4)
    renamed = master.rename(master.with_name("better_master.h5"))
    seen.until(lambda: seen.files[-1].path == str(renamed) and seen.files[-1].n_files == 4)
    assert len({s.identity for s in seen.sightings}) == 1
    assert (seen.last().path, seen.last().name) == (str(renamed), "better")


def test_a_copied_directory_is_no_second_dataset(raw: Path, seen: Seen) -> None:
    master = write(raw / "one")
    seen.until(lambda: len(seen.sightings) == 1)
    copy = raw / "two"
    copy.mkdir()
    for file in master.parent.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    seen.until(lambda: any(t.where == str(copy / master.name) for t in seen.troubles))
    assert len(seen.sightings) == 1
    for file in master.parent.iterdir():
        file.unlink()
    seen.until(lambda: seen.last().path == str(copy / master.name))
    assert len({s.identity for s in seen.sightings}) == 1


MXCUBE = "run type:            {}\nrun name:            lyso_1_master.h5\nframes:              8\n"
DIALECTS = [
    (MXCUBE.format("regular"), 0.1, DatasetKind.ROTATION),
    (MXCUBE.format("screening"), 0.1, DatasetKind.SCREENING),
    ("run type:            screening\nimage interval:      90.00deg\n", 0.1, DatasetKind.SCREENING),
    (
        "run type:            grid\ngrid:                4x2\nangle:               0.00deg\n",
        0.0,
        DatasetKind.GRID,
    ),
    (
        "run type:            ISMO\ngrid:                4x2\npositions:           8\n",
        0.1,
        DatasetKind.STILLS,
    ),
    ("run type: rotational\nORGX: 2000\nORGY: 2000\n", 0.1, DatasetKind.ROTATION),
    ("run type: grid step\ngrid: 4x2\n", 0.0, DatasetKind.GRID),
    ("run type: nonsense\n\x00\xff", 0.1, DatasetKind.ROTATION),
]


@pytest.mark.parametrize("early", [True, False])
def test_info_files_of_all_dialects_early_and_late(raw: Path, seen: Seen, early: bool) -> None:
    plain = WriteOptions(images_per_file=8, info=InfoFile.NEVER)
    for number, (text, width, _) in enumerate(DIALECTS):
        run = raw / f"run{number}"
        run.mkdir()
        if early:
            (run / "info.txt").write_text(text, encoding="latin-1")
        write(run, number=number, width=width, options=plain)
    kinds: dict[str, DatasetKind] = {}

    def now() -> list[DatasetKind | None]:
        kinds.update({s.place: s.kind for s in seen.sightings})
        return [kinds.get(f"run{number}") for number in range(len(DIALECTS))]

    if not early:
        seen.until(lambda: None not in now())
        by_header = [DatasetKind.ROTATION if width else DatasetKind.STILLS for _, width, _ in DIALECTS]
        assert now() == by_header
        for number, (text, _, _) in enumerate(DIALECTS):
            (raw / f"run{number}" / "info.txt").write_text(text, encoding="latin-1")
    seen.until(lambda: now() == [kind for _, _, kind in DIALECTS])


def test_what_others_plant_is_told_and_does_no_harm(raw: Path, seen: Seen, tmp_path: Path) -> None:
    good = write(raw / "good")
    real = good.read_bytes()
    os.mkfifo(raw / "pipe_master.h5")
    (raw / "link_master.h5").symlink_to(good)
    (raw / "etc").symlink_to("/etc")
    (raw / "loop").symlink_to(raw)
    (raw / "garbage_master.h5").write_bytes(os.urandom(5000))
    (raw / "cut_master.h5").write_bytes(real[: len(real) // 2])
    (raw / "empty_master.h5").touch()
    (raw / "-rf_master.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 3000)
    (raw / "directory_master.h5").mkdir()
    outside = write(tmp_path / "elsewhere", number=5)
    with h5py.File(raw / "linked_master.h5", "w") as handle:
        handle["entry"] = h5py.ExternalLink(str(outside), "/entry")
    told = {"pipe_master.h5", "link_master.h5", "garbage_master.h5", "cut_master.h5", "empty_master.h5",
            "-rf_master.h5", "linked_master.h5"}  # fmt: skip
    seen.until(lambda: {t.where.rpartition("/")[2] for t in seen.troubles} == told)
    assert [s.path for s in seen.sightings] == [str(good)]
    assert all(t.words and t.next_step for t in seen.troubles)


def test_a_half_written_master_is_waited_for(raw: Path, seen: Seen, tmp_path: Path) -> None:
    whole = write(tmp_path / "elsewhere").read_bytes()
    master = raw / "lyso_1_master.h5"
    with master.open("wb") as stream:
        stream.write(whole[:3000])
        stream.flush()
        seen.for_s(0.4)
        assert not seen.troubles
        stream.write(whole[3000:])
    seen.until(lambda: len(seen.sightings) == 1)
    assert not seen.troubles


@pytest.mark.parametrize("layout", list(FileLayout))
def test_an_identity_that_needs_the_first_frame(raw: Path, seen: Seen, layout: FileLayout) -> None:
    master = write(raw / ".kept", options=WriteOptions(layout=layout, images_per_file=2))
    with h5py.File(master, "r+") as handle:
        lost: list[str] = []
        known = ("detector_number", "serial_number", "data_collection_date", "start_time", "series_id")
        handle.visit(lambda name: lost.append(name) if name.endswith(known) else None)
        for name in lost:
            del handle[name]
    run = raw / "run"
    run.mkdir()
    master.rename(run / master.name)
    seen.for_s(0.5)
    assert not seen.sightings
    for file in sorted((raw / ".kept").glob("*_data_*"), reverse=True):
        file.rename(run / file.name)
    seen.until(lambda: len(seen.sightings) == 1 and bool(seen.files) and seen.files[-1].n_files == 4)
    assert seen.last().identity.startswith("sha256-")


def test_ten_thousand_entries(raw: Path, seen: Seen) -> None:
    write(raw / "run", "lyso_1")
    for number in range(1, 5001):
        (raw / "run" / f"many_data_{number:06d}.h5").touch()
        (raw / "run" / f"image_{number}.cbf").touch()
    seen.until(lambda: bool(seen.files) and seen.files[-1].n_files == 4)
    assert not seen.troubles


def test_readable_counts_what_can_be_read_now(raw: Path, identifier: Identifier) -> None:
    master = write(
        raw / "run", options=WriteOptions(images_per_file=2, faults=Faults(missing=(2,), truncated=(4,)))
    )
    assert identifier.readable(master, raw) == 4
    (raw.parent / "view").symlink_to(raw)
    assert identifier.readable(master, raw.parent / "view") == 4, "a link may lead to raw itself"
    with pytest.raises(InputError, match="not_a_dataset"):
        identifier.readable(raw / "run" / "other_master.h5", raw)
    with pytest.raises(InputError, match="bad_request"):
        identifier.readable(master, raw / "run" / "elsewhere")


def test_a_directory_swapped_for_a_link_is_not_read_through(
    raw: Path, identifier: Identifier, tmp_path: Path
) -> None:
    master = write(raw / "run")
    (raw / "run").rename(raw / "moved")
    (raw / "run").symlink_to(raw / "moved")
    with pytest.raises(InputError, match="not_a_dataset"):
        identifier.readable(master, raw)


def test_announced_before_it_exists_and_through_another_view(raw: Path, seen: Seen, tmp_path: Path) -> None:
    view = tmp_path / "view"
    view.symlink_to(raw.parent)
    seen.watch.announce(Announcement(path=view / "raw" / "u" / "run" / "lyso_1_master.h5", group="g"))
    seen.tick()
    master = write(raw / "u" / "run")
    seen.until(lambda: bool(seen.sightings) and seen.last().by == "announce")
    assert (seen.last().path, seen.last().group) == (str(master), "g")


def test_an_announced_kind_does_not_turn_the_spindle(raw: Path, seen: Seen) -> None:
    still, turning = write(raw / "a", number=1, width=0.0), write(raw / "b", number=2)
    for master, kind in ((still, DatasetKind.ROTATION), (turning, DatasetKind.SCREENING)):
        seen.watch.announce(Announcement(path=master, kind=kind))
    seen.until(lambda: {s.path for s in seen.sightings if s.by == "announce"} == {str(still), str(turning)})
    kinds = {s.path: s.kind for s in seen.sightings if s.by == "announce"}
    assert kinds == {str(still): DatasetKind.STILLS, str(turning): DatasetKind.SCREENING}


def reader_of(identifier: Identifier) -> int:
    """Process id of the reader of masters."""
    pid = identifier.pid
    assert pid is not None
    return pid


def test_a_reader_that_is_killed_is_replaced(raw: Path) -> None:
    identifier = Identifier()
    master = write(raw / "run")
    assert isinstance(identifier.look(master, raw).result(), Identified)
    os.kill(reader_of(identifier), signal.SIGKILL)
    answers = [identifier.look(master, raw) for _ in range(2)]
    assert isinstance(answers[1].result(), Identified)
    identifier.close()


def test_a_reader_that_hangs_is_ended_at_its_deadline_and_told(raw: Path) -> None:
    identifier = Identifier(look_s=0.5)
    master = write(raw / "run")
    assert isinstance(identifier.look(master, raw).result(), Identified)
    hung = reader_of(identifier)
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(InfrastructureError, match="timed_out"):
        identifier.look(master, raw).result()
    assert not Path(f"/proc/{hung}").exists()
    assert isinstance(identifier.look(master, raw).result(), Identified)
    identifier.close()
    with pytest.raises(Cancelled):
        identifier.look(master, raw).result(5)


def test_a_hung_reader_does_not_hold_up_closing(raw: Path) -> None:
    identifier = Identifier()
    master = write(raw / "run")
    identifier.look(master, raw).result()
    os.kill(reader_of(identifier), signal.SIGSTOP)
    asked = identifier.look(master, raw)
    begin = time.monotonic()
    identifier.close()
    assert time.monotonic() - begin < 5
    assert isinstance(asked.exception(), InfrastructureError)


OWNER = """
import os, signal, sys
from pathlib import Path
from beampace.watch import Identifier
identifier = Identifier()
identifier.look(Path(sys.argv[1]), Path(sys.argv[2])).result()
print(identifier.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_reader_ends_with_the_daemon(raw: Path) -> None:
    master = write(raw / "run")
    command = [sys.executable, "-c", OWNER, str(master), str(raw)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=30)
    pid, end = int(said.stdout), time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
