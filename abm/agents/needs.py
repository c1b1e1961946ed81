"""Needs: when a person needs care, of which kind, and where a need of a closed day goes.

One clock a person and kind (ODD 7.2): acute, follow-up, preventive, true emergency, one for each specialty. A clock
stands still while its need is open, so nobody asks twice for the same need (finite source).
Writes `episodes.occurrence`, `asked_on`, `wished_days`, `stage`, `rate` and `patients.referral_share`; draws from
NEED, SEASON, WISH, CLOSED_DAY, NEVER_ASKED, REBOOK, ORDER.
"""

from __future__ import annotations

from math import exp, log

import numpy as np

from abm.agents.calls import ask_for_bed
from abm.agents.endings import close, record_emergency
from abm.compiled import rule
from abm.environment.agenda import give_back, sub_address
from abm.environment.diary import drain, forget, read_ahead, remind
from abm.randomness import Stream, exponential, normal, order_key, uniform
from abm.state import (
    NEVER,
    NOBODY,
    NOWHERE,
    Channel,
    Contact,
    Counter,
    Effect,
    GeneralCause,
    Kind,
    Outcome,
    Stage,
    Status,
)

GP_ACUTE, GP_FOLLOW_UP, EMERGENCY = int(Kind.GP_ACUTE), int(Kind.GP_FOLLOW_UP), int(Kind.EMERGENCY)
STAY, PLANNED_STAY = int(Kind.STAY), int(GeneralCause.PLANNED_MEDICINE)
FIRST_SPECIALTY = int(Kind.FIRST_SPECIALTY)
DAYS_BETWEEN_BIRTHDAYS_SEEN = 91
QUIET, ASKING, CANCELLING, BOOKED = (int(stage) for stage in Stage)
FOLLOW_UP_RATIO = int(Effect.FOLLOW_UP_RATIO)
OPENED, QUEUE, EVENTS = int(Counter.OPENED), int(Counter.QUEUE), int(Counter.EVENTS)
PATIENTS, ALIVE = int(Counter.PATIENTS), int(Status.ALIVE)
NEVER_ASKED, OWN_CLOCK, OWN_CHOICE = int(Contact.NEVER_ASKED), int(Contact.OWN_CLOCK), int(Contact.OWN_CHOICE)
DUTY, PLATFORM = int(Channel.DUTY), int(Channel.PLATFORM)
WITHDRAWN = int(Outcome.WITHDRAWN)
ALIVE = int(Status.ALIVE)


@rule
def age_years(patient, day):
    """Return the completed years of age on a day, 0 for those born later in the warm-up."""
    return max(0, day - patient.birth_day) * 4 // 1461


@rule
def refresh_rates(world, row, day):
    """Write a person's needs a day of every kind, by age, sex, conditions and temperament (ODD 7.2).

    Notes
    -----
    A referral takes over a share of each specialty's needs, so the share of visits that end in one is that part of
    these needs over the person's visits to general practitioners.
    """
    patient = world.patients[row]
    needs, referrals = 0.0, 0.0
    patient.age_band = world.age_bands[age_years(patient, day)]
    for kind in range(world.kinds.size):
        rate = rate_of_alike(world, patient, kind) * float(patient.need_factor)
        if kind == GP_FOLLOW_UP:
            rate += float(patient.follow_up_rate)
        world.episodes[kind * world.patients.size + row].rate = rate
        if kind >= FIRST_SPECIALTY:
            referrals += rate * world.kinds[kind].referral_odds
        elif kind < EMERGENCY:
            needs += rate * world.rules[0].season_mean if world.kinds[kind].is_seasonal else rate
    patient.referral_share = referrals / (needs * world.rules[0].visits_per_need) if referrals > 0.0 else 0.0


@rule
def rate_of_alike(world, patient, kind):
    """Return the needs a day of people of the same age band, sex and conditions."""
    rate = world.rates[kind, patient.age_band, patient.is_female]
    if patient.conditions != 0:
        for condition in range(world.condition_rates.shape[1]):
            if (patient.conditions >> condition) & 1:
                rate += world.condition_rates[kind, condition]
    return rate


