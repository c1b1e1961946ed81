"""Which combinations of uncertain numbers make the model say what was observed? Runs, search, and the sample's file.

Owns the runs that the search asks for (a batch a wave, which can be interrupted and goes on), the choice of targets,
the check of the sample by runs of its own, and the folder. The search is `calibration.matching`; what a run says to a
target, `calibration.patterns`; how it is shown, `experiments.calibration_views`. Only `fit` targets are looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from abm.scenario import Scenario, load_scenario
from experiments.terminal import Progress

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from calibration.free import FreeParameter
    from calibration.matching import Match, Observed, SearchPlan, Wave
    from calibration.targets import Target
    from experiments.batch import RunSpec

    Floats = NDArray[np.float64]

DESIGN, FORMAT = "calibration.json", 1
DEFAULT_DAYS = 365  # the waits that are fitted are those of the first reported year
CHECK = "check"
SEEDS_APART = 1_000_000  # between the seeds of the runs that fit and of those that check
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Asked:
    """What is to be calibrated, every input checked.

    Attributes
    ----------
    scenario : with what is fixed.
    targets : numbers of one figure each, all `fit`.
    plan : how much is run; `replications` runs at each point; `check` runs of the sample.
    """

    scenario: Scenario
    territory: str
    free: tuple[FreeParameter, ...]
    targets: tuple[Target, ...]
    plan: SearchPlan
    replications: int
    check: int

    def facts(self) -> dict[str, Any]:
        """Return what tells this calibration from others."""
        return {
            "format": FORMAT,
            "scenario": self.scenario.model_dump(mode="json"),
            "territory": self.territory,
            "free": [asdict(one) for one in self.free],
            "targets": [
                {"id": one.id, "observed": one.observed, "low": one.low, "high": one.high} for one in self.targets
            ],
            "plan": asdict(self.plan),
            "replications": self.replications,
            "check": self.check,
        }

    @property
    def n_runs(self) -> int:
        """Number of runs, at most."""
        return self.plan.waves * self.plan.points * self.replications + self.check


@dataclass(frozen=True)
class Calibration:
    """A finished calibration.

    Attributes
    ----------
    parameters : one row a free parameter: prior, sample, `variance_ratio`, `is_assumption`.
    targets : one row a target: observed, tolerated, what runs of the sample say, quality of the surrogate.
    waves : one row a wave: runs, failed, share of the prior left.
    samples : in the parameters' units, shape (samples, d).
    """

    facts: dict[str, Any]
    parameters: pd.DataFrame
    targets: pd.DataFrame
    waves: pd.DataFrame
    samples: Floats
    folder: Path


def calibrate(
    scenario: str | Path | Scenario = "baseline",
    *,
    territory: str | Path = "saverne",
    free: Sequence[str] | None = None,
    free_file: str | Path | None = None,
    targets: Sequence[Target] | None = None,
    waves: int = 3,
    points: int = 60,
    replications: int = 1,
    samples: int = 200,
    check: int = 20,
    seed: int = 1,
    workers: int | None = None,
    output: str | Path | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
    **overrides: Any,
) -> Calibration:
    """Find the combinations of free parameters with which the model says what was observed.

    Parameters
    ----------
    free : names or ids of parameters; None: those of `free_file`, by default `calibration/free.csv`.
    targets : figures to fit, all marked `fit`; None: all of `calibration/targets.csv` that are so marked.
    waves, points, replications : runs are their product, and `check` runs of the sample at the end.
    output : folder, new or of this calibration, which then goes on; None: `outputs/calibration-TERRITORY`.
    **overrides : fields, levers or parameters of the scenario; `days` is 365 unless given.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything runs.
    calibration.matching.NothingLeft
        No combination within the ranges agrees with the targets.
    """
    asked = ask(
        scenario, territory=territory, free=free, free_file=free_file, targets=targets, waves=waves, points=points,
        replications=replications, samples=samples, check=check, seed=seed, overrides=overrides,
    )  # fmt: skip
    from experiments.running import DEFAULT_FOLDER
    from experiments.sweeping import default_workers

    folder = Path(output) if output is not None else DEFAULT_FOLDER / f"calibration-{Path(asked.territory).name}"
    begin(asked, folder)
    runner = _Runner(asked, folder, workers or default_workers(), retry_failed, progress or Progress())
    return _carry_out(asked, folder, runner)


def ask(
    scenario: str | Path | Scenario,
    *,
    territory: str | Path,
    free: Sequence[str] | None,
    free_file: str | Path | None,
    targets: Sequence[Target] | None,
    waves: int,
    points: int,
    replications: int,
    samples: int,
    check: int,
    seed: int,
    overrides: Mapping[str, Any],
) -> Asked:
    """Check every input.

    Raises
    ------
    InputError
    """
    from calibration.free import FILE, free_by_name, load_free
    from calibration.matching import SearchPlan
    from experiments.running import refuse_unknown_territory
    from experiments.specs import checked_seed

    given = {"days": DEFAULT_DAYS, **overrides}
    resolved = load_scenario(scenario, **given)
    refuse_unknown_territory(territory)
    chosen = free_by_name(free) if free else load_free(free_file or FILE)
    fixed = {name for name in overrides if name in resolved.parameters}
    for one in chosen:
        if one.name in fixed:
            raise InputError(f"'{one.name}' is both set and free")
    least = {"waves": (waves, 1), "points": (points, 4), "replications": (replications, 1), "samples": (samples, 2)}
    for name, (value, lowest) in {**least, "check": (check, 0)}.items():
        if value < lowest:
            raise InputError(f"--{name}: found {value}, expected a whole number from {lowest}")
    plan = SearchPlan(waves, points, samples, checked_seed(seed))
    return Asked(resolved, str(territory), chosen, usable_targets(targets), plan, replications, check)


def usable_targets(given: Sequence[Target] | None = None) -> tuple[Target, ...]:
    """Return the figures that may be fitted.

    Raises
    ------
    InputError
        One that is kept for validation or given to the model; without indicator, unit, source or tolerance; none.
    """
    from calibration.patterns import checks
    from calibration.targets import FILE

    chosen = tuple(one for one in checks() if one.use == "fit") if given is None else tuple(given)
    for one in chosen:
        if one.use != "fit":
            raise InputError(f"target {one.id} is marked '{one.use}': only those marked 'fit' may be calibrated on")
        if None in (one.observed, one.low, one.high) or not float(one.low or 0) < float(one.high or 0):
            raise InputError(f"target {one.id} has no figure with a tolerated range", file=FILE)
    if not chosen:
        raise InputError("no target is marked 'fit'", file=FILE)
    return chosen


# --- runs ---------------------------------------------------------------------------------------------------------


def begin(asked: Asked, folder: Path) -> None:
    """Write down what is asked, or refuse a folder that holds something else.

    Raises
    ------
    InputError
    """
    from experiments.store import MANIFEST, to_json, write_text

    text = to_json(asked.facts()) + "\n"
    file = folder / DESIGN
    if file.is_file():
        if json.loads(file.read_text(encoding="utf-8")) != json.loads(text):
            raise InputError("holds another calibration; name another folder with -o", file=folder)
        return
    if folder.exists() and (not folder.is_dir() or any((folder / n).exists() for n in (MANIFEST, "design.json"))):
        raise InputError(f"holds other results (no {DESIGN}); name another folder with -o", file=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
    except OSError as error:
        raise InputError(f"cannot be written to: {error.strerror or error}", file=folder) from None


class _Runner:
    """Makes the runs of a wave, each wave a batch of its own; knows what is left to do."""

    def __init__(self, asked: Asked, folder: Path, workers: int, retry_failed: bool, progress: Progress) -> None:
        from experiments.measuring import targets_measure
        from experiments.specs import SpecMaker

        self.asked, self.folder, self.workers = asked, folder, workers
        self.retry_failed, self.progress = retry_failed, progress
        self.maker = SpecMaker(asked.territory, targets_measure())
        self.failed: dict[str, int] = {}

    def wave(self, number: int, points: Floats) -> Floats:
        """Return what the model says to each target at the points of a wave, the mean over replications."""
        import numpy as np

        kept = self._kept_points(number, points)
        runs = self.asked.replications
        first = self.asked.plan.seed + (number - 1) * self.asked.plan.points * runs
        specs = [
            spec
            for row, point in enumerate(self.in_units(kept))
            for spec in self._specs(point, range(first + row * runs, first + (row + 1) * runs))
        ]
        said = self.run(f"wave-{number}", specs, f"Wave {number} of {self.asked.plan.waves}")
        said = said.reshape(len(kept), runs, -1)
        count = np.isfinite(said).sum(axis=1)
        return np.divide(np.nansum(said, axis=1), count, out=np.full(count.shape, np.nan), where=count > 0)

    def _kept_points(self, number: int, points: Floats) -> Floats:
        """Return the points of a wave as first chosen: another computer may choose others in the last digit."""
        import numpy as np

        from experiments.store import write_json

        file = self.folder / f"points-{number}.json"
        if file.is_file():
            points[:] = np.array(json.loads(file.read_text(encoding="utf-8")))
        else:
            write_json(file, points.tolist())
        return points

    def in_units(self, points: Floats) -> Floats:
        """Return shares of the ranges as values of the parameters."""
        import numpy as np

        low, high = (np.array([getattr(one, side) for one in self.asked.free]) for side in ("low", "high"))
        return np.clip(low + points * (high - low), low, high)

    def _specs(self, point: Floats, seeds: Sequence[int]) -> list[RunSpec]:
        values = {one.name: float(value) for one, value in zip(self.asked.free, point, strict=True)}
        return self.maker.make(self.asked.scenario, {"parameters": values}, seeds)

    def check(self, samples: Floats) -> Floats:
        """Return what runs of the sample say, with seeds of their own, shape (runs, targets)."""
        seeds = range(self.asked.plan.seed + SEEDS_APART, self.asked.plan.seed + SEEDS_APART + self.asked.check)
        every = max(1, len(samples) // max(1, self.asked.check))
        specs = [
            spec
            for seed, point in zip(seeds, self._kept_points(0, samples[::every][: len(seeds)]), strict=False)
            for spec in self._specs(point, [seed])
        ]
        return self.run(CHECK, specs, "Runs of the sample")

    def run(self, name: str, specs: Sequence[RunSpec], about: str) -> Floats:
        """Make runs; return what they say to the targets, shape (runs, targets), NaN where one failed."""
        import numpy as np

        from calibration.patterns import PREFIX
        from experiments.batch import run_batch

        def told(counts: Mapping[str, int]) -> None:
            over = len(specs) - counts["pending"]
            self.progress.phase(f"{about}: {over} of {len(specs)} runs are over")

        table = run_batch(specs, self.folder / name, min(self.workers, len(specs)), retry_failed=self.retry_failed,
                          on_done=told)  # fmt: skip
        self.failed[name] = int((table["status"] == "failed").sum())
        if self.failed[name] == len(table):
            raise RuntimeError(f"no run came to its end; the first ended with: {table['error'].iloc[0]}")
        columns = [PREFIX + one.id for one in self.asked.targets]
        absent = [one.id for one, name in zip(self.asked.targets, columns, strict=True) if name not in table]
        if absent:
            raise InputError(f"the model says nothing to target {absent[0]}")
        said = table[columns].to_numpy(float)
        return np.where((table["status"] == "done").to_numpy()[:, None], said, np.nan)


def _carry_out(asked: Asked, folder: Path, runner: _Runner) -> Calibration:
    from calibration.matching import search

    observed = observed_of(asked.targets)
    total = asked.plan.waves

    def on_wave(number: int, wave: Wave) -> None:
        runner.progress.phase(f"After wave {number} of {total}, {wave.share_left:.2%} of the prior is left")

    match = search(runner.wave, observed, len(asked.free), asked.plan, on_wave)
    samples = runner.in_units(match.samples)
    said = runner.check(samples) if asked.check else None
    found = _found(asked, folder, runner, match, samples, said)
    _write(found, asked)
    return found


def observed_of(targets: Sequence[Target]) -> Observed:
    """Return targets as the search reads them."""
    import numpy as np

    from calibration.matching import Observed

    values, low, high = (
        np.array([getattr(one, name) for one in targets], float) for name in ("observed", "low", "high")
    )
    return Observed.of_ranges([one.id for one in targets], values, low, high)


# --- results ------------------------------------------------------------------------------------------------------


def _found(
    asked: Asked, folder: Path, runner: _Runner, match: Match, samples: Floats, said: Floats | None
) -> Calibration:
    import pandas as pd

    waves = pd.DataFrame(
        {
            "wave": range(1, len(match.waves) + 1),
            "runs": [len(wave.points) * asked.replications for wave in match.waves],
            "failed": [runner.failed[f"wave-{n}"] for n in range(1, len(match.waves) + 1)],
            "share_of_prior_left": [wave.share_left for wave in match.waves],
        }
    )
    return Calibration(
        asked.facts(), _parameters(asked, match, samples), _targets(asked, match, said), waves, samples, folder
    )


def _parameters(asked: Asked, match: Match, samples: Floats) -> pd.DataFrame:
    """Return the free parameters: prior and sample."""
    import numpy as np
    import pandas as pd

    from experiments.posteriors import ASSUMPTION_RATIO

    rows = []
    for one, column, ratio in zip(asked.free, samples.T, match.variance_ratio, strict=True):
        low, middle, high = np.quantile(column, [INTERVAL[0], 0.5, INTERVAL[1]])
        rows.append((one.name, one.unit, one.low, one.high, column.mean(), middle, low, high, ratio))
    names = ("name", "unit", "low", "high", "mean", "median", "interval_low", "interval_high", "variance_ratio")
    table = pd.DataFrame(rows, columns=list(names))
    return table.assign(is_assumption=table["variance_ratio"] > ASSUMPTION_RATIO)


def _targets(asked: Asked, match: Match, said: Floats | None) -> pd.DataFrame:
    """Return the targets: observed, what runs of the sample say, how good the surrogates are."""
    import numpy as np
    import pandas as pd

    from calibration.targets import load_labels

    rows = []
    labels = load_labels()
    for place, one in enumerate(asked.targets):
        values = np.zeros(0) if said is None else said[np.isfinite(said[:, place]), place]
        low, middle, high = np.quantile(values, [INTERVAL[0], 0.5, INTERVAL[1]]) if values.size else [math.nan] * 3
        bounds = float(one.low or 0.0), float(one.high or 0.0)
        inside = float(((values >= bounds[0]) & (values <= bounds[1])).mean()) if values.size else math.nan
        quality = match.surrogates.qualities[place]
        label = labels.get(one.id, {}).get("en", one.indicator)
        rows.append((one.id, label, one.unit, one.observed, one.low, one.high, middle, low, high, inside, values.size,
                     quality.q2, quality.beyond_2))  # fmt: skip
    names = ("id", "label", "unit", "observed", "low", "high", "simulated", "interval_low", "interval_high",
             "share_inside", "runs", "surrogate_q2", "surrogate_beyond_2")  # fmt: skip
    return pd.DataFrame(rows, columns=list(names))


def _write(found: Calibration, asked: Asked) -> None:
    """Write the sample, the tables and the report."""
    from experiments import provenance
    from experiments.calibration_views import write_report
    from experiments.posteriors import Fitted, posterior_content
    from experiments.specs import SpecMaker
    from experiments.store import write_csv, write_text

    fitted = [
        Fitted(row["name"], row["low"], row["high"], row["unit"], row["variance_ratio"])
        for row in found.parameters.to_dict("records")
    ]
    shared = SpecMaker(asked.territory).shared
    facts = {
        "made": provenance.now(),
        "territory": {"name": shared["territory"], "digest": shared["territory_digest"]},
        "scenario": {"name": asked.scenario.name, "days": asked.scenario.days, "scale": asked.scenario.scale},
        "runs": asked.n_runs,
        "seed": asked.plan.seed,
        "targets": [
            {"id": row["id"], "observed": row["observed"], "simulated": row["simulated"]}
            for row in found.targets.to_dict("records")
        ],
    }
    write_text(found.folder / "posterior.json", _compact(posterior_content(fitted, found.samples, facts)) + "\n")
    for name in ("parameters", "targets", "waves"):
        write_csv(found.folder / f"{name}.csv", getattr(found, name))
    write_report(found)


def _compact(content: dict[str, Any]) -> str:
    """Return JSON with a sample a line."""
    from experiments.store import to_json

    samples = content.pop("samples")
    lines = ",\n".join("  " + json.dumps(row) for row in samples)
    return to_json(content).rstrip().removesuffix("}").rstrip() + ',\n  "samples": [\n' + lines + "\n  ]\n}"


def status(folder: str | Path) -> dict[str, Any]:
    """Return how far a calibration is: runs done, failed and pending by wave.

    Raises
    ------
    InputError
        No calibration there.
    """
    from experiments.batch import DESIGN as BATCH
    from experiments.batch import count

    folder = Path(folder)
    if not (folder / DESIGN).is_file():
        raise InputError(f"holds no calibration (no {DESIGN})", file=folder)
    facts = json.loads((folder / DESIGN).read_text(encoding="utf-8"))
    waves = [f"wave-{number}" for number in range(1, facts["plan"]["waves"] + 1)]
    found: dict[str, Any] = {}
    for name in [*waves, *([CHECK] if facts["check"] else [])]:
        expected = facts["check"] if name == CHECK else facts["plan"]["points"] * facts["replications"]
        has_begun = (folder / name / BATCH).is_file()
        found[name] = dict(count(folder / name)) if has_begun else {"done": 0, "failed": 0, "pending": expected}
    return {"folder": str(folder), "is_finished": (folder / "posterior.json").is_file(), "batches": found}
