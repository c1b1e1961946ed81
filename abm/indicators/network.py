"""How many professionals and people are in the care network, and what does the action cost?

Owns the programme's own indicators. They are counted on the evening of the network's monthly decisions; a period shows
its last month. Without a care network they are 0, as is its cost.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abm.indicators.counting import ALL, Block, Floats, Run, ratio, with_whole
from abm.payments.builder import breaks_of, ledger_months
from abm.payments.tables import Category
from abm.payments.tariffs import CENTS_A_EURO
from abm.state import NetworkFigure, Payer

STOCKS = {
    "professionals_in_network": ("professionals", NetworkFigure.PROFESSIONALS),
    "patients_reached": ("people", NetworkFigure.REACHED),
    "patients_enrolled": ("people", NetworkFigure.ENROLLED),
}
SHARES = {
    "gp_in_network_share": ("share of practices", NetworkFigure.GENERAL_PRACTITIONERS, NetworkFigure.PRACTICES),
    "enrolled_share": ("share of people", NetworkFigure.ENROLLED, NetworkFigure.PEOPLE),
}
FUNDERS = (Payer.COMPULSORY, Payer.TERRITORY, Payer.STATE, Payer.OTHER)


def care_network(run: Run) -> Iterator[Block]:
    """Yield professionals and practices in the network, people reached and enrolled, at the end of each period.

    `patients_reached` counts, from the start on, everybody who was invited at a visit or has enrolled. `n` is the
    number counted, for shares that of all practices or people.
    """
    figures = _at_end_of_periods(run)
    for name, (unit, column) in STOCKS.items():
        yield _block(name, unit, figures[:, column].astype(float), figures[:, column])
    for name, (unit, column, of) in SHARES.items():
        share = np.nan_to_num(ratio(figures[:, column], figures[:, of]))
        yield _block(name, unit, share, figures[:, of])


def programme_cost(run: Run) -> Iterator[Block]:
    """Yield what the action cost in each period, and who paid: its funders, and the insurance for members."""
    if not run.records.billed.size:
        return
    cents = _cost_by_year(run)
    for name, columns in {"": FUNDERS, **{f".{payer.name.lower()}": (payer,) for payer in FUNDERS}}.items():
        paid = with_whole(cents[None, :, list(columns)].sum(axis=2))[0]
        yield _block(f"programme_cost_eur{name}", "EUR", paid / CENTS_A_EURO, np.zeros(paid.size, np.int64))


def monthly_network(run: Run) -> dict[str, Floats]:
    """Return the curve of the programme by month of the horizon: columns of the monthly table, shape (months,)."""
    month_of = run.setting.calendar.month_index
    months = [int(month_of[first]) for first, _ in run.months.spans]
    figures = _figures(run)[months] if months else np.zeros((0, len(NetworkFigure)), np.int64)
    columns = {name: figures[:, column].astype(float) for name, (_, column) in STOCKS.items()}
    columns |= {name: np.nan_to_num(ratio(figures[:, a], figures[:, b])) for name, (_, a, b) in SHARES.items()}
    return columns


def _figures(run: Run) -> np.ndarray:
    """Return the network's figures by month, zero without one."""
    if run.records.network.size:
        return run.records.network
    return np.zeros((int(run.setting.calendar.month_index[-1]) + 1, len(NetworkFigure)), np.int64)


def _at_end_of_periods(run: Run) -> np.ndarray:
    """Return the figures of the last month of the horizon and of each year, shape (1 + years, columns)."""
    month_of = run.setting.calendar.month_index
    ends = [end for first, end in [(run.first, run.end), *run.years.spans]]
    return _figures(run)[[int(month_of[max(end - 1, 0)]) for end in ends]]


def _cost_by_year(run: Run) -> np.ndarray:
    """Return the cents of the action by year of the horizon and payer, shape (years, payers)."""
    months = ledger_months(run.setting.calendar, breaks_of(run.setting.scenario))
    first_days = np.unique(months, return_index=True)[1]
    inside = (first_days >= run.first) & (first_days < run.end)
    cents = np.zeros((len(run.years.labels), len(Payer)), np.int64)
    paid = run.records.paid[: first_days.size, Category.ACTION]
    np.add.at(cents, run.years.of_day[first_days[inside]], paid[inside])
    return cents


def _block(name: str, unit: str, value: Floats, n: np.ndarray) -> Block:
    return Block(name, unit, ALL, (ALL,), value[None, :], n[None, :].astype(np.int64))
