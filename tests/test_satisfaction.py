"""Satisfaction of doctors and experience of episodes: the formulas by hand, their bounds, which way they move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_indicators import (
    CARDIOLOGIST,
    DAYS,
    FIRST,
    PREVENTIVE,
    episode,
    people_of,
    practices_of,
    records_of,
    setting_of,
)

from abm import TerritoryModel
from abm.indicators import indicators
from abm.indicators.counting import Run
from abm.indicators.satisfaction import (
    COMPONENTS,
    WEIGHTS,
    components_of,
    experiences,
    gp_satisfaction,
    halved,
    index_of,
    patient_experience,
    weighted,
)
from abm.parameters import load_parameters
from abm.records import Records
from abm.state import NOBODY, Channel, Outcome

PARAMETERS = load_parameters()
INDEX_WEIGHTS = np.array([PARAMETERS[name] for name in WEIGHTS])
YEAR_DAYS = 365


def values(blocks) -> dict[str, float]:
    return {block.indicator: float(block.value[0, 0]) for block in blocks}


# --- doctors ----------------------------------------------------------------------------------------------------


def a_year_of_work(hours_a_week: float, *rows: dict, visits: int = 0) -> Records:
    """One doctor who works every day of 2021 so that hours with all that is beside visits come to a number a week."""
    setting = setting_of()
    offered = np.zeros((1, setting.last_day), np.int32)
    with_patients = hours_a_week * (1.0 - PARAMETERS["gp_hours_outside_visits_share"])
    offered[0, FIRST : FIRST + YEAR_DAYS] = round(with_patients * 3600 / 7)
    nothing = np.zeros_like(offered)
    held = [episode(asked=day % YEAR_DAYS) for day in range(visits)]
    return records_of(
        *rows, *held, offered=offered, unused=nothing, overtime_used=nothing, providers=practices_of(1),
        setting=setting, in_force=np.ones(offered.shape),
    )  # fmt: skip


def components(records: Records) -> dict[str, float]:
    return dict(zip(COMPONENTS, components_of(Run(records), FIRST, FIRST + YEAR_DAYS)[0], strict=True))


def test_the_index_by_hand() -> None:
    """54 h a week, 5.5 of them administration; 1,000 visits of 25 EUR; 300 requests overdue; 2 of 4 referrals late."""
    overdue = [episode(asked=day, lead=15, kind=PREVENTIVE) for day in range(200)]
    refused = [episode(asked=day, lead=None) for day in range(100)]
    in_time = [episode(asked=day, lead=14, kind=PREVENTIVE) for day in range(100)]
    referrals = [episode(asked=9, lead=lead, kind=CARDIOLOGIST, provider=NOBODY) for lead in (60, 61, 10)]
    referrals.append(episode(asked=9, lead=None, kind=CARDIOLOGIST))
    records = a_year_of_work(54.0, *overdue, *refused, *in_time, *referrals, visits=700)
    found = components(records)
    slots = 54.0 * (1 - 0.17) * 3600 / 1200 * YEAR_DAYS / 7
    fees = 125_000 * YEAR_DAYS / 365.25
    assert found["hours"] == pytest.approx(1 - 14 / 30, abs=1e-4)
    assert found["pressure"] == pytest.approx(1 - 300 / slots / 0.3, abs=1e-4)
    assert found["administration"] == pytest.approx(1 - 5.5 / 12, abs=1e-4)
    assert found["referral"] == pytest.approx(1 - 2 / 4)
    assert found["income"] == pytest.approx(1000 * 25 / fees)
    run = Run(records)
    strains = np.array([1 - found[name] for name in COMPONENTS])
    block = next(iter(gp_satisfaction(run)))
    assert block.value[0, 1] == pytest.approx(1 - strains @ [0.30, 0.30, 0.15, 0.15, 0.10])
    assert block.n[0].tolist() == [1, 1, 0] and np.isnan(block.value[0, 2])


def test_strains_are_cut_off_at_both_ends() -> None:
    easy = components(a_year_of_work(20.0, visits=10_000))
    assert easy["hours"] == easy["income"] == easy["pressure"] == 1.0
    hard = components(a_year_of_work(95.0, *[episode(asked=day % 360, lead=None) for day in range(9000)]))
    assert hard["hours"] == hard["pressure"] == hard["income"] == 0.0
    assert np.isnan(hard["referral"]), "no request to a specialist"


def test_who_works_half_the_week_is_not_poor_for_it() -> None:
    full, half = a_year_of_work(40.0, visits=900), a_year_of_work(40.0, visits=450)
    half.providers.half_days_per_week /= 2
    assert components(half)["income"] == pytest.approx(components(full)["income"])


def test_people_without_a_doctor_weigh_on_all() -> None:
    refused = [episode(asked=day % 360, lead=None) for day in range(600)]
    own, nobodys = a_year_of_work(50.0, *refused), a_year_of_work(50.0, *refused)
    nobodys.patients.registered_gp = NOBODY
    assert components(own)["pressure"] == pytest.approx(components(nobodys)["pressure"])
    assert 0.0 < components(own)["pressure"] < 1.0


def test_a_missing_component_counts_with_the_mean_of_the_others() -> None:
    table = np.array([[1.0, 0.5, 0.5, np.nan, 0.5], [0.0, 0.5, 0.5, 0.2, 0.5]])
    filled = np.where(np.isnan(table), 0.2, table)
    assert index_of(table, INDEX_WEIGHTS) == pytest.approx((filled @ INDEX_WEIGHTS).mean())
    table[:, 3] = np.nan
    known = [0, 1, 2, 4]
    expected = table[:, known] @ INDEX_WEIGHTS[known] / INDEX_WEIGHTS[known].sum()
    assert index_of(table, INDEX_WEIGHTS) == pytest.approx(expected.mean())
    assert np.isnan(index_of(np.zeros((0, 5)), INDEX_WEIGHTS)) and np.isnan(index_of(table * np.nan, INDEX_WEIGHTS))


@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=1, max_size=6))
def test_the_index_lies_between_the_components(rows: list[list[float]]) -> None:
    table = np.array(rows)
    assert table.min() - 1e-9 <= index_of(table, INDEX_WEIGHTS) <= table.max() + 1e-9


def test_a_practice_that_has_closed_has_no_list_to_be_pressed_by() -> None:
    records = a_year_of_work(50.0, episode(asked=3, lead=None), visits=10)
    assert components(records)["pressure"] < 1.0
    records.providers.closes_on[0] = FIRST + DAYS
    assert np.isnan(components(records)["pressure"]) and np.isnan(components(records)["referral"])


# --- people -----------------------------------------------------------------------------------------------------


def experience(*rows: dict, **changes) -> dict[str, float]:
    run = Run(records_of(*rows, **changes))
    return values(patient_experience(run, run.strata("all")))


def test_the_experience_of_one_episode_by_hand() -> None:
    """A follow-up 7 days after the wished date, 14 tolerated; 10 minutes away, 20 halve; the own doctor."""
    one = episode(asked=10, lead=12, wished_on=FIRST + 15, kind=PREVENTIVE, travel_minutes=10.0)
    delay, travel = 2**-0.5, 2**-0.5
    best = PARAMETERS["experience_without_drawback"]
    found = experience(one)
    assert found["patient_experience"] == pytest.approx(best * (0.5 * delay + 0.2 * travel + 0.3))
    assert found["patient_experience.delay"] == pytest.approx(delay)
    assert found["patient_experience.travel"] == pytest.approx(travel)
    assert found["patient_experience.continuity"] == found["patient_experience.reached"] == 1.0
    stranger = one | {"channel": Channel.OTHER_GP, "provider": 1}
    assert experience(stranger)["patient_experience"] == pytest.approx(best * (0.5 * delay + 0.2 * travel))
    walk_in = one | {"channel": Channel.WALK_IN, "provider": 0}
    assert experience(walk_in)["patient_experience.continuity"] == 1.0, "his own doctor's session"


def test_continuity_is_no_part_of_specialist_care() -> None:
    one = episode(lead=0, kind=CARDIOLOGIST, provider=NOBODY, travel_minutes=45.0)
    found = experience(one)
    best = PARAMETERS["experience_without_drawback"]
    assert found["patient_experience"] == pytest.approx(best * (0.5 + 0.2 * 0.5) / 0.7)
    assert np.isnan(found["patient_experience.continuity"])


def test_who_is_not_reached_scores_least_and_who_did_not_come_not_at_all() -> None:
    served, forgone = episode(lead=0), episode(lead=None)
    diverted = episode(lead=None, outcome=Outcome.DIVERTED)
    assert experience(forgone)["patient_experience"] == PARAMETERS["experience_not_reached"]
    found = experience(served, forgone, diverted, served | {"outcome": Outcome.MISSED})
    assert found["patient_experience.reached"] == pytest.approx(1 / 3)
    alone = experience(served)["patient_experience"]
    expected = (alone + 2 * PARAMETERS["experience_not_reached"]) / 3
    assert found["patient_experience"] == pytest.approx(expected)


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.floats(0, 120), st.booleans(), st.booleans(), st.sampled_from(list(Outcome))),
        min_size=1,
        max_size=8,
    )
)
def test_experience_is_bounded_and_better_when_sooner_nearer_and_with_the_own_doctor(cases: list[tuple]) -> None:
    rows = [
        episode(
            asked=20, lead=lead, kind=CARDIOLOGIST if specialist else PREVENTIVE, travel_minutes=minutes,
            outcome=outcome, channel=Channel.OWN_GP if own else Channel.OTHER_GP, provider=0 if own else 1,
        )
        for lead, minutes, own, specialist, outcome in cases
    ]  # fmt: skip
    scores = experiences(Run(records_of(*rows)))["score"]
    assert ((scores >= 0) & (scores <= 1)).all()
    sooner = [row | {"appointment_on": row["asked_on"]} for row in rows]
    nearer = [row | {"travel_minutes": row["travel_minutes"] / 2} for row in rows]
    known = [row | {"channel": Channel.OWN_GP, "provider": 0} for row in rows]
    for better in (sooner, nearer, known):
        assert (experiences(Run(records_of(*better)))["score"] >= scores - 1e-12).all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_the_weighted_mean_lies_between_its_parts(delay: float, travel: float, own: float, is_gp: bool) -> None:
    parts = [np.array([part]) for part in (delay, travel, own)]
    found = weighted(*parts, np.array([is_gp]), 0.5, 0.2, 0.3)[0]
    used = [delay, travel, own] if is_gp else [delay, travel]
    assert min(used) - 1e-12 <= found <= max(used) + 1e-12


def test_a_half_is_lost_at_the_unit() -> None:
    assert halved(np.array([0.0, 1.0, 2.0])).tolist() == [1.0, 0.5, 0.25]


def test_experience_is_told_by_group() -> None:
    people = people_of(4)
    people.is_female[2:] = 1
    rows = [episode(0), episode(1), episode(2, lead=None), episode(3, lead=None)]
    table = indicators(records_of(*rows, people=people)).set_index(["indicator", "stratum", "period"])["value"]
    assert table["patient_experience", "female", "all"] == PARAMETERS["experience_not_reached"]
    assert table["patient_experience", "male", "all"] > 0.5


# --- a run ------------------------------------------------------------------------------------------------------


def test_both_move_as_access_does() -> None:
    """Common seeds: without one of two doctors people's experience is worse, and pressure."""
    options = {"days": 200, "warm_up_days": 40, "follow_up_days": 30, "gp_retirement_scale": 0}
    usual, fewer = (TerritoryModel("tiny", rng=2, gp_departures=gone, **options) for gone in (0, 1))
    found = []
    for model in (usual, fewer):
        model.run_to_end()
        run = Run(model.records())
        found.append(values([*gp_satisfaction(run), *patient_experience(run, run.strata("all"))]))
    assert found[1]["patient_experience"] < found[0]["patient_experience"]
    assert found[1]["gp_satisfaction.pressure"] < found[0]["gp_satisfaction.pressure"]
    for values_of_run in found:
        assert all(np.isnan(value) or 0.0 <= value <= 1.0 for value in values_of_run.values())
        assert not np.isnan(values_of_run["gp_satisfaction"])
