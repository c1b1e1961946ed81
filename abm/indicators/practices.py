"""How hard do general practitioners work, for how many people, and when is their next free appointment?

Owns the indicators over practices. With `scale` below 1 each practice is thinned as its people are; acts, hours and
lists are given here at full size. Lists and registration are those of the last day. A practice counts while it holds
sessions: not before it opens, nor once it has closed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.agents.registration import ADULT_FROM_AGE_YEARS
from abm.indicators.counting import ALL, Block, Floats, Ints, Run, ratio
from abm.population import DAYS_A_YEAR
from abm.state import NEVER, NOBODY, Channel, Kind, Registration
from abm.supply import is_in_practice

SECONDS_AN_HOUR, DAYS_A_WEEK = 3600.0, 7
LONG_WEEK_HOURS = 60.0
LAST_WEEK = 51  # of the year, from 0: it has eight or nine days
LIST_LEVELS = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


def practices(run: Run) -> Iterator[Block]:
    """Yield every indicator over practices, stratum `all`."""
    yield third_next_available(run)
    yield from activity(run)
    yield from hours(run)
    yield from lists(run)
    yield walk_in_practices(run)
    yield adults_without_gp(run)
    yield number_of_practices(run)
    yield from registrations(run)


def rows_of_practices(run: Run) -> Ints:
    """Return the rows of the general practitioners among the providers, shape (g,)."""
    return np.flatnonzero(run.records.providers.specialty == NOBODY)


def spans_of(run: Run) -> list[tuple[int, int]]:
    """Return the horizon and its years as spans of days."""
    return [(run.first, run.end), *run.years.spans]


def over_all(indicator: str, unit: str, values: list[float], n: list[int]) -> Block:
    """Return an indicator without strata: one value and number a period, the horizon first."""
    return Block(indicator, unit, ALL, (ALL,), np.array([values], np.float64), np.array([n], np.int64))


def third_next_available(run: Run) -> Block:
    """Return the mean over weeks and practices of the days to the third free slot; none in 90 days counts 90."""
    days, weeks = run.records.third_next_days, run.records.third_next_available
    values = [weeks[(days >= first) & (days < end)] for first, end in spans_of(run)]
    values = [week[week != NEVER] for week in values]
    means = [float(week.mean()) if week.size else float("nan") for week in values]
    return over_all("third_next_available_days.gp", "days", means, [week.size for week in values])


def activity(run: Run) -> Iterator[Block]:
    """Yield residents' acts per full-time practice and year, and per practice and day with a session.

    A full-time practice works `gp_half_days_per_week`; others count for their share. Acts by every channel that takes
    the doctor's time; duty care and platforms do not.
    """
    rows, setting = rows_of_practices(run), run.setting
    is_act = (run.visits.kind < Kind.EMERGENCY) & (run.visits.provider != NOBODY)
    acts_on = np.bincount(run.visits.day[is_act], minlength=run.lived) / setting.scenario.scale
    spans = spans_of(run)
    acts = np.array([acts_on[first:end].sum() for first, end in spans])
    years = np.array([end - first for first, end in spans]) / DAYS_A_YEAR
    full_time = np.array([full_time_of(run, *span).sum() for span in spans])
    days = np.array([np.count_nonzero(run.records.offered[rows, first:end]) for first, end in spans])
    n = [rows.size] * len(spans)
    yield over_all("gp_acts_per_full_time_year", "acts/FTE/year", ratio(acts, years * full_time).tolist(), n)
    yield over_all("gp_acts_per_day", "acts/day", ratio(acts, days).tolist(), days.tolist())


def full_time_of(run: Run, first: int, end: int) -> Floats:
    """Return what each practice is of a full-time one over a span, shape (g,): its half-days while it holds sessions.

    A successor with four fifths of the capacity counts for four fifths.
    """
    rows = rows_of_practices(run)
    full_time = run.records.providers.half_days_per_week[rows] / run.setting.parameters["gp_half_days_per_week"]
    return full_time * run.records.in_force[rows, first:end].mean(axis=1) if end > first else 0.0 * full_time


def hours(run: Run) -> Iterator[Block]:
    """Yield the mean week of general practitioners and the share of them above 60 hours.

    A doctor's week is the time of his booked visits (sessions offered less what stayed empty, visits at home and
    walk-in sessions included, missed appointments too, overtime added) over the share of hours that visits take.
    Weeks without a session (holidays) are left out; then the mean over doctors.
    """
    found = [weekly_hours(run, first, end) for first, end in spans_of(run)]
    weeks = [hours_a_week[worked] for hours_a_week, worked in found]
    n = [week.size for week in weeks]
    long = [float((week > LONG_WEEK_HOURS).mean()) if week.size else float("nan") for week in weeks]
    mean = [float(week.mean()) if week.size else float("nan") for week in weeks]
    yield over_all("gp_hours_mean", "hours/week", mean, n)
    yield over_all("gp_hours_over_60_share", "share", long, n)


def weekly_hours(run: Run, first: int, end: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the mean hours of the weeks that each doctor worked in a span, and who worked any, shape (g,) each.

    Weeks are those by which holidays are taken: seven days from 1 January on, the last one longer. Weeks from Monday
    on would cut them in two in most years, and the hours of a doctor would change with the weekday of New Year.
    """
    rows, records, calendar = rows_of_practices(run), run.records, run.setting.calendar
    week = np.minimum((calendar.day_of_year[first:end].astype(np.int64) - 1) // DAYS_A_WEEK, LAST_WEEK)
    starts = np.flatnonzero(np.diff(week, prepend=-1))

    def by_week(seconds: NDArray) -> NDArray:
        return np.add.reduceat(seconds[rows, first:end].astype(np.int64), starts, axis=1)

    if not starts.size:
        return np.zeros(rows.size), np.zeros(rows.size, np.bool_)
    offered = by_week(records.offered)
    held = offered - by_week(records.unused) + by_week(records.overtime_used)
    is_worked = offered > 0
    n_weeks = is_worked @ np.diff(starts, append=week.size) / DAYS_A_WEEK
    visits_share = 1.0 - run.setting.parameters["gp_hours_outside_visits_share"]
    seconds = np.where(is_worked, held, 0).sum(axis=1)
    hours_a_week = ratio(seconds, n_weeks) / SECONDS_AN_HOUR / visits_share / run.setting.scenario.scale
    return hours_a_week, is_worked.any(axis=1)


def lists(run: Run) -> Iterator[Block]:
    """Yield quantiles of list sizes over practices, and the share of practices that see nobody from outside them."""
    rows = rows_of_practices(run)
    registered = run.records.patients.registered_gp[run.people_on(max(run.end - 1, 0))]
    rows = rows[is_in_practice(run.records.providers[rows], max(run.lived - 1, 0))]
    sizes = np.bincount(registered[registered != NOBODY], minlength=run.records.providers.size)[rows]
    full_size = sizes / run.setting.scenario.scale
    for name, level in LIST_LEVELS.items():
        value = float(np.quantile(full_size, level)) if rows.size else float("nan")
        yield over_all(f"gp_list_size_{name}", "patients", [value], [rows.size])
    is_closed = run.records.providers.accepts_others[rows] == 0
    closed = float(is_closed.mean()) if rows.size else float("nan")
    yield over_all("gp_closed_list_share", "share", [closed], [rows.size])


def walk_in_practices(run: Run) -> Block:
    """Return the share of general practitioners who saw at least one person in a walk-in session."""
    rows, visits = rows_of_practices(run), run.visits
    is_walk_in = visits.channel == Channel.WALK_IN
    day, provider = visits.day[is_walk_in], visits.provider[is_walk_in]
    seen = [np.unique(provider[(day >= first) & (day < end)]).size for first, end in spans_of(run)]
    there = [int(np.count_nonzero(run.records.in_force[rows, first:end].any(axis=1))) for first, end in spans_of(run)]
    values = ratio(np.array(seen), np.array(there))
    return over_all("gp_walk_in_session_share", "share", values.tolist(), there)


def adults_without_gp(run: Run) -> Block:
    """Return the share of people of 17 and over without a registered general practitioner.

    Over the horizon that of the last day simulated; by year the mean over its months, where decisions were made.
    """
    people = run.people_on(max(run.end - 1, 0), lambda age_years: age_years >= ADULT_FROM_AGE_YEARS)
    without = run.records.patients.registered_gp[people] == NOBODY
    value = float(without.mean()) if people.size else float("nan")
    months = [_months_of(run, *span) for span in run.years.spans]
    adults, lacking = (
        [int(month[:, column].sum()) for month in months]
        for column in (Registration.ADULTS, Registration.ADULTS_WITHOUT)
    )
    by_year = ratio(np.array(lacking), np.array(adults)).tolist()
    return over_all("adults_without_gp_share", "share", [value, *by_year], [people.size, *adults])


def number_of_practices(run: Run) -> Block:
    """Return the general practitioners who hold sessions: the mean over days, as a number of doctors."""
    rows = rows_of_practices(run)
    is_there = run.records.in_force[rows] > 0
    spans = spans_of(run)
    means = [
        float(is_there[:, first:end].sum() / (end - first)) if end > first else float("nan") for first, end in spans
    ]
    return over_all("gp_number", "GPs", means, [rows.size] * len(spans))


def registrations(run: Run) -> Iterator[Block]:
    """Yield how many people lost their registered doctor and how many found one, and what became of those without.

    People of all ages, at full size, each as often as it happens. `adults_who_found_gp_share`: of the adults without
    a doctor when the horizon began, those who have one on the last day simulated.
    """
    scale, spans = run.setting.scenario.scale, spans_of(run)
    names = {
        "gp_lost_people": (Registration.LOST,),
        "gp_found_people": (Registration.AT_VISIT, Registration.AT_OPENING, Registration.WITH_SUCCESSOR),
        "gp_found_people.at_visit": (Registration.AT_VISIT,),
        "gp_found_people.at_opening": (Registration.AT_OPENING,),
        "gp_found_people.with_successor": (Registration.WITH_SUCCESSOR,),
    }
    for name, columns in names.items():
        counts = [int(_months_of(run, *span)[:, list(columns)].sum()) for span in spans]
        yield over_all(name, "people", [count / scale for count in counts], counts)
    lacked = run.records.lacked_gp
    found = run.records.patients.registered_gp[lacked] != NOBODY
    share = float(found.mean()) if lacked.size else float("nan")
    yield over_all("adults_who_found_gp_share", "share", [share], [lacked.size])


def _months_of(run: Run, first: int, end: int) -> Ints:
    """Return the rows of `registrations` of the months that begin in a span, shape (months, columns)."""
    calendar, months = run.setting.calendar, run.records.registrations
    here = np.unique(calendar.month_index[first:end]) if end > first else np.zeros(0, np.int64)
    return months[here[here < months.shape[0]]]
