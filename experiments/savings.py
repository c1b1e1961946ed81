"""What would the two shared-savings contracts pay on the runs of a comparison, beside what was truly saved?

Owns the norm cost: a regression of EUR a year on age, sex, long-term status and diseases as coded the year before
(`experiments.claims`), fitted on runs of the reference under *other* seeds, so never on the paired run, and scaled by
the years before the policy (base-year ratio). The formulas are `experiments.contracts`. Each contract is told as if it
were the only one: both are never paid on one patient and year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.claims import ALL, BEFORE, IPEP, IPEP_BEFORE
from experiments.contracts import IpepContract, MarginContract, ipep_paid_eur, margin_paid_eur, quality_score

if TYPE_CHECKING:
    import pandas as pd

    from abm.parameters.registry import Parameters

Floats = NDArray[np.float64]

KINZIGTAL, FRENCH = "kinzigtal", "ipep"
WITH_MINIMUM = "_minimum"
#: Each contract as it is written, and with a minimum savings rate [N028].
CONTRACTS = (KINZIGTAL, FRENCH, KINZIGTAL + WITH_MINIMUM, FRENCH + WITH_MINIMUM)
MOST_BASE_YEARS = 3
LEAST_OF_A_YEAR = 0.5  # of the longest base year: a shorter piece of a year is none
#: Quality by indicators that a run reports, all better when lower; beside them what patients say.
QUALITY = ("avoidable_admissions_per_1000", "heart_failure_no_cardiologist_share", "forgone_care_share")
EXPERIENCE = "patient_experience"
_IPEP = {"sharing_coefficient": "sharing_coefficient", "level_weight": "weight_level_gap",
         "trend_weight": "weight_trend_gap"}  # fmt: skip


@dataclass(frozen=True)
class Payouts:
    """What the contracts pay, EUR over the horizon, one value a replication.

    Attributes
    ----------
    scenario : of whose runs.
    seeds : shape (replications,).
    paid_eur : by contract, shape (replications,).
    benchmark_eur, actual_eur : norm cost and cost of all residents over the horizon, shape (replications,).
    quality : score of the French contract, mean over years, shape (replications,).
    base_years : whole years before the policy that the margin is held against.
    """

    scenario: str
    seeds: tuple[int, ...]
    paid_eur: dict[str, Floats]
    benchmark_eur: Floats
    actual_eur: Floats
    quality: Floats
    base_years: int


class Norms:
    """The sums of all runs of a comparison, ready for norm costs.

    Parameters
    ----------
    runs : as `experiments.run_tables.read_runs` returns it; rows of tables "norm" and "indicator" are used.
    reference : its runs say what people cost.
    coding_gain : by which coded morbidity rises in all other scenarios, without any illness [EV001].
    """

    def __init__(self, runs: pd.DataFrame, reference: str, coding_gain: float = 0.0) -> None:
        self.reference, self.coding_gain = reference, coding_gain
        norm = runs[runs["table"] == "norm"]
        self.periods = sorted(set(norm["period"]), key=lambda label: (not label.startswith(BEFORE), label))
        self.names = list(dict.fromkeys(norm.loc[norm["name"] == "features", "stratum"]))
        keys = ["scenario", "seed", "period", "kind", "name"]
        self._tables: dict[tuple, Any] = {}
        for key, rows in norm.groupby(keys, sort=False):
            values = dict(zip(rows["stratum"], rows["value"], strict=True))
            self._tables[key] = values
        self.seeds_of = {name: sorted(set(rows["seed"])) for name, rows in norm.groupby("scenario")}
        self._fits: dict[tuple, Floats] = {}

    def base_periods(self, scenario: str, seed: int) -> list[str]:
        """Return the last three whole years before the policy, or what there is of the only one."""
        before = [label for label in self.periods if label.startswith(BEFORE)]
        lived = {label: self.sum(scenario, seed, label, ALL, "person_years") for label in before}
        longest = max(lived.values(), default=0.0)
        return [label for label in before if lived[label] >= LEAST_OF_A_YEAR * longest][-MOST_BASE_YEARS:]

    def sum(self, scenario: str, seed: int, period: str, group: str, name: str) -> float:
        """Return years lived or EUR spent; 0 where there is nobody."""
        return float(self._tables.get((scenario, seed, period, group, name), {}).get("all", 0.0))

    def norm(self, scenario: str, seed: int, period: str, group: str, of: str | None = None) -> float:
        """Return the norm cost of a group before scaling, EUR; `of`: the period whose prices of morbidity count."""
        features = self._tables.get((scenario, seed, period, group, "features"), {})
        counts = np.array([features.get(name, 0.0) for name in self.names])
        if self.coding_gain and scenario != self.reference and not (of or period).startswith(BEFORE):
            is_coded = np.array([not name[0].isdigit() for name in self.names])
            counts = counts * np.where(is_coded, 1.0 + self.coding_gain, 1.0)
        return float(counts @ self._fit(seed, of or period))

    def _fit(self, seed: int, period: str) -> Floats:
        """Return EUR a year of each feature in the reference's runs under other seeds: weighted least squares."""
        if (seed, period) not in self._fits:
            k = len(self.names)
            moments, products = np.zeros((k, k)), np.zeros(k)
            for other in self.seeds_of[self.reference]:
                if other == seed:
                    continue
                pairs = self._tables.get((self.reference, other, period, ALL, "moments"), {})
                spend = self._tables.get((self.reference, other, period, ALL, "products"), {})
                for i, name in enumerate(self.names):
                    products[i] += spend.get(name, 0.0)
                    for j in range(i, k):
                        value = pairs.get(f"{name}|{self.names[j]}", 0.0)
                        moments[i, j] += value
                        moments[j, i] += value if i != j else 0.0
            self._fits[seed, period] = np.linalg.lstsq(moments, products, rcond=1e-10)[0]
        return self._fits[seed, period]


