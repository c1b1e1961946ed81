"""How satisfied are doctors with their work, and people with the care they got?

Owns the professional satisfaction index with its five components, and the experience of an episode. Both are
definitions (grade C), not measurements: they say in one number what the other indicators say in many, and move with
them. No rule of the day reads them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import Block, Events, Floats, Run, Strata, of_need, ratio
from abm.indicators.practices import over_all, rows_of_practices, weekly_hours
from abm.population import DAYS_A_YEAR
from abm.state import NOBODY, Channel, Kind, Outcome
from abm.supply import is_in_practice

COMPONENTS = ("hours", "pressure", "administration", "referral", "income")
WEIGHTS = ("psi_weight_hours", "psi_weight_pressure", "psi_weight_admin", "psi_weight_referral_ease",
           "psi_weight_income")  # fmt: skip
OF_PRACTICES = ("hours", "administration")  # known by practice, the others by provider
OWN_DOCTOR = (Channel.OWN_GP, Channel.VIDEO_OWN_GP, Channel.HOME)
FEES_PARAMETER = "tariff_GP_consultation[from 2017-05]"


# --- general practitioners ----------------------------------------------------------------------------------------


def gp_satisfaction(run: Run) -> Iterator[Block]:
    """Yield the satisfaction index of general practitioners and its components, 0 (worst) to 1.

    For each doctor and year 1 minus the weighted mean of five strains [F007-F011], each cut off at 0 and 1: weekly
    hours from 40 to 70; refused and overdue requests of the list per slot, up to 0.3; weekly hours of administration,
    up to 12; share of the list's requests to specialists beyond their tolerance; fees short of those of a full-time
    practice. Components are given as satisfaction, 1 minus the strain. Then the mean over doctors and years; a doctor
    of whom a component is not known (no request to a specialist, practice closed since) counts with the mean of the
    others. Requests belong to the doctor with whom the person is registered on the last day; those of people without
    one weigh on all alike. Not validated: an index, not a prevalence.
    """
    by_year = [components_of(run, first, end) for first, end in run.years.spans]
    weights = np.array([run.setting.parameters[name] for name in WEIGHTS])
    spans = [np.concatenate(by_year)] if by_year else []
    periods = [*spans, *by_year] if spans else [np.zeros((0, len(COMPONENTS)))]
    n = [table.shape[0] for table in periods]
    yield over_all("gp_satisfaction", "index 0-1", [index_of(table, weights) for table in periods], n)
    for place, name in enumerate(COMPONENTS):
        values = [_mean(table[:, place]) for table in periods]
        yield over_all(f"gp_satisfaction.{name}", "index 0-1", values, n)


def index_of(components: Floats, weights: Floats) -> float:
    """Return the mean index of doctors from their components, shape (doctors, 5); NaN without any.

    A component that a doctor lacks takes the mean of the others; one that all lack is left out.
    """
    means = np.array([_mean(column) for column in components.T])
    filled = np.where(np.isnan(components), means, components)
    known = ~np.isnan(means)
    if not known.any() or not weights[known].sum():
        return float("nan")
    return float((filled[:, known] @ weights[known] / weights[known].sum()).mean())


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def components_of(run: Run, first: int, end: int) -> Floats:
    """Return the five components of the doctors who worked a whole week in a span of days, shape (doctors, 5)."""
    parameters, rows = run.setting.parameters, rows_of_practices(run)
    hours, worked = weekly_hours(run, first, end)
    hours_span = parameters["gp_satisfaction_hours_span"]
    administration = hours * parameters["gp_weekly_admin_hours"] / parameters["gp_weekly_hours"]
    pressure = pressure_of(run, first, end)
    full_fees = parameters["gp_fees_benchmark_eur"] * full_time_years(run, first, end)
    strains = [
        (hours - parameters["gp_satisfaction_hours_from"]) / hours_span,
        pressure / parameters["gp_satisfaction_worst_pressure"],
        administration / parameters["gp_satisfaction_worst_administration"],
        late_referral_share(run, first, end),
        1.0 - ratio(fees_eur(run, first, end), full_fees),
    ]
    of_rows = [
        strain if name in OF_PRACTICES else strain[rows] for name, strain in zip(COMPONENTS, strains, strict=True)
    ]
    return 1.0 - np.clip(np.stack(of_rows, axis=1)[worked], 0.0, 1.0)


def full_time_years(run: Run, first: int, end: int) -> Floats:
    """Return the full-time years that each provider's sessions of a span are worth, shape (p,); at most 1 a year."""
    full_time = run.records.providers.half_days_per_week / run.setting.parameters["gp_half_days_per_week"]
    return np.minimum(full_time, 1.0) * run.records.in_force[:, first:end].sum(axis=1) / DAYS_A_YEAR


