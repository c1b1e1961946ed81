"""The measures of inequality against closed forms, by hand, by properties and by samples.

Samples: 64 replications of n = 5,000 and |t| < 5 on 63 degrees of freedom, which fails by chance 5 times in a million,
for each of the 6 tests that draw; as seeds are fixed, a failure means that the code has changed. The smallest error
they can see is 5 standard errors, at most the number asserted in each.
"""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from abm.equity import (
    concentration_index,
    erreygers_index,
    extreme_tenths_ratio,
    fractional_rank,
    gini,
    relative_index,
    slope_index,
)
from experiments.closed_forms import GINI_QUANTILES

RANKED = {
    "concentration": concentration_index,
    "erreygers": lambda values, rank_by, weights=None: erreygers_index(values, rank_by, 0, 1000, weights),
    "slope": slope_index,
    "relative, log": relative_index,
    "relative, linear": lambda values, rank_by, weights=None: relative_index(values, rank_by, weights, "linear"),
    "extreme tenths": extreme_tenths_ratio,
}
EVERY = {**RANKED, "gini": lambda values, rank_by, weights=None: gini(values, weights)}
every_measure = pytest.mark.parametrize("measure", EVERY.values(), ids=EVERY.keys())
ranked_measure = pytest.mark.parametrize("measure", RANKED.values(), ids=RANKED.keys())

# Values in thousandths, ranks with ties, and whole weights with zeros.
rows = st.lists(
    st.tuples(st.integers(0, 1_000_000).map(lambda n: n / 1000), st.integers(-3, 8), st.integers(0, 4)),
    min_size=1,
    max_size=30,
).filter(lambda table: any(weight for _, _, weight in table))


def columns(table):
    values, rank_by, weights = (np.array(column, float) for column in zip(*table, strict=True))
    return values, rank_by, weights


def same(found, expected, rel=1e-9):
    return found == pytest.approx(expected, rel=rel, abs=1e-11, nan_ok=True)


def scores_are_small(found, expected, smallest_error):
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert 5 * error < smallest_error
    assert abs(np.mean(found) - expected) < 5 * error


# Gini ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_gini_of_equal_values_is_exactly_0(n):
    assert gini(np.full(n, 0.1)) == 0
    assert gini(np.full(n, 0.1), np.arange(1, n + 1) / 3) == 0


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_gini_when_one_has_everything_is_1_less_1_over_n(n):
    assert gini([0] * (n - 1) + [30.5]) == pytest.approx(1 - 1 / n, rel=1e-14)


def test_gini_by_hand():
    # Shares of the total 1/6, 2/6, 3/6: the Lorenz curve passes (1/3, 1/6) and (2/3, 1/2); areas under it sum to 7/18.
    assert gini([3, 1, 2]) == pytest.approx(1 - 2 * 7 / 18)
    # Three quarters of people have a quarter of the total.
    assert gini([1, 9], [3, 1]) == pytest.approx(0.75 - 0.25)


def test_gini_of_nothing_is_nan():
    assert math.isnan(gini([0, 0]))
    assert math.isnan(gini([0, 5], [1, 0]))


@pytest.mark.parametrize(("quantile", "index", "missed"), GINI_QUANTILES.values(), ids=GINI_QUANTILES.keys())
@pytest.mark.parametrize("n", [100, 10_000])
def test_gini_of_a_distribution_by_its_quantiles(quantile, index, missed, n):
    values = quantile((np.arange(n) + 0.5) / n)
    assert gini(values) == pytest.approx(index - missed(n), abs=missed(n) * n ** (-2 / 3) + 1e-15)  # the next order


@pytest.mark.parametrize(("quantile", "index", "_"), GINI_QUANTILES.values(), ids=GINI_QUANTILES.keys())
def test_gini_of_a_distribution_by_samples(quantile, index, _):
    n = 5000
    uniform = np.random.default_rng(20).random((64, n))
    found = [gini(sample) * n / (n - 1) for sample in quantile(uniform)]
    scores_are_small(found, index, smallest_error=0.004)


