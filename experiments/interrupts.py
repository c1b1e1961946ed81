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
_is_waited_for = threading.Event()  # a loop asks every day: raising in the midst of the library would only print


@contextlib.contextmanager
def noting_interrupts() -> Iterator[None]:
    """Note SIGINT while a command runs, besides raising KeyboardInterrupt; in other threads this does nothing."""

    def note(_number: int, _frame: Any) -> None:
        _noted.set()
        if not _is_waited_for.is_set():
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


@contextlib.contextmanager
def asked_every_day() -> Iterator[None]:
    """Leave it to `raise_if_interrupted`, called in the loop, to end it; a second Ctrl-C is noted no less."""
    _is_waited_for.set()
    try:
        yield
    finally:
        _is_waited_for.clear()


def raise_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that somebody swallowed."""
    if _noted.is_set():
        raise KeyboardInterrupt
