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

NONE = -1
BLOCK_ENTRIES = 14
NEXT, COUNT, FIRST = 0, 1, 2  # columns of a block: next block, entries in use, first entry


class Diary(NamedTuple):
    """Buckets by day and the pool of their blocks."""

    due: NDArray[np.int32]  # (t,) first block of the day's needs, requests and cancellations
    visits: NDArray[np.int32]  # (t,) first block of the day's appointments
    blocks: NDArray[np.int32]  # (b, 2 + BLOCK_ENTRIES)
    spare: NDArray[np.int32]  # (1,) first unused block


def empty_diary(n_days: int, n_episodes: int) -> Diary:
    """Return a diary with room for two entries of every episode and one block for every bucket."""
    n_blocks = 2 * n_episodes // BLOCK_ENTRIES + 4 * n_days + 1
    blocks = np.empty((n_blocks, FIRST + BLOCK_ENTRIES), np.int32)
    blocks[:, NEXT] = np.arange(1, n_blocks + 1)
    blocks[-1, NEXT] = NONE
    blocks[:, COUNT] = 0
    return Diary(np.full(n_days, NONE, np.int32), np.full(n_days, NONE, np.int32), blocks, np.zeros(1, np.int32))


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
        fresh = world.spare[0]
        if fresh == NONE:
            raise RuntimeError("the diary is full")
        world.spare[0] = world.blocks[fresh, NEXT]
        world.blocks[fresh, NEXT] = block
        world.blocks[fresh, COUNT] = 0
        heads[day] = fresh
        block = fresh
    count = world.blocks[block, COUNT]
    world.blocks[block, FIRST + count] = node
    world.blocks[block, COUNT] = count + 1


@rule
def forget(world, node):
    """Take an episode out of the diary, whatever day it waits for."""
    world.episodes[node].event_day = NONE


@rule
def take_next(world, heads, day):
    """Take the next episode out of a day's bucket; -1 when it is empty. Entries left behind are passed over."""
    block = heads[day]
    while block != NONE:
        count = world.blocks[block, COUNT]
        if count == 0:
            heads[day] = world.blocks[block, NEXT]
            world.blocks[block, NEXT] = world.spare[0]
            world.spare[0] = block
            block = heads[day]
            continue
        node = world.blocks[block, FIRST + count - 1]
        world.blocks[block, COUNT] = count - 1
        if world.episodes[node].event_day == day:
            return node
    return NONE
