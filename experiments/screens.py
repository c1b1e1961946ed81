"""What the looking-up commands print: territories, scenarios, parameters, the order of the day, comparisons.

Owns the wording and layout of these screens. Computes nothing that another module owns.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from experiments.store import to_json
from experiments.terminal import console, say

if TYPE_CHECKING:
    from rich.table import Table

    from abm.environment.completing import Item
    from abm.environment.territory import Territory
    from abm.parameters import Parameter
    from experiments.running import Run
    from experiments.territories import NewPack

MOST_DIFFERENCES_SHOWN = 10


UNBROKEN = (
    "item",
    "id",
    "name",
    "parameter",
    "range",
    "grade",
    "function",
    "step",
    "factor",
    "method",
    "effect, self-selection",
)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table; columns named in `numbers` are set to the right, names are never broken."""
    from rich.table import Table

    found = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        found.add_column(
            column, justify="right" if column in numbers else "left", overflow="fold", no_wrap=column in UNBROKEN
        )
    return found


# ------------------------------------------------------------------------------------------------ territories


def show_territories(*, is_json: bool) -> None:
    """Print the built-in territories."""
    from abm.environment.territory import list_territories, load_territory

    found = [load_territory(name) for name in list_territories()]
    rows = [{"name": t.name, "title": t.title, "communes": t.n_communes, "people": t.population} for t in found]
    if is_json:
        print(to_json(rows))
        return
    lines = table("name", "title", "communes", "people", numbers=("communes", "people"))
    for row in rows:
        lines.add_row(str(row["name"]), str(row["title"]), f"{row['communes']:,}", f"{row['people']:,}")
    console().print(lines)


def show_territory(territory: Territory, *, is_json: bool) -> None:
    """Print what a territory holds."""
    description = territory.description
    counts = territory.professionals.groupby("profession", sort=False)["count"].sum().sort_values(ascending=False)
    if is_json:
        facts: dict[str, Any] = {"name": territory.name, "folder": str(territory.folder), "digest": territory.digest}
        facts |= {"people": territory.population, "communes": territory.communes.to_dict("records")}
        facts |= {"professionals": counts.to_dict(), "sites": territory.sites.to_dict("records")}
        print(to_json(facts | {"description": description}))
        return
    out = console()
    out.print(territory.title, style="bold")
    out.print(description.get("summary", ""))
    years = ", ".join(f"{key} {year}" for key, year in (description.get("years") or {}).items() if year)
    lines = table("", "")
    lines.add_row("people", f"{territory.population:,} in {territory.n_communes} communes")
    lines.add_row("professionals", ", ".join(f"{name} {count}" for name, count in counts.items()))
    for _, site in territory.sites.iterrows():
        emergency = ", emergency department" if site["has_emergency"] else ""
        lines.add_row(str(site["kind"]), f"{site['name']}{emergency}")
    lines.add_row("years of data", years)
    lines.add_row("folder", str(territory.folder))
    for label, key in (("not known here", "unknown_locally"), ("credits", "credits")):
        for number, text in enumerate(description.get(key) or []):
            lines.add_row(label if number == 0 else "", str(text))
    out.print(lines)


def show_findings(territory: str, *, is_json: bool) -> None:
    """Print every problem of a pack and how complete it is; refuse it when a problem is an error."""
    from dataclasses import asdict

    from abm.environment.completing import completeness, score
    from abm.environment.territory import check_territory, load_territory

    findings = check_territory(territory)
    n_errors = sum(finding.severity == "error" for finding in findings)
    items = [] if n_errors else completeness(load_territory(territory))
    if is_json:
        whole = {"completeness": score(items), "items": [asdict(item) for item in items]} if items else {}
        print(to_json({"findings": [asdict(finding) for finding in findings], **whole}))
    for finding in findings if not is_json else ():
        where = [finding.file, *([f"line {finding.line}"] if finding.line else [])]
        where += [f"column {finding.column}"] if finding.column is not None else []
        print(f"{finding.severity}: {', '.join(where)}: {finding.message}")
    if n_errors:
        raise InputError(f"this pack cannot be used: {n_errors} error{'s' * (n_errors > 1)}", file=territory)
    if not is_json:
        _show_completeness(items)
        print(f"{territory}: the pack can be used ({len(findings)} notes); completeness {score(items):.0%}")


def _show_completeness(items: list[Item]) -> None:
    """Print what a pack tells, and what stands in for the rest."""
    from abm.environment.completing import NOT_KNOWN_TO_ANY_PACK

    lines = table("item", "known", "stands in", "grade", numbers=("known",))
    for item in items:
        lines.add_row(item.name, f"{item.known_share:.0%} of {item.of}", item.stands_in, item.grade)
    for name, stands_in in NOT_KNOWN_TO_ANY_PACK:
        lines.add_row(name, "in no pack", stands_in, "C")
    console().print(lines)


