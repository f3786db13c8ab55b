"""The registers that a stack's walk starts with: the first of those known, in one order, that belong to the stack.

What the user set in the debugger; what the bug check names (the TSS of an x86 double fault, an x64 trap frame or
context); the exception's and the crash's own; the thread's.
Sources: Microsoft's bug check pages 0x7F, 0x139, 0x2B, 0x1AA, 0x1AB; the public types _KTRAP_FRAME, _CONTEXT, _KTSS.
Windows 10 x64 and later put the double fault's trap frame into argument 2 and RSP and RIP into 3 and 4; older ones have
CR0, CR4 and RIP there, so what an argument is said to be is checked against memory.
"""

from __future__ import annotations

import struct
from typing import Iterator, Optional

from hogwalk.errors import Unreadable
from hogwalk.machine.words import X64, X86
from hogwalk.model import BugCheck, Region, Registers
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts import kernel

TRAP_RBP, TRAP_RIP, TRAP_RSP = 0x158, 0x168, 0x180  # _KTRAP_FRAME
CONTEXT_RSP, CONTEXT_RBP, CONTEXT_RIP = 0x98, 0xA0, 0xF8  # _CONTEXT
SLACK = 0x4000  # bytes below Limit at which a fault's RSP can lie: a frame being made there
DOUBLE_FAULT, SECURITY_CHECK, STACK_SWITCH = 0x7F, 0x139, 0x2B
INVALID_STACKS = (0x1AA, 0x1AB)  # exception or unwind on an invalid stack: argument 3 is a CONTEXT
OUTSIDE_EXTENTS = 4  # 139h: the stack pointer was outside the stack


def fault_registers(target: Target, region: Region) -> Optional[Registers]:
    """The registers that a walk of this stack starts with; None where none of those known belong to it."""
    if target.about().words is X86 and not target.about().kernel:
        return next((found for found in target.registers() if found.sp in region), None)
    for found in _known(target, region):
        if found.ip and (found.sp in region or (_below(region, found.sp) and _of_thread(target, region, found))):
            return found
    return None


def _below(region: Region, sp: int) -> bool:
    return region.limit - SLACK <= sp < region.limit


def _of_thread(target: Target, region: Region, found: Registers) -> bool:
    # Stacks lie side by side: below this one's Limit a pointer is its own only where they are its thread's registers.
    if found.chosen or region.thread is None:
        return True
    current = target.thread()
    return current is None or current == region.thread


def _known(target: Target, region: Region) -> Iterator[Registers]:
    held = target.registers()
    yield from (found for found in held if found.chosen)
    check = target.about().bugcheck
    if target.about().words is X86:
        yield from kernel.double_fault_states(target, region.thread)
    elif check is not None and len(check.arguments) >= 4:
        yield from _named(target, check)
    yield from held


def _named(target: Target, check: BugCheck) -> Iterator[Registers]:
    first, second, third, fourth = check.arguments[:4]
    if (check.code, first) == (DOUBLE_FAULT, 8):
        frame = trap_frame(target, second)
        if frame is not None and (frame.ip, frame.sp) == (fourth, third):
            yield frame
        yield Registers(fourth, third, 0, "bug check arguments 3 and 4")
    elif check.code == SECURITY_CHECK and first == OUTSIDE_EXTENTS:
        frame = trap_frame(target, second)
        if frame is not None:
            yield frame
    elif check.code == STACK_SWITCH:
        frame = trap_frame(target, first)
        if frame is not None:
            yield frame
    elif check.code in INVALID_STACKS:
        found = _at(target, third, CONTEXT_RIP, CONTEXT_RSP, CONTEXT_RBP, "the bug check's context record")
        if found is not None:
            yield found


def trap_frame(target: Target, address: int) -> Optional[Registers]:
    """The registers in a _KTRAP_FRAME, None where it cannot be read or holds none."""
    return _at(target, address, TRAP_RIP, TRAP_RSP, TRAP_RBP, "trap frame")


def _at(target: Target, address: int, ip: int, sp: int, bp: int, source: str) -> Optional[Registers]:
    try:
        raw = target.read(address & X64.mask, max(ip, sp, bp) + X64.word)
    except Unreadable:
        return None
    values = [int(struct.unpack_from(f"<{X64.letter}", raw, offset)[0]) for offset in (ip, sp, bp)]
    if not values[0] or not values[1]:
        return None
    return Registers(values[0], values[1], values[2], f"{source} {address:x}" if source == "trap frame" else source)