@given(rows)
def test_gini_is_half_the_mean_difference_over_the_mean(table):
    values, _, weights = columns(table)
    difference = np.abs(values[:, None] - values) @ weights @ weights / weights.sum() ** 2
    mean = np.average(values, weights=weights)
    assert same(gini(values, weights), difference / (2 * mean) if mean else math.nan)


# What holds for all ------------------------------------------------------------------------------------------------


@every_measure
@given(table=rows)
def test_a_weight_of_2_is_the_row_twice(measure, table):
    values, rank_by, weights = columns(table)
    repeats = weights.astype(int)
    assert same(measure(values, rank_by, weights), measure(np.repeat(values, repeats), np.repeat(rank_by, repeats)))


@every_measure
@given(table=rows)
def test_the_size_of_the_population_does_not_matter(measure, table):
    values, rank_by, weights = columns(table)
    assert same(measure(values, rank_by, 3.7 * weights), measure(values, rank_by, weights))


@every_measure
@given(table=rows, seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(measure, table, seed):
    values, rank_by, weights = columns(table)
    order = np.random.default_rng(seed).permutation(len(table))
    assert same(measure(values[order], rank_by[order], weights[order]), measure(values, rank_by, weights))


@every_measure
@given(table=rows, scale=st.floats(0.01, 100))
def test_the_unit_does_not_matter_but_to_the_slope(measure, table, scale):
    values, rank_by, weights = columns(table)
    before = measure(values, rank_by, weights)
    if measure is slope_index:
        before *= scale
    if measure is RANKED["erreygers"]:
        after = erreygers_index(scale * values, rank_by, 0, 1000 * scale, weights)
    else:
        after = measure(scale * values, rank_by, weights)
    assert same(after, before) or math.isclose(after, before, rel_tol=1e-7)


@ranked_measure
@given(table=rows)
def test_only_the_order_of_the_ranking_matters(measure, table):
    values, rank_by, weights = columns(table)
    assert measure(values, np.exp(rank_by), weights) == pytest.approx(measure(values, rank_by, weights), nan_ok=True)


@given(rows)
def test_reversing_the_ranking_changes_signs_and_inverts_ratios(table):
    values, rank_by, weights = columns(table)
    for name in ("concentration", "erreygers", "slope"):
        assert same(RANKED[name](values, -rank_by, weights), -RANKED[name](values, rank_by, weights))
    for model in ("log", "linear"):
        there, back = (relative_index(values, way * rank_by, weights, model) for way in (1, -1))
        if 1e-6 < there < 1e6:
            assert back == pytest.approx(1 / there, rel=1e-6)


# Ranks -------------------------------------------------------------------------------------------------------------


def test_fractional_rank_by_hand():
    np.testing.assert_allclose(fractional_rank([30, 10, 20, 20]), [7 / 8, 1 / 8, 1 / 2, 1 / 2])
    np.testing.assert_allclose(fractional_rank([1, 2, 2, 3], [1, 2, 3, 4]), [0.05, 0.35, 0.35, 0.8])
    np.testing.assert_allclose(fractional_rank([5, math.inf], [0, 2]), [0, 0.5])


@given(rows)
def test_the_mean_rank_is_a_half(table):
    _, rank_by, weights = columns(table)
    rank = fractional_rank(rank_by, weights)
    assert np.average(rank, weights=weights) == pytest.approx(0.5)
    assert np.all((rank >= 0) & (rank <= 1))


# Concentration -----------------------------------------------------------------------------------------------------


@given(rows)
def test_concentration_ranked_by_itself_is_the_gini(table):
    values, _, weights = columns(table)
    assert same(concentration_index(values, values, weights), gini(values, weights))


@given(rows)
def test_concentration_is_twice_the_covariance_over_the_mean(table):
    values, rank_by, weights = columns(table)
    if not values @ weights:
        return
    # The rank from its definition, person by person: those below, and half of those level.
    below = (rank_by[None, :] < rank_by[:, None]) + 0.5 * (rank_by[None, :] == rank_by[:, None])
    rank = below @ weights / weights.sum()
    covariance = np.cov(values, rank, ddof=0, fweights=weights.astype(int))[0, 1]
    found = concentration_index(values, rank_by, weights)
    assert same(found, 2 * covariance / np.average(values, weights=weights))
    assert -1 < found < 1
    assert abs(found) <= gini(values, weights) + 1e-12


def test_concentration_by_hand():
    # One of four has all: twice (rank - 1/2).
    assert concentration_index([0, 0, 0, 8], [1, 2, 3, 4]) == pytest.approx(0.75)
    assert concentration_index([8, 0, 0, 0], [1, 2, 3, 4]) == pytest.approx(-0.75)
    assert concentration_index([8, 0, 0, 0], [1, 1, 1, 1]) == 0
    assert math.isnan(concentration_index([0, 0], [1, 2]))


@pytest.mark.parametrize(("name", "smallest_error"), [("concentration", 0.004), ("erreygers", 0.008)])
def test_no_gradient_on_average_where_there_is_none(name, smallest_error):
    rng = np.random.default_rng(21)
    found = [RANKED[name](1000 * rng.random(5000), rng.random(5000)) for _ in range(64)]
    scores_are_small(found, 0, smallest_error)


# Erreygers ---------------------------------------------------------------------------------------------------------


@given(rows, st.floats(-50, 0), st.floats(1000, 2000))
@example([(1000.0, 1, 1), (0.0, 0, 1)], 0.0, 1000.0)
def test_erreygers_tells_success_and_failure_alike(table, lower, upper):
    values, rank_by, weights = columns(table)
    found = erreygers_index(values, rank_by, lower, upper, weights)
    mirrored = erreygers_index(lower + upper - values, rank_by, lower, upper, weights)
    assert same(mirrored, -found)
    assert abs(found) <= 1 + 1e-12


@given(rows)
def test_erreygers_is_the_plain_index_scaled_by_the_mean(table):
    values, rank_by, weights = columns(table)
    if values @ weights:
        plain = concentration_index(values, rank_by, weights)
        expected = 4 * np.average(values, weights=weights) / 1000 * plain
        assert same(erreygers_index(values, rank_by, 0, 1000, weights), expected)


def test_erreygers_by_hand():
    # The richer half has everything, the poorer half nothing: as unequal as a bounded thing can be.
    assert erreygers_index([0, 0, 1, 1], [1, 2, 3, 4], 0, 1) == pytest.approx(1)
    assert erreygers_index([0, 0, 0, 0], [1, 2, 3, 4], 0, 1) == 0
    # Values may be negative (utilities): moving values and bounds together changes nothing.
    assert erreygers_index([-1, -1, 0, 0], [1, 2, 3, 4], -1, 0) == pytest.approx(1)


# Slope and relative index --------------------------------------------------------------------------------------------


@given(st.floats(-5, 5), st.floats(-5, 5), rows)
def test_slope_of_exactly_linear_values(start, slope, table):
    _, rank_by, weights = columns(table)
    rank = fractional_rank(rank_by, weights)
    found = slope_index(start + slope * rank, rank_by, weights)
    if np.ptp(rank[weights > 0]):
        assert found == pytest.approx(slope, abs=1e-10)
        linear = relative_index(6 + slope * rank, rank_by, weights, model="linear")
        assert linear == pytest.approx((6 + slope) / 6)
    else:
        assert math.isnan(found)


@given(st.floats(-12, 12), rows)
@example(-12.0, [(0.0, 0, 1), (0.0, 1, 4), (0.0, 7, 1)])
def test_relative_index_of_exactly_exponential_values(slope, table):
    _, rank_by, weights = columns(table)
    rank = fractional_rank(rank_by, weights)
    found = relative_index(0.02 * np.exp(slope * rank), rank_by, weights)
    if np.ptp(rank[weights > 0]):
        assert found == pytest.approx(math.exp(slope), rel=1e-8)
    else:
        assert math.isnan(found)


@pytest.mark.parametrize("model", ["log", "linear"])
def test_relative_index_of_a_constant_is_1(model):
    assert relative_index([0.3] * 5, [4, 1, 2, 2, 9], [1, 2, 3, 4, 5], model) == pytest.approx(1, abs=1e-12)


def test_slope_by_hand():
    # Ranks 1/4 and 3/4: the line rises 2 over half of the ranks, from 0 at rank 0 to 4 at rank 1.
    assert slope_index([1, 3], [10, 20]) == pytest.approx(4)
    assert math.isnan(relative_index([1, 3], [10, 20], model="linear"))
    # 2 people at rank 1/3 with 1 each, 1 at rank 5/6 with 3.
    assert slope_index([1, 3], [10, 20], [2, 1]) == pytest.approx(4)
    assert relative_index([1, 3], [10, 20]) == pytest.approx(9)


def test_relative_index_maximises_the_poisson_likelihood_with_zeros():
    rng = np.random.default_rng(22)
    rank_by, weights = rng.integers(0, 40, 300), rng.integers(0, 5, 300)
    rank = fractional_rank(rank_by, weights)
    events = rng.poisson(0.4 * np.exp(1.1 * rank)).astype(float)
    assert np.count_nonzero(events == 0) > 50

    def minus_likelihood(line):
        mean = np.exp(line[0] + line[1] * rank)
        residual = weights * (mean - events)
        return weights @ (mean - events * np.log(mean)), np.array([residual.sum(), residual @ rank])

    best = minimize(minus_likelihood, [0.0, 0.0], jac=True, method="BFGS", options={"gtol": 1e-8})
    assert relative_index(events, rank_by, weights) == pytest.approx(math.exp(best.x[1]), rel=1e-6)


def test_relative_index_finds_the_gradient_that_events_were_drawn_with():
    rng = np.random.default_rng(23)
    rank = fractional_rank(np.arange(5000))
    found = [math.log(relative_index(rng.poisson(2 * np.exp(0.7 * rank)), rank)) for _ in range(64)]
    scores_are_small(found, 0.7, smallest_error=0.04)


def test_relative_index_where_no_gradient_is_steep_enough():
    assert relative_index([0, 0, 1], [1, 2, 3]) == math.inf
    assert relative_index([1, 0, 0], [1, 2, 3]) == 0
    assert relative_index([0, 0, 1, 5], [1, 2, 3, 4], [1, 1, 1, 0]) == math.inf


@pytest.mark.parametrize("rare", [0.1, 1e-6, 1e-12])
def test_relative_index_of_a_steep_gradient(rare):
    # 10 ranks, `rare` events at the last but one for 1 at the last: with x = exp(-b / 10), the mean distance from the
    # last rank is x / (1 - x) under the model (but for x^10) and rare / (1 + rare) in the data.
    values = np.r_[np.zeros(8), rare, 1.0]
    x = rare / (1 + 2 * rare)
    assert math.log(relative_index(values, np.arange(10))) == pytest.approx(-10 * math.log(x), rel=1e-8)


def test_relative_index_of_a_few_among_very_many():
    # Two ranks half a unit apart: the curve passes both, a ratio of 1e9 over half the ranks. Plain steps overshoot
    # and come back for ever.
    assert relative_index([1, 1e9], [1, 2], [1e9, 1]) == pytest.approx(1e18, rel=1e-6)
    assert relative_index([1e9, 1], [1, 2], [1, 1e9]) == pytest.approx(1e-18, rel=1e-6)


def test_a_ratio_too_large_for_a_float_is_infinite_without_a_warning():
    values = np.r_[np.zeros(998), 1e-6, 1.0]
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert relative_index(values, np.arange(1000)) == math.inf
        assert relative_index(values, -np.arange(1000)) == 0


@pytest.mark.parametrize("model", ["log", "linear"])
def test_relative_index_of_nothing_or_of_ties_is_nan(model):
    assert math.isnan(relative_index([0, 0], [1, 2], model=model))
    assert math.isnan(relative_index([1, 2], [5, 5], model=model))
    assert math.isnan(relative_index([1, 2], [5, 6], [1, 0], model))


# Extreme tenths ------------------------------------------------------------------------------------------------------


def test_extreme_tenths_by_hand():
    assert extreme_tenths_ratio(np.arange(1, 11), np.arange(10)) == 10
    assert extreme_tenths_ratio(np.arange(1, 21), -np.arange(20)) == pytest.approx(1.5 / 19.5)
    # 15 people: a tenth is one and a half. Lowest (1 + 2/2) / 1.5, highest (15 + 14/2) / 1.5.
    assert extreme_tenths_ratio(np.arange(1, 16), np.arange(15)) == pytest.approx(22 / 2)
    # Weights: the lowest tenth is all within a place of 30 people out of 100; the highest takes 4 and 6 of 66.
    assert extreme_tenths_ratio([2, 8, 3], [1, 3, 2], [30, 4, 66]) == pytest.approx((0.4 * 8 + 0.6 * 3) / 2)
    # Fewer rows than tenths.
    assert extreme_tenths_ratio([4, 6], [1, 2]) == pytest.approx(1.5)
    assert extreme_tenths_ratio([4], [1]) == pytest.approx(1)


def test_extreme_tenths_share_a_tie_at_the_cut_alike():
    # Five of ten tied lowest: their mean, in whatever order they are written.
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 12])
    rank_by = np.array([0, 0, 0, 0, 0, 1, 2, 3, 4, 5])
    assert extreme_tenths_ratio(values, rank_by) == pytest.approx(12 / 3)


