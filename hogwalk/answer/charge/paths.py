"""What a product's frames bring about: inclusive bytes in two exact senses, the price of a cycle, and what would fit.

All sums are of frames' bytes, in bytes; `frames` are newest first, as in a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.answer.charge.cycles import Cycle
from hogwalk.model import Frame

Owner = Callable[[Frame], str]  # the name of the product that a frame's bytes are charged to
NOTABLE, LARGE = 400, 1024  # bytes: a frame worth a look, and one that a 12 KB stack cannot bear often
SIZES = (12, 16, 24, 60)  # KB: x86, x86 with an extension, x64, a GUI thread of x86


@dataclass(frozen=True)
class Inclusive:
    """What one owner holds by itself and with what it called.

    `exclusive`: its own frames.  `on_path`: its oldest frame and every frame newer than that, whoever owns them.
    `caused`: its own frames and each frame of the system's whose nearest older frame of a third party is its own.
    """

    name: str
    exclusive: int
    on_path: int
    caused: int


@dataclass(frozen=True)
class Price:
    """What a cycle costs: frames and bytes of one turn, the turns that the stack holds, and those that would fit.

    `fit` counts the turns for which a stack of `size` bytes has room beside what is not of the cycle; None where the
    size is not known.
    """

    period: int
    turn: int
    turns: int
    fit: Optional[int]


@dataclass(frozen=True)
class WhatIf:
    """The path without `saved` bytes of `name`: what it needs, and what of the stack is left (below 0: too little)."""

    name: str
    saved: int
    needed: int
    left: int


def inclusive(frames: Sequence[Frame], owner: Owner, system: Callable[[str], bool]) -> Tuple[Inclusive, ...]:
    """The three sums of every owner, most own bytes first; `caused` of the system's owners is what nobody caused.

    Exact for the frames given: the exclusive sums and the `caused` sums each add up to the bytes of all frames.
    """
    exclusive: Dict[str, int] = {}
    on_path: Dict[str, int] = {}
    newer = 0
    for frame in frames:
        name = owner(frame)
        newer += frame.bytes or 0
        exclusive[name] = exclusive.get(name, 0) + (frame.bytes or 0)
        on_path[name] = newer
    caused = _caused(frames, owner, system)
    found = [Inclusive(name, held, on_path[name], caused.get(name, 0)) for name, held in exclusive.items()]
    return tuple(sorted(found, key=lambda one: (-one.exclusive, one.name)))


def _caused(frames: Sequence[Frame], owner: Owner, system: Callable[[str], bool]) -> Dict[str, int]:
    sums: Dict[str, int] = {}
    cause: Optional[str] = None
    for frame in reversed(frames):
        name = owner(frame)
        if not system(name):
            cause = name
        charged = cause if cause is not None else name
        sums[charged] = sums.get(charged, 0) + (frame.bytes or 0)
    return sums


def price(cycle: Cycle, size: Optional[int], used: int) -> Price:
    """The price of a cycle in a stack of `size` bytes (None: not known) of which the whole path used `used`."""
    turns = len(cycle.starts)
    turn = cycle.turn or (round(cycle.bytes / turns) if turns else 0)
    beside = max(0, used - cycle.bytes)
    fit = None if size is None else max(0, size - beside) // turn if turn else 0
    return Price(cycle.length, turn, turns, fit)


def what_if(name: str, saved: int, size: int, used: int) -> WhatIf:
    """The path of `used` bytes without `saved` of them, in a stack of `size` bytes.

    A lower bound of what would be saved where whole frames are left out: the calls they made would go too.
    """
    needed = max(0, used - saved)
    return WhatIf(name, saved, needed, size - needed)


def large_frames(frames: Sequence[Frame]) -> Tuple[List[Frame], List[Frame]]:
    """The frames of at least LARGE bytes, and those of NOTABLE up to that, largest first."""
    sized = sorted((frame for frame in frames if frame.bytes), key=lambda frame: -(frame.bytes or 0))
    large = [frame for frame in sized if (frame.bytes or 0) >= LARGE]
    return large, [frame for frame in sized if NOTABLE <= (frame.bytes or 0) < LARGE]


def reserves(used: int) -> Tuple[Tuple[int, int], ...]:
    """What is left of a stack of each of SIZES (KB) when the path uses `used` bytes; below 0: it does not fit."""
    return tuple((size, size * 1024 - used) for size in SIZES)
