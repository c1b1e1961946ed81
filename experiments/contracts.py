"""Shared-savings contracts: what each would pay on given norm and actual costs, whatever truly was saved.

Owns two formulas as their contracts state them, and nothing about runs: Gesundes Kinzigtal's margin for all insured
residents of an area, members or not, and the French incentive for shared care (IPEP) for the patients registered with
member practices. Their constants are rows N013 to N031 of the parameter registry and come in as arguments. Never pay
both on the same patient and year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class MarginContract:
    """The contract of Gesundes Kinzigtal.

    Attributes
    ----------
    company_share : of the improvement that goes to the management company, 0-1 [N031].
    minimum_savings_share : of the norm cost; below it nothing is paid, above it all of it counts [N028]; 0: no minimum.
    base_years : years before the contract whose mean margin is the base.
    """

    company_share: float
    minimum_savings_share: float = 0.0
    base_years: int = 3

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1 and a base of no years."""
        _share(self.company_share, "company_share")
        _share(self.minimum_savings_share, "minimum_savings_share")
        if self.base_years < 1:
            raise ValueError(f"base_years: found {self.base_years}, expected at least 1")


@dataclass(frozen=True)
class IpepContract:
    """The French incentive for shared care (incitation à une prise en charge partagée).

    Attributes
    ----------
    sharing_coefficient : of the gain that is paid [N024].
    level_weight, trend_weight : of the two gaps; they sum to 1 [N025, N026].
    minimum_savings_share : of expected spend; a gain below it pays nothing [N028]; 0 as in the contract.
    """

    sharing_coefficient: float
    level_weight: float
    trend_weight: float
    minimum_savings_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1 and weights that do not sum to 1."""
        for name in ("sharing_coefficient", "level_weight", "trend_weight", "minimum_savings_share"):
            _share(getattr(self, name), name)
        if abs(self.level_weight + self.trend_weight - 1.0) > 1e-3:
            raise ValueError(f"weights {self.level_weight} and {self.trend_weight}: expected a sum of 1")


def _share(value: float, name: str) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name}: found {value}, expected 0 to 1")


def margin_paid_eur(
    contract: MarginContract, norm_eur: ArrayLike, actual_eur: ArrayLike, base_norm_eur: ArrayLike, base_eur: ArrayLike
) -> NDArray[np.float64]:
    """Return what the margin contract pays the company each year, EUR, shape (years,).

    Parameters
    ----------
    norm_eur, actual_eur : norm cost and actual cost of all insured residents by contract year, shape (years,).
    base_norm_eur, base_eur : the same in the years before, shape (base_years,).

    Notes
    -----
    Margin = norm - actual; improvement = margin - mean margin of the base years, at the present number of people by
    way of the norm cost; paid = share * max(0, improvement).
    """
    norm, actual = np.asarray(norm_eur, float), np.asarray(actual_eur, float)
    base_norm, base = np.asarray(base_norm_eur, float), np.asarray(base_eur, float)
    if base_norm.size != contract.base_years:
        raise ValueError(f"{base_norm.size} base years, expected {contract.base_years}")
    base_margin_share = ((base_norm - base) / base_norm).mean()
    improvement = (norm - actual) - base_margin_share * norm
    counts = improvement >= contract.minimum_savings_share * norm
    return np.where(counts, contract.company_share * np.maximum(0.0, improvement), 0.0)


def ipep_paid_eur(
    contract: IpepContract,
    n_patients: ArrayLike,
    expected_eur: ArrayLike,
    observed_eur: ArrayLike,
    expected_before_eur: ArrayLike,
    observed_before_eur: ArrayLike,
    quality_score: ArrayLike = 100.0,
) -> NDArray[np.float64]:
    """Return what the French contract pays a group of practices for a year, EUR, shape of the arguments broadcast.

    Parameters
    ----------
    n_patients : registered with the practices of the group.
    expected_eur, observed_eur : spend a patient in the year, risk-adjusted and as it was.
    expected_before_eur, observed_before_eur : the same in the year before.
    quality_score : 0 to 100 (more with points for patient experience count as 100); the gain is paid in proportion,
        an assumption: the official link is a picture that could not be read.

    Notes
    -----
    level gain = expected - observed; trend gain = expected rise - observed rise; paid = patients * coefficient *
    (level weight * max(0, level gain) + trend weight * max(0, trend gain)). Losses are set to zero [N029], so it pays
    by chance alone.
    """
    expected, observed = np.asarray(expected_eur, float), np.asarray(observed_eur, float)
    level = expected - observed
    trend = (expected - np.asarray(expected_before_eur, float)) - (observed - np.asarray(observed_before_eur, float))
    gain = contract.level_weight * np.maximum(0.0, level) + contract.trend_weight * np.maximum(0.0, trend)
    gain = np.where(gain >= contract.minimum_savings_share * expected, gain, 0.0)
    quality = np.clip(np.asarray(quality_score, float), 0.0, 100.0) / 100.0
    return np.asarray(n_patients, float) * contract.sharing_coefficient * gain * quality


def quality_score(
    rates: ArrayLike, intermediate: ArrayLike, target: ArrayLike, experience_points: float = 0.0
) -> float:
    """Return the quality score of a group, 0 to 120.

    Parameters
    ----------
    rates : its quality indicators, shape (indicators,), higher is better.
    intermediate, target : third and eighth decile of territories [N030], shape (indicators,).
    experience_points : 0 to 20, for what patients say.

    Notes
    -----
    Each indicator scores 0 below the intermediate target, 100 at the target, in proportion between.
    """
    if not 0.0 <= experience_points <= 20.0:
        raise ValueError(f"experience_points: found {experience_points}, expected 0 to 20")
    low, high = np.asarray(intermediate, float), np.asarray(target, float)
    if (high <= low).any():
        raise ValueError("each target must lie above its intermediate target")
    points = np.clip((np.asarray(rates, float) - low) / (high - low), 0.0, 1.0)
    return float(100.0 * points.mean() + experience_points)
