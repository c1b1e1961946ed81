"""Chronic disease: control that is lost and won back, exacerbations and complications, new cases (ODD 7.5).

Owns `health`, `first_look`, `next_look`, and of the patients `conditions` and `follow_up_rate` (new cases, recoveries),
`last_follow_up`, `has_ald` (new cases). Draws from CONTROL, HEALTH_EVENT, INCIDENCE, ESCALATION. This is the path by
which delay becomes cost: visits come late, control is lost, events become more likely.

Control is not written every day. `health.control` is that of the last follow-up; what has drifted away since is a
function of the day (`control_now`), so no look at a person, and no order of looks, can change it.
"""

from __future__ import annotations

from math import exp

import numpy as np

from abm.agents.calls import ask_for_bed
from abm.agents.endings import record_emergency
from abm.agents.needs import age_years, refresh_rates, start_clock
from abm.compiled import rule
from abm.environment.diary import forget
from abm.randomness import Stream, normal, uniform
from abm.state import NEVER, NOBODY, Contact, Effect, Kind, Stage, Status

DAYS_BETWEEN_LOOKS = 30
DAYS_A_YEAR = 365.25
DAYS_A_MONTH = DAYS_A_YEAR / 12.0
RECENT_EVENT_DAYS = 365  # mortality ratios after an event are those of its first year
EVENT_MONTH_DAYS = 30
REFERENCE_AGE_YEARS = 70.0  # of age ratios; any age gives the same hazards, as rates are scaled to their mean
IN_NO_CHAIN = -2
GP_ACUTE, GP_FOLLOW_UP = int(Kind.GP_ACUTE), int(Kind.GP_FOLLOW_UP)
ALIVE, QUIET = int(Status.ALIVE), int(Stage.QUIET)
DISEASE, ESCALATION = int(Contact.DISEASE), int(Contact.ESCALATION)
DEATH_RATIO, AVOIDABLE_RATIO = int(Effect.DEATH_RATIO), int(Effect.AVOIDABLE_RATIO)
# Sub-addresses within the stream INCIDENCE: who falls ill (by month), long-term status, recovery (by look).
LONG_TERM_STATUS, RECOVERY = 0, 1


# --- having a disease -------------------------------------------------------------------------------------------


@rule
def has(patient, condition):
    """Tell whether a person has a condition."""
    return (patient.conditions >> condition) & 1 == 1


@rule
def own_control(world, person, condition):
    """Return the control that is a person's own, at the start: normal between patients, cut at best and worst."""
    disease = world.conditions[condition]
    z = normal(world.key, Stream.CONTROL, person, disease.address, 0)
    return min(max(disease.control_mean + disease.control_sd * z, disease.control_best), disease.control_worst)


@rule
def begin_illness(world):
    """Give all who have a disease their control, their history and a day to be looked at (once, after the clocks)."""
    for row in range(world.patients.size - 1, -1, -1):  # backwards: the chains then run in the order of rows
        if world.patients[row].status == ALIVE:
            begin_life_with_disease(world, row, 0)


@rule
def begin_life_with_disease(world, row, today):
    """Give one person, there from the start or newly arrived, the state of the diseases he has; without any, nothing.

    Notes
    -----
    The last follow-up lies back by the part of the rhythm that the clock of follow-up has behind it when it starts
    (`abm.agents.needs.start_clock`, the same draw).
    """
    patient = world.patients[row]
    if world.conditions.size == 0 or patient.conditions == 0:
        return
    if patient.follow_up_rate > 0.0:
        ahead = uniform(world.key, Stream.SEASON, patient.person, GP_FOLLOW_UP, 0)
        patient.last_follow_up = today - int((1.0 - ahead) / float(patient.follow_up_rate))
    for condition in range(world.conditions.size):
        if has(patient, condition):
            begin_condition(world, row, condition)
            remember_history(world, row, condition)
    look_in_future(world, row)


@rule
def begin_condition(world, row, condition):
    """Write the state of a disease that is new to the table: own control, no event yet."""
    state = world.health[row * world.conditions.size + condition]
    state.own = own_control(world, world.patients[row].person, condition)
    state.control = state.own
    state.last_event_on = NEVER
    state.events_seen = 0


@rule
def remember_history(world, row, condition):
    """Draw which events of a disease a person had before the run: they weigh on quality of life, not on hazards."""
    disease = world.conditions[condition]
    state = world.health[row * world.conditions.size + condition]
    seen = 0
    for event in range(disease.n_causes):
        share = world.causes[disease.first_cause + event].history_share
        if share > 0.0:
            person = world.patients[row].person
            if uniform(world.key, Stream.CONTROL, person, disease.address, 1 + event) < share:
                seen |= 1 << event
    state.events_seen = seen


