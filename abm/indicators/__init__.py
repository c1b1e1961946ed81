"""What came of a run: the table of indicators, the dozen to look at first, month by month, commune by commune.

Owns which indicator is reported for which strata; each is computed in the module that asks its question. Reads records
only: nothing here changes a run, draws, or is known to the day that is simulated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from abm.errors import nearest
from abm.indicators.counting import ALL, PERSON_KINDS, Block, Run, Strata, drees_strata, to_frame
from abm.indicators.delays import lead_times, request_outcomes, times_to_care
from abm.indicators.disease import diseases, prevalence
from abm.indicators.education import education
from abm.indicators.equity import inequality
from abm.indicators.hospital import admissions, beds, emergency_admissions, stays_with_a_night
from abm.indicators.ledger import ledger_table
from abm.indicators.network import care_network, programme_cost
from abm.indicators.potential import potential_access
from abm.indicators.practices import adults_without_gp, practices, third_next_available
from abm.indicators.satisfaction import gp_satisfaction, patient_experience
from abm.indicators.spend import chronic_spend, revenues, spend_by_category, spend_per_head, spend_variation
from abm.indicators.tables import communes_table, monthly
from abm.indicators.telehealth import telehealth
from abm.indicators.unmet import failed_bookings, forgone_care, unmet_needs
from abm.indicators.use import (
    FAMILIES,
    acts_per_head,
    emergency_rate_ratio,
    emergency_visits,
    no_show_odds_ratio,
    no_shows,
    teleconsultations,
    travel,
)
from abm.indicators.vital import vital

if TYPE_CHECKING:
    from abm.records import Records

__all__ = ["EVERY_KIND", "HEADLINE", "communes_table", "headline", "indicators", "ledger_table", "monthly"]

HEADLINE: tuple[str, ...] = (
    "lead_time_median_days.gp",
    "lead_time_mean_days.gp",
    "lead_time_share_1_days.gp",
    "time_to_care_days.gp",
    "lead_time_median_days.cardiologist",
    "forgone_care_share",
    "acts_per_head.gp",
    "acts_per_head.specialist",
    "teleconsultation_share",
    "emergency_visits_per_head",
    "emergency_no_other_access_share",
    "third_next_available_days.gp",
    "travel_mean_minutes.gp",
    "adults_without_gp_share",
    "spend_per_head_eur",
)
"""The indicators to look at first, each over everybody and the whole horizon."""

EVERY_KIND = (*PERSON_KINDS, "drees", "channel", "commune")
"""Every kind of strata."""
BROAD_NEEDS = ("gp", "gp_acute", "gp_follow_up", "gp_preventive", "specialist")
"""Needs that are reported for the strata of people; single specialties only for `all`, `drees` and `channel`."""
COMMUNE_INDICATORS = frozenset(
    ("lead_time_mean_days.gp", "lead_time_median_days.gp", "time_to_care_days.gp", "forgone_care_share",
     "travel_mean_minutes.gp", "acts_per_head.gp", "emergency_visits_per_head", "spend_per_head_eur")
)  # fmt: skip


def indicators(records: Records, kinds: Collection[str] = EVERY_KIND) -> pd.DataFrame:
    """Return every indicator of a run, one row each.

    Parameters
    ----------
    kinds : kinds of strata wanted; `("all",)` alone costs a fraction, as batches of runs want it.

    Returns
    -------
    columns indicator, stratum_kind, stratum, period ("all" or a year), unit, value, n (how many appointments, requests,
    people, … the value is over), sorted by indicator. Delays are cohorts by the date of asking, acts count when held.
    A value over nobody is NaN with n = 0 in stratum `all`, and no row elsewhere.

    Notes
    -----
    Strata: `all`; `drees` (see `drees_strata`); `channel` of the appointment or visit; by person `age_band` (when
    asking or visiting), `sex`, `income_quintile`, `has_ald`, `is_enrolled` (member of the care network at the end, or
    when last here), `epci`, `commune`, and `invisible`: no registered general practitioner, or neither complementary
    cover nor a car. A row is the same whatever other kinds are asked for.

    Raises
    ------
    ValueError
        A kind that does not exist.
    """
    unknown = sorted(set(kinds) - set(EVERY_KIND))
    if unknown:
        raise ValueError(f"no kind of strata '{unknown[0]}'.{nearest(unknown[0], EVERY_KIND)}")
    run = Run(records)
    return to_frame(_blocks(run, kinds), run.years)


def headline(records: Records) -> dict[str, float]:
    """Return the `HEADLINE` indicators over everybody and the whole horizon, exactly as `indicators` has them."""
    run = Run(records)
    found = {block.indicator: float(block.value[0, 0]) for block in _headline_blocks(run)}
    return {name: found.get(name, float("nan")) for name in HEADLINE}


def _headline_blocks(run: Run) -> Iterator[Block]:
    everybody = run.strata(ALL)
    yield from lead_times(run, everybody, [need for need in ("gp", "cardiologist") if need in run.needs])
    run.let_go()
    yield from times_to_care(run, everybody, ("gp",))
    run.let_go()
    yield from forgone_care(run, (ALL,))
    run.let_go()
    yield from acts_per_head(run, everybody)
    yield from teleconsultations(run, everybody, share_only=True)
    run.let_go()
    yield from emergency_visits(run, everybody)
    yield third_next_available(run)
    yield from travel(run, everybody, "gp", mean_only=True)
    run.let_go()
    yield adults_without_gp(run)
    yield from spend_per_head(run, everybody, total_only=True)


def _blocks(run: Run, kinds: Collection[str] = EVERY_KIND) -> Iterator[Block]:
    """Yield every indicator, one kind of event after another, so that only one lies in memory at a time."""
    of_people = [kind for kind in PERSON_KINDS if kind in kinds]
    for of_events in (_of_given, _of_requests, _of_visits, _of_emergencies, _of_stays):
        for kind in of_people:
            yield from of_events(run, run.strata(kind), tuple(run.needs) if kind == ALL else BROAD_NEEDS)
        run.let_go()
    for indicator in (forgone_care, unmet_needs, failed_bookings):
        yield from indicator(run, of_people)
    run.let_go()
    for kind in of_people:
        yield from prevalence(run, kind)
        yield from education(run, kind)
        yield from spend_per_head(run, run.strata(kind))
    if "drees" in kinds:
        yield from _of_survey(run)
    if "channel" in kinds:
        yield from lead_times(run, run.strata("channel"), run.needs)
        run.let_go()
        yield from no_shows(run, run.strata("channel"))
        run.let_go()
    if ALL in kinds:
        yield from _of_everybody(run)
    yield from (block for block in potential_access(run) if block.kind in kinds)
    if "commune" in kinds:
        yield from (block for block in _of_communes(run) if block.indicator in COMMUNE_INDICATORS)


def _of_everybody(run: Run) -> Iterator[Block]:
    """Yield what has no strata: of practices, beds, single diseases, and of differences between people."""
    yield from no_show_odds_ratio(run, run.strata(ALL))
    run.let_go()
    yield from emergency_rate_ratio(run)
    run.let_go()
    yield from practices(run)
    yield from vital(run)
    yield from care_network(run)
    yield from programme_cost(run)
    yield from gp_satisfaction(run)
    run.let_go()
    yield from telehealth(run)
    run.let_go()
    for measure in (spend_by_category, chronic_spend, spend_variation, revenues):
        yield from measure(run)
    yield from beds(run)
    yield from diseases(run)
    run.let_go()
    yield from inequality(run)
    run.let_go()


def _of_survey(run: Run) -> Iterator[Block]:
    """Yield what the survey of 2017 asked."""
    for strata in drees_strata():
        yield from lead_times(run, strata, run.needs)
    yield from request_outcomes(run, drees_strata()[0], run.needs)
    run.let_go()


def _of_given(run: Run, strata: Strata, needs: tuple[str, ...]) -> Iterator[Block]:
    """Yield what is said of appointments given."""
    yield from lead_times(run, strata, needs)


def _of_requests(run: Run, strata: Strata, needs: tuple[str, ...]) -> Iterator[Block]:
    """Yield what is said of requests, given an appointment or not."""
    yield from times_to_care(run, strata, needs)
    yield from request_outcomes(run, strata, needs)
    yield from patient_experience(run, strata)


def _of_visits(run: Run, strata: Strata, needs: tuple[str, ...]) -> Iterator[Block]:
    """Yield what is said of visits held or missed; it is by family, whatever the needs."""
    for family in FAMILIES:
        yield from travel(run, strata, family)
    for measure in (acts_per_head, teleconsultations, no_shows):
        yield from measure(run, strata)


def _of_emergencies(run: Run, strata: Strata, needs: tuple[str, ...]) -> Iterator[Block]:
    """Yield what is said of visits to emergency departments."""
    yield from emergency_visits(run, strata)
    yield from emergency_admissions(run, strata)


def _of_stays(run: Run, strata: Strata, needs: tuple[str, ...]) -> Iterator[Block]:
    """Yield what is said of stays in hospital."""
    yield from admissions(run, strata)
    yield from stays_with_a_night(run, strata)


def _of_communes(run: Run) -> Iterator[Block]:
    strata = run.strata("commune")
    yield from lead_times(run, strata, ("gp",))
    run.let_go()
    yield from times_to_care(run, strata, ("gp",))
    run.let_go()
    yield from travel(run, strata, "gp", mean_only=True)
    yield from acts_per_head(run, strata)
    run.let_go()
    yield from emergency_visits(run, strata)
    yield from forgone_care(run, ("commune",))
    yield from spend_per_head(run, strata, total_only=True)
