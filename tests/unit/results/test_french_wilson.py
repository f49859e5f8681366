"""French-Wilson amplitudes against integrals, closed forms and cctbx."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from itertools import pairwise

import gemmi
import numpy as np
import pytest
from scipy import integrate, stats

from beampace.results.amplitudes import add_amplitudes
from beampace.results.french_wilson import LEAST_H, LEAST_RATIO, amplitudes, posterior
from beampace.results.merged_mtz import merged_from
from beampace.results.wilson import LEAST, mean_intensity

SIGMAS_OUT = (-10.0, -4.0, -1.0, 0.0, 0.5, 1.0, 3.0, 7.0, 8.0, 30.0, 1000.0)
MEANS = (1e-3, 0.1, 1.0, 10.0, 1e4)


def by_integration(i: float, sigma: float, mean: float, centric: bool) -> tuple[float, float]:
    """Mean and spread of F from prior times likelihood, written in F: p(J) dJ = p(F^2) 2 F dF."""
    c = 2 if centric else 1

    def log_density(f: float) -> float:
        return -f * f / (c * mean) - (i - f * f) ** 2 / (2 * sigma**2) + (0 if centric else math.log(f))

    start, end = 0.0, math.sqrt(max(i, 0) + 12 * sigma)
    for _ in range(4):  # ever closer to where there is anything
        grid = np.linspace(start, end, 2001)[1:]
        height = np.array([log_density(f) for f in grid])
        near = np.flatnonzero(height > height.max() - 40)
        step = grid[1] - grid[0]
        start, end = max(0.0, grid[near[0]] - 2 * step), grid[near[-1]] + step
    greatest, cuts = height.max(), np.linspace(start, end, 41)

    def moment(n: int, about: float = 0.0) -> float:
        def density(f: float) -> float:
            return (f - about) ** n * math.exp(log_density(f) - greatest) if f > 0 else 0.0

        parts = pairwise(cuts)
        return sum(integrate.quad(density, a, b, epsabs=0, epsrel=1e-9, limit=200)[0] for a, b in parts)

    norm = moment(0)
    first = moment(1) / norm
    return first, math.sqrt(moment(2, first) / norm)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("centric", [False, True])
@pytest.mark.parametrize("mean", MEANS)
def test_mean_and_spread_are_those_of_the_posterior(mean: float, centric: bool) -> None:
    i, flags = np.array(SIGMAS_OUT), np.full(len(SIGMAS_OUT), centric)
    h = i - 1 / ((2 if centric else 1) * mean)
    expected = np.array([by_integration(one, 1.0, mean, centric) for one in i]).T
    np.testing.assert_allclose(posterior(h, flags), expected, rtol=2e-6)
    found = np.array(amplitudes(i, np.ones(len(i)), np.full(len(i), mean), flags))
    known = (i >= LEAST_RATIO) & (h >= LEAST_H)
    assert (np.isfinite(found) == known).all()
    np.testing.assert_allclose(found[:, known], expected[:, known], rtol=2e-6)


def test_acentric_intensities_are_those_of_the_truncated_normal_distribution() -> None:
    """E[F^2] = E[J] = sigma (h + phi(h)/Phi(h)), the closed form of the paper."""
    h = np.linspace(-8, 20, 57)
    x, spread = posterior(h, np.zeros(57, bool))
    expected = h + np.exp(stats.norm.logpdf(h) - stats.norm.logcdf(h))
    np.testing.assert_allclose(x**2 + spread**2, expected, rtol=1e-8)


def test_strong_reflections_are_roots_and_hopeless_ones_are_what_wilson_expects() -> None:
    strong, centric = np.array([1e4, 1e6]), np.array([False, True])
    f, spread = amplitudes(strong, np.ones(2), np.full(2, 1e4), centric)
    np.testing.assert_allclose(f, np.sqrt(strong), rtol=1e-4)
    np.testing.assert_allclose(spread, 0.5 / np.sqrt(strong), rtol=1e-3)
    x, _ = posterior(-1e4 / (np.array([1, 2]) * 9.0), centric)  # sigma 1e4, a mean of 9
    f = 100 * x
    np.testing.assert_allclose(f, [3 * math.sqrt(math.pi) / 2, 3 * math.sqrt(2 / math.pi)], rtol=1e-3)


def test_what_is_missing_stays_missing_and_parts_do_not_matter() -> None:
    i = np.linspace(-3, 50, 40001)
    i[7] = np.nan
    ones = np.ones(len(i))
    f, _ = amplitudes(i, ones, ones, np.zeros(len(i), bool))
    assert np.flatnonzero(np.isnan(f)).tolist() == [7]
    assert (np.diff(np.delete(f, 7)) > 0).all()  # monotonic, also from one chunk to the next


def test_what_lies_far_below_zero_or_says_nothing_has_no_amplitude() -> None:
    i, mean = (
        np.array([-3.69, -3.71, 0.0, 0.0, 2.0, 0.0, 0.0]),
        np.array([99, 99, 0.251, 0.249, 0.1, 0.126, 0.124]),
    )
    f, spread = amplitudes(i, np.ones(7), mean, np.arange(7) > 4)
    assert np.isfinite(f).tolist() == [True, False, True, False, False, True, False]
    assert (np.isnan(f) == np.isnan(spread)).all()


@pytest.mark.dials
def test_cctbx_interpolates_the_same_from_its_tables() -> None:
    if shutil.which("libtbx.python") is None:
        pytest.skip("no cctbx")
    rng = np.random.default_rng(3)
    i, sigma, mean = rng.uniform(-6, 12, 200), rng.uniform(0.5, 2, 200), rng.uniform(0.2, 30, 200)
    centric = rng.random(200) < 0.5
    rows = json.dumps([i.tolist(), sigma.tolist(), mean.tolist(), centric.tolist()])
    code = (
        "import json, sys; from cctbx.french_wilson import fw_acentric, fw_centric\n"
        "rows = zip(*json.loads(sys.stdin.read()))\n"
        "print(json.dumps([(fw_centric if c else fw_acentric)(i, s, m, -4.0)[2:] for i, s, m, c in rows]))"
    )
    ran = subprocess.run(
        ["libtbx.python", "-c", code], input=rows, capture_output=True, text=True, check=True, timeout=120
    )
    theirs = np.array(json.loads(ran.stdout.splitlines()[-1]))
    known = theirs[:, 0] > 0  # it gives up on reflections far below zero
    assert 150 < known.sum() < 190
    f, spread = amplitudes(i, sigma, mean, centric)
    assert (np.isfinite(f) == known).all()
    # From h = 3 on, acentric ones are given by cctbx as the root of h alone: 2 % off.
    np.testing.assert_allclose(f[known], theirs[known, 0], rtol=0.02)
    np.testing.assert_allclose(spread[known], theirs[known, 1], rtol=0.08)


class TestMeanIntensity:
    """Wilson's S by resolution."""

    def wilson(self, n: int, sigma: float, b: float = 30.0, seed: int = 1):
        rng = np.random.default_rng(seed)
        s2 = np.sort(rng.uniform(0.01, 0.25, n) ** (2 / 3))
        true = 100 * np.exp(-b * s2 / 2)
        centric = rng.random(n) < 0.2
        j = np.where(centric, true * rng.normal(size=n) ** 2, rng.exponential(true))
        return s2, true, j + rng.normal(size=n) * sigma, np.full(n, sigma), centric

    @pytest.mark.parametrize("sigma", [0.1, 1.0, 10.0])
    def test_the_fall_off_is_found_whatever_the_errors(self, sigma: float) -> None:
        s2, true, i, errors, centric = self.wilson(20000, sigma)
        found = mean_intensity(s2, i, errors, centric)
        strong = true > sigma / 2
        assert np.median(np.abs(found / true - 1)[strong]) < 0.06
        assert np.abs(np.log(found / true))[strong].max() < 0.5

    def test_it_is_continuous_and_positive_in_noise(self) -> None:
        s2, _, _, errors, centric = self.wilson(5000, 3.0)
        noise = np.random.default_rng(2).normal(-0.5, 3.0, 5000)
        found = mean_intensity(s2, noise, errors, centric)
        assert found.min() > 0
        assert found.max() < 3.0
        assert np.abs(np.diff(np.log(found))).max() < 0.1

    def test_wild_errors_do_not_decide(self) -> None:
        s2, _, i, errors, centric = self.wilson(5000, 1.0)
        clean = mean_intensity(s2, i, errors, centric)
        i[::50], errors[::50] = 1e6, 1e6
        np.testing.assert_allclose(mean_intensity(s2, i, errors, centric), clean, rtol=0.2)

    @pytest.mark.parametrize("background", [0.3, 2.0, 20.0])
    def test_errors_that_follow_their_own_counts_do_not_bias_it(self, background: float) -> None:
        rng = np.random.default_rng(4)
        s2, true, _, _, centric = self.wilson(40000, 1.0, b=10.0)
        true = true / 20
        j = np.where(centric, true * rng.normal(size=len(true)) ** 2, rng.exponential(true))
        counts = rng.poisson(j + background)
        errors = np.sqrt(np.maximum(counts, 1) + background)
        found = mean_intensity(s2, counts - background, errors, centric)
        assert np.mean(found / true) == pytest.approx(1, abs=0.02)

    def test_errors_that_are_a_share_of_strong_intensities_do_not_bias_it(self) -> None:
        rng = np.random.default_rng(5)
        s2, true, i, _, centric = self.wilson(40000, 0.5, b=10.0)
        errors = np.hypot(0.5, 0.05 * i) * rng.uniform(0.7, 1.4, len(i))
        assert np.mean(mean_intensity(s2, i, errors, centric) / true) == pytest.approx(1, abs=0.02)

    def test_few_reflections_are_refused(self) -> None:
        few = self.wilson(LEAST - 1, 1.0)
        with pytest.raises(ValueError, match="199 reflections"):
            mean_intensity(few[0], *few[2:])
        enough = self.wilson(LEAST, 1.0)
        assert (mean_intensity(enough[0], *enough[2:]) > 0).all()


