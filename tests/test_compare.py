"""Comparisons: tables against amounts made by hand, the design, the command from end to end on a small territory."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compared import SEEDS, facts_of, norm_rows, run_rows
from scipy.stats import kstest
from typer.testing import CliRunner

import experiments
from abm.errors import InputError
from abm.model import TerritoryModel
from abm.parameters import load_parameters
from abm.scenario import load_scenario
from experiments.claims import BEFORE, Claims
from experiments.cli import app
from experiments.comparing import DESIGN, analyse, compare
from experiments.comparison_plan import make_plan, parts_of, warm_up_of
from experiments.contrasts import contracts, null_of, tables
from experiments.measures import measures, totals_by_run
from experiments.run_tables import tables_of
from experiments.savings import payouts
from experiments.terminal import Progress
from experiments.uncertain_draws import drawn_parameters, triangular

SHORT = {"days": 40, "warm_up_days": 14, "follow_up_days": 31}


def both(policy: dict[int, dict[str, float]], base: dict[int, dict[str, float]]) -> pd.DataFrame:
    runs = [run_rows("policy", seed, **values) for seed, values in policy.items()]
    return pd.concat([*runs, *(run_rows("baseline", seed, **values) for seed, values in base.items())])


# --- money, value -------------------------------------------------------------------------------------------------


def test_savings_are_what_the_books_say() -> None:
    runs = both({s: {"care_eur": 900.0 + s, "action_eur": 30.0} for s in SEEDS}, {s: {} for s in SEEDS})
    found = measures(totals_by_run(runs), "policy", "baseline")
    assert found["true_saving_eur"].tolist() == [2 * (100.0 - s) for s in SEEDS]
    assert found["action_cost_eur"].tolist() == [60.0] * 4
    assert found["net_saving_eur"].tolist() == [2 * (70.0 - s) for s in SEEDS]
    assert found["resource_saving_eur"].tolist() == pytest.approx([2 * (10.0 - s / 10 - 30.0) for s in SEEDS])


def test_probability_of_a_saving_counts_every_cost() -> None:
    """Saved on care in all four replications, but the action costs more than that in one."""
    savings = {1: 100.0, 2: 80.0, 3: 60.0, 4: 20.0}
    policy = {s: {"care_eur": 1000.0 - saved, "action_eur": 50.0} for s, saved in savings.items()}
    table = tables(both(policy, {s: {} for s in SEEDS}), facts_of({"policy": {"teleconsultation": 0.1}}))["economics"]
    rows = table.set_index("measure")
    assert rows.at["probability_of_saving", "value"] == 0.75
    assert rows.at["true_saving_eur", "value"] == 2 * 65.0


@pytest.mark.parametrize(
    ("gains", "is_shown"),
    [
        ((1.0, 1.1, 0.9, 1.0), True),  # of 200 years lived in two years: 3.65 days a resident
        ((1.0, -1.1, 0.9, -1.0), False),  # as often a loss
        ((1e-4, 1.1e-4, 0.9e-4, 1e-4), False),  # told from none, but below a tenth of a day
    ],
)
def test_a_ratio_needs_a_gain_that_can_be_seen(gains: tuple[float, ...], is_shown: bool) -> None:
    policy = {s: {"qaly": 80.0 + gain, "care_eur": 1500.0} for s, gain in zip(SEEDS, gains, strict=True)}
    facts = facts_of({"policy": {"teleconsultation": 0.1}})
    rows = tables(both(policy, {s: {} for s in SEEDS}), facts)["economics"].set_index("measure")
    assert np.isfinite(rows.at["icer_eur", "value"]) == is_shown
    assert np.isfinite(rows.at["net_monetary_benefit_eur.50000", "value"])
    if is_shown:  # discounted alike, as cost and gain come in the same years
        assert rows.at["icer_eur", "value"] == pytest.approx(500.0 / np.mean(gains))
        discounted = sum(1.025 ** -(year + 0.5) for year in range(2))
        expected = (50_000 * np.mean(gains) - 500.0) * discounted
        assert rows.at["net_monetary_benefit_eur.50000", "value"] == pytest.approx(expected)


def test_thresholds_against_the_hand() -> None:
    policy = {s: {"care_eur": 980.0, "action_eur": 50.0, "delay_days": 5.0, "qaly": 81.0} for s in SEEDS}
    found = tables(both(policy, {s: {} for s in SEEDS}), facts_of({"policy": {"teleconsultation": 0.1}}))["thresholds"]
    needed = found.set_index("what")["break_even"]
    assert (found["plausible_low"].dropna() <= found["plausible_high"].dropna()).all()
    assert needed["saving_per_resident_year"] == pytest.approx(100.0 / 200.0)
    assert needed["factor_on_the_effect"] == pytest.approx(100.0 / 40.0)
    assert needed["eur_per_day_of_delay"] == pytest.approx(60.0 / (2.0 * 50))
    assert needed["eur_per_qaly"] == pytest.approx(60.0 / 2.0)


def test_no_break_even_where_nothing_is_gained() -> None:
    policy = {s: {"care_eur": 1010.0, "action_eur": 50.0, "delay_days": 8.0} for s in SEEDS}
    found = tables(both(policy, {s: {} for s in SEEDS}), facts_of({"policy": {"teleconsultation": 0.1}}))["thresholds"]
    needed = found.set_index("what")["break_even"]
    assert needed[["factor_on_the_effect", "eur_per_day_of_delay", "eur_per_qaly"]].isna().all()


def test_amounts_by_payer_add_up_to_the_saving() -> None:
    policy = {s: {"care_eur": 900.0, "action_eur": 30.0} for s in SEEDS}
    found = tables(both(policy, {s: {} for s in SEEDS}), facts_of({"policy": {"teleconsultation": 0.1}}))
    assert found["payers"]["difference"].sum() == pytest.approx(-2 * 70.0)
    assert found["budget"]["difference"].sum() == pytest.approx(-2 * 70.0)
    assert found["payers"].set_index("payer").at["territory", "difference"] == pytest.approx(60.0)


# --- attribution, equivalents -------------------------------------------------------------------------------------


def test_attribution_tells_policies_from_what_they_do_together() -> None:
    """Alone 10 and 20, together 50: 20 of it are the two together, shared equally by Shapley."""
    saved = {"baseline": 0.0, "tele": 10.0, "gps": 20.0, "both": 50.0}
    runs = pd.concat([run_rows(name, s, care_eur=1000.0 - x / 2) for name, x in saved.items() for s in SEEDS])
    levers = {"tele": {"teleconsultation": 0.1}, "gps": {"gp_recruited": 1}}
    found = tables(runs, facts_of(levers | {"both": levers["tele"] | levers["gps"]}))["attribution"]
    rows = found[found["outcome"] == "true_saving_eur"].set_index(["method", "part"])["value"]
    assert rows["total", "all"] == pytest.approx(50.0)
    assert rows["interaction", "all"] == pytest.approx(20.0)
    assert rows["shapley", "teleconsultation"] == pytest.approx(20.0)
    assert rows["shapley", "gp_recruited"] == pytest.approx(30.0)
    assert rows["alone", "gp_recruited"] == pytest.approx(20.0)


def test_attribution_needs_the_same_strength_of_a_policy() -> None:
    runs = pd.concat([run_rows(name, s) for name in ("baseline", "tele", "both") for s in SEEDS])
    levers = {"tele": {"teleconsultation": 0.2}, "both": {"teleconsultation": 0.1, "gp_recruited": 1}}
    found = tables(runs, facts_of(levers))["attribution"]
    assert set(found["method"]) == {"total"}


def test_general_practitioner_equivalents() -> None:
    noise = {1: 0.0, 2: 0.1, 3: -0.1, 4: 0.0}
    delays = {"baseline": 9.0, "gps": 7.0, "tele": 8.0}
    runs = pd.concat([run_rows(n, s, delay_days=d + (n == "gps") * noise[s]) for n, d in delays.items() for s in SEEDS])
    found = tables(runs, facts_of({"gps": {"gp_recruited": 4}, "tele": {"teleconsultation": 0.1}}))["gp_equivalents"]
    assert found.set_index("indicator").at["time_to_care_days.gp", "general_practitioners"] == pytest.approx(2.0)


# --- contracts ----------------------------------------------------------------------------------------------------


def norms(policy: dict[int, tuple[float, float]], base: dict[int, tuple[float, float]]) -> pd.DataFrame:
    parts = [norm_rows("policy", seed, *amounts) for seed, amounts in policy.items()]
    return pd.concat(parts + [norm_rows("baseline", seed, *amounts) for seed, amounts in base.items()])


def test_norm_cost_owes_nothing_to_the_paired_run() -> None:
    """Seed 1 of the reference may cost anything: the norm for the policy's seed 1 is that of seed 2."""
    parameters = load_parameters()
    paid = []
    for own in (100.0, 900.0):
        runs = norms({1: (100.0, 80.0)}, {1: (own, own), 2: (100.0, 120.0)})
        found = payouts(runs, "policy", "baseline", parameters)
        assert found is not None
        paid.append(found.paid_eur)
    assert paid[0] == paid[1]
    assert paid[0]["kinzigtal"][0] == pytest.approx(0.5 * (120.0 - 80.0))
    # expected 12, observed 8, both 10 before: level and trend gain 4 a person of 10
    assert paid[0]["ipep"][0] == pytest.approx(10 * 0.5 * 4.0, rel=1e-3)


