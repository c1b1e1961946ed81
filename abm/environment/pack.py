"""Is this folder a territory pack that can be used? Everything it holds, and every problem found in it.

Owns the file format of a pack: names of files, columns, keys, professions, specialties, and the checks between files.
Reads nothing outside the folder it is given. Never raises on what a file contains: it reports findings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import networkx as nx
import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from abm.environment.roads import crow_km_from
from abm.environment.tables import Column, Finding, Table, read_table, read_text
from abm.errors import nearest

AGE_COLUMNS = ("age_0_14", "age_15_29", "age_30_44", "age_45_59", "age_60_74", "age_75_89", "age_90_plus")

# What a pole outside may offer to outpatients; each may also be counted, by commune, among the professions.
SPECIALTIES = (
    "cardiologist", "dermatologist", "endocrinologist", "ent_specialist", "gastroenterologist", "gynaecologist",
    "nephrologist", "neurologist", "oncologist", "ophthalmologist", "paediatrician", "pneumologist", "psychiatrist",
    "radiologist", "rheumatologist", "urologist",
)  # fmt: skip
UNSORTED_SPECIALIST = "specialist"  # of a specialty that the data do not tell: `completing` divides them
PROFESSIONS = (
    "general_practitioner", "nurse", "pharmacy", "physiotherapist", "dentist", "midwife", "podiatrist",
    "speech_therapist", *SPECIALTIES, UNSORTED_SPECIALIST, "health_centre", "laboratory", "ambulance", "nursing_home",
    "home_nursing_service", "rehabilitation_facility", "long_stay_facility", "psychiatric_facility",
    "dialysis_facility", "maternity",
)  # fmt: skip

MOST_PEOPLE = 10_000_000  # a territory, not a country: also keeps whole numbers exact
FARTHEST_KM = 500.0  # no commune or pole is farther than this from the middle of its territory
AGES_NOTED_SHARE, AGES_REFUSED_SHARE = 0.01, 0.10


def _count(name: str, **options: Any) -> Column:
    """Return a column of whole numbers from 0 to `MOST_PEOPLE`."""
    return Column(name, "count", high=MOST_PEOPLE, **options)


def _year(**options: Any) -> Column:
    """Return the column that tells the year of a row."""
    return Column("year", "count", low=1900, high=2100, **options)


POSITION = (Column("lat", "number", low=-90, high=90), Column("lon", "number", low=-180, high=180))
COLUMNS: dict[str, tuple[Column, ...]] = {
    "communes.csv": (
        Column("insee"), Column("name"), Column("epci"), _count("population", above=0),
        *(Column(name, "number", is_required=False, low=0) for name in AGE_COLUMNS),
        Column("median_income_eur", "number", is_required=False, may_be_empty=True, above=0),
        Column("poverty_share", "number", is_required=False, may_be_empty=True, low=0, high=1),
        Column("area_km2", "number", is_required=False, may_be_empty=True, above=0),
        *POSITION,
    ),
    "professionals.csv": (Column("insee"), Column("profession", choices=PROFESSIONS), _count("count"), _year()),
    "sites.csv": (
        Column("site"), Column("name"), Column("kind", choices=("hospital", "pole")), Column("node"), Column("insee"),
        *POSITION, Column("has_emergency", "flag"),
        _count("beds_medicine", may_be_empty=True), _count("beds_surgery", may_be_empty=True),
        _count("beds_intensive", may_be_empty=True), _count("emergency_visits_per_year", may_be_empty=True),
        _count("emergency_admitted_per_year", may_be_empty=True), _year(may_be_empty=True),
        Column("specialties", may_be_empty=True),
        Column("specialties_grade", is_required=False, may_be_empty=True, choices=("A", "B", "C")),
        Column("note", is_required=False, may_be_empty=True),
    ),
    "roads.csv": (
        Column("a"), Column("b"), Column("minutes", "number", above=0),
        Column("km", "number", is_required=False, may_be_empty=True, above=0),
        Column("kind", is_required=False, may_be_empty=True),
    ),
    "road_nodes.csv": (Column("node"), Column("name"), *POSITION, Column("kind", is_required=False, may_be_empty=True)),
    "travel_times.csv": (Column("from"), Column("to"), Column("minutes", "number", above=0)),
    "age_sex.csv": (
        Column("group"), _count("age_from"), Column("male", "number", low=0), Column("female", "number", low=0),
    ),
}  # fmt: skip
REQUIRED_FILES = ("territory.yaml", "communes.csv", "professionals.csv", "sites.csv")
FILES = ("territory.yaml", *COLUMNS, "communes.geojson", "SOURCES.md")


class Years(BaseModel):
    """Year of each column or file that does not tell it row by row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    population: int | None = None
    age_groups: int | None = None
    median_income_eur: int | None = None
    poverty_share: int | None = None
    area_km2: int | None = None
    roads: int | None = None
    age_sex: int | None = None


