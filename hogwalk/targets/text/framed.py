"""What stands around a pasted stack table's rows, taken off: a log's or listing's prefix, quotes, cells, BBCode."""

from __future__ import annotations

import csv
import re
from typing import Iterable, Iterator, List, Optional, Pattern

from hogwalk.targets.parsers.words import ADDRESS, HEAD

LONGEST_PREFIX = 120  # characters
_HEAD = re.compile(HEAD)
_ROW = rf"(?:[0-9a-fA-F]{{2,4}}\s+)?(?:[0-9a-fA-F]{{1,6}}\s+)?(?:0x)?{ADDRESS}\s+(?:0x)?{ADDRESS}\s"
_HEADS = ("Child", "#", "Memory")
_VARYING = re.compile(r"\d+")
_OWN = re.compile(r"(?:.*>\s*\S.*|STACK_TEXT:)\s*$")  # before a head: a prompt and its command, or !analyze's label
_QUOTE_END = re.compile(r"(?:\\[nrt])*[\"'](?:\s*[,;+)\]])*\s*$")

# A row in cells: its figures, its two addresses, what is behind; the head of such rows.
_CELL = r"\"?`?\s*"
_END = r"\s*`?\"?\s*[,;|]\s*"
_CELLS = re.compile(
    rf"\s*\|?\s*(?:{_CELL}[0-9a-fA-F]{{0,8}}{_END}){{0,2}}{_CELL}(?:0x)?{ADDRESS}{_END}{_CELL}(?:0x)?{ADDRESS}{_END}\S"
)
_CELLED_HEAD = re.compile(
    rf"\s*\|?\s*(?:{_CELL}#?{_END})?(?:{_CELL}Memory{_END})?{_CELL}(?:ChildEBP|Child-SP){_END}{_CELL}Ret"
)
_CELLED = re.compile(r"[\s|]{0,20}[\"`]{0,2}(?:[0-9a-fA-F`x]{0,20}|#|Memory|Child.{2,3})[\"`]{0,2}\s{0,20}[,;|]")
_DELIMITER = re.compile(r"[,;|]")

_BBCODE = re.compile(
    r"\[/?(?:code|quote|pre|font|size|color|colour|b|i|u|tt|mono|php|spoiler|indent|noparse|icode|plain|list|left|center)"
    r"(?:=[^\[\]]{0,100})?\]",
    re.IGNORECASE,
)
_BBCODE_SURE = re.compile(
    r"\[(?:/[a-z]{1,9}|code|quote|font=[^\]]{1,80}|size=[^\]]{1,20}|color=[^\]]{1,20})\]", re.IGNORECASE
)


MOST_CELLS = 40  # lines of one row of an HTML table


def unframed(lines: Iterable[str]) -> Iterator[str]:
    """The lines without what stands around rows and heads of stack tables; a row of an HTML table is one line."""
    held: Optional[str] = None  # a head behind other text, until the next line says whether that is a prefix
    prefix: Optional[Pattern[str]] = None
    row: List[str] = []
    forum = False
    for line in lines:
        if "[" in line and (forum or _BBCODE_SURE.search(line)):
            forum, line = True, _BBCODE.sub("", line)
        if held is not None:
            prefix = _prefix(held, line)
            yield held if prefix is None else _taken_off(prefix, held)
            held = None
        if prefix is not None:
            if prefix.match(line):
                line = _taken_off(prefix, line)
            else:
                prefix = None
        if row or ("<tr" in line and "</tr" not in line):
            row.append(line)
            if "</tr" in line or len(row) == MOST_CELLS:
                yield " ".join(row)
                row = []
            continue
        if ("," in line or "|" in line or ";" in line) and _CELLED.match(line):
            line = _in_cells(line)
        if prefix is None and "Ret" in line and "Child" in line and not line.lstrip().startswith(_HEADS):
            held = line
        else:
            yield line
    yield from row
    if held is not None:
        yield held


def _prefix(head: str, line: str) -> Optional[Pattern[str]]:
    """What stands before a table's head if it stands before the next line's row as well, numbers in it differing."""
    found = _HEAD.search(head)
    before = head[: found.start()].rstrip() if found is not None else ""
    if not before or len(before) > LONGEST_PREFIX or _OWN.match(before):
        return None
    pattern = r"\d+".join(re.escape(part) for part in _VARYING.split(before))
    if not re.match(pattern + r"\s*(?:\(Inline|" + _ROW + r"|[^\n]{0,20}WARNING)", line):
        return None
    return re.compile(pattern)


def _taken_off(prefix: Pattern[str], line: str) -> str:
    found = prefix.match(line)
    if found is None:
        return line
    rest = line[found.end() :]
    return _QUOTE_END.sub("", rest) if found.group().endswith(("'", '"')) else rest


def _in_cells(line: str) -> str:
    """A row in cells with blanks between these instead."""
    if not _CELLS.match(line) and not _CELLED_HEAD.match(line):
        return line
    delimiter = _DELIMITER.search(line.lstrip(" |"))
    if delimiter is None:
        return line
    return " ".join(_cells(line.strip().strip("|"), delimiter.group()))


def _cells(line: str, delimiter: str) -> List[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        cells = line.split(delimiter)
    return [bare for bare in (cell.strip().strip("`") for cell in cells) if bare]
