"""Doctors retire, are followed, are recruited; people find another one; policies do nothing at their neutral values.

Statistics: addressed draws, each comparison with a false-alarm rate of 1e-7 (see small_world).
"""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from small_world import assert_binomial, pack, small_world

from abm import TerritoryModel
from abm.agents.decisions import decide
from abm.agents.general_practitioner import GeneralPractitioner
from abm.agents.professional import bring_into_force, change_capacity
from abm.agents.registration import count_lists, register_at_visit
from abm.errors import InputError
from abm.handle import compiled
from abm.laws import BrokenLawError
from abm.parameters import load_parameters
from abm.policies import active_policies, levers, policies
from abm.population import Population
from abm.randomness import seed_key
from abm.records import finished_episodes
from abm.scenario import Levers, load_scenario, scenario_json_schema
from abm.state import NEVER, NOBODY, Kind, Outcome, Registration, Stage, Status
from abm.supply import age_quantile, birth_days, is_in_practice, neighbours_of

PARAMETERS = load_parameters()
DAYS = {"days": 200, "warm_up_days": 40, "follow_up_days": 30, "start": "2020-03-01"}
FIRST = 40  # first reported day, the first of a month
N = 20_000


def model_of(**options) -> TerritoryModel:
    return TerritoryModel("tiny", rng=options.pop("rng", 3), **(DAYS | options))


def lived(**options) -> TerritoryModel:
    model = model_of(**options)
    model.run_to_end()
    return model


def gps(model: TerritoryModel) -> list[GeneralPractitioner]:
    return model.general_practitioners.to_list()


@pytest.fixture(scope="module")
def baseline() -> TerritoryModel:
    return lived()


def lives(model: TerritoryModel) -> np.ndarray:
    """Everybody's episodes, sorted by person and date: owes nothing to the rows of people."""
    episodes = model.records().episodes
    person = model.arrays.patients.person[episodes.patient].astype(np.int64)
    columns = ("asked_on", "closed_on", "appointment_on", "provider", "place", "kind", "channel", "outcome", "attempts")
    table = np.column_stack([person, *(episodes[name].astype(np.int64) for name in columns)])
    return table[np.lexsort(table.T[::-1])]


# --- ages and retirement ----------------------------------------------------------------------------------------


def test_ages_pass_through_the_known_points() -> None:
    known = PARAMETERS["physicians_share_60plus"]
    assert age_quantile(PARAMETERS, np.array([1.0 - known]))[0] == pytest.approx(60.0)
    assert age_quantile(PARAMETERS, np.array([0.0, 1.0])).tolist() == [31.0, 75.0]
    assert (np.diff(age_quantile(PARAMETERS, np.linspace(0, 1, 500))) > 0).all()


def test_a_quarter_is_sixty_or_more_whatever_the_seed() -> None:
    for seed in range(20):
        born = birth_days(76, PARAMETERS, seed_key(seed), 365)
        assert ((365 - born) / 365.25 >= 60.0).sum() == 19
    assert (birth_days(76, PARAMETERS, seed_key(1), 365) != birth_days(76, PARAMETERS, seed_key(2), 365)).mean() > 0.9


@pytest.mark.parametrize(
    ("age_years", "name"), [(60, "60-64"), (64.9, "60-64"), (65, "65-69"), (70, "70+"), (88, "70+")]
)
def test_retirement_is_binomial_at_the_registered_hazard(age_years: float, name: str) -> None:
    """n = 20,000 months of one doctor: sees 46, 26 and 22 % of the three hazards; the threshold itself is exact."""
    model = model_of()
    gp = gps(model)[0]
    gp.birth_day = -int(age_years * 365.25 + 1)
    retired = sum(gp.retires(month) for month in range(N))
    probability = 1.0 - exp(-PARAMETERS[f"gp_retirement_hazard[{name}]"] / 12.0)
    assert_binomial(retired, N, probability, name)
    for draw, expected in ((probability * (1.0 - 1e-9), True), (probability * (1.0 + 1e-9), False)):
        gp._draw = lambda stream, month, draw=draw: draw  # type: ignore[method-assign]
        assert gp.retires(0) is expected


