"""The frames of a stack table that a text shows, each row's bytes by the rule of its machine.

x86: ChildEBP is where the caller's EBP is saved, so a row's bytes are its ChildEBP minus the newer row's.  x64, ARM64:
Child-SP is the row's own stack pointer at its call, so its bytes are the older row's Child-SP minus its own.
"""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence, Tuple

from hogwalk.machine.words import Words
from hogwalk.model import Frame, PrintedRow, Source, Trust

Judge = Callable[[PrintedRow, int], Trust]  # of a row and its return slot


def printed_frames(rows: Sequence[PrintedRow], words: Words, trust: Judge) -> Tuple[Frame, ...]:
    """One frame for each row of one stack, newest first, none lost and none twice.

    `bytes` is None where the table cannot tell: for the first row of x86, the last of x64, next to missing rows.  A row
    that cannot be read has no symbol, so that its bytes are charged to nobody.
    """
    frames: List[Frame] = []
    for at, row in enumerate(rows):
        if row.frame_ptr is None:
            continue
        newer = rows[at - 1] if at else None
        older = rows[at + 1] if at + 1 < len(rows) else None
        size, slot = _size(row, newer, older, words), _slot(row, older, words)
        running, back = row.running or 0, row.return_address or 0
        frames.append(Frame(row.frame_ptr, slot, back, running, size, row.symbol, Source.KF, trust(row, slot)))
    return tuple(frames)


def _slot(row: PrintedRow, older: Optional[PrintedRow], words: Words) -> int:
    # Where it is not known (x64: the last row) the frame ends at its own start, for no byte of it is known either.
    start = row.frame_ptr or 0
    known = words.return_slot(start, None if older is None or older.lost else older.frame_ptr)
    return start - words.word if known is None else known


def _by_sp(words: Words) -> bool:
    return words.return_slot(0, None) is None


def _size(row: PrintedRow, newer: Optional[PrintedRow], older: Optional[PrintedRow], words: Words) -> Optional[int]:
    low, high, lost = (row, older, older is not None and older.lost) if _by_sp(words) else (newer, row, row.lost)
    if lost or low is None or high is None or low.frame_ptr is None or high.frame_ptr is None:
        return None
    return high.frame_ptr - low.frame_ptr
