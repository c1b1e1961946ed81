"""How a request ends: served, missed, withdrawn, forgone or diverted, exactly once, as a row that leaves the run.

Writes the columns `record_…` only. Records go out; every indicator is computed from them afterwards.
"""

from __future__ import annotations

import numpy as np

from abm.agents.calls import ask_for_bed
from abm.compiled import rule
from abm.state import NOBODY, Channel, Contact, Counter, GeneralCause, Kind, Outcome

RECORDS, OPENED = int(Counter.RECORDS), int(Counter.OPENED)
SERVED = int(Outcome.SERVED)
EMERGENCY_KIND, EMERGENCY_CHANNEL = int(Kind.EMERGENCY), int(Channel.EMERGENCY)
OWN_CLOCK, WANTED_BED = int(Contact.OWN_CLOCK), int(GeneralCause.EMERGENCY)


@rule
def close(world, row, kind, today, outcome, reason=0):
    """Write the end of an episode (request or visit booked ahead) into the records.

    Parameters
    ----------
    reason : why it was withdrawn, see `Contact`.
    """
    episode = world.episodes[kind * world.patients.size + row]
    i = np.uint64(world.counters[RECORDS])  # unsigned: no check for an index counted from the end
    world.record_patient[i] = row
    world.record_asked_on[i] = episode.asked_on
    world.record_appointment_on[i] = episode.appointment_on
    world.record_closed_on[i] = today
    world.record_provider[i] = episode.provider
    world.record_wished_days[i] = episode.wished_days
    world.record_booked_days[i] = episode.booked_days
    world.record_place[i] = episode.place
    world.record_seconds[i] = episode.seconds
    world.record_kind[i] = kind
    world.record_channel[i] = episode.channel
    world.record_outcome[i] = outcome
    world.record_attempts[i] = episode.attempts
    world.record_failures[i] = episode.failures
    world.record_is_planned[i] = episode.is_planned
    world.record_contact[i] = reason
    world.counters[RECORDS] += 1


@rule
def record_emergency(world, row, today, contact):
    """Write a visit to the nearest emergency department; it is a request of its own kind, served the same day.

    Whether a bed is needed is decided when the department has seen all who came (step 6).
    """
    ask_for_bed(world, row, WANTED_BED, contact)
    write_emergency(world, row, today, contact)


@rule
def write_emergency(world, row, today, contact):
    """Write the visit itself."""
    i = np.uint64(world.counters[RECORDS])  # unsigned: no check for an index counted from the end
    world.record_patient[i] = row
    world.record_asked_on[i] = today
    world.record_appointment_on[i] = today
    world.record_closed_on[i] = today
    world.record_provider[i] = NOBODY
    world.record_wished_days[i] = 0
    world.record_booked_days[i] = 0
    world.record_place[i] = world.emergency_places[world.patients[row].commune]
    world.record_seconds[i] = 0
    world.record_kind[i] = EMERGENCY_KIND
    world.record_channel[i] = EMERGENCY_CHANNEL
    world.record_outcome[i] = SERVED
    world.record_attempts[i] = 0
    world.record_failures[i] = 0
    world.record_is_planned[i] = 0
    world.record_contact[i] = contact
    world.counters[RECORDS] += 1
    world.counters[OPENED] += 1