def test_nobody_retires_below_sixty_nor_in_a_frozen_world() -> None:
    gp = gps(model_of())[0]
    gp.birth_day = -int(59.9 * 365.25)
    assert gp.retirement_hazard() == 0.0 and not any(gp.retires(month) for month in range(2000))
    frozen = gps(model_of(gp_retirement_scale=0))[0]
    frozen.birth_day = -int(80 * 365.25)
    assert not any(frozen.retires(month) for month in range(2000))


def test_the_next_holder_has_draws_of_his_own() -> None:
    gp = gps(model_of())[0]
    gp.birth_day = -int(72 * 365.25)
    first = [gp.retires(month) for month in range(3000)]
    gp.holder = 1
    assert first != [gp.retires(month) for month in range(3000)]


def test_successors_are_found_at_the_registered_ratio() -> None:
    """n = 20,000 holders: sees 1.9 points."""
    gp = gps(model_of())[0]
    found = 0
    for holder in range(N):
        gp.holder = holder
        found += gp.finds_successor()
    assert_binomial(found, N, PARAMETERS["gp_replacement_ratio_rural"])


# --- a practice that closes -------------------------------------------------------------------------------------


def retire(monkeypatch: pytest.MonkeyPatch, row: int, month: int, is_followed: bool) -> None:
    """Let one doctor decide to retire in one month, counted from that of day 0."""
    monkeypatch.setattr(GeneralPractitioner, "retires", lambda gp, now: (gp.row, now) == (row, month))
    monkeypatch.setattr(GeneralPractitioner, "finds_successor", lambda gp: is_followed)


def month_starts(model: TerritoryModel) -> dict[int, int]:
    calendar = model.setting.calendar
    return {int(calendar.month_index[day]): int(day) for day in np.flatnonzero(calendar.is_first_of_month)}


def assert_time_is_whole(model: TerritoryModel) -> None:
    """On every day to come: free + reserve + booked + people from elsewhere = planned time in force."""
    world, setting = model.arrays, model.setting
    days = slice(model.day, None)
    booked = np.zeros(world.free.shape, np.int64)
    ahead = world.episodes[np.isin(world.episodes.stage, (Stage.BOOKED, Stage.CANCELLING))]
    ahead = ahead[(ahead["provider"] != NOBODY) & (ahead["appointment_on"] >= model.day)]
    np.add.at(booked, (ahead["provider"], ahead["appointment_on"]), ahead["seconds"])
    now = world.free + world.reserve + booked + world.outside_held + world.walk_in
    assert np.array_equal(now[:, days], setting.offered[:, days])
    for name in ("free", "reserve", "walk_in", "overtime", "planned_room"):
        assert (getattr(world, name)[:, days] >= 0).all(), name


