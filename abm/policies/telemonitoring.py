"""Telemonitoring of heart failure: some of those who come home from hospital after an event are watched at a distance.

Today's uptake is part of the status quo, its effect of today's published rates: only people beyond it gain and are
billed. One channel: fewer stays for heart failure [T020]; fewer deaths [T019] follow from these and are never applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.effects import EVENT_RATIO
from abm.errors import InputError
from abm.policies import Lever, Policy

if TYPE_CHECKING:
    from abm.model import TerritoryModel

HEART_FAILURE = "heart_failure"


class Telemonitoring(Policy):
    """Monitoring for ED013 days after each admission for heart failure [T017], paid by the month [P016, P019]."""

    name = "telemonitoring"
    levers = (
        Lever(
            "telemonitoring", "share", "share of people home from heart failure monitored, over today's uptake", 0, 1
        ),
    )
    streams = ("TELEMONITORING",)

    def prepare(self, model: TerritoryModel) -> None:
        """Refuse a run that knows no heart failure."""
        if HEART_FAILURE not in model.effects.conditions:
            raise InputError(f"'telemonitoring': this run knows no condition '{HEART_FAILURE}'")

    def monitored(self, model: TerritoryModel, today: int) -> np.ndarray:
        """Return the rows of those monitored because of this policy, shape (r,).

        A person's readiness is drawn once: below T018 he is monitored today already, above that by the lever.
        """
        parameters, people = model.setting.parameters, model.arrays.patients
        rows = model.admitted_for(HEART_FAILURE, today - round(parameters["telemonitoring_days"]))
        from abm.randomness import Stream, uniforms  # the compiler, not needed to read a scenario

        draws = uniforms(model.arrays.key, Stream.TELEMONITORING, people.person[rows].astype(np.int64))
        first = parameters["telemonitoring_uptake_after_admission"]
        has_it = (people.conditions[rows] >> model.effects.conditions.index(HEART_FAILURE)) & 1 == 1
        return rows[has_it & (draws >= first) & (draws < first + self.value("telemonitoring"))]

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Look who is monitored this month: fewer events, and on the first of a month the month's payment."""
        rows = self.monitored(model, today)
        left = np.ones(model.arrays.patients.size)
        left[rows] = min(1.0, model.setting.parameters["telemonitoring_hf_admission_RR"])
        model.effects.set(self.name, EVENT_RATIO, left, HEART_FAILURE)
        if model.setting.calendar.is_first_of_month[today]:
            operator = "other_providers" if model.hospital is None else model.hospital.row
            model.bill_in_full(rows, "telemonitoring_operator", "telehealth", operator, today)
            model.bill_in_full(rows, "telemonitoring_technical", "telehealth", "other_providers", today)


POLICY = Telemonitoring
