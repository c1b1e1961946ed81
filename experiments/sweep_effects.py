"""What does a sweep say in numbers? Responses to each factor, what its ends are worth, which factors act together.

Owns these tables; draws nothing. What is independent decides the intervals: where factors have levels, seeds (a seed's
runs are averaged first, and what a seed does at every level alike is taken out); where points are drawn, the points
(each averaged over its seeds), so that the other factors' spread is in the interval.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.sweeping import SHOWN, indicators_of

if TYPE_CHECKING:
    from experiments.sweeping import Results

CONFIDENCE = 0.95
MOST_INDICATORS, MOST_FACTORS = 6, 6
BINS = 8  # of a factor that takes any value
FEWEST_VALUES_BINNED = 13  # different values, from which on they are put together
OUTER_SHARE = 0.2  # of the points at either end of a factor that takes any value
ENDS = ("indicator", "factor", "low_level", "high_level", "at_low", "at_high", "difference", "low", "high", "runs")
PAIRS = ("indicator", "factor", "with", "change", "low", "high")

Array = NDArray[np.float64]
Estimate = tuple[float, float, float]  # with its 95 % interval; NaN where there is none


def chosen_of(results: Results, indicators: Sequence[str] = ()) -> list[str]:
    """Return the indicators to show: those asked for, else the design's, else `SHOWN`.

    Raises
    ------
    InputError
        A pattern that fits none.
    """
    from experiments.sensitivity_analysis import chosen_indicators

    known = list(dict.fromkeys(results.tidy["indicator"]))
    asked = tuple(indicators) or indicators_of(results.about)
    asked = asked if asked != SHOWN else tuple(name for name in SHOWN if name in known)
    return chosen_indicators(known, asked)[:MOST_INDICATORS] if known else []


def factors_of(results: Results, most: int | None = MOST_FACTORS) -> list[str]:
    """Return the names of the numbers that a sweep varies, in the order of its design."""
    named = [str(factor["name"]) for factor in results.about.get("factors", [])]
    columns = list(results.tidy.columns)
    candidates = named or settings_of(results.tidy)
    is_number = {name for name in candidates if name in columns and results.tidy[name].dtype.kind in "if"}
    return [name for name in candidates if name in is_number and results.tidy[name].nunique() > 1][:most]


def independent(results: Results) -> Results:
    """Return a sweep with independent points only, for all that compares points with points.

    The points of Sobol' and Morris designs repeat each other's values; kept are those of the two samples of Sobol', and
    the beginnings of Morris' trajectories. Other designs are returned as they are.
    """
    about, table = results.about, results.table
    if about.get("method") not in ("sobol", "morris") or not about.get("samples"):
        return results
    n_seeds = len(about["seeds"])
    of_block = len(table) // n_seeds // int(about["samples"])
    place = np.arange(len(table)) // n_seeds % of_block
    is_kept = (place == 0) | ((place == of_block - 1) if about["method"] == "sobol" else False)
    kept = table[is_kept]
    return replace(results, table=kept, tidy=results.tidy[results.tidy["digest"].isin(kept["digest"])])


def with_points(results: Results) -> Results:
    """Return a sweep whose tidy table has a column `point`: which point of the design a row belongs to, found once."""
    tidy = results.tidy.copy()
    tidy.insert(0, "point", _points(tidy))
    return replace(results, tidy=tidy)


def settings_of(tidy: pd.DataFrame) -> list[str]:
    """Return the columns of a tidy table that hold what the design sets."""
    columns = list(tidy.columns)
    return columns[columns.index("seed") + 1 : columns.index("indicator")]


def is_drawn(rows: pd.DataFrame, factor: str) -> bool:
    """Tell whether a factor takes any value, so that its values have to be put together."""
    return bool(rows[factor].nunique() >= FEWEST_VALUES_BINNED)


def levels_of(rows: pd.DataFrame, factor: str, classes: int = BINS) -> pd.Series:
    """Return the level of a factor in each row; values of one that takes any are put into classes of equal size."""
    level = rows[factor]
    if not is_drawn(rows, factor):
        return level
    return level.groupby(pd.qcut(level, classes, duplicates="drop"), observed=True).transform("mean")


def response_table(rows: pd.DataFrame, factor: str, by: str | None = None, classes: int = BINS) -> pd.DataFrame:
    """Return the mean of an indicator at each level of a factor, all else of the design averaged.

    Parameters
    ----------
    rows : tidy rows of one indicator.
    by : another column, for a row each of its values.
    classes : of a factor that takes any value.

    Returns
    -------
    `by` (if given), factor, mean, low, high (95 % interval; NaN where there is nothing to judge it by), runs. Where
    every level has the same seeds, intervals are those of the differences between levels, see `_paired`.
    """
    known = rows.dropna(subset=[factor])
    keys = [*([by] if by else []), factor]
    frame = known.assign(**{factor: levels_of(known, factor, classes)})
    if is_drawn(known, factor):
        points = frame.assign(point=_points(known)).groupby([*keys, "point"], observed=True)["value"].mean()
        found = [(*_as_tuple(key), *mean_of(part.to_numpy())) for key, part in points.groupby(keys, observed=True)]
    else:
        cells = frame.pivot_table(index=keys, columns="seed", values="value", aggfunc="mean", observed=True)
        found = [(*_as_tuple(key), *mean_of(values)) for key, values in zip(cells.index, _paired(cells), strict=True)]
    table = pd.DataFrame(found, columns=[*keys, "mean", "low", "high"])
    runs = frame.groupby(keys, observed=True).size().rename("runs").reset_index()
    return table.merge(runs, on=keys)


def ends_table(results: Results, indicators: Sequence[str], factors: Sequence[str]) -> pd.DataFrame:
    """Return what an indicator is where each factor is smallest and largest, and the difference with its interval.

    Returns
    -------
    `ENDS`: of a factor with levels, at the first and the last; of one that takes any value, over the fifth of the
    points at either end. `low`, `high`: 95 % interval of the difference. `runs`: behind both ends.
    """
    found = []
    for name in indicators:
        rows = results.tidy[results.tidy["indicator"] == name]
        for factor in factors:
            known = rows.dropna(subset=[factor])
            if known[factor].nunique() > 1:
                found.append((name, factor, *_ends(known, factor)))
    return pd.DataFrame(found, columns=list(ENDS))


def _ends(rows: pd.DataFrame, factor: str) -> tuple[float, ...]:
    values = rows[factor]
    if not is_drawn(rows, factor):
        small, large = rows[values == values.min()], rows[values == values.max()]
        means = [part.groupby("seed")["value"].mean() for part in (small, large)]
        levels = float(values.min()), float(values.max())
        difference = mean_of((means[1] - means[0]).dropna().to_numpy())
    else:
        low, high = values.quantile([OUTER_SHARE, 1.0 - OUTER_SHARE])
        small, large = rows[values <= low], rows[values >= high]
        means = [part.groupby(_points(part))["value"].mean() for part in (small, large)]
        levels = float(small[factor].mean()), float(large[factor].mean())
        difference = _welch(means[0].to_numpy(), means[1].to_numpy())
    return *levels, float(means[0].mean()), float(means[1].mean()), *difference, len(small) + len(large)


def pairs_table(results: Results, indicators: Sequence[str], factors: Sequence[str]) -> pd.DataFrame:
    """Return which factors act together: by how much the effect of one changes while another goes from end to end.

    Returns
    -------
    `PAIRS`: `change` is (effect of `factor` where `with` is largest) − (the same where `with` is smallest), an effect
    being that of going from the smallest to the largest value; 0 where effects add up. Where points are drawn, from a
    regression on all factors, their squares and this product, over the whole range that the points cover.
    """
    found = []
    for name in indicators:
        rows = results.tidy[results.tidy["indicator"] == name].dropna(subset=list(factors))
        for one, two in itertools.combinations(factors, 2):
            drawn = is_drawn(rows, one) or is_drawn(rows, two)
            estimate = _product(rows, one, two, factors) if drawn else _corners(rows, one, two)
            if estimate is not None:
                found.append((name, one, two, *estimate))
    return pd.DataFrame(found, columns=list(PAIRS))


def _corners(rows: pd.DataFrame, one: str, two: str) -> Estimate | None:
    """Return the difference of differences of the corners of two factors with levels, over seeds; None: not there."""
    cells = rows.pivot_table(index="seed", columns=[one, two], values="value", aggfunc="mean")
    ends = [(rows[name].min(), rows[name].max()) for name in (one, two)]
    corners = list(itertools.product(*ends))
    if not set(corners) <= set(cells.columns) or len(set(corners)) < 4:
        return None
    (low_low, low_high, high_low, high_high) = (cells[corner] for corner in corners)
    return mean_of(((high_high - low_high) - (high_low - low_low)).dropna().to_numpy())


def _product(rows: pd.DataFrame, one: str, two: str, factors: Sequence[str]) -> Estimate | None:
    """Return the same from a regression over points; None: too few of them."""
    from scipy.stats import t

    points = rows.assign(point=_points(rows)).groupby("point")[["value", *factors]].mean()
    scaled = {name: 2 * (points[name] - points[name].min()) / np.ptp(points[name]) - 1 for name in factors}
    columns = [np.ones(len(points)), *scaled.values(), *(column**2 for column in scaled.values())]
    design, outcome = np.column_stack([*columns, scaled[one] * scaled[two]]), points["value"].to_numpy()
    freedom = len(outcome) - np.linalg.matrix_rank(design)
    if freedom < 5 or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    coefficients, *_ = np.linalg.lstsq(design, outcome, rcond=None)
    left = outcome - design @ coefficients
    error = float(np.sqrt(np.linalg.inv(design.T @ design)[-1, -1] * (left @ left) / freedom))
    change, half = 4.0 * float(coefficients[-1]), 4.0 * error * float(t.ppf(0.5 + CONFIDENCE / 2, freedom))
    return change, change - half, change + half


def grid_of(rows: pd.DataFrame, across: str, up: str, classes: int = 4) -> pd.DataFrame:
    """Return the mean of an indicator over the levels of two factors, `up` as rows; of drawn ones over classes."""
    frame = rows.dropna(subset=[across, up])
    levels = {name: levels_of(frame, name, classes) for name in (across, up)}
    return frame.assign(**levels).pivot_table(index=up, columns=across, values="value", aggfunc="mean").sort_index()


def mean_of(values: Array) -> Estimate:
    """Return the mean of independent values and its 95 % interval (Student); NaN limits below two values."""
    from scipy.stats import t

    there = values[~np.isnan(values)]
    if len(there) < 2:
        return float(there.mean()) if len(there) else float("nan"), float("nan"), float("nan")
    half = t.ppf(0.5 + CONFIDENCE / 2, len(there) - 1) * there.std(ddof=1) / np.sqrt(len(there))
    return float(there.mean()), float(there.mean() - half), float(there.mean() + half)


def _welch(small: Array, large: Array) -> Estimate:
    """Return the difference of two means of independent values and its 95 % interval (Welch)."""
    from scipy.stats import t

    difference = float(large.mean() - small.mean())
    if min(len(small), len(large)) < 2:
        return difference, float("nan"), float("nan")
    shares = [part.var(ddof=1) / len(part) for part in (small, large)]
    if sum(shares) == 0:
        return difference, difference, difference
    freedom = sum(shares) ** 2 / sum(
        share**2 / (len(part) - 1) for share, part in zip(shares, (small, large), strict=True)
    )
    half = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * float(np.sqrt(sum(shares)))
    return difference, difference - half, difference + half


def _points(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return which point of the design each row belongs to: rows that differ by their seed alone are one."""
    if "point" in rows:
        return rows["point"].to_numpy()
    keys = ["territory", "scenario", *settings_of(rows)]
    return np.asarray(rows.groupby(keys, dropna=False, sort=False).ngroup(), np.int64)


