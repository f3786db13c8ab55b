"""Chains of saved EBPs: what links two frames, what speaks against it, where a chain ends."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from hogwalk.machine.windows import TRAP_MARK
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites
from hogwalk.walk.kf.chains import Chain, ChainFinder
from hogwalk.walk.kf.scoring import End, Fact, Tally
from tests.core.scenes import BASE, LIMIT, Machine, image_of, judge_for, machine, newest_first
from tests.drawn import Stack


def chains(scene: Machine, stack: Stack, alive_from: Optional[int] = None) -> Dict[int, Chain]:
    image = image_of(stack)
    reader = CodeReader(scene.target.read)
    modules = ModuleMap(scene.target.modules(), reader)
    words = sorted(word for word in set(image.words) if modules.is_code(word))
    return ChainFinder(image, CallSites(modules, reader), judge_for(scene.target, words), alive_from).chains()


def drawn(*, first: Tuple[int, int]) -> Tuple[Machine, Stack]:
    """Two frames: `first` holds hog indices of the newer and the older return address."""
    scene = machine()
    stack = Stack(LIMIT, BASE).go(LIMIT + 0x40)
    stack.frame("newer", "older", scene.hog_ring[first[0]]).skip(0x38)
    stack.frame("older", "end", scene.hog_ring[first[1]]).skip(0x40).label("end").word(0)
    return scene, stack


def test_a_call_of_the_running_function_links_two_frames() -> None:
    # hog!Ring6 runs in the older frame's place: the call at Ring5 targets it.
    scene, stack = drawn(first=(6, 5))
    chain = chains(scene, stack)[stack.address("newer")]
    assert (chain.successor, chain.frames, chain.last_slot) == (stack.address("older"), 2, stack.address("older"))
    assert chain.tally == Tally(called=2, linked=1)


def test_a_call_of_another_function_contradicts_the_link() -> None:
    scene, stack = drawn(first=(6, 8))
    assert chains(scene, stack)[stack.address("newer")].tally == Tally(called=2, contradicted=1)


def test_a_call_through_a_register_neither_links_nor_contradicts() -> None:
    scene, _ = drawn(first=(6, 5))
    stack = Stack(LIMIT, BASE).frame("newer", "older", scene.hog_ring[3]).skip(8).frame("older", "end", scene.bridge)
    stack.label("end").word(0)
    assert chains(scene, stack)[stack.address("newer")].tally == Tally(called=2)


def test_a_call_into_another_module_than_the_one_that_runs_contradicts() -> None:
    scene, _ = drawn(first=(6, 5))
    stack = Stack(LIMIT, BASE).frame("newer", "older", scene.hog_ring[3]).frame("older", "end", scene.nt_ring[3])
    stack.label("end").word(0)
    assert chains(scene, stack)[stack.address("newer")].tally == Tally(called=2, contradicted=1)


def test_links_must_rise() -> None:
    scene, _ = drawn(first=(6, 5))
    stack = Stack(LIMIT, BASE).go(LIMIT + 0x40).frame("low", "top", scene.hog_ring[1]).skip(0x40)
    stack.frame("high", "low", scene.hog_ring[2]).frame("self", "self", scene.hog_ring[3]).go(BASE - 0x10).label("top")
    assert set(chains(scene, stack)) == {stack.address("low")}


def test_links_must_be_aligned() -> None:
    scene, _ = drawn(first=(6, 5))
    for off in (1, 2, 3):
        stack = Stack(LIMIT, BASE).frame("slot", LIMIT + 0x100 + off, scene.hog_ring[1])
        assert chains(scene, stack) == {}


def test_links_must_stay_below_base() -> None:
    scene, _ = drawn(first=(6, 5))
    assert chains(scene, Stack(LIMIT, BASE).frame("slot", BASE, scene.hog_ring[1])) == {}
    assert len(chains(scene, Stack(LIMIT, BASE).frame("slot", BASE - 4, scene.hog_ring[1]))) == 1


def test_the_word_behind_a_link_must_be_code() -> None:
    scene, _ = drawn(first=(6, 5))
    for word in (scene.hog.start, scene.hog.pointer(0, 0), 0x12345678, scene.hog.start + scene.hog.size):
        assert chains(scene, Stack(LIMIT, BASE).frame("slot", LIMIT + 0x100, word)) == {}


def test_code_without_a_call_before_it_counts_against_the_chain() -> None:
    scene, _ = drawn(first=(6, 5))
    stack = Stack(LIMIT, BASE).frame("slot", LIMIT + 0x100, scene.hog_ring[1] + 1)
    chain = chains(scene, stack)[LIMIT]
    assert chain.tally == Tally(plain=1)
    assert chain.points == Fact.PLAIN.points + End.ZERO.points


def test_code_that_cannot_be_read_counts_little() -> None:
    scene, _ = drawn(first=(6, 5))
    scene.target.forget(scene.hog.start, scene.hog.start + scene.hog.size)
    stack = Stack(LIMIT, BASE).frame("slot", LIMIT + 0x100, scene.hog_ring[1])
    assert chains(scene, stack)[LIMIT].tally == Tally(unread=1)


def test_frames_below_the_faulting_esp_are_dead() -> None:
    scene, stack = drawn(first=(6, 5))
    found = chains(scene, stack, alive_from=stack.address("older"))
    assert found[stack.address("newer")].tally == Tally(called=2, linked=1, stale=1)
    assert found[stack.address("older")].tally == Tally(called=1)


def test_a_trap_frame_bridges_to_the_code_it_interrupted() -> None:
    scene, _ = drawn(first=(6, 5))
    stack = Stack(LIMIT, BASE).frame("newer", "trap", scene.nt_ring[3]).skip(0x20)
    stack.frame("trap", "older", scene.hog_ring[6] + 7).word(TRAP_MARK).skip(0x80)
    stack.frame("older", "end", scene.hog_ring[5]).label("end").word(0)
    chain = chains(scene, stack)[stack.address("trap")]
    assert (chain.successor, chain.end) == (stack.address("older"), End.ZERO)
    assert chain.tally == Tally(called=1, trap=1, linked=1)


def test_a_trap_frame_from_user_mode_ends_the_chain() -> None:
    scene, _ = drawn(first=(6, 5))
    stack = Stack(LIMIT, BASE).frame("newer", "trap", scene.nt_ring[3])
    stack.frame("trap", 0x0335E534, 0x7C8285EC).word(TRAP_MARK)
    chain = chains(scene, stack)[stack.address("newer")]
    assert (chain.frames, chain.end) == (2, End.USER)


def test_a_trap_frame_whose_ebp_leads_nowhere_ends_openly() -> None:
    scene, _ = drawn(first=(6, 5))
    for lost in (0xFFFFFFFF, BASE, LIMIT - 4, LIMIT + 0x41):
        stack = Stack(LIMIT, BASE).frame("trap", lost, scene.hog_ring[6]).word(TRAP_MARK)
        chain = chains(scene, stack)[LIMIT]
        assert (chain.successor, chain.end) == (None, End.OPEN)


def test_a_chain_ends_at_a_zero_link_near_base_or_in_the_open() -> None:
    scene, _ = drawn(first=(6, 5))
    ends = {}
    for name, onward, word in (("zero", LIMIT + 0x400, 0), ("base", BASE - 0x400, 7), ("open", BASE - 0x404, 7)):
        stack = Stack(LIMIT, BASE).frame("slot", onward, scene.hog_ring[6]).go(onward).word(word)
        ends[name] = chains(scene, stack)[LIMIT].end
    assert ends == {"zero": End.ZERO, "base": End.BASE, "open": End.OPEN}


def test_points_are_those_of_the_facts_and_the_end() -> None:
    scene, stack = drawn(first=(6, 5))
    chain = chains(scene, stack)[stack.address("newer")]
    assert chain.points == 2 * Fact.CALLED.points + Fact.LINKED.points + End.ZERO.points


def test_a_long_chain_needs_no_recursion() -> None:
    scene = machine()
    base = LIMIT + 8 * 40000
    stack = Stack(LIMIT, base)
    for number, code in enumerate(newest_first(scene.hog_ring, 39990)):
        stack.word(LIMIT + 8 * (number + 1), code)
    chain = chains(scene, stack)[LIMIT]
    assert chain.frames == 39990
    assert chain.tally == Tally(called=39990, linked=39989)
