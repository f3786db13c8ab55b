"""What compilers and linkers lay behind a call that never returns, up to the next function."""

from __future__ import annotations

import re
from typing import NamedTuple

from hogwalk.machine.x86.opcodes import ALIGNMENT, EBP_PROLOGUES, KEEPS_EBP
from hogwalk.machine.x86.reader import CodeReader

NOP, LEAST_PADDING = b"\x90", 3
FRAME_BYTES = max(map(len, KEEPS_EBP))
LONG_NOPS = re.compile(  # nop; nop [eax]; lea reg,[reg]; mov reg,reg
    rb"(?:[\x66\x2e]*(?:\x90|\x0f\x1f(?:\x00|\x40\0|\x44\0\0|\x80\0{4}|\x84\0{5}))"
    rb"|\x8d(?:[\x76\x7f\x49\x52\x5b]\0|\x36|\x3f|[\xb6\xbf\x89\x92\x9b]\0{4}|[\x74\x7c\x64][\x24\x26\x27]\0"
    rb"|[\xb4\xbc\xa4][\x24\x26\x27]\0{4})|\x8b[\xc0\xff\xf6]|\x89[\xc0\xff\xf6])+",
    re.DOTALL,
)
NOP_HEADS = frozenset(b"\x90\x66\x2e\x0f\x8d\x8b\x89\xeb")
LOOP_SKIP = 10  # bytes that gcc lets its assembler insert at most before a loop; between functions there are up to 15
GAS_NOPS = re.compile(  # lea reg,[reg], by which gcc's assembler is known; a jump over nops, which it once laid
    rb"(?:\x8d(?:[\xb6\xbf]\0{4}|[\xb4\xbc][\x26\x27]\0{4}|[\x74\x7c][\x26\x27]\0|[\x76\x7f]\0))+|\xeb.\x90+", re.DOTALL
)
CALL_TO_NEXT = re.compile(  # a call, padding, the first instructions of a function
    rb"(?:\xe8.{4}|\xff\x15.{4}|\xff[\xd0-\xd7])(?P<nops>(?:" + LONG_NOPS.pattern + rb")?)"
    rb"(?=[\x53\x55-\x57]{0,4}[\x83\x81]\xec|" + b"|".join(map(re.escape, EBP_PROLOGUES)) + b")",
    re.DOTALL,
)
LOOKED_AT = ALIGNMENT + FRAME_BYTES  # bytes behind a call


class Behind(NamedTuple):
    """What lies behind a call.

    `padded`: padding leads from there to the next function: a linker's nops, or longer ones to what sets up EBP.
    Within a function compilers align by longer nops as well, but no loop's head sets up a frame.  `may_end`: a function
    may end there: what lies up to the next aligned address, if anything, are nops.
    """

    padded: bool
    may_end: bool


def look_behind(reader: CodeReader, call: int) -> Behind:
    """What lies behind the call that ends at an address."""
    count = -call % ALIGNMENT
    if not count:
        return Behind(False, True)
    code = reader.bytes_at(call, count)
    if code is None or code[0] not in NOP_HEADS:
        return Behind(False, False)
    nops = LONG_NOPS.fullmatch(code) is not None
    if (count >= LEAST_PADDING and code == NOP * count) or (count > LOOP_SKIP and GAS_NOPS.fullmatch(code)):
        return Behind(True, nops)
    ahead = reader.readable_from(call + count, FRAME_BYTES) if nops else b""
    return Behind(ahead.startswith(KEEPS_EBP), nops)
