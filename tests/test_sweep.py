"""Sweeps from the command line to the table: nothing lost, nothing doubled, everything told; and sweeps made again."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import experiments
from abm.errors import InputError
from experiments import batch, sweeping
from experiments.batch import make_specs, run_batch
from experiments.cli import app
from experiments.crate import CRATE
from experiments.progress import Lines, Rate, duration
from experiments.specs import RunSpec
from experiments.sweep_figures import heat_map, response_table
from experiments.sweeping import choose_folder, load_results, prepare, status_of
from experiments.table import DONE, Design, Layout, Table, load, read_design, write_design, write_incoming

ROOT = Path(__file__).parents[1]
SHORT = {"days": 20, "warm_up_days": 10, "follow_up_days": 10}
GRID = """
title: A small grid
method: grid
territories: [tiny]
seeds: 2
settings: {days: 20, warm_up_days: 10, follow_up_days: 10}
factors: {teleconsultation: [0, 0.5], gp_load: [0.9, 1.0]}
"""
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals, mounts")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="territoire")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid.yaml").write_text(GRID)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep that was made once, from the command line."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "grid.yaml").write_text(GRID)
    result = call("sweep", str(folder / "grid.yaml"), "-o", str(folder / "grid"), "--workers", "2")
    assert result.exit_code == 0, result.stderr
    assert "8 runs, into" in result.stderr and "8 of 8 runs done, 0 failed" in result.stderr
    assert "A small grid" in result.stdout
    return folder / "grid"


def table_bytes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((folder / "runs").glob("[!_]*"))}


# ------------------------------------------------------------------------------------------------ what comes of a sweep


def test_the_table_is_that_of_the_runs_and_tidy_tells_it_again(made: Path) -> None:
    results = experiments.load(made)
    assert isinstance(results, sweeping.Results) and results.about["title"] == "A small grid"
    assert set(results.table["status"]) == {DONE} and len(results.table) == 8
    assert (
        results.table["set.gp_load"].tolist() == [0.9, 0.9, 1.0, 1.0] * 2
        and results.table["seed"].tolist() == [1, 2] * 4
    )
    tidy = results.tidy
    assert list(tidy.columns[:4]) == ["digest", "territory", "scenario", "seed"]
    row = results.table.iloc[3]
    mine = tidy[tidy["digest"] == row["digest"]].set_index("indicator")["value"]
    indicators = [name for name in results.table.columns[6:] if not name.startswith("set.")]
    assert mine.equals(row[indicators].dropna().astype(float).rename("value").rename_axis("indicator"))
    assert set(tidy["gp_load"]) == {0.9, 1.0} and set(tidy["days"]) == {20.0}


def test_figures_show_the_response_and_both_levers(made: Path) -> None:
    names = {path.name for path in (made / "figures").iterdir()}
    assert {"response_lead_time_mean_days_gp.svg", "heat_lead_time_mean_days_gp.png"} <= names
    assert all(path.stat().st_size > 5_000 for path in (made / "figures").iterdir())


def test_the_manifest_tells_code_packages_machine_and_files(made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["kind"] == "sweep" and manifest["runs"] == {"done": 8, "failed": 0, "pending": 0}
    assert {"code", "packages", "python", "platform", "command", "started", "ended", "model"} <= manifest.keys()
    assert manifest["model"] == read_design(made).runs[0].code and set(manifest["territories"]) == {"tiny"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((made / name).read_bytes()).hexdigest() == digest
    assert {"design.json", "runs/00000.parquet"} <= manifest["files"].keys()


def test_a_sweep_that_is_over_is_not_made_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "run_all", lambda task, jobs, *_: [pytest.fail(str(job)) for job in jobs])
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*") if path.is_file() and path.name != "_lock"}
    assert call("sweep", str(made), "--no-figures").exit_code == 0
    assert call("sweep", "grid.yaml", "-o", str(made), "--no-figures").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_status_and_dry_run_make_nothing(made: Path) -> None:
    shown = call("sweep", str(made), "--status")
    assert shown.exit_code == 0 and "done" in shown.stdout and "pending" in shown.stdout
    state = json.loads(call("sweep", str(made), "--status", "--json").stdout)
    assert (state["runs"], state["done"], state["failed"], state["pending"], state["errors"]) == (8, 8, 0, 0, [])
    assert call("sweep", "grid.yaml", "--status").exit_code == 2  # nothing was begun in the default folder
    told = call("sweep", "grid.yaml", "--dry-run", "--workers", "2")
    assert told.exit_code == 0 and "8 (grid); 0 are there already" in told.stdout and not Path("outputs").exists()
    found = json.loads(call("sweep", "grid.yaml", "-o", str(made), "--dry-run", "--json").stdout)
    assert found["runs"] == found["over"] == 8 and found["seconds"] == 0
    on_disk = sum(path.stat().st_size for path in (made / "runs").iterdir())
    assert 0.3 * on_disk < found["bytes_on_disk"] < 3 * on_disk


def test_folders_of_other_designs_are_refused_or_passed_over(made: Path) -> None:
    Path("grid.yaml").write_text(GRID.replace("0.5]", "0.6]"))
    before = table_bytes(made)
    refused = call("sweep", "grid.yaml", "-o", str(made))
    assert refused.exit_code == 2 and "another design (the first run that differs is number 5)" in refused.stderr
    assert table_bytes(made) == before
    shutil.copytree(made, "outputs/grid")
    assert choose_folder(prepare("grid.yaml"), None) == Path("outputs/grid-2")
    Path("grid.yaml").write_text(GRID)
    assert choose_folder(prepare("grid.yaml"), None) == Path("outputs/grid")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sweep nowhere.yaml", "no such design file"),
        ("sweep empty", "no sweep was begun here"),
        ("sweep grid.yaml --workers 0", "--workers"),
        ("sweep grid.yaml -o grid.yaml", "is a file"),
        ("sweep huge.yaml", "asks for 12,000 runs; say --yes"),
        ("sweep endless.yaml --yes", "at most 1,000,000"),
        ("sensitivity sobl grid.yaml", "found 'sobl', expected one of: morris, sobol"),
        ("sensitivity morris nowhere.yaml", "no such design file"),
        ("crate empty", "holds no finished results"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(command: str, message: str) -> None:
    Path("empty").mkdir()
    Path("huge.yaml").write_text(GRID.replace("seeds: 2", "seeds: 3000"))
    Path("endless.yaml").write_text(GRID.replace("seeds: 2", "seeds: 3000000"))
    result = call(*command.split())
    assert result.exit_code == 2 and message in result.stderr and result.stderr.count("\n") == 1
    assert not Path("outputs").exists() and result.stdout == ""


def test_failed_runs_are_told_and_made_again_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate = batch._simulate

    def fail_for_one(spec: RunSpec, pack: Any, strata: tuple[str, ...]) -> Any:
        if spec.seed == 2:
            raise ArithmeticError("no luck")
        return simulate(spec, pack, strata)

    monkeypatch.setattr(batch, "_simulate", fail_for_one)
    prepared = prepare("grid.yaml")
    folder = choose_folder(prepared, None)
    with ThreadPoolExecutor(1) as executor:
        run_batch(prepared.specs, folder, executor=executor, about=prepared.about)
        state = status_of(folder)
        assert (state["done"], state["failed"]) == (4, 4)
        assert state["errors"] == [{"error": "ArithmeticError: no luck", "runs": 4}]
        again = call("sweep", "grid.yaml", "--quiet", "--no-figures")
        assert again.exit_code == 1 and "4 of 8 runs failed; --retry-failed" in again.stderr
        assert len(load_results(folder).tidy["digest"].unique()) == 4
        monkeypatch.setattr(batch, "_simulate", simulate)
        run_batch(prepared.specs, folder, executor=executor, about=prepared.about, retry_failed=True)
    assert status_of(folder)["done"] == 8


# ----------------------------------------------------------------------------------------------------------- made again


def test_a_sweep_made_again_is_the_same(made: Path) -> None:
    again = call("rerun", str(made / "manifest.json"), "-o", "again", "--workers", "2")
    assert again.exit_code == 0 and "all indicators of all 8 runs are identical" in again.stdout
    assert table_bytes(Path("again")) == table_bytes(made)


def test_one_run_of_a_sweep_is_made_again_with_all_its_tables(made: Path) -> None:
    digest = load(made)["digest"][2]
    for row, target in (("3", "by_number"), (digest[:10], "by_digest")):
        result = call("rerun", str(made), "--row", row, "-o", target, "--no-figures", "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
        assert experiments.load(target).manifest["seed"] == 1  # type: ignore[union-attr]
    assert Path("by_number/indicators.csv").read_bytes() == Path("by_digest/indicators.csv").read_bytes()
    for row in ("0", "9", "xyz", digest[:2]):
        assert call("rerun", str(made), "--row", row).exit_code == 2
    assert call("rerun", "by_number", "--row", "1").exit_code == 2


def test_a_number_that_differs_is_told(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "forged"
    shutil.copytree(made, folder)
    design = read_design(folder)
    row = load(folder).iloc[2].to_dict()
    values = {name: row[name] for name in design.layout.indicators} | {"forgone_care_share": 0.123}
    (folder / "runs" / "00000.parquet").unlink()
    table = Table(folder, design)
    table.lay_out()
    write_incoming(folder, design.layout.row(design.runs[2], DONE, values=values))
    table.fold()
    result = call("rerun", str(folder), "--row", "3", "-o", "again", "--no-figures", "--quiet")
    assert result.exit_code == 1 and "1 differences" in result.stderr and "forgone_care_share: 0.123" in result.stderr


def test_other_code_is_not_taken_for_the_same(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.rerunning.code_digest", lambda: "other")
    refused = call("rerun", str(made), "-o", "again")
    assert refused.exit_code == 2 and "another version of the model's code" in refused.stderr


def test_a_crate_describes_every_file(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "crated"
    shutil.copytree(made, folder)
    assert call("crate", str(folder)).exit_code == 0
    content = json.loads((folder / CRATE).read_text())
    entities = {entity["@id"]: entity for entity in content["@graph"]}
    assert content["@context"] == "https://w3id.org/ro/crate/1.1/context"
    assert entities[CRATE]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"} and entities[CRATE]["about"] == {
        "@id": "./"
    }
    root = entities["./"]
    assert root["@type"] == "Dataset" and all(root[key] for key in ("name", "description", "datePublished", "license"))
    parts = {part["@id"] for part in root["hasPart"]}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {CRATE, "_lock"}
    assert parts == there
    for part in parts - {"manifest.json"}:
        assert entities[part]["sha256"] == hashlib.sha256((folder / part).read_bytes()).hexdigest()
    action = entities["#made"]
    assert action["@type"] == "CreateAction" and {"@id": "#territoire"} in action["instrument"]
    assert call("crate", str(folder)).exit_code == 0  # written anew, itself left out


# ------------------------------------------------------------------------------ killed while it writes, again and again

N_RUNS, N_COLUMNS, MOST_KILLS = 150, 40, 10


def stub_design() -> Design:
    """A design whose runs are never simulated."""
    spec = RunSpec.of("baseline", "tiny", 0, **SHORT)
    runs = tuple(RunSpec(**{**vars_of(spec), "seed": seed}) for seed in range(N_RUNS))
    return Design(runs, Layout({"days": "number"}, tuple(f"indicator_{n}" for n in range(N_COLUMNS))), rows_a_file=8)


def vars_of(spec: RunSpec) -> dict[str, Any]:
    return {key: value for key, value in vars(spec).items() if key != "digest"}


WRITE_AND_FOLD = """
import random, sys, time
from pathlib import Path
from experiments.table import DONE, Table, read_design, write_incoming

