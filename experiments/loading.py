"""Results read again, whatever they are: the folder of a run, or that of a batch of runs.

Owns the telling apart; a run is read by `experiments.running`, a batch by `experiments.batch`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from experiments.running import Run


def load(folder: str | Path) -> Run | pd.DataFrame:
    """Read the results in a folder.

    Returns
    -------
    the run of a folder with `manifest.json`; the table of a batch, one row a run, of a folder with `design.json`, also
    while it grows.

    Raises
    ------
    InputError
        No such folder, or neither in it.
    """
    from experiments import batch, running

    return batch.load(folder) if (Path(folder) / batch.DESIGN).is_file() else running.load(folder)