@pytest.mark.parametrize("is_followed", [True, False])
def test_a_retirement_from_notice_to_successor(monkeypatch: pytest.MonkeyPatch, is_followed: bool) -> None:
    options = {"gp_notice_months": 2, "gp_replacement_delay_months": 1, "registration_at_visit_share": 0.0}
    model = model_of(**options, demography=False)
    starts = month_starts(model)
    decided = int(model.setting.calendar.month_index[FIRST]) + 1
    retire(monkeypatch, 0, decided, is_followed)
    notice, closes_on, reopens_on = (starts[decided + months] for months in (0, 2, 3))
    gp, world = gps(model)[0], model.arrays
    model.run_for(notice)
    assert not gp.is_leaving and gp.booked_appointments > 0
    on_list, fullest = gp.listed, gp.list_target
    model.step()  # the evening of the notice
    assert gp.is_leaving and gp.is_in_practice and gp.list_size == on_list.size
    assert (world.free[0, closes_on:] == 0).all() and (world.reserve[0, closes_on:] == 0).all()
    assert world.free[0, notice + 1 : closes_on].any()
    assert_time_is_whole(model)
    while model.day < closes_on:
        model.step()
    assert gp.list_size == 0 and not gp.is_in_practice
    assert world.registrations[:, Registration.LOST].sum() == on_list.size
    assert 0 not in world.neighbours
    while model.day < reopens_on:
        model.step()
    kept = np.isin(on_list, gp.listed).sum()
    assert world.registrations[:, Registration.WITH_SUCCESSOR].sum() == kept == gp.list_size
    if is_followed:
        alive = int((world.patients.status[on_list] == Status.ALIVE).sum())
        assert gp.list_target == round(fullest * PARAMETERS["new_gp_activity_relative"]), "a shorter list"
        assert 0.7 * alive < kept <= gp.list_target
        assert gp.holder == 1 and gp.age_years < 40 and gp.capacity_share == pytest.approx(0.8)
        planned = model.setting.planned.free[0] + model.setting.planned.reserve[0] + model.setting.planned.walk_in[0]
        offered = model.setting.offered[0]
        assert offered[model.day :].sum() == pytest.approx(0.8 * planned[model.day :].sum(), rel=0.002)
        assert world.reserve[0, model.day + 1 : model.day + 30].any(), "a successor keeps time for the urgent too"
    else:
        assert kept == 0 and gp.holder == 0
    assert_time_is_whole(model)
    model.run_to_end()
    rows = finished_episodes(model.arrays)
    held = rows.closed_on[(rows.provider == 0) & (rows.outcome == Outcome.SERVED)]
    assert ((held >= closes_on) & (held < reopens_on)).sum() == 0
    assert (held >= reopens_on).any() == is_followed and (held < closes_on).any()


def test_a_share_of_the_former_list_stays_with_the_successor() -> None:
    """n = 537 people: sees 12 points of 80."""
    model = model_of()
    model.run_for(FIRST + 1)
    gp = gps(model)[0]
    listed = gp.listed
    gp.leave_practice(model.day + 1)
    gp.close()
    gp.list_target = 10 * listed.size  # room for all
    gp.take_over(model.day + 1)
    assert_binomial(gp.list_size, listed.size, PARAMETERS["gp_successor_list_share"])
    assert set(gp.listed) <= set(listed)


def test_who_has_found_another_doctor_does_not_come_back() -> None:
    model = model_of(gp_successor_list_share=1.0)
    model.run_for(FIRST + 1)
    gp, other = gps(model)
    listed = gp.listed
    gp.leave_practice(model.day + 1)
    gp.close()
    model.arrays.patients.registered_gp[listed[::2]] = other.row
    model.arrays.patients.status[listed[1]] = Status.DEAD
    gp.list_target = 10 * listed.size
    gp.take_over(model.day + 1)
    assert gp.listed.tolist() == listed[3::2].tolist()


def test_no_appointment_is_lost_when_a_practice_closes() -> None:
    """Each is asked for anew the next open day, first asking date kept; visits booked ahead become requests."""
    model = model_of()
    model.run_for(FIRST + 20)
    gp, world = gps(model)[0], model.arrays
    given = np.isin(world.episodes.stage, (Stage.BOOKED, Stage.CANCELLING)) & (world.episodes.provider == gp.row)
    nodes = np.flatnonzero(given & (world.episodes.appointment_on > model.day))
    before = world.episodes[nodes].copy()
    assert nodes.size > 30 and before["is_planned"].any()
    gp.leave_practice(model.day + 1)
    after = world.episodes[nodes]
    assert (after["stage"] == Stage.ASKING).all() and (after["provider"] == NOBODY).all()
    assert (after["event_day"] == world.next_open[model.day + 1]).all()
    asked = before["is_planned"] == 0
    assert (after["asked_on"] == before["asked_on"])[asked].all() and (after["attempts"] > before["attempts"])[
        asked
    ].all()
    assert_time_is_whole(model)
    model.run_to_end()  # the laws are checked on the way


def test_days_out_of_order_are_refused() -> None:
    model = model_of()
    model.run_for(3)
    gp = gps(model)[0]
    for closes_on, reopens_on in ((3, 0), (2, 0), (10, 9)):
        with pytest.raises(ValueError, match="not in order"):
            gp.leave_practice(closes_on, reopens_on)
    gp.leave_practice(10, 10)
    with pytest.raises(ValueError, match="not in order"):
        gp.leave_practice(20)
    model.run_for(8)
    assert gp.holder == 1 and gp.is_in_practice and not gp.is_leaving


