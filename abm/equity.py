"""How unequally is something shared, and does it follow income or remoteness?

Owns the measures of inequality: of one quantity by itself (Gini) and along a ranking of people or places
(concentration, slope, relative index, extreme tenths). Reads arrays and returns numbers: no agent, no draw, no file.

All of them describe the numbers they are given. Chance alone makes small places differ, so average each place over
replications *first*, and compare with the value found after permuting the places.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Model = Literal["log", "linear"]

MOST_STEPS = 200  # doubling, then halving, reaches any slope a float can hold in fewer
ROUNDING = 1e-9  # of a range: how far a value may stand outside its bounds by rounding
NOTHING = 1e-12  # of a tenth: less weight than this is what rounding left at a cut


def gini(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the Gini index: twice the area between the Lorenz curve and the diagonal.

    0 when all have the same; 1 - 1/n when one of n equal persons has everything.

    Parameters
    ----------
    values : what each has, in any unit, shape (n,), n >= 1, >= 0, finite.
    weights : people (or any mass) behind each value, shape (n,), >= 0, not all 0; None counts each value once.

    Returns
    -------
    index without unit, in [0, 1); NaN when the mean is 0, as nothing is shared then.

    Raises
    ------
    ValueError
        When a shape does not fit, a value or a weight is negative, infinite or NaN, or all weights are 0.

    Notes
    -----
    G = (1 / mean) sum_k F_k (1 - F_k) (x_(k+1) - x_k) over sorted values, F_k the share of weight up to the k-th: exact
    for weighted discrete data, exactly 0 for equal values, never below 0. A sample of n persons underestimates the
    population's by about the factor 1 - 1/n, which is not corrected: a weight of 2 is the same as the row twice.
    Source: Dorfman 1979, Review of Economics and Statistics 61, 146, doi:10.2307/1924845. Evidence:
    tests/analytical/test_equity.py
    """
    shares = _non_negative("values", _finite("values", values))
    mass = _weights(weights, "values", shares)
    order = np.argsort(shares, kind="stable")
    sorted_values, sorted_mass = shares[order], mass[order]
    total, amount = sorted_mass.sum(), sorted_mass @ sorted_values
    if amount == 0:
        return math.nan
    below = np.cumsum(sorted_mass)[:-1]
    above = np.cumsum(sorted_mass[::-1])[::-1][1:]
    return float(((below / total) * above) @ np.diff(sorted_values) / amount)


