"""What hospitals have to do and with what: causes of stays, expected stays by age, beds by site, people from elsewhere.

Owns the rows of the general causes and the columns that `abm.agents.stays` reads (ODD 7.7); draws nothing. Published
rates are totals: emergency visits [D034-D042], stays with a night [D050, D052-D057], stays without one [D049]. Own
clocks get what is left of them once diversions, the events of chronic diseases and readmissions have had their part.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from abm.population import DAYS_A_YEAR, by_age
from abm.settings import BAND_STARTS, OLDEST_AGE_YEARS, age_band_table
from abm.state import CAUSE, HOSPITAL, NOBODY, STAY_AGE, GeneralCause, Kind, Ward

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from abm.environment.territory import Territory
    from abm.parameters import Parameters

BEDS = ("beds_medicine", "beds_surgery", "beds_intensive")  # columns of the pack's sites, in the order of Ward
GENERAL = ("emergency", "planned_medicine", "planned_surgery", "day_case")  # members of GeneralCause, in order
GENERAL_TARIFFS = ("stay", "stay", "stay[surgery]", "day_case")  # acts by which they are paid
VISITOR_CAUSES = int(GeneralCause.DAY_CASE)  # people from elsewhere come for the causes before it
LONGEST_STAY_NIGHTS = 4000  # where the sum over the nights of a stay is cut off
EMERGENCY, DAY_CASE = int(GeneralCause.EMERGENCY), int(GeneralCause.DAY_CASE)
PLANNED_MEDICINE, PLANNED_SURGERY = int(GeneralCause.PLANNED_MEDICINE), int(GeneralCause.PLANNED_SURGERY)
FIRST_EVENT = int(GeneralCause.FIRST_EVENT)


@dataclass(frozen=True)
class HospitalPlan:
    """What is expected of hospitals, from which the clocks and shares of a run follow.

    Attributes
    ----------
    causes : rows CAUSE: the general ones, then the events of conditions.
    heads : inhabitants by age band, shape (a,).
    stays : expected stays per person and year by cause and age band, readmissions included, shape (e, a).
    readmissions : part of them that are readmissions, shape (e, a).
    emergency_visits : per person and year by age band, all of them, shape (a,).
    own_emergency_share : what is left of the own emergency clock, by age band, shape (a,).
    admitted_share : of emergency visits that are neither disease events nor readmissions, shape (a,); less for those
        who found no doctor in time.
    planned_rate : planned stays per person and day, day cases included, by age band, shape (a,).
    ages : rows STAY_AGE, shape (a,).
    """

    causes: np.recarray
    heads: NDArray[np.float64]
    stays: NDArray[np.float64]
    readmissions: NDArray[np.float64]
    emergency_visits: NDArray[np.float64]
    own_emergency_share: NDArray[np.float64]
    admitted_share: NDArray[np.float64]
    planned_rate: NDArray[np.float64]
    ages: np.recarray


def no_events() -> np.recarray:
    """Return the events of no condition at all, rows CAUSE, shape (0,)."""
    return np.zeros(0, CAUSE).view(np.recarray)


def bands_of(rows: np.recarray, reference_day: int) -> NDArray[np.int64]:
    """Return everybody's age band on a day, shape (n,)."""
    age = np.clip((reference_day - rows.birth_day) / DAYS_A_YEAR, 0, OLDEST_AGE_YEARS).astype(int)
    return age_band_table()[age]


def at_bands(parameters: Parameters, family: str) -> NDArray[np.float64]:
    """Return a parameter family that is written by age at the age bands of the model, shape (a,)."""
    return by_age(parameters, family, np.array(BAND_STARTS, float))


# --- expectations -----------------------------------------------------------------------------------------------------


def expected_events(events: np.recarray, rows: np.recarray, reference_day: int) -> NDArray[np.float64]:
    """Return the first events of diseases per person and year by event and age band, shape (events, a).

    Parameters
    ----------
    events : rows CAUSE whose `rate` is a day's, of people with the condition.
    rows : rows PATIENT.

    Notes
    -----
    The rate of people at mean control: deviations of control must average out (abm.illness sees to it).
    """
    bands = bands_of(rows, reference_day)
    heads = np.maximum(np.bincount(bands, minlength=len(BAND_STARTS)), 1)
    table = np.zeros((events.size, len(BAND_STARTS)))
    for event in range(events.size):
        has = (rows.conditions >> events.condition[event]) & 1
        ill = np.bincount(bands, weights=has, minlength=len(BAND_STARTS))
        table[event] = events.rate[event] * DAYS_A_YEAR * ill / heads
    return table


