"""From the conditions to the tables that the rules of chronic disease read: rates, causes of stays, new cases.

Owns the translation (ODD 7.5) and the expectations that other parts need before the first day (mortality, quality of
life, stays). Published rates are means over patients; those of one person depend on control, deprivation and age, so
rates are divided by the mean of these multipliers over the territory's own patients, here, once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from abm.agents.health import (
    DAYS_A_MONTH,
    DAYS_A_YEAR,
    DAYS_BETWEEN_LOOKS,
    EVENT_MONTH_DAYS,
    IN_NO_CHAIN,
    RECENT_EVENT_DAYS,
    REFERENCE_AGE_YEARS,
)
from abm.errors import InputError, nearest
from abm.settings import BAND_STARTS, OLDEST_AGE_YEARS, age_band_table
from abm.state import CAUSE, CONDITION, HEALTH, NEVER, NOBODY, GeneralCause, Kind, Ward

if TYPE_CHECKING:
    from abm.conditions import Condition, Event
    from abm.parameters import Parameters

AGES = np.arange(OLDEST_AGE_YEARS + 1)
QUINTILES = np.arange(1, 6)
LAST_BAND_YEARS = 10.0  # width taken for the open last band of a prevalence
_Z = np.linspace(-8.0, 8.0, 321)  # standard normal, by the trapezoid rule: exact to nine digits where nothing is cut
_WEIGHTS = np.exp(-0.5 * _Z**2) / np.exp(-0.5 * _Z**2).sum()


def illness_columns(
    conditions: tuple[Condition, ...],
    parameters: Parameters,
    specialties: tuple[str, ...],
    people: np.recarray,
    *,
    n_rows: int,
    follow_up_factor: float,
    reference_day: int,
    delay_affects_health: bool = True,
    tariffs: Mapping[str, int] | None = None,
    deaths_per_year: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Return the columns of the world that belong to chronic disease.

    Parameters
    ----------
    people : rows PATIENT, shape (n,): the population whose patients have the published means.
    n_rows : rows of `world.patients`, spare ones included.
    follow_up_factor : of everybody's guideline rhythm, see `abm.settings.Rates`.
    reference_day : day index on which the ages of the pack hold.
    delay_affects_health : False: no control is lost to late follow-up.
    tariffs : name of an act to its row in `world.tariffs`; None leaves stays without a price.
    deaths_per_year : shape (121, 2), of everybody by age and sex, for incidence; None takes the registry's Gompertz.

    Returns
    -------
    `conditions`, `causes` (the general ones first, blank), `incidence`, `restores`, `health`, `first_look` and
    `next_look`.

    Raises
    ------
    InputError
        A condition names an unknown tariff or specialty.
    """
    heads = _heads(people, reference_day)
    table = _condition_table(conditions, parameters, follow_up_factor, delay_affects_health)
    causes = _cause_table(conditions, table, heads, tariffs)
    for row in table:
        row.most_event_share = _most_event_share(row, causes)
    health = np.zeros(n_rows * len(conditions), HEALTH).view(np.recarray)
    health.last_event_on = NEVER
    health.event_ratio = 1.0
    return {
        "conditions": table,
        "causes": causes,
        "incidence": _incidence(conditions, parameters, people, heads, reference_day, deaths_per_year),
        "restores": _restores(conditions, specialties),
        "health": health,
        "first_look": np.full(DAYS_BETWEEN_LOOKS, NOBODY, np.int32),
        "next_look": np.full(n_rows, IN_NO_CHAIN, np.int32),
    }


# --- tables -----------------------------------------------------------------------------------------------------


def _condition_table(
    conditions: tuple[Condition, ...], parameters: Parameters, follow_up_factor: float, delay_affects_health: bool
) -> np.recarray:
    table = np.zeros(len(conditions), CONDITION).view(np.recarray)
    first_cause = int(GeneralCause.FIRST_EVENT)
    for row, condition in zip(table, conditions, strict=True):
        control = condition.control
        row.address = zlib.crc32(condition.name.encode())
        kept = parameters["guideline_share_kept"] * follow_up_factor
        row.follow_up_interval_days = condition.gp_follow_up_interval_days / kept
        row.follow_up_grace_days = parameters["follow_up_grace_days"]
        row.control_mean, row.control_sd = control.mean, control.sd
        row.control_best, row.control_worst = control.best, control.worst
        row.drift_per_month_late = control.drift_per_month_late if delay_affects_health else 0.0
        row.restore_share = control.restored_share
        row.recovery_rate = condition.recovery_per_year / DAYS_A_YEAR
        row.mortality_ratio = condition.mortality_ratio
        row.log_mortality_per_unit = math.log(condition.mortality_control_ratio)
        row.recent_event_mortality_ratio = condition.mortality_ratio_after_event
        row.utility_loss = condition.utility_loss
        row.recent_event_utility_loss = condition.utility_loss_after_event
        row.first_cause, row.n_causes = first_cause, len(condition.events)
        row.ald_share = condition.ald_share
        first_cause += len(condition.events)
    return table


