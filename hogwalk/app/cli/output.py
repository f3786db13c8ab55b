"""Where the lines go: stdout in small writes, a terminal with colours, or a file."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Optional, Sequence

from hogwalk.answer.render.table import PLAIN, Look
from hogwalk.app.cli.host import has_rich
from hogwalk.errors import OutputLost
from hogwalk.printable import ascii_only

if TYPE_CHECKING:
    from hogwalk.answer.render.dml import Door

LARGEST_WRITE = 8000  # characters; the debugger's output cuts or drops writes near 16384
LONGEST_MARKUP = 16000  # characters of one write with its tags; the debugger cuts at 16383
NARROWEST = 40  # columns: below that nothing can be read anyhow


def on_terminal() -> bool:
    """Whether stdout is a terminal that can be told apart; the debugger's output never is one."""
    return sys.stdout is not None and sys.stdout.isatty()


def look_here() -> Look:
    """How wide and rich the text may be where stdout leads to."""
    if not on_terminal():
        return PLAIN
    import shutil  # it takes a while to load, and is of no use elsewhere

    width = max(NARROWEST, shutil.get_terminal_size((PLAIN.width, 24)).columns)
    return Look(width, bars=width >= PLAIN.width)


def show(lines: Iterable[str], door: Optional[Door] = None) -> None:
    """Prints a command's text: as markup in the debugger (through a door), painted on a terminal, else as it is."""
    if door is not None:
        write_markup(lines, door)
    elif on_terminal() and has_rich() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        from hogwalk.answer.render.paint import paint

        with _written():
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
                _write(pending)
                pending, size = [], 0
            pending.append(part)
            size += len(part)
    _write(pending)
    flush()


def flush() -> None:
    """Sends what was printed on its way; raises OutputLost where it does not arrive, BrokenPipeError likewise."""
    with _written():
        sys.stdout.flush()


def _write(parts: Sequence[str]) -> None:
    with _written():
        sys.stdout.write("".join(parts))


@contextlib.contextmanager
def _written() -> Iterator[None]:
    if sys.stdout is None:
        raise OutputLost("stdout is closed", "name a file, with > FILE")
    try:
        yield
    except BrokenPipeError:  # the reader has seen enough
        raise
    except OSError as error:
        raise OutputLost(f"stdout cannot be written ({error.strerror})", "make room, or name another file") from error


def write_markup(lines: Iterable[str], door: Door) -> None:
    """Prints the lines as the debugger's markup, each in a write of its own; as text where that would be too long."""
    from hogwalk.answer.render.dml import escaped, marked_up

    stream: Any = sys.stdout  # the debugger's, which no library describes
    for line in lines:
        text = ascii_only(line)
        markup = marked_up(line if text == line else text, door)
        for part in [markup] if len(markup) < LONGEST_MARKUP else map(escaped, _parts(text)):
            stream.writedml(part + "\n")


def complain(words: str) -> None:
    """Says on stderr, on one line, what went wrong or what is being done."""
    if sys.stderr is not None:
        sys.stderr.write(f"hogwalk: {ascii_only(words)}\n")
        sys.stderr.flush()


def _parts(text: str) -> Iterable[str]:
    return (text[start : start + LARGEST_WRITE] for start in range(0, len(text), LARGEST_WRITE))
