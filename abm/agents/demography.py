"""Births, deaths, arrivals and departures, once a month; the years of life lived in their quality (step 8).

Owns `patients.status` of new rows, `since`, `utility`, all columns of a newborn, `motherhood`, and `vital` (but deaths
and departures: abm.agents.leaving). Rows of patients: first those who are there at the start, then those who will
arrive (drawn before the run, see abm.arrivals: nobody's policy changes who they are), then empty ones for the newborn.
Draws from FATE, BIRTH, SPEND, each by person and month.
"""

from __future__ import annotations

from math import exp

from abm.agents.health import begin_life_with_disease, burden, death_ratio
from abm.agents.leaving import leave
from abm.agents.needs import age_years, refresh_rates, start_clock
from abm.compiled import rule
from abm.randomness import Stream, normal, two_uniforms, uniform
from abm.state import NOBODY, Counter, Status, Vital

EXPECTED, ALIVE, DEAD, DEPARTED = (int(status) for status in Status)
PATIENTS, REFUSED_BIRTHS = int(Counter.PATIENTS), int(Counter.REFUSED_BIRTHS)
PERSON_DAYS, QALY, EXPECTED_DEATHS = int(Vital.ALIVE), int(Vital.QALY), int(Vital.EXPECTED_DEATHS)
BIRTHS, ARRIVALS = int(Vital.BIRTHS), int(Vital.ARRIVALS)

DAYS_A_YEAR = 365.25
DAYS_A_MONTH = DAYS_A_YEAR / 12.0

FOUNDER_BITS = 24  # addresses below 2 ** 24: people of the start and those who arrive; above it stands the descent
FOUNDERS = 1 << FOUNDER_BITS
MOST_DESCENT = (1 << (31 - FOUNDER_BITS)) - 1

# Sub-addresses of a newborn's draws in the stream BIRTH; 0 is the mother's draw of a month.
SEX, NEED, RHYTHM = 1, 2, 3


@rule
def live_a_month(world, today):
    """On the last day of a month: who has died, was born, came or left; quality of life is counted (ODD 7.1)."""
    if today + 1 >= world.month_of.size or world.month_of[today + 1] == world.month_of[today]:
        return
    first = first_of_month(world, today)
    months = max(0, today + 1 - max(first, world.demography[0].first_day)) / DAYS_A_MONTH
    person_days, quality_days, expected_deaths = 0, 0.0, 0.0
    for row in range(world.counters[PATIENTS]):  # those born tonight are not among them
        patient = world.patients[row]
        mortality_ratio = 1.0
        if patient.status == ALIVE:
            mortality_ratio, loss = burden(world, row, today)
            patient.utility = quality_of_life(world, patient, loss, today)
        elif patient.status == EXPECTED or patient.gone_on < first:
            continue
        days = days_lived(patient, first, today)
        person_days += days
        quality_days += days * float(patient.utility)
        if patient.status != ALIVE or months == 0.0:
            continue
        p_death = death_probability(world, patient, mortality_ratio * death_ratio(world, row), today, months)
        expected_deaths += p_death
        fate = fate_of(world, row, today, p_death, months)
        if fate != ALIVE:
            leave(world, row, today, fate)
        elif patient.is_female and gives_birth(world, row, today, months):
            bear(world, row, today)
    vital = world.vital[world.month_of[today]]
    vital[PERSON_DAYS] += person_days
    vital[QALY] += quality_days / DAYS_A_YEAR
    vital[EXPECTED_DEATHS] += expected_deaths
    welcome(world, today)


@rule
def first_of_month(world, today):
    """Return the first day of the month of a day, or of the run where it begins later."""
    first = today
    while first > 0 and world.month_of[first - 1] == world.month_of[today]:
        first -= 1
    return first


# --- life and its quality -----------------------------------------------------------------------------------------


@rule
def quality_of_life(world, patient, loss, today):
    """Return the utility of a person: what his age has without disease, and what disease adds, <= 0 (ODD 7.1)."""
    age = min(age_years(patient, today), world.utility_norms.size - 1)
    return max(world.demography[0].utility_floor, world.utility_norms[age] + loss)


@rule
def days_lived(patient, first, today):
    """Return the days that a person lived here between two days, both included; the day he left is one of them.

    Notes
    -----
    Who is born or arrives does so in the evening: his first day is the next one. The quality of the month's last day
    stands for all of it; of those who have gone since, that of the month before.
    """
    last = today if patient.status == ALIVE else patient.gone_on
    return max(0, last - max(first, patient.since + 1) + 1)


# --- deaths and departures ----------------------------------------------------------------------------------------


@rule
def death_probability(world, patient, mortality_ratio, today, months):
    """Return the probability that a person has died in the months past, 1 - exp(-hazard) (ODD 7.1).

    Parameters
    ----------
    mortality_ratio : hazard over that of people without disease.
    months : time at risk, in twelfths of a year.
    """
    age = min(age_years(patient, today), world.death_rates.shape[0] - 1)
    return 1.0 - exp(-world.death_rates[age, patient.is_female] * months * mortality_ratio)


