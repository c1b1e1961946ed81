"""Combinations of parameters that agree with what was observed: their file, read again, and how a run takes one.

Owns the file (`posterior.json`) and whether it may be used: only with the model whose numbers it was fitted to. That is
so when the code is the same, or when a short run of the invented territory still gives the same figures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import calibration
from abm.errors import InputError, nearest
from abm.parameters import load_parameters
from abm.scenario import Scenario, load_scenario

FORMAT, KIND = 1, "posterior"
FOLDER = Path(str(calibration.__file__)).parent / "posteriors"
ASSUMPTION_RATIO = 0.8  # of variances, posterior over prior: above it the targets have told next to nothing
PROBE_DAYS = 60
DIGITS = 9
KEYS = ("format", "kind", "version", "model", "figures", "territory", "scenario", "parameters", "samples")


@dataclass(frozen=True)
class Fitted:
    """A fitted parameter.

    Attributes
    ----------
    low, high : its prior was even between them.
    variance_ratio : variance of the samples over that of the prior.
    """

    name: str
    low: float
    high: float
    unit: str
    variance_ratio: float

    @property
    def is_assumption(self) -> bool:
        """Whether the targets have told next to nothing about it."""
        return self.variance_ratio > ASSUMPTION_RATIO


@dataclass(frozen=True)
class Posterior:
    """A sample of combinations.

    Attributes
    ----------
    parameters : what was fitted, d of them.
    samples : shape (samples, d), in the parameters' units.
    facts : how it was made: territory, scenario, targets, version.
    """

    parameters: tuple[Fitted, ...]
    samples: NDArray[np.float64]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters, in the order of the samples."""
        return tuple(one.name for one in self.parameters)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Names of parameters that the targets do not tell: results that rest on them rest on an assumption."""
        return tuple(one.name for one in self.parameters if one.is_assumption)

    def sample(self, number: int) -> dict[str, float]:
        """Return a combination by its number, name to value.

        Raises
        ------
        InputError
            No such number.
        """
        if not 0 <= number < len(self.samples):
            raise InputError(f"--sample: found {number}, expected 0 to {len(self.samples) - 1}")
        return dict(zip(self.names, map(float, self.samples[number]), strict=True))

    def draw(self, seed: int) -> dict[str, float]:
        """Return the combination of a seed: always the same, at an address of its own."""
        digest = hashlib.sha256(f"posterior\0{seed}".encode()).digest()
        return self.sample(int.from_bytes(digest[:8], "big") % len(self.samples))

    def note(self) -> str:
        """Return in words what results under this sample rest on."""
        if not self.assumptions:
            return "Every fitted number is told by the targets."
        names = ", ".join(self.assumptions)
        return f"Assumption, not told by the targets (variance above {ASSUMPTION_RATIO:.0%} of the prior's): {names}."


def with_sample(scenario: Scenario, source: str | Path, seed: int, overrides: Mapping[str, Any]) -> Scenario:
    """Return a scenario with the combination of a seed; what the user has set himself stays.

    Raises
    ------
    InputError
        The sample cannot be used.
    """
    set_by_user = load_parameters().with_values({k: v for k, v in overrides.items() if k in load_parameters()})
    drawn = load_posterior(source).draw(seed)
    kept = {name: value for name, value in drawn.items() if name not in set_by_user.overridden}
    return load_scenario(scenario, parameters={**scenario.parameters, **kept})


def find_posterior(name_or_path: str | Path) -> Path:
    """Return the file of a posterior: a path, the folder of a calibration, or the name of a built-in one.

    Raises
    ------
    InputError
        There is none.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if (path / "posterior.json").is_file():
        return path / "posterior.json"
    built_in = sorted(file.stem for file in FOLDER.glob("*.json"))
    if str(name_or_path) in built_in:
        return FOLDER / f"{name_or_path}.json"
    raise InputError(f"no such posterior sample.{nearest(str(name_or_path), built_in)}", file=path)


