"""The command `territoire`: reads options, calls the function that does the work, prints what it answers.

Owns names and help of commands and options. Everything slow is imported inside the commands, so that help and messages
about wrong input come at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from abm.errors import InputError
from experiments.terminal import Group, progress

HELP = {"help_option_names": ["-h", "--help"]}


def _group(text: str, example: str) -> typer.Typer:
    return typer.Typer(
        cls=Group,
        help=text,
        epilog=f"Example: {example}",
        context_settings=HELP,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


app = _group(
    "Agent-based simulation of a rural French health territory: how long people wait for care, for whom, and what "
    "policies change.",
    "territoire run --territory tiny --days 90",
)
territories = _group("Territory packs: where a simulation takes place.", "territoire territory list")
scenarios = _group("Scenarios: what a simulation asks for.", "territoire scenario show baseline")
verification = _group(
    "Analytic checks: the model's own code against what can be solved exactly.", "territoire verify --json"
)
app.add_typer(territories, name="territory")
app.add_typer(scenarios, name="scenario")
app.add_typer(verification, name="verify")


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    app(prog_name="territoire")
    sys.exit(0)


def _whole(lowest: int, highest: float = float("inf")) -> Callable[[str], int]:
    """Return a reader of whole numbers from `lowest` to `highest`."""
    bounds = f"from {lowest}" if highest == float("inf") else f"from {lowest} to {highest}"

    def read(text: str) -> int:
        try:
            number = int(str(text))
        except ValueError:
            number = lowest - 1
        if not lowest <= number <= highest:
            raise typer.BadParameter(f"found '{text}', expected a whole number {bounds}")
        return number

    return read


def _share(text: str) -> float:
    """Read a number from 0 to below 1."""
    try:
        number = float(str(text))
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise typer.BadParameter(f"found '{text}', expected a number from 0 to below 1")
    return number


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from abm import __version__

        print(f"territoire {__version__}")
        raise typer.Exit()


Territory = Annotated[str, typer.Option("--territory", "-t", help="Built-in territory or folder of a pack.")]
Seed = Annotated[
    int, typer.Option(help="Seed of the run: equal seeds, equal numbers.", parser=_whole(0), metavar="INTEGER")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of results (default: outputs/SCENARIO).")
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Let the workers of a Dask scheduler make the runs: tcp://… or its file."),
]
Posterior = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Fitted numbers: for each seed a combination of a posterior sample (territoire calibrate)."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a finished run.")]
Events = Annotated[bool, typer.Option("--events", help="Also write every episode of care (events.parquet).")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]


@app.callback()
def _territoire(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# ------------------------------------------------------------------------------------------------------- runs


@app.command(epilog="Example: territoire run baseline --days 365 --seed 2 --set teleconsultation=0.1")
def run(
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or path of a YAML file.")] = "baseline",
    territory: Territory = "saverne",
    seed: Seed = 1,
    start: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="First reported day.")] = None,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days.")] = None,
    warm_up: Annotated[str | None, typer.Option(metavar="INTEGER", help="Days before the start, not reported.")] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of people and capacity simulated, above 0 to 1.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a lever, parameter or field; may be repeated."),
    ] = None,
    output: Output = None,
    posterior: Posterior = None,
    events: Events = False,
    force: Force = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Simulate a territory once and summarise it on one screen."""
    from abm.scenario import load_scenario
    from experiments.running import make_plan, refuse_unknown_territory

    given = {"start": start, "days": days, "warm_up_days": warm_up, "scale": scale}
    overrides = _overrides(given, changes or [])
    resolved = load_scenario(scenario, **overrides)
    if posterior is not None:
        from experiments.posteriors import with_sample

        resolved = with_sample(resolved, posterior, seed, overrides)
    refuse_unknown_territory(territory)
    with _destination(resolved.name, output, force) as destination:
        plan = make_plan(resolved, territory, seed, {})
        result = _carry_out(plan, destination, events, not no_figures, quiet or json)
    _show_run(result, quiet, json)


