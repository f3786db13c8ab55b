"""Lines of debugger text, with the rows that a symbol-load message cut in two put together again."""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, NamedTuple

# The engine prints these when it loads a symbol file for a word it is about to print; each ends its line.
_MESSAGE = re.compile(r"\*\*\* (?:ERROR|WARNING): ")
_ROW_BEGUN = re.compile(r"\s*(?:[0-9a-fA-F]+|\(Inline)[\s`*]")


class Line(NamedTuple):
    """A line, its number from 1, and whether it is a symbol-load message."""

    number: int
    text: str
    message: bool


def rejoined(lines: Iterable[str], is_row: Callable[[str], bool]) -> Iterator[Line]:
    """The lines without trailing blanks, rows cut by symbol-load messages joined where the whole `is_row`."""
    begun, begun_at = "", 0
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip()
        cut = _MESSAGE.search(line) if "*** " in line else None
        if cut:
            head = line[: cut.start()]
            if _ROW_BEGUN.match(head + "*"):
                if begun:
                    yield Line(begun_at, begun, False)
                begun, begun_at = head, number
                line = line[cut.start() :]
            yield Line(number, line, True)
        elif begun and line:
            # Mail quoting may have eaten the blank that the rest of the row began with.
            whole = begun + line if is_row(begun + line) else f"{begun} {line}"
            if is_row(whole):
                yield Line(begun_at, whole, False)
            else:
                yield Line(begun_at, begun, False)
                yield Line(number, line, False)
            begun = ""
        else:
            yield Line(number, line, False)
    if begun:
        yield Line(begun_at, begun, False)
