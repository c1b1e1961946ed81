"""Which days are open, and what date is day 17?

Owns the relation between day indices (0 is the first day simulated) and dates. Draws nothing, decides nothing; every
other module receives the day as a number.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import holidays
import numpy as np
from holidays.countries.france import France
from numpy.typing import NDArray

from abm.errors import InputError, nearest

ALSACE, MOSELLE = "6AE", "57"
# What a territory pack may write for `holidays:`. The library has no code for the two departments of Alsace.
DEPARTMENTS = {"67": ALSACE, "68": ALSACE}
LAST_YEAR_KNOWN = France.end_year


@dataclass(frozen=True)
class Calendar:
    """The days of a run.

    Parameters
    ----------
    start : date of day 0.
    n_days : number of days, >= 1.
    subdivision : whose public holidays: None for those of all France, else a department (`"67"`, `"68"`, `"57"` add
        Good Friday and 26 December), a code or a name of the library `holidays` (`"6AE"` or `"Alsace"`, `"57"` or
        `"Moselle"`, `"974"` or `"La Réunion"`, …).
    working_days_per_week : 5 closes Saturday and Sunday, 7 closes no day of the week.
    has_public_holidays : False leaves them open, as closed-form checks need.

    Attributes
    ----------
    is_open : shape (n_days,), bool. False on closed days of the week and on public holidays.
    weekday : shape (n_days,), int8. Monday is 0.
    month_index : shape (n_days,), int32. Calendar months since the month of `start`, which is 0.
    year : shape (n_days,), int16.
    day_of_year : shape (n_days,), int16. 1 January is 1.
    is_first_of_month : shape (n_days,), bool.

    Raises
    ------
    InputError
        Fewer than one day, a date past year 9999, an unknown subdivision, not 1 to 7 working days.

    Notes
    -----
    After 2100, where the library's knowledge ends, the holidays of 2100 are carried on with Easter moved as it moves.
    """

    start: dt.date
    n_days: int
    subdivision: str | None = None
    working_days_per_week: int = 5
    has_public_holidays: bool = True
    is_open: NDArray[np.bool_] = field(init=False, repr=False, compare=False)
    weekday: NDArray[np.int8] = field(init=False, repr=False, compare=False)
    month_index: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    year: NDArray[np.int16] = field(init=False, repr=False, compare=False)
    day_of_year: NDArray[np.int16] = field(init=False, repr=False, compare=False)
    is_first_of_month: NDArray[np.bool_] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        days = np.datetime64(self.start, "D") + np.arange(self.n_days)
        months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
        weekday = (days.astype(np.int64) + 3) % 7  # 1 January 1970 was a Thursday
        closed = weekday >= self.working_days_per_week
        if self.has_public_holidays:
            closed |= np.isin(days, self._holidays())
        self._set("is_open", ~closed)
        self._set("weekday", weekday.astype(np.int8))
        self._set("month_index", (months - months[0]).astype(np.int32))
        self._set("year", (years.astype(np.int64) + 1970).astype(np.int16))
        self._set("day_of_year", ((days - years).astype(np.int64) + 1).astype(np.int16))
        self._set("is_first_of_month", days == months)

    def date(self, day: int) -> dt.date:
        """Return the date of a day index; also of days before the start (negative) and after the end."""
        return self.start + dt.timedelta(days=int(day))

    def day(self, date: dt.date) -> int:
        """Return the day index of a date; negative before the start."""
        return (date - self.start).days

    def _check(self) -> None:
        if self.n_days < 1:
            raise InputError(f"n_days: found {self.n_days}, expected at least 1")
        if not 1 <= self.working_days_per_week <= 7:
            raise InputError(f"working_days_per_week: found {self.working_days_per_week}, expected 1 to 7")
        if self.n_days - 1 > (dt.date.max - self.start).days:
            raise InputError(f"{self.n_days} days from {self.start} end after {dt.date.max}, the last date there is")
        holiday_subdivision(self.subdivision)

    def _set(self, name: str, values: NDArray[np.generic]) -> None:
        values.flags.writeable = False
        object.__setattr__(self, name, values)

    def _holidays(self) -> NDArray[np.datetime64]:
        years = range(self.start.year, self.date(self.n_days - 1).year + 1)
        dates = [day for year in years for day in public_holidays(year, self.subdivision)]
        return np.array(dates, dtype="datetime64[D]")


def public_holidays(year: int, subdivision: str | None = None) -> list[dt.date]:
    """Return the public holidays of a year, in order.

    Parameters
    ----------
    year : 1583 or later; after 2100 the rules of 2100 are carried on.
    subdivision : as in `Calendar`.
    """
    known_year = min(year, LAST_YEAR_KNOWN)
    code = holiday_subdivision(subdivision)
    known = sorted(holidays.country_holidays("FR", subdiv=code, years=known_year))
    if year == known_year:
        return known
    return sorted({_move(day, year) for day in known})


def holiday_subdivision(name: str | None) -> str | None:
    """Return the library's code for what a territory pack names, or None for all France.

    Raises
    ------
    InputError
        No such subdivision; the message has the nearest one.
    """
    if name is None:
        return None
    names = DEPARTMENTS | {code: code for code in France.subdivisions} | dict(France.subdivisions_aliases)
    if name not in names:
        raise InputError(f"no public holidays are known for '{name}'.{nearest(str(name), names)}")
    return names[name]


def easter(year: int) -> dt.date:
    """Return Easter Sunday of a Gregorian year (Meeus, Astronomical Algorithms, 1991, chapter 8)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    skipped, leap = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - skipped - correction + 15) % 30
    weekday = (32 + 2 * leap + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


def _move(day: dt.date, year: int) -> dt.date:
    """Return the same holiday in another year: at its distance from Easter from Good Friday to Whit Monday."""
    after_easter = (day - easter(day.year)).days
    if after_easter in (-2, 1, 39, 50) and (day.month, day.day) not in {(5, 1), (5, 8)}:
        return easter(year) + dt.timedelta(days=after_easter)
    return day.replace(year=year)
