"""The model's own booking code against the exact Markov chain of a slotted practice.

Each case: 12 replications; |z| < 4.4 on 11 degrees of freedom fails by chance about once in 1,000; as seeds are fixed,
a failure means that the code has changed. The smallest error seen is about 4.4 standard errors, printed by `verify`.
"""

import math

import numpy as np
import pytest

from experiments.closed_forms import PRACTICES
from experiments.slotted_practice import Practice, transient
from experiments.verify import practice

QUANTITIES = ("mean_wait_days", "emergency_share", "utilisation")


def z_scores(found, expected):
    """Return the z-score of each quantity; where the simulation never varied, its distance in units of 1e-3."""
    scores = {}
    for name in QUANTITIES:
        error = max(found[name]["se"] or 0.0, 1e-3 * max(abs(getattr(expected, name)), 1e-3))
        scores[name] = (found[name]["mean"] - getattr(expected, name)) / error
    return scores


@pytest.mark.parametrize("case", PRACTICES.values(), ids=PRACTICES.keys())
def test_against_the_exact_chain(case):
    found = practice(**case, days=1200, warm_up=200, replications=12, seed=0)
    expected = transient(Practice(case["patients"], case["daily_need"], case["slots"], case.get("horizon")), 200, 1200)
    assert all(abs(z) < 4.4 for z in z_scores(found, expected).values()), (z_scores(found, expected), found, expected)


def test_little_law_holds_in_the_simulation():
    """Booked on average = given a day x days in the book, over 2,000 days: the ends weigh less than 1 %."""
    found = practice(120, 5, 0.045, days=2000, warm_up=300, replications=4, seed=2)
    expected = transient(Practice(120, 0.045, 5, None), 300, 2000)
    given_per_day = found["given"] / 4 / 2000
    # A booking of lead time w stands in the book on w mornings after the day it was given.
    assert math.isclose(given_per_day * found["mean_wait_days"]["mean"], expected.booked_mean, rel_tol=0.05)


def test_doctors_share_patients_like_separate_practices():
    """Four doctors with a quarter of the patients each are four practices: same mean wait within 4 standard errors."""
    one = practice(300, 12, 0.05, horizon=6, days=800, warm_up=100, replications=16, seed=5)
    four = practice(1200, 12, 0.05, doctors=4, horizon=6, days=800, warm_up=100, replications=8, seed=6)
    for name in QUANTITIES:
        error = math.hypot(one[name]["se"], four[name]["se"])
        assert abs(one[name]["mean"] - four[name]["mean"]) < 4 * error + 1e-4


def test_closed_days_lengthen_waits_and_leave_no_slot_on_them():
    week = practice(200, 12, 0.03, working_days=7, days=700, warm_up=70, replications=4, seed=1)
    five = practice(200, 12, 0.03, working_days=5, days=700, warm_up=70, replications=4, seed=1)
    assert five["mean_wait_days"]["mean"] > week["mean_wait_days"]["mean"] + 0.3
    assert five["utilisation"]["mean"] == pytest.approx(week["utilisation"]["mean"] * 7 / 5, rel=0.05)


def test_same_seed_same_numbers_and_seed_zero_is_a_seed():
    runs = [practice(100, 4, 0.04, days=200, seed=seed) for seed in (0, 0, 1)]
    assert runs[0]["mean_wait_days"] == runs[1]["mean_wait_days"]
    assert runs[0]["needs"] != runs[2]["needs"] or runs[0]["mean_wait_days"] != runs[2]["mean_wait_days"]


def test_needs_have_the_exact_daily_probability():
    """With slots for all, a patient is idle except on the day of his need: needs a day are Binomial(N, P).

    n = 400 patients x 3,000 days, P = 0.2: standard error of the mean 0.00037; 1 - exp(-0.2) would be 0.181.
    """
    found = practice(400, 400, 0.2, days=3000, replications=1, seed=9)
    assert abs(found["needs"] / (400 * 3000) - 0.2) < 5 * np.sqrt(0.2 * 0.8 / (400 * 3000))
    assert found["mean_wait_days"]["mean"] == 0.0
