"""A sweep from its design file to its table: what it will take, the making of it, what stands there, what came of it.

Owns the folder's choice, the forecast, and the choice of workers. The runs are made by `experiments.batch`; what a
design file may say is `experiments.designs`.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from abm.scenario import Scenario
from experiments.batch import difference, refuse_taken, run_batch
from experiments.cluster import workers_of
from experiments.designs import SweepDesign, read_sweep_design
from experiments.pool import run_all
from experiments.progress import Counts
from experiments.running import DEFAULT_FOLDER
from experiments.specs import RunSpec
from experiments.store import MANIFEST, digests, is_finished, write_json
from experiments.table import (
    DESIGN,
    FAILED,
    PENDING,
    SET,
    Design,
    Layout,
    Table,
    read_design,
)

if TYPE_CHECKING:
    import pandas as pd

    from abm.environment.territory import Territory

MANY_RUNS = 10_000  # ask before more than so many
MOST_RUNS = 1_000_000
PROBE_DAYS, PROBE_MORE_DAYS = 28, 182
MEMORY_A_WORKER_BYTES = 1.0e9  # a run of a full territory, with its indicators
SWEEP = "sweep"
SHOWN = (
    "lead_time_mean_days.gp", "time_to_care_days.gp", "lead_time_median_days.cardiologist", "forgone_care_share",
    "emergency_visits_per_head", "spend_per_head_eur",
)  # fmt: skip
"""The indicators that figures and report of a sweep show when its design names none."""


@dataclass(frozen=True)
class Sweep:
    """A design whose runs are known.

    Attributes
    ----------
    specs : the runs, in order.
    about, strata : see `experiments.batch.run_batch`.
    name : of the default folder.
    """

    name: str
    specs: tuple[RunSpec, ...]
    about: Mapping[str, Any]
    strata: tuple[str, ...] = ()
    design: SweepDesign | None = None


@dataclass(frozen=True)
class Results:
    """What came of a batch.

    Attributes
    ----------
    table : one row a run: digest, territory, scenario, seed, status, error, `set.…`, indicators.
    tidy : one row a run and indicator of the runs that are done: digest, territory, scenario, seed, what the design
        sets under its own name, indicator, value.
    strata : one row a run, indicator and stratum, when the design keeps strata.
    about : how the design chose its points; empty when it was made in Python.
    folder : where the files are.
    """

    table: pd.DataFrame
    tidy: pd.DataFrame
    strata: pd.DataFrame
    about: Mapping[str, Any]
    folder: Path


def sweep(
    design: str | Path | Mapping[str, Any],
    output: str | Path | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    retry_failed: bool = False,
    on_done: Callable[[Counts], None] | None = None,
) -> Results:
    """Make the runs of a design that are missing.

    Parameters
    ----------
    design : a design file, its content, or the folder of a sweep begun before.
    output : folder; by default `outputs/<name of the file>`, with a number when another design took it.
    workers : processes; by default as many as there are cores and memory for.
    cluster : address or scheduler file of a Dask scheduler, whose workers make the runs.
    retry_failed : also make again the runs that failed.
    on_done : is told how many runs are done, failed and pending.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything runs.
    """
    prepared = prepare(design)
    folder = choose_folder(prepared, None if output is None else Path(output), default=_own_folder(design))
    carry_out(prepared, folder, workers=workers, cluster=cluster, retry_failed=retry_failed, on_done=on_done)
    return load_results(folder)


def prepare(source: str | Path | Mapping[str, Any], method: str | None = None, *, may_be_huge: bool = False) -> Sweep:
    """Return the runs of a design file, or of the folder of a sweep begun before.

    Parameters
    ----------
    method : "sobol" or "morris", when sensitivity is asked for.
    may_be_huge : more than 10,000 runs are meant.

    Raises
    ------
    InputError
        Whatever cannot be used; more than 10,000 runs that nobody said are meant.
    """
    if not isinstance(source, Mapping) and (Path(source) / DESIGN).is_file() and method is None:
        stored = read_design(source)
        return Sweep(Path(source).resolve().name, stored.runs, stored.about, stored.layout.strata)
    if not isinstance(source, Mapping) and Path(source).is_dir():
        raise InputError(f"a folder without {DESIGN}: no sweep was begun here", file=source)
    design = read_sweep_design(source, method)
    n_runs = design.n_runs
    file = None if isinstance(source, Mapping) else source
    if n_runs > MOST_RUNS:
        raise InputError(f"asks for {n_runs:,} runs; at most {MOST_RUNS:,} can be listed", file=file)
    if n_runs > MANY_RUNS and not may_be_huge:
        raise InputError(f"asks for {n_runs:,} runs; say --yes if that is meant", file=file)
    if n_runs == 0:
        raise InputError("asks for no run", file=file)
    return Sweep(design.name, tuple(design.specs()), design.about(), design.strata, design)


def _own_folder(design: str | Path | Mapping[str, Any]) -> Path | None:
    """Return the folder of a sweep that is itself named as the design."""
    return None if isinstance(design, Mapping) or not Path(design).is_dir() else Path(design)


def choose_folder(prepared: Sweep, output: Path | None, *, default: Path | None = None) -> Path:
    """Return the folder of a sweep: new, or begun with the same design.

    Raises
    ------
    InputError
        A folder named by the user holds something else.
    """
    if output is not None or default is not None:
        folder = output or default or Path()
        reason = _obstacle(prepared, folder)
        if reason is not None:
            raise InputError(reason, file=folder)
        return folder
    names = (DEFAULT_FOLDER / (prepared.name + (f"-{n}" if n > 1 else "")) for n in itertools.count(1))
    return next(folder for folder in names if _obstacle(prepared, folder) is None)


def _obstacle(prepared: Sweep, folder: Path) -> str | None:
    """Return in words why a sweep cannot stand in a folder, or None."""
    if (folder / DESIGN).is_file():
        reason = difference(read_design(folder), prepared.specs, strata=prepared.strata)
        return None if reason is None else f"holds a batch of another design ({reason}); name another folder"
    try:
        refuse_taken(folder)
    except InputError as error:
        return error.message
    return None


def carry_out(
    prepared: Sweep,
    folder: Path,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    retry_failed: bool = False,
    on_done: Callable[[Counts], None] | None = None,
) -> pd.DataFrame:
    """Make the runs that are missing, with processes or a cluster; write the manifest when all are over.

    Raises
    ------
    InputError
        Folder, cluster or territory cannot be used.
    ConnectionError
        The cluster was lost; what was finished is kept.
    """
    from experiments import provenance

    started, began = provenance.now(), perf_counter()
    provenance.code_version()  # kept as it is now: files may be changed while the runs are made
    told: list[Counts] = []

    def note(counts: Counts) -> None:
        if not told and counts[PENDING]:
            (folder / MANIFEST).unlink(missing_ok=True)  # not finished any more
        told[:] = [counts]
        if on_done is not None:
            on_done(counts)

    with workers_of(cluster) as (executor, n_workers):
        count = workers or n_workers or default_workers()
        table = run_batch(
            prepared.specs,
            folder,
            workers=count,
            executor=executor,
            retry_failed=retry_failed,
            strata=prepared.strata,
            about=prepared.about,
            on_done=note,
        )
    if not is_finished(folder):
        times = {"started": started, "ended": provenance.now(), "wall_s": perf_counter() - began}
        write_manifest(folder, prepared.specs, prepared.about, times | {"workers": count, "cluster": cluster}, told[0])
    return table


def default_workers() -> int:
    """Return how many processes this machine has cores and free memory for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free_bytes = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        return max(1, min(cores, int(free_bytes / MEMORY_A_WORKER_BYTES)))
    return cores


