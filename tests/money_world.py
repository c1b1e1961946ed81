"""Worlds with prices, small enough to work out every bill by hand. No test of its own."""

from __future__ import annotations

import datetime as dt

import numpy as np

from abm.agents.payments import settle
from abm.calendar import Calendar
from abm.handle import compiled
from abm.parameters import load_parameters
from abm.payments.builder import payment_columns
from abm.payments.tables import Category
from abm.payments.tariffs import load_tariffs, tariff_names
from abm.records import with_room_for_records
from abm.settings import specialties_of
from abm.state import CAUSE, NOBODY, RECORD, STAY, Channel, Counter, Kind, Outcome, Payer, World
from tests.small_world import small_world

SPECIALTIES = specialties_of(load_parameters())
CARDIOLOGIST, GYNAECOLOGIST = (
    int(Kind.FIRST_SPECIALTY) + SPECIALTIES.index(name) for name in ("cardiologist", "gynaecologist")
)
HOSPITAL, POLE = 1, 2  # columns of `minutes`: one commune, then two sites
MINUTES_TO_HOSPITAL = 30.0
TARIFFS = tariff_names(load_tariffs(SPECIALTIES), SPECIALTIES)
PAYERS = (Payer.COMPULSORY, Payer.LOCAL, Payer.COMPLEMENTARY, Payer.PATIENT)
GP_ACCOUNT, SPECIALIST_ACCOUNT, HOSPITAL_ACCOUNT, POLE_ACCOUNT, FIRST_GENERAL = range(5)


def money_world(
    start: str = "2020-01-01", n_people: int = 1, n_days: int = 420, *, seed: int = 0, **parameters: float
) -> World:
    """One commune, a doctor, a cardiologist, a hospital, a pole; everybody 40, with complementary cover and a doctor.

    Nothing happens by luck unless asked for: no background, transport or excess fees, nobody under solidarity cover.
    """
    calendar = Calendar(dt.date.fromisoformat(start), n_days)
    values = load_parameters().with_values({"background_factor": 0.0, "specialist_excess_fee_share": 0.0} | parameters)
    world = small_world(
        n_people=n_people,
        n_kinds=int(Kind.FIRST_SPECIALTY) + len(SPECIALTIES),
        n_specialists=1,
        n_days=n_days,
        seed=seed,
    )
    columns = payment_columns(values, calendar, SPECIALTIES, (), n_people=n_people, n_providers=2, n_sites=2)
    world = world._replace(
        **columns,
        minutes=np.array([[0.0, MINUTES_TO_HOSPITAL, 60.0]]),
        year_of=(calendar.year - calendar.year[0]).astype(np.int16),
        stays=np.zeros(1000, STAY).view(np.recarray),
        causes=np.zeros(4, CAUSE).view(np.recarray),
    )
    people = world.patients
    people.has_complementary_cover, people.income_quintile = 1, 3
    people.age_band = world.age_bands[40]
    for name in ("transport_share_stay", "transport_share_ald", "c2s_share_of_poorest", "prescription_response"):
        world.cover[name] = 0.0
    return with_room_for_records(world, 10_000)


def visit(world: World, row: int = 0, kind: int = Kind.GP_ACUTE, channel: int = Channel.OWN_GP, **columns: int) -> None:
    """Write a visit held into the records."""
    is_specialist = kind >= Kind.FIRST_SPECIALTY
    values = {
        "patient": row, "kind": kind, "channel": channel, "outcome": Outcome.SERVED, "place": 0,
        "provider": 1 if is_specialist else 0,
    }  # fmt: skip
    if is_specialist and channel == Channel.OWN_GP:
        values["channel"] = Channel.LOCAL_AGENDA
    i = world.counters[Counter.RECORDS]
    for name in RECORD:
        getattr(world, f"record_{name}")[i] = (values | columns).get(name, 0)
    world.counters[Counter.RECORDS] += 1


def emergency(world: World, row: int = 0) -> None:
    visit(world, row, Kind.EMERGENCY, Channel.EMERGENCY, place=HOSPITAL, provider=NOBODY)


def stay(world: World, row: int = 0, nights: int = 5, tariff: str = "stay", today: int = 0, **columns: int) -> None:
    """Write an admission of today into the stays, under a cause of its own price."""
    i = world.counters[Counter.STAYS]
    cause = int(i) % world.causes.size
    world.causes[cause].tariff = TARIFFS[tariff]
    world.causes[cause].is_day_case = nights == 0
    world.stays[i].patient, world.stays[i].cause = row, cause
    world.stays[i].admitted_on, world.stays[i].leaves_on = today, today + nights
    for name, value in columns.items():
        world.stays[i][name] = value
    world.counters[Counter.STAYS] += 1


def day_of(world: World, date: str, start: str = "2020-01-01") -> int:
    return (dt.date.fromisoformat(date) - dt.date.fromisoformat(start)).days


def settled(world: World, today: int = 0) -> World:
    settle(compiled(world), today)
    return world


def bill(world: World, category: Category, row: int = 0) -> list[float]:
    """Return euros paid under a heading: compulsory, local, complementary, patient; checks that one person's agree."""
    cents = world.paid[:, category].sum(axis=0)[list(PAYERS)]
    assert world.billed[:, category].sum() == world.received[:, category].sum() == cents.sum()
    return [float(c) / 100 for c in cents]


def spent(world: World, row: int = 0) -> list[float]:
    """Return euros spent on a person over all years, by payer."""
    return [float(c) / 100 for c in world.spend_cents[:, row].sum(axis=0)]


def received_by(world: World, category: Category) -> dict[int, float]:
    """Return euros received under a heading, by account."""
    cents = world.received[:, category].sum(axis=0)
    return {int(account): float(cents[account]) / 100 for account in np.flatnonzero(cents)}
