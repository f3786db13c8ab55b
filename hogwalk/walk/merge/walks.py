"""All walks of one stack together: the debugger's, hogwalk's own, and the one list of frames made of them."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame, Trust
from hogwalk.walk.evidence import Evidence, Tell
from hogwalk.walk.kf.chain import chain_frames
from hogwalk.walk.kf.choose import Choice, settles
from hogwalk.walk.kf.frames import PROVEN, FrameReader
from hogwalk.walk.merge.compare import compare, keeps_ebp
from hogwalk.walk.merge.records import Walks
from hogwalk.walk.merge.stitch import blind, stitch
from hogwalk.walk.merge.unwound import both_unwound
from hogwalk.walk.rebuild import rebuild

__all__ = ["Walks", "beyond_doubt", "both", "debugger_only"]

FEWEST = 3  # frames in unreadable code that hang together by saved EBPs alone; fewer come up in random words


def debugger_only(choice: Choice) -> Walks:
    """The debugger's rows as they are, for a triple given by hand."""
    return Walks(choice.tried, choice.segments, None, choice.frames, choice.segments[0].triple)


def _chain(evidence: Evidence) -> Tuple[Frame, ...]:
    if not evidence.candidates:
        return ()
    reader = FrameReader(evidence.image, evidence.sites, evidence.judge)
    return chain_frames(evidence.image, reader, evidence.candidates[0].triple, evidence.symbols)


def _more_than_chance(frames: Sequence[Frame]) -> bool:
    """Whether frames that no debugger has seen too are more than a few words that look like return addresses."""
    return len(frames) >= FEWEST or any(frame.trust in PROVEN for frame in frames)


def beyond_doubt(evidence: Evidence, choice: Choice) -> bool:
    """Whether kf's one walk can have lost no frame, so that hogwalk's own could add nothing.

    It covers the stack, and at every frame either the call names the very function that runs, or that function keeps an
    EBP frame, so that its return address lies where kf found it.
    """
    if (
        evidence.image.machine is not X86
        or len(choice.segments) != 1
        or not settles(choice.segments[0], evidence.image)
    ):
        return False
    return all(_certain(evidence, frame) for frame in choice.frames)


def _certain(evidence: Evidence, frame: Frame) -> bool:
    if frame.trust in (Trust.LINKED, Trust.TRAP):
        return True
    start = evidence.judge.function_start(frame.instruction)
    return frame.trust is Trust.CALL and start is not None and keeps_ebp(evidence.reader, start) is True


def both(evidence: Evidence, choice: Optional[Choice], tell: Tell) -> Optional[Walks]:
    """The debugger's walk (if there is one) and hogwalk's own, stitched; None when neither has a frame."""
    if evidence.image.machine is not X86:
        return both_unwound(evidence, choice, tell)
    kf_frames = choice.frames if choice is not None else ()
    own = rebuild(evidence, kf_frames, tell)
    if not own.frames:
        return debugger_only(choice) if choice is not None else None
    if choice is None:
        chain = _chain(evidence)
        if blind(chain, own) and _more_than_chance(chain):
            return Walks((), (), None, chain, evidence.candidates[0].triple)
    kf_start = choice.segments[0].triple if choice is not None else None
    found = stitch(kf_frames, kf_start, own, evidence.image)
    if not found.frames or (choice is None and not _more_than_chance(found.frames)):
        return debugger_only(choice) if choice is not None else None
    return Walks(
        choice.tried if choice is not None else (),
        choice.segments if choice is not None else (),
        own,
        found.frames,
        found.start,
        compare(kf_frames, own, evidence.reader, evidence.judge.function_start),
        found.dropped,
    )
