"""What would the two shared-savings contracts pay in the laboratory's runs, on norm costs that an evaluator could make?

Owns the sums by cell of people (age band, sex, long-term status), the norm cost, and the margin that a contract sees. A
year's norm is what people of the same cell cost in runs without the network under other seeds, scaled by the year
before, so that it never is the paired run itself. The formulas are `experiments.contracts`. Simpler than the contracts
of a comparison: one base year, all residents, quality score 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.contracts import IpepContract, MarginContract, ipep_paid_eur, margin_paid_eur

if TYPE_CHECKING:
    import pandas as pd

    from abm.parameters.registry import Parameters
    from abm.records import Records

AGE_STARTS = (0, 15, 30, 45, 55, 65, 75, 85)
BEFORE, CONTRACTS = "before", ("kinzigtal", "ipep")
CENTS_A_EURO = 100.0
_IPEP = ("sharing_coefficient", "weight_level_gap", "weight_trend_gap")


@dataclass(frozen=True)
class Payments:
    """What the contracts see and pay in the runs of a scenario, one value a replication.

    Attributes
    ----------
    seeds : shape (replications,).
    paid_eur : by contract, EUR over the horizon.
    margin_share : improvement of the margin over norm cost, losses too; what Kinzigtal's contract is about.
    """

    seeds: tuple[int, ...]
    paid_eur: dict[str, NDArray[np.float64]]
    margin_share: NDArray[np.float64]


def norm_table(records: Records) -> pd.DataFrame:
    """Return years lived and EUR spent (all payers of care) by cell of people and year; period "before": the warm-up.

    Long-term status is that of the end of the run: the records hold no other. It is coded morbidity as the contracts
    use it, one year late at most in their case; here it favours policies that detect more disease.
    """
    import pandas as pd

    from abm.payments.builder import breaks_of, spending_years
    from abm.population import DAYS_A_YEAR
    from abm.state import NEVER, Status

    columns = ["table", "name", "kind", "stratum", "period", "value", "n"]
    setting, people = records.setting, records.patients
    if not records.spend_cents.size:
        return pd.DataFrame(columns=columns)
    year_of = spending_years(setting.calendar, breaks_of(setting.scenario))[: setting.last_day]
    spend = records.spend_cents.sum(axis=2, dtype=np.int64)
    rows: list[tuple] = []
    came = np.where(people.status == Status.EXPECTED, setting.last_day, np.maximum(people.since, people.birth_day))
    gone = np.where(people.gone_on == NEVER, setting.last_day, people.gone_on)
    for year in np.unique(year_of):
        days = np.flatnonzero(year_of == year)
        first, end = int(days[0]), int(days[-1]) + 1
        if first >= setting.end_of_horizon:
            continue
        is_before = first < setting.first_reported_day
        label = BEFORE if is_before else str(setting.calendar.date(first).year)
        lived = np.clip(np.minimum(gone, end) - np.maximum(came, first), 0, None) / DAYS_A_YEAR
        age = ((first + end) // 2 - people.birth_day) / DAYS_A_YEAR
        band = np.searchsorted(AGE_STARTS, np.clip(age, 0, None), side="right") - 1
        cell = (band * 2 + people.is_female) * 2 + people.has_ald
        n_cells = 4 * len(AGE_STARTS)
        n_people = np.bincount(cell, lived > 0, n_cells).astype(int)
        sums = {"person_years": np.bincount(cell, lived, n_cells)}
        sums["spend_eur"] = np.bincount(cell, spend[year], n_cells) / CENTS_A_EURO
        rows += [
            ("norm", name, "cell", str(c), label, float(values[c]), int(n_people[c]))
            for name, values in sums.items()
            for c in range(n_cells)
            if n_people[c]
        ]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(columns[:5], as_index=False, sort=False)[["value", "n"]].sum()


def payments(runs: pd.DataFrame, scenario: str, reference: str, parameters: Parameters) -> Payments | None:
    """Return what both contracts would pay for the runs of a scenario.

    Parameters
    ----------
    runs : rows of `norm_table` with columns scenario and seed.
    reference : its runs under other seeds say what people of each cell cost.

    Returns
    -------
    None where it cannot be computed: fewer than two runs of the reference, or no year before.

    Notes
    -----
    Kinzigtal [N031]: norm less actual cost of all residents; the margin of the base year is zero by the scaling. IPEP
    [N024-N026, N029]: for all residents, level against the norm and trend against the year before.
    """
    cells = runs.pivot_table(index=["scenario", "seed", "period", "stratum"], columns="name", values="value")
    if cells.empty or BEFORE not in set(runs["period"]):
        return None
    cells = cells.fillna(0.0)
    seeds = sorted(set(runs.loc[runs["scenario"] == scenario, "seed"]))
    others = {seed: sorted(set(runs.loc[runs["scenario"] == reference, "seed"]) - {seed}) for seed in seeds}
    if not seeds or any(not there for there in others.values()):
        return None
    years = [period for period in dict.fromkeys(runs["period"]) if period != BEFORE]
    margin = MarginContract(parameters["gk_sharing_share_company"], base_years=1)
    ipep = IpepContract(*(parameters[f"ipep_{name}"] for name in _IPEP))
    paid: dict[str, list[float]] = {name: [] for name in CONTRACTS}
    margins = []
    for seed in seeds:
        rates = _rates(cells, reference, others[seed])
        lived, spend, norms = _amounts(cells, scenario, seed, rates, (BEFORE, *years))
        expected = norms * (spend[0] / norms[0])
        kinzigtal = margin_paid_eur(margin, expected[1:], spend[1:], expected[:1], spend[:1])
        per_head, expected_per_head = spend / lived, expected / lived
        french = ipep_paid_eur(
            ipep, lived[1:], expected_per_head[1:], per_head[1:], expected_per_head[:-1], per_head[:-1]
        )
        paid["kinzigtal"].append(float(kinzigtal.sum()))
        paid["ipep"].append(float(french.sum()))
        margins.append(float((expected[1:] - spend[1:]).sum() / expected[1:].sum()))
    found = {name: np.array(values) for name, values in paid.items()}
    return Payments(tuple(int(seed) for seed in seeds), found, np.array(margins))


def _rates(cells: pd.DataFrame, reference: str, seeds: Sequence[int]) -> pd.Series:
    """Return mean EUR a year lived by period and cell over some runs of the reference."""
    found = cells.loc[[reference]]
    found = found[found.index.get_level_values("seed").isin(list(seeds))]
    sums = found.groupby(level=["period", "stratum"]).sum()
    return sums["spend_eur"] / sums["person_years"].where(sums["person_years"] > 0)


def _amounts(
    cells: pd.DataFrame, scenario: str, seed: int, rates: pd.Series, periods: Sequence[str]
) -> tuple[NDArray, NDArray, NDArray]:
    """Return years lived, EUR spent and norm EUR of a run by period; cells unknown to the others cost what they did."""
    run: Any = cells.loc[(scenario, seed)]
    norm = (run["person_years"] * rates.reindex(run.index)).fillna(run["spend_eur"])
    by_period = [(run["person_years"].loc[p].sum(), run["spend_eur"].loc[p].sum(), norm.loc[p].sum()) for p in periods]
    lived, spend, norms = np.array(by_period, float).T
    return lived, spend, norms
