"""Payments: each act is billed at the price of its day and shared between payers; the books balance to the cent.

Owns `billed`, `paid`, `received`, `spend_cents` and `accounts`.
"""

from __future__ import annotations

from abm.compiled import rule


@rule
def settle(world, today):
    """Pay what was done today, and on the last day of a month what is paid by the month (step 11)."""
