"""How many have a chronic disease, how well is it under control, and what comes of it?

Owns the indicators of single diseases, found by name among the conditions of the run: where a disease is absent, so are
its indicators. Who has a disease is known for the last simulated day, and when new cases began; stays carry their
cause.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import (
    ALL,
    Block,
    Floats,
    Ints,
    Run,
    completed_years,
    ratio,
    with_whole,
)
from abm.indicators.practices import over_all
from abm.indicators.stays import Stays, causes_of, residents_stays
from abm.indicators.unmet import twelve_month_spans
from abm.population import DAYS_A_YEAR
from abm.state import NEVER, Status

HEART_FAILURE, DIABETES = "heart_failure", "diabetes"
ADULT_FROM_AGE_YEARS = 18
STANDARD_AGES = (18, 65, 75, 85)
DAYS_FOLLOWED = 365
PER_PEOPLE, PER_ADULTS = 1000, 100_000
COMPLICATIONS: dict[str, tuple[str, ...]] = {
    "mi": ("mi", "myocardial_infarction"),
    "stroke": ("stroke",),
    "foot": ("foot", "foot_ulcer"),
    "amputation": ("amputation",),
    "esrd": ("esrd", "esrd_start"),
}
"""Reported name of a complication of diabetes to the names that its event may have in the condition's file."""


def diseases(run: Run) -> Iterator[Block]:
    """Yield every indicator of single diseases, stratum `all`."""
    yield from mean_control(run)
    yield from heart_failure(run)
    yield from diabetes_admissions(run)


# --- who has it ---------------------------------------------------------------------------------------------------


def has_condition(run: Run, name: str) -> NDArray[np.bool_] | None:
    """Tell who has a condition (or had it when leaving), shape (n,); None where the run does not know it."""
    names = [condition.name for condition in run.setting.conditions]
    if name not in names:
        return None
    return (run.records.patients.conditions >> names.index(name)) & 1 == 1


def has_it_from(run: Run, name: str) -> NDArray[np.int32] | None:
    """Return the day from which on each person has a condition, shape (n,): far beyond the run for those without."""
    has = has_condition(run, name)
    if has is None:
        return None
    names = [condition.name for condition in run.setting.conditions]
    began = np.zeros(has.size, np.int32)
    if run.records.health.size:
        began[:] = run.records.health.began_on[names.index(name) :: len(names)]
    return np.where(has, began, np.iinfo(np.int32).max).astype(np.int32)


def prevalence(run: Run, kind: str) -> Iterator[Block]:
    """Yield the shares of people with long-term status, of adults with heart failure, of all with treated diabetes.

    On the last simulated day, over those who live here then.
    """
    shares: dict[str, tuple[NDArray | None, int]] = {
        "ald_share": (run.records.patients.has_ald == 1, 0),
        "heart_failure_prevalence": (has_condition(run, HEART_FAILURE), ADULT_FROM_AGE_YEARS),
        "diabetes_treated_prevalence": (has_condition(run, DIABETES), 0),
    }
    for indicator, (has, from_age) in shares.items():
        if has is not None:
            yield _share_on_last_day(run, indicator, kind, has, from_age)


def _share_on_last_day(run: Run, indicator: str, kind: str, has: NDArray, from_age: int) -> Block:
    day = max(run.lived - 1, 0)
    people = run.people_on(day, lambda age_years: age_years >= from_age)
    labels, codes = run.people_strata(kind, people, day)
    n = np.bincount(codes, minlength=len(labels))[:, None]
    with_it = np.bincount(codes[has[people]], minlength=len(labels))[:, None]
    return Block(indicator, "share", kind, labels, ratio(with_it, n), n)


def mean_control(run: Run) -> Iterator[Block]:
    """Yield the mean control of each condition over those who have it on the last simulated day.

    HbA1c in % for diabetes, elsewhere a score from 0 (good) to 1 (bad).
    """
    m = len(run.setting.conditions)
    if not m or run.records.health.size != m * run.birth_day.size:
        return
    control = run.records.health.control.reshape(-1, m)
    people = run.people_on(max(run.lived - 1, 0))
    for row, condition in enumerate(run.setting.conditions):
        has = people[(run.records.patients.conditions[people] >> row) & 1 == 1]
        mean = float(control[has, row].mean(dtype=np.float64)) if has.size else float("nan")
        unit = "%" if condition.name == DIABETES else "score"
        yield over_all(f"mean_control.{condition.name}", unit, [mean], [has.size])


# --- heart failure ------------------------------------------------------------------------------------------------


def heart_failure(run: Run) -> Iterator[Block]:
    """Yield what is known of admissions for heart failure, and of those who see no cardiologist."""
    if has_condition(run, HEART_FAILURE) is None:
        return
    causes = causes_of(run, HEART_FAILURE)
    if causes:
        stays = residents_stays(run).of_causes(causes)
        yield heart_failure_admitted(run, stays)
        yield heart_failure_deaths_in_hospital(run, stays)
        yield heart_failure_one_year_mortality(run, stays)
        yield heart_failure_deprivation_ratio(run, stays)
    yield no_cardiologist(run)


def heart_failure_admitted(run: Run, stays: Stays) -> Block:
    """Return adults admitted at least once a year for heart failure, per 100,000.

    The `all` period is the mean of the twelve-month spans of the horizon; shorter horizons are taken to a year.
    """
    periods = [twelve_month_spans(run), *([span] for span in run.years.spans)]
    counts = [np.sum([_admitted_and_adult_years(run, stays, span) for span in spans], axis=0) for spans in periods]
    admitted, years = np.array(counts, np.float64).reshape(-1, 2).T
    value = PER_ADULTS * ratio(admitted, years)
    return over_all(
        "heart_failure_admitted_per_100k_adults",
        "people/100,000 adults/year",
        value.tolist(),
        admitted.astype(int).tolist(),
    )


