"""What is the answer in three sentences, said as surely as the numbers allow and no surer?

Owns the wording, in English and French, of what a comparison says: access, money, value for money. A difference whose
interval holds 0 is told as one that cannot be seen, never by its mean.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.report_words import SCENARIOS, label_of

if TYPE_CHECKING:
    import pandas as pd

DELAY = "time_to_care_days.gp"
LANGUAGES = ("en", "fr")
TO = {"en": "to", "fr": "à"}
SUMMARY: dict[str, dict[str, str]] = {
    "delay_good": {
        "en": "the time to care of general practice is seen to be shorter under {names}",
        "fr": "le délai d'accès au généraliste est visiblement plus court avec {names}",
    },
    "delay_bad": {"en": "it is seen to be longer under {names}", "fr": "il est visiblement plus long avec {names}"},
    "delay_unseen": {
        "en": "no difference in the time to care of general practice can be seen under {names}",
        "fr": "aucune différence de délai d'accès au généraliste n'est visible avec {names}",
    },
    "saving_good": {
        "en": "a saving on care is seen under {names}, all payers together over the period",
        "fr": "une économie sur les soins est visible avec {names}, tous payeurs confondus sur la période",
    },
    "saving_bad": {
        "en": "an extra cost of care is seen under {names}, all payers together over the period",
        "fr": "un surcoût de soins est visible avec {names}, tous payeurs confondus sur la période",
    },
    "saving_unseen": {
        "en": "neither a saving nor an extra cost of care can be seen under {names}",
        "fr": "ni économie ni surcoût de soins n'est visible avec {names}",
    },
    "net_good": {
        "en": "with every cost that is booked counted, these are seen to pay for themselves: {names}",
        "fr": "tous les coûts inscrits étant comptés, s'autofinancent visiblement : {names}",
    },
    "net_bad": {
        "en": "with every cost that is booked counted, these are seen to cost more than they save: {names}",
        "fr": "tous les coûts inscrits étant comptés, coûtent visiblement plus qu'ils n'économisent : {names}",
    },
    "net_unseen": {
        "en": "whether these pay for themselves cannot be told from the replications: {names}",
        "fr": "les réplications ne disent pas s'ils s'autofinancent : {names}",
    },
}
FEWEST_RUNS = 2
ALMOST_SURE = 0.95

TEXTS: dict[str, dict[str, str]] = {
    "too_few": {
        "en": "{policy}: one replication tells nothing of chance; run more (--replications).",
        "fr": "{policy} : une seule réplication ne dit rien du hasard ; il en faut d'autres (--replications).",
    },
    "delay_unseen": {
        "en": "{policy}: no difference can be seen in the time to care of general practice "
        "(between {low} and {high} days, {n} replications).",
        "fr": "{policy} : aucune différence n'est visible sur le délai d'accès au généraliste "
        "(entre {low} et {high} jour, {n} réplications).",
    },
    "delay_seen": {
        "en": "{policy} {verb} the time to care of general practice by {size} days (95 % interval {low} to {high}, "
        "from {base} days, {n} replications).",
        "fr": "{policy} : le délai d'accès au généraliste est {verb} de {size} jour (intervalle à 95 % : {low} à "
        "{high}, "
        "pour {base} jours au départ, {n} réplications).",
    },
    "delay_same": {
        "en": "{policy}: the time to care of general practice is that of the reference in all {n} replications, to the "
        "bit.",
        "fr": "{policy} : le délai d'accès au généraliste est exactement celui de la référence dans les {n} "
        "réplications.",
    },
    "saving_same": {
        "en": "Care costs every payer exactly what it costs under the reference.",
        "fr": "Les soins coûtent à chaque payeur exactement ce qu'ils coûtent sous la référence.",
    },
    "saving_unseen": {
        "en": "No saving and no extra cost can be seen in what care costs all payers together (between {low} and "
        "{high} EUR over the period).",
        "fr": "Ni économie ni surcoût n'est visible dans la dépense de soins, tous payeurs confondus (entre {low} et "
        "{high} EUR sur la période).",
    },
    "saving_seen": {
        "en": "Care costs all payers together {size} EUR {less} over the period (95 % interval {low} to {high}).",
        "fr": "Les soins coûtent à l'ensemble des payeurs {size} EUR de {less} sur la période (intervalle à 95 % : "
        "{low} à {high}).",
    },
    "pays": {
        "en": "With the {cost} EUR booked to the action itself, it pays for itself in {share} of the replications (net "
        "{net} EUR, {low} to {high}).",
        "fr": "Avec les {cost} EUR imputés à l'action elle-même, elle s'autofinance dans {share} des réplications (net "
        "{net} EUR, de {low} à {high}).",
    },
    "unpriced": {
        "en": "Nothing is booked to the action beside care: what it costs is in that amount as far as it is billed, "
        "and it saves in {share} of the replications.",
        "fr": "Rien n'est imputé à l'action en dehors des soins : son coût est dans ce montant pour autant qu'il est "
        "facturé, et elle économise dans {share} des réplications.",
    },
}
WORDS = {
    "shortens": {"en": "shortens", "fr": "réduit"},
    "lengthens": {"en": "lengthens", "fr": "allongé"},
    "less": {"en": "less", "fr": "moins"},
    "more": {"en": "more", "fr": "plus"},
}


def answers(tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], language: str = "en") -> dict[str, list[str]]:
    """Return three sentences for each policy: delays, spend on care, whether it pays.

    Parameters
    ----------
    tables, facts : of a comparison.
    language : "en" or "fr".
    """
    return {
        policy: _of_policy(tables, policy, title_of(policy, facts, language), language)
        for policy in facts["policies"]
        if policy in set(tables["differences"]["scenario"])
    }


def title_of(name: str, facts: Mapping[str, Any], language: str = "en") -> str:
    """Return what a scenario is called in front of a reader; titles of scenarios are English."""
    title = facts["scenarios"].get(name, {}).get("title") or ""
    variants = {other for other, of in facts["variants"].items() if of.get("of") == name}
    inherited = [fields.get("title") for other, fields in facts["scenarios"].items() if other not in {name, *variants}]
    if not title or title in inherited:
        return label_of(name, language)
    if language == "fr":
        return SCENARIOS[name][2] if is_built_in(name, facts) else label_of(name, language)
    return str(title)


def is_built_in(name: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether a scenario is told as the built-in one of its name is."""
    from abm.scenario import list_scenarios, load_scenario

    fields = facts["scenarios"].get(name, {})
    if name not in SCENARIOS or name not in list_scenarios():
        return False
    return bool(fields.get("description") == load_scenario(name).description)


MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
           "décembre"),
}  # fmt: skip


def date_of(date: dt.date, language: str) -> str:
    """Return a date as it is written: 1 January 2020, 1er janvier 2020."""
    day = "1er" if language == "fr" and date.day == 1 else str(date.day)
    return f"{day} {MONTHS[language][date.month - 1]} {date.year}"


def course_of(fields: Mapping[str, Any], language: str) -> str:
    """Return the first and last reported day of a scenario."""
    first = dt.date.fromisoformat(fields["start"])
    last = first + dt.timedelta(days=fields["days"] - 1)
    return f"{date_of(first, language)} {'–' if language == 'en' else 'au'} {date_of(last, language)}"


def summary(tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], language: str = "en") -> list[str]:
    """Return three sentences on all policies together: delays, what care costs, whether the actions pay."""
    differences, economics = tables["differences"], tables["economics"]
    rows = differences[differences["indicator"] == DELAY]
    money = {name: economics[economics["measure"] == name] for name in ("true_saving_eur", "net_saving_eur")}
    some = {"delay": rows, "saving": money["true_saving_eur"], "net": money["net_saving_eur"].dropna(subset=["value"])}
    if any(part.empty or part["n"].max() < FEWEST_RUNS for part in some.values()):
        return []

    def names(table: pd.DataFrame, column: str, *, is_less: bool) -> str:
        seen = table[table["is_seen"] & ((table[column] < 0) == is_less)]
        amounts = seen.assign(size=seen[column].abs()).sort_values("size", ascending=False)
        unit = {"difference": {"en": "days", "fr": "jour"}, "value": {"en": "EUR", "fr": "EUR"}}[column][language]
        digits = 2 if column == "difference" else 0
        ends = []
        for row in amounts.to_dict("records"):  # the sentence tells the side, so sizes only
            sizes = [
                number(size, digits, language) for size in (row["size"], *sorted((abs(row["low"]), abs(row["high"]))))
            ]
            low_to_high = f"{sizes[1]} {TO[language]} {sizes[2]}"
            ends.append(f"{_quoted(row['scenario'], language)} ({sizes[0]} {unit}, {low_to_high})")
        return ", ".join(ends)

    def tell(kind: str, column: str, *, less_is_good: bool) -> str:
        parts = []
        for side, is_less in (("good", less_is_good), ("bad", not less_is_good)):
            found = names(some[kind], column, is_less=is_less)
            if found:
                parts.append(SUMMARY[f"{kind}_{side}"][language].format(names=found))
        unseen = some[kind][~some[kind]["is_seen"]]["scenario"]
        if len(unseen):
            listed = ", ".join(_quoted(name, language) for name in unseen)
            parts.append(SUMMARY[f"{kind}_unseen"][language].format(names=listed))
        text = ("; " if language == "en" else "\u00a0; ").join(parts)
        return f"{text[:1].upper()}{text[1:]}."

    return [
        tell("delay", "difference", less_is_good=True),
        tell("saving", "value", less_is_good=False),
        tell("net", "value", less_is_good=False),
    ]


