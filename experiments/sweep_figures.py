"""What does a sweep look like? Response curves, heat maps, interaction, sensitivity indices and tornados, SVG and PNG.

Owns their drawing, in English or French; the numbers are those of `experiments.sweep_effects`. The same tables give the
same bytes.
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
from experiments.sweep_effects import (
    chosen_of,
    factors_of,
    grid_of,
    independent,
    is_drawn,
    levels_of,
    pairs_table,
    response_table,
    with_points,
)
from experiments.sweep_words import indicator_label, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from experiments.sensitivity_analysis import Sensitivity
    from experiments.sweeping import Results

MOST_LINES, MOST_INDICATORS, MOST_BARS = 4, 6, 16
CLASSES_OF_LINES, CLASSES_ALONG = 3, 4  # of factors that take any value, where two are shown together
MARKS = ("o", "s", "^", "D")
STYLES = ("-", "--", "-.", ":")


def draw_sweep(results: Results, folder: Path, indicators: Sequence[str] = (), language: str = "en") -> list[Path]:
    """Draw the response curves of a sweep, and of each indicator a heat map and the interaction of two factors.

    Parameters
    ----------
    indicators : ids; by default the design's, else the first headline indicators.
    language : "en" or "fr", whose files end in `_fr`.
    """
    results = with_points(independent(results))
    chosen, factors = chosen_of(results, indicators), factors_of(results)
    written: list[Path] = []
    if not factors or not chosen:
        return written
    folder.mkdir(parents=True, exist_ok=True)
    end = "" if language == "en" else f"_{language}"
    with house_style():
        for name in chosen:
            for kind, figure in figures_of(results, name, factors, language).items():
                written += _write(figure, folder / f"{kind}_{_plain(name)}{end}")
    return written


def figures_of(results: Results, indicator: str, factors: Sequence[str], language: str = "en") -> Mapping[str, Figure]:
    """Return the figures of one indicator, by kind: response, heat, interaction; those that can be drawn."""
    rows = results.tidy[results.tidy["indicator"] == indicator]
    text = caption(results, language)
    found = {"response": response_curves(rows, indicator, factors, text, language)}
    pair = strongest_pair(results, indicator, factors)
    if pair is not None:
        found["heat"] = heat_map(rows, indicator, *pair, text, language)
        if len(factors) > 2 or _lines_by(rows, factors[0], factors) is None:
            found["interaction"] = interaction_curves(rows, indicator, *pair, text, language)
    return found


def strongest_pair(results: Results, indicator: str, factors: Sequence[str]) -> tuple[str, str] | None:
    """Return the two factors that act together most clearly: whose product is largest beside its interval."""
    if len(factors) < 2:
        return None
    pairs = pairs_table(results, [indicator], factors)
    if pairs.empty:
        return None
    half = ((pairs["high"] - pairs["low"]) / 2).replace(0.0, np.nan)
    strength = (pairs["change"].abs() / half).fillna(pairs["change"].abs() * 1e-9)  # no interval: by size, behind
    best = pairs.iloc[int(strength.to_numpy().argmax())]
    return str(best["factor"]), str(best["with"])


def caption(results: Results, language: str = "en") -> str:
    """Return what must be read with every figure of a sweep: how many runs it shows."""
    table = results.table
    n_done, n_seeds = int((table["status"] == "done").sum()), table["seed"].nunique()
    seeds = f"{n_seeds} {word('seed' if n_seeds == 1 else 'seeds', language)}"
    where = ", ".join(dict.fromkeys(table["territory"]))
    left = "" if n_done == len(table) else f" / {len(table):,}"
    return f"{where}; {n_done:,}{left} {word('runs', language)}; {seeds}"


def response_curves(
    rows: pd.DataFrame, indicator: str, factors: Sequence[str], text: str = "", language: str = "en"
) -> Figure:
    """Draw an indicator against each factor, a line for each scenario or level of the other of two factors."""
    n_columns = min(3, len(factors))
    n_lines = -(-len(factors) // n_columns)
    has_legend = any(_lines_by(rows, factor, factors) for factor in factors)
    figure = Figure(figsize=(WIDTH_INCHES, (2.9 if has_legend else 2.3) * n_lines + 1.0))
    axes = figure.subplots(n_lines, n_columns, squeeze=False, sharey=True)
    for axis in axes.ravel()[len(factors) :]:
        axis.set_axis_off()
    for axis, factor in zip(axes.ravel(), factors, strict=False):
        by = _lines_by(rows, factor, factors)
        table = response_table(rows, factor, by)
        _lines(axis, table, factor, by)
        axis.set_xlabel(factor)
        axis.grid(axis="y", color=LIGHT)
    for axis in axes[:, 0]:
        axis.set_ylabel(indicator_label(indicator, language, width=24))
    figure.suptitle(f"{indicator}: {word('response', language)}", x=0.01, ha="left")
    _finish(figure, "; ".join(filter(None, [text, _about_bars(rows, factors, language)])))
    return figure


def _about_bars(rows: pd.DataFrame, factors: Sequence[str], language: str) -> str:
    """Return in words what the intervals of a figure are over."""
    if all(is_drawn(rows, factor) for factor in factors):
        return word("bars_points", language)
    return word("bars_seeds" if rows["seed"].nunique() > 1 else "no_bars", language)


def _lines(axis: Axes, table: pd.DataFrame, factor: str, by: str | None) -> None:
    """Draw the lines of a response, one for each value of `by`, told apart by mark, style and shade."""
    groups = list(table.groupby(by)) if by else [("", table)]
    for number, (label, group) in enumerate(groups):
        bars = np.nan_to_num((group["high"] - group["mean"]).to_numpy())
        style: dict[str, Any] = {"marker": MARKS[number % 4], "linestyle": STYLES[number % 4], "markersize": 4}
        name = f"{label:.3g}" if isinstance(label, int | float) else str(label)
        colour = DARK if number % 2 == 0 else MIDDLE
        axis.errorbar(group[factor], group["mean"], bars, color=colour, capsize=2, label=name, linewidth=1.2, **style)
    if by:
        axis.legend(
            title=by if by != "scenario" else None, fontsize=7.5, title_fontsize=7.5, frameon=False, ncols=2,
            loc="lower center", bbox_to_anchor=(0.5, 1.0),
        )  # fmt: skip


def _lines_by(rows: pd.DataFrame, factor: str, factors: Sequence[str]) -> str | None:
    """Return what tells the lines of a curve apart: the scenario, or the other of two factors with few levels."""
    if 1 < rows["scenario"].nunique() <= MOST_LINES:
        return "scenario"
    others = [name for name in factors if name != factor]
    if len(others) == 1 and 1 < rows[others[0]].nunique() <= MOST_LINES:
        return others[0]
    return None


def interaction_curves(
    rows: pd.DataFrame, indicator: str, factor: str, by: str, text: str = "", language: str = "en"
) -> Figure:
    """Draw an indicator against one factor, a line for few levels or classes of another: parallel where they add up."""
    known = rows.dropna(subset=[factor, by])
    levels = levels_of(known, by, CLASSES_OF_LINES)
    shown = sorted(levels.unique())
    if len(shown) > MOST_LINES:
        shown = [shown[0], shown[len(shown) // 2], shown[-1]]
    figure = Figure(figsize=(WIDTH_INCHES, 3.8))
    axis = figure.subplots()
    parts = [
        response_table(known[levels == level], factor, classes=CLASSES_ALONG).assign(**{by: level}) for level in shown
    ]
    _lines(axis, pd.concat(parts), factor, by)
    axis.set_xlabel(factor)
    axis.set_ylabel(indicator_label(indicator, language, width=34))
    axis.grid(axis="y", color=LIGHT)
    figure.suptitle(f"{indicator}: {word('together', language)}", x=0.01, ha="left")
    note = [text, word("parallel", language), _about_bars(rows, [factor], language)]
    _finish(figure, "; ".join(filter(None, note)))
    return figure


def heat_map(rows: pd.DataFrame, indicator: str, across: str, up: str, text: str = "", language: str = "en") -> Figure:
    """Draw the mean of an indicator over the levels (or classes) of two factors, the numbers written in."""
    grid = grid_of(rows, across, up)
    figure = Figure(figsize=(WIDTH_INCHES, 0.45 * len(grid) + 2.4))
    axis = figure.subplots()
    image = axis.imshow(grid.to_numpy(), cmap=COLOURS, aspect="auto", origin="lower")
    axis.set_xticks(range(grid.shape[1]), [f"{level:.3g}" for level in grid.columns])
    axis.set_yticks(range(grid.shape[0]), [f"{level:.3g}" for level in grid.index])
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    middle = float(np.nanmean([np.nanmin(grid.to_numpy()), np.nanmax(grid.to_numpy())]))
    for row, values in enumerate(grid.to_numpy()):
        for column, value in enumerate(values):
            colour = "white" if value > middle else "black"  # the scale darkens as values rise
            shown = "" if np.isnan(value) else _short(value)
            axis.text(column, row, shown, ha="center", va="center", color=colour, fontsize=8.5)
    figure.colorbar(image, ax=axis, shrink=0.9).set_label(indicator_label(indicator, language, width=30))
    figure.suptitle(f"{indicator}: {across}, {up}", x=0.01, ha="left")
    _finish(figure, text)
    return figure


def _short(value: float) -> str:
    """Return a number as it is written in a cell: whole from a thousand on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


