"""kf's rows and hogwalk's own walk as one list, and what is said where they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

import pytest

from hogwalk.answer.render.compare import render_compare
from hogwalk.answer.report.document import Report
from hogwalk.model import About, Frame, Source, Symbol, Triple, Trust
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.merge.compare import LOST, NO_CODE, NO_EBP, Difference, compare, keeps_ebp
from hogwalk.walk.merge.stitch import stitch
from hogwalk.walk.rebuild import Rebuilt, rebuild
from tests.bench.scale import BASE, FRAME, Plain, stack_of
from tests.code.test_depth import code_reader

STACK = stack_of(8 << 10)
START = Triple(1, BASE - len(STACK), 3)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return gather(Plain(STACK), Request(BASE - len(STACK), BASE), lambda doing: None)


@pytest.fixture(scope="module")
def own(evidence: Evidence) -> Rebuilt:
    found = rebuild(evidence)
    assert len(found.frames) > 40
    return found


def rows(own: Rebuilt) -> List[Frame]:
    """The own walk as if kf had printed it; kf has no row for the return slot it starts at, nor bytes in its first."""
    printed = [replace(frame, source=Source.KF) for frame in own.frames[1:]]
    return [replace(printed[0], bytes=None), *printed[1:]]


def differences(kf: Sequence[Frame], own: Rebuilt, evidence: Evidence) -> List[Difference]:
    found = compare(kf, own, evidence.reader, evidence.judge.function_start)
    return [one for one in found if one.reason]


def test_where_both_agree_every_row_is_both(own: Rebuilt, evidence: Evidence) -> None:
    found = stitch(rows(own), START, own, evidence.image)
    assert [frame.source for frame in found.frames] == [Source.HOGWALK, *[Source.BOTH] * (len(own.frames) - 1)]
    assert [replace(frame, source=Source.HOGWALK) for frame in found.frames] == list(own.frames)
    assert {frame.bytes for frame in found.frames[1:]} == {FRAME}
    assert [one.reason for one in differences(rows(own), own, evidence)] == ["start: kf has no row"]


def test_frames_that_kf_skipped_are_hogwalks_own_and_keep_the_bytes_right(own: Rebuilt, evidence: Evidence) -> None:
    kf = rows(own)
    del kf[10:13]
    found = stitch(kf, START, own, evidence.image)
    assert [frame.source for frame in found.frames[10:15]] == [Source.BOTH, *[Source.HOGWALK] * 3, Source.BOTH]
    assert {frame.bytes for frame in found.frames[1:]} == {FRAME}
    assert [one.reason for one in differences(kf, own, evidence)[1:]] == [LOST] * 3


def test_a_row_that_only_kf_has_is_dropped_and_named(own: Rebuilt, evidence: Evidence) -> None:
    kf = rows(own)
    stale = replace(kf[5], return_slot=kf[5].return_slot + 8, frame_ptr=kf[5].return_slot + 4)
    kf.insert(6, stale)
    found = stitch(kf, START, own, evidence.image)
    assert found.dropped == (stale,)
    assert stale.return_slot not in {frame.return_slot for frame in found.frames}
    assert [one.reason for one in differences(kf, own, evidence)[1:]] == ["dead, or an argument"]


@pytest.mark.parametrize(
    ("trust", "reason"), [(Trust.NONE, "no code of a module"), (Trust.PLAIN, "no call ends there")]
)
def test_a_row_of_kf_that_cannot_be_one_says_why(own: Rebuilt, evidence: Evidence, trust: Trust, reason: str) -> None:
    kf = rows(own)
    kf.insert(6, replace(kf[5], return_slot=kf[5].return_slot + 8, trust=trust))
    assert [one.reason for one in differences(kf, own, evidence)[1:]] == [reason]


def test_what_runs_in_a_frame_and_its_bytes_are_not_kf_s_to_say(own: Rebuilt, evidence: Evidence) -> None:
    """Where kf skips a frame its next row takes its bytes, for the function kf thinks runs there."""
    kf = rows(own)
    wrong = replace(kf[13], bytes=4 * FRAME, instruction=kf[10].instruction, symbol=Symbol("other", "Thief", 4))
    kf[10:14] = [wrong]
    found = stitch(kf, START, own, evidence.image)
    assert [frame.symbol for frame in found.frames] == [frame.symbol for frame in own.frames]
    assert [frame.bytes for frame in found.frames] == [frame.bytes for frame in own.frames]


def test_proven_rows_of_kf_go_on_where_the_own_walk_ends_early(own: Rebuilt, evidence: Evidence) -> None:
    short = replace(own, frames=own.frames[:-30], probabilities=own.probabilities[:-30])
    kf = rows(own)
    unproven = replace(kf[-1], trust=Trust.NONE)
    found = stitch([*kf[:-1], unproven], START, short, evidence.image)
    assert [frame.return_slot for frame in found.frames[-29:]] == [frame.return_slot for frame in kf[-30:-1]]
    assert {frame.bytes for frame in found.frames[-29:]} == {FRAME}
    assert found.dropped == (unproven,)
    assert differences(kf, short, evidence)[-1].reason == "outside hogwalk's walk"
    near = replace(own, frames=own.frames[:-1], probabilities=own.probabilities[:-1])  # where a first frame lies
    assert stitch(kf, START, near, evidence.image).frames[-1].return_slot == near.frames[-1].return_slot


def test_proven_rows_of_kf_lead_up_to_a_start_that_nothing_tells(own: Rebuilt, evidence: Evidence) -> None:
    late = replace(own, frames=own.frames[4:], probabilities=own.probabilities[4:])
    found = stitch(rows(own), START, late, evidence.image)
    assert found.start == START
    assert [frame.return_slot for frame in found.frames] == [frame.return_slot for frame in own.frames[1:]]
    assert [frame.running for frame in found.frames[:5]] == [True, False, False, False, False]
    assert {frame.bytes for frame in found.frames[1:]} == {FRAME}
    first = own.frames[0]
    at_first = Triple(1, first.return_slot - 4, first.return_address)
    assert stitch(rows(own), at_first, late, evidence.image).frames[0].bytes == FRAME
    doubtful = [replace(rows(own)[0], trust=Trust.NONE), *rows(own)[1:]]
    assert stitch(doubtful, START, late, evidence.image).frames[0].return_slot == late.frames[0].return_slot


def test_without_kf_the_own_walk_stands_alone(own: Rebuilt, evidence: Evidence) -> None:
    found = stitch((), None, own, evidence.image)
    assert {frame.source for frame in found.frames} == {Source.HOGWALK}
    assert found.start.stack_ptr + 4 == own.frames[0].return_slot


@pytest.mark.parametrize(
    ("code", "keeps"),
    [("558bec83ec10", True), ("8bff558bec51", True), ("5589e583ec10", True), ("83ec1053565790", False)],
)
def test_a_prologue_tells_whether_a_function_keeps_ebp(code: str, keeps: bool) -> None:
    reader = code_reader(bytes.fromhex(code))
    assert keeps_ebp(reader, 0x401000) is keeps
    assert keeps_ebp(reader, 0x700000) is None


def test_the_screen_counts_what_kf_skipped_by_reason(own: Rebuilt) -> None:
    reasons = [NO_EBP, NO_EBP, NO_EBP, NO_CODE, LOST, ""]
    told = tuple(Difference(frame.return_slot, None, frame, 1.0, reason) for frame, reason in zip(own.frames, reasons))
    shown = "\n".join(render_compare(_Compared(told), False))
    assert "kf skipped 5 frames: 3 in functions that keep no EBP, 1 in code that cannot be read, 1" in shown
    assert "1 return slot in both walks, 5 in one of them only" in shown


class _Compared(Report):
    """A report of which only the comparison is looked at."""

    def __init__(self, comparison: Sequence[Difference]) -> None:
        object.__setattr__(self, "comparison", tuple(comparison))
        object.__setattr__(self, "dropped", ())
        object.__setattr__(self, "tried", (None,))
        object.__setattr__(self, "about", About("kernel dump", "x86", 4, 4096, None, ""))


def unread(own: Rebuilt, from_registers: bool) -> Rebuilt:
    """The own walk as if no code could be read."""
    frames = [replace(frame, trust=Trust.UNREAD) for frame in own.frames]
    frames[0] = replace(frames[0], running=True, bytes=FRAME if from_registers else None)
    return replace(own, frames=tuple(frames))


def test_without_code_kf_rows_stand_from_where_the_registers_lead(own: Rebuilt, evidence: Evidence) -> None:
    blind = unread(own, True)
    kf = [replace(frame, source=Source.KF, trust=Trust.UNREAD) for frame in own.frames[2:]]
    stale = replace(kf[0], return_slot=kf[0].return_slot - 8, frame_ptr=kf[0].return_slot - 12)
    found = stitch([stale, *kf], START, blind, evidence.image)
    assert [frame.return_slot for frame in found.frames] == [frame.return_slot for frame in own.frames]
    assert [frame.source for frame in found.frames[:4]] == [*[Source.HOGWALK] * 2, *[Source.BOTH] * 2]
    assert found.dropped == (stale,)
    assert {frame.bytes for frame in found.frames} == {FRAME}
    guessed = stitch([stale, *kf], START, unread(own, False), evidence.image)
    assert guessed.frames[0] == replace(stale, source=Source.KF)


def test_rows_of_another_stretch_do_not_stand_for_the_one_registers_lead_to(own: Rebuilt, evidence: Evidence) -> None:
    kf = [
        replace(frame, source=Source.KF, trust=Trust.UNREAD, return_slot=frame.return_slot + 8) for frame in own.frames
    ]
    assert stitch(kf, START, unread(own, True), evidence.image).frames == unread(own, True).frames
    assert {frame.source for frame in stitch(kf, START, unread(own, False), evidence.image).frames} == {Source.KF}
