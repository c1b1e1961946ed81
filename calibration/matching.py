"""Which combinations of the free parameters agree with what was observed? History matching, then ABC on what remains.

Owns the search: Latin hypercube, surrogates, implausibility, waves (Vernon, Goldstein and Bower 2010, Bayesian Analysis
5, 619; Andrianakis et al. 2015, PLoS Computational Biology 11, e1003968), then sequential Monte Carlo by approximate
Bayesian computation whose kernel is the error of observation: then no tolerance has to be chosen and the sample is that
of the model with this error (Wilkinson 2013, doi:10.1515/sagmb-2013-0010). It asks for runs through one function and
knows nothing of the model. Draws from generators seeded by the plan's seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.surrogate import Surrogates, one_thread

Floats = NDArray[np.float64]
Simulate = Callable[[int, Floats], Floats]
"""Of a wave and points as shares of the ranges, shape (n, d): what a run at each says, shape (n, targets)."""

CUTOFF = 3.0  # implausibility beyond which a point is ruled out: three sigmas hold 95 % of any unimodal law
NORMAL_95 = 1.96
LEAST_VARIANCE = 1e-8  # of a run, in squared errors of observation: keeps a target without luck computable
CANDIDATES = 20_000
ROUNDS_OF_CANDIDATES = 20  # before a space with so little left is filled from what was found
LEAST_EFFECTIVE = 0.5  # of the particles: how far a step of the sampler may go
MOVES = 6  # random-walk steps after each resampling
WALK = 2.38  # over the square root of the dimension: Roberts, Gelman and Gilks 1997


class NothingLeft(Exception):  # noqa: N818  (a finding, told to the user as such)
    """No combination within the ranges agrees with all targets."""


@dataclass(frozen=True)
class Observed:
    """What the model is fitted to.

    Attributes
    ----------
    ids : of the targets.
    values : observed, shape (targets,).
    sd_below, sd_above : standard error of observation towards lower and higher simulated values, shape (targets,).
    """

    ids: tuple[str, ...]
    values: Floats
    sd_below: Floats
    sd_above: Floats

    @classmethod
    def of_ranges(cls, ids: Sequence[str], values: Floats, low: Floats, high: Floats) -> Observed:
        """Return targets whose tolerated ranges are taken for 95 % intervals; a range with one side counts both ways.

        Raises
        ------
        ValueError
            A range without width.
        """
        below, above = (values - low) / NORMAL_95, (high - values) / NORMAL_95
        if (np.maximum(below, above) <= 0).any():
            raise ValueError("a target without tolerance cannot be fitted")
        return cls(tuple(ids), values, np.where(below > 0, below, above), np.where(above > 0, above, below))

    @property
    def values_scale(self) -> Floats:
        """The smaller standard error of each, shape (targets,)."""
        return np.minimum(self.sd_below, self.sd_above)

    def variance(self, simulated: Floats) -> Floats:
        """Return the variance of observation that holds on the side of simulated values, shape (n, targets)."""
        return np.where(simulated < self.values, self.sd_below, self.sd_above) ** 2


@dataclass(frozen=True)
class SearchPlan:
    """How much is run.

    Attributes
    ----------
    waves, points : runs are waves * points.
    samples : combinations that the result holds.
    seed : of the designs and of the sampler.
    particles : that the sampler moves.
    """

    waves: int = 3
    points: int = 60
    samples: int = 200
    seed: int = 1
    particles: int = 2_000


@dataclass(frozen=True)
class Wave:
    """One wave: where the model was run, what it said, and which share of the prior is left after it."""

    points: Floats
    outputs: Floats
    share_left: float


@dataclass(frozen=True)
class Match:
    """What a search found.

    Attributes
    ----------
    waves : in their order.
    surrogates : fitted to the runs of all waves.
    samples : combinations that agree, shape (samples, d), shares of the ranges.
    variance_ratio : of each parameter, variance of the samples over that of the prior, shape (d,).
    """

    waves: tuple[Wave, ...]
    surrogates: Surrogates
    samples: Floats
    variance_ratio: Floats


def search(
    simulate: Simulate,
    observed: Observed,
    n_parameters: int,
    plan: SearchPlan,
    on_wave: Callable[[int, Wave], None] | None = None,
) -> Match:
    """Find the combinations that agree with what was observed.

    Parameters
    ----------
    simulate : makes the runs of a wave; called once a wave, from 1 on.
    n_parameters : d, >= 1.

    Raises
    ------
    NothingLeft
        With the target that is furthest off, and by how much.
    """
    waves: list[Wave] = []
    told: list[Surrogates] = []
    points = latin_hypercube(plan.points, n_parameters, plan.seed)
    for number in range(1, plan.waves + 1):
        outputs = simulate(number, points)
        told.append(Surrogates.of(*_all_runs([*waves, Wave(points, outputs, 1.0)])))
        left, share = what_is_left(told, observed, n_parameters, plan, number)
        waves.append(Wave(points, outputs, share))
        if on_wave is not None:
            on_wave(number, waves[-1])
        points = spread_out(left, plan.points)
    samples = sample_posterior(told[-1], observed, n_parameters, plan)
    return Match(tuple(waves), told[-1], samples, samples.var(axis=0, ddof=1) * 12.0)


def _all_runs(waves: Sequence[Wave]) -> tuple[Floats, Floats]:
    """Return points and outputs of all runs that came to their end."""
    points = np.concatenate([wave.points for wave in waves])
    outputs = np.concatenate([wave.outputs for wave in waves])
    is_there = np.isfinite(outputs).any(axis=1)
    return points[is_there], outputs[is_there]


def latin_hypercube(n: int, d: int, seed: int | Sequence[int]) -> Floats:
    """Return a Latin hypercube, shape (n, d), 0 to 1."""
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(d, rng=np.random.default_rng(seed)).random(n))


def implausibility(surrogates: Surrogates, observed: Observed, points: Floats) -> Floats:
    """Return how many standard errors each target is off at points, shape (n, targets).

    Its variance is that of observation, of a single run (the territory was observed once), and of the surrogate.
    """
    mean, variance = surrogates.predict(points)
    return np.abs(mean - observed.values) / np.sqrt(observed.variance(mean) + variance + surrogates.noise_variance)


def what_is_left(
    told: Sequence[Surrogates], observed: Observed, d: int, plan: SearchPlan, number: int
) -> tuple[Floats, float]:
    """Return points of the prior that no wave rules out, shape (some, d), and which share of it they are.

    Raises
    ------
    NothingLeft
    """
    found: list[Floats] = []
    tried, best = 0, np.full(len(observed.ids), np.inf)
    for round_ in range(ROUNDS_OF_CANDIDATES):
        points = latin_hypercube(CANDIDATES, d, [plan.seed, number, round_])
        for surrogates in told:  # what an earlier wave has ruled out stays out
            worst = implausibility(surrogates, observed, points)
            least = worst[np.argmin(worst.max(axis=1))] if len(worst) else best
            best = least if least.max() < best.max() else best
            points = points[worst.max(axis=1, initial=0.0) <= CUTOFF]
        found.append(points)
        tried += CANDIDATES
        if sum(map(len, found)) >= plan.particles:
            break
    left = np.concatenate(found)
    if not len(left):
        far = int(np.argmax(best))
        raise NothingLeft(
            f"no combination within the ranges agrees with all targets: the best one misses {observed.ids[far]} by "
            f"{best[far]:.1f} standard errors ({CUTOFF:g} are allowed)"
        )
    return left, len(left) / tried


def spread_out(points: Floats, n: int) -> Floats:
    """Return n of the points, each the one furthest from those chosen before; all, when there are not more."""
    if len(points) <= n:
        return points
    chosen = [int(np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1)))]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < n:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[np.sort(chosen)]


# --- the sample ---------------------------------------------------------------------------------------------------


def log_likelihood(surrogates: Surrogates, observed: Observed, points: Floats) -> Floats:
    """Return the logarithm of the probability that a run at each point is accepted, shape (n,).

    Notes
    -----
    The kernel is exp(-(x - o)² / 2 s²) with the standard error s of the side on which the run's value x lies. A run is
    normal around the surrogate's mean m with variance v, its own luck and the surrogate's error together; a side
    contributes sqrt(s² / (s² + v)) exp(-(m - o)² / 2 (s² + v)) Phi(+-(o - m) s / sqrt(v (s² + v))).
    """
    from scipy.special import log_ndtr

    mean, variance = surrogates.predict(points)
    variance = np.maximum(variance + surrogates.noise_variance, LEAST_VARIANCE * observed.values_scale**2)
    off = observed.values - mean
    sides = []
    for sign, sd in ((1.0, observed.sd_below), (-1.0, observed.sd_above)):
        total = sd**2 + variance
        tail = log_ndtr(sign * off * sd / np.sqrt(variance * total))
        sides.append(0.5 * np.log(sd**2 / total) - off**2 / (2.0 * total) + tail)
    return np.logaddexp(*sides).sum(axis=1)


def sample_posterior(surrogates: Surrogates, observed: Observed, d: int, plan: SearchPlan) -> Floats:
    """Return combinations drawn as the targets bear them out, shape (samples, d).

    Notes
    -----
    Sequential Monte Carlo: particles even over the prior, whose weights follow the kernel raised to a power that grows
    from 0 to 1 in steps such that half of them still count; after each, they are resampled and walk at random
    (Del Moral, Doucet and Jasra 2006, doi:10.1111/j.1467-9868.2006.00553.x).
    """
    with one_thread():
        return _sampled(surrogates, observed, d, plan)


def _sampled(surrogates: Surrogates, observed: Observed, d: int, plan: SearchPlan) -> Floats:
    """Return the sample; see `sample_posterior`."""
    rng = np.random.default_rng([plan.seed, 77])
    particles = latin_hypercube(plan.particles, d, [plan.seed, 78])
    logs = log_likelihood(surrogates, observed, particles)
    power = 0.0
    while power < 1.0:
        step = _next_step(logs, 1.0 - power)
        weights = _weights(step * logs)
        power += step
        rows = _systematic(weights, rng.random())
        particles, logs = particles[rows], logs[rows]
        particles, logs = _walk(surrogates, observed, particles, logs, power, rng)
    return particles[np.sort(rng.choice(plan.particles, plan.samples, replace=plan.samples > plan.particles))]


def _weights(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def _next_step(logs: Floats, most: float) -> float:
    """Return by how much the power may grow so that enough particles still count."""
    low, high = 0.0, most
    if 1.0 / (_weights(most * logs) ** 2).sum() >= LEAST_EFFECTIVE * logs.size:
        return most
    for _ in range(60):
        middle = 0.5 * (low + high)
        is_enough = 1.0 / (_weights(middle * logs) ** 2).sum() >= LEAST_EFFECTIVE * logs.size
        low, high = (middle, high) if is_enough else (low, middle)
    return max(low, 1e-6)


def _systematic(weights: Floats, u: float) -> NDArray[np.int64]:
    """Return rows resampled in proportion to weights, with one draw."""
    places = (np.arange(weights.size) + u) / weights.size
    return np.minimum(np.searchsorted(np.cumsum(weights), places), weights.size - 1)


def _walk(
    surrogates: Surrogates, observed: Observed, particles: Floats, logs: Floats, power: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Move particles by a random walk that leaves the law at this power as it is, reflected at the prior's borders."""
    d = particles.shape[1]
    spread = np.atleast_2d(np.cov(particles.T)) + 1e-10 * np.eye(d)
    root = np.linalg.cholesky(spread) * WALK / np.sqrt(d)
    for number in range(MOVES):
        scale = (1.0, 0.5, 0.2)[number % 3]
        proposed = particles + scale * rng.standard_normal(particles.shape) @ root.T
        proposed = np.abs(np.mod(proposed + 1.0, 2.0) - 1.0)
        their = log_likelihood(surrogates, observed, proposed)
        accepted = np.log(rng.random(len(particles))) < power * (their - logs)
        particles = np.where(accepted[:, None], proposed, particles)
        logs = np.where(accepted, their, logs)
    return particles, logs
