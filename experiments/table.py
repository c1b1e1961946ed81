"""Where are the rows of a batch, whatever happened to those who wrote them?

Owns the folder of a batch:

- `design.json` lists the runs in order; it is written first.
- `runs/` holds the table in files of some hundred rows each, in the order of the design. From the start each file has
  a row for each of its runs, `pending` at first; a file is only ever replaced by one that knows more. So any reader
  finds every run exactly once, at any moment, and ten thousand runs are twenty files.
- `strata/`, when the design asks for more than the indicators over everybody: the same by stratum, one row a value.
- `incoming/` holds a small file for each run that is over and not yet in the table. A worker writes it when the run
  ends; whoever directs the batch folds these files into the table and removes them then, never before.

A lock keeps two processes from folding at once.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import abm
from abm.errors import InputError
from experiments.specs import FORMAT, RunSpec, canonical
from experiments.store import put_in_place, write_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

DESIGN, RUNS, STRATA, INCOMING, LOCK = "design.json", "runs", "strata", "incoming", "_lock"
DONE, FAILED, PENDING = "done", "failed", "pending"
SET = "set."
FACTS = ("digest", "territory", "scenario", "seed")
STRATUM = ("indicator", "stratum_kind", "stratum", "period", "value", "n")
LEAST_ROWS, MOST_FILES = 512, 64  # rows of a file, files of a table: what is quick both to replace and to read
FOLD_S, FOLD_SHARE = 1.0, 0.02  # pause between two foldings, and the share of time that they may take
LEFTOVER_S = 3600.0

Row = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """The columns of a batch, the same in all its files, so that any reader can put them together.

    Attributes
    ----------
    settings : name to "number" or "text", one for each column `set.…`.
    indicators : ids of the indicators, as in `indicators.csv`.
    strata : kinds of stratum kept beside the table, e.g. "age_band"; "all" keeps the years of the horizon.
    """

    settings: Mapping[str, str]
    indicators: tuple[str, ...]
    strata: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The columns in their order, with their types."""
        import pyarrow as pa

        number, text = pa.float64(), pa.string()
        columns = [(name, pa.int64() if name == "seed" else text) for name in (*FACTS, "status", "error")]
        columns += [(SET + name, number if kind == "number" else text) for name, kind in self.settings.items()]
        return pa.schema(columns + [(name, number) for name in self.indicators])

    def row(
        self, spec: RunSpec, status: str, error: str | None = None, values: Mapping[str, float | None] | None = None
    ) -> Row:
        """Return the row of a run by column (none for nothing); it holds nothing that differs from time to time."""
        chosen = json.loads(spec.settings)
        facts = {"digest": spec.digest, "territory": spec.territory, "scenario": json.loads(spec.scenario)["name"]}
        settings = {
            SET + name: chosen.get(name) if kind == "number" or chosen.get(name) is None else str(chosen[name])
            for name, kind in self.settings.items()
        }
        known = {name: float(value) for name, value in (values or {}).items() if value is not None and value == value}
        return facts | {"seed": spec.seed, "status": status, "error": error} | settings | known


