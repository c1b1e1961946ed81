"""The report of a comparison: one HTML file for a steering committee, in English or French, its figures beside it.

Owns what stands in the report and in which order. It needs no network: figures are in the file. Whatever the runs do
not hold (no network in these scenarios, one replication, runs read from folders) is left out, not shown as zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.answers import answers, number, title_of
from experiments.report_words import GROUPS, INDICATORS, WORDS, name_of, unit_of, word

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from experiments.comparing import Comparison

TEMPLATE = "report.html.j2"
SHARE = "share"
GRADED = ("control_drift", "escalation_share")
DOMAINS = {"network": ("network",), "education": ("etp",), "telemonitoring": ("etp", "telehealth"),
           "teleconsultation": ("telehealth",), "tele_expertise": ("telehealth",)}  # fmt: skip
MOST_GRADED = 14
METHOD = {
    "en": (
        "Every policy and the reference were run with the same seeds: two runs of one seed differ only where the "
        "policy made a difference. Differences are paired by seed; intervals are 95 % intervals over replications "
        "(Student), never within one run. A difference whose interval holds 0 is called not seen.",
        "Money is that of the books of each run: what is billed, who pays, who receives, at the prices of the day, not "
        "discounted. The saving on care counts all payers; the net saving has every cost that is in the books, the "
        "action's own included. Cost-effectiveness is discounted at the registered rate from 1 January 2020.",
        "Norm costs of the contracts come from runs of the reference under other seeds, by age, sex and long-term "
        "status, scaled on the warm-up year. What a contract pays where nothing was done is computed on the reference.",
    ),
    "fr": (
        "Chaque politique et la référence ont été simulées avec les mêmes graines : deux simulations de même graine ne "
        "diffèrent que là où la politique a changé quelque chose. Les différences sont appariées par graine ; les "
        "intervalles à 95 % portent sur les réplications (Student), jamais sur une seule simulation. Une différence "
        "dont l'intervalle contient 0 est dite non visible.",
        "Les montants sont ceux des comptes de chaque simulation : facturé, payé, reçu, aux prix du jour, non "
        "actualisés. L'économie sur les soins compte tous les payeurs ; l'économie nette retranche tous les coûts "
        "inscrits dans les comptes, y compris ceux de l'action. Le rapport coût-efficacité est actualisé au taux du "
        "registre à partir du 1er janvier 2020.",
        "Les coûts attendus des contrats viennent de simulations de la référence sous d'autres graines, par âge, sexe "
        "et ALD, calés sur l'année de chauffe. Ce que verse un contrat sans aucune action est calculé sur la "
        "référence.",
    ),
}
LIMITS = {
    "en": (
        "Inhabitants are synthetic; nothing here is a forecast for one person or one practice.",
        "Intervals hold chance between replications, and the uncertainty of parameters only where these were drawn "
        "({uncertain}). They do not hold the uncertainty of the model's form, nor that of its calibration.",
        "Effects of grade C are guesses with a range; see the table of grades.",
        "Quality-adjusted life is counted to the end of the period only: later years of survivors are not in it.",
        "A policy without an entry of its own in the books (a recruitment, say) looks cheaper than it is.",
        "The hospital's account is what it bills, not what it costs to run.",
    ),
    "fr": (
        "Les habitants sont synthétiques ; rien ici n'est une prévision pour une personne ou un cabinet.",
        "Les intervalles contiennent le hasard entre réplications, et l'incertitude des paramètres seulement s'ils ont "
        "été tirés ({uncertain}). Ils ne contiennent ni l'incertitude sur la forme du modèle ni celle de son calage.",
        "Les effets de niveau C sont des hypothèses assorties d'une étendue ; voir le tableau des niveaux de preuve.",
        "Les années de vie ajustées sont comptées jusqu'à la fin de la période seulement.",
        "Une politique sans écriture propre dans les comptes (un recrutement, par exemple) paraît moins chère qu'elle "
        "n'est.",
        "Le compte de l'hôpital est ce qu'il facture, non ce qu'il lui en coûte.",
    ),
}
DRAWN = {True: {"en": "here they were", "fr": "c'est le cas ici"}, False: {"en": "here not", "fr": "pas ici"}}


def write_report(found: Comparison, language: str = "en") -> Path:
    """Write the report and its figures into the folder of a comparison; return the HTML file."""
    from experiments.store import write_text

    territory = _territory(found.facts["territory"])
    drawn = _draw(found, territory, found.folder / "figures", language)
    file = found.folder / f"report.{language}.html"
    write_text(file, render(found, drawn, language, territory))
    return file


def _territory(place: str) -> Territory | None:
    from abm.errors import InputError
    from experiments.running import find_territory

    try:
        return find_territory(place)
    except InputError:
        return None


def _draw(found: Comparison, territory: Territory | None, folder: Path, language: str) -> dict[str, str]:
    """Draw every figure, as SVG and PNG files; return the SVG of each by name."""
    from experiments.compare_figures import figures
    from experiments.figures import _write as write
    from experiments.figures import house_style

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    with house_style():
        for name, draw in figures(found.tables, found.facts, territory, language).items():
            files = write(draw(), folder / f"{name.replace('.', '-')}_{language}")
            drawn[name] = _inline(files[0].read_text(encoding="utf-8"), name)
    return drawn


def _inline(svg: str, name: str) -> str:
    """Return an SVG for use inside HTML: no XML head, and ids of its own."""
    body = svg[svg.index("<svg") :]
    for mark in ('id="', 'href="#', "url(#"):
        body = body.replace(mark, f"{mark}{name}-")
    return body


def render(found: Comparison, drawn: Mapping[str, str], language: str, territory: Territory | None = None) -> str:
    """Return the HTML of the report.

    Parameters
    ----------
    drawn : SVG by name of figure.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    facts, tables = found.facts, found.tables
    policies = [name for name in facts["policies"] if name in set(tables["differences"]["scenario"])]
    reference = facts["scenarios"][facts["reference"]]
    page = environment.get_template(TEMPLATE)
    return page.render(
        language=language,
        words={key: word(key, language) for key in WORDS},
        facts=facts,
        course=f"{reference['start']} + {reference['days']}",
        place=territory.title if territory is not None else facts["territory"],
        is_invented=bool(territory is not None and territory.description.get("invented")),
        policies=[_policy(name, facts, language) for name in policies],
        answers=answers(tables, facts, language),
        titles={name: title_of(name, facts, language) for name in policies},
        figures={name: Markup(svg) for name, svg in drawn.items()},
        groups={name: _indicator_rows(tables["differences"], ids, policies, language) for name, ids in GROUPS.items()},
        money=_plain_rows(tables.get("economics"), "measure", "value", language),
        payers=_plain_rows(tables.get("payers"), "payer", "difference", language),
        accounts=_plain_rows(tables.get("accounts"), "account", "difference", language),
        budget=_budget(tables.get("budget"), policies, language),
        contracts=_contract_rows(tables.get("contracts"), language),
        thresholds=_threshold_rows(tables.get("thresholds"), language),
        attribution=_attribution_rows(tables.get("attribution"), language),
        delay=_delay_rows(tables.get("delay"), language),
        gp_equivalents=_gp_rows(tables.get("gp_equivalents"), language),
        grades=_grade_rows(tables, facts, policies, language),
        method=METHOD[language],
        limits=[text.format(uncertain=DRAWN[facts["is_uncertain"]][language]) for text in LIMITS[language]],
        failed=facts["failed"],
        version=facts.get("code", {}).get("version", ""),
    )


