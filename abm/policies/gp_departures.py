"""General practitioners leave at the start of the horizon, the oldest first, and nobody follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.errors import InputError
from abm.policies import Lever, Policy

if TYPE_CHECKING:
    from abm.model import TerritoryModel


class Departures(Policy):
    """What happens if those who are near retirement stop at once; retirements by age go on beside."""

    name = "gp_departures"
    levers = (Lever("gp_departures", "GPs", "general practitioners who leave at the start, oldest first", 0, 200, int),)

    def prepare(self, model: TerritoryModel) -> None:
        """Refuse more departures than there are doctors."""
        if self.value("gp_departures") > len(model.territory_practices):
            raise InputError(
                f"'gp_departures': found {self.value('gp_departures')}, expected at most "
                f"{len(model.territory_practices)}, the general practitioners of {model.territory.name}"
            )

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Close the practices of the oldest, on the first day only."""
        if today != model.setting.first_reported_day:
            return
        there = [gp for gp in model.general_practitioners if gp.row in model.territory_practices]
        for gp in sorted(there, key=lambda gp: (gp.birth_day, gp.row))[: self.value("gp_departures")]:
            gp.leave_practice(today + 1)


POLICY = Departures
