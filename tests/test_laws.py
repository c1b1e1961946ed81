"""Do the laws hold in a run, and does each of them notice its own breach, with the day and the numbers?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest

from abm import laws
from abm.laws import BrokenLawError
from abm.model import TerritoryModel
from abm.state import NEVER, Counter, Stage, Status, Vital

DAYS = 200
COLUMNS = ("free", "reserve", "walk_in", "overtime", "planned_room")


def run(seed: int, **overrides: object) -> TerritoryModel:
    model = TerritoryModel("tiny", rng=seed, days=DAYS - 90, warm_up_days=60, follow_up_days=30, **overrides)
    model.run_to_end()
    return model


@cache
def finished() -> TerritoryModel:
    return run(1)


@pytest.mark.parametrize(
    ("seed", "overrides"), [(2, {}), (3, {"teleconsultation": 0.3}), (4, {"gp_load": 1.05, "gp_flex_share": 0.0})]
)
def test_a_run_breaks_no_law(seed: int, overrides: dict[str, float]) -> None:
    model = run(seed, **overrides)
    first_days = int(model.setting.calendar.is_first_of_month[1 : DAYS + 1].sum())
    assert model.day == DAYS and model.laws_checked in (first_days, first_days + 1)
    assert model.arrays.counters[Counter.OPENED] > 1000 and model.open_requests > 0


@contextmanager
def changed(column: np.ndarray, at: object, value: object) -> Iterator[None]:
    """Set some values of a column and put them back."""
    before = np.array(column[at])
    column[at] = value
    try:
        yield
    finally:
        column[at] = before
    laws.check(finished())


def broken(match: str) -> BrokenLawError:
    with pytest.raises(BrokenLawError, match=match) as caught:
        laws.check(finished())
    error = caught.value
    assert error.law in str(error) and f"day {error.day}" in str(error)
    assert str(finished().setting.calendar.date(error.day)) in str(error)
    assert error.numbers and all(f"{name} = {value}" in str(error) for name, value in error.numbers.items())
    return error


def test_two_rows_of_one_person() -> None:
    person = finished().arrays.patients.person
    with changed(person, 0, person[1]):
        error = broken("everybody is there once")
        in_use = int(finished().arrays.counters[Counter.PATIENTS])
        assert error.numbers == {"people": in_use, "different": in_use - 1} and error.day == DAYS - 1


COUNTED = {"births": Vital.BIRTHS, "arrivals": Vital.ARRIVALS, "deaths": Vital.DEATHS, "departures": Vital.DEPARTURES}


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("more", [1, -1])
def test_a_life_event_that_was_not_counted(name: str, more: int) -> None:
    vital, column = finished().arrays.vital, COUNTED[name]
    with changed(vital, (3, column), vital[3, column] + more):
        comes = name in ("births", "arrivals")
        error = broken("people at start [+] births" if comes else "deaths and departures = those who have gone")
        assert error.numbers[name] == int(vital[:, column].sum())


@pytest.mark.parametrize(("status", "law"), [
    (Status.EXPECTED, "people at start [+] births [+] arrivals = alive"),
    (Status.DEAD, "deaths and departures = those who have gone"),
    (Status.DEPARTED, "deaths and departures = those who have gone"),
])  # fmt: skip
def test_somebody_who_vanishes(status: Status, law: str) -> None:
    rows = finished().arrays.patients
    with changed(rows.status, int(np.flatnonzero(rows.status == Status.ALIVE)[7]), status):
        broken(law)


def test_somebody_in_a_row_that_is_not_in_use() -> None:
    rows, counters = finished().arrays.patients, finished().arrays.counters
    with changed(counters, Counter.PATIENTS, np.flatnonzero(rows.status == Status.ALIVE).max()):
        broken("nobody lives in a row that is not in use")


def test_a_newborn_without_a_row() -> None:
    with changed(finished().arrays.counters, Counter.REFUSED_BIRTHS, 2):
        assert broken("there is a row for every newborn").numbers["births_without_row"] == 2


@pytest.mark.parametrize("status", [Status.DEAD, Status.DEPARTED, Status.EXPECTED])
@pytest.mark.parametrize("column", ["stage", "event_day"])
def test_the_dead_want_nothing(status: Status, column: str) -> None:
    world = finished().arrays
    row = int(np.flatnonzero(world.patients.status == status)[0])
    with changed(getattr(world.episodes, column), 2 * world.patients.size + row, 1):
        error = broken("those who have gone want nothing")
        assert error.numbers == {"person": int(world.patients.person[row]), "episodes": 1}


@pytest.mark.parametrize("doctor", [2, 40, -2])
def test_a_doctor_who_does_not_exist(doctor: int) -> None:
    with changed(finished().arrays.patients.registered_gp, 3, doctor):
        broken("registered with a practice that exists")


@pytest.mark.parametrize("more", [1, -1, 1000])
def test_a_request_that_nobody_made(more: int) -> None:
    counters = finished().arrays.counters
    with changed(counters, Counter.OPENED, counters[Counter.OPENED] + more):
        error = broken("requests opened = ended [+] open")
        ended = sum(error.numbers[name] for name in ("served", "missed", "withdrawn", "forgone", "diverted", "open"))
        assert error.numbers["opened"] - ended == more


@pytest.mark.parametrize("stage", [Stage.ASKING, Stage.BOOKED])
def test_a_request_that_vanishes(stage: Stage) -> None:
    episodes = finished().arrays.episodes
    node = int(np.flatnonzero((episodes.stage == stage) & (episodes.is_planned == 0))[0])
    with changed(episodes.stage, node, Stage.QUIET):
        broken("requests opened = ended [+] open")


def test_a_request_that_becomes_a_visit_booked_ahead() -> None:
    episodes = finished().arrays.episodes
    node = int(np.flatnonzero((episodes.stage == Stage.BOOKED) & (episodes.is_planned == 0))[0])
    with changed(episodes.is_planned, node, 1):
        broken("requests opened = ended [+] open")


def test_a_request_that_waits_for_a_day_gone_by() -> None:
    episodes = finished().arrays.episodes
    node = int(np.flatnonzero((episodes.stage == Stage.ASKING) & (episodes.event_day != NEVER))[0])
    with changed(episodes.event_day, node, DAYS - 7):
        error = broken("open episodes wait for a day to come")
        assert error.day == DAYS - 7 and error.numbers == {"overdue": 1}


def test_an_appointment_that_was_not_held() -> None:
    episodes = finished().arrays.episodes
    nodes = np.flatnonzero(episodes.stage == Stage.BOOKED)[:2]
    with changed(episodes.appointment_on, nodes, [DAYS - 5, DAYS - 3]):
        error = broken("open episodes wait for a day to come")
        assert error.day == DAYS - 5 and error.numbers == {"overdue": 2}, "the first bad day"


@pytest.mark.parametrize("day", [DAYS - 30, DAYS - 1, DAYS + 50])
@pytest.mark.parametrize("name", COLUMNS)
def test_an_agenda_that_gives_more_than_it_has(name: str, day: int) -> None:
    with changed(getattr(finished().arrays, name), (1, day), -5):
        error = broken(f"{name} time >= 0")
        assert error.day == day and error.numbers == {"provider": 1, "seconds": -5}


@pytest.mark.parametrize("name", ["free", "reserve", "walk_in", "overtime", "outside_held"])
@pytest.mark.parametrize("day", [0, 33, DAYS - 1])
def test_time_that_comes_from_nowhere(name: str, day: int) -> None:
    column = getattr(finished().arrays, name)
    with changed(column, (1, day), column[1, day] + 60):
        error = broken("time offered [+] overtime = held [+] missed [+] unused")
        n = error.numbers
        taken = n["held_or_missed"] + n["held_by_people_from_elsewhere"] + n["unused"]
        assert n["provider"] == 1 and n["offered"] + n["overtime"] - taken == -60


def test_sessions_that_nobody_offered() -> None:
    with changed(finished().setting.offered, (2, 50), finished().setting.offered[2, 50] - 1):
        assert broken("time offered").numbers["provider"] == 2


def test_a_run_stops_at_the_next_first_of_a_month() -> None:
    model = TerritoryModel("tiny", rng=1, days=60, warm_up_days=10, follow_up_days=0)
    for _ in range(5):
        model.step()
    model.arrays.counters[Counter.OPENED] += 1
    with pytest.raises(BrokenLawError) as caught:
        model.run_to_end()
    assert model.setting.calendar.is_first_of_month[caught.value.day + 1] and caught.value.day < 40


def test_no_day_goes_unchecked() -> None:
    assert laws.DAYS_BACK >= 31
    calendar = finished().setting.calendar
    first_days = np.flatnonzero(calendar.is_first_of_month)
    assert np.diff(first_days).max() < laws.DAYS_BACK


def test_a_broken_law_travels_between_processes() -> None:
    import pickle

    from abm.laws import BrokenLawError

    error = BrokenLawError("people", 3, "2020-01-04", {"start": 5, "now": 4})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.law, again.numbers) == (str(error), "people", {"start": 5, "now": 4})
