"""How often do people die, bear children, leave and arrive, and how good is life at an age?

Owns the translation of the registry's life table, fertility, moves and norms of utility into what the rules of
demography read (ODD 7.1). Draws only who has just become a mother (stream BIRTH). Every number comes from the registry
or from the territory pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from abm.errors import InputError
from abm.population import DAYS_A_YEAR, by_age
from abm.population_course import (
    MONTHS_A_YEAR,
    Rates,
    arrivals_per_month,
    expected_course,
    growth_per_year,
    rows_for_births,
)
from abm.randomness import Stream, uniforms
from abm.settings import BAND_STARTS, OLDEST_AGE_YEARS, age_band_table
from abm.state import DEMOGRAPHY, MOTHERHOOD

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from abm.parameters import Parameters

Floats = NDArray[np.float64]

NEVER_BEGINS = 1 << 30  # first day of births, deaths and moves where there are none
AGES = np.arange(OLDEST_AGE_YEARS + 1)
SEXES = ("M", "F")  # columns of every table by sex; women are index 1
PARTS_OF_THE_NEWBORN = 1024
FERTILE_FROM_ADDRESS = 4  # sub-address in the stream BIRTH
OPEN_BAND_ENDS = 95  # the last band of those who arrive is even up to here


# --- rates --------------------------------------------------------------------------------------------------------


def death_rates(parameters: Parameters) -> Floats:
    """Return deaths per person-year of everybody by completed age and sex, shape (121, 2).

    Notes
    -----
    National life table, its logarithm interpolated between the ages registered; level and regional excess [C063] by
    parameter. The crude rate follows from who lives here: compare C064.
    """
    level = parameters["mortality_level"]
    level *= 1.0 + parameters["mortality_regional_excess_share"] * parameters["mortality_grand_est_excess"]
    known = parameters.matching("deaths_per_1000")
    table = np.empty((AGES.size, len(SEXES)))
    for column, sex in enumerate(SEXES):
        points = {int(name.split(",")[0].removeprefix("age=")): v for name, v in known.items() if name.endswith(sex)}
        ages = np.array(sorted(points))
        logs = np.log([max(points[age], 1e-9) for age in ages.tolist()])
        table[:, column] = level * np.exp(np.interp(AGES, ages, logs)) / 1000.0
    return table


def life_expectancy(rates_per_year: Floats) -> float:
    """Return the years that a newborn lives on average under death rates by completed age, shape (121,)."""
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(rates_per_year)]))
    lived = -np.diff(alive) / rates_per_year
    return float(lived.sum() + alive[-1] / rates_per_year[-1])


def birth_rates(parameters: Parameters) -> Floats:
    """Return births per woman-year by completed age, shape (121,): they sum to `total_fertility`."""
    shape = _by_closed_bands(parameters.matching("births_per_1000_women"))
    if shape.sum() <= 0.0:
        return shape
    return shape / shape.sum() * parameters["total_fertility"]


def rates_with_spacing(births_per_year: Floats, spacing_years: float) -> Floats:
    """Return birth rates of those who may bear such that all women together keep theirs.

    Notes
    -----
    After a birth nobody bears for a while: a cycle lasts 1/r + spacing, so r = b / (1 - b * spacing).
    """
    return births_per_year / np.maximum(1.0 - births_per_year * spacing_years, 0.1)


def departure_rates(parameters: Parameters) -> Floats:
    """Return moves out of the territory per person-year by completed age, shape (121,)."""
    return parameters["migration_level"] * by_age(parameters, "departures_per_1000", AGES) / 1000.0


def arrival_ages(parameters: Parameters) -> Floats:
    """Return the share of each completed age among those who arrive, shape (121,), sum 1; even within a band.

    Raises
    ------
    InputError
        All shares are 0.
    """
    starts, values = _bands(parameters.matching("arrivals_share"))
    widths = np.diff([*starts, OPEN_BAND_ENDS])
    band = np.searchsorted(starts, AGES, side="right") - 1
    by_year = np.where(AGES < OPEN_BAND_ENDS, (values / widths)[band], 0.0)
    if by_year.sum() <= 0.0:
        raise InputError("'arrivals_share[…]': all shares are 0, expected at least one above")
    return by_year / by_year.sum()


def _bands(family: dict[str, float]) -> tuple[NDArray[np.int64], Floats]:
    """Return the first ages, in order, and the values of a family named by `age=30-39`, `75+` and the like."""
    known = sorted((int(name.removeprefix("age=").split("-")[0].rstrip("+")), value) for name, value in family.items())
    return np.array([first for first, _ in known]), np.array([value for _, value in known])


def _by_closed_bands(family: dict[str, float]) -> Floats:
    """Return rates by age from per-1,000 values of closed bands such as `age=15-19`; 0 elsewhere, shape (121,)."""
    rates = np.zeros(AGES.size)
    for name, value in family.items():
        first, last = (int(age) for age in name.removeprefix("age=").split("-"))
        rates[first : last + 1] = value / 1000.0
    return rates


# --- what disease and hospitals take over ---------------------------------------------------------------------------


def without_disease(rates_per_year: Floats, ages: NDArray, sexes: NDArray, multipliers: Floats) -> Floats:
    """Return the death rates of people without conditions such that everybody's expected deaths stay the same.

    Parameters
    ----------
    rates_per_year : of everybody, shape (121, 2).
    ages, sexes, multipliers : completed age, sex (1: woman) and hazard over that without conditions, shape (n,).

    Notes
    -----
    By age band and sex: the sum over its people of rate times multiplier equals the sum of the rates.
    """
    band = age_band_table()
    cell = band[ages] * len(SEXES) + sexes
    own = rates_per_year[ages, sexes]
    shape = (len(BAND_STARTS), len(SEXES))
    wanted = np.bincount(cell, own, shape[0] * shape[1]).reshape(shape)
    found = np.bincount(cell, own * multipliers, shape[0] * shape[1]).reshape(shape)
    return rates_per_year * np.divide(wanted, found, out=np.ones(shape), where=found > 0)[band]


def without_hospital(rates_per_year: Floats, ages: NDArray, sexes: NDArray, hospital_deaths_per_year: Floats) -> Floats:
    """Return the death rates that are left when some die at the end of a stay in hospital.

    Parameters
    ----------
    ages, sexes : of the people at the start, shape (n,).
    hospital_deaths_per_year : expected, by age band, shape (10,).
    """
    band = age_band_table()
    every = np.bincount(band[ages], rates_per_year[ages, sexes], len(BAND_STARTS))
    left = 1.0 - np.divide(hospital_deaths_per_year, every, out=np.zeros_like(every), where=every > 0)
    return rates_per_year * np.maximum(left, 0.0)[band][:, None]


def utility_norms(parameters: Parameters, ages: NDArray, losses: Floats) -> Floats:
    """Return the utility of each completed age without disease, so that band means are the norms, shape (121,).

    Parameters
    ----------
    ages, losses : completed age and what disease adds to utility (<= 0) of the people at the start, shape (n,).

    Notes
    -----
    Population norms [O001-O004] already contain disease: it is taken out once, not counted twice. Children have the
    norm of the youngest adults.
    """
    starts, norms = _bands(parameters.matching("eq5d_population_norm"))
    band = np.maximum(np.searchsorted(starts, AGES, side="right") - 1, 0)
    people = np.bincount(band[ages], minlength=starts.size)
    total = np.bincount(band[ages], losses, starts.size)
    return (norms - np.divide(total, people, out=np.zeros(starts.size), where=people > 0))[band]


def rates_of(parameters: Parameters) -> Rates:
    """Return the rates of the registry, of everybody."""
    women = parameters["arrivals_female_share"]
    ages = arrival_ages(parameters)
    return Rates(
        death_rates(parameters),
        birth_rates(parameters),
        departure_rates(parameters),
        np.stack([ages * (1.0 - women), ages * women], axis=1),
        parameters["births_male_share"],
    )


# --- columns of the world -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Births, deaths and moves of a run, before anybody is drawn.

    Attributes
    ----------
    rates : a year, of everybody.
    arrivals_per_month : mean, by commune, shape (c,).
    n_births : rows to keep for the newborn.
    """

    rates: Rates
    arrivals_per_month: Floats
    n_births: int


