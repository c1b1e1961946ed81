"""SimPy: one process a patient, sleeping until the next need or the next visit, as in discrete-event models.

A daily need of probability P is a geometric number of days. Needs arise at a random time in the first half of the day,
which makes their order random, and visits are held after them, at three quarters.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from time import perf_counter

import simpy

from benchmarks.practice_workload import NO_SLOT, Agenda, Result, Workload


class Counts:
    """Totals of a run."""

    def __init__(self) -> None:
        self.needs = self.diverted = self.held = self.wait_days = 0


def days_without_need(draw: random.Random, daily_need: float) -> float:
    """Return the number of days before the one with a need: geometric from 0; infinite when P is 0."""
    if daily_need >= 1:
        return 0
    if daily_need <= 0:
        return math.inf
    return int(math.log(1.0 - draw.random()) / math.log1p(-daily_need))


def patient(
    environment: simpy.Environment, draw: random.Random, agenda: Agenda, daily_need: float, counts: Counts
) -> Iterator[simpy.Event]:
    """Live: have a need, book, be seen, again."""
    today = 0
    while True:
        free_days = days_without_need(draw, daily_need)
        if free_days == math.inf:
            return
        today += int(free_days)
        yield environment.timeout(today + 0.5 * draw.random() - environment.now)
        counts.needs += 1
        day = agenda.book(today)
        if day == NO_SLOT:
            counts.diverted += 1
        else:
            counts.wait_days += day - today
            yield environment.timeout(day + 0.75 - environment.now)
            counts.held += 1
            today = day
        today += 1


def run(workload: Workload) -> Result:
    """Simulate the workload."""
    environment, draw, counts = simpy.Environment(), random.Random(workload.seed), Counts()
    agendas = [Agenda(workload) for _ in range(workload.doctors)]
    for i, daily_need in enumerate(workload.daily_needs().tolist()):
        environment.process(patient(environment, draw, agendas[i % workload.doctors], daily_need, counts))
    started = perf_counter()
    environment.run(until=workload.days)
    seconds = perf_counter() - started
    return Result(counts.needs, counts.needs - counts.diverted, counts.held, counts.diverted, counts.wait_days, seconds)
