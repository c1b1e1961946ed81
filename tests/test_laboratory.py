"""The laboratory: estimators on claims whose truth is written in, the study on the invented territory, what is refused.

Statistical tests have fixed seeds; a comparison holds within 4.5 standard errors (false alarm 7e-6 each).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm.errors import InputError
from abm.scenario import load_scenario
from experiments.estimators import (
    ESTIMATORS,
    MEMBERS,
    before_after,
    difference_in_differences,
    matching,
    members_against_others,
    mortality_ratio,
    quality_differences,
    question,
    regression,
)
from experiments.laboratory import (
    ARMS,
    Laboratory,
    arm_scenario,
    ask,
    half_of_the_communes,
    lab,
    tasks_of,
    true_savings,
)
from experiments.laboratory_contracts import payments
from experiments.laboratory_tables import conclusion, kinzigtal, power, summary

SIZES = [(0.5, 2), (1.0, 2)]
SHORT = {"days": 731, "warm_up_days": 180}
OPEN = np.arange(20)


def claims(
    n: int = 40_000, effect: float = 300.0, selection: float = 0.0, trend: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Invented claims: everybody's spend follows age and a hidden trait; members (of open communes) save `effect`."""
    rng = np.random.default_rng(seed)
    age, hidden = rng.uniform(0, 90, n), rng.standard_normal(n)
    has = rng.random((n, 2)) < age[:, None] / 200
    commune = rng.integers(0, 40, n)
    score = -2.0 + 0.02 * age + selection * hidden
    is_member = (commune < 20) & (rng.random(n) < 1 / (1 + np.exp(-score)))
    mean = 800 + 20 * age + 900 * has.sum(axis=1) + 500 * hidden
    level = mean + 600 * rng.standard_normal(n)
    table = {
        "person": np.arange(n), "commune": commune, "age_years": age, "is_female": rng.random(n) < 0.5,
        "income_quintile": 1 + np.arange(n) % 5, "has_ald": rng.random(n) < age / 300, "n_conditions": has.sum(axis=1),
        "has.a": has[:, 0], "has.b": has[:, 1], "is_member": is_member, "is_there": True,
        "is_dead": rng.random(n) < 0.03, "years": 3.0, "spend_before_eur": level,
        "spend_eur.1": level, "years.1": 1.0,
    }  # fmt: skip
    for year in (2, 3):
        spend = level + trend + 400 * rng.standard_normal(n)
        table |= {f"spend_eur.{year}": spend - effect * is_member, f"years.{year}": 1.0}
    for number in range(40):
        table[f"quality.{number}.all"] = (rng.random(n) < 0.5).astype(np.float32)
    return pd.DataFrame(table)


def near(estimate, truth: float) -> bool:
    error = (estimate.high - estimate.low) / 2 / 1.96
    return abs(estimate.value - truth) < 4.5 * error


# --- estimators ---------------------------------------------------------------------------------------------------


def test_without_selection_and_trend_all_find_the_effect() -> None:
    asked = question(claims(), 3, OPEN)
    for estimate in (before_after, regression, matching):
        assert near(estimate(asked), 300.0), (estimate, estimate(asked))
    share = asked.frame["is_member"][asked.is_open].mean()
    assert near(difference_in_differences(asked), 300.0 * share)
    # Members are older: the plain contrast is off by what age and disease cost.
    assert members_against_others(asked).value < 200.0


def test_a_trend_is_taken_for_an_effect_by_before_after_alone() -> None:
    asked = question(claims(trend=150.0), 3, OPEN)
    assert near(before_after(asked), 150.0)
    assert near(regression(asked), 300.0)
    assert near(difference_in_differences(asked), 300.0 * asked.frame["is_member"][asked.is_open].mean())


def test_hidden_selection_is_beyond_the_plain_contrast_but_not_beyond_control_communes() -> None:
    asked = question(claims(effect=0.0, selection=1.0), 3, OPEN)
    assert not near(members_against_others(asked), 0.0)
    assert near(difference_in_differences(asked), 0.0)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """60 sets of claims without selection or trend: coverage of 95 % within 0.82 to 1 (false alarm 1e-4)."""
    held = dict.fromkeys((before_after, regression, matching, difference_in_differences), 0)
    for seed in range(60):
        asked = question(claims(4000, seed=seed), 3, OPEN)
        share = asked.frame["is_member"][asked.is_open].mean()
        for estimate in held:
            found = estimate(asked)
            truth = 300.0 * share if estimate is difference_in_differences else 300.0
            held[estimate] += found.low <= truth <= found.high
    assert all(count >= 0.82 * 60 for count in held.values()), held


