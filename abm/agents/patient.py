"""Inhabitants for Mesa: columns that behave like an agent set, and an agent view of any one of them.

Owns the views only; the people's rows belong to the population and the compiled rules. `select`, `agg`, `get` and
`set` work on whole columns; agents are made when somebody looks at one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mesa import Agent
from mesa.agentset import AbstractAgentSet
from numpy.typing import NDArray

from abm.state import NEVER, NOBODY, PATIENT, Channel, Stage, Status

if TYPE_CHECKING:
    from abm.agents.general_practitioner import GeneralPractitioner
    from abm.model import TerritoryModel


class Patient(Agent):
    """One inhabitant: a view of a row, equal to any other view of the same row.

    Every column of the row is an attribute (`patient.income_quintile`); the address of the person is `unique_id`.
    """

    def __init__(self, model: TerritoryModel, row: int) -> None:  # views are not registered: no super().__init__
        self.model = model
        self.row = int(row)
        self.unique_id = int(model.arrays.patients.person[row])
        self.pos = None

    def __getattr__(self, name: str) -> Any:
        if name in (PATIENT.names or ()):
            return self.model.arrays.patients[name][self.row].item()
        raise AttributeError(f"a patient has no attribute '{name}'; columns: {', '.join(PATIENT.names or ())}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patient) and other.model is self.model and other.row == self.row

    def __hash__(self) -> int:
        return hash((id(self.model), self.row))

    def __repr__(self) -> str:
        return f"<Patient {self.unique_id}: {self.age_years} years, {self.commune_name}>"

    def remove(self) -> None:
        """Refuse: people leave by the rules of the day only."""
        raise TypeError("inhabitants are columns: they cannot be removed one by one")

    @property
    def age_years(self) -> int:
        """Completed years of age today."""
        return int(max(0, self.model.day - self.model.arrays.patients.birth_day[self.row]) * 4 // 1461)

    @property
    def commune_name(self) -> str:
        """Name of the commune of residence."""
        return str(self.model.territory.communes["name"].iloc[int(self.model.arrays.patients.commune[self.row])])

    @property
    def condition_names(self) -> tuple[str, ...]:
        """Names of the person's chronic conditions."""
        bits = int(self.model.arrays.patients.conditions[self.row])
        return tuple(c.name for i, c in enumerate(self.model.setting.conditions) if bits >> i & 1)

    @property
    def general_practitioner(self) -> GeneralPractitioner | None:
        """The registered general practitioner, if there is one."""
        row = int(self.model.arrays.patients.registered_gp[self.row])
        if row == NOBODY:
            return None
        return next(gp for gp in self.model.general_practitioners if gp.row == row)

    @property
    def episodes(self) -> pd.DataFrame:
        """What each kind of need is waiting for: stage, next event, appointment, provider; one row a kind."""
        n_people = self.model.arrays.patients.size
        rows = self.model.arrays.episodes[self.row :: n_people].view(np.recarray)
        calendar = self.model.setting.calendar

        def dates(days: NDArray) -> list[Any]:
            return [calendar.date(int(day)) if day != NEVER else None for day in days]

        is_open = rows.stage != Stage.QUIET
        return pd.DataFrame(
            {
                "stage": [Stage(s).name.lower() for s in rows.stage],
                "next_event": dates(rows.event_day),
                "asked_on": dates(np.where(is_open, rows.asked_on, NEVER)),
                "appointment_on": dates(np.where(is_open, rows.appointment_on, NEVER)),
                "channel": [Channel(c).name.lower() if o else "" for c, o in zip(rows.channel, is_open, strict=True)],
            },
            index=pd.Index(self.model.setting.kinds, name="need"),
        )

    @property
    def history(self) -> pd.DataFrame:
        """Every episode of this person that has ended so far."""
        records = self.model.records()
        table = records.to_frame()
        return table[table["person"] == self.unique_id]