def _paired(cells: pd.DataFrame) -> Array:
    """Take out of each seed's values what the seed does alike at every level, if each level has each seed.

    A seed makes a whole territory busier or calmer; a curve is about the difference between levels. The spread that is
    left is widened by √(L / (L − 1)), what taking the mean of L levels out has cost (Morey 2008).
    """
    values = cells.to_numpy(np.float64)
    n_levels = len(values)
    if np.isnan(values).any() or n_levels < 2:
        return values
    means = values.mean(axis=1, keepdims=True)
    left = values - values.mean(axis=0, keepdims=True) - means + values.mean()
    return np.asarray(means + left * np.sqrt(n_levels / (n_levels - 1)))


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def errors_of(results: Results) -> list[tuple[str, int]]:
    """Return the errors of runs that failed, the most frequent first, each with how many runs."""
    failed = results.table[results.table["status"] == "failed"]
    return [(str(error), int(times)) for error, times in failed["error"].value_counts().items()]


def stored_sensitivity(results: Results) -> tuple[pd.DataFrame, list[str]] | None:
    """Return indices and notes that `territoire sensitivity` left in the folder, or None."""
    indices, facts = results.folder / "indices.csv", results.folder / "sensitivity.json"
    if not indices.is_file() or not facts.is_file():
        return None
    table = pd.read_csv(indices, keep_default_na=True)
    table["with"] = table["with"].fillna("")
    return table, list(json.loads(facts.read_text(encoding="utf-8"))["notes"])
