"""Professionals as Mesa agents whose attributes live in the columns that the compiled day reads.

Owns the link between an agent and its row, and changes of capacity in the midst of a run: what no longer fits into the
agenda is rebooked. A decision written in Python therefore steers the compiled day at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from abm.agents.endings import close
from abm.agents.needs import open_request, without_appointment
from abm.compiled import rule
from abm.environment.agenda import give_back, move_first_free
from abm.environment.diary import forget, remind
from abm.randomness import order_key
from abm.state import NOBODY, Kind, Outcome, Stage
from abm.supply import is_in_practice, whole_visits

if TYPE_CHECKING:
    from abm.model import TerritoryModel

WITHDRAWN = int(Outcome.WITHDRAWN)
BOOKED, CANCELLING = int(Stage.BOOKED), int(Stage.CANCELLING)


class Column:
    """An agent's attribute that lives in a column of `providers`, at the agent's row."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: Any, owner: type | None = None) -> Any:
        if agent is None:
            return self
        return agent.model.arrays.providers.view(np.ndarray)[self.name].item(agent.row)

    def __set__(self, agent: Any, value: Any) -> None:
        agent.model.arrays.providers[self.name][agent.row] = value


class Professional(mesa.Agent):
    """Somebody with an agenda.

    Attributes
    ----------
    row : row in the world's providers.
    capacity_share : present capacity over the planned one, >= 0; setting it changes every day from today on, and
        appointments that no longer fit are given anew.
    """

    visit_seconds = Column()
    horizon_days = Column()
    half_days_per_week = Column()
    accepts_others = Column()

    def __init__(self, model: TerritoryModel, row: int) -> None:
        super().__init__(model)
        self.row = row

    @property
    def commune(self) -> str:
        """Name of the commune of the practice."""
        return str(self.model.territory.communes["name"].iloc[int(self.model.arrays.providers.place[self.row])])

    @property
    def capacity_share(self) -> float:
        """Present capacity over the planned one."""
        return float(self.model.arrays.providers.capacity_share[self.row])

    @capacity_share.setter
    def capacity_share(self, share: float) -> None:
        if not np.isfinite(share) or share < 0:
            raise ValueError(f"capacity_share must be >= 0, found {share!r}")
        change_capacity(self.model, self.row, float(share))

    @property
    def booked_appointments(self) -> int:
        """Number of appointments given for today or later."""
        return int(appointments_of(self.model, self.row, self.model.day).size)

    def free_minutes(self, day: int | None = None) -> float:
        """Return the bookable minutes left on a day (today by default)."""
        day = self.model.day if day is None else day
        return float(self.model.arrays.free[self.row, day]) / 60.0


def change_capacity(model: TerritoryModel, row: int, share: float, first_day: int | None = None) -> None:
    """Change a provider's capacity from a day on and rebook what no longer fits.

    Parameters
    ----------
    share : capacity over the planned one, >= 0.
    first_day : the next day to live by default; decisions of an evening hold from the day after.
    """
    model.arrays.providers.capacity_share[row] = share
    bring_into_force(model, row, model.day if first_day is None else first_day)


def bring_into_force(model: TerritoryModel, row: int, first_day: int) -> None:
    """Let a provider's agenda be what his capacity and his dates say, from a day on.

    Notes
    -----
    The time in force is the planned one times `capacity_share`, nothing outside his dates, in whole visits (what is
    left over is carried to the next day). Writes `free`, `reserve`, `walk_in`, `overtime`, `planned_room` and the
    setting's `in_force`, `offered`, `overtime_offered`. Where less is left than is booked, time of people from
    elsewhere is given back first, then appointments leave in the addressed order of the day.
    """
    world, setting = model.arrays, model.setting
    desk, n_days = world.providers[row], world.free.shape[1]
    days = np.arange(first_day, n_days)
    before = setting.in_force[row].copy()
    setting.in_force[row, first_day:] = np.where(is_in_practice(desk, days), float(desk.capacity_share), 0.0)

    def at(shares: np.ndarray, name: str) -> np.ndarray:
        planned = getattr(setting.planned, name)[row] * shares
        return whole_visits(planned[None], np.array([float(desk.visit_seconds)]))[0, first_day:]

    change = {name: at(setting.in_force[row], name) - at(before, name) for name in setting.planned._fields}
    is_released = days < first_day + int(desk.release_days)
    world.free[row, first_day:] += change["free"] + np.where(is_released, change["reserve"], 0)
    world.reserve[row, first_day:] += np.where(is_released, 0, change["reserve"])
    for name in ("walk_in", "overtime"):
        getattr(world, name)[row, first_day:] += change[name]
    setting.offered[row, first_day:] += change["free"] + change["reserve"] + change["walk_in"]
    setting.overtime_offered[row, first_day:] += change["overtime"]
    _settle(world, row, slice(first_day, n_days))
    displace(model, row, first_day)
    room = at(setting.in_force[row], "planned_room") - _booked_ahead(model, row, first_day)
    world.planned_room[row, first_day:] = np.maximum(room, 0)
    desk.first_free = first_day
    move_first_free(model.handle, row)