def payouts(
    runs: pd.DataFrame,
    scenario: str,
    reference: str,
    parameters: Parameters,
    norms: Norms | None = None,
) -> Payouts | None:
    """Return what both contracts would pay for the runs of a scenario.

    Parameters
    ----------
    runs : as `experiments.run_tables.read_runs` returns it.
    norms : of these runs, where they are there already.

    Returns
    -------
    None where it cannot be computed: fewer than two runs of the reference, or no years before the policy.

    Notes
    -----
    Norm of a year: years lived by feature at the EUR a year of each feature in the other runs, times what the base
    years cost over their own norm. Kinzigtal [N031]: all residents, margin against the mean of the base years. IPEP
    [N024-N026, N029]: the patients of the practices of the network (of all practices where there is no network), level
    against the norm and trend of the same people against the year before, in proportion to the quality score, nothing
    below the gate [EV002-EV006].
    """
    norms = norms or Norms(runs, reference, parameters["coding_gain"])
    years = [label for label in norms.periods if not label.startswith(BEFORE)]
    seeds = norms.seeds_of.get(scenario, [])
    others = norms.seeds_of.get(reference, [])
    if not years or any(not set(others) - {seed} for seed in seeds) or not seeds:
        return None
    if any(not norms.base_periods(scenario, seed) for seed in seeds):
        return None
    quality = _Quality(runs, reference, parameters)
    found = [_of_run(norms, quality, scenario, int(seed), years, parameters) for seed in seeds]
    return Payouts(
        scenario,
        tuple(int(seed) for seed in seeds),
        {name: np.array([paid[name] for paid, *_ in found]) for name in CONTRACTS},
        benchmark_eur=np.array([norm for _, norm, _, _ in found]),
        actual_eur=np.array([spend for _, _, spend, _ in found]),
        quality=np.array([score for *_, score in found]),
        base_years=len(norms.base_periods(scenario, seeds[0])),
    )


