"""Payments: each act is billed at the price of its day and shared between payers; the books balance to the cent.

Owns `billed`, `paid`, `received`, `spend_cents` and `accounts`; changes nothing else of the world, so nobody's life
depends on them. Draws from SPEND: who has solidarity cover, whose transport is paid. Every share is rounded to the
cent and the compulsory insurance pays what is left, so that what is billed is paid exactly (ODD 7.10).
"""

from __future__ import annotations

from math import exp, floor

import numpy as np

from abm.agents.needs import age_years
from abm.compiled import rule
from abm.payments.tables import BACKGROUND, BACKGROUND_ACCOUNTS, CARE_PAYERS, COVERS, Account, Act, Category
from abm.randomness import Stream, normal, uniform
from abm.state import NEVER, NOBODY, Channel, Counter, Kind, Outcome, Payer, Status, Ward

RECORDS, PAID_RECORDS = int(Counter.RECORDS), int(Counter.PAID_RECORDS)
STAYS, PAID_STAYS, PATIENTS = int(Counter.STAYS), int(Counter.PAID_STAYS), int(Counter.PATIENTS)
SERVED, EXPECTED, ALIVE = int(Outcome.SERVED), int(Status.EXPECTED), int(Status.ALIVE)
EMERGENCY_KIND, FIRST_SPECIALTY = int(Kind.EMERGENCY), int(Kind.FIRST_SPECIALTY)
VIDEO_OWN_GP, PLATFORM, DUTY = int(Channel.VIDEO_OWN_GP), int(Channel.PLATFORM), int(Channel.DUTY)
HOME, POLE = int(Channel.HOME), int(Channel.POLE)
BOOTH, VIDEO_SPECIALIST = int(Channel.BOOTH), int(Channel.VIDEO_SPECIALIST)
MEDICINE = int(Ward.MEDICINE)
COMPULSORY, LOCAL, COMPLEMENTARY, PATIENT = (int(payer) for payer in list(Payer)[:CARE_PAYERS])

ACT_STAY, ACT_DAY_CASE, ACT_GP, ACT_HOME = (
    int(act) for act in (Act.STAY, Act.DAY_CASE, Act.GP_CONSULTATION, Act.HOME_VISIT_SURCHARGE)
)
ACT_VIDEO, ACT_PLATFORM = int(Act.TELECONSULTATION), int(Act.PLATFORM_TELECONSULTATION)
ACT_EXPERT, ACT_REQUESTER = int(Act.TELE_EXPERTISE_EXPERT), int(Act.TELE_EXPERTISE_REQUESTER)
ACT_DUTY, ACT_EMERGENCY = int(Act.DUTY_CONSULTATION), int(Act.EMERGENCY_VISIT)
EMERGENCY_FEE, EMERGENCY_FEE_ALD = int(Act.EMERGENCY_FEE), int(Act.EMERGENCY_FEE_ALD)
DAILY_FEE, PARTICIPATION, HEAVY_ACT_FEE = (
    int(act) for act in (Act.HOSPITAL_DAILY_FEE, Act.PARTICIPATION, Act.HEAVY_ACT_FEE)
)
TRANSPORT_START, TRANSPORT_KM = int(Act.TRANSPORT_START), int(Act.TRANSPORT_KM)
LUMP_SUM_UNDER_7, LUMP_SUM_7_TO_74, LUMP_SUM_75_TO_79, LUMP_SUM_80_PLUS = (
    int(act) for act in (Act.LUMP_SUM_UNDER_7, Act.LUMP_SUM_7_TO_74, Act.LUMP_SUM_75_TO_79, Act.LUMP_SUM_80_PLUS)
)
LUMP_SUM_ALD_UNDER_80, LUMP_SUM_ALD_80_PLUS = int(Act.LUMP_SUM_ALD_UNDER_80), int(Act.LUMP_SUM_ALD_80_PLUS)
LUMP_SUM_C2S, FIRST_SPECIALIST = int(Act.LUMP_SUM_C2S), int(Act.FIRST_SPECIALIST)

