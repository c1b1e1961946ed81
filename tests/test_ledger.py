"""Do the books balance to the cent, do the laws notice when they do not, and do payments touch nobody's life?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import laws
from abm.indicators import communes_table, indicators, ledger_table
from abm.indicators.counting import Run
from abm.indicators.spend import accounts_by_type
from abm.laws import BrokenLawError
from abm.model import TerritoryModel
from abm.payments.tables import Account, Category
from abm.state import NEVER, NOBODY, NOWHERE, Channel, Counter, Kind, Payer, Status, Ward
from tests.money_world import HOSPITAL, SPECIALTIES, emergency, money_world, settled, stay, visit

MONEY = ("billed", "paid", "received", "spend_cents")
DAYS, WARM_UP, FOLLOW_UP = 400, 40, 30
END = WARM_UP + DAYS


@cache
def finished() -> TerritoryModel:
    model = TerritoryModel("tiny", rng=1, start="2020-02-10", days=DAYS, warm_up_days=WARM_UP, follow_up_days=FOLLOW_UP)
    model.run_to_end()
    return model


# --- random worlds ------------------------------------------------------------------------------------------------

GP_CHANNELS = (Channel.OWN_GP, Channel.OTHER_GP, Channel.WALK_IN, Channel.VIDEO_OWN_GP, Channel.PLATFORM,
               Channel.DUTY, Channel.HOME)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.0, 3.0), response=st.floats(0.0, 1.0))
def test_books_of_random_worlds_balance(seed: int, scale: float, response: float) -> None:
    random, n = np.random.default_rng(seed), 12
    world = money_world(n_people=n, n_days=420, seed=seed % 1000)
    people = world.patients
    for name in ("has_ald", "has_regime_local", "has_complementary_cover", "is_female"):
        people[name] = random.integers(0, 2, n)
    people.income_quintile, people.registered_gp = random.integers(1, 6, n), random.integers(-1, 1, n)
    people.birth_day = -random.integers(0, 95 * 365, n)
    people.status, people.spend_factor = random.integers(0, 4, n), random.lognormal(size=n)
    people.gone_on = np.where(people.status > Status.ALIVE, random.integers(0, 60, n), NEVER)
    world.background_cents[:] = scale * random.integers(0, 20_000, (10, 2, 1))
    world.background_acts[:] = random.random((10, 2, 1))
    world.tariffs[:] = (world.tariffs * random.random((world.tariffs.shape[0], 1)) * 2).astype(np.int32)
    cover = world.cover[0]
    cover.prescription_response, cover.c2s_share_of_poorest, cover.excess_share = response, 0.5, random.random() / 2
    cover.transport_share_stay, cover.transport_share_ald, cover.local_of_emergency_fee = random.random(3)
    for day in range(365):
        if day in (3, 30, 59, 364):
            for _ in range(random.integers(0, 8)):
                row, kind = int(random.integers(n)), int(random.integers(5 + len(SPECIALTIES)))
                if kind in (Kind.EMERGENCY, Kind.STAY):
                    emergency(world, row)
                elif kind < Kind.EMERGENCY:
                    channel = GP_CHANNELS[random.integers(len(GP_CHANNELS))]
                    away = channel in (Channel.PLATFORM, Channel.DUTY)
                    visit(world, row, kind, channel, provider=NOBODY if away else 0, place=NOWHERE if away else 0)
                else:
                    visit(world, row, kind, Channel.POLE, provider=NOBODY, place=int(random.integers(HOSPITAL, 3)))
                nights, ward = int(random.integers(0, 45)), int(random.integers(len(Ward)))
                ends = int(random.integers(2))
                stay(world, int(random.integers(-1, n)), nights, today=day, ward=ward, ends_in_death=ends, site=ends)
        if day in (3, 30, 59, 364):
            settled(world, day)
    assert np.array_equal(world.billed, world.paid.sum(axis=2))
    assert np.array_equal(world.billed, world.received.sum(axis=2))
    by_year = world.spend_cents.sum(axis=1, dtype=np.int64)
    assert by_year[0].tolist() + [0, 0, 0] == world.paid.sum(axis=(0, 1)).tolist()
    for name in MONEY:
        assert (getattr(world, name) >= 0).all(), name
    assert (world.accounts.participation_cents <= 5_000).all()


# --- whole runs ---------------------------------------------------------------------------------------------------


def test_a_run_bills_every_kind_of_care_that_it_simulates() -> None:
    world = finished().arrays
    assert world.counters[Counter.PAID_RECORDS] == world.counters[Counter.RECORDS] > 10_000
    billed = world.billed.sum(axis=0)
    not_yet = {Category.STAYS, Category.EDUCATION, Category.ACTION}
    assert all(billed[category] > 0 for category in Category if category not in not_yet)


def test_gp_acts_cost_what_they_cost() -> None:
    """The ledger recounted from the records: every consultation in the surgery of these dates costs 25 EUR."""
    model = finished()
    rows = model.records().episodes
    held = (rows.outcome == 1) & (rows.kind < Kind.EMERGENCY)
    surgery = held & np.isin(rows.channel, (Channel.OWN_GP, Channel.OTHER_GP, Channel.WALK_IN))
    at_home = held & (rows.channel == Channel.HOME)
    assert model.arrays.billed[:, Category.GP].sum() == 2_500 * surgery.sum() + 3_500 * at_home.sum() > 0
    visits = (rows.kind == Kind.EMERGENCY).sum()
    assert model.arrays.billed[:, Category.EMERGENCY].sum() == 22_700 * visits > 0


def test_payments_change_nothing_else() -> None:
    """The same run without a ledger: every column of the world but those of money is the same to the byte."""
    free = TerritoryModel("tiny", rng=1, start="2020-02-10", days=DAYS, warm_up_days=WARM_UP, follow_up_days=FOLLOW_UP)
    free._hold(free.arrays._replace(billed=np.zeros((free.arrays.billed.shape[0], 0), np.int64)))
    free.run_to_end()
    paid, unpaid = finished().arrays, free.arrays
    assert paid.billed.sum() > 0 and unpaid.spend_cents.sum() == 0
    own = {*MONEY, "accounts", "scratch"}
    for name in set(paid._fields) - own:
        one, other = np.asarray(getattr(paid, name)), np.asarray(getattr(unpaid, name))
        if name == "counters":
            one, other = np.delete(one, [6, 8]), np.delete(other, [6, 8])
        assert one.tobytes() == other.tobytes(), name


def test_one_person_more_changes_nobody_elses_bills() -> None:
    more = TerritoryModel(
        "tiny", rng=1, start="2020-02-10", days=DAYS, warm_up_days=WARM_UP, follow_up_days=FOLLOW_UP,
        arrange=lambda people: people.with_person(birth_day=-20000, registered_gp=NOBODY, spend_factor=1.0),
    )  # fmt: skip
    more.run_to_end()
    before = finished().arrays
    mine, others = (w.patients.status != Status.EXPECTED for w in (before, more.arrays))
    (newcomer,) = set(more.arrays.patients.person[others]) - set(before.patients.person[mine])
    others &= more.arrays.patients.person != newcomer
    order = np.argsort(before.patients.person[mine]), np.argsort(more.arrays.patients.person[others])
    assert np.array_equal(before.spend_cents[:, mine][:, order[0]], more.arrays.spend_cents[:, others][:, order[1]])
    assert more.arrays.spend_cents[:, more.arrays.patients.person == newcomer].sum() > 0


def test_thinning_keeps_what_a_head_costs() -> None:
    def per_head(scale: float) -> float:
        model = TerritoryModel("tiny", rng=2, days=180, warm_up_days=30, follow_up_days=0, scale=scale)
        model.run_to_end()
        model.arrays.patients.spend_factor[:] = 1.0
        return float(model.arrays.billed[:, : Category.DRUGS].sum() / model.arrays.patients.size)

    assert per_head(0.5) == pytest.approx(per_head(1.0), rel=0.15)


# --- the law of euros ---------------------------------------------------------------------------------------------


@contextmanager
def changed(column: np.ndarray, at: object, more: int) -> Iterator[None]:
    column[at] += more
    try:
        yield
    finally:
        column[at] -= more
    laws.check(finished())


def broken(match: str) -> BrokenLawError:
    with pytest.raises(BrokenLawError, match=match) as caught:
        laws.check(finished())
    return caught.value


@pytest.mark.parametrize("more", [1, -1])
@pytest.mark.parametrize(
    ("name", "at", "law"),
    [
        ("paid", (3, Category.GP, Payer.PATIENT), "billed = paid"),
        ("received", (3, Category.GP, 1), "billed = received"),
        ("billed", (3, Category.GP), "billed = paid"),
    ],
)
def test_a_cent_too_many(name: str, at: tuple, law: str, more: int) -> None:
    with changed(getattr(finished().arrays, name), at, more):
        error = broken(law)
        assert error.numbers["category"] == "gp" and str(error.date) == "2020-03-01", "the first day of that month"
        amounts = [value for key, value in error.numbers.items() if key != "category"]
        assert abs(amounts[0] - amounts[1]) == 1


def test_a_cent_spent_on_nobody() -> None:
    with changed(finished().arrays.spend_cents, (1, 5, Payer.LOCAL), 1):
        error = broken("spent on persons = paid")
        assert error.numbers["payer"] == "local" and error.numbers["persons"] - error.numbers["paid"] == 1
        assert str(error.date) == "2020-02-10", "the second year of spending begins with the horizon"


@pytest.mark.parametrize("counter", [Counter.PAID_RECORDS, Counter.PAID_STAYS])
def test_a_record_that_nobody_paid(counter: Counter) -> None:
    with changed(finished().arrays.counters, counter, -1):
        broken("is paid")


def test_costs_of_the_action_are_spent_on_nobody() -> None:
    world = finished().arrays
    account = world.received.shape[2] - len(Account) + Account.TERRITORY_ACTION
    at = (3, Category.ACTION)
    with (
        changed(world.billed, at, 7),
        changed_quietly(world.paid, (*at, Payer.STATE), 7),
        changed_quietly(world.received, (*at, account), 7),
    ):
        laws.check(finished())


@contextmanager
def changed_quietly(column: np.ndarray, at: object, more: int) -> Iterator[None]:
    column[at] += more
    try:
        yield
    finally:
        column[at] -= more


# --- the tables ---------------------------------------------------------------------------------------------------


def test_the_ledger_table_holds_every_cent_twice() -> None:
    world, table = finished().arrays, ledger_table(finished().records())
    sides = table.groupby(["side", "month", "category"])["cents"].sum()
    assert sides["paid"].equals(sides["received"]) and table.cents.sum() == 2 * world.billed.sum()
    assert set(table.part) == {"warm-up", "horizon", "follow-up"} and (table.cents != 0).all()
    months = table.drop_duplicates("month").month.astype(str).tolist()
    assert months[:3] == ["2020-01-01", "2020-02-01", "2020-02-10"], "cut where the horizon begins"
    horizon = table[(table.part == "horizon") & (table.side == "paid")]
    months_of = world.ledger_month_of
    assert horizon.cents.sum() == world.billed[months_of[WARM_UP] : months_of[END - 1] + 1].sum()
    assert set(table[table.party_kind == "payer"].side) == {"paid"}
    doctors = table[table.party_kind == "general_practitioner"]
    assert set(doctors.category) == {"gp", "gp_lump_sums", "telehealth"} and doctors.party.nunique() == 2
    assert "Hôpital inventé du Bourg" in set(table.party)


def of(indicator: str, kind: str = "all", stratum: str = "all", period: str = "all") -> float:
    table = all_indicators()
    rows = table[
        (table.indicator == indicator) & (table.stratum_kind == kind) & (table.stratum == stratum)
        & (table.period == period)
    ]  # fmt: skip
    assert len(rows) == 1, (indicator, kind, stratum, period)
    return float(rows.iloc[0]["value"])


@cache
def all_indicators():
    return indicators(finished().records())


def person_years() -> float:
    run = Run(finished().records())
    return float(run.person_years("all").sum())


def test_spend_per_head_is_that_of_the_horizon() -> None:
    world = finished().arrays
    months = world.ledger_month_of
    horizon = slice(months[WARM_UP], months[END - 1] + 1)
    euros = world.billed[horizon].sum() / 100
    assert of("spend_per_head_eur") == pytest.approx(euros / person_years(), rel=1e-12)
    for payer in (Payer.COMPULSORY, Payer.LOCAL, Payer.COMPLEMENTARY, Payer.PATIENT):
        amount = world.paid[horizon, :, payer].sum() / 100 / person_years()
        assert of(f"spend_per_head_eur.by_payer.{payer.name.lower()}") == pytest.approx(amount, rel=1e-12)
    names = [c.name.lower() for c in Category if c != Category.ACTION]
    parts = [of(f"spend_per_head_eur.by_category.{name}") for name in names]
    assert sum(parts) == pytest.approx(of("spend_per_head_eur"), rel=1e-12)


@pytest.mark.parametrize("kind", ["sex", "income_quintile", "has_ald", "age_band", "epci", "commune"])
def test_strata_add_up_to_the_whole(kind: str) -> None:
    table = all_indicators()
    rows = table[(table.indicator == "spend_per_head_eur") & (table.stratum_kind == kind) & (table.period == "2020")]
    run = Run(finished().records())
    lived = dict(zip(run.strata(kind).labels, run.person_years(kind)[:, 0], strict=True))
    whole = of("spend_per_head_eur", period="2020") * run.person_years("all")[0, 0]
    total = sum(value * lived[name] for name, value in zip(rows.stratum, rows.value, strict=True))
    assert total == pytest.approx(whole)
    assert rows.value.nunique() == len(rows) > 1 or kind == "epci"


def test_the_chronically_ill_cost_more() -> None:
    patients, world = finished().arrays.patients, finished().arrays
    first = world.spending_year_of[WARM_UP]
    last = world.spending_year_of[END - 1]
    paid = world.spend_cents[first : last + 1, :, Payer.COMPULSORY].sum(axis=0)
    chronic = (patients.has_ald == 1) | (patients.conditions > 0)
    assert of("chronic_spend_share") == pytest.approx(paid[chronic].sum() / paid.sum())
    assert of("spend_per_head_eur", "has_ald", "yes") > 2 * of("spend_per_head_eur", "has_ald", "no")


def test_the_spread_of_spending_is_over_whole_years() -> None:
    table = all_indicators()
    rows = table[table.indicator == "spend_coefficient_of_variation"].set_index("period")["value"]
    assert np.isnan(rows["2020"]) and np.isnan(rows["2021"]), "2020 begins in February"
    model = TerritoryModel("tiny", rng=1, start="2021-01-01", days=365, warm_up_days=10, follow_up_days=0)
    model.run_to_end()
    table = model.indicators()
    value = table[(table.indicator == "spend_coefficient_of_variation") & (table.period == "2021")].value.iloc[0]
    year = int(model.arrays.spending_year_of[10])
    rows = model.arrays.patients
    is_there = (rows.status != Status.EXPECTED) & (rows.since < 10) & (rows.gone_on == NEVER)
    paid = model.arrays.spend_cents[year, is_there, Payer.COMPULSORY].astype(float)
    assert value == pytest.approx(paid.std() / paid.mean()) and value > 1.0


def test_every_account_belongs_to_one_kind_of_provider() -> None:
    columns = np.concatenate(list(accounts_by_type(Run(finished().records())).values()))
    assert np.array_equal(np.sort(columns), np.arange(finished().arrays.received.shape[2]))
    names = [name for name in all_indicators().indicator.unique() if name.startswith("revenue_eur.")]
    run = Run(finished().records())
    total = sum(of(name) for name in names) * run.years.years.sum()
    assert total == pytest.approx(of("spend_per_head_eur") * person_years(), rel=1e-12)


def test_communes_have_their_spending() -> None:
    table = communes_table(finished().records())
    values = table.set_index("insee")["spend_per_head_eur"]
    for commune, value in values.items():
        assert of("spend_per_head_eur", "commune", str(commune)) == pytest.approx(value)


def test_the_books_are_the_same_twice() -> None:
    def digest(seed: int) -> str:
        model = TerritoryModel("tiny", rng=seed, days=60, warm_up_days=10, follow_up_days=0)
        model.run_to_end()
        return hashlib.sha256(model.arrays.received.tobytes() + model.arrays.spend_cents.tobytes()).hexdigest()

    assert digest(5) == digest(5) != digest(6)
