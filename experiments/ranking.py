"""Where does a euro do most? Interventions ranked by what they gain for what they cost, one aim at a time.

Owns the definitions of gains and of the price of an intervention, and the ranking; runs nothing and writes nothing.
Everything is paired by seed, with intervals over replications. What cannot be told from no gain has no rank.

The *price* of an intervention is what is put into it, not what comes of it: what it books to the territory's action,
what it adds to the headings it lives on (patient education, telehealth), and, where it has no entry in the books, a
registered price (`measure_price_eur_per_year`, grade C).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.pairing import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from abm.parameters.registry import Parameters

AIMS = ("experience", "health", "costs", "professionals", "equity")
PRICED_CATEGORIES = ("action", "education", "telehealth")
DELAY = "time_to_care_days.gp"
SATISFACTION = "gp_satisfaction"
PRICE = "measure_price_eur_per_year"
DAYS_A_YEAR = 365.25
PER_EUR = 1000.0
POINTS = 100.0
WORST_SHARE = 0.2  # of the people: those of the communes that wait longest in the reference
#: Below this price per resident and year a quotient says nothing.
LEAST_PRICE_EUR_PER_RESIDENT_YEAR = 0.01


def ranking(runs: pd.DataFrame, facts: Mapping[str, Any], parameters: Parameters) -> pd.DataFrame:
    """Return what each intervention gains per 1,000 EUR by aim, the best first.

    Parameters
    ----------
    runs, facts : of a comparison, see `experiments.comparing`.

    Returns
    -------
    aim, scenario, rank (0: cannot be told from no gain, or has no price), per_1000_eur, low, high (95 % interval over
    replications), gain, gain_low, gain_high (over the horizon, in the unit of the aim), price_eur, n.
    """
    reference = facts["reference"]
    years = facts["scenarios"][reference]["days"] / DAYS_A_YEAR
    rows: list[dict[str, Any]] = []
    for policy in facts["policies"]:
        price = price_of(runs, policy, facts, parameters, years)
        residents = _totals(runs, reference, "person_years").mean() / years
        has_price = price.mean() > LEAST_PRICE_EUR_PER_RESIDENT_YEAR * residents * years
        for aim, gain in gains_of(runs, policy, reference).items():
            both = pd.concat([gain, price], axis=1, join="inner").dropna()
            if both.empty:
                continue
            gained = interval(both.iloc[:, 0])
            per_euro = interval(PER_EUR * both.iloc[:, 0] / both.iloc[:, 1]) if has_price else None
            rows.append(
                {
                    "aim": aim,
                    "scenario": policy,
                    "per_1000_eur": np.nan if per_euro is None else per_euro.mean,
                    "low": np.nan if per_euro is None else per_euro.low,
                    "high": np.nan if per_euro is None else per_euro.high,
                    "gain": gained.mean,
                    "gain_low": gained.low,
                    "gain_high": gained.high,
                    "price_eur": float(both.iloc[:, 1].mean()),
                    "n": gained.n,
                }
            )
    return _ranked(pd.DataFrame(rows))


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Number, within each aim, those whose gain per euro can be told from none; the others come after."""
    columns = [
        "aim",
        "scenario",
        "rank",
        "per_1000_eur",
        "low",
        "high",
        "gain",
        "gain_low",
        "gain_high",
        "price_eur",
        "n",
    ]
    if table.empty:
        return pd.DataFrame(columns=columns)
    table = table.assign(is_seen=table["low"] > 0.0, place=table["aim"].map(AIMS.index))
    table = table.sort_values(
        ["place", "is_seen", "per_1000_eur", "scenario"], ascending=[True, False, False, True], na_position="last"
    )
    seen = table["is_seen"].groupby(table["aim"]).cumsum()
    return table.assign(rank=np.where(table["is_seen"], seen, 0))[columns].reset_index(drop=True)


# --- prices -------------------------------------------------------------------------------------------------------


def price_of(
    runs: pd.DataFrame, policy: str, facts: Mapping[str, Any], parameters: Parameters, years: float
) -> pd.Series:
    """Return the EUR put into an intervention over the horizon, by seed."""
    paid = runs[(runs["table"] == "paid") & runs["name"].isin(PRICED_CATEGORIES)]
    booked = paid.groupby(["scenario", "seed"])["value"].sum()
    registered = 0.0
    neutral, levers = facts["scenarios"][facts["reference"]]["levers"], facts["scenarios"][policy]["levers"]
    for lever, level in levers.items():
        if f"{PRICE}[{lever}]" in parameters and level != neutral[lever]:
            registered += (level - neutral[lever]) * parameters[f"{PRICE}[{lever}]"] * years
    registered *= facts["scenarios"][policy].get("scale", 1.0)
    seeds = sorted(set(runs.loc[runs["scenario"] == policy, "seed"]))
    mine, other = (booked.reindex(pd.MultiIndex.from_product([[name], seeds])) for name in (policy, facts["reference"]))
    found = mine.fillna(0.0).to_numpy() - other.fillna(0.0).to_numpy() + registered
    return pd.Series(found, index=pd.Index(seeds, name="seed"), name="price_eur")