def test_too_few_members_give_no_estimate() -> None:
    few = claims(400).assign(is_member=np.arange(400) < 5)
    asked = question(few, 3, np.arange(40))
    for name, (estimate, about) in ESTIMATORS.items():
        if about == MEMBERS:
            assert np.isnan(estimate(asked).value), name
    assert not before_after(asked).excludes_zero


def test_the_truth_is_the_difference_of_two_runs() -> None:
    with_network, without = claims(effect=300.0), claims(effect=0.0)
    asked = question(with_network, 3, OPEN)
    members, residents = true_savings(asked.frame, asked.is_open, without, 3)
    assert members == pytest.approx(300.0)
    assert residents == pytest.approx(300.0 * asked.frame["is_member"][asked.is_open].mean())


def test_quality_differs_by_chance_only_where_it_is_the_same() -> None:
    """40 indicators at 5 %: 2 expected, at most 8 (false alarm 1e-4); three that differ are found."""
    table = claims(8000)
    differing, tested = quality_differences(table)
    assert tested == 40 and differing <= 8
    for number in range(3):
        table[f"quality.{number}.all"] = np.where(table["is_member"], 1.0, table[f"quality.{number}.all"])
    assert quality_differences(table)[0] >= 3


def test_members_who_had_to_live_to_become_members_seem_to_die_less() -> None:
    """Immortal time: nobody's risk differs, members are those who lived through the first of three years."""
    rng, n = np.random.default_rng(1), 60_000
    died_after = rng.exponential(1 / 0.05, n)
    is_member = (rng.random(n) < 0.3) & (died_after > 1.0)
    table = pd.DataFrame({
        "age_years": np.full(n, 70.0), "is_female": False, "is_member": is_member, "is_there": died_after > 1.0,
        "is_dead": died_after < 3.0, "years": np.minimum(died_after, 3.0),
    })  # fmt: skip
    naive, fair = mortality_ratio(table, from_landmark=False), mortality_ratio(table, from_landmark=True)
    assert naive[2] < 0.85, "a third of the time nobody could die"
    assert fair[1] < 1.0 < fair[2]


# --- tables -------------------------------------------------------------------------------------------------------


