"""Care at a distance: who thinks of a video visit, what follows from one, questions between doctors (tele-expertise).

Whose time a teleconsultation uses is said by its channel: the own doctor's agenda, a platform's doctor at home, or a
platform's doctor in a booth. Owns `providers.n_video` and `tele_expertise`; draws from VIDEO, BOOTH, RETURN_VISIT,
TELE_EXPERTISE, PRIORITY.
"""

from __future__ import annotations

from abm.agents.needs import need_now
from abm.agents.payments import account_of_place, general_account, may_have_tele_expertise, pay_tele_expertise
from abm.compiled import rule
from abm.payments.tables import Account
from abm.randomness import Stream, uniform
from abm.state import NEVER, NOBODY, NOWHERE, Channel, Effect, Expertise, Kind, Stage

GP_ACUTE, FIRST_SPECIALTY, QUIET = int(Kind.GP_ACUTE), int(Kind.FIRST_SPECIALTY), int(Stage.QUIET)
VIDEO_OWN_GP, PLATFORM, BOOTH = int(Channel.VIDEO_OWN_GP), int(Channel.PLATFORM), int(Channel.BOOTH)
VIDEO_SPECIALIST = int(Channel.VIDEO_SPECIALIST)
TELE_EXPERTISE_SHARE, PRIORITY_SHARE = int(Effect.TELE_EXPERTISE_SHARE), int(Effect.PRIORITY_SHARE)
ASKED, SPARED, ANSWER_DAYS = int(Expertise.ASKED), int(Expertise.SPARED), int(Expertise.ANSWER_DAYS)
TO_PLATFORM = int(Account.PLATFORM)

# Sub-addresses: times the number of kinds, plus the kind.
BY_OWN_GP, BY_PLATFORM, BY_SPECIALIST = 0, 1, 2  # of the stream VIDEO
IS_ASKED, ANSWERED_IN, IS_SPARED = 0, 1, 2  # of the stream TELE_EXPERTISE


# --- who thinks of it -----------------------------------------------------------------------------------------------


@rule
def video_draw(world, person, kind, which, occurrence):
    """Return the draw that says up to which share a person thinks of a visit by video for a request."""
    return uniform(world.key, Stream.VIDEO, person, kind + world.kinds.size * which, occurrence)


@rule
def is_video_considered(world, patient, kind, episode, probability, which):
    """Tell whether a consultation by video is thought of: digital access, eligible need, today's habit (ODD 7.9)."""
    if probability == 0.0 or not patient.has_digital_access:
        return False
    return video_draw(world, patient.person, kind, which, episode.occurrence) < probability


@rule
def is_booth_considered(world, patient, kind, episode):
    """Tell whether a booth in a pharmacy is thought of: no digital access is needed, somebody there helps [T029]."""
    rules = world.rules[0]
    if rules.booth_share == 0.0 or world.booth_places[patient.commune] == NOWHERE:
        return False
    draw = uniform(world.key, Stream.BOOTH, patient.person, kind, episode.occurrence)
    return draw < rules.booth_share * rules.video_eligible_share


@rule
def may_offer_video(world, desk):
    """Tell whether a doctor may give one more appointment by video: a share of this year's visits at most [T008].

    Notes
    -----
    Appointments by video are counted when they are given, visits when they are held: a video visit is never offered
    beyond the share. Those given in December for January count in the year in which they were given.
    """
    cap = world.rules[0].video_cap_share
    return cap == 0.0 or desk.n_video <= cap * desk.n_held


@rule
def has_priority(world, row, kind, episode):
    """Tell whether a request to a specialist may use the time kept for the urgent."""
    if world.rules[0].has_priority == 0.0:
        return False
    share = float(world.effects[row, PRIORITY_SHARE])
    return share > 0.0 and (
        uniform(world.key, Stream.PRIORITY, world.patients[row].person, kind, episode.occurrence) < share
    )


# --- what follows from a teleconsultation ---------------------------------------------------------------------------


