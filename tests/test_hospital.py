"""Hospital: who is admitted, where, for how long, and what follows; closed forms, hand-made cases, expected totals.

Draws are addressed, so a test always sees the same ones; each comparison has a false-alarm rate of 1e-7.
"""

from __future__ import annotations

from functools import cache
from math import exp, sqrt

import numpy as np
import pytest
from scipy.stats import norm
from small_world import assert_binomial, assert_near, pack

from abm import TerritoryModel, laws
from abm.agents.calls import ask_for_bed
from abm.agents.leaving import leave
from abm.agents.needs import start_clocks
from abm.agents.stays import nights_of, receive
from abm.compiled import rule
from abm.handle import compiled
from abm.hospital_supply import (
    bed_table,
    emergency_share_of_disease,
    expected_deaths_in_hospital,
    expected_events,
    general_causes,
    plan_hospital,
    visitor_means,
)
from abm.laws import BrokenLawError
from abm.parameters import load_parameters
from abm.population import DAYS_A_YEAR
from abm.randomness import Stream, normal
from abm.records import (
    Recorder,
    all_stays,
    finished_episodes,
    with_room_for_records,
    with_room_for_stays,
)
from abm.settings import BAND_STARTS
from abm.state import (
    CAUSE,
    NEVER,
    NOBODY,
    Contact,
    Counter,
    GeneralCause,
    Kind,
    Outcome,
    Stage,
    Status,
    Vital,
    Ward,
    World,
)
from experiments.closed_forms import erlang_b
from experiments.small_worlds import go_on, hospital_world, run, small_world

PARAMETERS = load_parameters()
N_BANDS = len(BAND_STARTS)
EMERGENCY, STAY = int(Kind.EMERGENCY), int(Kind.STAY)
HERE, POLE = 0, 1  # sites of the small world
MEDICINE, SURGERY, INTENSIVE = (int(ward) for ward in Ward)
EVENT = int(GeneralCause.FIRST_EVENT)
OWN_CLOCK, DISEASE = int(Contact.OWN_CLOCK), int(Contact.DISEASE)


def nights(stays: np.recarray) -> np.ndarray:
    """Return the nights of each stay."""
    return stays.leaves_on.astype(int) - stays.admitted_on


# --- how long -------------------------------------------------------------------------------------------------------


@rule
def draw_nights(world, cause, out):
    """Write the nights of many stays."""
    for i in range(out.size):
        out[i] = nights_of(world, cause, normal(world.key, Stream.TEST, i, 0, 0))


@pytest.mark.parametrize(("mean", "sigma"), [(5.5, 0.85), (10.0, 0.6), (1.4, 1.0), (2.0, 0.3)])
def test_nights_have_the_mean_of_their_cause(mean: float, sigma: float) -> None:
    """100,000 stays: sees 1.5 % of the mean and 0.5 points of the share of single nights."""
    world = hospital_world(nights=mean, sigma=sigma)
    out = np.zeros(100_000, np.int64)
    draw_nights(compiled(world), 0, out)
    assert out.min() >= 1
    assert_near(float(out.mean()), mean, float(out.std()) / sqrt(out.size), "nights")
    single = norm.cdf(-world.stay_log_medians[0] / sigma)
    assert_binomial(int((out == 1).sum()), out.size, single, "single nights")


@pytest.mark.parametrize(("mean", "expected"), [(1.0, 1), (3.0, 3), (2.6, 3), (0.2, 1)])
def test_without_spread_every_stay_is_as_long(mean: float, expected: int) -> None:
    world = hospital_world(nights=mean, sigma=0.0)
    out = np.zeros(100, np.int64)
    draw_nights(compiled(world), 0, out)
    assert (out == expected).all()


def test_a_mean_of_one_night_is_one_night_whatever_the_spread() -> None:
    world = hospital_world(nights=1.0, sigma=0.9)
    out = np.zeros(1000, np.int64)
    draw_nights(compiled(world), 0, out)
    assert (out == 1).all()


# --- beds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "sigma"), [(0.002, 0.8), (0.05, 0.0)])
def test_plenty_of_beds_are_occupied_as_renewal_theory_says(rate: float, sigma: float) -> None:
    """M/G/infinity with a finite source: 2,000 people in turn at home, (1 - p) / p days, and in bed, the mean nights.

    On the evenings of 900 days; sees 3 % of the mean of 23 beds, 0.3 % of that of 275.
    """
    n, mean_nights, n_days, warm_up = 2000, 6.0, 1000, 100
    world = hospital_world(
        n_people=n, nights=mean_nights, sigma=sigma, n_days=n_days + 60, needs_a_day={EMERGENCY: rate}, n_stays=90_000
    )
    evenings = np.zeros(n_days)

    def note(day: int) -> None:
        evenings[day] = world.occupied[HERE].sum()

    stays = run(world, n_days, note)
    at_home = exp(-rate) / (1.0 - exp(-rate))
    expected = n * mean_nights / (mean_nights + at_home)
    long = nights(stays).astype(float)
    batches = evenings[warm_up:].reshape(20, -1).mean(axis=1)
    error = max(float(batches.std(ddof=1)) / sqrt(20), sqrt(stays.size / n_days * (long**2).mean() / 900) / 3)
    assert_near(float(evenings[warm_up:].mean()), expected, error, "beds")
    assert world.occupied[POLE].sum() == 0 and not stays.is_transfer.any()


