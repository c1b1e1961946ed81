"""People from elsewhere who ask the territory's specialists: a stream of requests into the same agendas.

Their number is fitted to the usual wait of each specialty (ODD 7.4); they take time and are not followed further.
Writes `free`, `reserve`, `planned_room` (through the agenda) and `outside_held`; draws from NON_RESIDENT.
"""

from __future__ import annotations

from math import exp

from abm.agents.needs import horizon_days
from abm.compiled import rule
from abm.environment.agenda import NO_SLOT, first_planned_slot, first_slot, first_urgent_slot, take
from abm.randomness import Stream, normal, uniform
from abm.state import NOBODY, Kind

FIRST_SPECIALTY = int(Kind.FIRST_SPECIALTY)
DRAWS_A_REQUEST = 5  # sub-addresses used by one request


@rule
def non_residents_ask(world, today):
    """Let people from elsewhere book with the local specialists, by the same rules of wish, wait and urgency."""
    if not world.is_open[today]:
        return
    for provider in range(world.providers.size):
        desk = world.providers[provider]
        if desk.specialty == NOBODY or desk.non_resident_requests == 0.0:
            continue
        n_requests = poisson(world.key, desk.address, today, desk.non_resident_requests)
        for request in range(n_requests):
            book_non_resident(world, provider, 1 + DRAWS_A_REQUEST * request, today)


@rule
def poisson(key, address, day, mean):
    """Return a Poisson count by inversion of one addressed draw (means up to some hundreds)."""
    return count_at(uniform(key, Stream.NON_RESIDENT, address, 0, day), mean)


@rule
def count_at(level, mean):
    """Return the Poisson count at a level in [0, 1) of its distribution function."""
    probability = exp(-mean)
    count = 0
    while level >= probability and count < 10000:
        level -= probability
        count += 1
        probability *= mean / count
    return count


@rule
def book_non_resident(world, provider, sub_address, today):
    """Book one person from elsewhere, and the visit after, unless the wait is too long."""
    desk = world.providers[provider]
    rules = world.kinds[FIRST_SPECIALTY + desk.specialty]
    seconds = desk.visit_seconds
    patience = rules.tolerance_days * exp(
        rules.tolerance_sigma * normal(world.key, Stream.NON_RESIDENT, desk.address, sub_address, today)
    )
    if uniform(world.key, Stream.NON_RESIDENT, desk.address, sub_address + 1, today) < rules.p_urgent:
        day = first_urgent_slot(world, provider, today, today, seconds)
        wished_on = today
    else:
        draw = uniform(world.key, Stream.NON_RESIDENT, desk.address, sub_address + 2, today)
        wished_on = today + horizon_days(rules, draw)
        day = first_slot(world, provider, wished_on, today, seconds)
    if day == NO_SLOT or day - wished_on > patience:
        return
    take(world, provider, day, seconds)
    world.outside_held[provider, day] += seconds
    if uniform(world.key, Stream.NON_RESIDENT, desk.address, sub_address + 3, today) < rules.p_planned:
        after = first_planned_slot(world, provider, day + int(rules.planned_interval_days), today, seconds)
        if after != NO_SLOT:
            take(world, provider, after, seconds)
            world.planned_room[provider, after] -= seconds
            world.outside_held[provider, after] += seconds
