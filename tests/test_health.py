"""Chronic disease: published means, competing hazards, control that is lost and won back, new cases, nobody's row.

Every statistical test says what it could see; a single comparison gives a false alarm once in ten million.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import assert_binomial, assert_near

import abm.world
from abm import TerritoryModel
from abm.agents.health import (
    DAYS_A_MONTH,
    DAYS_BETWEEN_LOOKS,
    IN_NO_CHAIN,
    begin_illness,
    control_now,
    escalate,
    event_rate,
    fall_ill,
    find_new_cases,
    look_after_health,
    mortality_multiplier,
    own_control,
    see_doctor,
    utility_loss,
)
from abm.conditions import FOLDER, Condition, load_conditions
from abm.errors import InputError
from abm.handle import compiled
from abm.illness import (
    AGES,
    controls_now,
    expected_events_by_band,
    expected_events_per_year,
    expected_mortality_multipliers,
    expected_utility_losses,
    gompertz_deaths,
    illness_columns,
    mortality_multipliers,
    smooth_prevalence,
    steady_incidence,
    utility_losses,
)
from abm.parameters import load_parameters
from abm.state import NEVER, NOBODY, Contact, Counter, Kind, Outcome, Status, World
from experiments.small_worlds import N_KINDS, SPECIALTIES, live, patients_only, small_world

PARAMETERS = load_parameters()
SHIPPED = {condition.name: condition for condition in load_conditions()}
N = 20_000
YEAR = 365.25
ASTHMA = Path(__file__).with_name("asthma.yaml")


def look_on(world: World, first_day: int, last_day: int) -> np.ndarray:
    """Look after everybody's health for some days; rows (day, patient, cause) of who asks for a bed."""
    handle = compiled(world)
    found = []
    for day in range(first_day, last_day):
        look_after_health(handle, day)
        calls = int(world.counters[Counter.CALLS])
        assert (world.call_contacts[:calls] == Contact.DISEASE).all()
        found += [
            (day, row, cause) for row, cause in zip(world.call_rows[:calls], world.call_causes[:calls], strict=True)
        ]
        world.counters[Counter.CALLS] = 0
    return np.array(found, np.int64).reshape(-1, 3)


def begun(conditions: tuple[Condition, ...], **options: object) -> World:
    """Return a world of patients whose diseases have begun, and whose follow-up was yesterday."""
    world = patients_only(conditions, **options)  # type: ignore[arg-type]
    begin_illness(compiled(world))
    world.patients.last_follow_up = -1
    return world


def plain(name: str = "heart_failure", **changed: object) -> Condition:
    """Return a disease whose events depend on nothing and whose control is the same for all."""
    condition = SHIPPED[name]
    events = tuple(
        replace(event, control_ratio=1.0, deprivation_ratio=1.0, age_ratio_per_decade=1.0) for event in condition.events
    )
    control = replace(condition.control, sd=0.0)
    return replace(condition, **({"events": events, "control": control, "recovery_per_year": 0.0} | changed))


# --- events -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["diabetes", "copd", "cancer", "hypertension", "other_cardiovascular"])
def test_patients_have_the_published_events(name: str) -> None:
    """20,000 patients for 600 days, in all fifths, with control as it is distributed: sees 5 % of the most frequent.

    Two links: the rates of the rule have the published mean; events come at these rates, one at most in thirty days.
    """
    condition = replace(SHIPPED[name], recovery_per_year=0.0)
    world = begun((condition,), delay=False)
    handle = compiled(world)
    places = range(int(world.conditions.first_cause[0]), world.causes.size)
    rates = YEAR * np.array([[event_rate(handle, row, place, 0) for place in places] for row in range(N)])
    expected = expected_events_per_year(world.patients, world.conditions, world.causes, reference_day=0)[:, 4:]
    events = look_on(world, 0, 600)
    month = DAYS_BETWEEN_LOOKS * rates.sum(axis=1) / YEAR
    happening = 20 * -np.expm1(-month)[:, None] * rates / rates.sum(axis=1)[:, None]
    for index, event in enumerate(condition.events):
        assert event.rate_per_year is not None
        assert expected[:, index].mean() == pytest.approx(event.rate_per_year, rel=1e-6)
        assert_near(rates[:, index].mean(), event.rate_per_year, rates[:, index].std() / sqrt(N), event.name)
        count = int((events[:, 2] == places[index]).sum())
        assert_near(count, happening[:, index].sum(), sqrt(happening[:, index].sum()), event.name)


