"""Targets: what a run says to each, the verdicts, and the command from end to end."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from test_hospital_indicators import with_stays
from test_indicators import (
    ACUTE,
    CARDIOLOGIST,
    FIRST,
    FOLLOWING,
    episode,
    people_of,
    practices_of,
    random_records,
    records_of,
    setting_of,
)
from typer.testing import CliRunner

import experiments
from abm.calendar import Calendar
from abm.errors import InputError
from abm.indicators import EVERY_KIND, indicators
from abm.state import HEALTH, Channel, Outcome, Status
from calibration.edges import edge_communes
from calibration.patterns import (
    NOT_MODELLED,
    ORDER,
    PREFIX,
    Seen,
    checks,
    is_first_year,
    said,
    target_values,
    why_not,
)
from calibration.targets import LANGUAGES, load_labels, load_targets
from experiments.batch import make_specs
from experiments.cli import app
from experiments.measuring import measured, targets_measure
from experiments.pool import Stop
from experiments.validating import (
    COLUMNS,
    INSIDE,
    NO_VALUE,
    OUTSIDE,
    Validation,
    free_folder,
    judge,
    mean_and_interval,
)
from experiments.validation_views import draw_all

TARGETS = {target.id: target for target in checks()}


def says(records, target: str) -> float:
    return said(TARGETS[target], Seen(records))


# --- the rows -----------------------------------------------------------------------------------------------------


def test_every_row_of_the_targets_is_checked_and_has_words_in_both_languages():
    assert {id_.partition(".")[0] for id_ in TARGETS} == {target.id for target in load_targets()}
    assert len(TARGETS) == len(checks()) == len(load_targets()) + 2 + 4  # three quantiles, five complications
    labels = load_labels()
    assert set(labels) == set(TARGETS)
    assert all(words[language].strip() for words in labels.values() for language in LANGUAGES)


def test_rows_with_several_figures_are_taken_apart():
    assert (TARGETS["V14.p50"].observed, TARGETS["V14.p50"].indicator) == (1020, "gp_list_size_p50")
    foot = TARGETS["V27.foot"]
    assert (foot.observed, foot.low, foot.high) == (6.8, pytest.approx(5.1), pytest.approx(8.5))
    with pytest.raises(ValueError):
        next(t for t in load_targets() if t.id == "V14").parts({"p10": "x"})


def test_every_target_is_spoken_to_or_says_why_not():
    """With all indicators of the interface only those are left that have a reason of their own."""
    ids = frozenset(target.indicator for target in TARGETS.values()) | {
        "spend_per_head_eur.by_payer.compulsory",
        "spend_coefficient_of_variation",
        "apl",
        "lead_time_mean_days.gp",
    }
    ids |= {f"lead_time_median_days.{need}" for need in ORDER}
    silent = {id_ for id_, target in TARGETS.items() if why_not(target, ids) is not None}
    assert silent == set(NOT_MODELLED)
    assert "heart_failure_prevalence" in str(why_not(TARGETS["V23b"], ids - {"heart_failure_prevalence"}))


def test_waits_are_judged_on_the_first_year():
    assert {id_ for id_, target in TARGETS.items() if is_first_year(target)} == {
        "V01", "V02", "V03", "V05a", "V05b", "V06a", "V06b", "V08", "V10a", "V11", "V40",
    }  # fmt: skip
    records = records_of(episode(lead=3), episode(asked=400, lead=30))
    assert says(records, "V02") == 3


@pytest.mark.parametrize("seed", range(2))
def test_values_are_those_of_the_table(seed):
    records = random_records(seed)
    values, table = target_values(records), indicators(records)
    whole = table[(table.stratum_kind == "all") & (table.period == "all")].set_index("indicator")["value"]
    drees = table[(table.stratum_kind == "drees") & (table.stratum == "all") & (table.period == "2021")]
    for target in ("V12a", "V19a", "V20", "V37a", "V39a", "V42", "V29a"):
        np.testing.assert_equal(values[PREFIX + target], whole[TARGETS[target].indicator])
    waits = drees.set_index("indicator")["value"]
    for target in ("V01", "V02", "V05b"):
        np.testing.assert_equal(values[PREFIX + target], waits[TARGETS[target].indicator])


def test_what_is_spoken_to_does_not_depend_on_the_run():
    """Else rows of one batch would have different columns."""
    assert set(target_values(random_records(3))) == set(target_values(records_of()))


# --- patterns -----------------------------------------------------------------------------------------------------


def waits_in_order(leads: dict[str, int]):
    """One request of each need, at local agendas."""
    kinds = setting_of().kinds
    rows = [episode(0, kinds.index(need), lead=lead) for need, lead in leads.items() if need != "gp"]
    return records_of(episode(0, FOLLOWING, lead=leads["gp"]), *rows)


def test_pairs_in_another_order_are_counted():
    in_order = dict(zip(ORDER, range(0, 60, 10), strict=True))
    assert says(waits_in_order(in_order), "V08") == 0
    assert says(waits_in_order(in_order | {"psychiatrist": 32}), "V08") == 1
    assert says(waits_in_order(in_order | {"cardiologist": 5}), "V08") == 4
    assert says(waits_in_order(in_order | {"gynaecologist": 20}), "V08") == 0  # as long as the one before
    del in_order["dermatologist"]
    assert math.isnan(says(waits_in_order(in_order), "V08"))


def test_requests_without_an_appointment_are_of_those_surveyed_in_the_first_year():
    people = people_of(3)
    people.birth_day[2] = FIRST - 80 * 366  # too old for the survey
    records = records_of(
        episode(0), episode(0, CARDIOLOGIST, lead=9), episode(1, lead=None), episode(1, 6, lead=None),
        episode(2, lead=None), episode(0, asked=500, lead=None), episode(0, channel=Channel.WALK_IN), people=people,
    )  # fmt: skip
    assert says(records, "V11") == 0.5


def test_giving_up_is_of_requests_tried_in_vain():
    eye = setting_of().kinds.index("ophthalmologist")
    records = records_of(
        episode(0, eye, lead=5), episode(1, eye, lead=5, failures=1), episode(2, eye, lead=None),
        episode(3, eye, lead=None, outcome=Outcome.DIVERTED), episode(4, ACUTE, lead=None),
    )  # fmt: skip
    assert says(records, "V10b") == pytest.approx(1 / 3)


def test_forgone_care_of_the_poor_over_the_others():
    people = people_of(20)
    people.income_quintile[:5] = 1
    rows = [episode(person, lead=None) for person in (0, 1, 5)]  # 2 of 5 poor, 1 of 15 others, in one of two years
    assert says(records_of(*rows, people=people), "V37b") == pytest.approx((2 / 5) / (1 / 15))


def far_from_doctors():
    """A fifth of the people live in commune 4; both practices stand in commune 1, more than ten minutes away."""
    people = people_of(20)
    people.commune[16:] = 4
    setting = setting_of()
    offered = np.full((2, setting.last_day), 28_800, np.int32)
    practices = practices_of()
    practices.place = 1
    return people, {"offered": offered, "unused": offered, "providers": practices}


def test_waits_and_forgone_care_where_access_is_worst():
    people, supply = far_from_doctors()
    people.income_quintile[[0, 1, 16, 17]] = 1
    rows = [episode(person, FOLLOWING, lead=2 if person < 16 else 8) for person in range(20)]
    assert says(records_of(*rows, people=people, **supply), "V40") == 4
    rows = [episode(person, lead=None) for person in (0, 16, 18)]
    assert says(records_of(*rows, people=people, **supply), "V37c") == pytest.approx((1 / 2) / (2 / 18))


def test_apl_is_taken_without_the_communes_at_the_edge():
    """In `tiny` only the middle commune is inside, so that all its people have one value."""
    people, supply = far_from_doctors()
    records = records_of(people=people, **supply)
    table = indicators(records, ("commune",))
    inside = table[(table.indicator == "apl") & (table.stratum == "00001") & (table.period == "all")]["value"]
    assert says(records, "V18a") == pytest.approx(float(inside.iloc[0]), rel=1e-12)
    assert says(records, "V18b") == pytest.approx(1.0)


def test_edge_of_a_chess_board_of_nine_communes():
    codes = [f"{row}{column}" for row in range(3) for column in range(3)]
    squares = {
        code: [np.array([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], float) + 0.1]
        for code in codes
        for x, y in [(int(code[0]), int(code[1]))]
    }
    territory = SimpleNamespace(outlines=squares, communes=pd.DataFrame({"insee": codes}))
    assert [code for code, is_edge in zip(codes, edge_communes(territory), strict=True) if not is_edge] == ["11"]
    nothing = SimpleNamespace(outlines={}, communes=pd.DataFrame({"insee": codes}))
    assert not edge_communes(nothing).any()


def test_diabetes_of_old_men():
    people = people_of(8, age_years=79)
    people.is_female[6:] = 1
    people.birth_day[5] = FIRST - 60 * 366
    people.conditions[[0, 5, 6]] = 1
    people.status[1], people.gone_on[1] = Status.DEAD, FIRST
    health = np.zeros(8, HEALTH).view(np.recarray)
    setting = {"conditions": (SimpleNamespace(name="diabetes"),)}
    assert says(with_stays(people=people, setting=setting, health=health), "V28b") == 0.25


def test_spend_is_judged_in_2021_where_the_run_has_it():
    """Prices are those of the year: the target's are of 2021."""
    records = records_of()
    names = ["spend_per_head_eur.by_payer.compulsory", "spend_coefficient_of_variation"]
    rows = [(name, "all", "all", period, value) for name in names for period, value in (("all", 9), ("2021", 7))]
    table = pd.DataFrame(rows, columns=["indicator", "stratum_kind", "stratum", "period", "value"])
    for target in ("V30", "V45"):
        assert said(TARGETS[target], Seen(records, table)) == 7
    later = dataclasses.replace(setting_of(), calendar=Calendar(dt.date(2029, 12, 2), setting_of().calendar.n_days))
    assert said(TARGETS["V30"], Seen(records_of(setting=later), table)) == 9


