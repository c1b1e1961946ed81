"""The laws that hold in every run: nothing appears, nothing is lost (ODD 9).

Checked monthly and at the end, never switched off. Stocks are recounted from the columns and the records; the counters
that the compiled day keeps are only what they are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from abm.compiled import rule
from abm.payments.tables import Category
from abm.state import NEVER, NOBODY, Counter, Outcome, Payer, Stage

if TYPE_CHECKING:
    from abm.model import TerritoryModel
    from abm.state import World


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
    for law in (people, requests, agendas, time, euros):
        law(model)


def _broken(model: TerritoryModel, law: str, day: int | None = None, **numbers: Any) -> BrokenLawError:
    day = model.day - 1 if day is None else day
    return BrokenLawError(law, day, model.setting.calendar.date(day), numbers)


def people(model: TerritoryModel) -> None:
    """Everybody who was there at the start is there, once, and each registered person is on one list."""
    persons = model.arrays.patients.person
    different = int(np.unique(persons).size) if model.day == model.last_day else persons.size
    if different != model.people_at_start:
        raise _broken(model, "people at start = people now", start=model.people_at_start, now=different)
    doctors = model.arrays.patients.registered_gp
    if doctors.size and (doctors.max() >= model.n_practices or doctors.min() < NOBODY):
        raise _broken(model, "registered with a practice that exists", highest=int(doctors.max()))


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


def euros(model: TerritoryModel) -> None:
    """Euros: billed = paid = received, by month and heading; what was spent on each person adds up to what was paid.

    What was spent is recounted from the persons; every visit and stay has been looked at.
    """
    world = model.arrays
    if not world.billed.size:
        return
    for name in ("paid", "received"):
        total = getattr(world, name).sum(axis=2)
        if (total != world.billed).any():
            month, category = (int(i) for i in np.argwhere(total != world.billed)[0])
            numbers: dict[str, Any] = {
                "category": Category(category).name.lower(),
                "billed": int(world.billed[month, category]),
            }
            numbers[name] = int(total[month, category])
            raise _broken(model, f"billed = {name}, cents", _first_day_of(world, month), **numbers)
    _check_persons(model)
    for done, written in ((Counter.PAID_RECORDS, Counter.RECORDS), (Counter.PAID_STAYS, Counter.STAYS)):
        paid, rows = (int(world.counters[counter]) for counter in (done, written))
        if paid != rows:
            raise _broken(model, f"every one of the {written.name.lower()} is paid", paid=paid, written=rows)


def _check_persons(model: TerritoryModel) -> None:
    """Compare what was spent on persons with what was paid for care, by year and payer."""
    world = model.arrays
    n_years = world.spend_cents.shape[1] // len(Payer)
    is_over = model.day >= model.last_day  # then all years; before, the one that may have changed
    years = range(n_years) if is_over else (int(world.spending_year_of[model.day - 1]),)
    care = np.delete(world.paid, Category.ACTION, axis=1).sum(axis=1)
    first_days = np.unique(world.ledger_month_of, return_index=True)[1]
    by_year = np.zeros((n_years, len(Payer)), np.int64)
    np.add.at(by_year, world.spending_year_of[first_days], care)
    for year in years:
        by_person = spent_on_persons(model.handle, year * len(Payer), len(Payer))
        if (by_person != by_year[year]).any():
            payer = int(np.flatnonzero(by_person != by_year[year])[0])
            day = int(np.argmax(world.spending_year_of == year))
            numbers = {"payer": Payer(payer).name.lower(), "persons": int(by_person[payer])}
            raise _broken(model, "spent on persons = paid, cents", day, **numbers, paid=int(by_year[year, payer]))


def _first_day_of(world: World, month: int) -> int:
    return int(np.argmax(world.ledger_month_of == month))


@rule
def spent_on_persons(world, first, n_payers):
    """Return what was spent on all persons together, cents, by payer, from a column on, shape (payers,)."""
    total = np.zeros(n_payers, np.int64)
    for row in range(world.spend_cents.shape[0]):
        for payer in range(n_payers):
            total[payer] += world.spend_cents[row, first + payer]
    return total