@rule
def start_clock(world, row, kind, first_day):
    """Let the clock of a need run from a day on, and put its next need into the diary.

    Notes
    -----
    ODD 7.2. The day is `first_day + floor(E / rate)` with E a unit exponential: each day carries the exact probability
    1 - exp(-rate). People followed for a condition have a rhythm instead: the interval varies little around its mean.
    """
    patient = world.patients[row]
    episode = world.episodes[kind * world.patients.size + row]
    episode.stage = QUIET
    rate = float(episode.rate)
    if rate <= 0.0:
        return
    episode.occurrence += 1
    if kind == GP_FOLLOW_UP and patient.follow_up_rate > 0.0:
        rate *= float(world.effects[row, FOLLOW_UP_RATIO])
        sigma = world.rules[0].rhythm_sigma
        z = normal(world.key, Stream.NEED, patient.person, kind, episode.occurrence)
        days = exp(sigma * z - 0.5 * sigma * sigma) / rate
        if episode.occurrence == 1:  # the run starts in the midst of everybody's rhythm
            days *= uniform(world.key, Stream.SEASON, patient.person, kind, 0)
    elif episode.occurrence == 1 and kind >= FIRST_SPECIALTY:
        days = first_specialist_need(world, patient.person, kind, rate)
    else:
        days = exponential(world.key, Stream.NEED, patient.person, kind, episode.occurrence) / rate
    if days < world.due.size:
        remind(world, world.due, kind * world.patients.size + row, first_day + int(days))


@rule
def first_specialist_need(world, person, kind, rate):
    """Return the days to the first need of a specialty: for some, the return visit of a cycle already under way."""
    rules = world.kinds[kind]
    returns = rate * (1.0 + rules.referral_odds) * rules.p_planned / (1.0 - rules.p_planned)
    returning_share = returns * rules.planned_interval_days
    returning_share = returning_share / (1.0 + returning_share)
    draw = uniform(world.key, Stream.SEASON, person, kind, 0)
    if draw < returning_share:
        return draw / returning_share * rules.planned_interval_days
    return exponential(world.key, Stream.NEED, person, kind, 1) / rate


@rule
def grow_older(world, today):
    """Bring the needs of those who have entered another age band up to date, four times a year (step 8).

    Notes
    -----
    ODD 7.2. A clock that runs keeps its day, be it beyond the last one of the diary: to draw such a clock anew would
    give its owner a second chance of a need. A clock that stood still for want of needs at the former age starts.
    """
    if today % DAYS_BETWEEN_BIRTHDAYS_SEEN != 0:
        return
    for row in range(world.counters[PATIENTS]):
        patient = world.patients[row]
        if patient.status != ALIVE or patient.age_band == world.age_bands[age_years(patient, today)]:
            continue
        stood_still = 0
        for kind in range(world.kinds.size):
            if world.episodes[kind * world.patients.size + row].rate <= 0.0:
                stood_still |= 1 << kind
        refresh_rates(world, row, today)
        for kind in range(world.kinds.size):
            episode = world.episodes[kind * world.patients.size + row]
            if (stood_still >> kind) & 1 and episode.stage == QUIET and episode.event_day == NEVER:
                start_clock(world, row, kind, today + 1)


@rule
def start_clocks(world):
    """Start every clock of every person who is there (once, before the first day)."""
    for row in range(world.counters[PATIENTS]):
        if world.patients[row].status != ALIVE:
            continue
        refresh_rates(world, row, 0)
        for kind in range(world.kinds.size):
            start_clock(world, row, kind, 0)


@rule
def collect_needs(world, today):
    """Take what falls due today: needs arise, cancellations happen, and today's requests are put in order (step 3).

    Notes
    -----
    ODD 7.2. The order is an addressed shuffle over persons: it owes nothing to rows, lists or earlier days.
    """
    world.counters[QUEUE] = 0
    n_today = drain(world, world.due, today, False)
    world.scratch[0] = read_ahead(world, n_today)
    for place in range(n_today):
        node = world.today[place]
        kind, row = node // world.patients.size, node % world.patients.size
        stage = world.episodes[node].stage
        if stage == QUIET:
            need_arises(world, row, kind, today)
        elif stage == CANCELLING:
            cancel(world, row, kind, today)
        elif stage == ASKING:
            queue_request(world, row, kind, today)


