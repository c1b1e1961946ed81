"""A territory of the size of a region, invented, to measure what size costs: 5.6 million people in 5,000 communes.

    python benchmarks/region_pack.py FOLDER [--communes 5000] [--people 5600000] [--measure]

Writes a pack that `territoire run --territory FOLDER` takes. With `--measure` builds parts of a world on it and prints
seconds and bytes by part. Not run in CI. Nothing here is about a real place.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

SPACING_KM, MIDDLE_LAT, MIDDLE_LON, KM_PER_DEGREE = 3.4, 48.5, 5.6, 111.2
PEOPLE_PER_DOCTOR, PEOPLE_PER_HOSPITAL, PEOPLE_PER_SPECIALIST = 1_250, 110_000, 2_000
ZIPF_EXPONENT, ROAD_MINUTES_PER_KM, DETOUR = 0.9, 60 / 55, 1.25


def write_pack(folder: Path, n_communes: int, n_people: int, seed: int = 1) -> None:
    """Write a pack: communes on a shaken grid, sizes by Zipf's law, roads to the neighbours on the grid."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n_communes)))
    row, column = np.divmod(np.arange(n_communes), side)
    shake = rng.uniform(-0.3, 0.3, (2, n_communes))
    lat = MIDDLE_LAT + (row - side / 2 + shake[0]) * SPACING_KM / KM_PER_DEGREE
    lon = MIDDLE_LON + (column - side / 2 + shake[1]) * SPACING_KM / KM_PER_DEGREE / np.cos(np.radians(MIDDLE_LAT))
    weights = (1.0 + rng.permutation(n_communes)) ** -ZIPF_EXPONENT
    people = np.maximum(20, np.round(weights / weights.sum() * n_people)).astype(int)
    codes = [f"{number:05d}" for number in range(1, n_communes + 1)]
    _write(
        folder / "communes.csv",
        ("insee", "name", "epci", "population", "area_km2", "lat", "lon"),
        ((code, f"Invented {code}", f"Group {int(r) // 7}-{int(c) // 7}", p, SPACING_KM**2, f"{y:.5f}", f"{x:.5f}")
         for code, r, c, p, y, x in zip(codes, row, column, people, lat, lon, strict=True)),
    )  # fmt: skip
    doctors = rng.multinomial(n_people // PEOPLE_PER_DOCTOR, people / people.sum())
    towns = np.argsort(-people)[: max(1, n_people // PEOPLE_PER_HOSPITAL)]
    specialists = np.zeros(n_communes, int)
    specialists[towns] = rng.multinomial(n_people // PEOPLE_PER_SPECIALIST, people[towns] / people[towns].sum())
    counts = (("general_practitioner", doctors), ("specialist", specialists))
    _write(
        folder / "professionals.csv",
        ("insee", "profession", "count", "year"),
        ((codes[place], name, number[place], 2022) for name, number in counts for place in np.flatnonzero(number)),
    )
    _write(folder / "sites.csv", SITE_COLUMNS, _sites(codes, lat, lon, towns))
    _write(folder / "roads.csv", ("a", "b", "minutes"), _roads(codes, lat, lon, side))
    (folder / "territory.yaml").write_text(
        "title: A region, invented\ninvented: true\npopulation_year: 2022\nyears: {population: 2022, area_km2: 2022}\n"
    )


SITE_COLUMNS = (
    "site", "name", "kind", "node", "insee", "lat", "lon", "has_emergency", "beds_medicine", "beds_surgery",
    "beds_intensive", "emergency_visits_per_year", "emergency_admitted_per_year", "year", "specialties",
    "specialties_grade",
)  # fmt: skip


def _sites(codes: list[str], lat: np.ndarray, lon: np.ndarray, towns: np.ndarray) -> list[tuple[Any, ...]]:
    """Return hospitals in the largest communes and one pole outside that offers everything."""
    from abm.environment.pack import SPECIALTIES

    blank = ("",) * 6
    rows: list[tuple[Any, ...]] = [
        (f"H{codes[t]}", f"Hospital {codes[t]}", "hospital", codes[t], codes[t], lat[t], lon[t], "true", *blank, "", "")
        for t in towns
    ]
    outside = (lat.min() - 0.3, float(lon.mean()))
    rows.append(("P", "Pole", "pole", "POLE", "99999", *outside, "true", *blank, ";".join(SPECIALTIES), "C"))
    return rows


def _roads(codes: list[str], lat: np.ndarray, lon: np.ndarray, side: int) -> list[tuple[Any, ...]]:
    """Return roads to the neighbours east and south on the grid, and one to the pole."""
    rows: list[tuple[Any, ...]] = []
    for place in range(len(codes)):
        east, south = place + 1, place + side
        for other in (east if (place + 1) % side else len(codes), south):
            if other < len(codes):
                km = KM_PER_DEGREE * np.hypot(
                    lat[place] - lat[other], (lon[place] - lon[other]) * np.cos(np.radians(MIDDLE_LAT))
                )
                rows.append((codes[place], codes[other], f"{max(km, 0.1) * DETOUR * ROAD_MINUTES_PER_KM:.2f}"))
    rows.append((codes[side // 2], "POLE", "40"))
    return rows


def _write(path: Path, header: tuple[str, ...], rows: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


# ------------------------------------------------------------------------------------------------ measuring


def measure(folder: Path, scale: float) -> None:
    """Print seconds and peak memory of each part of the construction, at a scale of people."""
    from abm.conditions import load_conditions
    from abm.environment.roads import generated_roads, road_places
    from abm.environment.territory import load_territory
    from abm.parameters import load_parameters
    from abm.population import synthesise
    from abm.randomness import seed_key
    from abm.settings import kind_names, specialties_of
    from abm.state import EPISODE, PATIENT
    from abm.supply import practices_of
    from abm.world import travel_of

    parameters = load_parameters()
    territory = _timed("reading and checking the pack", lambda: load_territory(folder))
    travel = _timed("travel times, all pairs", lambda: travel_of(territory, parameters))
    print(f"  minutes: {travel.minutes.shape}, {travel.minutes.nbytes / 1e6:,.0f} MB")
    key = seed_key(1)
    practices = practices_of(territory, parameters, key)
    kinds = len(kind_names(specialties_of(parameters)))
    people = _timed(
        f"people at scale {scale:g}",
        lambda: synthesise(territory, parameters, load_conditions(parameters), key, reference_day=365, scale=scale),
    )
    print(f"  {len(people):,} people, {len(practices):,} practices")
    print(f"  flows of registration: {travel.n_communes * len(practices) * 8 / 1e6:,.0f} MB, several copies")
    bytes_each = PATIENT.itemsize + kinds * (EPISODE.itemsize + 4 + 4 + 8)
    print(f"  {PATIENT.itemsize} bytes a person, {EPISODE.itemsize} an episode of {kinds} kinds: {bytes_each} each")
    total = bytes_each * territory.population / 1e9
    print(f"  rows, episodes and queues of {territory.population:,} people: {total:.1f} GB")
    _timed("generated roads, were there none", lambda: generated_roads(road_places(territory), 1.25, 55.0))


def _timed(what: str, part: Callable[[], Any]) -> Any:
    began = perf_counter()
    answer = part()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {perf_counter() - began:.1f} s, peak so far {peak:.2f} GB", flush=True)
    return answer


def main() -> None:
    """Write the pack, and measure if asked."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--communes", type=int, default=5_000)
    options.add_argument("--people", type=int, default=5_600_000)
    options.add_argument("--measure", action="store_true")
    options.add_argument("--scale", type=float, default=0.1, help="share of the people made when measuring")
    given = options.parse_args()
    write_pack(given.folder, given.communes, given.people)
    if given.measure:
        measure(given.folder, given.scale)


if __name__ == "__main__":
    main()
