"""Who will come to live here during a run?

Owns the synthesis of the people who arrive: how many a month in each commune, and who they are, by the same laws as
those who are there at the start. They are drawn before the run and wait in rows of their own (status EXPECTED), so
neither their number nor their traits can depend on a policy. Draws from ARRIVAL, and from the streams of synthesis at
addresses of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from abm.errors import InputError
from abm.population import ADULT_FROM_AGE_YEARS, DAYS_A_YEAR, draw_traits, income_bounds, wants_a_doctor
from abm.randomness import Stream, uniforms
from abm.state import NOBODY, PATIENT, Status

if TYPE_CHECKING:
    from abm.calendar import Calendar
    from abm.conditions import Condition
    from abm.environment.territory import Territory
    from abm.life_tables import Plan
    from abm.parameters import Parameters

FIRST_ADDRESS = 1 << 23  # addresses of arrivals: above all people of the start
LAST_ADDRESS = 1 << 24  # and below those of children (abm.agents.demography.FOUNDERS)
LEAST_PLACES, MOST_SHARE_A_MONTH = 16, 0.02  # addresses kept for a commune and month
STANDARD_DEVIATIONS_KEPT = 12
DAYS_A_MONTH = DAYS_A_YEAR / 12.0
AGE, SEX, DOCTOR = 1, 2, 3  # sub-addresses of the stream ARRIVAL; 0 is the number by commune and month


def last_days_of_months(calendar: Calendar, first_day: int, end: int) -> NDArray[np.int64]:
    """Return the last days of all calendar months that end from `first_day` to before `end`."""
    days = np.flatnonzero(np.diff(calendar.month_index))
    return days[(days >= first_day) & (days < end)]


def months_at_risk(calendar: Calendar, days: NDArray[np.int64], first_day: int) -> NDArray[np.float64]:
    """Return the length of the months that end on some days, counted from `first_day` on, twelfths of a year."""
    starts = np.searchsorted(calendar.month_index, calendar.month_index[days])
    return (days + 1 - np.maximum(starts, first_day)) / DAYS_A_MONTH


def synthesise_arrivals(
    territory: Territory,
    parameters: Parameters,
    conditions: tuple[Condition, ...],
    people: np.recarray,
    plan: Plan,
    calendar: Calendar,
    people_key: NDArray[np.uint64],
    key: NDArray[np.uint64],
    *,
    first_day: int,
    end: int,
) -> np.recarray:
    """Return the people who arrive from `first_day` to before `end`, rows PATIENT, by month and commune.

    Parameters
    ----------
    people : those of the start, rows PATIENT: fifths of income and lists of doctors are theirs.
    people_key, key : of the population's seed (who they are) and of the run's (how many come).

    Raises
    ------
    InputError
        More people or months than there are addresses for.

    Notes
    -----
    An address is made of month, commune and rank, with room for each commune by the pack alone: who comes elsewhere or
    at another time changes nobody.
    """
    places = np.ceil(territory.communes["population"].to_numpy(float) * MOST_SHARE_A_MONTH).astype(np.int64)
    places += LEAST_PLACES
    days = last_days_of_months(calendar, first_day, end)
    if not days.size:
        return np.zeros(0, PATIENT).view(np.recarray)
    means = plan.arrivals_per_month[:, None] * months_at_risk(calendar, days, first_day)[None, :]
    _check_room(people, places, means, days)
    counts = _poisson_counts(means, calendar.month_index[days], places, key)
    commune, month, rank = _expanded(counts)
    rows = np.zeros(commune.size, PATIENT).view(np.recarray)
    first_place = np.cumsum(places) - places
    arrives_on = days[month]
    person = FIRST_ADDRESS + calendar.month_index[arrives_on] * places.sum() + first_place[commune] + rank
    age = _ages(plan.rates.arrivals.sum(axis=1), uniforms(people_key, Stream.ARRIVAL, person, AGE))
    rows.person, rows.commune, rows.since, rows.status = person, commune, arrives_on, Status.EXPECTED
    rows.is_female = uniforms(people_key, Stream.ARRIVAL, person, SEX) < parameters["arrivals_female_share"]
    rows.birth_day = np.floor(arrives_on - age * DAYS_A_YEAR).astype(np.int64)
    bounds = income_bounds(territory, parameters, people, people_key) if people.size else np.zeros(4)
    draw_traits(rows, age, bounds, territory, parameters, conditions, people_key)
    _register(rows, people, parameters, people_key, first_day)
    return rows


def _check_room(people: np.recarray, places: NDArray, means: NDArray, days: NDArray) -> None:
    """Refuse a world whose people or months are more than the addresses kept for them."""
    if people.size and people.person.max() >= FIRST_ADDRESS:
        raise InputError(f"found {people.size} inhabitants, expected fewer than {FIRST_ADDRESS} where people move")
    most = (LAST_ADDRESS - FIRST_ADDRESS) // places.sum() - 2
    if days.size > most:
        raise InputError(f"found {days.size} months, expected at most {most} in a territory of this size: shorten it")
    if means.size and (means + STANDARD_DEVIATIONS_KEPT * np.sqrt(means) > places[:, None]).any():
        raise InputError("more than 2 % of a commune's people would arrive in a month: see 'migration_level'")


def _poisson_counts(means: NDArray, months: NDArray, most: NDArray, key: NDArray) -> NDArray[np.int64]:
    """Return how many arrive by commune and month, shape (communes, months), one draw each by inversion."""
    communes = np.arange(len(means), dtype=np.int64)
    draws = np.stack([uniforms(key, Stream.ARRIVAL, communes, 0, int(month)) for month in months], axis=1)
    counts = np.zeros(means.shape, np.int64)
    for commune, month in np.argwhere(means > 0.0):
        up_to = pdtr(np.arange(most[commune]), means[commune, month])
        counts[commune, month] = np.searchsorted(up_to, draws[commune, month], side="right")
    return counts


def _expanded(counts: NDArray[np.int64]) -> tuple[NDArray, NDArray, NDArray]:
    """Return commune, place of the month and rank of each arrival, month by month, each of shape (arrivals,)."""
    by_month = counts.T.ravel()
    cell = np.repeat(np.arange(by_month.size), by_month)
    rank = np.arange(cell.size) - np.repeat(np.cumsum(by_month) - by_month, by_month)
    month, commune = np.divmod(cell, max(len(counts), 1))
    return commune, month, rank


def _ages(shares: NDArray[np.float64], luck: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exact ages from shares of completed years, shape (ages,), and draws in [0, 1): even within a year."""
    up_to = np.cumsum(shares)
    up_to /= up_to[-1]
    whole = np.searchsorted(up_to, luck, side="right")
    below = np.concatenate([[0.0], up_to])[whole]
    return whole + (luck - below) / (up_to[whole] - below)