@rule
def queue_request(world, row, kind, today):
    """Put a request into today's queue."""
    place = world.counters[QUEUE]
    world.queue[place] = kind * world.patients.size + row
    world.queue_keys[place] = order_key(world.key, world.patients[row].person, kind, today)
    world.counters[QUEUE] = place + 1


@rule
def need_arises(world, row, kind, today):
    """Turn a need that falls due into a request, an emergency visit, or nothing (out of season)."""
    patient = world.patients[row]
    episode = world.episodes[kind * world.patients.size + row]
    if world.kinds[kind].is_seasonal and world.season[today] < 1.0:
        draw = uniform(world.key, Stream.SEASON, patient.person, kind, today + 1)
        if draw >= world.season[today]:
            start_clock(world, row, kind, today + 1)
            return
    if patient.leaves_hospital_on >= today:  # whatever it is, the ward sees to it
        start_clock(world, row, kind, patient.leaves_hospital_on + 1)
        return
    world.counters[EVENTS] += 1
    if kind == STAY:
        ask_for_bed(world, row, PLANNED_STAY, OWN_CLOCK)
        start_clock(world, row, kind, today + 1)
        return
    if kind == EMERGENCY:
        record_emergency(world, row, today, OWN_CLOCK)
        start_clock(world, row, kind, today + 1)
        return
    if kind == GP_ACUTE and goes_elsewhere(world, row, patient.person, episode.occurrence, today):
        return
    open_request(world, row, kind, world.next_open[today])
    if episode.asked_on == today:
        queue_request(world, row, kind, today)
    else:
        remind(world, world.due, kind * world.patients.size + row, episode.asked_on)


@rule
def open_request(world, row, kind, asked_on):
    """Open a request, asked on a day, with the date that suits."""
    episode = world.episodes[kind * world.patients.size + row]
    world.counters[OPENED] += 1
    episode.stage = ASKING
    episode.asked_on = asked_on
    episode.wished_days = wished_horizon(world, world.patients[row].person, kind, episode.occurrence)
    episode.appointment_on = NEVER
    episode.provider = NOBODY
    episode.place = NOWHERE
    episode.channel = 0
    episode.attempts = 0
    episode.failures = 0
    episode.is_planned = 0
    episode.booked_days = 0


@rule
def wished_horizon(world, person, kind, occurrence):
    """Return how many days ahead the person would like to come: 0 for symptoms, a drawn horizon otherwise (ODD 7.4)."""
    rules = world.kinds[kind]
    if rules.wish_days == 0.0:
        return 0
    return horizon_days(rules, uniform(world.key, Stream.WISH, person, kind, occurrence))


@rule
def horizon_days(rules, draw):
    """Return the wished horizon of a draw in [0, 1): as soon as possible for a share, else exponential, whole days."""
    if draw < rules.soon_share:
        return 0
    return int(-log((1.0 - draw) / (1.0 - rules.soon_share)) * rules.wish_days)


@rule
def goes_elsewhere(world, row, person, occurrence, today):
    """Tell whether an acute need reaches no surgery: emergency department unasked, duty care, platform (ODD 7.6)."""
    rules = world.rules[0]
    unasked = rules.p_never_asked > 0.0 and (
        uniform(world.key, Stream.NEVER_ASKED, person, GP_ACUTE, occurrence) < rules.p_never_asked
    )
    if unasked:
        record_emergency(world, row, today, NEVER_ASKED)
        start_clock(world, row, GP_ACUTE, today + 1)
        return True
    if world.is_open[today]:
        return False
    draw = uniform(world.key, Stream.CLOSED_DAY, person, GP_ACUTE, occurrence)
    channel = 0
    if draw < rules.duty_share_closed_day:
        channel = DUTY
    elif draw < rules.duty_share_closed_day + rules.platform_share_closed_day:
        channel = PLATFORM if world.patients[row].has_digital_access else 0
    if channel == 0:
        return False
    open_request(world, row, GP_ACUTE, today)
    see_at_once(world, row, GP_ACUTE, channel, today)
    return True


