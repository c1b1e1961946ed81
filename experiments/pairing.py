"""Differences between policies under common random numbers: paired by seed, with intervals over replications.

Owns the statistics only, as functions of tables of values; runs nothing. An interval comes from replications and
never from within one run, whose days and people depend on one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
DIFFERENCE = (
    "scenario", "reference_mean", "mean", "difference", "low", "high", "relative_difference", "n", "is_seen",
)  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """A mean over replications and its interval.

    Attributes
    ----------
    mean, low, high : in the unit of the values; the bounds are NaN for a single replication.
    n : replications with a value.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2.0

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference can be seen; False for a single replication."""
        return bool(self.low > 0.0 or self.high < 0.0)


@cache
def _quantile(n: int, level: float) -> float:
    """Return Student's quantile for the interval over so many replications, NaN for one."""
    from scipy.stats import t as student

    return float(student.ppf((1 + level) / 2, n - 1)) if n > 1 else float("nan")


def interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean of replications and its Student interval; values that are NaN are left out.

    Parameters
    ----------
    values : shape (replications,).
    level : 0 to 1.
    """
    sample = np.asarray(values, float)
    sample = sample[~np.isnan(sample)]
    if sample.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, np.nan, np.nan, 1)
    half = float(_quantile(sample.size, level) * sample.std(ddof=1) / np.sqrt(sample.size))
    return Interval(mean, mean - half, mean + half, int(sample.size))


def cells_of(values: ArrayLike) -> tuple[float, float, float, int, bool]:
    """Return mean, low, high, n and whether 0 is outside, as the tables of a comparison hold them."""
    found = interval(values)
    return found.mean, found.low, found.high, found.n, found.excludes_zero


def paired_differences(values: pd.DataFrame, reference: str, by: Iterable[str] = ("indicator",)) -> pd.DataFrame:
    """Return each scenario's difference from the reference, paired by seed.

    Parameters
    ----------
    values : columns `scenario, seed, value` and those of `by`; one row each.
    reference : a scenario in it.
    by : what a value is of (indicator, stratum, period, …).

    Returns
    -------
    columns of `by`, `scenario, reference_mean, mean, difference, low, high, relative_difference, n, is_seen`, one row
    for each scenario other than the reference. Seeds that only one of the two has are left out.

    Raises
    ------
    ValueError
        The reference is missing, or a value is there twice.
    """
    keys = list(by)
    if reference not in set(values["scenario"]):
        raise ValueError(f"no run of '{reference}' to compare with")
    if values.duplicated(["scenario", "seed", *keys]).any():
        raise ValueError("a scenario, seed and indicator has two values")
    wide = values.pivot(index=[*keys, "seed"], columns="scenario", values="value")
    others = [name for name in dict.fromkeys(values["scenario"]) if name != reference]
    parts = [_differences(wide, scenario, reference, keys) for scenario in others]
    return (
        pd.concat(parts, ignore_index=True)[[*keys, *DIFFERENCE]]
        if parts
        else pd.DataFrame(columns=[*keys, *DIFFERENCE])
    )


def _differences(wide: pd.DataFrame, scenario: str, reference: str, keys: list[str]) -> pd.DataFrame:
    """Return the rows of `paired_differences` of one scenario, every key at once."""
    both = wide[[reference, scenario]].dropna()
    groups = both.assign(difference=both[scenario] - both[reference]).groupby(level=keys, sort=False)
    means, n = groups.mean(), groups.size()
    quantile = n.map({count: _quantile(count, LEVEL) for count in n.unique()})
    half: pd.Series = quantile * groups["difference"].std(ddof=1) / np.sqrt(n)
    found, base = means["difference"], means[reference]
    table = pd.DataFrame({
        "scenario": scenario, "reference_mean": base, "mean": means[scenario], "difference": found,
        "low": found - half, "high": found + half, "relative_difference": found / base.where(base != 0.0), "n": n,
    })  # fmt: skip
    table["is_seen"] = (table["low"] > 0.0) | (table["high"] < 0.0)
    return table.reset_index()


def share_of_replications_below_zero(differences: ArrayLike) -> float:
    """Return the share of replications in which a difference is below 0: the chance of a saving, if it is of spend."""
    sample = np.asarray(differences, float)
    return float((sample < 0).mean()) if sample.size else float("nan")


def shapley_values(outcomes: Mapping[frozenset[str], NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return what each lever adds, averaged over all orders in which levers could be pulled.

    Parameters
    ----------
    outcomes : for every subset of the levers, the empty one included, shape (replications,), paired by seed.

    Returns
    -------
    by lever, shape (replications,); over levers they sum to the outcome of all less that of none, exactly.

    Raises
    ------
    ValueError
        A subset is missing.
    """
    levers = sorted(frozenset().union(*outcomes))
    subsets = [frozenset(some) for size in range(len(levers) + 1) for some in combinations(levers, size)]
    missing = [sorted(some) for some in subsets if some not in outcomes]
    if missing:
        raise ValueError(f"no runs with the levers {missing}")
    values = {}
    for lever in levers:
        total = np.zeros_like(np.asarray(outcomes[frozenset()], float))
        for some in subsets:
            if lever in some:
                continue
            weight = factorial(len(some)) * factorial(len(levers) - len(some) - 1) / factorial(len(levers))
            total = total + weight * (np.asarray(outcomes[some | {lever}]) - np.asarray(outcomes[some]))
        values[lever] = total
    return values


def interaction(outcomes: Mapping[frozenset[str], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what levers do together beyond the sum of what each does alone, shape (replications,).

    Parameters
    ----------
    outcomes : of none, of each lever alone, and of all together; other subsets are not looked at.
    """
    none = np.asarray(outcomes[frozenset()], float)
    everything = frozenset().union(*outcomes)
    alone = sum(np.asarray(outcomes[frozenset({lever})], float) - none for lever in everything)
    return np.asarray(outcomes[everything], float) - none - alone


def replications_needed(differences: ArrayLike, half_width: float, level: float = LEVEL) -> int:
    """Return how many replications are likely to bring the half-width of an interval below a bound.

    Parameters
    ----------
    differences : of a pilot, shape (replications,), at least 2.
    half_width : wanted, > 0, in their unit.
    """
    from scipy.stats import t as student

    sample = np.asarray(differences, float)
    if sample.size < 2 or half_width <= 0:
        raise ValueError("needs two replications and a half-width above 0")
    spread = float(sample.std(ddof=1))
    n = 2
    while student.ppf((1 + level) / 2, n - 1) * spread / np.sqrt(n) > half_width:
        n += max(1, n // 20)
    return n


def break_even(differences: ArrayLike, amounts: ArrayLike, cost_eur: float) -> float:
    """Return how large an effect must be for a policy to pay for itself, on the line through the runs.

    Parameters
    ----------
    differences : saving of each run, EUR, shape (runs,).
    amounts : reach, effect or days of delay of each run, shape (runs,), not all equal.
    cost_eur : of the policy, fixed.

    Returns
    -------
    the amount at which the saving equals the cost; NaN where savings do not rise with the amount.

    Notes
    -----
    Least squares through all runs; the intercept is free, as a policy may save or cost something at no reach.
    """
    x, y = np.asarray(amounts, float), np.asarray(differences, float)
    if np.ptp(x) == 0.0:
        return float("nan")
    slope, intercept = np.polyfit(x, y, 1)
    return float((cost_eur - intercept) / slope) if slope > 0 else float("nan")
