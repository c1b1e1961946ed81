"""The state of the simulated world: what a person, an episode of care, a professional and a record hold.

Owns the layouts (structured rows) and the `World` that the compiled rules receive; holds no rule and no number.
Time is a day index: 0 is the first day of the warm-up. `NEVER` stands for a date that does not exist.
Each column has one writer, named in its comment.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEVER = -1
NOBODY = -1
NOWHERE = 65535  # no place to go to: by telephone, video or at home


class Kind(IntEnum):
    """Kinds of need. A specialty's kind is `FIRST_SPECIALTY` plus its row in the list of specialties."""

    GP_ACUTE = 0
    GP_FOLLOW_UP = 1
    GP_PREVENTIVE = 2
    EMERGENCY = 3
    STAY = 4  # a planned stay in hospital: no request to a doctor, so no row in the records
    FIRST_SPECIALTY = 5


class Stage(IntEnum):
    """What an episode is waiting for."""

    QUIET = 0  # its next need, or nothing at all
    ASKING = 1  # the day on which it asks (again)
    CANCELLING = 2  # an appointment that the person will cancel before its day
    BOOKED = 3  # the day of its appointment


class Outcome(IntEnum):
    """How a request ended: exactly one of these (ODD 4.5)."""

    OPEN = 0
    SERVED = 1
    MISSED = 2
    WITHDRAWN = 3
    FORGONE = 4
    DIVERTED = 5


class Channel(IntEnum):
    """Where and how care was asked for or given."""

    NONE = 0
    OWN_GP = 1
    OTHER_GP = 2
    WALK_IN = 3
    VIDEO_OWN_GP = 4
    PLATFORM = 5
    DUTY = 6
    EMERGENCY = 7
    LOCAL_AGENDA = 8
    POLE = 9
    HOME = 10
    BOOTH = 11  # a platform's doctor, seen in a booth in a pharmacy
    VIDEO_SPECIALIST = 12


class Contact(IntEnum):
    """How somebody came to the emergency department, or why a request was withdrawn."""

    OWN_CLOCK = 0
    NEVER_ASKED = 1
    NOTHING_IN_TIME = 2
    ESCALATION = 3  # of an acute need that nobody served
    DISEASE = 4  # an exacerbation or complication
    OWN_CHOICE = 5
    DIED = 6
    MOVED = 7
    IN_HOSPITAL = 8
    READMISSION = 9  # back within thirty days of leaving hospital


class Status(IntEnum):
    """Where a row of the patients stands in life."""

    EXPECTED = 0  # a spare row: nobody yet
    ALIVE = 1
    DEAD = 2
    DEPARTED = 3


class Payer(IntEnum):
    """Who pays; the columns of `World.paid`. Those of care come first, and are the columns of `World.spend_cents`."""

    COMPULSORY = 0  # assurance maladie obligatoire
    LOCAL = 1  # régime local d'Alsace-Moselle
    COMPLEMENTARY = 2
    PATIENT = 3
    TERRITORY = 4  # PETR
    STATE = 5  # programme d'investissements d'avenir (PIA)
    OTHER = 6  # the other funders of the action


class Vital(IntEnum):
    """Columns of `World.vital`, one row a month."""

    ALIVE = 0  # person-days
    BIRTHS = 1
    DEATHS = 2
    ARRIVALS = 3
    DEPARTURES = 4
    DEATHS_IN_HOSPITAL = 5
    EXPECTED_DEATHS = 6  # sum of hazards
    QALY = 7  # quality-adjusted years lived


class EducationStage(IntEnum):
    """Where a person stands in therapeutic patient education, or how a participation ended."""

    NONE = 0
    IN_COURSE = 1
    COMPLETED = 2
    DROPPED_OUT = 3
    GONE = 4  # died or moved before the end


class Registration(IntEnum):
    """Columns of `World.registrations`, one row a month: people, each time they lose or find a registered doctor."""

    LOST = 0  # the practice closed
    AT_VISIT = 1  # found one at a visit
    AT_OPENING = 2  # found one in a new practice on its first day
    WITH_SUCCESSOR = 3  # kept by whoever took over the practice
    ADULTS = 4  # alive on the day of decisions
    ADULTS_WITHOUT = 5  # of these, without a registered doctor
    PRACTICES = 6  # of general practitioners, holding sessions