def emergency_share_of_disease(
    visits_of_disease: NDArray[np.float64], own_clock: NDArray[np.float64], least_share: float
) -> NDArray[np.float64]:
    """Return the factor of the own emergency clock that leaves room for other visits, shape (a,).

    Parameters
    ----------
    visits_of_disease : emergency visits per person and year owing to disease events and readmissions, shape (a,).
    own_clock : those of the own clock if there were none of these, shape (a,).
    least_share : what is left of it at least; where it binds, the total is exceeded.
    """
    left = 1.0 - np.divide(visits_of_disease, own_clock, out=np.zeros_like(own_clock), where=own_clock > 0)
    return np.maximum(left, least_share)


def expected_deaths_in_hospital(plan: HospitalPlan) -> NDArray[np.float64]:
    """Return the deaths in hospital expected per person and year by age band, shape (a,)."""
    return (plan.stays * death_shares(plan.causes, plan.ages.death_ratio)).sum(axis=0)


def death_shares(causes: np.recarray, death_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of stays that end in death by cause and age band, shape (e, a)."""
    ratio = np.where(np.arange(causes.size)[:, None] < FIRST_EVENT, death_ratio[None, :], 1.0)
    return np.minimum(causes.p_death[:, None] * ratio, 1.0)


def plan_hospital(
    rows: np.recarray,
    emergency_rates: NDArray[np.float64],
    parameters: Parameters,
    *,
    reference_day: int,
    events: np.recarray | None = None,
    events_per_year: NDArray[np.float64] | None = None,
    tariffs: Mapping[str, int] | None = None,
) -> HospitalPlan:
    """Return what is expected of hospitals, such that published totals are met by all paths together.

    Parameters
    ----------
    rows : rows PATIENT, the population for which the totals hold.
    emergency_rates : of the own clock, a day by age band: the published totals less diversions [B024], shape (a,).
    events : rows CAUSE of the events of conditions; none by default.
    events_per_year : of them, per person by event and age band, shape (events, a); by default `expected_events`.
    tariffs : name of an act to its row in `world.tariffs`; None leaves all stays at the first, any other stay.

    Notes
    -----
    Who is readmitted may come back again, and the admitted share of emergency visits holds with readmissions in it,
    so shares and readmissions are found together, by iteration.
    """
    events = no_events() if events is None else events
    causes = np.concatenate([general_causes(parameters, tariffs), events]).view(np.recarray)
    heads = np.bincount(bands_of(rows, reference_day), minlength=len(BAND_STARTS)).astype(float)
    own_clock = emergency_rates * DAYS_A_YEAR
    visits = own_clock / (1.0 - parameters["ed_share_access_difficulty"])
    unable = visits * parameters["ed_share_access_difficulty"] * parameters["emergency_split_wait_dependent"]
    first_events = expected_events(events, rows, reference_day) if events_per_year is None else events_per_year
    with_night = _to_mean(at_bands(parameters, "overnight_stays_per_year"), heads)
    with_night *= parameters["mco_overnight_stays_per_capita"]
    day_cases = _to_mean(at_bands(parameters, "day_case_relative"), heads)
    day_cases *= parameters["mco_stays_per_capita"] - parameters["mco_overnight_stays_per_capita"]
    death_relative = at_bands(parameters, "hospital_death_relative")
    first = np.zeros((causes.size, len(BAND_STARTS)))
    first[FIRST_EVENT:] = first_events
    readmitted = np.zeros_like(first)
    death_ratio = np.ones(len(BAND_STARTS))
    for _ in range(60):
        by_disease = (causes.p_emergency[:, None] * first)[FIRST_EVENT:].sum(axis=0) + readmitted.sum(axis=0)
        others = np.maximum(visits - by_disease, 0.0)
        counted = others - (1.0 - parameters["emergency_admitted_ratio_without_access"]) * np.minimum(unable, others)
        admitted = _admitted_share(counted, by_disease, visits, heads, parameters)
        first[EMERGENCY] = admitted * counted
        nights = causes.is_day_case[:, None] == 0
        planned = np.maximum(with_night - (nights * (first + readmitted))[_unplanned(causes)].sum(axis=0), 0.0)
        first[PLANNED_SURGERY] = parameters["planned_surgery_share"] * planned
        first[PLANNED_MEDICINE] = planned - first[PLANNED_SURGERY]
        first[DAY_CASE] = day_cases
        stays = first + readmitted
        death_ratio = _to_mean(death_relative, heads * stays[EMERGENCY])
        readmitted = _readmissions(causes, stays * (1.0 - death_shares(causes, death_ratio)))
    stays = first + readmitted
    _set_emergency_nights(causes, stays, heads, parameters)
    ages = np.zeros(len(BAND_STARTS), STAY_AGE).view(np.recarray)
    ages.death_ratio = death_ratio
    all_planned = planned + day_cases
    ages.day_case_share = np.divide(day_cases, all_planned, out=np.ones_like(day_cases), where=all_planned > 0)
    return HospitalPlan(
        causes,
        heads,
        stays,
        readmitted,
        visits,
        emergency_share_of_disease(by_disease, own_clock, parameters["least_own_emergency_share"]),
        admitted,
        all_planned / DAYS_A_YEAR,
        ages,
    )


def _to_mean(relative: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values by age band scaled to a weighted mean of 1 (unchanged where nobody is)."""
    total = float(relative @ weights)
    return relative * (weights.sum() / total) if total > 0.0 else relative.copy()


def _unplanned(causes: np.recarray) -> NDArray[np.bool_]:
    """Tell which causes come without a plan: emergencies and the events of conditions, shape (e,)."""
    row = np.arange(causes.size)
    return (row == EMERGENCY) | (row >= FIRST_EVENT)


def _admitted_share(
    others: NDArray, by_disease: NDArray, visits: NDArray, heads: NDArray, parameters: Parameters
) -> NDArray[np.float64]:
    """Return the admitted share of the visits that are not admitted by their nature, by age band, shape (a,).

    Parameters
    ----------
    others : these visits; those of people who found no doctor in time count by their ratio only.

    Notes
    -----
    All visits together have the share of [D044]: disease events and readmissions, always admitted, are in it.
    """
    wanted = (1.0 - parameters["ed_share_discharged_home"]) * float(heads @ visits) - float(heads @ by_disease)
    share = at_bands(parameters, "emergency_admitted_relative")
    for _ in range(20):  # an age at which all are admitted leaves the rest to the others
        total = float(heads @ (others * share))
        if total <= 0.0:
            break
        share = np.clip(share * max(wanted, 0.0) / total, 0.0, 1.0)
    return share


def _readmissions(causes: np.recarray, left_alive: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return readmissions by the cause they come for: an event's own, or a general emergency; shape (e, a)."""
    back = causes.p_readmission[:, None] * left_alive
    table = np.zeros_like(back)
    table[FIRST_EVENT:] = back[FIRST_EVENT:]
    table[EMERGENCY] = back[:FIRST_EVENT].sum(axis=0)
    return table


# --- causes -----------------------------------------------------------------------------------------------------------


def general_causes(parameters: Parameters, tariffs: Mapping[str, int] | None = None) -> np.recarray:
    """Return the causes that belong to no condition, rows CAUSE, shape (4,), in the order of GeneralCause.

    The nights of stays from the emergency department are set with the expected stays (`plan_hospital`).
    """
    rows = np.zeros(FIRST_EVENT, CAUSE).view(np.recarray)
    rows.condition = NOBODY
    if tariffs is not None:
        rows.tariff = [tariffs[name] for name in GENERAL_TARIFFS]
    rows["ward"] = Ward.MEDICINE
    rows["ward"][PLANNED_SURGERY] = Ward.SURGERY
    rows.is_day_case[DAY_CASE] = 1
    rows.p_emergency[EMERGENCY] = 1.0
    for cause, name in enumerate(GENERAL):
        rows.p_local[cause] = parameters[f"treated_nearby_share[{name}]"]
        if cause == DAY_CASE:
            continue
        rows.p_death[cause] = parameters[f"hospital_death_share[{name}]"]
        rows.p_readmission[cause] = parameters[f"readmission_30_days_share[{name}]"]
        rows.stay_sigma[cause] = parameters["stay_spread"]
        if cause != EMERGENCY:
            rows.stay_days[cause] = parameters[f"stay_nights[{name}]"]
    return rows


def _set_emergency_nights(causes: np.recarray, stays: NDArray, heads: NDArray, parameters: Parameters) -> None:
    """Write the mean nights of stays from the emergency department: what makes the mean of all stays [S045]."""
    number = stays @ heads * (causes.is_day_case == 0)
    known = float((number * causes.stay_days).sum())
    wanted = parameters["mco_mean_length_of_stay"] * float(number.sum())
    causes.stay_days[EMERGENCY] = max(1.0, (wanted - known) / number[EMERGENCY]) if number[EMERGENCY] > 0 else 1.0


def log_medians(causes: np.recarray) -> NDArray[np.float64]:
    """Return the log of the median of X by cause, such that 1 + floor(X) nights have the cause's mean, shape (e,).

    X is lognormal with the cause's spread; without spread every stay has the mean rounded to whole nights.
    """
    return np.array([_log_median(cause.stay_days, cause.stay_sigma) for cause in causes])


def _log_median(mean_nights: float, sigma: float) -> float:
    if sigma <= 0.0:
        return log(max(round(mean_nights), 1) - 0.5)
    log_nights = np.log(np.arange(1, LONGEST_STAY_NIGHTS + 1))

    def excess(log_median: float) -> float:
        return 1.0 + float(ndtr((log_median - log_nights) / sigma).sum()) - mean_nights

    lowest, highest = -12.0 * sigma - 2.0, log(max(mean_nights, 1.0)) + 2.0
    return lowest if excess(lowest) >= 0.0 else float(brentq(excess, lowest, highest))


# --- sites ------------------------------------------------------------------------------------------------------------


def bed_table(sites: pd.DataFrame, scale: float) -> NDArray[np.int32]:
    """Return beds by site and ward, shape (sites, wards); NOBODY: as many as needed.

    Notes
    -----
    A pole is never full. A hospital of the territory whose beds are not known has none here: nobody is sent there.
    A thinned population meets thinned wards, one bed at least where there is a ward.
    """
    known = sites[list(BEDS)].to_numpy(float)
    is_pole = (sites["kind"] == "pole").to_numpy()[:, None]
    has_emergency = sites["has_emergency"].to_numpy(bool)[:, None]
    has_ward = np.where(np.isnan(known), 0.0, known) > 0
    scaled = np.where(has_ward, np.maximum(np.round(np.nan_to_num(known) * scale), 1.0), 0.0)
    table = np.where(is_pole, np.where(has_emergency | has_ward, NOBODY, 0), scaled)
    return np.ascontiguousarray(table, dtype=np.int32)


def visitor_means(
    plan: HospitalPlan,
    sites: pd.DataFrame,
    beds: NDArray[np.int32],
    heads_near: NDArray[np.float64],
    parameters: Parameters,
    scale: float,
) -> NDArray[np.float64]:
    """Return the people from elsewhere who ask for a bed a day, by site and cause, shape (sites, 3).

    Parameters
    ----------
    heads_near : inhabitants by site and age band whose nearest emergency department it is, shape (sites, a).

    Notes
    -----
    Emergencies: the recorded admissions of the site less the inhabitants' expected ones. Planned stays: what fills
    medicine and surgery to the usual occupancy. Nothing below zero; poles need none, as they are never full.
    """
    means = np.zeros((len(sites), VISITOR_CAUSES))
    recorded = sites["emergency_admitted_per_year"].to_numpy(float) * scale
    for site in range(len(sites)):
        if not (beds[site] > 0).any():
            continue
        here = plan.stays @ heads_near[site] * plan.causes.p_local  # a year
        by_emergency = here * np.where(np.arange(here.size) < FIRST_EVENT, 0.0, plan.causes.p_emergency)
        by_emergency[EMERGENCY] = here[EMERGENCY]
        if not np.isnan(recorded[site]):
            means[site, EMERGENCY] = max(0.0, recorded[site] - float(by_emergency.sum())) / DAYS_A_YEAR
        in_beds = _beds_taken(plan, here / DAYS_A_YEAR, parameters)
        in_beds += _beds_taken(plan, np.eye(here.size)[EMERGENCY] * means[site, EMERGENCY], parameters)
        for cause in (PLANNED_MEDICINE, PLANNED_SURGERY):
            ward = int(plan.causes.ward[cause])
            room = parameters["usual_bed_occupancy"] * max(int(beds[site, ward]), 0) - in_beds[ward]
            means[site, cause] = max(0.0, room) / float(plan.causes.stay_days[cause])
    return means


def _beds_taken(plan: HospitalPlan, stays_a_day: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """Return the mean beds that stays take by ward, shape (wards,)."""
    nights = stays_a_day * plan.causes.stay_days * (plan.causes.is_day_case == 0)
    taken = np.bincount(plan.causes.ward, weights=nights, minlength=len(Ward))
    for ward, name in ((Ward.SURGERY, "emergency_surgery_share"), (Ward.INTENSIVE, "emergency_intensive_share")):
        taken[ward] += parameters[name] * nights[EMERGENCY]
        taken[plan.causes.ward[EMERGENCY]] -= parameters[name] * nights[EMERGENCY]
    return taken


# --- columns ----------------------------------------------------------------------------------------------------------


def most_calls(n_people: int) -> int:
    """Return the length of the list of those who ask for a bed: more than any day can bring."""
    return (1 << 12) + n_people // 4


def hospital_columns(
    plan: HospitalPlan,
    territory: Territory,
    emergency_places: NDArray[np.int32],
    rows: np.recarray,
    parameters: Parameters,
    *,
    reference_day: int,
    scale: float = 1.0,
    capacity: int | None = None,
    delay_affects_health: bool = True,
) -> dict[str, Any]:
    """Return the columns of the world that hospitals need, by name; the table of stays grows with the run.

    Parameters
    ----------
    emergency_places : column of `minutes` of each commune's nearest emergency department, shape (c,).
    rows : rows PATIENT of the inhabitants.
    capacity : rows of patients, spare ones included; the inhabitants' number by default.
    delay_affects_health : False: nobody is admitted who comes only because no doctor had time, and all come back as
        rarely as those who have seen a doctor since their stay.
    """
    sites = territory.sites
    beds = bed_table(sites, scale)
    near = emergency_places[rows.commune] - territory.n_communes
    heads_near = np.zeros((len(sites), len(BAND_STARTS)))
    np.add.at(heads_near, (near, bands_of(rows, reference_day)), 1.0)
    n_rows = rows.size if capacity is None else capacity
    hospital = np.zeros(1, HOSPITAL).view(np.recarray)
    hospital.planned_surgery_share = parameters["planned_surgery_share"]
    hospital.emergency_surgery_share = parameters["emergency_surgery_share"]
    hospital.emergency_intensive_share = parameters["emergency_intensive_share"]
    hospital.follow_up_share = parameters["follow_up_asked_after_stay_share"]
    hospital.admitted_ratio_without_access = parameters["emergency_admitted_ratio_without_access"]
    hospital.readmission_ratio = parameters["readmission_ratio_after_gp_visit"]
    causes = plan.causes.copy()
    if not delay_affects_health:
        causes.p_readmission *= hospital.readmission_ratio
        hospital.readmission_ratio, hospital.admitted_ratio_without_access = 1.0, 0.0
    return {
        "causes": causes,
        "call_rows": np.zeros(most_calls(n_rows), np.int32),
        "call_causes": np.zeros(most_calls(n_rows), np.int16),
        "call_contacts": np.zeros(most_calls(n_rows), np.uint8),
        "beds": beds,
        "occupied": np.zeros_like(beds),
        "stay_share_admitted": plan.admitted_share,
        "hospital": hospital,
        "stay_ages": plan.ages,
        "stay_log_medians": log_medians(plan.causes),
        "visitor_means": visitor_means(plan, sites, beds, heads_near, parameters, scale),
    }


def write_rates(plan: HospitalPlan, base: NDArray[np.float64]) -> None:
    """Write the clocks of planned stays and of emergencies into the rates a day, shape (kinds, a, 2)."""
    base[Kind.STAY] = plan.planned_rate[:, None]
    base[Kind.EMERGENCY] *= plan.own_emergency_share[:, None]
