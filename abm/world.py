"""From a territory, a scenario and a seed to a world that is ready for its first day.

Owns the order of construction: people, practices, registration, rates, capacity, agendas, arrays. Runs no day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.agents.needs import start_clocks
from abm.calendar import Calendar
from abm.conditions import Condition, load_conditions
from abm.environment.diary import empty_diary
from abm.environment.travel import TravelTimes, travel_times
from abm.handle import compiled
from abm.memory import give_back, zero_rows
from abm.parameters import Parameters, load_parameters
from abm.population import DAYS_A_YEAR, Population, register, synthesise
from abm.randomness import Stream as _Stream
from abm.randomness import seed_key, uniforms
from abm.settings import (
    BAND_STARTS,
    OLDEST_AGE_YEARS,
    age_band_table,
    kind_names,
    kind_table,
    nearest_poles,
    need_rates,
    rule_row,
    season_table,
    specialties_of,
)
from abm.state import (
    ACCOUNT,
    CAUSE,
    CONDITION,
    COVER,
    EPISODE,
    HEALTH,
    NEVER,
    NOBODY,
    OFFER,
    PATIENT,
    RECORD,
    STAY,
    Counter,
    Kind,
    Payer,
    Status,
    Vital,
    Ward,
    World,
)
from abm.supply import (
    Agendas,
    build_agendas,
    fill_at_start,
    half_days_per_week,
    opening_days,
    outside_requests,
    practice_seconds_per_year,
    practices_of,
    providers_of,
)

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from abm.scenario import Scenario

BOOK_DAYS = 420  # agendas reach this far beyond the last day, so that the end of the run cuts no booking short
MOST_OFFERS = 64


@dataclass(frozen=True)
class Setting:
    """What a run knows besides the arrays of the world: names, dates, how it was made.

    Attributes
    ----------
    last_day : days simulated, warm-up and follow-up included; day indices run below it.
    planned : agendas as planned, before anybody books and before any decision.
    offered : seconds of all sessions in force, by provider and day, shape (p, t); decisions change it.
    overtime_offered : seconds that doctors may add at most, shape (p, t); decisions change it.
    """

    territory: Territory
    scenario: Scenario
    parameters: Parameters
    conditions: tuple[Condition, ...]
    specialties: tuple[str, ...]
    calendar: Calendar
    travel: TravelTimes
    seed: int
    population_fingerprint: str
    planned: Agendas
    offered: NDArray[np.int32]
    overtime_offered: NDArray[np.int32]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds of need, by row."""
        return kind_names(self.specialties)

    @property
    def first_reported_day(self) -> int:
        """The day index on which the horizon begins."""
        return self.scenario.warm_up_days

    @property
    def end_of_horizon(self) -> int:
        """The day index after the last reported day."""
        return self.scenario.warm_up_days + self.scenario.days

    @property
    def last_day(self) -> int:
        """The day index after the last simulated day (late requests find their end in the days between)."""
        return self.end_of_horizon + self.scenario.follow_up_days


def build_world(
    territory: Territory, scenario: Scenario, seed: int, *, arrange: Callable[[Population], Population] | None = None
) -> tuple[World, Setting]:
    """Return a world on the morning of its first day.

    Parameters
    ----------
    arrange : a last change of the people after rates and capacities are settled: one person more, another order of
        rows (minimally different worlds).
    """
    parameters = load_parameters().with_values(scenario.parameters)
    conditions = load_conditions(parameters)
    specialties = specialties_of(parameters)
    people_seed = seed if scenario.population_seed is None else scenario.population_seed
    people_key, key = seed_key(people_seed), seed_key(seed)
    travel = travel_of(territory, parameters)
    calendar = calendar_of(territory, scenario)
    practices = practices_of(territory, parameters, people_key)
    population = make_population(territory, scenario, parameters, conditions, travel, people_seed)
    rates = need_rates(population, parameters, conditions, specialties, reference_day=scenario.warm_up_days)
    providers = providers_of(territory, parameters, practices, specialties, people_key)
    rows = population.rows.copy().view(np.recarray)
    rows.follow_up_rate *= rates.follow_up_factor
    acts = _acts_per_year(rows, rates.base, rates.by_condition, scenario.warm_up_days)
    capacity = _capacity(providers, acts, rows, len(practices), scenario.scale, specialties, parameters, people_key)
    agendas, taken = _agendas(providers, capacity, acts, calendar, specialties, parameters, people_key)
    if arrange is not None:
        rows = arrange(Population(rows)).rows
    kinds, local = kind_table(parameters, specialties, providers.specialty)
    acute = acts[:, Kind.GP_ACUTE].mean() * (1.0 - _season_share(parameters)) if len(rows) else 0.0
    rule = rule_row(parameters, float(acute), scenario.levers.teleconsultation)
    world = empty_world(key, rule, kinds, rows, providers, agendas, calendar.n_days)._replace(
        minutes=np.array(travel.minutes),
        neighbours=_neighbours(travel.minutes, providers, parameters, people_key),
        local_providers=local,
        offers=_table_of_offers(kinds, parameters),
        pole_places=nearest_poles(territory, travel.minutes, specialties),
        emergency_places=_nearest_emergency(territory, travel),
        rates=rates.base,
        condition_rates=rates.by_condition,
        outside_held=taken,
        season=season_table(calendar, parameters["demand_seasonality_amplitude"]),
        is_open=calendar.is_open.copy(),
        next_open=next_open_days(calendar.is_open),
        month_of=calendar.month_index.astype(np.int16),
        year_of=(calendar.year - calendar.year[0]).astype(np.int16),
    )
    planned = Agendas(*(column.copy() for column in agendas))
    planned.free[:] += taken
    start_clocks(compiled(world))
    setting = Setting(
        territory,
        scenario,
        parameters,
        conditions,
        specialties,
        calendar,
        travel,
        seed,
        population.fingerprint,
        planned=planned,
        offered=agendas.free + agendas.reserve + agendas.walk_in + taken,
        overtime_offered=agendas.overtime.copy(),
    )
    give_back()
    return world, setting


