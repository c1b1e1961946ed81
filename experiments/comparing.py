"""Which policy changes what, by how much, and how sure is that? Policies against a reference under common seeds.

Owns the design of a comparison (scenarios × seeds, the variants needed for attribution and for the path by which delay
harms), the order of its work, and its folder: `comparison.json`, `runs/`, the tables of `experiments.contrasts` as CSV.
What is kept of a run is `experiments.run_tables`; the report is `experiments.report`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from abm.parameters import load_parameters
from abm.policies import policies
from abm.scenario import Scenario, load_scenario
from experiments import provenance
from experiments.batch import RunSpec, make_specs
from experiments.run_tables import RUNS, file_of, make_missing, read_runs, tables_of_folder
from experiments.store import MANIFEST, is_finished, write_csv, write_json
from experiments.terminal import Progress

if TYPE_CHECKING:
    import pandas as pd

DESIGN, FORMAT = "comparison.json", 1
AUTO = "auto"
FIRST_RUNS, MOST_RUNS = 5, 200
MOST_PARTS = 5  # policies in one scenario that can be told apart: 2^5 scenarios
MAIN = ("time_to_care_days.gp", "lead_time_mean_days.gp", "spend_per_head_eur")
DELAY_ROWS = ("control_drift", "escalation_share_of_unserved_acute_needs")
DELAY_LEVELS = ("none", "high")
#: By policy, what says that it is run and paid for and does nothing.
WITHOUT_EFFECT = {"network": "network_without_effect", "education": "education_without_effect"}
#: What says how a policy acts, and has no place in its arm without effect.
HOW_IT_ACTS = frozenset({"network_priority", "network_effect", "education_effect"})
NETWORK, NETWORK_END, EDUCATION = "network", "network_end", "education"
YARDSTICK, YARDSTICK_LEVER = "more_gps", "gp_recruited"
MOST_BASE_YEARS = 3
CHECKED_SCALE = 0.05  # of the worlds that are built only to see that they can be
DRAWN_DOMAINS = ("network", "etp", "telehealth", "lever")
DRAWN_FAMILIES = (
    *DELAY_ROWS, "control_restore_share", "prescription_response", "avoidable_share", "gp_installation_aid",
    "health_centre_subsidy", "delegated_nurse", "teleconsultation_booth",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes
    ----------
    facts : what was compared, how; as in `comparison.json`.
    tables : by name, see `experiments.contrasts.tables`.
    errors : of the runs that failed.
    """

    facts: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    folder: Path
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is to be compared, every input checked.

    Attributes
    ----------
    scenarios : all that are run, by name: the reference, the policies, then variants.
    policies : names of what is compared with the reference.
    variants : name to what it is a variant of and how: {"of", "levers"}, {"of", "delay"}, {"of", "null"} (run and paid
        for without any effect), {"of", "ended"} (the date on which the money stops) or {"of", "yardstick"}.
    """

    scenarios: dict[str, Scenario]
    reference: str
    policies: tuple[str, ...]
    territory: str
    seed: int
    is_uncertain: bool = False
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    posterior: str | None = None

    def specs(self, replications: int) -> list[RunSpec]:
        """Return the runs of so many replications, seed by seed."""
        seeds = range(self.seed, self.seed + replications)
        cases = list(self.scenarios.values())
        fixed = {name for scenario in cases for name in scenario.parameters}
        runs: list[RunSpec] = []
        for seed in seeds:
            drawn = drawn_parameters(seed) if self.is_uncertain else {}
            drawn = {name: value for name, value in drawn.items() if name not in fixed} | self.fitted(seed)
            changes = [{"parameters": drawn}] if drawn else [{}]
            runs += make_specs(cases, [seed], changes, territory=self.territory)
        return runs

    def fitted(self, seed: int) -> dict[str, float]:
        """Return the combination of the posterior sample that all scenarios have under a seed; none without one."""
        if self.posterior is None:
            return {}
        from experiments.posteriors import kept_posterior

        return kept_posterior(self.posterior).draw(seed)


def compare(
    *scenarios: str | Path | Scenario,
    reference: str = "baseline",
    territory: str | Path = "saverne",
    replications: int | str = 10,
    precision: float = 0.02,
    seed: int = 1,
    is_uncertain: bool = False,
    has_attribution: bool = False,
    has_delay: bool = False,
    has_null: bool = False,
    has_ending: bool = False,
    has_yardstick: bool = False,
    base_years: int | None = None,
    posterior: str | Path | None = None,
    workers: int = 2,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **overrides: Any,
) -> Comparison:
    """Run policies and the reference under the same seeds and tell what differs.

    Parameters
    ----------
    scenarios : names, paths or objects; or folders of finished runs, which are then compared as they are.
    reference : name of one of them, or of a built-in scenario, which is added.
    replications : seeds from `seed` on; "auto": as many as bring the half-width of the main differences (`MAIN`) below
        `precision`, as a share of the reference.
    is_uncertain : draw uncertain parameters anew for each seed, the same for all scenarios, see `drawn_parameters`.
    has_attribution : run every subset of the policies in a scenario, for Shapley values.
    has_delay : also run everything without harm by delay, and with the highest harm in the registry.
    has_null : also run every network and education without its effect: what a contract pays there, it pays for chance.
    has_ending : also run every network with its money stopped in the middle of the horizon.
    has_yardstick : also recruit general practitioners (scenario `more_gps`), to measure the others by.
    base_years : whole years before the horizon, 1 to 3, as warm-up and base of contracts; None: as the scenarios say.
    posterior : sample of combinations that agree with what was observed (`territoire calibrate`): each seed has one
        of them, the same for all scenarios, in place of the reference's own values.
    output : folder, new or of this comparison; None: `outputs/comparison`.
    **overrides : fields, levers or parameters set in every scenario, e.g. `days=365`.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything is computed.
    RuntimeError
        No run of the reference came to its end.
    """
    folder = Path(output) if output is not None else Path("outputs") / "comparison"
    if not scenarios:
        raise InputError("nothing to compare: name at least one scenario")
    refuse_other_results(folder)
    progress = progress or Progress()
    if any(_is_folder(source) for source in scenarios):
        return compare_folders([Path(str(source)) for source in scenarios], reference, folder)
    if base_years is not None:
        overrides = {"warm_up_days": warm_up_of(scenarios[0], base_years, overrides)} | overrides
    plan = make_plan(
        scenarios,
        reference,
        str(territory),
        seed,
        is_uncertain=is_uncertain,
        has_attribution=has_attribution,
        has_delay=has_delay,
        has_null=has_null,
        has_ending=has_ending,
        has_yardstick=has_yardstick,
        overrides=overrides,
    )
    plan = _with_posterior(plan, posterior)
    _refuse_what_the_world_refuses(plan)
    errors = _make_runs(plan, replications, precision, folder, workers, progress)
    progress.phase("Comparing")
    facts = read_facts(folder)
    if not any(run["scenario"] == plan.reference for run in facts["runs"]):
        raise RuntimeError(f"no run of '{plan.reference}' came to its end: {next(iter(errors.values()), 'no reason')}")
    return analyse(folder)


def warm_up_of(source: str | Path | Scenario, years: int, overrides: Mapping[str, Any]) -> int:
    """Return the days of so many years before the start of a scenario.

    Raises
    ------
    InputError
        Not from 1 to 3 years.
    """
    if not 1 <= years <= MOST_BASE_YEARS:
        raise InputError(f"'base_years': found {years}, expected a whole number from 1 to {MOST_BASE_YEARS}")
    start = load_scenario(source, **overrides).start
    return (start - _on_that_day(start, start.year - years)).days


def _on_that_day(date: dt.date, year: int) -> dt.date:
    """Return the same day of another year, 28 February for a 29th."""
    return date.replace(year=year, day=28 if (date.month, date.day) == (2, 29) else date.day)


def make_plan(
    scenarios: Sequence[str | Path | Scenario],
    reference: str,
    territory: str,
    seed: int = 1,
    *,
    is_uncertain: bool = False,
    has_attribution: bool = False,
    has_delay: bool = False,
    has_null: bool = False,
    has_ending: bool = False,
    has_yardstick: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> Plan:
    """Read and check every scenario, and add the variants asked for, see `compare`.

    Raises
    ------
    InputError
        Unknown scenario, two with one name, other dates than the reference's, more policies than can be told apart.
    """
    chosen: dict[str, Scenario] = {}
    for source in scenarios:
        found = load_scenario(source, **(overrides or {}))
        if found.name in chosen:
            raise InputError(f"two scenarios are named '{found.name}'")
        chosen[found.name] = found
    if reference not in chosen:
        found = load_scenario(reference, **(overrides or {}))
        reference = found.name
        chosen = {reference: found} | chosen
    names = tuple(name for name in chosen if name != reference)
    if not names:
        raise InputError(f"nothing to compare with '{reference}': name another scenario")
    for name in names:
        _refuse_other_course(chosen[name], chosen[reference])
    plan = Plan(chosen, reference, names, territory, seed, is_uncertain)
    wanted = (
        (has_attribution, _with_subsets),
        (has_null, _with_nulls),
        (has_ending, _with_endings),
        (has_yardstick, _with_yardstick),
        (has_delay, _with_delays),
    )
    for is_wanted, add in wanted:
        plan = add(plan) if is_wanted else plan
    return plan


def _refuse_what_the_world_refuses(plan: Plan) -> None:
    """Build the world of every scenario once: what cannot be run is said before the first day of any.

    Raises
    ------
    InputError
        A territory that is none; a policy that does not fit it or the horizon, two that contradict each other.
    """
    from abm.model import TerritoryModel
    from experiments.running import find_territory

    pack = find_territory(plan.territory)
    for name in (plan.reference, *plan.policies):
        scenario = plan.scenarios[name]
        parts = parts_of(scenario)
        if not parts:
            continue
        scale = scenario.scale if EDUCATION in parts else min(scenario.scale, CHECKED_SCALE)  # places are by people
        try:
            TerritoryModel(pack, load_scenario(scenario, scale=scale), rng=plan.seed)
        except InputError as error:
            raise InputError(f"scenario '{name}': {error.message}", file=error.file, line=error.line) from None


def _refuse_other_course(scenario: Scenario, reference: Scenario) -> None:
    for key in ("start", "days", "warm_up_days", "follow_up_days", "scale", "population_seed", "demography"):
        mine, other = getattr(scenario, key), getattr(reference, key)
        if mine != other:
            raise InputError(
                f"scenario '{scenario.name}' has '{key}' {mine}, the reference '{reference.name}' has {other}: "
                "differences would not be the policy's"
            )


def _with_posterior(plan: Plan, posterior: str | Path | None) -> Plan:
    """Return the plan under a posterior sample, if one is given.

    Raises
    ------
    InputError
        It cannot be used, or a policy changes what was fitted.
    """
    if posterior is None:
        return plan
    from experiments.posteriors import find_posterior, load_posterior

    sample, base = load_posterior(posterior), plan.scenarios[plan.reference].parameters
    for name, scenario in plan.scenarios.items():
        for fitted in sample.names:
            if scenario.parameters.get(fitted) != base.get(fitted):
                raise InputError(f"scenario '{name}' sets '{fitted}', which the posterior sample sets as well")
    return replace(plan, posterior=str(find_posterior(posterior)))


def parts_of(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """Return the policies of a scenario: name of the intervention to its levers away from their neutral value."""
    owner = {lever.name: policy.name for policy in policies() for lever in policy.levers}
    parts: dict[str, dict[str, Any]] = {}
    neutral = type(scenario.levers)()
    for name, value in scenario.levers.model_dump().items():
        if value != getattr(neutral, name):
            parts.setdefault(owner.get(name, name.partition("_")[0]), {})[name] = value
    return parts


def _with_subsets(plan: Plan) -> Plan:
    """Add every subset of the policies of each scenario that has several, unless a scenario already is that subset."""
    for name in plan.policies:
        parts = parts_of(plan.scenarios[name])
        if len(parts) > MOST_PARTS:
            raise InputError(f"'{name}' has {len(parts)} policies, at most {MOST_PARTS} can be told apart")
        for size in range(1, len(parts)):
            for some in combinations(sorted(parts), size):
                wanted = {key: value for part in some for key, value in parts[part].items()}
                plan = _with_variant(plan, name, "-".join(some), wanted, {"levers": wanted})
    return plan


def _with_variant(plan: Plan, of: str, suffix: str, levers: Mapping[str, Any], what: Mapping[str, Any]) -> Plan:
    """Add a scenario that differs from another one in its levers, unless a scenario already has just these."""
    if any(_levers(other) == dict(levers) for other in plan.scenarios.values()):
        return plan
    label = f"{of}.{suffix}"[:100]
    base = plan.scenarios[of]
    found = load_scenario(base, name=label, levers=type(base.levers)().model_dump() | dict(levers))
    return replace(
        plan, scenarios=plan.scenarios | {label: found}, variants=plan.variants | {label: {"of": of} | dict(what)}
    )


def null_levers(scenario: Scenario) -> dict[str, Any]:
    """Return the levers under which a scenario is run and paid for and does nothing; none where that cannot be said."""
    parts = {name: levers for name, levers in parts_of(scenario).items() if name in WITHOUT_EFFECT}
    wanted = {WITHOUT_EFFECT[name]: 1 for name in parts}
    return {key: value for levers in parts.values() for key, value in levers.items() if key not in HOW_IT_ACTS} | wanted


def _with_nulls(plan: Plan) -> Plan:
    for name in plan.policies:
        levers = null_levers(plan.scenarios[name])
        plan = _with_variant(plan, name, "null", levers, {"null": True}) if levers else plan
    return plan


def ended_levers(scenario: Scenario) -> dict[str, Any]:
    """Return the levers of a scenario with a network whose money stops half-way; none without a network."""
    levers = _levers(scenario)
    half = _next_first(scenario.start + dt.timedelta(days=scenario.days // 2))
    is_stopped_earlier = bool(levers.get(NETWORK_END)) and levers[NETWORK_END] <= half.isoformat()
    is_null = bool(levers.get(WITHOUT_EFFECT[NETWORK]))
    if (
        NETWORK not in parts_of(scenario)
        or is_null
        or is_stopped_earlier
        or levers.get("network_start", "") >= half.isoformat()
    ):
        return {}
    return levers | {NETWORK_END: half.isoformat()}


def _next_first(date: dt.date) -> dt.date:
    """Return the first of a month on or after a date: the network decides then."""
    return date if date.day == 1 else (date.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def _with_endings(plan: Plan) -> Plan:
    for name in plan.policies:
        levers = ended_levers(plan.scenarios[name])
        if levers:
            plan = _with_variant(plan, name, "ended", levers, {"ended": levers[NETWORK_END]})
    return plan


def _with_yardstick(plan: Plan) -> Plan:
    """Add the recruitment of general practitioners, unless a policy is just that."""
    if any(set(_levers(plan.scenarios[name])) == {YARDSTICK_LEVER} for name in plan.policies):
        return plan
    levers = _levers(load_scenario(YARDSTICK))
    return _with_variant(plan, plan.reference, YARDSTICK, levers, {"yardstick": True})


def _levers(scenario: Scenario) -> dict[str, Any]:
    return {key: value for part in parts_of(scenario).values() for key, value in part.items()}


def _with_delays(plan: Plan) -> Plan:
    """Add reference and policies without harm by delay, and with the highest that the registry allows."""
    registry, scenarios, variants = load_parameters(), dict(plan.scenarios), dict(plan.variants)
    highest = {row.name: row.high for row in registry.rows if row.high is not None and row.name.startswith(DELAY_ROWS)}
    for name in (plan.reference, *plan.policies):
        for level in DELAY_LEVELS:
            label = f"{name}.delay_{level}"
            changes: dict[str, Any] = {"delay_affects_health": False} if level == "none" else {"parameters": highest}
            scenarios[label] = load_scenario(plan.scenarios[name], name=label, **changes)
            variants[label] = {"of": name, "delay": level}
    return replace(plan, scenarios=scenarios, variants=variants)


def drawn_parameters(seed: int) -> dict[str, float]:
    """Return one draw of the uncertain parameters: of what the policies do, of harm by delay, of what is avoidable.

    Each from the triangle over its range with the registry's value as mode, at an address of its own (seed and name),
    so a draw owes nothing to the others. Numbers on which the status quo was calibrated are not drawn: they would have
    to be drawn together.
    """
    draws = {}
    for row in load_parameters().rows:
        if row.value is None or row.low is None or row.high is None or row.low == row.high:
            continue
        if row.domain in DRAWN_DOMAINS or row.name.startswith(DRAWN_FAMILIES):
            draws[row.name] = triangular(_uniform(seed, row.name), row.low, row.value, row.high)
    return draws


def triangular(u: float, low: float, mode: float, high: float) -> float:
    """Return the u-quantile of the triangle from low over mode to high."""
    width = high - low
    if u * width < mode - low:
        return low + (u * width * (mode - low)) ** 0.5
    return float(high - ((1 - u) * width * (high - mode)) ** 0.5)


def _uniform(seed: int, name: str) -> float:
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2.0**64


# --- making the runs ----------------------------------------------------------------------------------------------


def refuse_other_results(folder: Path) -> None:
    """Refuse a folder that holds something else than a comparison.

    Raises
    ------
    InputError
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file, a folder expected", file=folder)
    if (folder / DESIGN).is_file():
        return
    for name in (MANIFEST, "design.json"):
        if (folder / name).exists():
            raise InputError(f"holds other results ({name}, but no {DESIGN}); name another folder", file=folder)