@app.command(epilog="Example: territoire validate --replications 5 --workers 2")
def validate(
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or path of a YAML file.")] = "baseline",
    territory: Territory = "saverne",
    replications: Annotated[int, typer.Option(help="Runs.", parser=_whole(1), metavar="INTEGER")] = 5,
    seed: Seed = 1,
    workers: Annotated[int, typer.Option(help="Processes.", parser=_whole(1), metavar="INTEGER")] = 2,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days.")] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of people and capacity simulated, above 0 to 1.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a lever, parameter or field; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder (default: outputs/validation-SCENARIO)."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write the table as a page in Markdown; with docs/validation.md, what reports tell of it, too.",
        ),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Make again the runs that failed.")] = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Hold the model against everything observed: each target, what several runs give, in or out.

    Targets marked `fit` may be calibrated on, those marked `validate` are kept apart, those marked `input` are given to
    the model. An interrupted validation goes on where it was left when the same is asked for again. Exit code 1 when a
    run failed; a target that is out is a result, not a failure.
    """
    from abm.scenario import load_scenario
    from experiments.running import refuse_unknown_territory

    resolved = load_scenario(scenario, **_overrides({"days": days, "scale": scale}, changes or []))
    refuse_unknown_territory(territory)
    if page is not None:
        from experiments.validation_record import refuse_other_than_status_quo

        refuse_other_than_status_quo(page, resolved)
    from experiments.validating import validate as hold_against_targets
    from experiments.validation_views import as_json, show

    with progress(is_quiet=quiet or json) as told:
        found = hold_against_targets(
            resolved,
            territory=territory,
            replications=replications,
            seed=seed,
            workers=workers,
            output=output,
            has_figures=not no_figures,
            retry_failed=retry_failed,
            progress=told,
        )
    if page is not None:
        from experiments.running import find_territory
        from experiments.validation_page import write_page

        write_page(found, page, find_territory(territory))
    if json:
        print(as_json(found))
    elif not quiet:
        show(found)
    if found.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: territoire rerun outputs/baseline/manifest.json")
def rerun(
    manifest: Annotated[Path, typer.Argument(help="manifest.json of a run or sweep, or its folder.")],
    row: Annotated[
        str | None,
        typer.Option(metavar="NUMBER|DIGEST", help="Of a sweep, only this run, with all tables."),
    ] = None,
    output: Output = None,
    workers: Workers = None,
    events: Events = False,
    force: Force = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make the same run or sweep again, and tell whether its numbers are the same.

    The new results go to a folder of their own. Exit code 1 when a number differs from the earlier one.
    """
    from experiments.rerunning import rerun_batch, rerun_row
    from experiments.table import DESIGN

    folder = manifest if manifest.is_dir() else manifest.parent
    if (folder / DESIGN).is_file():
        options: dict[str, Any] = {"output": output, "force": force, "is_quiet": quiet or json}
        if row is None:
            is_same = rerun_batch(folder, workers=workers, **options)
        else:
            is_same = rerun_row(folder, row, has_events=events, has_figures=not no_figures, **options)
    elif row is not None:
        raise InputError("--row: this is a run, not a sweep", file=manifest)
    else:
        is_same = _rerun_run(manifest, output, force, events, not no_figures, quiet, json)
    if not is_same:
        raise typer.Exit(1)


def _rerun_run(
    manifest: Path, output: Path | None, force: bool, events: bool, figures: bool, quiet: bool, json: bool
) -> bool:
    """Make a run again; tell whether its numbers are the same."""
    from experiments.running import plan_of, read_manifest
    from experiments.screens import show_comparison

    earlier = read_manifest(manifest)
    old_table = (manifest if manifest.is_dir() else manifest.parent) / "indicators.csv"
    old_table_text = old_table.read_text(encoding="utf-8") if old_table.is_file() else None
    with _destination(str(earlier["scenario"].get("name")), output, force) as destination:
        plan = plan_of(earlier, manifest)
        result = _carry_out(plan, destination, events, figures, quiet or json)
    _show_run(result, quiet, json)
    return show_comparison(earlier, old_table_text, result, is_quiet=quiet or json)


