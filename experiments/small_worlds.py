"""Worlds small enough to be solved by hand, built of the same arrays as those of every run.

Owns the making of them for the checks against closed forms (`territoire verify`, the tests); no rule and no check. The
types are those of `abm.world.empty_world`, so the machine code that is checked is the machine code that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from abm.agents.needs import start_clocks
from abm.conditions import Condition
from abm.handle import compiled
from abm.hospital_supply import log_medians
from abm.illness import illness_columns
from abm.parameters import load_parameters
from abm.randomness import seed_key
from abm.records import Episodes, all_stays, finished_episodes, spare_rows, with_room_for_records, with_room_for_stays
from abm.schedule import RULES_OF_THE_DAY
from abm.settings import BAND_STARTS
from abm.state import (
    CAUSE,
    HOSPITAL,
    KIND,
    NOBODY,
    PATIENT,
    PROVIDER,
    RULES,
    STAY_AGE,
    GeneralCause,
    Kind,
    Ward,
    World,
)
from abm.supply import Agendas
from abm.world import empty_world, next_open_days

NEVER_MISSES = -99.0
WEEK = 7
YEAR = 365.25
N_BANDS = len(BAND_STARTS)
SURGERY = int(Ward.SURGERY)
EVENT = int(GeneralCause.FIRST_EVENT)
SPECIALTIES = ("cardiologist", "endocrinologist", "oncologist", "pneumologist", "ophthalmologist")
N_KINDS = int(Kind.FIRST_SPECIALTY) + len(SPECIALTIES)


def small_world(
    *,
    n_people: int = 1,
    n_kinds: int = 1,
    n_doctors: int = 1,
    n_specialists: int = 0,
    n_days: int = 60,
    seconds_a_day: int = 0,
    horizon_days: int = 30,
    closed: tuple[int, ...] = (),
    needs_a_day: dict[int, float] | None = None,
    seed: int = 0,
) -> World:
    """One commune; everybody is a man of 40 registered with doctor 0; kinds without rules of their own.

    Parameters
    ----------
    closed : weekdays closed, day 0 is a Monday; agendas are empty then.
    needs_a_day : kind to rate.
    """
    days = np.arange(n_days)
    is_open = ~np.isin(days % WEEK, closed)
    rows: Any = np.zeros(n_people, PATIENT).view(np.recarray)
    rows.person, rows.need_factor, rows.birth_day = np.arange(n_people), 1.0, -40 * 366
    rows.registered_gp = 0 if n_doctors else NOBODY
    kinds = np.zeros(n_kinds, KIND).view(np.recarray)
    kinds.most_attempts, kinds.retry_days, kinds.p_no_show_logit, kinds.tolerance_days = 1, 1, NEVER_MISSES, np.inf
    providers: Any = np.zeros(n_doctors + n_specialists, PROVIDER).view(np.recarray)
    providers.address, providers.specialty, providers.capacity_share = np.arange(providers.size), NOBODY, 1.0
    providers.specialty[n_doctors:] = 0
    providers.visit_seconds = providers.home_visit_seconds = providers.video_seconds = providers.least_seconds = 1
    providers.horizon_days = horizon_days
    free = np.repeat((seconds_a_day * is_open).astype(np.int32)[None, :], providers.size, axis=0)
    agendas = Agendas(free, *(np.zeros_like(free) for _ in range(4)))
    rules = np.zeros(1, RULES).view(np.recarray)
    rules.season_mean = rules.visits_per_need = 1.0
    rates = np.zeros((n_kinds, len(BAND_STARTS), 2))
    for kind, rate in (needs_a_day or {}).items():
        rates[kind] = rate
    return empty_world(seed_key(seed), rules, kinds, rows, providers, agendas, n_days)._replace(
        minutes=np.zeros((1, 1)),
        neighbours=np.zeros((1, 0), np.int32),
        emergency_places=np.zeros(1, np.int32),
        pole_places=np.full((1, max(1, n_kinds - 5)), 65535, np.int32),
        rates=rates,
        condition_rates=np.zeros((n_kinds, 0)),
        is_open=is_open,
        next_open=next_open_days(is_open),
    )


def live(world: World, n_days: int, n_rows: int = 0) -> Episodes:
    """Start the clocks, live some days, return the rows of what has ended."""
    world = with_room_for_records(world, n_rows or 8 * spare_rows(world.patients.size))
    world = with_room_for_stays(world, 4 * world.call_rows.size)
    handle = compiled(world)
    start_clocks(handle)
    for day in range(n_days):
        for step in RULES_OF_THE_DAY:
            step.rule(handle, day)
    return finished_episodes(world)


def hospital_world(
    *,
    nights: float = 3.0,
    sigma: float = 0.0,
    beds: tuple[int, int, int] = (NOBODY, NOBODY, NOBODY),
    visitors: float = 0.0,
    n_events: int = 0,
    n_kinds: int = 5,
    n_stays: int = 40_000,
    **changed: Any,
) -> World:
    """A hospital where people live and a pole 30 minutes away; everybody who comes is admitted and treated here."""
    world = small_world(n_kinds=n_kinds, **changed)
    n_people = world.patients.size
    causes = np.zeros(EVENT + n_events, CAUSE).view(np.recarray)
    causes.condition, causes.p_local, causes.stay_days, causes.stay_sigma = NOBODY, 1.0, nights, sigma
    causes.ward[GeneralCause.PLANNED_SURGERY] = SURGERY
    causes.is_day_case[GeneralCause.DAY_CASE] = 1
    ages = np.zeros(N_BANDS, STAY_AGE).view(np.recarray)
    ages.death_ratio = 1.0
    hospital = np.zeros(1, HOSPITAL).view(np.recarray)
    hospital.readmission_ratio = 1.0
    n_calls = 1000 + 2 * n_people
    world = world._replace(
        minutes=np.array([[0.0, 5.0, 30.0]]),
        emergency_places=np.array([1], np.int32),
        causes=causes,
        call_rows=np.zeros(n_calls, np.int32),
        call_causes=np.zeros(n_calls, np.int16),
        call_contacts=np.zeros(n_calls, np.uint8),
        beds=np.array([beds, [NOBODY] * 3], np.int32),
        occupied=np.zeros((2, 3), np.int32),
        stay_share_admitted=np.ones(N_BANDS),
        hospital=hospital,
        stay_ages=ages,
        stay_log_medians=log_medians(causes),
        visitor_means=np.array([[visitors, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    )
    return with_room_for_records(with_room_for_stays(world, n_stays + n_calls), n_stays + 8 * spare_rows(n_people))


def run(world: World, n_days: int, each_evening: Callable[[int], None] | None = None) -> np.recarray:
    """Start the clocks, live some days, return the stays."""
    handle = compiled(world)
    start_clocks(handle)
    return go_on(world, handle, range(n_days), each_evening)


def go_on(
    world: World, handle: Any, days: Iterable[int], each_evening: Callable[[int], None] | None = None
) -> np.recarray:
    """Live some days, return the stays so far."""
    for day in days:
        for step in RULES_OF_THE_DAY:
            step.rule(handle, day)
        if each_evening is not None:
            each_evening(day)
    return all_stays(world)


def patients_only(
    conditions: tuple[Condition, ...],
    *,
    n: int = 20_000,
    bits: int = -1,
    n_days: int = 800,
    age_years: float = 70.0,
    months: bool = False,
    delay: bool = True,
    seed: int = 0,
    **options: Any,
) -> World:
    """People of 70 with all of some diseases (or those of `bits`), in every fifth of income, never seen by anybody."""
    world = small_world(n_people=n, n_kinds=N_KINDS, n_days=n_days, seed=seed, **options)
    people = world.patients
    people.birth_day, people.regularity = -int(age_years * YEAR), 1.0
    people.conditions = (1 << len(conditions)) - 1 if bits < 0 else bits
    people.income_quintile = 1 + np.arange(n) % 5
    world.rules.comorbidity_ratio = 1.0
    columns = illness_columns(
        conditions,
        load_parameters(),
        SPECIALTIES,
        people,
        n_rows=n,
        follow_up_factor=1.0,
        reference_day=0,
        delay_affects_health=delay,
    )
    return world._replace(
        **columns,
        condition_rates=np.zeros((N_KINDS, len(conditions))),
        call_rows=np.zeros(4 * n, np.int32),
        call_causes=np.zeros(4 * n, np.int16),
        call_contacts=np.zeros(4 * n, np.uint8),
        month_of=(np.arange(n_days) // 30).astype(np.int16) if months else np.zeros(n_days, np.int16),
    )
