"""The static stack depth against what really happened when compilers' code ran."""

from __future__ import annotations

from typing import Dict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hogwalk.errors import Unreadable
from hogwalk.machine.x86.depth import Depths, StackDepths
from hogwalk.machine.x86.functions import FunctionStarts
from hogwalk.machine.x86.reader import CodeReader
from tests.code.vectors.vector import TrueCall, Vector, vectors

BASE, PAGE = 0x401000, 0x1000


def code_reader(code: bytes, base: int = BASE) -> CodeReader:
    pages: Dict[int, bytes] = {}
    for at in range(0, len(code), PAGE):
        pages[base + at] = code[at : at + PAGE].ljust(PAGE, b"\xcc")

    def read(address: int, count: int) -> bytes:
        if address not in pages:
            raise Unreadable(address, count)
        return pages[address]

    return CodeReader(read, PAGE)


def depths_of(text: str) -> StackDepths:
    return StackDepths(code_reader(bytes.fromhex(text)))


def fits(depths: Depths, call: TrueCall) -> bool:
    """Whether everything that the analysis claims is true of a call as it ran."""
    depth = call.depth in depths.depths or (depths.dynamic and depths.minimum <= call.depth)
    ebp = depths.frame_ebp is None or depths.frame_ebp == call.ebp_above
    kept = not depths.ebp_kept or call.ebp_kept
    saved = depths.saved_ebp is None or depths.saved_ebp in call.saved
    return depth and ebp and kept and saved


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_depths_from_the_entry_hold_for_every_call(vector: Vector) -> None:
    depths = StackDepths(vector.reader())
    wrong = [call for call in vector.calls if not fits(depths.at(call.function, call.return_address), call)]
    assert wrong == []


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_depths_from_the_entry_are_few(vector: Vector) -> None:
    depths = StackDepths(vector.reader())
    sizes = [len(depths.at(call.function, call.return_address).depths) for call in vector.calls]
    assert sum(sizes) < 1.5 * len(sizes)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_depths_without_the_entry_are_never_wrong_where_exact(vector: Vector) -> None:
    depths = StackDepths(vector.reader())
    found = [(depths.at(None, call.return_address), call) for call in vector.calls]
    assert [(one, call) for one, call in found if one.exact and call.depth not in one.depths] == []
    if not any("-fno-omit" in flag or flag == "-O0" for flag in vector.flags) and "gcc" not in vector.compiler:
        assert sum(call.depth in one.depths for one, call in found) > 0.4 * len(found)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_function_starts_without_symbols(vector: Vector) -> None:
    starts = FunctionStarts(StackDepths(vector.reader()))
    right = sum(starts.start_of(call.return_address) == call.function for call in vector.calls)
    assert right >= 0.96 * len(vector.calls)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_every_page_of_code_is_read_once(vector: Vector) -> None:
    asked = []

    def read(address: int, count: int) -> bytes:
        asked.append((address, count))
        return vector.read(address, count)

    depths = StackDepths(CodeReader(read, PAGE))
    for call in vector.calls:
        depths.at(call.function, call.return_address)
        depths.at(None, call.return_address)
    assert len(asked) == len(set(asked))


def test_an_aligned_stack_leaves_as_many_depths_as_the_alignment_has_words() -> None:
    # push ebp; mov ebp,esp; and esp,-16; sub esp,20h; call +0; leave; ret
    depths = depths_of("558bec83e4f083ec20e8f7000000c9c3").at(BASE, BASE + 14)
    assert depths.depths == (36, 40, 44, 48)
    assert (depths.alignment, depths.aligned_above, depths.frame_ebp, depths.saved_ebp) == (16, 32, 4, 4)
    assert depths.return_slots(0x1000 - 4 - 32) == tuple(0x1000 - 32 + depth for depth in depths.depths)
    assert depths.return_slots(0x1000) == ()


def test_an_unknown_call_is_solved_by_what_the_return_needs() -> None:
    # push esi; push 1; push 2; call eax (takes 8); push 3; call eax; pop esi; ret
    depths = depths_of("566a016a02ffd06a03e8eeffffff5ec3")
    first = depths.at(BASE, BASE + 7)
    assert (first.depths, first.exact) == ((12,), True)


def test_arguments_that_the_walker_knows_settle_the_depth_without_an_entry() -> None:
    depths = depths_of("ffd083c4105ec3")  # call eax; add esp,10h; pop esi; ret
    assert depths.at(None, BASE + 2).depths[:3] == (20, 24, 28)
    known = depths.at(None, BASE + 2, popped=8)
    assert (known.depths, known.exact) == ((28,), True)


def test_nothing_is_claimed_about_code_that_cannot_be_read() -> None:
    depths = depths_of("c3")
    assert depths.at(0x9000, 0x9010) == Depths()
    assert depths.popped(0x9000) is None
    assert depths.popped(BASE) == 0


@given(st.binary(min_size=1, max_size=600), st.integers(0, 600), st.integers(0, 600))
@settings(max_examples=300, deadline=2000)
def test_any_bytes_end_without_a_crash(code: bytes, start: int, at: int) -> None:
    check_ends(code, start, at)


WORDS = """55 8bec e8f0ffffff e810000000 7410 75f0 ffd0 50 83c404 83ec10 83e4f0 2be0 8be0 c9 5d eb05 ff248500104000 94
    b800100000 c3 c20800 60 8d6424f0 0f8400000000 81ec00200000 c8100000 648925 ff1500104000 6a01 6800104000 ffe0
    8b0485001040 cd2e 66"""
PIECES = tuple(map(bytes.fromhex, WORDS.split()))


@given(st.lists(st.sampled_from(PIECES), max_size=200).map(b"".join), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=300, deadline=4000)
def test_any_mix_of_stack_instructions_ends_without_a_crash(code: bytes, start: int, at: int) -> None:
    check_ends(code, start, at)


def check_ends(code: bytes, start: int, at: int) -> None:
    depths = StackDepths(code_reader(code))
    for found in (depths.at(BASE + start, BASE + at), depths.at(None, BASE + at)):
        assert all(depth >= found.minimum for depth in found.depths)
        assert len(found.depths) <= 64 + 17
        assert not (found.exact and not found.depths)
    FunctionStarts(depths).start_of(BASE + at)
