"""How are events counted by need, stratum and year, and what are means and quantiles of the counts?

Owns periods, strata, tallies and the rows of a table of indicators; knows no indicator. What is counted are whole
numbers (days, people, visits; not minutes of travel), so that sums are exact whatever the order of the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from weakref import ref

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.population import DAYS_A_YEAR
from abm.state import NEVER, NOBODY, Channel, Kind, Outcome, Status

if TYPE_CHECKING:
    from abm.records import Records

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

T = TypeVar("T")

COLUMNS = ("indicator", "stratum_kind", "stratum", "period", "unit", "value", "n")
ALL = "all"
AGE_BANDS = {"0-6": 0, "7-11": 7, "12-15": 12, "16-25": 16, "26-65": 26, "66+": 66}
"""First completed year of each age band of the programme."""
AGE_BAND_OF_YEAR = (np.searchsorted(list(AGE_BANDS.values()), np.arange(121), side="right") - 1).astype(np.int16)
DREES_AGES = (18, 69)
NOT_BY_APPOINTMENT = (
    Channel.WALK_IN, Channel.VIDEO_OWN_GP, Channel.PLATFORM, Channel.DUTY, Channel.BOOTH, Channel.VIDEO_SPECIALIST,
)  # fmt: skip
CHUNK_EVENTS = 1 << 16
CHANNELS = tuple(channel for channel in Channel if channel not in (Channel.NONE, Channel.EMERGENCY))
PERSON_KINDS = (ALL, "age_band", "sex", "income_quintile", "has_ald", "is_enrolled", "invisible", "epci")
GP_NEED_KINDS = (int(Kind.GP_ACUTE), int(Kind.GP_FOLLOW_UP), int(Kind.GP_PREVENTIVE))


class Periods(NamedTuple):
    """The parts of the horizon that are reported apart: its calendar years, or its months.

    Attributes
    ----------
    labels : one a period, in order.
    of_day : period of each day of the calendar, -1 outside the horizon or not lived yet, shape (t,).
    spans : first day and day after the last of each period.
    """

    labels: tuple[str, ...]
    of_day: NDArray[np.int16]
    spans: tuple[tuple[int, int], ...]

    @property
    def years(self) -> Floats:
        """Length of each period, years, shape (p,)."""
        return np.array([end - first for first, end in self.spans]) / DAYS_A_YEAR


class Strata(NamedTuple):
    """One way to divide events: a name of the kind, labels, and the place of each event among them (-1: in none)."""

    kind: str
    labels: tuple[str, ...]
    code: Callable[[Events], NDArray]


class Block(NamedTuple):
    """An indicator over strata and periods: `value` and `n` have shape (strata, periods), the horizon comes first."""

    indicator: str
    unit: str
    kind: str
    labels: tuple[str, ...]
    value: Floats
    n: Ints


class Events:
    """Some rows of the records, their columns read when they are first asked for.

    Parameters
    ----------
    rows : row numbers in `run.episodes`, shape (r,).
    dated_by : column by whose day an event belongs to a period.
    """

    def __init__(self, run: Run, rows: NDArray, dated_by: str) -> None:
        self._run = ref(run)  # the run keeps its events: without a cycle, everything is freed at once
        self.rows, self.dated_by = rows.astype(np.int32), dated_by
        self._columns: dict[str, NDArray] = {}

    def __getattr__(self, name: str) -> NDArray:
        """Return a column of the records at these rows, shape (r,)."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._columns:
            self._columns[name] = self._taken(name)
        return self._columns[name]

    def _taken(self, name: str) -> NDArray:
        """Take a column at these rows; dates other than that of asking are made from days after it."""
        if name in ("wished_on", "booked_on"):
            return self.asked_on + getattr(self, name.replace("_on", "_days")).astype(np.int32)
        return self.run.column(name)[self.rows]

    @property
    def run(self) -> Run:
        """The run whose events they are; it must outlive them."""
        run = self._run()
        assert run is not None, "the run of these events is gone"
        return run

    @property
    def day(self) -> NDArray[np.int32]:
        """Day by which each event is dated, shape (r,)."""
        return getattr(self, self.dated_by)

    @cached_property
    def age_years(self) -> NDArray[np.int32]:
        """Completed years of age on that day, shape (r,)."""
        return completed_years(self.day - self.run.birth_day[self.patient])

    @cached_property
    def commune(self) -> NDArray[np.int32]:
        """Row of the person's commune, shape (r,)."""
        return self.run.commune[self.patient]

    def where(self, keep: NDArray) -> Events:
        """Return the events for which `keep` is true."""
        return Events(self.run, self.rows[keep], self.dated_by)


