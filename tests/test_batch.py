"""Many runs: nothing is lost to a killed process, nothing is made twice, the table is the same whatever happened."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from abm.errors import InputError
from abm.laws import BrokenLawError
from abm.scenario import load_scenario
from experiments import batch
from experiments.batch import RunSpec, code_digest, count, load, make_specs, read_design, run_batch, run_one
from experiments.pool import THREAD_LIMITS, Outcome, Stop, run_all
from experiments.specs import canonical
from experiments.table import Design, Table, _changed, _difference, load_strata, write_design, write_incoming

SHORT = {"days": 20, "warm_up_days": 10, "follow_up_days": 10}
LEVELS = (0.0, 0.5)
SEEDS = range(4)
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and /proc")


# ------------------------------------------------------------------------------------------- tasks for other processes


def work(order: tuple[str, Any]) -> Any:
    """Do one of the things that can happen to a task."""
    kind, value = order
    if kind == "kill" or (kind == "kill once" and not Path(value).exists()):
        if value is not None:
            Path(value).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "law":  # cannot be rebuilt from its message: it would break the pool that sends it
        raise BrokenLawError("people", 3, "2020-01-04", {"start": 2, "now": 1})
    if kind == "exit":
        sys.exit("leaving")
    if kind == "stop":
        raise Stop("the disk is full")
    if kind == "interrupt":  # a Ctrl-C reaches the whole group: it is the parent's affair
        os.kill(os.getpid(), signal.SIGINT)
    if kind == "sleep":
        time.sleep(value)
    return value


def threads(_: None) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in THREAD_LIMITS}


class Ring:
    """Refers to itself, as a model's parts do to one another: reference counts alone never free it."""

    n_alive = 0

    def __init__(self) -> None:
        self.itself = self
        Ring.n_alive += 1

    def __del__(self) -> None:
        Ring.n_alive -= 1


def rings(_: None) -> int:
    """Return how many rings of earlier tasks are still there, and leave one more behind."""
    before = Ring.n_alive
    Ring()
    return before


def lambda_of(_: None) -> Callable[[], None]:
    return lambda: None


# ---------------------------------------------------------------------------------------------------------------- pool


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_has_its_outcome_and_few_are_taken_ahead(workers: int) -> None:
    taken, finished, ahead = 0, 0, []

    def items() -> Any:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield f"key {number}", ("value", number)

    def note(key: str, outcome: Outcome) -> None:
        nonlocal finished
        ahead.append(taken - finished)
        finished += 1
        assert outcome == Outcome(int(key.split()[1]))

    outcomes = run_all(work, items(), workers, on_done=note)
    assert {key: outcome.value for key, outcome in outcomes.items()} == {f"key {n}": n for n in range(20)}
    assert finished == 20 and max(ahead) <= 2 * workers


@posix_only
def test_a_killed_process_costs_only_a_second_try_and_a_killer_fails_alone(tmp_path: Path) -> None:
    jobs = {n: ("value", n) for n in range(8)} | {
        "interrupted": ("interrupt", 1),
        "once": ("kill once", tmp_path / "marker"),
        "always": ("kill", None),
        "law": ("law", None),
        "exit": ("exit", None),
    }
    outcomes = run_all(work, jobs.items(), workers=2)
    assert {n: outcomes[n] for n in range(8)} == {n: Outcome(n) for n in range(8)}  # none is blamed: one try each
    assert outcomes["interrupted"] == Outcome(1)
    assert outcomes["once"] == Outcome(tmp_path / "marker", tries=2)
    assert outcomes["always"] == Outcome(error="its process was killed or ran out of memory, 3 times", tries=3)
    assert outcomes["exit"] == Outcome(error="SystemExit: leaving")
    law = outcomes["law"]
    assert (
        law.tries == 1 and law.error is not None and law.error.startswith("BrokenLawError: ") and "people" in law.error
    )
    assert run_all(work, [("x", ("kill", None))], 1, most_tries=1)["x"].tries == 1


