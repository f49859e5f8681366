from __future__ import annotations

import pytest

from beampace.eiger.axis import settle_axis

DECTRIS, P11 = (-1.0, 0.0, 0.0), (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("omega", "dectris", "rewritten"),
    [
        (DECTRIS, True, False),
        (P11, True, False),
        (P11, False, True),
        (None, True, False),
        (None, False, True),
    ],
    ids=["detector's own", "MXCuBE screening", "CrystalControl", "absent", "absent, rewritten"],
)
def test_p11s_axis_is_the_same_however_the_master_was_rewritten(omega, dectris, rewritten):
    axis, _ = settle_axis(omega, dectris=dectris, rewritten=rewritten, screening=True)
    assert axis == (1.0, 0.0, 0.0)


def test_putting_the_sign_right_is_remarked():
    assert settle_axis(P11, dectris=True, rewritten=False, screening=True)[1]
    assert not settle_axis(DECTRIS, dectris=True, rewritten=False, screening=True)[1]


def test_a_vertical_axis_is_kept():
    assert settle_axis((0.0, 1.0, 0.0), dectris=True, rewritten=False, screening=True)[0] == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(("dectris", "screening"), [(False, True), (True, False)])
def test_an_axis_of_another_kind_of_master_is_kept(dectris, screening):
    axis, _ = settle_axis(P11, dectris=dectris, rewritten=False, screening=screening)
    assert axis == (-1.0, 0.0, 0.0)


@pytest.mark.parametrize(("sign", "expected"), [(1, -1.0), (-1, 1.0)])
def test_the_sign_can_be_imposed(sign, expected):
    axis, _ = settle_axis(P11, dectris=True, rewritten=False, screening=True, axis_sign=sign)
    assert axis == (expected, 0.0, 0.0)
