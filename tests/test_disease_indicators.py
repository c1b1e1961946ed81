"""Prevalence, admissions, deaths and control of single diseases on records written by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from test_hospital_indicators import FAILURE, FOOT, INFARCTION, YEARS, stay, with_stays
from test_indicators import CARDIOLOGIST, DAYS, FIRST, FOLLOW_UP, episode, people_of, records_of, row_of

from abm.indicators import indicators
from abm.state import HEALTH, NEVER, Outcome, Status

LAST = FIRST + DAYS + FOLLOW_UP - 1  # last simulated day
DIABETES, HEART_FAILURE = 0, 1


@dataclass(frozen=True)
class Named:
    """All that indicators read of a condition."""

    name: str


CONDITIONS = (Named("diabetes"), Named("heart_failure"))


def ill_people(n: int = 10, *, diabetes: int = 0, heart_failure: int = 0, age_years: float = 70) -> np.recarray:
    """The first of them have diabetes, the last ones heart failure."""
    people = people_of(n, age_years)
    people.conditions[:diabetes] |= 1 << DIABETES
    if heart_failure:
        people.conditions[-heart_failure:] |= 1 << HEART_FAILURE
    return people


def health_of(people: np.recarray, **columns: object) -> np.recarray:
    health = np.zeros(people.size * len(CONDITIONS), HEALTH).view(np.recarray)
    health.last_event_on = health.began_on = NEVER
    for name, values in columns.items():
        health[name] = values
    return health


def table_of(
    *stays: dict, people: np.recarray, episodes: tuple = (), health: np.recarray | None = None
) -> pd.DataFrame:
    health = health_of(people) if health is None else health
    setting = {"conditions": CONDITIONS}
    return indicators(with_stays(*stays, people=people, episodes=episodes, setting=setting, health=health))


def value(table: pd.DataFrame, indicator: str, *where: str) -> float:
    return float(row_of(table, indicator, *where)["value"])


# --- who has it ---------------------------------------------------------------------------------------------------


def test_prevalence_is_over_those_who_live_here_at_the_end():
    people = ill_people(10, diabetes=4, heart_failure=3)
    people.has_ald[:5] = 1
    people.status[0], people.gone_on[0] = Status.DEAD, LAST - 1  # died on the eve of the last day
    people.birth_day[1] = LAST - 10 * 366  # a child: no adult
    table = table_of(people=people)
    assert value(table, "diabetes_treated_prevalence") == pytest.approx(3 / 9)
    assert value(table, "heart_failure_prevalence") == pytest.approx(3 / 8)
    assert value(table, "ald_share") == pytest.approx(4 / 9)
    assert value(table, "diabetes_treated_prevalence", "age_band", "7-11") == 1
    assert value(table, "diabetes_treated_prevalence", "sex", "male") == pytest.approx(3 / 9)


def test_mean_control_is_of_those_who_have_the_condition():
    people = ill_people(4, diabetes=3, heart_failure=1)
    people.status[2], people.gone_on[2] = Status.DEPARTED, LAST - 5
    control = np.array([[7.0, 9.0], [8.0, 9.0], [30.0, 9.0], [50.0, 0.4]])
    table = table_of(people=people, health=health_of(people, control=control.ravel()))
    assert value(table, "mean_control.diabetes") == 7.5
    assert value(table, "mean_control.heart_failure") == pytest.approx(0.4, rel=1e-6)
    assert row_of(table, "mean_control.diabetes")["unit"] == "%"


def test_where_a_condition_is_absent_so_are_its_indicators():
    names = set(indicators(with_stays(stay(cause=FAILURE))).indicator)
    assert "ald_share" in names and "admissions_per_1000" in names
    assert not {name for name in names if name.startswith(("heart_failure", "diabetes", "mean_control"))}
    assert not {n for n in set(indicators(records_of()).indicator) if n.startswith(("heart_failure", "diabetes"))}


# --- heart failure ------------------------------------------------------------------------------------------------


def test_adults_admitted_count_once_a_year():
    people = ill_people(10, heart_failure=10)
    people.birth_day[0] = FIRST - 10 * 365  # a child of ten
    stays = [stay(1, 10, cause=FAILURE), stay(1, 90, cause=FAILURE), stay(1, 500, cause=FAILURE),
             stay(2, 20, cause=FAILURE), stay(0, 20, cause=FAILURE), stay(3, 20)]  # fmt: skip
    table = table_of(*stays, people=people)
    year = 365 / 365.25
    name = "heart_failure_admitted_per_100k_adults"
    assert value(table, name, "all", "all", "2021") == pytest.approx(1e5 * 2 / (9 * year))
    assert value(table, name, "all", "all", "2022") == pytest.approx(1e5 * 1 / (9 * year))
    assert value(table, name) == pytest.approx(1e5 * 3 / (18 * year))


def test_deaths_in_hospital_are_a_share_of_stays():
    stays = [stay(p, 10 * p, cause=FAILURE, ends_in_death=int(p == 0)) for p in range(4)]
    table = table_of(*stays, stay(5, 3, ends_in_death=1), people=ill_people(10, heart_failure=10))
    assert value(table, "heart_failure_in_hospital_mortality") == 0.25


def test_one_year_mortality_is_of_people_followed_for_a_year_from_their_first_admission():
    people = ill_people(8, heart_failure=8)
    ends = {1: (Status.DEAD, 365), 2: (Status.DEAD, 366), 3: (Status.DEPARTED, 200), 5: (Status.DEAD, 30)}
    for person, (status, after) in ends.items():
        people.status[person], people.gone_on[person] = status, FIRST + 10 + after
    stays = [stay(person, 10, cause=FAILURE) for person in range(4)]
    stays += [stay(0, 300, cause=FAILURE)]  # again: no second person
    stays += [stay(4, DAYS - 1, cause=FAILURE), stay(5, 10)]  # followed too short; for another reason
    row = row_of(table_of(*stays, people=people), "heart_failure_one_year_mortality")
    assert (row["value"], row["n"]) == (pytest.approx(1 / 3), 3)  # 0 lives, 1 died in time, 2 a day late; 3 moved


def test_a_death_within_a_year_of_an_admission_that_is_followed_less_is_not_counted():
    """Else late admissions would count when people died, and not when they lived."""
    people = ill_people(3, heart_failure=3)
    people.status[1], people.gone_on[1] = Status.DEAD, FIRST + DAYS + 20
    row = row_of(table_of(stay(1, DAYS - 1, cause=FAILURE), people=people), "heart_failure_one_year_mortality")
    assert np.isnan(row["value"]) and row["n"] == 0


def test_deprivation_ratio_is_at_equal_ages():
    """The poorest are younger. Rates by age: 0.2 and 0.8 of the poorest, 0.1 and 0.2 of the richest."""
    people = ill_people(160, heart_failure=160)
    ages = np.repeat([40, 80, 40, 80], [60, 20, 40, 40])
    people.income_quintile = np.repeat([1, 5], 80)
    people.birth_day = FIRST - (ages * 365.25).astype(int) - 30
    stays, rates = [], {(1, 40): 0.2, (1, 80): 0.8, (5, 40): 0.1, (5, 80): 0.2}
    for (quintile, age), share in rates.items():
        group = np.flatnonzero((people.income_quintile == quintile) & (ages == age))
        stays += [stay(int(p), 5, cause=FAILURE) for p in group[: round(share * group.size)]]
    of_all_ages = (100 * 0.2 + 60 * 0.8) / (100 * 0.1 + 60 * 0.2)
    assert value(table_of(*stays, people=people), "heart_failure_deprivation_ratio") == pytest.approx(of_all_ages)


def test_no_cardiologist_visit_in_the_last_twelve_months():
    people = ill_people(6, heart_failure=5)
    began = health_of(people)
    began.began_on[5 * 2 + HEART_FAILURE] = FIRST + DAYS - 30  # a new case: did not have it all year
    people.gone_on[4], people.status[4] = FIRST + DAYS - 100, Status.DEAD
    visits = (
        episode(1, CARDIOLOGIST, DAYS - 200, 100), episode(2, CARDIOLOGIST, 10, 100),
        episode(3, CARDIOLOGIST, DAYS - 200, 100, outcome=Outcome.MISSED), episode(0, CARDIOLOGIST, DAYS - 200, 100),
    )  # fmt: skip
    row = row_of(table_of(people=people, episodes=visits, health=began), "heart_failure_no_cardiologist_share")
    assert (row["value"], row["n"]) == (pytest.approx(2 / 3), 3)  # of 1, 2 and 3 only 1 was seen


# --- diabetes -----------------------------------------------------------------------------------------------------


def test_complications_are_over_the_years_lived_with_diabetes():
    people = ill_people(10, diabetes=5)
    health = health_of(people)
    health.began_on[0 * 2 + DIABETES] = FIRST + 365  # a new case: one of the two years
    people.gone_on[1], people.status[1] = FIRST + 72, Status.DEAD
    years = 3 * YEARS + (365 + 73) / 365.25
    stays = [stay(0, 400, cause=INFARCTION), stay(2, 40, cause=INFARCTION), stay(3, 40, cause=FOOT), stay(4, 40)]
    table = table_of(*stays, people=people, health=health)
    assert value(table, "diabetes_admissions_per_1000.mi") == pytest.approx(2000 / years, rel=1e-12)
    assert value(table, "diabetes_admissions_per_1000.foot") == pytest.approx(1000 / years, rel=1e-12)
    assert "diabetes_admissions_per_1000.stroke" not in set(table.indicator)  # no such cause in this run
