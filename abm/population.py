"""Who lives here: synthetic inhabitants whose margins are those of the territory pack.

Owns the synthesis of people (ODD 5.2): age and sex by commune, income, car, digital access, cover, conditions,
temperament, registered general practitioner. Every draw is addressed by person, so a person is the same whoever else
is there. No person of this file exists or ever existed.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri

from abm.environment.completing import reference_ages
from abm.payments.background import load_background
from abm.randomness import Stream, normals, uniforms
from abm.state import NOBODY, PATIENT

if TYPE_CHECKING:
    from abm.conditions import Condition
    from abm.environment.territory import Territory
    from abm.parameters import Parameters

DAYS_A_YEAR = 365.25
AGE_WIDTH_YEARS = 5
OLDEST_AGE_YEARS = 100
AGE_GROUPS = ("age_0_14", "age_15_29", "age_30_44", "age_45_59", "age_60_74", "age_75_89", "age_90_plus")
GROUP_WIDTH_YEARS = 15
ADULT_FROM_AGE_YEARS = 17
# Sub-addresses within the stream PEOPLE.
_BIRTH, _INCOME, _CAR, _DIGITAL, _REGIME, _COVER, _ALD = range(7)


@dataclass(frozen=True)
class Population:
    """The inhabitants at the start of a run.

    Attributes
    ----------
    rows : structured rows `PATIENT`, shape (n,), sorted by registered general practitioner.
    """

    rows: np.recarray

    def __len__(self) -> int:
        return self.rows.size

    @property
    def fingerprint(self) -> str:
        """A digest (16 hex digits) of every column of every person, in the order of their addresses."""
        in_order = np.sort(self.rows, order="person")
        state = hashlib.sha256()
        for name in in_order.dtype.names or ():
            state.update(name.encode() + np.ascontiguousarray(in_order[name]).tobytes())
        return state.hexdigest()[:16]

    def reordered(self, order: NDArray[np.int64]) -> Population:
        """Return the same people in other rows (nobody's life depends on his row: tests say so)."""
        return Population(self.rows[order].view(np.recarray))

    def with_person(self, **columns: float) -> Population:
        """Return this population and one person more, with a new address and the columns given (others 0)."""
        extra = np.zeros(1, PATIENT)
        extra["person"] = self.rows.person.max() + 1
        extra["registered_gp"] = NOBODY
        for name, value in columns.items():
            extra[name] = value
        return Population(np.concatenate([np.asarray(self.rows), extra]).view(np.recarray))


def synthesise(
    territory: Territory,
    parameters: Parameters,
    conditions: tuple[Condition, ...],
    key: NDArray[np.uint64],
    *,
    reference_day: int,
    scale: float = 1.0,
) -> Population:
    """Make the inhabitants of a territory, all but their registered general practitioner.

    Parameters
    ----------
    key : of the population's seed, shape (2,).
    reference_day : day index on which the ages of the pack hold.
    scale : share of the inhabitants to make, in (0, 1].

    Returns
    -------
    population with exactly the pack's number of inhabitants in each commune (rounded after scaling).
    """
    commune, sex, age_from = _places_ages_sexes(territory, scale)
    person = np.arange(commune.size, dtype=np.int64)
    rows = np.zeros(commune.size, PATIENT).view(np.recarray)
    rows.person, rows.commune, rows.is_female = person, commune, sex
    age = age_from + AGE_WIDTH_YEARS * uniforms(key, Stream.PEOPLE, person, _BIRTH)
    rows.birth_day = np.floor(reference_day - age * DAYS_A_YEAR).astype(np.int64)
    bounds = income_bounds(territory, parameters, rows, key)
    draw_traits(rows, age, bounds, territory, parameters, conditions, key)
    return Population(rows)


def draw_traits(
    rows: np.recarray,
    age_years: NDArray[np.float64],
    bounds_of_income: NDArray[np.float64],
    territory: Territory,
    parameters: Parameters,
    conditions: tuple[Condition, ...],
    key: NDArray[np.uint64],
) -> None:
    """Write all that follows from people's address, commune, age and sex, but their registered doctor.

    Parameters
    ----------
    rows : PATIENT with `person`, `commune`, `is_female` and `birth_day`; written.
    age_years : on the day for which their conditions are drawn, shape (n,).
    bounds_of_income : see `income_bounds`.
    """
    rows.income_quintile = np.searchsorted(bounds_of_income, _log_income(territory, parameters, rows, key)) + 1
    _draw_means(rows, age_years, parameters, key)
    _draw_conditions(rows, age_years, parameters, conditions, key)
    _draw_temperament(rows, parameters, conditions, key)
    rows.registered_gp = NOBODY


# --- places, ages and sexes -------------------------------------------------------------------------------------


def _places_ages_sexes(territory: Territory, scale: float) -> tuple[NDArray, NDArray, NDArray]:
    """Return commune, sex (1: woman) and lower bound of age of everybody, three arrays of shape (n,)."""
    table = age_sex_by_commune(territory)
    n_communes, n_ages, _ = table.shape
    people = np.array([round(p * scale) for p in territory.communes["population"]])
    counts = round_by_commune(table.reshape(n_communes, -1), people)
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    commune, rest = np.divmod(cell, n_ages * 2)
    age_class, sex = np.divmod(rest, 2)
    return commune, sex, age_class * AGE_WIDTH_YEARS


def age_sex_by_commune(territory: Territory) -> NDArray[np.float64]:
    """Return the expected people by commune, five-year age and sex, shape (communes, 21, 2); women are index 1.

    Notes
    -----
    Iterative proportional fitting of the pack's age-by-sex table (an older census, by group of communes) to the
    communes' present broad ages, then to their population. A pack without such a table takes the ages and sexes of
    France (`abm.environment.completing.reference_ages`).
    """
    communes = territory.communes
    seed = _seed_table(territory)
    groups = [name for name in AGE_GROUPS if name in communes.columns]
    people = communes["population"].to_numpy(float)
    if not groups:
        return seed / seed.sum(axis=(1, 2), keepdims=True) * people[:, None, None]
    margin = communes[list(AGE_GROUPS)].to_numpy(float)
    group_of_class = np.minimum(np.arange(seed.shape[1]) * AGE_WIDTH_YEARS // GROUP_WIDTH_YEARS, len(AGE_GROUPS) - 1)
    fitted = seed.copy()
    for group in range(len(AGE_GROUPS)):
        members = group_of_class == group
        total = fitted[:, members].sum(axis=(1, 2))
        fitted[:, members] *= np.divide(margin[:, group], total, out=np.zeros_like(total), where=total > 0)[
            :, None, None
        ]
    return fitted / fitted.sum(axis=(1, 2), keepdims=True) * people[:, None, None]


def _seed_table(territory: Territory) -> NDArray[np.float64]:
    """Return the older age-by-sex structure of each commune's group, shape (communes, 21, 2)."""
    n_ages = OLDEST_AGE_YEARS // AGE_WIDTH_YEARS + 1
    if territory.age_sex is None:
        return np.repeat(reference_ages()[None, :n_ages], len(territory.communes), axis=0)
    table = territory.age_sex.sort_values(["group", "age_from"])
    by_group = {}
    for name, rows in table.groupby("group"):
        cells = np.zeros((n_ages, 2))
        classes = rows["age_from"].to_numpy(int) // AGE_WIDTH_YEARS
        cells[classes, 0], cells[classes, 1] = rows["male"], rows["female"]
        by_group[name] = _spread_last_class(cells, classes.max())
    everybody = np.sum(list(by_group.values()), axis=0)
    return np.stack([by_group.get(epci, everybody) for epci in territory.communes["epci"]])


def _spread_last_class(cells: NDArray, last: int) -> NDArray:
    """Spread an open last age class (90 and more) over five-year classes, each a third of the one before."""
    n_left = len(cells) - last
    weights = 3.0 ** -np.arange(n_left)
    cells[last:] = np.outer(weights / weights.sum(), cells[last])
    return cells


def round_by_commune(table: NDArray, people: NDArray) -> NDArray[np.int64]:
    """Round expected people by commune and cell to whole ones; each commune keeps its total, shape (communes, cells).

    What a commune rounds away is carried to the next one: otherwise the rarest cells, the very old in small communes,
    would be rounded down everywhere. Over the territory each cell is met within a person.
    """
    counts = np.zeros(table.shape, np.int64)
    carried = np.zeros(table.shape[1])
    for commune, total in enumerate(people):
        exact = table[commune] * (total / max(table[commune].sum(), 1e-12))
        counts[commune] = round_to_total(np.maximum(exact + carried, 0.0), total)
        carried += exact - counts[commune]
    return counts


def round_to_total(values: NDArray, total: int) -> NDArray[np.int64]:
    """Round shares of a whole to integers that sum exactly to `total` (largest remainders)."""
    if total == 0 or values.sum() == 0:
        return np.zeros(values.size, np.int64)
    exact = values / values.sum() * total
    counts = np.floor(exact).astype(np.int64)
    short = total - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:short]] += 1
    return counts


