"""Hospitals and outside poles: so far the emergency department people go to, and the specialties a pole offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np

from abm.records import finished_episodes
from abm.state import Kind

if TYPE_CHECKING:
    from abm.model import TerritoryModel


class Hospital(mesa.Agent):
    """A hospital of the territory, or a pole outside.

    Attributes
    ----------
    place : column of the travel table.
    specialties : outpatient specialties that it offers as a pole.
    """

    def __init__(self, model: TerritoryModel, index: int) -> None:
        super().__init__(model)
        site = model.territory.sites.iloc[index]
        self.place = len(model.territory.communes) + index
        self.name = str(site["name"])
        self.is_inside = site["kind"] == "hospital"
        self.has_emergency = bool(site["has_emergency"])
        self.specialties = tuple(site["specialties"])

    @property
    def emergency_visits(self) -> int:
        """Number of residents' visits to its emergency department so far (warm-up included)."""
        rows = finished_episodes(self.model.arrays)
        return int(((rows.kind == Kind.EMERGENCY) & (rows.place == self.place)).sum())

    @property
    def communes_nearest(self) -> list[str]:
        """Communes for which it has the nearest emergency department."""
        nearest = self.model.arrays.emergency_places == self.place
        return list(self.model.territory.communes["name"].to_numpy()[np.flatnonzero(nearest)])
