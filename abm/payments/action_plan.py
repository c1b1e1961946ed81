"""What does the action cost, who pays it, and when? The plan of its 721,500 EUR, read and checked.

Owns `action_plan.csv`: euros by year, funder and kind. The totals by funder are known (grade A, in the registry), their
split by year and kind is an assumption (grade C). A year of the plan is twelve months from the day the action begins.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abm.errors import InputError, nearest
from abm.payments.tariffs import CENTS_A_EURO
from abm.state import Payer

if TYPE_CHECKING:
    from abm.parameters import Parameters

FILE = Path(__file__).with_suffix(".csv")
COLUMNS = ["year", "funder", "kind", "eur", "grade"]
PAYER_OF = {"pia": Payer.STATE, "petr": Payer.TERRITORY, "others": Payer.OTHER}
KINDS = ("staff", "studies", "services", "animation")
MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class ActionPlan:
    """Amounts of the plan.

    Attributes
    ----------
    cents : (year of the plan from 0 on, funder, kind) to cents a year.
    n_years : years for which there is money.
    """

    cents: dict[tuple[int, str, str], int]
    n_years: int

    @property
    def n_months(self) -> int:
        """Months for which there is money."""
        return self.n_years * MONTHS_A_YEAR

    def month(self, month: int) -> dict[tuple[str, str], int]:
        """Return the cents of a month by funder and kind; twelve months are exactly their year.

        Parameters
        ----------
        month : months since the action began, from 0 on; beyond the plan nothing is paid.
        """
        year, place = divmod(month, MONTHS_A_YEAR)
        return {
            (funder, kind): cents * (place + 1) // MONTHS_A_YEAR - cents * place // MONTHS_A_YEAR
            for (when, funder, kind), cents in self.cents.items()
            if when == year
        }

    def staff_eur_per_year(self, month: int) -> float:
        """Return the money for staff of the year of the plan in which a month lies, euros."""
        year = month // MONTHS_A_YEAR
        return sum(c for (when, _, kind), c in self.cents.items() if (when, kind) == (year, "staff")) / CENTS_A_EURO


def load_action_plan(parameters: Parameters, file: Path = FILE) -> ActionPlan:
    """Read a plan and hold it against the budget of each funder (`action_plan_budget_eur`).

    Raises
    ------
    InputError
        Bad header, unknown funder or kind, an amount that is none, a row given twice, more spent than there is; with
        file and line.
    """
    euros: dict[tuple[int, str, str], float] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if reader.fieldnames != COLUMNS:
            raise InputError(f"found columns {reader.fieldnames}, expected {COLUMNS}", file=file, line=1)
        for row in reader:
            key, amount = _read_row(row, file, reader.line_num)
            if key in euros:
                raise InputError(f"{key} is given twice", file=file, line=reader.line_num)
            euros[key] = amount
    if not euros:
        raise InputError("no row, expected amounts by year, funder and kind", file=file)
    budgets = parameters.matching("action_plan_budget_eur")
    for funder, budget in budgets.items():
        spent = sum(eur for (_, who, _), eur in euros.items() if who == funder)
        if spent > budget:
            raise InputError(f"the plan spends {spent:,.2f} EUR of '{funder}', which gives {budget:,.2f}", file=file)
    first = min(year for year, _, _ in euros)
    last = max(year for year, _, _ in euros)
    cents = {(year - first, *rest): round(eur * CENTS_A_EURO) for (year, *rest), eur in euros.items()}
    return ActionPlan(cents, last - first + 1)  # type: ignore[arg-type]


def _read_row(row: dict[str, str], file: Path, line: int) -> tuple[tuple[int, str, str], float]:
    for column, known in (("funder", tuple(PAYER_OF)), ("kind", KINDS)):
        if row[column] not in known:
            hint = nearest(row[column] or "", known)
            raise InputError(f"'{column}': found '{row[column]}', expected one of {known}.{hint}", file=file, line=line)
    try:
        year, eur = int(row["year"]), float(row["eur"])
    except (TypeError, ValueError):
        found = (row["year"], row["eur"])
        raise InputError(f"found {found}, expected a year and an amount in euros", file=file, line=line) from None
    if not 0.0 <= eur < float("inf"):
        raise InputError(f"'eur': found {eur:g}, expected 0 or more", file=file, line=line)
    return (year, row["funder"], row["kind"]), eur