# --- verdicts -----------------------------------------------------------------------------------------------------


def test_interval_is_that_of_student():
    mean, low, high = mean_and_interval([1.0, 2.0, 3.0])
    assert (mean, low, high) == (
        2.0,
        pytest.approx(2 - 4.302653 / 3**0.5, 1e-6),
        pytest.approx(2 + 4.302653 / 3**0.5, 1e-6),
    )
    assert mean_and_interval([5.0])[0] == 5 and np.isnan(mean_and_interval([5.0])[1:]).all()
    assert np.isnan(mean_and_interval([])).all()
    assert mean_and_interval([4.0, 4.0]) == (4, 4, 4)


def verdicts(**values: list[float]) -> pd.DataFrame:
    ids = frozenset(target.indicator for target in TARGETS.values())
    return judge(values, ids).set_index("id")


def test_verdicts_follow_the_mean_and_say_how_sure_they_are():
    table = verdicts(
        V12a=[7, 8, 9], V02=[3.5, 3.9, 4.3], V39a=[40, 41, 42], V17=[0.13, 0.15, 0.17], V19b=[math.nan] * 3
    )
    assert table["verdict"][["V12a", "V02", "V39a", "V17", "V19b"]].tolist() == [
        INSIDE,
        INSIDE,
        OUTSIDE,
        OUTSIDE,
        NO_VALUE,
    ]
    assert table["is_sure"][["V12a", "V02", "V39a", "V17"]].tolist() == [False, False, True, False]
    assert table.loc["V12a", "simulated"] == 8 and table.loc["V12a", "runs"] == 3
    assert verdicts(V12a=[7.9, 8, 8.1]).loc["V12a", "is_sure"]


