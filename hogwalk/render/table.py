"""Small helpers for lines: addresses as WinDbg prints them, aligned columns, wrapped text."""

from __future__ import annotations

import textwrap
from typing import Iterator, List, Optional, Sequence

WIDTH = 100  # columns: fits a mail and half a screen


def hexa(address: Optional[int]) -> str:
    """An address as eight hex digits, blanks when there is none."""
    return " " * 8 if address is None else f"{address:08x}"


def percent(part: int, whole: int) -> str:
    """A share in percent, one decimal."""
    return f"{100 * part / whole:.1f}" if whole else "0.0"


def cut(text: str, width: int) -> str:
    """The text, its middle replaced by `..` where it is too wide."""
    if len(text) <= width:
        return text
    head = (width - 2) * 2 // 3
    return f"{text[:head]}..{text[len(text) - (width - 2 - head):]}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str]) -> Iterator[str]:
    """Aligned rows under their heads: columns named in `left` to the left, the rest to the right.

    A line too long loses its end.
    """
    widths = [max([len(head)] + [len(row[at]) for row in rows]) for at, head in enumerate(heads)]
    for row in [heads, *rows]:
        cells: List[str] = []
        for at, cell in enumerate(row):
            cells.append(cell.ljust(widths[at]) if heads[at] in left else cell.rjust(widths[at]))
        line = "  ".join(cells).rstrip()
        yield line if len(line) <= WIDTH else line[: WIDTH - 2] + ".."


def wrapped(label: str, text: str, width: int = WIDTH) -> Iterator[str]:
    """The text behind a label of ten columns, continued under itself."""
    yield from textwrap.wrap(
        text, width, initial_indent=label.ljust(11), subsequent_indent=" " * 11, break_on_hyphens=False
    )
