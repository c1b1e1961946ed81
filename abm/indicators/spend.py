"""What does care cost a year, who pays, who receives it, and for whom is it spent?

Owns the indicators in euros. Amounts are those of the ledger and of each person's account: prices of the day, all
payers, residents only; the territory's own action is not care. Years are calendar years cut at the horizon's ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import ALL, Block, Floats, Run, Strata, ratio, with_whole
from abm.indicators.use import per_head
from abm.payments.builder import breaks_of, ledger_months, spending_years
from abm.payments.tables import CARE_PAYERS, Account, Category
from abm.payments.tariffs import CENTS_A_EURO
from abm.state import NEVER, NOBODY, Payer, Status

CARE = tuple(category for category in Category if category != Category.ACTION)
PAYERS = tuple(Payer)[:CARE_PAYERS]
UNIT = "EUR/person/year"


def has_ledger(run: Run) -> bool:
    """Tell whether anything could be billed in this run."""
    return bool(run.records.billed.size)


def spend_per_head(run: Run, strata: Strata, *, total_only: bool = False) -> Iterator[Block]:
    """Yield spending per person and year, of all payers and of each: that of `compulsory` compares with C065."""
    if not has_ledger(run):
        unknown = np.full((len(strata.labels), 1 + len(run.years.labels)), np.nan)
        yield Block("spend_per_head_eur", UNIT, strata.kind, strata.labels, unknown, np.zeros(unknown.shape, np.int64))
        return
    by_payer = _by_stratum(run, strata)
    yield _per_head(run, "spend_per_head_eur", strata, by_payer.sum(axis=0))
    if total_only:
        return
    for payer, amounts in zip(PAYERS, by_payer, strict=True):
        yield _per_head(run, f"spend_per_head_eur.by_payer.{payer.name.lower()}", strata, amounts)


def spend_by_category(run: Run) -> Iterator[Block]:
    """Yield spending per person and year by heading, from the ledger."""
    if not has_ledger(run):
        return
    months = _months_by_period(run)
    for category in CARE:
        amounts = np.array([[run.records.billed[month, category].sum() for month in months]]) / CENTS_A_EURO
        yield _per_head(run, f"spend_per_head_eur.by_category.{category.name.lower()}", run.strata(ALL), amounts)


def chronic_spend(run: Run) -> Iterator[Block]:
    """Yield the share of the compulsory insurance's spending that goes to people with long-term status or a condition.

    Who is chronically ill is looked up at the end of the run.
    """
    if not has_ledger(run):
        return
    patients = run.records.patients
    is_chronic = (patients.has_ald == 1) | (patients.conditions != 0)
    spend = with_whole(_spend(run)[:, :, Payer.COMPULSORY])
    value = ratio(spend[is_chronic].sum(axis=0), spend.sum(axis=0))
    yield Block("chronic_spend_share", "share", ALL, (ALL,), value[None, :], np.array([[int(is_chronic.sum())]]))


def spend_variation(run: Run) -> Iterator[Block]:
    """Yield standard deviation over mean of what the compulsory insurance spends on a person in a year.

    Over people alive and here all year, in whole calendar years of the horizon; for all years: the mean over them.
    """
    if not has_ledger(run):
        return
    spend = _spend(run)[:, :, Payer.COMPULSORY]
    values, counts = [], []
    for year, (first, end) in enumerate(run.years.spans):
        amounts = spend[_is_there(run, first, end), year]
        mean = amounts.mean() if amounts.size else 0.0
        values.append(float(amounts.std() / mean) if mean > 0.0 and end - first >= 365 else np.nan)
        counts.append(amounts.size)
    known = [value for value in values if not np.isnan(value)]
    whole = float(np.mean(known)) if known else np.nan
    row = np.array([[whole, *values]]), np.array([[sum(counts), *counts]])
    yield Block("spend_coefficient_of_variation", "ratio", ALL, (ALL,), *row)


def revenues(run: Run) -> Iterator[Block]:
    """Yield what each kind of provider receives a year for residents' care: who loses or gains by a policy."""
    if not has_ledger(run):
        return
    received, months = run.records.received, _months_by_period(run)
    lengths = np.array([run.years.years.sum(), *run.years.years])
    for name, accounts in accounts_by_type(run).items():
        cents = np.array([[received[month][:, :, accounts].sum() for month in months]])
        value = ratio(cents / CENTS_A_EURO, lengths[None, :])
        n = np.full(value.shape, accounts.size)
        yield Block(f"revenue_eur.{name}", "EUR/year", ALL, (ALL,), value, n)


def accounts_by_type(run: Run) -> dict[str, NDArray[np.int64]]:
    """Return the columns of `received` of each kind of provider, by name; every column is in exactly one."""
    specialty, kinds = run.records.providers.specialty, run.setting.territory.sites["kind"].to_numpy(str)
    first_general = specialty.size + kinds.size
    names = {
        "general_practitioners": np.flatnonzero(specialty == NOBODY),
        "specialists": np.flatnonzero(specialty != NOBODY),
        "hospitals": specialty.size + np.flatnonzero(kinds != "pole"),
        "poles": specialty.size + np.flatnonzero(kinds == "pole"),
    }
    return names | {account.name.lower(): np.array([first_general + account]) for account in Account}


# --- amounts ------------------------------------------------------------------------------------------------------


def _spend(run: Run) -> NDArray[np.int64]:
    """Return cents spent on each person by year of the horizon and payer of care, shape (n, years, payers)."""
    records, setting = run.records, run.setting
    first_year = int(spending_years(setting.calendar, breaks_of(setting.scenario))[run.first])
    years = records.spend_cents[first_year : first_year + len(run.years.labels)]
    return years.transpose(1, 0, 2).astype(np.int64)


def _by_stratum(run: Run, strata: Strata) -> Floats:
    """Return euros by payer, stratum and period (the horizon first), shape (payers, strata, 1 + years)."""
    spend, people = _spend(run), np.arange(run.records.patients.size)
    totals = np.zeros((len(PAYERS), len(strata.labels), len(run.years.labels)))
    for year, (first, end) in enumerate(run.years.spans):
        _, codes = run.people_strata(strata.kind, people, (first + end) // 2)
        for payer in range(len(PAYERS)):
            totals[payer, :, year] = np.bincount(codes, spend[:, year, payer], minlength=len(strata.labels))
    whole = totals.sum(axis=2, keepdims=True)
    return np.concatenate([whole, totals], axis=2) / CENTS_A_EURO


def _per_head(run: Run, indicator: str, strata: Strata, euros: Floats) -> Block:
    return per_head(run, indicator, UNIT, strata, euros)


def _months_by_period(run: Run) -> list[slice]:
    """Return the months of the ledger in the horizon and in each of its years."""
    months = ledger_months(run.setting.calendar, breaks_of(run.setting.scenario))
    spans = [(run.first, run.end), *run.years.spans]
    return [slice(int(months[first]), int(months[end - 1]) + 1) for first, end in spans if end > first]


def _is_there(run: Run, first: int, end: int) -> NDArray[np.bool_]:
    """Tell who is alive and here on every day of a span, shape (n,)."""
    patients = run.records.patients
    came = (patients.status != Status.EXPECTED) & (patients.birth_day <= first) & (patients.since <= first)
    return came & ((patients.gone_on == NEVER) | (patients.gone_on >= end))
