"""What does each run come to, and what does a policy save and give? Savings and expected life, paired by seed.

Owns these two tables, from what is kept of the runs (`experiments.run_tables`); runs nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.economics import discount

DISCOUNT_FROM = 2020.0  # 1 January
MONEY = ("true_saving_eur", "action_cost_eur", "net_saving_eur", "resource_saving_eur")


def totals_by_run(runs: pd.DataFrame, rate_per_year: float = 0.0) -> pd.DataFrame:
    """Return what each run comes to, by scenario, seed and year.

    Parameters
    ----------
    rate_per_year : of discounting.

    Returns
    -------
    index scenario, seed, year; columns `spend_eur` (all payers, the action's own cost included), `action_eur`,
    `resource_eur`, `person_years`, `qaly` and `qaly_discounted` (expected, see `with_expected_life`),
    `expected_deaths`; NaN where a run folder does not tell.
    """
    keys = ["scenario", "seed", "period"]
    paid = runs[runs["table"] == "paid"]
    columns = {
        "spend_eur": paid.groupby(keys)["value"].sum(),
        "action_eur": paid[paid["name"] == "action"].groupby(keys)["value"].sum(),
        "resource_eur": runs[runs["table"] == "resource"].groupby(keys)["value"].sum(),
    }
    rest = runs[runs["table"] == "total"].pivot_table(index=keys, columns="name", values="value", aggfunc="sum")
    table = pd.DataFrame(columns).join(rest, how="outer").rename_axis(["scenario", "seed", "year"])
    table.attrs["rate"] = rate_per_year
    for name in ("person_years", "qaly", "expected_deaths"):
        if name not in table:
            table[name] = np.nan
    return with_expected_life(table.fillna({"action_eur": 0.0}))


def with_expected_life(totals: pd.DataFrame) -> pd.DataFrame:
    """Return the totals with `qaly` and `qaly_discounted` (to 1 January 2020) as expected values.

    Notes
    -----
    qaly lived + ahead of the survivors + (deaths - expected deaths) * what a death of that year takes on average over
    all runs: drawn deaths are exchanged for the sum of hazards (`experiments.expected_life`).
    """
    table = totals.copy()
    years = table.index.get_level_values("year").astype(float).to_numpy() - DISCOUNT_FROM
    rate = table.attrs.get("rate", 0.0)
    lived = table["qaly"]
    surplus = table["deaths"] - table["expected_deaths"] if "deaths" in table else 0.0 * lived
    for suffix, at, of_rate in (("", years, 0.0), ("_discounted", years, rate)):
        value = discount(lived, at + 0.5, of_rate)
        if f"qaly_lost{suffix}" in table:
            sums = table.groupby(level="year")[[f"qaly_lost{suffix}", "deaths"]].transform("sum")
            at_a_death = (sums[f"qaly_lost{suffix}"] / sums["deaths"].where(sums["deaths"] > 0)).fillna(0.0)
            value = value + discount(table[f"qaly_ahead{suffix}"].fillna(0.0), at + 1.0, of_rate)
            value = value + discount(surplus * at_a_death, at + 0.5, of_rate)
        table[f"expected{suffix}"] = value
    table["qaly"], table["qaly_discounted"] = table["expected"], table["expected_discounted"]
    return table.drop(columns=["expected", "expected_discounted"])


def measures(totals: pd.DataFrame, scenario: str, reference: str) -> pd.DataFrame:
    """Return the paired economic results of a scenario, one row a seed.

    Returns
    -------
    `true_saving_eur` (spend on care of the reference less that of the policy, all payers), `action_cost_eur` (booked to
    the action itself), `net_saving_eur` (their difference: every cost in the books is in it), `resource_saving_eur`
    (resources really spared in the short run, less the action), `qaly` (gained), `person_years` (of the reference).
    """
    if scenario not in totals.index.get_level_values("scenario"):
        return pd.DataFrame()
    sums = totals.groupby(level=["scenario", "seed"]).sum(min_count=1)
    mine, other = sums.loc[scenario].align(sums.loc[reference], join="inner", axis=0)
    gone = other - mine
    return pd.DataFrame(
        {
            "true_saving_eur": gone["spend_eur"] - gone["action_eur"],
            "action_cost_eur": -gone["action_eur"],
            "net_saving_eur": gone["spend_eur"],
            "resource_saving_eur": gone["resource_eur"],
            "qaly": -gone["qaly"],
            "person_years": other["person_years"],
        }
    )
