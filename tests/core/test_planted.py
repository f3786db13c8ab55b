"""A chain planted in noise is found, ranked first, and walked from end to end."""

from __future__ import annotations

from typing import List

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hogwalk.model import Triple
from hogwalk.walk.evidence import Request
from tests.core.scenes import Machine, draw_chain, machine, newest_first, report_of
from tests.drawn import Stack

SCENE = machine()
LIMIT, BASE = 0xB8AE7000, 0xB8AE9000


def noise(scene: Machine) -> st.SearchStrategy[List[int]]:
    """Leftovers: data, stack pointers, code pointers, stale return addresses, in any order."""
    backs = st.sampled_from([*scene.nt_ring, *scene.hog_ring, scene.bridge])
    code = st.integers(scene.nt.start + 0x1000, scene.nt.start + 0x3000)
    pointer = st.integers(LIMIT // 4, BASE // 4 - 1).map(lambda word: 4 * word)
    data = st.integers(0, 0x7FFFFFFF)
    return st.lists(st.one_of(data, pointer, code, backs), min_size=8, max_size=64)


def drawn(leftovers: List[int], slots: List[int], codes: List[int]) -> Stack:
    """The chain between the leftovers; a stack pointer with code behind it would be a rival start, not noise."""
    words = (leftovers * ((BASE - LIMIT) // 4 // len(leftovers) + 1))[: (BASE - LIMIT) // 4]
    for index in range(len(words) - 1):
        if LIMIT <= words[index] < BASE and words[index + 1] >= 0x80000000:
            words[index + 1] = 0x20736977
    stack = Stack(LIMIT, BASE).word(*words)
    draw_chain(stack, slots, codes)
    return stack.go(slots[0] - 4).word(0x5F4D5953)


@given(
    leftovers=noise(SCENE),
    first=st.integers(1, 64),
    steps=st.lists(st.integers(3, 40), min_size=10, max_size=40),  # in words; two frames of 8 bytes may end it early
    hogs=st.integers(0, 12),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_chain_in_noise_is_found_first_and_walked_whole(
    leftovers: List[int], first: int, steps: List[int], hogs: int
) -> None:
    slots = [LIMIT + 4 * first]
    for step in steps:
        slots.append(slots[-1] + 4 * step)
    above = newest_first(SCENE.hog_ring, min(hogs, len(slots) - 2))
    codes = [*above, SCENE.bridge, *newest_first(SCENE.nt_ring, len(slots) - len(above) - 1)]
    stack = drawn(leftovers, slots, codes)
    SCENE.target.put(LIMIT, stack.image())
    report = report_of(SCENE.target, Request(LIMIT, BASE))
    assert report.candidates[0].triple == Triple(slots[1], slots[0], codes[0])
    planted = [found for found in report.frames if found.return_slot - 4 in slots[1:]]
    assert [found.return_slot - 4 for found in planted] == slots[1:]
    assert [found.return_address for found in planted] == codes[1:]
    assert [found.bytes for found in planted[1:]] == [4 * step for step in steps[1:]]
