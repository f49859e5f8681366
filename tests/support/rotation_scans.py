"""Simulated rotation scans and the models that describe them perfectly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.model import Drift, Model
from beampace.simulate.simulation import Simulation

Floats = npt.NDArray[np.float64]


def true_model(made: Simulation, sigma_px: float = 1.05) -> Model:
    """The crystal of a simulation; spots of `sigma_px` pixels."""
    dataset, scenario = made.true_dataset, made.scenario
    detector = dataset.detector
    return Model(
        detector=detector,
        beam=dataset.beam,
        goniometer=dataset.goniometer,
        start=dataset.scan.starts[0],
        width=dataset.scan.width,
        a_matrix=made.maker.bench.a_matrices[0],
        drift=_drift(made),
        sigma_m=math.hypot(scenario.mosaicity, scenario.divergence),
        sigma_d=math.degrees(sigma_px * detector.pixel_size[0] / detector.distance),
    )


def _drift(made: Simulation) -> Drift:
    """The tilt of each frame, at its middle."""
    if not made.scenario.fate.drift:
        return Drift()
    tilt = np.radians(made.truth.tilt)
    axis = np.array(made.scenario.fate.axis)
    return Drift(np.arange(len(tilt)) + 0.5, tilt[:, None] * axis / np.linalg.norm(axis))


def true_counts(made: Simulation, found: Integrated) -> Floats:
    """Photons that each whole reflection is expected to have."""
    bench = made.maker.bench
    known = {tuple(hkl): value for hkl, value in zip(bench.hkl.tolist(), bench.intensity, strict=True)}
    strength = np.array([known.get(tuple(hkl), 0.0) for hkl in found.hkl.tolist()])
    return np.asarray(strength * found.lorentz * found.polarisation * found.qe)


def shifted(model: Model, **changes: object) -> Model:
    """The model with some fields changed."""
    return replace(model, **changes)