@rule
def look_in_future(world, row):
    """Enter a person into the chain of those looked at on one day of thirty; that day is the person's, not the row's.

    Notes
    -----
    A chain costs nothing to extend when somebody falls ill, and a day touches a thirtieth of the ill and nobody else.
    """
    if world.next_look[row] != IN_NO_CHAIN:
        return
    day = world.patients[row].person % DAYS_BETWEEN_LOOKS
    world.next_look[row] = world.first_look[day]
    world.first_look[day] = row


# --- control and follow-up --------------------------------------------------------------------------------------


@rule
def months_late(world, patient, condition, today):
    """Return by how many months follow-up is late: beyond the person's own rhythm and some grace, 0 when it is not."""
    disease = world.conditions[condition]
    if patient.regularity <= 0.0:  # nobody expects this person
        return 0.0
    days = today - patient.last_follow_up - disease.follow_up_grace_days
    days -= disease.follow_up_interval_days / float(patient.regularity)
    return max(0.0, days) / DAYS_A_MONTH


@rule
def control_now(world, row, condition, today):
    """Return the control of a disease on a day: that of the last follow-up and what has drifted away since."""
    disease = world.conditions[condition]
    control = float(world.health[row * world.conditions.size + condition].control)
    if disease.drift_per_month_late == 0.0:
        return control
    lost = disease.drift_per_month_late * months_late(world, world.patients[row], condition, today)
    return min(control + lost, max(disease.control_worst, control))


@rule
def control_felt(world, row, condition, today):
    """Return the control that hazards see: as it is, less what interventions take off it, never below the best."""
    control = control_now(world, row, condition, today)
    shift = float(world.health[row * world.conditions.size + condition].shift)
    if shift == 0.0:
        return control
    return max(control + shift, min(world.conditions[condition].control_best, control))


@rule
def see_doctor(world, row, kind, today):
    """Let a visit held do its good: what drifted away is won back in part, and follow-up is no longer late (step 5).

    Notes
    -----
    ODD 7.5. Follow-up with any general practitioner, in person or by video, counts for all diseases; a specialist's
    visit for those he treats (`world.restores`). Visits for an acute or preventive need do not count. A person has one
    clock of follow-up: who was seen for one disease is not late for the others, but wins back nothing there.
    """
    patient = world.patients[row]
    if patient.conditions == 0:
        if kind == GP_FOLLOW_UP:
            patient.last_follow_up = today
        return
    is_follow_up = kind == GP_FOLLOW_UP
    for condition in range(world.conditions.size):
        if has(patient, condition) and world.restores[kind, condition]:
            is_follow_up = True
    if is_follow_up:
        settle_control(world, row, kind, today)
        patient.last_follow_up = today


@rule
def settle_control(world, row, kind, today):
    """Write down everybody's loss of control so far, less what a visit of this kind wins back (-1: no visit)."""
    patient = world.patients[row]
    if patient.conditions == 0:
        return
    for condition in range(world.conditions.size):
        if has(patient, condition):
            state = world.health[row * world.conditions.size + condition]
            control = control_now(world, row, condition, today)
            if kind >= 0 and world.restores[kind, condition]:
                lost = control - float(state.own)
                control -= world.conditions[condition].restore_share * max(0.0, lost)
            state.control = control


# --- events -----------------------------------------------------------------------------------------------------


@rule
def look_after_health(world, today):
    """Look at each chronically ill person once in thirty days: events, recoveries; once a month new cases (step 7)."""
    day = today % DAYS_BETWEEN_LOOKS
    previous, row = NOBODY, world.first_look[day]
    while row != NOBODY:
        following = world.next_look[row]
        patient = world.patients[row]
        if patient.status == ALIVE and patient.conditions != 0:
            look_at(world, row, today)
            previous = row
        else:  # gone, or ill no more: out of the chain
            world.next_look[row] = IN_NO_CHAIN
            if previous == NOBODY:
                world.first_look[day] = following
            else:
                world.next_look[previous] = following
        row = following
    if today + 1 < world.month_of.size and world.month_of[today + 1] != world.month_of[today]:
        find_new_cases(world, today)


@rule
def look_at(world, row, today):
    """Draw what each disease of a person brings about until the next look; in hospital nothing comes on top."""
    patient = world.patients[row]
    look = today // DAYS_BETWEEN_LOOKS
    for condition in range(world.conditions.size):
        if not has(patient, condition):
            continue
        disease = world.conditions[condition]
        draw = uniform(world.key, Stream.HEALTH_EVENT, patient.person, disease.address, look)
        if draw < disease.most_event_share and patient.leaves_hospital_on < today:
            suffer(world, row, condition, draw, today)
        if disease.recovery_rate > 0.0:
            draw = uniform(world.key, Stream.INCIDENCE, patient.person, disease.address, RECOVERY + look)
            if draw < 1.0 - exp(-DAYS_BETWEEN_LOOKS * disease.recovery_rate):
                recover(world, row, condition, today)


