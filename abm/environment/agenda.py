"""Agendas: the time that each professional offers by day, and who takes it.

Owns the columns `free`, `reserve`, `walk_in`, `overtime`, `planned_room` and `providers.first_free`,
and begins the yearly counts `n_held` and `n_video` anew. Time is counted
in seconds, as a visit by video is shorter and a visit at home longer than one at the surgery. A calendar a provider,
never a queue that is sorted again: finding a slot costs the days looked at.
"""

from __future__ import annotations

from math import exp, inf

from abm.compiled import rule
from abm.environment.diary import remind
from abm.randomness import Stream, uniform
from abm.state import NEVER, NOBODY, Stage

NO_SLOT = -1
BOOKED, CANCELLING = int(Stage.BOOKED), int(Stage.CANCELLING)


@rule
def first_slot(world, provider, wished_on, today, seconds, latest=inf):
    """Find the first day on which a provider has room.

    Parameters
    ----------
    provider : row in `world.providers`.
    wished_on : earliest day that suits, >= today.
    seconds : length of the visit.
    latest : last day that is acceptable, a fraction of a day counts for nothing.

    Returns
    -------
    day index, or `NO_SLOT` when the book has no room by then or within the provider's horizon.

    Notes
    -----
    ODD 7.4. Writes and draws nothing. Evidence: tests/analytical/test_practice.py
    """
    desk = world.providers[provider]
    last = last_day_of_book(world, desk, today, latest)
    day = max(wished_on, desk.first_free)
    while day <= last:
        if world.free[provider, day] >= seconds:
            return day
        day += 1
    return NO_SLOT


@rule
def last_day_of_book(world, desk, today, latest):
    """Return the last day to look at: of the provider's book, of the run, of what is acceptable."""
    last = min(today + desk.horizon_days, world.due.size - 1)
    return int(latest) if latest < last else last


@rule
def first_urgent_slot(world, provider, wished_on, today, seconds, latest=inf):
    """Find the first day with room when the time kept for the urgent counts too (specialists; ODD 7.4)."""
    last = last_day_of_book(world, world.providers[provider], today, latest)
    for day in range(wished_on, last + 1):
        if world.free[provider, day] + world.reserve[provider, day] >= seconds:
            return day
    return NO_SLOT


@rule
def first_planned_slot(world, provider, wished_on, today, seconds):
    """Find the first day with room for a visit booked ahead: these may fill a part of a day only (ODD 7.4)."""
    last = last_day_of_book(world, world.providers[provider], today, inf)
    for day in range(wished_on, last + 1):
        if world.free[provider, day] >= seconds and world.planned_room[provider, day] >= seconds:
            return day
    return NO_SLOT


@rule
def take(world, provider, day, seconds):
    """Take time out of a provider's day: free time first, then the reserve (the caller found that there is room)."""
    from_free = min(seconds, world.free[provider, day])
    world.free[provider, day] -= from_free
    world.reserve[provider, day] -= seconds - from_free
    desk = world.providers[provider]
    if day == desk.first_free:
        move_first_free(world, provider)


@rule
def give_back(world, provider, day, seconds):
    """Return the time of a cancelled appointment to the provider's day."""
    world.free[provider, day] += seconds
    desk = world.providers[provider]
    desk.first_free = min(desk.first_free, day)


@rule
def move_first_free(world, provider):
    """Move the pointer to the first day on which the shortest visit fits."""
    desk = world.providers[provider]
    day = desk.first_free
    while day < world.due.size - 1 and world.free[provider, day] < desk.least_seconds:
        day += 1
    desk.first_free = day


@rule
def open_day(world, today):
    """Release the reserves that are due, and close yesterday; counts of a year begin anew (step 1 of the day)."""
    is_new_year = today > 0 and world.year_of[today] != world.year_of[today - 1]
    for provider in range(world.providers.size):
        desk = world.providers[provider]
        if is_new_year:
            desk.n_held = desk.n_video = 0
        released = today + desk.release_days
        if released < world.due.size and world.reserve[provider, released] > 0:
            world.free[provider, released] += world.reserve[provider, released]
            world.reserve[provider, released] = 0
            desk.first_free = min(desk.first_free, released)
        desk.first_free = max(desk.first_free, today)
        move_first_free(world, provider)


@rule
def open_day_from(world, day):
    """Return the first open day on or after a day; days beyond the calendar stay as they are."""
    if day >= world.next_open.size:
        return day
    return world.next_open[day]


@rule
def give_appointment(world, row, kind, offer, today):
    """Write an accepted offer into the episode; its end (visit or cancellation) goes into the diary.

    Notes
    -----
    ODD 7.4. Cancellation: more likely the more days of the last weeks lie ahead, on any of them alike, so it rises
    with lead time as missing does [B012-B017].
    """
    node = kind * world.patients.size + row
    episode = world.episodes[node]
    episode.booked_days = today - episode.asked_on
    episode.appointment_on = offer.day
    episode.provider = offer.provider
    episode.place = offer.place
    episode.seconds = offer.seconds
    episode.channel = offer.channel
    cancelled_on = cancellation_day(world, world.patients[row].person, kind, episode, today)
    if cancelled_on < offer.day:
        episode.stage = CANCELLING
        remind(world, world.due, node, cancelled_on)
    else:
        episode.stage = BOOKED
        remind(world, world.visits, node, offer.day)


@rule
def sub_address(world, kind, episode):
    """Return the sub-address of a draw that is made anew at each attempt of a request."""
    return kind + world.kinds.size * int(episode.attempts)


@rule
def cancellation_day(world, person, kind, episode, today):
    """Return the day on which the appointment will be cancelled; its own day when it will not."""
    rate = world.kinds[kind].cancel_rate
    days_at_risk = min(episode.appointment_on - today - 1, int(world.rules[0].no_show_flat_days))
    if rate == 0.0 or days_at_risk < 1:
        return episode.appointment_on
    draw = uniform(world.key, Stream.CANCEL, person, sub_address(world, kind, episode), episode.occurrence)
    probability = 1.0 - exp(-rate * days_at_risk)
    if draw >= probability:
        return episode.appointment_on
    return episode.appointment_on - 1 - int(days_at_risk * draw / probability)


@rule
def days_to_third_available(world, today, cap_days, out):
    """Write the days until the third free ordinary slot of each general practitioner: the measure of access.

    Parameters
    ----------
    cap_days : written when there is no third slot by then.
    out : shape (g,), in the order of the rows; NEVER for a practice that holds no sessions at the time.
    """
    practice = -1
    for provider in range(world.providers.size):
        desk = world.providers[provider]
        if desk.specialty != NOBODY:
            continue
        practice += 1
        out[practice] = NEVER
        if today < desk.opens_on or 0 < desk.closes_on <= today:
            continue
        found = 0
        out[practice] = cap_days
        for wait_days in range(cap_days):
            found += max(0, world.free[provider, today + wait_days]) // desk.visit_seconds
            if found >= 3:
                out[practice] = wait_days
                break
