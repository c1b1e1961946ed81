"""What would an insurer's files say of each year: who was there, how ill on paper, what was spent?

Owns the notes taken at the ends of years while a run goes on (long-term status and diseases as coded then, whose
patients people are) and the sums over people from which a norm cost is fitted and applied (`experiments.savings`). A
year's morbidity is that coded at the end of the year before: what a policy finds or prevents counts one year later.

Sums are rows of table "norm", by period ("before.2019" before the horizon, else a year) and group (column `kind`):
`all` insured residents; `ipep`, the patients of the practices of a French contract at the end of the period, and
`ipep_before`, the same people in the period before. Names: `person_years`, `spend_eur`, `features` (years lived by
feature), and for `all` the normal equations, `moments` (feature by feature) and `products` (feature by EUR).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.payments.builder import breaks_of, spending_years
from abm.population import DAYS_A_YEAR
from abm.state import NEVER, NOBODY, Status

if TYPE_CHECKING:
    import pandas as pd

    from abm.model import TerritoryModel
    from abm.records import Records

Floats = NDArray[np.float64]

AGE_STARTS = (0, 15, 30, 45, 55, 65, 75, 85)
BEFORE = "before"
CENTS_A_EURO = 100.0
ALL, IPEP, IPEP_BEFORE = "all", "ipep", "ipep_before"
COLUMNS = ("table", "name", "kind", "stratum", "period", "value", "n")


@dataclass(frozen=True)
class Coded:
    """What the files say of people at the end of a year.

    Attributes
    ----------
    has_ald, conditions : long-term status; bits of the diseases known, shape (n,).
    is_in_contract : is the registered doctor one of the contract's practices, shape (n,).
    """

    has_ald: NDArray[np.bool_]
    conditions: NDArray[np.integer]
    is_in_contract: NDArray[np.bool_]


@dataclass
class Claims:
    """Notes of one run: give it to `run_to_end` as `on_day`.

    Attributes
    ----------
    coded : by period, the last one before the first period under None.
    """

    model: TerritoryModel
    coded: dict[int | None, Coded] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at everybody before the first day."""
        setting = self.model.setting
        self.period_of = spending_years(setting.calendar, breaks_of(setting.scenario))[: setting.last_day]
        self._ends = set(np.flatnonzero(np.diff(self.period_of, append=-1)).tolist())
        self.coded[None] = self._look()

    def __call__(self, day: int, _last_day: int) -> None:
        """Look again on the evening of the last day of a period."""
        if day - 1 in self._ends:
            self.coded[int(self.period_of[day - 1])] = self._look()

    def _look(self) -> Coded:
        people, network = self.model.arrays.patients, self.model.network
        doctor = people.registered_gp
        in_contract = doctor != NOBODY
        if network is not None and network.began_on is not None:
            in_contract = in_contract & network.is_member[: self.model.arrays.providers.size][np.maximum(doctor, 0)]
        return Coded(people.has_ald == 1, people.conditions.copy(), in_contract)


def feature_names(conditions: tuple[str, ...]) -> list[str]:
    """Return what a norm cost depends on: age band by sex, long-term status, each disease."""
    bands = [f"{start}{sex}" for start in AGE_STARTS for sex in "MF"]
    return [*bands, "ald", *conditions]


def norm_table(records: Records, claims: Claims) -> pd.DataFrame:
    """Return the sums of each period from which norm costs are made, columns `COLUMNS`; none without books."""
    import pandas as pd

    rows: list[tuple] = []
    if records.spend_cents.size:
        periods = _periods(records, claims)
        for place, (number, label) in enumerate(periods):
            own = _Year(records, claims, number)
            rows += own.rows(label, ALL, own.everybody, has_moments=True)
            group = claims.coded[number].is_in_contract
            rows += own.rows(label, IPEP, group)
            if place:
                rows += _Year(records, claims, periods[place - 1][0]).rows(label, IPEP_BEFORE, group)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _periods(records: Records, claims: Claims) -> list[tuple[int, str]]:
    """Return number and label of the periods before and in the horizon, in order."""
    setting, found = records.setting, []
    for number in np.unique(claims.period_of):
        first = int(np.flatnonzero(claims.period_of == number)[0])
        if first < setting.end_of_horizon:
            year = setting.calendar.date(first).year
            found.append((int(number), f"{BEFORE}.{year}" if first < setting.first_reported_day else str(year)))
    return found


class _Year:
    """The people of a period: years lived, EUR spent by all payers of care, features."""

    def __init__(self, records: Records, claims: Claims, number: int) -> None:
        setting, people = records.setting, records.patients
        days = np.flatnonzero(claims.period_of == number)
        first, end = int(days[0]), int(days[-1]) + 1
        came = np.where(people.status == Status.EXPECTED, setting.last_day, np.maximum(people.since, people.birth_day))
        gone = np.where(people.gone_on == NEVER, setting.last_day, people.gone_on)
        self.lived: Floats = np.clip(np.minimum(gone, end) - np.maximum(came, first), 0, None) / DAYS_A_YEAR
        spend = records.spend_cents[number]
        self.spend: Floats = spend.sum(axis=1, dtype=np.int64) / CENTS_A_EURO
        coded = claims.coded[number - 1 if number - 1 in claims.coded else None]
        names = tuple(condition.name for condition in setting.conditions)
        age = ((first + end) // 2 - people.birth_day) / DAYS_A_YEAR
        band = np.searchsorted(AGE_STARTS, np.clip(age, 0, None), side="right") - 1
        self.names = feature_names(names)
        self.features = np.zeros((people.size, len(self.names)))
        self.features[np.arange(people.size), 2 * band + people.is_female] = 1.0
        first_coded = 2 * len(AGE_STARTS)
        self.features[:, first_coded] = coded.has_ald
        for bit in range(len(names)):
            self.features[:, first_coded + 1 + bit] = (coded.conditions >> bit) & 1
        self.everybody = np.ones(people.size, bool)

    def rows(self, label: str, group: str, who: NDArray[np.bool_], *, has_moments: bool = False) -> list[tuple]:
        """Return the sums over some people."""
        who = who & (self.lived > 0)
        lived, spend, features = self.lived[who], self.spend[who], self.features[who]
        n, rows = int(who.sum()), []

        def add(name: str, stratum: str, value: Any) -> None:
            rows.append(("norm", name, group, stratum, label, float(value), n))

        add("person_years", "all", lived.sum())
        add("spend_eur", "all", spend.sum())
        for name, value in zip(self.names, features.T @ lived, strict=True):
            add("features", name, value)
        if has_moments:
            moments = (features * lived[:, None]).T @ features
            for i, name in enumerate(self.names):
                for j in range(i, len(self.names)):
                    add("moments", f"{name}|{self.names[j]}", moments[i, j])
            for name, value in zip(self.names, features.T @ spend, strict=True):
                add("products", name, value)
        return rows
