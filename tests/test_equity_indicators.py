"""Inequality of delay, forgone care, access and spend: closed forms reached through the table of indicators."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from test_indicators import DAYS, FIRST, episode, people_of, random_records, records_of, row_of, setting_of

from abm.equity import concentration_index, erreygers_index, gini, relative_index, slope_index
from abm.indicators import communes_table, indicators
from abm.indicators.counting import Run
from abm.indicators.equity import amounts, deals, measures
from abm.payments.tables import CARE_PAYERS
from abm.state import Payer, Status
from abm.world import calendar_of

ALL = ("all",)


def value(table, indicator: str) -> float:
    return float(row_of(table, indicator)["value"])


def two_communes(n_waits: int, n_not: int):
    """People of commune 0 wait 10 days, those of commune 1 none."""
    people = people_of(n_waits + n_not)
    people.commune[n_waits:] = 1
    rows = [episode(person, lead=10 if person < n_waits else 0) for person in range(people.size)]
    return records_of(*rows, people=people)


def test_gini_of_two_communes_is_the_share_of_those_who_have_nothing():
    """All of the waiting falls on a share p of the people: the index is 1 - p."""
    table = indicators(two_communes(3, 7), ALL)
    assert value(table, "gini.lead_time") == pytest.approx(0.7, rel=1e-12)
    assert row_of(table, "gini.lead_time")["n"] == 2


def test_equal_communes_have_no_inequality():
    people = people_of(10)
    people.commune[5:] = 1
    table = indicators(records_of(*(episode(person, lead=4) for person in range(10)), people=people), ALL)
    for measure, equal in (("gini", 0), ("concentration_index", 0), ("slope_index", 0), ("extreme_tenths_ratio", 1),
                           ("relative_index_of_inequality", 1)):  # fmt: skip
        assert value(table, f"{measure}.lead_time") == pytest.approx(equal, abs=1e-12)
        assert value(table, f"{measure}.lead_time.permuted") == pytest.approx(equal, abs=1e-12)


def test_communes_are_ranked_by_median_income_poorest_first():
    """In `tiny` commune 0 is poorer than commune 1: those who wait are poor, the index is negative."""
    incomes = setting_of().territory.communes["median_income_eur"].to_numpy()
    assert incomes[0] < incomes[1]
    table = indicators(two_communes(5, 5), ALL)
    values, ranks, weights = np.array([10.0, 0.0]), np.array([0.0, 1.0]), np.array([5.0, 5.0])
    assert value(table, "concentration_index.lead_time") == pytest.approx(-0.5, rel=1e-12)
    assert value(table, "concentration_index.lead_time") == concentration_index(values, ranks, weights)
    assert value(table, "slope_index.lead_time") == slope_index(values, ranks, weights)
    assert value(table, "slope_index.lead_time") == pytest.approx(-20, rel=1e-12)
    assert row_of(table, "slope_index.lead_time")["unit"] == "days"


def test_a_share_is_measured_by_erreygers_index():
    people = people_of(20)
    people.commune[10:] = 1
    table = indicators(records_of(*(episode(person, lead=None) for person in range(8)), people=people), ALL)
    values, incomes = np.array([0.8, 0.0]), np.array([0.0, 1.0])
    assert value(table, "forgone_care_share") == pytest.approx(8 / 40)  # of two twelve-month spans
    expected = erreygers_index(values / 2, incomes, 0, 1, np.array([10.0, 10.0]))
    assert value(table, "concentration_index.forgone_care") == pytest.approx(expected, rel=1e-12)
    assert expected != pytest.approx(concentration_index(values, incomes))


def test_between_income_fifths_people_count_wherever_they_live():
    people = people_of(10)
    people.income_quintile = np.repeat([1, 2, 3, 4, 5], 2)
    leads = [8, 8, 6, 6, 4, 4, 2, 2, 0, 0]
    table = indicators(records_of(*(episode(p, lead=lead) for p, lead in enumerate(leads)), people=people), ALL)
    values, ranks = np.array([8.0, 6, 4, 2, 0]), np.arange(5.0)
    assert value(table, "concentration_index.lead_time.income_fifth") == pytest.approx(
        concentration_index(values, ranks), rel=1e-12
    )
    assert value(table, "relative_index_of_inequality.lead_time.income_fifth") == relative_index(
        values, ranks, np.full(5, 2.0)
    )
    assert value(table, "slope_index.lead_time.income_fifth") == pytest.approx(-10, rel=1e-12)
    assert value(table, "concentration_index.lead_time") == 0  # one commune: all are tied


@pytest.mark.parametrize("seed", range(3))
def test_amounts_have_the_means_of_the_table_of_communes(seed):
    """Person by person added up, they are what the other indicators say of each commune."""
    records = random_records(seed)
    run, communes = Run(records), communes_table(records)
    for amount in amounts(run):
        np.testing.assert_allclose(amount.means(run.commune, run.n_communes), communes[amount.column], rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_every_index_is_that_of_the_table_of_communes(seed):
    records = random_records(seed)
    table, communes = indicators(records, ALL), communes_table(records)
    waits, people = communes["lead_time_mean_days.gp"].to_numpy(), communes["population"].to_numpy(float)
    assert value(table, "gini.lead_time") == pytest.approx(gini(waits, people), rel=1e-12)
    found = concentration_index(waits, communes["median_income_eur"], people)
    assert value(table, "concentration_index.lead_time") == pytest.approx(found, rel=1e-12)


def test_dealing_keeps_people_and_sizes_and_leaves_spare_rows_alone():
    people = people_of(50)
    people.commune = np.arange(50) % 4
    people.commune[40:] = 4
    people.status[40:] = Status.EXPECTED
    run = Run(records_of(people=people))
    first, again = list(deals(run, 3)), list(deals(run, 3))
    for dealt, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(dealt, same)
        np.testing.assert_array_equal(np.bincount(dealt), np.bincount(people.commune))
        assert (dealt[40:] == 4).all()
    assert (first[0] != first[1]).any()


def test_chance_alone_shows_in_the_permuted_value_and_a_true_difference_does_not():
    """Communes of six people each: with no true difference both are alike, with one the permuted value stays low."""
    draw = np.random.default_rng(5)
    people = people_of(30)
    people.commune = np.arange(30) % 5
    by_chance = draw.exponential(5, 30).astype(int)
    by_place = 2 + 6 * people.commune
    for leads, is_true in ((by_chance, False), (by_place, True)):
        records = records_of(*(episode(p, lead=int(lead)) for p, lead in enumerate(leads)), people=people)
        table = indicators(records, ALL)
        found, permuted = (value(table, f"gini.lead_time{suffix}") for suffix in ("", ".permuted"))
        assert permuted > 0.02
        assert (found > 2 * permuted) == is_true, (found, permuted)


@pytest.mark.parametrize("start", [dt.date(2021, 1, 1), dt.date(2021, 4, 1)])
def test_spend_is_per_year_lived_and_in_euros(start):
    """600 EUR a year for one person, 100 EUR for another who died after half a year."""
    scenario = setting_of().scenario.model_copy(update={"start": start})
    setting = replace(setting_of(), scenario=scenario, calendar=calendar_of(setting_of().territory, scenario))
    people = people_of(2)
    people.commune[1] = 1
    people.gone_on[1], people.status[1] = FIRST + 181, Status.DEAD
    n_years = len(Run(records_of(people=people, setting=setting)).years.labels)
    cents = np.full((1 + n_years + 1, 2, CARE_PAYERS), 999_999, np.int32)  # warm-up, the horizon, what comes after
    cents[1:-1] = 0
    cents[1:3, 0, Payer.COMPULSORY], cents[1:3, 0, Payer.PATIENT] = 40_000, 20_000
    cents[1, 1, Payer.LOCAL] = 10_000
    records = records_of(people=people, setting=setting, spend_cents=cents)
    spend = next(amount for amount in amounts(Run(records)) if amount.name == "spend")
    np.testing.assert_allclose(spend.total, [1200, 100])
    np.testing.assert_allclose(spend.number * 365.25, [DAYS, 182])
    assert "gini.spend" in set(indicators(records, ALL).indicator)
    assert "gini.spend" not in set(indicators(records_of(), ALL).indicator)


def test_nobody_is_no_number():
    found = measures(np.array([np.nan, 1.0]), np.array([3.0, 0.0]), np.array([1.0, 2.0]), False)
    assert np.isnan(list(found.values())).all()