# -------------------------------------------------------------------------------------------------------- sensitivity


def draw_sensitivity(found: Sensitivity, folder: Path, language: str = "en") -> list[Path]:
    """Draw indices and tornado of the first indicators; `language`: "en" or "fr", whose files end in `_fr`."""
    folder.mkdir(parents=True, exist_ok=True)
    end = "" if language == "en" else f"_{language}"
    written: list[Path] = []
    with house_style():
        for name in list(dict.fromkeys(found.indices["indicator"]))[:MOST_INDICATORS]:
            for kind, figure in sensitivity_figures(found.indices, found.tornado, name, language).items():
                written += _write(figure, folder / f"{kind}_{_plain(name)}{end}")
    return written


def sensitivity_figures(
    indices: pd.DataFrame, tornado: pd.DataFrame, indicator: str, language: str = "en"
) -> Mapping[str, Figure]:
    """Return the figures of one indicator, by kind: indices and tornado; none when it does not vary."""
    rows = indices[(indices["indicator"] == indicator) & (indices["with"] == "")]
    if not rows["value"].abs().max() > 0:  # nothing depends on anything
        return {}
    draw = sobol_figure if "ST" in set(rows["index"]) else morris_figure
    part = tornado[tornado["indicator"] == indicator]
    return {"indices": draw(rows, indicator, language), "tornado": tornado_figure(part, indicator, language)}


