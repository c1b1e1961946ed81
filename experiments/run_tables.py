"""What is kept of each run of a comparison, and how are the runs made that are missing?

Owns one Parquet file a run, named by a digest of all that its numbers follow from: whatever ends the work, what is over
stays, and the same command goes on where it stopped. A file is one long table (columns `COLUMNS`) of several tables:

`indicator`: every indicator of everybody and of the strata in `KINDS`; `paid`: EUR by category, payer and year;
`received`: EUR by category, who received it and year; `resource`: EUR of resources really used, by category and year;
`total`: years lived, quality-adjusted years, deaths, life ahead, by year (`experiments.expected_life`); `norm`: sums
from which norm costs of contracts are made (`experiments.claims`).

Beside it, in the folder `people`, one row a person for the contrast of members with others (`experiments.members`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from experiments.batch import RunSpec, code_digest
from experiments.claims import Claims, norm_table
from experiments.members import people_table
from experiments.pool import Outcome, Stop, run_all
from experiments.store import write_parquet

if TYPE_CHECKING:
    import pandas as pd

    from abm.environment.territory import Territory
    from abm.records import Records

COLUMNS = ("table", "name", "kind", "stratum", "period", "value", "n")
KINDS = ("all", "commune", "age_band", "sex", "income_quintile", "has_ald", "invisible", "is_enrolled")
KEYS = ["table", "name", "kind", "stratum", "period"]
RUNS = "runs"
PEOPLE = "people"
CENTS_A_EURO = 100.0


def tables_of(records: Records, claims: Claims | None = None) -> pd.DataFrame:
    """Return what is kept of a run, columns `COLUMNS`.

    Parameters
    ----------
    claims : notes taken at the ends of its years; None: nothing is kept for contracts.
    """
    import pandas as pd

    from experiments.expected_life import totals_table

    parts = [_indicators(records), *_money(records), totals_table(records)]
    if claims is not None:
        parts.append(norm_table(records, claims))
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return table.dropna(subset=["value"]).reset_index(drop=True)[list(COLUMNS)]


def tables_of_folder(folder: Path) -> pd.DataFrame:
    """Return what a finished run's folder holds of it: no resources, years lived or norm costs."""
    import pandas as pd

    from experiments.running import load

    found = load(folder)
    rows = found.indicators.rename(columns={"indicator": "name", "stratum_kind": "kind"})
    rows = rows[rows["kind"].isin(KINDS)].assign(table="indicator", period=rows["period"].astype(str))
    ledger = found.ledger.assign(year=pd.to_datetime(found.ledger["month"]).dt.year.astype(str))
    parts = [rows, *_sides(ledger)]
    table = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    return table.reset_index(drop=True)[list(COLUMNS)]


def _indicators(records: Records) -> pd.DataFrame:
    from abm.indicators import EVERY_KIND, indicators

    table = indicators(records, tuple(kind for kind in KINDS if kind in EVERY_KIND))
    table = table[(table["stratum_kind"] == "all") | (table["period"] == "all")]
    return table.rename(columns={"indicator": "name", "stratum_kind": "kind"}).assign(table="indicator")


def _money(records: Records) -> list[pd.DataFrame]:
    """Return amounts paid, received, and of resources used, in the horizon."""
    import pandas as pd

    from abm.indicators import ledger_table

    ledger = ledger_table(records)
    ledger["year"] = pd.to_datetime(ledger["month"]).dt.year.astype(str)
    paid, received = _sides(ledger)
    shares = records.setting.parameters.matching("avoidable_share")
    resource = paid.assign(table="resource", kind="all", stratum="all")
    resource["value"] *= resource["name"].map(shares).fillna(1.0)
    return [paid, received, resource.groupby([*KEYS, "n"], sort=False)["value"].sum().reset_index()]