def test_a_contract_pays_by_chance_where_nothing_was_done() -> None:
    luck = {s: (1000.0, 1000.0 + eur) for s, eur in zip(SEEDS, (60.0, -60.0, 30.0, -30.0), strict=True)}
    runs = pd.concat([norms(luck, luck), both({s: {} for s in SEEDS}, {s: {} for s in SEEDS})])
    facts = facts_of({"policy": {"teleconsultation": 0.1}})
    found = contracts(runs, totals_by_run(runs), facts, load_parameters()).set_index("contract")
    assert (found["truly_saved_eur"] == 0.0).all() and (found["null"] == "baseline").all()
    as_written = found.loc[["kinzigtal", "ipep"]]
    assert (as_written["paid_by_chance_eur"] > 0.0).all() and (as_written["paid_eur"] > 0.0).all()
    assert (as_written["paid_eur"].to_numpy() >= found.loc[["kinzigtal_minimum", "ipep_minimum"], "paid_eur"]).all()
    assert as_written.at["kinzigtal", "benchmark_eur"] > 0


def test_coded_morbidity_alone_raises_what_is_paid() -> None:
    """Nobody is healthier: only the files say that people are more ill."""
    rows = norms({s: (100.0, 100.0) for s in SEEDS}, {s: (100.0, 100.0) for s in SEEDS})
    ill = rows.assign(stratum=rows["stratum"].str.replace("0M", "ald"))
    paid = []
    for gain in (0.0, 0.1):
        found = payouts(ill, "policy", "baseline", load_parameters().with_values({"coding_gain": gain}))
        assert found is not None
        paid.append(found.paid_eur["kinzigtal"])
    assert (paid[0] == pytest.approx(0.0)) and paid[1] == pytest.approx([0.5 * 10.0] * 4)


