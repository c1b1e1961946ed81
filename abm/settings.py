"""From the parameter registry to what the compiled rules read: rates of need, kinds of need, behaviour.

Owns the translation only; every number comes from the registry by name. Rates are per day.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.population import DAYS_A_YEAR
from abm.state import KIND, NOBODY, NOWHERE, RULES, GeneralCause, Kind

if TYPE_CHECKING:
    from abm.calendar import Calendar
    from abm.conditions import Condition
    from abm.environment.territory import Territory
    from abm.parameters import Parameters
    from abm.population import Population

BAND_STARTS = (0, 5, 15, 25, 35, 45, 55, 65, 75, 85)
OLDEST_AGE_YEARS = 120
ADULT_SEX_BANDS = range(2, 7)  # 15-64: women consult more often [D017]
GP_KINDS = (Kind.GP_ACUTE, Kind.GP_FOLLOW_UP, Kind.GP_PREVENTIVE)
WINTER_PEAK_DAY = 20


def specialties_of(parameters: Parameters) -> tuple[str, ...]:
    """Return the specialties of the registry, in its order: one is added by adding its rows."""
    return tuple(parameters.matching("specialist_acts_per_person_year"))


def kind_names(specialties: tuple[str, ...]) -> tuple[str, ...]:
    """Return the name of each kind of need, as in the indicators."""
    return ("gp_acute", "gp_follow_up", "gp_preventive", "emergency", "stay", *specialties)


def cause_names(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    """Return the name of each cause of a stay, by row: the general ones, then "condition.event" in file order."""
    general = [cause.name.lower() for cause in GeneralCause if cause != GeneralCause.FIRST_EVENT]
    return (*general, *(f"{c.name}.{event.name}" for c in conditions for event in c.events))


def age_band_table() -> NDArray[np.int64]:
    """Return the age band of each age in completed years, shape (121,)."""
    return np.searchsorted(np.array(BAND_STARTS), np.arange(OLDEST_AGE_YEARS + 1), side="right") - 1


@dataclass(frozen=True)
class Rates:
    """Rates of need, per day.

    Attributes
    ----------
    base : shape (kinds, bands, 2), before the personal factor; women are index 1.
    by_condition : shape (kinds, conditions), added for each condition.
    follow_up_factor : multiplier of everybody's guideline rhythm, so that acts come to their total.
    """

    base: NDArray[np.float64]
    by_condition: NDArray[np.float64]
    follow_up_factor: float


def need_rates(
    population: Population,
    parameters: Parameters,
    conditions: tuple[Condition, ...],
    specialties: tuple[str, ...],
    *,
    reference_day: int,
) -> Rates:
    """Return rates such that this population's expected acts come to the registered means (ODD 7.2).

    Notes
    -----
    D007-D016 are *realised* acts: rates are scaled so that acts served, not needs, come to D003 (`need_scale`).
    """
    people = _Composition(population, reference_day)
    n_kinds = Kind.FIRST_SPECIALTY + len(specialties)
    base = np.zeros((n_kinds, len(BAND_STARTS), 2))
    by_condition = np.zeros((n_kinds, len(conditions)))
    follow_up_factor = _general_practice_rates(base, people, parameters)
    _emergency_rates(base, parameters)
    for specialty, name in enumerate(specialties):
        kind = Kind.FIRST_SPECIALTY + specialty
        extra = np.array([c.specialist_visits_per_year.get(name, 0.0) for c in conditions])
        base[kind], by_condition[kind] = _specialty_rates(name, extra, people, parameters)
    return Rates(base / DAYS_A_YEAR, by_condition / DAYS_A_YEAR, follow_up_factor)


class _Composition:
    """Who lives here, as the rates need it: everybody's band and sex, and head counts of each."""

    def __init__(self, population: Population, reference_day: int) -> None:
        rows = population.rows
        age = np.clip((reference_day - rows.birth_day) / DAYS_A_YEAR, 0, OLDEST_AGE_YEARS).astype(int)
        self.age_years = age
        self.band = age_band_table()[age]
        self.sex = rows.is_female.astype(int)
        self.rows = rows
        self.heads = np.zeros((len(BAND_STARTS), 2))
        np.add.at(self.heads, (self.band, self.sex), 1.0)

    def mean(self, table: NDArray) -> float:
        """Return the mean over people of a table by band and sex."""
        return float((self.heads * table).sum() / max(self.heads.sum(), 1.0))


