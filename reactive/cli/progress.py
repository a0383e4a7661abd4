"""Progress on a terminal; nothing anywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from reactive.transfer import progress


class _Bar:
    """Implements `reactive.transfer.progress.Progress`."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def phase(self, text: str, total: int) -> None:
        self._task = self._bars.add_task(text, total=total)

    def advance(self, steps: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, steps)


@contextmanager
def progress_bar() -> Iterator[progress.Progress]:
    """Shows bars while the standard error is a terminal."""
    if not sys.stderr.isatty():
        yield progress.NoProgress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield _Bar(bars)
