"""Which unit may stand where: a rate is not a probability, days are not years.

Owns the kinds of quantity that a condition file asks for, and the change of a registered value into the one used here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from abm.errors import InputError

PER_TIME = r"(?:/yr|per yr|person-yr)"
PER_MANY = {"per 1000 ": 1e-3, "per 100k ": 1e-5}
PER_UNIT_LESS = "per -1"


@dataclass(frozen=True)
class Quantity:
    """What a key of a condition file takes.

    Parameters
    ----------
    words : for messages.
    unit : pattern of the registry's units that say so.
    low, high : bounds, after the change of unit.
    """

    words: str
    unit: re.Pattern[str]
    low: float = 0.0
    high: float = math.inf

    def of(self, name: str, value: float, unit: str) -> float:
        """Return a registered value as the quantity.

        Raises
        ------
        InputError
            Out of bounds; a unit that means something else.
        """
        if not self.unit.match(unit):
            self._within(value)
            raise InputError(f"'{name}' is in '{unit}', expected {self.words}")
        if unit.startswith(tuple(PER_MANY)):
            value *= next(factor for start, factor in PER_MANY.items() if unit.startswith(start))
        if PER_UNIT_LESS in unit:
            value = 1.0 / value if value > 0.0 else math.inf
        return self._within(value)

    def _within(self, value: float) -> float:
        if not (self.low <= value <= self.high and math.isfinite(value)):
            raise InputError(f"found {value:g}, expected {self.low:g} to {self.high:g}")
        return value


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


SHARE = Quantity("a share", _pattern(rf"(?:share|probability)\b(?!.*{PER_TIME})"), high=1.0)
RATE = Quantity("a rate a year", _pattern(rf"per\b.*{PER_TIME}"))
PERSONS = Quantity("persons a case and year", _pattern(rf"persons/case{PER_TIME}"), high=0.95)
DAYS = Quantity("days", _pattern(r"days\b"), low=1.0)
NIGHTS = Quantity("days", _pattern(r"days\b"))
VISITS = Quantity("visits a year", _pattern(rf".*{PER_TIME}"))
RATIO = Quantity("a ratio", _pattern(r"(?:ratio|RR)\b"), low=1e-3, high=1e3)
SPREAD = Quantity("a spread of logarithms", _pattern(r"sd of log"), high=3.0)
DECREMENT = Quantity("a loss of utility, 0 or less", _pattern(r"utility"), low=-1.0, high=0.0)
LEVEL = Quantity("a value of control", _pattern(r"."), low=-math.inf)
