"""The points a chain earns: one named rule per fact, so that a score can always be explained.

The weights are ordinal choices, not measurements: a contradiction outweighs any one confirmation, a confirmed call
target outweighs a bare call, and every real frame adds something, so that longer chains win.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from operator import mul
from typing import NamedTuple, Tuple


class Fact(Enum):
    """What can be said of one frame of a chain: points per frame, and the words for many and for one."""

    CALLED = (4, "return addresses right after a call instruction", "return address right after a call instruction")
    LINKED = (
        4,
        "calls that target the very function the newer frame runs in",
        "call that targets the very function the newer frame runs in",
    )
    CONTRADICTED = (
        -9,
        "calls that target another function than the newer frame runs in",
        "call that targets another function than the newer frame runs in",
    )
    TRAP = (4, "trap frames or system-call entries in the chain", "trap frame or system-call entry in the chain")
    PLAIN = (-5, "code addresses without a call before them", "code address without a call before it")
    UNREAD = (1, "return addresses in code that cannot be read", "return address in code that cannot be read")
    STALE = (
        -30,
        "frames below the faulting ESP (dead since a call returned)",
        "frame below the faulting ESP (dead since a call returned)",
    )

    def __init__(self, points: int, many: str, one: str) -> None:
        self.points = points
        self.many, self.one = many, one
        self.at = len(type(self).__members__)  # its place among the facts, and so in a Tally


POINTS = [fact.points for fact in Fact]


class End(Enum):
    """Where a chain ends: points once per chain, and the words for it."""

    USER = (8, "ends where user mode entered the system")
    ZERO = (6, "ends at a zero saved EBP, as a thread's first frame has it")
    BASE = (4, "ends within 1 KB of Base")
    OPEN = (0, "ends inside the stack")

    def __init__(self, points: int, words: str) -> None:
        self.points = points
        self.words = words


class Tally(NamedTuple):
    """Facts counted along a chain, in the order of `Fact`."""

    called: int = 0
    linked: int = 0
    contradicted: int = 0
    trap: int = 0
    plain: int = 0
    unread: int = 0
    stale: int = 0

    def plus(self, *facts: Fact) -> Tally:
        """The tally with one more of each fact."""
        counts = list(self)
        for fact in facts:
            counts[fact.at] += 1
        return Tally(*counts)

    def points(self) -> int:
        """The points of all facts together."""
        return sum(map(mul, POINTS, self))


@dataclass(frozen=True)
class Finding:
    """One named reason for a score, with its points."""

    points: int
    words: str


def findings(tally: Tally, end: End, far: int) -> Tuple[Finding, ...]:
    """The reasons behind a chain's score; `far` is how many bytes above its expected place the chain starts."""
    found = [Finding(fact.points * count, _counted(fact, count)) for fact, count in zip(Fact, tally) if count]
    found.append(Finding(end.points, end.words))
    found.append(Finding(-distance_points(far), f"starts {far} bytes above the place where the newest frame must lie"))
    return tuple(found)


def _counted(fact: Fact, count: int) -> str:
    return f"{count} {fact.one if count == 1 else fact.many}"


def distance_points(far: int) -> int:
    """Points lost for starting `far` bytes above Limit (or above the faulting ESP): one per 64 bytes, at most 64."""
    return min(64, max(0, far) // 64)