IN_GP, IN_LUMP_SUMS, IN_DUTY, IN_SPECIALIST = (
    int(category) for category in (Category.GP, Category.GP_LUMP_SUMS, Category.DUTY_CARE, Category.SPECIALIST)
)
IN_TELEHEALTH, IN_EMERGENCY, IN_STAYS, IN_TRANSPORT = (
    int(category) for category in (Category.TELEHEALTH, Category.EMERGENCY, Category.STAYS, Category.TRANSPORT)
)
FIRST_HEADING, N_HEADINGS = int(BACKGROUND[0]), len(BACKGROUND)
FIRST_HEADING_ACCOUNT = int(BACKGROUND_ACCOUNTS[0])
TO_PLATFORM, TO_DUTY, TO_ELSEWHERE, TO_TRANSPORT = (
    int(account) for account in (Account.PLATFORM, Account.DUTY_SERVICE, Account.HOSPITALS_ELSEWHERE, Account.TRANSPORT)
)

# Sub-addresses within the stream SPEND; transport to specialists takes FIRST_TRIP + kind.
FACTOR, SOLIDARITY, STAY_TRIP, FIRST_TRIP = 0, 1, 2, 16


@rule
def settle(world, today):
    """Pay what was done today, and on the last day of a month what is paid by the month (step 11)."""
    if world.billed.shape[1] == 0:  # a world without prices
        return
    due = np.zeros((COVERS, CARE_PAYERS), np.int64)
    pay_visits(world, today, due)
    pay_stays(world, today)
    is_last = today + 1 >= world.ledger_month_of.size
    if is_last or world.ledger_month_of[today + 1] != world.ledger_month_of[today]:
        charge_background(world, today, due)
    if not is_last and world.year_of[today + 1] != world.year_of[today]:
        pay_lump_sums(world, today)
    book_background(world, today, due)


# --- the books ----------------------------------------------------------------------------------------------------


@rule
def rounded(amount):
    """Return the nearest whole number of cents, halves up."""
    return int(floor(amount + 0.5))


@rule
def post(world, today, row, category, account, compulsory, local, complementary, patient):
    """Book one bill on every side: what is billed, who paid it, who received it, for whom."""
    month = world.ledger_month_of[today]
    total = compulsory + local + complementary + patient
    world.billed[month, category] += total
    world.received[month, category, account] += total
    world.paid[month, category, COMPULSORY] += compulsory
    world.paid[month, category, LOCAL] += local
    world.paid[month, category, COMPLEMENTARY] += complementary
    world.paid[month, category, PATIENT] += patient
    spend(world, today, row, compulsory, local, complementary, patient)


@rule
def spend(world, today, row, compulsory, local, complementary, patient):
    """Add to what was spent on a person this year."""
    year = world.spending_year_of[today]
    world.spend_cents[year, row, COMPULSORY] += compulsory
    world.spend_cents[year, row, LOCAL] += local
    world.spend_cents[year, row, COMPLEMENTARY] += complementary
    world.spend_cents[year, row, PATIENT] += patient


@rule
def post_action(world, today, category, account, payer, cents):
    """Book a cost of the territory's action, which is spent on nobody in particular.

    Parameters
    ----------
    category : `Category.ACTION`; what is spent on persons goes through `post`.
    payer : a funder of the action, or the insurance for what the law lets it pay.
    """
    month = world.ledger_month_of[today]
    world.billed[month, category] += cents
    world.paid[month, category, payer] += cents
    world.received[month, category, account] += cents


@rule
def general_account(world, account):
    """Return the column of `received` of a general account (see `Account`)."""
    return world.providers.size + world.minutes.shape[1] - world.minutes.shape[0] + account


@rule
def account_of_place(world, place):
    """Return the column of `received` of the site at a column of the travel table."""
    site = place - world.minutes.shape[0]
    if site < 0 or place >= world.minutes.shape[1]:
        return general_account(world, TO_ELSEWHERE)
    return world.providers.size + site


# --- sharing a bill -----------------------------------------------------------------------------------------------


@rule
def has_solidarity_cover(world, patient):
    """Tell whether a covered person of the poorest fifth has the complementary solidarity cover (C2S), drawn once."""
    if patient.income_quintile != 1 or not patient.has_complementary_cover:
        return False
    return uniform(world.key, Stream.SPEND, patient.person, SOLIDARITY, 0) < world.cover[0].c2s_share_of_poorest


