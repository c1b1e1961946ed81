"""A stranger's table of communes becomes a territory that runs; one that cannot be used is refused with its line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from abm.environment.completing import hospital_towns, specialties_of_town
from abm.environment.new_pack import draft_pack
from abm.environment.pack import SPECIALTIES
from abm.environment.territory import check_territory, load_territory
from abm.errors import InputError
from experiments.cli import app
from experiments.territories import new_territory

PLAIN = """insee,name,population,lat,lon,general_practitioner
01004,Ambérieu-en-Bugey,14204,45.9613,5.3725,12
01007,Ambronay,2851,46.0055,5.3615,1
01089,Château-Gaillard,2289,45.9742,5.3056,0
01421,Torcieu,736,45.9147,5.4017,0
"""
FRENCH = """Code INSEE;Nom;Population 2021;Latitude;Longitude;Médecins généralistes
1004;Ambérieu-en-Bugey;14\u202f204;45,9613;5,3725;12
01007;Ambronay;2 851;46,0055;5,3615;1

01089;Château-Gaillard;2289;45,9742;5,3056;0
01421;Torcieu;736,0;45,9147;5,4017;0
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(text: str = PLAIN, name: str = "communes_de_l_ain.csv", encoding: str = "utf-8") -> Path:
    path = Path(name)
    path.write_bytes(text.encode(encoding))
    return path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="territoire")


# ------------------------------------------------------------------------------------------------ the pack made


def test_a_plain_table_becomes_a_pack_that_holds_it() -> None:
    made = new_territory(table())
    assert made.folder == Path("communes_de_l_ain")
    assert sorted(path.name for path in made.folder.iterdir()) == sorted(made.draft.files)
    assert not [finding for finding in check_territory(made.folder) if finding.severity == "error"]
    territory = load_territory(made.folder)
    assert territory.communes["insee"].tolist() == ["01004", "01007", "01089", "01421"]
    assert territory.communes["population"].tolist() == [14204, 2851, 2289, 736]
    assert territory.count("general_practitioner").tolist() == [12, 1, 0, 0]
    assert territory.title == "Communes de l ain"
    assert (territory.description["department"], territory.description["population_year"]) == ("01", 2022)
    assert territory.age_groups is None and territory.roads is None


def test_a_table_out_of_a_french_spreadsheet_gives_the_same_pack() -> None:
    """Semicolons, decimal commas, spaces in numbers, a lost zero, Windows' letters, a blank line, French headers."""
    plain = new_territory(table(), "plain", title="Ain", year=2021).territory
    french = new_territory(table(FRENCH.replace("\u202f", "\u00a0"), encoding="cp1252"), "french", title="Ain")
    assert french.territory.digest != plain.digest  # SOURCES.md tells them apart
    for file in ("communes.csv", "professionals.csv", "sites.csv", "territory.yaml"):
        assert Path("french", file).read_bytes() == Path("plain", file).read_bytes()
    assert len(french.draft.remarks) == 4
    assert french.territory.description["population_year"] == 2021  # from the header


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_and_byte_order_marks(separator: str, mark: str) -> None:
    made = new_territory(table(mark + PLAIN.replace(",", separator)))
    assert made.territory.population == 20_080


def test_every_assumption_is_told_and_written_down() -> None:
    made = new_territory(table())
    told = {assumption.what: assumption for assumption in made.draft.assumptions}
    assert set(told) == {
        "year of the figures", "groups of communes", "emergency department inside, invented", "hospital towns outside",
        "specialties in hospital towns",
    }  # fmt: skip
    assert {assumption.grade for assumption in told.values()} == {"B", "C"}
    written = (made.folder / "SOURCES.md").read_text(encoding="utf-8")
    assert all(f"| {a.what} | {a.value} | {a.grade} |" in written for a in told.values())
    description = yaml.safe_load((made.folder / "territory.yaml").read_text(encoding="utf-8"))
    assert "roads and travel times" in description["unknown_locally"]


def test_known_columns_besides_the_six_are_used() -> None:
    head = "nurses,specialists,area_km2,median_income_eur,epci"
    extra = PLAIN.replace("general_practitioner\n", f"general_practitioner,{head}\n")
    lines = extra.splitlines()
    lines[1:] = [f"{line},3,2,10.5,21000,Plaine" for line in lines[1:]]
    made = new_territory(table("\n".join(lines)), year=2020)
    assert made.territory.count("nurse").sum() == 12 and made.territory.n_sorted_specialists == 8
    assert made.territory.communes["area_km2"].tolist() == [10.5] * 4
    assert set(made.territory.communes["epci"]) == {"Plaine"}
    assert made.territory.description["years"]["area_km2"] == 2020
    assert "groups of communes" not in {assumption.what for assumption in made.draft.assumptions}


# ------------------------------------------------------------------------------------------------ hospitals