def _quoted(name: str, language: str) -> str:
    """Return the label of a scenario in quotation marks: some hold a comma."""
    left, right = ("“", "”") if language == "en" else ("«\u00a0", "\u00a0»")
    return f"{left}{label_of(name, language)}{right}"


def _of_policy(tables: Mapping[str, pd.DataFrame], policy: str, title: str, language: str) -> list[str]:
    def say(key: str, **values: Any) -> str:
        return TEXTS[key][language].format(policy=title, **values)

    delay = _row(tables["differences"], scenario=policy, indicator=DELAY)
    money = {row["measure"]: row for _, row in tables["economics"].query("scenario == @policy").iterrows()}
    n = int(delay["n"]) if delay is not None else int(money["net_saving_eur"]["n"])
    if n < FEWEST_RUNS:
        return [say("too_few")]
    said = []
    if delay is not None:
        ends = {"low": number(delay["low"], 2, language), "high": number(delay["high"], 2, language), "n": n}
        if delay["low"] == delay["high"] == 0.0:
            said.append(say("delay_same", n=n))
        elif not delay["is_seen"]:
            said.append(say("delay_unseen", **ends))
        else:
            verb = WORDS["shortens" if delay["difference"] < 0 else "lengthens"][language]
            size = number(abs(delay["difference"]), 2, language)
            base = number(delay["reference_mean"], 1, language)
            said.append(say("delay_seen", verb=verb, size=size, base=base, **ends))
    return said + _of_money(money, say, language)


def _of_money(money: Mapping[str, Any], say: Any, language: str) -> list[str]:
    """Return what is said of the saving on care, and of the net saving."""
    saving, cost, net = (money[name] for name in ("true_saving_eur", "action_cost_eur", "net_saving_eur"))
    if np.isnan(saving["value"]):
        return []
    low, high = (number(saving[end], 0, language) for end in ("low", "high"))
    if saving["low"] == saving["high"] == 0.0:
        first = say("saving_same")
    elif not saving["is_seen"]:
        first = say("saving_unseen", low=low, high=high)
    else:
        less = WORDS["less" if saving["value"] > 0 else "more"][language]
        sizes = sorted((abs(saving["low"]), abs(saving["high"])))
        low, high = (number(size, 0, language) for size in sizes)
        first = say("saving_seen", size=number(abs(saving["value"]), 0, language), less=less, low=low, high=high)
    share = percent(money["probability_of_saving"]["value"], language)
    if cost["value"] == 0:
        return [first, say("unpriced", share=share)]
    ends = {"low": number(net["low"], 0, language), "high": number(net["high"], 0, language)}
    amounts = {"cost": number(cost["value"], 0, language), "net": number(net["value"], 0, language)}
    return [first, say("pays", share=share, **amounts, **ends)]


def number(value: float, digits: int, language: str = "en") -> str:
    """Return a number as it is written: 1,234.5 in English, 1 234,5 (no-break spaces) in French."""
    if np.isnan(value):
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    text = text.replace("-", "\N{MINUS SIGN}")
    return text if language == "en" else text.replace(",", "\u202f").replace(".", ",")


def percent(share: float, language: str = "en") -> str:
    """Return a share in per cent."""
    return f"{number(100 * share, 0, language)}\u00a0%"


def _row(table: pd.DataFrame, **keys: str) -> Any:
    """Return the one row with these keys, or None."""
    for name, value in keys.items():
        table = table[table[name] == value]
    return table.iloc[0] if len(table) else None
