"""The report of a comparison: one HTML file for a steering committee, in English or French, its figures beside it.

Owns what stands in the report and in which order. It needs no network: figures are in the file. Whatever the runs do
not hold (no network in these scenarios, one replication, runs read from folders) is left out, not shown as zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments import report_grounds, report_rows
from experiments.answers import answers, course_of, is_built_in, number, summary, title_of
from experiments.report_words import GROUPS, SCENARIOS, WORDS, label_of, word

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from experiments.comparing import Comparison

TEMPLATE = "report.html.j2"
STRATA = ("income_quintile", "age_band", "sex", "has_ald", "invisible")
MAPPED = "time_to_care_days.gp"
GRADED = ("control_drift", "escalation_share")
DOMAINS = {"network": ("network",), "education": ("etp",), "telemonitoring": ("etp", "telehealth"),
           "teleconsultation": ("telehealth",), "tele_expertise": ("telehealth",),
           "prescribed_activity": ("lever",), "youth_prevention": ("lever",), "nurse_protocols": ("lever",),
           "itinerant_units": ("lever",), "professional_training": ("lever",)}  # fmt: skip
MOST_GRADED = 14
METHOD = {
    "en": (
        "Every policy and the reference were run with the same seeds: two runs of one seed differ only where the "
        "policy made a difference. Differences are paired by seed; intervals are 95 % intervals over replications "
        "(Student), never within one run. A difference whose interval holds 0 is called not seen.",
        "Money is that of the books of each run: what is billed, who pays, who receives, at the prices of the "
        "day, not "
        "discounted. The saving on care counts all payers; the net saving has every cost that is in the books, the "
        "action's own included. Cost-effectiveness is discounted at the registered rate from 1 January 2020.",
        "Norm costs of the contracts are fitted on runs of the reference under other seeds, by age, sex, long-term "
        "status and diseases as coded the year before, and scaled on the years before the policy. What a "
        "contract pays "
        "with no effect is computed on the arm named beside it.",
        "Quality-adjusted life is told as an expected value: deaths that were drawn are exchanged for the sum of "
        "hazards, and who is alive at the end has the years of the country's life table ahead.",
    ),
    "fr": (
        "Chaque politique et la référence ont été simulées avec les mêmes graines : deux simulations de même "
        "graine ne "
        "diffèrent que là où la politique a changé quelque chose. Les différences sont appariées par graine ; les "
        "intervalles à 95 % portent sur les réplications (Student), jamais sur une seule simulation. Une différence "
        "dont l'intervalle contient 0 est dite non visible.",
        "Les montants sont ceux des comptes de chaque simulation : facturé, payé, reçu, aux prix du jour, non "
        "actualisés. L'économie sur les soins compte tous les payeurs ; l'économie nette retranche tous les coûts "
        "inscrits dans les comptes, y compris ceux de l'action. Le rapport coût-efficacité est actualisé au taux du "
        "registre à partir du 1er janvier 2020.",
        "Les coûts attendus des contrats sont ajustés sur des simulations de la référence sous d'autres "
        "graines, selon "
        "âge, sexe, ALD et maladies codées l'année d'avant, et calés sur les années précédant la politique. Ce "
        "que verse "
        "un contrat sans effet est calculé sur le bras nommé à côté.",
        "La vie ajustée sur la qualité est une espérance : les décès tirés sont remplacés par la somme des "
        "risques, et "
        "qui vit à la fin a devant lui les années de la table de mortalité du pays.",
    ),
}
LIMITS = {
    "en": (
        "Inhabitants are synthetic; nothing here is a forecast for one person or one practice.",
        "Intervals hold chance between replications, and the uncertainty of parameters only where these were drawn "
        "({uncertain}). {calibration}",
        "Effects of grade C are guesses with a range; see the table of grades.",
        "Life after the end of the period is that of the country's life table, alike under every policy.",
        "Costs of recruitment, health centres, nurses and booths are assumptions (see the grades); a platform's own "
        "costs are in its fees.",
        "The hospital's account is what it bills, not what it costs to run.",
    ),
    "fr": (
        "Les habitants sont synthétiques ; rien ici n'est une prévision pour une personne ou un cabinet.",
        "Les intervalles contiennent le hasard entre réplications, et l'incertitude des paramètres seulement "
        "s'ils ont "
        "été tirés ({uncertain}). {calibration}",
        "Les effets de niveau C sont des hypothèses assorties d'une étendue ; voir le tableau des niveaux de preuve.",
        "La vie après la fin de la période est celle de la table de mortalité du pays, pareille sous chaque politique.",
        "Les coûts de recrutement, centres de santé, infirmières et cabines sont des hypothèses (voir les niveaux de "
        "preuve) ; ceux d'une plateforme sont dans ses honoraires.",
        "Le compte de l'hôpital est ce qu'il facture, non ce qu'il lui en coûte.",
    ),
}
DRAWN = {True: {"en": "here they were", "fr": "c'est le cas ici"}, False: {"en": "here not", "fr": "pas ici"}}

HAS_POSTERIOR = {
    False: {
        "en": "They do not hold the uncertainty of the model's form, nor that of its calibration.",
        "fr": "Ils ne contiennent ni l'incertitude sur la forme du modèle ni celle de son calage.",
    },
    True: {
        "en": "They hold what the calibration leaves open (see the fitted numbers), not the uncertainty of the "
        "model's form.",
        "fr": "Ils contiennent ce que le calage laisse ouvert (voir les nombres calés), mais pas l'incertitude sur la "
        "forme du modèle.",
    },
}


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
    scale = number(reference["scale"], 3, language).rstrip("0")
    return page.render(
        language=language,
        words={key: word(key, language) for key in WORDS},
        facts=facts,
        course=course_of(reference, language),
        reference=label_of(facts["reference"], language),
        place=territory.title if territory is not None else facts["territory"],
        is_invented=bool(territory is not None and territory.description.get("invented")),
        scale_note=word("scale_note", language).format(scale=scale) if reference["scale"] < 1 else "",
        policies=[_policy(name, facts, language) for name in policies],
        summary=summary(tables, facts, language),
        answers=answers(tables, facts, language),
        figures={name: Markup(svg) for name, svg in drawn.items()},
        groups={
            name: report_rows.indicators(tables["differences"], ids, policies, language) for name, ids in GROUPS.items()
        },
        tables=_tables(tables, facts, policies, language),
        grades=_grade_rows(tables, facts, policies, language),
        method=METHOD[language],
        colon=":" if language == "en" else "\u00a0:",
        fitted=report_grounds.fitted(facts, language),
        reproduced=report_grounds.reproduced(facts["territory"], territory, language),
        limits=limits_of(facts, language),
        failed=facts["failed"],
        version=facts.get("code", {}).get("version", ""),
    )


def limits_of(facts: Mapping[str, Any], language: str) -> list[str]:
    """Return the limits, true to what was drawn here."""
    calibrated = HAS_POSTERIOR[facts.get("posterior") is not None][language]
    drawn = DRAWN[facts["is_uncertain"]][language]
    return [text.format(uncertain=drawn, calibration=calibrated) for text in LIMITS[language]]


def _tables(
    tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], policies: list[str], language: str
) -> dict[str, Any]:
    """Return the tables of the report by name, None where the runs do not hold one."""
    rows, get = report_rows, tables.get
    has_plan = "programme" in tables
    return {
        "money": rows.amounts(get("economics"), "measure", policies, language, "value"),
        "payers": rows.amounts(get("payers"), "payer", policies, language),
        "accounts": rows.amounts(get("accounts"), "account", policies, language),
        "budget": rows.by_year(get("budget"), "payer", policies, "difference", language),
        "plan": rows.plan(language) if has_plan else None,
        "booked": rows.by_year(_by_payer(get("programme")), "indicator", policies, "value", language),
        "contracts": rows.contracts(get("contracts"), language),
        "thresholds": rows.thresholds(get("thresholds"), language),
        "attribution": rows.attribution(get("attribution"), language),
        "delay": rows.delays(get("delay"), language),
        "gp_equivalents": rows.in_gps(get("gp_equivalents"), language),
        "remaining": rows.remaining(get("remaining"), language),
        "members": rows.members(get("members"), language),
        "inequality": rows.inequality(get("inequality"), facts["reference"], language),
        "strata": rows.strata(get("strata"), MAPPED, STRATA, policies, language),
    }


def _by_payer(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the cost of the action by payer, without the sum over them."""
    return None if table is None else table[table["indicator"] != "programme_cost_eur"]


