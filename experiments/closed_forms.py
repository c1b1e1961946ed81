"""What must come out? Closed forms and published worked examples that parts of the model are held against.

Owns formulas and published numbers only, each with its source, and nothing of the model: `territoire verify` and the
tests hold both beside each other. The exact chain of a practice is `experiments.slotted_practice`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = 0xFFFFFFFF

PHILOX_VECTORS = (
    ((0, 0, 0, 0), (0, 0), (0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48)),
    ((WORD,) * 4, (WORD,) * 2, (0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0x4DFCCABA, 0x190A87F0, 0xC47362BA, 0xB6B5242A),
    ),
)
"""Counter, key and words of Philox 4x32 with 7 rounds: known answers of Random123 (Salmon et al. 2011)."""

PRACTICES: dict[str, dict[str, Any]] = {
    "idle, horizon 5": {"patients": 200, "slots": 12, "daily_need": 0.04, "horizon": 5},
    "busy, horizon 5": {"patients": 300, "slots": 12, "daily_need": 0.05, "horizon": 5},
    "one slot, horizon 0": {"patients": 30, "slots": 1, "daily_need": 0.05, "horizon": 0},
    "no limit": {"patients": 120, "slots": 5, "daily_need": 0.045},
    "many patients": {"patients": 2000, "slots": 40, "daily_need": 0.021, "horizon": 14},
}
"""Practices that the exact chain solves."""

HIV_COST = {"status quo": 26000.0, "one time": 27000.0, "5 years": 28020.0, "3 years": 28440.0, "annual": 29440.0}
HIV_QALM = {"status quo": 277.25, "one time": 277.57, "5 years": 277.78, "3 years": 277.83, "annual": 277.76}
HIV_ICER = {"one time": 37_500.00, "5 years": 58_285.71, "3 years": 100_800.00}
"""Screening for HIV: Paltiel et al. 2006, Annals of Internal Medicine; quality-adjusted life months, as worked in the
vignette "Basic Cost Effectiveness Analysis" of the R package dampack."""

COLON: dict[str, tuple[float, float, float | None]] = {
    "none": (0, 0, None),
    "FOBT2": (140_117_791, 3_551, 39_459),
    "DCBE5": (248_112_291, 6_023, 43_687),
    "DCBE3": (304_301_903, 6_720, 80_616),
    "FOBT1+DCBE5": (370_181_240, 7_076, 185_054),
    "FOBT1+DCBE3": (422_777_702, 7_299, 235_859),
}
"""Colorectal screening in Australia: table 7 of doi:10.1186/1743-8462-2-10 (AUD, life years gained, ratio), the options
left after dominance. The table rounds life years to whole ones."""

GINI_QUANTILES: dict[str, tuple[Callable[[NDArray], NDArray], float, Callable[[int], float]]] = {
    "uniform": (lambda u: u, 1 / 3, lambda n: 1 / (3 * n**2)),  # exact
    "exponential": (lambda u: -np.log1p(-u), 1 / 2, lambda n: math.log(2) / (2 * n) * 0.5),  # e by Stirling
    # e = -zeta(1/3, 1/2) n^(-2/3), the Hurwitz zeta function; m = 3/2.
    "Pareto, 3": (lambda u: (1 - u) ** (-1 / 3), 1 / 5, lambda n: 0.2529968 * n ** (-2 / 3) * 0.8 / 1.5),
}
"""Quantile function, Gini of the distribution, and what the midpoints of n cells miss of it, to first order: the sums
over midpoints miss e of both the mean m and of G m, so that G is too low by e (1 - G) / m."""


def erlang_b(servers: int, offered: float) -> float:
    """Return the share of arrivals turned away by c servers without a queue, M/G/c/c (Erlang 1917).

    Parameters
    ----------
    servers : c, >= 0.
    offered : arrivals a day times mean days served, > 0.
    """
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = offered * blocked / (busy + offered * blocked)
    return blocked


def poisson_excess(mean: float, bound: float) -> float:
    """Return E[(N - m)+] of a Poisson number: mean P(N >= m) - m P(N >= m + 1)."""
    from scipy.stats import poisson

    return float(mean * poisson.sf(bound - 1, mean) - bound * poisson.sf(bound, mean))


def wait_m_d_c(servers: int, arrivals: float) -> float:
    """Return the mean wait in the queue M/D/c in units of the service time, for arrivals < servers.

    Notes
    -----
    After each service time the queue is (what it was + arrivals - c)+ (Crommelin 1932), a random walk held at 0, whose
    mean is the sum over k of E[(N(k) - c k)+] / k with N(k) Poisson of mean k * arrivals (Spitzer 1956). By Little's
    law the wait is that mean over the arrivals. A doctor with c slots a day, who gives the earliest of them to so many
    patients that their needs are Poisson, is this queue: lead times in whole days have its mean wait.
    """
    if not 0 < arrivals < servers:
        raise ValueError(f"arrivals: found {arrivals}, expected above 0 and below {servers}")
    total, k = 0.0, 0
    while True:
        k += 1
        term = poisson_excess(k * arrivals, k * servers) / k
        total += term
        if term < 1e-13 * total and k > 50:
            return total / arrivals


def delay_m_m_1_in_steps(arrivals: float, service: float) -> float:
    """Return the mean steps from arriving to being served, with Poisson arrivals and a slot in some steps.

    Parameters
    ----------
    arrivals : mean of the Poisson number that arrive in a step, above 0 and below `service`.
    service : probability that a step has a slot; it may serve somebody who arrives in that step.

    Notes
    -----
    The number b there after a step is (b + A - S)+; from the means of b and b squared, which a step leaves as they are,
    E[b] = a (a + 2 - 2 s) / (2 (s - a)), and the wait is that over a (Little). With steps of length h, a = lambda h
    and s = mu h, it tends to the time in the system of M/M/1, 1 / (mu - lambda), as h tends to 0; with mu = c times the
    rate of one server, that is the wait of those who wait in M/M/c.
    """
    return (arrivals + 2.0 - 2.0 * service) / (2.0 * (service - arrivals))


def competing_shares(rates: NDArray[np.float64], span: float) -> NDArray[np.float64]:
    """Return the probability that the first of several events with constant rates is each of them, within a span."""
    rates = np.asarray(rates, float)
    total = rates.sum()
    return -np.expm1(-total * span) * rates / total
