"""From the files of this folder to conditions: every key, unit and range checked, every mistake shown with its line.

Owns the reading only; what a condition is stands in `abm.conditions.disease`, which unit may stand where in
`abm.conditions.units`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from abm.conditions.disease import Condition, Control, Event
from abm.conditions.units import (
    DAYS,
    DECREMENT,
    LEVEL,
    NIGHTS,
    PERSONS,
    RATE,
    RATIO,
    SHARE,
    SPREAD,
    VISITS,
    Quantity,
)
from abm.errors import InputError, nearest
from abm.parameters import Parameters, load_parameters
from abm.state import Ward
from abm.yaml_reader import YamlDocument, parse_yaml, read_text

FOLDER = Path(__file__).parent
AGE_BAND = re.compile(r"(?P<first>\d{1,3})(?:-(?P<last>\d{1,3})|\+)")
LANGUAGES = ("en", "fr")
SEXES = ("male", "female")  # columns of Condition.share_by_band
WARDS = tuple(ward.name.lower() for ward in Ward)
STEADY_STATE = "steady_state"
MOST_EVENTS = 16  # bits of HEALTH.events_seen
EVENT_NUMBERS = {
    "control_ratio",
    "deprivation_ratio",
    "stay_days",
    "stay_spread",
    "by_emergency_share",
    "treatable_locally_share",
    "death_share",
    "readmitted_share",
}
EVENT_EXTRAS = {"age_ratio_per_decade", "utility_decrement", "history_share", "is_day_case", "is_avoidable"}


def load_conditions(parameters: Parameters | None = None, folder: Path | str = FOLDER) -> tuple[Condition, ...]:
    """Read all conditions of a folder, in the order of their names.

    Parameters
    ----------
    parameters : the registry of the run, overrides included; None takes the registry as shipped.
    folder : where the files are.

    Raises
    ------
    InputError
        Missing or unknown key, unknown parameter, ages that overlap or leave a gap, a share outside 0 to 1, a unit that
        does not fit (a rate where a probability belongs); with file and line.
    """
    registry = load_parameters() if parameters is None else parameters
    files = sorted(Path(folder).glob("*.yaml"))
    if not files:
        raise InputError("no condition file (*.yaml) here", file=folder)
    return tuple(_Reader(_document(file, read_text(file)), registry).condition() for file in files)


@lru_cache(maxsize=64)
def _document(file: Path, text: str) -> YamlDocument:
    """Return what a file says, read once: that takes longer than a small territory's building, and sweeps are many."""
    return parse_yaml(file, text)


