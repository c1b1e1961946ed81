"""Hospital: who is admitted, where there is a bed, how long they stay, what follows when they leave (ODD 7.7).

Owns `stays`, `comers`, `seen_since_stay` (set to 0), and the list of calls, which it empties; beds are taken and given
back by abm.agents.beds. Draws from ADMISSION, STAY, HOSPITAL_DEATH, READMISSION, TREATABLE, VISITOR and ORDER: at the
address (person, day), or (site, day) for people from elsewhere, so what befalls one person owes nothing to the others
but through beds.
"""

from __future__ import annotations

from math import exp

import numpy as np

from abm.agents.beds import free_bed, take_bed
from abm.agents.calls import ask_for_bed
from abm.agents.endings import write_emergency
from abm.agents.health import death_ratio
from abm.agents.leaving import leave
from abm.agents.needs import in_order, need_now
from abm.compiled import rule
from abm.environment.outside_demand import count_at
from abm.randomness import Stream, normal, order_key, uniform
from abm.state import NOBODY, Contact, Counter, Effect, GeneralCause, Kind, Status, Vital, Ward

CALLS, STAYS = int(Counter.CALLS), int(Counter.STAYS)
ALIVE, DEAD = int(Status.ALIVE), int(Status.DEAD)
EMERGENCY, FIRST_EVENT = int(GeneralCause.EMERGENCY), int(GeneralCause.FIRST_EVENT)
PLANNED_MEDICINE, PLANNED_SURGERY = int(GeneralCause.PLANNED_MEDICINE), int(GeneralCause.PLANNED_SURGERY)
DAY_CASE = int(GeneralCause.DAY_CASE)
SURGERY, INTENSIVE = int(Ward.SURGERY), int(Ward.INTENSIVE)
OWN_CLOCK, DISEASE, READMISSION = int(Contact.OWN_CLOCK), int(Contact.DISEASE), int(Contact.READMISSION)
NOTHING_IN_TIME = int(Contact.NOTHING_IN_TIME)
GP_FOLLOW_UP, DISCHARGE_SHARE = int(Kind.GP_FOLLOW_UP), int(Effect.DISCHARGE_SHARE)
DEATHS_IN_HOSPITAL, EXPECTED_DEATHS = int(Vital.DEATHS_IN_HOSPITAL), int(Vital.EXPECTED_DEATHS)
READMISSION_DAYS = 30  # the definition of a readmission, not an assumption
# Sub-addresses within ADMISSION; a cause's share by the emergency department takes BY_EMERGENCY + cause.
IS_ADMITTED, WHICH_WARD, WHICH_PLAN, BY_EMERGENCY = 0, 1, 2, 16
# Sub-addresses within READMISSION.
COMES_BACK, COMES_ON, COMES_DESPITE_VISIT, ASKS_FOLLOW_UP = 0, 1, 2, 3
# Sub-addresses within VISITOR: how many come for a cause (0 to 2), then two draws for each of them.
FIRST_VISITOR, DRAWS_A_VISITOR = 16, 2
# Sub-addresses within ORDER, above those of the kinds of need.
RESIDENT_CALL, VISITOR_CALL, CONTACTS = 1 << 16, 1 << 15, 16


# --- the morning: who leaves, who comes back --------------------------------------------------------------------------


@rule
def return_beds(world, today):
    """Let those leave whose stay ends today; their beds are free, and those come back who must (step 2)."""
    i = world.leavers[today]
    while i != NOBODY:
        free_bed(world, i)
        end_stay(world, i, today)
        i = world.stays[i].next
    world.leavers[today] = NOBODY
    i = world.comers[today]
    while i != NOBODY:
        come_back(world, i, today)
        i = world.stays[i].comes_next
    world.comers[today] = NOBODY


@rule
def end_stay(world, i, today):
    """End a stay: in death, or at home with what follows from it."""
    stay = world.stays[i]
    if stay.patient == NOBODY:
        return
    if stay.ends_in_death:
        world.vital[world.month_of[today], DEATHS_IN_HOSPITAL] += 1.0
        leave(world, stay.patient, today, DEAD)
        return
    world.seen_since_stay[stay.patient] = 0
    if not world.causes[stay.cause].is_day_case:
        ask_for_follow_up(world, stay.patient, today)
    plan_readmission(world, i, today)


@rule
def ask_for_follow_up(world, row, today):
    """Let a drawn share ask for a visit to a general practitioner at once; nothing happens while one is open."""
    person = world.patients[row].person
    draw = uniform(world.key, Stream.READMISSION, person, ASKS_FOLLOW_UP, today)
    share = world.hospital[0].follow_up_share + float(world.effects[row, DISCHARGE_SHARE])
    if draw < share and need_now(world, row, GP_FOLLOW_UP, today):
        world.episodes[GP_FOLLOW_UP * world.patients.size + row].wished_days = 0


