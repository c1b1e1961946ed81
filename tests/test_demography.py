"""Do people die, bear children, come and go as the tables say, and does nobody's life hang on somebody else's?

Draws are addressed, so a test always sees the same ones. Each statistical comparison has a false-alarm rate of 1e-7,
each test of at most 1e-5; what it can see is said beside it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from functools import cache
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, gamma
from small_world import ALARM, assert_binomial, assert_near, pack, small_world

from abm import TerritoryModel
from abm.agents.demography import FOUNDERS, child_address, live_a_month
from abm.arrivals import FIRST_ADDRESS, LAST_ADDRESS, last_days_of_months, months_at_risk, synthesise_arrivals
from abm.calendar import Calendar
from abm.conditions import load_conditions
from abm.errors import InputError
from abm.handle import compiled
from abm.indicators.counting import Run
from abm.indicators.vital import vital
from abm.life_tables import (
    AGES,
    Plan,
    birth_rates,
    death_rates,
    life_expectancy,
    need_factors,
    rates_of,
    rates_with_spacing,
    utility_norms,
    without_disease,
    without_hospital,
)
from abm.parameters import load_parameters
from abm.population import DAYS_A_YEAR
from abm.population_course import (
    Rates,
    arrivals_per_month,
    expected_course,
    growth_per_year,
    migration_assumption,
)
from abm.randomness import seed_key
from abm.records import with_room_for_records
from abm.scenario import load_scenario
from abm.settings import BAND_STARTS, age_band_table
from abm.state import NEVER, NOBODY, PATIENT, Counter, Stage, Status, Vital, World
from abm.supply import Agendas
from abm.world import build_world, empty_world

PARAMETERS = load_parameters()
CONDITIONS = load_conditions(PARAMETERS)
MONTH_DAYS = 30
MONTHS = MONTH_DAYS / (DAYS_A_YEAR / 12.0)  # twelfths of a year in such a month
N = 20_000
FIRST_DAY = 365


# --- a crowd that only lives its months -----------------------------------------------------------------------------


def crowd(n: int = N, n_spare: int = 0, n_months: int = 24, seed: int = 0, coming: np.recarray | None = None) -> World:
    """People of 40 who are all alike and need no care, months of 30 days; nobody dies until rates are written."""
    small = small_world(n_people=n, n_kinds=6, n_days=MONTH_DAYS * n_months, seed=seed)
    agendas = Agendas(*(getattr(small, name) for name in Agendas._fields))
    world = empty_world(
        small.key,
        small.rules,
        small.kinds,
        small.patients,
        small.providers,
        agendas,
        small.is_open.size,
        coming,
        n_spare,
    )
    fields = ("minutes", "neighbours", "emergency_places", "pole_places", "rates", "condition_rates", "is_open")
    world = world._replace(**{name: getattr(small, name) for name in (*fields, "next_open")})
    world = world._replace(month_of=(np.arange(small.is_open.size) // MONTH_DAYS).astype(np.int16))
    return with_room_for_records(world, 1000)


def live_months(world: World, n_months: int) -> World:
    handle = compiled(world)
    for day in range(n_months * MONTH_DAYS):
        live_a_month(handle, day)
    return world


def total(world: World, column: Vital) -> float:
    return float(world.vital[:, column].sum())


def test_deaths_are_binomial_with_the_hazard_of_age_and_sex() -> None:
    """10,000 men and women each, 12 months: sees 13 % of the men's hazard, 7 % of the women's."""
    world = crowd(n_months=14)
    world.patients.is_female[N // 2 :] = 1
    world.death_rates[40] = 0.02, 0.05
    world.death_rates[41] = 0.001, 0.0
    world.patients.birth_day = -40 * 365.25
    live_months(world, 12)
    is_dead = world.patients.status == Status.DEAD
    for sex, hazard in enumerate((0.02, 0.05)):
        n_dead = int(is_dead[world.patients.is_female == sex].sum())
        assert_binomial(n_dead, N // 2, 1.0 - exp(-12 * MONTHS * hazard), f"sex {sex}")
    assert total(world, Vital.DEATHS) == is_dead.sum()
    assert (world.patients.gone_on[is_dead] % MONTH_DAYS == MONTH_DAYS - 1).all(), "on the last evening of a month"
    assert (world.patients.gone_on[~is_dead] == NEVER).all()


def test_expected_deaths_are_the_sum_of_probabilities_and_drawn_deaths_follow_them() -> None:
    """A martingale: the variance of deaths less expected deaths is at most the expected deaths."""
    world = crowd(n_months=14)
    world.death_rates[:] = 0.03
    live_months(world, 1)
    assert total(world, Vital.EXPECTED_DEATHS) == pytest.approx(N * (1.0 - exp(-0.03 * MONTHS)), rel=1e-9)
    live_months(world._replace(month_of=world.month_of[MONTH_DAYS:]), 11)
    expected = total(world, Vital.EXPECTED_DEATHS)
    assert_near(total(world, Vital.DEATHS), expected, sqrt(expected))


def test_time_lived_counts_each_day_and_its_quality() -> None:
    """No luck: one dies in the midst of a month (in hospital), one came in the month before, one is still to come."""
    world = crowd(n=4, n_spare=3)
    world.utility_norms[:] = 0.8
    rows = world.patients
    rows.utility = 0.5
    rows.status[1], rows.gone_on[1] = Status.DEAD, MONTH_DAYS + 9
    rows.since[2] = MONTH_DAYS + 19
    rows.status[3], rows.since[3] = Status.EXPECTED, 10 * MONTH_DAYS
    handle = compiled(world)
    for day in range(MONTH_DAYS, 3 * MONTH_DAYS):
        live_a_month(handle, day)
    assert world.vital[1, Vital.ALIVE] == 30 + 10 + 10
    assert world.vital[2, Vital.ALIVE] == 30 + 30
    assert world.vital[1, Vital.QALY] == pytest.approx((0.8 * 40 + 0.5 * 10) / DAYS_A_YEAR)
    assert world.vital[2, Vital.QALY] == pytest.approx(0.8 * 60 / DAYS_A_YEAR)
    assert world.vital[0].sum() == world.vital[3:].sum() == 0.0


def test_quality_of_life_has_a_floor() -> None:
    world = crowd(n=1)
    world.utility_norms[:], world.demography.utility_floor = -0.9, -0.525
    live_months(world, 1)
    assert world.patients.utility[0] == np.float32(-0.525)


def test_departures_come_after_deaths_and_nobody_leaves_a_hospital_bed() -> None:
    """20,000 people, 10 months: sees 3 % of the rate."""
    world = crowd(n_months=12)
    world.death_rates[:], world.departure_rates[:] = 0.02, 0.05
    world.patients.leaves_hospital_on[:5000] = 400
    live_months(world, 10)
    status, in_hospital = world.patients.status, np.arange(N) < 5000
    stay = 1.0 - exp(-10 * MONTHS * 0.02)
    assert (status[in_hospital] != Status.DEPARTED).all()
    assert_binomial(int((status[in_hospital] == Status.DEAD).sum()), 5000, stay, "deaths in hospital beds")
    p_die, p_leave = 1.0 - exp(-MONTHS * 0.02), exp(-MONTHS * 0.02) * (1.0 - exp(-MONTHS * 0.05))
    ever = 1.0 - exp(-10 * MONTHS * 0.07)
    gone = status[~in_hospital]
    assert_binomial(int((gone == Status.DEAD).sum()), N - 5000, ever * p_die / (p_die + p_leave), "deaths")
    assert_binomial(int((gone == Status.DEPARTED).sum()), N - 5000, ever * p_leave / (p_die + p_leave), "departures")
    assert total(world, Vital.DEPARTURES) == (status == Status.DEPARTED).sum()


def test_nothing_happens_before_the_first_day_and_a_month_cut_short_counts_for_its_part() -> None:
    """20,000 people, one month of which 12 of 30 days count: sees 10 % of the hazard."""
    world = crowd()
    world.death_rates[:], world.demography.first_day = 0.1, 2 * MONTH_DAYS + 18
    live_months(world, 2)
    assert total(world, Vital.DEATHS) == 0 and world.vital[:2, Vital.ALIVE].tolist() == [N * 30, N * 30]
    live_months(world, 3)
    assert_binomial(int(total(world, Vital.DEATHS)), N, 1.0 - exp(-0.1 * 12 / 30 * MONTHS), "deaths in 12 days")


# --- births ---------------------------------------------------------------------------------------------------------


def mothers(n: int = 4000, n_spare: int = 4000, **options: int) -> World:
    """Women of 30 in two communes, of different means, who bear 0.1 children a month."""
    world = crowd(n, n_spare, **options)
    world.patients.is_female[:n], world.patients.birth_day[:n] = 1, -30 * 366
    world.patients.income_quintile[:n] = 1 + np.arange(n) % 5
    world.patients.has_car[:n] = np.arange(n) % 2
    world.birth_rates[15:50] = 0.1
    world.demography.births_male_share = 0.6
    world.demography.birth_spacing_days = 1
    return world


def test_births_are_binomial_and_children_live_with_their_mothers() -> None:
    """4,000 women, 6 months: 2,260 births, sees 11 % of the rate and 9 % of the share of boys."""
    world = live_months(mothers(), 6)
    rows, n = world.patients, int(total(world, Vital.BIRTHS))
    assert_binomial(n, 4000 * 6, 1.0 - exp(-0.1 * MONTHS), "births")
    children = rows[4000 : int(world.counters[Counter.PATIENTS])]
    assert children.size == n and (rows.status[4000 + n :] == Status.EXPECTED).all()
    assert np.unique(children.person).size == n, "siblings, too, are different people"
    assert_binomial(int((children.is_female == 0).sum()), n, 0.6, "boys")
    born_of = rows[children.person % FOUNDERS]
    for name in ("commune", "registered_gp", "income_quintile", "has_car", "has_digital_access", "has_regime_local"):
        assert (children[name] == born_of[name]).all(), name
    assert (children.birth_day == children.since).all() and (children.since % MONTH_DAYS == MONTH_DAYS - 1).all()
    assert (children.conditions == 0).all() and (children.follow_up_rate == 0).all()


def test_men_girls_and_old_women_bear_no_children() -> None:
    world = mothers()
    world.patients.is_female[:1000] = 0
    world.patients.birth_day[1000:2000] = -14 * 365
    world.patients.birth_day[2000:3000] = -50 * 366
    live_months(world, 6)
    children = world.patients[4000 : int(world.counters[Counter.PATIENTS])]
    assert children.size > 100 and ((children.person % FOUNDERS) >= 3000).all()


def test_births_keep_their_distance() -> None:
    """No luck: who may bear every month does so once in ten."""
    world = mothers(n=10, n_spare=100)
    world.birth_rates[15:50], world.demography.birth_spacing_days = 99.0, 300
    world.motherhood.fertile_from[:5] = 8 * MONTH_DAYS
    live_months(world, 22)
    children = world.patients[10 : int(world.counters[Counter.PATIENTS])]
    first = np.array([MONTH_DAYS * m - 1 for m in (1, 11, 21)])
    for woman in range(10):
        born_on = np.sort(children.birth_day[children.person % FOUNDERS == woman])
        siblings = sorted(children.person[children.person % FOUNDERS == woman].tolist())
        assert siblings == [child_address(woman, order) for order in range(len(siblings))]
        assert born_on.tolist() == ([9 * MONTH_DAYS - 1, 19 * MONTH_DAYS - 1] if woman < 5 else first.tolist())


def test_newborns_differ_in_temperament_as_everybody_does() -> None:
    """2,260 newborn: sees 7 % of the mean of the need factor, 16 % of its variance."""
    cv = PARAMETERS["need_heterogeneity_cv"]
    world = mothers()
    world = world._replace(need_factors=need_factors(cv))
    world.demography.regularity_spread, world.demography.spend_sigma = 0.25, 1.0
    live_months(world, 6)
    children = world.patients[4000 : int(world.counters[Counter.PATIENTS])]
    n = children.size
    assert_near(float(children.need_factor.mean()), 1.0, cv / sqrt(n), "mean need factor")
    kurtosis = 6.0 * cv**2
    assert_near(float(children.need_factor.var()), cv**2, cv**2 * sqrt((2.0 + kurtosis) / n), "variance")
    assert_near(float(np.log(children.regularity).mean()), -0.5 * 0.25**2, 0.25 / sqrt(n), "regularity")
    assert_near(float(np.log(children.spend_factor).std()), 1.0, sqrt(0.5 / n), "spend")


def test_a_birth_without_a_row_is_counted_as_refused() -> None:
    world = live_months(mothers(n=100, n_spare=3), 6)
    assert world.counters[Counter.PATIENTS] == 103 == world.patients.size
    assert total(world, Vital.BIRTHS) == 3 and world.counters[Counter.REFUSED_BIRTHS] > 10


def family(address: int, depth: int) -> list[int]:
    """Return the addresses of everybody who can descend from somebody."""
    found = []
    order = 0
    while depth and (child := child_address(address, order)) != NOBODY:
        found += [child, *family(child, depth - 1)]
        order += 1
    return found


@pytest.mark.parametrize("founder", [0, 1, 85_812, FIRST_ADDRESS + 12_345, FOUNDERS - 1])
def test_no_two_descendants_share_an_address(founder: int) -> None:
    everybody = [founder, *family(founder, 8)]
    assert len(everybody) == len(set(everybody)) == 128
    assert min(everybody) >= 0 and max(everybody) < 2**31
    assert {address % FOUNDERS for address in everybody} == {founder}, "nor do two families"


def test_the_address_of_a_child_owes_nothing_to_other_families() -> None:
    """Half of the women bear no children: the others' children are the same people to the bit."""
    every, half = mothers(), mothers()
    half.patients.is_female[:4000:2] = 0
    found = []
    for world in (every, half):
        live_months(world, 6)
        children = world.patients[4000 : int(world.counters[Counter.PATIENTS])]
        children = children[children.person % 2 == 1]
        found.append(np.sort(np.asarray(children), order="person"))
    assert found[1].size > 500 and np.array_equal(found[0], found[1])


