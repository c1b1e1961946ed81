"""Results read again: of a run, or of a batch, by what stands in the folder."""

from __future__ import annotations

from pathlib import Path

from abm.errors import InputError
from experiments.running import Run
from experiments.running import load as load_run
from experiments.store import is_finished
from experiments.sweeping import Results, load_results
from experiments.table import DESIGN


def load(folder: str | Path) -> Run | Results:
    """Return the tables of a finished run, or of a batch (also while it grows), as data frames.

    Raises
    ------
    InputError
        Neither a finished run nor a batch in this folder.
    """
    if (Path(folder) / DESIGN).is_file():
        return load_results(folder)
    if not is_finished(Path(folder)):
        raise InputError("holds no finished run (manifest.json) and no batch (design.json)", file=folder)
    return load_run(folder)


def write_any_report(folder: str | Path, language: str = "en") -> Path:
    """Write the HTML report of a comparison, a sweep or a sensitivity analysis into its folder; return the file.

    Raises
    ------
    InputError
        None of these in this folder.
    """
    if (Path(folder) / DESIGN).is_file():
        from experiments.sweep_report import write_sweep_report

        return write_sweep_report(folder, language)
    from experiments.comparing import DESIGN as COMPARISON
    from experiments.comparing import analyse
    from experiments.report import write_report

    if not (Path(folder) / COMPARISON).is_file():
        raise InputError(f"holds no comparison ({COMPARISON}) and no sweep ({DESIGN})", file=folder)

    return write_report(analyse(folder), language)