def slots(run: Run, first: int, end: int) -> Floats:
    """Return the ordinary visits that each provider's sessions of a span have time for, shape (p,)."""
    seconds = run.records.offered[:, first:end].sum(axis=1, dtype=np.int64)
    return seconds / np.maximum(run.records.providers.visit_seconds, 1)


def fees_eur(run: Run, first: int, end: int) -> Floats:
    """Return the fees of each provider in a span, EUR, shape (p,): visits held at one tariff, at full size.

    A stand-in until fees come from the ledger: the one function to change then.
    """
    visits = run.visits
    held = (visits.kind < Kind.EMERGENCY) & (visits.provider != NOBODY) & (visits.day >= first) & (visits.day < end)
    acts = np.bincount(visits.provider[held], minlength=run.records.providers.size).astype(np.float64)
    return acts * run.setting.parameters[FEES_PARAMETER] / run.setting.scenario.scale


def pressure_of(run: Run, first: int, end: int) -> Floats:
    """Return refused and overdue requests to general practice per slot, shape (p,); NaN for a practice that has closed.

    Those of a doctor's own list, and an even part, slot by slot, of those of people without a doctor.
    """
    requests = run.requests
    mine = (requests.kind < Kind.EMERGENCY) & (requests.asked_on >= first) & (requests.asked_on < end)
    hard = requests.where(mine & (is_refused(requests) | is_overdue(requests)))
    n_without = np.count_nonzero(run.records.patients.registered_gp[hard.patient] == NOBODY)
    time = slots(run, first, end)
    return ratio(_by_list(run, hard), time) + n_without / max(time[rows_of_practices(run)].sum(), 1.0)


def late_referral_share(run: Run, first: int, end: int) -> Floats:
    """Return the share of each list's requests to specialists refused or given after their tolerance, shape (p,)."""
    requests = run.requests
    mine = requests.where(
        (requests.kind >= Kind.FIRST_SPECIALTY) & (requests.asked_on >= first) & (requests.asked_on < end)
    )
    return ratio(_by_list(run, mine.where(is_refused(mine) | is_overdue(mine))), _by_list(run, mine))


def _by_list(run: Run, events: Events) -> Floats:
    """Count events by the registered doctor of the person, shape (p,); NaN for a practice that has closed."""
    doctors, desks = run.records.patients.registered_gp[events.patient], run.records.providers
    counts = np.bincount(doctors[doctors != NOBODY], minlength=desks.size).astype(np.float64)
    counts[~is_in_practice(desks, max(run.lived - 1, 0))] = np.nan
    return counts


def is_refused(requests: Events) -> NDArray[np.bool_]:
    """Tell which requests ended without a visit because nothing acceptable was offered."""
    return (requests.outcome == Outcome.FORGONE) | (requests.outcome == Outcome.DIVERTED)


def is_overdue(requests: Events) -> NDArray[np.bool_]:
    """Tell which requests were given an appointment later than the usual tolerance of their kind."""
    return (requests.appointment_on >= 0) & (excess_days(requests) > tolerances(requests.run).take(requests.kind))


def excess_days(requests: Events) -> NDArray[np.int32]:
    """Return the days from the wished date to the appointment, shape (r,), >= 0; meaningless where none was given."""
    return np.maximum(requests.appointment_on - requests.wished_on, 0)


