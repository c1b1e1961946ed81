"""What does care cost that the model does not simulate? The frozen table that completes the registered spend per head.

Owns the reading of `background.csv`, which `python -m calibration.background` makes: registered spend minus what the
baseline simulates, by age, sex and condition (ODD 7.10). Runs nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abm.errors import InputError, nearest
from abm.yaml_reader import read_text

FILE = Path(__file__).parent / "background.csv"
COLUMNS = ("kind", "name", "sex", "eur_per_year", "acts_per_year")
KINDS = ("age", "condition", "moment")
SEXES = ("male", "female")
MOMENTS = ("mean_spend", "spend_variance", "background_mean", "background_mean_square")
MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Background:
    """Background spend of a year, all payers, prices of 2021.

    Attributes
    ----------
    first_ages : youngest age of each age band, years, shape (a,).
    eur, acts : euros, and visits to doctors, a person and year by age band and sex, shape (a, 2).
    eur_by_condition, acts_by_condition : more for each condition.
    mean_eur, mean_acts : means over everybody.
    mean_spend_eur, spend_variance, mean_square : of the compulsory insurance's spend a person and year: its mean, its
        variance while every personal factor is 1, and the mean square of the background in it.
    """

    first_ages: tuple[int, ...]
    eur: NDArray[np.float64]
    acts: NDArray[np.float64]
    eur_by_condition: Mapping[str, float]
    acts_by_condition: Mapping[str, float]
    mean_eur: float
    mean_acts: float
    mean_spend_eur: float
    spend_variance: float
    mean_square: float

    def factor_variance(self, variation: float) -> float:
        """Return the variance of the personal factor (mean 1) with which yearly spend varies as wanted.

        Parameters
        ----------
        variation : standard deviation over mean of the compulsory insurance's spend a person and year.
        """
        wanted = (variation * self.mean_spend_eur) ** 2
        return max(0.0, (wanted - self.spend_variance) / self.mean_square) if self.mean_square > 0.0 else 0.0


def load_background(file: Path = FILE) -> Background:
    """Read the table of background spend.

    Raises
    ------
    InputError
        Unknown column, kind, sex or moment; a row missing or twice; a number that is none or is negative; with file
        and line.
    """
    return _load(Path(file))


@cache
def _load(file: Path) -> Background:
    reader = csv.DictReader(io.StringIO(read_text(file), newline=""))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"found columns {reader.fieldnames}, expected {', '.join(COLUMNS)}", file=file, line=1)
    cells: dict[tuple[str, str, str], tuple[float, float]] = {}
    for line, row in enumerate(reader, start=2):
        key = _key(row, file, line)
        if key in cells:
            raise InputError(f"'{' '.join(key).strip()}' stands twice", file=file, line=line, column="name")
        cells[key] = _number(row, "eur_per_year", file, line), _number(row, "acts_per_year", file, line)
    ages = sorted({int(name) for kind, name, _ in cells if kind == "age"})
    needed = [("age", str(age), sex) for age in ages for sex in SEXES] + [("moment", name, "") for name in MOMENTS]
    for key in needed if ages else [("age", "0", "male")]:
        if key not in cells:
            raise InputError(f"no row '{' '.join(key).strip()}'", file=file)
    table = np.array([[cells["age", str(age), sex] for sex in SEXES] for age in ages])
    by_condition = {name: both for (kind, name, _), both in cells.items() if kind == "condition"}
    moments = [cells["moment", name, ""] for name in MOMENTS]
    return Background(
        first_ages=tuple(ages),
        eur=table[:, :, 0],
        acts=table[:, :, 1],
        eur_by_condition={name: eur for name, (eur, _) in by_condition.items()},
        acts_by_condition={name: acts for name, (_, acts) in by_condition.items()},
        mean_spend_eur=moments[0][0],
        spend_variance=moments[1][0],
        mean_eur=moments[2][0],
        mean_acts=moments[2][1],
        mean_square=moments[3][0],
    )


def _key(row: Mapping[str, str], file: Path, line: int) -> tuple[str, str, str]:
    """Return kind, name and sex of a row, checked."""
    _check_choice(row["kind"], KINDS, "kind", file, line)
    if row["kind"] == "moment":
        _check_choice(row["name"], MOMENTS, "name", file, line)
    elif row["kind"] == "age" and not row["name"].isdecimal():
        raise InputError(
            f"found '{row['name']}', expected the first age of a band", file=file, line=line, column="name"
        )
    elif not row["name"]:
        raise InputError("empty", file=file, line=line, column="name")
    _check_choice(row["sex"], SEXES if row["kind"] == "age" else ("",), "sex", file, line)
    return row["kind"], row["name"], row["sex"]


def _check_choice(cell: str, known: tuple[str, ...], column: str, file: Path, line: int) -> None:
    if cell not in known:
        raise InputError(f"unknown {column} '{cell}'.{nearest(cell, known)}", file=file, line=line, column=column)


def _number(row: Mapping[str, str], column: str, file: Path, line: int) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = np.nan
    if not 0.0 <= value < np.inf:
        raise InputError(f"found '{row[column]}', expected 0 or more", file=file, line=line, column=column)
    return value
