"""`territoire calibrate` for real, on the invented territory: what it finds, goes on with, refuses, and is used for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from abm.errors import InputError
from abm.scenario import load_scenario
from calibration.free import FILE as FREE
from calibration.free import free_by_name, load_free
from calibration.patterns import checks
from calibration.targets import load_targets
from experiments.calibrating import Calibration, ask, calibrate, status, usable_targets
from experiments.cli import app
from experiments.comparison_plan import make_plan
from experiments.designs import read_sweep_design
from experiments.posteriors import Fitted, Posterior, find_posterior, load_posterior, model_figures, with_sample

SHORT = {"days": 365, "warm_up_days": 60, "follow_up_days": 30}
SMALL = {"waves": 1, "points": 40, "samples": 100, "check": 4, "seed": 3, "workers": 2}
TRUTH = {"gp_gravity_per_minute": 0.30, "ed_diversion_prob_acute_beyond_tolerance": 0.07}
FREED = ("gp_gravity_per_minute", "ed_diversion_prob_acute_beyond_tolerance", "network_graph_minutes")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """Data made by the model at known values, fitted again: two numbers that they tell of, and one that they do not."""
    from abm.model import TerritoryModel
    from calibration.patterns import PREFIX, target_values

    model = TerritoryModel("tiny", load_scenario("baseline", **SHORT, **TRUTH), rng=77)
    model.run_to_end()
    said = target_values(model.release())
    made = [
        replace(one, observed=said[PREFIX + one.id], low=said[PREFIX + one.id] - spread,
                high=said[PREFIX + one.id] + spread)
        for one, spread in ((target, {"V12a": 0.6, "V20": 0.02}.get(target.id)) for target in usable_targets())
        if spread
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("calibration") / "out"
    return calibrate(territory="tiny", free=FREED, targets=made, output=folder, **SMALL, **SHORT)


def test_what_made_the_data_lies_in_the_intervals(fitted: Calibration) -> None:
    table = fitted.parameters.set_index("name")
    for name, value in TRUTH.items():
        assert table["interval_low"][name] <= value <= table["interval_high"][name], table.loc[name]


def test_what_the_targets_do_not_tell_is_called_an_assumption(fitted: Calibration) -> None:
    table = fitted.parameters.set_index("name")
    assert table["is_assumption"]["network_graph_minutes"]
    assert table["variance_ratio"]["network_graph_minutes"] == pytest.approx(1.0, abs=0.4)
    assert not table["is_assumption"]["ed_diversion_prob_acute_beyond_tolerance"], table["variance_ratio"]
    sample = load_posterior(fitted.folder)
    assert "network_graph_minutes" in sample.assumptions and "network_graph_minutes" in sample.note()


def test_files(fitted: Calibration) -> None:
    folder = fitted.folder
    for name in ("posterior.json", "parameters.csv", "targets.csv", "waves.csv", "report.html", "calibration.json"):
        assert (folder / name).is_file()
    content = json.loads((folder / "posterior.json").read_text(encoding="utf-8"))
    assert len(content["samples"]) == 100 and len(content["samples"][0]) == 3
    assert {"version", "model", "figures", "territory", "scenario", "targets", "seed"} <= content.keys()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page and "src=" not in page and "@import" not in page, "nothing is loaded from elsewhere"
    assert fitted.targets["runs"].tolist() == [4, 4]


def test_it_goes_on_where_it_was_left_and_gives_the_same(fitted: Calibration) -> None:
    before = (fitted.folder / "posterior.json").read_bytes()
    asked = json.loads((fitted.folder / "calibration.json").read_text(encoding="utf-8"))
    targets = [
        replace(one, observed=row["observed"], low=row["low"], high=row["high"])
        for row in asked["targets"] for one in usable_targets() if one.id == row["id"]
    ]  # fmt: skip
    told = status(fitted.folder)
    assert told["is_finished"] and told["batches"]["wave-1"] == {"done": 40, "failed": 0, "pending": 0}
    (fitted.folder / "posterior.json").unlink()
    again = calibrate(territory="tiny", free=FREED, targets=targets, output=fitted.folder, **SMALL, **SHORT)
    np.testing.assert_array_equal(again.samples, fitted.samples)
    after = json.loads((fitted.folder / "posterior.json").read_bytes())
    assert after["samples"] == json.loads(before)["samples"]


def test_another_calibration_does_not_go_into_the_folder(fitted: Calibration) -> None:
    with pytest.raises(InputError, match="another calibration"):
        calibrate(territory="tiny", free=FREED, output=fitted.folder, **{**SMALL, "seed": 4}, **SHORT)


# --- used ---------------------------------------------------------------------------------------------------------


def test_a_run_takes_the_combination_of_its_seed_and_keeps_what_is_set(fitted: Calibration) -> None:
    sample, base = load_posterior(fitted.folder), load_scenario("baseline", **SHORT)
    drawn = with_sample(base, fitted.folder, 5, {})
    assert {name: drawn.parameters[name] for name in sample.names} == sample.draw(5)
    kept = with_sample(
        load_scenario(base, gp_gravity_per_minute=0.11), fitted.folder, 5, {"gp_gravity_per_minute": 0.11}
    )
    assert kept.parameters["gp_gravity_per_minute"] == 0.11
    assert sample.draw(5) == sample.draw(5) and sample.draw(5) != sample.draw(6)


def test_a_comparison_has_one_combination_a_seed_for_all_scenarios(fitted: Calibration) -> None:
    from experiments.comparison_plan import with_posterior

    plan = with_posterior(make_plan(["more_gps"], "baseline", "tiny", overrides=SHORT), fitted.folder)
    sample = load_posterior(fitted.folder)
    for spec in plan.specs(2):
        parameters = json.loads(spec.scenario)["parameters"]
        assert {name: parameters[name] for name in sample.names} == sample.draw(spec.seed)
    other = load_scenario("more_gps", **SHORT, gp_gravity_per_minute=0.11)
    with pytest.raises(InputError, match="which the posterior sample sets as well"):
        with_posterior(make_plan([other], "baseline", "tiny", overrides=SHORT), fitted.folder)


def test_a_design_varies_the_sample_as_one_factor(fitted: Calibration) -> None:
    content = {"method": "latin_hypercube", "samples": 4, "territories": ["tiny"], "settings": SHORT,
               "factors": {"posterior": str(fitted.folder), "teleconsultation": {"low": 0, "high": 0.2}}}  # fmt: skip
    design = read_sweep_design(content)
    sample = load_posterior(fitted.folder)
    for spec in design.specs():
        parameters = json.loads(spec.scenario)["parameters"]
        drawn = tuple(parameters[name] for name in sample.names)
        assert drawn in {tuple(row) for row in sample.samples.tolist()}
    with pytest.raises(InputError, match="sample's file"):
        read_sweep_design({**content, "factors": {"posterior": [1, 2]}})


# --- refused ------------------------------------------------------------------------------------------------------


def content_of(folder: Path) -> dict:
    return json.loads((folder / "posterior.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "run"}, "holds no posterior sample"),
        ({"format": 99}, "calibrate again"),
        ({"version": "0.0.1", "model": "0" * 64}, "was fitted to version 0.0.1"),
        ({"figures": "0" * 64, "model": "0" * 64}, "whose figures differ"),
        ({"samples": [[1.0]]}, "rows of 3 numbers"),
        ({"samples": [[9.9, 0.1, 15.0]]}, "gp_gravity_per_minute"),
        (
            {"parameters": [{"name": "gp_gravitas", "low": 0, "high": 1, "unit": "", "variance_ratio": 1}] * 3},
            "gp_grav",
        ),
        ({"parameters": [{"name": "gp_load"}]}, "expected name, low, high"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused(fitted: Calibration, tmp_path: Path, change: dict, words: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(content_of(fitted.folder) | change), encoding="utf-8")
    with pytest.raises(InputError, match=words) as refusal:
        load_posterior(file)
    assert refusal.value.file == file


def test_other_code_with_the_same_figures_is_the_same_model(fitted: Calibration, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(content_of(fitted.folder) | {"model": "0" * 64}), encoding="utf-8")
    assert len(load_posterior(file).samples) == 100
    assert model_figures() == content_of(fitted.folder)["figures"]


def test_no_such_sample(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such posterior"):
        find_posterior(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--sample"):
        Posterior((Fitted("a", 0, 1, "", 1),), np.zeros((2, 1))).sample(2)


def test_only_targets_marked_fit_may_be_calibrated_on() -> None:
    kept_apart = next(one for one in checks() if one.use == "validate")
    with pytest.raises(InputError, match="marked 'validate'"):
        usable_targets([kept_apart])
    assert {one.id for one in usable_targets()} == {one.id for one in load_targets() if one.use == "fit"}
    with pytest.raises(InputError, match="tolerated range"):
        usable_targets([replace(usable_targets()[0], low=None)])


OPTIONS = {"territory": "tiny", "free": None, "free_file": None, "targets": None, "waves": 1, "points": 10,
           "replications": 1, "samples": 10, "check": 0, "seed": 1, "overrides": {}}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"free": ["gp_lode"]}, "unknown parameter 'gp_lode'"),
        ({"free": ["gp_load", "M001"]}, "given twice"),
        ({"free": ["gp_load"], "overrides": {"gp_load": 0.9}}, "both set and free"),
        ({"points": 3}, "--points"),
        ({"territory": "tinny"}, "tinny"),
    ],
)
def test_bad_input(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ask("baseline", **(OPTIONS | change))


def test_a_free_parameter_without_range_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no range to be free in"):
        free_by_name(["action_plan_budget_eur[pia]"])
    for line, words in (
        ("gp_load,0.5,,,", "beyond the registry"), ("gp_load,x,,,", "expected a number"), ("gp_lode,,,,", "unknown"),
        ("gp_load,,,,\ngp_load,,,,", "twice"), ("gp_load,0.9,0.9,,", "no range"),
    ):  # fmt: skip
        file = tmp_path / "free.csv"
        file.write_text(f"name,low,high,bears_on,why\n{line}\n", encoding="utf-8")
        with pytest.raises(InputError, match=words) as refusal:
            load_free(file)
        assert refusal.value.line
    file.write_text("name\n", encoding="utf-8")
    with pytest.raises(InputError, match="found columns"):
        load_free(file)


def test_free_parameters_shipped_bear_on_targets_that_may_be_fitted() -> None:
    fit = {one.id for one in usable_targets()}
    told = set()
    for one in load_free(FREE):
        told |= {word for word in one.bears_on.split() if word.startswith("V")}
    assert told == fit


def test_targets_without_indicator_unit_or_source_are_refused(tmp_path: Path) -> None:
    from calibration.targets import COLUMNS
    from calibration.targets import load_targets as read

    row = dict.fromkeys(COLUMNS, "x") | {"observed": "1", "low": "0", "high": "2", "use": "fit", "id": "T1"}
    for missing in ("indicator", "source", "unit"):
        file = tmp_path / f"{missing}.csv"
        cells = {**row, missing: ""}
        file.write_text(",".join(COLUMNS) + "\n" + ",".join(cells[name] for name in COLUMNS) + "\n", encoding="utf-8")
        with pytest.raises(InputError, match="empty") as refusal:
            read(file)
        assert refusal.value.column == missing and refusal.value.line == 2


def test_the_command_says_when_nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from calibration.matching import NothingLeft

    def nothing(*_: object, **__: object) -> None:
        raise NothingLeft("no combination agrees: the best one misses V01 by 9.0")

    monkeypatch.setattr("experiments.calibrating.calibrate", nothing)
    result = CliRunner().invoke(app, ["calibrate", "-t", "tiny", "-o", str(tmp_path / "x")])
    assert result.exit_code == 1 and "misses V01" in result.stderr


def test_status_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no calibration"):
        status(tmp_path)
