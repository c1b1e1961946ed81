"""How is a validation shown? The screen, JSON, and the figure: tolerated ranges beside simulated intervals.

Owns wording and drawing; judges nothing.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.screens import table as empty_table
from experiments.store import to_json
from experiments.terminal import console
from experiments.validating import INSIDE, NO_VALUE, NOT_MODELLED, OUTSIDE, USES, Validation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

TITLES = {
    "fit": "Fit: the model may be calibrated on these",
    "validate": "Validate: never looked at while calibrating",
    "input": "Input: given to the model, so no finding",
}
WORDS = {
    "en": {
        "title": "Observed and simulated: every target",
        "fit": "fit (may be calibrated on)",
        "validate": "validate (kept apart)",
        "input": "input (given to the model)",
        "range": "tolerated range",
        "observed": "observed",
        "simulated": "simulated, 95 % interval",
        "axis": "position in the tolerated range (0: its lower end, 1: its upper end); arrows: further out",
    },
    "fr": {
        "title": "Observé et simulé : toutes les cibles",
        "fit": "calage (peut servir au calage)",
        "validate": "validation (tenue à part)",
        "input": "entrée (fournie au modèle)",
        "range": "plage tolérée",
        "observed": "observé",
        "simulated": "simulé, intervalle à 95 %",
        "axis": "position dans la plage tolérée (0 : borne basse, 1 : borne haute) ; flèches : au-delà",
    },
}
LEFT, RIGHT = -1.5, 2.5  # of the figure, in ranges
INCHES_A_ROW = 0.24


# --- screen and JSON ----------------------------------------------------------------------------------------------


def show(found: Validation) -> None:
    """Print every target, grouped by what it may be used for."""
    out, facts = console(), found.facts
    out.print(
        f"{facts['scenario']} on {facts['territory']}: {facts['runs_done']} runs, seeds {_seeds(facts)}", style="bold"
    )
    out.print("Waits are those of the first reported year, all else of the whole horizon; intervals are over runs.")
    for use in USES:
        rows = found.table[found.table["use"] == use]
        out.print()
        out.print(f"{TITLES[use]} ({_tally(found, use)})", style="bold")
        out.print(_lines(rows))
    _missing(found)
    out.print("\n?: the interval over runs reaches across an end of the range; more runs would tell")
    for error in found.errors:
        out.print(f"a run failed: {error}")
    if facts["scale"] < 1:
        out.print(f"{facts['scale']:.0%} of the people simulated: chance is exaggerated")
    out.print(f"\nTable and figure: {found.folder}", soft_wrap=True)


def as_json(found: Validation) -> str:
    """Return the validation for machines."""
    return to_json(facts_and_rows(found) | {"folder": str(found.folder)})


def facts_and_rows(found: Validation) -> dict[str, Any]:
    """Return what was run, how many targets are in, and every target."""
    rows = found.table.to_dict("records")
    return {**found.facts, "errors": list(found.errors), "verdicts": found.tally(), "targets": rows}


def _lines(rows: pd.DataFrame) -> Table:
    numbers = ("observed", "simulated")
    lines = empty_table("id", "target", "observed", "range", "simulated", "95 %", "verdict", numbers=numbers)
    for row in rows[rows["verdict"] != NOT_MODELLED].to_dict("records"):
        verdict = row["verdict"] if row["is_sure"] or row["verdict"] == NO_VALUE else f"{row['verdict']} ?"
        style = {OUTSIDE: "bold", NO_VALUE: "dim"}.get(str(row["verdict"]))
        range_ = f"{number(row['low'])} to {number(row['high'])}"
        interval = (
            ""
            if math.isnan(row["interval_low"])
            else f"{number(row['interval_low'])} to {number(row['interval_high'])}"
        )
        simulated = "" if math.isnan(row["simulated"]) else number(row["simulated"])
        lines.add_row(
            row["id"], row["label"], number(row["observed"]), range_, simulated, interval, verdict, style=style
        )
    return lines


def _missing(found: Validation) -> None:
    """Print the targets that the model cannot speak to, with the reason."""
    rows = found.table[found.table["verdict"] == NOT_MODELLED]
    if rows.empty:
        return
    out, lines = console(), empty_table("id", "target", "use", "why")
    out.print()
    out.print("Not modelled yet", style="bold")
    for row in rows.to_dict("records"):
        lines.add_row(row["id"], row["label"], row["use"], row["why"])
    out.print(lines)


def _tally(found: Validation, use: str) -> str:
    counts = found.tally()[use]
    judged = counts[INSIDE] + counts[OUTSIDE]
    others = [f"{counts[verdict]} {verdict}" for verdict in (NO_VALUE, NOT_MODELLED) if counts[verdict]]
    return ", ".join([f"{counts[INSIDE]} of {judged} in", *others])


def _seeds(facts: Any) -> str:
    seeds = facts["seeds"]
    return f"{min(seeds)} to {max(seeds)}" if len(seeds) > 1 else str(seeds[0])


def number(value: float | None) -> str:
    """Return a figure with three significant digits, whole from 100 on."""
    if value is None or math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


# --- figure -------------------------------------------------------------------------------------------------------


def draw_all(found: Validation, folder: Path) -> list[Path]:
    """Draw the figure in English and French into a folder, which is made; return the files."""
    from experiments.figures import _write as write
    from experiments.figures import house_style

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with house_style():
        for language, name in (("en", "validation"), ("fr", "validation_fr")):
            written += write(draw(found, language), folder / name)
    return written


def draw(found: Validation, language: str = "en") -> Figure:
    """Draw each judged target: its range as a band from 0 to 1, the observed and the simulated value on that scale."""
    from matplotlib.figure import Figure

    from experiments.figures import WIDTH_INCHES
    from experiments.figures import _finish as finish

    words = WORDS[language]
    judged = found.table[found.table["verdict"].isin([INSIDE, OUTSIDE])]
    groups = [(use, judged[judged["use"] == use].iloc[::-1]) for use in USES]
    groups = [(use, rows) for use, rows in groups if len(rows)]
    heights = [len(rows) + 1.4 for _, rows in groups] or [1.0]
    figure = Figure(figsize=(WIDTH_INCHES + 1.2, INCHES_A_ROW * sum(heights) + 1.6))
    axes = figure.subplots(len(heights), 1, height_ratios=heights, sharex=True, squeeze=False)[:, 0]
    for axis, (use, rows) in zip(axes, groups, strict=False):
        _draw_group(axis, rows, words, language)
        axis.set_title(words[use])
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper right", bbox_to_anchor=(0.99, 0.995), ncols=3, frameon=False, fontsize=8)
    axes[-1].set_xlabel(words["axis"], fontsize=8, loc="right")
    figure.suptitle(words["title"], x=0.01, ha="left")
    facts = found.facts
    finish(
        figure, f"{facts['territory']}; {facts['scenario']}; {facts['runs_done']} × {facts['days']} d; {_seeds(facts)}"
    )
    return figure


def _draw_group(axis: Axes, rows: pd.DataFrame, words: dict[str, str], language: str) -> None:
    """Draw one use: a line a target, what lies beyond the figure as an arrow at its border."""
    from calibration.targets import load_labels
    from experiments.figures import DARK, LIGHT, MIDDLE

    places = list(range(len(rows)))
    axis.barh(places, 1.0, height=0.72, color=LIGHT, label=words["range"])
    look: dict[str, Any] = {
        "marker": "|",
        "color": MIDDLE,
        "markersize": 11,
        "markeredgewidth": 2.2,
        "linestyle": "none",
    }
    axis.plot(_on_scale(rows, "observed"), places, label=words["observed"], **look)
    middle, low, high = (_on_scale(rows, name) for name in ("simulated", "interval_low", "interval_high"))
    axis.hlines(places, low.clip(LEFT, RIGHT), high.clip(LEFT, RIGHT), color=DARK, linewidth=1.6)
    axis.plot(
        middle.where(middle.between(LEFT, RIGHT)), places, "o", color=DARK, markersize=5, label=words["simulated"]
    )
    for place, value in zip(places, middle, strict=True):
        if not LEFT <= value <= RIGHT:
            end, mark = (LEFT, "<") if value < LEFT else (RIGHT, ">")
            axis.plot(end, place, mark, color=DARK, markersize=7, markerfacecolor="white", clip_on=False)
    for place, value in zip(places, rows["simulated"], strict=True):
        axis.text(1.02, place, number(value), transform=axis.get_yaxis_transform(), va="center", fontsize=8)
    labels = load_labels()
    axis.set_yticks(places, [f"{labels[id_][language]}  {id_}" for id_ in rows["id"]], fontsize=8)
    axis.set_xlim(LEFT, RIGHT)
    axis.set_ylim(-0.7, len(rows) - 0.3)
    axis.tick_params(axis="y", length=0)


def _on_scale(rows: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as position in the range of its row."""
    return (rows[column].astype(float) - rows["low"]) / (rows["high"] - rows["low"])
