"""The local health diagnosis: gains per euro against hand-made runs, its tables against the pack, both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from typer.testing import CliRunner

from abm.environment import completing
from abm.environment.completing import completeness
from abm.environment.territory import list_territories, load_territory
from abm.parameters import load_parameters
from abm.scenario import Levers, load_scenario
from experiments.cli import app
from experiments.diagnosing import Diagnosis, candidates, diagnose, fitted, potential_table, reread
from experiments.diagnosis_report import _number, _why_no_rank, style, write_diagnosis
from experiments.diagnosis_words import MISSING_FR, MORE, WORDS
from experiments.ranking import AIMS, gains_of, potential, price_of, ranking
from experiments.report_words import SCENARIOS

SHORT = {"days": 60, "warm_up_days": 20, "follow_up_days": 30}
PARAMETERS = load_parameters()
YEARS = 2
DAYS = round(YEARS * 365.25)


def facts(**levers: dict) -> dict:
    """Return the facts of a comparison of policies, each with its levers."""
    neutral = Levers().model_dump()
    scenarios = {"baseline": {"levers": neutral, "days": DAYS, "parameters": {}, "scale": 1.0}}
    scenarios |= {name: {**scenarios["baseline"], "levers": neutral | moved} for name, moved in levers.items()}
    return {"reference": "baseline", "policies": list(levers), "scenarios": scenarios}


def run_of(scenario: str, seed: int, *, waits=(4.0, 8.0), qaly=1.8, satisfaction=0.5, care=1e6, **paid) -> pd.DataFrame:
    """Return what is kept of a run of two communes with 100 and 25 requests, and 1,000 people over two years."""
    rows = [("indicator", "gp_satisfaction", "all", "all", "all", satisfaction, 1)]
    for commune, wait, n in zip("AB", waits, (100, 25), strict=True):
        rows.append(("indicator", "time_to_care_days.gp", "commune", commune, "all", wait, n))
    rows += [("total", "person_years", "all", "all", "2020", 1000.0 * YEARS, 1)]
    rows += [("total", "qaly", "all", "all", "2020", 1000.0 * qaly, 1)]
    rows += [("paid", "stays", "all", "compulsory", "2020", care, 1)]
    rows += [("paid", heading, "all", "state", "2020", eur, 1) for heading, eur in paid.items()]
    table = pd.DataFrame(rows, columns=["table", "name", "kind", "stratum", "period", "value", "n"])
    return table.assign(scenario=scenario, seed=seed)


# --- gains and prices ---------------------------------------------------------------------------------------------


def test_gains_are_what_they_are_called() -> None:
    runs = pd.concat(
        [
            run_of("baseline", 1, telehealth=5.0),
            run_of("bus", 1, waits=(3.5, 5.0), qaly=1.81, satisfaction=0.53, care=9.9e5, action=4000.0, telehealth=7.0),
        ]
    )
    found = {aim: series.loc[1] for aim, series in gains_of(runs, "bus", "baseline").items()}
    assert tuple(found) == AIMS
    assert found["experience"] == pytest.approx(0.5 * 100 + 3.0 * 25)
    assert found["health"] == pytest.approx(10 * 365.25)
    assert found["costs"] == pytest.approx(10_000), "the price of the measure is no cost of care"
    assert found["professionals"] == pytest.approx(3.0)
    assert found["equity"] == pytest.approx(3.0 * 25), "B waits longest and has a fifth of the requests"
    assert price_of(runs, "bus", facts(bus={}), PARAMETERS, YEARS).loc[1] == pytest.approx(4000 + 2)


def test_what_the_books_do_not_tell_has_a_registered_price() -> None:
    runs = pd.concat([run_of("baseline", 1), run_of("more", 1)])
    told = facts(more={"gp_recruited": 3, "nurse_delegation_fte": 0.5})
    per_year = 3 * PARAMETERS["measure_price_eur_per_year[gp_recruited]"]
    per_year += 0.5 * PARAMETERS["measure_price_eur_per_year[nurse_delegation_fte]"]
    assert price_of(runs, "more", told, PARAMETERS, YEARS).loc[1] == pytest.approx(YEARS * per_year)


def test_the_ranking_is_by_gain_per_euro_with_paired_intervals() -> None:
    spread = np.array([0.9, 1.0, 1.1, 1.0])
    runs = []
    for seed, factor in enumerate(spread):
        runs.append(run_of("baseline", seed))
        runs.append(run_of("dear", seed, waits=(4.0 - 1.0 * factor, 8.0), action=40_000.0))
        runs.append(run_of("cheap", seed, waits=(4.0 - 0.5 * factor, 8.0), action=10_000.0))
        runs.append(run_of("luck", seed, waits=(4.0 - (-1) ** seed, 8.0), action=100.0))
        runs.append(run_of("free", seed, waits=(3.0, 8.0)))
    table = ranking(pd.concat(runs), facts(dear={}, cheap={}, luck={}, free={}), PARAMETERS)
    assert set(table["aim"]) == set(AIMS)
    first = table[table["aim"] == "experience"].set_index("scenario")
    assert first["rank"].to_dict() == {"cheap": 1, "dear": 2, "luck": 0, "free": 0}
    per_euro = 1000 * 50 * spread / 10_000
    half = student.ppf(0.975, 3) * per_euro.std(ddof=1) / 2
    assert first.at["cheap", "per_1000_eur"] == pytest.approx(per_euro.mean())
    assert first.at["cheap", "low"] == pytest.approx(per_euro.mean() - half)
    assert first.at["dear", "per_1000_eur"] == pytest.approx(2.5)
    assert np.isnan(first.at["free", "per_1000_eur"]) and first.at["free", "gain"] == pytest.approx(100)
    assert (table.loc[table["aim"] == "health", "rank"] == 0).all(), "no gain, no rank"


def test_one_replication_ranks_nothing() -> None:
    runs = pd.concat([run_of("baseline", 1), run_of("bus", 1, waits=(1.0, 1.0), action=4000.0)])
    table = ranking(runs, facts(bus={}), PARAMETERS)
    assert (table["rank"] == 0).all() and table["low"].isna().all()


def test_potential() -> None:
    values, people = np.array([1.0, 2.0, 4.0, np.nan]), np.array([25, 25, 50, 10])
    assert potential(values, people, is_better_low=True) == pytest.approx(25 * 1 + 50 * 3)
    assert potential(values, people, is_better_low=False) == pytest.approx(25 * 3 + 25 * 2)
    assert potential(np.full(3, 7.0), np.array([1, 2, 3]), is_better_low=True) == 0.0
    assert np.isnan(potential(np.array([np.nan]), np.array([3]), is_better_low=True))


def test_quarters_and_potential_by_indicator() -> None:
    communes = pd.DataFrame({"people": [25, 25, 50], "time_to_care_days.gp": [1.0, 2.0, 4.0], "apl": [3.0, 2.0, 1.0]})
    for name in ("emergency_visits_per_head", "forgone_care_share", "spend_per_head_eur"):
        communes[name] = np.nan
    table = potential_table(communes).set_index("indicator")
    assert table.index.tolist() == ["time_to_care_days.gp", "apl"]
    assert table.loc["time_to_care_days.gp", ["best_quarter", "worst_quarter"]].tolist() == [1.0, 4.0]
    assert table.loc["apl", ["best_quarter", "worst_quarter"]].tolist() == [3.0, 1.0]
    assert table.at["time_to_care_days.gp", "gain_per_head"] == pytest.approx(1.75)


# --- what is ranked -----------------------------------------------------------------------------------------------


def test_every_built_in_single_intervention_is_ranked_and_nothing_else() -> None:
    names = {scenario.name for scenario in candidates(load_scenario("baseline"), {})}
    assert {"network", "education", "teleconsultation", "more_gps", "itinerant_consultation", "health_centre"} <= names
    assert not {"baseline", "all_three", "null_network", "kinzigtal", "gp_retirements"} & names


def test_interventions_have_the_size_of_the_territory() -> None:
    tiny, saverne = load_territory("tiny"), load_territory("saverne")
    assert fitted(load_scenario("more_gps"), saverne) == load_scenario("more_gps")
    small = fitted(load_scenario("more_gps"), tiny)
    assert small.levers.gp_recruited == 1 and small.title.endswith(": 1")
    nurses = fitted(load_scenario("nurse_delegation"), tiny)
    assert nurses.levers.nurse_delegation_fte == pytest.approx(5 * tiny.population / saverne.population)
    assert fitted(load_scenario("network"), tiny) == load_scenario("network"), "a share is a share"
    own = load_scenario("more_gps", name="mine")
    assert fitted(own, tiny, is_asked=True) == own


# --- the whole ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    folder = tmp_path_factory.mktemp("diagnosis") / "tiny"
    return diagnose("tiny", ["more_gps", "professional_training"], replications=2, workers=1, output=folder, **SHORT)


def test_the_population_is_that_of_the_pack(found: Diagnosis) -> None:
    table, tiny = found.tables["population"].set_index("place"), load_territory("tiny")
    assert table.at["all", "people"] == tiny.population == table["people"].drop("all").sum()
    assert table.at["all", "general_practitioners"] == tiny.count("general_practitioner").sum()


def test_tables_are_written_and_read_again(found: Diagnosis) -> None:
    for name, table in found.tables.items():
        assert len(table) and len(pd.read_csv(found.folder / f"{name}.csv")) == len(table)
    again = reread(found.folder)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    told = json.loads((found.folder / "diagnosis.json").read_text())
    assert told["interventions"] == ["more_gps", "professional_training"] and told["replications"] == 2


def test_costs_add_up_and_communes_are_all_there(found: Diagnosis) -> None:
    costs = found.tables["costs"]
    assert costs.groupby("by")["share"].sum().to_numpy() == pytest.approx(1.0)
    sums = costs.groupby("by")["value"].sum()
    assert sums["category"] == pytest.approx(sums["payer"], rel=1e-6), "what is billed is paid"
    assert found.tables["communes"]["insee"].tolist() == load_territory("tiny").communes["insee"].astype(str).tolist()


def test_references_are_those_of_the_targets(found: Diagnosis) -> None:
    table = found.tables["indicators"].set_index("indicator")
    assert table.at["ald_share", "observed"] == 0.18 and table.at["ald_share", "source"]
    assert table["observed_low"].notna().sum() >= 5


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_has_every_part_and_asks_for_no_network(found: Diagnosis, language: str) -> None:
    text = write_diagnosis(found, language).read_text(encoding="utf-8")
    for anchor in re.findall(r'href="#([a-z]+)"', text):
        assert f'id="{anchor}"' in text
    assert style() in text and "<svg" in text
    assert not re.search(r"(src|href)=.https?:", text) and "<script" not in text
    words = [told[language == "fr"] for told in (*MORE.values(),)]
    assert sum(word in text for word in words) >= len(words) - 1
    if language == "fr":
        for english in ("Who lives here", "Where to begin", "days of waiting", ">women<", ">general practice<"):
            assert english not in text


def test_whatever_a_pack_leaves_open_has_a_french_name() -> None:
    source = Path(completing.__file__).read_text(encoding="utf-8")
    said = {text for text in MISSING_FR if text not in source}
    assert said <= {f"number of {name}" for name in ("general practitioners", "nurses", "pharmacies")}, "words of old"
    for name in list_territories():
        for item in completeness(load_territory(name)):
            if not item.is_complete:
                assert {item.name, item.stands_in} <= set(MISSING_FR), item


@pytest.mark.parametrize(
    ("low", "high", "word"), [(-2.0, -1.0, "loss"), (-2.0, 1.0, "not_seen"), (float("nan"), float("nan"), "no_price")]
)
def test_a_loss_is_told_from_what_cannot_be_told(low: float, high: float, word: str) -> None:
    assert _why_no_rank({"per_1000_eur": (low + high) / 2, "low": low, "high": high}) == word


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.00123, "0.0012"), (0.0457, "0.046"), (12.34, "12.3"), (4321.0, "4,321")]
)
def test_small_values_keep_two_figures(value: float, text: str) -> None:
    assert _number(value, "en") == text


def test_every_intervention_offered_has_a_french_title() -> None:
    assert {scenario.name for scenario in candidates(load_scenario("baseline"), {})} <= set(SCENARIOS)


def test_words_have_two_languages() -> None:
    assert all(len(told) == 2 and all(told) for told in WORDS.values())


def test_the_command_tells_where_the_report_is(found: Diagnosis) -> None:
    options = ["--days", "60", "--warm-up", "20", "--set", "follow_up_days=30", "--replications", "2", "--workers", "1"]
    command = ["diagnose", "more_gps", "professional_training", "-t", "tiny", "-o", str(found.folder), *options]
    result = CliRunner().invoke(app, [*command, "--lang", "fr"], prog_name="territoire")
    assert result.exit_code == 0, result.stderr
    assert str(found.folder / "diagnosis.fr.html") in result.stdout.replace("\n", "")
    result = CliRunner().invoke(app, [*command, "--json"], prog_name="territoire")
    told = json.loads(result.stdout)
    assert {"population", "indicators", "ranking"} <= set(told) and told["errors"] == []


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("-t tinny", ["'tinny'", "Did you mean 'tiny'?"]),
        ("more_gp", ["'more_gp'", "Did you mean 'more_gps'?"]),
        ("baseline -t tiny", ["'baseline' is the status quo"]),
        ("--reference baselin", ["'baselin'", "Did you mean 'baseline'?"]),
        ("--lang de", ["--lang", "'de'", "en, fr"]),
        ("--replications 0", ["--replications", "'0'", "from 1"]),
        ("--days 0", ["'days'", "found 0"]),
        ("more_gps -t tiny -o file", ["file", "cannot be written to"]),
        ("more_gps -t tiny --set gp_recruited=999", ["gp_recruited", "999"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    command: str, parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    result = CliRunner().invoke(app, ["diagnose", *command.split()], prog_name="territoire")
    assert result.exit_code == 2 and len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr
    assert [path.name for path in Path().iterdir()] == ["file"], "nothing is left behind"
