"""The live page without a browser: two worlds of one seed, what is read off them, the clock, the lives, the server."""

from __future__ import annotations

import dataclasses
import re
import socket
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from abm.environment.territory import load_territory
from abm.errors import InputError
from abm.indicators.counting import Run
from abm.indicators.ledger import ledger_table
from abm.indicators.potential import apl_of
from abm.model import TerritoryModel
from abm.policies import levers
from abm.state import Channel, Contact, Outcome
from experiments.cli import app
from experiments.page import serving, words
from experiments.page.geography import shapes
from experiments.page.lives import people_of, tell
from experiments.page.pace import Pace, View
from experiments.page.pictures import MAPS, SERIES
from experiments.page.watching import Watcher
from experiments.page.worlds import Worlds
from experiments.tracing import life_of

SHORT = {"days": 150, "warm_up_days": 60, "follow_up_days": 30}
POLICY = {"teleconsultation": 0.4, "gp_recruited": 1}


@pytest.fixture(scope="module")
def worlds() -> Worlds:
    """Return a pair that has lived a hundred days, a policy tried out on the fiftieth."""
    pair = Worlds("tiny", 3, **SHORT)
    assert not pair.is_ready and pair.prepare() and pair.is_ready
    pair.advance(50)
    assert pair.try_out(POLICY)
    pair.advance(50)
    return pair


def test_without_a_lever_both_worlds_are_one() -> None:
    pair = Worlds("tiny", 3, **SHORT)
    pair.prepare()
    assert pair.try_out({"teleconsultation": 0.0, "gp_recruited": 0})
    assert pair.policy is pair.baseline and pair.levers == {}
    before, after = pair.pictures()
    assert before is after and before.date == "2020-01-01" and before.months == ()


def test_the_policy_lived_from_the_first_day_and_the_status_quo_never_noticed(worlds: Worlds) -> None:
    alone = {
        "baseline": TerritoryModel("tiny", rng=3, **SHORT),
        "policy": TerritoryModel("tiny", rng=3, **SHORT, **POLICY),
    }
    for name, model in alone.items():
        model.run_for(worlds.baseline.day)
        mine = getattr(worlds, name).records()
        assert mine.episodes.digest() == model.records().episodes.digest(), name
        assert np.array_equal(mine.paid, model.records().paid), name
    before, after = worlds.pictures()
    assert before.series != after.series and before.communes["access"] != after.communes["access"]


def test_a_try_that_is_stopped_changes_nothing(worlds: Worlds) -> None:
    policy, kept = worlds.policy, dict(worlds.levers)
    assert not worlds.try_out({"teleconsultation": 0.1}, lambda: True)
    assert worlds.policy is policy and worlds.levers == kept


def test_the_clock_stops_at_the_horizon() -> None:
    pair = Worlds("tiny", 3, **SHORT | {"days": 40})
    pair.prepare()
    pair.advance(1000)
    assert pair.is_over and pair.baseline.date.isoformat() == "2020-02-10"
    assert pair.pictures()[0].months == ("2020-01", "2020-02"), "the last month ends with the horizon"