class NetworkFigure(IntEnum):
    """Columns of the care network's figures, one row a month: how many there are on the evening of decisions."""

    PEOPLE = 0  # who live here
    ELIGIBLE = 1  # of these, may enrol
    REACHED = 2  # people who were invited at a visit or have enrolled, so far
    ENROLLED = 3
    PRACTICES = 4  # general practices that hold sessions
    GENERAL_PRACTITIONERS = 5  # of these, in the network
    PROFESSIONALS = 6  # in the network, of every profession


class Expertise(IntEnum):
    """Columns of `World.tele_expertise`, by month and specialty: referrals put to a specialist as a question."""

    ASKED = 0
    SPARED = 1  # of these, answered without a visit
    ANSWER_DAYS = 2  # summed over those asked


PATIENT = np.dtype(
    [
        ("person", "i4"),  # address of every draw about this person; synthesis
        ("commune", "i4"),  # row in the territory's communes; synthesis
        ("birth_day", "i4"),  # day index, negative; synthesis
        ("is_female", "u1"),
        ("income_quintile", "u1"),  # 1 (poorest fifth) to 5; synthesis
        ("has_car", "u1"),
        ("has_digital_access", "u1"),
        ("has_regime_local", "u1"),
        ("has_complementary_cover", "u1"),
        ("has_ald", "u1"),  # long-term status (affection de longue durée); synthesis, health
        ("status", "u1"),  # see Status; synthesis, demography
        ("risk_profile", "u1"),  # 0 low, 1 rising, 2 high; network
        ("is_enrolled", "u1"),  # member of the care network; network
        ("education", "u1"),  # stage of therapeutic patient education; education
        ("age_band", "u1"),  # band for which the rates of the episodes hold; needs
        ("since", "i2"),  # day of birth or arrival during the run, NEVER for those there at the start; demography
        ("gone_on", "i2"),  # day of death or departure, or NEVER; demography
        ("last_follow_up", "i2"),  # day of the last visit to a doctor for a chronic disease, or NEVER; health
        ("leaves_hospital_on", "i2"),  # last day in a hospital bed, or NEVER; hospital
        ("conditions", "i4"),  # bit c set: has condition c; synthesis, health
        ("registered_gp", "i4"),  # row in providers, or NOBODY; synthesis
        ("utility", "f4"),  # quality of life now, 1 full health; demography
        ("spend_factor", "f4"),  # personal multiplier of background spend, mean 1; synthesis
        ("need_factor", "f4"),  # personal multiplier of needs, mean 1; synthesis
        ("regularity", "f4"),  # multiplier of the follow-up rhythm, mean 1; synthesis
        ("follow_up_rate", "f4"),  # guideline visits a day owing to conditions; synthesis
        ("referral_share", "f4"),  # visits to a general practitioner that end in a referral; needs
    ],
    align=True,
)

EPISODE = np.dtype(
    [
        ("rate", "f4"),  # needs a day of this kind at the person's present age and health; needs
        ("appointment_on", "i2"),  # agenda
        ("event_day", "i2"),  # day of the diary it waits for, or NEVER; diary
        ("asked_on", "i2"),  # first asking date, kept when rebooked; needs
        ("provider", "i2"),  # row in providers, NOBODY outside; agenda
        ("occurrence", "u2"),  # how often its clock was started: the address of its draws; needs
        ("wished_days", "u2"),  # the date that suits, from `asked_on` on; needs
        ("booked_days", "u2"),  # when the present appointment was given, from `asked_on` on; agenda
        ("place", "u2"),  # column of `minutes` where the visit is held, or NOWHERE; agenda
        ("seconds", "u2"),  # length of the visit booked; agenda
        ("stage", "u1"),
        ("channel", "u1"),
        ("attempts", "u1"),  # how often it was asked again, the sub-address of its draws; needs, seeking
        ("failures", "u1"),  # tries without an acceptable offer; seeking
        ("is_planned", "u1"),  # booked at the end of the previous visit: not a request; visits
    ],
    align=True,
)

