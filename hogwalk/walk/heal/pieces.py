"""Healing on x64: no override exists there, so the debugger's kf is started anew wherever it was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from hogwalk.errors import NothingFound
from hogwalk.model import Frame, Triple
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.kf.choose import frame_count, walk_from
from hogwalk.walk.kf.frames import Walk
from hogwalk.walk.kf.frames64 import FrameReader64
from hogwalk.walk.merge.walks import Walks

MOST_PIECES = 32  # a stack that needs more is walked as well by hand


@dataclass(frozen=True)
class Pieces:
    """The debugger's walks, one per stretch between two losses, and the frames of the reconstruction.

    `before` are the rows of its best walk by itself.
    """

    before: Tuple[Frame, ...]
    walks: Tuple[Walk, ...]
    own: Tuple[Frame, ...]

    @property
    def frames(self) -> Tuple[Frame, ...]:
        """The debugger's rows of all pieces, newest first."""
        return tuple(frame for walk in self.walks for frame in walk.frames)


def pieces(target: Target, evidence: Evidence, walks: Walks) -> Pieces:
    """Walks from the start of the reconstruction and anew behind each loss.

    Raises NothingFound without a reconstruction, NoDebugger and CommandFailed as the target does.
    """
    own = walks.own.frames if walks.own is not None else ()
    if len(own) < 2:
        raise NothingFound("the reconstruction has no frames to lead the debugger along", "see `compare`")
    assert evidence.unwinding is not None
    reader = FrameReader64(evidence.image, evidence.sites, evidence.judge, evidence.traps, evidence.unwinding)
    count = frame_count(evidence.region.size)
    live = {frame.return_slot for frame in own}
    found: List[Walk] = []
    start: Optional[Triple] = walks.start
    while start is not None and len(found) < MOST_PIECES:
        walk = _agreed(walk_from(target, reader, start, count), live)
        if walk.frames:
            found.append(walk)
        reached = max([start.stack_ptr, *(frame.return_slot for frame in walk.frames)])
        start = _next(evidence, own, reached)
    before = tuple(frame for walk in walks.segments for frame in walk.frames)
    return Pieces(before, tuple(found), own)


def _agreed(walk: Walk, live: set[int]) -> Walk:
    """A walk up to its first row that the reconstruction does not have."""
    count = next((at for at, frame in enumerate(walk.frames) if frame.return_slot not in live), len(walk.frames))
    stop = walk.stop if count == len(walk.frames) else "the next row is no live frame"
    return Walk(walk.triple, walk.command, walk.frames[:count], (), walk.notes, walk.unparsed, stop)


def _next(evidence: Evidence, own: Sequence[Frame], reached: int) -> Optional[Triple]:
    """The start behind the newest frame that no walk has reached yet; None where only one is left."""
    left = [frame for frame in own if frame.return_slot > reached and frame.return_address]
    if len(left) < 2:
        return None
    return Triple(None, left[0].return_slot + evidence.image.machine.word, left[0].return_address)
