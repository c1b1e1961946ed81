"""Do practices get the time they should: weeks, holidays, lists, loads, reserves?

Statistics: addressed draws of n professionals, each comparison with a false-alarm rate of 1e-7.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import assert_binomial, assert_near, pack

from abm.calendar import Calendar
from abm.parameters import load_parameters
from abm.randomness import seed_key
from abm.settings import specialties_of
from abm.state import NOBODY, PROVIDER
from abm.supply import (
    build_agendas,
    fill_at_start,
    half_days_per_week,
    holiday_weeks_of,
    list_quantile,
    opening_days,
    outside_requests,
    practice_seconds_per_year,
    practices_of,
    providers_of,
    surgery_seconds,
    week_pattern,
)

PARAMETERS = load_parameters()
KEY = seed_key(5)
YEARS = Calendar(dt.date(2020, 1, 1), 1461, "67")
N = 20_000
MANY = np.arange(N)


def gps(n: int = 40) -> np.recarray:
    rows = np.zeros(n, PROVIDER).view(np.recarray)
    rows.address, rows.specialty, rows.visit_seconds = np.arange(n), NOBODY, 1400
    return rows


def specialists(n: int = 12, specialty: int = 0, release_days: int = 3) -> np.recarray:
    rows = gps(n)
    rows.address, rows.specialty, rows.release_days = 100_000 + np.arange(n), specialty, release_days
    return rows


# --- weeks ------------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 14.0), st.integers(0, 1000))
def test_a_week_has_the_half_days_asked_and_two_a_day_at_most(half_days: float, address: int) -> None:
    week = week_pattern(np.array([address]), np.array([half_days]), KEY)[0]
    assert week.sum() == min(np.ceil(half_days), 10)
    assert set(week) <= {0.0, 1.0, 2.0} and (week[5:] == 0).all()
    assert np.ptp(week[:5]) <= 1.0, "half-days off are spread over the week"


def test_the_free_half_day_falls_on_any_weekday() -> None:
    """n = 20,000: sees 1.6 points from a fifth."""
    week = week_pattern(MANY, np.full(N, 9.0), KEY)
    for weekday in range(5):
        assert_binomial(int((week[:, weekday] == 1).sum()), N, 0.2, f"weekday {weekday}")


@pytest.mark.parametrize("mean_weeks", [0.0, 1.0, 6.2, 7.0, 51.5])
def test_holidays_have_the_mean_length_and_no_week_more(mean_weeks: float) -> None:
    """n = 20,000: sees 0.02 weeks."""
    weeks = holiday_weeks_of(MANY, 2020, mean_weeks, 0.35, KEY).sum(axis=1)
    assert set(weeks) <= {int(mean_weeks), int(mean_weeks) + 1}
    fraction = mean_weeks - int(mean_weeks)
    assert_binomial(int((weeks > int(mean_weeks)).sum()), N, fraction)


def test_one_week_of_holidays_falls_in_summer_as_asked() -> None:
    """n = 20,000: sees 1.8 points. Within a season all weeks are alike: sees 0.8 points of 3.9."""
    away = holiday_weeks_of(MANY, 2021, 1.0, 0.35, KEY)
    assert_binomial(int(away[:, 26:35].sum()), N, 0.35, "summer")
    for week in (0, 25, 35, 51):
        assert_binomial(int(away[:, week].sum()), N, 0.65 / 43, f"week {week}")
    for week in (26, 34):
        assert_binomial(int(away[:, week].sum()), N, 0.35 / 9, f"week {week}")


def test_longer_holidays_keep_their_summer_share() -> None:
    """Drawn one after the other without return, weeks of summer run out a little: 1.5 points at 6.2 weeks, no more."""
    away = holiday_weeks_of(MANY, 2021, 6.2, 0.35, KEY)
    assert away[:, 26:35].sum() / away.sum() == pytest.approx(0.35, abs=0.02)
    even = holiday_weeks_of(MANY, 2021, 6.2, 9 / 52, KEY)
    assert even[:, 26:35].sum() / even.sum() == pytest.approx(9 / 52, abs=0.005)
    assert (holiday_weeks_of(MANY, 2022, 6.2, 0.35, KEY) != away).any(axis=1).mean() > 0.99, "other years, other weeks"


def test_nobody_works_on_closed_days_or_in_his_holidays() -> None:
    addresses, half_days = np.arange(50), np.full(50, 9.0)
    work = opening_days(addresses, half_days, 6.0, 0.35, YEARS, KEY)
    assert (work[:, ~YEARS.is_open] == 0).all() and (work[:, YEARS.is_open] > 0).any()
    away = holiday_weeks_of(addresses, 2021, 6.0, 0.35, KEY)
    new_year = YEARS.day(dt.date(2021, 1, 1))
    for week in range(52):
        days = slice(new_year + 7 * week, new_year + 7 * week + 7)
        assert (work[away[:, week], days] == 0).all()
        at_work = work[~away[:, week], days].sum(axis=1)
        assert (at_work >= 9 - 2 * (~YEARS.is_open[days][YEARS.weekday[days] < 5]).sum()).all()
    without = opening_days(addresses, half_days, 0.0, 0.35, YEARS, KEY)
    lost = 1.0 - work.sum() / without.sum()
    assert lost == pytest.approx(6.0 / 52.18, abs=0.01)


# --- capacity ---------------------------------------------------------------------------------------------------


def some_agendas(rows: np.recarray, seconds_per_year: np.ndarray, **changed: float):
    half_days = np.full(rows.size, 8.0)
    work = opening_days(rows.address.astype(np.int64), half_days, 6.2, 0.35, YEARS, KEY)
    return work, build_agendas(rows, seconds_per_year, work, PARAMETERS.with_values(changed), KEY)


@pytest.mark.parametrize("rows", [gps(), specialists()], ids=["practices", "specialists"])
@pytest.mark.parametrize("size", [1.0, 0.05])
def test_agendas_keep_up_with_the_capacity(rows: np.recarray, size: float) -> None:
    """Exact: at no time are whole visits more than half a visit behind or ahead, in each of three columns."""
    wanted = np.linspace(1e5, 9e6, rows.size) * size
    work, agendas = some_agendas(rows, wanted)
    book = agendas.free + agendas.reserve + agendas.walk_in
    exact = work * (wanted / (work.sum(axis=1) / YEARS.n_days * 365.25))[:, None]
    assert exact.sum(axis=1) == pytest.approx(wanted * YEARS.n_days / 365.25)
    assert np.abs(np.cumsum(book, axis=1) - np.cumsum(exact, axis=1)).max() <= 1.5 * 1400 + 1
    for column in agendas:
        assert (column[:, ~YEARS.is_open] == 0).all() and (column[work == 0] == 0).all() and (column >= 0).all()
        assert (column % 1400 == 0).all(), "whole visits"


def test_reserves_are_their_shares_of_what_is_not_walk_in() -> None:
    work, agendas = some_agendas(gps(400), np.full(400, 6e6))
    book = agendas.free + agendas.reserve + agendas.walk_in
    after = slice(1, None)
    holds = agendas.walk_in.any(axis=1)
    assert_binomial(int(holds.sum()), 400, PARAMETERS["gp_walk_in_share_of_gps"], "n = 400: sees 14 points")
    shares = {
        "gp_walk_in_capacity_share": agendas.walk_in[holds].sum() / book[holds].sum(),
        "gp_same_day_reserve_share": agendas.reserve[:, after].sum() / (book - agendas.walk_in)[:, after].sum(),
        "gp_planned_room_share": agendas.planned_room.sum() / (book - agendas.walk_in).sum(),
        "gp_flex_share": agendas.overtime.sum() / book.sum(),
    }
    for name, found in shares.items():
        assert found == pytest.approx(PARAMETERS[name], abs=2e-4), name
    _, plain = some_agendas(gps(), np.full(40, 6e6), gp_flex_share=0.0)
    assert (plain.overtime == 0).all()


@pytest.mark.parametrize("release_days", [0, 3, 14])
def test_reserves_due_before_the_first_day_are_released(release_days: int) -> None:
    rows = specialists(release_days=release_days)
    _, agendas = some_agendas(rows, np.full(rows.size, 5e6))
    assert (agendas.reserve[:, :release_days] == 0).all()
    book = agendas.free + agendas.reserve
    share = agendas.reserve[:, release_days:].sum() / book[:, release_days:].sum()
    assert share == pytest.approx(PARAMETERS["specialist_urgent_reserve_share"], rel=0.01)
    assert (agendas.overtime == 0).all() and (agendas.walk_in == 0).all()


def test_a_practices_load_is_needs_over_capacity() -> None:
    """n = 20,000: sees 0.4 % in the mean of the load."""
    expected = np.full(N, 3000.0)
    act_seconds = 60.0 * PARAMETERS["gp_effective_minutes_per_act"]
    exact = PARAMETERS.with_values({"gp_load_spread": 0.0})
    one = practice_seconds_per_year(expected, exact, KEY)
    np.testing.assert_allclose(one, 3000.0 / PARAMETERS["gp_load"] * act_seconds)
    load = expected * act_seconds / practice_seconds_per_year(expected, PARAMETERS, KEY)
    spread = PARAMETERS["gp_load_spread"]
    assert_near(float(load.mean() / PARAMETERS["gp_load"]), 1.0, spread / np.sqrt(N))
    assert np.log(load).std() == pytest.approx(spread, rel=0.05)


def test_no_practice_exceeds_the_most_acts() -> None:
    most = PARAMETERS["gp_most_acts_per_year"] * 60.0 * PARAMETERS["gp_effective_minutes_per_act"]
    seconds = practice_seconds_per_year(np.linspace(0.0, 30_000.0, N), PARAMETERS, KEY)
    assert seconds.max() == pytest.approx(most) and seconds[0] == 0.0


@given(st.floats(0.0, 14.0))
def test_half_days_come_back_from_the_capacity_that_they_give(half_days: float) -> None:
    weeks = 52.18 - PARAMETERS["gp_holiday_weeks"]
    hours_a_half_day = PARAMETERS["gp_weekly_patient_hours"] / PARAMETERS["gp_half_days_per_week"]
    found = half_days_per_week(np.array([half_days * hours_a_half_day * 3600.0 * weeks]), PARAMETERS)
    assert found == pytest.approx(min(max(half_days, 1.0), PARAMETERS["gp_most_half_days"]))


def test_list_quantiles_pass_through_the_published_points() -> None:
    for label, value in PARAMETERS.matching("gp_panel_MT_quantile").items():
        assert list_quantile(PARAMETERS, np.array([float(label[1:]) / 100.0]))[0] == value
    levels = (np.arange(10_000) + 0.5) / 10_000
    sizes = list_quantile(PARAMETERS, levels)
    assert (np.diff(sizes) >= 0).all()
    assert sizes.mean() == pytest.approx(PARAMETERS["gp_panel_MT_mean"], rel=0.02), "the ends are chosen for the mean"


@pytest.mark.parametrize("home_share", [0.05, 0.1, 0.13])
@pytest.mark.parametrize("home_minutes", [25, 37, 45])
def test_all_acts_together_take_the_mean_minutes(home_share: float, home_minutes: float) -> None:
    changed = PARAMETERS.with_values({"gp_home_visit_share": home_share, "gp_home_visit_minutes": home_minutes})
    mean = home_share * home_minutes * 60.0 + (1.0 - home_share) * surgery_seconds(changed)
    assert abs(mean - 60.0 * changed["S009"]) <= 0.5


def test_providers_are_the_packs_doctors() -> None:
    territory, specialties = pack("saverne"), specialties_of(PARAMETERS)
    practices = practices_of(territory, PARAMETERS, KEY)
    rows = providers_of(territory, PARAMETERS, practices, specialties, KEY)
    counts = territory.professionals.groupby("profession")["count"].sum()
    assert (rows.specialty == NOBODY).sum() == counts["general_practitioner"] == len(practices)
    for specialty, name in enumerate(specialties):
        assert (rows.specialty == specialty).sum() == counts.get(name, 0), name
    by_commune = territory.professionals[territory.professionals["profession"] == "general_practitioner"]
    found = np.bincount(rows.place[: len(practices)], minlength=territory.n_communes)
    wanted = dict(zip(by_commune["insee"], by_commune["count"], strict=True))
    assert all(found[i] == wanted.get(insee, 0) for i, insee in enumerate(territory.communes["insee"]))
    assert np.unique(rows.address).size == rows.size
    assert (rows.least_seconds == np.minimum(rows.visit_seconds, rows.video_seconds)).all()


# --- specialists ------------------------------------------------------------------------------------------------


def test_people_from_elsewhere_fill_a_specialty_to_its_load() -> None:
    specialties = specialties_of(PARAMETERS)
    name, rows = specialties[0], specialists()
    capacity = np.full(rows.size, 4000.0 * 1400)
    resident, open_days = np.zeros(len(specialties)), 252.0
    resident[0] = 15_000.0
    requests = outside_requests(rows, capacity, resident, open_days, specialties, PARAMETERS, KEY)
    acts = requests * open_days * (1.0 + PARAMETERS[f"specialist_booked_at_visit_share[{name}]"])
    load = (acts + resident[0] / rows.size) * 1400 / capacity
    assert load.mean() == pytest.approx(PARAMETERS[f"specialist_load[{name}]"]), "luck between them leaves the mean"
    assert load.std() > 0.3 * PARAMETERS["specialist_load_spread"]
    resident[0] = 1e9
    full = outside_requests(rows, capacity, resident, open_days, specialties, PARAMETERS, KEY)
    assert (full == 0).all()
    assert (outside_requests(gps(), capacity[:1], resident, open_days, specialties, PARAMETERS, KEY) == 0).all()


def test_specialists_books_are_filled_at_the_start_and_emptier_further_on() -> None:
    specialties, rows = specialties_of(PARAMETERS), np.concatenate([gps(2), specialists(3)]).view(np.recarray)
    _, agendas = some_agendas(rows, np.full(5, 5e6))
    before = agendas.free.copy()
    taken = fill_at_start(agendas, rows, specialties, PARAMETERS)
    usual = int(PARAMETERS[f"local_wait_at_start_days[{specialties[0]}]"])
    assert (before == agendas.free + taken).all() and (agendas.free >= 0).all()
    assert (taken[:2] == 0).all() and (taken[2:] % 1400 == 0).all()
    assert (agendas.free[2:, : usual // 2] < 1400).all(), "full at first"
    assert (taken[2:, 2 * usual :] == 0).all(), "empty at twice the usual wait"
    assert taken[2:, : 2 * usual].sum() == pytest.approx(before[2:, :usual].sum(), rel=0.1), "as much as the usual wait"
