"""How hard do general practitioners work, for how many people, and when is their next free appointment?

Owns the indicators over practices. With `scale` below 1 each practice is thinned as its people are; acts, hours and
lists are given here at full size. Lists and registration are those of the last day.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import ALL, Block, Floats, Ints, Run, ratio
from abm.population import DAYS_A_YEAR
from abm.state import NOBODY, Channel, Kind

SECONDS_AN_HOUR, DAYS_A_WEEK = 3600.0, 7
LONG_WEEK_HOURS = 60.0
LIST_LEVELS = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
ADULT_FROM_AGE_YEARS = 17  # may name a registered doctor; the French figure is for 17 and over


def practices(run: Run) -> Iterator[Block]:
    """Yield every indicator over practices, stratum `all`."""
    yield third_next_available(run)
    yield from activity(run)
    yield from hours(run)
    yield from lists(run)
    yield walk_in_practices(run)
    yield adults_without_gp(run)


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
    means = [float(week.mean()) if week.size else float("nan") for week in values]
    return over_all("third_next_available_days.gp", "days", means, [week.size for week in values])


def activity(run: Run) -> Iterator[Block]:
    """Yield residents' acts per full-time practice and year, and per practice and day with a session.

    A full-time practice works `gp_half_days_per_week`; others count for their share. Acts by every channel that takes
    the doctor's time; duty care and platforms do not.
    """
    rows, setting = rows_of_practices(run), run.setting
    full_time = run.records.providers.half_days_per_week[rows].sum() / setting.parameters["gp_half_days_per_week"]
    is_act = (run.visits.kind < Kind.EMERGENCY) & (run.visits.provider != NOBODY)
    acts_on = np.bincount(run.visits.day[is_act], minlength=run.lived) / setting.scenario.scale
    spans = spans_of(run)
    acts = np.array([acts_on[first:end].sum() for first, end in spans])
    years = np.array([end - first for first, end in spans]) / DAYS_A_YEAR
    days = np.array([np.count_nonzero(run.records.offered[rows, first:end]) for first, end in spans])
    n = [rows.size] * len(spans)
    yield over_all("gp_acts_per_full_time_year", "acts/FTE/year", ratio(acts, years * full_time).tolist(), n)
    yield over_all("gp_acts_per_day", "acts/day", ratio(acts, days).tolist(), days.tolist())


def hours(run: Run) -> Iterator[Block]:
    """Yield the mean week of general practitioners and the share of them above 60 hours.

    A doctor's week is the time of his booked visits (sessions offered less what stayed empty, visits at home and
    walk-in sessions included, missed appointments too, overtime added) over the share of hours that visits take.
    Whole weeks from Monday on, those without a session (holidays) left out; then the mean over doctors.
    """
    weeks = [weekly_hours(run, first, end) for first, end in spans_of(run)]
    n = [week.size for week in weeks]
    long = [float((week > LONG_WEEK_HOURS).mean()) if week.size else float("nan") for week in weeks]
    mean = [float(week.mean()) if week.size else float("nan") for week in weeks]
    yield over_all("gp_hours_mean", "hours/week", mean, n)
    yield over_all("gp_hours_over_60_share", "share", long, n)


def weekly_hours(run: Run, first: int, end: int) -> Floats:
    """Return the mean hours of the weeks that each doctor worked in a span, shape (doctors with such a week,)."""
    rows, records = rows_of_practices(run), run.records
    monday = first + (-int(run.setting.calendar.weekday[first])) % DAYS_A_WEEK
    n_weeks = max(0, (end - monday) // DAYS_A_WEEK)

    def by_week(seconds: NDArray) -> NDArray:
        days = seconds[rows, monday : monday + n_weeks * DAYS_A_WEEK]
        return days.reshape(rows.size, n_weeks, DAYS_A_WEEK).sum(axis=2, dtype=np.int64)

    offered = by_week(records.offered)
    held = offered - by_week(records.unused) + by_week(records.overtime_used)
    n_worked = (offered > 0).sum(axis=1)
    visits_share = 1.0 - run.setting.parameters["gp_hours_outside_visits_share"]
    scale = run.setting.scenario.scale
    hours_a_week = ratio(np.where(offered > 0, held, 0).sum(axis=1), n_worked) / SECONDS_AN_HOUR / visits_share / scale
    return hours_a_week[n_worked > 0]


def lists(run: Run) -> Iterator[Block]:
    """Yield quantiles of list sizes over practices, and the share of practices that see nobody from outside them."""
    rows = rows_of_practices(run)
    registered = run.records.patients.registered_gp[run.people_on(max(run.end - 1, 0))]
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
    values = [n / rows.size if rows.size else float("nan") for n in seen]
    return over_all("gp_walk_in_session_share", "share", values, [rows.size] * len(values))


def adults_without_gp(run: Run) -> Block:
    """Return the share of people of 17 and over without a registered general practitioner, on the last day."""
    people = run.people_on(max(run.end - 1, 0), lambda age_years: age_years >= ADULT_FROM_AGE_YEARS)
    without = run.records.patients.registered_gp[people] == NOBODY
    value = float(without.mean()) if people.size else float("nan")
    return over_all("adults_without_gp_share", "share", [value], [people.size])
