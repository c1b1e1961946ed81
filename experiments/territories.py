"""Territory packs made, looked through and laid side by side.

Owns the writing of a new pack as a folder, whole or not at all, and the static figures of a territory: what its data
say before any simulation. Formulas of access are those of `abm.environment.access`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from abm.environment.access import apl, two_step_floating_catchment
from abm.environment.completing import completeness, score
from abm.environment.new_pack import Draft, draft_pack
from abm.environment.territory import SPECIALTIES, Territory, check_territory, load_territory
from abm.environment.travel import TravelTimes
from abm.equity import gini
from abm.errors import InputError
from abm.parameters import Parameters, load_parameters
from abm.population import AGE_WIDTH_YEARS, age_sex_by_commune, by_age

PER_100_000, PER_1_000 = 100_000.0, 1_000.0


@dataclass(frozen=True)
class NewPack:
    """A pack that was just made: where it is, the territory, and how it came about."""

    folder: Path
    territory: Territory
    draft: Draft


def new_territory(
    source: str | Path,
    folder: str | Path | None = None,
    *,
    title: str | None = None,
    year: int | None = None,
    force: bool = False,
) -> NewPack:
    """Make a territory pack from a table of communes.

    Parameters
    ----------
    source : CSV, see `abm.environment.new_pack.draft_pack`.
    folder : of the pack, new; by default named after the table, in the current folder, with a free number.
    force : an existing territory pack in `folder` may be replaced.

    Raises
    ------
    InputError
        The table cannot be used, or `folder` is taken. Nothing is written then.
    """
    draft = draft_pack(Path(source), title=title, year=year)
    target = _free_folder(Path(source).stem) if folder is None else Path(folder)
    _refuse_taken(target, force)
    aside = target.with_name(f"_partial-{target.name}")
    try:
        aside.mkdir(parents=True)
    except OSError as problem:
        raise InputError(f"cannot be written to: {problem.strerror}", file=target) from None
    try:
        for name, text in draft.files.items():
            (aside / name).write_text(text, encoding="utf-8", newline="\n")
        for finding in check_territory(aside):
            if finding.severity == "error":
                raise draft.as_error(finding)
        if target.exists():
            shutil.rmtree(target)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return NewPack(target, load_territory(target), draft)


def _free_folder(name: str) -> Path:
    """Return a folder of this name that is not there yet, numbered if need be."""
    name, number = name or "territory", 1
    while (folder := Path(name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return folder


def _refuse_taken(folder: Path, force: bool) -> None:
    """Raise an InputError unless `folder` is new, or a pack that may be replaced."""
    if not folder.exists():
        return
    if not force:
        raise InputError("is there already; name another folder with -o, or replace it with --force", file=folder)
    if not (folder / "territory.yaml").is_file():
        raise InputError("is no territory pack: not replaced", file=folder)


# ------------------------------------------------------------------------------------------------ static figures


def travel_under(territory: Territory, parameters: Parameters) -> TravelTimes:
    """Return the travel times of a territory as a simulation has them."""
    from abm.world import travel_of

    return travel_of(territory, parameters)


def commune_figures(territory: Territory, parameters: Parameters | None = None) -> pd.DataFrame:
    """Return what the data of a pack say of each commune, before any simulation.

    Returns
    -------
    insee, name, epci, population, share_75_plus, median_income_eur, general_practitioners, gp_minutes (to the nearest
    commune with one), emergency_minutes, pharmacy_minutes, apl (acts a standardised inhabitant and year, every doctor
    at the national number of acts), gp_catchment (doctors per 1,000 inhabitants within reach); one row a commune. NaN
    where the pack holds none of a kind.
    """
    parameters = parameters or load_parameters()
    travel = travel_under(territory, parameters)
    ages = age_sex_by_commune(territory).sum(axis=2)
    age_starts = np.arange(ages.shape[1]) * AGE_WIDTH_YEARS
    doctors = territory.count("general_practitioner").astype(float)
    driving = np.maximum(travel.commune_minutes - parameters["terminal_minutes"], 0.0)
    np.fill_diagonal(driving, 0.0)
    people = territory.communes["population"].to_numpy(float)
    acts = parameters["gp_acts_per_year_full_activity"]
    table = territory.communes[["insee", "name", "epci", "population", "median_income_eur"]].copy()
    table["share_75_plus"] = ages[:, age_starts >= 75].sum(axis=1) / ages.sum(axis=1)
    table["general_practitioners"] = doctors.astype(int)
    table["gp_minutes"] = nearest_minutes(travel.commune_minutes, doctors > 0)
    table["pharmacy_minutes"] = nearest_minutes(travel.commune_minutes, territory.count("pharmacy") > 0)
    table["emergency_minutes"] = nearest_minutes(travel.site_minutes, territory.sites["has_emergency"].to_numpy(bool))
    table["apl"] = apl(
        ages,
        by_age(parameters, "gp_acts_per_year", age_starts.astype(float)),
        doctors * acts,
        driving,
        mean_consumption=parameters["gp_acts_per_capita_year[model default]"],
    )
    table["gp_catchment"] = two_step_floating_catchment(
        people, doctors * PER_1_000, driving, parameters["gp_reach_minutes"]
    )
    return table


def nearest_minutes(minutes: np.ndarray, is_there: np.ndarray) -> np.ndarray:
    """Return the minutes to the nearest place that has something, shape (n,); NaN where none has."""
    if not np.any(is_there):
        return np.full(len(minutes), np.nan)
    return minutes[:, is_there].min(axis=1)


@dataclass(frozen=True)
class Figure:
    """One static figure of a territory.

    Parameters
    ----------
    rests_on : what the pack does not tell and this figure needs: names of items of its completeness.
    reference : the same figure elsewhere, NaN where none is registered.
    """

    name: str
    unit: str
    value: float
    reference: float = np.nan
    rests_on: tuple[str, ...] = ()


def territory_figures(territory: Territory, parameters: Parameters | None = None) -> list[Figure]:
    """Return what the data of a pack say of the whole territory, before any simulation; means are over inhabitants."""
    parameters = parameters or load_parameters()
    communes = commune_figures(territory, parameters)
    items = completeness(territory)
    people = communes["population"].to_numpy(float)
    doctors = communes["general_practitioners"].to_numpy()
    lacking = {item.name for item in items if not item.is_complete}
    specialists = sum(int(territory.count(name).sum()) for name in SPECIALTIES)

    def figure(name: str, unit: str, value: float, *needs: str, reference: float = np.nan) -> Figure:
        return Figure(name, unit, float(value), reference, tuple(need for need in needs if need in lacking))

    def mean(column: str) -> float:
        values = communes[column].to_numpy(float)
        is_known = ~np.isnan(values)
        return float(np.average(values[is_known], weights=people[is_known])) if is_known.any() else np.nan

    low, high = (_quantile(communes["apl"].to_numpy(), people, level) for level in (0.1, 0.9))
    area = territory.communes["area_km2"]
    return [
        figure("people", "inhabitants", people.sum()),
        figure("communes", "communes", len(communes)),
        figure("density", "inhabitants/km2", people.sum() / area.sum() if area.notna().all() else np.nan),
        figure("share_75_plus", "share", mean("share_75_plus"), "ages by commune"),
        figure("median_income", "EUR", mean("median_income_eur"), "incomes"),
        figure("general_practitioners", "doctors", doctors.sum()),
        figure(
            "gp_density",
            "per 100,000",
            PER_100_000 * doctors.sum() / people.sum(),
            reference=parameters["gp_density_per_100k"],
        ),
        figure("people_without_gp_in_commune", "share", people[doctors == 0].sum() / people.sum()),
        figure("specialists", "doctors", specialists),
        figure("specialist_density", "per 100,000", PER_100_000 * specialists / people.sum()),
        figure("gp_minutes", "minutes", mean("gp_minutes"), "roads", "areas"),
        figure("pharmacy_minutes", "minutes", mean("pharmacy_minutes"), "roads", "areas"),
        figure("emergency_minutes", "minutes", mean("emergency_minutes"), "roads", "areas"),
        figure("apl", "acts/standardised inhabitant/year", mean("apl"), "roads", "ages by commune"),
        figure("apl_d9_over_d1", "ratio", high / low if low > 0 else np.nan, "roads", "ages by commune"),
        figure("apl_gini", "index", gini(communes["apl"], people), "roads", "ages by commune"),
        figure("gp_catchment", "doctors per 1,000", mean("gp_catchment"), "roads"),
        figure("completeness", "share", score(items)),
    ]


def _quantile(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Return the value below which a share of the weight lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(reached, level)])