def write_manifest(
    folder: Path, specs: Sequence[RunSpec], about: Mapping[str, Any], times: Mapping[str, Any], counts: Counts
) -> None:
    """Write what was run with what, when all runs are over; which run is which stands in `design.json`."""
    from experiments import provenance

    facts = provenance.common_facts() | {"kind": SWEEP, "design": dict(about), "runs": dict(counts), **times}
    facts |= {"model": specs[0].code, "territories": {spec.territory: spec.territory_digest for spec in specs}}
    write_json(folder / MANIFEST, facts | {"files": _digests_of(folder)})


def _digests_of(folder: Path) -> dict[str, str]:
    """Return the digests of the files that follow from the design alone."""
    return {
        name: digest for name, digest in digests(folder).items() if name.split("/")[0] in ("runs", "strata", DESIGN)
    }


# ------------------------------------------------------------------------------------------------------- before a sweep


@dataclass(frozen=True)
class Forecast:
    """What a sweep will take.

    Attributes
    ----------
    runs, over : how many it has, how many of them are there already.
    seconds : for the others, with `workers` processes of this machine.
    seconds_a_run : mean.
    bytes_on_disk : of the whole table.
    """

    runs: int
    over: int
    seconds: float
    seconds_a_run: float
    workers: int
    bytes_on_disk: int