def _cause_table(
    conditions: tuple[Condition, ...], table: np.recarray, heads: NDArray, tariffs: Mapping[str, int] | None
) -> np.recarray:
    n_events = sum(len(condition.events) for condition in conditions)
    causes = np.zeros(int(GeneralCause.FIRST_EVENT) + n_events, CAUSE).view(np.recarray)
    causes.condition = causes.tariff = NOBODY
    place = int(GeneralCause.FIRST_EVENT)
    for index, condition in enumerate(conditions):
        patients = _patients(condition, heads)
        for event in condition.events:
            row = causes[place]
            _describe_event(row, event)
            row.condition = index
            row.tariff = _tariff(condition, event, tariffs)
            row.rate = _rate_at_reference(row, event, table[index], patients) / DAYS_A_YEAR
            place += 1
    return causes


def _describe_event(row: np.record, event: Event) -> None:
    row.log_ratio_per_unit = math.log(event.control_ratio)
    row.log_deprivation_ratio = math.log(event.deprivation_ratio)
    row.log_age_ratio_per_decade = math.log(event.age_ratio_per_decade)
    row.is_day_case, row.is_avoidable = event.is_day_case, event.is_avoidable
    row.ward = int(Ward[event.ward.upper()])
    row.stay_days, row.stay_sigma = event.stay_days, event.stay_sigma
    row.p_emergency, row.p_local = event.by_emergency_share, event.treatable_locally_share
    row.p_death, row.p_readmission = event.death_share, event.readmitted_share
    row.utility_loss, row.history_share = event.utility_loss, event.history_share


def _tariff(condition: Condition, event: Event, tariffs: Mapping[str, int] | None) -> int:
    if tariffs is None:
        return NOBODY
    if event.tariff not in tariffs:
        where = f"condition '{condition.name}', event '{event.name}'"
        raise InputError(f"{where}: unknown tariff '{event.tariff}'.{nearest(event.tariff, tariffs)}")
    return tariffs[event.tariff]


