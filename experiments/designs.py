"""Which runs does a design ask for? Design files: grid, list, Latin hypercube, Sobol', Morris.

Owns the design file: its keys, how points are chosen from levels and ranges, what is refused before anything runs.
Ranges come from the parameter registry by name. Draws only from generators seeded by the design's own `design_seed`.

A design is a YAML file::

    method: grid                      # or list, latin_hypercube, sobol, morris
    scenarios: [baseline]             # each point is run under each of them
    territories: [saverne]
    seeds: 8                          # 1 to 8, the same at every point; or a list; or {count: 8, common: false}
    settings: {days: 365, scale: 0.1} # the same in every run
    factors:
      teleconsultation: [0, 0.1, 0.2] # levels
      gp_load:                        # a parameter alone: its whole registered range
      gp_flex_share: {low: 0, high: 0.1, distribution: triangular}
      posterior: saverne            # all fitted parameters together: combinations of a posterior sample
    blocks:                           # only where a condition holds; elsewhere these factors stay as they are
      - when: {teleconsultation: {above: 0}}
        factors: {platform_share: [0, 0.5]}
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from abm.parameters import load_parameters
from abm.scenario import GROUPS, Levers, Scenario, find_scenario, load_scenario
from abm.yaml_reader import KeyPath, YamlDocument, read_text, read_yaml
from experiments.specs import RunSpec, SpecMaker, checked_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METHODS = ("grid", "list", "latin_hypercube", "sobol", "morris")
OF_SENSITIVITY = ("sobol", "morris")
KEYS_OF_ALL = (
    "title", "method", "scenarios", "territories", "seeds", "settings", "factors", "blocks", "strata", "indicators",
    "design_seed",
)  # fmt: skip
KEYS_OF_METHOD = {
    "grid": (), "list": ("points", "file"), "latin_hypercube": ("samples",), "sobol": ("samples", "second_order"),
    "morris": ("trajectories", "levels"),
}  # fmt: skip
KEYS_OF_BLOCK = ("when", "method", "factors", "settings", "points", "samples", "file", "design_seed")
KEYS_OF_FACTOR = ("low", "high", "steps", "levels", "distribution", "mode", "group")
KEYS_OF_SEEDS = ("count", "first", "common")
CONDITIONS = ("above", "below", "from", "to")
DISTRIBUTIONS = ("uniform", "log_uniform", "triangular", "pert")
FIXED = ("name", "title", "description", "extends", *GROUPS)
FIELDS = tuple(name for name in Scenario.model_fields if name not in FIXED)  # that may be a factor
WHOLE_FIELDS = tuple(name for name in FIELDS if Scenario.model_fields[name].annotation in (int, int | None))
STRATA = (
    "all", "drees", "commune", "channel", "invisible", "epci", "age_band", "sex", "income_quintile", "has_ald",
    "is_enrolled",
)  # fmt: skip
DEFAULT_TRAJECTORIES, DEFAULT_LEVELS, DEFAULT_SAMPLES = 10, 4, 64
MOST_COUNTED = 200_000  # runs of a design that are counted one by one, when conditions make that necessary
POSTERIOR = "posterior"  # a factor that stands for all fitted parameters: the number of a combination of the sample
PERT_WEIGHT = 4.0  # of the mode, as in the usual three-point estimate

Point = dict[str, Any]


@dataclass(frozen=True)
class Factor:
    """Something that a design varies: a lever, a parameter or a field of the scenario.

    Attributes
    ----------
    levels : the values of a factor that takes only some.
    low, high, mode, distribution : of one that takes any value of a range.
    is_whole : only whole numbers.
    group : factors of one group are varied and judged together.
    unit : of its values.
    posterior : file of the sample whose combinations are numbered by the levels; only of the factor `posterior`.
    """

    name: str
    levels: tuple[Any, ...] = ()
    low: float = math.nan
    high: float = math.nan
    mode: float = math.nan
    distribution: str = "uniform"
    is_whole: bool = False
    group: str | None = None
    unit: str = ""
    posterior: str = ""

    def at(self, share: float) -> Any:
        """Return the value below which a share (0 to 1) of the factor's distribution lies."""
        if self.levels:
            return self.levels[min(int(share * len(self.levels)), len(self.levels) - 1)]
        if self.is_whole:
            return int(min(self.low + math.floor(share * (self.high - self.low + 1)), self.high))
        if share <= 0.0 or share >= 1.0:
            return self.low if share <= 0.0 else self.high
        value = getattr(self, f"_{self.distribution}")(share)
        return float(min(max(value, self.low), self.high))

    def _uniform(self, share: float) -> float:
        return self.low + share * (self.high - self.low)

    def _log_uniform(self, share: float) -> float:
        return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))

    def _triangular(self, share: float) -> float:
        width, rise = self.high - self.low, self.mode - self.low
        if share * width <= rise:
            return self.low + math.sqrt(share * width * rise)
        return self.high - math.sqrt((1.0 - share) * width * (self.high - self.mode))

    def _pert(self, share: float) -> float:
        from scipy.stats import beta

        width = self.high - self.low
        first = 1.0 + PERT_WEIGHT * (self.mode - self.low) / width
        return self.low + width * float(beta.ppf(share, first, 2.0 + PERT_WEIGHT - first))


