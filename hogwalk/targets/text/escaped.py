"""Text inside a quoted string of JSON, JavaScript or Python, its escapes undone: a site's API answers in such lines."""

from __future__ import annotations

import re
from typing import List, Match

DEEPEST = 3  # strings within strings: an answer kept in an answer

# An escaped line's end and a row of two addresses, or a table's head, after it: in no other text.
_ADDRESS = r"[0-9a-fA-F]{8}(?:`?[0-9a-fA-F]{8})?"
_SIGN = re.compile(
    rf"\\n(?:\\+t|\\+u003e|[ >|*]){{0,40}}(?:[0-9a-f]{{2,4}} )?(?: {{0,9}}[0-9a-f]{{1,6}})? {{0,9}}"
    rf"(?:{_ADDRESS}  ?{_ADDRESS}|(?:# +)?(?:Memory +)?(?:ChildEBP|Child-SP) +Ret)"
)
# Strings of a list, each a row.
QUOTED, MARKUP = b'", "', b"\\u003c"
_LINE_END = re.compile(
    rf"\\u003c(?:br|/p|/div|/li|pre)[ /]{{0,2}}(?:\\u003e|>)\s{{0,20}}(?:[0-9a-f]{{2,4}} )?{_ADDRESS}  ?{_ADDRESS}"
)
_LISTED = re.compile(rf"[\"']\s*,\s*[\"']\s*(?:[0-9a-f]{{2,4}} +)?(?:[0-9a-f]{{1,6}} +)?{_ADDRESS} +{_ADDRESS}[ \"']")
_BETWEEN = re.compile(r"[\"']\s*,\s*[\"']")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(.))|"')
_MEANS = {"n": "\n", "r": "", "t": "\t", "b": " ", "f": " ", "v": " ", "a": " "}


def unescaped(line: str) -> List[str]:
    """The lines that a line of escaped text stands for; the line itself where it is none.

    A quote that is not escaped begins or ends a string, and so a line.
    """
    lines = _BETWEEN.split(line) if '", ' in line and _LISTED.search(line) else [line]
    for _ in range(DEEPEST):
        if not any(_escaped(one) for one in lines):
            break
        lines = [piece for one in lines for piece in _ESCAPE.sub(_meaning, one).split("\n")]
    return lines


def _escaped(line: str) -> bool:
    if "\\n" in line and _SIGN.search(line):
        return True
    return "\\u003c" in line and _LINE_END.search(line) is not None


def _meaning(found: Match[str]) -> str:
    code, sign = found.groups()
    if code is not None:
        value = int(code, 16)
        return "?" if 0xD800 <= value < 0xE000 else chr(value)
    return "\n" if sign is None else _MEANS.get(sign, sign)
