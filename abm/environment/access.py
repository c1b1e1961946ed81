"""How much care can a place reach? Potential accessibility by floating catchments, and the French APL.

Owns the two formulas and the weights of distance. Reads arrays and returns arrays: no agent, no draw, no file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Steps = Sequence[tuple[float, float]]

APL_WEIGHTS: Steps = ((10.0, 1.0), (15.0, 1 / 3), (20.0, 0.1))
"""Weights of the APL as recast in 2015: minutes by car (upper bounds, inclusive), weight. From memory, grade B."""


def step_weights(minutes: ArrayLike, weights: Steps | float) -> Floats:
    """Weigh travel times by a descending staircase.

    Parameters
    ----------
    minutes : travel times, any shape, >= 0; infinite means out of reach.
    weights : steps (upper bound in minutes, weight), bounds increasing and inclusive, 0 beyond the last;
        or one number, the catchment in minutes within which everything counts 1.

    Returns
    -------
    weights, same shape as `minutes`.

    Raises
    ------
    ValueError
        When a time or a weight is negative or NaN, or bounds do not increase.
    """
    times = _non_negative("minutes", minutes, np.ndim(minutes), may_be_infinite=True)
    steps = [(weights, 1.0)] if isinstance(weights, (int, float)) else weights
    table = _non_negative("weights", steps, 2)
    if table.shape[0] == 0 or table.shape[1] != 2:
        raise ValueError(f"weights must be pairs (upper bound in minutes, weight), found {table.shape=}")
    if np.any(np.diff(table[:, 0]) <= 0):
        raise ValueError(f"weights must have increasing upper bounds in minutes, found {table[:, 0].tolist()}")
    return np.append(table[:, 1], 0.0)[np.searchsorted(table[:, 0], times, side="left")]


def two_step_floating_catchment(
    demand: ArrayLike, supply: ArrayLike, minutes: ArrayLike, weights: Steps | float
) -> Floats:
    """Share each provider's supply among those who can reach it, then add up what each place can reach.

    R_j = S_j / sum_i P_i w(d_ij) and A_i = sum_j R_j w(d_ij). Nothing is created or lost: the sum of demand x access
    is the supply of the providers that somebody can reach. A provider nobody can reach adds nothing anywhere.

    Parameters
    ----------
    demand : people (or standardised people) at each place, shape (n,), >= 0.
    supply : what each provider offers, in any unit (acts a year, full-time equivalents), shape (m,), >= 0.
    minutes : travel time from place to provider, shape (n, m), >= 0; infinite means out of reach.
    weights : steps [(10, 1.0), (15, 1/3), (20, 0.1)], upper bounds inclusive, 0 beyond (enhanced catchment);
        or one number of minutes within which everything counts 1 (plain catchment).

    Returns
    -------
    supply per unit of demand, shape (n,), in the unit of `supply` divided by that of `demand`. A place without
    inhabitants has an access too: what one more person there would find, the catchments being as they are.

    Raises
    ------
    ValueError
        When shapes do not match, or a value is negative or NaN (`demand`, `supply`: or infinite).

    Notes
    -----
    Source: Luo & Wang 2003, Environment and Planning B 30, 865 (2SFCA); Luo & Qi 2009, Health & Place 15, 1100
    (steps, E2SFCA). Evidence: tests/environment/test_access.py
    """
    demand, supply = _non_negative("demand", demand, 1), _non_negative("supply", supply, 1)
    minutes = np.asarray(minutes, dtype=np.float64)
    if minutes.shape != (demand.size, supply.size):
        raise ValueError(
            f"minutes must have one row a place and one column a provider, "
            f"found {minutes.shape=} with {demand.shape=} and {supply.shape=}"
        )
    weight = step_weights(minutes, weights)
    reached = demand @ weight
    ratio = np.divide(supply, reached, out=np.zeros_like(supply), where=reached > 0)
    return weight @ ratio


def standardised_population(
    population_by_age: ArrayLike, consumption_by_age: ArrayLike, mean_consumption: float | None = None
) -> Floats:
    """Count inhabitants by their need of care: P_i* = sum_a P_ia c_a / c_mean.

    Parameters
    ----------
    population_by_age : inhabitants of each place by age band, shape (n, a), >= 0.
    consumption_by_age : mean acts per inhabitant a year in each age band, shape (a,), >= 0.
    mean_consumption : c_mean, acts per inhabitant a year, > 0. By default that of this population, so that the sum of
        P_i* is the population; the national mean makes levels comparable with the published ones.

    Returns
    -------
    standardised inhabitants of each place, shape (n,).

    Raises
    ------
    ValueError
        When shapes do not match, a value is negative or NaN, or nobody consumes anything (c_mean = 0).
    """
    population = _non_negative("population_by_age", population_by_age, 2)
    consumption = _non_negative("consumption_by_age", consumption_by_age, 1)
    if population.shape[1] != consumption.size:
        raise ValueError(
            f"consumption_by_age must have one value an age band, found {consumption.shape=} with {population.shape=}"
        )
    acts = population @ consumption
    if mean_consumption is None:
        mean_consumption = acts.sum() / max(population.sum(), np.finfo(np.float64).tiny)
    if not mean_consumption > 0 or not np.isfinite(mean_consumption):
        raise ValueError(f"mean consumption must be a number above 0, found {mean_consumption=}")
    return acts / mean_consumption


def apl(
    population_by_age: ArrayLike,
    consumption_by_age: ArrayLike,
    acts_per_year: ArrayLike,
    minutes: ArrayLike,
    weights: Steps | float = APL_WEIGHTS,
    *,
    mean_consumption: float | None = None,
) -> Floats:
    """Return the localised potential accessibility (APL) of each place.

    Parameters
    ----------
    population_by_age : inhabitants of each place by age band, shape (n, a), >= 0.
    consumption_by_age : mean acts per inhabitant a year in each age band, shape (a,), >= 0.
    acts_per_year : acts each doctor, or the doctors of each commune, offer in a year, shape (m,), >= 0.
    minutes : travel time by car from place to doctor, shape (n, m), >= 0; 0 within a commune.
    weights : steps (upper bound in minutes, weight), as in `two_step_floating_catchment`.
    mean_consumption : acts per inhabitant a year that define one standardised inhabitant; by default the mean of this
        population. Give the national mean before comparing with national levels (3.3 in 2022).

    Returns
    -------
    acts accessible per standardised inhabitant per year, shape (n,).

    Raises
    ------
    ValueError
        As `standardised_population` and `two_step_floating_catchment`.

    Notes
    -----
    Doctors outside the territory but within reach belong in `acts_per_year`, else its edge looks like a desert; their
    other patients belong in `population_by_age`, else its edge looks too well served.
    Source: Barlet et al. 2012 (DREES), recast by the DREES in 2015: the limit of 20 minutes is published, the weights
    1, 1/3, 1/10 are from memory (grade B). Evidence: tests/environment/test_access.py
    """
    demand = standardised_population(population_by_age, consumption_by_age, mean_consumption)
    return two_step_floating_catchment(demand, acts_per_year, minutes, weights)


def _non_negative(name: str, values: ArrayLike, dimensions: int, *, may_be_infinite: bool = False) -> Floats:
    """Return `values` as an array of 64-bit floats, or raise a ValueError that names it."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise ValueError(f"{name} must have {dimensions} dimension(s), found {name}.shape={array.shape}")
    if np.isnan(array).any():
        raise ValueError(
            f"{name} must not contain NaN, found {int(np.isnan(array).sum())} in {name}.shape={array.shape}"
        )
    if (array < 0).any():
        raise ValueError(f"{name} must not be negative, found {array.min()} in {name}.shape={array.shape}")
    if not may_be_infinite and np.isinf(array).any():
        raise ValueError(f"{name} must be finite, found an infinite value in {name}.shape={array.shape}")
    return array
