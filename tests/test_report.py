"""The report: what it says where something can be seen and where nothing can; a page that needs no network."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest
from compared import SEEDS, facts_of, run_rows
from typer.testing import CliRunner

from abm.environment.territory import load_territory
from calibration.free import load_free
from calibration.targets import load_labels
from experiments.answers import answers, number, percent
from experiments.cli import app
from experiments.comparing import Comparison
from experiments.contrasts import tables
from experiments.posteriors import find_posterior, load_posterior
from experiments.report import render, write_report
from experiments.report_grounds import LABELS_OF_FITTED, fitted, is_assumption
from experiments.report_grounds import _three_digits as three_digits
from experiments.report_words import GROUNDS, INDICATORS, NAMES, WORDS
from experiments.running import find_territory
from experiments.validating import INSIDE, OUTSIDE
from experiments.validation_page import load_meanings
from experiments.validation_record import read_record

NOISE = (0.3, -0.3, 0.2, -0.2)


def compared(folder: Path, seeds: tuple[int, ...] = SEEDS, **policy: float) -> Comparison:
    """A policy with these mean amounts, and noise around them, against the baseline."""
    runs = []
    for seed, noise in zip(seeds, NOISE, strict=False):
        values = {"delay_days": 7.0, "care_eur": 1000.0} | policy
        values["delay_days"] += noise
        values["care_eur"] += 100 * noise
        runs += [run_rows("policy", seed, **values), run_rows("baseline", seed)]  # type: ignore[arg-type]
    facts = facts_of({"policy": {"teleconsultation": 0.1}}, replications=len(seeds))
    return Comparison(facts, tables(pd.concat(runs), facts), folder)


def said(found: Comparison, language: str = "en") -> list[str]:
    return answers(found.tables, found.facts, language)["policy"]


def test_where_nothing_can_be_seen_it_says_so(tmp_path: Path) -> None:
    first, second, third = said(compared(tmp_path))
    assert "no difference can be seen" in first
    assert "No saving and no extra cost can be seen" in second
    assert "Nothing is booked to the action beside care" in third
    assert not re.search(r"shortens|lengthens|EUR less|EUR more", " ".join((first, second, third)))
    french = said(compared(tmp_path), "fr")
    assert "aucune différence n'est visible" in french[0] and "Ni économie ni surcoût" in french[1]


def test_where_something_can_be_seen_it_is_told_with_its_interval(tmp_path: Path) -> None:
    first, second, third = said(compared(tmp_path, delay_days=5.0, care_eur=800.0, action_eur=50.0))
    assert "shortens" in first and "by 2.00 days" in first and "from 7.0 days" in first and "4 replications" in first
    assert "400 EUR less" in second
    assert "With the 100 EUR booked to the action itself, it pays for itself in 100\u00a0%" in third
    worse = said(compared(tmp_path, delay_days=9.0, care_eur=1200.0, action_eur=50.0))
    assert "lengthens" in worse[0] and "400 EUR more" in worse[1] and "in 0\u00a0%" in worse[2]
    assert "réduit" in said(compared(tmp_path, delay_days=5.0), "fr")[0]


def test_bounds_in_the_answer_are_those_of_the_table(tmp_path: Path) -> None:
    found = compared(tmp_path, delay_days=5.0)
    row = found.tables["differences"].set_index("indicator").loc["time_to_care_days.gp"]
    assert f"interval {number(row['low'], 2)} to {number(row['high'], 2)}" in said(found)[0]


def test_one_replication_tells_nothing(tmp_path: Path) -> None:
    sentences = said(compared(tmp_path, (1,), delay_days=1.0))
    assert len(sentences) == 1 and "one replication tells nothing" in sentences[0]


@pytest.mark.parametrize(
    ("value", "digits", "english", "french"),
    [
        (-1234.5, 1, "\u22121,234.5", "\u22121\u202f234,5"),
        (-0.001, 2, "0.00", "0,00"),
        (float("nan"), 1, "–", "–"),
    ],
)
def test_numbers_as_they_are_written(value: float, digits: int, english: str, french: str) -> None:
    assert (number(value, digits), number(value, digits, "fr")) == (english, french)
    assert percent(0.25, "fr") == "25\u00a0%"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_needs_no_network_and_has_its_parts(language: str, tmp_path: Path) -> None:
    found = compared(tmp_path, delay_days=5.0, action_eur=50.0)
    page = write_report(found, language).read_text(encoding="utf-8")
    fetched = [*re.findall(r'(?:src|href)\s*=\s*"(?!#)([^"]*)"', page), *re.findall(r"url\((?!#)([^)]*)\)", page)]
    fetched = [address for address in fetched if not address.startswith("data:image/png;base64,")]  # colour scales
    assert fetched == [] and "<script" not in page and "@import" not in page
    assert f'<html lang="{language}">' in page and "<svg" in page
    order = [page.index(f'id="{part}"') for part in ("answer", "access", "costs", "equity", "method", "limits")]
    assert order == sorted(order)
    assert said(found, language)[0].replace("'", "&#39;") in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "two figures share an id: one would show parts of the other"
    for mark in re.findall(r'href="#([^"]+)"', page):
        assert mark in ids


# --- what the result stands on ----------------------------------------------------------------------------------


def written(found: Comparison, language: str, part: str) -> str:
    """Return what stands in a section of the report, without tags."""
    page = render(found, {}, language, find_territory(found.facts["territory"]))
    section = re.search(rf'<h2 id="{part}">(.*?)<h2 ', page + "<h2 ", re.DOTALL)
    assert section is not None, part
    return html.unescape(re.sub(r"[ \n]+", " ", re.sub("<[^>]*>", "", section[1])))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_without_a_posterior_sample_one_sentence_says_so(language: str, tmp_path: Path) -> None:
    found = compared(tmp_path)
    found.facts["posterior"] = None
    said_here = written(found, language, "fitted")
    assert {"en": "one combination of the fitted numbers", "fr": "une seule combinaison des nombres calés"}[
        language
    ] in said_here
    assert "--posterior" in said_here and {"en": "assumption", "fr": "hypothèse"}[language] not in said_here
    assert {"en": "nor that of its calibration", "fr": "ni celle de son calage"}[language] in written(
        found, language, "limits"
    )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_posterior_sample_is_named_with_what_it_leaves_open(language: str, tmp_path: Path) -> None:
    found = compared(tmp_path)
    sample = load_posterior("saverne", is_checked=False)
    found.facts["posterior"] = {"file": str(find_posterior("saverne")), "assumptions": list(sample.assumptions),
                                "note": sample.note()}  # fmt: skip
    said_here = written(found, language, "fitted")
    assert {"en": "“saverne”", "fr": "« saverne »"}[language] in said_here and "/" not in said_here.replace("s/", "")
    labels = load_labels(LABELS_OF_FITTED)
    for name in sample.names:
        is_named = f"{labels[name][language]} ({name})" in said_here
        assert is_named == (name in sample.assumptions), name
    colon, tag = {"en": (":", "assumption"), "fr": ("\u00a0:", "hypothèse")}[language]
    assert said_here.count(f"){colon} {tag}") == len(sample.assumptions) > 0
    assert {"en": "nor that of its calibration", "fr": "ni celle de son calage"}[language] not in written(
        found, language, "limits"
    )


def test_a_sample_that_tells_everything_leaves_no_assumption(tmp_path: Path) -> None:
    found = compared(tmp_path)
    found.facts["posterior"] = {"file": "mine/posterior.json", "assumptions": [], "note": ""}
    said_here = written(found, "en", "fitted")
    assert "“mine/posterior.json”" in said_here and "told by what was observed" in said_here
    assert "assumption" not in said_here


def test_a_fitted_number_without_a_label_is_told_by_its_name() -> None:
    facts = {"posterior": {"file": "x.json", "assumptions": ["commune_split"], "note": ""}, "replications": 3}
    assert fitted(facts, "fr").points == (("commune_split", "commune_split"),)
    assert is_assumption("commune_split", facts) and not is_assumption("gp_load", facts)


def test_every_free_parameter_has_a_label_in_both_languages() -> None:
    assert set(load_labels(LABELS_OF_FITTED)) == {one.name for one in load_free()}


def test_runs_of_folders_say_nothing_of_a_sample(tmp_path: Path) -> None:
    assert "own manifest" in written(compared(tmp_path), "en", "fitted")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_the_model_misses_stands_in_the_report_of_its_territory(language: str, tmp_path: Path) -> None:
    found = compared(tmp_path)
    found.facts["territory"] = "saverne"
    said_here = written(found, language, "reproduced")
    rows = read_record(load_territory("saverne")).targets
    failing = [row for row in rows if row["verdict"] == OUTSIDE]
    assert failing, "the shipped record has failing targets"
    for row in rows:
        is_told = load_labels()[row["id"]][language] in said_here
        is_failing = row["verdict"] == OUTSIDE
        assert is_told or not is_failing
        meaning = load_meanings().get(row["id"], {language: "?"})[language]
        assert (meaning in said_here) == (is_failing and row["use"] == "validate"), row["id"]
    counts = [sum(r["use"] == "validate" and r["verdict"] == verdict for r in rows) for verdict in (INSIDE, OUTSIDE)]
    head = {"en": "validate: kept apart", "fr": "validation : tenus à part"}[language]
    assert f"{head} {counts[0]} {counts[1]} ".replace(" ", "") in said_here.replace(" ", "")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_figures_of_another_model_or_territory_are_not_shown(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compared(tmp_path)
    assert "territoire validate --territory tiny" in written(found, language, "reproduced")
    found.facts["territory"] = "saverne"
    monkeypatch.setattr("experiments.posteriors.is_of_this_model", lambda content: False)
    stale = written(found, language, "reproduced")
    assert {"en": "is stale and not shown", "fr": "est périmée et n'est pas montrée"}[language] in stale
    assert load_meanings()["V37a"][language] not in stale and not re.search(r"\d+[.,]\d+ ", stale.replace("0.1.0", ""))


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [(0.0853, "0.0853", "0,0853"), (1.2, "1.2", "1,2"), (2.0, "2", "2"), (0.0, "0", "0"),
     (5032.4, "5,032", "5\u202f032"), (0.1716, "0.172", "0,172"), (-40.12, "\u221240.1", "\u221240,1")],
)  # fmt: skip
def test_three_digits(value: float, english: str, french: str) -> None:
    assert (three_digits(value, "en"), three_digits(value, "fr")) == (english, french)


def test_what_the_runs_do_not_hold_is_left_out(tmp_path: Path) -> None:
    page = write_report(compared(tmp_path), "en").read_text(encoding="utf-8")
    for absent in ("programme", "attribution", "delay", "gp"):
        assert f'id="{absent}"' not in page
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).lower()


def test_names_cannot_break_the_page(tmp_path: Path) -> None:
    found = compared(tmp_path)
    found.facts["scenarios"]["policy"]["title"] = "<script>alert(1)</script>"
    page = write_report(found, "en").read_text(encoding="utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_invented_territory_says_so(tmp_path: Path) -> None:
    assert "This territory is invented" in write_report(compared(tmp_path), "en").read_text(encoding="utf-8")


def test_every_word_is_there_in_both_languages() -> None:
    for words in (*WORDS.values(), *NAMES.values(), *INDICATORS.values(), *GROUNDS.values()):
        assert all(words) and len(words) in (2, 4)


def test_report_of_no_comparison_is_refused(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert answer.exit_code == 2 and "holds no comparison" in answer.stderr
    answer = CliRunner().invoke(app, ["report", str(tmp_path), "--lang", "de"])
    assert answer.exit_code == 2 and "'de'" in answer.stderr
