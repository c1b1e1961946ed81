"""A report as one HTML file that needs no network: headings, paragraphs, tables, figures as SVG.

Owns the look of the reports of calibration and laboratory; knows nothing of what they say. What is put in is escaped.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

STYLE = """
body{font:16px/1.5 "DejaVu Sans",system-ui,sans-serif;color:#1c2730;max-width:68rem;margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.7rem;line-height:1.2;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2.4rem;color:#1b3a57}
p.lead{font-size:1.05rem}p.note{color:#5a6670;font-size:.9rem}
table{border-collapse:collapse;font-size:.88rem;margin:.8rem 0;display:block;overflow-x:auto}
caption{text-align:left;color:#5a6670;padding-bottom:.3rem}
th,td{padding:.28rem .7rem;border-bottom:1px solid #d5dee6;text-align:left;vertical-align:top}
th{border-bottom:2px solid #5b84a8;font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
tr.bad td{font-weight:600}figure{margin:1.2rem 0}figure svg{max-width:100%;height:auto}
figcaption{color:#5a6670;font-size:.9rem}li{margin:.25rem 0}
"""


@dataclass
class Page:
    """A report that is being written.

    Attributes
    ----------
    title, language : of the page; language as in HTML, "en" or "fr".
    """

    title: str
    language: str = "en"
    _parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def paragraph(self, text: str, kind: str = "") -> None:
        """Add a paragraph; kind "lead" or "note" for how it looks."""
        look = f' class="{kind}"' if kind else ""
        self._parts.append(f"<p{look}>{escape(text)}</p>")

    def bullets(self, texts: Sequence[str]) -> None:
        """Add a list."""
        self._parts.append("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>")

    def table(
        self, frame: pd.DataFrame, names: Mapping[str, str] | None = None, caption: str = "", bold: str = ""
    ) -> None:
        """Add a table.

        Parameters
        ----------
        names : columns to show, in order, to their headings; None: all as they are.
        bold : a column of truths: rows where it holds are set in bold.
        """
        shown = dict(names) if names is not None else {str(name): str(name) for name in frame.columns}
        is_number = {name: frame[name].dtype.kind in "fiu" for name in shown}
        head = "".join(f"<th{_right(is_number[name])}>{escape(text)}</th>" for name, text in shown.items())
        rows = []
        for row in frame.to_dict("records"):
            cells = "".join(f"<td{_right(is_number[name])}>{escape(cell(row[name]))}</td>" for name in shown)
            rows.append(f"<tr{' class=bad' if bold and row[bold] else ''}>{cells}</tr>")
        about = f"<caption>{escape(caption)}</caption>" if caption else ""
        self._parts.append(f"<table>{about}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>")

    def figure(self, drawn: Figure, caption: str) -> None:
        """Add a figure, as SVG."""
        self._parts.append(f"<figure>{svg_of(drawn)}<figcaption>{escape(caption)}</figcaption></figure>")

    def html(self) -> str:
        """Return the whole page."""
        body = "\n".join(self._parts)
        return (
            f'<!doctype html>\n<html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style></head>\n"
            f"<body><h1>{escape(self.title)}</h1>\n{body}\n</body></html>\n"
        )


def _right(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def cell(value: Any) -> str:
    """Return a value as read best: three significant digits, whole from 1,000 on, yes or no, nothing for NaN."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, float) or hasattr(value, "dtype") and value.dtype.kind == "f":
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def svg_of(drawn: Figure) -> str:
    """Return a figure as the text of an SVG element; the same figure gives the same text."""
    from experiments.figures import house_style

    stream = io.StringIO()
    with house_style():
        drawn.savefig(stream, format="svg", metadata={"Date": None}, bbox_inches="tight")
    text = stream.getvalue()
    return text[text.index("<svg") :]
