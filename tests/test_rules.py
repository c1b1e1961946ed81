"""Do the rules of the day have the probabilities that they are meant to have? Closed forms on worlds made by hand.

Draws are addressed, so a test always sees the same ones; "false alarm" is the probability that a correct rule would
fail under a seed chosen at random. Each comparison has 1e-7, each test at most 1e-5, this file less than 1e-4. What a
test can see is said beside it.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.stats import chi2, kstest, norm
from scipy.stats import poisson as poisson_law
from small_world import ALARM, assert_binomial, assert_near, live, small_world

from abm.agents.needs import collect_needs, refresh_rates, start_clocks, wished_horizon
from abm.agents.seeking import choose, longest_wait, seek_care
from abm.agents.visits import refer, stays_away
from abm.compiled import rule
from abm.environment.agenda import cancellation_day
from abm.environment.outside_demand import non_residents_ask, poisson
from abm.handle import compiled
from abm.parameters import load_parameters
from abm.randomness import seed_key
from abm.records import Episodes, with_room_for_records
from abm.schedule import RULES_OF_THE_DAY
from abm.settings import logit
from abm.state import NEVER, NOBODY, Channel, Contact, Counter, Kind, Outcome, Stage, World

PARAMETERS = load_parameters()
N = 20_000
WEEKEND = (5, 6)
ACUTE, FOLLOW_UP, PREVENTIVE = int(Kind.GP_ACUTE), int(Kind.GP_FOLLOW_UP), int(Kind.GP_PREVENTIVE)
SPECIALTY = int(Kind.FIRST_SPECIALTY)


def crowd(n_kinds: int = 1, **changed: object) -> tuple[World, object]:
    """20,000 people who are all alike."""
    world = small_world(n_people=N, n_kinds=n_kinds, **changed)
    return world, compiled(world)


def assert_even(found: np.ndarray, expected: np.ndarray, about: str) -> None:
    """Chi-square of counts, neither too uneven nor too even."""
    statistic = float(((found - expected) ** 2 / expected).sum())
    tail = chi2.sf(statistic, found.size - 1)
    assert ALARM / 2 < tail < 1 - ALARM / 2, f"{about}: chi-square {statistic:.0f} of {found.size - 1}"


# --- needs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.002, 0.03, 1.5])
def test_needs_are_binomial_with_the_exact_daily_probability(rate: float) -> None:
    """2,000 people, 200 days: sees 18, 5 and 0.5 % of the rate; a probability of `rate` itself is seen at 0.03 and 1.5.

    Between people it sees a variance 17 % off, between days 50 % off.
    """
    n, n_days, probability = 2000, 200, 1.0 - exp(-rate)
    world = small_world(n_people=n, n_kinds=4, n_days=n_days + 40, needs_a_day={Kind.EMERGENCY: rate}, seed=2)
    rows = live(world, n_days, n_rows=n * n_days + 10_000)
    assert_binomial(rows.size, n * n_days, probability, "needs")
    each = np.bincount(rows.patient, minlength=n)
    spread = float(((each - n_days * probability) ** 2).sum() / (n_days * probability * (1.0 - probability)))
    assert_near(spread / n, 1.0, sqrt((2.0 + 1.0 / (n_days * probability * (1.0 - probability))) / n), "variance")
    by_day = np.bincount(rows.closed_on, minlength=n_days)
    variance = float(((by_day - n * probability) ** 2).mean() / (n * probability * (1.0 - probability)))
    assert_near(variance, 1.0, sqrt(2.1 / n_days), "days")


def test_a_need_that_waits_is_not_raised_again() -> None:
    """Everybody needs care daily, nobody is ever seen: one request each, until it is given up."""
    world = small_world(n_people=50, n_kinds=4, n_days=120, needs_a_day={PREVENTIVE: 3.0})
    world.kinds.most_attempts, world.kinds.retry_days = 4, 10
    rows = live(world, 80)
    assert (rows.outcome == Outcome.FORGONE).all() and (rows.failures == 4).all()
    assert (rows.closed_on - rows.asked_on == 30).all()
    assert_each_request_ends_once(world, rows)


def test_needs_grow_with_condition_and_temperament() -> None:
    """5,000 people of each sort, 100 days: sees 4 % of the rate."""
    n, n_days, base, more = 5000, 100, 0.01, 0.02
    world = small_world(n_people=3 * n, n_kinds=4, n_days=n_days + 40, needs_a_day={Kind.EMERGENCY: base})
    world = world._replace(condition_rates=np.array([[0.0], [0.0], [0.0], [more]]))
    world.patients.conditions[n:], world.patients.need_factor[2 * n :] = 1, 2.5
    rows = live(world, n_days, n_rows=150_000)
    for part, rate in enumerate((base, base + more, 2.5 * (base + more))):
        count = int((rows.patient // n == part).sum())
        assert_binomial(count, n * n_days, 1.0 - exp(-rate), f"sort {part}")


def test_seasonal_needs_have_their_yearly_mean_and_each_day_its_own() -> None:
    """3,000 people, a year: 60,000 needs, sees 2 % in the mean and 9 % between winter and summer."""
    n, n_days, peak, amplitude = 3000, 365, 0.07, 0.25
    world = small_world(n_people=n, n_days=n_days + 40, needs_a_day={ACUTE: peak}, seed=4)
    season = (1.0 + amplitude * np.cos(2.0 * np.pi * np.arange(n_days + 40) / 365.0)) / (1.0 + amplitude)
    world = world._replace(season=season)
    world.kinds.is_seasonal, world.kinds.p_divert = 1, 1.0  # nobody waits: the clock runs on at once
    rows = live(world, n_days, n_rows=200_000)
    rows = rows[rows.outcome == Outcome.DIVERTED]
    daily = (1.0 - exp(-peak)) * season[:n_days]
    mean, variance = n * daily.sum(), n * (daily * (1.0 - daily)).sum()
    assert_near(rows.size, mean, sqrt(variance), "year")
    assert mean == pytest.approx(n * n_days * (1.0 - exp(-peak)) / (1.0 + amplitude), rel=1e-9)
    by_month = np.add.reduceat(np.bincount(rows.asked_on, minlength=n_days), np.arange(0, n_days, 30))
    assert_even(by_month, n * np.add.reduceat(daily, np.arange(0, n_days, 30)), "months")


def test_follow_up_keeps_its_rhythm() -> None:
    """2,000 people seen at once, every 40 days: 12,000 intervals, sees 1.5 % of the mean."""
    n, n_days, interval, sigma = 2000, 400, 40.0, 0.3
    world = small_world(n_people=n, n_kinds=4, n_days=n_days + 40, seconds_a_day=n)
    world.patients.follow_up_rate, world.rules.rhythm_sigma = 1.0 / interval, sigma
    rows = live(world, n_days, n_rows=60_000)
    assert (rows.kind == FOLLOW_UP).all() and (rows.outcome == Outcome.SERVED).all()
    gaps = []
    for one in range(n):
        gaps.append(np.diff(rows.closed_on[rows.patient == one])[:6])  # six each: no bias towards the short ones
    gaps = np.concatenate(gaps)
    assert gaps.size > 5.9 * n
    assert_near(float(gaps.mean()), interval + 0.5, float(gaps.std() / sqrt(gaps.size)), "interval")
    assert np.log(gaps - 0.5).std() == pytest.approx(sigma, rel=0.05)


def test_entering_an_age_band_of_the_same_rate_changes_no_need() -> None:
    """20,000 people, 300 days, the 45th birthday of all on day 50, seen on day 91: 11,900 needs, sees 5 %.

    Most clocks run beyond the last day of the diary: drawn anew, they would give a third of the people more needs.
    """
    rate, n_days = 0.002, 300
    world, _ = crowd(4, n_days=n_days + 40, needs_a_day={Kind.EMERGENCY: rate})
    still, _ = crowd(4, n_days=n_days + 40, needs_a_day={Kind.EMERGENCY: rate})
    world.patients.birth_day = 50 - int(45 * 365.25)
    rows, others = (live(w, n_days, n_rows=30_000) for w in (world, still))
    assert world.patients.age_band[0] == still.patients.age_band[0] + 1
    assert_binomial(rows.size, N * n_days, 1.0 - exp(-rate), "needs")
    assert np.array_equal(
        np.sort(rows.patient * n_days + rows.closed_on), np.sort(others.patient * n_days + others.closed_on)
    )


def test_needs_of_closed_days_are_asked_on_the_next_open_day() -> None:
    """3,000 people, 20 weeks: 8,600 needs, sees 3 points in Monday's share of three sevenths."""
    world = small_world(n_people=3000, n_kinds=3, n_days=200, closed=WEEKEND, needs_a_day={PREVENTIVE: 0.02})
    rows = live(world, 140)
    weekday = rows.asked_on % 7
    assert (weekday < 5).all() and (rows.closed_on == rows.asked_on).all()
    monday = int((weekday == 0)[rows.asked_on >= 7].sum())
    rest = int((weekday > 0)[rows.asked_on >= 7].sum())
    p = 1.0 - exp(-0.02)
    raised = 1.0 - (1.0 - p) ** 3  # who has one by Saturday has none on Sunday
    assert_binomial(monday, monday + rest, raised / (raised + 4.0 * p), "Mondays")


