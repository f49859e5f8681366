"""DIALS's dispersion threshold, at given pixels only.

A pixel is strong when, with n valid pixels of mean m and variance v in the window of 2 `HALF` + 1 pixels,

    v / m > 1 + 6 sqrt(2 / (n - 1))    and    count > m + 3 sqrt(m)

(Winter et al. (2018) Acta Cryst. D74, 85; the defaults of `dials.find_spots`, threshold `dispersion`). The
mean contains the spot itself, so only the core of a spot is strong: profiles learned from such pixels are as
narrow as DIALS expects them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

HALF = 3
SIGMA_BACKGROUND = 6.0
SIGMA_STRONG = 3.0
LEAST = 2
"""Valid pixels a window needs."""


@njit(cache=True, nogil=True)
def keep_strong(frame, valid, highest, members, kept):  # type: ignore[no-untyped-def]
    """Mark the members that are strong.

    - frame: counts, shape (slow, fast); valid: 1 where usable; highest: largest count that is trusted.
    - members: (y, x) of the candidates, shape (n, 2).
    - kept: output, shape (n,), bool.
    """
    ny, nx = frame.shape
    for index in range(members.shape[0]):
        y, x = members[index, 0], members[index, 1]
        n, total, squares = 0, 0.0, 0.0
        for yy in range(max(0, y - HALF), min(ny, y + HALF + 1)):
            for xx in range(max(0, x - HALF), min(nx, x + HALF + 1)):
                if valid[yy, xx] and frame[yy, xx] <= highest:
                    count = float(frame[yy, xx])
                    n += 1
                    total += count
                    squares += count * count
        kept[index] = False
        if n < LEAST or total <= 0:
            continue
        mean = total / n
        dispersion = (n * squares - total * total) / (n * (n - 1)) / mean
        if frame[y, x] <= highest and dispersion > 1 + SIGMA_BACKGROUND * np.sqrt(2.0 / (n - 1)):
            kept[index] = frame[y, x] > mean + SIGMA_STRONG * np.sqrt(mean)
