"""Decisions of professionals, once a month: retiring, being replaced, being recruited (step 9).

Professionals are few and decide: these are rules of Mesa agents, not compiled. They decide on the evening of the first
day of the horizon and of each month after it, to the end of the run, and it holds from the next day on. In the warm-up
supply stands still. Practices close, are taken over and open on the evening before their day, whoever set it.
Writes `providers.list_target` and `places`, `neighbours`, `registrations` (counts of the day of decisions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.agents.general_practitioner import HAZARD_FROM_AGES
from abm.agents.registration import ADULT_FROM_AGE_YEARS, count_lists
from abm.population import DAYS_A_YEAR
from abm.state import NOBODY, Registration, Status
from abm.supply import is_in_practice, neighbours_of

if TYPE_CHECKING:
    from abm.model import TerritoryModel

DAYS_IN_FOUR_YEARS = 1461
FIRST_AGE_OF_RETIREMENT = min(HAZARD_FROM_AGES)


def decide(model: TerritoryModel, today: int) -> None:
    """Let practices close and open whose day has come; monthly, let each professional and each intervention decide."""
    if is_decision_day(model, today):
        if today == model.setting.first_reported_day:
            _begin(model, today)
        for policy in model.interventions:
            policy.on_month(model, today)
        model.effects.apply(model.arrays)
        if model.setting.calendar.is_first_of_month[today]:
            _retire(model, today)
    _close_and_open(model, today + 1)
    if is_decision_day(model, today):
        count_places(model, today)


def is_decision_day(model: TerritoryModel, today: int) -> bool:
    """Tell whether professionals decide on the evening of a day: the first of the horizon, the first of each month."""
    first = model.setting.first_reported_day
    return today == first or (today > first and bool(model.setting.calendar.is_first_of_month[today]))


def _begin(model: TerritoryModel, today: int) -> None:
    """Take the lists of the first day for the fullest that their doctors want, and note who has no doctor."""
    world = model.arrays
    rows = model.territory_practices
    sizes = np.zeros(world.providers.size, np.int64)
    count_lists(model.handle, today, sizes)
    world.providers.list_target[rows] = sizes[rows]
    patients = world.patients
    is_adult = np.maximum(today - patients.birth_day, 0) * 4 // DAYS_IN_FOUR_YEARS >= ADULT_FROM_AGE_YEARS
    is_without = is_adult & (patients.status == Status.ALIVE) & (patients.registered_gp == NOBODY)
    model.lacked_gp = np.flatnonzero(is_without)


def _retire(model: TerritoryModel, today: int) -> None:
    """Let those who have reached the age decide whether to retire; a successor comes after a delay, or nobody."""
    calendar, parameters = model.setting.calendar, model.setting.parameters
    month, desks = int(calendar.month_index[today]), model.arrays.providers
    may_leave = is_in_practice(desks, today) & (desks.closes_on == 0)
    may_leave &= today - desks.birth_day >= DAYS_A_YEAR * FIRST_AGE_OF_RETIREMENT
    for gp in model.general_practitioners:
        if not may_leave[gp.row] or not gp.retires(month):
            continue
        closes_on = _first_of_month(model, month + round(parameters["gp_notice_months"]), today + 1)
        delay = round(parameters["gp_notice_months"]) + round(parameters["gp_replacement_delay_months"])
        reopens_on = _first_of_month(model, month + delay, today + 1) if gp.finds_successor() else 0
        if closes_on:
            gp.leave_practice(closes_on, reopens_on)


def _first_of_month(model: TerritoryModel, month: int, earliest: int) -> int:
    """Return the first day of a month, or `earliest` where that is later; 0 for a month beyond the calendar."""
    calendar = model.setting.calendar
    days = np.flatnonzero(calendar.is_first_of_month & (calendar.month_index == month))
    return max(int(days[0]), earliest) if days.size else 0


def _close_and_open(model: TerritoryModel, tomorrow: int) -> None:
    """Let practices close, be taken over or open whose day is tomorrow; who is thought of from where follows."""
    world, setting = model.arrays, model.setting
    desks = world.providers.view(np.ndarray)  # every day: a plain array gives its columns ten times as fast
    changes = (desks["closes_on"] == tomorrow) | (desks["reopens_on"] == tomorrow) | (desks["opens_on"] == tomorrow)
    if not changes.any():
        return
    for gp in model.general_practitioners:
        if gp.closes_on == tomorrow:
            gp.close()
        if gp.reopens_on == tomorrow:
            gp.take_over(tomorrow)
        elif gp.opens_on == tomorrow:
            gp.welcome()
    world.neighbours[:] = neighbours_of(
        world.minutes, world.providers, setting.parameters, setting.people_key, tomorrow
    )


def count_places(model: TerritoryModel, today: int) -> None:
    """Count the people whom each practice would still take on its list, and what there is of doctors and people.

    Notes
    -----
    A practice open to new people, not about to close, takes as many as keep its list at the fullest, which grows a
    little every year. The others take nobody, whatever they lose.
    """
    world, parameters = model.arrays, model.setting.parameters
    desks = world.providers
    sizes = np.zeros(desks.size, np.int64)
    n_adults, n_without = count_lists(model.handle, today, sizes)
    growth = parameters["gp_list_growth_per_year"] * (today - model.setting.first_reported_day) / DAYS_A_YEAR
    is_there = is_in_practice(desks, today + 1) & (desks.specialty == NOBODY)
    takes = is_there & (desks.closes_on == 0) & (desks.accepts_others == 1)
    room = np.floor(desks.list_target * (1.0 + growth)) - sizes
    desks.places = np.where(takes, np.maximum(room, 0), 0).astype(np.int32)
    row = world.registrations[world.month_of[today]]
    row[Registration.ADULTS], row[Registration.ADULTS_WITHOUT] = n_adults, n_without
    row[Registration.PRACTICES] = is_there.sum()
