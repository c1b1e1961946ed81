"""What is known of a chronic disease: plain frozen data, with the numbers of a run filled in.

Owns the shapes only; the files are read by `abm.conditions.reader`, their numbers become tables in `abm.illness`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Control:
    """How well a disease is held in check: low is good; it drifts when follow-up is late and visits win it back.

    Parameters
    ----------
    title : language ("en", "fr") to name.
    unit : of all values below, as in the registry ("%" for HbA1c, else a score from 0 to 1).
    mean, sd, best, worst : between patients at the start: normal, cut at `best` and `worst`.
    drift_per_month_late : units lost per month beyond the person's own rhythm of follow-up.
    restored_share : of the distance to the person's control at the start, won back at a visit for the disease.
    restored_by : specialties whose visits do so, besides follow-up by a general practitioner.
    """

    title: Mapping[str, str]
    unit: str
    mean: float
    sd: float
    best: float
    worst: float
    drift_per_month_late: float
    restored_share: float
    restored_by: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """An exacerbation or complication that leads to hospital.

    Parameters
    ----------
    name, title : key in the file; language to name.
    rate_per_year : events a patient-year, mean of all patients, or None where `persons_per_year` is given.
    persons_per_year : share of patients with at least one a year, or None.
    control_ratio : rate ratio for one unit of control more (worse).
    deprivation_ratio : rate ratio of the poorest over the richest fifth.
    age_ratio_per_decade : rate ratio, among patients, for ten years of age more.
    ward : "medicine", "surgery" or "intensive".
    is_day_case, is_avoidable : without a night; counted among avoidable admissions.
    stay_days, stay_sigma : mean nights, spread of their logarithm.
    by_emergency_share, treatable_locally_share, death_share, readmitted_share : of stays.
    utility_loss : of quality of life, for ever after, >= 0.
    history_share : of patients who had such an event before the start.
    tariff : name of the act that prices the stay.
    """

    name: str
    title: Mapping[str, str]
    rate_per_year: float | None
    persons_per_year: float | None
    control_ratio: float
    deprivation_ratio: float
    age_ratio_per_decade: float
    ward: str
    is_day_case: bool
    is_avoidable: bool
    stay_days: float
    stay_sigma: float
    by_emergency_share: float
    treatable_locally_share: float
    death_share: float
    readmitted_share: float
    utility_loss: float
    history_share: float
    tariff: str


@dataclass(frozen=True)
class Condition:
    """A chronic disease, with the numbers of a run filled in.

    Parameters
    ----------
    name : as in the file's name; the key of everything about this disease.
    title : language ("en", "fr") to name for readers.
    first_ages : shape (n_bands,), years, increasing: the first age of each band; the last band is open.
    share_by_band : shape (n_bands, 2), share of people with the disease, men and women.
    gp_follow_up_interval_days : days between GP visits for this disease, by guideline.
    specialist_visits_per_year : specialty to visits a year for this disease.
    ald_share : share of patients with long-term status (affection de longue durée) for it.
    incidence_by_age : first age to new cases a person-year among those without it, from that age to the next one; ages
        left out, or all of them, have as many as keep the prevalence of each age steady.
    recovery_per_year : patients a patient-year who no longer have it.
    control, events : see `Control` and `Event`.
    mortality_ratio, mortality_control_ratio, mortality_ratio_after_event : of death: with the disease over without; for
        one unit of control more; within a year of an event, on top.
    utility_loss, utility_loss_after_event : of quality of life, >= 0: of the disease; for the month of an event.
    """

    name: str
    title: Mapping[str, str]
    first_ages: NDArray[np.int64] = field(repr=False, compare=False)
    share_by_band: NDArray[np.float64] = field(repr=False, compare=False)
    gp_follow_up_interval_days: float
    specialist_visits_per_year: Mapping[str, float]
    ald_share: float
    incidence_by_age: Mapping[int, float]
    recovery_per_year: float
    control: Control
    events: tuple[Event, ...]
    mortality_ratio: float
    mortality_control_ratio: float
    mortality_ratio_after_event: float
    utility_loss: float
    utility_loss_after_event: float

    def prevalence(self, age_years: ArrayLike, is_female: ArrayLike) -> NDArray[np.float64]:
        """Return the probability that people of these ages and sexes have the disease.

        Parameters
        ----------
        age_years : shape (n,), >= 0, whole or not; below the first band nobody has it.
        is_female : shape (n,), 0 or 1 (or bool).

        Returns
        -------
        shape (n,), in [0, 1].
        """
        band = np.searchsorted(self.first_ages, np.asarray(age_years), side="right") - 1
        share = self.share_by_band[np.maximum(band, 0), np.asarray(is_female, dtype=np.int64)]
        return np.where(band >= 0, share, 0.0)
