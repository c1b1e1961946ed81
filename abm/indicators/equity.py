"""How unequally are delay, forgone care, potential access and spend shared, between communes and between incomes?

Owns the indicators of inequality: amounts by person, their means by commune or income fifth, and the measures of
`abm.equity` over these, weighted by people. What is measured *between* communes cannot see who is poor within one; what
is measured between income fifths (drawn within communes around their median) can.

One run shows chance as well: small communes differ even if place did not matter. Beside each value over communes stands
that of `.permuted`: the same people dealt anew among the communes, sizes kept, so that no true difference is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.equity import (
    concentration_index,
    erreygers_index,
    extreme_tenths_ratio,
    gini,
    relative_index,
    slope_index,
)
from abm.indicators.counting import Block, Floats, Ints, Run, ratio
from abm.indicators.delays import lead_days
from abm.indicators.potential import apl_of
from abm.indicators.practices import over_all
from abm.indicators.unmet import FROM_AGE_YEARS, forgone, twelve_month_spans
from abm.population import DAYS_A_YEAR
from abm.state import Payer, Status

DEALS = 20
"""How often people are dealt anew; the median over these is reported."""
FIFTHS = 5
CENTS = 100
CARE_PAYERS = (Payer.COMPULSORY, Payer.LOCAL, Payer.COMPLEMENTARY, Payer.PATIENT)
"""The territory and the state pay for the programme, which is not care."""
ALONG_RANKS = ("concentration_index", "slope_index", "relative_index_of_inequality")


class Amount(NamedTuple):
    """Something people have more or less of: a mean of `total` per `number`, over any group of them.

    Attributes
    ----------
    column : name of its column in the table of communes.
    unit : of the mean.
    is_share : bounded by 0 and 1: measured by Erreygers' index.
    total, number : by person, shape (n,); those with number 0 do not count.
    """

    name: str
    column: str
    unit: str
    is_share: bool
    total: Floats
    number: Floats

    def means(self, group: NDArray, n_groups: int) -> Floats:
        """Return the mean of each group of people, shape (n_groups,); NaN where nobody counts."""
        total, number = (np.bincount(group, of_person, n_groups) for of_person in (self.total, self.number))
        return ratio(total, number)


def inequality(run: Run) -> Iterator[Block]:
    """Yield the measures of inequality of each amount, over the whole horizon; `n` is the number of communes or fifths.

    Over communes, weighted by their people: `gini`; `extreme_tenths_ratio`, the tenth of the people in the communes of
    most over that of least; and along the communes' median income, poorest first, `concentration_index` (Erreygers' for
    shares), `slope_index` and `relative_index_of_inequality`. Over income fifths of people: the last three, with the
    suffix `.income_fifth`.
    """
    weights = people_by_commune(run)
    incomes = run.setting.territory.communes["median_income_eur"].to_numpy(np.float64)

    def measured(amount: Amount, communes: NDArray) -> dict[str, float]:
        return measures(amount.means(communes, run.n_communes), weights, incomes, amount.is_share)

    every_amount = list(amounts(run))
    deals_of_all = [[measured(amount, communes) for amount in every_amount] for communes in deals(run, DEALS)]
    for amount, dealt in zip(every_amount, zip(*deals_of_all, strict=True), strict=True):
        values = amount.means(run.commune, run.n_communes)
        n = int((~np.isnan(values) & (weights > 0)).sum())
        for name, value in measured(amount, run.commune).items():
            by_chance = np.array([of_deal[name] for of_deal in dealt])
            median = float(np.nanmedian(by_chance)) if not np.isnan(by_chance).all() else float("nan")
            yield over_all(f"{name}.{amount.name}", unit_of(name, amount.unit), [value], [n])
            yield over_all(f"{name}.{amount.name}.permuted", unit_of(name, amount.unit), [median], [n])
        yield from _between_fifths(run, amount)


def amounts(run: Run) -> Iterator[Amount]:
    """Yield what is measured: lead time, forgone care and spend as people have them, APL as their commune has it."""
    n_people = run.birth_day.size
    given = run.given_gp
    leads = np.bincount(given.patient, lead_days(given), n_people)
    yield Amount("lead_time", "lead_time_mean_days.gp", "days", False, leads, counts_of(given.patient, n_people))
    run.let_go()
    yield Amount("forgone_care", "forgone_care_share", "share", True, *_forgone_by_person(run))
    run.let_go()
    is_there = np.zeros(n_people)
    is_there[run.people_on((run.first + run.end) // 2)] = 1.0
    access = apl_of(run, run.first, run.end)[run.commune]
    yield Amount("apl", "apl", "acts/standardised inhabitant/year", False, access * is_there, is_there)
    if run.records.spend_cents.shape[1] == n_people:
        yield Amount("spend", "spend_per_head_eur", "EUR/person/year", False, *_spend_by_person(run))


def _spend_by_person(run: Run) -> tuple[Floats, Floats]:
    """Return what was spent on each person, EUR, and the years he lived here, over the horizon, shape (n,) each.

    All payers of care. Spend is booked by calendar year, years cut where the horizon begins and ends.
    """
    first_year = _spending_year_of(run, run.first)
    years = run.records.spend_cents[first_year : first_year + len(run.years.labels)]
    cents = years.sum(axis=(0, 2), dtype=np.int64)
    since = np.maximum(np.maximum(run.lived_from, run.birth_day), run.first)
    days = np.maximum(np.minimum(run.lived_to, run.end) - since, 0)
    return cents / CENTS, days / DAYS_A_YEAR


def _spending_year_of(run: Run, day: int) -> int:
    """Return the column of a day in the table of spend: calendar years so far, one more where the horizon cuts one."""
    begins = np.diff(run.setting.calendar.year[: day + 1]) > 0
    is_cut = day == run.setting.first_reported_day and day > 0 and not begins[-1]
    return int(begins.sum()) + int(is_cut)


def _forgone_by_person(run: Run) -> tuple[Floats, Floats]:
    """Return in how many twelve-month spans each person went without care, and was of age, shape (n,) each."""
    needs, n_people = forgone(run), run.birth_day.size
    without, of_age = np.zeros(n_people), np.zeros(n_people)
    for first, end in twelve_month_spans(run):
        adults = run.people_on((first + end) // 2, lambda age_years: age_years >= FROM_AGE_YEARS)
        affected = np.zeros(n_people)
        affected[needs.patient[(needs.asked_on >= first) & (needs.asked_on < end)]] = 1.0
        of_age[adults] += 1.0
        without[adults] += affected[adults]
    return without, of_age


def counts_of(people: NDArray, n_people: int) -> Floats:
    """Return how often each person occurs, shape (n_people,)."""
    return np.bincount(people, minlength=n_people).astype(np.float64)


def people_by_commune(run: Run) -> Floats:
    """Return the people of each commune in the middle of the horizon, shape (c,)."""
    return run.heads("commune", (run.first + run.end) // 2).astype(np.float64)


def deals(run: Run, number: int) -> Iterator[Ints]:
    """Yield the communes of all people, dealt anew among them, shape (n,) each; the same for the same run.

    No draw of the simulation: its own generator, seeded with the run's seed.
    """
    luck = np.random.default_rng(run.setting.seed)
    people = np.flatnonzero(run.records.patients.status != Status.EXPECTED)
    for _ in range(number):
        dealt = run.commune.astype(np.int64)
        dealt[people] = run.commune[luck.permutation(people)]
        yield dealt


def measures(values: Floats, weights: Floats, incomes: Floats, is_share: bool) -> dict[str, float]:
    """Return the measures of inequality over communes, by name; NaN where no commune has a value.

    Parameters
    ----------
    values : by commune, shape (c,); those with NaN, or without people, are left out.
    weights : people of each, shape (c,).
    incomes : what ranks them, poorest first, shape (c,); those with NaN are left out of what is ranked.
    is_share : values lie between 0 and 1.
    """
    known = ~np.isnan(values) & (weights > 0)
    own, people = values[known], weights[known]
    return {
        "gini": gini(own, people) if own.size else float("nan"),
        "extreme_tenths_ratio": extreme_tenths_ratio(own, own, people) if own.size else float("nan"),
        **along_ranks(values, incomes, weights, is_share),
    }


def along_ranks(values: Floats, rank_by: Floats, weights: Floats, is_share: bool) -> dict[str, float]:
    """Return the measures of inequality along a ranking, lowest first, by name; see `measures`."""
    known = ~np.isnan(values) & ~np.isnan(rank_by) & (weights > 0)
    given = (values[known], rank_by[known])
    if not known.any():
        return dict.fromkeys(ALONG_RANKS, float("nan"))
    mass = weights[known]
    concentration = erreygers_index(*given, 0.0, 1.0, mass) if is_share else concentration_index(*given, mass)
    found = (concentration, slope_index(*given, mass), relative_index(*given, mass))
    return dict(zip(ALONG_RANKS, found, strict=True))


def unit_of(measure: str, unit: str) -> str:
    """Return the unit of a measure of inequality: that of the amount for a slope, else none."""
    if measure == "slope_index":
        return unit
    return "ratio" if measure in ("extreme_tenths_ratio", "relative_index_of_inequality") else "index"


def _between_fifths(run: Run, amount: Amount) -> Iterator[Block]:
    """Yield the measures along the income fifths of people, each fifth weighted by those who count."""
    fifth = run.person_tables["income_quintile"][1].astype(np.int64)
    means, weights = amount.means(fifth, FIFTHS), np.bincount(fifth, amount.number > 0, FIFTHS)
    n = int((weights > 0).sum())
    for name, value in along_ranks(means, np.arange(FIFTHS, dtype=np.float64), weights, amount.is_share).items():
        yield over_all(f"{name}.{amount.name}.income_fifth", unit_of(name, amount.unit), [value], [n])
