"""Who treats: general practitioners and specialists of the pack, their capacity, and their agendas by day.

Owns the rows `providers` and the capacity of each provider and day (ODD 5.3, 7.4). A practice's capacity follows the
needs of its list: the load, its spread between doctors and the reserves are free parameters, calibrated jointly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.population import DAYS_A_YEAR
from abm.randomness import Stream, normals, uniforms
from abm.state import NOBODY, PROVIDER

if TYPE_CHECKING:
    from abm.calendar import Calendar
    from abm.environment.territory import Territory
    from abm.parameters import Parameters

WEEKDAYS, HALF_DAYS = 5, 10
DAYS_A_WEEK, WEEKS_A_YEAR, MONTHS_OF_SUMMER = 7, 52.18, (7, 8)
GENERAL_PRACTITIONER = "general_practitioner"
# Sub-addresses within the stream PROFESSIONALS.
_RANK, _LOAD, _WALK_IN, _OTHERS, _VIDEO, _PATTERN, _OUTSIDE, _AGE = range(8)
_NEAR = 100  # plus the row of a commune: which of two practices as near is thought of first
SPECIALIST_ADDRESS = 100_000  # specialists' addresses begin here, general practitioners' at 0


class Agendas(NamedTuple):
    """Seconds by provider and day, each shape (p, t), int32; `offered` is what the first three sum to."""

    free: NDArray[np.int32]
    reserve: NDArray[np.int32]
    walk_in: NDArray[np.int32]
    overtime: NDArray[np.int32]
    planned_room: NDArray[np.int32]


@dataclass(frozen=True)
class Practices:
    """General practitioners before their capacity is known.

    Attributes
    ----------
    commune : shape (g,), row of each practice's commune.
    list_target : shape (g,), relative size of list.
    """

    commune: NDArray[np.int64]
    list_target: NDArray[np.float64]

    def __len__(self) -> int:
        return self.commune.size


def practices_of(territory: Territory, parameters: Parameters, key: NDArray[np.uint64]) -> Practices:
    """Return the pack's general practitioners with the list sizes drawn for them.

    Notes
    -----
    The lists take evenly spaced quantiles of the national distribution [S015-S021] in an addressed order, so that the
    distribution is met whatever the luck of a run; which doctor has which list is luck.
    """
    commune = _places(territory, GENERAL_PRACTITIONER)
    address = np.arange(commune.size, dtype=np.int64)
    rank = np.argsort(np.argsort(uniforms(key, Stream.PROFESSIONALS, address, _RANK)))
    return Practices(commune, list_quantile(parameters, (rank + 0.5) / max(commune.size, 1)))


def list_quantile(parameters: Parameters, level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the size of list at quantile levels in [0, 1], linear between the published points."""
    points = {
        float(label.removeprefix("P")) / 100.0: value
        for label, value in parameters.matching("gp_panel_MT_quantile").items()
    }
    levels = np.array(sorted(points))
    return np.interp(level, levels, np.array([points[p] for p in sorted(points)]))


def _places(territory: Territory, profession: str) -> NDArray[np.int64]:
    """Return the commune's row of each professional of a kind, shape (number,)."""
    rows = territory.professionals[territory.professionals["profession"] == profession]
    row_of = {insee: row for row, insee in enumerate(territory.communes["insee"])}
    places = [np.full(int(count), row_of[insee]) for insee, count in zip(rows["insee"], rows["count"], strict=True)]
    return np.concatenate(places).astype(np.int64) if places else np.zeros(0, np.int64)


def providers_of(
    territory: Territory,
    parameters: Parameters,
    practices: Practices,
    specialties: tuple[str, ...],
    key: NDArray,
    *,
    reference_day: int = 0,
) -> np.recarray:
    """Return the rows of all providers: general practitioners first, then specialists by specialty.

    Parameters
    ----------
    reference_day : day index on which the doctors' ages hold.
    """
    local = [_places(territory, name) for name in specialties]
    rows = np.zeros(len(practices) + sum(place.size for place in local), PROVIDER).view(np.recarray)
    rows.capacity_share = 1.0
    address = np.arange(len(practices), dtype=np.int64)
    describe_practices(rows[: len(practices)].view(np.recarray), address, practices.commune, parameters, key)
    rows.list_target[: len(practices)] = np.round(practices.list_target)
    rows.birth_day[: len(practices)] = birth_days(len(practices), parameters, key, reference_day)
    first = len(practices)
    for specialty, places in enumerate(local):
        these = rows[first : first + places.size].view(np.recarray)
        these.address = SPECIALIST_ADDRESS + np.arange(first, first + places.size)
        these.place, these.specialty = places, specialty
        if places.size:
            _describe_specialists(these, parameters, specialties[specialty])
        first += places.size
    return rows


