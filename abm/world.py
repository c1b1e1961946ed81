"""From a territory, a scenario and a seed to a world that is ready for its first day.

Owns the order of construction: people, practices, registration, rates, capacity, agendas, arrays. Runs no day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.agents.health import DAYS_BETWEEN_LOOKS, IN_NO_CHAIN, begin_illness
from abm.agents.needs import start_clocks
from abm.arrivals import last_days_of_months, synthesise_arrivals
from abm.calendar import Calendar
from abm.conditions import Condition, load_conditions
from abm.effects import neutral_effects
from abm.environment.diary import empty_diary
from abm.environment.travel import TravelTimes, travel_times
from abm.handle import compiled
from abm.hospital_supply import (
    HospitalPlan,
    expected_deaths_in_hospital,
    hospital_columns,
    plan_hospital,
    write_rates,
)
from abm.illness import (
    expected_events_by_band,
    expected_mortality_multipliers,
    expected_utility_losses,
    illness_columns,
)
from abm.life_tables import Plan, closed_columns, death_rates, demography_columns, plan_of
from abm.memory import give_back, zero_rows
from abm.parameters import Parameters, load_parameters
from abm.payments.builder import breaks_of, payment_columns
from abm.payments.tables import CARE_PAYERS
from abm.payments.tariffs import load_tariffs, tariff_names
from abm.population import DAYS_A_YEAR, Population, register, synthesise
from abm.randomness import seed_key
from abm.settings import (
    BAND_STARTS,
    OLDEST_AGE_YEARS,
    age_band_table,
    cause_names,
    kind_names,
    kind_table,
    local_providers,
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
    DEMOGRAPHY,
    EPISODE,
    HEALTH,
    HOSPITAL,
    MOTHERHOOD,
    NEVER,
    NOBODY,
    NOWHERE,
    OFFER,
    PATIENT,
    RECORD,
    STAY,
    STAY_AGE,
    Counter,
    Expertise,
    GeneralCause,
    Kind,
    Payer,
    Registration,
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
    neighbours_of,
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
    in_force : share of the planned time that is offered, shape (p, t); decisions change it.
    causes : name of each row of `world.causes`, those of diseases as "condition.event".
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
    in_force: NDArray[np.float64]
    causes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds of need, by row."""
        return kind_names(self.specialties)

    @property
    def people_key(self) -> NDArray[np.uint64]:
        """Key of the draws that make people and practices, shape (2,)."""
        seed = self.scenario.population_seed
        return seed_key(self.seed if seed is None else seed)

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
    fingerprint = population.fingerprint
    rates = need_rates(population, parameters, conditions, specialties, reference_day=scenario.warm_up_days)
    providers = providers_of(
        territory, parameters, practices, specialties, people_key, reference_day=scenario.warm_up_days
    )
    rows = population.rows.copy().view(np.recarray)
    rows.follow_up_rate *= rates.follow_up_factor
    newcomers = _newcomers(territory, scenario, parameters, conditions, rows, rates.follow_up_factor, people_key, key)
    arranged = rows if arrange is None else arrange(Population(rows)).rows
    n_rows = arranged.size + newcomers.n_rows
    prices = tariff_names(load_tariffs(specialties), specialties)
    illness = illness_columns(
        conditions,
        parameters,
        specialties,
        population.rows,
        n_rows=n_rows,
        follow_up_factor=rates.follow_up_factor,
        reference_day=scenario.warm_up_days,
        delay_affects_health=scenario.delay_affects_health,
        tariffs=prices,
        deaths_per_year=death_rates(parameters),
    )
    hospital = plan_hospital(
        population.rows,
        rates.base[Kind.EMERGENCY, :, 0],
        parameters,
        reference_day=scenario.warm_up_days,
        events=illness["causes"][GeneralCause.FIRST_EVENT :],
        events_per_year=expected_events_by_band(
            population.rows, illness["conditions"], illness["causes"], reference_day=scenario.warm_up_days
        ),
        tariffs=prices,
    )
    write_rates(hospital, rates.base)
    acts = _acts_per_year(rows, rates.base, rates.by_condition, scenario.warm_up_days)
    capacity = _capacity(providers, acts, rows, len(practices), scenario.scale, specialties, parameters, people_key)
    agendas, taken = _agendas(providers, capacity, acts, calendar, specialties, parameters, people_key)
    kinds = kind_table(parameters, specialties)
    local = local_providers(kinds, providers, travel.minutes, parameters)
    acute = acts[:, Kind.GP_ACUTE].mean() * (1.0 - _season_share(parameters)) if len(rows) else 0.0
    del acts  # a large table: everybody's needs
    rule = rule_row(parameters, float(acute), delay_affects_health=scenario.delay_affects_health)
    emergency_places = _nearest_emergency(territory, travel)
    world = empty_world(
        key, rule, kinds, arranged, providers, agendas, calendar.n_days, newcomers.coming, newcomers.n_births
    )._replace(
        minutes=np.array(travel.minutes),
        neighbours=neighbours_of(travel.minutes, providers, parameters, people_key),
        local_providers=local,
        offers=_table_of_offers(kinds, parameters),
        pole_places=nearest_poles(territory, travel.minutes, specialties),
        booth_places=np.full(len(territory.communes), NOWHERE, np.int32),
        emergency_places=emergency_places,
        rates=rates.base,
        condition_rates=rates.by_condition,
        outside_held=taken,
        season=season_table(calendar, parameters["demand_seasonality_amplitude"]),
        is_open=calendar.is_open.copy(),
        next_open=next_open_days(calendar.is_open),
        month_of=calendar.month_index.astype(np.int16),
        year_of=(calendar.year - calendar.year[0]).astype(np.int16),
        **illness
        | hospital_columns(
            hospital,
            territory,
            emergency_places,
            population.rows,
            parameters,
            reference_day=scenario.warm_up_days,
            scale=scenario.scale,
            capacity=n_rows,
            delay_affects_health=scenario.delay_affects_health,
        ),
    )
    world = world._replace(
        **payment_columns(
            parameters,
            calendar,
            specialties,
            [condition.name for condition in conditions],
            n_people=world.patients.size,
            n_providers=world.providers.size,
            n_sites=len(territory.sites),
            breaks=breaks_of(scenario),
        )
    )
    world = world._replace(
        **_demography(newcomers, parameters, population.rows, world, illness, hospital, scenario.warm_up_days)
    )
    planned = Agendas(*(column.copy() for column in agendas))
    planned.free[:] += taken
    handle = compiled(world)
    start_clocks(handle)
    begin_illness(handle)
    setting = Setting(
        territory,
        scenario,
        parameters,
        conditions,
        specialties,
        calendar,
        travel,
        seed,
        fingerprint,
        planned=planned,
        offered=agendas.free + agendas.reserve + agendas.walk_in + taken,
        overtime_offered=agendas.overtime.copy(),
        in_force=np.ones(agendas.free.shape),
        causes=cause_names(conditions),
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


@dataclass(frozen=True)
class Newcomers:
    """Who comes after the first day.

    Attributes
    ----------
    plan : births, deaths and moves expected; None where the same people live from beginning to end.
    coming : rows PATIENT of those who will arrive.
    n_births : rows kept for the newborn.
    """

    plan: Plan | None
    coming: np.recarray
    n_births: int

    @property
    def n_rows(self) -> int:
        """Rows that are nobody's yet on the first day."""
        return int(self.coming.size) + self.n_births


def _newcomers(
    territory: Territory,
    scenario: Scenario,
    parameters: Parameters,
    conditions: tuple[Condition, ...],
    people: np.recarray,
    follow_up_factor: float,
    people_key: NDArray,
    key: NDArray,
) -> Newcomers:
    """Return who will arrive, and rows to keep for the newborn.

    As supply is, so the population is frozen during the warm-up: the pack's people live on the first reported day.
    """
    if not scenario.demography:
        return Newcomers(None, np.zeros(0, PATIENT).view(np.recarray), 0)
    calendar = calendar_of(territory, scenario)
    first_day = scenario.warm_up_days
    end = first_day + scenario.days + scenario.follow_up_days
    n_months = last_days_of_months(calendar, first_day, end).size
    plan = plan_of(territory, parameters, people, first_day, n_months)
    span = {"first_day": first_day, "end": end}
    coming = synthesise_arrivals(territory, parameters, conditions, people, plan, calendar, people_key, key, **span)
    coming.follow_up_rate *= follow_up_factor
    return Newcomers(plan, coming, plan.n_births)


def _demography(
    newcomers: Newcomers,
    parameters: Parameters,
    people: np.recarray,
    world: World,
    illness: dict[str, Any],
    hospital: HospitalPlan,
    first_day: int,
) -> dict[str, Any]:
    """Return the columns of births, deaths and moves: what disease and hospitals take is taken off everybody's share.

    Parameters
    ----------
    people : rows PATIENT of the territory, for whom the published rates hold.
    world : with all its rows, those to come included.
    """
    n_people = int(world.demography[0].first_newcomer)
    tables = illness["conditions"], illness["causes"]
    losses = expected_utility_losses(people, *tables)
    if newcomers.plan is None:
        return closed_columns(parameters, world.patients, n_people, first_day, people, losses)
    return demography_columns(
        newcomers.plan,
        parameters,
        world.patients,
        world.key,
        people=people,
        first_day=first_day,
        first_newcomer=n_people,
        mortality_multipliers=expected_mortality_multipliers(people, *tables, reference_day=first_day),
        utility_losses=losses,
        hospital_deaths_per_year=expected_deaths_in_hospital(hospital) * hospital.heads,
        spend_sigma=float(world.cover[0].spend_sigma),
    )


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
    coming: np.recarray | None = None,
    n_births: int = 0,
) -> World:
    """Return a world whose geography and rates are still to be filled in: open every day, no season, nobody near.

    Parameters
    ----------
    rows : people of the start, PATIENT.
    coming : people who will arrive, PATIENT; they wait in the rows after those of the start.
    n_births : empty rows to keep after these.
    """
    people = _all_rows(rows, coming, n_births)
    n_nodes = people.size * kinds.size
    n_months, n_years = n_days // 28 + 2, n_days // 365 + 2
    n_ages = OLDEST_AGE_YEARS + 1
    episodes = zero_rows(n_nodes, EPISODE)
    episodes.event_day = NEVER
    diary = empty_diary(n_days, n_nodes)
    nothing = np.zeros((0, 0))
    counters = np.zeros(len(Counter), np.int64)
    counters[Counter.PATIENTS] = people.size - n_births
    demography = np.zeros(1, DEMOGRAPHY).view(np.recarray)
    demography.first_newcomer = rows.size
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
        local_providers=np.zeros((0, 0), np.int32),
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
        effects=neutral_effects(people.size),
        incidence=np.zeros((0, len(BAND_STARTS), 2)),
        restores=np.zeros((kinds.size, 0), np.bool_),
        first_look=np.full(DAYS_BETWEEN_LOOKS, NOBODY, np.int32),
        next_look=np.full(people.size, IN_NO_CHAIN, np.int32),
        call_rows=np.zeros(0, np.int32),
        call_causes=np.zeros(0, np.int16),
        call_contacts=np.zeros(0, np.uint8),
        stays=np.zeros(0, STAY).view(np.recarray),
        leavers=np.full(n_days, NOBODY, np.int32),
        comers=np.full(n_days, NOBODY, np.int32),
        beds=np.zeros((0, len(Ward)), np.int32),
        occupied=np.zeros((0, len(Ward)), np.int32),
        stay_share_admitted=np.zeros(len(BAND_STARTS)),
        hospital=np.zeros(1, HOSPITAL).view(np.recarray),
        stay_ages=np.zeros(len(BAND_STARTS), STAY_AGE).view(np.recarray),
        stay_log_medians=np.zeros(0),
        visitor_means=np.zeros((0, int(GeneralCause.DAY_CASE))),
        seen_since_stay=np.zeros(people.size, np.uint8),
        vital=np.zeros((n_months, len(Vital))),
        death_rates=np.zeros((n_ages, 2)),
        birth_rates=np.zeros(n_ages),
        departure_rates=np.zeros(n_ages),
        arrivals=np.zeros(0),
        demography=demography,
        motherhood=zero_rows(people.size, MOTHERHOOD),
        need_factors=np.ones(1),
        utility_norms=np.ones(n_ages),
        accounts=np.zeros(0, ACCOUNT).view(np.recarray),
        tariffs=np.zeros((0, n_days), np.int32),
        cover=np.zeros(1, COVER).view(np.recarray),
        background_cents=np.zeros((len(BAND_STARTS), 2, 1)),
        direct_access=np.zeros(kinds.size, np.uint8),
        background_acts=np.zeros((len(BAND_STARTS), 2, 1)),
        background_shares=np.zeros((0, 0, 0)),
        cover_shares=nothing,
        ledger_month_of=np.zeros(n_days, np.int16),
        spending_year_of=np.zeros(n_days, np.int16),
        spend_cents=np.zeros((n_years, 0, CARE_PAYERS), np.int32),
        billed=np.zeros((n_months, 0), np.int64),
        paid=np.zeros((n_months, 0, len(Payer)), np.int64),
        received=np.zeros((n_months, 0, 0), np.int64),
        registrations=np.zeros((n_months, len(Registration)), np.int64),
        booth_places=np.zeros(0, np.int32),
        tele_expertise=np.zeros((n_months, max(0, kinds.size - int(Kind.FIRST_SPECIALTY)), len(Expertise)), np.int64),
    )