def _policy(name: str, facts: Mapping[str, Any], language: str) -> dict[str, str]:
    fields = facts["scenarios"][name]
    about = fields.get("description") or ""
    if language == "fr":
        about = SCENARIOS[name][3] if is_built_in(name, facts) else about
    inherited = facts["scenarios"][facts["reference"]].get("description")
    levers = {key: value for key, value in fields["levers"].items() if value not in (0, 0.0, "", None, False)}
    return {
        "name": name,
        "label": label_of(name, language),
        "title": title_of(name, facts, language),
        "about": "" if about == inherited else str(about),
        "levers": ", ".join(f"{key} = {value:g}" if isinstance(value, int | float) else f"{key} = {value}"
                            for key, value in levers.items()),
    }  # fmt: skip


def _strongest(correlations: Any) -> float:
    """Return the value furthest from 0."""
    return float(max(correlations, key=abs))


def _grade_rows(
    tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], policies: list[str], language: str
) -> list[dict[str, str]]:
    """Return the uncertain numbers that drive the result, where they were drawn, else those of the policies."""
    from abm.parameters import load_parameters
    from abm.scenario import Scenario
    from experiments.comparison_plan import parts_of

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
        untold = f", {word('assumption', language)}" if report_grounds.is_assumption(name, facts) else ""
        rows.append(
            {"name": name, "grade": row.grade + untold, "range": spread, "source": row.source, "weight": weight}
        )
    return rows
