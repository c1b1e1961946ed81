"""What do the runs of a comparison say? Its tables: differences, money, value, attribution, thresholds, equity.

Owns the tables, made from what is kept of each run (`experiments.run_tables`); runs nothing and writes nothing. Every
difference is policy less reference, paired by seed, with a 95 % interval over replications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.economics import acceptability_curve, discount, net_monetary_benefit
from experiments.pairing import interaction, interval, paired_differences, shapley_values
from experiments.savings import CONTRACTS, payouts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from abm.parameters.registry import Parameters

DISCOUNT_FROM = 2020.0  # 1 January
THRESHOLDS_EUR = (0, 10_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000)
SHOWN_THRESHOLD_EUR = 50_000
DAYS_A_YEAR = 365.25
LEAST_DAYS_PER_RESIDENT = 0.1  # of quality-adjusted life: below it policies cannot be told apart
STRATA = ("commune", "age_band", "sex", "income_quintile", "has_ald", "invisible", "epci", "is_enrolled")
STRATA_INDICATORS = (
    "lead_time_mean_days.gp", "time_to_care_days.gp", "forgone_care_share", "acts_per_head.gp",
    "emergency_visits_per_head", "spend_per_head_eur", "travel_mean_minutes.gp",
)  # fmt: skip
ATTRIBUTED = ("time_to_care_days.gp", "forgone_care_share", "true_saving_eur", "net_saving_eur", "qaly")
EQUITY = ("gini", "concentration_index", "relative_index_of_inequality", "slope_index_of_inequality",
          "extreme_tenths_ratio")  # fmt: skip
MONEY = ("true_saving_eur", "action_cost_eur", "net_saving_eur", "resource_saving_eur")
MOST_DRIVERS, FEWEST_FOR_DRIVERS = 12, 10
GP_LEVER = "gp_recruited"


def tables(runs: pd.DataFrame, facts: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Return every table of a comparison that its runs allow, by name.

    Parameters
    ----------
    runs : as `experiments.run_tables.read_runs` returns it.
    facts : of `comparison.json`.
    """
    reference, policies = facts["reference"], list(facts["policies"])
    there = [name for name in policies if name in set(runs["scenario"])]
    shown = runs[runs["scenario"].isin([reference, *there])]
    totals = totals_by_run(runs)
    parameters = _parameters(facts)
    found = {
        "differences": differences(shown, reference),
        "strata": strata(shown, reference),
        "budget": money(shown, reference, "paid", ["stratum", "period"]),
        "payers": money(shown, reference, "paid", ["stratum"]),
        "categories": money(shown, reference, "paid", ["name"]),
        "accounts": money(shown, reference, "received", ["kind", "stratum"]),
        "economics": economics(totals, reference, there, parameters),
        "plane": plane(totals, reference, there, parameters),
        "acceptability": acceptability(totals, reference, there, parameters),
        "attribution": attribution(runs, totals, facts),
        "thresholds": thresholds(shown, totals, reference, there),
        "contracts": contracts(runs, totals, reference, there, parameters),
        "delay": delays(totals, facts),
        "gp_equivalents": gp_equivalents(shown, facts),
        "drivers": drivers(totals, facts),
    }
    found["equity"] = found["differences"][found["differences"]["indicator"].str.startswith(EQUITY)]
    return {name: table.reset_index(drop=True) for name, table in found.items() if len(table)}


def _parameters(facts: Mapping[str, Any]) -> Parameters:
    from abm.parameters import load_parameters

    return load_parameters().with_values(facts["scenarios"][facts["reference"]]["parameters"])


# --- access, use, health ------------------------------------------------------------------------------------------


