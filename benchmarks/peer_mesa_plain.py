"""Mesa as its tutorials teach it: every agent is called every day, in random order, and draws for itself."""

from __future__ import annotations

from time import perf_counter

import mesa

from benchmarks.practice_workload import NO_SLOT, Agenda, Result, Workload


class Doctor(mesa.Agent):
    """A doctor and her book; does nothing by herself."""

    def __init__(self, model: PracticeModel, workload: Workload) -> None:
        super().__init__(model)
        self.agenda = Agenda(workload)


class Patient(mesa.Agent):
    """A patient, without an open appointment or with one on day `appointment`."""

    def __init__(self, model: PracticeModel, doctor: Doctor, daily_need: float) -> None:
        super().__init__(model)
        self.doctor = doctor
        self.daily_need = daily_need
        self.appointment = NO_SLOT

    def step(self) -> None:
        """Perhaps have a need; be seen when the appointment is today."""
        today = int(self.model.time) - 1
        if self.appointment == NO_SLOT and self.random.random() < self.daily_need:
            self.ask(today)
        if self.appointment == today:
            self.appointment = NO_SLOT
            self.model.held += 1

    def ask(self, today: int) -> None:
        """Take the earliest appointment, or go to the emergency department."""
        self.appointment = self.doctor.agenda.book(today)
        self.model.needs += 1
        if self.appointment == NO_SLOT:
            self.model.diverted += 1
        else:
            self.model.wait_days += self.appointment - today


class PracticeModel(mesa.Model):
    """All practices of a workload; one step is one day."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(rng=workload.seed)
        doctors = [Doctor(self, workload) for _ in range(workload.doctors)]
        for i, daily_need in enumerate(workload.daily_needs().tolist()):
            Patient(self, doctors[i % workload.doctors], daily_need)
        self.needs = self.diverted = self.held = self.wait_days = 0

    def step(self) -> None:
        """Call everybody. A visit held at once cannot touch another's booking: its slot is already taken."""
        self.agents.shuffle_do("step")


def run(workload: Workload) -> Result:
    """Simulate the workload."""
    model = PracticeModel(workload)
    started = perf_counter()
    model.run_for(workload.days)
    seconds = perf_counter() - started
    return Result(model.needs, model.needs - model.diverted, model.held, model.diverted, model.wait_days, seconds)
