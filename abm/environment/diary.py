"""The diary: which episode has something to do on which day.

Owns two buckets a day (`due`: needs, requests, cancellations; `visits`: appointments) and the column
`episodes.event_day`. A bucket is a chain of small blocks out of one pool, so that an entry is written next to the one
before it and a day is read in a stream; nothing is ever sorted or moved. An episode that leaves a day merely changes
its `event_day`: the entry left behind is skipped when its day comes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.compiled import rule
from abm.memory import zeros
from abm.state import Stage

NONE = -1
BOOKED = int(Stage.BOOKED)
BLOCK_ENTRIES = 14
NEXT, COUNT, FIRST = 0, 1, 2  # columns of a block: next block, entries in use, first entry
GIVEN_BACK, UNUSED = 0, 1  # columns of `spare`


class Diary(NamedTuple):
    """Buckets by day and the pool of their blocks."""

    due: NDArray[np.int32]  # (t,) first block of the day's needs, requests and cancellations
    visits: NDArray[np.int32]  # (t,) first block of the day's appointments
    blocks: NDArray[np.int32]  # (b, 2 + BLOCK_ENTRIES)
    spare: NDArray[np.int32]  # (2,) first of the chain of blocks given back, and the first block never used


def empty_diary(n_days: int, n_episodes: int) -> Diary:
    """Return a diary with room for two entries of every episode and one block for every bucket.

    Blocks are taken in their order, and those given back first: what is never needed costs no memory.
    """
    n_blocks = 2 * n_episodes // BLOCK_ENTRIES + 4 * n_days + 1
    blocks = zeros((n_blocks, FIRST + BLOCK_ENTRIES), np.int32)
    spare = np.array([NONE, 0], np.int32)
    return Diary(np.full(n_days, NONE, np.int32), np.full(n_days, NONE, np.int32), blocks, spare)


@rule
def remind(world, heads, node, day):
    """Write an episode into a day's bucket; a day beyond the horizon is dropped.

    Parameters
    ----------
    heads : `world.due` or `world.visits`, shape (t,).
    node : row in `world.episodes`.
    day : day index, >= today.

    Raises
    ------
    RuntimeError
        When the pool has no block left: an episode was entered twice without end, a bug.
    """
    if day >= heads.size:
        world.episodes[node].event_day = NONE
        return
    world.episodes[node].event_day = day
    block = heads[day]
    if block == NONE or world.blocks[block, COUNT] == BLOCK_ENTRIES:
        fresh = fresh_block(world)
        world.blocks[fresh, NEXT] = block
        world.blocks[fresh, COUNT] = 0
        heads[day] = fresh
        block = fresh
    count = world.blocks[block, COUNT]
    world.blocks[block, FIRST + count] = node
    world.blocks[block, COUNT] = count + 1


@rule
def fresh_block(world):
    """Take a block out of the pool: one given back, else the next that was never used."""
    block = world.spare[GIVEN_BACK]
    if block != NONE:
        world.spare[GIVEN_BACK] = world.blocks[block, NEXT]
        return block
    block = world.spare[UNUSED]
    if block == world.blocks.shape[0]:
        raise RuntimeError("the diary is full")
    world.spare[UNUSED] = block + 1
    return block


@rule
def forget(world, node):
    """Take an episode out of the diary, whatever day it waits for."""
    world.episodes[node].event_day = NONE


@rule
def drain(world, heads, day, are_booked):
    """Empty a day's bucket into `world.today` and return how many episodes it held; entries left behind are dropped.

    Parameters
    ----------
    are_booked : True for the appointments of `world.visits`, False for `world.due`. An episode that left one bucket
        may by chance wait for the same day in the other: its stage tells which entry is the living one.

    Notes
    -----
    Reading a whole bucket at once lets the memory system fetch many episodes side by side: one by one, each would
    cost a journey to main memory.
    """
    n_today = 0
    block = heads[day]
    while block != NONE:
        for entry in range(FIRST, FIRST + world.blocks[block, COUNT]):
            node = world.blocks[block, entry]
            episode = world.episodes[node]
            if episode.event_day == day and (episode.stage == BOOKED) == are_booked:
                episode.event_day = NONE
                world.today[n_today] = node
                n_today += 1
        after = world.blocks[block, NEXT]
        world.blocks[block, NEXT] = world.spare[GIVEN_BACK]
        world.spare[GIVEN_BACK] = block
        block = after
    heads[day] = NONE
    return n_today


@rule
def read_ahead(world, n_today):
    """Touch the people of `world.today[:n_today]`, so that what follows finds their rows near the processor."""
    touched = 0.0
    for place in range(n_today):
        row = world.today[place] % world.patients.size
        touched += world.patients[row].need_factor
    return touched
