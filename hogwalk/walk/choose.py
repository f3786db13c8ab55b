"""Runs the debugger's `kf=` from the best candidates and keeps the walk that covers the most proven bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from hogwalk.candidates.rank import Candidate
from hogwalk.model import Region, Triple
from hogwalk.parsers.kf import MOST_FRAMES, format_kf, parse_kf
from hogwalk.target.protocol import Target
from hogwalk.walk.frames import FrameReader, Walk

TRIES = 4  # more walks than this cost a live target more than they tell
SETTLED = 0.9  # share of the bytes above the start that a walk must prove to end the search
BYTES_PER_FRAME = 24  # the smallest mean frame worth allowing for: 0x200 rows for 12 KB


@dataclass(frozen=True)
class Choice:
    """The walks that were tried, in order, and the index of the one that is used."""

    walks: Tuple[Walk, ...]
    chosen: int

    @property
    def walk(self) -> Walk:
        """The walk that is used."""
        return self.walks[self.chosen]


def walk_from(target: Target, frames: FrameReader, triple: Triple, count: int) -> Walk:
    """The debugger's own walk from a triple; raises NoDebugger or CommandFailed as the target does."""
    command = format_kf(triple, count)
    return frames.walk(triple, command, parse_kf(target.command(command), target.about().pointer_bytes))


def choose(target: Target, frames: FrameReader, region: Region, candidates: Sequence[Candidate]) -> Optional[Choice]:
    """Walks from the best candidates until one settles the matter; None without candidates."""
    walks: List[Walk] = []
    for candidate in candidates[:TRIES]:
        walk = walk_from(target, frames, candidate.triple, frame_count(region))
        walks.append(walk)
        if _settles(walk, region):
            break
    if not walks:
        return None
    chosen = max(range(len(walks)), key=lambda index: (walks[index].proven_bytes, -index))
    return Choice(tuple(walks), chosen)


def frame_count(region: Region) -> int:
    """How many rows to ask kf for: enough for a stack of small frames, within the engine's limit."""
    return min(MOST_FRAMES, max(0x100, region.size // BYTES_PER_FRAME))


def _settles(walk: Walk, region: Region) -> bool:
    reach = region.base - walk.triple.stack_ptr
    return reach > 0 and walk.proven_bytes >= SETTLED * reach
