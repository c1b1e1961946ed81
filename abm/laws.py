"""The laws that hold in every run: nothing appears, nothing is lost (ODD 9).

Checked monthly and at the end, never switched off. Stocks are recounted from the columns and the records; the counters
that the compiled day keeps are only what they are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from abm.compiled import rule
from abm.payments.tables import CARE_PAYERS, Category
from abm.state import NEVER, NOBODY, Counter, Outcome, Payer, Stage, Status, Vital

if TYPE_CHECKING:
    from abm.model import TerritoryModel
    from abm.state import World


QUIET, BOOKED = int(Stage.QUIET), int(Stage.BOOKED)
ALIVE, STAYS = int(Status.ALIVE), int(Counter.STAYS)
DAYS_BACK = 40  # more than a month: no day goes unchecked
MONTHS_BETWEEN_RECOUNTS = 3


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
    for law in (people, gone, registrations, requests, agendas, time, beds, euros, network):
        law(model)


def _broken(model: TerritoryModel, law: str, day: int | None = None, **numbers: Any) -> BrokenLawError:
    day = model.day - 1 if day is None else day
    return BrokenLawError(law, day, model.setting.calendar.date(day), numbers)


def people(model: TerritoryModel) -> None:
    """People: start + births + arrivals = alive + dead + departures; each is there once, on one list at most.

    Births, deaths and moves as they were counted while they happened are compared with the rows.
    """
    world, start = model.arrays, model.people_at_start
    rows, in_use = world.patients, int(world.counters[Counter.PATIENTS])
    counts = np.bincount(rows.status, minlength=len(Status))
    alive, dead, departed = (int(counts[status]) for status in (Status.ALIVE, Status.DEAD, Status.DEPARTED))
    births, deaths, arrivals, departures = (
        int(world.vital[:, column].sum()) for column in (Vital.BIRTHS, Vital.DEATHS, Vital.ARRIVALS, Vital.DEPARTURES)
    )
    if start + births + arrivals != alive + dead + departed:
        raise _broken(
            model, "people at start + births + arrivals = alive + dead + departed",
            start=start, births=births, arrivals=arrivals, alive=alive, dead=dead, departed=departed,
        )  # fmt: skip
    if (deaths, departures) != (dead, departed):
        raise _broken(
            model, "deaths and departures = those who have gone",
            deaths=deaths, dead=dead, departures=departures, departed=departed,
        )  # fmt: skip
    if (rows.status[in_use:] != Status.EXPECTED).any():
        raise _broken(model, "nobody lives in a row that is not in use", rows_in_use=in_use)
    refused = int(world.counters[Counter.REFUSED_BIRTHS])
    if refused:
        raise _broken(model, "there is a row for every newborn", births_without_row=refused, rows=rows.size)
    persons = rows.person[:in_use]
    if model.day == model.last_day and np.unique(persons).size != in_use:
        raise _broken(model, "everybody is there once", people=in_use, different=int(np.unique(persons).size))


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


def gone(model: TerritoryModel) -> None:
    """Nothing is asked, booked or awaited by those who have died or moved away (or are still to come, at the end)."""
    world, rows = model.arrays, model.arrays.patients
    is_absent = rows.gone_on >= model.day - DAYS_BACK
    if model.day == model.last_day:
        is_absent = rows.status != Status.ALIVE
    absent = np.flatnonzero(is_absent & (rows.status != Status.ALIVE))
    nodes = (np.arange(world.kinds.size)[:, None] * rows.size + absent[None, :]).ravel()
    episodes = world.episodes[nodes]
    active = np.flatnonzero((episodes.stage != Stage.QUIET) | (episodes.event_day != NEVER))
    if active.size:
        row = int(nodes[active[0]] % rows.size)
        day = max(int(rows.gone_on[row]), 0)
        person = int(rows.person[row])
        raise _broken(model, "those who have gone want nothing", day, person=person, episodes=int(active.size))


def requests(model: TerritoryModel) -> None:
    """Requests: opened = served + missed + withdrawn + forgone + diverted + open.

    The open ones are recounted from the stages of all episodes, four times a year and at the end of the run, as that is
    a journey through most of the memory; whoever waits, waits for a day to come.
    """
    ended = model.recorder.ended_by_outcome(model.arrays)
    opened = int(model.arrays.counters[Counter.OPENED])
    model.open_requests = int(opened - ended.sum())
    if model.laws_checked % MONTHS_BETWEEN_RECOUNTS and model.day != model.last_day:
        return
    still_open, overdue, first_overdue = recount(model.handle, model.day)
    if opened != ended.sum() + still_open:
        names = {Outcome(i).name.lower(): int(n) for i, n in enumerate(ended) if i != Outcome.OPEN}
        raise _broken(model, "requests opened = ended + open", opened=opened, **names, open=still_open)
    if overdue:
        raise _broken(model, "open episodes wait for a day to come", int(first_overdue), overdue=overdue)


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


def beds(model: TerritoryModel) -> None:
    """Beds: those occupied are the stays that go on, never more than there are, and whoever lies in one is alive."""
    world, evening = model.arrays, model.day - 1
    found = np.zeros_like(world.occupied)
    lost = recount_beds(model.handle, evening, found)
    if lost != NOBODY:
        stay = world.stays[lost]
        raise _broken(
            model,
            "who lies in a bed is alive and leaves with the stay",
            stay=int(lost),
            patient=int(stay.patient),
            status=Status(int(world.patients.status[stay.patient])).name.lower(),
            stay_ends=int(stay.leaves_on),
            last_day_in_bed=int(world.patients.leaves_hospital_on[stay.patient]),
        )
    for law, wrong in (
        ("beds occupied = stays that go on", found != world.occupied),
        ("beds occupied <= beds", (world.beds != NOBODY) & (world.occupied > world.beds)),
    ):
        if wrong.any():
            site, ward = (int(i) for i in np.argwhere(wrong)[0])
            raise _broken(
                model,
                law,
                site=site,
                ward=ward,
                occupied=int(world.occupied[site, ward]),
                stays=int(found[site, ward]),
                beds=int(world.beds[site, ward]),
            )


@rule
def recount_beds(world, evening, found):
    """Count the stays that go on by site and ward, shape (sites, wards).

    Returns
    -------
    the first stay whose resident is not alive or is said to leave on another day; NOBODY when all is well.
    """
    lost = NOBODY
    for i in range(world.counters[STAYS] - 1, -1, -1):
        stay = world.stays[i]
        if stay.leaves_on <= evening:
            continue
        found[stay.site, stay.ward] += 1
        if stay.patient != NOBODY:
            patient = world.patients[stay.patient]
            if patient.status != ALIVE or patient.leaves_hospital_on != stay.leaves_on - 1:
                lost = i
    return lost


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
    n_years = world.spend_cents.shape[0]
    is_over = model.day >= model.last_day  # then all years; before, the one that may have changed
    years = range(n_years) if is_over else (int(world.spending_year_of[model.day - 1]),)
    care = np.delete(world.paid, Category.ACTION, axis=1).sum(axis=1)
    first_days = np.unique(world.ledger_month_of, return_index=True)[1]
    by_year = np.zeros((n_years, len(Payer)), np.int64)
    np.add.at(by_year, world.spending_year_of[first_days], care)
    for year in years:
        by_person = np.zeros(len(Payer), np.int64)  # those who pay for no care stay at 0
        by_person[:CARE_PAYERS] = spent_on_persons(model.handle, year)
        if (by_person != by_year[year]).any():
            payer = int(np.flatnonzero(by_person != by_year[year])[0])
            day = int(np.argmax(world.spending_year_of == year))
            numbers = {"payer": Payer(payer).name.lower(), "persons": int(by_person[payer])}
            raise _broken(model, "spent on persons = paid, cents", day, **numbers, paid=int(by_year[year, payer]))


def network(model: TerritoryModel) -> None:
    """Care network: members <= those who might enrol; those who came in = those who are in + those who left.

    Who dies or moves away as a member stays marked as one. Professionals in it are there and were won for it.
    """
    members = model.arrays.patients.is_enrolled == 1
    if model.network is None:
        if members.any():
            raise _broken(model, "no members without a care network", members=int(members.sum()))
        return
    care = model.network
    strangers = int((members & ~care.was_eligible).sum())
    if strangers:
        raise _broken(model, "members of the care network <= eligible people", members_not_eligible=strangers)
    if care.n_enrolments - care.n_withdrawals != members.sum():
        raise _broken(
            model, "enrolments = members + those who left",
            enrolments=care.n_enrolments, members=int(members.sum()), left=care.n_withdrawals,
        )  # fmt: skip
    unwon = int((care.is_member & ~care.is_winnable).sum())
    if unwon:
        raise _broken(model, "professionals in the care network <= those who can be won", too_many=unwon)


def _first_day_of(world: World, month: int) -> int:
    return int(np.argmax(world.ledger_month_of == month))


@rule
def spent_on_persons(world, year):
    """Return what was spent on all persons together in a year, cents, by payer of care, shape (payers,)."""
    compulsory, local, complementary, patient = 0, 0, 0, 0
    for row in range(world.spend_cents.shape[1]):
        compulsory += world.spend_cents[year, row, Payer.COMPULSORY]
        local += world.spend_cents[year, row, Payer.LOCAL]
        complementary += world.spend_cents[year, row, Payer.COMPLEMENTARY]
        patient += world.spend_cents[year, row, Payer.PATIENT]
    return np.array([compulsory, local, complementary, patient])