def hospitals_of(text: str) -> dict[str, list[str]]:
    sites = new_territory(table(text)).territory.sites
    return {kind: sites[sites["kind"] == kind]["insee"].tolist() for kind in ("hospital", "pole")}


HEADER = "insee,name,population,lat,lon,gp\n"


def test_a_town_on_the_list_is_a_hospital_inside_and_its_neighbours_are_poles() -> None:
    found = hospitals_of(HEADER + "57630,Sarrebourg,12274,48.734,7.0559,17\n57540,Phalsbourg,4657,48.7663,7.2583,7\n")
    assert found["hospital"] == ["57630"]
    assert found["pole"][0] == "67437" and "67482" in found["pole"] and len(found["pole"]) <= 5


def test_no_hospital_is_invented_near_a_hospital_town() -> None:
    found = hospitals_of(HEADER + "57540,Phalsbourg,14657,48.7663,7.2583,7\n57168,Danne,671,48.7674,7.3027,0\n")
    assert found["hospital"] == []


def test_far_from_the_list_the_largest_commune_gets_one_then_the_next_far_one() -> None:
    """Two towns 89 km apart and a village in between, which is never chosen, nor one below the least population."""
    rows = "19031,Brive,47000,45.159,1.533,60\n19272,Tulle,14500,45.9,1.9,15\n19001,Village,400,45.5,1.7,0\n"
    assert hospitals_of(HEADER + rows)["hospital"] == ["19031", "19272"]
    small = HEADER + "19031,Bourg,4900,45.159,1.533,2\n"
    assert hospitals_of(small) == {"hospital": [], "pole": ["87085"]}


def test_hospital_towns_are_a_list_that_can_be_used() -> None:
    towns = hospital_towns()
    assert towns["insee"].is_unique and (towns["insee"].str.len() == 5).all()
    assert set(towns["level"]) == {"general", "university"} and set(towns["grade"]) == {"B"}
    in_france = towns["lat"].between(41, 51.5) & towns["lon"].between(-5.5, 10)
    assert (~in_france).sum() == 4  # overseas
    assert not towns[["lat", "lon"]].isna().any().any()
    assert specialties_of_town("university") == SPECIALTIES
    assert set(specialties_of_town("general")) < set(SPECIALTIES)


# ------------------------------------------------------------------------------------------------ refusals

BAD = {
    # name: (table, line, parts of the message)
    "column missing": (PLAIN.replace("general_practitioner", "doctors of"), 1, ["general_practitioner", "doctors of"]),
    "column unknown": (PLAIN.replace("general_practitioner", "gp,nurze"), 1, ["nurze", "nurse"]),
    "column twice": (PLAIN.replace("insee,name", "insee,code"), 1, ["name"]),
    "people not a number": (PLAIN.replace("2851", "many"), 3, ["population", "'many'"]),
    "nobody": (PLAIN.replace("2851", "0"), 3, ["population", "above 0"]),
    "half a doctor": (PLAIN.replace("5.3615,1", "5.3615,0.5"), 3, ["general_practitioner", "0.5"]),
    "minus one doctor": (PLAIN.replace("5.3615,1", "5.3615,-1"), 3, ["general_practitioner", "-1"]),
    "a cell too many": (PLAIN.replace("5.3615,1", "5.3615,1,9"), 3, ["7 cells", "6 expected"]),
    "a cell too few": (PLAIN.replace("5.3615,1", "5.3615"), 3, ["5 cells"]),
    "commune twice": (PLAIN.replace("01007", "01004"), 3, ["appears twice"]),
    "swapped": (PLAIN.replace("46.0055,5.3615", "5.3615,46.0055"), 3, ["swapped"]),
    "same place": (PLAIN.replace("46.0055,5.3615", "45.9613,5.3725"), 3, ["same position"]),
    "code too short": (PLAIN.replace("01007", "107"), 3, ["3 characters"]),
    "latitude in metres": (PLAIN.replace("46.0055", "6546000"), 3, ["lat", "-90 to 90"]),
    "empty": ("", 1, ["is empty", "general_practitioner"]),
    "header alone": (PLAIN.splitlines()[0], 2, ["no commune"]),
    "line after a blank one": (PLAIN.replace("01007", "\n01004"), 4, ["appears twice"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "parts"), BAD.values(), ids=BAD)
def test_a_bad_table_is_refused_with_its_line_and_leaves_nothing(text: str, line: int, parts: list[str]) -> None:
    source = table(text)
    result = call("territory", "new", str(source))
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"Error: {source}, line {line}") and result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr
    assert list(Path().iterdir()) == [source]


@pytest.mark.parametrize("name", ["nowhere.csv", ".", "image.csv"])
def test_what_is_no_table_is_refused(name: str) -> None:
    Path("image.csv").write_bytes(b"\x89PNG\0\0")
    result = call("territory", "new", name)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1


