from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beampace.analysis import Analyser, FrameAnalysis, FrameVerdict, Setup
from beampace.core.errors import InputError
from beampace.core.geometry import Beam
from beampace.core.taxonomy import Failure

SHAPE = (700, 640)


def _nearest(
    analysis: FrameAnalysis, places: np.ndarray, counted_only: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    spots = analysis.spots.only(analysis.spots.counted) if counted_only else analysis.spots
    apart = np.hypot(spots.x[None, :] - places[:, 0][:, None], spots.y[None, :] - places[:, 1][:, None])
    return apart.min(axis=1), apart.argmin(axis=1)


@pytest.mark.parametrize("background", [0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
def test_known_spots_are_found_where_they_are(background, detector, scene, beam):
    photons = 40 + 40 * np.sqrt(background)
    made = scene(SHAPE, background, 80, photons, seed=7)
    analysis = Analyser(Setup.make(detector(640, 700), beam)).analyse(made.frame, 1)
    apart, index = _nearest(analysis, made.places)
    assert np.mean(apart < 1.0) >= 0.98
    found = apart < 1.0
    spots = analysis.spots.only(analysis.spots.counted)
    offsets = np.stack([spots.x[index], spots.y[index]], axis=1)[found] - made.places[found]
    assert np.abs(offsets.mean(axis=0)).max() < 0.08
    assert np.sqrt((offsets**2).mean()) < 0.3
    ratio = spots.intensity[index][found].sum() / made.photons[found].sum()
    # Only the strong pixels are summed, as in DIALS: the tails of a spot are below the threshold.
    assert 0.6 < ratio < 1.05
    assert analysis.background == pytest.approx(background, rel=0.03, abs=0.003)
    assert analysis.n_spots <= 80 + 2


@pytest.mark.parametrize("background", [0.01, 0.1, 1.0, 10.0])
def test_a_blank_frame_stays_blank(background, detector, beam):
    # Four frames of 2048 x 2048 are one of 16M.
    rng = np.random.default_rng(3)
    analyser = Analyser(Setup.make(detector(2048, 2048), beam))
    frames = (rng.poisson(background, (2048, 2048)).astype(np.uint32) for _ in range(4))
    analyses = [analyser.analyse(frame, number) for number, frame in enumerate(frames, start=1)]
    assert sum(analysis.n_spots for analysis in analyses) <= 2
    assert {analysis.verdict for analysis in analyses} == {FrameVerdict.BLANK}
    assert all(analysis.d_min is None and not analysis.ice for analysis in analyses)


def test_masked_pixels_are_never_used(detector, scene, beam):
    made = scene(SHAPE, 0.5, 60, 80, seed=2)
    mask = np.zeros(SHAPE, np.bool_)
    mask[300:330, :] = True
    mask[:, 400:410] = True
    frame = made.frame.copy()
    frame[mask] = 2**32 - 1
    analysis = Analyser(Setup.make(detector(640, 700), beam, mask)).analyse(frame, 1)
    assert not mask[analysis.spots.y.astype(int), analysis.spots.x.astype(int)].any()
    x, y = made.places.T
    clear = (np.abs(y - 315) > 25) & (np.abs(x - 405) > 15)
    apart, _ = _nearest(analysis, made.places[clear])
    assert (apart < 1).all()
    assert analysis.total_counts == made.frame[~mask].sum()
    assert analysis.max_count == made.frame[~mask].max()
    assert analysis.saturated_pixels == 0


def test_a_spot_beyond_the_cut_off_is_flagged_not_lost(detector, scene, beam):
    made = scene(SHAPE, 1.0, 30, 400, seed=5)
    frame = made.frame.copy()
    column, row = made.places[0].astype(int)
    frame[row, column] = 2**32 - 1
    column, row = made.places[1].astype(int)
    frame[row, column] = 60_000
    analysis = Analyser(Setup.make(detector(640, 700), beam)).analyse(frame, 1)
    apart, index = _nearest(analysis, made.places)
    assert (apart < 2).all()
    overloaded = analysis.spots.only(analysis.spots.counted).overloaded
    assert np.flatnonzero(overloaded).tolist() == sorted(index[:2].tolist())
    assert (analysis.saturated_pixels, analysis.n_overloaded) == (2, 2)


def test_uint16_gives_what_uint32_gives(detector, scene, beam):
    made = scene(SHAPE, 0.2, 40, 60, seed=11)
    analyser = Analyser(Setup.make(detector(640, 700), beam))
    wide, narrow = analyser.analyse(made.frame, 1), analyser.analyse(made.frame.astype(np.uint16), 1)
    np.testing.assert_array_equal(wide.spots.table, narrow.spots.table)
    assert wide.verdict == narrow.verdict


@pytest.mark.parametrize(
    "shape",
    [(33, 31), (1, 1), (1065, 1030), (2162, 2068), (1679, 1475), (2527, 2463), (3262, 3108), (4362, 4148)],
)
def test_any_size_of_frame(shape, detector, scene, beam):
    ny, nx = shape
    n_spots = 30 if min(shape) > 500 else 0
    made = scene(shape, 0.1, n_spots, 80, seed=1)
    analysis = Analyser(Setup.make(detector(nx, ny), beam)).analyse(made.frame, 1)
    if n_spots:
        assert (_nearest(analysis, made.places)[0] < 1).all()
    assert n_spots <= analysis.n_spots <= n_spots + 3
    assert analysis.total_counts == made.frame.sum()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), background=st.floats(0.02, 20))
def test_a_transposed_image_gives_transposed_spots(detector, scene, seed, background):
    made = scene((200, 270), background, 12, 50 + 30 * background**0.5, seed)
    mask = np.zeros((200, 270), np.bool_)
    mask[90:97] = True
    plain = Analyser(Setup.make(detector(270, 200), Beam(1.0), mask)).analyse(made.frame, 1)
    turned_frame = np.ascontiguousarray(made.frame.T)
    turned = Analyser(Setup.make(detector(200, 270), Beam(1.0), mask.T.copy())).analyse(turned_frame, 1)
    one = sorted(
        zip(plain.spots.x.tolist(), plain.spots.y.tolist(), plain.spots.intensity.tolist(), strict=True)
    )
    two = sorted(
        zip(turned.spots.y.tolist(), turned.spots.x.tolist(), turned.spots.intensity.tolist(), strict=True)
    )
    np.testing.assert_allclose(one, two, rtol=1e-5)
    assert (plain.n_spots, plain.n_spots_good) == (turned.n_spots, turned.n_spots_good)


def test_answers_do_not_depend_on_order_or_threads(detector, scene, beam):
    setup = Setup.make(detector(640, 700), beam)
    frames = [scene(SHAPE, 0.3, 20 + 5 * k, 60, seed=k).frame for k in range(8)]
    alone = Analyser(setup)
    expected = [alone.analyse(frame, k) for k, frame in enumerate(frames, start=1)]
    backwards = [alone.analyse(frames[k - 1], k) for k in range(8, 0, -1)][::-1]
    analysers = [Analyser(setup), Analyser(setup)]

    def share(which: int) -> dict[int, FrameAnalysis]:
        return {k: analysers[which].analyse(frames[k - 1], k) for k in range(1 + which, 9, 2)}

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(share, (0, 1)))
    together = [(parts[0] | parts[1])[k] for k in range(1, 9)]
    for other in (backwards, together):
        for one, two in zip(expected, other, strict=True):
            np.testing.assert_array_equal(one.spots.table, two.spots.table)
            assert (one.number, one.d_min, one.verdict) == (two.number, two.d_min, two.verdict)


