"""Do the further levers of the programme do what they say, to whom they say, for what they say they cost?

Conformance is tests/test_conformance.py; here are the effects themselves, one by one.
"""

from __future__ import annotations

import numpy as np
import pytest
from small_world import assert_binomial

from abm.model import TerritoryModel
from abm.parameters import load_parameters
from abm.payments.tables import Category
from abm.policies import policies
from abm.state import NOBODY, Effect, Kind, Payer, Status
from experiments.conformance import lives
from experiments.ranking import PRICE

SHORT = {"days": 62, "warm_up_days": 10, "follow_up_days": 10, "demography": False}
FILE = "more_levers.csv"


def first_evening(**levers) -> TerritoryModel:
    """Return the invented territory on the morning after the first day of the horizon: policies have decided once."""
    model = TerritoryModel("tiny", rng=4, **SHORT, **levers)
    model.run_for(model.setting.first_reported_day + 1)
    return model


def paid_for_action(model: TerritoryModel) -> dict[Payer, int]:
    paid = model.arrays.paid[:, Category.ACTION].sum(axis=0)
    return {Payer(payer): int(cents) for payer, cents in enumerate(paid) if cents}


def is_ill(model: TerritoryModel) -> np.ndarray:
    people = model.arrays.patients
    return (people.status == Status.ALIVE) & (people.conditions != 0)


# --- prescribed activity ------------------------------------------------------------------------------------------


def test_some_of_the_ill_within_reach_train_and_their_control_gains() -> None:
    model = first_evening(prescribed_activity=0.6)
    (policy,) = model.interventions
    trains = policy.takes_part(model)
    parameters, people = model.setting.parameters, model.arrays.patients
    hospital = next(iter(model.communes_with_hospital()))
    near = model.setting.travel.commune_minutes[:, hospital] <= parameters["prescribed_activity_reach_minutes"]
    may = is_ill(model) & near[people.commune]
    assert may.any() and not (trains & ~may).any()
    assert_binomial(int(trains[may].sum()), int(may.sum()), 0.6 * parameters["prescribed_activity_kept_up_share"])
    m = len(model.setting.conditions)
    shift = model.arrays.health.shift.reshape(-1, m)
    for index in range(m):
        has = trains & ((people.conditions >> index) & 1 == 1)
        gain = parameters["prescribed_activity_control_sd"] * model.arrays.conditions.control_sd[index]
        assert has.any() and shift[has, index] == pytest.approx(-gain) and (shift[~has, index] == 0).all()
    cents = 100 * parameters["prescribed_activity_eur_per_year"] / 12
    assert paid_for_action(model) == {Payer.TERRITORY: round(cents * int(trains.sum()))}


def test_with_more_places_nobody_loses_his() -> None:
    few, many = (first_evening(prescribed_activity=level) for level in (0.2, 0.8))
    trains = [model.interventions[0].takes_part(model) for model in (few, many)]
    assert trains[0].sum() < trains[1].sum() and not (trains[0] & ~trains[1]).any()


# --- prevention among the young -----------------------------------------------------------------------------------


def test_the_young_and_only_they_come_for_prevention() -> None:
    usual, campaign = first_evening(gp_departures=0), first_evening(youth_prevention=0.5)
    ratio = 1 + 0.5 * usual.setting.parameters["youth_prevention_visits_gain"]
    rates = [model.arrays.rates[Kind.GP_PREVENTIVE] for model in (usual, campaign)]
    assert rates[1][:3] == pytest.approx(ratio * rates[0][:3]) and np.array_equal(rates[1][3:], rates[0][3:])
    n = usual.arrays.patients.size
    of_kind = slice(Kind.GP_PREVENTIVE * n, (Kind.GP_PREVENTIVE + 1) * n)
    before, after = (model.arrays.episodes.rate[of_kind] for model in (usual, campaign))
    people = usual.arrays.patients
    young = (people.status == Status.ALIVE) & (people.age_band < 3) & (people.conditions == 0)
    assert young.any() and after[young] == pytest.approx(ratio * before[young], rel=1e-5)
    assert np.array_equal(after[people.age_band >= 3], before[people.age_band >= 3])
    n_young = int(((people.status == Status.ALIVE) & (people.age_band < 3)).sum())
    cents = 100 * usual.setting.parameters["youth_prevention_eur_per_year"] / 12
    assert paid_for_action(campaign) == {Payer.TERRITORY: round(0.5 * cents * n_young)}


def test_symptoms_and_emergencies_are_spared_later() -> None:
    model = TerritoryModel(
        "tiny", rng=4, **SHORT | {"days": 100}, youth_prevention=1.0, youth_prevention_delay_months=2
    )
    rates = {kind: model.arrays.rates[kind].copy() for kind in (Kind.GP_ACUTE, Kind.EMERGENCY)}
    spared = {
        Kind.GP_ACUTE: model.setting.parameters["youth_prevention_acute_needs_spared"],
        Kind.EMERGENCY: model.setting.parameters["youth_prevention_emergencies_spared"],
    }
    start = model.setting.first_reported_day
    model.run_for(start + 60)  # 1 March, before the evening
    assert all(np.array_equal(model.arrays.rates[kind], rates[kind]) for kind in rates)
    model.run_for(1)
    for kind, share in spared.items():
        assert model.arrays.rates[kind][:3] == pytest.approx((1 - share) * rates[kind][:3])
        assert np.array_equal(model.arrays.rates[kind][3:], rates[kind][3:])
    model.run_to_end()
    assert model.arrays.rates[Kind.GP_ACUTE][:3] == pytest.approx(
        (1 - spared[Kind.GP_ACUTE]) * rates[Kind.GP_ACUTE][:3]
    )


