"""Many runs, one table: what is asked for, what is there already, what is missing?

Owns the making of the runs of a batch: which are missing, who makes them, what a run that fails leaves behind. Where
the rows are kept is `experiments.table`, how a run is named `experiments.specs`, who does the work `experiments.pool`.
A batch can be killed at any moment and started again, and two processes may work on one.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from abm.scenario import Scenario
from experiments.pool import Outcome, Stop, run_all
from experiments.specs import RunSpec, code_digest, make_specs
from experiments.store import MANIFEST
from experiments.table import (
    DESIGN,
    DONE,
    FAILED,
    INCOMING,
    PENDING,
    RUNS,
    SET,
    Design,
    Layout,
    Row,
    Table,
    Tally,
    count,
    load,
    load_strata,
    read_design,
    rows_a_file,
    write_design,
    write_incoming,
)

if TYPE_CHECKING:
    import pandas as pd

    from abm.environment.territory import Territory

__all__ = [
    "DONE", "FAILED", "PENDING", "SET", "Design", "Layout", "RunSpec", "code_digest", "count", "load", "load_strata",
    "make_specs", "read_design", "run_batch", "run_one",
]  # fmt: skip


def run_batch(
    specs: Iterable[RunSpec],
    folder: str | Path,
    workers: int = 2,
    *,
    executor: Executor | None = None,
    most_tries: int = 3,
    retry_failed: bool = False,
    may_extend: bool = False,
    strata: Iterable[str] = (),
    about: Mapping[str, Any] | None = None,
    on_done: Callable[[dict[str, int]], None] | None = None,
) -> pd.DataFrame:
    """Make the runs of a batch that are missing; return its table.

    Parameters
    ----------
    specs : the design; its order is the order of the table.
    folder : of the batch; new, or begun with the same design.
    workers, executor, most_tries : see `experiments.pool.run_all`; an executor's workers must see the same folder.
    retry_failed : also make again the runs that failed.
    may_extend : the design may go on after the runs of the folder's, or end before them (more replications, fewer).
    strata : kinds of stratum to keep beside the table, see `load_strata`.
    about : what else is to be known of the design, for those who read the folder; JSON.
    on_done : is told how many runs are done, failed and pending: at the start, and whenever one is over.

    Returns
    -------
    see `load`: the same table whatever the number of workers and however often the batch was interrupted; only the runs
    asked for, when the folder holds more.

    Raises
    ------
    InputError
        The folder holds something else, or cannot be written to; code or territory changed while the batch ran.
    """
    folder = Path(folder)
    wanted = Layout({}, (), tuple(dict.fromkeys(strata)))
    design = _open(tuple(specs), folder, executor, may_extend, wanted, dict(about or {}))
    table = Table(folder, design)
    try:
        table.lay_out()
        if retry_failed:
            table.forget_failed()
        _make_missing(table, workers, executor, most_tries, on_done)
    except Stop as stop:
        raise InputError(str(stop), file=folder) from None
    except OSError as error:
        raise InputError(f"cannot be written to: {error.strerror or error}", file=folder) from None
    return table.read().to_pandas()


def _make_missing(
    table: Table,
    workers: int,
    executor: Executor | None,
    most_tries: int,
    on_done: Callable[[dict[str, int]], None] | None,
) -> None:
    """Make every run that is not over, and fold all rows into the table."""
    design, over = table.design, table.statuses()
    tally = Tally(design, over, on_done)

    def jobs() -> Iterator[tuple[str, tuple[RunSpec, Path, Layout]]]:
        for digest in _in_random_blocks([digest for digest in design.by_digest if digest not in over], design):
            status = table.status(digest)
            if status != PENDING:  # made by another process meanwhile
                tally.note(digest, status)
            else:
                yield digest, (design.by_digest[digest], table.folder, design.layout)

    def note(digest: str, outcome: Outcome) -> None:
        if outcome.error is not None and table.status(digest) == PENDING:
            write_incoming(table.folder, design.layout.row(design.by_digest[digest], FAILED, outcome.error))
        tally.note(digest, FAILED if outcome.error is not None else DONE)
        table.fold_now_and_then()

    try:
        run_all(_carry_out, jobs(), workers, executor, most_tries, note)
    finally:
        with contextlib.suppress(OSError):  # the rows are safe where they came in
            table.fold()
    table.fold()


def _in_random_blocks(digests: list[str], design: Design) -> list[str]:
    """Return runs file by file of the table, files and runs in an order of their own.

    So two processes that work on one batch rarely make the same run, and few files change at a time.
    """
    blocks: dict[int, list[str]] = {}
    for digest in digests:
        blocks.setdefault(design.file_of[digest], []).append(digest)
    chance = random.SystemRandom()
    return [d for block in chance.sample(list(blocks.values()), len(blocks)) for d in chance.sample(block, len(block))]


def run_one(spec: RunSpec, folder: str | Path, layout: Layout | None = None) -> Row:
    """Make one run of a batch and write its row down; return the row.

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
    folder = Path(folder)
    layout = layout or read_design(folder).layout
    values, strata = _simulate(spec, _pack_of(spec), layout.strata)
    if values.keys() != set(layout.indicators):
        odd = sorted(values.keys() ^ set(layout.indicators))
        raise RuntimeError(f"other indicators than those of the design: {', '.join(odd[:3])}")
    row = layout.row(spec, DONE, values=values)
    try:
        (folder / INCOMING).mkdir(exist_ok=True)
        write_incoming(folder, row, strata)
    except OSError as error:
        raise Stop(f"cannot be written to: {error.strerror or error}") from None
    return row