class EarlierPopulation(BaseModel):
    """An earlier count of the same communes: from it to `population_year` runs the trend that migration follows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    year: int = Field(ge=1900, le=2100)
    people: int = Field(gt=0, le=MOST_PEOPLE)
    source: str = Field(min_length=1)


class Description(BaseModel):
    """What `territory.yaml` may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    summary: str = ""
    invented: bool = False
    department: str | None = None
    population_year: int = Field(ge=1900, le=2100)
    earlier_population: EarlierPopulation | None = None
    holidays_country: Literal["FR"] = "FR"
    holidays_subdivision: Literal["57", "6AE", "971", "972", "973", "974", "976"] | None = None
    years: Years = Years()
    credits: list[str] = []
    unknown_locally: list[str] = []

    @field_validator("earlier_population")
    @classmethod
    def _is_earlier(cls, value: EarlierPopulation | None, info: ValidationInfo) -> EarlierPopulation | None:
        """Refuse an earlier count that is none: a trend needs two years."""
        latest = info.data.get("population_year")
        if value is not None and latest is not None and value.year >= latest:
            raise ValueError(f"year {value.year} is not before population_year, {latest}")
        return value


Outlines = dict[str, list[np.ndarray]]


@dataclass
class Pack:
    """A pack as read, usable when `findings` holds no error.

    Parameters
    ----------
    folder : where it is.
    paths : the files found, by name, all inside the folder.
    description : `territory.yaml` as validated, with the defaults filled in.
    tables : the tables that could be read, by file name.
    findings : every problem found, in the order of reading.
    """

    folder: Path
    paths: dict[str, Path] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def column(self, file: str, name: str) -> list[Any]:
        """Return a column of a table; empty when the table is not there."""
        table = self.tables.get(file)
        return list(table.frame[name]) if table is not None else []

    def has_read(self, *files: str) -> bool:
        """True unless one of these files is there and could not be read: what it names is then unknown."""
        return all(file in self.tables or file not in self.paths for file in files)


def read_pack(folder: Path) -> Pack:
    """Read a folder as a territory pack and check it.

    Parameters
    ----------
    folder : an existing folder; no file outside it is opened, not even through a symbolic link.

    Returns
    -------
    the pack with all its findings.
    """
    pack = Pack(folder)
    _find_files(pack)
    if "territory.yaml" in pack.paths:
        pack.description = _read_description(pack.paths["territory.yaml"], pack.findings)
    for file, columns in COLUMNS.items():
        table = read_table(pack.paths[file], columns, pack.findings) if file in pack.paths else None
        if table is not None:
            pack.tables[file] = table
    if "communes.csv" in pack.tables:
        for check in CHECKS:
            pack.findings.extend(check(pack))
    return pack


def digest_of(pack: Pack) -> str:
    """Return the SHA-256, in hexadecimal, of the names and bytes of the pack's files."""
    digest = hashlib.sha256()
    for name in sorted(pack.paths):
        content = pack.paths[name].read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


# ---------------------------------------------------------------------------------------------------------- files


def _find_files(pack: Pack) -> None:
    """Fill `pack.paths`; report what is missing, misnamed or leads outside."""
    for name in FILES:
        path = pack.folder / name
        if not path.is_symlink() and not path.exists():
            continue
        if not path.resolve().is_relative_to(pack.folder.resolve()):
            pack.findings.append(Finding(name, None, None, "leads outside the folder of the pack: not read"))
        elif not path.is_file():
            pack.findings.append(Finding(name, None, None, "is not a file"))
        else:
            pack.paths[name] = path
    pack.findings += _misnamed_files(pack.folder)
    pack.findings += _missing_files(pack)


