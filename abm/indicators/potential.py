"""How much general practice can each commune reach, whatever people do with it?

Owns the potential accessibility of the simulated supply: the APL and the plain floating catchment. The formulas are
those of `abm.environment.access`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abm.environment.access import apl, two_step_floating_catchment
from abm.indicators.counting import Block, Floats, Ints, Run, completed_years, ratio, weighted_quantile
from abm.indicators.practices import full_time_of, rows_of_practices, spans_of
from abm.population import DAYS_A_YEAR

PER_INHABITANTS = 1000.0


def potential_access(run: Run) -> Iterator[Block]:
    """Yield the APL (mean over people, ratio of the 9th to the 1st decile of people, by commune) and the catchment."""
    labels = run.person_tables["commune"][0]
    people = np.stack([_people(run, (first + end) // 2).sum(axis=1) for first, end in spans_of(run)], axis=1)
    by_commune = {
        ("apl", "acts/standardised inhabitant/year"): np.stack([apl_of(run, *s) for s in spans_of(run)], axis=1),
        ("two_step_catchment", "FTE/1,000 inhabitants"): np.stack(
            [catchment_of(run, *s) for s in spans_of(run)], axis=1
        ),
    }
    heads = people.sum(axis=0, keepdims=True)
    for (name, unit), value in by_commune.items():
        mean = ratio((value * people).sum(axis=0, keepdims=True), heads)
        yield Block(name, unit, "all", ("all",), mean, heads)
        yield Block(name, unit, "commune", labels, value, people)
    deciles = [
        _d9_over_d1(value, number) for value, number in zip(next(iter(by_commune.values())).T, people.T, strict=True)
    ]
    yield Block("apl_d9_over_d1", "ratio", "all", ("all",), np.array([deciles]), heads)


def apl_of(run: Run, first: int, end: int) -> Floats:
    """Return the APL of each commune over a span of days, shape (c,).

    Supply is the time of all sessions of a practice over the length of its ordinary visit; people are those simulated,
    in the middle of the span; an inhabitant is standardised by the national acts per head, so that levels compare with
    published ones. Practices outside the territory are not counted: the edge looks worse than it is.
    """
    parameters, rows = run.setting.parameters, rows_of_practices(run)
    seconds = run.records.offered[rows, first:end].sum(axis=1, dtype=np.int64)
    acts = seconds / np.maximum(run.records.providers.visit_seconds[rows], 1) * DAYS_A_YEAR / max(end - first, 1)
    return apl(
        _people(run, (first + end) // 2),
        list(_consumption(run).values()),
        acts,
        driving_minutes(run)[:, run.records.providers.place[rows]],
        mean_consumption=parameters["gp_acts_per_capita_year[model default]"],
    )


def catchment_of(run: Run, first: int, end: int) -> Floats:
    """Return full-time general practitioners per 1,000 inhabitants by floating catchments of equal weight, shape (c,).

    The catchment is `gp_reach_minutes` by car, the minutes to start and park not counted.
    """
    parameters, rows = run.setting.parameters, rows_of_practices(run)
    full_time = full_time_of(run, first, end)
    minutes = driving_minutes(run)[:, run.records.providers.place[rows]]
    people = _people(run, (first + end) // 2).sum(axis=1)
    supply = full_time * run.setting.scenario.scale * PER_INHABITANTS
    return two_step_floating_catchment(people, supply, minutes, parameters["gp_reach_minutes"])


def driving_minutes(run: Run) -> Floats:
    """Return minutes between communes as the APL counts them, shape (c, c): 0 within one, without start and parking."""
    minutes = np.maximum(run.setting.travel.commune_minutes - run.setting.parameters["terminal_minutes"], 0.0)
    np.fill_diagonal(minutes, 0.0)
    return minutes


def _consumption(run: Run) -> dict[int, float]:
    """Return acts a year by first age of the band, as registered."""
    family = run.setting.parameters.matching("gp_acts_per_year")
    ages = {name.removeprefix("age="): value for name, value in family.items() if name.startswith("age=")}
    return {int(name.rstrip("+").split("-")[0]): value for name, value in ages.items()}


def _people(run: Run, day: int) -> Ints:
    """Count people by commune and age band of `_consumption` on a day, shape (c, bands)."""
    starts = list(_consumption(run))
    people = run.people_on(day)
    band = np.searchsorted(starts, completed_years(day - run.birth_day[people]), side="right") - 1
    index = run.commune[people].astype(np.int64) * len(starts) + band
    return np.bincount(index, minlength=run.n_communes * len(starts)).reshape(run.n_communes, len(starts))


def _d9_over_d1(access: Floats, people: Ints) -> float:
    """Return the ninth over the first decile of people by access; NaN where a tenth of them has none."""
    lowest, highest = (weighted_quantile(access, people, level) for level in (0.1, 0.9))
    return highest / lowest if lowest > 0 else float("nan")
