"""Does this CSV file hold what its columns promise? Every problem found, with its line and column.

Owns the reading of the tables of a territory pack and the shape of a finding. Knows nothing of communes or hospitals:
what a column may hold is told by `Column`. Never raises on what a file contains: it reports and reads on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from abm.errors import InputError, nearest

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Finding:
    """One problem of a pack.

    Parameters
    ----------
    file : name of the file inside the pack.
    line : counted from 1, the header included; None when the file as a whole is meant.
    column : name or number of the column; None when the line as a whole is meant.
    message : what was found and what was expected.
    severity : "error" (the pack cannot be used) or "note" (it can, and the reader should know).
    """

    file: str
    line: int | None
    column: str | int | None
    message: str
    severity: Literal["error", "note"] = "error"

    def as_error(self, folder: Path) -> InputError:
        """Return the exception that says the same about the file in `folder`."""
        return InputError(self.message, file=folder / self.file, line=self.line, column=self.column)


@dataclass(frozen=True)
class Column:
    """What a column may hold.

    Parameters
    ----------
    name : header of the column.
    kind : "text", "number" (finite), "count" (whole, >= 0) or "flag" (true or false).
    is_required : the file must have the column.
    may_be_empty : a cell may be empty, read as NaN (text: as "").
    low, high : inclusive bounds of a number.
    above : exclusive lower bound of a number.
    choices : the only texts allowed; () for any.
    """

    name: str
    kind: Literal["text", "number", "count", "flag"] = "text"
    is_required: bool = True
    may_be_empty: bool = False
    low: float = -np.inf
    high: float = np.inf
    above: float = -np.inf
    choices: tuple[str, ...] = ()

    def read(self, cell: str) -> str | float | bool:
        """Return the value of a cell. Raises ValueError saying what was found and expected."""
        if cell == "":
            return self._read_empty()
        if self.kind == "text":
            return self._read_text(cell)
        if self.kind == "flag":
            return self._read_flag(cell)
        return self._read_number(cell)

    def _read_empty(self) -> str | float:
        if self.may_be_empty:
            return "" if self.kind == "text" else np.nan
        raise ValueError(f"{self.name} is empty, {self._expected()} expected")

    def _read_text(self, cell: str) -> str:
        if self.choices and cell not in self.choices:
            raise ValueError(f"unknown {self.name} '{cell}'.{nearest(cell, self.choices)}")
        return cell

    def _read_flag(self, cell: str) -> bool:
        if cell.lower() not in FLAGS:
            raise ValueError(f"{self.name} is '{cell}', true or false expected")
        return FLAGS[cell.lower()]

    def _read_number(self, cell: str) -> float:
        if not NUMBER.fullmatch(cell):
            hint = "; write decimals with a point" if "," in cell else ""
            raise ValueError(f"{self.name} is '{cell}', {self._expected()} expected{hint}")
        value = float(cell)
        if not np.isfinite(value) or not self.low <= value <= self.high or value <= self.above:
            raise ValueError(f"{self.name} is {cell}, {self._expected()} expected")
        if self.kind == "count" and (value < 0 or not value.is_integer()):
            raise ValueError(f"{self.name} is {cell}, {self._expected()} expected")
        return value

    def _expected(self) -> str:
        what = {"text": "a text", "number": "a number", "count": "a whole number, 0 or more", "flag": "true or false"}
        if self.kind == "count" and self.above >= 0:
            return f"a whole number above {self.above:g}"
        bounds = ""
        if np.isfinite(self.above):
            bounds = f" above {self.above:g}"
        elif np.isfinite(self.low) and np.isfinite(self.high):
            bounds = f" from {self.low:g} to {self.high:g}"
        elif np.isfinite(self.low):
            bounds = f" of {self.low:g} or more"
        return what[self.kind] + bounds


@dataclass
class Table:
    """A table as read.

    Parameters
    ----------
    file : name of the file.
    frame : one row per line; a cell that could not be read is NaN (text: as written; flag: False).
    lines : line of the file each row begins at, shape (n_rows,).
    """

    file: str
    frame: pd.DataFrame
    lines: list[int] = field(default_factory=list)

    def finding(
        self, row: int, column: str | None, message: str, severity: Literal["error", "note"] = "error"
    ) -> Finding:
        """Return a finding about a cell of a row (counted from 0)."""
        return Finding(self.file, self.lines[row], column, message, severity)


def read_text(path: Path, findings: list[Finding]) -> str | None:
    """Return the text of a UTF-8 file, or None with a finding that names the first bad line."""
    try:
        raw = path.read_bytes()
    except OSError as problem:
        findings.append(Finding(path.name, None, None, f"cannot be read: {problem.strerror}"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        message = f"byte 0x{raw[problem.start]:02x} is not UTF-8; save the file with the encoding UTF-8"
        findings.append(Finding(path.name, line, None, message))
        return None


def read_table(path: Path, columns: Sequence[Column], findings: list[Finding]) -> Table | None:
    """Read a CSV file and report everything that is wrong with it.

    Parameters
    ----------
    path : the file: UTF-8, comma separated, one header line.
    columns : what each column may hold; any other column is an error.
    findings : problems are appended here.

    Returns
    -------
    the table, with every column of `columns` that the file has, or None when its header cannot be used.
    """
    text = read_text(path, findings)
    return None if text is None else parse_table(path.name, text, columns, findings)


def parse_table(file: str, text: str, columns: Sequence[Column], findings: list[Finding]) -> Table | None:
    """Read the text of a CSV file as `read_table` does; `file` is what findings call it."""
    records = _records(file, text, findings)
    _, header = next(records, (1, []))
    header = [name.strip() for name in header]
    if not _is_header_good(file, header, columns, findings):
        return None
    return _read_rows(file, header, columns, records, findings)


def _records(file: str, text: str, findings: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line it begins at, cells) of each record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins_at = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins_at, cells
            begins_at = reader.line_num + 1
    except csv.Error as problem:
        findings.append(Finding(file, begins_at, None, f"not a CSV line: {problem}"))


def _is_header_good(file: str, header: list[str], columns: Sequence[Column], findings: list[Finding]) -> bool:
    """Report missing, unknown and repeated columns; True when there is none."""
    known = [column.name for column in columns]
    if not header:
        findings.append(Finding(file, 1, None, f"the file is empty, a header expected: {', '.join(known)}"))
        return False
    if len(header) == 1 and ";" in header[0]:
        findings.append(Finding(file, 1, None, "columns are separated by ';', ',' expected"))
        return False
    problems = [
        Finding(file, 1, name or number, f"unknown column '{name}'.{nearest(name, known)}")
        for number, name in enumerate(header, start=1)
        if name not in known
    ]
    problems += [
        Finding(file, 1, column.name, f"missing column '{column.name}'")
        for column in columns
        if column.is_required and column.name not in header
    ]
    problems += [Finding(file, 1, name, f"column '{name}' appears twice") for name in known if header.count(name) > 1]
    findings.extend(problems)
    return not problems


def _read_rows(
    file: str,
    header: list[str],
    columns: Sequence[Column],
    records: Iterator[tuple[int, list[str]]],
    findings: list[Finding],
) -> Table:
    """Read the records below a good header into a table."""
    present = {column.name: column for column in columns}
    values: dict[str, list[str | float | bool]] = {name: [] for name in header}
    lines = []
    for line, cells in records:
        if len(cells) != len(header):
            findings.append(Finding(file, line, None, f"{len(cells)} cells found, {len(header)} expected"))
            continue
        lines.append(line)
        for name, cell in zip(header, cells, strict=True):
            values[name].append(_read_cell(file, line, present[name], cell.strip(), findings))
    frame = pd.DataFrame({name: _typed(present[name], cells) for name, cells in values.items()})
    return Table(file, frame, lines)


def _read_cell(file: str, line: int, column: Column, cell: str, findings: list[Finding]) -> str | float | bool:
    """Return the value of a cell; a bad one is reported and read as missing."""
    try:
        return column.read(cell)
    except ValueError as problem:
        findings.append(Finding(file, line, column.name, str(problem)))
        if column.kind == "text":
            return cell
        return False if column.kind == "flag" else np.nan


def _typed(column: Column, values: list[str | float | bool]) -> pd.Series:
    """Return a series of str, float64, int64 (a count without gaps) or bool."""
    if column.kind == "text":
        return pd.Series(values, dtype=str)
    if column.kind == "flag":
        return pd.Series(values, dtype=bool)
    numbers = pd.Series(values, dtype=np.float64)
    is_whole = column.kind == "count" and not column.may_be_empty and not numbers.isna().any()
    return numbers.astype(np.int64) if is_whole else numbers
