"""Ctrl-C that is never lost: where the interpreter swallows it, the next day of the run notices.

Some library code cannot be interrupted: an exception raised in the middle of it is printed and forgotten. So the signal
is also noted, and long loops ask for it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

_noted = threading.Event()


@contextlib.contextmanager
def noting_interrupts() -> Iterator[None]:
    """Note SIGINT while a command runs, besides raising KeyboardInterrupt; in other threads this does nothing."""

    def note(_number: int, _frame: Any) -> None:
        _noted.set()
        raise KeyboardInterrupt

    _noted.clear()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def raise_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that somebody swallowed."""
    if _noted.is_set():
        raise KeyboardInterrupt