def _carry_out(job: tuple[RunSpec, Path, Layout]) -> None:
    """Make one run where the work is done; its row is in the folder, and nothing needs to be sent back."""
    run_one(*job)


def _simulate(spec: RunSpec, pack: Territory, strata: tuple[str, ...] = ()) -> tuple[dict[str, float], list[list[Any]]]:
    """Return the indicators of a run over everybody and the whole horizon, by id, and those of some strata."""
    from abm.model import TerritoryModel

    model = TerritoryModel(pack, Scenario.model_validate(json.loads(spec.scenario)), rng=spec.seed)
    return _figures(model, strata, spec.measure)


def _figures(model: Any, strata: tuple[str, ...] = (), measure: str = "") -> tuple[dict[str, float], list[list[Any]]]:
    """Live every day; return the indicators over everybody and the whole horizon, by id, and those of some strata."""
    from abm.indicators import indicators
    from experiments.measuring import measured

    model.run_to_end(then_release=True)
    records = model.release()
    table = indicators(records, ("all", *strata))
    is_whole = (table["stratum_kind"] == "all") & (table["period"] == "all")
    whole = dict(zip(table.loc[is_whole, "indicator"], table.loc[is_whole, "value"].astype(float), strict=True))
    whole |= measured(measure, records)
    parts = table[table["stratum_kind"].isin(strata) & ~is_whole]
    columns = [parts[name].astype(str).tolist() for name in ("indicator", "stratum_kind", "stratum", "period")]
    values = [None if value != value else float(value) for value in parts["value"]]
    return whole, [list(row) for row in zip(*columns, values, map(int, parts["n"]), strict=True)]


def _learn_indicators(measure: str) -> list[str]:
    """Return the ids of all figures of a row, from a week in the invented territory; compile the rules if need be."""
    from abm.compiled import is_compiled
    from abm.model import TerritoryModel
    from experiments.warming import compile_here

    if not is_compiled():
        compile_here()
    model = TerritoryModel("tiny", rng=0, start="2024-01-01", days=7, warm_up_days=0, follow_up_days=0)
    return list(_figures(model, measure=measure)[0])


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


# ----------------------------------------------------------------------------------------------------------- the folder


def _open(
    specs: tuple[RunSpec, ...],
    folder: Path,
    executor: Executor | None,
    may_extend: bool,
    wanted: Layout,
    about: dict[str, Any],
) -> Design:
    """Return the design of a folder, written to it when it is new or longer."""
    if not specs:
        raise InputError("no run is asked for", file=folder)
    if (folder / DESIGN).exists():
        design = read_design(folder)
        _refuse_other(design, specs, folder, may_extend, wanted.strata)
        if executor is None:
            _compile_rules()
        if len(specs) > len(design.runs):
            longer = Design(specs, design.layout, design.rows_a_file, about)
            with _refusing(folder):
                write_design(folder, longer)
            return longer
        return Design(specs, design.layout, design.rows_a_file, design.about)
    refuse_taken(folder)
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    measure = specs[0].measure
    indicators = _indicators(measure) if executor is None else _indicators_from(executor, measure)
    layout = Layout(_kinds_of_settings(specs), indicators, wanted.strata)
    with _refusing(folder):
        write_design(folder, Design(specs, layout, rows_a_file(len(specs)), about))
    _refuse_other(design := read_design(folder), specs, folder, may_extend, wanted.strata)  # another was faster
    return design


def _refuse_other(
    design: Design, specs: tuple[RunSpec, ...], folder: Path, may_extend: bool = False, strata: tuple[str, ...] = ()
) -> None:
    """Refuse a folder that was begun with another design."""
    reason = difference(design, specs, may_extend, strata)
    if reason is not None:
        raise InputError(f"holds a batch of another design ({reason}); name another folder", file=folder)


def difference(
    design: Design, specs: tuple[RunSpec, ...], may_extend: bool = False, strata: tuple[str, ...] = ()
) -> str | None:
    """Return in words why a folder's design is not the one asked for, or None when it is."""
    digests = tuple(spec.digest for spec in specs)
    shorter = min(len(digests), len(design.digests))
    if strata != design.layout.strata:
        return f"it keeps other strata: {', '.join(design.layout.strata) or 'none'}"
    if digests == design.digests or (
        may_extend and digests[:shorter] == design.digests[:shorter] and _same_columns(design, specs)
    ):
        return None
    if {spec.code for spec in design.runs} != {spec.code for spec in specs}:
        return "its runs are of another version of the model's code"
    if len(digests) != len(design.digests) and not may_extend:
        return f"of {len(design.digests)} runs, {len(digests)} are asked for"
    number = next(
        (n for n, pair in enumerate(zip(digests, design.digests, strict=False), 1) if pair[0] != pair[1]), None
    )
    return "it sets other things" if number is None else f"the first run that differs is number {number}"


def _same_columns(design: Design, specs: tuple[RunSpec, ...]) -> bool:
    return _kinds_of_settings(specs) == dict(design.layout.settings)


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that a new batch cannot be begun in.

    Raises
    ------
    InputError
        It is a file, or holds other results.
    """
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
