"""The books: whatever the stack, the rows and the holes, frames and gaps add up to Base minus Limit."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hogwalk.answer.charge.books import function_of, imbalance, module_of, shares
from hogwalk.answer.report.document import Report
from hogwalk.errors import BadInput, NothingFound
from hogwalk.model import Frame, Region, Triple
from hogwalk.targets.parsers.kf import parse_kf
from hogwalk.walk.evidence import Request
from hogwalk.walk.facts.gaps import ABOVE, BELOW, NOTHING, UNREADABLE, Gap, gaps
from tests.core.scenes import BASE, LIMIT, REGION, evidence_of, frame, frame_reader, machine, report_of, usual_stack
from tests.core.strategies import Parts, bear_out, holes, kf_rows, stack_parts, stack_words
from tests.drawn import KF_HEAD, Stack

SCENE = machine()
Holes = List[Tuple[int, int]]


def assert_sound(region: Region, frames: Sequence[Frame], found: Sequence[Gap]) -> None:
    """Gaps rise, do not overlap, stay inside, and with the frames add up to the whole."""
    assert imbalance(region, frames, found) == 0
    for gap in found:
        assert region.limit <= gap.start < gap.end <= region.base
    for one, other in zip(found, found[1:]):
        assert one.end <= other.start


def assert_balanced(report: Report) -> None:
    assert_sound(report.region, report.frames, report.gaps)
    size = report.region.size - sum(gap.bytes for gap in report.gaps)
    for owners in ([use.share for use in report.modules], [use.share for use in report.products], report.functions):
        assert sum(share.bytes for share in owners) == size == report.walked
        charged = [frame for frame in report.frames if not (frame.running and frame.bytes is None)]
        assert sum(share.frames for share in owners) == len(charged)


@given(rows=kf_rows(LIMIT, BASE), gone=holes(LIMIT, BASE))
@settings(max_examples=150, deadline=None)
def test_any_rows_balance(rows: List[str], gone: Holes) -> None:
    SCENE.target.put(LIMIT, bytes(BASE - LIMIT))
    bear_out(SCENE.target, LIMIT, BASE, rows)
    reader = frame_reader(evidence_of(SCENE.target, Stack(LIMIT, BASE)))
    walk = reader.walk(Triple(0, 0, 0), "", parse_kf("\n".join([KF_HEAD, *rows]), 4))
    assert_sound(REGION, walk.frames, gaps(REGION, walk.frames, gone))
    assert sum(share.bytes for share in shares(walk.frames, module_of)) == walk.bytes
    assert sum(share.bytes for share in shares(walk.frames, function_of)) == walk.bytes


@given(
    parts=stack_parts(LIMIT, BASE, SCENE),
    gone=holes(LIMIT, BASE),
    cut=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_stack_balances_through_the_whole_run(parts: Parts, gone: Holes, cut: Tuple[int, int]) -> None:
    SCENE.target.put_words(LIMIT, *stack_words(parts, LIMIT, BASE))
    for start, end in gone:
        SCENE.target.forget(start, end)
    wanted = Request(LIMIT + 4 * cut[0], BASE - 4 * cut[1])
    try:
        report = report_of(SCENE.target, wanted)
    except (NothingFound, BadInput):
        return
    assert_balanced(report)


@given(rows=kf_rows(LIMIT, BASE), further=kf_rows(LIMIT + 0x1000, BASE), gone=holes(LIMIT, BASE))
@settings(max_examples=150, deadline=None)
def test_any_debugger_balances_through_the_whole_run(rows: List[str], further: List[str], gone: Holes) -> None:
    scene = machine()
    usual_stack(scene, frames=44)
    for answer in (rows, further):
        bear_out(scene.target, LIMIT, BASE, answer)
    scene.target.walker = lambda *asked: "\n".join([KF_HEAD, *(rows if len(scene.target.commands()) == 1 else further)])
    for start, end in gone:
        scene.target.forget(start, end)
    try:
        report = report_of(scene.target)
    except (NothingFound, BadInput):
        return
    assert_balanced(report)


def test_a_frame_holds_what_lies_behind_the_newer_return_address() -> None:
    frames = [frame("a", "f", None, LIMIT + 0x14), frame("b", "g", 0x40, LIMIT + 0x54)]
    found = gaps(REGION, frames, ())
    assert found == (Gap(LIMIT, LIMIT + 0x18, ABOVE), Gap(LIMIT + 0x58, BASE, BELOW))


def test_unreadable_pages_outside_the_frames_are_told_apart() -> None:
    frames = [frame("a", "f", None, LIMIT + 0x1014), frame("b", "g", 0x40, LIMIT + 0x1054)]
    gone = ((LIMIT, LIMIT + 0x1000), (LIMIT + 0x2000, BASE))
    assert gaps(REGION, frames, gone) == (
        Gap(LIMIT, LIMIT + 0x1000, UNREADABLE),
        Gap(LIMIT + 0x1000, LIMIT + 0x1018, ABOVE),
        Gap(LIMIT + 0x1058, LIMIT + 0x2000, BELOW),
        Gap(LIMIT + 0x2000, BASE, UNREADABLE),
    )


def test_without_frames_all_is_one_gap() -> None:
    assert gaps(REGION, (), ()) == (Gap(LIMIT, BASE, NOTHING),)


def test_two_walks_leave_a_gap_between_them() -> None:
    frames = [
        frame("a", "f", None, LIMIT + 0x14),
        frame("b", "g", 0x40, LIMIT + 0x54),
        frame("c", "h", None, LIMIT + 0x104),
        frame("d", "i", 0x10, LIMIT + 0x114),
    ]
    found = gaps(REGION, frames, ())
    assert [(gap.start - LIMIT, gap.end - LIMIT) for gap in found] == [(0, 0x18), (0x58, 0x108), (0x118, 0x3000)]
    assert_sound(REGION, frames, found)


def test_a_chain_broken_by_an_unreadable_page_is_walked_on_behind_it() -> None:
    scene = machine()
    usual_stack(scene, frames=44)
    scene.target.forget(LIMIT + 0x1000, LIMIT + 0x2000)
    report = report_of(scene.target)
    assert_balanced(report)
    assert any(gap.why == UNREADABLE for gap in report.gaps)
    assert max(found.return_slot for found in report.frames) >= LIMIT + 0x2000
    assert min(found.return_slot for found in report.frames) < LIMIT + 0x1000


def test_shares_are_sorted_by_bytes_then_name_and_name_the_largest_frame() -> None:
    frames = [frame("b", "f", None), frame("b", "f", 8), frame("a", "g", 8), frame("c", "", 64), frame("", "", 4)]
    found = shares(frames, module_of)
    assert [(share.name, share.bytes, share.frames) for share in found] == [
        ("c", 64, 1),
        ("a", 8, 1),
        ("b", 8, 2),
        ("(no module)", 4, 1),
    ]
    assert found[2].largest is frames[1]
    assert [share.name for share in shares(frames, function_of)] == ["c (no symbol)", "a!g", "b!f", "(no module)"]


def test_a_lone_first_frame_has_no_largest() -> None:
    (share,) = shares([frame("b", "f", None)], module_of)
    assert (share.bytes, share.frames, share.largest) == (0, 1, None)
