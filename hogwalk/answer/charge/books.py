"""The books of a stack: frames and gaps that add up to Base minus Limit, always."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.model import Frame, Region
from hogwalk.walk.facts.gaps import Gap

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
    return symbol.start if symbol.name else f"{symbol.module} (no symbol)"


def shares(frames: Sequence[Frame], owner: Callable[[Frame], str]) -> Tuple[Share, ...]:
    """The bytes, frames and largest frame of each owner, most bytes first, ties by name.

    The function that runs counts where any of its bytes are known.
    """
    held: Dict[str, List[Frame]] = {}
    for frame in frames:
        if frame.running and frame.bytes is None:
            continue
        held.setdefault(owner(frame), []).append(frame)
    found = [_share(name, owned) for name, owned in held.items()]
    return tuple(sorted(found, key=lambda share: (-share.bytes, share.name)))


def _share(name: str, frames: Sequence[Frame]) -> Share:
    sized = [frame for frame in frames if frame.bytes is not None]
    largest = max(sized, key=lambda frame: frame.bytes or 0) if sized else None
    return Share(name, sum(frame.bytes or 0 for frame in sized), len(frames), largest)


def imbalance(region: Region, frames: Sequence[Frame], found: Sequence[Gap]) -> int:
    """Bytes by which frames and gaps together miss Base minus Limit; 0 for sound books."""
    return region.size - sum(frame.bytes or 0 for frame in frames) - sum(gap.bytes for gap in found)
