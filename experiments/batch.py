"""Many runs, one table: what is asked for, what is there already, what is missing?

Owns the folder of a batch: `design.json`, which lists the runs in order and is written first, beside `runs/`, which
holds one Parquet file of one row for each run that is over. A run is named by a digest of all that its row follows
from, and equal runs give equal bytes: so a batch can be killed at any moment and started again, and two processes may
work on one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import cache, cached_property, lru_cache
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import abm
from abm.errors import InputError
from abm.parameters import load_parameters
from abm.scenario import GROUPS, Scenario, load_scenario
from experiments.pool import Outcome, Stop, run_all
from experiments.store import MANIFEST, write_json

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from abm.environment.territory import Territory

FORMAT = 1
DESIGN, RUNS = "design.json", "runs"
DONE, FAILED, PENDING = "done", "failed", "pending"
SET = "set."
FACTS = ("digest", "territory", "scenario", "seed")
LARGEST_SEED = 2**63 - 1
COVERED = ("environment/territories/", "scenarios/")  # what a run uses of them has digests of its own


@dataclass(frozen=True)
class RunSpec:
    """One run of a batch, small enough to be sent anywhere; made by `RunSpec.of` or `make_specs`.

    Attributes
    ----------
    place : name of a built-in territory, or path of a pack; not part of the digest.
    territory, territory_digest : name of the territory, digest of its files.
    scenario : as resolved, canonical JSON.
    parameters_digest : digest of all numbers, the scenario's included.
    seed : of the run, from 0.
    settings : what the design sets in this run, canonical JSON: columns `set.…` of the table.
    code : digest of the model, see `code_digest`.
    measure : what its row holds besides the indicators, see `experiments.measuring`.
    """

    place: str
    territory: str
    territory_digest: str
    scenario: str
    parameters_digest: str
    seed: int
    settings: str
    code: str
    measure: str = ""

    @classmethod
    def of(
        cls,
        scenario: str | Path | Scenario = "baseline",
        territory: str | Path = "saverne",
        seed: int = 1,
        **settings: Any,
    ) -> RunSpec:
        """Return one run; `settings` are fields of the scenario, levers or parameters by name, e.g. `days=365`.

        Raises
        ------
        InputError
            Whatever cannot be used.
        """
        (spec,) = make_specs([scenario], [seed], [settings], territory=territory)
        return spec

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that the row of this run follows from."""
        facts = asdict(self) | {"format": FORMAT}
        del facts["place"]
        return hashlib.sha256(_canonical(facts).encode()).hexdigest()


def make_specs(
    scenarios: Iterable[str | Path | Scenario] = ("baseline",),
    seeds: Iterable[int] = (1,),
    settings: Iterable[Mapping[str, Any]] = ({},),
    *,
    territory: str | Path = "saverne",
    measure: str = "",
) -> list[RunSpec]:
    """Return every scenario under every settings with every seed, the seeds changing fastest.

    Parameters
    ----------
    measure : what their rows hold besides the indicators, see `experiments.measuring`.

    Raises
    ------
    InputError
        Unknown territory, scenario or key; a value out of range.
    """
    from experiments.running import find_territory

    pack, seeds, points = find_territory(territory), [_checked_seed(seed) for seed in seeds], list(settings)
    cases = [
        (load_scenario(scenario, **chosen), _named(chosen))
        for scenario in map(load_scenario, scenarios)
        for chosen in points
    ]
    return [_spec(pack, *case, seed, measure) for case in cases for seed in seeds]


@dataclass(frozen=True)
class Layout:
    """The columns of a batch, the same in all its files, so that any reader can put them together.

    Attributes
    ----------
    settings : name to "number" or "text", one for each column `set.…`.
    indicators : ids of the indicators, as in `indicators.csv`.
    """

    settings: Mapping[str, str]
    indicators: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The columns in their order, with their types."""
        import pyarrow as pa

        number, text = pa.float64(), pa.string()
        columns = [(name, pa.int64() if name == "seed" else text) for name in (*FACTS, "status", "error")]
        columns += [(SET + name, number if kind == "number" else text) for name, kind in self.settings.items()]
        return pa.schema(columns + [(name, number) for name in self.indicators])


@dataclass(frozen=True)
class Design:
    """The runs of a batch in the order of its table (some designs hold a run more than once), and its columns."""

    runs: tuple[RunSpec, ...]
    layout: Layout

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Digest of each run."""
        return tuple(spec.digest for spec in self.runs)


