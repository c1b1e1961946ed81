"""How many people begin therapeutic patient education, and how many go through with it?

Owns the reading of the log of participations. A participation is dated by the evening on which a place was accepted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import Block, Cells, Events, Ints, Run, Strata, ratio, with_whole
from abm.state import EducationStage, Kind

PER_PEOPLE = 1000.0
ANY_KIND = int(Kind.GP_FOLLOW_UP)  # events are counted by kind of need; participations are all of one


class Participations(Events):
    """Some rows of the log of patient education; columns are those of PARTICIPATION."""

    def __init__(self, run: Run, rows: NDArray) -> None:
        super().__init__(run, rows, "started_on")

    def _taken(self, name: str) -> NDArray:
        """Take a column at these rows."""
        if name == "kind":
            return np.full(self.rows.size, ANY_KIND, np.uint8)
        return np.ascontiguousarray(self.run.records.education[name][self.rows])

    def count(self, strata: Strata, which: NDArray | None = None) -> Ints:
        """Count them, or those for which `which` is true, shape (strata, 1 + years)."""
        return with_whole(Cells(self, strata, self.run.years).count(which)[ANY_KIND])


def education(run: Run, kind: str) -> Iterator[Block]:
    """Yield participations begun per 1,000 person-years, and the share of those that have ended that were completed.

    Who died or moved away before the last session did not complete; courses that go on when the run ends are left out.
    """
    log, strata = run.records.education, run.strata(kind)
    begun = Participations(run, np.flatnonzero((log.started_on >= run.first) & (log.started_on < run.end)))
    n_begun, lived = begun.count(strata), with_whole(run.person_years(kind))
    yield Block(
        "education_starts_per_1000", "per 1,000/year", kind, strata.labels, PER_PEOPLE * ratio(n_begun, lived), n_begun
    )
    n_ended = begun.count(strata, begun.stage != EducationStage.IN_COURSE)
    n_completed = begun.count(strata, begun.stage == EducationStage.COMPLETED)
    yield Block("education_completed_share", "share", kind, strata.labels, ratio(n_completed, n_ended), n_ended)
