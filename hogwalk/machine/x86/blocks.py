"""Straight runs of code and what each does to ESP and EBP."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Dict, Mapping, Optional, Sequence, Tuple

from hogwalk.machine.x86.values import ESP, Known, Value


class Exit(Enum):
    """How a block ends."""

    RETURN = "return"
    CALL = "call"
    JUMP = "jump"  # also: runs on into the next block
    BRANCH = "branch"
    TABLE = "table"  # jmp [table+reg*4]
    POINTER = "pointer"  # jmp [pointer], an import thunk or a tail call
    UNKNOWN = "unknown"  # jmp reg, jmp [reg+...]
    STOP = "stop"  # int3, ud2, iret: nothing runs on behind it
    UNREAD = "unread"  # the code behind cannot be read


@dataclass(frozen=True)
class Origin:
    """ESP made new by the instruction at `address`: aligned down, or with `alignment` 0 lowered by an alloca.

    `before` is ESP before, `lowered_by` the amount where a register holds it.
    """

    address: int
    alignment: int
    before: Known
    lowered_by: Known = None


NO_CONSTANTS: Mapping[Value, int] = {}  # most blocks push none: one empty mapping does for all of these


class Block:
    """Code from `start` to `end` (behind its last instruction), all values relative to the registers at `start`.

    `registers` holds those that changed (None: to something unknown); `targets` the addresses that run next, for a
    call where it returns to and then what it calls; `pointer` the word that a call or jump goes through, or the jump
    table; `through` the register that a call goes through or that counts in the table; `popped` what `ret` takes
    besides the return address; `pushes` bytes pushed since ESP was last set, `stale` those of ECX and EDX as they were
    at `start`, `head` those that a function begins with where it begins here: up to the last register that it must
    keep, the frame in EBP, the exception's record, and ECX or EDX as room for a word; `constants` pushed constants by
    their slot; `saves` and `loads` the slots EBP was first pushed to and last loaded from; `origins` where ESP became
    something new; `odd` tells that ESP was set in a way only prologue helpers do; `pushed` that its `ret` takes a word
    pushed right before.
    """

    # What a block has not is read from here: most have little, and thousands are made for one stack.
    end = 0
    exit = Exit.UNREAD
    targets: Tuple[int, ...] = ()
    pointer: Optional[int] = None
    through: Optional[int] = None
    popped = 0
    pushes = head = stale = 0
    odd = pushed = False
    constants: Mapping[Value, int] = NO_CONSTANTS
    saves: Known = None
    loads: Known = None
    origins: Sequence[Origin] = ()

    def __init__(self, start: int, registers: Optional[Dict[int, Known]] = None) -> None:
        self.start = start
        self.registers: Dict[int, Known] = {} if registers is None else registers

    @property
    def marked(self) -> bool:
        """Whether anything but registers was noted so far."""
        return len(vars(self)) > 2

    def get(self, register: int) -> Known:
        """What `register` holds at the end."""
        return self.registers.get(register, (register, 0))

    @property
    def esp(self) -> Known:
        """ESP at the end; for a call or a return, right before it."""
        return self.get(ESP)