class PatientSet(AbstractAgentSet):
    """The inhabitants, or some of them, as an agent set over columns.

    Notes
    -----
    The set of all inhabitants changes as people are born, come, leave and die; one that was selected does not.
    `patients[17]` is the person with address 17, whatever row he has, also after he died or moved away; iteration,
    `to_list` and `do` make views and are slow for everybody at once: use `get`, `agg` and `select` with functions of
    columns.
    """

    def __init__(self, model: TerritoryModel, rows: NDArray[np.int64] | None = None) -> None:
        self.model = model
        self.random = model.random
        self._chosen = None if rows is None else np.asarray(rows, np.int64)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of these people, shape (n,): those chosen, else all who live here today."""
        if self._chosen is not None:
            return self._chosen
        return np.flatnonzero(self.model.arrays.patients.status == Status.ALIVE)

    def __len__(self) -> int:
        return int(self.rows.size)

    def __iter__(self) -> Iterator[Patient]:
        return (Patient(self.model, row) for row in self.rows)

    def __contains__(self, agent: object) -> bool:
        return isinstance(agent, Patient) and agent.model is self.model and bool((self.rows == agent.row).any())

    def __getitem__(self, person: int) -> Patient:
        people = self.model.arrays.patients
        known = np.flatnonzero(people.status != Status.EXPECTED) if self._chosen is None else self._chosen
        found = known[people.person[known] == person]
        if found.size == 0:
            raise KeyError(f"no inhabitant has the address {person}")
        return Patient(self.model, int(found[0]))

    def __getattr__(self, name: str) -> NDArray:
        if name in (PATIENT.names or ()):
            return self.model.arrays.patients[name][self.rows]
        raise AttributeError(f"inhabitants have no column '{name}'; columns: {', '.join(PATIENT.names or ())}")

    def add(self, agent: object) -> None:
        """Refuse: nobody is added by hand."""
        raise TypeError("inhabitants are columns: nobody can be added or removed by hand")

    discard = remove = add

    def _update(self, agents: Iterable[Agent]) -> PatientSet:
        raise TypeError("inhabitants are columns: nobody can be added or removed by hand")

    def _with(self, rows: NDArray[np.int64]) -> PatientSet:
        return PatientSet(self.model, rows)

    def select(
        self,
        filter_func: Callable[[PatientSet], NDArray[np.bool_]] | None = None,
        at_most: float = float("inf"),
        inplace: bool = False,
        agent_type: type[Agent] | None = None,
    ) -> PatientSet:
        """Return those for whom a function of the *set* gives True: `patients.select(lambda p: p.has_ald == 1)`.

        Raises
        ------
        TypeError
            When the function returns one value instead of one for each person.
        """
        rows = self.rows
        if filter_func is not None:
            mask = np.asarray(filter_func(self))
            if mask.shape != rows.shape:
                raise TypeError(f"the filter gets the whole set and must return shape {rows.shape}, not {mask.shape}")
            rows = rows[mask.astype(bool)]
        if at_most <= 1.0 and isinstance(at_most, float):
            rows = rows[: int(rows.size * at_most)]
        elif at_most != float("inf"):
            rows = rows[: int(at_most)]
        if inplace:
            self._chosen = rows
            return self
        return self._with(rows)

    def get(self, attr_names: str | list[str], handle_missing: str = "error", default_value: Any = None) -> Any:
        """Return one column (n,) or several (n, k)."""
        if isinstance(attr_names, str):
            return getattr(self, attr_names)
        return np.column_stack([getattr(self, name) for name in attr_names])

    def set(self, attr_name: str, value: Any) -> PatientSet:
        """Write a column of these people."""
        self.model.arrays.patients[attr_name][self.rows] = value
        return self

    def agg(self, attribute: str, func: Callable | Iterable[Callable]) -> Any:
        """Return a function of a column, or several."""
        values = self.get(attribute)
        return func(values) if callable(func) else [f(values) for f in func]

    def to_frame(self) -> pd.DataFrame:
        """Return the people as a table indexed by their address."""
        rows = self.model.arrays.patients[self.rows]
        return pd.DataFrame({name: rows[name] for name in PATIENT.names or ()}).set_index("person")

    def shuffle(self, inplace: bool = False) -> PatientSet:
        """Return the people in another order (drawn from the model's Mesa generator: no rule of the day uses it)."""
        return self._with(self.model.rng.permutation(self.rows))

    def sort(self, key: str | Callable, ascending: bool = False, inplace: bool = False) -> PatientSet:
        """Return the people sorted by a column."""
        values = self.get(key) if isinstance(key, str) else np.asarray(key(self))
        order = np.argsort(values, kind="stable")
        return self._with(self.rows[order if ascending else order[::-1]])

    def do(self, method: str | Callable, *args: Any, **kwargs: Any) -> PatientSet:
        """Call a method or function on the view of each person."""
        self.map(method, *args, **kwargs)
        return self

    shuffle_do = do

    def map(self, method: str | Callable, *args: Any, **kwargs: Any) -> list[Any]:
        """Return what a method or function gives on the view of each person."""
        if isinstance(method, str):
            return [getattr(person, method)(*args, **kwargs) for person in self]
        return [method(person, *args, **kwargs) for person in self]

    def to_list(self) -> list[Patient]:
        """Return the views of all people."""
        return list(self)