def _register(
    rows: np.recarray, people: np.recarray, parameters: Parameters, key: NDArray[np.uint64], first_day: int
) -> None:
    """Give those who arrive a registered doctor: as many as among the residents, with the doctors of their neighbours.

    Notes
    -----
    The doctor is drawn from the lists of the commune's people at the start, so that a list keeps its share.
    """
    adult = (first_day - people.birth_day) / DAYS_A_YEAR >= ADULT_FROM_AGE_YEARS
    share_ald = float(people.has_ald[adult].mean()) if adult.any() else 0.0
    wants = wants_a_doctor(rows, parameters, key, rows.since.astype(np.int64), share_ald)
    listed = np.flatnonzero(people.registered_gp != NOBODY)
    listed = listed[np.lexsort((people.person[listed], people.registered_gp[listed], people.commune[listed]))]
    communes = people.commune[listed]
    first, last = (np.searchsorted(communes, rows.commune, side=side) for side in ("left", "right"))
    luck = uniforms(key, Stream.ARRIVAL, rows.person.astype(np.int64), DOCTOR)
    chosen = first + (luck * (last - first)).astype(np.int64)
    has_neighbours = wants & (last > first)
    rows.registered_gp[has_neighbours] = people.registered_gp[listed[chosen[has_neighbours]]]