def test_figures_are_those_of_the_records(worlds: Worlds) -> None:
    model = worlds.policy
    picture = worlds.pictures()[1]
    assert picture.months == ("2020-01", "2020-02", "2020-03") and set(picture.series) == set(SERIES)
    table = model.records().to_frame()
    table = table[table["outcome"] != "open"]
    month = table["closed_on"].dt.strftime("%Y-%m")
    is_gp = table["kind"].isin(["gp_acute", "gp_follow_up", "gp_preventive"])
    kept = table["outcome"].isin(["served", "missed"])
    asked = table[is_gp & kept & (table["is_planned"] == 0) & table["appointment_on"].notna()]
    waits = (asked["appointment_on"] - asked["asked_on"]).dt.days.groupby(month).mean()
    assert picture.series["gp_wait"] == pytest.approx([waits[m] for m in picture.months], abs=1e-4)
    visits = table[is_gp & (table["outcome"] == "served")]
    video = 100 * visits["channel"].isin(["video_own_gp", "platform", "booth"]).groupby(month).mean()
    assert picture.series["video"] == pytest.approx([video[m] for m in picture.months], abs=1e-4)
    emergencies = table[table["kind"] == "emergency"].groupby(month).size()
    person_months = picture.people  # births and moves of three months do not move it by 2 %
    found = np.array(picture.series["emergency"]) * person_months / 1000
    days = np.array([31, 29, 31]) / (365.25 / 12)
    assert found == pytest.approx([emergencies[m] for m in picture.months] / days, rel=0.02)
    books = ledger_table(model.records())
    books = books[(books["side"] == "paid") & (books["part"] == "horizon")]
    paid = books.groupby(pd.to_datetime(books["month"]).dt.strftime("%Y-%m"))["cents"].sum() / 100
    heads = np.array([paid[m] for m in picture.months]) / np.array(picture.series["spend"])
    assert heads / days == pytest.approx(person_months, rel=0.02)


def test_maps_are_those_of_the_records(worlds: Worlds) -> None:
    model, picture = worlds.policy, worlds.pictures()[1]
    assert set(picture.communes) == set(MAPS)
    run = Run(model.records())
    assert picture.communes["access"] == pytest.approx(apl_of(run, max(model.day - 365, 0), model.day), abs=1e-4)
    assert picture.communes["enrolment"] == [0.0] * 5, "nobody opened a network"
    heads = np.bincount(model.patients.commune, minlength=5)
    assert picture.people == heads.sum() == len(model.patients)
    delay = [value for value in picture.communes["delay"] if value is not None]
    assert delay and min(delay) > 0 and max(delay) < 60


def test_enrolment_is_counted_by_commune() -> None:
    pair = Worlds("tiny", 3, **SHORT)
    pair.prepare()
    pair.try_out({"network_adherence": 1.0})
    people = pair.policy.arrays.patients
    people.is_enrolled[people.commune == 2] = 1
    after = pair.pictures()[1]
    assert after.communes["enrolment"] == [0.0, 0.0, 100.0, 0.0, 0.0]
    assert after.enrolled == (pair.policy.patients.commune == 2).sum()


def test_looking_often_and_looking_once_show_the_same() -> None:
    often, once = (Watcher(TerritoryModel("tiny", rng=5, **SHORT)) for _ in range(2))
    for _ in range(5):
        often.model.run_for(20)
        often.look()
    once.model.run_for(100)
    assert often.picture() == once.picture()


# --- the clock ----------------------------------------------------------------------------------------------------


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def test_the_clock_steps_plays_pauses_and_ends() -> None:
    seen: list[View] = []
    pace = Pace(Worlds("tiny", 3, **SHORT), seen.append)
    pace.start()
    wait_for(lambda: pace.view.status == "ready")
    assert seen[0].pictures is None and pace.view.pictures[0].date == "2020-01-01"
    pace.step()
    wait_for(lambda: pace.view.pictures[0].date == "2020-01-31")
    time.sleep(0.3)
    assert pace.view.pictures[0].date == "2020-01-31", "one step, no more"
    pace.days_a_frame = 1
    pace.play(True)
    wait_for(lambda: pace.view.pictures[0].date > "2020-02-02")
    pace.play(False)
    time.sleep(0.4)
    stopped = pace.view.pictures[0].date
    time.sleep(0.4)
    assert pace.view.pictures[0].date == stopped
    pace.ask_for({"teleconsultation": 0.2})
    pace.ask_for({"teleconsultation": 0.4})
    wait_for(lambda: pace.view.levers == (("teleconsultation", 0.4),))
    assert pace.view.pictures[1].date == stopped, "moving a lever does not move the clock"
    pace.days_a_frame = 100
    pace.play(True)
    wait_for(lambda: pace.view.status == "over")
    assert not pace.is_playing
    pace.close()
    pace.join(10)
    assert not pace._thread.is_alive()