def test_quality_is_paid_for_and_gated() -> None:
    """As good as the reference: between the third and the eighth decile of territories, so in part; worse: nothing."""
    runs = norms({s: (100.0, 80.0) for s in SEEDS}, {s: (100.0, 100.0) for s in SEEDS})
    paid, scores = [], []
    for rate in (10.0, 8.0, 14.0):
        values = {"policy": rate, "baseline": 10.0}
        said = pd.DataFrame(
            [("indicator", "avoidable_admissions_per_1000", "all", "all", period, value, 1, name, seed)
             for name, value in values.items() for seed in SEEDS for period in ("all", "2020")],
            columns=["table", "name", "kind", "stratum", "period", "value", "n", "scenario", "seed"],
        )  # fmt: skip
        found = payouts(pd.concat([runs, said]), "policy", "baseline", load_parameters())
        assert found is not None
        paid.append(found.paid_eur["ipep"].mean())
        scores.append(found.quality.mean())
    assert scores[0] == pytest.approx(100 * 0.5244 / (0.5244 + 0.8416), rel=1e-3)  # normal quantiles of 0.3 and 0.8
    assert scores[1] == 100.0 and scores[2] == 0.0 and paid[1] > paid[0] > paid[2] == 0.0


def test_the_null_arm_of_a_policy_is_found_by_its_levers() -> None:
    levers = {"network_adherence": 0.5}
    policies = {
        "net": levers,
        "quiet": levers | {"network_without_effect": 1},
        "video": {"teleconsultation": 0.1},
        "both": levers | {"teleconsultation": 0.1},
    }
    facts = facts_of(policies)
    found = [null_of(name, facts) for name in policies]
    assert found == ["quiet", "quiet", "baseline", "quiet"]