PROVIDER = np.dtype(
    [
        ("address", "i4"),  # address of its draws
        ("place", "i4"),  # column of `minutes`: commune or site
        ("specialty", "i4"),  # row in the specialties, or NOBODY for a general practitioner
        ("visit_seconds", "i4"),  # effective length of an ordinary visit
        ("home_visit_seconds", "i4"),
        ("video_seconds", "i4"),
        ("least_seconds", "i4"),  # a day with less left is full
        ("horizon_days", "i4"),  # the book is open for today + this
        ("release_days", "i4"),  # the reserve is opened to all this many days before
        ("first_free", "i4"),  # no day before it has room; agenda
        ("accepts_others", "i4"),  # takes people who are not on the list
        ("offers_video", "i4"),
        ("list_target", "i4"),  # size of list drawn for this practice; from the horizon on its fullest; decisions
        ("birth_day", "i4"),  # of the doctor, day index; synthesis, decisions
        ("holder", "i4"),  # doctors who had this practice before the present one; decisions
        ("opens_on", "i4"),  # first day with sessions; decisions
        ("closes_on", "i4"),  # first day without sessions, 0: no end is known; decisions
        ("reopens_on", "i4"),  # first day of a successor, 0: none is known; decisions
        ("places", "i4"),  # people whom it would still take on its list this month; decisions, registration
        ("capacity_share", "f8"),  # present capacity over the one planned; decisions of the professional
        ("non_resident_requests", "f8"),  # mean requests an open day of people from elsewhere; synthesis
        ("half_days_per_week", "f8"),
        ("n_held", "i4"),  # visits held since the beginning of the calendar year; visits
        ("n_video", "i4"),  # appointments by video given since then: at most a share of `n_held`; telehealth
    ],
    align=True,
)

KIND = np.dtype(
    [
        ("tolerance_days", "f8"),  # median longest wait accepted beyond the wished day
        ("tolerance_sigma", "f8"),  # spread of its logarithm, 0: everybody the same
        ("wish_days", "f8"),  # mean wished horizon of those who do not come as soon as possible, 0: all do
        ("soon_share", "f8"),  # share that would come as soon as possible
        ("wait_disutility", "f8"),  # per day beyond the wished date
        ("travel_disutility", "f8"),  # per minute
        ("retry_days", "i8"),
        ("most_attempts", "i8"),
        ("p_divert", "f8"),  # to the emergency department when nothing is acceptable
        ("cancel_rate", "f8"),  # per day of lead
        ("p_no_show_logit", "f8"),  # at no lead
        ("p_planned", "f8"),  # next visit booked at the end of this one
        ("planned_interval_days", "f8"),
        ("p_urgent", "f8"),
        ("is_seasonal", "i8"),
        ("first_local", "i8"),  # columns of `local_providers` of this specialty
        ("n_local", "i8"),  # of a commune that has most of them within reach
        ("pole_wait_median_days", "f8"),
        ("pole_wait_sigma", "f8"),
        ("referral_odds", "f8"),  # needs by referral over needs of one's own accord
    ],
    align=True,
)