def _make_runs(
    plan: Plan, replications: int | str, precision: float, folder: Path, workers: int, progress: Progress
) -> dict[str, str]:
    """Make all runs and keep `comparison.json` in step with what is there; return the errors by digest."""
    from experiments.following import Following
    from experiments.warming import compile_apart

    _refuse_bad_count(replications, precision)
    count = FIRST_RUNS if replications == AUTO else int(replications)
    specs = plan.specs(count)
    _make_folder(folder)
    from abm.compiled import is_compiled

    if not is_compiled():
        from experiments.warming import NOTICE

        progress.phase(NOTICE)
        compile_apart()
    while True:
        following = Following(plan, specs, folder, progress)
        write_json(folder / DESIGN, _facts(plan, count, folder, {}))
        errors: dict[str, str] = {}
        try:
            errors = make_missing(specs, folder, workers, following.note)
        finally:  # interrupted or not: what is over can be reported
            write_json(folder / DESIGN, _facts(plan, count, folder, errors))
        if replications != AUTO:
            return errors
        wanted = min(MOST_RUNS, _replications_wanted(plan, specs, folder, precision))
        if wanted <= count:
            return errors
        count = min(wanted, 2 * count)
        specs = plan.specs(count)


def _make_folder(folder: Path) -> None:
    try:
        (folder / RUNS).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be written to: {getattr(error, 'strerror', None) or error}", file=folder) from None


