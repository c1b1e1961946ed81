"""What can be asked of the model: a run, and results read again. Imported on first use: `--help` costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.running import load, run

__all__ = ["load", "run"]

_HOMES = {"run": "experiments.running", "load": "experiments.running"}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'experiments' has no attribute '{name}'")
