"""How a request ends: served, missed, withdrawn, forgone or diverted, exactly once, as a row that leaves the run.

Writes `world.records` only. Records go out; every indicator is computed from them afterwards.
"""

from __future__ import annotations

from abm.compiled import rule
from abm.state import NOBODY, NOWHERE, Channel, Counter, Kind, Outcome

RECORDS, OPENED = int(Counter.RECORDS), int(Counter.OPENED)
SERVED = int(Outcome.SERVED)
EMERGENCY_KIND, EMERGENCY_CHANNEL = int(Kind.EMERGENCY), int(Channel.EMERGENCY)
HOME = int(Channel.HOME)


@rule
def close(world, row, kind, today, outcome):
    """Write the end of an episode (request or visit booked ahead) into the records."""
    episode = world.episodes[kind * world.patients.size + row]
    record = world.records[world.counters[RECORDS]]
    record.patient = row
    record.provider = episode.provider
    record.asked_on = episode.asked_on
    record.wished_on = episode.asked_on + episode.wished_days
    record.booked_on = episode.booked_on
    record.appointment_on = episode.appointment_on
    record.closed_on = today
    record.place = episode.place
    record.seconds = episode.seconds
    record.travel_minutes = travel_minutes(world, row, episode)
    record.kind = kind
    record.channel = episode.channel
    record.outcome = outcome
    record.attempts = episode.attempts
    record.is_planned = episode.is_planned
    record.contact = 0
    world.counters[RECORDS] += 1


@rule
def travel_minutes(world, row, episode):
    """Return the one-way trip to where the episode is held, 0 for a visit at home or by video."""
    if episode.place == NOWHERE or episode.channel == HOME:
        return 0.0
    return world.minutes[world.patients[row].commune, episode.place]


@rule
def record_emergency(world, row, today, contact):
    """Write a visit to the nearest emergency department; it is a request of its own kind, served the same day."""
    place = world.emergency_places[world.patients[row].commune]
    record = world.records[world.counters[RECORDS]]
    record.patient = row
    record.provider = NOBODY
    record.asked_on = today
    record.wished_on = today
    record.booked_on = today
    record.appointment_on = today
    record.closed_on = today
    record.place = place
    record.seconds = 0
    record.travel_minutes = world.minutes[world.patients[row].commune, place]
    record.kind = EMERGENCY_KIND
    record.channel = EMERGENCY_CHANNEL
    record.outcome = SERVED
    record.attempts = 0
    record.is_planned = 0
    record.contact = contact
    world.counters[RECORDS] += 1
    world.counters[OPENED] += 1
