"""Leaving: what a death or a departure ends. Time booked is free again; nothing is asked any more.

Writes `patients.status`, `gone_on`, and through the rules it calls the episodes, agendas and records.
"""

from __future__ import annotations

from abm.agents.beds import vacate
from abm.agents.endings import close
from abm.compiled import rule
from abm.environment.agenda import give_back
from abm.environment.diary import forget
from abm.state import NEVER, NOBODY, Contact, Outcome, Stage, Status, Vital

ALIVE, DEAD = int(Status.ALIVE), int(Status.DEAD)
QUIET, CANCELLING, BOOKED = int(Stage.QUIET), int(Stage.CANCELLING), int(Stage.BOOKED)
WITHDRAWN, DIED, MOVED = int(Outcome.WITHDRAWN), int(Contact.DIED), int(Contact.MOVED)
DEATHS, DEPARTURES = int(Vital.DEATHS), int(Vital.DEPARTURES)


@rule
def leave(world, row, today, status):
    """Take a person out of the living: requests are withdrawn, appointments given back, clocks stopped.

    Parameters
    ----------
    status : `Status.DEAD` or `Status.DEPARTED`.

    Notes
    -----
    A hospital bed is free the same evening.
    """
    patient = world.patients[row]
    if patient.status != ALIVE:
        return
    patient.status = status
    patient.gone_on = today
    if patient.leaves_hospital_on >= today:
        vacate(world, row, today, status)
    reason = DIED if status == DEAD else MOVED
    world.vital[world.month_of[today], DEATHS if status == DEAD else DEPARTURES] += 1.0
    for kind in range(world.kinds.size):
        withdraw(world, row, kind, today, reason)


@rule
def withdraw(world, row, kind, today, reason):
    """End whatever an episode was waiting for, and stop its clock.

    Parameters
    ----------
    reason : why, see `Contact`.
    """
    node = kind * world.patients.size + row
    episode = world.episodes[node]
    forget(world, node)
    if episode.stage == QUIET:
        return
    is_booked = episode.stage == BOOKED or episode.stage == CANCELLING
    if is_booked and episode.provider != NOBODY:
        give_back(world, episode.provider, episode.appointment_on, episode.seconds)
        if episode.is_planned:
            world.planned_room[episode.provider, episode.appointment_on] += episode.seconds
    close(world, row, kind, today, WITHDRAWN, reason)
    episode.stage = QUIET
    episode.is_planned = 0
    episode.event_day = NEVER