class TestColumns:
    """Amplitudes in a file."""

    @pytest.fixture
    def merged(self, tmp_path, synthetic, write_mtz):
        def make(name: str, **options) -> gemmi.Mtz:
            path = write_mtz(tmp_path / "unmerged.mtz", synthetic(name, **options))
            return merged_from(gemmi.read_mtz_file(str(path)), "unmerged.mtz")

        return make

    @pytest.mark.parametrize("name", ["P 43 21 2", "C 1 2 1", "R 3:H", "I 2 3", "P 1"])
    def test_every_intensity_has_its_amplitude(self, merged, name: str) -> None:
        mtz = merged(name)
        assert add_amplitudes(mtz) == ""
        for of, amplitude in (("IMEAN", "F"), ("I(+)", "F(+)"), ("I(-)", "F(-)")):
            i, f = (np.array(mtz.column_with_label(label).array) for label in (of, amplitude))
            assert (np.isnan(i) == np.isnan(f)).all()
            assert (f[~np.isnan(f)] > 0).all()
            strong = i > 200
            np.testing.assert_allclose(f[strong] ** 2, i[strong], rtol=0.1)

    def test_centric_reflections_have_one_mate(self, merged) -> None:
        mtz = merged("P 43 21 2")
        add_amplitudes(mtz)
        centric = mtz.spacegroup.operations().centric_flag_array(mtz.make_miller_array())
        plus, mean = (mtz.column_with_label(label).array for label in ("F(+)", "F"))
        assert (plus[centric] == mean[centric]).all()
        minus = mtz.column_with_label("F(-)").array
        assert np.isnan(minus[centric]).all()
        assert 0 < np.isnan(minus[~centric]).sum() < 0.2 * (~centric).sum()

    def test_systematically_stronger_reflections_are_expected_to_be(self, merged) -> None:
        """Reflections on an axis have epsilon times the mean; here with epsilon times the error."""
        mtz = merged("P 43 21 2")
        hkl = mtz.make_miller_array()
        epsilon = mtz.spacegroup.operations().epsilon_factor_without_centering_array(hkl)
        intensity, sigma = mtz.column_with_label("IMEAN").array, mtz.column_with_label("SIGIMEAN").array
        d = mtz.cell.calculate_d_array(hkl)
        axial = int(np.argmax(epsilon))
        centric = mtz.spacegroup.operations().centric_flag_array(hkl)
        plain = int(np.argmin(np.where((epsilon == 1) & centric, np.abs(d - d[axial]), np.inf)))
        intensity[[axial, plain]] = 0.0
        sigma[[axial, plain]] = 100 * epsilon[[axial, plain]]
        add_amplitudes(mtz)
        f = mtz.column_with_label("F").array
        assert epsilon[axial] > 1
        assert f[axial] / f[plain] == pytest.approx(math.sqrt(epsilon[axial]), rel=0.1)

    def test_few_reflections_have_none_and_it_is_said(self, merged) -> None:
        mtz = merged("P 43 21 2", d_min=8.0)
        assert 20 < mtz.nreflections < LEAST
        assert "no amplitudes (F)" in add_amplitudes(mtz)
        assert mtz.column_with_label("F") is None

    def test_amplitudes_are_left_alone(self, merged) -> None:
        mtz = merged("P 43 21 2")
        add_amplitudes(mtz)
        before = mtz.column_labels()
        assert (add_amplitudes(mtz), mtz.column_labels()) == ("", before)

    def test_a_file_without_mean_intensities_has_none_and_it_is_said(self, merged) -> None:
        bare = gemmi.Mtz(with_base=True)
        assert "it has no mean intensities (IMEAN, SIGIMEAN)" in add_amplitudes(bare)
        assert len(bare.columns) == 3
        mates = merged("P 43 21 2")
        mates.remove_column(mates.column_with_label("SIGIMEAN").idx)
        assert "no mean intensities" in add_amplitudes(mates)
        assert not mates.columns_with_type("G")

    def test_reflections_without_an_amplitude_are_counted(self, merged) -> None:
        mtz = merged("P 43 21 2")
        intensity, sigma = (mtz.column_with_label(label).array for label in ("IMEAN", "SIGIMEAN"))
        intensity[:2] = -4 * sigma[:2]
        intensity[2] = np.nan  # not measured at all
        n = int(np.isfinite(intensity).sum())
        assert add_amplitudes(mtz).startswith(f"2 of {n} reflections have no amplitude (F): their intensity")
        for label in ("F", "SIGF"):
            assert np.flatnonzero(np.isnan(mtz.column_with_label(label).array))[:3].tolist() == [0, 1, 2]
