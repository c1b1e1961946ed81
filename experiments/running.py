"""One simulation from its inputs to its folder of results, and results read again.

Owns the order: everything a user may have got wrong is refused before anything is computed; the model runs; its records
become tables; the tables become a folder, whole or not at all. Computes no indicator: that is `abm.indicators`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import abm.environment
from abm.errors import InputError, nearest
from abm.scenario import Scenario, load_scenario
from experiments import provenance
from experiments.interrupts import asked_every_day, raise_if_interrupted
from experiments.store import MANIFEST, Destination, is_finished, write_csv, write_json, write_parquet
from experiments.terminal import Progress

if TYPE_CHECKING:
    import pandas as pd

    from abm.environment.territory import Territory
    from abm.model import TerritoryModel
    from abm.records import Records

DEFAULT_FOLDER = Path("outputs")
TABLES = ("indicators", "monthly", "communes", "lead_times", "ledger")


@dataclass(frozen=True)
class Plan:
    """A run that can be made: every input found, read and checked."""

    scenario: Scenario
    territory: Territory
    seed: int


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    manifest : what was run, with what, when, how fast; as in `manifest.json`.
    indicators, monthly, communes, lead_times, ledger : the tables of the run folder.
    folder : where the files are, None when the run was not written.
    records : every episode, None when the run was read from its folder.
    """

    manifest: dict[str, Any]
    indicators: pd.DataFrame
    monthly: pd.DataFrame
    communes: pd.DataFrame
    lead_times: pd.DataFrame
    ledger: pd.DataFrame
    folder: Path | None = None
    records: Records | None = field(default=None, repr=False)


def run(
    scenario: str | Path | Scenario = "baseline",
    *,
    territory: str | Path | Territory = "saverne",
    seed: int = 1,
    output: str | Path | None = None,
    force: bool = False,
    has_events: bool = False,
    has_figures: bool = True,
    progress: Progress | None = None,
    **overrides: Any,
) -> Run:
    """Simulate a territory once.

    Parameters
    ----------
    scenario, territory : names, paths or objects.
    seed : any integer from 0.
    output : folder of results; None writes nothing.
    force : replace a finished run in `output`.
    has_events : also write every episode (`events.parquet`).
    has_figures : also draw the figures.
    progress : is told of phases and days.
    **overrides : fields of the scenario, levers or parameters by name, e.g. `days=365`.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything is computed.
    BrokenLawError
        When a conservation law fails; nothing is written then.
    """
    if output is None:
        return simulate(make_plan(scenario, territory, seed, overrides), progress)
    resolved = load_scenario(scenario, **overrides)
    with Destination(output, force=force) as destination:
        plan = make_plan(resolved, territory, seed, {})
        return save(simulate(plan, progress), destination, has_events=has_events, has_figures=has_figures)


