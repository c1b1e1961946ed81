"""Hospitals and outside poles as Mesa agents: emergency department, beds, stays, and the specialties a pole offers.

Views of columns: beds and stays belong to the compiled rules (abm.agents.stays).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np

from abm.records import all_stays, finished_episodes
from abm.state import NOBODY, Kind, Ward

if TYPE_CHECKING:
    from abm.model import TerritoryModel


class Hospital(mesa.Agent):
    """A hospital of the territory, or a pole outside.

    Attributes
    ----------
    row : row of its site in the pack.
    place : column of the travel table.
    is_inside : a hospital of the territory; poles lie outside and are never full.
    specialties : outpatient specialties that it offers as a pole.
    """

    def __init__(self, model: TerritoryModel, index: int) -> None:
        super().__init__(model)
        site = model.territory.sites.iloc[index]
        self.row = index
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

    # --- beds and stays ------------------------------------------------------------------------------------------

    @property
    def beds_by_ward(self) -> dict[str, int | None]:
        """Beds of each ward; None: as many as needed."""
        beds = self.model.arrays.beds[self.row]
        return {ward.name.lower(): None if beds[ward] == NOBODY else int(beds[ward]) for ward in Ward}

    @property
    def occupied_by_ward(self) -> dict[str, int]:
        """Beds of each ward that are taken now, by inhabitants and by people from elsewhere who are followed."""
        return {ward.name.lower(): int(self.model.arrays.occupied[self.row, ward]) for ward in Ward}

    @property
    def beds(self) -> int | None:
        """All beds; None: as many as needed."""
        beds = self.model.arrays.beds[self.row]
        return None if (beds == NOBODY).any() else int(beds.sum())

    @property
    def occupied(self) -> int:
        """Beds taken now."""
        return int(self.model.arrays.occupied[self.row].sum())

    @property
    def occupancy(self) -> float:
        """Share of the beds taken now; NaN where there are none or as many as needed."""
        return self.occupied / self.beds if self.beds else float("nan")

    @property
    def stays(self) -> np.recarray:
        """Stays begun here so far, rows STAY, day cases, people from elsewhere and the warm-up included."""
        stays = all_stays(self.model.arrays)
        return stays[stays.site == self.row].view(np.recarray)

    @property
    def n_stays(self) -> int:
        """Number of stays begun here so far."""
        return int(self.stays.size)

    @property
    def transfers(self) -> int:
        """Number of inhabitants sent on from here so far because no bed was free."""
        stays, world = all_stays(self.model.arrays), self.model.arrays
        sent = stays.patient[stays.is_transfer == 1]
        return int((world.emergency_places[world.patients.commune[sent]] == self.place).sum())
