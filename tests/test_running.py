"""A run and its folder: complete, the same twice, read again, made again; whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from abm.errors import InputError
from abm.laws import BrokenLawError
from abm.scenario import load_scenario
from experiments import load, run
from experiments.provenance import FORMAT, changes_since
from experiments.running import TABLES, Run, compare_indicators, make_plan, plan_of, read_manifest
from experiments.store import MANIFEST, Destination, digests, is_finished, to_json, write_parquet

SHORT = {"days": 60, "warm_up_days": 14, "follow_up_days": 30}
FILES = {"indicators.csv", "monthly.parquet", "communes.parquet", "lead_times.csv", "ledger.parquet", "events.parquet"}


def contents(folder: Path) -> dict[str, str]:
    return digests(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "first"
    return run(territory="tiny", seed=3, output=folder, has_events=True, **SHORT)


def test_a_run_folder_holds_what_its_manifest_tells(finished: Run) -> None:
    folder = finished.folder
    assert folder is not None
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert set(manifest["files"]) >= FILES and manifest["files"] == contents(folder)
    assert (manifest["seed"], manifest["territory"]["name"], manifest["format"]) == (3, "tiny", FORMAT)
    assert manifest["scenario"] == load_scenario(**SHORT).model_dump(mode="json")
    assert manifest["days_simulated"] == sum(SHORT.values()) and manifest["laws_checked"] > 0
    assert 0 < manifest["run_s"] <= manifest["wall_s"]
    assert sum(manifest["seconds_by_step"].values()) <= manifest["run_s"]
    assert manifest["parameters"]["assumptions"] > 0 and manifest["packages"]["numba"]
    assert not list(folder.parent.glob("_*")) and not list(folder.rglob("_*"))


def test_two_runs_of_a_seed_give_the_same_files_byte_for_byte(finished: Run, tmp_path: Path) -> None:
    again = run(territory="tiny", seed=3, output=tmp_path / "second", has_events=True, **SHORT)
    other = run(territory="tiny", seed=4, output=tmp_path / "third", has_figures=False, **SHORT)
    assert finished.folder and again.folder and other.folder
    assert contents(again.folder) == contents(finished.folder)
    assert contents(other.folder)["indicators.csv"] != contents(finished.folder)["indicators.csv"]


def test_a_run_read_again_has_the_same_tables(finished: Run) -> None:
    assert finished.folder is not None
    read = load(finished.folder)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(read, name), getattr(finished, name), check_dtype=False)
    assert read.manifest == json.loads(to_json(finished.manifest))


def test_lead_times_count_the_appointments_of_the_indicators(finished: Run) -> None:
    rows = finished.indicators.query("stratum_kind == 'all' and period == 'all'").set_index("indicator")
    for kind, counts in finished.lead_times.groupby("kind"):
        expected = rows.loc[f"lead_time_mean_days.{kind}"]
        assert counts["requests"].sum() == expected["n"]
        mean = (counts["lead_time_days"] * counts["requests"]).sum() / counts["requests"].sum()
        assert mean == pytest.approx(expected["value"], rel=1e-12)


def test_events_are_every_episode(finished: Run) -> None:
    assert finished.folder is not None and finished.records is not None
    events = pd.read_parquet(finished.folder / "events.parquet")
    assert len(events) == finished.records.episodes.size > 1000


def test_a_manifest_is_enough_to_make_the_run_again(finished: Run) -> None:
    assert finished.folder is not None
    manifest = read_manifest(finished.folder)
    plan = plan_of(manifest, finished.folder / MANIFEST)
    assert (plan.seed, plan.scenario, plan.territory.digest) == (
        3, load_scenario(**SHORT), manifest["territory"]["digest"],
    )  # fmt: skip


def test_differences_between_two_runs_are_named(finished: Run) -> None:
    changed = finished.indicators.copy()
    assert compare_indicators(finished.indicators, changed) == []
    row = changed.index[changed["value"].notna()][0]
    changed.loc[row, "value"] += 1e-9
    (difference,) = compare_indicators(finished.indicators, changed)
    assert difference.startswith(changed.loc[row, "indicator"])
    assert len(compare_indicators(finished.indicators, changed.iloc[1:])) >= 1
    other = finished.manifest | {"parameters": {"digest": "another"}, "python": "2.7"}
    assert changes_since(other, finished.manifest) == ["the registered parameters", "Python"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "an object expected"),
        ('{"format": 1}', "'scenario' is missing"),
        ('{"format": 99, "scenario": {}, "territory": {}, "seed": 1}', "format 99 found"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / MANIFEST
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_manifest(tmp_path)
    assert error.value.file == file


def test_a_manifest_that_cannot_be_run_says_why(finished: Run, tmp_path: Path) -> None:
    scenario = finished.manifest["scenario"]
    for change, message in (
        ({"scenario": scenario | {"levr": 1}}, "'levr' is unknown"),
        ({"scenario": scenario | {"days": "x"}}, "'days': found 'x'"),
        ({"territory": {"name": "tinny"}}, "Did you mean 'tiny'"),
        ({"seed": -1}, "'seed': found -1"),
    ):
        with pytest.raises(InputError, match=message):
            plan_of(finished.manifest | change, tmp_path / MANIFEST)


def test_bad_inputs_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    target = tmp_path / "new" / "run"
    for bad in ({"territory": "tinny"}, {"seed": -1}, {"seed": True}, {"days": 0}, {"gp_lod": 1}):
        with pytest.raises(InputError):
            run(**({"territory": "tiny", "output": target} | bad))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="finished run"):
        load(tmp_path)
    assert make_plan("baseline", "tiny", 0, {}).seed == 0


def test_nothing_is_left_of_a_run_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from abm.model import TerritoryModel

    def break_law(*_: object, **__: object) -> None:
        raise BrokenLawError("people", 3, "2020-01-04", {"start": 2, "now": 1})

    monkeypatch.setattr(TerritoryModel, "run_to_end", break_law)
    with pytest.raises(BrokenLawError):
        run(territory="tiny", output=tmp_path / "a" / "b", **SHORT)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------- destinations


def finish(destination: Destination, text: str) -> Path:
    with destination:
        (destination.partial / "table.csv").write_text(text)
        (destination.partial / MANIFEST).write_text("{}")
        return destination.publish()


def test_a_default_folder_gets_a_free_number(tmp_path: Path) -> None:
    folders = [finish(Destination(tmp_path / "x" / "run", is_chosen=False), str(n)) for n in range(3)]
    assert [folder.name for folder in folders] == ["run", "run-2", "run-3"]
    assert [(folder / "table.csv").read_text() for folder in folders] == ["0", "1", "2"]
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["run", "run-2", "run-3"]


def test_a_default_folder_never_touches_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    assert finish(Destination(tmp_path / "run", is_chosen=False), "new").name == "run-2"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_a_finished_run_is_only_replaced_by_force(tmp_path: Path) -> None:
    target = tmp_path / "run"
    finish(Destination(target), "old")
    (target / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="--force"):
        Destination(target)
    assert finish(Destination(target, force=True), "new") == target
    assert (target / "table.csv").read_text() == "new" and (target / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in target.iterdir()) == [MANIFEST, "notes.txt", "table.csv"]


def test_a_chosen_folder_keeps_what_else_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert finish(Destination(tmp_path), "new") == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST, "notes.txt", "table.csv"]


def test_a_replacement_that_breaks_off_is_not_taken_for_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "run"
    finish(Destination(target), "old")

    def stop_at_the_table(source: Path, place: Path) -> None:
        if Path(source).name == "table.csv":
            raise KeyboardInterrupt
        Path(source).rename(place)

    monkeypatch.setattr("experiments.store.os.replace", stop_at_the_table)
    with pytest.raises(KeyboardInterrupt):
        finish(Destination(target, force=True), "new")
    assert not is_finished(target)


def test_the_second_of_two_runs_into_one_folder_is_kept_beside_the_first(tmp_path: Path) -> None:
    first, second = Destination(tmp_path / "run"), Destination(tmp_path / "run")
    assert finish(first, "1").name == "run"
    assert finish(second, "2").name == "run-2"


@pytest.mark.parametrize("target", ["file", "file/below", "\0"])
def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        Destination(tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_json_has_no_nan_and_parquet_no_clock(tmp_path: Path) -> None:
    assert json.loads(to_json({"a": [float("nan"), 1.5, None, Path("x")]})) == {"a": [None, 1.5, None, "x"]}
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    sums = []
    for name in ("one", "two"):
        write_parquet(tmp_path / name, frame)
        sums.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert sums[0] == sums[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
