"""Thunks of x64 code: the jumps that import stubs, incremental links and hot patches consist of."""

from __future__ import annotations

from typing import Callable, Optional

from hogwalk.machine.words import X64
from hogwalk.machine.x86.reader import CodeReader

LONGEST = 7
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


def _jumped_to(reader: CodeReader, target: int, code: bytes) -> Optional[int]:
    if code[0] == 0xE9:
        return (target + 5 + int.from_bytes(code[1:5], "little", signed=True)) & X64.mask
    prefix = 1 if code[0] == 0x48 else 0
    if code[prefix : prefix + 2] != b"\xff\x25":
        return None
    distance = int.from_bytes(code[prefix + 2 : prefix + 6], "little", signed=True)
    return reader.word_at((target + prefix + 6 + distance) & X64.mask)
