"""x64 unwind information, epilogues, call forms and depths, byte by byte as Microsoft documents them."""

from __future__ import annotations

import struct
from typing import Dict, Optional

import pytest

from hogwalk.machine.x64.calls import Operand, calls_before, operand
from hogwalk.machine.x64.depth import Depths, ToReturn
from hogwalk.machine.x64.thunks import may_leave
from hogwalk.machine.x64.unwind import RBP, Unwinder
from hogwalk.machine.x64.unwindinfo import Entry, FunctionTable, parse_unwind
from hogwalk.machine.x86.calls import CallKind

BASE, STACK = 0xFFFFF80001000000, 0xFFFFF88003000000
RBX, RSI = 3, 6


def info(
    codes: bytes, version: int = 1, flags: int = 0, frame: int = 0, prologue: int = 16, tail: bytes = b""
) -> bytes:
    """An UNWIND_INFO with these codes."""
    padded = codes + bytes(len(codes) % 4)
    return bytes([version | flags << 3, prologue, len(codes) // 2, frame]) + padded + tail


class Memory:
    """An image with functions at 1000h.., unwind data at 2000h.., and a stack."""

    def __init__(self) -> None:
        self.image = bytearray(0x4000)
        self.stack: Dict[int, int] = {}
        self.rows = b""

    def add(self, begin: int, end: int, at: int, raw: bytes) -> None:
        """A function with its unwind information."""
        self.image[at : at + len(raw)] = raw
        self.rows += struct.pack("<III", begin, end, at)

    def code(self, at: int, raw: bytes) -> None:
        """Code bytes."""
        self.image[at : at + len(raw)] = raw

    def bytes_at(self, address: int, count: int) -> Optional[bytes]:
        """The image's bytes."""
        at = address - BASE
        return bytes(self.image[at : at + count]) if 0 <= at <= len(self.image) - count else None

    def unwinder(self) -> Unwinder:
        """Over all that was added."""
        return Unwinder(FunctionTable(BASE, self.rows, self.bytes_at), self.bytes_at, self.stack.get)


# push rbp (offset 1), push rbx (2), sub rsp,20h (6): in the table the last instruction comes first.
PUSHES = bytes([6, 0x32, 2, 0x30, 1, 0x50])


def test_a_caller_is_found_behind_pushes_and_an_allocation() -> None:
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(PUSHES))
    memory.stack.update({STACK + 0x20: 0xB0B, STACK + 0x28: 0x5A5A, STACK + 0x30: BASE + 0x1234})
    found = memory.unwinder().caller(BASE + 0x1050, STACK, {}, False)
    assert found is not None
    assert (found.slot, found.rsp, found.machine) == (STACK + 0x30, STACK + 0x38, False)
    assert (found.registers[RBX], found.registers[RBP]) == (0xB0B, 0x5A5A)


@pytest.mark.parametrize(("offset", "slot"), [(0, 0), (1, 8), (2, 0x10), (5, 0x10), (6, 0x30)])
def test_an_interrupted_prologue_is_undone_as_far_as_it_ran(offset: int, slot: int) -> None:
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(PUSHES))
    found = memory.unwinder().caller(BASE + 0x1000 + offset, STACK, {}, True)
    assert found is not None
    assert found.slot == STACK + slot


def test_an_interrupted_epilogue_is_run_to_its_end() -> None:
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(PUSHES))
    memory.code(0x1080, b"\x48\x83\xc4\x20\x5b\x5d\xc3")
    memory.stack.update({STACK + 0x20: 1, STACK + 0x28: 2})
    for at, slot in ((0, 0x30), (4, 0x10), (5, 8), (6, 0)):
        found = memory.unwinder().caller(BASE + 0x1080 + at, STACK, {}, True)
        assert found is not None
        assert found.slot == STACK + slot


def test_a_leaf_is_interrupted_only() -> None:
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(PUSHES))
    unwinder = memory.unwinder()
    found = unwinder.caller(BASE + 0x1800, STACK, {}, True)
    assert found is not None
    assert found.slot == STACK
    assert unwinder.caller(BASE + 0x1800, STACK, {}, False) is None


def test_a_frame_register_gives_rsp_and_without_its_value_a_lower_bound() -> None:
    # push rbp (1); sub rsp,40h (5); lea rbp,[rsp+20h] (10)
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(bytes([10, 0x03, 5, 0x72, 1, 0x50]), frame=0x25))
    unwinder = memory.unwinder()
    found = unwinder.caller(BASE + 0x1050, STACK, {RBP: STACK + 0x120}, False)
    assert found is not None
    assert found.slot == STACK + 0x100 + 0x48
    unknown = unwinder.caller(BASE + 0x1050, STACK, {}, False)
    assert unknown is not None
    assert (unknown.slot, unknown.minimum, unknown.saved) == (None, STACK + 0x48, {RBP: 8})