def test_duty_care_and_platforms_take_their_shares_of_a_closed_day() -> None:
    """About 5,600 needs on closed days: sees 3.5 points of 30 %, 2 points of 10 %."""
    world = small_world(n_people=2000, n_kinds=4, n_days=80, closed=WEEKEND, needs_a_day={ACUTE: 0.15}, seed=6)
    world.rules.duty_share_closed_day, world.rules.platform_share_closed_day = 0.3, 0.1
    world.patients.has_digital_access[:1000] = 1
    world = with_room_for_records(world, 60_000)
    handle = compiled(world)
    start_clocks(handle)
    raised = 0
    for day in range(70):
        for step in RULES_OF_THE_DAY:
            before = int(world.counters[Counter.EVENTS])
            step.rule(handle, day)
            if step.rule is collect_needs and not world.is_open[day]:
                raised += int(world.counters[Counter.EVENTS]) - before
    n_rows = int(world.counters[Counter.RECORDS])
    channel, asked = world.record_channel[:n_rows], world.record_asked_on[:n_rows]
    duty, platform = channel == Channel.DUTY, channel == Channel.PLATFORM
    assert (asked[duty | platform] % 7 >= 5).all() and (world.record_outcome[:n_rows][duty] == Outcome.SERVED).all()
    assert_binomial(int(duty.sum()), raised, 0.3, "duty care")
    assert_binomial(int(platform.sum()), raised, 0.05, "platforms, for the half who can use them")
    assert (world.record_patient[:n_rows][platform] < 1000).all()