def test_the_newborn_need_care() -> None:
    world = mothers(n=50, n_spare=200)
    world.rates[0] = 5.0
    live_months(world, 3)
    rows, n = world.patients, int(world.counters[Counter.PATIENTS])
    waits = world.episodes.event_day[: rows.size]  # of kind 0
    assert n > 55 and (waits[50:n] > rows.since[50:n]).all() and (waits[n:] == NEVER).all()
    assert (rows.age_band[50:n] == 0).all()


# --- rates ----------------------------------------------------------------------------------------------------------


def ages_and_sexes(name: str = "saverne") -> tuple[np.ndarray, np.ndarray]:
    rows = saverne()[0].patients[: saverne()[2]] if name == "saverne" else tiny().patients
    return np.maximum(FIRST_DAY - rows.birth_day, 0) / DAYS_A_YEAR, rows.is_female.astype(np.int64)


@cache
def saverne() -> tuple[World, object, int]:
    """The people of Saverne for four years, and how many they were at the start."""
    world, setting = build_world(pack("saverne"), load_scenario("baseline", follow_up_days=0), 1)
    return world, setting, int(world.demography[0].first_newcomer)


@pytest.mark.parametrize(("sex", "name"), list(enumerate("MF")))
def test_the_life_table_has_the_life_expectancy_published(sex: int, name: str) -> None:
    row = PARAMETERS.entry(f"life_expectancy_at_birth[{name}]")
    assert row.low <= life_expectancy(death_rates(PARAMETERS)[:, sex]) <= row.high
    assert life_expectancy(np.full(121, 0.02)) == pytest.approx(50.0)


