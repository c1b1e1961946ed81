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
    FIRST_SPECIALTY = 4


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


class Contact(IntEnum):
    """How somebody came to the emergency department."""

    OWN_CLOCK = 0
    NEVER_ASKED = 1
    NOTHING_IN_TIME = 2


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
        ("has_ald", "u1"),  # long-term status (affection de longue durée); synthesis
        ("conditions", "i4"),  # bit c set: has condition c; synthesis
        ("registered_gp", "i4"),  # row in providers, or NOBODY; synthesis
        ("need_factor", "f8"),  # personal multiplier of needs, mean 1; synthesis
        ("regularity", "f8"),  # multiplier of the follow-up rhythm, mean 1; synthesis
        ("follow_up_rate", "f8"),  # guideline visits a day owing to conditions; synthesis
        ("age_band", "u1"),  # band for which `personal_rates` hold; needs
    ],
    align=True,
)

EPISODE = np.dtype(
    [
        ("event_day", "i4"),  # day of the diary it waits for, or NEVER; diary
        ("asked_on", "i4"),  # first asking date, kept when rebooked; needs
        ("appointment_on", "i4"),  # agenda
        ("provider", "i4"),  # row in providers, NOBODY outside; agenda
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
        ("list_target", "i4"),  # size of list drawn for this practice; synthesis
        ("capacity_share", "f8"),  # present capacity over the one planned; decisions of the professional
        ("non_resident_requests", "f8"),  # mean requests an open day of people from elsewhere; synthesis
        ("half_days_per_week", "f8"),
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
        ("first_local", "i8"),  # rows in `local_providers` of this specialty
        ("n_local", "i8"),
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
    ],
    align=True,
)

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


class Counter(IntEnum):
    """Places in `World.counters`."""

    RECORDS = 0  # rows of `records` in use
    OPENED = 1  # requests opened so far
    QUEUE = 2  # requests in today's queue
    EVENTS = 3  # needs raised and appointments that fell due, so far


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
    spare: NDArray[np.int32]
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
    local_providers: NDArray[np.int32]  # specialists, grouped by specialty
    pole_places: NDArray[np.int32]  # (c, specialties) nearest pole's column of minutes, or NOWHERE
    emergency_places: NDArray[np.int32]  # (c,) nearest emergency department's column of minutes
    rates: NDArray[np.float64]  # (k, a, 2) needs a day by age band and sex
    personal_rates: NDArray[np.float32]  # (n, k) everybody's needs a day at his present age; needs
    condition_rates: NDArray[np.float64]  # (k, m) more needs a day
    age_bands: NDArray[np.int64]  # (121,) band of an age in years
    season: NDArray[np.float64]  # (t,) relative to its yearly maximum
    is_open: NDArray[np.bool_]  # (t,)
    next_open: NDArray[np.int32]  # (t,) first open day on or after
    offers: np.recarray  # (o,) OFFER, the table of the request in hand
    scratch: NDArray[np.float64]  # (1,)
