"""The documentation site can be built without a warning, holds together, and asks nothing of any other host."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = "territoire "
FILES = (".csv", ".ipynb", ".yaml")


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(site)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    return folder


class Links(HTMLParser):
    """The links, anchors and loaded files of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("script", "img", "iframe") and "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "shortcut icon", "preload"):
            self.loaded.append(given["href"])

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {path.resolve(): Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def text_of(pages: dict[Path, Links], name: str) -> str:
    (found,) = [page for path, page in pages.items() if path.as_posix().endswith(name)]
    return " ".join(" ".join(found.text).split())


def test_links_and_anchors_lead_somewhere(pages: dict[Path, Links]) -> None:
    missing = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for link in page.links:
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (path.parent / target).resolve() if target else path
            there = there / "index.html" if there.is_dir() else there
            is_file = there.is_file() and there.suffix in FILES and not anchor  # to be taken away, not a page
            if not is_file and (there not in pages or (anchor and anchor not in pages[there].anchors)):
                missing.append((path.name, link))
    assert not missing


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Links]) -> None:
    loaded = {source for page in pages.values() for source in page.loaded}
    assert loaded and not [source for source in loaded if re.match(r"(https?:)?//", source)]
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", styles)


def test_a_dead_link_stops_the_build(tmp_path: Path) -> None:
    source = tmp_path / "project"
    for name in ("docs", "abm", "experiments", "calibration"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", source)
    page = source / "docs" / "index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[nowhere](nowhere.md)\n", encoding="utf-8")
    done = build(source, tmp_path / "site")
    assert done.returncode != 0 and "nowhere.md" in done.stderr


def test_make_docs_is_strict_and_not_quiet() -> None:
    """Quiet, MkDocs does not count its warnings, and strict means nothing."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^docs: .*\n\t(.*)$", makefile, re.MULTILINE)
    assert "mkdocs build --strict" in recipe and "-q" not in recipe.split()


def test_every_command_and_option_is_on_the_page(pages: dict[Path, Links]) -> None:
    from tests.test_cli import COMMANDS

    text = text_of(pages, "reference/commands.html")
    groups = {command[:1] for command in COMMANDS if len(command) == 2}
    for command in COMMANDS:
        if command and command not in groups:
            assert " ".join(("territoire", *command)) in text
    for option in ("--territory, -t", "--set", "--force", "--year"):
        assert option in text


def test_every_number_is_on_the_page_of_evidence(pages: dict[Path, Links]) -> None:
    from abm.parameters import load_parameters

    text = text_of(pages, "evidence.html")
    missing = [row.id for row in load_parameters().rows if not re.search(rf"\b{row.id} ", text)]
    assert not missing
    names = [row.name for row in load_parameters().rows if " ".join(row.name.split()) not in text]
    assert not names


def test_pages_of_python_indicators_and_packs_hold_what_they_should(pages: dict[Path, Links]) -> None:
    import abm
    import experiments
    from abm.environment.pack import COLUMNS, PROFESSIONS

    python = text_of(pages, "reference/python.html")
    assert all(name in python for name in ("TerritoryModel", "two_step_floating_catchment", "new_territory", "gini"))
    assert all(name in python for module in (abm, experiments) for name in module.__all__ if name[0].isalpha())
    assert "lead_time_mean_days" in text_of(pages, "reference/indicators.html")
    packs = text_of(pages, "reference/territory_packs.html")
    assert all(column.name in packs for columns in COLUMNS.values() for column in columns)
    assert all(name in packs for name in (*COLUMNS, *PROFESSIONS))


def test_pages_of_the_menu_and_pages_of_the_folder_are_the_same() -> None:
    menu = set(re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("nav:")[1]))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert written <= menu


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["tutorial.md", "how_to.md"])
def test_commands_of_the_page_work_one_after_another(page: str, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (communes,) = re.findall(r"^```csv\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (tmp_path / "my_communes.csv").write_text(communes, encoding="utf-8")
    commands = [line for block in blocks(page, "console") for line in block.splitlines()]
    assert commands
    for command in commands:
        if f".venv/bin/{command}\n" in readme and command.startswith("territoire validate"):
            continue  # the README's own test makes it, and nothing after it needs it
        if command.startswith("make "):
            assert f"\n{command.split()[1]}: " in (ROOT / "Makefile").read_text(encoding="utf-8")
            continue
        assert command.startswith(PROGRAM)
        arguments = shlex.split(command.removeprefix(PROGRAM))
        done = subprocess.run(
            [sys.executable, "-m", "experiments", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0 and done.stdout.strip(), f"{command}\n{done.stderr[-2000:]}"


@pytest.mark.slow
def test_code_of_the_pages_runs(tmp_path: Path) -> None:
    for code in blocks("how_to.md", "python"):
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and done.stdout.strip(), done.stderr[-2000:]
