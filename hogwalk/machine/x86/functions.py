"""Where functions begin, without symbols: from known call targets, prologues and the padding between functions."""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from typing import Dict, Iterable, Iterator, List, Optional, Set

from hogwalk.machine.words import X86
from hogwalk.machine.x86.blocks import Exit
from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.opcodes import ALIGNMENT, FRAMES, HOT_PATCH, KEEPS_EBP
from hogwalk.machine.x86.state import State
from hogwalk.machine.x86.values import RETURN_SLOT

WORD = X86.word
FARTHEST = 0x4000  # bytes looked at below an address; longer functions need a known start
PIECE = 0x400  # of them at a time: most starts are near
MOST_POPPED = 0x100  # argument bytes
MOST_TRIED = 24
MOST_TRIED_AGAIN = 3
PADDING = b"\xcc\x90"
PATCH_ROOM = 5  # bytes before a function that the linker leaves for a jump, unaligned as it may be
NOPS = (  # how the longer ones end
    b"\x26\0\0\0\0",
    b"\x26\0",
    b"\xb6\0\0\0\0",
    b"\x76\0",
    b"\x44\0\0",
    b"\x84\0\0\0\0\0",
    b"\x40\0",
    b"\x80\0\0\0\0",
    b"\x1f\0",
    b"\x8b\xc0",
)
LONGEST_NOP = 6
SECTION_ALIGNMENT = 0x80  # the smallest that drivers' linkers use (/ALIGN:128, as Windows' own do)
FENCES = (
    b"\xcc\xcc",
    b"\xc3\xcc",
    b"\0\xcc",
)  # int3 after int3, ret, ret N: not the one after a call that never returns
PATCHED = re.compile(  # or a call of an SEH helper, with the frame's bytes and the scope table: no loop's head
    re.escape(HOT_PATCH) + rb"|(?:\x6a.|\x68.{4})\x68.{4}\xe8", re.DOTALL
)
LONGEST_PATCHED = 11
PATCHABLE = tuple(bytes((one,)) * PATCH_ROOM for one in PADDING)
ROOM = (b"\x83\xec", b"\x81\xec")  # sub esp,N
PUSHES = b"\x50\x51\x52\x53\x54\x55\x56\x57\x68\x6a"
FIRST_BYTES = frozenset(PUSHES + b"\x81\x83\x89\x8b\xa1\xb8\x33\x31\x0f\xe8\xff\xc8\x64\x8d\x60")