def test_deaths_grow_with_age_and_men_die_sooner() -> None:
    table = death_rates(PARAMETERS)
    assert (np.diff(table[12:], axis=0) >= 0).all() and (table[:, 0] >= table[:, 1]).all()
    assert table[60, 0] == pytest.approx(PARAMETERS["deaths_per_1000[age=60,M]"] / 1000)
    assert table[62, 1] == pytest.approx(table[60, 1] ** 0.6 * table[65, 1] ** 0.4)


def test_the_crude_rate_of_the_territory_lies_where_the_national_one_does() -> None:
    age, sex = ages_and_sexes()
    row = PARAMETERS.entry("mortality_crude")
    assert row.low <= death_rates(PARAMETERS)[age.astype(int), sex].mean() <= row.high


def test_level_and_regional_excess_multiply_mortality() -> None:
    plain = death_rates(PARAMETERS)
    changed = PARAMETERS.with_values({"mortality_level": 1.1, "mortality_regional_excess_share": 0.5})
    excess = PARAMETERS["mortality_grand_est_excess"]
    np.testing.assert_allclose(death_rates(changed), plain * 1.1 * (1 + 0.5 * excess))


def test_births_by_age_sum_to_total_fertility() -> None:
    rates = birth_rates(PARAMETERS)
    assert rates.sum() == pytest.approx(PARAMETERS["total_fertility"])
    assert np.flatnonzero(rates).tolist() == list(range(15, 50)) and 29 <= rates @ AGES / rates.sum() <= 32
    assert rates[30] / rates[16] == pytest.approx(126 / 5)


