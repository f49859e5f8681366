"""DIALS's dispersion threshold against its definition, written out slowly."""

import numpy as np
import pytest

from beampace.analysis.dispersion import keep_strong


def by_definition(frame, valid, y, x):
    part = (slice(max(0, y - 3), y + 4), slice(max(0, x - 3), x + 4))
    counts = frame[part][valid[part] > 0].astype(float)
    mean, variance = counts.mean(), counts.var(ddof=1)
    if mean == 0:
        return False
    return variance / mean > 1 + 6 * np.sqrt(2 / (len(counts) - 1)) and frame[y, x] > mean + 3 * np.sqrt(mean)


@pytest.mark.parametrize("level", [0.05, 1.0, 20.0])
def test_as_defined(level):
    rng = np.random.default_rng(int(level * 100))
    frame = rng.poisson(level, (40, 50)).astype(np.uint32)
    for y, x in ((0, 0), (10, 10), (39, 49), (20, 33)):
        frame[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] += np.uint32(30)
    valid = (rng.random(frame.shape) > 0.1).astype(np.uint8)
    members = np.argwhere(valid > 0).astype(np.int32)
    kept = np.zeros(len(members), bool)
    keep_strong(frame, valid, np.uint32(2**32 - 2), members, kept)
    expected = [by_definition(frame, valid, y, x) for y, x in members]
    assert kept.tolist() == expected
    assert 4 < kept.sum() < 60


def test_a_marked_pixel_is_no_count():
    frame = np.ones((9, 9), np.uint32)
    frame[4, 4], frame[4, 5] = 60, 2**32 - 1
    kept = np.zeros(1, bool)
    keep_strong(frame, np.ones((9, 9), np.uint8), np.uint32(2**32 - 2), np.array([[4, 4]], np.int32), kept)
    assert kept[0]
