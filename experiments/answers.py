"""What is the answer in three sentences, said as surely as the numbers allow and no surer?

Owns the wording, in English and French, of what a comparison says: access, money, value for money. A difference whose
interval holds 0 is told as one that cannot be seen, never by its mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

DELAY = "time_to_care_days.gp"
LANGUAGES = ("en", "fr")
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
        "fr": "{policy} {verb} le délai d'accès au généraliste de {size} jour (intervalle à 95 % : {low} à {high}, "
        "pour {base} jours au départ, {n} réplications).",
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
        "en": "No cost of the action itself is in the books, so this is no answer to whether it pays for itself.",
        "fr": "Aucun coût propre à l'action n'est inscrit dans les comptes : rien n'est dit ici de sa rentabilité.",
    },
}
WORDS = {
    "shortens": {"en": "shortens", "fr": "réduit"},
    "lengthens": {"en": "lengthens", "fr": "allonge"},
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
    inherited = [fields.get("title") for other, fields in facts["scenarios"].items() if other != name]
    return str(title) if title and language == "en" and title not in inherited else name


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
        if not delay["is_seen"]:
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
    if not saving["is_seen"]:
        first = say("saving_unseen", low=low, high=high)
    else:
        less = WORDS["less" if saving["value"] > 0 else "more"][language]
        sizes = sorted((abs(saving["low"]), abs(saving["high"])))
        low, high = (number(size, 0, language) for size in sizes)
        first = say("saving_seen", size=number(abs(saving["value"]), 0, language), less=less, low=low, high=high)
    if cost["value"] == 0:
        return [first, say("unpriced")]
    ends = {"low": number(net["low"], 0, language), "high": number(net["high"], 0, language)}
    share = percent(money["probability_of_saving"]["value"], language)
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
