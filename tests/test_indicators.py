"""Every definition of `abm.indicators` on records made by hand, with answers known beforehand."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.environment.access import apl
from abm.environment.territory import load_territory
from abm.indicators import HEADLINE, communes_table, headline, indicators, monthly
from abm.indicators.counting import (
    COLUMNS,
    Run,
    completed_years,
    first_day_of_age,
    tally_mean,
    tally_quantile,
    tally_share,
    weighted_quantile,
)
from abm.indicators.potential import driving_minutes
from abm.parameters import load_parameters
from abm.records import Episodes, Records
from abm.scenario import load_scenario
from abm.settings import specialties_of
from abm.state import (
    HEALTH,
    NEVER,
    NOBODY,
    NOWHERE,
    PATIENT,
    PROVIDER,
    RECORD,
    STAY,
    Channel,
    Contact,
    Kind,
    Outcome,
    Registration,
    Status,
    Vital,
)
from abm.supply import Agendas
from abm.world import Setting, calendar_of, travel_of

FIRST = 30  # warm-up of the hand-made runs: 1 January 2021 is day 30
DAYS, FOLLOW_UP = 730, 180  # two whole years, 2021 and 2022
ACUTE, FOLLOWING, PREVENTIVE = int(Kind.GP_ACUTE), int(Kind.GP_FOLLOW_UP), int(Kind.GP_PREVENTIVE)
CARDIOLOGIST = int(Kind.FIRST_SPECIALTY)
HALF_DAYS_FULL_TIME = 9.5


@cache
def setting_of(follow_up_days: int = FOLLOW_UP, scale: float = 1.0) -> Setting:
    territory = load_territory("tiny")
    scenario = load_scenario(
        "baseline", start=dt.date(2021, 1, 1), days=DAYS, warm_up_days=FIRST, follow_up_days=follow_up_days, scale=scale
    )
    parameters = load_parameters()
    nothing = np.zeros((0, 0), np.int32)
    return Setting(
        territory=territory, scenario=scenario, parameters=parameters, conditions=(),
        specialties=specialties_of(parameters), calendar=calendar_of(territory, scenario),
        travel=travel_of(territory, parameters), seed=1, population_fingerprint="by hand",
        planned=Agendas(nothing, nothing, nothing, nothing, nothing), offered=nothing, overtime_offered=nothing,
        in_force=np.zeros((0, 0)),
    )  # fmt: skip


def people_of(n: int = 10, age_years: float = 40) -> np.recarray:
    """Men of one age on 1 January 2021, of the middle fifth, registered with the first practice, with car and cover."""
    rows = np.zeros(n, PATIENT).view(np.recarray)
    rows.person = np.arange(n)
    rows.birth_day = FIRST - int(round(age_years * 365.25))
    rows.income_quintile = 3
    rows.has_car = rows.has_complementary_cover = 1
    rows.status, rows.since, rows.gone_on = Status.ALIVE, NEVER, NEVER
    return rows


def practices_of(n: int = 2) -> np.recarray:
    rows = np.zeros(n, PROVIDER).view(np.recarray)
    rows.specialty = NOBODY
    rows.visit_seconds = 1200
    rows.half_days_per_week = HALF_DAYS_FULL_TIME
    rows.accepts_others = 1
    return rows


def episode(patient: int = 0, kind: int = ACUTE, asked: int = 0, lead: int | None = 0, **changes: float) -> dict:
    """Return a request asked `asked` days into the horizon and served at its appointment, unless changed."""
    asked_on = FIRST + asked
    on = NEVER if lead is None else asked_on + lead
    row = {
        "patient": patient, "provider": 0, "asked_on": asked_on, "wished_on": asked_on, "booked_on": asked_on,
        "appointment_on": on, "closed_on": asked_on if lead is None else on, "kind": kind, "travel_minutes": 10.0,
        "channel": Channel.LOCAL_AGENDA if kind >= CARDIOLOGIST else Channel.OWN_GP,
        "outcome": Outcome.FORGONE if lead is None else Outcome.SERVED,
    }  # fmt: skip
    if lead is None:
        row |= {"provider": NOBODY, "place": NOWHERE, "channel": Channel.NONE, "travel_minutes": 0.0}
    return row | changes


def emergency(patient: int = 0, day: int = 0, contact: Contact = Contact.OWN_CLOCK) -> dict:
    return episode(patient, Kind.EMERGENCY, day, channel=Channel.EMERGENCY, contact=contact, provider=NOBODY)


def records_of(*rows: dict, people: np.recarray | None = None, setting: Setting | None = None, **changes) -> Records:
    setting = setting or setting_of()
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in RECORD.items()}
    minutes = np.zeros(len(rows), np.float32)
    for place, row in enumerate(rows):
        asked_on = row["asked_on"]
        days = {f"{name}_days": row.get(f"{name}_on", asked_on) - asked_on for name in ("wished", "booked")}
        for name, value in (row | days).items():
            if name in columns:
                columns[name][place] = value
        minutes[place] = row.get("travel_minutes", 0.0)
    episodes = Episodes(columns)
    providers = changes.pop("providers", practices_of())
    seconds = np.zeros((providers.size, setting.last_day), np.int32)
    given_columns = {
        "setting": setting, "episodes": episodes, "patients": people_of() if people is None else people,
        "providers": providers, "offered": seconds, "unused": seconds, "outside_held": seconds,
        "overtime_used": seconds, "third_next_available": np.zeros((0, providers.size), np.int64),
        "third_next_days": np.zeros(0, np.int64), "stays": np.zeros(0, STAY).view(np.recarray),
        "health": np.zeros(0, HEALTH).view(np.recarray), "vital": np.zeros((40, len(Vital))),
        "billed": np.zeros((0, 0), np.int64), "paid": np.zeros((0, 0, 0), np.int64),
        "received": np.zeros((0, 0, 0), np.int64), "spend_cents": np.zeros((0, 0, 0), np.int32),
        "in_force": np.ones(seconds.shape), "registrations": np.zeros((0, len(Registration)), np.int64),
        "lacked_gp": np.zeros(0, np.int64),
    }  # fmt: skip
    records = Records(**(given_columns | changes))
    records.__dict__["travel_minutes"] = minutes  # stated here instead of coming from places
    return records


def value_of(records: Records, indicator: str, kind: str = "all", stratum: str = "all", period: str = "all") -> float:
    return float(row_of(indicators(records), indicator, kind, stratum, period)["value"])


def row_of(table: pd.DataFrame, indicator: str, kind: str = "all", stratum: str = "all", period: str = "all"):
    rows = table[
        (table.indicator == indicator) & (table.stratum_kind == kind) & (table.stratum == stratum)
        & (table.period == period)
    ]  # fmt: skip
    assert len(rows) == 1, f"{len(rows)} rows for {indicator}, {kind}, {stratum}, {period}"
    return rows.iloc[0]


def random_records(seed: int, n: int = 400, n_people: int = 60) -> Records:
    """Records that are possible in their dates and outcomes, over all kinds, channels and kinds of people."""
    draw = np.random.default_rng(seed)
    people = people_of(n_people)
    people.birth_day = FIRST - draw.integers(0, 95 * 365, n_people)
    people.commune = draw.integers(0, 5, n_people)
    for name in ("is_female", "has_car", "has_complementary_cover", "has_ald"):
        people[name] = draw.integers(0, 2, n_people)
    people.income_quintile = draw.integers(1, 6, n_people)
    people.registered_gp = draw.integers(-1, 2, n_people)
    return records_of(*(_random_episode(draw, n_people) for _ in range(n)), people=people)


def _random_episode(draw: np.random.Generator, n_people: int) -> dict:
    patient, asked = int(draw.integers(n_people)), int(draw.integers(-FIRST, DAYS + FOLLOW_UP - 1))
    kind = int(draw.choice([0, 0, 1, 2, 3, 4, 5, 6]))
    if kind == Kind.EMERGENCY:
        return emergency(patient, asked, Contact(int(draw.integers(3))))
    lead = int(draw.exponential(10 if kind < Kind.EMERGENCY else 60))
    closed = FIRST + asked + lead
    if closed >= FIRST + DAYS + FOLLOW_UP:
        return episode(patient, kind, asked, lead, outcome=Outcome.OPEN, closed_on=NEVER)
    outcome = Outcome(int(draw.choice([1, 1, 1, 1, 2, 3, 4, 5])))
    if outcome in (Outcome.FORGONE, Outcome.DIVERTED):
        return episode(patient, kind, asked, None, outcome=outcome, closed_on=FIRST + asked + min(lead, 3))
    gp = (Channel.OWN_GP, Channel.OTHER_GP, Channel.WALK_IN, Channel.VIDEO_OWN_GP, Channel.PLATFORM, Channel.HOME)
    channels = gp if kind < Kind.EMERGENCY else (Channel.LOCAL_AGENDA, Channel.POLE)
    return episode(
        patient, kind, asked, lead, outcome=outcome, channel=channels[int(draw.integers(len(channels)))],
        wished_on=FIRST + asked + int(draw.integers(0, 20)), travel_minutes=float(draw.integers(2, 60)),
        is_planned=int(draw.random() < 0.2), failures=int(draw.integers(0, 3)),
    )  # fmt: skip


# --- the table ----------------------------------------------------------------------------------------------------


def test_table_has_its_columns_and_no_row_twice():
    table = indicators(random_records(0))
    assert tuple(table.columns) == COLUMNS
    assert not table.duplicated(["indicator", "stratum_kind", "stratum", "period"]).any()
    assert table["indicator"].is_monotonic_increasing
    assert set(table["period"]) == {"all", "2021", "2022"}


def test_same_records_in_another_order_give_the_same_table():
    records = random_records(1)
    order = np.random.default_rng(2).permutation(records.episodes.size)
    other = records_of(people=records.patients)
    object.__setattr__(other, "episodes", records.episodes[order])
    other.__dict__["travel_minutes"] = records.travel_minutes[order]
    pd.testing.assert_frame_equal(indicators(records), indicators(other), rtol=1e-12, atol=0)


@pytest.mark.parametrize("seed", range(3))
def test_headline_is_the_table_to_the_bit(seed):
    records = random_records(seed)
    table, short = indicators(records), headline(records)
    assert tuple(short) == HEADLINE
    for name, value in short.items():
        np.testing.assert_equal(value, float(row_of(table, name)["value"]), err_msg=name)


PARTITIONS = ("age_band", "sex", "income_quintile", "has_ald", "invisible", "epci")


@pytest.mark.parametrize("kind", [*PARTITIONS, "commune"])
def test_strata_of_a_kind_add_up_to_all(kind):
    table = indicators(random_records(3)).drop(columns=["unit", "value"])
    table = table[~table.indicator.str.startswith("lead_time_mean_over_median")]  # has no row where the median is 0
    parts = table[table.stratum_kind == kind].groupby(["indicator", "period"])["n"].sum()
    whole = table[table.stratum_kind == "all"].set_index(["indicator", "period"])["n"]
    assert len(parts) > 20
    if kind == "commune":  # means over communes have one number for all of them
        parts = parts.drop(index=["apl", "two_step_catchment"], level=0)
    pd.testing.assert_series_equal(parts, whole.reindex(parts.index), check_dtype=False)


def test_nobody_is_nan_for_all_and_no_row_for_a_stratum():
    table = indicators(records_of(episode(lead=3)))
    row = row_of(table, "lead_time_mean_days.cardiologist")
    assert np.isnan(row["value"]) and row["n"] == 0
    assert table[table.stratum_kind != "all"]["value"].notna().all()


def test_run_that_has_not_reached_its_horizon_has_nothing_to_report():
    days = np.zeros((2, FIRST - 5), np.int32)
    records = records_of(offered=days, unused=days, outside_held=days, overtime_used=days)
    assert np.isnan(headline(records)["lead_time_mean_days.gp"])
    assert set(indicators(records)["period"]) == {"all"}
    assert monthly(records).empty
    assert len(communes_table(records)) == records.setting.territory.n_communes


# --- delays -------------------------------------------------------------------------------------------------------


def test_lead_times_of_four_appointments():
    records = records_of(*(episode(lead=lead, kind=FOLLOWING) for lead in (0, 1, 2, 13)))
    expected = {
        "lead_time_mean_days": 4.0, "lead_time_median_days": 1.5, "lead_time_q3_days": 4.75, "lead_time_p90_days": 9.7,
        "lead_time_share_1_days": 0.5, "lead_time_share_2_days": 0.75, "lead_time_share_7_days": 0.75,
        "lead_time_mean_over_median": 4.0 / 1.5,
    }  # fmt: skip
    table = indicators(records)
    for need in ("gp", "gp_follow_up"):
        for name, value in expected.items():
            assert row_of(table, f"{name}.{need}")["value"] == pytest.approx(value, rel=1e-12)


def test_lead_time_is_over_appointments_given_whatever_became_of_them():
    kept = [episode(lead=2), episode(lead=4, outcome=Outcome.MISSED), episode(lead=6, outcome=Outcome.WITHDRAWN)]
    booked = episode(lead=8, outcome=Outcome.OPEN, closed_on=NEVER)
    row = row_of(indicators(records_of(*kept, booked, episode(lead=None))), "lead_time_mean_days.gp")
    assert (row["value"], row["n"]) == (5.0, 4)


def test_delays_are_dated_by_asking_and_leave_out_visits_booked_ahead_and_the_time_around_the_horizon():
    inside = [episode(asked=0, lead=4), episode(asked=364, lead=10), episode(asked=DAYS - 1, lead=100)]
    outside = [episode(asked=-1, lead=50), episode(asked=DAYS, lead=50), episode(asked=5, lead=90, is_planned=1)]
    table = indicators(records_of(*inside, *outside, emergency()))
    assert row_of(table, "lead_time_mean_days.gp", period="2021")["value"] == 7.0
    assert row_of(table, "lead_time_mean_days.gp", period="2022")["value"] == 100.0
    assert row_of(table, "lead_time_mean_days.gp")["n"] == 3


def test_lead_time_is_its_wished_part_and_its_excess():
    late = episode(lead=12, wished_on=FIRST + 10)
    urgent = episode(lead=3, wished_on=FIRST + 30)  # seen before the date first wished for: no excess, never negative
    records = records_of(late, urgent)
    assert value_of(records, "lead_time_wished_mean_days.gp_acute") == 6.5
    assert value_of(records, "lead_time_excess_mean_days.gp_acute") == 1.0
    assert value_of(records, "lead_time_mean_days.gp_acute") == 7.5


def test_time_to_care_counts_the_unserved_at_the_limit():
    rows = [episode(lead=4), episode(lead=50), episode(lead=None), episode(lead=1, outcome=Outcome.MISSED)]
    records = records_of(*rows, episode(kind=CARDIOLOGIST, lead=50), episode(kind=CARDIOLOGIST, lead=None))
    assert value_of(records, "time_to_care_days.gp") == (4 + 30 + 30 + 30) / 4
    assert value_of(records, "time_to_care_days.specialist") == (50 + 180) / 2


def test_time_to_care_leaves_out_requests_that_are_not_followed_to_the_limit():
    setting = setting_of(follow_up_days=10)
    followed, too_late = episode(asked=DAYS - 20, lead=2), episode(asked=DAYS - 19, lead=2)
    row = row_of(indicators(records_of(followed, too_late, setting=setting)), "time_to_care_days.gp")
    assert (row["value"], row["n"]) == (2.0, 1)


leads = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@given(leads=leads, turned_away=st.integers(0, 11))
@settings(max_examples=20)
def test_time_to_care_never_passes_its_limit_nor_falls_by_turning_somebody_away(leads, turned_away):
    rows = [episode(patient=0, lead=lead) for lead in leads]
    before = headline(records_of(*rows))["time_to_care_days.gp"]
    rows[turned_away % len(rows)] |= {"outcome": Outcome.FORGONE, "appointment_on": NEVER}
    after = headline(records_of(*rows))["time_to_care_days.gp"]
    assert before <= after <= 30.0


def test_outcome_shares_sum_to_one_in_every_stratum():
    table = indicators(random_records(4))
    shares = table[table.indicator.str.startswith("request_outcome_share.")]
    need_and_outcome = shares.indicator.str.split(".", expand=True)
    ends = shares[need_and_outcome[2] != "unserved_at_first_try"].assign(need=need_and_outcome[1])
    sums = ends.groupby(["need", "stratum_kind", "stratum", "period"])["value"].agg(lambda x: x.sum(skipna=False))
    counted = ends.groupby(["need", "stratum_kind", "stratum", "period"])["n"].first()
    np.testing.assert_allclose(sums[counted > 0], 1.0, rtol=1e-12)


def test_every_outcome_has_its_share():
    rows = [episode(lead=1, outcome=outcome) for outcome in Outcome for _ in range(outcome + 1)]
    records = records_of(*rows)
    for outcome in Outcome:
        assert value_of(records, f"request_outcome_share.gp.{outcome.name.lower()}") == (outcome + 1) / 21


def test_drees_stratum_is_adults_below_70_by_appointment_in_person():
    people = people_of(4)
    people.birth_day[:] = FIRST - np.array([17.9, 18.1, 69.9, 70.1]) * 365.25
    rows = [episode(patient, lead=patient + 1) for patient in range(4)]
    others = (Channel.WALK_IN, Channel.VIDEO_OWN_GP, Channel.PLATFORM, Channel.DUTY)
    rows += [episode(1, lead=20, channel=channel) for channel in others]
    table = indicators(records_of(*rows, episode(1, lead=20, is_planned=1), episode(2, lead=None), people=people))
    row = row_of(table, "lead_time_mean_days.gp", "drees")
    assert (row["value"], row["n"]) == (2.5, 2)
    assert row_of(table, "request_outcome_share.gp.forgone", "drees")["value"] == pytest.approx(1 / 3)


def test_local_agendas_apart_within_drees_and_channels():
    rows = [episode(kind=CARDIOLOGIST, lead=40), episode(kind=CARDIOLOGIST, lead=60, channel=Channel.POLE)]
    table = indicators(records_of(*rows))
    need = "lead_time_mean_days.cardiologist"
    assert row_of(table, need, "drees")["value"] == 50.0
    assert row_of(table, need, "drees", "local_agenda")["value"] == 40.0
    assert row_of(table, need, "channel", "pole")["value"] == 60.0


# --- unmet --------------------------------------------------------------------------------------------------------


def forgone_shares(*rows: dict, **changes) -> dict[str, float]:
    table = indicators(records_of(*rows, **changes))
    names = ("forgone_care_share", "unmet_need_share", "failed_booking_share")
    return {name: float(row_of(table, name, period="2021")["value"]) for name in names}


@pytest.mark.parametrize(
    ("rows", "forgone", "unmet"),
    [
        ([episode(lead=5)], 0, 0),
        ([episode(lead=None)], 1, 1),
        ([episode(lead=None), episode(lead=None, asked=200)], 1, 1),  # once a person
        ([episode(lead=None), episode(asked=90)], 0, 0),  # seen for the same within 90 days
        ([episode(lead=None), episode(asked=91)], 1, 1),
        ([episode(lead=None), episode(asked=-20, lead=60, is_planned=1)], 0, 0),  # a visit booked ahead is a visit
        ([episode(lead=None), episode(asked=5, kind=FOLLOWING)], 1, 1),  # another need
        ([episode(lead=None), episode(patient=1, asked=5)], 1, 1),  # another person
        ([episode(lead=None, asked=10), episode(asked=5)], 1, 1),  # seen before asking
        ([episode(lead=None, outcome=Outcome.DIVERTED)], 0, 0),  # the emergency department is a provider
        ([episode(lead=3, outcome=Outcome.MISSED)], 0, 1),
        ([episode(lead=3, outcome=Outcome.WITHDRAWN)], 0, 1),
        ([episode(kind=CARDIOLOGIST, lead=91)], 0, 1),
        ([episode(kind=CARDIOLOGIST, lead=90)], 0, 0),
        ([episode(lead=None, outcome=Outcome.OPEN, closed_on=NEVER)], 1, 1),
        ([emergency()], 0, 0),
    ],
)
def test_forgone_and_unmet_needs(rows, forgone, unmet):
    shares = forgone_shares(*rows)
    assert (10 * shares["forgone_care_share"], 10 * shares["unmet_need_share"]) == (forgone, unmet)


def test_failed_tries_count_apart_from_forgone_care():
    shares = forgone_shares(episode(0, lead=5, failures=1), episode(1, lead=None, outcome=Outcome.DIVERTED), episode(2))
    assert shares["failed_booking_share"] == 0.2
    assert shares["forgone_care_share"] == 0.0


def test_forgone_care_is_of_people_of_16_and_over_and_a_mean_of_twelve_months():
    people = people_of(5)
    people.birth_day[:2] = FIRST - 10 * 365
    records = records_of(episode(0, lead=None), episode(2, lead=None, asked=400), people=people)
    table = indicators(records)
    assert [row_of(table, "forgone_care_share", period=period)["value"] for period in ("2021", "2022")] == [0.0, 1 / 3]
    assert (row_of(table, "forgone_care_share")["value"], row_of(table, "forgone_care_share")["n"]) == (1 / 6, 6)


# --- use ----------------------------------------------------------------------------------------------------------


def test_acts_per_head_count_every_visit_held_in_the_period():
    held = [episode(), episode(channel=Channel.DUTY), episode(channel=Channel.PLATFORM), episode(is_planned=1)]
    around = [episode(asked=-10, lead=12), episode(asked=DAYS - 3, lead=10)]  # held within; held after
    records = records_of(*held, *around, episode(lead=3, outcome=Outcome.MISSED), episode(kind=CARDIOLOGIST, asked=400))
    table = indicators(records)
    assert row_of(table, "acts_per_head.gp")["value"] == pytest.approx(5 / 10 / (730 / 365.25))
    assert row_of(table, "acts_per_head.gp", period="2022")["value"] == 0.0
    assert row_of(table, "acts_per_head.specialist", period="2022")["value"] == pytest.approx(1 / 10 / (365 / 365.25))


def test_travel_is_of_visits_in_person():
    trips = [episode(travel_minutes=minutes) for minutes in (5.0, 10.0, 15.0, 50.0)]
    no_trips = [
        episode(channel=channel, travel_minutes=0.0)
        for channel in (Channel.HOME, Channel.VIDEO_OWN_GP, Channel.PLATFORM, Channel.DUTY)
    ]
    far = [episode(kind=CARDIOLOGIST, channel=Channel.POLE, travel_minutes=minutes) for minutes in (40.0, 41.0)]
    table = indicators(records_of(*trips, *no_trips, *far, emergency()))
    assert row_of(table, "travel_mean_minutes.gp")["value"] == 20.0
    assert row_of(table, "travel_p90_minutes.gp")["value"] == pytest.approx(np.quantile([5, 10, 15, 50], 0.9))
    assert row_of(table, "travel_share_over_40_minutes.specialist")["value"] == 0.5


def test_teleconsultation_share_and_ages():
    people = people_of(2)
    people.birth_day[1] = FIRST - 60 * 365
    rows = [episode(0, channel=Channel.PLATFORM), episode(1, channel=Channel.VIDEO_OWN_GP), episode(1), episode(1)]
    table = indicators(records_of(*rows, episode(0, kind=CARDIOLOGIST), people=people))
    assert row_of(table, "teleconsultation_share")["value"] == 0.5
    assert row_of(table, "teleconsultation_age_15_44_share")["value"] == 0.5
    assert row_of(table, "in_person_age_15_44_share")["value"] == 0.0


def test_no_shows_and_their_odds_by_lead_time():
    def booked(lead: int, missed: int, held: int) -> list[dict]:
        return [episode(kind=CARDIOLOGIST, lead=lead, outcome=Outcome.MISSED)] * missed + [
            episode(kind=CARDIOLOGIST, lead=lead)
        ] * held

    rows = [*booked(29, 2, 8), *booked(28, 5, 5), *booked(1, 1, 9), *booked(0, 0, 20)]
    table = indicators(records_of(*rows, episode(channel=Channel.WALK_IN), episode(lead=1, outcome=Outcome.MISSED)))
    assert row_of(table, "no_show_share.specialist")["value"] == 8 / 50
    assert row_of(table, "no_show_share.gp")["value"] == 1.0
    assert row_of(table, "no_show_odds_ratio_28_days")["value"] == pytest.approx((2 / 8) / (2 / 9))


def test_no_show_odds_ratio_is_that_of_the_booking_that_holds():
    rebooked = episode(lead=40, booked_on=FIRST + 39, outcome=Outcome.MISSED)
    rows = [rebooked, episode(lead=1), episode(lead=29, outcome=Outcome.MISSED), episode(lead=29)]
    assert value_of(records_of(*rows), "no_show_odds_ratio_28_days") == 1.0


def test_emergency_visits_by_contact_and_age():
    people = people_of(4)
    people.birth_day[3] = FIRST - 80 * 365
    visits = [
        emergency(0),
        emergency(3, 400),
        emergency(1, 5, Contact.NEVER_ASKED),
        emergency(1, 9, Contact.NOTHING_IN_TIME),
    ]
    table = indicators(records_of(*visits, emergency(0, DAYS), people=people))
    assert row_of(table, "emergency_visits_per_head")["value"] == pytest.approx(4 / 4 / (730 / 365.25))
    assert row_of(table, "emergency_no_other_access_share")["value"] == 0.5
    assert row_of(table, "emergency_share_75_plus")["value"] == 0.25
    assert row_of(table, "emergency_visits_per_head", "age_band", "66+")["value"] == pytest.approx(1 / (730 / 365.25))


def test_emergency_rate_ratio_sets_the_best_served_fifth_against_the_worst():
    people = people_of(10)
    people.commune = np.repeat(np.arange(5), 2)  # each commune a fifth; the first is the worst served
    asked = [episode(2 * commune, lead=0 if i < commune else 3) for commune in range(5) for i in range(4)]
    visits = [emergency(0)] * 6 + [emergency(8)] * 2 + [emergency(4)] * 9
    records = records_of(*asked, *visits, people=people)
    assert value_of(records, "emergency_rate_ratio_best_access_quintile") == pytest.approx(2 / 6)


# --- practices and places -----------------------------------------------------------------------------------------


def test_third_next_available_is_the_mean_over_weeks_and_practices():
    weeks = np.array([[90, 90], [1, 3], [4, 8], [50, 50]])
    days = np.array([FIRST - 3, FIRST + 4, FIRST + 370, FIRST + DAYS])
    table = indicators(records_of(third_next_available=weeks, third_next_days=days))
    assert row_of(table, "third_next_available_days.gp")["value"] == 4.0
    assert row_of(table, "third_next_available_days.gp", period="2022")["value"] == 6.0


def worked_records(scale: float = 1.0, hours_a_day: float = 8.0) -> Records:
    """Two practices: one works Monday to Friday in weeks 1 to 50 of both years, the other never has a session."""
    setting = setting_of(scale=scale)
    offered = np.zeros((2, setting.last_day), np.int32)
    days = np.arange(setting.last_day)
    is_there = np.isin((setting.calendar.day_of_year[days].astype(int) - 1) // 7, range(1, 51)) & (days >= FIRST)
    offered[0, is_there & (setting.calendar.weekday[days] < 5)] = int(hours_a_day * 3600)
    offered[0, FIRST + DAYS :] = 0
    unused, overtime = offered // 4, offered // 8
    rows = [episode(asked=50, lead=0)] * 20 + [episode(asked=50, provider=NOBODY, channel=Channel.DUTY)]
    return records_of(*rows, offered=offered, unused=unused, overtime_used=overtime, setting=setting)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_hours_and_acts_of_practices_at_full_size(scale):
    table = indicators(worked_records(scale))
    outside = setting_of().parameters["gp_hours_outside_visits_share"]
    hours = 40 * (1 - 1 / 4 + 1 / 8) / (1 - outside) / scale
    assert row_of(table, "gp_hours_mean")["value"] == pytest.approx(hours)
    assert row_of(table, "gp_hours_mean")["n"] == 1  # the other has no week with a session
    assert row_of(table, "gp_hours_over_60_share")["value"] == (1.0 if hours > 60 else 0.0)
    assert row_of(table, "gp_acts_per_day")["value"] == pytest.approx(20 / 500 / scale)
    assert row_of(table, "gp_acts_per_full_time_year")["value"] == pytest.approx(20 / 2 / (730 / 365.25) / scale)


def test_lists_closed_practices_walk_in_sessions_and_adults_without_a_doctor():
    people, practices = people_of(10), practices_of(2)
    people.registered_gp = [0] * 6 + [1] * 2 + [NOBODY] * 2
    people.birth_day[9] = FIRST - 10 * 365
    practices.accepts_others[1] = 0
    table = indicators(records_of(episode(channel=Channel.WALK_IN), people=people, providers=practices))
    assert row_of(table, "gp_list_size_p50")["value"] == 4.0
    assert row_of(table, "gp_list_size_p90")["value"] == pytest.approx(5.6)
    assert row_of(table, "gp_closed_list_share")["value"] == 0.5
    assert row_of(table, "gp_walk_in_session_share")["value"] == 0.5
    assert row_of(table, "adults_without_gp_share")["value"] == pytest.approx(1 / 9)


def test_invisible_people_have_no_doctor_or_neither_cover_nor_car():
    people = people_of(4)
    people.registered_gp[0] = NOBODY
    people.has_car[1:3] = 0
    people.has_complementary_cover[1] = 0
    rows = [episode(patient, lead=patient) for patient in range(4)]
    row = row_of(indicators(records_of(*rows, people=people)), "lead_time_mean_days.gp", "invisible", "yes")
    assert (row["value"], row["n"]) == (0.5, 2)


def test_apl_is_that_of_the_environment_on_the_capacity_offered():
    setting = setting_of()
    offered = np.zeros((2, setting.last_day), np.int32)
    offered[0, FIRST : FIRST + 730] = 1200 * 10  # ten visits every day
    practices = practices_of(2)
    practices.place = [0, 1]
    people = people_of(10, age_years=40)
    people.commune = [0] * 6 + [1] * 4
    table = indicators(records_of(people=people, providers=practices, offered=offered))
    minutes = np.maximum(setting.travel.commune_minutes - setting.parameters["terminal_minutes"], 0)
    np.fill_diagonal(minutes, 0.0)
    heads = np.zeros((len(minutes), 1))
    heads[:2, 0] = 6, 4
    national = setting.parameters["gp_acts_per_capita_year[model default]"]
    acts = setting.parameters["gp_acts_per_year[age=35-44]"]
    expected = apl(heads, [acts], [3652.5, 0.0], minutes[:, [0, 1]], mean_consumption=national)
    insee = setting.territory.communes["insee"].astype(str)
    assert row_of(table, "apl", "commune", insee[1])["value"] == pytest.approx(expected[1])
    assert row_of(table, "apl")["value"] == pytest.approx((6 * expected[0] + 4 * expected[1]) / 10)


def test_minutes_of_the_apl_are_nothing_within_a_commune_and_those_of_driving_between():
    records = records_of()
    minutes, trips = driving_minutes(Run(records)), records.setting.travel.commune_minutes
    assert (np.diag(minutes) == 0).all() and (np.diag(trips) > 0).all()
    assert minutes[0, 1] == pytest.approx(trips[0, 1] - records.setting.parameters["terminal_minutes"])


def test_catchment_hands_out_all_full_time_doctors():
    people = people_of(10)
    people.commune = [0] * 6 + [1] * 4
    communes = communes_table(records_of(people=people))
    handed_out = (communes["two_step_floating_catchment"] * communes["population"]).sum()
    assert handed_out == pytest.approx(2 * 1000)  # two practices at full time, per 1,000 inhabitants


# --- tables -------------------------------------------------------------------------------------------------------


def test_months_add_up_to_the_table_of_indicators():
    records = random_records(5)
    months, table = monthly(records), indicators(records)
    assert len(months) == 24 * (3 + 2 + len(records.setting.specialties) + 1)
    for need in ("gp", "specialist", "gp_acute"):
        rows = months[months.need == need]
        total = row_of(table, f"request_outcome_share.{need}.served")
        assert rows["requests"].sum() == total["n"]
        assert rows["served"].sum() == pytest.approx(total["value"] * total["n"])
        assert rows["given"].sum() == row_of(table, f"lead_time_mean_days.{need}")["n"]
        mean = (rows["lead_time_mean_days"].fillna(0) * rows["given"]).sum() / rows["given"].sum()
        assert mean == pytest.approx(row_of(table, f"lead_time_mean_days.{need}")["value"])
    ends = months[["served", "missed", "withdrawn", "forgone", "diverted", "open"]].sum(axis=1)
    assert (ends == months["requests"]).all()
    visits = months[months.need == "emergency"]["acts"].sum()
    assert visits == row_of(table, "emergency_no_other_access_share")["n"]


def test_communes_have_their_rows_of_the_table_of_indicators():
    records = random_records(6)
    communes, table = communes_table(records), indicators(records)
    assert communes["population"].sum() == records.patients.size
    for indicator in (
        "lead_time_mean_days.gp",
        "time_to_care_days.gp",
        "acts_per_head.gp",
        "apl",
        "forgone_care_share",
    ):
        rows = table[(table.indicator == indicator) & (table.stratum_kind == "commune") & (table.period == "all")]
        expected = rows.set_index("stratum")["value"].reindex(communes["insee"].astype(str)).to_numpy()
        np.testing.assert_array_equal(communes[indicator], expected)
    assert (communes["minutes_to_nearest_gp"] > 0).all()


# --- counting -----------------------------------------------------------------------------------------------------


@given(amounts=st.lists(st.integers(0, 40), min_size=1, max_size=60), level=st.floats(0, 1))
def test_tallies_give_the_mean_and_quantiles_of_numpy(amounts, level):
    values = np.arange(41)
    tally = np.bincount(amounts, minlength=41)
    assert tally_mean(tally, values) == pytest.approx(np.mean(amounts), rel=1e-12)
    assert tally_quantile(tally, values, level) == pytest.approx(np.quantile(amounts, level), rel=1e-9, abs=1e-9)
    assert tally_share(tally, values, 7) == pytest.approx(np.mean(np.array(amounts) <= 7))


def test_weighted_quantile_is_reached_by_that_share_of_the_weight():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1, 8, 1])
    assert [weighted_quantile(values, weights, level) for level in (0.1, 0.8, 0.9, 1.0)] == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("seed", range(2))
def test_counting_agrees_with_a_plain_loop_over_the_records(seed):
    records = random_records(10 + seed)
    table, setting = indicators(records), records.setting
    everything = pd.DataFrame({name: records.episodes[name] for name in RECORD})
    rows = [row for row in everything.itertuples() if row.kind != Kind.EMERGENCY and not row.is_planned]
    women = [
        row for row in rows
        if FIRST <= row.asked_on < FIRST + 365 and records.patients.is_female[row.patient] and row.kind < Kind.EMERGENCY
    ]  # fmt: skip
    lead = [row.appointment_on - row.asked_on for row in women if row.appointment_on >= 0]
    care = [min(30, row.closed_on - row.asked_on) if row.outcome == Outcome.SERVED else 30 for row in women]
    stratum = ("sex", "female", "2021")
    assert setting.calendar.date(FIRST).year == 2021
    assert row_of(table, "lead_time_p90_days.gp", *stratum)["value"] == pytest.approx(np.quantile(lead, 0.9))
    assert row_of(table, "lead_time_mean_days.gp", *stratum)["value"] == pytest.approx(np.mean(lead))
    assert row_of(table, "time_to_care_days.gp", *stratum)["value"] == pytest.approx(np.mean(care))


# --- who is there -------------------------------------------------------------------------------------------------


def test_person_years_count_the_days_between_coming_and_going():
    """One who stays, one who dies, one who arrives, one born in the run, one spare row."""
    people = people_of(5)
    people.gone_on[1] = FIRST + 99
    people.since[2] = FIRST + 364
    people.birth_day[3] = people.since[3] = FIRST + 730 - 11
    people.status[4] = Status.EXPECTED
    run = Run(records_of(people=people))
    np.testing.assert_allclose(run.person_years("all") * 365.25, [[365 + 100, 365 + 365 + 10]], rtol=1e-12)
    assert list(run.people_on(FIRST + 99)) == [0, 1]
    assert list(run.people_on(FIRST + 100)) == [0]  # lived the day of death to its end
    assert list(run.people_on(FIRST + 725)) == [0, 2, 3]


def test_person_years_by_age_change_band_on_the_birthday():
    people = people_of(1)
    people.birth_day = FIRST + 100 - first_day_of_age(66)
    run = Run(records_of(people=people))
    days = run.person_years("age_band") * 365.25
    np.testing.assert_allclose(days[-2:], [[100, 0], [265, 365]], rtol=1e-12)
    assert days[:-2].sum() == 0
    ages = completed_years(np.arange(130 * 366))
    assert all(np.flatnonzero(ages == age)[0] == first_day_of_age(age) for age in range(130))


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_person_years_of_strata_add_up_and_are_the_days_counted_one_by_one(seed):
    draw = np.random.default_rng(seed)
    people = random_records(seed, n=1).patients
    people.gone_on = np.where(draw.random(people.size) < 0.5, draw.integers(0, 900, people.size), NEVER)
    people.since = np.where(draw.random(people.size) < 0.3, draw.integers(0, 900, people.size), NEVER)
    run = Run(records_of(people=people))
    by_day = [[run.people_on(day).size for day in range(first, end)] for first, end in run.years.spans]
    everybody = run.person_years("all")
    np.testing.assert_allclose(everybody[0] * 365.25, [sum(days) for days in by_day], rtol=1e-12)
    for kind in ("sex", "age_band", "commune"):
        np.testing.assert_allclose(run.person_years(kind).sum(axis=0), everybody[0], rtol=1e-12)
    bands = [[np.bincount(run.people_strata("age_band", run.people_on(d), d)[1], minlength=6) for d in range(*span)]
             for span in run.years.spans]  # fmt: skip
    np.testing.assert_allclose(run.person_years("age_band").T * 365.25, [sum(days) for days in bands], rtol=1e-12)


def test_rates_per_head_are_over_those_who_live_here():
    people = people_of(2)
    people.gone_on[1] = FIRST - 1
    people.status[1] = Status.DEAD
    assert value_of(records_of(episode(lead=3), people=people), "acts_per_head.gp") == pytest.approx(1 / (730 / 365.25))