def make_population(
    territory: Territory,
    scenario: Scenario,
    parameters: Parameters,
    conditions: tuple[Condition, ...],
    travel: TravelTimes,
    seed: int,
) -> Population:
    """Return the people of a territory with their registered general practitioners, rows sorted by doctor."""
    key = seed_key(seed)
    practices = practices_of(territory, parameters, key)
    people = synthesise(
        territory, parameters, conditions, key, reference_day=scenario.warm_up_days, scale=scenario.scale
    )
    return register(
        people,
        parameters,
        travel.commune_minutes,
        practices.commune,
        practices.list_target,
        key,
        reference_day=scenario.warm_up_days,
    )


def travel_of(territory: Territory, parameters: Parameters) -> TravelTimes:
    """Return the travel times of a territory under a set of parameters."""
    return travel_times(
        territory,
        terminal_minutes=parameters["terminal_minutes"],
        own_commune_speed_kmh=parameters["own_commune_speed_kmh"] / parameters["own_commune_compactness"],
        detour_factor=parameters["road_detour_factor"],
        road_speed_kmh=parameters["road_speed_kmh"],
        fallback_area_km2=parameters["generated_area_km2"],
    )


def calendar_of(territory: Territory, scenario: Scenario) -> Calendar:
    """Return the calendar from the first day of the warm-up to the last day of any agenda."""
    from datetime import timedelta

    n_days = scenario.warm_up_days + scenario.days + scenario.follow_up_days + BOOK_DAYS
    start = scenario.start - timedelta(days=scenario.warm_up_days)
    return Calendar(start, n_days, territory.description.get("holidays_subdivision"))


