"""Members against everybody else: what a before/after study would see, and what membership truly does.

Owns the one row a person that is kept of each run of a comparison, and the contrast. A study sees members and others
under the policy (naive contrast). Under common random numbers the same people are also seen under the reference, where
nobody is a member: how members differ anyhow (selection), and what the policy changes for members and for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.pairing import interval

if TYPE_CHECKING:
    import pandas as pd

    from abm.records import Records

MEASURES = {"spend_per_head_eur": ("spend_eur", "years"), "time_to_care_days.gp": ("days", "requests")}
NAIVE, SELECTION, ON_MEMBERS, ON_OTHERS = "naive", "selection", "effect_on_members", "effect_on_others"
FEWEST = 30  # members and others: below it a mean of either says nothing
CENTS_A_EURO = 100.0
COLUMNS = ["scenario", "measure", "what", "value", "low", "high", "n", "is_seen"]


def people_table(records: Records) -> pd.DataFrame:
    """Return one row a person who lived here in the horizon.

    Returns
    -------
    columns `person` (address), `is_member` (of the care network, at the end or when last here), `years` lived,
    `spend_eur` (care, all payers), `requests` to general practice and the `days` until they were met (at most 30 each).
    """
    import pandas as pd

    from abm.indicators.counting import GP_NEED_KINDS, Run
    from abm.indicators.delays import days_to_care
    from abm.payments.builder import breaks_of, spending_years
    from abm.population import DAYS_A_YEAR

    run = Run(records)
    people, n = records.patients, records.patients.size
    since = np.maximum(np.maximum(run.lived_from, run.birth_day), run.first)
    years = np.maximum(np.minimum(run.lived_to, run.end) - since, 0) / DAYS_A_YEAR
    spend = np.zeros(n)
    if records.spend_cents.size:
        year_of = spending_years(records.setting.calendar, breaks_of(records.setting.scenario))
        inside = slice(int(year_of[run.first]), int(year_of[run.end - 1]) + 1)
        spend = records.spend_cents[inside].sum(axis=(0, 2), dtype=np.int64) / CENTS_A_EURO
    days, is_followed = days_to_care(run)
    counts = np.isin(run.requests.kind, GP_NEED_KINDS)
    counts = counts if is_followed is None else counts & is_followed
    asked = run.requests.patient[counts]
    rows = pd.DataFrame(
        {
            "person": people.person.astype(np.int32),
            "is_member": people.is_enrolled == 1,
            "years": years.astype(np.float32),
            "spend_eur": spend.astype(np.float32),
            "requests": np.bincount(asked, minlength=n).astype(np.int16),
            "days": np.bincount(asked, days[counts], n).astype(np.float32),
        }
    )
    return rows[years > 0].reset_index(drop=True)


def members(
    read: Callable[[str, int], pd.DataFrame | None],
    seeds: Sequence[int],
    policies: Sequence[str],
    reference: str,
) -> pd.DataFrame:
    """Return the contrast of members and others, for the policies that have members.

    Parameters
    ----------
    read : returns the people of a scenario and seed, None where they were not kept.

    Returns
    -------
    scenario, measure, what, value, low, high, n, is_seen. `naive`: members less others under the policy; `selection`:
    the same people under the reference; `effect_on_members`, `effect_on_others`: policy less reference, same people.
    """
    import pandas as pd

    rows: list[tuple] = []
    for policy in policies:
        by_seed: list[dict[tuple[str, str], float]] = []
        for seed in seeds:
            mine = read(policy, seed)
            if mine is None or not mine["is_member"].any():
                continue
            other = read(reference, seed)
            if other is not None:
                by_seed.append(_of_pair(mine, other))
        keys = dict.fromkeys(key for found in by_seed for key in found)
        for measure, what in keys:
            found = interval([of_seed.get((measure, what), np.nan) for of_seed in by_seed])
            rows.append((policy, measure, what, found.mean, found.low, found.high, found.n, found.excludes_zero))
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_pair(mine: pd.DataFrame, other: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the contrasts of one seed, over the people who are there in both runs."""
    both = mine.merge(other, on="person", suffixes=("", "_reference"))
    is_member = both["is_member"].to_numpy(bool)
    if min(is_member.sum(), (~is_member).sum()) < FEWEST:
        return {}
    found: dict[tuple[str, str], float] = {}
    for measure, (total, number) in MEASURES.items():
        means: Mapping[tuple[bool, str], Any] = {
            (who, end): _ratio(both[total + end], both[number + end], is_member == who)
            for who in (True, False)
            for end in ("", "_reference")
        }
        found[measure, NAIVE] = means[True, ""] - means[False, ""]
        found[measure, SELECTION] = means[True, "_reference"] - means[False, "_reference"]
        found[measure, ON_MEMBERS] = means[True, ""] - means[True, "_reference"]
        found[measure, ON_OTHERS] = means[False, ""] - means[False, "_reference"]
    return found


def _ratio(total: pd.Series, number: pd.Series, who: np.ndarray) -> float:
    amount, n = float(total.to_numpy(float)[who].sum()), float(number.to_numpy(float)[who].sum())
    return amount / n if n > 0 else float("nan")


def reader(folder: Path, runs: Sequence[Mapping[str, Any]]) -> Callable[[str, int], pd.DataFrame | None]:
    """Return what reads the people of a scenario and seed of a comparison's folder."""
    import pandas as pd

    from experiments.run_tables import RUNS, people_file

    files = {(run["scenario"], run["seed"]): people_file(folder / RUNS / run["file"]) for run in runs}

    def read(scenario: str, seed: int) -> pd.DataFrame | None:
        file = files.get((scenario, seed))
        return pd.read_parquet(file) if file is not None and file.is_file() else None

    return read
