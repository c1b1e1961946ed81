"""What would the model say at a point where it was not run? A Gaussian process for each target.

Owns the surrogates and how good they are. Inputs are shares of the free parameters' ranges, 0 to 1. A surrogate is a
Gaussian process, the sum of a plane (linear kernel), a smooth part (Matérn 5/2, a length for each parameter) and a
white part, the luck of a run. The plane is not fitted beforehand: with few runs its slopes are uncertain, and that
belongs into the variance. Library: scikit-learn (Rasmussen and Williams 2006, chapters 2 and 5). Draws nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHUNK_ROWS = 20_000  # predicted at a time, to spare memory
LEAST_SPREAD = 1e-9  # of a target: below, it says the same at every point
LENGTHS, NOISES, AMPLITUDES = (0.05, 30.0), (1e-6, 2.0), (1e-4, 1e2)  # searched, in ranges and in variances
LONG = 1.0  # length from which the search begins
CENTRE = 0.5  # of the ranges: planes are told from there


@dataclass(frozen=True)
class Quality:
    """How well a surrogate tells runs that were left out, one at a time.

    Attributes
    ----------
    q2 : share of the variance told, 1 at best, below 0: worse than the mean.
    beyond_2 : share of the runs further off than two standard errors; 0.05 for an honest one.
    """

    q2: float
    beyond_2: float


class Surrogate:
    """What one target would be.

    Parameters
    ----------
    points : shares of the ranges at which the model was run, shape (n, d).
    values : what it said, shape (n,); NaN where it said nothing.

    Attributes
    ----------
    noise_variance : of a single run around its mean.
    quality : see `Quality`.
    """

    def __init__(self, points: Floats, values: Floats) -> None:
        is_known = np.isfinite(values)
        self._points, known = points[is_known], values[is_known]
        if known.size < 3:
            raise ValueError("a surrogate needs at least three runs that say something")
        self._middle, self._scale = float(known.mean()), float(known.std())
        self._smooth: Any = None
        self.noise_variance = 0.0
        self.quality = Quality(1.0, 0.0)
        if self._scale > LEAST_SPREAD * max(1.0, abs(self._middle)):
            self._fit((known - self._middle) / self._scale)

    def _fit(self, values: Floats) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

        lengths = np.full(self._points.shape[1], LONG)
        smooth = ConstantKernel(1.0, AMPLITUDES) * DotProduct(0.0, "fixed")
        smooth += ConstantKernel(0.5, AMPLITUDES) * Matern(lengths, LENGTHS, nu=2.5)
        process = GaussianProcessRegressor(smooth + WhiteKernel(0.1, NOISES), random_state=0)
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound: a parameter without effect
            process.fit(self._points - CENTRE, values)
        self._smooth, self._weights = process.kernel_.k1, process.alpha_
        self._inverse = np.linalg.inv(process.L_ @ process.L_.T)
        self.noise_variance = float(process.kernel_.k2.noise_level) * self._scale**2
        self.quality = _left_out(self._inverse, values)

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance of the model's mean at points, shape (n,) each; a run's own luck is not in it."""
        mean, variance = np.full(len(points), self._middle), np.zeros(len(points))
        if self._smooth is None:
            return mean, variance
        for first in range(0, len(points), CHUNK_ROWS):
            rows = slice(first, first + CHUNK_ROWS)
            where = points[rows] - CENTRE
            shared = self._smooth(where, self._points - CENTRE)
            mean[rows] += shared @ self._weights * self._scale
            told = np.einsum("ij,ij->i", shared @ self._inverse, shared)
            variance[rows] = np.maximum(self._smooth.diag(where) - told, 0.0) * self._scale**2
        return mean, variance


def one_thread() -> Any:
    """Return a context in which matrices this small are computed by one thread: more wait for one another."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    return threadpool_limits(limits=1)


def _left_out(inverse: Floats, values: Floats) -> Quality:
    """Return how well each run is told by the others: closed form of leaving one out (Rasmussen and Williams 5.4.2)."""
    miss = (inverse @ values) / np.diag(inverse)
    z = miss * np.sqrt(np.diag(inverse))
    return Quality(1.0 - float((miss**2).mean() / values.var()), float((np.abs(z) > 2.0).mean()))


@dataclass(frozen=True)
class Surrogates:
    """Of all targets, in their order."""

    each: tuple[Surrogate, ...]

    @classmethod
    def of(cls, points: Floats, outputs: Floats) -> Surrogates:
        """Return surrogates of the columns of `outputs`, shape (n, targets)."""
        return cls(tuple(Surrogate(points, column) for column in outputs.T))

    @property
    def noise_variance(self) -> Floats:
        """Of a single run, shape (targets,)."""
        return np.array([one.noise_variance for one in self.each])

    @property
    def qualities(self) -> Sequence[Quality]:
        """How good each is."""
        return [one.quality for one in self.each]

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return means and variances, shape (n, targets) each."""
        with one_thread():
            told = [one.predict(points) for one in self.each]
        return np.column_stack([mean for mean, _ in told]), np.column_stack([variance for _, variance in told])