@app.command(epilog="Example: territoire compare baseline more_gps --territory tiny --days 90 --replications 3")
def compare(
    scenarios: Annotated[
        list[str], typer.Argument(metavar="SCENARIO…", help="Built-in scenarios, YAML files, or folders of runs.")
    ],
    reference: Annotated[str, typer.Option(help="What the others are compared with.")] = "baseline",
    territory: Territory = "saverne",
    replications: Annotated[
        str, typer.Option(metavar="INTEGER|auto", help="Seeds; auto: until differences are known to --precision.")
    ] = "10",
    precision: Annotated[
        float, typer.Option(help="Half-width wanted, share of the reference.", parser=_share, metavar="SHARE")
    ] = 0.02,
    seed: Seed = 1,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Draw uncertain parameters for each seed, the same for all scenarios.")
    ] = False,
    attribution: Annotated[
        bool, typer.Option("--attribution", help="Also run every subset of a scenario's policies (Shapley values).")
    ] = False,
    delay: Annotated[
        bool, typer.Option("--delay", help="Also run without harm by delay, and with the highest registered.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", help="Also run networks and education paid for without any effect.")
    ] = False,
    ending: Annotated[
        bool, typer.Option("--ending", help="Also stop the money of networks half-way: what remains?")
    ] = False,
    yardstick: Annotated[
        bool, typer.Option("--yardstick", help="Also recruit doctors, to tell effects in general practitioners.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="All of --attribution, --delay, --null, --ending, --yardstick.")
    ] = False,
    base_years: Annotated[
        str | None,
        typer.Option(metavar="1-3", help="Whole years before the start, as warm-up and base of the contracts."),
    ] = None,
    posterior: Posterior = None,
    workers: Annotated[int, typer.Option(help="Processes.", parser=_whole(1), metavar="INTEGER")] = 2,
    cluster: Cluster = None,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days.")] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of people and capacity simulated, above 0 to 1.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set in every scenario, the reference too; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder (default: outputs/comparison).")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en or fr.")] = "en",
    no_report: Annotated[bool, typer.Option("--no-report", help="Write tables only.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare policies with a reference under the same seeds: differences, savings, who gains, a report.

    Runs that are there already are not made again: after an interruption, the same command goes on. Exit code 1 when a
    run failed.
    """
    from experiments.answers import LANGUAGES
    from experiments.comparing import AUTO
    from experiments.comparing import compare as hold_against_reference

    if lang not in LANGUAGES:
        raise InputError(f"--lang: found '{lang}', expected one of {', '.join(LANGUAGES)}")
    count: int | str = AUTO if replications == AUTO else _whole(1)(replications)
    with progress(is_quiet=quiet or json) as told:
        found = hold_against_reference(
            *scenarios,
            reference=reference,
            territory=territory,
            replications=count,
            precision=precision,
            seed=seed,
            is_uncertain=uncertain,
            has_attribution=attribution or full,
            has_delay=delay or full,
            has_null=null or full,
            has_ending=ending or full,
            has_yardstick=yardstick or full,
            base_years=None if base_years is None else _whole(1)(base_years),
            posterior=posterior,
            workers=workers,
            cluster=cluster,
            output=output,
            progress=told,
            **_overrides({"days": days, "scale": scale}, changes or []),
        )
        if not no_report:
            from experiments.report import write_report

            told.phase("Writing the report")
            write_report(found, lang)
    from experiments.comparison_screens import as_json, show

    if json:
        print(as_json(found))
    elif not quiet:
        show(found)
    if found.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: territoire report outputs/comparison --lang fr")
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison, sweep or sensitivity analysis.")],
    lang: Annotated[str, typer.Option(help="en or fr.")] = "en",
    quiet: Quiet = False,
) -> None:
    """Rebuild the tables, figures and the HTML report of a comparison or a sweep from its runs."""
    from experiments.answers import LANGUAGES

    if lang not in LANGUAGES:
        raise InputError(f"--lang: found '{lang}', expected one of {', '.join(LANGUAGES)}")
    from experiments.reading import write_any_report

    file = write_any_report(folder, lang)
    if not quiet:
        print(file)


@app.command(epilog="Example: territoire trace --person 42 --territory tiny --days 120 --versus more_gps")
def trace(
    person: Annotated[int, typer.Option(help="Number of the inhabitant.", parser=_whole(0), metavar="INTEGER")],
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or path of a YAML file.")] = "baseline",
    versus: Annotated[
        str | None, typer.Option(metavar="SCENARIO", help="The same life under another policy, and where both part.")
    ] = None,
    territory: Territory = "saverne",
    seed: Seed = 1,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set in both scenarios; may be repeated."),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Tell one inhabitant's life day by day, and where it parts under another policy."""
    from experiments.tracing import as_json, show
    from experiments.tracing import trace as follow

    with progress(is_quiet=quiet or json) as told:
        found = follow(
            person,
            scenario,
            versus=versus,
            territory=territory,
            seed=seed,
            progress=told,
            **_overrides({"days": days}, changes or []),
        )
    if json:
        print(as_json(found))
    elif not quiet:
        show(found)


@app.command(epilog="Example: territoire dashboard --territory saverne --lang fr")
def dashboard(
    scenario: Annotated[
        str, typer.Argument(help="The status quo: built-in scenario or path of a YAML file.")
    ] = "baseline",
    territory: Territory = "tiny",
    seed: Seed = 1,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Length of the horizon.")] = None,
    warm_up: Annotated[str | None, typer.Option(metavar="INTEGER", help="Days before the start, not shown.")] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of people and capacity simulated, above 0 to 1.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set in both worlds; may be repeated."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine unless told.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.", parser=_whole(0, 65535), metavar="INTEGER")] = 8765,
    lang: Annotated[str, typer.Option(help="en or fr; can be changed on the page.")] = "en",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    quiet: Quiet = False,
) -> None:
    """Open the interactive page: watch a territory live, move the levers, read a life.

    The status quo and the policy run side by side with one seed. Needs the extra 'dashboard'. Ctrl-C ends it.
    """
    from experiments.page.words import LANGUAGES

    if lang not in LANGUAGES:
        raise InputError(f"--lang: found '{lang}', expected one of {', '.join(LANGUAGES)}")
    from abm.scenario import load_scenario
    from experiments.page.serving import free_port, refuse_missing_extra, serve
    from experiments.running import find_territory, refuse_unknown_territory

    given = {"days": days, "warm_up_days": warm_up, "scale": scale}
    resolved = load_scenario(scenario, **_overrides(given, changes or []))
    refuse_unknown_territory(territory)
    refuse_missing_extra()
    port = free_port(host, port)
    find_territory(territory)

    def started(address: str) -> None:
        if not quiet:
            print(f"The page is at {address} (Ctrl-C ends it)", flush=True)
        if not no_browser:
            import webbrowser

            webbrowser.open(address)

    serve(territory, seed=seed, scenario=resolved, language=lang, host=host, port=port, on_start=started)