FRAMED = bytes([10, 0x03, 5, 0x72, 1, 0x50])  # push rbp (1); sub rsp,40h (5); lea rbp,[rsp+20h] (10)


@pytest.mark.parametrize(
    ("body", "settled"),
    [
        ("ffd0 4883c440 5d c3", True),  # call rax; add rsp,40h; pop rbp; ret
        ("ffd0 488d6520 5d c3", True),  # lea rsp,[rbp+20h]
        ("482be0 ffd0 488d6520 5d c3", False),  # sub rsp,rax: an alloca
        ("488bc4 482bc1 488be0 ffd0 488d6520 5d c3", False),  # mov rax,rsp; sub rax,rcx; mov rsp,rax
        ("50 ffd0 488d6520 5d c3", False),  # push rax
        ("4883e4e0 ffd0 488d6520 5d c3", False),  # and rsp,-20h
    ],
)
def test_rsp_alone_gives_the_frame_register_of_a_function_without_alloca(body: str, settled: bool) -> None:
    memory, code = Memory(), bytes.fromhex(body)
    memory.code(0x100A, code)
    memory.add(0x1000, 0x100A + len(code), 0x2000, info(FRAMED, frame=0x25, prologue=10))
    depths, unwinder = Depths(memory.bytes_at), memory.unwinder()
    at = BASE + 0x100A + code.index(b"\xff\xd0") + 2

    def still(entry: Entry, offset: int) -> bool:
        return depths.still(entry.begin + offset, entry.end)

    assert unwinder.frame(at, STACK, still) == {RBP: STACK + 0x20 if settled else None}
    assert unwinder.frame(BASE + 0x1F00, STACK, still) == {}


def test_chained_information_goes_on_with_its_parents() -> None:
    memory = Memory()
    memory.add(0x1000, 0x1020, 0x2000, info(PUSHES))
    parent = struct.pack("<III", 0x1000, 0x1020, 0x2000)
    memory.add(0x1020, 0x1100, 0x2100, info(bytes([4, 0x12]), flags=4, tail=parent))
    unwinder = memory.unwinder()
    found = unwinder.caller(BASE + 0x1080, STACK, {}, False)
    assert found is not None
    assert found.slot == STACK + 0x10 + 0x30
    entry = unwinder.function(BASE + 0x1080)
    assert entry is not None
    assert entry.begin == BASE + 0x1000


def test_version_2_epilogue_codes_are_passed_over_and_version_3_is_refused() -> None:
    second = info(bytes([5, 0x16, 0, 0x06]) + PUSHES, version=2)
    parsed = parse_unwind(second, BASE)
    assert parsed is not None
    assert [code.operation for code in parsed.codes] == [2, 0, 0]
    assert parse_unwind(info(PUSHES, version=3), BASE) is None


def test_a_machine_frame_hands_on_the_interrupted_rsp() -> None:
    # a trap handler: machine frame with an error code, push rbp, sub rsp,20h
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(bytes([6, 0x32, 1, 0x50, 0, 0x1A])))
    at = STACK + 0x20 + 8 + 8
    memory.stack.update({at: BASE + 0x1800, at + 8: 0x10, at + 16: 0x246, at + 24: STACK + 0x200, at + 32: 0x18})
    found = memory.unwinder().caller(BASE + 0x1050, STACK, {}, False)
    assert found is not None
    assert (found.slot, found.rsp, found.machine) == (at, STACK + 0x200, True)


def test_large_allocations_and_saved_registers() -> None:
    # sub rsp,12345678h (far), mov [rsp+40h],rsi
    codes = bytes([12, 0x64]) + struct.pack("<H", 8) + bytes([7, 0x11]) + struct.pack("<I", 0x123456)
    parsed = parse_unwind(info(codes), BASE)
    assert parsed is not None
    assert [(code.operation, code.value) for code in parsed.codes] == [(4, 0x40), (1, 0x123456)]
    memory = Memory()
    memory.add(0x1000, 0x1100, 0x2000, info(codes))
    memory.stack[STACK + 0x40] = 0x51
    found = memory.unwinder().caller(BASE + 0x1050, STACK, {}, False)
    assert found is not None
    assert (found.slot, found.registers[RSI]) == (STACK + 0x123456, 0x51)


@pytest.mark.parametrize(
    ("code", "kind", "length"),
    [
        (b"\xe8\x10\x00\x00\x00", CallKind.DIRECT, 5),
        (b"\xff\xd0", CallKind.REGISTER, 2),
        (b"\x41\xff\xd2", CallKind.REGISTER, 3),
        (b"\xff\x15\x00\x01\x00\x00", CallKind.POINTER, 6),
        (b"\x48\xff\x15\x00\x01\x00\x00", CallKind.POINTER, 7),
        (b"\x41\xff\x94\xcc\x40\x04\x00\x00", CallKind.MEMORY, 8),
        (b"\xff\x50\x18", CallKind.MEMORY, 3),
    ],
)
def test_call_forms(code: bytes, kind: CallKind, length: int) -> None:
    (call, *_) = calls_before(b"\x90" * 4 + code, BASE + 0x1000)
    assert (call.kind, call.length) == (kind, length)
    if kind is CallKind.POINTER:
        assert call.pointer == BASE + 0x1100
    if kind is CallKind.DIRECT:
        assert call.target == BASE + 0x1010


