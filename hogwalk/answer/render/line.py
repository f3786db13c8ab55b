"""Lines that know what their parts are: plain text to everybody, with marks that colours and links are made from.

A Line is a str; what joins or cuts it as one loses the marks and keeps the text.  So a terminal, the debugger's DML and
a file all print the same lines, and nobody has to read a finished line again to find what is in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Sequence, Tuple

from hogwalk.machine.words import Words, hexa, shown
from hogwalk.model import Frame, Trust

PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")  # a name with other characters never becomes part of a command


class Link(NamedTuple):
    """What a click runs: the debugger's own command, or (`own`) one of hogwalk's, without the words that call it."""

    command: str
    own: bool = False


class Span(NamedTuple):
    """The characters [start, end) of a line: what they are (a kind that `paint` knows, or ""), and their link."""

    start: int
    end: int
    kind: str
    link: Optional[Link]


class Line(str):
    """Text with its spans, in rising order, none over another."""

    spans: Tuple[Span, ...] = ()

    def __new__(cls, text: str, spans: Sequence[Span] = ()) -> Line:
        """The text with these spans."""
        made = super().__new__(cls, text)
        made.spans = tuple(spans)
        return made

    def cut_to(self, width: int) -> Line:
        """The first `width` characters with what is left of their marks."""
        kept = [Span(one.start, min(one.end, width), one.kind, one.link) for one in self.spans if one.start < width]
        return Line(self[:width], kept)


def mark(text: str, kind: str = "", link: Optional[Link] = None) -> Line:
    """A text that is one marked part."""
    return Line(text, [Span(0, len(text), kind, link)] if text and (kind or link) else [])


def joined(parts: Sequence[str]) -> Line:
    """The parts as one line, their marks where they have come to lie."""
    spans, at = [], 0
    for part in parts:
        if isinstance(part, Line) and part.spans:
            spans += [Span(at + one.start, at + one.end, one.kind, one.link) for one in part.spans]
        at += len(part)
    return Line("".join(parts), spans)


def frame_link(frame_ptr: Optional[int]) -> Line:
    """A frame's ChildEBP (Child-SP), which leads to the explanation of the frame; blanks for a frame without one."""
    if frame_ptr is None:
        return Line(" " * 8)
    return mark(shown(frame_ptr), link=Link(f"frame {hexa(frame_ptr)}", own=True))


def code_link(address: int, machine: Words) -> Line:
    """A return address, which leads to the instructions before it."""
    return mark(shown(address), link=Link(f"ub {machine.typed(address)} L4"))


def return_link(frame: Frame, machine: Words) -> Line:
    """A frame's return address; no link where the code before it cannot be read, or is a user's below the kernel."""
    if frame.trust in (Trust.LINKED, Trust.CALL, Trust.PLAIN):
        return code_link(frame.return_address, machine)
    return Line(shown(frame.return_address))


def words_link(address: int, machine: Words) -> Line:
    """A stack address, which leads to the words there."""
    return mark(shown(address), link=Link(f"dps {machine.typed(address)} L10"))


def module_link(name: str) -> Line:
    """A module's name, which leads to what the debugger knows of it; no link where a command could misread it."""
    return mark(name, link=Link(f"lmvm {name}")) if PLAIN_NAME.fullmatch(name) else Line(name)


def padded(cell: str, width: int, left: bool) -> Line:
    """A cell of a table, filled with blanks to `width` columns: to its left, or (`left`) to its right."""
    blanks = " " * (width - len(cell))
    return joined([cell, blanks] if left else [blanks, cell])