# ----------------------------------------------------------------------------------------------- runs, many and one


def run_batch(
    specs: Iterable[RunSpec],
    folder: str | Path,
    workers: int = 2,
    *,
    executor: Executor | None = None,
    most_tries: int = 3,
    retry_failed: bool = False,
    on_done: Callable[[dict[str, int]], None] | None = None,
) -> pd.DataFrame:
    """Make the runs of a batch that are missing; return its table.

    Parameters
    ----------
    specs : the design; its order is the order of the table.
    folder : of the batch; new, or begun with the same design.
    workers, executor, most_tries : see `experiments.pool.run_all`; an executor's workers must see the same folder.
    retry_failed : also make again the runs that failed.
    on_done : is told how many runs are done, failed and pending: at the start, and whenever one is over.

    Returns
    -------
    see `load`: the same table whatever the number of workers and however often the batch was interrupted.

    Raises
    ------
    InputError
        The folder holds something else, or cannot be written to; code or territory changed while the batch ran.
    """
    folder = Path(folder)
    design = _open(tuple(specs), folder, executor)
    over = _statuses(folder)
    if retry_failed:
        over = _forget_failed(folder, over)
    tally = _Tally(design, over, on_done)
    missing = {spec.digest: spec for spec in design.runs if spec.digest not in over}

    def jobs() -> Iterator[tuple[str, tuple[RunSpec, Path, Layout]]]:
        # In an order of its own, so that two processes that work on one batch rarely make the same run.
        for digest in random.SystemRandom().sample(list(missing), len(missing)):
            if _file(folder, digest).exists():  # made by another process meanwhile
                tally.note(digest, _status(_file(folder, digest)))
            else:
                yield digest, (missing[digest], folder, design.layout)

    def note(digest: str, outcome: Outcome) -> None:
        if outcome.error is not None and not _file(folder, digest).exists():
            _write_row(folder, design.layout, _row(design.layout, missing[digest], FAILED, outcome.error))
        tally.note(digest, FAILED if outcome.error is not None else DONE)

    try:
        run_all(_carry_out, jobs(), workers, executor, most_tries, note)
    except Stop as stop:
        raise InputError(str(stop), file=folder) from None
    return load(folder)


def run_one(spec: RunSpec, folder: str | Path, layout: Layout | None = None) -> dict[str, Any]:
    """Make one run of a batch and write its row; return the row.

    Parameters
    ----------
    folder : of the batch.
    layout : columns of the batch, by default read from the folder.

    Raises
    ------
    Stop
        This is not the code or territory that the batch was designed with, or nothing can be written.
    Exception
        Whatever ends the run; nothing is written then.
    """
    layout = layout or read_design(folder).layout
    values = _simulate(spec, _pack_of(spec))
    if values.keys() != set(layout.indicators):
        odd = sorted(values.keys() ^ set(layout.indicators))
        raise RuntimeError(f"other indicators than those of the design: {', '.join(odd[:3])}")
    row = _row(layout, spec, DONE, values=values)
    try:
        _write_row(Path(folder), layout, row)
    except OSError as error:
        raise Stop(f"cannot be written to: {error.strerror or error}") from None
    return row


def _carry_out(job: tuple[RunSpec, Path, Layout]) -> None:
    """Make one run where the work is done; its row is in the folder, and nothing needs to be sent back."""
    run_one(*job)


def _simulate(spec: RunSpec, pack: Territory) -> dict[str, float]:
    """Return the indicators of a run over everybody and the whole horizon, by id."""
    from abm.model import TerritoryModel

    model = TerritoryModel(pack, Scenario.model_validate(json.loads(spec.scenario)), rng=spec.seed)
    return _figures(model, spec.measure)


def _figures(model: Any, measure: str = "") -> dict[str, float]:
    """Live every day; return the indicators over everybody and the whole horizon, by id, and what is measured more."""
    from abm.indicators import indicators
    from experiments.measuring import measured

    model.run_to_end()
    records = model.release()
    table = indicators(records, ("all",))
    rows = table[table["period"] == "all"]
    return dict(zip(rows["indicator"], rows["value"].astype(float), strict=True)) | measured(measure, records)


