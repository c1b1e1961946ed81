"""How much hospital do residents use, how full are the beds, and who is sent on?

Owns admissions, the share of emergency visits that end in one, occupancy and transfers. Stays are dated by admission.
Rates are of residents; occupancy is of the beds, whoever lies in them. A model without hospitals has none of these.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import Block, Floats, Run, Strata, ratio, with_whole
from abm.indicators.practices import over_all, spans_of
from abm.indicators.stays import residents_stays
from abm.indicators.use import per_head
from abm.population import DAYS_A_YEAR
from abm.state import NOBODY, Ward

PER_PEOPLE = 1000
READMITTED_WITHIN_DAYS = 30


def admissions(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield residents' admissions per 1,000 people and year: with a night, avoidable ones, and day cases.

    A patient sent on to another hospital is admitted once. Avoidable: for a cause that good care outside hospital can
    often spare, as the files of conditions say; definitions differ by a factor of two.
    """
    if not run.records.causes.size:
        return
    stays, causes = run.kept(residents_stays), run.records.causes
    is_avoidable = causes.is_avoidable[stays.cause] == 1
    rates = {
        "admissions_per_1000": stays.is_overnight,
        "avoidable_admissions_per_1000": stays.is_overnight & is_avoidable,
        "day_cases_per_1000": ~stays.is_overnight,
    }
    for name, which in rates.items():
        yield per_head(run, name, "stays/1,000 people/year", strata, PER_PEOPLE * stays.count(strata, which))


def emergency_admissions(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield the share of residents' visits to emergency departments that ended in a stay, wherever it was."""
    if not run.records.causes.size:
        return
    stays = run.kept(residents_stays)
    admitted = stays.count(strata, stays.by_emergency == 1)
    visits = with_whole(run.cells("emergencies", strata).count().sum(axis=0))
    yield Block("emergency_admitted_share", "share", strata.kind, strata.labels, ratio(admitted, visits), visits)


def stays_with_a_night(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield of residents' stays with a night: mean nights, share sent on for want of a bed, share readmitted soon.

    A readmission is a stay that began within 30 days of leaving, as drawn when the person left.
    """
    if not run.records.causes.size:
        return
    stays = run.kept(residents_stays)
    stays = stays.where(stays.is_overnight)
    number = stays.count(strata)
    nights = stays.total(strata, stays.nights)
    shares = {
        "transfer_share": stays.is_transfer == 1,
        f"readmission_share_{READMITTED_WITHIN_DAYS}_days": stays.is_readmission == 1,
    }
    yield Block("stay_mean_nights", "nights", strata.kind, strata.labels, ratio(nights, number), number)
    for name, which in shares.items():
        yield Block(name, "share", strata.kind, strata.labels, ratio(stays.count(strata, which), number), number)


def beds(run: Run) -> Iterator[Block]:
    """Yield transfers of residents a year, at full size, and the share of bed-days that were taken, by ward.

    Beds without limit (outside poles) are not counted. Somebody takes a bed from the day of admission to the eve of
    leaving.
    """
    if not run.records.causes.size:
        return
    log, spans = run.records.stays, spans_of(run)
    is_sent_on = (log.is_transfer == 1) & (log.patient != NOBODY)
    sent = [int((is_sent_on & (log.admitted_on >= first) & (log.admitted_on < end)).sum()) for first, end in spans]
    years = np.array([end - first for first, end in spans]) / DAYS_A_YEAR
    yield over_all(
        "transfers", "stays/year", (ratio(np.array(sent), years) / run.setting.scenario.scale).tolist(), sent
    )
    taken, available = (np.array(days).T for days in zip(*(bed_days(run, *span) for span in spans), strict=True))
    names = ["bed_occupancy", *(f"bed_occupancy.{ward.name.lower()}" for ward in Ward)]
    rows = [(taken.sum(axis=0), available.sum(axis=0)), *zip(taken, available, strict=True)]
    for name, (used, there) in zip(names, rows, strict=True):
        yield over_all(name, "share", ratio(used, there).tolist(), there.astype(int).tolist())


def bed_days(run: Run, first: int, end: int) -> tuple[Floats, Floats]:
    """Return the bed-days taken and those there were in a span of days, by ward, in beds that are limited."""
    log, capacity = run.records.stays, run.records.beds
    is_limited = capacity != NOBODY
    available = np.where(is_limited, capacity, 0).sum(axis=0) * float(end - first)
    if not is_limited.any() or not log.size:
        return np.zeros(len(Ward)), available
    taken: NDArray = np.minimum(log.leaves_on, end).astype(np.int64) - np.maximum(log.admitted_on, first)
    is_here = is_limited[log.site, log.ward] & (run.records.causes.is_day_case[log.cause] == 0)
    days = np.where(is_here, np.maximum(taken, 0), 0)
    return np.bincount(log.ward, days, len(Ward)), available
