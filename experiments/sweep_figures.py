"""What does a sweep show? Response curves, heat maps of two levers, sensitivity indices and tornados, as SVG and PNG.

Owns their drawing. Intervals are over seeds (replications), never within one run; with one seed there are none. The
same tables give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.figures import COLOURS, DARK, LIGHT, MIDDLE, WIDTH_INCHES, _finish, _write, house_style

if TYPE_CHECKING:
    from experiments.sensitivity_analysis import Sensitivity
    from experiments.sweeping import Results

MOST_INDICATORS, MOST_FACTORS, MOST_LINES = 6, 6, 4
BINS = 8  # of a factor that takes any value
FEWEST_VALUES_BINNED = 13  # different values, from which on they are put together
CONFIDENCE = 0.95
MARKS = ("o", "s", "^", "D")
STYLES = ("-", "--", "-.", ":")


def draw_sweep(results: Results, folder: Path, indicators: Sequence[str] = ()) -> list[Path]:
    """Draw the response curves of a sweep, and heat maps of its first two factors with levels.

    Parameters
    ----------
    indicators : ids; by default the first headline indicators.
    """
    from experiments.sensitivity_analysis import chosen_indicators

    known = list(dict.fromkeys(results.tidy["indicator"]))
    chosen = [name for name in chosen_indicators(known, tuple(indicators)) if name in known][:MOST_INDICATORS]
    factors = factors_of(results)
    written: list[Path] = []
    if not factors or not chosen:
        return written
    folder.mkdir(parents=True, exist_ok=True)
    with house_style():
        for name in chosen:
            rows = results.tidy[results.tidy["indicator"] == name]
            written += _write(
                response_curves(rows, name, factors, caption(results)), folder / f"response_{_plain(name)}"
            )
            levelled = [factor for factor in factors if 2 <= rows[factor].nunique() < FEWEST_VALUES_BINNED]
            if len(levelled) >= 2:
                figure = heat_map(rows, name, levelled[0], levelled[1], caption(results))
                written += _write(figure, folder / f"heat_{_plain(name)}")
    return written


def factors_of(results: Results) -> list[str]:
    """Return the names of the numbers that a sweep varies, in the order of its design."""
    named = [str(factor["name"]) for factor in results.about.get("factors", [])]
    columns = list(results.tidy.columns)
    first = columns.index("seed") + 1
    candidates = named or columns[first : columns.index("indicator")]
    is_number = {name for name in candidates if name in columns and results.tidy[name].dtype.kind in "if"}
    return [name for name in candidates if name in is_number and results.tidy[name].nunique() > 1][:MOST_FACTORS]


def caption(results: Results) -> str:
    """Return what must be read with every figure of a sweep: how many runs it shows."""
    table = results.table
    n_done, n_seeds = int((table["status"] == "done").sum()), table["seed"].nunique()
    seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"
    where = ", ".join(dict.fromkeys(table["territory"]))
    left = "" if n_done == len(table) else f" of {len(table):,}"
    return f"{where}; {n_done:,}{left} runs; {seeds}"


def response_table(rows: pd.DataFrame, factor: str, by: str | None = None) -> pd.DataFrame:
    """Return the mean of an indicator at each level of a factor, all else of the design averaged.

    Parameters
    ----------
    rows : tidy rows of one indicator; a factor of many values is put into classes of equal size.
    by : another column, for a row each of its values.

    Returns
    -------
    `by` (if given), factor, mean, low, high (95 % interval over seeds; NaN with one seed), runs. A seed's runs are
    averaged first: seeds are what is independent. Where every level has the same seeds, intervals are those of the
    differences between levels, see `_paired`.
    """
    known = rows.dropna(subset=[factor])
    level = known[factor]
    if level.nunique() >= FEWEST_VALUES_BINNED:
        classes = pd.qcut(level, BINS, duplicates="drop")
        level = level.groupby(classes, observed=True).transform("mean")
    keys = [*([by] if by else []), factor]
    frame = known.assign(**{factor: level})
    cells = frame.pivot_table(index=keys, columns="seed", values="value", aggfunc="mean", observed=True)
    found = [(*_as_tuple(key), *_interval(values)) for key, values in zip(cells.index, _paired(cells), strict=True)]
    table = pd.DataFrame(found, columns=[*keys, "mean", "low", "high"])
    runs = frame.groupby(keys, observed=True).size().rename("runs").reset_index()
    return table.merge(runs, on=keys)


def _paired(cells: pd.DataFrame) -> np.ndarray:
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
    return means + left * np.sqrt(n_levels / (n_levels - 1))


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean over seeds and its 95 % interval."""
    from scipy.stats import t

    there = values[~np.isnan(values)]
    if len(there) < 2:
        return float(there.mean()), float("nan"), float("nan")
    half = t.ppf(0.5 + CONFIDENCE / 2, len(there) - 1) * there.std(ddof=1) / np.sqrt(len(there))
    return float(there.mean()), float(there.mean() - half), float(there.mean() + half)


