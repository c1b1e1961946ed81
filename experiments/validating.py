"""Does the model say what has been observed? Every target beside what runs of the model give.

Owns the runs that this takes (a batch that can be interrupted and goes on), the mean and interval over them, and the
verdicts. What a run says to a target is `calibration.patterns`; how it is shown, `experiments.validation_views`. Tunes
nothing: rows kept for validation are judged here and used nowhere else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from abm.scenario import Scenario, load_scenario
from experiments.terminal import Progress

if TYPE_CHECKING:
    import pandas as pd

    from calibration.targets import Target
    from experiments.batch import RunSpec

INSIDE, OUTSIDE, NOT_MODELLED, NO_VALUE = "in", "out", "not modelled yet", "no value"
USES = ("fit", "validate", "input")
LEVEL = 0.95
COLUMNS = (
    "id", "use", "label", "indicator", "stratum", "period", "unit", "observed", "low", "high",
    "simulated", "interval_low", "interval_high", "runs", "verdict", "is_sure", "why", "source", "year", "confidence",
    "note",
)  # fmt: skip


@dataclass(frozen=True)
class Validation:
    """Every target, judged.

    Attributes
    ----------
    table : one row a target, columns COLUMNS: see `judge`.
    facts : territory, scenario, seeds, runs done and failed, years.
    errors : of the runs that failed.
    folder : of the batch and the files.
    """

    table: pd.DataFrame
    facts: Mapping[str, Any]
    errors: tuple[str, ...]
    folder: Path

    def tally(self) -> dict[str, dict[str, int]]:
        """Return use to verdict to number of targets."""
        counts = self.table.groupby(["use", "verdict"]).size()
        return {use: {v: int(counts.get((use, v), 0)) for v in VERDICTS} for use in USES}


VERDICTS = (INSIDE, OUTSIDE, NO_VALUE, NOT_MODELLED)


def validate(
    scenario: str | Path | Scenario = "baseline",
    *,
    territory: str | Path = "saverne",
    replications: int = 5,
    seed: int = 1,
    workers: int = 2,
    output: str | Path | None = None,
    has_figures: bool = True,
    retry_failed: bool = False,
    progress: Progress | None = None,
    **overrides: Any,
) -> Validation:
    """Run the model several times and hold it against every target.

    Parameters
    ----------
    scenario, territory : names or paths; the targets are of the baseline.
    replications : runs, with the seeds from `seed` on.
    workers : processes.
    output : folder; one with the same runs goes on where it was left. None: `outputs/validation-SCENARIO`, with a
        number when that holds other runs.
    has_figures : also draw the figure, in English and French.
    retry_failed : also make again the runs that failed.
    **overrides : fields of the scenario, levers or parameters by name, e.g. `days=365`.

    Raises
    ------
    InputError
        Whatever cannot be used; the folder holds other runs.
    RuntimeError
        No run came to its end.
    """
    resolved = load_scenario(scenario, **overrides)
    specs = _specs(resolved, territory, replications, seed)
    from experiments.batch import load, read_design, run_batch

    folder = Path(output) if output is not None else free_folder(resolved.name, specs)
    told = _Told(progress or Progress(), len(specs))
    told.compiling()
    run_batch(specs, folder, min(workers, replications), retry_failed=retry_failed, on_done=told)
    runs = load(folder)
    found = _judged(runs, read_design(folder).layout.indicators, resolved, folder)
    _write(found, has_figures)
    return found


def _specs(scenario: Scenario, territory: str | Path, replications: int, seed: int) -> list[RunSpec]:
    from experiments.batch import make_specs
    from experiments.measuring import targets_measure

    return make_specs([scenario], range(seed, seed + replications), territory=territory, measure=targets_measure())


def free_folder(name: str, specs: Sequence[RunSpec]) -> Path:
    """Return the first folder of this name that is free, or holds these very runs."""
    from experiments.batch import DESIGN, read_design
    from experiments.running import DEFAULT_FOLDER

    digests = tuple(spec.digest for spec in specs)
    for number in itertools.count(1):
        folder = DEFAULT_FOLDER / (f"validation-{name}" if number == 1 else f"validation-{name}-{number}")
        if not folder.exists() or ((folder / DESIGN).is_file() and read_design(folder).digests == digests):
            return folder
    raise AssertionError("there is always another number")


class _Told:
    """Tells how many runs are over, and about how long the others will take."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.began = progress, total, perf_counter()
        self.at_start: int | None = None

    def compiling(self) -> None:
        """Say that the rules are compiled first, if they are."""
        from abm.compiled import is_compiled
        from experiments.warming import NOTICE

        if not is_compiled():
            self.progress.phase(NOTICE)

    def __call__(self, counts: Mapping[str, int]) -> None:
        """Say what `run_batch` tells."""
        over = self.total - counts["pending"]
        self.at_start = over if self.at_start is None else self.at_start
        made, seconds = over - self.at_start, perf_counter() - self.began
        left = f", {seconds / made * (self.total - over):.0f} s left" if made and over < self.total else ""
        self.progress.phase(f"{over} of {self.total} runs are over{left}")


