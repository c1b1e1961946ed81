"""Chronic disease: control that drifts and is restored, exacerbations and complications, new cases.

Owns `health`, `patients.conditions` (new cases), `patients.last_follow_up`. This is the path by which delay becomes
cost: visits come late, control is lost, events become more likely.
"""

from __future__ import annotations

from abm.compiled import rule

DAYS_BETWEEN_LOOKS = 30


@rule
def look_after_health(world, today):
    """Look at each chronically ill person once in thirty days: drift, events, new cases (step 7)."""


@rule
def see_doctor(world, row, kind, today):
    """Let a visit held do its good: control is restored, follow-up is no longer late."""


@rule
def mortality_multiplier(world, row, today):
    """Return the hazard of death of a person over that of somebody of his age and sex without conditions, > 0."""
    return 1.0


@rule
def utility_loss(world, row, today):
    """Return what disease adds to a person's utility, <= 0."""
    return 0.0
