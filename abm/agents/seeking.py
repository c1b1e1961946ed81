"""Seeking care: which offers a request meets, which one is chosen, and what happens when none is acceptable.

Offers (ODD 7.3): own general practitioner (appointment, walk-in session, video, overtime), others within reach, a
platform; for a specialty the local agendas and an outside pole. The choice is a multinomial logit on travel, wait and
loyalty. Too long a wait is no offer: the person goes to the emergency department, tries again, or does without.
Draws from TOLERANCE, HOME, URGENT, POLE_WAIT, CHOICE, DIVERSION; who thinks of video: `abm.agents.telehealth`.
"""

from __future__ import annotations

from math import exp

from abm.agents.endings import close, record_emergency
from abm.agents.health import escalate
from abm.agents.needs import age_years, in_order, start_clock
from abm.agents.telehealth import (
    BY_OWN_GP,
    BY_PLATFORM,
    BY_SPECIALIST,
    has_priority,
    is_booth_considered,
    is_video_considered,
    may_offer_video,
)
from abm.compiled import rule
from abm.environment.agenda import (
    NO_SLOT,
    first_slot,
    first_urgent_slot,
    give_appointment,
    open_day_from,
    sub_address,
    take,
)
from abm.environment.diary import remind
from abm.randomness import Stream, normal, uniform
from abm.state import NOBODY, NOWHERE, Channel, Contact, Counter, Kind, Outcome, Stage

FIRST_SPECIALTY, GP_ACUTE = int(Kind.FIRST_SPECIALTY), int(Kind.GP_ACUTE)
OWN_GP, OTHER_GP, WALK_IN, HOME = int(Channel.OWN_GP), int(Channel.OTHER_GP), int(Channel.WALK_IN), int(Channel.HOME)
VIDEO_OWN_GP, PLATFORM = int(Channel.VIDEO_OWN_GP), int(Channel.PLATFORM)
BOOTH, VIDEO_SPECIALIST = int(Channel.BOOTH), int(Channel.VIDEO_SPECIALIST)
LOCAL_AGENDA, POLE = int(Channel.LOCAL_AGENDA), int(Channel.POLE)
FORGONE, DIVERTED = int(Outcome.FORGONE), int(Outcome.DIVERTED)
NOTHING_IN_TIME = int(Contact.NOTHING_IN_TIME)
ASKING, QUEUE = int(Stage.ASKING), int(Counter.QUEUE)


@rule
def seek_care(world, today):
    """Let today's requests meet their offers, one after another in the order of the day (step 4)."""
    for node in in_order(world.queue, world.queue_keys, world.counters[QUEUE]):
        kind, row = node // world.patients.size, node % world.patients.size
        if kind >= FIRST_SPECIALTY:
            n_offers = specialist_offers(world, row, kind, today)
        else:
            n_offers = general_practitioner_offers(world, row, kind, today)
        if n_offers == 0:
            nothing_acceptable(world, row, kind, today)
        else:
            accept(world, row, kind, world.offers[choose(world, row, kind, n_offers)], today)


@rule
def longest_wait(world, person, kind, occurrence):
    """Return the days beyond the wished date that a person accepts for this need: lognormal around a median."""
    rules = world.kinds[kind]
    if rules.tolerance_sigma == 0.0:
        return rules.tolerance_days
    z = normal(world.key, Stream.TOLERANCE, person, kind, occurrence)
    return rules.tolerance_days * exp(rules.tolerance_sigma * z)


@rule
def make_offer(world, n_offers, provider, place, day, channel, seconds, utility):
    """Write an offer on the table and return how many there are now."""
    offer = world.offers[n_offers]
    offer.provider = provider
    offer.place = place
    offer.day = day
    offer.channel = channel
    offer.seconds = seconds
    offer.utility = utility
    return n_offers + 1


@rule
def general_practitioner_offers(world, row, kind, today):
    """Lay out what general practice offers for a request and return the number of acceptable offers (ODD 7.3)."""
    patient = world.patients[row]
    episode = world.episodes[kind * world.patients.size + row]
    wished = max(episode.asked_on + episode.wished_days, today)
    patience = longest_wait(world, patient.person, kind, episode.occurrence)
    n_offers = 0
    base_minutes = 0.0
    own = patient.registered_gp
    if own != NOBODY:
        base_minutes = world.minutes[patient.commune, world.providers[own].place]
        n_offers = own_practice_offers(world, row, kind, own, wished, today, patience)
    elif world.neighbours.shape[1] > 0 and world.neighbours[patient.commune, 0] != NOBODY:
        base_minutes = world.minutes[patient.commune, world.providers[world.neighbours[patient.commune, 0]].place]
    n_offers = other_practice_offers(world, patient, kind, own, base_minutes, wished, today, patience, n_offers)
    rules = world.rules[0]
    if is_video_considered(
        world, patient, kind, episode, rules.platform_share * rules.video_eligible_share, BY_PLATFORM
    ):
        n_offers = make_offer(world, n_offers, NOBODY, NOWHERE, today, PLATFORM, 0, rules.platform_utility)
    if is_booth_considered(world, patient, kind, episode):
        place = world.booth_places[patient.commune]
        extra_minutes = max(0.0, world.minutes[patient.commune, place] - base_minutes)
        utility = rules.platform_utility - world.kinds[kind].travel_disutility * extra_minutes
        n_offers = make_offer(world, n_offers, NOBODY, place, today, BOOTH, 0, utility)
    return n_offers


