"""What DIALS's programs do that costs time and changes nothing of the result, or is done sooner another way.

Each shortcut takes the place of one function of one module of DIALS 3.12; a DIALS without that function is
refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from cctbx import miller
from dials.algorithms.indexing.basis_vector_search import FFT1D
from dials.algorithms.merging import merge as merging
from dials.algorithms.profile_model.gaussian_rs import calculator
from dials.algorithms.scaling import observers
from dials.algorithms.scaling.algorithm import ScalingAlgorithm
from dials.algorithms.spot_finding.finder import ExtractPixelsFromImage
from dials.algorithms.symmetry import laue_group
from dials.array_family import flex
from dials.command_line import merge as merge_program
from dials.model.data import PixelList
from dials.util import resolution_analysis
from dxtbx import flumpy

LARGEST_GROUP, TRIALS = 200, 200
"""Pairs in the largest group and groups of each size, as in DIALS."""
SHELLS = 15
SPOTS_FOR_LATTICE = 3000
"""Spots among which a lattice is searched for; all are indexed with it."""
SPOTS_FOR_SIGMA = 1500
"""Spots from which beam divergence and mosaicity are found, each of them in a loop of Python."""


def install() -> None:
    """Put all shortcuts in place, in this process and its children."""
    skip_statistics()
    _replace(laue_group.LaueGroupAnalysis, "_estimate_cc_sig_fac", _estimate_cc_sig_fac)
    _replace(laue_group, "trunccauchy_pdf", _trunccauchy_pdf)
    _bin_resolution_coarsely()
    search_lattice_among(SPOTS_FOR_LATTICE)
    _replace(calculator, "_select_reflections_for_sigma_calc", _some_for_sigma)


def _some_for_sigma(reflections: Any) -> Any:
    """Spots of the whole scan, evenly; those used in refinement when there are enough."""
    used = reflections.select(reflections.get_flags(reflections.flags.used_in_refinement))
    chosen = used if len(used) >= SPOTS_FOR_SIGMA else reflections
    step = max(1, len(chosen) // SPOTS_FOR_SIGMA)
    return chosen.select(flex.size_t(range(0, len(chosen), step)))


def _bin_resolution_coarsely() -> None:
    """The limit for the Laue group from 15 shells, not 100: a fit through them gives nearly the same."""

    def begin(self: Any, i_obs: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        params.nbins = min(params.nbins, SHELLS)
        with _only_what_limits():
            theirs(self, i_obs, params, *args, **kwargs)

    theirs = _replace(resolution_analysis.Resolutionizer, "__init__", begin)


@contextmanager
def _only_what_limits() -> Iterator[None]:
    """Statistics of shells without anomalous ones and completeness, which no limit is made from."""

    def none(_: Any) -> float:
        raise AssertionError("cctbx takes this for: there is none")

    instead = {
        (miller.array, "half_dataset_anomalous_correlation"): lambda _, **__: (0.0, 0),
        (miller.array, "r_anom"): none,
        (miller.set, "complete_set"): lambda whole, **__: whole,
    }
    theirs = {(owner, name): _replace(owner, name, ours) for (owner, name), ours in instead.items()}
    try:
        yield
    finally:
        for (owner, name), before in theirs.items():
            setattr(owner, name, before)


def _trunccauchy_pdf(x: float, a: float, b: float, loc: float = 0, scale: float = 1) -> float:
    """Density of a Cauchy distribution truncated to [a, b], in closed form in place of scipy's objects."""
    density = 1 / (math.pi * scale * (1 + ((x - loc) / scale) ** 2))
    return density * math.pi / (math.atan((b - loc) / scale) - math.atan((a - loc) / scale))


def skip_statistics() -> None:
    """No tables of merging statistics: beampace makes its own from the unmerged data."""
    _replace(ScalingAlgorithm, "calculate_merging_stats", _nothing)
    _replace(observers, "print_scaling_summary", _nothing)
    _replace(merging, "merging_stats_from_scaled_array", _no_tables)
    _replace(merge_program, "show_wilson_scaling_analysis", _nothing)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _no_tables(*_: Any, **__: Any) -> tuple[None, None]:
    return (None, None)


def _replace(owner: Any, name: str, ours: Any) -> Any:
    """Put ours in the place of theirs, which is returned.

    Raises:
        AttributeError: there is no such thing to replace.
    """
    theirs = getattr(owner, name)
    setattr(owner, name, ours)
    return theirs


