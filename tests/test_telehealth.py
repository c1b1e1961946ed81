"""Does care at a distance do what it says, whose time does it use, and is every consequence a real request?

Draws are addressed; each statistical comparison has a false-alarm rate of 1e-7 (see `small_world`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from money_world import (
    CARDIOLOGIST,
    FIRST_GENERAL,
    GP_ACCOUNT,
    HOSPITAL_ACCOUNT,
    SPECIALIST_ACCOUNT,
    bill,
    money_world,
    received_by,
    settled,
    visit,
)
from small_world import assert_binomial, live, pack, small_world
from test_indicators import episode, indicators, records_of, row_of

from abm import TerritoryModel
from abm.agents.seeking import general_practitioner_offers, seek_care, specialist_offers
from abm.agents.telehealth import day_of_referred_need, return_after_video
from abm.compiled import rule
from abm.effects import Effects
from abm.environment.agenda import open_day
from abm.errors import InputError
from abm.handle import compiled
from abm.payments.tables import Account, Category
from abm.randomness import Stream, uniform
from abm.records import with_room_for_records
from abm.scenario import load_scenario
from abm.state import NEVER, NOBODY, NOWHERE, Channel, Counter, Effect, Expertise, Kind, Outcome, Stage

N = 20_000
TODAY = 3
ACUTE, SPECIALTY = int(Kind.GP_ACUTE), int(Kind.FIRST_SPECIALTY)
VIDEO_OWN_GP, PLATFORM, BOOTH = int(Channel.VIDEO_OWN_GP), int(Channel.PLATFORM), int(Channel.BOOTH)
DAYS = {"days": 90, "warm_up_days": 40, "follow_up_days": 20}


# --- return visits --------------------------------------------------------------------------------------------------


@rule
def everybody_returns(world, channel, today):
    for row in range(world.patients.size):
        return_after_video(world, row, ACUTE, channel, 1, today)


@rule
def video_draws(world, which, out):
    for row in range(world.patients.size):
        out[row] = uniform(world.key, Stream.VIDEO, row, ACUTE + world.kinds.size * which, 1)


def after_video(channel: int, *, replaced: float = 1.0, is_open: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each of 20,000 people asks again, and after how many days."""
    world = small_world(n_people=N)
    world.is_open[TODAY] = is_open
    for name, value in (
        ("video_return_share", 0.05), ("video_return_days", 4), ("video_replaced_share", replaced),
        ("video_asked_again_days", 30), ("video_share_today", 0.5), ("platform_share_today", 0.25),
        ("video_eligible_share", 0.8),
    ):  # fmt: skip
        world.rules[name] = value
    everybody_returns(compiled(world), channel, TODAY)
    asks = world.episodes.stage == Stage.ASKING
    assert world.counters[Counter.OPENED] == asks.sum()
    return asks, (world.episodes.asked_on - TODAY)[asks]


@pytest.mark.parametrize("channel", [VIDEO_OWN_GP, PLATFORM, BOOTH])
def test_a_share_asks_again_within_days(channel: int) -> None:
    asks, days = after_video(channel)
    assert_binomial(int(asks.sum()), N, 0.05, "returns")
    for day in (1, 2, 3, 4):
        assert_binomial(int((days == day).sum()), days.size, 0.25, f"day {day}")


@pytest.mark.parametrize(("channel", "which", "habit"), [(VIDEO_OWN_GP, 0, 0.4), (PLATFORM, 1, 0.2), (BOOTH, 0, 0.0)])
def test_what_a_policy_adds_replaces_visits_in_part_only(channel: int, which: int, habit: float) -> None:
    """Today's habits lead to returns only, what goes beyond them to 30 % requests in all."""
    asks, days = after_video(channel, replaced=0.7)
    draws = np.empty(N)
    video_draws(compiled(small_world(n_people=N)), which, draws)
    is_added = draws >= habit
    assert_binomial(int(asks[is_added].sum()), int(is_added.sum()), 0.3, "added")
    assert_binomial(int(asks[~is_added].sum()), int((~is_added).sum()), 0.05, "today's")
    assert days.min() == 1 and 25 < days.max() <= 30