def forecast(prepared: Sweep, folder: Path, workers: int | None = None) -> Forecast:
    """Measure what one run takes, by a shorter one in a process of its own, and return what the sweep will take."""
    over = _over(prepared, folder)
    missing = [spec for spec in prepared.specs if spec.digest not in over]
    largest = max(prepared.specs, key=_work)
    outcome = run_all(_probe, [(0, largest)], 1)[0]
    if outcome.error is not None:
        raise RuntimeError(f"a first run does not end well: {outcome.error}")
    found = outcome.value
    seconds = sum(_seconds(spec, largest, found) for spec in missing)
    count = min(workers or default_workers(), max(1, len(missing)))
    return Forecast(
        runs=len(prepared.specs),
        over=len(prepared.specs) - len(missing),
        seconds=seconds / count,
        seconds_a_run=seconds / max(1, len(missing)),
        workers=count,
        bytes_on_disk=_bytes_on_disk(prepared.specs, found["indicators"]),
    )


def _over(prepared: Sweep, folder: Path) -> set[str]:
    if not (folder / DESIGN).is_file():
        return set()
    design = read_design(folder)
    return set(Table(folder, design).statuses()) & {spec.digest for spec in prepared.specs}


def _facts(spec: RunSpec) -> tuple[float, float]:
    """Return scale and number of days of a run."""
    scenario = json.loads(spec.scenario)
    return scenario["scale"], scenario["warm_up_days"] + scenario["days"] + scenario["follow_up_days"]


def _work(spec: RunSpec) -> float:
    scale, days = _facts(spec)
    return scale * days


def _seconds(spec: RunSpec, probed: RunSpec, found: Mapping[str, Any]) -> float:
    """Return what a run will take: what follows the people and the days, and what every run takes."""
    (scale, days), (probed_scale, _) = _facts(spec), _facts(probed)
    return float(found["fixed_s"] + scale / probed_scale * (found["build_s"] + days * found["day_s"]))


def _probe(spec: RunSpec) -> dict[str, Any]:
    """Make two short runs, of which the longer tells what a day takes; return that, and which indicators there are.

    What is loaded when it is first used is left out: a process makes many runs.
    """
    from experiments.running import find_territory
    from experiments.warming import compile_here

    compile_here()
    pack, tiny = find_territory(spec.place), find_territory("tiny")
    scenario = json.loads(spec.scenario)

    def seconds(territory: Territory, days: int) -> tuple[float, list[str]]:
        short = scenario | {"days": days, "warm_up_days": PROBE_DAYS, "follow_up_days": 0}
        began = perf_counter()
        names = _indicators_of(territory, Scenario.model_validate(short), spec.seed)
        return perf_counter() - began, names

    seconds(tiny, PROBE_DAYS)
    fixed_s, names = seconds(tiny, PROBE_DAYS)
    seconds(pack, PROBE_DAYS + PROBE_MORE_DAYS)
    brief_s, _ = seconds(pack, PROBE_DAYS)
    long_s, _ = seconds(pack, PROBE_DAYS + PROBE_MORE_DAYS)
    day_s = max(0.0, long_s - brief_s) / PROBE_MORE_DAYS
    build_s = max(0.0, brief_s - 2 * PROBE_DAYS * day_s - fixed_s)
    return {"fixed_s": fixed_s, "build_s": build_s, "day_s": day_s, "indicators": names}


