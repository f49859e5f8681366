"""The L test for twinning: neighbours in reciprocal space differ less in a twin.

L = (I1 - I2)/(I1 + I2) of acentric reflections whose indices differ by 2 along one axis; the mean of |L| is
0.5 untwinned and 0.375 in a perfect twin, whatever the resolution or anisotropy (Padilla & Yeates 2003, Acta
Cryst. D59, 1124).
"""

from __future__ import annotations

import gemmi
import numpy as np

from beampace.analysis.rotation.equivalents import unique_keys
from beampace.analysis.rotation.observations import Flags, Floats
from beampace.analysis.scaled import Scaled

TWINNED = 0.44
"""Mean |L| below which a crystal is taken for a twin."""
FEWEST = 200
SHELLS = 20
STRONG = 4.0
"""Mean I/sigma of the merged intensities of a shell; noise would look like an untwinned crystal."""
STEPS = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2]], dtype=np.int32)


def mean_l(group: gemmi.SpaceGroup, data: Scaled) -> float | None:
    """Mean |L| of intensities merged in a group; None when too few are strong enough to tell.

    Args:
        group: without screws, in the basis of the indices.
        data: observations.
    """
    unique, first, label = np.unique(unique_keys(data.hkl, group), return_index=True, return_inverse=True)
    mean, sigma = _merged(label, data)
    strong = _strong(data.d[first], mean, sigma)
    hkl = data.hkl[first]
    keep = strong & ~np.asarray(group.operations().centric_flag_array(hkl), dtype=bool)
    values = [_differences(hkl[keep], step, unique[keep], mean[keep], group) for step in _steps(group)]
    found = np.concatenate(values)
    return float(found.mean()) if len(found) >= FEWEST else None


def _steps(group: gemmi.SpaceGroup) -> np.typing.NDArray[np.int32]:
    """Neighbours that a lattice with centring has as well."""
    return STEPS if group.centring_type() != "R" else STEPS * 3


def _merged(label: np.typing.NDArray[np.int64], data: Scaled) -> tuple[Floats, Floats]:
    """(mean, its e.s.d.) of each group of equivalents, all observations counting alike."""
    label = label.reshape(-1)
    count = np.bincount(label)
    variance = np.bincount(label, weights=data.sigma**2) / count**2
    return np.bincount(label, weights=data.intensity) / count, np.sqrt(variance)


def _strong(d: Floats, mean: Floats, sigma: Floats) -> Flags:
    """Reflections of strong shells."""
    keep = np.zeros(len(d), dtype=bool)
    for part in np.array_split(np.lexsort((mean, d)), SHELLS):
        keep[part] = len(part) > 0 and mean[part].mean() > STRONG * sigma[part].mean()
    return keep


def _differences(
    hkl: np.typing.NDArray[np.int32],
    step: np.typing.NDArray[np.int32],
    keys: np.typing.NDArray[np.int64],
    mean: Floats,
    group: gemmi.SpaceGroup,
) -> Floats:
    """|L| of each reflection and its neighbour, unless they are equivalents."""
    other = unique_keys(hkl + step, group)
    place = np.searchsorted(keys, other).clip(0, max(len(keys) - 1, 0))
    pair = (keys[place] == other) & (keys != other) if len(keys) else np.zeros(0, dtype=bool)
    one, two = np.maximum(mean[pair], 0), np.maximum(mean[place[pair]], 0)
    total = one + two
    return np.asarray((np.abs(one - two) / np.where(total > 0, total, 1.0))[total > 0])
