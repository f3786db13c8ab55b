"""Rows that a mail program or a narrow window broke in two, on one line again."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from hogwalk.targets.parsers import dps, kfrow
from hogwalk.targets.parsers.words import ADDRESS

LONGEST_ROW = 4000  # characters, with its parameters
LONGEST_HELD = 400  # characters; nothing breaks a row of this length only once

_OPEN = re.compile(
    r"\s*(?:[0-9a-fA-F`?]{1,17}\s+)*(?::\s+(?:[0-9a-fA-F`]{8,17}\s+){0,4})?(?:[0-9a-fA-F`]{8,17}|\?{8,17}|:|\([A-Z]\))$"
)
_SYMBOL = r"(?:[^\s!+]+!\S.*|[^\s!+]+\+0x[0-9a-fA-F`]+)"
_REST = re.compile(rf"\s*(?:(?:{ADDRESS}|\?{{8}}(?:`\?{{8}})?)(?:\s+{_SYMBOL})?|(?:(?:{ADDRESS}\s+)*:\s+)?{_SYMBOL})$")
_LABELS = ("Base", "Limit", "StackBase:", "StackLimit:", "Stack Init", "Current", "Owning Process", "Image:")
_LABEL = re.compile(rf"\b(?:{'|'.join(_LABELS)})$")
_ALONE = re.compile(rf"\s*(?:{ADDRESS}\b|\S+$)")
# A row of kb broken between its arguments: its last ones and the call site look like a row of their own.
WORDS = 6  # of such a row: ChildEBP, RetAddr, three arguments, a call site without blanks
_OPEN_ARGUMENTS = re.compile(r"\s*(?:[0-9a-fA-F]{8} ){2,3}[0-9a-fA-F]{8}$")
_LAST_ARGUMENTS = re.compile(rf"\s*(?:[0-9a-fA-F]{{8}}\s+){{1,2}}{_SYMBOL}$")
_ARGUMENTS = re.compile(r"\s*(?:[0-9a-fA-F]{8}`[0-9a-fA-F]{8}\s*){1,4}:?$")  # of a x64 row, its call site still to come
# A window cuts a name where its columns end.
NARROWEST = 72  # columns
_CUT_NAME = re.compile(r"[\w.$:<>~@?]{0,60}\+0x[0-9a-fA-F]{1,8}$|[\w.$:<>~@?]{0,40}0?x[0-9a-fA-F]{1,8}$")
# kP prints a line for each parameter, indented.
_TAKES = re.compile(r"![^()]*\((?:.* = .*,)?$")
_PARAMETER = re.compile(r"\s+\S[^=]{0,200} = ")
# ub and u put such a line before their rows; it continues nothing.
_HEADING = re.compile(r":$")


def unwrapped(lines: Iterable[str]) -> Iterator[str]:
    """The lines, each broken stack, memory or thread row joined to one."""
    held = ""
    holding = False
    for line in lines:
        if holding and _continues(held, line):
            held = f"{held} {line.lstrip()}"
            continue
        if holding and len(held) >= NARROWEST and _CUT_NAME.match(line) and _cut(held, line):
            held += line
            continue
        if holding:
            yield held
        held, holding = line, True
    if holding:
        yield held


def _cut(held: str, line: str) -> bool:
    """Whether a row's call site goes on on the next line, where it was cut within a name."""
    return "+0x" not in held and kfrow.is_row(held) and not kfrow.is_row(line) and kfrow.is_row(held + line)


def _continues(held: str, line: str) -> bool:
    if held[-1:] in ("(", ",") and line[:1] == " " and len(held) < LONGEST_ROW:
        return _PARAMETER.match(line) is not None and _TAKES.search(held) is not None
    whole_memory_row = line[8:10] == "  " and line[0] != " "
    if not line or not held or len(held) > LONGEST_HELD or whole_memory_row:
        return False
    if held.endswith(_LABELS) and _LABEL.search(held):
        return _ALONE.match(line) is not None
    if not _OPEN.match(held):
        return False
    if " : " in f"{held} ":  # a x64 row, broken among its arguments
        return _ARGUMENTS.match(line) is not None or kfrow.is_row(f"{held} {line.lstrip()}")
    if _HEADING.search(line):
        return False
    if not _REST.match(line) and not _LAST_ARGUMENTS.match(line):
        return False
    if _OPEN_ARGUMENTS.match(held) and _LAST_ARGUMENTS.match(line):
        return len(held.split()) + len(line.split()) == WORDS
    if dps.parse_row(line) or kfrow.is_row(line):
        return False
    whole = f"{held} {line.lstrip()}"
    return kfrow.is_row(whole) or bool(dps.parse_row(whole))
