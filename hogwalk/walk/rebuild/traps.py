"""Trap frames on the stack: where the processor or a system call interrupted one function and entered another."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Container, Dict, Iterator, List, Sequence

from hogwalk.machine.words import X86
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.chains import TRAP_MARK

WORD = X86.word

# _KTRAP_FRAME (public symbols, 32 bit): the same offsets from Windows NT 4 to Windows 10.
MARK, EBP, EIP = 0x08, 0x60, 0x68
KERNEL_CS = 8
USER_PRIVILEGE = 3
ALWAYS_SET, NEVER_SET = 0x2, 0xFFC08028  # EFLAGS bits that read as one, and reserved ones that read as zero
MARK_SLACK = 8  # bytes the mark may lie off its place: handlers differ in how they push segment registers


@dataclass(frozen=True)
class TrapFrame:
    """One trap frame: its address, the slot of the interrupted address, EBP then, and whether that was user mode."""

    start: int
    slot: int
    ebp: int
    user: bool


class Traps:
    """The trap frames of a stack: `by_slot` those of kernel code by their Eip's slot, and `all`.

    What the processor itself pushes tells them: an address, the code segment, EFLAGS; so do a system call's words.
    """

    def __init__(self, image: StackImage, code: Container[int]) -> None:
        found = list(_trap_frames(image, code))
        self.by_slot: Dict[int, TrapFrame] = {trap.slot: trap for trap in found if not trap.user}
        self.all = tuple(sorted(found, key=lambda trap: trap.start))
        self._starts = [trap.start for trap in self.all]

    def above(self, slot: int, reach: int) -> List[TrapFrame]:
        """The trap frames that begin within `reach` bytes above a slot."""
        first = bisect_right(self._starts, slot)
        return list(self.all[first : bisect_right(self._starts, slot + reach, first)])


def _trap_frames(image: StackImage, code: Container[int]) -> Iterator[TrapFrame]:
    words, limit = image.words, image.region.limit
    for index in range(2, len(words) - 2):
        segment = words[index + 1] & 0xFFFF  # processors leave old bits in the upper half
        if segment == KERNEL_CS:
            user = False
            if words[index] not in code:
                continue
        elif segment and segment < 0x100 and segment & USER_PRIVILEGE == USER_PRIVILEGE:
            user = True
        else:
            continue
        flags = words[index + 2]
        if not flags & ALWAYS_SET or flags & NEVER_SET:
            continue
        marks = _marks(words, index)
        if marks or not user:
            slot = limit + WORD * index
            yield TrapFrame(limit + WORD * marks[0] - MARK if marks else slot - EIP, slot, words[index - 2], user)


def _marks(words: Sequence[int], index: int) -> List[int]:
    """The indices near the place of a trap frame's mark that hold it."""
    place, slack = index - (EIP - MARK) // WORD, MARK_SLACK // WORD
    return [at for at in range(max(0, place - slack), place + slack + 1) if words[at] == TRAP_MARK]
