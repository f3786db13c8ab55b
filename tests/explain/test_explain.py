"""Why frames are as big as they are: parts that add up, by purpose, with the instructions behind them."""

from __future__ import annotations

from typing import Dict, Optional

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hogwalk.answer.explain.explain import Explainer
from hogwalk.answer.explain.records import Explanation, Purpose
from hogwalk.answer.render.frame import explanation_lines
from hogwalk.errors import NothingFound, Unreadable
from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Frame, Source, Trust
from tests.code.vectors.vector import Vector, vectors

FUNCTION, CALLER, POINTER = 0xB8D8C0D0, 0xB958ECD9, 0xB9596090
PROLOGUE = "558bec6aff6840e2d9b86808b2d9b864a100000000506489250000000081c470fdffff"  # as the walkthrough's uf prints it
BODY = PROLOGUE + "5356576a006a016a026a03e800100000"


def machine(code: str, call: str = "ff15906059b9") -> CodeReader:
    """The function, the call that leads to it, and the pointer that the call goes through."""
    pieces = {FUNCTION: bytes.fromhex(code), CALLER: bytes.fromhex(call), POINTER: FUNCTION.to_bytes(4, "little")}
    pages: Dict[int, bytearray] = {}
    for start, piece in pieces.items():
        page = pages.setdefault(start & ~0xFFF, bytearray(b"\xcc" * 0x1000))
        page[start & 0xFFF : (start & 0xFFF) + len(piece)] = piece

    def read(address: int, count: int) -> bytes:
        if address not in pages:
            raise Unreadable(address, count)
        return bytes(pages[address])

    return CodeReader(read)


def frame_of(count: Optional[int], instruction: int, return_address: int = CALLER + 6) -> Frame:
    slot = 0xB8AE823C
    return Frame(slot - 4, slot, return_address, instruction, count, None, Source.KF, Trust.LINKED)


