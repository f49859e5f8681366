"""Work on behalf of a job: why it was stopped, what is kept, what its options may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beampace.core.errors import BeampaceError, Cancelled
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Exit, Failure
from beampace.core.verdict import Verdict
from beampace.core.work import WorkName
from beampace.work import FileProgress, LineProgress, Switch
from beampace.work.errand import STOP_FILE, Errand, stop_reason
from beampace.work.job import Job, carry_out
from beampace.work.order import Order
from beampace.work.progress import FanOut, tell_opened
from beampace.work.tidy import bytes_of, remove_intermediates
from beampace.work.wishes import wishes_of


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"timed_out", Failure.TIMED_OUT), (b" beamtime_closed\n", Failure.BEAMTIME_CLOSED),
        (b"because", Failure.CANCELLED), (b"\xff\x00", Failure.CANCELLED), (b"", Failure.CANCELLED),
        (b"x" * 10_000, Failure.CANCELLED),
    ],
)  # fmt: skip
def test_the_reason_in_the_directory(tmp_path, said, expected):
    assert stop_reason(tmp_path) is Failure.CANCELLED
    (tmp_path / STOP_FILE).write_bytes(said)
    assert stop_reason(tmp_path) is expected


def test_only_who_was_stopped_is_asked_for_the_reason():
    errand = Errand(stop_reason=lambda: Failure.OUT_OF_MEMORY)
    assert errand.ending(Cancelled("SIGTERM")).code is Failure.OUT_OF_MEMORY
    assert Errand().ending(Cancelled("SIGTERM")).code is Failure.CANCELLED


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("tidy", [True, False])
def test_intermediates_go_only_after_a_success_and_only_when_tidy(tmp_path, good, tidy):
    errand = Errand({"job": "k", "attempt": 1}, tidy=tidy)
    job = Job("process", Path("/x_master.h5"), errand=errand, intermediates=("dials_*/*.refl",))

    def do(directory: Path, progress) -> Verdict:
        for name in ("dials_1/a.refl", "dials_1/kept.refl", "dials_1/a.log", "b.refl"):
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text("x" * 100)
        job.files["scaled"] = "dials_1/kept.refl"
        return Verdict("merged" if good else "not_indexed", "Words.", "Step.")

    done = carry_out(job, tmp_path / "out", do, RecordedProgress())
    left = {path.name for path in (tmp_path / "out").rglob("*.refl")}
    assert left == ({"kept.refl", "b.refl"} if good and tidy else {"a.refl", "kept.refl", "b.refl"})
    assert (tmp_path / "out/dials_1/a.log").exists()
    other = json.loads((tmp_path / "out/result.json").read_text())["parameters"]["other"]
    assert (other["job"], other["attempt"]) == ("k", 1) and other["bytes"] >= 100 * (len(left) + 1)
    assert done.exit is (Exit.RESULT if good else Exit.SCIENCE)


def test_what_is_never_removed(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("result.json", "log.txt", "report.html", "sub/named", "sub/scratch"):
        (tmp_path / name).write_text("12345")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/raw.h5").touch()
    (tmp_path / "sub/link").symlink_to(tmp_path / "outside")
    (tmp_path / "sub/file").symlink_to(tmp_path / "outside/raw.h5")
    assert remove_intermediates(tmp_path, ["s*", "*.json", "log*", "report*"], ["sub/named"]) == 5
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["file", "link", "named"]
    assert (tmp_path / "outside/raw.h5").exists() and bytes_of(tmp_path) == 20


def test_the_first_frame_is_told_once_and_kept(tmp_path):
    progress = FileProgress(tmp_path)
    both = FanOut((Switch(), progress, RecordedProgress()))

    def said():
        return json.loads((tmp_path / "progress.json").read_text())["first_frame_at"]

    both.stage("wait", 3)
    both.advance(0)
    assert said() is None
    tell_opened(both)
    first = said()
    assert first.endswith("+00:00")
    both.advance(2)
    tell_opened(RecordedProgress())
    progress.finish("merged")
    assert said() == first


def test_frames_that_are_done_were_opened(tmp_path):
    progress = FileProgress(tmp_path)
    progress.stage("wait", 3)
    progress.advance(1)
    assert json.loads((tmp_path / "progress.json").read_text())["first_frame_at"]


def test_lines_and_a_stream_that_refuses_them(tmp_path):
    with (tmp_path / "out").open("w") as stream:
        lines = LineProgress(stream)
        lines.stage("index", 3)
        lines.advance(2)
        lines.note("well")
        lines.check()
    assert [line.split(" ", 1)[1] for line in (tmp_path / "out").read_text().splitlines()] == [
        "index (3 frames)",
        "well",
    ]


def test_a_full_disk_does_not_stop_who_writes_lines():
    with pytest.raises(OSError, match="No space"), Path("/dev/full").open("w") as stream:
        lines = LineProgress(stream)
        lines.note("lost")
        assert "No space" in lines.trouble


def order(**options) -> Order:
    return Order(
        key="k", attempt=1, work=WorkName.PROCESS, master=Path("/r/x"), raw=Path("/r"), results=Path("/p"),
        options=options,
    )  # fmt: skip


def test_options_as_values():
    cell = [78.5, 78.5, 37.5, 90, 90, 90]
    said = wishes_of(
        order(images=[2, 9], space_group="P43212", unit_cell=cell, d_min=1.5, quiet_s=3, grid=[4, 3])
    )
    assert (said.images, said.space_group, said.d_min, said.quiet_s, said.grid) == (
        (2, 9), "P 43 21 2", 1.5, 3.0, (4, 3),
    )  # fmt: skip
    assert said.cell is not None and said.cell.a == 78.5
    assert wishes_of(order()).cell is None


@pytest.mark.parametrize(
    "options",
    [
        {"images": [0, 3]}, {"images": [3]}, {"images": "1:3"}, {"d_min": 0.1}, {"d_min": float("nan")},
        {"unit_cell": [1, 2, 3]}, {"unit_cell": [0, 1, 1, 90, 90, 90]}, {"space_group": "Q 1"},
        {"quiet_s": -1}, {"grid": [0, 5]}, {"unknown": 1},
    ],
)  # fmt: skip
def test_options_that_are_refused_are_named(options):
    with pytest.raises(BeampaceError) as caught:
        wishes_of(order(**options))
    assert (
        caught.value.code is Failure.BAD_REQUEST and f"options.{next(iter(options))}" in caught.value.detail
    )


def test_the_root_of_results():
    assert order().results_root == Path("/processed")
    assert order().model_copy(update={"processed": Path("/p")}).results_root == Path("/p")
