"""Which policy changes what, by how much, and how sure is that? Policies against a reference under common seeds.

Owns the design of a comparison (scenarios × seeds, the variants needed for attribution and for the path by which delay
harms), the order of its work, and its folder: `comparison.json`, `runs/`, the tables of `experiments.contrasts` as CSV.
What is kept of a run is `experiments.run_tables`; the report is `experiments.report`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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
DRAWN_DOMAINS = ("network", "etp", "telehealth")
DRAWN_FAMILIES = (*DELAY_ROWS, "control_restore_share", "prescription_response", "avoidable_share")


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
    variants : name to what it is a variant of and how: {"of", "levers"} or {"of", "delay"}.
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
        if not self.is_uncertain and self.posterior is None:
            return make_specs(cases, seeds, territory=self.territory)
        fixed = {name for scenario in cases for name in scenario.parameters}
        runs = []
        for seed in seeds:
            drawn = drawn_parameters(seed) if self.is_uncertain else {}
            drawn = {name: value for name, value in drawn.items() if name not in fixed} | self.fitted(seed)
            runs += make_specs(cases, [seed], [{"parameters": drawn}], territory=self.territory)
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
    plan = make_plan(
        scenarios,
        reference,
        str(territory),
        seed,
        is_uncertain=is_uncertain,
        has_attribution=has_attribution,
        has_delay=has_delay,
        overrides=overrides,
    )
    plan = _with_posterior(plan, posterior)
    count, errors = _make_runs(plan, replications, precision, folder, workers, progress)
    progress.phase("Comparing")
    facts = _facts(plan, count, folder, errors)
    write_json(folder / DESIGN, facts)
    return analyse(folder)


def make_plan(
    scenarios: Sequence[str | Path | Scenario],
    reference: str,
    territory: str,
    seed: int = 1,
    *,
    is_uncertain: bool = False,
    has_attribution: bool = False,
    has_delay: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> Plan:
    """Read and check every scenario, and add the variants asked for.

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
    if has_attribution:
        plan = _with_subsets(plan)
    return _with_delays(plan) if has_delay else plan


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
    scenarios, variants = dict(plan.scenarios), dict(plan.variants)
    for name in plan.policies:
        parts = parts_of(plan.scenarios[name])
        if len(parts) > MOST_PARTS:
            raise InputError(f"'{name}' has {len(parts)} policies, at most {MOST_PARTS} can be told apart")
        for size in range(1, len(parts)):
            for some in combinations(sorted(parts), size):
                wanted = {key: value for part in some for key, value in parts[part].items()}
                if any(_levers(other) == wanted for other in scenarios.values()):
                    continue
                label = f"{name}.{'-'.join(some)}"[:100]
                neutral = type(plan.scenarios[name].levers)().model_dump()
                scenarios[label] = load_scenario(plan.scenarios[name], name=label, levers=neutral | wanted)
                variants[label] = {"of": name, "levers": wanted}
    return Plan(scenarios, plan.reference, plan.policies, plan.territory, plan.seed, plan.is_uncertain, variants)


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
    return Plan(scenarios, plan.reference, plan.policies, plan.territory, plan.seed, plan.is_uncertain, variants)


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
) -> tuple[int, dict[str, str]]:
    """Make all runs; return how many replications there are, and the errors by digest."""
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
        told = _told(progress)
        errors = make_missing(specs, folder, workers, told)
        if replications != AUTO:
            return count, errors
        wanted = min(MOST_RUNS, _replications_wanted(plan, specs, folder, precision))
        if wanted <= count:
            return count, errors
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


def _told(progress: Progress) -> Callable[[int, int], None]:
    def tell(over: int, total: int) -> None:
        progress.phase(f"{over} of {total} runs are over")

    return tell


def _replications_wanted(plan: Plan, specs: Iterable[RunSpec], folder: Path, precision: float) -> int:
    """Return how many replications should bring the main differences to the precision asked for."""
    from experiments.pairing import replications_needed

    runs = read_runs(_files(specs, folder))
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


def _files(specs: Iterable[RunSpec], folder: Path) -> list[tuple[dict[str, Any], Path]]:
    """Return facts and file of the runs that are there."""
    return [
        ({"scenario": json.loads(spec.scenario)["name"], "seed": spec.seed}, file_of(folder, spec))
        for spec in specs
        if file_of(folder, spec).exists()
    ]


def _facts(plan: Plan, count: int, folder: Path, errors: Mapping[str, str]) -> dict[str, Any]:
    specs = plan.specs(count)
    there = _files(specs, folder)
    if not any(facts["scenario"] == plan.reference for facts, _ in there):
        raise RuntimeError(f"no run of '{plan.reference}' came to its end: {next(iter(errors.values()), 'no reason')}")
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
    runs = read_runs([(run, folder / RUNS / run["file"]) for run in facts["runs"]])
    found = tables(runs, facts)
    (folder / "tables").mkdir(exist_ok=True)
    for name, table in found.items():
        write_csv(folder / "tables" / f"{name}.csv", table)
    errors = tuple(f"{run['scenario']}, seed {run['seed']}: {run['error']}" for run in facts["failed"])
    return Comparison(facts, found, folder, errors)


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
