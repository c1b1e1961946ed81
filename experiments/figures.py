"""What does a run look like? The figures of a run folder, as SVG and PNG.

Owns their drawing. Each figure is a function from tables to a matplotlib figure; all are readable in black and white
and by the colour-blind (marks, hatches and line styles tell apart what colours do), carry units on their axes, and are
the same to the byte for the same tables.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure  # used without pyplot: no screen, no figures that pile up
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from experiments.words import GP_NEEDS, need_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from abm.environment.territory import Territory
    from experiments.running import Run

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.titlesize": 12,
    "savefig.dpi": 150,
    "svg.hashsalt": "territoire",
    "svg.fonttype": "path",
}
DARK, MIDDLE, LIGHT = "#1b3a57", "#5b84a8", "#d5dee6"
COLOURS = "cividis_r"  # monotone in lightness: the map reads in black and white
WIDTH_INCHES = 7.6
CAPTION_CHARACTERS = 128
MOST_MONTH_LABELS = 9
LONGEST_SHOWN_DAYS = 34
DISC_POINTS = 120  # area of a commune without outline
FEWEST_REQUESTS = 30  # of a commune, for its mean to be coloured


def draw_all(result: Run, folder: Path, territory: Territory | None) -> list[Path]:
    """Draw the figures of a run into a folder, which is made.

    Parameters
    ----------
    territory : for the map; None draws none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    caption = _caption(result)
    figures: dict[str, Callable[[], Figure]] = {
        "lead_times": lambda: lead_times_by_need(result.indicators, caption),
        "lead_time_distribution": lambda: gp_lead_time_distribution(result.lead_times, caption),
        "monthly_lead_time": lambda: monthly_gp_lead_time(result.monthly, caption),
    }
    if territory is not None:
        figures["map_lead_time"] = lambda: lead_time_map(territory, result.communes, caption)
    written = []
    with house_style():
        for name, draw in figures.items():
            written += _write(draw(), folder / name)
    return written


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the style of this project, whatever the user's own settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def lead_times_by_need(indicators: pd.DataFrame, caption: str = "") -> Figure:
    """Draw median, mean and ninth tenth of the lead time of each need, and the share without an appointment.

    Parameters
    ----------
    indicators : as in `indicators.csv`.
    """
    table = lead_time_table(indicators)
    is_gp, is_any = table["need"].isin(GP_NEEDS), table["need"] == "specialist"
    specialists = pd.concat([table[is_any], table[~is_gp & ~is_any].sort_values("median", kind="stable")])
    groups = [group.iloc[::-1] for group in (table[is_gp], specialists) if len(group)]
    heights = [len(group) + 1.2 for group in groups] or [1]
    figure = Figure(figsize=(WIDTH_INCHES, 0.34 * sum(heights) + 1.7))
    axes = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)
    for axis, group in zip(axes[:, 0], groups, strict=False):
        _dots(axis, group)
    figure.suptitle("How long people wait for an appointment", x=0.01, ha="left")
    _legend(axes[0, 0])
    axes[-1, 0].set_xlabel("days from asking to the appointment, over appointments given")
    _finish(figure, caption)
    return figure


def lead_time_table(indicators: pd.DataFrame) -> pd.DataFrame:
    """Return mean, median, p90 and unserved share by need, of everybody over the whole horizon.

    Returns
    -------
    need, mean, median, p90 (days), unserved (share of requests); needs without an appointment left out.
    """
    everybody = indicators[(indicators["stratum_kind"] == "all") & (indicators["period"].astype(str) == "all")]
    values = everybody.set_index("indicator")["value"]
    needs = [name.partition(".")[2] for name in values.index if name.startswith("lead_time_median_days.")]
    rows = []
    for need in needs:
        row = {"need": need, "unserved": 1.0 - values.get(f"request_outcome_share.{need}.served", np.nan)}
        for column in ("mean", "median", "p90"):
            row[column] = values.get(f"lead_time_{column}_days.{need}", np.nan)
        rows.append(row)
    table = pd.DataFrame(rows, columns=["need", "mean", "median", "p90", "unserved"])
    return table.dropna(subset=["median"]).reset_index(drop=True)


def gp_lead_time_distribution(lead_times: pd.DataFrame, caption: str = "") -> Figure:
    """Draw the distribution of the lead time of each kind of request to general practitioners.

    Parameters
    ----------
    lead_times : kind, lead_time_days, requests.
    """
    kinds = [kind for kind in GP_NEEDS if kind in set(lead_times["kind"])] or [GP_NEEDS[1]]
    figure = Figure(figsize=(WIDTH_INCHES, 1.75 * len(kinds) + 1.0))
    axes = figure.subplots(len(kinds), 1, sharex=True, squeeze=False)
    for axis, kind in zip(axes[:, 0], kinds, strict=True):
        _bars(axis, lead_times[lead_times["kind"] == kind])
        axis.set_title(need_label(kind))
    axes[-1, 0].set_xlabel("days from asking to the appointment (0: the same day)")
    figure.suptitle("Appointments with general practitioners, by delay", x=0.01, ha="left")
    _finish(figure, caption)
    return figure