@rule
def fate_of(world, row, today, p_death, months):
    """Tell whether a person has died (DEAD), moved away (DEPARTED) or neither (ALIVE) in the months past (ODD 7.1).

    Notes
    -----
    Two draws of FATE at (person, 0, month). Nobody moves out of a hospital bed.
    """
    patient = world.patients[row]
    death, departure = two_uniforms(world.key, Stream.FATE, patient.person, 0, world.month_of[today])
    if death < p_death:
        return DEAD
    rate = world.departure_rates[min(age_years(patient, today), world.departure_rates.size - 1)] * months
    return DEPARTED if happens(departure, rate) and patient.leaves_hospital_on <= today else ALIVE


@rule
def happens(draw, hazard):
    """Tell whether a draw in [0, 1) lies below 1 - exp(-hazard), which is never above the hazard itself."""
    return draw < hazard and draw < 1.0 - exp(-hazard)


# --- births -------------------------------------------------------------------------------------------------------


@rule
def gives_birth(world, row, today, months):
    """Tell whether a woman has given birth in the months past: by her age, and not too soon after the last time."""
    patient = world.patients[row]
    rate = world.birth_rates[min(age_years(patient, today), world.birth_rates.size - 1)] * months
    if rate == 0.0:
        return False
    if not happens(uniform(world.key, Stream.BIRTH, patient.person, 0, world.month_of[today]), rate):
        return False
    return world.motherhood[row].fertile_from <= today


@rule
def child_address(mother, order):
    """Return the address of a woman's next child, or NOBODY when none is left for it (ODD 7.1).

    Parameters
    ----------
    mother : her own address, >= 0.
    order : how many children she has borne in this run, >= 0.

    Notes
    -----
    Upper bits: the line of descent, 0 for those of the start and those who arrived, (2 d + 1) * 2 ** order for a child
    of somebody with d. Every whole number has one such form, so two lines never meet; and who else was born, when and
    in which row plays no part. Seven bits hold seven children of one woman, or three generations, in one run.
    """
    descent = (2 * (mother >> FOUNDER_BITS) + 1) << min(order, FOUNDER_BITS)
    if descent > MOST_DESCENT:
        return NOBODY
    return (descent << FOUNDER_BITS) | (mother & (FOUNDERS - 1))


@rule
def bear(world, row, today):
    """Write a newborn into the next empty row, in the household of its mother."""
    mother, motherhood, rules = world.patients[row], world.motherhood[row], world.demography[0]
    address = child_address(int(mother.person), int(motherhood.n_births))
    if address == NOBODY:
        return
    place = world.counters[PATIENTS]
    if place >= world.patients.size:
        world.counters[REFUSED_BIRTHS] += 1
        return
    world.counters[PATIENTS] = place + 1
    world.vital[world.month_of[today], BIRTHS] += 1.0
    motherhood.n_births += 1
    motherhood.fertile_from = min(today + int(rules.birth_spacing_days), 32767)
    child = world.patients[place]
    child.person = address
    child.status = ALIVE
    child.birth_day = today
    child.since = today
    child.commune = mother.commune
    child.registered_gp = mother.registered_gp
    child.income_quintile = mother.income_quintile
    child.has_car = mother.has_car
    child.has_digital_access = mother.has_digital_access
    child.has_regime_local = mother.has_regime_local
    child.has_complementary_cover = mother.has_complementary_cover
    child.is_female = 1 if uniform(world.key, Stream.BIRTH, address, SEX, 0) >= rules.births_male_share else 0
    child.need_factor = newborn_need_factor(world, uniform(world.key, Stream.BIRTH, address, NEED, 0))
    child.regularity = lognormal(rules.regularity_spread, normal(world.key, Stream.BIRTH, address, RHYTHM, 0))
    child.spend_factor = lognormal(rules.spend_sigma, normal(world.key, Stream.SPEND, address, 0, 0))


@rule
def newborn_need_factor(world, draw):
    """Return the personal multiplier of needs at a draw in [0, 1): the mean of its part of the distribution."""
    return world.need_factors[int(draw * world.need_factors.size)]


@rule
def lognormal(sigma, z):
    """Return a lognormal value of mean 1 from a standard normal draw."""
    return exp(sigma * z - 0.5 * sigma * sigma)


# --- beginning ----------------------------------------------------------------------------------------------------


@rule
def has_closed(world, provider, day):
    """Tell whether a practice holds no sessions any more on a day (drawn for an arrival before the run began)."""
    if provider == NOBODY:
        return False
    closes_on = world.providers[provider].closes_on
    return closes_on > 0 and closes_on <= day


@rule
def welcome(world, today):
    """Let those live here from tomorrow on who were born or arrive tonight: needs, clocks, quality of life."""
    for row in range(world.demography[0].first_newcomer, world.counters[PATIENTS]):
        patient = world.patients[row]
        if patient.since != today:
            continue
        if patient.status == EXPECTED:
            patient.status = ALIVE
            world.vital[world.month_of[today], ARRIVALS] += 1.0
            if has_closed(world, patient.registered_gp, today + 1):
                patient.registered_gp = NOBODY
        begin_life_with_disease(world, row, today)
        patient.utility = quality_of_life(world, patient, burden(world, row, today)[1], today)
        refresh_rates(world, row, today)
        for kind in range(world.kinds.size):
            start_clock(world, row, kind, today + 1)