def tolerances(run: Run) -> Floats:
    """Return the median wait beyond the wished date that is accepted, days, by kind of need, shape (kinds,)."""
    parameters = run.setting.parameters
    days = np.full(len(run.setting.kinds), parameters["tolerance_days_specialist"])
    days[Kind.GP_ACUTE] = parameters["tolerance_days_GP_acute"]
    days[Kind.GP_FOLLOW_UP] = parameters["tolerance_days_GP_followup"]
    days[Kind.GP_PREVENTIVE] = parameters["tolerance_days_GP_preventive"]
    return days


# --- people -------------------------------------------------------------------------------------------------------


def patient_experience(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield the mean experience of episodes of care, 0 (worst) to 1, and what it is made of, over requests.

    A request that was served scores `experience_without_drawback` times the weighted mean of delay, travel and
    continuity; one that was forgone or diverted to the emergency department scores `experience_not_reached`. Missed,
    withdrawn and open requests are left out. The parts are over served requests; `.reached` over both. The level is
    set by `experience_without_drawback` (anchor O019): only differences are results.
    """
    cells = run.cells("requests", strata)
    parts = {"": "counts", ".delay": "served", ".travel": "served", ".continuity": "has_continuity",
             ".reached": "counts"}  # fmt: skip
    found = run.kept(experiences)
    everything = tuple(range(len(run.setting.kinds)))
    number = {over: of_need(cells.count(found[over]), everything) for over in ("counts", "served", "has_continuity")}
    for name, over in parts.items():
        total = number["served"]
        if name != ".reached":
            total = of_need(cells.total(found[name.removeprefix(".") or "score"]), everything)
        value = ratio(total, number[over])
        yield Block(f"patient_experience{name}", "score 0-1", strata.kind, strata.labels, value, number[over])


def experiences(run: Run) -> dict[str, NDArray]:
    """Return score and parts of each request, 0 where they do not count, and which of them count, shape (r,) each."""
    requests, parameters = run.requests, run.setting.parameters
    is_served = requests.outcome == Outcome.SERVED
    is_gp = requests.kind < Kind.EMERGENCY
    half_minutes = np.where(
        is_gp,
        parameters["experience_half_travel_minutes_gp"],
        parameters["experience_half_travel_minutes_specialist"],
    )
    delay = halved(excess_days(requests) / tolerances(run).take(requests.kind))
    travel = halved(requests.travel_minutes / half_minutes)
    continuity = sees_own_doctor(requests).astype(np.float64)
    weights = [parameters[f"experience_weight_{part}"] for part in ("delay", "travel", "continuity")]
    score = np.where(
        is_served,
        parameters["experience_without_drawback"] * weighted(delay, travel, continuity, is_gp, *weights),
        parameters["experience_not_reached"],
    )
    counts, has_continuity = is_served | is_refused(requests), is_served & is_gp
    return {
        "score": score * counts,
        "delay": delay * is_served,
        "travel": travel * is_served,
        "continuity": continuity * has_continuity,
        "counts": counts,
        "served": is_served,
        "has_continuity": has_continuity,
    }


def halved(drawback: NDArray) -> Floats:
    """Return 1 without any drawback, a half at its unit, a quarter at two: in (0, 1], falling."""
    return np.exp2(-np.asarray(drawback, np.float64))


def weighted(delay: Floats, travel: Floats, continuity: Floats, is_gp: NDArray[np.bool_], *weights: float) -> Floats:
    """Return the weighted mean of the parts; continuity counts in general practice only."""
    of_delay, of_travel, of_continuity = weights
    continuity_weight = np.where(is_gp, of_continuity, 0.0)
    total = of_delay + of_travel + continuity_weight
    return (of_delay * delay + of_travel * travel + continuity_weight * continuity) / total


def sees_own_doctor(requests: Events) -> NDArray[np.bool_]:
    """Tell which requests led to the registered doctor: by appointment, at home, by video, or in a walk-in session."""
    table = np.zeros(max(Channel) + 1, np.bool_)
    table[list(OWN_DOCTOR)] = True
    registered = requests.run.records.patients.registered_gp[requests.patient]
    return table[requests.channel] | ((requests.provider != NOBODY) & (requests.provider == registered))
