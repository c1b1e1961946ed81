"""Which numbers are uncertain when policies are compared, and what does a seed draw for them?"""

from __future__ import annotations

import hashlib

from abm.parameters import load_parameters

DELAY_ROWS = ("control_drift", "escalation_share_of_unserved_acute_needs")
DRAWN_DOMAINS = ("network", "etp", "telehealth", "lever")
DRAWN_FAMILIES = (
    *DELAY_ROWS, "control_restore_share", "prescription_response", "avoidable_share", "gp_installation_aid",
    "health_centre_subsidy", "delegated_nurse", "teleconsultation_booth",
)  # fmt: skip


def drawn_parameters(seed: int) -> dict[str, float]:
    """Return one draw of the uncertain parameters: of what the policies do, of harm by delay, of what is avoidable.

    Each from the triangle over its range with the registry's value as mode, at an address of its own (seed and name),
    so a draw owes nothing to the others. Numbers on which the status quo was calibrated are not drawn: they would have
    to be drawn together.
    """
    draws = {}
    for row in load_parameters().rows:
        if row.value is None or row.low is None or row.high is None or row.low == row.high:
            continue
        if row.domain in DRAWN_DOMAINS or row.name.startswith(DRAWN_FAMILIES):
            draws[row.name] = triangular(_uniform(seed, row.name), row.low, row.value, row.high)
    return draws


def triangular(u: float, low: float, mode: float, high: float) -> float:
    """Return the u-quantile of the triangle from low over mode to high."""
    width = high - low
    if u * width < mode - low:
        return low + (u * width * (mode - low)) ** 0.5
    return float(high - ((1 - u) * width * (high - mode)) ** 0.5)


def _uniform(seed: int, name: str) -> float:
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2.0**64
