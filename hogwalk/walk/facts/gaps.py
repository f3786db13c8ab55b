"""The bytes of a stack that no frame of a walk holds, whether between frames or around them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Iterator, List, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame, Region, Registers

ABOVE = "above the first frame: calls newer than the walk's start, and stack never used"
USED_AFTER = "used after this context"
AFTER = "above this context: used after it, or never used"
BETWEEN = "between two walks: no frame could be found there"
CUT = "frames that run into a page that cannot be read"
BELOW = "below the last frame: what lies between it and Base"
UNREADABLE = "unreadable"
NOT_LOOKED_AT = "not looked at: too many words of this stack point into modules"
NOTHING = "no walk"
Holes = Sequence[Tuple[int, int]]


@dataclass(frozen=True)
class Gap:
    """Stack bytes [start, end) that belong to no frame, and why."""

    start: int
    end: int
    why: str

    @property
    def bytes(self) -> int:
        """Bytes in the gap."""
        return self.end - self.start


def gaps(region: Region, frames: Sequence[Frame], holes: Holes, word: int = X86.word) -> Tuple[Gap, ...]:
    """What no frame accounts for, lowest address first; pages that cannot be read apart.

    A frame holds the bytes that end right above its return address, `word` bytes large; one without bytes begins a
    walk, one past an unreadable page holds less, and what is left between is a gap.  Frames and gaps are Base minus
    Limit.
    """
    if not frames:
        return tuple(_cut(region.limit, region.base, NOTHING, holes))
    found: List[Gap] = []
    end = region.limit
    for frame in frames:
        here = min(frame.top(word), region.base)
        start = here - (frame.bytes or 0)
        why = ABOVE if frame is frames[0] else CUT if _touches(end, start, holes) else BETWEEN
        found.extend(_cut(end, start, why, holes))
        end = here
    return (*found, *_cut(end, region.base, BELOW, holes))


def after_context(found: Sequence[Gap], registers: Optional[Registers], newest: Optional[int]) -> Tuple[Gap, ...]:
    """The gaps with what lies above the walk's start told apart where that is not the newest context.

    `newest` is the lowest stack pointer known of the stack: from there up to the start's it went on being used.
    """
    if registers is None or (newest is None and not registers.chosen):
        return tuple(found)
    parts: List[Gap] = []
    for gap in found:
        if gap.why != ABOVE or gap.start >= registers.sp:
            parts.append(gap)
            continue
        edges = [gap.start, min(max(newest or gap.start, gap.start), gap.end), min(registers.sp, gap.end), gap.end]
        whys = (ABOVE, AFTER if newest is None else USED_AFTER, ABOVE)
        parts += [Gap(low, high, why) for low, high, why in zip(edges, edges[1:], whys) if low < high]
    return tuple(parts)


def cut_off(found: Sequence[Gap], cut: Holes) -> Tuple[Gap, ...]:
    """The gaps with those renamed that can be read, but are cut off from what is looked at."""
    return tuple(
        replace(gap, why=NOT_LOOKED_AT) if any(low <= gap.start < high for low, high in cut) else gap for gap in found
    )


def _near(start: int, end: int, holes: Holes) -> Holes:
    # Those that begin up to `end`, and the one that begins before `start`: they lie in order, none over another.
    first = bisect_left(holes, (start, start))
    return holes[max(0, first - 1) : bisect_left(holes, (end + 1, end + 1))]


def _touches(start: int, end: int, holes: Holes) -> bool:
    return any(low <= end and start <= high for low, high in _near(start, end, holes))


def _cut(start: int, end: int, why: str, holes: Holes) -> Iterator[Gap]:
    for low, high in _near(start, end, holes):
        low, high = max(low, start), min(high, end)
        if low < high:
            if start < low:
                yield Gap(start, low, why)
            yield Gap(low, high, UNREADABLE)
            start = high
    if start < end:
        yield Gap(start, end, why)
