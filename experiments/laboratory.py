"""How wrong are evaluators' usual methods? Claims of runs whose truth is known, handed to them blind, many times over.

Owns the study: which runs, in which sizes of territory, strengths of self-selection and true effects; the truth, from
runs under the same random numbers without the network; bias, coverage, and the chance of paying for nothing. What an
evaluator sees is `experiments.evaluated_claims`, what he makes of it `experiments.estimators`, what the contracts pay
`experiments.laboratory_contracts`. Each replication of a size is one task whose result is a file: an interrupted study
goes on.

The network opens in half of the communes, drawn for each replication, so that the others can be controls. True effects
are the network's own, and known ones planted into the claims: members spend so much less than they do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.parameters import load_parameters
from abm.scenario import Scenario, load_scenario
from experiments.laboratory_tables import (
    REFERENCE,
    conclusion,
    contract_payments,
    contract_summary,
    kinzigtal,
    power,
    summary,
)
from experiments.specs import RunSpec, SpecMaker, canonical, checked_seed
from experiments.terminal import Progress

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from abm.records import Records
    from experiments.evaluated_claims import Snapshots

DESIGN, RESULTS, FORMAT = "laboratory.json", "results", 1
DEFAULT_DAYS = 1096  # three years: membership counts from the end of the first, outcomes are those of the others
DEFAULT_SIZES = ((0.1, 20), (0.3, 20), (1.0, 8))
PLANTED = (0.02, 0.05, 0.1)  # of members' spend
LEVELS = ("none", "as assumed", "strong")  # of self-selection
EFFECTS = ("none", "as assumed", "highest")  # of the network
ARMS = (("none", "none"), ("none", "as assumed"), ("none", "strong"), ("as assumed", "as assumed"),
        ("highest", "as assumed"))  # fmt: skip
"""Effect and self-selection of the runs beside the reference."""
EFFECT_FAMILIES = ("network_follow_up_gain", "network_tele_expertise_share", "network_discharge_share",
                   "network_medication_review_sd")  # fmt: skip
SELECTION_FAMILY = "network_self_selection_log_ratio"
FAST = ("network_campaign_rate", "enrolment_prob_per_visit_at_member_GP", "bass_q_social")
"""Joining and enrolling are as fast as the registry allows: otherwise there is nearly nobody to evaluate in a year."""


@dataclass(frozen=True)
class Study:
    """What is to be studied, every input checked.

    Attributes
    ----------
    scenario : of the network; its levers and parameters hold in every arm.
    sizes : share of the territory simulated, and how many replications.
    planted : effects written into the claims of the arms without effect, shares of members' spend.
    """

    scenario: Scenario
    territory: str
    sizes: tuple[tuple[float, int], ...]
    planted: tuple[float, ...]
    seed: int

    def facts(self) -> dict[str, Any]:
        """Return what tells this study from others."""
        return {
            "format": FORMAT,
            "scenario": self.scenario.model_dump(mode="json"),
            "territory": self.territory,
            "sizes": [list(size) for size in self.sizes],
            "planted": list(self.planted),
            "seed": self.seed,
        }

    @property
    def n_years(self) -> int:
        """Whole years of the horizon."""
        return int(self.scenario.days // 365)


@dataclass(frozen=True)
class Laboratory:
    """A finished study.

    Attributes
    ----------
    estimates : one row an estimate: its case, `estimate_eur`, interval, `truth_eur`.
    contracts : one row a run and contract: what was paid, what was truly saved.
    people : one row a run: share enrolled, mortality of members, quality indicators that differ.
    summary, contract_summary, power, kinzigtal : see the functions of `experiments.laboratory_tables`.
    """

    facts: dict[str, Any]
    estimates: pd.DataFrame
    contracts: pd.DataFrame
    people: pd.DataFrame
    summary: pd.DataFrame
    contract_summary: pd.DataFrame
    power: pd.DataFrame
    kinzigtal: pd.DataFrame
    folder: Path
    errors: tuple[str, ...] = ()


def lab(
    scenario: str | Path | Scenario = "kinzigtal",
    *,
    territory: str | Path = "saverne",
    sizes: Sequence[tuple[float, int]] = DEFAULT_SIZES,
    planted: Sequence[float] = PLANTED,
    seed: int = 1,
    workers: int | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **overrides: Any,
) -> Laboratory:
    """Hand the claims of network runs to evaluators' methods, and hold what they say beside the truth.

    Parameters
    ----------
    sizes : share of the territory's people and capacity simulated, above 0 to 1, and replications of each.
    planted : known savings, shares of members' spend, 0 to below 1.
    output : folder, new or of this study, which then goes on; None: `outputs/laboratory`.
    **overrides : fields, levers or parameters of the scenario; `days` is three years unless given.

    Raises
    ------
    InputError
        Whatever cannot be used, before anything runs.
    """
    study = ask(scenario, territory=territory, sizes=sizes, planted=planted, seed=seed, overrides=overrides)
    from experiments.running import DEFAULT_FOLDER
    from experiments.sweeping import default_workers

    folder = Path(output) if output is not None else DEFAULT_FOLDER / "laboratory"
    begin(study, folder)
    progress = progress or Progress()
    errors = _make_missing(study, folder, workers or default_workers(), progress)
    progress.phase("Holding estimates beside the truth")
    return analyse(folder, errors)


def ask(
    scenario: str | Path | Scenario,
    *,
    territory: str | Path,
    sizes: Sequence[tuple[float, int]],
    planted: Sequence[float],
    seed: int,
    overrides: Mapping[str, Any],
) -> Study:
    """Check every input.

    Raises
    ------
    InputError
    """
    from experiments.running import refuse_unknown_territory

    resolved = load_scenario(scenario, **{"days": DEFAULT_DAYS, "follow_up_days": 0, **overrides})
    if not resolved.levers.network_adherence:
        raise InputError(f"scenario '{resolved.name}' opens no care network: there is nothing to evaluate")
    if resolved.levers.network_communes:
        raise InputError("'network_communes' is drawn by the laboratory: half of them are controls")
    if resolved.days < 730 or resolved.warm_up_days < 180:
        raise InputError("an evaluation needs 730 reported days and a warm-up of 180 at least: the years before, after")
    refuse_unknown_territory(territory)
    if not sizes:
        raise InputError("--size: none given")
    for share, count in sizes:
        if not 0.0 < share <= 1.0 or count < 2:
            message = f"--size: found {share:g}:{count}, expected a share above 0 to 1, and 2 replications or more"
            raise InputError(message)
    if len({share for share, _ in sizes}) < len(sizes):
        raise InputError("--size: a share is given twice")
    for share in planted:
        if not 0.0 < share < 1.0:
            raise InputError(f"--planted: found {share:g}, expected a share above 0 and below 1")
    shares = tuple((float(share), int(count)) for share, count in sizes)
    return Study(resolved, str(territory), shares, tuple(float(p) for p in planted), checked_seed(seed))


def begin(study: Study, folder: Path) -> None:
    """Write down what is asked, or refuse a folder that holds something else.

    Raises
    ------
    InputError
    """
    from experiments.store import MANIFEST, to_json, write_text

    text, file = to_json(study.facts()) + "\n", folder / DESIGN
    if file.is_file():
        if json.loads(file.read_text(encoding="utf-8")) != json.loads(text):
            raise InputError("holds another study; name another folder with -o", file=folder)
        return
    if folder.exists() and (not folder.is_dir() or any((folder / n).exists() for n in (MANIFEST, "design.json"))):
        raise InputError(f"holds other results (no {DESIGN}); name another folder with -o", file=folder)
    try:
        (folder / RESULTS).mkdir(parents=True, exist_ok=True)
        write_text(file, text)
    except OSError as error:
        raise InputError(f"cannot be written to: {error.strerror or error}", file=folder) from None


# --- runs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One replication of a size: its runs, and what to write down."""

    size: float
    seed: int
    planted: tuple[float, ...]
    open_communes: tuple[int, ...]
    specs: tuple[tuple[str, RunSpec], ...]
    folder: Path

    @property
    def file(self) -> Path:
        """Where its result goes: named by all that it follows from."""
        facts = [self.size, self.seed, list(self.planted), [[name, spec.digest] for name, spec in self.specs]]
        digest = hashlib.sha256(canonical([facts, _code()]).encode()).hexdigest()
        return self.folder / RESULTS / f"{digest[:24]}.json"