def rows(n: int = 400, bias: float = 50.0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = []
    for size, people in ((0.25, 10_000), (1.0, 40_000)):
        error = bias + 10_000 / np.sqrt(people) * rng.standard_normal(n)
        spread = 1.96 * 10_000 / np.sqrt(people)
        frames.append(pd.DataFrame({
            "size": size, "seed": range(n), "effect": "none", "selection": "as assumed", "planted": 0.0, "years": 2,
            "estimator": "before/after", "people": people, "truth_eur": 20.0, "estimate_eur": 20.0 + error,
            "low_eur": 20.0 + error - spread, "high_eur": 20.0 + error + spread,
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def test_summary_by_hand_and_by_chance() -> None:
    table = summary(rows(bias=0.0)).set_index("size")
    for size, people in ((0.25, 10_000), (1.0, 40_000)):
        spread = 10_000 / np.sqrt(people)
        assert abs(table["bias_eur"][size]) < 4.5 * spread / 20
        assert table["spread_eur"][size] == pytest.approx(spread, rel=0.16)
        assert table["coverage"][size] == pytest.approx(0.95, abs=0.05)
        assert table["stated_error_eur"][size] == pytest.approx(spread, rel=1e-4)
    assert summary(rows(bias=500.0))["coverage"].max() < 0.2, "a biased method does not cover"


def test_power_follows_the_square_root_of_numbers() -> None:
    """Spread of one person is 10,000: in 40,000 people 50; a saving of 100 EUR takes (2.8 · 10,000 / 100)² people."""
    people = pd.DataFrame({"effect": ["none"], "enrolled_share_open": [0.2]})
    table = power(rows(), people).iloc[0]
    assert table["people"] == 40_000
    assert table["spread_eur"] == pytest.approx(50, rel=0.11)
    assert table["bias_eur"] == pytest.approx(50, abs=15)
    assert table["people_for_100_eur"] == pytest.approx((2.8016 * 10_000 / 100) ** 2, rel=0.22)
    residents = power(rows().assign(estimator="difference-in-differences"), people).iloc[0]
    assert residents["spread_eur"] == pytest.approx(5 * table["spread_eur"]), "a fifth are members"


def test_kinzigtal_says_so_when_it_cannot_be_and_names_the_case_when_it_can() -> None:
    keys = {"size": 1.0, "seed": 1, "effect": "none", "selection": "strong"}
    contracts = pd.DataFrame([keys | {"planted": 0.0, "contract": "kinzigtal", "margin_share": 0.01}])
    care = {"mortality_naive": 0.8, "mortality_naive_high": 0.9, "mortality_landmark": 1.0,
            "mortality_landmark_high": 1.1, "quality_differing": 5, "quality_tested": 70}  # fmt: skip
    people = pd.DataFrame([keys | care])
    table = kinzigtal(contracts, people)
    assert table["all_together"].tolist() == [0.0] and table["margin_missing"][0] == pytest.approx(0.06)
    assert "no run" in conclusion(table)[-1]
    there = kinzigtal(contracts.assign(margin_share=0.08), people)
    assert there["all_together"].tolist() == [1.0]
    assert "effect none, selection strong" in conclusion(there)[-1]


def test_contracts_by_hand() -> None:
    """One cell: norm 1,000 a year from the other seed, scaled by the base year; savings of 100 are seen whole."""

    def run(scenario: str, seed: int, before: float, now: float) -> list[dict]:
        return [
            {"scenario": scenario, "seed": seed, "period": period, "stratum": "0", "name": name, "value": value}
            for period, spend in (("before", before), ("2020", now))
            for name, value in (("person_years", 100.0), ("spend_eur", spend * 100.0))
        ]  # fmt: skip

    table = pd.DataFrame([*run("reference", 1, 1000, 1000), *run("reference", 2, 1000, 1000),
                          *run("network", 1, 1100, 1000)])  # fmt: skip
    parameters = {"gk_sharing_share_company": 0.5, "ipep_sharing_coefficient": 0.5, "ipep_weight_level_gap": 0.4,
                  "ipep_weight_trend_gap": 0.6}  # fmt: skip
    found = payments(table, "network", "reference", parameters)
    assert found.margin_share == pytest.approx([100 / 1100])
    assert found.paid_eur["kinzigtal"] == pytest.approx([0.5 * 100 * 100])
    assert found.paid_eur["ipep"] == pytest.approx([100 * 0.5 * (0.4 * 100 + 0.6 * 100)])
    assert payments(table[table["seed"] == 1], "network", "reference", parameters) is None


# --- the study ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    folder = tmp_path_factory.mktemp("laboratory") / "out"
    return lab(territory="tiny", sizes=SIZES, planted=[0.05], output=folder, workers=2, **SHORT)


def test_study_holds_every_case(study: Laboratory) -> None:
    assert not study.errors
    assert len(study.people) == 4 * len(ARMS)
    cases = study.estimates.groupby(["size", "seed", "effect", "selection", "planted"]).size()
    assert len(cases) == 4 * (len(ARMS) + 3) and (cases == len(ESTIMATORS)).all()
    assert set(study.contracts["contract"]) == {"kinzigtal", "ipep"}
    for name in ("estimates.csv", "summary.csv", "power.csv", "contracts.csv", "kinzigtal.csv", "report.html"):
        assert (study.folder / name).is_file()


def test_without_effect_nothing_is_truly_saved_and_planted_savings_are(study: Laboratory) -> None:
    """To the cent: the network without effect changes nobody's care under the same random numbers."""
    nothing = study.estimates[(study.estimates["effect"] == "none") & (study.estimates["planted"] == 0)]
    assert (nothing["truth_eur"].dropna().abs() < 1e-9).all()
    paid = study.contracts[(study.contracts["effect"] == "none") & (study.contracts["planted"] == 0)]
    assert (paid["truth_eur"].abs() < 1e-9).all()
    planted = study.estimates[(study.estimates["planted"] == 0.05)]["truth_eur"].dropna()
    assert (planted >= 0).all() and planted.max() > 0


def test_study_goes_on_and_gives_the_same(study: Laboratory) -> None:
    files = sorted((study.folder / "results").glob("*.json"))
    assert len(files) == 4
    content = files[0].read_bytes()
    files[0].unlink()
    again = lab(territory="tiny", sizes=SIZES, planted=[0.05], output=study.folder, workers=1, **SHORT)
    assert files[0].read_bytes() == content
    pd.testing.assert_frame_equal(again.summary, study.summary)
    with pytest.raises(InputError, match="another study"):
        lab(territory="tiny", sizes=SIZES, planted=[0.1], output=study.folder, **SHORT)


def test_claims_say_nothing_of_what_an_insurer_does_not_know() -> None:
    from abm.model import TerritoryModel
    from experiments.evaluated_claims import claims_of, lived

    scenario = arm_scenario(load_scenario("kinzigtal", **SHORT, follow_up_days=0), "none", "none", 1.0, "")
    model = TerritoryModel("tiny", scenario, rng=2)
    table = claims_of(*lived(model))
    assert not set(table.columns) & {"regularity", "utility", "need_factor", "spend_factor"}
    assert (table["years"] <= 731 / 365.25 + 1e-9).all() and (table["spend_before_eur"] >= 0).all()
    assert table["years.1"].max() == pytest.approx(366 / 365.25) and table["is_member"].any()
    quality = table[[name for name in table if name.startswith("quality.")]].to_numpy()
    assert quality.shape[1] == 10 * (1 + len(model.setting.conditions))
    assert set(np.unique(quality[~np.isnan(quality)])) <= {0.0, 1.0}


def test_arms_differ_in_what_they_should(tmp_path: Path) -> None:
    base = load_scenario("kinzigtal", **SHORT)
    none, strong, highest = (arm_scenario(base, *case, 0.1, "00001") for case in
                             (("none", "none"), ("none", "strong"), ("highest", "as assumed")))  # fmt: skip
    assert none.levers.network_without_effect == 1 and not none.self_selection
    assert strong.self_selection
    assert strong.parameters["network_self_selection_log_ratio[health]"] == 0.6
    assert highest.levers.network_without_effect == 0
    assert highest.parameters["network_follow_up_gain[high]"] == 0.4
    assert {s.levers.network_communes for s in (none, strong, highest)} == {"00001"}
    checked = ask("kinzigtal", territory="tiny", sizes=SIZES, planted=[0.1], seed=1, overrides=SHORT)
    reference = dict(tasks_of(checked, tmp_path)[0].specs)["reference"]
    assert json.loads(reference.scenario)["levers"]["network_adherence"] == 0


def test_half_of_the_people_live_where_it_opens() -> None:
    people = np.array([100, 5, 50, 45, 30, 170])
    shares = []
    for seed in range(200):
        rows = half_of_the_communes(people, seed)
        assert 0 < rows.size < people.size and (np.diff(rows) > 0).all()
        shares.append(people[rows].sum() / people.sum())
    assert 0.5 <= np.mean(shares) < 0.75, "the commune that passes the half is in"
    np.testing.assert_array_equal(half_of_the_communes(people, 3), half_of_the_communes(people, 3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scenario": "baseline"}, "no care network"),
        ({"sizes": [(1.5, 3)]}, "--size"),
        ({"sizes": [(0.5, 1)]}, "2 replications"),
        ({"sizes": []}, "none given"),
        ({"sizes": [(0.5, 2), (0.5, 3)]}, "twice"),
        ({"planted": [1.0]}, "--planted"),
        ({"overrides": {"days": 365}}, "730 reported days"),
        ({"overrides": SHORT | {"network_communes": "00001"}}, "drawn by the laboratory"),
        ({"territory": "tinny"}, "tinny"),
    ],
)
def test_bad_input(change: dict, words: str) -> None:
    options = {"scenario": "kinzigtal", "territory": "tiny", "sizes": SIZES, "planted": [0.1], "seed": 1,
               "overrides": SHORT} | change  # fmt: skip
    with pytest.raises(InputError, match=words):
        ask(options.pop("scenario"), **options)
