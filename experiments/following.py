"""How is a comparison coming on? A count of its runs, and what the finished replications say so far.

Owns what is told while runs are made; decides nothing. What it says is read from the runs that are over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.pairing import interval
from experiments.progress import Rate
from experiments.run_tables import file_of, read_runs
from experiments.table import DONE, FAILED, PENDING
from experiments.terminal import Progress

if TYPE_CHECKING:
    import pandas as pd

    from experiments.batch import RunSpec
    from experiments.comparison_plan import Plan

SHOWN = ("time_to_care_days.gp", "days"), ("spend_per_head_eur", "EUR a head and year")
FEWEST = 2  # replications that say something of chance
DIGITS = 3


class Following:
    """Tells of the runs of a comparison as they come.

    Parameters
    ----------
    specs : all its runs.
    """

    def __init__(self, plan: Plan, specs: Sequence[RunSpec], folder: Path, progress: Progress) -> None:
        self.plan, self.folder, self.progress, self.rate = plan, folder, progress, Rate()
        self._specs: dict[int, list[RunSpec]] = {}
        for spec in specs:
            self._specs.setdefault(spec.seed, []).append(spec)
        self._whole = {seed for seed in self._specs if self._is_whole(seed)}
        self._values: dict[int, pd.DataFrame] = {}

    def _is_whole(self, seed: int) -> bool:
        return all(file_of(self.folder, spec).exists() for spec in self._specs[seed])

    def note(self, over: int, total: int) -> None:
        """Tell the count, and the differences so far when one more replication is whole."""
        counts = {DONE: over, FAILED: 0, PENDING: total - over}
        self.progress.share(over, total, f"{over} of {total} runs are over", self.rate.words(counts))
        new = [seed for seed in self._specs if seed not in self._whole and self._is_whole(seed)]
        self._whole.update(new)
        if new and len(self._whole) >= FEWEST and over < total:
            self.progress.say("\n".join(self._so_far()))

    def _values_of(self, seed: int) -> pd.DataFrame:
        """Return what is shown of the runs of a replication, columns scenario, seed, name, value."""
        names = [name for name, _ in SHOWN]
        files = [({"scenario": json.loads(spec.scenario)["name"], "seed": seed}, file_of(self.folder, spec))
                 for spec in self._specs[seed]]  # fmt: skip
        runs = read_runs(files)
        is_shown = (runs["table"] == "indicator") & (runs["kind"] == "all") & (runs["period"] == "all")
        return runs.loc[is_shown & runs["name"].isin(names), ["scenario", "seed", "name", "value"]]

    def _so_far(self) -> list[str]:
        """Return one line a policy: differences over the whole replications."""
        import pandas as pd

        for seed in sorted(self._whole - set(self._values)):
            self._values[seed] = self._values_of(seed)
        rows = pd.concat([self._values[seed] for seed in sorted(self._whole)], ignore_index=True)
        lines = [f"After {len(self._whole)} of {len(self._specs)} replications:"]
        for policy in self.plan.policies:
            told = []
            for name, unit in SHOWN:
                wide = rows[rows["name"] == name].pivot(index="seed", columns="scenario", values="value")
                found = interval(wide[policy] - wide[self.plan.reference])
                told.append(f"{found.mean:+.{DIGITS}f} ({found.low:.{DIGITS}f} to {found.high:.{DIGITS}f}) {unit}")
            lines.append(f"  {policy}: {'; '.join(told)}")
        return lines
