"""Stacks in texts that hold no rows of a walk: recognised, so that a refusal can name them."""

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
    if "Stack Usage" in line and _SUMS.match(line):
        return "a !stackusage table: function sums only"
    managed = ("IP" in line or "OS Thread" in line) and _MANAGED.match(line)
    return "a managed stack of !clrstack" if managed else ""


BARE = "call sites without addresses (kc)"
# What other tools print: a trace of names alone, or the stack of another system.  The first that fits a line.
_FOREIGN = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"#\d+ +\S+\+0x[0-9a-f]+.*<\S+\+0x[0-9a-f]+>\)", "a call stack of Dr. Memory"),
        (r"#\d+ +(?:0x[0-9a-f]{6,16} in )?\S.* \(.*\)(?: (?:at|from) \S+)?$", "a backtrace of gdb"),
        (r"[ *]+frame #\d+: 0x[0-9a-f]{6,16} ", "a backtrace of lldb"),
        (r"(?:goroutine \d+ \[|runtime: goroutine stack exceeds )", "a trace of Go"),
        (r"\s+at [\w$.<>]+(?:\(\w+\.(?:java|kt|scala):\d+\)|\((?:Native Method|Unknown Source)\))", "a trace of Java"),
        (r"[jJvV] +(?:~|\d+ |com?\.|java)|Native frames: \(", "the error file of a Java machine"),
        (r"\s+at (?:.+ \()?(?:file://|node:|[A-Za-z]:\\|/).+:\d+:\d+\)?$", "a trace of JavaScript"),
        (r"\s+at [\w.<>`$|+\[\], ]+\(.*\)(?: in .+:line \d+)?$", "a trace of .NET"),
        (r"Traceback \(most recent call last\):", "a trace of Python"),
        (
            r"\s+Found by: (?:given as|call frame info|previous frame's|stack scanning)",
            "a listing of minidump_stackwalk",
        ),
        (r"[> \t]*[\w.]+\.(?:exe|dll|sys)!.+(?:Line \d+.*| \+ 0x[0-9a-f]+ bytes.*)", "a call stack of Visual Studio"),
        (r"\s*[0-9a-f]{1,4}\.[0-9a-f]{6} +[0-9a-f`]{8,17} +[0-9a-f]{7,8} +\w+ +\S+![^ ]", "an answer of !stacks"),
        (r"\s*(?:[0-9a-f]{2,4} +)?[\w.]+![\w:~<>@?$]+(?:\+0x[0-9a-f]+)?\s*$", BARE),
        (r"\s*\[0x[0-9a-f]+\]\s+(?:: )?\S+!\S+", BARE),
        (r"Content-Transfer-Encoding: base64", "a mail in base64: save it as text"),
        (r"Faulting application name: ", "a record of the event log"),
    )
)


_MAYBE = re.compile(
    r"\s*(?:[#*>\[]|at |gorout|runtime: |[jJvV] |Native|Traceb|Found by|Faulting|Content-|[\da-f]{1,4}[. ]|\S+!)"
)


def foreign(line: str) -> str:
    """What other tool's stack this line belongs to, "" for none that is known."""
    if not _MAYBE.match(line):
        return ""
    return next((name for pattern, name in _FOREIGN if pattern.match(line)), "")


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