folder = Path(sys.argv[1])
design = read_design(folder)
table = Table(folder, design)
table.lay_out()
print("ready", flush=True)
while missing := [digest for digest in design.digests if digest not in table.statuses()]:
    spec = design.by_digest[random.SystemRandom().choice(missing)]
    values = {name: spec.seed + n / 7 for n, name in enumerate(design.layout.indicators)}
    write_incoming(folder, design.layout.row(spec, DONE, values=values))
    time.sleep(0.01)
    if random.random() < 0.5:
        table.fold()
table.fold()
"""
"""What workers and the director of a batch do to its folder, without simulating, until all is done."""


@posix_only
@pytest.mark.slow
def test_killed_again_and_again_by_two_processes_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Two processes write rows and fold them; each is killed at a random moment many times; readers look on."""
    design, folder = stub_design(), tmp_path / "killed"
    folder.mkdir()
    write_design(folder, design)
    Table(folder, design).lay_out()
    script = tmp_path / "script.py"
    script.write_text(WRITE_AND_FOLD)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    chance, over, kills = random.Random(1), 0, 0
    processes: list[subprocess.Popen[str]] = []
    while True:
        processes = [process for process in processes if process.poll() is None]
        statuses = look(folder, design)
        assert sum(status == DONE for status in statuses) >= over  # what is done stays done
        over = sum(status == DONE for status in statuses)
        if over == N_RUNS:
            break
        while len(processes) < 2:
            command = [sys.executable, str(script), str(folder)]
            started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
            assert started.stdout is not None and started.stdout.readline() == "ready\n"
            processes.append(started)
        time.sleep(chance.uniform(0.0, 0.25))
        if kills < MOST_KILLS:
            processes[chance.randrange(2)].send_signal(signal.SIGKILL)
            kills += 1
    for process in processes:
        process.wait(timeout=60)
    Table(folder, design).fold()
    assert kills >= 4
    calm = tmp_path / "calm"
    calm.mkdir()
    write_design(calm, design)
    subprocess.run([sys.executable, str(script), str(calm)], check=True, env=environment, stdout=subprocess.DEVNULL)
    assert table_bytes(folder) == table_bytes(calm) and not list((folder / "incoming").glob("[!_]*"))
    assert load(folder).equals(load(calm))