def _policy(name: str, facts: Mapping[str, Any], language: str) -> dict[str, str]:
    fields = facts["scenarios"][name]
    about = fields.get("description") or ""
    inherited = facts["scenarios"][facts["reference"]].get("description")
    levers = {key: value for key, value in fields["levers"].items() if value not in (0, 0.0, "", None, False)}
    return {
        "name": name,
        "title": title_of(name, facts, language),
        "about": "" if about == inherited else str(about),
        "levers": ", ".join(f"{key} = {value:g}" if isinstance(value, int | float) else f"{key} = {value}"
                            for key, value in levers.items()),
    }  # fmt: skip


# --- rows of tables: texts, ready to print ------------------------------------------------------------------------


def _indicator_rows(
    table: pd.DataFrame, ids: tuple[str, ...], policies: list[str], language: str
) -> list[dict[str, Any]]:
    """Return one row an indicator that the runs have, with a cell a policy."""
    rows = []
    indexed: Any = table.set_index(["indicator", "scenario"])
    for name in ids:
        there = [policy for policy in policies if (name, policy) in indexed.index]
        if not there:
            continue
        scale = 100.0 if INDICATORS[name][2] == SHARE else 1.0
        unit = "%" if scale == 100.0 else unit_of(name, language)
        digits = _digits([indexed.at[(name, policy), "reference_mean"] * scale for policy in there])
        base = number(indexed.at[(name, there[0]), "reference_mean"] * scale, digits, language)
        cells = []
        for policy in policies:
            row = indexed.loc[(name, policy)] if policy in there else None
            cells.append(_cell(row, scale, digits + 1, language))
        rows.append({"name": name_of(name, language), "unit": unit, "reference": base, "cells": cells})
    return rows


def _cell(row: Any, scale: float, digits: int, language: str) -> dict[str, Any]:
    if row is None:
        return {"value": "–", "interval": "", "is_seen": False}
    value, low, high = (number(row[name] * scale, digits, language) for name in ("difference", "low", "high"))
    return {"value": value, "interval": f"{low} … {high}", "is_seen": bool(row["is_seen"])}


def _digits(values: list[float]) -> int:
    size = max((abs(value) for value in values if value == value), default=0.0)
    return 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 0.1 else 3


