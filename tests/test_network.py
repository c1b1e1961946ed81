"""The care network: who joins, who enrols, what it does to whom, what it costs; nothing where it has no effect.

Statistics: addressed draws, each comparison with a false-alarm rate of 1e-7 (see small_world).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import exp
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from small_world import assert_binomial, assert_near

from abm import TerritoryModel
from abm.agents.network import HIGH, LOW, RISING, CareNetwork
from abm.errors import InputError
from abm.indicators import indicators, monthly
from abm.laws import BrokenLawError, check
from abm.parameters import load_parameters
from abm.payments.action_plan import load_action_plan
from abm.payments.tables import Category
from abm.scenario import load_scenario
from abm.state import NEVER, NOBODY, Counter, Effect, NetworkFigure, Payer, Status

PARAMETERS = load_parameters()
DAYS = {"days": 300, "warm_up_days": 60, "follow_up_days": 0, "start": "2020-03-01"}
FIRST = 60
FAST = {"network_campaign_rate": 2.0, "enrolment_prob_per_visit_at_member_GP": 0.12, "bass_q_social": 0.78}


def model_of(**options) -> TerritoryModel:
    return TerritoryModel("tiny", rng=options.pop("rng", 7), **(DAYS | {"network_adherence": 1.0} | options))


@cache
def lived(**options) -> TerritoryModel:
    model = model_of(**options)
    model.run_to_end()
    return model


def begun(**options) -> tuple[TerritoryModel, CareNetwork]:
    """A model on whose first day the network has begun, everybody in it: nothing has been decided by luck."""
    model = model_of(**options)
    care = model.network
    assert care is not None
    care._begin(FIRST)
    care.is_member[:] = True
    return model, care


def eur(model: TerritoryModel, payer: Payer) -> float:
    return model.arrays.paid[:, Category.ACTION, payer].sum() / 100


# --- the plan of expenses ---------------------------------------------------------------------------------------


def test_the_plan_spends_what_its_funders_give_to_the_cent() -> None:
    plan = load_action_plan(PARAMETERS)
    assert plan.n_months == 48 and sum(plan.cents.values()) == 72_150_000
    for funder, budget in {"pia": 360_750, "petr": 180_750, "others": 180_000}.items():
        months = [plan.month(month) for month in range(60)]
        assert sum(c for month in months for (who, _), c in month.items() if who == funder) == budget * 100
    assert plan.month(48) == {} and plan.staff_eur_per_year(48) == 0.0
    staff = plan.staff_eur_per_year(0) / PARAMETERS["network_staff_eur_per_fte"]
    assert 1.0 <= staff <= 1.5, "1 to 1.5 full-time staff"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2020,pia,staff,360751,C", "spends 360,751.00 EUR of 'pia', which gives 360,750.00"),
        ("2020,pie,staff,1,C", "line 2.*Did you mean 'pia'"),
        ("2020,pia,stuff,1,C", "line 2.*Did you mean 'staff'"),
        ("2020,pia,staff,-1,C", "found -1, expected 0 or more"),
        ("2020,pia,staff,much,C", "expected a year and an amount"),
        ("2020,pia,staff,1,C\n2020,pia,staff,1,C", "line 3.*given twice"),
        ("", "no row"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path: Path, row: str, message: str) -> None:
    file = tmp_path / "plan.csv"
    file.write_text(f"year,funder,kind,eur,grade\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_action_plan(PARAMETERS, file)


def test_what_the_months_cost_is_booked_to_its_funders() -> None:
    model = lived(**FAST, network_staff_in_running_cost_share=0.0)
    plan = load_action_plan(PARAMETERS)
    months = [plan.month(month) for month in range(10)]  # March to December
    for funder, payer in (("pia", Payer.STATE), ("petr", Payer.TERRITORY), ("others", Payer.OTHER)):
        due = sum(c for month in months for (who, _), c in month.items() if who == funder)
        assert model.arrays.paid[:, Category.ACTION, payer].sum() == due > 0
    members = model.network.figures[:, NetworkFigure.ENROLLED]
    a_month = PARAMETERS["network_running_cost_per_member"] / 12
    assert eur(model, Payer.COMPULSORY) == pytest.approx(a_month * members.sum(), abs=0.1)
    assert members.sum() > 500
    table = indicators(model.records(), ("all",)).set_index(["indicator", "period"])["value"]
    total = sum(eur(model, payer) for payer in Payer)
    assert table["programme_cost_eur", "all"] == pytest.approx(total)


def test_staff_is_not_paid_twice() -> None:
    """The running cost of members counts the staff, which the plan pays: on the tiny territory nothing is left."""
    model = lived(**FAST)
    assert eur(model, Payer.COMPULSORY) == 0.0 and model.network.members.size > 0
    n, a_member = model.network.members.size, PARAMETERS["network_running_cost_per_member"]
    assert model.network.running_cost_eur_per_year(0.0) == n * a_member
    assert model.network.running_cost_eur_per_year(n * a_member - 12.0) == pytest.approx(12.0)
    assert model.network.running_cost_eur_per_year(n * a_member + 12.0) == 0.0


# --- no effect --------------------------------------------------------------------------------------------------


def test_without_effect_everybody_lives_as_without_a_network_and_it_costs_its_money() -> None:
    usual, null = lived(network_adherence=0.0), lived(network_without_effect=1, **FAST)
    assert null.network.members.size > 100
    assert usual.network is None
    assert null.records().episodes.digest() == usual.records().episodes.digest()
    for name in ("stays", "health", "vital", "spend_cents", "effects"):
        assert np.array_equal(getattr(null.arrays, name), getattr(usual.arrays, name)), name
    for name in ("billed", "paid", "received"):
        care = [np.delete(getattr(m.arrays, name), Category.ACTION, axis=1) for m in (usual, null)]
        assert np.array_equal(*care), name
    assert eur(null, Payer.STATE) > 0 == eur(usual, Payer.STATE)
    assert lived(**FAST).records().episodes.digest() != usual.records().episodes.digest()


# --- professionals ----------------------------------------------------------------------------------------------


def test_more_adherence_wins_the_same_and_others_and_never_later() -> None:
    few, many = (lived(network_adherence=share).network for share in (0.4, 0.9))
    assert (few.is_winnable & ~many.is_winnable).sum() == 0 < (many.is_winnable & ~few.is_winnable).sum()
    column = NetworkFigure.PROFESSIONALS
    assert (few.figures[:, column] <= many.figures[:, column]).all()
    assert few.figures[:, column].max() < many.figures[:, column].max()


def test_a_professional_joins_at_the_rate_of_the_campaign_and_of_colleagues() -> None:
    """n = 400 months of 12 professionals: sees 1.4 points of 11 %."""
    model, care = begun()
    n = care.is_member.size
    share = np.linspace(0.0, 1.0, n)
    care.ties = _Constant(share)  # type: ignore[assignment]
    care.is_winnable[:] = True
    joined = np.zeros(n)
    for month in range(400):
        care.is_member[:] = False
        model.arrays.month_of[:] = month  # the address of the draws; no month passes, the plan is in its first
        care._professionals_join(FIRST)
        joined += care.is_member
    rate = PARAMETERS["network_campaign_rate"] * care.effort(FIRST) + PARAMETERS["network_contagion_rate"] * share
    for count, r in zip(joined, rate, strict=True):
        assert_binomial(int(count), 400, 1.0 - exp(-r / 12), "joins")
    assert joined[0] < joined[-1]


class _Constant:
    """Stands for ties of which everybody's share of members is known."""

    def __init__(self, share: np.ndarray) -> None:
        self.share = share

    def __matmul__(self, members: np.ndarray) -> np.ndarray:
        return self.share


