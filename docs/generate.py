"""Which parts of the ODD does the code itself know, and does the page still say the same?

    python docs/generate.py           # rewrite the tables of docs/ODD.md (also: make odd)
    python docs/generate.py --check   # exit code 1 when they are stale

Owns the text between `<!-- generated:NAME -->` and `<!-- end -->` in `docs/ODD.md`; the words around it are written by
hand. Reads the sources and the registry; for the indicators it lives a few weeks on the invented territory.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

PAGE = ROOT / "docs" / "ODD.md"
BLOCK = re.compile(r"(<!-- generated:(?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
ENTITIES = {
    "PATIENT": "Inhabitant: one row of `world.patients`",
    "EPISODE": "Episode: one row of `world.episodes` for each inhabitant and kind of need",
    "PROVIDER": "Professional: one row of `world.providers`",
    "RECORD": "Record: one row for each episode that has ended, in the columns `world.record_…`",
    "HEALTH": "State of a disease: one row of `world.health` for each inhabitant and condition",
    "STAY": "Stay in hospital: one row of `world.stays`",
    "MOTHERHOOD": "Motherhood: one row of `world.motherhood` for each inhabitant",
    "ACCOUNT": "What the insurance counts: one row of `world.accounts` for each inhabitant",
}
RULES = {
    "KIND": "Of each kind of need: one row of `world.kinds`",
    "RULES": "Of all kinds: the one row of `world.rules`",
    "CONDITION": "Of each chronic disease: one row of `world.conditions`",
    "CAUSE": "Of each cause of a stay, an event of a disease or a general one: one row of `world.causes`",
    "HOSPITAL": "Of all hospitals: the one row of `world.hospital`",
    "STAY_AGE": "Of stays, by age band: one row of `world.stay_ages`",
    "DEMOGRAPHY": "Of births, deaths and moves: the one row of `world.demography`",
    "COVER": "Of the sharing of bills: the one row of `world.cover`",
}
STATE_CODES = (
    "Stage", "Outcome", "Channel", "Contact", "Status", "Ward", "GeneralCause", "Effect", "Vital", "Registration",
    "Payer",
)  # fmt: skip
MONEY_CODES = ("Category", "Account")
INDICATOR_MODULES = (
    "delays",
    "unmet",
    "use",
    "practices",
    "potential",
    "hospital",
    "disease",
    "equity",
    "vital",
    "spend",
    "satisfaction",
)
HELPERS = ("over_all", "per_head")  # make a block for the function that asks them
FAMILIES = ("gp", "specialist")


# ----------------------------------------------------------------------------------------------------- the page


def check(text: str) -> list[str]:
    """Return the names of the blocks of a page that no longer say what the code says."""
    return [match["name"] for match in BLOCK.finditer(text) if match.group(0) != _block(match)]


def renew(text: str) -> str:
    """Return a page with every generated block written anew."""
    return BLOCK.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    return f"{match.group(1)}\n{BLOCKS[match['name']]()}\n\n{match.group(3)}"


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    names = list(header)
    lines = [names, ["---"] * len(names), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# ----------------------------------------------------------------------------------------- what the sources say


@cache
def comments(constant: str) -> dict[str, tuple[str, str]]:
    """Return name to (type, comment) of a row layout of `abm.state`, in order."""
    from abm import state

    source = inspect.getsource(state)
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _target(node) == constant:
            if isinstance(node.value, ast.Dict):  # of names to types, each on a line of its own
                entries = [(ast.literal_eval(key), key.lineno) for key in node.value.keys if key is not None]
            else:  # np.dtype([(name, type), …])
                entries = [(item.elts[0].value, item.lineno) for item in node.value.args[0].elts]  # type: ignore[attr-defined]
            types = getattr(state, constant)
            return {name: (types[name].str.lstrip("<|"), _comment(lines[line - 1])) for name, line in entries}
    raise LookupError(f"abm/state.py has no layout {constant}")


def member_comments(owner: type) -> dict[str, str]:
    """Return the comment behind each member of a class (an enumeration, the world), in order."""
    source = inspect.getsource(owner)
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body[0].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.Assign | ast.AnnAssign):
            found[_target(node)] = _comment(lines[node.lineno - 1])
    return found


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])


def _comment(line: str) -> str:
    return line.partition("# ")[2].strip()


@cache
def sources() -> dict[str, str]:
    """Return the text of every module of the model, by its path."""
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in _files("abm", "*.py")}


def _files(folder: str, pattern: str) -> Iterator[Path]:
    return (path for path in sorted((ROOT / folder).rglob(pattern)) if "__pycache__" not in path.parts)


# ------------------------------------------------------------------------------------------------------- blocks


def schedule() -> str:
    """Return the order of the day."""
    from abm.schedule import SCHEDULE

    rows = ((s.number, s.name, s.meaning, f"`{s.rule.__module__}.{s.rule.__name__}`") for s in SCHEDULE)
    return table(("step", "name", "what happens", "function"), rows)


def layouts(which: dict[str, str]) -> str:
    """Return a table for each row layout."""
    parts = []
    for constant, title in which.items():
        rows = ((f"`{name}`", f"`{kind}`", text) for name, (kind, text) in comments(constant).items())
        parts.append(f"**{title}** (`abm.state.{constant}`)\n\n" + table(("column", "type", "meaning; writer"), rows))
    return "\n\n".join(parts)


def arrays() -> str:
    """Return the arrays of the world that are no rows of people, professionals or records."""
    from abm.state import World

    seen = {re.sub("^record_.*", "record_…", name): text for name, text in reversed(member_comments(World).items())}
    rows = ((f"`{name}`", text) for name, text in reversed(seen.items()))
    return table(("array", "shape and meaning"), rows)


def kinds() -> str:
    """Return the kinds of need, by number."""
    from abm.parameters import load_parameters
    from abm.settings import kind_names, specialties_of
    from abm.state import Kind

    names = kind_names(specialties_of(load_parameters()))
    first = int(Kind.FIRST_SPECIALTY)
    rows = [(number, f"`{name}`") for number, name in enumerate(names[:first])]
    specialties = ", ".join(f"`{name}`" for name in names[first:])
    return table(("kind", "name"), [*rows, (f"{first} to {len(names) - 1}", specialties)])


def codes() -> str:
    """Return the other enumerations of the state and of the books."""
    from abm import state
    from abm.payments import tables

    rows = []
    for module, names in ((state, STATE_CODES), (tables, MONEY_CODES)):
        for name in names:
            members = member_comments(getattr(module, name))
            shown = (f"`{member.lower()}`" + (f" ({text})" if text else "") for member, text in members.items())
            rows.append((f"`{module.__name__}.{name}`", ", ".join(shown)))
    return table(("code", "values, from 0 on"), rows)


def levers() -> str:
    """Return every lever of a scenario: unit, range, neutral value, meaning, and the file that is the intervention."""
    from abm.policies import policies
    from abm.scenario import Levers

    homes = {lever.name: sys.modules[policy.__module__] for policy in policies() for lever in policy.levers}
    rows = []
    for name, field in Levers.model_fields.items():
        low = next((bound.ge for bound in field.metadata if hasattr(bound, "ge")), "")
        high = next((bound.le for bound in field.metadata if hasattr(bound, "le")), "")
        extra = field.json_schema_extra
        unit = extra.get("unit", "") if isinstance(extra, dict) else ""
        span = f"{low:g} to {high:g}" if isinstance(low, int | float) and isinstance(high, int | float) else ""
        home = f"`{homes[name].__name__}`" if name in homes else "`abm.scenario.Levers`"
        rows.append((f"`{name}`", unit, span, f"`{field.default!r}`", field.description, home))
    return table(("lever", "unit", "range", "neutral", "what it does", "defined in"), rows)


def diseases() -> str:
    """Return what each file of a disease says, in numbers of the registry."""
    from abm.conditions import load_conditions
    from abm.parameters import load_parameters

    rows = []
    for disease in load_conditions(load_parameters()):
        control = disease.control
        rows.append(
            (
                f"`{disease.name}`",
                f"{disease.gp_follow_up_interval_days:g}",
                f"{control.title['en']}: {control.mean:g} ± {control.sd:g}",
                f"{control.drift_per_month_late:g}",
                f"{control.restored_share:g}",
                ", ".join(f"`{event.name}`" for event in disease.events),
                f"{disease.mortality_ratio:g}; {disease.mortality_ratio_after_event:g}",
                f"{disease.utility_loss:g}",
            )
        )
    header = (
        "disease", "days between visits by guideline", "control, mean ± sd", "drift a month late", "share restored",
        "events", "ratio of death; after an event", "loss of utility",
    )  # fmt: skip
    return table(header, rows)


def tariffs() -> str:
    """Return the price of every act from each of its dates on, registered numbers resolved."""
    from abm.parameters import load_parameters
    from abm.payments.tariffs import load_tariffs
    from abm.settings import specialties_of

    parameters = load_parameters()
    of_act: dict[str, list[Any]] = {}
    for row in load_tariffs(specialties_of(parameters)):
        of_act.setdefault(row.act, []).append(row)
    rows = []
    for act, prices in of_act.items():
        shown = (f"{_price(price, parameters)} from {price.valid_from:%Y-%m-%d}" for price in prices)
        grades = ", ".join(dict.fromkeys(price.grade for price in prices))
        rows.append((f"`{act}`", prices[0].unit, "; ".join(shown), grades))
    return table(("act", "unit", "amount and first day", "grade"), rows)


def _price(price: Any, parameters: Any) -> str:
    """Return the amount of a row of the tariff table, with the id of the registered number where it is one."""
    amount = f"{price.cents(parameters) / 100:g}"
    return amount if isinstance(price.amount_eur, float) else f"{amount} [{price.amount_eur}]"


def streams() -> str:
    """Return the streams of random numbers, and which modules draw from each."""
    from abm.randomness import Stream

    rows = []
    for name, text in member_comments(Stream).items():
        pattern = rf"\b_?Stream\.{name}\b" + (r"|\border_key\(world" if name == "ORDER" else "")
        users = [path for path, source in sources().items() if re.search(pattern, source)]
        rows.append((int(Stream[name]), f"`{name}`", text, ", ".join(f"`{path}`" for path in users)))
    return table(("number", "stream", "decides", "drawn in"), rows)


def parameters() -> str:
    """Return the registered numbers that the model reads, by family, with the places that read them."""
    from abm.parameters import load_parameters
    from abm.scenario import load_scenario

    registry, baseline = load_parameters(), load_scenario().parameters
    users = readers()
    families: dict[str, list[Any]] = {}
    for row in registry.rows:
        if row.name in users:
            families.setdefault(row.name.partition("[")[0], []).append(row)
    rows = [_family(name, members, users, baseline) for name, members in sorted(families.items())]
    read = sum(len(members) for members in families.values())
    grades = (row.grade for members in families.values() for row in members)
    counts = ", ".join(f"{number} of grade {grade}" for grade, number in sorted(Counter(grades).items()))
    told = f"The model reads {read} of {len(registry.rows)} registered values: {counts}."
    told += " The others are\nevidence for checking, alternatives, or for parts to come."
    header = ("name", "value", "range", "unit", "grade", "in the baseline scenario", "read in")
    return f"{told}\n\n{table(header, rows)}"


def _family(name: str, members: list[Any], users: dict[str, set[str]], baseline: dict[str, float]) -> tuple[str, ...]:
    values = sorted({row.value for row in members if row.value is not None})
    lows, highs = ([getattr(row, end) for row in members if row.value is not None] for end in ("low", "high"))
    changed = sorted({baseline[row.name] for row in members if row.name in baseline})
    files = sorted(set().union(*(users[row.name] for row in members)))
    title = f"`{members[0].name}`" if len(members) == 1 else f"`{name}[…]`, {len(members)} values"
    return (
        title,
        _span(values),
        f"{min(lows):g} to {max(highs):g}" if lows else "",
        members[0].unit,
        ", ".join(sorted({row.grade for row in members})),
        _span(changed),
        ", ".join(f"`{file}`" for file in files),
    )


def _span(values: list[float]) -> str:
    ends = [f"{value:g}" for value in (values[:1] + values[-1:])]
    return " to ".join(dict.fromkeys(ends))


@cache
def readers() -> dict[str, set[str]]:
    """Return name of each parameter that is read to the files that name it: modules, condition files, tariffs."""
    from abm.parameters import load_parameters
    from abm.payments.tariffs import load_tariffs
    from abm.settings import specialties_of
    from abm.yaml_reader import read_yaml

    parameters = load_parameters()
    names = [row.name for row in parameters.rows]
    found: dict[str, set[str]] = {}
    for path, source in sources().items():
        if not path.startswith(("abm/parameters/", "abm/state.py")):  # a column may bear the name of a parameter
            for name in _named_in(source, names):
                found.setdefault(name, set()).add(path)
    for file in _files("abm/conditions", "*.yaml"):
        for name in _values_of("parameter", read_yaml(file).data):
            found.setdefault(name, set()).add("abm/conditions/*.yaml")
    for price in load_tariffs(specialties_of(parameters)):
        if isinstance(price.amount_eur, str):
            found.setdefault(parameters.entry(price.amount_eur).name, set()).add("abm/payments/tariffs.csv")
    return found


def _named_in(source: str, names: list[str]) -> set[str]:
    """Return the parameters that a module names: as a text, as `f"family[{member}]"`, or as a whole family.

    Of a family with members by age, modules take only these.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            if isinstance(parts[0], str) and len(parts[0]) > 5:
                pattern = "".join(".+" if part is None else re.escape(str(part)) for part in parts)
                found |= {name for name in names if re.fullmatch(pattern, name)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            members = [name for name in names if name.startswith(f"{node.value}[")]
            by_age = [name for name in members if name.startswith(f"{node.value}[age=")]
            found |= {name for name in names if name == node.value} | set(by_age or members)
    return found


def _values_of(key: str, data: object) -> Iterator[str]:
    """Yield every value of a key in nested mappings."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name == key and isinstance(value, str):
                yield value
            else:
                yield from _values_of(key, value)


@cache
def indicators() -> str:
    """Return every indicator with its unit and strata, by the function that computes it."""
    from abm.indicators.counting import Run
    from abm.model import TerritoryModel

    model = TerritoryModel("tiny", rng=0, days=28, warm_up_days=0, follow_up_days=0)
    model.run_to_end()
    needs = {*model.setting.kinds, *FAMILIES}
    made: dict[tuple[str, str], list[tuple[str, str, Any]]] = {}
    for function, block in _blocks_with_makers(Run(model.records())):
        parts = block.indicator.split(".")
        of_need = [part in needs and "by_category" not in parts for part in parts]  # a heading may bear a need's name
        pattern = ".".join("{}" if is_need else part for part, is_need in zip(parts, of_need, strict=True))
        need = next((part for part, is_need in zip(parts, of_need, strict=True) if is_need), "")
        made.setdefault(function, []).append((pattern, need, block))
    rows = []
    for (path, meaning), found in made.items():
        units = ", ".join(dict.fromkeys(block.unit for _, _, block in found))
        strata = ", ".join(dict.fromkeys(block.kind for _, _, block in found))
        rows.append((", ".join(_ids(found)), units, meaning, strata, f"`{path}`"))
    return table(("indicator", "unit", "what it is", "strata", "function"), sorted(rows, key=lambda row: row[4]))


def _ids(found: list[tuple[str, str, Any]]) -> list[str]:
    """Return each indicator once: `{need}` stands for any need, unless it is for families of needs only."""
    of_pattern: dict[str, dict[str, None]] = {}
    for pattern, need, _ in found:
        of_pattern.setdefault(pattern, {})[need] = None
    shown = []
    for pattern, needs in of_pattern.items():
        few = "{" + ",".join(needs) + "}" if len(needs) > 1 else "".join(needs)
        shown.append(f"`{pattern.replace('{}', few if set(needs) <= set(FAMILIES) else '{need}')}`")
    return shown


def _blocks_with_makers(run: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield ((function, its first sentence), block) for every block of the table of indicators.

    Each function that makes blocks is watched while the table is made; the innermost one is the maker.
    """
    table_module = import_module("abm.indicators")
    modules = [table_module, *(import_module(f"abm.indicators.{name}") for name in INDICATOR_MODULES)]
    makers: dict[int, tuple[str, str]] = {}
    kept: list[Any] = []
    originals = []
    for module in modules[1:]:
        for name in _block_makers(module):
            function = vars(module)[name]
            watched = _watched(function, makers, kept)
            for place in modules:
                if vars(place).get(name) is function:
                    originals.append((place, name, function))
                    setattr(place, name, watched)
    try:
        blocks = list(table_module._blocks(run))
    finally:
        for place, name, function in originals:
            setattr(place, name, function)
    return ((makers[id(block)], block) for block in blocks)


def _block_makers(module: Any) -> list[str]:
    """Return the names of the public functions of a module that make blocks of the table of indicators."""
    functions = {name: f for name, f in vars(module).items() if inspect.isfunction(f) and not name.startswith("_")}
    return [
        name
        for name, function in functions.items()
        if function.__module__ == module.__name__
        and name not in HELPERS
        and str(function.__annotations__.get("return")).endswith(("Block", "Block]"))
    ]


def _watched(function: Callable[..., Any], makers: dict[int, tuple[str, str]], kept: list[Any]) -> Callable[..., Any]:
    """Return a function that notes which blocks came from `function` and passes them on."""
    sentence = re.split(r"(?<=[^ ])[.:](?:\s|$)", inspect.getdoc(function) or "")[0]
    maker = f"{function.__module__}.{function.__name__}", re.sub(r"^(Yield|Return) (the )?", "", sentence)

    def noted(block: Any) -> Any:
        makers.setdefault(id(block), maker)
        kept.append(block)  # so that no other block gets its id
        return block

    def call(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        return [noted(block) for block in result] if inspect.isgenerator(result) else noted(result)

    return call


BLOCKS: dict[str, Callable[[], str]] = {
    "schedule": schedule,
    "entities": lambda: layouts(ENTITIES),
    "world": arrays,
    "kinds": kinds,
    "codes": codes,
    "levers": levers,
    "diseases": diseases,
    "tariffs": tariffs,
    "rules": lambda: layouts(RULES),
    "streams": streams,
    "parameters": parameters,
    "indicators": indicators,
}


def main(arguments: list[str]) -> int:
    """Write the page anew, or tell whether it is stale; return the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python docs/generate.py [--check]", file=sys.stderr)
        return 2
    text = PAGE.read_text(encoding="utf-8")
    stale = check(text)
    if arguments:
        if stale:
            print(f"docs/ODD.md is stale ({', '.join(stale)}): run make odd", file=sys.stderr)
        return 1 if stale else 0
    if stale:
        PAGE.write_text(renew(text), encoding="utf-8", newline="\n")
    print(f"docs/ODD.md: {', '.join(stale) + ' written anew' if stale else 'already says what the code says'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
