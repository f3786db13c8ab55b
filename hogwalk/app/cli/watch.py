"""Watches over questions to a live machine that should have been answered by now.

The engine waits for a dead line for good, and nothing in this process can make it stop.  So a thread says what to do;
it interrupts the engine, which helps where an answer comes after all; outside the debugger it ends the process, which
is hogwalk's own.  The thread is joined before the script ends, as pykd needs it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from types import TracebackType
from typing import Optional, Type

from hogwalk.app.cli.host import inside_debugger
from hogwalk.errors import BadInput
from hogwalk.printable import ascii_only
from hogwalk.targets.line import RESYNC, Line

LOOK = 0.5  # seconds from one look at the clock to the next
GRACE = 10.0  # seconds that an interrupted engine has
ATTACHING, LOADING = 60.0, 300.0  # seconds: to break in, to load the modules of a machine at 9,600 baud
STDERR = 2


class Watch:
    """The thread; it begins with the first question and ends with the context."""

    def __init__(self) -> None:
        self._line: Optional[Line] = None
        self._deadline: Optional[float] = None
        self._doing = ""
        self._rang: Optional[float] = None
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def over(self, line: Line) -> None:
        """Watches a machine's line from here on."""
        self._line, self._deadline = line, None
        self._start()

    def within(self, seconds: float, doing: str) -> None:
        """What is done next must be done within so many seconds."""
        self._deadline, self._doing = time.monotonic() + seconds, doing
        self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(LOOK):
            deadline = self._deadline if self._line is None else self._line.deadline
            now = time.monotonic()
            if deadline is None or now < deadline:
                self._rang = None
            elif self._rang is None:
                self._rang = now
                self._ring()
            elif now - self._rang > GRACE and not inside_debugger():
                os._exit(BadInput.exit_code)  # the main thread is the engine's, for good

    def _ring(self) -> None:
        # Straight to the descriptor: the debugger's own output waits for the engine, too.
        words = ascii_only(f"hogwalk: no answer from the machine{self._doing}; {RESYNC}")
        with contextlib.suppress(OSError):
            os.write(STDERR, f"{words}\n".encode("ascii"))
        if self._line is not None:
            self._line.overdue = True
            self._line.interrupt()