@rule
def event_rate(world, row, cause, today):
    """Return the events a day of one cause: by control, deprivation and age (ODD 7.5).

    Notes
    -----
    The multipliers are scaled so that patients at the start have the published mean (`abm.illness`).
    """
    event = world.causes[cause]
    patient = world.patients[row]
    control = control_felt(world, row, event.condition, today)
    log_ratio = event.log_ratio_per_unit * (control - world.conditions[event.condition].control_mean)
    log_ratio += event.log_deprivation_ratio * (3.0 - patient.income_quintile) / 4.0
    log_ratio += event.log_age_ratio_per_decade * (age_years(patient, today) - REFERENCE_AGE_YEARS) / 10.0
    ratio = float(world.health[row * world.conditions.size + event.condition].event_ratio)
    if event.is_avoidable != 0 and world.rules[0].has_avoidable_ratio != 0.0:
        ratio *= float(world.effects[row, AVOIDABLE_RATIO])
    return event.rate * ratio * exp(log_ratio)


@rule
def suffer(world, row, condition, draw, today):
    """Let an exacerbation or complication happen if the draw says so: competing hazards until the next look.

    Parameters
    ----------
    draw : in [0, 1); below 1 - exp(-30 * sum of rates) an event happens, and its place below says which.
    """
    disease = world.conditions[condition]
    total = 0.0
    for cause in range(disease.first_cause, disease.first_cause + disease.n_causes):
        total += event_rate(world, row, cause, today)
    probability = 1.0 - exp(-DAYS_BETWEEN_LOOKS * total)
    if draw >= probability:
        return
    level = draw / probability * total
    cause = disease.first_cause
    level -= event_rate(world, row, cause, today)
    while level >= 0.0 and cause < disease.first_cause + disease.n_causes - 1:
        cause += 1
        level -= event_rate(world, row, cause, today)
    state = world.health[row * world.conditions.size + condition]
    state.last_event_on = today
    state.events_seen = state.events_seen | (1 << (cause - disease.first_cause))
    ask_for_bed(world, row, cause, DISEASE)


@rule
def escalate(world, row, today):
    """Let an acute need that nobody served become an emergency, for a registered share (called when it is forgone)."""
    share = world.rules[0].escalation_share
    if share == 0.0:
        return
    occurrence = world.episodes[GP_ACUTE * world.patients.size + row].occurrence
    if uniform(world.key, Stream.ESCALATION, world.patients[row].person, GP_ACUTE, occurrence) < share:
        record_emergency(world, row, today, ESCALATION)


# --- new cases and recoveries -----------------------------------------------------------------------------------


@rule
def find_new_cases(world, today):
    """On the last day of a month: who has fallen ill in it, one draw a person for all diseases as competing risks.

    Notes
    -----
    ODD 7.5. Nearly everybody is passed by on the draw alone: no one's risk exceeds that of his age and sex with all
    other diseases.
    """
    if world.conditions.size == 0:
        return
    days = days_of_month_lived(world, today)
    most = most_new_cases(world, days)
    for row in range(world.patients.size):
        patient = world.patients[row]
        if patient.status != ALIVE:
            continue
        draw = uniform(world.key, Stream.INCIDENCE, patient.person, 0, world.month_of[today])
        if draw < most[patient.age_band, patient.is_female]:
            fall_ill_perhaps(world, row, draw, days, today)


@rule
def days_of_month_lived(world, today):
    """Return the days from the first of this month, or of the run, to today."""
    days = 1
    while today - days >= 0 and world.month_of[today - days] == world.month_of[today]:
        days += 1
    return days


@rule
def most_new_cases(world, days):
    """Return the probability of a new disease within some days that nobody of an age band and sex exceeds, (a, 2)."""
    highest_ratio = 1.0
    for _ in range(world.conditions.size - 1):
        highest_ratio *= world.rules[0].comorbidity_ratio
    most = np.empty((world.incidence.shape[1], 2))
    for band in range(most.shape[0]):
        for sex in range(2):
            total = 0.0
            for condition in range(world.conditions.size):
                total += world.incidence[condition, band, sex]
            most[band, sex] = 1.0 - exp(-days * total * highest_ratio)
    return most


