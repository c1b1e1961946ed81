"""What does `territoire compare` print? Owns the wording and layout of that screen; computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abm.indicators import HEADLINE
from experiments.answers import answers, number, title_of
from experiments.store import to_json
from experiments.terminal import console, say

if TYPE_CHECKING:
    from experiments.comparing import Comparison

SHOWN_MONEY = {
    "true_saving_eur": "saving on care, EUR",
    "action_cost_eur": "cost of the action, EUR",
    "net_saving_eur": "net saving, EUR",
    "probability_of_saving": "probability of a saving",
    "quality_adjusted_days_per_resident": "quality-adjusted days a resident",
    "icer_eur": "EUR per quality-adjusted year",
}
MOST_ERRORS = 3


def show(found: Comparison) -> None:
    """Print the answer of each policy, then its differences from the reference."""
    from rich.table import Table

    screen, facts = console(), found.facts
    replications = facts["replications"]
    screen.print(f"Compared with '{facts['reference']}' in {facts['territory']}, {replications} replication(s)")
    told = answers(found.tables, facts)
    for policy in told:
        screen.print()
        for sentence in told[policy]:
            screen.print(sentence, soft_wrap=False)
        table = Table(box=None, pad_edge=False)
        for header, side in (("", "left"), (facts["reference"], "right"), (policy, "right"), ("difference", "right"),
                             ("95 % interval", "right"), ("", "left")):  # fmt: skip
            table.add_column(header, justify=side)  # type: ignore[arg-type]
        for row in _difference_rows(found, policy):
            table.add_row(*row)
        for row in _money_rows(found, policy):
            table.add_row(*row)
        screen.print(table)
    screen.print(f"\nTables, runs: {found.folder}. Report: territoire report {found.folder}")
    tell_errors(found)


def tell_errors(found: Comparison) -> None:
    """Say on standard error which runs failed."""
    for error in found.errors[:MOST_ERRORS]:
        say(f"failed: {error}")
    if len(found.errors) > MOST_ERRORS:
        say(f"and {len(found.errors) - MOST_ERRORS} more runs failed")


def _difference_rows(found: Comparison, policy: str) -> list[tuple[str, ...]]:
    all_rows = found.tables["differences"]
    table: Any = all_rows[all_rows["scenario"] == policy].set_index("indicator")
    return [
        (
            name,
            _short(table.at[name, "reference_mean"]),
            _short(table.at[name, "mean"]),
            _short(table.at[name, "difference"]),
            f"{_short(table.at[name, 'low'])} to {_short(table.at[name, 'high'])}",
            "" if table.at[name, "is_seen"] else "not seen",
        )
        for name in HEADLINE
        if name in table.index
    ]


def _money_rows(found: Comparison, policy: str) -> list[tuple[str, ...]]:
    table: Any = found.tables.get("economics")
    if table is None:
        return []
    rows = table[(table["scenario"] == policy) & table["measure"].isin(list(SHOWN_MONEY)) & table["value"].notna()]
    return [
        (
            SHOWN_MONEY[row.measure],
            "",
            "",
            _short(row.value),
            "" if row.low != row.low else f"{_short(row.low)} to {_short(row.high)}",
            "",
        )
        for row in rows.itertuples()
    ]


def _short(value: float) -> str:
    """Return a number with about four digits."""
    size = abs(value)
    return number(value, 0 if size >= 1000 or size != size else 1 if size >= 100 else 2 if size >= 1 else 4)


def as_json(found: Comparison) -> str:
    """Return the facts, the answers and the tables as JSON."""
    kept: dict[str, Any] = {key: value for key, value in found.facts.items() if key not in ("runs", "scenarios")}
    kept["titles"] = {name: title_of(name, found.facts) for name in found.facts["policies"]}
    kept["answers"] = answers(found.tables, found.facts)
    kept["tables"] = {name: table.to_dict("records") for name, table in found.tables.items() if name != "strata"}
    return to_json(kept)
