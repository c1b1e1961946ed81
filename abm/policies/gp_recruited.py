"""Recruit general practitioners: new practices, in the communes of worst access, from the start of the horizon on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.policies import CENTS_A_EURO, Lever, Policy
from abm.state import Payer

if TYPE_CHECKING:
    from abm.model import TerritoryModel

FIRST_ADDRESS = 50_000


class Recruitment(Policy):
    """Each recruited doctor opens a practice for a young doctor's list: S035 of the mean list of the country [S014]."""

    name = "gp_recruited"
    levers = (
        Lever("gp_recruited", "GPs", "general practitioners who open a practice where access is worst", 0, 100, int),
    )
    streams = ("PROFESSIONALS", "HOLIDAYS")

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Book the aid for setting up a practice [EV010] on the first day; in a thinned run, in proportion."""
        if today == model.setting.first_reported_day:
            aid = model.setting.parameters["gp_installation_aid_eur"] * self.value("gp_recruited") * model.policy.scale
            model.pay_for_action(today, Payer.COMPULSORY, round(aid * CENTS_A_EURO))

    def prepare(self, model: TerritoryModel) -> None:
        """Give each a commune, an agenda and an address; the number recruited changes nothing for the first of them."""
        parameters = model.setting.parameters
        list_target = parameters["new_gp_activity_relative"] * parameters["gp_panel_MT_mean"]
        communes = model.communes_of_worst_access(self.value("gp_recruited"), list_target)
        model.add_practices(communes, list_target, FIRST_ADDRESS)


POLICY = Recruitment