@rule
def year_account(world, row, today):
    """Return what the insurance counts for a person this calendar year, started anew with each year."""
    account = world.accounts[row]
    if account.year != world.year_of[today]:
        account.year = world.year_of[today]
        account.participation_cents = 0
        account.n_tele_expertise = 0
    return account


@rule
def co_payment_of(world, price, share_compulsory, today):
    """Return the part of a price that the compulsory insurance leaves: a share, or a fixed fee for expensive acts."""
    left = rounded(price * (1.0 - share_compulsory))
    if price > world.cover[0].heavy_act_from_cents:
        return min(left, int(world.tariffs[HEAVY_ACT_FEE, today]))
    return left


@rule
def pay_act(world, row, today, category, account, price, excess, is_outside_pathway):
    """Pay an act of a doctor.

    Parameters
    ----------
    price : cents, by the tariff of the day.
    excess : cents above it, left to the patient.
    is_outside_pathway : not sent by a registered doctor: less is reimbursed, nobody else takes that over.

    Notes
    -----
    The compulsory insurance pays its share (with long-term status all of the price) less the participation; the
    régime local tops this up; the complementary insurance pays what is left of the price; the patient the rest
    [P046-P053].
    """
    patient, cover = world.patients[row], world.cover[0]
    co_payment = 0 if patient.has_ald else co_payment_of(world, price, cover.share_compulsory, today)
    lost = rounded(price * cover.share_lost_outside_pathway) if is_outside_pathway else 0
    lost = min(lost, price - co_payment)
    local = min(co_payment, rounded(price * cover.share_local)) if patient.has_regime_local else 0
    left = co_payment - local
    complementary = left if patient.has_complementary_cover else 0
    participation = participation_of(world, row, today, price - co_payment - lost)
    out_of_pocket = left - complementary + lost + participation + excess
    compulsory = price - co_payment - lost - participation
    post(world, today, row, category, account, compulsory, local, complementary, out_of_pocket)


@rule
def participation_of(world, row, today, most):
    """Return and count the participation due for an act: not for the young, not under solidarity cover, capped a year.

    Parameters
    ----------
    most : cents that the compulsory insurance would pay.
    """
    patient, cover = world.patients[row], world.cover[0]
    if age_years(patient, today) < cover.participation_from_age_years or has_solidarity_cover(world, patient):
        return 0
    account = year_account(world, row, today)
    room = int(cover.participation_cap_cents) - account.participation_cents
    due = max(0, min(int(world.tariffs[PARTICIPATION, today]), min(room, most)))
    account.participation_cents += due
    return due


@rule
def pay_with_co_payment(world, row, today, category, account, price, co_payment, local_share):
    """Pay a bill of which a fixed part is left to the régime local, then the complementary insurance, then the patient.

    Parameters
    ----------
    co_payment : cents, at most the price.
    local_share : share of it that the régime local takes over.
    """
    patient = world.patients[row]
    local = rounded(co_payment * local_share) if patient.has_regime_local else 0
    left = co_payment - local
    complementary = left if patient.has_complementary_cover else 0
    post(world, today, row, category, account, price - co_payment, local, complementary, left - complementary)


@rule
def pay_in_full(world, row, today, category, account, price):
    """Let the compulsory insurance pay a bill alone: tele-expertise, monitoring, education, lump sums."""
    post(world, today, row, category, account, price, 0, 0, 0)


@rule
def pay_each_in_full(world, rows, today, category, account, act):
    """Let the compulsory insurance pay one act at the price of the day for each of some people, shape (r,)."""
    if world.billed.shape[1] == 0:  # a world without prices
        return
    for row in rows:
        pay_in_full(world, row, today, category, account, int(world.tariffs[act, today]))


@rule
def pay_tele_expertise(world, row, today, requester, expert):
    """Pay a question between doctors: who asks and who answers, both in full by the compulsory insurance [P014, P015].

    Parameters
    ----------
    requester, expert : columns of `received`.
    """
    if world.billed.shape[1] == 0:  # a world without prices
        return
    pay_in_full(world, row, today, IN_TELEHEALTH, requester, int(world.tariffs[ACT_REQUESTER, today]))
    pay_in_full(world, row, today, IN_TELEHEALTH, expert, int(world.tariffs[ACT_EXPERT, today]))