def fractional_rank(rank_by: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Return the share of the weight that ranks below each, plus half of its own; ties share their middle rank.

    Parameters
    ----------
    rank_by : what ranks people or places, lowest first (income, minutes from care), shape (n,), n >= 1. Only its order
        matters; infinite is allowed.
    weights : people behind each row, shape (n,), >= 0, not all 0; None counts each row once.

    Returns
    -------
    rank, shape (n,), in [0, 1]. Its weighted mean is 1/2.

    Raises
    ------
    ValueError
        When a shape does not fit, `rank_by` has a NaN, a weight is negative, infinite or NaN, or all weights are 0.

    Notes
    -----
    Source: Kakwani, Wagstaff & van Doorslaer 1997, Journal of Econometrics 77, 87,
    doi:10.1016/S0304-4076(96)01807-6 (their relative rank of a group). Evidence: tests/analytical/test_equity.py
    """
    ranks = _vector("rank_by", rank_by)
    mass = _weights(weights, "rank_by", ranks)
    _, place = np.unique(ranks, return_inverse=True)
    held = np.bincount(place, weights=mass)
    return ((np.cumsum(held) - held / 2) / held.sum())[place]


def concentration_index(values: ArrayLike, rank_by: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the concentration index: 2 cov(value, rank) / mean.

    Positive when those ranked high have more than their share; the Gini index when ranked by the values themselves.

    Parameters
    ----------
    values : what each has, on a scale with a true zero, shape (n,), n >= 1, >= 0, finite. For shares and other bounded
        values take `erreygers_index`: this one changes when the same fact is told as a success or as a failure.
    rank_by : what ranks them, lowest first, shape (n,); ties share their middle rank.
    weights : people behind each row, shape (n,), >= 0, not all 0; None counts each row once.

    Returns
    -------
    index without unit, in (-1, 1); 0 when all are tied; NaN when the mean is 0.

    Raises
    ------
    ValueError
        When a shape does not fit, `values` or `weights` has a negative, infinite or NaN, `rank_by` has a NaN, or all
        weights are 0.

    Notes
    -----
    Source: Kakwani, Wagstaff & van Doorslaer 1997, Journal of Econometrics 77, 87,
    doi:10.1016/S0304-4076(96)01807-6. Evidence: tests/analytical/test_equity.py
    """
    amounts = _non_negative("values", _finite("values", values))
    rank, mass = _rank_and_weights(amounts, rank_by, weights)
    mean = np.average(amounts, weights=mass)
    return math.nan if mean == 0 else 2 * _covariance(amounts, rank, mass) / float(mean)


def erreygers_index(
    values: ArrayLike, rank_by: ArrayLike, lower: float, upper: float, weights: ArrayLike | None = None
) -> float:
    """Return the concentration index corrected for bounded values: 4 mean / (upper - lower) times the plain index.

    Told as a success or as a failure (`lower + upper - values`), the same fact has the same size and the other sign.

    Parameters
    ----------
    values : what each has, shape (n,), n >= 1, in [lower, upper] (rounding aside), finite; may be negative.
    rank_by : what ranks them, lowest first, shape (n,); ties share their middle rank.
    lower, upper : bounds that values could take, in the unit of `values`, finite, lower < upper; 0 and 1 for shares.
    weights : people behind each row, shape (n,), >= 0, not all 0; None counts each row once.

    Returns
    -------
    index without unit, in [-1, 1]; 0 when all are tied or all values equal.

    Raises
    ------
    ValueError
        When a shape does not fit, a value is out of bounds, infinite or NaN, the bounds are not increasing and finite,
        `rank_by` has a NaN, a weight is negative, infinite or NaN, or all weights are 0.

    Notes
    -----
    Computed as 8 cov(value, rank) / (upper - lower), which needs no mean. Source: Erreygers 2009, Journal of Health
    Economics 28, 504, doi:10.1016/j.jhealeco.2008.02.003. Evidence: tests/analytical/test_equity.py
    """
    if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        raise ValueError(f"lower must be below upper and both finite, found {lower=} and {upper=}")
    amounts = _finite("values", values)
    slack = ROUNDING * (upper - lower)
    n_outside = np.count_nonzero((amounts < lower - slack) | (amounts > upper + slack))
    if n_outside:
        raise ValueError(
            f"values must lie in [{lower}, {upper}], found {n_outside} outside in {_shape('values', amounts)}"
        )
    rank, mass = _rank_and_weights(amounts, rank_by, weights)
    return 8 * _covariance(amounts, rank, mass) / (upper - lower)


def slope_index(values: ArrayLike, rank_by: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the slope index of inequality: the straight line's value at rank 1 minus that at rank 0.

    Parameters
    ----------
    values : what each has, shape (n,), n >= 1, finite; may be negative.
    rank_by : what ranks them, lowest first, shape (n,); ties share their middle rank.
    weights : people behind each row, shape (n,), >= 0, not all 0; None counts each row once.

    Returns
    -------
    slope in the unit of `values` (from the lowest rank to the highest); NaN when all are tied.

    Raises
    ------
    ValueError
        When a shape does not fit, `values` has an infinite or NaN, `rank_by` has a NaN, a weight is negative, infinite
        or NaN, or all weights are 0.

    Notes
    -----
    Weighted least squares of value on fractional rank: cov(value, rank) / var(rank). Source: Mackenbach & Kunst 1997,
    Social Science & Medicine 44, 757, doi:10.1016/S0277-9536(96)00073-1. Evidence: tests/analytical/test_equity.py
    """
    amounts = _finite("values", values)
    rank, mass = _rank_and_weights(amounts, rank_by, weights)
    return _line_slope(amounts, rank, mass)


def relative_index(
    values: ArrayLike, rank_by: ArrayLike, weights: ArrayLike | None = None, model: Model = "log"
) -> float:
    """Return the relative index of inequality: the value predicted at rank 1 over that predicted at rank 0.

    Parameters
    ----------
    values : what each has, or events of each (0 included), shape (n,), n >= 1, >= 0, finite.
    rank_by : what ranks them, lowest first, shape (n,); ties share their middle rank.
    weights : people behind each row, shape (n,), >= 0, not all 0; None counts each row once.
    model : "log" fits value = exp(a + b rank) by Poisson quasi-likelihood, which asks only that the mean be right;
        "linear" fits a straight line by least squares.

    Returns
    -------
    ratio, > 0; 1 when there is no gradient. NaN when the mean is 0 or all are tied, and with "linear" when the line is
    not above zero at both ends. With "log", infinite (or 0) when only those ranked last (or first) have anything.

    Raises
    ------
    ValueError
        When a shape does not fit, `values` or `weights` has a negative, infinite or NaN, `rank_by` has a NaN, all
        weights are 0, or the model is unknown.

    Notes
    -----
    Source: Mackenbach & Kunst 1997, Social Science & Medicine 44, 757, doi:10.1016/S0277-9536(96)00073-1;
    quasi-likelihood: Santos Silva & Tenreyro 2006, Review of Economics and Statistics 88, 641,
    doi:10.1162/rest.88.4.641. Evidence: tests/analytical/test_equity.py
    """
    if model not in get_args(Model):
        raise ValueError(f"model must be one of {get_args(Model)}, found {model=}")
    amounts = _non_negative("values", _finite("values", values))
    rank, mass = _rank_and_weights(amounts, rank_by, weights)
    mean = float(np.average(amounts, weights=mass))
    if mean == 0:
        return math.nan
    if model == "log":
        with np.errstate(over="ignore"):
            return float(np.exp(_poisson_slope(amounts, rank, mass)))
    half = _line_slope(amounts, rank, mass) / 2  # the mean rank is 1/2, where the line passes through the mean
    return (mean + half) / (mean - half) if abs(half) < mean else math.nan


def extreme_tenths_ratio(values: ArrayLike, rank_by: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean of the tenth ranked highest over the mean of the tenth ranked lowest.

    Parameters
    ----------
    values : what each has, shape (n,), n >= 1, >= 0, finite.
    rank_by : what ranks them, lowest first, shape (n,).
    weights : people behind each row, shape (n,), >= 0, not all 0; None counts each row once.

    Returns
    -------
    ratio, >= 0; infinite when only the lowest tenth has nothing, NaN when neither tenth has anything.

    Raises
    ------
    ValueError
        When a shape does not fit, `values` or `weights` has a negative, infinite or NaN, `rank_by` has a NaN, or all
        weights are 0.

    Notes
    -----
    Each tenth has exactly a tenth of the weight: a row across the cut counts for the part inside, and rows tied there
    all count for the same part, so that the order of rows does not matter. Evidence: tests/analytical/test_equity.py
    """
    amounts = _non_negative("values", _finite("values", values))
    ranks, mass = _rank_by(amounts, rank_by), _weights(weights, "values", amounts)
    _, place = np.unique(ranks, return_inverse=True)
    held, sums = np.bincount(place, weights=mass), np.bincount(place, weights=mass * amounts)
    lowest, highest = _first_tenth(held, sums), _first_tenth(held[::-1], sums[::-1])
    if lowest == 0:
        return math.nan if highest == 0 else math.inf
    return highest / lowest


def _first_tenth(held: Floats, sums: Floats) -> float:
    """Return the mean over the first tenth of the weight; `held` and `sums` by rank, shape (n_ranks,)."""
    tenth = held.sum() / 10
    inside = np.clip(tenth - (np.cumsum(held) - held), 0, held)
    inside[inside <= NOTHING * tenth] = 0
    part = np.divide(inside, held, out=np.zeros_like(held), where=held > 0)
    return float(part @ sums / tenth)


def _covariance(values: Floats, rank: Floats, weights: Floats) -> float:
    """Return the weighted covariance (divided by the sum of weights) of values and fractional ranks."""
    return float(np.average((values - np.average(values, weights=weights)) * (rank - 0.5), weights=weights))


def _line_slope(values: Floats, rank: Floats, weights: Floats) -> float:
    """Return the slope of weighted least squares on fractional rank; NaN when all who count are tied."""
    held = rank[weights > 0]
    if held.min() == held.max():
        return math.nan
    return _covariance(values, rank, weights) / _covariance(rank, rank, weights)


def _poisson_slope(values: Floats, rank: Floats, weights: Floats) -> float:
    """Return b of value = exp(a + b rank) by Poisson quasi-likelihood; NaN when all who count are tied.

    Reweighted least squares with `a` solved exactly at each step: b is where the mean rank under weights
    w exp(b rank) equals the mean rank of the events. That mean grows with b, so the root is bracketed and a step that
    would leave the bracket halves it. No root exists when all events stand at one end: the slope is then infinite.
    """
    counts = weights > 0
    values, rank, weights = values[counts], rank[counts], weights[counts]
    first, last = rank.min(), rank.max()
    with_events = rank[values > 0]
    if first == last:
        return math.nan
    if with_events.min() == last or with_events.max() == first:
        return math.copysign(math.inf, with_events[0] - 0.5)
    rises = np.average(rank, weights=weights * values) > np.average(rank, weights=weights)
    rank = rank - (last if rises else first)  # from the end where events gather: no exponential grows, no digit is lost
    wanted = np.average(rank, weights=weights * values)
    slope, too_low, too_high = 0.0, -math.inf, math.inf
    for _ in range(MOST_STEPS):
        tilted = weights * np.exp(slope * rank)
        mean = np.average(rank, weights=tilted)
        variance = np.average((rank - mean) ** 2, weights=tilted)
        gap, furthest = wanted - mean, 1 + abs(slope)
        too_low, too_high = (slope, too_high) if gap > 0 else (too_low, slope)
        step = gap / variance if abs(gap) < furthest * variance else math.copysign(furthest, gap)
        if abs(step) <= 1e-13 * furthest:
            break
        slope = slope + step if too_low < slope + step < too_high else (too_low + too_high) / 2
    return float(slope)


def _rank_and_weights(values: Floats, rank_by: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    """Return fractional ranks and weights, both checked against `values`."""
    mass = _weights(weights, "values", values)
    return fractional_rank(_rank_by(values, rank_by), mass), mass


def _rank_by(values: Floats, rank_by: ArrayLike) -> Floats:
    ranks = _vector("rank_by", rank_by)
    if ranks.shape != values.shape:
        raise ValueError(
            f"rank_by must have one number for each of values, found rank_by.shape={ranks.shape} and {values.shape=}"
        )
    return ranks


def _weights(weights: ArrayLike | None, name: str, rows: Floats) -> Floats:
    """Return one checked weight for each of `rows`, the argument called `name`; ones for None."""
    if weights is None:
        return np.ones_like(rows)
    mass = _non_negative("weights", _finite("weights", weights))
    if mass.shape != rows.shape:
        found = f"{_shape('weights', mass)} and {_shape(name, rows)}"
        raise ValueError(f"weights must have one number for each of {name}, found {found}")
    if not mass.any():
        raise ValueError(f"weights must not all be 0, found {_shape('weights', mass)}")
    return mass


def _non_negative(name: str, numbers: Floats) -> Floats:
    if np.any(numbers < 0):
        raise ValueError(f"{name} must be >= 0, found {numbers.min()} in {_shape(name, numbers)}")
    return numbers


def _finite(name: str, given: ArrayLike) -> Floats:
    numbers = _vector(name, given)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must be finite, found {_shape(name, numbers)} with infinite numbers")
    return numbers


def _vector(name: str, given: ArrayLike) -> Floats:
    """Return an argument as floats, shape (n,) with n >= 1, none of them NaN."""
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"{name} must have one dimension and at least one number, found {_shape(name, numbers)}")
    if np.isnan(numbers).any():
        raise ValueError(f"{name} must not have NaN, found {np.isnan(numbers).sum()} in {_shape(name, numbers)}")
    return numbers


def _shape(name: str, numbers: Floats) -> str:
    return f"{name}.shape={numbers.shape}"