def test_some_go_to_the_emergency_department_unasked() -> None:
    """About 9,500 needs: sees 2.2 points of 20 %."""
    world = small_world(n_people=2000, n_kinds=4, n_days=140, seconds_a_day=2000, needs_a_day={ACUTE: 0.05})
    world.rules.p_never_asked = 0.2
    rows = live(world, 100)
    emergency = (rows.kind == Kind.EMERGENCY) & (rows.contact == Contact.NEVER_ASKED)
    assert_binomial(int(emergency.sum()), rows.size, 0.2)
    assert (rows.kind[~emergency] == ACUTE).all()


@pytest.mark.parametrize(("mean", "soon"), [(8.0, 0.0), (8.0, 0.4), (3.0, 0.7), (20.0, 0.2)])
def test_wished_horizons(mean: float, soon: float) -> None:
    """n = 20,000: sees 2 points of any share; whole days, so the mean is that of a geometric."""
    world, handle = crowd()
    world.kinds.wish_days, world.kinds.soon_share = mean, soon
    days = np.array([wished_horizon(handle, person, 0, 1) for person in range(N)])
    assert days.min() == 0
    for least in (1, 2, 5, 10, 30):
        assert_binomial(int((days >= least).sum()), N, (1.0 - soon) * exp(-least / mean), f"{least} days or more")
    later = days[days > 0]
    assert_near(float(later.mean()), 1.0 / (1.0 - exp(-1.0 / mean)), float(later.std() / sqrt(later.size)), "mean")


def test_who_has_symptoms_wishes_today() -> None:
    _, handle = crowd()
    assert all(wished_horizon(handle, person, 0, 1) == 0 for person in range(100))


