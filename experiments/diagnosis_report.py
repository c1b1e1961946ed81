"""The diagnosis as one HTML file for a health project officer, in English or French; it needs no network.

Owns what stands in it and in which order; its look is that of the report of a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.answers import number, title_of
from experiments.diagnosing import GAPS, GROUP_INDICATORS, GROUPS
from experiments.diagnosis_words import called, is_share, of_pack, say, unit
from experiments.ranking import AIMS
from experiments.report import METHOD, limits_of
from experiments.report import TEMPLATE as STYLED

if TYPE_CHECKING:
    from experiments.diagnosing import Diagnosis

TEMPLATE = "diagnosis.html.j2"
TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = ("answer", "population", "morbidity", "access", "use", "professionals", "costs", "gaps", "groups",
            "potential", "ranking", "missing", "method", "limits")  # fmt: skip
MOST_COMMUNES, MOST_NAMED, MOST_DECIMALS = 12, 3, 6
AIM_TITLES = {"costs": "costs_aim", "professionals": "professionals_aim"}
POPULATION = ("people", "communes", "density", "share_75_plus", "median_income_eur", "general_practitioners",
              "gp_per_100000", "people_without_gp_in_commune_share")  # fmt: skip
SHARES = ("share_75_plus", "people_without_gp_in_commune_share")
MAPPED = "time_to_care_days.gp"


def write_diagnosis(found: Diagnosis, language: str = "en") -> Path:
    """Write the diagnosis as HTML into its folder; return the file."""
    from experiments.store import write_text

    file = found.folder / f"diagnosis.{language}.html"
    write_text(file, render(found, language))
    return file


def render(found: Diagnosis, language: str) -> str:
    """Return the HTML of a diagnosis."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    facts, tables = found.facts, found.tables
    reference = facts["scenarios"][facts["reference"]]
    return environment.get_template(TEMPLATE).render(
        language=language,
        say=lambda key: say(key, language),
        style=Markup(style()),
        facts=facts,
        place=found.territory.title,
        course=_course(reference["start"], int(reference["days"])),
        version=facts.get("code", {}).get("version", ""),
        is_invented=bool(found.territory.description.get("invented")),
        sections=SECTIONS,
        answers=answers(found, language),
        population_columns=[say("without" if "without" in name else name, language) for name in POPULATION],
        population=[_population_row(row, language) for row in tables["population"].to_dict("records")],
        indicators=_indicator_rows(tables["indicators"], language),
        figures={"access": Markup(_map(found, language))},
        costs=_cost_rows(tables["costs"], language),
        gap_columns=[_with_unit(name, language) for name in GAPS],
        communes=_commune_rows(tables["communes"], language),
        group_columns=[_with_unit(name, language) for name in GROUP_INDICATORS],
        groups=_groups(tables["groups"], language),
        potential=[_potential_row(row, language) for row in tables["potential"].to_dict("records")],
        ranking=_ranking(tables["ranking"], facts, language),
        missing=_missing(found, language),
        method=METHOD[language][:2],
        limits=limits_of(facts, language),
    )


def _course(start: str, days: int) -> str:
    """Return the first and the last day of the horizon."""
    first = date.fromisoformat(start)
    return f"{first} – {first + timedelta(days=days - 1)}"


def style() -> str:
    """Return the style sheet of the report of a comparison: both are to look alike."""
    text = (TEMPLATES / STYLED).read_text(encoding="utf-8")
    return text.partition("<style>")[2].partition("</style>")[0]


def answers(found: Diagnosis, language: str) -> list[str]:
    """Return what comes first by each aim; an aim for which nothing can be told from no gain says so."""
    texts = []
    table = found.tables["ranking"]
    for aim in AIMS:
        ranked = table[(table["aim"] == aim) & (table["rank"] > 0)].sort_values("rank")
        names = "; ".join(
            f"{title_of(row['scenario'], found.facts, language)} ({_number(row['per_1000_eur'], language)})"
            for row in ranked.head(MOST_NAMED).to_dict("records")
        )
        told = say("first", language).format(names=names) if names else say("none_ranked", language)
        texts.append(f"{_aim(aim, language)}. {told}")
    return texts


