"""How are many independent tasks carried out, whatever happens to the processes that do the work?

Owns the processes: each has one task in hand, so that one that is killed (out of memory, a signal) takes nothing with
it but its own task, which alone is blamed and tried again. Any other `concurrent.futures.Executor`, a cluster's for
instance, takes their place. Nothing here knows what a task is about.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass
from functools import cache
from typing import Any

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Stop(Exception):  # noqa: N818  (no error of the task that raises it)
    """Raised by a task, and then by `run_all`: no task can be carried out, e.g. because the disk is full."""


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes
    ----------
    value : what it returned.
    error : why it failed, "Kind: message"; None when it did not.
    tries : how often it was begun.
    """

    value: Any = None
    error: str | None = None
    tries: int = 1


def run_all[K: Hashable, A](
    task: Callable[[A], Any],
    items: Iterable[tuple[K, A]],
    workers: int = 2,
    executor: Executor | None = None,
    most_tries: int = 3,
    on_done: Callable[[K, Outcome], None] | None = None,
) -> dict[K, Outcome]:
    """Carry out `task(argument)` for every item.

    Parameters
    ----------
    task : a function at the top level of a module, as it is sent to other processes; returns little (a row, not a
        table: a process killed while it hands over more than a pipe holds would be waited for).
    items : pairs of a key, each once, and the argument; taken from as the work goes on.
    workers : number of processes (one thread each, started anew, so a script needs `if __name__ == "__main__":`).
    executor : carries out the tasks instead of processes of our own; 2 × workers of them are in its hands at a time. It
        is not shut down, and it is up to it to survive the death of a worker.
    most_tries : how often a task is begun that kills its process. One that raises an exception would raise it again:
        it is tried once.
    on_done : is given each outcome as it comes.

    Returns
    -------
    outcome of each item by key, in the order in which they came. A task that fails ends nothing but itself.

    Raises
    ------
    Stop
        A task says so.
    RuntimeError
        Processes cannot be started.
    BrokenExecutor, CancelledError
        The executor given is lost.
    KeyboardInterrupt
        After what was finished has been given to `on_done`, and what was under way has been ended.
    """
    if workers < 1 or most_tries < 1:
        raise ValueError(f"workers={workers}, most_tries={most_tries}: at least 1 expected")
    places: list[_Place] = []
    if executor is None:
        places += [_Process() for _ in range(workers)]
    else:
        places += [_Guest(executor)] * (2 * workers)
    crew: _Crew[K, A] = _Crew(task, places, most_tries, on_done)
    try:
        crew.carry_out(items)
    except KeyboardInterrupt:
        crew.hand_over_finished()
        raise
    finally:
        crew.leave()
    return crew.outcomes


@dataclass
class _Job[K, A]:
    """A task that is to be carried out."""

    key: K
    argument: A
    deaths: int = 0


