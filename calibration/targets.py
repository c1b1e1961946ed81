"""Which observed patterns is the model held against, and what may each be used for?

Owns the reading of `targets.csv`: one observed figure a row, with its source, year and grade (`confidence`). `use` says
what for: `fit` may be calibrated on; `validate` may not, nor be looked at while tuning; `input` is given to the model,
and so is reported but never claimed as a result.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from abm.errors import InputError
from abm.yaml_reader import read_text

FILE = Path(__file__).parent / "targets.csv"
COLUMNS = (
    "id", "indicator", "stratum", "observed", "low", "high", "unit", "use", "pattern", "source", "year", "confidence",
    "note",
)  # fmt: skip
LABELS = Path(__file__).parent / "labels.csv"
LANGUAGES = ("en", "fr")
USES = ("fit", "validate", "input")


@dataclass(frozen=True)
class Target:
    """One observed figure.

    Attributes
    ----------
    indicator, stratum : what it is compared with; some are patterns that need more than one indicator.
    observed, low, high : in `unit`; None where the cell holds a text (`observed_text`, … have it as written).
    use : fit, validate or input.
    """

    id: str
    indicator: str
    stratum: str
    observed: float | None
    low: float | None
    high: float | None
    unit: str
    use: str
    pattern: str
    source: str
    year: str
    confidence: str
    note: str
    observed_text: str
    low_text: str
    high_text: str

    def with_range(self, observed: float, low: float, high: float, unit: str | None = None) -> Target:
        """Return the target with figures, where its row tells them in words."""
        return replace(self, observed=observed, low=low, high=high, unit=self.unit if unit is None else unit)

    def parts(self, indicators: Mapping[str, str]) -> tuple[Target, ...]:
        """Return one target for each figure of a row that holds several, as `3.9/5.7` with a range such as `-25%`.

        Parameters
        ----------
        indicators : name of each part, in the order of the row, to the indicator that it is compared with.

        Raises
        ------
        ValueError
            The row does not hold as many figures, or no range in percent.
        """
        figures = [float(text) for text in self.observed_text.split("/")]
        low, high = (1 + float(text.removesuffix("%")) / 100 for text in (self.low_text, self.high_text))
        pairs = zip(indicators.items(), figures, strict=True)
        return tuple(
            replace(self, id=f"{self.id}.{part}", indicator=name).with_range(figure, figure * low, figure * high)
            for (part, name), figure in pairs
        )


@cache
def load_targets(file: Path = FILE) -> tuple[Target, ...]:
    """Read the observed patterns.

    Raises
    ------
    InputError
        A column is missing, a `use` unknown, a target without indicator, unit or source, or a range that does not hold
        its observed value.
    """
    reader = csv.DictReader(io.StringIO(read_text(file)))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"found columns {reader.fieldnames}, expected {', '.join(COLUMNS)}", file=file, line=1)
    return tuple(_target(row, file, line) for line, row in enumerate(reader, start=2))


@cache
def load_labels(file: Path = LABELS) -> dict[str, dict[str, str]]:
    """Read what the targets are called in front of a reader: id (of a part: `V14.p10`) to language to words.

    Raises
    ------
    InputError
        The columns are not id, en, fr, or an id stands twice.
    """
    reader = csv.DictReader(io.StringIO(read_text(file)))
    if tuple(reader.fieldnames or ()) != ("id", *LANGUAGES):
        raise InputError(f"found columns {reader.fieldnames}, expected id, {', '.join(LANGUAGES)}", file=file, line=1)
    labels: dict[str, dict[str, str]] = {}
    for line, row in enumerate(reader, start=2):
        if row["id"] in labels:
            raise InputError(f"'{row['id']}' stands twice", file=file, line=line, column="id")
        labels[row["id"]] = {language: row[language] for language in LANGUAGES}
    return labels


def observed_for(indicator: str, stratum: str = "all", uses: tuple[str, ...] = ("fit", "input")) -> Target | None:
    """Return the observed figure of an indicator on a stratum, or None; by default not those kept for validation."""
    for target in load_targets():
        if target.indicator == indicator and target.stratum.split(",")[0] == stratum and target.use in uses:
            return target
    return None


def _target(row: dict[str, str], file: Path, line: int) -> Target:
    if row["use"] not in USES:
        raise InputError(f"found '{row['use']}', expected {', '.join(USES)}", file=file, line=line, column="use")
    for column in ("id", "indicator", "unit", "source"):
        if not (row[column] or "").strip():
            raise InputError("empty", file=file, line=line, column=column)
    numbers = {column: _number(row[column]) for column in ("observed", "low", "high")}
    observed, low, high = numbers.values()
    if observed is not None and low is not None and high is not None and not low <= observed <= high:
        raise InputError(f"{observed:g} lies outside {low:g} to {high:g}", file=file, line=line, column="observed")
    texts = {f"{column}_text": row[column] for column in numbers}
    return Target(**{**row, **numbers, **texts})  # type: ignore[arg-type]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
