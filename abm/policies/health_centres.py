"""Open health centres: salaried general practitioners where access is worst among communes with a pharmacy or hospital.

The doctors of a centre are practices like others: shorter lists, an agenda each, open to everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.policies import Lever, Policy
from abm.state import Payer

if TYPE_CHECKING:
    from abm.model import TerritoryModel

FIRST_ADDRESS = 60_000


class HealthCentres(Policy):
    """Each centre has `health_centre_gps` doctors with `health_centre_gp_activity_relative` of the mean list [S014]."""

    name = "health_centres"
    levers = (
        Lever("health_centres", "centres", "health centres with salaried GPs, where access is worst", 0, 20, int),
    )
    streams = ("PROFESSIONALS", "HOLIDAYS")

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Book a month of what fees leave uncovered [EV011], by the territory; in a thinned run, in proportion."""
        parameters = model.setting.parameters
        n_doctors = self.value("health_centres") * round(parameters["health_centre_gps"])
        a_year = parameters["health_centre_subsidy_eur_per_gp"] * n_doctors * model.policy.scale
        self.pay_a_month(model, today, Payer.TERRITORY, a_year)

    def prepare(self, model: TerritoryModel) -> None:
        """Give each centre a commune and its doctors their agendas."""
        parameters = model.setting.parameters
        list_target = parameters["health_centre_gp_activity_relative"] * parameters["gp_panel_MT_mean"]
        n_doctors = round(parameters["health_centre_gps"])
        places = model.communes_with(("pharmacy",)) | model.communes_with_hospital()
        communes = model.communes_of_worst_access(
            self.value("health_centres"), list_target * n_doctors, among=places or None
        )
        model.add_practices([commune for commune in communes for _ in range(n_doctors)], list_target, FIRST_ADDRESS)


POLICY = HealthCentres