RULES = np.dtype(
    [
        ("loyalty_utility", "f8"),
        ("walk_in_utility", "f8"),
        ("video_utility", "f8"),
        ("platform_utility", "f8"),
        ("video_share", "f8"),  # of eligible requests, own doctor by video considered
        ("platform_share", "f8"),  # of eligible requests, a platform considered
        ("booth_share", "f8"),  # of eligible requests, a booth in a pharmacy considered
        ("video_share_today", "f8"),  # as `video_share`, with no policy
        ("platform_share_today", "f8"),
        ("specialist_video_share", "f8"),  # of requests to a specialist, his consultation by video considered
        ("video_cap_share", "f8"),  # of a doctor's visits, by video at most; 0: no limit
        ("video_return_share", "f8"),  # of visits by video, more than of others, that lead to a request within days
        ("video_return_days", "f8"),  # within which that request is made
        ("video_replaced_share", "f8"),  # of visits by video that a policy adds: they replace one in person
        ("video_asked_again_days", "f8"),  # within which those that replaced none lead to a request
        ("has_tele_expertise", "f8"),  # 1: somebody's referrals may be put as a question; effects
        ("has_priority", "f8"),  # 1: somebody may use the time kept for the urgent; effects
        ("has_death_ratio", "f8"),  # 1: somebody's hazard of death is not the one of his age and diseases; effects
        ("has_avoidable_ratio", "f8"),  # 1: somebody's rate of avoidable events is not that of his diseases; effects
        ("answer_days", "f8"),  # a specialist's answer takes at most
        ("answer_spares_share", "f8"),  # of answers that make a visit needless
        ("video_eligible_share", "f8"),
        ("p_never_asked", "f8"),  # acute need that goes to the emergency department without asking
        ("duty_share_closed_day", "f8"),
        ("platform_share_closed_day", "f8"),
        ("home_visit_age_years", "f8"),
        ("home_visit_share", "f8"),  # of visits of people of that age or more
        ("no_show_slope", "f8"),
        ("no_show_flat_days", "f8"),
        ("rebook_share", "f8"),
        ("season_mean", "f8"),  # yearly mean of seasonal needs over their peak
        ("visits_per_need", "f8"),  # visits to general practitioners for each need
        ("rhythm_sigma", "f8"),  # spread of the interval between follow-ups
        ("registration_share", "f8"),  # of visits without a doctor of one's own, to one with places: put on his list
        ("escalation_share", "f8"),  # acute needs left unserved that become an emergency; 0: delay does no harm
        ("comorbidity_ratio", "f8"),  # of the incidence of a disease, for each disease already there
    ],
    align=True,
)

HEALTH = np.dtype(
    [
        ("control", "f4"),  # on the day of the last follow-up: HbA1c for diabetes, else 0 (good) to 1 (bad); health
        ("own", "f4"),  # the person's own control, to which visits win it back; health
        ("last_event_on", "i2"),  # day of the last exacerbation or complication, or NEVER; health
        ("events_seen", "u2"),  # bit e set: has had event e of this condition; health
        ("began_on", "i2"),  # day on which a new case began, 0 or less: had it when the run began; health
        ("shift", "f4"),  # what interventions take off control, 0 or less; effects
        ("event_ratio", "f4"),  # what interventions leave of the rate of events, 0 to 1; effects
    ],
    align=True,
)
"""What a person's body knows of one condition; rows `patient * m + condition`."""

CONDITION = np.dtype(
    [
        ("address", "i8"),  # of its draws: owes nothing to the other diseases
        ("follow_up_interval_days", "f8"),  # between visits today, of people of mean regularity
        ("follow_up_grace_days", "f8"),  # by which a visit may slip without harm
        ("control_mean", "f8"),  # at the start of the run
        ("control_sd", "f8"),
        ("control_best", "f8"),
        ("control_worst", "f8"),
        ("drift_per_month_late", "f8"),  # control lost per month beyond the interval; 0: delay does no harm
        ("restore_share", "f8"),  # share of the distance to one's own control at start that a visit wins back
        ("recovery_rate", "f8"),  # a day: no longer has it
        ("mortality_ratio", "f8"),  # of death, with the condition over without
        ("log_mortality_per_unit", "f8"),  # of control above its mean
        ("recent_event_mortality_ratio", "f8"),  # within a year of an event
        ("utility_loss", "f8"),
        ("recent_event_utility_loss", "f8"),  # within a month of an event
        ("first_cause", "i8"),  # rows in `causes` of this condition's events
        ("n_causes", "i8"),
        ("most_event_share", "f8"),  # probability of an event between two looks that nobody exceeds
        ("ald_share", "f8"),
    ],
    align=True,
)

CAUSE = np.dtype(
    [
        ("condition", "i8"),  # row in `conditions`, or NOBODY
        ("rate", "f8"),  # events a day of people at mean control, of the middle fifth and the reference age
        ("log_ratio_per_unit", "f8"),  # of control above its mean
        ("log_deprivation_ratio", "f8"),  # poorest over richest fifth
        ("log_age_ratio_per_decade", "f8"),
        ("is_day_case", "i8"),
        ("is_avoidable", "i8"),  # counts among avoidable admissions
        ("ward", "i8"),  # see Ward
        ("stay_days", "f8"),  # mean nights
        ("stay_sigma", "f8"),  # spread of their logarithm
        ("p_emergency", "f8"),  # comes by the emergency department
        ("p_local", "f8"),  # can be treated in the nearest hospital of the territory
        ("p_death", "f8"),  # in hospital
        ("p_readmission", "f8"),  # within thirty days of leaving
        ("utility_loss", "f8"),  # for life
        ("history_share", "f8"),  # of patients who had one before the start
        ("tariff", "i8"),  # row in `tariffs` of the stay
    ],
    align=True,
)
"""Why somebody is in hospital: first the general causes (see GeneralCause), then the events of each condition."""

