"""Agent-based simulation of a rural health territory: people, doctors, roads, and how long care takes to come.

`TerritoryModel` is a Mesa model; `Scenario` says what is simulated, `Territory` where. Imported on first use, so that
asking for help costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from abm.model import TerritoryModel
    from abm.scenario import Scenario

__version__ = "0.1.0"
__all__ = ["Scenario", "Territory", "TerritoryModel", "__version__"]

_HOMES = {"TerritoryModel": "abm.model", "Scenario": "abm.scenario", "Territory": "abm.environment.territory"}


def __getattr__(name: str) -> Any:
    """Import the three public classes when they are first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'abm' has no attribute '{name}'")
