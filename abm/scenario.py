"""What does this run ask for: which dates, which policy, which numbers other than the registry's?

Owns the scenario file: its fields, their ranges, how one scenario extends another, and the messages when a key or
value cannot be used. It knows parameters by name only and no territory.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from abm.errors import InputError, nearest
from abm.parameters import load_parameters
from abm.policies import Lever, levers
from abm.yaml_reader import KeyPath, YamlDocument, read_yaml

FOLDER = Path(__file__).parent / "scenarios"
BASELINE = "baseline"
SUFFIXES = (".yaml", ".yml")
GROUPS = ("levers", "parameters")
STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _read_date(value: object) -> object:
    """Accept "2020-01-01", as JSON and the command line write a date."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return value
    return value


Date = Annotated[dt.date, BeforeValidator(_read_date)]


class _CoreLevers(BaseModel):
    """What the levers have in common; each stands in the file of its intervention."""

    model_config = STRICT


def _read_text(value: object) -> object:
    """Accept a date, a whole number or a list where a lever takes a text: 2020-06-01, 67437, [67437, Bouxwiller]."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ",".join(str(_read_text(part)) for part in value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_read_text)]


def _lever_field(lever: Lever) -> tuple[Any, Any]:
    """Return the type and field of a lever of an intervention (a file of `abm/policies`)."""
    about: dict[str, Any] = {"description": lever.meaning, "json_schema_extra": {"unit": lever.unit}}
    if lever.is_text:
        return Text, Field(lever.neutral, pattern=lever.text_pattern, **about)
    return lever.kind, Field(lever.neutral, ge=lever.low, le=lever.high, **about)


if TYPE_CHECKING:

    class Levers(_CoreLevers):
        """As below; the interventions' levers are known when the program runs."""

        def __getattr__(self, name: str) -> Any: ...

else:
    Levers = create_model(
        "Levers",
        __base__=_CoreLevers,
        __module__=__name__,
        __doc__="What a policy can change. Neutral is 0: the status quo, to the byte.",
        **{lever.name: _lever_field(lever) for lever in levers()},
    )


class Scenario(BaseModel):
    """One run, but for its territory and seed. Frozen; unknown keys are errors.

    Raises
    ------
    pydantic.ValidationError
        When built directly from bad values; `load_scenario` gives the same as an `InputError` with file and line.
    InputError
        When `parameters` has an unknown name or a value out of range.
    """

    model_config = STRICT

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
        description="names results and their folder, in letters, digits, '_', '-', '.' (default: the file's name)",
    )
    title: str = Field("", description="one line for tables and figures")
    description: str = Field("", description="what the scenario means and why")
    extends: str | None = Field(None, description="a built-in scenario or a file beside this one, changed by this one")
    start: Date = Field(dt.date(2020, 1, 1), description="first reported day")
    days: int = Field(1461, ge=1, le=21915, description="reported days", json_schema_extra={"unit": "days"})
    warm_up_days: int = Field(
        365, ge=0, le=3653, description="days before the start, not reported", json_schema_extra={"unit": "days"}
    )
    follow_up_days: int = Field(
        180,
        ge=0,
        le=3653,
        description="days after the end, in which requests still open find their outcome",
        json_schema_extra={"unit": "days"},
    )
    scale: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of inhabitants and of each provider's capacity that is simulated",
        json_schema_extra={"unit": "share"},
    )
    population_seed: int | None = Field(
        None, ge=0, description="seed of the synthetic population; null: it follows the run's seed"
    )
    delay_affects_health: bool = Field(
        True,
        description="late follow-up loses control of disease, acute needs left unserved escalate; false: neither does",
    )
    demography: bool = Field(True, description="births, deaths and moves; false: the same people from beginning to end")
    self_selection: bool = Field(
        True,
        description="the regular and the healthy enrol more readily in the care network; false: all alike",
    )
    levers: Levers = Field(default_factory=Levers, description="what the policy changes")
    parameters: dict[str, float] = Field(
        default_factory=dict, description="numbers other than the registry's, by name or id, within their ranges"
    )

    @field_validator("parameters")
    @classmethod
    def _name_parameters(cls, values: dict[str, float]) -> dict[str, float]:
        return load_parameters().with_values(values).overridden