STAY = np.dtype(
    [
        ("patient", "i4"),  # row in patients, NOBODY for people from elsewhere
        ("next", "i4"),  # next stay that ends on the same day, or NOBODY
        ("comes_next", "i4"),  # next stay whose patient comes back on the same day, or NOBODY
        ("admitted_on", "i2"),
        ("leaves_on", "i2"),  # the bed is free from this morning on; the day of admission itself for a day case
        ("site", "i2"),
        ("cause", "i2"),
        ("ward", "u1"),
        ("is_transfer", "u1"),  # sent on because no bed was free
        ("is_readmission", "u1"),
        ("by_emergency", "u1"),
        ("ends_in_death", "u1"),
    ],
    align=True,
)
"""One stay in hospital; all are kept, in the order of admission."""

HOSPITAL = np.dtype(
    [
        ("planned_surgery_share", "f8"),  # of planned stays with a night
        ("emergency_surgery_share", "f8"),  # of stays from the emergency department
        ("emergency_intensive_share", "f8"),
        ("follow_up_share", "f8"),  # of those who leave alive: asks for a visit to a general practitioner at once
        ("admitted_ratio_without_access", "f8"),  # of being admitted, of those who found no doctor in time over others
        ("readmission_ratio", "f8"),  # of coming back, after a visit to a general practitioner over without one
    ],
    align=True,
)
"""What all hospitals share."""

STAY_AGE = np.dtype(
    [
        ("day_case_share", "f8"),  # of planned stays
        ("death_ratio", "f8"),  # of death in hospital at this age over that of the general cause
    ],
    align=True,
)
"""What a stay depends on by age band."""

COVER = np.dtype(
    [
        ("share_compulsory", "f8"),  # of an act at its official price
        ("share_compulsory_hospital", "f8"),
        ("share_compulsory_transport", "f8"),
        ("share_local", "f8"),  # of an act, on top, for who is covered by the régime local
        ("local_of_stay", "f8"),  # share of the co-payment that the régime local takes over
        ("local_of_emergency_fee", "f8"),
        ("local_of_transport", "f8"),
        ("share_lost_outside_pathway", "f8"),  # of an act, for who has no registered doctor
        ("pathway_from_age_years", "f8"),
        ("participation_from_age_years", "f8"),
        ("participation_cap_cents", "f8"),  # a year
        ("heavy_act_from_cents", "f8"),  # above it a fixed fee replaces the co-payment
        ("full_cover_after_days", "f8"),  # of a stay
        ("fee_days_beyond_nights", "f8"),
        ("c2s_share_of_poorest", "f8"),  # of the covered people of the poorest fifth
        ("excess_share", "f8"),  # fees of specialists above the official price
        ("transport_share_stay", "f8"),  # of stays
        ("transport_share_ald", "f8"),  # of visits to specialists with long-term status
        ("km_in_start_fee", "f8"),
        ("tele_expertise_a_year", "f8"),  # at most, of a person
        ("km_per_minute", "f8"),
        ("prescription_response", "f8"),  # share of background spend that follows acts
        ("spend_sigma", "f8"),  # spread of the logarithm of the personal factor of background spend
    ],
    align=True,
)
"""How a bill is shared between payers."""

DEMOGRAPHY = np.dtype(
    [
        ("first_day", "i8"),  # before it nobody dies, is born, comes or goes by the rules of demography
        ("first_newcomer", "i8"),  # rows of patients from here on are those of people to come
        ("births_male_share", "f8"),
        ("birth_spacing_days", "f8"),
        ("regularity_spread", "f8"),
        ("spend_sigma", "f8"),  # spread of the logarithm of a newborn's `spend_factor`
        ("utility_floor", "f8"),
    ],
    align=True,
)
"""What holds for all births, deaths and moves."""

