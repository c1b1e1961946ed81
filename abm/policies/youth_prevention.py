"""Prevention campaigns among the young: vaccination, oral health, screening at school and in small groups.

More preventive visits at once, fewer new symptoms and emergencies later. What prevention spares after the horizon (most
of what it is for) is not seen by a run of a few years: read its costs here, not its worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.policies import Lever, Policy
from abm.state import Kind, Payer, Status

if TYPE_CHECKING:
    from abm.model import TerritoryModel

#: Age bands of the rates of needs that end before 25 completed years (0-4, 5-14, 15-24): the programme's 0-25.
YOUNG_BANDS = 3
CENTS_A_EURO, MONTHS_A_YEAR = 100.0, 12.0
CHANGES = (
    (Kind.GP_ACUTE, "youth_prevention_acute_needs_spared"),
    (Kind.EMERGENCY, "youth_prevention_emergencies_spared"),
)


class YouthPrevention(Policy):
    """Needs are those of an age: the rates of all the young change, in proportion to the share reached."""

    name = "youth_prevention"
    levers = (Lever("youth_prevention", "share", "share of people under 25 reached by prevention campaigns"),)

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Begin on the first day, let the effect on needs come after its delay, and pay every month."""
        setting, world = model.setting, model.arrays
        months = int(world.month_of[today] - world.month_of[setting.first_reported_day])
        reached = self.value("youth_prevention")
        parameters = setting.parameters
        if today == setting.first_reported_day:
            change_needs(model, Kind.GP_PREVENTIVE, 1.0 + reached * parameters["youth_prevention_visits_gain"])
        elif months == round(parameters["youth_prevention_delay_months"]) and setting.calendar.is_first_of_month[today]:
            for kind, name in CHANGES:
                change_needs(model, kind, 1.0 - reached * parameters[name])
        is_young = (world.patients.status == Status.ALIVE) & (world.patients.age_band < YOUNG_BANDS)
        cents = CENTS_A_EURO * parameters["youth_prevention_eur_per_year"] / MONTHS_A_YEAR
        model.pay_for_action(today, Payer.TERRITORY, round(reached * cents * int(is_young.sum())))


def change_needs(model: TerritoryModel, kind: Kind, ratio: float) -> None:
    """Multiply a kind of need of the young: for who comes into these ages from now on, and for who is there.

    A clock that runs keeps its day; the next one is drawn at the new rate.
    """
    world, people = model.arrays, model.arrays.patients
    former = world.rates[kind].copy()
    world.rates[kind, :YOUNG_BANDS] *= ratio
    rows = np.flatnonzero((people.status == Status.ALIVE) & (people.age_band < YOUNG_BANDS))
    more = (world.rates[kind] - former)[people.age_band[rows], people.is_female[rows]]
    rate = world.episodes["rate"][kind * people.size : (kind + 1) * people.size]
    rate[rows] = np.maximum(rate[rows] + more * people.need_factor[rows].astype(float), 0.0)


POLICY = YouthPrevention
