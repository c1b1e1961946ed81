"""Accessibility: conservation, limits, monotone responses, and agreement with the pysal package `access`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from abm.environment.access import apl, standardised_population, step_weights, two_step_floating_catchment

STEPS = [(10, 1.0), (15, 1 / 3), (20, 0.1)]


@st.composite
def places(draw):
    """Demand, supply and minutes of a small territory; some demand, supply and links are nil."""
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    amount = st.one_of(st.just(0.0), st.floats(1e-3, 1e5))
    minutes = st.one_of(st.sampled_from([0.0, 10.0, 15.0, 20.0, np.inf]), st.floats(0, 40))
    return (
        draw(arrays(float, n, elements=amount)),
        draw(arrays(float, m, elements=amount)),
        draw(arrays(float, (n, m), elements=minutes)),
    )


def random_places(seed: int, n: int = 30, m: int = 12):
    rng = np.random.default_rng(seed)
    return rng.uniform(1, 1000, n), rng.uniform(0.1, 20, m), np.round(rng.uniform(0, 40, (n, m)), 1)


@given(places())
def test_nothing_is_created_or_lost(case):
    demand, supply, minutes = case
    access = two_step_floating_catchment(demand, supply, minutes, STEPS)
    reaches_somebody = ((demand[:, None] > 0) & (minutes <= 20)).any(axis=0)
    assert demand @ access == pytest.approx(supply[reaches_somebody].sum(), rel=1e-9)


@given(places())
def test_no_reach_gives_zero(case):
    demand, supply, minutes = case
    assert not two_step_floating_catchment(demand, supply, minutes + 20.001, STEPS).any()


@given(places())
def test_a_catchment_covering_everything_is_the_overall_ratio(case):
    demand, supply, minutes = case
    minutes = np.where(np.isinf(minutes), 40.0, minutes)
    expected = supply.sum() / demand.sum() if demand.any() else 0.0
    np.testing.assert_allclose(two_step_floating_catchment(demand, supply, minutes, 1000), expected, rtol=1e-9)


@given(places(), st.integers(0, 5), st.floats(0.1, 1e4))
def test_more_supply_lowers_nobody_and_helps_exactly_those_in_reach(case, provider, extra):
    demand, supply, minutes = case
    provider %= supply.size
    more = supply.copy()
    more[provider] += extra
    before = two_step_floating_catchment(demand, supply, minutes, STEPS)
    after = two_step_floating_catchment(demand, more, minutes, STEPS)
    in_reach = (minutes[:, provider] <= 20) & (demand @ (minutes[:, [provider]] <= 20) > 0)
    assert (after >= before).all()
    np.testing.assert_array_equal(after[~in_reach], before[~in_reach])
    # Exact in size, not only in sign: the extra supply is shared out in full.
    assert demand @ (after - before) == pytest.approx(extra if in_reach.any() else 0.0, rel=1e-6, abs=1e-6)


def test_a_hand_computed_case_with_inclusive_bounds():
    # Provider reached by 100 people at 10 min (weight 1), 60 at 15 (1/3), 50 at 20 (0.1): 100 + 20 + 5 = 125.
    access = two_step_floating_catchment([100, 60, 50, 9], [250], [[10], [15], [20], [20.1]], STEPS)
    np.testing.assert_allclose(access, [2.0, 2 / 3, 0.2, 0.0])


def test_a_place_without_inhabitants_still_has_access():
    np.testing.assert_allclose(two_step_floating_catchment([0, 50], [100], [[5], [5]], STEPS), [2.0, 2.0])


def test_a_number_is_one_step_of_weight_one():
    demand, supply, minutes = random_places(0)
    plain = two_step_floating_catchment(demand, supply, minutes, 15)
    np.testing.assert_array_equal(plain, two_step_floating_catchment(demand, supply, minutes, [(15, 1.0)]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("steps", [[(15, 1.0)], STEPS], ids=["two_stage_fca", "enhanced_two_stage_fca"])
def test_agrees_with_pysal_access(seed, steps):
    fca = pytest.importorskip("access.fca")
    from access.weights import step_fn

    demand, supply, minutes = random_places(seed)
    n, m = minutes.shape
    costs = pd.DataFrame(
        {"origin": np.repeat(np.arange(n), m), "dest": np.tile(np.arange(m), n), "cost": minutes.ravel()}
    )
    expected = fca.two_stage_fca(
        pd.DataFrame({"demand": demand}, index=pd.Index(range(n), name="geoid")).reset_index(),
        pd.DataFrame({"supply": supply}, index=pd.Index(range(m), name="geoid")),
        costs,
        max_cost=steps[-1][0],
        weight_fn=None if len(steps) == 1 else step_fn(dict(steps)),
    ).reindex(range(n), fill_value=0.0)
    np.testing.assert_allclose(two_step_floating_catchment(demand, supply, minutes, steps), expected, rtol=1e-9)


@given(places(), st.floats(0.5, 20))
def test_apl_of_a_flat_consumption_is_the_plain_catchment(case, consumption):
    demand, supply, minutes = case
    demand = demand + 1.0
    by_age = np.column_stack([demand * 0.25, demand * 0.75])
    np.testing.assert_allclose(
        apl(by_age, [consumption, consumption], supply, minutes, STEPS),
        two_step_floating_catchment(demand, supply, minutes, STEPS),
        rtol=1e-9,
    )


def test_apl_counts_an_older_place_as_more_people():
    by_age = np.array([[100.0, 0.0], [0.0, 100.0]])  # a young place (2 acts a head), an old one (6)
    np.testing.assert_allclose(standardised_population(by_age, [2, 6]), [50.0, 150.0])
    # Each with its own doctor of 300 acts, out of the other's reach.
    np.testing.assert_allclose(apl(by_age, [2, 6], [300, 300], [[0, 60], [60, 0]], STEPS), [6.0, 2.0])


def test_apl_with_a_national_mean_rescales_everybody_alike():
    by_age = np.array([[100.0, 0.0], [0.0, 100.0]])
    minutes = [[0, 60], [60, 0]]
    own = apl(by_age, [2, 6], [300, 300], minutes)
    national = apl(by_age, [2, 6], [300, 300], minutes, mean_consumption=3.0)
    np.testing.assert_allclose(national, own * 3.0 / 4.0)


def test_weights_are_inclusive_above_and_nil_beyond():
    np.testing.assert_array_equal(
        step_weights([0, 10, 10.01, 15, 20, 20.01, np.inf], STEPS), [1, 1, 1 / 3, 1 / 3, 0.1, 0, 0]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 2], [1], [[1]], STEPS), "minutes.shape=(1, 1)"),
        (([[1, 2]], [1], [[1], [1]], STEPS), "demand.shape=(1, 2)"),
        (([1, -2], [1], [[1], [1]], STEPS), "demand must not be negative"),
        (([1, 2], [np.nan], [[1], [1]], STEPS), "supply must not contain NaN"),
        (([1, 2], [np.inf], [[1], [1]], STEPS), "supply must be finite"),
        (([1, 2], [1], [[1], [np.nan]], STEPS), "minutes must not contain NaN"),
        (([1, 2], [1], [[1], [-1]], STEPS), "minutes must not be negative"),
        (([1, 2], [1], [[1], [1]], [(15, 1), (10, 0.5)]), "weights must have increasing upper bounds"),
        (([1, 2], [1], [[1], [1]], [(15, -1)]), "weights must not be negative"),
        (([1, 2], [1], [[1], [1]], []), "weights"),
        (([1, 2], [1], [[1], [1]], -3), "weights must not be negative"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(ValueError) as error:
        two_step_floating_catchment(*arguments)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("by_age", "consumption", "words"),
    [
        ([[1, 2]], [1, 2, 3], "consumption.shape=(3,)"),
        ([[1, 2]], [0, 0], "mean consumption"),
        ([[0, 0]], [1, 2], "mean consumption"),
        ([1, 2], [1, 2], "population_by_age.shape=(2,)"),
    ],
)
def test_bad_populations_are_named(by_age, consumption, words):
    with pytest.raises(ValueError) as error:
        apl(by_age, consumption, [1], [[1]])
    assert words in str(error.value)
