"""Lines as the debugger's markup (DML): what can be clicked is a link, what matters stands out, all else is text.

Seen in dbgeng 10.0.15063: `&`, `<` and `>` are escaped in text, in `cmd` the quote as well; a stray `&` or a `>` within
a `cmd` loses the rest of the write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

from hogwalk.answer.render.line import Line, Link

BOLD = ("hog", "label")
COLOURS: Dict[str, str] = {"wrong": "errfg", "unsure": "warnfg", "note": "warnfg"}  # the debugger's own colour names


@dataclass(frozen=True)
class Door:
    """The words that call hogwalk again as it was called, and the options that name the same stack."""

    call: str
    options: str = ""

    def command(self, link: Link) -> str:
        """The whole command of a link."""
        if not link.own:
            return link.command
        return f"{self.call} {link.command}{' ' if self.options else ''}{self.options}"


def marked_up(line: str, door: Door) -> str:
    """One line of DML, without its end."""
    spans = line.spans if isinstance(line, Line) else ()
    parts, at = [], 0
    for span in spans:
        parts.append(escaped(line[at : span.start]))
        opened, closed = _tags(span.kind)
        text = opened + escaped(line[span.start : span.end]) + closed
        if span.link is not None:
            command = escaped(door.command(span.link)).replace('"', "&quot;")
            text = f'<link cmd="{command}">{text}</link>'
        parts.append(text)
        at = span.end
    return "".join([*parts, escaped(line[at:])])


def escaped(text: str) -> str:
    """Text without a sign that DML takes for its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tags(kind: str) -> Tuple[str, str]:
    if kind in BOLD:
        return "<b>", "</b>"
    colour = COLOURS.get(kind)
    return (f'<col fg="{colour}">', "</col>") if colour else ("", "")
