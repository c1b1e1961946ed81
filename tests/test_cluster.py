"""Runs on a Dask cluster: a real scheduler and real workers on this machine, one of them killed; the same table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from abm.errors import InputError
from experiments.cluster import _check_workers, cluster_executor
from experiments.comparing import compare
from experiments.specs import code_digest, make_specs
from experiments.sweeping import Sweep, carry_out
from experiments.table import load

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals")]
ROOT = Path(__file__).parents[1]
SHORT = {"days": 20, "warm_up_days": 10, "follow_up_days": 10}
WAIT_S = 120.0


class Cluster:
    """A scheduler and workers, each a process of its own on the loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)
        )
        self._wait(self.file.exists)

    def add_worker(self, threads: int = 1) -> subprocess.Popen[bytes]:
        return self._start(
            "worker", "--scheduler-file", str(self.file), "--nthreads", str(threads), "--no-nanny", "--no-dashboard",
            "--local-directory", str(self.folder), "--host", "127.0.0.1",
        )  # fmt: skip

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(timeout=30)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        log = (self.folder / f"log-{len(self.processes)}").open("wb")
        command = [sys.executable, "-m", "dask", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    @staticmethod
    def _wait(is_so: object) -> None:
        end = time.monotonic() + WAIT_S
        while not is_so():  # type: ignore[operator]
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    yield found
    found.end()


def a_sweep() -> Sweep:
    specs = make_specs(seeds=range(10), settings=[SHORT], territory="tiny")
    return Sweep("clustered", tuple(specs), {"name": "clustered"})


def test_a_worker_killed_in_the_middle_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    workers = [cluster.add_worker(), cluster.add_worker()]
    told: list[dict[str, int]] = []

    def kill_one(counts: dict[str, int]) -> None:
        told.append(counts)
        if counts["done"] == 3 and workers[0].poll() is None:
            workers[0].send_signal(signal.SIGKILL)

    carry_out(a_sweep(), tmp_path / "far", cluster=str(cluster.file), on_done=kill_one)
    assert workers[0].wait(timeout=30) == -signal.SIGKILL and workers[1].poll() is None
    assert told[-1] == {"done": 10, "failed": 0, "pending": 0}
    carry_out(a_sweep(), tmp_path / "near", workers=1)
    for name in ("runs/00000.parquet", "design.json"):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "near" / name).read_bytes()
    assert set(load(tmp_path / "far")["status"]) == {"done"}


def test_a_comparison_says_the_same_wherever_its_runs_are_made(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker()
    asked = {"territory": "tiny", "replications": 2, **SHORT}
    far = compare("more_gps", cluster=str(cluster.file), output=tmp_path / "far", **asked)
    near = compare("more_gps", workers=1, output=tmp_path / "near", **asked)
    assert not far.errors and set(far.tables) == set(near.tables)
    for name, table in near.tables.items():
        pd.testing.assert_frame_equal(far.tables[name], table)


def test_workers_that_cannot_do_the_work_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no worker after"), cluster_executor(str(cluster.file), 2.0):
        pass
    worker = cluster.add_worker()
    with cluster_executor(str(cluster.file)) as (executor, n_workers):
        assert n_workers == 1 and executor.submit(pow, 3, 2).result(timeout=WAIT_S) == 9
    monkeypatch.setattr("experiments.cluster.code_digest", lambda: "other")
    with pytest.raises(InputError, match="another version of the model's code"), cluster_executor(str(cluster.file)):
        pass
    monkeypatch.undo()
    worker.kill()
    cluster.add_worker(threads=2)
    end = time.monotonic() + WAIT_S
    while True:  # until the scheduler has seen the one go and the other come
        try:
            with cluster_executor(str(cluster.file)):
                pass
        except InputError as error:
            if "--nthreads 1" in str(error):
                break
        assert time.monotonic() < end
        time.sleep(0.5)


class Flighty:
    """Stands for a Dask client; each worker is gone as soon as it was heard of, until the last."""

    def __init__(self, answers: list[dict[str, int]]) -> None:
        self.answers, self.asked = answers, 0

    def wait_for_workers(self, n_workers: int, timeout: float) -> None:
        """One has come."""

    def nthreads(self) -> dict[str, int]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def run(self, function: object, workers: list[str]) -> dict[str, str]:
        if workers == ["tcp://here:1"]:
            raise OSError("connection closed")
        return dict.fromkeys(workers, code_digest())


def test_a_worker_that_goes_while_it_is_looked_at_is_not_counted() -> None:
    there = {"tcp://here:2": 1}
    assert _check_workers(Flighty([{}, {}, there]), "tcp://nowhere:1", 60.0) == 1
    gone = Flighty([{"tcp://here:1": 1}, there])
    assert _check_workers(gone, "tcp://nowhere:1", 60.0) == 1 and gone.asked == 3
    with pytest.raises(InputError, match="no worker after"):
        _check_workers(Flighty([{}]), "tcp://nowhere:1", 0.2)
    with pytest.raises(InputError, match="cannot run this program .connection closed"):
        _check_workers(Flighty([{"tcp://here:1": 1}]), "tcp://nowhere:1", 60.0)


def test_a_scheduler_that_is_lost_keeps_what_was_finished(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker()

    def kill_scheduler(counts: dict[str, int]) -> None:
        if counts["done"] == 2:
            for process in cluster.processes:
                process.kill()

    with pytest.raises(ConnectionError, match="the cluster is lost"):
        carry_out(a_sweep(), tmp_path / "far", cluster=str(cluster.file), on_done=kill_scheduler)
    done = int((load(tmp_path / "far")["status"] == "done").sum())
    assert 2 <= done < 10
    told: list[dict[str, int]] = []
    carry_out(a_sweep(), tmp_path / "far", workers=1, on_done=told.append)
    assert told[0]["done"] >= done and told[-1]["done"] == 10


def test_nobody_answers() -> None:
    with pytest.raises(InputError, match="no Dask scheduler answers there"), cluster_executor("tcp://127.0.0.1:9", 2.0):
        pass
    with pytest.raises(InputError, match="no Dask scheduler answers"), cluster_executor("nowhere.json", 2.0):
        pass
