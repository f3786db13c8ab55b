"""Says on stderr what is going on once a run has taken over a second: a bar on a terminal, else a line a second."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Optional, Type

from hogwalk.app.cli.host import has_rich
from hogwalk.app.cli.output import complain
from hogwalk.printable import ascii_only

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 1.0  # seconds of silence


class Progress:
    """What a run is doing; `quiet` says nothing at all.

    On a terminal a timer starts the bar, so it shows up even in the middle of one long step; leaving the context
    removes it, before any result is printed.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._spoke = time.monotonic()
        self._lock = threading.Lock()
        self._doing, self._done, self._total = "starting", 0, 0
        self._bar: Optional[Bar] = None
        self._closed = False
        self._timer: Optional[threading.Timer] = None

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr is not None and sys.stderr.isatty() and has_rich():
            self._timer = threading.Timer(PATIENCE, self._open)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            if self._bar is not None:
                self._bar.stop()

    def __call__(self, doing: str, total: int = 0) -> None:
        """Says what comes next, and how many steps (bytes, threads, dumps) it takes; 0 when nobody knows."""
        self._doing, self._done, self._total = ascii_only(doing), 0, total
        self._show()
        if not self._quiet and self._timer is None and time.monotonic() - self._spoke > PATIENCE:
            self._spoke = time.monotonic()
            complain(f"{doing} ..")

    def advance(self, steps: int = 1) -> None:
        """So many steps more are done."""
        self._done += steps
        self._show()

    def _show(self) -> None:
        with self._lock:
            if self._bar is not None:
                self._bar.update(
                    self._bar.task_ids[0], description=self._doing, completed=self._done, total=self._total or None
                )

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._closed:
                return
            columns = (TextColumn("hogwalk: {task.description}", markup=False), BarColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._doing, completed=self._done, total=self._total or None)
            self._bar.start()
