"""What happens to one inhabitant, day by day, and where does that life part under another policy?

Owns the telling of one life from the records of a run: requests, visits, emergencies, stays in hospital, money. Two
lives are told under one seed, so the first line in which they differ is where the policy, directly or through others,
first reached this person. What differs there stands in that line; the way on which the policy came is
`experiments.reaching`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.scenario import Scenario, load_scenario
from experiments.answers import number
from experiments.reaching import Link, way_to
from experiments.terminal import Progress, console

if TYPE_CHECKING:
    import datetime as dt

    from abm.records import Records

CENTS_A_EURO = 100.0
DAYS_A_YEAR = 365.25
#: What two lives may differ in, in one line, and what that means.
CAUSES = {
    "provider": "another doctor had a date",
    "appointment_on": "the appointment is on another day: the agenda was filled or emptied by others, or has more time",
    "channel": "the visit is offered another way",
    "outcome": "the request ends otherwise",
    "asked_on": "the need is asked on another day",
    "left_on": "the stay has another length",
}
NEVER_THERE = "one life has a line here that the other lacks: a need arose, or was answered, under one policy only"


@dataclass(frozen=True)
class Line:
    """Something that happened to a person on a day.

    Attributes
    ----------
    date : on which it was asked, or began.
    what : "request", "visit booked ahead", "emergency visit", "stay".
    facts : by name; days as dates in ISO form, None where there is none.
    """

    date: str
    what: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        known = {name: value for name, value in self.facts.items() if value not in (None, "", "none", False)}
        told = ", ".join(f"{name.replace('_', ' ')} {_readable(value)}" for name, value in known.items())
        return f"{self.date}  {self.what}: {told}"


@dataclass(frozen=True)
class Life:
    """One inhabitant under one scenario.

    Attributes
    ----------
    who : age at the start, sex, commune, conditions, registered doctor at the end, what care cost.
    lines : what happened, in order.
    """

    scenario: str
    who: dict[str, Any]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Trace:
    """One life, or two.

    Attributes
    ----------
    parting : number of the first line that differs, None when the lives are the same (or there is only one).
    cause : what differs there.
    way : how the policy reached this person, see `experiments.reaching.way_to`.
    """

    person: int
    seed: int
    lives: tuple[Life, ...]
    parting: int | None = None
    cause: str = ""
    way: tuple[Link, ...] = ()


def trace(
    person: int,
    scenario: str | Path | Scenario = "baseline",
    *,
    versus: str | Path | Scenario | None = None,
    territory: str | Path = "saverne",
    seed: int = 1,
    progress: Progress | None = None,
    **overrides: Any,
) -> Trace:
    """Tell one life, or the same life under two policies and where it parts.

    Parameters
    ----------
    person : number of the inhabitant, as in `events.parquet`.
    versus : the other policy; None tells one life.
    **overrides : fields, levers or parameters set in both scenarios.

    Raises
    ------
    InputError
        Unknown scenario, territory or inhabitant.
    """
    from experiments.running import find_territory, make_plan, simulate

    progress = progress or Progress()
    pack = find_territory(territory)
    both = [load_scenario(each, **overrides) for each in (scenario, versus) if each is not None]
    kept: list[Records] = []
    for each in both:
        found = simulate(make_plan(each, pack, seed, {}), progress)
        assert found.records is not None
        kept.append(found.records)
    lives = [life_of(records, person) for records in kept]
    parting = first_difference(lives[0], lives[1]) if len(lives) > 1 else None
    if parting is None:
        return Trace(person, seed, tuple(lives))
    way = way_to(row_of(kept[0], person), kept[0], kept[1])
    return Trace(person, seed, tuple(lives), parting, cause_of(lives[0], lives[1], parting), way)


def row_of(records: Records, person: int) -> int:
    """Return the row of a person in `patients`.

    Raises
    ------
    InputError
        Nobody has this number.
    """
    from abm.state import Status

    people = records.patients
    rows = np.flatnonzero((people.person == person) & (people.status != Status.EXPECTED))
    if not rows.size:
        known = people.person[people.status != Status.EXPECTED]
        raise InputError(f"nobody has the number {person}; there are {int(known.min())} to {int(known.max())}")
    return int(rows[0])


def life_of(records: Records, person: int) -> Life:
    """Return what the records know of a person.

    Raises
    ------
    InputError
        Nobody has this number.
    """
    row = row_of(records, person)
    lines = sorted([*_episodes(records, row), *_stays(records, row)], key=lambda line: (line.date, line.what))
    return Life(records.setting.scenario.name, _who(records, row), tuple(lines))


def _who(records: Records, row: int) -> dict[str, Any]:
    from abm.state import NEVER, NOBODY, Status

    setting, patient = records.setting, records.patients[row]
    names = [condition.name for condition in setting.conditions]
    spend = records.spend_cents[:, row].sum() if records.spend_cents.size else 0
    return {
        "age": int((setting.first_reported_day - patient.birth_day) / DAYS_A_YEAR),
        "sex": "F" if patient.is_female else "M",
        "commune": str(setting.territory.communes["name"].iloc[int(patient.commune)]),
        "income_quintile": int(patient.income_quintile),
        "conditions": [name for bit, name in enumerate(names) if patient.conditions >> bit & 1],
        "has_ald": bool(patient.has_ald),
        "registered_doctor": None if patient.registered_gp == NOBODY else int(patient.registered_gp),
        "status": Status(int(patient.status)).name.lower(),
        "gone_on": None if patient.gone_on == NEVER else _date(records, patient.gone_on),
        "spend_eur": float(spend) / CENTS_A_EURO,
    }


def _episodes(records: Records, row: int) -> list[Line]:
    """Return requests, visits booked ahead and emergency visits of a person."""
    from abm.state import NEVER, NOBODY, Channel, Contact, Kind, Outcome

    rows, lines = records.episodes, []
    for i in np.flatnonzero(rows.patient == row):
        kind, day = int(rows.kind[i]), rows.appointment_on[i]
        what = "emergency visit" if kind == Kind.EMERGENCY else "request"
        what = "visit booked ahead" if rows.is_planned[i] else what
        facts = {
            "kind": None if kind == Kind.EMERGENCY else records.setting.kinds[kind],
            "outcome": Outcome(int(rows.outcome[i])).name.lower(),
            "appointment_on": None if day == NEVER else _date(records, day),
            "channel": Channel(int(rows.channel[i])).name.lower(),
            "provider": None if rows.provider[i] == NOBODY else int(rows.provider[i]),
            "place": str(records.place_names(rows.place[i : i + 1])[0]),
            "contact": Contact(int(rows.contact[i])).name.lower(),
        }
        if what != "emergency visit" and facts["outcome"] not in ("withdrawn",):
            facts["contact"] = None
        lines.append(Line(_date(records, rows.asked_on[i]), what, facts))
    return lines


def _stays(records: Records, row: int) -> list[Line]:
    """Return the stays in hospital of a person."""
    lines, sites = [], records.setting.territory.sites["name"].tolist()
    for stay in records.stays[records.stays["patient"] == row]:
        came, left = (int(stay[name]) for name in ("admitted_on", "leaves_on"))
        facts = {
            "cause": str(records.setting.causes[int(stay["cause"])]),
            "site": sites[int(stay["site"])],
            "left_on": _date(records, left),
            "by_emergency": bool(stay["by_emergency"]),
            "is_readmission": bool(stay["is_readmission"]),
            "ends_in_death": bool(stay["ends_in_death"]),
        }
        lines.append(Line(_date(records, came), "stay", facts))
    return lines


def _date(records: Records, day: Any) -> str:
    date: dt.date = records.setting.calendar.date(int(day))
    return date.isoformat()


def first_difference(one: Life, other: Life) -> int | None:
    """Return the number of the first line that differs between two lives, None when none does."""
    for i, (mine, yours) in enumerate(zip(one.lines, other.lines, strict=False)):
        if mine != yours:
            return i
    return None if len(one.lines) == len(other.lines) else min(len(one.lines), len(other.lines))


def cause_of(one: Life, other: Life, parting: int) -> str:
    """Return what differs in the line in which two lives part, as far as records tell."""
    pair = [life.lines[parting] if parting < len(life.lines) else None for life in (one, other)]
    mine, yours = pair
    if mine is None or yours is None or mine.what != yours.what or mine.facts.get("kind") != yours.facts.get("kind"):
        return NEVER_THERE
    if mine.date != yours.date:
        return CAUSES["asked_on"]
    changed = [name for name in mine.facts if mine.facts[name] != yours.facts.get(name)]
    name = next((name for name in CAUSES if name in changed), changed[0])
    return CAUSES.get(name, f"{name} differs") + f" ({_readable(mine.facts[name])} / {_readable(yours.facts[name])})"


def _readable(value: Any) -> str:
    return "none" if value is None else str(value).replace("_", " ")


# --- in front of a reader -----------------------------------------------------------------------------------------


def show(found: Trace) -> None:
    """Print a life; of two, the lines up to where they part, then both."""
    screen = console()
    for life in found.lives:
        known = {name: value for name, value in life.who.items() if value not in (None, [], "")}
        known["spend_eur"] = number(known.get("spend_eur", 0.0), 0)
        told = ", ".join(f"{name.replace('_', ' ')} {', '.join(value) if isinstance(value, list) else value}"
                         for name, value in known.items())  # fmt: skip
        screen.print(f"Person {found.person} under '{life.scenario}' (seed {found.seed}): {told.replace('_', ' ')}")
    first = found.lives[0]
    if len(found.lives) == 1:
        for line in first.lines:
            screen.print(str(line))
        return
    if found.parting is None:
        screen.print(f"\nBoth lives are the same, line by line ({len(first.lines)}).")
        return
    for line in first.lines[: found.parting]:
        screen.print(f"  {line}")
    screen.print(f"\nHere the two lives part: {found.cause}")
    for step in way_in_words(found.way):
        screen.print(step)
    for life in found.lives:
        screen.print(f"\nUnder '{life.scenario}':")
        for line in life.lines[found.parting :]:
            screen.print(f"  {line}")


def way_in_words(way: Sequence[Link]) -> list[str]:
    """Return how a policy reached a person, a line for each on the way."""
    lines = []
    for i, link in enumerate(way):
        who = "this person" if i == 0 else f"person {link.person}"
        what = "was another life" if link.provider is None else f"had another date with doctor {link.provider}"
        why = f": {'; '.join(link.touched_by)}" if link.touched_by else ""
        lines.append(f"  {'because ' if i else ''}{who} from {link.date} on {what}{why}")
    if way and not way[-1].touched_by:
        lines.append(
            "  further back the records do not tell: through others, or the policy's effect on when people come"
        )
    return lines


def as_json(found: Trace) -> str:
    """Return a trace as JSON."""
    from experiments.store import to_json

    return to_json(asdict(found))
