"""The command line: one message and the right exit code for what is wrong, one screen for what is right."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app
from experiments.store import MANIFEST

ROOT = Path(__file__).parents[1]
SHORT = ("-t", "tiny", "--days", "60", "--warm-up", "14", "--set", "follow_up_days=30")
COMMANDS = (
    (), ("run",), ("rerun",), ("sweep",), ("sensitivity",), ("crate",), ("dashboard",), ("diagnose",),
    ("parameters",), ("schedule",), ("bench",),
    ("territory",), ("territory", "list"), ("territory", "show"), ("territory", "check"), ("territory", "new"),
    ("territory", "compare"), ("scenario",), ("scenario", "list"), ("scenario", "show"),
    ("scenario", "check"), ("scenario", "schema"), ("verify",), ("verify", "practice"),
    ("calibrate",), ("lab",),
)  # fmt: skip
PRACTICE = ("verify", "practice", "--patients", "200", "--daily-need", "0.02", "--slots", "4", "--days", "100")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="territoire")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def start(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# -------------------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    result = call(*command, "--help")
    shown = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stdout).split())
    assert result.exit_code == 0
    assert f"Example: {' '.join(('territoire', *command))}" in shown


def test_help_is_quick() -> None:
    slow = ("numba", "mesa", "pandas", "matplotlib", "scipy", "networkx")
    code = f"import sys, experiments.cli; print([m for m in {slow} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "[]"


def test_version_and_module_call() -> None:
    process = start("--version")
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and shown.startswith("territoire 0.")


# ----------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("", ["a command is missing", "run", "--help"]),
        ("rnu", ["'rnu'", "Did you mean 'run'?"]),
        ("territory shwo", ["'shwo'", "Did you mean 'show'?"]),
        ("verify --topic queus", ["--topic", "Did you mean 'queues'?"]),
        ("lab baseline -t tiny", ["opens no care network"]),
        ("lab --size 2 -t tiny", ["--size", "found '2'"]),
        ("calibrate -t tiny --free gp_laod", ["Did you mean 'gp_load'?"]),
        ("run -t tiny --posterior nowhere", ["nowhere", "no such posterior"]),
        ("run --sed 3", ["'--sed'", "Did you mean '--seed'?"]),
        ("run --seed", ["--seed", "argument"]),
        ("run --seed x", ["--seed", "'x'", "a whole number from 0"]),
        ("run --seed -1", ["--seed", "'-1'", "a whole number from 0"]),
        ("run --seed 1.5", ["--seed", "'1.5'"]),
        ("run a b", ["(b)"]),
        ("run baselin", ["'baselin'", "Did you mean 'baseline'?"]),
        ("run missing.yaml", ["missing.yaml", "no such scenario file"]),
        ("run -t tinny", ["'tinny'", "Did you mean 'tiny'?"]),
        ("run -t nowhere/at/all", ["nowhere/at/all"]),
        ("run --days 0", ["'days'", "found 0", "from 1"]),
        ("run --days many", ["'days'", "'many'"]),
        ("run --start 2020-02-30", ["'start'", "2020-02-30", "a date"]),
        ("run --warm-up -1", ["'warm_up_days'", "-1"]),
        ("run --scale 0", ["'scale'", "above 0"]),
        ("run --scale 1.1", ["'scale'", "1.1"]),
        ("run --set teleconsultation", ["key=value"]),
        ("run --set teleconsultatio=0.1", ["Did you mean 'teleconsultation'?"]),
        ("run --set teleconsultation=2", ["'levers.teleconsultation'", "found 2", "to 1"]),
        ("run --set gp_load=7", ["'gp_load'", "found 7", "0.8 to 1.05"]),
        ("run --days 5 --set days=6", ["'days'", "twice"]),
        ("run -o file", ["file", "a folder expected"]),
        ("run -o file/below", ["file/below", "cannot be written to"]),
        ("rerun nowhere", ["nowhere", "cannot be read"]),
        ("rerun file", ["file", "not JSON"]),
        ("parameters gp_laod", ["Did you mean 'gp_load'?"]),
        ("parameters --domain suply", ["--domain", "Did you mean 'supply'?"]),
        ("territory show tinny", ["Did you mean 'tiny'?"]),
        ("territory check tinny", ["Did you mean 'tiny'?"]),
        ("scenario show baselin", ["Did you mean 'baseline'?"]),
        ("scenario check bad.yaml", ["bad.yaml, line 2", "'dayz'", "Did you mean 'days'?"]),
        ("verify practice --slots 1 --daily-need 0.1", ["--patients", "missing"]),
        ("verify practice --patients 0 --slots 1 --daily-need 0.1", ["--patients", "'0'", "from 1"]),
        ("verify practice --patients 9 --slots 1 --daily-need 1.0", ["--daily-need", "'1.0'", "below 1"]),
        ("verify practice --patients 9 --slots 1 --daily-need 0.1 --working-days 8", ["--working-days", "1 to 7"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(command: str, parts: list[str]) -> None:
    Path("file").write_text("")
    Path("bad.yaml").write_text("extends: baseline\ndayz: 3\n")
    result = call(*command.split())
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["bad.yaml", "file"]


HEAVY = {"numba", "mesa", "pandas", "matplotlib", "networkx", "pyarrow"}
REFUSED = """
import sys
from experiments.cli import main
try:
    main()