@app.command(epilog="Example: territoire diagnose --territory sarrebourg --replications 5 --lang fr")
def diagnose(
    interventions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENARIO…]", help="What to rank (default: every built-in single intervention)."),
    ] = None,
    territory: Territory = "saverne",
    reference: Annotated[str, typer.Option(help="The status quo.")] = "baseline",
    replications: Annotated[int, typer.Option(help="Seeds.", parser=_whole(1, 10_000), metavar="INTEGER")] = 5,
    seed: Seed = 1,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Draw uncertain parameters for each seed, the same for all scenarios.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes.", parser=_whole(1), metavar="INTEGER")] = 2,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days.")] = None,
    warm_up: Annotated[str | None, typer.Option(metavar="INTEGER", help="Days before the start, not reported.")] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of people and capacity simulated, above 0 to 1.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set in every scenario; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder (default: outputs/diagnosis-TERRITORY)."),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en or fr.")] = "en",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the local health diagnosis: who lives here, illness, access, costs, gaps, and where a euro gains most.

    Interventions are ranked by gain per euro, one aim at a time, from runs paired by seed. Runs that are there already
    are not made again. Exit code 1 when a run failed.
    """
    from experiments.answers import LANGUAGES

    if lang not in LANGUAGES:
        raise InputError(f"--lang: found '{lang}', expected one of {', '.join(LANGUAGES)}")
    from experiments.running import refuse_unknown_territory

    refuse_unknown_territory(territory)
    overrides = _overrides({"days": days, "warm_up_days": warm_up, "scale": scale}, changes or [])
    from experiments.diagnosing import diagnose as look_into
    from experiments.diagnosis_report import write_diagnosis
    from experiments.diagnosis_screens import as_json, show

    with progress(is_quiet=quiet or json) as told:
        found = look_into(
            territory,
            interventions or (),
            reference=reference,
            replications=replications,
            seed=seed,
            is_uncertain=uncertain,
            workers=workers,
            output=output,
            progress=told,
            **overrides,
        )
        told.phase("Writing the diagnosis")
        file = write_diagnosis(found, lang)
    if json:
        print(as_json(found))
    elif not quiet:
        show(found, file, lang)
    if found.comparison.errors:
        raise typer.Exit(1)


def _destination(name: str, output: Path | None, force: bool) -> Any:
    """Return where a run will be put; refuse at once what cannot be written."""
    from experiments.running import DEFAULT_FOLDER
    from experiments.store import Destination

    return Destination(output or DEFAULT_FOLDER / name, is_chosen=force or output is not None, force=force)


def _carry_out(plan: Any, destination: Any, events: bool, figures: bool, is_quiet: bool) -> Any:
    """Run a plan into its folder."""
    from experiments.running import save, simulate

    with progress(is_quiet=is_quiet) as told:
        result = simulate(plan, told)
        told.phase("Writing results")
        return save(result, destination, has_events=events, has_figures=figures)


def _show_run(result: Any, is_quiet: bool, is_json: bool) -> None:
    from experiments.summary import as_json, show

    if is_json:
        print(as_json(result))
    elif not is_quiet:
        show(result)


def _overrides(given: dict[str, str | None], changes: list[str]) -> dict[str, Any]:
    """Return what the options change in the scenario, each key once."""
    from abm.scenario import parse_override

    overrides: dict[str, Any] = {}
    options = [f"{key}={value}" for key, value in given.items() if value is not None]
    for key, value in map(parse_override, [*options, *changes]):
        if key in overrides:
            raise InputError(f"'{key}' is given twice on the command line")
        overrides[key] = value
    return overrides


# ------------------------------------------------------------------------------------------------------- many runs

Workers = Annotated[
    int | None,
    typer.Option(help="Processes (default: as cores and memory allow).", parser=_whole(1), metavar="INTEGER"),
]
BatchOutput = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of results (default: outputs/DESIGN).")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell how many runs, how long, how much disk.")]
Status = Annotated[bool, typer.Option("--status", help="Only tell what is done, failed and pending.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Also make again the runs that failed.")]
Yes = Annotated[bool, typer.Option("--yes", help="More than 10,000 runs are meant.")]


@app.command(epilog="Example: territoire sweep my_design.yaml --workers 2")
def sweep(
    design: Annotated[str, typer.Argument(help="Design file (YAML), or the folder of a sweep begun before.")],
    output: BatchOutput = None,
    workers: Workers = None,
    cluster: Cluster = None,
    dry_run: DryRun = False,
    status: Status = False,
    retry_failed: RetryFailed = False,
    yes: Yes = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make all runs of a design: a grid, a list, a sample of levers and uncertain parameters.

    What is there already is not made again: after an interruption, the same command goes on. Exit code 1 when runs
    failed.
    """
    from experiments.sweep_screens import sweep_command

    options = {"output": output, "workers": workers, "cluster": cluster, "retry_failed": retry_failed, "is_huge": yes}
    kind = "forecast" if dry_run else "status" if status else "make"
    if sweep_command(design, kind, options, has_figures=not no_figures, is_quiet=quiet, is_json=json):
        raise typer.Exit(1)