def show_new_territory(made: NewPack, *, is_json: bool) -> None:
    """Print what was made of a table, what was assumed, and what comes next."""
    from dataclasses import asdict

    from abm.environment.completing import completeness, score

    territory, draft = made.territory, made.draft
    items = completeness(territory)
    if is_json:
        facts = {"folder": str(made.folder), "people": territory.population, "communes": territory.n_communes}
        facts |= {"completeness": score(items), "remarks": draft.remarks}
        facts |= {"assumptions": [asdict(assumption) for assumption in draft.assumptions]}
        print(to_json(facts | {"items": [asdict(item) for item in items]}))
        return
    doctors = int(territory.count("general_practitioner").sum())
    out = console()
    out.print(territory.title, style="bold")
    out.print(f"{territory.population:,} people in {territory.n_communes} communes, {doctors} general practitioners")
    for remark in draft.remarks:
        out.print(f"the table: {remark}")
    out.print("Assumed in the pack (put right what you know better)", style="bold")
    lines = table("item", "settled as", "grade", "change in")
    for assumption in draft.assumptions:
        lines.add_row(assumption.what, assumption.value, assumption.grade, assumption.change_in)
    out.print(lines)
    out.print("Not in the pack, stands in when it runs", style="bold")
    _show_completeness([item for item in items if not item.is_complete])
    out.print(f"Completeness {score(items):.0%}. Next:", soft_wrap=True)
    for command in (f"territory check {made.folder}", f"run --territory {made.folder} --days 365"):
        out.print(f"  territoire {command}", soft_wrap=True)


def show_territory_figures(territories: list[Territory], *, is_json: bool) -> None:
    """Print the static figures of territories side by side; those that rest on a stand-in are marked."""
    from experiments.territories import territory_figures

    figures = [territory_figures(territory) for territory in territories]
    if is_json:
        rows = [
            {"territory": territory.name, "folder": str(territory.folder)} | {f.name: f.value for f in of_one}
            for territory, of_one in zip(territories, figures, strict=True)
        ]
        print(to_json(rows))
        return
    names = [f"{territory.name}{' ' * number}" for number, territory in enumerate(territories)]
    lines = table("", "unit", *names, numbers=tuple(names))
    for row in zip(*figures, strict=True):
        lines.add_row(row[0].name, row[0].unit, *(_figure(one.value) + "*" * bool(one.rests_on) for one in row))
    out = console()
    out.print(lines)
    out.print("* rests on something that the pack does not tell: see territoire territory check NAME", soft_wrap=True)
    out.print("Doctors outside a territory are not known: the edge looks worse served than it is.", soft_wrap=True)


def _figure(value: float) -> str:
    """Return a figure with three digits or so, a dash where there is none."""
    if value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


# -------------------------------------------------------------------------------------------------- scenarios


def show_scenarios(*, is_json: bool) -> None:
    """Print the built-in scenarios."""
    from abm.scenario import list_scenarios, load_scenario

    found = [load_scenario(name) for name in list_scenarios()]
    if is_json:
        print(to_json([{"name": s.name, "title": s.title, "description": s.description} for s in found]))
        return
    lines = table("name", "title", "description")
    for scenario in found:
        lines.add_row(scenario.name, scenario.title, scenario.description)
    console().print(lines)


def show_scenario(source: str, *, is_json: bool) -> None:
    """Print a scenario, its levers with their unit and its numbers beside the registry's."""
    from abm.parameters import load_parameters
    from abm.scenario import Levers, load_scenario

    scenario = load_scenario(source)
    if is_json:
        print(to_json(scenario.model_dump(mode="json")))
        return
    out, lines = console(), table("", "")
    out.print(f"{scenario.name}: {scenario.title}", style="bold")
    out.print(scenario.description)
    told_apart = {"levers", "parameters", "title", "description"}
    for key, value in scenario.model_dump(mode="json", exclude=told_apart).items():
        if value is not None:
            lines.add_row(key, str(value))
    for key, info in Levers.model_fields.items():
        value = getattr(scenario.levers, key)
        shown = value or "-" if isinstance(value, str) else f"{value:g}"
        lines.add_row(f"lever {key}", f"{shown}  ({info.description})")
    out.print(lines)
    registry = load_parameters()
    changed = table("parameter", "here", "registered", "range", "unit", numbers=("here", "registered"))
    for name, value in scenario.parameters.items():
        row = registry.entry(name)
        changed.add_row(name, f"{value:g}", f"{row.value:g}", _range(row), row.unit)
    if scenario.parameters:
        out.print(changed)


# ------------------------------------------------------------------------------------------------- parameters


