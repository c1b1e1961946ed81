"""What stands in the tables of a report: texts, ready to print.

Owns the form of tables: one row an indicator, payer or account, one column a policy; how many digits a difference is
told with; what is marked as not seen. Computes nothing but the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

import pandas as pd

from experiments.answers import date_of, number
from experiments.report_words import INDICATORS, label_of, name_of, unit_of, word

SHARE = "share"
MOST_DIGITS = 4
LEAST_DAYS = 0.1  # of quality-adjusted life a resident: below it "not distinguishable"
DAYS = "quality_adjusted_days_per_resident"
PROBABILITY = "probability_of_saving"


@dataclass(frozen=True)
class Cell:
    """A value, its interval, and whether it can be told from none (None: that is not asked)."""

    value: str = "–"
    interval: str = ""
    is_seen: bool | None = None


@dataclass(frozen=True)
class Row:
    """A row: what it is of, its unit, its value under the reference, a cell a policy."""

    name: str
    unit: str = ""
    base: str = ""
    cells: tuple[Cell, ...] = ()
    is_group: bool = False


@dataclass(frozen=True)
class Matrix:
    """A table: headers of the columns after the name, and rows."""

    headers: tuple[str, ...]
    rows: tuple[Row, ...] = field(default=())
    has_unit: bool = False
    has_base: bool = False


def digits_of(value: float, low: float = float("nan"), high: float = float("nan")) -> int:
    """Return the digits after the point with which a value is told: as many as its interval bears."""
    half = (high - low) / 2.0
    size = half if half == half and half > 0 else abs(value)
    if size != size or size == 0:
        return 0
    return int(min(MOST_DIGITS, max(0, -floor(log10(size)) + (half != half or half == 0))))


def cell(row: Any, language: str, scale: float = 1.0, value: str = "difference", digits: int | None = None) -> Cell:
    """Return the cell of a row with `low`, `high` and `is_seen`."""
    if row is None or pd.isna(row[value]):
        return Cell()
    amounts = [row[name] * scale for name in (value, "low", "high")]
    places = digits_of(*amounts) if digits is None else digits
    if digits is None and row["is_seen"] and any(end != 0 and round(end, places) == 0 for end in amounts[1:]):
        places += 1  # a bound that excludes 0 does not read 0
    mean, low, high = (number(amount, places, language) for amount in amounts)
    return Cell(mean, "" if pd.isna(row["low"]) else f"{low} … {high}", bool(row["is_seen"]))


def _at(indexed: Any, *key: str) -> Any:
    """Return the row of a key, or None."""
    return indexed.loc[key] if key in indexed.index else None


def indicators(table: pd.DataFrame, ids: Sequence[str], policies: Sequence[str], language: str) -> Matrix:
    """Return one row an indicator that the runs have: value under the reference, differences."""
    indexed: Any = table.set_index(["indicator", "scenario"])
    rows = []
    for name in ids:
        found = [_at(indexed, name, policy) for policy in policies]
        known = next((row for row in found if row is not None), None)
        if known is None:
            continue
        scale = 100.0 if INDICATORS[name][2] == SHARE else 1.0
        base = known["reference_mean"] * scale
        shown = number(base, _digits_of_level(base), language)
        cells = tuple(cell(row, language, scale) for row in found)
        rows.append(Row(name_of(name, language), "%" if scale > 1 else unit_of(name, language), shown, cells))
    return Matrix(_heads(policies, language), tuple(rows), has_unit=True, has_base=True)


def _digits_of_level(value: float) -> int:
    size = abs(value)
    return 0 if size >= 1000 or size == 0 else 1 if size >= 10 else 2 if size >= 0.1 else 3


def _heads(policies: Sequence[str], language: str) -> tuple[str, ...]:
    return tuple(label_of(policy, language) for policy in policies)


def amounts(
    table: pd.DataFrame | None, column: str, policies: Sequence[str], language: str, value: str = "difference"
) -> Matrix | None:
    """Return one row a payer, account or measure, one column a policy; rows that are 0 for all are left out."""
    if table is None:
        return None
    indexed: Any = table.drop_duplicates([column, "scenario"]).set_index([column, "scenario"])
    rows = []
    for name in dict.fromkeys(table[column]):
        found = [_at(indexed, name, policy) for policy in policies]
        is_empty = not any(row is not None and row[value] == row[value] and row[value] != 0 for row in found)
        if is_empty and name != PROBABILITY:
            continue
        cells = tuple(_money_cell(str(name), row, language, value) for row in found)
        rows.append(Row(name_of(str(name), language), cells=cells))
    return Matrix(_heads(policies, language), tuple(rows)) if rows else None


def _money_cell(name: str, row: Any, language: str, value: str) -> Cell:
    """Return a cell of EUR, of years or days of life, or of a share."""
    if row is not None and name == PROBABILITY:
        return Cell(f"{number(100 * row[value], 0, language)}\u00a0%")
    found = cell(row, language, value=value, digits=2 if name in (DAYS, "qaly") else 0)
    if row is not None and name == DAYS and abs(row[value]) < LEAST_DAYS:
        return Cell(found.value, word("indistinct", language), False)
    if row is not None and name == "icer_eur":
        return Cell(found.value)
    return found


def by_year(
    table: pd.DataFrame | None, column: str, policies: Sequence[str], value: str, language: str
) -> Matrix | None:
    """Return one row a policy and payer (or indicator), one column a year."""
    if table is None:
        return None
    years = sorted(set(table["year"]), key=lambda year: (year == "all", year))
    rows = []
    for policy in policies:
        mine = table[table["scenario"] == policy]
        if mine.empty or not mine[value].any():
            continue
        rows.append(Row(label_of(policy, language), is_group=True))
        for name, group in mine.groupby(column, sort=False):
            values = group.set_index("year")[value].reindex(years)
            if values.abs().max() > 0:
                cells = tuple(Cell(number(amount, 0, language)) for amount in values)
                rows.append(Row(name_of(str(name).removeprefix("programme_cost_eur."), language), cells=cells))
    heads = tuple(word("total", language) if year == "all" else str(year) for year in years)
    return Matrix(heads, tuple(rows)) if rows else None


def plan(language: str) -> Matrix:
    """Return the plan of the action: EUR by funder and by kind, by year."""
    from abm.parameters import load_parameters
    from abm.payments.action_plan import FILE, KINDS, PAYER_OF, load_action_plan

    load_action_plan(load_parameters())  # refuses a plan that overspends
    table = pd.read_csv(FILE)
    years = sorted(set(table["year"]))
    rows = []
    for column, names in (("funder", PAYER_OF), ("kind", KINDS)):
        rows.append(Row(word(column, language), is_group=True))
        for name in names:
            part = table[table[column] == name].groupby("year")["eur"].sum().reindex(years, fill_value=0.0)
            cells = (*(Cell(number(eur, 0, language)) for eur in part), Cell(number(part.sum(), 0, language)))
            rows.append(Row(name_of(name, language), cells=cells))
    whole = table.groupby("year")["eur"].sum().reindex(years)
    cells = (*(Cell(number(eur, 0, language)) for eur in whole), Cell(number(whole.sum(), 0, language)))
    rows.append(Row(word("total", language), cells=cells))
    return Matrix((*map(str, years), word("total", language)), tuple(rows))


def contracts(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return what contracts pay, what was truly saved and what is paid with no effect."""
    if table is None:
        return None
    heads = tuple(word(name, language) for name in ("paid", "truly_saved", "by_chance", "quality", "base_years"))
    rows = []
    for policy, group in table.groupby("scenario", sort=False):
        rows.append(Row(label_of(str(policy), language), is_group=True))
        for row in group.to_dict("records"):
            cells = [
                Cell(
                    number(row[f"{name}_eur"], 0, language),
                    " … ".join(number(row[f"{name}_{end}_eur"], 0, language) for end in ("low", "high")),
                )
                for name in ("paid", "truly_saved", "paid_by_chance")
            ]
            cells[2] = Cell(cells[2].value, f"{cells[2].interval} ({label_of(row['null'], language)})")
            score = number(row["quality_score"], 0, language) if row["contract"].startswith("ipep") else "–"
            years = str(row["base_years"]) if row["contract"].startswith("kinzigtal") else "–"
            rows.append(Row(name_of(row["contract"], language), cells=(*cells, Cell(score), Cell(years))))
    return Matrix(heads, tuple(rows))


