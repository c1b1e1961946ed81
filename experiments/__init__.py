"""What can be asked of the model: runs, comparisons, sweeps, a calibration, a validation, one life, results read again.

Imported on first use: `--help` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.averaging import equity_over_runs
    from experiments.batch import run_batch
    from experiments.calibrating import calibrate
    from experiments.comparing import compare
    from experiments.laboratory import lab
    from experiments.posteriors import load_posterior
    from experiments.reading import load
    from experiments.running import run
    from experiments.sensitivity_analysis import sensitivity
    from experiments.sweeping import sweep
    from experiments.tracing import trace
    from experiments.validating import validate
    from experiments.verifying import verify

__all__ = [
    "calibrate", "compare", "equity_over_runs", "lab", "load", "load_posterior", "run", "run_batch", "sensitivity",
    "sweep", "trace", "validate", "verify",
]  # fmt: skip

_HOMES = {
    "compare": "experiments.comparing",
    "calibrate": "experiments.calibrating",
    "lab": "experiments.laboratory",
    "load_posterior": "experiments.posteriors",
    "verify": "experiments.verifying",
    "trace": "experiments.tracing",
    "equity_over_runs": "experiments.averaging",
    "validate": "experiments.validating",
    "run": "experiments.running",
    "load": "experiments.reading",
    "run_batch": "experiments.batch",
    "sweep": "experiments.sweeping",
    "sensitivity": "experiments.sensitivity_analysis",
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'experiments' has no attribute '{name}'")