def test_contracts_need_another_run_and_a_base() -> None:
    one = norms({1: (100.0, 80.0)}, {1: (100.0, 90.0)})
    assert payouts(one, "policy", "baseline", load_parameters()) is None
    two = norms({1: (100.0, 80.0)}, {1: (100.0, 90.0), 2: (100.0, 90.0)})
    assert payouts(two[~two["period"].str.startswith(BEFORE)], "policy", "baseline", load_parameters()) is None


# --- the design ---------------------------------------------------------------------------------------------------


def test_draws_follow_the_triangle_and_their_own_address() -> None:
    quantiles = [triangular(u, 1.0, 2.0, 5.0) for u in (0.0, 0.25, 1.0)]
    assert quantiles == pytest.approx([1.0, 2.0, 5.0])  # mode at (2-1)/(5-1)
    name = "escalation_share_of_unserved_acute_needs"
    row = load_parameters().entry(name)
    drawn = [drawn_parameters(seed)[name] for seed in range(300)]
    assert row.low is not None and row.high is not None and row.value is not None
    mode = (row.value - row.low) / (row.high - row.low)
    fit = kstest(drawn, "triang", (mode, row.low, row.high - row.low))
    assert fit.pvalue > 1e-5  # false alarm
    assert drawn_parameters(7) == drawn_parameters(7) != drawn_parameters(8)


def test_uncertain_draws_are_the_same_for_all_scenarios_of_a_seed() -> None:
    plan = make_plan(["more_gps"], "baseline", "tiny", is_uncertain=True, overrides=SHORT)
    specs = plan.specs(2)
    drawn = {(json.loads(s.scenario)["name"], s.seed): json.loads(s.scenario)["parameters"] for s in specs}
    assert drawn["baseline", 1] == drawn["more_gps", 1] != drawn["baseline", 2]
    calibrated = load_scenario().parameters
    assert {key: drawn["baseline", 2][key] for key in calibrated} == calibrated


def test_parts_are_policies_not_single_levers() -> None:
    scenario = load_scenario(teleconsultation=0.1, gp_recruited=2)
    assert parts_of(scenario) == {"teleconsultation": {"teleconsultation": 0.1}, "gp_recruited": {"gp_recruited": 2}}
    assert parts_of(load_scenario()) == {}


def test_variants_for_attribution_and_delay() -> None:
    many = load_scenario(name="many", teleconsultation=0.1, gp_recruited=1, nurse_delegation_fte=1)
    plan = make_plan([many], "baseline", "tiny", has_attribution=True, has_delay=True)
    subsets = [name for name, of in plan.variants.items() if "levers" in of]
    assert len(subsets) == 2**3 - 2
    assert plan.scenarios["many.delay_none"].delay_affects_health is False
    name = "escalation_share_of_unserved_acute_needs"
    assert plan.scenarios["baseline.delay_high"].parameters[name] == load_parameters().entry(name).high
    assert plan.policies == ("many",)


def test_arms_without_effect_with_an_end_and_a_yardstick() -> None:
    plan = make_plan(
        ["network", "teleconsultation", "null_network"], "baseline", "tiny",
        has_null=True, has_ending=True, has_yardstick=True,
    )  # fmt: skip
    kinds = {name: next(key for key in of if key != "of") for name, of in plan.variants.items()}
    assert kinds == {"network.ended": "ended", "baseline.more_gps": "yardstick"}
    assert plan.scenarios["network.ended"].levers.network_end == "2022-01-01"
    alone = make_plan(["network"], "baseline", "tiny", has_null=True)
    assert alone.scenarios["network.null"].levers.network_without_effect == 1


@pytest.mark.parametrize("years", [1, 3])
def test_base_years_are_whole_years_before_the_start(years: int) -> None:
    days = warm_up_of("baseline", years, {})
    assert load_scenario().start - dt.timedelta(days=days) == dt.date(2020 - years, 1, 1)
    with pytest.raises(InputError, match="'base_years': found 4"):
        warm_up_of("baseline", 4, {})


