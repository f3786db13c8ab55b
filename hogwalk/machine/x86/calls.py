"""Call instructions that end at a return address (x86, 32 bit), exact to ModRM and SIB.

The encodings are those of the Intel SDM, volume 2: CALL (E8, FF /2) and tables 2-2 and 2-3.
"""

from __future__ import annotations

from enum import Enum
from typing import Dict, List, NamedTuple, Optional, Tuple

LONGEST = 8
NEAR_LENGTH = 5  # E8 and its displacement
NEAR = 0x2000000  # a direct call stays inside its module; no 32-bit module comes near 32 MB
SYSTEM_CALLS = (b"\xcd\x2e", b"\x0f\x34", b"\x0f\x05")  # int 2e, sysenter, syscall
SEGMENT_PREFIXES = (0x64, 0x65)


class CallKind(Enum):
    """How a call names its target; the value is what reports print."""

    DIRECT = "direct"  # call rel32
    POINTER = "pointer"  # call dword ptr [disp32]
    MEMORY = "memory"  # call dword ptr [reg...]
    REGISTER = "register"  # call reg
    SYSTEM = "system"  # int 2e, sysenter, syscall: what is pushed is a trap frame, not just a return address


class Call(NamedTuple):
    """A call instruction of `length` bytes at `address`.

    `target` is the function a direct call names, `pointer` the address of the word a pointer call goes through,
    `displacement` the signed offset in a memory operand (`call [eax+ecx*4+38h]`: 0x38).
    """

    address: int
    length: int
    kind: CallKind
    target: Optional[int] = None
    pointer: Optional[int] = None
    displacement: int = 0


def _length_of_ff(modrm: int) -> int:
    """Bytes of `FF /2` with this ModRM, 0 for other instructions; a SIB base of 5 with mod 0 adds four more."""
    mod, operation, rm = modrm >> 6, modrm >> 3 & 7, modrm & 7
    if operation != 2:
        return 0
    if mod == 3:
        return 2
    sib = 1 if rm == 4 else 0
    if mod == 0:
        return 6 if rm == 5 else 2 + sib
    return 2 + sib + (1 if mod == 1 else 4)


FF_LENGTHS: Dict[int, int] = {modrm: _length_of_ff(modrm) for modrm in range(256) if _length_of_ff(modrm)}


def calls_before(code: bytes, return_address: int) -> Tuple[Call, ...]:
    """Every call that the bytes right before `return_address` can be, the most plausible first.

    `code` holds up to 8 bytes (more are ignored) that end at `return_address`.  Empty when no call ends there.
    A prefix that does not change the target (2E, 3E, 36, 26) is not counted as part of the call.
    """
    code = code[-LONGEST:]
    found: List[Call] = []
    for length in range(2, min(len(code), LONGEST) + 1):
        first = code[-length]
        if first == 0xFF:
            call = _indirect(code, length, return_address)
            if call is not None:
                found.append(call)
        elif first == 0xE8 and length == 5:
            found.append(_direct(code, return_address))
    if code[-2:] in SYSTEM_CALLS:
        found.append(Call(return_address - 2, 2, CallKind.SYSTEM))
    if len(found) > 1:
        found.sort(key=lambda call: _implausibility(call, return_address))
    return tuple(found)


def may_end(code: bytes) -> bool:
    """Whether a call whose first bytes cannot be read may end with these, which hold none themselves.

    As in `ub ADDRESS L1`, which begins a byte late where what lies there decodes too.  Fewer bytes than a near call
    has are an instruction that somebody asked for, and no call.
    """
    if len(code) == NEAR_LENGTH:  # the first byte of call [disp32], call [reg+disp32] lacks
        return code[0] == 0x15 or 0x90 <= code[0] <= 0x97
    return len(code) == NEAR_LENGTH + 1 and code[0] in (0x14, 0x94)  # that of call [reg*n+disp32]


def _direct(code: bytes, return_address: int) -> Call:
    distance = int.from_bytes(code[-4:], "little")
    return Call(return_address - 5, 5, CallKind.DIRECT, target=(return_address + distance) & 0xFFFFFFFF)


def _indirect(code: bytes, length: int, return_address: int) -> Optional[Call]:
    """The `FF /2` of exactly `length` bytes at the end of `code`, if it is one."""
    modrm = code[1 - length]
    wanted = FF_LENGTHS.get(modrm, 0)
    if not wanted or wanted > length:
        return None
    mod, rm = modrm >> 6, modrm & 7
    sib = code[2 - length] if rm == 4 and mod != 3 else None
    no_index = sib is not None and sib & 0x3F == 0x25  # SIB: neither base nor index, whatever the scale
    absolute = mod == 0 and (rm == 5 or no_index)
    if sib is not None and mod == 0 and sib & 7 == 5:
        wanted += 4
    if wanted != length:
        return None
    address = return_address - length
    if mod == 3:
        return Call(address, length, CallKind.REGISTER)
    size = length - 2 - (sib is not None)
    displacement = int.from_bytes(code[-size:], "little", signed=True) if size else 0
    if not absolute:
        return Call(address, length, CallKind.MEMORY, displacement=displacement)
    pointer = displacement & 0xFFFFFFFF
    if pointer < 0x1000 and len(code) > length and code[-length - 1] in SEGMENT_PREFIXES:
        return Call(address - 1, length + 1, CallKind.MEMORY, displacement=pointer)  # call fs:[0C0h]
    return Call(address, length, CallKind.POINTER, pointer=pointer)


def _implausibility(call: Call, return_address: int) -> Tuple[int, int]:
    """Sort key: near direct calls, then pointers in the upper addresses, then the forms with most fixed bits."""
    if call.target is not None:
        return (0 if abs(call.target - return_address) < NEAR else 4, 0)
    if call.pointer is not None:
        return (1 if call.pointer >= 0x10000 else 5, 0)
    return (3 if call.kind is CallKind.MEMORY and call.length >= 6 else 2, -call.length)