class _Crew[K: Hashable, A]:
    """Places of work, the jobs in their hands, and what came of those before."""

    def __init__(
        self,
        task: Callable[[A], Any],
        places: list[_Place],
        most_tries: int,
        on_done: Callable[[K, Outcome], None] | None,
    ) -> None:
        self.task, self.free, self.most_tries, self.on_done = task, list(places), most_tries, on_done
        self.places = set(places)
        self.in_hand: dict[Future, tuple[_Job[K, A], _Place]] = {}
        self.again: deque[_Job[K, A]] = deque()
        self.failed_starts = 0
        self.outcomes: dict[K, Outcome] = {}

    def carry_out(self, items: Iterable[tuple[K, A]]) -> None:
        """Work until nothing is left; never more jobs in hand than there are places."""
        left = (_Job(key, argument) for key, argument in items)
        while True:
            while self.free and (job := self.again.popleft() if self.again else next(left, None)):
                place = self.free.pop()
                self.in_hand[place.submit(self.task, job.argument)] = (job, place)
            if not self.in_hand:
                return
            for future in wait(self.in_hand, return_when=FIRST_COMPLETED).done:
                self._take(future)

    def hand_over_finished(self) -> None:
        """Hand over what was finished when the work was interrupted."""
        for future in [future for future in self.in_hand if future.done() and not future.cancelled()]:
            if future.exception() is None:
                self._take(future)

    def leave(self) -> None:
        """End what is under way."""
        for future in self.in_hand:
            future.cancel()
        for place in self.places:
            place.end()

    def _take(self, future: Future) -> None:
        """Take the answer of a place, which is free from now on."""
        job, place = self.in_hand.pop(future)
        self.free.append(place)
        try:
            word, content = future.result()
        except CancelledError:
            raise
        except BrokenExecutor:
            self._bury(job, place)
        except Exception as error:  # of the executor: what cannot be sent, a worker that a cluster has given up
            self._finish(job, Outcome(error=_describe(error)))
        else:
            self.failed_starts = 0
            if word == "stop":
                raise Stop(content)
            self._finish(job, Outcome(content) if word == "value" else Outcome(error=content))

    def _bury(self, job: _Job[K, A], place: _Place) -> None:
        """Go on after the death of a process: it had this one job, or was not even started."""
        if place.renew():
            job.deaths += 1
        else:
            self.failed_starts += 1
        if self.failed_starts >= self.most_tries:
            raise RuntimeError("no process can be started (a script that does this needs `if __name__ == '__main__':`)")
        if job.deaths >= self.most_tries:
            times = f"{job.deaths} times" if job.deaths > 1 else "once"
            self._finish(job, Outcome(error=f"its process was killed or ran out of memory, {times}"))
        else:
            self.again.append(job)

    def _finish(self, job: _Job[K, A], outcome: Outcome) -> None:
        tries = job.deaths + (outcome.error is None or job.deaths < self.most_tries)
        outcome = Outcome(outcome.value, outcome.error, tries)
        self.outcomes[job.key] = outcome
        if self.on_done is not None:
            self.on_done(job.key, outcome)


class _Guest:
    """A place in the hands of an executor given by the user."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def submit(self, task: Callable[[Any], Any], argument: Any) -> Future:
        return self.executor.submit(_answer, task, argument)

    def renew(self) -> bool:
        raise BrokenExecutor("the executor has lost its workers; what was finished is kept")

    def end(self) -> None:
        """Leave the executor to its owner."""


class _Process:
    """A place that is a process of our own, started when it is first needed."""

    def __init__(self) -> None:
        self.pool: ProcessPoolExecutor | None = None
        self.start: Future | None = None

    def submit(self, task: Callable[[Any], Any], argument: Any) -> Future:
        if self.pool is None:
            spawn = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=_settle_in)
            with _for_workers():  # what is spawned here has the environment and the signals as they are now
                self.start = self.pool.submit(os.getpid)
        return self.pool.submit(_answer, task, argument)

    def renew(self) -> bool:
        """Put away a dead process; tell whether it had ever been ready for work."""
        was_ready = self.start is not None and self.start.exception() is None
        self.end()
        return was_ready

    def end(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            # As `ProcessPoolExecutor.kill_workers` of Python 3.14 does; `shutdown` alone waits for the task in hand.
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)


type _Place = _Process | _Guest


@contextlib.contextmanager
def _for_workers() -> Iterator[None]:
    """Let processes started in this block compute with one thread each, and be deaf to Ctrl-C from the first."""
    before = {name: os.environ.get(name) for name in THREAD_LIMITS}
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if mask is not None:  # a Ctrl-C that came meanwhile comes now
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _settle_in() -> None:
    """Prepare a process: an interrupt is the parent's affair, and nobody outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(task: Callable[[Any], Any], argument: Any) -> tuple[str, Any]:
    """Carry out a task where the work is done; errors come back as text: not every exception survives the journey."""
    try:
        return "value", task(argument)
    except Stop as stop:
        return "stop", str(stop)
    except BaseException as error:
        return "error", _describe(error)
    finally:
        _let_go()


def _let_go() -> None:
    """Give back the memory of the task that is over: a model's parts know each other, and would stay for a while."""
    gc.collect()
    if multiprocessing.parent_process() is not None:
        _keep_what_is_always_there()


@cache
def _keep_what_is_always_there() -> None:
    """Spare code and registries, once and for all, from being looked through after every task: that took 0.1 s."""
    gc.freeze()


def _describe(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
