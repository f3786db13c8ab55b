"""Exceptions in the words of `.exr`, `.lastevent`, `!analyze`, a dump's opening text, Visual Studio and event logs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Optional

from hogwalk.machine.windows import ACCESSES, STACK_OVERFLOW
from hogwalk.model import Raised

MOST_CHARACTERS = 300  # of a line that speaks of an exception

# The whole answer of `.exr`: nothing that a name in its first line can plant stands before these lines once more.
_RECORD = re.compile(
    r"^ *ExceptionCode: ([0-9a-f]{8})\b[^\n]*\n *ExceptionFlags: [0-9a-f]{8}\n *NumberParameters: (\d+)\n"
    r"(?: *Parameter\[0\]: ([0-9a-f`]+)\n)?(?: *Parameter\[1\]: ([0-9a-f`]+)\n)?",
    re.MULTILINE,
)
_EVENT = re.compile(r"\ALast event: [0-9a-f]+\.([0-9a-f]+): ")

# A line: `.exr`, "(1670.1674): Stack overflow - code c00000fd (first chance)", "EXCEPTION_CODE: (NTSTATUS)
# 0xc00000fd - ..", "Exception thrown at 0x00DEA637 in a.exe: 0xC00000FD: Stack overflow (parameters: 0x0, 0x102000)".
_CODE = re.compile(
    r"^\s*(?:ExceptionCode: |EXCEPTION_CODE(?:_STR)?: +|ERROR_CODE: +|Exception code: +)(?:\(NTSTATUS\) )?(?:0x)?"
    r"([0-9a-f]{8})\b",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"(?:\(|Last event: )[0-9a-f]+\.([0-9a-f]+)\)?: [A-Z][^()]* - code ([0-9a-f]{8})(?: \(|$)"
    r"|[Ee]xception (?:thrown )?at 0x[0-9a-fA-F]+[^:]*: 0x([0-9a-fA-F]{8}):"
)
_PARAMETERS = re.compile(r"\(parameters: 0x[0-9a-fA-F]+, 0x([0-9a-fA-F]+)\)")
_SECOND = re.compile(r"^\s*Parameter\[1\]: ([0-9a-f`]{8,17})\b")


def parse_raised(record: str, event: str) -> Optional[Raised]:
    """The exception in the answers to `.exr -1` and `.lastevent`; None where there is none, or more than one."""
    found = _RECORD.findall(record)
    if len(found) != 1:
        return None
    code, _, _, second = found[0]
    thread = _EVENT.match(event)
    access = _hex(second) if second and int(code, 16) in ACCESSES else None
    return Raised(int(code, 16), access, _hex(thread.group(1)) if thread else None)


class RaisedReader:
    """Takes a log's lines; `found` is the exception it tells last, a stack overflow before all others."""

    def __init__(self) -> None:
        self.found: Optional[Raised] = None

    def take(self, line: str) -> None:
        """What this line says of an exception."""
        if not ("xception" in line or " code " in line or "_CODE" in line or "Parameter[" in line):
            return  # nearly every line of a log
        line = line[:MOST_CHARACTERS]
        code, said, second = _CODE.match(line), _SAID.search(line), _SECOND.match(line)
        if code:
            self._add(Raised(_hex(code.group(1))))
        elif said:
            access = _PARAMETERS.search(line)
            thread, short, long = said.groups()
            raised = Raised(_hex(short or long), None, _hex(thread) if thread else None)
            if access and raised.code in ACCESSES:
                raised = replace(raised, access=_hex(access.group(1)))
            self._add(raised)
        elif second and self.found is not None and self.found.code in ACCESSES:
            self.found = replace(self.found, access=_hex(second.group(1)))

    def _add(self, raised: Raised) -> None:
        before = self.found
        if before is not None and before.code == STACK_OVERFLOW and raised.code != STACK_OVERFLOW:
            return
        if before is not None and before.code == raised.code:  # told again, in other words
            raised = replace(
                before, identifier=before.identifier or raised.identifier, access=raised.access or before.access
            )
        self.found = raised


def _hex(word: str) -> int:
    return int(word.replace("`", ""), 16)
