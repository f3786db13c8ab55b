"""Call instructions that end at a return address (x64), exact to REX, ModRM and SIB.

The encodings are those of the Intel SDM, volume 2: CALL (E8, FF /2), tables 2-2 and 2-3 and section 2.2.1 (REX).
What the loader makes of calls (retpoline, import optimization) are `E8` forms too; a no-op that fills up the room left
is part of no call.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from hogwalk.machine.words import X64
from hogwalk.machine.x86.calls import FF_LENGTHS, Call, CallKind

LONGEST = 9
NEAR = 0x10000000  # a direct call farther than 256 MB: rare, as import optimization makes them
SYSTEM_CALLS = (b"\x0f\x05",)
INDIRECT = 0xFF
_REX = range(0x40, 0x50)
_REX_X, _REX_B = 2, 1  # the bits of REX that extend a SIB's index, and its base or ModRM's r/m


class Operand(NamedTuple):
    """The memory that holds a call's target, by the numbers of registers: base + index * scale + displacement."""

    base: Optional[int]
    indexed: Optional[int]
    scale: int
    displacement: int


def calls_before(code: bytes, return_address: int) -> Tuple[Call, ...]:
    """Every call that the bytes right before `return_address` can be, the most plausible first; empty for none."""
    code = code[-LONGEST:]
    found: List[Call] = []
    for length in range(2, len(code) + 1) if INDIRECT in code else ():
        if code[-length] == INDIRECT:
            call = _indirect(code, length, return_address)
            if call is not None:
                found.append(call)
    if len(code) >= 5 and code[-5] == 0xE8:
        distance = int.from_bytes(code[-4:], "little", signed=True)
        found.append(Call(return_address - 5, 5, CallKind.DIRECT, target=(return_address + distance) & X64.mask))
    if code[-2:] in SYSTEM_CALLS:
        found.append(Call(return_address - 2, 2, CallKind.SYSTEM))
    if len(found) > 1:
        found.sort(key=lambda call: _implausibility(call, return_address))
    return tuple(found)


def _indirect(code: bytes, length: int, return_address: int) -> Optional[Call]:
    """The `FF /2` of exactly `length` bytes at the end of `code`, its REX prefix counted to it, if it is one."""
    modrm = code[1 - length]
    wanted = FF_LENGTHS.get(modrm, 0)
    if not wanted or wanted > length:
        return None
    mod, rm = modrm >> 6, modrm & 7
    sib = code[2 - length] if rm == 4 and mod != 3 else None
    if sib is not None and mod == 0 and sib & 7 == 5:
        wanted += 4
    if wanted != length:
        return None
    rex = len(code) > length and code[-length - 1] in _REX
    whole = length + rex
    address = return_address - whole
    if mod == 3:
        return Call(address, whole, CallKind.REGISTER)
    size = length - 2 - (sib is not None)
    displacement = int.from_bytes(code[-size:], "little", signed=True) if size else 0
    if mod == 0 and rm == 5:  # relative to RIP
        return Call(address, whole, CallKind.POINTER, pointer=(return_address + displacement) & X64.mask)
    return Call(address, whole, CallKind.MEMORY, displacement=displacement)


def operand(code: bytes, call: Call) -> Optional[Operand]:
    """What the memory call at the end of `code` reads its target through; None for any other call."""
    code = code[-call.length :]
    if call.kind is not CallKind.MEMORY or len(code) < call.length:
        return None
    rex = code[0] if code[0] in _REX else 0
    modrm = code[2 if rex else 1]
    low, extended = modrm & 7, 8 if rex & _REX_B else 0
    if low != 4:  # no SIB
        return Operand(low | extended, None, 1, call.displacement)
    sib = code[3 if rex else 2]
    index = sib >> 3 & 7 | (8 if rex & _REX_X else 0)
    based = not (modrm >> 6 == 0 and sib & 7 == 5)
    base = sib & 7 | extended if based else None
    return Operand(base, None if index == 4 else index, 1 << (sib >> 6), call.displacement)


def _implausibility(call: Call, return_address: int) -> Tuple[int, int]:
    if call.target is not None:
        return (0 if abs(call.target - return_address) < NEAR else 4, 0)
    if call.pointer is not None:
        return (1 if abs(call.pointer - return_address) < NEAR else 5, 0)
    return (3 if call.kind is CallKind.MEMORY and call.length >= 6 else 2, -call.length)