MOTHERHOOD = np.dtype(
    [
        ("fertile_from", "i2"),  # no birth before this day; synthesis, demography
        ("n_births", "u1"),  # during the run: the order of the next child, part of its address; demography
    ],
    align=True,
)
"""What is known of a person as a mother; rows as patients."""

ACCOUNT = np.dtype(
    [
        ("year", "i2"),  # calendar year index for which the amounts below hold
        ("participation_cents", "i4"),  # participation forfaitaire paid this year, capped
        ("n_tele_expertise", "i2"),  # this year, capped
    ],
    align=True,
)
"""What the health insurance counts for a person in a calendar year; rows as patients."""

PARTICIPATION = np.dtype(
    [
        ("patient", "i4"),  # row in patients
        ("started_on", "i2"),  # evening on which a place was accepted
        ("first_session_on", "i2"),
        ("ends_on", "i2"),  # last session, or the one to which a person who drops out does not come
        ("programme", "i2"),  # row in the programmes of `abm.agents.education.Education`
        ("group", "i4"),  # number of the group, whatever the programme
        ("topic", "u1"),
        ("stage", "u1"),  # see EducationStage
        ("will_complete", "u1"),  # if neither death nor a move comes between
        ("is_extra", "u1"),  # a place beyond today's offer
    ],
    align=True,
)
"""One participation in therapeutic patient education; all are kept, in the order of their start."""

#: Columns of the records, one row for each episode that ended; in the world they are `record_<name>`.
RECORD: dict[str, np.dtype] = {
    "patient": np.dtype("i4"),
    "asked_on": np.dtype("i4"),
    "appointment_on": np.dtype("i4"),  # NEVER where none was given
    "closed_on": np.dtype("i4"),
    "provider": np.dtype("i4"),
    "wished_days": np.dtype("u2"),  # from `asked_on` on
    "booked_days": np.dtype("u2"),  # from `asked_on` on: when the appointment that held was given
    "place": np.dtype("u2"),
    "seconds": np.dtype("u2"),
    "kind": np.dtype("u1"),
    "channel": np.dtype("u1"),
    "outcome": np.dtype("u1"),
    "attempts": np.dtype("u1"),
    "failures": np.dtype("u1"),
    "is_planned": np.dtype("u1"),
    "contact": np.dtype("u1"),
}

OFFER = np.dtype(
    [
        ("provider", "i8"),
        ("place", "i8"),
        ("day", "i8"),
        ("channel", "i8"),
        ("seconds", "i8"),
        ("utility", "f8"),
        ("weight", "f8"),  # in the multinomial choice
    ],
    align=True,
)


class Ward(IntEnum):
    """Kinds of beds."""

    MEDICINE = 0
    SURGERY = 1
    INTENSIVE = 2


class GeneralCause(IntEnum):
    """First rows of the causes of stays, which belong to no condition."""

    EMERGENCY = 0  # admitted from the emergency department, whatever for
    PLANNED_MEDICINE = 1
    PLANNED_SURGERY = 2
    DAY_CASE = 3
    FIRST_EVENT = 4


class Effect(IntEnum):
    """Channels by which interventions act on a person: columns of `World.effects`. One outcome, one channel."""

    FOLLOW_UP_RATIO = 0  # of the rhythm of follow-up over one's own; neutral 1
    TELE_EXPERTISE_SHARE = 1  # referrals answered between doctors, without a visit; neutral 0
    PRIORITY_SHARE = 2  # requests to a specialist that may use the time kept for the urgent; neutral 0
    DISCHARGE_SHARE = 3  # more stays after which a general practitioner is asked for; neutral 0
    DEATH_RATIO = 4  # of the hazard of death that is left; neutral 1
    AVOIDABLE_RATIO = 5  # of the rate of events that end in an avoidable admission that is left; neutral 1


