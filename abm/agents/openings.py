"""New practices: where access is worst, with rows and agendas like those that were there.

Makes rows of `providers` and of every column by provider; only before the first day of a run. Draws from PROFESSIONALS
and HOLIDAYS at the new doctors' own addresses, so a practice more changes nobody's draws.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.environment.access import APL_WEIGHTS, two_step_floating_catchment
from abm.population import DAYS_A_YEAR
from abm.state import NOBODY, PROVIDER
from abm.supply import (
    Agendas,
    build_agendas,
    describe_practices,
    half_days_per_week,
    opening_days,
)

if TYPE_CHECKING:
    from abm.model import TerritoryModel
    from abm.state import World
    from abm.world import Setting


def with_practices(
    model: TerritoryModel, communes: Sequence[int], list_target: float, first_address: int
) -> tuple[World, Setting]:
    """Return the world and setting with new practices that open on the morning after the first day of the horizon.

    Parameters
    ----------
    communes : row of the commune of each.
    list_target : fullest list of each, people; their capacity is what the practices there have for as many.
    first_address : address of the first one's draws, the others follow.
    """
    world, setting = model.arrays, model.setting
    opens_on = setting.first_reported_day + 1
    rows = _rows(model, communes, list_target, first_address, opens_on)
    planned = _agendas(model, rows, list_target)
    in_force = np.zeros(planned.free.shape)
    in_force[:, opens_on:] = 1.0
    now = Agendas(*((column * in_force).astype(np.int32) for column in planned))
    nothing = np.zeros_like(now.free)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(world, name), getattr(now, name)]) for name in Agendas._fields
    }
    columns["outside_held"] = np.concatenate([world.outside_held, nothing])
    if world.received.shape[2]:  # the accounts of professionals come before the others; nothing is booked yet
        columns["received"] = np.pad(world.received, ((0, 0), (0, 0), (0, rows.size)))
    columns["providers"] = np.concatenate([world.providers, rows]).view(np.recarray)
    setting = replace(
        setting,
        planned=Agendas(*(np.concatenate(pair) for pair in zip(setting.planned, planned, strict=True))),
        offered=np.concatenate([setting.offered, now.free + now.reserve + now.walk_in]),
        overtime_offered=np.concatenate([setting.overtime_offered, now.overtime]),
        in_force=np.concatenate([setting.in_force, in_force]),
    )
    return world._replace(**columns), setting


def _rows(
    model: TerritoryModel, communes: Sequence[int], list_target: float, first_address: int, opens_on: int
) -> np.recarray:
    """Return the rows of new practices: open to everybody, held by a young doctor."""
    parameters = model.setting.parameters
    rows = np.zeros(len(communes), PROVIDER).view(np.recarray)
    rows.capacity_share = 1.0
    address = first_address + np.arange(rows.size)
    describe_practices(rows, address, np.array(communes, np.int64), parameters, model.setting.people_key)
    rows.accepts_others = 1
    rows.list_target = round(list_target * model.setting.scenario.scale)
    rows.opens_on = opens_on
    rows.birth_day = int(opens_on - parameters["gp_age_at_installation_years"] * DAYS_A_YEAR)
    full_size = np.full(rows.size, seconds_per_year(model, list_target))
    rows.half_days_per_week = half_days_per_week(full_size, parameters)
    return rows


def _agendas(model: TerritoryModel, rows: np.recarray, list_target: float) -> Agendas:
    """Return the planned agendas of new practices, over the whole calendar."""
    setting, parameters = model.setting, model.setting.parameters
    work = opening_days(
        rows.address.astype(np.int64),
        rows.half_days_per_week,
        parameters["gp_holiday_weeks"],
        parameters["gp_holiday_august_share"],
        setting.calendar,
        setting.people_key,
    )
    seconds = np.full(rows.size, seconds_per_year(model, list_target) * setting.scenario.scale)
    return build_agendas(rows, seconds, work, parameters, setting.people_key)


def seconds_per_year(model: TerritoryModel, list_target: float) -> float:
    """Return the yearly capacity of a full-size practice for a list: that of the practices there, in proportion."""
    world, parameters = model.arrays, model.setting.parameters
    offered = _planned_per_year(model)[model.territory_practices].sum()
    listed = int((world.patients.registered_gp != NOBODY).sum())
    most = 60.0 * parameters["gp_effective_minutes_per_act"] * parameters["gp_most_acts_per_year"]
    return float(min(list_target * offered / max(listed, 1), most))


def _planned_per_year(model: TerritoryModel) -> NDArray[np.float64]:
    """Return the planned time of every provider, seconds a year, shape (p,)."""
    planned = model.setting.planned
    total = (planned.free + planned.reserve + planned.walk_in).sum(axis=1, dtype=np.int64)
    return total / planned.free.shape[1] * DAYS_A_YEAR


def communes_of_worst_access(
    model: TerritoryModel, number: int, list_target: float, among: Collection[int] | None = None
) -> list[int]:
    """Return the communes where new practices help most, one after another, each counted before the next is placed.

    Parameters
    ----------
    list_target : people for whom each new practice has time.
    among : rows of the communes allowed; None: all of `new_practice_least_population` or more.

    Notes
    -----
    Access is the floating catchment with the weights of the APL on the planned time of the practices; the largest
    commune wins a tie. The first places do not depend on how many are asked for.
    """
    world, setting = model.arrays, model.setting
    population = model.territory.communes["population"].to_numpy(float)
    minutes = setting.travel.commune_minutes
    practices = np.flatnonzero(world.providers.specialty == NOBODY)
    places = list(world.providers.place[practices])
    supply = list(_planned_per_year(model)[practices] / setting.scenario.scale)
    allowed = _allowed(population, setting.parameters["new_practice_least_population"], among)
    chosen: list[int] = []
    for _ in range(number):
        access = two_step_floating_catchment(population, np.array(supply), minutes[:, places], APL_WEIGHTS)
        chosen.append(min(allowed, key=lambda commune: (access[commune], -population[commune], commune)))
        places.append(chosen[-1])
        supply.append(seconds_per_year(model, list_target))
    return chosen


def _allowed(population: NDArray[np.float64], least: float, among: Collection[int] | None) -> list[int]:
    if among is not None:
        return sorted(among)
    large = np.flatnonzero(population >= least).tolist()
    return large or [int(np.argmax(population))]
