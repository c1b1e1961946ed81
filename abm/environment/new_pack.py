"""How does a list of communes become a territory pack that can be simulated?

Owns the reading of a stranger's table (separators, decimal commas, names of columns as they come out of a spreadsheet)
and the text of the files of a new pack. Whatever the table does not say is left out of the pack, so that the ways of
`completing` stand in, or is assumed here and told as an `Assumption`. Writes no file, draws nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from abm.environment.completing import hospital_towns, specialties_of_town
from abm.environment.pack import AGE_COLUMNS, COLUMNS, PROFESSIONS, SPECIALTIES, UNSORTED_SPECIALIST
from abm.environment.roads import crow_km_from
from abm.environment.tables import Column, Finding, parse_table
from abm.errors import InputError
from abm.parameters import Parameters, load_parameters

GENERAL_PRACTITIONER = "general_practitioner"
REQUIRED = ("insee", "name", "population", "lat", "lon", GENERAL_PRACTITIONER)
INSEE_LENGTH = 5
# What the columns are called in the tables that people have; compared without accents, capitals and punctuation.
OTHER_NAMES = {
    "insee": (
        "code", "code_insee", "insee_code", "codgeo", "com", "depcom", "code_commune", "commune_code", "insee_com",
    ),
    "name": ("nom", "commune", "libelle", "libgeo", "nom_commune", "commune_name", "nom_com", "libelle_commune"),
    "population": ("pop", "population_municipale", "pmun", "habitants", "inhabitants", "population_totale"),
    "lat": ("latitude",),
    "lon": ("longitude", "lng", "long"),
    GENERAL_PRACTITIONER: (
        "general_practitioners", "gp", "gps", "n_gp", "n_gps", "number_of_gps", "number_of_gp", "medecins", "medecin",
        "generalistes", "generaliste", "medecins_generalistes", "medecin_generaliste", "nb_medecins", "nb_medg",
        "nb_generalistes", "nombre_de_medecins", "nombre_de_generalistes", "nombre_de_medecins_generalistes",
        "omnipraticiens",
    ),
    "epci": ("epci_name", "nom_epci", "libepci", "intercommunalite"),
    "area_km2": ("superficie", "superficie_km2", "surface_km2"),
    "median_income_eur": ("revenu_median", "niveau_de_vie_median"),
    "nurse": ("nurses", "infirmiers", "infirmier"),
    "pharmacy": ("pharmacies", "pharmacie"),
    "physiotherapist": ("physiotherapists", "kinesitherapeutes", "masseurs_kinesitherapeutes"),
    "dentist": ("dentists", "dentistes", "chirurgiens_dentistes"),
    "midwife": ("midwives", "sages_femmes"),
    UNSORTED_SPECIALIST: ("specialists", "specialistes"),
}  # fmt: skip
YEAR_AT_END = re.compile(r"_?((?:19|20)\d\d)$")
HOLIDAYS_OF_DEPARTMENT = {
    "57": "57", "67": "6AE", "68": "6AE", "971": "971", "972": "972", "973": "973", "974": "974", "976": "976",
}  # fmt: skip


@dataclass(frozen=True)
class Assumption:
    """Something that the table did not say and the new pack does.

    Parameters
    ----------
    what, value : what was assumed, and how it was settled.
    grade : B (quoted from memory) or C (an assumption).
    change_in : file of the pack where it can be put right.
    """

    what: str
    value: str
    grade: str
    change_in: str


@dataclass(frozen=True)
class Draft:
    """A pack that is not written yet.

    Parameters
    ----------
    files : text by file name.
    assumptions : what the pack says and the table did not.
    remarks : how the table was read, where that was not plain.
    source : the table.
    lines : line of the table that each commune stands on.
    """

    files: dict[str, str]
    assumptions: list[Assumption]
    remarks: list[str]
    source: Path
    lines: list[int] = field(default_factory=list)

    def as_error(self, finding: Finding) -> InputError:
        """Return a finding about a file of the new pack as one about the table that it was made from."""
        line = finding.line
        if finding.file == "communes.csv" and line is not None and 2 <= line < len(self.lines) + 2:
            line = self.lines[line - 2]
        return InputError(finding.message, file=self.source, line=line, column=finding.column)


def draft_pack(source: Path, *, title: str | None = None, year: int | None = None) -> Draft:
    """Make a territory pack from a table of communes.

    Parameters
    ----------
    source : CSV: commune code, name, population, latitude, longitude, number of general practitioners; other columns of
        `communes.csv`, and professions by name, if known. Separated by comma, semicolon or tab; UTF-8 or Windows-1252.
    title : of the territory; by default made from the name of the file.
    year : of the figures; by default the newest year that ends a header (`pop_2022`), else `new_pack_year`.

    Raises
    ------
    InputError
        Missing, unknown or repeated column, unreadable or impossible value, with line and column of the table.

    Notes
    -----
    ODD 6.1. Numbers: parameters `new_pack_…`, all of grade C. Evidence: tests/test_territory_new.py
    """
    parameters = load_parameters()
    text, remarks = _read_text(source)
    rows, header_years = _normalised(text, source, remarks)
    communes, lines = _read(rows, source)
    assumptions: list[Assumption] = []
    year = _year(year, header_years, parameters, assumptions)
    name = title or source.stem.replace("_", " ").replace("-", " ").strip().capitalize() or "New territory"
    if "epci" not in communes:
        communes["epci"] = name
        assumptions.append(Assumption("groups of communes", "one for all", "C", "communes.csv"))
    sites = _sites(communes, parameters, assumptions)
    files = {
        "territory.yaml": _description(name, communes, year, sites),
        "communes.csv": _communes_text(communes),
        "professionals.csv": _professionals_text(communes, year),
        "sites.csv": sites.to_csv(index=False, lineterminator="\n"),
    }
    files["SOURCES.md"] = _sources(name, source, year, assumptions, remarks)
    return Draft(files, assumptions, remarks, source, lines)


# ------------------------------------------------------------------------------------------------ the table


def _read_text(source: Path) -> tuple[str, list[str]]:
    """Return the text of the table, and a remark when it is not UTF-8."""
    try:
        raw = source.read_bytes()
    except IsADirectoryError:
        raise InputError("is a folder, a CSV file of communes expected", file=source) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"cannot be read: {reason}", file=source) from None
    if b"\0" in raw:
        raise InputError("is not a text file; save the table as CSV (UTF-8)", file=source)
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), ["not UTF-8: read as Windows-1252"]


def _normalised(text: str, source: Path, remarks: list[str]) -> tuple[str, list[int]]:
    """Return the table with commas, decimal points and our names of columns, line by line; and the years in headers."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise InputError(f"the file is empty, a header expected: {', '.join(REQUIRED)}", file=source, line=1)
    separator = max(",;\t", key=first.count)
    if separator != ",":
        remarks.append("columns separated by " + {";": "semicolons", "\t": "tabs"}[separator])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    years: list[int] = []
    header: list[str] = []
    for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        if not any(cell.strip() for cell in cells):
            out.write("\n")
        elif not header:
            header = [_known_name(cell, years) for cell in cells]
            _refuse_columns(header, cells, source)
            writer.writerow(header)
        else:
            writer.writerow([_cell(cell, name, separator, remarks) for name, cell in _paired(header, cells)])
    return out.getvalue(), years


