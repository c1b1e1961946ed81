"""What does a territory pack not tell, and what stands in for it?

Owns the reference data (`abm/environment/reference`), the ways that fill in what a pack leaves out, and the score of
completeness. Whoever uses a stand-in finds it listed here with its grade. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.environment.pack import SPECIALTIES, UNSORTED_SPECIALIST

if TYPE_CHECKING:
    from abm.environment.territory import Territory

REFERENCE_FOLDER = Path(__file__).parent / "reference"
COUNTED = ("general_practitioner", "nurse", "pharmacy")
NOT_KNOWN_TO_ANY_PACK = (
    ("habits of doctors", "lists, weekly hours, habits: drawn from national figures"),
    ("doctors outside", "none: practices beyond the edge are not known, so the edge looks worse served than it is"),
)


@dataclass(frozen=True)
class Item:
    """One thing that a pack may tell.

    Parameters
    ----------
    name : what it is.
    known_share : part of it that the pack tells, 0 to 1 (of inhabitants, communes, sites… : see `of`).
    of : what the share is a share of.
    stands_in : what the model uses for the rest; "" when nothing is missing.
    grade : of that stand-in (C: an assumption); "" when nothing is missing.
    look_up : parameters or reference files to look at; () when nothing is missing.
    """

    name: str
    known_share: float
    of: str
    stands_in: str = ""
    grade: str = ""
    look_up: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True when the pack tells all of it."""
        return self.known_share >= 1.0


# ------------------------------------------------------------------------------------------------ reference data


@cache
def reference_ages() -> NDArray[np.float64]:
    """Return the inhabitants of France by five-year age and sex, shape (21, 2), read-only; women are index 1.

    The last class is 100 years and older. Source: INSEE, census RP2018, table POP1B.
    """
    table = pd.read_csv(REFERENCE_FOLDER / "ages_france.csv")
    ages = table[["male", "female"]].to_numpy(np.float64)
    ages.flags.writeable = False
    return ages


@cache
def specialist_mix() -> dict[str, int]:
    """Return the specialists of France by specialty, those that the facility base of INSEE counts by commune."""
    table = pd.read_csv(REFERENCE_FOLDER / "specialist_mix.csv")
    return dict(zip(table["specialty"], table["count"], strict=True))


@cache
def hospital_towns() -> pd.DataFrame:
    """Return towns with an emergency department: insee, name, lat, lon, level ("university" or "general"), grade."""
    return pd.read_csv(REFERENCE_FOLDER / "hospital_towns.csv", dtype={"insee": str})


def specialties_of_town(level: str) -> tuple[str, ...]:
    """Return what can be consulted in a hospital town: every specialty where there is a university hospital (C)."""
    if level == "university":
        return SPECIALTIES
    return tuple(pd.read_csv(REFERENCE_FOLDER / "general_hospital_specialties.csv")["specialty"])


# ----------------------------------------------------------------------------------------------- filling in


def sort_specialists(professionals: pd.DataFrame) -> pd.DataFrame:
    """Give specialists of an untold specialty the specialties that a number of them has in France.

    Parameters
    ----------
    professionals : insee, profession, count, year.

    Returns
    -------
    the same table without the profession `specialist`; as many people in each commune; rows by commune and profession
    unique.

    Notes
    -----
    Specialties follow each other by highest averages (Sainte-Laguë): the first n of the order are the most even share
    of n, so a territory gets the mix of France as nearly as whole people allow. The commune with most of them takes
    the first ones. Grade C: nobody told. Evidence: tests/test_sarrebourg.py
    """
    is_unsorted = professionals["profession"] == UNSORTED_SPECIALIST
    if not is_unsorted.any():
        return professionals
    unsorted = professionals[is_unsorted].sort_values("count", ascending=False, kind="stable")
    order = highest_averages(specialist_mix(), int(unsorted["count"].sum()))
    people = unsorted.loc[unsorted.index.repeat(unsorted["count"])].assign(profession=order, count=1)
    together = pd.concat([professionals[~is_unsorted], people], ignore_index=True)
    return together.groupby(["insee", "profession"], sort=False, as_index=False).agg({"count": "sum", "year": "min"})