@rule
def may_have_tele_expertise(world, row, today):
    """Count one more tele-expertise of this year; False when the most a year is reached."""
    if world.accounts.size == 0:  # a world without prices
        return True
    account = year_account(world, row, today)
    if account.n_tele_expertise >= world.cover[0].tele_expertise_a_year:
        return False
    account.n_tele_expertise += 1
    return True


# --- visits -------------------------------------------------------------------------------------------------------


@rule
def pay_visits(world, today, due):
    """Pay the visits held since the last time."""
    first, end = world.counters[PAID_RECORDS], world.counters[RECORDS]
    touched = 0.0
    for i in range(first, end):  # reading ahead: the memory fetches many rows side by side
        row = world.record_patient[i]
        touched += world.accounts[row].participation_cents
        touched += world.spend_cents[world.spending_year_of[today], row, COMPULSORY]
    world.scratch[0] = touched
    for i in range(first, end):
        if world.record_outcome[i] != SERVED:
            continue
        if world.record_kind[i] == EMERGENCY_KIND:
            pay_emergency(world, i, today)
        else:
            pay_visit(world, i, today)
            prescribe(world, world.record_patient[i], today, due)
    world.counters[PAID_RECORDS] = end


@rule
def pay_visit(world, i, today):
    """Pay a visit to a doctor by its channel, and the trip there of some people with long-term status."""
    row, kind, channel = world.record_patient[i], world.record_kind[i], world.record_channel[i]
    patient, cover = world.patients[row], world.cover[0]
    category, act, account, excess = IN_GP, ACT_GP, int(world.record_provider[i]), 0
    surcharge = 0
    if kind >= FIRST_SPECIALTY:
        category, act = IN_SPECIALIST, FIRST_SPECIALIST + kind - FIRST_SPECIALTY
        if channel == VIDEO_SPECIALIST:  # at the price of a visit
            category = IN_TELEHEALTH
    elif channel == DUTY:
        category, act, account = IN_DUTY, ACT_DUTY, general_account(world, TO_DUTY)
    elif channel in (PLATFORM, BOOTH):
        category, act, account = IN_TELEHEALTH, ACT_PLATFORM, general_account(world, TO_PLATFORM)
    elif channel == VIDEO_OWN_GP:
        category, act = IN_TELEHEALTH, ACT_VIDEO
    elif channel == HOME:
        surcharge = int(world.tariffs[ACT_HOME, today])
    if account == NOBODY:
        account = account_of_place(world, int(world.record_place[i]))
    price = int(world.tariffs[act, today]) + surcharge
    if kind >= FIRST_SPECIALTY and not has_solidarity_cover(world, patient):
        excess = rounded(price * cover.excess_share)
    is_outside = patient.registered_gp == NOBODY and channel != DUTY and not world.direct_access[kind]
    is_outside = is_outside and age_years(patient, today) >= cover.pathway_from_age_years
    pay_act(world, row, today, category, account, price, excess, is_outside)
    if kind >= FIRST_SPECIALTY and channel != VIDEO_SPECIALIST and patient.has_ald and cover.transport_share_ald > 0.0:
        draw = uniform(world.key, Stream.SPEND, patient.person, FIRST_TRIP + kind, today)
        if draw < cover.transport_share_ald:
            pay_transport(world, row, today, int(world.record_place[i]), 2)


@rule
def pay_emergency(world, i, today):
    """Pay a visit to an emergency department; who goes home owes a flat fee, who is admitted a share of the stay."""
    row = world.record_patient[i]
    patient, cover = world.patients[row], world.cover[0]
    price, fee = int(world.tariffs[ACT_EMERGENCY, today]), 0
    if patient.leaves_hospital_on < today:
        fee = min(price, int(world.tariffs[EMERGENCY_FEE_ALD if patient.has_ald else EMERGENCY_FEE, today]))
    account = account_of_place(world, int(world.record_place[i]))
    pay_with_co_payment(world, row, today, IN_EMERGENCY, account, price, fee, cover.local_of_emergency_fee)


