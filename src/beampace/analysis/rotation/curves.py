"""Scale and decay of a scan as they are shown: frame by frame, in a gauge of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from beampace.analysis.rotation.observations import Floats
from beampace.analysis.rotation.scaling import Fit, Shape


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """C and B against frame: the mean of C is 1, B is 0 where the scan begins.

    Attributes:
        frame: numbers of the frames, from 1, (n,).
        c: scale; `c_esd`: its e.s.d.
        b: relative B in square angstrom, negative where high resolution fades; `b_esd`.
    """

    frame: np.typing.NDArray[np.int64]
    c: Floats
    c_esd: Floats
    b: Floats
    b_esd: Floats


def curves_of(shape: Shape, fit: Fit) -> Curves:
    """The curves of a model whose coefficients are `in_gauge` or not."""
    first = math.floor(shape.c.low)
    frame = np.arange(first + 1, max(math.ceil(shape.c.high), first + 1) + 1)
    z = np.clip(frame - 0.5, shape.c.low, shape.c.high)
    n_c, n_b = shape.c.size, shape.b.size
    log_c = shape.c.matrix(z)
    c = np.exp(log_c @ fit.p[:n_c])
    to_c = log_c - (c / c.sum()) @ log_c
    rows = shape.b.matrix(z)
    to_b = rows - rows[0]
    c_esd = _esd(to_c, fit.covariance[:n_c, :n_c])
    b_esd = _esd(to_b, fit.covariance[n_c : n_c + n_b, n_c : n_c + n_b])
    scale = c / c.mean()
    return Curves(frame, scale, scale * c_esd, to_b @ fit.p[n_c : n_c + n_b], b_esd)


def in_gauge(shape: Shape, p: Floats) -> Floats:
    """The same model with the mean of C at 1 and B at 0 where the scan begins."""
    curves = curves_of(shape, Fit(p, np.zeros((len(p), len(p))), 0))
    z = np.clip(curves.frame - 0.5, shape.c.low, shape.c.high)
    n_c, n_b = shape.c.size, shape.b.size
    moved = p.copy()
    moved[:n_c] -= math.log(float(np.mean(np.exp(shape.c.matrix(z) @ p[:n_c]))))
    moved[n_c : n_c + n_b] -= float((shape.b.matrix(z[:1]) @ p[n_c : n_c + n_b])[0])
    return moved


def _esd(to: Floats, covariance: Floats) -> Floats:
    variance = np.einsum("ij,jk,ik->i", to, covariance, to)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)
