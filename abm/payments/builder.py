"""From the tariff table, the registry and the frozen background to the arrays that the rules of payment read.

Owns the columns of the world that have to do with money, at their start. Every number comes from the registry, from
`tariffs.csv` or from `background.csv` by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import InputError
from abm.memory import zero_rows, zeros
from abm.payments.background import FILE, MONTHS_A_YEAR, Background, load_background
from abm.payments.tables import BACKGROUND, CARE_PAYERS, COVERS, Account, Category
from abm.payments.tariffs import CENTS_A_EURO, load_tariffs, tariff_table
from abm.settings import BAND_STARTS
from abm.state import ACCOUNT, COVER, Kind, Payer

if TYPE_CHECKING:
    from abm.calendar import Calendar
    from abm.parameters import Parameters
    from abm.scenario import Scenario

MINUTES_AN_HOUR = 60.0
ROUNDING = 1e-9


def payment_columns(
    parameters: Parameters,
    calendar: Calendar,
    specialties: Sequence[str],
    conditions: Sequence[str],
    *,
    n_people: int,
    n_providers: int,
    n_sites: int,
    breaks: Sequence[int] = (),
) -> dict[str, Any]:
    """Return the columns of the world that payments read and write, by name.

    Parameters
    ----------
    conditions : names, in the order of the bits of `patients.conditions`.
    n_people, n_providers, n_sites : rows of the tables (spare ones included).
    breaks : days on which a ledger month and a spending year begin besides those of the calendar: see `breaks_of`.

    Raises
    ------
    InputError
        A tariff is missing on the first day, names an unknown number, or shares add up to more than one.
    """
    months, years = ledger_months(calendar, breaks), spending_years(calendar, breaks)
    n_months, n_categories = int(months[-1]) + 1, len(Category)
    n_accounts = n_providers + n_sites + len(Account)
    background = load_background()
    shares = background_shares(parameters)
    direct = [parameters.get(f"payers_direct_access[{name}]", 0.0) for name in specialties]
    return {
        "accounts": zero_rows(n_people, ACCOUNT),
        "tariffs": tariff_table(load_tariffs(specialties), specialties, calendar, parameters),
        "cover": cover_row(parameters, background),
        "direct_access": np.array([0.0] * int(Kind.FIRST_SPECIALTY) + direct).astype(np.uint8),
        "background_shares": shares,
        "cover_shares": np.ascontiguousarray(shares.sum(axis=1)),
        **background_levels(parameters, background, conditions),
        "ledger_month_of": months,
        "spending_year_of": years,
        "spend_cents": zeros((int(years[-1]) + 1, n_people, CARE_PAYERS), np.int32),
        "billed": np.zeros((n_months, n_categories), np.int64),
        "paid": np.zeros((n_months, n_categories, len(Payer)), np.int64),
        "received": np.zeros((n_months, n_categories, n_accounts), np.int64),
    }


def breaks_of(scenario: Scenario) -> tuple[int, int, int]:
    """Return the days on which the horizon begins, has ended, and the run has ended."""
    end = scenario.warm_up_days + scenario.days
    return scenario.warm_up_days, end, end + scenario.follow_up_days


def ledger_months(calendar: Calendar, breaks: Sequence[int] = ()) -> NDArray[np.int16]:
    """Return the month of the ledger of each day, from 0 on, shape (t,): calendar months, cut at `breaks`."""
    return _numbered(calendar.is_first_of_month, breaks)


def spending_years(calendar: Calendar, breaks: Sequence[int] = ()) -> NDArray[np.int16]:
    """Return the year of `spend_cents` of each day, from 0 on, shape (t,): calendar years, cut at `breaks`."""
    return _numbered(np.diff(calendar.year, prepend=calendar.year[:1]) > 0, breaks)


def _numbered(begins: NDArray[np.bool_], breaks: Sequence[int]) -> NDArray[np.int16]:
    starts = begins.copy()
    starts[[day for day in breaks if 0 < day < starts.size]] = True
    starts[0] = False
    return np.cumsum(starts).astype(np.int16)


def cover_row(parameters: Parameters, background: Background) -> np.recarray:
    """Return how a bill is shared, rows COVER, shape (1,)."""
    rows = np.zeros(1, COVER).view(np.recarray)
    row = rows[0]
    row.share_compulsory = parameters["cost_sharing_AMO_rate[consultation]"]
    row.share_compulsory_hospital = parameters["cost_sharing_AMO_rate[hospital]"]
    row.share_compulsory_transport = parameters["transport_reimbursement_rate"]
    row.share_local = parameters["regime_local_rate[consultation]"] - row.share_compulsory
    if row.share_local < 0:
        raise InputError("'regime_local_rate[consultation]' is below 'cost_sharing_AMO_rate[consultation]'")
    row.local_of_stay = parameters["regime_local_share[hospital]"]
    row.local_of_emergency_fee = parameters["regime_local_share[emergency_fee]"]
    row.local_of_transport = parameters["regime_local_share[transport]"]
    row.share_lost_outside_pathway = parameters["payers_share_lost_outside_pathway"]
    row.pathway_from_age_years = parameters["payers_pathway_from_age_years"]
    row.participation_from_age_years = parameters["payers_participation_from_age_years"]
    row.participation_cap_cents = parameters["participation_forfaitaire_cap"] * CENTS_A_EURO
    row.heavy_act_from_cents = parameters["payers_heavy_act_from_eur"] * CENTS_A_EURO
    row.full_cover_after_days = parameters["payers_full_cover_after_days"]
    row.fee_days_beyond_nights = parameters["payers_hospital_fee_days_beyond_nights"]
    row.c2s_share_of_poorest = parameters["c2s_share_of_poorest_fifth"]
    row.excess_share = parameters["specialist_excess_fee_share"]
    row.transport_share_stay = parameters["transport_paid_share[stay]"]
    row.transport_share_ald = parameters["transport_paid_share[ald_specialist]"]
    row.tele_expertise_a_year = parameters["payers_tele_expertise_a_year"]
    row.km_in_start_fee = parameters["transport_km_in_start_fee"]
    row.km_per_minute = parameters["transport_speed_kmh"] / MINUTES_AN_HOUR
    row.prescription_response = parameters["prescription_response"] * prescribed_share(parameters, background)
    row.spend_sigma = np.sqrt(np.log1p(background.factor_variance(parameters["individual_cost_cv"])))
    return rows


def prescribed_share(parameters: Parameters, background: Background) -> float:
    """Return the share of background spend that is prescribed at visits: so many euros an act, at most all of it."""
    if background.mean_eur <= 0.0:
        return 0.0
    return min(1.0, parameters["prescriptions_per_act_eur"] * background.mean_acts / background.mean_eur)


def background_levels(
    parameters: Parameters, background: Background, conditions: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return cents and visits a month by age band, sex and conditions (bits), shape (a, 2, 2**m) each."""
    if background.first_ages != BAND_STARTS:
        raise InputError(f"found bands from ages {background.first_ages}, expected {BAND_STARTS}", file=FILE)
    cents = parameters["background_factor"] * CENTS_A_EURO / MONTHS_A_YEAR
    more_eur = [background.eur_by_condition.get(name, 0.0) for name in conditions]
    more_acts = [background.acts_by_condition.get(name, 0.0) for name in conditions]
    return {
        "background_cents": _with_conditions(background.eur, more_eur) * cents,
        "background_acts": _with_conditions(background.acts, more_acts) / MONTHS_A_YEAR,
    }


