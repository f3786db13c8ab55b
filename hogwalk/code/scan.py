"""Reads one block: walks its instructions by length and follows ESP and EBP through them."""

from __future__ import annotations

from typing import Callable, List, Optional

from hogwalk.code.blocks import Block, Exit
from hogwalk.code.effects import Cursor
from hogwalk.code.lengths import ESCAPE, GROUP3, IMMEDIATE, MODRM, MODRM_LENGTHS, ONE, PREFIX, instruction_length
from hogwalk.code.reader import CodeReader
from hogwalk.code.transfers import HANDLERS

CHUNK, MARGIN = 160, 16
LONGEST_BLOCK = 0x1000  # no compiler writes a longer run without a call or a jump


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


FIXED, OPERAND = _fixed_lengths(), _operand_lengths()


def scan(reader: CodeReader, start: int) -> Block:
    """The block that begins at `start`; it ends behind its first call, jump or return."""
    block = Block(start)
    address = start
    while address - start < LONGEST_BLOCK:
        code = reader.readable_from(address, CHUNK)
        complete = len(code) == CHUNK
        cursor = Cursor(block, code + b"\xcc" * MARGIN, address)
        at = _run(cursor, len(code) - MARGIN if complete else len(code))
        if cursor.done and at <= len(code):
            block.end = address + at
            return block
        if not complete:
            break
        address += at
    block.exit, block.targets, block.end = Exit.UNREAD, (), address
    return block


def _run(cursor: Cursor, limit: int) -> int:
    """Walks until the block is done or the offset reaches `limit`; the offset behind the last instruction."""
    code, at = cursor.code, 0
    handlers: List[Optional[Callable[[Cursor, int], int]]] = HANDLERS
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
