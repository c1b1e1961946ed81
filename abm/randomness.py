"""Randomness: every draw has an address (seed, stream, person or professional, occurrence) and nothing else.

Owns the generator and the list of streams. No draw depends on how many draws were made before it, so one visit more,
one person more or another number of processes changes nobody else's luck (common random numbers, ODD 4.10).
The generator is Philox 4x32-7 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
SC'11, doi:10.1145/2063384.2063405; seven rounds pass BigCrush in their table 2), checked against its published vectors
in tests/test_randomness.py.
"""

from __future__ import annotations

import hashlib
import math
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from abm.compiled import rule


class Stream(IntEnum):
    """What a draw decides. A stream keeps its number for ever: numbers are addresses."""

    PEOPLE = 1  # synthesis: age, sex, income, car, digital access, cover
    FRAILTY = 2  # synthesis: shared frailty and conditions
    REGISTRATION = 3  # synthesis: who has which general practitioner
    TEMPERAMENT = 4  # synthesis: heterogeneity of needs, regularity
    PROFESSIONALS = 5  # list size, load, half-days, walk-in, open to others
    HOLIDAYS = 6  # holiday weeks of a professional, by year
    NEED = 10  # time to the next need of a kind
    SEASON = 11  # does the need arise on this day of the year
    ORDER = 12  # who comes first among the day's requests
    WISH = 13  # wished horizon of a request
    TOLERANCE = 14  # longest wait that the person accepts
    CLOSED_DAY = 15  # where a need of a closed day goes
    NEVER_ASKED = 16  # emergency department without asking a doctor
    VIDEO = 17  # is video considered for this request
    CHOICE = 18  # multinomial choice between the offers
    DIVERSION = 19  # emergency department, another try or doing without, after no acceptable offer
    POLE_WAIT = 20  # accepted wait at an outside pole
    CANCEL = 21  # cancels before the day, and when
    NO_SHOW = 22  # does not come
    REBOOK = 23  # asks again after cancelling
    PLANNED = 24  # next visit booked at the end of this one
    REFERRAL = 25  # sent to a specialist
    URGENT = 26  # urgency of a specialist need
    HOME = 27  # visit at home
    NON_RESIDENT = 30  # requests of people from elsewhere, by professional and day
    CONTROL = 40  # control of a chronic disease at the start
    HEALTH_EVENT = 41  # exacerbation or complication, by condition and month
    INCIDENCE = 42  # a new case of a condition
    ESCALATION = 43  # an acute need that nobody served becomes an emergency
    ADMISSION = 50  # is a bed needed after an emergency visit, and which
    STAY = 51  # length of a stay, by stay
    HOSPITAL_DEATH = 52  # does the stay end in death
    READMISSION = 53  # does the person come back, and when
    TREATABLE = 54  # can the nearest hospital treat it
    VISITOR = 55  # stays and emergency visits of people from elsewhere, by site and day
    FATE = 60  # death, and departure: two draws by person and month
    BIRTH = 61  # by woman and month; the child's traits
    ARRIVAL = 63  # number and traits of arrivals, by commune and month
    RETIREMENT = 70  # does a professional retire, by month
    REPLACEMENT = 71  # is he replaced, and by whom
    RE_REGISTRATION = 72  # does a person without a doctor find one at a visit
    SPEND = 80  # persistent personal factor of background spend
    JOIN = 90  # can a professional be won for the care network, and in which month does he join
    ENROL = 91  # does an invited person enrol in the care network, by month
    LEAVE_NETWORK = 92  # does a professional or a person leave the care network, by month
    INVITED = 93  # would a person ever enrol in the care network
    EDUCATION_OFFER = 95  # who is offered a place in patient education first, by topic and month
    EDUCATION_ACCEPT = 96  # accepts an offer, by topic and year
    EDUCATION_COMPLETE = 97  # completes the programme, or after which session not, by topic and month of start
    TELEMONITORING = 98  # agrees to be monitored at a distance, once for ever
    TEST = 99  # tests only
    RETURN_VISIT = 100  # does a visit by video lead to another, and when is that asked for
    TELE_EXPERTISE = 101  # is a referral put to a specialist as a question, how long does he take, is a visit spared
    PRIORITY = 102  # may a request to a specialist use the time kept for the urgent
    BOOTH = 103  # is a teleconsultation booth considered for this request
    PRESCRIBED_ACTIVITY = 110  # takes part in prescribed activity, and keeps it up
    TRAINING = 111  # does a professional take part in a training


