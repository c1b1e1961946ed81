"""How much care is used, by whom, how far away, and how often does nobody come?

Owns acts, travel, missed appointments and emergency visits. Visits count on the day on which they are held; those
booked ahead are visits like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import (
    Block,
    Cells,
    Events,
    Floats,
    Ints,
    Run,
    Strata,
    of_need,
    ratio,
    tally_quantile,
    tally_share,
    with_whole,
)
from abm.state import Channel, Contact, Kind

FAMILIES = ("gp", "specialist")
IN_PERSON = (Channel.OWN_GP, Channel.OTHER_GP, Channel.WALK_IN, Channel.LOCAL_AGENDA, Channel.POLE)
VIDEO = (Channel.VIDEO_OWN_GP, Channel.PLATFORM, Channel.BOOTH)
"""Teleconsultations in general practice."""
BY_APPOINTMENT = (
    Channel.OWN_GP, Channel.OTHER_GP, Channel.VIDEO_OWN_GP, Channel.HOME, Channel.LOCAL_AGENDA, Channel.POLE,
    Channel.VIDEO_SPECIALIST,
)  # fmt: skip
NO_OTHER_ACCESS = (Contact.NEVER_ASKED, Contact.NOTHING_IN_TIME, Contact.ESCALATION)
YOUNG_ADULT_AGES = (15, 44)
OLD_FROM_AGE_YEARS = 75
FAR_MINUTES = 40
LONG_LEAD_DAYS, SHORT_LEAD_DAYS = 28, 1
TIMELY_DAYS = 2


def is_channel(events: Events, channels: Collection[Channel]) -> NDArray[np.bool_]:
    """Tell which events went by one of the channels, shape (r,)."""
    table = np.zeros(max(Channel) + 1, np.bool_)
    table[list(channels)] = True
    return table[events.channel]


def acts_per_head(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield visits held per person and year, every channel: duty care and platforms belong to general practice.

    Over the years that people lived here; `n` is their number in the middle of the horizon's years, summed.
    """
    counts = run.cells("visits", strata).count()
    for family in FAMILIES:
        acts = of_need(counts, run.needs[family])
        yield per_head(run, f"acts_per_head.{family}", "acts/person/year", strata, acts)


def per_head(run: Run, indicator: str, unit: str, strata: Strata, events: Ints | Floats) -> Block:
    """Return events, shape (strata, 1 + years), per person and year."""
    heads = run.heads_by_year(strata.kind)
    value = ratio(events, with_whole(run.person_years(strata.kind)))
    return Block(indicator, unit, strata.kind, strata.labels, value, with_whole(heads))


def travel(run: Run, strata: Strata, family: str, *, mean_only: bool = False) -> Iterator[Block]:
    """Yield one-way minutes to visits held in person; visits at home, by video and of duty care are no trips."""
    cells, kinds = run.cells("visits", strata), run.needs[family]
    is_trip, trip_minutes = run.kept(trips)
    n = of_need(cells.count(is_trip), kinds)

    def block(name: str, unit: str, value: Floats) -> Block:
        return Block(f"travel_{name}.{family}", unit, strata.kind, strata.labels, value, n)

    total = of_need(cells.total(trip_minutes), kinds)
    yield block("mean_minutes", "minutes", ratio(total, n))
    if mean_only:
        return
    minutes, place = run.kept(trips_by_minutes, family)
    tally = _tally_by_stratum(cells, place, minutes.size)
    for name, level in (("p90", 0.9), ("p95", 0.95)):
        yield block(f"{name}_minutes", "minutes", tally_quantile(tally, minutes, level))
    if family == "specialist":
        within = tally_share(tally, minutes, FAR_MINUTES)
        yield block(f"share_over_{FAR_MINUTES}_minutes", "share", 1.0 - within)


def trips(run: Run) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which visits are trips, and the minutes of those one way, 0 for the others."""
    is_trip = is_channel(run.visits, IN_PERSON)
    return is_trip, np.where(is_trip, run.visits.travel_minutes, np.float32(0.0))


def trips_by_minutes(run: Run, family: str) -> tuple[NDArray[np.float32], NDArray]:
    """Return the lengths of trips that occur, minutes, in order, and each visit's place among them (-1: no trip)."""
    visits = run.visits
    is_trip = np.isin(visits.kind, run.needs[family]) & is_channel(visits, IN_PERSON)
    minutes, places = np.unique(visits.travel_minutes[is_trip], return_inverse=True)
    place: NDArray = np.full(is_trip.size, -1, np.int16 if minutes.size < np.iinfo(np.int16).max else np.int32)
    place[is_trip] = places
    return (minutes, place) if minutes.size else (np.zeros(1, np.float32), place)


def _tally_by_stratum(cells: Cells, amounts: NDArray, n_values: int) -> Ints:
    """Count events of any kind by amount, negative ones left out: shape (strata, 1 + periods, values)."""
    _, n_strata, n_periods = cells.shape
    amounts = cells.of_inside(amounts)
    is_counted = amounts >= 0
    index = (cells.index[is_counted] % (n_strata * n_periods)).astype(np.int64) * n_values + amounts[is_counted]
    counts = np.bincount(index, minlength=n_strata * n_periods * n_values)
    return with_whole(counts.reshape(n_strata, n_periods, n_values))


