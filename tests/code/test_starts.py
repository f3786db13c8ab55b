"""Function starts that only the looks of the code tell, and what looks like one and is none."""

from __future__ import annotations

import pytest

from hogwalk.machine.x86.functions import FunctionStarts
from tests.code.test_depth import BASE, depths_of
from tests.code.test_exact import call


@pytest.mark.parametrize("before", ["0bc3", "33c3", "8ac3"])
def test_no_function_starts_within_another_ones_instructions(before: str) -> None:
    # int3; push ebp; mov ebp,esp; push ebx; an instruction that ends with C3; push edi, esi, edx, eax; call esi; pops
    code = "cc" * 16 + "558bec 53" + before + "57 56 52 50 ffd6 5f 5b 5d c3"
    starts = FunctionStarts(depths_of(code))
    assert starts.start_of(BASE + 16 + 12) == BASE + 16


def test_a_section_starts_with_a_function() -> None:
    # The last page of the section before is filled up with zeros.
    code = "00" * 0x1000 + "558bec 83ec38 56" + call(7, 0x100) + "5e c9 c20800"
    assert FunctionStarts(depths_of(code)).start_of(BASE + 0x1000 + 12) == BASE + 0x1000


def test_text_that_takes_more_off_the_stack_than_there_is_starts_no_function() -> None:
    # int3; "VXXX" (push esi; three times pop eax); je to: test eax,eax; push esi; call eax; pop esi; ret
    code = "cc" * 16 + "56 58 58 58 740a" + "cc" * 10 + "85c0 56 ffd0 5e c3"
    assert FunctionStarts(depths_of(code)).start_of(BASE + 16 + 16 + 5) != BASE + 16


def test_the_nop_of_a_function_that_can_be_patched_changes_no_register() -> None:
    # mov edi,edi; push ebp; mov ebp,esp; sub esp,10h; push ebx; push esi; push edi; push eax; call [unread], twice
    code = "8bff 558bec 83ec10 53 56 57 50 ff1500009000 50 ff1500009000"
    told = depths_of(code).at(BASE, BASE + 12 + 6 + 7)
    assert (told.depths[0], told.exact) == (4 + 0x10 + 12 + 4, False)


@pytest.mark.parametrize(("pushes", "a_start"), [("6860010000 6a00 ff3528000082", False), ("6a0c 6878563412", True)])
def test_five_nops_before_a_push_are_room_to_patch_only_where_an_seh_helper_is_called(
    pushes: str, a_start: bool
) -> None:
    # push ebp; push ebx; sub esp,30h; mov edi,[..]; nops up to a loop's head, which pushes and calls EDI (or a helper)
    head = "55 53 83ec30 8b3d5c41"
    size = len(bytes.fromhex(head + pushes))
    code = "cc" * 16 + head + "8eb8" + "90" * (32 - size + len(bytes.fromhex(pushes)) - 2)
    loop = len(bytes.fromhex(code))
    code += pushes + ("e800010000" if a_start else "ffd7") + "83c430 5b 5d c3"
    call_ends = loop + len(bytes.fromhex(pushes)) + (5 if a_start else 2)
    assert loop % 16 == 0
    assert FunctionStarts(depths_of(code)).start_of(BASE + call_ends) == (BASE + loop if a_start else BASE + 16)
