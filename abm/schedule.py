"""The order of the day, as data: each step beside the function that is it.

Owns `SCHEDULE` and nothing else; `territoire schedule` prints it and the model runs it, line by line. Steps that later
parts of the model bring (hospital, disease, demography, decisions, payments) take their place in this list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from abm.agents.needs import collect_needs, grow_older
from abm.agents.seeking import seek_care
from abm.agents.visits import hold_visits
from abm.environment.agenda import open_day
from abm.environment.outside_demand import non_residents_ask
from abm.state import World


@dataclass(frozen=True)
class Step:
    """One step of the day.

    Attributes
    ----------
    number : its place in the day (ODD 3).
    name : as printed.
    rule : compiled function of (world, day).
    meaning : one sentence for a reader.
    """

    number: int
    name: str
    rule: Callable[..., None]
    meaning: str


SCHEDULE: tuple[Step, ...] = (
    Step(1, "calendar", open_day, "yesterday's time is gone; reserves that are due open to everybody"),
    Step(3, "needs", collect_needs, "needs and cancellations of the day; requests are put in an addressed order"),
    Step(4, "seeking", seek_care, "each request meets its offers: books, tries later, goes to emergency, does without"),
    Step(4, "elsewhere", non_residents_ask, "people from elsewhere book with the local specialists"),
    Step(5, "visits", hold_visits, "appointments are held or missed; next visits and referrals follow"),
    Step(8, "ageing", grow_older, "four times a year: those who have entered another age band need care at its rates"),
)


def live_one_day(world: World, day: int) -> None:
    """Run every step of a day, in order."""
    for step in SCHEDULE:
        step.rule(world, day)