def test_nothing_is_overwritten_without_force() -> None:
    source = table()
    assert new_territory(source).folder.name == "communes_de_l_ain"
    assert new_territory(source).folder.name == "communes_de_l_ain-2"
    new_territory(source, "here")
    before = Path("here", "territory.yaml").read_bytes()
    with pytest.raises(InputError, match="--force"):
        new_territory(source, "here", title="Other")
    assert Path("here", "territory.yaml").read_bytes() == before
    new_territory(source, "here", title="Other", force=True)
    assert load_territory("here").title == "Other"


def test_force_replaces_packs_only() -> None:
    Path("mine").mkdir()
    Path("mine", "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="no territory pack"):
        new_territory(table(), "mine", force=True)
    assert Path("mine", "letter.txt").read_text() == "dear"


@settings(max_examples=60)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200) | st.binary(max_size=100))
def test_any_file_gives_a_draft_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError):  # six right headers do not come about by luck
        draft_pack(path)


# ------------------------------------------------------------------------------------------------ it runs


def test_json_is_for_machines() -> None:
    answer = json.loads(call("territory", "new", str(table()), "--json").stdout)
    assert answer["people"] == 20_080 and 0 < answer["completeness"] < 0.5
    assert {"what", "value", "grade", "change_in"} == set(answer["assumptions"][0])
    checked = json.loads(call("territory", "check", answer["folder"], "--json").stdout)
    assert checked["completeness"] == answer["completeness"]
    compared = json.loads(call("territory", "compare", "tiny", answer["folder"], "--json").stdout)
    assert [row["people"] for row in compared] == [2000, 20_080]


def test_the_screens_of_three_commands() -> None:
    made = call("territory", "new", str(table()), "-o", "here")
    assert made.exit_code == 0, made.stderr
    assert "Assumed in the pack" in made.stdout and "territoire run --territory here" in made.stdout
    checked = call("territory", "check", "here")
    assert "the pack can be used" in checked.stdout and "ages of France" in checked.stdout
    compared = call("territory", "compare", "tiny", "here")
    assert "gp_density" in compared.stdout and "*" in compared.stdout
    assert max(map(len, (made.stdout + checked.stdout + compared.stdout).splitlines())) <= 100


@pytest.mark.slow
@pytest.mark.filterwarnings("error::RuntimeWarning")  # nor do tables of nobody make NumPy complain
@pytest.mark.parametrize("doctors", ["12", "0"])
def test_a_strangers_territory_lives_and_dies_by_the_laws(doctors: str) -> None:
    """With doctors, and with none at all: laws are checked every month by every run."""
    text = PLAIN.replace(",12\n", f",{doctors}\n").replace(",1\n", f",{min(int(doctors), 1)}\n")
    made = new_territory(table(text))
    done = call(
        "run", "-t", str(made.folder), "--days", "40", "--warm-up", "10", "--scale", "0.2", "--quiet", "-o", "out"
    )
    assert done.exit_code == 0, done.stderr
    rows = Path("out", "indicators.csv").read_text(encoding="utf-8")
    assert "acts_per_head.gp" in rows
    acts = next(line for line in rows.splitlines() if line.startswith("acts_per_head.gp,all,all,all,"))
    value = float(acts.split(",")[5])
    assert (value > 1.0) if doctors == "12" else (value < 1.0)
    shutil.rmtree(made.folder)


def test_a_town_with_more_specialists_than_the_table_of_offers_held_before(tmp_path: Path) -> None:
    """Rules write offers without looking at the end of their table: it must hold every specialist there may be."""
    from abm.scenario import load_scenario
    from abm.world import MOST_OFFERS, build_world

    text = PLAIN.replace("general_practitioner\n", "general_practitioner,psychiatrist\n").replace(",12\n", ",12,300\n")
    lines = [line if line.count(",") == 6 else f"{line},0" for line in text.splitlines()]
    made = new_territory(table("\n".join(lines)))
    world, _ = build_world(made.territory, load_scenario("baseline", days=5, warm_up_days=0, scale=0.01), 1)
    assert world.kinds.n_local.max() == 300 > MOST_OFFERS
    assert world.offers.size >= 301


@pytest.mark.slow
def test_sarrebourg_runs() -> None:
    arguments = ("--days", "40", "--warm-up", "10", "--scale", "0.1", "--quiet", "-o", "out")
    done = call("run", "-t", "sarrebourg", *arguments)
    assert done.exit_code == 0, done.stderr
    assert Path("out", "figures", "map_lead_time.png").is_file()


def test_equal_tables_give_equal_packs() -> None:
    first = new_territory(table(), "one", title="x").territory
    second = new_territory(table(), "two", title="x").territory
    assert first.digest == second.digest
    assert np.array_equal(first.communes["lat"], second.communes["lat"])