def _profile(parameters: Parameters) -> NDArray[np.float64]:
    """Return acts a year by band and sex, shape (10, 2), from D007-D017."""
    by_age = [value for label, value in parameters.matching("gp_acts_per_year").items() if label.startswith("age=")]
    profile = np.repeat(np.array(by_age)[:, None], 2, axis=1)
    ratio = parameters["gp_acts_sex_ratio_F_over_M[15-64]"]
    for band in ADULT_SEX_BANDS:
        profile[band] *= np.array([2.0, 2.0 * ratio]) / (1.0 + ratio)
    return profile


def _general_practice_rates(base: NDArray, people: _Composition, parameters: Parameters) -> float:
    """Write acute, follow-up and preventive needs a year; return the factor of the guideline rhythms.

    What the guideline visits of the chronically ill do not fill of the follow-up share is spread as other follow-up.
    """
    profile = _profile(parameters)
    total = parameters["gp_acts_per_capita_year[model default]"]
    profile *= total / people.mean(profile)
    base[Kind.GP_ACUTE] = parameters["gp_contact_share_acute"] * profile
    base[Kind.GP_PREVENTIVE] = parameters["gp_contact_share_prevention_admin"] * profile
    guideline = np.zeros_like(profile)
    np.add.at(guideline, (people.band, people.sex), people.rows.follow_up_rate * DAYS_A_YEAR)
    guideline = np.divide(guideline, people.heads, out=np.zeros_like(guideline), where=people.heads > 0)
    base[Kind.GP_FOLLOW_UP] = np.maximum(0.0, parameters["gp_contact_share_chronic_followup"] * profile - guideline)
    expected = sum(people.mean(base[kind]) for kind in GP_KINDS) + people.mean(guideline)
    factor = parameters["need_scale"] * total / expected
    for kind in GP_KINDS:
        base[kind] *= factor
    base[Kind.GP_ACUTE] *= 1.0 + parameters["demand_seasonality_amplitude"]  # the peak; the season takes the rest off
    return float(factor)


def _emergency_rates(base: NDArray, parameters: Parameters) -> None:
    """Write true emergencies a year: the totals D035-D042 less the share for want of other access [B024]."""
    bands = {
        int(label.removeprefix("age=").split("-")[0].rstrip("+")): value
        for label, value in parameters.matching("ed_visits_per_year").items()
    }
    starts = np.array(sorted(bands))
    for band, start in enumerate(BAND_STARTS):
        age_class = starts[np.searchsorted(starts, start, side="right") - 1]
        base[Kind.EMERGENCY, band] = bands[age_class] * (1.0 - parameters["ed_share_access_difficulty"])


