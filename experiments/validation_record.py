"""The verdicts of a validation, kept in the package: what reports tell of what the model reproduces.

Owns the file (`calibration/validation/TERRITORY.json`), and whether it speaks of this model and of this territory: a
report shows its figures only then. Only the status quo as it is built in, at full scale, is kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import calibration
from abm.errors import InputError

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from abm.scenario import Scenario
    from experiments.validating import Validation

FORMAT, KIND = 1, "validation"
FOLDER = Path(str(calibration.__file__)).parent / "validation"
#: The page of the documentation beside the packages: whoever makes it anew makes the record anew.
OWN_PAGE = FOLDER.parents[1] / "docs" / "validation.md"
FIGURES = ("observed", "low", "high", "simulated", "interval_low", "interval_high")
KEPT = ("id", "use", "unit", *FIGURES, "verdict", "is_sure", "runs")
KEYS = ("format", "kind", "version", "model", "figures", "territory", "scenario", "start", "days", "seeds", "targets")
NONE, OTHER_TERRITORY, OTHER_MODEL, CURRENT = "none", "other_territory", "other_model", "current"


@dataclass(frozen=True)
class Record:
    """What is known of how a territory's model agrees with what was observed.

    Attributes
    ----------
    state : CURRENT, NONE (never validated), OTHER_TERRITORY (its files have changed) or OTHER_MODEL (its figures have).
    facts : version, scenario, start, days, seeds; empty where there is no file.
    targets : one a target, keys `KEPT`; empty unless CURRENT, so that stale figures cannot be shown.
    """

    state: str
    facts: Mapping[str, Any]
    targets: tuple[Mapping[str, Any], ...] = ()


def file_of(territory: str, folder: Path = FOLDER) -> Path:
    """Return where the record of a territory is kept."""
    return folder / f"{territory}.json"


def is_own_page(page: Path) -> bool:
    """Tell whether a file is the documentation's own page of the validation."""
    return page.resolve() == OWN_PAGE.resolve()


def refuse_other_than_status_quo(page: Path, scenario: Scenario) -> None:
    """Refuse to put anything but the status quo as it is built in into the documentation, before it is computed.

    Raises
    ------
    InputError
    """
    from abm.scenario import load_scenario

    if is_own_page(page) and scenario != load_scenario():
        raise InputError("tells of the scenario 'baseline' as it is built in: name another file", file=page)


def write_record(found: Validation, territory: Territory, folder: Path = FOLDER) -> Path:
    """Keep the verdicts of a validation; return the file.

    Raises
    ------
    InputError
        It cannot be written.
    """
    import abm
    from experiments.posteriors import model_figures
    from experiments.specs import code_digest
    from experiments.store import write_json

    file = file_of(territory.name, folder)
    content = {
        "format": FORMAT,
        "kind": KIND,
        "version": abm.__version__,
        "model": code_digest(),
        "figures": model_figures(),
        "territory": {"name": territory.name, "digest": territory.digest},
        **{key: found.facts[key] for key in ("scenario", "start", "days", "seeds")},
        "targets": [_kept(row) for row in found.table.to_dict("records")],
    }
    try:
        folder.mkdir(exist_ok=True)
        write_json(file, content)
    except OSError as error:
        raise InputError(f"cannot be written to: {error.strerror or error}", file=file) from None
    return file


def _kept(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what is kept of a verdict: figures to six digits, null where there is none."""
    numbers = {name: float(row[name]) if row[name] is not None else math.nan for name in FIGURES}
    told = {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in numbers.items()}
    return {name: row[name] for name in KEPT} | told | {"is_sure": bool(row["is_sure"]), "runs": int(row["runs"])}


def read_record(territory: Territory, folder: Path = FOLDER) -> Record:
    """Return what is known of a territory.

    Raises
    ------
    InputError
        The file is there and is no such record.
    """
    file = file_of(territory.name, folder)
    if not file.is_file():
        return Record(NONE, {})
    content = _content(file)
    facts = {key: value for key, value in content.items() if key != "targets"}
    if content["territory"] != {"name": territory.name, "digest": territory.digest}:
        return Record(OTHER_TERRITORY, facts)
    from experiments.posteriors import is_of_this_model

    if not is_of_this_model(content):
        return Record(OTHER_MODEL, facts)
    return Record(CURRENT, facts, tuple(content["targets"]))


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from None
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("format") != FORMAT:
        raise InputError("holds no validation that this version can read: validate again", file=file)
    missing = [key for key in KEYS if key not in content]
    if missing:
        raise InputError(f"'{missing[0]}' is missing", file=file)
    for row in content["targets"]:
        if set(row) != set(KEPT):
            raise InputError(f"'targets': found {sorted(row)}, expected {sorted(KEPT)}", file=file)
    return content