@pytest.mark.parametrize(
    ("levers", "message"),
    [
        ({"network_adherence": 0.5, "network_start": "2031-01-01"}, "'network_start': found 2031-01-01"),
        ({"network_adherence": 0.5, "network_communes": "Bourgg"}, "'network_communes': found 'Bourgg'"),
        (
            {"patient_education": 50, "etp_sessions": 6, "etp_sessions_per_day": 1, "etp_extra_hospital_share": 1.0},
            "more places than sessions",
        ),
        ({"teleconsultation_time": "booth"}, "with 'teleconsultation' 0"),
        ({"patient_education": 1, "education_effect": "published", "education_without_effect": 1}, "one of the two"),
        ({"network_adherence": 0.5, "network_priority": 1, "network_without_effect": 1}, "one of the two"),
        ({"network_adherence": 0.5, "network_effect": "direct", "network_without_effect": 1}, "one of the two"),
        ({"network_adherence": 0.5, "network_effect": "direct", "network_priority": 1}, "one of the two"),
        ({"gp_departures": 99}, "'gp_departures': found 99"),
    ],
)
def test_policies_that_cannot_be_are_refused_before_any_run(levers: dict, message: str, tmp_path: Path) -> None:
    policy, base = (load_scenario(name=name, **SHORT, **some) for name, some in (("wrong", levers), ("baseline", {})))
    with pytest.raises(InputError, match=message) as refused:
        compare(base, policy, territory="tiny", output=tmp_path / "new", replications=1, workers=1)
    assert "scenario 'wrong'" in str(refused.value) and not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        (["basline", "more_gps"], {}, "Did you mean 'baseline'"),
        (["baseline"], {}, "nothing to compare with 'baseline'"),
        ([], {}, "nothing to compare"),
        (["more_gps", "more_gps"], {}, "two scenarios are named 'more_gps'"),
        ([load_scenario("more_gps", days=30)], {}, "has 'days' 30"),
        (["more_gps"], {"replications": 0}, "'replications'"),
        (["more_gps"], {"replications": "many"}, "'replications'"),
        (["more_gps"], {"replications": "auto", "precision": 0.0}, "'precision'"),
        (["more_gps"], {"territory": "nowhere"}, "no territory"),
    ],
)
def test_what_cannot_be_compared_is_refused(sources: list, options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        compare(*sources, **({"territory": "tiny", "output": tmp_path / "new"} | options))
    assert not (tmp_path / "new").exists()


def test_a_folder_of_other_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="holds other results"):
        compare("more_gps", territory="tiny", output=tmp_path)
    with pytest.raises(InputError, match="holds no comparison"):
        analyse(tmp_path)