def _misnamed_files(folder: Path) -> Iterator[Finding]:
    """Report data files that no pack has: a wrong name would otherwise be a file silently not read."""
    for path in sorted(folder.iterdir()):
        if path.suffix in {".csv", ".yaml", ".yml", ".geojson"} and path.name not in FILES:
            yield Finding(path.name, None, None, f"is not a file of a territory pack.{nearest(path.name, FILES)}")


def _missing_files(pack: Pack) -> Iterator[Finding]:
    """Report missing files: an error for those without which nothing runs, a note for the others."""
    named = {*pack.paths, *(finding.file for finding in pack.findings)}
    for name in REQUIRED_FILES:
        if name not in named:
            yield Finding(name, None, None, "missing file")
    if not named & {"roads.csv", "travel_times.csv"}:
        yield Finding("roads.csv", None, None, "no roads and no travel times: roads will be generated", "note")
    if {"roads.csv", "travel_times.csv"} <= named:
        yield Finding("travel_times.csv", None, None, "roads.csv is there too: keep one of the two")
    if "SOURCES.md" not in named:
        yield Finding("SOURCES.md", None, None, "missing: nobody can tell where the numbers come from", "note")


# ---------------------------------------------------------------------------------------------------- description


def _read_description(path: Path, findings: list[Finding]) -> dict[str, Any]:
    """Return `territory.yaml` as validated; {} with findings when it is not valid."""
    text = read_text(path, findings)
    if text is None:
        return {}
    try:
        lines = _key_lines(yaml.compose(text, Loader=yaml.SafeLoader))
        return Description.model_validate(yaml.safe_load(text)).model_dump()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        findings.append(Finding(path.name, line, column, f"not YAML: {problem.problem}"))
    except ValidationError as problem:
        findings.extend(_description_findings(path.name, problem, lines))
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        findings.append(Finding(path.name, None, None, f"not YAML that can be read: {problem}"))
    return {}


def _key_lines(node: yaml.Node | None, above: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    """Return the line of each key of a YAML document, by its path. Raises MarkedYAMLError when a key is repeated."""
    lines: dict[tuple[str, ...], int] = {}
    if not isinstance(node, yaml.MappingNode):
        return lines
    for key, value in node.value:
        path = (*above, str(key.value))
        if path in lines:
            raise yaml.MarkedYAMLError(problem=f"key '{key.value}' appears twice", problem_mark=key.start_mark)
        lines[path] = key.start_mark.line + 1
        lines.update(_key_lines(value, path))
    return lines


def _description_findings(file: str, problem: ValidationError, lines: dict[tuple[str, ...], int]) -> Iterator[Finding]:
    """Translate what pydantic found: key, what was found, what was expected, nearest name."""
    for error in problem.errors():
        path = tuple(str(part) for part in error["loc"])
        line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 1)
        key = ".".join(path) or None
        if error["type"] == "extra_forbidden":
            parts: dict[str, type[BaseModel]] = {"years": Years, "earlier_population": EarlierPopulation}
            known = (parts[path[0]] if len(path) > 1 else Description).model_fields
            message = f"unknown key '{path[-1]}'.{nearest(path[-1], known)}"
        elif error["type"] == "missing":
            line, message = 1, f"missing key '{key}'"
        else:
            message = f"{error['msg']}, found {error['input']!r:.60}"
        yield Finding(file, line, key, message)


# --------------------------------------------------------------------------------------- checks shared by tables


def _unknown(table: Table, column: str, known: Collection[str], what: str) -> Iterator[Finding]:
    """Report cells of a column that name nothing known."""
    names = set(known)
    for row, name in enumerate(table.frame[column]):
        if name and name not in names:
            yield table.finding(row, column, f"unknown {what} '{name}'.{nearest(name, known)}")


def _repeated(table: Table, columns: list[str], what: str, is_symmetric: bool = False) -> Iterator[Finding]:
    """Report rows whose key was given before; with `is_symmetric`, the order inside the key does not matter."""
    seen: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(table.frame[columns].itertuples(index=False, name=None)):
        key = tuple(sorted(key)) if is_symmetric else tuple(key)
        if key in seen:
            names = ", ".join(str(part) for part in key)
            yield table.finding(row, columns[0], f"{what} {names} appears twice, first on line {seen[key]}")
        else:
            seen[key] = table.lines[row]


