"""What the commands `sweep` and `sensitivity` do and print, once their options are read.

Owns the wording of their screens. Runs are made by `experiments.sweeping`, indices by
`experiments.sensitivity_analysis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from experiments.progress import duration, runs_progress
from experiments.screens import table
from experiments.store import to_json
from experiments.sweeping import (
    Forecast,
    Sweep,
    _own_folder,
    carry_out,
    choose_folder,
    forecast,
    load_results,
    prepare,
    status_of,
)  # fmt: skip
from experiments.terminal import console, say

if TYPE_CHECKING:
    from experiments.sensitivity_analysis import Sensitivity

BYTES_IN_MB = 1e6
MOST_ERRORS_SHOWN = 5
MOST_FACTORS_SHOWN = 20


def sweep_command(
    design: str, kind: str, options: Mapping[str, Any], *, has_figures: bool, is_quiet: bool, is_json: bool
) -> bool:
    """Carry out `territoire sweep`; return whether runs failed.

    Parameters
    ----------
    kind : "forecast", "status" or "make".
    options : output, workers, cluster, retry_failed, is_huge.
    """
    prepared = prepare(design, may_be_huge=options["is_huge"] or kind != "make")
    folder = choose_folder(prepared, options["output"], default=_own_folder(design))
    if kind != "make":
        return _look(kind, prepared, folder, options, is_json=is_json)
    _make(prepared, folder, options, is_quiet=is_quiet or is_json)
    state = status_of(folder)
    if has_figures and state["done"]:
        from experiments.sweep_figures import draw_sweep

        draw_sweep(load_results(folder, None), folder / "figures")
    if is_json:
        print(to_json(state))
    elif not is_quiet:
        show_status(state)
    _tell_failed(state)
    return state["failed"] > 0


def sensitivity_command(
    method: str,
    design: str,
    indicators: tuple[str, ...],
    kind: str,
    options: Mapping[str, Any],
    *,
    has_figures: bool,
    is_quiet: bool,
    is_json: bool,
) -> bool:
    """Carry out `territoire sensitivity`; return whether runs failed."""
    from experiments.sensitivity_analysis import METHODS, analyse, chosen_indicators, save

    if method not in METHODS:
        raise InputError(f"found '{method}', expected one of: {', '.join(METHODS)}")
    prepared = prepare(design, method, may_be_huge=options["is_huge"] or kind != "make")
    named = Sweep(f"{prepared.name}-{method}", prepared.specs, prepared.about, prepared.strata, prepared.design)
    folder = choose_folder(named, options["output"])
    if kind != "make":
        return _look(kind, named, folder, options, is_json=is_json)
    assert prepared.design is not None
    asked = indicators or prepared.design.indicators
    chosen_indicators(None, asked)  # refuse what is unknown before anything runs
    _make(named, folder, options, is_quiet=is_quiet or is_json)
    results = load_results(folder)
    found = analyse(prepared.design, results.table, asked)
    save(found, folder, has_figures=has_figures)
    state = status_of(folder)
    if is_json:
        print(to_json({"folder": str(folder), "indices": found.indices.to_dict("records"), "notes": found.notes}))
    elif not is_quiet:
        show_sensitivity(found, folder)
    _tell_failed(state)
    return state["failed"] > 0


def _make(prepared: Sweep, folder: Path, options: Mapping[str, Any], *, is_quiet: bool) -> None:
    if not is_quiet:
        from experiments.warming import NOTICE

        say(f"{len(prepared.specs):,} runs, into {folder}")
        _say_when_compiling(NOTICE)
    chosen = {key: options[key] for key in ("workers", "cluster", "retry_failed")}
    with runs_progress(is_quiet=is_quiet) as told:
        carry_out(prepared, folder, **chosen, on_done=told)


def _say_when_compiling(notice: str) -> None:
    from abm.compiled import is_compiled

    if not is_compiled():
        say(notice)


def _look(kind: str, prepared: Sweep, folder: Path, options: Mapping[str, Any], *, is_json: bool) -> bool:
    """Print what a sweep will take, or what stands in its folder."""
    if kind == "status":
        state = status_of(folder)
        print(to_json(state)) if is_json else show_status(state)
    else:
        found = forecast(prepared, folder, options["workers"])
        print(to_json(vars(found))) if is_json else show_forecast(found, prepared, folder)
    return False


def show_forecast(found: Forecast, prepared: Sweep, folder: Path) -> None:
    """Print what a sweep will take."""
    lines = table("", "")
    lines.add_row("runs", f"{found.runs:,} ({prepared.about.get('method', 'list')}); {found.over:,} are there already")
    lines.add_row("time", f"about {duration(found.seconds)} with {found.workers} processes of this machine")
    lines.add_row("", f"{found.seconds_a_run:.2f} s a run, judged from some months of the largest")
    lines.add_row("disk", f"about {found.bytes_on_disk / BYTES_IN_MB:.1f} MB")
    lines.add_row("folder", str(folder))
    console().print(lines)


def show_status(state: Mapping[str, Any]) -> None:
    """Print how many runs are done, failed and pending, and why some failed."""
    out = console()
    title = state["design"].get("title") or state["design"].get("name") or state["folder"]
    out.print(str(title), style="bold")
    lines = table("", "", numbers=("",))
    for name in ("runs", "done", "failed", "pending"):
        lines.add_row(name, f"{state[name]:,}")
    out.print(lines)
    for failure in state["errors"][:MOST_ERRORS_SHOWN]:
        out.print(f"failed {failure['runs']:,}×: {failure['error']}")
    out.print(f"Table: {state['folder']}/runs (Parquet); in Python, experiments.load('{state['folder']}').tidy")


def _tell_failed(state: Mapping[str, Any]) -> None:
    if state["failed"]:
        say(f"Error: {state['failed']:,} of {state['runs']:,} runs failed; --retry-failed makes them again")


def show_sensitivity(found: Sensitivity, folder: Path) -> None:
    """Print the indices of each indicator, the largest first, and what must be known with them."""
    out = console()
    for indicator, rows in found.indices[found.indices["with"] == ""].groupby("indicator", sort=False):
        out.print(f"\n{indicator}", style="bold")
        kinds = list(dict.fromkeys(rows["index"]))
        lines = table("factor", *kinds, numbers=tuple(kinds))
        wide = {kind: part.set_index("factor") for kind, part in rows.groupby("index", sort=False)}
        order = wide[found.ranked_by]["value"].sort_values(ascending=False, kind="stable").index
        for factor in order[:MOST_FACTORS_SHOWN]:
            lines.add_row(str(factor), *(_shown(kind, wide[kind].loc[factor]) for kind in kinds))
        out.print(lines)
    out.print("")
    for note in found.notes:
        out.print(note)
    out.print(f"Files: {folder}/indices.csv, figures in {folder}/figures")


def _shown(kind: str, row: Any) -> str:
    """Return an index with its interval; those of Morris beside μ* without, their columns would not fit."""
    if row["value"] != row["value"]:
        return ""
    interval = "" if kind in ("mu", "sigma") else f"  [{row['low']:.3g}, {row['high']:.3g}]"
    return f"{row['value']:.3g}{interval}"