def _refuse_bad_count(replications: int | str, precision: float) -> None:
    if replications != AUTO and (isinstance(replications, str) or not 1 <= int(replications) <= 100_000):
        raise InputError(f"'replications': found {replications!r}, expected a whole number from 1, or '{AUTO}'")
    if not 0 < precision < 1:
        raise InputError(f"'precision': found {precision}, expected a share above 0 and below 1")


def _replications_wanted(plan: Plan, specs: Iterable[RunSpec], folder: Path, precision: float) -> int:
    """Return how many replications should bring the main differences to the precision asked for."""
    from experiments.pairing import replications_needed

    runs = read_runs(files_there(specs, folder))
    found = FIRST_RUNS
    for name in MAIN:
        rows = runs[(runs["table"] == "indicator") & (runs["name"] == name) & (runs["kind"] == "all")]
        wide = rows[rows["period"] == "all"].pivot(index="seed", columns="scenario", values="value")
        if plan.reference not in wide:
            continue
        for policy in plan.policies:
            differences: Any = (wide[policy] - wide[plan.reference]).dropna() if policy in wide else []
            half_width = precision * abs(float(wide[plan.reference].mean()))
            if len(differences) >= 2 and half_width > 0:
                found = max(found, replications_needed(differences, half_width))
    return found