def make_plan(
    scenario: str | Path | Scenario, territory: str | Path | Territory, seed: int, overrides: Mapping[str, Any]
) -> Plan:
    """Read and check every input of a run, the quick ones first."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"'seed': found {seed!r}, expected a whole number from 0")
    resolved = load_scenario(scenario, **overrides)
    place = find_territory(territory) if isinstance(territory, str | Path) else territory
    return Plan(resolved, place, seed)


def find_territory(name_or_path: str | Path) -> Territory:
    """Return a territory by name or path, quickly when there is none."""
    refuse_unknown_territory(name_or_path)
    from abm.environment.territory import load_territory

    return load_territory(name_or_path)


def simulate(plan: Plan, progress: Progress | None = None) -> Run:
    """Run the model and make its tables; write nothing."""
    progress = progress or Progress()
    started, began = provenance.now(), perf_counter()
    _compile_rules(progress)
    from abm.model import TerritoryModel

    seconds = {"rules": perf_counter() - began}
    progress.phase(f"Building {plan.territory.title}")
    began_build = perf_counter()
    model = TerritoryModel(plan.territory, plan.scenario, rng=plan.seed)
    seconds |= {"build": perf_counter() - began_build}
    run_s = _live(model, progress)
    progress.phase("Computing indicators")
    began_tables = perf_counter()
    records = model.release()
    tables = tables_of(records)
    seconds |= {"days": run_s, "tables": perf_counter() - began_tables}
    manifest = _manifest(plan, model) | {
        "started": started,
        "ended": provenance.now(),
        "wall_s": perf_counter() - began,
        "run_s": run_s,
        "seconds_by_phase": seconds,
    }
    return Run(manifest, **tables, records=records)  # type: ignore[arg-type]


def tables_of(records: Records) -> dict[str, pd.DataFrame]:
    """Return the tables of a run folder from the records of a run."""
    from abm.indicators import communes_table, indicators, ledger_table, monthly

    return {
        "indicators": indicators(records),
        "monthly": monthly(records),
        "communes": communes_table(records),
        "lead_times": lead_time_counts(records),
        "ledger": ledger_table(records),
    }


def lead_time_counts(records: Records) -> pd.DataFrame:
    """Return how many requests asked in the horizon got their appointment how many days later, by kind of need.

    Returns
    -------
    kind, lead_time_days, requests (> 0); rows in this order. Visits booked ahead and emergency visits are no requests.
    """
    import numpy as np
    import pandas as pd

    from abm.state import Kind

    rows, setting = records.episodes, records.setting
    asked = np.ascontiguousarray(rows.asked_on)
    is_counted = (asked >= setting.first_reported_day) & (asked < setting.end_of_horizon)
    is_counted &= (rows.is_planned == 0) & (rows.kind != Kind.EMERGENCY) & (rows.appointment_on >= 0)
    lead = rows.appointment_on[is_counted].astype(np.int64) - asked[is_counted]
    n_days = int(lead.max(initial=0)) + 1
    counts = np.bincount(rows.kind[is_counted].astype(np.int64) * n_days + lead)
    cells = np.flatnonzero(counts)
    kinds = np.array(setting.kinds, dtype=object)[cells // n_days]
    return pd.DataFrame({"kind": kinds, "lead_time_days": cells % n_days, "requests": counts[cells]})


def save(result: Run, destination: Destination, *, has_events: bool = False, has_figures: bool = True) -> Run:
    """Write a run as a folder, whole or not at all; return the run with its folder."""
    from dataclasses import replace

    began, folder = perf_counter(), destination.partial
    write_csv(folder / "indicators.csv", result.indicators)
    write_parquet(folder / "monthly.parquet", result.monthly)
    write_parquet(folder / "communes.parquet", result.communes)
    write_csv(folder / "lead_times.csv", result.lead_times)
    write_parquet(folder / "ledger.parquet", result.ledger)
    if has_events and result.records is not None:
        write_parquet(folder / "events.parquet", result.records.to_frame())
    if has_figures:
        from experiments.figures import draw_all

        territory = result.records.setting.territory if result.records is not None else None
        draw_all(result, folder / "figures", territory)
    manifest = _with_files(result.manifest, folder, perf_counter() - began)
    write_json(folder / MANIFEST, manifest)
    return replace(result, manifest=manifest, folder=destination.publish())


def load(folder: str | Path) -> Run:
    """Read a finished run again.

    Raises
    ------
    InputError
        No such folder, or no finished run in it.
    """
    import pandas as pd

    folder = Path(folder)
    if not is_finished(folder):
        raise InputError("holds no finished run (no manifest.json)", file=folder)
    try:
        return Run(
            read_manifest(folder),
            indicators=pd.read_csv(folder / "indicators.csv", dtype={"stratum": str, "period": str}),
            monthly=pd.read_parquet(folder / "monthly.parquet"),
            communes=pd.read_parquet(folder / "communes.parquet"),
            lead_times=pd.read_csv(folder / "lead_times.csv"),
            ledger=pd.read_parquet(folder / "ledger.parquet"),
            folder=folder,
        )
    except (OSError, ValueError) as error:
        raise InputError(f"a table of this run cannot be read: {error}", file=folder) from None


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Read the manifest of a run, from its file or its folder.

    Raises
    ------
    InputError
        No such file, not JSON, not the manifest of a run.
    """
    file = Path(path) / MANIFEST if Path(path).is_dir() else Path(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from None
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", file=file, line=error.lineno) from None
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", file=file) from None
    return provenance.check_manifest(content, file)


def plan_of(manifest: Mapping[str, Any], file: Path) -> Plan:
    """Return the plan of the run that a manifest tells of.

    Raises
    ------
    InputError
        Its scenario or territory can no longer be used.
    """
    known = {key: value for key, value in manifest["scenario"].items() if key in Scenario.model_fields}
    unknown = sorted(set(manifest["scenario"]) - set(known))
    if unknown:
        raise InputError(f"the scenario's key '{unknown[0]}' is unknown to this version", file=file)
    if not isinstance(known.get("name"), str):
        raise InputError("the scenario has no name", file=file)
    try:
        scenario = _rebuild(known)
        place = manifest["territory"].get("path") or manifest["territory"].get("name") or ""
        return make_plan(scenario, str(place), manifest["seed"], {})
    except InputError as error:
        raise InputError(f"cannot be run again: {error}", file=file) from None


def compare_indicators(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """Return the indicators (id, stratum, period) whose values differ between two runs, in words."""
    keys = ["indicator", "stratum_kind", "stratum", "period"]
    before, after = (frame.astype(dict.fromkeys(keys, str)).set_index(keys)["value"] for frame in (old, new))
    both = before.to_frame("old").join(after.to_frame("new"), how="outer")
    same = (both["old"] == both["new"]) | (both["old"].isna() & both["new"].isna())
    different = both[~same]
    return [
        f"{' '.join(str(part) for part in key)}: {a!r} -> {b!r}"
        for key, a, b in zip(different.index, different["old"], different["new"], strict=True)
    ]


def _rebuild(fields: dict[str, Any]) -> Scenario:
    """Return a scenario from its JSON form."""
    from pydantic import ValidationError

    try:
        return Scenario.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"'{key}': found {first['input']!r}: {first['msg']}") from None


def _live(model: TerritoryModel, progress: Progress) -> float:
    """Live every day, laws checked; return the seconds it took, without those of computing the headline indicators."""
    progress.phase("Simulating")
    calendar = model.setting.calendar
    began = perf_counter()

    def on_day(day: int, last_day: int) -> None:
        raise_if_interrupted()
        progress.day(day, last_day, calendar.date(day))

    with asked_every_day():
        model.run_to_end(on_day=on_day, then_release=True)
    raise_if_interrupted()
    return perf_counter() - began - model.seconds_collecting


def _manifest(plan: Plan, model: TerritoryModel) -> dict[str, Any]:
    """Return the facts of a run that are known when its last day is over."""
    from abm.state import Counter

    return provenance.common_facts() | {
        "scenario": plan.scenario.model_dump(mode="json"),
        "territory": provenance.territory_facts(plan.territory),
        "seed": plan.seed,
        "population": {
            "fingerprint": model.setting.population_fingerprint,
            "people": model.people_at_start,
            "general_practitioners": model.n_practices,
            "specialists": len(model.arrays.providers) - model.n_practices,
        },
        "parameters": provenance.parameter_facts(model.setting.parameters),
        "days_simulated": model.day,
        "events": int(model.arrays.counters[Counter.EVENTS]),
        "seconds_by_step": dict(model.seconds_by_step),
        "laws_checked": model.laws_checked,
        "taken_for_granted": [sentence for policy in model.interventions for sentence in policy.assumptions()],
    }


def _with_files(manifest: dict[str, Any], folder: Path, seconds: float) -> dict[str, Any]:
    """Return a manifest that also tells the files of its folder and the time that writing took."""
    from experiments.store import digests

    phases = manifest["seconds_by_phase"] | {"files": seconds}
    return manifest | {"seconds_by_phase": phases, "wall_s": manifest["wall_s"] + seconds, "files": digests(folder)}


def _compile_rules(progress: Progress) -> None:
    """Compile what is not compiled yet, then load it by a Monday on the invented territory, before the clock starts."""
    from abm.compiled import is_compiled
    from experiments.warming import NOTICE, compile_apart

    if not is_compiled():
        progress.phase(NOTICE)
        compile_apart()
    from abm.model import TerritoryModel

    TerritoryModel("tiny", rng=0, start="2024-01-01", days=7, warm_up_days=0).step()


def refuse_unknown_territory(territory: str | Path) -> None:
    """Refuse what is neither a built-in territory nor a folder, without the second that importing pandas takes."""
    built_in = sorted(file.parent.name for file in Path(abm.environment.__file__).parent.glob("territories/*/*.yaml"))
    if str(territory) in built_in or ("\0" not in str(territory) and territory and Path(territory).exists()):
        return
    hint = nearest(Path(territory).name, built_in)
    raise InputError(f"no territory '{territory}', neither built in nor a folder.{hint}")
