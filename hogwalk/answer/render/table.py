"""Small helpers for lines: addresses as WinDbg prints them, aligned columns, wrapped text, and how wide it all is."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Iterable, Iterator, Optional, Sequence, Tuple

from hogwalk.answer.render.line import Line, Span, joined, mark, padded
from hogwalk.machine.words import shown
from hogwalk.printable import printable

Words = Iterator[Tuple[str, str]]  # paragraphs: a label, often "", and the text behind it

WIDTH = 100  # columns: fits a mail and half a screen
LABEL = 11  # columns of a label and the blanks after it
NARROWEST = 10  # columns below which a table's column does not give way
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


def counted(number: int, thing: str) -> str:
    """The number with its noun, in the plural but for 1."""
    return f"{number} {thing}{'s' * (number != 1)}"


def cut(text: str, width: int) -> str:
    """The text, its middle replaced by `..` where it is too wide."""
    text = printable(text)
    if len(text) <= width:
        return text
    head = (width - 2) * 2 // 3
    return f"{text[:head]}..{text[len(text) - (width - 2 - head) :]}"


def bar(part: int, whole: int, most: int = 0) -> Line:
    """A share as a bar of BAR columns, `[####......]`; anything above nothing has a mark.

    The bar is full at `most` (0: at the whole), so that shares of a table differ visibly from one another.
    """
    full = most or whole
    marks = min(BAR, max(round(BAR * part / full), 1)) if part > 0 and full > 0 else 0
    return joined(["[", mark("#" * marks, "bar"), mark("." * (BAR - marks), "empty"), "]"])


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str], width: int = WIDTH
) -> Iterator[Line]:
    """Aligned rows under their heads: columns named in `left` to the left, the rest to the right.

    Where the rows are wider than `width`, the widest columns of those to the left give way: the middle of their cells
    becomes `..`.
    """
    columns = range(len(heads))
    widths = [max([len(heads[at]), *(len(row[at]) for row in rows)]) for at in columns]
    elastic = [at for at in columns if heads[at] in left]
    excess = sum(widths) + 2 * (len(heads) - 1) - width
    while excess > 0 and elastic:
        widest = max(elastic, key=lambda at: widths[at])
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
        excess -= 1
    for row in [heads, *rows]:
        cells = [padded(_fitted(row[at], widths[at]), widths[at], heads[at] in left) for at in columns]
        line = joined([part for cell in cells for part in ("  ", cell)][1:])
        yield line.cut_to(min(width, len(line.rstrip())))


def _fitted(cell: str, width: int) -> str:
    if len(cell) <= width:
        return cell
    span = next(iter(cell.spans), None) if isinstance(cell, Line) else None
    short = cut(cell, width)
    return mark(short, span.kind, span.link) if span is not None else short


def wrapped(label: str, text: str, width: int = WIDTH) -> Iterator[Line]:
    """The text after a label of ten columns, continued under itself, with its marks."""
    lines = [label.ljust(LABEL) + text]
    odd = not text.isprintable()  # among what can be printed the blank is the only white space
    if len(lines[0]) > width or not text or text[-1] == " " or odd:  # else it is its own only line
        lines = textwrap.wrap(
            text,
            width,
            initial_indent=label.ljust(LABEL),
            subsequent_indent=" " * LABEL,
            break_on_hyphens=False,
            expand_tabs=odd,
            replace_whitespace=odd,
        )
    at = 0
    for number, line in enumerate(lines):
        words = line[LABEL:]
        at = max(text.find(words, at), at)
        head = _label(label) if number == 0 else line[:LABEL]
        yield joined([head, mark(words, "hog") if label == "Hog" else _part(text, at, words)])
        at += len(words)


def _part(text: str, at: int, words: str) -> str:
    # The marks of the whole text that lie in these words of it.
    spans = text.spans if isinstance(text, Line) else ()
    end = at + len(words)
    inside = [
        Span(max(one.start, at) - at, min(one.end, end) - at, one.kind, one.link)
        for one in spans
        if one.start < end and one.end > at
    ]
    return Line(words, inside)


def _label(label: str) -> Line:
    kind = {"Hog": "hog", "Note": "note"}.get(label, "label")
    return joined([mark(label, kind), " " * (LABEL - len(label))])


def paragraphs(words: Iterable[Tuple[str, str]], look: Look) -> Iterator[Line]:
    """Labelled texts, each wrapped."""
    for label, text in words:
        yield from wrapped(label, text, look.prose)
