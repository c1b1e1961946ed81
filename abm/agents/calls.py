"""Who asks for a hospital bed: the list that the emergency department and the wards work through (step 6).

Owns `call_rows`, `call_causes`, `call_contacts`. Everybody who may need a bed goes through this list: emergencies,
planned stays, exacerbations, readmissions.
"""

from __future__ import annotations

from abm.compiled import rule
from abm.state import Counter

CALLS = int(Counter.CALLS)


@rule
def ask_for_bed(world, row, cause, contact):
    """Put a person on the list of those whom the hospital looks at next.

    Parameters
    ----------
    cause : row in `world.causes`.
    contact : how the person comes, see `Contact`.
    """
    place = world.counters[CALLS]
    if place >= world.call_rows.size:  # a world without hospitals
        return
    world.call_rows[place] = row
    world.call_causes[place] = cause
    world.call_contacts[place] = contact
    world.counters[CALLS] = place + 1
