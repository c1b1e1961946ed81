"""How do evaluators estimate what a care network saves? Their usual methods, each blind to the truth.

Owns the estimators. Each sees claims (`experiments.evaluated_claims`) and a question, and says a saving in EUR a person
and year with a 95 % interval: positive means that money is saved. Libraries: statsmodels for regressions, scikit-learn
for propensity scores. They are as evaluators use them, not as good as they could be made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    Floats = NDArray[np.float64]

LEVEL_Z = 1.959963984540054  # of a 95 % interval
CALIPER = 0.2  # standard deviations of the logit: Austin 2011, doi:10.1002/pst.433
LEAST_YEARS = 1 / 12  # lived in a period, to be counted
FEWEST = 30  # members or others: below, nothing is estimated
MEMBERS, RESIDENTS = "members", "residents of communes where it opened"


@dataclass(frozen=True)
class Estimate:
    """A saving, EUR a person and year; NaN where there is nothing to estimate it from."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether it would be called significant."""
        return bool(self.low > 0.0 or self.high < 0.0)


NOTHING = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Question:
    """What is to be estimated from the claims.

    Attributes
    ----------
    frame : people alive at the landmark, with `outcome_eur` (spend a year lived after it) and `weight` (years).
    is_open : is the network open in the person's commune.
    """

    frame: pd.DataFrame
    is_open: NDArray[np.bool_]


def question(claims: pd.DataFrame, last_year: int, open_communes: NDArray[np.int64]) -> Question:
    """Return the claims as evaluators prepare them: outcome over years 2 to `last_year` of the horizon."""
    years = range(2, last_year + 1)
    spend = claims[[f"spend_eur.{year}" for year in years]].sum(axis=1).to_numpy()
    lived = claims[[f"years.{year}" for year in years]].sum(axis=1).to_numpy()
    is_counted = claims["is_there"].to_numpy() & (lived >= LEAST_YEARS)
    frame = claims[is_counted].assign(
        outcome_eur=spend[is_counted] / lived[is_counted], weight=lived[is_counted], total_eur=spend[is_counted]
    )
    return Question(frame.reset_index(drop=True), np.isin(frame["commune"].to_numpy(), open_communes))


def before_after(asked: Question) -> Estimate:
    """Members' spend in the year before less that after."""
    members = asked.frame[asked.frame["is_member"]]
    return _mean_of(members["spend_before_eur"].to_numpy() - members["outcome_eur"].to_numpy())


def members_against_others(asked: Question) -> Estimate:
    """Spend of non-members less that of members, after."""
    frame, is_member = asked.frame, asked.frame["is_member"].to_numpy()
    spend = frame["outcome_eur"].to_numpy()
    return _difference(spend[~is_member], spend[is_member])


def regression(asked: Question) -> Estimate:
    """Ordinary least squares on membership, age, sex, long-term status, diseases, spend before; robust errors (HC1)."""
    import statsmodels.api as sm

    if not _has_enough(asked.frame["is_member"].to_numpy()):
        return NOTHING
    design = np.column_stack([asked.frame["is_member"].to_numpy(float), covariates(asked.frame)])
    fitted = sm.OLS(asked.frame["outcome_eur"].to_numpy(float), sm.add_constant(design)).fit(cov_type="HC1")
    return _from(-float(fitted.params[1]), float(fitted.bse[1]))


def matching(asked: Question) -> Estimate:
    """Members against the non-members nearest in propensity, one each, with replacement, within a caliper."""
    frame, is_member = asked.frame, asked.frame["is_member"].to_numpy()
    if not _has_enough(is_member):
        return NOTHING
    members, partners = matched(frame)
    spend = frame["outcome_eur"].to_numpy()
    saved = spend[partners] - spend[members]
    # A partner used twice counts twice: pairs that share one are not independent.
    _, group = np.unique(partners, return_inverse=True)
    sums = np.bincount(group, saved - saved.mean())
    return _from(float(saved.mean()), float(np.sqrt((sums**2).sum()) / saved.size)) if saved.size >= FEWEST else NOTHING


