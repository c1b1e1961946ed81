"""What is the matter with health in this territory, and where to begin? The local health diagnosis.

Owns its order and its folder: the runs (a comparison in `comparison/`), the tables of the diagnosis as CSV, the facts
in `diagnosis.json`. What territories' data say comes from `experiments.territories`, what runs say from
`experiments.comparing`, the ranking from `experiments.ranking`; the report is `experiments.diagnosis_report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from abm.errors import InputError
from abm.scenario import Scenario, list_scenarios, load_scenario
from experiments.comparing import DESIGN, analyse, compare, read_facts
from experiments.comparison_plan import parts_of
from experiments.pairing import interval
from experiments.ranking import potential, ranking
from experiments.run_tables import RUNS, read_runs
from experiments.store import write_csv, write_json
from experiments.terminal import Progress

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from experiments.comparing import Comparison

FACTS, FORMAT = "diagnosis.json", 1
COMPARISON = "comparison"
#: Built-in scenarios are written for this territory; elsewhere what is counted is as much for as many people.
WRITTEN_FOR = "saverne"
COUNTED_UNITS = ("GPs", "centres", "units", "FTE")
NOT_CHOSEN = ("gp_departures",)  # happens to a territory; nobody chooses it
SECTIONS: dict[str, tuple[str, ...]] = {
    "morbidity": (
        "diabetes_treated_prevalence", "heart_failure_prevalence", "ald_share", "mean_control.diabetes",
        "heart_failure_admitted_per_100k_adults", "deaths_per_1000", "qaly_per_head",
    ),
    "access": (
        "apl", "apl_d9_over_d1", "two_step_catchment", "adults_without_gp_share", "time_to_care_days.gp",
        "lead_time_mean_days.gp", "lead_time_median_days.gp", "lead_time_median_days.cardiologist",
        "lead_time_median_days.ophthalmologist", "third_next_available_days.gp", "forgone_care_share",
        "travel_mean_minutes.gp", "travel_mean_minutes.specialist",
    ),
    "use": (
        "acts_per_head.gp", "acts_per_head.specialist", "teleconsultation_share", "emergency_visits_per_head",
        "emergency_no_other_access_share", "admissions_per_1000", "avoidable_admissions_per_1000",
    ),
    "professionals": ("gp_hours_mean", "gp_hours_over_60_share", "gp_acts_per_day", "gp_satisfaction"),
}  # fmt: skip
COST_FAMILIES = {"category": "spend_per_head_eur.by_category.", "payer": "spend_per_head_eur.by_payer."}
#: What communes are compared by: indicator, True where less is better, what a difference is counted in.
GAPS: dict[str, bool] = {
    "time_to_care_days.gp": True,
    "apl": False,
    "emergency_visits_per_head": True,
    "forgone_care_share": True,
    "spend_per_head_eur": True,
}
GROUPS = ("age_band", "sex", "income_quintile", "has_ald", "invisible", "epci")
GROUP_INDICATORS = ("time_to_care_days.gp", "forgone_care_share", "emergency_visits_per_head", "spend_per_head_eur")


@dataclass(frozen=True)
class Diagnosis:
    """A finished diagnosis.

    Attributes
    ----------
    facts : as in `diagnosis.json`.
    tables : by name: population, indicators, costs, communes, groups, potential, ranking.
    comparison : the runs behind it.
    """

    facts: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    comparison: Comparison
    territory: Territory
    folder: Path


def diagnose(
    territory: str | Path = "saverne",
    interventions: Sequence[str] = (),
    *,
    reference: str | Path | Scenario = "baseline",
    replications: int = 5,
    seed: int = 1,
    is_uncertain: bool = False,
    workers: int = 2,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **overrides: Any,
) -> Diagnosis:
    """Run the status quo and one intervention after another under common seeds, and tell what they show.

    Parameters
    ----------
    interventions : scenarios to rank; none given: every built-in one of one intervention, see `candidates`.
    reference : the status quo.
    is_uncertain : draw uncertain parameters anew for each seed.
    output : folder; the same diagnosis goes on where it was left. None: `outputs/diagnosis-TERRITORY`.
    **overrides : fields, levers or parameters set in every scenario, e.g. `days=365`.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything is computed.
    """
    from experiments.running import find_territory

    place = find_territory(territory)
    base = load_scenario(reference, **overrides)
    chosen = [load_scenario(name, **overrides) for name in interventions] or candidates(base, overrides)
    fitted_ones = [fitted(scenario, place, is_asked=bool(interventions)) for scenario in chosen]
    if base.name in {scenario.name for scenario in fitted_ones}:
        raise InputError(f"'{base.name}' is the status quo: name interventions to rank against it")
    folder = Path(output) if output is not None else Path("outputs") / f"diagnosis-{place.name}"
    found = compare(
        base,
        *fitted_ones,
        reference=base.name,
        territory=territory,
        replications=replications,
        seed=seed,
        is_uncertain=is_uncertain,
        workers=workers,
        output=folder / COMPARISON,
        progress=progress,
    )
    return _told(found, place, folder)


def reread(folder: str | Path) -> Diagnosis:
    """Make the tables of a diagnosis anew from its runs.

    Raises
    ------
    InputError
        No diagnosis there.
    """
    from experiments.running import find_territory

    folder = Path(folder)
    if not (folder / COMPARISON / DESIGN).is_file():
        raise InputError(f"holds no diagnosis (no {COMPARISON}/{DESIGN})", file=folder)
    found = analyse(folder / COMPARISON)
    return _told(found, find_territory(found.facts["territory"]), folder)


def candidates(reference: Scenario, overrides: dict[str, Any]) -> list[Scenario]:
    """Return the built-in scenarios that differ from the status quo by one intervention and by nothing else."""
    found = []
    for name in list_scenarios():
        scenario = load_scenario(name, **overrides)
        parts = parts_of(scenario)
        is_null = any(lever.endswith("_without_effect") for levers in parts.values() for lever in levers)
        is_one = len(parts) == 1 and not set(parts) & set(NOT_CHOSEN) and not is_null
        if is_one and scenario.parameters == reference.parameters:
            found.append(scenario)
    return found


def fitted(scenario: Scenario, territory: Territory, *, is_asked: bool = False) -> Scenario:
    """Return a built-in scenario at the size of a territory: so many doctors, buses, nurses for so many people.

    Parameters
    ----------
    is_asked : the user named it, maybe a file of his own: it stays as it is unless it is built in.
    """
    from abm.environment.territory import load_territory
    from abm.policies import levers

    if is_asked and scenario.name not in list_scenarios():
        return scenario
    ratio = territory.population / load_territory(WRITTEN_FOR).population
    changes: dict[str, Any] = {}
    for lever in levers():
        level = getattr(scenario.levers, lever.name)
        if lever.unit in COUNTED_UNITS and level != lever.neutral:
            here = max(1, round(level * ratio)) if lever.kind is int else level * ratio
            if here != level:
                changes |= {lever.name: here, "title": f"{lever.meaning}: {here:.3g}"}
    return load_scenario(scenario, **changes) if changes else scenario


def _told(found: Comparison, territory: Territory, folder: Path) -> Diagnosis:
    """Return the diagnosis that a comparison makes, written into its folder."""
    facts = read_facts(found.folder)
    runs = read_runs([(run, found.folder / RUNS / run["file"]) for run in facts["runs"]])
    tables = tables_of(runs, facts, territory)
    told = {
        "format": FORMAT,
        "territory": facts["territory"],
        "title": territory.title,
        "reference": facts["reference"],
        "interventions": facts["policies"],
        "replications": facts["replications"],
        "seed": facts["seed"],
        "is_uncertain": facts["is_uncertain"],
    }
    write_json(folder / FACTS, told)
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
    return Diagnosis(facts, tables, found, territory, folder)


def tables_of(runs: pd.DataFrame, facts: dict[str, Any], territory: Territory) -> dict[str, pd.DataFrame]:
    """Return every table of a diagnosis.

    Parameters
    ----------
    runs, facts : of the comparison.
    """
    from abm.parameters import load_parameters

    reference = facts["reference"]
    parameters = load_parameters().with_values(facts["scenarios"][reference]["parameters"])
    mine = runs[(runs["scenario"] == reference) & (runs["table"] == "indicator") & (runs["period"] == "all")]
    communes = commune_table(mine, territory)
    return {
        "population": population_table(territory),
        "indicators": indicator_table(mine),
        "costs": cost_table(mine),
        "communes": communes,
        "groups": group_table(mine),
        "potential": potential_table(communes),
        "ranking": ranking(runs, facts, parameters),
    }


# --- the tables ---------------------------------------------------------------------------------------------------


def population_table(territory: Territory) -> pd.DataFrame:
    """Return who lives where, from the pack alone.

    Returns
    -------
    place ("all" or an EPCI), people, communes, density (per km2, NaN where areas are unknown), share_75_plus,
    median_income_eur (mean of the communes' medians, weighted by people), general_practitioners,
    gp_per_100000, people_without_gp_in_commune_share.
    """
    from experiments.territories import commune_figures

    table = commune_figures(territory).assign(area_km2=territory.communes["area_km2"].to_numpy())
    groups = [("all", table), *((str(name), group) for name, group in table.groupby("epci", sort=True))]
    rows = []
    for name, group in groups:
        people = group["population"].to_numpy(float)
        area = group["area_km2"]
        doctors = int(group["general_practitioners"].sum())
        rows.append(
            {
                "place": name,
                "people": int(people.sum()),
                "communes": len(group),
                "density": people.sum() / area.sum() if area.notna().all() else np.nan,
                "share_75_plus": float(np.average(group["share_75_plus"], weights=people)),
                "median_income_eur": _mean_known(group["median_income_eur"].to_numpy(float), people),
                "general_practitioners": doctors,
                "gp_per_100000": 1e5 * doctors / people.sum(),
                "people_without_gp_in_commune_share": float(
                    people[group["general_practitioners"].to_numpy() == 0].sum() / people.sum()
                ),
            }
        )
    return pd.DataFrame(rows)


def indicator_table(mine: pd.DataFrame) -> pd.DataFrame:
    """Return what the status quo comes to, beside what was observed.

    Returns
    -------
    section, indicator, value, low, high (95 % over replications), observed, observed_low, observed_high, source, year;
    the latter where a registered target has the same indicator over everybody.
    """
    from calibration.targets import observed_for

    everybody = mine[mine["kind"] == "all"]
    rows = []
    for section, names in SECTIONS.items():
        for name in names:
            values = everybody.loc[everybody["name"] == name, "value"]
            if values.empty:
                continue
            found, target = interval(values), observed_for(name, uses=("fit", "validate", "input"))
            row: dict[str, Any] = {"section": section, "indicator": name, "value": found.mean, "low": found.low}
            row |= {"high": found.high, "observed": np.nan, "observed_low": np.nan, "observed_high": np.nan}
            row |= {"source": "", "year": ""}
            if target is not None and target.observed is not None:
                row |= {"observed": target.observed, "source": target.source, "year": target.year}
                row |= {"observed_low": target.low, "observed_high": target.high}
            rows.append(row)
    return pd.DataFrame(rows)


def cost_table(mine: pd.DataFrame) -> pd.DataFrame:
    """Return what care costs a head and year: by ("category", "payer"), name, value, low, high, share of its family."""
    everybody = mine[mine["kind"] == "all"]
    rows = []
    for family, prefix in COST_FAMILIES.items():
        members = everybody[everybody["name"].str.startswith(prefix)]
        for name, values in members.groupby("name", sort=False)["value"]:
            found = interval(values)
            rows.append((family, str(name).removeprefix(prefix), found.mean, found.low, found.high))
    table = pd.DataFrame(rows, columns=["by", "name", "value", "low", "high"])
    table["share"] = table["value"] / table.groupby("by")["value"].transform("sum")
    return table.sort_values(["by", "value"], ascending=[True, False], kind="stable").reset_index(drop=True)


def commune_table(mine: pd.DataFrame, territory: Territory) -> pd.DataFrame:
    """Return each commune's figures: insee, name, people, then the indicators of `GAPS`, means over replications."""
    table = territory.communes[["insee", "name", "population"]].rename(columns={"population": "people"})
    table = table.assign(insee=table["insee"].astype(str))
    rows = mine[(mine["kind"] == "commune") & mine["name"].isin(list(GAPS))]
    means = rows.pivot_table(index="stratum", columns="name", values="value", aggfunc="mean")
    for name in GAPS:
        column = means[name] if name in means else pd.Series(dtype=float)
        table[name] = table["insee"].map(column).astype(float)
    return table.reset_index(drop=True)


def group_table(mine: pd.DataFrame) -> pd.DataFrame:
    """Return some indicators by age, sex, income, …: kind, stratum, indicator, value, low, high."""
    rows = mine[mine["kind"].isin(GROUPS) & mine["name"].isin(GROUP_INDICATORS)]
    found = []
    for (kind, name, stratum), values in rows.groupby(["kind", "name", "stratum"], sort=False)["value"]:
        told = interval(values)
        found.append((kind, stratum, name, told.mean, told.low, told.high))
    return pd.DataFrame(found, columns=["kind", "stratum", "indicator", "value", "low", "high"])


def potential_table(communes: pd.DataFrame) -> pd.DataFrame:
    """Return what there is to gain if every commune did as well as the best quarter: an upper bound.

    Returns
    -------
    indicator, mean, best_quarter, worst_quarter (means over people), gain_total, gain_per_head.
    """
    people = communes["people"].to_numpy(float)
    rows = []
    for name, is_better_low in GAPS.items():
        values = communes[name].to_numpy(float)
        known = ~np.isnan(values)
        if not known.any():
            continue
        gain = potential(values, people, is_better_low=is_better_low)
        quarters = sorted(_quarters(values[known], people[known]), reverse=not is_better_low)
        rows.append((name, _mean_known(values, people), *quarters, gain, gain / people[known].sum()))
    columns = ["indicator", "mean", "best_quarter", "worst_quarter", "gain_total", "gain_per_head"]
    return pd.DataFrame(rows, columns=columns)


def _quarters(values: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Return the means of the lowest and of the highest communes, with a quarter of the people each (at least one)."""
    order = np.argsort(values, kind="stable")
    ends = []
    for one in (order, order[::-1]):
        reached = np.cumsum(people[one]) / people.sum()
        chosen = one[: int(np.searchsorted(reached, 0.25)) + 1]
        ends.append(float(np.average(values[chosen], weights=people[chosen])))
    return ends[0], ends[1]


def _mean_known(values: np.ndarray, weights: np.ndarray) -> float:
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")
