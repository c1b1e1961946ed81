"""What does an act cost on a day? Owns the reading and checking of the dated tariff table.

A row says from which date on an amount applies, until the act's next row. The amount is a number, or the id of a
registered number (then a draw or an override of that number reaches the price). `specialist[name]` is the price of one
specialty, `specialist` of all others; `stay[name]` is that of the stays whose cause names it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abm.calendar import Calendar
from abm.errors import InputError, nearest
from abm.parameters import Parameters
from abm.payments.tables import Act
from abm.yaml_reader import read_text

FILE = Path(__file__).parent / "tariffs.csv"
COLUMNS = ("act", "valid_from", "amount_eur", "unit", "source", "year", "grade", "note")
MAY_BE_EMPTY = ("note",)
GRADES = ("A", "B", "C")
CENTS_A_EURO = 100
SPECIALIST, STAY = "specialist", "stay"
GENERAL_ACTS = tuple(act.name.lower() for act in Act if act != Act.FIRST_SPECIALIST)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Tariff:
    """One price of one act.

    Attributes
    ----------
    valid_from : first day on which it applies.
    amount_eur : a number, or the id of a registered one.
    line : in the file, from 1.
    """

    act: str
    valid_from: dt.date
    amount_eur: float | str
    unit: str
    source: str
    year: str
    grade: str
    note: str
    line: int
    file: Path

    def cents(self, parameters: Parameters) -> int:
        """Return the amount in cents.

        Raises
        ------
        InputError
            It names a registered number that is unknown, no number, or negative.
        """
        if isinstance(self.amount_eur, float):
            return round(self.amount_eur * CENTS_A_EURO)
        try:
            amount = parameters[self.amount_eur]
        except InputError as error:
            raise self.refuse(f"{error.message} (expected a number or the id of one)") from None
        if amount < 0:
            raise self.refuse(f"'{self.amount_eur}' is {amount:g}, expected 0 or more")
        return round(amount * CENTS_A_EURO)

    def refuse(self, message: str, column: str = "amount_eur") -> InputError:
        """Return the error about this row."""
        return InputError(message, file=self.file, line=self.line, column=column)


def load_tariffs(specialties: Sequence[str], file: Path = FILE) -> tuple[Tariff, ...]:
    """Read the tariff table, in the order of acts and dates.

    Parameters
    ----------
    specialties : names that `specialist[name]` may have.

    Raises
    ------
    InputError
        Unknown or missing column, empty cell, unknown act or grade, no date, negative amount, an act that has two rows
        of one date or none at all; with file, line and column.
    """
    return _load(tuple(specialties), Path(file))


@cache
def _load(specialties: tuple[str, ...], file: Path) -> tuple[Tariff, ...]:
    reader = csv.reader(io.StringIO(read_text(file), newline=""), strict=True)
    _check_header(next(reader, []), file)
    rows = []
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(COLUMNS):
            raise InputError(f"found {len(cells)} cells, expected {len(COLUMNS)}", file=file, line=reader.line_num)
        rows.append(_parse(dict(zip(COLUMNS, cells, strict=True)), specialties, file, reader.line_num))
    rows.sort(key=lambda row: (row.act, row.valid_from, row.line))
    for earlier, later in pairwise(rows):
        if (earlier.act, earlier.valid_from) == (later.act, later.valid_from):
            message = f"'{later.act}' has an amount from {later.valid_from} already, in line {earlier.line}"
            raise later.refuse(message, "valid_from")
    known = {row.act for row in rows}
    for act in (*GENERAL_ACTS, SPECIALIST):
        if act not in known:
            raise InputError(f"no row for the act '{act}'", file=file)
    return tuple(rows)


def _check_header(found: list[str], file: Path) -> None:
    for position, name in enumerate(found, start=1):
        if name not in COLUMNS:
            message = f"unknown column '{name}'.{nearest(name, COLUMNS)}"
            raise InputError(message, file=file, line=1, column=position)
    if tuple(found) != COLUMNS:
        raise InputError(f"found columns {', '.join(found)}, expected {', '.join(COLUMNS)}", file=file, line=1)


def _parse(cells: Mapping[str, str], specialties: tuple[str, ...], file: Path, line: int) -> Tariff:
    """Check the cells of one row."""

    def refuse(column: str, message: str) -> InputError:
        return InputError(message, file=file, line=line, column=column)

    for column in COLUMNS:
        if column not in MAY_BE_EMPTY and not cells[column].strip():
            raise refuse(column, "empty")
    if not is_act(cells["act"], specialties):
        members = [f"{SPECIALIST}[{name}]" for name in specialties]
        known = [*GENERAL_ACTS, SPECIALIST, *members, f"{STAY}[…]"]
        raise refuse("act", f"unknown act '{cells['act']}'.{nearest(cells['act'], known)}")
    if cells["grade"] not in GRADES:
        raise refuse("grade", f"found '{cells['grade']}', expected A, B or C")
    try:
        valid_from = dt.date.fromisoformat(cells["valid_from"])
    except ValueError:
        valid_from = None
    if valid_from is None or not DATE.fullmatch(cells["valid_from"]):
        raise refuse("valid_from", f"found '{cells['valid_from']}', expected a date such as 2024-12-22")
    amount = _amount(cells["amount_eur"], refuse)
    rest = {name: cells[name] for name in ("act", "unit", "source", "year", "grade", "note")}
    return Tariff(valid_from=valid_from, amount_eur=amount, line=line, file=file, **rest)


def _amount(cell: str, refuse) -> float | str:  # type: ignore[no-untyped-def]
    """Return an amount in euros, or the id of a registered number."""
    if cell[0].isalpha() and cell.lower() not in ("nan", "inf", "infinity"):
        return cell
    try:
        amount = float(cell)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount):
        raise refuse("amount_eur", f"found '{cell}', expected an amount in euros or the id of a registered number")
    if amount < 0:
        raise refuse("amount_eur", f"found {cell}, expected 0 or more")
    return amount


def is_act(name: str, specialties: Iterable[str]) -> bool:
    """Tell whether a name is one of an act: a general one, that of a specialty, or a stay's."""
    if name in GENERAL_ACTS or name == SPECIALIST:
        return True
    family, _, member = name.removesuffix("]").partition("[")
    if not member or not name.endswith("]"):
        return False
    return member in specialties if family == SPECIALIST else family == STAY