def files_there(specs: Iterable[RunSpec], folder: Path) -> list[tuple[dict[str, Any], Path]]:
    """Return facts and file of the runs that are there."""
    return [
        ({"scenario": json.loads(spec.scenario)["name"], "seed": spec.seed}, file_of(folder, spec))
        for spec in specs
        if file_of(folder, spec).exists()
    ]


def _facts(plan: Plan, count: int, folder: Path, errors: Mapping[str, str]) -> dict[str, Any]:
    specs = plan.specs(count)
    there = files_there(specs, folder)
    failed = [{"scenario": json.loads(s.scenario)["name"], "seed": s.seed, "error": errors[s.digest]}
              for s in specs if s.digest in errors]  # fmt: skip
    return provenance.common_facts() | {
        "format": FORMAT,
        "reference": plan.reference,
        "policies": list(plan.policies),
        "variants": plan.variants,
        "territory": plan.territory,
        "seed": plan.seed,
        "replications": count,
        "is_uncertain": plan.is_uncertain,
        "posterior": _about_posterior(plan),
        "scenarios": {name: scenario.model_dump(mode="json") for name, scenario in plan.scenarios.items()},
        "runs": [facts | {"file": file.name} for facts, file in there],
        "failed": failed,
    }


def _about_posterior(plan: Plan) -> dict[str, Any] | None:
    """Return what a reader must know of the sample: above all what the targets left open."""
    if plan.posterior is None:
        return None
    from experiments.posteriors import load_posterior

    sample = load_posterior(plan.posterior, is_checked=False)
    return {"file": plan.posterior, "assumptions": list(sample.assumptions), "note": sample.note()}


