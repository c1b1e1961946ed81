"""The same figures month by month, and commune by commune.

Owns `monthly` and `communes_table`, for figures and maps; every number is counted as in the table of indicators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.agents.registration import ADULT_FROM_AGE_YEARS
from abm.indicators.counting import Block, Cells, Run, Strata, ratio, tally_mean, tally_quantile
from abm.indicators.delays import lead_days, lead_times, request_outcomes, times_to_care
from abm.indicators.equity import amounts, deals
from abm.indicators.network import monthly_network
from abm.indicators.potential import apl_of, catchment_of
from abm.indicators.practices import rows_of_practices
from abm.indicators.spend import spend_per_head
from abm.indicators.unmet import forgone_care
from abm.indicators.use import VIDEO, acts_per_head, emergency_visits, is_channel, travel
from abm.state import NOBODY, Kind, Outcome

if TYPE_CHECKING:
    from abm.records import Records


def monthly(records: Records) -> pd.DataFrame:
    """Return a table with one row a month of the horizon and need.

    Returns
    -------
    month (date of its first day), need, requests, given, lead_time_mean_days, lead_time_median_days (of those given),
    one column for each outcome (served, missed, withdrawn, forgone, diverted, open), all by the month of *asking*;
    acts and teleconsultations by the month of the visit. Emergency visits are the need `emergency`: acts only. The care
    network's curve (professionals_in_network, patients_reached, patients_enrolled, gp_in_network_share,
    enrolled_share) is the same for every need.
    """
    run = Run(records)
    everybody = run.strata("all")
    columns = _monthly_counts(run, everybody)
    lead = lead_days(run.given)
    days = np.arange(int(lead.max(initial=0)) + 1)
    tally = Cells(run.given, everybody, run.months).tally(lead, days.size)
    emergencies = Cells(run.emergencies, everybody, run.months).count().sum(axis=(0, 1))
    frames = []
    for need, kinds in run.needs.items():
        counts = {name: column[list(kinds), 0].sum(axis=0) for name, column in columns.items()}
        leads = tally[list(kinds), 0].sum(axis=0)
        counts["lead_time_mean_days"] = tally_mean(leads, days)
        counts["lead_time_median_days"] = tally_quantile(leads, days, 0.5)
        frames.append(_months_frame(run, need, counts))
    nothing = {name: np.zeros_like(emergencies) for name in columns}
    unknown = dict.fromkeys(("lead_time_mean_days", "lead_time_median_days"), np.full(emergencies.size, np.nan))
    frames.append(_months_frame(run, "emergency", nothing | unknown | {"acts": emergencies}))
    table = pd.concat(frames, ignore_index=True).sort_values("month", kind="stable", ignore_index=True)
    curve = {name: np.repeat(column, len(frames)) for name, column in monthly_network(run).items()}
    return table.assign(**curve)


def _monthly_counts(run: Run, everybody: Strata) -> dict[str, NDArray]:
    """Return counts by kind, stratum and month."""
    requests, visits = run.requests, run.visits
    asked, held = Cells(requests, everybody, run.months), Cells(visits, everybody, run.months)
    outcomes = {o.name.lower(): asked.count(requests.outcome == o) for o in (*list(Outcome)[1:], Outcome.OPEN)}
    return {
        "requests": asked.count(),
        "given": asked.count(requests.appointment_on >= 0),
        **outcomes,
        "acts": held.count(),
        "teleconsultations": held.count(is_channel(visits, VIDEO)),
    }


def _months_frame(run: Run, need: str, columns: dict[str, NDArray]) -> pd.DataFrame:
    order = ["requests", "given", "lead_time_mean_days", "lead_time_median_days", "served", "missed", "withdrawn",
             "forgone", "diverted", "open", "acts", "teleconsultations"]  # fmt: skip
    month = pd.to_datetime(list(run.months.labels))
    return pd.DataFrame({"month": month, "need": need, **{name: columns[name] for name in order}})


def communes_table(records: Records) -> pd.DataFrame:
    """Return a table with one row a commune of the territory, in its order, over the whole horizon.

    Returns
    -------
    insee, name, epci, population (people simulated), requests.gp, lead times and time to care (days), outcomes of
    requests to general practice (shares), travel (minutes, one way), acts, emergency visits and euros spent per head
    and year, APL, floating catchment (full-time doctors per 1,000), minutes to the nearest practice, share of adults
    without one.
    NaN where there is nobody to take a mean over.
    """
    run = Run(records)
    communes, strata = run.setting.territory.communes, run.strata("commune")
    middle = (run.first + run.end) // 2
    table = pd.DataFrame({name: communes[name].to_numpy() for name in ("insee", "name", "epci")})
    table["population"] = run.heads("commune", middle)
    table["requests.gp"] = _requests_to_practices(run)
    figures = {block.indicator: block.value[:, 0] for block in _blocks_of_communes(run, strata)}
    figures["apl"] = apl_of(run, run.first, run.end)
    figures["two_step_floating_catchment"] = catchment_of(run, run.first, run.end)
    figures["minutes_to_nearest_gp"] = _minutes_to_nearest(run)
    figures["adults_without_gp_share"] = _adults_without_gp(run)
    figures["median_income_eur"] = communes["median_income_eur"].to_numpy(np.float64)
    run.let_go()
    (dealt,) = deals(run, 1)
    figures |= {f"{amount.column}.permuted": amount.means(dealt, run.n_communes) for amount in amounts(run)}
    return pd.concat([table, pd.DataFrame(figures)], axis=1)


def _blocks_of_communes(run: Run, strata: Strata) -> Iterator[Block]:
    """Yield the indicators of the table, one kind of event after another: only one lies in memory at a time."""
    yield from lead_times(run, strata, ("gp",))
    run.let_go()
    yield from times_to_care(run, strata, ("gp",))
    yield from request_outcomes(run, strata, ("gp",))
    run.let_go()
    yield from forgone_care(run, ("commune",))
    run.let_go()
    yield from travel(run, strata, "gp", mean_only=True)
    yield from travel(run, strata, "specialist", mean_only=True)
    yield from acts_per_head(run, strata)
    run.let_go()
    yield from emergency_visits(run, strata)
    yield from spend_per_head(run, strata, total_only=True)


def _requests_to_practices(run: Run) -> NDArray[np.int64]:
    to_practice = run.requests.commune[run.requests.kind < Kind.EMERGENCY]
    return np.bincount(to_practice, minlength=run.n_communes)


def _minutes_to_nearest(run: Run) -> NDArray[np.float64]:
    """Return the trip to the nearest practice of each commune, start and parking included; infinite without any."""
    places = run.records.providers.place[rows_of_practices(run)]
    return run.setting.travel.commune_minutes[:, places].min(axis=1, initial=np.inf)


def _adults_without_gp(run: Run) -> NDArray[np.float64]:
    people = run.people_on(max(run.end - 1, 0), lambda age_years: age_years >= ADULT_FROM_AGE_YEARS)
    without = run.records.patients.registered_gp[people] == NOBODY
    commune = run.commune[people]
    counts = [np.bincount(rows, minlength=run.n_communes) for rows in (commune[without], commune)]
    return ratio(*counts)
