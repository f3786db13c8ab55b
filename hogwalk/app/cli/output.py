"""Where the lines go: stdout in small writes, a terminal with colours, or a file."""

from __future__ import annotations

import os
import sys
from typing import Iterable, List

from hogwalk.answer.render.table import PLAIN, Look
from hogwalk.printable import ascii_only

LARGEST_WRITE = 8000  # characters; the debugger's output cuts or drops writes near 16384
NARROWEST = 40  # columns: below that nothing can be read anyhow


def on_terminal() -> bool:
    """Whether stdout is a terminal that can be told apart; the debugger's output never is one."""
    return sys.stdout.isatty()


def look_here() -> Look:
    """How wide and rich the text may be where stdout leads to."""
    if not on_terminal():
        return PLAIN
    import shutil  # it takes a while to load, and is of no use elsewhere

    width = max(NARROWEST, shutil.get_terminal_size((PLAIN.width, 24)).columns)
    return Look(width, bars=width >= PLAIN.width)


def show(lines: Iterable[str]) -> None:
    """Prints a command's text: painted on a terminal that takes colours, else as it is."""
    if on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        from hogwalk.answer.render.paint import paint

        paint(map(ascii_only, lines))
    else:
        write_lines(lines)


def write_lines(lines: Iterable[str]) -> None:
    """Prints the lines, several to a write but never more than the debugger takes at once."""
    pending: List[str] = []
    size = 0
    for line in lines:
        for part in _parts(ascii_only(line) + "\n"):
            if size + len(part) > LARGEST_WRITE:
                sys.stdout.write("".join(pending))
                pending, size = [], 0
            pending.append(part)
            size += len(part)
    if pending:
        sys.stdout.write("".join(pending))
    sys.stdout.flush()


def complain(words: str) -> None:
    """Says on stderr, on one line, what went wrong or what is being done."""
    if sys.stderr is not None:
        sys.stderr.write(f"hogwalk: {ascii_only(words)}\n")
        sys.stderr.flush()


def _parts(text: str) -> Iterable[str]:
    return (text[start : start + LARGEST_WRITE] for start in range(0, len(text), LARGEST_WRITE))
