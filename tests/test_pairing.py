"""Paired differences, attribution and intervals against closed forms."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.pairing import (
    break_even,
    interaction,
    interval,
    paired_differences,
    replications_needed,
    shapley_values,
    share_of_replications_below_zero,
)


def test_interval_by_hand():
    """Three values 1, 2, 3: mean 2, standard error 0.5774, t(2) = 4.3027."""
    found = interval([1.0, 2.0, 3.0, np.nan])
    assert (found.mean, found.n) == (2.0, 3)
    assert found.half_width == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert not found.excludes_zero and interval([2.0, 2.1, 1.9]).excludes_zero
    assert np.isnan(interval([1.0]).low) and not interval([1.0]).excludes_zero
    assert interval([]).n == 0


def test_intervals_cover_at_their_nominal_rate():
    """4,000 samples of five: 95 % of intervals hold the truth; 5.4 standard errors are 1.9 points."""
    rng = np.random.default_rng(2)
    held = [
        (found.low <= 3.0 <= found.high) for found in (interval(row) for row in rng.normal(3.0, 2.0, size=(4000, 5)))
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.019)


def test_pairing_takes_the_noise_of_seeds_away():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 100, 20)
    frame = pd.concat(
        pd.DataFrame({"scenario": name, "seed": range(20), "indicator": "wait", "value": noise + effect})
        for name, effect in (("baseline", 50.0), ("network", 49.0))
    )
    row = paired_differences(frame, "baseline").iloc[0]
    assert row.difference == pytest.approx(-1.0) and row.low == pytest.approx(-1.0) and row.is_seen
    assert row.relative_difference == pytest.approx(-1.0 / (50.0 + noise.mean()))


def test_only_seeds_of_both_count_and_refusals():
    frame = pd.DataFrame({"scenario": ["a", "a", "b"], "seed": [1, 2, 1], "indicator": "x", "value": [1.0, 99.0, 4.0]})
    assert paired_differences(frame, "a").iloc[0][["difference", "n"]].tolist() == [3.0, 1]
    with pytest.raises(ValueError, match="no run of 'c'"):
        paired_differences(frame, "c")
    with pytest.raises(ValueError, match="two values"):
        paired_differences(pd.concat([frame, frame]), "a")


@given(st.lists(st.floats(-100, 100), min_size=8, max_size=8))
def test_shapley_values_sum_and_are_exact_for_additive_games(numbers):
    levers = ("a", "b", "c")
    subsets = [frozenset(some) for size in range(4) for some in combinations(levers, size)]
    outcomes = {some: np.array([number]) for some, number in zip(subsets, numbers, strict=True)}
    values = shapley_values(outcomes)
    assert sum(v[0] for v in values.values()) == pytest.approx(numbers[-1] - numbers[0], abs=1e-9)
    additive = {some: np.array([5.0 + sum(ord(x) for x in some)]) for some in subsets}
    for lever, value in shapley_values(additive).items():
        assert value[0] == pytest.approx(ord(lever))
    assert interaction(additive)[0] == pytest.approx(0.0)


def test_shapley_by_hand_and_missing_subset():
    """The glove game: one left, two right; values 2/3, 1/6, 1/6 (Shapley 1953)."""

    def worth(some):
        return float("l" in some and bool({"r", "s"} & some))

    subsets = [frozenset(some) for size in range(4) for some in combinations("lrs", size)]
    values = shapley_values({some: np.array([worth(some)]) for some in subsets})
    assert [values[x][0] for x in "lrs"] == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    with pytest.raises(ValueError, match="no runs with"):
        shapley_values({frozenset(): np.zeros(1), frozenset("ab"): np.zeros(1)})


def test_replications_needed_and_break_even():
    rng = np.random.default_rng(1)
    pilot = rng.normal(0, 10, 30)
    n = replications_needed(pilot, 1.0)
    assert n == pytest.approx((1.96 * pilot.std(ddof=1)) ** 2, rel=0.1)
    assert break_even([0, 10, 20], [0, 1, 2], 35) == pytest.approx(3.5)
    assert np.isnan(break_even([0, -10], [0, 1], 35)) and np.isnan(break_even([1, 2], [1, 1], 35))
    assert share_of_replications_below_zero([-1, -1, 1, 0]) == 0.5
