"""Which registers a walk starts with: the order they are asked in, and which of them belong to the stack."""

from __future__ import annotations

from typing import Optional

import pytest

from hogwalk.model import BugCheck, Region, Registers
from hogwalk.walk.facts.faults import SLACK, fault_registers
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
