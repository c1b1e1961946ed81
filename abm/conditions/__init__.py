"""Who has which chronic disease, and what follow-up does it ask for?

Owns the reading and checking of the condition files of this folder: one file a disease, found by its presence, so
that another disease is another file. A file holds no number: it names rows of the parameter registry, which it may
bring along in a `parameters` section of its own. Says nothing of who falls ill when: that is drawn by the population.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.errors import InputError, nearest
from abm.parameters import Parameters, load_parameters
from abm.yaml_reader import YamlDocument, read_yaml

FOLDER = Path(__file__).parent
AGE_BAND = re.compile(r"(?P<first>\d{1,3})(?:-(?P<last>\d{1,3})|\+)")
LANGUAGES = ("en", "fr")
SEXES = ("male", "female")  # columns of Condition.share_by_band


@dataclass(frozen=True)
class Condition:
    """A chronic disease, with the numbers of a run filled in.

    Parameters
    ----------
    name : as in the file's name; the key of everything about this disease.
    title : language ("en", "fr") to name for readers.
    first_ages : shape (n_bands,), years, increasing: the first age of each band; the last band is open.
    share_by_band : shape (n_bands, 2), share of people with the disease, men and women.
    gp_follow_up_interval_days : days between GP visits for this disease, by guideline.
    specialist_visits_per_year : specialty to visits a year for this disease.
    ald_share : share of patients with long-term status (affection de longue durée) for it.
    """

    name: str
    title: Mapping[str, str]
    first_ages: NDArray[np.int64] = field(repr=False, compare=False)
    share_by_band: NDArray[np.float64] = field(repr=False, compare=False)
    gp_follow_up_interval_days: float
    specialist_visits_per_year: Mapping[str, float]
    ald_share: float

    def prevalence(self, age_years: ArrayLike, is_female: ArrayLike) -> NDArray[np.float64]:
        """Return the probability that people of these ages and sexes have the disease.

        Parameters
        ----------
        age_years : shape (n,), >= 0, whole or not; below the first band nobody has it.
        is_female : shape (n,), 0 or 1 (or bool).

        Returns
        -------
        shape (n,), in [0, 1].
        """
        band = np.searchsorted(self.first_ages, np.asarray(age_years), side="right") - 1
        share = self.share_by_band[np.maximum(band, 0), np.asarray(is_female, dtype=np.int64)]
        return np.where(band >= 0, share, 0.0)


def load_conditions(parameters: Parameters | None = None, folder: Path | str = FOLDER) -> tuple[Condition, ...]:
    """Read all conditions of a folder, in the order of their names.

    Parameters
    ----------
    parameters : the registry of the run, overrides included; None takes the registry as shipped.
    folder : where the files are.

    Raises
    ------
    InputError
        Missing or unknown key, unknown parameter, ages that overlap or leave a gap, a share outside 0 to 1; with file
        and line.
    """
    registry = load_parameters() if parameters is None else parameters
    files = sorted(Path(folder).glob("*.yaml"))
    if not files:
        raise InputError("no condition file (*.yaml) here", file=folder)
    return tuple(_Reader(read_yaml(file), registry).condition() for file in files)


@dataclass(frozen=True)
class _Reader:
    """Checks one condition file key by key."""

    document: YamlDocument
    registry: Parameters

    def condition(self) -> Condition:
        """Return the condition that the file describes."""
        self._keys((), {"name", "title", "prevalence", "follow_up", "ald_share"}, optional={"parameters"})
        self._keys(("title",), set(LANGUAGES))
        self._keys(("follow_up",), {"gp_interval_days", "specialist_visits_per_year"})
        first_ages, shares = self._bands()
        specialists = self._mapping("follow_up", "specialist_visits_per_year")
        return Condition(
            name=self._name(),
            title={language: self._text("title", language) for language in LANGUAGES},
            first_ages=np.array(first_ages, dtype=np.int64),
            share_by_band=np.array(shares, dtype=np.float64),
            gp_follow_up_interval_days=self._number("follow_up", "gp_interval_days", low=1),
            specialist_visits_per_year={
                name: self._number("follow_up", "specialist_visits_per_year", name) for name in specialists
            },
            ald_share=self._number("ald_share", high=1),
        )

    def _name(self) -> str:
        name, expected = self._text("name"), self.document.file.stem
        if name != expected:
            raise self._refuse(f"'name': found '{name}', expected that of the file, '{expected}'", "name")
        return name

    def _bands(self) -> tuple[list[int], list[tuple[float, float]]]:
        """Return the first age of each band and its shares, men and women."""
        first_ages: list[int] = []
        shares = []
        last: int | None = -1
        for band in self._mapping("prevalence"):
            found = AGE_BAND.fullmatch(band)
            if not found:
                raise self._refuse(f"found ages '{band}', expected such as 45-54 or 85+", "prevalence", band)
            first = int(found["first"])
            if last is None or (first_ages and first != last + 1):
                expected = "nothing after an open band" if last is None else f"a band from {last + 1}"
                raise self._refuse(f"found ages '{band}', expected {expected}", "prevalence", band)
            last = int(found["last"]) if found["last"] else None
            if last is not None and last < first:
                raise self._refuse(f"found ages '{band}', which end before they begin", "prevalence", band)
            first_ages.append(first)
            shares.append(self._shares(band))
        if last is not None:
            raise self._refuse(f"the last ages end at {last}, expected an open band such as 85+", "prevalence")
        return first_ages, shares

    def _shares(self, band: str) -> tuple[float, float]:
        """Return the shares of a band, men and women; one entry without sexes stands for both."""
        path = ("prevalence", band)
        if "parameter" in self._mapping(*path):
            both = self._number(*path, high=1)
            return both, both
        self._keys(path, set(SEXES))
        men, women = (self._number(*path, sex, high=1) for sex in SEXES)
        return men, women

    def _number(self, *path: str, low: float = 0, high: float = np.inf) -> float:
        """Return the value of the parameter that `{parameter: name}` at this path names."""
        self._keys(path, {"parameter"})
        try:
            value = self.registry[self._text(*path, "parameter")]
        except InputError as error:
            raise self._refuse(error.message, *path, "parameter") from None
        if not low <= value <= high:
            raise self._refuse(f"found {value:g}, expected {low:g} to {high:g}", *path, "parameter")
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
