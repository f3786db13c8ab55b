"""The call decoder against capstone, on every form and on arbitrary bytes."""

from __future__ import annotations

from typing import Set, Tuple

import capstone
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hogwalk.machine.x86.calls import CallKind, calls_before, may_end
from tests.code.vectors.vector import Vector, vectors

RETURN = 0xB958ECDF
DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
DISASSEMBLER.detail = True


def capstone_calls(code: bytes) -> Set[Tuple[int, str]]:
    """(length, kind) of every unprefixed near call that ends at the end of `code`, as capstone sees it."""
    found = set()
    for length in range(2, min(len(code), 7) + 1):
        start = len(code) - length
        first = code[start]
        for instruction in DISASSEMBLER.disasm(code[start:], RETURN - length, 1):
            if instruction.size != length or first not in (0xE8, 0xFF):
                continue
            far = first == 0xFF and instruction.modrm >> 3 & 7 == 3  # capstone calls both kinds "call"
            if instruction.mnemonic == "call" and not far:
                found.add((length, operand_kind(instruction)))
    return found


def operand_kind(instruction: capstone.CsInsn) -> str:
    operand = instruction.operands[0]
    if operand.type == capstone.x86.X86_OP_IMM:
        return "direct"
    if operand.type == capstone.x86.X86_OP_REG:
        return "register"
    return "memory" if operand.mem.base or operand.mem.index else "pointer"


def decoded(code: bytes) -> Set[Tuple[int, str]]:
    calls = (call for call in calls_before(code, RETURN) if call.kind is not CallKind.SYSTEM)
    return {(call.length, call.kind.value) for call in calls}


def every_indirect_form() -> Tuple[bytes, ...]:
    tails = b"\x44\x33\x22\x11\x77"
    forms = [bytes((0xFF, modrm)) + tails for modrm in range(256) if modrm & 7 != 4]
    forms += [bytes((0xFF, modrm, sib)) + tails for modrm in range(4, 256, 8) for sib in range(256)]
    return tuple(forms)


def test_every_form_of_ff_as_capstone_decodes_it() -> None:
    wrong = []
    for form in every_indirect_form():
        for end in range(2, len(form) + 1):
            code = form[:end][-8:]
            if decoded(code) != capstone_calls(code):
                wrong.append(code.hex())
    assert wrong == []


@given(st.binary(max_size=8))
@example(bytes.fromhex("90909090ff548238"))
@example(bytes.fromhex("ff15ffd0e8ffd0"))
@settings(max_examples=1000)
def test_arbitrary_bytes_as_capstone_decodes_them(code: bytes) -> None:
    if any(byte in (0x64, 0x65) for byte in code):
        return  # a segment prefix makes `call fs:[N]` one byte longer: tested below
    assert decoded(code) == capstone_calls(code)


def test_the_published_pointer_call() -> None:
    (call,) = calls_before(bytes.fromhex("ff15906059b9"), RETURN)
    assert (call.address, call.length, call.kind, call.pointer) == (0xB958ECD9, 6, CallKind.POINTER, 0xB9596090)


def test_irp_dispatch_is_four_bytes_with_its_displacement() -> None:
    (call,) = calls_before(bytes.fromhex("ff548638"), 0x8081DF65)
    assert (call.address, call.kind, call.displacement) == (0x8081DF61, CallKind.MEMORY, 0x38)


def test_direct_target_wraps_around_the_address_space() -> None:
    (call,) = calls_before(bytes.fromhex("e8fbffffff"), 0x80801005)
    assert call.target == 0x80801000
    (call,) = calls_before(bytes.fromhex("e800000080"), 0x80000010)
    assert call.target == 0x10


@pytest.mark.parametrize("code", ["cd2e", "0f34", "0f05", "9090cd2e"])
def test_system_calls_are_their_own_kind(code: str) -> None:
    (call,) = calls_before(bytes.fromhex(code), RETURN)
    assert (call.kind, call.length) == (CallKind.SYSTEM, 2)


@pytest.mark.parametrize(
    "code", ["", "90", "ff", "e8000000", "9a112233445566", "ffe0", "ff25aabbccdd", "ff1d11223344", "cd2f"]
)
def test_what_is_no_near_call(code: str) -> None:
    assert calls_before(bytes.fromhex(code), RETURN) == ()


def test_call_through_fs_is_no_pointer_call() -> None:
    (call,) = calls_before(bytes.fromhex("64ff15c0000000"), RETURN)
    assert (call.length, call.kind, call.pointer, call.displacement) == (7, CallKind.MEMORY, None, 0xC0)


def test_a_near_direct_call_comes_before_the_coincidence_in_its_distance() -> None:
    first, second = calls_before(bytes.fromhex("e80100ffd0")[:3] + bytes.fromhex("ffd0"), 0xD1000000)
    assert (first.kind, second.kind) == (CallKind.REGISTER, CallKind.DIRECT)
    first, second = calls_before(bytes.fromhex("e8ff50ff00")[:5], RETURN)[:1] + calls_before(b"\xff\xd0", RETURN)
    assert (first.kind, second.kind) == (CallKind.DIRECT, CallKind.REGISTER)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_every_call_that_was_executed_is_seen(vector: Vector) -> None:
    reader = vector.reader()
    missed = [
        call
        for call in vector.calls
        if not calls_before(reader.readable_before(call.return_address, 8), call.return_address)
    ]
    assert missed == []


@pytest.mark.parametrize("code", ["ff15906059b9", "ff9090000000", "ff149590605900", "ff949590605900"])
def test_a_call_that_lacks_its_first_byte_may_be_one(code: str) -> None:
    whole = bytes.fromhex(code)
    assert calls_before(whole, RETURN)
    assert may_end(whole[1:])


@pytest.mark.parametrize("code", ["8bff558bec", "5dc2080090", "83c40c85c075", "909090909090"])
def test_bytes_that_no_longer_call_ends_with_may_end_none(code: str) -> None:
    assert not calls_before(bytes.fromhex(code), RETURN)
    assert not may_end(bytes.fromhex(code))