def _misplaced(table: Table, middle: tuple[float, float]) -> Iterator[Finding]:
    """Report positions with swapped coordinates or far from the middle of the territory."""
    lat, lon = table.frame["lat"].to_numpy(np.float64), table.frame["lon"].to_numpy(np.float64)
    km = crow_km_from(lat, lon, middle)
    for row in range(len(lat)):
        if _looks_swapped(lat[row], lon[row]):
            yield table.finding(row, "lat", f"lat {lat[row]:g} and lon {lon[row]:g} look swapped")
        elif km[row] > FARTHEST_KM:
            yield table.finding(row, "lat", f"lies {km[row]:,.0f} km from the middle of the communes")


def _looks_swapped(lat: float, lon: float) -> bool:
    """True when exchanging the two would give a point of metropolitan France."""
    return -5.5 <= lat <= 10.0 and 41.0 <= lon <= 51.5


# ---------------------------------------------------------------------------------------------- checks by table


def _check_communes(pack: Pack) -> Iterator[Finding]:
    """Codes, ages against population, positions, areas."""
    table = pack.tables["communes.csv"]
    if table.frame.empty:
        yield Finding(table.file, 2, None, "no commune: one or more lines expected below the header")
        return
    yield from _repeated(table, ["insee"], "commune")
    for row, code in enumerate(table.frame["insee"]):
        if code and len(code) != 5:
            message = f"INSEE code '{code}' has {len(code)} characters, 5 expected; did a spreadsheet drop a zero?"
            yield table.finding(row, "insee", message)
    yield from _check_ages(table)
    yield from _misplaced(table, _middle(pack))
    yield from _missing_areas(table)


def _check_ages(table: Table) -> Iterator[Finding]:
    """Age groups are all there or none, and add up to the population."""
    missing = [name for name in AGE_COLUMNS if name not in table.frame]
    if missing:
        if len(missing) < len(AGE_COLUMNS):
            yield Finding(table.file, 1, missing[0], f"missing column '{missing[0]}': give all age groups or none")
        return
    total = table.frame[list(AGE_COLUMNS)].sum(axis=1, skipna=False)
    for row, (ages, population) in enumerate(zip(total, table.frame["population"], strict=True)):
        gap = abs(ages - population)
        if gap > max(1.0, AGES_NOTED_SHARE * population):
            is_refused = gap > AGES_REFUSED_SHARE * population
            message = f"age groups add up to {ages:,.1f}, the population is {population:,.0f}"
            yield table.finding(row, AGE_COLUMNS[0], message, "error" if is_refused else "note")


def _missing_areas(table: Table) -> Iterator[Finding]:
    """Note communes without an area."""
    if "area_km2" not in table.frame:
        yield Finding(table.file, 1, "area_km2", "no areas: one stated by the model stands in", "note")
        return
    for row in np.flatnonzero(table.frame["area_km2"].isna()):
        yield table.finding(int(row), "area_km2", "no area: the median of the others stands in", "note")


def _middle(pack: Pack) -> tuple[float, float]:
    """Return the median position of the communes, in degrees."""
    frame = pack.tables["communes.csv"].frame
    return float(frame["lat"].median()), float(frame["lon"].median())


def _check_professionals(pack: Pack) -> Iterator[Finding]:
    """Communes known, no count given twice."""
    table = pack.tables.get("professionals.csv")
    if table is not None:
        yield from _unknown(table, "insee", pack.column("communes.csv", "insee"), "commune")
        yield from _repeated(table, ["insee", "profession"], "count of")


def _check_sites(pack: Pack) -> Iterator[Finding]:
    """Hospitals inside stand in a commune, poles outside; specialties known; admissions below visits."""
    table = pack.tables.get("sites.csv")
    if table is None:
        return
    codes = pack.column("communes.csv", "insee")
    yield from _repeated(table, ["site"], "site")
    yield from _misplaced(table, _middle(pack))
    if not table.frame["has_emergency"].any():
        message = "no site has an emergency department: add the nearest one, as a hospital inside or a pole outside"
        yield Finding(table.file, None, "has_emergency", message)
    for row, site in enumerate(table.frame.to_dict("records")):
        yield from _check_node(table, row, site, codes)
        for name in split_specialties(site["specialties"]):
            if name not in SPECIALTIES:
                yield table.finding(row, "specialties", f"unknown specialty '{name}'.{nearest(name, SPECIALTIES)}")
        visits, admitted = site["emergency_visits_per_year"], site["emergency_admitted_per_year"]
        if admitted > visits:
            message = f"{admitted:,.0f} admitted is more than {visits:,.0f} visits"
            yield table.finding(row, "emergency_admitted_per_year", message)