# --- seeking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "utilities", [(0.0, 0.0), (1.0, 0.0, -1.0), (-50.0, -51.0), (700.0, 699.0, 698.0, 0.0), (3.8, -0.5, 0.5, 0.1, -2.0)]
)
def test_choices_are_a_multinomial_logit(utilities: tuple[float, ...]) -> None:
    """n = 20,000: sees 2 points of a share of one half, 0.7 of 3 %."""
    world, handle = crowd()
    world.offers.utility[: len(utilities)] = utilities
    chosen = np.bincount([choose(handle, row, 0, len(utilities)) for row in range(N)], minlength=len(utilities))
    weights = np.exp(np.array(utilities) - max(utilities))
    for offer, share in enumerate(weights / weights.sum()):
        assert_binomial(int(chosen[offer]), N, float(share), f"offer {offer}")


def test_another_attempt_is_another_draw() -> None:
    world, handle = crowd()
    world.offers.utility[:2] = 0.0
    first = np.array([choose(handle, row, 0, 2) for row in range(N)])
    world.episodes.attempts = 1
    again = np.array([choose(handle, row, 0, 2) for row in range(N)])
    assert_binomial(int((first == again).sum()), N, 0.5, "n = 20,000: sees 2 points")


@pytest.mark.parametrize(("median", "sigma"), [(2.0, 0.8), (60.0, 0.7)])
def test_patience_is_lognormal_around_its_median(median: float, sigma: float) -> None:
    """n = 20,000: sees 2 points at the median, a distance of 2 % of the distribution."""
    world, handle = crowd()
    world.kinds.tolerance_days, world.kinds.tolerance_sigma = median, sigma
    days = np.array([longest_wait(handle, person, 0, 3) for person in range(N)])
    assert_binomial(int((days < median).sum()), N, 0.5, "median")
    assert kstest(np.log(days), norm(log(median), sigma).cdf).pvalue > ALARM
    world.kinds.tolerance_sigma = 0.0
    assert {longest_wait(handle, person, 0, 3) for person in range(100)} == {median}


def ask_on_day_0(world: World, kind: int = 0, wished_days: int = 0) -> None:
    """Let everybody ask today, in any order."""
    n = world.patients.size
    nodes = np.arange(kind * n, (kind + 1) * n, dtype=np.int32)
    world.episodes.stage[nodes], world.episodes.occurrence[nodes] = Stage.ASKING, 1
    world.episodes.appointment_on[nodes] = NEVER
    world.episodes.wished_days[nodes] = wished_days
    world.queue[:n], world.queue_keys[:n] = nodes, nodes.astype(np.uint64) << np.uint64(40)
    world.counters[Counter.QUEUE] = n


@pytest.mark.parametrize("wait_days", [0, 1, 3, 9])
def test_too_long_a_wait_is_no_offer(wait_days: int) -> None:
    """n = 20,000, room from a later day on: sees 2 points of those who accept."""
    world, _ = crowd(n_days=60)
    world.kinds.tolerance_days, world.kinds.tolerance_sigma, world.kinds.most_attempts = 2.0, 0.8, 9
    world.free[0, wait_days:] = N
    ask_on_day_0(world)
    seek_care(compiled(world), 0)
    given = world.episodes.stage == Stage.BOOKED
    accepts = 1.0 if wait_days == 0 else float(norm.sf(log(wait_days / 2.0) / 0.8))
    assert_binomial(int(given.sum()), N, accepts, f"{wait_days} days")
    assert (world.episodes.appointment_on[given] == wait_days).all()


@pytest.mark.parametrize("loyalty", [0.0, 1.5, 3.8])
def test_loyalty_travel_and_wait_weigh_as_written(loyalty: float) -> None:
    """Own doctor, 3 days of wait; another, 10 minutes further, today. n = 20,000: sees 2 points."""
    world, _ = crowd(n_doctors=2)
    world = world._replace(minutes=np.array([[5.0, 15.0]]), neighbours=np.array([[1, NOBODY]], np.int32))
    world.providers.place[1], world.providers.accepts_others[1] = 1, 1
    world.kinds.wait_disutility, world.kinds.travel_disutility = 0.25, 0.115
    world.rules.loyalty_utility = loyalty
    world.free[0, 3:], world.free[1] = N, N
    ask_on_day_0(world)
    seek_care(compiled(world), 0)
    own = world.episodes.provider == 0
    share = 1.0 / (1.0 + exp(-0.115 * 10.0 - (loyalty - 0.25 * 3.0)))
    assert_binomial(int(own.sum()), N, share, "own doctor")
    assert (world.episodes.channel[own] == Channel.OWN_GP).all()
    assert (world.episodes.channel[~own] == Channel.OTHER_GP).all()


