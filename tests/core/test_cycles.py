"""Re-entered cycles: the run of functions that a stack goes through more than once."""

from __future__ import annotations

from typing import List, Optional

from hypothesis import given, settings
from hypothesis import strategies as st

from hogwalk.answer.charge.cycles import SHORTEST, Cycle, find_cycle
from hogwalk.model import Frame
from tests.core.scenes import frame


def frames(names: str, size: int = 16) -> List[Frame]:
    """One frame of `size` bytes for each letter."""
    return [frame("m", name, size) for name in names]


def cycle(names: str) -> Optional[Cycle]:
    return find_cycle(frames(names))


def test_no_frames_and_no_repeat_give_no_cycle() -> None:
    for names in ("", "a", "ab", "abcdefgh", "abab", "abcab"):
        assert cycle(names) is None


def test_a_run_that_comes_back_is_found_with_its_bytes_and_places() -> None:
    assert cycle("xabcdyabcdz") == Cycle(4, (1, 6), 8 * 16, ("m!a", "m!b", "m!c", "m!d"))


def test_a_run_that_repeats_itself_is_given_by_its_shortest_period() -> None:
    assert cycle("abcabcabcabc") == Cycle(3, (0, 3, 6, 9), 12 * 16, ("m!a", "m!b", "m!c"))


def test_a_cycle_cut_short_by_the_end_of_the_stack_is_still_the_cycle() -> None:
    for tail in ("a", "ab"):
        found = cycle("abc" * 3 + tail)
        assert found is not None
        assert (found.length, found.starts) == (3, (0, 3, 6))


def test_short_runs_are_no_cycle() -> None:
    assert SHORTEST == 3
    assert cycle("xabyabz") is None


def test_plain_recursion_is_a_cycle_of_one_or_two() -> None:
    assert cycle("xaaay") == Cycle(1, (1, 2, 3), 3 * 16, ("m!a",))
    assert cycle("xababab") == Cycle(2, (1, 3, 5), 6 * 16, ("m!a", "m!b"))
    assert cycle("a" * 100) == Cycle(1, tuple(range(100)), 1600, ("m!a",))


def test_first_frames_without_bytes_count_as_none() -> None:
    found = find_cycle([frame("m", "a", None), *frames("bcabc")])
    assert found is not None
    assert found.bytes == 5 * 16


@given(st.text("abcd", max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_cycle_is_what_it_says(names: str) -> None:
    found = cycle(names)
    if found is None:
        runs = {names[at : at + 3] for at in range(len(names) - 2)}
        assert not any(names.count(run) > 1 for run in runs)
        return
    run = [name[-1] for name in found.functions]
    assert len(run) == found.length
    assert len(found.starts) >= 2
    for start in found.starts:
        assert list(names[start : start + found.length]) == run
    for one, other in zip(found.starts, found.starts[1:]):
        assert one + found.length <= other
    assert found.bytes == 16 * found.length * len(found.starts)


def test_a_long_cycle_is_found_whole() -> None:
    found = find_cycle([frame("m", f"f{number % 400}", 16) for number in range(1000)])
    assert found is not None
    assert (found.length, found.starts) == (400, (0, 400))