def test_a_lever_that_cannot_be_had_is_told_and_the_rest_goes_on() -> None:
    pace = Pace(Worlds("tiny", 3, **SHORT), lambda view: None)
    pace.start()
    wait_for(lambda: pace.view.status == "ready")
    pace.ask_for({"teleconsultation": 7.0})
    wait_for(lambda: pace.view.message)
    assert "teleconsultation" in pace.view.message and pace.view.status == "ready"
    pace.step()
    wait_for(lambda: pace.view.pictures[0].date == "2020-01-31")
    pace.close()


# --- lives --------------------------------------------------------------------------------------------------------


def test_people_of_a_commune_are_its_people(worlds: Worlds) -> None:
    model = worlds.baseline
    offered = people_of(model, 1, "en")
    assert 5 <= len(offered) <= 14 and len({p["person"] for p in offered}) == len(offered)
    for one in offered:
        assert model.patients[one["person"]].commune == 1
        assert f"{model.patients[one['person']].age_years} years" in one["text"]


def test_a_life_is_told_line_by_line_and_parts_where_the_records_do(worlds: Worlds) -> None:
    n_parted = 0
    for person in range(400):
        told = tell(person, worlds.baseline, worlds.policy, "en")
        mine = life_of(worlds.baseline.records(), person)
        other = life_of(worlds.policy.records(), person)
        assert [line[0] for line in told.lines if line[0]][-1:] == [
            line for line in [_plain(mine)] if line is not None
        ], person
        assert sum(bool(line[0]) for line in told.lines) == len(mine.lines)
        assert sum(bool(line[1]) for line in told.lines) == len(other.lines)
        assert (told.parting is None) == (mine.lines == other.lines)
        assert (told.parting is None) == (not any(differs for *_, differs in told.lines))
        n_parted += told.parting is not None
    assert 0 < n_parted < 400


def _plain(life) -> str | None:
    from experiments.page.lives import sentence

    return sentence(life.lines[-1], "en") if life.lines else None


def test_lives_are_told_in_french(worlds: Worlds) -> None:
    setting = worlds.baseline.setting
    names = {"request", "visit booked ahead", "emergency visit", "stay", "dead", "departed"}
    names |= {member.name.lower() for kind in (Channel, Outcome, Contact) for member in kind} - {"none"}
    names |= {name for name in (*setting.kinds, *(c.name for c in setting.conditions)) if name != "stay"}
    names |= {part for cause in setting.causes for part in cause.split(".")}
    assert names <= set(words.FRENCH_VALUES)
    lives = [tell(person, worlds.baseline, worlds.policy, "fr").lines for person in range(200)]
    texts = " ".join(text for life in lives for line in life for text in line[:2])
    assert "_" not in texts and not re.search(r"\b(request|visit|served|emergency|home|own)\b", texts)
    assert "médecin traitant" in texts and "demande" in texts
    assert words.value_word("diabetes.mi", "fr") == "diabète, infarctus"


def test_nobody_is_told(worlds: Worlds) -> None:
    with pytest.raises(InputError, match="nobody has the number 999999"):
        tell(999_999, worlds.baseline, worlds.policy, "en")


# --- words, places ------------------------------------------------------------------------------------------------


def test_every_word_has_two_languages_and_every_slider_is_a_lever() -> None:
    for key, told in words.WORDS.items():
        assert len(told) == 2 and all(text or key == "ready" for text in told), key
    pytest.importorskip("solara")
    from experiments.page.views import POLICY_CONTROLS, levers_at, supply_controls

    controls = [*POLICY_CONTROLS, *supply_controls(76)]
    known = {lever.name: lever for lever in levers()}
    for control in controls:
        assert control.highest / control.factor <= known[control.lever].high
        assert words.say(control.lever, "fr") != words.say(control.lever, "en")
    moved = {"network_adherence": 55, "gp_recruited": 2, "patient_education": 0}
    assert levers_at(moved, controls) == {"network_adherence": 0.55, "gp_recruited": 2}


