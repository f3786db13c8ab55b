"""Reads one block: walks its instructions by length and follows ESP and EBP through them."""

from __future__ import annotations

from typing import List, Optional

from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.cursor import Cursor, Handler
from hogwalk.machine.x86.lengths import FIXED, MODRM_LENGTHS, OPERAND, instruction_length
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.transfers import HANDLERS

CHUNK, MARGIN = 160, 16
PADDING = b"\xcc" * MARGIN
NOWHERE = 1 << 32  # behind all code
LONGEST_BLOCK = 0x1000  # no compiler writes a longer run without a call or a jump


def scan(reader: CodeReader, start: int, stop: int = NOWHERE) -> Block:
    """The block that begins at `start`; it ends behind its first call, jump or return, or before `stop`."""
    block = Block(start)
    address = start
    while address - start < LONGEST_BLOCK:
        count = reader.at_once(address, CHUNK)
        code = reader.readable_from(address, count)
        complete = len(code) == count
        cursor = Cursor(block, code + PADDING, address)
        at = _run(cursor, min(len(code) - MARGIN if complete else len(code), stop - address))
        if cursor.done and at <= len(code):
            block.end = address + at
            return block
        if not complete or address + at >= stop:
            address = min(stop, address + at)
            break
        address += at
    block.exit, block.targets, block.end = Exit.UNREAD, (), address
    return block


def _run(cursor: Cursor, limit: int) -> int:
    """Walks until the block is done or the offset reaches `limit`; the offset behind the last instruction."""
    code, at = cursor.code, 0
    handlers: List[Optional[Handler]] = HANDLERS
    while at < limit:
        opcode = code[at]
        handler = handlers[opcode]
        if handler is not None:
            at = handler(cursor, at)
            if cursor.done:
                break
            continue
        length = FIXED[opcode]
        if length:
            at += length
            continue
        modrm = code[at + 1]
        if OPERAND[opcode] and modrm & 0xC7 != 4:
            at += OPERAND[opcode] + MODRM_LENGTHS[modrm]
        else:
            at += instruction_length(code, at) or 1
    return at
