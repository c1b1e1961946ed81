"""What does a sweep cost beyond its runs, and do two workers do twice as much as one?

Owns that measuring, for `territoire bench`: rows written and folded, a table of many rows opened, runs of the invented
territory by one process and by two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.batch import _indicators, run_batch
from experiments.specs import make_specs
from experiments.table import DONE, Design, Layout, Table, load, read_design, rows_a_file, write_design, write_incoming
from experiments.terminal import console

FOLDED_AT_ONCE = 20  # rows that come in between two foldings
RUN = {"days": 60, "warm_up_days": 30, "follow_up_days": 30}


def measure_sweeps(n_rows: int, n_runs: int) -> dict[str, Any]:
    """Return what the store takes, and how many runs a second one and two workers make.

    Parameters
    ----------
    n_rows : of a table that is filled without simulating.
    n_runs : of the invented territory, made by one worker and then by two, processes started before.

    Returns
    -------
    `row_s`: to write, fold and bring to disk a row; `open_s`: to read design and table; `runs_per_second` by number of
    workers, without the start of the processes; `speed_up` of two.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = _measure_store(Path(folder), n_rows)
        rates = {workers: _rate(Path(folder) / f"workers-{workers}", n_runs, workers) for workers in (1, 2)}
    return answer | {"runs_per_second": rates, "speed_up": rates[2] / rates[1]}


def _measure_store(folder: Path, n_rows: int) -> dict[str, Any]:
    (first,) = make_specs(settings=[RUN], territory="tiny")
    layout = Layout(dict.fromkeys(RUN, "number"), _indicators())
    design = Design(tuple(replace(first, seed=seed) for seed in range(n_rows)), layout, rows_a_file(n_rows))
    write_design(folder, design)
    table = Table(folder, design)
    table.lay_out()
    values = {name: number / 7.0 for number, name in enumerate(layout.indicators)}
    began = perf_counter()
    for number, spec in enumerate(design.runs, 1):
        write_incoming(folder, layout.row(spec, DONE, values=values))
        if number % FOLDED_AT_ONCE == 0:
            table.fold()
    table.fold()
    written = perf_counter()
    read_design(folder)
    load(folder)
    return {"rows": n_rows, "row_s": (written - began) / n_rows, "open_s": perf_counter() - written}


def _rate(folder: Path, n_runs: int, workers: int) -> float:
    """Return runs a second once every process has made its first."""
    times: list[float] = []
    specs = make_specs(seeds=range(n_runs + workers), settings=[RUN], territory="tiny")
    run_batch(specs, folder, workers, on_done=lambda _: times.append(perf_counter()))
    return n_runs / (times[-1] - times[workers])


def show_sweeps(found: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Print the measurements.

    Parameters
    ----------
    run : of the full run that the store's share is told of, `end_to_end_s`.
    """
    out, rates = console(), found["runs_per_second"]
    out.print("\nSweeps", style="bold")
    share = found["row_s"] / run["end_to_end_s"]
    out.print(f"  a row stored        {1000 * found['row_s']:8.1f} ms  {share:.2%} of the baseline's run above")
    out.print(f"  {found['rows']:,} rows opened {found['open_s']:9.1f} s")
    both = f"{rates[1]:8.2f}, {rates[2]:.2f} runs/s"
    out.print(f"  1 worker, 2 workers {both} on the invented territory: ×{found['speed_up']:.2f}")
