"""An itinerant practice: a doctor in a bus holds sessions in turn in the communes where access is worst.

Each stop is a small practice with an agenda of its own, open to everybody; fees pay the doctor, the territory pays the
bus. Doctors come from elsewhere: nobody of the territory's own is taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.policies import Lever, Policy
from abm.state import Payer

if TYPE_CHECKING:
    from abm.model import TerritoryModel

FIRST_ADDRESS = 70_000
CENTS_A_EURO, MONTHS_A_YEAR = 100.0, 12.0


class ItinerantConsultation(Policy):
    """A bus goes round `itinerant_stops` communes; the time of one young doctor is shared between them."""

    name = "itinerant_consultation"
    levers = (
        Lever("itinerant_units", "units", "buses with a general practitioner, where access is worst", 0, 20, int),
    )
    streams = ("PROFESSIONALS", "HOLIDAYS")

    def prepare(self, model: TerritoryModel) -> None:
        """Choose the stops, and give each its agenda."""
        parameters = model.setting.parameters
        n_stops = round(parameters["itinerant_stops"])
        activity = parameters["new_gp_activity_relative"] * parameters["itinerant_time_at_stops_share"]
        list_target = activity * parameters["gp_panel_MT_mean"] / n_stops
        communes = model.communes_of_worst_access(n_stops * self.value("itinerant_units"), list_target)
        model.add_practices(communes, list_target, FIRST_ADDRESS)

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Pay a twelfth of a year of each bus: vehicle, driver, secretary; fees pay the doctor."""
        eur = self.value("itinerant_units") * model.setting.parameters["itinerant_eur_per_unit_year"]
        cents = CENTS_A_EURO * eur * model.setting.scenario.scale
        model.pay_for_action(today, Payer.TERRITORY, round(cents / MONTHS_A_YEAR))


POLICY = ItinerantConsultation
