"""How much life does a policy give, told from hazards rather than from who happened to die?

Owns what is kept of a run about deaths and the life after them, and the expected value of quality-adjusted life. Few
deaths differ between two runs of one seed, and each carries years with it: drawn deaths tell almost nothing. So each
run's drawn deaths are exchanged for the sum of its hazards: a death more than expected gives back what it took, a death
less takes what it left. As expected deaths are the exact compensator of drawn ones, this changes no mean, only noise.

Life is counted to the end of the horizon, and beyond it what survivors have ahead of them at their age and sex: death
rates of the country's life table and the norms of quality of life [O001-O004], alike under every policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from abm.parameters.registry import Parameters
    from abm.records import Records

Floats = NDArray[np.float64]
COLUMNS = ("table", "name", "kind", "stratum", "period", "value", "n")


def life_ahead(deaths_per_year: Floats, quality: Floats, rate_per_year: float) -> Floats:
    """Return the quality-adjusted years ahead of a person by completed age, shape (ages,), at their value then.

    Parameters
    ----------
    deaths_per_year, quality : death rate and utility by completed age, shape (ages,); the last age goes on for ever.
    rate_per_year : of discounting, 0 or more.

    Notes
    -----
    From the last age down: A(a) = q(a) L(a) + exp(-(m(a) + r)) A(a + 1), L the discounted time lived within the year,
    (1 - exp(-(m + r))) / (m + r), r the continuous rate.
    """
    force = np.asarray(deaths_per_year, float) + np.log1p(rate_per_year)
    lived = np.where(force > 0, -np.expm1(-force) / np.where(force > 0, force, 1.0), 1.0)
    ahead = np.empty(force.size)
    ahead[-1] = quality[-1] / force[-1]
    for age in range(force.size - 2, -1, -1):
        ahead[age] = quality[age] * lived[age] + np.exp(-force[age]) * ahead[age + 1]
    return ahead


def tables_ahead(parameters: Parameters, rate_per_year: float) -> Floats:
    """Return the quality-adjusted years ahead by completed age and sex (men, women), shape (121, 2)."""
    from abm.life_tables import AGES, death_rates, utility_norms

    norms = utility_norms(parameters, AGES, np.zeros(AGES.size))  # of the population, disease included
    rates = death_rates(parameters)
    return np.column_stack([life_ahead(rates[:, sex], norms, rate_per_year) for sex in range(rates.shape[1])])


def totals_table(records: Records) -> pd.DataFrame:
    """Return rows of table "total" by year of the horizon, columns `COLUMNS`.

    Names: `person_years`, `qaly` (lived), `deaths`, `expected_deaths`, `qaly_ahead` (of those still alive, at the end
    of the horizon or when they left, in that year), `qaly_lost` (ahead of those who died, on their last day); the last
    two also `…_discounted` to that moment. Months are counted at their ends: a horizon without one has no row.
    """
    import pandas as pd

    from abm.indicators.counting import Run
    from abm.indicators.vital import vital_by_year
    from abm.population import DAYS_A_YEAR
    from abm.state import Vital

    run = Run(records)
    amounts, _ = vital_by_year(run)
    columns = {
        "person_years": amounts[:, Vital.ALIVE] / DAYS_A_YEAR,
        "qaly": amounts[:, Vital.QALY],
        "deaths": amounts[:, Vital.DEATHS],
        "expected_deaths": amounts[:, Vital.EXPECTED_DEATHS],
    }
    parameters = records.setting.parameters
    for suffix, rate in (("", 0.0), ("_discounted", parameters["discount_rate"])):
        ahead, lost = _ahead(run, tables_ahead(parameters, rate))
        columns |= {f"qaly_ahead{suffix}": ahead, f"qaly_lost{suffix}": lost}
    rows = [
        ("total", name, "all", "all", label, float(value), 0)
        for name, values in columns.items()
        for label, value, alive in zip(run.years.labels, values, amounts[:, Vital.ALIVE], strict=True)
        if alive > 0
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _ahead(run, table: Floats) -> tuple[Floats, Floats]:  # type: ignore[no-untyped-def]
    """Return by year the life ahead of those who end it alive or move away, and that of the dead, shape (years,) each.

    The people of the start and those who arrive count; the newborn of the run do not.
    """
    from abm.agents.demography import FOUNDERS
    from abm.life_tables import AGES
    from abm.population import DAYS_A_YEAR
    from abm.state import NEVER, Status

    people = run.records.patients
    n_years = len(run.years.labels)
    counts = (people.status != Status.EXPECTED) & (people.person < FOUNDERS) & (people.since < run.end)
    has_gone = (people.gone_on != NEVER) & (people.gone_on < run.end)
    day = np.where(has_gone, people.gone_on, run.end - 1)
    counts &= day >= run.first
    age = np.clip(((day - people.birth_day) / DAYS_A_YEAR).astype(int), 0, AGES[-1])
    worth = table[age, people.is_female]
    year = run.years.of_day[np.clip(day, run.first, run.end - 1)]
    is_dead = counts & has_gone & (people.status == Status.DEAD)
    alive = counts & ~is_dead
    ahead, lost = (np.bincount(year[who], worth[who], n_years)[:n_years] for who in (alive, is_dead))
    return ahead, lost