def search_lattice_among(most: int) -> None:
    """Let the search by one-dimensional transforms see `most` vectors, always the same choice."""

    def find_basis_vectors(self: Any, vectors: Any) -> Any:
        if len(vectors) <= most:
            return theirs(self, vectors)
        chosen = np.sort(np.random.default_rng(0).choice(len(vectors), most, replace=False))
        found, _ = theirs(self, vectors.select(flumpy.from_numpy(chosen.astype(np.uint64))))
        return found, flex.bool(len(vectors), True)

    theirs = _replace(FFT1D, "find_basis_vectors", find_basis_vectors)


def use_strong_pixels(path: str) -> None:
    """Let the spot finder take its strong pixels from a file."""
    with np.load(path, allow_pickle=False) as file:
        sizes, places, counts, shape = (file[name] for name in ("sizes", "places", "counts", "shape"))
    ends = np.cumsum(sizes)
    begins = ends - sizes
    ny, nx, first = (int(number) for number in shape)

    def extract(self: Any, index: int) -> list[Any]:
        frame = self.imageset.get_array_range()[0] + index
        at = frame - (first - 1)
        part = slice(begins[at], ends[at])
        values = flumpy.from_numpy(counts[part].astype(np.float64))
        indices = flumpy.from_numpy(places[part].astype(np.uint64))
        return [PixelList(frame, (ny, nx), values, indices)]

    _replace(ExtractPixelsFromImage, "__call__", extract)


def _estimate_cc_sig_fac(self: Any) -> None:
    """sigma(CC) of unrelated pairs as CCsigFac / sqrt(N): Evans (2011) Acta Cryst. D67, 282, appendix A1.

    DIALS draws its 39,000 groups one by one from all pairs, half of the whole program's time; here all groups
    of one size are drawn at once.
    """
    a, b = _unrelated_pairs(self)
    self.corr_unrelated = _correlation_accumulator(a, b)
    largest = int(min(len(a) / 10, LARGEST_GROUP))
    smallest = int(min(5, largest))
    if largest - smallest < 4:
        self.cc_sig_fac = 0
        return
    sizes = np.arange(smallest, largest + 1)
    rms = np.array([_rms_cc(a, b, int(size)) for size in sizes])
    x = 1 / np.sqrt(sizes)
    self.cc_sig_fac = float(np.polyfit(x, rms, 1)[0])


def _rms_cc(a: np.ndarray, b: np.ndarray, size: int) -> float:
    drawn = np.random.default_rng(size).integers(0, len(a), (TRIALS, size))
    x, y = a[drawn], b[drawn]
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    below = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    cc = np.divide((x * y).sum(axis=1), below, out=np.zeros(TRIALS), where=below > 0)
    return float(np.sqrt((cc * cc).mean()))


def _correlation_accumulator(a: np.ndarray, b: np.ndarray) -> Any:
    return laue_group.CorrelationCoefficientAccumulator(flumpy.from_numpy(a), flumpy.from_numpy(b))


def _unrelated_pairs(self: Any) -> tuple[np.ndarray, np.ndarray]:
    """Intensities of at most 20,000 pairs of similar resolution that no operator of the lattice relates."""
    from cctbx import crystal

    per_bin = max(200, int(np.ceil(self.intensities.size() / 500)))
    binner = self.intensities.setup_binner_counting_sorted(reflections_per_bin=per_bin)
    symmetry = crystal.symmetry(
        space_group=self.lattice_group,
        unit_cell=self.intensities.unit_cell(),
        assert_is_compatible_unit_cell=False,
    )
    mapped = self.intensities.customized_copy(crystal_symmetry=symmetry).map_to_asu()
    indices, data = mapped.indices().as_vec3_double().as_numpy_array(), mapped.data().as_numpy_array()
    rng = np.random.default_rng(0)
    one, two = [], []
    for number in range(binner.n_bins_all()):
        rows = rng.permutation(binner.array_indices(number).as_numpy_array())
        half = len(rows) // 2
        one.append(rows[:half])
        two.append(rows[half : 2 * half])
    first, second = np.concatenate(one), np.concatenate(two)
    apart = (indices[first] != indices[second]).any(axis=1)
    first, second = first[apart], second[apart]
    chosen = rng.permutation(len(first))[:20000]
    return data[first[chosen]].copy(), data[second[chosen]].copy()
