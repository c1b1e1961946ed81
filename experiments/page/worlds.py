"""Two worlds of one seed: the status quo, and the policy that somebody is trying out.

Owns the pair and its clock. While every lever stands at its neutral value there is only one world: it is both. When a
lever is moved, the policy's world is made anew and lives again up to today, so what is seen is what would have happened
had the policy begun with the horizon. Knows nothing of pages; whoever calls decides when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.scenario import load_scenario

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from abm.model import TerritoryModel
    from abm.scenario import Scenario
    from experiments.page.pictures import Picture
    from experiments.page.watching import Watcher

#: Asked before every day: True, and what is being done is left there.
Stop = Callable[[], bool]


def never() -> bool:
    """Let everything come to its end."""
    return False


class Worlds:
    """The status quo and a policy, side by side.

    Parameters
    ----------
    territory : a pack, its name or path.
    seed : of both.
    scenario : on which the levers are put; its own levers hold in both worlds.
    **overrides : fields, levers or parameters of the scenario, for both.

    Raises
    ------
    InputError
        Whatever cannot be used.
    """

    def __init__(
        self,
        territory: str | Path | Territory = "tiny",
        seed: int = 1,
        scenario: str | Path | Scenario = "baseline",
        **overrides: Any,
    ) -> None:
        from abm.environment.territory import load_territory

        self.territory = load_territory(territory) if isinstance(territory, str | Path) else territory
        self.seed = seed
        self.reference = load_scenario(scenario, **overrides)
        self.levers: dict[str, Any] = {}
        self._baseline: Watcher | None = None
        self._policy: Watcher | None = None

    @property
    def is_ready(self) -> bool:
        """True once the warm-up is over and there is something to see."""
        return self._baseline is not None

    @property
    def baseline(self) -> TerritoryModel:
        """The world of the status quo."""
        assert self._baseline is not None, "prepare() comes first"
        return self._baseline.model

    @property
    def policy(self) -> TerritoryModel:
        """The world of the policy; the same as the other where no lever is moved."""
        return self.baseline if self._policy is None else self._policy.model

    @property
    def is_over(self) -> bool:
        """True at the end of the horizon; the days of follow-up are not lived here."""
        return self.is_ready and self.baseline.day >= self.baseline.setting.end_of_horizon

    def prepare(self, stop: Stop = never) -> bool:
        """Make the status quo and live its warm-up; tell whether that came to its end."""
        model = self._make({})
        if not _live_to(model, model.setting.first_reported_day, stop):
            return False
        self._baseline = _watched(model)
        return True

    def try_out(self, levers: Mapping[str, Any], stop: Stop = never) -> bool:
        """Give the policy other levers and let it live again up to today; tell whether that came to its end.

        Raises
        ------
        InputError
            A level that this territory cannot have; the policy stays as it was.
        """
        moved = {name: value for name, value in levers.items() if value != getattr(self.reference.levers, name)}
        if moved == self.levers:
            return True
        if not moved:
            self._policy, self.levers = None, {}
            return True
        model = self._make(moved)
        if not _live_to(model, self.baseline.day, stop):
            return False
        self._policy, self.levers = _watched(model), moved
        return True

    def advance(self, days: int) -> None:
        """Live some days in both worlds, at most to the end of the horizon."""
        last = min(self.baseline.day + days, self.baseline.setting.end_of_horizon)
        for model in {id(self.baseline): self.baseline, id(self.policy): self.policy}.values():
            _live_to(model, last, never)

    def pictures(self) -> tuple[Picture, Picture]:
        """Return what is to be seen of the status quo and of the policy."""
        assert self._baseline is not None, "prepare() comes first"
        before = self._baseline.picture()
        return before, before if self._policy is None else self._policy.picture()

    def _make(self, levers: Mapping[str, Any]) -> TerritoryModel:
        from abm.model import TerritoryModel

        return TerritoryModel(self.territory, load_scenario(self.reference, **levers), rng=self.seed)


def _watched(model: TerritoryModel) -> Watcher:
    from experiments.page.watching import Watcher

    return Watcher(model)


def _live_to(model: TerritoryModel, day: int, stop: Stop) -> bool:
    """Live up to the morning of a day; tell whether nobody stopped it."""
    while model.day < day:
        if stop():
            return False
        model.step()
    return True
