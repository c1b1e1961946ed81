"""Prescribed physical activity in a sport-health house (maison sport-santé): the chronically ill train under guidance.

What it does goes through control alone: better control, fewer events, less spending follow by the rules of the disease.
No effect on mortality or on spending is applied beside it, or the same gain would count twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.policies import Lever, Policy
from abm.state import Payer, Status

if TYPE_CHECKING:
    from abm.model import TerritoryModel

SHIFT = "shift"
TAKES_PART, KEEPS_UP = 0, 1  # sub-addresses of a person's draws
CENTS_A_EURO, MONTHS_A_YEAR = 100.0, 12.0


class PrescribedActivity(Policy):
    """The houses stand where the hospitals of the territory are, or in its largest commune; others are out of reach."""

    name = "prescribed_activity"
    levers = (
        Lever(
            "prescribed_activity", "share", "share of the chronically ill near a sport-health house who begin to train"
        ),
    )
    streams = ("PRESCRIBED_ACTIVITY",)

    def takes_part(self, model: TerritoryModel) -> np.ndarray:
        """Return who is training at present, shape (n,): the same draws decide at every level of the lever."""
        from abm.randomness import Stream, uniforms  # the compiler, not needed to read a scenario

        parameters, people = model.setting.parameters, model.arrays.patients
        persons = people.person.astype(np.int64)
        begins, keeps = (
            uniforms(model.arrays.key, Stream.PRESCRIBED_ACTIVITY, persons, kind) for kind in (TAKES_PART, KEEPS_UP)
        )
        minutes = model.setting.travel.commune_minutes[:, sorted(houses(model))].min(axis=1)
        is_near = (minutes <= parameters["prescribed_activity_reach_minutes"])[people.commune]
        is_ill = (people.status == Status.ALIVE) & (people.conditions != 0) & is_near
        return (
            is_ill
            & (begins < self.value("prescribed_activity"))
            & (keeps < parameters["prescribed_activity_kept_up_share"])
        )

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Say who trains in the month to come, and pay a twelfth of a year for each."""
        parameters, world = model.setting.parameters, model.arrays
        trains = self.takes_part(model)
        for index, condition in enumerate(model.setting.conditions):
            gain = parameters["prescribed_activity_control_sd"] * float(world.conditions.control_sd[index])
            has = (world.patients.conditions >> index) & 1
            model.effects.set(self.name, SHIFT, -gain * (trains & (has == 1)), condition.name)
        cents = CENTS_A_EURO * parameters["prescribed_activity_eur_per_year"] / MONTHS_A_YEAR
        model.pay_for_action(today, Payer.TERRITORY, round(cents * int(trains.sum())))


def houses(model: TerritoryModel) -> set[int]:
    """Return the communes with a sport-health house."""
    return model.communes_with_hospital() or {int(model.territory.communes["population"].to_numpy().argmax())}


POLICY = PrescribedActivity
