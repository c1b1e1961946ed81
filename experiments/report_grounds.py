"""What does the result of a comparison stand on? The fitted numbers, and what the model reproduces.

Owns what a report says of both, in English and French: which sample of fitted numbers was used and what it leaves an
assumption; how many targets are met and what it means for use that others are not. Figures of another model or
territory are never shown: that there are none is said instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

import calibration
from experiments.answers import course_of, number
from experiments.report_words import GROUNDS

if TYPE_CHECKING:
    from abm.environment.territory import Territory

POSTERIOR = "posterior"
LABELS_OF_FITTED = Path(str(calibration.__file__)).parent / "free_labels.csv"
VALIDATE = "validate"


@dataclass(frozen=True)
class Grounds:
    """What stands in a section: sentences, a list of (label, text), a small table, a last line."""

    sentences: tuple[str, ...]
    points: tuple[tuple[str, str], ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    more: str = ""


def say(key: str, language: str, **values: object) -> str:
    """Return a sentence of the grounds."""
    return GROUNDS[key][language == "fr"].format(**values)


# --- fitted numbers -----------------------------------------------------------------------------------------------


def fitted(facts: Mapping[str, Any], language: str) -> Grounds:
    """Return on which combinations of the fitted numbers the result stands.

    Parameters
    ----------
    facts : of the comparison; without `posterior` where runs were read from folders.
    """
    if POSTERIOR not in facts:
        return Grounds((say("fitted_in_folders", language),))
    about = facts[POSTERIOR]
    if about is None:
        return Grounds((say("fitted_one", language),))
    used = say("fitted_sample", language, sample=sample_name(about["file"]), seeds=facts["replications"])
    if not about["assumptions"]:
        return Grounds((used, say("fitted_told", language)))
    named = tuple((label_of_fitted(name, language), name) for name in about["assumptions"])
    return Grounds((used, say("fitted_untold", language)), named)


def sample_name(file: str) -> str:
    """Return what a posterior sample is called: its name if it is built in, else its file."""
    from experiments.posteriors import FOLDER

    path = Path(file)
    return path.stem if path.parent.resolve() == FOLDER.resolve() else str(path)


def label_of_fitted(name: str, language: str) -> str:
    """Return what a fitted number is called; one that no list names is told by its name in the registry."""
    known = _labels()
    return known[name][language] if name in known else name


@cache
def _labels() -> dict[str, dict[str, str]]:
    from calibration.targets import load_labels

    return load_labels(LABELS_OF_FITTED)


def is_assumption(parameter: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether the sample that was used says next to nothing of a number."""
    return parameter in ((facts.get(POSTERIOR) or {}).get("assumptions") or ())


# --- what the model reproduces ------------------------------------------------------------------------------------


def reproduced(place: str, territory: Territory | None, language: str) -> Grounds:
    """Return how many targets the model meets on a territory, and what those mean that it does not.

    Parameters
    ----------
    place : name of the territory, or where its pack was.
    territory : None where it is not there any more.
    """
    from experiments.validating import USES
    from experiments.validation_record import CURRENT, NONE, Record, read_record

    record = read_record(territory) if territory is not None else Record(NONE, {})
    if record.state != CURRENT:
        title = territory.title if territory is not None else place
        version = record.facts.get("version", "")
        return Grounds((say(f"reproduced_{record.state}", language, territory=title, name=place, version=version),))
    runs, course = len(record.facts["seeds"]), course_of(record.facts, language)
    intro = say("reproduced_current", language, runs=runs, course=course, n=len(record.targets))
    failing = _failing(record.targets)
    others = [_label(row, language) for row in failing if row["use"] != VALIDATE]
    labels = (" ; " if language == "fr" else "; ").join(others)
    return Grounds(
        sentences=(intro,),
        points=tuple(_failure(row, language) for row in failing if row["use"] == VALIDATE),
        headers=tuple(say(key, language) for key in ("use", "inside", "outside", "not_judged")),
        rows=tuple((say(use, language), *_counts(record.targets, use)) for use in USES),
        more=say("also_outside", language, labels=labels) if others else "",
    )


def _counts(targets: tuple[Mapping[str, Any], ...], use: str) -> tuple[str, str, str]:
    """Return how many targets of a use are in range, out of it, not judged."""
    from experiments.validating import INSIDE, OUTSIDE

    verdicts = [row["verdict"] for row in targets if row["use"] == use]
    inside, outside = verdicts.count(INSIDE), verdicts.count(OUTSIDE)
    return str(inside), str(outside), str(len(verdicts) - inside - outside)


def _failing(targets: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    from experiments.validating import OUTSIDE

    return [row for row in targets if row["verdict"] == OUTSIDE]


def _label(row: Mapping[str, Any], language: str) -> str:
    from calibration.targets import load_labels

    return load_labels()[row["id"]][language]


def _failure(row: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Return the label of a failing target, and: simulated, tolerated, what that means for use."""
    from experiments.validation_page import meaning_of

    figures = {name: _three_digits(row[name], language) for name in ("simulated", "low", "high")}
    said = say("failing", language, **figures)
    doubt = "" if row["is_sure"] else say("not_sure", language)
    return f"{_label(row, language)} ({row['id']})", f"{said}{doubt}. {meaning_of(row['id'], language)}"


def _three_digits(value: float, language: str) -> str:
    """Return a figure with three significant digits, without zeros at the end."""
    digits = max(0, 2 - floor(log10(abs(value)))) if value else 0
    rounded = float(f"{value:.3g}") if abs(value) < 1000 else round(value)
    while digits and round(rounded, digits - 1) == rounded:
        digits -= 1
    return number(rounded, digits, language)
