"""More consultations by video, from the start of the horizon on; the scenario says whose time they use.

`own`: the own doctor's agenda, local specialists' too: no doctor's hour is added. `platform`: doctors elsewhere, so
capacity is. `booth`: the same doctors, seen in a booth in a pharmacy: no digital access is needed, but a trip is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.errors import InputError
from abm.policies import Lever, Policy
from abm.state import NOWHERE, Payer

if TYPE_CHECKING:
    from abm.model import TerritoryModel

OWN, PLATFORM, BOOTH = "own", "platform", "booth"
HOSTS = ("pharmacy",)


class Teleconsultation(Policy):
    """The share is added to that of eligible requests [T013] for which video is thought of today [X033, X034]."""

    name = "teleconsultation"
    levers = (
        Lever("teleconsultation", "share", "extra share of eligible acts offered by video, over today's", 0, 1),
        Lever(
            "teleconsultation_time",
            "name",
            "whose time more teleconsultations use; own doctors' where none is named",
            kind=str,
            neutral="",
            choices=(OWN, PLATFORM, BOOTH),
        ),
    )

    @property
    def time(self) -> str:
        """Whose time is used: own, platform or booth."""
        return self.value("teleconsultation_time") or OWN

    def assumptions(self) -> tuple[str, ...]:
        """Say that the doctors' own time was taken, where none is named."""
        if self.value("teleconsultation_time"):
            return ()
        return ("teleconsultation without 'teleconsultation_time': the doctors' own time ('own') was taken",)

    def prepare(self, model: TerritoryModel) -> None:
        """Refuse a time without a share, and booths where there is no pharmacy; place the booths."""
        if not self.value("teleconsultation"):
            raise InputError(
                f"'teleconsultation_time': found '{self.time}' with 'teleconsultation' 0, expected a share above 0"
            )
        if self.time == BOOTH:
            self._place_booths(model)

    def _place_booths(self, model: TerritoryModel) -> None:
        """Write the nearest commune with a pharmacy within reach [TE003] of each commune, if there is one."""
        hosts = np.array(sorted(model.communes_with(HOSTS)), np.int64)
        if hosts.size == 0:
            raise InputError(
                f"'teleconsultation_time': found 'booth', but {model.territory.name} has no pharmacy to put one in"
            )
        minutes = model.setting.travel.commune_minutes[:, hosts]
        nearest = minutes.argmin(axis=1)
        is_near = minutes.min(axis=1) <= model.setting.parameters["teleconsult_booth_reach_minutes"]
        model.arrays.booth_places[:] = np.where(is_near, hosts[nearest], NOWHERE)

    def _pay_booths(self, model: TerritoryModel, today: int) -> None:
        """Book a month of rent, by the territory [EV013], and of help, by the insurance [EV014]."""
        parameters, n = model.setting.parameters, len(model.communes_with(HOSTS)) * model.policy.scale
        self.pay_a_month(model, today, Payer.TERRITORY, n * parameters["teleconsultation_booth_eur_per_year"])
        self.pay_a_month(model, today, Payer.COMPULSORY, n * parameters["teleconsultation_booth_help_eur"])

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Offer more from the morning after the first day of the horizon on; pay the booths."""
        if self.time == BOOTH:
            self._pay_booths(model, today)
        if today != model.setting.first_reported_day:
            return
        rules, share = model.arrays.rules, self.value("teleconsultation")
        if self.time == OWN:
            rules.video_share = np.minimum(1.0, rules.video_share_today + share)
            rules.specialist_video_share = share * model.setting.parameters["specialist_video_eligible_share"]
        elif self.time == PLATFORM:
            rules.platform_share = np.minimum(1.0, rules.platform_share_today + share)
        else:
            rules.booth_share = share


POLICY = Teleconsultation