def test_spacing_leaves_births_as_they_are() -> None:
    """A renewal: 3,000 women bear at 0.12 a year with 300 days between; 12 years, 4,300 births, sees 8 %."""
    rate, spacing = 0.12, 300.0
    allowed = rates_with_spacing(np.array([rate]), spacing / DAYS_A_YEAR)[0]
    assert 1.0 / (1.0 / allowed + spacing / DAYS_A_YEAR) == pytest.approx(rate)
    world = mothers(n=3000, n_spare=6000, n_months=147)
    world.birth_rates[:15], world.birth_rates[50:] = 0.0, 0.0
    world.birth_rates[15:50] = allowed / 12.0
    world.demography.birth_spacing_days = int(spacing)
    world.patients.birth_day[:3000] = -20 * 366
    live_months(world, 146)
    years = (146 * MONTH_DAYS - 2 * 365) / DAYS_A_YEAR  # the first two years settle
    children = world.patients[3000 : int(world.counters[Counter.PATIENTS])]
    settled = int((children.birth_day >= 2 * 365).sum())
    half_a_month = MONTH_DAYS / 2 / DAYS_A_YEAR  # the wait ends in the midst of a month
    expected = 3000 * years / (1.0 / allowed + spacing / DAYS_A_YEAR - half_a_month)
    assert_near(settled, expected, sqrt(expected))


def test_disease_and_hospital_take_over_their_part_of_the_deaths() -> None:
    rng = np.random.default_rng(1)
    ages, sexes = rng.integers(0, 121, 5000), rng.integers(0, 2, 5000)
    multipliers = rng.gamma(2.0, 1.0, 5000) * (1 + ages / 40)
    rates, band = death_rates(PARAMETERS), age_band_table()
    base = without_disease(rates, ages, sexes, multipliers)
    for b in range(len(BAND_STARTS)):
        for s in range(2):
            here = (band[ages] == b) & (sexes == s)
            everybody = rates[ages, sexes][here].sum()
            assert (base[ages, sexes] * multipliers)[here].sum() == pytest.approx(everybody)
    expected = np.bincount(band[ages], rates[ages, sexes], len(BAND_STARTS))
    in_hospital = expected * np.linspace(0.0, 1.5, len(BAND_STARTS))
    left = without_hospital(rates, ages, sexes, in_hospital)
    found = np.bincount(band[ages], left[ages, sexes], len(BAND_STARTS))
    np.testing.assert_allclose(found, np.maximum(expected - in_hospital, 0.0), atol=1e-12)


def test_the_mean_utility_of_an_age_is_the_population_norm_whatever_disease_takes() -> None:
    rng = np.random.default_rng(2)
    ages = rng.integers(18, 100, 5000)
    losses = -rng.gamma(1.0, 0.05, 5000) * ages / 50
    norms = utility_norms(PARAMETERS, ages, losses)
    for first, last, name in ((18, 44, "18-44"), (45, 64, "45-64"), (65, 74, "65-74"), (75, 120, "75+")):
        here = (ages >= first) & (ages <= last)
        assert (norms[ages] + losses)[here].mean() == pytest.approx(PARAMETERS[f"eq5d_population_norm[{name}]"])
    assert (norms[:18] == norms[18]).all()


