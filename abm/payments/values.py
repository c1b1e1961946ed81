"""What is a visit worth that does not take place: the price nobody pays any more, or the means really spared?

Owns the two values of averted care. Prices are what the ledger says; in the short run staff and buildings stay, so only
a registered share of a price (grade C) is spared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.payments.tables import Category
from abm.payments.tariffs import CENTS_A_EURO

if TYPE_CHECKING:
    import pandas as pd

    from abm.parameters import Parameters


def avoidable_shares(parameters: Parameters) -> NDArray[np.float64]:
    """Return the share of a price that is spared in the short run when care is averted, shape (categories,)."""
    return np.array([parameters[f"avoidable_share[{category.name.lower()}]"] for category in Category])


def two_values(billed_reference: NDArray, billed_policy: NDArray, parameters: Parameters) -> pd.DataFrame:
    """Return both values of the care that a policy averts, one row a category.

    Parameters
    ----------
    billed_reference, billed_policy : cents by month and category of two runs of one seed, shape (months, categories).

    Returns
    -------
    category; price_no_longer_paid_eur (negative where the policy costs more); resources_spared_eur, short run.
    """
    import pandas as pd

    saved = (billed_reference.sum(axis=0) - billed_policy.sum(axis=0)) / CENTS_A_EURO
    return pd.DataFrame(
        {
            "category": [category.name.lower() for category in Category],
            "price_no_longer_paid_eur": saved,
            "resources_spared_eur": saved * avoidable_shares(parameters),
        }
    )
