"""Sensitivity: known indices are found again, chance is told from effects, and what cannot be ranked is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from abm.errors import InputError
from experiments import sensitivity_analysis, sweep_figures
from experiments.designs import Factor, Part, read_sweep_design
from experiments.sensitivity_analysis import analyse, chosen_indicators, indices_of, noise_share, save, sobol_indices

Array = NDArray[np.float64]
FEW = 50  # resamples, where intervals are not what is tested


def part_of(names: list[str], low: float, high: float, **settings: Any) -> Part:
    return Part(factors=tuple(Factor(name, (), low, high) for name in names), **settings)


def inputs(part: Part) -> Array:
    """The values of the factors at each point, shape (points, factors)."""
    return np.array([list(point.values()) for point in part.points()])


def values_of(indices: pd.DataFrame, index: str) -> dict[str, float]:
    rows = indices[(indices["index"] == index)]
    return {a + (f"*{b}" if b else ""): v for a, b, v in zip(rows["factor"], rows["with"], rows["value"], strict=True)}


# ------------------------------------------------------------------------------------------------------- known answers

ISHIGAMI = part_of(["x1", "x2", "x3"], -np.pi, np.pi, method="sobol", size=2048)
G_WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0, 99.0])
G = part_of([f"x{n}" for n in range(1, 6)], 0.0, 1.0, method="sobol", size=2048)


def ishigami(x: Array, a: float = 7.0, b: float = 0.1) -> Array:
    return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_indices(a: float = 7.0, b: float = 0.1) -> dict[str, dict[str, float]]:
    """Ishigami and Homma 1990."""
    one = 0.5 * (1.0 + b * np.pi**4 / 5.0) ** 2
    two, both = a**2 / 8.0, b**2 * np.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    total = one + two + both
    return {
        "S1": {"x1": one / total, "x2": two / total, "x3": 0.0},
        "ST": {"x1": (one + both) / total, "x2": two / total, "x3": both / total},
        "S2": {"x1*x2": 0.0, "x1*x3": both / total, "x2*x3": 0.0},
    }


def sobol_g(x: Array) -> Array:
    return np.prod((np.abs(4.0 * x - 2.0) + G_WEIGHTS) / (1.0 + G_WEIGHTS), axis=1)


def sobol_g_indices() -> dict[str, dict[str, float]]:
    """Saltelli and Sobol' 1995."""
    parts = 1.0 / 3.0 / (1.0 + G_WEIGHTS) ** 2
    total = np.prod(1.0 + parts) - 1.0
    names = [f"x{n}" for n in range(1, 6)]
    pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    return {
        "S1": dict(zip(names, parts / total, strict=True)),
        "ST": {name: parts[n] * np.prod(1.0 + np.delete(parts, n)) / total for n, name in enumerate(names)},
        "S2": {f"{names[i]}*{names[j]}": parts[i] * parts[j] / total for i, j in pairs},
    }


@pytest.mark.parametrize(
    ("part", "function", "known"),
    [(ISHIGAMI, ishigami, ishigami_indices()), (G, sobol_g, sobol_g_indices())],
    ids=["ishigami", "sobol_g"],
)
def test_known_indices_are_found_again(part: Part, function: Any, known: dict[str, dict[str, float]]) -> None:
    """First, total and second order, to 0.02; each within its own 95 % interval, widened twice for luck."""
    found = indices_of(part, function(inputs(part))[:, None], resamples=200)
    for index, expected in known.items():
        values = values_of(found.indices, index)
        assert values.keys() == expected.keys()
        for name, value in expected.items():
            assert values[name] == pytest.approx(value, abs=0.02), (index, name)
    rows = found.indices[found.indices["index"] != "S2"]
    for row in rows.itertuples():
        true, half = known[row.index][row.factor], max(row.high - row.low, 1e-9)  # type: ignore[index]
        assert row.low - half <= true <= row.high + half, row


