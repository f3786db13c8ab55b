"""Single values the debugger prints: `? expression`, `.dumpdebug`, `vertarget`."""

from __future__ import annotations

import re
from typing import Optional

from hogwalk.targets.parsers.words import ADDRESS, address, fold

_VALUE = re.compile(rf"Evaluate expression: -?\d+ = ({ADDRESS})\s*$", re.MULTILINE)
_BLOCK = re.compile(rf"^KdDebuggerDataBlock\s+({ADDRESS})\s*$", re.MULTILINE)
_MACHINE = re.compile(r"(?:Free|Checked) (x86 compatible|x64|ARM 64-bit|ARM)\b")
_MACHINES = {"x86 compatible": "x86", "x64": "x64", "ARM 64-bit": "arm64", "ARM": "arm"}

# What can be evaluated: one expression, without a command's end, a text in quotes or a comment.
EXPRESSION = re.compile(r"[^;\"\n\r*{}][^;\"\n\r{}]*")


def parse_value(text: str, pointer_bytes: Optional[int] = None) -> Optional[int]:
    """The value in the answer of `? expression`, or None when it could not be evaluated."""
    found = _VALUE.findall(text)  # the last: what the debugger says of a module's symbols comes before it
    return fold(address(found[-1]), pointer_bytes) if found else None


def parse_debugger_block(text: str, pointer_bytes: Optional[int] = None) -> Optional[int]:
    """The address of the kernel's debugger data block in the answer of `.dumpdebug`, or None."""
    found = _BLOCK.search(text)
    return fold(address(found.group(1)), pointer_bytes) if found else None


def parse_machine(text: str) -> Optional[str]:
    """The machine in `vertarget`'s or a dump's opening text: "x86", "x64", "arm" or "arm64"; None if not said."""
    found = _MACHINE.search(text)
    return _MACHINES[found.group(1)] if found else None
