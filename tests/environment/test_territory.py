"""Territory packs: the facts of the built-in ones, and every way a pack can be wrong."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.environment.territory import (
    AGE_COLUMNS,
    BUILT_IN_FOLDER,
    SPECIALTIES,
    Finding,
    Territory,
    check_territory,
    list_territories,
    load_territory,
)
from abm.errors import InputError

Spoil = Callable[[Path], None]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of tiny that a test may spoil."""
    return Path(shutil.copytree(BUILT_IN_FOLDER / "tiny", tmp_path / "pack"))


@pytest.fixture(scope="module")
def saverne() -> Territory:
    return load_territory("saverne")


@pytest.fixture(scope="module")
def tiny() -> Territory:
    return load_territory("tiny")


# ------------------------------------------------------------------------------------------------ built-in packs


def test_the_complete_built_in_territories_have_no_finding() -> None:
    assert list_territories() == ["sarrebourg", "saverne", "tiny"]
    assert [check_territory(name) for name in ("saverne", "tiny")] == [[], []]


def test_saverne_has_its_people_and_general_practitioners(saverne: Territory) -> None:
    practitioners = saverne.count("general_practitioner")
    people = saverne.communes["population"].to_numpy()
    assert (saverne.n_communes, saverne.population) == (118, 85_813)
    assert (practitioners.sum(), np.count_nonzero(practitioners)) == (76, 19)
    assert people[practitioners == 0].sum() / people.sum() == pytest.approx(0.479, abs=0.0005)


@pytest.mark.parametrize(
    ("profession", "expected", "year"),
    [
        ("nurse", 84, 2013),
        ("pharmacy", 20, 2024),
        ("physiotherapist", 68, 2013),
        ("cardiologist", 3, 2013),
        ("ophthalmologist", 5, 2013),
        ("gynaecologist", 4, 2013),
        ("radiologist", 11, 2013),
    ],
)
def test_saverne_counts_its_professionals(saverne: Territory, profession: str, expected: int, year: int) -> None:
    assert saverne.count(profession).sum() == expected
    rows = saverne.professionals[saverne.professionals["profession"] == profession]
    assert set(rows["year"]) == {year}


def test_saverne_ages_add_up_and_a_tenth_is_75_or_older(saverne: Territory) -> None:
    ages = saverne.age_groups
    assert ages is not None
    assert list(ages.columns) == list(AGE_COLUMNS)
    assert ages.to_numpy().sum() == pytest.approx(85_813, rel=1e-3)
    assert ages[["age_75_89", "age_90_plus"]].to_numpy().sum() / 85_813 == pytest.approx(0.105, abs=0.0005)


def test_saverne_has_one_emergency_department_inside_and_five_outside(saverne: Territory) -> None:
    sites = saverne.sites.set_index("site")
    emergency = sites[sites["has_emergency"]]
    assert list(emergency.index[emergency["kind"] == "hospital"]) == ["670000165"]
    assert (emergency["kind"] == "pole").sum() == 5
    assert sites.loc["670000165", "emergency_visits_per_year"] == 27_736
    assert sites.loc["670000165", "beds_medicine"] == 168


def test_an_unknown_number_of_beds_is_nan_and_never_zero(saverne: Territory) -> None:
    sites = saverne.sites.set_index("site")
    assert np.isnan(sites.loc["SARRE_UNION", "beds_medicine"])
    assert np.isnan(sites.loc["670000215", "beds_medicine"])


def test_strasbourg_offers_every_specialty_as_an_assumption(saverne: Territory) -> None:
    sites = saverne.sites.set_index("site")
    assert sites.loc["670783273", "specialties"] == sorted(SPECIALTIES)
    offers = saverne.sites[saverne.sites["specialties"].map(len) > 0]
    assert set(offers["kind"]) == {"pole"}
    assert set(offers["specialties_grade"]) == {"C"}


def test_saverne_tells_its_years_and_credits(saverne: Territory) -> None:
    assert saverne.description["population_year"] == 2022
    assert saverne.description["holidays_subdivision"] == "6AE"
    assert saverne.description["years"]["age_sex"] == 2012
    assert any("OpenStreetMap contributors, ODbL" in credit for credit in saverne.description["credits"])


