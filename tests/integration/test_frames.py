"""Pictures of frames: the processes that draw them, and the routes."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from beampace.core.errors import BeampaceError
from beampace.core.taxonomy import Failure
from beampace.web.frames.messages import FrameQuestion
from beampace.web.frames.opened import Opened
from beampace.web.frames.predicting import predictions_of
from beampace.web.frames.processes import FrameLimits, FrameProcesses
from beampace.web.frames.twin import FrameTwin
from tests.support.catalogue import ALPHA, BEAMTIME, BETA
from tests.support.eiger_data import REAL, REAL_MASTERS
from tests.support.frame_site import FrameSite, experiments, frame_site

HANGS = [sys.executable, "-c", "import sys, time; print('ready', flush=True); time.sleep(60)"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrameSite]:
    with frame_site(tmp_path_factory.mktemp("frames")) as made:
        yield made


@pytest.fixture
def drawers() -> Iterator[FrameProcesses]:
    made = FrameProcesses(FrameLimits(deadline_s=60))
    yield made
    made.close()


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def refusal(call) -> Failure:
    with pytest.raises(BeampaceError) as caught:
        call()
    return caught.value.code


def test_a_process_that_is_killed_while_it_draws_is_replaced(site, drawers):
    question = site.question("picture")
    first = drawers.make(question)
    (pid,) = drawers.pids
    os.kill(pid, signal.SIGSTOP)
    codes: list[Failure] = []
    asking = threading.Thread(target=lambda: codes.append(refusal(lambda: drawers.make(question))))
    asking.start()
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    asking.join()
    assert codes == [Failure.ENGINE_FAILED]
    assert drawers.make(question) == first
    assert drawers.pids != (pid,)


def test_a_file_system_that_hangs_costs_the_deadline_and_the_process(site):
    drawers = FrameProcesses(FrameLimits(deadline_s=0.5), HANGS)
    began = time.monotonic()
    assert refusal(lambda: drawers.make(site.question("picture"))) is Failure.TIMED_OUT
    assert time.monotonic() - began < 5
    assert drawers.pids == ()
    drawers.close()


def test_who_comes_when_too_many_wait_is_sent_away_at_once(site):
    drawers = FrameProcesses(FrameLimits(deadline_s=2, waiting=1), HANGS)
    codes: list[Failure] = []
    ask = lambda: codes.append(refusal(lambda: drawers.make(site.question("picture"))))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(Failure.REJECTED_BY_QUEUE) >= 4
    assert Failure.TIMED_OUT in codes
    drawers.close()


def test_a_process_nobody_asks_is_ended(site):
    drawers = FrameProcesses(FrameLimits(deadline_s=60, idle_s=0.4))
    drawers.make(site.question("picture"))
    until = time.monotonic() + 20
    while drawers.pids and time.monotonic() < until:
        time.sleep(0.05)
    assert drawers.pids == ()
    drawers.make(site.question("picture"))
    drawers.close()


def test_nothing_is_drawn_after_the_end(site):
    drawers = FrameProcesses()
    drawers.close()
    assert refusal(lambda: drawers.make(site.question("picture"))) is Failure.ENGINE_FAILED


def test_a_master_that_is_elsewhere_or_behind_a_link_is_not_read(site, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "x_master.h5").symlink_to(site.master)
    opened = Opened()
    with pytest.raises(BeampaceError) as caught:
        opened.master(raw / "x_master.h5", raw)
    assert caught.value.code is Failure.BAD_REQUEST
    (raw / "real").mkdir()
    (raw / "real" / "y_master.h5").write_bytes(site.master.read_bytes())
    (raw / "link").symlink_to(raw / "real")
    with pytest.raises(BeampaceError) as caught:
        opened.master(raw / "link" / "y_master.h5", raw)
    assert caught.value.code is Failure.NOT_A_DATASET


def test_a_master_that_was_patched_is_read_again_and_no_more_frames_are_kept_than_fit(site, monkeypatch):
    monkeypatch.setattr("beampace.web.frames.opened.MOST_BYTES", 20_000_000)
    raw, opened = site.made.root / "raw", Opened()
    master = opened.master(site.master, raw)
    assert opened.master(site.master, raw) is master
    for number in range(1, 9):
        opened.frame(master, number).level(1)
    assert sum(frame.n_bytes for frame in opened.frames.values()) <= 30_000_000
    assert [key[2] for key in opened.frames][-1] == 8
    os.utime(site.master)
    assert opened.master(site.master, raw) is not master


def test_a_picture_shows_the_frame(site):
    with site.site.client() as client:
        answer = client.get(site.address("/picture?width=512"))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        shown = picture(answer.content)
        ny, nx = site.simulation.frame(1).shape
        assert shown.shape == (-(-ny // 3), -(-nx // 3))
        info = client.get(site.address()).json()
        assert info["ready"] and info["size"] == [nx, ny]
        x, y = info["spots"]["x"], info["spots"]["y"]
        assert len(x) > 20
        at = shown[np.array(y[:20]).astype(int) // 3, np.array(x[:20]).astype(int) // 3]
        assert np.median(at) < 60 < 140 < np.median(shown)


def test_tiles_are_the_frame_at_full_resolution_and_end_where_it_does(site):
    with site.site.client() as client:
        info = client.get(site.address()).json()
        nx, ny = info["size"]
        last = client.get(site.address(f"/tiles/0/{(ny - 1) // 512}/{(nx - 1) // 512}"))
        assert picture(last.content).shape == ((ny - 1) % 512 + 1, (nx - 1) % 512 + 1)
        for wrong in ("/tiles/0/9/0", "/tiles/0/0/9", f"/tiles/{info['levels']}/0/0"):
            assert client.get(site.address(wrong)).status_code == 400
        for wrong in ("/tiles/13/0/0", "/tiles/0/-1/0", "/tiles/0/99999/0", "/tiles/x/0/0"):
            assert client.get(site.address(wrong)).status_code in (404, 422)


@pytest.mark.parametrize(
    "query", ["width=63", "width=2049", "low=-1", "high=nan", "gain=0", "gain=inf", "kind=tiff"]
)
def test_what_is_out_of_bounds_is_refused(site, query):
    with site.site.client() as client:
        assert client.get(site.address(f"/picture?{query}")).status_code == 422


@pytest.mark.parametrize(("frame", "status"), [(0, 422), (24, 200), (25, 404), (10**9, 422)])
def test_only_frames_of_the_dataset(site, frame, status):
    with site.site.client() as client:
        assert client.get(site.address(frame=frame)).status_code == status


def test_another_group_finds_nothing(site):
    rest = ("", "/picture", "/tiles/0/0/0", f"/predictions?result={site.result}")
    paths = [site.address(part) for part in rest] + [
        f"/api/datasets/{site.dataset}/thumbnail", f"/datasets/{site.dataset}/frames/1"
    ]  # fmt: skip
    with site.site.login(BETA, BEAMTIME) as client:
        assert [client.get(path).status_code for path in paths] == [404] * len(paths)
    with site.site.login(ALPHA, BEAMTIME) as client:
        assert [client.get(path).status_code for path in paths] == [200] * len(paths)
        wrong = f"/api/datasets/{site.other}/frames/1/predictions?result={site.result}"
        assert client.get(wrong).status_code == 404
    with site.site.client() as client:
        assert client.get(wrong).status_code == 404  # the result of another dataset


def test_what_a_browser_has_is_not_made_again_and_what_differs_is(site):
    with site.site.client() as client:
        first = client.get(site.address("/picture?width=256"))
        assert first.headers["cache-control"] == "private, max-age=3600"
        tag = {"If-None-Match": first.headers["etag"]}
        again = client.get(site.address("/picture?width=256"), headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        for other in (site.address("/picture?width=300"), site.address("/picture?width=256", frame=2)):
            assert client.get(other, headers=tag).status_code == 200


def test_a_frame_that_is_not_there_yet_is_a_conflict_and_its_information_says_so(tmp_path):
    twin = FrameTwin(n_frames=24, ready=3)
    with frame_site(tmp_path, frames=twin) as made, made.site.client() as client:
        answer = client.get(made.address("/picture", frame=4))
        assert answer.status_code == 409
        assert answer.json()["code"] == "frames_missing"
        assert answer.headers["retry-after"]
        assert answer.headers["cache-control"] == "no-store"
        info = client.get(made.address(frame=4))
        assert info.json()["ready"] is False and "not" in info.json()["words"]
        assert info.headers["cache-control"] == "no-store"
        assert client.get(made.address("/picture", frame=3)).status_code == 200


def test_data_that_have_not_come_are_not_there_yet(site, drawers, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    master = raw / site.master.name
    master.write_bytes(site.master.read_bytes())
    question = FrameQuestion(ask="picture", master=master, raw=raw, frame=20)
    assert refusal(lambda: drawers.make(question)) is Failure.FRAMES_MISSING
    info = json.loads(drawers.make(question.model_copy(update={"ask": "info"})).content)
    assert info["ready"] is False


def test_predictions_lie_on_the_spots_of_the_frame(site):
    with site.site.client() as client:
        spots = client.get(site.address(frame=9)).json()["spots"]
        answer = client.get(site.address(f"/predictions?result={site.result}", frame=9))
        assert answer.status_code == 200
        found = answer.json()
    good = np.array(spots["good"])
    x, y = np.array(spots["x"])[good], np.array(spots["y"])[good]
    away = np.hypot(x[:, None] - found["x"], y[:, None] - found["y"]).min(axis=1)
    assert len(x) > 30
    assert (away < 1.5).mean() > 0.9


def test_a_crystal_that_varies_along_the_scan_is_taken_at_the_frame(site):
    fixed, varying = experiments(site.simulation), experiments(site.simulation, varying=True)
    usual = predictions_of(json.dumps(fixed).encode(), 9, 2.0)
    assert predictions_of(json.dumps(varying).encode(), 9, 2.0).x == pytest.approx(usual.x, abs=0.11)
    points = varying["crystal"][0]["A_at_scan_points"]
    points[8:10] = [[1.01 * value for value in points[8]]] * 2
    moved = predictions_of(json.dumps(varying).encode(), 9, 2.0)
    assert moved.x != usual.x
    assert predictions_of(json.dumps(varying).encode(), 5, 2.0).x == pytest.approx(
        predictions_of(json.dumps(fixed).encode(), 5, 2.0).x, abs=0.11
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scan": []}', '{"scan": [{"image_range": ["a", 2]}]}'])
def test_an_experiment_list_of_nonsense_is_refused(text):
    assert refusal(lambda: predictions_of(text.encode(), 1, None)) is Failure.METADATA_INCONSISTENT


def test_the_thumbnail_is_small_and_made_once(tmp_path):
    twin = FrameTwin(n_frames=24, ready=24)
    with frame_site(tmp_path, frames=twin) as made, made.site.client() as client:
        address = f"/api/datasets/{made.dataset}/thumbnail"
        first = client.get(address)
        assert first.status_code == 200
        assert max(picture(first.content).shape) <= 160
        assert client.get(address).content == first.content
        assert len(twin.asked) == 1


@pytest.mark.parametrize("name", ["thaumatin_grid_001"])
@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not there")
def test_the_real_grid_shows_its_best_frame(drawers, name):
    question = FrameQuestion(ask="info", master=REAL / REAL_MASTERS[name], raw=REAL, frame=3)
    info = json.loads(drawers.make(question).content)
    assert 1000 < info["n_spots_good"] < 1600  # dials.find_spots: 1313
    shown = picture(drawers.make(question.model_copy(update={"ask": "picture"})).content)
    spots = info["spots"]
    dark = [
        shown[int(y) // 3 - 1 : int(y) // 3 + 2, int(x) // 3 - 1 : int(x) // 3 + 2].min() < 128
        for x, y, good in zip(spots["x"], spots["y"], spots["good"], strict=True)
        if good
    ]
    assert np.mean(dark) > 0.85
    assert np.mean(shown < 128) < 0.05


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not there")
def test_the_direct_beam_on_a_two_theta_arm(drawers):
    master = REAL / REAL_MASTERS["l-cysteine_rotational_001"]
    info = json.loads(drawers.make(FrameQuestion(ask="info", master=master, raw=REAL, frame=1)).content)
    # dials.show says 192.73: 0.20 pixels of parallax less than where the ray meets the plane.
    assert info["beam_centre"] == pytest.approx([192.93, 865.0], abs=0.01)
    assert 4 <= len(info["rings"]) <= 8