def test_a_platform_on_a_closed_day_is_no_policy() -> None:
    asks, _ = after_video(PLATFORM, replaced=0.7, is_open=False)
    assert_binomial(int(asks.sum()), N, 0.05, "closed day")


def test_who_waits_already_asks_no_second_time() -> None:
    world = small_world(n_people=5)
    world.rules.video_return_share, world.rules.video_return_days = 1.0, 1
    world.episodes.stage[:3] = Stage.ASKING
    everybody_returns(compiled(world), VIDEO_OWN_GP, TODAY)
    assert world.counters[Counter.OPENED] == 2


# --- whose time -----------------------------------------------------------------------------------------------------


def practice(cap: float, n_days: int = 60):
    """A doctor who sees 50 people a day, all of whom would rather be seen by video."""
    world = small_world(n_people=2000, n_kinds=4, n_days=n_days + 40, seconds_a_day=50, needs_a_day={ACUTE: 0.02})
    world.rules.video_share = world.rules.video_eligible_share = 1.0
    world.rules.video_utility, world.rules.video_cap_share = 50.0, cap
    world.patients.has_digital_access, world.providers.offers_video = 1, 1
    return world


def test_a_doctor_never_gives_more_than_his_share_by_video() -> None:
    """Exactly: what is given by a day is at most the share of what was held before it, and one."""
    n_days = 60
    rows = live(practice(0.2, n_days), n_days)
    is_video = rows.channel == Channel.VIDEO_OWN_GP
    given = np.bincount(rows.booked_on[is_video], minlength=n_days).cumsum()
    held_by = np.bincount(rows.closed_on[rows.outcome == Outcome.SERVED], minlength=n_days).cumsum()
    before = np.concatenate([[0], held_by[:-1]])
    assert (given <= np.floor(0.2 * before) + 1).all()
    assert given[-1] > 0.19 * before[-1], "the share is used"
    free = live(practice(0.0, n_days), n_days)
    assert (free.channel[free.outcome == Outcome.SERVED] == Channel.VIDEO_OWN_GP).all(), "no cap, no limit"


def test_the_counts_begin_anew_with_each_year() -> None:
    world = practice(0.2)
    world.year_of[30:] = 1
    world.providers.n_held, world.providers.n_video = 100, 20
    handle = compiled(world)
    open_day(handle, 29)
    assert (world.providers.n_held[0], world.providers.n_video[0]) == (100, 20)
    open_day(handle, 30)
    assert (world.providers.n_held[0], world.providers.n_video[0]) == (0, 0)


def one_request(world, kind: int = ACUTE, row: int = 0) -> None:
    node = kind * world.patients.size + row
    world.episodes.stage[node], world.episodes.asked_on[node] = Stage.ASKING, TODAY
    world.episodes.occurrence[node], world.episodes.provider[node] = 1, NOBODY


@pytest.mark.parametrize("is_near", [True, False])
def test_a_booth_needs_a_trip_and_no_digital_access(is_near: bool) -> None:
    """25 minutes to the booth, 10 to the own doctor: 15 more are counted; the doctor's book is full."""
    world = small_world(n_people=1, n_kinds=4)
    world = world._replace(
        minutes=np.array([[10.0, 25.0]]), booth_places=np.array([1 if is_near else NOWHERE], np.int32)
    )
    world.rules.booth_share = world.rules.video_eligible_share = 1.0
    world.rules.platform_utility, world.kinds.travel_disutility = 0.5, 0.04
    world.rules.platform_share = 1.0  # no digital access: no platform
    one_request(world)
    assert general_practitioner_offers(compiled(world), 0, ACUTE, TODAY) == int(is_near)
    if is_near:
        offer = world.offers[0]
        assert (offer.channel, offer.place, offer.provider, offer.day) == (Channel.BOOTH, 1, NOBODY, TODAY)
        assert offer.utility == pytest.approx(0.5 - 0.04 * 15.0)


