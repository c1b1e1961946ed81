"""Cooperation protocols: nurses see some of a practice's follow-ups and simple complaints in the doctor's place.

The practice has time for more people, and its chronically ill are seen more regularly. Asalée and advanced practice are
another lever (`nurse_delegation_fte`); a practice can have both, and what they free multiplies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.policies import Lever, Policy
from abm.state import NOBODY, Effect, Payer, Status

if TYPE_CHECKING:
    from abm.model import TerritoryModel

CENTS_A_EURO, MONTHS_A_YEAR = 100.0, 12.0


class NurseProtocols(Policy):
    """The share of practices with the longest lists signs first; they are chosen once, on the first day."""

    name = "nurse_protocols"
    levers = (Lever("nurse_protocols", "share", "share of general practices that work with cooperation protocols"),)

    def __init__(self, values: object) -> None:
        super().__init__(values)
        self.practices: tuple[int, ...] = ()

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Free the doctors' time on the first day; every month follow the ill of these practices, and pay."""
        parameters, world = model.setting.parameters, model.arrays
        there = [gp for gp in model.general_practitioners if gp.is_in_practice and not gp.is_leaving]
        if today == model.setting.first_reported_day:
            n_practices = round(self.value("nurse_protocols") * len(there))
            chosen = sorted(there, key=lambda gp: (-gp.list_size, gp.row))[:n_practices]
            self.practices = tuple(gp.row for gp in chosen)
            for gp in chosen:
                gp.relieve(parameters["nurse_protocols_capacity_gain"], today + 1)
        people = world.patients
        has_nurse = np.isin(people.registered_gp, self.practices) & (people.registered_gp != NOBODY)
        is_followed = has_nurse & (people.conditions != 0) & (people.status == Status.ALIVE)
        gain = parameters["nurse_protocols_follow_up_gain"]
        model.effects.set(self.name, Effect.FOLLOW_UP_RATIO, 1.0 + gain * is_followed)
        n_there = sum(gp.row in self.practices for gp in there)
        cents = CENTS_A_EURO * parameters["nurse_protocols_eur_per_practice_year"] / MONTHS_A_YEAR
        model.pay_for_action(today, Payer.COMPULSORY, round(cents * n_there * model.setting.scenario.scale))


POLICY = NurseProtocols