@dataclass(frozen=True)
class Design:
    """The runs of a batch in the order of its table (some designs hold a run more than once), and its columns.

    Attributes
    ----------
    rows_a_file : how many rows a file of the table holds.
    about : what else is to be known of the design, JSON: how its points were chosen, for instance.
    """

    runs: tuple[RunSpec, ...]
    layout: Layout
    rows_a_file: int = LEAST_ROWS
    about: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Digest of each run."""
        return tuple(spec.digest for spec in self.runs)

    @cached_property
    def by_digest(self) -> dict[str, RunSpec]:
        """Every run once."""
        return dict(zip(self.digests, self.runs, strict=True))

    @cached_property
    def file_of(self) -> dict[str, int]:
        """Number of the first file that holds a run, by digest."""
        return {digest: n // self.rows_a_file for n, digest in reversed(list(enumerate(self.digests)))}


def rows_a_file(n_runs: int) -> int:
    """Return how many rows a file of a table of `n_runs` shall hold."""
    return max(LEAST_ROWS, -(-n_runs // MOST_FILES))


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
    if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] != FORMAT:
        raise InputError(f"format {content['format']} found, this version knows {FORMAT}", file=file)
    try:
        cases = [_read_case(case, content) for case in content["cases"]]
        runs = tuple(RunSpec(**cases[case], seed=seed) for _, case, seed in content["runs"])
        layout = Layout(content["settings"], tuple(content["indicators"]), tuple(content["strata"]))
        design = Design(runs, layout, content["rows_a_file"], content["about"])
        is_intact = design.digests == tuple(digest for digest, _, _ in content["runs"]) and design.rows_a_file > 0
    except (KeyError, TypeError, IndexError, ValueError, AttributeError):
        raise InputError("is not the design of a batch", file=file) from None
    if not is_intact:
        raise InputError("has been changed: its runs do not have the digests it tells", file=file)
    return design


def read_places(folder: str | Path) -> list[str]:
    """Return the territories of a batch, by name or path as they were given, without reading its runs.

    Raises
    ------
    InputError
        No batch in this folder, or its design cannot be read.
    """
    try:
        content = json.loads((Path(folder) / DESIGN).read_text(encoding="utf-8"))
        return [str(place["place"]) for place in content["places"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"holds no batch, or none that can be read ({DESIGN})", file=folder) from None


def write_design(folder: Path, design: Design) -> None:
    """Write the design: each place and scenario once, then what changes in each case, then the runs."""
    places: dict[str, int] = {}
    scenarios: dict[str, dict[str, Any]] = {}
    cases: dict[str, int] = {}
    runs = []
    told: dict[RunSpec, str] = {}  # by the run with seed 0: runs that differ by their seed alone are one case
    for spec in design.runs:
        key = replace(spec, seed=0)
        if key not in told:
            told[key] = _case_of(spec, places, scenarios)
        runs.append([spec.digest, cases.setdefault(told[key], len(cases)), spec.seed])
    head = {
        "format": FORMAT,
        "version": abm.__version__,
        "about": design.about,
        "rows_a_file": design.rows_a_file,
        "settings": dict(design.layout.settings),
        "indicators": design.layout.indicators,
        "strata": design.layout.strata,
        "places": [json.loads(place) for place in places],
        "scenarios": scenarios,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    lines += [f'"cases": [\n{",\n".join(cases)}\n]', f'"runs": [\n{",\n".join(map(json.dumps, runs))}\n]']
    write_text(folder / DESIGN, "{\n" + ",\n".join(lines) + "\n}\n")


def _case_of(spec: RunSpec, places: dict[str, int], scenarios: dict[str, dict[str, Any]]) -> str:
    """Return, as JSON, all but the seed of a run, told by what differs from the first case of the same scenario."""
    facts = ("place", "territory", "territory_digest", "code", "measure")
    place = canonical({key: getattr(spec, key) for key in facts})
    scenario = json.loads(spec.scenario)
    base = scenarios.setdefault(scenario["name"], scenario)
    case = {
        "place": places.setdefault(place, len(places)),
        "scenario": scenario["name"],
        "changes": _difference(base, scenario),
        "parameters_digest": spec.parameters_digest,
        "settings": json.loads(spec.settings),
    }
    return canonical(case)


def _read_case(case: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    scenario = _changed(content["scenarios"][case["scenario"]], case["changes"])
    told = {"scenario": canonical(scenario), "settings": canonical(case["settings"])}
    return content["places"][case["place"]] | told | {"parameters_digest": case["parameters_digest"]}


def _difference(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `_changed` needs to make `other` of `base`: values, groups of values, and names left out."""
    found: dict[str, Any] = {}
    for key in sorted(base.keys() | other.keys()):
        before, after = base.get(key), other.get(key)
        if key not in other:
            found.setdefault("-", []).append(key)
        elif isinstance(before, dict) and isinstance(after, dict):
            found |= {key: inner} if (inner := _difference(before, after)) else {}
        elif key not in base or type(before) is not type(after) or before != after:
            found[key] = {"=": after}
    return found


def _changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with changes as `_difference` tells them."""
    result = {key: value for key, value in base.items() if key not in changes.get("-", ())}
    for key, change in changes.items():
        if key != "-":
            result[key] = change["="] if "=" in change else _changed(base[key], change)
    return result


# ------------------------------------------------------------------------------------------------------ what comes in


def write_incoming(folder: Path, row: Row, strata: Sequence[Sequence[Any]] = ()) -> None:
    """Write down that a run is over: its row, and its values by stratum (see `STRATUM`), if they are kept."""
    write_text(folder / INCOMING / f"{row['digest']}.json", json.dumps({"row": row, "strata": strata}))


def read_incoming(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what has come in and is not in the table yet, by digest."""
    found = {}
    for file in sorted((folder / INCOMING).glob("*.json")):
        if not file.name.startswith("_"):
            with contextlib.suppress(FileNotFoundError):  # just folded by another process
                found[file.stem] = json.loads(file.read_text(encoding="utf-8"))
    return found


