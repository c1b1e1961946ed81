"""General practitioners: who has them on a list, what they offer, whom they take, and when they stop.

Writes `patients.registered_gp` where a practice closes or is taken over, and the dates, the holder and the capacity of
the practice's row. Draws from RETIREMENT, REPLACEMENT (both at the doctor's address, and at the person's for those a
successor keeps) and RE_REGISTRATION (those who join a new practice on its first day).
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.agents.professional import Column, Professional, bring_into_force
from abm.population import DAYS_A_YEAR
from abm.randomness import Stream, uniforms
from abm.state import NOBODY, Registration, Status
from abm.supply import is_in_practice

if TYPE_CHECKING:
    from abm.model import TerritoryModel

MONTHS_A_YEAR = 12
HAZARD_FROM_AGES = {70: "70+", 65: "65-69", 60: "60-64"}
DOCTOR = 0  # sub-address of a doctor's draws; a person's are 1 + the practice's address


class GeneralPractitioner(Professional):
    """A general practitioner; sets of them are `model.general_practitioners`.

    The agent is the practice: when a successor takes it over, the row goes on with another holder.

    Attributes
    ----------
    accepts_others : takes people who are not on the list (0 or 1).
    offers_video : sees people of the list by video (0 or 1).
    birth_day : of the present holder, day index.
    holder : number of doctors who had the practice before.
    list_target : fullest list, people.
    opens_on, closes_on, reopens_on : day indices; 0 for the last two where none is known.
    former_list : rows of those who were on the list when the practice closed; None while it is open.
    """

    offers_video = Column()
    home_visit_seconds = Column()
    video_seconds = Column()
    birth_day = Column()
    holder = Column()
    list_target = Column()
    opens_on = Column()
    closes_on = Column()
    reopens_on = Column()
    address = Column()

    def __init__(self, model: TerritoryModel, row: int) -> None:
        super().__init__(model, row)
        self.former_list: NDArray[np.int64] | None = None

    @property
    def list_size(self) -> int:
        """Number of people registered with this doctor."""
        return int(self.listed.size)

    @property
    def listed(self) -> NDArray[np.int64]:
        """Rows of the people registered with this doctor."""
        patients = self.model.arrays.patients
        return np.flatnonzero((patients.registered_gp == self.row) & (patients.status == Status.ALIVE))

    @property
    def age_years(self) -> int:
        """Completed years of age today."""
        return int((self.model.day - self.birth_day) // DAYS_A_YEAR)

    @property
    def is_in_practice(self) -> bool:
        """True while the practice holds sessions."""
        return bool(is_in_practice(self.model.arrays.providers[self.row], self.model.day))

    @property
    def is_leaving(self) -> bool:
        """True once the end is known, and after it until a successor comes."""
        return self.closes_on > 0

    # --- stopping -------------------------------------------------------------------------------------------------

    def retirement_hazard(self) -> float:
        """Return the rate of retiring at the present age, a year [S031-S033]; 0 below 60."""
        parameters, age_years = self.model.setting.parameters, self.age_years
        for first_age, label in HAZARD_FROM_AGES.items():
            if age_years >= first_age:
                return parameters["gp_retirement_scale"] * parameters[f"gp_retirement_hazard[{label}]"]
        return 0.0

    def retires(self, month: int) -> bool:
        """Tell whether the doctor decides this month to retire: 1 - exp(-hazard / 12), drawn at the doctor's address.

        Parameters
        ----------
        month : calendar month, counted from that of day 0.
        """
        hazard = self.retirement_hazard()
        return hazard > 0.0 and self._draw(Stream.RETIREMENT, month) < 1.0 - exp(-hazard / MONTHS_A_YEAR)

    def finds_successor(self) -> bool:
        """Tell whether somebody will take over the practice [S034]."""
        return self._draw(Stream.REPLACEMENT, 0) < self.model.setting.parameters["gp_replacement_ratio_rural"]

    def _draw(self, stream: Stream, occurrence: int) -> float:
        """Return a draw of the present holder."""
        address = np.array([self.address], np.int64)
        months = occurrence + 10_000 * self.holder
        return float(uniforms(self.model.arrays.key, stream, address, DOCTOR, months)[0])

    def leave_practice(self, closes_on: int, reopens_on: int = 0) -> None:
        """Give notice: no session is held, so no appointment given, from `closes_on` on.

        Parameters
        ----------
        closes_on : day index, later than the model's day.
        reopens_on : day index of a successor's first day, >= closes_on; 0: nobody follows.

        Raises
        ------
        ValueError
            When the days are not in that order, or the doctor has given notice already.
        """
        if self.is_leaving or closes_on <= self.model.day or 0 < reopens_on < closes_on:
            raise ValueError(f"closes_on={closes_on}, reopens_on={reopens_on} on day {self.model.day}: not in order")
        self.closes_on, self.reopens_on = closes_on, reopens_on
        bring_into_force(self.model, self.row, self.model.day + 1)

    def close(self) -> None:
        """Leave everybody on the list without a registered doctor."""
        self.former_list = self.listed
        self.model.arrays.patients.registered_gp[self.former_list] = NOBODY
        self._count(Registration.LOST, self.former_list.size)

    # --- beginning ------------------------------------------------------------------------------------------------

    def take_over(self, first_day: int) -> None:
        """Let a successor begin: smaller capacity [S035], open to new people, a share of the former list kept."""
        parameters = self.model.setting.parameters
        self.opens_on, self.closes_on, self.reopens_on = first_day, 0, 0
        self.holder, self.accepts_others = self.holder + 1, 1
        self.birth_day = int(first_day - parameters["gp_age_at_installation_years"] * DAYS_A_YEAR)
        relative = parameters["new_gp_activity_relative"]
        self.list_target = round(self.list_target * relative)
        self.model.arrays.providers.capacity_share[self.row] *= relative
        bring_into_force(self.model, self.row, first_day)
        former = self.former_list if self.former_list is not None else np.zeros(0, np.int64)
        self._register(self._still_without(former), Stream.REPLACEMENT, parameters["gp_successor_list_share"])
        self.former_list = None

    def welcome(self) -> None:
        """Register those who come to a new practice at once: people without a doctor within reach, for a share."""
        world, parameters = self.model.arrays, self.model.setting.parameters
        place = world.providers.place[self.row]
        near = world.minutes[:, place] <= parameters["gp_reach_minutes"]
        people = self._still_without(np.flatnonzero(near[world.patients.commune]))
        self._register(people, Stream.RE_REGISTRATION, parameters["registration_at_opening_share"])

    def relieve(self, gain: float, first_day: int) -> None:
        """Give the practice more time and room on its list, e.g. as somebody else takes over tasks.

        Parameters
        ----------
        gain : share of the present capacity, >= 0.
        """
        self.list_target = round(self.list_target * (1.0 + gain))
        self.model.arrays.providers.capacity_share[self.row] *= 1.0 + gain
        bring_into_force(self.model, self.row, first_day)

    def _still_without(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        patients = self.model.arrays.patients
        return rows[(patients.registered_gp[rows] == NOBODY) & (patients.status[rows] == Status.ALIVE)]

    def _register(self, rows: NDArray[np.int64], stream: Stream, share: float) -> None:
        """Put people on the list, each by a draw of his own, the lowest first, until it is full."""
        world = self.model.arrays
        persons = world.patients.person[rows].astype(np.int64)
        draws = uniforms(world.key, stream, persons, 1 + self.address, self.holder)
        willing = np.flatnonzero(draws < share)
        room = max(0, self.list_target - self.list_size)
        chosen = rows[willing[np.lexsort((persons[willing], draws[willing]))][:room]]
        world.patients.registered_gp[chosen] = self.row
        is_new = stream == Stream.RE_REGISTRATION
        self._count(Registration.AT_OPENING if is_new else Registration.WITH_SUCCESSOR, chosen.size)

    def _count(self, what: Registration, n_people: int) -> None:
        world = self.model.arrays
        world.registrations[world.month_of[self.model.day], what] += n_people
