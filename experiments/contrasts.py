"""What do the runs of a comparison say? Its tables: differences, money, value, attribution, thresholds, equity.

Owns the tables, made from what is kept of each run (`experiments.run_tables`); runs nothing and writes nothing. Every
difference is policy less reference, paired by seed, with a 95 % interval over replications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.break_even import thresholds
from experiments.economics import acceptability_curve, discount, net_monetary_benefit
from experiments.measures import DISCOUNT_FROM, MONEY, measures, totals_by_run
from experiments.over_time import by_year, programme, remaining
from experiments.pairing import cells_of, interaction, interval, paired_differences, shapley_values
from experiments.savings import CONTRACTS, WITH_MINIMUM, Norms, payouts
from experiments.unequal import inequality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from abm.parameters.registry import Parameters

THRESHOLDS_EUR = (0, 10_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000)
SHOWN_THRESHOLD_EUR = 50_000
DAYS_A_YEAR = 365.25
LEAST_DAYS_PER_RESIDENT = 0.1  # of quality-adjusted life: below it policies cannot be told apart
STRATA = ("commune", "age_band", "sex", "income_quintile", "has_ald", "invisible", "is_enrolled")
STRATA_INDICATORS = (
    "lead_time_mean_days.gp", "time_to_care_days.gp", "forgone_care_share", "acts_per_head.gp",
    "emergency_visits_per_head", "spend_per_head_eur", "travel_mean_minutes.gp",
)  # fmt: skip
ATTRIBUTED = ("time_to_care_days.gp", "forgone_care_share", "true_saving_eur", "net_saving_eur", "qaly")
EQUITY = ("gini", "concentration_index", "relative_index_of_inequality", "slope_index_of_inequality",
          "extreme_tenths_ratio")  # fmt: skip
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
    parameters = _parameters(facts)
    totals = totals_by_run(runs, parameters["discount_rate"])
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
        "thresholds": thresholds(shown, totals, facts, there, parameters),
        "contracts": contracts(runs, totals, facts, parameters),
        "delay": delays(totals, facts),
        "gp_equivalents": gp_equivalents(runs, facts),
        "drivers": drivers(totals, facts),
        "inequality": inequality(shown, reference, facts["territory"]),
        "by_year": by_year(shown, reference),
        "remaining": remaining(runs, totals, facts),
        "programme": programme(shown, facts),
    }
    found["economics"] = pd.concat([found["economics"], _paid_rows(found["contracts"])], ignore_index=True)
    found["equity"] = found["differences"][found["differences"]["indicator"].str.startswith(EQUITY)]
    return {name: table.reset_index(drop=True) for name, table in found.items() if len(table)}


def _paid_rows(contracts: pd.DataFrame) -> pd.DataFrame:
    """Return what each contract pays as rows of `economics`, named `shared_savings_paid_eur.kinzigtal` and so on."""
    as_written = contracts[contracts["contract"].isin([name for name in CONTRACTS if not name.endswith(WITH_MINIMUM)])]
    names = {"paid_eur": "value", "paid_low_eur": "low", "paid_high_eur": "high"}
    rows = as_written.rename(columns=names).assign(measure="shared_savings_paid_eur." + as_written["contract"])
    rows = rows.assign(is_seen=(rows["low"] > 0) | (rows["high"] < 0))
    return rows[["scenario", "measure", "value", "low", "high", "n", "is_seen"]]


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


def discounted(totals: pd.DataFrame, scenario: str, reference: str, rate: float) -> pd.DataFrame:
    """Return extra cost and extra quality-adjusted years of a scenario by seed, at their value on 1 January 2020."""
    years = totals.index.get_level_values("year").astype(float).to_numpy() + 0.5 - DISCOUNT_FROM
    now = totals[["spend_eur"]].apply(lambda column: discount(column, years, rate)).join(totals["qaly_discounted"])
    sums = now.groupby(level=["scenario", "seed"]).sum(min_count=1)
    mine, other = sums.loc[scenario].align(sums.loc[reference], join="inner", axis=0)
    extra: Any = mine - other
    return extra.rename(columns={"spend_eur": "extra_cost_eur", "qaly_discounted": "extra_qaly"})


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
            rows.append((policy, name, *cells_of(found[name])))
        days = found["qaly"] / found["person_years"] * _years(totals) * DAYS_A_YEAR
        rows.append((policy, "quality_adjusted_days_per_resident", *cells_of(days)))
        n = len(found)
        probability = float((found["net_saving_eur"] > 0).mean())
        rows.append((policy, "probability_of_saving", probability, np.nan, np.nan, n, False))
        extra = discounted(totals, policy, reference, rate)
        benefit = net_monetary_benefit(extra["extra_cost_eur"], extra["extra_qaly"], SHOWN_THRESHOLD_EUR)
        rows.append((policy, f"net_monetary_benefit_eur.{SHOWN_THRESHOLD_EUR}", *cells_of(benefit)))
        is_shown = interval(extra["extra_qaly"]).excludes_zero and abs(days.mean()) >= LEAST_DAYS_PER_RESIDENT
        ratio = float(extra["extra_cost_eur"].mean() / extra["extra_qaly"].mean()) if is_shown else np.nan
        rows.append((policy, "icer_eur", ratio, np.nan, np.nan, n, is_shown))
    return pd.DataFrame(rows, columns=["scenario", "measure", "value", "low", "high", "n", "is_seen"])


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
    from experiments.comparison_plan import parts_of

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
    rows = [("all", "total", *cells_of(values[everything] - values[none]))]
    if all(some in values for some in subsets):
        rows += [(part, "shapley", *cells_of(added)) for part, added in shapley_values(values).items()]
    if all(single in values for single in singles):
        rows += [(next(iter(single)), "alone", *cells_of(values[single] - values[none])) for single in singles]
        rows.append(("all", "interaction", *cells_of(interaction(values))))
    return rows


def contracts(
    runs: pd.DataFrame, totals: pd.DataFrame, facts: Mapping[str, Any], parameters: Parameters
) -> pd.DataFrame:
    """Return what each contract pays, what was truly saved, and what it pays where there was no effect at all.

    Returns
    -------
    scenario, contract, `paid_eur`, `truly_saved_eur`, `paid_by_chance_eur` (each with `_low` and `_high`),
    `benchmark_eur` and `actual_eur` (norm cost and cost of all residents), `quality_score`, `base_years`, `null` (the
    arm that the last column was read from: the policy without effect, or else the reference), n.
    """
    reference, rows = facts["reference"], []
    there = set(runs["scenario"])
    norms = Norms(runs, reference, parameters["coding_gain"])
    by_chance: dict[str, Any] = {}
    for policy in [name for name in facts["policies"] if name in there]:
        null = null_of(policy, facts)
        null = null if null in there else reference
        if null not in by_chance:
            by_chance[null] = payouts(runs, null, reference, parameters, norms)
        found, chance_of = payouts(runs, policy, reference, parameters, norms), by_chance[null]
        if found is None or chance_of is None:
            continue
        saved = interval(measures(totals, policy, reference)["true_saving_eur"])
        for contract in CONTRACTS:
            paid, chance = interval(found.paid_eur[contract]), interval(chance_of.paid_eur[contract])
            cells = [getattr(part, end) for part in (paid, saved, chance) for end in ("mean", "low", "high")]
            rest = (found.benchmark_eur.mean(), found.actual_eur.mean(), found.quality.mean(), found.base_years)
            rows.append((policy, contract, *cells, *rest, null, paid.n))
    names = [f"{what}{end}_eur" for what in ("paid", "truly_saved", "paid_by_chance") for end in ("", "_low", "_high")]
    more = ["benchmark_eur", "actual_eur", "quality_score", "base_years", "null", "n"]
    return pd.DataFrame(rows, columns=["scenario", "contract", *names, *more])


def null_of(policy: str, facts: Mapping[str, Any]) -> str:
    """Return the scenario that is run and paid for as a policy is and does nothing; the reference where there is none.

    A scenario that is such an arm is its own.
    """
    from abm.scenario import Scenario
    from experiments.comparison_plan import null_levers, parts_of

    scenarios = {name: Scenario.model_validate(fields) for name, fields in facts["scenarios"].items()}
    wanted = null_levers(scenarios[policy])
    for name, scenario in scenarios.items():
        levers = {key: value for part in parts_of(scenario).values() for key, value in part.items()}
        if wanted and levers == wanted and not facts["variants"].get(name, {}).get("delay"):
            return name
    return str(facts["reference"])


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
                (policy, level, name, *cells_of(found[name]))
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
    from experiments.comparison_plan import parts_of

    there = set(runs["scenario"])
    yards = [name for name, of in facts["variants"].items() if of.get("yardstick")]
    policies = [name for name in facts["policies"] if name in there]
    parts = {name: parts_of(Scenario.model_validate(facts["scenarios"][name])) for name in [*policies, *yards]}
    yard = [(name, levers[GP_LEVER]) for name, found in parts.items()
            if name in there and len(found) == 1 and GP_LEVER in (levers := next(iter(found.values())))]  # fmt: skip
    rows: list[tuple] = []
    if not yard:
        return pd.DataFrame(rows)
    kept = runs[runs["scenario"].isin([facts["reference"], *policies, yard[0][0]])]
    table = differences(kept, facts["reference"]).set_index(["indicator", "scenario"])
    for indicator in ("time_to_care_days.gp", "lead_time_mean_days.gp"):
        if (indicator, yard[0][0]) not in table.index:
            continue
        found = table.loc[(indicator, yard[0][0])]
        if not found["is_seen"]:
            continue
        one = found["difference"] / yard[0][1]
        for policy in [name for name in policies if name != yard[0][0]]:
            row = table.loc[(indicator, policy)]
            ends = sorted((row["low"] / one, row["high"] / one))
            rows.append((policy, indicator, row["difference"] / one, *ends, yard[0][0]))
    return pd.DataFrame(rows, columns=["scenario", "indicator", "general_practitioners", "low", "high", "measured_on"])


def drivers(totals: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return which uncertain parameters go with the net saving, by rank correlation over the draws, with grades."""
    from abm.parameters import load_parameters
    from experiments.uncertain_draws import drawn_parameters

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