@rule
def fall_ill_perhaps(world, row, draw, days, today):
    """Let a person fall ill if the draw says so, of the disease that its place below the total risk says."""
    patient = world.patients[row]
    ratio = 1.0
    total = 0.0
    for condition in range(world.conditions.size):
        if has(patient, condition):
            ratio *= world.rules[0].comorbidity_ratio
        else:
            total += world.incidence[condition, patient.age_band, patient.is_female]
    total *= ratio
    probability = 1.0 - exp(-days * total)
    if draw >= probability:
        return
    level = draw / probability * total
    found = NOBODY
    for condition in range(world.conditions.size):
        if has(patient, condition) or level < 0.0:
            continue
        found = condition
        level -= ratio * world.incidence[condition, patient.age_band, patient.is_female]
    if found != NOBODY:
        fall_ill(world, row, found, today)


@rule
def fall_ill(world, row, condition, today):
    """Give a person a disease: own control, follow-up from today, its needs, perhaps long-term status."""
    patient = world.patients[row]
    settle_control(world, row, NOBODY, today)
    patient.conditions = patient.conditions | (1 << condition)
    begin_condition(world, row, condition)
    world.health[row * world.conditions.size + condition].began_on = today
    patient.last_follow_up = today
    disease = world.conditions[condition]
    draw = uniform(world.key, Stream.INCIDENCE, patient.person, disease.address, LONG_TERM_STATUS)
    if draw < disease.ald_share:
        patient.has_ald = 1
    keep_rhythm(world, row)
    refresh_rates(world, row, today)
    start_new_clocks(world, row, condition, today)
    look_in_future(world, row)


@rule
def keep_rhythm(world, row):
    """Set a person's rhythm of follow-up: that of the disease which asks for the shortest."""
    patient = world.patients[row]
    rate = 0.0
    for condition in range(world.conditions.size):
        if has(patient, condition):
            rate = max(rate, float(patient.regularity) / world.conditions[condition].follow_up_interval_days)
    patient.follow_up_rate = rate


@rule
def start_new_clocks(world, row, condition, today):
    """Draw anew the next need of each kind that the disease asks for, where none is open."""
    for kind in range(world.kinds.size):
        node = kind * world.patients.size + row
        concerned = kind == GP_FOLLOW_UP or world.condition_rates[kind, condition] > 0.0
        if concerned and world.episodes[node].stage == QUIET:
            forget(world, node)
            start_clock(world, row, kind, today + 1)


@rule
def recover(world, row, condition, today):
    """Take a disease off a person; clocks that run keep their day, long-term status stays for its term."""
    patient = world.patients[row]
    patient.conditions = patient.conditions & ~(1 << condition)
    keep_rhythm(world, row)
    refresh_rates(world, row, today)


# --- what others ask --------------------------------------------------------------------------------------------


@rule
def mortality_multiplier(world, row, today):
    """Return the hazard of death of a person over that of people without any disease (ODD 7.5).

    Notes
    -----
    Product over diseases of the ratio of each, of its control, and of an event within a year. 1 without disease.
    """
    return burden(world, row, today)[0]


@rule
def death_ratio(world, row):
    """Return what interventions leave of a person's hazard of death, 0 to 1; 1, unread, where nobody's is changed."""
    if world.rules[0].has_death_ratio == 0.0:
        return 1.0
    return float(world.effects[row, DEATH_RATIO])


@rule
def utility_loss(world, row, today):
    """Return what diseases and their events add to a person's quality of life, <= 0."""
    return burden(world, row, today)[1]


@rule
def burden(world, row, today):
    """Return both at once, `mortality_multiplier` and `utility_loss`: one look at the diseases of a person."""
    patient = world.patients[row]
    if patient.conditions == 0 or world.conditions.size == 0:
        return 1.0, 0.0
    ratio, log_ratio, loss = 1.0, 0.0, 0.0
    for condition in range(world.conditions.size):
        if not has(patient, condition):
            continue
        disease = world.conditions[condition]
        state = world.health[row * world.conditions.size + condition]
        ratio *= disease.mortality_ratio
        loss += disease.utility_loss
        if disease.log_mortality_per_unit != 0.0:
            control = control_felt(world, row, condition, today)
            log_ratio += disease.log_mortality_per_unit * (control - disease.control_mean)
        if state.last_event_on != NEVER and today - state.last_event_on <= RECENT_EVENT_DAYS:
            ratio *= disease.recent_event_mortality_ratio
            if today - state.last_event_on <= EVENT_MONTH_DAYS:
                loss += disease.recent_event_utility_loss
        for event in range(disease.n_causes if state.events_seen else 0):
            if (state.events_seen >> event) & 1:
                loss += world.causes[disease.first_cause + event].utility_loss
    return (ratio * exp(log_ratio) if log_ratio != 0.0 else ratio), -loss
