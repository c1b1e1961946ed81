"""Which stays in hospital count, whose are they, and when?

Owns the reading of the log of stays as events, so that they are counted by stratum and year like any other. Computes no
indicator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import Cells, Events, Floats, Ints, Run, Strata, with_whole
from abm.state import NOBODY, Kind


class Stays(Events):
    """Some rows of the log of stays, dated by admission; columns are those of STAY.

    Parameters
    ----------
    rows : row numbers in `run.records.stays`, shape (r,).
    """

    def __init__(self, run: Run, rows: NDArray) -> None:
        super().__init__(run, rows, "admitted_on")

    def _taken(self, name: str) -> NDArray:
        """Take a column at these rows; all of them are of one kind of need."""
        if name == "kind":
            return np.full(self.rows.size, Kind.STAY, np.uint8)
        return np.ascontiguousarray(self.run.records.stays[name][self.rows])

    def where(self, keep: NDArray) -> Stays:
        """Return the stays for which `keep` is true."""
        return Stays(self.run, self.rows[keep])

    @property
    def nights(self) -> NDArray[np.int64]:
        """Nights of each stay, shape (r,); as planned where it was not over when the run ended."""
        return self.leaves_on.astype(np.int64) - self.admitted_on

    @property
    def is_overnight(self) -> NDArray[np.bool_]:
        """Tell which stays are more than a day case, shape (r,)."""
        return self.run.records.causes.is_day_case[self.cause] == 0

    def of_causes(self, rows: tuple[int, ...]) -> Stays:
        """Return the stays for one of these causes, rows of `run.records.causes`."""
        return self.where(np.isin(self.cause, rows))

    def count(self, strata: Strata, which: NDArray | None = None) -> Ints:
        """Count the stays, or those for which `which` is true, shape (strata, 1 + years)."""
        return with_whole(Cells(self, strata, self.run.years).count(which)[Kind.STAY])

    def total(self, strata: Strata, amounts: NDArray) -> Floats:
        """Sum an amount a stay, shape (strata, 1 + years)."""
        return with_whole(Cells(self, strata, self.run.years).total(amounts)[Kind.STAY])


def residents_stays(run: Run) -> Stays:
    """Return the stays of people of the territory that began within the horizon, day cases and transfers included."""
    log = run.records.stays
    inside = (log.admitted_on >= run.first) & (log.admitted_on < run.end)
    return Stays(run, np.flatnonzero(inside & (log.patient != NOBODY)))


def causes_of(run: Run, condition: str, events: tuple[str, ...] | None = None) -> tuple[int, ...]:
    """Return the rows of the causes that belong to a condition, or to some events of it, by name."""
    names = [name.partition(".") for name in run.setting.causes]
    return tuple(
        row for row, (of, _, event) in enumerate(names) if of == condition and (event in events if events else event)
    )