@rule
def return_after_video(world, row, kind, channel, occurrence, today):
    """Let a share of teleconsultations lead to another request within days [T009, T010].

    Notes
    -----
    Of those that only a policy brought about, more do: they replaced no visit in person [T012], so it is still asked
    for. Both are requests as others are, for an acute need; who waits for another already makes none.
    """
    rules = world.rules[0]
    person = world.patients[row].person
    draw = uniform(world.key, Stream.RETURN_VISIT, person, kind, occurrence)
    share, days = rules.video_return_share, rules.video_return_days
    if draw >= share:
        added_share = 1.0 - rules.video_replaced_share
        if draw >= added_share or not is_added_by_policy(world, person, kind, channel, occurrence, today):
            return
        draw, share, days = draw - share, added_share - share, rules.video_asked_again_days
    day = today + 1 + int(days * draw / share)
    need_now(world, row, GP_ACUTE, min(day, world.next_open.size - 1))


@rule
def is_added_by_policy(world, person, kind, channel, occurrence, today):
    """Tell whether a teleconsultation would not have been thought of with today's habits: its draw is beyond them."""
    rules = world.rules[0]
    if channel == BOOTH:
        return True
    if not world.is_open[today]:  # a platform on a closed day is today's habit
        return False
    which, share = BY_OWN_GP, rules.video_share_today
    if channel == PLATFORM:
        which, share = BY_PLATFORM, rules.platform_share_today
    return video_draw(world, person, kind, which, occurrence) >= share * rules.video_eligible_share


# --- questions between doctors --------------------------------------------------------------------------------------


@rule
def day_of_referred_need(world, row, specialty_kind, kind, occurrence, asking, today):
    """Return the day on which a referral becomes a need for a visit; NEVER when a specialist's answer spares it.

    Parameters
    ----------
    specialty_kind : kind of the need referred.
    kind, occurrence : of the visit that ended in the referral: the address of its draws.
    asking : provider who refers, or NOBODY.

    Notes
    -----
    A share of referrals is put to a specialist as a question, as long as the yearly number that is paid for is not
    reached: he answers within some days [T015], and a share of answers makes the visit needless [T016]. Who waits for
    that specialist already is not asked about. The specialist answers outside his sessions.
    """
    tomorrow = today + 1
    if world.rules[0].has_tele_expertise == 0.0:
        return tomorrow
    share = float(world.effects[row, TELE_EXPERTISE_SHARE])
    if share == 0.0 or world.episodes[specialty_kind * world.patients.size + row].stage != QUIET:
        return tomorrow
    person, n_kinds = world.patients[row].person, world.kinds.size
    draw = uniform(world.key, Stream.TELE_EXPERTISE, person, kind + n_kinds * IS_ASKED, occurrence)
    if draw >= share or not may_have_tele_expertise(world, row, today):
        return tomorrow
    draw = uniform(world.key, Stream.TELE_EXPERTISE, person, kind + n_kinds * ANSWERED_IN, occurrence)
    days = 1 + int(draw * world.rules[0].answer_days)
    draw = uniform(world.key, Stream.TELE_EXPERTISE, person, kind + n_kinds * IS_SPARED, occurrence)
    is_spared = draw < world.rules[0].answer_spares_share
    tally = world.tele_expertise[world.month_of[today], specialty_kind - FIRST_SPECIALTY]
    tally[ASKED] += 1
    tally[ANSWER_DAYS] += days
    if is_spared:
        tally[SPARED] += 1
    requester = general_account(world, TO_PLATFORM) if asking == NOBODY else asking
    pay_tele_expertise(world, row, today, requester, account_of_expert(world, row, specialty_kind))
    if is_spared:
        return NEVER
    return min(today + days, world.next_open.size - 1)


@rule
def account_of_expert(world, row, specialty_kind):
    """Return who is paid for an answer: the nearest local specialist, else the pole to which people are referred."""
    commune, rules = world.patients[row].commune, world.kinds[specialty_kind]
    nearest, least = NOBODY, 0.0
    for place_in_list in range(rules.first_local, rules.first_local + rules.n_local):
        provider = world.local_providers[commune, place_in_list]
        if provider == NOBODY:
            break
        minutes = world.minutes[commune, world.providers[provider].place]
        if nearest == NOBODY or minutes < least:
            nearest, least = provider, minutes
    if nearest != NOBODY:
        return nearest
    return account_of_place(world, world.pole_places[commune, specialty_kind - FIRST_SPECIALTY])
