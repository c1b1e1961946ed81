"""Mesa, by someone who knows its costs: draws are one numpy call a day, only agents with something to do are called.

Patients and doctors are `mesa.Agent`s; a need and a visit are each a method call on the patient, a booking one on the
doctor. Visits wait in a list for each day; who is idle is a byte each, shared with numpy.
"""

from __future__ import annotations

from time import perf_counter

import mesa
import numpy as np

from benchmarks.practice_workload import NO_SLOT, Agenda, Result, Workload


class Doctor(mesa.Agent):
    """A doctor and her book."""

    def __init__(self, model: PracticeModel, workload: Workload) -> None:
        super().__init__(model)
        self.agenda = Agenda(workload)


class Patient(mesa.Agent):
    """A patient who books when a need arises."""

    def __init__(self, model: PracticeModel, row: int, doctor: Doctor) -> None:
        super().__init__(model)
        self.row = row
        self.doctor = doctor

    def need(self, today: int) -> None:
        """Take the earliest appointment, or go to the emergency department."""
        day = self.doctor.agenda.book(today)
        model = self.model
        if day == NO_SLOT:
            model.diverted += 1
            return
        model.wait_days += day - today
        model.is_idle[self.row] = False
        model.visits[day].append(self)

    def visit(self) -> None:
        """Be seen; a need can arise again tomorrow."""
        self.model.is_idle[self.row] = True


class PracticeModel(mesa.Model):
    """All practices of a workload; one step is one day."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(rng=workload.seed)
        self.doctors = [Doctor(self, workload) for _ in range(workload.doctors)]
        self.patients = [Patient(self, i, self.doctors[i % workload.doctors]) for i in range(workload.patients)]
        self.daily_needs = workload.daily_needs()
        self.is_idle = bytearray(b"\x01" * workload.patients)
        self.is_idle_view = np.frombuffer(self.is_idle, dtype=np.bool_)  # the same memory
        self.visits: list[list[Patient]] = [[] for _ in range(workload.calendar_days)]
        self.needs = self.diverted = self.held = self.wait_days = 0

    def step(self) -> None:
        """Raise the day's needs in random order, then hold the day's visits."""
        today = int(self.time) - 1  # Mesa's clock shows 1 during the first step
        has_need = self.rng.random(self.daily_needs.size) < self.daily_needs
        needy = self.rng.permutation(np.flatnonzero(has_need & self.is_idle_view)).tolist()
        patients = self.patients
        for row in needy:
            patients[row].need(today)
        for patient in self.visits[today]:
            patient.visit()
        self.needs += len(needy)
        self.held += len(self.visits[today])


def run(workload: Workload) -> Result:
    """Simulate the workload."""
    model = PracticeModel(workload)
    started = perf_counter()
    model.run_for(workload.days)
    seconds = perf_counter() - started
    return Result(model.needs, model.needs - model.diverted, model.held, model.diverted, model.wait_days, seconds)