def test_the_published_share_of_heart_failure_patients_is_admitted_in_a_year() -> None:
    """20,000 patients for a year: sees 10 % of the share."""
    condition = SHIPPED["heart_failure"]
    world = begun((condition,), delay=False)
    events = look_on(world, 0, 365)
    assert condition.events[0].persons_per_year == pytest.approx(0.131)
    assert_binomial(np.unique(events[:, 1]).size, N, 0.131, "persons with a decompensation")


def test_events_compete() -> None:
    """20,000 patients for 30 days, three events at three, two and one a year: sees 1.8 points of 38 %."""
    first, second, third = (
        replace(SHIPPED["diabetes"].events[i], name=str(i), rate_per_year=3.0 - i) for i in range(3)
    )
    world = begun((plain("diabetes", events=tuple(_flat(e) for e in (first, second, third))),), delay=False)
    events = look_on(world, 0, DAYS_BETWEEN_LOOKS)
    total = DAYS_BETWEEN_LOOKS * 6.0 / YEAR
    assert np.unique(events[:, 1]).size == len(events), "one at most between two looks"
    assert_binomial(len(events), N, 1.0 - exp(-total), "any")
    for place in range(3):
        count = int((events[:, 2] == int(world.conditions.first_cause[0]) + place).sum())
        assert_binomial(count, N, (1.0 - exp(-total)) * (3.0 - place) / 6.0, f"event {place}")


def _flat(event):
    return replace(event, control_ratio=1.0, deprivation_ratio=1.0, age_ratio_per_decade=1.0)


def test_hazards_follow_control_deprivation_and_age() -> None:
    """No luck in it: ratios of the rule's rates, to the last digits that 32-bit control allows."""
    world = begun((SHIPPED["diabetes"],), n=10, delay=False)
    handle = compiled(world)
    world.health.control = 7.0
    events = {event.name: event for event in SHIPPED["diabetes"].events}
    for place, event in enumerate(events.values(), start=int(world.conditions.first_cause[0])):
        richest, poorest = event_rate(handle, 4, place, 0), event_rate(handle, 0, place, 0)
        assert poorest / richest == pytest.approx(event.deprivation_ratio, rel=1e-12)
        world.health.control[2] = 8.0
        assert event_rate(handle, 2, place, 0) / event_rate(handle, 7, place, 0) == pytest.approx(event.control_ratio)
        world.health.control[2] = 7.0
        world.patients.birth_day[3] -= 7305  # twenty years older
        found = event_rate(handle, 3, place, 0) / event_rate(handle, 8, place, 0)
        assert found == pytest.approx(event.age_ratio_per_decade**2, rel=1e-12)
        world.patients.birth_day[3] += 7305
    # UKPDS 35: 14 % fewer infarctions and 37 % fewer microvascular complications for one point less of HbA1c
    assert events["mi"].control_ratio == pytest.approx(1 / 0.86)
    assert events["esrd_start"].control_ratio == pytest.approx(1 / 0.63)


def test_nobody_exceeds_the_bound_that_spares_the_others_the_arithmetic() -> None:
    for condition in SHIPPED.values():
        world = begun((condition,), n=10)
        handle = compiled(world)
        table = world.conditions[0]
        world.health.control = table.control_worst
        for age in (0, 40, 120):
            world.patients.birth_day = -int(age * YEAR) - 1
            for row in range(5):
                total = sum(event_rate(handle, row, table.first_cause + e, 0) for e in range(table.n_causes))
                assert 1.0 - exp(-DAYS_BETWEEN_LOOKS * total) <= table.most_event_share <= 1.0


def test_an_event_leaves_its_marks() -> None:
    condition = plain("diabetes")
    condition = replace(
        condition, events=tuple(replace(e, history_share=0.0, rate_per_year=2.0) for e in condition.events)
    )
    world = begun((condition,), n=500, delay=False)
    events = look_on(world, 0, 90)
    assert len(events) > 200
    seen = np.zeros(500, np.int64)
    for _, row, cause in events:
        seen[row] |= 1 << (cause - int(world.conditions.first_cause[0]))
    last = np.full(500, NEVER)
    last[events[:, 1]] = events[:, 0]
    np.testing.assert_array_equal(world.health.events_seen, seen)
    np.testing.assert_array_equal(world.health.last_event_on, last)


def test_nothing_comes_on_top_of_a_stay() -> None:
    condition = plain(events=tuple(replace(e, persons_per_year=None, rate_per_year=20.0) for e in plain().events))
    world = begun((condition,), n=300, delay=False)
    world.patients.leaves_hospital_on[:150] = 40
    events = look_on(world, 0, 60)
    early = events[events[:, 0] <= 40]
    assert (early[:, 1] >= 150).all() and (events[:, 1] < 150).any()