def explain(code: str, count: int, *, call: str = "ff15906059b9", start: Optional[int] = None) -> Explanation:
    """The frame of the function when it runs the call at the end of `code`."""
    reader = machine(code + "cc", call)
    explainer = Explainer(StackDepths(reader), lambda _: start)
    return explainer.explain(frame_of(count, FUNCTION + len(code) // 2, CALLER + len(call) // 2))


def parts(explanation: Explanation) -> Dict[str, int]:
    return {part.purpose.value: part.bytes for part in explanation.parts}


def test_the_published_frame() -> None:
    found = explain(BODY, 708)
    assert found.site is not None
    assert (found.site.call.address, found.site.call.pointer, found.site.pointer_value) == (CALLER, POINTER, FUNCTION)
    assert found.function == FUNCTION
    assert parts(found) == {
        "return address": 4,
        "saved EBP": 4,
        "saved registers": 12,
        "SEH record": 16,
        "locals": 656,
        "outgoing arguments": 16,
    }
    (biggest,) = [one for one in found.instructions if one.parts and one.parts[0].bytes == 656]
    assert biggest.text == "add esp,0FFFFFD70h"
    assert found.notes == ()


def test_its_lines() -> None:
    lines = explanation_lines(explain(BODY, 708))
    assert lines[:4] == (
        "frame b8ae8238: 708 bytes (2C4h)",
        "called at   b958ecd9  call    dword ptr [b9596090]",
        "through     [b9596090] = b8d8c0d0",
        "function    b8d8c0d0",
    )
    assert any(line.split()[:2] == ["656", "b8d8c0ed"] and line.endswith("locals") for line in lines)
    assert all(len(line) <= 100 and line.isascii() for line in lines)


@pytest.mark.parametrize(
    ("code", "count", "expected"),
    [
        ("83ec20e800100000", 0x24, {"return address": 4, "locals": 0x20}),
        ("515157e800100000", 16, {"return address": 4, "saved registers": 4, "locals": 8}),
        ("c8500000e800100000", 0x58, {"return address": 4, "locals": 0x54}),
        (
            "558bec83e4f083ec20ffd0",
            56,
            {"return address": 4, "saved EBP": 4, "locals": 32, "alignment": 16},
        ),
        (
            "558bec8b45082be05650ffd0",
            16 + 0x90,
            {
                "return address": 4,
                "saved EBP": 4,
                "saved registers": 4,
                "dynamic alloca": 0x90,
                "outgoing arguments": 4,
            },
        ),
    ],
)
def test_ways_to_make_room(code: str, count: int, expected: Dict[str, int]) -> None:
    assert parts(explain(code, count)) == expected


@pytest.mark.parametrize(
    ("code", "count", "expected"),
    [
        ("1f60e800100000", 4, {"return address": 4}),  # pop ds, pushad: more than the frame has
        ("1f60e800100000", 32, {"return address": 4, "locals": 28}),
        ("5983ec2051e800100000", 0x24, {"return address": 4, "locals": 32}),  # pop ecx, room, push ecx
        ("5958e800100000", 12, {"return address": 4, "unknown": 8}),
    ],
)
def test_code_that_pops_its_return_address_still_adds_up(code: str, count: int, expected: Dict[str, int]) -> None:
    assert parts(explain(code, count)) == expected


def test_bytes_that_the_code_does_not_make_are_unknown_and_said_so() -> None:
    found = explain("558bec83ec10e800100000", 200)
    assert parts(found) == {"return address": 4, "saved EBP": 4, "locals": 16, "unknown": 176}
    assert any("trap frame" in note for note in found.notes)


def test_a_frame_smaller_than_its_code_is_not_explained_by_it() -> None:
    found = explain("558bec81ec00100000e800100000", 40)
    assert parts(found) == {"return address": 4, "unknown": 36}
    assert any("more than the frame has" in note for note in found.notes)


def test_without_the_function_only_the_return_address_is_known() -> None:
    reader = machine("c3")
    found = Explainer(StackDepths(reader), lambda _: None).explain(frame_of(64, 0x12345678, 0x22222222))
    assert parts(found) == {"return address": 4, "unknown": 60}
    assert (found.site, found.function) == (None, None)
    assert len(found.notes) == 2


def test_a_call_through_a_register_is_found_by_the_function_that_runs() -> None:
    found = explain("83ec20e800100000", 0x24, call="ffd0", start=FUNCTION)
    assert found.function == FUNCTION
    assert any("not in the code" in note for note in found.notes)


@pytest.mark.parametrize("count", [None, 0, 3, -8])
def test_a_frame_without_bytes_is_refused(count: Optional[int]) -> None:
    with pytest.raises(NothingFound, match="has no bytes of its own"):
        Explainer(StackDepths(machine("c3")), lambda _: None).explain(frame_of(count, FUNCTION))


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_compilers_frames_leave_nothing_unknown_but_behind_guessed_calls(vector: Vector) -> None:
    depths = StackDepths(vector.reader())
    unknown = []
    for call in vector.calls:
        explainer = Explainer(depths, lambda _, start=call.function: start)  # type: ignore[misc]
        found = explainer.explain(frame_of(call.depth + 4, call.return_address, 0x22222222))
        assert sum(part.bytes for part in found.parts) == call.depth + 4
        assert max(map(len, explanation_lines(found))) <= 100
        exact = depths.at(call.function, call.return_address).exact
        unknown += [part for part in found.parts if part.purpose is Purpose.UNKNOWN and (exact or part.bytes > 16)]
    assert unknown == []


@given(st.binary(max_size=200), st.integers(4, 5000), st.integers(0, 200))
@example(b"\x1f\x60", 4, 2)
@settings(max_examples=200, deadline=2000)
def test_parts_add_up_for_any_code(code: bytes, count: int, at: int) -> None:
    explainer = Explainer(StackDepths(machine(code.hex())), lambda _: FUNCTION)
    found = explainer.explain(frame_of(count, FUNCTION + at))
    assert sum(part.bytes for part in found.parts) == count
    assert all(part.bytes > 0 for part in found.parts)
    assert max(map(len, explanation_lines(found))) <= 100
