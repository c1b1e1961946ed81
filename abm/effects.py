"""What interventions do to people: one table, intervention by channel by person, and one function that composes it.

Owns `World.effects`, `health.shift` and `health.event_ratio`. An intervention says what it does to whom through
`Effects.set`; it never writes into the day. Where several meet on one channel, the strongest acts in full and the
others to a part (`effect_overlap`), so that effects shown one by one in trials are not simply added up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.state import Effect

if TYPE_CHECKING:
    from abm.state import World

NEUTRAL = {
    Effect.FOLLOW_UP_RATIO: 1.0,
    Effect.TELE_EXPERTISE_SHARE: 0.0,
    Effect.PRIORITY_SHARE: 0.0,
    Effect.DISCHARGE_SHARE: 0.0,
    Effect.DEATH_RATIO: 1.0,
    Effect.AVOIDABLE_RATIO: 1.0,
}
SHIFT, EVENT_RATIO = "shift", "event_ratio"
RATIOS = (Effect.FOLLOW_UP_RATIO, Effect.DEATH_RATIO, Effect.AVOIDABLE_RATIO, EVENT_RATIO)
BOUNDS: dict[object, tuple[float, float]] = {
    Effect.FOLLOW_UP_RATIO: (0.1, 10.0),
    Effect.TELE_EXPERTISE_SHARE: (0.0, 1.0),
    Effect.PRIORITY_SHARE: (0.0, 1.0),
    Effect.DISCHARGE_SHARE: (0.0, 1.0),
    Effect.DEATH_RATIO: (0.0, 1.0),
    Effect.AVOIDABLE_RATIO: (0.0, 1.0),
    SHIFT: (-np.inf, 0.0),
    EVENT_RATIO: (0.0, 1.0),
}

#: Rules look at a person's value only where somebody's is not neutral: the others cost no journey to memory.
FLAGS = {
    "has_tele_expertise": Effect.TELE_EXPERTISE_SHARE,
    "has_priority": Effect.PRIORITY_SHARE,
    "has_death_ratio": Effect.DEATH_RATIO,
    "has_avoidable_ratio": Effect.AVOIDABLE_RATIO,
}


def neutral_effects(n_people: int) -> NDArray[np.float32]:
    """Return effects that change nothing, shape (n, len(Effect))."""
    return np.repeat(np.array([[NEUTRAL[effect] for effect in Effect]], np.float32), n_people, axis=0)


def compose(values: list[NDArray[np.float64]], overlap: float, *, is_ratio: bool) -> NDArray[np.float64]:
    """Return what several effects on one channel come to together, shape (n,).

    Parameters
    ----------
    values : one array a source, shape (n,) each; at least one.
    overlap : 0-1, how much of the weaker ones counts.
    is_ratio : ratios multiply (neutral 1), other effects add up (neutral 0).

    Notes
    -----
    The one furthest from neutral counts in full, each other one to the power of `overlap` (ratios) or times `overlap`.
    """
    if len(values) == 1:
        return np.asarray(values[0], float)
    distances = [np.log(np.maximum(each, 1e-12)) if is_ratio else np.asarray(each, float) for each in values]
    strongest = total = distances[0]
    for distance in distances[1:]:
        strongest = np.where(np.abs(distance) > np.abs(strongest), distance, strongest)
        total = total + distance
    total = strongest + overlap * (total - strongest)
    return np.exp(total) if is_ratio else total


class Effects:
    """What each intervention does to each person at present.

    Parameters
    ----------
    n_people : rows of patients.
    conditions : names of the diseases, in the order of their bits.
    overlap : see `compose`.
    """

    def __init__(self, n_people: int, conditions: tuple[str, ...], overlap: float) -> None:
        if not 0.0 <= overlap <= 1.0:
            raise ValueError(f"overlap: found {overlap}, expected 0 to 1")
        self.n_people, self.conditions, self.overlap = n_people, conditions, overlap
        self._table: dict[tuple[object, str], dict[str, NDArray[np.float64]]] = {}
        self._stale: set[tuple[object, str]] = set()

    def set(self, source: str, channel: Effect | str, values: ArrayLike, condition: str = "") -> None:
        """Say what an intervention does on a channel; it replaces what the same one said before.

        Parameters
        ----------
        source : name of the intervention.
        channel : an `Effect`, or "shift" (taken off control, <= 0) and "event_ratio" (of events, 0-1) of a condition.
        values : shape (n,).
        condition : name of a disease, for "shift" and "event_ratio".

        Raises
        ------
        ValueError
            An unknown channel or condition, another shape, a value outside the channel's bounds.
        """
        if channel not in BOUNDS:
            raise ValueError(f"unknown channel {channel!r}, expected one of {[str(name) for name in BOUNDS]}")
        if (channel in (SHIFT, EVENT_RATIO)) != bool(condition) or (condition and condition not in self.conditions):
            raise ValueError(f"channel {channel!r}: found condition '{condition}', expected one of {self.conditions}")
        array = np.array(values, float)
        low, high = BOUNDS[channel]
        if array.shape != (self.n_people,) or not ((array >= low) & (array <= high)).all():
            raise ValueError(f"channel {channel!r}: expected shape ({self.n_people},), values {low:g} to {high:g}")
        sources = self._table.setdefault((channel, condition), {})
        if source not in sources or not np.array_equal(sources[source], array):
            sources[source] = array
            self._stale.add((channel, condition))

    def apply(self, world: World) -> None:
        """Write what all interventions come to into the columns that the rules read; what nobody touched stays."""
        for channel, condition in sorted(self._stale, key=str):
            sources = self._table[channel, condition]
            values = compose([sources[name] for name in sorted(sources)], self.overlap, is_ratio=channel in RATIOS)
            if len(sources) > 1:  # one alone is within the bounds, or `set` had refused it
                values = np.clip(values, *BOUNDS[channel])
            if isinstance(channel, Effect):
                world.effects[:, channel] = values
            else:
                column = world.health[str(channel)].reshape(self.n_people, len(self.conditions))
                column[:, self.conditions.index(condition)] = values
        for flag, channel in FLAGS.items():
            if (channel, "") in self._stale:
                world.rules[flag] = float((world.effects[:, channel] != NEUTRAL[channel]).any())
        self._stale.clear()
