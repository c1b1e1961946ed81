"""The Mesa model: time, agents that steer the compiled day, batch runs, data collection."""

import mesa
import numpy as np
import pytest

from abm import Scenario, Territory, TerritoryModel
from abm.agents.general_practitioner import GeneralPractitioner
from abm.agents.patient import Patient
from abm.environment.territory import load_territory
from abm.errors import InputError
from abm.indicators import HEADLINE
from abm.scenario import load_scenario
from abm.state import NOBODY, Channel, Outcome, Stage

DAYS = {"days": 120, "warm_up_days": 60, "follow_up_days": 30}


@pytest.fixture(scope="module")
def finished():
    model = TerritoryModel("tiny", rng=1, **DAYS)
    model.run_to_end()
    return model


def test_a_step_is_a_day_and_the_model_stops_itself():
    model = TerritoryModel("tiny", rng=1, days=3, warm_up_days=2, follow_up_days=1)
    model.step()
    assert model.day == 1
    assert model.date.isoformat() == "2019-12-31"
    model.run_for(3)
    assert model.day == 4
    while model.running:
        model.step()
    assert model.day == model.last_day == 6


def test_objects_and_names_are_both_accepted():
    territory, scenario = load_territory("tiny"), load_scenario("baseline", **DAYS)
    assert isinstance(territory, Territory)
    assert isinstance(scenario, Scenario)
    model = TerritoryModel(territory=territory, scenario=scenario, rng=0)
    assert model.policy.days == DAYS["days"]
    assert model.seed_of_run == 0


@pytest.mark.parametrize("bad", [{"territory": "tinny"}, {"scenario": "basline"}, {"teleconsultatoin": 0.1}])
def test_unknown_names_are_refused_with_the_nearest(bad):
    with pytest.raises(InputError, match="Did you mean"):
        TerritoryModel(**({"territory": "tiny"} | bad))


def test_data_are_collected_monthly_and_on_the_last_day(finished):
    frame = finished.datacollector.get_model_vars_dataframe()
    assert len(frame) == finished.laws_checked
    assert set(HEADLINE) <= set(frame.columns)
    assert frame[list(HEADLINE)].iloc[-1].notna().all()
    assert frame["requests_opened"].sum() == finished.arrays.counters[1]


@pytest.mark.parametrize("processes", [1, 2])
def test_batch_run_works_unchanged_and_gives_the_same_numbers(processes):
    rows = mesa.batch_run(
        TerritoryModel,
        parameters={"territory": ["tiny"], "teleconsultation": [0, 0.1], "days": [60], "warm_up_days": [30]},
        rng=[1],
        max_steps=10_000,
        number_processes=processes,
        display_progress=False,
    )
    assert len(rows) == 2
    for row in rows:
        model = TerritoryModel("tiny", rng=1, teleconsultation=row["teleconsultation"], days=60, warm_up_days=30)
        model.run_to_end()
        assert {name: row[name] for name in HEADLINE} == pytest.approx(model.headline(), rel=0, abs=0, nan_ok=True)


def test_a_doctor_without_capacity_sees_nobody_and_his_patients_go_elsewhere():
    """The agents are no façade: setting one attribute in the midst of a run moves bookings."""
    stopped, going = (TerritoryModel("tiny", rng=2, days=200, warm_up_days=60, follow_up_days=30) for _ in range(2))
    for model in (stopped, going):
        model.run_for(100)
    gp = stopped.general_practitioners.to_list()[0]
    twin = going.general_practitioners.to_list()[0]
    assert isinstance(gp, GeneralPractitioner)
    assert gp.booked_appointments == twin.booked_appointments > 0
    gp.capacity_share = 0
    assert gp.booked_appointments == 0
    for model in (stopped, going):
        model.run_to_end()
    served, usual = (visits(m, gp.row, after=100) for m in (stopped, going))
    assert served == 0
    assert usual > 100
    others = sum(visits(stopped, row, after=100) for row in range(stopped.n_practices) if row != gp.row)
    assert others > sum(visits(going, row, after=100) for row in range(going.n_practices) if row != gp.row)


def visits(model, row, after):
    """Count the visits that a provider held from a day on."""
    episodes = model.records().episodes
    held = (episodes.outcome == Outcome.SERVED) & (episodes.provider == row) & (episodes.closed_on >= after)
    return int(held.sum())


def test_capacity_given_back_is_used_again():
    model = TerritoryModel("tiny", rng=2, days=200, warm_up_days=60, follow_up_days=30)
    model.run_for(60)
    gp = model.general_practitioners.to_list()[0]
    free = model.arrays.free[gp.row].copy(), model.arrays.reserve[gp.row].copy()
    gp.capacity_share = 0.5
    assert gp.booked_appointments >= 0
    gp.capacity_share = 1.0
    assert (model.arrays.free[gp.row] + model.arrays.reserve[gp.row] >= free[0] + free[1]).all()
    model.run_to_end()
    assert visits(model, gp.row, after=70) > 100


def test_inhabitants_are_columns_with_views(finished):
    people = finished.patients
    person = people[17]
    assert isinstance(person, Patient)
    assert person.unique_id == 17
    assert person == people[17]
    assert hash(person) == hash(people[17])
    assert person in people
    old = people.select(lambda p: p.birth_day < -80 * 365)
    assert 0 < len(old) < len(people)
    assert old.agg("has_ald", np.mean) > people.agg("has_ald", np.mean)
    assert finished.agents_by_type[Patient] is people
    assert person.episodes.shape[0] == len(finished.setting.kinds)
    with pytest.raises(KeyError):
        people[10**9]
    with pytest.raises(TypeError, match="shape"):
        people.select(lambda p: True)


def test_lists_and_registrations_agree(finished):
    assert sum(gp.list_size for gp in finished.general_practitioners) == int(
        (finished.patients.registered_gp != NOBODY).sum()
    )


def test_every_stage_and_channel_is_reached(finished):
    """The scenario exercises the rules: no channel of part one is dead code."""
    episodes = finished.records().episodes
    reached = {Channel(c) for c in np.unique(episodes.channel)}
    assert reached >= {Channel.OWN_GP, Channel.WALK_IN, Channel.DUTY, Channel.EMERGENCY, Channel.POLE, Channel.HOME}
    assert {Outcome(o) for o in np.unique(episodes.outcome)} == set(Outcome)
    assert set(np.unique(finished.arrays.episodes.stage)) <= {int(s) for s in Stage}
