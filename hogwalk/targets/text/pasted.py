"""What web pages, chats and mail programs make of a log's lines, undone: HTML, Markdown, all rows on one line."""

from __future__ import annotations

import html
import re
from typing import Iterable, Iterator, List

from hogwalk.targets.parsers.words import ADDRESS, HEAD
from hogwalk.targets.text.decode import unlike
from hogwalk.targets.text.framed import unframed

_ENTITY = re.compile(r"&(?:nbsp|gt|lt|amp|quot|apos|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});")
# Only names of HTML, for a template's arguments look like a tag; those that end a line, and all others.
_LINE_END = re.compile(r"<(?:br|/p|/div|/tr|/li|/pre|/h[1-6]|p|tr|li|pre)(?:\s[^<>]{0,500})?\s?/?>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|b|body|code|div|em|font|html|i|li|ol|p|pre|small|span|strong|table|tbody|tr|tt|u|ul|blockquote)"
    r"(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_CELL = re.compile(r"</?t[dh](?:\s[^<>]{0,500})?/?>", re.IGNORECASE)
# What stands before each line in a comment, in a listing with numbers, in a log with times, in a table of Markdown.
_ENDS = r"(?=\s|\*\*\*|$)"  # a word: a remark of the debugger's may follow right behind it
_KERNEL_PROMPT = r"(?:\d+: )?l?kd(?::x86)?> "
_ROW_OR_HEAD = (
    rf"(?=\s*(?:[0-9a-f]{{2,4}} +)?(?:[0-9a-f]{{1,6}} +)?(?:0x)?{ADDRESS} +(?:0x)?{ADDRESS}{_ENDS}"
    rf"|\s*(?:# +)?Child|\s*\d+:[\d:x]+> |\s*{_KERNEL_PROMPT})"
)
_COMMENT = re.compile(rf"\s*(?://+|;+|--|\*|REM\b|#(?!\s*Child)){_ROW_OR_HEAD}")
_LINE_NUMBER = re.compile(rf"\s*\d{{1,6}} ?[|:] ?{_ROW_OR_HEAD}")
# As `cat -n` writes it, its tab four blanks by now: only rows of words have two blanks behind their address.
_LISTED = re.compile(rf"(?=[ \d]{{6}} {{4}}) *\d+ {{4}}(?={ADDRESS}  {ADDRESS}{_ENDS}|{_KERNEL_PROMPT})")
_TIME = re.compile(rf"\[?(?:\d{{4}}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?Z?\]?:? ?{_ROW_OR_HEAD}")
_CELLS = re.compile(r"\s*\|(?:[^|]*\|){3,12}\s*$")
_PREFIXED = re.compile(rf"(\s*(?:[0-9a-f]{{2,4}} +)?)0x({ADDRESS} +)0x({ADDRESS}){_ENDS}")
_BULLET = re.compile(r"(\s*)[*+-](\s+)(?=[0-9a-f]{2} [0-9a-f]{8})")  # of a list; !findstack marks rows so
_BOLD = re.compile(r"(?<![*])\*\*(?![*])")
_ESCAPED = re.compile(r"\\([!_*<>#+`\[\]])")
_SHORTEST_JOINED = 60  # characters; two rows are longer
_WORD = re.compile(rf"{ADDRESS}$")
_FIGURE = re.compile(r"[0-9a-fA-F]{1,5}$")
_SITE = re.compile(r"[^\s!]+!\S|[^\s!]+\+0x[0-9a-fA-F]|0x[0-9a-fA-F`]{1,17}$")
_HEADS = re.compile(HEAD)


def plain(lines: Iterable[str]) -> Iterator[str]:
    """The lines as the debugger printed them; a line of several rows becomes several lines."""
    marked = False  # whether the text is a page's source
    for line in unframed(lines):
        if "&" in line or "<" in line:
            marked = marked or _ENTITY.search(line) is not None or _LINE_END.search(line) is not None
        for piece in _untagged(line) if marked else (line,):
            yield from _rows(_unmarked(piece))


def _untagged(line: str) -> List[str]:
    pieces = _LINE_END.split(line) if "<" in line else [line]
    if len(pieces) > 1:
        pieces = [piece for piece in pieces if piece.strip()] or [""]
    return [unlike(html.unescape(_TAG.sub("", _CELL.sub(" ", piece)))).rstrip() for piece in pieces]


def _unmarked(line: str) -> str:
    # Markdown: bold, escaped signs, code spans around whole lines.
    if "**" in line:
        line = _BOLD.sub("", line)
    if "\\" in line:
        line = _ESCAPED.sub(r"\1", line)
    if line.lstrip()[:2] in ("* ", "+ ", "- "):
        line = _BULLET.sub(r"\1\2", line)
    bare = line.strip()
    if bare[:1] and bare[0] in _BEFORE:
        line = _bared(line, bare[0])
        bare = line.strip()
    if bare[:1] == "`" and not bare.startswith("```"):
        return bare.strip("`")
    return bare[1:-1] if len(bare) > 2 and bare[0] == bare[-1] == "*" and bare[1] not in "* " else line


_BEFORE = frozenset("/;-*R#[|0123456789")
_PLAIN_ROW = re.compile(r"\s*[0-9a-f]{8}[ `]")  # by far the most lines that begin with a digit


def _bared(line: str, first: str) -> str:
    # The line without what a comment, a listing, a log or a table puts before it.
    if first == "|":
        return line.replace("|", " ").rstrip() if _CELLS.match(line) else line
    before = _COMMENT.match(line) if first in "/;-*R#" else None
    if before is None and (first == "[" or first.isdigit()) and not _PLAIN_ROW.match(line):
        before = _LINE_NUMBER.match(line) or _LISTED.match(line) or _TIME.match(line)
    bared = line[before.end() :] if before is not None else line
    return _PREFIXED.sub(r"\1\2\3", bared, 1) if "0x" in bared[:8] else bared


def _rows(line: str) -> Iterator[str]:
    # One line, or, where rows follow each other on it, each row by itself.
    if len(line) < _SHORTEST_JOINED or ("!" not in line and "+0x" not in line):
        yield line
        return
    words = [(found.start(), found.group()) for found in re.finditer(r"\S+", line)]
    starts = _starts([word for _, word in words])
    if len(starts) < 2:
        yield line
        return
    cuts = [words[at][0] for at in starts]
    heads = _HEADS.search(line, 0, cuts[0])
    first = line[: cuts[0]]
    if heads is not None:
        yield from (first[: heads.start()].rstrip(), first[heads.start() :].rstrip())
    elif first.strip():
        yield first.rstrip()
    for start, end in zip(cuts, [*cuts[1:], len(line)]):
        yield line[start:end].rstrip()


def _starts(words: List[str]) -> List[int]:
    # Where rows start: at two addresses (and the figures before them) that follow no address, with a call site behind.
    starts: List[int] = []
    at = 0
    while at + 1 < len(words):
        if not (_WORD.match(words[at]) and _WORD.match(words[at + 1])) or (at and _WORD.match(words[at - 1])):
            at += 1
            continue
        end = at + 2
        while end < len(words) and (_WORD.match(words[end]) or words[end] in (":", "(T)")):
            end += 1
        if end < len(words) and _SITE.match(words[end]):
            first = at
            while first and at - first < 2 and _FIGURE.match(words[first - 1]) and first - 1 not in starts:
                first -= 1
            starts.append(first)
        at = end
    return starts
