"""What is this number, between which bounds may it lie, and who says so?

Owns the reading and checking of every parameter. A number is a line of `evidence.csv` (what was found), of `model.csv`
(what the model had to add) or of the `parameters` section of a condition's file; code looks it up by name and holds
none of its own. Grades: A read in the source named, B quoted from memory of a publication, C an expert's guess.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from abm.yaml_reader import read_text, read_yaml

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "domain", "name", "value", "low", "high", "unit", "source", "year", "grade", "note")
GRADES = ("A", "B", "C")
FOLDER = Path(__file__).parent
CONDITIONS_FOLDER = FOLDER.parent / "conditions"


@dataclass(frozen=True)
class Parameter:
    """One number, or one text, of the registry.

    Parameters
    ----------
    id, name : two ways to look it up; `family[member]` names are read together by `Parameters.matching`.
    value, low, high : in `unit`, low <= value <= high; None when the row holds a text.
    source, year, grade : who says so, for when, and how far to trust it (A, B or C).
    text : what the value column held, as written.
    """

    id: str
    domain: str
    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    source: str
    year: str
    grade: str
    note: str
    text: str

    def check(self, value: object) -> float:
        """Return `value` as a number if this parameter may take it.

        Raises
        ------
        InputError
            This parameter is a text; `value` is not a finite number; it lies outside [low, high].
        """
        if self.value is None or self.low is None or self.high is None:
            raise InputError(f"'{self.name}' holds a text ({self.text}) and cannot be set to a number")
        number = None if isinstance(value, str | bool) else _number(value)
        if number is None:
            raise InputError(f"'{self.name}': found {value!r}, expected a number ({self.unit})")
        if not self.low <= number <= self.high:
            expected = f"{self.low:g} to {self.high:g} {self.unit}"
            raise InputError(f"'{self.name}': found {number:g}, expected {expected} (source: {self.source})")
        return number


@dataclass(frozen=True, eq=False, repr=False)
class Parameters(Mapping[str, float]):
    """All numbers of a run, by name or id; never changed in place.

    As a mapping it holds the numeric rows, under their names; text rows are reached by `entry`.

    Parameters
    ----------
    rows : every row, in the order read.
    overrides : name to value, where a scenario or a draw departs from the registry.

    Raises
    ------
    InputError
        On look-up of an unknown name (the message has the nearest one) or of a text as a number.
    """

    rows: tuple[Parameter, ...]
    overrides: Mapping[str, float] = field(default_factory=dict)
    _by_key: dict[str, Parameter] = field(default_factory=dict)
    _families: dict[str, dict[str, Parameter]] = field(default_factory=dict)  # by family and member

    def __post_init__(self) -> None:
        if not self._by_key:  # a copy with other values brings it along: sweeps make thousands
            by_key = {row.name: row for row in self.rows} | {row.id: row for row in self.rows}
            object.__setattr__(self, "_by_key", by_key)

    def __getitem__(self, key: str) -> float:
        row = self.entry(key)
        if row.value is None:
            raise InputError(f"'{row.name}' holds a text ({row.text}), expected a number; read it with entry()")
        return self.overrides.get(row.name, row.value)

    def __iter__(self) -> Iterator[str]:
        return (row.name for row in self.rows if row.value is not None)

    def __len__(self) -> int:
        return sum(row.value is not None for row in self.rows)

    def __contains__(self, key: object) -> bool:
        row = self._by_key.get(key) if isinstance(key, str) else None
        return row is not None and row.value is not None

    def __repr__(self) -> str:
        return f"<Parameters: {len(self.rows)} rows, {len(self.overrides)} overridden, {self.digest[:12]}>"

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default` where there is no such number."""
        if key not in self:
            return default
        return self[key]

    def entry(self, key: str) -> Parameter:
        """Return the whole row of a name or id, as the registry has it (before overrides).

        Raises
        ------
        InputError
            Unknown; the message has the nearest name.
        """
        try:
            return self._by_key[key]
        except KeyError:
            raise InputError(f"unknown parameter '{key}'.{nearest(key, self._by_key)}") from None

    def with_values(self, overrides: Mapping[str, float]) -> Parameters:
        """Return a copy in which some values differ; earlier overrides stay unless given again.

        Raises
        ------
        InputError
            Unknown name, not a number, outside [low, high], or one parameter given by both name and id.
        """
        values: dict[str, float] = {}
        for key, value in overrides.items():
            row = self.entry(key)
            if row.name in values:
                raise InputError(f"'{row.name}' is given twice, once as '{row.id}'")
            values[row.name] = row.check(value)
        return Parameters(self.rows, {**self.overrides, **values}, self._by_key, self._families)

    def matching(self, family: str) -> dict[str, float]:
        """Return the numbers of a family: `{"age=0-4": 4.3, …}` for the rows `family[age=0-4]`, … in their order.

        Raises
        ------
        InputError
            No numeric row is named so.
        """
        if not self._families:
            for name in self:
                if name.endswith("]"):
                    start, _, member = name.partition("[")
                    self._families.setdefault(start, {})[member[:-1]] = self._by_key[name]
        found = {member: self[row.name] for member, row in self._families.get(family, {}).items()}
        if not found:
            raise InputError(f"no parameter is named '{family}[…]'.{nearest(family, self._families)}")
        return found

    @property
    def overridden(self) -> dict[str, float]:
        """Name to value of what differs by request from the registry."""
        return dict(self.overrides)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all names and values: equal digests, equal numbers."""
        lines = sorted(f"{row.name}={row.text if row.value is None else repr(self[row.name])}" for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame, one row a parameter, with `value` in force and `is_overridden`."""
        import pandas as pd

        frame = pd.DataFrame([asdict(row) for row in self.rows])
        frame["value"] = [self.get(row.name, math.nan) for row in self.rows]
        return frame.assign(is_overridden=frame["name"].isin(list(self.overrides)))


