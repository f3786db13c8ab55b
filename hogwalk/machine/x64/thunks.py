"""Jumps from one x64 function to another: import stubs, incremental links, hot patches, tail calls."""

from __future__ import annotations

import re
from typing import Callable, Optional

from hogwalk.machine.words import X64
from hogwalk.machine.x86.reader import CodeReader

LONGEST = 7
JUMPS = re.compile(b"[\x0f\xe9\xeb\xff]")  # their first bytes
JUMP_INDIRECT = 4  # of FF: jmp r/m
HOPS = 4  # import thunk, incremental link thunk, hot patch: more in a row is a loop


def through_thunks(reader: CodeReader, is_code: Callable[[int], bool], target: int) -> int:
    """The function that a call's target leads to: `jmp rel32` and `jmp [rip+n]` followed while they stay in code."""
    for _ in range(HOPS):
        code = reader.bytes_at(target, LONGEST)
        further = None if code is None else _jumped_to(reader, target, code)
        if further is None or not is_code(further):
            break
        target = further
    return target


def may_leave(code: bytes, begin: int, is_code: Callable[[int], bool]) -> bool:
    """Whether some bytes of a function's whole `code`, which begins at an address, can be a jump out of it.

    Every byte is taken for the first of an instruction: no jump is missed, and hardly a chance one leads into code.
    """
    for found in JUMPS.finditer(code, 0, max(0, len(code) - 1)):
        at, byte = found.start(), code[found.start()]
        if byte == 0xFF and code[at + 1] >> 3 & 7 == JUMP_INDIRECT:
            return True
        size = 4 if byte == 0xE9 or (byte == 0x0F and code[at + 1] >> 4 == 8) else 1 if byte == 0xEB else 0
        behind = at + 1 + (byte == 0x0F) + size
        if size and behind <= len(code):
            distance = behind + int.from_bytes(code[behind - size : behind], "little", signed=True)
            if not 0 <= distance < len(code) and is_code(begin + distance):
                return True
    return False


def _jumped_to(reader: CodeReader, target: int, code: bytes) -> Optional[int]:
    if code[0] == 0xE9:
        return (target + 5 + int.from_bytes(code[1:5], "little", signed=True)) & X64.mask
    prefix = 1 if code[0] == 0x48 else 0
    if code[prefix : prefix + 2] != b"\xff\x25":
        return None
    distance = int.from_bytes(code[prefix + 2 : prefix + 6], "little", signed=True)
    return reader.word_at((target + prefix + 6 + distance) & X64.mask)