def test_outlines_surround_the_town_halls_or_nearly(saverne: Territory) -> None:
    assert set(saverne.outlines) == set(saverne.communes["insee"])
    for commune in saverne.communes.itertuples():
        points = np.concatenate(saverne.outlines[commune.insee])
        west, south = points.min(axis=0)
        east, north = points.max(axis=0)
        assert west < commune.lon < east and south < commune.lat < north


def test_tiny_is_2000_invented_people_whose_ages_agree(tiny: Territory) -> None:
    assert (tiny.n_communes, tiny.population, tiny.description["invented"]) == (5, 2_000, True)
    counts = [tiny.count(name) for name in ("general_practitioner", "cardiologist", "ophthalmologist")]
    assert [(n.sum(), np.count_nonzero(n)) for n in counts] == [(2, 2), (1, 1), (1, 1)]
    assert tiny.age_groups is not None and tiny.age_sex is not None
    assert (tiny.age_groups.sum(axis=1) == tiny.communes["population"]).all()
    assert tiny.age_sex[["male", "female"]].to_numpy().sum() == 2_000
    hospital = tiny.sites[tiny.sites["kind"] == "hospital"].iloc[0]
    assert hospital["has_emergency"]
    assert hospital["node"] == tiny.communes["insee"].iloc[tiny.communes["population"].argmax()]


# ------------------------------------------------------------------------------------------------------- loading


def test_a_path_loads_as_a_name_does(pack: Path, tiny: Territory) -> None:
    from_path = load_territory(pack)
    assert (from_path.name, from_path.digest) == ("pack", tiny.digest)
    assert load_territory(str(pack)).communes.equals(tiny.communes)


def test_a_territory_can_be_sent_to_another_process(tiny: Territory) -> None:
    assert pickle.loads(pickle.dumps(tiny)).professionals.equals(tiny.professionals)


@pytest.mark.parametrize("name", ["savern", "Saverne", "territories/savern"])
def test_an_unknown_name_tells_the_nearest(name: str) -> None:
    with pytest.raises(InputError, match="Did you mean 'saverne'"):
        load_territory(name)


@pytest.mark.parametrize("name", ["", "\0", "/", "..", __file__])
def test_what_is_no_pack_is_an_input_error(name: str) -> None:
    with pytest.raises(InputError):
        load_territory(name)


def test_an_unknown_profession_tells_the_nearest(tiny: Territory) -> None:
    with pytest.raises(InputError, match="Did you mean 'cardiologist'"):
        tiny.count("cardiolog")


@pytest.mark.parametrize("name", sorted(path.name for path in (BUILT_IN_FOLDER / "tiny").iterdir()))
def test_the_digest_changes_when_any_file_changes(pack: Path, tiny: Territory, name: str) -> None:
    path = pack / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert load_territory(pack).digest != tiny.digest


