"""The search for the beam centre on synthetic spots: every spot is where the closed form puts it."""

import numpy as np
import pytest

from beampace.core.geometry import rotation
from beampace.engines.dials.basis import find_basis, modulus
from beampace.engines.dials.beam_search import Rays, search, wedge_of

WAVELENGTH, DISTANCE, PIXEL = 1.0, 200.0, 0.075
STEPS = np.array([[PIXEL, 0.0, 0.0], [0.0, -PIXEL, 0.0]])
DIRECT = np.array([0.0, 0.0, -1.0 / WAVELENGTH])


def orientation(seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    return q if np.linalg.det(q) > 0 else -q


def spots(cell, degrees: float, seed: int, limit: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, 3) mm of spots on a flat detector and spindle angles (n,), spindle along x.

    A point p turns with phi until |s0 + p| = |s0|: p.x stays, and s0.p = -p^2/2 gives its z.
    """
    rng = np.random.default_rng(seed)
    d_min = 3.0
    extent = [int(edge / d_min) + 1 for edge in cell]
    h = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in extent], indexing="ij"), -1).reshape(-1, 3)
    p = (h / np.array(cell)) @ orientation(seed).T
    size = np.linalg.norm(p, axis=1)
    p = p[(size > 0.02) & (size < 1 / d_min)]
    rho, z = np.hypot(p[:, 1], p[:, 2]), np.sum(p * p, axis=1) * WAVELENGTH / 2
    for_good = np.abs(z) < 0.98 * rho
    p, rho, z = p[for_good], rho[for_good], z[for_good]
    lab, angles = [], []
    for sign in (1, -1):
        y = sign * np.sqrt(rho**2 - z**2)
        turn = np.degrees(np.arctan2(z, y) - np.arctan2(p[:, 2], p[:, 1])) % 360
        seen = (turn < degrees) & (rng.random(len(p)) < 0.9)
        ray = np.stack([p[:, 0], y, z], axis=1)[seen] + DIRECT
        lab.append(ray * (-DISTANCE / ray[:, 2:]))
        angles.append(turn[seen])
    lab, angles = np.concatenate(lab), np.concatenate(angles)
    chosen = rng.permutation(len(lab))[:limit]
    return lab[chosen], angles[chosen]


def rays(cell, degrees: float, seed: int, shift=(0.0, 0.0), junk: float = 0.2) -> Rays:
    """Spots as a program sees them whose beam centre is wrong by `shift`; its correction is `-shift`."""
    rng = np.random.default_rng(seed + 1000)
    lab, phi = spots(cell, degrees, seed)
    n = int(junk * len(lab))
    lab = np.concatenate([lab, np.column_stack([rng.uniform(-70, 70, (n, 2)), np.full(n, -DISTANCE)])])
    phi = np.concatenate([phi, rng.uniform(0, degrees, n)])
    lab[:, :2] += rng.normal(0, 0.3 * PIXEL, (len(lab), 2))
    measured = phi + rng.normal(0, 0.05, len(phi))
    back = np.array([rotation((1.0, 0.0, 0.0), -float(angle)) for angle in measured])
    # A beam centre that the file puts too far by `shift` puts every spot too near by it.
    return Rays(lab - np.asarray(shift) @ STEPS, back, measured, STEPS, DIRECT)


@pytest.mark.parametrize(
    ("cell", "degrees", "shift"),
    [
        ((40.0, 40.0, 30.0), 60.0, (30.0, 0.0)),
        ((36.0, 55.0, 91.0), 10.0, (11.0, -9.0)),
        ((60.0, 80.0, 110.0), 60.0, (-3.0, 50.0)),
        ((70.0, 90.0, 150.0), 40.0, (25.0, -31.0)),
        ((100.0, 100.0, 100.0), 20.0, (0.0, 22.0)),
    ],
)
def test_the_beam_centre_is_found(cell, degrees, shift):
    found = search(rays(cell, degrees, 1, shift))
    assert found is not None
    assert found.found
    # The file's beam centre minus the shift is the true one.
    assert found.shift == pytest.approx((-shift[0], -shift[1]), abs=1.5)


def test_a_right_beam_centre_stays():
    found = search(rays((50.0, 60.0, 70.0), 40.0, 3))
    assert found is not None
    assert not found.found
    assert found.shift == pytest.approx((0, 0), abs=1.5)


def test_spots_of_no_crystal_have_no_beam_centre():
    noise = rays((50.0, 60.0, 70.0), 40.0, 5)
    lab = np.random.default_rng(0).permutation(noise.lab)
    found = search(Rays(lab, noise.back, noise.phi, noise.steps, noise.direct))
    assert found is None or not found.found


def test_the_lattice_of_a_wedge_does_not_depend_on_the_origin():
    here = rays((40.0, 60.0, 90.0), 8.0, 7, (37.0, -12.0))
    basis = find_basis(here.vectors(), 300.0)
    assert basis is not None
    assert np.linalg.norm(basis, axis=1) == pytest.approx((40, 60, 90), rel=0.02)
    assert all(modulus(here.vectors(), vector) > 0.5 for vector in basis)


def test_a_wedge_grows_until_it_holds_enough_spots():
    dense, sparse = np.linspace(0, 60, 6000), np.linspace(0, 60, 100)
    assert np.diff(wedge_of(dense)) == pytest.approx(6)
    assert np.diff(wedge_of(sparse)) >= 60