def test_ends_of_a_range_are_inside():
    assert verdicts(V12a=[6.0])["verdict"]["V12a"] == INSIDE
    assert verdicts(V12a=[10.0])["verdict"]["V12a"] == INSIDE
    assert verdicts(V12a=[10.001])["verdict"]["V12a"] == OUTSIDE


def test_runs_that_say_nothing_do_not_count():
    table = verdicts(V12a=[7.0, math.nan, 9.0, math.inf])
    assert (table.loc["V12a", "simulated"], table.loc["V12a", "runs"]) == (8, 2)


def test_no_target_is_dropped_whatever_the_model_has():
    table = judge({}, frozenset())
    assert tuple(table.columns) == COLUMNS
    assert sorted(table["id"]) == sorted(TARGETS)
    assert set(table["verdict"]) == {"not modelled yet"} and (table["why"] != "").all()
    assert table["use"].tolist() == sorted(table["use"], key=("fit", "validate", "input").index)


# --- inequality over runs -----------------------------------------------------------------------------------------


def communes(waits: list[float], requests: list[int], permuted: list[float]) -> pd.DataFrame:
    n = len(waits)
    columns = {
        "insee": [f"{row}" for row in range(n)],
        "population": [10.0] * n,
        "median_income_eur": np.arange(n) + 20_000.0,
        "requests.gp": requests,
        "lead_time_mean_days.gp": waits,
        "lead_time_mean_days.gp.permuted": permuted,
    }
    return pd.DataFrame(columns)


