"""What can be seen of a world at once? The figures that the page shows; light: a page is drawn before any model.

Owns their names. `watching` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

SERIES = ("gp_wait", "specialist_wait", "emergency", "spend", "enrolled", "video")
MAPS = ("delay", "access", "enrolment", "emergency")


@dataclass(frozen=True)
class Picture:
    """A world on the evening before a day.

    Attributes
    ----------
    date : of the next day to live, ISO form.
    months : the months that are over since the horizon began, "2020-01".
    series : name to one value a month, None where there is none; see `SERIES`.
    communes : name to one value a commune, None where too little is known; see `MAPS`.
    people, enrolled : inhabitants, and members of the care network, today.
    """

    date: str
    months: tuple[str, ...]
    series: dict[str, list[float | None]]
    communes: dict[str, list[float | None]]
    people: int
    enrolled: int