def test_a_task_can_stop_all() -> None:
    seen = []
    with pytest.raises(Stop, match="the disk is full"):
        run_all(
            work, [(n, ("stop" if n == 2 else "value", n)) for n in range(100)], 1, on_done=lambda *a: seen.append(a)
        )
    assert seen == [(n, Outcome(n)) for n in range(2)]


def test_processes_compute_with_one_thread_and_the_parent_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = dict(os.environ)
    outcomes = run_all(threads, [("threads", None)], 1)
    assert outcomes["threads"].value == dict.fromkeys(THREAD_LIMITS, "1") and dict(os.environ) == before


def test_what_a_task_leaves_behind_is_gone_before_the_next() -> None:
    outcomes = run_all(rings, [(n, None) for n in range(5)], 1)
    assert [outcome.value for outcome in outcomes.values()] == [0] * 5


def test_what_cannot_be_sent_back_fails_alone() -> None:
    outcomes = run_all(lambda_of, [("a", None), ("b", None)], 1)
    assert all(outcome.error and outcome.tries == 1 for outcome in outcomes.values())


def test_an_executor_of_the_user_is_kept_fed_and_left_to_its_owner() -> None:
    with ThreadPoolExecutor(3) as executor:
        outcomes = run_all(work, [(n, ("value", n)) for n in range(50)] + [("law", ("law", None))], 2, executor)
        assert executor.submit(int, "3").result() == 3
    assert [outcomes[n] for n in range(50)] == [Outcome(n) for n in range(50)]
    assert outcomes["law"].error is not None


@posix_only
def test_an_executor_that_is_lost_is_told() -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as executor, pytest.raises(BrokenExecutor, match="lost its workers"):
        run_all(work, [("x", ("kill", None))], 1, executor)


