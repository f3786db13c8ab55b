"""Calls, jumps and returns: the instructions that end a block; and the table of all handlers by opcode."""

from __future__ import annotations

import struct
from typing import List, Optional

from hogwalk.machine.x86 import effects
from hogwalk.machine.x86.blocks import Exit
from hogwalk.machine.x86.cursor import Cursor, Handler
from hogwalk.machine.x86.lengths import MOST_BYTES, ONE, PREFIX
from hogwalk.machine.x86.opcodes import PUSH_REGISTERS
from hogwalk.machine.x86.values import EAX, ECX, ESP

HALVED = frozenset((*range(0x50, 0x60), 0x61, 0x68, 0x6A, 0x8F, 0xFF, *effects.STACK_BYTES))  # pushes and pops
WORD = struct.Struct("<I").unpack_from
JUMPS_ON = b"\x87\x04\x24"  # xchg [esp],eax
FAST_FAIL = 0x29  # int 29h never returns


def call_direct(cursor: Cursor, at: int) -> int:
    """E8: call rel32."""
    block, behind = cursor.block, cursor.address + at + 5
    (distance,) = WORD(cursor.code, at + 1)
    block.exit, block.targets = Exit.CALL, (behind, behind + distance & 0xFFFFFFFF)
    cursor.done = True
    return at + 5


def jump(cursor: Cursor, at: int) -> int:
    """E9 and EB: jmp."""
    size = 1 if cursor.code[at] == 0xEB else 4
    behind = at + 1 + size
    return cursor.leave(Exit.JUMP, behind, cursor.target(behind, size))


def branch(cursor: Cursor, at: int) -> int:
    """70-7F and E0-E3: a conditional jump or loop."""
    if cursor.code[at] >= 0xE0:
        cursor.put(ECX, None)
    return cursor.leave(Exit.BRANCH, at + 2, cursor.address + at + 2, cursor.target(at + 2, 1))


def return_near(cursor: Cursor, at: int) -> int:
    """C2 and C3: ret; right behind an exchange with [esp] it is a jump to what was put there.

    Right behind a push it goes to what was pushed: a helper's return address, moved to another slot.
    """
    if cursor.code[max(0, at - 3) : at] == JUMPS_ON:
        return cursor.leave(Exit.UNKNOWN, at + 1)
    if at and cursor.block.pushes and cursor.code[at - 1] in PUSH_REGISTERS:
        cursor.block.pushed = True
    if cursor.code[at] == 0xC2:
        cursor.block.popped = cursor.word(at + 1) & 0xFFFF
        at += 2
    return cursor.leave(Exit.RETURN, at + 1)


def stop(cursor: Cursor, at: int) -> int:
    """int3, iret, far transfers and hlt: nothing that follows belongs to the path."""
    return cursor.leave(Exit.STOP, at + 1)


def interrupt(cursor: Cursor, at: int) -> int:
    """CD: int; int 29h never returns."""
    return stop(cursor, at + 1) if cursor.code[at + 1] == FAST_FAIL else at + 2


def two_byte(cursor: Cursor, at: int) -> int:
    """0F: conditional jumps, ud2, pushes and pops of fs and gs."""
    second = cursor.code[at + 1]
    if second & 0xF0 == 0x80:
        return cursor.leave(Exit.BRANCH, at + 6, cursor.address + at + 6, cursor.target(at + 6, 4))
    if second == 0x0B:
        return stop(cursor, at + 1)
    if second & 0xF7 in (0xA0, 0xA1):
        cursor.move_esp(4 if second & 1 else -4)
    else:
        effects.two_byte_change(cursor, at)
    return at + cursor.length(at)


def group_ff(cursor: Cursor, at: int) -> int:
    """FF: calls, jumps and pushes of ModRM."""
    modrm = cursor.code[at + 1]
    operation = modrm >> 3 & 7
    length = cursor.length(at)
    if operation == 6:
        cursor.move_esp(-4)
        cursor.block.pushes += 4
    elif operation < 2:
        if modrm >= 0xC0:
            cursor.put(modrm & 7, None)  # inc, dec
    elif operation == 2:
        cursor.block.pointer = _absolute(cursor, at + 1)
        cursor.block.through = modrm & 7 if modrm >= 0xC0 else None
        return cursor.leave(Exit.CALL, at + length, cursor.address + at + length)
    elif operation == 4:
        return _jump_through(cursor, at, length)
    elif operation == 5:
        return cursor.leave(Exit.UNKNOWN, at + length)
    return at + length


def _absolute(cursor: Cursor, at: int) -> Optional[int]:
    """The address in a ModRM operand that has neither base nor index."""
    modrm = cursor.code[at]
    if modrm & 0xC7 == 5:
        return cursor.word(at + 1)
    return cursor.word(at + 2) if modrm & 0xC7 == 4 and cursor.code[at + 1] & 0x3F == 0x25 else None


