"""How unequal are communes before and after a policy, beside what chance alone gives?

Owns this table. Communes are averaged over replications first: in a single run small communes differ by chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNEQUAL = {"time_to_care": "time_to_care_days.gp", "forgone_care": "forgone_care_share",
           "spend": "spend_per_head_eur"}  # fmt: skip
FEWEST_PLACES = 3
DEALS = 200  # of the communes, to see what chance alone gives


def inequality(runs: pd.DataFrame, reference: str, territory: str) -> pd.DataFrame:
    """Return how unequal communes are before and after, beside what chance alone gives.

    Returns
    -------
    amount, measure, scenario (the reference too, first), value, by_chance. `by_chance` is the median over deals in
    which each replication's values change places at random among the communes.
    """
    from abm.errors import InputError
    from experiments.running import find_territory

    columns = ["amount", "measure", "scenario", "value", "by_chance"]
    try:
        communes = find_territory(territory).communes
    except InputError:
        return pd.DataFrame(columns=columns)
    places = communes.set_index(communes["insee"].astype(str))[["population", "median_income_eur"]].astype(float)
    rows: list[tuple] = []
    luck = np.random.default_rng(0)  # deals of the table, no draw of the model
    for amount, indicator in UNEQUAL.items():
        found = runs[(runs["table"] == "indicator") & (runs["kind"] == "commune") & (runs["name"] == indicator)]
        found = found[found["period"] == "all"]
        for scenario in sorted(set(found["scenario"]), key=lambda name: name != reference):
            wide = found[found["scenario"] == scenario].pivot(index="stratum", columns="seed", values="value").dropna()
            if len(wide) < FEWEST_PLACES or not set(wide.index) <= set(places.index):
                continue
            table, there = wide.to_numpy(float), places.loc[wide.index]
            own = _measures(table.mean(axis=1), there, amount)
            dealt = [_measures(luck.permuted(table, axis=0).mean(axis=1), there, amount) for _ in range(DEALS)]
            for measure, value in own.items():
                known = [deal[measure] for deal in dealt if not np.isnan(deal[measure])]
                by_chance = float(np.median(known)) if known else np.nan
                rows.append((amount, measure, scenario, value, by_chance))
    return pd.DataFrame(rows, columns=columns)


def _measures(values: NDArray, places: pd.DataFrame, amount: str) -> dict[str, float]:
    """Return the measures of inequality over communes, weighted by people, ranked by income."""
    from abm.indicators.equity import measures

    people, income = (places[name].to_numpy() for name in ("population", "median_income_eur"))
    return measures(values, people, income, amount == "forgone_care")
