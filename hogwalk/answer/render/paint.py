"""Colours for a terminal: the finished lines, with the hog, the bars and the trust made to stand out."""

from __future__ import annotations

from typing import Iterable

from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.text import Text
from rich.theme import Theme

THEME = Theme(
    {
        "hogwalk.label": "bold",
        "hogwalk.hog": "bold red",
        "hogwalk.bar": "cyan",
        "hogwalk.empty": "dim",
        "hogwalk.sure": "green",
        "hogwalk.trap": "magenta",
        "hogwalk.unsure": "yellow",
        "hogwalk.wrong": "red",
        "hogwalk.note": "yellow",
    }
)
LABELS = "Target|Bug check|Fault|Thread|Start|Sure\\?|Re-entered|Biggest|Gaps|Sum|Next"
FOUND_BY = "(?= +(?:kf|hogwalk|both)\\b)"  # behind the trust in a row of `walk`


class _Report(RegexHighlighter):
    base_style = "hogwalk."
    highlights = [  # noqa: RUF012 - rich's own declaration
        f"^(?P<label>{LABELS})(?= {{2}}|$)",
        "^(?P<hog>Hog {8}.*)",
        "^(?P<note>Note) {7}",
        "\\[(?P<bar>#*)(?P<empty>\\.*)\\]",
        f" (?P<sure>linked|call){FOUND_BY}",
        f" (?P<trap>trap){FOUND_BY}",
        f" (?P<unsure>plain|unread){FOUND_BY}",
        f" (?P<wrong>none){FOUND_BY}",
    ]


def paint(lines: Iterable[str]) -> None:
    """Prints the lines to stdout, a terminal, in colour; they are neither wrapped nor cut here."""
    console = Console(theme=THEME, highlight=False, markup=False, emoji=False)
    highlighter = _Report()
    for line in lines:
        text = Text(line)
        highlighter.highlight(text)
        console.print(text, soft_wrap=True)