def test_point_estimates_are_those_of_salib() -> None:
    from SALib.analyze import sobol

    outputs = ishigami(inputs(ISHIGAMI))
    theirs = sobol.analyze(ISHIGAMI.problem(), outputs, num_resamples=2, seed=1)
    ours = indices_of(ISHIGAMI, outputs[:, None], resamples=2).indices
    for index in ("S1", "ST"):
        assert list(values_of(ours, index).values()) == pytest.approx(list(theirs[index]), abs=1e-12)
    pairs = [theirs["S2"][i, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert list(values_of(ours, "S2").values()) == pytest.approx(pairs, abs=1e-12)


def test_intervals_hold_what_is_true_as_often_as_they_say() -> None:
    """Total index of x2 over 60 independent designs; if 95 % are held, fewer than 48 have p < 2e-5."""
    true, held = ishigami_indices()["ST"]["x2"], 0
    for seed in range(60):
        part = part_of(
            ["x1", "x2", "x3"], -np.pi, np.pi, method="sobol", size=128, second_order=False, design_seed=seed
        )
        rows = indices_of(part, ishigami(inputs(part))[:, None], resamples=100).indices
        row = rows[(rows["index"] == "ST") & (rows["factor"] == "x2")].iloc[0]
        held += row["low"] <= true <= row["high"]
    assert held >= 48


def test_groups_share_an_index() -> None:
    factors = tuple(Factor(f"x{n}", (), -np.pi, np.pi, group="odd" if n != 2 else None) for n in (1, 2, 3))
    part = Part("sobol", factors, size=2048)
    found = indices_of(part, ishigami(inputs(part))[:, None], resamples=FEW).indices
    known = ishigami_indices()["S1"]["x2"]
    assert values_of(found, "S1") == pytest.approx({"odd": 1.0 - known, "x2": known}, abs=0.02)
    assert values_of(found, "ST") == pytest.approx({"odd": 1.0 - known, "x2": known}, abs=0.02)


def test_morris_finds_slopes_exactly_and_interaction() -> None:
    """A plane has effects equal to its slopes over the range, without spread; a product has spread."""
    part = part_of(["a", "b", "c"], 0.0, 2.0, method="morris", size=20)
    x = inputs(part)
    plane = indices_of(part, (3.0 * x[:, 0] - 0.5 * x[:, 1])[:, None], resamples=FEW).indices
    assert values_of(plane, "mu") == pytest.approx({"a": 6.0, "b": -1.0, "c": 0.0}, abs=1e-9)
    assert values_of(plane, "mu_star") == pytest.approx({"a": 6.0, "b": 1.0, "c": 0.0}, abs=1e-9)
    assert max(values_of(plane, "sigma").values()) < 1e-9
    product = indices_of(part, (x[:, 0] * x[:, 1])[:, None], resamples=FEW).indices
    assert values_of(product, "sigma")["a"] > 0.3 and values_of(product, "sigma")["c"] == 0.0


@pytest.mark.parametrize("is_grouped", [False, True])
def test_morris_is_that_of_salib(is_grouped: bool) -> None:
    from SALib.analyze import morris

    group = "g" if is_grouped else None
    factors = tuple(Factor(f"x{n}", (), -np.pi, np.pi, group=group if n < 3 else None) for n in (1, 2, 3))
    part = Part("morris", factors, size=30)
    outputs = ishigami(inputs(part))
    theirs = morris.analyze(part.problem(), part.shares, outputs, num_resamples=2, seed=1)
    ours = indices_of(part, outputs[:, None], resamples=2).indices
    for index in ("mu_star",) if is_grouped else ("mu_star", "mu", "sigma"):
        expected = dict(zip(theirs["names"], map(float, theirs[index]), strict=True))
        assert values_of(ours, index) == pytest.approx(expected, abs=1e-9)


# -------------------------------------------------------------------------------------------------------------- chance


def with_luck(signal: Array, n_seeds: int, size: float, seed: int = 3) -> Array:
    return signal[:, None] + size * np.random.default_rng(seed).standard_normal((len(signal), n_seeds))


def test_luck_of_own_seeds_is_taken_out_of_the_total_indices() -> None:
    """Noise of half the variance: untouched totals are off by far, corrected ones are those without noise."""
    signal = ishigami(inputs(ISHIGAMI))
    values = with_luck(signal, 4, 2.0 * signal.std())  # four seeds leave a noise as wide as the signal
    known = ishigami_indices()["ST"]
    own = indices_of(ISHIGAMI, values, resamples=FEW, has_common_seeds=False)
    assert own.noise["noise_share"][0] == pytest.approx(0.5, abs=0.02)
    assert values_of(own.indices, "ST") == pytest.approx(known, abs=0.08)
    assert values_of(own.indices, "S1") == pytest.approx(ishigami_indices()["S1"], abs=0.08)
    plain = sobol_indices(values.mean(axis=1).reshape(ISHIGAMI.size, -1), ISHIGAMI.groups, False)
    assert plain["ST", "x3", ""] > known["x3"] + 0.25
    assert any("taken out here" in note for note in own.notes)


def test_what_a_common_seed_does_everywhere_alike_is_no_noise() -> None:
    """Seeds that lift all points by as much change no index; a factor without effect has none at all."""
    signal = ishigami(inputs(ISHIGAMI))
    lifted = signal[:, None] + np.array([0.0, 50.0, -20.0])
    one, many = (indices_of(ISHIGAMI, v, resamples=FEW) for v in (signal[:, None], lifted))
    assert values_of(many.indices, "ST") == pytest.approx(values_of(one.indices, "ST"), abs=1e-9)
    assert many.noise["noise_share"][0] < 1e-20
    x = inputs(ISHIGAMI)
    rough = np.sin(1e4 * x[:, :2].sum(axis=1))  # luck that the seed and the other factors decide
    found = indices_of(ISHIGAMI, np.stack([signal * 0 + x[:, 0] + rough, x[:, 0] - rough], axis=1), resamples=FEW)
    assert values_of(found.indices, "ST")["x3"] == 0.0


def test_intervals_grow_when_seeds_disagree() -> None:
    x = inputs(ISHIGAMI)
    values = np.stack([x[:, 0], x[:, 1]], axis=1)  # under one seed only x1 matters, under the other only x2
    found = indices_of(ISHIGAMI, values, resamples=200).indices
    row = found[(found["index"] == "ST") & (found["factor"] == "x1")].iloc[0]
    assert row["low"] < 0.05 and row["high"] > 0.95 and row["value"] == pytest.approx(0.5, abs=0.03)


def test_the_share_of_noise_has_its_closed_form() -> None:
    """Variance 4 between points, 1 within, 5 seeds: (1/5) / (4 + 1/5); tolerance ten standard errors."""
    generator = np.random.default_rng(5)
    points = 2.0 * generator.standard_normal((20_000, 1))
    own = points + generator.standard_normal((20_000, 5))
    assert noise_share(own, has_common_seeds=False) == pytest.approx(0.2 / 4.2, abs=0.006)
    assert noise_share(own + 9.0 * np.arange(5), has_common_seeds=True) == pytest.approx(0.2 / 4.2, abs=0.006)
    assert noise_share(own + 9.0 * np.arange(5), has_common_seeds=False) > 0.5
    assert np.isnan(noise_share(own[:, :1], has_common_seeds=True))


# --------------------------------------------------------------------------------------------------- what must be said


def test_one_seed_and_uncertain_ranks_are_told() -> None:
    part = part_of(["a", "b"], 0.0, 1.0, method="sobol", size=16)
    x = inputs(part)
    close = indices_of(part, (x[:, 0] + 0.98 * x[:, 1])[:, None], "delay", resamples=200)
    assert any("one seed a point" in note for note in close.notes)
    assert any("too wide to rank a above b" in note for note in close.notes)
    part = part_of(["a", "b"], 0.0, 1.0, method="sobol", size=512)
    x = inputs(part)
    clear = indices_of(part, np.repeat((x[:, 0] + 0.3 * x[:, 1])[:, None], 2, axis=1), "delay", resamples=200)
    assert clear.notes == []


def test_samples_with_failed_runs_are_left_out_and_told() -> None:
    outputs = ishigami(inputs(ISHIGAMI))[:, None].copy()
    outputs[[0, 3, 1000]] = np.nan
    found = indices_of(ISHIGAMI, outputs, "delay", resamples=FEW)
    assert "2 of 2048 samples left out" in found.notes[0]
    assert values_of(found.indices, "ST") == pytest.approx(ishigami_indices()["ST"], abs=0.02)
    with pytest.raises(InputError, match="'delay': 0 of 2048 samples are complete"):
        indices_of(ISHIGAMI, np.full_like(outputs, np.nan), "delay")


def test_an_output_that_does_not_vary_has_no_indices() -> None:
    found = indices_of(ISHIGAMI, np.full((ISHIGAMI.n_points, 2), 3.0), "delay", resamples=FEW)
    assert found.indices["value"].isna().all() and "does not vary" in found.notes[0]


def test_the_tornado_tells_the_ends_of_each_factor() -> None:
    part = part_of(["a", "b"], 0.0, 1.0, method="sobol", size=1024)
    x = inputs(part)
    rows = indices_of(part, (10.0 * x[:, 0])[:, None], resamples=2).tornado.set_index("factor")
    assert rows.loc["a", ["low", "middle", "high"]].tolist() == pytest.approx([1.0, 5.0, 9.0], abs=0.05)
    assert rows.loc["b", ["low", "high"]].tolist() == pytest.approx([5.0, 5.0], abs=0.01)


@pytest.mark.parametrize("method", ["sobol", "morris"])
@pytest.mark.parametrize("second_order", [True, False])
def test_the_tornado_has_no_part_of_other_factors_with_few_samples(method: str, second_order: bool) -> None:
    """Eight samples of four factors, two of them a group: others would weigh as much as what is sought."""
    part = part_of(list("abcd"), 0.0, 1.0, method=method, size=8, second_order=second_order)
    grouped = tuple(replace(factor, group="cd" if factor.name in "cd" else None) for factor in part.factors)
    part = replace(part, factors=grouped)
    slopes = np.array([10.0, 0.0, 3.0, -2.0])
    rows = indices_of(part, (inputs(part) @ slopes)[:, None], resamples=2).tornado.set_index("factor")
    assert (rows["high"] - rows["low"]).tolist() == pytest.approx((0.8 * slopes).tolist(), abs=1e-9)


def test_first_order_above_total_is_told() -> None:
    part = part_of(["a", "b"], 0.0, 1.0, method="sobol", size=2)
    point = {("S1", "a", ""): 0.3, ("ST", "a", ""): 0.1, ("S1", "b", ""): 0.7, ("ST", "b", ""): 0.9}
    assert sensitivity_analysis._contradicted(part, point, [point, point]) == ["a"]


def test_indicators_are_chosen_by_id_or_pattern() -> None:
    known = ["lead_time_mean_days.gp", "lead_time_mean_days.cardiologist", "forgone_care_share"]
    assert chosen_indicators(known, ()) == ["lead_time_mean_days.gp", "forgone_care_share"]  # those of the headline
    assert chosen_indicators(known, ("forgone_care_share", "lead_*")) == [known[2], known[0], known[1]]
    with pytest.raises(InputError, match="Did you mean 'forgone_care_share'"):
        chosen_indicators(known, ("forgone_share",))


# ------------------------------------------------------------------------------------------- from a design to its files


@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_a_table_becomes_indices_files_and_figures(method: str, tmp_path: Path) -> None:
    given = {"gp_load": None, "teleconsultation": None}
    design = read_sweep_design({"territories": ["tiny"], "seeds": 2, "samples": 64, "factors": given}, method)
    rows = []
    for spec in design.specs():
        settings = {"gp_load": 0.0, "teleconsultation": 0.0} | json.loads(spec.settings)
        delay = 20.0 * settings["gp_load"] - settings["teleconsultation"] + 0.01 * spec.seed
        facts = {"digest": spec.digest, "territory": "tiny", "scenario": "baseline", "seed": spec.seed}
        status = {"status": "done", "error": None} | {f"set.{name}": value for name, value in settings.items()}
        rows.append(facts | status | {"lead_time_mean_days.gp": delay, "forgone_care_share": 0.0})
    table = pd.DataFrame(rows)
    found = analyse(design, table, ("lead_time_mean_days.gp",))
    ranked = values_of(found.indices, found.ranked_by)
    assert list(ranked) == ["gp_load", "teleconsultation"] and ranked["gp_load"] > ranked["teleconsultation"] > 0
    low, high = (factor.high - factor.low for factor in design.main.factors)
    if method == "morris":
        assert ranked == pytest.approx({"gp_load": 20.0 * low, "teleconsultation": high}, rel=1e-9)
    table.loc[0, "status"] = "failed"
    assert "samples left out" in analyse(design, table, ("lead_time_mean_days.gp",)).notes[0]
    save(found, tmp_path)
    names = {path.name for path in tmp_path.iterdir()} | {path.name for path in (tmp_path / "figures").iterdir()}
    assert names >= {"indices.csv", "tornado.csv", "sensitivity.json", "indices_lead_time_mean_days_gp.svg",
                     "tornado_lead_time_mean_days_gp.png"}  # fmt: skip
    read = pd.read_csv(tmp_path / "indices.csv", keep_default_na=False)
    assert list(read.columns) == list(sensitivity_analysis.COLUMNS) and len(read) == len(found.indices)
    first = (tmp_path / "figures" / "indices_lead_time_mean_days_gp.svg").read_bytes()
    sweep_figures.draw_sensitivity(found, tmp_path / "again")
    assert (tmp_path / "again" / "indices_lead_time_mean_days_gp.svg").read_bytes() == first
