"""How did a policy reach somebody? Back from the first difference in a life, through those who met it before.

Two runs under one seed differ only where the policy made a difference. So a first difference is either the policy's own
doing (a course, membership, a video visit, a doctor with other time), or comes from somebody who was given another date
with the same doctor before. Following the earliest of them back tells one way on which the policy came;
there may be others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.indicators.telehealth import VIDEO
from abm.state import NEVER, NOBODY

if TYPE_CHECKING:
    from abm.records import Records

MOST_LINKS = 6
NOT_PARTED = np.iinfo(np.int32).max
WHAT = ("patient", "kind", "asked_on", "appointment_on", "provider", "channel")
HOW_IT_ENDED = ("outcome", "closed_on")
ODD = np.uint64(0x9E3779B97F4A7C15)
Days = NDArray[np.int32]


@dataclass(frozen=True)
class Link:
    """Somebody on the way from a policy to a person.

    Attributes
    ----------
    date : on which this life was first another one.
    provider : doctor with whom the date was, None without one.
    touched_by : what the policy itself does to this person or this doctor; empty: it came through others.
    """

    person: int
    date: str
    provider: int | None
    touched_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Differences:
    """Episodes that one of two runs has and the other lacks: columns of equal length.

    Attributes
    ----------
    known_on : day on which it was settled that this episode is another one: booked, or ended without a date.
    """

    patient: NDArray[np.int32]
    provider: NDArray[np.int32]
    appointment_on: Days
    asked_on: Days
    known_on: Days
    is_video: NDArray[np.bool_]

    def parted_on(self, n_people: int) -> Days:
        """Return the first day on which each life is another one, shape (n,); `NOT_PARTED` where it never is."""
        days = np.full(n_people, NOT_PARTED, np.int32)
        np.minimum.at(days, self.patient, self.known_on)
        return days

    def where(self, mask: NDArray[np.bool_]) -> Differences:
        """Return some of the rows."""
        return Differences(**{name: column[mask] for name, column in vars(self).items()})


def way_to(row: int, one: Records, other: Records) -> tuple[Link, ...]:
    """Return how a policy (`other`) reached a person, this person first; empty when both lives have the same episodes.

    Parameters
    ----------
    row : of the person in `patients`, the same in both runs.
    """
    found = differences(one, other)
    parted_on = found.parted_on(max(one.patients.size, other.patients.size))
    way: list[Link] = []
    seen: set[int] = set()
    while row >= 0 and parted_on[row] != NOT_PARTED and len(way) < MOST_LINKS:
        seen.add(row)
        mine = found.where((found.patient == row) & (found.known_on == parted_on[row]))
        touched_by = _touched_by(row, int(parted_on[row]), mine, one, other)
        with_doctor = mine.provider[mine.provider >= 0]
        date = one.setting.calendar.date(int(parted_on[row])).isoformat()
        provider = int(with_doctor[0]) if with_doctor.size else None
        way.append(Link(int(other.patients.person[row]), date, provider, touched_by))
        row = -1 if touched_by else _who_came_before(mine, found, parted_on, seen)
    return tuple(way)


def differences(one: Records, other: Records) -> Differences:
    """Return the episodes in which two runs differ."""
    parts = [_only_in(*pair) for pair in ((one, other), (other, one))]
    return Differences(**{name: np.concatenate([vars(p)[name] for p in parts]) for name in vars(parts[0])})


def _only_in(one: Records, other: Records) -> Differences:
    rows = one.episodes
    is_alone = ~np.isin(_keys(one, (*WHAT, *HOW_IT_ENDED)), _keys(other, (*WHAT, *HOW_IT_ENDED)))
    rows = rows[is_alone]
    # What was booked alike and ended otherwise is known at its end.
    ends_otherwise = np.isin(_keys(one, WHAT)[is_alone], _keys(other, WHAT))
    has_date = (rows.appointment_on != NEVER) & ~ends_otherwise
    ended_on = np.where(rows.closed_on == NEVER, one.setting.last_day, rows.closed_on)
    return Differences(
        patient=rows.patient.astype(np.int32),
        provider=rows.provider.astype(np.int32),
        appointment_on=rows.appointment_on.astype(np.int32),
        asked_on=rows.asked_on.astype(np.int32),
        known_on=np.where(has_date, rows.booked_on, ended_on).astype(np.int32),
        is_video=np.isin(rows.channel, VIDEO),
    )


def _keys(records: Records, names: tuple[str, ...]) -> NDArray[np.uint64]:
    """Return one number for the values of each episode; different values share one about never (64 bits)."""
    keys = np.zeros(records.episodes.size, np.uint64)
    for name in names:
        keys = (keys ^ getattr(records.episodes, name).astype(np.int64).view(np.uint64)) * ODD
        keys ^= keys >> np.uint64(29)
    return keys


def _touched_by(row: int, day: int, mine: Differences, one: Records, other: Records) -> tuple[str, ...]:
    """Return what the policy itself had done to a person, or to the doctor of the first other date, by a day."""
    words = []
    if other.patients.is_enrolled[row] > one.patients.is_enrolled[row]:
        words.append("member of the care network")
    courses = [set(log.started_on[log.patient == row].tolist()) for log in (one.education, other.education)]
    begun = sorted(start for start in courses[1] - courses[0] if start <= day)
    if begun:
        words.append(f"in patient education since {one.setting.calendar.date(int(begun[0])).isoformat()}")
    if mine.is_video.any():
        words.append("a visit by video")
    for provider in sorted(set(mine.provider[mine.provider >= 0].tolist())):
        if provider >= min(one.providers.size, other.providers.size):
            words.append(f"doctor {provider} is there under one policy only")
        elif _time_differs(provider, mine, one, other):
            words.append(f"doctor {provider} has other time on these days")
    return tuple(words)


def _time_differs(provider: int, mine: Differences, one: Records, other: Records) -> bool:
    first, last = int(mine.asked_on.min()), int(max(mine.appointment_on.max(), mine.known_on.max()))
    days = slice(first, last + 1)
    return not np.array_equal(one.offered[provider, days], other.offered[provider, days])


def _who_came_before(mine: Differences, found: Differences, parted_on: Days, seen: set[int]) -> int:
    """Return who had another date with the same doctor before, the earliest; NOBODY when there is none."""
    day, providers = int(mine.known_on.min()), np.unique(mine.provider[mine.provider >= 0])
    last = int(max(mine.appointment_on.max(), mine.known_on.max()))
    could = np.isin(found.provider, providers) & (found.known_on <= day) & ~np.isin(found.patient, list(seen))
    could &= (found.appointment_on >= int(mine.asked_on.min())) & (found.appointment_on <= last)
    rows = found.patient[could]
    return int(rows[np.lexsort((rows, parted_on[rows]))[0]]) if rows.size else NOBODY
