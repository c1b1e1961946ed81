"""Visits: what is held today, who does not come, and what follows from a visit.

Writes `episodes`, lists of practices (through the rules it calls), `planned_room`, `providers.n_held` and
`seen_since_stay`; draws from NO_SHOW, PLANNED, REFERRAL.
"""

from __future__ import annotations

from math import exp

from abm.agents.endings import close
from abm.agents.health import see_doctor
from abm.agents.needs import need_now, rate_of_alike, start_clock
from abm.agents.registration import register_at_visit
from abm.agents.telehealth import day_of_referred_need, return_after_video
from abm.compiled import rule
from abm.environment.agenda import (
    NO_SLOT,
    first_planned_slot,
    give_appointment,
    give_back,
    open_day_from,
    sub_address,
    take,
)
from abm.environment.diary import drain, read_ahead
from abm.randomness import Stream, uniform
from abm.state import NEVER, NOBODY, Channel, Contact, Counter, Effect, Kind, Outcome

GP_FOLLOW_UP, EMERGENCY = int(Kind.GP_FOLLOW_UP), int(Kind.EMERGENCY)
FIRST_SPECIALTY = int(Kind.FIRST_SPECIALTY)
FOLLOW_UP_RATIO = int(Effect.FOLLOW_UP_RATIO)
OWN_GP, OTHER_GP = int(Channel.OWN_GP), int(Channel.OTHER_GP)
VIDEO_OWN_GP, PLATFORM, BOOTH = int(Channel.VIDEO_OWN_GP), int(Channel.PLATFORM), int(Channel.BOOTH)
LOCAL_AGENDA, POLE = int(Channel.LOCAL_AGENDA), int(Channel.POLE)
SERVED, MISSED, WITHDRAWN = int(Outcome.SERVED), int(Outcome.MISSED), int(Outcome.WITHDRAWN)
IN_HOSPITAL = int(Contact.IN_HOSPITAL)
EVENTS = int(Counter.EVENTS)


@rule
def hold_visits(world, today):
    """Hold today's appointments, or note that nobody came (step 5)."""
    n_today = drain(world, world.visits, today, True)
    world.scratch[0] = read_ahead(world, n_today)
    for place in range(n_today):
        node = world.today[place]
        kind, row = node // world.patients.size, node % world.patients.size
        world.counters[EVENTS] += 1
        if world.patients[row].leaves_hospital_on >= today:
            episode = world.episodes[node]
            if episode.provider != NOBODY:
                give_back(world, episode.provider, today, episode.seconds)
            close(world, row, kind, today, WITHDRAWN, IN_HOSPITAL)
            start_clock(world, row, kind, world.patients[row].leaves_hospital_on + 1)
        elif stays_away(world, row, kind):
            close(world, row, kind, today, MISSED)
            start_clock(world, row, kind, today + 1)
        else:
            close(world, row, kind, today, SERVED)
            provider = world.episodes[node].provider
            if provider != NOBODY:
                world.providers[provider].n_held += 1
                if kind < EMERGENCY:
                    world.seen_since_stay[row] = 1
            see_doctor(world, row, kind, today)
            register_at_visit(world, row, kind, today)
            after_visit(world, row, kind, today)


@rule
def stays_away(world, row, kind):
    """Tell whether the person misses the appointment: a logit on lead time, flat after some weeks [B012-B016]."""
    rules = world.kinds[kind]
    episode = world.episodes[kind * world.patients.size + row]
    lead_days = episode.appointment_on - episode.asked_on - episode.booked_days
    if rules.p_no_show_logit <= -30.0 or lead_days == 0:
        return False
    logit = rules.p_no_show_logit + world.rules[0].no_show_slope * min(lead_days, world.rules[0].no_show_flat_days)
    draw = uniform(
        world.key,
        Stream.NO_SHOW,
        world.patients[row].person,
        sub_address(world, kind, episode),
        episode.occurrence,
    )
    return draw < 1.0 / (1.0 + exp(-logit))