def _paired(header: list[str], cells: list[str]) -> list[tuple[str, str]]:
    """Pair cells with their columns; cells too many keep no column, so that the count is found wrong later."""
    return [(header[i] if i < len(header) else "", cell) for i, cell in enumerate(cells)]


def _plain(name: str) -> str:
    """Return a name in small letters without accents, other signs as '_'."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")


def _known_name(cell: str, years: list[int]) -> str:
    """Return our name of a column, or the cell as it is; notes a year at its end (`pop_2022`)."""
    plain = _plain(cell)
    names = {other: name for name, others in OTHER_NAMES.items() for other in others}
    names |= {column.name: column.name for column in _columns()}
    if plain in names:
        return names[plain]
    year = YEAR_AT_END.search(plain)
    without = YEAR_AT_END.sub("", plain)
    if year and without in names:
        years.append(int(year.group(1)))
        return names[without]
    return cell.strip()


def _refuse_columns(header: list[str], cells: list[str], source: Path) -> None:
    """Raise an InputError for required columns that are missing, naming all of them and what was found."""
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        found = ", ".join(cell.strip() for cell in cells if cell.strip())
        message = f"no column {', '.join(missing)}; found: {found}. Expected: {', '.join(REQUIRED)}"
        raise InputError(message, file=source, line=1)


def _cell(cell: str, column: str, separator: str, remarks: list[str]) -> str:
    """Return a cell with a decimal point, without spaces between thousands, and a code with its leading zero."""
    cell = cell.strip()
    kinds = {known.name: known.kind for known in _columns()}
    if column == "insee" and cell.isdigit() and len(cell) == INSEE_LENGTH - 1:
        _note(remarks, "commune codes of 4 digits: a leading zero was put back")
        return f"0{cell}"
    if kinds.get(column) not in ("number", "count"):
        return cell
    number = re.sub(r"(?<=\d)[\s\u00a0\u202f](?=\d)", "", cell)
    if separator != "," and re.fullmatch(r"[+-]?\d+,\d+", number):
        _note(remarks, "decimal commas read as decimal points")
        number = number.replace(",", ".")
    return number[:-2] if kinds[column] == "count" and re.fullmatch(r"\d+\.0", number) else number


def _note(remarks: list[str], text: str) -> None:
    if text not in remarks:
        remarks.append(text)


def _columns() -> tuple[Column, ...]:
    """Return what the table may hold: the columns of `communes.csv`, and counts of professions."""
    communes = [
        Column(**{**vars(column), "is_required": column.name in REQUIRED}) for column in COLUMNS["communes.csv"]
    ]
    counts = [
        Column(name, "count", is_required=name in REQUIRED, high=COLUMNS["professionals.csv"][2].high)
        for name in PROFESSIONS
    ]
    return (*communes, *counts)


def _read(text: str, source: Path) -> tuple[pd.DataFrame, list[int]]:
    """Return the communes and their lines. Raises InputError for the first problem, saying how many there are."""
    findings: list[Finding] = []
    table = parse_table(source.name, text, _columns(), findings)
    if findings or table is None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more problems)" if len(findings) > 1 else ""
        raise InputError(first.message + more, file=source, line=first.line, column=first.column)
    if table.frame.empty:
        raise InputError("no commune below the header", file=source, line=2)
    return table.frame, table.lines


def _year(year: int | None, found: Sequence[int], parameters: Parameters, assumptions: list[Assumption]) -> int:
    """Return the year of the figures: as asked, as a header tells, or as assumed."""
    if year is not None:
        return year
    if found:
        return max(found)
    assumed = int(parameters["new_pack_year"])
    assumptions.append(Assumption("year of the figures", str(assumed), "C", "territory.yaml, professionals.csv"))
    return assumed


# ------------------------------------------------------------------------------------------------ hospitals


def _sites(communes: pd.DataFrame, parameters: Parameters, assumptions: list[Assumption]) -> pd.DataFrame:
    """Return the hospitals inside and the hospital towns outside.

    Known hospital towns come first. Where none is near, the most populated commune is assumed to have an emergency
    department, again and again until nobody in a commune of some size is far from one.
    """
    towns = hospital_towns().assign(node=lambda t: "POLE_" + t["insee"])
    inside = towns[towns["insee"].isin(communes["insee"])]
    outside = _poles(towns.drop(inside.index), communes, parameters)
    rows = [
        _hospital(communes, code, f"Hospital of {name}")
        for code, name in zip(inside["insee"], inside["name"], strict=True)
    ]
    if rows:
        names = ", ".join(inside["name"])
        assumptions.append(Assumption("emergency department inside", names, "B", "sites.csv"))
    for code, name in _assumed_hospitals(communes, pd.concat([inside, outside]), parameters):
        rows.append(_hospital(communes, code, f"Assumed hospital of {name}"))
        value = f"{name}: the most populated commune far from any hospital town on our list"
        assumptions.append(Assumption("emergency department inside, invented", value, "C", "sites.csv"))
    for town in outside.itertuples():
        rows.append(_pole(town))
    assumptions.append(Assumption("hospital towns outside", ", ".join(outside["name"]), "B", "sites.csv"))
    value = "all in university towns, a fixed list elsewhere"
    assumptions.append(Assumption("specialties in hospital towns", value, "C", "sites.csv"))
    return pd.DataFrame(rows, columns=[column.name for column in COLUMNS["sites.csv"]])


def _poles(towns: pd.DataFrame, communes: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """Return the nearest hospital towns outside and the nearest university town, nearest first."""
    main = communes.nlargest(1, "population").iloc[0]
    towns = towns.assign(km=_km(towns, float(main["lat"]), float(main["lon"])))
    within = towns[towns["km"] <= parameters["new_pack_pole_reach_km"]]
    near = within.nsmallest(int(parameters["new_pack_most_poles"]), "km")
    university = towns[towns["level"] == "university"].nsmallest(1, "km")
    return pd.concat([near, university]).drop_duplicates("insee").sort_values("km")


def _assumed_hospitals(communes: pd.DataFrame, known: pd.DataFrame, parameters: Parameters) -> list[tuple[str, str]]:
    """Return code and name of the communes that are assumed to have an emergency department."""
    reach, least = parameters["new_pack_hospital_reach_km"], parameters["new_pack_hospital_least_population"]
    is_far = np.ones(len(communes), dtype=bool)
    for lat, lon in known[["lat", "lon"]].to_numpy(np.float64):
        is_far &= _km(communes, lat, lon) > reach
    people = communes["population"].to_numpy(np.float64)
    assumed = []
    while is_far.any():
        largest = int(np.where(is_far, people, -1.0).argmax())
        if people[largest] < least:
            break
        code, name, lat, lon = communes[["insee", "name", "lat", "lon"]].iloc[largest]
        assumed.append((str(code), str(name)))
        is_far &= _km(communes, float(lat), float(lon)) > reach
    return assumed


def _km(places: pd.DataFrame, lat: float, lon: float) -> np.ndarray:
    """Return the distance of places from a point as the crow flies, shape (n,)."""
    return crow_km_from(places["lat"].to_numpy(np.float64), places["lon"].to_numpy(np.float64), (lat, lon))


def _hospital(communes: pd.DataFrame, code: str, name: str) -> dict[str, Any]:
    """Return the row of a hospital inside, at its commune's own position."""
    commune = communes[communes["insee"] == code].iloc[0]
    return {
        "site": f"HOSPITAL_{code}", "name": name, "kind": "hospital", "node": code, "insee": code,
        "lat": commune["lat"], "lon": commune["lon"], "has_emergency": "true",
        "note": "assumed when the pack was made; beds and activity unknown",
    }  # fmt: skip


