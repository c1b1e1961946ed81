"""Births, deaths, arrivals and departures, once a month; the years of life lived in their quality (step 8).

Owns `patients.status` of new rows, `since`, `utility`, and `vital` (but deaths and departures: abm.agents.leaving).
"""

from __future__ import annotations

from abm.compiled import rule


@rule
def live_a_month(world, today):
    """On the last day of a month: who has died, was born, came or left; quality of life is counted."""