# --- folders of finished runs -------------------------------------------------------------------------------------


def _is_folder(source: object) -> bool:
    return not isinstance(source, Scenario) and Path(str(source)).is_dir()


def compare_folders(folders: Sequence[Path], reference: str, folder: Path) -> Comparison:
    """Compare finished runs as they are: same territory and dates, paired by seed.

    Raises
    ------
    InputError
        A folder without a finished run, runs of different territories or dates, a scenario and seed twice.
    """
    from experiments.running import read_manifest
    from experiments.store import write_parquet

    runs: list[dict[str, Any]] = []
    scenarios: dict[str, Scenario] = {}
    digests = set()
    for source in folders:
        if not is_finished(source):
            raise InputError("holds no finished run; name either scenarios or folders of finished runs", file=source)
        manifest = read_manifest(source)
        scenario = load_scenario(Scenario.model_validate(manifest["scenario"]))
        scenarios.setdefault(scenario.name, scenario)
        digests.add(manifest["territory"]["digest"])
        runs.append({"scenario": scenario.name, "seed": manifest["seed"], "source": source})
    if len(digests) > 1:
        raise InputError("the runs are of different territories")
    if len({(run["scenario"], run["seed"]) for run in runs}) < len(runs):
        raise InputError("a scenario and seed is there twice")
    if reference not in scenarios:
        raise InputError(f"no run of '{reference}' among the folders.{nearest(reference, scenarios)}")
    for scenario in scenarios.values():
        _refuse_other_course(scenario, scenarios[reference])
    _make_folder(folder)
    for run in runs:
        source = run.pop("source")
        run["file"] = f"{run['scenario']}-{run['seed']}.parquet"
        write_parquet(folder / RUNS / run["file"], tables_of_folder(source))
    names = [name for name in scenarios if name != reference]
    if not names:
        raise InputError(f"nothing to compare with '{reference}': name a run of another scenario")
    place = read_manifest(folders[0])["territory"]
    facts = provenance.common_facts() | {
        "format": FORMAT,
        "reference": reference,
        "policies": names,
        "variants": {},
        "territory": place.get("path") or place["name"],
        "seed": min(run["seed"] for run in runs),
        "replications": len({run["seed"] for run in runs}),
        "is_uncertain": False,
        "scenarios": {name: scenario.model_dump(mode="json") for name, scenario in scenarios.items()},
        "runs": runs,
        "failed": [],
    }
    write_json(folder / DESIGN, facts)
    return analyse(folder)


