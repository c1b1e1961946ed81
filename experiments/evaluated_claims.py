"""What an evaluator gets to see of a run: one row a person, as an insurer's claims have it, and no word of the truth.

Owns the way from the records of a run to that table. What the insurer does not know (regularity, quality of life, who
would have enrolled) is not in it. People are those who live in the territory on the first day of the horizon; members
are those enrolled on a landmark day, so that nobody had to stay alive in order to be counted as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from abm.model import TerritoryModel
    from abm.records import Records

    Floats = NDArray[np.float64]

CENTS_A_EURO = 100.0
DAYS_A_YEAR = 365.25
LANDMARK_DAYS = 366  # after the start of the horizon: membership counts as of then
LONG_WAIT_DAYS = 7
COVARIATES = ("age_years", "is_female", "has_ald", "n_conditions", "spend_before_eur")
"""What an evaluator may adjust for, beside each disease."""


@dataclass
class Snapshots:
    """What must be looked at while the run goes on: morbidity as coded at the start, membership at the landmark."""

    conditions: NDArray[np.int64] | None = None
    has_ald: NDArray[np.bool_] | None = None
    is_alive: NDArray[np.bool_] | None = None
    is_member: NDArray[np.bool_] | None = None
    is_alive_at_landmark: NDArray[np.bool_] | None = None


def lived(model: TerritoryModel) -> tuple[Records, Snapshots]:
    """Live every day of a run; return its records and what was seen on the way."""
    from abm.state import Status

    seen = Snapshots()
    first = model.setting.first_reported_day
    landmark = min(first + LANDMARK_DAYS, model.setting.end_of_horizon)

    def look(day: int, _: int) -> None:
        people = model.arrays.patients
        if day == first:
            seen.conditions = people.conditions.astype(np.int64)
            seen.has_ald = people.has_ald == 1
            seen.is_alive = people.status == Status.ALIVE
        if day == landmark:
            seen.is_member = people.is_enrolled == 1
            seen.is_alive_at_landmark = people.status == Status.ALIVE

    model.run_to_end(look, then_release=True)
    return model.release(), seen


def claims_of(records: Records, seen: Snapshots) -> pd.DataFrame:
    """Return the claims of a run.

    Returns
    -------
    one row a person: person, commune, age_years, is_female, income_quintile, has_ald, n_conditions, `has.…` for each
    disease; is_member (at the landmark), is_there (alive then); spend_before_eur (a year); spend_eur.k and years.k,
    spend and years lived in year k of the horizon, from 1; is_dead and years, over the horizon; `quality.…`.
    """
    import pandas as pd

    from abm.state import Status

    setting, people = records.setting, records.patients
    if seen.is_alive is None or seen.conditions is None or seen.has_ald is None:
        raise ValueError("the run has no horizon to look at")
    rows = np.flatnonzero(seen.is_alive)
    names = [condition.name for condition in setting.conditions]
    first, end = setting.first_reported_day, setting.end_of_horizon
    has = (seen.conditions[rows, None] >> np.arange(len(names))) & 1 == 1
    table: dict[str, Any] = {
        "person": people.person[rows].astype(np.int64),
        "commune": people.commune[rows].astype(np.int64),
        "age_years": (first - people.birth_day[rows]) / DAYS_A_YEAR,
        "is_female": people.is_female[rows] == 1,
        "income_quintile": people.income_quintile[rows].astype(np.int64),
        "has_ald": seen.has_ald[rows],
        "n_conditions": has.sum(axis=1),
    }
    table |= {f"has.{name}": has[:, place] for place, name in enumerate(names)}
    nobody = np.zeros(people.size, bool)
    table["is_member"] = (nobody if seen.is_member is None else seen.is_member)[rows]
    table["is_there"] = (nobody if seen.is_alive_at_landmark is None else seen.is_alive_at_landmark)[rows]
    gone = np.where(people.gone_on[rows] < 0, setting.last_day, people.gone_on[rows])
    table["is_dead"] = (people.status[rows] == Status.DEAD) & (gone < end)
    table["years"] = (np.minimum(gone, end) - first).clip(0) / DAYS_A_YEAR
    table |= _spend(records, rows, gone)
    return pd.DataFrame(table | _quality(records, rows, has, names))


def _spend(records: Records, rows: NDArray[np.int64], gone: NDArray[np.int64]) -> dict[str, Floats]:
    """Return spend (all payers of care) and years lived, by year of the horizon, and a year's spend before it."""
    from abm.payments.builder import breaks_of, spending_years

    setting = records.setting
    years = spending_years(setting.calendar, breaks_of(setting.scenario))[: setting.last_day]
    euros = records.spend_cents[:, rows].sum(axis=2, dtype=np.int64).T / CENTS_A_EURO
    before = max(setting.first_reported_day, 1)
    found: dict[str, Any] = {"spend_before_eur": euros[:, np.unique(years[:before])].sum(axis=1) * DAYS_A_YEAR / before}
    inside = np.unique(years[setting.first_reported_day : setting.end_of_horizon])
    for number, year in enumerate(inside, start=1):
        days = np.flatnonzero(years == year)
        found[f"spend_eur.{number}"] = euros[:, year]
        found[f"years.{number}"] = np.clip(np.minimum(gone, days[-1] + 1) - days[0], 0, None) / DAYS_A_YEAR
    return found