def load_scenario(source: str | Path | Scenario = BASELINE, /, **overrides: Any) -> Scenario:
    """Return a scenario, resolved and checked.

    Parameters
    ----------
    source : the name of a built-in scenario, the path of a YAML file, or a scenario.
    overrides : values that win over the file's, by field, lever, parameter name or parameter id; `levers` and
        `parameters` may also be given as mappings.

    Raises
    ------
    InputError
        Unknown scenario, key or parameter (with the nearest name), wrong type or range, a cycle of `extends`; with
        file and line when the value stands in a file.
    """
    draft = _Draft()
    if isinstance(source, Scenario):
        draft.merge(source.model_dump())
    else:
        _merge_file(draft, find_scenario(source), chain=())
    draft.merge(_sort_overrides(overrides))
    return draft.build()


def list_scenarios() -> tuple[str, ...]:
    """Return the names of the built-in scenarios, the baseline first."""
    names = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: name != BASELINE))


def find_scenario(source: str | Path, folder: Path | None = None) -> Path:
    """Return the file of a built-in name, or of a path relative to `folder` (by default the working directory).

    Raises
    ------
    InputError
        No such built-in scenario, no such file.
    """
    text = str(source)
    if isinstance(source, str) and not text.endswith(SUFFIXES) and not re.search(r"[/\\]", text):
        if text not in list_scenarios():
            hint = nearest(text, list_scenarios())
            raise InputError(f"unknown scenario '{text}'.{hint} A file's name ends in .yaml")
        return FOLDER / f"{text}.yaml"
    file = (folder or Path()) / Path(source).expanduser()
    if not file.is_file():
        raise InputError("no such scenario file", file=file)
    return file


def parse_override(text: str) -> tuple[str, Any]:
    """Return the key and value of "key=value", the form of `--set`.

    The last "=" divides, since names of parameters may hold one. Values: a number, a date (2021-01-01), true, false,
    null, else a text.

    Raises
    ------
    InputError
        No "=", or nothing before it.
    """
    key, equals, value = text.rpartition("=")
    if not equals or not key.strip():
        raise InputError(f"found '{text}', expected key=value, e.g. teleconsultation=0.1")
    return key.strip(), _parse_value(value.strip())