def _check_node(table: Table, row: int, site: dict[Any, Any], codes: list[str]) -> Iterator[Finding]:
    """A hospital's node is its commune; a pole's is not a commune of the pack."""
    if site["kind"] == "pole":
        if site["node"] in codes:
            yield table.finding(row, "node", f"a pole is outside, {site['node']} is a commune: call it a hospital")
        return
    if site["insee"] not in codes:
        yield table.finding(row, "insee", f"unknown commune '{site['insee']}'.{nearest(site['insee'], codes)}")
    elif site["node"] != site["insee"]:
        yield table.finding(
            row, "node", f"'{site['node']}' found, the commune of the hospital, {site['insee']}, expected"
        )


def split_specialties(cell: str) -> list[str]:
    """Return the specialties of a cell, written with ';' between them."""
    return [name.strip() for name in cell.split(";") if name.strip()]


def _places(pack: Pack) -> list[str]:
    """Return the nodes that must be reached: communes, then nodes of sites, each once."""
    return list(dict.fromkeys([*pack.column("communes.csv", "insee"), *pack.column("sites.csv", "node")]))


def _check_roads(pack: Pack) -> Iterator[Finding]:
    """Both ends known and different, no road twice, every place reached."""
    nodes = pack.tables.get("road_nodes.csv")
    if nodes is not None:
        yield from _repeated(nodes, ["node"], "node")
        yield from _misplaced(nodes, _middle(pack))
    table = pack.tables.get("roads.csv")
    if not {"roads.csv", "travel_times.csv"} & pack.paths.keys():
        yield from _same_positions(pack)
    if table is None or not pack.has_read("sites.csv", "road_nodes.csv"):
        return
    known = [*_places(pack), *pack.column("road_nodes.csv", "node")]
    yield from _unknown(table, "a", known, "commune or node")
    yield from _unknown(table, "b", known, "commune or node")
    yield from _repeated(table, ["a", "b"], "road", is_symmetric=True)
    yield from _loops(table, "a", "b")
    yield from _unreached(pack, table)


def _same_positions(pack: Pack) -> Iterator[Finding]:
    """Report communes and poles at one position: no road can be generated between them."""
    seen: dict[tuple[float, float], str] = {}
    nodes: set[str] = set()
    for file, node in (("communes.csv", "insee"), ("sites.csv", "node")):
        columns = (pack.column(file, name) for name in (node, "lat", "lon"))
        for row, (code, lat, lon) in enumerate(zip(*columns, strict=True)):
            if code in nodes or np.isnan(lat) or np.isnan(lon):
                continue
            nodes.add(code)
            if (lat, lon) in seen:
                message = f"{code} and {seen[lat, lon]} have the same position: no road can be generated"
                yield pack.tables[file].finding(row, "lat", message)
            seen.setdefault((lat, lon), code)


def _loops(table: Table, start: str, end: str) -> Iterator[Finding]:
    """Report rows from a place to itself."""
    for row in np.flatnonzero(table.frame[start] == table.frame[end]):
        yield table.finding(int(row), end, f"from {table.frame[start].iloc[row]} to itself")


def _unreached(pack: Pack, roads: Table) -> Iterator[Finding]:
    """Report communes and sites that no road joins to the main part of the network."""
    graph = nx.Graph()
    graph.add_nodes_from(_places(pack))
    graph.add_edges_from(zip(roads.frame["a"], roads.frame["b"], strict=True))
    reached = max(nx.connected_components(graph), key=len)
    for file, node in (("communes.csv", "insee"), ("sites.csv", "node")):
        for row, (code, name) in enumerate(zip(pack.column(file, node), pack.column(file, "name"), strict=True)):
            if code not in reached:
                yield pack.tables[file].finding(row, node, f"{name} ({code}) cannot be reached by road")
                reached.add(code)


