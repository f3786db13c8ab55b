"""Stitches kf's rows and hogwalk's own walk into one list of frames.

The own walk has weighed kf's rows already, as one clue among many; so its path decides which frames are live.  kf's
rows stand for those it shares with the path (their names and columns are the debugger's own), its zero-byte rows of
trap frames for the trap frames on the path, and its proven rows go on where the own walk ends.  Where nothing tells
the own walk at which slot to start, kf's proven rows lead up to its first one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence, Set, Tuple

from hogwalk.model import Frame, Source, Triple, Trust
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.frames import PROVEN
from hogwalk.walk.rebuild import Rebuilt
from hogwalk.walk.rebuild.clues import Clue

SEEING = 0.25  # share of the own frames that code bears out, below which the own walk is blind
AS_FAR = 0.8  # share of the own walk's frames that kf must have to stand instead


@dataclass(frozen=True)
class Stitched:
    """The frames of both walks, newest first, and the triple they start at.

    The newest return slot found is not a row: it is where the start's InstructionPtr lies, as with `kf=`.
    `dropped` are kf's rows that the own walk found dead or not to be frames at all.
    """

    frames: Tuple[Frame, ...]
    start: Triple
    dropped: Tuple[Frame, ...]


def stitch(kf_frames: Sequence[Frame], kf_start: Optional[Triple], own: Rebuilt, image: StackImage) -> Stitched:
    """One list of frames; `own` must hold at least one frame."""
    if kf_start is not None and blind(kf_frames, own):
        return Stitched(_marked(kf_frames, own), kf_start, ())
    word = image.machine.word
    rows = _by_slot(kf_frames)
    merged = _newer(kf_frames, own)
    leading = bool(merged)
    for frame in own.frames:
        shared = rows.get(frame.return_slot)
        if shared is not None:
            merged.extend(replace(row, source=Source.BOTH) for row in shared)
        elif not (frame.trust is Trust.TRAP and _stood_for(frame, merged)):
            merged.append(frame)
    merged.extend(_beyond(kf_frames, own.frames[-1].return_slot))
    slots = {frame.return_slot for frame in merged}
    dropped = tuple(frame for frame in kf_frames if frame.return_slot not in slots)
    first = own.frames[0]
    start = kf_start
    if start is None or (not leading and start.stack_ptr + word != first.return_slot):
        start = Triple(image.word(first.frame_ptr or 0) or 0, first.return_slot - word, first.return_address)
    rest = merged[1:] if first.return_slot not in rows else merged
    return Stitched(tuple(_sized(rest, _gap_starts(own), word)), start, dropped)


def _marked(kf_frames: Sequence[Frame], own: Rebuilt) -> Tuple[Frame, ...]:
    slots = {frame.return_slot for frame in own.frames}
    return tuple(replace(row, source=Source.BOTH if row.return_slot in slots else Source.KF) for row in kf_frames)


def blind(kf_frames: Sequence[Frame], own: Rebuilt) -> bool:
    """Whether other rows stand in the own walk's place.

    Without code to read, it knows little more than kf, which has symbols' FPO data besides, or than a chain of saved
    EBPs: where these get about as far, their rows stand.
    """
    checked = sum(1 for frame in own.frames if frame.trust in PROVEN)
    if not kf_frames or checked >= SEEING * len(own.frames):
        return False
    return sum(1 for frame in kf_frames if frame.trust is not Trust.NONE) >= AS_FAR * len(own.frames)


def _by_slot(frames: Sequence[Frame]) -> Dict[int, List[Frame]]:
    # A trap frame's row repeats the ChildEBP of the row before it.
    rows: Dict[int, List[Frame]] = {}
    for frame in frames:
        rows.setdefault(frame.return_slot, []).append(frame)
    return rows


def _stood_for(frame: Frame, merged: Sequence[Frame]) -> bool:
    # Whether kf's zero-byte row for the same trap frame is in the list already.
    last = merged[-1] if merged else None
    return last is not None and last.trust is Trust.TRAP and last.return_address == frame.return_address


def _newer(kf_frames: Sequence[Frame], own: Rebuilt) -> List[Frame]:
    first, clued = own.frames[0].return_slot, own.weighed.clued
    free = all(mask & Clue.ANY_START for mask in clued.starts.values())
    if not free or all(frame.return_slot != first for frame in kf_frames):
        return []
    newer = [frame for frame in kf_frames if frame.return_slot < first]
    return newer if all(frame.trust in PROVEN for frame in newer) else []


def _beyond(frames: Sequence[Frame], last_slot: int) -> List[Frame]:
    older = [frame for frame in frames if frame.return_slot > last_slot]
    proven = [index for index, frame in enumerate(older) if frame.trust not in (Trust.NONE, Trust.PLAIN)]
    return older[: proven[-1] + 1] if proven else []


def _gap_starts(own: Rebuilt) -> Set[int]:
    return {gap.start for gap in own.gaps}


def _sized(frames: Sequence[Frame], gap_starts: Set[int], word: int) -> List[Frame]:
    # Bytes anew from the slots: each frame's distance to the newer one, none at a start and behind a gap.
    sized: List[Frame] = []
    newer: Optional[Frame] = None
    for frame in frames:
        behind_gap = newer is not None and newer.return_slot + word in gap_starts
        if newer is None:
            size: Optional[int] = None
        elif behind_gap and frame.return_slot != newer.return_slot:
            size = frame.bytes if frame.source is Source.HOGWALK else None
        else:
            size = frame.return_slot - newer.return_slot
        sized.append(replace(frame, bytes=size))
        newer = frame
    return sized