def test_nothing_is_left_over_from_the_frame_before(detector, scene, beam):
    setup = Setup.make(detector(640, 700), beam)
    busy, quiet = scene(SHAPE, 5.0, 200, 900, seed=1).frame, scene(SHAPE, 0.1, 5, 60, seed=2).frame
    used, fresh = Analyser(setup), Analyser(setup)
    used.analyse(busy, 1)
    np.testing.assert_array_equal(used.analyse(quiet, 2).spots.table, fresh.analyse(quiet, 2).spots.table)


def test_a_frame_that_is_one_bright_blot_is_survived(detector, beam):
    frame = np.random.default_rng(1).poisson(0.1, SHAPE).astype(np.uint32)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    frame[(y + x) % 2 == 0] += 40
    analyser = Analyser(Setup.make(detector(640, 700), beam))
    analyser.analyse(frame, 1)
    blank = np.random.default_rng(2).poisson(0.1, SHAPE).astype(np.uint32)
    assert analyser.analyse(blank, 2).n_spots <= 1


def test_bad_masks_and_frames_are_refused(detector, beam):
    shape = (100, 120)
    with pytest.raises(InputError) as wrong:
        Setup.make(detector(120, 100), beam, np.zeros((120, 100), np.bool_))
    assert wrong.value.code is Failure.METADATA_INCONSISTENT
    with pytest.raises(InputError) as nothing:
        Setup.make(detector(120, 100), beam, np.ones(shape, np.bool_))
    assert nothing.value.code is Failure.METADATA_INCONSISTENT
    analyser = Analyser(Setup.make(detector(120, 100), beam))
    for frame in (np.zeros((120, 100), np.uint32), np.zeros(shape, np.float32), np.zeros((0, 0), np.uint16)):
        with pytest.raises(InputError) as refused:
            analyser.analyse(frame, 4)
        assert refused.value.code is Failure.METADATA_INCONSISTENT
        assert "Frame 4" in str(refused.value)
    with pytest.raises(InputError) as empty:
        analyser.analyse(np.full(shape, 2**32 - 1, np.uint32), 9)
    assert empty.value.code is Failure.FRAMES_MISSING
    assert analyser.analyse(np.zeros(shape, np.uint32), 5).verdict is FrameVerdict.NO_BEAM
