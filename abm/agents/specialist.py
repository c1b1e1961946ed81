"""Specialists who practise in the territory; those outside are poles, without an agenda of their own."""

from __future__ import annotations

from abm.agents.professional import Professional


class Specialist(Professional):
    """A local specialist; sets of them are `model.specialists`."""

    @property
    def specialty(self) -> str:
        """Name of the specialty, as in the indicators."""
        return self.model.setting.specialties[int(self.model.arrays.providers.specialty[self.row])]

    @property
    def non_resident_requests_per_day(self) -> float:
        """Mean requests of people from elsewhere on an open day."""
        return float(self.model.arrays.providers.non_resident_requests[self.row])
