"""A territory of the size of a region, invented, to measure what size costs: 5.6 million people in 5,100 communes.

    python benchmarks/region_pack.py FOLDER [--communes 5100] [--people 5600000] [--run]

Writes a pack that `territoire run --territory FOLDER` takes. With `--run` lives a year on it, without warm-up, and
prints seconds and memory. Not run in CI. Nothing here is about a real place.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

SPACING_KM, MIDDLE_LAT, MIDDLE_LON, KM_PER_DEGREE = 3.4, 48.5, 5.6, 111.2
PEOPLE_PER_DOCTOR, PEOPLE_PER_HOSPITAL, PEOPLE_PER_SPECIALIST = 1_250, 110_000, 2_000
ZIPF_EXPONENT, ROAD_MINUTES_PER_KM, DETOUR = 0.9, 60 / 55, 1.25
A_YEAR = ("--days", "365", "--warm-up", "0", "--set", "follow_up_days=0", "--no-figures")


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


def measure(folder: Path) -> None:
    """Run the baseline on it for a year without warm-up, in a process of its own; print times and memory."""
    from experiments.benchmarking import measure_run, show_run

    found = measure_run(str(folder), *A_YEAR)
    show_run(found)
    phases = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in found["seconds_by_phase"].items())
    print(f"  of the whole        {phases}")


def main() -> None:
    """Write the pack, and measure if asked."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--communes", type=int, default=5_100)
    options.add_argument("--people", type=int, default=5_600_000)
    options.add_argument("--run", action="store_true", help="and run the baseline on it for a year")
    given = options.parse_args()
    write_pack(given.folder, given.communes, given.people)
    if given.run:
        measure(given.folder)


if __name__ == "__main__":
    main()
