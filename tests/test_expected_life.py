"""Expected life: closed forms, and drawn deaths exchanged for hazards without changing any mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm.parameters import load_parameters
from experiments.expected_life import life_ahead, tables_ahead
from experiments.measures import measures, totals_by_run
from experiments.run_tables import COLUMNS


def test_life_ahead_under_a_constant_hazard() -> None:
    """Quality over force of mortality and discounting, at every age; without quality nothing."""
    n, hazard, rate = 50, 0.04, 0.025
    found = life_ahead(np.full(n, hazard), np.full(n, 0.8), rate)
    assert found == pytest.approx([0.8 / (hazard + np.log(1.025))] * n)
    assert life_ahead(np.full(n, hazard), np.full(n, 0.8), 0.0) == pytest.approx([0.8 / hazard] * n)
    assert (life_ahead(np.full(n, hazard), np.zeros(n), rate) == 0).all()


def test_life_ahead_of_two_ages_by_hand() -> None:
    """One year at 0.5, then for ever at 1: 0.5 (1 - e^-0.1) / 0.1 + e^-0.1 / 0.2."""
    found = life_ahead(np.array([0.1, 0.2]), np.array([0.5, 1.0]), 0.0)
    assert found == pytest.approx([0.5 * (1 - np.exp(-0.1)) / 0.1 + np.exp(-0.1) / 0.2, 5.0])


def test_tables_of_the_country_are_plausible() -> None:
    plain, now = (tables_ahead(load_parameters(), rate) for rate in (0.0, 0.025))
    men, women = plain[:, 0], plain[:, 1]
    assert (np.diff(plain[:100], axis=0) < 0).all() and (women[:100] > men[:100]).all()
    assert 60 < men[0] < women[0] < 80 and (now < plain).all()


def run(scenario: str, seed: int, deaths: float, expected: float, ahead: float) -> pd.DataFrame:
    values = {"person_years": 100.0, "qaly": 80.0, "deaths": deaths, "expected_deaths": expected}
    values |= {f"{name}{end}": value for end in ("", "_discounted") for name, value in
               (("qaly_ahead", ahead), ("qaly_lost", 10.0 * deaths))}  # fmt: skip
    rows = [("total", name, "all", "all", "2020", value, 0) for name, value in values.items()]
    rows += [("paid", "gp", "payer", "compulsory", "2020", 1.0, 0), ("resource", "gp", "all", "all", "2020", 1.0, 0)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(scenario=scenario, seed=seed)


def test_a_lucky_death_less_is_no_gain() -> None:
    """One death less than under the reference, with the same hazards: those 10 years were luck."""
    runs = pd.concat([run("baseline", 1, 5.0, 5.0, 1000.0), run("policy", 1, 4.0, 5.0, 1010.0)])
    assert measures(totals_by_run(runs), "policy", "baseline")["qaly"].tolist() == pytest.approx([0.0])


def test_fewer_expected_deaths_are_a_gain_though_nobody_else_lived() -> None:
    runs = pd.concat([run("baseline", 1, 5.0, 5.0, 1000.0), run("policy", 1, 5.0, 4.0, 1000.0)])
    assert measures(totals_by_run(runs), "policy", "baseline")["qaly"].tolist() == pytest.approx([10.0])