def test_everybody_ill_is_looked_at_once_in_thirty_days_and_the_dead_no_more() -> None:
    condition = plain(events=tuple(replace(e, persons_per_year=None, rate_per_year=1e4) for e in plain().events))
    world = begun((condition,), n=200, delay=False)
    world.patients.conditions[:20] = 0  # cured since
    events = look_on(world, 0, 60)
    assert sorted(events[:, 1].tolist()) == sorted([*range(20, 200)] * 2)
    np.testing.assert_array_equal(events[:, 0] % 30, world.patients.person[events[:, 1]] % 30)
    assert (world.next_look[:20] == IN_NO_CHAIN).all()
    world.patients.status[50:100:2] = Status.DEAD
    events = look_on(world, 60, 90)
    gone = np.isin(np.arange(200), np.arange(50, 100, 2))
    assert not gone[events[:, 1]].any() and len(events) == 180 - 25
    assert (world.next_look[gone] == IN_NO_CHAIN).all()
    assert chained(world) == set(range(20, 200)) - set(np.flatnonzero(gone))


def chained(world: World) -> set[int]:
    """Return who is in a chain; fails on anybody who is in two, or twice in one."""
    found: list[int] = []
    for first in world.first_look:
        row = int(first)
        while row != NOBODY:
            assert len(found) < world.patients.size, "a chain goes in a circle"
            found.append(row)
            row = int(world.next_look[row])
    assert len(found) == len(set(found))
    return set(found)


# --- nobody's luck is another's ---------------------------------------------------------------------------------


def by_person(world: World, events: np.ndarray) -> set[tuple[int, int, int]]:
    return {(int(day), int(world.patients.person[row]), int(cause)) for day, row, cause in events}


def test_another_person_changes_nobody() -> None:
    conditions = (SHIPPED["diabetes"], SHIPPED["heart_failure"])
    few, more = (begun(conditions, n=n) for n in (3000, 3001))
    for world in (few, more):
        world.causes.rate = few.causes.rate  # the same numbers: only the person differs
    before, after = (by_person(world, look_on(world, 0, 300)) for world in (few, more))
    assert len(before) > 200 and before == {event for event in after if event[1] != 3000}
    assert np.array_equal(few.health.control, more.health.control[:6000])


def test_the_order_of_rows_changes_nobody() -> None:
    order = np.random.default_rng(1).permutation(3000)
    straight, mixed = (patients_only((SHIPPED["heart_failure"],), n=3000, months=True) for _ in range(2))
    mixed.patients[:] = straight.patients[order]
    found = []
    for world in (straight, mixed):
        begin_illness(compiled(world))
        found.append(by_person(world, look_on(world, 0, 300)))
    assert len(found[0]) > 200 and found[0] == found[1]


def test_another_disease_changes_no_event_of_the_others() -> None:
    """Draws are addressed by the name of the disease, not by its place among the files."""
    one, two = (
        begun(conditions, n=3000) for conditions in ((SHIPPED["diabetes"],), (SHIPPED["copd"], SHIPPED["diabetes"]))
    )
    alone, beside = (look_on(world, 0, 400) for world in (one, two))
    beside = beside[two.causes.condition[beside[:, 2]] == 1]
    shift = int(two.conditions.first_cause[1] - one.conditions.first_cause[0])
    assert len(alone) > 50
    assert by_person(one, alone) == {(day, person, cause - shift) for day, person, cause in by_person(two, beside)}


# --- control ----------------------------------------------------------------------------------------------------


def test_control_at_the_start_is_normal_and_cut() -> None:
    """n = 20,000: sees 0.03 points of HbA1c in the mean and 2 points in any share."""
    control = SHIPPED["diabetes"].control
    world = begun((SHIPPED["diabetes"],))
    values = world.health.control.astype(float)
    assert values.min() >= control.best and values.max() <= control.worst
    assert_near(values.mean(), control.mean, control.sd / sqrt(N) + 0.002, "mean")
    for z, share in ((-1.0, 0.158655), (0.0, 0.5), (1.0, 0.841345)):
        assert_binomial(int((values < control.mean + z * control.sd).sum()), N, share, f"{z} sd")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1500), st.floats(0.4, 2.5), st.sampled_from(["diabetes", "heart_failure"]))
