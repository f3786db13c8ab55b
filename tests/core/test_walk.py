"""Walks: kf's rows as frames on this stack, the trust each earns, and the choice among walks."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest

from hogwalk.errors import BadInput, NothingFound
from hogwalk.machine.windows import TRAP_MARK
from hogwalk.model import Region, Source, Triple, Trust
from hogwalk.targets.parsers.kf import parse_kf
from hogwalk.walk.evidence import Request
from hogwalk.walk.kf.choose import SETTLED, TRIES, choose
from hogwalk.walk.kf.frames import Walk
from tests.core.scenes import (
    BASE,
    LIMIT,
    Machine,
    draw_chain,
    evidence_of,
    frame_reader,
    machine,
    newest_first,
    report_of,
    usual_stack,
)
from tests.drawn import KF_HEAD, Stack


def read(rows: str, stack: Optional[Stack] = None, scene: Optional[Machine] = None) -> Walk:
    """The walk that a kf answer with these rows gives on a stack, by default one that bears them all out."""
    scene = scene or machine()
    text = parse_kf(f"{KF_HEAD}\n{rows}", 4)
    if stack is None:
        stack = Stack(LIMIT, BASE)
        for found in text.rows:
            if found.frame_ptr is not None and found.return_address and LIMIT <= found.frame_ptr <= BASE - 8:
                stack.go(found.frame_ptr).word(0, found.return_address)
    scene.target.put(stack.limit, stack.image())
    reader = frame_reader(evidence_of(scene.target, stack))
    return reader.walk(Triple(LIMIT, LIMIT, 0x80801020), "kf=", text)


def row(frame: int, back: int = 0x80801060, name: str = "nt!Ring0+0x20", memory: str = "10") -> str:
    return f"{memory:>9} {frame:08x} {back:08x} {name}\n"


def trusts(walk: Walk) -> List[Trust]:
    return [frame.trust for frame in walk.frames]


def test_rows_become_frames_with_bytes_from_their_addresses() -> None:
    # The Memory column is printed wrong on purpose: bytes come from the addresses.
    walk = read(row(LIMIT + 0x10, memory="") + row(LIMIT + 0x50, memory="9999") + row(LIMIT + 0x150, memory="1"))
    assert [frame.bytes for frame in walk.frames] == [None, 0x40, 0x100]
    assert [frame.frame_ptr for frame in walk.frames] == [LIMIT + 0x10, LIMIT + 0x50, LIMIT + 0x150]
    assert [frame.return_slot for frame in walk.frames] == [LIMIT + 0x14, LIMIT + 0x54, LIMIT + 0x154]
    assert {frame.source for frame in walk.frames} == {Source.KF}
    assert walk.bytes == 0x140
    assert walk.stop == "the debugger found no older frame"


def test_what_runs_in_a_frame_is_the_newer_frames_return_address() -> None:
    walk = read(row(LIMIT + 0x10, 0x80801060) + row(LIMIT + 0x50, 0x808010A0))
    assert [frame.instruction for frame in walk.frames] == [0x80801020, 0x80801060]


def test_rows_off_the_stack_are_left_out_of_the_sums_and_kept() -> None:
    for off in (BASE, BASE - 4, LIMIT - 4, 0xC0000000):
        walk = read(row(LIMIT + 0x10) + row(LIMIT + 0x50) + row(off) + row(off))
        assert len(walk.frames) == 2
        assert [rest.frame_ptr for rest in walk.rest] == [off, off]
        assert walk.stop == "it leaves the stack"


@pytest.mark.parametrize("off", [BASE, BASE - 4, LIMIT - 4, 0xC0000000])
def test_rows_that_a_files_name_planted_do_not_end_the_walk(off: int) -> None:
    walk = read(row(LIMIT + 0x10) + row(LIMIT + 0x50) + row(off) * 3 + row(LIMIT + 0x90) + row(LIMIT + 0xD0))
    assert [frame.frame_ptr for frame in walk.frames] == [LIMIT + at for at in (0x10, 0x50, 0x90, 0xD0)]
    assert [frame.bytes for frame in walk.frames] == [None, 0x40, 0x40, 0x40]
    assert walk.unparsed == (row(off).rstrip("\n"),) * 3
    assert walk.rest == ()


def test_the_last_pair_on_the_stack_counts() -> None:
    walk = read(row(LIMIT + 0x10) + row(BASE - 8))
    assert [frame.bytes for frame in walk.frames] == [None, BASE - LIMIT - 0x18]


def test_a_walk_that_turns_back_ends_there() -> None:
    walk = read(row(LIMIT + 0x10) + row(LIMIT + 0x90) + row(LIMIT + 0x50) + row(LIMIT + 0x100))
    assert len(walk.frames) == 2
    assert len(walk.rest) == 2
    assert walk.stop == "it turns back towards Limit"


def test_a_walk_that_reaches_user_mode_says_so() -> None:
    walk = read(row(LIMIT + 0x10) + row(0x0335E534, 0, "0x7c8285ec"))
    assert (len(walk.frames), len(walk.rest), walk.stop) == (1, 1, "it reaches user mode")


def test_a_row_of_no_bytes_is_a_frame() -> None:
    walk = read(row(LIMIT + 0x10) + row(LIMIT + 0x90) + row(LIMIT + 0x90, memory="0"))
    assert [frame.bytes for frame in walk.frames] == [None, 0x80, 0]


def test_inline_rows_are_no_frames() -> None:
    inline = "          (Inline) -------- nt!Inlined+0x5\n"
    walk = read(row(LIMIT + 0x10) + inline + row(LIMIT + 0x50))
    assert [frame.bytes for frame in walk.frames] == [None, 0x40]
    assert walk.unparsed == ()


def test_a_line_that_cannot_be_read_is_kept() -> None:
    walk = read(row(LIMIT + 0x10) + "something new from the debugger\n" + row(LIMIT + 0x50))
    assert len(walk.frames) == 2
    assert walk.unparsed == ("something new from the debugger",)


def test_no_row_is_said_so() -> None:
    walk = read("")
    assert (walk.frames, walk.stop) == ((), "the debugger printed no frame")


def test_trust_tells_linked_called_plain_unread_and_none() -> None:
    scene = machine()
    hog = scene.hog
    scene.target.forget(0xB9580000, 0xB9584000)
    stack = Stack(LIMIT, BASE).word(0, scene.nt_ring[-1], 0, scene.bridge, 0, scene.bridge + 1, 0, hog.start + 0x1200)
    stack.word(0, 0x12345678, 0, scene.nt_ring[3], 0, scene.bridge)
    known = [scene.nt_ring[-1], scene.bridge, scene.bridge + 1, hog.start + 0x1200]
    backs = [*known, 0x12345678, scene.nt_ring[4], scene.bridge]
    rows = "".join(row(LIMIT + 8 * number, back) for number, back in enumerate(backs))
    walk = read(rows, stack, scene)
    assert trusts(walk) == [Trust.LINKED, Trust.CALL, Trust.PLAIN, Trust.UNREAD, Trust.NONE, Trust.NONE, Trust.CALL]


def test_a_call_of_another_function_is_a_call_but_no_link() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE).word(0, scene.nt_ring[5])
    assert trusts(read(row(LIMIT, scene.nt_ring[5]), stack, scene)) == [Trust.CALL]


def test_trap_frames_are_told_by_the_eip_they_return_to() -> None:
    scene = machine()
    interrupted = scene.hog_ring[3] + 9
    at = LIMIT + 0x40  # the trap frame, behind the trap row's ChildEBP
    stack = Stack(LIMIT, BASE).go(at).word(LIMIT + 0x200, interrupted, TRAP_MARK)
    stack.go(at + 0x68).word(interrupted, 8, 0x202)
    for frame_ptr in (at - 8, at - 0x20):
        (frame,) = read(row(frame_ptr, interrupted), stack, scene).frames
        assert (frame.trust, frame.return_slot) == (Trust.TRAP, at + 0x68)
        assert trusts(read(row(frame_ptr, interrupted + 2), stack, scene)) != [Trust.TRAP]
    assert trusts(read(row(at - 0x64, interrupted), stack, scene)) != [Trust.TRAP]


def test_an_unaligned_frame_earns_no_trust() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE).word(0, scene.bridge)
    assert trusts(read(row(LIMIT + 2, scene.bridge), stack, scene)) == [Trust.NONE]


def test_proven_bytes_are_those_of_calls_and_traps() -> None:
    scene = machine()
    backs = scene.bridge, scene.bridge, scene.bridge + 1
    walk = read("".join(row(LIMIT + 0x40 * number, back) for number, back in enumerate(backs)), None, scene)
    assert (walk.bytes, walk.proven_bytes) == (0x80, 0x40)


def test_rows_at_the_end_that_nothing_in_the_stack_bears_out_are_left_out() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE).word(0, scene.bridge).skip(0x38).word(0, scene.bridge)
    rows = row(LIMIT, scene.bridge) + row(LIMIT + 0x40, scene.bridge) + row(LIMIT + 0x80, 7) + row(LIMIT + 0xC0, 7)
    walk = read(rows, stack, scene)
    assert (len(walk.frames), len(walk.rest)) == (2, 2)
    assert walk.stop == "no return address in the stack bears out the rows that follow"


def chosen(scene: Machine, stack: Stack) -> Tuple[List[int], List[int]]:
    """The stack pointers of the walks tried, and of those kept."""
    scene.target.put(stack.limit, stack.image())
    evidence = evidence_of(scene.target, stack)
    choice = choose(scene.target, frame_reader(evidence), evidence.image, evidence.candidates)
    assert choice is not None
    return [walk.triple.stack_ptr for walk in choice.tried], [walk.triple.stack_ptr for walk in choice.segments]


def test_one_walk_is_enough_when_it_proves_the_stack() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE)
    draw_chain(stack, [*range(LIMIT, BASE - 8, 0x100)], newest_first(scene.hog_ring, 48))
    assert chosen(scene, stack) == ([LIMIT], [LIMIT])
    assert len(scene.target.commands()) == 1


def test_when_the_best_start_stops_early_the_next_ones_are_tried_and_the_most_proven_walk_wins() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE)
    draw_chain(stack, [LIMIT + 8 * number for number in range(40)], newest_first(scene.hog_ring, 40))
    draw_chain(stack, [*range(LIMIT + 0x400, BASE - 0x100, 0x400)], newest_first(scene.nt_ring, 11))
    assert chosen(scene, stack) == ([LIMIT, LIMIT + 0x400], [LIMIT + 0x400])


def test_only_few_walks_are_tried() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE)
    for start in range(LIMIT, LIMIT + 0x800, 0x100):
        draw_chain(stack, [start, start + 0x40, start + 0x80], newest_first(scene.hog_ring, 3))
    tried, kept = chosen(scene, stack)
    assert len(tried) == len(scene.target.commands()) == TRIES
    assert kept[0] == LIMIT


def test_the_walks_worth_is_measured_from_its_own_start() -> None:
    assert 0 < SETTLED <= 1
    scene = machine()
    stack = Stack(LIMIT, BASE)
    draw_chain(stack, [*range(LIMIT + 0x2000, BASE - 8, 0x80)], newest_first(scene.hog_ring, 32))
    assert len(chosen(scene, stack)[0]) == 1


def test_a_stack_without_chains_has_nothing_to_report() -> None:
    scene = machine()
    stack = Stack(LIMIT, BASE).word(*range(1, 100))
    scene.target.put(LIMIT, stack.image())
    with pytest.raises(NothingFound, match="no return address and no chain"):
        report_of(scene.target, Request(LIMIT, BASE))


def test_a_triple_given_by_hand_is_walked_even_when_it_is_no_candidate() -> None:
    scene = machine()
    usual_stack(scene)
    report = report_of(scene.target, triple=Triple(LIMIT + 0x280, LIMIT + 0x180, scene.hog_ring[0]))
    assert report.start is not None
    assert report.start.candidate is None
    assert report.start.command == f"kf={LIMIT + 0x280:08x} {LIMIT + 0x180:08x} {scene.hog_ring[0]:08x} 0x200"
    assert report.frames[0].instruction == scene.hog_ring[0]


def test_a_triple_that_leads_off_the_stack_is_refused() -> None:
    scene = machine()
    usual_stack(scene)
    with pytest.raises(BadInput, match="no frame on this stack from that triple"):
        report_of(scene.target, triple=Triple(0x1000, 0x1000, 0x1000))


def test_a_region_is_half_open() -> None:
    region = Region(LIMIT, BASE, None, "")
    assert LIMIT in region
    assert BASE not in region
