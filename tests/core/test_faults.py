"""Which registers a walk starts with: the order they are asked in, and which of them belong to the stack."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Optional, Tuple

import pytest

from hogwalk.errors import BadInput
from hogwalk.machine import windows
from hogwalk.model import BugCheck, Raised, Region, Registers
from hogwalk.walk.facts import kernel
from hogwalk.walk.facts.faults import SLACK, Fault, fault_registers, find_fault
from hogwalk.walk.facts.image import read_stack
from hogwalk.walk.facts.region import find_region
from tests.core.scenes import BASE, LIMIT, REGION, THREAD, Machine, machine, with_processor, with_thread

TSS, OTHER_TSS = 0x80042000, 0x80043000
CRASH = Registers(0x80801000, LIMIT + 0x300, 0, "the dump's header")
SET = Registers(0x80802000, LIMIT + 0x800, 0, "the debugger's set context", True)


def scene(argument: int = TSS, tss: Optional[int] = LIMIT + 0x40, double: bool = True) -> Machine:
    drawn = machine(bugcheck=BugCheck(0x7F, (8, argument, 0, 0)) if double else BugCheck(0xD1, (0, 0, 0, 0)))
    with_thread(drawn.target)
    if tss is not None:
        with_processor(drawn.target, LIMIT, BASE, (drawn.nt_ring[0], tss, LIMIT + 0x400))
    return drawn


def sp_of(drawn: Machine, *held: Registers, region: Region = REGION) -> Optional[int]:
    drawn.target.held = held
    found = fault_registers(drawn.target, region)
    return None if found is None else found.sp


def test_the_order_is_the_user_the_double_fault_the_crash() -> None:
    assert sp_of(scene(), CRASH, SET) == SET.sp
    assert sp_of(scene(), CRASH) == LIMIT + 0x40
    assert sp_of(scene(double=False), CRASH) == CRASH.sp
    assert sp_of(scene(double=False)) is None


def test_what_is_of_another_stack_leaves_its_place_to_the_next() -> None:
    assert sp_of(scene(tss=BASE + 0x40), CRASH) == CRASH.sp
    far = Registers(SET.ip, BASE + 0x40, 0, SET.source, True)
    assert sp_of(scene(), CRASH, far) == LIMIT + 0x40


def test_an_argument_that_is_no_tss_of_this_stack_leaves_it_to_the_processors() -> None:
    drawn = scene(argument=OTHER_TSS)
    drawn.target.put_words(OTHER_TSS + 0x20, 1)
    drawn.target.put_words(OTHER_TSS + 0x38, 0x12345678, 0)
    drawn.target.put(OTHER_TSS + 0x40, bytes(0x28))
    assert sp_of(drawn) == LIMIT + 0x40
    assert sp_of(scene(argument=0)) == LIMIT + 0x40


@pytest.mark.parametrize(("below", "near"), [(4, True), (0x1004, True), (SLACK, True), (SLACK + 4, False)])
def test_below_limit_a_pointer_belongs_to_its_own_thread_only(below: int, near: bool) -> None:
    # Stacks of 3 pages and a guard page lie 4000h bytes apart.
    assert (sp_of(scene(tss=LIMIT - below)) is not None) == near
    asked = Region(LIMIT, BASE, THREAD + 0x1000, "another thread")
    assert sp_of(scene(tss=LIMIT - below), region=asked) is None


MARK, KERNEL_FS, FLAGS = 0xBADB0D00, 0x30, 0x246
EIP = 0x80801048


def trap_words(ip: int = EIP, mark: int = MARK, fs: int = KERNEL_FS, cs: int = 8) -> bytes:
    """A trap frame of kernel code up to its EFLAGS."""
    words = [0] * 29
    words[2], words[0x50 // 4], words[0x60 // 4], words[0x68 // 4], words[0x6C // 4] = mark, fs, BASE - 0x40, ip, cs
    words[0x70 // 4] = FLAGS
    return struct.pack("<29I", *words)


def context_bytes(sp: int, ip: int = EIP, flags: int = 0x10017, cs: int = 8) -> bytes:
    record = bytearray(0x2CC)
    struct.pack_into("<I", record, 0, flags)
    struct.pack_into("<6I", record, 0xB4, BASE - 0x40, ip, cs, FLAGS, sp, 0x10)
    return bytes(record)


def crashed(code: int, *arguments: int) -> Machine:
    drawn = machine(bugcheck=BugCheck(code, (*arguments, 0, 0, 0, 0)[:4]))
    with_thread(drawn.target)
    drawn.target.put(LIMIT, bytes(BASE - LIMIT))
    return drawn


def found_in(drawn: Machine, context: Optional[int] = None) -> Fault:
    return find_fault(drawn.target, REGION, read_stack(drawn.target, REGION), context)


AT = LIMIT + 0x900
NEWER = Registers(0x80803000, LIMIT + 0x200, 0, "the dump's header")


@pytest.mark.parametrize("code", [0x7E, 0x1000007E])
def test_a_context_record_that_the_bug_check_names(code: int) -> None:
    drawn = crashed(code, 0xC0000005, EIP, AT + 0x400, AT)
    drawn.target.held = (NEWER,)
    drawn.target.put(AT, context_bytes(BASE - 0x100))
    drawn.target.put(AT + 0x400, struct.pack("<7I", 0xC0000005, 0, 0, EIP, 2, 1, LIMIT - 8))
    found = found_in(drawn)
    assert found.registers == Registers(EIP, BASE - 0x100, BASE - 0x40, f"context record {AT:08x}")
    assert (found.newest, found.access) == (NEWER.sp, LIMIT - 8)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0x8E, (0xC0000005, EIP, AT, 0)), (0x1000008E, (0xC0000005, EIP, AT, 0)), (0x50, (0x10, 0, AT, 0)),
        (0x50, (0x10, 0, EIP, 0)), (0xD1, (0x10, 2, 0, EIP)), (0x0A, (0x10, 2, 0, EIP)),
        (0x100000D1, (0x10, 2, 0, EIP)),
        (0xBE, (0x10, 0, AT, 0)), (0x1E, (0xC0000005, EIP, 0, 0)), (0x8E, (0xC0000005, EIP, 0, 0)),
        (0xC5, (0x10, 2, 0, EIP)), (0x2B, (AT, 0, 0, 0)),
    ],
)  # fmt: skip
def test_a_trap_frame_by_its_address_or_by_the_instruction_that_faulted(code: int, arguments: Tuple[int, ...]) -> None:
    drawn = crashed(code, *arguments)
    drawn.target.held = (NEWER,)
    drawn.target.put(AT, trap_words())
    found = found_in(drawn)
    assert found.registers == Registers(EIP, AT + 0x74, BASE - 0x40, f"trap frame {AT:08x}")
    assert found.newest == NEWER.sp
    assert found.access == (0x10 if code & 0xFF in (0x50, 0xD1, 0x0A, 0xBE, 0xC5) else 0 if code == 0x1E else None)


@pytest.mark.parametrize(("code", "arguments"), [(0x8E, ()), (0x1000008E, ()), (0x3B, ()), (0x7E, (EIP, 0x10, 0))])
def test_what_memory_was_wanted_by_the_dump_s_own_record_of_the_exception(
    code: int, arguments: Tuple[int, ...]
) -> None:
    drawn = crashed(code, 0xFFFFFFFFC0000005, *arguments)  # of 7E the record that the argument names is not there
    about = drawn.target.about()
    for record, access in [(0xC0000005, LIMIT - 8), (0xC000001D, None)]:
        drawn.target._about = replace(about, raised=Raised(record, LIMIT - 8))
        assert found_in(drawn).access == access
    drawn.target._about = about
    assert found_in(drawn).access is None


def test_what_memory_was_wanted_by_1e_s_own_arguments() -> None:
    assert found_in(crashed(0x1E, 0xC0000005, EIP, 1, LIMIT - 8)).access == LIMIT - 8
    assert found_in(crashed(0x1E, 0x80000003, EIP, 1, LIMIT - 8)).access is None


def test_a_kernel_exception_of_a_full_stack_is_known_by_the_bug_check() -> None:
    for code in (0x1E, 0x7E, 0x1000008E):
        raised = found_in(crashed(code, 0xFFFFFFFFC00000FD, 0, 0, 0)).raised
        assert raised is not None
        assert raised.code == 0xC00000FD
    assert found_in(crashed(0x7E, 0xC0000005, 0, 0, 0)).raised is None
    assert found_in(crashed(0xD1, 0xC00000FD, 0, 0, 0)).raised is None


def test_what_an_argument_names_is_looked_at_before_it_is_believed() -> None:
    for code, arguments in ((0x8E, (0, 0, AT, 0)), (0x7E, (0, 0, 0, AT)), (0xD1, (0, 0, 0, EIP))):
        drawn = crashed(code, *arguments)
        drawn.target.held = (NEWER,)
        drawn.target.put(AT, struct.pack("<60I", *([EIP] * 60)))
        assert found_in(drawn) == Fault(NEWER, None, 0 if code == 0xD1 else None)


def test_a_trap_frame_below_the_crash_s_own_context_is_of_an_earlier_time() -> None:
    drawn = crashed(0xD1, 0x10, 2, 0, EIP)
    drawn.target.put(LIMIT + 0x400, trap_words())
    drawn.target.put(AT, trap_words())
    drawn.target.held = (Registers(0x80803000, LIMIT + 0x800, 0, "the dump's header"),)
    found = found_in(drawn)
    assert (found.registers.sp if found.registers else None) == AT + 0x74


def test_a_crash_on_another_thread_says_nothing_of_this_one() -> None:
    drawn = crashed(0x8E, 0, 0, AT, 0)
    drawn.target.put(AT, trap_words())
    other = Region(LIMIT, BASE, THREAD + 0x1000, "another thread")
    assert find_fault(drawn.target, other, read_stack(drawn.target, other)) == Fault()


def test_a_context_by_hand_is_a_context_record_or_a_trap_frame() -> None:
    for data, sp, what in (
        (context_bytes(LIMIT + 0x800), LIMIT + 0x800, "context record"),
        (trap_words(), AT + 0x74, "trap frame"),
        (trap_words(mark=0), AT + 0x74, "trap frame"),
    ):
        drawn = crashed(0xD1)
        drawn.target.held = (NEWER,)
        drawn.target.put(AT, data)
        found = found_in(drawn, AT)
        assert found.registers == Registers(EIP, sp, BASE - 0x40, f"{what} {AT:08x}", True)
        assert found.newest == NEWER.sp
    for data in (
        bytes(0x2CC),
        context_bytes(LIMIT, flags=0x10016),
        context_bytes(LIMIT, flags=0x100007),
        context_bytes(LIMIT, cs=0x10),
        trap_words(mark=0, fs=0),
        trap_words(cs=0x10),
    ):
        drawn.target.put(AT, data.ljust(0x2CC, b"\0"))
        with pytest.raises(BadInput, match="neither a context record nor a trap frame lies at"):
            found_in(drawn, AT)
    with pytest.raises(BadInput, match="neither"):
        found_in(drawn, 0x10)
    drawn.target.put(AT, context_bytes(BASE + 0x40))
    with pytest.raises(BadInput, match="is not on the stack") as far:
        found_in(drawn, AT)
    assert "--thread" in far.value.remedy


def waiting(state: int, drawn: Machine) -> Machine:
    """A thread that is no processor's: its KernelStack points to what the switch left."""
    target = drawn.target
    target.fields.update({("_KTHREAD", "KernelStack"): 0x20, ("_KTHREAD", "State"): 0x4C})
    target.put_words(THREAD + 0x20, AT)
    target.put(THREAD + 0x4C, bytes([state]))
    target.put_words(AT, 0xFFFFFFFF, 0, EIP, BASE - 0x40, 0, 0, 0)
    return drawn