def test_control_is_lost_only_beyond_the_rhythm_of_the_person(day: int, regularity: float, name: str) -> None:
    world = begun((SHIPPED[name],), n=1)
    world.patients.regularity, world.patients.last_follow_up = regularity, 0
    control, disease = SHIPPED[name].control, world.conditions[0]
    own = float(world.health.control[0])
    rhythm = (
        SHIPPED[name].gp_follow_up_interval_days / PARAMETERS["guideline_share_kept"] / float(np.float32(regularity))
    )
    late = day - rhythm - PARAMETERS["follow_up_grace_days"]
    expected = own if late <= 0 else min(control.worst, own + control.drift_per_month_late * late / DAYS_A_MONTH)
    found = control_now(compiled(world), 0, 0, day)
    assert found == pytest.approx(expected, rel=1e-12)
    assert found == pytest.approx(controls_now(world.patients, world.health, world.conditions, day)[0, 0], rel=1e-12)
    assert disease.drift_per_month_late > 0.0


def test_a_visit_for_the_disease_wins_back_its_share_and_stops_the_clock() -> None:
    world = begun((SHIPPED["diabetes"],), n=1)
    handle = compiled(world)
    own, lost = own_control(handle, 0, 0), control_now(handle, 0, 0, 700)
    assert lost > own + 0.5
    see_doctor(handle, 0, Kind.GP_FOLLOW_UP, 700)
    share = SHIPPED["diabetes"].control.restored_share
    assert world.health.control[0] == pytest.approx(lost - share * (lost - own), rel=1e-6)
    assert world.patients.last_follow_up[0] == 700
    assert control_now(handle, 0, 0, 750) == float(world.health.control[0])


def test_better_than_at_the_start_is_not_undone_by_a_visit() -> None:
    world = begun((SHIPPED["diabetes"],), n=1)
    world.health.control = 5.5
    see_doctor(compiled(world), 0, Kind.GP_FOLLOW_UP, 10)
    assert world.health.control[0] == 5.5


def test_which_visits_count() -> None:
    """Acute and preventive visits do not; an endocrinologist restores diabetes alone, yet the person was seen."""
    diabetes, heart = 0, 1
    conditions = (SHIPPED["diabetes"], SHIPPED["heart_failure"])
    endocrinologist = int(Kind.FIRST_SPECIALTY) + SPECIALTIES.index("endocrinologist")
    ophthalmologist = int(Kind.FIRST_SPECIALTY) + SPECIALTIES.index("ophthalmologist")
    for kind in (Kind.GP_ACUTE, Kind.GP_PREVENTIVE, ophthalmologist):
        world = begun(conditions, n=1)
        see_doctor(compiled(world), 0, int(kind), 600)
        assert (
            world.patients.last_follow_up[0] == -1 and control_now(compiled(world), 0, 0, 600) > world.health.control[0]
        )
    world = begun(conditions, n=1)
    handle = compiled(world)
    before = [control_now(handle, 0, condition, 600) for condition in (diabetes, heart)]
    see_doctor(handle, 0, endocrinologist, 600)
    after = [control_now(handle, 0, condition, 600) for condition in (diabetes, heart)]
    assert after[diabetes] < before[diabetes] and after[heart] == pytest.approx(before[heart], rel=1e-6)
    assert world.patients.last_follow_up[0] == 600
    world = begun(conditions, n=1, bits=2)
    see_doctor(compiled(world), 0, endocrinologist, 600)
    assert world.patients.last_follow_up[0] == -1, "not a specialist of what the person has"


def test_late_follow_up_makes_events_more_frequent_unless_switched_off() -> None:
    """20,000 patients, 360 days seven months late on average: 2 x 2,500 events, sees 8 % between the two."""
    counts = {}
    for delay in (True, False):
        world = begun((SHIPPED["heart_failure"],), delay=delay)
        handle = compiled(world)
        rates = []
        for seen_on in (180, -250):
            world.patients.last_follow_up = seen_on
            rates.append(np.mean([event_rate(handle, row, 4, 180) for row in range(2000)]))
        counts[delay] = len(look_on(world, 0, 360)), rates[1] / rates[0]
    (late, ratio), (never, same) = counts[True], counts[False]
    assert same == 1.0 and ratio > 1.15
    assert_near(late / never, ratio, ratio * sqrt(1 / late + 1 / never) + 0.01, "events")


# --- new cases and recoveries ------------------------------------------------------------------------------------


def healthy(conditions: tuple[Condition, ...], yearly: tuple[float, ...], **options: object) -> World:
    """Return people without any disease who fall ill at given rates a person-year."""
    world = patients_only(conditions, bits=0, months=True, **options)  # type: ignore[arg-type]
    world.incidence[:] = np.array(yearly)[:, None, None] / YEAR
    world.patients.age_band = 7
    begin_illness(compiled(world))
    return world


