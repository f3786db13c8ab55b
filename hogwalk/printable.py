"""The one place where text from a target, a log, a file or the command line becomes fit to be shown.

A name may hold anything: an escape sequence that retitles or clears a terminal, a line break that forges a line of
output, a bidirectional mark that turns a name around.  Such characters are shown as Python writes them (`\\x1b`, `\\n`,
`\\u202e`), the same on terminals, in files, in JSON and on stderr.  The records of `model` and the errors hold their
texts in this form already, so that columns are measured as they are printed; what is written passes here once more.
"""

from __future__ import annotations

from typing import Any


def printable(text: str) -> str:
    """The text with everything that is no visible character or plain blank escaped; visible letters stay."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def ascii_only(text: str) -> str:
    """The same for places that take ASCII alone, `?` for a visible letter beyond it: the debugger garbles those."""
    shown = printable(text)
    return shown if shown.isascii() else shown.encode("ascii", "replace").decode("ascii")


def printable_document(document: Any) -> Any:
    """A JSON document's dicts, lists and texts with every text fit to be shown once it is unpacked again."""
    if isinstance(document, str):
        return printable(document)
    if isinstance(document, dict):
        return {printable_document(key): printable_document(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [printable_document(value) for value in document]
    return document


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
