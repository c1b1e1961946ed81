"""How are runs made on other machines? By the workers of a Dask scheduler that runs already.

Owns the connection: which workers there are, whether they can do the work, compiling the rules once on each machine.
Everything else is as with processes of this machine: an `Executor` takes their place, and the numbers are the same.
Needs the extra `cluster`. Workers need the same code and must see the same folder.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from abm.errors import InputError
from experiments.specs import code_digest

WAIT_S = 60.0  # for the scheduler, and then for its first worker


@contextmanager
def cluster_executor(address: str, wait_s: float = WAIT_S) -> Iterator[tuple[Executor, int]]:
    """Yield an executor on the workers of a Dask scheduler, and how many there are now.

    Parameters
    ----------
    address : of the scheduler, e.g. "tcp://10.0.0.1:8786", or the path of its scheduler file (`file.json`).
    wait_s : seconds to wait for the scheduler and for a first worker; more workers may come and go at any time.

    Raises
    ------
    InputError
        Dask is not installed, nobody answers, no worker comes, a worker has several threads or other code.
    """
    client = _connect(address, wait_s)
    try:
        n_workers = _check_workers(client, address, wait_s)
        executor = client.get_executor(pure=False)
        try:
            yield executor, n_workers
        finally:
            executor.shutdown(wait=False)
    finally:
        client.close()


@contextmanager
def workers_of(address: str | None) -> Iterator[tuple[Executor | None, int | None]]:
    """Yield who makes runs: the workers of a cluster and their number; without an address nobody from elsewhere.

    Raises
    ------
    InputError
        See `cluster_executor`.
    ConnectionError
        The cluster is lost while they work.
    """
    if address is None:
        yield None, None
        return
    try:
        with cluster_executor(address) as found:
            yield found
    except (CancelledError, BrokenExecutor) as error:
        message = f"the cluster is lost ({error or type(error).__name__}); what was finished is kept"
        raise ConnectionError(0, message, address) from None


def _connect(address: str, wait_s: float) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--cluster needs Dask: install the extra 'cluster', pip install 'territoire[cluster]'"
        ) from None
    if address.endswith(".json"):
        _wait_for_file(Path(address), wait_s)  # Dask itself would wait for ever
    where: dict[str, Any] = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        with warnings.catch_warnings():  # of versions that differ in ways that do not matter here
            warnings.simplefilter("ignore")
            return Client(**where, timeout=wait_s, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"--cluster {address}: no Dask scheduler answers there ({_first_line(error)})") from None


def _wait_for_file(file: Path, wait_s: float) -> None:
    end = time.monotonic() + wait_s
    while not file.is_file():
        if time.monotonic() > end:
            raise InputError(f"--cluster {file}: no Dask scheduler answers there (no such file after {wait_s:.0f} s)")
        time.sleep(0.1)


def _check_workers(client: Any, address: str, wait_s: float) -> int:
    """Return how many workers there are; compile the rules on each machine; refuse workers that cannot do the work."""
    end = time.monotonic() + wait_s
    while True:
        threads = _threads_by_worker(client, address, wait_s)
        if max(threads.values()) > 1:
            raise InputError(
                f"--cluster {address}: found workers with {max(threads.values())} threads; start them with --nthreads 1"
            )
        one_a_machine = {worker.rpartition(":")[0]: worker for worker in threads}
        try:
            codes = client.run(_prepare, workers=list(one_a_machine.values()))
        except Exception as error:  # whatever the workers lack
            if not set(one_a_machine.values()) <= set(client.nthreads()) and time.monotonic() < end:
                continue  # one of them is gone: others are asked
            raise InputError(f"--cluster {address}: a worker cannot run this program ({_first_line(error)})") from None
        for worker, code in codes.items():
            if code != code_digest():
                raise InputError(f"--cluster {address}: worker {worker} has another version of the model's code")
        return len(threads)


def _threads_by_worker(client: Any, address: str, wait_s: float) -> dict[str, int]:
    """Return the number of threads of each worker there is now, once there is one.

    A worker that was waited for may be gone again when the scheduler is asked next: then the wait goes on.
    """
    end = time.monotonic() + wait_s
    while True:
        with contextlib.suppress(TimeoutError):
            client.wait_for_workers(1, timeout=max(0.1, end - time.monotonic()))
        threads = dict(client.nthreads())
        if threads:
            return threads
        if time.monotonic() >= end:
            raise InputError(f"--cluster {address}: the scheduler has no worker after {wait_s:.0f} s")


def _prepare() -> str:
    """Compile the rules on a worker's machine, if that was not done yet; return the digest of its code."""
    from abm.compiled import is_compiled
    from experiments.warming import compile_apart

    if not is_compiled():
        compile_apart()
    return code_digest()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
