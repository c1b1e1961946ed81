"""The README can be followed as it is written: commands, code, links, figures of the targets."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LISEZMOI = (ROOT / "LISEZMOI.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "LISEZMOI.md",
    "docs/ODD.md",
    "docs/calibration.md",
    "docs/experiments.md",
    "docs/glossary.md",
    "outputs/README.md",
    "CHANGELOG.md",
]
PROGRAM = ".venv/bin/territoire "


def blocks(language, page=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


SCENARIOS = [text for text in blocks("yaml") if "extends:" in text]
(DESIGN,) = (text for text in blocks("yaml") if "method:" in text)
COMMANDS = [line for block in blocks("console") for line in block.splitlines() if line]


def territoire(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "experiments", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )


def test_every_command_is_one_that_the_tests_understand():
    assert len(COMMANDS) > 8
    assert all(command.startswith((PROGRAM, "make ")) for command in COMMANDS)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_make_targets_exist(command):
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert command.split()[1] in targets


def test_targets_named_in_the_text_exist():
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)", README)) <= set(targets)


@pytest.mark.slow
def test_commands_work_one_after_another(tmp_path):
    """In an empty folder, where `rerun` finds the first run of these; the files shown are there as the text says."""
    (table,) = blocks("csv")
    (tmp_path / "my_communes.csv").write_text(table, encoding="utf-8")
    (tmp_path / "video.yaml").write_text(DESIGN, encoding="utf-8")
    for command in COMMANDS:
        if command.startswith(PROGRAM):
            done = territoire(*shlex.split(command.removeprefix(PROGRAM)), cwd=tmp_path)
            assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
            assert done.stdout.strip(), command


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.split("\n")[0])
def test_python_code_runs(code, tmp_path):
    command = [sys.executable, "-W", "error::FutureWarning", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


@pytest.mark.parametrize("text", SCENARIOS)
def test_the_scenario_can_be_used(text, tmp_path):
    from abm.scenario import load_scenario

    file = tmp_path / "my_policy.yaml"
    file.write_text(text, encoding="utf-8")
    assert load_scenario(file).levers.teleconsultation > 0


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_lead_somewhere(page):
    text, folder = (ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        if path and not (folder / path).exists():
            missing.append(target)
        if anchor and not path:
            titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert not missing


def test_paths_named_exist():
    named = re.findall(r"`((?:abm|docs|experiments|calibration|benchmarks|tests)/[\w./*-]*)`", README)
    assert named
    assert not [path for path in named if not list(ROOT.glob(path.rstrip("/")))]


@pytest.mark.parametrize("page", ["README.md", "docs/calibration.md"])
def test_the_table_of_targets_is_that_of_the_file(page):
    """Every `fit` row stands there with its observed value and range; no `validate` row does."""
    from calibration.targets import load_targets

    text = (ROOT / page).read_text(encoding="utf-8")
    rows = {cells[1]: cells for line in text.splitlines() if (cells := [c.strip() for c in line.split("|")])[1:2]}
    for target in load_targets():
        assert (target.id in rows) == (target.use == "fit"), target.id
        if target.use == "fit":
            observed, tolerated = rows[target.id][3:5]
            scale = 100 if "%" in observed else 1
            numbers = [float(number) / scale for number in re.findall(r"[\d.]+", f"{observed} {tolerated}")]
            assert numbers == pytest.approx([target.observed, target.low, target.high]), target.id


@pytest.mark.parametrize("page", PAGES)
def test_no_gap_is_left_to_fill(page):
    assert not re.findall(r"\{\{\w*\}\}", (ROOT / page).read_text(encoding="utf-8"))


# -------------------------------------------------------------------------------------------------- in two languages


def without_comments(code):
    return [line for line in (re.sub(r"\s*# .*", "", line) for line in code.splitlines()) if line.strip()]


@pytest.mark.parametrize("language", ["console", "yaml", "csv"])
def test_both_languages_show_the_same_commands_and_files(language):
    assert blocks(language, LISEZMOI) == blocks(language)


def test_both_languages_show_the_same_code_but_for_its_comments():
    ours, theirs = blocks("python"), blocks("python", LISEZMOI)
    assert [without_comments(code) for code in theirs] == [without_comments(code) for code in ours]


def headings(page):
    return [len(level) for level in re.findall(r"^(#+) ", re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S), re.M)]


def test_both_languages_have_the_same_parts_tables_and_links():
    assert headings(LISEZMOI) == headings(README)
    rows = [[line.count("|") for line in page.splitlines() if line.startswith("|")] for page in (README, LISEZMOI)]
    assert rows[0] == rows[1]
    links = [
        sorted(link for link in re.findall(r"\]\(([^)#\s]+)", page) if link not in ("LISEZMOI.md", "README.md"))
        for page in (README, LISEZMOI)
    ]
    assert links[0] == links[1]


def test_both_languages_give_the_same_figures():
    """Every simulated figure of the table of targets; decimal commas in French."""

    def figures(page):
        rows = [line.split("|") for line in page.splitlines() if re.match(r"\| V\d\d", line)]
        return [[re.findall(r"\d+(?:[.,]\d+)?", cell.replace(",", ".")) for cell in row[3:]] for row in rows]

    assert figures(README) and figures(LISEZMOI) == figures(README)