@pytest.mark.parametrize(
    ("code", "read"),
    [
        (b"\xff\x50\x18", Operand(0, None, 1, 0x18)),  # call [rax+18h]
        (b"\x41\xff\x55\xf8", Operand(13, None, 1, -8)),  # call [r13-8]
        (b"\xff\x14\xcb", Operand(RBX, 1, 8, 0)),  # call [rbx+rcx*8]
        (b"\x41\xff\x94\xf4\x40\x04\x00\x00", Operand(12, RSI, 8, 0x440)),  # call [r12+rsi*8+440h]
        (b"\x43\xff\x54\xcc\x40", Operand(12, 9, 8, 0x40)),  # call [r12+r9*8+40h]
        (b"\x41\xff\x54\x24\x40", Operand(12, None, 1, 0x40)),  # call [r12+40h]
        (b"\xff\x14\xf5\x00\x10\x00\x00", Operand(None, RSI, 8, 0x1000)),  # call [rsi*8+1000h]
        (b"\xff\xd3", None),  # call rbx
        (b"\xff\x15\x00\x01\x00\x00", None),
    ],
)
def test_what_a_call_reads_its_target_through(code: bytes, read: Optional[Operand]) -> None:
    (call, *_) = calls_before(b"\x90" * 9 + code, BASE + 0x1000)
    assert operand(b"\x90" * 9 + code, call) == read


@pytest.mark.parametrize(
    ("code", "leaves"),
    [
        (b"\x48\x83\xec\x28\xe8\x00\x10\x00\x00\x48\x83\xc4\x28\xc3", False),  # a call, a ret
        (b"\x31\xc0\x75\x01\xc3\xeb\xf9\xc3", False),  # jumps inside
        (b"\x48\x83\xc4\x28\xe9\x00\x10\x00\x00", True),  # jmp to another function
        (b"\x48\x83\xc4\x28\xe9\x00\x00\x00\x70", False),  # not to code: no jump
        (b"\x85\xc0\x0f\x84\x00\x10\x00\x00\xc3", True),  # je to another function
        (b"\x48\x83\xc4\x28\xeb\x40", True),
        (b"\x48\xff\x25\x00\x10\x00\x00", True),  # jmp [the dispatcher of guarded calls]
        (b"\x41\xff\xe2", True),  # jmp r10
        (b"\xff\xd0\xc3", False),  # call rax
    ],
)
def test_a_function_that_may_jump_on_to_another_one(code: bytes, leaves: bool) -> None:
    assert may_leave(code, BASE, lambda address: BASE <= address < BASE + 0x4000) == leaves


def test_no_call_ends_there() -> None:
    assert calls_before(b"\x90" * 9, BASE) == ()


@pytest.mark.parametrize(
    ("code", "depth"),
    [
        (b"\x48\x83\xc4\x40\x5f\x5e\x5b\xc3", ToReturn(0x58, False)),
        (b"\x48\x85\xc0\x74\x03\x48\x31\xf0\x48\x83\xc4\x20\xc3", ToReturn(0x20, False)),
        (b"\xc9\xc3", ToReturn(8, True)),
        (b"\x48\x8d\x65\x10\x5d\xc3", ToReturn(0x18, True)),
        (b"\xff\xe0", None),
        (b"\xeb\xfe", None),
    ],
)
def test_depth_to_the_return_without_unwind_data(code: bytes, depth: Optional[ToReturn]) -> None:
    memory = Memory()
    memory.code(0x1000, code)
    assert Depths(memory.bytes_at).to_return(BASE + 0x1000) == depth


def test_the_frame_register_lies_a_fixed_way_below_the_return_slot() -> None:
    memory = Memory()
    # push rbp (1); sub rsp,30h (5); lea rbp,[rsp+20h] (10): the register points 10h + 8 bytes below the slot.
    memory.add(0x1000, 0x1080, 0x2000, info(bytes([10, 0x03, 5, 0x52, 1, 0x50]), frame=0x25))
    memory.add(0x1100, 0x1180, 0x2040, info(PUSHES))
    unwinder = memory.unwinder()
    assert unwinder.above_frame(BASE + 0x1040, RBP) == 0x18
    assert unwinder.whole(BASE + 0x1040) is None
    whole = unwinder.whole(BASE + 0x1140)
    assert whole is not None
    assert (whole.slot, whole.registers, whole.saved) == (0x30, {RBX: 0x20, RBP: 0x28}, {RBX: 0x10, RBP: 8})
