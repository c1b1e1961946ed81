"""What does a row of a batch hold besides the indicators of everybody?

Owns the names of such additions. A name carries a digest of the code and data that make it, so that a batch begun with
other ones is another batch: `TARGETS` is what a run says to the observed targets.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import calibration
from experiments.pool import Stop

if TYPE_CHECKING:
    from abm.records import Records

TARGETS = "targets"


@cache
def targets_measure() -> str:
    """Return the name by which the runs of a batch are held against the targets, for `make_specs`."""
    folder, state = Path(str(calibration.__file__)).parent, hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.suffix in (".py", ".csv")):
        content = file.read_bytes()
        state.update(f"{file.name}\0{len(content)}\0".encode() + content)
    return f"{TARGETS}:{state.hexdigest()}"


def measured(measure: str, records: Records) -> dict[str, float]:
    """Return what a measure adds to the row of a run; nothing for "".

    Raises
    ------
    Stop
        The measure is none of this code.
    """
    if not measure:
        return {}
    if measure != targets_measure():
        raise Stop("what is measured is not what the batch was designed with: begin another batch")
    from calibration.patterns import target_values

    return target_values(records)