@rule
def plan_readmission(world, i, today):
    """Draw whether the person comes back within thirty days, and when; every day is as likely as another."""
    stay = world.stays[i]
    person = world.patients[stay.patient].person
    if uniform(world.key, Stream.READMISSION, person, COMES_BACK, today) >= world.causes[stay.cause].p_readmission:
        return
    day = today + 1 + int(READMISSION_DAYS * uniform(world.key, Stream.READMISSION, person, COMES_ON, today))
    if day < world.comers.size:
        stay.comes_next = world.comers[day]
        world.comers[day] = i


@rule
def come_back(world, i, today):
    """Bring somebody back to hospital, less often if he has seen a general practitioner meanwhile."""
    stay = world.stays[i]
    patient = world.patients[stay.patient]
    if patient.status != ALIVE:
        return
    if world.seen_since_stay[stay.patient]:
        draw = uniform(world.key, Stream.READMISSION, patient.person, COMES_DESPITE_VISIT, today)
        if draw >= world.hospital[0].readmission_ratio:
            return
    cause = stay.cause if stay.cause >= FIRST_EVENT else EMERGENCY
    ask_for_bed(world, stay.patient, cause, READMISSION)


# --- the evening: who is admitted -------------------------------------------------------------------------------------


@rule
def receive(world, today):
    """Look at everybody who asks for a bed, in an addressed order: admit, send on, or send home (step 6).

    Notes
    -----
    Who takes the last bed owes nothing to rows: the keys are addressed by person and reason.
    """
    n_residents = world.counters[CALLS]
    visitors_call(world, today)
    n_calls = world.counters[CALLS]
    places = np.empty(n_calls, np.int32)
    keys = np.empty(n_calls, np.uint64)
    for place in range(n_calls):
        places[place] = place
        keys[place] = call_key(world, place, n_residents, today)
    for place in in_order(places, keys, n_calls):
        row, cause = int(world.call_rows[place]), int(world.call_causes[place])
        if place < n_residents:
            receive_resident(world, row, cause, int(world.call_contacts[place]), today)
        else:
            receive_visitor(world, row, cause, place - n_residents, today)
    world.counters[CALLS] = 0


@rule
def call_key(world, place, n_residents, today):
    """Return the key that says whose call comes first, smallest first."""
    if place >= n_residents:
        return order_key(world.key, place - n_residents, VISITOR_CALL, today)
    person = world.patients[world.call_rows[place]].person
    reason = int(world.call_causes[place]) * CONTACTS + int(world.call_contacts[place])
    return order_key(world.key, person, RESIDENT_CALL + reason, today)


@rule
def receive_resident(world, row, cause, contact, today):
    """Decide whether an inhabitant needs a bed, and for what."""
    patient = world.patients[row]
    if patient.status != ALIVE or patient.leaves_hospital_on >= today:
        return
    by_emergency = True
    if contact == READMISSION:
        write_emergency(world, row, today, READMISSION)
    elif contact == DISEASE:
        draw = uniform(world.key, Stream.ADMISSION, patient.person, BY_EMERGENCY + cause, today)
        by_emergency = draw < world.causes[cause].p_emergency
        if by_emergency:
            write_emergency(world, row, today, DISEASE)
    elif cause == EMERGENCY:
        share = world.stay_share_admitted[patient.age_band]
        if contact == NOTHING_IN_TIME:
            share *= world.hospital[0].admitted_ratio_without_access
        if uniform(world.key, Stream.ADMISSION, patient.person, IS_ADMITTED, today) >= share:
            return
    else:
        by_emergency = False
        cause = planned_cause(world, patient, today)
    admit(world, row, cause, by_emergency, contact == READMISSION, today)


@rule
def planned_cause(world, patient, today):
    """Return what a planned stay is for: a day case, surgery or medicine."""
    draw = uniform(world.key, Stream.ADMISSION, patient.person, WHICH_PLAN, today)
    day_case_share = world.stay_ages[patient.age_band].day_case_share
    if draw < day_case_share:
        return DAY_CASE
    if draw < day_case_share + (1.0 - day_case_share) * world.hospital[0].planned_surgery_share:
        return PLANNED_SURGERY
    return PLANNED_MEDICINE


@rule
def ward_of(world, cause, draw):
    """Return the ward of a stay: the cause's own, or by draw in [0, 1) for general emergencies."""
    if cause != EMERGENCY:
        return world.causes[cause].ward
    shares = world.hospital[0]
    if draw < shares.emergency_intensive_share:
        return INTENSIVE
    if draw < shares.emergency_intensive_share + shares.emergency_surgery_share:
        return SURGERY
    return world.causes[cause].ward


@rule
def nights_of(world, cause, z):
    """Return the whole nights of a stay from a standard normal draw, at least 1; their mean is the cause's."""
    return 1 + int(exp(world.stay_log_medians[cause] + world.causes[cause].stay_sigma * z))