# --- end to end ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "gp"
    arguments = ["compare", "baseline", "leaving.yaml", "--territory", "tiny", "--replications", "2", "--workers", "1"]
    settings = [part for key, value in SHORT.items() for part in ("--set", f"{key}={value}")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        Path("leaving.yaml").write_text("extends: baseline\ntitle: One GP leaves\nlevers:\n  gp_departures: 1\n")
        answer = CliRunner().invoke(app, [*arguments, *settings, "-o", str(folder), "--lang", "fr", "--json"])
    assert answer.exit_code == 0, answer.stderr
    (folder / "answer.json").write_text(answer.stdout)
    return folder


@pytest.mark.slow
def test_command_writes_tables_and_report(done: Path) -> None:
    told = json.loads((done / "answer.json").read_text())
    assert told["policies"] == ["leaving"] and len(told["answers"]["leaving"]) == 3
    differences = pd.read_csv(done / "tables" / "differences.csv").set_index("indicator")
    row = differences.loc["time_to_care_days.gp"]
    assert row["difference"] == pytest.approx(row["mean"] - row["reference_mean"]) and row["n"] == 2
    assert (done / "report.fr.html").stat().st_size > 10_000
    assert (done / "figures" / "access_fr.png").exists()


@pytest.mark.slow
def test_a_second_time_makes_only_what_is_missing(done: Path) -> None:
    files = sorted((done / "runs").glob("*.parquet"))
    before = {file: file.read_bytes() for file in files}
    tables_before = {file.name: file.read_text() for file in (done / "tables").glob("*.csv")}
    removed = files[1]
    removed.unlink()
    kept = {file: file.stat().st_mtime_ns for file in files if file != removed}
    scenario = load_scenario(done.parent / "leaving.yaml")
    found = compare(scenario, territory="tiny", replications=2, workers=1, output=done, **SHORT)
    assert not found.errors
    assert {file: file.read_bytes() for file in files} == before
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert {file.name: file.read_text() for file in (done / "tables").glob("*.csv")} == tables_before


@pytest.mark.slow
def test_what_is_over_can_be_reported_after_an_interruption(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the first replication: the folder says what is there, and the same command goes on."""
    scenario = load_scenario(done.parent / "leaving.yaml")
    told: list[str] = []

    class Impatient(Progress):
        def share(self, over: int, total: int, text: str, rate: str) -> None:
            told.append(text)
            if over == 4:
                raise KeyboardInterrupt

    settings = {"territory": "tiny", "workers": 1, "output": tmp_path, **SHORT}
    with pytest.raises(KeyboardInterrupt):
        compare(scenario, replications=3, progress=Impatient(), **settings)
    assert json.loads((tmp_path / DESIGN).read_text())["replications"] == 3
    found = analyse(tmp_path)
    assert found.tables["differences"]["n"].max() == 2 and told[-1] == "4 of 6 runs are over"
    whole = compare(scenario, replications=3, **settings)
    assert whole.tables["differences"]["n"].max() == 3


@pytest.mark.slow
def test_finished_runs_are_compared_as_they_are(done: Path, tmp_path: Path) -> None:
    leaving = load_scenario(done.parent / "leaving.yaml")
    for scenario in ("baseline", leaving):
        name = scenario if isinstance(scenario, str) else "leaving"
        experiments.run(scenario, territory="tiny", output=tmp_path / name, has_figures=False, **SHORT)
    found = compare(tmp_path / "baseline", tmp_path / "leaving", output=tmp_path / "both")
    mine = found.tables["differences"].set_index("indicator")["difference"]
    runs = pd.read_csv(tmp_path / "leaving" / "indicators.csv"), pd.read_csv(tmp_path / "baseline" / "indicators.csv")
    value = [
        table[(table["indicator"] == "time_to_care_days.gp") & (table["stratum_kind"] == "all")]
        .query("period == 'all'")["value"].item()
        for table in runs
    ]  # fmt: skip
    assert mine["time_to_care_days.gp"] == value[0] - value[1]
    with pytest.raises(InputError, match="there twice"):
        compare(tmp_path / "baseline", tmp_path / "baseline", output=tmp_path / "twice")
    with pytest.raises(InputError, match="no run of 'more_gps'"):
        compare(tmp_path / "baseline", tmp_path / "leaving", reference="more_gps", output=tmp_path / "none")


@pytest.mark.slow
def test_money_kept_of_a_run_is_that_of_its_books() -> None:
    result = experiments.run("baseline", territory="tiny", **SHORT)
    assert result.records is not None
    model = TerritoryModel("tiny", rng=1, **SHORT)
    claims = Claims(model)
    model.run_to_end(claims)
    kept = tables_of(model.records(), claims)
    horizon = result.ledger[result.ledger["part"] == "horizon"]
    for side in ("paid", "received"):
        cents = horizon.loc[horizon["side"] == side, "cents"].sum()
        assert kept.loc[kept["table"] == side, "value"].sum() == pytest.approx(cents / 100)
    whole = kept[(kept["table"] == "norm") & (kept["kind"] == "all")]
    norm = whole[whole["name"] == "spend_eur"]
    care = horizon[(horizon["side"] == "paid") & (horizon["category"] != "action")]["cents"].sum() / 100
    is_before = norm["period"].str.startswith(BEFORE)
    assert norm.loc[~is_before, "value"].sum() == pytest.approx(care)
    lived = whole[(whole["name"] == "person_years") & whole["period"].str.startswith(BEFORE)]
    people = result.manifest["population"]["people"]
    assert lived["value"].sum() == pytest.approx(people * 14 / 365.25, rel=0.01)