def show_parameters(name: str | None, *, is_assumption: bool, domain: str | None, is_json: bool) -> None:
    """Print one parameter in full, or a table of those asked for."""
    from dataclasses import asdict

    rows = find_parameters(name, is_assumption=is_assumption, domain=domain)
    if is_json:
        print(to_json([asdict(row) for row in rows]))
    elif name is not None and len(rows) == 1:
        _show_one(rows[0])
    else:
        lines = table("id", "name", "value", "range", "unit", "grade", numbers=("value",))
        for row in rows:
            value = row.text if row.value is None else f"{row.value:g}"
            lines.add_row(row.id, row.name, value, _range(row), row.unit, row.grade)
        out = console()
        out.print(lines)
        grades = ", ".join(f"{sum(row.grade == grade for row in rows)} of grade {grade}" for grade in "ABC")
        out.print(f"\n{len(rows)} parameters: {grades} (C: an assumption). One in full: territoire parameters NAME")


def find_parameters(name: str | None, *, is_assumption: bool, domain: str | None) -> list[Parameter]:
    """Return the parameters of a name, id or family, of a domain, of grade C.

    Raises
    ------
    InputError
        Unknown name or domain; the message has the nearest one.
    """
    from abm.parameters import load_parameters

    registry = load_parameters()
    rows = list(registry.rows)
    domains = {row.domain for row in rows}
    if domain is not None and domain not in domains:
        raise InputError(f"--domain: no domain '{domain}'.{nearest(domain, domains)}")
    if name is not None:
        family = [row for row in rows if row.name.partition("[")[0] == name and row.name != name]
        rows = family or [registry.entry(name)]
    return [row for row in rows if (domain is None or row.domain == domain) and (not is_assumption or row.grade == "C")]


def _show_one(row: Parameter) -> None:
    lines = table("", "")
    for key in ("id", "domain", "name", "text", "unit", "grade", "source", "year", "note"):
        lines.add_row("value" if key == "text" else key, str(getattr(row, key)))
        if key == "text":
            lines.add_row("range", _range(row))
    console().print(lines)


def _range(row: Parameter) -> str:
    return "" if row.low is None else f"{row.low:g} to {row.high:g}"


# ----------------------------------------------------------------------------------------------- day and checks


def show_schedule(*, is_json: bool) -> None:
    """Print the order of the day."""
    from abm.schedule import SCHEDULE

    rows = [
        {"number": s.number, "name": s.name, "meaning": s.meaning, "rule": f"{s.rule.__module__}.{s.rule.__name__}"}
        for s in SCHEDULE
    ]
    if is_json:
        print(to_json(rows))
        return
    lines = table("", "step", "what happens", "function", numbers=("",))
    for row in rows:
        lines.add_row(str(row["number"]), str(row["name"]), str(row["meaning"]), str(row["rule"]))
    console().print(lines)


def show_practice(answer: dict[str, Any], *, is_json: bool) -> None:
    """Print the result of the practice check."""
    if is_json:
        print(to_json(answer))
        return
    lines = table("", "mean", "standard error", numbers=("mean", "standard error"))
    for key in ("mean_wait_days", "emergency_share", "utilisation"):
        mean, error = answer[key]["mean"], answer[key]["se"]
        shown = "one replication" if error is None else f"{error:.5f}"
        lines.add_row(key, "none" if mean is None else f"{mean:.5f}", shown)
    console().print(lines)
    console().print(f"simulated in {answer['run_s']:.2f} s")


def show_comparison(earlier: dict[str, Any], old_table: str | None, result: Run, *, is_quiet: bool) -> bool:
    """Say whether a run made again gave the same numbers; return False when it did not."""
    import pandas as pd

    from experiments.provenance import changes_since
    from experiments.running import compare_indicators

    same_people = earlier.get("population", {}).get("fingerprint") == result.manifest["population"]["fingerprint"]
    differences = [] if same_people else ["the synthetic population"]
    if old_table is not None:
        columns = {"stratum": str, "period": str}
        differences += compare_indicators(pd.read_csv(io.StringIO(old_table), dtype=columns), _as_read(result))
    if not differences:
        if not is_quiet:
            what = "all indicators are" if old_table is not None else "the population is"
            print(f"The same run: {what} identical to the earlier ones.")
        return True
    changed = changes_since(earlier, result.manifest)
    why = f"what changed since: {', '.join(changed)}" if changed else "nothing known has changed since"
    say(f"Error: {len(differences)} differences from the earlier run; {why}")
    for line in differences[:MOST_DIFFERENCES_SHOWN]:
        say(f"  {line}")
    return False


def _as_read(result: Run) -> Any:
    """Return the indicators as they are read from the file of the new run."""
    from experiments.running import load

    return load(result.folder or Path()).indicators