@pytest.mark.parametrize("cv", [0.3, 0.6, 1.0])
def test_need_factors_are_a_gamma_distribution_in_equal_parts(cv: float) -> None:
    factors, shape = need_factors(cv), cv**-2
    assert factors.mean() == pytest.approx(1.0, abs=1e-12) and (np.diff(factors) > 0).all()
    assert factors.std() == pytest.approx(cv, rel=0.01)
    middle = gamma.ppf((np.arange(factors.size) + 0.5) / factors.size, shape, scale=1 / shape)
    np.testing.assert_allclose(factors[50:-50], middle[50:-50], rtol=0.01)


# --- the expected course --------------------------------------------------------------------------------------------


def simple_rates(deaths: float = 0.0, births: float = 0.0, departures: float = 0.0) -> Rates:
    ages = np.zeros((121, 2))
    ages[30] = 0.5
    return Rates(np.full((121, 2), deaths), np.full(121, births), np.full(121, departures), ages, 0.5)


def test_the_expected_course_has_its_closed_forms() -> None:
    age, men, women = np.full(1000, 30.0), np.zeros(1000, int), np.ones(1000, int)
    course = expected_course(age, men, simple_rates(deaths=0.12, departures=0.06), 0.0, 24)
    assert course.people[-1] == pytest.approx(1000 * exp(-0.18 * 2))
    assert course.deaths.sum() + course.departures.sum() == pytest.approx(1000 * (1 - exp(-0.36)))
    assert course.deaths.sum() / course.departures.sum() == pytest.approx((exp(0.01) - 1) / (1 - exp(-0.005)), rel=1e-9)
    assert expected_course(age, men, simple_rates(births=0.12), 0.0, 12).births.sum() == 0.0
    births = expected_course(age, women, simple_rates(births=0.12), 0.0, 2).births
    assert births.tolist() == pytest.approx(
        [10.0, 10.05]
    )  # half of the newborn are women of this table, which knows no age
    arrivals = expected_course(age, men, simple_rates(deaths=0.12), 7.0, 36)
    lost = exp(-0.01)
    assert arrivals.people[-1] == pytest.approx(1000 * lost**36 + 7 * (1 - lost**36) / (1 - lost))


def test_the_expected_course_follows_people_as_they_age() -> None:
    rates = simple_rates()
    rates.deaths[31] = 12.0
    course = expected_course(np.full(100, 30.5), np.zeros(100, int), rates, 0.0, 8)
    assert course.people.tolist() == pytest.approx([100] * 5 + [100 * exp(-1), 100 * exp(-2), 100 * exp(-3)])


@given(growth=st.floats(-0.02, 0.03), deaths=st.floats(0, 0.03), births=st.floats(0, 0.02), leave=st.floats(0.01, 0.08))
def test_arrivals_keep_the_population_on_its_trend(growth: float, deaths: float, births: float, leave: float) -> None:
    age, sex = np.linspace(0, 90, 500), np.arange(500) % 2
    rates = simple_rates(deaths, births, leave)
    mean = arrivals_per_month(age, sex, rates, growth, 4)
    course = expected_course(age, sex, rates, mean, 48)
    if mean > 0:
        assert course.people[-1] == pytest.approx(500 * exp(4 * growth))
    else:
        assert course.people[-1] >= 500 * exp(4 * growth)
    even = arrivals_per_month(age, sex, rates, None, 4)
    assert 48 * even == pytest.approx(expected_course(age, sex, rates, even, 48).departures.sum())


def test_the_trend_is_that_of_the_pack() -> None:
    assert growth_per_year(pack("saverne")) == pytest.approx(np.log(85813 / 88567) / 10)
    assert growth_per_year(pack("tiny")) is None
    assert "as many people arrive as leave" in migration_assumption(pack("tiny"))
    assert "since 2012, -0.32% a year" in migration_assumption(pack("saverne"))


# --- those who arrive -----------------------------------------------------------------------------------------------


def arrivals(means: np.ndarray | None = None, years: int = 4, seed: int = 5, **parameters: float) -> np.recarray:
    world, _, n = saverne()
    chosen = PARAMETERS.with_values(parameters)
    plan = Plan(rates_of(chosen), world.arrivals if means is None else means, 0)
    calendar = Calendar(dt.date(2019, 1, 1), FIRST_DAY + 365 * years + 30)
    key = seed_key(seed)
    return synthesise_arrivals(
        pack("saverne"), chosen, CONDITIONS, world.patients[:n], plan, calendar, key, key,
        first_day=FIRST_DAY, end=FIRST_DAY + round(365.25 * years),
    )  # fmt: skip