@app.command(epilog="Example: territoire sensitivity morris my_design.yaml --indicator lead_time_mean_days.gp")
def sensitivity(
    method: Annotated[str, typer.Argument(metavar="morris|sobol", help="Screening by Morris, or Sobol' indices.")],
    design: Annotated[str, typer.Argument(help="Design file (YAML) whose factors have ranges.")],
    indicator: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Of this indicator (or pattern, as 'lead_*'); repeatable.")
    ] = None,
    output: BatchOutput = None,
    workers: Workers = None,
    cluster: Cluster = None,
    dry_run: DryRun = False,
    status: Status = False,
    retry_failed: RetryFailed = False,
    yes: Yes = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Tell which factors an indicator depends on, with intervals: makes the runs that are missing, then the indices.

    Intervals hold the chance of the sample and, with several seeds a point, that of the runs.
    """
    from experiments.sweep_screens import sensitivity_command

    options = {"output": output, "workers": workers, "cluster": cluster, "retry_failed": retry_failed, "is_huge": yes}
    kind = "forecast" if dry_run else "status" if status else "make"
    asked = (method, design, tuple(indicator or ()))
    if sensitivity_command(*asked, kind, options, has_figures=not no_figures, is_quiet=quiet, is_json=json):
        raise typer.Exit(1)


@app.command(epilog="Example: territoire calibrate --territory tiny --free gp_load --points 10 --waves 1 --check 4")
def calibrate(
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or path of a YAML file.")] = "baseline",
    territory: Territory = "saverne",
    free: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Free parameter (default: those of calibration/free.csv).")
    ] = None,
    free_file: Annotated[
        Path | None,
        typer.Option("--free-file", metavar="FILE", help="CSV of free parameters, as calibration/free.csv."),
    ] = None,
    waves: Annotated[int, typer.Option(help="Waves of history matching.", parser=_whole(1), metavar="INTEGER")] = 3,
    points: Annotated[int, typer.Option(help="Points a wave.", parser=_whole(4), metavar="INTEGER")] = 60,
    replications: Annotated[int, typer.Option(help="Runs a point.", parser=_whole(1), metavar="INTEGER")] = 1,
    samples: Annotated[int, typer.Option(help="Combinations kept.", parser=_whole(2), metavar="INTEGER")] = 200,
    check: Annotated[
        int, typer.Option(help="Runs of the sample, held against the targets.", parser=_whole(0), metavar="INTEGER")
    ] = 20,
    seed: Seed = 1,
    workers: Workers = None,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days (default: 365).")] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of people and capacity simulated, above 0 to 1.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a lever, parameter or field; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder (default: outputs/calibration-TERRITORY)."),
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Only tell how far the calibration of --output is.")] = False,
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Find the combinations of uncertain numbers that agree with what was observed: a sample, not a point.

    Latin hypercube, surrogates, history matching in waves, then ABC on what is left; only targets marked `fit`. What is
    there already is not made again: after an interruption, the same command goes on. Writes posterior.json, which
    `run`, `compare` and design files can use, and tells which parameters the targets leave open. Exit code 1 when no
    combination agrees.
    """
    from calibration.matching import NothingLeft
    from experiments.calibrating import calibrate as fit
    from experiments.calibrating import status as status_of
    from experiments.store import to_json

    if status:
        from experiments.running import DEFAULT_FOLDER

        found = status_of(output or DEFAULT_FOLDER / f"calibration-{Path(territory).name}")
        lines = (
            f"{name}: " + ", ".join(f"{n} {word}" for word, n in runs.items())
            for name, runs in found["batches"].items()
        )
        print(to_json(found) if json else "\n".join(lines))
        return
    with progress(is_quiet=quiet or json) as told:
        try:
            fitted = fit(
                scenario,
                territory=territory,
                free=free,
                free_file=free_file,
                waves=waves,
                points=points,
                replications=replications,
                samples=samples,
                check=check,
                seed=seed,
                workers=workers,
                output=output,
                retry_failed=retry_failed,
                progress=told,
                **_overrides({"days": days, "scale": scale}, changes or []),
            )
        except NothingLeft as nothing:
            print(f"Error: {nothing}", file=sys.stderr)
            raise typer.Exit(1) from None
    from experiments.calibration_views import as_json, show

    if json:
        print(as_json(fitted))
    elif not quiet:
        show(fitted)


