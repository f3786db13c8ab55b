"""All walks of one stack together: the debugger's, hogwalk's own, and the one list of frames made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from hogwalk.model import Frame, Triple, Trust
from hogwalk.walk.evidence import Evidence, Tell
from hogwalk.walk.kf.chain import chain_frames
from hogwalk.walk.kf.choose import Choice, settles
from hogwalk.walk.kf.frames import PROVEN, FrameReader, Walk
from hogwalk.walk.merge.compare import Difference, compare, keeps_ebp
from hogwalk.walk.merge.stitch import blind, stitch
from hogwalk.walk.rebuild import Rebuilt, rebuild

FEWEST = 3  # frames in unreadable code that hang together by saved EBPs alone; fewer come up in random words


@dataclass(frozen=True)
class Walks:
    """What the report is made of.

    `tried` and `segments` are the debugger's walks (none without a debugger), `own` hogwalk's (None where the user
    gave the triple, or nothing was found), `frames` the stitched list, newest first, from `start` on.
    """

    tried: Tuple[Walk, ...]
    segments: Tuple[Walk, ...]
    own: Optional[Rebuilt]
    frames: Tuple[Frame, ...]
    start: Triple
    comparison: Tuple[Difference, ...] = ()
    dropped: Tuple[Frame, ...] = ()


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
    if len(choice.segments) != 1 or not settles(choice.segments[0], evidence.image):
        return False
    return all(_certain(evidence, frame) for frame in choice.frames)


def _certain(evidence: Evidence, frame: Frame) -> bool:
    if frame.trust in (Trust.LINKED, Trust.TRAP):
        return True
    start = evidence.judge.function_start(frame.instruction)
    return frame.trust is Trust.CALL and start is not None and keeps_ebp(evidence.reader, start) is True


def both(evidence: Evidence, choice: Optional[Choice], tell: Tell) -> Optional[Walks]:
    """The debugger's walk (if there is one) and hogwalk's own, stitched; None when neither has a frame."""
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