def _aim(aim: str, language: str) -> str:
    return say(AIM_TITLES.get(aim, aim), language)


def _map(found: Diagnosis, language: str) -> str:
    """Return the map of simulated delays as SVG."""
    from io import StringIO

    import matplotlib
    import numpy as np
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    from experiments.figures import COLOURS, WIDTH_INCHES, house_style
    from experiments.figures import _areas as areas
    from experiments.figures import _finish as finish
    from experiments.figures import _sites as sites
    from experiments.provenance import map_credit
    from experiments.report import _inline as inline

    known = found.tables["communes"].set_index("insee")[MAPPED].dropna()
    with house_style():
        figure = Figure(figsize=(WIDTH_INCHES, 5.6))
        axis = figure.subplots()
        norm = Normalize(*((known.min(), known.max()) if len(known) else (0.0, 1.0)))
        colours = matplotlib.colormaps[COLOURS]
        areas(axis, found.territory, {code: colours(norm(value)) for code, value in known.items()})
        sites(axis, found.territory, say("emergencies", language))
        axis.set_aspect(1.0 / np.cos(np.deg2rad(float(found.territory.communes["lat"].mean()))))
        axis.set_axis_off()
        scale = figure.colorbar(ScalarMappable(norm, colours), ax=axis, shrink=0.6, pad=0.0, aspect=24)
        scale.set_label(f"{called(MAPPED, language)} ({unit(MAPPED, language)})")
        scale.outline.set_visible(False)
        finish(figure, map_credit(found.territory))
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return inline(text.getvalue(), "delay-map")


# --- rows of tables: texts, ready to print ------------------------------------------------------------------------


def _with_unit(name: str, language: str) -> str:
    """Return an indicator's name with its unit, a heading; shares carry theirs in every cell."""
    return called(name, language) if is_share(name) else f"{called(name, language)} ({unit(name, language)})"


def _number(value: float, language: str) -> str:
    return number(value, _digits(value), language)


def _shown(name: str, value: float, language: str) -> str:
    """Return an indicator's value: shares in per cent."""
    if value != value:
        return "–"
    scale = 100.0 if is_share(name) else 1.0
    return number(value * scale, _digits(value * scale), language) + (" %" if scale == 100.0 else "")


def _digits(value: float) -> int:
    """Return how many decimals are worth showing: two figures at least, however small the value."""
    size = abs(value)
    if size >= 1000 or size == 0:
        return 0
    return 1 if size >= 10 else 2 if size >= 0.1 else min(1 - floor(log10(size)), MOST_DECIMALS)


def _between(name: str, low: float, high: float, language: str) -> str:
    return "" if low != low else f"{_shown(name, low, language)} … {_shown(name, high, language)}"


def _population_row(row: Mapping[Any, Any], language: str) -> list[str]:
    cells = [say("all", language) if row["place"] == "all" else str(row["place"])]
    for name in POPULATION:
        value = float(row[name])
        scaled = 100.0 * value if name in SHARES else value
        digits = 1 if name in (*SHARES, "gp_per_100000") else 0
        cells.append("–" if value != value else number(scaled, digits, language) + (" %" if name in SHARES else ""))
    return cells