class Run:
    """A run's records as the indicators read them.

    Attributes
    ----------
    lived : number of days simulated so far; the horizon is cut there when the run is still going on.
    needs : name of each need to the kinds of request that it holds together.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.setting = records.setting
        self.lived = records.offered.shape[1]
        self.first = min(self.setting.first_reported_day, self.lived)
        self.end = min(self.setting.end_of_horizon, self.lived)
        self.birth_day = np.ascontiguousarray(records.patients.birth_day)
        self.lived_from, self.lived_to = residence(records.patients, self.lived)
        self.commune = np.ascontiguousarray(records.patients.commune)
        self.n_communes = len(self.setting.territory.communes)
        self._cells: dict[str, tuple[Strata, Cells]] = {}
        self._kept: dict[tuple[str, ...], Any] = {}
        self._heads: dict[str, Ints] = {}
        self._years_lived: dict[str, Floats] = {}

    def column(self, name: str) -> NDArray:
        """Return a column of all records, shape (all records,), or their travel minutes."""
        return self.records.travel_minutes if name == "travel_minutes" else self.records.episodes[name]

    def kept(self, compute: Callable[..., T], *arguments: str) -> T:
        """Return `compute(run, *arguments)`, computed once."""
        key = (compute.__name__, *arguments)
        if key not in self._kept:
            self._kept[key] = compute(self, *arguments)
        return self._kept[key]

    def let_go(self) -> None:
        """Forget events, cells and what else can be made again: between two groups of indicators, to spare memory."""
        self._cells.clear()
        self._kept.clear()
        for name in ("requests", "given", "given_gp", "visits", "missed", "emergencies"):
            self.__dict__.pop(name, None)

    def cells(self, events: str, strata: Strata) -> Cells:
        """Return the cells of `requests`, `given`, `visits`, … by year; the last ones of each are kept for reuse."""
        kept = self._cells.get(events)
        if kept is None or kept[0] is not strata:
            kept = self._cells[events] = (strata, Cells(getattr(self, events), strata, self.years))
        return kept[1]

    @cached_property
    def needs(self) -> dict[str, tuple[int, ...]]:
        """Kinds of request of each need: both families first, then each kind by itself."""
        kinds = [kind for kind in range(len(self.setting.kinds)) if kind not in (Kind.EMERGENCY, Kind.STAY)]
        families = {"gp": GP_NEED_KINDS, "specialist": tuple(kind for kind in kinds if kind >= Kind.FIRST_SPECIALTY)}
        return families | {self.setting.kinds[kind]: (kind,) for kind in kinds}

    @cached_property
    def years(self) -> Periods:
        """The calendar years of the horizon."""
        return self._periods(self.setting.calendar.year, str)

    @cached_property
    def months(self) -> Periods:
        """The months of the horizon, labelled by their first day."""
        start = np.datetime64(self.setting.calendar.start, "M")
        return self._periods(
            self.setting.calendar.month_index, lambda month: f"{start + np.timedelta64(month, 'M')}-01"
        )

    def _periods(self, of_day: NDArray, label: Callable[[int], str]) -> Periods:
        inside = of_day[self.first : self.end]
        values, starts = np.unique(inside, return_index=True)
        table = np.full(of_day.size, -1, np.int16)
        table[self.first : self.end] = np.searchsorted(values, inside)
        bounds = [*(self.first + starts).tolist(), self.end]
        return Periods(tuple(label(int(v)) for v in values), table, tuple(zip(bounds[:-1], bounds[1:], strict=True)))

    # --- events ---------------------------------------------------------------------------------------------------

    @cached_property
    def requests(self) -> Events:
        """Requests asked within the horizon: visits booked ahead and emergency visits are none."""
        asked = self.column("asked_on")
        inside = (asked >= self.first) & (asked < self.end)
        is_request = (self.column("kind") != Kind.EMERGENCY) & (self.column("is_planned") == 0)
        return Events(self, np.flatnonzero(inside & is_request), "asked_on")

    @cached_property
    def given(self) -> Events:
        """Requests that were given an appointment, whatever happened to it."""
        return self.requests.where(self.requests.appointment_on >= 0)

    @cached_property
    def given_gp(self) -> Events:
        """Requests to general practice that were given an appointment."""
        return self.given.where(self.given.kind < Kind.EMERGENCY)

    @cached_property
    def visits(self) -> Events:
        """Visits held within the horizon, those booked ahead included, emergency visits not."""
        return self._closed_in_horizon(Outcome.SERVED)

    @cached_property
    def missed(self) -> Events:
        """Appointments within the horizon to which nobody came."""
        return self._closed_in_horizon(Outcome.MISSED)

    @cached_property
    def emergencies(self) -> Events:
        """Visits to an emergency department within the horizon."""
        closed = self.column("closed_on")
        inside = (closed >= self.first) & (closed < self.end)
        return Events(self, np.flatnonzero(inside & (self.column("kind") == Kind.EMERGENCY)), "closed_on")

    def _closed_in_horizon(self, outcome: Outcome) -> Events:
        closed = self.column("closed_on")
        inside = (closed >= self.first) & (closed < self.end) & (self.column("outcome") == outcome)
        return Events(self, np.flatnonzero(inside & (self.column("kind") != Kind.EMERGENCY)), "closed_on")

    # --- strata ---------------------------------------------------------------------------------------------------

    @cached_property
    def person_tables(self) -> dict[str, tuple[tuple[str, ...], NDArray[np.int16]]]:
        """Labels of each kind of stratum that does not change with age, and everybody's place in it, shape (n,)."""
        rows = self.records.patients
        communes = self.setting.territory.communes
        epci = np.unique(communes["epci"].to_numpy(str), return_inverse=True)
        cut_off = (rows.has_complementary_cover == 0) & (rows.has_car == 0)
        tables = {
            ALL: ((ALL,), np.zeros(rows.size)),
            "sex": (("male", "female"), rows.is_female),
            "income_quintile": (tuple("12345"), np.maximum(rows.income_quintile.astype(int), 1) - 1),
            "has_ald": (("no", "yes"), rows.has_ald),
            "is_enrolled": (("no", "yes"), rows.is_enrolled),
            "invisible": (("no", "yes"), (rows.registered_gp == NOBODY) | cut_off),
            "epci": (tuple(epci[0].tolist()), epci[1][self.commune]),
            "commune": (tuple(communes["insee"].astype(str)), self.commune),
        }
        return {kind: (labels, np.asarray(codes, np.int16)) for kind, (labels, codes) in tables.items()}

    def strata(self, kind: str) -> Strata:
        """Return a division of persons' events: one of `PERSON_KINDS`, "commune", or "channel"."""
        if kind == "age_band":
            return Strata(kind, tuple(AGE_BANDS), lambda events: age_band(events.age_years))
        if kind == "channel":
            place = np.full(max(Channel) + 1, -1)
            place[list(CHANNELS)] = np.arange(len(CHANNELS))
            return Strata(kind, tuple(c.name.lower() for c in CHANNELS), lambda events: place[events.channel])
        labels, codes = self.person_tables[kind]
        if kind == ALL:
            return Strata(kind, labels, lambda events: np.zeros((), np.int16))
        return Strata(kind, labels, lambda events: codes.take(events.patient))

    def heads(self, kind: str, day: int, keep: Callable[[NDArray], NDArray] | None = None) -> Ints:
        """Count people by stratum on a day, shape (strata,).

        Parameters
        ----------
        keep : function of completed years of age that is true for those who count; None: everybody.
        """
        people = self.people_on(day, keep)
        labels, codes = self.people_strata(kind, people, day)
        return np.bincount(codes, minlength=len(labels))

    def people_on(self, day: int, keep: Callable[[NDArray], NDArray] | None = None) -> Ints:
        """Return the rows of those who live here on a day, of the ages that `keep` accepts, shape (m,)."""
        age_days = day - self.birth_day
        is_there = (age_days >= 0) & (self.lived_from <= day) & (day < self.lived_to)
        return np.flatnonzero(is_there if keep is None else is_there & keep(completed_years(age_days)))

    def people_strata(self, kind: str, people: Ints, day: int) -> tuple[tuple[str, ...], NDArray]:
        """Return the labels of a kind of stratum and the place of each of `people` in it on a day."""
        if kind == "age_band":
            return tuple(AGE_BANDS), age_band(completed_years(day - self.birth_day[people]))
        labels, codes = self.person_tables[kind]
        return labels, codes[people]

    def heads_by_year(self, kind: str) -> Ints:
        """Count people by stratum in the middle of each year of the horizon, shape (strata, years)."""
        if kind not in self._heads:
            heads = [self.heads(kind, (first + end) // 2) for first, end in self.years.spans]
            self._heads[kind] = np.array(heads, np.int64).reshape(-1, len(self.strata(kind).labels)).T
        return self._heads[kind]

    def person_years(self, kind: str, which: NDArray | None = None) -> Floats:
        """Return the years that people lived here by stratum and year of the horizon, shape (strata, years).

        Every rate per head is over these: who is born, comes, dies or leaves counts for the days in between, and time
        between two birthdays belongs to the age of that time.

        Parameters
        ----------
        which : True for those who count, shape (n,), or the first day from which on each counts; None: everybody.
        """
        since = np.maximum(self.lived_from, self.birth_day)
        if which is None:
            if kind not in self._years_lived:
                self._years_lived[kind] = self._years_since(kind, since)
            return self._years_lived[kind]
        nobody = np.iinfo(np.int32).max
        since = np.where(which, since, nobody) if which.dtype == np.bool_ else np.maximum(since, which)
        return self._years_since(kind, since)

    def _years_since(self, kind: str, since: NDArray) -> Floats:
        """Return the years that people lived here from `since` on, shape (strata, years)."""
        parts = np.array([self._days_lived(kind, since, span) for span in self.years.spans], np.float64)
        return parts.reshape(-1, len(self.strata(kind).labels)).T / DAYS_A_YEAR

    def _days_lived(self, kind: str, since: NDArray, span: tuple[int, int]) -> Floats:
        """Return the days of a span that people lived here, from `since` on, by stratum, shape (strata,)."""
        if kind != "age_band":
            labels, codes = self.person_tables[kind]
            return np.bincount(codes, _days_within(since, self.lived_to, span), len(labels))
        entered = [self.birth_day + first_day_of_age(age) for age in AGE_BANDS.values()]
        left = [*entered[1:], self.lived_to]
        bands = zip(entered, left, strict=True)
        days = [
            _days_within(np.maximum(since, first), np.minimum(self.lived_to, end), span).sum() for first, end in bands
        ]
        return np.array(days, np.float64)


def residence(patients: np.recarray, lived: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first day that each person lives here and the day after the last, shape (n,) each.

    Notes
    -----
    Who is born or arrives does so in the evening, who dies or leaves lives the day to its end. Rows of people who have
    not come get an empty span; those who are still here live to the end of the run.
    """
    first = patients.since.astype(np.int64) + 1
    end = np.where(patients.gone_on == NEVER, lived, patients.gone_on.astype(np.int64) + 1)
    return first, np.where(patients.status == Status.EXPECTED, first, end)


def drees_strata() -> tuple[Strata, Strata]:
    """Return the two strata that the survey of 2017 is compared with: all of it, and its local agendas alone.

    Ages 18-69 when asking, appointments in person that were asked for: no walk-in session, video, platform or duty
    care. Requests that were given no appointment belong to the first only.
    """

    def is_surveyed(events: Events) -> NDArray[np.bool_]:
        excluded = np.zeros(max(Channel) + 1, np.bool_)
        excluded[list(NOT_BY_APPOINTMENT)] = True
        lowest, highest = DREES_AGES
        return (events.age_years >= lowest) & (events.age_years <= highest) & ~excluded[events.channel]

    def is_local(events: Events) -> NDArray[np.bool_]:
        return is_surveyed(events) & (events.channel == Channel.LOCAL_AGENDA)

    return (
        Strata("drees", (ALL,), lambda events: is_surveyed(events).astype(np.int16) - 1),
        Strata("drees", ("local_agenda",), lambda events: is_local(events).astype(np.int16) - 1),
    )


def _days_within(since: NDArray, until: NDArray, span: tuple[int, int]) -> NDArray[np.int64]:
    """Return the days of a span from `since` to before `until`, shape (n,), >= 0."""
    days = np.minimum(until, span[1]).astype(np.int64) - np.maximum(since, span[0])
    return np.maximum(days, 0)


def first_day_of_age(age_years: int) -> int:
    """Return the days from birth after which `completed_years` first gives an age."""
    return -(-1461 * age_years // 4)


def completed_years(age_days: NDArray) -> NDArray:
    """Return completed years of age, as the rules of the model count them."""
    return np.maximum(age_days, 0) * 4 // 1461


def age_band(age_years: NDArray) -> NDArray[np.int16]:
    """Return the place in `AGE_BANDS` of ages in completed years."""
    return AGE_BAND_OF_YEAR.take(age_years, mode="clip")


# --- counting -----------------------------------------------------------------------------------------------------


class Cells:
    """Where each of many events belongs: kind of need, stratum, period.

    Parameters
    ----------
    periods : the years or the months by which events are dated; events of no period or stratum are left out.
    """

    def __init__(self, events: Events, strata: Strata, periods: Periods) -> None:
        code, period = strata.code(events), periods.of_day.take(events.day)
        self.shape = (len(events.run.setting.kinds), len(strata.labels), len(periods.labels))
        index = events.kind.astype(np.int32) * np.int32(self.shape[1])
        index += code
        index *= np.int32(self.shape[2])
        index += period
        is_inside = (code >= 0) & (period >= 0)
        self.inside = None if is_inside.all() else np.flatnonzero(is_inside)
        self.index = index if self.inside is None else index[self.inside]

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))

    def of_inside(self, values: NDArray) -> NDArray:
        """Return what belongs to the events that have a cell, from one value an event."""
        return values if self.inside is None else values[self.inside]

    def count(self, which: NDArray | None = None) -> Ints:
        """Count the events, or those for which `which` is true; shape (kinds, strata, periods)."""
        index = self.index if which is None else self.index[self.of_inside(which)]
        return counted(index, self.size).reshape(self.shape)

    def total(self, amounts: NDArray) -> Floats:
        """Sum an amount an event, shape (kinds, strata, periods)."""
        return counted(self.index, self.size, self.of_inside(amounts)).reshape(self.shape)

    def tally(self, amounts: NDArray, n_values: int) -> Ints:
        """Count the events by a whole amount from 0 to below `n_values`, shape (kinds, strata, periods, values)."""
        size = self.size * n_values
        index: NDArray[np.integer] = self.index.astype(np.int32 if size < np.iinfo(np.int32).max else np.int64)
        index *= n_values
        index += self.of_inside(amounts)
        return counted(index, size).reshape(*self.shape, n_values)


def counted(index: NDArray, size: int, amounts: NDArray | None = None) -> NDArray:
    """Count events by cell, or sum amounts by cell, shape (size,): in chunks that stay in the processor's cache."""
    if size > CHUNK_EVENTS or index.size <= CHUNK_EVENTS:
        return np.bincount(index, amounts, size)
    total: NDArray = np.zeros(size, np.int64 if amounts is None else np.float64)
    for start in range(0, index.size, CHUNK_EVENTS):
        chunk = slice(start, start + CHUNK_EVENTS)
        total += np.bincount(index[chunk], None if amounts is None else amounts[chunk], size)
    return total


def of_need(table: NDArray, kinds: Sequence[int]) -> NDArray:
    """Add up the kinds of a need and put the whole horizon before its periods: (kinds, s, p, …) to (s, 1 + p, …)."""
    return with_whole(table[list(kinds)].sum(axis=0))


def with_whole(table: NDArray) -> NDArray:
    """Put the sum over periods (axis 1) before them."""
    return np.concatenate([table.sum(axis=1, keepdims=True), table], axis=1)


def ratio(amount: NDArray, number: NDArray) -> Floats:
    """Return amount / number, NaN where there is nobody to divide by."""
    amount, number = np.broadcast_arrays(np.asarray(amount, np.float64), np.asarray(number, np.float64))
    return np.divide(amount, number, out=np.full(amount.shape, np.nan), where=number > 0)


def tally_mean(tally: Ints, values: NDArray) -> Floats:
    """Return the mean of tallied values, last axis; NaN over nothing."""
    return ratio(tally @ values, tally.sum(axis=-1))


def tally_quantile(tally: Ints, values: NDArray, level: float) -> Floats:
    """Return a quantile of tallied values, last axis: linear between neighbouring ranks, as `numpy.quantile`."""
    up_to = tally.cumsum(axis=-1)
    n = up_to[..., -1]
    rank = level * np.maximum(n - 1, 0)
    below, above = np.floor(rank), np.ceil(rank)
    last = values.size - 1
    low, high = (values[np.minimum((up_to <= r[..., None]).sum(axis=-1), last)] for r in (below, above))
    return np.where(n > 0, low + (rank - below) * (high - low), np.nan)


def tally_share(tally: Ints, values: NDArray, bound: float) -> Floats:
    """Return the share of tallied values at or below a bound, last axis; NaN over nothing."""
    return ratio(tally[..., values <= bound].sum(axis=-1), tally.sum(axis=-1))


def weighted_quantile(values: Floats, weights: NDArray, level: float) -> float:
    """Return the least value up to which at least a share `level` of the weight lies; NaN without weight."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    if reached.size == 0 or reached[-1] <= 0:
        return float("nan")
    return float(values[order][np.searchsorted(reached, level * reached[-1] * (1.0 - 1e-12))])


# --- rows ---------------------------------------------------------------------------------------------------------


def to_frame(blocks: Iterator[Block], periods: Periods) -> pd.DataFrame:
    """Return blocks as the table of indicators, sorted by indicator; within one, `all` comes before its strata.

    Rows of strata over nobody are left out; for `all` they stay, with NaN and n = 0.
    """
    labels = np.array([ALL, *periods.labels], dtype=object)
    columns = zip(*(_rows(block, labels) for block in blocks), strict=True)
    table = pd.DataFrame(dict(zip(COLUMNS, map(np.concatenate, columns), strict=True)))
    kept = table[(table["stratum_kind"] == ALL) | table["value"].notna()]
    return kept.sort_values("indicator", kind="stable", ignore_index=True)


def _rows(block: Block, periods: NDArray) -> tuple[NDArray, ...]:
    """Return the columns of a block, in the order of `COLUMNS`."""
    n_strata, n_periods = block.value.shape
    size = n_strata * n_periods
    texts = [np.full(size, text, dtype=object) for text in (block.indicator, block.kind, block.unit)]
    strata = np.repeat(np.array(block.labels, dtype=object), n_periods)
    n = np.broadcast_to(block.n, block.value.shape).ravel().astype(np.int64)
    return texts[0], texts[1], strata, np.tile(periods[:n_periods], n_strata), texts[2], block.value.ravel(), n
