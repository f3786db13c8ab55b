"""Colours for a terminal, by what each part of a line is."""

from __future__ import annotations

from typing import Iterable

from rich.console import Console
from rich.text import Text

from hogwalk.answer.render.line import Line

STYLES = {
    "label": "bold",
    "hog": "bold red",
    "bar": "cyan",
    "empty": "dim",
    "sure": "green",
    "trap": "magenta",
    "unsure": "yellow",
    "wrong": "red",
    "note": "yellow",
}


def paint(lines: Iterable[str]) -> None:
    """Prints the lines to stdout, a terminal, in colour; they are neither wrapped nor cut here."""
    console = Console(highlight=False, markup=False, emoji=False)
    for line in lines:
        text = Text(str(line))
        for span in line.spans if isinstance(line, Line) else ():
            text.stylize(STYLES.get(span.kind, ""), span.start, span.end)
        console.print(text, soft_wrap=True)
