"""Real spherical harmonics, for absorption as a function of direction in the crystal."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]


def term_count(l_max: int) -> int:
    """Harmonics of degree 1 to `l_max`."""
    return (l_max + 1) ** 2 - 1


def harmonics(directions: Floats, l_max: int) -> Floats:
    """Orthonormal real harmonics of degree 1 to `l_max`.

    Args:
        directions: unit vectors, (n, 3).
        l_max: largest degree.

    Returns:
        Values, (n, terms); for each degree l the orders m = -l..l in turn.
    """
    return np.asarray(_fill(np.ascontiguousarray(directions), l_max, _norms(l_max)))


def _norms(l_max: int) -> Floats:
    """Factors sqrt((2 l + 1)/4pi (l - m)!/(l + m)!), times sqrt 2 for m > 0, (l_max + 1, l_max + 1)."""
    norms = np.zeros((l_max + 1, l_max + 1))
    for l in range(l_max + 1):  # noqa: E741 (the name of the degree)
        for m in range(l + 1):
            ratio = math.factorial(l - m) / math.factorial(l + m)
            norms[l, m] = math.sqrt((2 * l + 1) / (4 * math.pi) * ratio * (2 if m else 1))
    return norms


@njit(cache=True, nogil=True)
def _fill(directions, l_max, norms):  # type: ignore[no-untyped-def]
    """Values by the recurrences of Press et al., Numerical Recipes, 6.8, with sin^m(theta) drawn out.

    P_mm = (2m - 1)!!, (l - m) P_lm = (2l - 1) z P_{l-1,m} - (l + m - 1) P_{l-2,m} with P_{m-1,m} = 0, and
    sin^m(theta) exp(i m phi) = (x + iy)^m.
    """
    out = np.empty((len(directions), (l_max + 1) ** 2 - 1))
    for i in range(len(directions)):
        x, y, z = directions[i]
        real, imaginary, top = 1.0, 0.0, 1.0
        for m in range(l_max + 1):
            before, now = 0.0, top
            for l in range(m, l_max + 1):  # noqa: E741
                if l > m:
                    before, now = now, ((2 * l - 1) * z * now - (l + m - 1) * before) / (l - m)
                if l > 0:
                    middle = l * l - 1 + l
                    out[i, middle + m] = norms[l, m] * now * real
                    if m > 0:
                        out[i, middle - m] = norms[l, m] * now * imaginary
            real, imaginary = real * x - imaginary * y, real * y + imaginary * x
            top *= 2 * m + 1
    return out
