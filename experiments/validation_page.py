"""Validation as a page of the documentation: every target, what fails, and what that means for use.

Owns the wording and form of that page, in Markdown; judges nothing. What a failing target means is written in
`calibration/meanings.csv`, one sentence a target.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import calibration
from abm.errors import InputError
from calibration.targets import load_labels
from experiments.validating import INSIDE, NO_VALUE, NOT_MODELLED, OUTSIDE, USES, Validation
from experiments.validation_views import TITLES, number

if TYPE_CHECKING:
    import pandas as pd

    from abm.environment.territory import Territory

MEANINGS = Path(str(calibration.__file__)).parent / "meanings.csv"
FALLBACK = {"en": "What rests on it is no result.", "fr": "Ce qui repose dessus n'est pas un résultat."}


def load_meanings(file: Path = MEANINGS) -> dict[str, dict[str, str]]:
    """Read what it means when a target fails: id to language to a sentence.

    Raises
    ------
    InputError
        The columns are not id, en, fr, or an id stands twice.
    """
    return load_labels(file)


def meaning_of(target: str, language: str = "en") -> str:
    """Return what it means for use when a target fails."""
    return load_meanings().get(target, FALLBACK)[language]


def page(found: Validation) -> str:
    """Return the page."""
    facts = found.facts
    seeds = f"{min(facts['seeds'])} to {max(facts['seeds'])}"
    parts = [
        "# Validation",
        "<!-- made by `territoire validate --page docs/validation.md`: do not edit -->",
        "What the model says beside what was observed. Targets marked *fit* may be calibrated on; those marked "
        "*validate* were never looked at while calibrating; those marked *input* are given to the model, so that their "
        "agreement is no finding. A target that fails is shown, with what it means for use.",
        f"Scenario `{facts['scenario']}` on `{facts['territory']}`, from {facts['start']} for {facts['days']} days, "
        f"{facts['runs_done']} runs (seeds {seeds}). Waits are those of the first reported year, all else of the whole "
        "horizon. Simulated: mean over runs and its 95 % interval. **?**: the interval reaches across an end of the "
        "tolerated range, more runs would tell. Most observed figures are national: no wait was ever measured here.",
        _tally(found),
        "## What fails, and what that means",
        *_failing(found.table),
    ]
    for use in USES:
        rows = found.table[(found.table["use"] == use) & (found.table["verdict"] != NOT_MODELLED)]
        parts += [f"## {TITLES[use]}", _table(rows)]
    silent = found.table[found.table["verdict"] == NOT_MODELLED]
    if len(silent):
        parts += ["## Not judged here", "\n".join(f"- **{r['id']}** {r['label']}: {r['why']}" for r in _rows(silent))]
    return "\n\n".join(parts) + "\n"


def write_page(found: Validation, file: Path, territory: Territory | None = None) -> None:
    """Write the page; with that of the documentation itself, also the record from which reports tell it.

    Parameters
    ----------
    territory : of the validation; None: no record is kept.

    Raises
    ------
    InputError
        It cannot be written.
    """
    from experiments.store import write_text
    from experiments.validation_record import is_own_page, write_record

    if territory is not None and is_own_page(file):
        write_record(found, territory)

    try:
        write_text(file, page(found))
    except OSError as error:
        raise InputError(f"cannot be written to: {error.strerror or error}", file=file) from None


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _tally(found: Validation) -> str:
    lines = ["| | in range | out of range | no value | not judged |", "|---|---|---|---|---|"]
    for use, counts in found.tally().items():
        cells = (counts[verdict] for verdict in (INSIDE, OUTSIDE, NO_VALUE, NOT_MODELLED))
        lines.append(f"| {use} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _failing(table: pd.DataFrame) -> list[str]:
    rows = _rows(table[table["verdict"] == OUTSIDE])
    if not rows:
        return ["Nothing fails."]
    lines = []
    for row in rows:
        doubt = "" if row["is_sure"] else " (not sure: more runs would tell)"
        lines.append(
            f"- **{row['id']}** {row['label']} ({row['use']}): {number(row['simulated'])} where "
            f"{number(row['low'])} to {number(row['high'])} is tolerated{doubt}. {meaning_of(row['id'])}"
        )
    return ["\n".join(lines)]


def _table(rows: pd.DataFrame) -> str:
    lines = ["| id | target | observed | tolerated | simulated | 95 % | verdict |", "|---|---|---|---|---|---|---|"]
    for row in _rows(rows):
        has_interval = not math.isnan(row["interval_low"])
        interval = f"{number(row['interval_low'])} to {number(row['interval_high'])}" if has_interval else ""
        verdict = row["verdict"] if row["is_sure"] or row["verdict"] == NO_VALUE else f"{row['verdict']} ?"
        shown = f"**{verdict}**" if row["verdict"] == OUTSIDE else verdict
        lines.append(
            f"| {row['id']} | {row['label']}, {row['unit']} | {number(row['observed'])} | {number(row['low'])} to "
            f"{number(row['high'])} | {number(row['simulated'])} | {interval} | {shown} |"
        )
    return "\n".join(lines)
