"""The laws that hold in every run: nothing appears, nothing is lost (ODD 9).

Checked monthly and at the end, never switched off. Stocks are recounted from the columns and the records; the counters
that the compiled day keeps are only what they are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from abm.compiled import rule
from abm.state import NEVER, NOBODY, Counter, Outcome, Stage, Status

if TYPE_CHECKING:
    from abm.model import TerritoryModel


QUIET, BOOKED = int(Stage.QUIET), int(Stage.BOOKED)
DAYS_BACK = 40  # more than a month: no day goes unchecked


class BrokenLawError(RuntimeError):
    """A conservation law failed: the law, the first bad day, the numbers."""

    def __init__(self, law: str, day: int, date: object, numbers: dict[str, Any]) -> None:
        self.law, self.day, self.date, self.numbers = law, day, date, numbers
        shown = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        super().__init__(f"law broken on {date} (day {day}): {law}: {shown}")

    def __reduce__(self) -> tuple:
        """Let the error travel between processes whole."""
        return type(self), (self.law, self.day, self.date, self.numbers)


def check(model: TerritoryModel) -> None:
    """Check every law on the evening of the last day lived.

    Raises
    ------
    BrokenLawError
        The first law that fails.
    """
    for law in (people, registrations, requests, agendas, time):
        law(model)


def _broken(model: TerritoryModel, law: str, day: int | None = None, **numbers: Any) -> BrokenLawError:
    day = model.day - 1 if day is None else day
    return BrokenLawError(law, day, model.setting.calendar.date(day), numbers)


def people(model: TerritoryModel) -> None:
    """Everybody who was there at the start is there, once."""
    persons = model.arrays.patients.person
    different = int(np.unique(persons).size) if model.day == model.last_day else persons.size
    if different != model.people_at_start:
        raise _broken(model, "people at start = people now", start=model.people_at_start, now=different)


def registrations(model: TerritoryModel) -> None:
    """Each registered person is on the list of one general practitioner who has not closed the practice."""
    desks, doctors = model.arrays.providers, model.arrays.patients.registered_gp
    doctors = doctors[(doctors != NOBODY) & (model.arrays.patients.status == Status.ALIVE)]
    exists = (doctors >= 0) & (doctors < desks.size)
    exists[exists] = desks.specialty[doctors[exists]] == NOBODY
    if not exists.all():
        raise _broken(model, "registered with a practice that exists", provider=int(doctors[~exists][0]))
    closes_on = desks.closes_on[doctors]
    has_closed = (closes_on > 0) & (closes_on <= model.day)
    if has_closed.any():
        law = "registered with a doctor who has not closed the practice"
        raise _broken(model, law, int(closes_on[has_closed][0]), people=int(has_closed.sum()))


def requests(model: TerritoryModel) -> None:
    """Requests: opened = served + missed + withdrawn + forgone + diverted + open.

    The open ones are recounted from the stages of all episodes; whoever waits, waits for a day to come.
    """
    ended = model.recorder.ended_by_outcome(model.arrays)
    still_open, overdue, first_overdue = recount(model.handle, model.day)
    opened = int(model.arrays.counters[Counter.OPENED])
    if opened != ended.sum() + still_open:
        names = {Outcome(i).name.lower(): int(n) for i, n in enumerate(ended) if i != Outcome.OPEN}
        raise _broken(model, "requests opened = ended + open", opened=opened, **names, open=still_open)
    if overdue:
        raise _broken(model, "open episodes wait for a day to come", int(first_overdue), overdue=overdue)
    model.open_requests = still_open


@rule
def recount(world, today):
    """Return open requests, episodes whose day has passed (of any stage), and the first such day."""
    still_open, overdue, first_overdue = 0, 0, today
    for node in range(world.episodes.size):
        episode = world.episodes[node]
        if episode.stage == QUIET:
            continue
        if not episode.is_planned:
            still_open += 1
        day = episode.appointment_on if episode.stage == BOOKED else episode.event_day
        if day < today and (episode.stage == BOOKED or day != NEVER):  # NEVER: beyond the last day of the diary
            overdue += 1
            first_overdue = min(first_overdue, day)
    return still_open, overdue, first_overdue


def agendas(model: TerritoryModel) -> None:
    """No agenda gives more time than it has."""
    world = model.arrays
    since = max(0, model.day - DAYS_BACK)
    for name in ("free", "reserve", "walk_in", "overtime", "planned_room"):
        column = getattr(world, name)[:, since:]
        if column.size and column.min() < 0:
            provider, day = (int(i) for i in np.argwhere(column < 0)[0])
            raise _broken(
                model, f"{name} time >= 0", since + day, provider=provider, seconds=int(column[provider, day])
            )


def time(model: TerritoryModel) -> None:
    """Time: offered + overtime = held + missed + unused, for every provider over the days lived."""
    world, setting, past = model.arrays, model.setting, slice(0, model.day)
    held = model.recorder.seconds_by_provider(world)
    offered = setting.offered[:, past].sum(axis=1, dtype=np.int64)
    overtime = (setting.overtime_offered - world.overtime)[:, past].sum(axis=1, dtype=np.int64)
    unused = (world.free + world.reserve + world.walk_in)[:, past].sum(axis=1, dtype=np.int64)
    outside = world.outside_held[:, past].sum(axis=1, dtype=np.int64)
    difference = offered + overtime - held - unused - outside
    if difference.any():
        provider = int(np.flatnonzero(difference)[0])
        raise _broken(
            model,
            "time offered + overtime = held + missed + unused",
            provider=provider,
            offered=int(offered[provider]),
            overtime=int(overtime[provider]),
            held_or_missed=int(held[provider]),
            held_by_people_from_elsewhere=int(outside[provider]),
            unused=int(unused[provider]),
        )