def test_ties_are_shared_patients_and_nearness() -> None:
    care = lived(network_graph_shared_weight=1.0).network
    n = lived(network_graph_shared_weight=1.0).arrays.providers.size
    seen = care.shared_patients
    assert (seen == seen.T).all() and (seen <= np.minimum.outer(seen.diagonal(), seen.diagonal())).all()
    near = lived().network.ties
    assert near.sum(axis=1) == pytest.approx(1.0) and (near.diagonal() == 0.0).all()
    cosine = seen / np.sqrt(np.outer(seen.diagonal(), seen.diagonal()))
    ratio = care.ties[0, 1:n] / care.ties[0, 2]
    assert ratio == pytest.approx(cosine[0, 1:n] / cosine[0, 2])
    assert isinstance(care.graph, nx.Graph) and care.graph.number_of_nodes() == care.is_member.size
    with pytest.raises(RuntimeError, match="has not begun"):
        _ = model_of().network.graph


def test_who_closes_or_follows_is_not_a_member() -> None:
    model, care = begun(network_professional_leaving=0.0)
    model.arrays.providers.closes_on[0] = FIRST + 1
    model.arrays.providers.holder[1] += 1
    care._professionals_leave(FIRST, True)
    assert not care.is_member[0] and not care.is_member[1] and care.is_member[2:].all()


