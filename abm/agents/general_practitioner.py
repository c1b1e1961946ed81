"""General practitioners: who has them on a list, what they offer, whom they take."""

from __future__ import annotations

from abm.agents.professional import Column, Professional
from abm.state import Status


class GeneralPractitioner(Professional):
    """A general practitioner; sets of them are `model.general_practitioners`.

    Attributes
    ----------
    accepts_others : takes people who are not on the list (0 or 1).
    offers_video : sees people of the list by video (0 or 1).
    """

    offers_video = Column()
    home_visit_seconds = Column()
    video_seconds = Column()

    @property
    def list_size(self) -> int:
        """Number of people registered with this doctor who live here today."""
        people = self.model.arrays.patients
        return int(((people.registered_gp == self.row) & (people.status == Status.ALIVE)).sum())
