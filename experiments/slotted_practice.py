"""What must a practice with slots do? The exact Markov chain of one doctor who works every day.

N patients; each patient without an open appointment at the start of a day has a need with probability P; a need takes
the earliest free of C slots a day, from today to today + W inclusive (no W: no limit), else goes to the emergency
department and the patient is idle again the next day; today's appointments are then held, and those patients can have
a need again from the next day.

Bookings always fill the earliest slot and slots are given out contiguously from today, so the number b of patients
booked at the start of a day is the whole state: needs ~ Binomial(N - b, P), the booking made when b' are already
booked waits b' // C days, and the book holds C (W + 1) appointments. At the start of a day b <= min(N - C, C W), both
0 at least: what exceeds it was held the day before or refused.

Uses numpy and scipy only, nothing of the model under test, which the tests and `territoire verify` hold against it.
Several doctors with N patients each are independent copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Practice:
    """One doctor, open every day.

    Parameters
    ----------
    patients : N, >= 1.
    daily_need : P, probability a day for a patient without an open appointment, in [0, 1].
    slots : C, appointments a day, >= 1.
    horizon_days : W, last day that can be booked counted from today, >= 0; None for no limit.
    """

    patients: int
    daily_need: float
    slots: int
    horizon_days: int | None = None

    @property
    def book_capacity(self) -> int:
        """Most appointments the book can hold, today included."""
        limit = self.patients if self.horizon_days is None else self.slots * (self.horizon_days + 1)
        return min(self.patients, limit)

    @property
    def n_states(self) -> int:
        """Number of values that b can take at the start of a day: 0 ... n_states - 1."""
        return max(0, self.book_capacity - self.slots) + 1


@dataclass(frozen=True)
class Day:
    """Expected events of a day that starts in each state, arrays of shape (n_states,).

    `needs` raised, `given` appointments, `emergency` visits, `held` visits, `wait_days` summed over the appointments
    given, and `booked` at the start of the day.
    """

    needs: Floats
    given: Floats
    emergency: Floats
    held: Floats
    wait_days: Floats
    booked: Floats


@dataclass(frozen=True)
class Expected:
    """Ratios of expected totals: `mean_wait_days`, `emergency_share` of needs, `utilisation` (held / slots).

    A mean over replications of each run's own ratio differs from these by a bias of order 1 / (number of events).
    `booked_mean` is the expected number booked at the start of a day and `given_per_day` the appointments a day.
    """

    mean_wait_days: float
    emergency_share: float
    utilisation: float
    booked_mean: float
    given_per_day: float


def needs_distribution(practice: Practice) -> Floats:
    """Return p(n needs | b booked), shape (n_states, N + 1)."""
    booked = np.arange(practice.n_states)[:, None]
    return binom.pmf(np.arange(practice.patients + 1)[None, :], practice.patients - booked, practice.daily_need)


def accepted_bookings(practice: Practice) -> NDArray[np.int64]:
    """Return how many of n needs find a slot when b are booked, shape (n_states, N + 1)."""
    booked = np.arange(practice.n_states)[:, None]
    return np.minimum(np.arange(practice.patients + 1)[None, :], practice.book_capacity - booked)


def transition_matrix(practice: Practice) -> Floats:
    """Return p(b' booked tomorrow morning | b booked this morning), shape (n_states, n_states)."""
    states = practice.n_states
    booked = np.arange(states)[:, None]
    tomorrow = np.maximum(0, booked + accepted_bookings(practice) - practice.slots)
    matrix = np.zeros((states, states))
    np.add.at(matrix, (np.broadcast_to(booked, tomorrow.shape), tomorrow), needs_distribution(practice))
    return matrix


def expected_day(practice: Practice) -> Day:
    """Return the expected events of a day from each state."""
    probability, accepted = needs_distribution(practice), accepted_bookings(practice)
    booked = np.arange(practice.n_states)[:, None]
    needs = np.broadcast_to(np.arange(practice.patients + 1)[None, :], accepted.shape)
    # Total wait of the bookings numbered b ... b + accepted - 1, from the running sum of position // slots.
    until = np.concatenate([[0], np.cumsum(np.arange(practice.book_capacity) // practice.slots)])
    wait = until[booked + accepted] - until[booked]
    held = np.minimum(practice.slots, booked + accepted)

    def mean(values: NDArray[np.int64]) -> Floats:
        return (probability * values).sum(axis=1)

    return Day(
        mean(needs), mean(accepted), mean(needs - accepted), mean(held), mean(wait), booked[:, 0].astype(np.float64)
    )


def stationary_distribution(practice: Practice) -> Floats:
    """Return the long-run distribution of b, shape (n_states,): pi T = pi, sum pi = 1."""
    matrix = transition_matrix(practice)
    system = matrix.T - np.eye(practice.n_states)
    system[-1] = 1.0  # one balance equation is redundant: its row becomes the sum
    right = np.zeros(practice.n_states)
    right[-1] = 1.0
    solution = np.clip(np.linalg.solve(system, right), 0.0, None)
    return solution / solution.sum()


def window_distribution(practice: Practice, warm_up_days: int, days: int) -> Floats:
    """Return the distribution of b averaged over `days` days after `warm_up_days` from an empty book."""
    matrix = transition_matrix(practice)
    today = np.zeros(practice.n_states)
    today[0] = 1.0
    total = np.zeros(practice.n_states)
    for day in range(warm_up_days + days):
        if day >= warm_up_days:
            total += today
        today = today @ matrix
    return total / days


def stationary(practice: Practice) -> Expected:
    """Return the long-run expectations."""
    return _expected(practice, stationary_distribution(practice))


def transient(practice: Practice, warm_up_days: int, days: int) -> Expected:
    """Return the expectations over `days` days that follow `warm_up_days` days from an empty book, exactly.

    Parameters
    ----------
    warm_up_days : days not counted, >= 0.
    days : days counted, >= 1.
    """
    return _expected(practice, window_distribution(practice, warm_up_days, days))


def little_law_gap(practice: Practice) -> float:
    """Return mean number booked minus (appointments a day x mean time in the book), in the long run.

    An appointment with a lead time of L days is in the book on the L mornings after the day it was made, so the time
    in the book is the wait itself. 0 but for rounding: Little 1961, Operations Research 9, 383.
    """
    expected = stationary(practice)
    return expected.booked_mean - expected.given_per_day * expected.mean_wait_days


def ratio_and_standard_error(above: Floats, below: Floats) -> tuple[float, float]:
    """Estimate a ratio of expectations from totals of independent replications.

    Parameters
    ----------
    above, below : totals of each replication, shape (R,), R >= 2.

    Returns
    -------
    the ratio of the sums and its standard error over replications (delta method).
    """
    ratio = above.sum() / below.sum()
    return float(ratio), float((above - ratio * below).std(ddof=1) / (below.mean() * np.sqrt(below.size)))


def _expected(practice: Practice, distribution: Floats) -> Expected:
    day = expected_day(practice)
    needs, given = float(distribution @ day.needs), float(distribution @ day.given)
    return Expected(
        mean_wait_days=float(distribution @ day.wait_days) / given if given else 0.0,
        emergency_share=float(distribution @ day.emergency) / needs if needs else 0.0,
        utilisation=float(distribution @ day.held) / practice.slots,
        booked_mean=float(distribution @ day.booked),
        given_per_day=given,
    )