def _sides(ledger: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two sides of the books in the horizon, EUR by year; practices are put together, hospitals are not."""
    table = ledger[ledger["part"] == "horizon"].rename(
        columns={"category": "name", "party_kind": "kind", "party": "stratum", "year": "period"}
    )
    many = table["kind"].isin(("general_practitioner", "specialist"))
    table = table.assign(stratum=table["stratum"].where(~many, table["kind"]), value=table["cents"] / CENTS_A_EURO)
    table = table.assign(table=table["side"], n=0)
    sums = table.groupby([*KEYS, "n"], as_index=False, sort=False)["value"].sum()
    return sums[sums["table"] == "paid"], sums[sums["table"] == "received"]


# --- making runs --------------------------------------------------------------------------------------------------


@cache
def keeping_digest() -> str:
    """Return a digest of the code that decides what is kept of a run."""
    folder = Path(__file__).parent
    names = ("run_tables.py", "claims.py", "expected_life.py", "members.py")
    content = b"\0".join((folder / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()


def file_of(folder: Path, spec: RunSpec) -> Path:
    """Return where a run of a comparison is kept."""
    name = hashlib.sha256(f"{spec.digest}{keeping_digest()}".encode()).hexdigest()[:40]
    return folder / RUNS / f"{name}.parquet"


def people_file(file: Path) -> Path:
    """Return where the people of a run are kept, by the file of its tables."""
    return file.parent.parent / PEOPLE / file.name


@dataclass(frozen=True)
class Crew:
    """Who makes runs: so many processes of this machine, or an executor, a cluster's, with so many workers."""

    workers: int = 2
    executor: Executor | None = None


def make_missing(
    specs: Iterable[RunSpec],
    folder: Path,
    crew: Crew,
    on_done: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Make the runs that are not there yet; return the error of each that failed, by digest.

    Parameters
    ----------
    on_done : is told how many runs are over and how many there are.

    Raises
    ------
    InputError
        Code or territory changed meanwhile, or nothing can be written.
    """
    wanted = {spec.digest: spec for spec in specs}
    missing = {digest: spec for digest, spec in wanted.items() if not file_of(folder, spec).exists()}
    for name in (RUNS, PEOPLE):
        (folder / name).mkdir(parents=True, exist_ok=True)
    over = len(wanted) - len(missing)

    def note(_: str, __: Outcome) -> None:
        nonlocal over
        over += 1
        if on_done is not None:
            on_done(over, len(wanted))

    if on_done is not None:
        on_done(over, len(wanted))
    # Workers of a cluster may have begun in another folder.
    jobs = ((digest, (spec, str(file_of(folder.resolve(), spec)))) for digest, spec in missing.items())
    try:
        outcomes = run_all(_carry_out, jobs, min(crew.workers, max(1, len(missing))), crew.executor, on_done=note)
    except Stop as stop:
        raise InputError(str(stop), file=folder) from None
    return {digest: outcome.error for digest, outcome in outcomes.items() if outcome.error is not None}


def _carry_out(job: tuple[RunSpec, str]) -> None:
    """Make one run and write what is kept of it."""
    spec, file = job
    table, people = run_tables(spec)
    try:
        write_parquet(people_file(Path(file)), people)
        write_parquet(Path(file), table)  # the last one: where it is, all is there
    except OSError as error:
        raise Stop(f"{file} cannot be written: {error.strerror or error}") from None


def run_tables(spec: RunSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make a run and return what is kept of it: its tables, its people.

    Raises
    ------
    Stop
        Code or territory are not those of the design.
    """
    from abm.model import TerritoryModel
    from abm.scenario import Scenario

    if code_digest() != spec.code:
        raise Stop("the model's code has changed since the comparison began: begin again")
    pack = _pack(spec.place)
    if pack.digest != spec.territory_digest:
        raise Stop(f"the files of territory '{spec.territory}' have changed since: begin again")
    model = TerritoryModel(pack, Scenario.model_validate(json.loads(spec.scenario)), rng=spec.seed)
    claims = Claims(model)
    model.run_to_end(claims, then_release=True)
    records = model.release()
    return tables_of(records, claims), people_table(records)


@cache
def _pack(place: str) -> Territory:
    from experiments.running import find_territory

    return find_territory(place)


def read_runs(runs: Sequence[tuple[Mapping[str, Any], Path]]) -> pd.DataFrame:
    """Return the tables of many runs as one, columns `scenario, seed` and `COLUMNS`.

    Parameters
    ----------
    runs : facts (`scenario`, `seed`) and file of each.
    """
    import pandas as pd

    frames = [pd.read_parquet(file).assign(scenario=facts["scenario"], seed=facts["seed"]) for facts, file in runs]
    table = pd.concat(frames, ignore_index=True)
    return table[["scenario", "seed", *COLUMNS]]