def _learn_indicators(measure: str) -> list[str]:
    """Return the ids of all figures of a row, from a week in the invented territory; compile the rules if need be."""
    from abm.compiled import is_compiled
    from abm.model import TerritoryModel
    from experiments.warming import compile_here

    if not is_compiled():
        compile_here()
    model = TerritoryModel("tiny", rng=0, start="2024-01-01", days=7, warm_up_days=0, follow_up_days=0)
    return list(_figures(model, measure))


def _pack_of(spec: RunSpec) -> Territory:
    """Return the territory of a run, if it and the code are those that its digest tells of."""
    try:
        pack = _load_pack(spec.place)
    except InputError as error:
        raise Stop(str(error)) from None
    if code_digest() != spec.code:
        raise Stop("the model's code is not the one the batch was designed with: begin another batch")
    if pack.digest != spec.territory_digest:
        raise Stop(f"the files of territory '{spec.territory}' have changed since: begin another batch")
    return pack


@lru_cache(maxsize=2)
def _load_pack(place: str) -> Territory:
    from experiments.running import find_territory

    return find_territory(place)


# ---------------------------------------------------------------------------------------------------- specifications


@cache
def code_digest() -> str:
    """Return a digest (64 hex digits) of the model: all its code and data but built-in territories and scenarios."""
    folder, state = Path(abm.__file__).parent, hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".csv", ".yaml")):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(COVERED):
            content = file.read_bytes()
            state.update(f"{name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


def _spec(pack: Territory, scenario: Scenario, settings: Mapping[str, Any], seed: int, measure: str = "") -> RunSpec:
    from experiments.provenance import territory_facts

    facts = territory_facts(pack)
    return RunSpec(
        place=facts["path"] or facts["name"],
        territory=facts["name"],
        territory_digest=facts["digest"],
        scenario=_canonical(scenario.model_dump(mode="json")),
        parameters_digest=load_parameters().with_values(scenario.parameters).digest,
        seed=seed,
        settings=_canonical(settings),
        code=code_digest(),
        measure=measure,
    )


def _named(settings: Mapping[str, Any]) -> dict[str, float | str | None]:
    """Return settings by name, parameters by their name also when given by id; numbers, texts or nothing."""
    flat = {key: value for key, value in settings.items() if key not in GROUPS}
    for group in GROUPS:
        flat |= dict(settings.get(group, {}))
    registry = load_parameters()
    return {registry.entry(key).name if key in registry else key: _number_or_text(flat[key]) for key in flat}


def _number_or_text(value: Any) -> float | str | None:
    if value is None or isinstance(value, bool | str):
        return None if value is None else str(value)
    return float(value) if isinstance(value, Real) else str(value)


def _checked_seed(seed: Any) -> int:
    number = int(seed) if isinstance(seed, Integral) and seed is not True else -1
    if not 0 <= number <= LARGEST_SEED:
        raise InputError(f"'seed': found {seed!r}, expected a whole number from 0 to {LARGEST_SEED}")
    return number


def _canonical(content: Any) -> str:
    """Return JSON that is the same text for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


# ---------------------------------------------------------------------------------------------------------- the design


def read_design(folder: str | Path) -> Design:
    """Return the design of a batch.

    Raises
    ------
    InputError
        No batch in this folder, or its design cannot be read.
    """
    file = Path(folder) / DESIGN
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"holds no batch (no {DESIGN})", file=folder) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}", file=file) from None
    if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise InputError(f"format {content['format']} found, at most {FORMAT} is known to this version", file=file)
    try:
        cases = [
            case | {"scenario": _canonical(case["scenario"]), "settings": _canonical(case["settings"])}
            for case in content["cases"]
        ]
        runs = tuple(RunSpec(**cases[row["case"]], seed=row["seed"]) for row in content["runs"])
        design = Design(runs, Layout(content["settings"], tuple(content["indicators"])))
        is_intact = design.digests == tuple(row["digest"] for row in content["runs"])
    except (KeyError, TypeError, IndexError):
        raise InputError("is not the design of a batch", file=file) from None
    if not is_intact:
        raise InputError("has been changed: its runs do not have the digests it tells", file=file)
    return design


def _write_design(folder: Path, design: Design) -> None:
    """Write the design: each case (all but the seed) once, then the runs."""
    cases: dict[str, int] = {}
    runs = []
    for spec in design.runs:
        facts = asdict(spec)
        seed = facts.pop("seed")
        case = cases.setdefault(_canonical(facts), len(cases))
        runs.append({"digest": spec.digest, "case": case, "seed": seed})
    listed = [json.loads(case) for case in cases]
    content = {
        "format": FORMAT,
        "version": abm.__version__,
        "settings": design.layout.settings,
        "indicators": design.layout.indicators,
        "cases": [
            case | {"scenario": json.loads(case["scenario"]), "settings": json.loads(case["settings"])}
            for case in listed
        ],
        "runs": runs,
    }
    write_json(folder / DESIGN, content)


def _open(specs: tuple[RunSpec, ...], folder: Path, executor: Executor | None) -> Design:
    """Return the design of a folder, written to it when it is new."""
    if not specs:
        raise InputError("no run is asked for", file=folder)
    if (folder / DESIGN).exists():
        design = read_design(folder)
        _refuse_other(design, specs, folder)
        if executor is None:
            _compile_rules()
        design = Design(specs, design.layout)
    else:
        _refuse_taken(folder)
        with _refusing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        measure = specs[0].measure
        indicators = _indicators(measure) if executor is None else _indicators_from(executor, measure)
        design = Design(specs, Layout(_kinds_of_settings(specs), indicators))
        with _refusing(folder):
            _write_design(folder, design)
        _refuse_other(read_design(folder), specs, folder)  # another process has just written its own
    with _refusing(folder):
        (folder / RUNS).mkdir(exist_ok=True)
    return design


def _refuse_other(design: Design, specs: tuple[RunSpec, ...], folder: Path) -> None:
    """Refuse a folder that was begun with another design."""
    digests = tuple(spec.digest for spec in specs)
    if digests == design.digests:
        return
    if {spec.code for spec in design.runs} != {spec.code for spec in specs}:
        reason = "its runs are of another version of the model's code"
    elif len(digests) != len(design.digests):
        reason = f"of {len(design.digests)} runs, {len(digests)} are asked for"
    else:
        number = next(n for n, pair in enumerate(zip(digests, design.digests, strict=True), 1) if pair[0] != pair[1])
        reason = f"the first run that differs is number {number}"
    raise InputError(f"holds a batch of another design ({reason}); name another folder", file=folder)


def _refuse_taken(folder: Path) -> None:
    """Refuse a folder that a new batch cannot be begun in."""
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file, a folder expected", file=folder)
    for name in (MANIFEST, RUNS):
        if (folder / name).exists():
            raise InputError(f"holds other results ({name}, but no {DESIGN}); name another folder", file=folder)


@contextlib.contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Say of a folder that it cannot be written to."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise InputError(f"cannot be written to: {getattr(error, 'strerror', None) or error}", file=folder) from None


@cache
def _indicators(measure: str = "") -> tuple[str, ...]:
    """Return the ids of all figures of a row by this code."""
    return _indicators_from(None, measure)


def _indicators_from(executor: Executor | None, measure: str = "") -> tuple[str, ...]:
    """Return the ids of all figures of a row, asked where the runs will be made."""
    outcome = run_all(_learn_indicators, [("indicators", measure)], 1, executor)["indicators"]
    if outcome.error is not None:
        raise RuntimeError(f"the model does not run: {outcome.error}")
    return tuple(outcome.value)


def _compile_rules() -> None:
    """Compile the rules once, before several processes would do the same side by side."""
    from abm.compiled import is_compiled
    from experiments.warming import compile_apart

    if not is_compiled():
        compile_apart()


def _kinds_of_settings(specs: Iterable[RunSpec]) -> dict[str, str]:
    """Return which settings a design has, and whether each is always a number."""
    kinds: dict[str, str] = {}
    for case in dict.fromkeys(spec.settings for spec in specs):
        for name, value in json.loads(case).items():
            is_text = isinstance(value, str) or kinds.get(name) == "text"
            kinds[name] = "text" if is_text else "number"
    return dict(sorted(kinds.items()))


# ------------------------------------------------------------------------------------------------------------ the table


def load(folder: str | Path) -> pd.DataFrame:
    """Return the table of a batch, also while it grows.

    Returns
    -------
    one row a run, in the order of the design: digest, territory, scenario, seed, status ("done", "failed", "pending"),
    error, `set.…` (what the design sets in this run), then the indicators over everybody and the whole horizon by id;
    NaN where there is no value.

    Raises
    ------
    InputError
        No batch in this folder.
    """
    import pandas as pd
    import pyarrow as pa

    design = read_design(folder)
    schema = design.layout.schema
    known = pa.schema([schema.field(name) for name in schema.names if name in FACTS or name.startswith(SET)])
    rows = [{name: row[name] for name in known.names} for row in (_row(design.layout, s, PENDING) for s in design.runs)]
    found = pd.read_parquet(Path(folder) / RUNS) if _has_rows(Path(folder)) else schema.empty_table().to_pandas()
    found = found.drop_duplicates("digest").drop(columns=known.names[1:])
    table = pa.Table.from_pylist(rows, schema=known).to_pandas().merge(found, on="digest", how="left")
    return table.fillna({"status": PENDING})[schema.names]


def count(folder: str | Path) -> dict[str, int]:
    """Return how many runs of a batch are done, failed and pending.

    Raises
    ------
    InputError
        No batch in this folder.
    """
    design = read_design(folder)
    return _Tally(design, _statuses(Path(folder))).counts


class _Tally:
    """How many runs are done, failed and pending."""

    def __init__(
        self, design: Design, over: Mapping[str, str], on_done: Callable[[dict[str, int]], None] | None = None
    ) -> None:
        self.times, self.on_done = Counter(design.digests), on_done
        self.counts = dict.fromkeys((DONE, FAILED), 0) | {PENDING: len(design.runs)}
        for digest in self.times.keys() & over.keys():
            self._move(digest, over[digest])
        self._tell()

    def note(self, digest: str, status: str) -> None:
        """Count a run that is over, as often as the design holds it."""
        self._move(digest, status)
        self._tell()

    def _move(self, digest: str, status: str) -> None:
        self.counts[status] += self.times[digest]
        self.counts[PENDING] -= self.times[digest]

    def _tell(self) -> None:
        if self.on_done is not None:
            self.on_done(dict(self.counts))


def _row(
    layout: Layout, spec: RunSpec, status: str, error: str | None = None, values: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the row of a run, column by column; it holds nothing that differs from one time to the next."""
    chosen = json.loads(spec.settings)
    facts = {"digest": spec.digest, "territory": spec.territory, "scenario": json.loads(spec.scenario)["name"]}
    settings = {
        SET + name: chosen.get(name) if kind == "number" or chosen.get(name) is None else str(chosen[name])
        for name, kind in layout.settings.items()
    }
    indicators = dict.fromkeys(layout.indicators) | dict(values or {})
    return facts | {"seed": spec.seed, "status": status, "error": error} | settings | indicators


def _write_row(folder: Path, layout: Layout, row: dict[str, Any]) -> None:
    """Write a row aside, bring it to disk, and put it in place.

    The files are many and hundreds of columns wide: without statistics, dictionaries and the description of pandas they
    are a fifth of the size, and as much faster to read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _file(folder, row["digest"])
    aside = path.with_name(f"_{row['digest']}.{uuid.uuid4().hex}")
    table = pa.Table.from_pylist([row], schema=layout.schema)
    try:
        with aside.open("wb") as stream:
            pq.write_table(
                table, stream, compression="zstd", use_dictionary=False, write_statistics=False, store_schema=False
            )
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    _sync_names(path.parent)


def _sync_names(folder: Path) -> None:
    """Bring a folder's list of names to disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _file(folder: Path, digest: str) -> Path:
    return folder / RUNS / f"{digest}.parquet"


def _has_rows(folder: Path) -> bool:
    return any(not file.name.startswith("_") for file in (folder / RUNS).glob("*.parquet"))


def _statuses(folder: Path) -> dict[str, str]:
    """Return the status of each run that is over, by digest."""
    import pandas as pd

    if not _has_rows(folder):
        return {}
    found = pd.read_parquet(folder / RUNS, columns=["digest", "status"])
    return dict(zip(found["digest"], found["status"], strict=True))


def _status(file: Path) -> str:
    """Return the status in the file of a run."""
    import pyarrow.parquet as pq

    return str(pq.read_table(file, columns=["status"])["status"][0])


def _forget_failed(folder: Path, over: Mapping[str, str]) -> dict[str, str]:
    """Remove the rows of runs that failed; return the status of the others."""
    for digest in (digest for digest, status in over.items() if status == FAILED):
        _file(folder, digest).unlink(missing_ok=True)
    return {digest: status for digest, status in over.items() if status != FAILED}