def _indicator_rows(table: pd.DataFrame, language: str) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each section."""
    sections: dict[str, list[dict[str, str]]] = {}
    for row in table.to_dict("records"):
        name = row["indicator"]
        has_range = row["observed_low"] == row["observed_low"]
        verdict = ""
        if has_range:
            is_below, is_above = row["value"] < row["observed_low"], row["value"] > row["observed_high"]
            verdict = say("below" if is_below else "above" if is_above else "within", language)
        sections.setdefault(row["section"], []).append(
            {
                "name": called(name, language),
                "unit": "%" if is_share(name) else unit(name, language),
                "value": _shown(name, row["value"], language),
                "interval": _between(name, row["low"], row["high"], language),
                "observed": _shown(name, row["observed"], language),
                "year": str(row["year"]),
                "range": _between(name, row["observed_low"], row["observed_high"], language),
                "verdict": verdict,
            }
        )
    return sections


def _cost_rows(table: pd.DataFrame, language: str) -> dict[str, list[dict[str, str]]]:
    families: dict[str, list[dict[str, str]]] = {}
    for row in table.to_dict("records"):
        ends = "" if row["low"] != row["low"] else " … ".join(number(row[end], 0, language) for end in ("low", "high"))
        families.setdefault(row["by"], []).append(
            {
                "name": called(row["name"], language),
                "value": number(row["value"], 0, language),
                "interval": ends,
                "share": f"{number(100 * row['share'], 1, language)} %",
            }
        )
    return families


def _commune_rows(table: pd.DataFrame, language: str) -> list[list[str]]:
    worst = table.sort_values(MAPPED, ascending=False, na_position="last", kind="stable").head(MOST_COMMUNES)
    return [
        [str(row["name"]), number(row["people"], 0, language), *(_shown(name, row[name], language) for name in GAPS)]
        for row in worst.to_dict("records")
    ]


def _groups(table: pd.DataFrame, language: str) -> list[dict[str, Any]]:
    found = []
    for kind in GROUPS:
        rows = table[table["kind"] == kind]
        if rows.empty:
            continue
        wide: Any = rows.pivot(index="stratum", columns="indicator", values="value")
        order = list(dict.fromkeys(rows["stratum"]))
        lines = [
            [called(str(one), language)]
            + [_shown(n, wide.at[one, n] if n in wide else float("nan"), language) for n in GROUP_INDICATORS]
            for one in order
        ]
        found.append({"name": say(kind, language), "rows": lines})
    return found


def _potential_row(row: Mapping[Any, Any], language: str) -> list[str]:
    name = row["indicator"]
    cells = [
        _shown(name, row[column], language) for column in ("mean", "best_quarter", "worst_quarter", "gain_per_head")
    ]
    return [_with_unit(name, language), *cells]


def _ranking(table: pd.DataFrame, facts: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    found = []
    for aim in AIMS:
        rows = [_ranked_row(row, facts, language) for row in table[table["aim"] == aim].to_dict("records")]
        if rows:
            found.append({"title": _aim(aim, language), "rows": rows})
    return found


def _ranked_row(row: Mapping[Any, Any], facts: Mapping[str, Any], language: str) -> dict[str, Any]:
    neutral = facts["scenarios"][facts["reference"]]["levers"]
    levers = {
        key: value for key, value in facts["scenarios"][row["scenario"]]["levers"].items() if value != neutral[key]
    }
    told = ", ".join(
        f"{key} {value:g}" if isinstance(value, int | float) else f"{key} {value}" for key, value in levers.items()
    )

    def span(low: float, high: float) -> str:
        if low != low:
            return ""
        digits = _digits(max(abs(low), abs(high)))
        return f"{number(low, digits, language)} … {number(high, digits, language)}"

    has_quotient = row["per_1000_eur"] == row["per_1000_eur"]
    ends = span(row["low"], row["high"])
    note = "" if row["rank"] else say(_why_no_rank(row), language)
    value = row["per_1000_eur"]
    return {
        "rank": int(row["rank"]) or "",
        "title": title_of(row["scenario"], facts, language),
        "levers": told,
        "per_euro": _number(value, language) if has_quotient else "–",
        "interval": " · ".join(filter(None, (ends, note))),
        "gain": _number(row["gain"], language),
        "gain_interval": span(row["gain_low"], row["gain_high"]),
        "price": number(row["price_eur"], 0, language),
    }


def _why_no_rank(row: Mapping[Any, Any]) -> str:
    """Return the word for why an intervention has no rank."""
    if row["per_1000_eur"] != row["per_1000_eur"]:
        return "no_price"
    return "loss" if row["high"] < 0.0 else "not_seen"


def _missing(found: Diagnosis, language: str) -> list[dict[str, str]]:
    from abm.environment.completing import completeness

    return [
        {
            "name": of_pack(item.name, language),
            "known": f"{number(100 * item.known_share, 0, language)} %",
            "stands_in": of_pack(item.stands_in, language),
            "grade": item.grade,
        }
        for item in completeness(found.territory)
        if not item.is_complete
    ]
