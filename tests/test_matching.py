"""Calibration finds what it should: surrogates, implausibility, and intervals that hold the truth as often as they say.

Statistical tests have fixed seeds; the false-alarm rates said are those of a right program under another seed.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2

from calibration.matching import (
    NothingLeft,
    Observed,
    SearchPlan,
    implausibility,
    latin_hypercube,
    log_likelihood,
    sample_posterior,
    search,
    spread_out,
    what_is_left,
)
from calibration.surrogate import Surrogate, Surrogates

NOISE = np.array([0.05, 0.1, 0.02])
SD = np.array([0.15, 0.2, 0.1])
QUICK = {"particles": 500, "samples": 200}


def world(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A simulator that costs nothing: three targets of four parameters, the last of which does nothing."""
    a, b, c, _ = points.T
    mean = np.column_stack([2 * a + np.sin(3 * b), a * b + c, c**2 + 0.5 * b])
    return mean + NOISE * rng.standard_normal(mean.shape)


def trained(seed: int = 0, n: int = 150) -> Surrogates:
    points = latin_hypercube(n, 4, seed)
    return Surrogates.of(points, world(points, np.random.default_rng(seed)))


def seen(truth: np.ndarray, rng: np.random.Generator) -> Observed:
    """One run at the truth, observed with an error."""
    values = world(truth[None, :], rng)[0] + SD * rng.standard_normal(3)
    return Observed(("a", "b", "c"), values, SD, SD)


# --- surrogates ---------------------------------------------------------------------------------------------------


def test_a_surrogate_tells_runs_it_has_not_seen() -> None:
    surrogates = trained()
    points = latin_hypercube(400, 4, 9)
    mean, variance = surrogates.predict(points)
    runs = world(points, np.random.default_rng(1))
    z = (runs - mean) / np.sqrt(variance + surrogates.noise_variance)
    assert (np.abs(z) < 2).mean(axis=0) == pytest.approx(0.954, abs=0.06)
    assert surrogates.noise_variance == pytest.approx(NOISE**2, rel=0.6)
    assert all(quality.q2 > 0.9 and quality.beyond_2 < 0.12 for quality in surrogates.qualities)


def test_a_target_that_never_varies_and_one_that_says_nothing() -> None:
    points = latin_hypercube(20, 2, 0)
    mean, variance = Surrogate(points, np.zeros(20)).predict(points)
    assert (mean == 0).all() and (variance == 0).all()
    with pytest.raises(ValueError, match="three runs"):
        Surrogate(points, np.full(20, np.nan))
    some = np.where(np.arange(20) < 15, points[:, 0], np.nan)
    assert Surrogate(points, some).predict(points)[0][15:] == pytest.approx(points[15:, 0], abs=0.01)


