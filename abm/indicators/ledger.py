"""The books of a run as a table: who paid how much to whom, month by month.

Owns the names of payers and accounts in front of a reader. Both sides of the double entry are there: amounts paid by
payer and amounts received by account come to the same sum in every month and category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abm.payments.builder import breaks_of, ledger_months
from abm.payments.tables import Account, Category
from abm.state import NOBODY, Payer

if TYPE_CHECKING:
    from abm.records import Records

PARTS = ("warm-up", "horizon", "follow-up")


def ledger_table(records: Records) -> pd.DataFrame:
    """Return the books, one row a month, category and party with an amount other than zero.

    Returns
    -------
    month (its first day; months are cut where the horizon begins and ends), part ("warm-up", "horizon" or
    "follow-up"), side ("paid" or "received"), category, party (a payer, or who received), party_kind ("payer",
    "general_practitioner", "specialist", "hospital", "pole", "account"), cents.
    """
    setting = records.setting
    months = ledger_months(setting.calendar, breaks_of(setting.scenario))
    first_days = np.unique(months, return_index=True)[1]
    starts = np.datetime64(setting.calendar.start, "D") + first_days.astype("timedelta64[D]")
    part = (first_days >= setting.first_reported_day).astype(int) + (first_days >= setting.end_of_horizon)
    payers = [(payer.name.lower(), "payer") for payer in Payer]
    frames = []
    for side, amounts, parties in (
        ("paid", records.paid, payers),
        ("received", records.received, accounts_of(records)),
    ):
        month, category, party = np.nonzero(amounts)
        names, kinds = (np.array(column, dtype=object) for column in zip(*parties, strict=True))
        frames.append(
            pd.DataFrame(
                {
                    "month": starts[month],
                    "part": np.array(PARTS, dtype=object)[part[month]],
                    "side": side,
                    "category": np.array([c.name.lower() for c in Category], dtype=object)[category],
                    "party": names[party],
                    "party_kind": kinds[party],
                    "cents": amounts[month, category, party],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def accounts_of(records: Records) -> list[tuple[str, str]]:
    """Return name and kind of every account, in the order of the columns of `received`."""
    specialties, sites = records.setting.specialties, records.setting.territory.sites
    accounts = []
    for row, specialty in enumerate(records.providers.specialty.tolist()):
        kind = "general_practitioner" if specialty == NOBODY else "specialist"
        label = kind if specialty == NOBODY else specialties[specialty]
        accounts.append((f"{label} {row}", kind))
    for name, kind in zip(sites["name"], sites["kind"], strict=True):
        accounts.append((str(name), "pole" if kind == "pole" else "hospital"))
    return accounts + [(account.name.lower(), "account") for account in Account]
