"""The order of the day, as data: each step beside the function that is it.

Owns `SCHEDULE` and nothing else; `territoire schedule` prints it and the model runs it, line by line. Steps that later
parts of the model bring (hospital, disease, demography, decisions, payments) take their place in this list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from abm.agents.decisions import decide
from abm.agents.demography import live_a_month
from abm.agents.education import hold_education
from abm.agents.health import look_after_health
from abm.agents.needs import collect_needs, grow_older
from abm.agents.payments import settle
from abm.agents.seeking import seek_care
from abm.agents.stays import receive, return_beds
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
    rule : compiled function of (world, day); of (model, day) where professionals decide.
    is_decision : True for the rules of Mesa agents, which small worlds without a model leave out.
    meaning : one sentence for a reader.
    """

    number: int
    name: str
    rule: Callable[..., None]
    meaning: str
    is_decision: bool = False


SCHEDULE: tuple[Step, ...] = (
    Step(1, "calendar", open_day, "yesterday's time is gone; reserves that are due open to everybody"),
    Step(2, "beds", return_beds, "those whose stay ends leave hospital; beds are free, follow-up is asked for"),
    Step(3, "needs", collect_needs, "needs and cancellations of the day; requests are put in an addressed order"),
    Step(4, "seeking", seek_care, "each request meets its offers: books, tries later, goes to emergency, does without"),
    Step(4, "elsewhere", non_residents_ask, "people from elsewhere book with the local specialists"),
    Step(5, "visits", hold_visits, "appointments are held or missed; next visits and referrals follow"),
    Step(6, "hospital", receive, "who asks for a bed is admitted, sent on where none is free, or sent home"),
    Step(7, "health", look_after_health, "each chronically ill person once in 30 days: control, events, new cases"),
    Step(8, "ageing", grow_older, "four times a year: those who have entered another age band need care at its rates"),
    Step(
        8, "demography", live_a_month, "monthly: births, deaths, arrivals, departures; years of life in their quality"
    ),
    Step(9, "decisions", decide, "monthly: doctors retire, are replaced, are recruited", is_decision=True),
    Step(
        9,
        "education",
        hold_education,
        "monthly: programmes of patient education end, and offer their places to those seen in the month",
        is_decision=True,
    ),
    Step(11, "payments", settle, "what was done is billed at the price of its day and shared between payers"),
)

#: The steps that need no more than a world: those of compiled rules.
RULES_OF_THE_DAY: tuple[Step, ...] = tuple(step for step in SCHEDULE if not step.is_decision)


def live_one_day(world: World, day: int) -> None:
    """Run every compiled step of a day, in order."""
    for step in RULES_OF_THE_DAY:
        step.rule(world, day)
