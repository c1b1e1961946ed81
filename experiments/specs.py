"""Which run is this? A run of a batch, named by a digest of all that its numbers follow from.

Owns the naming of runs: two runs with one digest are the same run, are never made twice, and give the same row. Makes
no run and reads no result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import abm
from abm.errors import InputError
from abm.parameters import load_parameters
from abm.scenario import GROUPS, Scenario, load_scenario

if TYPE_CHECKING:
    from abm.environment.territory import Territory

FORMAT = 2
LARGEST_SEED = 2**63 - 1
COVERED = ("environment/territories/", "scenarios/")  # what a run uses of them has digests of its own


@dataclass(frozen=True)
class RunSpec:
    """One run of a batch, small enough to be sent anywhere; made by `RunSpec.of` or `make_specs`.

    Attributes
    ----------
    place : name of a built-in territory, or path of a pack; not part of the digest.
    territory, territory_digest : name of the territory, digest of its files.
    scenario : as resolved, canonical JSON.
    parameters_digest : digest of all numbers, the scenario's included.
    seed : of the run, from 0.
    settings : what the design sets in this run, canonical JSON: columns `set.…` of the table.
    code : digest of the model, see `code_digest`.
    measure : what its row holds besides the indicators, see `experiments.measuring`.
    """

    place: str
    territory: str
    territory_digest: str
    scenario: str
    parameters_digest: str
    seed: int
    settings: str
    code: str
    measure: str = ""

    @classmethod
    def of(
        cls,
        scenario: str | Path | Scenario = "baseline",
        territory: str | Path = "saverne",
        seed: int = 1,
        **settings: Any,
    ) -> RunSpec:
        """Return one run; `settings` are fields of the scenario, levers or parameters by name, e.g. `days=365`.

        Raises
        ------
        InputError
            Whatever cannot be used.
        """
        (spec,) = make_specs([scenario], [seed], [settings], territory=territory)
        return spec

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that the row of this run follows from."""
        facts = {key: value for key, value in vars(self).items() if key in DIGESTED} | {"format": FORMAT}
        return hashlib.sha256(canonical(facts).encode()).hexdigest()


DIGESTED = frozenset(field.name for field in fields(RunSpec)) - {"place"}


def make_specs(
    scenarios: Iterable[str | Path | Scenario] = ("baseline",),
    seeds: Iterable[int] = (1,),
    settings: Iterable[Mapping[str, Any]] = ({},),
    *,
    territory: str | Path | Territory = "saverne",
    measure: str = "",
) -> list[RunSpec]:
    """Return every scenario under every settings with every seed, the seeds changing fastest.

    Parameters
    ----------
    measure : what their rows hold besides the indicators, see `experiments.measuring`.

    Raises
    ------
    InputError
        Unknown territory, scenario or key; a value out of range.
    """
    seeds, points = [checked_seed(seed) for seed in seeds], list(settings)
    maker = SpecMaker(territory, measure)
    bases = [load_scenario(scenario) for scenario in scenarios]
    return [spec for base in bases for chosen in points for spec in maker.make(base, chosen, seeds)]


class SpecMaker:
    """Makes the runs of one territory; what they share is found once.

    Raises
    ------
    InputError
        Unknown territory.
    """

    def __init__(self, territory: str | Path | Territory, measure: str = "") -> None:
        from experiments.provenance import territory_facts
        from experiments.running import find_territory

        self.pack = find_territory(territory) if isinstance(territory, str | Path) else territory
        facts = territory_facts(self.pack)
        self.shared = {
            "place": facts["path"] or facts["name"],
            "territory": facts["name"],
            "territory_digest": facts["digest"],
            "code": code_digest(),
            "measure": measure,
        }

    def make(self, base: Scenario, settings: Mapping[str, Any], seeds: Iterable[int]) -> list[RunSpec]:
        """Return the runs of one case, one for each seed.

        Raises
        ------
        InputError
            Unknown key, a value out of range.
        """
        scenario = load_scenario(base, **settings) if settings else base
        case = {
            "scenario": canonical(scenario.model_dump(mode="json")),
            "parameters_digest": load_parameters().with_values(scenario.parameters).digest,
            "settings": canonical(by_name(settings)),
        }
        return [RunSpec(**self.shared, **case, seed=seed) for seed in seeds]


@cache
def code_digest() -> str:
    """Return a digest (64 hex digits) of the model: all its code and data but built-in territories and scenarios."""
    folder, state = Path(abm.__file__).parent, hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".csv", ".yaml")):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(COVERED):
            content = file.read_bytes()
            state.update(f"{name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


def by_name(settings: Mapping[str, Any]) -> dict[str, float | str | None]:
    """Return settings by name, parameters by their name also when given by id; numbers, texts or nothing."""
    flat = {key: value for key, value in settings.items() if key not in GROUPS}
    for group in GROUPS:
        flat |= dict(settings.get(group, {}))
    registry = load_parameters()
    return {registry.entry(key).name if key in registry else key: _number_or_text(flat[key]) for key in flat}


def _number_or_text(value: Any) -> float | str | None:
    if value is None or isinstance(value, bool | str):
        return None if value is None else str(value)
    return float(value) if isinstance(value, Real) else str(value)


def checked_seed(seed: Any) -> int:
    """Return a seed if it is one.

    Raises
    ------
    InputError
        Not a whole number from 0 to 2⁶³ − 1.
    """
    number = int(seed) if isinstance(seed, Integral) and seed is not True else -1
    if not 0 <= number <= LARGEST_SEED:
        raise InputError(f"'seed': found {seed!r}, expected a whole number from 0 to {LARGEST_SEED}")
    return number


def canonical(content: Any) -> str:
    """Return JSON that is the same text for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
