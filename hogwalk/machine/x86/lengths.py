"""Lengths of x86 instructions (32 bit), from the opcode maps of the Intel SDM, volume 2, appendix A."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

MODRM, PREFIX, WIDE, GROUP3, ESCAPE = 0x10, 0x20, 0x40, 0x80, 0x100
IMMEDIATE = 0x0F
MOST_BYTES = 15
HEAD, MOST_HEADS = 3, 4096  # bytes that tell the length of most instructions, how many of them are remembered


def _one_byte_map() -> List[int]:
    """For each opcode its immediate's bytes (`WIDE`: 2 with the 66 prefix) and flags."""
    table = [0] * 256
    for row in range(0x00, 0x40, 8):  # add, or, adc, sbb, and, sub, xor, cmp
        table[row : row + 4] = [MODRM] * 4
        table[row + 4], table[row + 5] = 1, WIDE | 4
    for opcode in (0x62, 0x63, *range(0x84, 0x90), *range(0xD0, 0xD4), *range(0xD8, 0xE0), 0xC4, 0xC5, 0xFE, 0xFF):
        table[opcode] = MODRM
    for opcode in (0x6A, *range(0x70, 0x80), 0xA8, *range(0xB0, 0xB8), 0xCD, 0xD4, 0xD5, *range(0xE0, 0xE8), 0xEB):
        table[opcode] = 1
    for opcode in (0x68, 0xA9, *range(0xB8, 0xC0), 0xE8, 0xE9):
        table[opcode] = WIDE | 4
    for opcode in (0x6B, 0x80, 0x82, 0x83, 0xC0, 0xC1, 0xC6):
        table[opcode] = MODRM | 1
    for opcode in (0x69, 0x81, 0xC7):
        table[opcode] = MODRM | WIDE | 4
    for opcode in (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3):
        table[opcode] = PREFIX
    table[0xA0:0xA4] = [4] * 4
    table[0xC2] = table[0xCA] = 2
    table[0xC8] = 3
    table[0x9A] = table[0xEA] = WIDE | 6
    table[0xF6], table[0xF7] = MODRM | GROUP3 | 1, MODRM | GROUP3 | WIDE | 4
    table[0x0F] = ESCAPE
    return table


def _two_byte_map() -> List[int]:
    """The same for the opcodes behind 0F."""
    table = [MODRM] * 256
    for opcode in (*range(0x04, 0x0D), 0x0E, *range(0x30, 0x38), 0x77, *range(0xA0, 0xA3), *range(0xA8, 0xAB)):
        table[opcode] = 0
    for opcode in (*range(0xC8, 0xD0), 0x0B):
        table[opcode] = 0
    for opcode in (*range(0x70, 0x74), 0xA4, 0xAC, 0xBA, 0xC2, 0xC4, 0xC5, 0xC6, 0x0F):
        table[opcode] = MODRM | 1
    table[0x20:0x24] = [1] * 4  # moves of control and debug registers: the ModRM never has a displacement
    table[0x80:0x90] = [WIDE | 4] * 16
    return table


def _modrm_lengths() -> List[int]:
    """Bytes of ModRM, SIB and displacement for each ModRM; the SIB's own displacement is not in it."""
    lengths = []
    for modrm in range(256):
        mod, rm = modrm >> 6, modrm & 7
        sib = 1 if rm == 4 and mod != 3 else 0
        displacement = {0: 4 if rm == 5 else 0, 1: 1, 2: 4, 3: 0}[mod]
        lengths.append(1 + sib + displacement)
    return lengths


def _fixed_lengths() -> List[int]:
    """Lengths of the opcodes that have no ModRM, else 0."""
    odd = MODRM | PREFIX | GROUP3 | ESCAPE
    return [0 if flags & odd or opcode in (0xC4, 0xC5) else 1 + (flags & IMMEDIATE) for opcode, flags in enumerate(ONE)]


def _operand_lengths() -> List[int]:
    """Bytes besides ModRM and displacement of the opcodes that have a plain ModRM, else 0."""
    odd = PREFIX | GROUP3 | ESCAPE
    return [
        1 + (flags & IMMEDIATE) if flags & MODRM and not flags & odd and opcode not in (0x62, 0xC4, 0xC5) else 0
        for opcode, flags in enumerate(ONE)
    ]


