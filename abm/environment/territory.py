"""What is this territory: its people, places, roads, and who works there?

Owns the loading of territory packs, built-in or the user's own. What a pack may hold is told by `pack`; how a table is
read, by `tables`. A territory is read once and never written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abm.environment.completing import sort_specialists
from abm.environment.pack import (
    AGE_COLUMNS,
    PROFESSIONS,
    SPECIALTIES,
    UNSORTED_SPECIALIST,
    Pack,
    digest_of,
    read_outlines,
    read_pack,
    split_specialties,
    with_columns,
)
from abm.environment.tables import Finding
from abm.errors import InputError, nearest

__all__ = [
    "AGE_COLUMNS",
    "PROFESSIONS",
    "SPECIALTIES",
    "Finding",
    "Territory",
    "check_territory",
    "list_territories",
    "load_territory",
]

BUILT_IN_FOLDER = Path(__file__).parent / "territories"


@dataclass(frozen=True, eq=False)
class Territory:
    """A territory pack, loaded and free of errors. Two territories are equal when they are the same object.

    Parameters
    ----------
    name : name of the folder.
    title : as printed.
    folder : where the pack is.
    description : `territory.yaml` as validated.
    communes : one row a commune: insee, name, epci, population, the seven age groups (may be absent, see `age_groups`),
        median_income_eur, poverty_share, area_km2 (NaN where unknown), lat, lon (degrees).
    professionals : insee, profession, count (> 0), year; specialists of a specialty that the pack does not tell are
        divided between the specialties (`completing.sort_specialists`).
    sites : site, name, kind ("hospital" inside, "pole" outside), node (INSEE code or pole), insee, lat, lon,
        has_emergency, beds_medicine, beds_surgery, beds_intensive, emergency_visits_per_year,
        emergency_admitted_per_year, year (NaN where unknown), specialties (list of str), specialties_grade, note.
    roads : a, b, minutes, km, kind; None when the pack has none.
    road_nodes : node, name, lat, lon, kind of nodes that are neither communes nor sites; None when there are none.
    age_sex : group (an `epci`), age_from (years), male, female; None when the pack has none.
    travel_times : from, to, minutes by road without terminal minutes, instead of roads; None when the pack has none.
    digest : SHA-256 of the pack's files.
    n_sorted_specialists : how many of the specialists got their specialty from us.
    """

    name: str
    title: str
    folder: Path
    description: dict[str, Any]
    communes: pd.DataFrame
    professionals: pd.DataFrame
    sites: pd.DataFrame
    roads: pd.DataFrame | None
    road_nodes: pd.DataFrame | None
    age_sex: pd.DataFrame | None
    travel_times: pd.DataFrame | None
    digest: str
    n_sorted_specialists: int = 0

    @property
    def n_communes(self) -> int:
        """Number of communes."""
        return len(self.communes)

    @property
    def population(self) -> int:
        """Number of inhabitants."""
        return int(self.communes["population"].sum())

    @property
    def age_groups(self) -> pd.DataFrame | None:
        """Inhabitants by commune and age group, shape (n_communes, 7), not whole numbers; None when not given."""
        if not set(AGE_COLUMNS) <= set(self.communes):
            return None
        return self.communes[list(AGE_COLUMNS)]

    @cached_property
    def outlines(self) -> dict[str, list[np.ndarray]]:
        """Rings of (longitude, latitude) by INSEE code, each of shape (n, 2); {} when the pack has no outlines."""
        path = self.folder / "communes.geojson"
        if not path.exists():
            return {}
        findings: list[Finding] = []
        outlines = read_outlines(path, findings)
        for finding in findings:
            raise finding.as_error(self.folder)
        return outlines

    def count(self, profession: str) -> np.ndarray:
        """Return how many of a profession each commune has, shape (n_communes,).

        Raises
        ------
        InputError : no such profession.
        """
        if profession not in PROFESSIONS:
            raise InputError(f"unknown profession '{profession}'.{nearest(profession, PROFESSIONS)}")
        rows = self.professionals[self.professionals["profession"] == profession]
        counts = rows.set_index("insee")["count"].reindex(self.communes["insee"], fill_value=0)
        return counts.to_numpy(np.int64)


def list_territories() -> list[str]:
    """Return the names of the built-in territories."""
    return sorted(path.parent.name for path in BUILT_IN_FOLDER.glob("*/territory.yaml"))


def load_territory(name_or_path: str | Path) -> Territory:
    """Load a territory pack.

    Parameters
    ----------
    name_or_path : a built-in name ("saverne", "tiny") or the path of a folder.

    Raises
    ------
    InputError : no such territory, or the first error of the pack with its file, line and column.
    """
    pack = read_pack(_folder(name_or_path))
    for finding in pack.findings:
        if finding.severity == "error":
            raise finding.as_error(pack.folder)
    return _territory(pack)


def check_territory(name_or_path: str | Path) -> list[Finding]:
    """Return every problem of a territory pack, errors and notes, in the order of its files.

    Raises
    ------
    InputError : no such territory.
    """
    return read_pack(_folder(name_or_path)).findings


def _folder(name_or_path: str | Path) -> Path:
    """Return the folder of a built-in territory or of a path. Raises InputError when there is none."""
    name = os.fspath(name_or_path)
    built_in = list_territories()
    if isinstance(name_or_path, str) and name in built_in:
        return BUILT_IN_FOLDER / name
    if "\0" in name or not name:
        raise InputError(f"'{name!r}' is not the name of a territory.{nearest(name, built_in)}")
    path = Path(name)
    if path.is_dir():
        return path
    if path.exists():
        raise InputError("is a file, the folder of a territory pack expected", file=path)
    raise InputError(f"no territory '{name}', neither built in nor a folder.{nearest(path.name, built_in)}")


def _territory(pack: Pack) -> Territory:
    """Return the territory of a pack without errors."""
    unknown = {"median_income_eur": np.nan, "poverty_share": np.nan, "area_km2": np.nan}
    counted = pack.tables["professionals.csv"].frame
    professionals = with_columns(counted[counted["count"] > 0], "professionals.csv", {})
    sites = with_columns(pack.tables["sites.csv"].frame, "sites.csv", {"specialties_grade": "", "note": ""})
    return Territory(
        name=pack.folder.resolve().name,
        title=pack.description["title"],
        folder=pack.folder,
        description=pack.description,
        communes=with_columns(pack.tables["communes.csv"].frame, "communes.csv", unknown),
        professionals=sort_specialists(professionals),
        sites=sites.assign(specialties=sites["specialties"].astype(object).map(split_specialties)),
        roads=_optional(pack, "roads.csv", {"km": np.nan, "kind": "road"}),
        road_nodes=_optional(pack, "road_nodes.csv", {"kind": ""}),
        age_sex=_optional(pack, "age_sex.csv", {}),
        travel_times=_optional(pack, "travel_times.csv", {}),
        digest=digest_of(pack),
        n_sorted_specialists=int(professionals.loc[professionals["profession"] == UNSORTED_SPECIALIST, "count"].sum()),
    )


def _optional(pack: Pack, file: str, fill: dict[str, Any]) -> pd.DataFrame | None:
    """Return a table that a pack may lack."""
    return with_columns(pack.tables[file].frame, file, fill) if file in pack.tables else None
