"""Progress on stderr: a live bar on a terminal, plain lines otherwise, so that stdout stays for results."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PLAIN_LINES = 10  # a plain log gets at most about this many lines for one job


class Progress:
    """Counts steps of one job: `with Progress(12, "photo.jpg") as progress: progress.advance(1, "worker-2")`.

    `total` None means unknown. Ends in "done" or, when an exception leaves the block, "stopped at N of M".
    """

    def __init__(self, total: int | None, label: str, *, stream: TextIO | None = None) -> None:
        self.total = total
        self.label = label
        self.done = 0
        self._stream = stream or sys.stderr
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._next_line = 0

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._bar = _rich_bar(self._stream)
            self._task = self._bar.add_task(self.label, total=self.total, note="")
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        if error is not None:
            self._line(f"stopped at {self._count()}")
        elif self._bar is None:
            self._line(f"done, {self._count()}")

    def expect(self, total: int) -> None:
        """The total, where it is known only later."""
        self.total = total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """`steps` more are done; `note` says what happened last."""
        self.done += steps
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=steps, note=note)
        elif self.done >= self._next_line and self.done != self.total:
            self._next_line = self.done + max(1, (self.total or 0) // PLAIN_LINES)
            self._line(f"{self._count()}{f' · {note}' if note else ''}")

    def say(self, message: str) -> None:
        """A line that stays, above the bar."""
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False)
        else:
            self._line(message)

    def _count(self) -> str:
        return f"{self.done}" if self.total is None else f"{self.done} of {self.total}"

    def _line(self, text: str) -> None:
        self._stream.write(f"{self.label}: {text}\n")
        self._stream.flush()


def _rich_bar(stream: TextIO) -> RichProgress:
    """rich is imported only where a terminal shows it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    return Progress(*columns, console=Console(file=stream), transient=False)