class FunctionStarts:
    """Finds the function that holds an address; `known` are addresses where functions are known to begin.

    A start counts only when its code leads to the address; one found by its looks must also leave the stack even at
    its `ret`.  At most MOST_TRIED starts are tried for an address.
    """

    def __init__(self, depths: StackDepths, known: Iterable[int] = ()) -> None:
        self._depths = depths
        self._reader = depths.blocks.reader
        self._known: List[int] = sorted(set(known))
        self._members: Set[int] = set(self._known)
        self._found: Dict[int, Optional[int]] = {}

    def add(self, start: int) -> None:
        """Adds an address where a function is known to begin."""
        if start not in self._members:
            self._members.add(start)
            insort(self._known, start)
            self._found.clear()

    def start_of(self, return_address: int) -> Optional[int]:
        """The start of the function that holds the call before `return_address`, None when none fits."""
        if return_address not in self._found:
            self._depths.blocks.begin()
            self._found[return_address] = self._search(return_address)
        return self._found[return_address]

    def certain(self, start: int) -> bool:
        """Whether a function begins there for sure: it is known, or returns with a frame in EBP or an even stack."""
        if start in self._members or self._fenced(start):
            return True
        flow = self._depths.flow(start)
        ended = flow.to_return(True)
        if ended is not None and self._reader.readable_from(start, LONGEST_NOP).startswith(KEEPS_EBP):
            return True  # one that never returns may have been jumped to with another's frame left on the stack
        return (
            ended is not None
            and not flow.solved
            and ended[1].guesses == 0
            and ended[1].after(ended[0]).esp == (RETURN_SLOT, 0)
        )

    def _search(self, return_address: int) -> Optional[int]:
        """The nearest start that leads there; behind an early `ret` it may be the middle of one further below."""
        found: Optional[int] = None
        left = MOST_TRIED
        for start in self._below(return_address):
            known = start in self._members
            if found is None and self._leads(start, return_address, known):
                found, left = start, min(left, 1 if known or self._padded(start) else MOST_TRIED_AGAIN + 1)
            elif found is not None and self._comes_to(start, found) and self._leads(start, return_address, False):
                return start
            left -= 1
            if left <= 0:
                break
        return found

    def _comes_to(self, start: int, middle: int) -> bool:
        """Whether the function at `start` gets to `middle` by a conditional jump, or runs on through it.

        The byte before, which looks like a `ret`, is then the end of another instruction: 0B C3 is or eax,ebx.
        """
        flow = self._depths.flow(start)
        flow.to_return(True)
        source = flow.source_of(middle)
        if source is not None:
            return source.exit is Exit.BRANCH
        return any(block.start < middle for block in flow.path_around(middle)[-1:])

    def _fenced(self, start: int) -> bool:
        """Whether a linker's padding lies before: an aligned address after int3, or one left to be patched."""
        before = self._reader.readable_before(start, PATCH_ROOM)
        return (start % ALIGNMENT == 0 and before[-2:] in FENCES) or (
            before in PATCHABLE and PATCHED.match(self._reader.readable_from(start, LONGEST_PATCHED)) is not None
        )

    def _padded(self, start: int) -> bool:
        before = self._reader.readable_before(start, LONGEST_NOP)
        return before[-1:] in PADDING or before.endswith(NOPS)

    def _below(self, address: int) -> Iterator[int]:
        """Possible starts below `address`: the nearest known ones, then the looks of the code, nearest first."""
        index = bisect_right(self._known, address - 1)
        nearest = [start for start in self._known[max(0, index - 3) : index] if address - start < FARTHEST * 4]
        yield from reversed(nearest[-1:])
        yield from (start for start in self._by_looks(address) if start not in nearest[-1:])
        yield from reversed(nearest[:-1])

    def _by_looks(self, address: int) -> Iterator[int]:
        low, code = address, b""
        while address - low < FARTHEST:
            count = self._reader.at_once_before(low, min(PIECE, FARTHEST - (address - low)))
            more = self._reader.readable_before(low, count)
            low, code = low - len(more), more + code
            # What lies before a start, or behind it, may be in the next piece.
            last = len(more) < count or address - low == FARTHEST
            for at in range(min(len(more) + LONGEST_NOP, len(code) - 2), LONGEST_NOP, -1):
                if code[at] in FIRST_BYTES and looks_like_start(code, at, low + at):
                    yield low + at
            if last:
                break

    def _leads(self, start: int, return_address: int, known: bool) -> bool:
        flow = self._depths.flow(start)
        reached = flow.reaches(return_address)
        if known or not reached:
            return reached
        if any(_impossible(flow.state_at(block.start)) for block in flow.path_to(return_address)):
            return False
        ended = flow.to_return(True)
        left = None if ended is None else ended[1].after(ended[0]).esp
        if (ended is None or ended[1].guesses) and self._fenced(start):
            return True
        if left is None:
            return self._reader.readable_from(start, 2 * LONGEST_NOP).startswith(FRAMES)
        # A function with a frame that is not even at its `ret` calls one that never returns, with arguments left there.
        return left == (RETURN_SLOT, 0) or self._reader.readable_from(start, LONGEST_NOP).startswith(KEEPS_EBP)


def _impossible(state: Optional[State]) -> bool:
    """Whether ESP is where no function brings it: above its own return slot, or between two words."""
    esp = None if state is None else state.esp
    return esp is not None and esp[0] == RETURN_SLOT and (esp[1] > 0 or esp[1] % WORD != 0)


def looks_like_start(code: bytes, at: int, address: int) -> bool:
    """Whether a function may begin at offset `at` of `code`, which lies at `address`, by its looks."""
    first = code[at]
    if first not in FIRST_BYTES or at < LONGEST_NOP:
        return False
    before = code[at - LONGEST_NOP : at]
    if not any(before):  # a section begins here: linkers fill the last page of the one before with zeros
        return address % SECTION_ALIGNMENT == 0 and code.startswith(FRAMES + ROOM, at)
    if before[-1] in PADDING or before.endswith(NOPS):
        patchable = before.endswith(PATCHABLE) and PATCHED.match(code, at) is not None
        return address % 4 == 0 or patchable
    ended = before[-1] == 0xC3 or before[-5] == 0xE9 or before[-2] == 0xEB
    # ret N takes whole words, and no function more than MOST_POPPED.
    ended = ended or (before[-3] == 0xC2 and before[-2] & 3 == 0 and before[-2] + 256 * before[-1] <= MOST_POPPED)
    return ended and (address % 4 == 0 or first in PUSHES or code.startswith(FRAMES + ROOM, at))