class Counter(IntEnum):
    """Places in `World.counters`."""

    RECORDS = 0  # rows of `records` in use
    OPENED = 1  # requests opened so far
    QUEUE = 2  # requests in today's queue
    EVENTS = 3  # needs raised and appointments that fell due, so far
    CALLS = 4  # people who ask for a hospital bed, today or tomorrow morning
    STAYS = 5  # rows of `stays` in use
    PAID_RECORDS = 6  # records that have been paid
    PATIENTS = 7  # rows of `patients` in use
    PAID_STAYS = 8  # stays whose bill has been looked at
    REFUSED_BIRTHS = 9  # births for which no row was left: a law says that there are none


class World(NamedTuple):
    """Everything the compiled day sees: arrays only, no number of its own.

    Shapes: n people, k kinds, p professionals, t days, c communes, s sites, a age bands, m conditions.
    """

    key: NDArray[np.uint64]  # (2,) of the seed
    rules: np.recarray  # (1,) RULES
    kinds: np.recarray  # (k,) KIND
    patients: np.recarray  # (n,) PATIENT
    episodes: np.recarray  # (k * n,) EPISODE, row = kind * n + patient: the kinds that are used most lie together
    providers: np.recarray  # (p,) PROVIDER
    record_patient: NDArray[np.int32]  # (r,) the records: see RECORD
    record_asked_on: NDArray[np.int32]
    record_appointment_on: NDArray[np.int32]
    record_closed_on: NDArray[np.int32]
    record_provider: NDArray[np.int32]
    record_wished_days: NDArray[np.uint16]
    record_booked_days: NDArray[np.uint16]
    record_place: NDArray[np.uint16]
    record_seconds: NDArray[np.uint16]
    record_kind: NDArray[np.uint8]
    record_channel: NDArray[np.uint8]
    record_outcome: NDArray[np.uint8]
    record_attempts: NDArray[np.uint8]
    record_failures: NDArray[np.uint8]
    record_is_planned: NDArray[np.uint8]
    record_contact: NDArray[np.uint8]
    counters: NDArray[np.int64]  # see Counter
    due: NDArray[np.int32]  # (t,) the diary: see abm.environment.diary.Diary
    visits: NDArray[np.int32]  # (t,)
    blocks: NDArray[np.int32]
    spare: NDArray[np.int32]  # (2,) of the blocks, see Diary
    today: NDArray[np.int32]  # (k * n,) the bucket of the diary in hand
    queue: NDArray[np.int32]  # (n * k,) today's requests, in the order of the addressed shuffle
    queue_keys: NDArray[np.uint64]
    free: NDArray[np.int32]  # (p, t) seconds that anybody may book
    reserve: NDArray[np.int32]  # (p, t) seconds kept for the urgent until released
    walk_in: NDArray[np.int32]  # (p, t) seconds of sessions without appointment
    overtime: NDArray[np.int32]  # (p, t) seconds that the doctor may still add for the urgent
    planned_room: NDArray[np.int32]  # (p, t) seconds that visits booked ahead may still take
    outside_held: NDArray[np.int32]  # (p, t) seconds held by people from elsewhere
    minutes: NDArray[np.float64]  # (c, c + s)
    neighbours: NDArray[np.int32]  # (c, j) general practitioners near a commune, nearest first, NOBODY-padded
    local_providers: NDArray[np.int32]  # (c, l) specialists within reach, grouped by specialty, each NOBODY-padded
    pole_places: NDArray[np.int32]  # (c, specialties) nearest pole's column of minutes, or NOWHERE
    emergency_places: NDArray[np.int32]  # (c,) nearest emergency department's column of minutes
    rates: NDArray[np.float64]  # (k, a, 2) needs a day by age band and sex
    condition_rates: NDArray[np.float64]  # (k, m) more needs a day
    age_bands: NDArray[np.int64]  # (121,) band of an age in years
    season: NDArray[np.float64]  # (t,) relative to its yearly maximum
    is_open: NDArray[np.bool_]  # (t,)
    next_open: NDArray[np.int32]  # (t,) first open day on or after
    offers: np.recarray  # (o,) OFFER, the table of the request in hand
    month_of: NDArray[np.int16]  # (t,) calendar months since the one of day 0
    year_of: NDArray[np.int16]  # (t,) calendar years since the one of day 0
    health: np.recarray  # (n * m,) HEALTH, row = patient * m + condition
    conditions: np.recarray  # (m,) CONDITION
    causes: np.recarray  # (e,) CAUSE
    effects: NDArray[np.float32]  # (n, len(Effect)) what interventions do to each person; effects
    incidence: NDArray[np.float64]  # (m, a, 2) new cases a day among those without it and any other, by age and sex
    restores: NDArray[np.bool_]  # (k, m) a visit of the kind is follow-up of the condition
    first_look: NDArray[np.int32]  # (30,) first of the chain of people looked at on a day of thirty, NOBODY: none
    next_look: NDArray[np.int32]  # (n,) who comes after in the chain, NOBODY: the last; -2: in no chain
    call_rows: NDArray[np.int32]  # people who ask for a bed
    call_causes: NDArray[np.int16]
    call_contacts: NDArray[np.uint8]  # how they come; see Contact
    stays: np.recarray  # (s,) STAY, grows
    leavers: NDArray[np.int32]  # (t,) first of the stays that end on a day, NOBODY: none
    comers: NDArray[np.int32]  # (t,) first of the stays whose patient may come back on a day, NOBODY: none
    beds: NDArray[np.int32]  # (sites, wards) NOBODY: as many as needed
    occupied: NDArray[np.int32]  # (sites, wards)
    stay_share_admitted: NDArray[np.float64]  # (a,) of emergency visits, by age band
    hospital: np.recarray  # (1,) HOSPITAL
    stay_ages: np.recarray  # (a,) STAY_AGE
    stay_log_medians: NDArray[np.float64]  # (e,) of the nights beyond the first, before rounding down
    visitor_means: NDArray[np.float64]  # (sites, 3) people from elsewhere a day: emergency, planned medicine, surgery
    seen_since_stay: NDArray[np.uint8]  # (n,) has seen a general practitioner since leaving hospital
    vital: NDArray[np.float64]  # (months, len(Vital))
    death_rates: NDArray[np.float64]  # (a1, 2) deaths a month by age in years and sex, of people without conditions
    birth_rates: NDArray[np.float64]  # (a1,) births a month of women by age in years
    departure_rates: NDArray[np.float64]  # (a1,) a month by age in years
    arrivals: NDArray[np.float64]  # (c,) mean arrivals a month
    demography: np.recarray  # (1,) DEMOGRAPHY
    motherhood: np.recarray  # (n,) MOTHERHOOD
    need_factors: NDArray[np.float64]  # (q,) need factors of q equal parts of the newborn, in order
    utility_norms: NDArray[np.float64]  # (a1,) intercept of utility by age in years, disease left out
    accounts: np.recarray  # (n,) ACCOUNT
    tariffs: NDArray[np.int32]  # (acts, t) cents in force on a day
    cover: np.recarray  # (1,) COVER: how a bill is shared
    direct_access: NDArray[np.uint8]  # (k,) may be seen without the registered doctor
    background_cents: NDArray[np.float64]  # (a, 2, 2**m) a month, by age band, sex and the bits of `conditions`
    background_acts: NDArray[np.float64]  # (a, 2, 2**m) visits to doctors a month that go with it
    background_shares: NDArray[np.float64]  # (covers, headings, payers of care) who pays which part of it
    cover_shares: NDArray[np.float64]  # (covers, payers of care) the same over all headings
    ledger_month_of: NDArray[np.int16]  # (t,) row of the ledger: calendar months, cut where the horizon begins and ends
    spending_year_of: NDArray[np.int16]  # (t,) years of `spend_cents`: calendar years, cut in the same way
    spend_cents: NDArray[np.int32]  # (years, n, payers of care)
    billed: NDArray[np.int64]  # (months, categories) cents
    paid: NDArray[np.int64]  # (months, categories, payers) cents
    received: NDArray[np.int64]  # (months, categories, accounts) cents
    registrations: NDArray[np.int64]  # (months, len(Registration))
    booth_places: NDArray[np.int32]  # (c,) nearest teleconsultation booth's column of minutes, or NOWHERE
    tele_expertise: NDArray[np.int64]  # (months, specialties, len(Expertise))
    scratch: NDArray[np.float64]  # (1,)