def test_a_list_that_outlives_its_practice_breaks_a_law() -> None:
    model = model_of()
    model.run_for(FIRST + 1)
    gps(model)[0].close = lambda: None  # type: ignore[method-assign]
    gps(model)[0].leave_practice(model.day + 1)
    with pytest.raises(BrokenLawError, match="has not closed"):
        model.run_to_end()


@pytest.mark.parametrize("row", [0, 2], ids=["practice", "specialist"])
def test_any_change_of_capacity_can_be_undone(row: int) -> None:
    model = model_of()
    model.run_for(FIRST + 10)
    planned = model.setting.offered[row].copy()
    overtime = model.setting.overtime_offered[row].copy()
    for share in (0.5, 0.0, 1.3, 0.8):
        change_capacity(model, row, share)
        assert_time_is_whole(model)
        expected = planned[model.day :].sum() * share
        visit = int(model.arrays.providers.visit_seconds[row])
        assert abs(int(model.setting.offered[row, model.day :].sum()) - expected) <= 4 * visit
        model.run_for(3)
        planned[: model.day], overtime[: model.day] = (
            column[row, : model.day] for column in (model.setting.offered, model.setting.overtime_offered)
        )
    change_capacity(model, row, 1.0)
    assert np.array_equal(model.setting.offered[row], planned)
    assert np.array_equal(model.setting.overtime_offered[row], overtime)
    assert_time_is_whole(model)
    model.run_to_end()


def test_visits_booked_ahead_keep_their_room() -> None:
    model = model_of()
    model.run_for(FIRST + 10)
    world = model.arrays
    before = world.planned_room.copy()
    bring_into_force(model, 0, model.day)  # nothing has changed
    assert np.array_equal(world.planned_room, before)


# --- finding a doctor -------------------------------------------------------------------------------------------


def crowd(share: float = 0.3, places: int = N):
    world = small_world(n_people=N, n_kinds=6, n_doctors=2, n_specialists=1)
    world.patients.registered_gp = NOBODY
    world.episodes.provider = 1
    world.providers.places = places
    world.rules.registration_share = share
    return world, compiled(world)


def test_a_share_of_those_without_a_doctor_finds_one_at_a_visit() -> None:
    """n = 20,000: sees 1.8 points."""
    world, handle = crowd()
    found = sum(register_at_visit(handle, row, int(Kind.GP_ACUTE), 3) for row in range(N))
    assert_binomial(found, N, 0.3)
    assert (world.patients.registered_gp == 1).sum() == found == world.registrations[0, Registration.AT_VISIT]
    assert world.providers.places.tolist() == [N, N - found, N]
    assert not register_at_visit(handle, int(np.argmax(world.patients.registered_gp)), int(Kind.GP_ACUTE), 4)


def test_nobody_is_registered_without_places_or_by_who_is_no_general_practitioner() -> None:
    world, handle = crowd(share=1.0, places=5)
    assert sum(register_at_visit(handle, row, int(Kind.GP_FOLLOW_UP), 3) for row in range(50)) == 5
    world.providers.places = 100
    assert not register_at_visit(handle, 60, int(Kind.FIRST_SPECIALTY), 3)
    world.episodes.provider = NOBODY  # a platform, duty care
    assert not register_at_visit(handle, 60, int(Kind.GP_ACUTE), 3)
    world.episodes.provider = 0
    world.rules.registration_share = 0.0
    assert not any(register_at_visit(handle, row, int(Kind.GP_ACUTE), 3) for row in range(60, 500))


def test_lists_are_counted_over_the_living() -> None:
    world, handle = crowd()
    world.patients.registered_gp[:100], world.patients.registered_gp[100:300] = 0, 1
    world.patients.status[:10] = Status.DEAD
    world.patients.status[300:305] = Status.DEPARTED
    world.patients.birth_day[400:500] = -16 * 365
    sizes = np.zeros(3, np.int64)
    assert count_lists(handle, 0, sizes) == (N - 15 - 100, N - 300 - 5 - 100)
    assert sizes.tolist() == [90, 200, 0]