def load_posterior(name_or_path: str | Path, *, is_checked: bool = True) -> Posterior:
    """Read a posterior sample.

    Parameters
    ----------
    is_checked : refuse one that was fitted to a model with other numbers.

    Raises
    ------
    InputError
        Not there, not such a file, of another version of the model, a parameter unknown or beyond its range.
    """
    file = find_posterior(name_or_path)
    content = _read(file)
    fitted = [_fitted(row, file) for row in content["parameters"]]
    samples = _samples(content["samples"], fitted, file)
    if is_checked:
        _refuse_other_model(content, file)
    facts = {key: value for key, value in content.items() if key not in ("parameters", "samples")}
    return Posterior(tuple(fitted), samples, facts)


@cache
def kept_posterior(file: str) -> Posterior:
    """Return a sample that was checked before, read once: a design asks for it at every point."""
    return load_posterior(file, is_checked=False)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError("holds no posterior sample", file=file)
    if content.get("format") != FORMAT:
        raise InputError(f"has format {content.get('format')}, this version reads {FORMAT}: calibrate again", file=file)
    missing = [key for key in KEYS if key not in content]
    if missing:
        raise InputError(f"'{missing[0]}' is missing", file=file)
    return content


def _fitted(row: Any, file: Path) -> Fitted:
    registry = load_parameters()
    try:
        one = Fitted(**{key: row[key] for key in ("name", "low", "high", "unit", "variance_ratio")})
        float(one.low), float(one.high), float(one.variance_ratio)
    except (KeyError, TypeError, ValueError):
        message = f"found {row!r}, expected name, low, high, unit and variance_ratio"
        raise InputError(message, file=file) from None
    if one.name not in registry:
        raise InputError(f"unknown parameter '{one.name}'.{nearest(one.name, registry)}", file=file)
    return one


def _samples(rows: Any, fitted: Sequence[Fitted], file: Path) -> NDArray[np.float64]:
    try:
        samples = np.array(rows, float)
    except (TypeError, ValueError):
        samples = np.zeros(0)
    if samples.ndim != 2 or samples.shape[1] != len(fitted) or not len(samples) or not np.isfinite(samples).all():
        raise InputError(f"'samples': expected rows of {len(fitted)} numbers", file=file)
    registry = load_parameters()
    for one, column in zip(fitted, samples.T, strict=True):
        for value in (column.min(), column.max()):
            try:
                registry.entry(one.name).check(float(value))
            except InputError as error:
                raise InputError(error.message, file=file) from None
    return samples


def _refuse_other_model(content: dict[str, Any], file: Path) -> None:
    """Refuse a sample that was fitted to a model with other numbers."""
    import abm
    from experiments.specs import code_digest

    if is_of_this_model(content):
        return
    message = (
        f"was fitted to version {content['version']} ({str(content['model'])[:12]}) of the model, whose figures differ "
        f"from those of this one, {abm.__version__} ({code_digest()[:12]}): calibrate again"
    )
    raise InputError(message, file=file)


def is_of_this_model(content: Mapping[str, Any]) -> bool:
    """Tell whether a file was made with the numbers of this model: the same code, or other code that says the same.

    Parameters
    ----------
    content : with `model` (digest of the code), `version` and `figures` (see `model_figures`).
    """
    import abm
    from experiments.specs import code_digest

    if content["model"] == code_digest():
        return True
    return bool(content["version"] == abm.__version__ and content["figures"] == model_figures())


@cache
def model_figures() -> str:
    """Return a digest of what this model says in a short run of the invented territory: its numbers, not its text."""
    from abm.indicators import indicators
    from abm.model import TerritoryModel

    model = TerritoryModel("tiny", rng=0, days=PROBE_DAYS, warm_up_days=PROBE_DAYS, follow_up_days=0)
    model.run_to_end()
    table = indicators(model.release(), ("all",))
    lines = [
        f"{name}={value:.{DIGITS}g}"
        for name, value in zip(table["indicator"], table["value"].astype(float), strict=True)
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def posterior_content(fitted: Sequence[Fitted], samples: NDArray[np.float64], facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a posterior file holds; `facts` has territory, scenario and whatever else is worth knowing."""
    import abm
    from experiments.specs import code_digest

    head = {
        "format": FORMAT, "kind": KIND, "version": abm.__version__, "model": code_digest(), "figures": model_figures(),
    }  # fmt: skip
    rows = [vars(one) | {"is_assumption": one.is_assumption} for one in fitted]
    return head | facts | {"parameters": rows, "samples": [[float(f"{v:.6g}") for v in row] for row in samples]}
