"""How does the command line speak: one message for what went wrong, the right exit code, progress while it works?

Owns exit codes (2 input that cannot be used, 1 failure, 130 interrupted), messages on standard error and the display of
progress. Nothing here knows what a run is about.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from abm.errors import InputError, nearest
from experiments.interrupts import noting_interrupts

if TYPE_CHECKING:
    import datetime as dt

    from rich.console import Console

FAILED, UNUSABLE_INPUT, INTERRUPTED = 1, 2, 130
PROGRESS_SHARE = 0.1  # of a run between two plain lines
BETWEEN_LINES_S = 10.0  # of many runs
WIDTH = 100


class Group(TyperGroup):
    """Commands that end with one message and the right exit code, whoever calls them."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command; leave with its exit code (or return it, not stand-alone)."""
        options["standalone_mode"] = False
        code = exit_code(lambda: super(Group, self).main(*args, **options))
        if standalone_mode:
            sys.exit(code)
        return code

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Refuse an unknown command with the nearest name."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            raise InputError(f"no command '{name}' in '{ctx.command_path}'.{nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)


def exit_code(command: Callable[[], Any]) -> int:
    """Run a command; say on standard error in one line what went wrong, if anything; return the exit code."""
    try:
        with noting_interrupts():
            answer = command()
    except KeyboardInterrupt:
        answer = INTERRUPTED
    except InputError as error:
        return _fail(str(error), UNUSABLE_INPUT)
    except BrokenPipeError:  # the reader, e.g. `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return _explain(error)
    code = answer if isinstance(answer, int) else 0
    if code == INTERRUPTED:
        say("Interrupted; nothing half-written was left.")
    return code


def say(text: str) -> None:
    """Write one line on standard error."""
    print(text, file=sys.stderr, flush=True)


def _fail(message: str, code: int) -> int:
    say(f"Error: {' '.join(message.split())}")
    return code


def _explain(error: Exception) -> int:
    """Say what an exception means for a user, and return the exit code."""
    if type(error).__name__ == "Abort":
        return _fail("Interrupted", INTERRUPTED)
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return _fail(_usage(error), int(error.exit_code))
    if os.environ.get("TERRITOIRE_DEBUG") == "1":
        raise error
    if type(error).__name__ == "BrokenLawError":
        return _fail(f"{error}. The run was stopped and nothing was written; this is a bug of the model", FAILED)
    if isinstance(error, OSError):
        return _fail(f"{error.filename or 'file'}: {error.strerror or error}", FAILED)
    if isinstance(error, MemoryError):
        return _fail("not enough memory; --scale 0.1 simulates a tenth of the people", FAILED)
    return _fail(f"{type(error).__name__}: {error} (a bug: TERRITOIRE_DEBUG=1 shows where)", FAILED)


def _usage(error: Any) -> str:
    """Return what is wrong with options and arguments, with the nearest option and where to read more."""
    command = getattr(error, "ctx", None)
    name = command.command_path if command is not None else "territoire"
    help_hint = f"(see '{name} --help')"
    if hasattr(error, "option_name") and "such option" in error.format_message():
        parameters = command.command.get_params(command) if command is not None else []
        known = [option for parameter in parameters for option in parameter.opts if option.startswith("--")]
        return f"no option '{error.option_name}' in '{name}'.{nearest(error.option_name, known)}"
    if getattr(error, "param", None) is not None and type(error).__name__ == "BadParameter":
        return f"{_name_of(error.param)}: {error.message} {help_hint}"
    if getattr(error, "param", None) is not None:
        return f"{_name_of(error.param)} is missing {help_hint}"
    message = error.format_message().rstrip(".")
    if message == "Missing command" and command is not None:
        message = f"a command is missing after '{name}', one of: {', '.join(command.command.commands)}"
    return f"{message} {help_hint}"


def _name_of(parameter: Any) -> str:
    """Return the long name of an option, or an argument as written in the help."""
    if parameter.param_type_name == "option":
        return max(parameter.opts, key=len)
    return parameter.metavar or parameter.name.upper()


def console(*, stderr: bool = False) -> Console:
    """Return where tables are printed, texts as they are: at most 100 columns, also when the output is a file."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, markup=False)
    found.width = min(found.width, WIDTH) if found.is_terminal else WIDTH
    return found


class Progress:
    """Tells how far a run is; this one says nothing."""

    def phase(self, text: str) -> None:
        """Name what is being done now."""

    def day(self, day: int, last_day: int, date: dt.date) -> None:
        """Tell that `day` of `last_day` days have been lived."""

    def share(self, over: int, total: int, text: str, rate: str) -> None:
        """Tell how many of many runs are over, at what rate."""

    def say(self, text: str) -> None:
        """Tell something that stays on the screen."""


class Lines(Progress):
    """Progress as plain lines, about ten of them, for files and other programs."""

    def __init__(self) -> None:
        self.began, self.next_share = perf_counter(), PROGRESS_SHARE
        self.last_share = -BETWEEN_LINES_S

    def phase(self, text: str) -> None:
        """Write the text."""
        say(text)
        self.began, self.next_share = perf_counter(), PROGRESS_SHARE

    def day(self, day: int, last_day: int, date: dt.date) -> None:
        """Write a line each tenth of the run."""
        if day < self.next_share * last_day:
            return
        self.next_share = PROGRESS_SHARE * (1 + int(day / last_day / PROGRESS_SHARE + 1e-9))
        rate = day / max(perf_counter() - self.began, 1e-9)
        say(f"{day / last_day:4.0%}  {date}  {rate:,.0f} days/s  {(last_day - day) / rate:.0f} s left")

    def share(self, over: int, total: int, text: str, rate: str) -> None:
        """Write a line every ten seconds, and at the end."""
        if over == total or perf_counter() - self.last_share >= BETWEEN_LINES_S:
            self.last_share = perf_counter()
            say(f"{text}; {rate}" if rate else text)

    def say(self, text: str) -> None:
        """Write the text."""
        say(text)


class Bar(Progress):
    """Progress as a bar that is redrawn, for people."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.task: Any = None

    def phase(self, text: str) -> None:
        """Begin another line."""
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(text, total=None, date="", rate="")

    def day(self, day: int, last_day: int, date: dt.date) -> None:
        """Move the bar."""
        elapsed = self.bar.tasks[-1].elapsed or 1e-9
        self.bar.update(self.task, completed=day, total=last_day, date=str(date), rate=f"{day / elapsed:,.0f} days/s")

    def share(self, over: int, total: int, text: str, rate: str) -> None:
        """Move the bar."""
        if self.task is None:
            self.phase(text)
        self.bar.update(self.task, description=text, completed=over, total=total, rate=rate)

    def say(self, text: str) -> None:
        """Write the text above the bar."""
        self.bar.console.print(text)


@contextmanager
def progress(*, is_quiet: bool) -> Iterator[Progress]:
    """Yield what tells of progress: a bar on a terminal, lines otherwise, nothing when quiet."""
    if is_quiet:
        yield Progress()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        yield from _bar()


def _bar() -> Iterator[Progress]:
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns: Sequence[Any] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[date]}  {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=console(stderr=True), transient=True) as bar:
        yield Bar(bar)