# --- practices ----------------------------------------------------------------------------------------------------


def test_protocols_begin_in_the_longest_lists() -> None:
    usual, model = first_evening(gp_departures=0), first_evening(nurse_protocols=0.5)
    lists = {gp.row: gp.list_size for gp in usual.general_practitioners}
    practices = set(model.interventions[0].practices)
    assert len(practices) == round(0.5 * len(lists))
    assert min(lists[row] for row in practices) >= max(lists[row] for row in lists if row not in practices)
    parameters = model.setting.parameters
    for row in lists:
        gain = 1 + parameters["nurse_protocols_capacity_gain"] * (row in practices)
        assert model.arrays.providers.capacity_share[row] == pytest.approx(
            gain * usual.arrays.providers.capacity_share[row]
        )
    people = model.arrays.patients
    ratio = model.arrays.effects[:, Effect.FOLLOW_UP_RATIO]
    has = np.isin(people.registered_gp, list(practices)) & is_ill(model)
    assert ratio[has] == pytest.approx(1 + parameters["nurse_protocols_follow_up_gain"]) and (ratio[~has] == 1).all()
    assert paid_for_action(model) == {
        Payer.COMPULSORY: round(100 * parameters["nurse_protocols_eur_per_practice_year"] / 12 * len(practices))
    }


def test_a_bus_is_as_many_small_practices_as_it_has_stops() -> None:
    usual, one, two = (first_evening(**levers) for levers in ({}, {"itinerant_units": 1}, {"itinerant_units": 2}))
    parameters = usual.setting.parameters
    n_stops = round(parameters["itinerant_stops"])
    n = usual.arrays.providers.size
    new = one.arrays.providers[n:]
    assert new.size == n_stops and (new.specialty == NOBODY).all()
    activity = parameters["new_gp_activity_relative"] * parameters["itinerant_time_at_stops_share"]
    assert new.list_target == pytest.approx(activity * parameters["gp_panel_MT_mean"] / n_stops, abs=0.5)
    assert two.arrays.providers.size == n + 2 * n_stops
    assert np.array_equal(two.arrays.providers.place[n : n + n_stops], new.place), "a second bus moves no stop"
    assert paid_for_action(two)[Payer.TERRITORY] == pytest.approx(2 * paid_for_action(one)[Payer.TERRITORY], abs=1)


def test_trained_doctors_follow_their_ill_more_closely() -> None:
    model = first_evening(professional_training=1.0)
    parameters, people = model.setting.parameters, model.arrays.patients
    rows = model.interventions[0].trained(model)
    assert rows.tolist() == [gp.row for gp in model.general_practitioners]
    has = is_ill(model) & (people.registered_gp != NOBODY)
    for channel, value, neutral in (
        (Effect.FOLLOW_UP_RATIO, 1 + parameters["professional_training_follow_up_gain"], 1.0),
        (Effect.DISCHARGE_SHARE, parameters["professional_training_discharge_share"], 0.0),
    ):
        column = model.arrays.effects[:, channel]
        assert column[has] == pytest.approx(value) and (column[~has] == neutral).all()
    cents = 100 * parameters["professional_training_eur_per_gp_year"] / 12
    assert paid_for_action(model) == {Payer.OTHER: round(cents * rows.size)}
    some = [set(first_evening(professional_training=level).interventions[0].trained(model)) for level in (0.3, 0.7)]
    assert some[0] <= some[1] <= set(rows.tolist())


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levers", "effects"),
    [
        ({"prescribed_activity": 1.0}, ["prescribed_activity_control_sd"]),
        (
            {"youth_prevention": 1.0},
            [
                "youth_prevention_visits_gain",
                "youth_prevention_acute_needs_spared",
                "youth_prevention_emergencies_spared",
            ],
        ),
        ({"nurse_protocols": 1.0}, ["nurse_protocols_capacity_gain", "nurse_protocols_follow_up_gain"]),
        (
            {"professional_training": 1.0},
            ["professional_training_follow_up_gain", "professional_training_discharge_share"],
        ),
    ],
    ids=lambda found: next(iter(found)) if isinstance(found, dict) else "",
)
def test_an_effect_of_zero_costs_money_and_changes_no_life(levers: dict, effects: list[str]) -> None:
    registry = load_parameters()
    assert all(registry.entry(name).low == 0 for name in effects), "the range of each effect includes none"
    models = [TerritoryModel("tiny", rng=4, **SHORT, **more) for more in ({}, levers | dict.fromkeys(effects, 0.0))]
    for model in models:
        model.run_to_end()
    assert np.array_equal(*(lives(model) for model in models))
    assert not paid_for_action(models[0]) and paid_for_action(models[1])


def test_every_number_of_these_levers_is_an_assumption_and_used() -> None:
    from pathlib import Path

    import abm

    folder = Path(abm.__file__).parent
    rows = load_parameters([folder / "parameters" / FILE]).rows
    texts = "".join(path.read_text(encoding="utf-8") for path in (folder / "policies").glob("*.py"))
    known = {lever.name for policy in policies() for lever in policy.levers}
    assert len(rows) == 21
    for row in rows:
        assert row.grade == "C" and row.source.startswith("assumption") and row.note and row.id.startswith("ML")
        if row.name.startswith(f"{PRICE}["):
            assert row.name.removeprefix(f"{PRICE}[").removesuffix("]") in known
            continue
        stem = row.name.removeprefix("professional_training_")
        assert row.name in texts or f'"{stem}"' in texts, row.name
    names = {"prescribed_activity", "youth_prevention", "nurse_protocols", "itinerant_consultation"}
    assert names | {"professional_training"} <= {policy.name for policy in policies()}
