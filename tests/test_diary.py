"""Does every episode come back exactly once, on its day, whatever happened in between?

Arbitrary sequences of remind and forget are compared with a dictionary; the pool of blocks must never lose one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import small_world

from abm.environment.diary import (
    BLOCK_ENTRIES,
    COUNT,
    GIVEN_BACK,
    NEXT,
    NONE,
    UNUSED,
    drain,
    empty_diary,
    forget,
    remind,
)
from abm.handle import compiled
from abm.state import Stage, World

DAYS, EPISODES = 12, 40


@cache
def book() -> tuple[World, object]:
    world = small_world(n_people=EPISODES, n_days=DAYS)
    return world, compiled(world)


def start() -> tuple[World, object]:
    world, handle = book()
    fresh = empty_diary(DAYS, EPISODES)
    for name in fresh._fields:
        getattr(world, name)[:] = getattr(fresh, name)
    world.episodes.event_day, world.episodes.stage = NONE, Stage.QUIET
    return world, handle


def chain(world: World, first: int) -> list[int]:
    """The blocks that hang together from one on; fails on a ring."""
    blocks = []
    while first != NONE:
        assert first not in blocks
        blocks.append(int(first))
        first = int(world.blocks[first, NEXT])
    return blocks


def assert_no_block_is_lost(world: World) -> None:
    used = [b for heads in (world.due, world.visits) for head in heads for b in chain(world, int(head))]
    spare = chain(world, int(world.spare[GIVEN_BACK])) + list(range(int(world.spare[UNUSED]), len(world.blocks)))
    assert sorted(used + spare) == list(range(len(world.blocks)))
    assert all(0 < world.blocks[b, COUNT] <= BLOCK_ENTRIES for b in used)


def wait(world: World, handle: object, node: int, day: int, is_appointment: bool) -> None:
    """As the rules do it: the stage first, then the entry."""
    world.episodes.stage[node] = Stage.BOOKED if is_appointment else Stage.ASKING
    remind(handle, world.visits if is_appointment else world.due, node, day)


def drained(world: World, handle: object, day: int, is_appointment: bool) -> list[int]:
    n_today = drain(handle, world.visits if is_appointment else world.due, day, is_appointment)
    return world.today[:n_today].tolist()


NODE, AHEAD, LIST = st.integers(0, EPISODES - 1), st.integers(0, DAYS), st.booleans()
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("remind"), NODE, AHEAD, LIST),
        st.tuples(st.just("forget"), NODE, AHEAD, LIST),
        st.tuples(st.just("crowd"), NODE, AHEAD, LIST),
        st.tuples(st.just("there and back"), NODE, AHEAD, LIST),
        st.tuples(st.just("tomorrow"), NODE, AHEAD, LIST),
    ),
    max_size=45,
)


@settings(max_examples=200)
@given(STEPS, st.lists(st.integers(0, EPISODES - 1), max_size=6))
def test_everybody_comes_back_once_on_his_day(steps, visits_of_the_day) -> None:
    world, handle = start()
    today, waits = -1, {}

    def note(node: int, ahead: int, is_appointment: bool) -> None:
        day = today + 1 + ahead
        wait(world, handle, node, day, is_appointment)
        waits[node] = (day, is_appointment)
        if day >= DAYS:
            del waits[node]

    def live_a_day() -> None:
        nonlocal today
        today += 1
        due = drained(world, handle, today, False)
        assert sorted(due) == sorted(n for n, (day, booked) in waits.items() if day == today and not booked)
        for node in due:
            del waits[node]
            if node in visits_of_the_day:  # falls due and gets an appointment for the same day
                wait(world, handle, node, today, True)
                waits[node] = (today, True)
        held = drained(world, handle, today, True)
        assert sorted(held) == sorted(n for n, (day, booked) in waits.items() if day == today)
        for node in held:
            del waits[node]
        assert (world.episodes.event_day[due + held] == NONE).all()
        assert (world.due[: today + 1] == NONE).all() and (world.visits[: today + 1] == NONE).all()

    for name, node, ahead, is_appointment in steps:
        if name == "remind":
            note(node, ahead, is_appointment)
        elif name == "crowd":
            for one in range(node, min(node + BLOCK_ENTRIES + 3, EPISODES)):
                note(one, ahead, is_appointment)
        elif name == "there and back":
            for booked in (is_appointment, not is_appointment, is_appointment):
                note(node, ahead, booked)
        elif name == "forget":
            forget(handle, node)
            waits.pop(node, None)
        elif today < DAYS - 1:
            live_a_day()
        expected = np.full(EPISODES, NONE)
        for one, (day, _) in waits.items():
            expected[one] = day
        assert (world.episodes.event_day == expected).all()
    assert_no_block_is_lost(world)
    while today < DAYS - 1:
        live_a_day()
    assert not waits
    assert len(chain(world, int(world.spare[GIVEN_BACK]))) == world.spare[UNUSED], "all blocks are spare again"


@pytest.mark.parametrize("now_booked", [True, False])
def test_an_entry_left_behind_does_not_speak_for_the_other_list(now_booked: bool) -> None:
    """It waited for day 5 in one list; now it waits for the same day in the other."""
    world, handle = start()
    wait(world, handle, 7, 5, not now_booked)
    wait(world, handle, 7, 5, now_booked)
    assert drained(world, handle, 5, False) == ([] if now_booked else [7])
    assert world.episodes.event_day[7] == (5 if now_booked else NONE)
    assert drained(world, handle, 5, True) == ([7] if now_booked else [])


def test_twice_in_one_list_for_one_day_comes_once() -> None:
    world, handle = start()
    for _ in range(3):
        wait(world, handle, 7, 5, False)
        forget(handle, 7)
    wait(world, handle, 7, 5, False)
    assert drained(world, handle, 5, False) == [7]


def test_a_day_beyond_the_last_is_dropped() -> None:
    world, handle = start()
    wait(world, handle, 3, 4, False)
    wait(world, handle, 3, DAYS, False)
    assert world.episodes.event_day[3] == NONE
    assert all(drained(world, handle, day, False) == [] for day in range(DAYS))


def test_a_full_pool_says_so() -> None:
    world, handle = start()
    with pytest.raises(RuntimeError, match="diary is full"):
        for _ in range(len(world.blocks) * BLOCK_ENTRIES + 1):
            remind(handle, world.due, 0, 5)


@given(st.integers(0, 500), st.integers(1, 100))
def test_there_is_room_for_two_entries_of_everybody_wherever_they_fall(n_episodes: int, n_days: int) -> None:
    diary = empty_diary(n_days, n_episodes)
    assert len(diary.blocks) >= 2 * n_episodes / BLOCK_ENTRIES + 2 * n_days
    assert diary.spare[GIVEN_BACK] == NONE and diary.spare[UNUSED] == 0
