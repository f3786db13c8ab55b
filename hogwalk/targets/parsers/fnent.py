"""Parses `.fnent` on x64: a function's range and what its unwind codes make of its frame (dbgeng 10.0.15063)."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional

from hogwalk.machine.words import X64
from hogwalk.machine.x64 import unwindinfo as codes
from hogwalk.machine.x64.unwind import RBP
from hogwalk.model import FrameLayout
from hogwalk.targets.parsers.words import ADDRESS, address

_BLOCK = re.compile(
    rf"^BeginAddress +=  *({ADDRESS})\n+EndAddress +=  *({ADDRESS})\n+UnwindInfoAddress +=  *({ADDRESS})\n+"
    rf"Unwind info at ({ADDRESS}), [0-9a-f]+ bytes\n +version (\d), flags ([0-9a-f]+), [^\n]*\n"
    r"(?: +frame reg ([0-9a-f]) [^\n]*frame offs ([0-9a-f]+)h[^\n]*\n)?((?: +[0-9a-f]+: offs [^\n]*(?:\n|$))*)",
    re.MULTILINE,
)
_CODE = re.compile(
    r" +[0-9a-f]+: offs [0-9a-f]+, unwind op ([0-9a-f]), op info ([0-9a-f])\s+\w+(?: FrameOffset: ([0-9a-f]+))?[. ]"
)
_ROOM = (codes.PUSH_NONVOL, codes.ALLOC_LARGE, codes.ALLOC_SMALL)
_NEUTRAL = (codes.SAVE_NONVOL, codes.SAVE_NONVOL_FAR, codes.EPILOG, codes.SAVE_XMM128, codes.SAVE_XMM128_FAR)


class FunctionEntry(NamedTuple):
    """A function from its first byte up to `end`, and its frame; without a frame where the codes do not tell."""

    begin: int
    end: int
    layout: Optional[FrameLayout]


def parse_fnent(text: str) -> List[FunctionEntry]:
    """All function entries in the answers, in their order; chained ones and others' frames are left open."""
    found = []
    for block in _BLOCK.finditer(text):
        begin, end, place, shown = (address(block.group(number)) for number in (1, 2, 3, 4))
        base = shown - place
        whole = int(block.group(5)) in codes.VERSIONS and not int(block.group(6), 16) & codes.CHAINED
        register = int(block.group(7), 16) if block.group(7) else None
        layout = _layout(block.group(9), register, int(block.group(8) or "0", 16)) if whole else None
        if 0 <= begin < end and base >= 0:
            found.append(FunctionEntry(base + begin, base + end, layout))
    return found


def _layout(rows: str, register: Optional[int], frame_offset: int) -> Optional[FrameLayout]:
    """The frame that some unwind codes make, last instruction first; None where they do not tell."""
    depth, set_at, saved = 0, None, None
    for row in rows.splitlines():
        code = _CODE.match(row)
        if code is None:
            return None
        operation, info = int(code.group(1), 16), int(code.group(2), 16)
        if operation == codes.SET_FPREG:
            set_at = depth
        elif operation == codes.PUSH_NONVOL:
            saved = depth if info == RBP else saved
            depth += X64.word
        elif operation == codes.ALLOC_SMALL:
            depth += X64.word * (info + 1)
        elif operation == codes.ALLOC_LARGE and code.group(3):
            depth += int(code.group(3), 16)
        elif operation not in _NEUTRAL:
            return None
    below = None if saved is None else depth - saved
    if register is None:
        return FrameLayout(depth, 0, None, below, saved is None)
    if register != RBP or set_at is None:
        return None
    return FrameLayout(None, 0, depth - set_at - frame_offset, below, False)
