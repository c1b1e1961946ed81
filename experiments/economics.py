"""Cost-effectiveness: discounting, dominance, the frontier, net monetary benefit, acceptability.

Owns the formulas only, as pure functions of costs and effects; it knows nothing of runs, payers or policies. Formulas
follow Drummond et al., Methods for the Economic Evaluation of Health Care Programmes (4th ed., 2015), chapters 4 and
8, and Briggs, Claxton and Sculpher, Decision Modelling for Health Economic Evaluation (2006), chapter 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

#: What the frontier says of a strategy.
ON_FRONTIER, DOMINATED, EXTENDEDLY_DOMINATED = "on the frontier", "dominated", "extendedly dominated"


def discount(amounts: ArrayLike, years: ArrayLike, rate_per_year: float) -> NDArray[np.float64]:
    """Return amounts at their present value, shape of the arguments broadcast.

    Parameters
    ----------
    amounts : in any unit (EUR, QALY).
    years : time from the reference date, in years, not necessarily whole; before it amounts grow.
    rate_per_year : > -1; France recommends 0.025 [O018].

    Raises
    ------
    ValueError
        A rate of -1 or less.
    """
    if rate_per_year <= -1.0:
        raise ValueError(f"rate_per_year: found {rate_per_year}, expected above -1")
    return np.asarray(amounts, float) / (1.0 + rate_per_year) ** np.asarray(years, float)


def net_monetary_benefit(cost_eur: ArrayLike, effect: ArrayLike, threshold_eur: ArrayLike) -> NDArray[np.float64]:
    """Return what a strategy is worth less what it costs, EUR.

    Parameters
    ----------
    cost_eur, effect : totals, or differences from a reference, of the same shape.
    threshold_eur : willingness to pay for one unit of effect; broadcast against the others.
    """
    return np.asarray(threshold_eur, float) * np.asarray(effect, float) - np.asarray(cost_eur, float)


def icer_table(cost_eur: Mapping[str, float], effect: Mapping[str, float]) -> pd.DataFrame:
    """Return the strategies in the order of their cost, which are on the frontier, and their ratios.

    Parameters
    ----------
    cost_eur, effect : by strategy; the same strategies in both.

    Returns
    -------
    columns `strategy, cost_eur, effect, status, extra_cost_eur, extra_effect, icer_eur`, one row a strategy, by cost.
    Extra cost, extra effect and ratio are those over the strategy before it on the frontier; NaN for the first one and
    for strategies off the frontier. Of equal strategies the first named stays.

    Raises
    ------
    ValueError
        No strategy, other strategies in the two mappings, or a value that is not finite.

    Notes
    -----
    A strategy is dominated when another costs no more and gives no less; extendedly dominated when a mix of two others
    does, that is when its ratio is above that of the next strategy that gives more.
    """
    if not cost_eur or set(cost_eur) != set(effect):
        raise ValueError(f"costs of {sorted(cost_eur)}, effects of {sorted(effect)}: expected the same strategies")
    table = pd.DataFrame({"strategy": list(cost_eur), "cost_eur": [float(cost_eur[s]) for s in cost_eur]})
    table["effect"] = [float(effect[s]) for s in cost_eur]
    if not np.isfinite(table[["cost_eur", "effect"]].to_numpy()).all():
        raise ValueError("costs and effects must be finite")
    table = table.sort_values(["cost_eur", "effect"], ascending=[True, False], kind="stable", ignore_index=True)
    table["status"] = _statuses(table["cost_eur"].to_numpy(), table["effect"].to_numpy())
    frontier = table.index[table["status"] == ON_FRONTIER]
    for name in ("extra_cost_eur", "extra_effect", "icer_eur"):
        table[name] = np.nan
    table.loc[frontier, "extra_cost_eur"] = table.loc[frontier, "cost_eur"].diff()
    table.loc[frontier, "extra_effect"] = table.loc[frontier, "effect"].diff()
    table["icer_eur"] = table["extra_cost_eur"] / table["extra_effect"]
    return table


def _statuses(cost: NDArray, effect: NDArray) -> list[str]:
    """Return the status of strategies sorted by cost: the frontier is the upper left hull of (effect, cost)."""
    statuses = [DOMINATED] * cost.size
    frontier: list[int] = []
    best = -np.inf
    for i in range(cost.size):
        if effect[i] <= best:
            continue
        best = effect[i]
        while len(frontier) > 1 and _ratio(cost, effect, frontier[-1], i) <= _ratio(cost, effect, *frontier[-2:]):
            statuses[frontier.pop()] = EXTENDEDLY_DOMINATED
        frontier.append(i)
        statuses[i] = ON_FRONTIER
    return statuses


def _ratio(cost: NDArray, effect: NDArray, first: int, second: int) -> float:
    return float((cost[second] - cost[first]) / (effect[second] - effect[first]))


def icer_is_shown(extra_effect: ArrayLike, level: float = 0.95) -> bool:
    """Tell whether the interval of an extra effect excludes 0: only then does a ratio to it mean anything.

    Parameters
    ----------
    extra_effect : shape (draws,).
    level : of the interval between the quantiles.
    """
    low, high = np.quantile(np.asarray(extra_effect, float), [(1 - level) / 2, (1 + level) / 2])
    return bool(low > 0.0 or high < 0.0)


def acceptability_curve(
    cost_eur: Mapping[str, ArrayLike], effect: Mapping[str, ArrayLike], thresholds_eur: Sequence[float]
) -> pd.DataFrame:
    """Return how often each strategy is the one worth most, by willingness to pay.

    Parameters
    ----------
    cost_eur, effect : by strategy, shape (draws,), draw d of all strategies under the same parameters and seed.
    thresholds_eur : willingness to pay for one unit of effect, >= 0.

    Returns
    -------
    columns `threshold_eur, strategy, probability, is_best_on_average`; probabilities of a threshold sum to 1, equal
    strategies share. `is_best_on_average` marks the acceptability frontier (highest mean net benefit).
    """
    names = list(cost_eur)
    if set(names) != set(effect) or not names:
        raise ValueError(f"costs of {sorted(names)}, effects of {sorted(effect)}: expected the same strategies")
    costs = np.array([np.asarray(cost_eur[name], float) for name in names])
    effects = np.array([np.asarray(effect[name], float) for name in names])
    rows = []
    for threshold in thresholds_eur:
        if threshold < 0:
            raise ValueError(f"threshold_eur: found {threshold}, expected 0 or more")
        benefit = net_monetary_benefit(costs, effects, threshold)
        is_best = benefit == benefit.max(axis=0)
        probability = (is_best / is_best.sum(axis=0)).mean(axis=1)
        average = benefit.mean(axis=1)
        for i, name in enumerate(names):
            rows.append((float(threshold), name, float(probability[i]), bool(i == int(np.argmax(average)))))
    return pd.DataFrame(rows, columns=["threshold_eur", "strategy", "probability", "is_best_on_average"])
