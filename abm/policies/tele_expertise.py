"""Questions between doctors: a share of referrals is put to a specialist in writing before anybody makes a trip.

The answer comes within days [T015] and makes a share of visits needless [T016]; both doctors are paid [P014, P015], at
most four times a person and year. It takes no time of the agendas: specialists answer outside their sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.policies import Lever, Policy
from abm.state import Effect

if TYPE_CHECKING:
    from abm.model import TerritoryModel


class TeleExpertise(Policy):
    """Everybody's referrals alike; a network may give its members more, see `abm.effects`."""

    name = "tele_expertise"
    levers = (Lever("tele_expertise", "share", "share of referrals answered between doctors first", 0, 1),)

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Begin on the first day of the horizon."""
        if today == model.setting.first_reported_day:
            share = np.full(model.arrays.patients.size, self.value("tele_expertise"))
            model.effects.set(self.name, Effect.TELE_EXPERTISE_SHARE, share)


POLICY = TeleExpertise
