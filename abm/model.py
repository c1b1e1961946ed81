"""The territory as a Mesa model: professionals are agents that decide, inhabitants are columns, a step is a day.

Owns time, the order of construction and the collection of monthly figures. The day itself is `abm.schedule`; what is
computed from a run is `abm.indicators`, afterwards.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from abm import laws
from abm.agents.education import Education
from abm.agents.general_practitioner import GeneralPractitioner
from abm.agents.hospital import Hospital
from abm.agents.network import CareNetwork, NetworkPlan, network_plan
from abm.agents.openings import communes_of_worst_access, with_practices
from abm.agents.patient import Patient, PatientSet
from abm.agents.payments import general_account, pay_each_in_full, post_action
from abm.agents.specialist import Specialist
from abm.effects import Effects
from abm.environment.agenda import days_to_third_available
from abm.environment.territory import Territory, load_territory
from abm.handle import compiled
from abm.payments.tables import Account, Act, Category
from abm.policies import active_policies
from abm.records import (
    Recorder,
    Records,
    all_episodes,
    all_stays,
    spare_rows,
    with_room_for_records,
    with_room_for_stays,
)
from abm.scenario import Scenario, load_scenario
from abm.schedule import SCHEDULE
from abm.state import NEVER, NOBODY, Counter, NetworkFigure, Payer, Status, World
from abm.world import build_world

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd

    from abm.population import Population

THIRD_NEXT_CAP_DAYS = 90
EPISODES_A_YEAR = 7  # of a person, roughly: only the first size of a table that grows
STAYS_A_YEAR = 1  # of a person, more than enough with people from elsewhere
MONDAY = 0
OTHER_PROFESSIONS = ("nurse", "pharmacy", "physiotherapist", "midwife")


class TerritoryModel(mesa.Model):
    """A health territory: its people, their doctors, one day after another.

    Parameters
    ----------
    territory : name of a built-in pack, path of a pack, or a `Territory`.
    scenario : name of a built-in scenario, path of a YAML file, or a `Scenario`.
    rng : seed of the run, an integer; None draws one (and keeps it in `seed_of_run`).
    arrange : change of the people after synthesis, see `abm.world.build_world`.
    **overrides : fields of the scenario, levers or parameters by name, e.g. `days=365`, `teleconsultation=0.1`.

    Attributes
    ----------
    day : index of the next day to live; 0 is the first day of the warm-up.
    setting : names, calendar, parameters and how the world was made.
    arrays : the world's columns (`abm.state.World`).
    effects : what the policies do to people (`abm.effects.Effects`).
    education : programmes of patient education, and who takes part (`abm.agents.education.Education`).
    interventions : the policies that the scenario's levers ask for; none at their neutral values.
    lacked_gp : rows of the adults without a registered doctor when the horizon began.
    network : the care network (`abm.agents.network.CareNetwork`), None where no policy opens one.

    Raises
    ------
    InputError
        Unknown territory, scenario, lever or parameter; a value out of range.
    BrokenLawError
        When a conservation law fails (checked monthly and at the end).
    """

    arrays: World
    handle: Any

    def __init__(
        self,
        territory: str | Path | Territory = "saverne",
        scenario: str | Path | Scenario = "baseline",
        rng: int | None = None,
        arrange: Callable[[Population], Population] | None = None,
        **overrides: Any,
    ) -> None:
        super().__init__(rng=rng)
        self.seed_of_run = int(rng) if rng is not None else int(np.random.SeedSequence().entropy % 2**32)  # type: ignore[operator]
        self.territory = territory if isinstance(territory, Territory) else load_territory(territory)
        self.policy = load_scenario(scenario, **overrides)
        world, self.setting = build_world(self.territory, self.policy, self.seed_of_run, arrange=arrange)
        self.recorder = Recorder()
        world = with_room_for_stays(world, self._expected_stays(world))
        self.people_at_start = int((world.patients.status == Status.ALIVE).sum())
        self._hold(with_room_for_records(world, self._expected_records(world.patients.size)))
        self.territory_practices = range(self.n_practices)
        self.lacked_gp = np.zeros(0, np.int64)
        self.effects = Effects(
            world.patients.size,
            tuple(condition.name for condition in self.setting.conditions),
            self.setting.parameters["effect_overlap"],
        )
        self.network: CareNetwork | None = None
        self._network_plan: NetworkPlan | None = None
        self.education = Education(self)
        self.interventions = active_policies(self.policy.levers)
        for intervention in self.interventions:
            intervention.prepare(self)
        self.day = 0
        self.laws_checked = 0
        self.open_requests = 0
        self.seconds_by_step = dict.fromkeys((step.name for step in SCHEDULE), 0.0)
        self.seconds_collecting = 0.0
        self._releases_at_end = False
        self._records_at_end: Records | None = None
        self._headline: tuple[int, dict[str, float]] | None = None
        self._month_base = np.zeros(len(Counter), np.int64)
        self._create_agents()
        self.datacollector = mesa.DataCollector(model_reporters=_reporters())

    # --- time ---------------------------------------------------------------------------------------------------

    @property
    def last_day(self) -> int:
        """The day index at which the model stops by itself."""
        return self.setting.last_day

    @property
    def date(self) -> dt.date:
        """The date of the next day to live."""
        return self.setting.calendar.date(self.day)

    def step(self) -> None:
        """Live one day; on the last evening of a month and of the run laws are checked and figures collected."""
        if self.day >= self.last_day:
            self.running = False
            return
        today = self.day
        for step in SCHEDULE:
            began = perf_counter()
            step.rule(self if step.is_decision else self.handle, today)
            self.seconds_by_step[step.name] += perf_counter() - began
        self.day = today + 1
        self._note(today)
        if self.day == self.last_day:
            self.running = False

    def run_to_end(self, on_day: Callable[[int, int], None] | None = None, *, then_release: bool = False) -> None:
        """Live every day that is left; `on_day(day, last_day)` is told of each (progress bars).

        Parameters
        ----------
        then_release : call `release()` on the last evening in place of collecting its figures: for runs that leave
            nothing but their records, from which the same figures come.
        """
        self._releases_at_end = then_release
        while self.running and self.day < self.last_day:
            self.step()
            if on_day is not None:
                on_day(self.day, self.last_day)

    def _note(self, today: int) -> None:
        """Keep what has to be looked at while the run goes on, and what must not overflow."""
        if self.recorder.needs_room(self.arrays):
            self._hold(with_room_for_records(self.arrays, 3 * self.arrays.record_patient.size // 2))
        if self.recorder.needs_room_for_stays(self.arrays):
            self._hold(with_room_for_stays(self.arrays, 3 * self.arrays.stays.size // 2))
        calendar = self.setting.calendar
        if calendar.weekday[today] == MONDAY and today < self.setting.end_of_horizon:
            self.recorder.note_week(today, self._days_to_third(today))
        if calendar.is_first_of_month[today + 1] or self.day == self.last_day:
            laws.check(self)
            self.laws_checked += 1
            if self.day == self.last_day:
                self._hold(without(self.arrays, ("blocks", "today", "queue", "queue_keys")))
                if self._releases_at_end:
                    self.release()
                    return
            began = perf_counter()
            self.datacollector.collect(self)
            self.seconds_collecting += perf_counter() - began
            self._month_base = self.arrays.counters.copy()

    def _days_to_third(self, today: int) -> np.ndarray:
        days = np.empty(self.n_practices, np.int64)
        days_to_third_available(self.handle, today, THIRD_NEXT_CAP_DAYS, days)
        return days

    # --- who is there -------------------------------------------------------------------------------------------

    def _create_agents(self) -> None:
        """Make a Mesa agent of each professional and hospital, and the agent set over the inhabitants' columns."""
        for row in range(self.arrays.providers.size):
            if self.arrays.providers.specialty[row] == NOBODY:
                GeneralPractitioner(self, row)
            else:
                Specialist(self, row)
        for index in range(len(self.territory.sites)):
            Hospital(self, index)
        if self._network_plan is not None:
            self.network = CareNetwork(self, self._network_plan)
        self.patients = PatientSet(self)

    @property
    def n_practices(self) -> int:
        """Number of general practitioners."""
        return int((self.arrays.providers.specialty == NOBODY).sum())

    @property
    def other_professionals(self) -> pd.DataFrame:
        """Nurses, pharmacies, physiotherapists, midwives by commune: insee, commune (its name), profession, count."""
        table = self.territory.professionals
        table = table[table["profession"].isin(OTHER_PROFESSIONS)]
        names = self.territory.communes.set_index("insee")["name"]
        table = table.assign(commune=table["insee"].map(names), count=table["count"].astype(int))
        return table[["insee", "commune", "profession", "count"]].reset_index(drop=True)

    # --- new practices ------------------------------------------------------------------------------------------

    def add_practices(self, communes: Sequence[int], list_target: float, first_address: int) -> None:
        """Open general practices on the morning after the first day of the horizon.

        Parameters
        ----------
        communes : row of the commune of each.
        list_target : fullest list of each, people; capacity follows from it.
        first_address : address of the first one's draws, the others follow.

        Raises
        ------
        RuntimeError
            When the agents are there already: new practices belong into `Policy.prepare`.
        """
        if hasattr(self, "patients"):
            raise RuntimeError("practices can only be added before the first day: in Policy.prepare")
        world, self.setting = with_practices(self, communes, list_target, first_address)
        self._hold(world)

    def plan_network(self, **wishes: Any) -> None:
        """Have a care network from a date on; what can be wished for: see `abm.agents.network.network_plan`.

        Raises
        ------
        InputError
            Dates that do not fit the horizon, an unknown commune or disease, a plan of expenses beyond its budget.
        """
        self._network_plan = network_plan(self, **wishes)

    def pay_for_action(self, today: int, payer: Payer, cents: int) -> None:
        """Book a cost of the territory's action on a day: staff, studies, services, spent on nobody in particular."""
        if self.arrays.billed.shape[1]:
            account = general_account(self.handle, int(Account.TERRITORY_ACTION))
            post_action(self.handle, today, int(Category.ACTION), account, int(payer), int(cents))

    def communes_of_worst_access(
        self, number: int, list_target: float, among: Collection[int] | None = None
    ) -> list[int]:
        """Return where so many new practices help most; see `abm.agents.openings.communes_of_worst_access`."""
        return communes_of_worst_access(self, number, list_target, among)

    def communes_with(self, professions: Collection[str]) -> set[int]:
        """Return the rows of the communes where somebody of these professions practises."""
        table = self.territory.professionals
        found = set(table.loc[table["profession"].isin(list(professions)) & (table["count"] > 0), "insee"])
        return {row for row, insee in enumerate(self.territory.communes["insee"]) if insee in found}

    def admitted_for(self, condition: str, since: int) -> np.ndarray:
        """Return the rows of the people who left hospital after an event of a disease on a day or later, and live."""
        world = self.arrays
        causes = [row for row, name in enumerate(self.setting.causes) if name.partition(".")[0] == condition]
        stays = world.stays[: int(world.counters[Counter.STAYS])]
        counts = (stays["leaves_on"] >= since) & (stays["leaves_on"] < self.day) & np.isin(stays["cause"], causes)
        rows = np.unique(stays["patient"][counts & (stays["patient"] != NOBODY)])
        return rows[world.patients.status[rows] == Status.ALIVE]

    def bill_in_full(self, rows: np.ndarray, act: str, category: str, account: str | int, today: int) -> None:
        """Let the compulsory insurance pay an act for each of some people, at the price of the day.

        Parameters
        ----------
        rows : of the people, shape (r,).
        act, category : names of `abm.payments.tables.Act` and `Category`, in small letters.
        account : who receives it: name of an `Account`, or the row of a site.
        """
        if not rows.size:
            return
        world = self.arrays
        n_sites = world.minutes.shape[1] - world.minutes.shape[0]
        column = account if isinstance(account, int) else n_sites + Account[account.upper()]
        pay_each_in_full(
            self.handle,
            np.ascontiguousarray(rows, np.int64),
            today,
            int(Category[category.upper()]),
            int(world.providers.size + column),
            int(Act[act.upper()]),
        )

    def communes_with_hospital(self) -> set[int]:
        """Return the rows of the communes with a hospital of the territory."""
        found = set(self.territory.sites.loc[self.territory.sites["kind"] == "hospital", "insee"])
        return {row for row, insee in enumerate(self.territory.communes["insee"]) if insee in found}

    @property
    def general_practitioners(self) -> Any:
        """Agent set of the general practitioners."""
        return self.agents_by_type.get(GeneralPractitioner, ())

    @property
    def specialists(self) -> Any:
        """Agent set of the local specialists."""
        return self.agents_by_type.get(Specialist, ())

    @property
    def hospitals(self) -> Any:
        """Agent set of the hospitals and poles."""
        return self.agents_by_type.get(Hospital, ())

    @property
    def hospital(self) -> Hospital | None:
        """The territory's own hospital with an emergency department, if it has one."""
        inside = [h for h in self.hospitals if h.is_inside and h.has_emergency]
        return inside[0] if inside else None

    @property
    def agents_by_type(self) -> dict:
        """Agent sets by class; the inhabitants are there too, as columns."""
        by_type = dict(super().agents_by_type)
        if hasattr(self, "patients"):
            by_type[Patient] = self.patients
        return by_type

    # --- results ------------------------------------------------------------------------------------------------

    def records(self) -> Records:
        """Return what has been recorded so far, those still open included."""
        if self._records_at_end is not None:
            return self._records_at_end
        world, setting = self.arrays, self.setting
        days = slice(0, self.day)
        return Records(
            setting=setting,
            episodes=all_episodes(world),
            patients=world.patients,
            providers=world.providers,
            offered=setting.offered[:, days],
            unused=(world.free + world.reserve + world.walk_in)[:, days],
            outside_held=world.outside_held[:, days],
            overtime_used=(setting.overtime_offered - world.overtime)[:, days],
            third_next_available=np.array(self.recorder.weeks).reshape(len(self.recorder.weeks), self.n_practices),
            third_next_days=np.array(self.recorder.week_days, np.int64),
            stays=all_stays(world),
            health=world.health,
            vital=world.vital,
            billed=world.billed,
            paid=world.paid,
            received=world.received,
            spend_cents=world.spend_cents,
            in_force=setting.in_force[:, days],
            registrations=world.registrations,
            tele_expertise=world.tele_expertise,
            lacked_gp=self.lacked_gp,
            causes=world.causes,
            beds=world.beds,
            network=np.zeros((0, len(NetworkFigure)), np.int64) if self.network is None else self.network.figures,
            education=self.education.participations,
        )

    def release(self) -> Records:
        """Return the records of a finished run and free what only the day needs: nothing can be lived after it.

        Raises
        ------
        RuntimeError
            When days are left.
        """
        if self.day < self.last_day:
            raise RuntimeError(f"{self.last_day - self.day} days are left: release() is for finished runs")
        self._records_at_end = self.records()
        self.handle = None
        self.arrays = without(self.arrays, ("episodes",))
        return self._records_at_end

    def indicators(self) -> pd.DataFrame:
        """Return all indicators of the horizon, one row each (columns as in `indicators.csv`)."""
        from abm.indicators import indicators

        return indicators(self.records())

    def headline(self) -> dict[str, float]:
        """Return the headline indicators of the horizon so far; computed once a day."""
        from abm.indicators import headline

        if self._headline is None or self._headline[0] != self.day:
            self._headline = (self.day, headline(self.records()))
        return self._headline[1]

    def _expected_records(self, n_people: int) -> int:
        """Return how many rows the run is likely to write; the table grows if they are more."""
        return spare_rows(n_people) + n_people * self.setting.last_day * EPISODES_A_YEAR // 365

    def _expected_stays(self, world: World) -> int:
        """Return how many stays the run is likely to write, the spare rows of a day included."""
        return world.call_rows.size + world.patients.size * self.setting.last_day * STAYS_A_YEAR // 365

    # --- the world ----------------------------------------------------------------------------------------------

    def _hold(self, world: World) -> None:
        """Keep the columns, and the one pointer to them that the rules take."""
        self.arrays = world
        self.handle = compiled(world)

    def months_figure(self, counter: Counter) -> int:
        """Return how much a counter has grown since the last collection."""
        return int(self.arrays.counters[counter] - self._month_base[counter])