def test_with_one_night_each_as_many_are_sent_on_as_poisson_numbers_exceed_the_beds() -> None:
    """Every bed is free each morning, so the share sent on is E[(N - b)+] / E[N] exactly; 8,000 days, sees 6 % of it.

    Three in four are people from elsewhere: an inhabitant's chance of the last bed is the same as theirs.
    """
    n, beds, n_days = 1000, 4, 8000
    rate = 0.001
    world = hospital_world(
        n_people=n,
        nights=1.0,
        beds=(beds, 0, 0),
        visitors=3.0,
        n_days=n_days + 30,
        needs_a_day={EMERGENCY: rate},
        n_stays=60_000,
    )
    stays = run(world, n_days)
    own = 1.0 - exp(-rate)
    mean = 3.0 + n * own
    number = np.arange(200)
    law = np.exp(-mean + number * np.log(mean) - np.array([np.log(np.arange(1, k + 1)).sum() for k in number]))
    excess = float((np.maximum(number - beds, 0) * law).sum()) / mean  # Poisson + nearly Poisson (binomial, p = 0.001)
    residents = stays.patient != NOBODY
    sent_on = residents & (stays.is_transfer == 1)
    # a day's fate is shared: the number sent on varies up to this much more than a binomial one
    assert_near(sent_on.sum() / residents.sum(), excess, sqrt(1.6 * excess * (1 - excess) / residents.sum()), "sent on")
    assert (stays.site[sent_on] == POLE).all() and (stays.site[residents & ~sent_on] == HERE).all()
    here = np.bincount(stays.admitted_on[stays.site == HERE], minlength=n_days)
    assert here.max() == beds
    assert_near(float(here.mean()), mean * (1.0 - excess), float(here.std()) / sqrt(n_days), "beds in use")


def test_few_beds_lose_as_erlang_says() -> None:
    """Offered 12 beds' work, ten beds: Erlang's B is 0.302, whatever the distribution of stays (long ones: 60 nights).

    20,000 days, 4,000 stays. A day's arrivals come together and stays are whole nights: that moves B by less than the
    0.01 allowed beside luck (batches are 1.1 people on average).
    """
    n, beds, mean_nights, n_days = 2000, 10, 60.0, 20_000
    rate = 0.2 / n
    world = hospital_world(
        n_people=n,
        nights=mean_nights,
        sigma=0.7,
        beds=(beds, 0, 0),
        n_days=n_days + 100,
        needs_a_day={EMERGENCY: rate},
        n_stays=9000,
    )
    stays = run(world, n_days)
    stays = stays[stays.admitted_on >= 500]
    offered = 0.2 * mean_nights
    blocked = erlang_b(beds, offered)
    batch = (stays.admitted_on.astype(int) - 500) * 39 // (n_days - 500)
    by_batch = np.array([stays.is_transfer[batch == b].mean() for b in range(39)])
    error = float(by_batch.std(ddof=1)) / sqrt(39)
    assert error < 0.012
    assert abs(float(stays.is_transfer.mean()) - blocked) < 0.01 + 5.4 * error
    assert world.occupied[HERE, MEDICINE] <= beds


def test_beds_are_never_over_capacity_and_occupants_are_those_whose_stay_goes_on() -> None:
    world = hospital_world(
        n_people=300, nights=4.0, sigma=0.8, beds=(6, 2, 1), visitors=0.7, n_days=400, needs_a_day={EMERGENCY: 0.01}
    )
    world.hospital.emergency_surgery_share, world.hospital.emergency_intensive_share = 0.3, 0.1
    found = np.zeros_like(world.occupied)

    def check(day: int) -> None:
        found[:] = 0
        assert laws.recount_beds(handle, day, found) == NOBODY
        assert np.array_equal(found, world.occupied) and (world.occupied[HERE] <= world.beds[HERE]).all()

    handle = compiled(world)
    start_clocks(handle)
    stays = go_on(world, handle, range(300), check)
    assert (world.occupied[HERE] > 0).any() and stays.is_transfer.sum() > 50
    in_bed = stays[(stays.leaves_on > 299) & (stays.patient != NOBODY)]
    assert in_bed.size > 0 and np.unique(in_bed.patient).size == in_bed.size
    assert np.array_equal(world.patients.leaves_hospital_on[in_bed.patient], in_bed.leaves_on - 1)
    starts = np.sort(stays[stays.patient != NOBODY], order=["patient", "admitted_on"])
    again = starts.patient[1:] == starts.patient[:-1]
    assert (starts.admitted_on[1:][again] >= starts.leaves_on[:-1][again]).all(), "nobody is in two beds"


def one_bed(persons: np.ndarray) -> np.ndarray:
    """Let people ask for one bed each morning, 1,000 days; return who had it, by person."""
    n, n_days = persons.size, 1000
    world = hospital_world(
        n_people=n, nights=1.0, beds=(1, 0, 0), n_days=n_days + 20, needs_a_day={EMERGENCY: 60.0}, n_stays=n * n_days
    )
    world.patients.person[:] = persons
    stays = run(world, n_days)
    assert stays.size == n * n_days
    return world.patients.person[stays.patient[stays.site == HERE]]


def test_nobody_owes_the_last_bed_to_his_row() -> None:
    """Each of forty has it as often as another, and the same day when the rows are turned round."""
    winners = one_bed(np.arange(40))
    assert winners.size == 1000
    counts = np.bincount(winners, minlength=40)
    assert_near(float(((counts - 25.0) ** 2).sum() / 25.0), 39.0, sqrt(78.0), "chi-square")
    assert np.array_equal(one_bed(np.arange(40)[::-1]), winners)


# --- who and where -------------------------------------------------------------------------------------------------


