"""Notebooks of the documentation run to their end, in a short form, and their page has what they were saved with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
from run_notebook import run_notebook, to_markdown  # noqa: E402

DEPARTURES = ROOT / "docs" / "notebooks" / "gp_departures.ipynb"
SHORT = {
    "TERRITORY": "tiny",
    "DEPARTURES": [0, 1],
    "SEEDS": 2,
    "SETTINGS": {"days": 30, "warm_up_days": 10, "follow_up_days": 10},
}


def cell(source: str, kind: str = "code", **metadata: object) -> dict[str, object]:
    return {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": metadata}


def write(file: Path, *cells: dict[str, object]) -> Path:
    file.write_text(json.dumps({"cells": cells}))
    return file


def test_a_notebook_runs_as_jupyter_runs_it(tmp_path: Path) -> None:
    file = write(
        tmp_path / "n.ipynb",
        cell("# Words", "markdown"),
        cell("LEVEL = 3", tags=["parameters"]),
        cell("print('level', LEVEL)\nLEVEL * 2"),
        cell("LEVEL += 1"),
    )
    done = run_notebook(file, {"LEVEL": 5})
    printed, worth = done["cells"][2]["outputs"]
    assert printed["text"] == ["level 5\n"] and worth["data"] == {"text/plain": ["10"]}
    assert [c.get("execution_count") for c in done["cells"]] == [None, 1, 2, 3] and done["cells"][3]["outputs"] == []
    page = to_markdown(done)
    assert page.startswith("# Words\n") and "~~~text\nlevel 5\n~~~\n\n~~~text\n10\n~~~" in page
    with pytest.raises(KeyError, match="no parameter LEVLE"):
        run_notebook(file, {"LEVLE": 5})
    with pytest.raises(ZeroDivisionError):
        run_notebook(write(tmp_path / "bad.ipynb", cell("1 / 0")))


def test_the_notebook_on_departures_answers_in_a_short_form(tmp_path: Path) -> None:
    done = run_notebook(DEPARTURES, SHORT | {"FOLDER": str(tmp_path / "sweep")})
    outputs = [output for c in done["cells"] for output in c.get("outputs", ())]
    text = "".join("".join(output.get("text", ())) for output in outputs)
    assert text.count("makes up for") == 2
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1
    assert sum("text/html" in output.get("data", {}) for output in outputs) >= 2


def test_the_notebook_was_saved_with_its_outputs() -> None:
    saved = json.loads(DEPARTURES.read_text(encoding="utf-8"))
    assert saved["nbformat"] == 4
    code = [c for c in saved["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    assert "data:image/png;base64," in to_markdown(saved) and "makes up for" in to_markdown(saved)
