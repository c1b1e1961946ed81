"""How are needs called in front of a reader? Owns the English words of screens and figures for ids of the model."""

from __future__ import annotations

GP_NEEDS = ("gp", "gp_acute", "gp_follow_up", "gp_preventive")
MAIN_SPECIALTIES = (
    "cardiologist", "ophthalmologist", "dermatologist", "gynaecologist", "paediatrician", "psychiatrist",
)  # fmt: skip
_LABELS = {
    "gp": "any reason",
    "specialist": "any specialist",
    "gp_acute": "new symptoms",
    "gp_follow_up": "follow-up of an illness",
    "gp_preventive": "prevention, certificates",
    "ent_specialist": "ENT specialist",
}


def need_label(need: str) -> str:
    """Return what a need is called."""
    return _LABELS.get(need, need.replace("_", " "))
