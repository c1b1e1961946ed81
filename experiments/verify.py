"""The model's own booking code on a practice that can be solved exactly: one commune, doctors who work every day.

Owns the construction of that small world and its summary. The rules are those of every run (`abm.schedule.SCHEDULE`):
whoever breaks the booking rule changes both. The same world, larger, is the speed workload.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log1p
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import InputError
from abm.randomness import seed_key
from abm.settings import BAND_STARTS
from abm.state import KIND, NEVER, NOBODY, PATIENT, PROVIDER, RULES, Counter, Kind, Outcome, World
from abm.supply import Agendas

if TYPE_CHECKING:
    from abm.records import Episodes

DAYS_A_WEEK = 7
SLOT_SECONDS = 1  # one slot is one second of agenda: time is counted in slots here
CERTAINLY_COMES_LOGIT = -99.0


@dataclass(frozen=True)
class Practice:
    """A commune whose doctors are asked by nobody else, and how long to watch it.

    Attributes
    ----------
    patients, doctors : patient i goes to doctor i mod doctors.
    slots : a working day of each doctor.
    daily_need : probability that a patient without an appointment has a need on a day, [0, 1).
    horizon : days ahead that may be booked, None for no limit.
    working_days : days of the week worked, from Monday on; needs arise on closed days too.
    days, warm_up : days watched, after days not watched; day 0 is a Monday.
    chronic_share, chronic_daily_need : patient i is chronic when (i // doctors) mod round(1/share) = 0.
    """

    patients: int
    slots: int
    daily_need: float
    doctors: int = 1
    horizon: int | None = None
    working_days: int = DAYS_A_WEEK
    days: int = 365
    warm_up: int = 0
    chronic_share: float = 0.0
    chronic_daily_need: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        for name, lowest in (("patients", 1), ("doctors", 1), ("slots", 1), ("days", 1), ("warm_up", 0)):
            _expect(getattr(self, name) >= lowest, name, getattr(self, name), f"an integer of at least {lowest}")
        for name in ("daily_need", "chronic_daily_need", "chronic_share"):
            _expect(0.0 <= getattr(self, name) < 1.0, name, getattr(self, name), "a number from 0 to below 1")
        _expect(1 <= self.working_days <= DAYS_A_WEEK, "working_days", self.working_days, "1 to 7")
        _expect(self.horizon is None or self.horizon >= 0, "horizon", self.horizon, "0 or more days")

    @property
    def last_day(self) -> int:
        """Days simulated."""
        return self.warm_up + self.days

    @property
    def book_days(self) -> int:
        """Days that the agendas must reach beyond the last day."""
        if self.horizon is not None:
            return self.horizon + 1
        return ceil(self.patients / self.doctors / self.slots) * DAYS_A_WEEK // self.working_days + 2 * DAYS_A_WEEK


def _expect(holds: bool, name: str, found: object, expected: str) -> None:
    if not holds:
        raise InputError(f"--{name.replace('_', '-')}: found {found}, expected {expected}")


def practice(
    patients: int,
    slots: int,
    daily_need: float,
    *,
    doctors: int = 1,
    horizon: int | None = None,
    working_days: int = DAYS_A_WEEK,
    days: int = 365,
    warm_up: int = 0,
    chronic_share: float = 0.0,
    chronic_daily_need: float = 0.0,
    replications: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Simulate a practice and return its mean wait, emergency share and utilisation with standard errors.

    Parameters
    ----------
    replications : independent runs, >= 1; standard errors are over them (None for one run).
    seed : any integer >= 0.

    Returns
    -------
    `mean_wait_days`, `emergency_share`, `utilisation`: each `{"mean": …, "se": …}`; `run_s`: seconds of the daily
    loops alone; `events`: needs raised and visits held; counts of needs, appointments given, visits held, diverted.

    Raises
    ------
    InputError
        A number out of range.
    """
    case = Practice(
        patients, slots, daily_need, doctors, horizon, working_days, days, warm_up, chronic_share, chronic_daily_need
    )
    _expect(replications >= 1, "replications", replications, "an integer of at least 1")
    _expect(seed >= 0, "seed", seed, "an integer of at least 0")
    _live(Practice(5000, 100, 0.02, days=60), 0, 0)  # compile, or load what was compiled, outside the clock
    runs = [_live(case, seed, replication) for replication in range(replications)]
    result: dict[str, Any] = {
        name: _mean_and_error([run[name] for run in runs])
        for name in ("mean_wait_days", "emergency_share", "utilisation")
    }
    result["run_s"] = float(sum(run["run_s"] for run in runs))
    for name in ("events", "needs", "given", "held", "diverted"):
        result[name] = int(sum(run[name] for run in runs))
    return result


def _mean_and_error(values: list[float]) -> dict[str, float | None]:
    """Return the mean over replications and its standard error; None where it cannot be known."""
    sample = np.array(values)
    mean = float(sample.mean())
    error = float(sample.std(ddof=1) / np.sqrt(sample.size)) if sample.size > 1 else None
    return {"mean": None if np.isnan(mean) else mean, "se": error}


def wait_of_agenda(case: Practice, seed: int, replication: int, has_slots: NDArray[np.bool_]) -> float:
    """Return the mean wait, days, of a practice whose slots are there on some days only.

    Parameters
    ----------
    has_slots : on which days, shape (days,), longer than the days lived: those beyond can be booked.
    """
    return _live(case, seed, replication, has_slots)["mean_wait_days"]


def _live(case: Practice, seed: int, replication: int, has_slots: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """Live one replication, and count what happened in the window."""
    from abm.agents.needs import start_clocks
    from abm.handle import compiled
    from abm.records import Recorder, finished_episodes, open_episodes, spare_rows, with_room_for_records
    from abm.schedule import RULES_OF_THE_DAY

    world = practice_world(case, seed_key(seed, replication), has_slots)
    most_rows = int(case.slots * case.doctors + case.patients * max(case.daily_need, case.chronic_daily_need))
    world = with_room_for_records(world, spare_rows(case.patients) + most_rows * case.last_day)
    handle = compiled(world)
    start_clocks(handle)
    began = perf_counter()
    for day in range(case.last_day):
        for step in RULES_OF_THE_DAY:
            step.rule(handle, day)
        if Recorder.needs_room(world):
            world = with_room_for_records(world, 2 * world.record_patient.size)
            handle = compiled(world)
    run_s = perf_counter() - began
    ended, still_open = finished_episodes(world), open_episodes(world)
    return _counts(case, ended, still_open) | {"run_s": run_s, "events": float(world.counters[Counter.EVENTS])}


def _counts(case: Practice, ended: Episodes, still_open: Episodes) -> dict[str, float]:
    """Count needs, appointments given, visits held and diversions of the window."""
    first, last = case.warm_up, case.last_day
    ended = ended[ended.kind == Kind.GP_ACUTE]
    asked_on, appointment_on = (
        np.concatenate([ended[name], still_open[name]]) for name in ("asked_on", "appointment_on")
    )
    asked = (asked_on >= first) & (asked_on < last)
    given = asked & (appointment_on != NEVER)
    in_window = (ended.asked_on >= first) & (ended.asked_on < last)
    diverted = int(((ended.outcome == Outcome.DIVERTED) & in_window).sum())
    held = int(((ended.outcome == Outcome.SERVED) & (ended.closed_on >= first) & (ended.closed_on < last)).sum())
    worked = int((np.arange(first, last) % DAYS_A_WEEK < case.working_days).sum())
    slots = case.slots * case.doctors * worked
    return {
        "needs": int(asked.sum()),
        "given": int(given.sum()),
        "diverted": diverted,
        "held": held,
        "mean_wait_days": float((appointment_on - asked_on)[given].mean()) if given.any() else float("nan"),
        "emergency_share": diverted / asked.sum() if asked.any() else float("nan"),
        "utilisation": held / slots if slots else float("nan"),
    }


def practice_world(case: Practice, key: NDArray[np.uint64], has_slots: NDArray[np.bool_] | None = None) -> World:
    """Return the small world: one kind of need, no video, no neighbours, nobody cancels or misses, endless patience."""
    from abm.world import empty_world

    n_days = case.last_day + case.book_days if has_slots is None else has_slots.size
    kinds = np.zeros(1, KIND).view(np.recarray)
    kinds.tolerance_days, kinds.p_divert, kinds.most_attempts = inf, 1.0, 1
    kinds.p_no_show_logit = CERTAINLY_COMES_LOGIT
    no_behaviour = np.zeros(1, RULES).view(np.recarray)
    doctors, agendas = _doctors(case, n_days), _agendas(case, n_days, has_slots)
    world = empty_world(key, no_behaviour, kinds, _patients(case), doctors, agendas, n_days)
    ordinary, chronic = -log1p(-case.daily_need), -log1p(-case.chronic_daily_need)
    return world._replace(
        minutes=np.zeros((1, 1)),
        neighbours=np.zeros((1, 0), np.int32),
        emergency_places=np.zeros(1, np.int32),
        rates=np.full((1, len(BAND_STARTS), 2), ordinary),
        condition_rates=np.full((1, 1), chronic - ordinary),
    )


def _patients(case: Practice) -> np.recarray:
    """Return the patients, rows sorted by doctor."""
    number = np.arange(case.patients)
    rows = np.zeros(case.patients, PATIENT).view(np.recarray)
    rows.person, rows.registered_gp, rows.need_factor = number, number % case.doctors, 1.0
    if case.chronic_share > 0.0:
        rows.conditions = (number // case.doctors) % round(1.0 / case.chronic_share) == 0
    return rows[np.argsort(rows.registered_gp, kind="stable")].view(np.recarray)


def _doctors(case: Practice, n_days: int) -> np.recarray:
    rows = np.zeros(case.doctors, PROVIDER).view(np.recarray)
    rows.address = np.arange(case.doctors)
    rows.specialty = NOBODY
    rows.visit_seconds = rows.home_visit_seconds = rows.video_seconds = rows.least_seconds = SLOT_SECONDS
    rows.horizon_days = n_days if case.horizon is None else case.horizon
    rows.capacity_share = 1.0
    return rows


def _agendas(case: Practice, n_days: int, has_slots: NDArray[np.bool_] | None) -> Agendas:
    """Return agendas with all slots free on working days (or those given), nothing reserved."""
    works = np.arange(n_days) % DAYS_A_WEEK < case.working_days if has_slots is None else has_slots
    free = np.repeat((works * case.slots * SLOT_SECONDS).astype(np.int32)[None, :], case.doctors, axis=0)
    return Agendas(free, *(np.zeros_like(free) for _ in range(4)))