# --- people -----------------------------------------------------------------------------------------------------


def enrol(care: CareNetwork, n_months: int, visits: int) -> None:
    """Let everybody visit a doctor of the network so often in each of some months, and decide."""
    n = care.model.arrays.patients.size
    care._visits_to_members = lambda: np.full(n, visits)  # type: ignore[method-assign]
    first = int(care.model.arrays.month_of[FIRST])
    for month in range(n_months):
        day = int(np.argmax(care.model.arrays.month_of == first + month))
        care._people_enrol(day)


def test_invitations_are_binomial_and_the_ill_enrol_more_readily() -> None:
    """Of 31 % of 2,000, in six months: sees 8 points among the healthy."""
    model, care = begun(bass_q_social=0.0)
    enrol(care, 6, 2)
    patients = model.arrays.patients
    would = (patients.status == Status.ALIVE) & (care._ceiling == 1.0)
    a = PARAMETERS["enrolment_prob_per_visit_at_member_GP"]
    for who, ratio in ((patients.conditions == 0, 1.0), (patients.conditions != 0, 2.0)):
        n = int((would & who).sum())
        assert_binomial(int(patients.is_enrolled[would & who].sum()), n, 1.0 - (1.0 - a * ratio) ** 12, "enrols")
    assert (patients.is_enrolled[~would] == 0).all() and care.was_reached.sum() == (patients.status == 1).sum()


def test_adoption_follows_the_model_of_bass() -> None:
    """The mean of 20 worlds against Bass' recursion by month, with the mean rates of those who would enrol."""
    finals, expected = [], []
    for seed in range(20):
        model, care = begun(rng=seed, bass_q_social=0.78, network_communes="", scale=1.0)
        model.arrays.patients.commune[:] = 0  # one word of mouth
        care._norms = care._norms_of_propensity()
        care.has_member_gp = lambda n=model.arrays.patients.size: np.ones(n, bool)  # type: ignore[method-assign]
        enrol(care, 9, 1)
        patients = model.arrays.patients
        would = (patients.status == Status.ALIVE) & (care._ceiling == 1.0)
        finals.append(patients.is_enrolled[would].mean())
        a = PARAMETERS["enrolment_prob_per_visit_at_member_GP"] * np.where(patients.conditions[would] != 0, 2.0, 1.0)
        out = np.ones(a.size)
        for _ in range(9):
            out *= (1.0 - a) * exp(-0.78 / 12 * (1.0 - out.mean()))
        expected.append(1.0 - out.mean())
    gap = np.array(finals) - np.array(expected)
    assert_near(gap.mean(), 0.0, gap.std(ddof=1) / np.sqrt(gap.size), "Bass")
    assert gap.std(ddof=1) < 0.05 and np.mean(expected) > 0.5


def test_the_ceiling_is_the_registered_share_with_and_without_selection() -> None:
    for selective in (True, False):
        model, care = begun(self_selection=selective)
        rows = np.flatnonzero(care.eligible())
        care._would_ever_enrol(care.eligible())
        assert_binomial(int(care._ceiling[rows].sum()), rows.size, PARAMETERS["bass_M_ceiling"], "would enrol")
        who = care._ceiling[rows] == 1.0
        regular = np.log(model.arrays.patients.regularity[rows].astype(float))
        gap = (regular[who].mean() - regular[~who].mean()) / regular.std()
        if selective:
            assert gap > 0.15
        else:
            assert_near(gap, 0.0, np.sqrt(1.0 / who.sum() + 1.0 / (~who).sum()), "regularity of those who would")


