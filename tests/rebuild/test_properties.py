"""Whatever bytes lie on the stack and in the code: the walk stays on the stack, rises, ends and balances its books."""

from __future__ import annotations

from typing import List, Tuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hogwalk.model import BugCheck, Module
from hogwalk.walk.rebuild import rebuild
from hogwalk.walk.rebuild.confidence import confidence
from tests.rebuild.machine import PAGE, Machine

CODE, STACK = 0xB8001000, 0xBA000000
SIZE = 0x400
DOUBLE_FAULT = BugCheck(0x7F, (8, 0, 0, 0))
CALLS = (b"\xe8\x00\x01\x00\x00", b"\xff\xd0", b"\xff\x15\x00\x10\x00\xb8", b"\xff\x54\x81\x38", b"\xcd\x2e")

words = st.one_of(
    st.integers(CODE, CODE + 0x3FF),
    st.integers(STACK, STACK + SIZE).map(lambda address: address & ~3),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([0, 8, 0x1B, 0x246, 0xBADB0D00]),
)
code = st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(CALLS)), max_size=60).map(b"".join)
holes = st.lists(st.integers(0, 3), max_size=2)


def machine(stack: List[int], text: bytes, pages: int, missing: List[int]) -> Tuple[Machine, int]:
    built = Machine([Module("driver", CODE - PAGE, CODE + PAGE, "none")], bugcheck=DOUBLE_FAULT)
    if text:
        built.write(CODE, text)
    for page in range(pages):
        if page not in missing[: pages - 1] or page == 0:
            built.write_words(STACK + PAGE * page, stack)
    return built, STACK + PAGE * pages


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(words, min_size=4, max_size=SIZE // 4), code, st.integers(1, 4), holes)
def test_the_walk_stays_rises_ends_and_balances(stack: List[int], text: bytes, pages: int, missing: List[int]) -> None:
    built, base = machine(stack, text, pages, missing)
    evidence = built.evidence(STACK, base)
    rebuilt = rebuild(evidence)
    slots = [frame.return_slot for frame in rebuilt.frames]
    assert slots == sorted(set(slots))
    assert all(STACK <= slot < base for slot in slots)
    assert sum(frame.bytes or 0 for frame in rebuilt.frames) + sum(gap.bytes for gap in rebuilt.gaps) == base - STACK
    assert len(rebuilt.reasons) == len(rebuilt.probabilities) == len(slots)
    assert all(0 <= probability <= 1 for probability in rebuilt.probabilities)
    stated = confidence(rebuilt, evidence.modules, lambda name: name)
    assert stated is None or 0 < stated.probability < 1
    assert stated is None or 0 <= stated.low <= stated.high <= base - STACK
