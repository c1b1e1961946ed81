"""Nurses take over tasks in general practices (Asalée, advanced practice): their doctors have time for more people.

Only the time freed is simulated. The effect on the control of diabetes that studies report is not: it belongs to the
follow-up of the ill, and would count the same nurse twice if it were added to visits that the time makes possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.policies import Lever, Policy
from abm.state import Payer

if TYPE_CHECKING:
    from abm.model import TerritoryModel


class NurseDelegation(Policy):
    """One full-time nurse works for 1 / S040 doctors; each of them has S042 more capacity and room on the list."""

    name = "nurse_delegation"
    levers = (
        Lever("nurse_delegation_fte", "FTE", "nurses in general practices to whom tasks are delegated", 0, 50, float),
    )

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Place the nurses on the first day, longest lists first, the last one in part; pay them."""
        a_year = model.setting.parameters["delegated_nurse_eur_per_fte"] * self.value("nurse_delegation_fte")
        self.pay_a_month(model, today, Payer.COMPULSORY, a_year * model.policy.scale)
        if today != model.setting.first_reported_day:
            return
        parameters = model.setting.parameters
        n_doctors = self.value("nurse_delegation_fte") / parameters["asalee_nurse_fte_per_gp"]
        gain = parameters["asalee_gp_panel_gain"]
        there = [gp for gp in model.general_practitioners if gp.is_in_practice and not gp.is_leaving]
        for gp in sorted(there, key=lambda gp: (-gp.list_size, gp.row)):
            if n_doctors <= 0.0 or gain == 0.0:
                return
            gp.relieve(gain * min(1.0, n_doctors), today + 1)
            n_doctors -= 1.0


POLICY = NurseDelegation