def _jump_through(cursor: Cursor, at: int, length: int) -> int:
    modrm, sib = cursor.code[at + 1], cursor.code[at + 2]
    pointer = _absolute(cursor, at + 1)
    how = Exit.UNKNOWN if pointer is None else Exit.POINTER
    if modrm == 0x24 and sib & 0xC7 == 0x85 and sib & 0x38 != 0x20:
        pointer, how = cursor.word(at + 3), Exit.TABLE
        cursor.block.through = sib >> 3 & 7
    elif modrm & 0xC7 == 0x80 | (modrm & 7) and modrm & 7 != ESP:
        pointer, how = cursor.word(at + 2), Exit.TABLE  # jmp [reg+table], reg counting in fours
    elif modrm >= 0xC0 and modrm & 7 in cursor.tables:
        pointer, how = cursor.tables[modrm & 7], Exit.TABLE
    cursor.block.pointer = pointer
    return cursor.leave(how, at + length)


def pop_memory(cursor: Cursor, at: int) -> int:
    """8F: pop r/m32."""
    cursor.move_esp(4)
    return at + cursor.length(at)


def exchange(cursor: Cursor, at: int) -> int:
    """87: xchg; one with ESP makes it unknown."""
    modrm = cursor.code[at + 1]
    if modrm >= 0xC0:
        cursor.put(modrm >> 3 & 7, None)
        cursor.put(modrm & 7, None)
        cursor.block.odd = cursor.block.odd or ESP in (modrm >> 3 & 7, modrm & 7)
    return at + cursor.length(at)


def prefixed(cursor: Cursor, at: int) -> int:
    """Prefixes: what follows counts as without them, except that 66 halves pushes and pops."""
    inner = at
    while ONE[cursor.code[inner]] == PREFIX:
        inner += 1
        if inner - at == MOST_BYTES:
            return at + 1  # no instruction
    opcode = cursor.code[inner]
    length = cursor.length(at)
    if opcode in (0x89, 0xA3) and 0x64 in cursor.code[at:inner] and not cursor.word(at + length - 4):
        cursor.block.head = cursor.block.pushes  # fs:[0] leads to the record pushed
    handler = HANDLERS[opcode]
    if handler is None:
        return at + length
    before = cursor.get(ESP) if opcode in HALVED else None
    behind = handler(cursor, inner)
    if opcode in (0x8B, 0xA1) and (0x64 in cursor.code[at:inner] or 0x65 in cursor.code[at:inner]):
        register = cursor.code[inner + 1] >> 3 & 7 if opcode == 0x8B else EAX
        cursor.put(register, None)  # fs and gs are other memory
    if 0x66 not in cursor.code[at:inner] or cursor.done:
        return behind
    after = None if before is None else cursor.get(ESP)
    if before is not None and after is not None:
        cursor.put(ESP, (before[0], (before[1] + after[1]) // 2))
    return at + length


def _handlers() -> List[Optional[Handler]]:
    table: List[Optional[Handler]] = [None] * 256
    table[0x50:0x58] = [effects.push_register] * 8
    table[0x58:0x60] = [effects.pop_register] * 8
    table[0x70:0x80] = [branch] * 16
    table[0xB8:0xC0] = [effects.load_constant] * 8
    table[0xE0:0xE4] = [branch] * 4
    table[0x40:0x50] = [effects.increment] * 16
    table[0x91:0x98] = [effects.exchange_eax] * 7
    table[0xB0:0xB8] = [effects.load_byte] * 8
    for opcode in (0x05, 0x0D, 0x15, 0x1D, 0x25, 0x2D, 0x35, 0x98, 0xA0, 0xE4, 0xE5, 0xEC, 0xED):
        table[opcode] = effects.change_eax
    for opcode in (0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF):
        table[opcode] = effects.string
    for opcode in (0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3, 0xF6, 0xF7):
        table[opcode] = effects.change_operand
    for opcode in (0x69, 0x6B, 0x8A):
        table[opcode] = effects.change_register
    for row in range(0x00, 0x38, 8):
        table[row + 1] = table[row + 3] = effects.arithmetic
    for opcode in effects.STACK_BYTES:
        table[opcode] = effects.push_or_pop
    for opcode in (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3):
        table[opcode] = prefixed
    for opcode in (0xCA, 0xCB, 0xCC, 0xCF, 0xEA, 0xF4):
        table[opcode] = stop
    for opcode, handler in _SINGLE.items():
        table[opcode] = handler
    return table


_SINGLE = {
    0x0F: two_byte,
    0x61: effects.pop_all,
    0x68: effects.push_constant,
    0x6A: effects.push_constant,
    0x81: effects.add_constant,
    0x83: effects.add_constant,
    0x87: exchange,
    0x89: effects.store,
    0x8B: effects.load,
    0x8D: effects.load_address,
    0x8F: pop_memory,
    0xA1: effects.load_eax,
    0x94: effects.exchange_eax_esp,
    0xC2: return_near,
    0xC3: return_near,
    0xC8: effects.enter,
    0xC9: effects.leave_frame,
    0xCD: interrupt,
    0xE8: call_direct,
    0xE9: jump,
    0xEB: jump,
    0xFF: group_ff,
}
HANDLERS = _handlers()