def test_extreme_tenths_with_an_empty_end():
    # Weights of 0.1 do not sum to a cut exactly; what rounding leaves is not a person.
    values = np.r_[np.zeros(3), np.ones(27)]
    assert extreme_tenths_ratio(values, np.arange(30), np.full(30, 0.1)) == math.inf
    assert extreme_tenths_ratio(values, -np.arange(30), np.full(30, 0.1)) == 0
    assert math.isnan(extreme_tenths_ratio([0, 0], [1, 2]))


# What is refused -----------------------------------------------------------------------------------------------------


@every_measure
@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([], None, r"values .*values\.shape=\(0,\)"),
        ([[1.0, 2.0]], None, r"values .*values\.shape=\(1, 2\)"),
        ([1.0, math.nan, 3.0], None, r"values .*NaN.*values\.shape=\(3,\)"),
        ([1.0, math.inf, 3.0], None, r"values .*finite.*values\.shape=\(3,\)"),
        ([1.0, 2.0, 3.0], [1.0, 1.0], r"weights .*weights\.shape=\(2,\) and values\.shape=\(3,\)"),
        ([1.0, 2.0, 3.0], [1.0, -1.0, 1.0], r"weights .*>= 0.*weights\.shape=\(3,\)"),
        ([1.0, 2.0, 3.0], [1.0, math.nan, 1.0], r"weights .*NaN.*weights\.shape=\(3,\)"),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], r"weights .*all be 0.*weights\.shape=\(3,\)"),
    ],
)
def test_values_and_weights_that_cannot_be_used(measure, values, weights, message):
    with pytest.raises(ValueError, match=message):
        measure(values, [1.0, 2.0, 3.0], weights)


