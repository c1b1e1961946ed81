"""Patient education and telemonitoring: places, offers, sessions, completion, effects, payments.

Statistics: addressed draws, each comparison with a false-alarm rate of 1e-7 (see small_world).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from money_world import HOSPITAL_ACCOUNT, PAYERS, money_world
from small_world import assert_binomial

from abm import TerritoryModel
from abm.agents.education import (
    PRIOR,
    PUBLISHED,
    Education,
    acceptance,
    admission_ratio,
    hba1c_shift,
    itinerant_towns,
    topics_of,
)
from abm.agents.payments import pay_each_in_full
from abm.errors import InputError
from abm.handle import compiled
from abm.parameters import load_parameters
from abm.payments.tables import Account, Act, Category
from abm.policies.telemonitoring import Telemonitoring
from abm.randomness import Stream, uniforms
from abm.scenario import load_scenario
from abm.state import NEVER, NOBODY, Counter, EducationStage, Payer, Status
from calibration.targets import load_targets

PARAMETERS = load_parameters()
CONDITIONS = ("cancer", "copd", "diabetes", "heart_failure", "hypertension", "other_cardiovascular")
SHORT = {"days": 360, "warm_up_days": 60, "follow_up_days": 90, "start": "2020-03-01"}
MANY = 30.0  # extra places per 1,000 and year


def model_of(**options) -> TerritoryModel:
    return TerritoryModel("tiny", rng=options.pop("rng", 3), **(SHORT | options))


def lived(**options) -> TerritoryModel:
    model = model_of(**options)
    model.run_to_end()
    return model


@pytest.fixture(scope="module")
def baseline() -> TerritoryModel:
    return lived()


@pytest.fixture(scope="module")
def expanded() -> TerritoryModel:
    return lived(patient_education=MANY)


@pytest.fixture(scope="module")
def without_effect() -> TerritoryModel:
    return lived(patient_education=MANY, education_without_effect=1)


def month_ends(model: TerritoryModel, n: int) -> Iterator[int]:
    """Yield the first month ends of a calendar; on each, everybody ill has just been seen."""
    first = model.setting.calendar.is_first_of_month
    for today in (np.flatnonzero(first[1:])[:n]).tolist():
        model.arrays.patients.last_follow_up = np.where(model.arrays.patients.conditions != 0, today, NEVER)
        yield today


def flood(desk: Education, places: float = 1e6) -> None:
    """Have more places than people."""
    for programme in desk.programmes:
        programme.waiting[:, 0] = places
        programme.room[:] = 1_000_000


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_topics_share_the_places() -> None:
    topics = {topic.name: topic for topic in topics_of(CONDITIONS, PARAMETERS)}
    assert {name: round(topic.share, 4) for name, topic in topics.items()} == {
        "diabetes": 0.438, "heart_failure": 0.1095, "cardiovascular": 0.1825, "other": 0.27,
    }  # fmt: skip
    assert topics["diabetes"].mask == 0b100 and topics["cardiovascular"].mask == 0b110000
    assert topics["other"].mask == 0b11


def test_places_go_to_the_topics_that_the_run_knows() -> None:
    topics = {topic.name: topic for topic in topics_of(("asthma", "diabetes"), PARAMETERS)}
    assert set(topics) == {"diabetes", "other"} and topics["other"].mask == 1
    assert topics["diabetes"].share == pytest.approx(0.438 / (0.438 + 0.27))
    assert topics_of((), PARAMETERS) == ()


def test_acceptance_falls_with_travel() -> None:
    found = acceptance(np.array([0.0, 15.0, 20.0, 25.0, 60.0]), PARAMETERS)
    assert found == pytest.approx([0.65, 0.35, 0.25, 0.15, 0.05])
    assert acceptance(np.array([0.0]), {**PARAMETERS, "etp_acceptance_when_offered": 0.9}) == pytest.approx([1.0])


def test_effects_by_hand() -> None:
    months = np.array([0.0, 6.0, 9.0, 12.0, 24.0])
    assert hba1c_shift(months[[0, 3, 4]], PARAMETERS, PRIOR) == pytest.approx([-0.44, -0.22, -0.11])
    assert hba1c_shift(months, PARAMETERS, PUBLISHED) == pytest.approx([-0.44, -0.44, -0.45, -0.46, -0.23])
    assert admission_ratio(months[[0, 3]], PARAMETERS, PRIOR) == pytest.approx([0.78, 0.78**0.5])
    assert admission_ratio(months[[0, 4]], PARAMETERS, PUBLISHED) == pytest.approx([0.57, 0.57**0.25])
    none = {**PARAMETERS, "etp_hf_admission_RR[hf, model prior]": 1.0}
    assert (admission_ratio(months, none, PRIOR) == 1.0).all()


def test_price_by_hand() -> None:
    world = money_world(n_people=3)
    rows = np.array([2, 0], np.int64)
    account = HOSPITAL_ACCOUNT
    pay_each_in_full(compiled(world), rows, 5, int(Category.EDUCATION), account, int(Act.EDUCATION_PROGRAMME))
    assert world.billed.sum() == world.received[0, Category.EDUCATION, account] == 2 * 25_000
    assert [int(world.paid[0, Category.EDUCATION, payer]) for payer in PAYERS] == [50_000, 0, 0, 0]
    assert world.spend_cents.sum(axis=(0, 2)).tolist() == [25_000, 0, 25_000]


# --- where and when ---------------------------------------------------------------------------------------------------


def test_programmes_of_the_tiny_territory() -> None:
    model = model_of()
    hospital, unit = model.education.programmes
    n_communes = len(model.territory.communes)
    assert (hospital.places, hospital.site, hospital.name) == ((n_communes,), 0, "Hôpital inventé du Bourg")
    assert unit.site == NOBODY and 0 not in unit.places and max(unit.places) < n_communes
    yearly = 4.14 * model.people_at_start / 1000
    assert [p.yearly[:, 0].sum() for p in (hospital, unit)] == pytest.approx([0.812 * yearly, 0.188 * yearly])
    assert hospital.yearly[:, 1].sum() == 0.0
    model.education.expand(10.0)
    extra = 10.0 * model.people_at_start / 1000
    assert [p.yearly[:, 1].sum() for p in (hospital, unit)] == pytest.approx([extra / 2, extra / 2])


def test_the_unit_goes_from_town_to_town() -> None:
    model = model_of()
    population = model.territory.communes["population"].to_numpy()
    towns = itinerant_towns(model, (), 3)
    assert list(population[list(towns)]) == sorted(population[list(towns)], reverse=True)
    unit = model.education.programmes[-1]
    unit.places = (4, 2, 7)
    assert [unit.place_in(month) for month in range(4)] == [4, 2, 7, 4]


def test_sessions_are_on_open_days_apart_and_within_the_room() -> None:
    model = model_of()
    programme = model.education.programmes[0]
    is_open = model.setting.calendar.is_open
    groups = np.array([programme.open_group(30) for _ in range(7)])
    assert is_open[groups].all() and groups.min() >= 44 and (np.diff(groups, axis=1) >= 14).all()
    days, held = np.unique(groups, return_counts=True)
    assert held.max() == 2 and groups.shape == (7, 4)
    assert (programme.room[days] == 2 - held).all()
    first_open = 44 + int(np.flatnonzero(is_open[44:])[0])
    assert groups[0, 0] == groups[1, 0] == first_open < groups[2, 0]


def test_a_calendar_that_is_full_holds_no_session() -> None:
    programme = model_of().education.programmes[0]
    programme.room[:] = 0
    assert programme.open_group(30) == [programme.room.size] * 4


def test_more_places_than_sessions_are_refused() -> None:
    few = {"etp_sessions": 6, "etp_sessions_per_day": 1, "etp_extra_hospital_share": 1.0}
    with pytest.raises(InputError, match="'patient_education': found 50 .*Hôpital inventé du Bourg.*sessions a year"):
        model_of(patient_education=50, **few)
    model_of(patient_education=5, **few)


@pytest.mark.parametrize(
    ("levers", "message"),
    [
        ({"patient_education": -1}, "patient_education"),
        ({"patient_education": 51}, "patient_education"),
        ({"education_effect": "priors"}, "education_effect"),
        ({"education_without_effect": 2}, "education_without_effect"),
        ({"telemonitoring": 1.5}, "telemonitoring"),
    ],
)
def test_bad_levers(levers: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"'levers.{message}'"):
        load_scenario(**levers)


def test_without_chronic_disease_nobody_is_educated() -> None:
    model = model_of()
    model.education.topics = ()
    with pytest.raises(InputError, match="no chronic disease"):
        model.education.refuse_beyond_sessions(1.0, "patient_education")
    with pytest.raises(ValueError, match="expected prior"):
        model.education.expand(1.0, "great")


# --- offers -----------------------------------------------------------------------------------------------------------


def test_todays_starts_are_the_input_of_target_v36() -> None:
    """Places that come in over ten years are taken, or still wait: exactly; so V36 is met as the input that it is."""
    model = model_of(days=3600)
    desk, years = model.education, 9
    for today in month_ends(model, years * 12):
        desk.end_month(today)
    waiting = sum(programme.waiting.sum() for programme in desk.programmes)
    came_in = years * desk.todays_places + 8 * 0.5  # what waits at the start, by topic and programme
    assert desk.participations.size + waiting == pytest.approx(came_in)
    target = next(target for target in load_targets() if target.id == "V36")
    assert target.low <= 1000 * desk.participations.size / years / model.people_at_start <= target.high


def test_acceptance_is_as_often_as_it_should_be_and_holds_for_a_year() -> None:
    model = model_of(days=700)
    desk, people = model.education, model.arrays.patients
    topic = [topic.name for topic in desk.topics].index("cardiovascular")
    days = list(month_ends(model, 15))
    rows = np.flatnonzero((people.conditions & desk.topics[topic].mask) != 0)
    flood(desk)

    def willing(today: int, rows: np.ndarray = rows) -> list[np.ndarray]:
        return [found for _, found in desk._willing(list(desk.programmes), rows, topic, today)]

    first = willing(days[0])
    month = int(model.setting.calendar.month_index[days[0]])
    places = [programme.place_in(month) for programme in desk.programmes]
    minutes = model.arrays.minutes[people.commune[rows]][:, places]
    nearest, chance = minutes.argmin(axis=1), acceptance(minutes.min(axis=1), PARAMETERS)
    for column, found in enumerate(first):
        for level in np.unique(chance):
            group = rows[(nearest == column) & (chance == level)]
            assert_binomial(np.isin(group, found).sum(), group.size, float(level), f"{column} {level}")
    assert desk.n_offers == rows.size
    one_place = [programme for programme in desk.programmes if len(programme.places) == 1][0]
    same_year = [day for day in days if model.setting.calendar.year[day] == model.setting.calendar.year[days[0]]]
    next_year = next(day for day in days if day > same_year[-1])
    alone = {day: desk._willing([one_place], rows, topic, day)[0][1] for day in (days[0], same_year[-1], next_year)}
    assert set(alone[days[0]]) == set(alone[same_year[-1]]) != set(alone[next_year])
    assert alone[days[0]].tolist() != alone[same_year[-1]].tolist()  # but another order every month


def test_who_is_asked_first_owes_nothing_to_rows() -> None:
    model = model_of()
    desk = model.education
    today = next(month_ends(model, 1))
    rows = np.flatnonzero(model.arrays.patients.conditions & desk.topics[0].mask)
    flood(desk, 5.0)
    there = [found.tolist() for _, found in desk._willing(list(desk.programmes), rows, 0, today)]
    back = [found.tolist() for _, found in desk._willing(list(desk.programmes), rows[::-1], 0, today)]
    assert there == back and [len(found) for found in there] == [5, 5]


def test_only_the_ill_who_were_seen_and_live_at_home_are_asked() -> None:
    model = model_of()
    people, desk = model.arrays.patients, model.education
    today = next(month_ends(model, 1))
    ill = np.flatnonzero((people.conditions != 0) & (people.status == Status.ALIVE))
    assert (desk.seen_this_month(today) == ill).all()
    gone, late, inside, taken, home = ill[:5]
    people.status[gone], people.leaves_hospital_on[inside] = Status.DEAD, today
    people.last_follow_up[[late, home]] = today - 40
    desk._not_before[taken] = today + 1
    stay = model.arrays.stays[0]
    stay["patient"], stay["leaves_on"] = home, today - 1
    model.arrays.counters[Counter.STAYS] = 1
    assert desk.seen_this_month(today).tolist() == [home, *ill[5:].tolist()]


# --- completion -------------------------------------------------------------------------------------------------------


def test_completion_drop_out_and_those_who_leave_this_life() -> None:
    model = model_of(days=1300)
    desk, people = model.education, model.arrays.patients
    flood(desk)
    today = next(month_ends(model, 1))
    desk._enrol(today)
    log = desk.participations
    assert np.unique(log.patient).size == log.size > 150
    assert_binomial(int(log.will_complete.sum()), log.size, PARAMETERS["etp_completion"], "completion")
    assert (people.education[log.patient] == EducationStage.IN_COURSE).all()
    group_sizes = np.bincount(log.group)
    assert group_sizes.max() == 8 and group_sizes.size == desk.n_groups
    begins = np.array([[log.first_session_on[log.group == g].min()] for g in range(desk.n_groups)]).ravel()
    assert (log.first_session_on == begins[log.group]).all()
    dropped = np.flatnonzero(log.will_complete == 0)
    sessions = np.unique((log.ends_on - log.first_session_on)[dropped] // 14)
    assert sessions.size >= 4  # some leave at each session
    dead = np.flatnonzero(log.will_complete == 1)[0]
    people.gone_on[log.patient[dead]], people.status[log.patient[dead]] = log.ends_on[dead], Status.DEAD
    desk.close_courses(int(log.ends_on.max()))
    n_completed = int(log.will_complete.sum()) - 1
    assert log.stage[dead] == EducationStage.GONE
    assert (log.stage == EducationStage.COMPLETED).sum() == n_completed
    assert (log.stage == EducationStage.DROPPED_OUT).sum() == dropped.size
    assert (people.education[log.patient] == log.stage).all()
    assert model.arrays.billed[:, Category.EDUCATION].sum() == n_completed * 25_000
    people.last_follow_up[people.conditions != 0] = today + 1100
    assert desk.seen_this_month(today).size > 100 and not np.isin(desk.seen_this_month(today + 1000), log.patient).any()
    assert np.isin(log.patient, desk.seen_this_month(today + 1096)).mean() > 0.99  # but for the dead


# --- a run ------------------------------------------------------------------------------------------------------------


def education_cents(model: TerritoryModel) -> int:
    return int(model.arrays.billed[:, Category.EDUCATION].sum())


def test_each_completed_programme_is_paid_once_by_the_compulsory_insurance(expanded: TerritoryModel) -> None:
    world, log = expanded.arrays, expanded.education.participations
    completed = log.stage == EducationStage.COMPLETED
    assert completed.sum() > 20 and education_cents(expanded) == completed.sum() * 25_000
    assert world.paid[:, Category.EDUCATION, Payer.COMPULSORY].sum() == education_cents(expanded)
    n_communes, n_providers = world.minutes.shape[0], world.providers.size
    n_sites = world.minutes.shape[1] - n_communes
    received = world.received[:, Category.EDUCATION].sum(axis=0)
    team = n_providers + n_sites + Account.EDUCATION_TEAM
    for programme, account in zip(expanded.education.programmes, (n_providers, team), strict=True):
        assert received[account] == (completed & (log.programme == programme.row)).sum() * 25_000


def test_todays_offer_does_nothing_beyond_the_published_rates(baseline: TerritoryModel) -> None:
    log, health = baseline.education.participations, baseline.arrays.health
    assert log.size > 5 and (log.is_extra == 0).all()
    assert (health.shift == 0).all() and (health.event_ratio == 1).all()
    assert baseline.interventions == ()


def test_extra_places_act_on_who_completed_them_and_nobody_else(expanded: TerritoryModel) -> None:
    log, world, desk = expanded.education.participations, expanded.arrays, expanded.education
    names = [condition.name for condition in expanded.setting.conditions]
    topics = [topic.name for topic in desk.topics]
    last_evening = int(np.flatnonzero(expanded.setting.calendar.is_first_of_month[: expanded.last_day])[-1]) - 1
    for name, column, neutral in (("diabetes", "shift", 0.0), ("heart_failure", "event_ratio", 1.0)):
        values = world.health[column].reshape(-1, len(names))
        assert (np.delete(values, names.index(name), axis=1) == neutral).all()
        mine = (log.is_extra == 1) & (log.topic == topics.index(name)) & (log.stage == EducationStage.COMPLETED)
        rows = log[mine & (log.ends_on <= last_evening)]
        touched = np.flatnonzero(values[:, names.index(name)] != neutral)
        assert set(touched) == set(rows.patient) and rows.size > 1
        months = (last_evening - rows.ends_on) / (365.25 / 12)
        expected = -0.44 * 0.5 ** (months / 12) if column == "shift" else 0.78 ** (0.5 ** (months / 12))
        assert values[rows.patient, names.index(name)] == pytest.approx(expected, rel=1e-5)


def test_extra_places_begin_with_the_horizon(expanded: TerritoryModel) -> None:
    log = expanded.education.participations
    assert log.started_on[log.is_extra == 1].min() >= expanded.setting.first_reported_day
    dates = {"warm_up_days": 150, "days": 10, "follow_up_days": 0}
    before = [lived(**dates, **levers).education.participations for levers in ({}, {"patient_education": MANY})]
    assert before[0].size > 2 and before[0].tolist() == before[1].tolist()


def test_without_effect_everybody_lives_as_before_and_the_places_are_paid(
    baseline: TerritoryModel, without_effect: TerritoryModel, expanded: TerritoryModel
) -> None:
    """The null arm: true difference in health and care exactly zero, cost above zero."""
    assert without_effect.records().episodes.digest() == baseline.records().episodes.digest()
    assert (without_effect.arrays.vital == baseline.arrays.vital).all()
    difference = without_effect.arrays.billed - baseline.arrays.billed
    assert (np.delete(difference, Category.EDUCATION, axis=1) == 0).all() and difference.sum() > 0
    assert (without_effect.arrays.health.shift == 0).all()
    extra = [int(model.education.participations.is_extra.sum()) for model in (without_effect, expanded)]
    assert min(extra) > 20


def test_indicators_by_recount(expanded: TerritoryModel) -> None:
    table = expanded.indicators().query("stratum_kind == 'all' and period == 'all'").set_index("indicator")
    log = expanded.education.participations
    begun = log[(log.started_on >= 60) & (log.started_on < 60 + 360)]
    starts, share = table.loc["education_starts_per_1000"], table.loc["education_completed_share"]
    years = table.loc["population", "value"] * 360 / 365.25
    assert starts["n"] == begun.size and starts["value"] == pytest.approx(1000 * begun.size / years, rel=0.01)
    ended = begun[begun.stage != EducationStage.IN_COURSE]
    assert share["n"] == ended.size
    assert share["value"] == pytest.approx((ended.stage == EducationStage.COMPLETED).mean())
    assert starts["value"] == pytest.approx(4.14 + MANY, rel=0.15)


def test_indicators_by_stratum_add_up(expanded: TerritoryModel) -> None:
    table = expanded.indicators().query("indicator == 'education_starts_per_1000' and period == 'all'")
    for kind in ("sex", "age_band", "income_quintile"):
        assert table[table["stratum_kind"] == kind]["n"].sum() == table[table["stratum_kind"] == "all"]["n"].iloc[0]


# --- telemonitoring ---------------------------------------------------------------------------------------------------


def home_from_hospital(model: TerritoryModel, n: int) -> np.ndarray:
    """Give heart failure to n people and a stay for it that has just ended; return their rows."""
    world = model.arrays
    bit = model.effects.conditions.index("heart_failure")
    rows = np.flatnonzero(world.patients.status == Status.ALIVE)[:n]
    world.patients.conditions[rows] |= 1 << bit
    cause = [name.partition(".")[0] for name in model.setting.causes].index("heart_failure")
    stays = world.stays[:n]
    stays["patient"], stays["cause"], stays["leaves_on"] = rows, cause, 40
    world.counters[Counter.STAYS] = n
    model.day = 61
    return rows


def test_telemonitoring_takes_its_share_of_those_not_monitored_today() -> None:
    model = model_of()
    rows = home_from_hospital(model, 800)
    policy = Telemonitoring(load_scenario(telemonitoring=0.4).levers)
    found = policy.monitored(model, 60)
    assert_binomial(found.size, rows.size, 0.4, "monitored")
    draws = uniforms(model.arrays.key, Stream.TELEMONITORING, model.arrays.patients.person[rows].astype(np.int64))
    assert set(found) == set(rows[(draws >= 0.035) & (draws < 0.435)])
    assert policy.monitored(model, 40 + 366).size == 0
    model.arrays.patients.status[found[0]] = Status.DEAD
    assert found[0] not in policy.monitored(model, 60)


def test_telemonitoring_is_paid_by_the_month_and_spares_stays() -> None:
    model = model_of()
    home_from_hospital(model, 300)
    policy = Telemonitoring(load_scenario(telemonitoring=0.4).levers)
    first_of_month = 60
    assert model.setting.calendar.is_first_of_month[first_of_month]
    n = policy.monitored(model, first_of_month).size
    policy.on_month(model, first_of_month)
    model.effects.apply(model.arrays)
    billed = model.arrays.billed[:, Category.TELEHEALTH].sum()
    assert n > 50 and billed == n * (2_800 + 5_000) == model.arrays.paid[:, :, Payer.COMPULSORY].sum()
    left = model.arrays.health.event_ratio
    assert (left < 1).sum() == n and np.unique(left).tolist() == [np.float32(0.8), 1.0]
    policy.on_month(model, first_of_month + 10)
    assert model.arrays.billed[:, Category.TELEHEALTH].sum() == billed


def test_telemonitoring_in_a_run() -> None:
    model = lived(telemonitoring=1.0)
    assert model.laws_checked > 10
    assert model.arrays.billed[:, Category.TELEHEALTH].sum() > 0
    assert set(np.unique(model.arrays.health.event_ratio)) <= {np.float32(0.8), np.float32(1.0)}