@app.command(epilog="Example: territoire lab --size 0.1:4 --territory saverne")
def lab(
    scenario: Annotated[str, typer.Argument(help="Scenario with a care network.")] = "kinzigtal",
    territory: Territory = "saverne",
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE:RUNS",
            help="Share of the territory and replications, e.g. 0.1:12 (default: 0.1:20, 0.3:20, 1:8).",
        ),
    ] = None,
    planted: Annotated[
        list[float] | None,
        typer.Option(metavar="SHARE", help="Known saving written into members' claims (default: 0.02, 0.05, 0.1)."),
    ] = None,
    seed: Seed = 1,
    workers: Workers = None,
    days: Annotated[str | None, typer.Option(metavar="INTEGER", help="Reported days (default: three years).")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a lever, parameter or field; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder (default: outputs/laboratory).")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Hand claims of network runs to evaluators' usual methods, and hold what they say beside the known truth.

    Bias, coverage, the chance of paying for nothing, by size of territory, self-selection and true effect; how many
    people and years an evaluation needs. What is there already is not made again. Exit code 1 when a run failed.
    """
    from experiments.laboratory import DEFAULT_SIZES, PLANTED
    from experiments.laboratory import lab as study
    from experiments.laboratory_views import as_json, show

    sizes = [_size_and_runs(text) for text in size] if size else DEFAULT_SIZES
    with progress(is_quiet=quiet or json) as told:
        found = study(
            scenario,
            territory=territory,
            sizes=sizes,
            planted=planted if planted is not None else PLANTED,
            seed=seed,
            workers=workers,
            output=output,
            progress=told,
            **_overrides({"days": days}, changes or []),
        )
    if json:
        print(as_json(found))
    elif not quiet:
        show(found)
    if found.errors:
        raise typer.Exit(1)


def _size_and_runs(text: str) -> tuple[float, int]:
    """Read a size of the laboratory: a share and a number of replications."""
    share, _, runs = text.partition(":")
    try:
        return float(share), int(runs)
    except ValueError:
        raise InputError(f"--size: found '{text}', expected a share and replications, e.g. 0.1:12") from None


@app.command(epilog="Example: territoire crate outputs/baseline")
def crate(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run, sweep or sensitivity analysis.")],
    json: Json = False,
) -> None:
    """Describe results as an RO-Crate: ro-crate-metadata.json, for archives and catalogues of research data."""
    from experiments.crate import write_crate

    file = write_crate(folder)
    print(f'{{"file": "{file}"}}' if json else f"{file}: written")


# ---------------------------------------------------------------------------------------------- inputs, looked up


@territories.command("list", epilog="Example: territoire territory list")
def territory_list(json: Json = False) -> None:
    """List the built-in territories."""
    from experiments.screens import show_territories

    show_territories(is_json=json)


@territories.command("show", epilog="Example: territoire territory show saverne")
def territory_show(
    territory: Annotated[str, typer.Argument(help="Built-in territory or folder of a pack.")], json: Json = False
) -> None:
    """Tell what a territory holds, and what is not known of it."""
    from experiments.running import find_territory
    from experiments.screens import show_territory

    show_territory(find_territory(territory), is_json=json)


@territories.command("check", epilog="Example: territoire territory check my_territory")
def territory_check(
    territory: Annotated[str, typer.Argument(help="Built-in territory or folder of a pack.")], json: Json = False
) -> None:
    """List every problem of a territory pack, what it does not tell, and what stands in for that.

    The completeness is the plain mean of what is known of each item; 100 % is a pack that leaves nothing to assume.
    """
    from experiments.running import refuse_unknown_territory
    from experiments.screens import show_findings

    refuse_unknown_territory(territory)
    show_findings(territory, is_json=json)


@territories.command("compare", epilog="Example: territoire territory compare saverne sarrebourg")
def territory_compare(
    names: Annotated[
        list[str], typer.Argument(metavar="TERRITORY...", help="Built-in territories or folders of packs.")
    ],
    json: Json = False,
) -> None:
    """Lay territories side by side: what their data say before any simulation."""
    from experiments.running import find_territory, refuse_unknown_territory
    from experiments.screens import show_territory_figures

    for name in names:
        refuse_unknown_territory(name)
    show_territory_figures([find_territory(name) for name in names], is_json=json)


@territories.command("new", epilog="Example: territoire territory new my_communes.csv -o my_territory --year 2022")
def territory_new(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="CSV of communes: code, name, population, latitude, longitude, number of general practitioners.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of the pack (default: as the table).")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Name of the territory, as printed.")] = None,
    year: Annotated[
        int | None, typer.Option(help="Year of the figures.", parser=_whole(1900, 2100), metavar="INTEGER")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a territory pack.")] = False,
    json: Json = False,
) -> None:
    """Make a territory pack from a table of communes, and tell what was assumed.

    Columns may have French or English names; known further columns (ages, incomes, areas, nurses, specialists...) are
    used, unknown ones refused.
    """
    from experiments.screens import show_new_territory
    from experiments.territories import new_territory

    made = new_territory(table, output, title=title, year=year, force=force)
    show_new_territory(made, is_json=json)


@scenarios.command("list", epilog="Example: territoire scenario list")
def scenario_list(json: Json = False) -> None:
    """List the built-in scenarios."""
    from experiments.screens import show_scenarios

    show_scenarios(is_json=json)


@scenarios.command("show", epilog="Example: territoire scenario show my_policy.yaml")
def scenario_show(
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or path of a YAML file.")] = "baseline",
    json: Json = False,
) -> None:
    """Show a scenario in full, and where its numbers depart from the registry's."""
    from experiments.screens import show_scenario

    show_scenario(scenario, is_json=json)


@scenarios.command("check", epilog="Example: territoire scenario check my_policy.yaml")
def scenario_check(
    scenario: Annotated[str, typer.Argument(help="Built-in scenario or path of a YAML file.")],
) -> None:
    """Check a scenario file, key by key."""
    from abm.scenario import load_scenario

    found = load_scenario(scenario)
    print(f"{scenario}: scenario '{found.name}' can be used")


@scenarios.command("schema", epilog="Example: territoire scenario schema > scenario.schema.json")
def scenario_schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from abm.scenario import scenario_json_schema
    from experiments.store import to_json

    print(to_json(scenario_json_schema()))


@app.command(epilog="Example: territoire parameters gp_load; territoire parameters --domain supply --assumptions")
def parameters(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID|NAME]", help="One parameter, or the family before its '['.")
    ] = None,
    assumptions: Annotated[bool, typer.Option("--assumptions", help="Only those of grade C: assumptions.")] = False,
    domain: Annotated[str | None, typer.Option(help="Only those of one domain.")] = None,
    json: Json = False,
) -> None:
    """Show every number of the model with its range, unit, source and grade.

    Grades: A read in the source named, B quoted from memory of a publication, C an assumption.
    """
    from experiments.screens import show_parameters

    show_parameters(name, is_assumption=assumptions, domain=domain, is_json=json)


