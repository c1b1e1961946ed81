"""How do differences run over the years, what did the action cost in each, and what remains after the money stops?

Owns these tables, from what is kept of the runs of a comparison; runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from experiments.pairing import cells_of, paired_differences

BY_YEAR = ("time_to_care_days.gp", "spend_per_head_eur", "professionals_in_network", "patients_enrolled")
PROGRAMME = ("programme_cost_eur", "programme_cost_eur.state", "programme_cost_eur.territory",
             "programme_cost_eur.other", "programme_cost_eur.compulsory")  # fmt: skip


def by_year(runs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return the differences of some indicators by year."""
    rows = runs[(runs["table"] == "indicator") & (runs["kind"] == "all") & runs["name"].isin(BY_YEAR)]
    rows = rows[(rows["period"] != "all") & np.isfinite(rows["value"])]
    rows = rows.rename(columns={"name": "indicator", "period": "year"})
    if not {reference} < set(rows["scenario"]):
        return pd.DataFrame()
    return paired_differences(rows, reference, by=("indicator", "year"))


def remaining(runs: pd.DataFrame, totals: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return what remains after the money stops: year by year, with it and with it stopped half-way.

    Returns
    -------
    scenario, ended (date), arm ("paid for", "stopped"), year, outcome (of `BY_YEAR`, and `true_saving_eur`), value,
    low, high, n, is_seen: differences from the reference.
    """
    rows: list[tuple] = []
    for policy in facts["policies"]:
        stopped = _ended_of(policy, facts)
        if stopped is None or not {stopped, policy, facts["reference"]} <= set(runs["scenario"]):
            continue
        for arm, name in (("paid for", policy), ("stopped", stopped)):
            ended = facts["scenarios"][stopped]["levers"]["network_end"]
            pair = runs[runs["scenario"].isin([facts["reference"], name])]
            for row in by_year(pair, facts["reference"]).to_dict("records"):
                cells = (row[key] for key in ("difference", "low", "high", "n", "is_seen"))
                rows.append((policy, ended, arm, row["year"], row["indicator"], *cells))
            spend = totals["spend_eur"] - totals["action_eur"]
            saved = (spend.loc[facts["reference"]] - spend.loc[name]).dropna()
            for year, values in saved.groupby(level="year"):
                rows.append((policy, ended, arm, year, "true_saving_eur", *cells_of(values)))
    columns = ["scenario", "ended", "arm", "year", "outcome", "value", "low", "high", "n", "is_seen"]
    return pd.DataFrame(rows, columns=columns)


def _ended_of(policy: str, facts: Mapping[str, Any]) -> str | None:
    """Return the scenario in which a policy's money stops half-way, if one was run."""
    from abm.scenario import Scenario
    from experiments.comparison_plan import ended_levers, parts_of

    scenarios = {name: Scenario.model_validate(fields) for name, fields in facts["scenarios"].items()}
    wanted = ended_levers(scenarios[policy])
    for name, scenario in scenarios.items():
        levers = {key: value for part in parts_of(scenario).values() for key, value in part.items()}
        if wanted and levers == wanted and not facts["variants"].get(name, {}).get("delay"):
            return name
    return None


def programme(runs: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return what the action cost by funder and year, booked in the runs: scenario, indicator, year, value, n."""
    rows = runs[(runs["table"] == "indicator") & (runs["kind"] == "all") & runs["name"].isin(PROGRAMME)]
    rows = rows[rows["scenario"].isin(facts["policies"])]
    sums = rows.groupby(["scenario", "name", "period"], sort=False)["value"].agg(["mean", "count"]).reset_index()
    sums.columns = pd.Index(["scenario", "indicator", "year", "value", "n"])
    has_any = sums.groupby("scenario")["value"].transform("max") > 0
    return sums[has_any]