def test_video_is_for_those_who_can_and_think_of_it() -> None:
    """n = 10,000 with access: sees 1.5 points of 8 %."""
    world, _ = crowd()
    world.patients.has_digital_access[: N // 2] = 1
    world.providers.offers_video, world.providers.video_seconds = 1, 1
    world.rules.video_share, world.rules.video_eligible_share, world.rules.video_utility = 0.4, 0.3, 0.7
    world.free[:] = N
    ask_on_day_0(world)
    seek_care(compiled(world), 0)
    video = world.episodes.channel == Channel.VIDEO_OWN_GP
    assert not video[N // 2 :].any()
    assert_binomial(int(video.sum()), N // 2, 0.4 * 0.3 / (1.0 + exp(-0.7)), "video")


def test_the_doctor_comes_to_some_of_the_old() -> None:
    """n = 10,000 old: sees 2.7 points of 55 %; a visit at home takes its own time."""
    world, _ = crowd()
    world.patients.birth_day[: N // 2] = -80 * 366
    world.rules.home_visit_share, world.rules.home_visit_age_years = 0.55, 75.0
    world.providers.home_visit_seconds, world.free[:] = 3, 3 * N
    ask_on_day_0(world)
    seek_care(compiled(world), 0)
    home = world.episodes.channel == Channel.HOME
    assert_binomial(int(home.sum()), N // 2, 0.55, "at home")
    assert not home[N // 2 :].any()
    assert world.free[0, 0] == 3 * N - 3 * home.sum() - (~home).sum()


def test_waits_at_a_pole_are_the_published_ones() -> None:
    """n = 20,000: sees 2 points of any share; whole days are completed ones."""
    world, _ = crowd(n_kinds=6)
    median, sigma = 37.0, 0.776
    world.kinds.pole_wait_median_days, world.kinds.pole_wait_sigma, world.pole_places[:] = median, sigma, 0
    ask_on_day_0(world, kind=SPECIALTY, wished_days=4)
    seek_care(compiled(world), 0)
    asked = world.episodes[SPECIALTY * N :]
    assert (asked.channel == Channel.POLE).all()
    for days in (10, 37, 90, 200):
        expected = float(norm.sf(log(days / median) / sigma))
        assert_binomial(int((asked.appointment_on - 4 >= days).sum()), N, expected, f"{days} days or more")


def test_nothing_acceptable_ends_in_diversion_or_doing_without_within_the_attempts() -> None:
    """5,000 people, no doctor with time. About 12,000 requests: sees 2.5 points at each attempt."""
    p_divert, attempts = 0.3, 3
    world = small_world(n_people=5000, n_kinds=4, n_days=120, closed=WEEKEND, needs_a_day={ACUTE: 0.05}, seed=8)
    world.kinds.p_divert[ACUTE], world.kinds.most_attempts, world.kinds.retry_days = p_divert, attempts, 2
    rows = live(world, 80, n_rows=60_000)
    assert_each_request_ends_once(world, rows)
    emergencies = rows[rows.kind == Kind.EMERGENCY]
    rows = rows[(rows.kind == ACUTE) & (rows.asked_on < 60)]  # all of these have had time to end
    assert set(rows.outcome) == {Outcome.DIVERTED, Outcome.FORGONE} and (rows.appointment_on == NEVER).all()
    for failed in range(attempts):
        here = rows[rows.failures >= failed]
        diverted = (here.failures == failed) & (here.outcome == Outcome.DIVERTED)
        assert_binomial(int(diverted.sum()), here.size, p_divert, f"after {failed} failures")
    assert ((rows.outcome == Outcome.FORGONE) == (rows.failures == attempts)).all()
    assert (emergencies.contact == Contact.NOTHING_IN_TIME).all()
    assert (rows.closed_on % 7 < 5).all(), "tried again on open days only"
    steps = {(m, k): days for m in range(5) for k, days in enumerate(tries(m, attempts))}
    last = np.minimum(rows.failures, attempts - 1)
    wanted = np.array([steps[m, k] for m, k in zip((rows.asked_on % 7).tolist(), last.tolist(), strict=True)])
    assert (rows.closed_on - rows.asked_on == wanted).all()


def tries(weekday: int, attempts: int, every: int = 2) -> list[int]:
    """Days after the first on which it is tried, retries of the weekend on Monday."""
    days = [0]
    while len(days) < attempts:
        again = days[-1] + every
        while (weekday + again) % 7 >= 5:
            again += 1
        days.append(again)
    return days


def assert_each_request_ends_once(world: World, rows: Episodes) -> None:
    """Opened = ended + open; a person's requests of one kind follow each other and never overlap."""
    still_open = (world.episodes.stage != Stage.QUIET) & (world.episodes.is_planned == 0)
    ended = rows[rows.is_planned == 0]
    assert world.counters[Counter.OPENED] == ended.size + still_open.sum()
    ordinary = ended[ended.kind != Kind.EMERGENCY]
    order = np.lexsort((ordinary.closed_on, ordinary.asked_on, ordinary.kind, ordinary.patient))
    one = ordinary[order]
    same = (np.diff(one.patient) == 0) & (np.diff(one.kind.astype(int)) == 0)
    assert (one.asked_on[1:][same] > one.closed_on[:-1][same]).all()
    assert (one.asked_on <= one.closed_on).all()
    for name, worst in (("outcome", Outcome.DIVERTED), ("failures", world.kinds.most_attempts.max())):
        assert one[name].max() <= worst


def test_requests_that_are_cancelled_missed_and_rebooked_end_once() -> None:
    """A scarce practice with everything that can happen to an appointment; the book balances too."""
    n, n_days, seconds = 1500, 300, 40
    world = small_world(
        n_people=n, n_kinds=6, n_days=n_days + 60, seconds_a_day=seconds, closed=WEEKEND, seed=11,
        needs_a_day={ACUTE: 0.01, FOLLOW_UP: 0.008, PREVENTIVE: 0.006, SPECIALTY: 0.002},
    )  # fmt: skip
    world.kinds.cancel_rate, world.kinds.p_no_show_logit, world.kinds.most_attempts = 0.05, logit(0.1), 3
    world.kinds.tolerance_days, world.kinds.tolerance_sigma, world.kinds.retry_days = 6.0, 0.8, 4
    world.kinds.p_divert[ACUTE], world.kinds.wish_days[FOLLOW_UP] = 0.2, 8.0
    world.kinds.p_planned[FOLLOW_UP], world.kinds.planned_interval_days[FOLLOW_UP] = 0.4, 20.0
    world.kinds.referral_odds[SPECIALTY], world.pole_places[:] = 1.0, 0
    world.kinds.pole_wait_median_days[SPECIALTY], world.kinds.pole_wait_sigma[SPECIALTY] = 12.0, 0.5
    world.rules.rebook_share, world.rules.no_show_slope, world.rules.no_show_flat_days = 0.6, 0.04, 28.0
    world.planned_room[:] = world.free // 2
    offered = world.free.sum(axis=1)
    rows = live(world, n_days, n_rows=60_000)
    assert {Outcome.SERVED, Outcome.MISSED, Outcome.WITHDRAWN, Outcome.FORGONE, Outcome.DIVERTED} <= set(rows.outcome)
    assert_each_request_ends_once(world, rows)
    assert (world.free >= 0).all() and (world.planned_room >= 0).all()
    taken = np.isin(rows.outcome, (Outcome.SERVED, Outcome.MISSED)) & (rows.provider == 0)
    booked = np.isin(world.episodes.stage, (Stage.BOOKED, Stage.CANCELLING)) & (world.episodes.provider == 0)
    assert offered[0] == world.free[0].sum() + rows.seconds[taken].sum(dtype=int) + booked.sum()
    planned = rows[rows.is_planned == 1]
    assert planned.size > 300 and (planned.kind == FOLLOW_UP).all() and (planned.wished_days == 20).all()
    assert (planned.appointment_on >= planned.asked_on + 20).all()


# --- cancelling and missing -------------------------------------------------------------------------------------


@rule
def fill_cancellation_days(world, today, appointment_on, out):
    for row in range(out.size):
        episode = world.episodes[row]
        episode.appointment_on = appointment_on
        out[row] = cancellation_day(world, world.patients[row].person, 0, episode, today)


@pytest.mark.parametrize("lead_days", [0, 1, 2, 8, 29, 60, 200])
def test_cancelling_has_its_hazard_and_happens_before_the_day(lead_days: int) -> None:
    """n = 20,000: sees 1.2 points of 11 %. Days at risk: those between, 28 at most, the last before the appointment."""
    world, handle = crowd()
    rate, today, flat = 0.02, 3, 28
    world.kinds.cancel_rate, world.rules.no_show_flat_days = rate, flat
    days = np.empty(N, np.int64)
    fill_cancellation_days(handle, today, today + lead_days, days)
    at_risk = max(0, min(lead_days - 1, flat))
    cancelled = days < today + lead_days
    assert_binomial(int(cancelled.sum()), N, 1.0 - exp(-rate * at_risk), f"lead {lead_days}")
    assert (days[~cancelled] == today + lead_days).all()
    before = today + lead_days - days[cancelled]
    assert (before >= 1).all() and (before <= at_risk).all() and (days[cancelled] > today).all()
    if at_risk > 1:
        assert_even(np.bincount(before, minlength=at_risk + 1)[1:], np.full(at_risk, before.size / at_risk), "days")


def missed(world: World, handle: object, lead_days: int) -> np.ndarray:
    world.episodes.asked_on, world.episodes.booked_days, world.episodes.appointment_on = 0, 2, 2 + lead_days
    return np.array([stays_away(handle, row, 0) for row in range(N)])


@pytest.mark.parametrize("specialty", ["gp", "specialist"])
def test_missing_is_a_logit_on_lead_flat_after_four_weeks(specialty: str) -> None:
    """n = 20,000: sees 0.7 points of 2 %, 1 point of 5 %. Beyond 28 days the same people stay away, to the bit."""
    at_no_lead = PARAMETERS[f"no_show_at_no_lead_share_{specialty}"]
    slope, flat = PARAMETERS["noshow_logit_slope"], PARAMETERS["no_show_flat_after_days"]
    world, handle = crowd()
    world.kinds.p_no_show_logit = logit(at_no_lead)
    world.rules.no_show_slope, world.rules.no_show_flat_days = slope, flat
    for lead_days in (1, 7, 28):
        probability = 1.0 / (1.0 + exp(-logit(at_no_lead) - slope * lead_days))
        assert_binomial(int(missed(world, handle, lead_days).sum()), N, probability, f"lead {lead_days}")
    assert (missed(world, handle, 28) == missed(world, handle, 60)).all()
    assert (missed(world, handle, 7) <= missed(world, handle, 28)).all(), "who misses sooner also misses later"
    assert not missed(world, handle, 0).any(), "nobody misses what is given for today"


def test_the_odds_ratio_of_four_weeks_is_within_the_published_range() -> None:
    row = PARAMETERS.entry("noshow_OR_lead_over_28d")
    odds_ratio = exp(PARAMETERS["noshow_logit_slope"] * PARAMETERS["no_show_flat_after_days"])
    assert row.low <= odds_ratio <= row.high


# --- referral ---------------------------------------------------------------------------------------------------


def with_rates(world):
    """Return the handle of a world whose people need care at the rates of its table."""
    handle = compiled(world)
    for row in range(world.patients.size):
        refresh_rates(handle, row, 0)
    return handle


def test_a_visit_refers_with_the_share_of_needs_that_come_so() -> None:
    """n = 20,000 visits: sees 1.2 points of 12 %, 0.7 of 4 %; the third specialty takes nobody by referral."""
    world, _ = crowd(n_kinds=8, n_days=20, closed=WEEKEND)
    world.kinds.referral_odds[SPECIALTY : SPECIALTY + 2] = 0.6 / 0.4, 0.2 / 0.8
    world.rules.season_mean, world.rules.visits_per_need = 0.8, 0.9
    own_needs = (0.0008, 0.0016, 0.05)
    world.kinds.is_seasonal[ACUTE] = 1
    world.rates[:3] = np.array((0.005, 0.004, 0.003))[:, None, None]
    world.rates[SPECIALTY:] = np.array(own_needs)[:, None, None]
    handle = with_rates(world)
    for row in range(N):
        refer(handle, row, ACUTE, 5, NOBODY, 4)  # a Friday
    visits = (0.005 * 0.8 + 0.004 + 0.003) * 0.9
    stage = world.episodes.stage.reshape(8, N)
    for specialty, share in enumerate((0.6, 0.2, 0.0)):
        expected = own_needs[specialty] * share / (1.0 - share) / visits
        found = int((stage[SPECIALTY + specialty] == Stage.ASKING).sum())
        assert_binomial(found, N, expected, f"specialty {specialty}")
    assert ((stage == Stage.ASKING).sum(axis=0) <= 1).all(), "one at most"
    asking = world.episodes[world.episodes.stage == Stage.ASKING]
    assert (asking.asked_on == 7).all() and (asking.event_day == 7).all(), "on Monday"
    assert world.counters[Counter.OPENED] == asking.size


def test_nobody_is_referred_while_he_waits_for_that_specialist() -> None:
    world, _ = crowd(n_kinds=6, n_days=20)
    world.kinds.referral_odds[SPECIALTY] = 9.0
    world.rates[:] = 0.0
    world.rates[PREVENTIVE], world.rates[SPECIALTY] = 0.001, 1.0
    world.rules.visits_per_need = 1.0
    handle = with_rates(world)
    for stage in (Stage.ASKING, Stage.CANCELLING, Stage.BOOKED):
        world.episodes.stage[SPECIALTY * N :] = stage
        for row in range(100):
            refer(handle, row, PREVENTIVE, 1, NOBODY, 3)
        assert world.counters[Counter.OPENED] == 0
    world.episodes.stage[SPECIALTY * N :] = Stage.QUIET
    for row in range(100):
        refer(handle, row, PREVENTIVE, 1, NOBODY, 3)
    assert world.counters[Counter.OPENED] == 100
    assert (world.episodes.asked_on[SPECIALTY * N : SPECIALTY * N + 100] == 4).all(), "the day after the visit"


# --- people from elsewhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.02, 0.7, 5.0, 60.0, 400.0, 700.0])
def test_poisson_counts(mean: float) -> None:
    """n = 20,000: sees 4 % of the standard deviation in the mean, 5 % of the variance, 2 points at five quantiles."""
    key = seed_key(9)
    counts = np.array([poisson(key, i % 40, i // 40, mean) for i in range(N)])
    assert_near(float(counts.mean()), mean, sqrt(mean / N), "mean")
    assert_near(float(counts.var()), mean, sqrt((2.0 * mean**2 + mean) / N), "variance")
    for level in (0.01, 0.1, 0.5, 0.9, 0.99):
        bound = int(poisson_law.ppf(level, mean))
        assert_binomial(int((counts <= bound).sum()), N, float(poisson_law.cdf(bound, mean)), f"up to {bound}")


@pytest.mark.parametrize("planned", [0.0, 0.4])
def test_people_from_elsewhere_take_time_on_open_days(planned: float) -> None:
    """Some 15,000 requests of four specialists: sees 4 to 6 % of their number, 3 points of the visits booked after."""
    n_days, mean = 700, 7.5
    world = small_world(n_kinds=6, n_specialists=4, n_days=n_days + 60, seconds_a_day=999, closed=WEEKEND, seed=12)
    world.providers.non_resident_requests[1:] = mean
    world.kinds.p_planned[SPECIALTY], world.kinds.planned_interval_days[SPECIALTY] = planned, 14.0
    world.planned_room[:] = 999
    handle = compiled(world)
    for today in range(n_days):
        before = int(world.outside_held.sum())
        non_residents_ask(handle, today)
        assert world.is_open[today] or int(world.outside_held.sum()) == before
    requests = mean * int(world.is_open[:n_days].sum()) * 4
    ahead = int((999 - world.planned_room).sum())
    error = sqrt(requests * (1.0 + 3.0 * planned))
    assert_near(int(world.outside_held.sum()), requests * (1.0 + planned), error, "all")
    assert_near(ahead, planned * requests, sqrt(planned * requests), "booked ahead")
    assert (world.outside_held[0] == 0).all() and (world.outside_held[:, ~world.is_open] == 0).all()
    assert (999 * world.is_open[None, :] - world.free == world.outside_held).all()
