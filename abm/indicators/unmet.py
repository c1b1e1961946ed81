"""Who goes without care?

Owns the shares of people with a need that nobody met, over twelve months. Failed tries to book are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import Block, Events, Ints, Run, ratio
from abm.indicators.delays import has_failed_try
from abm.state import NEVER, Outcome

WITHIN_DAYS = 90
FROM_AGE_YEARS = 16
MONTHS = 12
LEAST_SPAN_DAYS = 360


def forgone_care(run: Run, kinds: Collection[str]) -> Iterator[Block]:
    """Yield the share of people of 16 and over who did without care for at least one need in twelve months.

    A need is forgone when its request ended without any acceptable offer, or still has none, *and* the person had no
    visit for the same kind of need within 90 days of asking, one booked ahead included. The emergency department is a
    provider: a request diverted there is not forgone. Appointments missed or withdrawn are not counted: the person had
    an offer and let it go (`request_outcome_share` tells how many; `unmet_need_share` counts them). Requests that the
    run does not follow for 90 days are left out. The `all` period is the mean of the twelve-month spans of the
    horizon, each person-span alike; a calendar year that the horizon cuts short is given for the part.
    """
    return _shares_of_people(run, "forgone_care_share", forgone(run), kinds)


def unmet_needs(run: Run, kinds: Collection[str]) -> Iterator[Block]:
    """Yield the share of people with any need met by no provider within 90 days, whatever the reason.

    Wider than `forgone_care_share`: appointments missed, withdrawn or more than 90 days away count too.
    """
    return _shares_of_people(run, "unmet_need_share", unmet(run), kinds)


def failed_bookings(run: Run, kinds: Collection[str]) -> Iterator[Block]:
    """Yield the share of people who tried in vain to book at least once in twelve months, whatever came of it."""
    requests = run.requests
    return _shares_of_people(run, "failed_booking_share", requests.where(has_failed_try(requests)), kinds)


def forgone(run: Run) -> Events:
    """Return the requests that count as forgone care."""
    requests = run.requests
    without_offer = (requests.outcome == Outcome.OPEN) & (requests.appointment_on == NEVER)
    return _not_met(run, requests.where((requests.outcome == Outcome.FORGONE) | without_offer))


def unmet(run: Run) -> Events:
    """Return the requests met by no provider within 90 days."""
    requests = run.requests
    is_soon = requests.closed_on - requests.asked_on <= WITHIN_DAYS  # their own visit: spares them the search below
    met = ((requests.outcome == Outcome.SERVED) & is_soon) | (requests.outcome == Outcome.DIVERTED)
    return _not_met(run, requests.where(~met))


def _not_met(run: Run, requests: Events) -> Events:
    """Leave out requests of people who had a visit of the same kind soon after, and those not followed long enough."""
    followed = requests.where(requests.asked_on + WITHIN_DAYS <= run.lived)
    waited = days_to_next_visit(run, followed)
    return followed.where(waited > WITHIN_DAYS)


def days_to_next_visit(run: Run, requests: Events) -> Ints:
    """Return the days from asking to the person's next visit of the same kind, booked ahead or not, shape (r,)."""
    n_people, n_days = run.birth_day.size, run.setting.calendar.n_days
    node = requests.kind.astype(np.int64) * n_people + requests.patient
    is_asked = np.zeros(len(run.setting.kinds) * n_people, np.bool_)
    is_asked[node] = True
    kind, patient = run.column("kind"), run.column("patient")
    nodes = kind.astype(np.int32) * np.int32(n_people) + patient
    candidates = np.flatnonzero(is_asked[nodes] & (run.column("outcome") == Outcome.SERVED))
    visits = np.sort(nodes[candidates].astype(np.int64) * n_days + run.column("closed_on")[candidates])
    asked = node * n_days + requests.asked_on
    following = np.append(visits, np.iinfo(np.int64).max)[np.searchsorted(visits, asked)]
    return np.where(following // n_days == node, following - asked, n_days)


def twelve_month_spans(run: Run) -> list[tuple[int, int]]:
    """Return the whole spans of twelve months from the start of the horizon on; the horizon when it is shorter."""
    month = run.setting.calendar.month_index[run.first : run.end]
    if month.size == 0:
        return []
    starts = np.flatnonzero(np.diff((month - month[0]) // MONTHS, prepend=-1)) + run.first
    spans = list(zip(starts.tolist(), [*starts[1:].tolist(), run.end], strict=True))
    whole = [(first, end) for first, end in spans if end - first >= LEAST_SPAN_DAYS]
    return whole or spans


def _shares_of_people(run: Run, indicator: str, needs: Events, kinds: Collection[str]) -> Iterator[Block]:
    """Yield the share of adults with at least one of `needs`: mean of the twelve-month spans, then by calendar year."""
    spans = [twelve_month_spans(run), *([span] for span in run.years.spans)]

    @cache
    def affected(span: tuple[int, int]) -> NDArray[np.bool_]:
        first, end = span
        return _marked(run.birth_day.size, needs.patient[(needs.asked_on >= first) & (needs.asked_on < end)])

    for kind in kinds:
        counts = [[_adults_with(run, kind, span, affected) for span in period] for period in spans]
        labels = run.strata(kind).labels
        nobody = np.zeros((2, len(labels)), np.int64)
        with_need, adults = np.stack([sum(parts, nobody) for parts in counts], axis=2)
        yield Block(indicator, "share", kind, labels, ratio(with_need, adults), adults)


def _adults_with(
    run: Run, kind: str, span: tuple[int, int], affected: Callable[[tuple[int, int]], NDArray[np.bool_]]
) -> Ints:
    """Count adults with a need in a span, and adults, by stratum in the middle of the span, shape (2, strata)."""
    day = sum(span) // 2
    people = run.people_on(day, lambda age_years: age_years >= FROM_AGE_YEARS)
    labels, codes = run.people_strata(kind, people, day)
    has = affected(span)[people]
    return np.stack([np.bincount(codes[has], minlength=len(labels)), np.bincount(codes, minlength=len(labels))])


def _marked(size: int, rows: NDArray) -> NDArray[np.bool_]:
    marks = np.zeros(size, np.bool_)
    marks[rows] = True
    return marks