def test_the_digest_does_not_depend_on_where_the_pack_is(pack: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(pack, tmp_path / "elsewhere")
    assert load_territory(pack).digest == load_territory(moved).digest


def test_optional_columns_and_files_may_be_left_out(pack: Path) -> None:
    for name in ("age_sex.csv", "communes.geojson", "roads.csv"):
        (pack / name).unlink()
    rows = ["insee,name,epci,population,lat,lon", "00001,Un,Tout,10,46.5,2.5", "00002,Deux,Tout,20,46.6,2.5"]
    (pack / "communes.csv").write_text("\n".join(rows))
    (pack / "professionals.csv").write_text("insee,profession,count,year\n00001,nurse,0,2020\n")
    territory = load_territory(pack)
    assert territory.age_groups is None and territory.age_sex is None and territory.roads is None
    assert territory.outlines == {} and territory.professionals.empty
    assert territory.communes["area_km2"].isna().all()
    assert {finding.severity for finding in check_territory(pack)} == {"note"}


# ----------------------------------------------------------------------------------------------------- bad packs


def edit(file: str, old: str, new: str) -> Spoil:
    """Return a change of one text that the file holds."""

    def spoil(pack: Path) -> None:
        text = (pack / file).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        (pack / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def write(file: str, content: bytes) -> Spoil:
    """Return the writing of a file."""

    def spoil(pack: Path) -> None:
        (pack / file).write_bytes(content)

    return spoil


def rewrite(file: str, change: Callable[[bytes], bytes]) -> Spoil:
    """Return a change of the whole content of a file."""
    return lambda pack: write(file, change((pack / file).read_bytes()))(pack)


def add(file: str, line: str) -> Spoil:
    """Return the adding of a last line."""
    return rewrite(file, lambda content: content + f"{line}\n".encode())


def delete(file: str) -> Spoil:
    """Return the removal of a file."""
    return lambda pack: (pack / file).unlink()


def make_folder(name: str) -> Spoil:
    """Return the making of a folder."""
    return lambda pack: (pack / name).mkdir()


def each(*spoils: Spoil) -> Spoil:
    """Return several changes as one."""

    def spoil(pack: Path) -> None:
        for one in spoils:
            one(pack)

    return spoil


BAD_PACKS: dict[str, tuple[Spoil, str, int | None, str | int | None, str]] = {
    # name: (change, file, line, column, part of the message)
    "missing weight": (edit("roads.csv", "00002,5.5,", "00002,,"), "roads.csv", 2, "minutes", "is empty"),
    "weight zero": (edit("roads.csv", "00002,5.5,", "00002,0,"), "roads.csv", 2, "minutes", "above 0"),
    "weight negative": (edit("roads.csv", "00003,6.0", "00003,-6"), "roads.csv", 3, "minutes", "above 0"),
    "weight not a number": (edit("roads.csv", "00003,6.0", "00003,six"), "roads.csv", 3, "minutes", "'six'"),
    "weight nan": (edit("roads.csv", "00003,6.0", "00003,nan"), "roads.csv", 3, "minutes", "'nan'"),
    "weight infinite": (edit("roads.csv", "00003,6.0", "00003,1e999"), "roads.csv", 3, "minutes", "1e999"),
    "weight column missing": (edit("roads.csv", "minutes,km", "km"), "roads.csv", 1, "minutes", "missing column"),
    "road to nowhere": (add("roads.csv", "00001,00009,5,5,road"), "roads.csv", 10, "b", "unknown commune"),
    "road from nowhere": (add("roads.csv", "A4,00001,5,5,road"), "roads.csv", 10, "a", "unknown commune"),
    "no emergency department": (
        each(edit("sites.csv", "2.5,true", "2.5,false"), edit("sites.csv", "3.0,true", "3.0,false")),
        "sites.csv",
        None,
        "has_emergency",
        "no site has",
    ),
    "road twice": (add("roads.csv", "00001,00002,5,5,road"), "roads.csv", 10, "a", "first on line 2"),
    "road twice, reversed": (add("roads.csv", "00002,00001,5,5,road"), "roads.csv", 10, "a", "first on line 2"),
    "road to itself": (add("roads.csv", "00002,00002,5,5,road"), "roads.csv", 10, "b", "to itself"),
    "unreachable commune": (
        add("communes.csv", "00006,Seul,CC inventée de l'Aval,50,8,7,9,11,10,4,1,22000,,16,46.6,2.5"),
        "communes.csv",
        7,
        "insee",
        "Seul (00006) cannot be reached",
    ),
    "unreachable pole": (
        each(
            edit("roads.csv", "00003,POLE_TINY", "00003,00004"),
            edit("roads.csv", "00001,POLE_TINY,40.0,48.0,pole\n", ""),
        ),
        "sites.csv",
        3,
        "node",
        "cannot be reached",
    ),
    "professional in unknown commune": (
        add("professionals.csv", "00010,nurse,1,2022"),
        "professionals.csv",
        17,
        "insee",
        "unknown commune '00010'",
    ),
    "unknown profession": (
        add("professionals.csv", "00001,cardiolog,1,2022"),
        "professionals.csv",
        17,
        "profession",
        "Did you mean 'cardiologist'",
    ),
    "count negative": (edit("professionals.csv", "nurse,2", "nurse,-2"), "professionals.csv", 3, "count", "-2"),
    "count fractional": (edit("professionals.csv", "nurse,2", "nurse,1.5"), "professionals.csv", 3, "count", "whole"),
    "count twice": (
        add("professionals.csv", "00001,nurse,1,2022"),
        "professionals.csv",
        17,
        "insee",
        "first on line 3",
    ),
    "too few cells": (add("professionals.csv", "00001,nurse,1"), "professionals.csv", 17, None, "3 cells found, 4"),
    "broken quotes": (add("professionals.csv", '00001,"nurse,1,2022'), "professionals.csv", 17, None, "not a CSV line"),
    "line after a quoted line break": (
        each(
            edit("sites.csv", ",,,invented\n", ',,,"invented\non two lines"\n'),
            edit("sites.csv", "46.5,3.0", "46.5,oops"),
        ),
        "sites.csv",
        4,
        "lon",
        "'oops'",
    ),
    "duplicate commune": (edit("communes.csv", "00005,", "00004,"), "communes.csv", 6, "insee", "first on line 5"),
    "population zero": (edit("communes.csv", ",150,23", ",0,23"), "communes.csv", 6, "population", "above 0"),
    "population empty": (edit("communes.csv", ",150,23", ",,23"), "communes.csv", 6, "population", "is empty"),
    "population absurd": (edit("communes.csv", ",150,23", ",1e300,23"), "communes.csv", 6, "population", "1e300"),
    "decimal comma": (edit("communes.csv", "16.0,46.536", '16.0,"46,536"'), "communes.csv", 3, "lat", "with a point"),
    "latitude out of range": (edit("communes.csv", "46.536", "146.536"), "communes.csv", 3, "lat", "from -90 to 90"),
    "lat and lon swapped": (edit("communes.csv", "46.536,2.5", "2.5,46.536"), "communes.csv", 3, "lat", "swapped"),
    "far from the others": (edit("communes.csv", "46.536", "-46.536"), "communes.csv", 3, "lat", "km from the middle"),
    "site swapped": (edit("sites.csv", "46.5,3.0", "3.0,46.5"), "sites.csv", 3, "lat", "swapped"),
    "ages off by half": (edit("communes.csv", "450,77", "900,77"), "communes.csv", 3, "age_0_14", "add up to 450.0"),
    "one age group missing": (
        edit("communes.csv", "age_90_plus", "age_90p"),
        "communes.csv",
        1,
        "age_90p",
        "Did you mean 'age_90_plus'",
    ),
    "leading zero dropped": (edit("communes.csv", "00002,", "2,"), "communes.csv", 3, "insee", "5 expected"),
    "unknown column": (
        edit("communes.csv", "poverty_share", "poverty_rate"),
        "communes.csv",
        1,
        "poverty_rate",
        "Did you mean 'poverty_share'",
    ),
    "missing column": (
        edit("professionals.csv", "profession,count", "count"),
        "professionals.csv",
        1,
        "profession",
        "missing column 'profession'",
    ),
    "column twice": (edit("communes.csv", "lat,lon", "lat,lat"), "communes.csv", 1, "lon", "missing column 'lon'"),
    "semicolons": (write("professionals.csv", b"insee;profession;count;year\n"), "professionals.csv", 1, None, "';'"),
    "empty file": (write("professionals.csv", b""), "professionals.csv", 1, None, "empty"),
    "no commune": (
        rewrite("communes.csv", lambda content: content.split(b"\n")[0]),
        "communes.csv",
        2,
        None,
        "no commune",
    ),
    "wrong encoding": (
        rewrite("communes.csv", lambda content: content.decode().encode("latin-1")),
        "communes.csv",
        2,
        None,
        "0xe9 is not UTF-8",
    ),
    "missing file": (delete("professionals.csv"), "professionals.csv", None, None, "missing file"),
    "misnamed file": (write("road.csv", b"a,b\n"), "road.csv", None, None, "Did you mean 'roads.csv'"),
    "file is a folder": (
        each(delete("age_sex.csv"), make_folder("age_sex.csv")),
        "age_sex.csv",
        None,
        None,
        "not a file",
    ),
    "unknown key": (
        add("territory.yaml", "populaton_year: 2022"),
        "territory.yaml",
        21,
        "populaton_year",
        "Did you mean",
    ),
    "unknown nested key": (
        edit("territory.yaml", "  age_sex:", "  age_by_sex:"),
        "territory.yaml",
        17,
        "years.age_by_sex",
        "Did you mean 'age_sex'",
    ),
    "earlier population later": (
        add("territory.yaml", "earlier_population: {year: 2022, people: 2100, source: census}"),
        "territory.yaml",
        21,
        "earlier_population",
        "year 2022 is not before population_year, 2022",
    ),
    "earlier population of nobody": (
        add("territory.yaml", "earlier_population: {year: 2012, people: 0, source: census}"),
        "territory.yaml",
        21,
        "earlier_population.people",
        "greater than 0, found 0",
    ),
    "earlier population misspelt": (
        add("territory.yaml", "earlier_population: {year: 2012, people: 2100, sauce: census}"),
        "territory.yaml",
        21,
        "earlier_population.sauce",
        "Did you mean 'source'",
    ),
    "missing key": (edit("territory.yaml", "title:", "summary_:"), "territory.yaml", 1, "title", "missing key 'title'"),
    "key twice": (add("territory.yaml", "title: again"), "territory.yaml", 21, 1, "appears twice"),
    "year not a number": (
        edit("territory.yaml", "population_year: 2022", "population_year: last"),
        "territory.yaml",
        7,
        "population_year",
        "found 'last'",
    ),
    "not YAML": (write("territory.yaml", b"title: [a\n"), "territory.yaml", 2, 1, "not YAML"),
    "impossible date": (write("territory.yaml", b"title: 2020-13-45\n"), "territory.yaml", None, None, "not YAML"),
    "code in YAML": (
        write("territory.yaml", b"title: !!python/object/apply:os.getcwd []\n"),
        "territory.yaml",
        1,
        8,
        "could not determine a constructor",
    ),
    "YAML is a list": (write("territory.yaml", b"- a\n"), "territory.yaml", 1, None, "valid dictionary"),
    "hospital in unknown commune": (
        edit("sites.csv", "hospital,00001,00001", "hospital,00001,00099"),
        "sites.csv",
        2,
        "insee",
        "unknown commune '00099'",
    ),
    "hospital away from its node": (
        edit("sites.csv", "hospital,00001,00001", "hospital,00002,00001"),
        "sites.csv",
        2,
        "node",
        "00001, expected",
    ),
    "pole in a commune": (
        edit("sites.csv", "pole,POLE_TINY", "pole,00002"),
        "sites.csv",
        3,
        "node",
        "call it a hospital",
    ),
    "unknown kind of site": (edit("sites.csv", "hospital,00001", "clinic,00001"), "sites.csv", 2, "kind", "'clinic'"),
    "site twice": (edit("sites.csv", "TINY_POLE", "TINY_HOSPITAL"), "sites.csv", 3, "site", "first on line 2"),
    "unknown specialty": (
        edit("sites.csv", ";urologist", ";urologiste"),
        "sites.csv",
        3,
        "specialties",
        "Did you mean 'urologist'",
    ),
    "not true or false": (edit("sites.csv", "2.5,true", "2.5,yes"), "sites.csv", 2, "has_emergency", "true or false"),
    "more admitted than visits": (
        edit("sites.csv", "800,170", "170,800"),
        "sites.csv",
        2,
        "emergency_admitted_per_year",
        "more than",
    ),
    "ages of an unknown group": (
        edit("age_sex.csv", "CC inventée de l'Aval,0", "CC inventée du Val,0"),
        "age_sex.csv",
        21,
        "group",
        "Did you mean 'CC inventée de l'Aval'",
    ),
    "ages twice": (add("age_sex.csv", "CC inventée de l'Aval,0,1,1"), "age_sex.csv", 40, "group", "first on line 21"),
    "a group without ages": (
        rewrite("age_sex.csv", lambda content: b"".join(content.splitlines(keepends=True)[:20])),
        "age_sex.csv",
        None,
        "group",
        "no ages for",
    ),
    "unknown road node": (
        write("road_nodes.csv", b"node,name,lat,lon\nX,x,46.5,2.5\nX,y,46.5,2.5\n"),
        "road_nodes.csv",
        3,
        "node",
        "first on line 2",
    ),
    "roads and travel times": (
        write("travel_times.csv", b"from,to,minutes\n"),
        "travel_times.csv",
        None,
        None,
        "keep one of the two",
    ),
    "not JSON": (edit("communes.geojson", '"features":[', '"features":'), "communes.geojson", 3, 1, "not JSON"),
    "outline of an unknown commune": (
        edit("communes.geojson", '"insee":"00002"', '"insee":"00012"'),
        "communes.geojson",
        3,
        "insee",
        "unknown commune '00012'",
    ),
    "outline is a point": (
        edit("communes.geojson", "MultiPolygon", "Point"),
        "communes.geojson",
        None,
        None,
        "polygons",
    ),
    "outline without code": (edit("communes.geojson", '"insee"', '"code"'), "communes.geojson", None, None, "'insee'"),
}


@pytest.mark.parametrize("name", BAD_PACKS)
def test_a_bad_pack_is_told_with_file_line_and_column(pack: Path, name: str) -> None:
    spoil, file, line, column, part = BAD_PACKS[name]
    spoil(pack)
    errors = [finding for finding in check_territory(pack) if finding.severity == "error"]
    told = [finding for finding in errors if (finding.file, finding.line) == (file, line) and part in finding.message]
    assert told, f"not told: {errors}"
    assert column is None or column in [finding.column for finding in told]
    with pytest.raises(InputError) as raised:
        load_territory(pack)
    assert (raised.value.file, raised.value.message) == (pack / errors[0].file, errors[0].message)


def test_ages_off_by_a_few_per_cent_are_a_note(pack: Path) -> None:
    edit("communes.csv", "450,77", "450,70")(pack)
    (note,) = check_territory(pack)
    assert (note.severity, note.file, note.line, note.column) == ("note", "communes.csv", 3, "age_0_14")
    assert load_territory(pack).population == 2_000


def test_a_missing_area_is_a_note(pack: Path) -> None:
    edit("communes.csv", "16.0,46.536", ",46.536")(pack)
    (note,) = check_territory(pack)
    assert (note.severity, note.line, note.column) == ("note", 3, "area_km2")


def test_all_problems_are_told_at_once(pack: Path) -> None:
    for name in ("weight zero", "count negative", "population zero", "unknown key"):
        BAD_PACKS[name][0](pack)
    found = {finding.file for finding in check_territory(pack) if finding.severity == "error"}
    assert found == {"roads.csv", "professionals.csv", "communes.csv", "territory.yaml"}


def test_a_table_that_cannot_be_read_does_not_accuse_the_others(pack: Path) -> None:
    edit("sites.csv", "kind", "sort")(pack)
    assert {finding.file for finding in check_territory(pack)} == {"sites.csv"}


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(pack: Path, tiny: Territory) -> None:
    path = pack / "communes.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_territory(pack).communes.equals(tiny.communes)


@pytest.mark.parametrize("name", ["territory.yaml", "communes.csv", "communes.geojson", "SOURCES.md"])
def test_a_pack_cannot_read_outside_its_folder(pack: Path, name: str) -> None:
    secret = pack.parent / "secret"
    shutil.move(pack / name, secret)
    (pack / name).symlink_to(Path("..") / "secret")
    with pytest.raises(InputError, match="leads outside"):
        load_territory(pack)


def test_a_link_inside_the_pack_is_accepted(pack: Path) -> None:
    shutil.move(pack / "roads.csv", pack / "roads.txt")
    (pack / "roads.csv").symlink_to("roads.txt")
    assert load_territory(pack).roads is not None


@pytest.mark.parametrize("target", ["roads.csv", "nowhere"])
def test_a_link_to_itself_or_nowhere_is_an_input_error(pack: Path, target: str) -> None:
    (pack / "roads.csv").unlink()
    (pack / "roads.csv").symlink_to(target)
    with pytest.raises(InputError):
        load_territory(pack)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(path.name for path in (BUILT_IN_FOLDER / "tiny").iterdir())),
    start=st.integers(0, 3_000),
    length=st.integers(0, 40),
    noise=st.binary(max_size=8),
)
def test_a_damaged_pack_never_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, name: str, start: int, length: int, noise: bytes
) -> None:
    damaged = Path(shutil.copytree(BUILT_IN_FOLDER / "tiny", tmp_path_factory.mktemp("damaged") / "pack"))
    raw = (damaged / name).read_bytes()
    start = start % len(raw)
    (damaged / name).write_bytes(raw[:start] + noise + raw[start + length :])
    findings = check_territory(damaged)
    assert all(isinstance(finding, Finding) for finding in findings)
    if not any(finding.severity == "error" for finding in findings):
        assert load_territory(damaged).n_communes >= 1
