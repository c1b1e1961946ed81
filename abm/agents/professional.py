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
from abm.state import Outcome, Stage

if TYPE_CHECKING:
    from abm.model import TerritoryModel

WITHDRAWN = int(Outcome.WITHDRAWN)


class Column:
    """An agent's attribute that lives in a column of `providers`, at the agent's row."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: Any, owner: type | None = None) -> Any:
        if agent is None:
            return self
        return agent.model.arrays.providers[self.name][agent.row].item()

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
        episodes = self.model.arrays.episodes
        given = (episodes.stage == Stage.BOOKED) | (episodes.stage == Stage.CANCELLING)
        return int((given & (episodes.provider == self.row)).sum())

    def free_minutes(self, day: int | None = None) -> float:
        """Return the bookable minutes left on a day (today by default)."""
        day = self.model.day if day is None else day
        return float(self.model.arrays.free[self.row, day]) / 60.0


def change_capacity(model: TerritoryModel, row: int, share: float) -> None:
    """Change a provider's capacity from today on and rebook what no longer fits.

    Parameters
    ----------
    share : capacity over the planned one, >= 0.

    Notes
    -----
    Writes `free`, `reserve`, `walk_in`, `overtime`, `planned_room`, `providers.capacity_share` and the setting's
    `offered` and `overtime_offered`. Time of people from elsewhere is given back first, then appointments leave in
    the addressed order of the day.
    """
    world, setting, today = model.arrays, model.setting, model.day
    desk = world.providers[row]
    days = slice(today, world.free.shape[1])
    old = float(desk.capacity_share)
    for name in ("walk_in", "overtime", "planned_room"):
        planned = getattr(setting.planned, name)[row, days].astype(float)
        column = getattr(world, name)[row, days]
        column += (np.round(planned * share) - np.round(planned * old)).astype(np.int32)
        if name == "planned_room":  # less room than is booked ahead: no room, until some of it is cancelled
            np.maximum(column, 0, out=column)
        if name == "overtime":
            setting.overtime_offered[row, days] += (np.round(planned * share) - np.round(planned * old)).astype(
                np.int32
            )
    book = (setting.planned.free + setting.planned.reserve)[row, days].astype(float)
    change = (np.round(book * share) - np.round(book * old)).astype(np.int32)
    walk_in = setting.planned.walk_in[row, days].astype(float)
    setting.offered[row, days] += change + (np.round(walk_in * share) - np.round(walk_in * old)).astype(np.int32)
    world.free[row, days] += change
    _settle_reserve(world, row, days)
    desk.capacity_share = share
    displace(model, row)
    desk.first_free = today
    move_first_free(model.handle, row)


def _settle_reserve(world: Any, row: int, days: slice) -> None:
    """Let the time kept for the urgent make up for free time that has become negative, then people from elsewhere."""
    free, reserve, outside = world.free[row, days], world.reserve[row, days], world.outside_held[row, days]
    for source in (reserve, outside):
        taken = np.minimum(np.maximum(-free, 0), source)
        source -= taken
        free += taken


def displace(model: TerritoryModel, row: int) -> None:
    """Give anew the appointments of days whose agenda is overbooked."""
    world = model.arrays
    episodes = world.episodes
    given = (episodes.stage == Stage.BOOKED) | (episodes.stage == Stage.CANCELLING)
    nodes = np.flatnonzero(given & (episodes.provider == row) & (episodes.appointment_on >= model.day))
    nodes = nodes[world.free[row, episodes.appointment_on[nodes]] < 0]
    kinds, rows = np.divmod(nodes, world.patients.size)
    keys = [
        order_key(world.key, int(world.patients.person[r]), int(k), model.day) for k, r in zip(kinds, rows, strict=True)
    ]
    for node in nodes[np.argsort(np.array(keys, dtype=np.uint64), kind="stable")]:
        give_anew(model.handle, int(node), model.day)


@rule
def give_anew(world, node, today):
    """Take one appointment out of an overbooked day; its person asks again today, first asking date kept."""
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
