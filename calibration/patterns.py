"""What does a simulated run say to each observed target?

Owns the way from the records of a run to one number for each row of `targets.csv`: most rows name an indicator and a
stratum and are read off; patterns over several of them have a small function here. A row that the model cannot speak to
yet has its reason here. Judges nothing: that is `experiments.validating`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.indicators import indicators
from abm.indicators.counting import Events, Run, completed_years, drees_strata, weighted_quantile
from abm.indicators.delays import has_failed_try, lead_days
from abm.indicators.disease import has_condition
from abm.indicators.equity import Amount, amounts, people_by_commune
from abm.indicators.potential import apl_of
from abm.state import NEVER, Outcome
from calibration.edges import edge_communes
from calibration.targets import Target, load_targets

if TYPE_CHECKING:
    from abm.records import Records

PREFIX = "target."
"""Of the columns of a batch that hold what a run says to a target."""
KINDS = ("all", "drees", "channel", "income_quintile")
STRATA = {"all": ("all", "all"), "drees": ("drees", "all"), "drees, local agendas": ("drees", "local_agenda")}
WAITS = ("lead_time_", "request_outcome_share.", "requests ")
"""Beginnings of what is judged on the first reported year: supply is frozen before, and changes after."""
WORST_SHARE = 0.2
PRICES_OF = "2021"

PARTS = {
    "V14": {part: f"gp_list_size_{part}" for part in ("p10", "p50", "p90")},
    "V27": {part: f"diabetes_admissions_per_1000.{part}" for part in ("mi", "stroke", "foot", "amputation", "esrd")},
}
"""Rows that hold several figures."""
ORDER = ("gp", "paediatrician", "psychiatrist", "gynaecologist", "dermatologist", "cardiologist")
NOT_MODELLED = {
    "V32": "put in [T009-T010], for one complaint; a run's visits within seven days are for whatever reason",
    "V33": "a run of ten years of the scenario kinzigtal, not of the status quo",
    "V34": "members against controls: the evaluator's laboratory (territoire lab) judges it",
    "V35": "what a contract pays without effect: the evaluator's laboratory (territoire lab) judges it",
    "V43": "doctors' own answer to a survey: no simulated quantity stands for it",
}


@dataclass(frozen=True)
class Pattern:
    """How a target that is more than one indicator is computed, and which indicators the model must have for it."""

    value: Callable[[Seen], float]
    needs: tuple[str, ...]


_PATTERNS: dict[str, Pattern] = {}


def speaks_to(target: str, *needs: str) -> Callable[[Callable[[Seen], float]], Callable[[Seen], float]]:
    """Register a function of a run as what the model says to a target."""

    def register(function: Callable[[Seen], float]) -> Callable[[Seen], float]:
        _PATTERNS[target] = Pattern(function, needs)
        return function

    return register


class Seen:
    """A run, as it is held against the targets.

    Attributes
    ----------
    run : its records, as the indicators read them.
    ids : indicators that this model has.
    """

    def __init__(self, records: Records, table: pd.DataFrame | None = None) -> None:
        self.run = Run(records)
        table = indicators(records, KINDS) if table is None else table
        keys = zip(
            *(table[name].astype(str) for name in ("indicator", "stratum_kind", "stratum", "period")), strict=True
        )
        self._values = dict(zip(keys, table["value"].astype(float), strict=True))
        self.ids = frozenset(table["indicator"])

    def __call__(self, indicator: str, kind: str = "all", stratum: str = "all", period: str = "all") -> float:
        """Return a value, NaN where nobody is in the stratum."""
        return self._values.get((indicator, kind, stratum, period), float("nan"))

    @cached_property
    def forgone(self) -> Amount:
        """Care that people did without, by person."""
        return next(amount for amount in amounts(self.run) if amount.name == "forgone_care")

    @cached_property
    def first_year(self) -> str:
        """The first reported year, by which waits are judged; the whole horizon where it has no year."""
        return next(iter(self.run.years.labels), "all")

    @property
    def priced_year(self) -> str:
        """The year by which spend is judged: 2021, whose prices the target has; the horizon where it lacks it."""
        return PRICES_OF if PRICES_OF in self.run.years.labels else "all"

    @cached_property
    def span(self) -> tuple[int, int]:
        """The days of the first reported year."""
        return next(iter(self.run.years.spans), (self.run.first, self.run.end))

    def surveyed(self) -> Events:
        """Return the requests of the first reported year that the survey of 2017 would have counted."""
        asked = self.run.requests
        first, end = self.span
        is_in_time = (asked.asked_on >= first) & (asked.asked_on < end)
        return asked.where(is_in_time & (drees_strata()[0].code(asked) >= 0))


# --- rows ---------------------------------------------------------------------------------------------------------


def checks() -> tuple[Target, ...]:
    """Return every row of the targets as single figures: rows with several are taken apart, words made numbers."""
    return tuple(itertools.chain.from_iterable(map(_single, load_targets())))


def _single(target: Target) -> tuple[Target, ...]:
    if target.id in PARTS:
        return target.parts(PARTS[target.id])
    if target.id == "V08":  # "at most one swap"
        return (target.with_range(0, 0, 1, "swaps"),)
    return (target,)


def is_first_year(target: Target) -> bool:
    """Tell whether a target is judged on the first reported year alone: waits, and what becomes of requests."""
    return target.indicator.removeprefix("order of ").removeprefix("ratio of ").startswith(WAITS)


def why_not(target: Target, ids: frozenset[str]) -> str | None:
    """Return why the model cannot speak to a target, or None when it can.

    Parameters
    ----------
    ids : indicators that the model has.
    """
    if target.id in NOT_MODELLED:
        return NOT_MODELLED[target.id]
    known = _PATTERNS.get(target.id)
    if known is None and target.stratum not in STRATA:
        return f"nothing speaks to '{target.indicator}' of '{target.stratum}'"
    missing = [name for name in (known.needs if known else (target.indicator,)) if name not in ids]
    return f"the model has no indicator '{missing[0]}'" if missing else None


def target_values(records: Records) -> dict[str, float]:
    """Return what a run says to each target that the model can speak to: `target.` and its id to a number.

    NaN where this run has nobody to take it over. Waits are those of the first reported year, all else of the whole
    horizon.
    """
    seen = Seen(records)
    return {f"{PREFIX}{target.id}": said(target, seen) for target in checks() if why_not(target, seen.ids) is None}


def said(target: Target, seen: Seen) -> float:
    """Return what a run says to a target."""
    if target.id in _PATTERNS:
        return _PATTERNS[target.id].value(seen)
    kind, stratum = STRATA[target.stratum]
    return seen(target.indicator, kind, stratum, seen.first_year if is_first_year(target) else "all")


# --- patterns -----------------------------------------------------------------------------------------------------


@speaks_to("V08", "lead_time_median_days.gp", *(f"lead_time_median_days.{need}" for need in ORDER[1:]))
def swaps_of_the_order_of_waits(seen: Seen) -> float:
    """Return how many pairs of specialties wait in another order than observed; NaN when one has no local agenda.

    General practice as surveyed, specialists at local agendas; equal medians are in order.
    """
    medians = [seen("lead_time_median_days.gp", "drees", "all", seen.first_year)]
    medians += [seen(f"lead_time_median_days.{need}", "drees", "local_agenda", seen.first_year) for need in ORDER[1:]]
    if np.isnan(medians).any():
        return float("nan")
    return float(sum(before > after for before, after in itertools.combinations(medians, 2)))


@speaks_to("V10b", "request_outcome_share.ophthalmologist.unserved_at_first_try")
def gives_up_after_a_failed_try(seen: Seen) -> float:
    """Return the share of requests to ophthalmologists tried in vain at first that ended without care."""
    requests, (first, end) = seen.run.requests, seen.span
    is_eye = np.isin(requests.kind, seen.run.needs["ophthalmologist"])
    is_eye &= (requests.asked_on >= first) & (requests.asked_on < end)
    tried_in_vain = requests.where(is_eye & has_failed_try(requests))
    return share(tried_in_vain.outcome == Outcome.FORGONE)


@speaks_to("V11", "lead_time_mean_days.gp")
def without_an_appointment(seen: Seen) -> float:
    """Return the share of surveyed requests, to whomever, that were given no appointment."""
    return share(seen.surveyed().appointment_on == NEVER)


@speaks_to("V18a", "apl")
def apl_inside(seen: Seen) -> float:
    """Return the mean APL over the people of the communes that are not at the edge."""
    values, people = _apl_and_people_inside(seen)
    return float(np.average(values, weights=people)) if people.sum() else float("nan")


@speaks_to("V18b", "apl")
def apl_d9_over_d1_inside(seen: Seen) -> float:
    """Return the ninth over the first decile of people by APL, without the communes at the edge."""
    values, people = _apl_and_people_inside(seen)
    low, high = (weighted_quantile(values, people, level) for level in (0.1, 0.9))
    return high / low if low > 0 else float("nan")


def _apl_and_people_inside(seen: Seen) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inside = ~edge_communes(seen.run.setting.territory)
    return apl_of(seen.run, seen.run.first, seen.run.end)[inside], people_by_commune(seen.run)[inside]


@speaks_to("V28b", "diabetes_treated_prevalence")
def diabetes_of_men_75_84(seen: Seen) -> float:
    """Return the share of men aged 75 to 84 with treated diabetes, on the last simulated day."""
    run, day = seen.run, max(seen.run.lived - 1, 0)
    people = run.people_on(day)
    age = completed_years(day - run.birth_day[people])
    men = people[(age >= 75) & (age <= 84) & (run.records.patients.is_female[people] == 0)]
    has = has_condition(run, "diabetes")
    return float("nan") if has is None else share(has[men])


@speaks_to("V30", "spend_per_head_eur.by_payer.compulsory")
def reimbursed_per_head(seen: Seen) -> float:
    """Return what the compulsory insurance spends per person and year, in 2021 where the run has that year."""
    return seen("spend_per_head_eur.by_payer.compulsory", period=seen.priced_year)


@speaks_to("V45", "spend_coefficient_of_variation")
def spread_of_spend(seen: Seen) -> float:
    """Return standard deviation over mean of the yearly reimbursed spend of people there all year, same year."""
    return seen("spend_coefficient_of_variation", period=seen.priced_year)


@speaks_to("V37b", "forgone_care_share")
def forgone_by_the_poorest_fifth_over_the_others(seen: Seen) -> float:
    """Return the share of the poorest fifth who did without care over that of the other four fifths."""
    is_poor = seen.run.records.patients.income_quintile == 1
    return _ratio_of_forgone(seen, is_poor)


@speaks_to("V37c", "forgone_care_share", "apl")
def forgone_by_the_poor_in_worst_access_over_the_rest(seen: Seen) -> float:
    """Return the same of the poorest fifth who live in the fifth of people with the least APL, over everybody else."""
    is_poor = seen.run.records.patients.income_quintile == 1
    return _ratio_of_forgone(seen, is_poor & worst_access(seen)[seen.run.commune])


def _ratio_of_forgone(seen: Seen, group: NDArray[np.bool_]) -> float:
    others, of_group = seen.forgone.means(group.astype(np.int64), 2)
    return float(of_group / others) if others > 0 else float("nan")


@speaks_to("V40", "lead_time_median_days.gp", "apl")
def median_wait_where_access_is_worst(seen: Seen) -> float:
    """Return the median wait for a general practitioner in the communes of the lowest fifth of APL over that of all."""
    asked = seen.surveyed()
    given = asked.where((asked.appointment_on != NEVER) & np.isin(asked.kind, seen.run.needs["gp"]))
    waits, is_worst = lead_days(given), worst_access(seen)[given.commune]
    if not is_worst.any() or np.median(waits) == 0:
        return float("nan")
    return float(np.median(waits[is_worst]) / np.median(waits))


def worst_access(seen: Seen) -> NDArray[np.bool_]:
    """Tell which communes hold the fifth of the people with the least APL, shape (c,)."""
    people = people_by_commune(seen.run)
    order = np.argsort(apl_of(seen.run, *seen.span), kind="stable")
    middle = (np.cumsum(people[order]) - people[order] / 2) / max(people.sum(), 1.0)
    is_worst = np.zeros(people.size, np.bool_)
    is_worst[order[(middle < WORST_SHARE) & (people[order] > 0)]] = True
    return is_worst


def share(which: NDArray) -> float:
    """Return the share that is true, NaN of nothing."""
    return float(which.mean()) if which.size else float("nan")