def test_arrivals_are_poisson_by_commune_and_come_on_the_last_days_of_months() -> None:
    """9,600 people: sees 5 % of the mean; and the dispersion of 118 * 48 counts within 10 %."""
    world, _, _ = saverne()
    rows = arrivals()
    calendar = Calendar(dt.date(2019, 1, 1), FIRST_DAY + 1500)
    days = last_days_of_months(calendar, FIRST_DAY, FIRST_DAY + 1461)
    assert days.size == 48 and [str(calendar.date(int(d)))[5:] for d in days[:3]] == ["01-31", "02-29", "03-31"]
    assert set(rows.since) <= set(days.tolist()) and (rows.status == Status.EXPECTED).all()
    means = world.arrivals[:, None] * months_at_risk(calendar, days, FIRST_DAY)
    assert_near(rows.size, means.sum(), sqrt(means.sum()), "arrivals")
    counts = np.zeros(means.shape)
    np.add.at(counts, (rows.commune, np.searchsorted(days, rows.since)), 1)
    spread = (counts - means) ** 2 / means
    assert_near(float(spread.mean()), 1.0, sqrt((2.0 + 1.0 / means).mean() / spread.size), "dispersion")
    by_commune = counts.sum(axis=1)
    assert chisquare(by_commune, means.sum(axis=1) * by_commune.sum() / means.sum()).pvalue > ALARM


def test_a_first_month_cut_short_counts_for_its_part() -> None:
    calendar = Calendar(dt.date(2020, 1, 1), 100)
    days = last_days_of_months(calendar, 20, 91)
    assert days.tolist() == [30, 59, 90]
    np.testing.assert_allclose(months_at_risk(calendar, days, 20), np.array([11, 29, 31]) / (DAYS_A_YEAR / 12))


def test_addresses_of_arrivals_are_unique_and_owe_nothing_to_other_communes_or_later_months() -> None:
    world, _, _ = saverne()
    rows = arrivals()
    assert np.unique(rows.person).size == rows.size
    assert rows.person.min() >= FIRST_ADDRESS and rows.person.max() < LAST_ADDRESS == FOUNDERS
    longer = arrivals(years=6)
    assert np.array_equal(longer[: rows.size], rows) and longer.size > rows.size
    means = world.arrivals.copy()
    means[7:] = 0.0
    fewer = arrivals(means)
    assert np.array_equal(fewer, rows[rows.commune < 7]) and fewer.size > 100


def test_those_who_arrive_are_people_like_others() -> None:
    """9,600 people: ages in ten bands, sex, car, doctor; sees 3 points of a share."""
    world, _, n = saverne()
    rows, people = arrivals(), world.patients[:n]
    age = (rows.since - rows.birth_day) / DAYS_A_YEAR
    shares = PARAMETERS.matching("arrivals_share")
    starts = np.array([int(name.removeprefix("age=").split("-")[0].rstrip("+")) for name in shares])
    wanted = np.array(list(shares.values())) / sum(shares.values())
    counts = np.bincount(np.searchsorted(starts, np.floor(age + 1e-9), side="right") - 1, minlength=starts.size)
    assert chisquare(counts, wanted * rows.size).pvalue > ALARM
    assert_binomial(int(rows.is_female.sum()), rows.size, PARAMETERS["arrivals_female_share"], "women")
    adults = people[(FIRST_DAY - people.birth_day) / DAYS_A_YEAR >= 17]
    share_ald, p_ald = adults.has_ald.mean(), 1 - PARAMETERS["ald_without_MT_share"]
    p_other = (1 - PARAMETERS["adults_without_MT_share"] - share_ald * p_ald) / (1 - share_ald)
    for has_ald, p in ((0, p_other), (1, p_ald)):
        here = rows[(age >= 17) & (rows.has_ald == has_ald)]
        assert_binomial(int((here.registered_gp != NOBODY).sum()), here.size, p, f"registered, ald {has_ald}")
    for commune in np.argsort(np.bincount(rows.commune))[-3:]:
        doctors = set(rows.registered_gp[rows.commune == commune]) - {NOBODY}
        assert doctors <= set(people.registered_gp[people.commune == commune])
    fifths = np.bincount(rows.income_quintile, minlength=6)[1:]
    assert chisquare(fifths).pvalue > ALARM


def test_too_many_arrivals_are_refused() -> None:
    with pytest.raises(InputError, match="more than 2 %"):
        arrivals(saverne()[0].arrivals * 20)
    with pytest.raises(InputError, match=r"expected at most \d+ in a territory of this size"):
        arrivals(years=250)


def test_somebody_expected_begins_to_live_on_the_evening_of_his_arrival() -> None:
    coming = np.zeros(3, PATIENT).view(np.recarray)
    coming.person, coming.since = FIRST_ADDRESS + np.arange(3), (29, 89, 89)
    coming.need_factor, coming.birth_day = 1.0, -9000
    world = crowd(n=2, coming=coming)
    world.rates[0] = 5.0
    assert (world.patients.status[2:] == Status.EXPECTED).all() and world.counters[Counter.PATIENTS] == 5
    live_months(world, 1)
    assert world.patients.status.tolist() == [Status.ALIVE] * 3 + [Status.EXPECTED] * 2
    live_months(world, 3)
    assert (world.patients.status == Status.ALIVE).all()
    assert world.vital[:3, Vital.ARRIVALS].tolist() == [1, 0, 2] and world.vital[2, Vital.ALIVE] == 3 * 30
    waits = world.episodes.event_day[:5]
    assert (waits[2:] > world.patients.since[2:]).all() and (waits[:2] == NEVER).all()


