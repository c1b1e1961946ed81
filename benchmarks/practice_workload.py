"""The workload that every peer simulates, what it must count, and the doctor's book they share.

Rules. Each day every patient without an open appointment at its start has a need with her own daily probability, on
closed days too. The needs of a day come in random order. Each takes the earliest free slot of her doctor from today to
today + horizon inclusive, else goes to the emergency department and is idle again the next day. Today's appointments
are then held; those patients can have a need again from the next day. Day 0 is a Monday; with five working days, days
5 and 6 of each week have no slots. Lead times count calendar days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

NO_SLOT = -1


@dataclass(frozen=True)
class Workload:
    """A territory of identical practices.

    Parameters
    ----------
    patients, doctors : patient i belongs to doctor i mod `doctors`.
    slots : appointments a working day and doctor.
    horizon_days : last day that can be booked counted from today; None for no limit.
    working_days : open days of a week, the first ones, 1-7.
    days : simulated days; the book starts empty and all days count.
    daily_need : probability a day of a need, for a patient without an open appointment.
    chronic_share, chronic_daily_need : patient i is chronic when (i // doctors) mod round(1 / share) == 0; share 0
        means nobody.
    seed : any integer >= 0.
    """

    patients: int = 90_000
    doctors: int = 80
    slots: int = 19
    horizon_days: int | None = 14
    working_days: int = 5
    days: int = 365
    daily_need: float = 0.011
    chronic_share: float = 0.2
    chronic_daily_need: float = 0.025
    seed: int = 1

    def scaled(self, fraction: float) -> Workload:
        """Return the same practices, fewer of them: the list of each doctor keeps its length.

        Raises
        ------
        ValueError
            When `fraction` is not above 0.
        """
        if not fraction > 0:
            raise ValueError(f"fraction must be above 0, found {fraction}")
        doctors = max(1, round(self.doctors * fraction))
        return replace(self, doctors=doctors, patients=round(self.patients * doctors / self.doctors))

    def daily_needs(self) -> NDArray[np.float64]:
        """Return the daily probability of a need of each patient, shape (patients,)."""
        if self.chronic_share == 0:
            return np.full(self.patients, self.daily_need)
        rank = np.arange(self.patients) // self.doctors
        is_chronic = rank % round(1 / self.chronic_share) == 0
        return np.where(is_chronic, self.chronic_daily_need, self.daily_need)

    @property
    def look_ahead_days(self) -> int:
        """Horizon in days; without one, a number of days that holds a whole list and so never binds."""
        if self.horizon_days is not None:
            return self.horizon_days
        return 7 * (-(-self.patients // self.doctors) // self.slots + 2)

    @property
    def calendar_days(self) -> int:
        """Number of days a book must have: the simulated ones and those that can be booked from the last."""
        return self.days + self.look_ahead_days + 1

    def is_open(self, day: int) -> bool:
        """Return whether doctors work on `day`; day 0 is a Monday."""
        return day % 7 < self.working_days


@dataclass(frozen=True)
class Result:
    """What a peer counted over the whole run, and the seconds of the simulation without building the population."""

    needs: int
    given: int
    held: int
    diverted: int
    wait_days: int
    seconds: float

    @property
    def events(self) -> int:
        """Needs raised plus visits held."""
        return self.needs + self.held

    @property
    def events_per_second(self) -> float:
        """Speed of the simulation itself."""
        return self.events / self.seconds

    @property
    def mean_wait_days(self) -> float:
        """Mean lead time over the appointments given."""
        return self.wait_days / self.given if self.given else 0.0

    @property
    def emergency_share(self) -> float:
        """Share of needs sent to the emergency department."""
        return self.diverted / self.needs if self.needs else 0.0


class Agenda:
    """The free slots of one doctor, for peers that book one patient at a time."""

    def __init__(self, workload: Workload) -> None:
        self.free_slots = [workload.slots * workload.is_open(day) for day in range(workload.calendar_days)]
        self.look_ahead_days = workload.look_ahead_days
        self.first_free_day = 0

    def book(self, today: int) -> int:
        """Take the earliest free slot from today to today + horizon; return its day, or `NO_SLOT`."""
        last_day = today + self.look_ahead_days
        free_slots = self.free_slots
        day = max(self.first_free_day, today)
        while day <= last_day and not free_slots[day]:
            day += 1
        self.first_free_day = day  # all before are full: slots are never given back
        if day > last_day:
            return NO_SLOT
        free_slots[day] -= 1
        return day
