"""Tables of stacks that hold no rows of a walk: recognised, so that a refusal can name them."""

from __future__ import annotations

import re
from typing import Dict, Optional, Tuple

_SUMS = re.compile(r"\s*Stack Usage By (?:Function|Module)\s*$")
_MANAGED = re.compile(
    r"\s*(?:OS Thread Id: 0x[0-9a-fA-F]+|(?:Child.?SP|ESP|RSP)\s+(?:IP|EIP|RIP)\b.{0,100}$|Child SP\s+IP)"
)
_ROW = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{1,8})\s+(\d{1,7})\s+([^\s!]{1,200})(?:!\S.*)?$")
_TOTAL = re.compile(r"\s*Total Size:\s+0x([0-9a-fA-F]{1,8})\s*$")
_RULE = re.compile(r"\s*(?:=+|Size\s+Count\s+Module)\s*$")


def heading(line: str) -> str:
    """What the table under this line is, "" when the line heads none."""
    if _SUMS.match(line):
        return "a !stackusage table: function sums only"
    return "a managed stack of !clrstack" if _MANAGED.match(line) else ""


def sums(line: str) -> bool:
    """Whether `add_row` reads the rows under this heading."""
    return _SUMS.match(line) is not None


def add_row(usage: Dict[str, Tuple[int, int]], line: str) -> bool:
    """Adds the bytes and frames of a !stackusage row to its module's; False where the line is none."""
    found = _ROW.match(line)
    if found:
        size, count, module = int(found.group(1), 16), int(found.group(2)), found.group(3)
        held = usage.get(module, (0, 0))
        usage[module] = (held[0] + size, held[1] + count)
    return found is not None or _RULE.match(line) is not None


def total(line: str) -> Optional[int]:
    """The bytes that the last line of the table states, None on any other line."""
    found = _TOTAL.match(line)
    return int(found.group(1), 16) if found else None
