"""The report of a sweep: one HTML file, in English or French: what was varied, what it changes, what acts together.

Owns what stands in the report and in which order; the numbers are those of `experiments.sweep_effects`, the words those
of `experiments.sweep_words`. It needs no network: figures are in the file. A sweep that still grows has one too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from abm.parameters import load_parameters
from experiments.report import _inline as inline
from experiments.store import MANIFEST, write_text
from experiments.sweep_effects import (
    chosen_of,
    ends_table,
    errors_of,
    factors_of,
    independent,
    pairs_table,
    settings_of,
    stored_sensitivity,
    with_points,
)
from experiments.sweep_words import METHOD, WORDS, figure_text, indicator_label, shape
from experiments.sweeping import load_results
from experiments.table import read_places

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.sweeping import Results

TEMPLATE = "sweep.html.j2"
MOST_ERRORS, MOST_PAIRS, MOST_ENDS = 5, 6, 16


def write_sweep_report(folder: str | Path, language: str = "en") -> Path:
    """Write the report of a sweep into its folder, `report.<language>.html`, with its figures; return the file.

    Raises
    ------
    InputError
        No sweep in this folder.
    """
    results = load_results(folder, None)
    file = results.folder / f"report.{language}.html"
    write_text(file, render(results, language))
    return file


def render(results: Results, language: str = "en") -> str:
    """Return the HTML of the report."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    points = with_points(independent(results))
    chosen, factors = chosen_of(points), factors_of(points)
    ends = ends_table(points, chosen, factors_of(points, None))
    sensitivity = stored_sensitivity(results)
    return environment.get_template(TEMPLATE).render(
        language=language,
        words={key: pair[language == "fr"] for key, pair in WORDS.items()},
        about={"title": "", "name": results.folder.name, "method": "list", "seeds": []} | dict(results.about),
        counts=results.table["status"].value_counts().to_dict(),
        n_runs=len(results.table),
        where=", ".join(dict.fromkeys(results.table["territory"])),
        scenarios=", ".join(dict.fromkeys(results.table["scenario"])),
        is_invented=_is_invented(results),
        factors=[_factor(facts, language) for facts in results.about.get("factors", [])],
        constants=_constants(results, language),
        answers=[_answer(name, points, ends, language) for name in chosen],
        ends=[_end_rows(name, ends, language) for name in chosen],
        pairs=[rows for name in chosen if (rows := _pair_rows(name, points, factors, language))["rows"]],
        figures=_figures(points, chosen, factors, language),
        indices=_index_tables(sensitivity, language),
        notes=sensitivity[1] if sensitivity else [],
        errors=errors_of(results)[:MOST_ERRORS],
        method=METHOD[language],
        provenance=_provenance(results.folder),
    )


def _is_invented(results: Results) -> bool:
    from abm.errors import InputError
    from experiments.provenance import territory_facts
    from experiments.running import find_territory

    try:
        places = read_places(results.folder)
        return any(territory_facts(find_territory(place))["is_invented"] for place in places)
    except InputError:  # a pack that is elsewhere now
        return False


def _factor(facts: Mapping[str, Any], language: str) -> dict[str, str]:
    """Return a line of the table of what was varied."""
    registry = load_parameters()
    name = str(facts["name"])
    if "levels" in facts:
        values = ", ".join(
            level if isinstance(level, str) else figure_text(float(level), language) for level in facts["levels"]
        )
    else:
        values = f"{figure_text(facts['low'], language)} … {figure_text(facts['high'], language)}"
    told = shape(str(facts.get("distribution", "")), language)
    if "mode" in facts:
        told += f" ({figure_text(facts['mode'], language)})"
    grade = registry.entry(name).grade if name in registry else ""
    unit, group = str(facts.get("unit") or ""), str(facts.get("group") or "")
    return {"name": name, "values": values, "unit": unit, "shape": told, "grade": grade, "group": group}


def _constants(results: Results, language: str) -> str:
    """Return in words what is the same in every run."""
    varied = {str(facts["name"]) for facts in results.about.get("factors", [])}
    tidy = results.tidy
    names = [name for name in settings_of(tidy) if name not in varied and len(tidy) and tidy[name].nunique() == 1]
    return ", ".join(f"{name} = {figure_text(tidy[name].dropna().iloc[0], language)}" for name in names)


def _answer(indicator: str, results: Results, ends: pd.DataFrame, language: str) -> str:
    """Return in one sentence between what an indicator lies over the design, and what moves it most."""
    rows = results.tidy[results.tidy["indicator"] == indicator]
    points = rows.groupby("point")["value"].mean()
    to = "à" if language == "fr" else "to"
    spread = f"{figure_text(points.min(), language)} {to} {figure_text(points.max(), language)}"
    label = indicator_label(indicator, language)
    start = f"{label}: {spread}." if language == "en" else f"{label} : {spread}."
    mine = ends[ends["indicator"] == indicator]
    seen = mine[(mine["low"] > 0) | (mine["high"] < 0)]
    if seen.empty:
        nothing = {
            "en": "No factor moves it beyond chance in this design.",
            "fr": "Aucun facteur ne le fait varier au-delà du hasard dans ce plan.",
        }
        return f"{start} {nothing[language]}"
    best = seen.iloc[int(seen["difference"].abs().to_numpy().argmax())]
    ends_of = f"{figure_text(best['low_level'], language)} → {figure_text(best['high_level'], language)}"
    change = figure_text(best["difference"], language, sign=True) + f" {_interval(best['low'], best['high'], language)}"
    told = {"en": f"What moves it most: {best['factor']}", "fr": f"Ce qui le fait varier le plus : {best['factor']}"}
    colon = " :" if language == "fr" else ":"
    return f"{start} {told[language]}, {ends_of}{colon} {change}."


