"""Days and dates: closed days of France and of Alsace-Moselle, and indices that go both ways."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.calendar import Calendar, easter, holiday_subdivision, public_holidays
from abm.errors import InputError

STARTS = st.dates(date(1990, 1, 1), date(2150, 12, 31))
LENGTHS = st.integers(1, 1500)


@given(STARTS, LENGTHS)
def test_arrays_agree_with_the_standard_library(start: date, n_days: int) -> None:
    calendar = Calendar(start, n_days, "67")
    dates = [start + timedelta(days=day) for day in range(n_days)]
    assert calendar.weekday.tolist() == [day.weekday() for day in dates]
    assert calendar.year.tolist() == [day.year for day in dates]
    assert calendar.day_of_year.tolist() == [day.timetuple().tm_yday for day in dates]
    assert calendar.is_first_of_month.tolist() == [day.day == 1 for day in dates]
    months = [12 * (day.year - start.year) + day.month - start.month for day in dates]
    assert calendar.month_index.tolist() == months


@given(STARTS, LENGTHS, st.integers(-400, 2000))
def test_date_and_day_are_inverse(start: date, n_days: int, day: int) -> None:
    calendar = Calendar(start, n_days)
    assert calendar.day(calendar.date(day)) == day


@given(STARTS, LENGTHS)
def test_alsace_closes_two_days_more_a_year_and_never_fewer(start: date, n_days: int) -> None:
    france, alsace = Calendar(start, n_days), Calendar(start, n_days, "67")
    extra = [alsace.date(day) for day in np.flatnonzero(france.is_open & ~alsace.is_open)]
    assert not (alsace.is_open & ~france.is_open).any()
    for day in extra:
        assert (day.month, day.day) == (12, 26) or day == easter(day.year) - timedelta(days=2)


@pytest.mark.parametrize(
    ("day", "subdivision", "is_open"),
    [
        (date(2021, 4, 2), "67", False),  # Good Friday
        (date(2021, 4, 2), None, True),
        (date(2022, 12, 26), "57", False),
        (date(2022, 12, 26), "75", None),
        (date(2020, 6, 1), None, False),  # Whit Monday
        (date(2020, 7, 14), "67", False),
        (date(2020, 1, 2), "67", True),
        (date(2020, 1, 4), "67", False),  # Saturday
        (date(2110, 4, 4), "67", False),  # Good Friday, beyond what the library knows
        (date(2110, 12, 25), None, False),
    ],
)
def test_known_days(day: date, subdivision: str | None, is_open: bool | None) -> None:
    if is_open is None:
        with pytest.raises(InputError, match="no public holidays are known for '75'"):
            Calendar(day, 1, subdivision)
    else:
        assert Calendar(day, 1, subdivision).is_open.tolist() == [is_open]


@pytest.mark.parametrize("names", [("67", "68", "6AE", "Alsace"), ("57", "Moselle")])
def test_a_subdivision_has_several_names(names: tuple[str, ...]) -> None:
    assert len({holiday_subdivision(name) for name in names}) == 1


@pytest.mark.parametrize(("year", "day"), [(1818, (3, 22)), (1943, (4, 25)), (2024, (3, 31)), (2285, (3, 22))])
def test_easter_of_known_years(year: int, day: tuple[int, int]) -> None:
    assert easter(year) == date(year, *day)


@pytest.mark.parametrize("year", range(2008, 2101))
def test_easter_agrees_with_the_library(year: int) -> None:
    assert easter(year) + timedelta(days=1) in public_holidays(year)


@pytest.mark.parametrize("subdivision", [None, "67"])
def test_carrying_the_rules_on_gives_what_the_library_knows(subdivision: str | None, monkeypatch) -> None:
    years = range(2021, 2101)
    known = [public_holidays(year, subdivision) for year in years]
    monkeypatch.setattr("abm.calendar.LAST_YEAR_KNOWN", 2020)
    assert [public_holidays(year, subdivision) for year in years] == known


def test_a_practice_may_work_every_day() -> None:
    assert Calendar(date(2024, 1, 1), 366, working_days_per_week=7, has_public_holidays=False).is_open.all()
    five = Calendar(date(2024, 1, 1), 14, working_days_per_week=5, has_public_holidays=False)
    assert five.is_open.tolist() == ([True] * 5 + [False] * 2) * 2


def test_open_days_of_the_programme() -> None:
    assert Calendar(date(2020, 1, 1), 1461, "67").is_open.sum() == 1005


def test_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Calendar(date(2020, 1, 1), 10).is_open[0] = True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((date(2020, 1, 1), 0), "n_days: found 0"),
        ((date(9999, 12, 31), 2), "end after 9999-12-31"),
        ((date(2020, 1, 1), 1, "Alsce"), "Did you mean 'Alsace'"),
        ((date(2020, 1, 1), 1, None, 8), "working_days_per_week: found 8"),
    ],
)
def test_bad_input(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Calendar(*arguments)
