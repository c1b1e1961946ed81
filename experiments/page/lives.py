"""Whose life can be read, and how is it told? One person under the status quo and under the policy.

Owns who is offered to a reader and the sentences in both languages; the lives themselves are those of
`experiments.tracing`. Reads the worlds; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.state import Status
from experiments.page.words import fact_word, say, value_word
from experiments.tracing import Life, Line, cause_of, first_difference, life_of

if TYPE_CHECKING:
    from abm.model import TerritoryModel

MOST_PEOPLE = 14
MOST_LINES = 200
UNTOLD = (None, "", "none", False)


@dataclass(frozen=True)
class Told:
    """One life, or the same life twice, as the page shows it.

    Attributes
    ----------
    who : one sentence.
    lines : (text under the status quo, text under the policy, differs); an empty text where a life has no such line.
    parting : place of the first line that differs, None where the lives are the same.
    cause : what differs there, "" where nothing does.
    """

    person: int
    who: str
    lines: tuple[tuple[str, str, bool], ...]
    parting: int | None
    cause: str


def people_of(model: TerritoryModel, commune: int, language: str) -> list[dict[str, Any]]:
    """Return some inhabitants of a commune to choose from, those with most diseases first.

    Returns
    -------
    of each: person (number), text.
    """
    people = model.arrays.patients
    rows = np.flatnonzero((people.commune == commune) & (people.status == Status.ALIVE))
    n_conditions = np.array([int(bits).bit_count() for bits in people.conditions[rows]], np.int64)
    chosen = rows[np.lexsort((people.person[rows], -n_conditions))]
    half = MOST_PEOPLE // 2  # the ill have most to tell; every k-th of the others stands for the rest
    rest = chosen[half:]
    chosen = np.concatenate([chosen[:half], rest[:: max(len(rest) // half, 1)][: MOST_PEOPLE - half]])
    return [{"person": int(people.person[row]), "text": _who(model, int(row), language)} for row in chosen]


def _who(model: TerritoryModel, row: int, language: str) -> str:
    people = model.arrays.patients
    years = int(max(0, model.day - people.birth_day[row]) * 4 // 1461)
    names = [c.name for bit, c in enumerate(model.setting.conditions) if people.conditions[row] >> bit & 1]
    sex = say("woman" if people.is_female[row] else "man", language)
    return ", ".join([f"{sex}, {years} {say('years', language)}", *(value_word(name, language) for name in names)])


def tell(person: int, baseline: TerritoryModel, policy: TerritoryModel, language: str) -> Told:
    """Return one life under both worlds, side by side.

    Raises
    ------
    InputError
        Nobody has this number.
    """
    mine = life_of(baseline.records(), person)
    other = mine if policy is baseline else life_of(policy.records(), person)
    parting = None if policy is baseline else first_difference(mine, other)
    lines = _beside(mine, other, parting, policy is not baseline, language)
    cause = "" if parting is None else say(_cause_key(cause_of(mine, other, parting)), language)
    return Told(person, _sentence(mine, language), lines, parting, cause)


def _beside(
    mine: Life, other: Life, parting: int | None, is_pair: bool, language: str
) -> tuple[tuple[str, str, bool], ...]:
    """Return the lines of two lives: shared ones once, from where they part on by date."""
    shared = mine.lines[: len(mine.lines) if parting is None else parting]
    rows = [(sentence(line, language), sentence(line, language) if is_pair else "", False) for line in shared]
    if parting is not None:
        left, right = list(mine.lines[parting:]), list(other.lines[parting:])
        while left or right:
            a, b = (left[0] if left else None), (right[0] if right else None)
            if a is not None and b is not None and a == b:
                rows.append((sentence(left.pop(0), language), sentence(right.pop(0), language), False))
            elif b is None or (a is not None and (a.date, a.what) <= (b.date, b.what)):
                is_twin = b is not None and a is not None and (a.date, a.what) == (b.date, b.what)
                text = sentence(left.pop(0), language)
                rows.append((text, sentence(right.pop(0), language) if is_twin else "", True))
            else:
                rows.append(("", sentence(right.pop(0), language), True))
    return tuple(rows[-MOST_LINES:])


def sentence(line: Line, language: str) -> str:
    """Return one line of a life as text."""
    known = {name: value for name, value in line.facts.items() if value not in UNTOLD}
    known.pop("provider", None)
    told = [value_word(str(known.pop("kind")), language)] if "kind" in known else []
    for name, value in known.items():
        if value is True:
            told.append(fact_word(name, language))
        elif name in ("appointment_on", "left_on"):
            told.append(f"{fact_word(name, language)} {value}")
        else:
            told.append(value_word(str(value), language))
    return f"{line.date}  {value_word(line.what, language)}: {', '.join(told)}"


def _sentence(life: Life, language: str) -> str:
    who = life.who
    parts = [
        f"{say('woman' if who['sex'] == 'F' else 'man', language)}, {who['age']} {say('years_at_start', language)}",
        str(who["commune"]),
        *(value_word(name, language) for name in who["conditions"]),
        say("with_gp" if who["registered_doctor"] is not None else "without_gp", language),
    ]
    if who["status"] != "alive":
        parts.append(f"{value_word(who['status'], language)} {who['gone_on']}")
    return ", ".join(parts)


def _cause_key(text: str) -> str:
    """Return the word for what differs where two lives part; `experiments.tracing` says it in English."""
    from experiments.tracing import CAUSES, NEVER_THERE

    for name, told in CAUSES.items():
        if text.startswith(told):
            return f"cause_{name}"
    return "cause_never_there" if text == NEVER_THERE else "cause_other"
