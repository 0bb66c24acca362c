"""How a run tells what it is doing: to a terminal as a bar, to anything else not at all."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # drawn on terminals alone, and heavy to import
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Progress(Protocol):
    """What the stages of a run report while they work."""

    def begin(self, stage: str, total: int | None, unit: str) -> None:
        """Start a stage of `total` units (None: not known yet)."""

    def advance(self, done: int, note: str = "") -> None:
        """Say that `done` more units are finished."""

    def say(self, message: str) -> None:
        """Say what comes next."""

    def warn(self, message: str) -> None:
        """Say something a person should know now."""


class SilentProgress:
    """Shows no bar; words go to standard error."""

    def begin(self, stage: str, total: int | None, unit: str) -> None:
        """Show nothing."""

    def advance(self, done: int, note: str = "") -> None:
        """Show nothing."""

    def say(self, message: str) -> None:
        """Print it on standard error."""
        print(message, file=sys.stderr)

    def warn(self, message: str) -> None:
        """Print the warning."""
        print(f"warning: {message}", file=sys.stderr)


class TerminalProgress:
    """One line a stage: a bar, the units done, and what they amount to."""

    def __init__(self, bars: "Bars", console: "Console") -> None:
        """Draw on `bars`, which the caller opens and closes."""
        self._bars, self._console = bars, console
        self._task: TaskID | None = None

    def begin(self, stage: str, total: int | None, unit: str) -> None:
        """Start a new line."""
        self._task = self._bars.add_task(stage, total=total, unit=unit, note="")

    def advance(self, done: int, note: str = "") -> None:
        """Move the newest line's bar."""
        if self._task is not None:
            self._bars.update(self._task, advance=done, note=note)

    def say(self, message: str) -> None:
        """Print it above the bars."""
        self._console.print(message, markup=False)

    def warn(self, message: str) -> None:
        """Print the warning above the bars."""
        self._console.print(f"warning: {message}", style="yellow", markup=False)


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Yield a bar on standard error where that is a terminal, else a silent progress."""
    if not sys.stderr.isatty():
        yield SilentProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield TerminalProgress(bars, console)
