"""More places in therapeutic patient education than today's offer: the same programmes, with more groups.

Today's offer runs in every run (`abm.agents.education`); what the extra places do comes on top of today's health.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.errors import InputError
from abm.policies import Lever, Policy

if TYPE_CHECKING:
    from abm.model import TerritoryModel

PRIOR, PUBLISHED, NO_EFFECT = "prior", "published", "none"


class PatientEducation(Policy):
    """Extra places from the start of the horizon on; who completes in them gains for a while [E015-E018, E023-E024]."""

    name = "education"
    levers = (
        Lever("patient_education", "per 1,000/year", "extra places in patient education, over today's offer", 0, 50),
        Lever(
            "education_effect",
            "name",
            "what a completed programme does: prior (cautious, the default) or published (as trials found)",
            kind=str,
            neutral="",
            choices=(PRIOR, PUBLISHED),
            of="patient_education",
        ),
        Lever(
            "education_without_effect",
            "0 or 1",
            "1: the extra places are held and paid for, and do nothing (null arm)",
            0,
            1,
            int,
            of="patient_education",
        ),
    )
    streams = ("EDUCATION_OFFER", "EDUCATION_ACCEPT", "EDUCATION_COMPLETE")

    def prepare(self, model: TerritoryModel) -> None:
        """Refuse more places than there are sessions for, and an effect of what has none."""
        if self.value("education_without_effect") and self.value("education_effect"):
            raise InputError(
                f"'education_effect': found '{self.value('education_effect')}' with 'education_without_effect' 1, "
                "expected one of the two"
            )
        model.education.refuse_beyond_sessions(self.value("patient_education"), "patient_education")

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Open the extra places on the first day; the programmes do the rest."""
        if today == model.setting.first_reported_day:
            effect = NO_EFFECT if self.value("education_without_effect") else self.value("education_effect") or PRIOR
            model.education.expand(self.value("patient_education"), effect)


POLICY = PatientEducation