def plan_of(territory: Territory, parameters: Parameters, people: np.recarray, first_day: int, n_months: int) -> Plan:
    """Return what is to come for the people of the start, rows PATIENT, over a number of months from `first_day` on."""
    rates = rates_of(parameters)
    age_years = np.maximum(first_day - people.birth_day, 0) / DAYS_A_YEAR
    sexes = people.is_female.astype(np.int64)
    mean = arrivals_per_month(age_years, sexes, rates, growth_per_year(territory), parameters["trend_span_years"])
    shares = np.bincount(people.commune, minlength=len(territory.communes)) / max(people.size, 1)
    course = expected_course(age_years, sexes, rates, mean, n_months)
    return Plan(rates, mean * shares, rows_for_births(course))


def demography_columns(
    plan: Plan,
    parameters: Parameters,
    patients: np.recarray,
    key: NDArray[np.uint64],
    *,
    first_day: int,
    first_newcomer: int,
    people: np.recarray | None = None,
    mortality_multipliers: Floats | None = None,
    utility_losses: Floats | None = None,
    hospital_deaths_per_year: Floats | None = None,
    spend_sigma: float = 0.0,
) -> dict[str, Any]:
    """Return the columns of the world that the rules of demography read, by their names in `World`.

    Parameters
    ----------
    patients : all rows, those to come included.
    first_day : before it nobody dies, is born, comes or goes.
    first_newcomer : number of people at the start.
    people : rows PATIENT of the territory, for whom the published rates hold; by default those there at the start.
    mortality_multipliers, utility_losses : of these people, shape (n,), losses <= 0; None: no disease.
    hospital_deaths_per_year : expected by age band, shape (10,); None: nobody dies in hospital.
    spend_sigma : spread of the logarithm of a newborn's `spend_factor`.
    """
    people = patients[:first_newcomer].view(np.recarray) if people is None else people
    ages = np.clip(np.maximum(first_day - people.birth_day, 0) / DAYS_A_YEAR, 0, OLDEST_AGE_YEARS).astype(int)
    sexes = people.is_female.astype(np.int64)
    nothing = np.zeros(people.size)
    deaths = plan.rates.deaths
    if hospital_deaths_per_year is not None:
        deaths = without_hospital(deaths, ages, sexes, hospital_deaths_per_year)
    if mortality_multipliers is not None:
        deaths = without_disease(deaths, ages, sexes, mortality_multipliers)
    spacing_years = parameters["birth_spacing_days"] / DAYS_A_YEAR
    rules = np.zeros(1, DEMOGRAPHY).view(np.recarray)
    rules.first_day, rules.first_newcomer = first_day, first_newcomer
    rules.spend_sigma = spend_sigma
    for name in ("births_male_share", "birth_spacing_days", "regularity_spread", "utility_floor"):
        rules[name] = parameters[name]
    return {
        "death_rates": deaths / MONTHS_A_YEAR,
        "birth_rates": rates_with_spacing(plan.rates.births, spacing_years) / MONTHS_A_YEAR,
        "departure_rates": plan.rates.departures / MONTHS_A_YEAR,
        "arrivals": plan.arrivals_per_month,
        "utility_norms": utility_norms(parameters, ages, nothing if utility_losses is None else utility_losses),
        "demography": rules,
        "motherhood": motherhood(patients, plan.rates.births, parameters["birth_spacing_days"], first_day, key),
        "need_factors": need_factors(parameters["need_heterogeneity_cv"]),
    }


