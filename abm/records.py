"""What leaves a run: every finished or still open episode, and how the time of the agendas was used.

Owns the table of records and its growth. Computes no indicator: that is `abm.indicators`, afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.memory import zero_rows
from abm.state import NEVER, NOWHERE, RECORD, Channel, Contact, Counter, Outcome, Stage, World

if TYPE_CHECKING:
    from abm.world import Setting



@dataclass(frozen=True)
class Records:
    """The records of a run, for whoever analyses it.

    Attributes
    ----------
    episodes : rows RECORD, shape (r,): every request, visit booked ahead and emergency visit, in the order in which
        they ended; those still open come last (outcome OPEN). `appointment_on` is -1 where none was given.
    patients, providers : rows PATIENT and PROVIDER at the end.
    offered, unused, outside_held, overtime_used : seconds by provider and day, shape (p, t), over the simulated days.
    third_next_available : days by week and general practitioner, shape (weeks, g); `third_next_days`: the weeks' days.
    """

    setting: Setting
    episodes: np.recarray
    patients: np.recarray
    providers: np.recarray
    offered: NDArray[np.int32]
    unused: NDArray[np.int32]
    outside_held: NDArray[np.int32]
    overtime_used: NDArray[np.int32]
    third_next_available: NDArray[np.int64]
    third_next_days: NDArray[np.int64]

    def to_frame(self) -> pd.DataFrame:
        """Return every episode with names instead of codes, and dates instead of day indices."""
        rows, setting = self.episodes, self.setting
        table = pd.DataFrame({name: rows[name] for name in RECORD.names or ()})
        table.insert(0, "person", self.patients.person[rows.patient])
        table["kind"] = pd.Categorical.from_codes(rows.kind, list(setting.kinds))
        for name, enumeration in (("channel", Channel), ("outcome", Outcome), ("contact", Contact)):
            table[name] = pd.Categorical.from_codes(rows[name], [member.name.lower() for member in enumeration])
        start = np.datetime64(setting.calendar.date(0), "D")
        for name in ("asked_on", "wished_on", "booked_on", "appointment_on", "closed_on"):
            dates = start + rows[name].astype("timedelta64[D]")
            table[name] = np.where(rows[name] == NEVER, np.datetime64("NaT"), dates)
        table["place"] = self.place_names(rows.place)
        return table

    def place_names(self, places: NDArray) -> NDArray:
        """Return commune or site names of columns of the travel table, empty where there was no trip."""
        territory = self.setting.territory
        names = np.array([*territory.communes["name"], *territory.sites["name"], ""], dtype=object)
        return names[np.where((places == NOWHERE) | (places < 0), len(names) - 1, places)]


class Recorder:
    """Keeps the records of a run while it goes on: one table, committed page by page as it is written."""

    def __init__(self) -> None:
        self.weeks: list[NDArray[np.int64]] = []
        self.week_days: list[int] = []
        self._n_tallied = 0
        self._ended = np.zeros(len(Outcome), np.int64)
        self._held: NDArray[np.int64] = np.zeros(0, np.int64)

    @staticmethod
    def needs_room(world: World) -> bool:
        """Tell whether tomorrow's rows might not fit: a day can write a few rows for each of its requests."""
        return bool(world.counters[Counter.RECORDS] > world.records.size - spare_rows(world.patients.size))

    def tally(self, world: World) -> None:
        """Count the rows written since the last time."""
        rows = world.records[self._n_tallied : int(world.counters[Counter.RECORDS])]
        self._n_tallied += rows.size
        self._ended += np.bincount(rows.outcome[rows.is_planned == 0], minlength=len(Outcome))
        took_place = ((rows.outcome == Outcome.SERVED) | (rows.outcome == Outcome.MISSED)) & (rows.provider >= 0)
        seconds = np.bincount(
            rows.provider[took_place], weights=rows.seconds[took_place], minlength=world.providers.size
        ).astype(np.int64)
        self._held = self._held + seconds if self._held.size else seconds

    def ended_by_outcome(self, world: World) -> NDArray[np.int64]:
        """Return how many requests have ended in each way, shape (outcomes,), recounted from the records."""
        self.tally(world)
        return self._ended

    def seconds_by_provider(self, world: World) -> NDArray[np.int64]:
        """Return the seconds of visits held or missed by provider, shape (p,), recounted from the records."""
        self.tally(world)
        return self._held

    def note_week(self, day: int, days_to_third: NDArray[np.int64]) -> None:
        """Keep the third next available appointments of a week, shape (g,)."""
        self.weeks.append(days_to_third)
        self.week_days.append(day)


def spare_rows(n_people: int) -> int:
    """Return the rows that must be free in the morning: more than any day can write."""
    return (1 << 12) + n_people // 4


def finished_episodes(world: World) -> np.recarray:
    """Return the rows of all episodes that have ended, shape (r,): a view, not a copy."""
    return world.records[: int(world.counters[Counter.RECORDS])]


def with_room_for_records(world: World, n_rows: int) -> World:
    """Return the world with a table of records of that many rows, those written so far kept."""
    table = zero_rows(n_rows, RECORD)
    written = finished_episodes(world)
    table[: written.size] = written
    return world._replace(records=table)


def all_episodes(world: World) -> np.recarray:
    """Return finished episodes and then the open ones, shape (r,): copied only where the table has no room left."""
    still_open = open_episodes(world)
    n_finished = int(world.counters[Counter.RECORDS])
    n_rows = n_finished + still_open.size
    if n_rows > world.records.size:
        return np.concatenate([finished_episodes(world), still_open]).view(np.recarray)
    world.records[n_finished:n_rows] = still_open  # beyond the rows in use: overwritten by the next day
    return world.records[:n_rows]


def open_episodes(world: World) -> np.recarray:
    """Return requests and booked visits that have not ended, as rows RECORD with outcome OPEN."""
    nodes = np.flatnonzero(world.episodes.stage != Stage.QUIET)
    episodes = world.episodes[nodes]
    rows = np.zeros(nodes.size, RECORD).view(np.recarray)
    kind, rows.patient = np.divmod(nodes, world.patients.size)
    rows.kind = kind
    for name in ("provider", "asked_on", "booked_on", "appointment_on", "place", "seconds", "channel", "attempts",
                 "is_planned"):  # fmt: skip
        rows[name] = episodes[name]
    rows.wished_on = episodes.asked_on + episodes.wished_days
    rows.closed_on = NEVER
    rows.outcome = Outcome.OPEN
    has_trip = (rows.place != NOWHERE) & (rows.channel != Channel.HOME)
    commune = world.patients.commune[rows.patient]
    rows.travel_minutes[has_trip] = world.minutes[commune[has_trip], rows.place[has_trip]]
    return rows