def highest_averages(weights: dict[str, int], n: int) -> list[str]:
    """Return n names in the order in which seats are given by Sainte-Laguë's divisors 1, 3, 5, …"""
    names = list(weights)
    divisors = 2.0 * np.arange(n) + 1.0
    average = np.array([weights[name] for name in names], np.float64)[:, None] / divisors[None, :]
    best = np.argsort(-average.ravel(), kind="stable")[:n]
    return [names[index // max(n, 1)] for index in best]


# ---------------------------------------------------------------------------------------------- completeness


def completeness(territory: Territory) -> list[Item]:
    """Return what a pack tells and what stands in for the rest, in the order of reading.

    Notes
    -----
    The score of a pack is the plain mean of `known_share`: items weigh the same, and no claim is made that they matter
    the same. What no pack can tell is not scored (`NOT_KNOWN_TO_ANY_PACK`).
    """
    return [
        *_people(territory),
        *_places(territory),
        *_professionals(territory),
        *_hospitals(territory),
        *_papers(territory),
    ]


def score(items: list[Item]) -> float:
    """Return the completeness of a pack, 0 to 1: the mean of what is known."""
    return float(np.mean([item.known_share for item in items]))


def _item(name: str, known: float | bool, of: str, stands_in: str, *look_up: str, grade: str = "C") -> Item:
    """Return an item, without stand-in when all is known."""
    share = float(known)
    return Item(name, 1.0, of) if share >= 1.0 else Item(name, share, of, stands_in, grade, look_up)


def _people(territory: Territory) -> Iterator[Item]:
    people = territory.communes["population"].to_numpy(np.float64)

    def share_of_people(column: str) -> float:
        return float(people[territory.communes[column].notna().to_numpy()].sum() / people.sum())

    yield _item("population", True, "communes", "")
    ages = "ages of France in 2018; rural territories are older"
    if territory.age_sex is not None:
        ages = "ages of the pack's age_sex.csv, the same in all communes of a group"
    yield _item("ages by commune", territory.age_groups is not None, "communes", ages, "reference/ages_france.csv")
    sexes = "ages and sexes of France in 2018, within the ages of each commune"
    yield _item("sexes by age", territory.age_sex is not None, "groups", sexes, "reference/ages_france.csv")
    incomes = (
        "the same median income everywhere"
        if territory.communes["median_income_eur"].isna().all()
        else ("the median of the other communes")
    )
    yield _item("incomes", share_of_people("median_income_eur"), "inhabitants", incomes, "income_sigma")


def _places(territory: Territory) -> Iterator[Item]:
    is_known = territory.communes["area_km2"].notna()
    areas = "the median of the other communes" if is_known.any() else "one area for all"
    yield _item("areas", is_known.mean(), "communes", areas, "generated_area_km2")
    has_roads = territory.roads is not None or territory.travel_times is not None
    roads = "roads generated between neighbouring communes, at one speed"
    yield _item("roads", has_roads, "territory", roads, "road_detour_factor", "road_speed_kmh")
    drawn = np.mean([code in territory.outlines for code in territory.communes["insee"]])
    yield _item("outlines", float(drawn), "communes", "discs on the maps; no number depends on it")


def _professionals(territory: Territory) -> Iterator[Item]:
    for profession in COUNTED:
        known = territory.count(profession).sum() > 0
        yield _item(
            f"number of {profession.replace('_', ' ')}s".replace("pharmacys", "pharmacies"), known, "territory", "none"
        )
    named = sum(int(territory.count(name).sum()) for name in SPECIALTIES) - territory.n_sorted_specialists
    total = named + territory.n_sorted_specialists
    stands_in = "divided between specialties as in France" if total else "none here: everybody goes to a pole outside"
    known_share = named / total if total else 0.0
    yield _item("specialty of specialists", known_share, "specialists", stands_in, "reference/specialist_mix.csv")


def _hospitals(territory: Territory) -> Iterator[Item]:
    sites = territory.sites
    inside, poles = sites[sites["kind"] == "hospital"], sites[sites["kind"] == "pole"]
    emergency = inside[inside["has_emergency"]]
    if len(emergency):
        known = emergency["emergency_visits_per_year"].notna().mean()
        yield _item(
            "emergency visits", known, "departments inside", "visits of the residents only", "ed_visits_per_year"
        )
        beds = emergency["beds_medicine"].notna().mean()
        yield _item("beds", beds, "hospitals with emergency", "beds never full")
    if len(poles):
        told = poles["specialties_grade"].isin(["A", "B"]).mean()
        yield _item("what poles offer", told, "poles", "specialties assumed, column specialties_grade of sites.csv")


def _papers(territory: Territory) -> Iterator[Item]:
    yield _item("SOURCES.md", (territory.folder / "SOURCES.md").is_file(), "territory", "nobody can check the numbers")
    years = territory.description["years"]
    present = {
        "population": True,
        "age_groups": territory.age_groups is not None,
        "median_income_eur": territory.communes["median_income_eur"].notna().any(),
        "poverty_share": territory.communes["poverty_share"].notna().any(),
        "area_km2": territory.communes["area_km2"].notna().any(),
        "roads": territory.roads is not None,
        "age_sex": territory.age_sex is not None,
    }
    dated = [years.get(name) is not None for name, is_there in present.items() if is_there]
    yield _item("years of columns", float(np.mean(dated)), "columns", "age of the data unknown", grade="C")
