"""Does an intervention keep the rules that every one must keep? A check for whoever writes a new one.

    from experiments.conformance import faults
    assert not faults(MyPolicy, {"my_lever": 0.5})

Runs the invented territory four times at one seed, with and without the intervention, and compares everything that a
run leaves behind. Owns no rule of the model. How to write an intervention: docs/interventions.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from abm import randomness
from abm.laws import BrokenLawError
from abm.model import TerritoryModel
from abm.policies import Policy, is_active
from abm.randomness import Stream
from abm.records import Episodes
from abm.scenario import load_scenario
from abm.state import NEVER

if TYPE_CHECKING:
    from collections.abc import Set

SETTINGS: dict[str, Any] = {"days": 240, "warm_up_days": 60, "follow_up_days": 30, "start": "2020-03-01"}
#: Of an episode, what does not depend on the rows of people.
LIFE = ("asked_on", "closed_on", "appointment_on", "provider", "place", "kind", "channel", "outcome", "attempts")


def faults(
    policy: type[Policy], levels: Mapping[str, Any], *, territory: str = "tiny", seed: int = 3, **settings: Any
) -> list[str]:
    """Return what an intervention does that none may do, one sentence each; empty: it conforms.

    Parameters
    ----------
    policy : the class `POLICY` of its file.
    levels : lever to a value at which it does something.
    **settings : fields of the scenario, over `SETTINGS`.

    Notes
    -----
    Checked: its levers are described and in bounds; at neutral values, whatever is said of how it would act, every
    result is the baseline's to the byte; with it the laws hold, nothing differs before the horizon, something does
    after; the same seed gives the same run; while it prepares or decides it draws from its own streams only (draws of
    compiled rules do not pass here).
    """
    found = _faults_of_levers(policy)
    usual = _baseline(territory, seed, tuple(sorted((SETTINGS | settings).items())))
    setting = {**SETTINGS, **settings}
    silent = {lever.name: lever.away if lever.of else lever.neutral for lever in policy.levers}
    if is_active(policy, load_scenario(**silent).levers):
        found.append(f"{policy.name} is made although all its main levers are neutral")
    if digests(lived(territory, seed, setting | silent)) != digests(usual):
        found.append(f"{policy.name} changes results at its neutral values")
    try:
        with streams_drawn_by(policy) as drawn:
            changed = lived(territory, seed, setting | dict(levels))
    except BrokenLawError as error:
        return [*found, f"{policy.name} breaks a law: {error}"]
    strange = sorted(Stream(stream).name for stream in drawn - {int(Stream[name]) for name in policy.streams})
    if strange:
        found.append(f"{policy.name} draws from {', '.join(strange)}, which it does not name in `streams`")
    if digests(lived(territory, seed, setting | dict(levels))) != digests(changed):
        found.append(f"{policy.name} gives two results at one seed")
    return found + _faults_in_time(policy, usual, changed)


def _faults_of_levers(policy: type[Policy]) -> list[str]:
    names = {lever.name for lever in policy.levers}
    found = []
    for lever in policy.levers:
        if not (lever.name and lever.unit and lever.meaning):
            found.append(f"lever '{lever.name}' has no unit or no meaning")
        if lever.of and lever.of not in names:
            found.append(f"lever '{lever.name}' says more about '{lever.of}', which is none of its policy")
        if not lever.is_text and not lever.low <= lever.neutral <= lever.high:
            found.append(f"lever '{lever.name}': the neutral value is out of bounds")
    return found


def _faults_in_time(policy: type[Policy], usual: TerritoryModel, changed: TerritoryModel) -> list[str]:
    """Return what differs before the horizon, or that nothing does after it has begun."""
    first, found = usual.setting.first_reported_day, []
    before, after = (table[(table[:, 2] <= first) & (table[:, 2] != NEVER)] for table in (lives(usual), lives(changed)))
    months = slice(0, int(usual.arrays.ledger_month_of[first]))
    n = usual.arrays.providers.size
    is_paid_alike = np.array_equal(usual.arrays.paid[months], changed.arrays.paid[months])
    if not np.array_equal(before, after) or not is_paid_alike:
        found.append(f"{policy.name} changes something before the horizon begins")
    if not np.array_equal(changed.arrays.providers.address[:n], usual.arrays.providers.address):
        found.append(f"{policy.name} gives professionals other addresses, so other luck")
    if digests(changed) == digests(usual):
        found.append(f"{policy.name} changes nothing at these levels: choose others, or it has no effect")
    return found


def lived(territory: str, seed: int, settings: Mapping[str, Any]) -> TerritoryModel:
    """Return a model that has lived to its end."""
    model = TerritoryModel(territory, rng=seed, **settings)
    model.run_to_end()
    return model


@cache
def _baseline(territory: str, seed: int, settings: tuple[tuple[str, Any], ...]) -> TerritoryModel:
    return lived(territory, seed, dict(settings))


def lives(model: TerritoryModel) -> np.ndarray:
    """Return everybody's episodes, sorted by person and date: they owe nothing to the rows of people."""
    episodes = model.records().episodes
    person = model.arrays.patients.person[episodes.patient].astype(np.int64)
    table = np.column_stack([person, *(episodes[name].astype(np.int64) for name in LIFE)])
    return table[np.lexsort(table.T[::-1])]


def digests(model: TerritoryModel) -> dict[str, str]:
    """Return a digest of each table that a run leaves behind, by name."""
    records = model.records()
    tables = {field.name: getattr(records, field.name) for field in fields(records)}
    found = {name: table.digest() for name, table in tables.items() if isinstance(table, Episodes)}
    arrays = {name: np.ascontiguousarray(table) for name, table in tables.items() if isinstance(table, np.ndarray)}
    arrays["effects"] = model.arrays.effects
    return found | {name: hashlib.sha256(_bytes(array)).hexdigest() for name, array in arrays.items()}


def _bytes(array: np.ndarray) -> bytes:
    """Return the values of an array, without what lies between the fields of its rows."""
    if array.dtype.names is None:
        return str(array.shape).encode() + array.tobytes()
    return b"".join(np.ascontiguousarray(array[name]).tobytes() for name in array.dtype.names)


@contextmanager
def streams_drawn_by(policy: type[Policy]) -> Iterator[Set[int]]:
    """Note the streams from which draws are made while interventions of a class prepare or decide."""
    drawn: set[int] = set()
    fill, own = randomness.fill_uniform, {name: getattr(policy, name) for name in ("prepare", "on_month")}
    is_mine = [False]

    def noted(key: Any, stream: int, *rest: Any) -> None:
        if is_mine[0]:
            drawn.add(int(stream))
        fill(key, stream, *rest)

    def listened(method: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            is_mine[0] = True
            try:
                method(*arguments)
            finally:
                is_mine[0] = False

        return call

    had = {name: name in vars(policy) for name in own}
    try:
        randomness.fill_uniform = noted  # type: ignore[assignment]
        for name, method in own.items():
            setattr(policy, name, listened(method))
        yield drawn
    finally:
        randomness.fill_uniform = fill
        for name, method in own.items():
            if had[name]:
                setattr(policy, name, method)
            else:
                delattr(policy, name)