@dataclass(frozen=True)
class _Reader:
    """Checks one condition file key by key."""

    document: YamlDocument
    registry: Parameters

    def condition(self) -> Condition:
        """Return the condition that the file describes."""
        required = {"name", "title", "prevalence", "follow_up", "ald_share", "incidence", "control"}
        self._keys((), required | {"mortality", "utility"}, optional={"events", "recovery", "parameters"})
        self._keys(("follow_up",), {"gp_interval_days", "specialist_visits_per_year"})
        self._keys(("mortality",), {"ratio", "control_ratio", "ratio_after_event"})
        self._keys(("utility",), {"decrement", "decrement_after_event"})
        bands = self._bands("prevalence")
        specialists = self._mapping("follow_up", "specialist_visits_per_year")
        return Condition(
            name=self._name(),
            title=self._title(),
            first_ages=np.array(list(bands), dtype=np.int64),
            share_by_band=np.array([self._shares(band) for band in bands.values()], dtype=np.float64),
            gp_follow_up_interval_days=self._number(DAYS, "follow_up", "gp_interval_days"),
            specialist_visits_per_year={
                name: self._number(VISITS, "follow_up", "specialist_visits_per_year", name) for name in specialists
            },
            ald_share=self._number(SHARE, "ald_share"),
            incidence_by_age=self._incidence(),
            recovery_per_year=self._number(RATE, "recovery") if "recovery" in self.document.data else 0.0,
            control=self._control(specialists),
            events=self._events(),
            mortality_ratio=self._number(RATIO, "mortality", "ratio"),
            mortality_control_ratio=self._number(RATIO, "mortality", "control_ratio"),
            mortality_ratio_after_event=self._number(RATIO, "mortality", "ratio_after_event"),
            utility_loss=-self._number(DECREMENT, "utility", "decrement"),
            utility_loss_after_event=-self._number(DECREMENT, "utility", "decrement_after_event"),
        )

    # --- parts of a file ------------------------------------------------------------------------------------------

    def _name(self) -> str:
        name, expected = self._text("name"), self.document.file.stem
        if name != expected:
            raise self._refuse(f"'name': found '{name}', expected that of the file, '{expected}'", "name")
        return name

    def _title(self, *path: str) -> dict[str, str]:
        self._keys((*path, "title"), set(LANGUAGES))
        return {language: self._text(*path, "title", language) for language in LANGUAGES}

    def _bands(self, *path: str) -> dict[int, str]:
        """Return first age to band of a mapping by ages, which must leave no gap and end open."""
        bands: dict[int, str] = {}
        last: int | None = -1
        for band in self._mapping(*path):
            found = AGE_BAND.fullmatch(band)
            if not found:
                raise self._refuse(f"found ages '{band}', expected such as 45-54 or 85+", *path, band)
            first = int(found["first"])
            if last is None or (bands and first != last + 1):
                expected = "nothing after an open band" if last is None else f"a band from {last + 1}"
                raise self._refuse(f"found ages '{band}', expected {expected}", *path, band)
            last = int(found["last"]) if found["last"] else None
            if last is not None and last < first:
                raise self._refuse(f"found ages '{band}', which end before they begin", *path, band)
            bands[first] = band
        if last is not None:
            raise self._refuse(f"the last ages end at {last}, expected an open band such as 85+", *path)
        return bands

    def _shares(self, band: str) -> tuple[float, float]:
        """Return the shares of a band, men and women; one entry without sexes stands for both."""
        path = ("prevalence", band)
        if "parameter" in self._mapping(*path):
            both = self._number(SHARE, *path)
            return both, both
        self._keys(path, set(SEXES))
        men, women = (self._number(SHARE, *path, sex) for sex in SEXES)
        return men, women

    def _incidence(self) -> dict[int, float]:
        """Return first age to new cases a person-year; nothing where they follow from steady prevalence."""
        if isinstance(self.document.data["incidence"], str):
            found = self._text("incidence")
            if found != STEADY_STATE:
                message = f"'incidence': found '{found}', expected '{STEADY_STATE}' or rates by age"
                raise self._refuse(message, "incidence")
            return {}
        return {first: self._number(RATE, "incidence", band) for first, band in self._bands("incidence").items()}

    def _control(self, specialists: dict[str, Any]) -> Control:
        numbers = {"mean", "sd", "best", "worst", "drift_per_month_late"}
        self._keys(("control",), numbers | {"title", "restored_share", "restored_by"})
        value = {key: self._number(LEVEL, "control", key) for key in numbers}
        unit = self._entry("control", "mean").unit
        for key in numbers:
            found, expected = self._entry("control", key).unit, unit
            if key == "drift_per_month_late":
                expected = f"{unit} per month late"
            if found != expected:
                raise self._refuse(f"'control.{key}': found the unit '{found}', expected '{expected}'", "control", key)
        if not value["best"] <= value["mean"] <= value["worst"]:
            message = f"'control.mean': found {value['mean']:g}, expected {value['best']:g} to {value['worst']:g}"
            raise self._refuse(message, "control", "mean")
        for key in ("sd", "drift_per_month_late"):
            if value[key] < 0.0:
                raise self._refuse(f"'control.{key}': found {value[key]:g}, expected 0 or more", "control", key)
        return Control(
            title=self._title("control"),
            unit=unit,
            restored_share=self._number(SHARE, "control", "restored_share"),
            restored_by=self._specialties(specialists),
            **value,
        )

    def _specialties(self, known: dict[str, Any]) -> tuple[str, ...]:
        path = ("control", "restored_by")
        names = self._value(path)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._refuse(f"'control.restored_by': found {names!r}, expected a list of specialties", *path)
        for name in names:
            if name not in known:
                message = f"'control.restored_by': '{name}' is not among the specialists of the follow-up."
                raise self._refuse(message + nearest(name, known), *path)
        return tuple(names)

    def _events(self) -> tuple[Event, ...]:
        if "events" not in self.document.data:
            return ()
        names = list(self._mapping("events"))
        if len(names) > MOST_EVENTS:
            raise self._refuse(f"found {len(names)} events, expected {MOST_EVENTS} at most", "events")
        return tuple(self._event(name) for name in names)

    def _event(self, name: str) -> Event:
        path = ("events", name)
        frequency = [key for key in ("rate", "persons_per_year") if key in self._mapping(*path)]
        if len(frequency) != 1:
            message = f"'events.{name}': expected one of 'rate' and 'persons_per_year'"
            raise self._refuse(message, *path)
        self._keys(path, {"title", "ward", "tariff", *EVENT_NUMBERS, *frequency}, optional=EVENT_EXTRAS)

        def number(quantity: Quantity, key: str, default: float | None = None) -> float:
            if default is not None and key not in self._mapping(*path):
                return default
            return self._number(quantity, *path, key)

        ward = self._text(*path, "ward")
        if ward not in WARDS:
            raise self._refuse(f"'events.{name}.ward': unknown ward '{ward}'.{nearest(ward, WARDS)}", *path, "ward")
        return Event(
            name=name,
            title=self._title(*path),
            rate_per_year=number(RATE, "rate") if frequency == ["rate"] else None,
            persons_per_year=number(PERSONS, "persons_per_year") if frequency != ["rate"] else None,
            control_ratio=number(RATIO, "control_ratio"),
            deprivation_ratio=number(RATIO, "deprivation_ratio"),
            age_ratio_per_decade=number(RATIO, "age_ratio_per_decade", 1.0),
            ward=ward,
            is_day_case=self._truth(*path, "is_day_case"),
            is_avoidable=self._truth(*path, "is_avoidable"),
            stay_days=number(NIGHTS, "stay_days"),
            stay_sigma=number(SPREAD, "stay_spread"),
            by_emergency_share=number(SHARE, "by_emergency_share"),
            treatable_locally_share=number(SHARE, "treatable_locally_share"),
            death_share=number(SHARE, "death_share"),
            readmitted_share=number(SHARE, "readmitted_share"),
            utility_loss=-number(DECREMENT, "utility_decrement", 0.0),
            history_share=number(SHARE, "history_share", 0.0),
            tariff=self._text(*path, "tariff"),
        )

    # --- single entries -------------------------------------------------------------------------------------------

    def _number(self, quantity: Quantity, *path: str) -> float:
        """Return the value, as a quantity, of the parameter that `{parameter: name}` at this path names."""
        try:
            entry = self._entry(*path)
            return quantity.of(entry.name, self.registry[entry.name], entry.unit)
        except InputError as error:
            if error.file is not None:
                raise
            raise self._refuse(error.message, *path, "parameter") from None

    def _entry(self, *path: str) -> Any:
        """Return the registry's row that `{parameter: name}` at this path names."""
        self._keys(path, {"parameter"})
        return self.registry.entry(self._text(*path, "parameter"))

    def _truth(self, *path: str) -> bool:
        """Return a truth value, False where the key is left out."""
        value = self._mapping(*path[:-1]).get(path[-1], False)
        if not isinstance(value, bool):
            raise self._refuse(f"'{'.'.join(path)}': found {value!r}, expected true or false", *path)
        return value

    def _keys(self, path: tuple[str, ...], required: set[str], optional: set[str] | None = None) -> None:
        """Refuse a missing or unknown key under `path`."""
        found, known = self._mapping(*path), required | (optional or set())
        for key in found:
            if key not in known:
                raise self._refuse(f"unknown key '{key}'.{nearest(key, known)}", *path, key)
        for key in sorted(required - set(found)):
            raise self._refuse(f"'{'.'.join((*path, key))}' is missing", *path)

    def _mapping(self, *path: str) -> dict[str, Any]:
        value = self._value(path)
        if not isinstance(value, dict) or not value:
            raise self._refuse(f"'{'.'.join(path)}': found {value!r}, expected names with values", *path)
        return value

    def _text(self, *path: str) -> str:
        value = self._value(path)
        if not isinstance(value, str) or not value:
            raise self._refuse(f"'{'.'.join(path)}': found {value!r}, expected a text", *path)
        return value

    def _value(self, path: tuple[str, ...]) -> Any:
        value: Any = self.document.data
        for key in path:
            value = value[key]
        return value

    def _refuse(self, message: str, *path: str) -> InputError:
        return self.document.error(message, *path)