def matched(frame: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of members and of their partners."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestNeighbors

    is_member = frame["is_member"].to_numpy()
    model = LogisticRegression(C=1e3, max_iter=500).fit(covariates(frame), is_member)
    logit = model.decision_function(covariates(frame))
    members, others = np.flatnonzero(is_member), np.flatnonzero(~is_member)
    nearest = NearestNeighbors(n_neighbors=1).fit(logit[others, None])
    distance, place = nearest.kneighbors(logit[members, None])
    is_near = distance[:, 0] <= CALIPER * logit.std()
    return members[is_near], others[place[:, 0]][is_near]


def difference_in_differences(asked: Question) -> Estimate:
    """Change of spend where the network did not open less that where it did; errors clustered by commune."""
    import statsmodels.api as sm

    frame = asked.frame
    clusters = frame["commune"].to_numpy()
    if not _has_enough(asked.is_open) or np.unique(clusters).size < 4:
        return NOTHING
    change = frame["outcome_eur"].to_numpy(float) - frame["spend_before_eur"].to_numpy(float)
    design = sm.add_constant(asked.is_open.astype(float))
    model = sm.WLS(change, design, weights=frame["weight"].to_numpy(float))
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": clusters})
    return _from(-float(fitted.params[1]), float(fitted.bse[1]))


ESTIMATORS: Mapping[str, tuple[Callable[[Question], Estimate], str]] = {
    "before/after": (before_after, MEMBERS),
    "members v. others": (members_against_others, MEMBERS),
    "regression-adjusted": (regression, MEMBERS),
    "propensity-matched": (matching, MEMBERS),
    "difference-in-differences": (difference_in_differences, RESIDENTS),
}
"""Name to the function and to whom its answer is about."""


def quality_differences(frame: pd.DataFrame) -> tuple[int, int]:
    """Return how many quality indicators differ between members and their matched partners, at 5 %, and of how many."""
    from scipy.stats import norm

    if not _has_enough(frame["is_member"].to_numpy()):
        return 0, 0
    members, partners = matched(frame)
    differing = tested = 0
    for name in (name for name in frame if str(name).startswith("quality.")):
        values = frame[name].to_numpy(float)
        one, other = values[members], values[partners]
        one, other = one[~np.isnan(one)], other[~np.isnan(other)]
        if min(one.size, other.size) < FEWEST:
            continue
        pooled = (one.sum() + other.sum()) / (one.size + other.size)
        error = math.sqrt(pooled * (1 - pooled) * (1 / one.size + 1 / other.size))
        if error == 0.0:
            continue
        tested += 1
        differing += abs(one.mean() - other.mean()) / error > norm.isf(0.025)
    return differing, tested


def mortality_ratio(claims: pd.DataFrame, *, from_landmark: bool) -> tuple[float, float, float]:
    """Return deaths of members over those expected from non-members of their age and sex, with a 95 % interval.

    Parameters
    ----------
    from_landmark : count from the landmark on, as one should; False: from the start of the horizon, when members were
        not members yet and had to stay alive to become it.
    """
    frame = claims[claims["is_there"]] if from_landmark else claims
    years = frame["years"].to_numpy() - (1.0 if from_landmark else 0.0)
    dead, is_member = frame["is_dead"].to_numpy(), frame["is_member"].to_numpy()
    cell = np.minimum(frame["age_years"].to_numpy() // 5, 18).astype(int) * 2 + frame["is_female"].to_numpy()
    size = int(cell.max(initial=0)) + 1
    others_dead, others_years = (np.bincount(cell[~is_member], v[~is_member], size) for v in (dead, years))
    rate = np.divide(others_dead, others_years, out=np.zeros(size), where=others_years > 0)
    expected = float((rate * np.bincount(cell[is_member], years[is_member], size)).sum())
    observed = float(dead[is_member].sum())
    if expected <= 0 or observed < 1:
        return math.nan, math.nan, math.nan
    spread = LEVEL_Z / math.sqrt(observed)
    return observed / expected, observed / expected * math.exp(-spread), observed / expected * math.exp(spread)


def covariates(frame: pd.DataFrame) -> Floats:
    """Return what is adjusted for, standardised: age, its powers, sex, long-term status, diseases, spend before."""
    age = frame["age_years"].to_numpy(float)
    columns = [
        age,
        age**2,
        age**3,
        np.log1p(frame["spend_before_eur"].to_numpy(float).clip(0)),
        frame["spend_before_eur"],
    ]
    columns += [frame[name] for name in frame if str(name) in ("is_female", "has_ald") or str(name).startswith("has.")]
    table = np.column_stack([np.asarray(column, float) for column in columns])
    spread = table.std(axis=0)
    return (table[:, spread > 0] - table[:, spread > 0].mean(axis=0)) / spread[spread > 0]


def _has_enough(is_treated: NDArray[np.bool_]) -> bool:
    return FEWEST <= int(is_treated.sum()) <= is_treated.size - FEWEST


def _mean_of(values: Floats) -> Estimate:
    if values.size < FEWEST:
        return NOTHING
    return _from(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size))


def _difference(one: Floats, other: Floats) -> Estimate:
    """Return the difference of two means, Welch's error."""
    if min(one.size, other.size) < FEWEST:
        return NOTHING
    error = math.sqrt(one.var(ddof=1) / one.size + other.var(ddof=1) / other.size)
    return _from(float(one.mean() - other.mean()), error)


def _from(value: float, error: float) -> Estimate:
    return Estimate(value, value - LEVEL_Z * error, value + LEVEL_Z * error)


def as_row(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as columns of a table."""
    return {"estimate_eur": estimate.value, "low_eur": estimate.low, "high_eur": estimate.high}