def _specialty_rates(
    name: str, extra: NDArray, people: _Composition, parameters: Parameters
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return first needs a year that the person asks for himself: base (10, 2), by condition (m,).

    The mean over the ages and sex that the specialty sees is the registered one; visits booked at the end of another
    and referrals are taken off, as they come about by themselves.
    """
    lowest, highest = (parameters[f"specialist_{bound}_age_years[{name}]"] for bound in ("min", "max"))
    women_only = parameters.get(f"specialist_women_only[{name}]", 0.0) == 1.0
    eligible = (people.age_years >= lowest) & (people.age_years <= highest)
    if women_only:
        eligible &= people.sex == 1
    shape = _profile(parameters) if highest >= OLDEST_AGE_YEARS else np.ones((len(BAND_STARTS), 2))
    covered = np.zeros((len(BAND_STARTS), 2))
    np.add.at(covered, (people.band[eligible], people.sex[eligible]), 1.0)
    shape = shape * np.divide(covered, people.heads, out=np.zeros_like(covered), where=people.heads > 0)
    has = (people.rows.conditions[:, None] >> np.arange(extra.size)) & 1
    scale = parameters["specialist_need_scale"]
    wanted = scale * parameters[f"specialist_acts_per_person_year[{name}]"] * eligible.sum() / max(people.rows.size, 1)
    extra = scale * extra
    by_conditions = float((has * extra).sum() / max(people.rows.size, 1))
    level = max(0.0, wanted - by_conditions) / max(people.mean(shape), 1e-12)
    own_share = 1.0 - parameters[f"specialist_referral_share[{name}]"]
    booked = parameters[f"specialist_booked_at_visit_share[{name}]"]
    interval_years = parameters[f"specialist_follow_up_interval_days[{name}]"] / DAYS_A_YEAR
    return (
        own_share * first_needs(shape * level, booked, interval_years),
        own_share * first_needs(extra, booked, interval_years),
    )


def first_needs(visits_per_year: NDArray, booked: float, interval_years: float) -> NDArray[np.float64]:
    """Return the first needs a year that lead to a number of visits when a share of visits books the next one.

    Parameters
    ----------
    booked : share of visits at the end of which the next is fixed, `interval_years` later.

    Notes
    -----
    The clock of first needs stands still while a visit is booked: a cycle lasts 1/needs + booked/(1 - booked) *
    interval and holds 1/(1 - booked) visits. Where visits come nearly as often as the interval allows, needs are
    bounded at five times the visits that follow them.
    """
    idle_share = np.maximum(0.2, 1.0 - visits_per_year * booked * interval_years)
    return visits_per_year * (1.0 - booked) / idle_share


# --- kinds and rules --------------------------------------------------------------------------------------------


def kind_table(parameters: Parameters, specialties: tuple[str, ...]) -> np.recarray:
    """Return the kinds of need, rows KIND; where their local providers stand is written by `local_providers`."""
    kinds = np.zeros(Kind.FIRST_SPECIALTY + len(specialties), KIND).view(np.recarray)
    for kind in GP_KINDS:
        _describe_gp_kind(kinds[kind], kind, parameters)
    for specialty, name in enumerate(specialties):
        _describe_specialty(kinds[Kind.FIRST_SPECIALTY + specialty], name, parameters)
    return kinds


def local_providers(
    kinds: np.recarray, providers: np.recarray, minutes: NDArray[np.float64], parameters: Parameters
) -> NDArray[np.int32]:
    """Return the specialists within reach of each commune, shape (c, l); writes where each kind of need finds its own.

    Parameters
    ----------
    kinds : rows KIND, a specialty each from `Kind.FIRST_SPECIALTY` on; `first_local` and `n_local` are written.
    providers : rows PROVIDER.
    minutes : from communes to places, shape (c, places).

    Returns
    -------
    rows of `providers` in their order, grouped by specialty, each group padded with NOBODY to its longest.
    """
    groups, n_columns = [np.zeros((len(minutes), 0), np.int32)], 0
    for specialty, row in enumerate(kinds[Kind.FIRST_SPECIALTY :]):
        these = np.flatnonzero(providers.specialty == specialty)
        is_near = minutes[:, providers.place[these]] <= parameters["specialist_reach_minutes"]
        groups.append(_padded(these, is_near))
        row.first_local, row.n_local = n_columns, groups[-1].shape[1]
        n_columns += groups[-1].shape[1]
    return np.ascontiguousarray(np.concatenate(groups, axis=1))


def _padded(names: NDArray, is_chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return in each row the names chosen there, in their order, then NOBODY; as wide as the longest row."""
    number = is_chosen.sum(axis=1)
    table = np.full((len(is_chosen), int(number.max(initial=0))), NOBODY, np.int32)
    table[np.arange(table.shape[1]) < number[:, None]] = names[np.nonzero(is_chosen)[1]]
    return table


def nearest_poles(
    territory: Territory, minutes: NDArray[np.float64], specialties: tuple[str, ...]
) -> NDArray[np.int32]:
    """Return each commune's nearest outside pole of each specialty, a column of `minutes`, shape (c, specialties)."""
    n_communes = len(territory.communes)
    table = np.full((n_communes, len(specialties)), NOWHERE, np.int32)
    sites = list(zip(territory.sites["kind"], territory.sites["specialties"], strict=True))
    for specialty, name in enumerate(specialties):
        columns = np.array(
            [n_communes + i for i, (kind, offered) in enumerate(sites) if kind == "pole" and name in offered], np.int64
        )
        if columns.size:
            table[:, specialty] = columns[np.argmin(minutes[:, columns], axis=1)]
    return table


def _describe_gp_kind(row: np.record, kind: Kind, parameters: Parameters) -> None:
    acute = kind == Kind.GP_ACUTE
    tolerance = {
        Kind.GP_ACUTE: "tolerance_days_GP_acute",
        Kind.GP_FOLLOW_UP: "tolerance_days_GP_followup",
        Kind.GP_PREVENTIVE: "tolerance_days_GP_preventive",
    }
    row.tolerance_days = parameters[tolerance[kind]]
    row.tolerance_sigma = parameters["tolerance_spread_gp"]
    row.wait_disutility = parameters["choice_wait_disutility_GP_acute" if acute else "choice_wait_disutility_GP_other"]
    row.travel_disutility = parameters["choice_travel_disutility_GP"]
    row.retry_days = int(parameters["retry_days_gp_acute" if acute else "retry_days_gp_other"])
    row.most_attempts = int(parameters["attempts_gp"])
    row.cancel_rate = parameters["cancellation_hazard_gp"]
    row.p_no_show_logit = logit(parameters["no_show_at_no_lead_share_gp"])
    if acute:
        row.p_divert = parameters["ed_diversion_prob_acute_beyond_tolerance"]
        row.is_seasonal = 1
    elif kind == Kind.GP_FOLLOW_UP:
        row.wish_days = parameters["wished_horizon_follow_up_days"]
        row.soon_share = parameters["wished_soon_share_follow_up"]
        row.p_planned = parameters["follow_up_booked_at_visit_share"]
        row.planned_interval_days = parameters["gp_follow_up_other_interval_days"]
    else:
        row.wish_days = parameters["wished_horizon_preventive_days"]
        row.soon_share = parameters["wished_soon_share_preventive"]


def _describe_specialty(row: np.record, name: str, parameters: Parameters) -> None:
    row.tolerance_days = parameters["tolerance_days_specialist"]
    row.tolerance_sigma = parameters["tolerance_spread_specialist"]
    row.wish_days = parameters[f"specialist_wished_horizon_days[{name}]"]
    row.soon_share = parameters["wished_soon_share_specialist"]
    row.wait_disutility = parameters["choice_wait_disutility_specialist"]
    row.travel_disutility = parameters["specialist_travel_decay_beta"]
    row.retry_days = int(parameters["retry_days_specialist"])
    row.most_attempts = int(parameters["attempts_specialist"])
    row.cancel_rate = parameters["cancellation_hazard_specialist"]
    row.p_no_show_logit = logit(parameters["no_show_at_no_lead_share_specialist"])
    row.p_planned = parameters[f"specialist_booked_at_visit_share[{name}]"]
    row.planned_interval_days = parameters[f"specialist_follow_up_interval_days[{name}]"]
    row.p_urgent = parameters.get(f"specialist_urgent_share[{name}]", 0.0)
    referred = parameters[f"specialist_referral_share[{name}]"]
    row.referral_odds = referred / (1.0 - referred)
    mean, median = (parameters[f"pole_wait_{what}_days[{name}]"] for what in ("mean", "median"))
    row.pole_wait_median_days = median
    row.pole_wait_sigma = sqrt(2.0 * log(mean / median))


def logit(share: float) -> float:
    """Return the log-odds of a share strictly between 0 and 1."""
    return log(share / (1.0 - share))


def rule_row(
    parameters: Parameters,
    acute_needs_per_year: float,
    *,
    delay_affects_health: bool = True,
) -> np.recarray:
    """Return the behaviour that all kinds share, rows RULES, shape (1,).

    Parameters
    ----------
    acute_needs_per_year : mean of the population; the unasked emergency visits [B024] are a share of it.
    delay_affects_health : False: no acute need left unserved becomes an emergency.
    """
    rows = np.zeros(1, RULES).view(np.recarray)
    row = rows[0]
    row.loyalty_utility = parameters["gp_loyalty_utility"]
    row.walk_in_utility = parameters["choice_walk_in_utility"]
    row.video_utility = parameters["choice_video_utility"]
    row.platform_utility = parameters["choice_platform_utility"]
    row.video_share = row.video_share_today = parameters["video_considered_share"]
    row.platform_share = row.platform_share_today = parameters["platform_considered_share"]
    row.video_eligible_share = parameters["teleconsult_clinically_eligible_share"]
    _describe_telehealth(row, parameters)
    unasked = parameters["ed_visits_per_capita"] * parameters["ed_share_access_difficulty"]
    unasked *= 1.0 - parameters["emergency_split_wait_dependent"]
    row.p_never_asked = unasked / max(acute_needs_per_year, 1e-12)
    row.duty_share_closed_day = parameters["duty_care_share_closed_day"]
    row.platform_share_closed_day = parameters["platform_share_closed_day"]
    row.home_visit_age_years = parameters["home_visit_from_age_years"]
    row.home_visit_share = parameters["home_visit_share_old"]
    row.no_show_slope = parameters["noshow_logit_slope"]
    row.no_show_flat_days = parameters["no_show_flat_after_days"]
    row.rebook_share = parameters["cancellation_rebooked_share"]
    row.rhythm_sigma = parameters["follow_up_rhythm_spread"]
    row.registration_share = parameters["registration_at_visit_share"]
    row.season_mean = 1.0 / (1.0 + parameters["demand_seasonality_amplitude"])
    row.visits_per_need = 1.0 / parameters["need_scale"]
    row.escalation_share = parameters["escalation_share_of_unserved_acute_needs"] if delay_affects_health else 0.0
    row.comorbidity_ratio = parameters["incidence_ratio_per_condition"]
    return rows


def _describe_telehealth(row: np.record, parameters: Parameters) -> None:
    in_person = parameters["teleconsult_return_visit_7d_inperson"]
    row.video_cap_share = parameters["teleconsult_activity_cap"]
    # The returns after visits in person are among the needs already, whatever visit was before them.
    row.video_return_share = max(0.0, parameters["teleconsult_return_visit_7d_video"] - in_person)
    row.video_return_days = parameters["teleconsult_return_asked_within_days"]
    row.video_replaced_share = parameters["teleconsult_substitution_rate"]
    row.video_asked_again_days = parameters["teleconsult_unreplaced_asked_within_days"]
    row.answer_days = parameters["telexpertise_response_days"]
    row.answer_spares_share = parameters["telexpertise_avoided_visit_share"]


def season_table(calendar: Calendar, amplitude: float) -> NDArray[np.float64]:
    """Return the level of seasonal needs by day relative to the winter peak, shape (t,)."""
    angle = 2.0 * np.pi * (calendar.day_of_year.astype(float) - WINTER_PEAK_DAY) / DAYS_A_YEAR
    return (1.0 + amplitude * np.cos(angle)) / (1.0 + amplitude)
