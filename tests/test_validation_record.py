"""What reports tell of the validation: kept with the model that gave it, never shown for another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import abm
import experiments.posteriors
from abm.environment.territory import load_territory
from abm.errors import InputError
from calibration.patterns import checks
from experiments import validation_record
from experiments.cli import app
from experiments.specs import code_digest
from experiments.validating import INSIDE, OUTSIDE, USES, Validation, judge
from experiments.validation_page import write_page
from experiments.validation_record import CURRENT, FOLDER, NONE, OTHER_MODEL, OTHER_TERRITORY, read_record, write_record

IDS = frozenset({"lead_time_share_1_days.gp", "lead_time_median_days.gp", "deaths_per_1000"})


def validation(values: dict[str, list[float]]) -> Validation:
    facts = {"territory": "tiny", "scenario": "baseline", "start": "2020-01-01", "days": 365, "seeds": [1, 2],
             "scale": 1.0, "runs_done": 2, "runs_failed": 0}  # fmt: skip
    return Validation(judge(values, IDS), facts, (), Path())


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of the invented territory, and a model whose figures are known without a run."""
    monkeypatch.setattr(experiments.posteriors, "model_figures", lambda: "figures")
    return write_record(validation({"V01": [0.9, 0.91], "V02": [2.0, 3.0]}), load_territory("tiny"), tmp_path)


def change(file: Path, **facts: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | facts), encoding="utf-8")


def test_it_comes_back_as_it_was_judged(record: Path) -> None:
    found = read_record(load_territory("tiny"), record.parent)
    rows = {row["id"]: row for row in found.targets}
    assert found.state == CURRENT and set(rows) == {target.id for target in checks()}
    assert (rows["V01"]["verdict"], rows["V02"]["verdict"]) == (OUTSIDE, INSIDE)
    assert rows["V01"]["simulated"] == pytest.approx(0.905) and rows["V01"]["runs"] == 2
    assert rows["V33"]["simulated"] is None, "nothing simulated is no number"


def test_other_code_with_the_same_figures_is_this_model(record: Path) -> None:
    change(record, model="other")
    assert read_record(load_territory("tiny"), record.parent).state == CURRENT


@pytest.mark.parametrize("facts", [{"figures": "other"}, {"version": "0.0.0"}])
def test_stale_figures_are_not_handed_out(record: Path, facts: dict[str, str]) -> None:
    change(record, **{"model": "other"} | facts)
    found = read_record(load_territory("tiny"), record.parent)
    assert found.state == OTHER_MODEL and found.targets == ()


def test_figures_of_other_files_are_not_handed_out(record: Path) -> None:
    change(record, territory={"name": "tiny", "digest": "other"})
    found = read_record(load_territory("tiny"), record.parent)
    assert found.state == OTHER_TERRITORY and found.targets == ()
    record.unlink()
    assert read_record(load_territory("tiny"), record.parent).state == NONE


@pytest.mark.parametrize("content", ["", "[]", '{"kind": "posterior", "format": 1}', '{"kind": "validation"}'])
def test_a_file_that_is_no_record_is_refused(record: Path, content: str) -> None:
    record.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=record.name):
        read_record(load_territory("tiny"), record.parent)
    change_one = json.dumps({key: [] for key in validation_record.KEYS} | {"format": 1, "kind": "validation",
                            "targets": [{"id": "V01"}]})  # fmt: skip
    record.write_text(change_one, encoding="utf-8")
    with pytest.raises(InputError, match="targets"):
        read_record(load_territory("tiny"), record.parent)


def test_only_the_documentation_s_own_page_brings_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments.posteriors, "model_figures", lambda: "figures")
    monkeypatch.setattr(validation_record, "OWN_PAGE", tmp_path / "validation.md")
    kept = []
    monkeypatch.setattr(validation_record, "write_record", lambda found, territory: kept.append(territory.name))
    found, tiny = validation({"V01": [0.4, 0.41]}), load_territory("tiny")
    write_page(found, tmp_path / "another.md", tiny)
    assert kept == [] and (tmp_path / "another.md").is_file()
    write_page(found, tmp_path / "validation.md", tiny)
    assert kept == ["tiny"] and (tmp_path / "validation.md").is_file()


def test_no_other_scenario_goes_into_the_documentation() -> None:
    page = str(validation_record.OWN_PAGE)
    before = Path(page).read_bytes()
    for words in (["more_gps"], ["--set", "gp_load=1.0"], ["--days", "30"], ["--scale", "0.5"]):
        answer = CliRunner().invoke(app, ["validate", *words, "--page", page])
        assert answer.exit_code == 2 and "'baseline' as it is built in" in answer.stderr, words
    assert Path(page).read_bytes() == before


# --- the one that is shipped --------------------------------------------------------------------------------------


def test_the_shipped_record_is_that_of_the_page() -> None:
    """Page and record are made at once; a page made anew without its record would tell something else."""
    kept = json.loads((FOLDER / "saverne.json").read_text(encoding="utf-8"))
    page = validation_record.OWN_PAGE.read_text(encoding="utf-8")
    assert f"from {kept['start']} for {kept['days']} days, {len(kept['seeds'])} runs" in page
    for row in kept["targets"]:
        on_page = [line for line in page.splitlines() if line.startswith(f"| {row['id']} |")]
        if row["verdict"] in (INSIDE, OUTSIDE):
            (line,) = on_page
            assert ("**out" in line) == (row["verdict"] == OUTSIDE), line
        else:
            assert on_page == [] and f"**{row['id']}**" in page
    for use in USES:
        counts = [sum(row["use"] == use and row["verdict"] == verdict for row in kept["targets"])
                  for verdict in (INSIDE, OUTSIDE)]  # fmt: skip
        assert f"| {use} | {counts[0]} | {counts[1]} |" in page


def test_the_shipped_record_is_of_this_model() -> None:
    """Whoever changes the model's numbers makes the page of the validation anew."""
    kept = json.loads((FOLDER / "saverne.json").read_text(encoding="utf-8"))
    assert kept["version"] == abm.__version__
    assert kept["model"] == code_digest() or kept["figures"] == experiments.posteriors.model_figures()
    assert read_record(load_territory("saverne")).state == CURRENT