def test_a_share_of_eligible_needs_thinks_of_the_booth() -> None:
    world = small_world(n_people=N, n_kinds=4)._replace(booth_places=np.zeros(1, np.int32))
    world.rules.booth_share, world.rules.video_eligible_share = 0.4, 0.5
    for row in range(N):
        one_request(world, row=row)
    world.queue[:N], world.queue_keys[:N] = np.arange(N), np.arange(N, dtype=np.uint64) << np.uint64(40)
    world.counters[Counter.QUEUE] = N
    world = with_room_for_records(world, 2 * N)
    seek_care(compiled(world), TODAY)
    assert_binomial(int((world.episodes.channel[:N] == Channel.BOOTH).sum()), N, 0.2, "booths")


# --- specialists ----------------------------------------------------------------------------------------------------


def clinic(n_people: int = 1):
    """A cardiologist 20 minutes away: the book is full, two visits a day are kept for the urgent."""
    world = small_world(n_people=n_people, n_kinds=SPECIALTY + 1, n_specialists=1)
    world = world._replace(minutes=np.array([[20.0]]), local_providers=np.array([[1]], np.int32))
    world.kinds.n_local[SPECIALTY] = 1
    world.kinds.travel_disutility, world.kinds.wait_disutility = 0.1, 0.01
    world.reserve[1] = 2
    return world


def test_specialists_by_video_spare_the_trip_not_the_wait() -> None:
    world = clinic()
    world.free[1, TODAY + 5 :] = 10
    world.patients.has_digital_access, world.rules.video_utility, world.rules.specialist_video_share = 1, -0.2, 1.0
    one_request(world, SPECIALTY)
    assert specialist_offers(compiled(world), 0, SPECIALTY, TODAY) == 2
    by_video, in_person = world.offers[0], world.offers[1]
    assert (by_video.channel, by_video.place, by_video.day) == (Channel.VIDEO_SPECIALIST, NOWHERE, TODAY + 5)
    assert (in_person.channel, in_person.place, in_person.day) == (Channel.LOCAL_AGENDA, 0, TODAY + 5)
    assert by_video.utility == pytest.approx(-0.01 * 5 - 0.2) and in_person.utility == pytest.approx(-0.05 - 2.0)
    world.patients.has_digital_access = 0
    assert specialist_offers(compiled(world), 0, SPECIALTY, TODAY) == 1