def test_practices_take_as_many_as_fill_their_lists() -> None:
    model = model_of(gp_list_growth_per_year=0.0)
    gp, other = gps(model)
    gp.accepts_others, other.accepts_others = 1, 0
    model.run_for(FIRST + 1)
    desks = model.arrays.providers
    assert gp.list_target == gp.list_size and desks.places.tolist() == [0] * desks.size, "full on the first day"
    gone = gp.listed[:7]
    model.arrays.patients.registered_gp[gone] = NOBODY
    model.arrays.patients.registered_gp[other.listed[:9]] = NOBODY
    start = month_starts(model)[int(model.setting.calendar.month_index[FIRST]) + 1]
    decide(model, start)
    assert desks.places[gp.row] == gp.list_target - gp.list_size >= 7 and desks.places[other.row] == 0
    grown = model_of(gp_list_growth_per_year=0.1)
    for practice in gps(grown):
        practice.accepts_others = 1
    grown.run_for(FIRST + 1)
    decide(grown, start)
    years = (start - FIRST) / 365.25
    expected = [int(g.list_target * (1 + 0.1 * years)) - g.list_size for g in gps(grown)]
    assert grown.arrays.providers.places[:2].tolist() == expected and min(expected) > 0


def test_nobody_finds_a_doctor_before_the_horizon() -> None:
    model = model_of(registration_at_visit_share=0.5)
    model.run_for(FIRST)
    assert model.arrays.registrations.sum() == 0 and (model.arrays.providers.places == 0).all()


def test_a_leavers_list_finds_places_elsewhere() -> None:
    """One doctor leaves, one opens: the flows of the evening are the change of the stock, and more follow."""
    model = model_of(gp_departures=1, gp_recruited=1, registration_at_visit_share=0.5)
    model.run_for(FIRST)
    without = model.arrays.patients.registered_gp == NOBODY
    leaver = max(gps(model)[:2], key=lambda gp: -gp.birth_day)
    listed = leaver.listed
    model.step()
    flows = model.arrays.registrations.sum(axis=0)
    now = model.arrays.patients.registered_gp == NOBODY
    lost, found = int(flows[Registration.LOST]), int(flows[Registration.AT_OPENING])
    assert lost == listed.size and found > 0 and flows[Registration.AT_VISIT] == 0
    assert now.sum() - without.sum() == lost - found
    model.run_to_end()
    back = model.arrays.patients.registered_gp[listed]
    assert leaver.row not in back and (back == 4).sum() > 0.3 * listed.size, "row 4 is the new practice"
    assert model.arrays.registrations[:, Registration.AT_VISIT].sum() > 0


# --- policies ---------------------------------------------------------------------------------------------------


def test_every_lever_of_a_policy_is_known_everywhere() -> None:
    schema = scenario_json_schema()
    properties = schema["$defs"]["Levers"]["properties"]
    assert len({lever.name for lever in levers()}) == len(levers()) >= 4
    for lever in levers():
        field = Levers.model_fields[lever.name]
        assert field.default == lever.neutral and field.description == lever.meaning
        shown = properties[lever.name]
        if lever.is_text:
            assert shown["type"] == "string" and shown["unit"] == lever.unit
            assert getattr(load_scenario(**{lever.name: lever.away}).levers, lever.name) == lever.away
            continue
        assert (shown["minimum"], shown["maximum"], shown["unit"]) == (lever.low, lever.high, lever.unit)
        assert lever.low <= lever.neutral <= lever.high
        with pytest.raises(InputError, match=rf"'levers.{lever.name}': found .*\({lever.unit}\)"):
            load_scenario(**{lever.name: lever.kind(lever.high + 1)})


def test_a_policy_is_made_only_away_from_its_neutral_values() -> None:
    assert active_policies(load_scenario().levers) == ()
    for policy in policies():
        for lever in policy.levers:
            found = active_policies(load_scenario(**{lever.name: lever.away}).levers)
            assert [type(one) for one in found] == ([] if lever.of else [policy])
            assert lever.of or found[0].value(lever.name) == lever.away


