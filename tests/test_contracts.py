"""Contracts: by hand, and what they pay by chance alone."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.contracts import IpepContract, MarginContract, ipep_paid_eur, margin_paid_eur, quality_score

IPEP = IpepContract(0.5, 1 / 3, 2 / 3)


def test_margin_by_hand():
    """Base margin 2 % of the norm; then 7 % and 1 %: 5 % of 1,000 improvement pays half, a fall pays nothing."""
    contract = MarginContract(0.5, base_years=2)
    paid = margin_paid_eur(contract, [1000, 1000], [930, 990], [500, 500], [495, 485])
    assert paid == pytest.approx([25.0, 0.0])
    gated = MarginContract(0.5, minimum_savings_share=0.06, base_years=2)
    assert margin_paid_eur(gated, [1000], [930], [500, 500], [495, 485]) == pytest.approx([0.0])


def test_ipep_by_hand():
    """Level gain 30, trend gain (1000 - 980) - (970 - 960) = 10: 100 patients * 0.5 * (10 + 20/3)."""
    assert ipep_paid_eur(IPEP, 100, 1000, 970, 980, 960) == pytest.approx(100 * 0.5 * (10 + 20 / 3))
    assert ipep_paid_eur(IPEP, 100, 1000, 1030, 980, 960) == 0.0
    assert ipep_paid_eur(IPEP, 100, 1000, 970, 980, 960, quality_score=50) == pytest.approx(50 * 0.5 * (10 + 20 / 3))


def test_ipep_pays_by_chance_alone():
    """With no effect a year's mean spend has standard error sd / sqrt(n): E max(0, N(0, s)) = s / sqrt(2 pi).

    The level term alone has that expectation; the trend term sqrt(2) of it, as two years differ. 40,000 groups: the
    standard error of the mean is 0.4 %.
    """
    rng, sd, n = np.random.default_rng(3), 7000.0, 20_000
    before, now = rng.normal(2696, sd / np.sqrt(n), (2, 40_000))
    paid = ipep_paid_eur(IPEP, n, 2696.0, now, 2696.0, before) / n
    standard_error = sd / np.sqrt(n)
    expected = 0.5 * standard_error / np.sqrt(2 * np.pi) * (1 / 3 + 2 / 3 * np.sqrt(2))
    assert paid.mean() == pytest.approx(expected, rel=0.025)
    assert expected > 5.0, "several euros a patient, for nothing"


def test_quality_score():
    assert quality_score([0.5, 0.7, 0.9], [0.5] * 3, [0.9] * 3) == pytest.approx(50.0)
    assert quality_score([1.0], [0.5], [0.9], experience_points=20) == 120.0
    with pytest.raises(ValueError, match="above its intermediate"):
        quality_score([1.0], [0.5], [0.5])


@pytest.mark.parametrize(
    "make",
    [lambda: MarginContract(1.2), lambda: IpepContract(0.5, 0.5, 0.6), lambda: MarginContract(0.5, base_years=0)],
)
def test_refusals(make):
    with pytest.raises(ValueError):
        make()
