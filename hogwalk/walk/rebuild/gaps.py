"""The bytes of a stack that no frame of a walk holds, whether between frames or around them."""

from __future__ import annotations

from typing import Iterator, List, Sequence, Tuple

from hogwalk.model import ABOVE, BELOW, NOTHING, UNREADABLE, Frame, Gap, Region

CUT = "frames that run into a page that cannot be read"


def gaps_between(
    region: Region, frames: Sequence[Frame], holes: Sequence[Tuple[int, int]], word: int
) -> Tuple[Gap, ...]:
    """Everything in the region that the frames do not hold, lowest address first; pages that cannot be read apart.

    Together with the frames' bytes the gaps are Base minus Limit.
    """
    if not frames:
        return tuple(_cut(region.limit, region.base, NOTHING, holes))
    found: List[Gap] = []
    at, why = region.limit, ABOVE
    for frame in frames:
        end = frame.top(word)
        start = end if frame.bytes is None else end - frame.bytes
        found.extend(_cut(at, start, why, holes))
        at, why = end, CUT
    found.extend(_cut(at, region.base, BELOW, holes))
    return tuple(found)


def _cut(start: int, end: int, why: str, holes: Sequence[Tuple[int, int]]) -> Iterator[Gap]:
    for low, high in holes:
        low, high = max(low, start), min(high, end)
        if low < high:
            if start < low:
                yield Gap(start, low, why)
            yield Gap(low, high, UNREADABLE)
            start = high
    if start < end:
        yield Gap(start, end, why)
