"""Worlds small enough to know by heart, and bounds for what luck may do in them. No test of its own.

The worlds are those of every run (`abm.world.empty_world`), with the same types of array, so the machine code tested is
the machine code that runs.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.stats import binom

from abm.agents.needs import start_clocks
from abm.environment.territory import Territory, load_territory
from abm.handle import compiled
from abm.randomness import seed_key
from abm.records import Episodes, finished_episodes, spare_rows, with_room_for_records, with_room_for_stays
from abm.schedule import RULES_OF_THE_DAY
from abm.settings import BAND_STARTS
from abm.state import KIND, NOBODY, PATIENT, PROVIDER, RULES, World
from abm.supply import Agendas
from abm.world import empty_world, next_open_days

ALARM = 1e-7  # false-alarm rate of each single comparison; some tests make up to a hundred
NEVER_MISSES = -99.0
WEEK = 7


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
    rows = np.zeros(n_people, PATIENT).view(np.recarray)
    rows.person, rows.need_factor, rows.birth_day = np.arange(n_people), 1.0, -40 * 366
    rows.registered_gp = 0 if n_doctors else NOBODY
    kinds = np.zeros(n_kinds, KIND).view(np.recarray)
    kinds.most_attempts, kinds.retry_days, kinds.p_no_show_logit, kinds.tolerance_days = 1, 1, NEVER_MISSES, np.inf
    providers = np.zeros(n_doctors + n_specialists, PROVIDER).view(np.recarray)
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


@cache
def pack(name: str) -> Territory:
    return load_territory(name)


def assert_binomial(count: int, n: int, probability: float, about: str = "", alarm: float = ALARM) -> None:
    """Fail when so few or so many successes would come by luck less often than `alarm`."""
    low, high = binom.ppf(alarm / 2, n, probability), binom.isf(alarm / 2, n, probability)
    assert low <= count <= high, f"{about}: {count} of {n}, expected {n * probability:.1f} ({low:.0f} to {high:.0f})"


def assert_near(mean: float, expected: float, error: float, about: str = "") -> None:
    """Fail when a mean is further off than 5.4 standard errors (false alarm 7e-8 where it is normal)."""
    assert abs(mean - expected) <= 5.4 * error, f"{about}: {mean:.5g}, expected {expected:.5g} ± {5.4 * error:.2g}"