@rule
def own_practice_offers(world, row, kind, own, wished, today, patience):
    """Lay out the offers of the registered general practitioner: appointment, walk-in, video, overtime."""
    patient = world.patients[row]
    episode = world.episodes[kind * world.patients.size + row]
    desk = world.providers[own]
    loyalty = world.rules[0].loyalty_utility
    per_day = world.kinds[kind].wait_disutility
    channel, seconds = OWN_GP, desk.visit_seconds
    if is_home_visit(world, patient, kind, episode, today):
        channel, seconds = HOME, desk.home_visit_seconds
    n_offers = 0
    day = first_slot(world, own, wished, today, seconds, wished + patience)
    if day != NO_SLOT:
        utility = loyalty - per_day * (day - wished)
        n_offers = make_offer(world, n_offers, own, desk.place, day, channel, seconds, utility)
    if kind == GP_ACUTE and wished == today:
        if day != today and world.overtime[own, today] >= seconds:
            n_offers = make_offer(world, n_offers, own, desk.place, today, channel, seconds, loyalty)
        if channel == OWN_GP and world.walk_in[own, today] >= seconds:
            utility = loyalty + world.rules[0].walk_in_utility
            n_offers = make_offer(world, n_offers, own, desk.place, today, WALK_IN, seconds, utility)
    video_share = world.rules[0].video_share * world.rules[0].video_eligible_share
    if (
        desk.offers_video
        and may_offer_video(world, desk)
        and is_video_considered(world, patient, kind, episode, video_share, BY_OWN_GP)
    ):
        day = first_slot(world, own, wished, today, desk.video_seconds, wished + patience)
        if day != NO_SLOT:
            utility = loyalty + world.rules[0].video_utility - per_day * (day - wished)
            n_offers = make_offer(world, n_offers, own, NOWHERE, day, VIDEO_OWN_GP, desk.video_seconds, utility)
    return n_offers


@rule
def other_practice_offers(world, patient, kind, own, base_minutes, wished, today, patience, n_offers):
    """Lay out the offers of the practices around; travel counts as minutes beyond those to the own practice."""
    rules = world.kinds[kind]
    for place_in_row in range(world.neighbours.shape[1]):
        other = world.neighbours[patient.commune, place_in_row]
        if other == NOBODY:
            break
        desk = world.providers[other]
        if other == own or not desk.accepts_others:
            continue
        extra_minutes = max(0.0, world.minutes[patient.commune, desk.place] - base_minutes)
        day = first_slot(world, other, wished, today, desk.visit_seconds, wished + patience)
        if day != NO_SLOT:
            utility = -rules.travel_disutility * extra_minutes - rules.wait_disutility * (day - wished)
            n_offers = make_offer(world, n_offers, other, desk.place, day, OTHER_GP, desk.visit_seconds, utility)
        if kind == GP_ACUTE and wished == today and world.walk_in[other, today] >= desk.visit_seconds:
            utility = -rules.travel_disutility * extra_minutes + world.rules[0].walk_in_utility
            n_offers = make_offer(world, n_offers, other, desk.place, today, WALK_IN, desk.visit_seconds, utility)
    return n_offers


@rule
def is_home_visit(world, patient, kind, episode, today):
    """Tell whether the doctor comes to the person's home: a drawn share of the visits of the very old."""
    rules = world.rules[0]
    if rules.home_visit_share == 0.0 or age_years(patient, today) < rules.home_visit_age_years:
        return False
    return uniform(world.key, Stream.HOME, patient.person, kind, episode.occurrence) < rules.home_visit_share


