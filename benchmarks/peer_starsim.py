"""Starsim: patients are columns, a day is a few array operations, also for the bookings of all doctors at once.

Needs `pip install starsim`. Nobody is called one by one, which is why it is fast, and why a rule that differs from
patient to patient would have to be written as array operations too.
"""

from __future__ import annotations

import logging
from time import perf_counter

import numpy as np
import starsim as ss
from numpy.typing import NDArray

from benchmarks.practice_workload import NO_SLOT, Result, Workload


def need_probability(module: Practices, sim: ss.Sim, uids: ss.uids) -> NDArray[np.float64]:
    """Return the daily probability of each person, as the Bernoulli distribution asks for it."""
    return module.daily_needs[uids]


class Practices(ss.Module):
    """All practices of a workload."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.define_pars(need=ss.bernoulli(p=need_probability))
        self.define_states(ss.BoolArr("is_idle", default=True))
        is_open = np.array([workload.is_open(day) for day in range(workload.calendar_days)])
        self.free_slots = np.tile(workload.slots * is_open, (workload.doctors, 1))
        self.visits: list[list[NDArray[np.int64]]] = [[] for _ in range(workload.calendar_days)]
        self.daily_needs = workload.daily_needs()
        self.doctor = np.arange(workload.patients) % workload.doctors
        self.days, self.look_ahead_days = workload.days, workload.look_ahead_days
        self.shuffle = np.random.default_rng(workload.seed)
        self.needs = self.diverted = self.held = self.wait_days = 0

    def step(self) -> None:
        """Raise the day's needs in random order, book them, hold the day's visits."""
        today = int(self.ti)
        if today >= self.days:  # Starsim counts by dates and adds a day in some years
            return
        needy = self.shuffle.permutation(np.asarray(self.pars.need.filter(self.is_idle.uids)))
        booked, lead_days = self.book(needy, today)
        self.is_idle[ss.uids(booked)] = False
        for lead in np.unique(lead_days):
            self.visits[today + lead].append(booked[lead_days == lead])
        for seen in self.visits[today]:
            self.is_idle[ss.uids(seen)] = True
            self.held += seen.size
        self.needs += needy.size
        self.diverted += needy.size - booked.size
        self.wait_days += int(lead_days.sum())

    def book(self, needy: NDArray[np.int64], today: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give each the earliest free slot of her doctor; return those who got one and their lead times in days."""
        needy = needy[np.argsort(self.doctor[needy], kind="stable")]
        doctor = self.doctor[needy]
        rank = np.arange(needy.size) - np.searchsorted(doctor, doctor)  # place in the queue of the day
        free = self.free_slots[:, today : today + self.look_ahead_days + 1]
        lead = np.sum(np.cumsum(free, axis=1)[doctor] <= rank[:, None], axis=1)
        lead[lead > self.look_ahead_days] = NO_SLOT
        is_booked = lead != NO_SLOT
        np.subtract.at(free, (doctor[is_booked], lead[is_booked]), 1)
        return needy[is_booked], lead[is_booked]


def run(workload: Workload) -> Result:
    """Simulate the workload."""
    logging.getLogger("starsim").setLevel(logging.ERROR)
    practices = Practices(workload)
    sim = ss.Sim(
        n_agents=workload.patients,
        modules=practices,
        start=ss.date("2001-01-01"),
        dur=ss.days(workload.days),  # at least as many steps: both ends count
        dt=ss.days(1),
        rand_seed=workload.seed,
        people_results=False,
        copy_inputs=False,
        verbose=0,
    )
    sim.init()
    started = perf_counter()
    sim.run()
    seconds = perf_counter() - started
    if sim.t.npts < workload.days:
        raise RuntimeError(f"Starsim made {sim.t.npts} steps, expected at least {workload.days}")
    given = practices.needs - practices.diverted
    return Result(practices.needs, given, practices.held, practices.diverted, practices.wait_days, seconds)
