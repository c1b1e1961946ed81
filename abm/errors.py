"""What to tell a user whose input cannot be used: one sentence, where, what was found, what was expected.

Owns the single exception that commands turn into exit code 2. Anything else that escapes is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class InputError(Exception):
    """A file, option or value given by the user that cannot be used.

    Parameters
    ----------
    message : what was found and what was expected, one sentence.
    file, line, column : where, when the input is a file. Lines count from 1; `column` is a column's name or number.
    """

    def __init__(
        self, message: str, *, file: Path | str | None = None, line: int | None = None, column: str | int | None = None
    ) -> None:
        self.message, self.file, self.line, self.column = message, file, line, column
        super().__init__(self.__str__())

    def __str__(self) -> str:
        """Return "file, line n, column c: message"."""
        where = [str(self.file)] if self.file is not None else []
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.column is not None:
            where.append(f"column {self.column}")
        return f"{', '.join(where)}: {self.message}" if where else self.message


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name closest to `name`, or the list of names when none is close."""
    known = [str(k) for k in known]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f" Did you mean '{close[0]}'?"
    shown = ", ".join(sorted(known)[:12])
    return f" Known: {shown}{', …' if len(known) > 12 else ''}."
