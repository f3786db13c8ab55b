"""The books of a stack: frames and gaps that add up to Base minus Limit, always."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import ABOVE, BELOW, BETWEEN, NOTHING, UNREADABLE, Frame, Gap, Region

NO_MODULE = "(no module)"


@dataclass(frozen=True)
class Share:
    """What one owner (a function, a module, a product) holds: bytes, frames, and its largest frame."""

    name: str
    bytes: int
    frames: int
    largest: Optional[Frame]


def module_of(frame: Frame) -> str:
    """The module a frame's bytes are charged to (x86: that of the row's own function)."""
    return (frame.symbol.module if frame.symbol is not None else "") or NO_MODULE


def function_of(frame: Frame) -> str:
    """The function a frame's bytes are charged to; without a symbol only its module is known."""
    if frame.symbol is None:
        return NO_MODULE
    symbol = frame.symbol
    return replace(symbol, displacement=0).text() if symbol.name else f"{symbol.module} (no symbol)"


def shares(frames: Sequence[Frame], owner: Callable[[Frame], str]) -> Tuple[Share, ...]:
    """The bytes, frames and largest frame of each owner, most bytes first, ties by name."""
    held: Dict[str, List[Frame]] = {}
    for frame in frames:
        held.setdefault(owner(frame), []).append(frame)
    found = [_share(name, owned) for name, owned in held.items()]
    return tuple(sorted(found, key=lambda share: (-share.bytes, share.name)))


def _share(name: str, frames: Sequence[Frame]) -> Share:
    sized = [frame for frame in frames if frame.bytes is not None]
    largest = max(sized, key=lambda frame: frame.bytes or 0) if sized else None
    return Share(name, sum(frame.bytes or 0 for frame in sized), len(frames), largest)


def gaps(
    region: Region, frames: Sequence[Frame], holes: Sequence[Tuple[int, int]], word: int = X86.word
) -> Tuple[Gap, ...]:
    """What no frame accounts for, lowest address first; unreadable pages outside the frames are told apart.

    A frame holds the bytes from just behind the newer frame's return address to the end of its own; one without
    bytes begins a walk, one behind an unreadable page holds less, and what is left between is a gap.
    """
    if not frames:
        return tuple(_cut(region.limit, region.base, NOTHING, holes))
    found: List[Gap] = []
    end = region.limit
    for frame in frames:
        here = min(frame.top(word), region.base)
        found.extend(_cut(end, here - (frame.bytes or 0), ABOVE if frame is frames[0] else BETWEEN, holes))
        end = here
    return (*found, *_cut(end, region.base, BELOW, holes))


def _cut(start: int, end: int, why: str, holes: Sequence[Tuple[int, int]]) -> List[Gap]:
    found: List[Gap] = []
    for low, high in holes:
        low, high = max(low, start), min(high, end)
        if low >= high:
            continue
        if start < low:
            found.append(Gap(start, low, why))
        found.append(Gap(low, high, UNREADABLE))
        start = high
    if start < end:
        found.append(Gap(start, end, why))
    return found


def imbalance(region: Region, frames: Sequence[Frame], found: Sequence[Gap]) -> int:
    """Bytes by which frames and gaps together miss Base minus Limit; 0 for sound books."""
    return region.size - sum(frame.bytes or 0 for frame in frames) - sum(gap.bytes for gap in found)