@dataclass(frozen=True)
class Part:
    """Factors with the way in which their points are chosen; a design's own, or those of a block.

    Attributes
    ----------
    given : the points of a list.
    size : samples of a Latin hypercube or Sobol' sequence, trajectories of Morris.
    condition : factor, "scenario" or "territory" to what it must be for a block to apply.
    settings : what a block sets besides.
    """

    method: str
    factors: tuple[Factor, ...]
    given: tuple[Point, ...] = ()
    size: int = 0
    second_order: bool = True
    levels: int = DEFAULT_LEVELS
    design_seed: int = 1
    condition: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_points(self) -> int:
        """Number of points."""
        if self.method == "grid":
            return math.prod(len(factor.levels) for factor in self.factors)
        if self.method == "list":
            return len(self.given)
        n_groups = len(self.groups)
        steps = {"latin_hypercube": 1, "morris": n_groups + 1, "sobol": (2 if self.second_order else 1) * n_groups + 2}
        return self.size * steps[self.method]

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups of factors, in the order of the file; a factor without a group is one of its own."""
        return tuple(dict.fromkeys(factor.group or factor.name for factor in self.factors))

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Where in its distribution each factor stands at each point, shape (points, factors), 0 to 1.

        Raises
        ------
        ValueError
            The points of a grid or list are given, not drawn.
        """
        if self.method == "latin_hypercube":
            import numpy as np
            from scipy.stats import qmc

            return qmc.LatinHypercube(len(self.factors), seed=np.random.default_rng(self.design_seed)).random(self.size)
        if self.method not in OF_SENSITIVITY:
            raise ValueError(f"the points of a {self.method} are not drawn")
        seed = self.design_seed + 1  # some of SALib's functions take 0 for "no seed"
        if self.method == "sobol":
            from SALib.sample import sobol

            return sobol.sample(self.problem(), self.size, calc_second_order=self.second_order, seed=seed)
        from SALib.sample import morris

        return morris.sample(self.problem(), self.size, num_levels=self.levels, seed=seed)

    def problem(self) -> dict[str, Any]:
        """Return the problem as SALib has it, each factor told by its share."""
        names = [factor.name for factor in self.factors]
        problem: dict[str, Any] = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
        if any(factor.group for factor in self.factors):
            problem["groups"] = [factor.group or factor.name for factor in self.factors]
        return problem

    def points(self) -> Iterator[Point]:
        """Yield the points, each the value of every factor."""
        names = [factor.name for factor in self.factors]
        if self.method == "grid":
            for values in itertools.product(*(factor.levels for factor in self.factors)):
                yield dict(zip(names, values, strict=True))
        elif self.method == "list":
            yield from map(dict, self.given)
        else:
            for row in self.shares.tolist():
                yield {factor.name: factor.at(share) for factor, share in zip(self.factors, row, strict=True)}

    def applies(self, point: Mapping[str, Any]) -> bool:
        """Tell whether a block's condition holds at a point."""
        return all(name in point and _meets(point[name], wanted) for name, wanted in self.condition.items())


