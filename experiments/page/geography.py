"""Where is everything on the map? Outlines of communes, practices and hospitals as shapes for a browser.

Owns the projection (plane, as wide as the territory's middle latitude asks) and the size of the drawing. Reads a
territory; a pack without outlines gets discs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from abm.environment.territory import Territory

WIDTH = 600.0
MARGIN = 14.0
DISC_RADIUS = 9.0


def shapes(territory: Territory) -> dict[str, Any]:
    """Return what the map draws.

    Returns
    -------
    width, height : of the drawing.
    communes : in the order of the pack: name, and d (an SVG path) or x, y, r (a disc).
    doctors : x, y of each commune with practices, and n, how many.
    hospitals : x, y, name, has_emergency.
    """
    communes = territory.communes
    project, height = _projection(territory)
    drawn: list[dict[str, Any]] = []
    outlines = territory.outlines
    for code, name, lon, lat in zip(*(communes[key] for key in ("insee", "name", "lon", "lat")), strict=True):
        rings = outlines.get(code)
        x, y = project(np.array([[lon, lat]]))[0]
        shape: dict[str, Any] = {"name": str(name), "x": x, "y": y}
        if rings:
            shape["d"] = "".join(_path(project(np.asarray(ring))) for ring in rings)
        else:
            shape["r"] = DISC_RADIUS
        drawn.append(shape)
    practices = territory.count("general_practitioner")
    inside = territory.sites[territory.sites["kind"] == "hospital"].drop_duplicates("insee")
    return {
        "width": WIDTH,
        "height": height,
        "communes": drawn,
        "doctors": [{"x": s["x"], "y": s["y"], "n": int(n)} for s, n in zip(drawn, practices, strict=True) if n],
        "hospitals": [_site(row, project) for row in inside.to_dict("records")],
    }


def _site(row: Any, project: Any) -> dict[str, Any]:
    x, y = project(np.array([[row["lon"], row["lat"]]]))[0]
    return {"x": x, "y": y, "name": str(row["name"]), "has_emergency": bool(row["has_emergency"])}


def _projection(territory: Territory) -> tuple[Any, float]:
    """Return the function from (longitude, latitude) to places on the drawing, and its height."""
    points = [territory.communes[["lon", "lat"]].to_numpy(float)]
    points += [np.asarray(ring, float) for rings in territory.outlines.values() for ring in rings]
    every = np.concatenate(points)
    squeeze = float(np.cos(np.deg2rad(every[:, 1].mean())))
    low, high = every.min(axis=0), every.max(axis=0)
    scale = (WIDTH - 2 * MARGIN) / max((high[0] - low[0]) * squeeze, (high[1] - low[1]), 1e-6)
    offset = (WIDTH - 2 * MARGIN - scale * (high[0] - low[0]) * squeeze) / 2

    def project(lon_lat: np.ndarray) -> list[tuple[float, float]]:
        x = MARGIN + offset + (lon_lat[:, 0] - low[0]) * squeeze * scale
        y = MARGIN + (high[1] - lon_lat[:, 1]) * scale
        return [(round(float(a), 1), round(float(b), 1)) for a, b in zip(x, y, strict=True)]

    return project, round(float((high[1] - low[1]) * scale + 2 * MARGIN), 1)


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x},{y}" for x, y in points) + "Z"
