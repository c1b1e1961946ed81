"""What becomes of a population month by month on average, and how many must arrive to keep it on its trend?

Owns the expected course of a population by cohorts (ODD 7.1): it sizes the tables, sets the arrivals, and is what the
tests hold drawn lives against. Draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.settings import OLDEST_AGE_YEARS

if TYPE_CHECKING:
    from abm.environment.territory import Territory

Floats = NDArray[np.float64]

MONTHS_A_YEAR = 12
N_AGES = OLDEST_AGE_YEARS + 1
STANDARD_DEVIATIONS_SPARE = 12
LEAST_SPARE_ROWS = 20


@dataclass(frozen=True)
class Rates:
    """Rates a year of everybody, by completed age: what the expected course of a population needs.

    Attributes
    ----------
    deaths : shape (121, 2). births : of women, departures : of everybody, shape (121,).
    arrivals : share of each age and sex among those who arrive, shape (121, 2), sum 1.
    """

    deaths: Floats
    births: Floats
    departures: Floats
    arrivals: Floats
    births_male_share: float


@dataclass(frozen=True)
class Course:
    """What is expected of a population month by month, each of shape (months,); `people` at the end of each."""

    people: Floats
    deaths: Floats
    births: Floats
    departures: Floats
    arrivals: Floats


def expected_course(
    age_years: Floats, sexes: NDArray, rates: Rates, arrivals_per_month: float, n_months: int
) -> Course:
    """Return the expected course of a population by cohorts of birth month and sex.

    Parameters
    ----------
    age_years : exact ages at the start, shape (n,); sexes : 1 for women.

    Notes
    -----
    The order of a month is that of `abm.agents.demography.live_a_month`: deaths, departures of those left, births to
    those who stayed, arrivals on the last evening.
    """
    n_cohorts = N_AGES * MONTHS_A_YEAR + n_months
    oldest = n_cohorts - n_months - 1
    cohort = np.minimum((age_years * MONTHS_A_YEAR).astype(int), oldest) + n_months
    heads = np.zeros((n_cohorts, 2))
    np.add.at(heads, (cohort, sexes), 1.0)
    newcomers = arrivals_per_month / MONTHS_A_YEAR * np.repeat(rates.arrivals, MONTHS_A_YEAR, axis=0)
    figures = np.zeros((len(Course.__dataclass_fields__), n_months))
    for month in range(n_months):
        at_age = np.clip((np.arange(n_cohorts) - n_months + month + 1) // MONTHS_A_YEAR, 0, OLDEST_AGE_YEARS)
        dead = heads * -np.expm1(-rates.deaths[at_age] / MONTHS_A_YEAR)
        gone = (heads - dead) * -np.expm1(-rates.departures[at_age] / MONTHS_A_YEAR)[:, None]
        heads -= dead + gone
        born = float((heads[:, 1] * rates.births[at_age]).sum() / MONTHS_A_YEAR)
        newborn = n_months - month - 1
        heads[newborn] += born * np.array([rates.births_male_share, 1.0 - rates.births_male_share])
        heads[newborn : newborn + N_AGES * MONTHS_A_YEAR] += newcomers
        figures[:, month] = heads.sum(), dead.sum(), born, gone.sum(), arrivals_per_month
    return Course(*figures)


def growth_per_year(territory: Territory) -> float | None:
    """Return the yearly rate at which the pack's population has grown since an earlier census, or None if unknown."""
    earlier = territory.description.get("earlier_population")
    if earlier is None:
        return None
    years = territory.description["population_year"] - earlier["year"]
    return float(np.log(territory.population / earlier["people"]) / years)


def migration_assumption(territory: Territory) -> str:
    """Return in one sentence what arrivals are made to do in this territory."""
    growth = growth_per_year(territory)
    if growth is None:
        return "no earlier population is known: as many people arrive as leave (grade C)"
    year = territory.description["earlier_population"]["year"]
    return f"arrivals keep the population on its trend since {year}, {growth:+.2%} a year (gross flows: grade C)"


def arrivals_per_month(
    age_years: Floats, sexes: NDArray, rates: Rates, growth: float | None, span_years: float
) -> float:
    """Return the mean arrivals a month that keep a population on its trend over a span, >= 0.

    Parameters
    ----------
    growth : rate a year; None: as many arrive as leave.

    Notes
    -----
    The expected course is linear in the arrivals: two courses, without any and with one a month, give the answer.
    """
    n_months = max(1, round(span_years * MONTHS_A_YEAR))
    nobody, one = (expected_course(age_years, sexes, rates, mean, n_months) for mean in (0.0, 1.0))
    if growth is None:
        left, more_left = nobody.departures.sum(), one.departures.sum() - nobody.departures.sum()
        return float(left / (n_months - more_left))
    wanted = age_years.size * np.exp(growth * n_months / MONTHS_A_YEAR)
    return float(max(0.0, (wanted - nobody.people[-1]) / (one.people[-1] - nobody.people[-1])))


def rows_for_births(course: Course) -> int:
    """Return the rows to keep for the newborn: more than luck can ask for (twelve standard deviations)."""
    expected = float(course.births.sum())
    return int(np.ceil(expected + STANDARD_DEVIATIONS_SPARE * np.sqrt(expected))) + LEAST_SPARE_ROWS