def _quality(
    records: Records, rows: NDArray[np.int64], has: NDArray[np.bool_], names: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Return indicators of the quality of care after the landmark, 0 or 1; NaN for whom one does not concern.

    Ten things that claims tell of everybody's care, each for everybody and for those with each disease.
    """
    from abm.state import NEVER, Kind, Outcome

    setting, episodes = records.setting, records.episodes
    after = min(setting.first_reported_day + LANDMARK_DAYS, setting.end_of_horizon)
    is_in = (episodes.closed_on >= after) & (episodes.closed_on < setting.end_of_horizon)
    served = is_in & (episodes.outcome == Outcome.SERVED)
    is_gp = episodes.kind <= Kind.GP_PREVENTIVE
    is_specialist = episodes.kind >= Kind.FIRST_SPECIALTY
    waited = episodes.appointment_on.astype(np.int64) - episodes.asked_on
    size = records.patients.size

    def number(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(episodes.patient[which], minlength=size)[rows]

    stays = records.stays
    is_stay = (stays.patient >= 0) & (stays.admitted_on >= after) & (stays.admitted_on < setting.end_of_horizon)
    n_stays = np.bincount(stays.patient[is_stay], minlength=size)[rows]
    visits = number(served & is_gp)
    told = {
        "gp_seen": visits > 0,
        "gp_seen_4_times": visits >= 4,
        "follow_up_seen": number(served & (episodes.kind == Kind.GP_FOLLOW_UP)) > 0,
        "check_up": number(served & (episodes.kind == Kind.GP_PREVENTIVE)) > 0,
        "specialist_seen": number(served & is_specialist) > 0,
        "gp_within_a_week": number(
            is_in & is_gp & (episodes.appointment_on != NEVER) & (waited > LONG_WAIT_DAYS)
        ) == 0,
        "nothing_forgone": number(is_in & (episodes.outcome == Outcome.FORGONE)) == 0,
        "nothing_missed": number(is_in & (episodes.outcome == Outcome.MISSED)) == 0,
        "no_emergency_visit": number(is_in & (episodes.kind == Kind.EMERGENCY)) == 0,
        "no_stay": n_stays == 0,
    }  # fmt: skip
    groups = {"all": np.ones(rows.size, bool)} | {name: has[:, place] for place, name in enumerate(names)}
    return {
        f"quality.{name}.{group}": np.where(is_in_group, value, np.nan).astype(np.float32)
        for group, is_in_group in groups.items()
        for name, value in told.items()
    }