def _indicators_of(pack: Territory, scenario: Scenario, seed: int) -> list[str]:
    """Make a run; return the ids of its indicators over everybody and the whole horizon."""
    from abm.indicators import indicators
    from abm.model import TerritoryModel

    model = TerritoryModel(pack, scenario, rng=seed)
    model.run_to_end()
    table = indicators(model.release(), ("all",))
    return list(table.loc[table["period"] == "all", "indicator"])


def _bytes_on_disk(specs: Sequence[RunSpec], indicators: Sequence[str]) -> int:
    """Return about how large the table will be: numbers that chance makes do not compress."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    some = specs[:100]
    layout = Layout(dict.fromkeys(json.loads(specs[0].settings), "number"), tuple(indicators))
    values = [{name: (n * 0.6180339887 + k * 0.1) % 1.0 for k, name in enumerate(indicators)} for n in range(len(some))]
    plain = Layout({}, layout.indicators)
    rows = [plain.row(spec, "done", values=value) for spec, value in zip(some, values, strict=True)]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=plain.schema), stream, use_dictionary=False)
    return int(len(stream.getvalue()) / len(some) * len(specs))


# ------------------------------------------------------------------------------------------------------ a sweep's state


def status_of(folder: Path) -> dict[str, Any]:
    """Return what stands in a batch's folder: counts, and the errors of failed runs, the most frequent first.

    Raises
    ------
    InputError
        No batch in this folder.
    """
    design = read_design(folder)
    table = Table(folder, design).read()
    statuses = Counter(table["status"].to_pylist())
    errors = Counter(
        e for e, s in zip(table["error"].to_pylist(), table["status"].to_pylist(), strict=True) if s == FAILED
    )
    return {
        "folder": str(folder),
        "design": dict(design.about),
        "runs": len(design.runs),
        **{name: statuses.get(name, 0) for name in ("done", "failed", "pending")},
        "errors": [{"error": error, "runs": times} for error, times in errors.most_common()],
    }


def load_results(folder: str | Path, indicators: Sequence[str] | None = ()) -> Results:
    """Return what came of a batch, also while it grows.

    Parameters
    ----------
    indicators : ids or patterns that the tidy table is wanted of; by default all: of many runs, a large table. `None`
        wants those that the design is about.

    Raises
    ------
    InputError
        No batch in this folder.
    """
    design: Design = read_design(folder)
    stored = Table(Path(folder), design)
    table, wanted = stored.read().to_pandas(), indicators_of(design.about) if indicators is None else indicators
    return Results(table, tidy(table, wanted), stored.read_strata().to_pandas(), design.about, Path(folder))


def indicators_of(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Return ids and patterns of the indicators that a design is about, by default `SHOWN`."""
    return tuple(about.get("indicators", ())) or SHOWN


def tidy(table: pd.DataFrame, indicators: Sequence[str] = ()) -> pd.DataFrame:
    """Return the table of a batch with one row a run and indicator; runs that are not done, and NaN, are left out.

    Parameters
    ----------
    indicators : ids or patterns; by default all.

    Returns
    -------
    digest, territory, scenario, seed, what the design sets under its own name, indicator, value.
    """
    sets = [name for name in table.columns if name.startswith(SET)]
    facts = ["digest", "territory", "scenario", "seed", *sets]
    done = table[table["status"] == "done"].drop(columns=["status", "error"])
    if indicators:
        unwanted = [name for name in done.columns[len(facts) :] if not any(fnmatchcase(name, p) for p in indicators)]
        done = done.drop(columns=unwanted)
    long = done.melt(id_vars=facts, var_name="indicator", value_name="value").dropna(subset=["value"])
    return long.rename(columns={name: name.removeprefix(SET) for name in sets}).reset_index(drop=True)