def _check_travel_times(pack: Pack) -> Iterator[Finding]:
    """Both ends known and different, no pair twice, every commune joined to every place."""
    table = pack.tables.get("travel_times.csv")
    if table is None or not pack.has_read("sites.csv"):
        return
    places = _places(pack)
    yield from _unknown(table, "from", places, "commune or node")
    yield from _unknown(table, "to", places, "commune or node")
    yield from _repeated(table, ["from", "to"], "journey")
    yield from _loops(table, "from", "to")
    given = {frozenset(pair) for pair in zip(table.frame["from"], table.frame["to"], strict=True)}
    for code in pack.column("communes.csv", "insee"):
        absent = [place for place in places if place != code and frozenset((code, place)) not in given]
        if absent:
            message = f"{code} cannot be reached: no minutes between it and {absent[0]} ({len(absent)} pairs missing)"
            yield Finding(table.file, None, "minutes", message)


def _check_age_sex(pack: Pack) -> Iterator[Finding]:
    """Groups are communities of communes of the pack, each age once."""
    table = pack.tables.get("age_sex.csv")
    if table is None:
        return
    groups = sorted(set(pack.column("communes.csv", "epci")))
    yield from _unknown(table, "group", groups, "group")
    yield from _repeated(table, ["group", "age_from"], "ages of")
    for group in sorted(set(groups) - set(table.frame["group"])):
        yield Finding(table.file, None, "group", f"no ages for '{group}'")


def _check_outlines(pack: Pack) -> Iterator[Finding]:
    """The outlines can be read and are those of communes of the pack."""
    if "communes.geojson" not in pack.paths:
        return
    findings: list[Finding] = []
    outlines = read_outlines(pack.paths["communes.geojson"], findings)
    yield from findings
    codes = pack.column("communes.csv", "insee")
    for code in outlines:
        if code not in codes:
            line = _line_of(pack.paths["communes.geojson"], f'"{code}"')
            yield Finding("communes.geojson", line, "insee", f"unknown commune '{code}'.{nearest(code, codes)}")
    absent = [code for code in codes if code not in outlines]
    if absent and not findings:
        yield Finding("communes.geojson", None, None, f"no outline for {', '.join(absent[:5])}", "note")


def _line_of(path: Path, text: str) -> int:
    """Return the first line of a file that holds a text; 1 when none does."""
    content = path.read_text(encoding="utf-8-sig")
    return content.count("\n", 0, max(content.find(text), 0)) + 1


CHECKS = (
    _check_communes,
    _check_professionals,
    _check_sites,
    _check_roads,
    _check_travel_times,
    _check_age_sex,
    _check_outlines,
)


# ------------------------------------------------------------------------------------------------------- outlines


def read_outlines(path: Path, findings: list[Finding]) -> Outlines:
    """Read the outlines of communes.

    Parameters
    ----------
    path : GeoJSON, WGS84, polygons or multipolygons with the property `insee`.
    findings : problems are appended here.

    Returns
    -------
    rings by INSEE code, each of shape (n_points, 2): longitude, latitude in degrees; holes are rings like the others.
    """
    text = read_text(path, findings)
    if text is None:
        return {}
    try:
        features = json.loads(text)["features"]
        return {str(feature["properties"]["insee"]): _rings(feature["geometry"]) for feature in features}
    except json.JSONDecodeError as problem:
        findings.append(Finding(path.name, problem.lineno, problem.colno, f"not JSON: {problem.msg}"))
    except KeyError as problem:
        findings.append(Finding(path.name, None, None, f"not GeoJSON of communes: {problem} is missing"))
    except (TypeError, ValueError, RecursionError) as problem:
        findings.append(Finding(path.name, None, None, f"not GeoJSON of communes: {problem}"))
    return {}


def _rings(geometry: dict[str, Any]) -> list[np.ndarray]:
    """Return the rings of a geometry. Raises ValueError, KeyError or TypeError when it is not one of polygons."""
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"a {geometry['type']} found, polygons expected")
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    rings = [np.array(ring, dtype=np.float64) for polygon in polygons for ring in polygon]
    if any(ring.ndim != 2 or ring.shape[1] != 2 for ring in rings):
        raise ValueError("rings of (longitude, latitude) expected")
    return rings


def with_columns(frame: pd.DataFrame, file: str, fill: dict[str, Any]) -> pd.DataFrame:
    """Return a table with the columns of its file in order; an optional one that is absent is filled in or left out."""
    names = [column.name for column in COLUMNS[file] if column.name in frame or column.name in fill]
    filled = frame.assign(**{name: value for name, value in fill.items() if name not in frame})
    return filled[names].reset_index(drop=True)