def response_curves(rows: pd.DataFrame, indicator: str, factors: Sequence[str], text: str = "") -> Figure:
    """Draw an indicator against each factor, a line for each scenario or level of the other of two factors."""
    n_columns = min(3, len(factors))
    n_lines = -(-len(factors) // n_columns)
    figure = Figure(figsize=(WIDTH_INCHES, 2.5 * n_lines + 1.0))
    axes = figure.subplots(n_lines, n_columns, squeeze=False, sharey=True).ravel()
    for axis in axes[len(factors) :]:
        axis.set_axis_off()
    for axis, factor in zip(axes, factors, strict=False):
        by = _lines_by(rows, factor, factors)
        table = response_table(rows, factor, by)
        groups = list(table.groupby(by)) if by else [("", table)]
        for number, (label, group) in enumerate(groups):
            bars = np.nan_to_num((group["high"] - group["mean"]).to_numpy())
            style: dict[str, Any] = {"marker": MARKS[number % 4], "linestyle": STYLES[number % 4], "markersize": 4}
            name = f"{label:g}" if isinstance(label, float) else str(label)
            colour = DARK if number % 2 == 0 else MIDDLE
            axis.errorbar(
                group[factor], group["mean"], bars, color=colour, capsize=2, label=name, linewidth=1.2, **style
            )
        if by:
            axis.legend(title=by if by != "scenario" else None, fontsize=7.5, title_fontsize=7.5, frameon=False)
        axis.set_xlabel(factor)
        axis.grid(axis="y", color=LIGHT)
    axes[0].set_ylabel(indicator)
    figure.suptitle(f"{indicator}: response", x=0.01, ha="left")
    several = rows["seed"].nunique() > 1
    note = (
        "bars: 95 % intervals over seeds, what a seed does at every level alike taken out"
        if several
        else "no intervals"
    )
    _finish(figure, "; ".join(filter(None, [text, note])))
    return figure


def _lines_by(rows: pd.DataFrame, factor: str, factors: Sequence[str]) -> str | None:
    """Return what tells the lines of a curve apart: the scenario, or the other of two factors with few levels."""
    if 1 < rows["scenario"].nunique() <= MOST_LINES:
        return "scenario"
    others = [name for name in factors if name != factor]
    if len(others) == 1 and 1 < rows[others[0]].nunique() <= MOST_LINES:
        return others[0]
    return None


def heat_map(rows: pd.DataFrame, indicator: str, across: str, up: str, text: str = "") -> Figure:
    """Draw the mean of an indicator over the levels of two factors, the numbers written in."""
    grid = rows.pivot_table(index=up, columns=across, values="value", aggfunc="mean").sort_index()
    figure = Figure(figsize=(WIDTH_INCHES, 0.45 * len(grid) + 2.4))
    axis = figure.subplots()
    image = axis.imshow(grid.to_numpy(), cmap=COLOURS, aspect="auto", origin="lower")
    axis.set_xticks(range(grid.shape[1]), [f"{level:g}" for level in grid.columns])
    axis.set_yticks(range(grid.shape[0]), [f"{level:g}" for level in grid.index])
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    middle = float(np.nanmean([np.nanmin(grid.to_numpy()), np.nanmax(grid.to_numpy())]))
    for row, values in enumerate(grid.to_numpy()):
        for column, value in enumerate(values):
            colour = "white" if value > middle else "black"  # the scale darkens as values rise
            shown = "" if np.isnan(value) else f"{value:.3g}"
            axis.text(column, row, shown, ha="center", va="center", color=colour, fontsize=8.5)
    figure.colorbar(image, ax=axis, shrink=0.9).set_label(indicator)
    figure.suptitle(f"{indicator} by {across} and {up}", x=0.01, ha="left")
    _finish(figure, text)
    return figure


# -------------------------------------------------------------------------------------------------------- sensitivity


def draw_sensitivity(found: Sensitivity, folder: Path) -> list[Path]:
    """Draw indices and tornado of the first indicators."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with house_style():
        for name in list(dict.fromkeys(found.indices["indicator"]))[:MOST_INDICATORS]:
            rows = found.indices[(found.indices["indicator"] == name) & (found.indices["with"] == "")]
            if not rows["value"].abs().max() > 0:
                continue  # nothing depends on anything
            draw = sobol_figure if found.method == "sobol" else morris_figure
            written += _write(draw(rows, name), folder / f"indices_{_plain(name)}")
            tornado = found.tornado[found.tornado["indicator"] == name]
            written += _write(tornado_figure(tornado, name), folder / f"tornado_{_plain(name)}")
    return written


def sobol_figure(rows: pd.DataFrame, indicator: str) -> Figure:
    """Draw first and total index of each factor with 95 % intervals, the largest total on top."""
    order = rows[rows["index"] == "ST"].sort_values("value")["factor"].tolist()
    figure = Figure(figsize=(WIDTH_INCHES, 0.42 * len(order) + 1.8))
    axis = figure.subplots()
    for index, shift, mark, words in (("ST", 0.13, "D", "total"), ("S1", -0.13, "o", "alone (first order)")):
        values = rows[rows["index"] == index].set_index("factor").loc[order]
        places = np.arange(len(order)) + shift
        colour = DARK if index == "ST" else MIDDLE
        axis.hlines(places, values["low"], values["high"], color=colour)
        axis.plot(values["value"], places, mark, color=colour, label=words, linestyle="none", markersize=5)
    axis.set_yticks(range(len(order)), order)
    axis.axvline(0.0, color="black", linewidth=0.6)
    axis.set_xlabel("share of the indicator's variance, with 95 % intervals")
    axis.legend(frameon=False, loc="lower right")
    axis.grid(axis="x", color=LIGHT)
    figure.suptitle(f"{indicator}: what its variance comes from", x=0.01, ha="left")
    _finish(figure, "A total index beyond the index alone is interaction with other factors.")
    return figure


def morris_figure(rows: pd.DataFrame, indicator: str) -> Figure:
    """Draw the mean size of each factor's effect with 95 % intervals, the largest on top, beside its spread."""
    wide = {index: part.set_index("factor") for index, part in rows.groupby("index", sort=False)}
    order = wide["mu_star"].sort_values("value").index
    figure = Figure(figsize=(WIDTH_INCHES, 0.36 * len(order) + 1.8))
    axis = figure.subplots()
    places, sizes = np.arange(len(order)), wide["mu_star"].loc[order]
    axis.barh(places, sizes["value"], color=MIDDLE, height=0.6, label="mean size of the effect (μ*)")
    axis.hlines(places, sizes["low"], sizes["high"], color=DARK)
    spread = wide["sigma"].loc[order, "value"]
    axis.plot(spread, places, "D", color=DARK, markerfacecolor="white", label="spread (σ): interaction or curvature")
    axis.set_yticks(places, order)
    axis.set_xlabel(f"change of {indicator} over the whole range of the factor")
    axis.legend(frameon=False, loc="lower right")
    axis.grid(axis="x", color=LIGHT)
    figure.suptitle(f"{indicator}: screening by Morris' method", x=0.01, ha="left")
    _finish(figure, "Lines: 95 % intervals over trajectories and seeds.")
    return figure


def tornado_figure(tornado: pd.DataFrame, indicator: str) -> Figure:
    """Draw the indicator's mean where each factor is small and where it is large, the widest on top."""
    width = (tornado["high"] - tornado["low"]).abs()
    ordered = tornado.loc[width.sort_values(kind="stable").index]
    figure = Figure(figsize=(WIDTH_INCHES, 0.36 * len(ordered) + 1.8))
    axis = figure.subplots()
    places = np.arange(len(ordered))
    middle = ordered["middle"].to_numpy()
    for column, colour, words in (("low", LIGHT, "factor small"), ("high", MIDDLE, "factor large")):
        axis.barh(places, ordered[column] - middle, left=middle, color=colour, edgecolor=DARK, height=0.6, label=words)
    axis.set_yticks(places, ordered["factor"])
    axis.axvline(float(middle[0]), color="black", linewidth=0.8)
    axis.set_xlabel(indicator)
    axis.legend(frameon=False, loc="lower right")
    figure.suptitle(f"{indicator}: between small and large factors", x=0.01, ha="left")
    _finish(figure, "Means over the fifth of the points where the factor is smallest, and largest; the others vary.")
    return figure


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
