"""The pages to learn from: their code runs, and shows what the text around it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEARN = ROOT / "docs" / "learn"
#: Of each page, what must hold once its code has run.
SHOWN = {
    "delay.md": "days.min() >= 0 and days.isna().mean() < 0.5 and 0 <= excess <= mean"
    " and model.headline() != other.headline() and len(asked) > 500",
    "life.md": "life.lines and 0 < len(parted) < len(ill) and before.lines[:place] == after.lines[:place]",
    "policy.md": "paired.mean < 0 and (with_it - without).std(ddof=1) / len(without) ** 0.5 < spread"
    " and len(guesses) > 5",
}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (LEARN / page).read_text(encoding="utf-8"), re.M | re.S)


def run(code: str, folder: Path, *, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    file = folder / "my_days.py"
    file.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, file.name], cwd=folder, input=text, capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("page", SHOWN)
def test_the_code_of_a_page_runs_and_shows_what_it_says(page: str, tmp_path: Path) -> None:
    code = blocks(page, "python")
    marked = "".join(f"{block}\nprint('<<end of block>>')\n" for block in code)
    done = run(f"{marked}print(bool({SHOWN[page]}))", tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    *shown, verdict = done.stdout.split("<<end of block>>")
    assert len(shown) == len(code) and all(part.strip() for part in shown), "every block shows something"
    assert verdict.strip() == "True", done.stdout


def test_a_day_can_be_stepped_through_in_a_debugger(tmp_path: Path) -> None:
    (code,), (session,) = blocks("debugger.md", "python"), blocks("debugger.md", "text")
    commands = [line.removeprefix("(Pdb) ") for line in session.splitlines()]
    done = run(code, tmp_path, text="\n".join(commands) + "\n", NUMBA_DISABLE_JIT="1")
    shown = done.stdout
    assert "***" not in shown, shown
    assert re.search(r"Breakpoint 1 at .*seeking\.py", shown) and re.search(r"person \d+ of commune \d", shown)
    assert re.search(r"kind of need \d+ days to the appointment \d+", shown)
    assert "seek_care()" in shown, "where: the day's step that called it"
    assert "--Return--" in shown and re.search(r"seeking\.py\(\d+\)accept\(\)", shown)


def test_the_debugger_sees_the_numbers_of_the_compiled_day(tmp_path: Path) -> None:
    (code,) = blocks("debugger.md", "python")
    code = code.replace("breakpoint()\n", "")
    code += "\nimport json\nprint(json.dumps(model.records().to_frame().astype(str).to_dict('list'), sort_keys=True))\n"
    tables = []
    for disabled in ("1", "0"):
        done = run(code, tmp_path, NUMBA_DISABLE_JIT=disabled)
        assert done.returncode == 0, done.stderr[-3000:]
        tables.append(json.loads(done.stdout.splitlines()[-1]))
    assert tables[0] == tables[1] and len(tables[0]["person"]) > 50


def test_the_pages_are_on_the_menu_and_lead_on() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert all(f"learn/{path.name}" in menu for path in LEARN.glob("*.md")) and len(list(LEARN.glob("*.md"))) == 4
