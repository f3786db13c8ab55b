"""Small helpers for lines: addresses as WinDbg prints them, aligned columns, wrapped text, and how wide it all is."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from hogwalk.machine.words import shown
from hogwalk.printable import printable

Words = Iterator[Tuple[str, str]]  # paragraphs: a label, often "", and the text behind it

WIDTH = 100  # columns: fits a mail and half a screen
BAR = 10  # columns of a bar that stands for the whole stack


@dataclass(frozen=True)
class Look:
    """How wide the lines may be, in columns, and whether tables of shares have bars."""

    width: int = WIDTH
    bars: bool = False

    @property
    def prose(self) -> int:
        """Columns of running text, which grows hard to read when it is wider than usual."""
        return min(self.width, WIDTH)


PLAIN = Look()  # of the debugger, of files and pipes


def hexa(address: Optional[int]) -> str:
    """An address as the debugger shows it, blanks when there is none."""
    return " " * 8 if address is None else shown(address)


def percent(part: int, whole: int) -> str:
    """A share in percent, one decimal."""
    return f"{100 * part / whole:.1f}" if whole else "0.0"


def cut(text: str, width: int) -> str:
    """The text, its middle replaced by `..` where it is too wide."""
    text = printable(text)
    if len(text) <= width:
        return text
    head = (width - 2) * 2 // 3
    return f"{text[:head]}..{text[len(text) - (width - 2 - head) :]}"


def bar(part: int, whole: int) -> str:
    """A share as a bar of BAR columns: `[####......]`; anything above nothing has a mark."""
    marks = min(BAR, max(round(BAR * part / whole), 1)) if part > 0 and whole > 0 else 0
    return f"[{'#' * marks}{'.' * (BAR - marks)}]"


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str], width: int = WIDTH
) -> Iterator[str]:
    """Aligned rows under their heads: columns named in `left` to the left, the rest to the right.

    A line wider than `width` loses its end.
    """
    fit = [[printable(cell) for cell in row] for row in rows]
    widths = [max([len(head)] + [len(row[at]) for row in fit]) for at, head in enumerate(heads)]
    for row in [heads, *fit]:
        cells: List[str] = []
        for at, cell in enumerate(row):
            cells.append(cell.ljust(widths[at]) if heads[at] in left else cell.rjust(widths[at]))
        line = "  ".join(cells).rstrip()
        yield line if len(line) <= width else line[: width - 2] + ".."


def wrapped(label: str, text: str, width: int = WIDTH) -> Iterator[str]:
    """The text behind a label of ten columns, continued under itself."""
    yield from textwrap.wrap(
        printable(text), width, initial_indent=label.ljust(11), subsequent_indent=" " * 11, break_on_hyphens=False
    )


def paragraphs(words: Iterable[Tuple[str, str]], look: Look) -> Iterator[str]:
    """Labelled texts, each wrapped."""
    for label, text in words:
        yield from wrapped(label, text, look.prose)
