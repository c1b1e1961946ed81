"""Training of general practitioners: following the chronically ill, and what to do after a stay in hospital.

Whoever is trained sees the ill on his list a little more regularly and asks more of them to come after a stay; control
and events follow from that. The days of the courses are paid, but not taken out of the agendas: a course is held in the
evening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.policies import Lever, Policy
from abm.state import NOBODY, Effect, Payer, Status

if TYPE_CHECKING:
    from abm.model import TerritoryModel

CENTS_A_EURO, MONTHS_A_YEAR = 100.0, 12.0


class ProfessionalTraining(Policy):
    """A doctor takes part or not by a draw of his own, which a successor draws anew."""

    name = "professional_training"
    levers = (Lever("professional_training", "share", "share of general practitioners trained in following the ill"),)
    streams = ("TRAINING",)

    def trained(self, model: TerritoryModel) -> np.ndarray:
        """Return the rows of the trained practices that hold sessions."""
        from abm.randomness import Stream, uniforms  # the compiler, not needed to read a scenario

        key, share = model.arrays.key, self.value("professional_training")
        there = sorted(gp.row for gp in model.general_practitioners if gp.is_in_practice)
        desks = model.arrays.providers
        address, holder = desks.address.astype(np.int64), desks.holder
        draws = {row: uniforms(key, Stream.TRAINING, address[row : row + 1], 0, int(holder[row]))[0] for row in there}
        return np.array([row for row in there if draws[row] < share], np.int64)

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Say whose patients gain in the month to come, and pay a twelfth of a year's courses."""
        parameters, people = model.setting.parameters, model.arrays.patients
        rows = self.trained(model)
        has_trained = np.isin(people.registered_gp, rows) & (people.registered_gp != NOBODY)
        is_ill = has_trained & (people.conditions != 0) & (people.status == Status.ALIVE)
        gain, after_stay = (
            parameters[f"professional_training_{what}"] for what in ("follow_up_gain", "discharge_share")
        )
        model.effects.set(self.name, Effect.FOLLOW_UP_RATIO, 1.0 + gain * is_ill)
        model.effects.set(self.name, Effect.DISCHARGE_SHARE, after_stay * is_ill)
        cents = CENTS_A_EURO * parameters["professional_training_eur_per_gp_year"] / MONTHS_A_YEAR
        model.pay_for_action(today, Payer.OTHER, round(cents * rows.size * model.setting.scenario.scale))


POLICY = ProfessionalTraining