def _admitted_and_adult_years(run: Run, stays: Stays, span: tuple[int, int]) -> Floats:
    """Return how many adults were admitted in a span, and the years that adults lived, those of its middle."""
    first, end = span
    is_counted = (stays.admitted_on >= first) & (stays.admitted_on < end) & (stays.age_years >= ADULT_FROM_AGE_YEARS)
    adults = run.people_on((first + end) // 2, lambda age_years: age_years >= ADULT_FROM_AGE_YEARS).size
    return np.array([np.unique(stays.patient[is_counted]).size, adults * (end - first) / DAYS_A_YEAR])


def heart_failure_deaths_in_hospital(run: Run, stays: Stays) -> Block:
    """Return the share of stays for heart failure that ended in death."""
    everybody = run.strata(ALL)
    number, deaths = stays.count(everybody), stays.count(everybody, stays.ends_in_death == 1)
    name = "heart_failure_in_hospital_mortality"
    return Block(name, "share", ALL, everybody.labels, ratio(deaths, number), number)


def heart_failure_one_year_mortality(run: Run, stays: Stays) -> Block:
    """Return the share of people admitted for heart failure who died within 365 days of their first such admission.

    First of the horizon. Left out: those whom the run does not follow for 365 days, and those who moved away alive in
    that time. Dated by the admission.
    """
    rows, patients = stays.rows, run.records.patients
    _, first_of_each = np.unique(stays.patient, return_index=True)  # the log is in the order of admission
    index = Stays(run, rows[first_of_each])
    gone_on = patients.gone_on[index.patient].astype(np.int64)
    within = (gone_on != NEVER) & (gone_on - index.admitted_on <= DAYS_FOLLOWED)
    has_died = within & (patients.status[index.patient] == Status.DEAD)
    is_followed = (index.admitted_on + DAYS_FOLLOWED < run.lived) & (has_died | ~within)
    everybody = run.strata(ALL)
    number, deaths = index.count(everybody, is_followed), index.count(everybody, is_followed & has_died)
    name = "heart_failure_one_year_mortality"
    return Block(name, "share", ALL, everybody.labels, ratio(deaths, number), number)


def heart_failure_deprivation_ratio(run: Run, stays: Stays) -> Block:
    """Return admissions for heart failure per adult of the poorest over the richest fifth, at equal ages.

    Rates by age (18-64, 65-74, 75-84, 85 and over) are weighted with the ages of all adults: direct standardisation,
    over the ages that both fifths have people of.
    """
    day = (run.first + run.end) // 2
    adults = run.people_on(day, lambda age_years: age_years >= ADULT_FROM_AGE_YEARS)
    quintile = run.records.patients.income_quintile
    shape = (len(STANDARD_AGES), 5)

    def by_age_and_fifth(people: NDArray, age_years: NDArray) -> Ints:
        band = np.searchsorted(STANDARD_AGES, age_years, side="right") - 1
        cell = band * shape[1] + quintile[people].astype(np.int64) - 1
        return np.bincount(cell[band >= 0], minlength=shape[0] * shape[1]).reshape(shape)

    heads = by_age_and_fifth(adults, completed_years(day - run.birth_day[adults]))
    rates = ratio(by_age_and_fifth(stays.patient, stays.age_years), heads)
    both = ~np.isnan(rates[:, 0]) & ~np.isnan(rates[:, -1])
    weights = heads.sum(axis=1)[both]
    poorest, richest = weights @ rates[both, 0], weights @ rates[both, -1]
    value = float(poorest / richest) if richest > 0 else float("nan")
    return over_all("heart_failure_deprivation_ratio", "ratio", [value], [stays.rows.size])


def no_cardiologist(run: Run) -> Block:
    """Return the share of people with heart failure who saw no cardiologist in the last twelve months of the horizon.

    Over those who had it, and lived here, all that time.
    """
    first, end = (twelve_month_spans(run) or [(run.first, run.end)])[-1]
    since = has_it_from(run, HEART_FAILURE)
    assert since is not None
    is_there = (since <= first) & (run.lived_from <= first) & (run.lived_to >= end)
    has_seen = np.zeros(run.birth_day.size, np.bool_)
    visits = run.visits
    kinds = run.needs.get("cardiologist", ())
    is_visit = np.isin(visits.kind, kinds) & (visits.day >= first) & (visits.day < end)
    has_seen[visits.patient[is_visit]] = True
    n = int(is_there.sum())
    value = float((is_there & ~has_seen).sum()) / n if n else float("nan")
    return over_all("heart_failure_no_cardiologist_share", "share", [value], [n])


# --- diabetes -----------------------------------------------------------------------------------------------------


def diabetes_admissions(run: Run) -> Iterator[Block]:
    """Yield stays for each complication per 1,000 people with treated diabetes and year."""
    since = has_it_from(run, DIABETES)
    if since is None:
        return
    everybody = run.strata(ALL)
    years = with_whole(run.person_years(ALL, since))
    stays = residents_stays(run)
    for name, events in COMPLICATIONS.items():
        causes = causes_of(run, DIABETES, events)
        if causes:
            number = stays.of_causes(causes).count(everybody)
            value = PER_PEOPLE * ratio(number, years)
            unit = "stays/1,000 people with diabetes/year"
            yield Block(f"diabetes_admissions_per_1000.{name}", unit, ALL, everybody.labels, value, number)