def _code() -> str:
    """Return a digest of what makes of a run what is written down."""
    state = hashlib.sha256()
    for name in ("evaluated_claims.py", "estimators.py", "laboratory_contracts.py", "contracts.py"):
        state.update((Path(__file__).parent / name).read_bytes())
    return state.hexdigest()


def tasks_of(study: Study, folder: Path) -> list[Task]:
    """Return every replication of every size, the quick ones last."""
    maker = SpecMaker(study.territory)
    tasks = []
    for size, count in sorted(study.sizes, reverse=True):
        for seed in range(study.seed, study.seed + count):
            opened = half_of_the_communes(maker.pack.communes["population"].to_numpy(), seed)
            codes = ",".join(str(maker.pack.communes["insee"].iloc[row]) for row in opened)
            specs = [(REFERENCE, maker.make(_reference(study.scenario, size), {}, [seed])[0])]
            for effect, selection in ARMS:
                arm = arm_scenario(study.scenario, effect, selection, size, codes)
                specs.append((_arm(effect, selection), maker.make(arm, {}, [seed])[0]))
            tasks.append(Task(size, seed, study.planted, tuple(map(int, opened)), tuple(specs), folder))
    return tasks


def half_of_the_communes(population: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Return the rows of communes in which the network opens: drawn until half of the people live in them."""
    order = np.random.default_rng([seed, 118]).permutation(population.size)
    before = np.concatenate([[0], np.cumsum(population[order])[:-1]])
    return np.sort(order[before < population.sum() / 2]) if population.size > 1 else order


def _arm(effect: str, selection: str) -> str:
    return f"{effect}/{selection}"


def _reference(scenario: Scenario, size: float) -> Scenario:
    """Return the same scenario without the network: other policies in it stay."""
    from abm.policies import policies

    network = next(policy for policy in policies() if policy.name == "network")
    neutral = type(scenario.levers)()
    levers = scenario.levers.model_dump() | {lever.name: getattr(neutral, lever.name) for lever in network.levers}
    return load_scenario(scenario, name=REFERENCE, scale=size * scenario.scale, levers=levers)


def arm_scenario(scenario: Scenario, effect: str, selection: str, size: float, communes: str) -> Scenario:
    """Return the network with an effect and a strength of self-selection, open in some communes."""
    registry = load_parameters()
    levers = {"network_communes": communes, "network_without_effect": int(effect == "none")}
    numbers: dict[str, float] = {}
    for row in registry.rows:
        if row.high is None:
            continue
        if row.name in FAST or (effect == "highest" and row.name.startswith(EFFECT_FAMILIES)):
            numbers[row.name] = row.high
        if selection == "strong" and row.name.startswith(SELECTION_FAMILY):
            numbers[row.name] = row.high
    name = f"{effect}.{selection}".replace(" ", "_")
    return load_scenario(
        scenario, name=name, scale=size * scenario.scale, self_selection=selection != "none",
        levers={**scenario.levers.model_dump(), **levers}, parameters={**scenario.parameters, **numbers},
    )  # fmt: skip


def _make_missing(study: Study, folder: Path, workers: int, progress: Progress) -> tuple[str, ...]:
    """Make the replications that are missing; return the errors of those that failed."""
    from abm.compiled import is_compiled
    from experiments.pool import run_all
    from experiments.warming import NOTICE, compile_apart

    tasks = tasks_of(study, folder)
    missing = [task for task in tasks if not task.file.is_file()]
    if missing and not is_compiled():
        progress.phase(NOTICE)
        compile_apart()
    over = len(tasks) - len(missing)

    def told(_: Any, outcome: Any) -> None:
        nonlocal over
        over += outcome.error is None
        progress.phase(f"{over} of {len(tasks)} replications are over")

    progress.phase(f"{over} of {len(tasks)} replications are over")
    jobs = [((task.size, task.seed), task) for task in missing]
    outcomes = run_all(replicate, jobs, min(workers, max(1, len(missing))), on_done=told)
    return tuple(f"size {key[0]:g}, seed {key[1]}: {o.error}" for key, o in outcomes.items() if o.error is not None)


def replicate(task: Task) -> None:
    """Make the runs of a replication, hand their claims to the estimators, and write down what they say."""
    from abm.model import TerritoryModel
    from experiments.evaluated_claims import claims_of, lived
    from experiments.laboratory_contracts import norm_table
    from experiments.running import find_territory
    from experiments.store import write_text

    estimates: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    norms: list[list[Any]] = []
    truth: pd.DataFrame | None = None
    for name, spec in task.specs:
        scenario = Scenario.model_validate(json.loads(spec.scenario))
        records, seen = lived(TerritoryModel(find_territory(spec.place), scenario, rng=spec.seed))
        claims = claims_of(records, seen)
        norms += _named(norm_table(records), name)
        if name == REFERENCE:
            truth = claims
            continue
        assert truth is not None, "the reference comes first"
        effect, selection = name.split("/")
        case = {"size": task.size, "seed": task.seed, "effect": effect, "selection": selection}
        people.append(case | _people(claims, truth, np.array(task.open_communes)))
        for planted in (0.0, *(task.planted if effect == "none" else ())):
            known = case | {"planted": planted}
            estimates += [known | row for row in _estimates(_with_effect(claims, planted), truth, task)]
            if planted:
                norms += _named(norm_table(_records_with_effect(records, seen, planted)), f"{name}/{planted:g}")
    content = {"estimates": estimates, "people": people, "norms": norms}
    write_text(task.file, json.dumps(content, default=lambda number: number.item()) + "\n")


def _named(norms: pd.DataFrame, name: str) -> list[list[Any]]:
    columns = ["name", "stratum", "period", "value", "n"]
    return [[name, *row] for row in norms[columns].astype(object).to_numpy().tolist()]


def _with_effect(claims: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return claims in which members spend so much less from the second year on."""
    if share == 0.0:
        return claims
    factor = np.where(claims["is_member"], 1.0 - share, 1.0)
    years = [name for name in claims if str(name).startswith("spend_eur.") and name != "spend_eur.1"]
    return claims.assign(**{str(name): claims[name] * factor for name in years})


def _records_with_effect(records: Records, seen: Snapshots, share: float) -> Records:
    """Return records in which members spend so much less from the second year on, as the contracts see them."""
    from abm.payments.builder import breaks_of, spending_years

    setting = records.setting
    years = spending_years(setting.calendar, breaks_of(setting.scenario))[: setting.last_day]
    inside = np.unique(years[setting.first_reported_day : setting.end_of_horizon])
    spend = records.spend_cents.copy()
    members = np.flatnonzero(seen.is_member) if seen.is_member is not None else np.zeros(0, int)
    for year in inside[1:]:
        spend[year, members] = np.round(spend[year, members] * (1.0 - share)).astype(spend.dtype)
    return dataclasses.replace(records, spend_cents=spend)


def _estimates(claims: pd.DataFrame, truth: pd.DataFrame, task: Task) -> list[dict[str, Any]]:
    """Return what every estimator says, by years of follow-up, beside the truth."""
    from experiments.estimators import ESTIMATORS, MEMBERS, as_row, question

    n_years = sum(str(name).startswith("years.") for name in claims)
    rows = []
    for last in range(2, n_years + 1):
        asked = question(claims, last, np.array(task.open_communes))
        known = true_savings(asked.frame, asked.is_open, truth, last)
        for name, (estimate, about) in ESTIMATORS.items():
            saved = known[0] if about == MEMBERS else known[1]
            rows.append({"years": last - 1, "estimator": name, "people": len(claims), "truth_eur": saved}
                        | as_row(estimate(asked)))  # fmt: skip
    return rows


def true_savings(
    frame: pd.DataFrame, is_open: NDArray[np.bool_], truth: pd.DataFrame, last_year: int
) -> tuple[float, float]:
    """Return what members, and residents of open communes, truly spend less a year than without the network.

    Parameters
    ----------
    frame : of the question put to the estimators. truth : claims of the run under the same random numbers without it.
    """
    spend = truth.set_index("person")[[f"spend_eur.{year}" for year in range(2, last_year + 1)]].sum(axis=1)
    without = spend.reindex(frame["person"]).to_numpy()
    saved, lived = without - frame["total_eur"].to_numpy(), frame["weight"].to_numpy()

    def mean(who: NDArray[np.bool_]) -> float:
        return float(saved[who].sum() / lived[who].sum()) if who.any() else math.nan

    return mean(frame["is_member"].to_numpy()), mean(is_open)


def _people(claims: pd.DataFrame, truth: pd.DataFrame, opened: NDArray[np.int64]) -> dict[str, Any]:
    """Return who is enrolled, how members die, and how far their care differs from that of matched others."""
    from experiments.estimators import mortality_ratio, quality_differences

    members = claims["is_member"].to_numpy()
    is_open = np.isin(claims["commune"].to_numpy(), opened)
    differing, tested = quality_differences(claims[claims["is_there"]].reset_index(drop=True))
    deaths = claims.loc[members, "is_dead"].sum(), truth.set_index("person")["is_dead"].reindex(
        claims.loc[members, "person"]
    ).sum()  # fmt: skip
    found: dict[str, Any] = {
        "people": len(claims), "enrolled_share": float(members.mean()),
        "enrolled_share_open": float(members[is_open].mean()) if is_open.any() else 0.0, "quality_differing": differing,
        "quality_tested": tested, "deaths_of_members": int(deaths[0]), "deaths_without": int(deaths[1]),
    }  # fmt: skip
    for name, from_landmark in (("mortality_naive", False), ("mortality_landmark", True)):
        found |= zip_names(name, mortality_ratio(claims, from_landmark=from_landmark))
    return found


def zip_names(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    """Return a ratio and its interval as columns."""
    return {name: values[0], f"{name}_low": values[1], f"{name}_high": values[2]}


# --- results ------------------------------------------------------------------------------------------------------


def analyse(folder: str | Path, errors: tuple[str, ...] = ()) -> Laboratory:
    """Read what is there of a study, write its tables and report.

    Raises
    ------
    InputError
        No study there, or none of its replications is over.
    """
    import pandas as pd

    from experiments.laboratory_views import write_report
    from experiments.store import write_csv

    folder = Path(folder)
    facts = read_facts(folder)
    study = Study(Scenario.model_validate(facts["scenario"]), facts["territory"],
                  tuple((s, n) for s, n in facts["sizes"]), tuple(facts["planted"]), facts["seed"])  # fmt: skip
    done = [task for task in tasks_of(study, folder) if task.file.is_file()]
    if not done:
        raise RuntimeError(f"no replication came to its end: {errors[0] if errors else 'none is there'}")
    read = [(task, json.loads(task.file.read_text(encoding="utf-8"))) for task in done]
    estimates = pd.DataFrame([row for _, content in read for row in content["estimates"]])
    people = pd.DataFrame([row for _, content in read for row in content["people"]])
    norms = pd.concat([_norms(task, content["norms"]) for task, content in read], ignore_index=True)
    contracts = contract_payments(norms)
    counts = {size: sum(task.size == size for task in done) for size, _ in study.sizes}
    found = Laboratory(
        facts | {"replications_done": {f"{size:g}": n for size, n in counts.items()}},
        estimates, contracts, people, summary(estimates), contract_summary(contracts), power(estimates, people),
        kinzigtal(contracts, people), folder, errors,
    )  # fmt: skip
    for name in ("estimates", "contracts", "people", "summary", "contract_summary", "power", "kinzigtal"):
        write_csv(folder / f"{name}.csv", getattr(found, name))
    write_report(found)
    return found


def read_facts(folder: Path) -> dict[str, Any]:
    """Return `laboratory.json`.

    Raises
    ------
    InputError
        Not there, or not of a study.
    """
    try:
        facts = json.loads((folder / DESIGN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"holds no study (no {DESIGN})", file=folder) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=folder / DESIGN) from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError("is not of a study that this version can read", file=folder / DESIGN)
    return dict(facts)


def _norms(task: Task, rows: list[list[Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["scenario", "name", "stratum", "period", "value", "n"])
    return frame.assign(size=task.size, seed=task.seed, table="norm", kind="cell")


def facts_of(found: Laboratory) -> dict[str, Any]:
    """Return the study for machines."""
    tables: dict[str, Any] = {
        name: getattr(found, name).to_dict("records") for name in ("summary", "contract_summary", "power", "kinzigtal")
    }
    return {"study": found.facts, "conclusion": conclusion(found.kinzigtal), "errors": list(found.errors)} | tables