@pytest.mark.parametrize("name", ["tiny", "saverne", "sarrebourg"])
def test_every_commune_is_on_the_map(name: str, tmp_path: Path) -> None:
    territory = load_territory(name)
    drawn = shapes(territory)
    assert [c["name"] for c in drawn["communes"]] == territory.communes["name"].tolist()
    for one in (*drawn["communes"], *drawn["doctors"], *drawn["hospitals"]):
        assert 0 <= one["x"] <= drawn["width"] and 0 <= one["y"] <= drawn["height"]
    assert sum(place["n"] for place in drawn["doctors"]) == territory.count("general_practitioner").sum()
    north = territory.communes["lat"].to_numpy().argmax()
    assert drawn["communes"][north]["y"] == min(c["y"] for c in drawn["communes"]), "north is up"
    bare = shapes(dataclasses.replace(territory, folder=tmp_path))
    assert all("d" not in c and c["r"] > 0 for c in bare["communes"])


# --- the server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "host", "origin", "is_meant"),
    [
        ("127.0.0.1", "127.0.0.1:8765", "", True),
        ("127.0.0.1", "localhost:8765", "http://localhost:8765", True),
        ("::1", "[::1]:8765", "http://[::1]:8765", True),
        ("127.0.0.1", "evil.org:8765", "", False),
        ("127.0.0.1", "127.0.0.1:8765", "http://evil.org", False),
        ("127.0.0.1", "127.0.0.1:8765", "http://127.0.0.1:9999", False),
        ("127.0.0.1", "", "", False),
        ("0.0.0.0", "my-machine:8765", "http://my-machine:8765", True),
        ("0.0.0.0", "my-machine:8765", "http://evil.org", False),
    ],
)
def test_only_its_own_page_reaches_the_server(bound: str, host: str, origin: str, is_meant: bool) -> None:
    headers = {b"host": host.encode(), **({b"origin": origin.encode()} if origin else {})}
    assert serving.Guard(None, bound).is_meant(headers) is is_meant


def test_nothing_is_downloaded() -> None:
    with pytest.raises(FileNotFoundError, match="nothing is downloaded"):
        serving.no_download("https://cdn.example/x.js")


@pytest.fixture
def taken():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("-t tinny", ["'tinny'", "Did you mean 'tiny'?"]),
        ("baselin", ["'baselin'", "Did you mean 'baseline'?"]),
        ("--lang de", ["--lang", "'de'", "en, fr"]),
        ("--port 70000", ["--port", "'70000'", "0 to 65535"]),
        ("--port x", ["--port", "'x'"]),
        ("--host 203.0.113.7", ["--host", "203.0.113.7", "cannot be used"]),
        ("--days 0", ["'days'", "found 0"]),
        ("--scale 2", ["'scale'", "2"]),
        ("--set gp_load=7", ["'gp_load'", "0.8 to 1.05"]),
        ("--sed 1", ["'--sed'", "Did you mean '--seed'?"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(command: str, parts: list[str]) -> None:
    pytest.importorskip("solara")
    result = CliRunner().invoke(app, ["dashboard", "--no-browser", *command.split()], prog_name="territoire")
    assert result.exit_code == 2 and len(result.stderr.strip().splitlines()) == 1
    for part in parts:
        assert part in result.stderr


def test_a_port_that_is_taken_is_one_message(taken: int) -> None:
    pytest.importorskip("solara")
    result = CliRunner().invoke(app, ["dashboard", "--no-browser", "--port", str(taken)], prog_name="territoire")
    assert result.exit_code == 2 and str(taken) in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_without_the_extra_one_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda name: None if name == "solara" else object())
    result = CliRunner().invoke(app, ["dashboard", "--no-browser"], prog_name="territoire")
    assert result.exit_code == 2
    assert (
        result.stderr
        == "Error: the page needs the extra 'dashboard' (not found: solara): pip install territoire[dashboard]\n"
    )