def _plain_rows() -> List[Optional[bytes]]:
    """For each opcode with a plain ModRM the instruction's bytes by that, 0 where the SIB tells; None for others."""
    rows = {
        size: bytes([0 if modrm & 0xC7 == 4 else size + length for modrm, length in enumerate(MODRM_LENGTHS)])
        for size in {*OPERAND} - {0}
    }
    return [rows.get(size) for size in OPERAND]


ONE, TWO, MODRM_LENGTHS = _one_byte_map(), _two_byte_map(), _modrm_lengths()
FIXED, OPERAND = _fixed_lengths(), _operand_lengths()
WITH_MODRM = [bool(OPERAND[opcode] or flags & GROUP3) for opcode, flags in enumerate(ONE)]  # right behind the opcode


PLAIN_ROWS = _plain_rows()
BY_HEAD: Dict[bytes, int] = {}  # 0 where the first bytes do not tell
WITHOUT_BASE = 6  # bytes of ModRM, SIB and the address that stands in for a base


def plain_length(code: bytes, at: int) -> int:
    """Bytes of the instruction at offset `at`, whose opcode has a plain ModRM; `code` has all of it and its SIB."""
    modrm = code[at + 1]
    if modrm & 0xC7 == 4 and code[at + 2] & 7 == 5:
        return OPERAND[code[at]] + WITHOUT_BASE
    return OPERAND[code[at]] + MODRM_LENGTHS[modrm]


def instruction_length(code: bytes, at: int) -> int:
    """Bytes of the instruction at offset `at` of `code`; 0 when `code` ends before it does or it is too long.

    Instructions that no processor defines get the length that their opcode's form implies; EVEX is not known.
    """
    head = code[at : at + HEAD]
    known = BY_HEAD.get(head)
    if known and at + known <= len(code):
        return known
    length = _measured(code, at)
    if known is None and length and len(head) == HEAD and len(BY_HEAD) < MOST_HEADS:
        # What follows would be a ModRM, a SIB or another opcode: whichever, two of these have two lengths (the last by
        # 16-bit addressing).
        found = {_measured(head + filler * MOST_BYTES, 0) for filler in (b"\x00", b"\x05", b"\x06")}
        BY_HEAD[head] = length if found == {length} else 0
    return length


def _measured(code: bytes, at: int) -> int:
    """The same, looked at byte by byte."""
    start = at
    try:
        flags = ONE[code[at]]
        narrow = short = False
        while flags == PREFIX:
            narrow = narrow or code[at] == 0x66
            short = short or code[at] == 0x67
            at += 1
            if at - start >= MOST_BYTES:
                return 0
            flags = ONE[code[at]]
        if flags == ESCAPE or code[at] in (0xC4, 0xC5):
            at, flags = _escaped(code, at, flags)
        elif short and 0xA0 <= code[at] <= 0xA3:
            flags = 2
        immediate = flags & IMMEDIATE
        if flags & WIDE and narrow:
            immediate -= 2
        at += 1
        if flags & MODRM:
            if flags & GROUP3 and code[at] & 0x38 > 8:
                immediate = 0
            at += _operand(code, at, short)
        at += immediate
    except IndexError:
        return 0
    return at - start if at - start <= MOST_BYTES and at <= len(code) else 0


def _operand(code: bytes, at: int, short: bool) -> int:
    """Bytes of ModRM, SIB and displacement at offset `at`; `short` with 16-bit addressing."""
    modrm = code[at]
    if short and modrm < 0xC0:
        return 1 + {0: 2 if modrm & 7 == 6 else 0, 1: 1, 2: 2}[modrm >> 6]
    if modrm & 0xC7 == 4 and code[at + 1] & 7 == 5:
        return 6
    return MODRM_LENGTHS[modrm]


def _escaped(code: bytes, at: int, flags: int) -> Tuple[int, int]:
    """Where the last opcode byte of a 0F or VEX instruction is, and its flags."""
    if flags == ESCAPE:
        second = code[at + 1]
        if second in (0x38, 0x3A):
            return at + 2, MODRM | (second == 0x3A)
        return at + 1, TWO[second]
    if code[at + 1] < 0xC0:
        return at, flags  # les, lds
    if code[at] == 0xC5:
        return at + 2, TWO[code[at + 2]]
    return at + 3, {1: TWO[code[at + 3]], 3: MODRM | 1}.get(code[at + 1] & 0x1F, MODRM)