def look(folder: Path, design: Design) -> list[str]:
    """Read the table as any program would, while it changes; return what our own reader says of each run."""
    raw = pd.read_parquet(folder / "runs")
    assert raw["digest"].tolist() == list(design.digests)
    mine = load(folder)
    assert mine["digest"].tolist() == list(design.digests)
    done = mine[mine["status"] == DONE]
    assert np.array_equal(done["indicator_7"], done["seed"] + 1.0)
    assert raw.loc[raw["status"] == DONE, "indicator_7"].notna().all()
    return mine["status"].tolist()


@posix_only
def test_a_disk_that_is_really_full_loses_nothing(tmp_path: Path) -> None:
    """On a file system of 400 kB of its own the batch stops with one message; with room again it goes on."""
    script = tmp_path / "script.py"
    disk = tmp_path / "disk"
    disk.mkdir()
    script.write_text(
        "import sys, os, subprocess\nfrom pathlib import Path\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from abm.errors import InputError\nfrom experiments import batch\nfrom experiments.batch import *\n"
        "from test_sweep import SHORT\n"
        "def figures(model, strata=(), measure=''):\n"
        "    return {f'i{n}': model.run_number + n / 7 for n in range(400)}, []\n"
        "batch._figures = figures\n"
        "class Model:\n    def __init__(self, pack, scenario, rng): self.run_number = rng\n"
        "import abm.model\nabm.model.TerritoryModel = Model\n"
        "batch._indicators_from = lambda *_: tuple(f'i{n}' for n in range(400))\n"
        "specs = make_specs(seeds=range(60), settings=[SHORT], territory='tiny')\n"
        f"disk = Path({str(disk)!r})\nfiller = disk / 'filler'\nfiller.write_bytes(bytes(150_000))\n"
        "executor = ThreadPoolExecutor(1)\n"
        "try:\n    run_batch(specs, disk / 'batch', executor=executor)\nexcept InputError as error:\n    print(error)\n"
        "before = count(disk / 'batch')\nprint(before['done'] < 60, before['failed'])\n"
        "filler.unlink()\nsubprocess.run(['mount', '-o', 'remount,size=4m', str(disk)], check=True)\n"
        "told = []\ntable = run_batch(specs, disk / 'batch', executor=executor, on_done=told.append)\n"
        "print(told[0] == before, set(table['status']), table['i7'].tolist() == [seed + 1.0 for seed in range(60)])\n"
    )
    inside = f"mount -t tmpfs -o size=400k none {disk} && {sys.executable} {script}"
    possible = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(disk)], capture_output=True)
    if possible.returncode:
        pytest.skip("no file system of one's own can be mounted here")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", inside], capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert "cannot be written to: No space left on device" in lines[0]
    assert lines[1:] == ["True 0", "True {'done'} True"]


