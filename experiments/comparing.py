"""Which policy changes what, by how much, and how sure is that? Policies against a reference under common seeds.

Owns the order of the work and the folder of a comparison: `comparison.json`, `runs/`, tables as CSV. What is run is
said by `experiments.comparison_plan`, what is kept of a run by `experiments.run_tables`, what the runs say by
`experiments.contrasts`; the report is `experiments.report`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from abm.scenario import Scenario, load_scenario
from experiments import provenance
from experiments.batch import RunSpec
from experiments.cluster import workers_of
from experiments.comparison_plan import (
    Plan,
    make_plan,
    refuse_other_course,
    refuse_what_the_world_refuses,
    warm_up_of,
    with_posterior,
)
from experiments.run_tables import RUNS, Crew, file_of, make_missing, read_runs, tables_of_folder
from experiments.store import MANIFEST, is_finished, write_csv, write_json
from experiments.terminal import Progress

if TYPE_CHECKING:
    import pandas as pd

DESIGN, FORMAT = "comparison.json", 1
AUTO = "auto"
FIRST_RUNS, MOST_RUNS = 5, 200
MAIN = ("time_to_care_days.gp", "lead_time_mean_days.gp", "spend_per_head_eur")


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
    cluster: str | None = None,
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
    workers : processes of this machine.
    cluster : address or scheduler file of a Dask scheduler, whose workers make the runs instead.
    output : folder, new or of this comparison; None: `outputs/comparison`.
    **overrides : fields, levers or parameters set in every scenario, e.g. `days=365`.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything is computed.
    RuntimeError
        No run of the reference came to its end.
    ConnectionError
        The cluster was lost; what was finished is kept.
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
    plan = with_posterior(plan, posterior)
    refuse_what_the_world_refuses(plan)
    with workers_of(cluster) as (executor, n_workers):
        crew = Crew(n_workers or workers, executor)
        errors = _make_runs(plan, replications, precision, folder, crew, progress)
    progress.phase("Comparing")
    facts = read_facts(folder)
    if not any(run["scenario"] == plan.reference for run in facts["runs"]):
        raise RuntimeError(f"no run of '{plan.reference}' came to its end: {next(iter(errors.values()), 'no reason')}")
    return analyse(folder)


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
    plan: Plan, replications: int | str, precision: float, folder: Path, crew: Crew, progress: Progress
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
            errors = make_missing(specs, folder, crew, following.note)
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
        refuse_other_course(scenario, scenarios[reference])
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
