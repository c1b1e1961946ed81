"""What does a comparison look like? Its figures, in English or French.

Owns their drawing: from tables of a comparison to matplotlib figures, readable in black and white (marks, hatches, line
styles), with units on axes and intervals wherever there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.answers import course_of, number
from experiments.figures import COLOURS, DARK, LIGHT, MIDDLE, WIDTH_INCHES
from experiments.figures import _areas as areas
from experiments.figures import _finish as finish
from experiments.report_words import label_of, name_of, word

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from abm.environment.territory import Territory

MARKS, LINES = ("o", "s", "D", "^", "v", "P", "X", "*"), ("-", "--", ":", "-.")
SHADES = (DARK, MIDDLE, "#8a6d1f", "#6b6b6b", "#a04000", "#2e6b4f")
SHOWN = ("time_to_care_days.gp", "lead_time_mean_days.gp", "lead_time_mean_days.specialist",
         "third_next_available_days.gp", "forgone_care_share", "adults_without_gp_share", "acts_per_head.gp",
         "emergency_visits_per_head", "avoidable_admissions_per_1000", "spend_per_head_eur")  # fmt: skip
REMAINING = ("patients_enrolled", "true_saving_eur")
MAPPED = "time_to_care_days.gp"
MOST_MAPS, MOST_ACCOUNTS = 4, 10
LIST_INCHES, MARK_INCHES = 0.22, 0.1
LEGEND_BELOW_INCHES, MOST_LEGEND_CHARACTERS = 0.36, 60


def figures(
    tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], territory: Territory | None, language: str
) -> dict[str, Callable[[], Figure]]:
    """Return what can be drawn of a comparison, by name, in the order of the report."""
    policies = [name for name in facts["policies"] if name in set(tables["differences"]["scenario"])]
    caption = _caption(facts, language)
    found: dict[str, Callable[[], Figure]] = {
        "access": lambda: relative_differences(tables["differences"], policies, language, caption)
    }
    if territory is not None and "strata" in tables:
        for policy in policies[:MOST_MAPS]:
            found[f"map_{policy}"] = lambda policy=policy: maps(  # type: ignore[misc]
                territory, tables["strata"], policy, facts["reference"], language, caption
            )
    for name, column in (("payers", "payer"), ("accounts", "account")):
        if name in tables:
            found[name] = lambda name=name, column=column: amounts(  # type: ignore[misc]
                tables[name], policies, column, word(name, language), language, caption
            )
    if "strata" in tables:
        found["equity"] = lambda: by_stratum(tables["strata"], policies, facts["reference"], language, caption)
    if "plane" in tables and len(tables["plane"]) > 1 and tables["plane"]["extra_qaly"].abs().max() > 0:
        found["plane"] = lambda: cost_effectiveness_plane(tables["plane"], policies, language, caption)
    if "remaining" in tables:
        found["remaining"] = lambda: over_time(tables["remaining"], language, caption)
    if "acceptability" in tables:
        found["acceptability"] = lambda: acceptability(tables["acceptability"], language, caption)
    if "contracts" in tables:
        written = tables["contracts"][~tables["contracts"]["contract"].str.endswith("_minimum")]
        found["contracts"] = lambda: contracts(written, language, caption)
    return found


def relative_differences(differences: pd.DataFrame, policies: list[str], language: str, caption: str = "") -> Figure:
    """Draw the differences of the main indicators, in per cent of the reference, with their intervals."""
    table = differences[differences["indicator"].isin(SHOWN) & (differences["reference_mean"] != 0)]
    names = [name for name in SHOWN if name in set(table["indicator"])]
    figure = Figure(figsize=(WIDTH_INCHES, len(names) * (LIST_INCHES + MARK_INCHES * len(policies)) + 1.6))
    axis = figure.subplots()
    for i, policy in enumerate(policies):
        rows = table[table["scenario"] == policy].set_index("indicator").reindex(names)
        base = rows["reference_mean"].abs()
        places = len(names) - 1 - np.arange(len(names)) + _shift(i, len(policies))
        _marks(axis, 100 * rows[["difference", "low", "high"]].div(base, axis=0), places, i, label_of(policy, language))
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(np.arange(len(names)), [name_of(name, language) for name in reversed(names)])
    axis.set_xlabel(word("relative", language))
    axis.grid(axis="x", color=LIGHT)
    axis.tick_params(axis="y", length=0)
    _legend(axis, len(policies))
    figure.suptitle(word("access", language), x=0.01, ha="left")
    finish(figure, caption)
    return figure


def amounts(
    table: pd.DataFrame, policies: list[str], column: str, title: str, language: str, caption: str = ""
) -> Figure:
    """Draw differences of EUR by payer or account, with their intervals."""
    largest = table.groupby(column)["difference"].apply(lambda values: values.abs().max())
    names = list(largest.sort_values(ascending=False).index[:MOST_ACCOUNTS])
    figure = Figure(figsize=(WIDTH_INCHES, len(names) * (LIST_INCHES + MARK_INCHES * len(policies)) + 1.6))
    axis = figure.subplots()
    for i, policy in enumerate(policies):
        rows = table[table["scenario"] == policy].drop_duplicates(column).set_index(column).reindex(names)
        places = len(names) - 1 - np.arange(len(names)) + _shift(i, len(policies))
        _marks(axis, rows[["difference", "low", "high"]], places, i, label_of(policy, language))
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(np.arange(len(names)), [name_of(str(name), language) for name in reversed(names)])
    axis.set_xlabel(f"{word('difference', language)}, {word('eur', language)}")
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.xaxis.set_major_formatter(_numbers(language))
    axis.grid(axis="x", color=LIGHT)
    axis.tick_params(axis="y", length=0)
    _legend(axis, len(policies))
    figure.suptitle(title, x=0.01, ha="left")
    finish(figure, caption)
    return figure


def maps(
    territory: Territory, strata: pd.DataFrame, policy: str, reference: str, language: str, caption: str = ""
) -> Figure:
    """Draw the time to care by commune under the reference, under a policy, and the difference."""
    from experiments.provenance import map_credit

    rows = strata[(strata["kind"] == "commune") & (strata["indicator"] == MAPPED) & (strata["scenario"] == policy)]
    rows = rows.set_index("stratum")
    figure = Figure(figsize=(WIDTH_INCHES + 1.4, 3.9))
    axes = figure.subplots(1, 3)
    both = rows[["reference_mean", "mean"]].to_numpy(float)
    norm = Normalize(float(np.nanmin(both)), float(np.nanmax(both))) if np.isfinite(both).any() else Normalize(0, 1)
    reach = float(np.nanmax(np.abs(rows["difference"]))) if len(rows) else 1.0
    reach = reach or 1.0
    panels = (
        (axes[0], "reference_mean", f"{word('before', language)} ({label_of(reference, language)})", norm, COLOURS),
        (axes[1], "mean", f"{word('after', language)} ({label_of(policy, language)})", norm, COLOURS),
        (axes[2], "difference", word("difference", language), Normalize(-reach, reach), "PuOr"),
    )
    middle = float(np.deg2rad(territory.communes["lat"].mean()))
    for axis, column, title, scale, colours in panels:
        shades = matplotlib.colormaps[colours]
        areas(axis, territory, {code: shades(scale(value)) for code, value in rows[column].dropna().items()})
        axis.set_aspect(1.0 / np.cos(middle))
        axis.set_axis_off()
        axis.set_title(title, fontsize=9)
        bar = figure.colorbar(ScalarMappable(scale, shades), ax=axis, orientation="horizontal", pad=0.02, aspect=18)
        bar.outline.set_visible(False)
        bar.set_label(word("days", language))
        bar.ax.xaxis.set_major_locator(MaxNLocator(5))
        bar.ax.xaxis.set_major_formatter(_numbers(language))
        if column == "difference":
            _outline_seen(axis, territory, set(rows.index[rows["is_seen"]]))
    figure.suptitle(name_of(MAPPED, language), x=0.01, ha="left")
    finish(figure, "\n".join(filter(None, [f"{caption}; {word('map_note', language)}", map_credit(territory)])))
    return figure


def _outline_seen(axis: Axes, territory: Territory, seen: set[str]) -> None:
    """Mark by a dot the communes whose difference can be told from none."""
    communes = territory.communes
    there = communes[communes["insee"].isin(seen)]
    axis.plot(there["lon"], there["lat"], "k.", markersize=4)


def by_stratum(strata: pd.DataFrame, policies: list[str], reference: str, language: str, caption: str = "") -> Figure:
    """Draw the time to care by income and by age, under the reference and under each policy."""
    figure = Figure(figsize=(WIDTH_INCHES, 3.9))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, kind in zip(axes, ("income_quintile", "age_band"), strict=True):
        rows = strata[(strata["kind"] == kind) & (strata["indicator"] == MAPPED)]
        labels = sorted(dict.fromkeys(rows["stratum"]), key=_first_number)
        base = rows.drop_duplicates("stratum").set_index("stratum").reindex(labels)
        axis.plot(
            labels,
            base["reference_mean"],
            color="black",
            marker="x",
            linewidth=1.6,
            label=label_of(reference, language),
        )
        for i, policy in enumerate(policies):
            values = rows[rows["scenario"] == policy].set_index("stratum").reindex(labels)
            look: dict[str, Any] = {"marker": MARKS[i % len(MARKS)], "linestyle": LINES[(i + 1) % len(LINES)]}
            axis.plot(
                labels,
                values["mean"],
                color=SHADES[i % len(SHADES)],
                markersize=4,
                label=label_of(policy, language),
                **look,
            )
        axis.set_xlabel(word(kind, language))
        axis.grid(axis="y", color=LIGHT)
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel(word("days", language))
    handles, names = axes[0].get_legend_handles_labels()
    top = 1.0 - LEGEND_BELOW_INCHES / figure.get_size_inches()[1]
    figure.legend(handles, names, ncols=4, frameon=False, loc="upper left", bbox_to_anchor=(0.0, top), fontsize=8)
    axes[0].set_title(" ", fontsize=10 + 16 * ((len(names) - 1) // 4))
    figure.suptitle(name_of(MAPPED, language), x=0.01, ha="left")
    finish(figure, caption)
    return figure


def cost_effectiveness_plane(plane: pd.DataFrame, policies: list[str], language: str, caption: str = "") -> Figure:
    """Draw extra cost against extra effect, one mark a replication."""
    figure = Figure(figsize=(WIDTH_INCHES, 4.2))
    axis = figure.subplots()
    for i, policy in enumerate(policies):
        rows = plane[plane["scenario"] == policy]
        axis.plot(rows["extra_qaly"], rows["extra_cost_eur"], MARKS[i % len(MARKS)], color=SHADES[i % len(SHADES)],
                  markerfacecolor="white", markersize=5, label=label_of(policy, language))  # fmt: skip
        axis.plot(rows["extra_qaly"].mean(), rows["extra_cost_eur"].mean(), MARKS[i % len(MARKS)],
                  color=SHADES[i % len(SHADES)], markersize=10)  # fmt: skip
    axis.axhline(0, color="black", linewidth=0.8)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_xlabel(word("extra_qaly", language))
    axis.set_ylabel(word("extra_cost", language))
    axis.yaxis.set_major_formatter(_numbers(language))
    axis.grid(color=LIGHT)
    _legend(axis, len(policies))
    figure.suptitle(word("value", language), x=0.01, ha="left")
    finish(figure, caption)
    return figure


def acceptability(curve: pd.DataFrame, language: str, caption: str = "") -> Figure:
    """Draw how often each strategy is worth most, by what a quality-adjusted year is worth."""
    figure = Figure(figsize=(WIDTH_INCHES, 4.0))
    axis = figure.subplots()
    for i, (name, rows) in enumerate(curve.groupby("strategy", sort=False)):
        look: dict[str, Any] = {"linestyle": LINES[i % len(LINES)], "marker": MARKS[i % len(MARKS)], "markersize": 4}
        axis.plot(rows["threshold_eur"], rows["probability"], color=SHADES[i % len(SHADES)],
                  label=label_of(str(name), language), **look)  # fmt: skip
    axis.set_ylim(-0.02, 1.02)
    axis.yaxis.set_major_formatter(_numbers(language))
    axis.set_xlabel(word("threshold", language))
    axis.set_ylabel(word("probability", language))
    axis.xaxis.set_major_formatter(_numbers(language))
    axis.grid(color=LIGHT)
    _legend(axis, curve["strategy"].nunique())
    figure.suptitle(word("value", language), x=0.01, ha="left")
    finish(figure, caption)
    return figure


def contracts(table: pd.DataFrame, language: str, caption: str = "") -> Figure:
    """Draw beside each other what a contract pays, what was truly saved, and what it pays where nothing was done."""
    figure = Figure(figsize=(WIDTH_INCHES, 0.55 * len(table) + 1.7))
    axis = figure.subplots()
    looks = (("paid", "////", MIDDLE), ("truly_saved", "", DARK), ("paid_by_chance", "", "white"))
    labels = (word("paid", language), word("truly_saved", language), word("by_chance", language))
    places = np.arange(len(table))[::-1]
    for i, ((name, hatch, colour), label) in enumerate(zip(looks, labels, strict=True)):
        values = table[f"{name}_eur"].to_numpy(float)
        ends = table[[f"{name}_low_eur", f"{name}_high_eur"]].to_numpy(float)
        error = np.nan_to_num(np.abs(ends - values[:, None]).T)
        axis.barh(places + 0.27 - 0.27 * i, values, 0.25, xerr=error, color=colour, hatch=hatch, edgecolor=DARK,
                  linewidth=0.7, label=label, error_kw={"linewidth": 0.8})  # fmt: skip
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(
        places,
        [
            f"{label_of(str(row.scenario), language)}, {name_of(str(row.contract), language)}"
            for row in table.itertuples()
        ],
    )
    axis.set_xlabel(word("eur", language))
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.xaxis.set_major_formatter(_numbers(language))
    _legend(axis, len(labels))
    figure.suptitle(word("contracts", language), x=0.01, ha="left")
    finish(figure, caption)
    return figure


def over_time(table: pd.DataFrame, language: str, caption: str = "") -> Figure:
    """Draw members and savings year by year, with the money and with it stopped half-way."""
    outcomes = [name for name in REMAINING if name in set(table["outcome"])]
    policies = list(dict.fromkeys(table["scenario"]))
    figure = Figure(figsize=(WIDTH_INCHES, 2.2 * len(policies) + 0.9))
    axes = figure.subplots(len(policies), len(outcomes), squeeze=False)
    for row, policy in enumerate(policies):
        for axis, outcome in zip(axes[row], outcomes, strict=True):
            rows = table[(table["scenario"] == policy) & (table["outcome"] == outcome)]
            for i, (arm, values) in enumerate(rows.groupby("arm", sort=False)):
                look: dict[str, Any] = {"marker": MARKS[i], "linestyle": LINES[i], "color": SHADES[i], "markersize": 4}
                axis.plot(values["year"], values["value"], label=name_of(str(arm), language), **look)
                axis.vlines(values["year"], values["low"], values["high"], color=SHADES[i], linewidth=0.8)
            axis.axhline(0, color="black", linewidth=0.6)
            axis.set_title(f"{label_of(policy, language)}: {name_of(outcome, language)}", fontsize=8, loc="left")
            axis.yaxis.set_major_formatter(_numbers(language))
            axis.grid(axis="y", color=LIGHT)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, frameon=False, loc="upper right", fontsize=8)
    figure.suptitle(word("remaining", language), x=0.01, ha="left")
    finish(figure, caption)
    return figure


# --- parts --------------------------------------------------------------------------------------------------------


def _marks(axis: Axes, rows: pd.DataFrame, places: np.ndarray, i: int, label: str) -> None:
    """Draw values with their intervals."""
    colour = SHADES[i % len(SHADES)]
    axis.hlines(places, rows["low"], rows["high"], color=colour, linewidth=1.6)
    axis.plot(rows["difference"], places, MARKS[i % len(MARKS)], color=colour, markersize=5, label=label)


def _shift(i: int, n: int) -> float:
    return 0.0 if n == 1 else 0.3 - 0.6 * i / (n - 1)


def _legend(axis: Axes, n: int) -> None:
    """Write the legend above the axis, from the left edge of the figure on: long names of rows push the axis right."""
    handles, labels = axis.get_legend_handles_labels()
    figure: Any = axis.figure
    top = 1.0 - LEGEND_BELOW_INCHES / figure.get_size_inches()[1]
    columns = n if sum(map(len, labels)) < MOST_LEGEND_CHARACTERS else 3
    figure.legend(handles, labels, ncols=columns, frameon=False, fontsize=8, loc="upper left",
                  bbox_to_anchor=(0.0, top), borderaxespad=0.1)  # fmt: skip
    rows = -(-n // columns)
    axis.set_title(" ", fontsize=10 + 16 * (rows - 1))  # keeps the room of the legend


def _numbers(language: str) -> FuncFormatter:
    def write(value: float, _: object) -> str:
        digits = 0 if abs(value) >= 10 or value == 0 else 1 if abs(value) >= 1 else 3
        text = number(value, digits, language)
        return text.rstrip("0").rstrip(".,") if digits else text

    return FuncFormatter(write)


def _first_number(label: str) -> float:
    digits = "".join(c for c in label.partition("-")[0] if c.isdigit())
    return float(digits) if digits else 1e9


def _caption(facts: Mapping[str, Any], language: str) -> str:
    shown = {name: facts["scenarios"][name] for name in (facts["reference"],)}
    reference = shown[facts["reference"]]
    text = (
        f"{facts['territory']}; {word('reference', language)}: {label_of(facts['reference'], language)}; "
        f"{facts['replications']} {word('replications', language)}; {word('interval', language)}; "
        f"{course_of(reference, language)}"
    )
    scale = number(reference["scale"], 3, language).rstrip("0")
    return text if reference["scale"] == 1 else f"{text}; {word('scale', language)} {scale}"
