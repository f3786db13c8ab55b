"""Blocks read: the shortcuts for what most instructions do, against the way that every instruction can go."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Dict, List, Optional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hogwalk.errors import Unreadable
from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.cursor import Cursor
from hogwalk.machine.x86.lengths import BY_HEAD, OPERAND, WITH_MODRM, instruction_length, plain_length
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.scan import NONE, PLAIN, scan
from hogwalk.machine.x86.transfers import HANDLERS
from hogwalk.machine.x86.values import CELL, CONSTANT, Known
from tests.code.vectors.vector import Vector, vectors

PAGE, LINE = 0x1000, 128
VALUES: List[Known] = [None, (CELL, 0x8000), (CONSTANT, 8), (4, -16), (5, 0), (0, 0)]


def piece(page: bytes, address: int, count: int) -> bytes:
    """Some of the bytes of a page at address 0."""
    return page[address : address + count]


def done(code: bytes, held: Dict[int, Known]) -> Cursor:
    """A block in which the first instruction of some code was done, with these registers."""
    cursor, handler = Cursor(Block(0, dict(held)), code, 0), HANDLERS[code[0]]
    if handler is not None:
        handler(cursor, 0)
    return cursor


@pytest.mark.parametrize("opcode", [opcode for opcode, plain in enumerate(WITH_MODRM) if plain], ids=hex)
def test_what_is_kept_of_an_instruction_is_what_it_does_whatever_follows(opcode: int) -> None:
    random = Random(opcode)
    for modrm in range(256):
        page = bytes((opcode, modrm)).ljust(PAGE, b"\0")
        scan(CodeReader(partial(piece, page)), 0, 1)
        row = PLAIN[opcode]
        assert row is not None
        kept = row[modrm]
        assert kept is not None
        length, changed = kept
        for _ in range(8 if length else 0):
            code = bytes((opcode, modrm, *random.choices(range(256), k=14))) + b"\xcc" * 16
            held = {register: random.choice(VALUES) for register in range(8) if random.random() < 0.7}
            cursor = done(code, held)
            assert cursor.bare, code.hex()
            assert cursor.registers == (held if changed == NONE else {**held, changed: None})
            assert instruction_length(code, 0) == length


@given(st.sampled_from([opcode for opcode, size in enumerate(OPERAND) if size]), st.binary(min_size=15, max_size=15))
def test_the_length_of_a_plain_modrm(opcode: int, rest: bytes) -> None:
    code = bytes((opcode,)) + rest
    assert plain_length(code, 0) == instruction_length(code, 0)


FIRST = st.sampled_from(
    [b"\x0f", b"\x66", b"\x67\x66", b"\xf6", b"\xf7", b"\xc4", b"\xc5", b"\x0f\x38", b"\xf3\x0f", b""]
)
SECOND = st.sampled_from([b"\x04", b"\x44", b"\x84", b"\x05", b"\x00", b""])


@example(b"gf", b"\x84", b"\x00", b"\x06")  # test with 16-bit addressing behind two prefixes
@given(FIRST, SECOND, st.binary(min_size=1, max_size=18), st.binary(min_size=1, max_size=18))
def test_a_length_that_was_remembered_is_that_of_every_instruction_that_begins_so(
    first: bytes, second: bytes, one: bytes, other: bytes
) -> None:
    BY_HEAD.clear()
    for code in (first + second + one, (first + second + one)[:3] + other, (first + second + one)[:3]):
        remembered = instruction_length(code, 0)
        BY_HEAD.clear()
        assert instruction_length(code, 0) == remembered
        instruction_length(first + second + one, 0)


def whole_and_in_lines(read: CodeReader, lines: CodeReader, start: int) -> None:
    """A block reads the same whether its page is at hand or only some lines of it."""
    block, other = scan(read, start), scan(lines, start)
    assert vars(block) == vars(other), hex(start)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_blocks_are_the_same_by_pages_and_by_lines(vector: Vector) -> None:
    def read(address: int, count: int) -> bytes:
        found = vector.reader().bytes_at(address, count)
        if found is None:
            raise Unreadable(address, count)
        return found

    whole, lines = CodeReader(read), CodeReader(read, line_bytes=LINE)
    for call in vector.calls[:200]:
        whole_and_in_lines(whole, lines, call.function)
        whole_and_in_lines(whole, lines, call.return_address)


@given(st.binary(min_size=200, max_size=200), st.integers(0, 199), st.booleans())
def test_blocks_at_a_page_s_end(code: bytes, start: int, goes_on: bool) -> None:
    pages: Dict[int, Optional[bytes]] = {
        0: code[:100].rjust(PAGE, b"\x90"),
        PAGE: code[100:].ljust(PAGE, b"\x90") if goes_on else None,
    }

    def read(address: int, count: int) -> bytes:
        page = pages.get(address - address % PAGE)
        if page is None:
            raise Unreadable(address, count)
        return page[address % PAGE : address % PAGE + count]

    at = min(PAGE - 100 + start, PAGE - 1) if not goes_on else PAGE - 100 + start
    whole_and_in_lines(CodeReader(read), CodeReader(read, line_bytes=LINE), at)


def test_a_page_of_prefixes_takes_no_longer_than_others() -> None:
    reader = CodeReader(lambda address, count: b"\x66" * count)
    assert scan(reader, 0).end >= 0x1000