@rule
def after_visit(world, row, kind, today):
    """Let the next need begin: booked at once, or by its clock; a general practitioner may refer (ODD 7.4)."""
    episode = world.episodes[kind * world.patients.size + row]
    occurrence, channel, provider = episode.occurrence, episode.channel, episode.provider
    if not book_next(world, row, kind, today):
        start_clock(world, row, kind, today + 1)
    if kind < FIRST_SPECIALTY and world.kinds.size > FIRST_SPECIALTY:
        refer(world, row, kind, occurrence, provider, today)
    if channel in (VIDEO_OWN_GP, PLATFORM, BOOTH):
        return_after_video(world, row, kind, channel, occurrence, today)


@rule
def book_next(world, row, kind, today):
    """Book the next visit at the end of this one, for a drawn share: it takes a slot and is not a request."""
    rules = world.kinds[kind]
    patient = world.patients[row]
    episode = world.episodes[kind * world.patients.size + row]
    is_at_pole = episode.channel == POLE
    if rules.p_planned == 0.0 or (episode.provider == NOBODY and not is_at_pole):
        return False
    if uniform(world.key, Stream.PLANNED, patient.person, kind, episode.occurrence) >= rules.p_planned:
        return False
    interval_days = rules.planned_interval_days
    if kind == GP_FOLLOW_UP and patient.follow_up_rate > 0.0:
        interval_days = 1.0 / float(patient.follow_up_rate) / float(world.effects[row, FOLLOW_UP_RATIO])
    wished_on = today + int(interval_days)
    offer = world.offers[0]
    offer.provider, offer.place, offer.day = NOBODY, episode.place, open_day_from(world, wished_on)
    offer.channel, offer.seconds = POLE, 0
    if not is_at_pole and not planned_offer(world, patient, kind, episode.provider, wished_on, today):
        return False
    episode.occurrence += 1
    episode.asked_on = today
    episode.wished_days = wished_on - today
    episode.attempts = 0
    episode.failures = 0
    episode.is_planned = 1
    give_appointment(world, row, kind, offer, today)
    return True


@rule
def planned_offer(world, patient, kind, provider, wished_on, today):
    """Take time for a visit booked ahead with the same provider; False when his book has no room for it."""
    desk = world.providers[provider]
    day = first_planned_slot(world, provider, wished_on, today, desk.visit_seconds)
    if day == NO_SLOT:
        return False
    take(world, provider, day, desk.visit_seconds)
    world.planned_room[provider, day] -= desk.visit_seconds
    offer = world.offers[0]
    offer.provider, offer.place, offer.day, offer.seconds = provider, desk.place, day, desk.visit_seconds
    offer.channel = LOCAL_AGENDA
    if kind < FIRST_SPECIALTY:
        offer.channel = OWN_GP if provider == patient.registered_gp else OTHER_GP
    return True


@rule
def refer(world, row, kind, occurrence, provider, today):
    """Send the person to a specialist, at most to one: then that need arises tomorrow instead of by its clock.

    Notes
    -----
    ODD 7.2. A referral takes over a share of each specialty's needs: its probability a visit is that share of the
    person's need over his visits to general practitioners, so delays of the one reach the agendas of the other.
    """
    patient = world.patients[row]
    draw = uniform(world.key, Stream.REFERRAL, patient.person, kind, occurrence)
    if draw >= patient.referral_share:
        return
    referrals = 0.0
    for specialty_kind in range(FIRST_SPECIALTY, world.kinds.size):
        referrals += rate_of_alike(world, patient, specialty_kind) * world.kinds[specialty_kind].referral_odds
    level = draw / float(patient.referral_share) * referrals
    for specialty_kind in range(FIRST_SPECIALTY, world.kinds.size):
        level -= rate_of_alike(world, patient, specialty_kind) * world.kinds[specialty_kind].referral_odds
        if level < 0.0:
            day = day_of_referred_need(world, row, specialty_kind, kind, occurrence, provider, today)
            if day != NEVER:
                need_now(world, row, specialty_kind, day)
            return
