"""Where the lines go: stdout in small writes, or a file."""

from __future__ import annotations

import sys
import time
from typing import Iterable, List

LARGEST_WRITE = 8000  # characters; the debugger's output cuts or drops writes near 16384
PATIENCE = 1.0  # seconds before hogwalk says what it is doing


def write_lines(lines: Iterable[str]) -> None:
    """Prints the lines, several to a write but never more than the debugger takes at once."""
    pending: List[str] = []
    size = 0
    for line in lines:
        for part in _parts(line + "\n"):
            if size + len(part) > LARGEST_WRITE:
                sys.stdout.write("".join(pending))
                pending, size = [], 0
            pending.append(part)
            size += len(part)
    if pending:
        sys.stdout.write("".join(pending))
    sys.stdout.flush()


def _parts(text: str) -> Iterable[str]:
    return (text[start : start + LARGEST_WRITE] for start in range(0, len(text), LARGEST_WRITE))


class Progress:
    """Says what is going on once a run has taken over a second; silent before, and when `quiet`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._started = time.monotonic()

    def __call__(self, doing: str) -> None:
        """Says it, if it is time to."""
        if not self._quiet and time.monotonic() - self._started > PATIENCE:
            sys.stderr.write(f"hogwalk: {doing} ..\n")
            sys.stderr.flush()
