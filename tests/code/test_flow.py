"""How a flow goes through a function: which block comes next, which calls it can come to, when it has done enough."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hogwalk.machine.x86.callees import MOST_STEPS
from hogwalk.machine.x86.calls import LONGEST, calls_before
from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.sweep import possible_calls
from hogwalk.machine.x86.waiting import Waiting
from tests.code.test_depth import BASE, depths_of, fits
from tests.code.vectors.vector import Vector, vectors


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_depths_inside_a_function_are_those_of_the_call_that_runs_there(vector: Vector) -> None:
    reader = vector.reader()
    depths, compared = StackDepths(reader), 0
    for call in vector.calls:
        told = depths.at(call.function, call.return_address)
        addresses = [
            one.address
            for one in calls_before(reader.readable_before(call.return_address, LONGEST), call.return_address)
        ]
        if told.exact and len(addresses) == 1:
            compared += 1
            assert depths.inside(call.function, addresses[0]).depths == told.depths
    assert compared > len(vector.calls) // 4


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_the_next_block_is_the_last_before_the_goal_else_the_one_that_waits_longest(
    moves: List[Tuple[bool, int]],
) -> None:
    waiting, model = Waiting(5), [5]
    for add, number in moves:
        if add:
            waiting.add(number)
            model.append(number)
        elif not model:
            assert waiting.take(number) is None
        else:
            expected = max((one for one in model if one < number), default=model[0])
            model.remove(expected)
            assert waiting.take(number) == expected
        assert bool(waiting) == bool(model)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_the_sweep_sees_every_call_that_ran(vector: Vector) -> None:
    reader = vector.reader()
    for call in vector.calls:
        possible = possible_calls(reader, call.function)
        assert possible is None or call.return_address in possible


@pytest.mark.parametrize(
    ("code", "possible"),
    [
        ("e800000000 e800000000 c3", {5, 10}),
        ("7405 e800000000 ffd0 eb02 ffd1 c3", {7, 9}),  # je over a call; jmp over another, which nothing comes to
        ("ff15 00000000 0f8400000000 66 90 c3", {6}),
        ("ffe0", None),  # a jump table, perhaps
        ("66b83412 e800000000 c3", None),
        ("cc e800000000", set()),
    ],
)
def test_the_sweep_follows_jumps_and_gives_up_where_it_cannot(code: str, possible: object) -> None:
    found = possible_calls(depths_of(code).blocks.reader, BASE)
    assert (None if found is None else {address - BASE for address in found}) == possible


def test_a_prefixed_constant_is_as_long_as_it_is_where_esp_is_unknown() -> None:
    depths = depths_of("8b20 66b83412 e800000000 c3")  # mov esp,[eax]; mov ax,1234h; call
    assert depths.flow(BASE).to_call(BASE + 11) is not None


@pytest.mark.parametrize("vector", vectors()[:6], ids=str)
def test_past_its_budget_the_analysis_tells_less_but_nothing_wrong(vector: Vector) -> None:
    depths = StackDepths(vector.reader())
    depths.blocks.steps = MOST_STEPS + 1
    found = [(depths.at(call.function, call.return_address), call) for call in vector.calls]
    assert [call for told, call in found if told.depths and told.exact and not fits(told, call)] == []
    assert any(told.exact for told, _ in found)


def test_depths_inside_follow_each_push() -> None:
    depths = depths_of("55 8bec 6a01 6a02 e800000000 c9 c20400")  # push ebp; mov ebp,esp; push 1; push 2; call
    found = [depths.inside(BASE, BASE + at) for at in (0, 1, 3, 5, 7)]
    assert [one.depths for one in found] == [(0,), (4,), (4,), (8,), (12,)]
    assert [one.frame_ebp for one in found] == [None, None, 4, 4, 4]
    assert depths.inside(BASE, BASE + 100).depths == ()
