"""How fast is the model, how much memory does it take, and how do others do on the same workload?

Owns the measuring of a full run in a process of its own, and the way to the side-by-side workload of `benchmarks`,
which is part of the repository and not of the installed package.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import experiments
from abm.errors import InputError
from experiments.running import read_manifest
from experiments.store import to_json
from experiments.sweep_bench import QUICK, Size, measure_sweeps, show_sweeps
from experiments.terminal import console, say

ROOT = Path(experiments.__file__).parents[1]
BYTES_IN_MIB = 2**20
WORKLOAD = {
    "patients": 90_000, "doctors": 80, "slots": 19, "horizon": 14, "working_days": 5, "days": 365,
    "daily_need": 0.011, "chronic_share": 0.2, "chronic_daily_need": 0.025,
}  # fmt: skip


def bench(*, with_peers: bool, is_quick: bool, is_json: bool) -> None:
    """Measure and print: a full run of the baseline, then the booking workload, alone or beside the peers."""
    peers = peers_module() if with_peers else None
    say(f"A run of the baseline on {'tiny' if is_quick else 'saverne'} …")
    answer: dict[str, Any] = {"run": measure_run("tiny" if is_quick else "saverne")}
    say("The booking workload …")
    fraction, runs = (0.1, 1) if is_quick else (1.0, 3)
    answer["workload"] = measure_peers(peers, fraction, runs) if peers else [measure_workload(fraction, runs)]
    say("Sweeps …")
    answer["sweeps"] = measure_sweeps(QUICK if is_quick else Size())
    if is_json:
        print(to_json(answer))
    else:
        _show(answer)
        show_sweeps(answer["sweeps"], answer["run"])


def peers_module() -> Any:
    """Return the module that runs the peers.

    Raises
    ------
    InputError
        This is not a checkout of the repository.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.compare")
    except ModuleNotFoundError:
        raise InputError(
            "--against: the other simulators' code is in the folder 'benchmarks' of the repository, not in the "
            "installed package: take a checkout, install it there with pip install -e '.[bench]', and try again"
        ) from None


def measure_run(territory: str, *options: str) -> dict[str, Any]:
    """Run the baseline in a process of its own and return its times, memory and events.

    Parameters
    ----------
    options : more options of `territoire run`.

    Returns
    -------
    `run_s`: the daily loop; `end_to_end_s`: from the start of the process to its end, files and figures written;
    `peak_mib`; `events_per_second` of the daily loop; `shares`: of each step in the daily loop; `seconds_in_sweep`: to
    build the people and live the days, without tables and files, which are few in a sweep.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "run")
        began = perf_counter()
        peak_kib = _run_apart("run", "baseline", "-t", territory, "-o", target, "--quiet", *options)
        end_to_end_s = perf_counter() - began
        manifest = read_manifest(target)
    run_s = manifest["run_s"]
    shares = {step: seconds / run_s for step, seconds in manifest["seconds_by_step"].items()}
    return {
        "territory": territory,
        "people": manifest["population"]["people"],
        "days": manifest["days_simulated"],
        "events": manifest["events"],
        "run_s": run_s,
        "end_to_end_s": end_to_end_s,
        "peak_mib": peak_kib * 1024 / BYTES_IN_MIB,
        "events_per_second": manifest["events"] / run_s,
        "shares": shares | {"laws, weekly and monthly figures": 1.0 - sum(shares.values())},
        "seconds_by_phase": manifest["seconds_by_phase"],
        "seconds_in_sweep": run_s + manifest["seconds_by_phase"]["build"],
    }


def measure_workload(fraction: float, runs: int) -> dict[str, Any]:
    """Return the speed of this model's own booking code on the workload, median over runs."""
    from experiments.verify import practice

    doctors = max(1, round(WORKLOAD["doctors"] * fraction))
    size = {"doctors": doctors, "patients": round(WORKLOAD["patients"] * doctors / WORKLOAD["doctors"])}
    answers = [practice(**(WORKLOAD | size), seed=1 + number) for number in range(runs)]  # type: ignore[arg-type]
    return {
        "name": "territoire",
        "doctors": doctors,
        "events": statistics.median(answer["events"] for answer in answers),
        "events_per_second": statistics.median(answer["events"] / answer["run_s"] for answer in answers),
        "mean_wait_days": statistics.fmean(answer["mean_wait_days"]["mean"] for answer in answers),
        "emergency_share": statistics.fmean(answer["emergency_share"]["mean"] for answer in answers),
    }


def measure_peers(module: Any, fraction: float, runs: int) -> list[dict[str, Any]]:
    """Return the same for this model and every peer that is installed, runs interleaved."""
    those = module.contenders(module.Workload().scaled(fraction))
    module.measure(those, runs)
    return [
        {
            "name": contender.name,
            "doctors": contender.workload.doctors,
            "events": statistics.median(row.events for row in contender.rows),
            "events_per_second": statistics.median(row.events_per_second for row in contender.rows),
            "mean_wait_days": statistics.fmean(row.mean_wait_days for row in contender.rows),
            "emergency_share": statistics.fmean(row.emergency_share for row in contender.rows),
        }
        for contender in those
    ]


def _run_apart(*arguments: str) -> int:
    """Run a command of ours in another process; return its peak memory, KiB."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    child = subprocess.Popen([sys.executable, "-m", "experiments", *arguments], env=environment)
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        child.terminate()
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the measured run ended with exit code {child.returncode}")
    return int(usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss)


def show_run(run: dict[str, Any]) -> None:
    """Print what `measure_run` found."""
    out = console()
    out.print(f"\nBaseline on {run['territory']}: {run['people']:,} people, {run['days']:,} days", style="bold")
    out.print(f"  daily loop          {run['run_s']:8.2f} s   {run['events_per_second']:,.0f} events/s")
    out.print(f"  end to end          {run['end_to_end_s']:8.2f} s   the process from start to end, files written")
    out.print(f"  peak memory         {run['peak_mib']:8.0f} MiB")
    shares = ", ".join(f"{name} {share:.0%}" for name, share in run["shares"].items())
    out.print(f"  of the daily loop   {shares}")


def _show(answer: dict[str, Any]) -> None:
    """Print both measurements."""
    from rich.table import Table

    show_run(answer["run"])
    out = console()
    table = Table("", "doctors", "events", "events/s", "mean wait, days", "to emergency", box=None, pad_edge=False)
    for row in answer["workload"]:
        waits = f"{row['mean_wait_days']:.2f}", f"{row['emergency_share']:.1%}"
        speed = f"{row['events']:,.0f}", f"{row['events_per_second']:,.0f}"
        table.add_row(row["name"], f"{row['doctors']}", *speed, *waits)
    out.print("\nBooking workload (one process, start-up and compilation left out)", style="bold")
    out.print(table)