@rule
def see_at_once(world, row, kind, channel, today):
    """Book somebody for today with a service that has no agenda here (duty care, platform)."""
    node = kind * world.patients.size + row
    episode = world.episodes[node]
    episode.stage = BOOKED
    episode.booked_days = 0
    episode.appointment_on = today
    episode.provider = NOBODY
    episode.place = NOWHERE
    episode.seconds = 0
    episode.channel = channel
    remind(world, world.visits, node, today)


@rule
def cancel(world, row, kind, today):
    """Cancel an appointment: its time is free again; the person asks anew or withdraws (ODD 7.4)."""
    episode = world.episodes[kind * world.patients.size + row]
    person = world.patients[row].person
    if episode.provider != NOBODY:
        give_back(world, episode.provider, episode.appointment_on, episode.seconds)
    if episode.is_planned:
        if episode.provider != NOBODY:
            world.planned_room[episode.provider, episode.appointment_on] += episode.seconds
        close(world, row, kind, today, WITHDRAWN, OWN_CHOICE)
        episode.is_planned = 0
        start_clock(world, row, kind, today + 1)
        return
    draw = uniform(world.key, Stream.REBOOK, person, sub_address(world, kind, episode), episode.occurrence)
    if draw < world.rules[0].rebook_share:
        ask_again(world, row, kind, today)
    else:
        close(world, row, kind, today, WITHDRAWN, OWN_CHOICE)
        start_clock(world, row, kind, today + 1)


@rule
def ask_again(world, row, kind, today):
    """Put a request whose appointment fell through back into the queue, its first asking date kept."""
    node = kind * world.patients.size + row
    episode = world.episodes[node]
    without_appointment(episode)
    day = world.next_open[today]
    if day == today:
        queue_request(world, row, kind, today)
    else:
        remind(world, world.due, node, day)


@rule
def without_appointment(episode):
    """Take the appointment off an episode: it asks anew, with draws of its own."""
    episode.stage = ASKING
    episode.provider = NOBODY
    episode.place = NOWHERE
    episode.channel = 0
    episode.appointment_on = NEVER
    episode.attempts += 1


@rule
def need_now(world, row, kind, day):
    """Let a need arise on a day without waiting for its clock (a referral); nothing happens while one is open.

    Returns
    -------
    True when a request was opened.
    """
    node = kind * world.patients.size + row
    episode = world.episodes[node]
    if episode.stage != QUIET:
        return False
    forget(world, node)
    episode.occurrence += 1
    open_request(world, row, kind, world.next_open[day])
    remind(world, world.due, node, episode.asked_on)
    return True


@rule
def in_order(items, item_keys, n_items):
    """Return the first `n_items` of a list in the order of their addressed keys, shape (n_items,).

    Parameters
    ----------
    items : shape (>= n_items,), int32; not changed.
    item_keys : shape (>= n_items,), uint64, see `order_key`.

    Notes
    -----
    The keys are uniform, so one pass by their leading bits brings each near its place and a short insertion sort
    finishes: a few nanoseconds a request, where a comparison sort took half of the step.
    """
    bits = 1
    while (1 << bits) < n_items:
        bits += 1
    shift = np.uint64(64 - bits)
    places = np.zeros((1 << bits) + 1, np.int64)
    for i in range(n_items):
        places[np.int64(item_keys[i] >> shift) + 1] += 1
    for bucket in range(1 << bits):
        places[bucket + 1] += places[bucket]
    sorted_items = np.empty(n_items, np.int32)
    keys = np.empty(n_items, np.uint64)
    for i in range(n_items):
        leading = np.int64(item_keys[i] >> shift)
        sorted_items[places[leading]], keys[places[leading]] = items[i], item_keys[i]
        places[leading] += 1
    for i in range(1, n_items):
        item, key, place = sorted_items[i], keys[i], i
        while place > 0 and keys[place - 1] > key:
            sorted_items[place], keys[place] = sorted_items[place - 1], keys[place - 1]
            place -= 1
        sorted_items[place], keys[place] = item, key
    return sorted_items