# --- gains --------------------------------------------------------------------------------------------------------


def gains_of(runs: pd.DataFrame, policy: str, reference: str) -> dict[str, pd.Series]:
    """Return what an intervention gains over the horizon by aim, by seed; more is better.

    Returns
    -------
    experience : days of waiting for general practice spared, all requests together;
    health : quality-adjusted days of life gained by all residents;
    costs : EUR not spent on care, the intervention's own price left out;
    professionals : points (of 100) of the satisfaction of general practitioners;
    equity : days of waiting spared in the communes that wait longest, where a fifth of the people live.
    """
    waits = _waits(runs, policy, reference)
    longest = _longest_waiting(runs, reference)
    found = {
        "experience": waits.groupby("seed")["spared_days"].sum(),
        "health": DAYS_A_YEAR * _difference(_totals(runs, policy, "qaly"), _totals(runs, reference, "qaly")),
        "costs": -_difference(_care(runs, policy), _care(runs, reference)),
        "professionals": POINTS
        * _difference(_overall(runs, policy, SATISFACTION), _overall(runs, reference, SATISFACTION)),
        "equity": waits[waits["stratum"].isin(longest)].groupby("seed")["spared_days"].sum(),
    }
    return {aim: series for aim, series in found.items() if len(series)}


def _difference(mine: pd.Series, other: pd.Series) -> pd.Series:
    return (mine - other).dropna()


def _overall(runs: pd.DataFrame, scenario: str, indicator: str) -> pd.Series:
    """Return an indicator over everybody and the whole horizon, by seed."""
    rows = runs[(runs["table"] == "indicator") & (runs["name"] == indicator) & (runs["scenario"] == scenario)]
    rows = rows[(rows["kind"] == "all") & (rows["period"] == "all")]
    return rows.set_index("seed")["value"]


def _totals(runs: pd.DataFrame, scenario: str, name: str) -> pd.Series:
    """Return a total of the horizon, by seed."""
    rows = runs[(runs["table"] == "total") & (runs["name"] == name) & (runs["scenario"] == scenario)]
    return rows.groupby("seed")["value"].sum()


def _care(runs: pd.DataFrame, scenario: str) -> pd.Series:
    """Return what all payers spend on care but for the headings that are an intervention's price, by seed."""
    rows = runs[(runs["table"] == "paid") & (runs["scenario"] == scenario)]
    return rows[~rows["name"].isin(PRICED_CATEGORIES)].groupby("seed")["value"].sum()


def _by_commune(runs: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """Return the time to care of general practice by seed and commune: value, n."""
    rows = runs[(runs["table"] == "indicator") & (runs["name"] == DELAY) & (runs["scenario"] == scenario)]
    rows = rows[(rows["kind"] == "commune") & (rows["period"] == "all")]
    return rows.set_index(["seed", "stratum"])[["value", "n"]].dropna()


def _waits(runs: pd.DataFrame, policy: str, reference: str) -> pd.DataFrame:
    """Return the days of waiting spared by seed and commune: a day less for each request of the reference counts 1."""
    mine, other = _by_commune(runs, policy).align(_by_commune(runs, reference), join="inner", axis=0)
    spared = (other["value"] - mine["value"]) * other["n"]
    return spared.rename("spared_days").reset_index()


def _longest_waiting(runs: pd.DataFrame, reference: str) -> list[str]:
    """Return the communes with the longest mean wait over all seeds of the reference, with a fifth of the requests."""
    table = _by_commune(runs, reference)
    days = (table["value"] * table["n"]).groupby("stratum").sum()
    number = table["n"].groupby("stratum").sum()
    order = (days / number).sort_values(ascending=False, kind="stable").index
    reached = number[order].cumsum() / number.sum()
    n_communes = int(np.searchsorted(reached.to_numpy(), WORST_SHARE)) + 1
    return list(order[:n_communes])


def potential(values: NDArray, people: NDArray, *, is_better_low: bool) -> float:
    """Return what would be gained if every commune did at least as well as the best quarter of the people's.

    Parameters
    ----------
    values : one a commune, NaN where not known; people : who live there, shape (c,).

    Returns
    -------
    sum over people, in the unit of `values`; an upper bound: chance alone makes communes differ.
    """
    known = ~np.isnan(values)
    signed = values[known] if is_better_low else -values[known]
    weights = people[known].astype(float)
    if not weights.sum():
        return float("nan")
    order = np.argsort(signed, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    mark = signed[order][np.searchsorted(reached, 0.25)]
    return float((np.maximum(signed - mark, 0.0) * weights).sum())
