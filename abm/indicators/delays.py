"""How long does care take to come, and how do requests end?

Owns lead times, time to care and the outcomes of requests. Delays are cohorts by the day on which care was asked for; a
request that was booked again keeps its first day of asking, and appears once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import (
    GP_NEED_KINDS,
    Block,
    Events,
    Ints,
    Run,
    Strata,
    of_need,
    ratio,
    tally_mean,
    tally_quantile,
    tally_share,
)
from abm.state import Kind, Outcome

QUANTILES = {"median": 0.5, "q3": 0.75, "p90": 0.9}
SHARE_BOUNDS_DAYS = (1, 2, 7)
LIMIT_DAYS_GP, LIMIT_DAYS_SPECIALIST = 30, 180


def lead_days(given: Events) -> NDArray[np.int32]:
    """Return days from asking to the appointment, shape (r,), >= 0."""
    return given.appointment_on - given.asked_on


def wished_part_days(given: Events) -> NDArray[np.int32]:
    """Return the part of each lead time that was wished, shape (r,); the rest is the excess.

    An urgent visit may come before the date first wished for: then all of its lead time counts as wished.
    """
    return np.minimum(given.wished_on, given.appointment_on) - given.asked_on


def lead_times(run: Run, strata: Strata, needs: Collection[str]) -> Iterator[Block]:
    """Yield the lead times of appointments given, in person or not, kept or not, by need.

    Quantiles are linear between neighbouring ranks of whole days. `lead_time_mean_over_median` has no value where the
    median is 0.
    """
    is_gp_only = all(kind in GP_NEED_KINDS for need in needs for kind in run.needs[need])
    name = "given_gp" if is_gp_only else "given"
    given: Events = getattr(run, name)
    lead = lead_days(given)
    days = np.arange(int(lead.max(initial=0)) + 1)
    cells = run.cells(name, strata)
    tally = cells.tally(lead, days.size)
    wished = cells.total(wished_part_days(given))
    for need in needs:
        yield from _lead_times_of(need, strata, of_need(tally, run.needs[need]), days, of_need(wished, run.needs[need]))


def _lead_times_of(need: str, strata: Strata, tally: Ints, days: NDArray, wished: NDArray) -> Iterator[Block]:
    """Yield the lead times of one need from its tally, shape (strata, periods, days)."""
    n = tally.sum(axis=-1)

    def block(name: str, unit: str, value: NDArray) -> Block:
        return Block(f"lead_time_{name}.{need}", unit, strata.kind, strata.labels, value, n)

    mean = tally_mean(tally, days)
    quantiles = {name: tally_quantile(tally, days, level) for name, level in QUANTILES.items()}
    yield block("mean_days", "days", mean)
    for name, value in quantiles.items():
        yield block(f"{name}_days", "days", value)
    for bound in SHARE_BOUNDS_DAYS:
        yield block(f"share_{bound}_days", "share", tally_share(tally, days, bound))
    yield block("mean_over_median", "ratio", ratio(mean, np.nan_to_num(quantiles["median"])))
    yield block("wished_mean_days", "days", ratio(wished, n))
    yield block("excess_mean_days", "days", ratio(tally @ days - wished, n))


def times_to_care(run: Run, strata: Strata, needs: Collection[str]) -> Iterator[Block]:
    """Yield the restricted mean time from asking to a visit held: everybody is followed for the same number of days.

    A request served after d days counts min(d, limit), one that was not served counts the limit (30 days in general
    practice, 180 with specialists): turning people away cannot shorten it. Requests asked so late that the run ends
    before their limit are left out; with 180 days of follow-up after the horizon there are none.
    """
    days, is_followed = days_to_care(run)
    cells = run.cells("requests", strata)
    number, total = cells.count(is_followed), cells.total(days)
    for need in needs:
        n = of_need(number, run.needs[need])
        value = ratio(of_need(total, run.needs[need]), n)
        yield Block(f"time_to_care_days.{need}", "days", strata.kind, strata.labels, value, n)


def days_to_care(run: Run) -> tuple[NDArray[np.int32], NDArray[np.bool_] | None]:
    """Return each request's days to care, at most the limit of its need, and which requests are followed that long.

    The second is None when all of them are; those that are not count 0 days.
    """
    requests = run.requests
    limits = np.full(len(run.setting.kinds), LIMIT_DAYS_SPECIALIST, np.int32)
    limits[: Kind.EMERGENCY] = LIMIT_DAYS_GP
    days = limits.take(requests.kind)
    is_followed = requests.asked_on + days <= run.lived
    waited = requests.closed_on - requests.asked_on
    np.minimum(days, waited, out=days, where=requests.outcome == Outcome.SERVED)
    return (days, None) if is_followed.all() else (days * is_followed, is_followed)


def request_outcomes(run: Run, strata: Strata, needs: Collection[str]) -> Iterator[Block]:
    """Yield how requests ended, as shares that sum to 1, and the share without an offer at the first try.

    `unserved_at_first_try` overlaps with the others: requests whose first try found nothing acceptable, or whose first
    appointment was cancelled and asked for anew.
    """
    requests = run.requests
    cells = run.cells("requests", strata)
    counts = {outcome.name.lower(): cells.count(requests.outcome == outcome) for outcome in Outcome}
    number = sum(counts.values())
    counts["unserved_at_first_try"] = cells.count(has_failed_try(requests))
    for need in needs:
        n = of_need(np.asarray(number), run.needs[need])
        for name, count in counts.items():
            value = ratio(of_need(count, run.needs[need]), n)
            yield Block(f"request_outcome_share.{need}.{name}", "share", strata.kind, strata.labels, value, n)


def has_failed_try(requests: Events) -> NDArray[np.bool_]:
    """Tell which requests were tried in vain at least once, whatever came of them later."""
    in_vain = (requests.outcome == Outcome.FORGONE) | (requests.outcome == Outcome.DIVERTED)
    return in_vain | (requests.failures > 0)
