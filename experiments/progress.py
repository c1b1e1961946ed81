"""How far are many runs? Done, failed, left, rate and time left: a bar for people, plain lines for files.

Owns that display. Knows counts only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from experiments.table import DONE, FAILED, PENDING
from experiments.terminal import console, say

LINE_S = 10.0  # between two plain lines

Counts = dict[str, int]


@contextmanager
def runs_progress(*, is_quiet: bool) -> Iterator[Callable[[Counts], None]]:
    """Yield what is told the counts: a bar on a terminal, lines otherwise, nothing when quiet."""
    if is_quiet:
        yield lambda counts: None
    elif sys.stderr.isatty():
        yield from _bar()
    else:
        yield Lines().tell


class Rate:
    """Runs a second since the first was over, and the time that the others will take.

    Parameters
    ----------
    clock : returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self.clock, self.began, self.at_first, self.has_begun = clock, clock(), -1, False

    def words(self, counts: Counts) -> str:
        """Return rate and time left in words; empty before two runs are over: processes take long to start."""
        over = counts[DONE] + counts[FAILED]
        if self.at_first < 0 or (over > self.at_first and not self.has_begun):
            self.has_begun = 0 <= self.at_first < over
            self.at_first, self.began = over, self.clock()
        made, seconds = over - self.at_first, max(self.clock() - self.began, 1e-9)
        if made <= 0 or counts[PENDING] == 0:
            return ""
        rate = made / seconds
        shown = f"{rate:.2f} runs/s" if rate >= 0.1 else f"{60 * rate:.2f} runs/min"
        return f"{shown}, {duration(counts[PENDING] / rate)} left"


class Lines:
    """A line at the start and the end, and every ten seconds between, for log files."""

    def __init__(self, clock: Callable[[], float] = perf_counter, write: Callable[[str], None] = say) -> None:
        self.rate, self.clock, self.write = Rate(clock), clock, write
        self.last = -LINE_S

    def tell(self, counts: Counts) -> None:
        """Write a line when it is time."""
        words = self.rate.words(counts)
        if self.clock() - self.last >= LINE_S or counts[PENDING] == 0:
            self.last = self.clock()
            total = sum(counts.values())
            text = f"{counts[DONE]:,} of {total:,} runs done, {counts[FAILED]:,} failed"
            self.write(f"{text}; {words}" if words else text)


def duration(seconds: float) -> str:
    """Return a length of time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _bar() -> Iterator[Callable[[Counts], None]]:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns: tuple[Any, ...] = (BarColumn(), TextColumn("{task.fields[words]}"))
    with RichProgress(*columns, console=console(stderr=True), transient=True) as bar:
        task, rate = bar.add_task("", total=None, words=""), Rate()

        def tell(counts: Counts) -> None:
            over, total = counts[DONE] + counts[FAILED], sum(counts.values())
            failed = f", {counts[FAILED]:,} failed" if counts[FAILED] else ""
            words = f"{counts[DONE]:,} of {total:,} done{failed}  {rate.words(counts)}"
            bar.update(task, completed=over, total=total, words=words)

        yield tell