def _all_rows(rows: np.recarray, coming: np.recarray | None, n_births: int) -> np.recarray:
    """Return the people of the start, alive, then those who will arrive, then empty rows."""
    n_coming = 0 if coming is None else coming.size
    people = zero_rows(rows.size + n_coming + n_births, PATIENT)
    people[: rows.size] = rows
    people.status[: rows.size][rows.status == Status.EXPECTED] = Status.ALIVE
    if coming is not None:
        people[rows.size : rows.size + n_coming] = coming
    for name in ("gone_on", "last_follow_up", "leaves_hospital_on"):
        people[name] = NEVER
    people.since[: rows.size] = people.since[rows.size + n_coming :] = NEVER
    people.registered_gp[rows.size + n_coming :] = NOBODY
    people.utility = 1.0
    people.spend_factor[people.spend_factor == 0.0] = 1.0  # nobody drew one: worlds made by hand, the newborn
    return people


def _table_of_offers(kinds: np.recarray, parameters: Parameters) -> np.recarray:
    """Return an empty table that holds the offers of any request: rules write into it without looking at its end."""
    of_specialists = int(kinds.n_local.max()) + 1  # and the pole
    of_practices = 2 * int(parameters["gp_reach_practices"]) + 8  # appointment and walk-in each; own practice, platform
    return np.zeros(max(MOST_OFFERS, of_specialists, of_practices), OFFER).view(np.recarray)


def _nearest_emergency(territory: Territory, travel: TravelTimes) -> NDArray[np.int32]:
    """Return the place of the nearest emergency department of each commune, shape (c,)."""
    n_communes = len(territory.communes)
    columns = n_communes + np.flatnonzero(territory.sites["has_emergency"].to_numpy(bool))
    return columns[np.argmin(travel.minutes[:, columns], axis=1)].astype(np.int32)
