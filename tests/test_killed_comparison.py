"""A comparison whose process is killed: the same command goes on, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from test_batch import group_members, wait_until
from typer.testing import CliRunner

from experiments.cli import app
from experiments.comparing import DESIGN

ROOT = Path(__file__).parents[1]
REPLICATIONS = 3
WORDS = (
    *("compare", "baseline", "more_gps", "--territory", "tiny", "--days", "60", "--set", "warm_up_days=14"),
    *("--set", "follow_up_days=0", "--replications", str(REPLICATIONS), "--workers", "1", "--no-report", "--quiet"),
)
N_RUNS = 2 * REPLICATIONS


def start(folder: Path) -> subprocess.Popen:
    """Give the command to a process of its own, in a group of its own."""
    command = [sys.executable, "-m", "experiments", *WORDS, "-o", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)


def runs_there(folder: Path) -> dict[str, int]:
    """Return the runs that are kept, by name of file: when each was written."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / "runs").glob("[!_]*.parquet")}


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob(pattern))}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_comparison_goes_on_and_ends_alike(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    answer = CliRunner().invoke(app, [*WORDS, "-o", str(undisturbed)])
    assert answer.exit_code == 0, answer.output

    process = start(killed)
    wait_until(lambda: bool(runs_there(killed)) or process.poll() is not None)
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not group_members(process.pid), 20)  # nobody outlives it
    before = runs_there(killed)
    assert 0 < len(before) < N_RUNS, "it was to be killed between its first run and its last"
    assert not (killed / "tables").exists()
    for file in (killed / "runs").glob("[!_]*.parquet"):
        pd.read_parquet(file)  # what has its name is whole, with its people beside it
        pd.read_parquet(killed / "people" / file.name)
    (killed / "runs" / "_half.parquet.0").write_bytes(b"PAR1 half a file")  # as a writer that was killed leaves it

    process = start(killed)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    after = runs_there(killed)
    assert {name: after[name] for name in before} == before, "a run that was there was made again"
    assert after.keys() == runs_there(undisturbed).keys() and len(after) == N_RUNS
    facts = json.loads((killed / DESIGN).read_text(encoding="utf-8"))
    assert len({(run["scenario"], run["seed"]) for run in facts["runs"]}) == len(facts["runs"]) == N_RUNS
    assert facts["failed"] == []

    tables = contents(undisturbed, "tables/*")
    assert len(tables) > 5 and contents(killed, "tables/*") == tables
    for kept in ("runs/[!_]*.parquet", "people/[!_]*.parquet"):
        assert contents(killed, kept) == contents(undisturbed, kept)
    assert not [*killed.glob("_*"), *(killed / "tables").glob("_*")], "half a file of the second try was left"
