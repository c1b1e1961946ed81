"""A second territory of which less is known: its facts, and the general ways that stand in for the rest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from abm.environment.completing import (
    completeness,
    highest_averages,
    reference_ages,
    score,
    sort_specialists,
    specialist_mix,
)
from abm.environment.pack import PROFESSIONS, SPECIALTIES
from abm.environment.territory import Territory, check_territory, list_territories
from abm.parameters import load_parameters
from abm.population import age_sex_by_commune
from abm.world import travel_of
from experiments.territories import commune_figures, nearest_minutes, territory_figures
from tests.small_world import pack


@pytest.fixture(scope="module")
def sarrebourg() -> Territory:
    return pack("sarrebourg")


def test_it_has_its_people_and_professionals(sarrebourg: Territory) -> None:
    doctors = sarrebourg.count("general_practitioner")
    assert (sarrebourg.n_communes, sarrebourg.population) == (102, 62_239)
    assert (doctors.sum(), np.count_nonzero(doctors)) == (44, 14)
    assert sarrebourg.count("nurse").sum() == 101
    assert sarrebourg.count("pharmacy").sum() == 16
    assert set(sarrebourg.communes["epci"]) == {"CC Sarrebourg Moselle Sud", "CC du Pays de Phalsbourg"}
    assert sarrebourg.description["holidays_subdivision"] == "57"


def test_its_pack_has_notes_and_no_errors() -> None:
    assert {finding.severity for finding in check_territory("sarrebourg")} == {"note"}


def test_its_hospital_is_a_pole_for_saverne_and_the_other_way_round(sarrebourg: Territory) -> None:
    ours, theirs = sarrebourg.sites.set_index("site"), pack("saverne").sites.set_index("site")
    assert (ours.loc["570000117", "kind"], theirs.loc["570000117", "kind"]) == ("hospital", "pole")
    assert (ours.loc["670000165", "kind"], theirs.loc["670000165", "kind"]) == ("pole", "hospital")
    assert (ours[ours["kind"] == "hospital"]["has_emergency"]).sum() == 1


def test_outlines_surround_the_town_halls_or_nearly(sarrebourg: Territory) -> None:
    assert set(sarrebourg.outlines) == set(sarrebourg.communes["insee"])
    for commune in sarrebourg.communes.itertuples():
        points = np.concatenate(sarrebourg.outlines[commune.insee])
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        assert west < commune.lon < east and south < commune.lat < north


# ------------------------------------------------------------------------------------------------ ages of France


def test_the_reference_ages_are_those_of_the_census_table() -> None:
    """Totals as printed below the table; its cells are rounded one by one."""
    ages = reference_ages()
    assert ages.shape == (21, 2)
    assert np.abs(ages.sum(axis=0) - [32_280_580, 34_451_958]).max() <= 2
    assert not ages.flags.writeable


def test_people_without_ages_have_those_of_france(sarrebourg: Territory) -> None:
    table = age_sex_by_commune(sarrebourg)
    people = sarrebourg.communes["population"].to_numpy(float)
    assert table.sum(axis=(1, 2)) == pytest.approx(people)
    share = reference_ages() / reference_ages().sum()
    assert table == pytest.approx(people[:, None, None] * share[None])


def test_known_ages_are_kept_when_only_the_sexes_are_unknown() -> None:
    """The broad ages of each commune are met; within them ages and sexes are those of France."""
    saverne = dataclasses.replace(pack("saverne"), age_sex=None)
    table = age_sex_by_commune(saverne)
    groups = saverne.age_groups.to_numpy()  # type: ignore[union-attr]
    known = groups / groups.sum(axis=1, keepdims=True) * saverne.communes["population"].to_numpy()[:, None]
    assert table[:, :3].sum(axis=(1, 2)) == pytest.approx(known[:, 0])
    assert table[:, 18:].sum(axis=(1, 2)) == pytest.approx(known[:, 6])
    women_of_90 = reference_ages()[18:, 1].sum() / reference_ages()[18:].sum()
    assert table[:, 18:, 1].sum() / table[:, 18:].sum() == pytest.approx(women_of_90)


# ------------------------------------------------------------------------------------------- sorted specialists


def test_seats_by_sainte_lague() -> None:
    """Votes 53, 24 and 23: averages 53, 24, 23, 17.7, 10.6, 8, 7.7, then 7.6; seven seats are 3, 2, 2."""
    votes = {"a": 53, "b": 24, "c": 23}
    assert "".join(highest_averages(votes, 8)) == "abcaabca"
    assert highest_averages(votes, 0) == []


def test_specialists_are_sorted_as_in_france_and_nobody_is_lost(sarrebourg: Territory) -> None:
    assert sarrebourg.n_sorted_specialists == 19
    assert sarrebourg.count("specialist").sum() == 0
    by_name = {name: int(sarrebourg.count(name).sum()) for name in SPECIALTIES}
    assert sum(by_name.values()) == 19
    mix = specialist_mix()
    for name, share in mix.items():
        assert abs(by_name[name] - 19 * share / sum(mix.values())) < 1
    at_phalsbourg = sarrebourg.professionals.query("insee == '57540' and profession in @mix")
    assert at_phalsbourg["profession"].tolist() == highest_averages(mix, 19)[-1:]  # the town takes the first 18


def test_sorted_specialists_join_those_of_a_known_specialty() -> None:
    table = pd.DataFrame(
        [["00001", "psychiatrist", 2, 2020], ["00001", "specialist", 1, 2013], ["00002", "nurse", 3, 2020]],
        columns=["insee", "profession", "count", "year"],
    )
    sorted_ = sort_specialists(table)
    assert sorted_.to_numpy().tolist() == [["00001", "psychiatrist", 3, 2013], ["00002", "nurse", 3, 2020]]


def test_a_pack_that_names_its_specialties_is_left_as_it_is() -> None:
    table = pack("saverne").professionals
    assert sort_specialists(table) is table
    assert pack("saverne").n_sorted_specialists == 0


def test_the_mix_names_specialties_of_the_model() -> None:
    assert set(specialist_mix()) <= set(SPECIALTIES) <= set(PROFESSIONS)


# --------------------------------------------------------------------------------------------- generated roads


def test_generated_roads_are_near_the_known_ones_of_saverne() -> None:
    """What `SOURCES.md` says of them: between communes 0.99 times as long (median), to hospital towns up to a fifth."""
    parameters = load_parameters()
    saverne = pack("saverne")
    known = travel_of(saverne, parameters).minutes - parameters["terminal_minutes"]
    made = travel_of(dataclasses.replace(saverne, roads=None), parameters).minutes - parameters["terminal_minutes"]
    n = saverne.n_communes
    between = ~np.eye(n, dtype=bool)
    ratio = made[:, :n][between] / known[:, :n][between]
    assert np.quantile(ratio, [0.1, 0.5, 0.9]) == pytest.approx([0.84, 0.99, 1.14], abs=0.01)
    poles = n + np.flatnonzero(saverne.sites["kind"] == "pole")
    to_poles = np.median(made[:, poles] / known[:, poles], axis=0)
    assert to_poles.min() > 1.0 and to_poles.max() < 1.2


# ------------------------------------------------------------------------------------------------- completeness


def test_completeness_tells_what_is_missing(sarrebourg: Territory) -> None:
    items = {item.name: item for item in completeness(sarrebourg)}
    for name in ("ages by commune", "sexes by age", "incomes", "roads", "specialty of specialists", "beds"):
        assert items[name].known_share == 0 and items[name].grade == "C" and items[name].stands_in
    for name in ("population", "areas", "outlines", "number of general practitioners", "SOURCES.md"):
        assert items[name].is_complete and not items[name].stands_in
    assert items["what poles offer"].known_share == pytest.approx(1 / 7)


@pytest.mark.parametrize("name", list_territories())
def test_the_score_is_the_mean_of_what_is_known(name: str) -> None:
    items = completeness(pack(name))
    assert len({item.name for item in items}) == len(items)
    assert all(0 <= item.known_share <= 1 for item in items)
    assert score(items) == pytest.approx(sum(item.known_share for item in items) / len(items))
    assert all(bool(item.stands_in) == (item.known_share < 1) for item in items)


def test_looked_up_numbers_and_files_exist() -> None:
    from abm.environment.completing import REFERENCE_FOLDER

    parameters = load_parameters()
    for name in list_territories():
        for what in (look for item in completeness(pack(name)) for look in item.look_up):
            is_file = what.startswith("reference/")
            found = (REFERENCE_FOLDER.parent / what).is_file() if is_file else what in parameters
            assert found or parameters.matching(what), what


def test_saverne_is_more_complete_than_sarrebourg(sarrebourg: Territory) -> None:
    assert score(completeness(pack("saverne"))) > score(completeness(sarrebourg)) + 0.3


# ------------------------------------------------------------------------------------------------ static figures


def test_figures_of_saverne_are_those_of_its_reference_table() -> None:
    """87.3 inhabitants/km2, 10.5 % of 75 and older, 47.9 % in communes without a GP: as computed elsewhere."""
    figures = {figure.name: figure.value for figure in territory_figures(pack("saverne"))}
    assert figures["density"] == pytest.approx(87.3, abs=0.05)
    assert figures["share_75_plus"] == pytest.approx(0.105, abs=0.0005)
    assert figures["people_without_gp_in_commune"] == pytest.approx(0.479, abs=0.0005)
    assert figures["gp_density"] == pytest.approx(76 / 85_813 * 1e5)
    assert figures["specialists"] == 40


def test_access_hands_out_what_the_doctors_offer(sarrebourg: Territory) -> None:
    """Nothing is created or lost: people times catchment is the number of doctors."""
    communes = commune_figures(sarrebourg)
    assert communes["population"] @ communes["gp_catchment"] / 1000 == pytest.approx(44)
    assert (communes["apl"] >= 0).all() and communes["apl"].max() > communes["apl"].min()
    assert (communes["emergency_minutes"] > 0).all()


def test_figures_that_rest_on_stand_ins_say_so(sarrebourg: Territory) -> None:
    ours = {figure.name: figure.rests_on for figure in territory_figures(sarrebourg)}
    assert ours["gp_minutes"] == ("roads",) and ours["share_75_plus"] == ("ages by commune",)
    assert ours["gp_density"] == ()
    assert not any(figure.rests_on for figure in territory_figures(pack("tiny")))


def test_nearest_minutes_by_hand() -> None:
    minutes = np.array([[1.0, 5.0, 3.0], [9.0, 2.0, 4.0]])
    assert nearest_minutes(minutes, np.array([False, True, True])).tolist() == [3.0, 2.0]
    assert np.isnan(nearest_minutes(minutes, np.zeros(3, bool))).all()