def test_a_waiting_thread_starts_where_it_was_switched_out() -> None:
    assert found_in(waiting(5, crashed(0))).registers == Registers(
        EIP, AT + 12, BASE - 0x40, "the waiting thread's own"
    )
    assert found_in(waiting(2, crashed(0))).registers is None  # it runs: what lies there is of an earlier time


def test_a_thread_that_another_processor_runs_starts_with_what_that_saved() -> None:
    drawn = waiting(2, crashed(0))
    with_processor(drawn.target, LIMIT, BASE, (0, 0, 0))
    assert drawn.target.block is not None
    block = bytearray(drawn.target.block)
    struct.pack_into("<H", block, windows.Kdbg.PRCB_CONTEXT, 0x18)
    drawn.target.block = bytes(block)
    drawn.target.put(0xFFDFF000 + 0x138, context_bytes(AT))
    found = found_in(drawn).registers
    assert found == Registers(EIP, AT, BASE - 0x40, "the processor's saved context")


def test_a_stack_that_a_dpc_interrupted_goes_on_where_the_dpcs_stack_says() -> None:
    drawn = crashed(0x7A)
    drawn.target.held = (Registers(EIP, 0x8078F000, 0, "the dump's header"),)
    drawn.target.put(0x8078F000, bytes(0xFF4) + struct.pack("<3I", BASE - 0x40, EIP + 8, LIMIT + 0xA00))
    found = found_in(drawn)
    assert found.registers is not None
    assert (found.registers.ip, found.registers.sp, found.registers.bp) == (EIP + 8, LIMIT + 0xA00, BASE - 0x40)
    drawn.target.put(0x80790000 - 12, bytes(12))
    assert found_in(drawn) == Fault(None, None, None, drawn.target.held[0])


