"""Run every peer and this model on the same workload and print a table.

Examples
--------
    python benchmarks/compare.py                 # the full workload, 3 runs each
    python benchmarks/compare.py --fraction 0.1  # a tenth of the doctors and patients

Runs are interleaved, so that a noisy minute hits all alike; run r uses seed + r. Seconds are those of the simulation:
start-up, building the population and compilation are left out for everybody. One process, one thread each.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import math
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder is not installed

from benchmarks.practice_workload import Result, Workload

Runner = Callable[[Workload], "Result | Row"]

PEERS = {
    "mesa, efficient": ("benchmarks.peer_mesa_efficient", 1.0),
    "mesa, plain": ("benchmarks.peer_mesa_plain", 0.1),
    "simpy": ("benchmarks.peer_simpy", 1.0),
    "starsim": ("benchmarks.peer_starsim", 1.0),
}
"""Peer, its module, and the fraction of the workload it is given: the plain one would take half a minute a run."""


@dataclass(frozen=True)
class Row:
    """One run as the table needs it."""

    events: float
    events_per_second: float
    mean_wait_days: float
    emergency_share: float


@dataclass
class Contender:
    """A peer, what it simulates, and its runs so far."""

    name: str
    run: Runner
    workload: Workload
    rows: list[Row] = field(default_factory=list)


def run_ours(workload: Workload) -> Row:
    """Run this model's own booking code on the workload.

    When the answer has no `events`, they are counted from the visits held and the emergency share: the appointments
    still open at the end are then missing (under 3 % of the needs here), to the disadvantage of this model.
    """
    practice = importlib.import_module("experiments.verify").practice
    answer = practice(
        patients=workload.patients,
        doctors=workload.doctors,
        slots=workload.slots,
        horizon=workload.horizon_days,
        working_days=workload.working_days,
        days=workload.days,
        warm_up=0,
        daily_need=workload.daily_need,
        chronic_share=workload.chronic_share,
        chronic_daily_need=workload.chronic_daily_need,
        replications=1,
        seed=workload.seed,
    )
    emergency_share = answer["emergency_share"]["mean"]
    open_days = sum(workload.is_open(day) for day in range(workload.days))
    held = answer["utilisation"]["mean"] * workload.doctors * workload.slots * open_days
    events = answer.get("events", held + held / max(1 - emergency_share, 1e-12))
    return Row(events, events / answer["run_s"], answer["mean_wait_days"]["mean"], emergency_share)


def contenders(workload: Workload) -> list[Contender]:
    """Return this model and the peers that can be imported; say on standard error which cannot."""
    found = []
    if _can_import("experiments.verify", "territoire"):
        found.append(Contender("territoire", run_ours, workload))
    for name, (module, fraction) in PEERS.items():
        if _can_import(module, name):
            share = workload if fraction == 1 else workload.scaled(fraction)
            found.append(Contender(name, importlib.import_module(module).run, share))
    return found


def measure(those: list[Contender], runs: int) -> None:
    """Run each contender `runs` times in turn and keep the rows; the first, which may compile, is preceded by a try."""
    for contender in those:
        contender.run(replace(contender.workload.scaled(1 / contender.workload.doctors), days=10))
    for number in range(runs):
        for contender in those:
            gc.collect()
            result = contender.run(replace(contender.workload, seed=contender.workload.seed + number))
            contender.rows.append(
                Row(result.events, result.events_per_second, result.mean_wait_days, result.emergency_share)
            )


def table(those: list[Contender]) -> str:
    """Return the table: medians of speed; means of the outcomes with their standard errors over runs."""
    lines = [f"{'':16} {'doctors':>8} {'events':>10} {'events/s':>12} {'mean wait, days':>18} {'emergency, %':>18}"]
    for contender in those:
        events = statistics.median(row.events for row in contender.rows)
        speed = statistics.median(row.events_per_second for row in contender.rows)
        wait = _with_error([row.mean_wait_days for row in contender.rows])
        emergency = _with_error([100 * row.emergency_share for row in contender.rows])
        size = f"{contender.name:16} {contender.workload.doctors:8} {events:10,.0f}"
        lines.append(f"{size} {speed:12,.0f} {wait:>18} {emergency:>18}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description="Speed of this model and of others on one workload.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, interleaved (default 3)")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the doctors and patients (default 1)")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error(f"--runs must be at least 1, found {options.runs}")
    if not 0 < options.fraction <= 10:
        parser.error(f"--fraction must be above 0 and at most 10, found {options.fraction}")
    workload = Workload().scaled(options.fraction)
    those = contenders(workload)
    measure(those, options.runs)
    print(f"Python {platform.python_version()}, {platform.machine()}; {options.runs} runs of {workload}")
    print(table(those))
    return 0


def _can_import(module: str, name: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError as error:
        print(f"{name}: left out ({error})", file=sys.stderr)
        return False
    return True


def _with_error(values: list[float]) -> str:
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    return f"{mean:.3f} ± {statistics.stdev(values) / math.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    sys.exit(main())
