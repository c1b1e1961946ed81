"""Is the earliest day with room always found, whatever was taken, given back and released before?

A book of one provider is driven by arbitrary sequences and compared after each step with a search over the whole table.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import small_world

from abm.environment.agenda import (
    NO_SLOT,
    days_to_third_available,
    first_planned_slot,
    first_slot,
    first_urgent_slot,
    give_back,
    open_day,
    take,
)
from abm.handle import compiled
from abm.state import World

DAYS, HORIZON, DOCTOR = 40, 20, 1  # doctor 0 is there to be left alone
LEAST, LONGEST = 2, 6
SECONDS = (LEAST, 3, LONGEST)


@cache
def desk() -> tuple[World, object]:
    world = small_world(n_doctors=2, n_days=DAYS, horizon_days=HORIZON)
    world.providers.least_seconds = LEAST
    return world, compiled(world)


@st.composite
def books(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], int]:
    """Free, reserved and planned room by day, and the days before which a reserve is released."""
    scarce = st.lists(st.sampled_from((0, 0, 1, LEAST, 3, 5)), min_size=DAYS, max_size=DAYS)
    room = st.lists(st.integers(0, 9), min_size=DAYS, max_size=DAYS)
    return draw(scarce), draw(scarce), draw(room), draw(st.integers(0, 5))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.sampled_from((0, 0, 0, 1, 4, 18, 25)), st.sampled_from(SECONDS)),
        st.tuples(st.just("fill"), st.integers(1, 8), st.just(LEAST)),
        st.tuples(st.just("urgent"), st.just(0), st.sampled_from(SECONDS)),
        st.tuples(st.just("planned"), st.integers(0, 25), st.sampled_from(SECONDS)),
        st.tuples(st.just("cancel"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("tomorrow"), st.just(0), st.just(0)),
    ),
    min_size=5,
    max_size=40,
)


def start(book: tuple[list[int], list[int], list[int], int]) -> tuple[World, object]:
    world, handle = desk()
    free, reserve, room, release_days = book
    world.free[DOCTOR], world.reserve[DOCTOR], world.planned_room[DOCTOR] = free, reserve, room
    world.free[DOCTOR, :release_days] += world.reserve[DOCTOR, :release_days]
    world.reserve[DOCTOR, :release_days] = 0
    world.providers.release_days[DOCTOR], world.providers.first_free[DOCTOR] = release_days, 0
    open_day(handle, 0)
    return world, handle


def search(has_room: np.ndarray, wished: int, today: int) -> int:
    """The slow truth: the first day with room from the wished one to the end of the book."""
    for day in range(wished, min(today + HORIZON, DAYS - 1) + 1):
        if has_room[day]:
            return day
    return NO_SLOT


def assert_finds_everything(world: World, handle: object, today: int) -> None:
    free, reserve, room = world.free[DOCTOR], world.reserve[DOCTOR], world.planned_room[DOCTOR]
    for seconds in SECONDS:
        for wished in range(today, today + HORIZON + 3, 3):
            assert first_slot(handle, DOCTOR, wished, today, seconds) == search(free >= seconds, wished, today)
        assert first_urgent_slot(handle, DOCTOR, today, today, seconds) == search(
            free + reserve >= seconds, today, today
        )
        both = (free >= seconds) & (room >= seconds)
        for wished in (today, today + 7):
            assert first_planned_slot(handle, DOCTOR, wished, today, seconds) == search(both, wished, today)


@settings(max_examples=150)
@given(books(), OPERATIONS)
def test_the_earliest_room_is_found_after_anything(book, operations) -> None:
    world, handle = start(book)
    total = int(world.free[DOCTOR].sum() + world.reserve[DOCTOR].sum())
    today, taken = 0, []
    for name, number, seconds in operations:
        if name == "tomorrow" and today < DAYS - HORIZON - 6:
            today += 1
            open_day(handle, today)
        elif name == "cancel" and taken:
            day, given_back = taken.pop(number % len(taken))
            if day > today:
                give_back(handle, DOCTOR, day, given_back)
            else:
                total -= given_back
        elif name == "fill":  # the next days, so that the pointer moves on
            for _ in range(number):
                day = first_slot(handle, DOCTOR, today, today, seconds)
                if day != NO_SLOT:
                    take(handle, DOCTOR, day, seconds)
                    taken.append((day, seconds))
        elif name in ("book", "urgent", "planned"):
            if name == "urgent":
                day = first_urgent_slot(handle, DOCTOR, today, today, seconds)
            elif name == "planned":
                day = first_planned_slot(handle, DOCTOR, today + number, today, seconds)
            else:
                day = first_slot(handle, DOCTOR, today + number, today, seconds)
            if day != NO_SLOT:
                take(handle, DOCTOR, day, seconds)
                taken.append((day, seconds))
        assert_finds_everything(world, handle, today)
        book_now = world.free[DOCTOR] + world.reserve[DOCTOR]
        assert (world.free[DOCTOR] >= 0).all() and (world.reserve[DOCTOR] >= 0).all()
        assert book_now.sum() + sum(seconds for _, seconds in taken) == total
    assert (world.free[0] == 0).all(), "the other doctor's book is untouched"


@settings(max_examples=50)
@given(books())
def test_a_reserve_opens_on_its_day_not_before(book) -> None:
    world, handle = start(book)
    _, reserve, _, release_days = book
    for today in range(1, DAYS):
        open_day(handle, today)
        still_kept = np.arange(DAYS) > today + release_days
        assert (world.reserve[DOCTOR] == np.where(still_kept, reserve, 0)).all()
        assert (world.free[DOCTOR] == np.array(book[0]) + np.where(still_kept, 0, reserve)).all()


def test_free_time_goes_first_and_then_the_reserve() -> None:
    world, handle = start(([5] * DAYS, [4] * DAYS, [0] * DAYS, 0))
    take(handle, DOCTOR, 3, 6)
    assert (world.free[DOCTOR, 3], world.reserve[DOCTOR, 3]) == (0, 3)
    give_back(handle, DOCTOR, 3, 6)
    assert (world.free[DOCTOR, 3], world.reserve[DOCTOR, 3]) == (6, 3), "given back to everybody"


def test_the_book_ends_at_the_horizon() -> None:
    world, handle = start(([0] * DAYS, [0] * DAYS, [9] * DAYS, 0))
    world.free[DOCTOR, HORIZON + 1] = 9
    assert first_slot(handle, DOCTOR, 0, 0, LEAST) == NO_SLOT
    assert first_slot(handle, DOCTOR, HORIZON + 1, 0, LEAST) == NO_SLOT, "not even for who wishes it"
    world.free[DOCTOR, HORIZON] = 9
    give_back(handle, DOCTOR, HORIZON, 0)
    assert first_slot(handle, DOCTOR, 0, 0, LEAST) == HORIZON


@settings(max_examples=60)
@given(st.lists(st.integers(-1, 4), min_size=DAYS, max_size=DAYS), st.integers(1, 20))
def test_third_next_available(free: list[int], cap_days: int) -> None:
    world, handle = desk()
    world.free[:] = free
    world.providers.visit_seconds = 2
    found = np.empty(2, np.int64)
    days_to_third_available(handle, 4, cap_days, found)
    slots = [day for day, seconds in enumerate(free[4 : 4 + cap_days]) for _ in range(max(0, seconds) // 2)]
    assert found.tolist() == [slots[2] if len(slots) > 2 else cap_days] * 2
    world.free[:], world.providers.visit_seconds = 0, 1


@pytest.mark.parametrize("seconds", SECONDS)
def test_an_empty_book_gives_the_wished_day(seconds: int) -> None:
    _, handle = start(([9] * DAYS, [0] * DAYS, [9] * DAYS, 0))
    for wished in range(HORIZON + 1):
        assert first_slot(handle, DOCTOR, wished, 0, seconds) == wished