def monthly_gp_lead_time(monthly: pd.DataFrame, caption: str = "") -> Figure:
    """Draw the mean lead time of requests to general practitioners, by the month in which they were asked.

    Parameters
    ----------
    monthly : month (first day), need, lead_time_mean_days.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 3.4))
    axis = figure.subplots()
    rows = monthly[monthly["need"] == "gp"]
    axis.plot(rows["month"], rows["lead_time_mean_days"], color=DARK, marker="o", markersize=3, linewidth=1.3)
    axis.set_ylim(0, 1.08 * max(float(rows["lead_time_mean_days"].max(skipna=True)), 0.1) if len(rows) else 1)
    axis.set_ylabel("days, mean")
    axis.set_xlabel("month in which the appointment was asked for")
    step = next(step for step in (1, 3, 6, 12, 24, 60, 1200) if len(rows) <= step * MOST_MONTH_LABELS)
    labelled = rows["month"].iloc[::step]
    axis.set_xticks(labelled, [f"{month:%Y-%m}" for month in labelled])
    axis.grid(axis="y", color=LIGHT)
    figure.suptitle("Lead time of general practitioners over the years", x=0.01, ha="left")
    _finish(figure, caption)
    return figure


def lead_time_map(territory: Territory, communes: pd.DataFrame, caption: str = "") -> Figure:
    """Draw the mean lead time of general practitioners by commune of residence, hospitals marked.

    Parameters
    ----------
    communes : insee, `lead_time_mean_days.gp` (days) and `requests.gp`, how many there were.

    Notes
    -----
    Communes with fewer than 30 requests are hatched: their mean would show chance. Travel times are of OpenStreetMap
    origin: the credit and the year of the data stand on the map.
    """
    from experiments.provenance import map_credit

    figure = Figure(figsize=(WIDTH_INCHES, 6.3))
    axis = figure.subplots()
    is_known = communes["requests.gp"] >= FEWEST_REQUESTS
    known = communes[is_known].set_index("insee")["lead_time_mean_days.gp"].dropna()
    norm = Normalize(*((known.min(), known.max()) if len(known) else (0.0, 1.0)))
    colours = matplotlib.colormaps[COLOURS]
    _areas(axis, territory, {code: colours(norm(value)) for code, value in known.items()})
    _sites(axis, territory)
    middle = float(np.deg2rad(territory.communes["lat"].mean()))
    axis.set_aspect(1.0 / np.cos(middle))
    axis.set_axis_off()
    scale = figure.colorbar(ScalarMappable(norm, colours), ax=axis, shrink=0.6, pad=0.0, aspect=24)
    scale.set_label("days, mean, by commune of residence")
    scale.outline.set_visible(False)
    figure.suptitle("How long people wait for a general practitioner", x=0.01, ha="left")
    is_hatched = len(known) < territory.n_communes
    note = f"hatched: fewer than {FEWEST_REQUESTS} requests" if is_hatched else ""
    marks = "; ".join(filter(None, ["marks: hospitals (cross: with emergency department)", note]))
    _finish(figure, "\n".join(filter(None, [caption, marks, map_credit(territory)])))
    return figure


# ------------------------------------------------------------------------------------------------------- parts


def _dots(axis: Axes, group: pd.DataFrame) -> None:
    """Draw a line of marks for each need: median, mean, p90, and the unserved share at the right."""
    rows = np.arange(len(group))
    axis.hlines(rows, group["median"], group["p90"], color=MIDDLE, linewidth=2.2)
    axis.plot(group["p90"], rows, "|", color=DARK, markersize=9, label="nine in ten wait less")
    axis.plot(group["median"], rows, "o", color=DARK, markersize=6, label="median")
    axis.plot(group["mean"], rows, "D", markerfacecolor="white", color=DARK, markersize=5, label="mean")
    axis.set_yticks(rows, [need_label(need) for need in group["need"]])
    axis.set_ylim(-0.6, len(group) - 0.4)
    axis.set_xlim(-0.01 * group["p90"].max() - 0.05)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axis.grid(axis="x", color=LIGHT)
    axis.tick_params(axis="y", length=0)
    for row, share in enumerate(group["unserved"]):
        text = "" if np.isnan(share) else f"{100 * share:.0f} %"
        axis.text(1.06, row, text, transform=axis.get_yaxis_transform(), ha="right", va="center")
    axis.text(1.06, 1.01, "not served", transform=axis.transAxes, ha="right", va="bottom")


def _legend(axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    order = [labels.index(label) for label in ("median", "mean", "nine in ten wait less") if label in labels]
    axis.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        borderaxespad=0.1,
    )


def _bars(axis: Axes, counts: pd.DataFrame) -> None:
    """Draw the share of appointments by day of delay; the last bar holds all longer ones."""
    days = np.minimum(counts["lead_time_days"].to_numpy(), LONGEST_SHOWN_DAYS + 1)
    weights = counts["requests"].to_numpy(np.float64)
    shares = np.bincount(days, weights=weights, minlength=LONGEST_SHOWN_DAYS + 2)[: LONGEST_SHOWN_DAYS + 2]
    shares = 100.0 * shares / max(weights.sum(), 1.0)
    bars = axis.bar(np.arange(shares.size), shares, color=MIDDLE, edgecolor=DARK, linewidth=0.5, width=0.86)
    bars[-1].set_hatch("////")
    bars[-1].set_facecolor("white")
    axis.set_ylabel("% of appointments")
    ticks = np.arange(0, LONGEST_SHOWN_DAYS + 2, 7)
    axis.set_xticks(ticks, [*map(str, ticks[:-1]), f"{ticks[-1]}+"])
    axis.grid(axis="y", color=LIGHT)
    text = f"{weights.sum():,.0f} appointments, {shares[0]:.0f} % same day"
    axis.text(1.0, 0.96, text, transform=axis.transAxes, ha="right", va="top", fontsize=8.5)


def _areas(axis: Axes, territory: Territory, fills: Mapping[Any, Any]) -> None:
    """Draw the communes, filled; as discs where the pack has no outlines."""
    outlines = territory.outlines
    columns = (territory.communes[name] for name in ("insee", "lon", "lat"))
    for code, lon, lat in zip(*columns, strict=True):
        fill = fills.get(code)
        look: dict[str, Any] = {"facecolor": fill or "white", "edgecolor": "#555555", "hatch": None if fill else "////"}
        rings = outlines.get(code)
        if rings:
            outline = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
            axis.add_patch(PathPatch(outline, linewidth=0.4, **look))
        else:
            axis.scatter(lon, lat, s=DISC_POINTS, **look)
    axis.margins(0.02)
    axis.autoscale_view()


def _sites(axis: Axes, territory: Territory, emergencies: str = "emergencies") -> None:
    """Mark the hospitals inside the territory, one mark a town; `emergencies` is said where there are any."""
    inside = territory.sites[territory.sites["kind"] == "hospital"]
    for town, group in inside.groupby("insee", sort=False):
        has_emergency = bool(group["has_emergency"].any())
        lon, lat = float(group["lon"].iloc[0]), float(group["lat"].iloc[0])
        axis.plot(lon, lat, "P" if has_emergency else "o", color="black", markeredgecolor="white", markersize=11)
        names = territory.communes.set_index("insee")["name"]
        _label(axis, str(names.get(town, town)) + (f", {emergencies}" if has_emergency else ""), lon, lat)


def _label(axis: Axes, text: str, lon: float, lat: float) -> None:
    axis.annotate(
        text,
        (lon, lat),
        xytext=(0, -9),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8.5,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )


def _caption(result: Run) -> str:
    """Return what must be read with every figure: which run it shows."""
    manifest = result.manifest
    scenario, scale = manifest["scenario"], manifest["scenario"].get("scale", 1.0)
    text = f"{manifest['territory']['title']}; scenario {scenario['name']}; one run, seed {manifest['seed']}"
    return text if scale == 1.0 else f"{text}; {scale:.0%} of the people simulated: chance is exaggerated"


def _finish(figure: Figure, caption: str) -> None:
    """Set the caption below, wrapped, and make room for everything."""
    lines = [part for line in caption.splitlines() for part in textwrap.wrap(line, CAPTION_CHARACTERS)]
    figure.text(0.01, 0.008, "\n".join(lines), fontsize=7.5, color="#333333", va="bottom")
    below_inches = 0.16 * len(lines) + 0.05
    figure.tight_layout(rect=(0.0, below_inches / figure.get_size_inches()[1], 1.0, 1.0))


def _write(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as SVG and PNG, without dates; the same figure gives the same bytes."""
    paths = [path.with_suffix(".svg"), path.with_suffix(".png")]
    figure.savefig(paths[0], metadata={"Date": None, "Creator": None})
    figure.savefig(paths[1], metadata={"Software": None})
    return paths