def test_priority_opens_the_time_kept_for_the_urgent_to_its_share() -> None:
    world = clinic(N)
    effects = Effects(N, (), 0.5)
    effects.set("network", Effect.PRIORITY_SHARE, np.where(np.arange(N) < N // 2, 0.3, 0.0))
    handle = compiled(world)
    for row in range(N):
        one_request(world, SPECIALTY, row)
    assert sum(specialist_offers(handle, row, SPECIALTY, TODAY) for row in range(200)) == 0, "nobody has it yet"
    effects.apply(world)
    offered = np.array([specialist_offers(handle, row, SPECIALTY, TODAY) for row in range(N)])
    assert_binomial(int(offered[: N // 2].sum()), N // 2, 0.3, "priority")
    assert offered[N // 2 :].sum() == 0 and world.offers[0].day == TODAY


def test_priority_does_not_come_before_the_wished_day() -> None:
    world = clinic()
    world.effects[:, Effect.PRIORITY_SHARE], world.rules.has_priority = 1.0, 1.0
    one_request(world, SPECIALTY)
    world.episodes.wished_days[SPECIALTY] = 9
    assert specialist_offers(compiled(world), 0, SPECIALTY, TODAY) == 1 and world.offers[0].day == TODAY + 9


@pytest.mark.parametrize(
    ("kind", "channel", "category", "account"),
    [
        (CARDIOLOGIST, Channel.VIDEO_SPECIALIST, Category.TELEHEALTH, SPECIALIST_ACCOUNT),
        (ACUTE, Channel.BOOTH, Category.TELEHEALTH, FIRST_GENERAL),
    ],
)
def test_who_is_paid_for_video(kind: int, channel: Channel, category: Category, account: int) -> None:
    """A specialist by video costs what a visit costs, without the trip; a booth what a platform costs."""
    world = money_world()
    world.cover["transport_share_ald"], world.patients.has_ald = 1.0, 1
    provider = 1 if kind == CARDIOLOGIST else NOBODY
    visit(world, kind=kind, channel=channel, provider=provider, place=NOWHERE if provider == 1 else 0)
    settled(world)
    usual = money_world()
    usual.patients.has_ald = 1
    usual_channel = Channel.LOCAL_AGENDA if provider == 1 else Channel.PLATFORM
    visit(usual, kind=kind, channel=usual_channel, provider=provider, place=NOWHERE)
    settled(usual)
    of_usual = Category.SPECIALIST if provider == 1 else Category.TELEHEALTH
    assert bill(world, category) == bill(usual, of_usual) and sum(bill(world, category)) > 20.0
    assert list(received_by(world, category)) == [account]
    assert world.billed.sum() == world.billed[:, category].sum()


# --- questions between doctors --------------------------------------------------------------------------------------


@rule
def refer_everybody(world, kind, occurrence, asking, today, out):
    for row in range(world.patients.size):
        out[row] = day_of_referred_need(world, row, kind, ACUTE, occurrence, asking, today)


def referred(world, kind: int = SPECIALTY, occurrence: int = 1, asking: int = 0, today: int = TODAY) -> np.ndarray:
    days = np.empty(world.patients.size, np.int64)
    refer_everybody(compiled(world), kind, occurrence, asking, today, days)
    return days


def with_questions(world, share: float = 0.4, spared: float = 0.6, days: int = 7):
    world.effects[:, Effect.TELE_EXPERTISE_SHARE] = share
    world.rules.has_tele_expertise, world.rules.answer_spares_share, world.rules.answer_days = 1.0, spared, days
    return world


def test_a_share_of_referrals_is_asked_and_a_share_of_answers_spares_the_visit() -> None:
    """40 % of 20,000 are asked about, 60 % of these need no visit; the others wait one to seven days, all alike."""
    world = with_questions(small_world(n_people=N, n_kinds=SPECIALTY + 1))
    days = referred(world)
    spared, asked, answer_days = (world.tele_expertise[0, 0, c] for c in (1, 0, 2))
    assert [Expertise.SPARED, Expertise.ASKED, Expertise.ANSWER_DAYS] == [1, 0, 2]
    assert_binomial(int(asked), N, 0.4, "asked")
    assert_binomial(int(spared), int(asked), 0.6, "spared")
    assert (days == NEVER).sum() == spared and ((days == NEVER) | (days > TODAY)).all()
    for day in range(2, 8):  # an answer of one day is as soon as a referral
        assert_binomial(int((days == TODAY + day).sum()), int(asked - spared), 1 / 7, f"day {day}")
    assert (days <= TODAY + 7).all() and 3.8 < answer_days / asked < 4.2


def test_without_the_policy_a_referral_is_one_for_the_day_after() -> None:
    world = small_world(n_people=50, n_kinds=SPECIALTY + 1)
    assert (referred(world) == TODAY + 1).all() and world.tele_expertise.sum() == 0


def test_who_waits_for_the_specialist_is_not_asked_about() -> None:
    world = with_questions(small_world(n_people=50, n_kinds=SPECIALTY + 1), share=1.0, spared=1.0)
    world.episodes.stage[SPECIALTY * 50 : SPECIALTY * 50 + 20] = Stage.BOOKED
    days = referred(world)
    assert (days[:20] == TODAY + 1).all() and (days[20:] == NEVER).all()


def test_both_doctors_are_paid_in_full_and_four_times_a_year_at_most() -> None:
    """From 2022-04: 20 EUR the answer, 10 EUR the question [P014, P015]; the fifth referral is an ordinary one."""
    world = with_questions(money_world("2022-05-01"), share=1.0, spared=1.0)
    found = [int(referred(world, CARDIOLOGIST, n, today=n)[0]) for n in range(5)]
    assert found == [NEVER] * 4 + [5]
    assert bill(world, Category.TELEHEALTH) == [120.0, 0.0, 0.0, 0.0]
    paid = received_by(world, Category.TELEHEALTH)  # no pole is known: the answers come from elsewhere
    assert paid == {GP_ACCOUNT: 40.0, FIRST_GENERAL + int(Account.HOSPITALS_ELSEWHERE): 80.0}
    assert int(referred(world, CARDIOLOGIST, 9, today=250)[0]) == NEVER, "a new year"


def test_the_nearest_specialist_is_paid_else_the_pole() -> None:
    world = with_questions(money_world("2022-05-01", n_people=1), share=1.0)
    world.kinds.n_local[CARDIOLOGIST] = 1
    world = world._replace(local_providers=np.array([[1]], np.int32))
    referred(world, CARDIOLOGIST)
    assert received_by(world, Category.TELEHEALTH) == {GP_ACCOUNT: 10.0, SPECIALIST_ACCOUNT: 20.0}
    world = with_questions(money_world("2022-05-01"), share=1.0)
    world.pole_places[0, CARDIOLOGIST - SPECIALTY] = 1
    referred(world, CARDIOLOGIST, asking=NOBODY)
    assert received_by(world, Category.TELEHEALTH) == {HOSPITAL_ACCOUNT: 20.0, FIRST_GENERAL: 10.0}


# --- policies -------------------------------------------------------------------------------------------------------


@cache
def lived(**levers: object) -> TerritoryModel:
    model = TerritoryModel("tiny", rng=5, **DAYS, **levers)
    model.run_to_end()
    return model


@cache
def figures(**levers: object) -> dict[str, float]:
    table = indicators(lived(**levers).records(), ("all",))
    table = table[table.period == "all"]
    return dict(zip(table.indicator, table.value, strict=True))


TIMES = ("own", "platform", "booth")


@pytest.mark.parametrize("time", TIMES)
def test_more_video_uses_the_time_that_is_named(time: str) -> None:
    usual, policy = figures(), figures(teleconsultation=0.6, teleconsultation_time=time)
    assert policy["teleconsultation_share"] > 1.5 * usual["teleconsultation_share"]
    shares = {name: policy[f"teleconsultation_time_share.{name}"] for name in TIMES}
    assert max(shares, key=shares.get) == time and sum(shares.values()) == pytest.approx(1.0)
    assert (policy["specialist_teleconsultation_share"] > 0) == (time == "own")
    assert usual["specialist_teleconsultation_share"] == 0.0 == usual["teleconsultation_time_share.booth"]


def test_own_time_stays_below_the_cap() -> None:
    table = indicators(lived(teleconsultation=1.0, teleconsultation_time="own").records(), ("all",))
    rows = table[(table.indicator == "teleconsultation_highest_share_of_a_doctor") & (table.period != "all")]
    assert 0.05 < rows.value.max() <= 0.2


def test_booths_reach_people_without_digital_access() -> None:
    for time, is_reached in (("platform", False), ("booth", True)):
        records = lived(teleconsultation=0.6, teleconsultation_time=time).records()
        rows = records.episodes
        by_video = np.isin(rows.channel, (BOOTH, PLATFORM, VIDEO_OWN_GP)) & (rows.outcome == Outcome.SERVED)
        access = records.patients.has_digital_access[rows.patient[by_video]]
        assert (access == 0).any() == is_reached


def test_tele_expertise_spares_visits_to_specialists() -> None:
    policy = figures(tele_expertise=1.0)
    assert figures()["tele_expertise_number"] == 0 < policy["tele_expertise_visits_spared"]
    assert 2 < policy["tele_expertise_answer_mean_days"] < 6
    each = [value for name, value in policy.items() if name.startswith("tele_expertise_number.")]
    assert sum(each) == policy["tele_expertise_number"]


def test_time_not_named_is_the_doctors_own_and_is_said() -> None:
    silent, own = lived(teleconsultation=0.6), lived(teleconsultation=0.6, teleconsultation_time="own")
    assert silent.records().episodes.digest() == own.records().episodes.digest()
    told = [sentence for policy in silent.interventions for sentence in policy.assumptions()]
    assert len(told) == 1 and "'own'" in told[0]
    assert [policy.assumptions() for policy in own.interventions] == [()]


def test_a_time_without_a_share_is_refused() -> None:
    with pytest.raises(InputError, match=r"'teleconsultation_time': found 'booth' .* expected a share above 0"):
        TerritoryModel("tiny", rng=5, teleconsultation_time="booth", **DAYS)


def test_booths_need_a_pharmacy() -> None:
    tiny = pack("tiny")
    nowhere = replace(tiny, professionals=tiny.professionals[tiny.professionals.profession != "pharmacy"])
    with pytest.raises(InputError, match="no pharmacy"):
        TerritoryModel(nowhere, rng=5, teleconsultation=0.1, teleconsultation_time="booth", **DAYS)


def test_communes_beyond_reach_have_no_booth() -> None:
    model = TerritoryModel(
        "tiny", rng=5, teleconsultation=0.1, teleconsultation_time="booth", **DAYS,
        parameters={"teleconsult_booth_reach_minutes": 5},
    )  # fmt: skip
    minutes, hosts = model.setting.travel.commune_minutes, sorted(model.communes_with(("pharmacy",)))
    for commune, place in enumerate(model.arrays.booth_places):
        nearest = min(hosts, key=lambda host: minutes[commune, host])
        assert place == (nearest if minutes[commune, nearest] <= 5 else NOWHERE)
    assert NOWHERE in model.arrays.booth_places


@pytest.mark.parametrize(
    "name", ["teleconsultation", "teleconsultation_own_time", "teleconsultation_booths", "tele_expertise"]
)
def test_scenarios_say_whose_time(name: str) -> None:
    levers = load_scenario(name).levers
    assert levers.tele_expertise or levers.teleconsultation_time in TIMES


UNCOMPILED = """
import json
from abm import TerritoryModel
m = TerritoryModel("tiny", rng=3, scale=0.25, days=20, warm_up_days=10, follow_up_days=5, teleconsultation=0.9,
                   teleconsultation_time="booth", tele_expertise=1.0)
m.run_to_end()
print(json.dumps([m.records().episodes.digest(), m.arrays.tele_expertise.sum(axis=(0, 1)).tolist(),
                  m.arrays.billed.sum(axis=0).tolist()]))
"""


def test_the_same_source_uncompiled_gives_the_same_numbers() -> None:
    found = []
    for disabled in ("0", "1"):
        environment = os.environ | {"NUMBA_DISABLE_JIT": disabled}
        done = subprocess.run(
            [sys.executable, "-c", UNCOMPILED], env=environment, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] and found[0][1][Expertise.ASKED] > 0


# --- indicators -----------------------------------------------------------------------------------------------------


def test_returns_are_within_seven_days_of_the_same_person() -> None:
    """Followed: after seven days and after one, not after eight; the three visits in person are everybody's last."""
    seen = [
        episode(0, asked=0, channel=Channel.PLATFORM), episode(0, asked=7),
        episode(1, asked=0, channel=Channel.VIDEO_OWN_GP), episode(1, asked=8),
        episode(2, asked=3, channel=Channel.BOOTH), episode(2, asked=4, channel=Channel.BOOTH),
        episode(3, asked=5),
    ]  # fmt: skip
    table = indicators(records_of(*seen), ("all",))
    row = row_of(table, "teleconsultation_return_7_days_share")
    assert (row["value"], row["n"]) == (0.5, 4)
    row = row_of(table, "in_person_return_7_days_share")
    assert (row["value"], row["n"]) == (0.0, 3)
    for time, share in (("own", 0.25), ("platform", 0.25), ("booth", 0.5)):
        assert row_of(table, f"teleconsultation_time_share.{time}")["value"] == share