def test_selection_is_as_strong_as_registered() -> None:
    """The log odds ratio per standard deviation, by the difference of means of a logistic choice; 20 worlds."""
    slopes = []
    for seed in range(20):
        model, care = begun(rng=seed)
        care._would_ever_enrol(care.eligible())
        rows = np.flatnonzero(care.eligible())
        score = care._score(rows, care._norms)
        y = care._ceiling[rows]
        p = 1.0 / (1.0 + np.exp(-care._norms["intercept"] - score))
        slopes.append(float(((y - p) * score).sum() / (p * (1.0 - p) * score**2).sum()))
        assert model is care.model
    assert_near(float(np.mean(slopes)), 0.0, float(np.std(slopes, ddof=1) / np.sqrt(20)), "slope beyond the registered")


def test_members_leave_at_the_registered_rate_and_faster_when_nobody_runs_it() -> None:
    for is_run, rate in ((True, 0.06 * 1.0), (False, 0.06 * 1.0 + 0.5)):
        model, care = begun(
            member_attrition=0.06, network_attrition_by_choice_share=1.0, network_member_leaving_after_end=0.5
        )
        patients = model.arrays.patients
        alive = patients.status == Status.ALIVE
        patients.is_enrolled[alive] = 1
        care._people_leave(FIRST, is_run)
        left = int(alive.sum() - patients.is_enrolled[alive].sum())
        assert_binomial(left, int(alive.sum()), 1.0 - exp(-rate / 12), "leaves")
        assert care.n_withdrawals == left


def test_only_open_communes_and_named_diseases() -> None:
    model = lived(network_communes="00001", network_conditions="diabetes,heart_failure", **FAST)
    patients, care = model.arrays.patients, model.network
    members = patients.is_enrolled == 1
    assert members.sum() > 5 and (patients.commune[members] == 0).all()
    names = [condition.name for condition in model.setting.conditions]
    bits = (1 << names.index("diabetes")) | (1 << names.index("heart_failure"))
    assert care.plan.conditions == bits
    recovered = members & ((patients.conditions & bits) == 0)
    assert not recovered.any()
    assert set(care.professionals.loc[care.is_member, "place"]) == {0}
    shift = model.arrays.health["shift"].reshape(patients.size, -1)
    others = [i for i, name in enumerate(names) if name not in ("diabetes", "heart_failure")]
    assert (shift[:, others] == 0.0).all()


# --- what it does -----------------------------------------------------------------------------------------------


def members_of_each_profile(**options) -> tuple[TerritoryModel, CareNetwork, np.ndarray]:
    """Five members with a doctor in the network: low, rising, high by an event, high by number, and one who died."""
    model, care = begun(**options)
    patients, m = model.arrays.patients, model.arrays.conditions.size
    rows = np.flatnonzero((patients.status == Status.ALIVE) & (patients.registered_gp != NOBODY))[:5]
    patients.is_enrolled[rows] = 1
    patients.conditions[rows] = [0, 1, 1, 0b111, 1]
    health = model.arrays.health.reshape(patients.size, m)
    health["control"][rows, :] = model.arrays.conditions.control_mean
    health["last_event_on"][rows, :] = NEVER
    bad = model.arrays.conditions[0].control_mean + 0.6 * model.arrays.conditions[0].control_sd
    health["control"][rows[1], 0] = bad
    health["control"][rows[0], 0] = bad + 1.0  # of a disease that the first does not have
    health["last_event_on"][rows[2], 0] = FIRST - 30
    patients.status[rows[4]] = Status.DEAD
    care._stratify(FIRST)
    care._act(FIRST)
    model.effects.apply(model.arrays)
    return model, care, rows


