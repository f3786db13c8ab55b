"""Trap frames on the stack: where the processor or a system call interrupted one function and entered another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional

from hogwalk.candidates.chains import TRAP_MARK
from hogwalk.stack.image import StackImage

# _KTRAP_FRAME (public symbols, 32 bit): the same offsets from Windows NT 4 to Windows 10.
DEBUG_EIP, MARK, EBP, ERROR_CODE, EIP, CS, EFLAGS, END = 0x04, 0x08, 0x60, 0x64, 0x68, 0x6C, 0x70, 0x74
KERNEL_CS = 8
USER_PRIVILEGE = 3
ALWAYS_SET, NEVER_SET = 0x2, 0xFFC08028  # EFLAGS bits that read as one, and reserved ones that read as zero


@dataclass(frozen=True)
class TrapFrame:
    """One trap frame: its address, the address that was interrupted, EBP then, and whether that was user mode."""

    start: int
    address: int
    ebp: int
    user: bool

    @property
    def slot(self) -> int:
        """The address of the interrupted address."""
        return self.start + EIP


class Traps:
    """The trap frames of a stack: those of kernel code by their Eip's slot, those of user code by address."""

    def __init__(self, image: StackImage) -> None:
        found = _trap_frames(image)
        self.by_slot: Dict[int, TrapFrame] = {trap.slot: trap for trap in found if not trap.user}
        self.user = tuple(trap for trap in found if trap.user)

    def user_entry_above(self, slot: int, reach: int) -> Optional[TrapFrame]:
        """The user-mode trap frame that begins within `reach` bytes above a slot, or None."""
        return next((trap for trap in self.user if slot < trap.start <= slot + reach), None)


def _trap_frames(image: StackImage) -> List[TrapFrame]:
    found: List[TrapFrame] = []
    words, limit = image.words, image.region.limit
    at = -1
    while True:
        try:
            at = words.index(TRAP_MARK, at + 1)
        except ValueError:
            return found
        trap = _trap_frame(image, limit + 4 * at - MARK)
        if trap is not None:
            found.append(trap)


def _trap_frame(image: StackImage, start: int) -> Optional[TrapFrame]:
    address, ebp = image.word(start + EIP), image.word(start + EBP)
    cs, flags, copy = image.word(start + CS), image.word(start + EFLAGS), image.word(start + DEBUG_EIP)
    if address is None or ebp is None or cs is None or flags is None or copy != address:
        return None
    if not flags & ALWAYS_SET or flags & NEVER_SET:
        return None
    if cs == KERNEL_CS:
        return TrapFrame(start, address, ebp, False)
    return TrapFrame(start, address, ebp, True) if cs & USER_PRIVILEGE == USER_PRIVILEGE and cs >> 16 == 0 else None