def teleconsultations(run: Run, strata: Strata, *, share_only: bool = False) -> Iterator[Block]:
    """Yield the share of general practitioners' acts by video, whosever time it uses, and the young among either."""
    visits, cells, kinds = run.visits, run.cells("visits", strata), run.needs["gp"]
    is_video = is_channel(visits, VIDEO)
    video, every = (of_need(counts, kinds) for counts in (cells.count(is_video), cells.count()))
    yield Block("teleconsultation_share", "share", strata.kind, strata.labels, ratio(video, every), every)
    if share_only:
        return
    lowest, highest = YOUNG_ADULT_AGES
    is_young = (visits.age_years >= lowest) & (visits.age_years <= highest)
    for name, which in (("teleconsultation", is_video), ("in_person", is_channel(visits, IN_PERSON))):
        young, n = (of_need(cells.count(mask), kinds) for mask in (which & is_young, which))
        indicator = f"{name}_age_{lowest}_{highest}_share"
        yield Block(indicator, "share", strata.kind, strata.labels, ratio(young, n), n)


# --- missed appointments ------------------------------------------------------------------------------------------


def no_shows(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield missed appointments over missed and held ones; walk-in sessions, duty care and platforms have none."""
    missed, held = (
        run.cells(name, strata).count(is_channel(getattr(run, name), BY_APPOINTMENT)) for name in ("missed", "visits")
    )
    for family in FAMILIES:
        lost, kept = (of_need(counts, run.needs[family]) for counts in (missed, held))
        n = lost + kept
        yield Block(f"no_show_share.{family}", "share", strata.kind, strata.labels, ratio(lost, n), n)


def no_show_odds_ratio(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield the odds of missing an appointment booked more than 28 days ahead over those of one booked the day before.

    Lead time is here that of the booking that holds (`booked_on`). In this model nobody misses an appointment of the
    same day, so the shortest lead that can be missed, one day, stands for the "under one day" of the published figure.
    No value where one of the four counts is zero.
    """

    def counts(name: str) -> tuple[Ints, Ints]:
        events, cells = getattr(run, name), run.cells(name, strata)
        by_appointment = is_channel(events, BY_APPOINTMENT)
        lead = events.appointment_on - events.booked_on
        masks = (by_appointment & (lead > LONG_LEAD_DAYS), by_appointment & (lead == SHORT_LEAD_DAYS))
        long, short = (with_whole(cells.count(mask).sum(axis=0)) for mask in masks)
        return long, short

    (missed_long, missed_short), (held_long, held_short) = counts("missed"), counts("visits")
    value = ratio(ratio(missed_long, held_long), np.nan_to_num(ratio(missed_short, held_short)))
    value[missed_long == 0] = np.nan
    n = missed_long + missed_short + held_long + held_short
    yield Block("no_show_odds_ratio_28_days", "odds ratio", strata.kind, strata.labels, value, n)


# --- emergency department -----------------------------------------------------------------------------------------


def emergency_visits(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield visits to an emergency department per person and year, and the share that had no other access.

    No other access: came without having asked anybody, or after nothing acceptable was found; not by the own clock of
    true emergencies, for a disease, or back after a stay.
    """
    visits, cells = run.emergencies, run.cells("emergencies", strata)
    every = with_whole(cells.count().sum(axis=0))
    yield per_head(run, "emergency_visits_per_head", "visits/person/year", strata, every)
    shares = {
        "emergency_no_other_access_share": np.isin(visits.contact, NO_OTHER_ACCESS),
        f"emergency_share_{OLD_FROM_AGE_YEARS}_plus": visits.age_years >= OLD_FROM_AGE_YEARS,
    }
    for name, which in shares.items():
        value = ratio(with_whole(cells.count(which).sum(axis=0)), every)
        yield Block(name, "share", strata.kind, strata.labels, value, every)


def emergency_rate_ratio(run: Run) -> Iterator[Block]:
    """Yield emergency visits per head in the communes of best over those of worst timely access.

    Timely access of a commune: share of its acute requests to general practice that were given an appointment within
    two days, of all asked. Best and worst hold a fifth of the people each. All visits count, admitted or not.
    """
    communes = run.strata("commune")
    requests, acute = run.cells("requests", communes), (int(Kind.GP_ACUTE),)
    is_timely = run.given.appointment_on - run.given.asked_on <= TIMELY_DAYS
    asked, timely = (of_need(c, acute) for c in (requests.count(), run.cells("given", communes).count(is_timely)))
    visits = with_whole(run.cells("emergencies", communes).count().sum(axis=0))
    people = with_whole(run.person_years("commune"))
    access = ratio(timely, asked)
    value = [_best_over_worst(access[:, p], visits[:, p], people[:, p]) for p in range(access.shape[1])]
    n = visits.sum(axis=0, keepdims=True)
    yield Block("emergency_rate_ratio_best_access_quintile", "ratio", "all", ("all",), np.array([value]), n)


def _best_over_worst(access: Floats, visits: Ints, people: Floats) -> float:
    """Return visits per head in the best fifth of the people by access over those in the worst fifth."""
    known = np.flatnonzero(~np.isnan(access) & (people > 0))
    order = known[np.argsort(access[known], kind="stable")]
    middle = (np.cumsum(people[order]) - people[order] / 2) / max(people[order].sum(), 1e-12)
    worst, best = order[middle < 0.2], order[middle > 0.8]
    if not worst.size or not best.size or not visits[worst].sum():
        return float("nan")
    return float((visits[best].sum() / people[best].sum()) / (visits[worst].sum() / people[worst].sum()))