def thresholds(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return what is needed to break even, what was found, and what is plausible."""
    if table is None:
        return None
    heads = tuple(word(name, language) for name in ("break_even", "found", "plausible"))
    rows = []
    for policy, group in table.groupby("scenario", sort=False):
        rows.append(Row(label_of(str(policy), language), is_group=True))
        for row in group.to_dict("records"):
            scale = 100.0 if row["unit"] == SHARE else 1.0
            unit = "%" if row["unit"] == SHARE else ""
            ends = [row[f"plausible_{end}"] * scale for end in ("low", "high")]
            digits = 0 if max((abs(end) for end in ends if end == end), default=0.0) >= 100 else 2
            needed = number(row["break_even"] * scale, digits, language)
            found = cell(row | {"is_seen": True}, language, scale, "found")
            found = Cell("–") if row["what"] == "factor_on_the_effect" else Cell(found.value, found.interval)
            plausible = "–" if pd.isna(ends[0]) else " … ".join(number(end, digits, language) for end in ends)
            needed, plausible = (f"{text} {unit}".strip() if text != "–" else text for text in (needed, plausible))
            cells = (Cell(needed), found, Cell(plausible))
            rows.append(Row(name_of(row["what"], language), cells=cells))
    return Matrix(heads, tuple(rows))


def attribution(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return what each policy adds by itself and over all orders, and what they do together."""
    if table is None:
        return None
    outcomes = list(dict.fromkeys(table["outcome"]))
    rows = []
    for policy, group in table.groupby("scenario", sort=False):
        rows.append(Row(label_of(str(policy), language), is_group=True))
        indexed: Any = group.set_index(["method", "part", "outcome"])
        for method, part in dict.fromkeys(zip(group["method"], group["part"], strict=True)):
            name = (
                name_of(method, language)
                if part == "all"
                else f"{name_of(part, language)}, {name_of(method, language)}"
            )
            cells = []
            for outcome in outcomes:
                scale = 100.0 if INDICATORS.get(outcome, ("", "", ""))[2] == SHARE else 1.0
                cells.append(cell(_at(indexed, method, part, outcome), language, scale, "value"))
            rows.append(Row(name, cells=tuple(cells)))
    return Matrix(tuple(_with_unit(outcome, language) for outcome in outcomes), tuple(rows))


def _with_unit(outcome: str, language: str) -> str:
    """Return the name of an outcome with its unit."""
    name = name_of(outcome, language)
    if outcome not in INDICATORS:
        return name
    return f"{name}, {'%' if INDICATORS[outcome][2] == SHARE else unit_of(outcome, language)}"


def delays(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return savings and health with no, the likely and the highest harm by delay."""
    if table is None:
        return None
    levels, rows = list(dict.fromkeys(table["harm_by_delay"])), []
    for policy, group in table.groupby("scenario", sort=False):
        rows.append(Row(label_of(str(policy), language), is_group=True))
        indexed: Any = group.set_index(["measure", "harm_by_delay"])
        for measure in dict.fromkeys(group["measure"]):
            cells = tuple(_money_cell(measure, _at(indexed, measure, level), language, "value") for level in levels)
            rows.append(Row(name_of(measure, language), cells=cells))
    heads = tuple(f"{word('harm', language)}: {name_of(level, language)}" for level in levels)
    return Matrix(heads, tuple(rows))


def in_gps(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return the effects told in general practitioners recruited."""
    if table is None:
        return None
    policies = list(dict.fromkeys(table["scenario"]))
    told = table.assign(is_seen=(table["low"] > 0) | (table["high"] < 0))
    indexed: Any = told.set_index(["indicator", "scenario"])
    rows = []
    for name in dict.fromkeys(table["indicator"]):
        found = [_at(indexed, name, policy) for policy in policies]
        cells = tuple(cell(row, language, value="general_practitioners") for row in found)
        rows.append(Row(name_of(name, language), word("in_gps", language), cells=cells))
    return Matrix(_heads(policies, language), tuple(rows), has_unit=True)


def members(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return the contrast of members with others, and what is true."""
    if table is None:
        return None
    indexed: Any = table.set_index(["scenario", "measure", "what"])
    measures, rows = list(dict.fromkeys(table["measure"])), []
    for policy in dict.fromkeys(table["scenario"]):
        rows.append(Row(label_of(policy, language), is_group=True))
        for what in dict.fromkeys(table["what"]):
            cells = tuple(cell(_at(indexed, policy, measure, what), language, value="value") for measure in measures)
            rows.append(Row(name_of(what, language), cells=cells))
    return Matrix(tuple(_with_unit(measure, language) for measure in measures), tuple(rows))


def inequality(table: pd.DataFrame | None, reference: str, language: str) -> Matrix | None:
    """Return how unequal communes are before and after, and by chance."""
    if table is None:
        return None
    scenarios, rows = list(dict.fromkeys(table["scenario"])), []
    indexed: Any = table.set_index(["amount", "measure", "scenario"])
    for amount in dict.fromkeys(table["amount"]):
        rows.append(Row(name_of(amount, language), is_group=True))
        for measure in dict.fromkeys(table["measure"]):
            found = [_at(indexed, amount, measure, scenario) for scenario in scenarios]
            cells = [Cell(number(row["value"], 3, language)) if row is not None else Cell() for row in found]
            chance = number(found[0]["by_chance"], 3, language) if found[0] is not None else "–"
            rows.append(Row(name_of(measure, language), cells=(*cells, Cell(chance))))
    return Matrix((*_heads(scenarios, language), word("chance", language)), tuple(rows))


def strata(
    table: pd.DataFrame | None, indicator: str, kinds: Sequence[str], policies: Sequence[str], language: str
) -> Matrix | None:
    """Return the differences of an indicator by groups of people, and for how many communes they can be seen."""
    if table is None:
        return None
    mine = table[table["indicator"] == indicator]
    indexed: Any = mine.set_index(["kind", "stratum", "scenario"])
    rows = []
    for kind in [kind for kind in kinds if kind in set(mine["kind"])]:
        labels = dict.fromkeys(mine.loc[mine["kind"] == kind, "stratum"])
        rows.append(Row(name_of(kind, language), is_group=True))
        for label in sorted(labels, key=_first_number):
            found = [_at(indexed, kind, label, policy) for policy in policies]
            known = next(row for row in found if row is not None)
            base = number(known["reference_mean"], _digits_of_level(known["reference_mean"]), language)
            rows.append(Row(name_of(label, language), "", base, tuple(cell(row, language) for row in found)))
    places = mine[mine["kind"] == "commune"]
    if len(places):
        rows.append(Row(word("places", language), is_group=True))
        for name, count in (
            ("shorter", lambda part: (part["is_seen"] & (part["difference"] < 0)).sum()),
            ("longer", lambda part: (part["is_seen"] & (part["difference"] > 0)).sum()),
            ("same", lambda part: (~part["is_seen"]).sum()),
        ):
            counts = [int(count(places[places["scenario"] == policy])) for policy in policies]
            rows.append(Row(word(name, language), cells=tuple(Cell(str(n)) for n in counts)))
    return Matrix(_heads(policies, language), tuple(rows), has_base=True) if rows else None


def _first_number(label: str) -> tuple[float, str]:
    digits = "".join(c for c in label.partition("-")[0] if c.isdigit())
    return (float(digits) + 0.5 * label.startswith(">") if digits else 1e9, label)


def remaining(table: pd.DataFrame | None, language: str) -> Matrix | None:
    """Return what remains after the money stops, by year."""
    if table is None:
        return None
    import datetime as dt

    years, rows = sorted(set(table["year"])), []
    for policy, group in table.groupby("scenario", sort=False):
        ended = date_of(dt.date.fromisoformat(str(group["ended"].iloc[0])), language)
        rows.append(Row(f"{label_of(str(policy), language)} ({word('ended', language)} {ended})", is_group=True))
        indexed: Any = group.set_index(["outcome", "arm", "year"])
        for outcome in dict.fromkeys(group["outcome"]):
            for arm in dict.fromkeys(group["arm"]):
                cells = tuple(cell(_at(indexed, outcome, arm, year), language, value="value") for year in years)
                rows.append(Row(f"{_with_unit(outcome, language)} – {name_of(arm, language)}", cells=cells))
    return Matrix(tuple(years), tuple(rows))
