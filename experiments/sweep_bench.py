"""What does a sweep cost beyond its runs, do two workers do twice as much as one, does memory grow with many runs?

Owns that measuring, for `territoire bench`: rows written and folded without simulating, a table of many rows asked for
its state and its report, runs of a reduced territory by one process and by two, many short runs.
"""

from __future__ import annotations

import itertools
import multiprocessing
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.batch import _indicators, run_batch
from experiments.specs import RunSpec, make_specs
from experiments.table import DONE, Design, Layout, Table, load, read_design, rows_a_file, write_design, write_incoming
from experiments.terminal import console

TIMED_ROWS, FOLDED_AT_ONCE = 1000, 20  # rows whose way into the table is timed, rows that come in between two foldings
STORED = {"days": 60, "warm_up_days": 30, "follow_up_days": 30}
LEVELS = {"gp_load": (0.8, 0.85, 0.9, 0.95, 1.0), "teleconsultation": (0.0, 0.1, 0.2, 0.3)}
SHORTEST = {"days": 7, "warm_up_days": 0, "follow_up_days": 0}
REDUCED = {"scale": 0.1, "days": 730}
MANY_RUNS = 1000
BYTES_IN_MIB = 2**20


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes
    ----------
    rows : of a table that is filled without simulating.
    territory, settings : of the runs that one and two workers make.
    runs, rounds : how many of them a worker makes in a round; rounds of one and of two workers take turns, because a
        machine is not equally fast at all times.
    many : short runs of the invented territory, over which memory is watched.
    """

    rows: int = 10_000
    territory: str = "saverne"
    settings: Mapping[str, Any] | None = None
    runs: int = 12
    rounds: int = 3
    many: int = 2000


QUICK = Size(rows=200, territory="tiny", settings=STORED, runs=4, rounds=1, many=16)


def measure_sweeps(size: Size) -> dict[str, Any]:
    """Return what the store takes, how many runs a second one and two workers make, and whether memory grows.

    Returns
    -------
    `row_s`: to write, fold and bring to disk a row; `open_s`, `status_s`, `report_s`: to read design and table, to
    count what is done, to write the report; `runs_per_second` by number of workers, median over rounds, without the
    start of the processes; `speed_up` of two in each round; `many_runs_s`: what `MANY_RUNS` of them would take with two
    workers, from these rates; `memory`: see `_watch_memory`.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = _measure_store(Path(folder) / "stored", size.rows)
        rates: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(size.rounds):
            for workers in rates:
                rates[workers].append(_rate(Path(folder) / f"{workers}-{turn}", size, workers, turn))
        memory = _watch_memory(Path(folder) / "many", size.many)
    typical = {workers: statistics.median(found) for workers, found in rates.items()}
    return answer | {
        "reduced": {"territory": size.territory, "settings": dict(size.settings or REDUCED)},
        "runs_per_second": typical,
        "rounds": rates,
        "speed_up": [two / one for one, two in zip(rates[1], rates[2], strict=True)],
        "many_runs_s": MANY_RUNS / typical[2],
        "memory": memory,
    }


