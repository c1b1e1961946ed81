"""Economics against published worked tables and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.closed_forms import COLON, HIV_COST, HIV_ICER, HIV_QALM
from experiments.economics import (
    DOMINATED,
    EXTENDEDLY_DOMINATED,
    ON_FRONTIER,
    acceptability_curve,
    discount,
    icer_is_shown,
    icer_table,
    net_monetary_benefit,
)


def test_the_published_table_of_hiv_screening():
    table = icer_table(HIV_COST, {name: months / 12 for name, months in HIV_QALM.items()}).set_index("strategy")
    assert table.status["annual"] == DOMINATED
    assert (table.status.drop("annual") == ON_FRONTIER).all()
    for name, expected in HIV_ICER.items():
        assert table.icer_eur[name] == pytest.approx(expected, abs=0.01)
    assert np.isnan(table.icer_eur["status quo"]) and np.isnan(table.icer_eur["annual"])


def test_the_published_table_of_colorectal_screening():
    """The table rounds life years to whole ones: ratios agree to 0.2 %."""
    table = icer_table({n: row[0] for n, row in COLON.items()}, {n: row[1] for n, row in COLON.items()})
    assert (table.status == ON_FRONTIER).all()
    for name, (_, _, ratio) in list(COLON.items())[1:]:
        assert table.set_index("strategy").icer_eur[name] == pytest.approx(ratio, rel=2e-3)


def test_a_strategy_that_a_mix_beats_is_extendedly_dominated():
    cost, effect = {"a": 0, "b": 60, "c": 100, "d": 250}, {"a": 0, "b": 1, "c": 4, "d": 3}
    table = icer_table(cost, effect).set_index("strategy")
    assert list(table.status) == [ON_FRONTIER, EXTENDEDLY_DOMINATED, ON_FRONTIER, DOMINATED]
    assert table.icer_eur["c"] == 25


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=12))
def test_the_frontier_is_who_is_best_at_some_threshold(points):
    """Whoever is strictly best at some willingness to pay is on the frontier, and ratios on it rise."""
    table = icer_table({str(i): c for i, (c, _) in enumerate(points)}, {str(i): e for i, (_, e) in enumerate(points)})
    frontier = table[table.status == ON_FRONTIER]
    assert (np.diff(frontier.icer_eur.dropna()) > 0).all()
    for threshold in [0.0, *(frontier.icer_eur.dropna() * 1.0001)]:
        worth = net_monetary_benefit(table.cost_eur, table.effect, threshold)
        assert worth[frontier.index].max() == worth.max()


def test_discounting():
    assert discount([100, 100], [0, 2], 0.025) == pytest.approx([100, 100 / 1.025**2])
    annuity = discount(np.ones(10), np.arange(1, 11), 0.04).sum()
    assert annuity == pytest.approx((1 - 1.04**-10) / 0.04), "closed form of an annuity"
    with pytest.raises(ValueError, match="above -1"):
        discount(1, 1, -1.0)


def test_the_acceptability_curve_of_normal_differences():
    """Against its closed form, 40,000 draws: standard error 0.0025 at most, tolerance 5.4 of them."""
    rng = np.random.default_rng(5)
    cost, effect = rng.normal(1000, 400, 40_000), rng.normal(0.05, 0.03, 40_000)
    nothing = np.zeros(40_000)
    curve = acceptability_curve({"none": nothing, "new": cost}, {"none": nothing, "new": effect}, [0, 20_000, 50_000])
    for threshold, found in curve[curve.strategy == "new"][["threshold_eur", "probability"]].to_numpy():
        mean, spread = threshold * 0.05 - 1000, np.hypot(threshold * 0.03, 400)
        assert found == pytest.approx(norm.cdf(mean / spread), abs=5.4 * 0.0025)
    assert np.allclose(curve.groupby("threshold_eur").probability.sum(), 1.0)
    best = curve[curve.is_best_on_average].set_index("threshold_eur").strategy
    assert list(best) == ["none", "none", "new"]


def test_equal_strategies_share():
    curve = acceptability_curve({"a": [1.0, 1.0], "b": [1.0, 1.0]}, {"a": [0.0, 0.0], "b": [0.0, 0.0]}, [10.0])
    assert list(curve.probability) == [0.5, 0.5]


def test_a_ratio_is_shown_only_where_the_effect_is_seen():
    rng = np.random.default_rng(1)
    assert icer_is_shown(rng.normal(1.0, 0.1, 1000))
    assert icer_is_shown(rng.normal(-1.0, 0.1, 1000))
    assert not icer_is_shown(rng.normal(0.0, 0.1, 1000))


def test_refusals():
    with pytest.raises(ValueError, match="same strategies"):
        icer_table({"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match="finite"):
        icer_table({"a": np.nan}, {"a": 1})
    with pytest.raises(ValueError, match="0 or more"):
        acceptability_curve({"a": [1]}, {"a": [1]}, [-1])
