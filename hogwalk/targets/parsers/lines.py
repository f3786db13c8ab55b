"""Lines of debugger text, with the rows that a remark of the debugger cut in two put together again."""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, List, Match, NamedTuple, Optional, Pattern, Tuple

from hogwalk.targets.parsers.remarks import MOST_LINES, end_of, remark_in

_GOES_ON = ("+", "[", "(", "!")  # how the rest of a row begins that is one without it
_ROW_BEGUN = re.compile(r"\s*(?:[0-9a-fA-F]+|\(Inline)[\s`*]")


class Line(NamedTuple):
    """A line, its number from 1, and whether it is a remark that may stand inside a row."""

    number: int
    text: str
    message: bool


def rejoined(lines: Iterable[str], is_row: Callable[[str], bool]) -> Iterator[Line]:
    """The lines without trailing blanks, rows cut by remarks joined where the whole `is_row`."""
    begun, begun_at, blank = "", 0, False
    for seen, cut in _followed(lines):
        number, line, inside = seen
        if inside:
            yield seen
        elif cut:
            head = line[: cut.start()]
            if _ROW_BEGUN.match(head + "*"):
                if begun:
                    yield Line(begun_at, begun, False)
                begun, begun_at, blank = head, number, False
                line = line[cut.start() :]
            yield Line(number, line, True)
        elif begun and line:
            # Mail quoting may have eaten the blank that the rest of the row began with.
            whole = begun + line if is_row(begun + line) else f"{begun} {line}"
            # A remark behind a whole row leaves its line end alone, an empty line: what follows is another line.
            named = "!" in begun or "+0x" in begun
            ended = blank and named and is_row(begun) and not line.lstrip().startswith(_GOES_ON)
            if is_row(whole) and not ended:
                yield Line(begun_at, whole, False)
            else:
                yield Line(begun_at, begun, False)
                yield Line(number, line, False)
            begun = ""
        else:
            blank = blank or not line
            yield seen
    if begun:
        yield Line(begun_at, begun, False)


def _followed(lines: Iterable[str]) -> Iterator[Tuple[Line, Optional[Match[str]]]]:
    # The lines, each with where a remark begins in it; those marked that lie inside a remark: a file's name with line
    # breaks plants whole rows there.
    end: Optional[Pattern[str]] = None
    held: List[Tuple[Line, Optional[Match[str]]]] = []
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip()
        cut = remark_in(line)
        if end is not None:
            if not cut and end.search(line):
                yield from ((Line(one.number, one.text, True), None) for one, _ in held)
                yield Line(number, line, True), None
                end, held = None, []
                continue
            if not cut and len(held) < MOST_LINES:
                held.append((Line(number, line, False), None))
                continue
            yield from held
            end, held = None, []
        yield Line(number, line, False), cut
        if cut:
            end = end_of(line[cut.start() :])
    yield from held