def test_members_are_stratified_and_followed_accordingly() -> None:
    model, care, rows = members_of_each_profile()
    patients, effects = model.arrays.patients, model.arrays.effects
    assert patients.risk_profile[rows].tolist() == [LOW, RISING, HIGH, HIGH, LOW]
    assert effects[rows, Effect.FOLLOW_UP_RATIO] == pytest.approx([1.0, 1.1, 1.15, 1.15, 1.0])
    assert effects[rows, Effect.TELE_EXPERTISE_SHARE] == pytest.approx([0.05] * 4 + [0.0])
    assert effects[rows, Effect.DISCHARGE_SHARE] == pytest.approx([0.2] * 4 + [0.0])
    assert (effects[:, Effect.PRIORITY_SHARE] == 0.0).all()
    shift = model.arrays.health["shift"].reshape(patients.size, -1)
    sd = model.arrays.conditions.control_sd
    assert shift[rows[2], 0] == pytest.approx(-0.1 * sd[0]) and shift[rows[3], :3] == pytest.approx(-0.1 * sd[:3])
    assert (shift[rows[2], 1:] == 0.0).all() and (shift[rows[[0, 1, 4]]] == 0.0).all()
    others = np.setdiff1d(np.arange(patients.size), rows)
    assert (effects[others] == effects[rows[4]]).all() and (shift[others] == 0.0).all()
    assert care.members.tolist() == rows[:4].tolist()


def test_priority_is_given_only_when_asked_for() -> None:
    model, _, rows = members_of_each_profile(network_priority=1)
    assert model.arrays.effects[rows, Effect.PRIORITY_SHARE] == pytest.approx([0.3] * 4 + [0.0])


def test_no_effect_without_a_doctor_in_the_network() -> None:
    model, care, rows = members_of_each_profile()
    care.is_member[:] = False
    care._act(FIRST)
    model.effects.apply(model.arrays)
    assert (model.arrays.effects[rows] == model.arrays.effects[-1]).all()


def test_effects_fade_with_their_half_life_when_nobody_runs_it() -> None:
    model, care, rows = members_of_each_profile()
    care.ended_on = FIRST
    assert care.strength(FIRST) == 1.0 and care.strength(FIRST + 365) == pytest.approx(0.5)
    care._act(FIRST + 365)
    model.effects.apply(model.arrays)
    assert model.arrays.effects[rows[2], Effect.FOLLOW_UP_RATIO] == pytest.approx(1.075)


def test_every_effect_may_be_none() -> None:
    for name in PARAMETERS:
        if name.startswith("network_follow_up_gain") or name in (
            "network_tele_expertise_share", "network_discharge_share", "network_medication_review_sd",
            "network_priority_share", "network_contagion_rate",
        ) or name.startswith("network_self_selection"):  # fmt: skip
            assert PARAMETERS.entry(name).low == 0.0 and PARAMETERS.entry(name).grade == "C"


# --- beginning and end ------------------------------------------------------------------------------------------


def test_it_begins_and_ends_on_its_dates() -> None:
    model = lived(rng=8, network_start="2020-05-15", network_end="2020-09-01", **FAST)
    care = model.network
    months = np.flatnonzero(care.figures[:, NetworkFigure.PEOPLE])
    assert care.began_on == int(np.argmax(model.arrays.month_of == months[0]))
    assert str(model.setting.calendar.date(care.began_on)) == "2020-06-01"
    assert str(model.setting.calendar.date(care.ended_on)) == "2020-09-01"
    enrolled = care.figures[months[0] :, NetworkFigure.ENROLLED]
    assert all(later <= before for before, later in pairwise(enrolled[3 : months.size].tolist()))
    assert enrolled[2] == enrolled[: months.size].max() > 5
    plan = load_action_plan(PARAMETERS)
    paid = sum(c for month in range(3) for (who, _), c in plan.month(month).items() if who == "petr")
    assert model.arrays.paid[:, Category.ACTION, Payer.TERRITORY].sum() == paid


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network_start": "2021-03-01"}, "'network_start': .*a day from 2020-03-01 to 2020-12-25"),
        ({"network_start": "2020-02-01"}, "expected a day from 2020-03-01"),
        ({"network_start": "2020-13-01"}, "expected a date as 2020-06-01"),
        ({"network_start": "soon"}, "'levers.network_start': found 'soon', expected a text .date as 2020-06-01."),
        ({"network_start": "2020-06-01", "network_end": "2020-06-01"}, "'network_end'.*a day after 2020-06-01"),
        ({"network_communes": "Bourg-Invente"}, "'network_communes': found 'Bourg-Invente'.*mean 'Bourg-Inventé'"),
        ({"network_conditions": "diabete"}, "'network_conditions': found 'diabete'. Did you mean 'diabetes'"),
        ({"network_adherence": 1.5}, "expected a number from 0 to 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_the_first_day(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model_of(**options)


def test_lists_dates_and_codes_are_read_as_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "extends: network\nlevers:\n  network_start: 2020-06-01\n  network_communes: [67437, Bouxwiller]\n",
        encoding="utf-8",
    )
    levers = load_scenario(file).levers
    assert (levers.network_start, levers.network_communes) == ("2020-06-01", "67437,Bouxwiller")