def _of_run(
    norms: Norms, quality: _Quality, scenario: str, seed: int, years: Sequence[str], parameters: Parameters
) -> tuple[dict[str, float], float, float, float]:
    """Return what each contract pays for a run, its norm cost and cost, EUR, and its quality."""
    base = norms.base_periods(scenario, seed)
    base_spend = np.array([norms.sum(scenario, seed, label, ALL, "spend_eur") for label in base])
    base_norm = np.array([norms.norm(scenario, seed, label, ALL) for label in base])
    scale = base_spend.sum() / base_norm.sum()
    spend = np.array([norms.sum(scenario, seed, label, ALL, "spend_eur") for label in years])
    norm = scale * np.array([norms.norm(scenario, seed, label, ALL) for label in years])
    scores = np.array([quality.of(scenario, seed, label) for label in years])
    paid: dict[str, float] = {}
    for suffix, minimum in (("", 0.0), (WITH_MINIMUM, parameters["mssp_minimum_savings_rate"])):
        margin = MarginContract(parameters["gk_sharing_share_company"], minimum, base_years=len(base))
        paid[KINZIGTAL + suffix] = float(margin_paid_eur(margin, norm, spend, scale * base_norm, base_spend).sum())
        french = IpepContract(**{name: parameters[f"ipep_{row}"] for name, row in _IPEP.items()},
                              minimum_savings_share=minimum)  # fmt: skip
        amounts = _french_amounts(norms, scenario, seed, years, base[-1], scale)
        paid[FRENCH + suffix] = float(np.nansum(ipep_paid_eur(french, *amounts, scores)))
    return paid, float(norm.sum()), float(spend.sum()), float(scores.mean())


def _french_amounts(
    norms: Norms, scenario: str, seed: int, years: Sequence[str], last_base: str, scale: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return patients, and EUR a patient expected and observed, then the same of the year before, by year."""
    rows = []
    for year, earlier in zip(years, [last_base, *years[:-1]], strict=True):
        lived = norms.sum(scenario, seed, year, IPEP, "person_years")
        lived_before = norms.sum(scenario, seed, year, IPEP_BEFORE, "person_years")
        if lived == 0.0 or lived_before == 0.0:
            continue
        rows.append(
            (
                lived,
                scale * norms.norm(scenario, seed, year, IPEP) / lived,
                norms.sum(scenario, seed, year, IPEP, "spend_eur") / lived,
                scale * norms.norm(scenario, seed, year, IPEP_BEFORE, of=earlier) / lived_before,
                norms.sum(scenario, seed, year, IPEP_BEFORE, "spend_eur") / lived_before,
            )
        )
    columns = np.zeros((len(years), 5))
    columns[:, 1:] = np.nan
    columns[len(years) - len(rows) :] = np.array(rows).reshape(-1, 5)  # a network begins, and then there are patients
    n, expected, observed, expected_before, observed_before = columns.T
    return n, expected, observed, expected_before, observed_before


class _Quality:
    """Quality scores: the reference is taken for the median territory [EV004]."""

    def __init__(self, runs: pd.DataFrame, reference: str, parameters: Parameters) -> None:
        rows = runs[(runs["table"] == "indicator") & (runs["kind"] == "all")]
        rows = rows[rows["name"].isin((*QUALITY, EXPERIENCE))]
        self._values = rows.set_index(["scenario", "seed", "period", "name"])["value"].to_dict()
        usual = rows[(rows["scenario"] == reference) & (rows["period"] == "all")].groupby("name")["value"].mean()
        self._usual: Mapping[str, float] = {str(name): value for name, value in usual.items() if value > 0}
        normal, spread = NormalDist(), parameters["quality_variation_between_territories"]
        self._bounds = [
            spread * normal.inv_cdf(parameters[f"ipep_quality_{name}_quantile"]) for name in ("intermediate", "target")
        ]
        self._most_points = parameters["ipep_quality_experience_points"]
        self._least = parameters["ipep_quality_least_score"]

    def of(self, scenario: str, seed: int, year: str) -> float:
        """Return the score of a run in a year, 0 below the gate; 100 where a run reports no quality."""
        known = {name: self._values.get((scenario, seed, year, name)) for name in (*QUALITY, EXPERIENCE)}
        gains = [1.0 - value / self._usual[name] for name in QUALITY
                 if (value := known[name]) is not None and np.isfinite(value) and name in self._usual]  # fmt: skip
        if not gains:
            return 100.0
        low, high = self._bounds
        said = known[EXPERIENCE]
        points = self._most_points * (said if said is not None and np.isfinite(said) else 0.0)
        score = quality_score(gains, [low] * len(gains), [high] * len(gains), points)
        return score if score >= self._least else 0.0