# The constants of Philox 4x32: multipliers, Weyl increments of the key.
ROUNDS = 7
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_WORD, _SHIFT, _ELEVEN, _TWENTY_ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(11), np.uint64(21)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2**-53


def seed_key(seed: int, replication: int = 0) -> NDArray[np.uint64]:
    """Return the two 32-bit key words of a seed, shape (2,): hashed, as neighbouring keys may look alike.

    Parameters
    ----------
    seed : any integer, 0 included.
    replication : for independent runs of one seed, >= 0.
    """
    words = hashlib.sha256(f"territoire seed {int(seed)} replication {int(replication)}".encode()).digest()
    return np.frombuffer(words[:8], dtype="<u4").astype(np.uint64)


@rule
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words at a counter; all arguments and results are 32-bit values in uint64."""
    for _ in range(ROUNDS):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _WORD, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _WORD
        k0 = (k0 + _WEYL_0) & _WORD
        k1 = (k1 + _WEYL_1) & _WORD
    return c0, c1, c2, c3


@rule
def uniform(key, stream, person, kind, occurrence):
    """Return the draw in [0, 1) at an address.

    Parameters
    ----------
    key : shape (2,), see `seed_key`.
    stream : what it decides (`Stream`).
    person : address of a person or professional, 0 to 2**32 - 1.
    kind : kind of need or other sub-address, 0 to 2**32 - 1.
    occurrence : which time, or which day, 0 to 2**32 - 1.
    """
    high, low, _, _ = philox(
        np.uint64(occurrence), np.uint64(person), np.uint64(stream), np.uint64(kind), key[0], key[1]
    )
    return ((high << _TWENTY_ONE) ^ (low >> _ELEVEN)) * _TO_UNIT


@rule
def two_uniforms(key, stream, person, kind, occurrence):
    """Return two independent draws in [0, 1) at one address, for two questions that are always asked together."""
    a, b, c, d = philox(np.uint64(occurrence), np.uint64(person), np.uint64(stream), np.uint64(kind), key[0], key[1])
    return ((a << _TWENTY_ONE) ^ (b >> _ELEVEN)) * _TO_UNIT, ((c << _TWENTY_ONE) ^ (d >> _ELEVEN)) * _TO_UNIT


@rule
def exponential(key, stream, person, kind, occurrence):
    """Return the unit exponential draw at an address."""
    return -math.log(1.0 - uniform(key, stream, person, kind, occurrence))


@rule
def normal(key, stream, person, kind, occurrence):
    """Return the standard normal draw at an address (Box and Muller, one of the pair)."""
    first, second = two_uniforms(key, stream, person, kind, occurrence)
    return math.sqrt(-2.0 * math.log(1.0 - first)) * math.cos(6.283185307179586 * second)


@rule
def order_key(key, person, kind, day):
    """Return the integer that says who comes first on a day, smallest first."""
    stream = np.uint64(Stream.ORDER)
    high, low, _, _ = philox(np.uint64(day), np.uint64(person), stream, np.uint64(kind), key[0], key[1])
    return (high << _SHIFT) | low


@rule
def fill_uniform(key, stream, persons, kind, occurrence, out):
    """Write the draws of many persons, `out[i]` at the address of `persons[i]`."""
    for i in range(persons.size):
        out[i] = uniform(key, stream, persons[i], kind, occurrence)


def uniforms(
    key: NDArray[np.uint64], stream: Stream, persons: NDArray[np.int64], kind: int = 0, occurrence: int = 0
) -> NDArray[np.float64]:
    """Return the draws in [0, 1) of many persons, shape like `persons`."""
    out = np.empty(persons.size)
    fill_uniform(key, int(stream), persons, kind, occurrence, out)
    return out


def normals(
    key: NDArray[np.uint64], stream: Stream, persons: NDArray[np.int64], kind: int = 0, occurrence: int = 0
) -> NDArray[np.float64]:
    """Return the standard normal draws of many persons, by inversion of `uniforms`."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.clip(uniforms(key, stream, persons, kind, occurrence), 1e-16, 1 - 1e-16)))