@posix_only
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_sweep_goes_on_where_it_was(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    Path("grid.yaml").write_text(GRID.replace("seeds: 2", "seeds: 6"))
    command = [sys.executable, "-m", "experiments", "sweep", "grid.yaml", "--workers", "1", "--no-figures"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    folder, end = Path("outputs/grid"), time.monotonic() + 300  # a busy machine
    while not (folder / "runs").exists() or status_of(folder)["done"] < 2:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in errors
    before = status_of(folder)
    assert 2 <= before["done"] < 24 and before["failed"] == 0 and not (folder / "manifest.json").exists()
    raw = pd.read_parquet(folder / "runs")
    assert (raw["status"] == DONE).sum() == before["done"]  # all that was finished stands in the table


# ---------------------------------------------------------------------------------------------------------- small parts


def test_progress_is_told_in_plain_lines() -> None:
    now, lines = [0.0], []
    told = Lines(clock=lambda: now[0], write=lines.append)
    for second in range(101):
        now[0] = float(second)
        told.tell({"done": max(0, second - 20), "failed": int(second >= 50), "pending": 100 - second})
    assert lines[0] == "0 of 100 runs done, 0 failed" and lines[-1] == "80 of 81 runs done, 1 failed"
    assert len(lines) == 11


def test_the_rate_counts_from_the_first_run_that_is_over() -> None:
    now = [0.0]
    rate = Rate(clock=lambda: now[0])
    assert rate.words({"done": 5, "failed": 0, "pending": 95}) == ""  # those were there before
    now[0] = 60.0  # processes start
    assert rate.words({"done": 6, "failed": 0, "pending": 94}) == ""
    now[0] = 70.0
    assert rate.words({"done": 25, "failed": 1, "pending": 74}) == "2.00 runs/s, 37 s left"
    now[0] = 460.0
    assert rate.words({"done": 25, "failed": 1, "pending": 74}) == "3.00 runs/min, 25 min left"
    assert (duration(59), duration(300), duration(36_000)) == ("59 s", "5 min", "10.0 h")


def test_response_tables_average_runs_of_a_seed_first_and_pair_seeds() -> None:
    """By hand: two levels, two seeds; a seed adds 100 everywhere, the levels differ by 10 and by 12."""
    rows = [
        {"scenario": "s", "seed": seed, "x": x, "value": value + shift}
        for seed, x, value in ((1, 0.0, 0.0), (1, 1.0, 10.0), (2, 0.0, 100.0), (2, 1.0, 112.0))
        for shift in (-1.0, 1.0)
    ]
    table = response_table(pd.DataFrame(rows), "x")
    assert table["mean"].tolist() == [50.0, 61.0] and table["runs"].tolist() == [4, 4]
    half = 12.706204736 * (0.5 * 2**0.5 * 2**0.5) / 2**0.5  # t of 1 degree, spread of ±0.5 widened by √2
    assert (table["high"] - table["mean"]).tolist() == pytest.approx([half, half], rel=1e-6)
    alone = response_table(pd.DataFrame([row for row in rows if row["seed"] == 1]), "x")
    assert alone["mean"].tolist() == [0.0, 10.0] and alone["low"].isna().all()


def test_factors_of_any_value_are_put_into_classes() -> None:
    values = np.linspace(0, 1, 64)
    facts = {"territory": "t", "scenario": "s", "seed": 1, "x": values, "indicator": "i", "value": 3 * values}
    frame = pd.DataFrame(facts)
    table = response_table(frame, "x")
    assert len(table) == 8 and set(table["runs"]) == {8}
    assert table["mean"].tolist() == pytest.approx((3 * table["x"]).tolist())


def test_heat_maps_write_the_mean_of_each_cell() -> None:
    cells = [
        {"x": x, "y": y, "seed": s, "value": 10 * x + y + s} for x in (1.0, 2.0) for y in (0.0, 0.5) for s in (0, 2)
    ]
    figure = heat_map(pd.DataFrame(cells), "delay", "x", "y")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["11", "21", "11.5", "21.5"]


def test_load_says_what_a_folder_lacks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run .* no batch"):
        experiments.load(tmp_path)


def test_runs_of_a_sweep_from_python(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "run_one", None)
    content = {"title": "A small grid", "method": "grid", "territories": ["tiny"], "seeds": 2, "settings": SHORT,
               "factors": {"teleconsultation": [0, 0.5], "gp_load": [0.9, 1.0]}}  # fmt: skip
    results = experiments.sweep(content, made, workers=1)
    assert results.table.equals(load(made)) and results.folder == made
    by_hand = make_specs(
        seeds=[1, 2], territory="tiny",
        settings=[SHORT | {"teleconsultation": x, "gp_load": y} for x in (0, 0.5) for y in (0.9, 1.0)],
    )  # fmt: skip
    assert [spec.digest for spec in by_hand] == results.table["digest"].tolist()
