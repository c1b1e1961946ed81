"""What can be billed, under which heading, and who may receive money: the names behind the axes of the ledger.

Owns the lists of acts, categories and general accounts; holds no price and no rule. Their numbers are places in arrays.
"""

from __future__ import annotations

from enum import IntEnum


class Act(IntEnum):
    """First rows of `World.tariffs`; then one row a specialty, then every other price of the tariff table.

    A cause of stays without a price of its own (`tariff` 0) is paid as another stay with a night.
    """

    STAY = 0
    DAY_CASE = 1
    GP_CONSULTATION = 2
    HOME_VISIT_SURCHARGE = 3
    TELECONSULTATION = 4
    PLATFORM_TELECONSULTATION = 5
    DUTY_CONSULTATION = 6
    EMERGENCY_VISIT = 7
    EMERGENCY_FEE = 8  # left to a patient who goes home
    EMERGENCY_FEE_ALD = 9
    HOSPITAL_DAILY_FEE = 10
    PARTICIPATION = 11  # participation forfaitaire, per act
    HEAVY_ACT_FEE = 12  # instead of the co-payment of an expensive act
    TRANSPORT_START = 13
    TRANSPORT_KM = 14
    LUMP_SUM_UNDER_7 = 15  # forfait patientèle médecin traitant, by age and long-term status
    LUMP_SUM_7_TO_74 = 16
    LUMP_SUM_75_TO_79 = 17
    LUMP_SUM_80_PLUS = 18
    LUMP_SUM_ALD_UNDER_80 = 19
    LUMP_SUM_ALD_80_PLUS = 20
    LUMP_SUM_C2S = 21
    TELE_EXPERTISE_EXPERT = 22
    TELE_EXPERTISE_REQUESTER = 23
    TELEMONITORING_OPERATOR = 24
    TELEMONITORING_TECHNICAL = 25
    EDUCATION_PROGRAMME = 26
    NURSE_ACT = 27
    NURSE_PRACTITIONER_YEAR = 28
    OUTPATIENT_CONSULTATION = 29
    FIRST_SPECIALIST = 30


class Category(IntEnum):
    """Headings of spending: columns of `World.billed`, `paid` and `received`."""

    GP = 0
    GP_LUMP_SUMS = 1
    DUTY_CARE = 2
    SPECIALIST = 3
    TELEHEALTH = 4
    EMERGENCY = 5
    STAYS = 6
    TRANSPORT = 7
    EDUCATION = 8
    DRUGS = 9
    NURSING = 10
    LABORATORY_IMAGING = 11
    OTHER_CARE = 12
    SICK_PAY = 13
    ACTION = 14  # staff, studies, animation of the territory's own action: nobody's care


#: Headings that the model does not simulate act by act: charged per day alive and along with acts.
BACKGROUND = (
    Category.DRUGS, Category.NURSING, Category.LABORATORY_IMAGING, Category.OTHER_CARE, Category.SICK_PAY,
)  # fmt: skip


class Account(IntEnum):
    """Who receives money beside the professionals and the sites; in `World.received` they come after both."""

    PLATFORM = 0
    DUTY_SERVICE = 1
    HOSPITALS_ELSEWHERE = 2
    TRANSPORT = 3
    PHARMACIES = 4
    NURSES = 5
    LABORATORIES = 6
    OTHER_PROVIDERS = 7
    PEOPLE_ON_SICK_LEAVE = 8
    EDUCATION_TEAM = 9
    TERRITORY_ACTION = 10


#: Account of each heading of `BACKGROUND`.
BACKGROUND_ACCOUNTS = (
    Account.PHARMACIES, Account.NURSES, Account.LABORATORIES, Account.OTHER_PROVIDERS, Account.PEOPLE_ON_SICK_LEAVE,
)  # fmt: skip

#: Payers of a person's care, the first columns of `Payer`; the other ones pay for the action only.
CARE_PAYERS = 4
#: Ways of being covered: long-term status, régime local, complementary cover (bits 2, 1, 0).
COVERS = 8