def birth_days(n_practices: int, parameters: Parameters, key: NDArray, reference_day: int) -> NDArray[np.int64]:
    """Return the days on which the general practitioners were born, shape (g,).

    Notes
    -----
    As the lists: evenly spaced quantiles of the distribution of ages [S030], in an addressed order of their own, so
    that a quarter is 60 or more whatever the luck of a run. Nothing local is known of ages, nor of ages and lists
    together: the two are drawn independently.
    """
    address = np.arange(n_practices, dtype=np.int64)
    rank = np.argsort(np.argsort(uniforms(key, Stream.PROFESSIONALS, address, _AGE)))
    age = age_quantile(parameters, (rank + 0.5) / max(n_practices, 1))
    return np.floor(reference_day - age * DAYS_A_YEAR).astype(np.int64)


def age_quantile(parameters: Parameters, level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the age of general practitioners, years, at quantile levels in [0, 1], linear between the known points."""
    from_60 = parameters["physicians_share_60plus"]
    above = {
        parameters["gp_youngest_age_years"]: 1.0,
        55.0: from_60 + parameters["gp_share_55_59"],
        60.0: from_60,
        65.0: from_60 * parameters["gp_share_65_plus_among_60_plus"],
        70.0: from_60 * parameters["gp_share_70_plus_among_60_plus"],
        parameters["gp_oldest_age_years"]: 0.0,
    }
    return np.interp(level, [1.0 - share for share in above.values()], list(above))


def surgery_seconds(parameters: Parameters) -> int:
    """Return the effective length of a visit at the surgery: all acts take [S009] minutes, those at home [S010]."""
    home_share = parameters["gp_home_visit_share"]
    mean, home = parameters["gp_effective_minutes_per_act"], parameters["gp_home_visit_minutes"]
    return round(60.0 * (mean - home_share * home) / (1.0 - home_share))


def describe_practices(
    rows: np.recarray, address: NDArray[np.int64], commune: NDArray[np.int64], parameters: Parameters, key: NDArray
) -> None:
    """Write what a general practice offers, by draws at its address; not its list, capacity, age and dates."""

    def is_true(sub_address: int, share: float) -> NDArray[np.int64]:
        return (uniforms(key, Stream.PROFESSIONALS, address, sub_address) < share).astype(np.int64)

    seconds = surgery_seconds(parameters)
    rows.address, rows.place, rows.specialty = address, commune, NOBODY
    rows.visit_seconds = seconds
    rows.home_visit_seconds = round(60.0 * parameters["gp_home_visit_minutes"])
    rows.video_seconds = round(seconds * parameters["teleconsult_minutes_relative"])
    rows.least_seconds = rows.video_seconds
    rows.horizon_days = int(parameters["gp_book_horizon_days"])
    rows.accepts_others = is_true(_OTHERS, parameters["gp_accepts_others_share"])
    rows.offers_video = is_true(_VIDEO, parameters["gp_offers_video_share"])


def _describe_specialists(rows: np.recarray, parameters: Parameters, specialty: str) -> None:
    rows.visit_seconds = round(60.0 * parameters[f"specialist_visit_minutes[{specialty}]"])
    rows.home_visit_seconds = rows.video_seconds = rows.least_seconds = rows.visit_seconds
    rows.horizon_days = int(parameters["specialist_book_horizon_days"])
    rows.release_days = int(parameters["specialist_urgent_release_days"])
    rows.accepts_others = 1


def is_in_practice(rows: np.ndarray, day: int | NDArray) -> NDArray[np.bool_]:
    """Tell which providers hold sessions at that time of their life (closed days and holidays do not matter)."""
    return (rows["opens_on"] <= day) & ((rows["closes_on"] <= 0) | (day < rows["closes_on"]))


def neighbours_of(
    minutes: NDArray, providers: np.recarray, parameters: Parameters, key: NDArray, day: int = 0
) -> NDArray[np.int32]:
    """Return the practices thought of from each commune, shape (c, j): within reach, nearest first, ties by luck.

    Parameters
    ----------
    minutes : shape (c, places).
    day : practices that hold no sessions then are not thought of.
    """
    n_communes, most = minutes.shape[0], int(parameters["gp_reach_practices"])
    is_open = (providers.specialty == NOBODY) & (providers.accepts_others == 1) & is_in_practice(providers, day)
    practices = np.flatnonzero(is_open)
    addresses = providers.address[practices].astype(np.int64)
    table = np.full((n_communes, most), NOBODY, np.int32)
    for commune in range(n_communes):
        trip = minutes[commune, providers.place[practices]]
        order = np.lexsort((uniforms(key, Stream.PROFESSIONALS, addresses, _NEAR + commune), trip))
        near = practices[order[trip[order] <= parameters["gp_reach_minutes"]]][:most]
        table[commune, : near.size] = near
    return table


# --- capacity and calendars -------------------------------------------------------------------------------------


def practice_seconds_per_year(
    expected_acts_per_year: NDArray[np.float64], parameters: Parameters, key: NDArray
) -> NDArray[np.float64]:
    """Return the yearly capacity of each practice, seconds: the needs expected from it over its load.

    Parameters
    ----------
    expected_acts_per_year : of its list and its part of the people without a doctor, shape (g,).
    """
    address = np.arange(expected_acts_per_year.size, dtype=np.int64)
    spread = parameters["gp_load_spread"]
    luck = np.exp(spread * normals(key, Stream.PROFESSIONALS, address, _LOAD) - 0.5 * spread**2)
    acts = np.minimum(expected_acts_per_year / (parameters["gp_load"] * luck), parameters["gp_most_acts_per_year"])
    return acts * 60.0 * parameters["gp_effective_minutes_per_act"]


def half_days_per_week(seconds_per_year: NDArray, parameters: Parameters) -> NDArray[np.float64]:
    """Return the weekly half-days that a capacity takes at the usual pace, bounded by the longest week."""
    acts_per_half_day = (
        60.0
        * parameters["gp_weekly_patient_hours"]
        / parameters["gp_effective_minutes_per_act"]
        / parameters["gp_half_days_per_week"]
    )
    weeks = WEEKS_A_YEAR - parameters["gp_holiday_weeks"]
    acts = seconds_per_year / 60.0 / parameters["gp_effective_minutes_per_act"]
    return np.clip(acts / weeks / acts_per_half_day, 1.0, parameters["gp_most_half_days"])


def opening_days(
    addresses: NDArray[np.int64],
    half_days: NDArray[np.float64],
    holiday_weeks: float,
    summer_share: float,
    calendar: Calendar,
    key: NDArray,
) -> NDArray[np.float64]:
    """Return how many half-days each provider works each day, shape (p, t): week pattern, holidays, closed days."""
    pattern = week_pattern(addresses, half_days, key)
    work = pattern[:, calendar.weekday] * calendar.is_open[None, :]
    years = calendar.year.astype(np.int64)
    for year in np.unique(years):
        days = np.flatnonzero(years == year)
        away = holiday_weeks_of(addresses, int(year), holiday_weeks, summer_share, key)
        week = np.minimum((calendar.day_of_year[days].astype(np.int64) - 1) // DAYS_A_WEEK, 51)
        work[:, days] *= ~away[:, week]
    return work


def week_pattern(addresses: NDArray, half_days: NDArray, key: NDArray) -> NDArray[np.float64]:
    """Return half-days by weekday, shape (p, 7): two a day at most, the free ones spread from an addressed day on."""
    whole = np.minimum(np.ceil(half_days), HALF_DAYS).astype(np.int64)
    start = (uniforms(key, Stream.PROFESSIONALS, addresses, _PATTERN) * WEEKDAYS).astype(np.int64)
    pattern = np.zeros((addresses.size, DAYS_A_WEEK))
    pattern[:, :WEEKDAYS] = 2.0
    for step in range(HALF_DAYS):  # take half-days off, every other weekday in turn
        off = step < HALF_DAYS - whole
        weekday = (start + 2 * step) % WEEKDAYS
        pattern[np.arange(addresses.size), weekday] -= off
    return pattern


def holiday_weeks_of(
    addresses: NDArray, year: int, mean_weeks: float, summer_share: float, key: NDArray
) -> NDArray[np.bool_]:
    """Return the weeks of a year that each provider is away, shape (p, 52): weighted towards July and August."""
    summer = np.arange(26, 35)
    weights = np.full(52, (1.0 - summer_share) / (52 - summer.size))
    weights[summer] = summer_share / summer.size
    draws = np.stack([uniforms(key, Stream.HOLIDAYS, addresses, week, year) for week in range(53)], axis=1)
    n_weeks = int(mean_weeks) + (draws[:, 52] < mean_weeks - int(mean_weeks))
    score = np.log(np.clip(draws[:, :52], 1e-300, None)) / weights  # weighted sampling without replacement
    rank = np.argsort(np.argsort(-score, axis=1), axis=1)
    return rank < n_weeks[:, None]


def build_agendas(
    rows: np.recarray,
    seconds_per_year: NDArray[np.float64],
    work: NDArray[np.float64],
    parameters: Parameters,
    key: NDArray,
) -> Agendas:
    """Return the agendas of all providers: capacity by day, split into free, reserved and walk-in time.

    Parameters
    ----------
    seconds_per_year : shape (p,).
    work : half-days by provider and day, shape (p, t), t a few years.
    """
    yearly = work.sum(axis=1) / work.shape[1] * 365.25
    session = np.divide(seconds_per_year, yearly, out=np.zeros_like(yearly), where=yearly > 0)
    capacity = work * session[:, None]
    is_gp = rows.specialty == NOBODY
    walk_in_share = np.where(_holds_walk_in(rows, parameters, key), parameters["gp_walk_in_capacity_share"], 0.0)
    reserve_share = np.where(
        is_gp, parameters["gp_same_day_reserve_share"], parameters["specialist_urgent_reserve_share"]
    )
    room_share = np.where(is_gp, parameters["gp_planned_room_share"], parameters["specialist_planned_room_share"])
    overtime_share = np.where(is_gp, parameters["gp_flex_share"], 0.0)
    by_appointment = capacity * (1.0 - walk_in_share)[:, None]
    visit = rows.visit_seconds.astype(float)
    walk_in = whole_visits(capacity * walk_in_share[:, None], visit)
    reserve = whole_visits(by_appointment * reserve_share[:, None], visit)
    free = whole_visits(by_appointment * (1.0 - reserve_share)[:, None], visit)
    overtime = whole_visits(capacity * overtime_share[:, None], visit)
    room = whole_visits(by_appointment * room_share[:, None], visit)
    for days in np.unique(rows.release_days):  # what would have been released before the first day
        these = np.flatnonzero(rows.release_days == days)
        free[these, :days] += reserve[these, :days]
        reserve[these, :days] = 0
    return Agendas(free, reserve, walk_in, overtime, room)


def whole_visits(seconds: NDArray[np.float64], visit_seconds: NDArray[np.float64]) -> NDArray[np.int32]:
    """Round time by day to whole visits, what is left over carried to the next day; shape (p, t).

    Without it a day loses the time that no visit fits into: little in a full practice, most of it in one that is
    simulated at a twentieth of its size.
    """
    carried = np.cumsum(seconds / visit_seconds[:, None], axis=1) + 0.5
    visits = np.diff(np.floor(carried), axis=1, prepend=0.0)
    return (visits * visit_seconds[:, None]).astype(np.int32)


def _holds_walk_in(rows: np.recarray, parameters: Parameters, key: NDArray) -> NDArray[np.bool_]:
    luck = uniforms(key, Stream.PROFESSIONALS, rows.address.astype(np.int64), _WALK_IN)
    return (rows.specialty == NOBODY) & (luck < parameters["gp_walk_in_share_of_gps"])


def fill_at_start(agendas: Agendas, rows: np.recarray, specialties: tuple[str, ...], parameters: Parameters) -> NDArray:
    """Fill the local specialists' first weeks, as a practice that has been running has them; returns seconds taken.

    The further ahead, the less: full up to half of the usual wait (`local_wait_at_start_days`), empty at one and a half
    times of it.
    """
    taken = np.zeros_like(agendas.free)
    days = np.arange(agendas.free.shape[1])
    for provider, row in enumerate(rows):
        if row.specialty == NOBODY:
            continue
        usual = parameters[f"local_wait_at_start_days[{specialties[row.specialty]}]"]
        share = np.clip(1.5 - days / max(usual, 1.0), 0.0, 1.0)
        visits = (agendas.free[provider] * share).astype(np.int64) // row.visit_seconds
        taken[provider] = visits * row.visit_seconds
    agendas.free[:] -= taken
    return taken


def outside_requests(
    rows: np.recarray,
    seconds_per_year: NDArray[np.float64],
    resident_acts: NDArray[np.float64],
    open_days_per_year: float,
    specialties: tuple[str, ...],
    parameters: Parameters,
    key: NDArray,
) -> NDArray[np.float64]:
    """Return the mean requests an open day that people from elsewhere make to each provider, shape (p,).

    Parameters
    ----------
    resident_acts : visits a year that residents want of each specialty, shape (specialties,).

    Notes
    -----
    The stream fills each specialty to `specialist_load` times its capacity; it is unequal between its specialists.
    """
    requests = np.zeros(rows.size)
    for specialty, name in enumerate(specialties):
        these = np.flatnonzero(rows.specialty == specialty)
        if these.size == 0:
            continue
        spread = parameters["specialist_load_spread"]
        luck = normals(key, Stream.PROFESSIONALS, rows.address[these].astype(np.int64), _OUTSIDE)
        load = parameters[f"specialist_load[{name}]"] + spread * (luck - luck.mean())
        acts = load * seconds_per_year[these] / rows.visit_seconds[these] - resident_acts[specialty] / these.size
        per_request = 1.0 + parameters[f"specialist_booked_at_visit_share[{name}]"]
        requests[these] = np.maximum(0.0, acts) / per_request / open_days_per_year
    return requests