def test_numbers_that_mean_nothing_are_refused() -> None:
    for numbers in ({"workers": 0}, {"most_tries": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            run_all(work, [], **numbers)


# ----------------------------------------------------------------------------------------------- processes and signals


def start_script(folder: Path, *lines: str) -> subprocess.Popen:
    """Run Python lines in a process group of their own, with this folder's modules at hand."""
    script = folder / "script.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def group_members(group: int) -> list[int]:
    """Return the processes of a group that are alive."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, members_group = stat.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(members_group) == group and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


@posix_only
def test_ctrl_c_keeps_what_was_finished_and_leaves_no_process(tmp_path: Path) -> None:
    process = start_script(
        tmp_path,
        "from experiments.pool import run_all",
        "from test_batch import work",
        "if __name__ == '__main__':",
        "    jobs = [('a', ('value', 1)), ('b', ('sleep', 600)), ('c', ('sleep', 600))]",
        "    run_all(work, jobs, 2, on_done=lambda key, outcome: print(key, outcome.value, flush=True))",
    )
    assert process.stdout is not None and process.stdout.readline() == "a 1\n"
    os.killpg(process.pid, signal.SIGINT)
    began = time.monotonic()
    output, errors = process.communicate(timeout=60)
    assert output == ""  # what was interrupted has no outcome
    assert "KeyboardInterrupt" in errors and process.returncode != 0 and time.monotonic() - began < 20
    assert errors.count("Traceback") == 1  # nothing of the workers
    wait_until(lambda: not group_members(process.pid), 20)


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    process = start_script(
        tmp_path,
        "from experiments.pool import run_all",
        "from test_batch import work",
        "run_all(work, [('a', ('value', 1))], 1)",
    )
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "RuntimeError: no process can be started (a script that does this needs `if __name__" in errors


# --------------------------------------------------------------------------------------------------------------- batch


@pytest.fixture(scope="module")
def specs() -> list[RunSpec]:
    return make_specs(seeds=SEEDS, settings=[SHORT | {"teleconsultation": x} for x in LEVELS], territory="tiny")


@pytest.fixture(scope="module")
def undisturbed(specs: list[RunSpec], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batch") / "undisturbed"
    run_batch(specs, folder, workers=1)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Digest the files of the table; a process killed while writing leaves one whose name begins with `_`."""
    rows = sorted((folder / "runs").glob("[!_]*.parquet"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in rows}


def same_table(one: Path, other: Path) -> bool:
    return load(one).to_csv() == load(other).to_csv() and load(one).dtypes.equals(load(other).dtypes)


def test_the_table_is_that_of_the_model_run_directly(specs: list[RunSpec], undisturbed: Path) -> None:
    from abm.model import TerritoryModel

    table = load(undisturbed)
    columns = ["digest", "territory", "scenario", "seed", "status", "error"]
    settings = sorted(f"set.{name}" for name in [*SHORT, "teleconsultation"])
    assert list(table.columns[:10]) == columns + settings
    assert list(table["digest"]) == [spec.digest for spec in specs]
    assert list(table["seed"]) == [*SEEDS] * 2 and set(table["status"]) == {"done"} and table["error"].isna().all()
    assert list(table["set.teleconsultation"]) == [level for level in LEVELS for _ in SEEDS]
    for row in (1, 6):
        seed, level = int(table["seed"][row]), float(table["set.teleconsultation"][row])
        model = TerritoryModel("tiny", rng=seed, teleconsultation=level, **SHORT)
        model.run_to_end()
        expected = model.indicators().query("stratum_kind == 'all' and period == 'all'").set_index("indicator")["value"]
        assert list(table.columns[10:]) == list(expected.index) and len(expected) > 100
        assert table.loc[row, expected.index].astype(float).equals(expected.rename(row))
    assert table["lead_time_mean_days.gp"].nunique() > 4


@posix_only
def test_two_workers_one_of_them_killed_give_the_same_bytes(
    specs: list[RunSpec], undisturbed: Path, tmp_path: Path
) -> None:
    killed, told = [], []

    def kill_one(counts: dict[str, int]) -> None:
        told.append(counts)
        if counts["done"] == 2:
            killed.extend(child.pid for child in multiprocessing.active_children()[:1])
            os.kill(killed[0], signal.SIGKILL)

    table = run_batch(specs, tmp_path / "batch", workers=2, on_done=kill_one)
    assert killed and contents(tmp_path / "batch") == contents(undisturbed)
    assert (tmp_path / "batch/design.json").read_bytes() == (undisturbed / "design.json").read_bytes()
    assert same_table(tmp_path / "batch", undisturbed) and table.equals(load(undisturbed))
    assert told == [{"done": n, "failed": 0, "pending": len(specs) - n} for n in range(len(specs) + 1)]


def start_batch(script_folder: Path, folder: Path, workers: int) -> subprocess.Popen:
    """Run the batch of these tests in a process of its own."""
    return start_script(
        script_folder,
        "from experiments.batch import make_specs, run_batch",
        "from test_batch import LEVELS, SEEDS, SHORT",
        "if __name__ == '__main__':",
        "    levels = [SHORT | {'teleconsultation': x} for x in LEVELS]",
        "    specs = make_specs(seeds=SEEDS, settings=levels, territory='tiny')",
        f"    run_batch(specs, {str(folder)!r}, workers={workers})",
    )


@posix_only
def test_a_batch_that_is_killed_goes_on_where_it_was(specs: list[RunSpec], undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    process = start_batch(tmp_path, folder, workers=2)
    wait_until(lambda: (folder / "runs").exists() and count(folder)["done"] >= 2)
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not group_members(process.pid), 20)  # nobody outlives the batch
    before = count(folder)
    assert before["done"] >= 2 and before["pending"] > 0 and sum(before.values()) == len(specs)
    for place in ("runs/_00000.parquet.left", "incoming/_left.json.behind", "incoming/_x.json"):
        (folder / place).write_bytes(b"half a file")
    done = set(load(folder).query("status == 'done'")["digest"])
    rows = {name: (folder / "incoming" / f"{name}.json") for name in done}
    told: list[dict[str, int]] = []
    run_batch(specs, folder, workers=2, on_done=told.append)
    assert told[0] == before and len(told) == before["pending"] + 1  # what was done was not made again
    assert not any(file.exists() for file in rows.values())
    assert contents(folder) == contents(undisturbed) and same_table(folder, undisturbed)
    assert (folder / "design.json").read_bytes() == (undisturbed / "design.json").read_bytes()


def test_two_processes_may_work_on_one_batch(undisturbed: Path, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    both = [start_batch(tmp_path / "scripts", tmp_path / "batch", workers=1) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    assert contents(tmp_path / "batch") == contents(undisturbed) and same_table(tmp_path / "batch", undisturbed)


def test_nothing_is_made_again(specs: list[RunSpec], undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "run_one", None)
    with ThreadPoolExecutor(1) as executor:
        assert len(run_batch(specs, undisturbed, executor=executor)) == len(specs)


@pytest.fixture
def laid_out(specs: list[RunSpec], undisturbed: Path, tmp_path: Path) -> Path:
    """A batch of which no run is made yet."""
    (tmp_path / "design.json").write_bytes((undisturbed / "design.json").read_bytes())
    Table(tmp_path, read_design(tmp_path)).lay_out()
    return tmp_path


def test_any_reader_finds_every_run_once_at_any_moment(specs: list[RunSpec], undisturbed: Path, laid_out: Path) -> None:
    import duckdb
    import pandas as pd

    columns = list(load(undisturbed).columns)
    for name in ("runs/_00000.parquet.left", "incoming/_left.json.behind"):
        (laid_out / name).write_bytes(b"PAR1")
    empty = load(laid_out)
    assert set(empty["status"]) == {"pending"} and list(empty.columns) == columns
    run_one(specs[1], laid_out)
    expected = ["pending", "done", *["pending"] * 6]
    for is_folded in (False, True):  # the row is where it came in; the row is in the table
        table = load(laid_out)
        assert list(table["status"]) == expected and list(table["digest"]) == [spec.digest for spec in specs]
        assert table["forgone_care_share"].notna().sum() == 1 and table["set.teleconsultation"].notna().all()
        assert count(laid_out) == {"done": 1, "failed": 0, "pending": 7}
        stored = expected if is_folded else ["pending"] * 8
        raw = pd.read_parquet(laid_out / "runs")
        assert raw["status"].tolist() == stored and raw["digest"].tolist() == table["digest"].tolist()
        answer = duckdb.sql(f"select status from '{laid_out}/runs/*.parquet'").fetchall()
        assert [status for (status,) in answer] == stored
        Table(laid_out, read_design(laid_out)).fold()
    assert not list((laid_out / "incoming").glob("[!_]*"))
    row = load(undisturbed).iloc[1]
    assert load(laid_out).iloc[1].equals(row)


def test_tables_of_many_files_are_one_table(specs: list[RunSpec], undisturbed: Path, tmp_path: Path) -> None:
    """Rows come in in any order, some twice, some first failed then done, some runs stand in two places."""
    whole = load(undisturbed)
    design = read_design(undisturbed)
    runs = (*design.runs, design.runs[2], design.runs[0])
    small = Design(runs, design.layout, rows_a_file=3)
    write_design(tmp_path, small)
    table = Table(tmp_path, small)
    table.lay_out()
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == [f"{n:05d}.parquet" for n in range(4)]
    values = {spec.digest: whole.iloc[n][list(design.layout.indicators)].to_dict() for n, spec in enumerate(specs)}
    for n in (5, 2, 7, 0, 3, 6, 1, 4):
        spec = specs[n]
        write_incoming(tmp_path, design.layout.row(spec, "failed", "once"))
        if n % 2:
            table.fold()
        write_incoming(tmp_path, design.layout.row(spec, "done", values=values[spec.digest]))
        table.fold()
        write_incoming(tmp_path, design.layout.row(spec, "failed", "late"))  # what is done stays done
    table.fold()
    found = load(tmp_path)
    assert found.iloc[:8].to_csv() == whole.to_csv()
    assert found.iloc[8].equals(found.iloc[2].rename(8)) and found.iloc[9].equals(found.iloc[0].rename(9))
    assert not list((tmp_path / "incoming").iterdir())
    assert sum(count(tmp_path).values()) == 10 and count(tmp_path)["done"] == 10


def test_a_design_may_grow_and_keeps_its_rows(specs: list[RunSpec], undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    with ThreadPoolExecutor(1) as executor:
        run_batch(specs[:3], folder, executor=executor)
        with pytest.raises(InputError, match="another design"):
            run_batch(specs, folder, executor=executor)
        told: list[dict[str, int]] = []
        run_batch(specs, folder, executor=executor, may_extend=True, on_done=told.append)
        assert told[0] == {"done": 3, "failed": 0, "pending": 5}
        assert contents(folder) == contents(undisturbed)
        few = run_batch(specs[:5], folder, executor=executor, may_extend=True)
        assert few.to_csv() == load(undisturbed).iloc[:5].to_csv() and len(load(folder)) == 8
        with pytest.raises(InputError, match="differs is number 2"):
            run_batch([specs[0], specs[5]], folder, executor=executor, may_extend=True)


def test_those_who_know_the_beginning_of_a_design_leave_the_rest_alone(
    specs: list[RunSpec], undisturbed: Path, laid_out: Path
) -> None:
    whole = load(undisturbed)
    design = read_design(laid_out)
    values = {spec.digest: whole.iloc[n][list(design.layout.indicators)].to_dict() for n, spec in enumerate(specs)}
    for n, known in ((6, 8), (1, 3)):  # one who knows all eight runs, then one who knows three
        write_incoming(laid_out, design.layout.row(specs[n], "done", values=values[specs[n].digest]))
        few = Table(laid_out, Design(design.runs[:known], design.layout, design.rows_a_file))
        few.lay_out()
        few.fold()
    assert load(laid_out)["status"].tolist() == [*["pending"], "done", *["pending"] * 4, "done", "pending"]


@posix_only
def test_one_folds_while_the_other_waits(specs: list[RunSpec], laid_out: Path) -> None:
    import fcntl

    table = Table(laid_out, read_design(laid_out))
    with (laid_out / "_lock").open("a") as held, ThreadPoolExecutor(1) as executor:
        fcntl.flock(held, fcntl.LOCK_EX)
        folding = executor.submit(table.fold)
        time.sleep(0.3)
        assert not folding.done()
        fcntl.flock(held, fcntl.LOCK_UN)
        folding.result(timeout=20)


def test_what_another_process_made_meanwhile_is_not_made_again(
    specs: list[RunSpec], undisturbed: Path, laid_out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run made here lasts as long as another process takes for all others, some of which it has folded."""
    made, whole = [], load(undisturbed)

    def last_long(spec: RunSpec, folder: Path, layout: Any) -> None:
        made.append(spec.digest)
        for n, other in enumerate(specs):
            values = whole.iloc[n][list(layout.indicators)].to_dict()
            write_incoming(folder, layout.row(other, "done", values=values))
            if n == 4:
                Table(folder, read_design(folder)).fold()

    monkeypatch.setattr(batch, "run_one", last_long)
    with ThreadPoolExecutor(1) as executor:
        run_batch(specs, laid_out, workers=1, executor=executor)
    assert len(made) <= 2  # as many as were in hand
    assert contents(laid_out) == contents(undisturbed)


def test_strata_are_kept_when_asked_for(specs: list[RunSpec], undisturbed: Path, tmp_path: Path) -> None:
    from abm.model import TerritoryModel

    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, design in zip(folders, (specs[:2], specs[:2]), strict=True):
        with ThreadPoolExecutor(1) as executor:
            run_batch(design, folder, executor=executor, strata=["sex", "all"])
    assert contents(folders[0]) == contents(folders[1])
    found = load_strata(folders[0])
    assert set(found["stratum_kind"]) == {"sex", "all"} and list(dict.fromkeys(found["digest"])) == [
        spec.digest for spec in specs[:2]
    ]
    model = TerritoryModel("tiny", rng=1, teleconsultation=LEVELS[0], **SHORT)
    model.run_to_end()
    expected = model.indicators()
    is_kept = expected["stratum_kind"].isin(["sex", "all"])
    is_kept &= ~((expected["stratum_kind"] == "all") & (expected["period"] == "all"))
    mine = found[found["digest"] == specs[1].digest].drop(columns="digest").reset_index(drop=True)
    wanted = expected[is_kept][mine.columns].reset_index(drop=True)
    assert len(mine) > 100 and mine.astype(str).equals(wanted.astype(str))
    assert load_strata(undisturbed).empty
    with pytest.raises(InputError, match="other strata: sex, all"):
        run_batch(specs[:2], folders[0])


def test_one_run_alone_writes_the_same_row(specs: list[RunSpec], undisturbed: Path, laid_out: Path) -> None:
    (spec,) = (spec for spec in read_design(laid_out).runs if spec == specs[5])
    row = run_one(spec, laid_out)
    assert (row["status"], row["seed"]) == ("done", 1) and count(laid_out)["done"] == 1
    Table(laid_out, read_design(laid_out)).fold()
    assert load(laid_out).iloc[5].equals(load(undisturbed).iloc[5])


def test_a_run_that_fails_is_a_row_and_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, simulate = make_specs(seeds=(1, 2), settings=[SHORT], territory="tiny"), batch._simulate
    design = [plain[0], plain[1], plain[0]]  # some designs hold a point twice

    def fail_for_one(spec: RunSpec, pack: Any, strata: tuple[str, ...]) -> Any:
        if spec.seed == 1:
            raise BrokenLawError("people", 3, "2020-01-04", {"start": 2, "now": 1})
        return simulate(spec, pack, strata)

    monkeypatch.setattr(batch, "_simulate", fail_for_one)
    with ThreadPoolExecutor(1) as executor:
        table = run_batch(design, tmp_path, executor=executor)
        assert list(table["status"]) == ["failed", "done", "failed"]
        assert table["error"][0].startswith("BrokenLawError: ") and table["forgone_care_share"].isna().tolist()[0]
        assert count(tmp_path) == {"done": 1, "failed": 2, "pending": 0}
        monkeypatch.setattr(batch, "_simulate", simulate)
        assert list(run_batch(design, tmp_path, executor=executor)["status"]) == ["failed", "done", "failed"]
        again = run_batch(design, tmp_path, executor=executor, retry_failed=True)
    assert list(again["status"]) == ["done"] * 3 and again["error"].isna().all()
    assert again.iloc[0].equals(again.iloc[2].rename(0)) and len(list(tmp_path.glob("runs/*"))) == 1


def test_changed_code_or_a_full_disk_stops_a_batch_and_fails_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = make_specs(seeds=(1, 2), settings=[SHORT], territory="tiny")

    def fill_disk(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for name, change, message in (
        ("code_digest", lambda: "other", "code is not the one"),
        ("write_incoming", fill_disk, "cannot be written to: No space left"),
    ):
        with monkeypatch.context() as patch, ThreadPoolExecutor(1) as executor:
            patch.setattr(batch, name, change)
            with pytest.raises(InputError, match=message):
                run_batch(specs, tmp_path, executor=executor)
    assert count(tmp_path) == {"done": 0, "failed": 0, "pending": 2}


def test_a_digest_covers_what_the_row_follows_from(tmp_path: Path) -> None:
    base = RunSpec.of("baseline", "tiny", 1, **SHORT)
    assert base == RunSpec.of(load_scenario(), "tiny", 1, **SHORT) and len(base.digest) == 64
    others = [
        RunSpec.of("baseline", "tiny", 2, **SHORT),
        RunSpec.of("baseline", "tiny", 1, **SHORT | {"days": 21}),
        RunSpec.of("baseline", "tiny", 1, **SHORT, teleconsultation=0.1),
        RunSpec.of("baseline", "saverne", 1, **SHORT),
        RunSpec.of(load_scenario(name="other"), "tiny", 1, **SHORT),
    ]
    assert len({spec.digest for spec in [base, *others]}) == 6
    assert base.code == code_digest() and len(code_digest()) == 64
    assert json.loads(base.settings) == {key: float(value) for key, value in SHORT.items()}


def test_parameters_are_columns_by_their_name(tmp_path: Path) -> None:
    from abm.parameters import load_parameters

    row = next(row for row in load_parameters().rows if row.value is not None)
    by_name, by_id = (RunSpec.of("baseline", "tiny", 1, **{key: row.value}) for key in (row.name, row.id))
    assert by_name == by_id and json.loads(by_id.settings) == {row.name: row.value}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"territory": "tinny"}, "Did you mean 'tiny'"),
        ({"seeds": [1, -1]}, "'seed': found -1"),
        ({"seeds": [True]}, "'seed': found True"),
        ({"scenarios": ["basline"]}, "Did you mean 'baseline'"),
        ({"settings": [{}, {"teleconsultatoin": 1}]}, "Did you mean 'teleconsultation'"),
        ({"settings": [{"days": 0}]}, "'days': found 0"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_specs(**({"territory": "tiny"} | arguments))


def test_a_folder_that_holds_something_else_is_refused(specs: list[RunSpec], undisturbed: Path, tmp_path: Path) -> None:
    before = contents(undisturbed)
    for design, message in (
        (specs[:3], "of 8 runs, 3 are asked for"),
        ([specs[0], *specs[:0:-1]], "differs is number 2"),
    ):
        with pytest.raises(InputError, match=f"another design .*{message}"):
            run_batch(design, undisturbed)
    assert contents(undisturbed) == before
    for taken, message in (("manifest.json", "holds other results"), ("runs", "holds other results")):
        folder = tmp_path / taken
        (folder / taken).mkdir(parents=True)
        with pytest.raises(InputError, match=message):
            run_batch(specs, folder)
    (tmp_path / "file").write_text("mine")
    for folder, message in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "x", "cannot be written to")):
        with pytest.raises(InputError, match=message):
            run_batch(specs, folder)
    with pytest.raises(InputError, match="no run is asked for"):
        run_batch([], tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no batch"),
        ("{", "not JSON"),
        ("[]", "is not the design of a batch"),
        ('{"format": 99}', "format 99 found"),
        ('{"format": 2, "cases": [], "runs": [["x", 0, 1]]}', "is not the design of a batch"),
    ],
)
def test_what_is_no_batch_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "design.json").write_text(text, encoding="utf-8")
    for read in (load, count, read_design):
        with pytest.raises(InputError, match=message):
            read(tmp_path)


def test_a_design_changed_by_hand_is_refused(undisturbed: Path, tmp_path: Path) -> None:
    text = (undisturbed / "design.json").read_text(encoding="utf-8")
    changed = re.sub(r'(\["[0-9a-f]{64}", 0), 2\]', r"\1, 9]", text)
    assert changed != text
    (tmp_path / "design.json").write_text(changed, encoding="utf-8")
    with pytest.raises(InputError, match="has been changed"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("base", "other"),
    [
        ({"a": 1, "b": {"x": 1, "y": 2}}, {"a": 2, "b": {"y": 3, "z": 4}}),
        ({"a": None, "b": {}}, {"a": {"=": 1}, "b": {"x": {"y": 1}}}),
        ({"a": {"x": 1}}, {"a": None}),
        ({"a": 1}, {"a": 1.0}),
        ({}, {}),
    ],
)
def test_what_differs_makes_the_other_again(base: dict[str, Any], other: dict[str, Any]) -> None:
    for one, two in ((base, other), (other, base)):
        assert canonical(_changed(one, _difference(one, two))) == canonical(two)
