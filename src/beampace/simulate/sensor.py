"""The sensor: how deep photons go and how many stay."""

from __future__ import annotations

import math

import numpy as np

from beampace.core.geometry import KEV_ANGSTROM

# Linear attenuation in 1/mm against energy in keV (NIST tables, as DIALS's own eltbx gives them; the pairs of
# points about 26.7 and 31.8 keV are the K edges of cadmium and tellurium).
_TABLES: dict[str, tuple[tuple[float, float], ...]] = {
    "Si": (
        (5.5, 43.70676),
        (6.0, 34.251),
        (8.0, 15.07044),
        (10.0, 7.89637),
        (12.0, 4.63025),
        (12.4, 4.20642),
        (15.0, 2.40922),
        (20.0, 1.04011),
        (25.0, 0.55719),
        (30.0, 0.33459),
        (35.0, 0.22788),
        (40.0, 0.16338),
    ),
    "CdTe": (
        (5.5, 408.61987),
        (6.0, 327.73201),
        (8.0, 154.50401),
        (10.0, 85.622),
        (12.0, 52.51779),
        (15.0, 28.8734),
        (20.0, 13.2928),
        (25.0, 7.28731),
        (26.6, 6.16586),
        (26.8, 18.09089),
        (30.0, 13.5284),
        (31.7, 11.72153),
        (31.9, 21.49957),
        (35.0, 16.90933),
        (40.0, 11.966),
    ),
}


def attenuation(material: str, wavelength: float) -> float:
    """Linear attenuation coefficient in 1/mm, interpolated on logarithms.

    Args:
        material: `Si` or `CdTe`.
        wavelength: angstrom; energies beyond 5.5 to 40 keV take the value at the end of the table.

    Raises:
        KeyError: the material is unknown.
    """
    energies, values = zip(*_TABLES[material], strict=True)
    energy = KEV_ANGSTROM / wavelength
    return math.exp(float(np.interp(math.log(energy), np.log(energies), np.log(values))))
