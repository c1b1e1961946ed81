"""What leaves a run: every finished or still open episode, and how the time of the agendas was used.

Owns the table of records and its growth. Computes no indicator: that is `abm.indicators`, afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.memory import zero_rows, zeros
from abm.state import (
    CAUSE,
    EPISODE,
    NEVER,
    NOWHERE,
    PARTICIPATION,
    RECORD,
    STAY,
    Channel,
    Contact,
    Counter,
    Expertise,
    NetworkFigure,
    Outcome,
    Stage,
    Ward,
    World,
)

if TYPE_CHECKING:
    from abm.world import Setting


class Episodes:
    """Columns of episodes, read like a structured array: `episodes.kind`, `episodes["kind"]`, `episodes[mask]`.

    Attributes
    ----------
    size : number of rows.
    wished_on, booked_on : day indices, made from `asked_on` and the days from then on.
    """

    def __init__(self, columns: Mapping[str, NDArray]) -> None:
        self._columns = dict(columns)

    def __getattr__(self, name: str) -> NDArray:
        if name.startswith("_") or name not in self._columns:
            raise AttributeError(f"episodes have no column '{name}'; columns: {', '.join(RECORD)}")
        return self._columns[name]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return getattr(self, key)
        return Episodes({name: column[key] for name, column in self._columns.items()})

    def __len__(self) -> int:
        return self.size

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self._columns["patient"].size)

    @property
    def wished_on(self) -> NDArray[np.int32]:
        """Day from which on a date suits, shape (r,)."""
        return self.asked_on + self.wished_days.astype(np.int32)

    @property
    def booked_on(self) -> NDArray[np.int32]:
        """Day on which the appointment was given, shape (r,); without meaning where none was."""
        return self.asked_on + self.booked_days.astype(np.int32)

    def digest(self) -> str:
        """Return a digest of every value (64 hex digits)."""
        state = hashlib.sha256()
        for name in RECORD:
            state.update(name.encode() + np.ascontiguousarray(self._columns[name]).tobytes())
        return state.hexdigest()


@dataclass(frozen=True)
class Records:
    """The records of a run, for whoever analyses it.

    Attributes
    ----------
    episodes : columns RECORD, shape (r,): every request, visit booked ahead and emergency visit, in the order in which
        they ended; those still open come last (outcome OPEN). `appointment_on` is -1 where none was given.
    patients, providers : rows PATIENT and PROVIDER at the end.
    offered, unused, outside_held, overtime_used : seconds by provider and day, shape (p, t), over the simulated days.
    third_next_available : days by week and general practitioner, shape (weeks, g); `third_next_days`: the weeks' days.
    stays : rows STAY, in the order of admission, warm-up and people from elsewhere included.
    health : rows HEALTH at the end, person-major.
    vital : see `abm.state.Vital`, by month from that of day 0 on.
    billed, paid, received : cents by month and category (and payer, and account): the ledger.
    spend_cents : by year, person and payer of care, shape (years, n, 4).
    in_force : share of the planned time that was offered, by provider and day, shape (p, t).
    registrations : see `abm.state.Registration`, by month from that of day 0 on.
    lacked_gp : rows of the adults without a registered doctor when the horizon began.
    tele_expertise : see `abm.state.Expertise`, by month from that of day 0 on and specialty.
    causes : rows CAUSE, why people are in hospital; `setting.causes` has their names.
    beds : by site and ward, shape (s, w), NOBODY: as many as needed.
    network : see `abm.state.NetworkFigure`, by month from that of day 0 on; no row without a care network.
    education : rows PARTICIPATION, patient education in the order of start, warm-up included.
    """

    setting: Setting
    episodes: Episodes
    patients: np.recarray
    providers: np.recarray
    offered: NDArray[np.int32]
    unused: NDArray[np.int32]
    outside_held: NDArray[np.int32]
    overtime_used: NDArray[np.int32]
    third_next_available: NDArray[np.int64]
    third_next_days: NDArray[np.int64]
    stays: np.recarray
    health: np.recarray
    vital: NDArray[np.float64]
    billed: NDArray[np.int64]
    paid: NDArray[np.int64]
    received: NDArray[np.int64]
    spend_cents: NDArray[np.int32]
    in_force: NDArray[np.float64]
    registrations: NDArray[np.int64]
    lacked_gp: NDArray[np.int64]
    causes: np.recarray = field(default_factory=lambda: np.zeros(0, CAUSE).view(np.recarray))
    beds: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, len(Ward)), np.int32))
    network: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, len(NetworkFigure)), np.int64))
    education: np.recarray = field(default_factory=lambda: np.zeros(0, PARTICIPATION).view(np.recarray))
    tele_expertise: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0, len(Expertise)), np.int64))

    def to_frame(self) -> pd.DataFrame:
        """Return every episode with names instead of codes, and dates instead of day indices."""
        rows, setting = self.episodes, self.setting
        has_appointment = rows.appointment_on != NEVER
        days = {
            "asked_on": rows.asked_on,
            "wished_on": rows.wished_on,
            "booked_on": np.where(has_appointment, rows.booked_on, NEVER),
            "appointment_on": rows.appointment_on,
            "closed_on": rows.closed_on,
        }
        start = np.datetime64(setting.calendar.date(0), "D")
        table: dict[str, Any] = {"person": self.patients.person[rows.patient]}
        for name, day in days.items():
            dates = start + day.astype("timedelta64[D]")
            table[name] = np.where(day == NEVER, np.datetime64("NaT", "D"), dates)
        named = {"kind": list(setting.kinds)}
        for column, enumeration in (("channel", Channel), ("outcome", Outcome), ("contact", Contact)):
            named[column] = [member.name.lower() for member in enumeration]
        for column, names in named.items():
            table[column] = pd.Categorical.from_codes(rows[column].astype(np.int16), pd.Index(names))
        for name in ("provider", "seconds", "attempts", "failures", "is_planned"):
            table[name] = rows[name]
        table["place"] = pd.Categorical(self.place_names(rows.place))
        table["travel_minutes"] = self.travel_minutes
        return pd.DataFrame(table)

    @cached_property
    def travel_minutes(self) -> NDArray[np.float32]:
        """One-way trip to where each episode is held, minutes, shape (r,); 0 at home, by video or without a place."""
        rows = self.episodes
        has_trip = (rows.place != NOWHERE) & (rows.channel != Channel.HOME)
        minutes = np.zeros(rows.size, np.float32)
        communes = self.patients.commune[rows.patient[has_trip]]
        minutes[has_trip] = self.setting.travel.minutes[communes, rows.place[has_trip]]
        return minutes

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
        return bool(world.counters[Counter.RECORDS] > world.record_patient.size - spare_rows(world.patients.size))

    @staticmethod
    def needs_room_for_stays(world: World) -> bool:
        """Tell whether tomorrow's stays might not fit: a day admits at most everybody on the list of calls."""
        return bool(world.counters[Counter.STAYS] > world.stays.size - world.call_rows.size)

    def tally(self, world: World) -> None:
        """Count the rows written since the last time."""
        rows = columns_of(world, slice(self._n_tallied, int(world.counters[Counter.RECORDS])))
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


