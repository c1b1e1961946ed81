"""Is the model right where it can be solved exactly? Every check beside its closed form, with z-scores and a verdict.

Owns how far off is too far, and how the table is shown; the checks are `experiments.verification_checks`. Exact checks
may be off by rounding only. For those with luck in them, a right model fails one time in `FALSE_ALARMS` over all checks
together: each is held to its share of that, by Student's t where its error is estimated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from experiments.terminal import Progress, console

if TYPE_CHECKING:
    import pandas as pd

    from experiments.verification_checks import Check

FALSE_ALARM = 1e-3  # of all checks together
COLUMNS = ("topic", "check", "found", "expected", "error", "z", "z_limit", "allowance", "is_sound", "source")


@dataclass(frozen=True)
class Verification:
    """Every check made.

    Attributes
    ----------
    table : one row a check, columns COLUMNS; `z` and `error` are NaN where no luck is in it.
    seconds : it took, by topic.
    """

    table: pd.DataFrame
    seconds: dict[str, float]

    @property
    def is_sound(self) -> bool:
        """Whether no check failed."""
        return bool(self.table["is_sound"].all())


def verify(
    topics: Sequence[str] | None = None, *, effort: int = 1, seed: int = 0, progress: Progress | None = None
) -> Verification:
    """Make the checks of some topics, by default all.

    Parameters
    ----------
    topics : of `experiments.verification_checks.TOPICS`.
    effort : times the replications.
    seed : of every draw, >= 0.

    Raises
    ------
    InputError
        Unknown topic.
    """
    from experiments.verification_checks import TOPICS, Effort

    progress = progress or Progress()
    for name in topics or ():
        if name not in TOPICS:
            raise InputError(f"--topic: unknown topic '{name}'.{nearest(name, TOPICS)} All: {', '.join(TOPICS)}")
    _compile(progress)
    checks: list[Check] = []
    seconds = {}
    for name in dict.fromkeys(topics or TOPICS):
        progress.phase(f"Checking {name}")
        began = perf_counter()
        checks += TOPICS[name](Effort(effort, seed))
        seconds[name] = perf_counter() - began
    return Verification(judged(checks), seconds)


def _compile(progress: Progress) -> None:
    from abm.compiled import is_compiled
    from experiments.warming import NOTICE, compile_here

    if not is_compiled():
        progress.phase(NOTICE)
        compile_here()


def judged(checks: Sequence[Check]) -> pd.DataFrame:
    """Return checks as a table with their verdicts."""
    import pandas as pd

    n_with_luck = sum(check.error is not None for check in checks)
    rows = []
    for check in checks:
        limit = z_limit(n_with_luck, check.degrees) if check.error is not None else math.nan
        is_near = abs(check.found - check.expected) <= check.allowance
        is_sound = is_near if check.error is None else abs(check.z) <= limit
        error = math.nan if check.error is None else check.error
        rows.append(
            (check.topic, check.name, check.found, check.expected, error, check.z, limit, check.allowance, is_sound)
            + (check.source,)
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def z_limit(n_checks: int, degrees: float) -> float:
    """Return how many standard errors one of so many checks may be off; `degrees` of freedom of its error."""
    from scipy.stats import norm, t

    tail = FALSE_ALARM / max(n_checks, 1) / 2
    return float(norm.isf(tail) if math.isinf(degrees) else t.isf(tail, degrees))


def as_json(found: Verification) -> str:
    """Return every check for machines."""
    from experiments.store import to_json

    checks: list[dict[Any, Any]] = found.table.to_dict("records")
    return to_json({"is_sound": found.is_sound, "seconds": found.seconds, "checks": checks})


def show(found: Verification) -> None:
    """Print every check, topic by topic."""
    from experiments.screens import table as empty_table

    out = console()
    for topic, rows in found.table.groupby("topic", sort=False):
        numbers = ("found", "expected", "error", "z", "limit")
        lines = empty_table("check", *numbers, "", numbers=numbers)
        for row in rows.to_dict("records"):
            has_luck = not math.isnan(row["error"])
            error, z = (_figure(row["error"]), f"{row['z']:+.2f}") if has_luck else ("", "exact")
            limit = f"{row['z_limit']:.1f}" if has_luck else ""
            verdict, style = ("", None) if row["is_sound"] else ("FAILS", "bold")
            figures = (_figure(row["found"]), _figure(row["expected"]))
            lines.add_row(row["check"], *figures, error, z, limit, verdict, style=style)
        out.print(str(topic), style="bold")
        out.print(lines)
        out.print()
    failed = int((~found.table["is_sound"]).sum())
    total, seconds = len(found.table), sum(found.seconds.values())
    out.print(f"{total - failed} of {total} checks hold; {seconds:.0f} s", style="bold" if failed else None)
    out.print("z: standard errors off the closed form; limit: exceeded by a right model once in a thousand tables.")


def _figure(value: float) -> str:
    return f"{value:.6g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.1e}"
