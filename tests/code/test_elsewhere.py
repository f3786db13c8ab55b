"""What other calls of a function show that it takes, where its own code cannot be read."""

from __future__ import annotations

from hogwalk.machine.x86.callees import Blocks
from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.elsewhere import taken_elsewhere
from tests.code.test_depth import BASE
from tests.code.test_exact import reader_of

CELL, OTHER_CELL = "ff1500f04000", "ff1504f04000"  # call [40F000h], [40F004h]: neither can be read
# push 1; push 2; call [cell]; ret, and with the arguments taken back by the caller
EVEN, EVEN_TOO, TAKEN_BACK = ("6a01 6a02" + CELL + ret for ret in ("c3", "90c3", "83c408 c3"))
# push esi; push 1; push 2; call [cell]; push 3; call eax; pop esi; ret
TWO = "56 6a01 6a02" + CELL + "6a03 ffd0 5e c3"
BEHIND_EVEN, BEHIND_FIRST, BEHIND_SECOND = 10, 11, 15


def test_a_call_that_leaves_the_stack_even_tells_what_the_cell_s_function_takes() -> None:
    reader = reader_of(EVEN, TWO)
    known = taken_elsewhere(StackDepths(reader), [(BASE, BASE + BEHIND_EVEN)])
    assert known == {0x40F000: 8}
    alone = StackDepths(reader).at(BASE + 0x100, BASE + 0x100 + BEHIND_SECOND)
    assert not alone.exact
    depths = StackDepths(reader, Blocks(reader, told=known.get))
    assert depths.at(BASE + 0x100, BASE + 0x100 + BEHIND_FIRST)[:2] == ((12,), True)
    assert depths.at(BASE + 0x100, BASE + 0x100 + BEHIND_SECOND)[:2] == ((8,), True)
    # Without the function's start, what is taken lies between the call and the way to the `ret`.
    assert depths.at(None, BASE + BEHIND_EVEN)[:2] == ((8,), True)


def test_calls_that_show_different_numbers_prove_nothing() -> None:
    reader = reader_of(EVEN, EVEN_TOO, TAKEN_BACK)
    calls = [(BASE + at, BASE + at + BEHIND_EVEN) for at in (0, 0x100, 0x200)]
    assert taken_elsewhere(StackDepths(reader), calls[:2]) == {0x40F000: 8}
    assert taken_elsewhere(StackDepths(reader), calls[2:]) == {0x40F000: 0}
    assert taken_elsewhere(StackDepths(reader), calls) == {}


def test_a_call_behind_one_that_is_guessed_shows_nothing() -> None:
    # push 1; call [cell]; push 2; call [other cell]; ret
    reader = reader_of("6a01" + CELL + "6a02" + OTHER_CELL + "c3")
    assert taken_elsewhere(StackDepths(reader), [(BASE, BASE + 16)]) == {}


def test_code_that_tells_is_not_asked_for() -> None:
    def told(function: int) -> int:
        raise AssertionError(f"{function:x} was asked for")

    # push 1; call +100h, which takes 4; ret
    reader = reader_of("6a01 e8f9000000 c3", "c20400")
    depths = StackDepths(reader, Blocks(reader, told=told))
    assert depths.at(BASE, BASE + 7)[:2] == ((4,), True)


def test_what_is_told_of_a_function_does_not_end_it() -> None:
    reader = reader_of("c3")
    depths = StackDepths(reader, Blocks(reader, told=lambda function: 8))
    assert (depths.popped(BASE), depths.ends(BASE)) == (0, True)
    assert (depths.popped(0x9000), depths.ends(0x9000)) == (8, False)