@rule
def specialist_offers(world, row, kind, today):
    """Lay out the local agendas of a specialty and one outside pole (ODD 7.3, 7.4).

    Notes
    -----
    The wait at a pole is one addressed draw a request from the published series of *accepted* waits: the person does
    not choose the best of several draws.
    """
    patient = world.patients[row]
    episode = world.episodes[kind * world.patients.size + row]
    rules = world.kinds[kind]
    urgent = rules.p_urgent > 0.0 and (
        uniform(world.key, Stream.URGENT, patient.person, kind, episode.occurrence) < rules.p_urgent
    )
    wished = today if urgent else max(episode.asked_on + episode.wished_days, today)
    uses_reserve = urgent or has_priority(world, row, kind, episode)
    by_video = is_video_considered(world, patient, kind, episode, world.rules[0].specialist_video_share, BY_SPECIALIST)
    patience = longest_wait(world, patient.person, kind, episode.occurrence)
    n_offers = 0
    for place_in_list in range(rules.first_local, rules.first_local + rules.n_local):
        provider = world.local_providers[patient.commune, place_in_list]
        if provider == NOBODY:
            break
        desk = world.providers[provider]
        if uses_reserve:
            day = first_urgent_slot(world, provider, wished, today, desk.visit_seconds, wished + patience)
        else:
            day = first_slot(world, provider, wished, today, desk.visit_seconds, wished + patience)
        if day == NO_SLOT:
            continue
        utility = -rules.wait_disutility * (day - wished)
        if by_video and may_offer_video(world, desk):  # in the same agenda, without the trip
            video_utility = utility + world.rules[0].video_utility
            n_offers = make_offer(
                world, n_offers, provider, NOWHERE, day, VIDEO_SPECIALIST, desk.visit_seconds, video_utility
            )
        utility -= rules.travel_disutility * world.minutes[patient.commune, desk.place]
        n_offers = make_offer(world, n_offers, provider, desk.place, day, LOCAL_AGENDA, desk.visit_seconds, utility)
    return pole_offer(world, patient, kind, episode, wished, patience, n_offers)


@rule
def pole_offer(world, patient, kind, episode, wished, patience, n_offers):
    """Lay out the nearest pole of a specialty, with the wait that this request meets there."""
    rules = world.kinds[kind]
    place = world.pole_places[patient.commune, kind - FIRST_SPECIALTY]
    if place == NOWHERE:
        return n_offers
    z = normal(world.key, Stream.POLE_WAIT, patient.person, kind, episode.occurrence)
    wait_days = int(rules.pole_wait_median_days * exp(rules.pole_wait_sigma * z))
    has_local = rules.n_local > 0 and world.local_providers[patient.commune, rules.first_local] != NOBODY
    if has_local and wait_days > patience:
        return n_offers
    utility = -rules.travel_disutility * world.minutes[patient.commune, place] - rules.wait_disutility * wait_days
    day = open_day_from(world, wished + wait_days)
    return make_offer(world, n_offers, NOBODY, place, day, POLE, 0, utility)


@rule
def choose(world, row, kind, n_offers):
    """Choose between the offers on the table by a multinomial logit; returns the place of the one chosen."""
    if n_offers == 1:
        return 0
    offers = world.offers
    best = offers[0].utility
    for i in range(1, n_offers):
        best = max(best, offers[i].utility)
    total = 0.0
    for i in range(n_offers):
        offers[i].weight = exp(offers[i].utility - best)
        total += offers[i].weight
    episode = world.episodes[kind * world.patients.size + row]
    address = sub_address(world, kind, episode)
    level = total * uniform(world.key, Stream.CHOICE, world.patients[row].person, address, episode.occurrence)
    for i in range(n_offers - 1):
        level -= offers[i].weight
        if level < 0.0:
            return i
    return n_offers - 1


@rule
def accept(world, row, kind, offer, today):
    """Take the chosen offer's time out of the agenda and give the appointment."""
    provider = offer.provider
    if provider != NOBODY:
        if offer.channel == WALK_IN:
            world.walk_in[provider, today] -= offer.seconds
        elif world.free[provider, offer.day] + world.reserve[provider, offer.day] >= offer.seconds:
            take(world, provider, offer.day, offer.seconds)
        else:
            world.overtime[provider, today] -= offer.seconds
        if offer.channel == VIDEO_OWN_GP or offer.channel == VIDEO_SPECIALIST:
            world.providers[provider].n_video += 1
    give_appointment(world, row, kind, offer, today)


@rule
def nothing_acceptable(world, row, kind, today):
    """End an attempt without an acceptable offer: emergency department, another try, or doing without (ODD 7.3)."""
    node = kind * world.patients.size + row
    episode = world.episodes[node]
    rules = world.kinds[kind]
    person = world.patients[row].person
    if rules.p_divert > 0.0:
        address = sub_address(world, kind, episode)
        draw = uniform(world.key, Stream.DIVERSION, person, address, episode.occurrence)
        if draw < rules.p_divert:
            close(world, row, kind, today, DIVERTED)
            record_emergency(world, row, today, NOTHING_IN_TIME)
            start_clock(world, row, kind, today + 1)
            return
    episode.attempts += 1
    episode.failures += 1
    if episode.failures >= rules.most_attempts:
        close(world, row, kind, today, FORGONE)
        if kind == GP_ACUTE:
            escalate(world, row, today)
        start_clock(world, row, kind, today + 1)
        return
    again = today + rules.retry_days
    if again < world.next_open.size:
        again = world.next_open[again]
    episode.stage = ASKING
    remind(world, world.due, node, again)