@dataclass(frozen=True)
class SweepDesign:
    """The runs that a design file asks for.

    Attributes
    ----------
    name : of the file, without its ending.
    scenarios, territories : each point is run under each of these.
    seeds : at every point when they are common; otherwise how many and from which on, every point its own.
    settings : the same in every run.
    main, blocks : the points, and what is added to some of them.
    strata : kinds of stratum to keep; `indicators` : those that sensitivity is asked of, patterns allowed.
    """

    name: str
    title: str
    scenarios: tuple[Scenario, ...]
    territories: tuple[str, ...]
    seeds: tuple[int, ...]
    has_common_seeds: bool
    settings: Mapping[str, Any]
    main: Part
    blocks: tuple[Part, ...] = ()
    strata: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """How the points are chosen, one of `METHODS`."""
        return self.main.method

    @property
    def n_runs(self) -> int:
        """Number of runs; of a huge design with blocks, as many as it can be at most."""
        places = len(self.territories) * len(self.scenarios)
        most = places * self.main.n_points * math.prod(max(1, block.n_points) for block in self.blocks)
        if self.blocks and most <= MOST_COUNTED:
            most = sum(sum(1 for _ in self.points(s.name, t)) for t in self.territories for s in self.scenarios)
        return most * len(self.seeds)

    def points(self, scenario: str, territory: str) -> Iterator[Point]:
        """Yield every point under a scenario in a territory, those of the blocks that apply included."""
        where = {"scenario": scenario, "territory": territory}
        for point in self.main.points():
            chosen = [block for block in self.blocks if block.applies(point | where)]
            for additions in itertools.product(*(list(block.points()) for block in chosen)):
                full = dict(point)
                for block, addition in zip(chosen, additions, strict=True):
                    full |= {**block.settings, **addition}
                yield self._with_sample(full)

    def _with_sample(self, point: Point) -> Point:
        """Return a point with the combination of a posterior sample in place of its number."""
        if POSTERIOR not in point:
            return point
        from experiments.posteriors import kept_posterior

        source = next(factor.posterior for factor in self.main.factors if factor.name == POSTERIOR)
        number = point.pop(POSTERIOR)
        return {**kept_posterior(source).sample(int(number)), **point}

    def specs(self) -> list[RunSpec]:
        """Return the runs: territory by territory, scenario by scenario, point by point, the seeds changing fastest.

        Raises
        ------
        InputError
            Unknown territory, a value that the scenario refuses.
        """
        found: list[RunSpec] = []
        for territory in self.territories:
            maker = SpecMaker(territory)
            for scenario in self.scenarios:
                for number, point in enumerate(self.points(scenario.name, territory)):
                    found += maker.make(scenario, {**self.settings, **point}, self._seeds_of(number))
        return found

    def _seeds_of(self, point: int) -> Sequence[int]:
        if self.has_common_seeds:
            return self.seeds
        return [seed + point * len(self.seeds) for seed in self.seeds]

    def about(self) -> dict[str, Any]:
        """Return what must be known to read the results: kept in the batch's `design.json`."""
        factors = [factor for part in (self.main, *self.blocks) for factor in part.factors]
        return {
            "name": self.name,
            "title": self.title,
            "method": self.method,
            "factors": [_about(factor) for factor in factors],
            "seeds": list(self.seeds),
            "has_common_seeds": self.has_common_seeds,
            "samples": self.main.size,
            "second_order": self.main.second_order,
            "levels": self.main.levels,
            "design_seed": self.main.design_seed,
            "indicators": list(self.indicators),
        }


def _about(factor: Factor) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": factor.name, "unit": factor.unit, "group": factor.group}
    if factor.levels:
        return facts | {"levels": [value if isinstance(value, int | float) else str(value) for value in factor.levels]}
    facts |= {"low": factor.low, "high": factor.high, "distribution": factor.distribution}
    return facts | ({"mode": factor.mode} if factor.distribution in ("triangular", "pert") else {})


def _meets(value: Any, wanted: Any) -> bool:
    """Tell whether a value is what a condition wants: a value, one of some, or within bounds."""
    if isinstance(wanted, Mapping):
        if isinstance(value, str):
            return False
        tests = {
            "above": lambda bound: value > bound,
            "below": lambda bound: value < bound,
            "from": lambda bound: value >= bound,
            "to": lambda bound: value <= bound,
        }
        return all(tests[name](bound) for name, bound in wanted.items())
    return value in (wanted if isinstance(wanted, list) else [wanted])


