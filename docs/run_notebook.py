"""Run a notebook of the documentation and keep what it prints and draws: `python docs/run_notebook.py NOTEBOOK`.

A notebook opens in Jupyter as any other; nothing of Jupyter is needed to run it here, in the tests or on the site. Its
cells are plain Python, run one after another in one namespace; what the last line of a cell is worth is its output. A
cell tagged `parameters` may be followed by other values, as papermill does it: tests run a short form.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOTS_PER_INCH = 110


def run_notebook(file: Path, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a notebook with the outputs of its cells.

    Parameters
    ----------
    values : of names that the cell tagged `parameters` sets.

    Raises
    ------
    Exception
        Whatever a cell raises.
    """
    notebook: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__notebook__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            source = "".join(cell["source"])
            cell["outputs"], cell["execution_count"] = _outputs(source, names, f"{file.name}[{count}]", count), count
            if "parameters" in cell["metadata"].get("tags", ()):
                unknown = sorted(set(values or {}) - names.keys())
                if unknown:
                    raise KeyError(f"{file.name}: no parameter {unknown[0]}")
                names |= values or {}
    return notebook


def _outputs(source: str, names: dict[str, Any], where: str, count: int) -> list[dict[str, Any]]:
    """Run a cell; return what it printed, and its last line's worth."""
    tree, printed = ast.parse(source, where), io.StringIO()
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, where, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), where, "eval"), names)
    found: list[dict[str, Any]] = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        result = {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": _shown(value)}
        found.append(result)
    return found


def _shown(value: Any) -> dict[str, Any]:
    """Return a value as Jupyter keeps it: text, and a picture or a table where it is one."""
    data: dict[str, Any] = {"text/plain": _lines(repr(value))}
    if hasattr(value, "savefig"):
        picture = io.BytesIO()
        value.savefig(picture, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
        data["image/png"] = base64.b64encode(picture.getvalue()).decode()
    elif hasattr(value, "to_html"):
        data["text/html"] = _lines(value.to_html(border=0))
    return data


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def to_markdown(notebook: Mapping[str, Any]) -> str:
    """Return a notebook as a page: words, code, and the outputs that it was saved with."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"~~~python\n{source}\n~~~")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                parts.append(f"![What the code above draws](data:image/png;base64,{data['image/png']})")
            elif "text/html" in data:
                parts.append("".join(data["text/html"]))
            else:
                parts.append(f"~~~text\n{''.join(output.get('text') or data['text/plain']).rstrip()}\n~~~")
    return "\n\n".join(parts)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(json.dumps(run_notebook(path), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
