"""The walks of one x64 stack together: unwind data decide which frames are live.

kf's rows are a witness in a log alone: elsewhere kf goes by the same unwind data, and where it has none it is lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.model import Frame, Source, Triple, Trust
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.kf.choose import Choice
from hogwalk.walk.kf.frames import PROVEN, Walk
from hogwalk.walk.merge.compare import Difference
from hogwalk.walk.merge.records import Walks
from hogwalk.walk.rebuild.walk import Rebuilt

FEWEST = 3  # frames of which none is proven: fewer come up in random words


def both_unwound(evidence: Evidence, choice: Optional[Choice], own: Rebuilt) -> Optional[Walks]:
    """The debugger's walk (if there is one) and the reconstruction; None when neither has a frame."""
    kf_frames = choice.frames if choice is not None else ()
    tried: Tuple[Walk, ...] = choice.tried if choice is not None else ()
    segments = choice.segments if choice is not None else ()
    if not own.frames or (len(own.frames) < FEWEST and all(frame.trust not in PROVEN for frame in own.frames)):
        if choice is None:
            return None
        return Walks(tried, segments, None, choice.frames, choice.segments[0].triple)
    rows = {row.return_slot: row for row in kf_frames}
    frames = [_shared(frame, rows) for frame in own.frames]
    first, word = own.frames[0], evidence.image.machine.word
    registers = evidence.registers
    if first.bytes is not None and registers is not None:
        start = Triple(None, registers.sp, registers.ip)
    else:
        start = Triple(None, first.return_slot + word, first.return_address)
        frames = frames[1:] if first.bytes is None and len(frames) > 1 else frames
    live = {frame.return_slot for frame in own.frames}
    dropped = tuple(row for row in kf_frames if row.return_slot not in live)
    return Walks(tried, segments, own, tuple(frames), start, _compared(kf_frames, own), dropped)


def _shared(frame: Frame, rows: Dict[int, Frame]) -> Frame:
    row = rows.get(frame.return_slot)
    if row is None:
        return frame
    symbol = row.symbol if row.symbol is not None and row.instruction == frame.instruction else frame.symbol
    return replace(frame, source=Source.BOTH, symbol=symbol)


def _compared(kf_frames: Sequence[Frame], own: Rebuilt) -> Tuple[Difference, ...]:
    """Every return slot that either walk names, lowest first; `reason` is "" where both agree."""
    rows = {row.return_slot: row for row in kf_frames}
    walked = {frame.return_slot: at for at, frame in enumerate(own.frames)}
    found: List[Difference] = []
    for slot in sorted(rows.keys() | walked.keys()):
        row, at = rows.get(slot), walked.get(slot)
        frame = own.frames[at] if at is not None else None
        reason = "" if row is not None and frame is not None else _reason(row, frame, rows)
        found.append(Difference(slot, row, frame, own.probabilities[at] if at is not None else None, reason))
    return tuple(found)


def _reason(row: Optional[Frame], frame: Optional[Frame], rows: Dict[int, Frame]) -> str:
    if frame is not None:
        if not rows or frame.return_slot < min(rows):
            return "newer than kf's start"
        return "kf's rows end before it" if frame.return_slot > max(rows) else "kf lost a newer one"
    if row is not None and row.trust is Trust.NONE:
        return "no code of a module"
    return "dead, or an argument"