def _measure_store(folder: Path, n_rows: int) -> dict[str, Any]:
    from experiments.sweep_report import write_sweep_report
    from experiments.sweeping import status_of

    folder.mkdir()
    points = [dict(zip(LEVELS, values, strict=True)) for values in itertools.product(*LEVELS.values())]
    specs = make_specs(seeds=range(-(-n_rows // len(points))), settings=[STORED | p for p in points], territory="tiny")
    layout = Layout(dict.fromkeys(sorted([*STORED, *LEVELS]), "number"), _indicators())
    factors = [{"name": name, "levels": levels, "unit": "", "group": None} for name, levels in LEVELS.items()]
    about = {"name": "stored", "method": "grid", "factors": factors}
    design = Design(tuple(specs[:n_rows]), layout, rows_a_file(n_rows), about)
    write_design(folder, design)
    table = Table(folder, design)
    table.lay_out()
    timed = min(n_rows, TIMED_ROWS)
    began = perf_counter()
    _store(table, design.runs[:timed], FOLDED_AT_ONCE)
    row_s = (perf_counter() - began) / timed
    _store(table, design.runs[timed:], n_rows)
    times = [perf_counter()]
    for ask in (lambda: (read_design(folder), load(folder)), lambda: status_of(folder),
                lambda: write_sweep_report(folder)):  # fmt: skip
        ask()
        times.append(perf_counter())
    opened, told, reported = (after - before for before, after in itertools.pairwise(times))
    return {"rows": n_rows, "row_s": row_s, "open_s": opened, "status_s": told, "report_s": reported}


def _store(table: Table, runs: Sequence[RunSpec], at_once: int) -> None:
    """Write the rows of runs that nobody made, as workers do, and fold them into the table."""
    layout = table.design.layout
    for number, spec in enumerate(runs, 1):
        write_incoming(table.folder, layout.row(spec, DONE, values=_invented(layout.indicators, spec.seed + number)))
        if number % at_once == 0:
            table.fold()
    table.fold()


def _invented(indicators: Sequence[str], number: int) -> dict[str, float]:
    """Return values that no two rows share, as chance would make them: they do not compress."""
    return {name: (number * 0.6180339887 + place * 0.1) % 1.0 for place, name in enumerate(indicators)}


def _rate(folder: Path, size: Size, workers: int, turn: int) -> float:
    """Return runs a second once every process has made its first."""
    times: list[float] = []
    n_runs = size.runs * workers
    seeds = range(1000 * turn, 1000 * turn + n_runs + workers)
    specs = make_specs(seeds=seeds, settings=[size.settings or REDUCED], territory=size.territory)
    run_batch(specs, folder, workers, on_done=lambda _: times.append(perf_counter()))
    return n_runs / (times[-1] - times[workers])


def _watch_memory(folder: Path, n_runs: int) -> dict[str, Any]:
    """Make many short runs with two workers, and look at the memory of all processes now and then.

    Returns
    -------
    `runs`; `early_mib`, `late_mib`: of all processes together, mean over the second and the last tenth of the runs
    (None where the system does not tell).
    """
    sizes: list[float | None] = []
    specs: list[RunSpec] = make_specs(seeds=range(n_runs), settings=[SHORTEST], territory="tiny")
    run_batch(specs, folder, 2, on_done=lambda _: sizes.append(_memory_mib()))
    tenth = max(1, n_runs // 10)
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return {"runs": n_runs, "early_mib": None, "late_mib": None}
    early, late = statistics.fmean(known[tenth : 2 * tenth]), statistics.fmean(known[-tenth:])
    return {"runs": n_runs, "early_mib": early, "late_mib": late}


def _memory_mib() -> float | None:
    """Return the resident memory of this process and of those that it started, or None where that is not told."""
    import os

    total = 0
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        for number in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
            total += int(Path(f"/proc/{number}/statm").read_text(encoding="ascii").split()[1]) * page
    except (OSError, ValueError, AttributeError):
        return None
    return total / BYTES_IN_MIB


def show_sweeps(found: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Print the measurements.

    Parameters
    ----------
    run : the full run that the store's share is told of: what it takes in a sweep, `seconds_in_sweep`.
    """
    from experiments.progress import duration

    out, rates, memory, reduced = console(), found["runs_per_second"], found["memory"], found["reduced"]
    out.print("\nSweeps", style="bold")
    share = found["row_s"] / run["seconds_in_sweep"]
    out.print(
        f"  a row stored        {1000 * found['row_s']:8.1f} ms  {share:.2%} of the run above as a sweep makes it"
    )
    asked = f"table {found['open_s']:.1f} s, --status {found['status_s']:.1f} s, report {found['report_s']:.1f} s"
    out.print(f"  {found['rows']:,} rows opened   {asked}")
    settings = ", ".join(f"{name} {value}" for name, value in reduced["settings"].items())
    out.print(f"  1 worker, 2 workers {rates[1]:8.2f}, {rates[2]:.2f} runs/s on {reduced['territory']}, {settings}")
    ratios = ", ".join(f"{ratio:.2f}" for ratio in found["speed_up"])
    out.print(f"  speed-up of two     {statistics.median(found['speed_up']):8.2f}    in the rounds: {ratios}")
    out.print(f"  {MANY_RUNS:,} such runs    {duration(found['many_runs_s']):>8}    with two workers, from this rate")
    if memory["early_mib"] is not None:
        grown = memory["late_mib"] - memory["early_mib"]
        told = f"three processes after {memory['runs']:,} runs, {grown:+.0f} since their second tenth"
        out.print(f"  memory, MiB         {memory['late_mib']:8.0f}    {told}")
