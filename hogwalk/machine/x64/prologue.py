"""What a function's prologue puts on its stack (x64), as its unwind codes name it, instruction by instruction."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from hogwalk.machine.words import X64
from hogwalk.machine.x64 import unwindinfo as codes
from hogwalk.machine.x64.unwindinfo import Entry, FunctionTable

WORD = X64.word
HOME_SPACE = 4 * WORD  # what every caller leaves for the registers its callee may store (x64 calling convention)
MACHINE_FRAME = 5 * WORD  # RIP, CS, RFLAGS, RSP, SS


class Room(NamedTuple):
    """Stack bytes that the instruction which ends at `end` makes; `kind` is "push", "alloc" or "machine frame"."""

    end: int
    kind: str
    bytes: int


class Layout(NamedTuple):
    """All room of a frame, first made first; how many registers are stored by `mov`; whether a register frames it."""

    rooms: Tuple[Room, ...]
    stored: int
    framed: bool


def layout(table: FunctionTable, entry: Entry) -> Optional[Layout]:
    """The room that the functions' prologues make, those that an entry is chained to included; None when not known."""
    rooms: List[Room] = []
    stored, framed = 0, False
    at: Optional[Entry] = entry
    for _ in range(codes.MOST_LINKS):
        if at is None:
            return Layout(tuple(reversed(rooms)), stored, framed)
        info = table.info(at)
        if info is None:
            return None
        for code in info.codes:
            end = at.begin + code.offset
            if code.operation == codes.PUSH_NONVOL:
                rooms.append(Room(end, "push", WORD))
            elif code.operation in (codes.ALLOC_LARGE, codes.ALLOC_SMALL):
                rooms.append(Room(end, "alloc", code.value))
            elif code.operation == codes.PUSH_MACHFRAME:
                rooms.append(Room(end, "machine frame", MACHINE_FRAME + WORD * code.info))
            elif code.operation in (codes.SAVE_NONVOL, codes.SAVE_NONVOL_FAR):
                stored += 1
        framed = framed or bool(info.register)
        at = info.parent
    return None
