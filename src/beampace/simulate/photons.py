"""Photons of spots: each is placed by itself, so a spot has the shape its physics gives it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.simulate.diffraction import (
    PHOTONS,
    RADIAL_FAST,
    RADIAL_SLOW,
    S1_FAST,
    S1_NORMAL,
    S1_SLOW,
    TANGENTIAL,
    Apparatus,
    Floats,
    X,
    Y,
)
from beampace.simulate.streams import GOLDEN, poisson, start, unit


@njit(cache=True, nogil=True)
def scatter_photons(
    spots: Floats,
    apparatus: Apparatus,
    seed: int,
    number: int,
    purpose: int,
    full: int,
    frame: npt.NDArray[np.unsignedinteger],
) -> int:
    """Add a Poisson number of photons of each spot to a frame.

    A photon starts from the spot's ray, is displaced by the spot shape (the sum of two gaussians, longer
    radially by `ellipticity`, longer tangentially by the mosaic arc), then travels into the sensor to a depth
    that is exponentially distributed up to its thickness: parallax comes out by itself.

    Args:
        spots: table of `diffraction`, (n, N_COLUMNS).
        apparatus: beam, spindle and detector.
        seed: of the dataset.
        number: of the frame; `seed`, `number` and `purpose` choose the random stream.
        purpose: tells streams of one frame apart.
        full: count at which a pixel stops counting (all bits set, as the detector marks it).
        frame: (slow, fast) counts, added to.

    Returns:
        Photons that fell on the panel.
    """
    shape, panel = apparatus.shape, apparatus.panel
    attenuation, thickness = apparatus.optics[4], apparatus.optics[5]
    state = start(seed, number, purpose)
    sigma, ellipticity, tail, wider, arc = shape[0], shape[1], shape[2], shape[3], shape[4]
    per_fast, per_slow = 1.0 / panel[4, 0], 1.0 / panel[4, 1]
    height, width = frame.shape
    landed = 0
    for entry in range(spots.shape[0]):
        spot = spots[entry]
        total, state = poisson(spot[PHOTONS], state)
        stays = 1.0 - math.exp(-attenuation * thickness / spot[S1_NORMAL])
        radial_sigma = sigma * ellipticity
        tangential_sigma = math.sqrt(sigma * sigma + (arc * spot[TANGENTIAL]) ** 2)
        for _ in range(total):
            state += GOLDEN
            radius = math.sqrt(-2.0 * math.log(unit(state)))
            state += GOLDEN
            angle = 2.0 * math.pi * unit(state)
            state += GOLDEN
            chance = unit(state)
            if chance < tail:
                radius *= wider
                chance /= tail
            else:
                chance = (chance - tail) / (1.0 - tail)
            along, across = (
                radial_sigma * radius * math.cos(angle),
                tangential_sigma * radius * math.sin(angle),
            )
            depth = -math.log(1.0 - chance * stays) / attenuation
            x = along * spot[RADIAL_FAST] - across * spot[RADIAL_SLOW] + depth * spot[S1_FAST]
            y = along * spot[RADIAL_SLOW] + across * spot[RADIAL_FAST] + depth * spot[S1_SLOW]
            column, line = math.floor(spot[X] + x * per_fast), math.floor(spot[Y] + y * per_slow)
            if 0 <= column < width and 0 <= line < height:
                landed += 1
                if frame[int(line), int(column)] < full:
                    frame[int(line), int(column)] += 1
    return landed