@rule
def pay_transport(world, row, today, place, n_trips):
    """Pay trips between a person's commune and a place by the taxi tariff: a start fee, then by the kilometre."""
    patient, cover = world.patients[row], world.cover[0]
    if place >= world.minutes.shape[1]:
        return
    km = world.minutes[patient.commune, place] * cover.km_per_minute
    beyond = max(0.0, km - cover.km_in_start_fee)
    price = n_trips * (
        int(world.tariffs[TRANSPORT_START, today]) + rounded(beyond * world.tariffs[TRANSPORT_KM, today])
    )
    co_payment = 0 if patient.has_ald else rounded(price * (1.0 - cover.share_compulsory_transport))
    account = general_account(world, TO_TRANSPORT)
    pay_with_co_payment(world, row, today, IN_TRANSPORT, account, price, co_payment, cover.local_of_transport)


# --- stays --------------------------------------------------------------------------------------------------------


@rule
def pay_stays(world, today):
    """Pay the stays that began since the last time, each as a whole on its first day.

    Notes
    -----
    People from elsewhere are left out, as everywhere in the books. A stay cut short later is not paid back.
    """
    for i in range(world.counters[PAID_STAYS], world.counters[STAYS]):
        stay = world.stays[i]
        if stay.patient == NOBODY:
            continue
        cause = world.causes[stay.cause]
        act = cause.tariff
        if act == ACT_STAY and cause.is_day_case:
            act = ACT_DAY_CASE
        price = int(world.tariffs[act, today])
        account = world.providers.size + stay.site
        if stay.site < 0:
            account = general_account(world, TO_ELSEWHERE)
        co_payment = co_payment_of_stay(world, stay, price, cause.is_day_case, today)
        pay_with_co_payment(
            world, stay.patient, today, IN_STAYS, account, price, co_payment, world.cover[0].local_of_stay
        )
        pay_trips_of_stay(world, stay, today)
    world.counters[PAID_STAYS] = world.counters[STAYS]


@rule
def co_payment_of_stay(world, stay, price, is_day_case, today):
    """Return the part of a stay's price that the compulsory insurance leaves.

    Notes
    -----
    The daily fee is part of the price and set off against a co-payment by share: the larger of the two is due
    (CSS L174-4). Wards other than medicine stand for stays with an act above 120 EUR: a fixed fee and the daily fee
    together. With long-term status the daily fee alone is due; days beyond the thirtieth have no co-payment.
    """
    cover = world.cover[0]
    nights = max(0, stay.leaves_on - stay.admitted_on)
    fee_days = 0.0
    if not is_day_case:
        fee_days = nights + (0.0 if stay.ends_in_death else cover.fee_days_beyond_nights)
    daily = rounded(fee_days * world.tariffs[DAILY_FEE, today])
    if world.patients[stay.patient].has_ald:
        return min(price, daily)
    shared = price * (1.0 - cover.share_compulsory_hospital)
    if nights > cover.full_cover_after_days:
        shared *= cover.full_cover_after_days / nights
    if stay.ward != MEDICINE:
        return min(price, daily + min(rounded(shared), int(world.tariffs[HEAVY_ACT_FEE, today])))
    return min(price, max(daily, rounded(shared)))


@rule
def pay_trips_of_stay(world, stay, today):
    """Pay the transport of a share of stays, both ways, and one more trip where somebody was sent on."""
    patient = world.patients[stay.patient]
    n_trips = 1 if stay.is_transfer else 0
    draw = uniform(world.key, Stream.SPEND, patient.person, STAY_TRIP, today)
    if draw < world.cover[0].transport_share_stay:
        n_trips += 2
    if n_trips > 0 and stay.site >= 0:
        pay_transport(world, stay.patient, today, world.minutes.shape[0] + stay.site, n_trips)


# --- background ---------------------------------------------------------------------------------------------------


@rule
def cover_of(patient):
    """Return how a person is covered, a number of three bits: see `background_shares` of the builder."""
    return 4 * patient.has_ald + 2 * patient.has_regime_local + 1 * patient.has_complementary_cover


@rule
def background_of(world, patient):
    """Return a person's expected background spend a month, cents, and the visits a month that it goes with."""
    cents = world.background_cents[patient.age_band, patient.is_female, patient.conditions]
    visits = world.background_acts[patient.age_band, patient.is_female, patient.conditions]
    return cents * float(patient.spend_factor), visits


@rule
def prescribe(world, row, today, due):
    """Charge what a visit to a doctor sets off: the share of the person's background spend that follows acts."""
    share = world.cover[0].prescription_response
    if share <= 0.0:
        return
    cents, visits = background_of(world, world.patients[row])
    if visits > 0.0:
        charge(world, row, today, share * cents / visits, due)


