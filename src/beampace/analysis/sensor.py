"""The sensor of a detector: how strongly it absorbs, how deep photons go in it."""

from __future__ import annotations

from functools import lru_cache

import gemmi

from beampace.core.geometry import KEV_ANGSTROM

DENSITY = {"CdTe": (5.85, 240.01, (48, 52)), "GaAs": (5.32, 144.64, (31, 33)), "Si": (2.329, 28.0855, (14,))}
"""Material to g/cm3, g/mol of the formula, and its elements."""

ELECTRON_RADIUS = 2.8179403262e-5
"""Classical radius of the electron, angstrom (CODATA 2018)."""
AVOGADRO = 6.02214076e23


@lru_cache(maxsize=64)
def attenuation(material: str, wavelength: float) -> float | None:
    """Linear attenuation coefficient of a sensor, 1/mm; None for a material that is not known.

    mu = 2 r_e lambda N f'' (Als-Nielsen & McMorrow 2011, Elements of Modern X-ray Physics, eq. 3.11), f'' of
    Cromer & Liberman as gemmi has it: photoelectric absorption, which is what counts photons.
    """
    if material not in DENSITY:
        return None
    density, mass, elements = DENSITY[material]
    energy = 1000 * KEV_ANGSTROM / wavelength
    f2 = sum(gemmi.cromer_liberman(z, energy)[1] for z in elements)
    per_cubic_angstrom = density * AVOGADRO / mass / 1e24
    return 2 * ELECTRON_RADIUS * wavelength * per_cubic_angstrom * f2 * 1e7
