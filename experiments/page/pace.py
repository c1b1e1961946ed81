"""Who lives the days while somebody watches? One thread for each page that is open.

Owns that thread and what the page asks of it: play, pause, step, other levers. The page only ever leaves wishes here
and reads the latest `View`; it never waits for the simulation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from abm.errors import InputError
from experiments.page.pictures import Picture
from experiments.page.worlds import Worlds

LEAST_SECONDS_A_FRAME = 0.12  # a browser has to draw it


@dataclass(frozen=True)
class View:
    """What the page shows.

    Attributes
    ----------
    status : "compiling", "preparing", "trying", "ready", "over" or "failed".
    pictures : of the status quo and of the policy, None before there are any.
    levers : those of the policy shown.
    message : why something failed.
    milliseconds_a_month : of simulation, for both worlds, at the last advance.
    """

    status: str = "preparing"
    pictures: tuple[Picture, Picture] | None = None
    levers: tuple[tuple[str, Any], ...] = ()
    message: str = ""
    milliseconds_a_month: float = 0.0


class Pace:
    """Lives two worlds in a thread of its own, as it is told.

    Parameters
    ----------
    worlds : which nobody else may touch while the thread runs, except under `lock`.
    on_view : called in the thread whenever there is something new to see.
    """

    def __init__(self, worlds: Worlds, on_view: Callable[[View], None]) -> None:
        self.worlds, self._on_view = worlds, on_view
        self.lock = threading.RLock()
        self._wish = threading.Condition()
        self.view = View()
        self.is_playing = False
        self.days_a_frame = 30
        self._steps, self._levers, self._is_closed = 0, dict[str, Any](), False
        self._refused: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._run, name="territoire-pace", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the thread as soon as its present day is over."""
        with self._wish:
            self._is_closed = True
            self._wish.notify_all()

    def play(self, is_playing: bool) -> None:
        """Let the clock run, or stop it."""
        with self._wish:
            self.is_playing = is_playing
            self._wish.notify_all()

    def step(self) -> None:
        """Advance by one frame."""
        with self._wish:
            self._steps += 1
            self._wish.notify_all()

    def ask_for(self, levers: Mapping[str, Any]) -> None:
        """Wish for other levers; only the latest wish is carried out."""
        with self._wish:
            self._levers = dict(levers)
            self._wish.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(seconds)

    # --- in the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._prepare()
            while not self._is_closed:
                with self._wish:
                    if not self._has_work():
                        self._wish.wait(timeout=1.0)
                        continue
                    levers = dict(self._levers)
                self._frame(levers)
        except Exception as error:  # told on the page: the thread has nobody else to tell
            self._show(status="failed", message=f"{type(error).__name__}: {error}")

    def _has_work(self) -> bool:
        is_new = self._levers != dict(self._tried)
        return is_new or ((self.is_playing or self._steps > 0) and not self.worlds.is_over)

    @property
    def _tried(self) -> dict[str, Any]:
        return self._applied if self._refused is None else self._refused

    def _prepare(self) -> None:
        from abm.compiled import is_compiled

        self._applied: dict[str, Any] = {}
        self._show(status="preparing" if is_compiled() else "compiling")
        with self.lock:
            if self.worlds.prepare(lambda: self._is_closed):
                self._show_worlds()

    def _frame(self, levers: dict[str, Any]) -> None:
        """Carry out the latest wish: other levers first, then the clock."""
        if levers != self._tried:
            self._try(levers)
            return
        began = perf_counter()
        with self.lock:
            day = self.worlds.baseline.day
            self.worlds.advance(self.days_a_frame)
            lived = max(self.worlds.baseline.day - day, 1)
            took = perf_counter() - began
            self._show_worlds(milliseconds_a_month=1000.0 * took * 30 / lived)
        with self._wish:
            self._steps = max(self._steps - 1, 0)
            if self.worlds.is_over:
                self.is_playing, self._steps = False, 0
            elif not self._is_closed and self.is_playing:
                self._wish.wait(timeout=max(LEAST_SECONDS_A_FRAME - (perf_counter() - began), 0.02))

    def _try(self, levers: dict[str, Any]) -> None:
        self._show(status="trying")
        try:
            with self.lock:
                is_done = self.worlds.try_out(levers, lambda: self._is_closed or self._levers != levers)
                if is_done:
                    self._applied, self._refused = levers, None
                    self._show_worlds()
        except InputError as error:
            self._refused = levers
            self._show(status="ready", message=str(error))

    def _show_worlds(self, **facts: Any) -> None:
        status = "over" if self.worlds.is_over else "ready"
        levers = tuple(sorted(self.worlds.levers.items()))
        self._show(status=status, pictures=self.worlds.pictures(), levers=levers, message="", **facts)

    def _show(self, **facts: Any) -> None:
        self.view = replace(self.view, **facts)
        self._on_view(self.view)
