"""The same sweep, or one run of it, again: are the numbers the same?

Owns that comparison. A run alone is made again by `experiments.running`, from its manifest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from experiments.batch import code_digest, run_batch
from experiments.progress import runs_progress
from experiments.running import DEFAULT_FOLDER, Plan, Run, find_territory, save, simulate
from experiments.specs import RunSpec
from experiments.store import Destination
from experiments.sweeping import default_workers, write_manifest
from experiments.table import DONE, SET, Design, load, read_design
from experiments.terminal import progress, say

if TYPE_CHECKING:
    import pandas as pd

MOST_DIFFERENCES_SHOWN = 10
LEAST_DIGITS = 4  # of a digest, to name a run


def rerun_batch(
    folder: Path, *, output: Path | None, workers: int | None = None, force: bool = False, is_quiet: bool = False
) -> bool:
    """Make every run of a batch again in another folder; say what differs; return whether nothing does.

    Raises
    ------
    InputError
        No batch, other code or territory than its own, or a folder that cannot be used.
    """
    design = read_design(folder)
    _refuse_changes(design.runs[0], folder)
    target = output or _free_folder(folder.resolve().name)
    if force:
        raise InputError("--force does not apply to a sweep: name a new folder with -o")
    with runs_progress(is_quiet=is_quiet) as told:
        counts: dict[str, int] = {}

        def note(now: dict[str, int]) -> None:
            counts.update(now)
            told(now)

        kept = {"strata": design.layout.strata, "about": design.about}
        again = run_batch(design.runs, target, workers or default_workers(), **kept, on_done=note)  # type: ignore[arg-type]
    write_manifest(target, design.runs, design.about, {"rerun_of": str(folder)}, counts)
    differences = differing_rows(load(folder), again)
    return _tell(differences, f"all {len(again):,} runs", is_quiet)


def differing_rows(earlier: pd.DataFrame, again: pd.DataFrame) -> list[str]:
    """Return in words what differs between two tables of one design; runs that were not done earlier say nothing."""
    found = []
    for number, (old, new) in enumerate(zip(earlier.to_dict("records"), again.to_dict("records"), strict=True), 1):
        if old["status"] != DONE:
            continue
        for name in old:
            is_same = old[name] == new[name] or (old[name] != old[name] and new[name] != new[name])
            if not is_same and not (old[name] is None and new[name] is None):
                found.append(f"run {number}, {name}: {old[name]!r} -> {new[name]!r}")
    return found


def rerun_row(
    folder: Path,
    row: str,
    *,
    output: Path | None,
    force: bool = False,
    is_quiet: bool = False,
    has_events: bool = False,
    has_figures: bool = True,
) -> bool:
    """Make one run of a batch with all its tables, as `territoire run` does; return whether its row is the same.

    Parameters
    ----------
    row : its number, from 1 in the order of the table, or the first digits of its digest.

    Raises
    ------
    InputError
        No such run; other code or territory than the batch's.
    """
    from abm.scenario import Scenario

    design = read_design(folder)
    number = find_row(design, row, folder)
    spec = design.runs[number]
    _refuse_changes(spec, folder)
    plan = Plan(Scenario.model_validate(json.loads(spec.scenario)), find_territory(spec.place), spec.seed)
    target = output or DEFAULT_FOLDER / f"{folder.resolve().name}-run-{number + 1}"
    with (
        Destination(target, is_chosen=force or output is not None, force=force) as destination,
        progress(is_quiet=is_quiet) as told,
    ):
        result = save(simulate(plan, told), destination, has_events=has_events, has_figures=has_figures)
    if not is_quiet:
        print(f"Files: {result.folder}")
    earlier = {str(name): value for name, value in load(folder).iloc[number].items()}
    if earlier["status"] != DONE:
        say(f"This run is {earlier['status']} in the sweep: nothing to compare with")
        return True
    return _tell(_differences(earlier, result), "the run", is_quiet)


def find_row(design: Design, row: str, folder: Path) -> int:
    """Return the place of a run, from 0, by its number, from 1, or the beginning of its digest.

    Raises
    ------
    InputError
        No such run, or several.
    """
    if row.isdigit() and 1 <= int(row) <= len(design.runs):
        return int(row) - 1
    places = [n for n, digest in enumerate(design.digests) if len(row) >= LEAST_DIGITS and digest.startswith(row)]
    if len({design.digests[n] for n in places}) != 1:
        expected = f"a number from 1 to {len(design.runs)}, or the beginning of one digest"
        raise InputError(f"--row: found '{row}', expected {expected}", file=folder)
    return places[0]


def _differences(earlier: dict[str, Any], result: Run) -> list[str]:
    table = result.indicators
    whole = table[(table["stratum_kind"] == "all") & (table["period"].astype(str) == "all")]
    found = []
    for name, value in zip(whole["indicator"], whole["value"].astype(float), strict=True):
        old = earlier.get(name, float("nan"))
        if old != value and not (old != old and value != value):
            found.append(f"{name}: {float(old)!r} -> {value!r}")
    missing = {name for name in list(earlier)[6:] if not name.startswith(SET)} - set(whole["indicator"])
    return found + [f"{name}: no such indicator now" for name in sorted(missing)]


def _tell(differences: list[str], what: str, is_quiet: bool) -> bool:
    if not differences:
        if not is_quiet:
            print(f"The same again: all indicators of {what} are identical to the earlier ones.")
        return True
    say(f"Error: {len(differences)} differences from the earlier results")
    for line in differences[:MOST_DIFFERENCES_SHOWN]:
        say(f"  {line}")
    return False


def _refuse_changes(spec: RunSpec, folder: Path) -> None:
    """Refuse to make a batch again with other code or another territory than its own."""
    if spec.code != code_digest():
        raise InputError("was made by another version of the model's code: take that version for it", file=folder)
    if find_territory(spec.place).digest != spec.territory_digest:
        raise InputError(f"the files of territory '{spec.territory}' have changed since", file=folder)


def _free_folder(name: str) -> Path:
    number = 2
    while (folder := DEFAULT_FOLDER / f"{name}-{number}").exists():
        number += 1
    return folder
