"""Travel: minutes worked out by hand, symmetry, the triangle inequality, generated roads."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.environment import roads, travel
from abm.environment.territory import BUILT_IN_FOLDER, Territory, load_territory
from abm.environment.travel import TravelTimes, travel_times
from abm.errors import InputError

PARAMETERS: dict[str, Any] = {
    "terminal_minutes": 2.0,
    "own_commune_speed_kmh": 30.0,
    "detour_factor": 1.25,
    "road_speed_kmh": 55.0,
}
KM_PER_DEGREE = math.pi * 6371.0088 / 180  # 111.195 along a meridian


def times(territory: Territory, **changed: float) -> TravelTimes:
    return travel_times(territory, **{**PARAMETERS, **changed})


@pytest.fixture(scope="module")
def tiny() -> Territory:
    return load_territory("tiny")


@pytest.fixture(scope="module", params=["saverne", "tiny"])
def territory(request: pytest.FixtureRequest) -> Territory:
    return load_territory(request.param)


def without_roads(territory: Territory) -> Territory:
    return dataclasses.replace(territory, roads=None)


def with_area(territory: Territory, area_km2: Any) -> Territory:
    return dataclasses.replace(territory, communes=territory.communes.assign(area_km2=area_km2))


# ----------------------------------------------------------------------------------------------------- by hand


def test_minutes_of_tiny_are_those_worked_out_by_hand(tiny: Territory) -> None:
    road_and_terminal = times(tiny).minutes
    own = 2 / 3 * math.sqrt(16 / math.pi) * 1.25 / 30 * 60 + 2
    assert road_and_terminal.shape == (5, 7)
    assert road_and_terminal.diagonal() == pytest.approx(own)
    assert road_and_terminal[0, 1:5] == pytest.approx([7.5, 8.0, 7.0, 9.5])
    assert road_and_terminal[1, 2] == pytest.approx(9.0 + 2)  # the direct road beats 5.5 + 6.0 by the centre
    assert road_and_terminal[3, 4] == pytest.approx(10.0 + 2)  # likewise, 5.0 + 7.5
    assert road_and_terminal[1, 3] == pytest.approx(5.5 + 5.0 + 2)
    assert road_and_terminal[:, 5] == pytest.approx([own, 7.5, 8.0, 7.0, 9.5])  # the hospital, in the first commune
    assert road_and_terminal[:, 6] == pytest.approx([42.0, 47.5, 39.0, 47.0, 49.5])  # the pole


def test_two_thirds_of_the_radius_is_the_mean_distance_to_the_centre() -> None:
    n = 40_000
    radius = np.sqrt((np.arange(n) + 0.5) / n) * math.sqrt(16 / math.pi)  # equal areas
    assert travel.mean_distance_to_centre_km(np.array([16.0]))[0] == pytest.approx(radius.mean(), rel=1e-4)


def test_saverne_is_four_minutes_from_a_doctor_and_a_quarter_of_an_hour_from_its_emergency_department() -> None:
    saverne = load_territory("saverne")
    result = times(saverne, terminal_minutes=0.0)
    people = saverne.communes["population"].to_numpy()
    to_gp = result.commune_minutes[:, saverne.count("general_practitioner") > 0].min(axis=1)
    to_emergency = result.site_minutes[:, saverne.sites["has_emergency"]].min(axis=1)
    assert 3.0 < np.average(to_gp, weights=people) < 6.5
    assert 15.0 < np.average(to_emergency, weights=people) < 22.0


# -------------------------------------------------------------------------------------------------------- laws


def test_there_and_back_take_the_same_time(territory: Territory) -> None:
    between = times(territory).commune_minutes
    assert np.array_equal(between, between.T)


def test_no_detour_by_a_third_commune_is_shorter(territory: Territory) -> None:
    road = times(territory, terminal_minutes=0.0).minutes.copy()
    communes = territory.communes["insee"].to_numpy()
    places = np.array([*communes, *territory.sites["node"]])
    road[communes[:, None] == places[None, :]] = 0.0  # inside a commune no road is taken
    for k in range(len(communes)):
        assert (road <= road[:, k][:, None] + road[k][None, :] + 1e-9).all()


def test_every_trip_is_longer_than_the_terminal_minutes(territory: Territory) -> None:
    result = times(territory)
    assert np.isfinite(result.minutes).all()
    assert (result.minutes > 2.0).all()
    assert result.minutes.shape == (territory.n_communes, territory.n_communes + len(territory.sites))
    assert np.array_equal(np.hstack([result.commune_minutes, result.site_minutes]), result.minutes)


def test_terminal_minutes_are_added_once_to_every_trip(territory: Territory) -> None:
    assert times(territory, terminal_minutes=5.0).minutes == pytest.approx(times(territory).minutes + 3.0)


def test_a_hospital_takes_the_minutes_of_its_commune(territory: Territory) -> None:
    result = times(territory)
    codes = list(territory.communes["insee"])
    for column, node in enumerate(territory.sites["node"]):
        if node in codes:
            assert np.array_equal(result.site_minutes[:, column], result.commune_minutes[:, codes.index(node)])


def test_minutes_agree_with_networkx(territory: Territory) -> None:
    graph = roads.road_graph(territory)
    code = territory.communes["insee"].iloc[0]
    expected = nx.single_source_dijkstra_path_length(graph, code, weight="minutes")
    nodes = [*territory.communes["insee"], *territory.sites["node"]]
    assert times(territory).minutes[0, 1 : territory.n_communes] == pytest.approx(
        [expected[node] + 2 for node in nodes[1 : territory.n_communes]]
    )


def test_a_slower_road_makes_no_trip_shorter(tiny: Territory) -> None:
    assert tiny.roads is not None
    slower = dataclasses.replace(tiny, roads=tiny.roads.assign(minutes=tiny.roads["minutes"] + np.eye(8)[0] * 3.0))
    change = times(slower).minutes - times(tiny).minutes
    assert (change >= 0).all() and change[0, 1] == pytest.approx(3.0)


def test_nobody_can_write_into_the_minutes(tiny: Territory) -> None:
    with pytest.raises(ValueError, match="read-only"):
        times(tiny).minutes[0, 0] = 0.0


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("weight", [None, "", "six", 0, -1, float("nan"), float("inf")])
def test_a_weight_that_is_no_positive_number_is_refused(tiny: Territory, weight: object) -> None:
    assert tiny.roads is not None
    minutes = tiny.roads["minutes"].astype(object)
    minutes.iloc[2] = weight
    spoiled = dataclasses.replace(tiny, roads=tiny.roads.assign(minutes=minutes))
    for compute in (roads.road_graph, times):
        with pytest.raises(InputError, match="00001 to 00004") as raised:
            compute(spoiled)
        assert (raised.value.line, raised.value.column) == (4, "minutes")


def test_a_weight_column_that_is_missing_is_refused(tiny: Territory) -> None:
    assert tiny.roads is not None
    with pytest.raises(InputError, match="no column 'minutes'"):
        roads.road_graph(dataclasses.replace(tiny, roads=tiny.roads.drop(columns="minutes")))


def test_an_edge_without_minutes_is_refused_where_networkx_would_count_one(
    tiny: Territory, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = roads.road_graph(tiny)
    graph.add_edge("00002", "00005")
    monkeypatch.setattr(travel, "road_graph", lambda *_: graph)
    with pytest.raises(InputError, match="00002 to 00005"):
        times(tiny)


def test_a_territory_without_roads_says_how_to_make_some(tiny: Territory) -> None:
    with pytest.raises(InputError, match="generated_roads"):
        roads.road_graph(without_roads(tiny))


def test_an_unreachable_commune_is_named(tiny: Territory) -> None:
    assert tiny.roads is not None
    cut = dataclasses.replace(tiny, roads=tiny.roads[~tiny.roads["b"].isin(["00005"])])
    with pytest.raises(InputError, match=r"Les Roches-Inventées \(00005\) cannot be reached"):
        times(cut)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("terminal_minutes", -1.0),
        ("own_commune_speed_kmh", 0.0),
        ("detour_factor", 0.9),
        ("road_speed_kmh", 0.0),
        ("terminal_minutes", math.nan),
    ],
)
def test_a_parameter_out_of_range_is_named(tiny: Territory, name: str, value: float) -> None:
    with pytest.raises(InputError, match=name.removeprefix("road_")):
        times(without_roads(tiny), **{name: value})


# -------------------------------------------------------------------------------------------------------- areas


def test_a_missing_area_is_replaced_by_the_median_of_the_others(tiny: Territory) -> None:
    areas = travel.areas_km2(with_area(tiny, [4.0, 9.0, math.nan, 25.0, 40.0]))
    assert list(areas) == [4.0, 9.0, 17.0, 25.0, 40.0]


def test_without_any_area_the_caller_states_one(tiny: Territory) -> None:
    bare = with_area(tiny, math.nan)
    with pytest.raises(InputError, match="fallback_area_km2"):
        times(bare)
    assert np.array_equal(times(bare, fallback_area_km2=16.0).minutes, times(tiny).minutes)


# ----------------------------------------------------------------------------------------------- generated roads


def places(lat: list[float], lon: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"insee": [f"{n:05d}" for n in range(len(lat))], "lat": lat, "lon": lon})


def test_a_generated_road_has_the_length_and_minutes_worked_out_by_hand() -> None:
    (road,) = roads.generated_roads(places([48.7, 48.8], [7.3, 7.3]), 1.25, 55).itertuples()
    assert road.km == pytest.approx(0.1 * KM_PER_DEGREE * 1.25)
    assert road.minutes == pytest.approx(0.1 * KM_PER_DEGREE * 1.25 / 55 * 60)
    assert road.minutes == pytest.approx(15.16, abs=0.01)


def test_of_three_places_in_a_row_the_ends_are_not_joined() -> None:
    made = roads.generated_roads(places([48.7, 48.8, 48.9], [7.3, 7.3, 7.3]), 1.25, 55)
    assert list(zip(made["a"], made["b"], strict=True)) == [("00000", "00001"), ("00001", "00002")]


def test_distances_are_those_of_a_sphere() -> None:
    km = roads.crow_km(np.array([0.0, 0.0, 90.0]), np.array([0.0, 90.0, 0.0]))
    assert km == pytest.approx(np.full((3, 3), 90 * KM_PER_DEGREE) * (1 - np.eye(3)))


def test_generated_roads_reach_every_place_of_a_pack(territory: Territory) -> None:
    bare = without_roads(territory)
    made = roads.generated_roads(roads.road_places(bare), 1.25, 55)
    assert nx.is_connected(roads.road_graph(bare, made))
    assert np.isfinite(times(bare).minutes).all()


def test_two_places_at_the_same_position_are_named() -> None:
    with pytest.raises(InputError, match="00000 and 00002 have the same position"):
        roads.generated_roads(places([48.7, 48.8, 48.7], [7.3, 7.3, 7.3]), 1.25, 55)


positions = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=25, unique=True)


@settings(max_examples=150, deadline=None)
@given(positions)
def test_a_gabriel_graph_joins_just_the_pairs_with_an_empty_disc(points: list[tuple[int, int]]) -> None:
    table = np.array(points, dtype=np.int64)
    squared = ((table[:, None] - table[None, :]) ** 2).sum(axis=2)  # whole numbers: exact on the border
    n = len(points)
    expected = {
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if all(squared[i, k] + squared[j, k] > squared[i, j] for k in range(n) if k not in (i, j))
    }
    found = {tuple(pair) for pair in roads.gabriel_edges(np.sqrt(squared)).tolist()}
    on_border = {  # where rounding may decide
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if any(squared[i, k] + squared[j, k] == squared[i, j] for k in range(n) if k not in (i, j))
    }
    assert found - on_border == expected - on_border
    graph = nx.Graph(found)
    assert len(graph) == n and nx.is_connected(graph)


@settings(max_examples=60, deadline=None)
@given(positions)
def test_generated_roads_are_connected_and_never_shorter_than_the_crow(points: list[tuple[int, int]]) -> None:
    table = places([48.0 + y / 50 for _, y in points], [7.0 + x / 50 for x, _ in points])
    made = roads.generated_roads(table, 1.25, 55)
    graph = nx.from_pandas_edgelist(made, "a", "b")
    assert len(graph) == len(table) and nx.is_connected(graph)
    assert made["km"].to_numpy() == pytest.approx(made["minutes"].to_numpy() / 60 * 55)


# ------------------------------------------------------------------------------------------------ stated minutes


@pytest.fixture
def stated(tmp_path: Path, tiny: Territory) -> Path:
    """A copy of tiny with the minutes of its own roads as a table."""
    folder = Path(shutil.copytree(BUILT_IN_FOLDER / "tiny", tmp_path / "stated"))
    (folder / "roads.csv").unlink()
    minutes = times(tiny, terminal_minutes=0.0).minutes
    names = [*tiny.communes["insee"], "", "POLE_TINY"]
    rows = [
        f"{names[i]},{names[j]},{minutes[i, j]!r}".replace("np.float64(", "").replace(")", "")
        for i in range(5)
        for j in (1, 2, 3, 4, 6)
        if i < j
    ]
    (folder / "travel_times.csv").write_text("\n".join(["from,to,minutes", *rows]) + "\n")
    return folder


def test_stated_minutes_give_what_the_roads_gave(stated: Path, tiny: Territory) -> None:
    assert np.array_equal(times(load_territory(stated)).minutes, times(tiny).minutes)


def test_a_stated_pair_may_differ_by_direction(stated: Path, tiny: Territory) -> None:
    with (stated / "travel_times.csv").open("a") as table:
        table.write("00002,00001,6.5\n")
    minutes = times(load_territory(stated)).minutes
    assert (minutes[1, 0], minutes[0, 1]) == (8.5, 7.5)
    assert minutes[1, 5] == 8.5  # the hospital in the first commune


def test_a_pair_that_is_not_stated_is_named(stated: Path) -> None:
    path = stated / "travel_times.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("00004,00005")))
    with pytest.raises(InputError, match="00004 cannot be reached: no minutes between it and 00005"):
        load_territory(stated)


def test_distances_from_a_point_are_those_between_all_pairs() -> None:
    """The same formula, without the table: to the last bits."""
    rng = np.random.default_rng(3)
    lat, lon = rng.uniform(41, 51, 40), rng.uniform(-5, 9, 40)
    at_once = roads.crow_km(lat, lon)[7]
    assert roads.crow_km_from(lat, lon, (lat[7], lon[7])) == pytest.approx(at_once, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_graph_is_the_one_of_all_third_points(seed: int) -> None:
    """Trying near points first changes no edge: on random points and on grids, where borders of discs are hit."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (90, 2)) if seed % 2 else np.unique(rng.integers(0, 9, (90, 2)), axis=0).astype(float)
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    squared = distance**2
    expected = [
        (i, j)
        for i in range(len(points))
        for j in range(i + 1, len(points))
        if all(squared[i, k] + squared[k, j] > squared[i, j] for k in range(len(points)) if k not in (i, j))
    ]
    assert roads.gabriel_edges(distance).tolist() == [list(pair) for pair in expected]