def test_the_processor_whose_task_state_faulted_runs_the_thread_to_look_at() -> None:
    drawn = two_processors()
    assert drawn.target.thread() == THREAD
    assert kernel.crashed_thread(drawn.target) == SECOND_THREAD
    region = find_region(drawn.target, None, None, None)
    assert (region.thread, region.limit) == (SECOND_THREAD, SECOND_LIMIT)
    found = find_fault(drawn.target, region, None).registers
    assert (found.sp if found else None) == SECOND_LIMIT + 0x40
    drawn.target.held = (SET,)  # whoever sets a context wants that thread
    assert kernel.crashed_thread(drawn.target) == THREAD


SECOND_THREAD, SECOND_LIMIT, SECOND_TSS, SECOND_PCR = 0x8A000000, 0xBA000000, 0x80043000, 0xF772F000


def two_processors() -> Machine:
    """A double fault on the second processor's thread while the debugger's current one is the first's."""
    drawn = scene(argument=SECOND_TSS)
    target = drawn.target
    target.put_words(0x808A0000, 0xFFDFF120, SECOND_PCR + 0x120, 0)
    target.put_words(SECOND_PCR + 0x124, SECOND_THREAD)
    target.put_words(SECOND_PCR + 0x3C, 0xF7730000)
    descriptor = struct.pack("<HHBBBB", 0x20AB, SECOND_TSS & 0xFFFF, SECOND_TSS >> 16 & 0xFF, 0x89, 0, SECOND_TSS >> 24)
    target.put(0xF7730028, descriptor)
    target.put(SECOND_TSS, bytes(0x68))
    target.put_words(SECOND_TSS + 0x20, EIP)
    target.put_words(SECOND_TSS + 0x38, SECOND_LIMIT + 0x40, SECOND_LIMIT + 0x80)
    target.put_words(SECOND_THREAD + 0x1C, SECOND_LIMIT)
    target.put_words(SECOND_THREAD + 0x158, SECOND_LIMIT + 0x3000)
    return drawn