def closed_columns(
    parameters: Parameters,
    patients: np.recarray,
    n_people: int,
    first_day: int,
    people: np.recarray | None = None,
    utility_losses: Floats | None = None,
) -> dict[str, Any]:
    """Return the columns of a world in which nobody dies, is born, comes or goes; see `demography_columns`."""
    nothing = np.zeros((AGES.size, len(SEXES)))
    rates = Rates(nothing, nothing[:, 0], nothing[:, 0], nothing, parameters["births_male_share"])
    none = Plan(rates, np.zeros(0), 0)
    key = np.zeros(2, np.uint64)
    columns = demography_columns(
        none,
        parameters,
        patients,
        key,
        first_day=first_day,
        first_newcomer=n_people,
        people=people,
        utility_losses=utility_losses,
    )
    columns["demography"].first_day = NEVER_BEGINS
    return columns


def motherhood(
    patients: np.recarray, births_per_year: Floats, spacing_days: float, first_day: int, key: NDArray[np.uint64]
) -> np.recarray:
    """Return who has just become a mother when the births begin (or she arrives), rows MOTHERHOOD, shape (n,).

    Notes
    -----
    A share `rate * spacing` of the women of an age are within that time of a birth, evenly: without them the first
    year would see too many births.
    """
    rows = np.zeros(patients.size, MOTHERHOOD).view(np.recarray)
    women = np.flatnonzero(patients.is_female == 1)
    begins = np.maximum(patients.since[women].astype(np.int64), first_day)
    ages = np.clip((begins - patients.birth_day[women]) / DAYS_A_YEAR, 0, OLDEST_AGE_YEARS).astype(int)
    share = births_per_year[ages] * spacing_days / DAYS_A_YEAR
    luck = uniforms(key, Stream.BIRTH, patients.person[women].astype(np.int64), FERTILE_FROM_ADDRESS)
    is_mother = luck < share
    left = np.divide(luck, share, out=np.zeros(women.size), where=share > 0) * spacing_days
    rows.fertile_from[women[is_mother]] = (begins + left)[is_mother].astype(np.int64)
    return rows


def need_factors(coefficient_of_variation: float) -> Floats:
    """Return the mean need factor of each of equal parts of a gamma distribution of mean 1, in order.

    Notes
    -----
    The mean of a gamma variable up to its quantile q is the distribution of shape k + 1 at q.
    """
    shape = coefficient_of_variation**-2
    levels = np.arange(1, PARTS_OF_THE_NEWBORN) / PARTS_OF_THE_NEWBORN
    up_to = gammainc(shape + 1.0, gammaincinv(shape, levels))
    return np.diff(np.concatenate([[0.0], up_to, [1.0]])) * PARTS_OF_THE_NEWBORN
