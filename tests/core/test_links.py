"""Links: whether a call leads into the function that runs, as far as function starts are known."""

from __future__ import annotations

from typing import List, Tuple

from hogwalk.walk.facts.links import Link
from tests.core.scenes import judge_for
from tests.drawn import Code, DrawnTarget

NT, HOG = 0x80800000, 0xB9580000


def scene(symbols: str) -> Tuple[DrawnTarget, Code, Code]:
    target = DrawnTarget()
    return target, Code("nt", NT), Code("hog", HOG, 0x20000, symbols)


def verdict(target: DrawnTarget, modules: List[Code], words: List[int], back: int, running: int) -> Link:
    target.load(*modules)
    return judge_for(target, words).judge(back, running)


def test_with_a_pdb_the_start_of_the_function_decides() -> None:
    for running in (0x1000, 0x1010, 0x10FF, 0x1100):
        expected = Link.MATCH if running < 0x1100 else Link.MISMATCH
        target, nt, hog = scene("pdb")
        back = nt.call(0x1100, hog.function(0x1000, "Called"))
        hog.function(0x1100, "Next")
        assert verdict(target, [nt, hog], [back, HOG + running], back, HOG + running) is expected


def test_code_before_the_target_is_another_function() -> None:
    for symbols in ("pdb", "export", "none"):
        target, nt, hog = scene(symbols)
        back = nt.call(0x1100, hog.function(0x1200))
        assert verdict(target, [nt, hog], [back, HOG + 0x1150], back, HOG + 0x1150) is Link.MISMATCH


def test_an_export_is_only_a_bound() -> None:
    # Between the export and the code that runs lies a function that is not exported; the call names it.
    target, nt, hog = scene("export")
    hog.function(0x1000, "Exported")
    back = nt.call(0x1100, hog.function(0x1100))
    running = hog.call(0x1120, hog.function(0x2000))
    assert verdict(target, [nt, hog], [back, running], back, running) is Link.MATCH


def test_an_export_between_target_and_code_speaks_against() -> None:
    target, nt, hog = scene("export")
    back = nt.call(0x1100, hog.function(0x1000))
    hog.function(0x1100, "Exported")
    assert verdict(target, [nt, hog], [back, HOG + 0x1180], back, HOG + 0x1180) is Link.MISMATCH


def test_without_symbols_the_known_call_targets_are_the_starts() -> None:
    target, nt, hog = scene("none")
    first, second = hog.function(0x1000), hog.function(0x1100)
    one, two = nt.call(0x1100, first), nt.call(0x1200, second)
    in_first, in_second = hog.call(0x1020, second), hog.call(0x1120, first)
    target.load(nt, hog)
    judge = judge_for(target, [one, two, in_first, in_second])
    assert judge.judge(one, in_first) is Link.MATCH
    assert judge.judge(one, in_second) is Link.MISMATCH
    assert judge.judge(two, in_second) is Link.MATCH
    assert judge.function_start(in_second) == second


def test_a_start_in_another_module_does_not_count() -> None:
    target, nt, hog = scene("none")
    one = hog.call(0x1100, nt.function(0x2000))
    target.load(nt, hog)
    assert judge_for(target, [one]).function_start(HOG + 0x1180) is None


def test_code_after_the_end_of_the_target_is_another_function() -> None:
    target, nt, hog = scene("none")
    back = nt.call(0x1100, hog.function(0x1000))
    assert verdict(target, [nt, hog], [back, HOG + 0x1080], back, HOG + 0x1080) is Link.MISMATCH


def test_a_call_into_another_module_is_a_mismatch() -> None:
    target, nt, hog = scene("pdb")
    back = nt.call(0x1100, nt.function(0x2000, "Own"))
    assert verdict(target, [nt, hog], [back, HOG + 0x1010], back, HOG + 0x1010) is Link.MISMATCH


def test_a_thunk_counts_as_the_function_behind_it() -> None:
    target, nt, hog = scene("pdb")
    thunk = nt.jump_through(0x1800, nt.pointer(0, hog.function(0x1000, "Called")))
    back = nt.call(0x1100, thunk)
    assert verdict(target, [nt, hog], [back, HOG + 0x1010], back, HOG + 0x1010) is Link.MATCH


def test_a_call_of_a_register_or_no_call_says_nothing() -> None:
    target, nt, hog = scene("pdb")
    back = nt.call_register(0x1100)
    hog.function(0x1000, "Called")
    target.load(nt, hog)
    judge = judge_for(target, [back, HOG + 0x1010])
    assert judge.judge(back, HOG + 0x1010) is Link.UNKNOWN
    assert judge.judge(back + 3, HOG + 0x1010) is Link.UNKNOWN


def test_code_that_runs_in_no_module_is_never_matched() -> None:
    target, nt, hog = scene("pdb")
    back = nt.call(0x1100, hog.function(0x1000, "Called"))
    assert verdict(target, [nt, hog], [back], back, 0x12345678) is Link.MISMATCH