@rule
def charge_background(world, today, due):
    """Charge everybody for the days of this month of the ledger on which he was alive and here.

    Notes
    -----
    A day costs a month's amount times 12 / 365.25. The day of a death or departure is charged, those after it are not.
    """
    first = today
    while first > 0 and world.ledger_month_of[first - 1] == world.ledger_month_of[today]:
        first -= 1
    per_day = (1.0 - world.cover[0].prescription_response) * 12.0 / 365.25
    for row in range(world.counters[PATIENTS]):
        patient = world.patients[row]
        begin = max(first, patient.since)
        end = today if patient.gone_on == NEVER else min(today, patient.gone_on)
        if patient.status == EXPECTED or end < begin:
            continue
        cents, _ = background_of(world, patient)
        charge(world, row, today, per_day * (end - begin + 1) * cents, due)


@rule
def charge(world, row, today, cents, due):
    """Share background spend between payers, for the person at once and for the books by the evening.

    Parameters
    ----------
    due : cents by cover and payer, shape (covers, payers of care), booked by `book_background`.
    """
    cover = cover_of(world.patients[row])
    total = rounded(cents)
    local = rounded(total * world.cover_shares[cover, LOCAL])
    complementary = rounded(total * world.cover_shares[cover, COMPLEMENTARY])
    patient = rounded(total * world.cover_shares[cover, PATIENT])
    compulsory = total - local - complementary - patient
    due[cover, COMPULSORY] += compulsory
    due[cover, LOCAL] += local
    due[cover, COMPLEMENTARY] += complementary
    due[cover, PATIENT] += patient
    spend(world, today, row, compulsory, local, complementary, patient)


@rule
def book_background(world, today, due):
    """Book the background spend charged today under its headings, to the cent.

    Notes
    -----
    What a payer pays for people of one cover is divided between the headings as that cover says; the last heading
    that he pays for takes what rounding leaves.
    """
    month = world.ledger_month_of[today]
    for cover in range(COVERS):
        for payer in range(CARE_PAYERS):
            left = due[cover, payer]
            if left == 0:
                continue
            part, last = 0.0, 0
            for heading in range(N_HEADINGS):
                part += world.background_shares[cover, heading, payer]
                if world.background_shares[cover, heading, payer] > 0.0:
                    last = heading
            total = left
            for heading in range(last + 1):
                cents = left
                if heading < last:
                    cents = rounded(total * (world.background_shares[cover, heading, payer] / part))
                left -= cents
                account = general_account(world, FIRST_HEADING_ACCOUNT + heading)
                world.billed[month, FIRST_HEADING + heading] += cents
                world.paid[month, FIRST_HEADING + heading, payer] += cents
                world.received[month, FIRST_HEADING + heading, account] += cents


# --- by the year --------------------------------------------------------------------------------------------------


@rule
def pay_lump_sums(world, today):
    """Pay the registered doctors their yearly sum for each person on their list, by age and long-term status."""
    for row in range(world.counters[PATIENTS]):
        patient = world.patients[row]
        if patient.status != ALIVE or patient.registered_gp == NOBODY:
            continue
        price = int(world.tariffs[lump_sum_of(age_years(patient, today), patient.has_ald), today])
        if has_solidarity_cover(world, patient):
            price += int(world.tariffs[LUMP_SUM_C2S, today])
        pay_in_full(world, row, today, IN_LUMP_SUMS, patient.registered_gp, price)


@rule
def lump_sum_of(age, has_ald):
    """Return the act of the yearly sum for a person of an age in completed years [P020-P025]."""
    if has_ald:
        return LUMP_SUM_ALD_UNDER_80 if age < 80 else LUMP_SUM_ALD_80_PLUS
    if age < 7:
        return LUMP_SUM_UNDER_7
    if age < 75:
        return LUMP_SUM_7_TO_74
    return LUMP_SUM_75_TO_79 if age < 80 else LUMP_SUM_80_PLUS


@rule
def personal_spend_factor(world, person):
    """Return the personal factor of background spend of somebody born during the run, lognormal with mean 1."""
    spread = world.cover[0].spend_sigma
    return exp(spread * normal(world.key, Stream.SPEND, person, FACTOR, 0) - 0.5 * spread * spread)
