"""Who finds a registered general practitioner: a person without one, at a visit to a practice that has places.

Writes `patients.registered_gp`, `providers.places` and `registrations`; draws from RE_REGISTRATION. How many places a
practice has is a decision of its doctor, once a month (abm.agents.decisions); before the horizon there are none.
"""

from __future__ import annotations

from abm.agents.needs import age_years
from abm.compiled import rule
from abm.randomness import Stream, uniform
from abm.state import NOBODY, Kind, Registration, Status

ADULT_FROM_AGE_YEARS = 17  # may name a registered doctor; the French figure is for 17 and over
ALIVE, EMERGENCY, AT_VISIT = int(Status.ALIVE), int(Kind.EMERGENCY), int(Registration.AT_VISIT)


@rule
def register_at_visit(world, row, kind, today):
    """Put a person without a registered doctor on the list of the one just seen, for a drawn share of visits.

    Returns
    -------
    True when the person found a doctor.

    Notes
    -----
    A stock of people without a doctor and a share of visits that ends it balance by themselves: the more there are, the
    more find one, until as many find one as lose one. Places bound it from above.
    """
    patient = world.patients[row]
    if patient.registered_gp != NOBODY or kind >= EMERGENCY:
        return False
    episode = world.episodes[kind * world.patients.size + row]
    if episode.provider == NOBODY:
        return False
    desk = world.providers[episode.provider]
    if desk.places <= 0:
        return False
    draw = uniform(world.key, Stream.RE_REGISTRATION, patient.person, kind, episode.occurrence)
    if draw >= world.rules[0].registration_share:
        return False
    patient.registered_gp = episode.provider
    desk.places -= 1
    world.registrations[world.month_of[today], AT_VISIT] += 1
    return True


@rule
def count_lists(world, today, sizes):
    """Count the living on each list.

    Parameters
    ----------
    sizes : shape (p,), zeros; written.

    Returns
    -------
    adults, and how many of them have no registered doctor.
    """
    n_adults, n_without = 0, 0
    for row in range(world.patients.size):
        patient = world.patients[row]
        if patient.status != ALIVE:
            continue
        if patient.registered_gp != NOBODY:
            sizes[patient.registered_gp] += 1
        if age_years(patient, today) >= ADULT_FROM_AGE_YEARS:
            n_adults += 1
            n_without += patient.registered_gp == NOBODY
    return n_adults, n_without
