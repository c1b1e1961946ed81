"""What does it take for a policy to pay for itself, and is that within what may be supposed?

Owns the table of thresholds: reach, effect, saving and the worth of a day of delay at which an action breaks even,
beside what the runs give and what the registry holds for possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.measures import measures
from experiments.pairing import interval

if TYPE_CHECKING:
    from abm.parameters.registry import Parameters

RATIOS = ("risk ratio", "rate ratio", "hazard ratio")
#: What each policy does, by its parameters: how much stronger or weaker it may be than supposed.
EFFECTS = {
    "network": ("network_follow_up_gain[rising]", "network_follow_up_gain[high]", "network_medication_review_sd"),
    "education": ("etp_hba1c_effect_6m", "etp_hf_admission_RR[hf, model prior]"),
    "telemonitoring": ("telemonitoring_hf_admission_RR",),
    "tele_expertise": ("telexpertise_avoided_visit_share",),
}


def thresholds(
    runs: pd.DataFrame, totals: pd.DataFrame, facts: Mapping[str, Any], policies: Sequence[str], parameters: Parameters
) -> pd.DataFrame:
    """Return how large reach, effect, a saving or the worth of a day of delay must be for a policy to pay for itself.

    Returns
    -------
    scenario, what, unit, break_even, found, low, high, plausible_low, plausible_high: what is needed, what the runs
    give with its interval, and what the registry holds for possible; NaN where it says nothing. `break_even` is NaN
    where no amount is enough (no saving to multiply, no day of delay gained).
    """
    reference = facts["reference"]
    rows: list[tuple] = []
    for policy in policies:
        found = measures(totals, policy, reference)
        if found.empty:
            continue
        cost, saving = float(found["action_cost_eur"].mean()), float(found["true_saving_eur"].mean())
        people = float(found["person_years"].mean())
        per_head = found["true_saving_eur"] / found["person_years"]
        spend = float(totals.loc[reference].groupby(level="seed")["spend_eur"].sum().mean()) / people
        prior = [-share * spend for share in _range("network_cost_effect_year5plus")[::-1]]
        if cost > 0:
            needed = cost / people
            rows.append((policy, "saving_per_resident_year", "EUR/person/year", needed, interval(per_head), prior))
            factor = cost / saving if saving > 0 else np.nan
            strength = _strength_range(facts["scenarios"][policy])
            rows.append((policy, "factor_on_the_effect", "times", factor, interval(np.ones(len(found))), strength))
        rows += _reach_rows(runs, policy, reference, found)
        days = _days_gained(runs, policy, reference)
        net_cost = max(0.0, -float(found["net_saving_eur"].mean()))  # 0: it pays without
        worth = net_cost / float(days.mean()) if len(days) and days.mean() > 0 else np.nan
        worths = _range("worth_of_a_day_of_delay_eur")
        rows.append((policy, "eur_per_day_of_delay", "EUR/day", worth, interval(days), worths))
        gain = interval(found["qaly"])
        needed = net_cost / gain.mean if gain.mean > 0 else np.nan
        rows.append((policy, "eur_per_qaly", "EUR/QALY", needed, gain, _range("worth_of_a_qaly_eur")))
    cells = [(*row[:4], row[4].mean, row[4].low, row[4].high, *row[5]) for row in rows]
    columns = ["scenario", "what", "unit", "break_even", "found", "low", "high", "plausible_low", "plausible_high"]
    return pd.DataFrame(cells, columns=columns)


def _range(name: str) -> list[float]:
    from abm.parameters import load_parameters

    row = load_parameters().entry(name)
    return [float("nan") if end is None else float(end) for end in (row.low, row.high)]


def _strength_range(fields: Mapping[str, Any]) -> list[float]:
    """Return how much weaker and stronger than supposed a scenario's effects may be, by the registry."""
    from abm.parameters import load_parameters
    from abm.scenario import Scenario
    from experiments.comparison_plan import parts_of

    families = [EFFECTS[name] for name in parts_of(Scenario.model_validate(fields)) if name in EFFECTS]
    ratios = []
    for row in (load_parameters().entry(name) for names in families for name in names):
        nothing = 1.0 if row.unit in RATIOS else 0.0
        low, usual, high = (abs(float(end or 0.0) - nothing) for end in (row.low, row.value, row.high))
        ratios += [low / usual, high / usual] if usual else []
    return [min(ratios), max(ratios)] if ratios else [float("nan")] * 2


def _reach_rows(runs: pd.DataFrame, policy: str, reference: str, found: pd.DataFrame) -> list[tuple]:
    """Return the reach at which a network pays for itself: what a member saves, less what he costs, against the rest.

    Only what is paid by the member varies with reach; the plan of the action does not.
    """
    reached = _indicator(runs, "enrolled_share").get(policy)
    running = _indicator(runs, "programme_cost_eur.compulsory").get(policy)
    if reached is None or running is None or not (reached > 0).any():
        return []
    fixed = float((found["action_cost_eur"] - running).mean())
    per_reach = float((found["true_saving_eur"] - running).mean()) / float(reached.mean())
    needed = fixed / per_reach if per_reach > 0 else np.nan
    return [(policy, "reach", "share", needed, interval(reached), _range("bass_M_ceiling"))]


def _indicator(runs: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """Return the values of an indicator over everybody and the horizon, by scenario and seed."""
    rows = runs[(runs["table"] == "indicator") & (runs["name"] == name) & (runs["kind"] == "all")]
    rows = rows[rows["period"] == "all"]
    return {str(scenario): part.set_index("seed")["value"] for scenario, part in rows.groupby("scenario", sort=False)}


def _days_gained(runs: pd.DataFrame, policy: str, reference: str) -> pd.Series:
    """Return the days of delay of general practice that a policy takes off all requests together, by seed."""
    rows = runs[(runs["table"] == "indicator") & (runs["name"] == "time_to_care_days.gp") & (runs["kind"] == "all")]
    rows = rows[rows["period"] == "all"].set_index(["scenario", "seed"])
    there = set(rows.index.get_level_values("scenario"))
    if not {policy, reference} <= there:
        return pd.Series(dtype=float)
    mine, other = rows.loc[policy], rows.loc[reference]
    return ((other["value"] - mine["value"]) * other["n"]).dropna()
