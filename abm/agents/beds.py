"""Beds and the chains of stays by day: who lies where, who leaves when.

Owns `occupied`, `leavers` and `patients.leaves_hospital_on`; writes `stays.next` and, of stays that end early,
`leaves_on` and `ends_in_death`. Draws nothing. A bed is taken on the day of admission and free again from the morning
of `leaves_on` on.
"""

from __future__ import annotations

from abm.compiled import rule
from abm.state import NEVER, NOBODY, Counter, Status, Vital

STAYS = int(Counter.STAYS)
DEAD = int(Status.DEAD)
DEATHS_IN_HOSPITAL = int(Vital.DEATHS_IN_HOSPITAL)


@rule
def take_bed(world, i):
    """Take a bed for a stay until the morning of `leaves_on`, and note when it will be free."""
    stay = world.stays[i]
    world.occupied[stay.site, stay.ward] += 1
    day = stay.leaves_on
    stay.next = NOBODY
    if day < world.leavers.size:
        stay.next = world.leavers[day]
        world.leavers[day] = i
    if stay.patient != NOBODY:
        world.patients[stay.patient].leaves_hospital_on = day - 1


@rule
def free_bed(world, i):
    """Give back the bed of a stay."""
    stay = world.stays[i]
    world.occupied[stay.site, stay.ward] -= 1


@rule
def vacate(world, row, today, status):
    """Free the bed of somebody who dies or moves away in the midst of a stay, this very evening.

    Notes
    -----
    Rare, so the stay is looked for from the last admission backwards instead of being kept for everybody.
    """
    i = world.counters[STAYS] - 1
    while i >= 0 and world.stays[i].patient != row:
        i -= 1
    if i < 0:
        return
    unchain(world, i)
    free_bed(world, i)
    world.stays[i].leaves_on = today
    world.stays[i].ends_in_death = 1 if status == DEAD else 0
    world.patients[row].leaves_hospital_on = NEVER
    if status == DEAD:
        world.vital[world.month_of[today], DEATHS_IN_HOSPITAL] += 1.0


@rule
def unchain(world, i):
    """Take a stay out of the chain of the day on which it would have ended."""
    day = world.stays[i].leaves_on
    if day >= world.leavers.size:
        return
    before, here = NOBODY, world.leavers[day]
    while here != i and here != NOBODY:
        before, here = here, world.stays[here].next
    if here == NOBODY:
        return
    if before == NOBODY:
        world.leavers[day] = world.stays[i].next
    else:
        world.stays[before].next = world.stays[i].next
