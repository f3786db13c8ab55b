"""How far a jump table goes: what the code before the jump compares, masks or looks up in a table of bytes."""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.lengths import ONE, PREFIX, instruction_length
from hogwalk.machine.x86.reader import CodeReader

MOST_ENTRIES = 512
MOST_BYTES = 0x200  # of one block
# Conditional jumps (low four bits) by which the table's jump runs: falling through, or jumping there.
ABOVE, ABOVE_OR_EQUAL, BELOW, BELOW_OR_EQUAL = 7, 3, 2, 6


def table_entries(reader: CodeReader, block: Block, source: Optional[Block]) -> int:
    """The most entries that the table of a TABLE block can have; `source` is the block it was reached from."""
    bounds = [MOST_ENTRIES]
    index = _index_table(reader, block)
    bound = None if source is None else _compared(reader, source, block.start)
    if index is not None:
        if block.pointer is not None and block.pointer < index <= block.pointer + 4 * MOST_ENTRIES:
            bounds.append((index - block.pointer) // 4)  # MSVC lays the bytes right after the addresses
        values = reader.readable_from(index, bound) if bound is not None else b""
        if values:
            bounds.append(max(values) + 1)
    elif bound is not None:
        bounds.append(bound)
    masked = _masked(reader, block)
    if masked is not None:
        bounds.append(masked)
    return min(bounds)


def _instructions(reader: CodeReader, block: Block) -> Iterator[Tuple[bytes, int]]:
    """The block's instructions from their opcodes on, each with its opcode after prefixes."""
    code = reader.readable_from(block.start, min(MOST_BYTES, block.end - block.start))
    at = 0
    while at < len(code):
        length = instruction_length(code, at) or 1
        inner = at
        while inner + 1 < at + length and ONE[code[inner]] == PREFIX:
            inner += 1
        yield code[inner : at + length], code[inner]
        at += length


def _compared(reader: CodeReader, source: Block, start: int) -> Optional[int]:
    """How many numbers pass the comparison that ends `source` and lead to `start`."""
    if source.exit is not Exit.BRANCH:
        return None
    constant: Optional[int] = None
    condition = -1
    for code, opcode in _instructions(reader, source):
        modrm = code[1] if len(code) > 1 else 0
        if opcode in (0x3C, 0x3D):
            constant = int.from_bytes(code[1:], "little")
        elif opcode in (0x80, 0x81, 0x83) and modrm >> 3 & 7 == 7:
            constant = int.from_bytes(code[-1:] if opcode != 0x81 else code[-4:], "little")
        elif 0x70 <= opcode < 0x80:
            condition = opcode & 15
        elif opcode == 0x0F and modrm & 0xF0 == 0x80:
            condition = modrm & 15
    if constant is None or constant >= MOST_ENTRIES:
        return None
    falls = source.targets[0] == start
    if condition in ((ABOVE,) if falls else (BELOW_OR_EQUAL,)):
        return constant + 1
    return constant if condition in ((ABOVE_OR_EQUAL,) if falls else (BELOW,)) else None


def _masked(reader: CodeReader, block: Block) -> Optional[int]:
    """One more than the last `and reg,imm8` of the register that counts in the table leaves at most."""
    found: Optional[int] = None
    for code, opcode in _instructions(reader, block):
        if opcode == 0x83 and code[1] >= 0xE0 and code[1] < 0xE8 and code[1] & 7 == block.through and code[2] < 0x80:
            found = code[2] + 1
        elif opcode in (0x03, 0x8B, 0x8D, 0x2B) and code[1] >> 3 & 7 == block.through:
            found = None
    return found


def _index_table(reader: CodeReader, block: Block) -> Optional[int]:
    """The table of bytes that the index comes from: `movzx reg,byte ptr [reg+table]` or `mov r8,[reg+table]`."""
    found: Optional[int] = None
    for code, opcode in _instructions(reader, block):
        if opcode == 0x0F and code[1] == 0xB6 and len(code) >= 7 and code[2] >> 6 == 2 and code[2] & 7 != 4:
            found = int.from_bytes(code[3:7], "little")
        elif opcode == 0x8A and len(code) >= 6 and code[1] >> 6 == 2 and code[1] & 7 != 4:
            found = int.from_bytes(code[2:6], "little")
    return found
