"""Which roads join the places of a territory, and how long does each take by car?

Owns the road graph and the generator that invents roads where a pack has none. Computes no journey: `travel` does.
Speeds and detour factors come in as arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from abm.errors import InputError

if TYPE_CHECKING:
    from abm.environment.territory import Territory

EARTH_RADIUS_KM = 6371.0088
NEAREST_TRIED = 32  # points tried first when a pair is examined: speed only, the graph is the same


def crow_km(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return great-circle distances in km between all pairs of points.

    Parameters
    ----------
    lat, lon : degrees, shape (n,).

    Returns
    -------
    shape (n, n), symmetric, zero on the diagonal.
    """
    latitude, longitude = np.radians(lat), np.radians(lon)
    half_lat = np.sin((latitude[:, None] - latitude[None, :]) / 2)
    half_lon = np.sin((longitude[:, None] - longitude[None, :]) / 2)
    haversine = half_lat**2 + np.outer(np.cos(latitude), np.cos(latitude)) * half_lon**2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(haversine, 0.0, 1.0)))


def crow_km_from(lat: np.ndarray, lon: np.ndarray, at: tuple[float, float]) -> np.ndarray:
    """Return great-circle distances in km of points from one point (latitude, longitude in degrees), shape (n,)."""
    latitude, at_lat = np.radians(lat), np.radians(at[0])
    half_lat, half_lon = np.sin((latitude - at_lat) / 2), np.sin(np.radians(np.subtract(lon, at[1])) / 2)
    haversine = half_lat**2 + np.cos(latitude) * np.cos(at_lat) * half_lon**2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(haversine, 0.0, 1.0)))


def gabriel_edges(distance: np.ndarray) -> np.ndarray:
    """Return the pairs of a Gabriel graph: those with no third point in the disc between them.

    Parameters
    ----------
    distance : between all pairs of distinct points, shape (n, n), symmetric, positive off the diagonal.

    Returns
    -------
    rows (i, j) with i < j, shape (n_edges, 2).

    Notes
    -----
    The border of the disc belongs to it. A pair left out then always has a third point nearer to both ends than they
    are to each other, hence the graph is connected whatever the points. Source: Gabriel & Sokal (1969),
    doi:10.2307/2412323. Nearly every pair is left out for a point close to one of its ends: those are tried first, so
    that a region of thousands of communes takes seconds. Evidence: tests/environment/test_travel.py
    """
    squared = distance**2
    pairs = []
    for i in range(len(squared)):
        near = np.argsort(squared[i], kind="stable")[1 : NEAREST_TRIED + 1]
        later = np.arange(i + 1, len(squared))
        left = later[~_has_third_point(squared, i, later, near)]
        pairs += [(i, int(j)) for j in left[~_has_third_point(squared, i, left, np.arange(len(squared)))]]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _has_third_point(squared: np.ndarray, i: int, ends: np.ndarray, thirds: np.ndarray) -> np.ndarray:
    """Tell which pairs (i, end) have one of `thirds` in the disc between them, shape (n_ends,)."""
    is_few = len(thirds) < len(ends)
    between = squared[thirds][:, ends] if is_few else squared[ends][:, thirds].T  # the same: whole rows are read fast
    through_third = squared[i][thirds, None] + between
    through_third[thirds == i] = np.inf
    through_third[thirds[:, None] == ends[None, :]] = np.inf
    return through_third.min(axis=0, initial=np.inf) <= squared[i][ends]


def generated_roads(communes: pd.DataFrame, detour_factor: float, speed_kmh: float) -> pd.DataFrame:
    """Invent roads between neighbouring places: a Gabriel graph on their positions.

    Parameters
    ----------
    communes : places to join; columns insee (identifier of the node), lat, lon (degrees). Outside nodes may be added as
        rows: see `road_places`.
    detour_factor : km by road for one km as the crow flies, >= 1.
    speed_kmh : mean speed, > 0.

    Returns
    -------
    columns a, b (nodes), minutes, km, kind ("generated"), as in `roads.csv`.

    Raises
    ------
    InputError : a factor out of range, or two places at the same position.

    Notes
    -----
    ODD 3. Draws nothing. Evidence: tests/environment/test_travel.py
    """
    if not detour_factor >= 1 or not speed_kmh > 0:
        found = f"detour_factor is {detour_factor}, speed_kmh {speed_kmh}"
        raise InputError(f"{found}; 1 or more and above 0 expected")
    nodes = communes["insee"].to_numpy()
    distance = crow_km(communes["lat"].to_numpy(np.float64), communes["lon"].to_numpy(np.float64))
    _refuse_same_position(nodes, distance)
    first, second = gabriel_edges(distance).T
    km = detour_factor * distance[first, second]
    minutes = km / speed_kmh * 60
    return pd.DataFrame({"a": nodes[first], "b": nodes[second], "minutes": minutes, "km": km, "kind": "generated"})


def _refuse_same_position(nodes: np.ndarray, distance: np.ndarray) -> None:
    """Raise an InputError naming two places at the same position, if any."""
    first, second = np.nonzero(np.triu(distance == 0, k=1))
    if len(first):
        raise InputError(f"{nodes[first[0]]} and {nodes[second[0]]} have the same position: no road can be generated")


def road_places(territory: Territory) -> pd.DataFrame:
    """Return the places that roads must join: communes, then the nodes of the sites outside.

    Returns
    -------
    columns insee (identifier of the node), lat, lon (degrees); one row a node.
    """
    outside = territory.sites.loc[~territory.sites["node"].isin(territory.communes["insee"]), ["node", "lat", "lon"]]
    outside = outside.drop_duplicates("node").rename(columns={"node": "insee"})
    return pd.concat([territory.communes[["insee", "lat", "lon"]], outside], ignore_index=True)


def road_graph(territory: Territory, roads: pd.DataFrame | None = None) -> nx.Graph:
    """Return the road graph of a territory.

    Parameters
    ----------
    territory : every commune and every node of a site becomes a node, joined or not.
    roads : used instead of the territory's own, for instance those of `generated_roads`.

    Returns
    -------
    nodes are INSEE codes, poles, interchanges; edges carry `minutes` (> 0, one way by car).

    Raises
    ------
    InputError : no roads at all, or a weight that is missing, empty, not a number or not positive. Networkx would
        silently count a missing weight as 1.
    """
    roads = territory.roads if roads is None else roads
    if roads is None:
        raise InputError("the territory has no roads: make some with generated_roads", file=territory.folder)
    minutes = road_minutes(roads, file=str(territory.folder / "roads.csv"))
    graph = nx.Graph()
    graph.add_nodes_from(territory.communes["insee"])
    graph.add_nodes_from(territory.sites["node"])
    graph.add_weighted_edges_from(zip(roads["a"], roads["b"], minutes, strict=True), weight="minutes")
    return graph


def road_minutes(roads: pd.DataFrame, file: str = "roads.csv") -> list[float]:
    """Return the minutes of each road, all of them positive numbers.

    Raises
    ------
    InputError : naming the first road without such a number.
    """
    if "minutes" not in roads:
        raise InputError("roads have no column 'minutes'", file=file, column="minutes")
    minutes = pd.to_numeric(roads["minutes"], errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~(np.isfinite(minutes) & (minutes > 0)))
    if len(bad):
        row = roads.iloc[bad[0]]
        message = f"minutes from {row['a']} to {row['b']} is {row['minutes']!r}, a number above 0 expected"
        raise InputError(message, file=file, line=int(bad[0]) + 2, column="minutes")
    return [float(value) for value in minutes]