def test_left_out_runs_are_told_as_by_a_surrogate_without_them() -> None:
    """The closed form against really leaving each out (with the same kernel)."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import WhiteKernel

    points = latin_hypercube(25, 2, 3)
    values = np.sin(4 * points[:, 0]) + points[:, 1] + 0.05 * np.random.default_rng(0).standard_normal(25)
    found = Surrogate(points, values)
    kernel = found._smooth + WhiteKernel(found.noise_variance / found._scale**2)
    scaled = (values - found._middle) / found._scale
    misses = []
    for out in range(25):
        others = np.arange(25) != out
        process = GaussianProcessRegressor(kernel, optimizer=None).fit(points[others] - 0.5, scaled[others])
        misses.append(scaled[out] - process.predict(points[[out]] - 0.5)[0])
    assert found.quality.q2 == pytest.approx(1 - np.mean(np.square(misses)) / scaled.var(), abs=1e-6)


def test_few_runs_leave_slopes_uncertain() -> None:
    """A target that depends on nothing, 24 runs: the surrogate must not believe in the slopes that luck has made.

    30 sets, three corners each: the spread of standardised distances is near 1.
    """
    corners, z = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]), []
    for seed in range(30):
        values = np.random.default_rng(seed).standard_normal(24)
        mean, variance = Surrogate(latin_hypercube(24, 3, seed), values).predict(corners)
        z.append(mean / np.sqrt(variance + 1 / 24))  # the level is taken from the 24 runs as well
    assert 0.5 < np.std(z) < 1.5


# --- observation --------------------------------------------------------------------------------------------------


def test_tolerated_ranges_are_intervals() -> None:
    found = Observed.of_ranges("ab", np.array([2.0, 0.0]), np.array([1.0, 0.0]), np.array([4.0, 1.0]))
    assert found.sd_below == pytest.approx([1 / 1.96, 1 / 1.96])
    assert found.sd_above == pytest.approx([2 / 1.96, 1 / 1.96])
    simulated = np.array([[1.0, 0.5]])
    assert found.variance(simulated)[0] == pytest.approx([(1 / 1.96) ** 2, (1 / 1.96) ** 2])
    with pytest.raises(ValueError, match="without tolerance"):
        Observed.of_ranges("a", np.array([1.0]), np.array([1.0]), np.array([1.0]))


def test_implausibility_by_hand() -> None:
    """A target that never varies: distance over the error of observation of its side."""
    points = latin_hypercube(20, 2, 0)
    surrogates = Surrogates.of(points, np.full((20, 1), 5.0))
    off = implausibility(surrogates, Observed(("a",), np.array([2.0]), np.array([1.0]), np.array([1.5])), points)
    assert off == pytest.approx(2.0)


def test_the_kernel_is_its_integral() -> None:
    """Against numerical integration, sides of different error, runs with luck."""
    points = latin_hypercube(40, 1, 0)
    surrogates = Surrogates.of(points, points + 0.2 * np.random.default_rng(0).standard_normal((40, 1)))
    observed = Observed(("a",), np.array([0.6]), np.array([0.1]), np.array([0.4]))
    mean, variance = surrogates.predict(points)
    x = np.linspace(-5, 6, 200_001)
    kernel = np.exp(-0.5 * ((x - 0.6) / np.where(x < 0.6, 0.1, 0.4)) ** 2)
    for row in (0, 10, 30):
        total = variance[row, 0] + surrogates.noise_variance[0]
        density = np.exp(-0.5 * (x - mean[row, 0]) ** 2 / total) / np.sqrt(2 * np.pi * total)
        expected = np.log(np.trapezoid(kernel * density, x))
        assert log_likelihood(surrogates, observed, points[[row]])[0] == pytest.approx(expected, abs=1e-4)


# --- the sample ---------------------------------------------------------------------------------------------------


def test_the_sampler_finds_a_law_known_in_closed_form() -> None:
    """One linear target: the posterior of its parameter is a cut normal, that of the other is even."""
    points = latin_hypercube(60, 2, 0)
    surrogates = Surrogates.of(points, points[:, [0]] + 1e-3 * np.random.default_rng(0).standard_normal((60, 1)))
    observed = Observed(("a",), np.array([0.5]), np.array([0.1]), np.array([0.1]))
    plan = SearchPlan(samples=2000, particles=4000, seed=5)
    samples = sample_posterior(surrogates, observed, 2, plan)
    assert samples[:, 0].mean() == pytest.approx(0.5, abs=0.012)
    assert samples[:, 0].std() == pytest.approx(0.1, abs=0.012)
    counts = np.bincount((samples[:, 1] * 10).astype(int), minlength=10)
    # Particles are drawn from 4,000 that share ancestors: the chi-square of an even law, doubled for that.
    assert ((counts - 200) ** 2 / 200).sum() / 2 < chi2.isf(1e-4, 9)
    assert ((samples >= 0) & (samples <= 1)).all()


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """120 truths drawn from the prior, one set of surrogates: 90 % intervals of the three parameters that matter.

    n = 120 for each parameter; false alarm 3e-4 in all; sees a coverage of 0.77 or 0.985.
    """
    surrogates, rng = trained(1, 250), np.random.default_rng(2)
    truths = rng.random((120, 4))
    held = []
    for number, truth in enumerate(truths):
        plan = SearchPlan(seed=number, **QUICK)
        samples = sample_posterior(surrogates, seen(truth, rng), 4, plan)
        low, high = np.quantile(samples, [0.05, 0.95], axis=0)
        held.append((low <= truth) & (truth <= high))
    counts = np.sum(held, axis=0)
    low, high = binom.ppf(5e-5, 120, 0.9), binom.isf(5e-5, 120, 0.9)
    assert ((counts >= low) & (counts <= high)).all(), counts
    assert low > 0.77 * 120


@pytest.mark.slow
def test_the_whole_search_holds_the_truth_and_knows_what_it_cannot_tell() -> None:
    """Waves, surrogates and sample anew for each of 16 truths: 48 intervals, false alarm 1e-3 if independent."""
    rng, held, ratios, shares = np.random.default_rng(4), [], [], []
    for number in range(16):
        truth = rng.random(4)
        found = search(
            lambda wave, points: world(points, rng), seen(truth, rng), 4,
            SearchPlan(waves=2, points=40, seed=number, **QUICK),
        )  # fmt: skip
        low, high = np.quantile(found.samples, [0.05, 0.95], axis=0)
        held.append((low <= truth) & (truth <= high))
        ratios.append(found.variance_ratio)
        shares.append([wave.share_left for wave in found.waves])
    assert np.sum(held, axis=0)[:3].sum() >= binom.ppf(1e-3, 48, 0.9)
    assert np.mean(ratios, axis=0)[3] > 0.8, "a parameter that does nothing is an assumption"
    assert np.mean(ratios, axis=0)[0] < 0.5, "one that the targets tell about is not"
    assert np.mean(shares) < 0.6, "much is ruled out"


def test_nothing_left_names_the_target_that_is_out_of_reach() -> None:
    rng = np.random.default_rng(0)
    observed = Observed(("near", "far", "other"), np.array([1.0, 40.0, 0.5]), SD, SD)
    with pytest.raises(NothingLeft, match="misses far by"):
        search(lambda wave, points: world(points, rng), observed, 4, SearchPlan(1, 40, seed=1, **QUICK))


def test_a_run_that_failed_is_left_out() -> None:
    rng = np.random.default_rng(0)

    def simulate(wave: int, points: np.ndarray) -> np.ndarray:
        outputs = world(points, rng)
        outputs[::7] = np.nan
        return outputs

    found = search(simulate, seen(np.full(4, 0.5), rng), 4, SearchPlan(1, 60, seed=1, **QUICK))
    assert np.isfinite(found.samples).all()


def test_points_of_a_wave_lie_apart_and_repeat_themselves() -> None:
    points = latin_hypercube(500, 3, 0)
    chosen = spread_out(points, 20)
    assert len(chosen) == 20 and len(np.unique(chosen, axis=0)) == 20
    np.testing.assert_array_equal(chosen, spread_out(points, 20))
    assert nearest(chosen).min() > nearest(points[:20]).min()
    assert len(spread_out(points[:5], 20)) == 5
    assert sorted((points[:, 0] * 500).astype(int)) == list(range(500)), "one in each of 500 layers"


def nearest(points: np.ndarray) -> np.ndarray:
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 9 * np.eye(len(points))
    return apart.min(axis=1)


def test_what_is_left_shrinks_with_the_error_of_observation() -> None:
    surrogates, values = trained(), np.array([1.5, 0.8, 0.5])
    plan = SearchPlan(seed=1, **QUICK)
    shares = [
        what_is_left([surrogates], Observed(("a", "b", "c"), values, sd * SD, sd * SD), 4, plan, 1)[1]
        for sd in (2, 1, 0.5)
    ]
    assert shares[0] > shares[1] > shares[2] > 0
