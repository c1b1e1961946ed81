"""Runs of a comparison made by hand: amounts and delays of each scenario and seed. No test of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from abm.scenario import load_scenario
from experiments.run_tables import COLUMNS

SEEDS = (1, 2, 3, 4)
YEARS = ("2020", "2021")


def run_rows(
    scenario: str,
    seed: int,
    *,
    delay_days: float = 7.0,
    care_eur: float = 1000.0,
    action_eur: float = 0.0,
    qaly: float = 80.0,
    years: Sequence[str] = YEARS,
    requests: int = 50,
) -> pd.DataFrame:
    """One run: 100 years lived and these amounts in each year, all paid by the compulsory insurance."""
    rows: list[tuple[Any, ...]] = [
        ("indicator", "time_to_care_days.gp", "all", "all", "all", delay_days, requests),
        ("indicator", "lead_time_mean_days.gp", "all", "all", "all", delay_days, requests),
        ("indicator", "time_to_care_days.gp", "commune", "00001", "all", delay_days, requests),
    ]
    for year in years:
        rows += [
            ("paid", "gp", "payer", "compulsory", year, care_eur, 0),
            ("received", "gp", "general_practitioner", "general_practitioner", year, care_eur, 0),
            ("resource", "gp", "all", "all", year, care_eur / 10 + action_eur, 0),
            ("total", "person_years", "all", "all", year, 100.0, 0),
            ("total", "qaly", "all", "all", year, qaly, 0),
        ]
        if action_eur:
            rows.append(("paid", "action", "payer", "territory", year, action_eur, 0))
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(scenario=scenario, seed=seed)


def norm_rows(scenario: str, seed: int, before_eur: float, now_eur: float) -> pd.DataFrame:
    """Ten years lived by one kind of people in the year before and in 2020, and what they cost; all in a contract."""
    rows = []
    for period, amount, earlier in (("before.2019", before_eur, None), ("2020", now_eur, before_eur)):
        for group, eur in (("all", amount), ("ipep", amount), ("ipep_before", earlier)):
            if eur is None:
                continue
            sums = [("person_years", "all", 10.0), ("spend_eur", "all", eur), ("features", "0M", 10.0)]
            if group == "all":
                sums += [("moments", "0M|0M", 10.0), ("products", "0M", eur)]
            rows += [("norm", name, group, stratum, period, value, 10) for name, stratum, value in sums]
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(scenario=scenario, seed=seed)


def facts_of(levers: Mapping[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Facts of a comparison of policies with these levers with the baseline."""
    scenarios = {"baseline": load_scenario(days=731)}
    scenarios |= {name: load_scenario(name=name, title=name, days=731, **values) for name, values in levers.items()}
    return {
        "reference": "baseline",
        "policies": list(levers),
        "variants": {},
        "territory": "tiny",
        "seed": 1,
        "replications": len(SEEDS),
        "is_uncertain": False,
        "scenarios": {name: scenario.model_dump(mode="json") for name, scenario in scenarios.items()},
        "failed": [],
    } | more
