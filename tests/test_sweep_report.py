"""What a sweep says in numbers, against closed forms; and the report that tells it, in both languages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from experiments.batch import make_specs
from experiments.cli import app
from experiments.sweep_effects import (
    chosen_of,
    ends_table,
    grid_of,
    independent,
    mean_of,
    pairs_table,
    response_table,
)
from experiments.sweep_figures import interaction_curves, strongest_pair
from experiments.sweep_report import write_sweep_report
from experiments.sweep_words import METHOD, WORDS, figure_text, indicator_label
from experiments.sweeping import SHOWN, Results
from experiments.table import DONE, FAILED, Design, Layout, Table, write_design, write_incoming

FACTORS = ["gp_load", "gp_flex_share", "teleconsultation"]
NAMES = ("lead_time_mean_days.gp", "spend_per_head_eur")


def results_of(points: list[dict[str, float]], value: Callable[[dict[str, float], int], float], seeds: int) -> Results:
    """A sweep that nobody simulated: one indicator, known at every point under every seed."""
    rows = [
        {"digest": f"{n}-{seed}", "territory": "tiny", "scenario": "baseline", "seed": seed, **point,
         "indicator": NAMES[0], "value": value(point, seed)}
        for n, point in enumerate(points) for seed in range(1, seeds + 1)
    ]  # fmt: skip
    tidy = pd.DataFrame(rows)
    table = tidy[["digest", "territory", "scenario", "seed"]].assign(status=DONE, error=None)
    return Results(table, tidy, pd.DataFrame(), {"factors": [{"name": name} for name in points[0]]}, Path())


def grid() -> list[dict[str, float]]:
    levels = ([0.8, 0.9, 1.0], [0.0, 0.1], [0.0, 0.25, 0.5])
    return [dict(zip(FACTORS, values, strict=True)) for values in itertools.product(*levels)]


def drawn(n: int, seed: int = 1) -> list[dict[str, float]]:
    shares = np.random.default_rng(seed).random((n, 3))
    low, width = np.array([0.8, 0.0, 0.0]), np.array([0.2, 0.1, 0.5])
    return [dict(zip(FACTORS, row, strict=True)) for row in (low + width * shares).tolist()]


def outcome(point: dict[str, float]) -> float:
    load, flex, video = (point[name] for name in FACTORS)
    return 10 * load - 20 * flex + 4 * video + 30 * load * video


# ---------------------------------------------------------------------------------------------------------- in numbers


def test_ends_and_pairs_of_levels_are_exact_where_nothing_is_left_to_chance() -> None:
    results = results_of(grid(), lambda point, seed: outcome(point) + 100 * seed, 4)
    ends = ends_table(results, [NAMES[0]], FACTORS).set_index("factor")
    # 10·0.2 + 30·0.2·mean(video); −20·0.1; (4 + 30·mean(load))·0.5: what a seed does everywhere is no uncertainty
    assert ends["difference"].tolist() == pytest.approx([3.5, -2.0, 15.5])
    assert ends[["low", "high"]].to_numpy() == pytest.approx(np.repeat(ends[["difference"]].to_numpy(), 2, axis=1))
    assert (ends.loc["gp_load", "low_level"], ends.loc["gp_load", "high_level"]) == (0.8, 1.0)
    assert ends["runs"].tolist() == [48, 72, 48]
    pairs = pairs_table(results, [NAMES[0]], FACTORS).set_index(["factor", "with"])
    assert pairs.loc[("gp_load", "teleconsultation"), "change"] == pytest.approx(30 * 0.2 * 0.5)
    assert pairs.loc[("gp_load", "gp_flex_share"), "change"] == pytest.approx(0.0, abs=1e-9)


def test_drawn_points_give_the_product_of_the_regression() -> None:
    points = drawn(60)
    span = {name: np.ptp([point[name] for point in points]) for name in FACTORS}
    pairs = pairs_table(results_of(points, lambda point, _: outcome(point), 1), [NAMES[0]], FACTORS)
    change = pairs.set_index(["factor", "with"])["change"]
    assert change["gp_load", "teleconsultation"] == pytest.approx(30 * span["gp_load"] * span["teleconsultation"])
    few = pairs_table(results_of(drawn(9), lambda point, _: outcome(point), 1), [NAMES[0]], FACTORS)
    levels = ends_table(results_of(points, lambda point, _: outcome(point), 2), [NAMES[0]], FACTORS)
    assert few.empty and len(levels) == 3  # nine points cannot tell of three factors; of many the outer fifths are told
    assert levels["low_level"].iloc[0] < 0.84 < 0.96 < levels["high_level"].iloc[0]


@pytest.mark.parametrize("kind", ["pairs", "ends"])
def test_intervals_of_drawn_points_hold_the_truth_as_often_as_they_say(kind: str) -> None:
    """200 sweeps without interaction or effect: 95 % intervals miss 0 in 10 ± 6 × 3.1 of them (false alarm 1e-6)."""
    missed = 0
    for trial in range(200):
        noise = np.random.default_rng(1000 + trial).normal(size=1000)
        points = drawn(40, trial)
        place = {tuple(point.values()): n for n, point in enumerate(points)}
        results = results_of(points, lambda p, _, place=place, noise=noise: float(noise[place[tuple(p.values())]]), 1)  # type: ignore[misc]
        found = (pairs_table(results, [NAMES[0]], FACTORS[:2]) if kind == "pairs"
                 else ends_table(results, [NAMES[0]], FACTORS[:1]))  # fmt: skip
        missed += bool((found["low"] > 0).iloc[0] or (found["high"] < 0).iloc[0])
    assert 0 < missed <= 10 + 6 * 3.1


def test_responses_of_drawn_points_have_intervals_over_points() -> None:
    results = results_of(drawn(80), lambda point, _: outcome(point), 2)
    table = response_table(results.tidy, "gp_flex_share")
    assert len(table) == 8 and table["runs"].tolist() == [20] * 8
    first = results.tidy.sort_values("gp_flex_share").head(20)
    mean, low, high = mean_of(first.groupby("gp_flex_share")["value"].mean().to_numpy())
    assert table.loc[0, ["mean", "low", "high"]].tolist() == pytest.approx([mean, low, high])
    assert len(response_table(results.tidy, "gp_flex_share", classes=4)) == 4
    assert grid_of(results.tidy, "gp_load", "teleconsultation").shape == (4, 4)


@pytest.mark.parametrize(("method", "places"), [("sobol", [0, 1, 6, 7, 8, 9, 14, 15]), ("morris", [0, 1, 8, 9])])
def test_points_that_repeat_others_are_not_compared_with_them(method: str, places: list[int]) -> None:
    """Two samples (or trajectories) of four points under two seeds: rows of the first point, of Sobol' the last too."""
    results = results_of(drawn(8), lambda point, _: outcome(point), 2)
    about = {"method": method, "samples": 2, "seeds": [1, 2]}
    kept = independent(replace(results, about=about))
    assert kept.table["digest"].tolist() == results.table["digest"].iloc[places].tolist()
    assert set(kept.tidy["digest"]) == set(kept.table["digest"])
    assert independent(results) is results