def _with_conditions(base: NDArray[np.float64], more: Sequence[float]) -> NDArray[np.float64]:
    """Return amounts of shape (a, 2) with those of each set of conditions on top, shape (a, 2, 2**m)."""
    bits = (np.arange(1 << len(more))[:, None] >> np.arange(len(more))) & 1
    return base[:, :, None] + bits @ np.array(more, np.float64)


def background_shares(parameters: Parameters) -> NDArray[np.float64]:
    """Return who pays which part of background spend, shape (covers, headings, payers of care); each cover sums to 1.

    Parameters
    ----------
    parameters : `background_split`, divided by its sum; `background_share_compulsory` and `background_share_local`.

    Notes
    -----
    A cover is a number of three bits: long-term status (all is paid by the compulsory insurance), régime local,
    complementary cover (pays what is left, else the patient).
    """
    shares = np.zeros((COVERS, len(BACKGROUND), CARE_PAYERS))
    names = [category.name.lower() for category in BACKGROUND]
    split = np.array([parameters[f"background_split[{name}]"] for name in names])
    compulsory = np.array([parameters[f"background_share_compulsory[{name}]"] for name in names])
    topped_up = np.array([parameters[f"background_share_local[{name}]"] for name in names])
    if (compulsory + topped_up > 1.0 + ROUNDING).any():
        worst = names[int(np.argmax(compulsory + topped_up))]
        raise InputError(f"'background_share_compulsory[{worst}]' and 'background_share_local[{worst}]' exceed 1")
    for cover in range(COVERS):
        has_ald, has_local, has_complementary = cover & 4, cover & 2, cover & 1
        paid = np.ones(len(names)) if has_ald else compulsory
        local = topped_up if has_local and not has_ald else np.zeros(len(names))
        left = np.maximum(0.0, 1.0 - paid - local)
        shares[cover, :, Payer.COMPULSORY], shares[cover, :, Payer.LOCAL] = paid, local
        shares[cover, :, Payer.COMPLEMENTARY if has_complementary else Payer.PATIENT] = left
    return shares * (split / split.sum())[None, :, None]