def columns_of(world: World, rows: slice) -> Episodes:
    """Return some rows of the world's records: views, not copies."""
    return Episodes({name: getattr(world, f"record_{name}")[rows] for name in RECORD})


def finished_episodes(world: World) -> Episodes:
    """Return all episodes that have ended, shape (r,): views, not copies."""
    return columns_of(world, slice(0, int(world.counters[Counter.RECORDS])))


def with_room_for_records(world: World, n_rows: int) -> World:
    """Return the world with columns of records of that many rows, those written so far kept."""
    written = finished_episodes(world)
    columns: dict[str, Any] = {}
    for name, kind in RECORD.items():
        column = zeros(n_rows, kind)
        column[: written.size] = written[name]
        columns[f"record_{name}"] = column
    return world._replace(**columns)


def all_stays(world: World) -> np.recarray:
    """Return all stays so far, those that go on included, rows STAY, in the order of admission: a view, not a copy."""
    return world.stays[: int(world.counters[Counter.STAYS])].view(np.recarray)


def with_room_for_stays(world: World, n_rows: int) -> World:
    """Return the world with a table of that many stays, those written so far kept."""
    stays = zero_rows(n_rows, STAY)
    written = all_stays(world)
    stays[: written.size] = written
    return world._replace(stays=stays)


def all_episodes(world: World) -> Episodes:
    """Return finished episodes and then the open ones, shape (r,), in the world's own columns."""
    n_finished = int(world.counters[Counter.RECORDS])
    still_open = open_episodes(world)
    n_rows = n_finished + still_open.size
    if n_rows > world.record_patient.size:
        return Episodes({n: np.concatenate([finished_episodes(world)[n], still_open[n]]) for n in RECORD})
    for name in RECORD:  # beyond the rows in use: overwritten by the next day
        getattr(world, f"record_{name}")[n_finished:n_rows] = still_open[name]
    return columns_of(world, slice(0, n_rows))


def open_episodes(world: World) -> Episodes:
    """Return requests and booked visits that have not ended, with outcome OPEN; one kind of need after another."""
    by_kind = world.episodes.reshape(world.kinds.size, world.patients.size)
    patients = [np.flatnonzero(episodes["stage"] != Stage.QUIET).astype(np.int32) for episodes in by_kind]
    n_open = [rows.size for rows in patients]
    columns = {name: np.zeros(sum(n_open), dtype) for name, dtype in RECORD.items()}
    columns["patient"][:] = np.concatenate(patients)
    columns["kind"][:] = np.repeat(np.arange(world.kinds.size), n_open)
    columns["closed_on"][:], columns["outcome"][:] = NEVER, Outcome.OPEN
    for name in set(RECORD) & set(EPISODE.names or ()):
        columns[name][:] = np.concatenate(
            [episodes[name][rows] for episodes, rows in zip(by_kind, patients, strict=True)]
        )
    return Episodes(columns)
