"""Finds the first `ret` of a function by instruction lengths and jumps alone."""

from __future__ import annotations

from typing import List, Optional, Set, Tuple

from hogwalk.machine.x86.lengths import FIXED, PLAIN_ROWS, instruction_length, plain_length
from hogwalk.machine.x86.reader import CodeReader

MOST_BYTES = 0x2000
PIECE = 0x200  # bytes looked at at a time: most functions are shorter
MARGIN = 16
LEAST_SKIPPED, NOP = 8, b"\x90"  # nops that only padding jumps over
PLAIN, RETURN, JUMP_SHORT, JUMP_NEAR, BRANCH, TWO_BYTE, GROUP_FF, STOP, PREFIX = range(9)


def _kinds() -> bytes:
    kinds = bytearray(256)
    kinds[0x70:0x80] = bytes([BRANCH]) * 16
    kinds[0xE0:0xE4] = bytes([BRANCH]) * 4
    for opcode in (0xCA, 0xCB, 0xCC, 0xCF, 0xEA, 0xF4):
        kinds[opcode] = STOP
    kinds[0xC2] = kinds[0xC3] = RETURN
    kinds[0xEB], kinds[0xE9], kinds[0x0F], kinds[0xFF] = JUMP_SHORT, JUMP_NEAR, TWO_BYTE, GROUP_FF
    kinds[0xF2] = kinds[0xF3] = PREFIX
    return bytes(kinds)


KINDS = _kinds()
ROWS = tuple(row if KINDS[opcode] == PLAIN else None for opcode, row in enumerate(PLAIN_ROWS))
SHORTCUT = tuple(FIXED[opcode] if KINDS[opcode] == PLAIN else 0 for opcode in range(256))


def first_return(reader: CodeReader, entry: int, most_bytes: int = MOST_BYTES) -> Optional[Tuple[int, int]]:
    """(argument bytes the first `ret` takes, bytes from `entry` to behind it), or None where no `ret` is in reach.

    Instructions are read in address order; behind a jump at the lowest address that an earlier one jumps to.
    """
    targets: Set[int] = set()
    at = 0
    while 0 <= at < most_bytes:
        count = reader.at_once(entry + at, min(PIECE, most_bytes - at))
        code = reader.readable_from(entry + at, count)
        last = len(code) < count or at + count == most_bytes
        taken, at = _first_in(code + b"\xcc" * MARGIN, len(code) - (0 if last else MARGIN), at, targets)
        if taken is not None:
            return taken, at
        if last:
            break
    return None


def _first_in(code: bytes, end: int, base: int, targets: Set[int]) -> Tuple[Optional[int], int]:
    """The same for one piece of the code, up to `end`, that begins `base` bytes behind the entry.

    (None, where to read on) where the piece has no `ret`; -1 where nothing runs on.
    """
    at = 0
    while 0 <= at < end:
        opcode = code[at]
        if SHORTCUT[opcode]:
            at += SHORTCUT[opcode]
            continue
        row = ROWS[opcode]
        if row is not None:
            at += row[code[at + 1]] or plain_length(code, at)
            continue
        kind = KINDS[opcode]
        if kind == PLAIN:
            at += instruction_length(code, at) or 1
            continue
        if kind == PREFIX and code[at + 1] in (0xC2, 0xC3):
            at, kind = at + 1, RETURN
        if kind == RETURN:
            taken = int.from_bytes(code[at + 1 : at + 3], "little") if code[at] == 0xC2 else 0
            return taken, base + at + FIXED[code[at]]
        at = _transfer(code, at, FIXED[opcode] or instruction_length(code, at) or 1, kind, targets, base) - base
    return None, base + at


def _transfer(code: bytes, at: int, length: int, kind: int, targets: Set[int], base: int) -> int:
    """Notes where a jump goes; how far behind the entry to read on, -1 when nowhere.  `code` begins at `base`."""
    behind = at + length
    ends = kind in (STOP, JUMP_SHORT, JUMP_NEAR)
    second = code[at + 1]
    if kind == JUMP_SHORT and second > LEAST_SKIPPED and code.startswith(NOP * second, behind):
        kind = STOP  # padding, up to the next function
    if kind in (BRANCH, JUMP_SHORT):
        targets.add(base + behind + int.from_bytes(code[behind - 1 : behind], "little", signed=True))
    elif kind == JUMP_NEAR and not targets:
        return -1  # a tail call, or code far away: nothing that follows need belong to the function
    elif kind == JUMP_NEAR or (kind == TWO_BYTE and second & 0xF0 == 0x80):
        targets.add(base + behind + int.from_bytes(code[behind - 4 : behind], "little", signed=True))
    elif kind == TWO_BYTE:
        ends = second == 0x0B
    elif kind == GROUP_FF:
        ends = second >> 3 & 7 in (4, 5)
    if not ends:
        return base + behind
    further: List[int] = [target for target in targets if target >= base + behind]
    return min(further, default=-1)
