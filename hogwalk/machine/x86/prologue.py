"""The instructions on the way from a function's entry to a call, with ESP before and after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, Optional, Sequence, Set

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.cursor import Cursor
from hogwalk.machine.x86.flow import Flow
from hogwalk.machine.x86.lengths import instruction_length
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.transfers import HANDLERS
from hogwalk.machine.x86.values import EBP, KEPT, Known

LONGEST = 15


@dataclass(frozen=True)
class Step:
    """An instruction and the values of ESP around it; `keeps` is the caller's register that it pushes, if any.

    `behind` is the return address of a call, None for other instructions.
    """

    address: int
    code: bytes
    before: Known
    after: Known
    keeps: Optional[int] = None
    behind: Optional[int] = None

    @property
    def moved(self) -> Optional[int]:
        """Bytes that ESP moved up; None when it became something new."""
        if self.before is None or self.after is None or self.before[0] != self.after[0]:
            return None
        return self.after[1] - self.before[1]


def steps(reader: CodeReader, flow: Flow, path: Sequence[Block], last: int) -> Iterator[Step]:
    """The instructions of the blocks of `path`, in order, those before the address `last`."""
    untouched = set(KEPT)
    for index, block in enumerate(path):
        state = flow.state_at(block.start)
        code = reader.readable_from(block.start, block.end - block.start) + b"\xcc" * LONGEST
        held: Dict[int, Known] = {}
        if state is not None:
            held = {register: value for register, value in enumerate(state.registers) if value}
        cursor = Cursor(Block(block.start, held), code, block.start)
        cursor.put(EBP, cursor.get(EBP) if cursor.get(EBP) != (EBP, 0) else None)
        at, end = 0, min(block.end, last) - block.start
        while at < end:
            step = _step(cursor, at, untouched)
            at += len(step.code)
            if at >= block.end - block.start and index + 1 < len(path):
                follower = flow.state_at(path[index + 1].start)
                step = Step(step.address, step.code, step.before, follower.esp if follower else None, None, block.end)
            yield step


def _step(cursor: Cursor, at: int, untouched: Set[int]) -> Step:
    before, old = cursor.block.esp, dict(cursor.block.registers)
    code = cursor.code
    length = instruction_length(code, at) or 1
    handler = HANDLERS[code[at]]
    if handler is not None:
        handler(cursor, at)
    keeps = code[at] & 7 if 0x50 <= code[at] < 0x58 and code[at] & 7 in untouched else None
    now = cursor.block.registers
    untouched -= {register for register in now if now[register] != old.get(register, (register, 0))}
    if keeps is not None:
        untouched.discard(keeps)
    return Step(cursor.address + at, code[at : at + length], before, cursor.block.esp, keeps)