def next_open_days(is_open: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the first open day on or after each day, shape (t,); the last day where none is left."""
    days = np.arange(is_open.size)
    candidates = np.where(is_open, days, is_open.size - 1)
    return np.minimum.accumulate(candidates[::-1])[::-1].astype(np.int32)


def _acts_per_year(rows: np.recarray, base: NDArray, by_condition: NDArray, reference_day: int) -> NDArray[np.float64]:
    """Return everybody's expected first needs a year by kind, shape (n, kinds)."""
    age = np.clip((reference_day - rows.birth_day) / DAYS_A_YEAR, 0, 120).astype(int)
    band = age_band_table()[age]
    has = (rows.conditions[:, None] >> np.arange(by_condition.shape[1])) & 1
    rates = base[:, band, rows.is_female.astype(int)].T + has @ by_condition.T
    rates = rates * rows.need_factor[:, None]
    rates[:, Kind.GP_FOLLOW_UP] += rows.follow_up_rate
    return rates * DAYS_A_YEAR


def _capacity(
    providers: np.recarray,
    acts: NDArray,
    rows: np.recarray,
    n_practices: int,
    scale: float,
    specialties: tuple[str, ...],
    parameters: Parameters,
    key: NDArray,
) -> NDArray[np.float64]:
    """Return the yearly capacity of every provider, seconds, shape (p,); writes the half-days of the practices."""
    capacity = np.zeros(providers.size)
    wanted = acts[:, : Kind.GP_PREVENTIVE + 1].sum(axis=1) - acts[:, Kind.GP_ACUTE] * _season_share(parameters)
    wanted /= parameters["need_scale"]  # acts served, which are fewer than needs
    listed = rows.registered_gp != NOBODY
    by_list = np.bincount(rows.registered_gp[listed], weights=wanted[listed], minlength=n_practices)[:n_practices]
    without = wanted[~listed].sum()
    expected = by_list * (1.0 + without / max(by_list.sum(), 1e-9))
    full_size = practice_seconds_per_year(expected / scale, parameters, key)
    providers.half_days_per_week[:n_practices] = half_days_per_week(full_size, parameters)
    capacity[:n_practices] = full_size * scale
    for provider in range(n_practices, providers.size):
        name = specialties[providers.specialty[provider]]
        acts_per_year = parameters[f"specialist_acts_per_year[{name}]"]
        capacity[provider] = acts_per_year * providers.visit_seconds[provider] * scale
        providers.half_days_per_week[provider] = 10.0
    return capacity


def _season_share(parameters: Parameters) -> float:
    """Return the share of seasonal needs that the season takes off their peak rate, over a year."""
    amplitude = parameters["demand_seasonality_amplitude"]
    return amplitude / (1.0 + amplitude)


def _agendas(
    providers: np.recarray,
    capacity: NDArray,
    acts: NDArray,
    calendar: Calendar,
    specialties: tuple[str, ...],
    parameters: Parameters,
    key: NDArray,
) -> tuple[Agendas, NDArray[np.int32]]:
    """Return the agendas and the seconds already taken in them when the run begins; writes `non_resident_requests`."""
    is_gp = providers.specialty == NOBODY
    work = np.zeros((providers.size, calendar.n_days))
    for these, weeks, summer in (
        (is_gp, parameters["gp_holiday_weeks"], parameters["gp_holiday_august_share"]),
        (~is_gp, parameters["specialist_holiday_weeks"], parameters["gp_holiday_august_share"]),
    ):
        if these.any():
            addresses = providers.address[these].astype(np.int64)
            work[these] = opening_days(addresses, providers.half_days_per_week[these], weeks, summer, calendar, key)
    agendas = build_agendas(providers, capacity, work, parameters, key)
    resident = np.array([_resident_acts(acts, s, name, parameters) for s, name in enumerate(specialties)])
    open_days = calendar.is_open.mean() * DAYS_A_YEAR
    providers.non_resident_requests = outside_requests(
        providers, capacity, resident, open_days, specialties, parameters, key
    )
    return agendas, fill_at_start(agendas, providers, specialties, parameters).astype(np.int32)


def _resident_acts(acts: NDArray, specialty: int, name: str, parameters: Parameters) -> float:
    """Return the visits a year that residents want of a specialty: first needs, referrals, visits booked ahead."""
    booked = parameters[f"specialist_booked_at_visit_share[{name}]"]
    interval_years = parameters[f"specialist_follow_up_interval_days[{name}]"] / DAYS_A_YEAR
    needs = acts[:, Kind.FIRST_SPECIALTY + specialty] / (1.0 - parameters[f"specialist_referral_share[{name}]"])
    return float((needs / (1.0 - booked) / (1.0 + needs * booked / (1.0 - booked) * interval_years)).sum())


def empty_world(
    key: NDArray,
    rule: np.recarray,
    kinds: np.recarray,
    rows: np.recarray,
    providers: np.recarray,
    agendas: Agendas,
    n_days: int,
) -> World:
    """Return a world whose geography and rates are still to be filled in: open every day, no season, nobody near."""
    n_nodes = rows.size * kinds.size
    n_months, n_years = n_days // 28 + 2, n_days // 365 + 2
    n_ages = OLDEST_AGE_YEARS + 1
    episodes = zero_rows(n_nodes, EPISODE)
    people = zero_rows(rows.size, PATIENT)
    people[:] = rows
    for name in ("since", "gone_on", "last_follow_up", "leaves_hospital_on"):
        people[name] = NEVER
    people.utility = people.spend_factor = 1.0
    episodes.event_day = NEVER
    diary = empty_diary(n_days, n_nodes)
    people.status[people.status == Status.EXPECTED] = Status.ALIVE
    nothing = np.zeros((0, 0))
    counters = np.zeros(len(Counter), np.int64)
    counters[Counter.PATIENTS] = rows.size
    return World(
        key=key,
        rules=rule,
        kinds=kinds,
        patients=people,
        episodes=episodes,
        providers=providers,
        **{f"record_{name}": np.zeros(0, kind) for name, kind in RECORD.items()},
        counters=counters,
        due=diary.due,
        visits=diary.visits,
        blocks=diary.blocks,
        spare=diary.spare,
        today=np.empty(n_nodes, np.int32),
        queue=np.empty(n_nodes, np.int32),
        queue_keys=np.empty(n_nodes, np.uint64),
        free=agendas.free,
        reserve=agendas.reserve,
        walk_in=agendas.walk_in,
        overtime=agendas.overtime,
        planned_room=agendas.planned_room,
        outside_held=np.zeros_like(agendas.free),
        minutes=nothing,
        neighbours=np.zeros((0, 0), np.int32),
        local_providers=np.zeros(0, np.int32),
        pole_places=np.zeros((0, 0), np.int32),
        emergency_places=np.zeros(0, np.int32),
        rates=np.zeros((0, 0, 2)),
        condition_rates=nothing,
        age_bands=age_band_table(),
        season=np.ones(n_days),
        is_open=np.ones(n_days, np.bool_),
        next_open=np.arange(n_days, dtype=np.int32),
        offers=np.zeros(MOST_OFFERS, OFFER).view(np.recarray),
        scratch=np.zeros(1),
        month_of=np.zeros(n_days, np.int16),
        year_of=np.zeros(n_days, np.int16),
        health=np.zeros(0, HEALTH).view(np.recarray),
        conditions=np.zeros(0, CONDITION).view(np.recarray),
        causes=np.zeros(0, CAUSE).view(np.recarray),
        incidence=np.zeros((0, len(BAND_STARTS), 2)),
        call_rows=np.zeros(0, np.int32),
        call_causes=np.zeros(0, np.int16),
        call_contacts=np.zeros(0, np.uint8),
        stays=np.zeros(0, STAY).view(np.recarray),
        leavers=np.full(n_days, NOBODY, np.int32),
        comers=np.full(n_days, NOBODY, np.int32),
        beds=np.zeros((0, len(Ward)), np.int32),
        occupied=np.zeros((0, len(Ward)), np.int32),
        stay_share_admitted=np.zeros(len(BAND_STARTS)),
        vital=np.zeros((n_months, len(Vital))),
        death_rates=np.zeros((n_ages, 2)),
        birth_rates=np.zeros(n_ages),
        departure_rates=np.zeros(n_ages),
        arrivals=np.zeros(0),
        utility_norms=np.ones(n_ages),
        accounts=np.zeros(0, ACCOUNT).view(np.recarray),
        tariffs=np.zeros((0, n_days), np.int32),
        cover=np.zeros(1, COVER).view(np.recarray),
        background_base=np.zeros((len(BAND_STARTS), 2)),
        background_by_condition=np.zeros(0),
        spend_cents=np.zeros((0, n_years * len(Payer)), np.int32),
        billed=np.zeros((n_months, 0), np.int64),
        paid=np.zeros((n_months, 0, len(Payer)), np.int64),
        received=np.zeros((n_months, 0, 0), np.int64),
    )


def _table_of_offers(kinds: np.recarray, parameters: Parameters) -> np.recarray:
    """Return an empty table that holds the offers of any request: rules write into it without looking at its end."""
    of_specialists = int(kinds.n_local.max()) + 1  # and the pole
    of_practices = 2 * int(parameters["gp_reach_practices"]) + 8  # appointment and walk-in each; own practice, platform
    return np.zeros(max(MOST_OFFERS, of_specialists, of_practices), OFFER).view(np.recarray)


def _neighbours(minutes: NDArray, providers: np.recarray, parameters: Parameters, key: NDArray) -> NDArray[np.int32]:
    """Return the practices thought of from each commune, shape (c, j): within reach, nearest first, ties by luck."""
    n_communes = minutes.shape[0]
    practices = np.flatnonzero(providers.specialty == NOBODY)
    most = int(parameters["gp_reach_practices"])
    table = np.full((n_communes, most), NOBODY, np.int32)
    places, accepts = providers.place[practices], providers.accepts_others[practices] == 1
    reach = parameters["gp_reach_minutes"]
    for commune in range(n_communes):
        trip = minutes[commune, places]
        luck = uniforms(key, _Stream.PROFESSIONALS, practices.astype(np.int64), 100 + commune)
        order = np.lexsort((luck, ~accepts, trip))
        near = practices[order[accepts[order] & (trip[order] <= reach)]][:most]
        table[commune, : len(near)] = near
    return table


def _nearest_emergency(territory: Territory, travel: TravelTimes) -> NDArray[np.int32]:
    """Return the place of the nearest emergency department of each commune, shape (c,)."""
    n_communes = len(territory.communes)
    columns = n_communes + np.flatnonzero(territory.sites["has_emergency"].to_numpy(bool))
    return columns[np.argmin(travel.minutes[:, columns], axis=1)].astype(np.int32)
