"""Where the debugger's walk and hogwalk's own differ, row by row, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.machine.x86.opcodes import EBP_PROLOGUES, HOT_PATCH
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Frame, Trust
from hogwalk.walk.rebuild import Rebuilt

NO_EBP, NO_CODE, LOST = "keeps no EBP", "code cannot be read", "kf lost a newer one"
StartOf = Callable[[int], Optional[int]]


@dataclass(frozen=True)
class Difference:
    """One return slot in both walks: kf's row, the own frame with its probability (None where absent), the reason.

    The reason is a few words: all columns together are 100 wide.
    """

    return_slot: int
    kf: Optional[Frame]
    own: Optional[Frame]
    probability: Optional[float]
    reason: str


def compare(kf_frames: Sequence[Frame], own: Rebuilt, reader: CodeReader, start_of: StartOf) -> Tuple[Difference, ...]:
    """Every return slot that either walk names, lowest first; `reason` is "" where both agree."""
    rows: Dict[int, Frame] = {}
    for row in kf_frames:
        rows.setdefault(row.return_slot, row)
    walked = {frame.return_slot: at for at, frame in enumerate(own.frames)}
    found: List[Difference] = []
    for slot in sorted(rows.keys() | walked.keys()):
        at = walked.get(slot)
        kf = rows.get(slot)
        frame = own.frames[at] if at is not None else None
        reason = "" if kf is not None and frame is not None else _reason(kf, frame, rows, own, reader, start_of)
        found.append(Difference(slot, kf, frame, own.probabilities[at] if at is not None else None, reason))
    return tuple(found)


def _reason(
    kf: Optional[Frame],
    frame: Optional[Frame],
    rows: Dict[int, Frame],
    own: Rebuilt,
    reader: CodeReader,
    start_of: StartOf,
) -> str:
    if frame is not None:
        return _why_kf_lacks(frame, rows, own, reader, start_of)
    if kf is None:
        return ""
    if own.frames and not own.frames[0].return_slot <= kf.return_slot <= own.frames[-1].return_slot:
        return "outside hogwalk's walk"
    if kf.trust is Trust.NONE:
        return "no code of a module"
    if kf.trust is Trust.PLAIN:
        return "no call ends there"
    return "dead, or an argument"


def _why_kf_lacks(frame: Frame, rows: Dict[int, Frame], own: Rebuilt, reader: CodeReader, start_of: StartOf) -> str:
    if frame is own.frames[0]:
        return "start: kf has no row"
    if frame.trust is Trust.TRAP:
        return "kf: a trap row, 0 bytes"
    if not rows or frame.return_slot < min(rows):
        return "newer than kf's start"
    if frame.return_slot > max(rows):
        return "kf stopped before it"
    start = start_of(frame.instruction)
    keeps = keeps_ebp(reader, start if start is not None else frame.instruction)
    if keeps is None:
        return NO_CODE
    return NO_EBP if start is not None and not keeps else LOST


def keeps_ebp(reader: CodeReader, start: int) -> Optional[bool]:
    """Whether a function sets up an EBP frame at its very start; None where its code cannot be read."""
    code = reader.bytes_at(start, 5)
    if code is None:
        return None
    if code.startswith(HOT_PATCH):
        code = code[2:]
    return code.startswith(EBP_PROLOGUES)