def _plain_rows(table: pd.DataFrame | None, column: str, value: str, language: str) -> list[dict[str, Any]]:
    """Return rows policy, name, value, interval of amounts."""
    if table is None:
        return []
    rows = []
    for row in table.to_dict("records"):
        if pd.isna(row[value]):
            continue
        digits = 0 if abs(row[value]) >= 100 or row[column].endswith("_eur") else 2
        ends = [number(row[end], digits, language) for end in ("low", "high")]
        rows.append(
            {
                "policy": row["scenario"],
                "name": name_of(str(row[column]), language),
                "value": number(row[value], digits, language),
                "interval": "" if pd.isna(row["low"]) else f"{ends[0]} … {ends[1]}",
                "is_seen": bool(row["is_seen"]),
            }
        )
    return rows


def _budget(table: pd.DataFrame | None, policies: list[str], language: str) -> dict[str, Any]:
    """Return differences by payer and year of each policy."""
    if table is None:
        return {}
    years = sorted(set(table["year"]))
    rows = []
    for policy in policies:
        for payer, group in table[table["scenario"] == policy].groupby("payer", sort=False):
            by_year = group.set_index("year")["difference"].reindex(years)
            cells = [number(value, 0, language) for value in by_year]
            rows.append({"policy": policy, "name": name_of(str(payer), language), "cells": cells})
    return {"years": years, "rows": rows}


def _contract_rows(table: pd.DataFrame | None, language: str) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [
        {
            "policy": row["scenario"],
            "name": name_of(row["contract"], language),
            **{
                name: f"{number(row[f'{name}_eur'], 0, language)} ({number(row[f'{name}_low_eur'], 0, language)} … "
                f"{number(row[f'{name}_high_eur'], 0, language)})"
                for name in ("paid", "truly_saved", "paid_by_chance")
            },
        }
        for row in table.to_dict("records")
    ]


def _threshold_rows(table: pd.DataFrame | None, language: str) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [
        {
            "policy": row["scenario"],
            "name": name_of(row["what"], language),
            "needed": number(row["break_even"], 2, language),
            "found": number(row["found"], 2, language),
            "interval": f"{number(row['low'], 2, language)} … {number(row['high'], 2, language)}",
        }
        for row in table.to_dict("records")
        if not (row["what"] == "factor_on_the_effect" and pd.isna(row["break_even"]))
    ]


def _attribution_rows(table: pd.DataFrame | None, language: str) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [
        {
            "policy": row["scenario"],
            "outcome": name_of(row["outcome"], language),
            "part": name_of(row["part"], language),
            "method": name_of(row["method"], language),
            "value": number(row["value"], _digits([row["value"]]), language),
            "interval": " … ".join(number(row[end], _digits([row["value"]]), language) for end in ("low", "high")),
        }
        for row in table.to_dict("records")
    ]


def _delay_rows(table: pd.DataFrame | None, language: str) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [
        {
            "policy": row["scenario"],
            "harm": name_of(row["harm_by_delay"], language),
            "name": name_of(row["measure"], language),
            "value": number(row["value"], 0 if row["measure"].endswith("eur") else 2, language),
            "interval": " … ".join(
                number(row[end], 0 if row["measure"].endswith("eur") else 2, language) for end in ("low", "high")
            ),
        }
        for row in table.to_dict("records")
    ]


def _gp_rows(table: pd.DataFrame | None, language: str) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [
        {
            "policy": row["scenario"],
            "name": name_of(row["indicator"], language),
            "value": number(row["general_practitioners"], 1, language),
            "interval": f"{number(row['low'], 1, language)} … {number(row['high'], 1, language)}",
        }
        for row in table.to_dict("records")
    ]


def _strongest(correlations: Any) -> float:
    """Return the value furthest from 0."""
    return float(max(correlations, key=abs))


def _grade_rows(
    tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], policies: list[str], language: str
) -> list[dict[str, str]]:
    """Return the uncertain numbers on which the result rests: those that drive it where drawn, else those by policy."""
    from abm.parameters import load_parameters
    from abm.scenario import Scenario
    from experiments.comparing import parts_of

    registry = load_parameters()
    if "drivers" in tables:
        names = list(dict.fromkeys(tables["drivers"]["parameter"]))
        strength = tables["drivers"].groupby("parameter")["rank_correlation"].apply(_strongest)
    else:
        parts = {part for name in policies for part in parts_of(Scenario.model_validate(facts["scenarios"][name]))}
        domains = {domain for part in parts for domain in DOMAINS.get(part, ())}
        names = [row.name for row in registry.rows if row.name.startswith(GRADED)]
        wide = [row for row in registry.rows if row.domain in domains and row.grade == "C" and row.low != row.high]
        names += [row.name for row in wide]
        strength = pd.Series(dtype=float)
    rows = []
    for name in names[:MOST_GRADED]:
        row = registry.entry(name)
        spread = f"{number(row.value or 0.0, 3, language)} ({row.low:g} … {row.high:g}) {row.unit}"
        weight = number(float(strength[name]), 2, language) if name in strength else ""
        rows.append({"name": name, "grade": row.grade, "range": spread, "source": row.source, "weight": weight})
    return rows
