"""How is a calibration shown? The screen, JSON, the report with its figures.

Owns wording and drawing; computes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.pages import Page, cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.calibrating import Calibration

REPORT = "report.html"
PARAMETERS = {
    "name": "parameter", "low": "low", "high": "high", "median": "median", "interval_low": "2.5 %",
    "interval_high": "97.5 %", "variance_ratio": "variance over prior's", "is_assumption": "assumption",
}  # fmt: skip
TARGETS = {
    "id": "id", "label": "target", "observed": "observed", "low": "from", "high": "to", "simulated": "median",
    "interval_low": "2.5 %", "interval_high": "97.5 %", "share_inside": "runs in range",
    "surrogate_q2": "surrogate: variance told",
}  # fmt: skip
WAVES = {"wave": "wave", "runs": "runs", "failed": "failed", "share_of_prior_left": "share of the prior left"}
COLUMNS_OF_FIGURE, BINS = 4, 20


def show(found: Calibration) -> None:
    """Print what is left, what the targets tell, and what the sample says."""
    from experiments.screens import table as empty_table
    from experiments.terminal import console

    out = console()
    for title, frame, names in (
        ("Waves", found.waves, WAVES),
        ("Free parameters", found.parameters, PARAMETERS),
        ("Targets, by runs of the sample", found.targets, TARGETS),
    ):
        shown = [name for name in names if name in frame]
        numbers = tuple(names[name] for name in shown if frame[name].dtype.kind in "fiu")
        lines = empty_table(*(names[name] for name in shown), numbers=numbers)
        for row in frame.to_dict("records"):
            lines.add_row(*(cell(row[name]) for name in shown))
        out.print(title, style="bold")
        out.print(lines)
        out.print()
    out.print(meaning(found))
    out.print(f"\nSample: {found.folder / 'posterior.json'}", soft_wrap=True)


def as_json(found: Calibration) -> str:
    """Return the tables for machines."""
    from experiments.store import to_json

    tables: dict[str, Any] = {
        name: getattr(found, name).to_dict("records") for name in ("waves", "parameters", "targets")
    }
    return to_json({"posterior": str(found.folder / "posterior.json"), "samples": len(found.samples)} | tables)


def meaning(found: Calibration) -> str:
    """Return in words how far the targets tell the free parameters."""
    told = found.parameters.loc[lambda rows: ~rows["is_assumption"]]
    total = len(found.parameters)
    if told.empty:
        return f"None of {total} free parameters is told by the targets: all are assumptions."
    names = ", ".join(told["name"])
    return (
        f"{len(told)} of {total} free parameters are told by the targets ({names}). The others are assumptions: a "
        "policy result that rests on one of them rests on its prior."
    )


def write_report(found: Calibration) -> None:
    """Write the report into the folder of the calibration."""
    from experiments.figures import house_style
    from experiments.store import write_text

    with house_style():
        text = page_of(found).html()
    write_text(found.folder / REPORT, text)


def page_of(found: Calibration) -> Page:
    """Return the report."""
    facts = found.facts
    page = Page(f"Calibration: {facts['scenario']['name']} on {facts['territory']}")
    page.paragraph(meaning(found), "lead")
    page.heading("How the prior shrank")
    page.paragraph(
        "In each wave the model was run at points of a Latin hypercube, or of what was left of it; a Gaussian process "
        "for each target told the rest. Points were ruled out where a target is more than three standard errors off: "
        "of its tolerated range, of a single run, of the surrogate. Only targets marked fit were looked at."
    )
    page.table(found.waves, WAVES)
    page.heading("Free parameters")
    page.paragraph(
        "The sample was drawn by sequential Monte Carlo with the error of observation as the kernel of acceptance. A "
        "variance near that of the prior means that the targets do not tell: above 0.8 the parameter is an assumption."
    )
    page.table(found.parameters, PARAMETERS, bold="is_assumption")
    page.figure(draw_parameters(found), "Sample (bars) and prior (line). Hatched: assumptions.")
    page.figure(draw_pairs(found), "Correlation in the sample between parameters: what trades off against what.")
    page.heading("What runs of the sample say")
    page.table(found.targets, TARGETS, caption="Runs with seeds of their own, at points of the sample.")
    page.figure(draw_targets(found), "Tolerated range (band), observed (bar), median and 95 % of runs of the sample.")
    page.paragraph(
        "No wait was ever measured in this territory: the targets are national. The sample holds what agrees with them "
        "and says nothing on what they leave open.", "note",
    )  # fmt: skip
    return page


def draw_parameters(found: Calibration) -> Figure:
    """Draw the sample of each parameter over its prior range."""
    from matplotlib.figure import Figure

    from experiments.figures import DARK, LIGHT, MIDDLE, WIDTH_INCHES

    n = len(found.parameters)
    rows = -(-n // COLUMNS_OF_FIGURE)
    drawn = Figure(figsize=(WIDTH_INCHES + 1.4, 1.5 * rows + 0.3), layout="constrained")
    axes = np.atleast_1d(drawn.subplots(rows, COLUMNS_OF_FIGURE, squeeze=False)).ravel()
    for axis, row, values in zip(axes, found.parameters.to_dict("records"), found.samples.T, strict=False):
        look = {"color": LIGHT, "edgecolor": MIDDLE, "hatch": "////"} if row["is_assumption"] else {"color": MIDDLE}
        axis.hist(values, bins=BINS, range=(row["low"], row["high"]), density=True, linewidth=0.0, **look)
        axis.axhline(1.0 / (row["high"] - row["low"]), color=DARK, linewidth=1.0, linestyle="--")
        axis.set_title(_short(str(row["name"])), fontsize=7.5)
        axis.set_yticks([])
        axis.set_xlim(row["low"], row["high"])
        axis.tick_params(labelsize=7)
    for axis in axes[n:]:
        axis.set_visible(False)
    return drawn


def draw_pairs(found: Calibration) -> Figure:
    """Draw the correlations of the parameters in the sample."""
    from matplotlib.figure import Figure

    from experiments.figures import WIDTH_INCHES

    with np.errstate(invalid="ignore", divide="ignore"):
        related = np.atleast_2d(np.corrcoef(found.samples.T))
    names = [_short(str(name)) for name in found.parameters.loc[:, "name"]]
    size = max(3.2, min(WIDTH_INCHES, 0.42 * len(names) + 2.2))
    drawn = Figure(figsize=(size + 1.0, size), layout="constrained")
    axis = drawn.subplots()
    image = axis.imshow(related, cmap="RdBu_r", vmin=-1, vmax=1)
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    for i in range(len(names)):
        for j in range(len(names)):
            if i != j and abs(related[i, j]) >= 0.2:
                axis.text(j, i, f"{related[i, j]:.1f}", ha="center", va="center", fontsize=6)
    drawn.colorbar(image, ax=axis, shrink=0.7, label="correlation")
    return drawn


def draw_targets(found: Calibration) -> Figure:
    """Draw each target on the scale of its tolerated range."""
    from matplotlib.figure import Figure

    from experiments.figures import DARK, LIGHT, MIDDLE, WIDTH_INCHES

    rows = found.targets.iloc[::-1]
    drawn = Figure(figsize=(WIDTH_INCHES + 1.0, 0.34 * len(rows) + 0.9), layout="constrained")
    axis = drawn.subplots()
    places = np.arange(len(rows))
    width = (rows["high"] - rows["low"]).to_numpy(float)
    scaled = {
        name: (rows[name].to_numpy(float) - rows["low"].to_numpy(float)) / width
        for name in ("observed", "simulated", "interval_low", "interval_high")
    }
    axis.barh(places, 1.0, height=0.7, color=LIGHT)
    axis.plot(scaled["observed"], places, "|", color=MIDDLE, markersize=11, markeredgewidth=2.2)
    axis.hlines(places, scaled["interval_low"], scaled["interval_high"], color=DARK, linewidth=1.6)
    axis.plot(scaled["simulated"], places, "o", color=DARK, markersize=5)
    axis.set_yticks(places, [f"{row['label']}  {row['id']}" for row in rows.to_dict("records")], fontsize=8)
    axis.set_xlabel("position in the tolerated range (0: its lower end, 1: its upper end)", fontsize=8)
    axis.tick_params(axis="y", length=0)
    return drawn


def _short(name: str) -> str:
    """Return a name that fits over a small panel."""
    return name if len(name) <= 30 else name[:14] + "…" + name[-14:]