def test_the_pair_shown_is_the_one_that_acts_together() -> None:
    results = results_of(grid(), lambda point, seed: outcome(point) + np.sin(1e6 * seed * outcome(point)), 4)
    assert strongest_pair(results, NAMES[0], FACTORS) == ("gp_load", "teleconsultation")
    assert strongest_pair(results, NAMES[0], FACTORS[:1]) is None
    axis = interaction_curves(results.tidy, NAMES[0], "gp_load", "teleconsultation").axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["0", "0.25", "0.5"]


# ------------------------------------------------------------------------------------------------------------ as a page


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 24 runs whose numbers are made up; one failed, one is pending."""
    folder = tmp_path_factory.mktemp("sweep")
    settings = [{"gp_load": load, "teleconsultation": video} for load in (0.8, 0.9, 1.0) for video in (0.0, 0.5)]
    specs = make_specs(seeds=range(1, 5), settings=[{"days": 20, **point} for point in settings], territory="tiny")
    layout = Layout(dict.fromkeys(("days", "gp_load", "teleconsultation"), "number"), (*NAMES, SHOWN[1]))
    factors = [{"name": name, "levels": sorted({point[name] for point in settings}), "unit": "", "group": None}
               for name in settings[0]]  # fmt: skip
    about = {"title": "Made-up numbers", "method": "grid", "factors": factors, "seeds": [1, 2, 3, 4]}
    write_design(folder, design := Design(tuple(specs), layout, about=about))
    table = Table(folder, design)
    table.lay_out()
    for number, spec in enumerate(specs[:-1]):
        point = settings[number // 4]
        values = {NAMES[0]: 4 * point["gp_load"] + spec.seed, NAMES[1]: 1234.5 + 100 * point["teleconsultation"]}
        failed = number == 22
        row = layout.row(spec, FAILED, "ArithmeticError: no luck") if failed else layout.row(spec, DONE, values=values)
        write_incoming(folder, row)
    table.fold()
    return folder


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="territoire")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_says_what_the_table_holds(stored: Path, language: str) -> None:
    result = call("report", str(stored), "--lang", language)
    assert result.exit_code == 0, result.stderr
    page = (stored / f"report.{language}.html").read_text(encoding="utf-8")
    assert "<h1>Made-up numbers</h1>" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)  # nothing is fetched
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))  # figures and headings do not share anchors
    links = re.findall(r'<a href="#([^"]+)"', page)
    assert len(links) >= 5 and set(links) <= set(ids)
    assert "ArithmeticError: no luck" in page and "1 failed" in page and "1 pending" in page
    assert WORDS["invented"][language == "fr"] in page and indicator_label(NAMES[1], language) in page
    assert ("+0,8" if language == "fr" else "+0.8") in page  # 4 × (1.0 − 0.8) days
    files = [file for file in (stored / "figures").glob("*.svg") if file.stem.endswith("_fr") == (language == "fr")]
    assert page.count("<svg") == len(files) == 4
    assert call("report", str(stored), "--lang", "de").exit_code == 2


def test_a_report_is_the_same_to_the_byte_when_it_is_made_again(stored: Path) -> None:
    first = write_sweep_report(stored).read_bytes()
    assert write_sweep_report(stored).read_bytes() == first


def test_indicators_shown_are_those_of_the_design_or_a_few_that_matter() -> None:
    results = results_of(grid(), lambda point, _: 1.0, 1)
    assert chosen_of(results) == [NAMES[0]]
    assert chosen_of(results, ["lead_time_*"]) == [NAMES[0]]


def test_both_languages_have_every_word() -> None:
    assert all(len(pair) == 2 and all(pair) for pair in WORDS.values())
    assert len(METHOD["en"]) == len(METHOD["fr"])
    assert figure_text(-1234.5, "en") == "−1,234" and figure_text(-1234.5, "fr") == "−1\u202f234"
    assert figure_text(0.01234, "fr", sign=True) == "+0,0123" and figure_text(float("nan"), "en") == "–"