def test_communes_are_averaged_over_runs_before_anything_is_measured():
    """Each run is unequal by luck, the mean of both is not; requests weigh the runs."""
    one, other = communes([8, 2], [1, 3], [6, 4]), communes([0, 6], [1, 1], [4, 6])
    table = experiments.equity_over_runs([one, other]).set_index("indicator")
    means = np.array([4.0, 3.0])
    assert table.loc["gini.lead_time", "value"] == pytest.approx((4 - 3) / 4 / means.mean() / 1, rel=1e-12)
    assert table.loc["concentration_index.lead_time", "value"] == pytest.approx(-0.25 / 3.5, rel=1e-12)
    assert table.loc["gini.lead_time", "permuted"] == pytest.approx((5 - 4.5) / 4 / 4.75, rel=1e-12)
    assert not table.index.str.contains("forgone|apl|spend").any()


def test_a_commune_without_a_value_in_one_run_is_that_of_the_others():
    one, other = communes([math.nan, 3], [0, 1], [1, 1]), communes([3, 3], [2, 1], [1, 1])
    table = experiments.equity_over_runs([one, other]).set_index("indicator")
    assert table.loc["gini.lead_time", "value"] == 0


def test_tables_of_different_territories_are_refused():
    with pytest.raises(InputError, match="table 2"):
        experiments.equity_over_runs([communes([1, 2], [1, 1], [1, 1]), communes([1], [1], [1])])
    with pytest.raises(InputError, match="no table"):
        experiments.equity_over_runs([])


# --- from end to end ----------------------------------------------------------------------------------------------


def test_choosing_strata_leaves_rows_out_and_changes_none():
    records = random_records(7)
    whole = indicators(records)
    for kinds in (("all",), ("all", "drees", "channel", "income_quintile"), ("commune",)):
        expected = whole[whole.stratum_kind.isin(kinds)].reset_index(drop=True)
        pd.testing.assert_frame_equal(indicators(records, kinds), expected)
    assert set(whole.stratum_kind) == set(EVERY_KIND)
    with pytest.raises(ValueError, match="Did you mean 'commune'"):
        indicators(records, ("comune",))


def test_a_row_of_other_code_is_another_row():
    plain, with_targets = (
        make_specs(seeds=[1], settings=[{"days": 30}], territory="tiny", measure=measure)[0].digest
        for measure in ("", targets_measure())
    )
    assert plain != with_targets
    with pytest.raises(Stop, match="begin another batch"):
        measured("targets:0", records_of())


SHORT = ("-t", "tiny", "--replications", "2", "--days", "60", "--set", "warm_up_days=20", "--set", "follow_up_days=30")