def _pole(town: Any) -> dict[str, Any]:
    """Return the row of a hospital town outside."""
    return {
        "site": town.node, "name": f"Hospitals of {town.name}", "kind": "pole", "node": town.node, "insee": town.insee,
        "lat": town.lat, "lon": town.lon, "has_emergency": "true",
        "specialties": ";".join(specialties_of_town(town.level)), "specialties_grade": "C",
        "note": "assumed when the pack was made; beds and activity unknown",
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ the files


def _communes_text(communes: pd.DataFrame) -> str:
    names = [column.name for column in COLUMNS["communes.csv"] if column.name in communes]
    return communes[names].to_csv(index=False, lineterminator="\n")


def _professionals_text(communes: pd.DataFrame, year: int) -> str:
    """Return one row for each profession that a commune has."""
    names = [name for name in PROFESSIONS if name in communes]
    table = communes.melt("insee", names, "profession", "count")
    table["order"] = table["insee"].map({code: row for row, code in enumerate(communes["insee"])})
    table = table[table["count"] > 0].sort_values(["order", "profession"], kind="stable").assign(year=year)
    return table[["insee", "profession", "count", "year"]].to_csv(index=False, lineterminator="\n")


def _department(codes: pd.Series) -> str | None:
    """Return the department of the communes, None when there are several."""
    found = {code[:3] if code.startswith(("97", "98")) else code[:2] for code in codes}
    return found.pop() if len(found) == 1 else None


def _description(title: str, communes: pd.DataFrame, year: int, sites: pd.DataFrame) -> str:
    """Return `territory.yaml`."""
    department = _department(communes["insee"])
    known = {name: year for name in ("median_income_eur", "poverty_share", "area_km2") if name in communes}
    if set(AGE_COLUMNS) <= set(communes):
        known["age_groups"] = year
    poles = int((sites["kind"] == "pole").sum())
    content: dict[str, Any] = {
        "title": title,
        "summary": f"{len(communes)} communes, {communes['population'].sum():,} people, "
        f"{communes[GENERAL_PRACTITIONER].sum()} general practitioners; hospital towns outside: {poles}. Made from a "
        "table of communes: hospitals, and all that the table does not say, are assumptions.",
        "department": department,
        "population_year": year,
        "holidays_subdivision": HOLIDAYS_OF_DEPARTMENT.get(department or ""),
        "years": {"population": year, **known},
        "unknown_locally": _unknown(communes),
    }
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
    return f"# Made by `territoire territory new`; put right what you know better. See SOURCES.md.\n{text}"


def _unknown(communes: pd.DataFrame) -> list[str]:
    """Return what is not known of the new territory."""
    gaps = [
        ("ages and sexes of the inhabitants", not set(AGE_COLUMNS) <= set(communes)),
        ("incomes", "median_income_eur" not in communes),
        ("areas of the communes", "area_km2" not in communes),
        ("roads and travel times", True),
        ("specialists in the territory", not {*SPECIALTIES, UNSORTED_SPECIALIST} & set(communes)),
        ("hospitals, their beds and their activity", True),
        ("general practitioners just outside the territory", True),
        ("waiting times of any professional", True),
    ]
    return [text for text, is_missing in gaps if is_missing]


def _sources(title: str, source: Path, year: int, assumptions: list[Assumption], remarks: list[str]) -> str:
    """Return `SOURCES.md`: where the table came from, and what was assumed."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    rows = [f"| {a.what} | {a.value} | {a.grade} | `{a.change_in}` |" for a in assumptions]
    lines = [
        f"# {title}: where the numbers come from",
        "",
        f"`communes.csv` and `professionals.csv` hold what stood in `{source.name}` (SHA-256 {digest[:16]}…),",
        f"figures of {year}. **Write here where that table came from, and under which licence.**",
        *([f"How it was read: {'; '.join(remarks)}."] if remarks else []),
        "",
        "## Assumed when the pack was made",
        "",
        "| what | settled as | grade | to put it right |",
        "|---|---|---|---|",
        *rows,
        "",
        "Grade B: quoted from memory; C: an assumption. Everything else that is missing (ages, roads, incomes…) is not",
        "in the pack: `territoire territory check` tells what stands in for it when a simulation runs.",
        "",
    ]
    return "\n".join(lines)
