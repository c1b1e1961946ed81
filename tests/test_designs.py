"""Design files: which runs they ask for, where ranges come from, and what is refused, with the line."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abm.errors import InputError
from abm.parameters import load_parameters
from experiments.designs import Factor, Part, SweepDesign, read_sweep_design
from experiments.specs import make_specs

SHORT = {"days": 20, "warm_up_days": 10, "follow_up_days": 10}
TINY: dict[str, Any] = {"territories": ["tiny"], "settings": SHORT}


def design(**content: Any) -> SweepDesign:
    return read_sweep_design(TINY | content)


def points_of(found: SweepDesign) -> list[dict[str, Any]]:
    return list(found.points("baseline", "tiny"))


# -------------------------------------------------------------------------------------------------------------- methods


def test_a_grid_is_every_combination_with_every_seed() -> None:
    found = design(method="grid", seeds=2, factors={"teleconsultation": [0, 0.5], "gp_load": [0.85, 0.9, 1.0]})
    expected = [{"teleconsultation": x, "gp_load": y} for x in (0, 0.5) for y in (0.85, 0.9, 1.0)]
    assert points_of(found) == expected and found.n_runs == 12
    by_hand = make_specs(seeds=[1, 2], settings=[SHORT | point for point in expected], territory="tiny")
    assert found.specs() == by_hand


def test_steps_divide_a_range_evenly_and_end_at_its_ends() -> None:
    given = {"gp_load": {"steps": 6}, "days": {"low": 10, "high": 30, "steps": 3}}
    found = design(method="grid", factors=given, settings={})
    row = load_parameters().entry("gp_load")
    loads, days = (factor.levels for factor in found.main.factors)
    assert np.allclose(loads, np.linspace(row.low, row.high, 6), rtol=0, atol=1e-12) and loads[-1] == row.high
    assert days == (10, 20, 30) and all(isinstance(day, int) for day in days)


def test_territories_and_scenarios_are_crossed_with_the_points(tmp_path: Path) -> None:
    (tmp_path / "busy.yaml").write_text("extends: baseline\nparameters: {gp_load: 1.0}\n")
    file = tmp_path / "plan.yaml"
    file.write_text(
        "method: grid\nscenarios: [baseline, busy.yaml]\nterritories: [tiny, saverne]\nfactors: {days: [5, 6]}\n"
    )
    found = read_sweep_design(file)
    specs = found.specs()
    assert found.name == "plan" and found.n_runs == len(specs) == 8
    assert [spec.territory for spec in specs] == ["tiny"] * 4 + ["saverne"] * 4
    assert [json.loads(spec.scenario)["name"] for spec in specs[:4]] == ["baseline"] * 2 + ["busy"] * 2
    assert json.loads(specs[2].scenario)["parameters"]["gp_load"] == 1.0


def test_a_list_comes_from_the_file_or_a_csv_beside_it(tmp_path: Path) -> None:
    listed = design(method="list", points=[{"teleconsultation": 0.2}, {"M001": 0.9, "teleconsultation": 0}])
    assert points_of(listed) == [{"teleconsultation": 0.2}, {"gp_load": 0.9, "teleconsultation": 0}]
    (tmp_path / "points.csv").write_text("teleconsultation,gp_load\n0.2,\n0,0.9\n\n")
    file = tmp_path / "plan.yaml"
    file.write_text("method: list\nterritories: [tiny]\nfile: points.csv\nsettings: {days: 20}\n")
    assert points_of(read_sweep_design(file)) == [{"teleconsultation": 0.2}, {"teleconsultation": 0, "gp_load": 0.9}]


def test_a_latin_hypercube_has_one_point_in_each_slice_of_each_factor() -> None:
    given = {"gp_load": None, "teleconsultation": {"low": 0.1, "high": 0.3}, "gp_flex_share": None}
    found = design(method="latin_hypercube", samples=16, factors=given)
    for column in found.main.shares.T:
        assert sorted((column * 16).astype(int)) == list(range(16))
    low, high = (getattr(load_parameters().entry("gp_load"), name) for name in ("low", "high"))
    values = [point["gp_load"] for point in points_of(found)]
    assert low <= min(values) < low + (high - low) / 16 and high - (high - low) / 16 < max(values) <= high
    again = design(method="latin_hypercube", samples=16, factors=given)
    other = design(method="latin_hypercube", samples=16, factors=given, design_seed=2)
    assert points_of(again) == points_of(found) != points_of(other)


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("method", ["sobol", "morris", "latin_hypercube"])
def test_the_same_design_seed_gives_the_same_points(method: str, seed: int) -> None:
    """SALib takes seed 0 for no seed at all; here it is a seed like any other."""
    given = {"gp_load": None, "gp_flex_share": None}
    one, two = (design(method=method, factors=given, design_seed=seed).main.shares for _ in range(2))
    assert np.array_equal(one, two) and one.shape[1] == 2
    assert not np.array_equal(one, design(method=method, factors=given, design_seed=seed + 1).main.shares)


@pytest.mark.parametrize(("second_order", "expected"), [(True, 16 * (2 * 3 + 2)), (False, 16 * (3 + 2))])
def test_a_sobol_design_has_the_points_of_saltelli(second_order: bool, expected: int) -> None:
    given = {"gp_load": None, "gp_flex_share": None, "teleconsultation": None}
    found = design(method="sobol", samples=16, second_order=second_order, factors=given)
    assert found.main.n_points == len(points_of(found)) == expected == found.n_runs
    block = found.main.shares[: expected // 16]
    a, b = block[0], block[-1]
    for number in range(3):
        mixed = a.copy()
        mixed[number] = b[number]
        assert np.array_equal(block[1 + number], mixed)


def test_morris_moves_one_factor_or_group_at_a_time() -> None:
    given = {"gp_load": {"group": "practice"}, "gp_flex_share": {"group": "practice"}, "teleconsultation": None}
    found = design(method="morris", trajectories=5, factors=given)
    assert found.main.groups == ("practice", "teleconsultation") and found.main.n_points == 5 * 3
    steps = np.diff(found.main.shares.reshape(5, 3, 3), axis=1) != 0
    assert set(map(tuple, steps.reshape(-1, 3).tolist())) == {(True, True, False), (False, False, True)}


def test_seeds_are_common_or_every_points_own() -> None:
    given = {"method": "grid", "factors": {"teleconsultation": [0, 0.5]}}
    assert [spec.seed for spec in design(**given, seeds=[5, 0]).specs()] == [5, 0, 5, 0]
    own = design(**given, seeds={"count": 2, "first": 10, "common": False})
    assert [spec.seed for spec in own.specs()] == [10, 11, 12, 13]
    assert own.about()["has_common_seeds"] is False


# --------------------------------------------------------------------------------------------------------------- blocks


def test_a_block_varies_only_where_its_condition_holds() -> None:
    found = design(
        method="grid",
        factors={"teleconsultation": [0, 0.2, 0.4]},
        blocks=[
            {"when": {"teleconsultation": {"above": 0}}, "factors": {"gp_load": [0.9, 1.0]}},
            {"when": {"teleconsultation": [0, 0.4]}, "settings": {"gp_flex_share": 0.0}},
        ],
    )
    expected = [
        {"teleconsultation": 0, "gp_flex_share": 0.0},
        {"teleconsultation": 0.2, "gp_load": 0.9},
        {"teleconsultation": 0.2, "gp_load": 1.0},
        {"teleconsultation": 0.4, "gp_load": 0.9, "gp_flex_share": 0.0},
        {"teleconsultation": 0.4, "gp_load": 1.0, "gp_flex_share": 0.0},
    ]
    assert points_of(found) == expected and found.n_runs == 5
    settings = [json.loads(spec.settings) for spec in found.specs()]
    assert "gp_load" not in settings[0] and settings[4]["gp_load"] == 1.0


def test_blocks_of_a_scenario_and_of_sampled_factors() -> None:
    block = {"when": {"territory": "tiny", "scenario": "other"}, "factors": {"gp_load": [0.9, 1.0]}}
    assert design(method="grid", factors={"days": [5]}, blocks=[block], settings={}).n_runs == 1
    sampled = {"when": {"days": 6}, "method": "latin_hypercube", "samples": 3, "factors": {"gp_load": None}}
    found = design(method="grid", factors={"days": [5, 6]}, blocks=[sampled], settings={})
    assert [("gp_load" in point) for point in points_of(found)] == [False, True, True, True]


# -------------------------------------------------------------------------------------------------------- distributions

SHARES = np.linspace(0.0, 1.0, 21)


@pytest.mark.parametrize(
    ("factor", "reference"),
    [
        (Factor("x", (), 2.0, 5.0), stats.uniform(2, 3)),
        (Factor("x", (), 0.1, 10.0, distribution="log_uniform"), stats.loguniform(0.1, 10)),
        (Factor("x", (), 2.0, 6.0, 3.0, "triangular"), stats.triang(0.25, 2, 4)),
        (Factor("x", (), 2.0, 6.0, 2.0, "triangular"), stats.triang(0.0, 2, 4)),
        (Factor("x", (), 2.0, 6.0, 6.0, "triangular"), stats.triang(1.0, 2, 4)),
        (Factor("x", (), 2.0, 6.0, 3.0, "pert"), stats.beta(2.0, 4.0, 2, 4)),
    ],
)
def test_values_have_the_distribution_asked_for(factor: Factor, reference: Any) -> None:
    values = [factor.at(share) for share in SHARES]
    assert np.allclose(values, reference.ppf(SHARES), rtol=1e-12, atol=1e-12)
    assert values[0] == factor.low and values[-1] == factor.high


def test_levels_and_whole_numbers_are_equally_likely() -> None:
    levels = Factor("x", levels=("a", "b", "c"))
    assert [levels.at(share) for share in (0, 0.33, 0.34, 0.99, 1.0)] == ["a", "a", "b", "c", "c"]
    whole = Factor("days", (), 1, 3, is_whole=True)
    counts = np.unique([whole.at(share) for share in (np.arange(999) + 0.5) / 999], return_counts=True)
    assert counts[0].tolist() == [1, 2, 3] and counts[1].tolist() == [333] * 3 and whole.at(1.0) == 3


def test_ranges_and_modes_come_from_the_registry() -> None:
    found = design(
        method="latin_hypercube", factors={"gp_load": {"distribution": "triangular"}, "teleconsultation": None}
    )
    row, lever = load_parameters().entry("gp_load"), found.main.factors[1]
    factor = found.main.factors[0]
    assert (factor.low, factor.high, factor.mode, factor.unit) == (row.low, row.high, row.value, row.unit)
    assert (lever.low, lever.high) == (0.0, 1.0)
    family = design(method="latin_hypercube", factors={"specialist_load[*]": {"group": "specialists"}}).main
    members = load_parameters().matching("specialist_load")
    assert [f.name for f in family.factors] == [f"specialist_load[{m}]" for m in members]
    assert family.groups == ("specialists",)


def test_every_value_drawn_can_be_run() -> None:
    """The ends of a registered range are within it, to the last bit."""
    part = Part("sobol", tuple(Factor(r.name, (), r.low, r.high) for r in load_parameters().rows
                               if r.value is not None and r.low < r.high))  # fmt: skip
    for factor in part.factors:
        for share in (0.0, 1.0, 1.0 - 2**-53, math.nextafter(0.5, 1)):
            load_parameters().entry(factor.name).check(factor.at(share))


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("factors: {gp_load: [0.9]}", 1, "'method' is missing, one of: grid"),
        ("method: gird", 1, "Did you mean 'grid'"),
        ("method: grid\nfactor: {gp_load: [0.9]}", 2, "unknown key 'factor'. Did you mean 'factors'"),
        ("method: grid\nsamples: 8", 2, "It belongs to method latin_hypercube and sobol"),
        ("method: grid\nfactors:\n  gp_laod: [0.9]", 3, "unknown factor 'gp_laod'. Did you mean 'gp_load'"),
        ("method: grid\nfactors:\n  gp_load: []", 3, "expected a list of levels"),
        ("method: grid\nfactors:\n  gp_load:\n  - 0.9\n  - high", 5, "found 'high', expected a number"),
        ("method: grid\nfactors:\n  teleconsultation: [0, lots]", 3, "found 'lots', expected a number"),
        ("method: grid\nfactors:\n  gp_load: [0.9, 7]", 3, "found 7, expected 0.8 to 1.05"),
        ("method: grid\nfactors:\n  gp_load: [0.9, 0.9]", 3, "given twice"),
        ("method: grid\nfactors:\n  gp_load:", 3, "a grid needs levels"),
        ("method: grid\nfactors:\n  gp_load: 0.9", 3, "expected a list of levels, or low and high"),
        ("method: grid\nfactors:\n  gp_load: [0.9]\n  M001: [0.9]", 2, "given twice"),
        ("method: morris\nfactors:\n  gp_load: {low: 1, high: 0.9}", 3, "an empty range, 1 to 0.9"),
        ("method: morris\nfactors:\n  gp_load: {low: 0.1}", 3, "found 0.1"),
        ("method: morris\nfactors:\n  gp_load: {hihg: 1}", 3, "Did you mean 'high'"),
        ("method: morris\nfactors:\n  gp_load: {distribution: normal}", 3, "unknown distribution 'normal'"),
        ("method: morris\nfactors:\n  gp_load: {distribution: pert, mode: 2}", 3, "the mode (2) lies outside"),
        ("method: morris\nfactors:\n  gp_load: {mode: 0.9}", 3, "a uniform distribution has no mode"),
        ("method: morris\nfactors:\n  gp_flex_share: {distribution: log_uniform}", 3, "begins above 0"),
        ("method: morris\nfactors:\n  days:", 3, "'days' has no registered range"),
        ("method: morris\nfactors:\n  gp_loads[*]:", 3, "no parameter is named 'gp_loads[…]'"),
        ("method: morris", 1, "'factors' is missing"),
        ("method: morris\nlevels: 5\nfactors: {gp_load: }", 2, "expected an even number"),
        ("method: sobol\nsamples: 100\nfactors: {gp_load: }", 2, "expected a power of two, e.g. 128"),
        ("method: sobol\nscenarios: [baseline, baseline]\nfactors: {gp_load: }", 2, "given twice"),
        ("method: sobol\nterritories: [tiny, saverne]\nfactors: {gp_load: }", 2, "of one scenario, one territory"),
        ("method: grid\nterritories: [tinny]", 2, "Did you mean 'tiny'"),
        ("method: grid\nscenarios: [basline]", 2, "Did you mean 'baseline'"),
        ("method: grid\nseeds: 0", 2, "found 0, expected a whole number from 1"),
        ("method: grid\nseeds: [1, -2]", 2, "found -2"),
        ("method: grid\nseeds: [1, 1]", 2, "given twice"),
        ("method: grid\nseeds: {cuont: 3}", 2, "Did you mean 'count'"),
        ("method: grid\nstrata: [age]", 2, "Did you mean 'age_band'"),
        ("method: grid\nsettings: {dayz: 3}", 2, "Did you mean 'days'"),
        ("method: grid\nsettings: {days: 0}", 2, "found 0"),
        ("method: grid\nsettings: {levers: {}}", 2, "cannot be set here"),
        ("method: grid\nsettings:\n  days: 5\nfactors: {days: [5]}", 3, "is a factor and in 'settings'"),
        ("method: list", 1, "a list needs either 'points' or 'file'"),
        ("method: list\npoints: []", 2, "expected a list of points"),
        ("method: list\npoints:\n  - gp_load: 0.9\n  - gp_load: 9", 4, "found 9"),
        ("method: list\nfile: nowhere.csv", 2, "cannot be read"),
        ("method: grid\nfactors: {days: [5]}\nblocks:\n  - factors: {gp_load: [1]}", 4, "'when' is missing"),
        ("method: grid\nfactors: {days: [5]}\nblocks:\n  - when: {dayz: 5}", 4, "is no factor of this design"),
        (
            "method: grid\nfactors: {days: [5]}\nblocks:\n  - when: {days: {over: 5}}\n    factors: {gp_load: [1]}",
            4,
            "unknown key 'over'",
        ),
        (
            "method: grid\nfactors: {days: [5]}\nblocks:\n  - when: {days: 5}\n    factors: {days: [6]}",
            4,
            "'days' is set outside this block already",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text + "\n")
    with pytest.raises(InputError) as caught:
        read_sweep_design(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith((f"{file}, line {line}: ", f"{tmp_path / 'nowhere.csv'}: "))


def test_a_bad_cell_of_a_csv_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("method: list\nfile: points.csv\n")
    for text, message in (("gp_load\n0.9\n9\n", "line 3: .*found 9"), ("gp_load\n0.9,1\n", "line 2: found 2 cells"),
                          ("gp_laod\n1\n", "line 2: .*Did you mean 'gp_load'")):  # fmt: skip
        (tmp_path / "points.csv").write_text(text)
        with pytest.raises(InputError, match=f"points.csv, {message}"):
            read_sweep_design(tmp_path / "plan.yaml")


def test_a_huge_grid_is_counted_without_being_made() -> None:
    steps = {"teleconsultation": 1000, "gp_load": 500, "gp_flex_share": 400}
    found = design(method="latin_hypercube", samples=2, factors=dict.fromkeys(steps))
    huge = Part("grid", tuple(replace(f, levels=tuple(range(steps[f.name]))) for f in found.main.factors))
    assert replace(found, main=huge).n_runs == 200_000_000


@pytest.mark.parametrize("file", sorted((Path(__file__).parents[1] / "docs" / "designs").glob("*.yaml")), ids=str)
def test_the_designs_that_come_along_can_be_used(file: Path) -> None:
    for method, n_runs in (("sobol", 1792), ("morris", 520)):
        found = read_sweep_design(file, method)
        assert len(found.main.groups) == 12 and found.n_runs == n_runs


def test_no_file_and_a_missing_file() -> None:
    with pytest.raises(InputError, match="no such design file"):
        read_sweep_design("nowhere.yaml")
    with pytest.raises(InputError, match="^unknown factor 'gp_laod'"):
        design(method="grid", factors={"gp_laod": [1]})