# ----------------------------------------------------------------------------------------------------------- the table


class Table:
    """The files of a batch's table, kept complete and in order.

    Parameters
    ----------
    folder : of the batch; its `design.json` is written.
    design : of the batch, or as much of its beginning as is of interest.
    """

    def __init__(self, folder: Path, design: Design) -> None:
        self.folder, self.design = folder, design
        self._last_fold, self._pause_s = perf_counter(), FOLD_S
        self._seen: dict[int, tuple[Any, dict[str, str]]] = {}

    def lay_out(self) -> None:
        """Make the folders, and files in which every run is pending, where there are none yet."""
        for name in (RUNS, INCOMING, *([STRATA] if self.design.layout.strata else [])):
            (self.folder / name).mkdir(exist_ok=True)
        with self._locked():
            self._remove_leftovers()
            for number in range(self._n_files):
                if len(self._read_statuses(number)) < len(set(self._digests(number))):
                    self._rewrite(number, {})

    def _remove_leftovers(self) -> None:
        """Remove files half-written by processes that were killed an hour ago or more."""
        for file in [file for name in (RUNS, STRATA, INCOMING) for file in (self.folder / name).glob("_*")]:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > LEFTOVER_S:
                    file.unlink()

    def fold_now_and_then(self) -> None:
        """Fold, unless that was done a moment ago: folding shall take little of the time."""
        if perf_counter() - self._last_fold >= self._pause_s:
            self.fold()

    def fold(self) -> None:
        """Put what has come in into the table, then remove the files it came in."""
        began = perf_counter()
        with self._locked():
            incoming = read_incoming(self.folder)
            for number, some in self._by_file(incoming).items():
                self._rewrite(number, {digest: incoming[digest]["row"] for digest in some})
                if self.design.layout.strata:
                    self._rewrite_strata(number, {digest: incoming[digest]["strata"] for digest in some})
            for digest in incoming.keys() & self.design.by_digest.keys():
                (self.folder / INCOMING / f"{digest}.json").unlink(missing_ok=True)
        self._last_fold = perf_counter()
        self._pause_s = max(FOLD_S, (self._last_fold - began) / FOLD_SHARE)

    def forget_failed(self) -> None:
        """Make the runs that failed pending again."""
        self.fold()
        with self._locked():
            for number in range(self._n_files):
                failed = [digest for digest, status in self._read_statuses(number).items() if status == FAILED]
                specs = [self.design.by_digest[digest] for digest in failed if digest in self.design.by_digest]
                if specs:
                    rows = {spec.digest: self.design.layout.row(spec, PENDING) for spec in specs}
                    self._rewrite(number, rows, may_reopen=True)

    def statuses(self) -> dict[str, str]:
        """Return the status of each run that is over, by digest."""
        incoming = {digest: str(come["row"]["status"]) for digest, come in read_incoming(self.folder).items()}
        for number in range(self._n_files):
            over = {digest: status for digest, status in self._read_statuses(number).items() if status != PENDING}
            incoming = _better(incoming, over)
        return {digest: status for digest, status in incoming.items() if digest in self.design.by_digest}

    def status(self, digest: str) -> str:
        """Return the status of one run now; other processes may have made it meanwhile."""
        file = self.folder / INCOMING / f"{digest}.json"
        with contextlib.suppress(FileNotFoundError):
            return str(json.loads(file.read_text(encoding="utf-8"))["row"]["status"])
        return self._read_statuses(self.design.file_of[digest]).get(digest, PENDING)

    def read(self) -> pa.Table:
        """Return all rows in the order of the design, also while they come in."""
        import pyarrow as pa

        schema = self.design.layout.schema
        incoming = [
            come["row"] for come in read_incoming(self.folder).values()
        ]  # first: what leaves it is in the files
        table = pa.concat_tables([pa.Table.from_pylist(incoming, schema=schema), self._read_files(RUNS, schema)])
        known: dict[str, tuple[str, int]] = {}
        digests, statuses = (table[name].to_pylist() for name in ("digest", "status"))
        for place, (digest, status) in enumerate(zip(digests, statuses, strict=True)):
            if known.get(digest, (PENDING, 0))[0] == PENDING or status == DONE:  # of two rows of a run, the better one
                known[digest] = (status, place)
        missing = {digest: spec for digest, spec in self.design.by_digest.items() if digest not in known}
        if missing:
            rows = [self.design.layout.row(spec, PENDING) for spec in missing.values()]
            known |= {digest: (PENDING, len(table) + n) for n, digest in enumerate(missing)}
            table = pa.concat_tables([table, pa.Table.from_pylist(rows, schema=schema)])
        return table.take([known[digest][1] for digest in self.design.digests])

    def read_strata(self) -> pa.Table:
        """Return the values by stratum of the runs that are done: digest, then `STRATUM`."""
        import pyarrow as pa

        schema = _strata_schema()
        come = {digest: found["strata"] for digest, found in read_incoming(self.folder).items()}
        files = self._read_files(STRATA, schema)
        there = set(files["digest"].to_pylist())
        fresh = _strata_table({digest: rows for digest, rows in come.items() if digest not in there})
        return pa.concat_tables([files, fresh])

    # ------------------------------------------------------------------------------------------------------- parts

    @property
    def _n_files(self) -> int:
        return -(-len(self.design.runs) // self.design.rows_a_file)

    def _file(self, number: int, kind: str = RUNS) -> Path:
        return self.folder / kind / f"{number:05d}.parquet"

    def _digests(self, number: int) -> tuple[str, ...]:
        size = self.design.rows_a_file
        return self.design.digests[number * size : (number + 1) * size]

    def _by_file(self, incoming: Iterable[str]) -> dict[int, list[str]]:
        """Return which of the runs that came in stand in which files."""
        found: dict[int, list[str]] = {}
        numbers = {digest: [self.design.file_of[digest]] for digest in incoming if digest in self.design.file_of}
        if len(self.design.by_digest) < len(self.design.runs):  # some runs stand in several places
            for place, digest in enumerate(self.design.digests):
                if digest in numbers and place // self.design.rows_a_file not in numbers[digest]:
                    numbers[digest].append(place // self.design.rows_a_file)
        for digest, places in numbers.items():
            for number in places:
                found.setdefault(number, []).append(digest)
        return found

    def _read_statuses(self, number: int) -> dict[str, str]:
        """Return the statuses in a file, which is read only when it is not the one read before."""
        import pyarrow.parquet as pq

        try:
            stat = self._file(number).stat()
        except FileNotFoundError:
            return {}
        mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if self._seen.get(number, (None, {}))[0] != mark:
            found = pq.ParquetFile(self._file(number)).read(columns=["digest", "status"])
            statuses = dict(zip(found["digest"].to_pylist(), found["status"].to_pylist(), strict=True))
            self._seen[number] = (mark, statuses)
        return self._seen[number][1]

    def _rewrite(self, number: int, rows: Mapping[str, Row], *, may_reopen: bool = False) -> None:
        """Replace rows of a file by others of the same runs; what is done stays done."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema, digests = self.design.layout.schema, self._digests(number)
        file = self._file(number)
        old = pq.ParquetFile(file).read(use_threads=False) if file.exists() else schema.empty_table()
        places = old["digest"].to_pylist()
        statuses = dict(zip(places, old["status"].to_pylist(), strict=True))
        fresh = {d: row for d, row in rows.items() if may_reopen or statuses.get(d) != DONE}
        for digest in digests:
            if digest not in statuses and digest not in fresh:
                fresh[digest] = self.design.layout.row(self.design.by_digest[digest], PENDING)
        if not fresh and len(places) >= len(digests):
            return
        table = pa.concat_tables([old, pa.Table.from_pylist(list(fresh.values()), schema=schema)])
        at = {digest: n for n, digest in enumerate([*places, *fresh])}
        order = [*digests, *places[len(digests) :]]  # a longer design's rows stay
        _write_parquet(file, table.take([at[digest] for digest in order]))

    def _rewrite_strata(self, number: int, come: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        """Add the values by stratum of runs that came in to a file, in the order of its runs."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        file = self._file(number, STRATA)
        old = pq.ParquetFile(file).read() if file.exists() else _strata_schema().empty_table()
        kept = old.filter(pc.invert(pc.is_in(old["digest"], pa.array(list(come), pa.string()))))
        table = pa.concat_tables([kept, _strata_table(come)])
        place = {digest: n for n, digest in enumerate(self._digests(number))}
        ranks = pa.array([place.get(digest, len(place)) for digest in table["digest"].to_pylist()], pa.int64())
        order = pc.sort_indices(pa.table({"rank": ranks, "at": pa.array(range(len(table)), pa.int64())}),
                                sort_keys=[("rank", "ascending"), ("at", "ascending")])  # fmt: skip
        _write_parquet(file, table.take(order))

    def _read_files(self, kind: str, schema: pa.Schema) -> pa.Table:
        """Return what stands in the files of one kind, in their order."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        files = [file for n in range(self._n_files) if (file := self._file(n, kind)).exists()]
        tables = [pq.ParquetFile(file).read(use_threads=False) for file in files]
        return pa.concat_tables([table.cast(schema) for table in tables]) if tables else schema.empty_table()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from changing the table; where the file system has no locks, nothing does.

        A row that is lost to two foldings at once, on such a file system, is pending, and made again.
        """
        with (self.folder / LOCK).open("a") as handle:
            with contextlib.suppress(ImportError, OSError):
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _better(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Return the statuses of both; what is done is done."""
    return dict(one) | {digest: status for digest, status in other.items() if one.get(digest) != DONE}


def _strata_schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"value": pa.float64(), "n": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in ("digest", *STRATUM)])


def _strata_table(come: Mapping[str, Sequence[Sequence[Any]]]) -> pa.Table:
    import pyarrow as pa

    rows = [dict(zip(("digest", *STRATUM), (digest, *row), strict=True)) for digest in come for row in come[digest]]
    return pa.Table.from_pylist(rows, schema=_strata_schema())


def _write_parquet(path: Path, table: pa.Table) -> None:
    """Write a file of the table; the same rows give the same bytes.

    A file is hundreds of columns wide, so what is written for each column counts: without statistics, dictionaries and
    the description of pandas, files are smaller and read several times faster, with snappy twice as fast as with zstd.
    """
    import pyarrow.parquet as pq

    lean: dict[str, Any] = {"use_dictionary": False, "write_statistics": False, "store_schema": False}
    with put_in_place(path) as aside:
        pq.write_table(table.combine_chunks(), aside, compression="snappy", **lean)


# --------------------------------------------------------------------------------------------------- batches read again


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
    return Table(Path(folder), read_design(folder)).read().to_pandas()


def load_strata(folder: str | Path) -> pd.DataFrame:
    """Return the indicators by stratum of a batch that keeps them.

    Returns
    -------
    digest of the run, then indicator, stratum_kind, stratum, period, value, n as in `indicators.csv`; no row when the
    design asks for no strata.

    Raises
    ------
    InputError
        No batch in this folder.
    """
    return Table(Path(folder), read_design(folder)).read_strata().to_pandas()


def count(folder: str | Path) -> dict[str, int]:
    """Return how many runs of a batch are done, failed and pending.

    Raises
    ------
    InputError
        No batch in this folder.
    """
    design = read_design(folder)
    return Tally(design, Table(Path(folder), design).statuses()).counts


class Tally:
    """How many runs are done, failed and pending."""

    def __init__(
        self, design: Design, over: Mapping[str, str], on_done: Callable[[dict[str, int]], None] | None = None
    ) -> None:
        self.on_done, self.times = on_done, dict.fromkeys(design.digests, 0)
        for digest in design.digests:
            self.times[digest] += 1
        self.counts = dict.fromkeys((DONE, FAILED), 0) | {PENDING: len(design.runs)}
        self.noted: set[str] = set()
        for digest in self.times.keys() & over.keys():
            self._move(digest, over[digest])
        self._tell()

    def note(self, digest: str, status: str) -> None:
        """Count a run that is over, once, but as often as the design holds it."""
        if digest not in self.noted:
            self._move(digest, status)
            self._tell()

    def _move(self, digest: str, status: str) -> None:
        self.noted.add(digest)
        self.counts[status] += self.times[digest]
        self.counts[PENDING] -= self.times[digest]

    def _tell(self) -> None:
        if self.on_done is not None:
            self.on_done(dict(self.counts))
