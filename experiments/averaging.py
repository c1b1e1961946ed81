"""How unequal are communes when chance is averaged out first?

Owns the measures of inequality over many runs: each commune is averaged over the runs, then the measures of
`abm.indicators.equity` are taken of these means. The other order (the mean of each run's index) would keep the
inequality that luck makes in every single run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from abm.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

AMOUNTS = {  # name: column of the table of communes, what each run's commune counts for, whether it is a share
    "lead_time": ("lead_time_mean_days.gp", "requests.gp", False),
    "forgone_care": ("forgone_care_share", "population", True),
    "apl": ("apl", "population", False),
    "spend": ("spend_per_head_eur", "population", False),
}
PERMUTED = ".permuted"


def equity_over_runs(communes: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the measures of inequality over communes, of the means over runs.

    Parameters
    ----------
    communes : the table of communes of each run (`communes.parquet`, `Run.communes`), all of one territory.

    Returns
    -------
    indicator (`gini.lead_time`, …), value, permuted: the same measure when people are dealt anew among the communes in
    each run, averaged in the same way; what chance still makes after so many runs. Amounts that the runs do not have
    are left out.

    Raises
    ------
    InputError
        No table, or tables of different communes.
    """
    import pandas as pd

    from abm.indicators.equity import measures

    _refuse_different(communes)
    people = np.mean([table["population"].to_numpy(np.float64) for table in communes], axis=0)
    incomes = communes[0]["median_income_eur"].to_numpy(np.float64)
    rows = []
    for name, (column, counts_for, is_share) in AMOUNTS.items():
        if all({column, column + PERMUTED} <= set(table) for table in communes):
            found, by_chance = (
                measures(mean_over_runs(communes, column + suffix, counts_for), people, incomes, is_share)
                for suffix in ("", PERMUTED)
            )
            rows += [(f"{measure}.{name}", value, by_chance[measure]) for measure, value in found.items()]
    return pd.DataFrame(rows, columns=["indicator", "value", "permuted"])


def mean_over_runs(communes: Sequence[pd.DataFrame], column: str, counts_for: str) -> NDArray[np.float64]:
    """Return the mean of a column over runs, shape (c,): each run counts as much as it has cases of a commune.

    NaN where no run has a value.
    """
    values, cases = (
        np.array([table[name].to_numpy(np.float64) for table in communes]) for name in (column, counts_for)
    )
    cases = np.where(np.isnan(values), 0.0, cases)
    total = cases.sum(axis=0)
    amount = (np.nan_to_num(values) * cases).sum(axis=0)
    return np.divide(amount, total, out=np.full(total.shape, np.nan), where=total > 0)


def _refuse_different(communes: Sequence[pd.DataFrame]) -> None:
    if not communes:
        raise InputError("no table of communes is given")
    first = communes[0]["insee"].tolist()
    for number, table in enumerate(communes[1:], start=2):
        if table["insee"].tolist() != first:
            raise InputError(f"table {number} holds other communes than the first: runs of one territory are expected")
