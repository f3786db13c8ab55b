"""The TEB of a 32-bit thread, where a 64-bit system has two: its own, and the 32-bit one that belongs to the program.

Of a 32-bit process in a 64-bit dump, `@$teb` is the 64-bit TEB also where the debugger shows 32-bit code (dbgeng
10.0.15063 after `.effmach x86`, 10.0.29507 from the start).  Offsets: NT_TIB, 32 and 64 bits wide (winnt.h).
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from hogwalk.machine.windows import PAGE

SELF32 = 0x18  # NT_TIB32.Self
BEHIND = 0x2000  # bytes from the 64-bit TEB to the 32-bit one, where ExceptionList does not say so
WIDE = 8
WORD32 = 4
LARGEST = 16 << 20  # bytes: no Windows stack is larger
ReadWord = Callable[[int, int], Optional[int]]


def teb32(teb: int, word: ReadWord) -> Optional[int]:
    """The 32-bit TEB at or behind `teb`, None where there is none; `word(address, bytes)` reads memory.

    It names itself; the 64-bit one's ExceptionList points to it, else it lies at its usual distance.
    """
    for place in (teb, word(teb, WIDE), teb + BEHIND):
        if place is not None and word(place + SELF32, 4) == place:
            return place
    return None


def memory_around(pointer: int, readable: Callable[[int, int], bool]) -> Tuple[int, int]:
    """The [start, end) that can be read around a stack pointer, empty where nothing can; at most LARGEST bytes up.

    `readable(start, end)` says whether all of it can be read.  Minidumps save a stack from its pointer on, or from the
    start of its page; where the TEB is not saved, too, this is all there is to know of the stack.
    """
    start, end, step = pointer, pointer, LARGEST
    page = pointer // PAGE * PAGE
    while step >= WORD32:
        if end + step <= pointer + LARGEST and readable(end, end + step):
            end += step
        else:
            step //= 2
    if end > start and readable(page, end):
        start = page
    return start, end