@rule
def death_share(world, patient, cause, last_day):
    """Return the probability that a stay ends in death; nobody dies while the population stands still (warm-up)."""
    if last_day < world.demography[0].first_day:
        return 0.0
    share = world.causes[cause].p_death
    if cause < FIRST_EVENT:
        share *= world.stay_ages[patient.age_band].death_ratio
    return min(1.0, share)


@rule
def admit(world, row, cause, by_emergency, is_readmission, today):
    """Give an inhabitant a stay: where it can be treated and a bed is free, else at the nearest pole.

    Notes
    -----
    A territory without any pole sends home whom it has no bed for.
    """
    patient = world.patients[row]
    person = patient.person
    is_day_case = world.causes[cause].is_day_case
    ward = ward_of(world, cause, uniform(world.key, Stream.ADMISSION, person, WHICH_WARD, today))
    site = site_wanted(world, patient, cause, ward, today)
    is_transfer = False
    if not is_day_case and not has_free_bed(world, site, ward):
        site = nearest_pole(world, patient.commune, ward)
        is_transfer = True
    if site == NOBODY:
        return
    nights = 0
    if not is_day_case:
        nights = nights_of(world, cause, normal(world.key, Stream.STAY, person, cause, today))
    p_death = death_share(world, patient, cause, today + nights) * death_ratio(world, row)
    world.vital[world.month_of[today], EXPECTED_DEATHS] += p_death
    dies = uniform(world.key, Stream.HOSPITAL_DEATH, person, cause, today) < p_death
    i = write_stay(world, row, site, cause, ward, today, today + nights)
    stay = world.stays[i]
    stay.is_transfer, stay.is_readmission = is_transfer, is_readmission
    stay.by_emergency, stay.ends_in_death = by_emergency, dies
    if is_day_case:
        end_stay(world, i, today)
    else:
        take_bed(world, i)


@rule
def site_wanted(world, patient, cause, ward, today):
    """Return the hospital that would take the stay: the nearest with an emergency department if it can treat it."""
    near = world.emergency_places[patient.commune] - world.minutes.shape[0]
    if world.beds[near, ward] == NOBODY:
        return near
    if world.beds[near, ward] > 0:
        draw = uniform(world.key, Stream.TREATABLE, patient.person, cause, today)
        if draw < world.causes[cause].p_local:
            return near
    return nearest_pole(world, patient.commune, ward)


@rule
def nearest_pole(world, commune, ward):
    """Return the nearest site with as many beds as needed in a ward, NOBODY where there is none."""
    n_communes = world.minutes.shape[0]
    nearest, fewest_minutes = NOBODY, np.inf
    for site in range(world.beds.shape[0]):
        minutes = world.minutes[commune, n_communes + site]
        if world.beds[site, ward] == NOBODY and minutes < fewest_minutes:
            nearest, fewest_minutes = site, minutes
    return nearest


@rule
def has_free_bed(world, site, ward):
    """Tell whether a site has a bed to give today; NOBODY, no site, has none."""
    if site == NOBODY:
        return False
    return world.beds[site, ward] == NOBODY or world.occupied[site, ward] < world.beds[site, ward]


@rule
def write_stay(world, row, site, cause, ward, today, leaves_on):
    """Write a new stay and return its row."""
    i = world.counters[STAYS]
    stay = world.stays[i]
    stay.patient, stay.site, stay.cause, stay.ward = row, site, cause, ward
    stay.admitted_on, stay.leaves_on = today, leaves_on
    stay.next, stay.comes_next = NOBODY, NOBODY
    stay.is_transfer, stay.is_readmission, stay.by_emergency, stay.ends_in_death = 0, 0, 0, 0
    world.counters[STAYS] = i + 1
    return i


# --- people from elsewhere --------------------------------------------------------------------------------------------


@rule
def visitors_call(world, today):
    """Put today's people from elsewhere on the list, their site in place of a row; only beds are asked of them.

    Notes
    -----
    They are counted by site and cause, so that how many come owes nothing to the inhabitants.
    """
    for site in range(world.visitor_means.shape[0]):
        for cause in range(world.visitor_means.shape[1]):
            mean = world.visitor_means[site, cause]
            if mean <= 0.0:
                continue
            n_visitors = count_at(uniform(world.key, Stream.VISITOR, site, cause, today), mean)
            for _ in range(n_visitors):
                ask_for_bed(world, site, cause, OWN_CLOCK)


@rule
def receive_visitor(world, site, cause, which, today):
    """Give somebody from elsewhere a bed if one is free; else he goes elsewhere and is not followed."""
    address = FIRST_VISITOR + DRAWS_A_VISITOR * which
    ward = ward_of(world, cause, uniform(world.key, Stream.VISITOR, site, address, today))
    if not has_free_bed(world, site, ward):
        return
    nights = nights_of(world, cause, normal(world.key, Stream.VISITOR, site, address + 1, today))
    i = write_stay(world, NOBODY, site, cause, ward, today, today + nights)
    world.stays[i].by_emergency = cause == EMERGENCY
    take_bed(world, i)