# --- what is told, and laws -------------------------------------------------------------------------------------


def test_indicators_are_the_counts_of_the_last_month() -> None:
    model = lived(**FAST)
    records = model.records()
    table = indicators(records, ("all", "is_enrolled"))
    value = table[table["stratum_kind"] == "all"].set_index(["indicator", "period"])["value"]
    patients, care = model.arrays.patients, model.network
    december = care.figures[int(model.arrays.month_of[model.day - 1])]
    assert value["patients_enrolled", "all"] == december[NetworkFigure.ENROLLED] == value["patients_enrolled", "2020"]
    assert abs(int(december[NetworkFigure.ENROLLED]) - care.members.size) <= 5  # who died or left in December
    assert value["professionals_in_network", "all"] == care.is_member.sum() > 5
    assert value["gp_in_network_share", "all"] == care.is_member[:2].mean()
    share = december[NetworkFigure.ENROLLED] / december[NetworkFigure.PEOPLE]
    assert value["enrolled_share", "all"] == pytest.approx(share)
    assert december[NetworkFigure.ENROLLED] <= december[NetworkFigure.REACHED] <= patients.size
    of_members = table[(table["stratum_kind"] == "is_enrolled") & (table["stratum"] == "yes")]
    assert "acts_per_head.gp" in set(of_members["indicator"])
    months = monthly(records)
    curve = months[months["need"] == "gp"]["patients_enrolled"].to_numpy()
    assert curve.tolist() == care.figures[2:12, NetworkFigure.ENROLLED].tolist()
    nothing = indicators(lived(network_adherence=0.0).records(), ("all",)).set_index(["indicator", "period"])["value"]
    assert nothing["patients_enrolled", "all"] == nothing["programme_cost_eur", "all"] == 0.0


def test_visits_are_counted_once_and_only_those_to_doctors_in_the_network() -> None:
    model = model_of(network_adherence=0.0)
    model.run_to_end()
    other = model_of()
    care = other.network
    care.model = model  # the records of a whole run
    care.is_member[:] = False
    care.is_member[0] = care.is_member[2] = True  # a doctor, a specialist
    found = care._visits_to_members()
    rows = model.records().episodes
    n = int(model.arrays.counters[Counter.RECORDS])
    visits = (rows.outcome[:n] == 1) & (rows.provider[:n] == 0)
    assert found.sum() == visits.sum() > 100
    assert np.array_equal(found, np.bincount(rows.patient[:n][visits], minlength=found.size))
    assert care._visits_to_members().sum() == 0


@pytest.mark.parametrize("mutation", ["stranger", "lost", "unwon"])
def test_the_laws_notice(mutation: str) -> None:
    model = model_of(**FAST)
    while model.day < 200:
        model.step()
    check(model)
    care, patients = model.network, model.arrays.patients
    if mutation == "stranger":
        patients.is_enrolled[-1] = 1
    elif mutation == "lost":
        patients.is_enrolled[care.members[0]] = 0
    else:
        care.is_winnable[np.flatnonzero(care.is_member)[0]] = False
    laws = {"stranger": "members of the care network <=", "lost": "enrolments = members", "unwon": "can be won"}
    with pytest.raises(BrokenLawError, match=laws[mutation]):
        check(model)


def test_built_in_scenarios_say_what_they_say() -> None:
    levers = {name: load_scenario(name).levers for name in ("network", "null_network", "kinzigtal")}
    assert levers["network"].network_adherence == PARAMETERS["gp_network_participation_final"]
    assert levers["null_network"].network_without_effect == 1
    assert levers["kinzigtal"].network_adherence == PARAMETERS.entry("gp_network_participation_final").high
    heart = load_scenario("network_diabetes_cardiology")
    model = TerritoryModel("tiny", heart, rng=1, days=30, warm_up_days=0, follow_up_days=0)
    assert bin(model.network.plan.conditions).count("1") == 4
