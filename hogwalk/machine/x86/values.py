"""What a register is known to hold: something plus a number of bytes."""

from __future__ import annotations

from typing import Optional, Tuple

# A value is (base, offset).  Bases 0-7: what that register held where the block begins (numbers as in ModRM).
# Bases from 0x1000: the stack pointer that the instruction at that address made by `and` or an alloca.
Value = Tuple[int, int]
Known = Optional[Value]

EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
KEPT = (EBX, EBP, ESI, EDI)  # what a function must give back as it found it
CONSTANT = -1  # the offset itself
CALLER = -2  # what the register held where the function was entered
RETURN_SLOT = -3  # an address, offset bytes above the function's own return slot
LOADED = -4  # EBP loaded from the stack; the block says from where
CALL_ESP = -5  # what ESP was right behind the call a flow starts at
CALL_EBP = -6  # what EBP was there
CELL = -7  # the word that lies at the offset, an address: an import cell, mostly
FIRST_ORIGIN = 0x1000


def plus(value: Known, count: int) -> Known:
    """The value `count` bytes higher."""
    if value is None or (value[0] == CELL and count):
        return None
    return value[0], value[1] + count
