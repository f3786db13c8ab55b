"""Bytes of a log to lines of text, a piece at a time, whatever the encoding."""

from __future__ import annotations

from typing import BinaryIO, Callable, Iterator, List, Optional

from hogwalk.errors import BadInput
from hogwalk.targets.text import mail
from hogwalk.targets.text.escaped import MARKUP, QUOTED, unescaped

PIECE_BYTES = 1 << 16
LONGEST_LINE_BYTES = 1 << 16  # no debugger row is longer; more is cut, so that no line fills the memory
LARGEST_BINARY_BYTES = 64 << 20  # without a line's end: a device, or another kind of file
_ESCAPED_END = rb"\n"

# Blanks that are no blanks, and what mail programs and blogs make of the engine's backtick, dashes and 0x.
_LOOKALIKES = {
    0x09: "    ",
    **dict.fromkeys((0xA0, 0x202F, 0x3000, *range(0x2000, 0x200B)), " "),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD), ""),
    **dict.fromkeys((0x2018, 0x2019, 0xB4, 0x2CB), "`"),
    **dict.fromkeys((*range(0x2010, 0x2015), 0x2212), "-"),
    0xD7: "x",  # 0\u00d7572240f, as WordPress sets it
}


def read_lines(stream: BinaryIO, progress: Callable[[int], None]) -> Iterator[str]:
    """The lines of a log, without quoting, odd blanks and line ends; `progress` hears of every piece's bytes.

    UTF-8, UTF-16 (either order) and cp1252 may be mixed, as they are when several programs append to one log: the
    debugger's own text is ASCII, so the zero bytes of UTF-16 can simply go.
    """
    rest, endless = b"", 0
    letter: Optional[mail.Mail] = None
    while True:
        piece = stream.read(PIECE_BYTES)
        if not piece:
            break
        progress(len(piece))
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if letter is None and mail.SIGN in whole:
            letter = mail.Mail()
        if newline:
            yield from _lines(whole) if letter is None else _each(letter.lines(whole.split(b"\n")))
        endless = endless + len(piece) if not newline else 0
        if endless > LARGEST_BINARY_BYTES:
            raise BadInput("this is no text: no line of it ends", "pass a dump with -z, or a log")
        if len(rest) > LONGEST_LINE_BYTES:
            cut = rest.rfind(_ESCAPED_END, 1)  # a whole page in one quoted string
            if cut > 0:
                yield from _lines(rest[:cut])
            rest = rest[cut:] if cut > 0 else rest[:LONGEST_LINE_BYTES]
    if letter is not None:
        yield from _each([*letter.lines([rest]), *letter.rest()])
    elif rest:
        yield from _lines(rest)


def _lines(block: bytes) -> Iterator[str]:
    if block.isascii() and all(sign not in block for sign in (b"\t", b"\0", _ESCAPED_END, MARKUP, QUOTED)):
        for line in block.decode("ascii").split("\n"):
            yield line.rstrip() if ">" not in line[:8] else clean(line)
    else:
        yield from _each(block.split(b"\n"))


def _each(lines: List[bytes]) -> Iterator[str]:
    for raw in lines:
        for line in unescaped(_decode(raw)):
            yield clean(line)


def clean(line: str) -> str:
    """The line as the debugger printed it: mail quoting, tabs, non-breaking blanks and lookalikes undone."""
    line = unlike(line)
    if line.lstrip()[:1] == ">":
        line = _unquoted(line)
    return line.rstrip()


def unlike(line: str) -> str:
    """The line with the lookalikes of what the debugger prints set back."""
    return line if line.isascii() and "\t" not in line else line.translate(_LOOKALIKES)


def _unquoted(line: str) -> str:
    # One blank behind each `>` belongs to the quoting, more is the line's own indentation.
    at = 0
    while line[at : at + 4].lstrip()[:1] == ">":
        at = line.index(">", at) + 1
        at += line[at : at + 1] == " "
    return line[at:]


def _decode(raw: bytes) -> str:
    if b"\0" in raw or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.replace(b"\0", b"").replace(b"\xff\xfe", b"").replace(b"\xfe\xff", b"")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