# --- verdicts -----------------------------------------------------------------------------------------------------


def _judged(runs: pd.DataFrame, columns: Sequence[str], scenario: Scenario, folder: Path) -> Validation:
    """Return the verdicts over the runs of a batch."""
    from calibration.patterns import PREFIX

    done = runs[runs["status"] == "done"]
    errors = tuple(runs.loc[runs["status"] == "failed", "error"].astype(str))
    if done.empty:
        raise RuntimeError(f"no run came to its end; the first ended with: {errors[0] if errors else 'nothing'}")
    values = {name.removeprefix(PREFIX): done[name].tolist() for name in columns if name.startswith(PREFIX)}
    facts = {
        "territory": str(done["territory"].iloc[0]),
        "scenario": scenario.name,
        "start": scenario.start.isoformat(),
        "days": scenario.days,
        "scale": scenario.scale,
        "seeds": [int(seed) for seed in done["seed"]],
        "runs_done": len(done),
        "runs_failed": len(errors),
    }
    return Validation(judge(values, frozenset(columns)), facts, errors, folder)


def judge(values: Mapping[str, Sequence[float]], ids: frozenset[str]) -> pd.DataFrame:
    """Return every target with what the runs say, and the verdict.

    Parameters
    ----------
    values : id of a target to what each run says, NaN where a run says nothing.
    ids : indicators that the model has.

    Returns
    -------
    one row a target (rows with several figures: one a figure), grouped by use: fit, validate, input. `simulated` is the
    mean over runs, `interval_…` its 95 % interval (Student's t; NaN with one run), `runs` how many said something.
    Verdict: "in" when the mean lies within `low` to `high`, "out" when not; "no value" when no run has anybody to take
    it over; "not modelled yet", with the reason in `why`. `is_sure`: the whole interval is on the side of the verdict.
    """
    import pandas as pd

    from calibration.patterns import checks, why_not

    rows = [_row(target, values.get(target.id), why_not(target, ids)) for target in checks()]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = table["use"].map(USES.index)
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _row(target: Target, values: Sequence[float] | None, why: str | None) -> dict[str, Any]:
    from calibration.patterns import is_first_year
    from calibration.targets import load_labels

    kept = (
        "id",
        "use",
        "indicator",
        "stratum",
        "unit",
        "observed",
        "low",
        "high",
        "source",
        "year",
        "confidence",
        "note",
    )
    row = {name: getattr(target, name) for name in kept}
    row |= {"label": load_labels()[target.id]["en"], "period": "first year" if is_first_year(target) else "all"}
    said = [value for value in values or () if math.isfinite(value)]
    mean, low, high = mean_and_interval(said)
    row |= {"simulated": mean, "interval_low": low, "interval_high": high, "runs": len(said), "why": why or ""}
    if why is not None or values is None or target.low is None or target.high is None:
        return row | {"verdict": NOT_MODELLED, "is_sure": False, "why": why or "its row holds no range"}
    if not said:
        return row | {"verdict": NO_VALUE, "is_sure": False, "why": "no run has anybody to take it over"}
    is_inside = target.low <= mean <= target.high
    is_sure = (target.low <= low and high <= target.high) if is_inside else (high < target.low or low > target.high)
    return row | {"verdict": INSIDE if is_inside else OUTSIDE, "is_sure": is_sure}


def mean_and_interval(values: Iterable[float], level: float = LEVEL) -> tuple[float, float, float]:
    """Return the mean and the ends of its interval over replications, by Student's t; NaN ends below two values."""
    numbers = list(values)
    if not numbers:
        return math.nan, math.nan, math.nan
    mean = math.fsum(numbers) / len(numbers)
    if len(numbers) < 2:
        return mean, math.nan, math.nan
    from scipy.stats import t

    variance = math.fsum((value - mean) ** 2 for value in numbers) / (len(numbers) - 1)
    half = float(t.ppf((1 + level) / 2, len(numbers) - 1)) * math.sqrt(variance / len(numbers))
    return mean, mean - half, mean + half


# --- files --------------------------------------------------------------------------------------------------------


def _write(found: Validation, has_figures: bool) -> None:
    """Write table, JSON and figures beside the runs."""
    from experiments.store import write_csv, write_json
    from experiments.validation_views import draw_all, facts_and_rows

    write_csv(found.folder / "validation.csv", found.table)
    write_json(found.folder / "validation.json", facts_and_rows(found))
    if has_figures:
        draw_all(found, found.folder / "figures")