@pytest.fixture(scope="module")
def validated(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("validated") / "v"
    result = CliRunner().invoke(app, ["validate", *SHORT, "--workers", "2", "--json", "-o", str(folder)])
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_command_judges_every_target_and_leaves_its_files(validated):
    folder, answer = validated
    assert answer["runs_done"] == 2 and answer["seeds"] == [1, 2] and answer["errors"] == []
    assert sorted(row["id"] for row in answer["targets"]) == sorted(TARGETS)
    assert sum(sum(counts.values()) for counts in answer["verdicts"].values()) == len(TARGETS)
    table = pd.read_csv(folder / "validation.csv")
    assert tuple(table.columns) == COLUMNS
    assert json.loads((folder / "validation.json").read_text())["targets"] == answer["targets"]
    drawn = sorted(path.name for path in (folder / "figures").iterdir())
    assert drawn == [f"validation{end}" for end in (".png", ".svg", "_fr.png", "_fr.svg")]


def test_values_are_the_mean_over_single_runs(validated):
    """The number for a target is what the same runs give one by one."""
    from abm.model import TerritoryModel

    said_by_run = []
    for seed in (1, 2):
        model = TerritoryModel("tiny", rng=seed, days=60, warm_up_days=20, follow_up_days=30)
        model.run_to_end()
        said_by_run.append(target_values(model.records()))
    rows = {row["id"]: row for row in validated[1]["targets"]}
    for name, value in said_by_run[0].items():
        expected = np.mean([value, said_by_run[1][name]])
        if math.isfinite(expected):
            assert rows[name.removeprefix(PREFIX)]["simulated"] == pytest.approx(expected, rel=1e-12), name


def test_asking_again_makes_no_run_and_changes_no_byte(validated, monkeypatch):
    folder, _ = validated
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    monkeypatch.setattr(
        "experiments.batch.run_all", lambda tool, items, *_: list(items) and pytest.fail("a run is made")
    )
    result = CliRunner().invoke(app, ["validate", *SHORT, "-o", str(folder)])
    assert result.exit_code == 0, result.output
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before
    assert "Validate: never looked at" in result.stdout and "Not modelled yet" in result.stdout


def test_a_folder_with_other_runs_is_refused(validated):
    folder, _ = validated
    result = CliRunner().invoke(app, ["validate", *SHORT, "--seed", "9", "-o", str(folder)])
    assert result.exit_code == 2 and "another design" in result.stderr


def test_default_folder_goes_on_or_gets_a_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    specs = make_specs(seeds=[1], territory="tiny", measure=targets_measure())
    assert free_folder("baseline", specs) == Path("outputs/validation-baseline")
    Path("outputs/validation-baseline").mkdir(parents=True)
    assert free_folder("baseline", specs) == Path("outputs/validation-baseline-2")


def test_load_reads_a_run_or_a_batch(validated, tmp_path):
    table = experiments.load(validated[0]).table
    assert table["status"].tolist() == ["done", "done"] and f"{PREFIX}V02" in table
    with pytest.raises(InputError, match="finished run"):
        experiments.load(tmp_path)


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("--replications 0", ["--replications", "'0'", "from 1"]),
        ("--workers none", ["--workers", "'none'"]),
        ("-t tinny", ["'tinny'", "Did you mean 'tiny'?"]),
        ("baselin", ["'baselin'", "Did you mean 'baseline'?"]),
        ("--scale 2", ["'scale'", "2"]),
        ("--set gp_laod=1", ["Did you mean 'gp_load'?"]),
        ("-t tiny -o file", ["file", "a folder expected"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(command, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    result = CliRunner().invoke(app, ["validate", *command.split()])
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ")
    assert all(part in result.stderr for part in parts), result.stderr


def test_figure_draws_what_lies_far_outside_and_nothing_at_all(tmp_path):
    for values in ({"V12a": [500.0, 501.0], "V02": [-90.0], "V05a": [0.0]}, {}):
        table = judge(values, frozenset(target.indicator for target in TARGETS.values()))
        facts = {"territory": "tiny", "scenario": "baseline", "runs_done": 2, "days": 60, "seeds": [1, 2]}
        assert len(draw_all(Validation(table, facts, (), tmp_path), tmp_path / "figures")) == 4
