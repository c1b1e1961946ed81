"""How many minutes by car, one way, from each commune to each place?

Owns the table of travel times: shortest paths on the road graph, the way across one's own commune, and the minutes to
start and park. Reads a territory; holds no number of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from abm.environment.roads import generated_roads, road_graph, road_minutes, road_places
from abm.environment.territory import Territory
from abm.errors import InputError

MINUTES_PER_HOUR = 60.0


@dataclass(frozen=True)
class TravelTimes:
    """Minutes by car, one way, terminal minutes included.

    Parameters
    ----------
    minutes : shape (n_communes, n_places); places are the communes in order, then the sites in order; read-only.
    n_communes : how many of the places are communes.
    """

    minutes: np.ndarray
    n_communes: int

    @property
    def commune_minutes(self) -> np.ndarray:
        """Minutes between communes, shape (n_communes, n_communes)."""
        return self.minutes[:, : self.n_communes]

    @property
    def site_minutes(self) -> np.ndarray:
        """Minutes from communes to sites, shape (n_communes, n_sites)."""
        return self.minutes[:, self.n_communes :]


def travel_times(
    territory: Territory,
    *,
    terminal_minutes: float,
    own_commune_speed_kmh: float,
    detour_factor: float,
    road_speed_kmh: float,
    fallback_area_km2: float | None = None,
) -> TravelTimes:
    """Return the minutes by car from each commune to each commune and site.

    Parameters
    ----------
    territory : its travel_times.csv is used if there is one, else its roads, else generated roads.
    terminal_minutes : to start and park, added once to every trip, >= 0.
    own_commune_speed_kmh : mean speed inside a commune, > 0.
    detour_factor : km by road for one km as the crow flies, >= 1.
    road_speed_kmh : mean speed on generated roads, > 0; not used when the pack has roads.
    fallback_area_km2 : area of a commune when the pack gives none to any; otherwise their median stands in.

    Returns
    -------
    every trip = minutes by road + terminal minutes. A trip inside a commune has the mean length from a random point of
    a disc of its area to the centre; a site inside a commune is at its centre.

    Raises
    ------
    InputError : a parameter out of range, a place that no road reaches, or no area known and no fallback given.

    Notes
    -----
    ODD 3. Draws nothing. Evidence: tests/environment/test_travel.py
    """
    _check_parameters(terminal_minutes, own_commune_speed_kmh, detour_factor)
    nodes = _nodes(territory)
    if territory.travel_times is not None:
        road = _stated_minutes(territory.travel_times, nodes, territory)
    else:
        road = _shortest_minutes(_graph(territory, detour_factor, road_speed_kmh), nodes, territory)
    n_communes = territory.n_communes
    is_own = nodes[:n_communes, None] == nodes[None, :]
    km_inside = detour_factor * mean_distance_to_centre_km(areas_km2(territory, fallback_area_km2))
    minutes = np.where(is_own, (km_inside / own_commune_speed_kmh * MINUTES_PER_HOUR)[:, None], road) + terminal_minutes
    minutes.flags.writeable = False
    return TravelTimes(minutes, n_communes)


def mean_distance_to_centre_km(area_km2: np.ndarray) -> np.ndarray:
    """Return the mean distance in km from a random point of a disc to its centre: 2/3 of its radius."""
    return 2 / 3 * np.sqrt(area_km2 / np.pi)


def areas_km2(territory: Territory, fallback_area_km2: float | None = None) -> np.ndarray:
    """Return the area of each commune, shape (n_communes,); the pack's median where one is unknown.

    Raises
    ------
    InputError : no area is known and no fallback is given.
    """
    known = territory.communes["area_km2"].to_numpy(np.float64)
    if np.isnan(known).all():
        if fallback_area_km2 is None or not fallback_area_km2 > 0:
            raise InputError(
                "no commune has an area: fill in area_km2 or give fallback_area_km2",
                file=territory.folder / "communes.csv",
                column="area_km2",
            )
        return np.full(len(known), float(fallback_area_km2))
    return np.where(np.isnan(known), np.nanmedian(known), known)


def _check_parameters(terminal_minutes: float, own_commune_speed_kmh: float, detour_factor: float) -> None:
    """Raise an InputError for a parameter out of range."""
    if not terminal_minutes >= 0:
        raise InputError(f"terminal_minutes is {terminal_minutes}, a number of 0 or more expected")
    if not own_commune_speed_kmh > 0:
        raise InputError(f"own_commune_speed_kmh is {own_commune_speed_kmh}, a number above 0 expected")
    if not detour_factor >= 1:
        raise InputError(f"detour_factor is {detour_factor}, a number of 1 or more expected")


def _nodes(territory: Territory) -> np.ndarray:
    """Return the node of each place: communes in order, then sites in order."""
    return np.array([*territory.communes["insee"], *territory.sites["node"]], dtype=object)


def _graph(territory: Territory, detour_factor: float, road_speed_kmh: float) -> nx.Graph:
    """Return the road graph, generated when the pack has no roads."""
    if territory.roads is not None:
        return road_graph(territory)
    return road_graph(territory, generated_roads(road_places(territory), detour_factor, road_speed_kmh))


def _shortest_minutes(graph: nx.Graph, nodes: np.ndarray, territory: Territory) -> np.ndarray:
    """Return the minutes of the shortest paths from communes to places, shape (n_communes, n_places)."""
    position = {node: row for row, node in enumerate(graph)}
    shortest = dijkstra(_weights(graph, position), directed=False)
    shortest = np.minimum(shortest, shortest.T)  # sums taken from either end may differ in their last bit
    rows = [position[node] for node in nodes]
    minutes = shortest[np.ix_(rows[: territory.n_communes], rows)]
    _refuse_unreachable(minutes, nodes, territory)
    return minutes


def _weights(graph: nx.Graph, position: dict[str, int]) -> csr_array:
    """Return the weights of the graph as a sparse matrix; unlike networkx, refuses an edge without minutes."""
    edges = pd.DataFrame(
        [(a, b, data.get("minutes")) for a, b, data in graph.edges(data=True)], columns=["a", "b", "minutes"]
    )
    rows, columns = edges["a"].map(position).to_numpy(np.int64), edges["b"].map(position).to_numpy(np.int64)
    return csr_array((road_minutes(edges, "road graph"), (rows, columns)), shape=(len(position), len(position)))


def _refuse_unreachable(minutes: np.ndarray, nodes: np.ndarray, territory: Territory) -> None:
    """Raise an InputError naming the commune that reaches the fewest places, if one misses any."""
    is_cut_off = ~np.isfinite(minutes)
    if not is_cut_off.any():
        return
    commune = int(is_cut_off.sum(axis=1).argmax())
    place = nodes[np.flatnonzero(is_cut_off[commune])[0]]
    name = f"{territory.communes['name'].iloc[commune]} ({nodes[commune]})"
    raise InputError(f"{name} cannot be reached: no road from there to {place}", file=territory.folder)


def _stated_minutes(table: pd.DataFrame, nodes: np.ndarray, territory: Territory) -> np.ndarray:
    """Return the pack's own minutes, shape (n_communes, n_places); a pair given one way holds both ways."""
    position = {node: row for row, node in enumerate(dict.fromkeys(nodes))}
    start, end = table["from"].map(position), table["to"].map(position)
    stated = np.full((len(position), len(position)), np.nan)
    stated[start, end] = table["minutes"]
    stated = np.where(np.isnan(stated), stated.T, stated)
    np.fill_diagonal(stated, 0.0)
    rows = [position[node] for node in nodes]
    minutes = np.nan_to_num(stated[np.ix_(rows[: territory.n_communes], rows)], nan=np.inf)
    _refuse_unreachable(minutes, nodes, territory)
    return minutes
