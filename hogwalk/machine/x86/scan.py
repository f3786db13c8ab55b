"""Reads one block: walks its instructions by length and follows ESP and EBP through them."""

from __future__ import annotations

import struct
from typing import List, Optional, Tuple

from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.cursor import START_ESP, Cursor, Handler
from hogwalk.machine.x86.lengths import FIXED, WITH_MODRM, instruction_length
from hogwalk.machine.x86.opcodes import MOV_REGISTERS, PUSH_REGISTERS
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.transfers import HANDLERS
from hogwalk.machine.x86.values import CONSTANT, EBP, ECX, EDX, ESP, KEPT

CHUNK, MARGIN = 160, 16
PADDING = b"\xcc" * MARGIN
NOWHERE = 1 << 32  # behind all code
LONGEST_BLOCK = 0x4000  # bytes: what fills tables may be as long without a call or a jump
LOADS_AND_STORES, LOAD_ADDRESS = (0x89, 0x8B), 0x8D
# What an instruction with a plain ModRM does, by opcode and ModRM: (its length, the register whose value it changes to
# one not followed or NONE); (0, NONE) where that takes a closer look.  Each is looked at once a process, None before.
PLAIN: List[Optional[List[Optional[Tuple[int, int]]]]] = [[None] * 256 if plain else None for plain in WITH_MODRM]
NONE = -1
WORD = struct.Struct("<I").unpack_from
IS_PUSH = [opcode in PUSH_REGISTERS for opcode in range(256)]
IS_CONSTANT = [opcode in MOV_REGISTERS and opcode & 7 != ESP for opcode in range(256)]
KEPT_BYTES = [4 if register in KEPT else 0 for register in range(8)]
STALE_BYTES = [4 if register in (ECX, EDX) else 0 for register in range(8)]


def scan(reader: CodeReader, start: int, stop: int = NOWHERE) -> Block:
    """The block that begins at `start`; it ends behind its first call, jump or return, or before `stop`."""
    block, address = Block(start), start
    offset = start % reader.page_bytes
    page_at = start - offset
    page = reader.whole_page(start, PADDING)
    if page is not None:
        cursor = Cursor(block, page, page_at)
        at = _run(cursor, offset, min(reader.page_bytes - MARGIN, stop - page_at))
        address = page_at + at
        if cursor.done:
            block.end = address
            return block
    return _by_chunks(reader, block, address, stop)


def _by_chunks(reader: CodeReader, block: Block, address: int, stop: int) -> Block:
    """The same from `address` on, where no whole page is at hand, or the block goes on in the next one."""
    while address - block.start < LONGEST_BLOCK and address < stop:
        count = reader.at_once(address, CHUNK)
        code = reader.readable_from(address, count)
        complete = len(code) == count
        cursor = Cursor(block, code + PADDING, address)
        at = _run(cursor, 0, min(len(code) - MARGIN if complete else len(code), stop - address))
        if cursor.done and at <= len(code):
            block.end = address + at
            return block
        if not complete or address + at >= stop:
            address = min(stop, address + at)
            break
        address += at
    block.exit, block.targets, block.end = Exit.UNREAD, (), address
    return block


def _run(cursor: Cursor, at: int, limit: int) -> int:
    """Walks on from an offset until the block is done or the offset reaches `limit`; the offset that follows.

    What most code is made of is done here, as its handler does it: to call one takes as long again.
    """
    code, registers = cursor.code, cursor.registers
    handlers: List[Optional[Handler]] = HANDLERS
    while at < limit:
        opcode = code[at]
        plain = PLAIN[opcode]
        if plain is not None:
            length, changed = plain[code[at + 1]] or _plain(opcode, code[at + 1])
            if length:
                at += length
                if changed != NONE:
                    registers[changed] = None
                continue
        elif IS_PUSH[opcode]:
            at = _pushes(cursor, at, limit)
            continue
        elif IS_CONSTANT[opcode]:
            registers[opcode & 7] = CONSTANT, WORD(code, at + 1)[0]
            at += 5
            continue
        handler = handlers[opcode]
        if handler is not None:
            at = handler(cursor, at)
            if cursor.done:
                break
            continue
        at += FIXED[opcode] or cursor.length(at)
    return at


def _pushes(cursor: Cursor, at: int, limit: int) -> int:
    """All of a run of push r32."""
    code, registers, block = cursor.code, cursor.registers, cursor.block
    esp = registers.get(ESP, START_ESP)
    stale = count = 0
    before, head = block.pushes, block.head
    while at < limit and IS_PUSH[code[at]]:
        register = code[at] & 7
        at += 1
        count += 4
        if register not in registers:
            stale += STALE_BYTES[register]
            if KEPT_BYTES[register] or (STALE_BYTES[register] and before + count == head + 4):
                head = before + count
        if register == EBP:
            cursor.save_ebp(None if esp is None else (esp[0], esp[1] - count))
    registers[ESP] = None if esp is None else (esp[0], esp[1] - count)
    block.pushes += count
    if head != block.head:
        block.head = head
    if stale:
        block.stale += stale
    return at


def _plain(opcode: int, modrm: int) -> Tuple[int, int]:
    """What PLAIN holds of an opcode and a ModRM, found out by having the opcode's handler do it once."""
    found = 0, NONE
    frame = opcode == LOAD_ADDRESS or (opcode in LOADS_AND_STORES and modrm >> 3 & 7 == EBP)
    if modrm & 0xC7 != 4 and not frame:  # what a SIB says of length and frame lies behind
        code = bytes((opcode, modrm)) + bytes(MARGIN)
        cursor, handler = Cursor(Block(0), code, 0), HANDLERS[opcode]
        if handler is not None:
            handler(cursor, 0)
        changed = cursor.registers
        if cursor.bare and len(changed) < 2 and not any(changed.values()):
            found = instruction_length(code, 0), next(iter(changed), NONE)
    row = PLAIN[opcode]
    if row is not None:
        row[modrm] = found
    return found