def _end_rows(indicator: str, ends: pd.DataFrame, language: str) -> dict[str, Any]:
    """Return the table of one indicator: each factor at its ends, the widest differences."""
    mine: list[dict[Any, Any]] = ends[ends["indicator"] == indicator].to_dict("records")
    rows = [
        {
            "factor": row["factor"],
            "levels": " … ".join(figure_text(row[name], language) for name in ("low_level", "high_level")),
            "at_low": figure_text(row["at_low"], language),
            "at_high": figure_text(row["at_high"], language),
            **_told(row, "difference", language),
        }
        for row in sorted(mine, key=lambda row: -abs(row["difference"]))[:MOST_ENDS]
    ]
    return {"indicator": indicator, "label": indicator_label(indicator, language), "rows": rows}


def _pair_rows(indicator: str, results: Results, factors: Sequence[str], language: str) -> dict[str, Any]:
    """Return the pairs of factors of one indicator, those that act together most clearly first."""
    pairs: list[dict[Any, Any]] = pairs_table(results, [indicator], factors).to_dict("records")
    rows = [
        {"factor": row["factor"], "with": row["with"], **_told(row, "change", language)}
        for row in sorted(pairs, key=_clarity, reverse=True)[:MOST_PAIRS]
    ]
    return {"indicator": indicator, "label": indicator_label(indicator, language), "rows": rows}


def _clarity(row: Mapping[str, float]) -> float:
    """Return how clearly a pair acts together: its change beside the width of its interval."""
    width = row["high"] - row["low"]
    return abs(row["change"]) / width if width > 0 else 0.0


def _told(row: Mapping[str, float], what: str, language: str) -> dict[str, Any]:
    """Return a number of a row with its interval, and whether it is seen: whether the interval leaves 0 out."""
    return {
        what: figure_text(row[what], language, sign=True),
        "interval": _interval(row["low"], row["high"], language),
        "is_seen": row["low"] > 0 or row["high"] < 0,
        "has_interval": row["low"] == row["low"],
    }


def _figures(results: Results, chosen: Sequence[str], factors: Sequence[str], language: str) -> list[dict[str, Any]]:
    """Draw the figures, and write them beside the report; return them as SVG, indicator by indicator."""
    from experiments.figures import _write as write
    from experiments.figures import house_style
    from experiments.sweep_figures import _plain, figures_of, sensitivity_figures

    folder, end = results.folder / "figures", "" if language == "en" else f"_{language}"
    found = []
    stored, tornado = stored_sensitivity(results), results.folder / "tornado.csv"
    for name in chosen:
        drawn: dict[str, Figure] = {}
        svg = []
        with house_style():
            if stored and tornado.is_file() and name in set(stored[0]["indicator"]):
                drawn |= sensitivity_figures(stored[0], pd.read_csv(tornado), name, language)
            if factors:
                drawn |= figures_of(results, name, factors, language)
            for kind, figure in drawn.items():
                folder.mkdir(exist_ok=True)
                file = write(figure, folder / f"{kind}_{_plain(name)}{end}")[0]
                svg.append(_markup(inline(file.read_text(encoding="utf-8"), f"{kind}-{_plain(name)}")))
        found.append({"indicator": name, "label": indicator_label(name, language), "svg": svg})
    return found


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _index_tables(stored: tuple[pd.DataFrame, list[str]] | None, language: str) -> list[dict[str, Any]]:
    """Return the indices of a sensitivity analysis, indicator by indicator, the largest first."""
    if stored is None:
        return []
    tables = []
    for indicator, rows in stored[0][stored[0]["with"] == ""].groupby("indicator", sort=False):
        wide = {kind: part.set_index("factor") for kind, part in rows.groupby("index", sort=False)}
        ranked = next(wide[kind] for kind in ("ST", "mu_star") if kind in wide)["value"]
        order = ranked.sort_values(ascending=False, kind="stable").index
        lines = [
            {"factor": factor, "cells": [_cell(str(kind), part.loc[factor], language) for kind, part in wide.items()]}
            for factor in order
        ]
        tables.append({"label": indicator_label(str(indicator), language), "kinds": list(wide), "rows": lines})
    return tables


def _cell(kind: str, row: Any, language: str) -> dict[str, str]:
    """Return an index with its interval: three decimals of a share, Morris' in the indicator's unit."""
    if kind not in ("S1", "ST"):
        return {"value": figure_text(row["value"], language), "interval": _interval(row["low"], row["high"], language)}
    shares = [f"{row[name]:.3f}".replace("-0.000", "0.000").replace("-", "−") for name in ("value", "low", "high")]
    gap = " ; " if language == "fr" else ", "
    value, low, high = (share.replace(".", ",") if language == "fr" else share for share in shares)
    return {"value": value, "interval": f"[{low}{gap}{high}]"}


def _provenance(folder: Path) -> dict[str, str]:
    """Return which code made the runs, and when; empty until all are over."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    code = manifest.get("code", {})
    version = " ".join(str(part) for part in (code.get("version"), (code.get("commit") or "")[:10]) if part)
    return {
        "territoire": version + (" (modified)" if code.get("is_modified") else ""),
        "": str(manifest.get("ended") or ""),
        "Python": f"{manifest.get('python', '')}, {manifest.get('platform', '')}",
    }


def _interval(low: float, high: float, language: str) -> str:
    gap = " ; " if language == "fr" else ", "
    return "" if low != low else f"[{figure_text(low, language)}{gap}{figure_text(high, language)}]"