def tariff_names(tariffs: Iterable[Tariff], specialties: Sequence[str]) -> dict[str, int]:
    """Return the row in `World.tariffs` of every price: general acts, `specialist[name]` of each, `stay[name]`."""
    names = [*GENERAL_ACTS, *(f"{SPECIALIST}[{name}]" for name in specialties)]
    names += sorted({row.act for row in tariffs if row.act.startswith(f"{STAY}[")})
    return {name: row for row, name in enumerate(names)}


def tariff_table(
    tariffs: Sequence[Tariff], specialties: Sequence[str], calendar: Calendar, parameters: Parameters
) -> NDArray[np.int32]:
    """Return the cents in force by act and day, shape (acts, t); rows as `tariff_names` gives them.

    Raises
    ------
    InputError
        An act has no amount on the first day.
    """
    by_act: dict[str, list[Tariff]] = {}
    for tariff in tariffs:
        by_act.setdefault(tariff.act, []).append(tariff)
    names = tariff_names(tariffs, specialties)
    table = np.zeros((len(names), calendar.n_days), np.int32)
    for name, row in names.items():
        rows = by_act.get(name) or by_act[SPECIALIST]
        if rows[0].valid_from > calendar.start:
            message = f"'{rows[0].act}' has no amount on {calendar.start}, the first day of the run; its first is from"
            raise rows[0].refuse(f"{message} {rows[0].valid_from}", "valid_from")
        for tariff in rows:
            first_day = max(0, (tariff.valid_from - calendar.start).days)
            table[row, first_day:] = tariff.cents(parameters)
    return table
