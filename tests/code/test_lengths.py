"""Instruction lengths against capstone, on compilers' code and on arbitrary bytes."""

from __future__ import annotations

from typing import List

import capstone
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hogwalk.machine.x86.lengths import instruction_length
from tests.code.vectors.vector import Vector, vectors

DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
EVEX = 0x62
OTHERS = ("ud0", "ud1", "extrq", "insertq")  # a ModRM that capstone leaves out; immediates that only AMD knows
FIRST = (b"\x0f", b"\x66", b"\x67", b"\xf7", b"\xf6", b"\x66\x0f", b"\xc4", b"\xc5", b"\x66\x81")


def lengths_in(code: bytes) -> List[int]:
    return [size for _, size, _, _ in DISASSEMBLER.disasm_lite(code, 0)]


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_compilers_code(vector: Vector) -> None:
    for page in vector.pages.values():
        at = 0
        for size in lengths_in(page):
            assert instruction_length(page, at) == size, page[at : at + 15].hex()
            at += size


@given(st.binary(min_size=1, max_size=16))
@settings(max_examples=1500)
def test_arbitrary_bytes(code: bytes) -> None:
    check(code)


@given(st.sampled_from(FIRST), st.binary(max_size=14))
@settings(max_examples=1500)
def test_arbitrary_bytes_behind_prefixes_and_escapes(first: bytes, rest: bytes) -> None:
    check(first + rest)


def check(code: bytes) -> None:
    assume(EVEX not in code[:4])
    for _, size, mnemonic, _ in DISASSEMBLER.disasm_lite(code, 0, 1):
        if mnemonic not in OTHERS:
            assert instruction_length(code, 0) == size


def test_a_cut_instruction_has_no_length() -> None:
    whole = bytes.fromhex("c7842400010000aabbccdd")
    assert instruction_length(whole, 0) == len(whole)
    assert [instruction_length(whole[:count], 0) for count in range(len(whole))] == [0] * len(whole)
    assert instruction_length(b"\x66" * 15 + b"\x90", 0) == 0
