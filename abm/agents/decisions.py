"""Decisions of professionals, once a month: retiring, being replaced, being recruited (step 9).

Professionals are few and decide: these are rules of Mesa agents, not compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abm.model import TerritoryModel


def decide(model: TerritoryModel, today: int) -> None:
    """On the first day of a month: let each professional decide."""
