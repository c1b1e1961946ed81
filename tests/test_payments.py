"""Is each act billed at the price of its day, and shared as the law says? Bills worked out by hand, to the cent."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from abm.agents.payments import may_have_tele_expertise, pay_in_full, personal_spend_factor, post_action
from abm.calendar import Calendar
from abm.compiled import rule
from abm.errors import InputError
from abm.handle import compiled
from abm.model import TerritoryModel
from abm.parameters import load_parameters
from abm.payments import background as frozen
from abm.payments import tables
from abm.payments.background import load_background
from abm.payments.builder import background_shares, ledger_months, payment_columns, spending_years
from abm.payments.tables import BACKGROUND, BACKGROUND_ACCOUNTS, Account, Act, Category
from abm.payments.tariffs import COLUMNS, FILE, load_tariffs, tariff_names, tariff_table
from abm.payments.values import avoidable_shares, two_values
from abm.population import personal_spend_factors
from abm.randomness import seed_key
from abm.settings import BAND_STARTS, specialties_of
from abm.state import NOBODY, NOWHERE, Channel, Counter, Outcome, Payer, Status, Ward, World
from calibration.background import Sample, background_table
from tests.money_world import (
    CARDIOLOGIST,
    FIRST_GENERAL,
    GP_ACCOUNT,
    GYNAECOLOGIST,
    HOSPITAL,
    HOSPITAL_ACCOUNT,
    POLE,
    POLE_ACCOUNT,
    SPECIALIST_ACCOUNT,
    SPECIALTIES,
    bill,
    day_of,
    emergency,
    money_world,
    received_by,
    settled,
    spent,
    stay,
    visit,
)
from tests.small_world import assert_binomial, assert_near

NOTHING = [0.0, 0.0, 0.0, 0.0]


def with_person(world: World, **columns: float) -> World:
    for name, value in columns.items():
        world.patients[name] = value
    return world


# --- a consultation, 25 EUR in 2020 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({}, [16.5, 0.0, 7.5, 1.0]),
        ({"has_complementary_cover": 0}, [16.5, 0.0, 0.0, 8.5]),
        ({"has_regime_local": 1}, [16.5, 5.0, 2.5, 1.0]),
        ({"has_regime_local": 1, "has_complementary_cover": 0}, [16.5, 5.0, 0.0, 3.5]),
        ({"birth_day": -10 * 365}, [17.5, 0.0, 7.5, 0.0]),
        ({"birth_day": -17 * 365}, [17.5, 0.0, 7.5, 0.0]),
        ({"birth_day": -19 * 366}, [16.5, 0.0, 7.5, 1.0]),
        ({"has_ald": 1}, [24.0, 0.0, 0.0, 1.0]),
        ({"has_ald": 1, "has_regime_local": 1}, [24.0, 0.0, 0.0, 1.0]),
        ({"has_ald": 1, "birth_day": -10 * 365}, [25.0, 0.0, 0.0, 0.0]),
        ({"registered_gp": NOBODY}, [6.5, 0.0, 7.5, 11.0]),
        ({"registered_gp": NOBODY, "has_regime_local": 1}, [6.5, 5.0, 2.5, 11.0]),
        ({"registered_gp": NOBODY, "birth_day": -10 * 365}, [17.5, 0.0, 7.5, 0.0]),
        ({"registered_gp": NOBODY, "has_ald": 1}, [14.0, 0.0, 0.0, 11.0]),
    ],
)
def test_a_consultation(person: dict, expected: list[float]) -> None:
    world = with_person(money_world(), **person)
    visit(world)
    settled(world)
    assert bill(world, Category.GP) == spent(world) == expected
    assert received_by(world, Category.GP) == {GP_ACCOUNT: 25.0}
    assert world.billed.sum() == 2500


def test_solidarity_cover_spares_the_participation_and_excess_fees() -> None:
    world = with_person(money_world(n_people=3), income_quintile=1)
    world.cover.c2s_share_of_poorest, world.cover.excess_share = 1.0, 0.15
    world.patients.income_quintile[1] = 2
    world.patients.has_complementary_cover[2] = 0
    for row in range(3):
        visit(world, row, CARDIOLOGIST)
    settled(world)
    assert spent(world, 0) == [35.7, 0.0, 15.3, 0.0]
    assert spent(world, 1) == [34.7, 0.0, 15.3, 8.65], "not of the poorest fifth"
    assert spent(world, 2) == [34.7, 0.0, 0.0, 23.95], "not covered at all"


def test_solidarity_cover_is_drawn_once_a_person() -> None:
    n = 5000
    world = with_person(money_world(n_people=n), income_quintile=1)
    world.cover.c2s_share_of_poorest = 0.3
    for row in range(n):
        visit(world, row)
    settled(world)
    free = world.spend_cents[0, :, Payer.PATIENT] == 0
    assert_binomial(int(free.sum()), n, 0.3)
    for row in range(n):
        visit(world, row)
    settled(world, 1)
    assert np.array_equal(world.spend_cents[0, :, Payer.PATIENT] == 0, free)


def test_participation_stops_at_its_cap_and_starts_anew_each_year() -> None:
    world = money_world()
    for _ in range(60):
        visit(world)
    settled(world, 10)
    assert bill(world, Category.GP) == [60 * 17.5 - 50.0, 0.0, 60 * 7.5, 50.0]
    visit(world)
    settled(world, 366)  # 1 January 2021
    assert world.accounts[0].participation_cents == 100 and world.accounts[0].year == 1
    assert bill(world, Category.GP)[3] == 51.0


def test_the_last_participation_may_be_a_part() -> None:
    world = money_world()
    world.accounts[0].participation_cents = 4960
    visit(world)
    assert bill(settled(world), Category.GP) == [17.1, 0.0, 7.5, 0.4]


# --- where and by whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "columns", "category", "price", "account"),
    [
        (Channel.OTHER_GP, {}, Category.GP, 25.0, GP_ACCOUNT),
        (Channel.WALK_IN, {}, Category.GP, 25.0, GP_ACCOUNT),
        (Channel.HOME, {"place": NOWHERE}, Category.GP, 35.0, GP_ACCOUNT),
        (Channel.VIDEO_OWN_GP, {"place": NOWHERE}, Category.TELEHEALTH, 25.0, GP_ACCOUNT),
        (Channel.PLATFORM, {"provider": NOBODY, "place": NOWHERE}, Category.TELEHEALTH, 25.0, FIRST_GENERAL),
        (Channel.DUTY, {"provider": NOBODY, "place": NOWHERE}, Category.DUTY_CARE, 51.5, FIRST_GENERAL + 1),
    ],
)
def test_channels(channel: Channel, columns: dict, category: Category, price: float, account: int) -> None:
    world = money_world()
    visit(world, channel=channel, **columns)
    settled(world)
    assert received_by(world, category) == {account: price} and world.billed.sum() == price * 100
    shared = round(0.3 * price * 100 + 1e-9) / 100
    assert bill(world, category) == [pytest.approx(price - shared - 1.0), 0.0, shared, 1.0]


def test_nobody_is_out_of_the_pathway_with_the_duty_doctor() -> None:
    world = with_person(money_world(), registered_gp=NOBODY)
    visit(world, channel=Channel.DUTY, provider=NOBODY, place=NOWHERE)
    assert bill(settled(world), Category.DUTY_CARE)[3] == 1.0


def test_specialists_here_and_at_a_pole() -> None:
    world = money_world(specialist_excess_fee_share=0.15)
    visit(world, kind=CARDIOLOGIST)
    settled(world)
    assert bill(world, Category.SPECIALIST) == [34.7, 0.0, 15.3, 8.65]  # 51 EUR, excess fees 7.65, participation 1
    assert received_by(world, Category.SPECIALIST) == {SPECIALIST_ACCOUNT: 58.65}
    visit(world, kind=GYNAECOLOGIST, channel=Channel.POLE, provider=NOBODY, place=POLE)
    settled(world, 1)
    assert received_by(world, Category.SPECIALIST) == {SPECIALIST_ACCOUNT: 58.65, POLE_ACCOUNT: 34.5}


def test_some_specialists_may_be_seen_without_a_registered_doctor() -> None:
    world = with_person(money_world(), registered_gp=NOBODY)
    visit(world, kind=GYNAECOLOGIST)
    assert bill(settled(world), Category.SPECIALIST) == [20.0, 0.0, 9.0, 1.0]  # 30 EUR
    world = with_person(money_world(), registered_gp=NOBODY)
    visit(world, kind=CARDIOLOGIST)
    assert bill(settled(world), Category.SPECIALIST) == [14.3, 0.0, 15.3, 21.4]  # 20.40 lost of 51


def test_an_expensive_act_has_a_fixed_fee() -> None:
    world = money_world()
    world.tariffs[Act.FIRST_SPECIALIST] = 20_000
    visit(world, kind=CARDIOLOGIST)
    assert bill(settled(world), Category.SPECIALIST) == [175.0, 0.0, 24.0, 1.0]
    world = with_person(money_world(), has_ald=1)
    world.tariffs[Act.FIRST_SPECIALIST] = 20_000
    visit(world, kind=CARDIOLOGIST)
    assert bill(settled(world), Category.SPECIALIST) == [199.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o != Outcome.SERVED])
def test_only_visits_held_are_paid(outcome: Outcome) -> None:
    world = money_world()
    visit(world, outcome=outcome)
    settled(world)
    assert world.billed.sum() == 0 and world.counters[Counter.PAID_RECORDS] == 1


def test_nothing_is_paid_twice() -> None:
    world = money_world()
    visit(world)
    stay(world)
    settled(world, 0)
    before = world.billed.sum()
    settled(world, 1)
    assert world.billed.sum() == before == 2500 + 360_000


# --- dated prices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "price", "participation"),
    [
        ("2020-01-01", 25.0, 1.0), ("2023-10-31", 25.0, 1.0), ("2023-11-01", 26.5, 1.0), ("2024-05-14", 26.5, 1.0),
        ("2024-05-15", 26.5, 2.0), ("2024-12-21", 26.5, 2.0), ("2024-12-22", 30.0, 2.0), ("2025-12-31", 30.0, 2.0),
    ],
)  # fmt: skip
def test_an_amount_applies_from_its_date_on(date: str, price: float, participation: float) -> None:
    world = money_world(n_days=2300)
    visit(world)
    settled(world, day_of(world, date))
    assert sum(bill(world, Category.GP)) == price and bill(world, Category.GP)[3] == participation


# --- emergency department and stays -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "person", "expected"),
    [
        ("2022-01-01", {}, [207.39, 0.0, 19.61, 0.0]),
        ("2022-01-01", {"has_complementary_cover": 0}, [207.39, 0.0, 0.0, 19.61]),
        ("2022-01-01", {"has_regime_local": 1}, [207.39, 19.61, 0.0, 0.0]),
        ("2022-01-01", {"has_ald": 1}, [218.51, 0.0, 8.49, 0.0]),
        ("2021-12-30", {"has_ald": 1}, [227.0, 0.0, 0.0, 0.0]),
        ("2022-01-01", {"leaves_hospital_on": 731}, [227.0, 0.0, 0.0, 0.0]),
        ("2022-01-01", {"leaves_hospital_on": 730}, [207.39, 0.0, 19.61, 0.0]),
    ],
)
def test_an_emergency_visit(date: str, person: dict, expected: list[float]) -> None:
    world = with_person(money_world(n_days=1200), **person)
    emergency(world)
    settled(world, day_of(world, date))
    assert bill(world, Category.EMERGENCY) == spent(world) == expected
    assert received_by(world, Category.EMERGENCY) == {HOSPITAL_ACCOUNT: 227.0}


@pytest.mark.parametrize(
    ("person", "columns", "expected"),
    [
        ({}, {}, [2880.0, 0.0, 720.0, 0.0]),  # a fifth of 3,600; six daily fees are less
        ({"has_complementary_cover": 0}, {}, [2880.0, 0.0, 0.0, 720.0]),
        ({"has_regime_local": 1}, {}, [2880.0, 720.0, 0.0, 0.0]),
        ({"has_ald": 1}, {}, [3480.0, 0.0, 120.0, 0.0]),  # the daily fee only
        ({"has_ald": 1}, {"ends_in_death": 1}, [3500.0, 0.0, 100.0, 0.0]),  # not for the day of the death
        ({}, {"ward": int(Ward.SURGERY)}, [3456.0, 0.0, 144.0, 0.0]),  # 24 EUR and the daily fees
        ({}, {"nights": 0, "tariff": "day_case"}, [560.0, 0.0, 140.0, 0.0]),
        ({}, {"nights": 30}, [2880.0, 0.0, 720.0, 0.0]),
        ({}, {"nights": 32}, [3600 - 675.0, 0.0, 675.0, 0.0]),  # 720 * 30/32
        ({}, {"nights": 40}, [3600 - 820.0, 0.0, 820.0, 0.0]),  # 41 daily fees are more than 720 * 30/40
        ({"has_ald": 1}, {"nights": 300}, [0.0, 0.0, 3600.0, 0.0]),  # never more than the price
        ({}, {"tariff": "stay[heart_failure]"}, [3600.0, 0.0, 900.0, 0.0]),
    ],
)
def test_a_stay(person: dict, columns: dict, expected: list[float]) -> None:
    world = with_person(money_world(), **person)
    stay(world, **({"site": 0} | columns))
    settled(world)
    assert bill(world, Category.STAYS) == spent(world) == expected
    assert received_by(world, Category.STAYS) == {HOSPITAL_ACCOUNT: sum(expected)}


def test_a_day_case_without_a_price_of_its_own() -> None:
    world = money_world()
    stay(world, nights=0, tariff="stay")
    assert sum(bill(settled(world), Category.STAYS)) == 700.0


def test_people_from_elsewhere_are_not_in_the_books() -> None:
    world = money_world()
    stay(world, row=NOBODY)
    settled(world)
    assert world.billed.sum() == 0 and world.counters[Counter.PAID_STAYS] == 1


# --- transport ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({}, [39.71, 0.0, 32.49, 0.0]),  # 25 km: 13 + 21 * 1.10 = 36.10 each way; 55 % of 72.20
        ({"has_regime_local": 1}, [39.71, 32.49, 0.0, 0.0]),
        ({"has_ald": 1}, [72.2, 0.0, 0.0, 0.0]),
    ],
)
def test_a_trip_to_hospital_and_back(person: dict, expected: list[float]) -> None:
    world = with_person(money_world(), **person)
    world.cover.transport_share_stay = 1.0
    stay(world)
    settled(world)
    assert bill(world, Category.TRANSPORT) == expected
    assert list(received_by(world, Category.TRANSPORT)) == [FIRST_GENERAL + Account.TRANSPORT]


def test_a_transfer_is_one_paid_trip() -> None:
    world = money_world()
    stay(world, is_transfer=1, site=1)
    assert sum(bill(settled(world), Category.TRANSPORT)) == pytest.approx(13 + 46 * 1.1)  # an hour is 50 km


def test_trips_to_specialists_are_paid_for_a_share_of_those_with_long_term_status() -> None:
    n = 4000
    world = money_world(n_people=n)
    world.patients.has_ald[: n // 2] = 1
    world.cover.transport_share_ald = 0.25
    for row in range(n):
        visit(world, row, CARDIOLOGIST, channel=Channel.POLE, provider=NOBODY, place=HOSPITAL)
    settled(world)
    paid = world.received[:, Category.TRANSPORT].sum() / 7220
    assert paid == int(paid)
    assert_binomial(int(paid), n // 2, 0.25)


# --- by the year --------------------------------------------------------------------------------------------------


def test_lump_sums_for_those_on_a_list_on_the_last_day_of_the_year() -> None:
    ages = [3, 6.9, 7.1, 74.9, 75.1, 79.9, 80.1, 40, 79.9, 80.1, 40, 40]
    world = money_world(n_people=len(ages))
    today = day_of(world, "2020-12-31")
    world.patients.birth_day = [today - int(age * 365.25) for age in ages]
    world.patients.status = Status.ALIVE
    world.patients.has_ald[7:10] = 1
    world.patients.registered_gp[10] = NOBODY
    world.patients.status[11] = Status.DEAD
    settled(world, today - 1)
    assert world.billed.sum() == 0
    settled(world, today)
    assert [sum(spent(world, row)) for row in range(len(ages))] == [6, 6, 5, 5, 5, 5, 46, 46, 46, 70, 0, 0]
    assert received_by(world, Category.GP_LUMP_SUMS) == {GP_ACCOUNT: 240.0}
    assert bill(world, Category.GP_LUMP_SUMS) == [240.0, 0.0, 0.0, 0.0]


def test_a_year_has_so_many_tele_expertises() -> None:
    world = money_world()
    handle = compiled(world)
    assert [bool(may_have_tele_expertise(handle, 0, 5)) for _ in range(6)] == [True] * 4 + [False] * 2
    assert may_have_tele_expertise(handle, 0, 366)


@rule
def book_action(world):
    """Book one cost of the action and one bill paid in full."""
    post_action(world, 3, 14, 4, 5, 12_345)
    pay_in_full(world, 0, 3, 8, 4, 25_000)


def test_the_action_is_spent_on_nobody() -> None:
    world = money_world()
    book_action(compiled(world))
    assert world.paid[0, Category.ACTION, Payer.STATE] == 12_345 == world.received[0, Category.ACTION, 4]
    assert world.spend_cents.sum() == 25_000 == world.paid[0, Category.EDUCATION, Payer.COMPULSORY]


# --- background ---------------------------------------------------------------------------------------------------

PER_DAY = 10_000 * 12 / 365.25  # of 100 EUR a month


def background_world(**columns: float) -> World:
    world = money_world(n_people=2)
    world.background_cents[:] = 10_000
    world.background_acts[:] = 0.5
    world.patients.status = Status.ALIVE
    world.patients.status[1] = Status.EXPECTED
    for name, value in columns.items():
        world.patients[name][0] = value
    return world


@pytest.mark.parametrize(
    ("columns", "days"),
    [
        ({}, 31),
        ({"gone_on": 14, "status": Status.DEAD}, 15),  # the day of the death is the last
        ({"gone_on": 14, "status": Status.DEPARTED}, 15),
        ({"since": 20}, 11),
        ({"since": 20, "gone_on": 22, "status": Status.DEAD}, 3),
        ({"since": 31}, 0),
        ({"gone_on": 0, "status": Status.DEAD}, 1),
    ],
)
def test_background_is_charged_per_day_alive(columns: dict, days: int) -> None:
    world = background_world(**columns)
    for day in range(31):
        settled(world, day)
        assert day == 30 or world.billed.sum() == 0, "on the last day of the month only"
    total = round(days * PER_DAY)
    assert sum(spent(world)) * 100 == pytest.approx(total) == world.billed.sum() and spent(world, 1) == NOTHING


def test_who_has_gone_costs_nothing_the_month_after() -> None:
    world = background_world(gone_on=14, status=Status.DEAD)
    settled(world, 30)
    before = world.billed.sum()
    settled(world, 59)
    assert world.billed.sum() == before


def test_conditions_and_the_personal_factor_scale_background() -> None:
    world = background_world(conditions=0b101, spend_factor=2.0)
    one_by_one = np.array([500.0, 7_000.0, 1_500.0])
    has = (np.arange(8)[:, None] >> np.arange(3)) & 1  # every set of three conditions
    world = world._replace(
        background_cents=world.background_cents + has @ one_by_one,
        background_acts=np.repeat(world.background_acts, 8, 2),
    )
    settled(world, 30)
    assert sum(spent(world)) == pytest.approx(round(31 * PER_DAY * 1.2 * 2.0) / 100)


@pytest.mark.parametrize("cover", range(8))
def test_background_is_shared_by_cover_and_booked_by_heading(cover: int) -> None:
    world = background_world(has_ald=cover >> 2 & 1, has_regime_local=cover >> 1 & 1, has_complementary_cover=cover & 1)
    settled(world, 30)
    total = round(31 * PER_DAY)
    expected = background_shares(load_parameters())[cover] * total
    paid = world.paid[0, BACKGROUND[0] : BACKGROUND[-1] + 1, :4]
    assert np.abs(paid - expected).max() <= 2.0 and paid.sum() == total
    assert np.array_equal(paid > 0, expected > 0)
    assert np.array_equal(world.received.sum(axis=2), world.billed)
    for category, account in zip(BACKGROUND, BACKGROUND_ACCOUNTS, strict=True):
        assert list(received_by(world, category)) == [FIRST_GENERAL + account]


def test_prescriptions_follow_visits_and_leave_the_expected_total_alone() -> None:
    """Half of the background follows acts: as many as expected bring back exactly what the days no longer cost."""
    world = background_world()
    world.cover.prescription_response = 0.5
    visit(world)
    settled(world, 0)
    of_visit = 0.5 * 10_000 / 0.5
    background = slice(BACKGROUND[0], BACKGROUND[-1] + 1)
    assert world.billed[:, background].sum() == of_visit
    settled(world, 30)
    assert world.billed[:, background].sum() == of_visit + round(31 * PER_DAY / 2)
    assert of_visit * 0.5 + 0.5 * PER_DAY * 365.25 / 12 == pytest.approx(10_000), "half a visit a month"


def test_shares_of_every_cover_sum_to_one() -> None:
    shares = background_shares(load_parameters())
    assert np.allclose(shares.sum(axis=(1, 2)), 1.0) and (shares >= 0).all()
    assert (shares[4:, :, Payer.LOCAL] == 0).all() and (shares[4:, :, Payer.PATIENT] == 0).all()


def test_headings_and_their_accounts_lie_together() -> None:
    assert [c - BACKGROUND[0] for c in BACKGROUND] == [a - BACKGROUND_ACCOUNTS[0] for a in BACKGROUND_ACCOUNTS]
    assert [c - BACKGROUND[0] for c in BACKGROUND] == list(range(len(BACKGROUND)))
    assert tables.CARE_PAYERS == Payer.TERRITORY and tables.COVERS == 8


# --- personal factors ---------------------------------------------------------------------------------------------


def test_personal_factors_have_mean_one_and_the_variance_that_is_missing() -> None:
    n, parameters, table = 200_000, load_parameters(), load_background()
    logs = np.log(personal_spend_factors(np.arange(n), parameters, seed_key(3)))
    variance = table.factor_variance(parameters["individual_cost_cv"])
    spread2 = np.log1p(variance)
    assert variance > 0.5
    assert_near(logs.mean(), -spread2 / 2, np.sqrt(spread2 / n), "mean of logarithms")
    assert_near(logs.var(), spread2, spread2 * np.sqrt(2 / n), "variance of logarithms")
    spend_variance = table.spend_variance + variance * table.mean_square
    assert np.sqrt(spend_variance) / table.mean_spend_eur == pytest.approx(parameters["individual_cost_cv"])


@rule
def fill_factors(world, out):
    """Write the factors of people born during the run."""
    for person in range(out.size):
        out[person] = personal_spend_factor(world, person)


def test_those_born_during_the_run_have_factors_of_the_same_law() -> None:
    world, out = money_world(), np.empty(100_000)
    fill_factors(compiled(world), out)
    spread2 = world.cover[0].spend_sigma ** 2
    assert_near(np.log(out).mean(), -spread2 / 2, np.sqrt(spread2 / out.size))
    assert_near(np.log(out).var(), spread2, spread2 * np.sqrt(2 / out.size))


# --- months and years of the books --------------------------------------------------------------------------------


def test_months_and_years_are_cut_where_the_horizon_begins_and_ends() -> None:
    calendar = Calendar(dt.date(2019, 12, 20), 60)
    breaks = (25, 50, 55)  # horizon from 14 January to 7 February
    months, years = ledger_months(calendar, breaks), spending_years(calendar, breaks)
    assert months.tolist() == [0] * 12 + [1] * 13 + [2] * 18 + [3] * 7 + [4] * 5 + [5] * 5
    assert years.tolist() == [0] * 12 + [1] * 13 + [2] * 25 + [3] * 5 + [4] * 5


def test_a_horizon_within_a_month_is_charged_its_days_only() -> None:
    model = TerritoryModel("tiny", rng=1, start="2020-03-10", days=20, warm_up_days=10, follow_up_days=5)
    model.run_to_end()
    by_month = model.arrays.billed[:, BACKGROUND[0] :].sum(axis=1)
    assert model.arrays.ledger_month_of[[0, 9, 10, 29, 30, 33, 34]].tolist() == [0, 1, 2, 2, 3, 4, 4]
    assert (by_month[[1, 2]] > 0).all()
    assert by_month[2] / by_month[1] == pytest.approx(20 / 9, rel=0.5)


# --- the tariff table ---------------------------------------------------------------------------------------------


def tariff_file(tmp_path: Path, change) -> Path:
    rows = list(csv.reader(FILE.open(encoding="utf-8")))
    change(rows)
    file = tmp_path / "tariffs.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    return file


def set_cell(line: int, column: str, value: str):
    def change(rows: list[list[str]]) -> None:
        rows[line - 1][COLUMNS.index(column)] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_cell(4, "act", "gp_consultatoin"), r"line 4, column act: unknown act 'gp_consultatoin'.*gp_consultation"),
        (set_cell(4, "act", "specialist[astrologer]"), r"line 4, column act: unknown act"),
        (set_cell(5, "valid_from", "2011-01-01"), r"line 5, column valid_from: .*from 2011-01-01 already, in line 4"),
        (set_cell(5, "valid_from", "1 May 2017"), r"line 5, column valid_from: found '1 May 2017', expected a date"),
        (set_cell(5, "valid_from", "20170501"), r"line 5, column valid_from: .*expected a date"),
        (set_cell(4, "amount_eur", "-1"), r"line 4, column amount_eur: found -1, expected 0 or more"),
        (set_cell(4, "amount_eur", "12,5"), r"line 4, column amount_eur: found '12,5', expected an amount"),
        (set_cell(4, "amount_eur", "nan"), r"line 4, column amount_eur: found 'nan'"),
        (set_cell(4, "unit", " "), r"line 4, column unit: empty"),
        (set_cell(4, "source", ""), r"line 4, column source: empty"),
        (set_cell(4, "grade", "D"), r"line 4, column grade: found 'D', expected A, B or C"),
        (set_cell(1, "amount_eur", "amount"), r"line 1, column 3: unknown column 'amount'.*amount_eur"),
        (lambda rows: rows[5].append("x"), r"line 6: found 9 cells, expected 8"),
        (lambda rows: rows.pop(1), r"no row for the act 'stay'"),
    ],
)
def test_a_bad_tariff_table_is_refused(tmp_path: Path, change, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_tariffs(SPECIALTIES, tariff_file(tmp_path, change))


def test_an_amount_may_name_a_registered_number(tmp_path: Path) -> None:
    parameters = load_parameters()
    calendar = Calendar(dt.date(2020, 1, 1), 10)

    def visit_price(tariffs, values) -> float:
        return tariff_table(tariffs, SPECIALTIES, calendar, values)[Act.EMERGENCY_VISIT, 0]

    assert visit_price(load_tariffs(SPECIALTIES), parameters) == 22_700
    assert visit_price(load_tariffs(SPECIALTIES), parameters.with_values({"ed_visit_cost": 160.005})) == 16_000
    line = next(row.line for row in load_tariffs(SPECIALTIES) if row.act == "emergency_visit")
    unknown = load_tariffs(SPECIALTIES, tariff_file(tmp_path, set_cell(line, "amount_eur", "P999")))
    with pytest.raises(InputError, match=rf"line {line}, column amount_eur: unknown parameter 'P999'"):
        visit_price(unknown, parameters)


def test_the_first_day_needs_an_amount() -> None:
    with pytest.raises(InputError, match=r"'.+' has no amount on 2010-12-31, the first day of the run"):
        tariff_table(load_tariffs(SPECIALTIES), SPECIALTIES, Calendar(dt.date(2010, 12, 31), 10), load_parameters())


def test_every_general_act_has_its_row() -> None:
    names = tariff_names(load_tariffs(SPECIALTIES), SPECIALTIES)
    assert all(names[act.name.lower()] == act for act in Act if act != Act.FIRST_SPECIALIST)
    assert (
        names["specialist[cardiologist]"] == Act.FIRST_SPECIALIST
        and names["stay[heart_failure]"] >= 31 + len(SPECIALTIES) - 1
    )
    specialties = specialties_of(load_parameters())
    table = tariff_table(load_tariffs(specialties), specialties, Calendar(dt.date(2020, 1, 1), 400), load_parameters())
    assert table.shape[0] == len(tariff_names(load_tariffs(specialties), specialties)) and (table >= 0).all()
    neurologist = Act.FIRST_SPECIALIST + specialties.index("neurologist")
    assert table[neurologist, 0] == 3000, "no row of its own: the price of all others"


def test_the_local_rate_must_not_be_below_the_compulsory_one() -> None:
    parameters = load_parameters()
    rows = tuple(row for row in parameters.rows if row.name != "regime_local_rate[consultation]")
    lower = parameters.entry("regime_local_rate[consultation]").__class__(
        **{**vars(parameters.entry("regime_local_rate[consultation]")), "value": 0.5, "low": 0.5}
    )
    with pytest.raises(InputError, match="is below"):
        payment_columns(
            type(parameters)((*rows, lower)), Calendar(dt.date(2020, 1, 1), 10), SPECIALTIES, (), n_people=1,
            n_providers=1, n_sites=0,
        )  # fmt: skip


# --- the frozen background ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("age,0,male", "age,0,man", r"line 2, column sex: unknown sex 'man'"),
        ("age,0,male", "ages,0,male", r"line 2, column kind: unknown kind 'ages'"),
        ("age,0,male", "age,0,female", r"line 3, column name: 'age 0 female' stands twice"),
        ("age,0,male", "age,zero,male", r"line 2, column name: found 'zero'"),
        ("condition,copd,,", "condition,copd,,-", r"column eur_per_year: found '-.*', expected 0 or more"),
        ("moment,mean_spend", "moment,mean_spent", r"unknown name 'mean_spent'.*mean_spend"),
        ("kind,name", "kind,names", r"line 1: found columns"),
    ],
)
def test_a_bad_background_table_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "background.csv"
    text = frozen.FILE.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_background(file)


def test_a_background_row_must_not_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "background.csv"
    lines = frozen.FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("age,35,male")), encoding="utf-8")
    with pytest.raises(InputError, match="no row 'age 35 male'"):
        load_background(file)


def test_the_background_completes_the_registered_spend() -> None:
    """On people made up by hand: what is simulated and the background give the registered mean exactly."""
    random = np.random.default_rng(5)
    n, parameters = 4000, load_parameters()
    cell, has = random.integers(0, 2 * len(BAND_STARTS), n), (random.random((n, 2)) < (0.1, 0.2)).astype(float)
    years, cover = np.where(random.random(n) < 0.1, 0.5, 1.0), random.integers(0, 8, n)
    eur = years * (200.0 + 10.0 * cell + has @ [1_000.0, 3.0])
    acts = years * (1.0 + 0.1 * cell + has @ [2.0, 0.5])
    rows = background_table(Sample(years, cell, has, cover, eur, acts), ("diabetes", "hypertension"), parameters)
    by_cell = np.array([row[3] for row in rows if row[0] == "age"])
    acts_by_cell = np.array([row[4] for row in rows if row[0] == "age"])
    more = {row[1]: row[3:] for row in rows if row[0] == "condition"}
    paid = background_shares(parameters)[:, :, Payer.COMPULSORY].sum(axis=1)[cover]
    background = years * paid * (by_cell[cell] + has @ [more["diabetes"][0], more["hypertension"][0]])
    assert (background.sum() + eur.sum()) / years.sum() == pytest.approx(parameters["cost_per_capita_reimbursed"])
    assert np.allclose(acts_by_cell, 1.0 + 0.1 * np.arange(by_cell.size))
    assert more["diabetes"][1] == pytest.approx(2.0) and more["hypertension"][1] == pytest.approx(0.5)
    share = (paid * years * has[:, 0]).sum() / (years * has[:, 0]).sum()
    assert more["diabetes"][0] * share == pytest.approx(parameters["cost_attributable[diabetes]"] - 1_000.0)


# --- two values ---------------------------------------------------------------------------------------------------


def test_two_values_of_what_does_not_take_place() -> None:
    parameters = load_parameters()
    reference = np.zeros((2, len(Category)), np.int64)
    reference[:, Category.STAYS], reference[1, Category.GP] = 360_000, 2_500
    policy = np.zeros_like(reference)
    policy[1, Category.GP] = 5_000
    table = two_values(reference, policy, parameters).set_index("category")
    assert table.loc["stays"].tolist() == pytest.approx([7_200.0, 7_200.0 * parameters["avoidable_share[stays]"]])
    assert table.loc["gp"].tolist() == pytest.approx([-25.0, -25.0 * parameters["avoidable_share[gp]"]])
    shares = avoidable_shares(parameters)
    assert shares.shape == (len(Category),) and (shares >= 0).all() and (shares <= 1).all()