@ranked_measure
@pytest.mark.parametrize(
    ("rank_by", "message"),
    [
        ([1.0, 2.0], r"rank_by .*rank_by\.shape=\(2,\) and values\.shape=\(3,\)"),
        ([1.0, math.nan, 2.0], r"rank_by .*NaN.*rank_by\.shape=\(3,\)"),
    ],
)
def test_ranks_that_cannot_be_used(measure, rank_by, message):
    with pytest.raises(ValueError, match=message):
        measure([1.0, 2.0, 3.0], rank_by)


@every_measure
def test_negative_values_only_where_they_mean_something(measure):
    if measure is slope_index:
        assert measure([-1.0, 1.0], [1, 2]) == pytest.approx(4)
    else:
        with pytest.raises(ValueError, match=r"values must .*values\.shape=\(2,\)"):
            measure([-1.0, 1.0], [1, 2])


def test_other_arguments_that_cannot_be_used():
    with pytest.raises(ValueError, match="upper=0"):
        erreygers_index([0, 1], [1, 2], 1, 0)
    with pytest.raises(ValueError, match="upper=nan"):
        erreygers_index([0, 1], [1, 2], 0, math.nan)
    with pytest.raises(ValueError, match="1 outside"):
        erreygers_index([0, 1.1], [1, 2], 0, 1)
    with pytest.raises(ValueError, match="model='square'"):
        relative_index([0, 1], [1, 2], model="square")
    with pytest.raises(ValueError, match=r"weights .* rank_by\.shape=\(2,\)"):
        fractional_rank([1, 2], [1])