def test_new_cases_compete() -> None:
    """20,000 people, one month of 30 days, at 1.2 and 0.6 a year: sees 1.3 points of 13.7 %."""
    conditions = (SHIPPED["diabetes"], SHIPPED["copd"])
    world = healthy(conditions, (1.2, 0.6))
    for day in range(29):
        look_after_health(compiled(world), day)
    assert not world.patients.conditions.any(), "on the last day of the month only"
    look_after_health(compiled(world), 29)
    risk = 1.0 - exp(-30 * 1.8 / YEAR)
    assert_binomial(int((world.patients.conditions == 1).sum()), N, risk * 2 / 3, "diabetes")
    assert_binomial(int((world.patients.conditions == 2).sum()), N, risk / 3, "copd")
    assert not (world.patients.conditions == 3).any()


def test_who_has_a_disease_gets_others_sooner_but_not_the_same_again() -> None:
    """20,000 people of whom 10,000 have one, ratio 2: sees 1.5 points of 17.9 %."""
    world = healthy((SHIPPED["diabetes"], SHIPPED["copd"]), (1.2, 1.2))
    world.rules.comorbidity_ratio = 2.0
    world.patients.conditions[: N // 2] = 1
    find_new_cases(compiled(world), 29)
    assert_binomial(
        int((world.patients.conditions[: N // 2] == 3).sum()), N // 2, 1.0 - exp(-30 * 2.4 / YEAR), "second"
    )
    assert_binomial(int((world.patients.conditions[N // 2 :] > 0).sum()), N // 2, 1.0 - exp(-30 * 2.4 / YEAR), "first")


def test_a_new_case_is_a_patient_in_every_respect() -> None:
    """n = 20,000: sees 2 points of the share with long-term status."""
    conditions = (SHIPPED["diabetes"], SHIPPED["heart_failure"])
    world = healthy(conditions, (0.0, 0.0))
    cardiologist = int(Kind.FIRST_SPECIALTY) + SPECIALTIES.index("cardiologist")
    world = world._replace(rates=world.rates + 1e-9, condition_rates=world.condition_rates.copy())
    world.condition_rates[cardiologist, 1] = 0.02
    world.patients.need_factor = 1.0
    handle = compiled(world)
    for row in range(N):
        fall_ill(handle, row, 1, 100)
    people = world.patients
    assert (people.conditions == 2).all() and (people.last_follow_up == 100).all()
    assert chained(world) == set(range(N))
    assert_binomial(int(people.has_ald.sum()), N, SHIPPED["heart_failure"].ald_share, "long-term status")
    rate = PARAMETERS["guideline_share_kept"] / SHIPPED["heart_failure"].gp_follow_up_interval_days
    np.testing.assert_allclose(people.follow_up_rate, rate, rtol=1e-6)
    due = world.episodes.event_day.reshape(N_KINDS, N)
    waits = due[Kind.GP_FOLLOW_UP][due[Kind.GP_FOLLOW_UP] > 0] - 101
    assert waits.size > 0.95 * N and waits.min() >= 0
    seen_by_cardiologist = due[cardiologist] > 0
    assert seen_by_cardiologist.mean() > 0.99, "the needs of the disease arise"
    assert not (due[Kind.GP_PREVENTIVE] > 0).any(), "others keep their clock"
    own = np.array([own_control(handle, person, 1) for person in range(100)])
    np.testing.assert_allclose(world.health.control.reshape(N, 2)[:100, 1], own, rtol=1e-6)
    # a second disease keeps what was lost of the first, and the shorter rhythm
    lost = control_now(handle, 0, 1, 400)
    fall_ill(handle, 0, 0, 400)
    assert world.health.control[1] == pytest.approx(lost, rel=1e-6) and people.follow_up_rate[0] == np.float32(rate)
    assert chained(world) == set(range(N))


def test_recovery_has_its_rate() -> None:
    """20,000 patients for 360 days at 0.2 a year: sees 1.9 points of 17.9 %."""
    world = begun((replace(SHIPPED["cancer"], recovery_per_year=0.2), SHIPPED["diabetes"]))
    world.patients.conditions[: N // 2] = 1
    look_on(world, 0, 360)
    recovered = world.patients.conditions & 1 == 0
    assert_binomial(int(recovered.sum()), N, 1.0 - exp(-360 * 0.2 / YEAR), "recovered")
    alone = recovered & (np.arange(N) < N // 2)
    assert (world.patients.follow_up_rate[alone] == 0.0).all()
    both = recovered & (np.arange(N) >= N // 2)
    rate = PARAMETERS["guideline_share_kept"] / SHIPPED["diabetes"].gp_follow_up_interval_days
    np.testing.assert_allclose(world.patients.follow_up_rate[both], rate, rtol=1e-6)


@pytest.mark.parametrize("name", list(SHIPPED))
def test_steady_incidence_keeps_the_prevalence_of_each_age(name: str) -> None:
    """A cohort that falls ill and dies at these rates from birth on has the prevalence they were derived from.

    Up to 80 years, beyond which prevalence falls (a cohort cannot lose patients that fast). Slopes are taken over two
    years, so a bend is met as the mean of the years around it.
    """
    condition = SHIPPED[name]
    share, deaths = smooth_prevalence(condition), gompertz_deaths(PARAMETERS)
    incidence = steady_incidence(condition, share, deaths)
    for sex in range(2):
        p = share[0, sex]
        for age in range(80):
            for part in range(50):
                x = age + part / 50

                def at(table: np.ndarray, x: float = x, sex: int = sex) -> float:
                    return float(np.interp(x, AGES, table[:, sex]))

                ratio, q = condition.mortality_ratio, at(share)
                excess = at(deaths) * (ratio - 1.0) / (1.0 + q * (ratio - 1.0))
                lost = excess * p * (1.0 - p) + condition.recovery_per_year * p
                p += (at(incidence) * (1.0 - p) - lost) / 50
            bent = (share[age, sex] + 2.0 * share[age + 1, sex] + share[age + 2, sex]) / 4.0
            assert p == pytest.approx(bent, abs=0.0002, rel=0.005), (age, sex)


def test_published_incidence_is_the_mean_of_those_without_the_disease() -> None:
    """Diabetes from 45 years on, cancer at all ages: exact but for ages within a band."""
    model = TerritoryModel("tiny", rng=1, days=1, warm_up_days=0, follow_up_days=0)
    people, world = model.arrays.patients, model.arrays
    age = np.maximum(0, -people.birth_day) // YEAR
    ratio = PARAMETERS["incidence_ratio_per_condition"]
    for index, condition in enumerate(model.setting.conditions):
        for first, published in condition.incidence_by_age.items():
            free = ((people.conditions >> index) & 1 == 0) & (age >= first)
            others = np.array([bin(bits).count("1") for bits in people.conditions[free]])
            own = world.incidence[index, people.age_band[free], people.is_female[free]] * ratio**others * YEAR
            assert own.mean() == pytest.approx(published, rel=0.03), condition.name


# --- what others ask ---------------------------------------------------------------------------------------------


def random_states(n: int = 3000) -> World:
    """All six diseases in all combinations, events at all times, some follow-up late."""
    world = begun(tuple(SHIPPED.values()), n=n)
    luck = np.random.default_rng(5)
    world.patients.conditions = luck.integers(0, 64, n)
    world.patients.last_follow_up = luck.integers(-300, 700, n)
    world.health.last_event_on = luck.choice([NEVER, 0, 200, 335, 336, 670, 671, 699], world.health.size)
    most = 2 ** np.tile(world.conditions.n_causes, n)
    world.health.events_seen = luck.integers(0, most)
    return world


def test_columns_and_rules_agree() -> None:
    world, today = random_states(), 700
    handle = compiled(world)
    rows = range(world.patients.size)
    people, health, diseases = world.patients, world.health, world.conditions
    risk = mortality_multipliers(people, health, diseases, today)
    np.testing.assert_allclose([mortality_multiplier(handle, row, today) for row in rows], risk, rtol=1e-12)
    loss = utility_losses(people, health, diseases, world.causes, today)
    np.testing.assert_allclose([utility_loss(handle, row, today) for row in rows], loss, rtol=1e-12)
    healthy_people = people.conditions == 0
    assert healthy_people.any() and (risk[healthy_people] == 1.0).all() and (loss[healthy_people] == 0.0).all()
    assert (loss[~healthy_people] < 0.0).all()


def test_mortality_by_hand() -> None:
    world = begun((SHIPPED["heart_failure"], SHIPPED["diabetes"]), n=1)
    handle, (heart, diabetes) = compiled(world), (SHIPPED["heart_failure"], SHIPPED["diabetes"])
    world.health.control = [heart.control.mean, diabetes.control.mean + 1.0]
    ratio = heart.mortality_ratio * diabetes.mortality_ratio / 0.86
    assert mortality_multiplier(handle, 0, 0) == pytest.approx(ratio, rel=1e-6)
    world.health.last_event_on[0] = 10
    for today, factor in ((10, 3.2), (375, 3.2), (376, 1.0)):
        world.patients.last_follow_up = today
        assert mortality_multiplier(handle, 0, today) == pytest.approx(ratio * factor, rel=1e-6)


def test_quality_of_life_by_hand() -> None:
    world = begun((SHIPPED["heart_failure"], SHIPPED["diabetes"]), n=1)
    handle = compiled(world)
    world.health.events_seen = 0
    assert utility_loss(handle, 0, 50) == pytest.approx(-0.108 - 0.06)
    stroke = [event.name for event in SHIPPED["diabetes"].events].index("stroke")
    world.health.events_seen[1], world.health.last_event_on[1] = 1 << stroke, 50
    assert utility_loss(handle, 0, 50) == pytest.approx(-0.108 - 0.06 - 0.164 - 0.1)
    assert utility_loss(handle, 0, 81) == pytest.approx(-0.108 - 0.06 - 0.164)


def test_expectations_before_the_first_day_are_means_of_what_happens() -> None:
    """20,000 patients after 13 months: sees 4 % of the mortality ratio; n = 20,000 histories, 3 % of the loss."""
    conditions = (SHIPPED["heart_failure"], SHIPPED["diabetes"])
    world = begun(conditions, delay=False)
    loss = utility_losses(world.patients, world.health, world.conditions, world.causes, 0)
    expected = expected_utility_losses(world.patients, world.conditions, world.causes)
    assert_near(loss.mean(), expected.mean(), loss.std() / sqrt(N), "loss of quality of life")
    look_on(world, 0, 396)
    found = mortality_multipliers(world.patients, world.health, world.conditions, 396)
    expected = expected_mortality_multipliers(world.patients, world.conditions, world.causes, reference_day=0)
    assert_near(found.mean(), expected.mean(), found.std() / sqrt(N), "mortality")
    bare = np.prod([condition.mortality_ratio for condition in conditions])
    assert expected.mean() > 1.2 * bare, "events of the year count"
    events = expected_events_per_year(world.patients, world.conditions, world.causes, reference_day=0)
    by_band = expected_events_by_band(world.patients, world.conditions, world.causes, reference_day=0)
    assert by_band.shape == (7, 10) and not by_band[:, :7].any() and not by_band[:, 8:].any()
    np.testing.assert_allclose(by_band[:, 7], events[:, 4:].mean(axis=0), rtol=1e-12)


# --- escalation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_unserved_acute_needs_escalate_by_their_share(share: float) -> None:
    """About 7,000 needs that nobody serves: sees 3 points of 30 %."""
    world = small_world(n_people=500, n_kinds=4, n_days=140, needs_a_day={Kind.GP_ACUTE: 0.15, Kind.GP_PREVENTIVE: 0.1})
    world.rules.escalation_share = share
    rows = live(world, 100)
    forgone = rows[(rows.kind == Kind.GP_ACUTE) & (rows.outcome == Outcome.FORGONE)]
    escalated = rows[rows.contact == Contact.ESCALATION]
    assert_binomial(len(escalated), len(forgone), share)
    assert (escalated.kind == Kind.EMERGENCY).all() and (rows.kind == Kind.GP_PREVENTIVE).any()
    pairs = set(zip(forgone.patient.tolist(), forgone.closed_on.tolist(), strict=True))
    assert set(zip(escalated.patient.tolist(), escalated.closed_on.tolist(), strict=True)) <= pairs


def test_escalation_is_addressed() -> None:
    world = small_world(n_people=50, n_kinds=4, needs_a_day={Kind.GP_ACUTE: 0.1})
    world = world._replace(
        **{n: np.zeros(100, getattr(world, n).dtype) for n in world._fields if n.startswith("record_")}
    )
    world.rules.escalation_share = 0.5
    handle = compiled(world)
    found = []
    for _ in range(2):
        world.counters[Counter.RECORDS] = 0
        for row in reversed(range(50)):
            escalate(handle, row, 0)
        found.append(set(world.record_patient[: world.counters[Counter.RECORDS]].tolist()))
    assert found[0] == found[1] and 5 < len(found[0]) < 45


# --- whole models ----------------------------------------------------------------------------------------------


def test_delay_can_be_switched_off() -> None:
    """The one run's control stands still for ever; the other's is lost by those whom nobody sees."""
    for delay in (True, False):
        model = TerritoryModel("tiny", rng=1, days=30, warm_up_days=0, follow_up_days=0, delay_affects_health=delay)
        world = model.arrays
        now, later = (controls_now(world.patients, world.health, world.conditions, day) for day in (0, 900))
        assert (np.nanmax(later - now) > 0.5) == delay and (world.rules.escalation_share[0] > 0.0) == delay
        assert delay or np.array_equal(now, later, equal_nan=True)


def test_follow_up_before_the_first_day_is_in_step_with_its_clock() -> None:
    """What lies behind and what lies ahead of the start make up the rhythm; 500 patients, sees 12 % of its mean."""
    model = TerritoryModel("tiny", rng=1, days=1, warm_up_days=0, follow_up_days=0)
    people = model.arrays.patients
    ill = people.conditions != 0
    behind = -people.last_follow_up[ill].astype(float)
    rhythm = 1.0 / people.follow_up_rate[ill]
    assert (behind >= 0).all() and (behind <= rhythm + 1).all()
    assert_near(float((behind / rhythm).mean()), 0.5, 0.29 / sqrt(ill.sum()), "share of the rhythm that has passed")
    assert (people.last_follow_up[~ill] == NEVER).all() and chained(model.arrays) == set(np.flatnonzero(ill))


def test_a_seventh_disease_is_one_file_and_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asthma for a fifth of 2,000 people, one attack in two years: about 65 a year, sees half of them missing."""
    for file in FOLDER.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "asthma.yaml").write_text(ASTHMA.read_text(encoding="utf-8"), encoding="utf-8")
    shipped = sorted((FOLDER.parent / "parameters").glob("*.csv"))
    registry = load_parameters([*shipped, *sorted(tmp_path.glob("*.yaml"))])
    monkeypatch.setattr(abm.world, "load_parameters", lambda: registry)
    monkeypatch.setattr(abm.world, "load_conditions", lambda parameters: load_conditions(parameters, tmp_path))
    model = TerritoryModel("tiny", rng=1, days=90, warm_up_days=0, follow_up_days=0)
    assert [condition.name for condition in model.setting.conditions][0] == "asthma"
    people, health = model.arrays.patients, model.arrays.health.reshape(-1, 7)
    before = int((people.conditions & 1).sum())
    model.run_to_end()
    attacks = int((health["last_event_on"][:, 0] != NEVER).sum())
    expected = before * 90 / YEAR * 0.5
    assert abs(attacks - expected) <= 5.4 * sqrt(expected), (attacks, expected)
    assert (people.conditions & 1).sum() > before + 10, "new cases"
    assert ((health["last_event_on"][:, 0] != NEVER) <= (people.conditions & 1 == 1)).all()


def test_an_unknown_tariff_is_refused() -> None:
    world = small_world(n_people=2)
    with pytest.raises(InputError, match=r"'diabetes', event 'amputation': unknown tariff 'stay\[amputation\]'"):
        illness_columns(
            (SHIPPED["diabetes"],),
            PARAMETERS,
            SPECIALTIES,
            world.patients,
            n_rows=2,
            follow_up_factor=1.0,
            reference_day=0,
            tariffs={"stay": 0},
        )


UNCOMPILED = """
import hashlib, json
import numpy as np
from test_health import SHIPPED, begun, look_on
from abm.agents.health import mortality_multiplier, see_doctor, utility_loss
from abm.handle import compiled
from abm.state import Effect, Kind
world = begun(tuple(SHIPPED.values()), n=400, n_days=300, months=True)
world.patients.conditions[:200] = np.arange(200) % 64
world.patients.age_band, world.patients.need_factor = 7, 1.0
world.effects[::2, Effect.AVOIDABLE_RATIO], world.rules.has_avoidable_ratio = 0.7, 1.0
events, handle = [], compiled(world)
for first in range(0, 200, 20):
    events.append(look_on(world, first, first + 20))
    for row in range(first // 20, 400, 10):
        see_doctor(handle, row, int(Kind.GP_FOLLOW_UP), first + 20)
state = hashlib.sha256(world.health.tobytes() + world.patients.tobytes() + world.next_look.tobytes())
asked = [[mortality_multiplier(handle, row, 200), utility_loss(handle, row, 200)] for row in range(400)]
print(json.dumps([state.hexdigest(), np.concatenate(events).tolist(), asked]))
"""


def test_uncompiled_is_the_same() -> None:
    found = []
    for disabled in ("0", "1"):
        environment = os.environ | {"NUMBA_DISABLE_JIT": disabled}
        done = subprocess.run(
            [sys.executable, "-c", UNCOMPILED],
            env=environment,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    assert len(found[0][1]) > 60
    assert found[0][:2] == found[1][:2]
    np.testing.assert_allclose(found[0][2], found[1][2], rtol=1e-14)
    assert log(np.max(found[0][2])) > 1.0
