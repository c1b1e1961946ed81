"""Hospital: who is admitted, where there is a bed, how long they stay, what follows when they leave.

Owns `stays`, `leavers`, `comers`, `occupied`, `patients.leaves_hospital_on` and the list of calls (which it empties).
"""

from __future__ import annotations

from abm.compiled import rule
from abm.state import Counter

CALLS = int(Counter.CALLS)


@rule
def return_beds(world, today):
    """Let those leave whose stay ends today; their beds are free (step 2)."""


@rule
def receive(world, today):
    """Look at everybody who asks for a bed: admit, send on, or send home (step 6)."""
    world.counters[CALLS] = 0
