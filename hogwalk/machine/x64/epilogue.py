"""Epilogues (x64) known by their instructions: a deallocation, pops, and the return or a jump out of the function.

Source: Microsoft's "x64 prolog and epilog": `add rsp, n` or `lea rsp, [frame register + n]`, then pops only, then
`ret` or a `jmp` with a ModRM operand or to another function.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from hogwalk.machine.x64.unwindinfo import BytesAt, Entry

RSP = 4
LONGEST = 64
_RETURNS = (0xC3, 0xC2, 0xCB)


class Epilogue(NamedTuple):
    """What an epilogue has still to do: RSP from `register` (None: as it is) plus `added` bytes, then the pops."""

    register: Optional[int]
    added: int
    pops: Tuple[int, ...]


def epilogue_at(code_at: BytesAt, rip: int, entry: Entry, frame_register: int) -> Optional[Epilogue]:
    """The epilogue in which `rip` stands, None where it stands in none."""
    code = code_at(rip, LONGEST) or code_at(rip, max(0, min(LONGEST, entry.end - rip)))
    if not code:
        return None
    register, added, at = _deallocation(code, frame_register)
    pops = []
    while at < len(code) - 1:
        prefix = code[at] == 0x41
        opcode = code[at + 1] if prefix else code[at]
        if opcode & 0xF8 != 0x58:
            break
        pops.append((opcode & 7) | (8 if prefix else 0))
        at += 2 if prefix else 1
    return Epilogue(register, added, tuple(pops)) if _leaves(code, at, rip, entry) else None


def _deallocation(code: bytes, frame_register: int) -> Tuple[Optional[int], int, int]:
    """The register that RSP is set from, the bytes added, and the length of the instruction (0: there is none)."""
    if code[:3] == b"\x48\x83\xc4":
        return None, int.from_bytes(code[3:4], "little", signed=True), 4
    if code[:3] == b"\x48\x81\xc4":
        return None, int.from_bytes(code[3:7], "little", signed=True), 7
    if frame_register and code[:1] in (b"\x48", b"\x49") and code[1:2] == b"\x8d":
        modrm = code[2]
        base = (modrm & 7) | (8 if code[0] & 1 else 0)
        if modrm >> 3 & 7 == RSP and base == frame_register and modrm & 7 != RSP:
            width = {1: 1, 2: 4}.get(modrm >> 6)
            if width is not None:
                return base, int.from_bytes(code[3 : 3 + width], "little", signed=True), 3 + width
    return None, 0, 0


def _leaves(code: bytes, at: int, rip: int, entry: Entry) -> bool:
    """Whether the instruction at an offset is a return, or a jump that ends the function."""
    rest = code[at:]
    if rest[:1] == b"\xf3":
        rest = rest[1:]
    if not rest:
        return False
    if rest[0] in _RETURNS:
        return True
    if rest[0] in (0xE9, 0xEB):
        width = 4 if rest[0] == 0xE9 else 1
        target = rip + at + 1 + width + int.from_bytes(rest[1 : 1 + width], "little", signed=True)
        return bool(at) and not entry.begin <= target < entry.end
    if rest[0] & 0xF0 == 0x40:
        rest = rest[1:]
    return len(rest) > 1 and bool(at) and rest[0] == 0xFF and rest[1] >> 3 & 7 == 4
