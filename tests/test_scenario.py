"""Scenarios: what differs from the baseline, each key checked, each mistake shown with its line."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.errors import InputError
from abm.parameters import load_parameters
from abm.scenario import Levers, Scenario, list_scenarios, load_scenario, parse_override, scenario_json_schema

GP_LOAD = load_parameters().entry("gp_load")


def write(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_baseline_is_the_neutral_scenario_with_the_documented_defaults() -> None:
    baseline = load_scenario()
    assert baseline == load_scenario("baseline") == load_scenario(baseline)
    assert baseline.levers == Levers()
    assert {"gp_load", "need_scale"} <= set(baseline.parameters), "the hand calibration stands in the baseline"
    plain = {"title": "", "description": "", "parameters": {}}
    assert baseline.model_copy(update=plain) == Scenario(name="baseline")
    assert (baseline.start, baseline.days) == (date(2020, 1, 1), 1461)


def test_delay_affects_health_unless_it_is_said_not_to(tmp_path: Path) -> None:
    assert load_scenario().delay_affects_health
    assert not load_scenario(write(tmp_path, "delay_affects_health: false\n")).delay_affects_health
    assert not load_scenario(delay_affects_health=False).delay_affects_health


def test_built_in_scenarios_load_under_their_own_name() -> None:
    assert list_scenarios()[0] == "baseline"
    assert all(load_scenario(name).name == name for name in list_scenarios())


def test_every_lever_is_neutral_at_zero_and_says_its_unit() -> None:
    for name, info in Levers.model_fields.items():
        assert info.description and isinstance(info.json_schema_extra, dict) and info.json_schema_extra["unit"], name
        assert info.default == ("" if info.annotation is str else 0), name


def test_fields_levers_and_parameters_have_names_of_their_own() -> None:
    names = [*Scenario.model_fields, *Levers.model_fields]
    names += [key for row in load_parameters().rows for key in (row.name, row.id)]
    assert len(names) == len(set(names))


def test_a_file_names_only_what_differs(tmp_path: Path) -> None:
    file = write(tmp_path, "extends: baseline\nlevers:\n  teleconsultation: 0.1\nparameters:\n  M001: 9e-1\n")
    scenario = load_scenario(file)
    assert (scenario.name, scenario.title, scenario.extends) == ("policy", "", "baseline")
    assert scenario.levers.teleconsultation == 0.1
    assert scenario.parameters == load_scenario().parameters | {"gp_load": 0.9}
    assert scenario.days == load_scenario().days


def test_extension_merges_levers_and_parameters_one_by_one(tmp_path: Path) -> None:
    write(tmp_path, "extends: baseline\ndays: 30\nparameters: {gp_load: 0.9, gp_flex_share: 0}\n", "first.yaml")
    second = write(tmp_path, "extends: first.yaml\nname: second\nparameters: {M001: 0.85}\n", "second.yaml")
    expected = load_scenario().parameters | {"gp_load": 0.85, "gp_flex_share": 0.0}
    assert load_scenario(second).parameters == expected
    assert load_scenario(second).days == 30


def test_overrides_win_whether_field_lever_or_parameter(tmp_path: Path) -> None:
    file = write(tmp_path, "days: 30\nlevers: {teleconsultation: 0.1}\nparameters: {gp_load: 0.9}\n")
    scenario = load_scenario(file, days=60, teleconsultation=0.2, start="2021-02-01", M001=0.85)
    assert (scenario.days, scenario.levers.teleconsultation, scenario.start) == (60, 0.2, date(2021, 2, 1))
    assert scenario.parameters == {"gp_load": 0.85}
    assert load_scenario(file, levers=Levers(teleconsultation=0.3)).levers.teleconsultation == 0.3
    assert load_scenario(file, parameters={"gp_flex_share": 0.1}).parameters == {"gp_load": 0.9, "gp_flex_share": 0.1}


def test_numbers_of_a_design_table_are_numbers() -> None:
    scenario = load_scenario(days=np.int64(60), teleconsultation=np.float64(0.25), gp_load=np.float64(0.9))
    assert (scenario.days, scenario.levers.teleconsultation) == (60, 0.25)
    assert type(scenario.parameters["gp_load"]) is float


@given(st.integers(1, 21915), st.floats(0, 1), st.floats(GP_LOAD.low, GP_LOAD.high), st.dates())
def test_a_scenario_survives_json(days: int, share: float, load: float, start: date) -> None:
    scenario = load_scenario(days=days, teleconsultation=share, gp_load=load, start=start)
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


def test_scenarios_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load_scenario().days = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("day: 30", 1, "unknown key 'day'. Did you mean 'days'?"),
        ("name: x\nlevers:\n  teleconsultatoin: 1", 3, "Did you mean 'teleconsultation'?"),
        ("parameters:\n  gp_laod: 1", 2, "unknown parameter 'gp_laod'. Did you mean 'gp_load'?"),
        ("parameters:\n  M001: 2", 2, "'gp_load': found 2, expected 0.8 to 1.05 ratio"),
        ("parameters:\n  gp_load: much", 2, "'gp_load': found 'much', expected a number (ratio)"),
        ("parameters:\n  gp_load: 0.9\n  M001: 0.9", 3, "'gp_load' is given twice, by name and by id"),
        ("parameters: 3", 1, "'parameters': found 3, expected names with values"),
        ("levers: [teleconsultation]", 1, "'levers': found ['teleconsultation'], expected names with values"),
        ("\nlevers:\n  teleconsultation: 1.5", 3, "found 1.5, expected a number from 0 to 1 (share)"),
        ("days: 0", 1, "'days': found 0, expected a whole number from 1 to 21915 (days)"),
        ("days: 21916", 1, "expected a whole number from 1 to 21915"),
        ("days: '30'", 1, "'days': found '30', expected a whole number"),
        ("days: true", 1, "'days': found True, expected a whole number"),
        ("delay_affects_health: 1", 1, "'delay_affects_health': found 1, expected true or false"),
        ("days: 1.5", 1, "'days': found 1.5, expected a whole number"),
        ("scale: 0", 1, "'scale': found 0, expected a number above 0 to 1 (share)"),
        ("scale: .nan", 1, "'scale': found nan, expected a number"),
        ("population_seed: -1", 1, "'population_seed': found -1, expected a whole number or null from 0"),
        ("start: soon", 1, "'start': found 'soon', expected a date as 2020-01-31"),
        ("name: x\nstart: 2021-02-30", 2, "'2021-02-30' cannot be read"),
        ("name: ../x", 1, "'name': found '../x', expected a text that names results"),
        ("extends: baselin", 1, "unknown scenario 'baselin'. Did you mean 'baseline'?"),
        ("extends: 3", 1, "'extends': found 3, expected the name of a scenario or file"),
        ("extends: other.yaml", 1, "no such scenario file"),
        ("extends: policy.yaml", 1, "'extends' goes in a circle: policy.yaml -> policy.yaml"),
        ("days: 3\nstart: 2020-01-01\ndays: 4", 3, "the key 'days' stands twice, first in line 1"),
        ("days: [3", 1, "not YAML"),
        ("- days", 1, "found a list, expected keys with values"),
        ("baseline", 1, "found a single value ('baseline'), expected keys with values"),
        ("levers: &all {}\nparameters: *all", 1, "anchors and aliases are not read"),
        ("name: !!python/object/apply:os.getcwd []", 1, "python/object/apply:os.getcwd' is not read"),
        ("name: !!python/name:os.getcwd", 1, "could not determine a constructor"),
        ("? [a]\n: b", 1, "expected a name"),
        ("days: " + "[" * 500, None, "nested too deeply"),
    ],
)
def test_bad_file(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, text))
    assert message in str(caught.value)
    assert caught.value.line == line and "policy.yaml" in str(caught.value)


def test_a_longer_circle_is_found(tmp_path: Path) -> None:
    write(tmp_path, "extends: b.yaml", "a.yaml")
    write(tmp_path, "extends: a.yaml", "b.yaml")
    with pytest.raises(InputError, match="a.yaml -> b.yaml -> a.yaml"):
        load_scenario(tmp_path / "a.yaml")


def test_a_mistake_in_the_extended_file_is_shown_there(tmp_path: Path) -> None:
    write(tmp_path, "name: base\ndays: 0", "base.yaml")
    child = write(tmp_path, "extends: base.yaml\nscale: 0.5")
    with pytest.raises(InputError, match=r"base\.yaml, line 2: 'days'"):
        load_scenario(child)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"teleconsultaton": 0.1}, "unknown key 'teleconsultaton'. Did you mean 'teleconsultation'?"),
        ({"days": "many"}, "'days': found 'many', expected a whole number"),
        ({"levers": 3}, "'levers': found 3, expected names with values"),
        ({"copd_severity_split": 1}, "unknown key 'copd_severity_split'"),
        ({"days": np.zeros(2)}, "expected a whole number"),
    ],
)
def test_bad_override(overrides: dict, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(**overrides)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [("basline", "Did you mean 'baseline'"), ("no/such.yaml", "no such scenario file"), (Path("a"), "no such")],
)
def test_unknown_scenario(source: str | Path, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_scenario(source)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days=30", ("days", 30)),
        ("teleconsultation = 0.1", ("teleconsultation", 0.1)),
        ("gp_acts_per_year[age=0-4]=3.5", ("gp_acts_per_year[age=0-4]", 3.5)),
        ("gp_load=1e-1", ("gp_load", 0.1)),
        ("start=2021-02-01", ("start", date(2021, 2, 1))),
        ("population_seed=null", ("population_seed", None)),
        ("title=Video for all", ("title", "Video for all")),
    ],
)
def test_override_is_read(text: str, expected: tuple) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["days", "=3", ""])
def test_bad_override_text(text: str) -> None:
    with pytest.raises(InputError, match="expected key=value"):
        parse_override(text)


def test_schema_knows_every_key_and_range() -> None:
    schema = json.loads(json.dumps(scenario_json_schema()))
    assert set(schema["properties"]) == set(Scenario.model_fields) and schema["additionalProperties"] is False
    assert schema["properties"]["parameters"]["properties"]["gp_load"]["maximum"] == GP_LOAD.high
    assert schema["required"] == []


KEYS = st.sampled_from([*Scenario.model_fields, *Levers.model_fields, "gp_load", "M001", "- a", "? b", "&x c"])
VALUES = st.one_of(st.text(max_size=20), st.integers().map(str), st.sampled_from(["[" * 50, "{}", "*x", "!!int a"]))


@given(st.lists(st.tuples(st.sampled_from(["", "  "]), KEYS, VALUES), max_size=4))
def test_no_file_whatever_it_holds_gives_a_traceback(tmp_path_factory, lines: list[tuple[str, str, str]]) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes("\n".join(f"{indent}{key}: {value}" for indent, key, value in lines).encode())
    try:
        assert isinstance(load_scenario(file), Scenario)
    except InputError as error:
        assert "any.yaml" in str(error)


def test_demography_is_on_or_off_and_nothing_else() -> None:
    assert load_scenario("baseline").demography and not load_scenario("baseline", demography=False).demography
    with pytest.raises(InputError, match="'demography': found 1, expected true or false"):
        load_scenario("baseline", demography=1)