def _restores(conditions: tuple[Condition, ...], specialties: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which kinds of visit are follow-up of which condition, shape (kinds, m)."""
    table = np.zeros((Kind.FIRST_SPECIALTY + len(specialties), len(conditions)), np.bool_)
    table[Kind.GP_FOLLOW_UP] = True
    for index, condition in enumerate(conditions):
        for name in condition.control.restored_by:
            if name not in specialties:
                known = nearest(name, specialties)
                raise InputError(f"condition '{condition.name}' is seen by an unknown specialty '{name}'.{known}")
            table[Kind.FIRST_SPECIALTY + specialties.index(name), index] = True
    return table


# --- rates of events --------------------------------------------------------------------------------------------


def _heads(people: np.recarray, reference_day: int) -> NDArray[np.float64]:
    """Return people by age in years, sex and income fifth, shape (121, 2, 5)."""
    heads = np.zeros((AGES.size, 2, QUINTILES.size))
    age = ages_years(people, reference_day)
    np.add.at(heads, (age, people.is_female.astype(int), np.clip(people.income_quintile, 1, 5).astype(int) - 1), 1.0)
    return heads


def ages_years(people: np.recarray, day: int) -> NDArray[np.int64]:
    """Return completed years of age on a day, shape (n,), 0 to 120."""
    return np.clip(np.maximum(0, day - people.birth_day.astype(np.int64)) * 4 // 1461, 0, OLDEST_AGE_YEARS)


def _patients(condition: Condition, heads: NDArray) -> NDArray[np.float64]:
    """Return the expected patients by age and income fifth, shape (121, 5); evenly spread where there is nobody."""
    shares = np.stack([condition.prevalence(AGES, np.full(AGES.size, sex)) for sex in range(2)], axis=1)
    patients = (heads * shares[:, :, None]).sum(axis=1)
    if patients.sum() == 0.0:
        patients = np.repeat(shares.mean(axis=1)[:, None], QUINTILES.size, axis=1) + 1e-12
    return patients / patients.sum()


def _control_values(disease: np.record) -> NDArray[np.float64]:
    """Return control at the start at each node of `_Z`, shape (321,); `_WEIGHTS` are their probabilities."""
    return np.clip(disease.control_mean + disease.control_sd * _Z, disease.control_best, disease.control_worst)


def _multipliers(cause: np.record) -> NDArray[np.float64]:
    """Return the rate over that of the reference, by age and income fifth at mean control, shape (121, 5)."""
    by_age = cause.log_age_ratio_per_decade * (AGES - REFERENCE_AGE_YEARS) / 10.0
    by_quintile = cause.log_deprivation_ratio * (3.0 - QUINTILES) / 4.0
    return np.exp(by_age[:, None] + by_quintile[None, :])


def _control_multipliers(cause: np.record, disease: np.record) -> NDArray[np.float64]:
    """Return the rate over that at mean control, at each node of `_Z`."""
    return np.exp(cause.log_ratio_per_unit * (_control_values(disease) - disease.control_mean))


def _rate_at_reference(cause: np.record, event: Event, disease: np.record, patients: NDArray) -> float:
    """Return the events a year at mean control, middle fifth and reference age that give the published mean."""
    by_person, by_control = _multipliers(cause), _control_multipliers(cause, disease)
    mean = float((patients * by_person).sum() * (_WEIGHTS * by_control).sum())
    if event.rate_per_year is not None:
        return event.rate_per_year / mean
    assert event.persons_per_year is not None
    wanted, weights, multipliers = event.persons_per_year, patients[patients > 0.0], by_person[patients > 0.0]
    if wanted == 0.0:
        return 0.0

    def short_of(rate: float) -> float:
        none = np.exp(-rate * multipliers[:, None] * by_control[None, :]) @ _WEIGHTS
        return float(weights @ (1.0 - none)) - wanted

    highest = 1.0 / mean
    while short_of(highest) < 0.0:
        highest *= 2.0
    return float(brentq(short_of, 0.0, highest))


def _most_event_share(disease: np.record, causes: np.recarray) -> float:
    """Return the probability of an event between two looks for the worst control, age and fifth there can be."""
    total = 0.0
    for cause in causes[disease.first_cause : disease.first_cause + disease.n_causes]:
        control = np.array([disease.control_best, disease.control_worst]) - disease.control_mean
        total += cause.rate * _multipliers(cause).max() * np.exp(cause.log_ratio_per_unit * control).max()
    return float(-np.expm1(-DAYS_BETWEEN_LOOKS * total)) * (1.0 + 1e-9)


# --- new cases --------------------------------------------------------------------------------------------------


def _incidence(
    conditions: tuple[Condition, ...],
    parameters: Parameters,
    people: np.recarray,
    heads: NDArray,
    reference_day: int,
    deaths_per_year: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return new cases a day among people with no disease at all, by age band and sex, shape (m, a, 2).

    Notes
    -----
    Each disease more multiplies them by `incidence_ratio_per_condition`; they are divided by its mean over those
    without the disease, so that this mean is what it should be.
    """
    deaths = gompertz_deaths(parameters) if deaths_per_year is None else deaths_per_year
    by_age = heads.sum(axis=2) + 1e-9  # nobody there: all ages of the band count alike
    band = age_band_table()
    out = np.zeros((len(conditions), len(BAND_STARTS), 2))
    for index, condition in enumerate(conditions):
        share = smooth_prevalence(condition)
        free = by_age * (1.0 - share)
        rates = _levelled(condition, steady_incidence(condition, share, deaths), free)
        total, weight = np.zeros(out.shape[1:]), np.zeros(out.shape[1:])
        np.add.at(total, band, rates * free)
        np.add.at(weight, band, free)
        out[index] = total / weight
    others = _mean_comorbidity(len(conditions), people, reference_day, parameters["incidence_ratio_per_condition"])
    return out / others / DAYS_A_YEAR


def gompertz_deaths(parameters: Parameters) -> NDArray[np.float64]:
    """Return deaths a person-year by age and sex after Gompertz, shape (121, 2); men are index 0."""
    curves = [
        parameters[f"mortality_at_65[{sex}]"] * np.exp(parameters[f"mortality_growth[{sex}]"] * (AGES - 65.0))
        for sex in ("M", "F")
    ]
    return np.stack(curves, axis=1)


def smooth_prevalence(condition: Condition) -> NDArray[np.float64]:
    """Return the share with a condition by age and sex without steps, shape (121, 2): lines between mid-ages."""
    starts = condition.first_ages.astype(float)
    ends = np.append(starts[1:], starts[-1] + LAST_BAND_YEARS)
    middles = np.append(starts[0], (starts + ends) / 2.0)
    shares = np.vstack([np.zeros(2), condition.share_by_band])
    return np.stack([np.interp(AGES + 0.5, middles, shares[:, sex], left=0.0) for sex in range(2)], axis=1)


def steady_incidence(
    condition: Condition, share: NDArray[np.float64], deaths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the new cases a person-year among those without it that keep each age's prevalence steady, (121, 2).

    Notes
    -----
    With prevalence p at age a, excess mortality m and recovery r, dp/da = i (1 - p) - r p - m p (1 - p); where more
    would have to leave than do, i is 0.
    """
    slope = np.gradient(share, axis=0)
    excess = deaths * (condition.mortality_ratio - 1.0) / (1.0 + share * (condition.mortality_ratio - 1.0))
    gained = slope + condition.recovery_per_year * share + excess * share * (1.0 - share)
    return np.maximum(0.0, gained) / (1.0 - share)


def _levelled(condition: Condition, rates: NDArray, free: NDArray) -> NDArray[np.float64]:
    """Return incidence scaled, within each band of published rates, to the mean that was published."""
    rates = rates.copy()
    first_ages = list(condition.incidence_by_age)
    for first, last in zip(first_ages, [*first_ages[1:], OLDEST_AGE_YEARS + 1], strict=False):
        ages = slice(first, last)
        mean = float((rates[ages] * free[ages]).sum() / free[ages].sum())
        published = condition.incidence_by_age[first]
        rates[ages] = rates[ages] * published / mean if mean > 0.0 else published
    return rates


def _mean_comorbidity(n_conditions: int, people: np.recarray, reference_day: int, ratio: float) -> NDArray[np.float64]:
    """Return the mean of ratio**(other diseases) among those without each, by age band and sex, shape (m, a, 2)."""
    band, sex = age_band_table()[ages_years(people, reference_day)], people.is_female.astype(int)
    has = (people.conditions[:, None] >> np.arange(n_conditions)) & 1
    weight = ratio ** has.sum(axis=1)
    out = np.ones((n_conditions, len(BAND_STARTS), 2))
    for condition in range(n_conditions):
        free = has[:, condition] == 0
        total, heads = np.zeros(out.shape[1:]), np.zeros(out.shape[1:])
        np.add.at(total, (band[free], sex[free]), weight[free])
        np.add.at(heads, (band[free], sex[free]), 1.0)
        out[condition] = np.divide(total, heads, out=np.ones_like(total), where=heads > 0)
    return out


# --- what other parts need before the first day ----------------------------------------------------------------------


def expected_events_per_year(
    people: np.recarray, conditions: np.recarray, causes: np.recarray, *, reference_day: int
) -> NDArray[np.float64]:
    """Return everybody's expected events a year by cause, over control as at the start, shape (n, e)."""
    out = np.zeros((people.size, causes.size))
    age, quintile = _age_and_quintile(people, reference_day)
    for index, disease in enumerate(conditions):
        has = _has(people, index)
        for place in range(disease.first_cause, disease.first_cause + disease.n_causes):
            cause = causes[place]
            mean = (_WEIGHTS * _control_multipliers(cause, disease)).sum()
            out[has, place] = cause.rate * DAYS_A_YEAR * mean * _multipliers(cause)[age[has], quintile[has]]
    return out


def expected_events_by_band(
    people: np.recarray, conditions: np.recarray, causes: np.recarray, *, reference_day: int
) -> NDArray[np.float64]:
    """Return the expected events of diseases per person and year, by event and age band, shape (events, a)."""
    each = expected_events_per_year(people, conditions, causes, reference_day=reference_day)
    band = age_band_table()[ages_years(people, reference_day)]
    heads = np.maximum(np.bincount(band, minlength=len(BAND_STARTS)), 1)
    by_event = each[:, int(GeneralCause.FIRST_EVENT) :].T
    return np.array([np.bincount(band, weights=one, minlength=len(BAND_STARTS)) / heads for one in by_event])


def expected_mortality_multipliers(
    people: np.recarray, conditions: np.recarray, causes: np.recarray, *, reference_day: int
) -> NDArray[np.float64]:
    """Return everybody's expected hazard of death over that without disease in a steady state, shape (n,).

    Notes
    -----
    The mean of `abm.agents.health.mortality_multiplier` over control as at the start and over who had an event within
    the year: what demography divides out so that deaths come to their published number.
    """
    out = np.ones(people.size)
    age, quintile = _age_and_quintile(people, reference_day)
    for index, disease in enumerate(conditions):
        has = _has(people, index)
        out[has] *= _expected_multiplier(disease, causes)[age[has], quintile[has]]
    return out


def expected_utility_losses(people: np.recarray, conditions: np.recarray, causes: np.recarray) -> NDArray[np.float64]:
    """Return what diseases are expected to add to everybody's quality of life at the start, shape (n,), <= 0."""
    out = np.zeros(people.size)
    for index, disease in enumerate(conditions):
        events = causes[disease.first_cause : disease.first_cause + disease.n_causes]
        out[_has(people, index)] -= disease.utility_loss + (events["history_share"] * events["utility_loss"]).sum()
    return out


def _expected_multiplier(disease: np.record, causes: np.recarray) -> NDArray[np.float64]:
    """Return the expected mortality multiplier of a disease by age and income fifth, shape (121, 5)."""
    control = _control_values(disease) - disease.control_mean
    rates = np.zeros((AGES.size, QUINTILES.size, _Z.size))
    for cause in causes[disease.first_cause : disease.first_cause + disease.n_causes]:
        rates += cause.rate * _multipliers(cause)[:, :, None] * np.exp(cause.log_ratio_per_unit * control)
    recent = -np.expm1(-(RECENT_EVENT_DAYS + DAYS_BETWEEN_LOOKS / 2.0) * rates)
    by_control = disease.mortality_ratio * np.exp(disease.log_mortality_per_unit * control)
    return (by_control * (1.0 + recent * (disease.recent_event_mortality_ratio - 1.0))) @ _WEIGHTS


def _has(people: np.recarray, condition: int) -> NDArray[np.bool_]:
    return ((people.conditions >> condition) & 1).astype(bool)


def _age_and_quintile(people: np.recarray, day: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return ages_years(people, day), np.clip(people.income_quintile, 1, 5).astype(np.int64) - 1


# --- the same as the rules, for whole columns -----------------------------------------------------------------------


def controls_now(people: np.recarray, health: np.recarray, conditions: np.recarray, today: int) -> NDArray[np.float64]:
    """Return the control of every person and disease on a day, shape (n, m); NaN where there is no disease.

    Notes
    -----
    Twin of `abm.agents.health.control_now`.
    """
    state = health.reshape(people.size, conditions.size)
    regularity = people.regularity.astype(float)
    out = np.full(state.shape, np.nan)
    for index, disease in enumerate(conditions):
        has = _has(people, index)
        late = today - people.last_follow_up[has].astype(float) - disease.follow_up_grace_days
        with np.errstate(divide="ignore"):
            late -= disease.follow_up_interval_days / regularity[has]
        control = state["control"][has, index].astype(float)
        lost = disease.drift_per_month_late * np.maximum(0.0, late) / DAYS_A_MONTH
        out[has, index] = np.minimum(control + lost, np.maximum(disease.control_worst, control))
    return out


def mortality_multipliers(
    people: np.recarray, health: np.recarray, conditions: np.recarray, today: int
) -> NDArray[np.float64]:
    """Return the hazard of death of everybody over that without disease, shape (n,).

    Notes
    -----
    Twin of `abm.agents.health.mortality_multiplier`.
    """
    state = health.reshape(people.size, conditions.size)
    control = controls_now(people, health, conditions, today)
    out = np.ones(people.size)
    for index, disease in enumerate(conditions):
        has = _has(people, index)
        last = state["last_event_on"][:, index].astype(np.int64)
        recent = (last != NEVER) & (today - last <= RECENT_EVENT_DAYS)
        factor = disease.mortality_ratio * np.exp(
            disease.log_mortality_per_unit * (control[:, index] - disease.control_mean)
        )
        out[has] *= np.where(recent, disease.recent_event_mortality_ratio, 1.0)[has] * factor[has]
    return out


def utility_losses(
    people: np.recarray, health: np.recarray, conditions: np.recarray, causes: np.recarray, today: int
) -> NDArray[np.float64]:
    """Return what diseases and their events add to everybody's quality of life, shape (n,), <= 0.

    Notes
    -----
    Twin of `abm.agents.health.utility_loss`.
    """
    state = health.reshape(people.size, conditions.size)
    out = np.zeros(people.size)
    for index, disease in enumerate(conditions):
        last = state["last_event_on"][:, index].astype(np.int64)
        loss = disease.utility_loss + np.where(
            (last != NEVER) & (today - last <= EVENT_MONTH_DAYS), disease.recent_event_utility_loss, 0.0
        )
        for event in range(disease.n_causes):
            seen = (state["events_seen"][:, index] >> event) & 1
            loss = loss + seen * causes[disease.first_cause + event].utility_loss
        out -= np.where(_has(people, index), loss, 0.0)
    return out
