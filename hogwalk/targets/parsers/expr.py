"""Single values the debugger prints: `? expression`, `.dumpdebug`, `vertarget`."""

from __future__ import annotations

import re
from typing import Optional

from hogwalk.targets.parsers.words import ADDRESS, address, fold

_VALUE = re.compile(rf"Evaluate expression: -?\d+ = ({ADDRESS})\s*$", re.MULTILINE)
_BLOCK = re.compile(rf"^KdDebuggerDataBlock\s+({ADDRESS})\s*$", re.MULTILINE)
_LIST = re.compile(rf"\bPsLoadedModuleList = 0x({ADDRESS})\s*$", re.MULTILINE)
_MACHINE = re.compile(r"(?:Free|Checked) (x86 compatible|x64|ARM 64-bit|ARM|IA64|ia64)\b")
_MACHINES = {"x86 compatible": "x86", "x64": "x64", "ARM 64-bit": "arm64", "ARM": "arm", "IA64": "ia64", "ia64": "ia64"}
# Registers and column heads that only one machine has.
_ARM_REGISTERS = re.compile(r"\bpc=([0-9a-f]{8})([0-9a-f]{8})?\s+psr=")
_BACKING_STORE = re.compile(r"\s*(?:#\s+)?(?:Child-SP|Sp)\s+(?:Child-BSP|Bsp)\b")

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


def parse_module_list(text: str, pointer_bytes: Optional[int] = None) -> Optional[int]:
    """The address of PsLoadedModuleList in the answer of `vertarget`, or None."""
    found = _LIST.search(text)
    return fold(address(found.group(1)), pointer_bytes) if found else None


def parse_machine(text: str) -> Optional[str]:
    """The machine of a line: "x86", "x64", "arm", "arm64" or "ia64"; None if it does not say.

    `vertarget` and a dump's opening text name it; registers and column heads of ARM and Itanium do, too.
    """
    found = _MACHINE.search(text) if "Free " in text or "Checked " in text else None
    if found:
        return _MACHINES[found.group(1)]
    registers = _ARM_REGISTERS.search(text) if "psr=" in text else None
    if registers:
        return "arm64" if registers.group(2) else "arm"
    return "ia64" if ("BSP" in text or "Bsp" in text) and _BACKING_STORE.match(text) else None
