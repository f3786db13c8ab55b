"""All walks of one stack together: the debugger's, hogwalk's own, and the one list of frames made of them."""

from __future__ import annotations

from functools import partial
from typing import Callable, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame
from hogwalk.targets.protocol import Announce
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.chain import chain_frames
from hogwalk.walk.kf.choose import Choice
from hogwalk.walk.kf.frames import PROVEN, FrameReader
from hogwalk.walk.merge.compare import compare
from hogwalk.walk.merge.records import Walks
from hogwalk.walk.merge.stitch import mostly_unverified, stitch, with_start
from hogwalk.walk.rebuild import Rebuilt, begun

__all__ = ["Walks", "both", "debugger_only", "reconstruction"]

FEWEST = 3  # frames in unreadable code that hang together by saved EBPs alone; fewer come up in random words


def debugger_only(choice: Choice, image: StackImage) -> Walks:
    """The debugger's rows as they are, for a triple given by hand."""
    start = choice.segments[0].triple
    return Walks(choice.tried, choice.segments, None, tuple(with_start(choice.frames, start, image)), start)


def _chain(evidence: Evidence) -> Tuple[Frame, ...]:
    if not evidence.candidates:
        return ()
    reader = FrameReader(evidence.image, evidence.sites, evidence.judge, evidence.traps)
    return chain_frames(evidence.image, reader, evidence.candidates[0].triple, evidence.symbols)


def _more_than_chance(frames: Sequence[Frame]) -> bool:
    """Whether frames that no debugger has seen too are more than a few words that look like return addresses."""
    return len(frames) >= FEWEST or any(frame.trust in PROVEN for frame in frames)


def reconstruction(evidence: Evidence, rows: Sequence[Frame] = ()) -> Callable[[Announce], Rebuilt]:
    """hogwalk's own walk, begun: what is left to do reads hardly anything of the target.

    `rows` are those of the debugger's walk where they are a clue: in a log of an x64 machine.
    """
    if evidence.image.machine is X86:
        return begun(evidence)
    from hogwalk.walk import unwound  # here, for only x64 needs it

    return partial(unwound.rebuild, evidence, rows)


def both(evidence: Evidence, choice: Optional[Choice], own: Rebuilt) -> Optional[Walks]:
    """The debugger's walk (if there is one) and hogwalk's own, stitched; None when neither has a frame."""
    if evidence.image.machine is not X86:
        from hogwalk.walk.merge.unwound import both_unwound  # here, for only x64 needs it

        return both_unwound(evidence, choice, own)
    kf_frames = choice.frames if choice is not None else ()
    if not own.frames:
        return debugger_only(choice, evidence.image) if choice is not None else None
    if choice is None and not own.believed:
        chain = _chain(evidence)
        if mostly_unverified(chain, own) and _more_than_chance(chain):
            return Walks((), (), None, chain, evidence.candidates[0].triple)
    kf_start = choice.segments[0].triple if choice is not None else None
    found = stitch(kf_frames, kf_start, own, evidence.image, evidence.sites.bare)
    sized = [frame for frame in found.frames if not frame.running or frame.bytes is not None]
    if not own.believed and (not sized or (choice is None and not _more_than_chance(sized))):
        return debugger_only(choice, evidence.image) if choice is not None else None
    return Walks(
        choice.tried if choice is not None else (),
        choice.segments if choice is not None else (),
        own,
        found.frames,
        found.start,
        compare(kf_frames, own, evidence.reader, evidence.judge.function_start),
        found.dropped,
        mostly_unverified(kf_frames, own),
    )
