"""The direct mode of the network: hazards of death and of avoidable admissions instead of care, never on top of it.

Closed forms and equalities but for one statistical comparison, with a false-alarm rate of 1e-7 (see small_world).
"""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
from small_world import assert_near
from test_demography import MONTHS, N, crowd, live_months, total
from test_health import SHIPPED
from test_health import begun as begun_illness
from test_hospital import DISEASE, EVENT, all_stays, call, hospital_world
from test_network import FAST, FIRST, begun, lived, members_of_each_profile, model_of

from abm.agents.demography import death_probability, live_a_month
from abm.agents.health import burden, event_rate
from abm.agents.stays import receive
from abm.effects import FLAGS, NEUTRAL, Effects
from abm.errors import InputError
from abm.handle import compiled
from abm.parameters import load_parameters
from abm.payments.tables import Category
from abm.scenario import load_scenario
from abm.state import NOBODY, Effect, Status, Vital, World
from experiments.comparison_plan import null_levers

PARAMETERS = load_parameters()
DEATHS, ADMISSIONS = "network_mortality_HR_members[model prior]", "network_acsc_admission_RR_members"
HR, RR = PARAMETERS[DEATHS], PARAMETERS[ADMISSIONS]
DIRECT = {"network_effect": "direct"}
#: A reading of a 32-bit column is exact to this.
CLOSE = 1e-7


def scaled(world: World, channel: Effect, who: np.ndarray, ratio: float) -> World:
    """Scale a hazard of some people as an intervention does."""
    effects = Effects(world.patients.size, tuple(SHIPPED), 0.5)
    effects.set("network", channel, np.where(who, ratio, 1.0))
    effects.apply(world)
    return world


# --- death --------------------------------------------------------------------------------------------------------


def test_expected_deaths_of_members_are_the_registered_ratio_of_what_they_would_be() -> None:
    hazard = 0.003
    world = crowd(n_months=3)
    world.death_rates[:] = hazard
    is_member = np.arange(N) < N // 4
    live_months(scaled(world, Effect.DEATH_RATIO, is_member, HR), 1)
    usual, members = 1.0 - exp(-hazard * MONTHS), 1.0 - exp(-HR * hazard * MONTHS)
    assert total(world, Vital.EXPECTED_DEATHS) == pytest.approx(0.75 * N * usual + 0.25 * N * members, rel=CLOSE)
    assert members / usual == pytest.approx(HR, abs=2e-4), "of hazards, which at a month are nearly probabilities"


def test_drawn_deaths_follow_and_nobody_else_dies_otherwise() -> None:
    """The same draws below a smaller probability: whoever dies would have died too; others are not touched."""
    dead = []
    is_member = np.arange(N) < N // 2
    for ratio in (1.0, 0.5):
        world = crowd(n_months=14)
        world.death_rates[:] = 0.05
        live_months(scaled(world, Effect.DEATH_RATIO, is_member, ratio), 12)
        dead.append(world.patients.status == Status.DEAD)
        expected = total(world, Vital.EXPECTED_DEATHS)
        assert_near(total(world, Vital.DEATHS), expected, sqrt(expected))
    usual, spared = dead
    assert not (spared & ~usual).any() and (usual & ~spared).sum() > 100
    assert np.array_equal(spared[~is_member], usual[~is_member])


def test_deaths_in_hospital_are_scaled_alike() -> None:
    """3,000 stays of which three in ten end in death: the hazard of death has a part in hospital."""
    dead, expected = [], []
    for ratio in (1.0, HR):
        world = hospital_world(n_people=3000, nights=1.0, n_events=1, n_days=60)
        world.causes.p_death[EVENT] = 0.3
        is_member = np.arange(3000) < 1000
        handle = compiled(scaled(world, Effect.DEATH_RATIO, is_member, ratio))
        call(world, handle, range(3000), EVENT, DISEASE)
        receive(handle, 5)
        stays = all_stays(world)
        dead.append(set(stays.patient[stays.ends_in_death == 1].tolist()))
        expected.append(total(world, Vital.EXPECTED_DEATHS))
    assert expected == pytest.approx([900.0, 600.0 + 300.0 * HR], rel=CLOSE)
    assert dead[1] < dead[0] and all(row < 1000 for row in dead[0] - dead[1])


def test_the_network_s_members_have_it_in_a_real_population() -> None:
    """Each person's probability by hand, from his age and diseases: 1 - (1 - p) ** HR for members, p for others."""
    model, care = begun(**DIRECT)
    world = model.arrays
    patients, ends = world.patients, np.flatnonzero(np.diff(world.month_of)) if world.month_of.size else []
    evening = int(ends[ends > FIRST + 27][0])
    patients.is_enrolled[::2] = 1
    care._act(FIRST)
    model.effects.apply(world)
    handle = compiled(world)
    alive = np.flatnonzero(patients.status == Status.ALIVE)
    first = int(np.argmax(world.month_of == world.month_of[evening]))
    months = (evening + 1 - max(first, int(world.demography[0].first_day))) / (365.25 / 12.0)
    p = np.array([
        death_probability(handle, patients[row], burden(handle, int(row), evening)[0], evening, months) for row in alive
    ])  # fmt: skip
    is_member = ((patients.is_enrolled == 1) & (patients.registered_gp != NOBODY))[alive]
    before = world.vital[world.month_of[evening], Vital.EXPECTED_DEATHS]
    live_a_month(handle, evening)
    found = world.vital[world.month_of[evening], Vital.EXPECTED_DEATHS] - before
    by_hand = np.where(is_member, 1.0 - (1.0 - p) ** HR, p).sum()
    assert is_member.sum() > 500 and found == pytest.approx(by_hand, rel=CLOSE)
    assert found < p.sum() * (1.0 - 0.3 * (1.0 - HR)), "members are a good part of those who may die"