# --- a territory ----------------------------------------------------------------------------------------------------


def test_four_years_of_saverne_follow_the_expected_course_and_the_trend() -> None:
    """No day is lived but the last ones of the months: sees 15 % of deaths and births, 1.1 % of the population."""
    world, setting, n = saverne()
    age, sex = ages_and_sexes()
    course = expected_course(age, sex, rates_of(PARAMETERS), float(world.arrivals.sum()), 48)
    world.death_rates[:], world.patients.conditions[:] = rates_of(PARAMETERS).deaths / 12, 0  # all die at home
    handle = compiled(with_room_for_records(world, 2_000_000))
    for day in range(setting.last_day):
        live_a_month(handle, day)
    assert world.counters[Counter.REFUSED_BIRTHS] == 0
    alive = int((world.patients.status == Status.ALIVE).sum())
    flows = {
        Vital.DEATHS: course.deaths, Vital.BIRTHS: course.births,
        Vital.ARRIVALS: course.arrivals, Vital.DEPARTURES: course.departures,
    }  # fmt: skip
    for column, expected in flows.items():
        assert_near(total(world, column), expected.sum(), sqrt(expected.sum()), column.name)
    error = sqrt(sum(expected.sum() for expected in flows.values()))
    assert_near(alive, n * exp(4 * growth_per_year(pack("saverne"))), error, "population")
    in_january = world.vital[12, Vital.EXPECTED_DEATHS] / (31 / (DAYS_A_YEAR / 12))  # nobody has gone yet: no luck
    assert in_january == pytest.approx(course.deaths[0], rel=1e-3)
    assert_near(total(world, Vital.EXPECTED_DEATHS), course.deaths.sum(), sqrt(course.deaths.sum()), "expected deaths")
    days = np.bincount(world.month_of)[12:60]
    by_month = world.vital[12:60, Vital.ALIVE] / days
    assert_near(float(by_month.mean()), float(np.mean([n, *course.people[:-1]])), error, "mean population")
    assert 0 <= n + total(world, Vital.BIRTHS) + total(world, Vital.ARRIVALS) <= world.patients.size


def lives(model: TerritoryModel) -> dict[int, tuple]:
    """Return what became of each person, by address."""
    rows = model.arrays.patients
    seen = rows[rows.status != Status.EXPECTED]
    names = ("status", "since", "gone_on", "birth_day", "commune", "is_female", "registered_gp", "need_factor")
    return {int(row["person"]): tuple(row[name].item() for name in names) for row in np.asarray(seen)}


OPTIONS = {"days": 500, "warm_up_days": 30, "follow_up_days": 30}


@cache
def tiny(**options: float) -> TerritoryModel:
    model = TerritoryModel("tiny", rng=3, **OPTIONS | options)
    model.run_to_end()
    return model


def test_one_inhabitant_without_needs_more_changes_nobodys_life_or_death() -> None:
    more = TerritoryModel("tiny", rng=3, **OPTIONS, arrange=lambda people: people.with_person(birth_day=-9000))
    more.run_to_end()
    after, before = lives(more), lives(tiny())
    assert len(after) == len(before) + 1 and before.items() <= after.items()
    assert {Status.DEAD, Status.DEPARTED} <= {life[0] for life in before.values()}
    assert max(before) > FOUNDERS, "somebody was born"


def test_a_policy_changes_nobody_who_arrives() -> None:
    def arrivals(model: TerritoryModel) -> dict[int, tuple]:
        rows = model.arrays.patients
        seen = rows[(rows.status != Status.EXPECTED) & (rows.person >= FIRST_ADDRESS) & (rows.person < FOUNDERS)]
        names = ("since", "birth_day", "commune", "is_female", "need_factor", "income_quintile")
        return {int(row["person"]): tuple(row[name].item() for name in names) for row in np.asarray(seen)}

    usual = arrivals(tiny())
    assert arrivals(tiny(teleconsultation=0.4)) == usual and len(usual) > 20


def test_without_rates_nothing_differs_from_a_closed_population() -> None:
    still = TerritoryModel("tiny", rng=3, **OPTIONS)
    for name in ("death_rates", "birth_rates", "departure_rates"):
        getattr(still.arrays, name)[:] = 0.0
    still.arrays.patients.since[:] = NEVER
    still.arrays.causes.p_death[:] = 0.0
    still.run_to_end()
    closed = tiny(demography=False)
    assert closed.arrays.patients.size == closed.people_at_start == len(closed.patients)
    n = closed.people_at_start
    assert np.array_equal(still.arrays.patients[:n], closed.arrays.patients)
    assert still.records().episodes.digest() == closed.records().episodes.digest()
    assert (still.arrays.vital == closed.arrays.vital).all() and closed.arrays.vital[:, Vital.ALIVE].sum() > 0