# ----------------------------------------------------------------------------------------------------- reading a design


def read_sweep_design(source: str | Path | Mapping[str, Any], method: str | None = None) -> SweepDesign:
    """Read and check a design.

    Parameters
    ----------
    source : a YAML (or JSON) file, or its content.
    method : "sobol" or "morris", when sensitivity is asked for: wins over the file's.

    Raises
    ------
    InputError
        Unknown key or factor (with the nearest name), empty range, level that is none, value out of its range; with
        file and line.
    """
    if isinstance(source, Mapping):
        return _Reader(YamlDocument(Path("design"), dict(source), {}), is_file=False, method=method).read()
    if not Path(source).is_file():
        raise InputError("no such design file", file=source)
    return _Reader(read_yaml(source), is_file=True, method=method).read()


class _Reader:
    """Reads a design; every refusal names the line."""

    def __init__(self, document: YamlDocument, *, is_file: bool, method: str | None) -> None:
        self.document, self.is_file, self.asked = document, is_file, method
        self.folder = document.file.parent if is_file else Path()

    def read(self) -> SweepDesign:
        data = self.document.data
        method = self._method(data)
        known = [*KEYS_OF_ALL, *KEYS_OF_METHOD[method]]
        if self.asked:  # one file may serve several methods
            known += [key for keys in KEYS_OF_METHOD.values() for key in keys]
        self._refuse_unknown(data, known, ())
        scenarios = tuple(self._scenario(name, n) for n, name in self._list("scenarios", ["baseline"]))
        self._refuse_twice([scenario.name for scenario in scenarios], "scenarios")
        territories = tuple(self._territory(name, n) for n, name in self._list("territories", ["saverne"]))
        self._refuse_twice(list(territories), "territories")
        settings = self._settings(data.get("settings") or {}, ("settings",), scenarios[0])
        main = self._part(data, (), method, scenarios[0])
        taken = {factor.name for factor in main.factors} | settings.keys()
        self._refuse_set_twice(main, settings)
        blocks = []
        for number, content in self._list("blocks", []):
            blocks.append(self._block(content, ("blocks", number), main, scenarios[0], taken))
        seeds, is_common = self._seeds(data.get("seeds", 1))
        if method in OF_SENSITIVITY and (blocks or len(scenarios) > 1 or len(territories) > 1):
            key = "blocks" if blocks else "scenarios" if len(scenarios) > 1 else "territories"
            raise self._error(f"'{key}': sensitivity by {method} is of one scenario, one territory, no blocks", key)
        return SweepDesign(
            name=self.document.file.stem if self.is_file else "design",
            title=str(data.get("title") or ""),
            scenarios=scenarios,
            territories=territories,
            seeds=seeds,
            has_common_seeds=is_common,
            settings=settings,
            main=main,
            blocks=tuple(blocks),
            strata=self._strata(),
            indicators=tuple(str(name) for _, name in self._list("indicators", [])),
        )

    # ------------------------------------------------------------------------------------------------- top of the file

    def _method(self, data: Mapping[str, Any]) -> str:
        method = self.asked or data.get("method")
        if method is None:
            raise self._error(f"'method' is missing, one of: {', '.join(METHODS)}")
        if method not in METHODS:
            raise self._error(f"'method': found {method!r}.{nearest(str(method), METHODS)}", "method")
        return str(method)

    def _scenario(self, name: Any, number: int) -> Scenario:
        path = ("scenarios", number)
        if not isinstance(name, str):
            raise self._error(f"found {name!r}, expected the name or file of a scenario", *path)
        with _at(self, path):
            return load_scenario(find_scenario(name, self.folder))

    def _territory(self, name: Any, number: int) -> str:
        from experiments.running import refuse_unknown_territory

        beside = self.folder / str(name)
        chosen = str(beside) if self.is_file and beside.is_dir() else str(name)
        with _at(self, ("territories", number)):
            refuse_unknown_territory(chosen)
        return chosen

    def _seeds(self, given: Any) -> tuple[tuple[int, ...], bool]:
        """Return the seeds, and whether they are the same at every point."""
        with _at(self, ("seeds",)):
            if isinstance(given, list):
                seeds = [checked_seed(seed) for seed in given]
                if not seeds:
                    raise InputError("'seeds': an empty list")
                self._refuse_twice(seeds, "seeds")
                return tuple(seeds), True
            facts = given if isinstance(given, Mapping) else {"count": given}
            self._refuse_unknown(facts, KEYS_OF_SEEDS, ("seeds",))
            count, first = self._whole(facts.get("count", 1), 1, "seeds"), checked_seed(facts.get("first", 1))
            is_common = facts.get("common", True)
            if not isinstance(is_common, bool):
                raise InputError(f"'common': found {is_common!r}, expected true or false")
            return tuple(range(first, first + count)), is_common

    def _strata(self) -> tuple[str, ...]:
        for number, name in self._list("strata", []):
            if name not in STRATA:
                raise self._error(f"unknown stratum '{name}'.{nearest(str(name), STRATA)}", "strata", number)
        return tuple(dict.fromkeys(name for _, name in self._list("strata", [])))

    def _settings(self, given: Any, path: KeyPath, scenario: Scenario) -> dict[str, Any]:
        """Return what is set in every run, checked."""
        if not isinstance(given, Mapping):
            raise self._error(f"found {given!r}, expected names with values", *path)
        for name, value in given.items():
            if name in FIXED:
                raise self._error(f"'{name}' cannot be set here; name each lever and parameter itself", *path, name)
            with _at(self, (*path, name)):
                load_scenario(scenario, **{name: value})
        return {_canonical_name(name): value for name, value in given.items()}

    # ---------------------------------------------------------------------------------------------- factors and blocks

    def _block(self, content: Any, path: KeyPath, main: Part, scenario: Scenario, taken: set[str]) -> Part:
        if not isinstance(content, Mapping):
            raise self._error(f"found {content!r}, expected 'when' and 'factors'", *path)
        self._refuse_unknown(content, KEYS_OF_BLOCK, path)
        condition = self._condition(content.get("when"), (*path, "when"), main)
        method = content.get("method", "list" if "points" in content or "file" in content else "grid")
        if method not in METHODS or method in OF_SENSITIVITY:
            raise self._error(f"found {method!r}, expected grid, list or latin_hypercube", *path, "method")
        settings = self._settings(content.get("settings") or {}, (*path, "settings"), scenario)
        part = self._part(content, path, method, scenario, may_be_empty=bool(settings))
        for name in [*(factor.name for factor in part.factors), *settings]:
            if name in taken:
                raise self._error(f"'{name}' is set outside this block already", *path)
        return Part(**{**vars(part), "condition": condition, "settings": settings})

    def _condition(self, given: Any, path: KeyPath, main: Part) -> dict[str, Any]:
        """Return a block's condition, on factors of the design, the scenario or the territory."""
        if not isinstance(given, Mapping) or not given:
            raise self._error(
                "'when' is missing: a factor with the value, values or bounds where the block applies", *path
            )
        factors = {factor.name: factor for factor in main.factors}
        found = {}
        for key, wanted in given.items():
            name = _canonical_name(key)
            if name not in (*factors, "scenario", "territory"):
                hint = nearest(name, [*factors, "scenario", "territory"])
                raise self._error(f"'{key}' is no factor of this design.{hint}", *path, key)
            if isinstance(wanted, Mapping):
                self._refuse_unknown(wanted, CONDITIONS, (*path, key))
                for bound in wanted.values():
                    self._number(bound, (*path, key))
            found[name] = wanted
        return found

    def _part(
        self, data: Mapping[str, Any], path: KeyPath, method: str, scenario: Scenario, *, may_be_empty: bool = False
    ) -> Part:
        """Return factors and the way their points are chosen."""
        seed = self._whole(data.get("design_seed", 1), 0, *path, "design_seed")
        if method == "list":
            return self._listed(data, path, scenario, seed)
        given = data.get("factors") or {}
        if not isinstance(given, Mapping):
            raise self._error(f"found {given!r}, expected names with levels or ranges", *path, "factors")
        if not given and not may_be_empty and method != "grid":
            raise self._error("'factors' is missing: what the design varies", *path)
        factors: list[Factor] = []
        for name, content in given.items():
            factors += self._factors(str(name), content, (*path, "factors", name), method, scenario)
        self._refuse_twice([factor.name for factor in factors], *path, "factors")
        return Part(
            method,
            tuple(factors),
            size=self._size(data, path, method),
            second_order=self._truth(data.get("second_order", True), *path, "second_order"),
            levels=self._even(data.get("levels", DEFAULT_LEVELS), *path, "levels"),
            design_seed=seed,
        )

    def _size(self, data: Mapping[str, Any], path: KeyPath, method: str) -> int:
        """Return the number of samples or trajectories."""
        if method == "morris":
            return self._whole(data.get("trajectories", DEFAULT_TRAJECTORIES), 2, *path, "trajectories")
        if method not in ("sobol", "latin_hypercube"):
            return 0
        samples = self._whole(data.get("samples", DEFAULT_SAMPLES), 1, *path, "samples")
        if method == "sobol" and (samples < 2 or samples & (samples - 1)):
            near = 2 ** max(1, round(math.log2(max(samples, 2))))
            raise self._error(f"found {samples}, expected a power of two, e.g. {near}", *path, "samples")
        return samples

    def _listed(self, data: Mapping[str, Any], path: KeyPath, scenario: Scenario, seed: int) -> Part:
        """Return the points of a list, from the design or from a CSV file beside it."""
        if ("points" in data) == ("file" in data):
            raise self._error("a list needs either 'points' or 'file'", *path)
        if "file" in data:
            rows = list(self._csv_rows(data["file"], (*path, "file")))
        else:
            given = data["points"]
            if not isinstance(given, list) or not given:
                raise self._error("'points': expected a list of points, each names with values", *path, "points")
            rows = [(point, None, (*path, "points", number)) for number, point in enumerate(given)]
        points: list[Point] = []
        names: dict[str, dict[Any, None]] = {}
        for point, line, where in rows:
            if not isinstance(point, Mapping) or not point:
                raise self._error(f"found {point!r}, expected names with values", *where)
            try:
                self._settings(point, where, scenario) if line is None else load_scenario(scenario, **point)
            except InputError as error:
                raise error if line is None else InputError(error.message, file=line[0], line=line[1]) from None
            points.append({_canonical_name(name): value for name, value in point.items()})
            for name, value in points[-1].items():
                names.setdefault(name, {})[value] = None
        factors = [Factor(name, levels=tuple(values), unit=_unit(name)) for name, values in names.items()]
        return Part("list", tuple(factors), given=tuple(points), design_seed=seed)

    def _csv_rows(self, name: Any, path: KeyPath) -> Iterator[tuple[Point, tuple[Path, int] | None, KeyPath]]:
        """Yield the points of a CSV file, factors as columns; an empty cell sets nothing."""
        from abm.scenario import parse_override

        file = self.folder / str(name)
        with _at(self, path):
            text = read_text(file)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            for cells in reader:
                if cells and len(cells) != len(header):
                    message = f"found {len(cells)} cells, expected {len(header)}"
                    raise InputError(message, file=file, line=reader.line_num)
                pairs = [(key, cell.strip()) for key, cell in zip(header, cells, strict=bool(cells))]
                point = {key: parse_override(f"{key}={cell}")[1] for key, cell in pairs if cell}
                if cells:
                    yield point, (file, reader.line_num), path
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", file=file, line=reader.line_num) from None

    def _factors(self, key: str, content: Any, path: KeyPath, method: str, scenario: Scenario) -> list[Factor]:
        """Return the factor of a key, or those of a family (`name[*]`)."""
        if key.endswith("[*]"):
            with _at(self, path):
                members = load_parameters().matching(key[:-3])
            return [self._factor(f"{key[:-2]}{member}]", content, path, method, scenario) for member in members]
        return [self._factor(key, content, path, method, scenario)]

    def _factor(self, key: str, content: Any, path: KeyPath, method: str, scenario: Scenario) -> Factor:
        if key == POSTERIOR:
            return self._posterior(content, path)
        known = [*FIELDS, *Levers.model_fields, *load_parameters()]
        if key not in known and key not in load_parameters():
            raise self._error(f"unknown factor '{key}'.{nearest(key, known)}", *path)
        name = _canonical_name(key)
        facts = {"levels": content} if isinstance(content, list) else {} if content is None else content
        if not isinstance(facts, Mapping):
            raise self._error(f"'{key}': found {content!r}, expected a list of levels, or low and high", *path)
        self._refuse_unknown(facts, KEYS_OF_FACTOR, path)
        group = facts.get("group")
        shared: dict[str, Any] = {"unit": _unit(name), "group": None if group is None else str(group)}
        if "levels" in facts:
            levels = self._levels(name, facts["levels"], path, scenario)
            return Factor(name, levels=levels, is_whole=name in WHOLE_FIELDS, **shared)
        factor = self._range(name, facts, path, scenario, shared)
        if "steps" in facts:
            steps = self._whole(facts["steps"], 2, *path, "steps")
            values = tuple(factor.at(n / (steps - 1)) for n in range(steps))
            return Factor(name, levels=values, is_whole=factor.is_whole, **shared)
        if method == "grid":
            raise self._error(f"'{key}': a grid needs levels, e.g. [0, 0.1], or low, high and steps", *path)
        return factor

    def _posterior(self, content: Any, path: KeyPath) -> Factor:
        """Return the factor that stands for a posterior sample, named by file, folder, or name of a built-in one."""
        from experiments.posteriors import find_posterior, load_posterior

        if path[:-1] != ("factors",) or not isinstance(content, str):
            raise self._error(f"'{POSTERIOR}': found {content!r}, expected a sample's file, in 'factors'", *path)
        beside = self.folder / content
        with _at(self, path):
            file = find_posterior(beside if beside.exists() else content)
            sample = load_posterior(file)
        return Factor(POSTERIOR, levels=tuple(range(len(sample.samples))), unit="number", posterior=str(file))

    def _levels(self, name: str, given: Any, path: KeyPath, scenario: Scenario) -> tuple[Any, ...]:
        if not isinstance(given, list) or not given:
            raise self._error(f"'{name}': found {given!r}, expected a list of levels", *path)
        for number, level in enumerate(given):
            with _at(self, (*path, number)):
                load_scenario(scenario, **{name: level})
        self._refuse_twice(given, *path)
        return tuple(given)

    def _range(
        self, name: str, facts: Mapping[str, Any], path: KeyPath, scenario: Scenario, shared: Mapping[str, Any]
    ) -> Factor:
        """Return a factor with a range, by default its registered one."""
        registered = _registered_range(name)
        if registered is None and not {"low", "high"} <= facts.keys():
            raise self._error(f"'{name}' has no registered range: give low and high, or levels", *path)
        low, high, value = registered or (math.nan, math.nan, math.nan)
        low = self._number(facts.get("low", low), (*path, "low"), name)
        high = self._number(facts.get("high", high), (*path, "high"), name)
        if not low < high:
            raise self._error(f"'{name}': an empty range, {low:g} to {high:g}", *path)
        distribution = facts.get("distribution", "uniform")
        if distribution not in DISTRIBUTIONS:
            hint = nearest(str(distribution), DISTRIBUTIONS)
            raise self._error(f"'{name}': unknown distribution '{distribution}'.{hint}", *path, "distribution")
        if distribution == "log_uniform" and low <= 0:
            raise self._error(f"'{name}': a log-uniform range begins above 0, found {low:g}", *path)
        mode = self._mode(name, facts, path, distribution, low, high, value)
        is_whole = name in WHOLE_FIELDS
        for bound in (low, high):
            with _at(self, path):
                load_scenario(scenario, **{name: int(bound) if is_whole and bound == int(bound) else bound})
        return Factor(name, (), low, high, mode, str(distribution), is_whole, **shared)

    def _mode(
        self,
        name: str,
        facts: Mapping[str, Any],
        path: KeyPath,
        distribution: Any,
        low: float,
        high: float,
        value: float,
    ) -> float:
        """Return where a distribution has its peak: as given, by default the registered value."""
        if distribution not in ("triangular", "pert"):
            if "mode" in facts:
                raise self._error(f"'{name}': a {distribution} distribution has no mode", *path, "mode")
            return math.nan
        mode = self._number(facts.get("mode", value), (*path, "mode"), name)
        if not low <= mode <= high:
            raise self._error(f"'{name}': the mode ({mode:g}) lies outside {low:g} to {high:g}", *path)
        return mode

    # -------------------------------------------------------------------------------------------------------- values

    def _list(self, key: str, default: list[Any]) -> list[tuple[int, Any]]:
        """Return the items of a list with their numbers; one value stands for a list of one."""
        given = self.document.data.get(key)
        if given is None:
            return list(enumerate(default))
        if isinstance(given, Mapping):
            raise self._error(f"'{key}': found names with values, expected a list", key)
        items = given if isinstance(given, list) else [given]
        if not items and default:
            raise self._error(f"'{key}': an empty list", key)
        return list(enumerate(items))

    def _number(self, value: Any, path: KeyPath, name: str = "") -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            start = f"'{name}': " if name else ""
            raise self._error(f"{start}found {value!r}, expected a number", *path)
        return float(value)

    def _whole(self, value: Any, lowest: int, *path: str | int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise self._error(f"'{path[-1]}': found {value!r}, expected a whole number from {lowest}", *path)
        return value

    def _even(self, value: Any, *path: str | int) -> int:
        if self._whole(value, 2, *path) % 2:
            raise self._error(f"'{path[-1]}': found {value}, expected an even number", *path)
        return int(value)

    def _truth(self, value: Any, *path: str | int) -> bool:
        if not isinstance(value, bool):
            raise self._error(f"'{path[-1]}': found {value!r}, expected true or false", *path)
        return value

    def _refuse_unknown(self, given: Mapping[str, Any], known: Sequence[str], path: KeyPath) -> None:
        for key in given:
            if key not in known:
                elsewhere = [method for method, keys in KEYS_OF_METHOD.items() if key in keys and not path]
                hint = f" It belongs to method {' and '.join(elsewhere)}." if elsewhere else nearest(str(key), known)
                raise self._error(f"unknown key '{key}'.{hint}", *path, key)

    def _refuse_twice(self, values: Sequence[Any], *path: str | int) -> None:
        for number, value in enumerate(values):
            if value in values[:number]:
                raise self._error(f"'{path[-1]}': {value!r} is given twice", *path)

    def _refuse_set_twice(self, main: Part, settings: Mapping[str, Any]) -> None:
        for factor in main.factors:
            if factor.name in settings:
                raise self._error(f"'{factor.name}' is a factor and in 'settings'", "settings", factor.name)

    def _error(self, message: str, *path: str | int) -> InputError:
        return self.document.error(message, *path) if self.is_file else InputError(message)


class _at:  # noqa: N801  (reads as a preposition)
    """Give an error that comes up in the block the file and line of a key."""

    def __init__(self, reader: _Reader, path: KeyPath) -> None:
        self.reader, self.path = reader, path

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Say where."""
        if isinstance(error, InputError) and error.line is None and error.file is None:
            raise self.reader._error(error.message, *self.path) from None


def _canonical_name(key: Any) -> str:
    """Return the name of a parameter given by id, and any other key as it is."""
    registry = load_parameters()
    return registry.entry(key).name if key in registry else str(key)


def _registered_range(name: str) -> tuple[float, float, float] | None:
    """Return low, high and value of a parameter, or bounds and neutral value of a lever that has both bounds."""
    registry = load_parameters()
    if name in registry:
        row = registry.entry(name)
        if row.low is not None and row.high is not None and row.value is not None:
            return row.low, row.high, row.value
    info = Levers.model_fields.get(name)
    bounds = {sign: getattr(limit, sign) for limit in (info.metadata if info else ()) for sign in ("ge", "le")
              if hasattr(limit, sign)}  # fmt: skip
    return (float(bounds["ge"]), float(bounds["le"]), 0.0) if len(bounds) == 2 else None


def _unit(name: str) -> str:
    """Return the unit of a factor."""
    registry = load_parameters()
    if name in registry:
        return registry.entry(name).unit
    info = Levers.model_fields.get(name) or Scenario.model_fields.get(name)
    extra = info.json_schema_extra if info is not None else None
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""
