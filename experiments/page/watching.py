"""What is to be seen of a world that is being lived? Figures by month and by commune, read off as they come about.

Owns the definitions of what the live page shows. They are cheap, so that a month can be drawn in milliseconds, and
differ from the indicators in one thing: waits belong to the month of the *appointment*, not to that of asking, which
would not be known yet. Reads the world; writes nothing, draws nothing at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import Run
from abm.indicators.potential import apl_of
from abm.records import columns_of
from abm.state import Channel, Counter, Kind, NetworkFigure, Outcome, Status, Vital
from experiments.page.pictures import Picture

if TYPE_CHECKING:
    from abm.model import TerritoryModel

CENTS_A_EURO = 100.0
DAYS_A_MONTH = 365.25 / 12
PER_PEOPLE, PERCENT = 1000.0, 100.0
#: Months of appointments behind the colour of a commune, and how many of them there must be.
MONTHS_ON_THE_MAP, FEWEST_APPOINTMENTS = 3, 20
VIDEO = (Channel.VIDEO_OWN_GP, Channel.PLATFORM, Channel.BOOTH)
_COUNTED = ("wait_days", "appointments", "emergency")


class Watcher:
    """Reads the records of one model as they are written, each row once."""

    def __init__(self, model: TerritoryModel) -> None:
        self.model = model
        self._seen = 0
        n_months = int(model.setting.calendar.month_index[-1]) + 1
        n_communes = len(model.territory.communes)
        self._by_commune = {name: np.zeros((n_months, n_communes), np.int64) for name in _COUNTED}
        self._specialists = np.zeros((n_months, 2), np.int64)  # days waited, appointments
        self._gp_visits = np.zeros((n_months, 2), np.int64)  # by video, all
        self._apl: tuple[int, list[float | None]] = (-1, [])

    def look(self) -> None:
        """Take in what has ended since the last look."""
        world = self.model.arrays
        last = int(world.counters[Counter.RECORDS])
        rows = columns_of(world, slice(self._seen, last))
        self._seen = last
        month = world.month_of[np.maximum(rows.closed_on, 0)].astype(np.int64)
        took_place = (rows.outcome == Outcome.SERVED) | (rows.outcome == Outcome.MISSED)
        is_asked = took_place & (rows.is_planned == 0) & (rows.appointment_on >= 0)
        is_gp, is_emergency = rows.kind < Kind.EMERGENCY, rows.kind == Kind.EMERGENCY
        waited = (rows.appointment_on - rows.asked_on).astype(np.int64)
        commune = world.patients.commune[rows.patient]
        for name, keep, weight in (
            ("wait_days", is_asked & is_gp, waited),
            ("appointments", is_asked & is_gp, None),
            ("emergency", is_emergency, None),
        ):
            np.add.at(self._by_commune[name], (month[keep], commune[keep]), 1 if weight is None else weight[keep])
        keep = is_asked & (rows.kind >= Kind.FIRST_SPECIALTY)
        np.add.at(self._specialists, month[keep], np.column_stack([waited[keep], np.ones(int(keep.sum()), np.int64)]))
        keep = is_gp & (rows.outcome == Outcome.SERVED)
        is_video = np.isin(rows.channel[keep], VIDEO)
        np.add.at(self._gp_visits, month[keep], np.column_stack([is_video, np.ones(is_video.size, np.int64)]))

    def picture(self) -> Picture:
        """Return what is to be seen now."""
        self.look()
        model = self.model
        months = self._months_over()
        start = np.datetime64(model.setting.calendar.start, "M")
        people = model.arrays.patients
        is_here = people.status == Status.ALIVE
        return Picture(
            date=model.date.isoformat(),
            months=tuple(str(start + np.timedelta64(int(month), "M")) for month in months),
            series={name: _listed(values[months]) for name, values in self._series().items()},
            communes=self._communes(is_here),
            people=int(is_here.sum()),
            enrolled=int((is_here & (people.is_enrolled == 1)).sum()),
        )

    def _months_over(self) -> NDArray[np.int64]:
        """Return the months of the horizon that are over, as rows of the tables by month."""
        setting, of_day = self.model.setting, self.model.arrays.month_of
        first, day = setting.first_reported_day, min(self.model.day, setting.end_of_horizon)
        if day <= first:
            return np.zeros(0, np.int64)
        last = int(of_day[day - 1])
        is_over = day == setting.end_of_horizon or int(of_day[day]) > last
        return np.arange(int(of_day[first]), last + is_over)

    def _series(self) -> dict[str, NDArray[np.float64]]:
        """Return every figure by calendar month, NaN where there is none."""
        world, totals = self.model.arrays, {name: table.sum(axis=1) for name, table in self._by_commune.items()}
        n_months = totals["emergency"].size
        person_months = world.vital[:n_months, Vital.ALIVE] / DAYS_A_MONTH
        figures = np.zeros((n_months, len(NetworkFigure))) if self.model.network is None else self.model.network.figures
        members, inhabitants = figures[:, NetworkFigure.ENROLLED], figures[:, NetworkFigure.PEOPLE]
        return {
            "gp_wait": _ratio(totals["wait_days"], totals["appointments"]),
            "specialist_wait": _ratio(*self._specialists.T),
            "emergency": PER_PEOPLE * _ratio(totals["emergency"], person_months),
            "spend": _ratio(self._paid_by_month(n_months) / CENTS_A_EURO, person_months),
            "enrolled": PERCENT * np.nan_to_num(_ratio(members, inhabitants)),
            "video": PERCENT * _ratio(*self._gp_visits.T),
        }  # fmt: skip

    def _paid_by_month(self, n_months: int) -> NDArray[np.float64]:
        """Return what all payers paid by calendar month, cents: the months of the ledger are cut at the horizon."""
        world = self.model.arrays
        cents = np.zeros(n_months)
        if world.paid.size:
            rows, days = np.unique(world.ledger_month_of, return_index=True)
            np.add.at(cents, world.month_of[days], world.paid[rows].sum(axis=(1, 2)))
        return cents

    def _communes(self, is_here: NDArray[np.bool_]) -> dict[str, list[float | None]]:
        """Return each map's value by commune."""
        world = self.model.arrays
        month = int(world.month_of[max(self.model.day - 1, 0)])
        recent = slice(max(month - MONTHS_ON_THE_MAP, 0), month + 1)
        sums = {name: table[recent].sum(axis=0) for name, table in self._by_commune.items()}
        n_communes = sums["emergency"].size
        people = world.patients
        heads = np.bincount(people.commune[is_here], minlength=n_communes)
        enrolled = np.bincount(people.commune[is_here & (people.is_enrolled == 1)], minlength=n_communes)
        days = min(self.model.day, int((world.month_of[: self.model.day] >= recent.start).sum()))
        delay = _ratio(sums["wait_days"], sums["appointments"])
        delay[sums["appointments"] < FEWEST_APPOINTMENTS] = np.nan
        return {
            "delay": _listed(delay),
            "access": self._access(month),
            "enrolment": _listed(PERCENT * _ratio(enrolled, heads)),
            "emergency": _listed(PER_PEOPLE * _ratio(sums["emergency"] * DAYS_A_MONTH / max(days, 1), heads)),
        }

    def _access(self, month: int) -> list[float | None]:
        """Return the APL of the practices that are there, over the month so far; computed once a month."""
        if self._apl[0] != month:
            run = Run(self.model.records())
            end = max(self.model.day, 1)
            first = max(end - 365, 0)
            self._apl = (month, _listed(apl_of(run, first, end)))
        return self._apl[1]


def _ratio(above: NDArray, below: NDArray) -> NDArray[np.float64]:
    """Return the quotient, NaN where there is nothing below."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)


def _listed(values: NDArray) -> list[float | None]:
    """Return plain numbers, None for NaN: what a browser can be sent."""
    return [None if value != value else round(float(value), 4) for value in values]