def without(world: World, names: tuple[str, ...]) -> World:
    """Return the world with some columns empty: their memory is free once nobody else holds them."""
    return world._replace(**{name: getattr(world, name)[:0].copy() for name in names})


def mean_of_open(days_to_third: np.ndarray) -> float:
    """Return the mean over the practices that hold sessions, NaN where there is none."""
    there = days_to_third[days_to_third != NEVER]
    return float(there.mean()) if there.size else float("nan")


def _reporters() -> dict[str, Callable[[TerritoryModel], Any]]:
    """Return what the data collector asks every month; the headline indicators are known on the last day."""
    from abm.indicators import HEADLINE

    reporters: dict[str, Callable[[TerritoryModel], Any]] = {
        "date": lambda m: m.setting.calendar.date(m.day - 1).isoformat(),
        "requests_opened": lambda m: m.months_figure(Counter.OPENED),
        "third_next_available_days": lambda m: mean_of_open(m.recorder.weeks[-1]) if m.recorder.weeks else float("nan"),
        "open_requests": lambda m: m.open_requests,
        "general_practitioners": lambda m: sum(gp.is_in_practice for gp in m.general_practitioners),
        "people_without_gp": lambda m: int(
            ((m.arrays.patients.registered_gp == NOBODY) & (m.arrays.patients.status == Status.ALIVE)).sum()
        ),
    }

    def headline_of(name: str) -> Callable[[TerritoryModel], float]:
        return lambda m: m.headline()[name] if m.day >= m.last_day else float("nan")

    return reporters | {name: headline_of(name) for name in HEADLINE}