def test_neutral_levers_are_the_baseline(baseline: TerritoryModel) -> None:
    neutral = lived(**{lever.name: lever.neutral for lever in levers()})
    assert neutral.interventions == ()
    assert neutral.records().episodes.digest() == baseline.records().episodes.digest()
    assert np.array_equal(neutral.arrays.providers, baseline.arrays.providers)


def care_days(model: TerritoryModel) -> float:
    return model.headline()["time_to_care_days.gp"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_doctors_more_shorten_and_doctors_less_lengthen_the_time_to_care(seed: int) -> None:
    usual = care_days(lived(rng=seed))
    assert care_days(lived(rng=seed, gp_recruited=1)) < usual < care_days(lived(rng=seed, gp_departures=1))
    assert care_days(lived(rng=seed, health_centres=1)) < usual


def test_the_oldest_leave_first() -> None:
    model = lived(gp_departures=1)
    there = {gp.birth_day: gp.is_in_practice for gp in gps(model)}
    assert there[min(there)] is False and there[max(there)] is True
    assert not any(gp.holder for gp in gps(model)), "nobody follows"


def test_more_departures_than_doctors_are_refused() -> None:
    with pytest.raises(InputError, match="'gp_departures': found 3, expected at most 2"):
        model_of(gp_departures=3)


def test_a_recruit_has_the_time_for_his_list() -> None:
    model = model_of(gp_recruited=2, scale=0.5)
    world, planned = model.arrays, model.setting.planned
    offered = (planned.free + planned.reserve + planned.walk_in).sum(axis=1)
    per_person = offered[:2].sum() / (world.patients.registered_gp != NOBODY).sum()
    target = PARAMETERS["new_gp_activity_relative"] * PARAMETERS["gp_panel_MT_mean"] * 0.5
    assert world.providers.list_target[4:].tolist() == [round(target)] * 2
    assert offered[4:] == pytest.approx([per_person * target] * 2, rel=0.01)
    assert (model.setting.offered[4:, : FIRST + 1] == 0).all() and world.free[4:, : FIRST + 1].sum() == 0
    assert (model.setting.offered[4:, FIRST + 1 :] > 0).any(axis=1).all()
    assert not np.isin(world.neighbours, (4, 5)).any(), "not thought of before they open"
    model.run_for(FIRST + 1)
    assert np.isin(model.arrays.neighbours, (4, 5)).any()
    with pytest.raises(RuntimeError, match="Policy.prepare"):
        model.add_practices([0], 100.0, 70_000)


def test_the_first_recruits_do_not_depend_on_how_many_come() -> None:
    one, three = (TerritoryModel("saverne", rng=1, gp_recruited=n, scale=0.02, days=1) for n in (1, 3))
    first = one.arrays.providers.size - 1
    assert one.arrays.providers[first] == three.arrays.providers[first]
    assert np.array_equal(one.arrays.free[first], three.arrays.free[first])
    communes = three.arrays.providers.place[first:]
    population = three.territory.communes["population"].to_numpy()[communes]
    assert (population >= PARAMETERS["new_practice_least_population"]).all()
    assert np.unique(three.arrays.providers.address).size == three.arrays.providers.size


def test_each_new_practice_goes_where_access_is_then_worst() -> None:
    model = TerritoryModel("saverne", rng=1, scale=0.02, days=1)
    chosen = model.communes_of_worst_access(4, 800.0)
    assert chosen == model.communes_of_worst_access(6, 800.0)[:4] and len(set(chosen)) > 1
    allowed = model.communes_with(("pharmacy",)) | model.communes_with_hospital()
    assert set(model.communes_of_worst_access(3, 800.0, allowed)) <= allowed
    pharmacies = pack("saverne").professionals.query("profession == 'pharmacy'")["insee"]
    names = pack("saverne").communes["insee"].to_numpy()
    assert {names[row] for row in model.communes_with(("pharmacy",))} == set(pharmacies)


def test_nurses_relieve_the_longest_lists_first() -> None:
    per_gp, gain = PARAMETERS["asalee_nurse_fte_per_gp"], PARAMETERS["asalee_gp_panel_gain"]
    model = model_of(nurse_delegation_fte=1.5 * per_gp)
    model.run_for(FIRST)
    longest, other = sorted(gps(model), key=lambda gp: -gp.list_size)
    sizes = longest.list_size, other.list_size
    model.step()
    assert longest.capacity_share == pytest.approx(1.0 + gain)
    assert other.capacity_share == pytest.approx(1.0 + gain / 2)
    assert longest.list_target == round(sizes[0] * (1 + gain)) and other.list_target == round(sizes[1] * (1 + gain / 2))
    assert_time_is_whole(model)


def test_nurses_without_gain_change_nobody(baseline: TerritoryModel) -> None:
    without = lived(nurse_delegation_fte=3.0, asalee_gp_panel_gain=0.0)
    assert without.records().episodes.digest() == baseline.records().episodes.digest()


def test_the_order_of_rows_changes_nobody() -> None:
    def shuffled(people: Population) -> Population:
        return people.reordered(np.random.default_rng(0).permutation(len(people)))

    options = {"gp_departures": 1, "gp_recruited": 1, "registration_at_visit_share": 0.5}
    assert np.array_equal(lives(lived(**options)), lives(lived(arrange=shuffled, **options)))


# --- who is there -----------------------------------------------------------------------------------------------


def test_who_holds_sessions_follows_from_the_dates() -> None:
    desks = model_of().arrays.providers.copy()
    desks.opens_on, desks.closes_on = [0, 10, 0, 5], [0, 0, 20, 6]
    assert is_in_practice(desks, 0).tolist() == [True, False, True, False]
    assert is_in_practice(desks, 19).tolist() == [True, True, True, False]
    assert is_in_practice(desks, 20).tolist() == [True, True, False, False]
    assert is_in_practice(desks[3], np.arange(4, 8)).tolist() == [False, True, False, False]


def test_a_closed_practice_makes_room_among_the_nearest() -> None:
    model = TerritoryModel("saverne", rng=1, scale=0.02, days=1)
    world, setting = model.arrays, model.setting
    before = neighbours_of(world.minutes, world.providers, setting.parameters, setting.people_key)
    assert np.array_equal(before, world.neighbours)
    busiest = int(np.argmax(np.bincount(before[before != NOBODY])))
    world.providers.closes_on[busiest] = 7
    after = neighbours_of(world.minutes, world.providers, setting.parameters, setting.people_key, 7)
    assert busiest not in after and busiest in before
    touched = (before == busiest).any(axis=1)
    assert np.array_equal(before[~touched], after[~touched])
    for commune in np.flatnonzero(touched):
        left = [row for row in before[commune] if row not in (busiest, NOBODY)]
        assert after[commune, : len(left)].tolist() == left


def test_other_professionals_are_those_of_the_pack() -> None:
    model = TerritoryModel("saverne", rng=1, scale=0.02, days=1)
    table = model.other_professionals
    counts = model.territory.professionals.groupby("profession")["count"].sum()
    assert table.groupby("profession")["count"].sum().to_dict() == {
        name: counts[name] for name in ("midwife", "nurse", "pharmacy", "physiotherapist")
    }
    assert table["commune"].notna().all()


def test_the_indicators_count_practices_while_they_hold_sessions() -> None:
    usual, fewer = lived(gp_retirement_scale=0), lived(gp_departures=1, gp_retirement_scale=0)
    tables = [
        model.indicators().set_index(["indicator", "stratum_kind", "period"])["value"] for model in (usual, fewer)
    ]

    def value(name: str, which: int) -> float:
        return float(tables[which].loc[(name, "all", "all")])

    assert value("gp_number", 0) == 2.0 and value("gp_number", 1) == pytest.approx(1.0, abs=0.01)
    assert value("gp_list_size_p10", 1) > 1.0 and value("gp_lost_people", 1) > 400
    per_full_time = [value("gp_acts_per_full_time_year", which) for which in (0, 1)]
    assert per_full_time[1] > 0.9 * per_full_time[0], "one doctor's acts over one doctor's time"
    assert fewer.records().third_next_available.min() == NEVER
    assert value("third_next_available_days.gp", 1) >= 0.0