def load_parameters(files: Iterable[Path | str] | None = None) -> Parameters:
    """Read and check the registry.

    Parameters
    ----------
    files : CSV files with the columns of `COLUMNS`, or YAML files with a `parameters` section; None reads all those
        of this folder and of the conditions.

    Raises
    ------
    InputError
        Bad header, cell missing, number that is none, low > high, value outside its range, unknown grade, duplicate
        id or name; with file, line and column.
    """
    return _shipped() if files is None else _read_all(tuple(Path(file) for file in files))


@cache
def _shipped() -> Parameters:
    return _read_all((*sorted(FOLDER.glob("*.csv")), *sorted(CONDITIONS_FOLDER.glob("*.yaml"))))


def _read_all(files: tuple[Path, ...]) -> Parameters:
    """Read files in their order and refuse an id or name that two rows share."""
    rows: list[Parameter] = []
    first: dict[str, str] = {}
    for file in files:
        for line, row in _read_csv(file) if file.suffix == ".csv" else _read_yaml_section(file):
            for column, key in (("id", row.id), ("name", row.name)):
                if key in first:
                    raise InputError(f"'{key}' stands already in {first[key]}", file=file, line=line, column=column)
                first[key] = f"{file.name}, line {line}"
            rows.append(row)
    return Parameters(tuple(rows))


def _read_csv(file: Path) -> Iterator[tuple[int, Parameter]]:
    """Yield (line, row) of a CSV file."""
    reader = csv.reader(io.StringIO(read_text(file), newline=""), strict=True)
    try:
        _check_header(next(reader, []), file)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(COLUMNS):
                message = f"found {len(cells)} cells, expected {len(COLUMNS)}: {', '.join(COLUMNS)}"
                raise InputError(message, file=file, line=reader.line_num)
            yield reader.line_num, _parse(dict(zip(COLUMNS, cells, strict=True)), file, reader.line_num)
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", file=file, line=reader.line_num) from None


def _check_header(found: list[str], file: Path) -> None:
    for position, (expected, name) in enumerate(zip(COLUMNS, [*found, *COLUMNS[len(found) :]], strict=False), start=1):
        if name != expected:
            message = f"the header has '{name}', expected '{expected}'; all columns: {', '.join(COLUMNS)}"
            raise InputError(message, file=file, line=1, column=position)
    if len(found) != len(COLUMNS):
        message = f"the header has {len(found)} columns, expected {len(COLUMNS)}: {', '.join(COLUMNS)}"
        raise InputError(message, file=file, line=1)


def _read_yaml_section(file: Path) -> Iterator[tuple[int, Parameter]]:
    """Yield (line, row) of the optional `parameters` section of a YAML file: names to the other columns."""
    document = read_yaml(file)
    section = document.data.get("parameters", {})
    if not isinstance(section, dict):
        raise document.error(f"found {section!r}, expected names with their columns", "parameters")
    for name, cells in section.items():
        if not isinstance(cells, dict):
            raise document.error(f"found {cells!r}, expected the columns {', '.join(COLUMNS)}", "parameters", name)
        for column in cells:
            if column not in COLUMNS or column == "name":
                message = f"unknown column '{column}'.{nearest(column, COLUMNS)}"
                raise document.error(message, "parameters", name, column)
        texts = {column: "" if cells.get(column) is None else str(cells[column]) for column in COLUMNS}
        line = document.line("parameters", name)
        yield line, _parse({**texts, "name": name, "domain": texts["domain"] or "disease"}, file, line)


def _parse(cells: dict[str, str], file: Path, line: int) -> Parameter:
    """Check the cells of one row and make it a parameter.

    A row with neither low nor high, whose value is no number, holds a text.
    """

    def refuse(column: str, message: str) -> InputError:
        return InputError(message, file=file, line=line, column=column)

    for column in ("id", "domain", "name", "value", "unit", "source", "grade"):
        if not cells[column].strip():
            raise refuse(column, "empty")
    if cells["grade"] not in GRADES:
        raise refuse("grade", f"found '{cells['grade']}', expected A, B or C")
    numbers = {column: _number(cells[column]) for column in ("value", "low", "high")}
    is_text = numbers["value"] is None and not cells["low"] and not cells["high"]
    if not is_text:
        _check_range(cells, numbers, refuse)
    return Parameter(**{**cells, **numbers}, text=cells["value"])  # type: ignore[arg-type]


def _check_range(cells: dict[str, str], numbers: dict[str, float | None], refuse: Any) -> None:
    """Refuse a value, low or high that is no number, and low <= value <= high when it does not hold."""
    for column, number in numbers.items():
        if number is None:
            raise refuse(column, f"found '{cells[column]}', expected a number")
    value, low, high = (number for number in numbers.values() if number is not None)
    if low > high:
        raise refuse("low", f"low ({low:g}) is above high ({high:g})")
    if not low <= value <= high:
        raise refuse("value", f"{value:g} lies outside its range, {low:g} to {high:g}")


def _number(value: Any) -> float | None:
    """Return `value`, a text or a number, as a finite number, or None."""
    try:
        number = math.nan if "_" in str(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
