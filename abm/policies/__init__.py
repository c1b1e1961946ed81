"""What can a policy change? One file an intervention: its levers, and what it does.

A file of this folder that holds a class `POLICY` is an intervention; its levers appear by themselves in scenarios, on
the command line, in the JSON schema and in the tables of the documentation. An intervention acts through the model and
its agents (`model.add_practices`, `gp.leave_practice`, `gp.capacity_share = …`), so its file imports nothing but this.
At the neutral value of all its levers it is not even made: the run is the baseline, to the byte.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from abm.model import TerritoryModel
    from abm.state import Payer

CENTS_A_EURO, MONTHS_A_YEAR = 100, 12


@dataclass(frozen=True)
class Lever:
    """One thing that a policy can be asked for.

    Attributes
    ----------
    name : as written in a scenario.
    unit : of its value.
    meaning : one phrase.
    low, high : bounds of the value, both allowed; without meaning for a text.
    kind : type of the value: float, int where only whole numbers make sense, or str for names and dates.
    neutral : value at which nothing whatever happens; of a text, the empty one.
    choices : the texts allowed beside the empty one; none given: any that `pattern` accepts.
    pattern : regular expression of the texts allowed beside the empty one.
    example : a text that the lever accepts, for tests and documentation.
    of : name of the lever that this one says more about; alone it does nothing.
    """

    name: str
    unit: str
    meaning: str
    low: float = 0
    high: float = 1
    kind: type = float
    neutral: Any = 0
    choices: tuple[str, ...] = ()
    pattern: str = ""
    example: str = ""
    of: str = ""

    @property
    def is_text(self) -> bool:
        """True for names and dates."""
        return self.kind is str

    @property
    def text_pattern(self) -> str:
        """Regular expression of every text allowed, the neutral one included."""
        return f"^({self.neutral}|{'|'.join(self.choices) if self.choices else self.pattern or '.*'})$"

    @property
    def away(self) -> Any:
        """A value other than the neutral one: the highest, or an example of a text."""
        return (self.example or self.choices[0]) if self.is_text else self.kind(self.high)


class Policy:
    """One intervention of one run; subclasses say which levers they have and what they do.

    Parameters
    ----------
    values : the scenario's levers, of which `self.value(name)` reads its own.
    """

    name: ClassVar[str]
    levers: ClassVar[tuple[Lever, ...]]
    #: Names of the streams of `abm.randomness` that it may draw from, itself or through what it sets off.
    streams: ClassVar[tuple[str, ...]] = ()

    def __init__(self, values: Any) -> None:
        self.values = {lever.name: getattr(values, lever.name) for lever in self.levers}

    def value(self, name: str) -> Any:
        """Return what a lever of this policy stands at."""
        return self.values[name]

    def assumptions(self) -> tuple[str, ...]:
        """Return what was taken for granted where the scenario did not say it, one sentence each; told with results."""
        return ()

    def prepare(self, model: TerritoryModel) -> None:
        """Change the world before its first day; the agents are not there yet. Nothing by default."""

    def pay_a_month(self, model: TerritoryModel, today: int, payer: Payer, eur_per_year: float) -> None:
        """Book a twelfth of a yearly cost on the first of a month; call it in `on_month`."""
        if model.setting.calendar.is_first_of_month[today]:
            model.pay_for_action(today, payer, round(eur_per_year * CENTS_A_EURO / MONTHS_A_YEAR))

    def on_month(self, model: TerritoryModel, today: int) -> None:
        """Decide on the evening of the first day of the horizon and of each month after. Nothing by default."""


@cache
def policies() -> tuple[type[Policy], ...]:
    """Return every intervention there is, by the names of their files."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(import_module(f"{__name__}.{name}").POLICY for name in names)


def levers() -> tuple[Lever, ...]:
    """Return the levers of every intervention, in their order."""
    return tuple(lever for policy in policies() for lever in policy.levers)


def active_policies(values: Any) -> tuple[Policy, ...]:
    """Return the interventions that a scenario's levers ask for: those with a lever away from its neutral value.

    A lever that only says more about another one (`Lever.of`) asks for nothing by itself.
    """
    return tuple(policy(values) for policy in policies() if is_active(policy, values))


def is_active(policy: type[Policy], values: Any) -> bool:
    """Tell whether the levers ask for an intervention."""
    return any(getattr(values, lever.name) != lever.neutral for lever in policy.levers if not lever.of)
