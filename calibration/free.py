"""Which numbers may the calibration move, and within which bounds?

Owns the reading of `free.csv`: one parameter of the registry a row. Bounds are the registry's unless the row narrows
them; they never reach beyond, and a number without bounds cannot be free.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abm.errors import InputError, nearest
from abm.parameters import load_parameters
from abm.yaml_reader import read_text

FILE = Path(__file__).parent / "free.csv"
COLUMNS = ("name", "low", "high", "bears_on", "why")


@dataclass(frozen=True)
class FreeParameter:
    """A number that may be fitted.

    Attributes
    ----------
    low, high : its prior is even between them, in `unit`.
    bears_on : ids of the targets that are thought to tell about it.
    """

    name: str
    low: float
    high: float
    unit: str = ""
    bears_on: str = ""
    why: str = ""


def load_free(file: Path | str = FILE) -> tuple[FreeParameter, ...]:
    """Read the free parameters.

    Raises
    ------
    InputError
        Columns, an unknown parameter, one given twice, one without a range, bounds beyond the registry's.
    """
    file = Path(file)
    if not file.is_file():
        raise InputError("no such file of free parameters", file=file)
    reader = csv.DictReader(io.StringIO(read_text(file)))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"found columns {reader.fieldnames}, expected {', '.join(COLUMNS)}", file=file, line=1)
    found: dict[str, FreeParameter] = {}
    for line, row in enumerate(reader, start=2):
        one = _free(row, file, line)
        if one.name in found:
            raise InputError(f"'{one.name}' is given twice", file=file, line=line, column="name")
        found[one.name] = one
    if not found:
        raise InputError("no parameter is free", file=file)
    return tuple(found.values())


def free_by_name(names: Sequence[str]) -> tuple[FreeParameter, ...]:
    """Return parameters as free ones, with the bounds of `free.csv` or of the registry.

    Raises
    ------
    InputError
        Unknown, given twice, or without a range.
    """
    shipped = {one.name: one for one in load_free()}
    registry = load_parameters()
    chosen: dict[str, FreeParameter] = {}
    for key in names:
        name = registry.entry(key).name if key in registry else key
        if name in chosen:
            raise InputError(f"--free: '{name}' is given twice")
        row = {"name": name, "low": "", "high": "", "bears_on": "", "why": ""}
        chosen[name] = shipped.get(name) or _free(row, None, None)
    return tuple(chosen.values())


def _free(row: dict[str, str], file: Path | None, line: int | None) -> FreeParameter:
    """Check one row."""
    registry, name = load_parameters(), row["name"]
    if name not in registry:
        hint = nearest(name, registry)
        raise InputError(f"unknown parameter '{name}'.{hint}", file=file, line=line, column="name" if file else None)
    entry = registry.entry(name)
    bounds = [_bound(row, side, getattr(entry, side), file, line) for side in ("low", "high")]
    low, high = bounds
    if low is None or high is None or not low < high:
        message = f"'{entry.name}' has no range to be free in: low {low}, high {high}"
        raise InputError(message, file=file, line=line, column="low" if file else None)
    return FreeParameter(entry.name, low, high, entry.unit, row["bears_on"] or "", row["why"] or "")


def _bound(
    row: dict[str, str], side: str, registered: float | None, file: Path | None, line: int | None
) -> float | None:
    """Return a bound as the row narrows it, within the registry's."""
    text = (row[side] or "").strip()
    if not text:
        return registered
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"found '{text}', expected a number", file=file, line=line, column=side) from None
    if registered is not None and (value < registered if side == "low" else value > registered):
        message = f"{value:g} lies beyond the registry's {side}, {registered:g}"
        raise InputError(message, file=file, line=line, column=side)
    return value
