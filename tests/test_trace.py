"""One life told, and where two lives part."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import experiments
from abm.errors import InputError
from experiments.cli import app
from experiments.reaching import NOT_PARTED, differences, way_to
from experiments.tracing import NEVER_THERE, Life, Line, cause_of, first_difference, life_of, trace

SHORT = {"days": 120, "warm_up_days": 14, "follow_up_days": 7}


def line(date: str = "2020-01-02", what: str = "request", **facts: object) -> Line:
    return Line(
        date, what, {"kind": "gp_acute", "outcome": "served", "appointment_on": "2020-01-03", "provider": 0} | facts
    )


def test_lives_part_at_the_first_line_that_differs() -> None:
    one = Life("a", {}, (line(), line("2020-02-01"), line("2020-03-01")))
    assert first_difference(one, one) is None
    other = replace(one, lines=(line(), line("2020-02-01", appointment_on="2020-02-09"), line("2020-03-01")))
    assert first_difference(one, other) == 1
    assert "another day" in cause_of(one, other, 1) and "2020-02-09" in cause_of(one, other, 1)
    assert first_difference(one, replace(one, lines=one.lines[:2])) == 2
    assert cause_of(one, replace(one, lines=one.lines[:2]), 2) == NEVER_THERE
    assert "another doctor" in cause_of(one, replace(one, lines=(line(provider=1),)), 0)


@pytest.mark.slow
def test_a_life_is_that_of_the_records() -> None:
    result = experiments.run("baseline", territory="tiny", seed=3, **SHORT)
    records = result.records
    assert records is not None
    for person in (0, 17, 400):
        life = life_of(records, person)
        row = int((records.patients.person == person).argmax())
        n_stays = int((records.stays["patient"] == row).sum())
        assert len(life.lines) == int((records.episodes.patient == row).sum()) + n_stays
        assert sum(each.what == "stay" for each in life.lines) == n_stays
        assert [each.date for each in life.lines] == sorted(each.date for each in life.lines)
    with pytest.raises(InputError, match="nobody has the number 99999"):
        life_of(records, 99999)


@pytest.mark.slow
def test_two_lives_under_the_same_policy_never_part_and_under_another_some_do() -> None:
    same = trace(5, versus="baseline", territory="tiny", **SHORT)
    assert same.parting is None and same.lives[0].lines == same.lives[1].lines
    runs = [experiments.run("baseline", territory="tiny", gp_departures=n, **SHORT).records for n in (0, 1)]
    partings = []
    for person in range(60):
        one, other = (life_of(records, person) for records in runs if records is not None)
        parting = first_difference(one, other)
        if parting is not None:
            partings.append(min(life.lines[parting].date for life in (one, other) if parting < len(life.lines)))
            assert cause_of(one, other, parting)
    assert partings and min(partings) >= "2020-01-01", "nobody's life can part before the policy begins"


@pytest.mark.slow
def test_the_way_leads_back_in_time_to_what_the_policy_touched() -> None:
    names = ("baseline", "teleconsultation")
    runs = [experiments.run(name, territory="tiny", seed=2, **SHORT).records for name in names]
    base, policy = runs
    assert base is not None and policy is not None
    found = differences(base, policy)
    parted_on = found.parted_on(base.patients.size)
    assert not differences(base, base).patient.size and not way_to(0, base, base)
    whose = np.flatnonzero(parted_on != NOT_PARTED)
    assert 20 < whose.size < base.patients.size
    for row in range(base.patients.size):  # whoever has the same episodes has the same life, and the other way round
        rows = [np.flatnonzero(records.episodes.patient == row) for records in (base, policy)]
        columns = ("kind", "asked_on", "appointment_on", "provider", "channel", "outcome", "closed_on")
        lives = [
            sorted(zip(*(getattr(records.episodes, name)[mine].tolist() for name in columns), strict=True))
            for records, mine in zip((base, policy), rows, strict=True)
        ]
        assert (lives[0] == lives[1]) == (parted_on[row] == NOT_PARTED), row
    n_links, n_touched = [], 0
    for row in whose.tolist():
        way = way_to(row, base, policy)
        days = [link.date for link in way]
        assert way[0].person == policy.patients.person[row] and days == sorted(days, reverse=True)
        assert not any(link.touched_by for link in way[:-1]) and len({link.person for link in way}) == len(way)
        n_links.append(len(way))
        n_touched += bool(way[-1].touched_by)
    assert max(n_links) > 1, "the policy reaches some through others"
    assert n_touched > whose.size / 2, "most ways lead to somebody whom the policy touched"


@pytest.mark.slow
def test_command() -> None:
    days = ["--days", "21", "--set", "warm_up_days=14", "--set", "follow_up_days=7", "--territory", "tiny"]
    answer = CliRunner().invoke(app, ["trace", "--person", "5", "--versus", "baseline", *days, "--json"])
    assert answer.exit_code == 0 and json.loads(answer.stdout)["parting"] is None
    answer = CliRunner().invoke(app, ["trace", "--person", "5", *days, "-q"])
    assert answer.exit_code == 0 and not answer.stdout
    answer = CliRunner().invoke(app, ["trace", "--person", "5", "--versus", "more_gsp", *days])
    assert answer.exit_code == 2 and "more_gps" in answer.stderr