def _settle(world: Any, row: int, days: slice) -> None:
    """Let kept and free time make up for each other where one has become negative, then people from elsewhere."""
    free, reserve, outside = world.free[row, days], world.reserve[row, days], world.outside_held[row, days]
    lacking = np.minimum(reserve, 0)
    reserve -= lacking
    free += lacking
    for source in (reserve, outside):
        taken = np.minimum(np.maximum(-free, 0), source)
        source -= taken
        free += taken


def displace(model: TerritoryModel, row: int, first_day: int) -> None:
    """Give anew the appointments of days whose agenda is overbooked, in the addressed order of the day."""
    world = model.arrays
    nodes = appointments_of(model, row, first_day)
    nodes = nodes[world.free[row, world.episodes.appointment_on[nodes]] < 0]
    kinds, rows = np.divmod(nodes, world.patients.size)
    keys = [
        order_key(world.key, int(world.patients.person[r]), int(k), first_day) for k, r in zip(kinds, rows, strict=True)
    ]
    for node in nodes[np.argsort(np.array(keys, dtype=np.uint64), kind="stable")]:
        give_anew(model.handle, int(node), first_day)


def appointments_of(model: TerritoryModel, row: int, first_day: int) -> np.ndarray:
    """Return the episodes with an appointment of a provider on or after a day, in the order of their rows."""
    specialty = int(model.arrays.providers.specialty[row])
    kinds = range(Kind.EMERGENCY) if specialty == NOBODY else (Kind.FIRST_SPECIALTY + specialty,)
    found = [find_appointments(model.handle, row, int(kind), first_day) for kind in kinds]
    return np.concatenate(found)


@rule
def find_appointments(world, provider, kind, first_day):
    """Return the episodes of a kind with an appointment of a provider on or after a day, shape (appointments,)."""
    first = kind * world.patients.size
    found = np.empty(world.patients.size, np.int64)
    n_found = 0
    for node in range(first, first + world.patients.size):
        episode = world.episodes[node]
        if episode.provider != provider or episode.appointment_on < first_day:
            continue
        if episode.stage == BOOKED or episode.stage == CANCELLING:
            found[n_found] = node
            n_found += 1
    return found[:n_found].copy()


def _booked_ahead(model: TerritoryModel, row: int, first_day: int) -> np.ndarray:
    """Return the seconds that visits booked at the end of another hold of a provider's days from a day on."""
    world = model.arrays
    booked = world.episodes[appointments_of(model, row, first_day)]
    booked = booked[booked["is_planned"] == 1]
    n_days = world.free.shape[1] - first_day
    seconds = np.bincount(booked["appointment_on"] - first_day, weights=booked["seconds"], minlength=n_days)
    return seconds.astype(np.int32)


@rule
def give_anew(world, node, today):
    """Take one appointment out of an overbooked day; its person asks again, first asking date kept.

    Parameters
    ----------
    today : first day on which the person can ask, nothing of which has been lived.
    """
    episode = world.episodes[node]
    if world.free[episode.provider, episode.appointment_on] >= 0:
        return
    kind, row = node // world.patients.size, node % world.patients.size
    give_back(world, episode.provider, episode.appointment_on, episode.seconds)
    forget(world, node)
    if episode.is_planned:
        world.planned_room[episode.provider, episode.appointment_on] += episode.seconds
        close(world, row, kind, today, WITHDRAWN)
        open_request(world, row, kind, world.next_open[today])
    else:
        without_appointment(episode)
    remind(world, world.due, node, world.next_open[today])
