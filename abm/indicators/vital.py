"""How many people live here, are born, die, come and go, and how good is their life?

Owns the indicators of demography. They read what was counted at the end of each month: a month belongs to the period in
which it ends, so a horizon that is cut in the midst of a month leaves that month out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abm.indicators.counting import ALL, Block, Floats, Run, ratio, with_whole
from abm.population import DAYS_A_YEAR
from abm.state import Vital

PER_PEOPLE = 1000.0
RATES = {
    "births_per_1000": Vital.BIRTHS,
    "deaths_per_1000": Vital.DEATHS,
    "expected_deaths_per_1000": Vital.EXPECTED_DEATHS,
    "arrivals_per_1000": Vital.ARRIVALS,
    "departures_per_1000": Vital.DEPARTURES,
}


def vital(run: Run) -> Iterator[Block]:
    """Yield population (mean over the period), births, deaths, moves per 1,000 person-years, and quality of life.

    `expected_deaths_per_1000` sums everybody's probability of dying instead of drawn deaths: differences between two
    policies show in it long before they show in deaths. `qaly_per_head` is the mean utility of the time lived. `n` is
    the number of people, rounded.
    """
    amounts, days = vital_by_year(run)
    lived = with_whole(amounts[None, :, Vital.ALIVE]) / DAYS_A_YEAR
    people = ratio(lived * DAYS_A_YEAR, with_whole(days[None, :]))
    n = np.nan_to_num(people).round().astype(np.int64)

    def block(name: str, unit: str, value: Floats) -> Block:
        return Block(name, unit, ALL, (ALL,), value, n)

    yield block("population", "people", people)
    for name, column in RATES.items():
        yield block(name, "per 1,000/year", ratio(PER_PEOPLE * with_whole(amounts[None, :, column]), lived))
    yield block("qaly_per_head", "QALY/person/year", ratio(with_whole(amounts[None, :, Vital.QALY]), lived))


def vital_by_year(run: Run) -> tuple[Floats, Floats]:
    """Return the columns of `Vital`, shape (years, columns), and the days of the months that they hold, (years,)."""
    month_of = run.setting.calendar.month_index
    ends = np.flatnonzero(np.diff(month_of))
    ends = ends[(ends >= run.first) & (ends < run.end)]
    year = run.years.of_day[ends]
    months = month_of[ends]
    amounts = np.zeros((len(run.years.labels), len(Vital)))
    np.add.at(amounts, year, run.records.vital[months])
    days = np.bincount(year, np.bincount(month_of)[months], len(run.years.labels))
    return amounts, days
