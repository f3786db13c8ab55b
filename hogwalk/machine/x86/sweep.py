"""The calls that a function's code can come to, by instruction lengths and jumps alone: a quick way to say no."""

from __future__ import annotations

from typing import FrozenSet, List, Optional, Set

from hogwalk.machine.x86.lengths import FIXED, ONE, PREFIX, instruction_length, plain_length
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.rets import BRANCH, GROUP_FF, JUMP_NEAR, JUMP_SHORT, KINDS, PLAIN, ROWS, SHORTCUT, TWO_BYTE

MOST_INSTRUCTIONS = 20_000
WINDOW, MARGIN = 0x400, 16
HALVED = frozenset((0x68, 0x81, 0xE8, 0xE9, *range(0xB8, 0xC0)))  # 66 shortens what they carry
CALL = 0xE8


def possible_calls(reader: CodeReader, start: int) -> Optional[FrozenSet[int]]:
    """The return addresses of all calls that the code from `start` can come to, and perhaps of some more.

    None where that cannot be told so: jump tables, odd prefixes, too much code.
    """
    sweep = _Sweep(reader)
    waiting = [start]
    while waiting:
        address: Optional[int] = waiting.pop()
        while address is not None and address not in sweep.seen:
            address = sweep.run(address, waiting)
        if sweep.lost or len(sweep.seen) > MOST_INSTRUCTIONS:
            return None
    return frozenset(sweep.calls)


class _Sweep:
    """Instructions seen so far and the calls among them."""

    def __init__(self, reader: CodeReader) -> None:
        self._reader = reader
        self.seen: Set[int] = set()
        self.calls: Set[int] = set()
        self.lost = False

    def run(self, address: int, waiting: List[int]) -> Optional[int]:
        """Reads on from `address`; where to read on when a piece of code is done, None when nothing runs on."""
        count = self._reader.at_once(address, WINDOW)
        code = self._reader.readable_from(address, count)
        complete = len(code) == count
        end = len(code) - (MARGIN if complete else 0)
        code += b"\xcc" * MARGIN
        seen, at = self.seen, 0
        while at < end:
            if address + at in seen:
                return None
            seen.add(address + at)
            opcode = code[at]
            if opcode == CALL:
                self.calls.add(address + at + 5)
            if SHORTCUT[opcode]:
                at += SHORTCUT[opcode]
                continue
            row = ROWS[opcode]
            if row is not None:
                at += row[code[at + 1]] or plain_length(code, at)
            else:
                at = self._special(code, at, address, waiting)
                if at < 0:
                    return None
        return address + at if complete else None

    def _special(self, code: bytes, at: int, address: int, waiting: List[int]) -> int:
        """The offset behind an instruction that needs a closer look, -1 when nothing runs on behind it."""
        behind = at + (FIXED[code[at]] or instruction_length(code, at) or 1)
        while ONE[code[at]] == PREFIX:
            self.lost = self.lost or code[at] == 0x67 or (code[at] == 0x66 and code[at + 1] in HALVED)
            at += 1
        kind = KINDS[code[at]]
        if kind == PLAIN:
            if code[at] == CALL:
                self.calls.add(address + behind)
            return behind
        if kind in (BRANCH, JUMP_SHORT):
            waiting.append(_target(code, behind, 1, address))
        elif kind == JUMP_NEAR or (kind == TWO_BYTE and code[at + 1] & 0xF0 == 0x80):
            waiting.append(_target(code, behind, 4, address))
        elif kind == GROUP_FF:
            return self._group(code, at, address, behind)
        stops = kind not in (BRANCH, TWO_BYTE) or (kind == TWO_BYTE and code[at + 1] == 0x0B)
        return -1 if stops else behind

    def _group(self, code: bytes, at: int, address: int, behind: int) -> int:
        operation = code[at + 1] >> 3 & 7
        if operation == 2:
            self.calls.add(address + behind)
        if operation == 4 and code[at + 1] != 0x25:
            self.lost = True  # a jump table, perhaps
        return -1 if operation in (4, 5) else behind


def _target(code: bytes, behind: int, size: int, address: int) -> int:
    distance = int.from_bytes(code[behind - size : behind], "little", signed=True)
    return address + behind + distance & 0xFFFFFFFF
