"""Trap frames on the stack: where the processor or a system call interrupted one function and entered another.

The one place that recognises them: kf's rows, chains of saved EBPs and the reconstruction all ask it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Container, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.machine.windows import (
    FLAGS_INTERRUPTS,
    FLAGS_NEVER,
    FLAGS_SET,
    HANDLER_REACH,
    KERNEL,
    KERNEL_CS,
    KERNEL_FS,
    SERVICE_STUB,
    STUB_RESUMES,
    TRAP_CS,
    TRAP_EBP,
    TRAP_EIP,
    TRAP_ERROR,
    TRAP_FLAGS,
    TRAP_FS,
    TRAP_MARK,
    TRAP_MARK_AT,
    TRAP_SS,
    USER_FS,
    USER_PRIVILEGE,
    USER_SS,
)
from hogwalk.machine.words import X86
from hogwalk.model import Symbol
from hogwalk.walk.facts.image import StackImage

SEGMENT = 0xFFFF  # processors leave old bits in the upper half
MARK_SLACK = 8  # bytes the mark may lie off its place: handlers differ in how they push segment registers


class TrapFrame(NamedTuple):
    """One trap frame.

    `start` is its address, `slot` that of the interrupted address (Eip), `ip` and `ebp` what they were then, `user`
    whether user mode was interrupted, `interrupt` whether a hardware interrupt came.
    """

    start: int
    slot: int
    ip: int
    ebp: int
    user: bool
    interrupt: bool


class Traps:
    """The trap frames of a stack: `by_slot` those of kernel code by their Eip's slot, and `all`, lowest first.

    The processor pushes an address, the code segment and EFLAGS; arguments of 8 and 2 look like these.  So a frame
    must also hold the debugger's mark, the kernel's FS where handlers save it, or an interrupt's pointer to itself.
    """

    def __init__(self, image: StackImage, code: Container[int], reach: int = HANDLER_REACH) -> None:
        """`code` holds the addresses that can be interrupted, `reach` is a handler's own stack in bytes."""
        found = list(_trap_frames(image, code)) if image.machine is X86 else []
        self.by_slot: Dict[int, TrapFrame] = {trap.slot: trap for trap in found if not trap.user}
        self.all: Tuple[TrapFrame, ...] = tuple(sorted(found, key=lambda trap: trap.start))
        self.reach = reach
        self._starts = [trap.start for trap in self.all]

    def above(self, slot: int) -> List[TrapFrame]:
        """The trap frames of which a handler's own return slot can be `slot`, nearest first."""
        first = bisect_right(self._starts, slot)
        return list(self.all[first : bisect_right(self._starts, slot + self.reach, first)])

    def returning_to(self, frame_ptr: int, address: int) -> Optional[TrapFrame]:
        """The trap frame right above a row of the debugger that goes on at `address`, or None."""
        first = bisect_right(self._starts, frame_ptr - 1)
        for trap in self.all[first : bisect_right(self._starts, frame_ptr + self.reach, first)]:
            if trap.ip == address:
                return trap
        return None


def _trap_frames(image: StackImage, code: Container[int]) -> Iterator[TrapFrame]:
    words, limit, size = image.words, image.region.limit, X86.word
    at_cs, at_flags, at_fs = (TRAP_CS - TRAP_EIP) // size, (TRAP_FLAGS - TRAP_EIP) // size, (TRAP_FS - TRAP_EIP) // size
    for index in range(-at_fs, len(words) - at_flags):
        segment = words[index + at_cs] & SEGMENT
        if segment == KERNEL_CS:
            if words[index] not in code:
                continue
        elif not (segment and segment < 0x100 and segment & USER_PRIVILEGE == USER_PRIVILEGE):
            continue
        found = trap_frame(words, index, limit)
        if found is not None:
            yield found


def trap_frame(words: Sequence[int], index: int, start: int) -> Optional[TrapFrame]:
    """The trap frame whose Eip is that word, by all it must hold but code at Eip; None where it is none.

    `start` is the address of the first of the words.
    """
    size = X86.word
    at_cs, at_flags, at_fs = (TRAP_CS - TRAP_EIP) // size, (TRAP_FLAGS - TRAP_EIP) // size, (TRAP_FS - TRAP_EIP) // size
    if index + at_fs < 0 or index + at_flags >= len(words):
        return None
    segment, flags = words[index + at_cs] & SEGMENT, words[index + at_flags]
    user = segment != KERNEL_CS
    if user and not (segment and segment < 0x100 and segment & USER_PRIVILEGE == USER_PRIVILEGE):
        return None
    if not flags & FLAGS_SET or flags & FLAGS_NEVER:
        return None
    slot = start + size * index
    mark, fs = _mark(words, index, size), words[index + at_fs] & SEGMENT
    interrupt = words[index + (TRAP_ERROR - TRAP_EIP) // size] == slot
    if user:
        above = index + (TRAP_SS - TRAP_EIP) // size
        stack = words[above] & SEGMENT if above < len(words) else 0
        sound = mark is not None or (fs == USER_FS and stack == USER_SS and bool(flags & FLAGS_INTERRUPTS))
    else:
        sound = mark is not None or fs == KERNEL_FS or interrupt
    if not sound:
        return None
    begins = slot - TRAP_EIP if mark is None else start + size * mark - TRAP_MARK_AT
    return TrapFrame(begins, slot, words[index], words[index + (TRAP_EBP - TRAP_EIP) // size], user, interrupt)


def _mark(words: Sequence[int], index: int, size: int) -> Optional[int]:
    """The index near the place of a trap frame's mark that holds it, or None."""
    place, slack = index - (TRAP_EIP - TRAP_MARK_AT) // size, MARK_SLACK // size
    return next((at for at in range(max(0, place - slack), place + slack + 1) if words[at] == TRAP_MARK), None)


def ends_service(symbol: Optional[Symbol]) -> bool:
    """Whether an address of that name is the ret of one of the kernel's service stubs: ESP is at its return slot."""
    if symbol is None or symbol.module != KERNEL or symbol.displacement != STUB_RESUMES:
        return False
    return symbol.name.startswith(SERVICE_STUB)
