"""What does a diagnosis say on one screen? Owns that screen, and the diagnosis as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.diagnosis_report import answers
from experiments.screens import table
from experiments.store import to_json
from experiments.terminal import console

if TYPE_CHECKING:
    from experiments.diagnosing import Diagnosis


def show(found: Diagnosis, file: Path, language: str) -> None:
    """Print what comes first by each aim, and where the rest is."""
    out = console()
    out.print(found.territory.title, style="bold")
    for text in answers(found, language):
        out.print(text, soft_wrap=True)
    lines = table("aim", "rank", "intervention", "per 1,000 EUR", "95 % interval", "price, EUR",
                  numbers=("rank", "per 1,000 EUR", "price, EUR"))  # fmt: skip
    ranked = found.tables["ranking"]
    for row in ranked[ranked["rank"] > 0].to_dict("records"):
        ends = f"{row['low']:.4g} … {row['high']:.4g}"
        price = f"{row['price_eur']:,.0f}"
        lines.add_row(row["aim"], str(row["rank"]), row["scenario"], f"{row['per_1000_eur']:.4g}", ends, price)
    if lines.row_count:
        out.print(lines)
    for error in found.comparison.errors:
        out.print(f"failed: {error}")
    out.print(f"{file}: the whole diagnosis; tables as CSV beside it", soft_wrap=True)


def as_json(found: Diagnosis) -> str:
    """Return every table of a diagnosis as JSON."""
    tables = {
        name: one.astype(object).where(one.notna(), None).to_dict("records") for name, one in found.tables.items()
    }
    return to_json({"folder": str(found.folder), "errors": list(found.comparison.errors), **tables})
