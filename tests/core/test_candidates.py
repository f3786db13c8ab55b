"""Candidates: who is listed, in which order, and why."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from hogwalk.model import BugCheck, Registers, Triple
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.kf.choose import frame_count
from hogwalk.walk.kf.pairs import Starts
from hogwalk.walk.kf.rank import Candidate
from hogwalk.walk.kf.scoring import End, Fact, Finding, distance_points
from tests.core.scenes import (
    BASE,
    LIMIT,
    Machine,
    draw_chain,
    evidence_of,
    machine,
    newest_first,
    silent,
    usual_stack,
    with_processor,
    with_thread,
)
from tests.drawn import Stack


def ranked(scene: Machine, stack: Stack) -> Sequence[Candidate]:
    scene.target.put(stack.limit, stack.image())
    return evidence_of(scene.target, stack).candidates


def slots(found: Sequence[Candidate]) -> List[int]:
    return [candidate.triple.stack_ptr for candidate in found]


def test_the_triple_is_kfs() -> None:
    scene = machine()
    stack = usual_stack(scene)
    best = ranked(scene, stack)[0]
    assert best.triple == Triple(LIMIT + 0x180, LIMIT + 0x80, scene.hog_ring[-1])
    assert (best.frames, best.bytes) == (11, 0xA00)


def test_one_candidate_for_each_chain_its_head() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE)
    draw_chain(stack, [LIMIT + 0x10, LIMIT + 0x50, LIMIT + 0x90], newest_first(scene.hog_ring, 3))
    draw_chain(stack, [LIMIT + at for at in range(0x200, 0x400, 0x40)], newest_first(scene.nt_ring, 8))
    assert slots(ranked(scene, stack)) == [LIMIT + 0x200, LIMIT + 0x10]


def test_a_lone_pair_is_no_candidate() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE).frame("lone", LIMIT + 0x100, scene.hog_ring[0])
    assert ranked(scene, stack) == ()


def test_a_start_that_costs_points_does_not_hide_the_better_one_behind_it() -> None:
    # A stale pointer followed by plain code leads into the chain: the chain's own head must stay listed, and first.
    scene = machine()
    stack = usual_stack(scene)
    stack.go(LIMIT + 0x20).word(LIMIT + 0x80, scene.hog_ring[3] + 1)
    found = ranked(scene, stack)
    assert slots(found) == [LIMIT + 0x80, LIMIT + 0x20]


def test_findings_add_up_to_the_score() -> None:
    scene = machine()
    stack = usual_stack(scene)
    stack.go(LIMIT + 0x20).word(LIMIT + 0x80, scene.hog_ring[3] + 1)
    for candidate in ranked(scene, stack):
        assert sum(finding.points for finding in candidate.findings) == candidate.score


def test_findings_name_the_facts() -> None:
    scene = machine()
    best = ranked(scene, usual_stack(scene))[0]
    assert [(finding.points, finding.words) for finding in best.findings] == [
        (44, f"11 {Fact.CALLED.many}"),
        (36, f"9 {Fact.LINKED.many}"),
        (6, End.ZERO.words),
        (-2, "starts 128 bytes above the place where the newest frame must lie"),
    ]


def test_of_equal_chains_the_one_nearer_to_limit_wins() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE)
    for start in (LIMIT + 0x800, LIMIT + 0x100):
        draw_chain(stack, [start, start + 0x40, start + 0x80], newest_first(scene.hog_ring, 3))
    assert slots(ranked(scene, stack)) == [LIMIT + 0x100, LIMIT + 0x800]


def test_ties_go_to_the_lower_address() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE)
    for start in (LIMIT + 0x20, LIMIT):
        draw_chain(stack, [start, start + 0x8, start + 0x10], newest_first(scene.hog_ring, 3))
    found = ranked(scene, stack)
    assert found[0].score == found[1].score
    assert slots(found) == [LIMIT, LIMIT + 0x20]


def test_distance_costs_a_point_per_64_bytes_up_to_64() -> None:
    assert [distance_points(far) for far in (-8, 0, 63, 64, 4095, 4096, 1 << 20)] == [0, 0, 0, 1, 63, 64, 64]


def double_fault(esp: Optional[int]) -> Tuple[Machine, Stack]:
    scene = machine(bugcheck=BugCheck(0x7F, (8, 0x80042000, 0, 0)))
    stack = Stack(LIMIT, BASE)
    draw_chain(stack, [LIMIT + 0x40 * number for number in range(8)], newest_first(scene.hog_ring, 8))
    draw_chain(stack, [LIMIT + 0x400 + 0x40 * number for number in range(6)], newest_first(scene.nt_ring, 6))
    scene.target.put(LIMIT, stack.image())
    with_thread(scene.target)
    if esp is not None:
        with_processor(scene.target, LIMIT, BASE, (scene.nt_ring[0], esp, LIMIT + 0x400))
    return scene, stack


def test_a_faulting_esp_makes_what_lies_below_it_stale() -> None:
    scene, _ = double_fault(LIMIT + 0x3F0)
    found = gather(scene.target, Request(), silent)
    assert found.registers is not None
    assert (found.registers.sp, found.registers.source) == (LIMIT + 0x3F0, "TSS 28")
    assert slots(found.candidates)[0] == LIMIT + 0x400
    assert LIMIT in slots(found.candidates)
    for candidate in found.candidates[1:]:
        assert any("below the faulting ESP" in finding.words for finding in candidate.findings)


def test_an_esp_on_the_guard_page_speaks_of_this_stack_but_kills_nothing() -> None:
    scene, _ = double_fault(LIMIT - 0x30)
    found = gather(scene.target, Request(), silent)
    assert found.registers is not None
    assert slots(found.candidates) == [LIMIT, LIMIT + 0x400]


def test_registers_of_another_stack_are_not_used() -> None:
    for esp in (LIMIT - 0x4004, BASE, None):
        scene, _ = double_fault(esp)
        assert gather(scene.target, Request(), silent).registers is None


def test_without_a_double_fault_the_tss_says_nothing() -> None:
    for bugcheck in (None, BugCheck(0x7F, (0, 0, 0, 0)), BugCheck(0x1E, (8, 0, 0, 0)), BugCheck(0x7F, ())):
        scene = machine(bugcheck=bugcheck)
        usual_stack(scene)
        with_processor(scene.target, LIMIT, BASE, (1, LIMIT + 0x400, 0))
        assert gather(scene.target, Request(), silent).registers is None


def test_slots_in_unreadable_pages_are_no_candidates() -> None:
    scene = machine()
    stack = usual_stack(scene, frames=20)
    scene.target.forget(LIMIT, LIMIT + 0x1000)
    for candidate in evidence_of(scene.target, stack).candidates:
        assert candidate.triple.stack_ptr >= LIMIT + 0x1000


def test_the_row_limit_grows_with_the_stack_up_to_the_engines() -> None:
    assert [frame_count(size) for size in (0x1000, 0x3000, 1 << 20, 16 << 20)] == [0x100, 0x200, 0xAAAA, 0xFFFF]


def test_pairs_are_ranked_when_one_asks_for_more_than_the_registers() -> None:
    asked: List[str] = []

    def pairs() -> Tuple[Candidate, ...]:
        asked.append("ranked")
        return (Candidate(Triple(None, LIMIT + 8, 1), 5, Finding(5, "why"), 2, 8),)

    found = Starts(Registers(2, LIMIT, 0, "trap frame"), pairs)
    first = next(iter(found))
    assert (first.from_registers, first.triple, asked) == (True, Triple(None, LIMIT, 2), [])
    assert [one.score for one in found] == [first.score, 5]
    assert asked == ["ranked"]