# --- admissions ---------------------------------------------------------------------------------------------------


def test_only_rates_of_avoidable_admissions_are_scaled() -> None:
    for condition in SHIPPED.values():
        world = begun_illness((condition,), n=10, delay=False)
        scaled(world, Effect.AVOIDABLE_RATIO, np.arange(world.patients.size) % 2 == 0, RR)
        handle, first = compiled(world), int(world.conditions.first_cause[0])
        for cause, event in enumerate(condition.events, start=first):
            rates = [event_rate(handle, row, cause, 0) for row in range(2)]
            world.rules.has_avoidable_ratio = 0.0
            usual = [event_rate(handle, row, cause, 0) for row in range(2)]
            world.rules.has_avoidable_ratio = 1.0
            assert rates[1] == usual[1] > 0.0
            assert rates[0] / usual[0] == pytest.approx(RR if event.is_avoidable else 1.0, rel=CLOSE), event.name


# --- the mode -----------------------------------------------------------------------------------------------------


def test_members_have_the_direct_effects_and_none_of_the_others() -> None:
    model, _, rows = members_of_each_profile(**DIRECT)
    effects = model.arrays.effects
    assert effects[rows, Effect.DEATH_RATIO] == pytest.approx([HR] * 4 + [1.0])
    assert effects[rows, Effect.AVOIDABLE_RATIO] == pytest.approx([RR] * 4 + [1.0])
    others = np.setdiff1d(np.arange(len(effects)), rows)
    for channel in Effect:
        assert (effects[others, channel] == NEUTRAL[channel]).all()
        if channel not in (Effect.DEATH_RATIO, Effect.AVOIDABLE_RATIO):
            assert (effects[rows, channel] == NEUTRAL[channel]).all(), channel
    assert (model.arrays.health["shift"] == 0.0).all() and (model.arrays.health["event_ratio"] == 1.0).all()


def test_without_the_lever_no_hazard_is_scaled_and_none_is_looked_up() -> None:
    model, _, rows = members_of_each_profile()
    assert (model.arrays.effects[:, [Effect.DEATH_RATIO, Effect.AVOIDABLE_RATIO]] == 1.0).all()
    assert model.arrays.rules[0].has_death_ratio == model.arrays.rules[0].has_avoidable_ratio == 0.0
    assert model.arrays.rules[0].has_tele_expertise == 1.0
    direct, *_ = members_of_each_profile(**DIRECT)
    assert {flag: float(direct.arrays.rules[0][flag]) for flag in FLAGS} == {
        "has_tele_expertise": 0.0, "has_priority": 0.0, "has_death_ratio": 1.0, "has_avoidable_ratio": 1.0,
    }  # fmt: skip


def test_direct_effects_fade_with_their_half_life_when_nobody_runs_it() -> None:
    model, care, rows = members_of_each_profile(**DIRECT)
    care.ended_on = FIRST
    care._act(FIRST + 365)
    model.effects.apply(model.arrays)
    assert model.arrays.effects[rows[2], Effect.DEATH_RATIO] == pytest.approx(sqrt(HR))
    assert model.arrays.effects[rows[2], Effect.AVOIDABLE_RATIO] == pytest.approx(sqrt(RR))


def test_a_direct_network_whose_ratios_are_one_changes_nobody_s_care_or_life() -> None:
    """It does nothing beside its two ratios: at 1, which their ranges hold, all but money is as without."""
    usual = lived(network_adherence=0.0)
    none = lived(**FAST, **DIRECT, **{DEATHS: 1.0, ADMISSIONS: 1.0})
    assert none.network.members.size > 100
    assert none.records().episodes.digest() == usual.records().episodes.digest()
    for name in ("stays", "health", "vital", "effects"):
        assert np.array_equal(getattr(none.arrays, name), getattr(usual.arrays, name)), name
    care = [np.delete(model.arrays.billed, Category.ACTION, axis=1) for model in (usual, none)]
    assert np.array_equal(*care)


def test_at_their_values_fewer_deaths_are_expected() -> None:
    usual, direct = lived(network_adherence=0.0), lived(**FAST, **DIRECT)
    expected = [total(model.arrays, Vital.EXPECTED_DEATHS) for model in (usual, direct)]
    assert expected[1] < expected[0]
    assert PARAMETERS.entry(DEATHS).high == PARAMETERS.entry(ADMISSIONS).high == 1.0, "each may be none"


@pytest.mark.parametrize("other", ["network_without_effect", "network_priority"])
def test_what_contradicts_the_direct_mode_is_refused_before_the_first_day(other: str) -> None:
    with pytest.raises(InputError, match="'network_(effect|priority)': found (direct|1) with '.*one of the two"):
        model_of(**DIRECT, **{other: 1})
    with pytest.raises(InputError, match="network_effect"):
        model_of(network_effect="published")


def test_the_arm_without_effect_drops_how_the_policy_acts() -> None:
    for levers in ({"network_effect": "direct"}, {"network_priority": 1}):
        scenario = load_scenario("network", name="other", **levers)
        wanted = null_levers(scenario)
        assert wanted == null_levers(load_scenario("network"))
        model_of(**{key: value for key, value in wanted.items() if key != "network_adherence"})
    education = load_scenario("education", name="other", education_effect="published")
    assert "education_effect" not in null_levers(education)
