"""Runs the debugger's `kf=` from the best candidates and keeps the walks that cover the most proven bytes.

One walk does for most stacks.  Where it ends early (an unreadable page, a function kf cannot get past), further
walks start behind its end; each kept walk is a segment, the bytes between two segments are a gap.  A walk from the
fault's own registers (x64) stays the only one where all code can be read: no other start is surer, and unwind data say
what lies behind its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Iterable, Iterator, List, Optional, Protocol, Sequence, Set, Tuple

from hogwalk.errors import NoDebugger
from hogwalk.model import About, Frame, Triple
from hogwalk.targets.parsers.kf import MOST_FRAMES, format_kf, parse_kf
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.frames import FrameReader, Walk
from hogwalk.walk.kf.rank import Candidate

TRIES = 4  # walks from the best candidates: more cost a live target more than they tell
MORE_TRIES = 2  # walks started behind the end of one that stopped early
SETTLED = 0.9  # share of the bytes it could reach that a walk must prove to end the search
WORTH = 0x400  # bytes left behind a walk that make another one worth while
BYTES_PER_FRAME = 24  # the smallest mean frame worth allowing for: 0x200 rows for 12 KB


class Asked(Protocol):
    """What of a target the debugger's walk takes, each as in Target."""

    def about(self) -> About:
        """What kind of target this is."""

    def command(self, text: str) -> str:
        """The debugger's answer to a command."""

    def shown_starts(self) -> Sequence[Triple]:
        """Triples whose answer the source holds already."""


@dataclass(frozen=True)
class Choice:
    """The walks that were tried, in order, and those of them that are used, newest first."""

    tried: Tuple[Walk, ...]
    segments: Tuple[Walk, ...]

    @property
    def frames(self) -> Tuple[Frame, ...]:
        """The frames of all segments, newest first."""
        return tuple(frame for walk in self.segments for frame in walk.frames)


def walk_from(target: Asked, frames: FrameReader, triple: Triple, count: int) -> Walk:
    """The debugger's own walk from a triple; raises NoDebugger or CommandFailed as the target does."""
    about = target.about()
    answer = target.command(format_kf(triple, count, about.words.typed))
    return frames.walk(triple, format_kf(triple, count), parse_kf(answer, about.pointer_bytes))


def choose(
    target: Asked, frames: FrameReader, image: StackImage, candidates: Sequence[Candidate], readable: bool = False
) -> Optional[Choice]:
    """Walks from the best candidates until one settles the matter, then behind its end; None without any frame.

    `readable` says that the code of all return addresses can be read.
    """
    tried: List[Walk] = []
    alone = False
    surest = next(iter(candidates), None)
    for triple in _first_ones(chain(target.shown_starts(), (candidate.triple for candidate in candidates))):
        walk = _walked(target, frames, triple, image, bool(tried))
        if walk is None:
            break
        tried.append(walk)
        known = surest is not None and surest.from_registers and surest.triple == triple
        alone = readable and bool(walk.frames) and known
        if alone or settles(walk, image):
            break
    best = max(tried, key=lambda walk: walk.proven_bytes, default=None)
    if best is None or not best.frames:
        return None
    segments = [best]
    for _ in range(0 if alone else MORE_TRIES):
        end = segments[-1].frames[-1].return_slot + image.machine.word
        further = _behind(target, frames, image, candidates, tried, end)
        if further is None:
            break
        segments.append(further)
    return Choice(tuple(tried), tuple(segments))


def _first_ones(triples: Iterable[Triple]) -> Iterator[Triple]:
    """The first TRIES different ones, and no look at any behind them."""
    seen: Set[Triple] = set()
    for triple in triples:
        if triple not in seen:
            seen.add(triple)
            yield triple
        if len(seen) == TRIES:
            return


def _behind(
    target: Asked,
    frames: FrameReader,
    image: StackImage,
    candidates: Sequence[Candidate],
    tried: List[Walk],
    end: int,
) -> Optional[Walk]:
    # The best walk that starts at or above `end`, one already tried if there is one.
    if image.region.base - end < WORTH:
        return None
    known = [walk for walk in tried if _lies_above(walk, end)]
    if not known:
        starts = [one.triple for one in candidates if one.triple.stack_ptr >= end and one.bytes]
        walk = _walked(target, frames, starts[0], image, True) if starts else None
        if walk is None:
            return None
        tried.append(walk)
        known = [walk for walk in tried[-1:] if _lies_above(walk, end)]
    best = max(known, key=lambda walk: walk.proven_bytes, default=None)
    return best if best is not None and best.proven_bytes else None


def _walked(
    target: Asked, frames: FrameReader, triple: Triple, image: StackImage, walked_before: bool
) -> Optional[Walk]:
    # A log can hold the answer for one triple and not for the next: then the walks so far must do.
    try:
        return walk_from(target, frames, triple, frame_count(image.region.size))
    except NoDebugger:
        if walked_before:
            return None
        raise


def _lies_above(walk: Walk, end: int) -> bool:
    # Asked of the printed rows too: a debugger may answer with other frames than those the triple names.
    return bool(walk.frames) and min(walk.triple.stack_ptr, walk.frames[0].return_slot) >= end


def frame_count(size: int) -> int:
    """How many rows to ask kf for on a stack of `size` bytes: enough for small frames, within the engine's limit."""
    return min(MOST_FRAMES, max(0x100, size // BYTES_PER_FRAME))


def settles(walk: Walk, image: StackImage) -> bool:
    """Whether a walk proves nearly all the bytes that it could reach from its start."""
    start = walk.triple.stack_ptr
    holes = [low for low, _ in image.holes if low > start]
    reach = min([*holes, image.region.base]) - start
    return reach > 0 and walk.proven_bytes >= SETTLED * reach