# --- means: income, car, digital access, cover ------------------------------------------------------------------


def income_bounds(
    territory: Territory, parameters: Parameters, rows: np.recarray, key: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """Return the four bounds between the fifths of income (logarithms) of the people given, shape (4,)."""
    return np.quantile(_log_income(territory, parameters, rows, key), [0.2, 0.4, 0.6, 0.8])


def _log_income(territory: Territory, parameters: Parameters, rows: np.recarray, key: NDArray) -> NDArray[np.float64]:
    """Return the logarithm of everybody's income: lognormal around the commune's median."""
    known = territory.communes["median_income_eur"].astype(float)
    medians = known.fillna(known.median() if known.notna().any() else 1.0).to_numpy()
    person = rows.person.astype(np.int64)
    return np.log(medians[rows.commune]) + parameters["income_sigma"] * normals(key, Stream.PEOPLE, person, _INCOME)


def by_age(parameters: Parameters, family: str, age: NDArray, youngest: float | None = None) -> NDArray[np.float64]:
    """Return a parameter family that is written by age band (`family[age=30-44]`, `family[age=85+]`) at many ages.

    Ages below the first band take `youngest`, or the first band's value.
    """
    bands = sorted(
        (int(label.removeprefix("age=").split("-")[0].rstrip("+")), value)
        for label, value in parameters.matching(family).items()
        if label.startswith("age=")
    )
    starts = np.array([start for start, _ in bands])
    values = np.array([value for _, value in bands])
    position = np.searchsorted(starts, age, side="right") - 1
    out = values[np.maximum(position, 0)]
    return np.where(position < 0, out if youngest is None else youngest, out)


def _draw_means(rows: np.recarray, age: NDArray, parameters: Parameters, key: NDArray) -> None:
    """Draw car, digital access, régime local and complementary cover, by age and income fifth."""

    def is_true(sub_address: int, probability: NDArray | float) -> NDArray:
        return (uniforms(key, Stream.PEOPLE, rows.person, sub_address) < probability).astype(np.int64)

    poorest = rows.income_quintile == 1
    car = by_age(parameters, "car_share", np.where(age < 18, 40.0, age))  # a child rides with its parents
    rows.has_car = is_true(_CAR, _tilted(car, poorest, parameters["car_share_poorest_relative"]))
    excluded = by_age(parameters, "digital_exclusion", np.where(age < 15, 40.0, age))
    excluded = np.where(age >= 75, parameters["digital_exclusion[75+]"], excluded)
    excluded = _tilted(excluded, poorest, parameters["digital_exclusion_poorest_relative"])
    rows.has_digital_access = 1 - is_true(_DIGITAL, excluded)
    rows.has_regime_local = is_true(_REGIME, parameters["regime_local_coverage_share"])
    covered = np.where(
        poorest, parameters["complementary_cover_poorest_share"], parameters["complementary_cover_share"]
    )
    rows.has_complementary_cover = is_true(_COVER, covered)


def _tilted(share: NDArray, poorest: NDArray, relative: float) -> NDArray[np.float64]:
    """Return shares whose mean is kept while the poorest fifth has `relative` times that of the others."""
    others = share / (0.8 + 0.2 * relative)
    return np.clip(np.where(poorest, relative * others, others), 0.0, 1.0)


# --- conditions and temperament ---------------------------------------------------------------------------------


def _draw_conditions(
    rows: np.recarray, age: NDArray, parameters: Parameters, conditions: tuple[Condition, ...], key: NDArray
) -> None:
    """Draw who has which condition, and long-term status: prevalence by age and sex, positively associated.

    Notes
    -----
    A Gaussian liability for each condition shares one frailty with all others: the prevalence of each is kept exactly,
    while any two are correlated (`comorbidity_correlation`; compare C027-C030).
    """
    correlation = parameters["comorbidity_correlation"]
    frailty = normals(key, Stream.FRAILTY, rows.person, 0)
    free_of_ald = np.ones(rows.size)
    for index, condition in enumerate(conditions):
        own = normals(key, Stream.FRAILTY, rows.person, zlib.crc32(condition.name.encode()))
        liability = np.sqrt(correlation) * frailty + np.sqrt(1.0 - correlation) * own
        has = liability > -ndtri(condition.prevalence(age, rows.is_female))
        rows.conditions |= has.astype(np.int64) << index
        free_of_ald *= np.where(has, 1.0 - condition.ald_share, 1.0)
    rows.has_ald = uniforms(key, Stream.PEOPLE, rows.person, _ALD) < 1.0 - free_of_ald


def _draw_temperament(
    rows: np.recarray, parameters: Parameters, conditions: tuple[Condition, ...], key: NDArray
) -> None:
    """Draw the personal multiplier of needs (gamma, mean 1) and the rhythm of follow-up."""
    shape = parameters["need_heterogeneity_cv"] ** -2
    draws = np.clip(uniforms(key, Stream.TEMPERAMENT, rows.person, 0), 1e-12, 1 - 1e-12)
    rows.need_factor = gammaincinv(shape, draws) / shape
    spread = parameters["regularity_spread"]
    rows.regularity = np.exp(spread * normals(key, Stream.TEMPERAMENT, rows.person, 1) - 0.5 * spread**2)
    shortest = np.full(rows.size, np.inf)
    for index, condition in enumerate(conditions):
        has = (rows.conditions >> index) & 1 == 1
        shortest = np.where(has, np.minimum(shortest, condition.gp_follow_up_interval_days), shortest)
    rows.follow_up_rate = parameters["guideline_share_kept"] * rows.regularity / shortest
    rows.spend_factor = personal_spend_factors(rows.person, parameters, key)


def personal_spend_factors(person: NDArray, parameters: Parameters, key: NDArray) -> NDArray[np.float64]:
    """Return the persistent multiplier of each person's background spend, lognormal with mean 1, shape (n,).

    Its variance is what yearly spend lacks, in the baseline, to vary between persons as registered [O017].
    """
    variance = load_background().factor_variance(parameters["individual_cost_cv"])
    spread = np.sqrt(np.log1p(variance))
    return np.exp(spread * normals(key, Stream.SPEND, person) - 0.5 * spread**2)


# --- registered general practitioner ----------------------------------------------------------------------------


def register(
    population: Population,
    parameters: Parameters,
    minutes: NDArray[np.float64],
    practice_communes: NDArray[np.int64],
    list_targets: NDArray[np.float64],
    key: NDArray[np.uint64],
    *,
    reference_day: int,
) -> Population:
    """Give people a general practitioner by a gravity rule within list sizes; rows come back sorted by doctor.

    Parameters
    ----------
    minutes : travel between communes, shape (c, c).
    practice_communes : commune of each practice, shape (g,).
    list_targets : relative size of each list, shape (g,).

    Notes
    -----
    Flows are proportional to `exp(-gravity * minutes + bonus)` and balanced (Furness) so that every commune gives its
    registered people and every practice gets its list. Who goes where within a commune is an addressed shuffle.
    """
    rows = population.rows.copy().view(np.recarray)
    registered = np.flatnonzero(wants_a_doctor(rows, parameters, key, reference_day))
    if practice_communes.size and registered.size:
        utility = -parameters["gp_gravity_per_minute"] * minutes[:, practice_communes]
        same = np.arange(len(minutes))[:, None] == practice_communes[None, :]
        weights = np.exp(utility + parameters["gp_gravity_own_commune_bonus"] * same)
        people = np.bincount(rows.commune[registered], minlength=len(minutes)).astype(float)
        flows = balanced_flows(weights, people, list_targets / list_targets.sum() * people.sum())
        luck = uniforms(key, Stream.REGISTRATION, rows.person[registered], 1)
        order = registered[np.lexsort((rows.person[registered], luck, rows.commune[registered]))]
        counts = np.stack([round_to_total(flows[c], int(people[c])) for c in range(len(minutes))])
        rows.registered_gp[order] = np.concatenate(
            [np.repeat(np.arange(practice_communes.size), counts[c]) for c in range(len(minutes))]
        )
    return Population(rows[np.lexsort((rows.person, rows.registered_gp))].view(np.recarray))


def wants_a_doctor(
    rows: np.recarray,
    parameters: Parameters,
    key: NDArray,
    reference_day: int | NDArray,
    share_ald: float | None = None,
) -> NDArray[np.bool_]:
    """Tell who has a registered general practitioner: adults and people with long-term status by their own shares.

    Parameters
    ----------
    share_ald : of adults with long-term status, for whom all of them together have the registered share; None: theirs.
    """
    age = (reference_day - rows.birth_day) / DAYS_A_YEAR
    adult = age >= ADULT_FROM_AGE_YEARS
    p_ald, p_all = 1 - parameters["ald_without_MT_share"], 1 - parameters["adults_without_MT_share"]
    if share_ald is None:
        share_ald = float(rows.has_ald[adult].mean()) if adult.any() else 0.0
    p_other = (p_all - share_ald * p_ald) / max(1.0 - share_ald, 1e-9)
    probability = np.where(adult, np.where(rows.has_ald == 1, p_ald, p_other), parameters["children_registered_share"])
    return uniforms(key, Stream.REGISTRATION, rows.person, 0) < probability


def balanced_flows(
    weights: NDArray[np.float64], row_totals: NDArray[np.float64], column_totals: NDArray[np.float64], rounds: int = 200
) -> NDArray[np.float64]:
    """Return the flows nearest to `weights` whose rows and columns sum to the totals (Furness), shape (rows, columns).

    Both totals must have the same sum; rows are met exactly, columns to the last round's precision.
    """
    flows = weights.copy()
    for _ in range(rounds):
        columns = flows.sum(axis=0)
        flows *= np.divide(column_totals, columns, out=np.zeros_like(columns), where=columns > 0)
        sums = flows.sum(axis=1)
        flows *= np.divide(row_totals, sums, out=np.zeros_like(sums), where=sums > 0)[:, None]
    return flows


def list_sizes(population: Population, n_practices: int) -> NDArray[np.int64]:
    """Return how many people each practice has on its list, shape (n_practices,)."""
    registered = population.rows.registered_gp
    return np.bincount(registered[registered != NOBODY], minlength=n_practices)


def to_frame(population: Population) -> pd.DataFrame:
    """Return the people as a table, one row each."""
    return pd.DataFrame({name: population.rows[name] for name in PATIENT.names or ()})
