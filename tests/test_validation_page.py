"""The page of the validation: everything judged is on it, what fails with its meaning."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from abm.errors import InputError
from calibration.patterns import checks
from calibration.targets import LANGUAGES
from experiments.validating import OUTSIDE, Validation, judge
from experiments.validation_page import FALLBACK, load_meanings, page, write_page

IDS = frozenset({"lead_time_share_1_days.gp", "lead_time_median_days.gp", "deaths_per_1000"})


def validation(values: dict[str, list[float]]) -> Validation:
    facts = {
        "territory": "tiny", "scenario": "baseline", "start": "2020-01-01", "days": 365, "scale": 1.0, "seeds": [1, 2],
        "runs_done": 2, "runs_failed": 0,
    }  # fmt: skip
    return Validation(judge(values, IDS), facts, (), Path())


def test_failing_targets_stand_first_with_what_they_mean() -> None:
    text = page(validation({"V01": [0.9, 0.91], "V02": [2.0, 3.0]}))
    failing = text[text.index("## What fails") : text.index("## Fit")]
    assert "**V01**" in failing and load_meanings()["V01"]["en"] in failing and "V02" not in failing
    assert "| V01 | " in text and "**out**" in text
    assert "Not judged here" in text and "V33" in text
    assert "means\n\n- **V01**" in text, "a list needs an empty line before it"
    assert "nan" not in text.lower().split()


def test_every_target_is_on_the_page() -> None:
    found = validation({"V01": [0.4, 0.41], "V02": [2.0, 2.0]})
    text = page(found)
    for target in checks():
        assert target.id in text
    assert (found.table["verdict"] == OUTSIDE).sum() == 0
    assert "Nothing fails." in text


def test_every_target_has_a_meaning_of_its_own() -> None:
    from calibration.patterns import NOT_MODELLED

    meanings = load_meanings()
    ids = {target.id for target in checks()}
    assert set(meanings) == ids - set(NOT_MODELLED)
    for words in meanings.values():
        assert set(words) == set(LANGUAGES) and words["en"] != words["fr"]
        assert words != FALLBACK and all(len(text) > 20 and text.endswith(".") for text in words.values())


def test_a_single_run_has_no_interval() -> None:
    found = validation({"V01": [0.4]})
    assert math.isnan(found.table.set_index("id")["interval_low"]["V01"])
    assert "| V01 | " in page(found)


def test_bad_files(tmp_path: Path) -> None:
    file = tmp_path / "meanings.csv"
    file.write_text("id,en,fr\nV01,a,b\nV01,c,d\n", encoding="utf-8")
    with pytest.raises(InputError, match="twice"):
        load_meanings(file)
    with pytest.raises(InputError, match="cannot be written"):
        write_page(validation({"V01": [0.4]}), tmp_path / "no" / "where.md")
