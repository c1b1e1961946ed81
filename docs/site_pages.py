"""Pages of the documentation site that the code itself knows: commands, Python, indicators, evidence, packs.

A hook of MkDocs (`mkdocs.yml`): the pages are made while the site is built and kept nowhere, so they cannot be stale.
Words are written by hand in `docs/*.md`; nothing here invents any.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the site (called by MkDocs)."""
    from mkdocs.structure.files import File

    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    return files


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; signs that Markdown or HTML would take for their own are kept from them."""
    names = list(header)
    body = [[_cell(value) for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [names, ["---"] * len(names), *body])


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return re.sub(r"([|*_\[\]])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def code(text: str) -> str:
    """Return a block of code."""
    return f"~~~text\n{text.strip()}\n~~~"


# ------------------------------------------------------------------------------------------------ commands


def commands() -> str:
    """Return every command with its help, arguments and options."""
    from typer.main import get_command

    from experiments.cli import app

    parts = ["# Commands", "Every command has `--help`; most have `--json`."]
    for name, command in _commands(get_command(app), "territoire"):
        parts += [
            f"## `{name}`",
            inspect.cleandoc(command.help or ""),
            command.epilog or "",
        ]
        rows = [_option(parameter) for parameter in command.params if parameter.name not in ("help",)]
        if rows:
            parts.append(table(("", "", "default"), rows))
    return "\n\n".join(part for part in parts if part)


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield (full name, command) of every command that does something."""
    members = getattr(command, "commands", None)
    if members is None:
        yield name, command
        return
    for member, inner in members.items():
        yield from _commands(inner, f"{name} {member}")


def _option(parameter: Any) -> tuple[str, str, str]:
    """Return names, help and default of an option or argument."""
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.metavar or parameter.name.upper()]
    is_shown = isinstance(parameter.default, str | int | float) and not isinstance(parameter.default, bool)
    return ", ".join(names), parameter.help or "", str(parameter.default) if is_shown else ""


# ------------------------------------------------------------------------------------------------ Python


def python() -> str:
    """Return the public names of the packages with signature and docstring."""
    import abm
    import abm.environment.access
    import abm.equity
    import experiments
    import experiments.territories

    parts = ["# Python", "What a script may rely on. Docstrings tell shapes, units, errors and sources."]
    for module in (abm, experiments, abm.environment.access, abm.equity, experiments.territories):
        parts += [f"## `{module.__name__}`", inspect.cleandoc(module.__doc__ or "")]
        for name, thing in _public(module):
            parts += [f"### {name}", code(f"{name}{_signature(thing)}\n\n{inspect.getdoc(thing) or ''}")]
    return "\n\n".join(parts)


def _public(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the functions and classes that a module offers: those of `__all__`, or its own public ones."""
    for name in getattr(module, "__all__", None) or sorted(vars(module)):
        thing = getattr(module, name)
        is_own = hasattr(module, "__all__") or getattr(thing, "__module__", "") == module.__name__
        if is_own and not name.startswith("_") and (inspect.isfunction(thing) or inspect.isclass(thing)):
            yield name, thing


def _signature(thing: Any) -> str:
    try:
        return str(inspect.signature(thing)).replace("'", "")
    except (TypeError, ValueError):
        return ""


# ------------------------------------------------------------------------------------------------ indicators, evidence


def indicators() -> str:
    """Return the glossary of indicators: the table of the ODD page, which a test keeps in step with the code."""
    page = (ROOT / "docs" / "ODD.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- generated:indicators -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    if found is None:
        raise LookupError("docs/ODD.md has no generated table of indicators")
    told = (
        "# Indicators\n\nRows of `indicators.csv`: indicator, stratum_kind, stratum, period, unit, value, n. `{need}` "
        "is any need: `gp`, `gp_acute`, `gp_follow_up`, `gp_preventive`, a specialty. An empty value means that "
        "nothing of the kind happened; it never stands for zero. Words: [vocabulary](../glossary.md)."
    )
    return f"{told}\n\n{found[1]}"


def evidence() -> str:
    """Return every registered number with range, unit, grade and source, by domain."""
    from abm.parameters import load_parameters

    rows = load_parameters().rows
    parts = [
        "# Evidence",
        "Every number of the model, from the registry (`territoire parameters`). **A**: read in the source named. "
        "**B**: quoted from memory of a publication. **C**: an assumption. "
        + ", ".join(f"{sum(row.grade == grade for row in rows)} of grade {grade}" for grade in "ABC")
        + ".",
    ]
    for domain in dict.fromkeys(row.domain for row in rows):
        members = [row for row in rows if row.domain == domain]
        parts += [
            f"## {domain}",
            table(("id", "name", "value", "range", "unit", "grade", "source"), map(_number, members)),
        ]
    return "\n\n".join(parts)


def _number(row: Any) -> tuple[object, ...]:
    span = "" if row.low is None else f"{row.low:g} to {row.high:g}"
    return row.id, row.name, row.text, span, row.unit, row.grade, f"{row.source}, {row.year}"


# ------------------------------------------------------------------------------------------------ notebooks


def gp_departures() -> str:
    """Return the notebook on departures, with the outputs that it was saved with."""
    from docs.run_notebook import to_markdown

    file = ROOT / "docs" / "notebooks" / "gp_departures.ipynb"
    page = to_markdown(json.loads(file.read_text(encoding="utf-8")))
    return f"{page}\n\n[This page as a notebook]({file.name})"


# ------------------------------------------------------------------------------------------------ packs


def territory_packs() -> str:
    """Return the files and columns of a territory pack."""
    from abm.environment.pack import COLUMNS, FILES, PROFESSIONS, REQUIRED_FILES, SPECIALTIES

    parts = ["# Territory packs", f"A folder. Needed: {', '.join(REQUIRED_FILES)}. All: {', '.join(FILES)}."]
    for file, columns in COLUMNS.items():
        rows = [(c.name, c.kind, "" if c.is_required else "may be absent", _bounds(c)) for c in columns]
        parts += [f"## {file}", table(("column", "holds", "", "range"), rows)]
    parts += ["## Professions", ", ".join(PROFESSIONS) + ".", "## Specialties of a pole", ", ".join(SPECIALTIES) + "."]
    return "\n\n".join(parts).replace("_", "\\_").replace("\\\\_", "\\_")


def _bounds(column: Any) -> str:
    """Return in words what a column may hold."""
    if column.choices:
        return "a profession, see below" if len(column.choices) > 5 else ", ".join(column.choices)
    bounds = [(column.above, "above"), (column.low, "from"), (column.high, "to")]
    return " ".join(f"{word} {bound:,g}" for bound, word in bounds if abs(bound) < float("inf"))


def reference_data() -> str:
    """Return what stands in where a pack says nothing."""
    return (ROOT / "abm" / "environment" / "reference" / "SOURCES.md").read_text(encoding="utf-8")


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/python.md": python,
    "reference/indicators.md": indicators,
    "reference/territory_packs.md": territory_packs,
    "reference/reference_data.md": reference_data,
    "evidence.md": evidence,
    "notebooks/gp_departures.md": gp_departures,
}