def differences(runs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return the differences of every indicator over everybody and the whole horizon."""
    rows = runs[(runs["table"] == "indicator") & (runs["kind"] == "all") & (runs["period"] == "all")]
    rows = rows[np.isfinite(rows["value"])]  # a ratio to nothing has no difference
    return paired_differences(rows.rename(columns={"name": "indicator"}), reference)


def strata(runs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return the differences of some indicators for communes, ages, incomes, …: who gains, who loses."""
    rows = runs[(runs["table"] == "indicator") & runs["kind"].isin(STRATA) & runs["name"].isin(STRATA_INDICATORS)]
    rows = rows[(rows["period"] == "all") & np.isfinite(rows["value"])].rename(columns={"name": "indicator"})
    return paired_differences(rows, reference, by=("indicator", "kind", "stratum"))


# --- money --------------------------------------------------------------------------------------------------------


def money(runs: pd.DataFrame, reference: str, table: str, by: Sequence[str]) -> pd.DataFrame:
    """Return the differences of EUR paid or received over the horizon, at the prices of the day, not discounted.

    Parameters
    ----------
    table : "paid" or "received".
    by : what amounts are put together by: name (category), kind, stratum (payer or account), period (year).
    """
    rows = runs[runs["table"] == table]
    if rows.empty:
        return pd.DataFrame()
    sums = rows.pivot_table(index=list(by), columns=["scenario", "seed"], values="value", aggfunc="sum", fill_value=0.0)
    stacked: Any = sums.stack(["scenario", "seed"], future_stack=True)
    values = stacked.rename("value").reset_index().dropna(subset=["value"])
    words = {"name": "category", "period": "year", "stratum": "payer" if table == "paid" else "account"}
    return paired_differences(values.rename(columns=words), reference, by=[words.get(name, name) for name in by])


def totals_by_run(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what each run comes to, by scenario, seed and year.

    Returns
    -------
    index scenario, seed, year; columns `spend_eur` (all payers, the action's own cost included), `action_eur`,
    `resource_eur`, `person_years`, `qaly`, `expected_deaths`; NaN where a run folder does not tell.
    """
    keys = ["scenario", "seed", "period"]
    paid = runs[runs["table"] == "paid"]
    columns = {
        "spend_eur": paid.groupby(keys)["value"].sum(),
        "action_eur": paid[paid["name"] == "action"].groupby(keys)["value"].sum(),
        "resource_eur": runs[runs["table"] == "resource"].groupby(keys)["value"].sum(),
    }
    rest = runs[runs["table"] == "total"].pivot_table(index=keys, columns="name", values="value", aggfunc="sum")
    table = pd.DataFrame(columns).join(rest, how="outer").rename_axis(["scenario", "seed", "year"])
    for name in ("person_years", "qaly", "expected_deaths"):
        if name not in table:
            table[name] = np.nan
    return table.fillna({"action_eur": 0.0})


def measures(totals: pd.DataFrame, scenario: str, reference: str) -> pd.DataFrame:
    """Return the paired economic results of a scenario, one row a seed.

    Returns
    -------
    `true_saving_eur` (spend on care of the reference less that of the policy, all payers), `action_cost_eur` (booked to
    the action itself), `net_saving_eur` (their difference: every cost in the books is in it), `resource_saving_eur`
    (resources really spared in the short run, less the action), `qaly` (gained), `person_years` (of the reference).
    """
    if scenario not in totals.index.get_level_values("scenario"):
        return pd.DataFrame()
    sums = totals.groupby(level=["scenario", "seed"]).sum(min_count=1)
    mine, other = sums.loc[scenario].align(sums.loc[reference], join="inner", axis=0)
    gone = other - mine
    return pd.DataFrame(
        {
            "true_saving_eur": gone["spend_eur"] - gone["action_eur"],
            "action_cost_eur": -gone["action_eur"],
            "net_saving_eur": gone["spend_eur"],
            "resource_saving_eur": gone["resource_eur"],
            "qaly": -gone["qaly"],
            "person_years": other["person_years"],
        }
    )


def discounted(totals: pd.DataFrame, scenario: str, reference: str, rate: float) -> pd.DataFrame:
    """Return extra cost and extra quality-adjusted years of a scenario by seed, at their value on 1 January 2020."""
    years = totals.index.get_level_values("year").astype(float).to_numpy() + 0.5 - DISCOUNT_FROM
    now = totals[["spend_eur", "qaly"]].apply(lambda column: discount(column, years, rate))
    sums = now.groupby(level=["scenario", "seed"]).sum(min_count=1)
    mine, other = sums.loc[scenario].align(sums.loc[reference], join="inner", axis=0)
    extra: Any = mine - other
    return extra.rename(columns={"spend_eur": "extra_cost_eur", "qaly": "extra_qaly"})


def economics(totals: pd.DataFrame, reference: str, policies: Sequence[str], parameters: Parameters) -> pd.DataFrame:
    """Return savings and value of each policy.

    Returns
    -------
    scenario, measure, value, low, high, n, is_seen. `probability_of_saving` is the share of replications with a net
    saving above 0; `icer_eur` has a value only where the interval of the gain in quality-adjusted life excludes 0 and
    the gain is at least 0.1 day a resident; net monetary benefit always.
    """
    rate = parameters["discount_rate"]
    rows: list[tuple] = []
    for policy in policies:
        found = measures(totals, policy, reference)
        if found.empty:
            continue
        for name in (*MONEY, "qaly"):
            rows.append((policy, name, *_cells(found[name])))
        days = found["qaly"] / found["person_years"] * _years(totals) * DAYS_A_YEAR
        rows.append((policy, "quality_adjusted_days_per_resident", *_cells(days)))
        n = len(found)
        probability = float((found["net_saving_eur"] > 0).mean())
        rows.append((policy, "probability_of_saving", probability, np.nan, np.nan, n, False))
        extra = discounted(totals, policy, reference, rate)
        benefit = net_monetary_benefit(extra["extra_cost_eur"], extra["extra_qaly"], SHOWN_THRESHOLD_EUR)
        rows.append((policy, f"net_monetary_benefit_eur.{SHOWN_THRESHOLD_EUR}", *_cells(benefit)))
        is_shown = interval(extra["extra_qaly"]).excludes_zero and abs(days.mean()) >= LEAST_DAYS_PER_RESIDENT
        ratio = float(extra["extra_cost_eur"].mean() / extra["extra_qaly"].mean()) if is_shown else np.nan
        rows.append((policy, "icer_eur", ratio, np.nan, np.nan, n, is_shown))
    return pd.DataFrame(rows, columns=["scenario", "measure", "value", "low", "high", "n", "is_seen"])


def _cells(values: Any) -> tuple[float, float, float, int, bool]:
    found = interval(values)
    return found.mean, found.low, found.high, found.n, found.excludes_zero


def _years(totals: pd.DataFrame) -> int:
    return totals.index.get_level_values("year").nunique()


def plane(totals: pd.DataFrame, reference: str, policies: Sequence[str], parameters: Parameters) -> pd.DataFrame:
    """Return extra cost and effect of each replication, discounted: the cost-effectiveness plane."""
    rate = parameters["discount_rate"]
    parts = [discounted(totals, policy, reference, rate).reset_index().assign(scenario=policy) for policy in policies]
    columns = ["scenario", "seed", "extra_cost_eur", "extra_qaly"]
    return pd.concat(parts)[columns].dropna() if parts else pd.DataFrame(columns=columns)


def acceptability(
    totals: pd.DataFrame, reference: str, policies: Sequence[str], parameters: Parameters
) -> pd.DataFrame:
    """Return how often each strategy (the reference too) is worth most, by what a quality-adjusted year is worth."""
    points = plane(totals, reference, policies, parameters)
    seeds = set.intersection(*(set(group["seed"]) for _, group in points.groupby("scenario"))) if len(points) else set()
    if len(seeds) < 2:
        return pd.DataFrame()
    kept = points[points["seed"].isin(seeds)].sort_values("seed")
    zeros = np.zeros(len(seeds))
    costs: dict[str, NDArray] = {reference: zeros}
    effects: dict[str, NDArray] = {reference: zeros}
    for policy, group in kept.groupby("scenario", sort=False):
        costs[str(policy)] = group["extra_cost_eur"].to_numpy()
        effects[str(policy)] = group["extra_qaly"].to_numpy()
    return acceptability_curve(costs, effects, THRESHOLDS_EUR)


# --- which lever, how much more, under which contract -------------------------------------------------------------


def attribution(runs: pd.DataFrame, totals: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return what each policy of a scenario with several adds, and what they do together beyond their sum.

    Returns
    -------
    scenario, outcome, part, method ("shapley" where every subset was run, "alone" where only the single ones were;
    "interaction": all together less the sum of each alone; "total"), value, low, high, n, is_seen.
    """
    from abm.scenario import Scenario
    from experiments.comparing import parts_of

    parts = {name: parts_of(Scenario.model_validate(fields)) for name, fields in facts["scenarios"].items()
             if not facts["variants"].get(name, {}).get("delay")}  # fmt: skip
    by_levers = {_frozen(found): name for name, found in parts.items()}
    by_levers[frozenset()] = facts["reference"]
    rows = []
    for policy in facts["policies"]:
        mine = parts.get(policy, {})
        if len(mine) < 2 or parts.get(facts["reference"]):
            continue
        subsets = _subsets(mine)
        names = {some: by_levers.get(_frozen({part: mine[part] for part in some})) for some in subsets}
        for outcome in ATTRIBUTED:
            values = _outcomes(runs, totals, facts["reference"], outcome, {s: n for s, n in names.items() if n})
            rows += [(policy, outcome, *row) for row in _attributed(values, frozenset(mine), subsets)]
    return pd.DataFrame(rows, columns=["scenario", "outcome", "part", "method", "value", "low", "high", "n", "is_seen"])


def _frozen(parts: Mapping[str, Mapping[str, Any]]) -> frozenset:
    return frozenset((lever, value) for levers in parts.values() for lever, value in levers.items())


def _subsets(parts: Mapping[str, Any]) -> list[frozenset[str]]:
    from itertools import combinations

    return [frozenset(some) for size in range(len(parts) + 1) for some in combinations(sorted(parts), size)]


def _outcomes(
    runs: pd.DataFrame, totals: pd.DataFrame, reference: str, outcome: str, names: Mapping[frozenset[str], str]
) -> dict[frozenset[str], NDArray]:
    """Return the outcome of each subset over the seeds that all of them have."""
    if outcome in (*MONEY, "qaly"):
        series = {some: measures(totals, name, reference).get(outcome) for some, name in names.items()}
    else:
        rows = runs[(runs["table"] == "indicator") & (runs["name"] == outcome) & (runs["kind"] == "all")]
        values: Any = rows[rows["period"] == "all"].set_index(["scenario", "seed"])["value"]
        there = set(values.index.get_level_values("scenario"))
        series = {some: values.loc[name] if name in there else None for some, name in names.items()}
    known = {some: found.dropna() for some, found in series.items() if found is not None and len(found)}
    if not known:
        return {}
    seeds = sorted(set.intersection(*(set(found.index) for found in known.values())))
    return {some: found.loc[seeds].to_numpy(float) for some, found in known.items()} if seeds else {}


def _attributed(
    values: Mapping[frozenset[str], NDArray], everything: frozenset[str], subsets: Sequence[frozenset[str]]
) -> list[tuple]:
    none, singles = frozenset[str](), [frozenset({part}) for part in sorted(everything)]
    if none not in values or everything not in values:
        return []
    rows = [("all", "total", *_cells(values[everything] - values[none]))]
    if all(some in values for some in subsets):
        rows += [(part, "shapley", *_cells(added)) for part, added in shapley_values(values).items()]
    if all(single in values for single in singles):
        rows += [(next(iter(single)), "alone", *_cells(values[single] - values[none])) for single in singles]
        rows.append(("all", "interaction", *_cells(interaction(values))))
    return rows


def thresholds(runs: pd.DataFrame, totals: pd.DataFrame, reference: str, policies: Sequence[str]) -> pd.DataFrame:
    """Return how large a saving, an effect or the worth of a day of delay must be for a policy to pay for itself.

    Returns
    -------
    scenario, what, unit, break_even, found, low, high: what is needed beside what the runs give with its interval.
    `break_even` is NaN where no amount is enough (no saving to multiply, no day of delay gained).
    """
    rows = []
    for policy in policies:
        found = measures(totals, policy, reference)
        if found.empty:
            continue
        cost, saving = float(found["action_cost_eur"].mean()), float(found["true_saving_eur"].mean())
        people = float(found["person_years"].mean())
        per_head = interval(found["true_saving_eur"] / found["person_years"])
        rows.append((policy, "saving_per_resident_year", "EUR/person/year", cost / people, per_head))
        factor = cost / saving if saving > 0 else np.nan
        rows.append((policy, "factor_on_the_effect", "times", factor, interval(np.ones(len(found)))))
        days = _days_gained(runs, policy, reference)
        net_cost = -float(found["net_saving_eur"].mean())
        worth = net_cost / float(days.mean()) if len(days) and days.mean() > 0 else np.nan
        rows.append((policy, "eur_per_day_of_delay", "EUR/day", worth, interval(days)))
        gain = interval(found["qaly"])
        rows.append((policy, "eur_per_qaly", "EUR/QALY", net_cost / gain.mean if gain.mean > 0 else np.nan, gain))
    cells = [(*row[:4], row[4].mean, row[4].low, row[4].high) for row in rows]
    return pd.DataFrame(cells, columns=["scenario", "what", "unit", "break_even", "found", "low", "high"])


def _days_gained(runs: pd.DataFrame, policy: str, reference: str) -> pd.Series:
    """Return the days of delay of general practice that a policy takes off all requests together, by seed."""
    rows = runs[(runs["table"] == "indicator") & (runs["name"] == "time_to_care_days.gp") & (runs["kind"] == "all")]
    rows = rows[rows["period"] == "all"].set_index(["scenario", "seed"])
    there = set(rows.index.get_level_values("scenario"))
    if not {policy, reference} <= there:
        return pd.Series(dtype=float)
    mine, other = rows.loc[policy], rows.loc[reference]
    return ((other["value"] - mine["value"]) * other["n"]).dropna()


def contracts(
    runs: pd.DataFrame, totals: pd.DataFrame, reference: str, policies: Sequence[str], parameters: Parameters
) -> pd.DataFrame:
    """Return what each contract pays, what was truly saved, and what it pays where nothing was done at all."""
    rows = []
    by_chance = payouts(runs, reference, reference, parameters)
    for policy in policies:
        found = payouts(runs, policy, reference, parameters)
        if found is None or by_chance is None:
            continue
        saved = interval(measures(totals, policy, reference)["true_saving_eur"])
        for contract in CONTRACTS:
            paid, chance = interval(found.paid_eur[contract]), interval(by_chance.paid_eur[contract])
            cells = (paid.mean, paid.low, paid.high, saved.mean, saved.low, saved.high, chance.mean, chance.low,
                     chance.high, paid.n)  # fmt: skip
            rows.append((policy, contract, *cells))
    names = [f"{what}{end}_eur" for what in ("paid", "truly_saved", "paid_by_chance") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["scenario", "contract", *names, "n"])


def delays(totals: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return savings and health with no harm by delay, the likely one, and the highest in the registry."""
    variants = {(of["of"], of["delay"]): name for name, of in facts["variants"].items() if "delay" in of}
    if not variants:
        return pd.DataFrame()
    reference, rows = facts["reference"], []
    for policy in facts["policies"]:
        pairs = {"none": "none", "likely": None, "high": "high"}
        for level, key in pairs.items():
            mine = policy if key is None else variants.get((policy, key), policy)
            other = reference if key is None else variants.get((reference, key), reference)
            if other not in totals.index.get_level_values("scenario"):
                continue
            found = measures(totals, mine, other)
            rows += [
                (policy, level, name, *_cells(found[name]))
                for name in ("true_saving_eur", "net_saving_eur", "qaly")
                if len(found)
            ]
    columns = ["scenario", "harm_by_delay", "measure", "value", "low", "high", "n", "is_seen"]
    return pd.DataFrame(rows, columns=columns)


def gp_equivalents(runs: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return how many general practitioners recruited would do the same to delays, where a scenario recruits some.

    On the line through none and those recruited; a scenario that only recruits must be among those compared.
    """
    from abm.scenario import Scenario
    from experiments.comparing import parts_of

    there = set(runs["scenario"])
    parts = {name: parts_of(Scenario.model_validate(facts["scenarios"][name])) for name in facts["policies"]}
    yard = [(name, levers[GP_LEVER]) for name, found in parts.items()
            if name in there and len(found) == 1 and GP_LEVER in (levers := next(iter(found.values())))]  # fmt: skip
    rows: list[tuple] = []
    if not yard:
        return pd.DataFrame(rows)
    table = differences(runs, facts["reference"]).set_index(["indicator", "scenario"])
    for indicator in ("time_to_care_days.gp", "lead_time_mean_days.gp"):
        if (indicator, yard[0][0]) not in table.index:
            continue
        found = table.loc[(indicator, yard[0][0])]
        if not found["is_seen"]:
            continue
        one = found["difference"] / yard[0][1]
        for policy in there - {facts["reference"], yard[0][0]}:
            row = table.loc[(indicator, policy)]
            ends = sorted((row["low"] / one, row["high"] / one))
            rows.append((policy, indicator, row["difference"] / one, *ends, yard[0][0]))
    return pd.DataFrame(rows, columns=["scenario", "indicator", "general_practitioners", "low", "high", "measured_on"])


def drivers(totals: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return which uncertain parameters go with the net saving, by rank correlation over the draws, with grades."""
    from abm.parameters import load_parameters
    from experiments.comparing import drawn_parameters

    if not facts["is_uncertain"] or facts["replications"] < FEWEST_FOR_DRIVERS:
        return pd.DataFrame()
    fixed = {name for scenario in facts["scenarios"].values() for name in scenario["parameters"]}
    registry, rows = load_parameters(), []
    for policy in facts["policies"]:
        saving = measures(totals, policy, facts["reference"])
        if saving.empty or saving["net_saving_eur"].nunique() < 2:
            continue
        draws = pd.DataFrame({seed: drawn_parameters(int(seed)) for seed in saving.index}).T
        draws = draws.drop(columns=[name for name in fixed if name in draws])
        found = draws.rank().corrwith(saving["net_saving_eur"].rank())
        for name in found.abs().sort_values(ascending=False).index[:MOST_DRIVERS]:
            entry = registry.entry(name)
            rows.append((policy, name, found[name], entry.grade, entry.unit, entry.low, entry.high, entry.source))
    columns = ["scenario", "parameter", "rank_correlation", "grade", "unit", "low", "high", "source"]
    return pd.DataFrame(rows, columns=columns)
