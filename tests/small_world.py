"""Bounds for what luck may do in a test, beside worlds small enough to know by heart (`experiments.small_worlds`)."""

from __future__ import annotations

from functools import cache

from scipy.stats import binom

from abm.environment.territory import Territory, load_territory
from experiments.small_worlds import live, small_world

__all__ = ["ALARM", "assert_binomial", "assert_near", "live", "pack", "small_world"]

ALARM = 1e-7  # false-alarm rate of each single comparison; some tests make up to a hundred


@cache
def pack(name: str) -> Territory:
    return load_territory(name)


def assert_binomial(count: int, n: int, probability: float, about: str = "", alarm: float = ALARM) -> None:
    """Fail when so few or so many successes would come by luck less often than `alarm`."""
    low, high = binom.ppf(alarm / 2, n, probability), binom.isf(alarm / 2, n, probability)
    assert low <= count <= high, f"{about}: {count} of {n}, expected {n * probability:.1f} ({low:.0f} to {high:.0f})"


def assert_near(mean: float, expected: float, error: float, about: str = "") -> None:
    """Fail when a mean is further off than 5.4 standard errors (false alarm 7e-8 where it is normal)."""
    assert abs(mean - expected) <= 5.4 * error, f"{about}: {mean:.5g}, expected {expected:.5g} ± {5.4 * error:.2g}"