def sobol_figure(rows: pd.DataFrame, indicator: str, language: str = "en") -> Figure:
    """Draw first and total index of each factor with 95 % intervals, the largest total on top."""
    order = rows[rows["index"] == "ST"].sort_values("value")["factor"].tolist()
    figure = Figure(figsize=(WIDTH_INCHES, 0.42 * len(order) + 1.8))
    axis = figure.subplots()
    for index, shift, mark, words in (("ST", 0.13, "D", "total"), ("S1", -0.13, "o", "alone")):
        values = rows[rows["index"] == index].set_index("factor").loc[order]
        places = np.arange(len(order)) + shift
        colour = DARK if index == "ST" else MIDDLE
        axis.hlines(places, values["low"], values["high"], color=colour)
        axis.plot(
            values["value"], places, mark, color=colour, label=word(words, language), linestyle="none", markersize=5
        )
    axis.set_yticks(range(len(order)), order)
    axis.axvline(0.0, color="black", linewidth=0.6)
    axis.set_xlabel(word("sobol_axis", language))
    axis.legend(frameon=False, loc="lower right")
    axis.grid(axis="x", color=LIGHT)
    figure.suptitle(f"{indicator}: {word('sobol_title', language)}", x=0.01, ha="left")
    _finish(figure, word("sobol_note", language))
    return figure


def morris_figure(rows: pd.DataFrame, indicator: str, language: str = "en") -> Figure:
    """Draw the mean size of each factor's effect with 95 % intervals, the largest on top, beside its spread."""
    wide = {index: part.set_index("factor") for index, part in rows.groupby("index", sort=False)}
    order = wide["mu_star"].sort_values("value").index
    figure = Figure(figsize=(WIDTH_INCHES, 0.36 * len(order) + 1.8))
    axis = figure.subplots()
    places, sizes = np.arange(len(order)), wide["mu_star"].loc[order]
    axis.barh(places, sizes["value"], color=MIDDLE, height=0.6, label=word("mu_star", language))
    axis.hlines(places, sizes["low"], sizes["high"], color=DARK)
    spread = wide["sigma"].loc[order, "value"]
    axis.plot(spread, places, "D", color=DARK, markerfacecolor="white", label=word("sigma", language))
    axis.set_yticks(places, order)
    axis.set_xlabel(word("morris_axis", language))
    axis.legend(frameon=False, loc="lower right")
    axis.grid(axis="x", color=LIGHT)
    figure.suptitle(f"{indicator}: {word('morris_title', language)}", x=0.01, ha="left")
    _finish(figure, word("morris_note", language))
    return figure


def tornado_figure(tornado: pd.DataFrame, indicator: str, language: str = "en") -> Figure:
    """Draw the indicator's mean where each factor is small and where it is large; the widest on top."""
    width = (tornado["high"] - tornado["low"]).abs()
    ordered = tornado.loc[width.sort_values(kind="stable").index].tail(MOST_BARS)
    figure = Figure(figsize=(WIDTH_INCHES, 0.36 * len(ordered) + 1.8))
    axis = figure.subplots()
    places = np.arange(len(ordered))
    middle = ordered["middle"].to_numpy()
    for column, end, colour in (("low", "small", LIGHT), ("high", "large", MIDDLE)):
        style: dict[str, Any] = {"color": colour, "edgecolor": DARK, "height": 0.6, "label": word(end, language)}
        axis.barh(places, ordered[column] - middle, left=middle, **style)
    axis.set_yticks(places, ordered["factor"])
    axis.axvline(float(middle[0]), color="black", linewidth=0.8)
    axis.set_xlabel(indicator_label(indicator, language))
    axis.legend(frameon=False, loc="lower right")
    figure.suptitle(f"{indicator}: {word('tornado', language)}", x=0.01, ha="left")
    _finish(figure, word("tornado_note", language))
    return figure


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