@app.command(epilog="Example: territoire schedule")
def schedule(json: Json = False) -> None:
    """Print the order of the day, each step beside the function that is it."""
    from experiments.screens import show_schedule

    show_schedule(is_json=json)


# ----------------------------------------------------------------------------------------------- checks and speed


@verification.callback(invoke_without_command=True, epilog="Example: territoire verify --topic queues --topic beds")
def verify(
    context: typer.Context,
    topic: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC", help="Only this topic (see the table); may be repeated.")
    ] = None,
    effort: Annotated[
        int, typer.Option(help="Times the replications, for smaller errors.", parser=_whole(1, 100), metavar="INTEGER")
    ] = 1,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Hold the model's own code against every closed form that it has, with z-scores.

    Agendas, queues, beds, catchments, travel, disease clocks, economics, inequality, the random generator, samplers.
    Exit code 1 when a check fails. A right model fails one time in a thousand, over all checks and a seed chosen anew.
    """
    if context.invoked_subcommand is not None:
        return
    from experiments.verifying import as_json, show
    from experiments.verifying import verify as hold_against_closed_forms

    with progress(is_quiet=quiet or json) as told:
        found = hold_against_closed_forms(topic or None, effort=effort, seed=seed, progress=told)
    if json:
        print(as_json(found))
    elif not quiet:
        show(found)
    if not found.is_sound:
        raise typer.Exit(1)


@verification.command(
    "practice",
    epilog="Example: territoire verify practice --patients 1500 --daily-need 0.012 --slots 19 --days 3000",
)
def verify_practice(
    patients: Annotated[int, typer.Option(help="Number of patients.", parser=_whole(1), metavar="INTEGER")],
    daily_need: Annotated[float, typer.Option(help="Probability of a need a day.", parser=_share, metavar="SHARE")],
    slots: Annotated[int, typer.Option(help="Appointments a doctor and day.", parser=_whole(1), metavar="INTEGER")],
    days: Annotated[int, typer.Option(help="Days observed.", parser=_whole(1), metavar="INTEGER")] = 365,
    warm_up: Annotated[int, typer.Option(help="Days before.", parser=_whole(0), metavar="INTEGER")] = 0,
    horizon: Annotated[
        int | None,
        typer.Option(help="Days ahead that can be booked (default: no limit).", parser=_whole(0), metavar="INTEGER"),
    ] = None,
    doctors: Annotated[int, typer.Option(help="Doctors.", parser=_whole(1), metavar="INTEGER")] = 1,
    working_days: Annotated[int, typer.Option(help="Open days a week.", parser=_whole(1, 7), metavar="INTEGER")] = 7,
    chronic_share: Annotated[float, typer.Option(help="Share of patients.", parser=_share, metavar="SHARE")] = 0.0,
    chronic_daily_need: Annotated[float, typer.Option(help="Theirs a day.", parser=_share, metavar="SHARE")] = 0.0,
    replications: Annotated[int, typer.Option(help="Runs.", parser=_whole(1), metavar="INTEGER")] = 1,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Run the model's own booking code on doctors who work every day, as queueing theory can solve it."""
    from experiments.screens import show_practice
    from experiments.verify import practice

    answer = practice(
        patients=patients,
        doctors=doctors,
        slots=slots,
        daily_need=daily_need,
        horizon=horizon,
        working_days=working_days,
        days=days,
        warm_up=warm_up,
        chronic_share=chronic_share,
        chronic_daily_need=chronic_daily_need,
        replications=replications,
        seed=seed,
    )
    show_practice(answer, is_json=json)


@app.command(epilog="Example: territoire bench --quick")
def bench(
    against: Annotated[
        bool, typer.Option("--against", help="Also run other simulators side by side (extra 'bench').")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the workload, the invented territory.")] = False,
    json: Json = False,
) -> None:
    """Measure speed and memory, the same workload each time."""
    from experiments.benchmarking import bench as measure

    measure(with_peers=against, is_quick=quick, is_json=json)