def test_the_admitted_share_is_that_of_the_age() -> None:
    """2,000 people in each of two age bands, 300 days: 30,000 visits each, sees 1.5 points."""
    n, n_days = 4000, 300
    world = hospital_world(n_people=n, nights=1.0, n_days=n_days + 40, needs_a_day={EMERGENCY: 0.05})
    world.patients.birth_day[n // 2 :] = -90 * 366
    world.stay_share_admitted[:] = 0.15
    world.stay_share_admitted[-1] = 0.6
    stays = run(world, n_days)
    visits = finished_episodes(world)
    for part, share in ((0, 0.15), (1, 0.6)):
        came = int((visits.patient // (n // 2) == part).sum())
        assert_binomial(int((stays.patient // (n // 2) == part).sum()), came, share, f"part {part}")
    assert (stays.by_emergency == 1).all() and not stays.is_transfer.any()


def test_planned_stays_are_day_cases_surgery_and_medicine() -> None:
    """4,000 people, 300 days: 23,000 stays, sees 2 points of each share; day cases take no bed."""
    n, n_days = 4000, 300
    world = hospital_world(n_people=n, nights=1.0, beds=(2000, 2000, 0), n_days=n_days + 40, needs_a_day={STAY: 0.02})
    world.stay_ages.day_case_share, world.hospital.planned_surgery_share = 0.4, 0.25
    stays = run(world, n_days)
    shares = {GeneralCause.DAY_CASE: 0.4, GeneralCause.PLANNED_SURGERY: 0.15, GeneralCause.PLANNED_MEDICINE: 0.45}
    for cause, share in shares.items():
        assert_binomial(int((stays.cause == cause).sum()), stays.size, share, cause.name)
    assert_binomial(stays.size, n * n_days, 1.0 - exp(-0.02), "planned stays")
    day_case = stays.cause == GeneralCause.DAY_CASE
    assert (nights(stays)[day_case] == 0).all() and (nights(stays)[~day_case] == 1).all()
    assert (stays.ward[stays.cause == GeneralCause.PLANNED_SURGERY] == SURGERY).all()
    last = stays.admitted_on == n_days - 1
    assert world.occupied[HERE].sum() == (last & ~day_case).sum(), "no bed for day cases"
    assert finished_episodes(world).size == 0 and not stays.by_emergency.any()


def test_emergencies_are_spread_over_the_wards() -> None:
    """20,000 stays: sees 2 points."""
    world = hospital_world(n_people=2000, nights=1.0, n_days=240, needs_a_day={EMERGENCY: 0.05})
    world.hospital.emergency_surgery_share, world.hospital.emergency_intensive_share = 0.2, 0.05
    stays = run(world, 200)
    for ward, share in ((MEDICINE, 0.75), (SURGERY, 0.2), (INTENSIVE, 0.05)):
        assert_binomial(int((stays.ward == ward).sum()), stays.size, share, f"ward {ward}")


def test_what_cannot_be_treated_here_goes_to_the_pole_and_is_no_transfer() -> None:
    """20,000 stays: sees 2 points; a ward that the hospital lacks sends everybody."""
    world = hospital_world(n_people=2000, nights=1.0, beds=(1000, 0, 0), n_days=240, needs_a_day={EMERGENCY: 0.05})
    world.causes.p_local[GeneralCause.EMERGENCY] = 0.7
    world.hospital.emergency_surgery_share = 0.1
    stays = run(world, 200)
    surgery = stays.ward == SURGERY
    assert (stays.site[surgery] == POLE).all() and not stays.is_transfer.any()
    assert_binomial(int((stays.site[~surgery] == HERE).sum()), int((~surgery).sum()), 0.7, "treated here")


def test_the_nearest_pole_with_the_ward_is_taken() -> None:
    world = hospital_world(n_people=50, nights=1.0, beds=(0, 0, 0), n_days=60, needs_a_day={EMERGENCY: 0.2})
    world = world._replace(
        minutes=np.array([[0.0, 5.0, 30.0, 20.0, 25.0]]),
        beds=np.array([[0, 0, 0], [NOBODY] * 3, [0, NOBODY, NOBODY], [NOBODY] * 3], np.int32),
        occupied=np.zeros((4, 3), np.int32),
        visitor_means=np.zeros((4, 3)),
    )
    stays = run(world, 40)
    assert stays.size > 100 and (stays.site == 3).all(), "20 minutes but no medicine, 25 minutes, 30 minutes"


def test_without_any_bed_people_are_sent_home() -> None:
    world = hospital_world(n_people=50, nights=1.0, beds=(0, 0, 0), n_days=60, needs_a_day={EMERGENCY: 0.2})
    world.beds[POLE] = 0
    assert run(world, 40).size == 0 and finished_episodes(world).size > 100


def test_a_world_without_hospitals_admits_nobody() -> None:
    world = with_room_for_records(small_world(n_people=50, n_kinds=5, needs_a_day={EMERGENCY: 0.2, STAY: 0.2}), 10_000)
    assert run(world, 40).size == 0


# --- events of diseases -----------------------------------------------------------------------------------------------


def call(world: World, handle, rows, cause: int, contact: int) -> None:
    """Put people on the list as another step would."""
    for row in rows:
        ask_for_bed(handle, row, cause, contact)


def test_a_disease_event_is_always_admitted_and_comes_by_its_own_share() -> None:
    """3,000 events: sees 5 points of the share by the emergency department."""
    world = hospital_world(n_people=3000, nights=2.0, n_events=1, n_days=60)
    world.stay_share_admitted[:] = 0.0
    world.causes.p_emergency[EVENT], world.causes.ward[EVENT] = 0.7, INTENSIVE
    handle = compiled(world)
    call(world, handle, range(3000), EVENT, DISEASE)
    receive(handle, 5)
    stays, visits = all_stays(world), finished_episodes(world)
    assert stays.size == 3000 and (stays.cause == EVENT).all() and (stays.ward == INTENSIVE).all()
    assert_binomial(int(stays.by_emergency.sum()), 3000, 0.7, "by the emergency department")
    assert np.array_equal(np.sort(visits.patient), np.sort(stays.patient[stays.by_emergency == 1]))
    assert (visits.contact == DISEASE).all() and (visits.outcome == Outcome.SERVED).all()
    assert world.counters[Counter.OPENED] == visits.size and world.counters[Counter.CALLS] == 0


def test_who_is_dead_gone_or_in_a_bed_is_not_admitted() -> None:
    world = hospital_world(n_people=4, nights=2.0, n_events=1, n_days=60)
    world.patients.status[:3] = [Status.DEAD, Status.DEPARTED, Status.EXPECTED]
    handle = compiled(world)
    call(world, handle, [0, 1, 2, 3, 3, 3], EVENT, DISEASE)
    receive(handle, 5)
    call(world, handle, [3], EVENT, DISEASE)
    receive(handle, 6)
    assert all_stays(world).patient.tolist() == [3] and world.patients.leaves_hospital_on[3] == 6
    assert world.occupied.sum() == 1


# --- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age_ratio", [1.0, 1.5])
def test_a_drawn_share_dies_at_the_end_of_the_stay(age_ratio: float) -> None:
    """3,000 admitted on one day: sees 5 points; the dead ask for nothing any more."""
    n = 3000
    world = hospital_world(n_people=n, nights=3.0, n_days=100, needs_a_day={Kind.GP_PREVENTIVE: 0.01})
    world.causes.p_death[GeneralCause.EMERGENCY] = 0.2
    world.stay_ages.death_ratio = age_ratio
    handle = compiled(world)
    start_clocks(handle)
    call(world, handle, range(n), GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 0)
    go_on(world, handle, range(1, 3))
    assert (world.patients.status == Status.ALIVE).all() and world.occupied[HERE, MEDICINE] == n
    stays = go_on(world, handle, range(3, 6))
    dead = world.patients.status == Status.DEAD
    assert_binomial(int(dead.sum()), n, 0.2 * age_ratio, "deaths")
    assert np.array_equal(dead, stays.ends_in_death[np.argsort(stays.patient)] == 1)
    assert (world.patients.gone_on[dead] == 3).all() and (world.patients.gone_on[~dead] == NEVER).all()
    assert world.vital[:, Vital.DEATHS].sum() == world.vital[:, Vital.DEATHS_IN_HOSPITAL].sum() == dead.sum()
    assert world.occupied.sum() == 0
    before = finished_episodes(world).size
    go_on(world, handle, range(6, 60))
    later = finished_episodes(world)[before:]
    assert later.size > 500 and not dead[later.patient].any()


def test_the_event_of_a_disease_has_its_own_death_share_at_every_age() -> None:
    world = hospital_world(n_people=3000, nights=1.0, n_events=1, n_days=60)
    world.causes.p_death[EVENT], world.stay_ages.death_ratio = 0.3, 0.0
    handle = compiled(world)
    call(world, handle, range(3000), EVENT, DISEASE)
    receive(handle, 5)
    assert_binomial(int(all_stays(world).ends_in_death.sum()), 3000, 0.3, "deaths")


@pytest.mark.parametrize("status", [Status.DEAD, Status.DEPARTED])
def test_who_dies_or_moves_in_the_midst_of_a_stay_frees_the_bed_that_evening(status: Status) -> None:
    """Five in beds until the same morning; the first, the middle and the last of the chain go, the others stay."""
    world = hospital_world(n_people=6, nights=8.0, beds=(5, 0, 0), n_days=60)
    handle = compiled(world)
    call(world, handle, range(5), GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 2)
    order = all_stays(world).patient.tolist()
    gone = [order[0], order[2], order[4]]
    for row in gone:
        leave(handle, row, 4, int(status))
    assert world.occupied[HERE, MEDICINE] == 2
    stays = all_stays(world)
    assert (stays.leaves_on[[0, 2, 4]] == 4).all() and (stays.leaves_on[[1, 3]] == 10).all()
    assert (stays.ends_in_death[[0, 2, 4]] == (status == Status.DEAD)).all()
    assert world.vital[:, Vital.DEATHS_IN_HOSPITAL].sum() == (3 if status == Status.DEAD else 0)
    found = np.zeros_like(world.occupied)
    assert laws.recount_beds(handle, 4, found) == NOBODY and np.array_equal(found, world.occupied)
    call(world, handle, [5], GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 5)
    assert world.occupied[HERE, MEDICINE] == 3 and all_stays(world).site[-1] == HERE
    go_on(world, handle, range(5, 30))
    assert world.occupied.sum() == 0 and (world.patients.status[gone] == status).all()


def test_those_who_leave_ask_for_a_general_practitioner_at_once() -> None:
    """3,000 leave on a Saturday: a drawn share, sees 5 points, is seen on Monday; nobody else asks."""
    n = 3000
    world = hospital_world(n_people=n, nights=5.0, n_days=60, closed=(5, 6), seconds_a_day=n)
    world.hospital.follow_up_share = 0.4
    world.kinds.wish_days = 20.0
    handle = compiled(world)
    call(world, handle, range(n), GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 0)
    go_on(world, handle, range(1, 12))
    visits = finished_episodes(world)
    assert_binomial(visits.size, n, 0.4, "follow-up")
    assert (visits.kind == Kind.GP_FOLLOW_UP).all() and (visits.outcome == Outcome.SERVED).all()
    assert (visits.asked_on == 7).all() and (visits.wished_days == 0).all() and (visits.appointment_on == 7).all()
    assert np.array_equal(np.flatnonzero(world.seen_since_stay), np.sort(visits.patient))


def test_a_request_that_is_open_is_not_doubled_by_leaving_hospital() -> None:
    world = hospital_world(n_people=1, nights=2.0, n_days=60)
    world.hospital.follow_up_share = 1.0
    handle = compiled(world)
    episode = world.episodes[int(Kind.GP_FOLLOW_UP)]
    episode.stage, episode.event_day, episode.asked_on, episode.wished_days = Stage.ASKING, 30, 1, 29
    call(world, handle, [0], GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 0)
    go_on(world, handle, range(1, 5))
    assert (episode.stage, episode.event_day, episode.wished_days) == (Stage.ASKING, 30, 29)


def test_appointments_that_fall_into_a_stay_are_withdrawn_and_their_time_is_free() -> None:
    world = hospital_world(n_people=1, nights=6.0, n_days=60, seconds_a_day=5)
    handle = compiled(world)
    node = int(Kind.GP_PREVENTIVE)
    world.episodes.stage[node], world.episodes.provider[node], world.episodes.seconds[node] = Stage.BOOKED, 0, 2
    world.episodes.appointment_on[node] = 4
    world.free[0, 4] -= 2
    from abm.environment.diary import remind

    remind(handle, world.visits, node, 4)
    call(world, handle, [0], GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 0)
    go_on(world, handle, range(1, 10))
    rows = finished_episodes(world)
    assert rows.size == 1 and rows.outcome[0] == Outcome.WITHDRAWN and rows.contact[0] == Contact.IN_HOSPITAL
    assert world.free[0, 4] == 5


# --- coming back ------------------------------------------------------------------------------------------------------


def returning(n: int, share: float, ratio: float, seen: float, seconds_a_day: int) -> tuple[World, np.recarray]:
    """Admit everybody on day 0 for two nights; return the world and the stays after 45 days."""
    world = hospital_world(n_people=n, nights=2.0, n_days=120, seconds_a_day=seconds_a_day)
    world.causes.p_readmission[GeneralCause.PLANNED_SURGERY] = share  # emergencies: 0, so that nobody comes twice
    world.stay_ages.day_case_share, world.hospital.planned_surgery_share = 0.0, 1.0
    world.hospital.readmission_ratio, world.hospital.follow_up_share = ratio, seen
    world.seen_since_stay[:] = 1  # before the stay: does not count
    handle = compiled(world)
    call(world, handle, range(n), GeneralCause.PLANNED_MEDICINE, OWN_CLOCK)
    receive(handle, 0)
    return world, go_on(world, handle, range(1, 45))


def test_a_drawn_share_comes_back_within_thirty_days() -> None:
    """10,000 leave on day 2: sees 2.5 points of the share; every day of the thirty is as likely as another."""
    n, share = 10_000, 0.3
    world, stays = returning(n, share, 0.5, 0.0, 0)
    back = stays[stays.is_readmission == 1]
    assert stays.size == n + back.size
    assert_binomial(back.size, n, share, "readmissions")
    assert back.admitted_on.min() == 3 and back.admitted_on.max() == 32
    expected = back.size / 30
    statistic = float(((np.bincount(back.admitted_on - 3, minlength=30) - expected) ** 2).sum() / expected)
    assert_near(statistic, 29.0, sqrt(58.0), "chi-square of days")
    assert (back.cause == GeneralCause.EMERGENCY).all() and (back.by_emergency == 1).all()
    visits = finished_episodes(world)
    assert visits.size == back.size and (visits.contact == Contact.READMISSION).all()


@pytest.mark.parametrize("ratio", [1.0, 0.6, 0.0])
def test_a_visit_to_a_general_practitioner_averts_a_share_of_returns(ratio: float) -> None:
    """10,000 leave, all are seen the same day: sees 2.5 points; who comes back without a visit would come with one."""
    n, share = 10_000, 0.3
    _, without = returning(n, share, ratio, 0.0, 0)
    world, seen = returning(n, share, ratio, 1.0, n)
    back = seen[seen.is_readmission == 1]
    assert_binomial(back.size, n, share * ratio, "readmissions")
    among = without.patient[without.is_readmission == 1]
    assert np.isin(back.patient, among).all(), "the same people and days, fewer of them"
    if ratio == 1.0:
        assert back.size == among.size
    if ratio == 0.0:
        assert world.seen_since_stay.all() and back.size == 0


def test_nobody_comes_back_from_the_dead_or_from_away() -> None:
    world = hospital_world(n_people=200, nights=1.0, n_days=120)
    world.causes.p_readmission[:] = 1.0
    handle = compiled(world)
    call(world, handle, range(200), GeneralCause.EMERGENCY, OWN_CLOCK)
    receive(handle, 0)
    go_on(world, handle, range(1, 2))
    for row in range(100):
        leave(handle, row, 1, int(Status.DEAD if row % 2 else Status.DEPARTED))
    stays = go_on(world, handle, range(2, 40))
    assert (stays.patient[stays.is_readmission == 1] >= 100).all()
    assert np.unique(stays.patient[stays.is_readmission == 1]).size == 100


def test_the_event_of_a_disease_comes_back_as_itself() -> None:
    world = hospital_world(n_people=300, nights=1.0, n_events=2, n_days=120)
    world.causes.p_readmission[EVENT + 1] = 1.0
    handle = compiled(world)
    call(world, handle, range(300), EVENT + 1, DISEASE)
    receive(handle, 0)
    stays = go_on(world, handle, range(1, 32))
    back = stays[stays.is_readmission == 1]
    assert back.size >= 300 and (back.cause == EVENT + 1).all() and (back.by_emergency == 1).all()


# --- minimally different worlds ------------------------------------------------------------------------------------


def table(world: World, stays: np.recarray) -> set[tuple]:
    """Return the stays without their rows."""
    person = np.where(stays.patient >= 0, world.patients.person[stays.patient], -1)
    names = ("admitted_on", "leaves_on", "site", "cause", "ward", "is_transfer", "is_readmission", "ends_in_death")
    return set(zip(person.tolist(), *(stays[name].tolist() for name in names), strict=True))


def crowded(n_people: int, beds: int) -> tuple[World, set[tuple]]:
    world = hospital_world(
        n_people=n_people,
        nights=4.0,
        sigma=0.8,
        beds=(beds, beds, beds),
        visitors=0.5,
        n_days=300,
        needs_a_day={EMERGENCY: 0.01, STAY: 0.01},
    )
    world.causes.p_readmission[:], world.causes.p_death[:], world.causes.p_local[:] = 0.2, 0.05, 0.8
    return world, table(world, run(world, 200))


def test_one_more_changes_nobody_while_beds_are_free() -> None:
    """With needs of his own; where beds are short, he takes some from others."""
    (_, alone), (_, more) = crowded(60, 200), crowded(61, 200)
    assert {row for row in more if row[0] != 60} == alone and len(more) > len(alone)
    (_, alone), (_, more) = crowded(60, 2), crowded(80, 2)
    assert {row for row in more if row[0] < 60} != alone


def test_people_from_elsewhere_owe_nothing_to_the_inhabitants() -> None:
    """0.5 a day over 200 days; with twice the inhabitants the same people come on the same days."""
    (_, few), (_, many) = crowded(60, 200), crowded(120, 200)
    visitors = {row for row in few if row[0] == -1}
    assert visitors == {row for row in many if row[0] == -1}
    assert 60 < len(visitors) < 145


def test_people_from_elsewhere_come_in_poisson_numbers() -> None:
    """5,000 days: sees 2.5 % of the mean; the second cause has a stream of its own."""
    world = hospital_world(nights=1.0, visitors=1.7, n_days=5020)
    world.visitor_means[HERE, GeneralCause.PLANNED_SURGERY] = 0.4
    stays = run(world, 5000)
    assert (stays.patient == NOBODY).all()
    for cause, mean in ((GeneralCause.EMERGENCY, 1.7), (GeneralCause.PLANNED_SURGERY, 0.4)):
        counts = np.bincount(stays.admitted_on[stays.cause == cause], minlength=5000)
        assert_near(float(counts.mean()), mean, sqrt(mean / 5000), cause.name)
        assert_near(float(counts.var()), mean, mean * sqrt((2.0 + 1.0 / mean) / 5000), "variance")
    assert (stays.ward[stays.cause == GeneralCause.PLANNED_SURGERY] == SURGERY).all()


def test_people_from_elsewhere_stay_as_long_as_they_need_each() -> None:
    """2,000 days, some 500 of them with two: their nights are unrelated, sees a correlation of 0.25."""
    world = hospital_world(nights=6.0, sigma=0.8, visitors=1.0, n_days=2200)
    stays = run(world, 2000)
    first = np.flatnonzero(np.diff(stays.admitted_on.astype(int), prepend=-1) > 0)
    number = np.diff(np.append(first, stays.size))
    pairs = np.log(nights(stays)[first[number == 2][:, None] + np.arange(2)])
    assert len(pairs) > 300
    assert_near(float(np.corrcoef(pairs.T)[0, 1]), 0.0, 1.0 / sqrt(len(pairs)), "correlation")
    assert_near(float(nights(stays).mean()), 6.0, float(nights(stays).std()) / sqrt(stays.size), "nights")


def test_the_table_of_stays_grows_and_keeps_what_it_has() -> None:
    world = hospital_world(n_people=20, nights=2.0, n_days=60, needs_a_day={EMERGENCY: 0.1}, n_stays=0)
    assert not Recorder.needs_room_for_stays(world)
    stays = run(world, 30).copy()
    assert stays.size > 20 and Recorder.needs_room_for_stays(world)
    grown = with_room_for_stays(world, 3 * world.stays.size)
    assert not Recorder.needs_room_for_stays(grown) and np.array_equal(all_stays(grown), stays)
    go_on(grown, compiled(grown), range(30, 50))
    assert grown.occupied.sum() <= 20 and np.array_equal(all_stays(grown)[: stays.size].patient, stays.patient)


# --- what is expected -------------------------------------------------------------------------------------------------


@cache
def inhabitants() -> TerritoryModel:
    return TerritoryModel("tiny", rng=1, days=10, warm_up_days=0, follow_up_days=0)


def own_clock() -> np.ndarray:
    """Return emergencies a day of the own clock before anything is taken off, by age band."""
    from abm.settings import _emergency_rates

    base = np.zeros((5, N_BANDS, 2))
    _emergency_rates(base, PARAMETERS)
    return base[EMERGENCY, :, 0] / DAYS_A_YEAR


def made_up_events() -> np.recarray:
    """Two events of the third condition: one comes by the emergency department, one is a day case."""
    events = np.zeros(2, CAUSE).view(np.recarray)
    events.condition, events.rate = 2, [0.3 / DAYS_A_YEAR, 0.2 / DAYS_A_YEAR]
    events.p_emergency, events.is_day_case = [0.8, 0.0], [0, 1]
    events.stay_days, events.stay_sigma, events.p_local = [10.0, 0.0], 0.5, 0.6
    events.p_death, events.p_readmission = [0.1, 0.0], [0.2, 0.0]
    return events


def plan_of(parameters=PARAMETERS, events=None):
    rows = inhabitants().arrays.patients
    return plan_hospital(rows, own_clock(), parameters, reference_day=0, events=events)


@pytest.mark.parametrize("with_events", [False, True])
def test_all_paths_together_come_to_the_published_totals(with_events: bool) -> None:
    plan = plan_of(events=made_up_events() if with_events else None)
    n = plan.heads.sum()
    with_night = plan.causes.is_day_case == 0
    per_head = plan.stays @ plan.heads / n
    assert per_head[with_night].sum() == pytest.approx(PARAMETERS["mco_overnight_stays_per_capita"], rel=1e-9)
    assert per_head[GeneralCause.DAY_CASE] == pytest.approx(
        PARAMETERS["mco_stays_per_capita"] - PARAMETERS["mco_overnight_stays_per_capita"]
    )
    mean_nights = (per_head * plan.causes.stay_days)[with_night].sum() / per_head[with_night].sum()
    assert mean_nights == pytest.approx(PARAMETERS["mco_mean_length_of_stay"], rel=1e-9)
    first = plan.stays - plan.readmissions
    by_disease = (plan.causes.p_emergency[:, None] * first)[EVENT:].sum(axis=0) + plan.readmissions.sum(axis=0)
    clock = own_clock() * DAYS_A_YEAR * plan.own_emergency_share
    diverted = plan.emergency_visits * PARAMETERS["ed_share_access_difficulty"]
    assert clock + diverted + by_disease == pytest.approx(plan.emergency_visits, rel=1e-6), "visits, at every age"
    admitted = first[GeneralCause.EMERGENCY] + by_disease
    share = (admitted @ plan.heads) / (plan.emergency_visits @ plan.heads)
    assert share == pytest.approx(1.0 - PARAMETERS["ed_share_discharged_home"], rel=1e-6)
    unable = diverted * PARAMETERS["emergency_split_wait_dependent"]
    spared = (1.0 - PARAMETERS["emergency_admitted_ratio_without_access"]) * unable
    assert first[GeneralCause.EMERGENCY] == pytest.approx(plan.admitted_share * (clock + diverted - spared), rel=1e-6)
    planned = plan.planned_rate * DAYS_A_YEAR * (1.0 - plan.ages.day_case_share)
    assert planned == pytest.approx(plan.stays[1:3].sum(axis=0), rel=1e-9) and (planned > 0).all()
    assert (np.diff(plan.admitted_share[2:]) >= 0).all(), "the older, the more often"


def test_readmissions_are_those_of_all_who_leave_alive() -> None:
    plan = plan_of(events=made_up_events())
    shares = np.minimum(plan.causes.p_death[:, None] * np.where(np.arange(6)[:, None] < 4, plan.ages.death_ratio, 1), 1)
    back = plan.causes.p_readmission[:, None] * plan.stays * (1.0 - shares)
    assert plan.readmissions[GeneralCause.EMERGENCY] == pytest.approx(back[:4].sum(axis=0), rel=1e-6)
    assert plan.readmissions[EVENT] == pytest.approx(back[EVENT], rel=1e-6)
    assert plan.stays[EVENT] == pytest.approx((plan.stays - plan.readmissions)[EVENT] / (1.0 - 0.2 * 0.9), rel=1e-6)
    deaths = expected_deaths_in_hospital(plan)
    assert deaths == pytest.approx((plan.stays * shares).sum(axis=0))
    all_deaths = float((shares[0] * plan.stays[0]) @ plan.heads / (plan.stays[0] @ plan.heads))
    assert all_deaths == pytest.approx(PARAMETERS["hospital_death_share[emergency]"], rel=1e-6)


def test_events_expected_are_those_of_the_ill() -> None:
    rows = inhabitants().arrays.patients.copy().view(np.recarray)
    rows.conditions[:] = 0
    rows.conditions[:300] = 0b100
    rows.birth_day[:400] = -70 * 366
    rows.birth_day[400:] = -30 * 366
    found = expected_events(made_up_events(), rows, 0)
    assert found[0, 7] == pytest.approx(0.3 * 300 / 400) and found[1, 7] == pytest.approx(0.2 * 300 / 400)
    assert found.sum() == pytest.approx(0.5 * 300 / 400)


def test_the_own_clock_leaves_room_for_disease_but_not_all_of_it() -> None:
    share = emergency_share_of_disease(np.array([0.0, 0.1, 0.19, 0.5]), np.array([0.2, 0.2, 0.2, 0.2]), 0.3)
    assert share == pytest.approx([1.0, 0.5, 0.3, 0.3])
    assert emergency_share_of_disease(np.zeros(2), np.zeros(2), 0.3) == pytest.approx([1.0, 1.0])


def test_beds_are_those_of_the_pack() -> None:
    sites = pack("saverne").sites.set_index("site")
    table = dict(zip(sites.index, bed_table(sites, 1.0).tolist(), strict=True))
    assert table["670000165"] == [168, 48, 8]
    assert table["670000215"] == table["SARRE_UNION"] == table["670013895"] == [0, 0, 0], "not known: nobody goes there"
    assert table["670000157"] == table["570000901"] == [NOBODY] * 3, "poles are never full"
    assert table["670000033"] == [0, 0, 0], "a cancer centre without emergency department is no pole for beds"
    small = dict(zip(sites.index, bed_table(sites, 0.05).tolist(), strict=True))
    assert small["670000165"] == [8, 2, 1] and small["670000157"] == [NOBODY] * 3


def test_people_from_elsewhere_fill_the_beds_to_the_usual() -> None:
    """By hand, for a hospital whose 2,000 inhabitants are known: beds taken by them and by people from elsewhere."""
    territory, plan = pack("tiny"), plan_of()
    beds = bed_table(territory.sites, 1.0)
    beds[0] = [40, 20, 4]
    near = np.zeros((2, N_BANDS))
    near[0] = plan.heads
    means = visitor_means(plan, territory.sites, beds, near, PARAMETERS, 1.0)
    assert (means[1] == 0).all(), "a pole needs none"
    here = plan.stays @ plan.heads * plan.causes.p_local
    assert means[0, 0] == pytest.approx((170 - here[0]) / DAYS_A_YEAR)
    emergencies = here[0] / DAYS_A_YEAR + means[0, 0]
    nights = plan.causes.stay_days
    surgery_share, intensive_share = PARAMETERS["emergency_surgery_share"], PARAMETERS["emergency_intensive_share"]
    taken = np.array(
        [
            (1 - surgery_share - intensive_share) * emergencies * nights[0]
            + (here[1] / DAYS_A_YEAR + means[0, 1]) * nights[1],
            surgery_share * emergencies * nights[0] + (here[2] / DAYS_A_YEAR + means[0, 2]) * nights[2],
        ]
    )
    assert taken == pytest.approx(0.75 * np.array([40, 20]))
    beds[0] = [1, 1, 1]
    assert (visitor_means(plan, territory.sites, beds, near, PARAMETERS, 1.0)[0, 1:] == 0).all(), "never below zero"
    half = visitor_means(plan, territory.sites, beds, near / 2, PARAMETERS, 0.5)
    assert half[0, 0] == pytest.approx(means[0, 0] / 2)


def test_general_causes_stand_in_their_order() -> None:
    causes = general_causes(PARAMETERS)
    assert causes.size == EVENT and (causes.condition == NOBODY).all()
    assert causes.is_day_case.tolist() == [0, 0, 0, 1] and causes.ward.tolist() == [0, 0, 1, 0]
    assert causes.p_emergency.tolist() == [1, 0, 0, 0] and causes.p_readmission[GeneralCause.DAY_CASE] == 0
    assert causes.p_death[0] == PARAMETERS["hospital_death_share[emergency]"]


# --- a territory ------------------------------------------------------------------------------------------------------


@cache
def territory_run() -> TerritoryModel:
    model = TerritoryModel(
        "tiny", rng=6, days=900, warm_up_days=60, follow_up_days=0, readmission_ratio_after_gp_visit=1.0,
        demography=False,
    )  # fmt: skip
    model.run_to_end()
    return model


def test_a_territory_has_the_planned_stays_it_expects() -> None:
    """2,000 people, 960 days: 1,200 planned stays, sees 16 %. Who lies in hospital, or dies, has fewer: within 3 %."""
    model = territory_run()
    stays, world = model.records().stays, model.arrays
    n = world.patients.size
    rates = world.rates[STAY, world.patients.age_band, 0] * world.patients.need_factor
    expected = float(rates.sum()) * model.day
    planned = (stays.patient != NOBODY) & (stays.cause != GeneralCause.EMERGENCY)
    planned &= stays.cause < GeneralCause.FIRST_EVENT
    assert expected > 1000 and n == 2000
    assert abs(planned.sum() - expected) < 5.4 * sqrt(expected) + 0.03 * expected


def test_a_territory_admits_the_share_of_its_visits_that_it_expects() -> None:
    """1,700 visits: sees 5 points."""
    model = territory_run()
    records, world = model.records(), model.arrays
    visits = records.episodes.kind == EMERGENCY
    readmitted = visits & (records.episodes.contact == Contact.READMISSION)
    share = world.stay_share_admitted[world.patients.age_band[records.episodes.patient[visits & ~readmitted]]]
    own = (records.stays.cause == GeneralCause.EMERGENCY) & (records.stays.patient != NOBODY)
    own &= records.stays.is_readmission == 0
    assert_near(int(own.sum()), float(share.sum()), sqrt(float((share * (1 - share)).sum())) + 3.0, "admitted")
    assert int(readmitted.sum()) == int((records.stays.is_readmission == 1).sum()) > 20


def test_the_agent_tells_what_the_columns_hold() -> None:
    model = territory_run()
    hospital, stays, world = model.hospital, model.records().stays, model.arrays
    assert hospital is not None and hospital.is_inside
    assert hospital.beds_by_ward == {"medicine": 6, "surgery": 2, "intensive": 1} and hospital.beds == 9
    evening = model.day - 1
    goes_on = (stays.site == hospital.row) & (stays.leaves_on > evening)
    assert hospital.occupied == goes_on.sum() == sum(hospital.occupied_by_ward.values()) > 0
    assert hospital.occupancy == pytest.approx(goes_on.sum() / 9)
    assert hospital.n_stays == (stays.site == hospital.row).sum() > 500
    assert hospital.transfers == stays.is_transfer.sum() > 20, "all residents are nearest to it"
    pole = next(h for h in model.hospitals if not h.is_inside)
    assert pole.beds is None and np.isnan(pole.occupancy) and pole.transfers == 0
    assert pole.n_stays + hospital.n_stays == stays.size
    in_bed = (stays.leaves_on > evening) & (stays.patient != NOBODY)
    assert (world.patients.status[stays.patient[in_bed]] == Status.ALIVE).all()


def test_deaths_in_hospital_are_among_the_deaths() -> None:
    model = TerritoryModel("tiny", rng=6, days=500, warm_up_days=30, follow_up_days=0)
    model.run_to_end()
    stays, world = model.records().stays, model.arrays
    deaths = int(((stays.ends_in_death == 1) & (stays.leaves_on < model.day)).sum())
    assert world.vital[:, Vital.DEATHS_IN_HOSPITAL].sum() == deaths > 3
    assert (world.patients.status == Status.DEAD).sum() == world.vital[:, Vital.DEATHS].sum() >= deaths


def broken(match: str, column: np.ndarray, at: object, value: object) -> dict:
    """Set a value, expect the law to break, put it back; return its numbers."""
    model, before = territory_run(), np.array(column[at])
    column[at] = value
    try:
        with pytest.raises(BrokenLawError, match=match) as caught:
            laws.beds(model)
    finally:
        column[at] = before
    laws.beds(model)
    return caught.value.numbers


def test_the_law_notices_a_bed_that_nobody_lies_in() -> None:
    world = territory_run().arrays
    numbers = broken("stays that go on", world.occupied, (0, 1), world.occupied[0, 1] + 1)
    assert numbers["site"] == 0 and numbers["ward"] == 1 and numbers["occupied"] == numbers["stays"] + 1


def test_the_law_notices_more_in_beds_than_there_are() -> None:
    world = territory_run().arrays
    ward = int(np.argmax(world.occupied[0]))
    numbers = broken("beds occupied <= beds", world.beds, (0, ward), int(world.occupied[0, ward]) - 1)
    assert numbers["occupied"] == numbers["beds"] + 1


@pytest.mark.parametrize("status", [Status.DEAD, Status.DEPARTED])
def test_the_law_notices_the_dead_in_a_bed(status: Status) -> None:
    world, stays = territory_run().arrays, territory_run().records().stays
    patient = int(stays.patient[(stays.leaves_on >= territory_run().day) & (stays.patient != NOBODY)][0])
    numbers = broken("is alive", world.patients.status, patient, int(status))
    assert numbers["patient"] == patient and numbers["status"] == status.name.lower()
    broken("leaves with the stay", world.patients.leaves_hospital_on, patient, NEVER)


# --- what waiting does ------------------------------------------------------------------------------------------------


def gains_of_turning_away(delay: bool, indicator: str) -> np.ndarray:
    """Return what is more of something, by seed, when one of the two practices closes for good."""
    values = np.array([[indicators_of(seed, delay, away)[indicator] for away in (1, 0)] for seed in range(1, 7)])
    return values[:, 0] - values[:, 1]


@cache
def indicators_of(seed: int, delay: bool, gp_departures: int) -> dict[str, float]:
    model = TerritoryModel(
        "tiny", rng=seed, days=730, warm_up_days=180, follow_up_days=0,
        delay_affects_health=delay, gp_departures=gp_departures,
    )  # fmt: skip
    model.run_to_end()
    table = model.indicators()
    table = table[(table["stratum_kind"] == "all") & (table["period"] == "all")]
    return dict(zip(table["indicator"], table["value"], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("indicator", ["admissions_per_1000", "spend_per_head_eur.by_category.stays"])
def test_turning_people_away_fills_beds_only_when_delay_affects_health(indicator: str) -> None:
    """Doctors turn half of the people away: more stays and more money for them, or none where delay does no harm.

    Emergency visits rise either way. Whom chance lets die or move may stay in or out of hospital: without harm the mean
    difference over seeds is within three standard errors of none, and a small part of what it is with harm.
    """
    harmed, unharmed = (gains_of_turning_away(delay, indicator) for delay in (True, False))
    error = harmed.std(ddof=1) / sqrt(harmed.size)
    assert harmed.min() > 0 and harmed.mean() > 3 * error
    assert abs(unharmed.mean()) < 3 * max(unharmed.std(ddof=1) / sqrt(unharmed.size), 1e-9)
    assert abs(unharmed.mean()) < 0.2 * harmed.mean()
    for delay in (True, False):
        assert gains_of_turning_away(delay, "emergency_visits_per_head").min() > 0