def scenario_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file, parameters with their ranges included, for editors."""
    schema = Scenario.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["required"] = [key for key in schema.get("required", []) if key != "name"]
    registry = load_parameters()
    numbers = {
        key: {"type": "number", "minimum": row.low, "maximum": row.high, "description": f"{row.unit}. {row.note}"}
        for row in registry.rows
        if row.value is not None
        for key in (row.name, row.id)
    }
    schema["properties"]["parameters"] |= {"properties": numbers, "additionalProperties": False}
    return schema


@dataclass
class _Draft:
    """Values gathered from files and overrides, later ones over earlier ones, each with the file it comes from."""

    values: dict[str, Any] = field(default_factory=lambda: {"levers": {}, "parameters": {}})
    origin: dict[KeyPath, YamlDocument | None] = field(default_factory=dict)

    def merge(self, changes: Mapping[str, Any], document: YamlDocument | None = None) -> None:
        """Put `changes` over the values; levers and parameters one by one, the rest as a whole."""
        for key, value in changes.items():
            self.origin[(key,)] = document
            if key not in GROUPS:
                self.values[key] = _plain(value)
                continue
            names = self._names(key, value, document)
            self.values[key] = self.values[key] | {name: _plain(value[given]) for name, given in names.items()}
            self.origin |= dict.fromkeys(((key, name) for name in names), document)

    def build(self) -> Scenario:
        """Return the scenario, or raise the first error, pointing at its file and line."""
        try:
            return Scenario.model_validate(self.values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            path: KeyPath = tuple(first["loc"])
            document = self.origin.get(path[:2], self.origin.get(path[:1]))
            raise self._error(_explain(first, path), path, document) from None

    def _names(self, key: str, value: object, document: YamlDocument | None) -> dict[str, str]:
        """Return name to key as given; for parameters, checked, the name also of what is given by id."""
        if not isinstance(value, Mapping):
            raise self._error(f"'{key}': found {value!r}, expected names with values", (key,), document)
        if key == "levers":
            return {name: name for name in value}
        registry, names = load_parameters(), {}
        for given, number in value.items():
            try:
                registry.with_values({given: number})
            except InputError as error:
                raise self._error(error.message, (key, given), document) from None
            name = registry.entry(given).name
            if name in names:
                raise self._error(f"'{name}' is given twice, by name and by id", (key, given), document)
            names[name] = given
        return names

    @staticmethod
    def _error(message: str, path: KeyPath, document: YamlDocument | None) -> InputError:
        return document.error(message, *path) if document else InputError(message)


def _merge_file(draft: _Draft, file: Path, chain: tuple[Path, ...]) -> None:
    """Merge the file that this one extends, then this one."""
    document = read_yaml(file)
    base = document.data.get("extends")
    if base is not None:
        if not isinstance(base, str):
            raise document.error(f"'extends': found {base!r}, expected the name of a scenario or file", "extends")
        chain = (*chain, file.resolve())
        next_file = _find_base(document, base)
        if next_file.resolve() in chain:
            names = " -> ".join(link.name for link in (*chain, next_file))
            raise document.error(f"'extends' goes in a circle: {names}", "extends")
        _merge_file(draft, next_file, chain)
    own = {"name": re.sub(r"[^A-Za-z0-9_.-]+", "_", file.stem), "title": "", "description": "", "extends": None}
    draft.merge({**own, **document.data}, document)


def _find_base(document: YamlDocument, base: str) -> Path:
    try:
        return find_scenario(base, document.file.parent)
    except InputError as error:
        raise document.error(f"'extends: {base}': {error.message}", "extends") from None


def _sort_overrides(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Put each override where it belongs: a field, a lever, or a parameter."""
    fields: dict[str, Any] = {}
    groups = {key: _as_mapping(key, overrides.get(key, {})) for key in GROUPS}
    registry = load_parameters()
    for key, value in overrides.items():
        if key in GROUPS:
            continue
        if key in Scenario.model_fields:
            fields[key] = value
        elif key in Levers.model_fields:
            groups["levers"][key] = value
        elif key in registry:
            groups["parameters"][key] = value
        else:
            known = [*Scenario.model_fields, *Levers.model_fields, *registry]
            raise InputError(f"unknown key '{key}'.{nearest(key, known)}")
    return fields | groups


def _as_mapping(key: str, value: object) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return dict(value)
    raise InputError(f"'{key}': found {value!r}, expected names with values")


def _explain(error: ErrorDetails, path: KeyPath) -> str:
    """Return one sentence: what was found, what was expected."""
    key, last = ".".join(str(part) for part in path), str(path[-1])
    fields = Levers.model_fields if path[0] == "levers" and len(path) > 1 else Scenario.model_fields
    if error["type"] == "extra_forbidden":
        return f"unknown key '{key}'.{nearest(last, fields)}"
    return f"'{key}': found {error['input']!r}, expected {_expected(fields[last])}"


def _expected(info: FieldInfo) -> str:
    """Return what a field takes, e.g. "a whole number from 1 to 21915 (days)"."""
    kinds: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number"}
    kinds |= {str: "a text", dt.date: "a date as 2020-01-31"}
    kinds |= {int | None: "a whole number or null", str | None: "a text or null"}
    words = [kinds.get(info.annotation, "names with values")]
    if get_origin(info.annotation) is Literal:
        words = ["one of", ", ".join(str(name) for name in get_args(info.annotation) if name)]
    signs = {"ge": "from", "gt": "above", "le": "to"}
    for sign, word in signs.items():
        words += [f"{word} {getattr(limit, sign)}" for limit in info.metadata if hasattr(limit, sign)]
    if isinstance(info.json_schema_extra, dict):
        words.append(f"({info.json_schema_extra['unit']})")
    elif any(getattr(limit, "pattern", None) for limit in info.metadata):
        words.append(f"that {info.description}")
    return " ".join(words)


def _plain(value: Any) -> Any:
    """Return a NumPy scalar, as designs hold them, as the Python number it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _parse_value(text: str) -> Any:
    """Return the number, date, truth value or null that `text` writes, else `text`."""
    words = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for convert in (int, float, dt.date.fromisoformat):
        try:
            return convert(text) if "_" not in text else text
        except ValueError:
            continue
    return text