except SystemExit as stop:
    print(stop.code, *sorted(HEAVY & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "run -t tinny",
        "run --set gp_laod=1",
        "run --seed -1",
        "run --days x",
        "sweep x.yaml",
        "sweep x --status",
    ],
)
def test_help_and_bad_input_load_nothing_heavy(command: str) -> None:
    """What makes them quick, whatever the machine: no compiler, no tables, no figures are loaded before the answer."""
    code = REFUSED.replace("HEAVY", repr(HEAVY))
    done = subprocess.run([sys.executable, "-c", code, *command.split()], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == ("0" if command == "--help" else "2"), done


def test_failures_are_one_message_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from abm.laws import BrokenLawError
    from abm.model import TerritoryModel

    def fail(error: Exception) -> None:
        def run_to_end(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(TerritoryModel, "run_to_end", run_to_end)

    for error, part in (
        (BrokenLawError("people", 3, "2020-01-04", {"now": 1}), "law broken on 2020-01-04"),
        (ZeroDivisionError("division by zero"), "TERRITOIRE_DEBUG=1"),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device", "x.csv"), "x.csv: No space left on device"),
    ):
        fail(error)
        result = call("run", *SHORT, "--quiet")
        assert result.exit_code == 1 and part in result.stderr and result.stderr.count("\n") == 1
        assert "Traceback" not in result.stderr and not list(Path().iterdir())


def test_debugging_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRITOIRE_DEBUG", "1")
    monkeypatch.setattr("experiments.screens.show_schedule", lambda **_: 1 / 0)
    assert isinstance(call("schedule").exception, ZeroDivisionError)


# --------------------------------------------------------------------------------------------------------- runs


def test_a_run_prints_one_screen_and_takes_a_free_number() -> None:
    first = call("run", *SHORT, "--no-figures")
    assert first.exit_code == 0, first.stderr
    lines = first.stdout.splitlines()
    assert len(lines) <= 45 and max(map(len, lines)) <= 100
    for part in ("not served", "at a pole", "grade C", "invented", "without an interval", "observed"):
        assert part in first.stdout
    assert "Files: outputs/baseline." in first.stdout
    second = call("run", *SHORT, "--no-figures", "--quiet")
    assert (second.exit_code, second.stdout, second.stderr) == (0, "", "")
    assert sorted(path.name for path in Path("outputs").iterdir()) == ["baseline", "baseline-2"]
    assert not Path("outputs/baseline/figures").exists()


def test_progress_goes_to_standard_error_as_plain_lines() -> None:
    result = call("run", *SHORT, "--no-figures")
    lines = [line for line in result.stderr.splitlines() if re.match(r" ?\s*\d+%  \d{4}-\d\d-\d\d  ", line)]
    assert 9 <= len(lines) <= 11 and lines[-1].startswith("100%")


def test_json_is_for_machines() -> None:
    result = call("run", *SHORT, "--no-figures", "--json", "--seed", "0")
    answer = json.loads(result.stdout)
    assert answer["manifest"]["seed"] == 0 and answer["folder"] == "outputs/baseline"
    assert answer["indicators"]["adults_without_gp_share"] > 0
    assert result.stderr == ""


def test_a_chosen_folder_refuses_a_second_run_without_force() -> None:
    arguments = ("run", *SHORT, "--no-figures", "-o", "here", "--quiet")
    assert call(*arguments).exit_code == 0
    before = Path("here", MANIFEST).read_bytes()
    refused = call(*arguments)
    assert refused.exit_code == 2 and "--force" in refused.stderr
    assert Path("here", MANIFEST).read_bytes() == before
    assert call(*arguments, "--force").exit_code == 0
    assert Path("here", MANIFEST).read_bytes() != before


def test_a_small_scale_says_that_chance_is_exaggerated() -> None:
    result = call("run", *SHORT, "--no-figures", "--scale", "0.5")
    assert "Only 50 % of the people are simulated" in result.stdout


def test_rerun_gives_the_same_numbers_or_says_what_differs() -> None:
    assert call("run", *SHORT, "--no-figures", "--quiet", "--set", "gp_load=0.9").exit_code == 0
    again = call("rerun", "outputs/baseline/manifest.json", "--no-figures", "-o", "again")
    assert again.exit_code == 0 and "identical" in again.stdout
    assert Path("again/indicators.csv").read_bytes() == Path("outputs/baseline/indicators.csv").read_bytes()
    manifest = Path("outputs/baseline", MANIFEST)
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    other = call("rerun", "outputs/baseline", "--no-figures", "--quiet")
    assert other.exit_code == 1 and "differences from the earlier run" in other.stderr
    assert len(other.stderr.splitlines()) <= 12


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_runs_leave_nothing_half_written(sent: signal.Signals, code: int) -> None:
    process = start("run", "-t", "tiny", "--days", "21915", "--warm-up", "0")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Simulating"):
            break
    assert list(Path("outputs").glob("_partial-baseline-*"))
    process.send_signal(sent)
    shown, messages = process.communicate(timeout=60)
    assert process.returncode == code, messages
    assert shown == "" and "Traceback" not in messages
    assert ("Interrupted" in messages) == (sent == signal.SIGINT)
    assert not list(Path().iterdir())


# -------------------------------------------------------------------------------------------------- looking up


def test_territories_are_listed_shown_and_checked(tmp_path: Path) -> None:
    assert {row["name"] for row in json.loads(call("territory", "list", "--json").stdout)} >= {"saverne", "tiny"}
    assert "2,000 in 5 communes" in call("territory", "show", "tiny").stdout
    assert json.loads(call("territory", "show", "tiny", "--json").stdout)["people"] == 2000
    assert "can be used" in call("territory", "check", "tiny").stdout


def test_a_broken_pack_shows_every_finding_and_ends_with_2(tmp_path: Path) -> None:
    import shutil

    from abm.environment.territory import load_territory

    shutil.copytree(load_territory("tiny").folder, tmp_path / "pack")
    file = tmp_path / "pack" / "professionals.csv"
    file.write_text(file.read_text().replace("general_practitioner", "general_practitionr"))
    checked = call("territory", "check", "pack")
    assert checked.exit_code == 2 and checked.stderr.count("\n") == 1
    assert checked.stdout.count("Did you mean 'general_practitioner'") == 2
    refused = call("run", "-t", "pack")
    assert refused.exit_code == 2 and "professionals.csv, line" in refused.stderr
    assert not (tmp_path / "outputs").exists()


def test_scenarios_are_listed_shown_checked_and_described() -> None:
    assert "baseline" in call("scenario", "list").stdout
    assert "specialist_load[cardiologist]" in call("scenario", "show").stdout
    assert json.loads(call("scenario", "show", "baseline", "--json").stdout)["days"] == 1461
    assert "can be used" in call("scenario", "check", "baseline").stdout
    assert json.loads(call("scenario", "schema").stdout)["$schema"].startswith("https://json-schema.org")


def test_parameters_are_found_by_id_name_family_domain_and_grade() -> None:
    by_id, by_name = call("parameters", "M001").stdout, call("parameters", "gp_load").stdout
    assert by_id == by_name and "grade" in by_id and "0.8 to 1.05" in by_id
    family = json.loads(call("parameters", "specialist_load", "--json").stdout)
    assert len(family) > 5 and all(row["name"].startswith("specialist_load[") for row in family)
    supply = json.loads(call("parameters", "--domain", "supply", "--assumptions", "--json").stdout)
    assert supply and {(row["domain"], row["grade"]) for row in supply} == {("supply", "C")}
    table = call("parameters").stdout
    assert "specialist_load[cardiologist]" in table and "…" not in table


def test_the_schedule_names_its_functions() -> None:
    from abm.schedule import SCHEDULE

    assert [row["name"] for row in json.loads(call("schedule", "--json").stdout)] == [step.name for step in SCHEDULE]
    assert "abm.agents.seeking.seek_care" in call("schedule").stdout


def test_verify_practice_answers_as_documented() -> None:
    answer = json.loads(call(*PRACTICE, "--replications", "2", "--seed", "0", "--json").stdout)
    for key in ("mean_wait_days", "emergency_share", "utilisation"):
        assert set(answer[key]) == {"mean", "se"}
    assert answer["run_s"] > 0
    table = call(*PRACTICE).stdout
    assert "mean_wait_days" in table and "one replication" in table


def test_bench_says_where_the_peers_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks", None)
    monkeypatch.setitem(sys.modules, "benchmarks.compare", None)
    result = call("bench", "--quick", "--against")
    assert result.exit_code == 2 and "checkout" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.slow
def test_bench_measures_a_run_and_the_workload() -> None:
    answer = json.loads(call("bench", "--quick", "--json").stdout)
    assert answer["run"]["end_to_end_s"] > answer["run"]["run_s"] > 0
    assert 50 < answer["run"]["peak_mib"] < 5000
    assert sum(answer["run"]["shares"].values()) == pytest.approx(1.0)
    assert answer["workload"][0]["events_per_second"] > 0
    sweeps = answer["sweeps"]
    assert sweeps["rows"] == 200 and 0 < sweeps["row_s"] < 1.0
    assert all(0 < sweeps[name] < 60 for name in ("open_s", "status_s", "report_s")) and sweeps["many_runs_s"] > 0
    assert all(rate > 0 for rate in sweeps["runs_per_second"].values()) and len(sweeps["speed_up"]) == 1
    assert sweeps["memory"]["runs"] == 16 and (
        sweeps["memory"]["late_mib"] is None or sweeps["memory"]["late_mib"] > 99
    )


# ------------------------------------------------------------------------------------------------------ targets


def test_observed_values_for_validation_are_not_shown() -> None:
    from calibration.targets import load_targets, observed_for

    targets = load_targets()
    assert len({target.id for target in targets}) == len(targets) > 40
    for target in targets:
        found = observed_for(target.indicator, target.stratum.split(",")[0])
        assert found is None or found.use in ("fit", "input")
    assert observed_for("forgone_care_share") is None and observed_for("adults_without_gp_share") is not None