def test_those_who_are_gone_are_no_inhabitants_but_are_remembered() -> None:
    model = tiny()
    rows = model.arrays.patients
    n_alive = int((rows.status == Status.ALIVE).sum())
    assert len(model.patients) == n_alive != model.people_at_start
    dead = int(rows.person[rows.status == Status.DEAD][0])
    assert dead not in set(model.patients.person.tolist()) and model.patients[dead].status == Status.DEAD
    assert (model.patients[dead].episodes["stage"] == "quiet").all()
    to_come = rows.person[(rows.status == Status.EXPECTED) & (rows.person > 0)]
    for person in to_come[:1]:
        with pytest.raises(KeyError):
            model.patients[int(person)]
    lists = sum(gp.list_size for gp in model.general_practitioners)
    assert lists == int(((rows.registered_gp != NOBODY) & (rows.status == Status.ALIVE)).sum())


def test_a_booked_appointment_of_the_dead_is_given_back_and_withdrawn() -> None:
    model = TerritoryModel("tiny", rng=3, **OPTIONS)
    while model.day < 60:  # the evening of day 60 is that of 31 January
        model.step()
    episodes, rows = model.arrays.episodes, model.arrays.patients
    is_booked = (episodes.stage == Stage.BOOKED) & (episodes.appointment_on > 65) & (episodes.provider == 0)
    node = int(np.flatnonzero(is_booked)[0])
    row, day, seconds = node % rows.size, int(episodes.appointment_on[node]), int(episodes.seconds[node])
    model.arrays.death_rates[:] = 0.0
    model.arrays.death_rates[100:] = 1e9
    rows.birth_day[row] = -110 * 366
    before = int((model.arrays.free + model.arrays.reserve)[0, day])
    records = int(model.arrays.counters[Counter.RECORDS])
    live_a_month(model.handle, 60)
    assert rows.status[row] == Status.DEAD and rows.gone_on[row] == 60
    assert (
        episodes.stage[node] == Stage.QUIET
        and int((model.arrays.free + model.arrays.reserve)[0, day]) >= before + seconds
    )
    assert (model.arrays.record_patient[records : int(model.arrays.counters[Counter.RECORDS])] == row).any()


# --- indicators -----------------------------------------------------------------------------------------------------


def figures(model: TerritoryModel) -> dict[str, np.ndarray]:
    return {block.indicator: block.value[0] for block in vital(Run(model.records()))}


def test_indicators_of_life_are_those_of_the_months_of_the_horizon() -> None:
    model = tiny()  # 1 January 2020 to 14 May 2021: the months to April are whole
    rows, found = model.arrays.patients, figures(model)
    ends = last_days_of_months(model.setting.calendar, 30, 530)
    first, last = 30, int(ends[-1])
    days = sum(
        max(0, min(last, int(p.gone_on) if p.gone_on != NEVER else last) - max(first, int(p.since) + 1) + 1)
        for p in rows
        if p.status != Status.EXPECTED
    )
    assert found["population"][0] == pytest.approx(days / (last + 1 - first))
    dead = (rows.status == Status.DEAD) & (rows.gone_on <= last)
    assert dead.sum() > 5 and found["deaths_per_1000"][0] == pytest.approx(1000 * dead.sum() * DAYS_A_YEAR / days)
    assert found["births_per_1000"][0] > 0 and found["arrivals_per_1000"][0] > 0
    assert 0.76 < found["qaly_per_head"][0] < 0.93
    assert found["population"].size == 3


def test_time_at_risk_ends_with_life() -> None:
    model = tiny()
    run = Run(model.records())
    every = run.person_years("all")
    for kind in ("sex", "age_band", "commune", "income_quintile"):
        assert run.person_years(kind).sum(axis=0) == pytest.approx(every[0]), kind
    rows = model.arrays.patients
    start, end = run.years.spans[0]
    there = rows.status != Status.EXPECTED
    last = np.where(rows.gone_on == NEVER, end - 1, np.minimum(rows.gone_on, end - 1))
    days = np.maximum(0, last - np.maximum(rows.since + 1, start) + 1)[there].sum()
    assert every[0, 0] == pytest.approx(days / DAYS_A_YEAR)
    middle = (start + end) // 2
    assert run.people_on(middle).size == int(
        (there & (rows.since < middle) & ((rows.gone_on == NEVER) | (rows.gone_on >= middle))).sum()
    )


SCRIPT = """
import json, sys
sys.path.insert(0, {tests!r})
from test_demography import mothers, live_months
from abm.state import Effect
world = mothers(n=300, n_spare=300, n_months=16)
world.death_rates[:], world.departure_rates[:] = 0.02, 0.03
world.effects[::2, Effect.DEATH_RATIO], world.rules.has_death_ratio = 0.7, 1.0
live_months(world, 14)
print(json.dumps([world.vital.tolist(), world.patients.tolist()]))
"""


def test_compiled_and_line_by_line_give_the_same_lives() -> None:
    from pathlib import Path

    script = SCRIPT.format(tests=str(Path(__file__).parent))
    found = []
    for disabled in "01":
        done = subprocess.run(
            [sys.executable, "-c", script], env=os.environ | {"NUMBA_DISABLE_JIT": disabled}, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] and sum(month[Vital.BIRTHS] for month in found[0][0]) > 50