# --- results ------------------------------------------------------------------------------------------------------


def analyse(folder: str | Path) -> Comparison:
    """Read the runs of a comparison and write its tables.

    Raises
    ------
    InputError
        No comparison there, or a run of it is missing.
    """
    from experiments.contrasts import tables

    folder = Path(folder)
    facts = read_facts(folder)
    missing = [run["file"] for run in facts["runs"] if not (folder / RUNS / run["file"]).is_file()]
    if missing:
        raise InputError(f"{len(missing)} runs of this comparison are missing; compare again", file=folder)
    if not {facts["reference"]} < {run["scenario"] for run in facts["runs"]}:
        raise InputError("no run of the reference and of a policy is over yet; compare again to go on", file=folder)
    runs = read_runs([(run, folder / RUNS / run["file"]) for run in facts["runs"]])
    found = tables(runs, facts) | _members(folder, facts)
    (folder / "tables").mkdir(exist_ok=True)
    for name, table in found.items():
        write_csv(folder / "tables" / f"{name}.csv", table)
    errors = tuple(f"{run['scenario']}, seed {run['seed']}: {run['error']}" for run in facts["failed"])
    return Comparison(facts, found, folder, errors)


def _members(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contrast of members and others where people of the runs were kept."""
    from experiments.members import members, reader

    seeds = sorted({run["seed"] for run in facts["runs"]})
    found = members(reader(folder, facts["runs"]), seeds, facts["policies"], facts["reference"])
    return {"members": found} if len(found) else {}


def read_facts(folder: Path) -> dict[str, Any]:
    """Return `comparison.json`.

    Raises
    ------
    InputError
        Not there, or not of a comparison.
    """
    file = folder / DESIGN
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"holds no comparison (no {DESIGN})", file=folder) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT or "runs" not in facts:
        raise InputError("is not of a comparison that this version can read", file=file)
    return facts
