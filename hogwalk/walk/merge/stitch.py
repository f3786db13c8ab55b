"""Makes one list of frames of kf's rows and the reconstruction.

kf is a witness: the reconstruction's path decides which frames are live, what runs in them and whose their bytes are;
where kf skipped a frame, its next row would charge two frames' bytes to one function.  kf's proven rows go on where the
reconstruction ends, lead up to its first row where nothing tells at which slot to start, and stand in its place where
no code bears it out.  On x86 they are no clue to the path itself, which knows the saved EBPs and the code that kf goes
by: of 30 lab dumps of style gone, whose code is missing in part, it has .978 of the frames without them, .977 to .966
where they weigh 1 to 3 (natural logarithms).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Sequence, Tuple

from hogwalk.model import Frame, Source, Triple, Trust
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.frames import PROVEN
from hogwalk.walk.kf.rank import first_triple
from hogwalk.walk.rebuild import Rebuilt
from hogwalk.walk.rebuild.clues import Clue

MIN_VERIFIED_SHARE = 0.25  # share of the own frames that code bears out, below which it is mostly unverified
MIN_KF_SHARE = 0.8  # share of the own walk's frames that kf must have to stand instead


@dataclass(frozen=True)
class Stitched:
    """The frames of both walks, newest first, and the triple they start at.

    The first one's return slot is where the start's InstructionPtr lies, as with `kf=`, unless kf's rows lead.
    `dropped` are kf's rows that the own walk found dead or not to be frames at all.
    """

    frames: Tuple[Frame, ...]
    start: Triple
    dropped: Tuple[Frame, ...]


def stitch(
    kf_frames: Sequence[Frame],
    kf_start: Optional[Triple],
    own: Rebuilt,
    image: StackImage,
    bare: Callable[[int], bool] = lambda address: False,
) -> Stitched:
    """One list of frames; `own` must hold at least one frame; `bare` is as for first_triple."""
    word, slots = image.machine.word, {frame.return_slot for frame in kf_frames}
    if kf_start is not None and mostly_unverified(kf_frames, own):
        rows = _marked(kf_frames, own)
        return _stitched(rows, kf_frames, kf_start if _starts(kf_start, rows, word) else None, image, bare)
    frames = [replace(frame, source=Source.BOTH) if frame.return_slot in slots else frame for frame in own.frames]
    lead, first = _newer(kf_frames, own), frames[0]
    if lead:
        size, kf = first.return_slot - lead[-1].return_slot, _row_at(kf_frames, first.return_slot)
        frames[0] = replace(kf, bytes=size, source=Source.BOTH, running=False)
        lead = with_start(lead, kf_start, image)
    beyond = _beyond(kf_frames, frames[-1].return_slot) if _ends_early(own) else []
    if beyond:
        beyond[0] = replace(beyond[0], bytes=beyond[0].return_slot - frames[-1].return_slot)
    start = kf_start if lead or (kf_start is not None and _starts(kf_start, frames[:1], word)) else None
    return _stitched([*lead, *frames, *beyond], kf_frames, start, image, bare)


def _starts(triple: Triple, frames: Sequence[Frame], word: int) -> bool:
    """Whether a triple's InstructionPtr lies in the return slot of one of the frames."""
    return any(frame.return_slot in (triple.stack_ptr, triple.stack_ptr + word) for frame in frames)


def _stitched(
    merged: Sequence[Frame],
    kf_frames: Sequence[Frame],
    start: Optional[Triple],
    image: StackImage,
    bare: Callable[[int], bool],
) -> Stitched:
    """The list with the triple it starts at, that of the first frame where none is given."""
    kept = {frame.return_slot for frame in merged}
    dropped = tuple(frame for frame in kf_frames if frame.return_slot not in kept)
    if start is None:
        slot, address = merged[0].return_slot, merged[0].return_address
        saved = image.word(slot - image.machine.word) or 0
        start = first_triple(image.region, slot, saved, address, bare(address))
    return Stitched(tuple(merged), start, dropped)


def with_start(rows: Sequence[Frame], start: Optional[Triple], image: StackImage) -> List[Frame]:
    """kf's rows, the first marked as running, with what is known of its bytes: down to the start's InstructionPtr."""
    word, first = image.machine.word, rows[0]
    slots = (start.stack_ptr, start.stack_ptr + word) if start is not None else ()
    slot = next((one for one in slots if start is not None and image.word(one) == start.instruction_ptr), None)
    size = first.return_slot - slot if slot is not None and slot < first.return_slot else first.bytes
    return [replace(first, bytes=size, running=True), *rows[1:]]


def _marked(kf_frames: Sequence[Frame], own: Rebuilt) -> List[Frame]:
    """kf's rows, each saying whether the own walk has it too; where registers lead to the start, from there on.

    kf's start is a guess then that may lie within a frame, or the debugger's first row is the second frame, for its
    triple's BasePtr lies far above the StackPtr: up to the first row of both the own walk's rows stand.
    """
    slots, first = {frame.return_slot for frame in own.frames}, own.frames[0]
    rows = [replace(row, source=Source.BOTH if row.return_slot in slots else Source.KF) for row in kf_frames]
    shared = next((index for index, row in enumerate(rows) if row.source is Source.BOTH), None)
    if shared is None or (first.bytes is None and rows[0].return_slot != first.return_slot):
        return rows
    lead = [frame for frame in own.frames if frame.return_slot < rows[shared].return_slot]
    return [*lead, replace(own.frames[len(lead)], source=Source.BOTH), *rows[shared + 1 :]]


def mostly_unverified(kf_frames: Sequence[Frame], own: Rebuilt) -> bool:
    """Whether other rows stand in the own walk's place.

    Without code to read, it knows little more than kf, which has symbols' FPO data besides, or than a chain of saved
    EBPs: where these get about as far, their rows stand; but not those of another stretch than the one that the
    registers lead to, nor where no register leads and whole chains do: kf's start is one guess among them then.
    """
    if own.esp is not None:
        return False
    slots = {frame.return_slot for frame in kf_frames}
    if own.frames[0].bytes is not None and not any(frame.return_slot in slots for frame in own.frames):
        return False
    checked = sum(1 for frame in own.frames if frame.trust in PROVEN)
    if not kf_frames or checked >= MIN_VERIFIED_SHARE * len(own.frames):
        return False
    return sum(1 for frame in kf_frames if frame.trust is not Trust.NONE) >= MIN_KF_SHARE * len(own.frames)


def _ends_early(own: Rebuilt) -> bool:
    """Whether the reconstruction ends where no thread's first frame can be."""
    clued, last = own.weighed.clued, own.frames[-1].return_slot
    ends = [mask for node, mask in zip(clued.nodes, clued.ends) if node.slot == last]
    return not ends or bool(ends[0] & Clue.EARLY_END)


def _row_at(frames: Sequence[Frame], slot: int) -> Frame:
    return next(frame for frame in frames if frame.return_slot == slot)


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
